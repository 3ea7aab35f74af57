r"""Journeys: tracks in an order that leads from one mood to another in even, small steps.

Every track has a place in a space of four views, each scaled by its spread over the tracks at
hand: valence and energy, which the map of moods is drawn in; tempo (in octaves), which counts
half as much; and the model's probabilities of the moods, which together count as much as
valence or energy alone. Waypoints stand evenly on the line between the moods' centres. Tracks
:math:`x_1 … x_n` are chosen and ordered so that

.. math::
    \sum_i d_i^2 + \mu \sum_i (d_i - \bar d)^2 + \lambda \sum_i |x_i - w_i|^2,
    \quad d_i = |x_{i+1} - x_i|

is small: short steps, equal steps, and a path that keeps on its way. It begins with the best
assignment of distinct tracks to the waypoints, then exchanges tracks and turns pieces of the
path round while that helps [1]_.

References
----------
.. [1] Croes, G. A. (1958). A method for solving traveling-salesman problems. Operations
   Research 6(6): turning pieces round (2-opt), here with fixed ends.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from affetto.errors import InputError, UsageError
from affetto.library.entry import Entry
from affetto.library.mixes import Rules, artist_key
from affetto.moods import mood_order

MOST_TRACKS = 500
"""Tracks of a journey at most: some 30 hours."""

DEFAULT_TRACKS = 25

_TEMPO_WEIGHT = 0.5
_HOLD = 0.5  # λ: how firmly tracks are held to their waypoints
_FIRMLY = 30.0  # the same of both ends and the mood between, which the journey is named after
_EVEN = 10.0  # μ: at 10, steps vary half as much as at 0, and are a fifth longer
_NEAREST = 40  # tracks looked at for each waypoint
_PLENTY = 40  # tracks for each place of the journey, above which each seed sees half of them
_SWEEPS = 30
_WINDOW = 10  # tracks in a piece that is turned round
_AGAIN = 1e3  # cost of an artist who comes again too soon: more than any path's

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Journey:
    """Tracks from one mood to another.

    Attributes
    ----------
    entries : tuple of Entry
        In the order they are played.
    moods : tuple of str
        Those it was asked to lead through.
    steps : tuple of float
        Distance between neighbours, in standard deviations of valence or energy.
    n_matching : int
        Tracks that met the rules and have a place.
    note : str or None
        What could not be met, and why.
    """

    entries: tuple[Entry, ...]
    moods: tuple[str, ...]
    steps: tuple[float, ...]
    n_matching: int
    note: str | None = None

    @property
    def minutes(self) -> float:
        """Length of all tracks whose length is known."""
        return sum(entry.duration_ms or 0.0 for entry in self.entries) / 60_000

    @property
    def mean_step(self) -> float:
        """Mean distance between neighbours."""
        return float(np.mean(self.steps))

    @property
    def unevenness(self) -> float:
        """Spread of the steps over their mean (coefficient of variation): 0 where all are equal."""
        return unevenness(self.steps)


def unevenness(steps: Sequence[float]) -> float:
    """Give the coefficient of variation of steps; NaN where nothing moves."""
    mean = float(np.mean(steps)) if len(steps) else 0.0
    return float(np.std(steps)) / mean if mean else float("nan")


def places(entries: Sequence[Entry]) -> Floats:
    """Give each track's place in the space of journeys.

    Parameters
    ----------
    entries : sequence of Entry
        All with valence and energy. A missing tempo stands for the mean of the others.

    Returns
    -------
    numpy.ndarray, shape=(n_tracks, n_dimensions)
        Standardised over these tracks; see the module.
    """
    columns = [[_feature(entry, name) for entry in entries] for name in ("valence", "energy")]
    tempo = np.array([_feature(entry, "tempo") for entry in entries])
    octaves = np.log2(np.where(tempo > 0, tempo, np.nan))
    octaves[np.isnan(octaves)] = np.nanmean(octaves) if np.isfinite(octaves).any() else 0.0
    views = [*map(_standardised, map(np.array, columns)), _TEMPO_WEIGHT * _standardised(octaves)]
    moods = mood_order({mood for entry in entries for mood in entry.p})
    shares = np.array([[entry.p.get(mood, 0.0) for mood in moods] for entry in entries])
    spread = np.sqrt(shares.var(axis=0).sum()) if moods else 0.0
    if spread > 0:
        views += [*((shares - shares.mean(axis=0)) / spread).T]
    return np.stack(views, axis=1)


def journey(
    entries: Iterable[Entry],
    moods: Sequence[str],
    n: int = DEFAULT_TRACKS,
    *,
    rules: Rules | None = None,
    seed: int = 0,
) -> Journey:
    """Lead from one mood to another, or through a third, in `n` tracks.

    The first track has the first mood and the last the last; on the way, moods come as they
    lie. Where there are many tracks, each seed chooses among another half of them.

    Parameters
    ----------
    entries : iterable of Entry
        In any order: the journey depends on the tracks and the seed only.
    moods : sequence of str
        From, (through,) to: two moods or three.
    n : int, default 25
        Tracks, 2 to 500. Not used where the rules tell a length.
    rules : Rules, optional
        Confidence, tempo, tracks of an artist, and the gap between them. `Rules.minutes`
        gives as many tracks as take about that long; `Rules.n` and `Rules.moods` have no say.
    seed : int, default 0

    Returns
    -------
    Journey
        Shorter than asked for where there are too few tracks; its note says so.

    Raises
    ------
    UsageError
        If there are not two or three moods, two neighbours are one, or `n` is out of range.
    InputError
        If no track has one of the moods, or there are fewer than two tracks.
    """
    rules = rules or Rules()
    _check(moods, n)
    tracks = sorted(
        (entry for entry in entries if rules.accept(entry) and _has_place(entry)),
        key=lambda entry: entry.id,
    )
    counts = Counter(entry.mood for entry in tracks)
    for mood in moods:
        if not counts[mood]:
            there = ", ".join(f"{name} {counts[name]:,}" for name in counts if name)
            raise InputError(
                f"no journey through {mood}: no track of that mood meets the rules; there are "
                f"{there or 'none of any mood'}"
            )
    n_matching = len(tracks)
    if rules.minutes is not None:
        mean = sum(entry.duration_ms or 0.0 for entry in tracks) / len(tracks) / 60_000
        n = min(MOST_TRACKS, max(len(moods), round(rules.minutes / mean)))
    points = places(tracks)
    if n_matching >= _PLENTY * n:
        kept = _half(tracks, moods, seed)
        tracks, points = [tracks[place] for place in kept], points[kept]
    path = _Path(tracks, points, moods, min(n, n_matching), rules)
    order = path.found()
    chosen = tuple(tracks[place] for place in order)
    steps = tuple(float(step) for step in _lengths(points[order]))
    note = None
    if len(chosen) < n:
        limit = "" if len(chosen) == n_matching else f", at most {rules.per_artist} an artist"
        note = f"asked for {n:,} tracks; {n_matching:,} meet the rules{limit}"
    return Journey(chosen, tuple(moods), steps, n_matching, note)


class _Path:
    """A path under improvement: places of tracks, in order."""

    def __init__(
        self,
        tracks: Sequence[Entry],
        points: Floats,
        moods: Sequence[str],
        n: int,
        rules: Rules,
    ):
        names = {name: code for code, name in enumerate(dict.fromkeys(map(artist_key, tracks)))}
        self._artists = np.array([names[artist_key(entry)] for entry in tracks])
        self._per_artist = rules.per_artist or n
        if rules.per_artist is not None:
            n = min(n, int(np.minimum(np.bincount(self._artists), rules.per_artist).sum()))
        self._gap = rules.artist_gap
        of_mood = np.array([entry.mood for entry in tracks], dtype=object)
        centres = np.array([np.median(points[of_mood == mood], axis=0) for mood in moods])
        self._waypoints = waypoints(centres, n)
        # Which tracks may stand where: ends have their moods, and so has the place between.
        self._pinned = {0: of_mood == moods[0], n - 1: of_mood == moods[-1]}
        if len(moods) > 2 and n > 2:
            between = int(np.argmin(_squared(self._waypoints, centres[1:2])[:, 0]))
            self._pinned[min(max(between, 1), n - 2)] = of_mood == moods[1]
        self._points = points
        self._n = n

    def found(self) -> NDArray[np.intp]:
        """Give the places of the journey's tracks, in order."""
        off = _squared(self._waypoints, self._points)
        for place, allowed in self._pinned.items():
            off[place, ~allowed] = np.inf
        nearest = min(max(_NEAREST, self._n), off.shape[1])
        near = np.unique(np.argpartition(off, nearest - 1, axis=1)[:, :nearest])
        pool, off = self._points[near], off[:, near]
        # What is not allowed costs more than any other way, yet less than infinity.
        costs = np.where(np.isfinite(off), off, _AGAIN**2)
        order: NDArray[np.intp] = linear_sum_assignment(costs)[1]
        hold = np.full((self._n, 1), _HOLD)
        hold[list(self._pinned)] = _FIRMLY
        self._improve(order, pool, hold * costs, self._artists[near])
        found: NDArray[np.intp] = near[order]
        return found

    def _improve(
        self, order: NDArray[np.intp], pool: Floats, off: Floats, artists: NDArray[np.intp]
    ) -> None:
        """Exchange tracks and turn pieces round, in place, until nothing more helps."""
        for _ in range(_SWEEPS):
            changed = False
            mean = float(_lengths(pool[order]).mean())
            for place in range(self._n):
                costs = off[place].copy()
                for beside in (place - 1, place + 1):
                    if 0 <= beside < self._n:
                        costs += _step_costs(pool - pool[order[beside]], mean)
                others = np.delete(order, place)
                around = order[max(0, place - self._gap) : place + self._gap + 1]
                around = around[around != order[place]]
                costs[np.isin(artists, artists[around])] += _AGAIN
                often = np.bincount(artists[others], minlength=int(artists.max()) + 1)
                costs[often[artists] >= self._per_artist] += _AGAIN
                costs[others] = np.inf
                best = int(np.argmin(costs))
                if costs[best] < costs[order[place]] - 1e-12:
                    order[place] = best
                    changed = True
            changed |= self._turn(order, pool, off, artists, mean)
            if not changed:
                return

    def _turn(
        self,
        order: NDArray[np.intp],
        pool: Floats,
        off: Floats,
        artists: NDArray[np.intp],
        mean: float,
    ) -> bool:
        """Turn pieces of the path round where that makes it cheaper."""
        changed = False
        cost = self._cost(order, pool, off, artists, mean)
        for start in range(self._n - 1):
            for stop in range(start + 2, min(start + _WINDOW, self._n) + 1):
                other = order.copy()
                other[start:stop] = other[start:stop][::-1]
                new = self._cost(other, pool, off, artists, mean)
                if new < cost - 1e-12:
                    order[:], cost, changed = other, new, True
        return changed

    def _cost(
        self,
        order: NDArray[np.intp],
        pool: Floats,
        off: Floats,
        artists: NDArray[np.intp],
        mean: float,
    ) -> float:
        steps = pool[order[1:]] - pool[order[:-1]]
        by = artists[order]
        again = sum(int((by[gap:] == by[:-gap]).sum()) for gap in range(1, self._gap + 1))
        held = off[np.arange(self._n), order].sum()
        return float(_step_costs(steps, mean).sum() + held + _AGAIN * again)


