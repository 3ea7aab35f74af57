"""The model that comes with affetto: learned from all public tables, judged by S, U beside it.

``python -m affetto.learning.pooled FILE`` makes it anew (scripts/default-model).
"""

import argparse
import hashlib
import sys
import time
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from affetto.errors import UsageError
from affetto.learning.calibration import judge_calibration
from affetto.learning.evaluation import Predictions, summary, wilson_interval
from affetto.learning.labels import LabelledTable
from affetto.learning.pool import Pool, gather_pool
from affetto.learning.recipes import COMMITTEE, Recipe, fit_recipe
from affetto.learning.splits import hold_out
from affetto.learning.unseen import (
    Judgement,
    judge_recipes,
    unseen_playlists,
    unseen_sources,
    without_each,
)
from affetto.model import MoodModel
from affetto.population import Population
from affetto.sources.datasets import DATASETS, PREFIX, open_table

HOME = "article"
TABLES = (HOME, "calm-energetic-happy-sad", "angry-happy-sad", "mood-playlists")
FEATURES = ("energy", "speechiness", "acousticness", "instrumentalness", "danceability",
            "loudness", "valence")  # fmt: skip
"""Every source has them. All ten cost .06 (linear) to .08 (quadratic) of balanced accuracy
under U, and moved S by .01 either way."""

MOST_ROWS = 300
"""Of a mood of a source, drawn at random; see `weighting.MOST_A_CELL`."""

FEWER_ROWS = 100
"""The same, where sources are left out of learning one by one."""


def public_pool(names: Sequence[str] = TABLES, features: Sequence[str] = FEATURES) -> Pool:
    """Gather public tables, each label read as their descriptions say.

    Raises
    ------
    DatasetError
        If a table is not at hand.
    """
    tables = [
        LabelledTable(
            open_table(PREFIX + name),
            label=DATASETS[name].label or "mood",
            mapping=DATASETS[name].mapping,
            dropped=DATASETS[name].dropped,
        )
        for name in names
    ]
    return gather_pool(tables, features=features)[0]


def source_means(judgement: Judgement, *, seed: int = 42) -> dict[str, Any]:
    """Give the means over sources under protocol S, and each source's figures.

    ``intervals``: 95%, by resampling sources.
    """
    by_source = judgement.by_source()
    drawn = np.random.default_rng(seed).integers(len(by_source), size=(1000, len(by_source)))
    means: dict[str, float] = {}
    intervals: dict[str, list[float]] = {}
    for name in ("balanced_accuracy", "log_loss"):
        values = np.array([own[name] for own in by_source.values()])
        means[name] = float(values.mean())
        intervals[name] = np.quantile(values[drawn].mean(axis=1), [0.025, 0.975]).tolist()
    return {
        **means,
        "ece": judgement.pooled().expected_calibration_error(),
        "intervals": intervals,
        "rule": judgement.protocol.rule,
        "sources": by_source,
    }


def default_model(*, seed: int = 42) -> MoodModel:
    """Judge the committee by protocols S and U and a random split, and fit it on all.

    The committee averages all smooth simple models, on rows cleaned in every way: no recipe
    is chosen by the sources or playlists that judge it; but the temperature of the densities,
    a constant, was found by the sources without the article's table. Calibration would be used
    if it clearly lowered the log-loss of sources that did not teach it.

    Raises
    ------
    DatasetError
        If a table is not at hand.
    """
    whole = public_pool()
    pool = whole.thinned(MOST_ROWS, seed)
    recipe = COMMITTEE
    judged = judge_recipes([recipe], pool, unseen_sources(pool), _tell)[recipe]
    calibration = judge_calibration(judged)
    if calibration["used"]:
        raise UsageError(f"a model file cannot hold a calibration: {calibration['words']}")
    # Fewer rows: a fit for every pair of sources.
    few = pool.thinned(FEWER_ROWS, seed)
    without = without_each(recipe, few, unseen_sources(few), _tell)
    by_source = {**source_means(judged, seed=seed), "without": without}
    unseen = judge_recipes([recipe], pool, unseen_playlists(pool, HOME), _tell)[recipe]
    random_split = _random_split(recipe, pool, seed)
    model = fit_recipe(recipe, pool, name="default")
    return model.with_about(
        {
            **_about(pool, recipe, seed=seed),
            **_judged(unseen, random_split, seed=seed),
            "unseen_source": by_source,
            "calibration": calibration,
        }
    )


