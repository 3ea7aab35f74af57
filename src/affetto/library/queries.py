"""Reading the catalogue: lists of tracks, pages of them, and the map."""

import json
import os
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from affetto.features import FEATURE_NAMES
from affetto.library.entry import Entry
from affetto.library.index import current
from affetto.library.query import Query
from affetto.library.schema import reading
from affetto.moods import mood_order

__all__ = [
    "COLUMNS", "LABELLED_BY", "SHARE_DIGITS", "Page", "Points", "Query", "below",
    "entries_by_id", "entry_of", "find", "find_ids", "labelling_moods", "points",
]  # fmt: skip

LABELLED_BY = "labelled_by"
"""In the table ``meta``: the model that gave the labels, and its moods, as JSON."""

SHARE_DIGITS = 6
"""Of probabilities: what single precision holds."""

_SHARES = ("valence", "energy", "confidence")

COLUMNS = (
    "tracks.id, state, mood, confidence, own_mood, model_mood, "
    f"{', '.join(FEATURE_NAMES)}, tracks.added_at, heard_at, analysis_version, audio_hash, "
    'tracks."key", second, second_confidence, outlier, reason, p, tracks.path, title, artist, '
    "album, error, warning, folders.path AS folder"
)


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list: how long all of it is, and the entries of this part."""

    total: int
    entries: list[Entry]
    query: Query


@dataclass(frozen=True, slots=True)
class Points:
    """Places of tracks on the mood map; arrays of one length, by id.

    Attributes
    ----------
    ids : ndarray of int64
    valence, energy, confidence : ndarray of float32
        0–1; NaN where unknown.
    mood : ndarray of int8
        Index into `moods`; −1 for none.
    moods : tuple of str
    """

    ids: NDArray[np.int64]
    valence: NDArray[np.float32]
    energy: NDArray[np.float32]
    confidence: NDArray[np.float32]
    mood: NDArray[np.int8]
    moods: tuple[str, ...]


def find(db: sqlite3.Connection, query: Query) -> Page:
    """Give a part of a list of tracks."""
    ids = _select(db, query)
    stop = None if query.limit is None else query.offset + query.limit
    return Page(len(ids), entries_by_id(db, ids[query.offset : stop].tolist()), query)


def find_ids(db: sqlite3.Connection, query: Query) -> list[int]:
    """Give the ids of all tracks that a query means, in its order; its part is left aside."""
    found: list[int] = _select(db, query).tolist()
    return found


def _select(db: sqlite3.Connection, query: Query) -> NDArray[np.int64]:
    return current(db).select(query, _inside(db, query))


def points(db: sqlite3.Connection, query: Query) -> Points:
    """Give the places of all tracks that a query means; its order and part are left aside."""
    rows = current(db).rows(query, _inside(db, query))
    moods = tuple(mood_order(rows["mood"].drop_nulls().unique()))
    places = dict(zip(moods, range(len(moods)), strict=True))
    said = rows["mood"].replace_strict(places, default=-1, return_dtype=pl.Int8)
    shares = {name: rows[name].to_numpy().astype(np.float32) for name in _SHARES}
    return Points(ids=rows["id"].to_numpy(), mood=said.to_numpy(), moods=moods, **shares)


def _inside(db: sqlite3.Connection, query: Query) -> list[int] | None:
    if query.folder is None:
        return None
    bounds = below(os.path.abspath(query.folder))  # noqa: PTH100
    return [
        row[0] for row in db.execute("SELECT id FROM tracks WHERE path >= ? AND path < ?", bounds)
    ]


def entries_by_id(db: sqlite3.Connection, ids: Sequence[int]) -> list[Entry]:
    """Read tracks whole, in the order of `ids`; unknown ids are left out."""
    with reading(db):  # the moods are those of these very probabilities
        moods = labelling_moods(db)
        rows = db.execute(
            f"SELECT {COLUMNS} FROM json_each(?) AS wanted "  # noqa: S608
            "CROSS JOIN tracks ON tracks.id = wanted.value "
            "JOIN folders ON folders.id = folder_id ORDER BY wanted.key",
            [json.dumps(list(ids))],
        ).fetchall()
    return [entry_of(row, moods) for row in rows]


def labelling_moods(db: sqlite3.Connection) -> tuple[str, ...]:
    """Name the moods of the model that gave the labels, in the order of its probabilities."""
    row = db.execute("SELECT value FROM meta WHERE name = ?", [LABELLED_BY]).fetchone()
    return tuple(json.loads(row[0])["moods"]) if row else ()


def entry_of(row: sqlite3.Row, moods: Sequence[str]) -> Entry:
    """Make an entry of a row of `COLUMNS`."""
    values = {name: row[name] for name in row.keys()}  # noqa: SIM118 - a Row is no dict
    features = {name: values.pop(name) for name in FEATURE_NAMES}
    p = values.pop("p")
    shares = [round(share, SHARE_DIGITS) for share in np.frombuffer(p or b"", np.float32).tolist()]
    is_heard = values["heard_at"] is not None
    return Entry(
        **{
            **values,
            "path": os.fsdecode(values["path"]),
            "folder": os.fsdecode(values["folder"]),
            "features": features if is_heard else {},
            "p": dict(zip(moods, shares, strict=True)) if shares else {},
        }
    )


def below(folder: str) -> tuple[bytes, bytes]:
    """Give the bounds of all paths below a folder: ``low <= path < high``."""
    inside = os.fsencode(os.path.join(folder, ""))  # noqa: PTH118
    return inside, inside[:-1] + bytes([inside[-1] + 1])
