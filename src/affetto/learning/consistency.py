"""Whether the groups of a mood mean the same: how well they are told apart, and agree."""

from collections.abc import Sequence
from itertools import combinations
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from affetto.learning.comparison import Judged
from affetto.learning.contest import Cells, recalls
from affetto.learning.evaluation import rank_auc
from affetto.learning.splits import folds, thin

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]
Names = npt.NDArray[np.str_]

LEAST_TRACKS = 10
"""A group of fewer is not looked at."""

MOST_GROUPS, MOST_PAIRED = 12, 6
"""Of a mood, the largest: so many are looked at; pairs are told apart among so many."""

MOST_TRACKS = 600
"""Of either side of a comparison, drawn at random."""

DISTINCT = 0.9
"""AUC from which groups count as different: of ten pairs of tracks, one of each, nine are
told apart."""

Z_99 = 2.576


def consistency(
    X: Floats,
    y: Indices,
    groups: Names,
    moods: Sequence[str],
    unseen: Judged,
    *,
    seed: int = 42,
) -> list[dict[str, Any]]:
    """Compare each mood's groups with one another.

    Parameters
    ----------
    X : ndarray, shape=(n, n_features)
    y : ndarray of int, shape=(n,)
    groups : ndarray of str, shape=(n,)
    moods : sequence of str
    unseen : Judged
        What was said of groups kept unseen.
    seed : int

    Returns
    -------
    list of dict
        A row for each group of a mood that has two or more:

        ``mood``, ``group``, ``n`` (tracks);
        ``auc``: how well a logistic regression on standardised features, cross-validated,
        tells its tracks from the other groups' (.5 not at all, 1 always);
        ``pairs``: the same for this group and single others;
        ``agreement``: share of its tracks given their mood while the group was unseen, None
        where it never was; ``p_own``: mean probability of that mood;
        ``called``: the other mood that it was called most often, with its share;
        ``others_without``: change of the *other* moods' recall while nobody learned from this
        group, with its standard error over groups; None where that cannot be told;
        ``verdict``: ``alike``, ``distinct`` (told apart, yet recognised), ``apart`` (told
        apart, and one of two groups not recognised from the other), ``disagrees`` (told
        apart, and called another mood more often than its own);
        ``words``.

    References
    ----------
    Lopez-Paz, D. & Oquab, M. (2017). Revisiting classifier two-sample tests. ICLR.
    """
    cells = Cells.of(y, groups)
    rows: list[dict[str, Any]] = []
    effects = _others_without(unseen, cells, y, groups)
    for index, mood in enumerate(moods):
        own = y == index
        names, counts = np.unique(groups[own], return_counts=True)
        large = np.argsort(-counts, kind="stable")[:MOST_GROUPS]
        kept = [str(names[i]) for i in sorted(large) if counts[i] >= LEAST_TRACKS]
        if len(kept) < 2:
            continue
        sizes = dict(zip(names.tolist(), counts.tolist(), strict=True))
        paired = sorted(kept, key=lambda name: -sizes[name])[:MOST_PAIRED]
        between = {
            frozenset(pair): _told_apart(X, own & (groups == pair[0]), own & (groups == pair[1]),
                                         seed)
            for pair in combinations(paired, 2)
        }  # fmt: skip
        of_mood = []
        for name in kept:
            inside = own & (groups == name)
            of_mood.append(
                {
                    "mood": mood,
                    "group": name,
                    "n": int(inside.sum()),
                    "auc": _told_apart(X, inside, own & ~inside, seed),
                    "pairs": [
                        {"group": other, "auc": between[frozenset((name, other))]}
                        for other in kept
                        if frozenset((name, other)) in between
                    ],
                    **_agreement(unseen, inside, index, moods),
                    "others_without": effects.get((name, index)),
                }
            )
        _judge(of_mood)
        rows += of_mood
    return rows


def _told_apart(
    X: Floats, one: npt.NDArray[np.bool_], other: npt.NDArray[np.bool_], seed: int
) -> float:
    """Give the cross-validated AUC of a logistic regression that tells two sets apart."""
    rows = np.concatenate([np.flatnonzero(one), np.flatnonzero(other)])
    side = np.repeat([1, 0], [int(one.sum()), int(other.sum())])
    few = thin(side, 2 * MOST_TRACKS, seed)
    rows, side = rows[few], side[few]
    Z = X[rows]
    said = np.empty(len(rows))
    with threadpool_limits(1):
        for learn, held in folds(side, 5, seed):
            scale = Z[learn].std(axis=0)
            scaled = (Z - Z[learn].mean(axis=0)) / np.where(scale > 0, scale, 1.0)
            model = LogisticRegression(max_iter=2000).fit(scaled[learn], side[learn])
            said[held] = model.decision_function(scaled[held])
    return rank_auc(said, side == 1)


