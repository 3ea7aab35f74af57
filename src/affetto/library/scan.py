"""The scan: brings the catalogue up to date with the disk, and hears what was not heard yet.

Each track is written down as soon as it is heard, so that a scan that is stopped or killed goes
on where it was.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from affetto.audio.version import ANALYSIS_VERSION
from affetto.errors import UsageError
from affetto.library import store
from affetto.library.catalogue import Catalogue
from affetto.library.folders import Folder, is_within
from affetto.library.hearing import attend
from affetto.library.lock import scanning
from affetto.library.look import Findings, Look, ToHear, Wanted, is_reachable
from affetto.library.store import Stamp
from affetto.scoring.listen import TIMEOUT_S, without_name
from affetto.scoring.workers import Outcome, run_jobs
from affetto.sources.playlists import printable

NICE = 10
"""By how much the processes of a scan give way to others."""

_EVENT_S = 0.1

Event = dict[str, Any]
OnEvent = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class ScanResult:
    """What a scan did.

    Attributes
    ----------
    seen, new, changed, moved, missing, unchanged : int
        Files found on the disk, and what they were.
    heard, failed : int
        Files heard now, and those that could not be.
    known : int
        Of those heard: files whose audio was known already, so that they were not analysed.
    left : int
        Files that wait still: the scan was stopped, or they changed while they were heard.
    problems : tuple of str
        Folders that could not be looked into.
    stopped : bool
    seconds : float
    """

    seen: int
    new: int
    changed: int
    moved: int
    missing: int
    unchanged: int
    heard: int
    failed: int
    known: int
    left: int
    problems: tuple[str, ...]
    stopped: bool
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """Give plain data for JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(slots=True)
class _Progress:
    """Counts, and events told not too often."""

    on_event: OnEvent
    findings: Findings = field(default_factory=Findings)
    heard: int = 0
    failed: int = 0
    known: int = 0
    gone: int = 0
    done: int = 0
    to_hear: int = 0
    current: str | None = None
    began_s: float = 0.0
    _told_s: float = 0.0

    def tell(self, stage: str, *, now: bool = False) -> None:
        clock = time.monotonic()
        if not now and clock - self._told_s < _EVENT_S:
            return
        self._told_s = clock
        seconds = clock - self.began_s if self.began_s else 0.0
        rate = self.done / seconds if seconds > 0 else 0.0
        left = (self.to_hear - self.done) / rate if rate else None
        counts = ("seen", "new", "changed", "moved", "missing", "unchanged")
        self.on_event(
            {
                "stage": stage,
                **{name: getattr(self.findings, name) for name in counts},
                "to_hear": self.to_hear,
                "heard": self.heard,
                "failed": self.failed,
                "tracks_per_s": round(rate, 2),
                "seconds_left": None if left is None else round(left, 1),
                "current": self.current,
            }
        )


def scan(
    catalogue: Catalogue,
    *,
    folders: Sequence[str] | None = None,
    jobs: int | None = None,
    nice: int = NICE,
    retry_failed: bool = False,
    reanalyse: bool = False,
    timeline: bool = False,
    excerpt: bool = False,
    timeout_s: float = TIMEOUT_S,
    on_event: OnEvent | None = None,
    stop: threading.Event | None = None,
) -> ScanResult:
    """Bring a catalogue up to date with its folders, and hear what is new.

    Parameters
    ----------
    catalogue : Catalogue
        Open for writing.
    folders : sequence of str, optional
        Folders of the library, or parts of them. Default: all.
    jobs : int, optional
        Processes. Default: one a physical core.
    nice : int
        By how much they give way to others.
    retry_failed : bool
        Try files again that could not be heard and did not change.
    reanalyse : bool
        Hear tracks again that an older analysis heard; what it told is used until then.
    timeline : bool
        Keep the features of windows too, for moods over time.
    excerpt : bool
        Hear three excerpts of each track only.
    timeout_s : float
        A file that takes longer is given up.
    on_event : callable, optional
        Told how far it is, several times a second.
    stop : threading.Event, optional
        Set it to stop: what is under way is finished.

    Returns
    -------
    ScanResult

    Raises
    ------
    ScanRunningError
        If another scan of this library is under way.
    UsageError
        If a folder is not of the library, or settings exclude each other.
    CatalogueFullError
        If the disk is full. All that was written before is kept.
    """
    if excerpt and timeline:
        raise UsageError("a timeline needs the whole track: leave --timeline or --excerpt out")
    started = time.monotonic()
    stop = stop or threading.Event()
    progress = _Progress(on_event or (lambda event: None))
    parts = _parts(catalogue.folders(), folders)
    wanted = Wanted(retry_failed, reanalyse, timeline)
    with scanning(catalogue.path):
        catalogue.refresh_labels()
        _look(catalogue, parts, wanted, progress, stop)
        if progress.to_hear:
            run = _Hearing(catalogue, progress, stop, is_excerpt=excerpt)
            settings = {
                "database": str(catalogue.path.absolute()),
                "excerpt": excerpt,
                "timeline": timeline,
                "version": ANALYSIS_VERSION,
            }
            outcomes = run_jobs(
                attend, run.items(), n_jobs=jobs, timeout_s=timeout_s, keywords=settings, nice=nice
            )
            with closing(outcomes):
                for outcome in outcomes:
                    run.settle(outcome)
                    progress.tell("hearing")
    progress.current = None
    progress.tell("stopped" if stop.is_set() else "done", now=True)
    findings = progress.findings
    return ScanResult(
        seen=findings.seen,
        new=findings.new,
        changed=findings.changed,
        moved=findings.moved,
        missing=findings.missing,
        unchanged=findings.unchanged,
        heard=progress.heard,
        failed=progress.failed,
        known=progress.known,
        left=progress.to_hear - progress.heard - progress.failed - progress.gone,
        problems=tuple(findings.problems),
        stopped=stop.is_set(),
        seconds=time.monotonic() - started,
    )


