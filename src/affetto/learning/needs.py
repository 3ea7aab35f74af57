"""Which mood more playlists, or more tracks, would help, and how much: learning curves."""

from collections.abc import Mapping, Sequence
from math import log1p
from typing import Any

import numpy as np
import numpy.typing as npt

from affetto.learning.candidates import Candidate, Settings
from affetto.learning.comparison import Judge, Judged
from affetto.learning.contest import Cells, CellScores, quiet
from affetto.learning.splits import MIN_LEARNING, GroupSplits, Split

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]
Names = npt.NDArray[np.str_]

SHARES = (0.25, 0.5, 1.0)
"""Of the tracks of every group, on the curve of tracks."""

MOST_WAYS = 8
EXPONENTS = np.linspace(-0.5, 2.0, 251)
N_DRAWS = 400


def needs(
    judge: Judge,
    chosen: Candidate,
    settings: Mapping[str, Settings],
    made: GroupSplits,
    unseen: Judged,
) -> dict[str, Any]:
    """Measure how a mood's misses shrink with its groups and tracks, and extrapolate.

    The chosen candidate learns from one group of every mood, from two, from four … and from a
    quarter, half and all of the tracks of every group; each time the same groups are unseen.
    A mood m that g groups teach misses b_m g^−c of its tracks: one exponent c for all moods,
    one b_m each, by least squares. Drawing groups anew gives c an interval; where that
    reaches down to 0, how much more groups would bring cannot be told.

    Moods are ordered by misses · ln((G + 1) / G), G being its groups: to first order in c this
    is what one group more takes off b_m G^−c, but for the factor c that all moods share.

    Parameters
    ----------
    judge : Judge
    chosen : Candidate
    settings : mapping
    made : GroupSplits
        Groups kept unseen, over all tracks.
    unseen : Judged
        What was said of them: misses as they are now.

    Returns
    -------
    dict
        ``moods``: ``mood``, ``groups``, ``tracks``, ``recall`` (None where never judged),
        ``priority``, ``doubled`` (``groups``, ``recall``, ``low``, ``high`` if it had twice as
        many groups; None where that cannot be told), the neediest first;
        ``by_groups``, ``by_tracks``: ``points`` (``n`` or ``share``, ``recall``: mean over
        moods), ``exponent``, ``low``, ``high`` (None where that cannot be told), ``words``.

    References
    ----------
    Hestness, J. et al. (2017). Deep learning scaling is predictable, empirically.
    arXiv:1712.00409.
    """
    tracks = judge.tracks
    y, groups = tracks.y, tracks.groups
    assert groups is not None
    cells = Cells.of(y, groups)
    splits = _spread(made.splits)
    per_mood = [len(np.unique(groups[y == mood])) for mood in range(len(tracks.moods))]
    most = max(
        len(np.unique(groups[learn][y[learn] == mood]))
        for learn, _ in splits
        for mood in range(len(tracks.moods))
    )
    levels = [2**k for k in range(most.bit_length()) if 2**k < most]
    draw = np.random.default_rng(judge.seed)
    varied = {("groups", n): [_some_groups(s, y, groups, n, draw) for s in splits] for n in levels}
    varied |= {
        ("tracks", share): [_some_tracks(s, y, groups, share, draw) for s in splits]
        for share in SHARES[:-1]
    }
    every = [*splits, *(split for own in varied.values() for split in own)]
    judged = quiet(judge).judge([chosen], settings, every, "")[chosen.name]
    parts = [judged[i : i + len(splits)] for i in range(0, len(every), len(splits))]
    misses = {
        key: 1 - CellScores.of(part, cells).recall
        for key, part in zip([("all", 1.0), *varied], parts, strict=True)
    }
    full = misses["all", 1.0]
    taught = np.array([min(most, per_mood[mood] - 1) for mood in cells.moods], dtype=np.float64)
    by_groups = [
        (np.minimum(n, np.maximum(1, taught)), misses["groups", n]) for n in levels
    ] + [(np.maximum(1, taught), full)]  # fmt: skip
    by_tracks = [(np.full(len(full), s), misses["tracks", s]) for s in SHARES[:-1]]
    by_tracks.append((np.ones(len(full)), full))
    now = 1 - CellScores.of(unseen, cells).recall
    weights = {m: cells.weights((cells.moods == m) & ~np.isnan(now), even=made.even)
               for m in range(len(tracks.moods))}  # fmt: skip
    miss = [
        float(weights[m] @ np.nan_to_num(now)) if weights[m].any() else None
        for m in range(len(tracks.moods))
    ]
    group_curve = _curve(by_groups, cells, judge.seed)
    track_curve = _curve(by_tracks, cells, judge.seed)
    rows = [
        {
            "mood": tracks.moods[m],
            "groups": per_mood[m],
            "tracks": int((y == m).sum()),
            "recall": None if one is None else 1 - one,
            "priority": None if one is None else one * log1p(1 / per_mood[m]),
            "doubled": None if one is None else _doubled(one, per_mood[m], group_curve),
        }
        for m, one in enumerate(miss)
    ]
    return {
        "moods": sorted(rows, key=lambda row: -(row["priority"] or 0.0)),
        "by_groups": {
            "points": _points([*levels, most], by_groups, cells, "n"),
            **group_curve,
            "words": _words(group_curve, "playlists" if levels else None),
        },
        "by_tracks": {
            "points": _points(SHARES, by_tracks, cells, "share"),
            **track_curve,
            "words": _words(track_curve, "tracks of the same playlists"),
        },
    }


