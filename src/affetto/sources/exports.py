"""Saved tables as playlists: what Exportify and others write, alone or many in a zip.

A table is one playlist, or as many as its columns ``playlist`` (``Playlist name``) and ``mood``
tell apart: what ``affetto collect`` wrote is read back as it was. It
needs no features, so long as it tells which tracks it lists. In a zip, as Exportify's "Export
all" gives, each table is one playlist; it is read in memory and never unpacked onto the disk, so
that no name in it leads anywhere.
"""

import lzma
import math
import os
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from affetto.errors import PlaylistError, TableError
from affetto.features import normalise_column
from affetto.sources.contract import Listed
from affetto.sources.playlists import printable
from affetto.sources.tables import (
    TABLE_SUFFIXES,
    Table,
    is_table,
    scan_bytes,
    scan_table,
    translate_errors,
)
from affetto.tracks import ERROR_COLUMN, Track

ARCHIVE_SUFFIX = ".zip"
"""Ending of the name of many tables in one file."""

BATCH = 5000
"""Rows that are held as Python objects at a time."""

MOST_MEMBERS = 500
LARGEST_MEMBER = 64 * 2**20
LARGEST_ARCHIVE = 512 * 2**20  # unpacked, all members together

_BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError)
ORIGIN_PREFIX = "from_"
"""Beginning of the columns that say where a feature's values are from."""

ORIGINS = frozenset({"spotify", "reccobeats", "upload", "audio", "subsonic", "jellyfin"})
"""What these columns may hold beside ``table``."""

_PLAYLIST_COLUMNS = ("playlist", "playlist_name")
_MOOD_COLUMN = "mood"
_BETWEEN = "\x1e"  # a playlist's name and its mood, in the key of both
_WORDS = ("id", "isrc", "title", "artist", "album")


@dataclass(frozen=True, slots=True)
class Part:
    """One playlist of a table.

    Attributes
    ----------
    key : str
        What `Export.batches` takes.
    name : str
        Empty for rows that name no playlist.
    mood : str or None
        As the table says it.
    n : int
        Rows.
    """

    key: str
    name: str
    mood: str | None
    n: int


