"""Protocols U and S: recipes judged on playlists, and on whole sources, never seen."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from affetto.errors import LabelError
from affetto.learning.evaluation import Predictions, among, group_intervals, summary
from affetto.learning.pool import Pool
from affetto.learning.recipes import Member, Recipe, fit_member
from affetto.learning.splits import group_splits, source_splits
from affetto.scorers import Pipeline

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One split of a pool: what is learned from, what is judged, and as what.

    Attributes
    ----------
    train, test : ndarray of int
        Rows of the pool.
    units : ndarray of str, shape=(n_test,)
        Playlist (U) or source (S) of each judged row.
    moods : ndarray of int
        Moods among which the judged rows are to be told apart.
    """

    train: Indices
    test: Indices
    units: npt.NDArray[np.str_]
    moods: Indices


@dataclass(frozen=True, slots=True)
class Protocol:
    """Splits of a pool, and the rule in words."""

    parts: tuple[Part, ...]
    rule: str


def unseen_playlists(pool: Pool, home: str, *, seed: int = 42) -> Protocol:
    """Protocol U: playlists of one source kept unseen, one a mood.

    All other sources are on the learning side throughout, without the tracks that they
    share with the home source under whatever name.

    Parameters
    ----------
    pool : Pool
    home : str
        The source that is judged.
    seed : int

    Raises
    ------
    LabelError
        If nothing of that source can be kept unseen.
    """
    own = np.flatnonzero(pool.sources == home)
    if not len(own):
        raise LabelError(f"no source is named {home!r}; there are {', '.join(pool.counts())}")
    elsewhere = np.flatnonzero(
        (pool.sources != home) & ~np.isin(pool.tracks, np.unique(pool.tracks[own]))
    )
    made = group_splits(pool.y[own], pool.groups[own], pool.moods, seed=seed)
    every = np.arange(len(pool.moods))
    parts = tuple(
        Part(np.concatenate([own[a], elsewhere]), own[b], pool.groups[own[b]], every)
        for a, b in made.splits
    )
    rule = made.rule
    if len(elsewhere):
        n_other = len(np.unique(pool.sources[elsewhere]))
        rule += f"; learned from {n_other} further sources as well, without shared tracks"
    return Protocol(parts, rule)


def unseen_sources(pool: Pool, sources: Sequence[str] | None = None) -> Protocol:
    """Protocol S: every source kept unseen in turn, judged among the moods it holds.

    Tracks shared with the learning side are left out of the judging side.

    Parameters
    ----------
    pool : Pool
    sources : sequence of str, optional
        Those to judge; default, all that hold two moods or more.

    Raises
    ------
    LabelError
        If no source can be judged.
    """
    parts = tuple(
        Part(train, test, pool.sources[test], np.unique(pool.y[test]))
        for train, test in source_splits(pool.sources, pool.y, pool.tracks)
        if sources is None or pool.sources[test[0]] in sources
    )
    if not parts:
        raise LabelError("no source can be kept unseen: two are needed that share two moods")
    return Protocol(
        parts,
        f"one of {len(np.unique(pool.sources))} sources held out, each of {len(parts)} judged "
        "among its own moods, without tracks that others hold",
    )


def one_source_teaches(pool: Pool, *, least: int = 10) -> Protocol:
    """Learn from each source alone, and judge by every other: how well one collector's idea holds.

    Judged among the moods that both hold, without shared tracks. It tells what to learn
    with where one source is all there is, of which nothing can be kept apart.

    Parameters
    ----------
    pool : Pool
    least : int
        Tracks of a mood that the judging source must hold, for the mood to be judged.

    Raises
    ------
    LabelError
        If no two sources share two moods.
    """
    parts = []
    for teacher in dict.fromkeys(pool.sources.tolist()):
        train = np.flatnonzero(pool.sources == teacher)
        known = np.isin(pool.y, pool.y[train]) & ~np.isin(pool.tracks, pool.tracks[train])
        for judging in dict.fromkeys(pool.sources.tolist()):
            test = np.flatnonzero((pool.sources == judging) & known)
            moods, counts = np.unique(pool.y[test], return_counts=True)
            moods = moods[counts >= least]
            if judging == teacher or len(moods) < 2:
                continue
            test = test[np.isin(pool.y[test], moods)]
            units = np.full(len(test), f"{teacher} → {judging}")
            parts.append(Part(train, test, units, moods))
    if not parts:
        raise LabelError("no two sources share two moods: none can judge what another teaches")
    return Protocol(tuple(parts), f"one source teaches, another judges, {len(parts)} pairs")


