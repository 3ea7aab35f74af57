"""Whether two origins measure alike: how far their values of the same tracks lie apart.

A table may hold features from several origins: a saved export, a service, own analysis. Where
these measure differently, a model learns who measured in place of how the music sounds.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from affetto.features import BY_NAME, FEATURE_NAMES

_ORIGINS = ("first", "second")

Floats = npt.NDArray[np.float64]
Pair = tuple[Mapping[str, float], Mapping[str, float]]
Verdict = Literal["same scale", "shifted", "scattered", "unclear", "too few to tell"]

FEWEST: Final = 6
"""With five tracks even the widest interval of the median, from the least to the greatest
difference, holds it in 1 − 2 / 2⁵ = 94% of samples only."""

ALIKE: Final = 0.1
"""Shifts of less than so much of a feature's spread matter to no model that we know of."""

LOOSE: Final = 0.5
"""Typical distance, in spreads, above which two origins do not tell the same of a track. Of
normally distributed values it is that of a correlation of one half."""

OCTAVE: Final = 0.04
"""How far a tempo may be from the double or half and still be taken for it: the customary 4%
(Gouyon, F. et al. (2006). An experimental comparison of audio tempo induction algorithms. IEEE
TASLP 14(5))."""


@dataclass(frozen=True, slots=True)
class Difference:
    r"""How one feature differs between two origins, on the tracks that both know.

    Attributes
    ----------
    feature : str
    first, second : str
        Names of the origins.
    n : int
        Tracks of which both tell it.
    median : float
        Of second − first, in the feature's unit.
    low, high : float or None
        95% interval of that median; None for fewer than `FEWEST` tracks.
    distance : float
        Median of \|second − first\|: how far apart the two are on a typical track.
    correlation : float or None
        Spearman's, of ranks, −1 to 1; None where either tells the same of all tracks.
    spread : float or None
        Interquartile range of the feature that `median` is held against; None where unknown.
    ratio : float or None
        \|median\| / spread.
    verdict : str
        ``"shifted"``: the interval leaves out 0, and the median is more than `ALIKE` spreads.
        ``"scattered"``: not so, but a typical track lies more than `LOOSE` spreads apart.
        ``"same scale"``: neither, and the interval lies within ±`ALIKE` spreads. ``"unclear"``:
        none of these, or the spread is unknown. ``"too few to tell"``: fewer than `FEWEST`.
    octaves : float or None
        Of the tempo: the share of tracks, 0–1, where one tells the double of the other.
    """

    feature: str
    first: str
    second: str
    n: int
    median: float
    low: float | None
    high: float | None
    distance: float
    correlation: float | None
    spread: float | None
    ratio: float | None
    verdict: Verdict
    octaves: float | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """How two origins differ.

    Attributes
    ----------
    first, second : str
        Names of the origins.
    differences : sequence of Difference
        As `differences` gives them.
    """

    first: str
    second: str
    differences: Sequence[Difference]

    @property
    def n_shared(self) -> int:
        """Tracks that both know: of the feature that both tell of most."""
        return max((one.n for one in self.differences), default=0)

    def words(self) -> str:
        """Say it in a sentence, without the full stop."""
        pair = f"{self.first} and {self.second}"
        if not self.differences:
            return f"{pair} share no track: whether they measure alike cannot be told"
        tracks = "1 shared track" if self.n_shared == 1 else f"{self.n_shared:,} shared tracks"
        by = {verdict: self._names(verdict) for verdict in ("scattered", "unclear", "same scale")}
        said = [self._shift(one) for one in self.differences if one.verdict == "shifted"]
        if by["scattered"]:
            said.append(f"{by['scattered']}: far apart on single tracks, without a clear shift")
        if by["unclear"]:
            said.append(f"{by['unclear']}: too uncertain to tell")
        if by["same scale"]:
            others = by["same scale"]
            n_others = sum(one.verdict == "same scale" for one in self.differences)
            if n_others == len(self.differences) > 3:
                others = f"all {n_others} features"
            elif said and not by["unclear"] and n_others > 1:
                others = "the others"
            verb = "agrees" if n_others == 1 else "agree"
            said.append(f"{others} {verb}, give or take {ALIKE:.0%} of the spread among tracks")
        few = self._names("too few to tell")
        if few and not said:
            return f"{pair}, on {tracks}: too few to tell whether they measure alike"
        if few:
            said.append(f"{few}: too few tracks to tell")
        octaves = next((one.octaves for one in self.differences if one.octaves), None)
        if octaves:
            said.append(f"of {octaves:.0%} of the tracks, one tells double the other's tempo")
        return f"{self.second} beside {self.first}, on {tracks}: {'; '.join(said)}"

    def as_dict(self) -> dict[str, object]:
        """Give all figures as plain data."""
        return {
            "first": self.first,
            "second": self.second,
            "shared": self.n_shared,
            "differences": [
                {name: value for name, value in asdict(one).items() if name not in _ORIGINS}
                for one in self.differences
            ],
        }

    def _names(self, verdict: str) -> str:
        names = [one.feature for one in self.differences if one.verdict == verdict]
        return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)

    def _shift(self, one: Difference) -> str:
        way = "higher" if one.median > 0 else "lower"
        unit = BY_NAME[one.feature].unit
        assert one.low is not None and one.high is not None
        low, high = sorted((abs(one.low), abs(one.high)))
        amount = f"{_shown(abs(one.median))}{f' {unit}' if unit else ''}"
        return f"{one.feature} is {amount} {way} ({_shown(low)} to {_shown(high)})"


