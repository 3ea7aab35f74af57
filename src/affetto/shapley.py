"""Shapley values: how much each feature contributes to a score, exact over all coalitions."""

from functools import cache
from math import comb

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MAX_FEATURES = 16
"""Of more, there are too many coalitions to try them all; the house has ten features."""


@cache
def coalitions(n_features: int) -> NDArray[np.bool_]:
    """Give every subset of the features.

    Returns
    -------
    ndarray of bool, shape (2^d, d)
        The empty one first, all of them last.
    """
    if not 1 <= n_features <= MAX_FEATURES:
        raise ValueError(f"{n_features} features; expected 1 to {MAX_FEATURES}")
    members: NDArray[np.bool_] = (
        np.arange(2**n_features)[:, None] >> np.arange(n_features) & 1
    ).astype(np.bool_)
    members.flags.writeable = False
    return members


@cache
def _weights(n_features: int) -> Floats:
    """Weights of the coalitions' scores in each feature's value, shape (2^d, d)."""
    members = coalitions(n_features)
    size = members.sum(axis=1)[:, None]
    # |S|! (d − |S| − 1)! / d!, where S is the coalition without the feature.
    weight = np.array([1 / (n_features * comb(n_features - 1, s)) for s in range(n_features)])
    joined, without = weight[np.maximum(size - 1, 0)], weight[np.minimum(size, n_features - 1)]
    weights: Floats = np.where(members, joined, -without)
    return weights


def mixtures(X: Floats, reference: Floats) -> Floats:
    """Put together what is scored: features of a coalition from the track, the others not.

    Parameters
    ----------
    X : ndarray, shape (n_tracks, d)
    reference : ndarray, shape (d,)
        Where the features come from that are not in the coalition.

    Returns
    -------
    ndarray, shape (n_tracks, 2^d, d)
    """
    return np.where(coalitions(len(reference)), X[:, None, :], reference)


def shapley_values(scores: Floats) -> Floats:
    """Share a score out among the features.

    φ_j = Σ over S without j of |S|! (d − |S| − 1)! / d! · (score(S ∪ j) − score(S)), where
    score(S) is that of the mixture of a track and one reference (*baseline Shapley*).
    They sum to score(all) − score(none). Of a score that is a sum over features, φ_j is
    the difference in its j-th term, w_j · (x_j − reference_j) where it is linear.

    Parameters
    ----------
    scores : ndarray, shape (n_tracks, 2^d)
        Of each coalition, in the order of `coalitions`.

    Returns
    -------
    ndarray, shape (n_tracks, d)

    References
    ----------
    Shapley, L. S. (1953). A value for n-person games. Contributions to the Theory of Games II.
    Štrumbelj, E., Kononenko, I. (2014). Explaining prediction models and individual
    predictions with feature contributions. Knowledge and Information Systems 41.
    Lundberg, S. M., Lee, S.-I. (2017). A unified approach to interpreting model predictions.
    NeurIPS. — Sundararajan, M., Najmi, A. (2020). The many Shapley values for model
    explanation. ICML.
    """
    n_features = scores.shape[1].bit_length() - 1
    values: Floats = scores @ _weights(n_features)
    return values
