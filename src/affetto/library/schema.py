"""The library's database file: its tables, how it is opened, brought up to date, and fails.

SQLite in WAL mode: readers see the last whole transaction and never wait for a writer, and a
program that is killed leaves what it had committed.

References
----------
.. [1] sqlite.org/wal.html, sqlite.org/pragma.html (application_id, user_version).
"""

import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote_from_bytes

import platformdirs

from affetto.errors import (
    CatalogueBusyError,
    CatalogueDamagedError,
    CatalogueError,
    CatalogueFormatError,
    CatalogueFullError,
)
from affetto.features import FEATURE_NAMES

APPLICATION_ID = 0x41464654  # "AFFT"
"""Tells our databases from those of other programs."""

VERSION = 1
"""Of the tables; grows with each migration."""

IDENTITY = "identity"
"""In the table ``meta``: tells one database from another under the same name."""

SIDE_FILES = ("-wal", "-shm")
"""What SQLite keeps beside the database while it is open, or after a crash."""

ENVIRONMENT = "AFFETTO_DB"

_BUSY_S = 10.0
_CACHE_KB = 32_768
_MAPPED_BYTES = 512 * 2**20
_JOURNAL_BYTES = 16 * 2**20

# Names are bytes: file systems promise no encoding. Long columns come last, so that what is read
# of all tracks at once is near the front.
_TRACKS = f"""
CREATE TABLE tracks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    folder_id INTEGER NOT NULL REFERENCES folders (id),
    state TEXT NOT NULL,
    mood TEXT, confidence REAL, own_mood TEXT, model_mood TEXT,
    {", ".join(f"{name} REAL" for name in FEATURE_NAMES)},
    added_at REAL NOT NULL, heard_at REAL,
    size_bytes INTEGER NOT NULL, modified_ns INTEGER NOT NULL, inode INTEGER NOT NULL,
    analysis_version INTEGER, is_excerpt INTEGER,
    audio_hash TEXT,
    "key" TEXT, second TEXT, second_confidence REAL, outlier REAL, reason TEXT, p BLOB,
    path BLOB NOT NULL UNIQUE,
    title TEXT, artist TEXT, album TEXT, error TEXT, warning TEXT,
    title_key TEXT, artist_key TEXT, album_key TEXT,
    words TEXT NOT NULL
)"""

_SCRIPT = (
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID",
    """CREATE TABLE folders (
        id INTEGER PRIMARY KEY AUTOINCREMENT, path BLOB NOT NULL UNIQUE, added_at REAL NOT NULL)""",
    "CREATE TABLE left_out (path BLOB PRIMARY KEY) WITHOUT ROWID",
    """CREATE TABLE own_labels (
        audio_hash TEXT PRIMARY KEY, mood TEXT NOT NULL, made_at REAL NOT NULL) WITHOUT ROWID""",
    """CREATE TABLE models (
        id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, file TEXT, sha256 TEXT NOT NULL,
        made_at REAL NOT NULL, in_use INTEGER NOT NULL)""",
    _TRACKS,
    """CREATE TABLE timelines (
        track_id INTEGER PRIMARY KEY REFERENCES tracks (id) ON DELETE CASCADE,
        data BLOB NOT NULL)""",
    "CREATE INDEX tracks_by_audio ON tracks (audio_hash)",
    "CREATE INDEX tracks_by_stamp ON tracks (size_bytes, modified_ns, inode)",
    "CREATE INDEX tracks_counted ON tracks (state, mood, own_mood)",
    # Which tracks changed, in order: by this log `affetto.library.index` keeps up.
    "CREATE TABLE changes (seq INTEGER PRIMARY KEY AUTOINCREMENT, track_id INTEGER NOT NULL)",
    """CREATE TRIGGER tracks_added AFTER INSERT ON tracks BEGIN
        INSERT INTO changes (track_id) VALUES (new.id); END""",
    """CREATE TRIGGER tracks_changed AFTER UPDATE ON tracks BEGIN
        INSERT INTO changes (track_id) VALUES (new.id); END""",
    """CREATE TRIGGER tracks_gone AFTER DELETE ON tracks BEGIN
        INSERT INTO changes (track_id) VALUES (old.id); END""",
    "INSERT INTO meta VALUES ('identity', lower(hex(randomblob(16))))",  # see `IDENTITY`
)

