"""Ways to part tracks into a side to learn from and a side to judge by."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import (
    RepeatedStratifiedKFold,
    StratifiedGroupKFold,
    StratifiedKFold,
    train_test_split,
)

from affetto.errors import LabelError

Indices = npt.NDArray[np.intp]
Split = tuple[Indices, Indices]

MAX_GROUP_COMBINATIONS = 32
"""2⁵: one of two playlists of each of five moods held out, every way there is."""


def hold_out(
    labels: npt.NDArray[np.str_], test_size: float = 0.33, seed: int = 42
) -> Split:
    """Part tracks once into a training and a test side, each with the same mix of moods.

    With the defaults and the article's table this is the article's own split, which
    depends on the alphabetical order of the moods: hence names and not indices.

    Parameters
    ----------
    labels : ndarray of str, shape=(n,)
    test_size : float
        Share of the test side, above 0 and below 1.
    seed : int

    Returns
    -------
    train, test : ndarray of int
    """
    train, test = train_test_split(
        np.arange(len(labels)), test_size=test_size, random_state=seed, stratify=labels
    )
    return train, test


def folds(y: Indices, n_folds: int = 5, seed: int = 42) -> list[Split]:
    """Part tracks into stratified folds; every track is judged once."""
    maker = StratifiedKFold(fewest(y, n_folds), shuffle=True, random_state=seed)
    return list(maker.split(np.zeros(len(y)), y))


def repeated_folds(y: Indices, n_folds: int, n_repeats: int, seed: int = 42) -> list[Split]:
    """Stratified folds, drawn anew `n_repeats` times, so that the luck of one draw averages out."""
    maker = RepeatedStratifiedKFold(
        n_splits=fewest(y, n_folds), n_repeats=n_repeats, random_state=seed
    )
    return list(maker.split(np.zeros(len(y)), y))


def fewest(y: Indices, n_folds: int) -> int:
    """As many folds as asked for, or as the rarest mood has tracks."""
    return int(min(n_folds, np.bincount(y)[np.unique(y)].min()))


@dataclass(frozen=True, slots=True)
class GroupSplits:
    """Splits in which no group stands on both sides.

    Attributes
    ----------
    splits : tuple of (train, test)
    rule : str
        In words, for the report.
    """

    splits: tuple[Split, ...]
    rule: str


def group_splits(
    y: Indices,
    groups: Sequence[str] | npt.NDArray[np.str_],
    moods: Sequence[str],
    *,
    seed: int = 42,
    limit: int = MAX_GROUP_COMBINATIONS,
) -> GroupSplits:
    """Keep whole groups (playlists, artists) on the judging side.

    Where every group belongs to one mood and every mood has two groups or more, one group
    of each mood is held out: all combinations, or `limit` of them drawn at random. Else,
    with groups that cross moods (artists) or moods with one group, stratified folds of
    whole groups.

    Parameters
    ----------
    y : ndarray of int, shape=(n,)
    groups : array of str, shape=(n,)
    moods : sequence of str
        Names, for messages.
    seed : int
    limit : int

    Returns
    -------
    GroupSplits

    Raises
    ------
    LabelError
        If no split leaves every mood on the learning side.
    """
    groups = np.asarray(groups)
    of_mood = [np.unique(groups[y == mood]) for mood in range(len(moods))]
    crossing = sum(len(own) for own in of_mood) > len(np.unique(groups))
    if not crossing and all(len(own) >= 2 for own in of_mood):
        return _one_group_a_mood(y, groups, of_mood, seed, limit)
    return _folds_of_groups(y, groups, moods, of_mood, seed, crossing=crossing)


def _one_group_a_mood(
    y: Indices,
    groups: npt.NDArray[np.str_],
    of_mood: list[npt.NDArray[np.str_]],
    seed: int,
    limit: int,
) -> GroupSplits:
    n_ways = int(np.prod([len(own) for own in of_mood], dtype=np.float64).clip(max=1e9))
    if n_ways <= limit:
        chosen = [list(combination) for combination in product(*of_mood)]
        rule = f"one group of every mood held out, all {n_ways} ways"
    else:
        draw = np.random.default_rng(seed)
        # Whole permutations in turn: every group is held out about equally often.
        orders = [
            np.concatenate([draw.permutation(own) for _ in range(-(-limit // len(own)))])
            for own in of_mood
        ]
        chosen = [[order[way] for order in orders] for way in range(limit)]
        rule = f"one group of every mood held out, {limit} of {n_ways:,} ways drawn at random"
    splits = []
    for held in chosen:
        out = np.isin(groups, held)
        splits.append((np.flatnonzero(~out), np.flatnonzero(out)))
    return GroupSplits(tuple(splits), rule)


def _folds_of_groups(
    y: Indices,
    groups: npt.NDArray[np.str_],
    moods: Sequence[str],
    of_mood: list[npt.NDArray[np.str_]],
    seed: int,
    *,
    crossing: bool,
) -> GroupSplits:
    n_folds = min(5, len(np.unique(groups)))
    maker = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    splits = tuple(
        (train, test)
        for train, test in maker.split(np.zeros(len(y)), y, groups)
        if len(np.unique(y[train])) == len(moods) and len(test)
    )
    if not splits:
        single = [moods[mood] for mood, own in enumerate(of_mood) if len(own) < 2]
        raise LabelError(
            f"no group can be kept unseen: {', '.join(single)} would vanish from the learning "
            "side, having one group only. Add a second playlist to it, or leave --group out"
        )
    why = "groups cross moods" if crossing else "some moods have one group only"
    return GroupSplits(splits, f"{len(splits)} folds of whole groups, as {why}")
