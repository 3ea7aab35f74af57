"""How unlike the training tracks a track is: normal scores and a distance, kept without rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from affetto.errors import ModelError

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

UNLIKE = 0.999
"""Above this a track counts as unlike anything trained on: one training track in a thousand is
as unusual. Fewer would hardly ever speak; with more, every large library is full of alarms."""

DISTANCE_LEVELS: tuple[float, ...] = (
    0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999,
)  # fmt: skip
"""Shares of training tracks nearer than each kept distance."""

MIN_TRACKS = 40
"""With fewer, a distance says more of chance than of music: four tracks a feature."""

_FOLDS = 10
_DIGITS = 4
_BLOCK_ROWS = 8_192  # what a block needs stays in the cache
_FAR = 1e4  # normal scores end here: one that is reached tells the same as a larger one
_LEAST_SPREAD = 0.01  # of the width that a feature has in tables, for one that hardly varies
_SAME = 0.001  # of that width: quantiles nearer than this are one
_LEAST_SHRINKAGE = 0.02
_KEYS = ("correlation", "levels", "distances")


@dataclass(frozen=True, slots=True, eq=False)
class Likeness:
    """Where training tracks lie, as a distance from their middle.

    Each value becomes a normal score: the value a standard normal variable has at the same
    share of training tracks, which the kept quantiles tell; beyond them the score goes on
    straight, a deviation for each (outer quantile − median) / (its score). The distance is
    Mahalanobis' of the scores z from the medians, D = √(zᵀ R⁻¹ z), with R their correlation,
    drawn towards none at all by as much as the tracks are few.

    Attributes
    ----------
    correlation : ndarray of float64, shape (n_features, n_features)
        R, to four digits.
    distances : ndarray of float64, shape (n_levels,)
        At `DISTANCE_LEVELS`: the distances that training tracks have when they are held
        against the other nine tenths of them. Where fewer than two tracks lie beyond, the
        tail goes on as it began (see `scores`).

    References
    ----------
    Liu, H., Lafferty, J., Wasserman, L. (2009). The nonparanormal: semiparametric estimation
    of high dimensional undirected graphs. JMLR 10. — Ledoit, O., Wolf, M. (2004). A
    well-conditioned estimator for large-dimensional covariance matrices. J. Multivariate
    Analysis 88. — Pickands, J. (1975). Statistical inference using extreme order statistics.
    Annals of Statistics 3.
    """

    correlation: Floats
    distances: Floats
    _curves: tuple["_Curve", ...]
    _whiten: Floats

    @classmethod
    def of(
        cls,
        rows: Floats,
        quantiles: Callable[[Floats], Floats],
        levels: Sequence[float],
        widths: Floats,
    ) -> Self | None:
        """Learn from tracks; None where they are fewer than `MIN_TRACKS`.

        Parameters
        ----------
        rows : ndarray, shape (n_tracks, n_features)
            Finite.
        quantiles : callable
            Gives of such rows the quantiles at `levels`, shape (n_features, n_levels).
        levels : sequence of float
            Growing shares, on both sides of one half.
        widths : ndarray, shape (n_features,)
            How wide each feature's values range in tables, in its unit.
        """
        if len(rows) < MIN_TRACKS:
            return None
        # Whom a track is held against must not hold itself, or rare ones look usual.
        fold = np.arange(len(rows)) % _FOLDS
        far = np.empty(len(rows))
        for number in range(_FOLDS):
            others = rows[fold != number]
            curves = _curves(quantiles(others), levels, widths)
            whiten = _whitening(_correlation(_normal_scores(others, curves)))
            far[fold == number] = _distances(rows[fold == number], curves, whiten)
        curves = _curves(quantiles(rows), levels, widths)
        correlation = _rounded(_correlation(_normal_scores(rows, curves)))
        whiten = _whitening(correlation)
        return cls(correlation, _rounded(_distance_quantiles(far)), curves, whiten)

    @classmethod
    def read(
        cls, entry: Any, *, quantiles: Floats, levels: Sequence[float], widths: Floats
    ) -> Self:
        """Read what `as_dict` gave, out of a file that may be anybody's.

        Raises
        ------
        ModelError
            If it is not as `as_dict` writes it.
        """
        if type(entry) is not dict or sorted(entry) != sorted(_KEYS):
            raise ModelError(f"population, likeness: expected exactly {', '.join(_KEYS)}")
        if entry["levels"] != list(DISTANCE_LEVELS):
            raise ModelError(
                f"population, likeness: distances at {str(entry['levels'])[:60]}; "
                f"expected {list(DISTANCE_LEVELS)}"
            )
        distances = _numbers([entry["distances"]], 1, len(DISTANCE_LEVELS), "distances")[0]
        if not all(0 <= a <= b <= 1e6 for a, b in pairwise([0.0, *distances.tolist()])):
            raise ModelError("population, likeness: distances fall, or lie outside 0 to 1000000")
        n = len(quantiles)
        correlation = _numbers(entry["correlation"], n, n, "correlation")
        is_sound = (
            (correlation == correlation.T).all()
            and (correlation.diagonal() == 1).all()
            and (np.abs(correlation) <= 1).all()
            and float(np.linalg.eigvalsh(correlation)[0]) > _LEAST_SHRINKAGE / 10
        )
        if not is_sound:
            raise ModelError(
                "population, likeness: the correlation is none; expected a symmetric matrix of "
                "numbers from -1 to 1, with 1 along the diagonal, that can be inverted"
            )
        return cls(
            correlation, distances, _curves(quantiles, levels, widths), _whitening(correlation)
        )

    def as_dict(self) -> dict[str, Any]:
        """Give plain data, as it stands in a model file."""
        return {
            "correlation": self.correlation.tolist(),
            "levels": list(DISTANCE_LEVELS),
            "distances": self.distances.tolist(),
        }

    def scores(self, rows: Floats) -> Floats:
        """Say how unusual tracks are: the share of training tracks that are less so.

        Beyond the outermost distance kept, the share that is still further out falls as an
        exponential tail does: by the same factor with every step, and as fast as the outer
        tenth of the training tracks falls off.

        Parameters
        ----------
        rows : ndarray, shape (n_tracks, n_features)
            In the features' units.

        Returns
        -------
        ndarray of float64, shape (n_tracks,)
            0–1, to four digits; NaN where a value is missing.
        """
        far = _distances(rows, self._curves, self._whiten)
        levels = np.array([0.0, *DISTANCE_LEVELS])
        known = np.array([0.0, *self.distances])
        scores: Floats = np.interp(far, known, levels)
        beyond = far > known[-1]
        if beyond.any():
            start = DISTANCE_LEVELS.index(0.9)
            outer = float(self.distances[-1] - self.distances[start])
            step = max(outer / np.log(0.1 / (1 - levels[-1])), 10.0**-_DIGITS)
            rest = np.exp(-(far[beyond] - known[-1]) / step)
            scores[beyond] = 1 - (1 - levels[-1]) * rest
        return np.round(scores, _DIGITS, out=scores)


@dataclass(frozen=True, slots=True, eq=False)
class _Curve:
    """From a feature's values to normal scores: straight pieces, joined at bends.

    z = start + Σ turn·max(x, bend), for low ≤ x ≤ high; the first bend is low itself.
    """

    low: float
    high: float
    start: float
    bends: Singles
    turns: Singles

    def scores(self, values: Floats) -> Singles:
        # In single precision, which is twice as fast, and close to what four digits can tell.
        with np.errstate(over="ignore"):
            x = np.clip(values.astype(np.float32), self.low, self.high)
        scores: Singles = self.turns @ np.maximum(x, self.bends[:, None])
        scores += np.float32(self.start)
        return scores


def _curves(quantiles: Floats, levels: Sequence[float], widths: Floats) -> tuple[_Curve, ...]:
    """Make a curve of each feature's quantiles."""
    normal = np.array([NormalDist().inv_cdf(level) for level in levels])
    return tuple(
        _curve(own, normal, float(np.interp(0.5, levels, own)), width)
        for own, width in zip(quantiles, widths, strict=True)
    )


