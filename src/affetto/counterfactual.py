"""The nearest change of a track's features that turns its mood: one feature, or else two."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Index = NDArray[np.intp]
Score = Callable[[Floats], Floats]
"""Tracks, shape (n, d), to probabilities, shape (n, k)."""

_STEPS = 26  # points by which a round narrows a stretch down: a call costs more than its rows
_ROUNDS, _STEPWISE_ROUNDS = 7, 2
_TRIED, _TRIES = 24, 3  # pairs tried at once, and how often
_FANS, _RAYS = 5, 9  # rounds of turning the direction of a pair, and directions in each
_LEAST = 1e-12  # probabilities below are alike where pairs are guessed


@dataclass(frozen=True, slots=True, eq=False)
class Room:
    """Where features may go, and how far that is.

    Attributes
    ----------
    low, high : ndarray, shape (d,)
        Ends of what is tried.
    spread : ndarray, shape (d,)
        What counts as a distance of 1; above 0.
    grid : ndarray, shape (d, g)
        Rising values of each feature that are tried first, from low to high. What turns the
        mood between two of them and turns it back is not seen.
    grain : ndarray, shape (d,)
        Steps in which a person reads each feature.
    is_smooth : bool
        Whether probabilities have no jumps: then the point where the mood turns is sought to
        ten digits, else to half a grain.
    """

    low: Floats
    high: Floats
    spread: Floats
    grid: Floats
    grain: Floats
    is_smooth: bool


@dataclass(frozen=True, slots=True)
class Turn:
    """A change that turns the mood.

    Attributes
    ----------
    features : tuple of int
        Columns of one feature, or of two.
    values : tuple of float
        What they would have to be.
    rounded : tuple of float
        The same in whole grains, rounded away from the track; as they are where the mood
        would turn back.
    mood : int
        What the track would then be.
    distance : float
        √Σ (change / spread)².
    """

    features: tuple[int, ...]
    values: tuple[float, ...]
    rounded: tuple[float, ...]
    mood: int
    distance: float


@dataclass(slots=True, eq=False)
class _Rays:
    """Ways that tracks may go: X[track] + t · direction, where t is the distance.

    The mood is as it was at t = `inner`, and `mood` at t = `outer`.
    """

    track: Index
    direction: Floats
    inner: Floats
    outer: Floats
    mood: Index

    def __len__(self) -> int:
        return len(self.track)

    def take(self, which: NDArray[Any]) -> "_Rays":
        return _Rays(*(getattr(self, item.name)[which] for item in fields(self)))


def on_grid(X: Floats, room: Room) -> Floats:
    """Set each feature of each track to each value of its grid, the others left as they are.

    Parameters
    ----------
    X : ndarray, shape (n, d)
    room : Room

    Returns
    -------
    ndarray, shape (n, d · g, d)
        Feature after feature.
    """
    n, d = X.shape
    rows = np.repeat(X, d * room.grid.shape[1], axis=0).reshape(n, d, -1, d)
    for feature in range(d):
        rows[:, feature, :, feature] = room.grid[feature]
    return rows.reshape(n, -1, d)


def nearest_turns(
    score: Score, X: Floats, shares: Floats, found: Floats, room: Room
) -> list[Turn | None]:
    """Find the smallest change of each track that would turn its mood.

    One feature is changed, the others left as they are; two together only where no single
    one turns the mood. Pairs are tried in the order of what the changes of either alone
    promise, taken as a sum in log-odds, which is exact for a model that is linear in them.

    Parameters
    ----------
    score : callable
    X : ndarray, shape (n, d)
    shares : ndarray, shape (n, k)
        What `score` gives of them. A track's mood is the first of the most probable.
    found : ndarray, shape (n, d · g, k)
        What `score` gives of `on_grid`: so that callers may score that with more.
    room : Room

    Returns
    -------
    list of Turn or None
        None where neither one feature nor two turn it.

    References
    ----------
    Wachter, S., Mittelstadt, B., Russell, C. (2018). Counterfactual explanations without
    opening the black box. Harvard Journal of Law & Technology 31(2).
    """
    said = shares.argmax(axis=1)
    found = found.reshape(len(X), *room.grid.shape, -1)
    rays = _single_rays(X, found.argmax(axis=3), said, room)
    turns = _walk(score, X, said, rays, room)
    for track in (i for i, turn in enumerate(turns) if turn is None):
        turns[track] = _pair(score, X[track], shares[track], found[track], room)
    return turns


def _single_rays(X: Floats, moods: Index, said: Index, room: Room) -> _Rays:
    """Give each feature's way up and down to the first point of the grid that turns the mood."""
    d = X.shape[1]
    turned = moods != said[:, None, None]
    found: list[_Rays] = []
    for sign in (1, -1):
        grid, there = room.grid[:, ::sign], turned[:, :, ::sign]
        ahead = sign * (grid - X[:, :, None]) > 0
        turning = there & ahead
        track, feature = np.nonzero(turning.any(axis=2))
        first = turning[track, feature].argmax(axis=1)
        start, spread = X[track, feature], room.spread[feature]
        before = np.maximum(first - 1, 0)
        is_between = (first > 0) & ahead[track, feature, before]
        last = np.where(is_between, grid[feature, before], start)
        direction = np.zeros((len(track), d))
        direction[np.arange(len(track)), feature] = sign * spread
        found.append(
            _Rays(
                track,
                direction,
                np.abs(last - start) / spread,
                np.abs(grid[feature, first] - start) / spread,
                moods[:, :, ::sign][track, feature, first],
            )
        )
    one, other = found
    return _Rays(
        *(
            np.concatenate([getattr(one, item.name), getattr(other, item.name)])
            for item in fields(_Rays)
        )
    )