def _agreement(
    unseen: Judged, inside: npt.NDArray[np.bool_], mood: int, moods: Sequence[str]
) -> dict[str, Any]:
    """Tell what a group's tracks were called while the group was unseen."""
    said, p_own = np.zeros(len(moods)), []
    for (_, test), result in zip(unseen.splits, unseen.results, strict=True):
        own = result.p_test[inside[test]]
        if len(own):
            said += np.bincount(own.argmax(axis=1), minlength=len(moods)) / len(own)
            p_own.append(own[:, mood].mean())
    if not p_own:
        return {"agreement": None, "p_own": None, "called": None}
    shares = said / said.sum()
    others = np.where(np.arange(len(moods)) == mood, -1.0, shares)
    most = int(others.argmax())
    return {
        "agreement": float(shares[mood]),
        "p_own": float(np.mean(p_own)),
        "called": {"mood": moods[most], "share": float(shares[most])} if shares[most] else None,
    }


def _others_without(
    unseen: Judged, cells: Cells, y: Indices, groups: Names
) -> dict[tuple[str, int], dict[str, float]]:
    """Compare other moods' recall between splits that learned from a group and those that did not.

    Paired by judged group: each is compared with itself.
    """
    by_split = recalls(unseen, cells)
    effects = {}
    for name in np.unique(groups):
        inside = groups == name
        own = np.unique(y[inside])
        if len(own) > 1:
            continue
        place = np.flatnonzero(inside)
        absent = np.array([np.isin(test, place).any() for _, test in unseen.splits])
        if absent.all() or not absent.any():
            continue
        sides = [by_split[way][:, cells.moods != own[0]] for way in (absent, ~absent)]
        both = np.all([~np.isnan(side).all(axis=0) for side in sides], axis=0)
        without, with_it = (np.nanmean(side[:, both], axis=0) for side in sides)
        gain = without - with_it
        if len(gain) > 1:
            effects[str(name), int(own[0])] = {
                "gain": float(gain.mean()),
                "se": float(gain.std(ddof=1) / sqrt(len(gain))),
            }
    return effects


def _misnamed(row: dict[str, Any]) -> bool:
    """Whether tracks were called another mood clearly more often than their own."""
    if row["called"] is None:
        return False
    other, own = row["called"]["share"] * row["n"], row["agreement"] * row["n"]
    return bool(other - own > Z_99 * sqrt(other + own))


def _hinders(row: dict[str, Any]) -> bool:
    """Whether other moods are clearly better recognised where nobody learned from the group."""
    effect = row["others_without"]
    return effect is not None and effect["gain"] > 2 * effect["se"]


def _judge(rows: list[dict[str, Any]]) -> None:
    """Give the groups of one mood their verdicts and words."""
    for row in rows:
        distinct, lost = row["auc"] >= DISTINCT, _misnamed(row)
        # Of two groups that differ, neither is the odd one by that alone.
        odd = lost if len(rows) > 2 else lost and _hinders(row)
        either = distinct and len(rows) == 2 and any(_misnamed(one) for one in rows)
        if distinct and odd:
            row["verdict"] = "disagrees"
        elif either:
            row["verdict"] = "apart"
        else:
            row["verdict"] = "distinct" if distinct else "alike"
        row["words"] = _words(row, rows)


def _words(row: dict[str, Any], rows: list[dict[str, Any]]) -> str:
    others = (
        next(one["group"] for one in rows if one is not row)
        if len(rows) == 2
        else f"the other {row['mood']} groups"
    )
    text = (
        f"Of a track of {row['group']} and one of {others}, a simple model picks the right one "
        f"in {row['auc']:.1%} of cases"
    )
    text += (
        ": they share almost nothing." if row["auc"] >= 0.95
        else ": they are told apart with ease." if row["auc"] >= DISTINCT
        else ": they overlap." if row["auc"] >= 0.65
        else ": they are alike."
    )  # fmt: skip
    if row["agreement"] is not None:
        text += (
            f" Kept unseen, {row['agreement']:.0%} of its tracks were recognised as {row['mood']}"
        )
        called = row["called"]
        if called and called["share"] > row["agreement"]:
            text += f", and {called['share']:.0%} were called {called['mood']}"
        text += "."
    return text
