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
from types import TracebackType
from typing import Any, Final, Self

import platformdirs

from affetto.errors import OfflineError

APPLICATION_ID: Final = 0x61666361  # "afca"
VERSION: Final = 1

DAY_S = 86_400.0
PLAYLIST_DAYS = 1.0
"""How long a playlist's content counts; ``--refresh`` asks earlier."""
FEATURES_DAYS = 180.0
"""How long a track's features count: recordings do not change."""
MISS_DAYS = 30.0
"""How long "unknown" counts: services learn of new tracks."""

_BUSY_S = 30.0
_CHUNK = 500  # keys a query: SQLite allows 999 variables in old builds
_CLOCK_SLACK_S = 600.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
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


class AnswerCache:
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
        self._db = self._open(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

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
        wanted = list(dict.fromkeys(keys))
        now = self._now()
        found: dict[str, Kept] = {}
        with self._lock:
            for start in range(0, len(wanted), _CHUNK):
                part = wanted[start : start + _CHUNK]
                marks = ",".join("?" * len(part))
                query = (
                    "SELECT key, value, fetched_at, expires_at FROM answers "  # noqa: S608
                    f"WHERE service = ? AND kind = ? AND key IN ({marks})"
                )
                for key, value, fetched_at, expires_at in self._rows(query, (service, kind, *part)):
                    # One from the future was written while the clock was wrong: nobody knows
                    # its age.
                    is_fresh = fetched_at - _CLOCK_SLACK_S <= now < expires_at
                    if changes and fetched_at < self._since:
                        is_fresh = False
                    if is_fresh or self.offline:
                        with suppress(zlib.error, ValueError, TypeError):
                            found[key] = Kept(None if value is None else _unpacked(value))
        return found

    def put(self, service: str, kind: str, key: str, value: object, *, days: float) -> None:
        """Keep an answer; None for "unknown"."""
        self.put_many(service, kind, {key: value}, days=days)

    def put_many(
        self, service: str, kind: str, answers: Mapping[str, object], *, days: float
    ) -> None:
        """Keep many answers at once, all or none."""
        now = self._now()
        rows = [
            (service, kind, key, None if value is None else _packed(value), now, now + days * DAY_S)
            for key, value in answers.items()
        ]
        with self._lock:
            try:
                with self._db:
                    self._db.executemany(
                        "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?)", rows
                    )
            except sqlite3.Error as exc:
                self._tell(f"what services answer cannot be kept ({exc}): is the disk full?")

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

    def _rows(self, query: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        try:
            return self._db.execute(query, values).fetchall()
        except sqlite3.Error as exc:
            self._tell(f"kept answers cannot be read ({exc}): they are asked for anew")
            return []

    def _tell(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)

    def _open(self, path: str | os.PathLike[str] | None) -> sqlite3.Connection:
        """Open the file; one that cannot be used is put aside, for a cache must not stop a run."""
        if path == ":memory:":
            return _connect(":memory:")
        file = Path(path) if path is not None else default_path()
        try:
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with suppress(FileExistsError):
                os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except OSError as exc:
            self._tell(f"answers cannot be kept in {file}: {exc.strerror or exc}")
            return _connect(":memory:")
        try:
            return _connect(str(file))
        except _ForeignError as exc:
            self._tell(f"{file} {exc}: answers are not kept in this run")
            return _connect(":memory:")
        except sqlite3.Error as exc:
            aside = file.with_name(f"{file.name}.damaged-{int(time.time())}")
            try:
                for side in ("", "-wal", "-shm"):
                    with suppress(FileNotFoundError):
                        file.with_name(file.name + side).replace(aside.with_name(aside.name + side))
                self._tell(f"{file} is damaged ({exc}): put aside as {aside.name}, begun anew")
                os.close(os.open(file, os.O_CREAT | os.O_WRONLY, 0o600))
                return _connect(str(file))
            except (OSError, sqlite3.Error):
                self._tell(f"{file} cannot be used ({exc}): answers are not kept in this run")
                return _connect(":memory:")


class _ForeignError(Exception):
    """The file is another program's, or a newer affetto's."""


def default_path() -> Path:
    """Where answers are kept, in the user's cache folder."""
    return Path(platformdirs.user_cache_dir("affetto", appauthor=False)) / "answers.sqlite"


def _connect(name: str) -> sqlite3.Connection:
    db = sqlite3.connect(name, timeout=_BUSY_S, check_same_thread=False)
    try:
        (application,) = db.execute("PRAGMA application_id").fetchone()
        (version,) = db.execute("PRAGMA user_version").fetchone()
        (n_tables,) = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if n_tables and application != APPLICATION_ID:
            raise _ForeignError("is a database of another program, left untouched")
        if version > VERSION:
            raise _ForeignError("was made by a newer affetto, left untouched")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        with db:
            db.execute(_SCHEMA)
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            db.execute(f"PRAGMA user_version = {VERSION}")
    except BaseException:
        db.close()
        raise
    return db


def _packed(value: object) -> bytes:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return zlib.compress(text.encode("utf-8", "surrogatepass"), 1)


def _unpacked(value: bytes) -> Any:
    return json.loads(zlib.decompress(value).decode("utf-8", "surrogatepass"))
