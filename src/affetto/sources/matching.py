"""Tracks found in a music server's own catalogue: by id, file, ISRC, or title and artist."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from sys import intern
from typing import Any

from affetto.tracks import Track, normalise_isrc, normalise_name

_SURE = 3  # folders and file name that must agree where nothing else proves a file


class CatalogueIndex:
    """All tracks of a server, as little of each as it takes to find it: some 0.7 kB.

    Parameters
    ----------
    entries : iterable of mapping
        As `affetto.sources.entries` has them: ``id``, ``title``, ``artist``, ``album``,
        ``isrc`` (a list), ``path``. An id that was there before is passed over.
    prefix : str
        What `Track.id` has before the server's id, if it is one of the server's.
    """

    def __init__(self, entries: Iterable[Mapping[str, Any]], prefix: str):
        self._prefix = prefix
        self._ids: list[str] = []
        self._names: list[str | None] = []
        self._albums: list[str] = []
        self._folders: list[str] = []
        self._by_id: dict[str, int] = {}
        # Nearly always one track a key: a list for each would cost more than all the rest.
        self._by_file: dict[str, int | tuple[int, ...]] = {}
        self._by_isrc: dict[str, int | tuple[int, ...]] = {}
        self._by_name: dict[str, int | tuple[int, ...]] = {}
        for entry in entries:
            self._add(entry)

    def __len__(self) -> int:
        return len(self._ids)

    def find(self, track: Track, path: str | None) -> str | None:
        """Find a track.

        Parameters
        ----------
        track : Track
        path : str or None
            Its file on this machine.

        Returns
        -------
        str or None
            The server's id. Of several that fit alike, one of the same album, else the first in
            the order of ids.
        """
        name = _name_of(track)
        isrc = normalise_isrc(track.isrc)
        for places in (
            self._of_id(track, name),
            self._of_file(path, name) if path else (),
            _places(self._by_isrc, isrc),
            _places(self._by_name, name),
        ):
            if places:
                return self._ids[self._best(places, track, name)]
        return None

    def _add(self, entry: Mapping[str, Any]) -> None:
        track_id = entry.get("id")
        if not track_id or track_id in self._by_id or entry.get("problem"):
            return
        place = self._by_id[track_id] = len(self._ids)
        track = Track(title=entry.get("title"), artist=entry.get("artist"))
        name = _name_of(track)
        parts = _parts(entry.get("path"))
        self._ids.append(track_id)
        self._names.append(name)
        self._albums.append(intern(normalise_name(entry.get("album"))))
        self._folders.append(intern("/".join(parts[:-1])))
        # Many files of a library are called "01.flac": the folder tells them apart.
        if len(parts) > 1:
            _put(self._by_file, "/".join(parts[-2:]), place)
        if name:
            _put(self._by_name, name, place)
        for isrc in filter(None, map(normalise_isrc, entry.get("isrc") or ())):
            _put(self._by_isrc, isrc, place)

    def _of_id(self, track: Track, name: str | None) -> Sequence[int]:
        known = track.id or ""
        place = self._by_id.get(known.removeprefix(self._prefix))
        if place is None or not known.startswith(self._prefix):
            return ()
        # Another server may have given the same number to another track.
        return () if name and self._names[place] and self._names[place] != name else (place,)

    def _of_file(self, path: str, name: str | None) -> Sequence[int]:
        """Find files whose place ends like this one's, as far as that proves anything."""
        here = _parts(str(Path(path).absolute()))
        longest, places = 0, list[int]()
        for place in _places(self._by_file, "/".join(here[-2:])):
            there = self._folders[place].split("/")
            n_alike = 1 + _common_end(here[:-1], there)
            is_whole = n_alike == 1 + len(there)
            known = self._names[place]
            if name and known and name != known:
                fits = is_whole and n_alike >= _SURE  # tagged anew
            else:
                fits = bool(name and known) or is_whole or n_alike >= _SURE
            if fits and n_alike >= longest:
                places = [*places, place] if n_alike == longest else [place]
                longest = n_alike
        return places

    def _best(self, places: Sequence[int], track: Track, name: str | None) -> int:
        if len(places) == 1:
            return places[0]
        album = normalise_name(track.album)
        return min(
            places,
            key=lambda place: (
                self._names[place] != name,
                not album or self._albums[place] != album,
                self._ids[place],
            ),
        )


def _name_of(track: Track) -> str | None:
    """Name a track by title and first artist, as `Track.keys` spells it."""
    bare = Track(title=track.title, artist=track.artist)
    return next(iter(bare.keys()), None)


def _put(index: dict[str, int | tuple[int, ...]], key: str, place: int) -> None:
    before = index.get(key)
    if before is None:
        index[key] = place
    else:
        index[key] = (before, place) if isinstance(before, int) else (*before, place)


def _places(index: Mapping[str, int | tuple[int, ...]], key: str | None) -> tuple[int, ...]:
    found = index.get(key, ()) if key else ()
    return (found,) if isinstance(found, int) else found


def _parts(path: str | None) -> list[str]:
    """Take a path apart; case and the composition of accents differ between systems."""
    text = unicodedata.normalize("NFC", (path or "").replace("\\", "/")).casefold()
    return [part for part in text.split("/") if part not in {"", "."}]


def _common_end(first: Sequence[str], second: Sequence[str]) -> int:
    n = 0
    for one, other in zip(reversed(first), reversed(second), strict=False):
        if one != other:
            break
        n += 1
    return n