def _random_split(recipe: Recipe, pool: Pool, seed: int) -> dict[str, Any]:
    """Judge on a third of the home source drawn at random (protocol R), to compare with."""
    own = np.flatnonzero(pool.sources == HOME)
    _, test = hold_out(np.asarray(pool.moods)[pool.y[own]], seed=seed)
    out = np.isin(pool.tracks, pool.tracks[own[test]])
    model = fit_recipe(recipe, pool.part(~out))
    return random_summary(model, pool, own[test])


def random_summary(model: MoodModel, pool: Pool, rows: Any) -> dict[str, Any]:
    """Give the measures of a model on some rows of a pool, with an interval."""
    judged = summary(Predictions(pool.y[rows], model.predict_proba(pool.X[rows])), pool.moods)
    low, high = wilson_interval(judged["accuracy"] * len(rows), len(rows))
    return {**judged, "low": low, "high": high}


def _about(pool: Pool, recipe: Recipe, *, seed: int) -> dict[str, Any]:
    """Give what the model was made of: names, counts and quantiles, no rows."""
    digest = hashlib.sha256()
    for part in (pool.X.tobytes(), pool.y.astype(np.int64).tobytes()):
        digest.update(part)
    digest.update("|".join([*pool.moods, *pool.features]).encode())
    per_mood = np.bincount(pool.y, minlength=len(pool.moods)).tolist()
    return {
        "candidate": "pooled",
        "settings": {"pooled": {"members": len(recipe.members), "rows a mood": MOST_ROWS}},
        "recipe": [str(member) for member in recipe.members],
        "tables": list(TABLES),
        "sources": pool.counts(),
        "synthetic": False,
        "tracks": len(pool),
        "per_mood": dict(zip(pool.moods, per_mood, strict=True)),
        "fingerprint": digest.hexdigest(),
        "population": Population.of(
            pool.X, pool.y, features=pool.features, moods=pool.moods
        ).as_dict(),
        "choice": "the mean of all smooth members; of S's collections, one number was chosen by "
        "them: the temperature of the densities",
        "versions": {
            name: metadata.version(name) for name in ("numpy", "polars", "scikit-learn", "scipy")
        },
        "fitted_on": "all rows of the pool, after the tests",
        "seed": seed,
    }


def _judged(
    unseen: Judgement, random_split: Mapping[str, Any], *, seed: int
) -> dict[str, dict[str, Any]]:
    """Give the figures of protocols U and R that a model file keeps."""
    keep = ("accuracy", "balanced_accuracy", "macro_f1", "log_loss", "ece", "coverage", "n",
            "per_mood")  # fmt: skip
    judged = unseen.as_dict(seed=seed)
    return {
        "test": {key: random_split[key] for key in (*keep, "low", "high")},
        "unseen_group": {key: judged[key] for key in (*keep, "intervals", "rule")},
    }


def _tell(stage: str, done: int, total: int) -> None:
    print(f"\r{stage} {done}/{total}", end="\n" if done == total else "", file=sys.stderr)


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the model and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="where to write it, by custom NAME.affetto")
    parser.add_argument("--seed", type=int, default=42)
    asked = parser.parse_args(arguments)
    started = time.perf_counter()
    with threadpool_limits(1):  # products so small are slower with more
        model = default_model(seed=asked.seed)
    path = model.save(asked.file)
    seconds = time.perf_counter() - started
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB, made in {seconds:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
