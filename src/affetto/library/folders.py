"""The folders of a library: added, taken in by others, and forgotten."""

import os
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

from affetto.errors import TrackNotFoundError, UsageError
from affetto.library import store
from affetto.library.queries import below
from affetto.sources.playlists import printable


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of the library, and how many tracks of it the catalogue holds."""

    id: int
    path: str
    n_tracks: int
    added_at: float


def known(db: sqlite3.Connection) -> list[Folder]:
    """List the folders of the library, in the order they were added."""
    rows = db.execute(
        "SELECT folders.id, folders.path, added_at, (SELECT count(*) FROM tracks "
        "WHERE folder_id = folders.id) AS n FROM folders ORDER BY id"
    ).fetchall()
    return [Folder(r["id"], os.fsdecode(r["path"]), r["n"], r["added_at"]) for r in rows]


def add(db: sqlite3.Connection, place: str) -> Folder:
    """Make a folder part of the library; give the one that holds it. Part of a transaction.

    Raises
    ------
    UsageError
        If it lies in a part of a folder that was forgotten: scans would pass it over.
    """
    before = known(db)
    outer = [one for one in left_out(db) if one != place and is_within(place, one)]
    if outer and any(is_within(place, folder.path) for folder in before):
        raise UsageError(
            f"{printable(place)} lies in {printable(outer[0])}, which was forgotten, so that scans "
            f"pass it over; add {printable(outer[0])} again, then forget what you do not want of it"
        )
    # What was forgotten of a folder that is in the library no more.
    db.executemany("DELETE FROM left_out WHERE path = ?", [(os.fsencode(one),) for one in outer])
    db.execute(
        "DELETE FROM left_out WHERE path = ? OR (path >= ? AND path < ?)",
        [os.fsencode(place), *below(place)],
    )
    for folder in before:
        if is_within(place, folder.path):
            return folder
    added = db.execute(
        "INSERT INTO folders (path, added_at) VALUES (?, ?)", [os.fsencode(place), time.time()]
    ).lastrowid
    assert added is not None
    for folder in before:
        if is_within(folder.path, place):
            _take_in(db, folder, added, place)
    return next(folder for folder in known(db) if folder.id == added)


def _take_in(db: sqlite3.Connection, inner: Folder, outer: int, place: str) -> None:
    rows = db.execute(
        "SELECT id, path, title, artist, album FROM tracks WHERE folder_id = ?", [inner.id]
    ).fetchall()
    names = [store.name_columns(os.fsdecode(row[1]), place, *tuple(row)[2:]) for row in rows]
    db.executemany(
        "UPDATE tracks SET folder_id = ?, words = ? WHERE id = ?",
        [(outer, name["words"], row[0]) for name, row in zip(names, rows, strict=True)],
    )
    db.execute("DELETE FROM folders WHERE id = ?", [inner.id])


def forget(db: sqlite3.Connection, place: str, *, purge: bool) -> int:
    """Take a folder or a file out of the library; give how many tracks that were.

    Part of a transaction.

    Raises
    ------
    TrackNotFoundError
        If the library has no such folder and nothing in it.
    """
    own, bounds = os.fsencode(place), below(place)
    inside = "path = ? OR (path >= ? AND path < ?)"
    before = known(db)
    if purge:
        db.execute(
            "DELETE FROM own_labels WHERE audio_hash IN "  # noqa: S608
            f"(SELECT audio_hash FROM tracks WHERE {inside})",
            [own, *bounds],
        )
    gone = db.execute(f"DELETE FROM tracks WHERE {inside}", [own, *bounds]).rowcount  # noqa: S608
    roots = [folder for folder in before if is_within(folder.path, place)]
    db.executemany("DELETE FROM folders WHERE id = ?", [(folder.id,) for folder in roots])
    if any(is_within(place, folder.path) and folder.path != place for folder in before):
        db.execute("INSERT OR IGNORE INTO left_out VALUES (?)", [own])
    elif not gone and not roots:
        names = ", ".join(printable(folder.path) for folder in before) or "none yet"
        raise TrackNotFoundError(
            f"the library knows nothing of {printable(place)}; its folders: {names}"
        )
    return gone


def left_out(db: sqlite3.Connection) -> list[str]:
    """List the parts of folders that scans leave out, since they were forgotten."""
    return [os.fsdecode(row[0]) for row in db.execute("SELECT path FROM left_out")]


def is_within(path: str, folder: str) -> bool:
    """Whether a path is a folder, or lies in it or below it."""
    return path == folder or path.startswith(os.path.join(folder, ""))  # noqa: PTH118


def absolute(path: str | Path) -> str:
    """Give a path from the root, as the catalogue has it; links stay links."""
    return os.path.abspath(os.path.expanduser(os.fspath(path)))  # noqa: PTH100, PTH111
