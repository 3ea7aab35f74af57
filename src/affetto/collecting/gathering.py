"""Tracks as playlists list them, each known once, with what every origin says of it."""

import math
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from affetto.features import BY_NAME, FEATURE_NAMES
from affetto.sources.contract import TABLE, Listed
from affetto.sources.playlists import printable
from affetto.tracks import Track, looks_like_track_id, normalise_id, normalise_isrc

_FIELDS = ("id", "isrc", "title", "artist", "album")
_SAME = 1e-3  # what is kept in few digits is the same still
_COLUMN = {name: place for place, name in enumerate(FEATURE_NAMES)}


@dataclass(frozen=True, slots=True)
class Group:
    """One playlist of the table.

    Attributes
    ----------
    name : str
        Unlike that of any other.
    mood, source : str
    """

    name: str
    mood: str
    source: str


class Gathered:
    """Playlists and their tracks.

    Parameters
    ----------
    counts_tables : bool
        Whether features that stand in tables count, whoever measured them.

    Attributes
    ----------
    groups : list of Group
    tracks : list of Listed
        Each track once; features are in `offers`.
    offers : dict of str to ndarray, shape=(≥ n_tracks, 10)
        What each origin says of each track, in the order of `FEATURE_NAMES`; NaN where nothing.
    n_again : int
        Entries that stood in their playlist before.
    n_disagreeing : int
        Entries whose features differ from those that the same origin told of the track before:
        the first count, whole.
    """

    def __init__(self, *, counts_tables: bool = True) -> None:
        self._counts_tables = counts_tables
        self.groups: list[Group] = []
        self.tracks: list[Listed] = []
        self.offers: dict[str, npt.NDArray[np.float64]] = {}
        self.n_again = self.n_disagreeing = 0
        self._rows_track = array("l")
        self._rows_group = array("l")
        self._places: dict[str, int] = {}
        self._in_group: set[int] = set()
        self._names: set[str] = set()
        self._numbers: dict[str, int] = {}

    def begin_group(self, name: str, mood: str, source: str) -> None:
        """Begin a playlist: the tracks added next belong to it."""
        # Two playlists of one name are two groups: taken for one, they would blur the judging.
        unlike = name = printable(name)
        while unlike in self._names:
            # Counting on from where it stood: a thousand albums may have one name.
            n_same = self._numbers.get(name, 1) + 1
            self._numbers[name] = n_same
            unlike = f"{name} ({n_same})"
        self._names.add(unlike)
        self.groups.append(Group(unlike, mood, source))
        self._in_group.clear()

    def drop_group(self) -> None:
        """Take back the playlist that was begun last, which has no tracks."""
        name = self.groups.pop().name
        self._names.discard(name)
        self._numbers.pop(name.rpartition(" (")[0], None)

    def add(self, listed: Listed) -> None:
        """Add an entry to the playlist that was begun last."""
        names = listed.track.keys()
        sure = _sure_keys(listed, names)
        place = self._find(listed, sure, names)
        if place is None:
            place = len(self.tracks)
            self.tracks.append(
                replace(listed, features={}, origins={}) if listed.features else listed
            )
        else:
            self.tracks[place] = _merged(self.tracks[place], listed)
        for key in (*sure, *names):
            self._places.setdefault(key, place)
        counts = self._counts_tables or listed.origin != TABLE
        for origin, features in _by_origin(listed) if counts else ():
            if self._agrees(origin, place, features):
                self.offer(origin, place, features)
            else:
                self.n_disagreeing += 1
        if place in self._in_group:
            self.n_again += 1
            return
        self._in_group.add(place)
        self._rows_track.append(place)
        self._rows_group.append(len(self.groups) - 1)

    def offer(self, origin: str, place: int, features: Mapping[str, float]) -> None:
        """Write down what an origin says of a track; impossible values are left out."""
        matrix = self.offers.get(origin)
        if matrix is None or len(matrix) <= place:
            matrix = self._grown(origin, place)
        for name, value in features.items():
            low, high = BY_NAME[name].accepted
            if low <= value <= high:
                matrix[place, _COLUMN[name]] = value

    def _agrees(self, origin: str, place: int, features: Mapping[str, float]) -> bool:
        """Whether values are those that were told before: two tables' are not mixed in a row."""
        matrix = self.offers.get(origin)
        if matrix is None or len(matrix) <= place:
            return True
        told = matrix[place]
        return all(
            math.isnan(before := told[_COLUMN[name]])
            or math.isclose(before, value, rel_tol=_SAME, abs_tol=_SAME)
            for name, value in features.items()
        )

    def identify(self, place: int, track: Track, *, is_heard: bool = False) -> None:
        """Fill gaps in what is known of a track's identity.

        What a file says of itself (`is_heard`) counts more than what a playlist says of it.
        """
        known = self.tracks[place]
        if is_heard and known.path is not None:
            filled = _filled(track, known.track)
        else:
            filled = _filled(known.track, track)
        if filled != known.track:
            self.tracks[place] = replace(known, track=filled)

    @property
    def n_rows(self) -> int:
        """Tracks in playlists, those in several counted several times."""
        return len(self._rows_track)

    def rows(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Give each row's place in `tracks` and in `groups`."""
        track, group = self._rows_track, self._rows_group
        return np.array(track, dtype=np.int64), np.array(group, dtype=np.int64)

    def values(self, origin: str) -> npt.NDArray[np.float64]:
        """Give what an origin says of all tracks, shape=(n_tracks, 10)."""
        matrix = self.offers.get(origin)
        if matrix is None or len(matrix) < len(self.tracks):
            matrix = self._grown(origin, len(self.tracks) - 1)
        return matrix[: len(self.tracks)]

    def chosen(self, order: Sequence[str]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int8]]:
        """Take each value from the first origin that has one.

        Returns
        -------
        values : ndarray, shape=(n_tracks, 10)
        origins : ndarray of int, shape=(n_tracks, 10)
            Place in `order`; −1 where no origin has a value.
        """
        values = np.full((len(self.tracks), len(FEATURE_NAMES)), np.nan)
        origins = np.full(values.shape, -1, dtype=np.int8)
        for place, origin in enumerate(order):
            if origin not in self.offers:
                continue
            offered = self.values(origin)
            wanted = (origins < 0) & ~np.isnan(offered)
            values[wanted] = offered[wanted]
            origins[wanted] = place
        return values, origins

    def in_several_moods(self) -> npt.NDArray[np.int64]:
        """Find tracks that stand in playlists of several moods: their places."""
        track, group = self.rows()
        names = [each.mood for each in self.groups]
        numbers = {mood: place for place, mood in enumerate(dict.fromkeys(names))}
        mood = np.array([numbers[name] for name in names], dtype=np.int64)
        if not len(track):
            return track
        pairs = np.unique(np.column_stack([track, mood[group]]), axis=0)
        places, counts = np.unique(pairs[:, 0], return_counts=True)
        return places[counts > 1]

    def _grown(self, origin: str, place: int) -> npt.NDArray[np.float64]:
        """Make room, by half as much again: copying stays cheap however many come."""
        before = self.offers.get(origin)
        n_before = 0 if before is None else len(before)
        matrix = np.full((max(place + 1, n_before * 3 // 2, 256), len(FEATURE_NAMES)), np.nan)
        if before is not None:
            matrix[:n_before] = before
        self.offers[origin] = matrix
        return matrix

    def _find(self, listed: Listed, sure: Sequence[str], names: Sequence[str]) -> int | None:
        for key in sure:
            if key in self._places:
                return self._places[key]
        # A name alone joins only what no id tells apart: an album's track is not the single.
        for key in names:
            place = self._places.get(key)
            if place is not None and not _told_apart(self.tracks[place], listed):
                return place
        return None


def _by_origin(listed: Listed) -> Iterable[tuple[str, Mapping[str, float]]]:
    if not listed.origins:
        return [(listed.origin, listed.features)] if listed.features else []
    parts: dict[str, dict[str, float]] = {}
    for name, value in listed.features.items():
        parts.setdefault(listed.origins.get(name, listed.origin), {})[name] = value
    return parts.items()


def _sure_keys(listed: Listed, names: Sequence[str]) -> list[str]:
    keys = [key for key in names if not key.startswith("name:")]
    if listed.path is not None:
        keys.append(f"path:{listed.path}")
    if listed.handle is not None:
        keys.append(f"{listed.origin}:{listed.handle}")
    return keys


def _told_apart(one: Listed, other: Listed) -> bool:
    """Whether two entries of one name are known to be two recordings."""
    theirs = other.handle if one.origin == other.origin else None
    pairs = (
        (_spotify_id(one), _spotify_id(other)),
        (normalise_isrc(one.track.isrc), normalise_isrc(other.track.isrc)),
        (one.path, other.path),
        (one.handle, theirs),
    )
    return any(first and second and first != second for first, second in pairs)


def _spotify_id(listed: Listed) -> str | None:
    text = listed.track.id or ""
    return normalise_id(text) if looks_like_track_id(text) else None


def _merged(known: Listed, other: Listed) -> Listed:
    track = _filled(known.track, other.track)
    if known.handle is None and other.handle is not None:
        # Whoever hands out the audio is asked by its own handle.
        known = replace(known, handle=other.handle, origin=other.origin)
    path = known.path or other.path
    if track is known.track and path == known.path:
        return known
    return replace(known, track=track, path=path)


def _filled(known: Track, other: Track) -> Track:
    gaps = {
        name: value
        for name in _FIELDS
        if getattr(known, name) is None and (value := getattr(other, name)) is not None
    }
    return replace(known, **gaps) if gaps else known
