"""The catalogue of a music library: one database file, and all that is done with it."""

import os
import sqlite3
import threading
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from affetto.audio.version import ANALYSIS_VERSION
from affetto.errors import CatalogueError, TrackNotFoundError, UsageError
from affetto.features import FEATURE_NAMES
from affetto.library import folders, queries, schema, store
from affetto.library.audio_hash import audio_hash
from affetto.library.entry import STATES, Entry
from affetto.library.folders import Folder, absolute
from affetto.library.labelling import labels_of
from affetto.library.lock import is_scanning
from affetto.library.model_shelf import ModelShelf, ShelvedModel
from affetto.library.queries import Page, Points
from affetto.library.query import Query
from affetto.model import MoodModel
from affetto.moods import (
    BY_NAME,
    MAX_MOODS,
    Mood,
    canonical_mood,
    mood_order,
    resolve_moods,
    same_name,
)
from affetto.sources.playlists import printable

_LONGEST_MOOD = 64


@dataclass(frozen=True, slots=True)
class MoodCount:
    """A mood that occurs in the library, or that the model in use can say."""

    mood: Mood
    count: int
    own_count: int


@dataclass(frozen=True, slots=True)
class Status:
    """How a library stands.

    Attributes
    ----------
    tracks : int
        All, in whatever state.
    done, failed, waiting, missing : int
    moods : dict of str to int
        Tracks that are done, by effective mood.
    own_labels : int
        Recordings with a label of the user's own, in the library or remembered.
    folders : list of Folder
    old_analysis : int
        Tracks heard by an older analysis.
    model : str
    scanning : bool
    path : Path
        The database.
    size_bytes : int
    """

    tracks: int
    done: int
    failed: int
    waiting: int
    missing: int
    moods: dict[str, int]
    own_labels: int
    folders: list[Folder]
    old_analysis: int
    model: str
    scanning: bool
    path: Path
    size_bytes: int

    def as_dict(self) -> dict[str, Any]:
        """Give plain data for JSON."""
        folders = [
            {"path": printable(folder.path), "tracks": folder.n_tracks} for folder in self.folders
        ]
        own = {name: getattr(self, name) for name in self.__slots__}
        return {**own, "folders": folders, "path": printable(self.path)}