def waypoints(centres: Floats, n: int) -> Floats:
    """Place `n` points evenly along straight lines from centre to centre.

    Parameters
    ----------
    centres : numpy.ndarray, shape=(n_centres, n_dimensions)
    n : int
        2 or more.

    Returns
    -------
    numpy.ndarray, shape=(n, n_dimensions)
        The first and the last are the first and the last centre.
    """
    reached = np.append(0.0, np.cumsum(_lengths(centres)))
    if reached[-1] == 0:  # moods that cannot be told apart here
        return np.repeat(centres[:1], n, axis=0)
    at = np.linspace(0.0, reached[-1], n)
    return np.stack([np.interp(at, reached, column) for column in centres.T], axis=1)


def _check(moods: Sequence[str], n: int) -> None:
    if not 2 <= len(moods) <= 3:
        raise UsageError(
            f"found {len(moods)} mood(s) for a journey; expected from and to, as in Dark:Happy, "
            "or one between, as in Dark:Relaxing:Happy"
        )
    if any(first == second for first, second in pairwise(moods)):
        raise UsageError(f"a journey leads from a mood to another one, not {' to '.join(moods)}")
    if not len(moods) <= n <= MOST_TRACKS:
        raise UsageError(
            f"found {n} tracks for a journey through {len(moods)} moods; expected {len(moods)} "
            f"to {MOST_TRACKS}"
        )


