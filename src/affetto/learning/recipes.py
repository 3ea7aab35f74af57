"""Recipes for learning from several sources at once: prepared, balanced, averaged."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import ExtraTreesClassifier
from threadpoolctl import threadpool_limits

from affetto.errors import LabelError
from affetto.learning.candidates import Prepare
from affetto.learning.densities import fit_densities
from affetto.learning.export import to_pipelines
from affetto.learning.pool import Pool
from affetto.learning.softmax import fit_softmax
from affetto.learning.weighting import against_place, balanced_weights
from affetto.model import MoodModel
from affetto.scorers import (
    Clip,
    Forest,
    Linear,
    Log10,
    Pipeline,
    Polynomial,
    Select,
    Standardise,
    Step,
)

Floats = npt.NDArray[np.float64]

CLEANINGS = MappingProxyType(
    {
        "none": (),
        "happy": ("Happy",),
        "bright": ("Energetic", "Relaxing", "Happy"),
        "places": ("Energetic", "Relaxing", "Dark", "Aggressive", "Happy"),
    }
)
"""Moods whose rows are left out of learning where they lie in the opposite half."""

EVERY = "every"
"""Cleaned in every way: regressions average the coefficients of all ways; densities and trees
count a row by the share of ways that keep it."""

UNRELIABLE = ("tempo", "duration_ms", "liveness")
"""Features that regressions and densities leave out where others are there: they tell one
playlist from another rather than one mood from another. With all ten, playlists of the article's
table that were never seen gave .06 (linear) to .08 (quadratic) less balanced accuracy; collections
never seen changed by .01 either way."""

LEAST_FEATURES = 4
"""So many features are left at least, or none is left out."""

OUTERMOST = 0.002
"""Share of rows on either side beyond which values are clipped."""

N_TREES, LEAST_LEAF = 100, 5
"""Of extra trees."""


@dataclass(frozen=True, slots=True)
class Member:
    """One simple model.

    Attributes
    ----------
    kind : str
        ``linear``: logistic regression on the features, logarithms of the skewed ones;
        ``quadratic``: on their squares and products as well; ``densities``: Student-t
        densities of the same features, one a mood and source; ``trees``: extra trees.
    penalty : float
        Of a regression; see `fit_softmax`.
    absent : float
        Of a regression: what a mood that a source lacks counts for in its rows; see
        `fit_softmax`.
    cleaning : str
        One of `CLEANINGS`, or `EVERY`.
    """

    kind: str = "linear"
    penalty: float = 0.05
    absent: float = 1.0
    cleaning: str = "none"

    def __str__(self) -> str:
        regression = self.kind in ("linear", "quadratic")
        how = [f"penalty {self.penalty:g}"] if regression else []
        if self.absent < 1:
            how.append(f"absent moods {self.absent:g}")
        if self.cleaning != "none":
            how.append(f"cleaned: {self.cleaning}")
        return f"{self.kind} ({', '.join(how)})" if how else self.kind


@dataclass(frozen=True, slots=True)
class Recipe:
    """The mean of some members' probabilities."""

    members: tuple[Member, ...]

    def __str__(self) -> str:
        return " + ".join(map(str, self.members))


LINEAR = Member("linear", 0.05, cleaning=EVERY)
QUADRATIC = Member("quadratic", 0.03, cleaning=EVERY)
DENSITIES = Member("densities", cleaning=EVERY)
TREES = Member("trees", cleaning=EVERY)

COMMITTEE = Recipe((LINEAR, QUADRATIC, DENSITIES))
"""All smooth members, averaged: nothing is chosen. With trees a model file takes 3.3 MB in place
of .03 and a track 9 ms to explain in place of 2; they bring nothing on music never seen
(benchmarks/unseen.py)."""

COMMITTEE_WITH_TREES = Recipe((*COMMITTEE.members, TREES))

RECIPES: tuple[Recipe, ...] = tuple(
    Recipe(members)
    for size in (2, 3, 4)
    for members in combinations(COMMITTEE_WITH_TREES.members, size)
)
"""What is chosen among where many sources teach: all averages, since averaging is the surest
gain there is. Choosing among much by few playlists would be chance."""

SIMPLE_RECIPES: tuple[Recipe, ...] = tuple(
    Recipe((member,))
    for member in (
        *(replace(LINEAR, penalty=penalty) for penalty in (0.05, 0.1, 0.3, 1.0)),
        *(replace(QUADRATIC, penalty=penalty) for penalty in (0.03, 0.1, 0.3, 1.0)),
        DENSITIES,
        TREES,
    )
)

ALONE = Recipe((replace(LINEAR, penalty=0.3),))
"""Where one source teaches alone. Of `SIMPLE_RECIPES` and `RECIPES` it has the least log-loss
when one source is learned from and every other judges, the article's table left out of both
(`unseen.one_source_teaches`): what is intricate learns the collector in place of the mood."""


def recipe_for(pool: Pool) -> Recipe:
    """Give the recipe to learn a pool by: `COMMITTEE`, or `ALONE` where there is one source."""
    return COMMITTEE if len(np.unique(pool.sources)) > 1 else ALONE


