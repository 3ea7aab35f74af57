"""The scan that runs behind the page, and those who watch it."""

import asyncio
import os
import queue
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

from affetto.errors import AffettoError, ScanRunningError
from affetto.library.catalogue import Catalogue
from affetto.library.scan import scan
from affetto.server.answers import Refusal, encoded
from affetto.sources.playlists import printable

Event = dict[str, Any]

IDLE: Event = {"stage": "idle"}
_UNDER_WAY = {"looking", "hearing"}
_HEARTBEAT_S = 15.0
_SETTLE_S = 0.2
_PATIENCE_S = 5.0


class Scanner:
    """Scans in a thread, one scan at a time, and tells all who listen.

    Parameters
    ----------
    open_catalogue : callable
    """

    def __init__(self, open_catalogue: Callable[[], Catalogue]) -> None:
        self._open = open_catalogue
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._last: Event | None = None
        self._listeners: set[queue.SimpleQueue[Event | None]] = set()
        self._is_closed = False

    @property
    def last(self) -> Event:
        """The last event; ``{"stage": "idle"}`` before the first."""
        return self._last or IDLE

    @property
    def has_begun(self) -> bool:
        """Whether there has been a scan since the server started."""
        return self._last is not None

    @property
    def is_running(self) -> bool:
        """Whether a scan of ours is under way."""
        return self._thread is not None and self._thread.is_alive()

    def start(self, *, retry_failed: bool = False, reanalyse: bool = False) -> None:
        """Begin a scan.

        Raises
        ------
        Refusal
            409 where one is under way.
        """
        with self._lock:
            if self._thread is not None and self.last["stage"] not in _UNDER_WAY:
                self._thread.join(_PATIENCE_S)  # it has told its end, and only tidies up
            if self.is_running or self._is_closed:
                raise Refusal(409, "a scan is under way already", "wait, or stop it")
            self._stop.clear()
            self._tell({"stage": "looking"})
            self._thread = threading.Thread(
                target=self._scan, args=(retry_failed, reanalyse), name="affetto scan", daemon=True
            )
            self._thread.start()

    def halt(self) -> None:
        """Ask the scan to stop; what was heard stays."""
        self._stop.set()

    def stop(self) -> None:
        """Stop for good, and send all listeners away."""
        with self._lock:
            self._is_closed = True
        self._stop.set()
        for listener in list(self._listeners):
            listener.put(None)
        if self._thread is not None:
            self._thread.join(_PATIENCE_S)  # what it committed is safe whenever it ends

    def _scan(self, retry_failed: bool, reanalyse: bool) -> None:
        try:
            with self._open() as catalogue:
                scan(
                    catalogue,
                    retry_failed=retry_failed,
                    reanalyse=reanalyse,
                    on_event=self._tell,
                    stop=self._stop,
                )
        except ScanRunningError as exc:
            self._tell({"stage": "busy", "error": str(exc)})
        except AffettoError as exc:
            self._tell({**self.last, "stage": "failed", "error": str(exc)})
        except BaseException:
            self._tell(
                {**self.last, "stage": "failed", "error": "the scan failed; the log says why"}
            )
            raise

    def _tell(self, event: Event) -> None:
        # Where music lies on the disk is nobody's business: the file's name tells enough.
        current = event.get("current")
        own = {} if current is None else {"current": printable(os.path.basename(current))}  # noqa: PTH119
        self._last = {**event, **own}
        for listener in list(self._listeners):
            listener.put(self._last)

    async def events(self) -> AsyncIterator[bytes]:
        """Give server-sent events: one now, then as they come, and a sign of life between."""
        listener: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._listeners.add(listener)
        try:
            yield _sse(self.last)
            quiet_s = 0.0
            while not self._is_closed:
                event, is_new = _newest(listener)
                if is_new and event is None:
                    return
                if event is not None:
                    yield _sse(event)
                    quiet_s = 0.0
                elif quiet_s >= _HEARTBEAT_S:
                    yield b": alive\n\n"
                    quiet_s = 0.0
                await asyncio.sleep(_SETTLE_S)
                quiet_s += _SETTLE_S
        finally:
            self._listeners.discard(listener)


def _newest(listener: "queue.SimpleQueue[Event | None]") -> tuple[Event | None, bool]:
    """Take what has come; of many events the newest says all. None among them is the end."""
    newest, is_new = None, False
    while True:
        try:
            newest = listener.get_nowait()
        except queue.Empty:
            return newest, is_new
        is_new = True
        if newest is None:
            return None, True


def _sse(event: Event) -> bytes:
    return b"data: " + encoded(event) + b"\n\n"
