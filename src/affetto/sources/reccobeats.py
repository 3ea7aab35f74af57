"""ReccoBeats: audio features of recordings by their Spotify id or ISRC, or of a sent file.

References
----------
.. [1] ReccoBeats API: https://reccobeats.com/docs/apis/get-audio-features and
   https://reccobeats.com/docs/apis/extract-audio-features.
"""

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeVar

from affetto.errors import InputError, ServiceAnswerError, ServiceError
from affetto.features import BY_NAME, FEATURE_NAMES
from affetto.sources.cache import FEATURES_DAYS, MISS_DAYS, AnswerCache, Kept
from affetto.sources.contract import Closable, Listed, Progress, Told, silent
from affetto.sources.patience import Patience
from affetto.sources.together import asked_together
from affetto.sources.web import WebClient
from affetto.tracks import Track, looks_like_track_id, normalise_id, normalise_isrc

URL: Final = "https://api.reccobeats.com"
AT_A_TIME: Final = 40
"""Ids that one question may name."""
LARGEST_UPLOAD: Final = 5_000_000
"""Bytes of a file that is sent; the service allows 5 MB."""
UPLOAD_SUFFIXES: Final = (".mp3", ".ogg", ".wav", ".aiff", ".aif")

_TOLD: Final = tuple(name for name in FEATURE_NAMES if name != "duration_ms")
_FEATURES, _TRACK, _UPLOAD = "features", "track", "upload"  # kinds of kept answers
_PATHS = {_FEATURES: "v1/audio-features", _TRACK: "v1/track"}
_ISRC = "isrc:"
_WINDOW = 2_000  # tracks in memory at a time; a multiple of AT_A_TIME, so that batches are full

T = TypeVar("T")