def _has_place(entry: Entry) -> bool:
    return all(entry.features.get(name) is not None for name in ("valence", "energy"))


def _feature(entry: Entry, name: str) -> float:
    value = entry.features.get(name)
    return np.nan if value is None else value


def _half(tracks: Sequence[Entry], moods: Sequence[str], seed: int) -> NDArray[np.intp]:
    """Choose half of the tracks by the seed, some of each wanted mood among them."""
    seen = np.random.default_rng(seed).random(len(tracks)) < 0.5
    of_mood = np.array([entry.mood for entry in tracks], dtype=object)
    for mood in moods:
        if not seen[of_mood == mood].any():
            seen |= of_mood == mood
    return np.flatnonzero(seen)


def _standardised(values: Floats) -> Floats:
    spread = float(values.std())
    scaled: Floats = (values - values.mean()) / (spread if spread > 0 else 1.0)
    return scaled


def _step_costs(steps: Floats, mean: float) -> Floats:
    squared = (steps**2).sum(axis=1)
    costs: Floats = squared + _EVEN * (np.sqrt(squared) - mean) ** 2
    return costs


def _squared(first: Floats, second: Floats) -> Floats:
    """Squared distances, shape=(n_first, n_second)."""
    products = first @ second.T
    sums = (first**2).sum(axis=1)[:, None] + (second**2).sum(axis=1)
    squared: Floats = np.maximum(sums - 2 * products, 0.0)
    return squared


def _lengths(points: Floats) -> Floats:
    steps: Floats = np.linalg.norm(np.diff(points, axis=0), axis=1)
    return steps