class Catalogue:
    """A library's database, open; a context manager.

    Make one a thread with `Catalogue.open`. Readers see the last whole transaction and never
    wait; writers wait for each other.
    """

    def __init__(self, path: Path, db: sqlite3.Connection, *, readonly: bool):
        self.path = path
        self.is_readonly = readonly
        self._db = db
        self._shelf = ModelShelf(db, path)
        self._lock = threading.RLock()

    @classmethod
    def open(
        cls, path: str | Path | None = None, *, create: bool = True, readonly: bool = False
    ) -> Self:
        """Open a library's database.

        Parameters
        ----------
        path : path, optional
            Default: `affetto.library.schema.default_path`.
        create : bool
            Make it where there is none.
        readonly : bool
            For reading alone.

        Raises
        ------
        CatalogueError
            And its kinds: see `affetto.library.schema.connect`.
        """
        place = schema.default_path() if path is None else Path(path)
        return cls(
            place, schema.connect(place, create=create, readonly=readonly), readonly=readonly
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the database; again does no harm."""
        self._db.close()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give the connection, for reading; its errors come as ours."""
        with self._lock, schema.translated(self.path):
            yield self._db

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Give the connection within a transaction; its errors come as ours."""
        if self.is_readonly:
            raise CatalogueError(f"{self.path} was opened for reading alone")
        with self._lock, schema.translated(self.path), schema.writing(self._db):
            yield self._db

    # --- Folders ---------------------------------------------------------------------------

    def folders(self) -> list[Folder]:
        """List the folders of the library, in the order they were added."""
        with self.reading() as db:
            return folders.known(db)

    def add_folders(self, paths: Sequence[str | Path]) -> list[str]:
        """Make folders part of the library, all or none; see `add_folder`.

        Returns
        -------
        list of str
            The folders as they were named, absolute.
        """
        with self.writing():
            for path in paths:
                self.add_folder(path)
        return [absolute(path) for path in paths]

    def add_folder(self, path: str | Path) -> Folder:
        """Make a folder part of the library; its files are found by the next scan.

        One inside a folder of the library is part of it already; one around others takes them
        in. What was forgotten there before is welcome again.

        Returns
        -------
        Folder
            The folder of the library that holds it.

        Raises
        ------
        UsageError
            If there is no such folder.
        """
        place = absolute(path)
        if not os.path.isdir(place):  # noqa: PTH112 - names that are not UTF-8
            what = "is a file" if os.path.exists(place) else "does not exist"  # noqa: PTH110
            raise UsageError(f"{printable(place)} {what}; name a folder of music")
        with self.writing() as db:
            return folders.add(db, place)

    def forget(self, path: str | Path, *, purge: bool = False) -> int:
        """Take a folder or a file out of the library; nothing on the disk is touched.

        A part of a folder that stays is left out of further scans, until it is added again.

        Parameters
        ----------
        path : path
        purge : bool
            Forget the user's own labels of these recordings too; else they are remembered, by
            their audio, in case the music comes back.

        Returns
        -------
        int
            How many tracks were forgotten.

        Raises
        ------
        TrackNotFoundError
            If the library has no such folder and nothing in it.
        """
        with self.writing() as db:
            return folders.forget(db, absolute(path), purge=purge)

    def left_out(self) -> list[str]:
        """List the parts of folders that scans leave out, since they were forgotten."""
        with self.reading() as db:
            return folders.left_out(db)

    # --- Reading ---------------------------------------------------------------------------

    def tracks(self, query: Query | None = None) -> Page:
        """Give a part of a list of tracks; see `Query`."""
        with self.reading() as db:
            return queries.find(db, query or Query())

    def every(self, query: Query | None = None) -> Iterator[Entry]:
        """Give all tracks that a query means, in its order, a thousand at a time."""
        wanted = query or Query()
        with self.reading() as db:
            ids = queries.find_ids(db, wanted)
        for begin in range(0, len(ids), 1000):
            with self.reading() as db:
                part = queries.entries_by_id(db, ids[begin : begin + 1000])
            yield from part

    def track(self, track_id: int) -> Entry | None:
        """Give a track by its id; None where there is none."""
        with self.reading() as db:
            found = queries.entries_by_id(db, [track_id])
        return found[0] if found else None

    def track_at(self, path: str | Path) -> Entry | None:
        """Give a track by its file's path; None where there is none."""
        with self.reading() as db:
            row = db.execute(
                "SELECT id FROM tracks WHERE path = ?", [os.fsencode(absolute(path))]
            ).fetchone()
        return self.track(row[0]) if row else None

    def points(self, query: Query | None = None) -> Points:
        """Give the places of tracks on the mood map."""
        with self.reading() as db:
            return queries.points(db, query or Query())

    def timeline(self, track_id: int) -> list[dict[str, Any]] | None:
        """Give a track's windows: ``start_s``, ``stop_s``, the ten features, and ``p`` by mood.

        Returns
        -------
        list of dict, or None
            None where the track's windows were not heard (yet). ``p`` is None where a feature
            that the model needs is unknown in a window.
        """
        with self.reading() as db:
            moments = store.get_timeline(db, track_id)
        if moments is None:
            return None
        model = self.model()
        rows = [[moment.get(name) for name in FEATURE_NAMES] for moment in moments]
        for moment, label in zip(moments, labels_of(rows, model), strict=True):
            shares = np.frombuffer(label[-1], np.float32).tolist() if label[-1] else None
            moment["p"] = shares and dict(zip(model.moods, shares, strict=True))
        return moments

    def moods(self) -> list[MoodCount]:
        """List the moods of the model in use and the user's own, with their counts."""
        with self.reading() as db:
            counts = Counter(_counted(db, "mood", "state = 'done'"))
            own = Counter(_counted(db, "own_mood", "state = 'done'"))
        said = self.model().moods
        names = [*said, *mood_order({*counts} - {*said})][:MAX_MOODS]
        return [
            MoodCount(mood, counts[mood.name], own[mood.name])
            for mood in _coloured(names, len(said))
        ]

    def status(self) -> Status:
        """Say how the library stands."""
        with self.reading() as db:
            states = _counted(db, "state", "1")
            moods = _counted(db, "mood", "state = 'done'")
            (n_own,) = db.execute("SELECT count(*) FROM own_labels").fetchone()
            (n_old,) = db.execute(
                "SELECT count(*) FROM tracks WHERE analysis_version < ?", [ANALYSIS_VERSION]
            ).fetchone()
        beside = [self.path.with_name(self.path.name + side) for side in ("", *schema.SIDE_FILES)]
        return Status(
            tracks=sum(states.values()),
            **{state: states.get(state, 0) for state in STATES},
            moods={mood: moods[mood] for mood in mood_order(moods)},
            own_labels=n_own,
            folders=self.folders(),
            old_analysis=n_old,
            model=self.shelved_model().name,
            scanning=is_scanning(self.path),
            path=self.path,
            size_bytes=sum(path.stat().st_size for path in beside if path.exists()),
        )

    def lengths(self) -> dict[str, float]:
        """Add up, by effective mood, the lengths of tracks that are done, in milliseconds."""
        with self.reading() as db:
            rows = db.execute(
                "SELECT mood, sum(duration_ms) FROM tracks WHERE state = 'done' AND mood IS NOT "
                "NULL GROUP BY mood"
            ).fetchall()
        return {row[0]: row[1] or 0.0 for row in rows}

    def failures(self, limit: int | None = None) -> list[Entry]:
        """Give tracks that could not be heard, by title."""
        return self.tracks(Query(states=("failed",), limit=limit)).entries

    # --- Own labels ------------------------------------------------------------------------

    def correct(self, track_id: int, mood: str | None) -> Entry:
        """Give a track a label of one's own; None takes it back.

        It holds for the recording: for every copy of it, wherever it is moved, and when it is
        forgotten and comes back.

        Raises
        ------
        TrackNotFoundError
            If there is no such track.
        UsageError
            If `mood` is empty, too long, or not printable.
        CatalogueError
            If the track was not heard yet and its file cannot be read.
        """
        name = None if mood is None else self._spelt(own_mood(mood))
        entry = self.track(track_id)
        if entry is None:
            raise TrackNotFoundError(f"the library has no track {track_id}; was it forgotten?")
        digest = entry.audio_hash
        if digest is None:
            try:
                digest = audio_hash(entry.path)
            except OSError as exc:
                raise CatalogueError(
                    f"{printable(entry.path)} cannot be read, so that its label could not follow "
                    f"it: {exc.strerror or exc}"
                ) from exc
        with self.writing() as db:
            db.execute("UPDATE tracks SET audio_hash = ? WHERE id = ?", [digest, track_id])
            store.set_own_mood(db, digest, name)
        corrected = self.track(track_id)
        if corrected is None:
            raise TrackNotFoundError(f"track {track_id} was forgotten in the meantime")
        return corrected

    def _spelt(self, mood: str) -> str:
        """Spell a mood as one that is in use already, where they differ by case or spaces alone."""
        with self.reading() as db:
            own = [row[0] for row in db.execute("SELECT DISTINCT mood FROM own_labels ORDER BY 1")]
        known = (*self.model().moods, *own)
        return next((one for one in known if same_name(one) == same_name(mood)), mood)

    def own_labels(self) -> list[tuple[Entry, str]]:
        """Give the tracks that the user labelled, a recording once, with their features."""
        with self.reading() as db:
            ids = [
                row[0]
                for row in db.execute(
                    "SELECT min(id) FROM tracks WHERE own_mood IS NOT NULL AND heard_at IS NOT "
                    "NULL GROUP BY audio_hash ORDER BY 1"
                )
            ]
            entries = queries.entries_by_id(db, ids)
        return [(entry, entry.own_mood) for entry in entries if entry.own_mood]

    # --- Models ----------------------------------------------------------------------------

    def model(self) -> MoodModel:
        """Give the model in use: affetto's own, or a personal one."""
        with self.reading():
            return self._shelf.load()

    def shelved_model(self) -> ShelvedModel:
        """Say which model is in use."""
        with self.reading():
            return self._shelf.in_use()

    def models(self) -> list[ShelvedModel]:
        """List affetto's own model and all personal ones."""
        with self.reading():
            return self._shelf.models()

    def use_model(self, model: MoodModel | None = None) -> ShelvedModel:
        """Label the library by another model, at once and as a whole; None: affetto's own."""
        with self._lock, schema.translated(self.path):
            return self._shelf.use(model)

    def revert_model(self) -> ShelvedModel:
        """Go back to the model before the one in use."""
        with self._lock, schema.translated(self.path):
            return self._shelf.revert()

    def refresh_labels(self) -> bool:
        """Label anew if affetto brought another model since; say whether it did."""
        with self._lock, schema.translated(self.path):
            return self._shelf.refresh()

    # --- For those who write files ---------------------------------------------------------

    def touched(self, track_id: int) -> None:
        """Take a track's file as it is now for the one that was heard: its tags were written.

        Raises
        ------
        TrackNotFoundError
            If there is no such track, or its file is not there.
        """
        entry = self.track(track_id)
        try:
            stamp = store.Stamp.of(os.stat(entry.path)) if entry else None  # noqa: PTH116
        except OSError as exc:
            raise TrackNotFoundError(f"the file of track {track_id} is gone: {exc}") from exc
        if stamp is None:
            raise TrackNotFoundError(f"the library has no track {track_id}; was it forgotten?")
        with self.writing() as db:
            store.record_stamp(db, track_id, stamp)

    def put_timeline(self, track_id: int, moments: Sequence[dict[str, Any]]) -> None:
        """Keep a track's windows that were heard on demand."""
        with self.writing() as db:
            store.put_timeline(db, track_id, moments)


def own_mood(mood: str) -> str:
    """Check a mood that a user gives; spell it as the five are where it is one of them.

    Raises
    ------
    UsageError
        If it is empty, too long, or not printable.
    """
    name = canonical_mood(unicodedata.normalize("NFC", mood))
    if not name or len(name) > _LONGEST_MOOD or not name.isprintable():
        raise UsageError(
            f"{mood[:80]!r} cannot be a mood: expected 1 to {_LONGEST_MOOD} printable characters"
        )
    return name


def _coloured(names: Sequence[str], n_said: int) -> list[Mood]:
    """Give colours to a model's moods and the user's own, which may differ by a sign alone."""
    stands_for = [
        name if place < n_said or name in BY_NAME else f"own {place}"
        for place, name in enumerate(names)
    ]
    resolved = resolve_moods(stands_for)
    return [replace(mood, name=name) for mood, name in zip(resolved, names, strict=True)]


def _counted(db: sqlite3.Connection, column: str, condition: str) -> dict[str, int]:
    rows: Iterable[Any] = db.execute(
        f"SELECT {column}, count(*) FROM tracks "  # noqa: S608
        f"WHERE {condition} AND {column} IS NOT NULL GROUP BY {column}"
    )
    return {row[0]: row[1] for row in rows}