def differences(
    first: str, second: str, values: Sequence[Pair], spread: Mapping[str, float]
) -> list[Difference]:
    """Measure each feature's difference, second − first, on tracks of which both tell it.

    The interval of the median is that of the sign test: between the k-th least and the k-th
    greatest difference, with the largest k for which 2 · P(X < k) ≤ .05, X binomial with n and
    ½. It asks nothing of the differences' distribution but that tracks are independent, and holds
    the median in at least 95% of samples. Over ten features, up to two pairs of like origins in
    five have an interval without 0 by chance alone: "shifted" asks for a large median besides.

    Parameters
    ----------
    first, second : str
        Names of the origins.
    values : sequence of (mapping, mapping)
        For each track, what the first and what the second origin tells. What is undefined is
        left out, or NaN.
    spread : mapping of str to float
        Interquartile range of each feature; without it no verdict but "unclear" is possible.

    Returns
    -------
    list of Difference
        In the order of `FEATURE_NAMES`.

    References
    ----------
    Thompson, W. R. (1936). On confidence ranges for the median and other expectation
    distributions for populations of unknown distribution form. Annals of Mathematical
    Statistics 7(3).
    """
    measured = []
    for name in FEATURE_NAMES:
        pairs = [
            (a[name], b[name])
            for a, b in values
            if _is_known(a.get(name)) and _is_known(b.get(name))
        ]
        if pairs:
            told = np.array(pairs, dtype=np.float64)
            measured.append(
                _difference(name, (first, second), told[:, 0], told[:, 1], spread.get(name))
            )
    return measured


def median_interval(values: Floats) -> tuple[float, float] | None:
    """Give the 95% interval of a median by order statistics; see `differences`.

    Parameters
    ----------
    values : ndarray, shape=(n,)

    Returns
    -------
    low, high : float
        Two of the values. None for n < `FEWEST`.
    """
    n = len(values)
    if n < FEWEST:
        return None
    # P(X = i) for i up to n / 2, by logarithms: 2⁻ⁿ itself is no float beyond n = 1074.
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    i = np.arange(n // 2)
    log_p = log_factorial[n] - log_factorial[i] - log_factorial[n - i] - n * math.log(2)
    k = int((2 * np.cumsum(np.exp(log_p)) <= 0.05).sum())
    ordered = np.sort(values)
    return float(ordered[k - 1]), float(ordered[n - k])


def _difference(
    name: str, origins: tuple[str, str], first: Floats, second: Floats, spread: float | None
) -> Difference:
    apart = second - first
    median = float(np.median(apart))
    distance = float(np.median(np.abs(apart)))
    interval = median_interval(apart)
    if not _is_known(spread) or spread == 0:
        spread = None
    return Difference(
        feature=name,
        first=origins[0],
        second=origins[1],
        n=len(apart),
        median=median,
        low=interval[0] if interval else None,
        high=interval[1] if interval else None,
        distance=distance,
        correlation=_spearman(first, second),
        spread=spread,
        ratio=None if spread is None else abs(median) / spread,
        verdict=_verdict(median, interval, distance, spread),
        octaves=_octaves(first, second) if name == "tempo" else None,
    )


def _verdict(
    median: float, interval: tuple[float, float] | None, distance: float, spread: float | None
) -> Verdict:
    if interval is None:
        return "too few to tell"
    low, high = interval
    if spread is None:
        return "same scale" if low == high == 0 else "unclear"
    if (low > 0 or high < 0) and abs(median) > ALIKE * spread:
        return "shifted"
    if distance > LOOSE * spread:
        return "scattered"
    if -ALIKE * spread <= low and high <= ALIKE * spread:
        return "same scale"
    return "unclear"


def _spearman(first: Floats, second: Floats) -> float | None:
    a, b = _ranks(first), _ranks(second)
    a, b = a - a.mean(), b - b.mean()
    scale = math.sqrt(float(a @ a) * float(b @ b))
    return float(a @ b) / scale if scale > 0 else None


def _ranks(values: Floats) -> Floats:
    """Rank values from 1; equal ones share the mean of their ranks."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[places]


def _octaves(first: Floats, second: Floats) -> float:
    low, high = np.minimum(first, second), np.maximum(first, second)
    return float(np.mean((low > 0) & (np.abs(high / np.maximum(low, 1e-9) / 2 - 1) <= OCTAVE)))


def _is_known(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _shown(value: float) -> str:
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 1 else f"{value:.2f}"
