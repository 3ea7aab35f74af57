"""What became of a folder's files since the last look: new, changed, moved, missing, or as before.

An unchanged file costs one look at its size and time of change. A file that was renamed is known
by these and its inode, without being read; one that came from elsewhere is known by its audio,
when it is its turn to be heard.
"""

import os
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from affetto.audio.version import ANALYSIS_VERSION
from affetto.library import store
from affetto.library.queries import below
from affetto.library.store import Stamp
from affetto.sources.files import find_inputs
from affetto.sources.playlists import printable

_NO_AUDIO = "is a folder without audio files"  # of `affetto.sources.files`: seen, and empty
_MOST_ALIKE = 8  # tracks elsewhere that a new file may have been; copies have the same stamp


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which tracks are to be heard, besides new and changed ones."""

    retry_failed: bool = False
    reanalyse: bool = False
    timeline: bool = False


@dataclass(frozen=True, slots=True)
class ToHear:
    """A file that is to be heard.

    Attributes
    ----------
    track_id, path, root : int, str, str
    stamp : Stamp
        As it was when it was seen.
    is_again : bool
        Whether it was heard before and did not change: then what is known of it stays until
        something better is.
    """

    track_id: int
    path: str
    root: str
    stamp: Stamp
    is_again: bool


@dataclass(slots=True)
class Findings:
    """What a look at folders found; counts of files, and what is to be heard."""

    seen: int = 0
    new: int = 0
    changed: int = 0
    moved: int = 0
    unchanged: int = 0
    vanished: set[int] = field(default_factory=set)
    to_hear: list[ToHear] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def missing(self) -> int:
        """How many tracks have no file now that had one before."""
        return len(self.vanished)


@dataclass(slots=True)
class _Known:
    """A track as the catalogue has it."""

    track_id: int
    path: str
    stamp: Stamp
    state: str
    is_old: bool
    has_timeline: bool


def is_reachable(root: str) -> bool:
    """Whether a folder is there and holds anything: an empty one may be a disk that is not."""
    try:
        with os.scandir(root) as scan:
            return next(scan, None) is not None
    except OSError:
        return False


@dataclass(slots=True)
class Look:
    """A look at a folder of the library or a part of it: `read`, which may take long; `settle`.

    Attributes
    ----------
    db : sqlite3.Connection
    root_id, root : int, str
        The library's folder.
    scope : str
        That folder, or one in it.
    left_out : sequence of str
        Parts of it that were forgotten.
    wanted : Wanted
    findings : Findings
        Added to.
    """

    db: sqlite3.Connection
    root_id: int
    root: str
    scope: str
    left_out: Sequence[str]
    wanted: Wanted
    findings: Findings
    _files: dict[str, Stamp] = field(default_factory=dict)
    _known: dict[str, _Known] = field(default_factory=dict)
    _gone: dict[str, _Known] = field(default_factory=dict)

    def read(self, tell: Callable[[], None]) -> None:
        """Find the files on the disk, and what the catalogue knows of them.

        Parameters
        ----------
        tell : callable
            Called now and then.
        """
        self._known = self._read_known()
        if not is_reachable(self.root):
            self._leave_as_it_is()
            return
        unseen = self._walk(tell)
        if not is_reachable(self.root):  # a disk that went while we looked
            self._leave_as_it_is()
            return
        protected = tuple(os.path.join(path, "") for path in unseen)  # noqa: PTH118
        self._gone = {
            path: track
            for path, track in self._known.items()
            if path not in self._files
            and not (protected and path.startswith(protected))
            and path not in unseen
            and not _is_out_of_sight(path)
        }

    def _leave_as_it_is(self) -> None:
        if self._known:
            what = "is empty" if os.path.isdir(self.root) else "is not there"  # noqa: PTH112
            self.findings.problems.append(
                f"{printable(self.root)} {what}: is its disk connected? Its "
                f"{len(self._known):,} tracks are left as they are; affetto library forget takes "
                "them out"
            )
        self.findings.seen -= len(self._files)
        self._known, self._files = {}, {}

    def _walk(self, tell: Callable[[], None]) -> set[str]:
        """Find audio files; give the folders and files at which nobody could look."""
        unseen: set[str] = set()
        if store.is_gone(self.scope):  # since, with all that was in it
            return unseen
        left_out = {*self.left_out}
        left_out_below = tuple(os.path.join(path, "") for path in left_out)  # noqa: PTH118
        for place, entry in enumerate(find_inputs([self.scope]).audio):
            path = entry.path
            if entry.error is not None:
                is_empty = path == self.scope and entry.error.startswith(_NO_AUDIO)
                is_folder = os.path.isdir(path)  # noqa: PTH112
                if not is_empty and (is_folder or not os.path.lexists(path)):
                    unseen.add(path)
                    self.findings.problems.append(f"{printable(path)} {entry.error}")
                continue
            if path in left_out or (left_out_below and path.startswith(left_out_below)):
                continue
            try:
                self._files[path] = Stamp.of(os.stat(path))  # noqa: PTH116
            except (FileNotFoundError, NotADirectoryError):
                continue  # gone in this very moment
            except OSError as exc:
                unseen.add(path)
                self.findings.problems.append(
                    f"{printable(path)} cannot be looked at: {exc.strerror or exc}"
                )
                continue
            self.findings.seen += 1
            if place % 500 == 0:
                tell()
        return unseen

    def _read_known(self) -> dict[str, _Known]:
        low, high = below(self.scope)
        with_timeline = {row[0] for row in self.db.execute("SELECT track_id FROM timelines")}
        rows = self.db.execute(
            "SELECT id, path, size_bytes, modified_ns, inode, state, analysis_version "
            "FROM tracks WHERE folder_id = ? AND path >= ? AND path < ?",
            [self.root_id, low, high],
        )
        known = {}
        for track_id, path, size, modified, inode, state, version in rows:
            name = os.fsdecode(path)
            stamp = Stamp(size, modified, inode)
            is_old = version is not None and version < ANALYSIS_VERSION
            has_timeline = track_id in with_timeline
            known[name] = _Known(track_id, name, stamp, state, is_old, has_timeline)
        return known

    def settle(self) -> None:
        """Write down what was found; to be called within a transaction."""
        still = self.db.execute("SELECT 1 FROM folders WHERE id = ?", [self.root_id]).fetchone()
        if not still:
            return  # forgotten meanwhile
        self._settle_known()
        fresh = self._settle_moved()
        vanished = [one.track_id for one in self._gone.values() if one.state != "missing"]
        store.record_missing(self.db, vanished)
        self.findings.vanished.update(vanished)
        store.add_waiting(self.db, self.root_id, self.root, fresh)
        self.findings.new += len(fresh)
        ids = _ids(self.db, [path for path, _ in fresh])
        for path, stamp in fresh:
            self._queue(ids[path], path, stamp)

    def _queue(self, track_id: int, path: str, stamp: Stamp, *, is_again: bool = False) -> None:
        self.findings.to_hear.append(ToHear(track_id, path, self.root, stamp, is_again))

    def _settle_known(self) -> None:
        """Sort out the files that the catalogue has under their paths."""
        found_again: list[int] = []
        for path, stamp in self._files.items():
            track = self._known.get(path)
            if track is None:
                continue
            if track.state == "missing":
                found_again.append(track.track_id)
            # The inode is no part of it: some drives number their files anew each time.
            if stamp.as_row()[:2] != track.stamp.as_row()[:2]:
                self.findings.changed += 1
                self._queue(track.track_id, path, stamp)
                continue
            self.findings.unchanged += 1
            state = track.state
            if state == "missing":
                state = store.state_when_found(self.db, track.track_id)
            is_again = state == "done" and (
                (self.wanted.reanalyse and track.is_old)
                or (self.wanted.timeline and not track.has_timeline)
            )
            if is_again or self._is_wanted(state):
                self._queue(track.track_id, path, stamp, is_again=is_again)
        store.record_found_again(self.db, found_again)

    def _is_wanted(self, state: str) -> bool:
        return state == "waiting" or (state == "failed" and self.wanted.retry_failed)

    def _settle_moved(self) -> list[tuple[str, Stamp]]:
        """Know renamed files again by size, time of change and inode; give those that are new."""
        by_stamp: dict[Stamp, list[_Known]] = defaultdict(list)
        for track in self._gone.values():
            by_stamp[track.stamp].append(track)
        new = []
        for path, stamp in self._files.items():
            if path in self._known:
                continue
            if candidates := by_stamp.get(stamp):
                track = candidates.pop()
                del self._gone[track.path]
                track_id: int | None = track.track_id
            else:
                track_id = _gone_elsewhere(self.db, stamp)
            if track_id is None:
                new.append((path, stamp))
                continue
            store.record_moved(self.db, track_id, self.root_id, self.root, path)
            self.findings.moved += 1
            if self._is_wanted(store.state_when_found(self.db, track_id)):
                self._queue(track_id, path, stamp)
        return new


def _is_out_of_sight(path: str) -> bool:
    """Whether nobody can say if a file is there: its disk fails, or forbids to look."""
    try:
        os.stat(path)  # noqa: PTH116
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return False


def _gone_elsewhere(db: sqlite3.Connection, stamp: Stamp) -> int | None:
    """Find a track of another folder that this file was: the same stamp, and no file now."""
    rows = db.execute(
        "SELECT id, path FROM tracks WHERE size_bytes = ? AND modified_ns = ? AND inode = ? "
        "LIMIT ?",
        [*stamp.as_row(), _MOST_ALIKE],
    ).fetchall()
    return next((row[0] for row in rows if store.is_gone(row[1])), None)


def _ids(db: sqlite3.Connection, paths: Sequence[str]) -> dict[str, int]:
    found = {}
    for path in paths:
        row = db.execute("SELECT id FROM tracks WHERE path = ?", [os.fsencode(path)]).fetchone()
        found[path] = row[0]
    return found
