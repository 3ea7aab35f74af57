"""Speed and memory: training, starting, labelling ten million rows, each beside a peer."""

import os

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from affetto.demo import demo_table
from affetto.features import FEATURE_NAMES
from affetto.learning.export import to_pipelines
from affetto.model import MoodModel
from affetto.moods import MOOD_NAMES

ROWS = 10_000_000
AFFETTO = [sys.executable, "-m", "affetto"]

# The peak is VmHWM: ru_maxrss would carry over what the parent process used.
LABEL = """
import json, sys, time
from affetto.scoring.label import label_to_file
started = time.perf_counter()
tally = label_to_file(sys.argv[1], sys.argv[2], sys.argv[3])
seconds = time.perf_counter() - started
peak = int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) / 1024
print(json.dumps({"rows": tally.rows, "seconds": seconds, "peak_mb": peak}))
"""

# The peer: scikit-learn's own probabilities, batch by batch, read and written by polars.
PEER = """
import json, sys, time
import joblib, numpy as np, polars as pl
from affetto.features import FEATURE_NAMES
from affetto.moods import MOODS
model = joblib.load(sys.argv[3])
columns = {mood.name: mood.column for mood in MOODS}
def score(batch):
    p = model.predict_proba(batch.select(FEATURE_NAMES).to_numpy())
    shares = [pl.Series(columns[str(m)], p[:, i], pl.Float32) for i, m in enumerate(model.classes_)]
    mood = pl.Series("mood", model.classes_[p.argmax(axis=1)])
    return batch.with_columns(mood, pl.Series("confidence", p.max(axis=1), pl.Float32), *shares)
started = time.perf_counter()
frame = pl.scan_parquet(sys.argv[1])
schema = dict(frame.collect_schema()) | {"mood": pl.String, "confidence": pl.Float32}
schema |= {columns[str(m)]: pl.Float32 for m in model.classes_}
frame.map_batches(score, schema=schema, streamable=True).sink_parquet(
    sys.argv[2], compression="lz4", engine="streaming")
seconds = time.perf_counter() - started
peak = int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) / 1024
print(json.dumps({"rows": pl.scan_parquet(sys.argv[2]).select(pl.len()).collect().item(),
                  "seconds": seconds, "peak_mb": peak}))
"""


def row(*cells: str) -> None:
    print("| " + " | ".join(cells) + " |", flush=True)


def timed(command: list[str], repeats: int) -> tuple[float, float]:
    """Give the median and the best wall time of a command in seconds."""
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - started)
    return statistics.median(times), min(times)


def starting(folder: Path) -> None:
    one = folder / "one.csv"
    demo_table().head(1).write_csv(one)
    print("\nStarting (median of 9, best in brackets):\n")
    row("what", "seconds", "aim")
    row("---", "--:", "--:")
    for text, command, aim in (
        ("`affetto --help`", [*AFFETTO, "--help"], "≤ 0.2"),
        ("`affetto label one.csv`, cold", [*AFFETTO, "label", str(one)], "≤ 1.0"),
        (
            "scikit-learn imported, nothing done",
            [sys.executable, "-c", "import sklearn.ensemble"],
            "–",
        ),
        ("Python alone", [sys.executable, "-c", "pass"], "–"),
    ):
        median, best = timed(command, 9)
        row(text, f"{median:.2f} ({best:.2f})", aim)
    check = (
        "import sys; from affetto.scoring.label import label; "
        f"label({str(one)!r}); print(any(m.startswith(('sklearn', 'scipy')) for m in sys.modules))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", check], check=True, capture_output=True, text=True
    )
    print(f"\nscikit-learn or SciPy loaded while labelling: {loaded.stdout.strip()}")


