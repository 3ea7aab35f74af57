"""Measures of a classifier, each by its definition: arrays in, numbers out."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]

Z_95 = 1.959964
COVERAGES = (0.1, 0.25, 0.5, 0.75, 0.9, 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """What a classifier said of tracks it had not learned from.

    Attributes
    ----------
    y : ndarray of int, shape=(n,)
        True moods.
    p : ndarray, shape=(n, n_moods)
        Probabilities.
    """

    y: Indices
    p: Floats

    @property
    def said(self) -> Indices:
        """Most probable moods, shape=(n,)."""
        most: Indices = self.p.argmax(axis=1)
        return most

    def accuracy(self) -> float:
        """Share of tracks whose most probable mood is the true one."""
        return float((self.said == self.y).mean())

    def balanced_accuracy(self) -> float:
        """Mean of the moods' recalls, over the moods that occur."""
        return float(np.mean([(self.said[self.y == m] == m).mean() for m in np.unique(self.y)]))

    def log_loss(self) -> float:
        """Mean of −ln p of the true mood, with p bounded below by 1e-12."""
        true = self.p[np.arange(len(self.y)), self.y]
        return float(-np.log(np.maximum(true, 1e-12)).mean())

    def expected_calibration_error(self, n_bins: int = 10) -> float:
        """Mean distance between confidence and accuracy over equal-width bins of confidence.

        References
        ----------
        Guo, C. et al. (2017). On calibration of modern neural networks. ICML.
        """
        confidence = self.p.max(axis=1)
        right = self.said == self.y
        which = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
        distance = 0.0
        for index in np.unique(which):
            inside = which == index
            distance += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
        return float(distance)

    def coverage(self, shares: Sequence[float] = COVERAGES) -> dict[str, float]:
        """Accuracy on the most confident share of tracks, for each share."""
        order = np.argsort(-self.p.max(axis=1), kind="stable")
        right = (self.said == self.y)[order]
        return {
            f"{share:g}": float(right[: max(1, round(share * len(right)))].mean())
            for share in shares
        }

    def confusion(self) -> npt.NDArray[np.int64]:
        """Count tracks by true mood (rows) and said mood (columns)."""
        n_moods = self.p.shape[1]
        flat = np.bincount(self.y * n_moods + self.said, minlength=n_moods * n_moods)
        return flat.reshape(n_moods, n_moods).astype(np.int64)


