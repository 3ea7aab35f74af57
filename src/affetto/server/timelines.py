"""Mood over time, heard when it is first asked for, and kept in the catalogue."""

import logging
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any

from affetto.errors import AffettoError
from affetto.library.catalogue import Catalogue
from affetto.server.answers import Refusal
from affetto.server.hearing import heard
from affetto.server.settings import Settings

_log = logging.getLogger("affetto.server")
_MOST_WAITING = 16
_MOST_REMEMBERED = 200


class Timelines:
    """Hears whole tracks, one at a time, for their windows.

    Parameters
    ----------
    open_catalogue : callable
    settings : Settings
    """

    def __init__(self, open_catalogue: Callable[[], Catalogue], settings: Settings) -> None:
        self._open, self._settings = open_catalogue, settings
        self._lock = threading.Lock()
        self._waiting: deque[tuple[int, str]] = deque()
        self._is_busy = False
        self._pending: set[int] = set()
        self._failed: OrderedDict[int, tuple[str, str]] = OrderedDict()

    def ask(self, track_id: int, path: str) -> None:
        """Have a track heard; comes back at once.

        Raises
        ------
        Refusal
            422 where it was tried and failed; 503 where too many wait.
        """
        with self._lock:
            failed_path, words = self._failed.get(track_id, ("", ""))
            if words and failed_path == path:
                raise Refusal(422, words)
            if track_id in self._pending:
                return
            if len(self._pending) >= _MOST_WAITING:
                raise Refusal(
                    503, "too many tracks wait already", "try again", {"retry-after": "5"}
                )
            self._pending.add(track_id)
            self._waiting.append((track_id, path))
            if not self._is_busy:
                # A daemon: an end of ours waits for no track.
                threading.Thread(target=self._work, name="affetto timeline", daemon=True).start()
                self._is_busy = True

    def stop(self) -> None:
        """Forget those that wait."""
        with self._lock:
            self._waiting.clear()

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._is_busy = False
                    return
                track_id, path = self._waiting.popleft()
            try:
                self._hear(track_id, path)
            except Exception:  # noqa: BLE001 - a bug costs this track alone
                _log.exception("no timeline of track %d", track_id)

    def _hear(self, track_id: int, path: str) -> None:
        words = "the track could not be heard"
        try:
            told: dict[str, Any] = heard(path, self._settings, timeline=True)
            with self._open() as catalogue:
                catalogue.put_timeline(track_id, told["timeline"])
            words = ""
        except Refusal as refusal:
            words = refusal.detail
        except AffettoError as exc:
            words = str(exc)
        finally:
            with self._lock:
                self._pending.discard(track_id)
                if words:
                    self._failed[track_id] = (path, words)
                    while len(self._failed) > _MOST_REMEMBERED:
                        self._failed.popitem(last=False)