def _spread(splits: Sequence[Split]) -> list[Split]:
    """Take a few splits, evenly from all."""
    n = min(MOST_WAYS, len(splits))
    return [splits[i] for i in np.linspace(0, len(splits) - 1, n).round().astype(int)]


def _some_groups(
    split: Split, y: Indices, groups: Names, most: int, draw: np.random.Generator
) -> Split:
    """Leave so many groups of every mood on the learning side: more where they are too small."""
    learn, held = split
    kept: set[str] = set()
    for mood in np.unique(y[learn]):
        own, sizes = np.unique(groups[learn][y[learn] == mood], return_counts=True)
        order = draw.permutation(len(own))
        enough = int(np.searchsorted(np.cumsum(sizes[order]), MIN_LEARNING)) + 1
        kept |= set(own[order[: max(most, enough)]].tolist())
    return learn[np.isin(groups[learn], list(kept))], held


def _some_tracks(
    split: Split, y: Indices, groups: Names, share: float, draw: np.random.Generator
) -> Split:
    """Leave a share of each group's tracks of a mood on the learning side, five at least."""
    learn, held = split
    own = Cells.of(y, groups).of_row[learn]
    parts = []
    for cell in np.unique(own):
        rows = learn[own == cell]
        parts.append(draw.permutation(rows)[: max(5, round(share * len(rows)))])
    return np.sort(np.concatenate(parts)), held


Measured = Sequence[tuple[Floats, Floats]]
"""At each level: how much taught each cell's mood, and the misses of the cell."""


def _curve(measured: Measured, cells: Cells, seed: int) -> dict[str, float | None]:
    """Fit the exponent, and bootstrap it over groups."""
    none: dict[str, float | None] = {"exponent": None, "low": None, "high": None}
    known = np.all([~np.isnan(misses) for _, misses in measured], axis=0)
    n_moods = int(cells.moods.max()) + 1
    varies = [
        len({float(x) for taught, _ in measured for x in taught[known & (cells.moods == mood)]}) > 1
        for mood in range(n_moods)
    ]
    use = np.flatnonzero(known & np.array(varies)[cells.moods])
    names, which = np.unique(cells.groups[use], return_inverse=True)
    if len(names) < 4:
        return none
    mood = cells.moods[use]
    log_taught = np.log([taught[use] for taught, _ in measured])
    misses = np.array([values[use] for _, values in measured])
    # Σ over the levels of a cell, for each exponent: x = g^−c; b_m = Σ x·miss / Σ x².
    x = np.exp(-EXPONENTS[:, None, None] * log_taught)
    cross, square, total = (x * misses).sum(axis=1), (x * x).sum(axis=1), (misses**2).sum(axis=0)
    one_hot = (mood[:, None] == np.arange(n_moods)).astype(np.float64)

    def exponent(counts: Floats) -> float:
        a, b = (cross * counts) @ one_hot, (square * counts) @ one_hot
        left = float(total @ counts) - np.divide(a * a, b, out=np.zeros_like(a), where=b > 0).sum(1)
        return float(EXPONENTS[int(left.argmin())])

    draw = np.random.default_rng(seed)
    home = np.array([mood[which == g][0] for g in range(len(names))])
    drawn = []
    for _ in range(N_DRAWS):
        counts = np.zeros(len(names))
        for one in np.unique(home):
            own = np.flatnonzero(home == one)
            counts[own] = draw.multinomial(len(own), np.full(len(own), 1 / len(own)))
        drawn.append(exponent(counts[which]))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return {"exponent": exponent(np.ones(len(use))), "low": float(low), "high": float(high)}


def _doubled(
    miss: float, n_groups: int, curve: Mapping[str, float | None]
) -> dict[str, float | int] | None:
    """Extrapolate to twice the groups; None where the curve does not clearly fall.

    What is missed now was measured with one group kept unseen: G − 1 taught. Of 2 G groups,
    2 G − 1 would.
    """
    c, low, high = curve["exponent"], curve["low"], curve["high"]
    if c is None or low is None or high is None or low <= 0 or n_groups < 2:
        return None
    ratio = (2 * n_groups - 1) / (n_groups - 1)
    return {
        "groups": 2 * n_groups,
        "recall": 1 - miss * ratio**-c,
        "low": 1 - miss * ratio**-low,
        "high": 1 - miss * ratio**-high,
    }


def _points(
    levels: Sequence[float], measured: Measured, cells: Cells, name: str
) -> list[dict[str, float]]:
    """Give the mean recall over moods at each level, over cells judged at all of them."""
    known = np.all([~np.isnan(misses) for _, misses in measured], axis=0)
    weights = cells.weights(known, even=True)
    return [
        {name: level, "recall": float(1 - weights @ np.nan_to_num(misses))}
        for level, (_, misses) in zip(levels, measured, strict=True)
    ]


def _words(curve: Mapping[str, float | None], what: str | None) -> str:
    c, low, high = curve["exponent"], curve["low"], curve["high"]
    if what is None or c is None or low is None or high is None:
        return (
            "How much more playlists would help cannot be told: it takes moods with three "
            "playlists or more, some kept unseen while the others are counted up."
        )
    if low <= 0:
        return (
            f"That more {what} help cannot be told from these: each doubling changed the misses by "
            f"{2**-c - 1:+.0%} (95% interval {2**-high - 1:+.0%} to {2**-low - 1:+.0%})."
        )
    return (
        f"Each doubling of the {what} takes {1 - 2**-c:.0%} off the misses "
        f"(95% interval {1 - 2**-low:.0%} to {1 - 2**-high:.0%})."
    )
