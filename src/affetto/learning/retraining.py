"""Recipes of models trained anew on the same splits, and compared by the corrected t-test."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np

from affetto.errors import UsageError
from affetto.learning.candidates import BY_NAME, Candidate
from affetto.learning.comparison import Judge
from affetto.learning.dataset import LabelledTracks
from affetto.learning.paired import corrected_resampled_t, is_told
from affetto.learning.splits import group_splits, repeated_folds
from affetto.model import MoodModel

Progress = Callable[[str, int, int], None]

STAGE = "retraining"
N_FOLDS, N_REPEATS = 5, 4


def quiet(stage: str, done: int, total: int) -> None:
    """Tell nobody of progress."""


def retrained(
    models: Mapping[str, MoodModel],
    tracks: LabelledTracks,
    *,
    seed: int = 42,
    jobs: int | None = None,
    progress: Progress = quiet,
) -> dict[tuple[str, str], dict[str, Any]]:
    """Train the recipes of models anew on splits of some tracks, and test every pair.

    Each recipe takes the features of its model. Where groups are known, whole groups are
    kept unseen; else four times five folds.

    Returns
    -------
    dict of (str, str) to dict
        By pair of names: accuracies, their ``difference`` with ``low`` and ``high``, ``t``,
        ``p``, ``splits``, ``rule`` and ``words``.

    Raises
    ------
    UsageError
        If a model's file does not tell its recipe, or a recipe is unknown here.
    LabelError
        If the groups cannot be kept unseen.
    """
    recipes = {name: recipe_of(name, model) for name, model in models.items()}
    if tracks.groups is not None:
        made = group_splits(tracks.y, tracks.groups, tracks.moods, seed=seed)
        splits, rule = list(made.splits), made.rule
    else:
        splits = repeated_folds(tracks.y, N_FOLDS, N_REPEATS, seed)
        rule = f"{N_REPEATS} times {len(splits) // N_REPEATS} folds drawn at random"
    if len(splits) < 2:
        raise UsageError(
            "only one split of these tracks keeps whole groups unseen, and the test needs two; "
            "leave --retrain out, or add a playlist a mood"
        )
    scores = {}
    for place, (name, (candidate, settings)) in enumerate(recipes.items()):
        columns = [tracks.features.index(one) for one in models[name].features]
        own = replace(tracks, X=tracks.X[:, columns], features=models[name].features)

        def tell(stage: str, done: int, total: int, place: int = place) -> None:
            progress(stage, place * total + done, len(recipes) * total)

        judged = Judge(own, seed, jobs, tell).judge([candidate], settings, splits, STAGE)
        scores[name] = judged[candidate.name].accuracies()
    n_train = float(np.mean([len(train) for train, _ in splits]))
    n_test = float(np.mean([len(test) for _, test in splits]))
    tests = {}
    for a, b in combinations(models, 2):
        test = corrected_resampled_t(scores[b] - scores[a], n_test, n_train)
        means = {a: float(scores[a].mean()), b: float(scores[b].mean())}
        tests[a, b] = {
            "accuracy_a": means[a],
            "accuracy_b": means[b],
            "difference": test.mean,
            "low": test.low,
            "high": test.high,
            "t": test.t if np.isfinite(test.t) else None,
            "p": test.p,
            "splits": test.splits,
            "rule": rule,
            "words": _words(means, test.p, rule),
        }
    return tests


def recipe_of(name: str, model: MoodModel) -> tuple[Candidate, dict[str, dict[str, Any]]]:
    """Read how a model was made out of what its file says, which may be anybody's.

    Only settings that affetto itself tries are taken: a file cannot ask for a million trees.

    Returns
    -------
    candidate : Candidate
    settings : dict
        By candidate, members of a vote included.

    Raises
    ------
    UsageError
    """
    called = model.about.get("candidate")
    candidate = BY_NAME.get(called) if isinstance(called, str) else None
    if candidate is None:
        told = "does not say how it was made" if called is None else f"was made as {called!r}"
        raise UsageError(
            f"{name} {told}, which cannot be repeated on one table; compare without --retrain"
        )
    given = model.about.get("settings")
    settings: dict[str, dict[str, Any]] = {}
    for member in candidate.members or (candidate.name,):
        own = given.get(member) if isinstance(given, Mapping) else None
        if not isinstance(own, Mapping) or not _is_known(BY_NAME[member], own):
            raise UsageError(
                f"{name} holds settings of {member} that this affetto never tries "
                f"({str(own)[:60]}); compare without --retrain"
            )
        settings[member] = dict(own)
    return candidate, settings


def _is_known(candidate: Candidate, settings: Mapping[str, Any]) -> bool:
    # The committee takes its width and penalty from the search of the single network.
    related = [candidate, BY_NAME["network-tuned"]] if "network" in candidate.name else [candidate]
    tried: dict[str, list[Any]] = {}
    for one in related:
        for point in (one.settings, *one.grid):
            for key, value in point.items():
                tried.setdefault(key, []).append(value)
    return all(
        any(type(value) is type(known) and value == known for known in tried.get(key, ()))
        for key, value in settings.items()
    )


def _words(means: Mapping[str, float], p: float, rule: str) -> str:
    (a, first), (b, second) = means.items()
    chance = f"p = {p:.3f}" if p >= 0.001 else "p < .001"
    test = f"{chance}, corrected resampled t-test; {rule}"
    if not is_told(p):
        return (
            f"Trained anew on these tracks, no difference between the recipes can be told: "
            f"{a} {first:.1%}, {b} {second:.1%} ({test})."
        )
    best, other = ((a, first), (b, second)) if first > second else ((b, second), (a, first))
    return (
        f"Trained anew on these tracks, the recipe of {best[0]} is right more often: "
        f"{best[1]:.1%} against {other[1]:.1%} ({test})."
    )