def _walk(score: Score, X: Floats, said: Index, rays: _Rays, room: Room) -> list[Turn | None]:
    """Narrow rays down, and give each track's shortest."""
    rays = _narrow(score, X, said, rays, room)
    best: list[Turn | None] = [None] * len(X)
    if not len(rays):
        return best
    order = np.lexsort((rays.outer, rays.track))
    _, first = np.unique(rays.track[order], return_index=True)
    nearest = rays.take(order[first])
    ends = _at(X, nearest, room)
    rounded = _rounded(X[nearest.track], ends, room)
    reached = score(np.concatenate([ends, rounded])).argmax(axis=1).reshape(2, -1)
    holds, rounds = reached == nearest.mood
    rounded[~rounds] = ends[~rounds]
    for ray, track in enumerate(nearest.track):
        if not holds[ray]:  # it turned at a point that adding and subtracting missed
            continue
        changed = np.flatnonzero(nearest.direction[ray])
        best[track] = Turn(
            tuple(map(int, changed)),
            tuple(map(float, ends[ray, changed])),
            tuple(map(float, rounded[ray, changed])),
            int(nearest.mood[ray]),
            float(nearest.outer[ray]),
        )
    return best


def _narrow(score: Score, X: Floats, said: Index, rays: _Rays, room: Room) -> _Rays:
    """Cut the stretches in which moods turn, of those rays alone that may be the shortest."""
    share = np.arange(1, _STEPS + 1) / (_STEPS + 1)
    for _ in range(_ROUNDS if room.is_smooth else _STEPWISE_ROUNDS):
        least = np.full(len(X), np.inf)
        np.minimum.at(least, rays.track, rays.outer)
        rays = rays.take(rays.inner <= least[rays.track])
        long = np.flatnonzero(_is_long(rays, room))
        if not len(long):
            break
        cut = rays.take(long)
        points = cut.inner[:, None] + (cut.outer - cut.inner)[:, None] * share
        rows = X[cut.track][:, None, :] + points[:, :, None] * cut.direction[:, None, :]
        moods = score(rows.reshape(-1, X.shape[1])).argmax(axis=1).reshape(points.shape)
        turned = moods != said[cut.track][:, None]
        # The ends are known: it has not turned at the inner one, and has at the outer one.
        edges = np.hstack([cut.inner[:, None], points, cut.outer[:, None]])
        moods = np.hstack([moods, cut.mood[:, None]])
        first = np.hstack([turned, np.ones((len(cut), 1), np.bool_)]).argmax(axis=1)
        lane = np.arange(len(cut))
        rays.inner[long], rays.outer[long] = edges[lane, first], edges[lane, first + 1]
        rays.mood[long] = moods[lane, first]
    return rays


def _is_long(rays: _Rays, room: Room) -> NDArray[np.bool_]:
    """Say of each stretch whether a person could read more than its ends."""
    stretch = (rays.outer - rays.inner)[:, None] * np.abs(rays.direction)
    least = np.zeros_like(room.grain) if room.is_smooth else 0.5 * room.grain
    return np.asarray((stretch >= least).any(axis=1))


def _at(X: Floats, rays: _Rays, room: Room) -> Floats:
    """Give the outer ends; rounding does not lead out of the room."""
    start = X[rays.track]
    return np.clip(
        start + rays.outer[:, None] * rays.direction,
        np.minimum(start, room.low),
        np.maximum(start, room.high),
    )