def _parts(known: Sequence[Folder], wanted: Sequence[str] | None) -> list[tuple[Folder, str]]:
    """Pair what is to be looked at with the library's folder that holds it."""
    if wanted is None:
        return [(folder, folder.path) for folder in known]
    parts = []
    for name in dict.fromkeys(os.path.abspath(os.path.expanduser(one)) for one in wanted):  # noqa: PTH100, PTH111
        holder = next((folder for folder in known if is_within(name, folder.path)), None)
        if holder is None:
            names = ", ".join(printable(folder.path) for folder in known) or "none yet"
            raise UsageError(
                f"{printable(name)} is not in the library, whose folders are: {names}; add it "
                "with affetto library add"
            )
        parts.append((holder, name))
    return parts


def _look(
    catalogue: Catalogue,
    parts: Sequence[tuple[Folder, str]],
    wanted: Wanted,
    progress: _Progress,
    stop: threading.Event,
) -> None:
    left_out = catalogue.left_out()
    progress.tell("looking", now=True)
    for folder, scope in parts:
        if stop.is_set():
            return
        with catalogue.reading() as db:
            look = Look(db, folder.id, folder.path, scope, left_out, wanted, progress.findings)
        look.read(lambda: progress.tell("looking"))  # it may take long, and must lock nobody out
        with catalogue.writing() as db:
            store.prune_log(db)
            look.settle()
    progress.to_hear = len(progress.findings.to_hear)
    progress.began_s = time.monotonic()
    progress.tell("hearing" if progress.to_hear else "looking", now=True)


class _Hearing:
    """Hands files to the workers, and writes down what becomes of each."""

    def __init__(
        self,
        catalogue: Catalogue,
        progress: _Progress,
        stop: threading.Event,
        *,
        is_excerpt: bool,
    ):
        self._catalogue = catalogue
        self._progress = progress
        self._stop = stop
        self._is_excerpt = is_excerpt
        self._handed: list[ToHear] = []
        self._lost: set[str] = set()

    def items(self) -> Iterator[str]:
        """Give the files that are to be heard, until the scan is stopped."""
        for file in self._progress.findings.to_hear:
            if self._stop.is_set():
                return
            if file.root in self._lost:
                continue
            self._handed.append(file)
            yield file.path

    def settle(self, outcome: Outcome) -> None:
        """Write down what became of a file."""
        progress, file = self._progress, self._handed[outcome.index]
        progress.done += 1
        progress.current = printable(file.path)
        told = outcome.value or {}
        error = told.get("error") if outcome.error is None else str(outcome.error)
        if told.get("changed"):
            return  # as it was: the next scan sees another stamp
        if error is not None:
            self._settle_failure(file, without_name(error, file.path), told)
            return
        stamp = Stamp(*told["stamp"])
        with self._catalogue.writing() as db:
            donor = store.choose_donor(db, file.track_id, told["same"])
            if not store.is_known(db, file.track_id) or (told["same"] and donor is None):
                return  # forgotten in this moment
            if donor is None:
                store.record_heard(
                    db,
                    file.track_id,
                    stamp,
                    told,
                    self._catalogue.model(),  # another may have been taken into use meanwhile
                    is_excerpt=self._is_excerpt,
                    version=ANALYSIS_VERSION,
                )
            else:
                now = store.record_same(db, file.track_id, stamp, told, donor)
                is_moved = now != file.track_id
                progress.known += 1
                progress.findings.moved += is_moved
                progress.findings.new -= is_moved
                progress.findings.vanished.discard(now)
        progress.heard += 1

    def _settle_failure(self, file: ToHear, error: str, told: dict[str, Any]) -> None:
        progress = self._progress
        if not is_reachable(file.root):
            if file.root not in self._lost:
                self._lost.add(file.root)
                progress.findings.problems.append(
                    f"{printable(file.root)} has vanished: was its disk disconnected? What was not "
                    "heard yet waits for affetto library update"
                )
            return
        with self._catalogue.writing() as db:
            if store.is_gone(file.path):
                store.record_missing(db, [file.track_id])
                progress.findings.vanished.add(file.track_id)
                progress.gone += 1
                return
            if not file.is_again:
                store.record_failed(db, file.track_id, file.stamp, error, told.get("audio_hash"))
        progress.failed += 1
