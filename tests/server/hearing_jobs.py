"""What stands in for the analysis of a file, and fails in every way a decoder can."""

import os
import signal
import time


def die(path, **_):
    os.kill(os.getpid(), signal.SIGSEGV)


def hang(path, **_):
    time.sleep(60)


def swell(path, **_):
    return [bytearray(2**20) for _ in range(10**6)]


def stumble(path, **_):
    raise RuntimeError(f"a secret of {path}")