def _rounded(start: Floats, ends: Floats, room: Room) -> Floats:
    # What is a whole number of grains but for rounding errors stays what it is.
    grains = ends / room.grain
    up, down = np.ceil(grains - 1e-9), np.floor(grains + 1e-9)
    away = np.where(ends > start, up, down) * room.grain
    inside = np.clip(away, np.minimum(start, room.low), np.maximum(start, room.high))
    return np.where(ends == start, start, inside)


def _pair(score: Score, x: Floats, own: Floats, shares: Floats, room: Room) -> Turn | None:
    """Find two features of one track that turn its mood together.

    `own` are its probabilities, `shares` those on the grid of each feature, shape (d, g, k).
    """
    X, said = x[None], np.array([own.argmax()])
    guesses = _guesses(x, own, shares, room)
    for start in range(0, len(guesses), _TRIED):
        steps = guesses[start : start + _TRIED]
        mood = score(x + steps).argmax(axis=1)
        turned = mood != said
        if turned.any():
            rays = _rays_to(steps[turned], mood[turned], room)
            if room.is_smooth:
                rays = _turned_directions(score, X, said, rays, room)
            return _walk(score, X, said, rays, room)[0]
    return None


def _guesses(x: Floats, own: Floats, shares: Floats, room: Room) -> Floats:
    """Give changes of two features, shape (n, d): those thought to turn the mood, nearest first.

    Last come those that are the surest to turn it, or come closest to it.
    """
    d, g, k = shares.shape
    logs = np.log(np.maximum(shares, _LEAST))
    now, said = np.log(np.maximum(own, _LEAST)), own.argmax()
    lead = np.delete(now[said] - now, said)
    rivals = np.delete(np.arange(k), said)
    change = (logs[:, :, said, None] - logs[:, :, rivals]) - lead
    step = room.grid - x[:, None]
    length = np.square(step / room.spread[:, None])
    margins, distances, places = [], [], []
    for i, j in combinations(range(d), 2):
        total = lead + change[i][:, None] + change[j][None]
        margins.append(total.min(axis=2).ravel())
        distances.append((length[i][:, None] + length[j][None]).ravel())
        places.append((i, j))
    if not places:
        return np.empty((0, d))
    margin, distance = np.concatenate(margins), np.concatenate(distances)
    nearest = np.argsort(np.where(margin <= 0, distance, np.inf), kind="stable")
    nearest = nearest[: min(int((margin <= 0).sum()), _TRIED * (_TRIES - 1))]
    surest = np.argsort(margin, kind="stable")[:_TRIED]
    order = np.concatenate([nearest, surest])
    pair, cell = np.divmod(order, g * g)
    first, second = np.array(places)[pair].T
    u, v = np.divmod(cell, g)
    steps = np.zeros((len(order), d))
    lane = np.arange(len(order))
    steps[lane, first], steps[lane, second] = step[first, u], step[second, v]
    # One feature alone was tried before.
    pairs: Floats = steps[np.count_nonzero(steps, axis=1) == 2]
    return pairs


def _rays_to(steps: Floats, mood: Index, room: Room) -> _Rays:
    distance = np.sqrt(np.square(steps / room.spread).sum(axis=1))
    n = len(steps)
    return _Rays(np.zeros(n, np.intp), steps / distance[:, None], np.zeros(n), distance, mood)


def _turned_directions(score: Score, X: Floats, said: Index, rays: _Rays, room: Room) -> _Rays:
    """Turn the shortest ray within its pair of features as long as it gets shorter."""
    rays = _narrow(score, X, said, rays, room)
    best = rays.take(np.array([rays.outer.argmin()]))
    angle = np.pi / 16
    for _ in range(_FANS):
        axes = np.flatnonzero(best.direction[0])
        if len(axes) < 2:
            break
        unit = best.direction[0, axes] / room.spread[axes]
        turn = np.linspace(-angle, angle, _RAYS)
        across = np.array([-unit[1], unit[0]])
        units = np.cos(turn)[:, None] * unit + np.sin(turn)[:, None] * across
        steps = np.zeros((_RAYS, X.shape[1]))
        steps[:, axes] = best.outer * units * room.spread[axes]
        fan = _rays_to(steps, score(X + steps).argmax(axis=1), room)
        inside = np.isclose(_at(X, fan, room), X + steps).all(axis=1)
        fan = _narrow(score, X, said, fan.take(inside & (fan.mood != said)), room)
        if len(fan):
            nearest = fan.take(np.array([fan.outer.argmin()]))
            best = nearest if nearest.outer[0] < best.outer[0] else best
        angle /= 3
    return best
