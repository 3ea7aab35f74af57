"""A damaged catalogue made anew from what can be read of it; the damaged one is kept."""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from affetto.errors import CatalogueError, CatalogueFullError
from affetto.library.lock import replacing, scanning
from affetto.library.schema import SIDE_FILES, connect, keep_copy, translated, writing

_TOGETHER = 512
_FARTHEST = 1 << 40  # beyond any id

# Folders first, which tracks point to.
_BY_ID = {"folders": "id", "models": "id", "tracks": "id", "timelines": "track_id"}
_WHOLE = ("left_out", "own_labels")


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What was saved, and where the damaged database is kept."""

    folders: int
    tracks: int
    own_labels: int
    kept: Path


def rebuild(path: Path) -> Rebuilt:
    """Make a catalogue anew from what can be read of it.

    Whatever is lost of tracks is found again by the next scan; of own labels, those are saved
    that can be read in either of the two places where they stand.

    Raises
    ------
    CatalogueError
        If there is none.
    ScanRunningError
        If it is being scanned.
    CatalogueBusyError
        If a server has it open: it would go on writing to the file that was.
    CatalogueFullError
        If it cannot be copied or written.
    """
    if not path.is_file():
        raise CatalogueError(f"there is no library to rebuild: {path} does not exist")
    with scanning(path), replacing(path):
        kept = keep_copy(path)
        if kept is None:
            raise CatalogueFullError(f"cannot copy {path} aside first: is the disk full?")
        aside = path.with_name(f"{path.name}.rebuilt")
        _remove(aside)
        try:
            counts = _copy_over(kept, aside)
            _remove(path)
            aside.replace(path)
        except OSError as exc:
            raise CatalogueFullError(f"cannot write {path}: {exc.strerror or exc}") from exc
        finally:
            _remove(aside)
    return Rebuilt(**counts, kept=kept)


def _copy_over(damaged: Path, target: Path) -> dict[str, int]:
    counts = dict.fromkeys(("folders", "tracks", "own_labels"), 0)
    with translated(target), closing(connect(target)) as new:
        new.execute("PRAGMA foreign_keys = OFF")
        with closing(sqlite3.connect(damaged)) as old:
            old.text_factory = lambda data: data.decode("utf-8", "replace")
            with writing(new):
                for table, key in _BY_ID.items():
                    _insert(new, table, _rows(old, table, key))
                for table in _WHOLE:
                    _insert(new, table, _all(old, table))
                _mend(new)
                for table in counts:
                    counts[table] = new.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608
        new.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        new.execute("PRAGMA journal_mode = DELETE")  # one file, to be renamed
    return counts


def _mend(db: sqlite3.Connection) -> None:
    """Take out what points to nothing; take own labels from tracks where theirs were lost."""
    db.execute("DELETE FROM tracks WHERE folder_id NOT IN (SELECT id FROM folders)")
    db.execute("DELETE FROM timelines WHERE track_id NOT IN (SELECT id FROM tracks)")
    db.execute(
        "INSERT OR IGNORE INTO own_labels SELECT audio_hash, own_mood, added_at FROM tracks "
        "WHERE own_mood IS NOT NULL AND audio_hash IS NOT NULL"
    )
    # The labels are given anew by the next scan: which model gave them is not known for sure.
    db.execute("DELETE FROM meta WHERE name = 'labelled_by'")
    db.execute("UPDATE tracks SET p = NULL")


def _insert(db: sqlite3.Connection, table: str, rows: Iterator[dict[str, Any]]) -> None:
    (known,) = ({row["name"] for row in db.execute(f"PRAGMA table_info({table})")},)
    for row in rows:
        columns = [name for name in row if name in known]
        names = ", ".join(f'"{name}"' for name in columns)
        with suppress(sqlite3.IntegrityError):  # a row that makes no sense any more
            db.execute(
                f"INSERT OR IGNORE INTO {table} ({names}) "  # noqa: S608
                f"VALUES ({', '.join('?' * len(columns))})",
                [row[name] for name in columns],
            )


def _rows(db: sqlite3.Connection, table: str, key: str) -> Iterator[dict[str, Any]]:
    """Read a table by its key; where it cannot be read, go on behind, in growing steps."""
    last, together, step = 0, _TOGETHER, 1
    while last < _FARTHEST:
        try:
            cursor = db.execute(
                f"SELECT * FROM {table} WHERE {key} > ? ORDER BY {key} LIMIT ?",  # noqa: S608
                [last, together],
            )
            rows = _named(cursor, cursor.fetchall())
        except sqlite3.DatabaseError:
            if together > 1:
                together //= 8
            else:
                last, step = last + step, step * 2
            continue
        if not rows:
            return
        yield from rows
        last, together, step = rows[-1][key], _TOGETHER, 1


def _all(db: sqlite3.Connection, table: str) -> Iterator[dict[str, Any]]:
    """Read a table from its start as far as it can be read."""
    with suppress(sqlite3.DatabaseError):
        cursor = db.execute(f"SELECT * FROM {table}")  # noqa: S608
        for row in cursor:
            yield from _named(cursor, [row])


def _named(cursor: sqlite3.Cursor, rows: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in rows]


def _remove(path: Path) -> None:
    for side in ("", *SIDE_FILES):
        with suppress(FileNotFoundError):
            os.unlink(path.with_name(path.name + side))  # noqa: PTH108