def _curve(values: Floats, normal: Floats, median: float, width: float) -> _Curve:
    # Many tracks may share a value, no vocals at all say: it stands in their middle.
    runs = np.split(np.arange(len(values)), np.flatnonzero(np.diff(values) > _SAME * width) + 1)
    at = [float(values[run].mean()) for run in runs]
    scores = [float(normal[run].mean()) for run in runs]
    down = max((median - at[0]) / -normal[0], _LEAST_SPREAD * width)
    up = max((at[-1] - median) / normal[-1], _LEAST_SPREAD * width)
    inner = [(z1 - z0) / (x1 - x0) for (x0, x1), (z0, z1) in
             zip(pairwise(at), pairwise(scores), strict=True)]  # fmt: skip
    slopes = [1 / down, *inner, 1 / up]
    bends = np.array([at[0] - _FAR * down, *at])
    turns = np.diff([0.0, *slopes])
    start = scores[0] - float(turns @ np.maximum(at[0], bends))
    high = at[-1] + _FAR * up
    return _Curve(float(bends[0]), high, start, bends.astype(np.float32), turns.astype(np.float32))


def _normal_scores(rows: Floats, curves: Sequence[_Curve]) -> Singles:
    """Give normal scores, one row a feature."""
    return np.stack([curve.scores(rows[:, i]) for i, curve in enumerate(curves)])


