"""What a model remembers of the tracks it learned from: quantiles and distances, no rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from affetto.errors import ModelError, UsageError
from affetto.features import BY_NAME
from affetto.likeness import Likeness

Floats = NDArray[np.float64]

LEVELS: tuple[float, ...] = (0.02, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98)
"""Shares of tracks below each quantile. The outermost tell of no single track."""

_QUARTER, _MEDIAN, _THREE_QUARTERS = (LEVELS.index(level) for level in (0.25, 0.5, 0.75))
_DIGITS = 4
_KEYS = ("tracks", "levels", "overall", "per_mood")
_OPTIONAL = "likeness"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands among the tracks of a mood, or among all.

    Attributes
    ----------
    low, median, high : float
        Quartiles of those tracks, in the feature's unit.
    below, above : float
        Shares of those tracks with a smaller and with a larger value; interpolated between
        the kept quantiles, and from .02 to .98 where the value lies beyond them.
    """

    low: float
    median: float
    high: float
    below: float
    above: float


@dataclass(frozen=True, slots=True, eq=False)
class Population:
    """Quantiles of each feature, of all tracks and of those of each mood.

    Every quantile is of one feature alone, so that no track can be put together from them.

    Attributes
    ----------
    features, moods : tuple of str
    tracks : int
        How many tracks there were.
    overall : ndarray of float64, shape (n_features, n_levels)
        At `LEVELS`, in the features' units, to four digits.
    per_mood : ndarray of float64, shape (n_moods, n_features, n_levels)
    likeness : Likeness or None
        How features go together among the tracks, so that an unusual one can be told; None in
        older files, and where the tracks are too few.
    """

    features: tuple[str, ...]
    moods: tuple[str, ...]
    tracks: int
    overall: Floats
    per_mood: Floats
    likeness: Likeness | None = None

    @classmethod
    def of(
        cls, X: ArrayLike, y: ArrayLike, *, features: Sequence[str], moods: Sequence[str]
    ) -> Self:
        """Summarise labelled tracks.

        Parameters
        ----------
        X : array-like, shape (n_tracks, n_features)
            Finite values, each in its feature's unit.
        y : array-like of int, shape (n_tracks,)
            Index into `moods`.
        features, moods : sequence of str

        Raises
        ------
        UsageError
            If a mood has no track, or a value is not finite.
        """
        rows, index = np.asarray(X, dtype=np.float64), np.asarray(y)
        counts = np.bincount(index, minlength=len(moods))
        if not counts.all():
            raise UsageError(f"no track is {moods[int(counts.argmin())]}; each mood needs some")
        if not np.isfinite(rows).all():
            raise UsageError("a value is missing or infinite; leave such rows out first")
        return cls(
            tuple(features),
            tuple(moods),
            len(rows),
            _quantiles(rows),
            np.stack([_quantiles(rows[index == mood]) for mood in range(len(moods))]),
            Likeness.of(rows, _quantiles, LEVELS, _widths(features)),
        )

    @classmethod
    def read(cls, entry: Any, *, features: Sequence[str], moods: Sequence[str]) -> Self:
        """Read what `as_dict` gave, out of a file that may be anybody's.

        Raises
        ------
        ModelError
            If it is not exactly as `as_dict` writes it, for these features and moods.
        """
        likeness = None
        if type(entry) is dict and _OPTIONAL in entry:
            entry = dict(entry)
            likeness = entry.pop(_OPTIONAL)
        _same_keys(entry, _KEYS, "population")
        if type(entry["tracks"]) is not int or entry["tracks"] < 1:
            raise ModelError(f"population: tracks is {entry['tracks']!r}; expected a count")
        if entry["levels"] != list(LEVELS):
            raise ModelError(
                f"population: quantiles at {entry['levels']!r}; expected {list(LEVELS)}"
            )
        _same_keys(entry["per_mood"], moods, "population, per_mood")
        overall = _read_quantiles(entry["overall"], features, "overall")
        if likeness is not None:
            likeness = Likeness.read(
                likeness, quantiles=overall, levels=LEVELS, widths=_widths(features)
            )
        return cls(
            tuple(features),
            tuple(moods),
            entry["tracks"],
            overall,
            np.stack([_read_quantiles(entry["per_mood"][mood], features, mood) for mood in moods]),
            likeness,
        )

    def as_dict(self) -> dict[str, Any]:
        """Give plain data, as it stands in a model file."""

        def named(quantiles: Floats) -> dict[str, list[float]]:
            return dict(zip(self.features, quantiles.tolist(), strict=True))

        entry: dict[str, Any] = {
            "tracks": self.tracks,
            "levels": list(LEVELS),
            "overall": named(self.overall),
            "per_mood": dict(zip(self.moods, map(named, self.per_mood), strict=True)),
        }
        if self.likeness is not None:
            entry[_OPTIONAL] = self.likeness.as_dict()
        return entry

    def unlikeness(self, X: ArrayLike) -> Floats | None:
        """Say how unusual tracks are among those the model learned from.

        Parameters
        ----------
        X : array-like, shape (n_tracks, n_features)
            Columns in the order of `features`, each in its unit.

        Returns
        -------
        ndarray of float64, shape (n_tracks,), or None
            0–1: the share of training tracks that are less unusual (`Likeness.scores`); above
            `affetto.likeness.UNLIKE` a track is unlike anything trained on. NaN where a value
            is missing. None where the model does not know its training tracks well enough.
        """
        if self.likeness is None:
            return None
        return self.likeness.scores(np.asarray(X, dtype=np.float64))

    def places(self, row: Floats) -> list[list[Place]]:
        """Say where a track's values stand.

        Parameters
        ----------
        row : ndarray, shape (n_features,)

        Returns
        -------
        list of list of Place
            Among all tracks first, then among those of each mood; a place a feature.
        """
        quantiles = np.concatenate([self.overall[None], self.per_mood])
        values, levels = row[:, None], np.array(LEVELS)
        first = (quantiles < values).sum(axis=2)
        after = (quantiles <= values).sum(axis=2)
        # Between two quantiles; beyond the outermost, as at them.
        left = np.clip(after - 1, 0, len(levels) - 2)
        start = np.take_along_axis(quantiles, left[:, :, None], axis=2)[:, :, 0]
        stop = np.take_along_axis(quantiles, left[:, :, None] + 1, axis=2)[:, :, 0]
        width = np.where(stop > start, stop - start, 1.0)
        share = np.where(stop > start, np.clip((row - start) / width, 0.0, 1.0), row > start)
        below = levels[left] + share * (levels[left + 1] - levels[left])
        above = 1 - below
        # Where quantiles are equal, many tracks share the value: they are on neither side.
        shared = after - first > 1
        below = np.where(shared, np.where(first > 0, levels[first % len(levels)], 0.0), below)
        last = after >= len(levels)
        above = np.where(shared, np.where(last, 0.0, 1 - levels[after - 1]), above)
        marks = quantiles[:, :, [_QUARTER, _MEDIAN, _THREE_QUARTERS]]
        table = np.concatenate([marks, below[:, :, None], above[:, :, None]], axis=2)
        return [[Place(*figures) for figures in circle] for circle in table.tolist()]


