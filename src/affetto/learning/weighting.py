"""How much each row counts, so that no source, playlist or mood swamps the rest."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]
Names = npt.NDArray[np.str_]

MOST_A_CELL = 300.0
"""A mood of a source counts for so many rows at most. Under protocol S, 100, 300 and 1000 gave
balanced accuracies of .705, .707 and .706: more rows of the same collection bring nothing."""

MIDDLE_VALENCE, MIDDLE_ENERGY = 0.535, 0.662
"""Medians of 66,307 unlabelled tracks (dataset:pool): where a mood's half begins."""

PLACES = {
    "Energetic": ("energy", 1),
    "Relaxing": ("energy", -1),
    "Dark": ("valence", -1),
    "Aggressive": ("energy", 1),
    "Happy": ("valence", 1),
}
"""The half of the valence–arousal plane that each of the five moods has for itself, energy
standing for arousal. Russell, J. A. (1980). A circumplex model of affect. JPSP 39(6)."""


def balanced_weights(
    y: Indices,
    sources: Names,
    groups: Names,
    *,
    even_moods: bool = True,
    most: float = MOST_A_CELL,
) -> Floats:
    """Weigh rows so that sources, groups and moods are balanced.

    Within a source, every mood counts the same: the mean over its moods of min(n, `most`).
    Within a mood of a source, every group counts as its number of rows has it, to the power
    of one half: a playlist of 400 tracks twice as much as one of 100.

    Parameters
    ----------
    y : ndarray of int, shape=(n,)
    sources, groups : ndarray of str, shape=(n,)
    even_moods : bool
        Make the moods' totals over all sources the same as well.
    most : float

    Returns
    -------
    ndarray, shape=(n,)
        Above 0; their mean is 1.
    """
    weights = np.zeros(len(y))
    for source in np.unique(sources):
        own = sources == source
        present = np.unique(y[own])
        total = np.mean([min(float((own & (y == mood)).sum()), most) for mood in present])
        for mood in present:
            cell = own & (y == mood)
            _, which, counts = np.unique(groups[cell], return_inverse=True, return_counts=True)
            share = np.sqrt(counts) / np.sqrt(counts).sum()
            weights[cell] = total * (share / counts)[which]
    if even_moods:
        totals = np.bincount(y, weights)
        weights /= totals[y]
    return np.asarray(weights / weights.mean())


def against_place(
    X: Floats, y: Indices, features: Sequence[str], moods: Sequence[str], only: Sequence[str]
) -> npt.NDArray[np.bool_]:
    """Tell which rows lie in the half of the plane opposite to their label.

    A playlist called happy holds sad songs too; as examples of the mood they mislead. Rows
    to learn from may be left out by it, rows to judge by never.

    Parameters
    ----------
    X : ndarray, shape=(n, n_features)
    y : ndarray of int, shape=(n,)
    features, moods : sequence of str
    only : sequence of str
        Moods to be looked at; others, and moods without a place, are never against it.

    Returns
    -------
    ndarray of bool, shape=(n,)
    """
    middles = {"valence": MIDDLE_VALENCE, "energy": MIDDLE_ENERGY}
    against = np.zeros(len(y), dtype=bool)
    for position, mood in enumerate(moods):
        if mood in only and mood in PLACES and PLACES[mood][0] in features:
            feature, side = PLACES[mood]
            values = X[:, features.index(feature)]
            against |= (y == position) & (side * (values - middles[feature]) < 0)
    return against
