"""Jobs for the tests of workers: each goes wrong in a way of its own, or not at all."""

import ctypes
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from affetto.errors import DecoderMissingError

state: dict[str, Any] = {"ready": False}


def prepare() -> None:
    state["ready"] = True


def fail_to_prepare() -> None:
    raise FileNotFoundError("no map of the world")


def die_early() -> None:
    os._exit(7)


def double(item: int, *, plus: int = 0) -> int:
    return 2 * item + plus


def give_back(item: Any) -> Any:
    return item


def describe(item: Any) -> dict[str, Any]:
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return {
        "pid": os.getpid(),
        "threads": [os.environ.get(name) for name in names],
        "nice": os.nice(0),
        "ready": state["ready"],
        "main": getattr(sys.modules["__main__"], "__file__", None),
        "folder on path": "" in sys.path,
    }


def plain_data(item: Any) -> dict[str, Any]:
    import numpy as np

    array = np.array([1.0, math.nan], np.float32)
    return {"array": array, "number": np.float32(0.5), "path": Path("a"), "pair": (1, 2)}


def no_data(item: Any) -> object:
    return object()


def misbehave(item: str) -> str:
    """Do what the item says."""
    match item:
        case "segfault":
            ctypes.string_at(0)
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "exit":
            os._exit(3)
        case "sys.exit":
            sys.exit(3)
        case "bug":
            return str({}["nothing"])
        case "refused":
            error = DecoderMissingError("a.opus needs PyAV")
            error.add_note("a note")
            raise error
        case "hang":
            while True:
                pass
        case "memory":
            return str(len(bytearray(2**31)))
        case "print":
            print("noise " * 1000)
            os.write(1, b'{"value": "false"}\n')
            os.write(2, b"more noise\n")
            subprocess.run(["echo", '{"value": "false"}'], check=True)
    return f"{item} done"


def note_pid(folder: str) -> None:
    """Tell that this process is at work, and keep it so."""
    Path(folder, str(os.getpid())).touch()
    time.sleep(60)


def note_pid_and_spin(folder: str) -> None:
    Path(folder, str(os.getpid())).touch()
    while True:
        pass


def note_pid_and_keep_the_gil(folder: str) -> None:
    Path(folder, str(os.getpid())).touch()
    ctypes.PyDLL(None).sleep(60)


def say_pid_after(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()