class Export:
    """A table that lists tracks.

    Parameters
    ----------
    table : Table
        Read with ``as_playlist``.
    folder : str
        Where it stands: paths in it may begin there.
    """

    def __init__(self, table: Table, folder: str):
        self._table = table
        self._folder = folder
        told = {normalise_column(name): name for name in reversed(table.columns)}
        self._by_playlist = next((told[name] for name in _PLAYLIST_COLUMNS if name in told), None)
        self._by_mood = told.get(_MOOD_COLUMN)
        # Moods beside their confidence are what a model said, not what a person labelled.
        if "confidence" in told:
            self._by_mood = None
        self._origins = {
            name: column
            for name in table.features
            if (column := told.get(f"{ORIGIN_PREFIX}{name}")) is not None
        }
        self._words = [name for name in _WORDS if name in table.columns]
        self._has_path = "path" in table.columns

    @property
    def is_written(self) -> bool:
        """Whether affetto wrote the table: ``collect`` tells origins, ``label`` doubts."""
        columns = self._table.columns
        is_labelled = "confidence" in columns and any(one.startswith("p_") for one in columns)
        return bool(self._origins) or is_labelled

    def playlists(self) -> list[Part] | None:
        """Name its playlists, in order of first appearance.

        Returns
        -------
        list of Part or None
            A playlist of two moods is two. None: the table has no column of playlists or moods,
            and is one itself.

        Raises
        ------
        PlaylistError
            If the table is damaged.
        """
        if not self._is_split:
            return None
        parts = []
        for key, (_, n) in self._parts[1].items():
            name, _, mood = key.partition(_BETWEEN)
            parts.append(Part(key, name, mood or None, n))
        return parts

    def batches(self, playlist: str | None = None) -> Iterator[list[Listed]]:
        """List rows in order, some at a time.

        Parameters
        ----------
        playlist : str, optional
            The key of one that `playlists` names; by default all rows.

        Raises
        ------
        PlaylistError
            If there is no such playlist in it, or the table is damaged.
        """
        if playlist is None:
            yield from map(self._listed, self._frames())
            return
        frame, parts = self._parts if self._is_split else (pl.DataFrame(), {})
        if playlist not in parts:
            names = [key.partition(_BETWEEN)[0] for key in parts]
            raise PlaylistError(
                f"{self._table.name} has no playlist {playlist.partition(_BETWEEN)[0]!r}; expected "
                f"one of: {', '.join(names[:10]) or 'none, for it is one itself'}."
            )
        start, n = parts[playlist]
        for offset in range(start, start + n, BATCH):
            yield self._listed(frame.slice(offset, min(BATCH, start + n - offset)))

    @property
    def _is_split(self) -> bool:
        return self._by_playlist is not None or self._by_mood is not None

    @property
    def _wanted(self) -> list[str]:
        paths = ["path"] if self._has_path else []
        origins = self._origins.values()
        return [*self._words, *paths, *self._table.features, *origins, ERROR_COLUMN]

    def _frames(self) -> Iterator[pl.DataFrame]:
        with read_as_playlist(), translate_errors(self._table.name):
            frame = self._table.frame.select(self._wanted)
            yield from frame.collect_batches(chunk_size=BATCH, lazy=True)

    @cached_property
    def _parts(self) -> tuple[pl.DataFrame, dict[str, tuple[int, int]]]:
        """Sort the rows by playlist; give where each begins, and how many it has.

        Held in memory as columns: reading the file anew for each of a thousand playlists would
        take a thousand times as long.
        """
        by = pl.concat_str(
            [self._cells(name) for name in (self._by_playlist, self._by_mood)], separator=_BETWEEN
        )
        with read_as_playlist(), translate_errors(self._table.name):
            frame = self._table.frame.select(*self._wanted, by.alias("\0playlist")).collect()
        places = frame.get_column("\0playlist")
        names = places.unique(maintain_order=True)
        counts = dict(places.value_counts().iter_rows())
        parts: dict[str, tuple[int, int]] = {}
        start = 0
        for name in names:
            parts[name] = (start, counts[name])
            start += counts[name]
        numbers = pl.Series(range(len(names)), dtype=pl.UInt32)
        order = places.replace_strict(names, numbers).alias("\0playlist")
        ordered = frame.with_columns(order).sort("\0playlist", maintain_order=True)
        return ordered.drop("\0playlist"), parts

    def _cells(self, column: str | None) -> pl.Expr:
        if column is None:
            return pl.lit("")
        # By place, since Polars takes some names for patterns.
        cells = pl.nth(self._table.columns.index(column)).cast(pl.String)
        return cells.str.strip_chars().fill_null("")

    def _listed(self, frame: pl.DataFrame) -> list[Listed]:
        def cells(names: Sequence[str]) -> Iterator[tuple[Any, ...]]:
            # zip() of nothing would end at once.
            columns = [frame.get_column(name).to_list() for name in names]
            return zip(*columns, strict=True) if columns else iter([()] * len(frame))

        features = self._table.features
        errors = frame.get_column(ERROR_COLUMN).to_list()
        paths = frame.get_column("path").to_list() if self._has_path else [None] * len(frame)
        columns = list(self._origins.values())
        rows = zip(cells(self._words), cells(features), cells(columns), paths, errors, strict=True)
        return [
            Listed(
                Track(**dict(zip(self._words, words, strict=True))),
                # Of a row with an error no number can be trusted: its cells may be shifted.
                {} if error else _known(features, values),
                path=self._found(path),
                problem=error,
                origins=self._told(origins),
            )
            for words, values, origins, path, error in rows
        ]

    def _told(self, origins: Sequence[Any]) -> dict[str, str]:
        """Give who measured what, where the table says so in words that are ours."""
        pairs = zip(self._origins, origins, strict=True)
        return {name: origin for name, origin in pairs if origin in ORIGINS}

    def _found(self, path: str | None) -> str | None:
        """Find a file that the table names, beside the table or as it stands."""
        if not path:
            return None
        for place in (os.path.join(self._folder, path), os.path.abspath(path)):  # noqa: PTH100, PTH118
            if os.path.isfile(place):  # noqa: PTH113 - a million of them, perhaps
                return os.path.normpath(place)
        return None