class ReccoBeats(Closable):
    """A `FeatureSource` that needs no login; to be closed, or used in a ``with``.

    Parameters
    ----------
    cache : AnswerCache
    patience : Patience, optional
    url : str, optional
        Default: ``RECCOBEATS_URL`` of the environment, else the service itself.

    Raises
    ------
    UsageError
        If the address is none.
    """

    name = "reccobeats"

    def __init__(
        self, cache: AnswerCache, *, patience: Patience | None = None, url: str | None = None
    ):
        url = url or os.environ.get("RECCOBEATS_URL", "").strip() or URL
        self._cache = cache
        self._web = WebClient("ReccoBeats", url, patience=patience)

    def close(self) -> None:
        """Close all connections."""
        self._web.close()

    @property
    def n_requests(self) -> int:
        """How many questions were sent so far, those asked again included."""
        return self._web.n_requests

    def can_tell(self, listed: Listed) -> bool:
        """Whether a track has a Spotify id or an ISRC."""
        return bool(_keys(listed))

    def features(
        self, tracks: Sequence[Listed], progress: Progress = silent
    ) -> Iterator[tuple[int, Told]]:
        """Tell what is known of tracks: by Spotify id, then the rest by ISRC.

        Parameters
        ----------
        tracks : sequence of Listed
            Each one `can_tell` accepts. The length is asked for only where `features` of a
            track lacks it.
        progress : Progress

        Yields
        ------
        index : int
            Into `tracks`; kept answers come first.
        told : Told
            Without features where ReccoBeats does not know the track.

        Raises
        ------
        ServiceError
            On the way; what was yielded before stands, and all that was answered is kept.
        """
        for n_done, (index, told) in enumerate(self._told(tracks), start=1):
            progress(n_done, len(tracks))
            yield index, told

    def analyse(self, path: Path) -> Told:
        """Send a file, and tell what its first 30 s sound like.

        Parameters
        ----------
        path : Path
            An mp3, ogg, wav or aiff of at most 5 MB; `affetto.collecting.clips` makes one.

        Returns
        -------
        Told
            Up to nine features: without the length.

        Raises
        ------
        InputError
            If the file cannot be sent; nothing was sent then.
        ServiceError
        """
        digest = _checked_upload(path)
        kept = self._cache.get(self.name, _UPLOAD, digest)
        if kept is None:
            self._cache.must_ask(f"what ReccoBeats hears in {path}")
            answer = self._web.json(
                "v1/analysis/audio-features", method="POST", upload=("audioFile", path)
            )
            if not isinstance(answer, dict):
                raise ServiceAnswerError("ReccoBeats tells of the file that was sent no features")
            kept = Kept(_features_of(answer) or None)
            self._cache.put_many(
                self.name, _UPLOAD, {digest: kept.value}, days=FEATURES_DAYS, miss_days=MISS_DAYS
            )
        return Told(_features_of(kept.value))

    def _told(self, tracks: Sequence[Listed]) -> Iterator[tuple[int, Told]]:
        left: list[int] = []
        yield from self._remembered(tracks, left)
        for turn in range(2):  # by the first key of each, then the unknown by the second
            unknown: list[int] = []
            windows = deque(_parts(left, _WINDOW))
            try:
                while windows:
                    for index, told in self._ask(self._known(tracks, windows.popleft(), turn)):
                        if _is_last_word(told, tracks[index], turn):
                            yield index, told
                        else:
                            unknown.append(index)
            except ServiceError:
                for window in windows:  # features that are kept, only their lengths are not
                    known = self._known(tracks, window, turn)
                    for index in window:
                        kept = known.told(index, whole=False)
                        if kept is not None and kept.features:
                            yield index, kept
                raise
            left = unknown

    def _remembered(self, tracks: Sequence[Listed], left: list[int]) -> Iterator[tuple[int, Told]]:
        """Tell all that is kept first: no failure of the service may hide it."""
        for window in _parts(range(len(tracks)), _WINDOW):
            open_ = window
            for turn in range(2):
                known, open_ = self._known(tracks, open_, turn), []
                for index in known.key_of:
                    told = known.told(index)
                    if told is None:
                        left.append(index)
                    elif _is_last_word(told, tracks[index], turn):
                        yield index, told
                    else:
                        open_.append(index)

    def _known(self, tracks: Sequence[Listed], window: Iterable[int], turn: int) -> "_Known":
        key_of = {index: _keys(tracks[index])[turn] for index in window}
        entries = self._kept(_FEATURES, key_of.values())
        lengths = self._kept(_TRACK, (key for key in key_of.values() if entries.get(key)))
        return _Known(tracks, key_of, {_FEATURES: entries, _TRACK: lengths})

    def _ask(self, known: "_Known") -> Iterator[tuple[int, Told]]:
        """Ask for the features that are not known, then for the lengths; tell of each track."""
        open_: dict[str, list[int]] = {}
        for index, key in known.key_of.items():
            open_.setdefault(key, []).append(index)
        yield from known.settle(open_, tuple(open_))
        try:
            for kind in (_FEATURES, _TRACK):
                missing = [key for key in open_ if key not in known.answers[kind]]
                batches = _parts(missing, AT_A_TIME)
                at_once = self._web.patience.at_once
                for batch, answers in asked_together(partial(self._asked, kind), batches, at_once):
                    known.answers[kind] |= answers
                    yield from known.settle(open_, batch)
        except ServiceError:
            yield from known.settle(open_, tuple(open_), whole=False)
            raise

    def _asked(self, kind: str, keys: Sequence[str]) -> dict[str, Any]:
        """Ask one question, and keep its answer; in a thread."""
        self._cache.must_ask("what ReccoBeats knows of all these tracks")
        ids = ",".join(key.removeprefix(_ISRC) for key in keys)
        read = _entry if kind == _FEATURES else _length
        found = _joined(self._web.json(_PATHS[kind], {"ids": ids}), keys, read)
        answers = {key: found.get(key) for key in keys}
        self._cache.put_many(self.name, kind, answers, days=FEATURES_DAYS, miss_days=MISS_DAYS)
        return answers

    def _kept(self, kind: str, keys: Iterable[str]) -> dict[str, Any]:
        kept = self._cache.get_many(self.name, kind, keys)
        return {key: one.value for key, one in kept.items()}


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of some tracks under one key of each; grows with the answers."""

    tracks: Sequence[Listed]
    key_of: Mapping[int, str]
    answers: dict[str, dict[str, Any]]  # by kind and key

    def told(self, index: int, *, whole: bool = True) -> Told | None:
        """Tell of a track; None where more must be asked, be it only the length."""
        listed, key = self.tracks[index], self.key_of[index]
        entries, lengths = self.answers[_FEATURES], self.answers[_TRACK]
        if key not in entries:
            return None
        # A length without features is of no use: it is not asked for.
        if whole and entries[key] and _lacks_length(listed) and key not in lengths:
            return None
        return _told_of(listed, entries[key], lengths.get(key))

    def settle(
        self, open_: dict[str, list[int]], keys: Iterable[str], *, whole: bool = True
    ) -> Iterator[tuple[int, Told]]:
        """Tell of those tracks of which enough is known now; the others stay open."""
        for key in keys:
            for index in open_.pop(key):
                told = self.told(index, whole=whole)
                if told is not None:
                    yield index, told
                else:
                    open_.setdefault(key, []).append(index)


def _keys(listed: Listed) -> tuple[str, ...]:
    """Name a recording in the ways in which it can be asked for, the surest first."""
    text, isrc = listed.track.id or "", normalise_isrc(listed.track.isrc)
    spotify_id = normalise_id(text) if looks_like_track_id(text) else None
    return tuple(key for key in (spotify_id, isrc and f"{_ISRC}{isrc}") if key)


def _is_last_word(told: Told, listed: Listed, turn: int) -> bool:
    """Whether there is no other key by which a track might be known."""
    return bool(told.features) or turn + 1 == len(_keys(listed))


def _lacks_length(listed: Listed) -> bool:
    return "duration_ms" not in listed.features


def _parts(items: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part


def _joined(answer: Any, keys: Iterable[str], read: Callable[[Any], Any]) -> dict[str, Any]:
    """Read an answer by the keys that it names, for it follows no order.

    Raises
    ------
    ServiceAnswerError
        If it is no list of tracks.
    """
    content = answer.get("content") if isinstance(answer, dict) else None
    if not isinstance(content, list):
        raise ServiceAnswerError(
            'ReccoBeats answers with another shape than a list of tracks in "content"'
        )
    asked = set(keys)
    found: dict[str, Any] = {}
    for item in content:
        if isinstance(item, dict):
            identity = Track(id=str(item.get("href")), isrc=str(item.get("isrc")))
            for key in asked.intersection(_keys(Listed(identity))) - found.keys():
                found[key] = read(item)
    return found


def _entry(item: Mapping[str, Any]) -> dict[str, Any] | None:
    """Give what is kept of features: None where there are none, which is as good as unknown."""
    features = _features_of(item)
    return {**features, "isrc": normalise_isrc(str(item.get("isrc")))} if features else None


def _length(item: Mapping[str, Any]) -> float | None:
    return _valid("duration_ms", item.get("durationMs"))


def _told_of(listed: Listed, entry: Any, length: Any) -> Told:
    """Put together what answers, kept ones too, tell of a track."""
    if not isinstance(entry, dict):
        return Told({})
    features = _features_of(entry)
    duration_ms = _valid("duration_ms", length)
    if duration_ms is not None and _lacks_length(listed):
        features["duration_ms"] = duration_ms
    return Told(features, isrc=entry.get("isrc"))


def _features_of(item: Any) -> dict[str, float]:
    """Read the nine; what is no number in a feature's range is left out."""
    if not isinstance(item, dict):
        return {}
    values = {name: _valid(name, item.get(name)) for name in _TOLD}
    return {name: value for name, value in values.items() if value is not None}


def _valid(name: str, value: Any) -> float | None:
    low, high = BY_NAME[name].accepted
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        return None  # NaN is within no range
    return float(value)


def _checked_upload(path: Path) -> str:
    """Name a file's bytes, after checking that it can be sent.

    Raises
    ------
    InputError
        If it is missing, empty, too big, or of a format that ReccoBeats does not hear.
    """
    if path.suffix.lower() not in UPLOAD_SUFFIXES:
        raise InputError(
            f"{path} cannot be sent to ReccoBeats: it hears {', '.join(UPLOAD_SUFFIXES)}; "
            "a clip of the file can be made and sent in its place"
        )
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_UPLOAD + 1)
    except OSError as exc:
        raise InputError(f"cannot read {path}: {exc.strerror or exc}") from exc
    if not content or len(content) > LARGEST_UPLOAD:
        found = "more than 5 MB" if content else "empty"
        raise InputError(
            f"{path} cannot be sent to ReccoBeats: it is {found}; a file of 30 s is enough"
        )
    return hashlib.sha256(content).hexdigest()