Learner = Callable[[Pool], Callable[[Floats], Floats]]
"""Learns from a pool, and gives what turns features into probabilities."""


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """What was said of the judged rows, part by part.

    Attributes
    ----------
    pool : Pool
    protocol : Protocol
    p : tuple of ndarray, shape=(n_test, n_moods)
        Among the moods of each part; others have 0.
    """

    pool: Pool
    protocol: Protocol
    p: tuple[Floats, ...]

    @property
    def sides(self) -> list[Predictions]:
        """Predictions of each part."""
        return [
            Predictions(self.pool.y[part.test], p)
            for part, p in zip(self.protocol.parts, self.p, strict=True)
        ]

    def pooled(self) -> Predictions:
        """Put the judged rows of all parts together."""
        sides = self.sides
        return Predictions(
            np.concatenate([side.y for side in sides]), np.concatenate([side.p for side in sides])
        )

    def units(self) -> npt.NDArray[np.str_]:
        """Playlist or source of each row of `pooled`."""
        return np.concatenate([part.units for part in self.protocol.parts])

    def losses(self) -> dict[str, float]:
        """Give each unit's log-loss, its moods counting the same."""
        pooled, units = self.pooled(), self.units()
        true = -np.log(np.maximum(pooled.p[np.arange(len(pooled.y)), pooled.y], 1e-12))
        return {
            str(unit): float(
                np.mean([true[own & (pooled.y == m)].mean() for m in np.unique(pooled.y[own])])
            )
            for unit in np.unique(units)
            if (own := units == unit).any()
        }

    def as_dict(self, *, seed: int = 42) -> dict[str, Any]:
        """Give all measures as plain data; those of parts are means over parts.

        ``intervals``: 95%, by resampling whole playlists or sources.
        """
        pooled = self.pooled()
        sides = self.sides
        balanced = [side.balanced_accuracy() for side in sides]
        return {
            **summary(pooled, self.pool.moods),
            "accuracy": float(np.mean([side.accuracy() for side in sides])),
            "balanced_accuracy": float(np.mean(balanced)),
            "balanced_sd": float(np.std(balanced, ddof=1)) if len(balanced) > 1 else None,
            "intervals": group_intervals(pooled, self.units(), seed=seed),
            "folds": len(sides),
            "rule": self.protocol.rule,
        }

    def by_source(self) -> dict[str, dict[str, Any]]:
        """Give each part's figures under protocol S: log-loss with its moods counting the same."""
        losses = self.losses()
        return {
            str(part.units[0]): {
                "balanced_accuracy": side.balanced_accuracy(),
                "log_loss": losses[str(part.units[0])],
                "moods": [self.pool.moods[mood] for mood in part.moods],
                "n": len(side.y),
            }
            for part, side in zip(self.protocol.parts, self.sides, strict=True)
        }


def judge(learner: Learner, pool: Pool, protocol: Protocol) -> Judgement:
    """Let a learner learn and speak on every part."""
    said = []
    for part in protocol.parts:
        speak = learner(pool.part(part.train))
        said.append(among(speak(pool.X[part.test]), part.moods))
    return Judgement(pool, protocol, tuple(said))


def judge_recipes(
    recipes: Sequence[Recipe],
    pool: Pool,
    protocol: Protocol,
    progress: Progress = lambda stage, done, total: None,
) -> dict[Recipe, Judgement]:
    """Judge recipes; members that several share are fitted once a part."""
    members = list(dict.fromkeys(member for recipe in recipes for member in recipe.members))
    said: dict[Member, list[Floats]] = {member: [] for member in members}
    total = len(protocol.parts)
    fitted: dict[Member, Pipeline] = {}
    learned_from = None
    for done, part in enumerate(protocol.parts):
        progress("judging", done, total)
        if part.train is not learned_from:  # parts in a row may share their learning side
            learned, learned_from = pool.part(part.train), part.train
            fitted = {member: fit_member(member, learned) for member in members}
        for member in members:
            said[member].append(fitted[member].probabilities(pool.X[part.test]))
    progress("judging", total, total)
    return {
        recipe: Judgement(
            pool,
            protocol,
            tuple(
                among(np.mean([said[member][i] for member in recipe.members], axis=0), part.moods)
                for i, part in enumerate(protocol.parts)
            ),
        )
        for recipe in recipes
    }


