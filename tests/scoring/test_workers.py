"""Workers: nothing that one item does to its process reaches another item, or us."""

import itertools
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from affetto.errors import (
    DecoderMissingError,
    UsageError,
    WorkerDiedError,
    WorkerError,
    WorkerTimeoutError,
)
from affetto.scoring import workers
from affetto.scoring.workers import Outcome, default_jobs, run_jobs

FOLDER = str(Path(__file__).parent)
sys.path.insert(0, FOLDER)
import worker_jobs as jobs  # noqa: E402 - workers import it by this name

sys.path.remove(FOLDER)


@pytest.fixture(autouse=True)
def _path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(FOLDER)


@pytest.fixture(autouse=True)
def no_threads_left() -> Iterator[None]:
    before = set(threading.enumerate())  # a server that other tests share may be among them
    yield
    names = [thread.name for thread in threading.enumerate() if thread not in before]
    assert not [name for name in names if name.startswith(("affetto", "Thread"))]


def outcomes(function: Callable[..., Any], items: Any, **settings: Any) -> list[Outcome]:
    return sorted(run_jobs(function, items, **settings), key=lambda outcome: outcome.index)


def values(function: Callable[..., Any], items: Any, **settings: Any) -> list[Any]:
    found = outcomes(function, items, **settings)
    assert [outcome.error for outcome in found] == [None] * len(found)
    return [outcome.value for outcome in found]


