"""Drift: how far tracks lie from those a model learned from, told from the quantiles it kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affetto.features import BY_NAME
from affetto.likeness import UNLIKE
from affetto.population import LEVELS, Population

Floats = NDArray[np.float64]

MOVED, FAR_OFF = 0.10, 0.25
"""A population stability index below .10 is read as no change, above .25 as a large one
(Siddiqi 2006)."""

FAR_SHARE = 0.10
"""Share of tracks unlike anything trained on from which a table as a whole is far; of the
training tracks, one in a thousand is."""

FEWEST_TRACKS = 20
"""With fewer tracks not even a large index stands out from chance."""

CLOSE, DRIFTED, FAR, UNTOLD = "close", "drifted", "far", "cannot be told"

_SURE_Z = 3.090232  # .999 of a standard normal: ten features are looked at
_QUARTER, _MEDIAN, _THREE_QUARTERS = (LEVELS.index(level) for level in (0.25, 0.5, 0.75))
_LOW, _HIGH = LEVELS[0], LEVELS[-1]


@dataclass(frozen=True, slots=True)
class FeatureDrift:
    """How far one feature has moved.

    Attributes
    ----------
    feature : str
    psi : float or None
        Population stability index; None where the model kept no quantiles apart.
    noise : float
        What the index may reach by chance, were nothing moved (one time in a thousand).
    median, trained_median : float
        In the feature's unit.
    shift : float
        Difference of the medians as a share of the distance between the training quartiles;
        NaN where these are equal.
    below, above : float
        Shares of tracks beyond the outermost kept quantiles; .02 either, were nothing moved.
    verdict : str
        ``close``, ``drifted``, ``far`` or ``cannot be told``.
    cause : str or None
        A guess, where the figures suggest one.
    """

    feature: str
    psi: float | None
    noise: float
    median: float
    trained_median: float
    shift: float
    below: float
    above: float
    verdict: str
    cause: str | None

    def as_dict(self) -> dict[str, Any]:
        """Give plain data."""
        plain = {name: getattr(self, name) for name in self.__slots__}
        return plain | {"shift": self.shift if isfinite(self.shift) else None}


@dataclass(frozen=True, slots=True)
class Drift:
    """How far tracks lie from a model's training population.

    Attributes
    ----------
    tracks : int
        How many were looked at.
    trained_tracks : int
    features : tuple of FeatureDrift
        Furthest first.
    unlike : float or None
        Share of tracks unlike anything trained on; None where the model cannot tell.
    verdict : str
        ``close``: no feature has moved far. ``drifted``: some have. ``far``: at least half of
        them have, or a tenth of the tracks is unlike anything trained on.
    """

    tracks: int
    trained_tracks: int
    features: tuple[FeatureDrift, ...]
    unlike: float | None
    verdict: str

    def as_dict(self) -> dict[str, Any]:
        """Give plain data, as JSON can hold it."""
        return {
            "tracks": self.tracks,
            "trained_tracks": self.trained_tracks,
            "unlike": self.unlike,
            "unlike_in_training": round(1 - UNLIKE, 6),
            "beyond_in_training": round(_LOW, 6),
            "verdict": self.verdict,
            "features": [one.as_dict() for one in self.features],
        }


def measure_drift(X: Floats, population: Population) -> Drift:
    """Hold tracks against a model's training population.

    Parameters
    ----------
    X : ndarray, shape=(n_tracks, n_features)
        Columns as in the population, each in its unit, all finite; at least one track.
    population : Population

    Returns
    -------
    Drift

    References
    ----------
    Siddiqi, N. (2006). Credit risk scorecards. Wiley.
    Yurdakul, B. & Naranjo, J. (2020). Statistical properties of the population stability
    index. Journal of Risk Model Validation 14(4).
    """
    features = [
        _feature(name, X[:, place], population.overall[place], population.tracks)
        for place, name in enumerate(population.features)
    ]
    features.sort(key=lambda one: -(one.psi or 0.0))
    scores = population.unlikeness(X)
    unlike = None if scores is None else float((scores > UNLIKE).mean())
    return Drift(
        len(X), population.tracks, tuple(features), unlike, _verdict(len(X), features, unlike)
    )


def stability_index(
    values: Floats, quantiles: Floats, n_trained: int
) -> tuple[float | None, float]:
    """Give the population stability index of one feature, and what chance alone may give.

    PSI = Σ (o − e) · ln(o / e) over the cells between the kept quantiles, whose share e of
    training tracks is known; o is the share here. A value on an edge counts half to either
    side. Where several kept quantiles are equal, what share of the training tracks has that
    very value is not known: that edge is left out.

    Were nothing moved, the index is about χ² with one less degree of freedom than cells, times
    (1/n + 1/m) over n and m tracks.

    Parameters
    ----------
    values : ndarray, shape=(n,)
    quantiles : ndarray, shape=(n_levels,)
        At `affetto.population.LEVELS`.
    n_trained : int

    Returns
    -------
    psi : float or None
        None where no edge is left.
    noise : float
        Its .999 quantile, were nothing moved.
    """
    edges, counts = np.unique(quantiles, return_counts=True)
    levels = np.array([LEVELS[int(np.searchsorted(quantiles, edge))] for edge in edges])
    edges, levels = edges[counts == 1], levels[counts == 1]
    if not len(edges):
        return None, 0.0
    n, n_cells = len(values), len(edges) + 1
    below = (values[:, None] < edges).sum(axis=0) + (values[:, None] == edges).sum(axis=0) / 2
    # Half a track a cell keeps the logarithm finite where none fell.
    here = (np.diff(below, prepend=0.0, append=float(n)) + 0.5) / (n + 0.5 * n_cells)
    trained = np.diff(levels, prepend=0.0, append=1.0)
    psi = float(((here - trained) * np.log(here / trained)).sum())
    return psi, _chi_squared(n_cells - 1) * (1 / n + 1 / n_trained)


def _chi_squared(degrees: int) -> float:
    """Its .999 quantile, by Wilson and Hilferty (1931): within 3% from 1 degree on."""
    ninth = 2 / (9 * degrees)
    return float(degrees * (1 - ninth + _SURE_Z * sqrt(ninth)) ** 3)


def _feature(name: str, values: Floats, quantiles: Floats, n_trained: int) -> FeatureDrift:
    psi, noise = stability_index(values, quantiles, n_trained)
    if psi is None or len(values) < FEWEST_TRACKS:
        verdict = UNTOLD
    elif psi <= max(MOVED, noise):
        verdict = CLOSE
    else:
        verdict = FAR if psi > max(FAR_OFF, noise) else DRIFTED
    moved = verdict in {DRIFTED, FAR}
    median, trained = float(np.median(values)), float(quantiles[_MEDIAN])
    width = float(quantiles[_THREE_QUARTERS] - quantiles[_QUARTER])
    return FeatureDrift(
        feature=name,
        psi=psi,
        noise=noise,
        median=median,
        trained_median=trained,
        shift=(median - trained) / width if width > 0 else float("nan"),
        below=float((values < quantiles[0]).mean()),
        above=float((values > quantiles[-1]).mean()),
        verdict=verdict,
        cause=_cause(name, values, quantiles) if moved else None,
    )


def _verdict(n: int, features: Sequence[FeatureDrift], unlike: float | None) -> str:
    told = [one for one in features if one.verdict != UNTOLD]
    if n < FEWEST_TRACKS or not told:
        return UNTOLD
    n_far = sum(one.verdict == FAR for one in told)
    if 2 * n_far >= len(told) or (unlike is not None and unlike >= FAR_SHARE):
        return FAR
    return DRIFTED if n_far else CLOSE


def _cause(name: str, values: Floats, quantiles: Floats) -> str | None:
    """Guess why a feature lies elsewhere, from what tables are known to hold."""
    low, median, high = np.quantile(values, [0.02, 0.5, 0.98])
    trained = float(quantiles[_MEDIAN])
    if not BY_NAME[name].is_share:
        if low >= 0 and high <= 1 < abs(trained):
            return "all values lie from 0 to 1: scaled?"
        for factor, words in ((1000, "a thousand times"), (60, "sixty times")):
            if trained and 0.7 < abs(median / trained) * factor < 1.4:
                return f"{words} smaller than in training: in another unit?"
    common, count = _most_common(values)
    before = (quantiles == common).sum() / len(quantiles)
    if count >= 0.2 and count > 2 * before:
        share = f"{count:.0%} of the tracks have the very same value, {common:g}"
        return f"{share}: does it stand for a missing one?"
    return None


def _most_common(values: Floats) -> tuple[float, float]:
    """Give the most frequent value, and its share."""
    each, counts = np.unique(values, return_counts=True)
    place = int(counts.argmax())
    return float(each[place]), float(counts[place] / len(values))