def _widths(features: Sequence[str]) -> Floats:
    """How wide each feature ranges in tables: as documented; without end, ten minutes."""
    kinds = (BY_NAME[name] for name in features)
    return np.array([min(kind.high - kind.low, 600_000.0) for kind in kinds])


def _quantiles(rows: Floats) -> Floats:
    exact = np.quantile(rows, LEVELS, axis=0).T
    return np.array([[float(f"{value:.{_DIGITS}g}") for value in own] for own in exact])


def _same_keys(entry: Any, expected: Sequence[str], where: str) -> None:
    if type(entry) is not dict or sorted(entry) != sorted(expected):
        raise ModelError(f"{where}: expected exactly {', '.join(expected)}")


def _read_quantiles(entry: Any, features: Sequence[str], where: str) -> Floats:
    _same_keys(entry, features, f"population, {where}")
    for name in features:
        values, (low, high) = entry[name], BY_NAME[name].accepted
        is_sound = (
            type(values) is list
            and len(values) == len(LEVELS)
            and all(type(value) in (int, float) for value in values)
            and all(a <= b for a, b in zip([low, *values], [*values, high], strict=True))
        )
        if not is_sound:
            raise ModelError(
                f"population, {where}: {name} is {str(values)[:60]}; expected {len(LEVELS)} "
                f"numbers that do not fall, within {low:g} to {high:g}"
            )
    return np.array([entry[name] for name in features], dtype=np.float64)
