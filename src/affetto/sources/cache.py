"""What services answered, kept: an SQLite file of answers and misses, each with an expiry.

A run that was broken off goes on from here, and a second run asks nothing again. Secrets never
enter: keys are ids and names, values are what a service told about music.
"""

import json
import os
import sqlite3
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import platformdirs

from affetto.errors import OfflineError
from affetto.sources.contract import Closable

APPLICATION_ID: Final = 0x61666361  # "afca"
VERSION: Final = 1
"""Grows when anything that is kept changes its shape: older answers are forgotten then."""

DAY_S = 86_400.0
PLAYLIST_DAYS = 1.0
"""How long a playlist's content counts; ``--refresh`` asks earlier."""
FEATURES_DAYS = 180.0
"""How long a track's features count: recordings do not change."""
MISS_DAYS = 30.0
"""How long "unknown" counts: services learn of new tracks."""

T = TypeVar("T")

_BUSY_S = 30.0
_CHUNK = 500  # keys a query: SQLite allows 999 variables in old builds
_CLOCK_SLACK_S = 600.0

_SCHEMA = """
CREATE TABLE answers (
    service TEXT NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    value BLOB,
    fetched_at REAL NOT NULL,
    expires_at REAL NOT NULL,
    PRIMARY KEY (service, kind, key)
) WITHOUT ROWID
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer that was kept; `value` is None where the service knew nothing."""

    value: Any


class AnswerCache(Closable):
    """Answers of all services, in one file; may be used by several threads.

    Parameters
    ----------
    path : path, optional
        The database. Default: `default_path`. ``":memory:"`` keeps nothing.
    offline : bool
        Expired answers count too, since nothing may be asked; see `must_ask`.
    refresh : bool
        Of playlists, only what this run has fetched counts. Features of tracks stay.
    now : callable
        Seconds since the epoch.

    Attributes
    ----------
    notes : list of str
        What was wrong with the file, if anything. A cache never stops a run.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        offline: bool = False,
        refresh: bool = False,
        now: Callable[[], float] = time.time,
    ):
        self.offline = offline
        self.notes: list[str] = []
        self._now = now
        self._since = now() if refresh else -float("inf")
        self._lock = threading.Lock()
        self._file = None if path == ":memory:" else Path(path or default_path())
        self._db = self._open()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def get(self, service: str, kind: str, key: str, *, changes: bool = False) -> Kept | None:
        """Give a kept answer, or None where there is none that counts.

        Parameters
        ----------
        service : str
            Whose answer; with the account where answers depend on it.
        kind, key : str
            What was asked.
        changes : bool
            Whether the answer may be another tomorrow (a playlist): `refresh` is about such.
        """
        return self.get_many(service, kind, (key,), changes=changes).get(key)

    def get_many(
        self, service: str, kind: str, keys: Iterable[str], *, changes: bool = False
    ) -> dict[str, Kept]:
        """Give the kept answers among many keys."""
        by_written = {_writable(key): key for key in keys}
        wanted = list(by_written)
        now = self._now()
        found: dict[str, Kept] = {}
        for start in range(0, len(wanted), _CHUNK):
            part = wanted[start : start + _CHUNK]
            for key, value, fetched_at, expires_at in self._rows(_writable(service), kind, part):
                # One from the future was written while the clock was wrong: nobody knows its age.
                is_fresh = fetched_at - _CLOCK_SLACK_S <= now < expires_at
                if changes and fetched_at < self._since:
                    is_fresh = False
                if is_fresh or self.offline:
                    with suppress(zlib.error, ValueError, TypeError):
                        kept = Kept(None if value is None else _unpacked(value))
                        found[by_written[key]] = kept
        return found

    def put(self, service: str, kind: str, key: str, value: object, *, days: float) -> None:
        """Keep an answer; None for "unknown"."""
        self.put_many(service, kind, {key: value}, days=days)

    def put_many(
        self,
        service: str,
        kind: str,
        answers: Mapping[str, object],
        *,
        days: float,
        miss_days: float | None = None,
    ) -> None:
        """Keep many answers at once, all or none.

        Parameters
        ----------
        service, kind : str
        answers : mapping of str to object
            By key; None for "unknown".
        days : float
            How long an answer counts.
        miss_days : float, optional
            How long "unknown" counts. Default: as long.
        """
        now = self._now()
        ends = now + days * DAY_S
        miss_ends = ends if miss_days is None else now + miss_days * DAY_S
        rows = [
            (_writable(service), kind, _writable(key), None, now, miss_ends)
            if value is None
            else (_writable(service), kind, _writable(key), _packed(value), now, ends)
            for key, value in answers.items()
        ]

        def write(db: sqlite3.Connection) -> None:
            with db:
                db.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?)", rows)

        self._do(write, "what services answer cannot be kept; is the disk full?")

    def must_ask(self, what: str) -> None:
        """Say that a question has no kept answer.

        Raises
        ------
        OfflineError
            If nothing may be asked.
        """
        if self.offline:
            raise OfflineError(
                f"{what} is not among the answers that are kept; leave out --offline to ask for it"
            )

    def _rows(self, service: str, kind: str, keys: list[str]) -> list[tuple[Any, ...]]:
        marks = ",".join("?" * len(keys))
        query = (
            "SELECT key, value, fetched_at, expires_at FROM answers "  # noqa: S608
            f"WHERE service = ? AND kind = ? AND key IN ({marks})"
        )

        def read(db: sqlite3.Connection) -> list[tuple[Any, ...]]:
            return db.execute(query, (service, kind, *keys)).fetchall()

        return self._do(read, "kept answers cannot be read and are asked for anew") or []

    def _do(self, work: Callable[[sqlite3.Connection], T], trouble: str) -> T | None:
        """Work on the file; where its damage shows only now, begin anew and work on that."""
        with self._lock:
            for _ in range(2):
                try:
                    return work(self._db)
                except sqlite3.Error as exc:
                    if self._file is None or not _is_damage(exc):
                        self._tell(f"{trouble} ({exc})")
                        return None
                    self._db.close()
                    self._db = self._begun_anew(self._file, exc)
        return None

    def _tell(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)

    def _open(self) -> sqlite3.Connection:
        """Open the file; where it cannot be used, go without: a cache must not stop a run."""
        if self._file is None:
            return _connect(":memory:")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with suppress(FileExistsError):
                os.close(os.open(self._file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            return _connect(str(self._file))
        except OSError as exc:
            self._tell(f"answers cannot be kept in {self._file}: {exc.strerror or exc}")
        except _ForeignError as exc:
            self._tell(f"{self._file} {exc}: answers are not kept in this run")
        except sqlite3.Error as exc:
            if _is_damage(exc):
                return self._begun_anew(self._file, exc)
            self._tell(f"{self._file} cannot be used ({exc}): answers are not kept in this run")
        return _connect(":memory:")

    def _begun_anew(self, file: Path, damage: sqlite3.Error) -> sqlite3.Connection:
        aside = file.with_name(f"{file.name}.damaged-{int(time.time())}")
        try:
            for side in ("", "-wal", "-shm"):
                with suppress(FileNotFoundError):
                    file.with_name(file.name + side).replace(aside.with_name(aside.name + side))
            os.close(os.open(file, os.O_CREAT | os.O_WRONLY, 0o600))
            db = _connect(str(file))
        except (OSError, sqlite3.Error, _ForeignError):
            self._tell(f"{file} is damaged ({damage}): answers are not kept in this run")
            return _connect(":memory:")
        self._tell(f"{file} is damaged ({damage}): put aside as {aside.name}, begun anew")
        return db


class _ForeignError(Exception):
    """The file is another program's, or a newer affetto's."""


def default_path() -> Path:
    """Where answers are kept, in the user's cache folder."""
    return Path(platformdirs.user_cache_dir("affetto", appauthor=False)) / "answers.sqlite"


