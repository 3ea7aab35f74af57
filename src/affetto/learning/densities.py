"""Fits Student-t densities: one a mood and source, leaning on what all have in common."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from affetto.densities import Densities
from affetto.errors import LabelError

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]
Names = npt.NDArray[np.str_]

_LEAST_VARIANCE = 1e-6  # of standardised values
LEAST_ROWS = 20
"""Of a mood of a source, for a density of its own. A mood with fewer in every source gets one
of all its rows."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How wide a density is, and how much it leans on the others.

    The temperature had the least log-loss on sources never seen (protocol S) among all but
    the article's table: 2.0, where 1 gave .690 in place of .592. The features go together
    more than a few hundred rows show, so that each counts for too much at 1. All else
    is as in the recipe known before (benchmarks/unseen.py).

    Attributes
    ----------
    freedom : float
        ν of the Student-t distribution: 5 has heavy tails, ∞ would be the normal one.
    own : float
        Weight of a cell's own covariance; the rest is the mean over all cells.
    between : float
        How much of the variance between a mood's sources is added: another source of that
        mood will lie elsewhere too.
    round : float
        Weight of the sphere of the same volume per feature, so that no direction is trusted
        to be thin.
    temperature : float
        See `Densities`.
    """

    freedom: float = 5.0
    own: float = 0.5
    between: float = 0.3
    round: float = 0.1
    temperature: float = 2.0


SHAPE = Shape()


@dataclass(frozen=True, slots=True, eq=False)
class _Cell:
    mood: int
    weight: float
    mean: Floats
    covariance: Floats


def fit_densities(
    Z: Floats, y: Indices, weights: Floats, sources: Names, *,
    n_moods: int, shape: Shape = SHAPE,
) -> Densities:  # fmt: skip
    r"""Fit one density a mood and source, and mix them by their weights.

    A cell (a mood of a source) has the weighted mean m and covariance C of its rows. With C̄
    the weighted mean of all cells' covariances and b the variance, feature by feature,
    between the means of a mood's cells:

        S = own · C + (1 − own) · C̄ + between · diag(b)
        scale matrix = (1 − round) · S + round · tr(S) / d · I

    All moods are equally likely beforehand.

    Parameters
    ----------
    Z : ndarray, shape=(n, d)
        Standardised. A missing value is NaN; it is taken for its cell's mean, with the
        variance that the feature has in all rows.
    y : ndarray of int, shape=(n,)
    weights : ndarray, shape=(n,)
        At least 0; rows of weight 0 do not count.
    sources : ndarray of str, shape=(n,)
    n_moods : int
    shape : Shape

    Returns
    -------
    Densities
        Without a component for moods that no row has.

    Raises
    ------
    LabelError
        If fewer than two moods have rows.

    References
    ----------
    Friedman, J. H. (1989). Regularized discriminant analysis. JASA 84(405).
    """
    use = weights > 0
    Z, y, weights, sources = Z[use], y[use], weights[use], sources[use]
    if len(np.unique(y)) < 2:
        raise LabelError("fewer than two moods are left to learn from")
    middle, spread = _middle(Z, weights)
    cells = [
        _Cell(int(mood), float(weights[rows].sum()),
              *_moments(Z[rows], weights[rows], middle, spread))
        for mood in np.unique(y)
        for rows in _cells(y == mood, sources)
    ]  # fmt: skip
    shares = np.array([cell.weight for cell in cells])
    common = np.average([cell.covariance for cell in cells], axis=0, weights=shares)
    d = Z.shape[1]
    roots = []
    for cell in cells:
        means = np.array([other.mean for other in cells if other.mood == cell.mood])
        S = shape.own * cell.covariance + (1 - shape.own) * common
        S += shape.between * np.diag(means.var(axis=0))
        S = (1 - shape.round) * S + shape.round * np.trace(S) / d * np.eye(d)
        # A floor, for moods of one track or of equal ones, which have no covariance.
        S += max(0.0, _LEAST_VARIANCE - np.trace(S) / d) * np.eye(d)
        roots.append(np.tril(np.linalg.inv(np.linalg.cholesky(S))))
    mood = np.array([cell.mood for cell in cells])
    return Densities(
        means=np.array([cell.mean for cell in cells]),
        roots=np.concatenate(roots),
        freedom=np.full(len(cells), shape.freedom),
        share=shares / np.bincount(mood, shares)[mood],
        mood=mood,
        prior=np.full(n_moods, 1 / n_moods),
        temperature=shape.temperature,
    )


def _cells(of_mood: npt.NDArray[np.bool_], sources: Names) -> list[Indices]:
    """Give the rows of each source that has enough of a mood; all of them where none has."""
    apart = [np.flatnonzero(of_mood & (sources == name)) for name in np.unique(sources[of_mood])]
    enough = [rows for rows in apart if len(rows) >= LEAST_ROWS]
    return enough or [np.flatnonzero(of_mood)]


def _middle(Z: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Give the weighted mean and variance of each feature, of the values that there are."""
    known = np.where(np.isnan(Z), 0.0, weights[:, None])
    total = np.maximum(known.sum(axis=0), np.finfo(np.float64).tiny)
    values = np.nan_to_num(Z, nan=0.0)
    mean = (known * values).sum(axis=0) / total
    return mean, (known * (values - mean) ** 2).sum(axis=0) / total


def _moments(Z: Floats, weights: Floats, instead: Floats, spread: Floats) -> tuple[Floats, Floats]:
    """Give the weighted mean and covariance, gaps filled as `fit_densities` says."""
    gap = np.isnan(Z)
    own, _ = _middle(Z, weights)
    mean = np.where(gap.all(axis=0), instead, own)
    rest = np.where(gap, 0.0, Z - mean)
    share = weights / weights.sum()
    return mean, (rest * share[:, None]).T @ rest + np.diag((share @ gap) * spread)