# Each brings a database of the version of its place to the next: _MIGRATIONS[0] makes the first.
_MIGRATIONS: tuple[tuple[str, ...], ...] = (_SCRIPT,)


def default_path() -> Path:
    """Where the library's database is unless told: ``$AFFETTO_DB``, else the user's data folder."""
    named = os.environ.get(ENVIRONMENT)
    return Path(named) if named else platformdirs.user_data_path("affetto") / "library.db"


def connect(path: Path, *, create: bool = True, readonly: bool = False) -> sqlite3.Connection:
    """Open the database, make it where there is none, and bring its tables up to date.

    Parameters
    ----------
    path : Path
    create : bool
        Make the file, and its folder, where they are missing.
    readonly : bool
        Change nothing, not even an older version's tables.

    Raises
    ------
    CatalogueFormatError
        If the file is no database of affetto's, or one of a newer affetto. It is not changed.
    CatalogueDamagedError, CatalogueBusyError, CatalogueFullError
        See there.
    CatalogueError
        If there is none, and none is to be made.
    """
    if not path.exists():
        if readonly or not create:
            raise CatalogueError(
                f"there is no library yet: {path} does not exist; make one with "
                "affetto library add FOLDER"
            )
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise CatalogueFullError(
                f"cannot make the folder {path.parent}: {exc.strerror}; name another "
                "place with --db"
            ) from exc
    elif path.is_dir():
        raise CatalogueFormatError(f"{path} is a folder; name the library's database file in it")
    with translated(path):
        db = _open(path, readonly=readonly)
        try:
            version = _check(db, path)
            if not readonly:
                _prepare(db, version)
            elif version < VERSION:
                made = "was made by an older affetto" if version else "holds no library yet"
                raise CatalogueError(f"{path} {made}; affetto library update brings it up to date")
            db.execute("PRAGMA foreign_keys = ON")
            db.execute(f"PRAGMA cache_size = -{_CACHE_KB}")
            db.execute(f"PRAGMA mmap_size = {_MAPPED_BYTES}")
            db.execute("PRAGMA temp_store = MEMORY")
        except BaseException:
            db.close()
            raise
    return db


def _open(path: Path, *, readonly: bool) -> sqlite3.Connection:
    uri = (
        f"file:{quote_from_bytes(os.fsencode(path.absolute()))}?mode={'ro' if readonly else 'rwc'}"
    )
    # isolation_level None: transactions are where `writing` says, nowhere else.
    db = sqlite3.connect(
        uri, uri=True, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
    )
    db.row_factory = sqlite3.Row
    return db


def _check(db: sqlite3.Connection, path: Path) -> int:
    """Refuse what is not ours, before anything is written; give its version."""
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    (n_tables,) = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if application != APPLICATION_ID and n_tables:
        raise CatalogueFormatError(
            f"{path} is a database of another program; it is left untouched: name another "
            "file with --db"
        )
    if application == APPLICATION_ID and version > VERSION:
        raise CatalogueFormatError(
            f"{path} was made by a newer affetto (its tables are of version {version}, this one "
            f"knows {VERSION}); it is left untouched: update affetto, or name another file with "
            "--db"
        )
    return int(version) if application == APPLICATION_ID else 0


def _prepare(db: sqlite3.Connection, version: int) -> None:
    (mode,) = db.execute("PRAGMA journal_mode = WAL").fetchone()
    # Where WAL cannot be had (some network drives) all else still holds, but readers may wait.
    db.execute(f"PRAGMA synchronous = {'NORMAL' if mode == 'wal' else 'FULL'}")
    db.execute(f"PRAGMA journal_size_limit = {_JOURNAL_BYTES}")
    if version == VERSION:
        return
    with writing(db):
        # Another process may have been quicker.
        (version,) = db.execute("PRAGMA user_version").fetchone()
        for script in _MIGRATIONS[version:]:
            for statement in script:
                db.execute(statement)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {VERSION}")


