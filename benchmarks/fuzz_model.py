"""Throw damaged and hostile model files at the reader; whatever is not refused must work.

Two kinds of file are tried: valid ones with bytes changed, cut, moved or spliced, and ones
built anew from changed parts with checksums that fit, as an attacker would. Each must either
raise ModelError within `SECONDS_A_FILE`, or load and then give probabilities that sum to 1
(or refuse its input) and survive being saved. Memory is bounded by the operating system.
"""

import argparse
import copy
import hashlib
import io
import json
import resource
import signal
import struct
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any

import numpy as np

from affetto.errors import ModelError, UsageError
from affetto.features import FEATURE_NAMES
from affetto.model import MoodModel
from affetto.moods import MOOD_NAMES
from affetto.scorers import (
    Boosted,
    Clip,
    Densities,
    Forest,
    Linear,
    Log10,
    Network,
    Pipeline,
    Polynomial,
    Standardise,
    SupportVectors,
)

MEMORY_BYTES = 1536 * 2**20
SECONDS_A_FILE = 10

JUNK: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 3, 50, 2**31, 2**63, -(2**63), 10**30, 0.0, -0.0, 0.5, 1.0,
    1e308, -1e308, 5e-324, "", "x", "relu", "linear", "svm", "polynomial", "clip", "a" * 5000,
    "\x1b[2J", "\ud800", "../../x", "0.scorer.coef", [], [[]], {}, {"op": "polynomial"},
    [1] * 1000,
)  # fmt: skip
NUMBERS = (0, 1, -1, 2, 255, 2**15, 2**31 - 1, -(2**31), 2**40)
FLOATS = (0.0, -0.0, 1.0, -1.0, np.nan, np.inf, -np.inf, 1e308, -1e308, 5e-324, 1e-300, 1e16)


def seeds() -> list[bytes]:
    """Give one valid file for each kind of model, with 2 and with 5 moods, all steps used."""
    d, rng = len(FEATURE_NAMES), np.random.default_rng(0)
    files = []
    for k in (2, 5):
        nodes = {
            "feature": np.tile([0, 1, -1, -1, 9, -1, -1], k),
            "threshold": rng.normal(size=7 * k),
            "left": np.tile([1, 2, 0, 0, 5, 0, 0], k) + 7 * np.repeat(np.arange(k), 7),
            "right": np.tile([4, 3, 0, 0, 6, 0, 0], k) + 7 * np.repeat(np.arange(k), 7),
        }
        scorers = (
            Linear(rng.normal(size=(k, 55)), rng.normal(size=k)),
            Network(
                (rng.normal(size=(55, 4)), rng.normal(size=(4, k))),
                (rng.normal(size=4), rng.normal(size=k)),
                "tanh",
            ),
            Forest(roots=7 * np.arange(k), value=rng.dirichlet(np.ones(k), 7 * k), **nodes),
            Boosted(
                roots=7 * np.arange(k)[None],
                value=rng.normal(size=7 * k),
                baseline=rng.normal(size=k),
                **nodes,
            ),
            SupportVectors(
                vectors=rng.normal(size=(2 * k, 55)),
                dual_coef=rng.normal(size=(k - 1, 2 * k)),
                intercept=rng.normal(size=k * (k - 1) // 2),
                n_support=np.full(k, 2),
                gamma=0.1,
                slope=-np.ones(k if k > 2 else 1),
                offset=np.zeros(k if k > 2 else 1),
            ),
            Densities(
                means=rng.normal(size=(k, 55)),
                roots=np.tile(np.eye(55), (k, 1)),
                freedom=np.full(k, 5.0),
                share=np.ones(k),
                mood=np.arange(k),
                prior=np.full(k, 1 / k),
                temperature=2.0,
            ),
        )
        steps = (
            Clip(np.full(d, -3.0), np.full(d, 3.0)),
            Log10(np.array([4, 5]), np.array([4.0, 4.0])),
            Polynomial(2, interaction_only=True),
            Standardise(np.zeros(55), np.ones(55)),
        )
        pipelines = [Pipeline(steps, scorer) for scorer in scorers]
        for chosen in [*[(pipeline,) for pipeline in pipelines], tuple(pipelines)]:
            model = MoodModel(MOOD_NAMES[:k], FEATURE_NAMES, chosen, about={"tracks": [1, {}]})
            with tempfile.TemporaryDirectory() as folder:
                files.append(model.save(Path(folder) / "seed.affetto").read_bytes())
    return files


# --- Bytes changed without understanding -----------------------------------------------------


def flip(data: bytearray, rng: Random) -> None:
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def overwrite(data: bytearray, rng: Random) -> None:
    number = rng.choice(NUMBERS) & 0xFFFFFFFF
    content = struct.pack("<L", number)[: rng.choice((1, 2, 4))]
    at = rng.randrange(len(data))
    data[at : at + len(content)] = content


def remove(data: bytearray, rng: Random) -> None:
    at = rng.randrange(len(data))
    del data[at : at + rng.choice((1, 4, 60, 4000))]


def repeat(data: bytearray, rng: Random) -> None:
    at, to = rng.randrange(len(data)), rng.randrange(len(data))
    data[to:to] = data[at : at + rng.choice((1, 4, 60, 4000))]


def cut(data: bytearray, rng: Random) -> None:
    del data[rng.randrange(len(data)) :]


def header(data: bytearray, rng: Random) -> None:
    """Change a byte of one of the zip's own records."""
    marks = [at for at in range(len(data) - 4) if data[at : at + 2] == b"PK"]
    if marks:
        at = min(rng.choice(marks) + rng.randrange(46), len(data) - 1)
        data[at] = rng.choice((0, 1, 2, 8, 9, 12, 0x7F, 0xFF))


BYTE_CHANGES: tuple[Callable[[bytearray, Random], None], ...] = (
    flip, overwrite, remove, repeat, cut, header, header,
)  # fmt: skip


def damaged(data: bytes, rng: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5))):
        if changed:
            rng.choice(BYTE_CHANGES)(changed, rng)
    return bytes(changed)


