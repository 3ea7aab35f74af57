"""What the tracks and the baseline say: exploration, odds ratios, simple rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from threadpoolctl import threadpool_limits

from affetto.features import BY_NAME
from affetto.learning.evaluation import rank_auc
from affetto.learning.splits import Split

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]

N_BOOTSTRAP = 200


def explore(
    X: Floats, y: Indices, features: Sequence[str], moods: Sequence[str], p: Floats
) -> dict[str, Any]:
    """Describe the learning side.

    Parameters
    ----------
    X : ndarray, shape=(n, n_features)
    y : ndarray of int, shape=(n,)
    features, moods : sequence of str
    p : ndarray, shape=(n, n_moods)
        The baseline's probabilities for tracks that it had not seen.

    Returns
    -------
    dict
        ``features`` (median, mean, spread and quartiles by mood), ``separability`` (AUC of
        each mood against the rest by the baseline, and its most telling single feature),
        ``correlation`` (Pearson, features × features).
    """
    by_mood = {
        mood: {name: _describe(X[y == index, column]) for column, name in enumerate(features)}
        for index, mood in enumerate(moods)
    }
    separability = []
    for index, mood in enumerate(moods):
        areas = [rank_auc(X[:, column], y == index) for column in range(len(features))]
        best = int(np.argmax(np.abs(np.array(areas) - 0.5)))
        separability.append(
            {
                "mood": mood,
                "auc": rank_auc(p[:, index], y == index),
                "feature": features[best],
                "feature_auc": max(areas[best], 1 - areas[best]),
                "direction": "high" if areas[best] >= 0.5 else "low",
            }
        )
    return {
        "features": by_mood,
        "separability": sorted(separability, key=lambda row: -float(row["auc"])),
        "correlation": _correlation(X).tolist(),
    }


def _describe(values: Floats) -> dict[str, float]:
    low, median, high = np.quantile(values, [0.25, 0.5, 0.75])
    return {
        "mean": float(values.mean()),
        "sd": float(values.std(ddof=1)) if len(values) > 1 else 0.0,
        "q25": float(low),
        "median": float(median),
        "q75": float(high),
        "low": float(values.min()),
        "high": float(values.max()),
    }


def _correlation(X: Floats) -> Floats:
    """Pearson correlation; a constant feature correlates with nothing."""
    centred = X - X.mean(axis=0)
    norm = np.sqrt((centred**2).sum(axis=0))
    unit = centred / np.where(norm > 0, norm, 1.0)
    matrix: Floats = unit.T @ unit
    np.fill_diagonal(matrix, 1.0)
    return matrix


def odds_ratios(
    X: Floats,
    y: Indices,
    features: Sequence[str],
    moods: Sequence[str],
    *,
    C: float = 1.0,
    seed: int = 42,
    n_bootstrap: int = N_BOOTSTRAP,
) -> dict[str, list[dict[str, Any]]]:
    """Odds ratios of a logistic regression, exp(coefficient), with 95% bootstrap intervals.

    An odds ratio of 2 says: one standard deviation more of the feature doubles the odds of
    the mood against the others (against their geometric mean, itself included, where there
    are more than two), all other features held. Coefficients of a penalised model have no
    exact standard error, hence the percentile bootstrap over tracks, stratified by mood; it
    holds the spread of the features and the penalty fixed.

    Parameters
    ----------
    X : ndarray, shape=(n, n_features)
    y : ndarray of int, shape=(n,)
    features, moods : sequence of str
    C : float
        Inverse strength of the L2 penalty.
    seed : int
    n_bootstrap : int

    Returns
    -------
    dict
        For each mood, features with ``odds_ratio``, ``low``, ``high``, by falling
        |log odds ratio|.

    References
    ----------
    Efron, B. & Tibshirani, R. (1993). An introduction to the bootstrap, ch. 13.
    """
    Z = StandardScaler().fit_transform(X)
    draw = np.random.default_rng(seed)
    members = [np.flatnonzero(y == mood) for mood in range(len(moods))]
    with threadpool_limits(1):
        point = _coefficients(Z, y, C)
        samples = np.empty((n_bootstrap, *point.shape))
        for index in range(n_bootstrap):
            rows = np.concatenate([draw.choice(own, len(own)) for own in members])
            samples[index] = _coefficients(Z[rows], y[rows], C, start=point)
    low, high = np.quantile(samples, [0.025, 0.975], axis=0)
    table: dict[str, list[dict[str, Any]]] = {}
    for position, mood in enumerate(moods):
        order = np.argsort(-np.abs(point[position]), kind="stable")
        table[mood] = [
            {
                "feature": features[column],
                "odds_ratio": float(np.exp(point[position, column])),
                "low": float(np.exp(low[position, column])),
                "high": float(np.exp(high[position, column])),
            }
            for column in order
        ]
    return table


def _coefficients(Z: Floats, y: Indices, C: float, start: Floats | None = None) -> Floats:
    """Coefficients of one row a mood, also for two moods."""
    model = LogisticRegression(C=C, max_iter=2000, warm_start=start is not None)
    if start is not None:
        warm = start if len(start) > 2 else start[1:]
        model.coef_, model.intercept_ = warm.copy(), np.zeros(len(warm))
    model.fit(Z, y)
    coefficients: Floats = model.coef_
    return np.vstack([-coefficients, coefficients]) if len(coefficients) == 1 else coefficients


def leading_features(table: dict[str, list[dict[str, Any]]]) -> dict[str, str]:
    """Name the feature that raises the odds of each mood most."""
    return {
        mood: max(rows, key=lambda row: float(row["odds_ratio"]))["feature"]
        for mood, rows in table.items()
    }


@dataclass(frozen=True, slots=True)
class Condition:
    """``feature > bound`` or ``feature <= bound``."""

    feature: str
    above: bool
    bound: float

    def holds(self, X: Floats, features: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Which rows of X meet the condition, shape=(n,)."""
        column: Floats = X[:, list(features).index(self.feature)]
        return column > self.bound if self.above else column <= self.bound

    def __str__(self) -> str:
        """Write the condition as a person would."""
        unit = BY_NAME[self.feature].unit if self.feature in BY_NAME else ""
        digits = f"{self.bound:.3g}" if abs(self.bound) < 1000 else f"{self.bound:,.0f}"
        return f"{self.feature} {'>' if self.above else '≤'} {digits} {unit}".rstrip()