@contextmanager
def writing(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """One transaction: all of it, or nothing. Inside another it is a part of that one."""
    if db.in_transaction:
        yield db
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        yield db
        db.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):  # a full disk may have rolled it back already
            db.execute("ROLLBACK")
        raise


@contextmanager
def reading(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """One view of the database for several questions, whoever writes meanwhile."""
    if db.in_transaction:
        yield db
        return
    db.execute("BEGIN")
    try:
        yield db
    finally:
        if db.in_transaction:  # an error may have ended it
            db.execute("COMMIT")


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours; keep a copy of a database that turns out to be damaged.

    Raises
    ------
    CatalogueDamagedError, CatalogueBusyError, CatalogueFullError, CatalogueFormatError
    """
    try:
        yield
    except sqlite3.Error as exc:
        raise _translation(exc, path) from exc


def _translation(exc: sqlite3.Error, path: Path) -> CatalogueError:
    code = getattr(exc, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_NOTADB:
        return CatalogueFormatError(
            f"{path} is no database; it is left untouched: name another file with --db. If it was "
            f"your library, it is damaged: affetto library rebuild --db {path} keeps it as it is "
            "under another name and saves what can be read"
        )
    if code == sqlite3.SQLITE_CORRUPT:
        earlier = _kept_copies(path)
        kept = earlier[-1] if earlier else keep_copy(path)
        where = f"a copy is kept as {kept.name}; " if kept else ""
        return CatalogueDamagedError(
            f"the library {path} is damaged: {exc}; {where}affetto library rebuild --db {path} "
            "saves what can be read of it"
        )
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return CatalogueBusyError(
            f"another program has held {path} for more than {_BUSY_S:g} s; try again when it "
            "is done"
        )
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        return CatalogueFullError(
            f"cannot write {path}: {exc}; is the disk full? What was there before is kept: make "
            "room, then go on with affetto library update"
        )
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return CatalogueFullError(
            f"cannot write {path}: {exc}; may you write to it and to its folder? Another place is "
            "named with --db"
        )
    return CatalogueError(f"the library {path}: {exc}")


def _kept_copies(path: Path) -> list[Path]:
    """List the copies of a damaged database, oldest first.

    What is damaged is met again by every question: one copy is made by itself, no more.
    """
    start = f"{path.name}.damaged-"
    with suppress(OSError):
        return sorted(
            one
            for one in path.parent.iterdir()
            if one.name.startswith(start) and not one.name.endswith(SIDE_FILES)
        )
    return []


def keep_copy(path: Path) -> Path | None:
    """Copy a database aside as it is now, with what its journal holds; None where that fails.

    It is never an older copy: in WAL mode the file's time says nothing of the last transactions.
    """
    stem = f"{path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}"
    kept, n_same = path.with_name(stem), 1
    while any(kept.with_name(kept.name + side).exists() for side in ("", *SIDE_FILES)):
        n_same += 1
        kept = path.with_name(f"{stem}-{n_same}")
    try:
        for side in SIDE_FILES[:1]:
            beside = path.with_name(path.name + side)
            if beside.exists() and beside.stat().st_size:
                shutil.copy2(beside, kept.with_name(kept.name + side))
        shutil.copy2(path, kept)
    except OSError:
        return None
    return kept


def is_intact(path: Path) -> bool:
    """Whether SQLite finds nothing wrong in the database, indices included."""
    try:
        with closing(_open(path, readonly=True)) as db:
            (answer,) = db.execute("PRAGMA integrity_check(1)").fetchone()
            return bool(answer == "ok")
    except sqlite3.Error:
        return False