def labelling(folder: Path) -> None:
    table = demo_table(tracks_per_playlist=2000)
    X = table.select(FEATURE_NAMES).to_numpy()
    y = table["mood"].to_numpy()
    pick = np.random.default_rng(0).integers(0, len(table), ROWS)
    big = folder / "big.parquet"
    rows = table.select(FEATURE_NAMES)[pick].with_columns(
        pl.int_range(ROWS).cast(pl.String).alias("id")
    )
    rows.write_parquet(big)
    del rows
    pl.concat([pl.scan_parquet(big)] * 4).sink_parquet(folder / "four.parquet", engine="streaming")

    models = {
        "linear": make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)),
        "network, 8 wide": make_pipeline(StandardScaler(), MLPClassifier((8,), max_iter=30)),
        "network, 100 wide": make_pipeline(StandardScaler(), MLPClassifier((100,), max_iter=10)),
    }
    print(
        f"\nLabelling {ROWS // 10**6} million rows, Parquet to Parquet, two cores "
        f"(input {big.stat().st_size / 2**20:.0f} MB, files in memory; best of 3):\n"
    )
    row(
        "model",
        "M rows/s",
        "peak MB",
        "peak MB, 40 million rows",
        "scikit-learn M rows/s",
        "its MB",
        "ratio",
    )
    row("---", "--:", "--:", "--:", "--:", "--:", "--:")
    import warnings

    import joblib

    for name, estimator in models.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            estimator.fit(X, y)
        joblib.dump(estimator, folder / "peer.joblib")
        model = MoodModel(
            tuple(str(c) for c in estimator.classes_), FEATURE_NAMES,
            tuple(to_pipelines(estimator, len(FEATURE_NAMES))),
        )  # fmt: skip
        saved = model.save(folder / "bench.affetto")
        ours = run(LABEL, folder, big, saved)
        longer = run(LABEL, folder, folder / "four.parquet", saved, repeats=1)
        peer = run(PEER, folder, big, folder / "peer.joblib", repeats=2)
        row(
            name,
            f"**{ours['rate']:.2f}**", f"{ours['peak_mb']:.0f}", f"{longer['peak_mb']:.0f}",
            f"{peer['rate']:.2f}", f"{peer['peak_mb']:.0f}", f"{ours['rate'] / peer['rate']:.1f} ×",
        )  # fmt: skip
    assert set(MOOD_NAMES) == set(y)


def run(code: str, folder: Path, source: Path, model: Path, repeats: int = 3) -> dict[str, float]:
    """Run a labelling in a process of its own; give the fastest of some runs."""
    results = []
    for _ in range(repeats):
        done = subprocess.run(
            [sys.executable, "-c", code, str(source), str(folder / "labelled.parquet"), str(model)],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        results.append(json.loads(done.stdout.splitlines()[-1]))
    best = min(results, key=lambda result: result["seconds"])
    return {
        "rate": best["rows"] / best["seconds"] / 1e6,
        "peak_mb": max(result["peak_mb"] for result in results),
    }


def training(folder: Path) -> None:
    print("\nTraining on the article's 913 tracks, two cores:\n")
    row("what", "seconds", "aim")
    row("---", "--:", "--:")
    command = [*AFFETTO, "train", "dataset:article", "--out", str(folder / "run")]
    seconds, _ = timed(command, 1)
    row("`affetto train dataset:article`: 12 candidates, 93 settings, curves, report",
        f"{seconds:.0f}", "≤ 90")  # fmt: skip
    ours, peer = network_grid()
    row("49 networks × 5 folds, one core: affetto", f"{ours:.0f}", "–")
    row("the same with scikit-learn's MLPClassifier (every 7th network, × 7)", f"{peer:.0f}", "–")
    row("ratio", f"{peer / ours:.1f} ×", "–")


def network_grid() -> tuple[float, float]:
    """Time the article's grid of networks both ways, in this process."""
    from affetto.learning.candidates import BY_NAME
    from affetto.learning.dataset import gather
    from affetto.learning.fitting import Job, Origin, run_job
    from affetto.learning.labels import resolve_tables
    from affetto.learning.splits import folds, hold_out

    tracks, _ = gather(resolve_tables("dataset:article"))
    train, _ = hold_out(tracks.labels)
    splits = [(train[a], train[b]) for a, b in folds(tracks.y[train])]
    grid = BY_NAME["network-tuned"].grid
    started = time.perf_counter()
    origin = Origin.of(tracks)
    run_job(
        Job("network-tuned", grid, tuple(splits), tracks.X, tracks.y, tracks.features, origin, 42)
    )
    ours = time.perf_counter() - started
    import warnings

    started = time.perf_counter()
    for setting in grid[:: len(grid) // 7]:
        for rows, _ in splits:
            network = MLPClassifier(
                (setting["width"],), alpha=setting["alpha"], max_iter=1000, random_state=42
            )
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                make_pipeline(StandardScaler(), network).fit(tracks.X[rows], tracks.labels[rows])
    return ours, 7 * (time.perf_counter() - started)


def main() -> int:
    # In memory where there is a file system for it: this measures affetto and not the disk.
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > 8 * 2**30
    with tempfile.TemporaryDirectory(dir=memory if roomy else None) as name:
        folder = Path(name)
        starting(folder)
        labelling(folder)
        training(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