def open_export(path: str) -> Export:
    """Recognise a table that lists tracks.

    Raises
    ------
    PlaylistError
        If it is no table, or has no columns that tell tracks.
    """
    with read_as_playlist():
        return Export(scan_table(path, as_playlist=True), os.path.dirname(path))  # noqa: PTH120


def open_member(archive: str, member: str) -> Export:
    """Recognise a table inside a zip, in memory.

    Raises
    ------
    PlaylistError
        If the zip is damaged, locked by a password or has no such member, the member is larger
        than `LARGEST_MEMBER`, or is no table that lists tracks.
    """
    with _open_archive(archive) as opened, opened.open(member) as file:
        raw = file.read(LARGEST_MEMBER + 1)
    if len(raw) > LARGEST_MEMBER:
        raise PlaylistError(
            f"{member} in {printable(Path(archive).name)} is larger than "
            f"{LARGEST_MEMBER // 2**20} MB; unpack it and name the file itself."
        )
    with read_as_playlist():
        folder = os.path.dirname(archive)  # noqa: PTH120
        return Export(scan_bytes(raw, Path(member).name, as_playlist=True), folder)


def members(archive: str) -> list[str]:
    """Name the tables inside a zip, in its order.

    Raises
    ------
    PlaylistError
        If it is no zip, holds no tables or more than `MOST_MEMBERS`, or more than
        `LARGEST_ARCHIVE` once unpacked.
    """
    shown = printable(Path(archive).name)
    with _open_archive(archive) as opened:
        found = [
            one
            for one in opened.infolist()
            if not one.is_dir()
            and is_table(one.filename)
            # What macOS adds to a zip: names of tables that hold none.
            and not Path(one.filename).name.startswith(".")
        ]
    if not found:
        raise PlaylistError(f"{shown} holds no tables (CSV, TSV, JSON Lines, Parquet).")
    size = sum(one.file_size for one in found)
    if len(found) > MOST_MEMBERS or size > LARGEST_ARCHIVE:
        raise PlaylistError(
            f"{shown} holds {len(found):,} tables of {size / 2**20:,.0f} MB in all; at most "
            f"{MOST_MEMBERS} and {LARGEST_ARCHIVE // 2**20} MB are read from a zip: unpack it and "
            "name the folder."
        )
    return [one.filename for one in found]


def stem(name: str) -> str:
    """Give a table's name without its folder and ending: ``"export/Calm.csv.gz"`` → ``"Calm"``."""
    name = Path(name).name
    endings = [ending for ending in TABLE_SUFFIXES if name.lower().endswith(ending)]
    return printable(name[: -len(max(endings, key=len))] if endings else Path(name).stem) or name


@contextmanager
def read_as_playlist() -> Iterator[None]:
    """Turn errors of tables into those that playlist sources raise.

    Raises
    ------
    PlaylistError
    """
    try:
        yield
    except TableError as exc:
        raise PlaylistError(str(exc)) from exc
    except OSError as exc:
        raise PlaylistError(f"the table cannot be read: {exc.strerror or exc}") from exc


@contextmanager
def _open_archive(path: str) -> Iterator[zipfile.ZipFile]:
    shown = printable(Path(path).name)
    try:
        with zipfile.ZipFile(path) as opened:
            yield opened
    except KeyError as exc:
        raise PlaylistError(f"{shown} holds no such table: {exc.args[0]}.") from exc
    except OSError as exc:
        raise PlaylistError(f"{shown} cannot be read: {exc.strerror or exc}.") from exc
    # RuntimeError and NotImplementedError: a password, or an unusual way of packing.
    except (*_BROKEN_ZIP, RuntimeError, ValueError) as exc:
        raise PlaylistError(
            f"{shown} is no zip that can be read ({str(exc).rstrip('.')}); unpack it and name the "
            "folder."
        ) from exc


def _known(names: Sequence[str], values: Sequence[Any]) -> dict[str, float]:
    return {
        name: value
        for name, value in zip(names, values, strict=True)
        if isinstance(value, float) and math.isfinite(value)
    }