def fit_member(member: Member, pool: Pool, *, seed: int = 42) -> Pipeline:
    """Fit one member to a pool.

    A value that a source lacks counts as the middle of the others; see `fit_densities` for
    what densities make of it.

    Raises
    ------
    LabelError
        If fewer than two moods are left to learn.
    """
    ways = _ways(pool, member.cleaning)
    if member.kind in ("linear", "quadratic"):
        return _fit_regression(member, pool, ways)
    counted = np.mean(ways, axis=0)
    own = pool.part(counted > 0)
    weights = balanced_weights(own.y, own.sources, own.groups) * counted[counted > 0]
    if member.kind == "trees":
        return _fit_trees(own, weights, seed)
    steps = _prepared(own.X, own.features, weights, 1)
    Z = own.X
    for step in steps:
        Z = step.apply(Z)
    return Pipeline(steps, fit_densities(Z, own.y, weights, own.sources, n_moods=len(own.moods)))


def _ways(pool: Pool, cleaning: str) -> list[npt.NDArray[np.bool_]]:
    """Tell which rows are kept, by each way to clean that is asked for.

    Of all ways, those that would unlearn a mood are passed over.
    """
    if cleaning != EVERY:
        kept = ~_against(pool, cleaning)
        if len(np.unique(pool.y[kept])) < 2:
            raise LabelError("fewer than two moods are left to learn from")
        return [kept]
    n_known = len(np.unique(pool.y))
    each = [~_against(pool, way) for way in CLEANINGS]
    return [kept for kept in each if len(np.unique(pool.y[kept])) == n_known]


def _against(pool: Pool, cleaning: str) -> npt.NDArray[np.bool_]:
    return against_place(pool.X, pool.y, pool.features, pool.moods, CLEANINGS[cleaning])


def _fit_regression(member: Member, pool: Pool, ways: Sequence[npt.NDArray[np.bool_]]) -> Pipeline:
    # What source holds which moods is known before cleaning, which may take a mood away.
    held = pool.held
    base = pool if member.cleaning == EVERY else pool.part(ways[0])
    weights = balanced_weights(base.y, base.sources, base.groups)
    steps = _prepared(base.X, base.features, weights, 1 if member.kind == "linear" else 2)
    fits = []
    for use in ways:
        own = pool.part(use)
        fits.append(
            fit_softmax(
                _apply(steps, own.X), own.y, balanced_weights(own.y, own.sources, own.groups),
                held[use], penalty=member.penalty, absent=member.absent,
            )
        )  # fmt: skip
    coef = np.mean([one for one, _ in fits], axis=0)
    intercept = np.mean([one for _, one in fits], axis=0)
    return Pipeline(steps, Linear(coef, intercept))


def _apply(steps: Sequence[Step], X: Floats) -> Floats:
    """Apply steps; a missing value becomes the mean where it is standardised first."""
    Z = X
    for step in steps:
        Z = step.apply(Z)
        if isinstance(step, Standardise):
            Z = np.nan_to_num(Z, nan=0.0)
    return Z


def _fit_trees(pool: Pool, weights: Floats, seed: int) -> Pipeline:
    X = np.where(np.isnan(pool.X), np.nanmedian(pool.X, axis=0), pool.X)
    trees = ExtraTreesClassifier(N_TREES, min_samples_leaf=LEAST_LEAF, random_state=seed)
    with threadpool_limits(1):
        trees.fit(X, pool.y, sample_weight=weights)
    (pipeline,) = to_pipelines(trees, n_features=X.shape[1])
    forest = pipeline.scorer
    assert isinstance(forest, Forest)
    if len(trees.classes_) < len(pool.moods):
        value = np.zeros((len(forest.value), len(pool.moods)))
        value[:, trees.classes_] = forest.value
        forest = replace(forest, value=value)
    return Pipeline(pipeline.steps, forest)


def fit_recipe(recipe: Recipe, pool: Pool, *, name: str = "pooled") -> MoodModel:
    """Fit all members and give their average as a model.

    Raises
    ------
    LabelError
        If fewer than two moods are left to learn.
    """
    return MoodModel(
        moods=pool.moods,
        features=pool.features,
        pipelines=tuple(fit_member(member, pool) for member in recipe.members),
        name=name,
    )


def _prepared(X: Floats, features: Sequence[str], weights: Floats, degree: int) -> tuple[Step, ...]:
    """Fit the steps before a regression."""
    low, high = np.nanquantile(X, [OUTERMOST, 1 - OUTERMOST], axis=0)
    steps: list[Step] = [Clip(low, high)]
    skewed = [index for index, name in enumerate(features) if name in Prepare.SKEWED]
    if skewed:
        offsets = np.array([Prepare.SKEWED[features[index]] for index in skewed])
        steps.append(Log10(np.array(skewed, dtype=np.int64), offsets))
    steps.append(_standardise(_apply(steps, X), weights))
    told = [index for index, name in enumerate(features) if name not in UNRELIABLE]
    if LEAST_FEATURES <= len(told) < len(features):
        # Behind the standardising, which says of every feature how it was distributed.
        steps.append(Select(np.array(told, dtype=np.int64)))
    if degree == 2:
        steps.append(Polynomial(degree=2, interaction_only=False))
        steps.append(_standardise(_apply(steps, X), weights))
    return tuple(steps)


def _standardise(Z: Floats, weights: Floats) -> Standardise:
    """Take weighted means and deviations of the values that there are."""
    known = np.where(np.isnan(Z), 0.0, weights[:, None])
    values = np.nan_to_num(Z, nan=0.0)
    mean = (known * values).sum(axis=0) / known.sum(axis=0)
    spread = np.sqrt((known * (values - mean) ** 2).sum(axis=0) / known.sum(axis=0))
    return Standardise(mean, np.where(spread > 1e-9, spread, 1.0))
