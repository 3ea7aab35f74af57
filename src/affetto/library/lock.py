"""Who else is at a library: locks that the system itself lets go when their holder dies.

Beside the database stands a small one, ``NAME.scan``. Whoever scans holds its write lock, and
has written there who it is; that can be read all the while. One scan goes on at a time.

Another, ``NAME.serve``, is read by servers as long as they run: many may. Whoever puts another
file in the database's place needs it alone, since a server would go on writing to the old one.
"""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from affetto.errors import CatalogueBusyError, CatalogueError, ScanRunningError
from affetto.library.schema import translated


@contextmanager
def scanning(database: Path) -> Iterator[None]:
    """Hold the lock of a library's scans.

    Raises
    ------
    ScanRunningError
        If another scan holds it; it says which process that is, and since when.
    """
    with closing(_open(database)) as db:
        try:
            with translated(database):
                db.execute("CREATE TABLE IF NOT EXISTS holder (pid INTEGER, since REAL)")
                db.execute("BEGIN IMMEDIATE")
                db.execute("DELETE FROM holder")
                db.execute("INSERT INTO holder VALUES (?, ?)", [os.getpid(), time.time()])
                db.execute("COMMIT")
                db.execute("BEGIN IMMEDIATE")
        except CatalogueError as exc:
            if _is_busy(exc.__cause__):
                raise ScanRunningError(_who(db)) from exc
            raise
        yield


def is_scanning(database: Path) -> bool:
    """Whether a scan of this library is under way."""
    if not _lock_file(database).exists():
        return False
    try:
        with closing(_open(database)) as db:
            db.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as exc:
        return _is_busy(exc)
    return False


@contextmanager
def serving(database: Path) -> Iterator[None]:
    """Keep a library's file from being replaced; any number of servers may at a time.

    Where the lock itself cannot be made, nothing can be: opening the catalogue says why.

    Raises
    ------
    CatalogueBusyError
        If it is being rebuilt.
    """
    with suppress(OSError):
        database.parent.mkdir(parents=True, exist_ok=True)
    try:
        db = _open(database, ".serve")
    except sqlite3.OperationalError:
        yield
        return
    with closing(db):
        try:
            db.execute("BEGIN")
            db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        except sqlite3.OperationalError as exc:
            if _is_busy(exc):
                raise CatalogueBusyError(
                    f"the library {database} is being rebuilt; try again when that is done"
                ) from exc
        yield


@contextmanager
def replacing(database: Path) -> Iterator[None]:
    """Keep servers away while a library's file is replaced.

    Raises
    ------
    CatalogueBusyError
        If a server runs, or somebody else replaces it.
    """
    with translated(database), closing(_open(database, ".serve")) as db:
        try:
            db.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as exc:
            if _is_busy(exc):
                raise CatalogueBusyError(
                    f"affetto serve has the library {database} open: stop affetto serve first, "
                    "so that nothing you correct there meanwhile is lost"
                ) from exc
            raise
        yield


def _lock_file(database: Path, kind: str = ".scan") -> Path:
    return database.with_name(f"{database.name}{kind}")


def _open(database: Path, kind: str = ".scan") -> sqlite3.Connection:
    return sqlite3.connect(
        _lock_file(database, kind), timeout=0, isolation_level=None, check_same_thread=False
    )


def _is_busy(exc: BaseException | None) -> bool:
    return (getattr(exc, "sqlite_errorcode", 0) & 0xFF) == sqlite3.SQLITE_BUSY


def _who(db: sqlite3.Connection) -> str:
    words = ""
    with suppress(sqlite3.Error, TypeError):
        pid, since = db.execute("SELECT pid, since FROM holder").fetchone()
        words = f" (process {pid}, since {time.strftime('%H:%M:%S', time.localtime(since))})"
    return (
        f"a scan of this library is under way already{words}; wait for it, or stop it: what it "
        "has heard is kept"
    )
