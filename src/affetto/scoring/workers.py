"""Many jobs on a few processes: a crash, a hang or a kill costs one item, never the run.

Each worker is a fresh Python that one thread of this process minds: the thread hands it an
item, waits for the answer, and puts another in its place when it dies or takes too long.
Every worker has a pipe of its own, so that one killed in mid-sentence disturbs no other; it
ends when its pipe closes, so that it never outlives us, whatever ends us. The main module is
not imported anew: a script needs no ``if __name__ == "__main__"``.

pebble 5.2, the best of its kind, was measured: killing its workers from outside broke or hung
its pool (they share a pipe and its locks), and workers outlived a parent that was killed.
"""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from affetto import errors
from affetto.errors import (
    AffettoError,
    UsageError,
    WorkerDiedError,
    WorkerError,
    WorkerTimeoutError,
)
from affetto.scoring.worker import BEGUN, encode, find

_START_S = 180.0
_STARTS = 3  # that many deaths before the first item are no accident
_ALARM_S = 2.0  # how much later than its minder a worker ends itself, were that minder gone
_AHEAD = 2  # items under way for each worker: one is worked on, one lies ready
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")

# glibc hands blocks of a megabyte back to the system, and each time they come back page by page;
# kept, analysis of audio takes about a tenth less time. Other systems don't look at these.
ALLOCATION = {
    "MALLOC_MMAP_THRESHOLD_": str(4 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(128 * 2**20),
}
"""What a worker's environment says of memory, unless it is said already."""

_CPUS = Path("/sys/devices/system/cpu")
_QUOTA = Path("/sys/fs/cgroup/cpu.max")

# -P: nothing is imported from the current folder, which may be anybody's collection of files.
_CHILD = (sys.executable, "-P", "-c")
_CHILD_CODE = (
    "import json, sys; sys.path[:] = json.loads(sys.stdin.buffer.readline())\n"
    "from affetto.scoring.worker import serve; serve()"
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one item.

    Attributes
    ----------
    index : int
        Its place among the items, from 0.
    value : object
        What the function returned, as JSON keeps it (tuples come as lists); None on error.
    error : AffettoError or None
        What the function raised; `WorkerError` for anything that is no `AffettoError`, the
        traceback among its notes; `WorkerDiedError`, `WorkerTimeoutError`.
    """

    index: int
    value: Any = None
    error: AffettoError | None = None


def default_jobs() -> int:
    """Count the physical cores this process may use; a container's quota counts."""
    affinity: Callable[[int], set[int]] | None = getattr(os, "sched_getaffinity", None)
    cpus = affinity(0) if affinity else set(range(os.cpu_count() or 1))
    cores = {_read(_CPUS / f"cpu{cpu}/topology/thread_siblings_list") or str(cpu) for cpu in cpus}
    n_cores = len(cores)
    quota, _, period = (_read(_QUOTA) or "max").partition(" ")
    if quota.isdigit() and period.isdigit():
        n_cores = min(n_cores, round(int(quota) / int(period)))
    return max(1, n_cores)


def run_jobs(
    function: Callable[..., Any],
    items: Iterable[Any],
    *,
    n_jobs: int | None = None,
    timeout_s: float | None = None,
    keywords: Mapping[str, Any] | None = None,
    initializer: Callable[[], object] | None = None,
    nice: int = 0,
    memory_mb: int | None = None,
) -> Generator[Outcome, None, None]:
    """Call a function on every item in processes, and give what became of each.

    Nothing starts before the first outcome is asked for. Items are drawn as they are needed,
    two a worker ahead, so that their number and memory have nothing to do with each other. On
    leaving early, by an exception or ``close()``, all workers are killed.

    Parameters
    ----------
    function : callable
        A named function of a module (no lambda, no method), called with an item.
    items : iterable
        Plain data: what JSON can hold, and paths; names that are not UTF-8 survive.
    n_jobs : int, optional
        Processes; never more than items. Default: `default_jobs`.
    timeout_s : float, optional
        Longest time for one item; then its process is killed. Default: none.
    keywords : mapping, optional
        Further arguments of each call.
    initializer : callable, optional
        Called once in each process before its first item.
    nice : int
        By how much processes give way to others (``os.nice``, where there is one).
    memory_mb : int, optional
        Memory that a process may hold; beyond it the item fails. Linux only.

    Yields
    ------
    Outcome
        In the order of completion.

    Raises
    ------
    UsageError
        If a number is out of range or a function cannot be found by its name.
    WorkerError
        If processes cannot be started.
    """
    if n_jobs is not None and n_jobs < 1:
        raise UsageError(f"{n_jobs} jobs: expected at least 1; leave it out for one a core")
    if timeout_s is not None and not timeout_s > 0:
        raise UsageError(f"a time limit of {timeout_s} s: expected more than 0")
    plan = {
        "function": _address(function),
        "keywords": dict(keywords or {}),
        "initializer": initializer and _address(initializer),
        "nice": nice,
        "alarm_s": timeout_s and timeout_s + _ALARM_S,
        "memory_mb": memory_mb,
    }
    path = [entry for entry in sys.path if isinstance(entry, str)]
    greeting = f"{json.dumps(path)}\n{encode(plan)}\n"
    return _run(greeting, iter(items), n_jobs or default_jobs(), timeout_s)


def _run(
    greeting: str, items: Iterator[Any], n_jobs: int, timeout_s: float | None
) -> Generator[Outcome, None, None]:
    pool = _Pool(greeting, timeout_s)
    numbered = enumerate(items)
    n_open, is_over = 0, False
    try:
        while True:
            while not is_over and n_open < _AHEAD * n_jobs:
                if (entry := next(numbered, None)) is None:
                    is_over = True
                    break
                index, item = entry
                n_open += 1
                pool.put(index, encode(item), may_grow=n_open > pool.size < n_jobs)
            if not n_open:
                return
            done = pool.results.get()
            if isinstance(done, BaseException):
                raise done
            n_open -= 1
            yield done
    finally:
        pool.close()


@dataclass(slots=True)
class _Pool:
    """The workers, each with the thread that minds it."""

    greeting: str
    timeout_s: float | None
    results: "queue.SimpleQueue[Outcome | BaseException]" = field(default_factory=queue.SimpleQueue)
    _jobs: "queue.SimpleQueue[tuple[int, str] | None]" = field(default_factory=queue.SimpleQueue)
    _minders: list[threading.Thread] = field(default_factory=list)
    _workers: "list[_Worker]" = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _is_closed: bool = False

    @property
    def size(self) -> int:
        return len(self._minders)

    def put(self, index: int, item: str, *, may_grow: bool) -> None:
        self._jobs.put((index, item))
        if may_grow:
            # A daemon: an interpreter that ends does not wait for it.
            minder = threading.Thread(target=self._mind, name="affetto worker", daemon=True)
            self._minders.append(minder)
            minder.start()

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            for worker in self._workers:
                worker.kill()
        for _ in self._minders:
            self._jobs.put(None)
        for minder in self._minders:
            minder.join()

    def _mind(self) -> None:
        worker: _Worker | None = None
        try:
            while (job := self._jobs.get()) is not None and not self._is_closed:
                for attempt in range(_STARTS):
                    if worker is None or not worker.is_alive():
                        worker = self._replace(worker)
                    outcome = _outcome(*job, worker, self.timeout_s)
                    # One that died before it began had nothing to do: no fault of the item.
                    if worker.has_begun or attempt + 1 == _STARTS:
                        self.results.put(outcome)
                        break
        except BaseException as exc:  # noqa: BLE001 - raised again where outcomes are awaited
            self.results.put(exc)
        finally:
            if worker:
                self._end(worker)

    def _replace(self, old: "_Worker | None") -> "_Worker":
        if old:
            self._end(old)
        for attempt in range(_STARTS):
            with self._lock:
                if self._is_closed:
                    raise WorkerError("closed while a worker was to start")
                worker = _Worker()
                self._workers.append(worker)
            try:
                worker.greet(self.greeting)
            except WorkerDiedError as exc:
                self._end(worker)
                if attempt + 1 == _STARTS:
                    raise WorkerError(f"worker processes do not start: {exc}") from exc
            except BaseException:
                self._end(worker)
                raise
            else:
                return worker
        raise AssertionError("unreachable")

    def _end(self, worker: "_Worker") -> None:
        worker.end()
        with self._lock:
            if worker in self._workers:
                self._workers.remove(worker)


class _Worker:
    """One process and the two ends of its pipe, as its minder sees them."""

    def __init__(self) -> None:
        self.has_begun = False
        environment = ALLOCATION | os.environ | dict.fromkeys(_THREADS, "1")
        # A group of its own: Ctrl-C in a terminal reaches us alone, and we end the workers.
        own_group: dict[str, Any] = {"process_group": 0} if os.name == "posix" else {}
        try:
            self._process = subprocess.Popen(  # noqa: S603 - this very interpreter
                [*_CHILD, _CHILD_CODE],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment,
                **own_group,
            )
        except OSError as exc:
            raise WorkerError(f"worker processes do not start: {exc.strerror or exc}") from exc

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        self._process.kill()

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                with suppress(OSError):  # what was left to write has no reader
                    pipe.close()

    def greet(self, greeting: str) -> None:
        answer = self.ask(greeting, _START_S)
        if "failed" in answer:
            raise WorkerError(f"worker processes do not start: {answer['failed']}")

    def ask(self, text: str, timeout_s: float | None) -> dict[str, Any]:
        """Hand over lines and wait for one in answer."""
        process, late = self._process, threading.Event()

        def give_up() -> None:
            late.set()
            process.kill()

        watch = threading.Timer(timeout_s or 0, give_up)
        watch.daemon = True
        assert process.stdin and process.stdout
        line = b""
        try:
            if timeout_s is not None:
                watch.start()
            with suppress(BrokenPipeError):  # its death shows in the answer that does not come
                process.stdin.write(text.encode("ascii"))
                process.stdin.flush()
            line = process.stdout.readline()
            self.has_begun = line == BEGUN
            if self.has_begun:
                line = process.stdout.readline()
        finally:
            if timeout_s is not None:
                watch.cancel()
                watch.join()  # it must not strike later, while another item is under way
        if line.endswith(b"\n"):
            answer: dict[str, Any] = json.loads(line)
            return answer
        process.kill()
        code = process.wait()
        if late.is_set():
            raise WorkerTimeoutError(f"given up: not done after {timeout_s:g} s")
        raise WorkerDiedError(_death(code))


def _outcome(index: int, item: str, worker: _Worker, timeout_s: float | None) -> Outcome:
    try:
        answer = worker.ask(f"{item}\n", timeout_s)
    except WorkerError as exc:
        return Outcome(index, error=exc)
    if answer.get("leaves"):
        worker.end()
    if "error" not in answer:
        return Outcome(index, value=answer["value"])
    kind, text, notes = answer["error"]
    error: AffettoError = getattr(errors, kind)(text)
    for note in notes:
        error.add_note(note)
    return Outcome(index, error=error)


def _death(code: int) -> str:
    if code >= 0:
        return f"the process working on it ended by itself, with exit code {code}"
    try:
        name = f"signal {-code}, {signal.Signals(-code).name}"
    except ValueError:
        name = f"signal {-code}"
    if -code == getattr(signal, "SIGKILL", 9):
        return f"the process working on it was killed ({name}): did memory run out?"
    return f"the process working on it crashed ({name})"


def _address(function: Callable[..., Any]) -> str:
    """Name a function so that another process finds it."""
    module = getattr(function, "__module__", None)
    name = getattr(function, "__qualname__", None) or type(function).__name__
    address = f"{module}:{name}"
    found = None
    with suppress(ImportError, AttributeError, ValueError):
        found = find(address)
    if module == "__main__" or found is not function:
        raise UsageError(
            f"{name} cannot be called in another process: expected a function that stands, under "
            "its name, in a module that can be imported"
        )
    return address


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return None
