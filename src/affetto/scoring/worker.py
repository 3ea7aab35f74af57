"""One worker process: reads an item a line, answers each with a line, ends with its pipe.

The other end is `affetto.scoring.workers`. Messages are JSON, in ASCII: functions travel by
name, what comes back is data and never code, and names that are not UTF-8 survive.
"""

import json
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from functools import reduce
from importlib import import_module
from typing import Any, NoReturn

from affetto import errors
from affetto.errors import AffettoError

BEGUN = b"\n"
"""Written when work on an item begins: whoever dies earlier, the item is not to blame."""


def serve() -> NoReturn:
    """Be a worker: until the pipe closes, read an item a line and answer each with a line."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 1)  # nothing that prints can disturb the answers
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, lines), daemon=True).start()
    sys.stdin = None

    def answer(**words: Any) -> None:
        answers.write(f"{encode(words)}\n".encode("ascii"))
        answers.flush()

    plan = json.loads(lines.get())
    try:
        _settle(plan["nice"], plan["memory_mb"])
        function = find(plan["function"])
        if plan["initializer"]:
            find(plan["initializer"])()
    except BaseException as exc:  # noqa: BLE001 - told to the one who started us
        answer(failed=_sentence(exc))
        os._exit(1)
    answer(ready=True)
    os.dup2(nothing, 2)  # decoders print there what they dislike, and so would a crash
    while True:
        item = json.loads(lines.get())
        answers.write(BEGUN)
        answers.flush()
        try:
            with _alarm(plan["alarm_s"]):
                value = function(item, **plan["keywords"])
            answer(value=value)
        except AffettoError as exc:
            answer(error=[_kind(exc), str(exc), getattr(exc, "__notes__", [])])
        except MemoryError:
            # What was taken may never come back: a fresh process for the next item.
            limit = plan["memory_mb"]
            text = f"memory ran out{f' (allowed: {limit} MB)' if limit else ''}"
            answer(error=["WorkerError", text, []], leaves=True)
            os._exit(1)
        except BaseException as exc:  # noqa: BLE001 - a bug costs one item, too
            text = f"unexpected {_sentence(exc)} (a bug; please report it)"
            answer(error=["WorkerError", text, [traceback.format_exc()]])


def _listen(pipe: Any, lines: "queue.SimpleQueue[bytes]") -> NoReturn:
    """Pass on lines; when the pipe closes, end the process at once, whatever it works on."""
    for line in pipe:
        lines.put(line)
    os._exit(0)


def _settle(nice: int, memory_mb: int | None) -> None:
    if nice and hasattr(os, "nice"):
        os.nice(nice)
    if memory_mb is not None and sys.platform == "linux":
        import resource  # noqa: PLC0415 - not everywhere

        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (memory_mb * 2**20, most))


@contextmanager
def _alarm(seconds: float | None) -> Iterator[None]:
    """End the process late: for native code that hangs, keeps the GIL, and has lost its minder."""
    if seconds is None or not hasattr(signal, "setitimer"):
        yield
        return
    signal.setitimer(signal.ITIMER_REAL, seconds)  # SIGALRM, of which nobody here handles any
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _sentence(exc: BaseException) -> str:
    return f"{type(exc).__name__}: {exc}".removesuffix(": ")


def _kind(exc: AffettoError) -> str:
    """Name the nearest class of the error tree."""
    return next(kind.__name__ for kind in type(exc).__mro__ if kind.__module__ == errors.__name__)


def find(address: str) -> Any:
    """Import what ``"module:name"`` names."""
    module, _, name = address.partition(":")
    return reduce(getattr, name.split("."), import_module(module))


def encode(value: Any) -> str:
    """Write plain data, paths and NumPy's arrays as one line of JSON."""
    return json.dumps(value, default=_plain)  # ASCII: also a name that is not UTF-8 survives


def _plain(value: Any) -> Any:
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)
    if hasattr(value, "tolist"):  # NumPy's arrays and numbers
        return value.tolist()
    raise TypeError(f"a {type(value).__name__} is no plain data that travels between processes")
