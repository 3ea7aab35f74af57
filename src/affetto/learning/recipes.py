"""Recipes for learning from several sources at once: prepared, balanced, averaged."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import ExtraTreesClassifier
from threadpoolctl import threadpool_limits

from affetto.errors import LabelError
from affetto.learning.candidates import Prepare
from affetto.learning.export import to_pipelines
from affetto.learning.pool import Pool
from affetto.learning.softmax import fit_softmax
from affetto.learning.weighting import against_place, balanced_weights
from affetto.model import MoodModel
from affetto.scorers import Clip, Forest, Linear, Log10, Pipeline, Polynomial, Standardise, Step

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
"""Cleaned in every way in turn, coefficients averaged: for regressions."""

OUTERMOST = 0.002
"""Share of rows on either side beyond which values are clipped."""


N_TREES, LEAST_LEAF = 100, 5
"""Of extra trees: few enough that a track is explained in milliseconds."""


@dataclass(frozen=True, slots=True)
class Member:
    """One simple model.

    Attributes
    ----------
    kind : str
        ``linear``: logistic regression on the features, logarithms of the skewed ones;
        ``quadratic``: on their squares and products as well; ``trees``: extra trees.
    penalty : float
        Of a regression; see `fit_softmax`.
    absent : float
        What a mood that a source lacks counts for in its rows; see `fit_softmax`. Trees
        know nothing of it.
    cleaning : str
        One of `CLEANINGS`, or `EVERY`.
    """

    kind: str = "linear"
    penalty: float = 0.05
    absent: float = 1.0
    cleaning: str = "none"

    def __str__(self) -> str:
        how = [] if self.kind == "trees" else [f"penalty {self.penalty:g}"]
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


def _recipes() -> tuple[Recipe, ...]:
    """From simple to intricate; averages alone, since averaging is the surest gain there is."""
    made = []
    for cleaning in CLEANINGS:
        linear = Member("linear", 0.05, 1.0, cleaning)
        quadratic = Member("quadratic", 0.03, 1.0, cleaning)
        trees = Member("trees", cleaning=cleaning)
        made += [
            Recipe((linear, quadratic)),
            Recipe((quadratic, trees)),
            Recipe((linear, quadratic, trees)),
        ]
    masked = [Member(kind, 0.03, 0.0, "bright") for kind in ("linear", "quadratic")]
    made.append(Recipe(tuple(masked)))
    return tuple(sorted(made, key=lambda recipe: len(recipe.members)))


RECIPES: tuple[Recipe, ...] = _recipes()
"""What is chosen among: little, since choosing among much by few playlists is chance."""


def _every_way(*members: Member) -> Recipe:
    return Recipe(tuple(replace(one, cleaning=way) for way in CLEANINGS for one in members))


COMMITTEE = Recipe(
    (Member("linear", 0.05, cleaning=EVERY), Member("quadratic", 0.03, cleaning=EVERY))
)
"""Both regressions on rows cleaned in every way, averaged: nothing is chosen. A choice by few
playlists or sources is worse than that (benchmarks/unseen.py)."""

COMMITTEE_WITH_TREES = _every_way(Member("quadratic", 0.03), Member("trees"))


def fit_member(member: Member, pool: Pool, *, seed: int = 42) -> Pipeline:
    """Fit one member to a pool.

    A value that a source lacks counts as the middle of the others.

    Raises
    ------
    LabelError
        If fewer than two moods are left to learn.
    """
    if member.kind == "trees":
        kept = _cleaned(pool, member.cleaning)
        return _fit_trees(kept, balanced_weights(kept.y, kept.sources, kept.groups), seed)
    every = member.cleaning == EVERY
    # What source holds which moods is known before cleaning, which may take a mood away.
    held = pool.held
    base = pool if every else _cleaned(pool, member.cleaning)
    weights = balanced_weights(base.y, base.sources, base.groups)
    steps = _prepared(base.X, base.features, weights, 1 if member.kind == "linear" else 2)
    fits = []
    for way in CLEANINGS if every else (member.cleaning,):
        use = ~_against(pool, way)
        own = pool.part(use)
        if every and len(np.unique(own.y)) < len(np.unique(pool.y)):
            continue  # this way would unlearn a mood
        fits.append(
            fit_softmax(
                _apply(steps, own.X), own.y, balanced_weights(own.y, own.sources, own.groups),
                held[use], penalty=member.penalty, absent=member.absent,
            )
        )  # fmt: skip
    coef = np.mean([one for one, _ in fits], axis=0)
    intercept = np.mean([one for _, one in fits], axis=0)
    return Pipeline(steps, Linear(coef, intercept))


def _against(pool: Pool, cleaning: str) -> npt.NDArray[np.bool_]:
    return against_place(pool.X, pool.y, pool.features, pool.moods, CLEANINGS[cleaning])


def _cleaned(pool: Pool, cleaning: str) -> Pool:
    kept = pool.part(~_against(pool, cleaning))
    if len(np.unique(kept.y)) < 2:
        raise LabelError("fewer than two moods are left to learn from")
    return kept


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
