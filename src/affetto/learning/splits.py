"""Ways to part tracks into a side to learn from and a side to judge by."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import ceil, prod

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import (
    RepeatedStratifiedKFold,
    StratifiedGroupKFold,
    StratifiedKFold,
    train_test_split,
)

from affetto.errors import LabelError, UsageError

Indices = npt.NDArray[np.intp]
Split = tuple[Indices, Indices]

MAX_GROUP_COMBINATIONS = 32
"""2⁵: one of two playlists of each of five moods held out, every way there is."""

GROUP_FOLDS = 5
"""With so many groups a mood they are dealt into folds: each is held out, most are learned from."""

MIN_THINNED = 20
"""Thinning leaves a mood so many tracks at least, where it has them."""

MIN_LEARNING = 5
"""Fewer tracks of a mood than this on a learning side, and it cannot be learned."""


def hold_out(labels: npt.NDArray[np.str_], test_size: float = 0.33, seed: int = 42) -> Split:
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

    Raises
    ------
    UsageError
        If the test side would hold fewer tracks than there are moods, or the training side
        fewer than 5 of a mood.
    """
    moods, counts = np.unique(labels, return_counts=True)
    n_test = ceil(test_size * len(labels))
    if n_test < len(moods):
        raise UsageError(
            f"a test size of {test_size:g} leaves {n_test} of {len(labels)} tracks to test on, "
            f"fewer than the {len(moods)} moods; choose a larger one"
        )
    rarest = int(counts.argmin())
    if len(labels) - n_test >= len(moods) and counts[rarest] > 1:
        train, test = train_test_split(
            np.arange(len(labels)), test_size=test_size, random_state=seed, stratify=labels
        )
        left = np.array([np.count_nonzero(labels[train] == mood) for mood in moods])
        rarest = int(left.argmin())
        if left[rarest] >= MIN_LEARNING:
            return train, test
    raise UsageError(
        f"a test size of {test_size:g} leaves fewer than {MIN_LEARNING} of the {counts[rarest]} "
        f"{moods[rarest]} tracks to learn from; choose a smaller one, or add {moods[rarest]} tracks"
    )


def thin(y: Indices, limit: int, seed: int = 42) -> Indices:
    """Give at most about `limit` rows, drawn so that every mood keeps its share.

    Parameters
    ----------
    y : ndarray of int, shape=(n,)
    limit : int
    seed : int

    Returns
    -------
    ndarray of int
        Indices into `y`, in order; all of them where `y` is short enough.
    """
    if len(y) <= limit:
        return np.arange(len(y))
    draw = np.random.default_rng(seed)
    parts = []
    for mood in np.unique(y):
        own = np.flatnonzero(y == mood)
        n = min(len(own), max(MIN_THINNED, round(limit * len(own) / len(y))))
        parts.append(draw.permutation(own)[:n])
    return np.sort(np.concatenate(parts))