def _connect(name: str) -> sqlite3.Connection:
    db = sqlite3.connect(name, timeout=_BUSY_S, check_same_thread=False)
    try:
        if not _is_ours(db):
            with suppress(sqlite3.OperationalError):  # busy: another process does the same
                db.execute("PRAGMA journal_mode = WAL")
            with db:
                # Looked at once more behind the lock: whoever begins it does so in one go.
                db.execute("BEGIN IMMEDIATE")
                if not _is_ours(db):
                    db.execute("DROP TABLE IF EXISTS answers")
                    db.execute(_SCHEMA)
                    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                    db.execute(f"PRAGMA user_version = {VERSION}")
        db.execute("PRAGMA synchronous = NORMAL")
    except BaseException:
        db.close()
        raise
    return db


def _is_ours(db: sqlite3.Connection) -> bool:
    """Whether the tables are there and as they are now; False for an empty or an older file."""
    # Tables first: they appear together with the marks, perhaps between two of these questions.
    (n_tables,) = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if n_tables and application != APPLICATION_ID:
        raise _ForeignError("is a database of another program, left untouched")
    if version > VERSION:
        raise _ForeignError("was made by a newer affetto, left untouched")
    return bool(n_tables) and version == VERSION


def _is_damage(exc: sqlite3.Error) -> bool:
    code = getattr(exc, "sqlite_errorcode", 0) & 0xFF  # the kinds of an error stand above
    return code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def _writable(key: str) -> str:
    """Write what no UTF-8 can hold, half of a character from an odd file name, as its number."""
    return key.encode("utf-8", "backslashreplace").decode("utf-8")


def _packed(value: object) -> bytes:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return zlib.compress(text.encode("utf-8", "surrogatepass"), 1)


def _unpacked(value: bytes) -> Any:
    return json.loads(zlib.decompress(value).decode("utf-8", "surrogatepass"))