def per_mood(confusion: npt.NDArray[np.int64], moods: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Precision, recall and F1 of each mood.

    Precision is None for a mood that was never said, recall for one that never occurred.
    """
    measures: dict[str, dict[str, Any]] = {}
    for index, mood in enumerate(moods):
        right = int(confusion[index, index])
        said, true = int(confusion[:, index].sum()), int(confusion[index].sum())
        measures[mood] = {
            "precision": right / said if said else None,
            "recall": right / true if true else None,
            "f1": 2 * right / (said + true) if said + true else None,
            "n": true,
        }
    return measures


def most_confused(confusion: npt.NDArray[np.int64], moods: Sequence[str]) -> dict[str, Any] | None:
    """Find the two moods that are most often taken for each other, or None without a mistake."""
    between = confusion + confusion.T
    np.fill_diagonal(between, 0)
    if not between.any():
        return None
    a, b = (int(place) for place in np.unravel_index(int(between.argmax()), between.shape))
    return {
        "moods": [moods[a], moods[b]],
        "first_as_second": int(confusion[a, b]),
        "second_as_first": int(confusion[b, a]),
        "share_of_errors": float(between[a, b] / (confusion.sum() - np.trace(confusion))),
    }


def summary(predictions: Predictions, moods: Sequence[str]) -> dict[str, Any]:
    """Give all measures of one set of predictions as plain data."""
    confusion = predictions.confusion()
    measures = per_mood(confusion, moods)
    f1 = [m["f1"] for m in measures.values() if m["f1"] is not None]
    return {
        "accuracy": predictions.accuracy(),
        "balanced_accuracy": predictions.balanced_accuracy(),
        "macro_f1": float(np.mean(f1)),
        "log_loss": predictions.log_loss(),
        "ece": predictions.expected_calibration_error(),
        "coverage": predictions.coverage(),
        "confusion": confusion.tolist(),
        "per_mood": measures,
        "most_confused": most_confused(confusion, moods),
        "n": len(predictions.y),
    }


def wilson_interval(right: float, n: int, z: float = Z_95) -> tuple[float, float]:
    """Give the 95% interval of a share, that stays within 0 and 1.

    Parameters
    ----------
    right : float
        Number of successes.
    n : int
        Number of trials, above 0.

    Returns
    -------
    low, high : float

    References
    ----------
    Wilson, E. B. (1927). Probable inference, the law of succession, and statistical
    inference. JASA 22(158).
    """
    share = right / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def among(p: Floats, moods: Indices) -> Floats:
    """Give probabilities among some of the moods: the others get 0, these sum to 1 again.

    A source that holds two moods only can be judged between these only.

    Parameters
    ----------
    p : ndarray, shape=(n, n_moods)
    moods : ndarray of int
    """
    own = np.zeros_like(p)
    # Where all of them are called impossible, none is preferred.
    own[:, moods] = np.maximum(p[:, moods], 1e-12)
    return np.asarray(own / own.sum(axis=1, keepdims=True))


def group_intervals(
    predictions: Predictions,
    groups: npt.NDArray[np.str_],
    *,
    n_draws: int = 1000,
    seed: int = 42,
) -> dict[str, tuple[float, float]]:
    """Give 95% intervals by resampling whole groups, since tracks of one group are alike.

    Of the G groups of the same commonest mood, G − 1 are drawn with replacement and count
    G / (G − 1), so that no mood gets lost and the variance is right for few groups too. With
    two groups a mood, as on the article's table, the intervals are rough; a mood of one group
    adds nothing to them.

    Parameters
    ----------
    predictions : Predictions
    groups : ndarray of str, shape=(n,)
    n_draws : int
    seed : int

    Returns
    -------
    dict of str to (low, high)
        ``accuracy``, ``balanced_accuracy``, ``log_loss``.

    References
    ----------
    Rao, J. N. K. & Wu, C. F. J. (1988). Resampling inference with complex survey data.
    JASA 83(401).
    """
    y, n_moods = predictions.y, predictions.p.shape[1]
    right = (predictions.said == y).astype(np.float64)
    loss = -np.log(np.maximum(predictions.p[np.arange(len(y)), y], 1e-12))
    _, which = np.unique(groups, return_inverse=True)
    cell, n_groups = which * n_moods + y, int(which.max()) + 1

    def sums(weights: Floats) -> Floats:
        total = np.bincount(cell, weights, n_groups * n_moods).astype(np.float64)
        return total.reshape(n_groups, n_moods)

    count, hits, lost = sums(np.ones(len(y))), sums(right), sums(loss)
    commonest = count.argmax(axis=1)
    draw = np.random.default_rng(seed)
    drawn = np.zeros((n_draws, n_groups))
    for mood in np.unique(commonest):
        own = np.flatnonzero(commonest == mood)
        fewer = max(1, len(own) - 1)
        drawn[:, own] = draw.multinomial(fewer, np.full(len(own), 1 / len(own)), n_draws)
        drawn[:, own] *= len(own) / fewer
    n, n_right = drawn @ count, drawn @ hits
    recall = np.divide(n_right, n, out=np.full_like(n, np.nan), where=n > 0)
    measures = {
        "accuracy": n_right.sum(axis=1) / n.sum(axis=1),
        "balanced_accuracy": np.nanmean(recall, axis=1),
        "log_loss": (drawn @ lost).sum(axis=1) / n.sum(axis=1),
    }
    ends = {name: np.quantile(values, [0.025, 0.975]) for name, values in measures.items()}
    return {name: (float(low), float(high)) for name, (low, high) in ends.items()}


def repeated_cv_error(scores: Sequence[float], n_test: float, n_train: float) -> float:
    """Give the standard error of a mean over repeated cross-validation; NaN for one score.

    Folds share most of their training tracks, so that the plain standard error is far too
    small; the variance is corrected by the ratio of test to training size.

    References
    ----------
    Nadeau, C. & Bengio, Y. (2003). Inference for the generalization error. Machine
    Learning 52(3).
    """
    if len(scores) < 2:
        return float("nan")
    variance = float(np.var(scores, ddof=1))
    return sqrt((1 / len(scores) + n_test / n_train) * variance)


def rank_auc(values: npt.NDArray[np.float64], positive: npt.NDArray[np.bool_]) -> float:
    """Area under the ROC curve of one value as a score, by the Mann–Whitney statistic.

    Parameters
    ----------
    values : ndarray, shape=(n,)
    positive : ndarray of bool, shape=(n,)

    Returns
    -------
    float
        From 0 to 1; .5 says that the value tells nothing. NaN where a side is empty.

    References
    ----------
    Hanley, J. & McNeil, B. (1982). The meaning and use of the area under a receiver
    operating characteristic (ROC) curve. Radiology 143(1).
    """
    n_positive = int(positive.sum())
    n_negative = len(positive) - n_positive
    if not n_positive or not n_negative:
        return float("nan")
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(counts) - (counts - 1) / 2
    rank_sum = mean_rank[inverse][positive].sum()
    return float((rank_sum - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))