def folds(y: Indices, n_folds: int = 5, seed: int = 42) -> list[Split]:
    """Part tracks into stratified folds; every track is judged once.

    As many folds as asked for, or as the rarest mood has tracks, which must be two.
    """
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
    even : bool
        Whether every group belongs to one mood, so that groups may count the same.
    """

    splits: tuple[Split, ...]
    rule: str
    even: bool = True


def group_splits(
    y: Indices,
    groups: Sequence[str] | npt.NDArray[np.str_],
    moods: Sequence[str],
    *,
    seed: int = 42,
    limit: int = MAX_GROUP_COMBINATIONS,
) -> GroupSplits:
    """Keep whole groups (playlists, artists) on the judging side.

    Where every group belongs to one mood, one group of each mood is held out: all
    combinations, or `limit` of them drawn at random; where every mood has five groups or
    more, these are dealt into five folds. A mood with one group is always learned from and
    never judged; nor is a group ever held out without which fewer than 5 tracks of its mood
    would be left to learn from. With groups that cross moods (artists), stratified folds of
    whole groups; those that leave fewer than 5 tracks of a mood are left out.

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
        If no split leaves enough tracks of every mood on the learning side, or tracks of
        one mood alone could be judged.
    """
    groups = np.asarray(groups)
    of_mood = [np.unique(groups[y == mood]) for mood in range(len(moods))]
    crossing = sum(len(own) for own in of_mood) > len(np.unique(groups))
    spare = [_spare(groups[y == mood]) for mood in range(len(moods))]
    several = [own for own in spare if len(own)]
    if crossing:
        made = _folds_of_groups(y, groups, seed)
        rule = f"{len(made)} folds of whole groups, as groups cross moods"
    elif len(several) >= 2:  # of one mood alone, always saying it would be right
        many = min(len(own) for own in several) >= GROUP_FOLDS
        if many and prod(len(own) for own in several) > limit:
            made, rule = _dealt(groups, several, seed)
        else:
            made, rule = _one_group_a_mood(groups, several, seed, limit)
        never = [place for place, own in enumerate(spare) if not len(own)]
        if never:
            one = all(len(of_mood[place]) < 2 for place in never)
            why = "one group only" if one else f"fewer than {MIN_LEARNING} tracks outside one group"
            rule = rule.replace("every mood", "every mood that has several")
            rule += f"; {_listed([moods[place] for place in never])}, with {why}, never judged"
        n_kept = sum(len(a) - len(b) for a, b in zip(of_mood, spare, strict=True) if len(b))
        if n_kept:
            rule += f"; {n_kept} never held out, as too little of their mood would be left"
    else:
        made, rule = [], ""
    least = [np.bincount(y[train], minlength=len(moods)).min() for train, _ in made]
    usable = [split for split, n in zip(made, least, strict=True) if n >= MIN_LEARNING]
    if not usable:
        raise LabelError(_nothing_unseen(y, groups, moods))
    if len(usable) < len(made):
        rule += f"; {len(made) - len(usable)} of {len(made)} left out, with too few tracks to learn"
    return GroupSplits(tuple(usable), rule, even=not crossing)


def source_splits(sources: npt.NDArray[np.str_], y: Indices, tracks: Indices) -> list[Split]:
    """Keep every source on the judging side in turn (protocol S).

    Of the judging side are left out tracks that the learning side holds, and moods that it
    cannot have learned; sources of which fewer than two moods are left are not judged.

    Parameters
    ----------
    sources : ndarray of str, shape=(n,)
    y : ndarray of int, shape=(n,)
    tracks : ndarray of int, shape=(n,)
        The same number for the same track.

    Returns
    -------
    list of (train, test)
        In the order of the sources' first rows.
    """
    splits = []
    for source in dict.fromkeys(sources.tolist()):
        inside = sources == source
        seen = np.isin(tracks, tracks[~inside]) | ~np.isin(y, y[~inside])
        train, test = np.flatnonzero(~inside), np.flatnonzero(inside & ~seen)
        if len(np.unique(y[test])) >= 2:
            splits.append((train, test))
    return splits


def _one_group_a_mood(
    groups: npt.NDArray[np.str_], of_mood: list[npt.NDArray[np.str_]], seed: int, limit: int
) -> tuple[list[Split], str]:
    n_ways = prod(len(own) for own in of_mood)
    ways: dict[tuple[str, ...], None]
    if n_ways <= limit:
        ways = dict.fromkeys(product(*of_mood))
        rule = f"one group of every mood held out, all {n_ways} ways"
    else:
        ways = {}
        draw = np.random.default_rng(seed)
        longest = max(len(own) for own in of_mood)
        while len(ways) < limit:
            # Whole permutations in turn: every group is held out about equally often.
            orders = [
                np.concatenate([draw.permutation(own) for _ in range(-(-longest // len(own)))])
                for own in of_mood
            ]
            ways |= dict.fromkeys(zip(*(order[:longest] for order in orders), strict=True))
        rule = f"one group of every mood held out, {limit} of {n_ways:,} ways drawn at random"
    splits = []
    for held in list(ways)[:limit]:
        out = np.isin(groups, held)
        splits.append((np.flatnonzero(~out), np.flatnonzero(out)))
    return splits, rule


def _dealt(
    groups: npt.NDArray[np.str_], of_mood: list[npt.NDArray[np.str_]], seed: int
) -> tuple[list[Split], str]:
    """Deal each mood's groups into folds: the longest first, so that folds are of like size."""
    names, counts = np.unique(groups, return_counts=True)
    size = dict(zip(names.tolist(), counts.tolist(), strict=True))
    draw = np.random.default_rng(seed)
    held: list[list[str]] = [[] for _ in range(GROUP_FOLDS)]
    for own in of_mood:
        order = sorted(draw.permutation(own).tolist(), key=lambda name: -size[name])
        for start in range(0, len(order), GROUP_FOLDS):
            places = draw.permutation(GROUP_FOLDS)
            for place, name in zip(places, order[start : start + GROUP_FOLDS], strict=False):
                held[place].append(name)
    splits = []
    for one in held:
        out = np.isin(groups, one)
        splits.append((np.flatnonzero(~out), np.flatnonzero(out)))
    return splits, f"the groups of every mood dealt into {GROUP_FOLDS} folds"


def _folds_of_groups(y: Indices, groups: npt.NDArray[np.str_], seed: int) -> list[Split]:
    n_folds = min(fewest(y, 5), len(np.unique(groups)))
    if n_folds < 2:
        return []
    maker = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    made = maker.split(np.zeros(len(y)), y, groups)
    return [(train, test) for train, test in made if len(test)]


def _spare(groups: npt.NDArray[np.str_]) -> npt.NDArray[np.str_]:
    """Give the groups of one mood's tracks without which enough are left to learn from."""
    names, counts = np.unique(groups, return_counts=True)
    return np.asarray(names[counts.sum() - counts >= MIN_LEARNING])


def _nothing_unseen(y: Indices, groups: npt.NDArray[np.str_], moods: Sequence[str]) -> str:
    """Say why no group can be held out: the moods that mostly stand in one group."""
    own = [groups[y == mood] for mood in range(len(moods))]
    narrow = [mood for mood in range(len(moods)) if not len(_spare(own[mood]))]
    whose = _listed([moods[mood] for mood in narrow]) or "some mood"
    if narrow and all(len(np.unique(own[mood])) > 1 for mood in narrow):
        why, do = "the others of its groups being too small", "Add tracks or playlists of"
    else:
        why, do = "standing in one group", "Add a second playlist of"
    them = "it" if len(narrow) == 1 else "each"
    return (
        f"no group can be kept unseen: {whose} would keep fewer than {MIN_LEARNING} tracks to "
        f"learn from, {why}. {do} {them}"
    )


def _listed(names: Sequence[str], most: int = 6) -> str:
    """Write ``a, b, c``; past `most`, how many more there are."""
    shown = list(names)
    if len(shown) > most:
        shown = [*shown[:most], f"{len(shown) - most} more"]
    return ", ".join(shown)
