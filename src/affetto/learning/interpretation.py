"""What the tracks and the baseline say: exploration, odds ratios."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from affetto.learning.evaluation import rank_auc

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