# --- Parts changed, and checksums made to fit --------------------------------------------------


def apart(data: bytes) -> tuple[dict[str, Any], dict[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        manifest = json.loads(file.read("manifest.json"))
        with zipfile.ZipFile(io.BytesIO(file.read("arrays.npz"))) as inner:
            return manifest, {name: inner.read(name) for name in inner.namelist()}


def together(manifest: dict[str, Any], files: dict[str, bytes], rng: Random) -> bytes:
    how = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", how) as inner:
        for name, content in files.items():
            inner.writestr(name, content)
    packed = damaged(buffer.getvalue(), rng) if rng.random() < 0.1 else buffer.getvalue()
    manifest = {**manifest, "arrays_sha256": hashlib.sha256(packed).hexdigest()}
    manifest.pop("manifest_sha256", None)
    canonical = json.dumps(manifest, sort_keys=True, separators=(",", ":"))
    manifest["manifest_sha256"] = hashlib.sha256(canonical.encode()).hexdigest()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("manifest.json", json.dumps(manifest))
        file.writestr("arrays.npz", packed)
    return buffer.getvalue()


def change_manifest(manifest: dict[str, Any], rng: Random) -> None:
    """Replace, remove, add or copy one entry, anywhere in it."""
    places: list[tuple[Any, Any]] = []

    def walk(node: Any) -> None:
        keys = node.keys() if isinstance(node, dict) else range(len(node))
        for key in keys:
            places.append((node, key))
            if isinstance(node[key], dict | list):
                walk(node[key])

    walk(manifest)
    node, key = rng.choice(places)
    action = rng.randrange(5)
    if action == 0:
        del node[key]
    elif action == 1 and isinstance(node, dict):
        node[rng.choice(("extra", "op", "kind", "weight"))] = rng.choice(JUNK)
    elif action == 2 and isinstance(node, list):
        node.extend(copy.deepcopy(node[key]) for _ in range(rng.choice((1, 3, 100))))
    elif action == 3:
        other, at = rng.choice(places)
        if isinstance(other, dict | list) and (at in other if isinstance(other, dict) else True):
            node[key] = copy.deepcopy(other[at])
    else:
        node[key] = rng.choice(JUNK)


def change_array(files: dict[str, bytes], rng: Random) -> None:
    """Change values, shape or type of one array, or its bytes."""
    name = rng.choice(list(files))
    action = rng.randrange(8)
    if action == 0:
        files[name] = damaged(files[name], rng)
        return
    if action == 1:
        del files[name]
        return
    if action == 2:
        files[rng.choice(("extra.npy", "x", "../y.npy", rng.choice(list(files))))] = files[name]
        return
    try:
        array = np.load(io.BytesIO(files[name]), allow_pickle=False)
    except (ValueError, EOFError, OSError):
        return
    choices = FLOATS if array.dtype.kind == "f" else NUMBERS[:8]
    if action == 3 and array.size:
        array.flat[rng.randrange(array.size)] = array.dtype.type(rng.choice(choices))
    elif action == 4:
        array[...] = array.dtype.type(rng.choice(choices))
    elif action == 5 and array.size:
        array = np.roll(array, rng.randrange(array.size))
    elif action == 6:
        shape = rng.choice(((0,), (1,), (array.size,), (1, array.size), (array.size, 1), (50, 2)))
        array = np.resize(array, shape)
    else:
        array = array.astype(rng.choice(("<f8", "<i4", "<i8", "<f4", "<c16", "S3")))
    buffer = io.BytesIO()
    np.save(buffer, array)
    files[name] = buffer.getvalue()


def built(data: bytes, rng: Random) -> bytes:
    manifest, files = apart(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        if rng.random() < 0.5 and manifest:
            change_manifest(manifest, rng)
        elif files:
            change_array(files, rng)
    return together(manifest, files, rng)


# --- The trial ---------------------------------------------------------------------------------


def judge(data: bytes, folder: Path) -> str:
    """Load a file; say what came of it. Anything but what is promised is raised."""
    path = folder / "trial.affetto"
    path.write_bytes(data)
    try:
        model = MoodModel.load(path)
    except ModelError:
        return "refused"
    X = np.random.default_rng(0).normal(size=(20, len(model.features)))
    try:
        p = model.predict_proba(X)
    except UsageError:
        return "loaded, refuses its input"
    if p.shape != (20, len(model.moods)) or not np.allclose(p.sum(axis=1), 1.0, atol=1e-6):
        raise AssertionError(f"probabilities do not sum to 1: {p}")
    if data[-30] % 8:  # writing is slow, so only now and then
        return "loaded and works"
    again = MoodModel.load(model.save(folder / "again.affetto"))
    if not np.array_equal(again.predict_proba(X), p):
        raise AssertionError("saved and loaded, it gives other probabilities")
    return "loaded and works"


def too_slow(number: int, frame: FrameType | None) -> None:
    raise TimeoutError(f"took more than {SECONDS_A_FILE} s")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    signal.signal(signal.SIGALRM, too_slow)
    warnings.simplefilter("error")
    rng, valid = Random(options.seed), seeds()
    outcomes: Counter[str] = Counter()
    slowest, end = 0.0, time.monotonic() + options.seconds
    with tempfile.TemporaryDirectory() as folder:
        for data in valid:
            if judge(data, Path(folder)) != "loaded and works":
                raise AssertionError("a valid file was refused")
        while time.monotonic() < end:
            change, name = rng.choice(((damaged, "bytes changed"), (built, "parts changed")))
            try:
                data = change(rng.choice(valid), rng)
            except Exception:  # noqa: BLE001 - no such file can be built; try another
                continue
            started = time.monotonic()
            signal.alarm(SECONDS_A_FILE)
            try:
                outcome = judge(data, Path(folder))
            except Exception as exc:  # noqa: BLE001 - any other error is what is looked for
                signal.alarm(0)
                kept = Path(tempfile.gettempdir()) / "fuzz-failure.affetto"
                kept.write_bytes(data)
                traceback.print_exc()
                print(f"FAILED: {type(exc).__name__}; the file is {kept}", file=sys.stderr)
                return 1
            signal.alarm(0)
            slowest = max(slowest, time.monotonic() - started)
            outcomes[f"{name}: {outcome}"] += 1
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{sum(outcomes.values())} files in {options.seconds:g} s, seed {options.seed}")
    for outcome, count in sorted(outcomes.items()):
        print(f"  {outcome:45} {count:8}")
    print(f"slowest {1000 * slowest:.0f} ms, peak memory {peak:.0f} MiB, nothing unexpected")
    return 0


if __name__ == "__main__":
    sys.exit(main())