CLEARLY = 2.0
"""Standard errors from 0 beyond which a change over sources is called clear."""


def without_each(
    recipe: Recipe,
    pool: Pool,
    protocol: Protocol,
    progress: Progress = lambda stage, done, total: None,
) -> list[dict[str, Any]]:
    """Leave each source out of learning in turn, and see what becomes of the others (protocol S).

    The same tracks are judged with it and without. A source that alone teaches a mood to
    another is not judged by that other.

    Parameters
    ----------
    recipe : Recipe
    pool : Pool
    protocol : Protocol
        As `unseen_sources` gives it.
    progress : callable

    Returns
    -------
    list of dict
        ``source``, ``judged`` (how many others), ``balanced_accuracy``, ``log_loss``: changes
        without it, others counting the same; ``se`` of the latter; ``hurts`` (``helps``):
        whether the log-loss of the others clearly falls (rises) without it, by `CLEARLY`
        standard errors. The one that hurts most is first; those that fewer than two others
        judge are absent.
    """
    whole = judge_recipes([recipe], pool, protocol)[recipe].by_source()
    found: list[dict[str, Any]] = []
    sources = list(pool.counts())
    for done, source in enumerate(sources):
        progress("without each source", done, len(sources))
        parts = []
        for part in protocol.parts:
            train = part.train[pool.sources[part.train] != source]
            if len(train) < len(part.train) and np.isin(part.moods, pool.y[train]).all():
                parts.append(replace(part, train=train))
        if len(parts) < 2:
            continue
        rest = Protocol(tuple(parts), protocol.rule)
        left = judge_recipes([recipe], pool, rest)[recipe].by_source()
        recall, loss = (
            np.array([own[key] - whole[name][key] for name, own in left.items()])
            for key in ("balanced_accuracy", "log_loss")
        )
        change, error = float(loss.mean()), float(loss.std(ddof=1)) / sqrt(len(loss))
        found.append(
            {
                "source": source,
                "judged": len(left),
                "balanced_accuracy": float(recall.mean()),
                "log_loss": change,
                "se": error,
                "hurts": change < -CLEARLY * error,
                "helps": change > CLEARLY * error,
            }
        )
    progress("without each source", len(sources), len(sources))
    return sorted(found, key=lambda row: float(row["log_loss"]))


def nested(judged: dict[Recipe, Judgement]) -> tuple[Judgement, dict[str, int]]:
    """Judge the choice itself: for each part, by the units that the part does not judge.

    For a playlist (or source) that is judged, the recipe is the one with the least mean
    log-loss over all *other* playlists (or sources). Its own labels never speak in the
    choice other than by having been learned from where those others were judged, which
    cannot be avoided with two playlists a mood.

    Returns
    -------
    judgement : Judgement
    chosen : dict of str to int
        How often each recipe was chosen.
    """
    recipes = list(judged)
    losses = {recipe: judged[recipe].losses() for recipe in recipes}
    first = judged[recipes[0]]
    picked, chosen = [], dict.fromkeys(map(str, recipes), 0)
    for index, part in enumerate(first.protocol.parts):
        best = choose(losses, without=set(part.units.tolist()))
        picked.append(judged[best].p[index])
        chosen[str(best)] += 1
    return Judgement(first.pool, first.protocol, tuple(picked)), {
        name: n for name, n in chosen.items() if n
    }


def choose(
    losses: dict[Recipe, dict[str, float]], *, without: set[str] | frozenset[str] = frozenset()
) -> Recipe:
    """Give the recipe with the least mean log-loss over units, some left out; first of equals."""

    def mean(recipe: Recipe) -> float:
        own = [loss for unit, loss in losses[recipe].items() if unit not in without]
        return float(np.mean(own))

    return min(losses, key=mean)