def _correlation(scores: Singles) -> Floats:
    """Correlate normal scores; a share d / (n + d) of it, .02 at least, is taken to be none."""
    d, n = scores.shape
    exact = scores.astype(np.float64)
    centred = exact - exact.mean(axis=1, keepdims=True)
    norms = np.sqrt((centred**2).sum(axis=1, keepdims=True))
    unit = centred / np.where(norms > 0, norms, 1.0)
    matrix: Floats = (1 - max(_LEAST_SHRINKAGE, d / (n + d))) * (unit @ unit.T)
    np.fill_diagonal(matrix, 1.0)
    both: Floats = (matrix + matrix.T) / 2
    return both


def _whitening(correlation: Floats) -> Floats:
    """Give L⁻¹ where R = L Lᵀ: the length of L⁻¹ z is √(zᵀ R⁻¹ z)."""
    inverse: Floats = np.linalg.inv(np.linalg.cholesky(correlation))
    return inverse


def _distances(rows: Floats, curves: Sequence[_Curve], whiten: Floats) -> Floats:
    far, single = np.empty(len(rows)), whiten.astype(np.float32)
    for start in range(0, len(rows), _BLOCK_ROWS):
        block = slice(start, start + _BLOCK_ROWS)
        white = single @ _normal_scores(rows[block], curves)
        np.sqrt(np.einsum("ij,ij->j", white, white), out=far[block])
    return far


def _distance_quantiles(far: Floats) -> Floats:
    """Take quantiles, as far out as two tracks lie beyond; from there, an exponential tail."""
    levels = np.array(DISTANCE_LEVELS)
    values = np.quantile(far, levels)
    start = DISTANCE_LEVELS.index(0.9)
    outer = far[far > values[start]] - values[start]
    step = float(outer.mean()) if len(outer) else 0.0
    last = max(start, int(np.flatnonzero(len(far) * (1 - levels) >= 2)[-1]))
    tail = values[last] + step * np.log((1 - levels[last]) / (1 - levels[last + 1 :]))
    return np.concatenate([values[: last + 1], tail])


def _rounded(values: Floats) -> Floats:
    return np.round(values, _DIGITS)


def _numbers(entry: Any, n_rows: int, n_columns: int, where: str) -> Floats:
    is_sound = (
        type(entry) is list
        and len(entry) == n_rows
        and all(type(row) is list and len(row) == n_columns for row in entry)
        and all(type(cell) in (int, float) for row in entry for cell in row)
    )
    numbers = np.array(entry, dtype=np.float64) if is_sound else np.array([np.nan])
    if not np.isfinite(numbers).all():
        raise ModelError(
            f"population, likeness: {where} is {str(entry)[:60]}; expected "
            f"{n_rows * n_columns} numbers"
        )
    return numbers