def simple_rules(
    X: Floats, y: Indices, features: Sequence[str], moods: Sequence[str], splits: Sequence[Split]
) -> list[dict[str, Any]]:
    """Find, for each mood, one or two conditions that single it out, judged on unseen tracks.

    The leaf of best F1 of a depth-2 tree that sets the mood against all others.

    Returns
    -------
    list of dict
        ``mood``, ``rule`` (text, learned from all tracks that `splits` judge), ``precision``,
        ``recall`` and ``f1`` over the judging sides of `splits`; precision is None where no
        rule ever fired. No row for a mood that no condition singles out.
    """
    rules = []
    judged = np.unique(np.concatenate([test for _, test in splits]))
    for index, mood in enumerate(moods):
        fired = hit = total = 0
        for train, test in splits:
            conditions = _best_leaf(X[train], y[train] == index, features)
            true = y[test] == index
            said = _all_hold(conditions, X[test], features) & bool(conditions)
            fired, hit, total = fired + said.sum(), hit + (said & true).sum(), total + true.sum()
        conditions = _best_leaf(X[judged], y[judged] == index, features)
        if not conditions:
            continue
        rules.append(
            {
                "mood": mood,
                "rule": " and ".join(str(condition) for condition in conditions),
                "precision": float(hit / fired) if fired else None,
                "recall": float(hit / total),
                "f1": float(2 * hit / (fired + total)),
            }
        )
    return rules


def _best_leaf(
    X: Floats, positive: npt.NDArray[np.bool_], features: Sequence[str]
) -> list[Condition]:
    """Path to the leaf of the best F1, its conditions on one feature merged."""
    tree = DecisionTreeClassifier(
        max_depth=2, min_samples_leaf=5, class_weight="balanced", random_state=0
    )
    structure = tree.fit(X, positive).tree_
    leaf_of = tree.apply(X)

    def paths(node: int, path: list[Condition]) -> list[tuple[int, list[Condition]]]:
        if structure.children_left[node] < 0:
            return [(node, path)]
        name, bound = features[structure.feature[node]], float(structure.threshold[node])
        return [
            *paths(structure.children_left[node], [*path, Condition(name, False, bound)]),
            *paths(structure.children_right[node], [*path, Condition(name, True, bound)]),
        ]

    def f1(node: int) -> float:
        inside = leaf_of == node
        return float(2 * (inside & positive).sum() / (inside.sum() + positive.sum()))

    _, path = max(paths(0, []), key=lambda item: f1(item[0]))
    tightest = {(condition.feature, condition.above): condition for condition in path}
    return list(tightest.values())


def _all_hold(
    conditions: Sequence[Condition], X: Floats, features: Sequence[str]
) -> npt.NDArray[np.bool_]:
    said = np.ones(len(X), dtype=bool)
    for condition in conditions:
        said &= condition.holds(X, features)
    return said