def wait_until(condition: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


def is_gone(pid: int) -> bool:
    """Whether a process is dead, or dead and not yet buried by init."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True
    return stat.rpartition(")")[2].split()[0] == "Z"


def test_every_item_is_answered_with_its_own() -> None:
    assert values(jobs.double, range(40), n_jobs=2) == [2 * n for n in range(40)]
    assert values(jobs.double, [4], keywords={"plus": 1}) == [9]


def test_no_items_no_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers.subprocess, "Popen", None)
    assert list(run_jobs(jobs.double, [], n_jobs=2)) == []


WRONG = {
    "segfault": (WorkerDiedError, r"crashed \(signal 11, SIGSEGV\)"),
    "killed": (WorkerDiedError, r"killed \(signal 9, SIGKILL\): did memory run out"),
    "exit": (WorkerDiedError, r"ended by itself, with exit code 3"),
    "sys.exit": (WorkerError, r"unexpected SystemExit: 3"),
    "bug": (WorkerError, r"unexpected KeyError: 'nothing' \(a bug; please report it\)"),
    "refused": (DecoderMissingError, "a.opus needs PyAV"),
    "hang": (WorkerTimeoutError, "given up: not done after 1 s"),
}


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_an_item_that_goes_wrong_costs_itself_alone(n_jobs: int) -> None:
    items = [name for wrong in WRONG for name in ("good", wrong)]
    found = outcomes(jobs.misbehave, [*items, "good"], n_jobs=n_jobs, timeout_s=1)
    assert [outcome.value for outcome in found[::2]] == ["good done"] * 8
    assert [outcome.error for outcome in found[::2]] == [None] * 8
    for outcome, (error, said) in zip(found[1::2], WRONG.values(), strict=True):
        assert outcome.value is None
        with pytest.raises(error, match=said) as raised:
            raise outcome.error or AssertionError
        assert type(raised.value) is error


def test_notes_of_an_error_and_the_traceback_of_a_bug_come_along() -> None:
    refused, bug = outcomes(jobs.misbehave, ["refused", "bug"], n_jobs=1)
    assert refused.error is not None and refused.error.__notes__ == ["a note"]
    assert bug.error is not None and "worker_jobs.py" in bug.error.__notes__[0]


def test_many_deaths_in_a_row() -> None:
    found = outcomes(jobs.misbehave, ["exit"] * 6 + ["a"], n_jobs=2)
    assert [type(outcome.error) for outcome in found[:6]] == [WorkerDiedError] * 6
    assert found[6].value == "a done"


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are Linux's")
def test_an_item_that_takes_all_memory_fails_and_the_next_has_a_fresh_process() -> None:
    found = outcomes(jobs.misbehave, ["memory", "a"], n_jobs=1, memory_mb=1000)
    with pytest.raises(WorkerError, match=r"memory ran out \(allowed: 1000 MB\)"):
        raise found[0].error or AssertionError
    assert found[1].value == "a done"


def test_a_process_killed_between_two_items_costs_none() -> None:
    run = run_jobs(jobs.say_pid_after, iter([0.0] * 6), n_jobs=1)
    first = next(run)
    time.sleep(0.2)  # the next item lies ready and is done, then there is nothing to do
    os.kill(first.value, signal.SIGKILL)
    rest = list(run)
    assert [outcome.error for outcome in rest] == [None] * 5
    assert rest[-1].value != first.value


def test_what_a_function_prints_disturbs_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    assert values(jobs.misbehave, ["print", "a"], n_jobs=1) == ["print done", "a done"]
    assert capfd.readouterr() == ("", "")


def test_values_are_plain_data() -> None:
    (value,) = values(jobs.plain_data, [0])
    assert value["array"][0] == 1 and math.isnan(value["array"][1])
    assert value["number"] == 0.5 and value["path"] == "a" and value["pair"] == [1, 2]
    (found,) = outcomes(jobs.no_data, [0])
    assert "object is no plain data" in str(found.error)


@pytest.mark.parametrize("item", ["caf\udce9.mp3", "a\nb", "\N{MUSICAL NOTE}" * 100_000, None])
def test_items_of_any_name_and_size_come_through(item: Any) -> None:
    assert values(jobs.give_back, [item], n_jobs=1) == [item]


def test_a_process_runs_politely_on_one_thread_and_imports_no_main_module() -> None:
    settings: dict[str, Any] = {"n_jobs": 1, "nice": 3, "initializer": jobs.prepare}
    (value,) = values(jobs.describe, [0], **settings)
    assert value["pid"] != os.getpid()
    assert value["threads"] == ["1", "1", "1"]
    assert value["nice"] == os.nice(0) + 3
    assert value["ready"] is True
    assert value["main"] is None
    assert value["folder on path"] is False


def test_no_more_processes_than_items_or_jobs() -> None:
    few = values(jobs.say_pid_after, [0.1, 0.1], n_jobs=8)
    assert len(set(few)) <= 2
    many = values(jobs.say_pid_after, [0.05] * 12, n_jobs=2)
    assert len(set(many)) <= 2


def test_outcomes_come_as_they_are_ready() -> None:
    run = run_jobs(jobs.say_pid_after, [1.0, 0.0, 0.0], n_jobs=2)
    assert [outcome.index for outcome in run] == [1, 2, 0]


def test_items_are_drawn_as_needed() -> None:
    drawn = itertools.count()
    run = run_jobs(jobs.double, (next(drawn) for _ in itertools.count()), n_jobs=2)
    for _ in range(50):
        next(run)
    run.close()
    assert next(drawn) <= 50 + 2 * 2


def test_two_thousand_trivial_items_pass_quickly() -> None:
    start = time.monotonic()
    assert values(jobs.double, range(2000), n_jobs=2, timeout_s=60) == list(range(0, 4000, 2))
    assert time.monotonic() - start < 10


def test_items_that_cannot_be_drawn_end_the_run() -> None:
    def draw() -> Iterator[int]:
        yield from range(3)
        raise OSError("the folder is gone")

    with pytest.raises(OSError, match="the folder is gone"):
        list(run_jobs(jobs.double, draw(), n_jobs=1))
    with pytest.raises(TypeError, match="object is no plain data"):
        list(run_jobs(jobs.double, [object()], n_jobs=1))


@pytest.mark.parametrize(
    ("initializer", "said"),
    [
        (jobs.fail_to_prepare, "do not start: FileNotFoundError: no map of the world"),
        (jobs.die_early, "do not start: .* exit code 7"),
    ],
)
def test_processes_that_cannot_start_end_the_run(
    initializer: Callable[[], None], said: str
) -> None:
    with pytest.raises(WorkerError, match=said):
        list(run_jobs(jobs.double, itertools.count(), initializer=initializer, n_jobs=2))


class Callables:
    """Some that another process cannot find by name."""

    def method(self, item: int) -> int:
        return item


@pytest.mark.parametrize("function", [lambda item: item, Callables().method, len.__call__])
def test_a_function_that_cannot_be_found_by_name_is_refused(function: Callable[..., Any]) -> None:
    with pytest.raises(UsageError, match="cannot be called in another process"):
        run_jobs(function, [1])


def test_numbers_out_of_range_are_refused() -> None:
    with pytest.raises(UsageError, match="0 jobs: expected at least 1"):
        run_jobs(jobs.double, [1], n_jobs=0)
    with pytest.raises(UsageError, match="time limit of 0 s"):
        run_jobs(jobs.double, [1], timeout_s=0)


def test_default_jobs_are_the_physical_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "_CPUS", tmp_path)
    monkeypatch.setattr(workers, "_QUOTA", tmp_path / "cpu.max")
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 3, 5}, raising=False)
    assert default_jobs() == 5
    for cpu in range(6):  # 0 and 3 share a core, so do 1 and 4, 2 and 5
        topology = tmp_path / f"cpu{cpu}" / "topology"
        topology.mkdir(parents=True)
        (topology / "thread_siblings_list").write_text(f"{cpu % 3},{cpu % 3 + 3}\n")
    assert default_jobs() == 3
    (tmp_path / "cpu.max").write_text("200000 100000\n")
    assert default_jobs() == 2
    (tmp_path / "cpu.max").write_text("20000 100000\n")
    assert default_jobs() == 1
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert default_jobs() == 3


SCRIPT = """
import sys
import worker_jobs as jobs
from affetto.scoring.workers import run_jobs

function, timeout_s, items = getattr(jobs, sys.argv[1]), float(sys.argv[2]), sys.argv[3:]
for outcome in run_jobs(function, items, n_jobs=2, timeout_s=timeout_s):
    print(outcome.value, outcome.error)
"""


def start_script(
    folder: Path, function: str, *items: object, timeout_s: float = 60
) -> subprocess.Popen[str]:
    """Run an unguarded script as a process of its own."""
    script = folder.parent / "script.py"
    script.write_text(SCRIPT)
    return subprocess.Popen(
        [sys.executable, str(script), function, str(timeout_s), *map(str, items)],
        env=os.environ | {"PYTHONPATH": FOLDER},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_a_script_needs_no_guard(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    process = start_script(tmp_path / "work", "give_back", "a")
    assert process.communicate(timeout=20) == ("a None\n", "")


def pids_at_work(folder: Path, n_pids: int) -> list[int]:
    wait_until(lambda: len(list(folder.iterdir())) == n_pids)
    return [int(path.name) for path in folder.iterdir()]


def test_ctrl_c_ends_all_at_once(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    process = start_script(work, "note_pid", *[work] * 5)
    pids = pids_at_work(work, 2)
    start = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert time.monotonic() - start < 10  # the workers would sleep for 60
    assert out == "" and err.count("Traceback") == 1 and err.endswith("KeyboardInterrupt\n")
    assert all(map(is_gone, pids))


@pytest.mark.parametrize("function", ["note_pid", "note_pid_and_spin", "note_pid_and_keep_the_gil"])
def test_no_worker_outlives_a_killed_parent(tmp_path: Path, function: str) -> None:
    work = tmp_path / "work"
    work.mkdir()
    # One that keeps the GIL notices nothing: its alarm ends it, 2 s after its time limit.
    timeout_s = 1 if "gil" in function else 60
    process = start_script(work, function, *[work] * 5, timeout_s=timeout_s)
    pids = pids_at_work(work, 2)
    process.kill()
    process.communicate(timeout=20)
    wait_until(lambda: all(map(is_gone, pids)), 10)


def test_leaving_early_ends_all() -> None:
    run = run_jobs(jobs.say_pid_after, [0.0, 60.0, 60.0], n_jobs=2)
    first = next(run)
    start = time.monotonic()
    run.close()
    assert time.monotonic() - start < 10
    assert is_gone(first.value)


def test_an_exception_where_outcomes_are_used_ends_all() -> None:
    pid = None
    with pytest.raises(ZeroDivisionError):
        for outcome in run_jobs(jobs.say_pid_after, [0.0, 60.0], n_jobs=1):
            pid = outcome.value
            raise ZeroDivisionError
    assert is_gone(pid or 0)
