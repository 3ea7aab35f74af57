"""Protocol U in a training run: candidates on groups kept unseen, and the choice itself judged."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from affetto.errors import LabelError
from affetto.learning.candidates import BY_NAME, Candidate, Settings
from affetto.learning.choosing import BY_GROUPS, choose, or_none, search_row, with_shared_settings
from affetto.learning.comparison import Judge, Judged
from affetto.learning.fitting import FoldResult, vote
from affetto.learning.splits import GroupSplits, Split, group_splits, thin

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]
Names = npt.NDArray[np.str_]
Chosen = tuple[Candidate, dict[str, dict[str, Any]]]

SEARCH_WAYS = 8
"""Ways in which groups are held out while settings and candidates are searched: with two
playlists a mood, every playlist is unseen in four of them."""

INNER_WAYS, OUTER_WAYS, INNER_TRACKS = 4, 8, 1500
"""The same where the search is repeated for every unseen group, and the tracks it sees."""


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Tracks of one group and one mood: what is averaged first.

    Attributes
    ----------
    of_row : ndarray of int, shape=(n_tracks,)
        Cell of each track.
    groups : ndarray of str, shape=(n_cells,)
    moods : ndarray of int, shape=(n_cells,)
    size : ndarray, shape=(n_cells,)
        Tracks in each.
    """

    of_row: Indices
    groups: Names
    moods: Indices
    size: Floats

    @classmethod
    def of(cls, y: Indices, groups: Names) -> "Cells":
        """Give the cells of labelled tracks."""
        names, which = np.unique(groups, return_inverse=True)
        n_moods = int(y.max()) + 1
        cells, of_row, size = np.unique(
            which * n_moods + y, return_inverse=True, return_counts=True
        )
        return cls(of_row, names[cells // n_moods], cells % n_moods, size.astype(np.float64))

    def weights(self, use: npt.NDArray[np.bool_], *, even: bool) -> Floats:
        """Weigh cells so that moods count the same; they sum to 1.

        Within a mood, groups count the same where `even`, else tracks do.

        Parameters
        ----------
        use : ndarray of bool, shape=(n_cells,)
            Others count nothing.
        even : bool
        """
        raw = np.where(use, 1.0 if even else self.size, 0.0)
        total = np.bincount(self.moods, raw)
        moods = int((total > 0).sum())
        return np.asarray(raw / np.where(total > 0, total, 1.0)[self.moods] / max(1, moods))


@dataclass(frozen=True, slots=True, eq=False)
class CellScores:
    """What a candidate reached in each cell, a mean over the splits that judge it.

    Attributes
    ----------
    recall, loss : ndarray, shape=(n_cells,)
        Share of tracks whose mood was found, mean −ln p of it; NaN where never judged.
    """

    recall: Floats
    loss: Floats

    @classmethod
    def of(cls, judged: Judged, cells: Cells) -> "CellScores":
        """Average what was said on splits."""
        n_cells = len(cells.size)
        sums, n_splits = np.zeros((2, n_cells)), np.zeros(n_cells)
        for (_, test), result in zip(judged.splits, judged.results, strict=True):
            true = result.p_test[np.arange(len(test)), judged.y[test]]
            right = result.p_test.argmax(axis=1) == judged.y[test]
            own = cells.of_row[test]
            n = np.bincount(own, minlength=n_cells)
            there = n > 0
            for place, values in enumerate((right, -np.log(np.maximum(true, 1e-12)))):
                sums[place][there] += np.bincount(own, values, n_cells)[there] / n[there]
            n_splits += there
        with np.errstate(invalid="ignore"):
            recall, loss = sums / n_splits
        return cls(recall, loss)


def recalls(judged: Judged, cells: Cells) -> Floats:
    """Give each cell's recall on each split; NaN where it was not judged.

    Returns
    -------
    ndarray, shape=(n_splits, n_cells)
    """
    table = np.full((len(judged.splits), len(cells.size)), np.nan)
    for row, (_, test), result in zip(table, judged.splits, judged.results, strict=True):
        own = cells.of_row[test]
        n = np.bincount(own, minlength=len(row))
        right = result.p_test.argmax(axis=1) == judged.y[test]
        row[n > 0] = np.bincount(own, right, len(row))[n > 0] / n[n > 0]
    return table


def paired_difference(a: Floats, b: Floats, cells: Cells, weights: Floats) -> tuple[float, float]:
    """Compare two candidates on the same groups.

    Parameters
    ----------
    a, b : ndarray, shape=(n_cells,)
        Scores of either.
    cells : Cells
    weights : ndarray, shape=(n_cells,)
        As `Cells.weights` gives them.

    Returns
    -------
    difference, error : float
        Weighted mean of a − b, and its standard error over groups, since what is new is a
        playlist, not a track: √(G / (G − 1) Σ (Σ w (d − d̄))²), the outer sum over G groups.
        NaN for a single group.
    """
    used = weights > 0
    d = np.where(used, a - b, 0.0)
    difference = float(weights @ d)
    names, which = np.unique(cells.groups[used], return_inverse=True)
    if len(names) < 2:
        return difference, float("nan")
    parts = np.bincount(which, (weights * (d - difference))[used])
    n = len(names)
    return difference, sqrt(n / (n - 1) * float((parts**2).sum()))


@dataclass(slots=True, eq=False)
class Contest:
    """Candidates with all their settings on the same unseen groups; each is fitted once.

    Attributes
    ----------
    judge : Judge
    compared : tuple of Candidate
    splits : GroupSplits
        Indices into the tracks of `judge`.
    """

    judge: Judge
    compared: tuple[Candidate, ...]
    splits: GroupSplits
    cells: Cells = field(init=False)
    _known: dict[tuple[Any, ...], tuple[Judged, CellScores]] = field(init=False)

    def __post_init__(self) -> None:
        tracks = self.judge.tracks
        assert tracks.groups is not None
        self.cells = Cells.of(tracks.y, tracks.groups)
        self._known = {}

    def search(self, stage: str) -> None:
        """Judge every setting of every candidate that does not wait for another's."""
        grids = {
            c.name: c.coarse or (c.settings,)
            for c in self.compared
            if not c.members and c.name != "network-committee"
        }
        found = self.judge.search(grids, self.splits.splits, stage)
        for name, own in found.items():
            for settings, judged in zip(grids[name], own, strict=True):
                self._keep(name, settings, judged)

    def choose(
        self, without: Collection[str] = ()
    ) -> tuple[Candidate, dict[str, dict[str, Any]], dict[str, Any]]:
        """Choose settings, then a candidate by balanced accuracy and log-loss.

        Parameters
        ----------
        without : collection of str
            Groups that have no say.

        Returns
        -------
        chosen : Candidate
        settings : dict
            By candidate.
        choice : dict
            As `choose` gives it.
        """
        settings = self.settings(without)
        weights = self.weights(without)
        scores = {c.name: self._scores(c, settings)[1] for c in self.compared}

        def by_recall(a: str, b: str) -> tuple[float, float]:
            return paired_difference(scores[a].recall, scores[b].recall, self.cells, weights)

        def by_loss(a: str, b: str) -> tuple[float, float]:
            return paired_difference(scores[a].loss, scores[b].loss, self.cells, weights)

        means = {name: float(weights @ np.nan_to_num(own.recall)) for name, own in scores.items()}
        chosen, choice = choose(means, by_recall, BY_GROUPS, also=by_loss)
        return chosen, settings, choice

    def settings(self, without: Collection[str] = ()) -> dict[str, dict[str, Any]]:
        """Take each candidate's settings of best balanced accuracy; of equal ones, least log-loss.

        Log-loss on unseen playlists is least for a model that hardly dares to say anything.
        Ten times two playlists a mood of another collection were chosen by, and its other
        three judged: settings by balanced accuracy led to .419 (log-loss 1.33), by log-loss to
        .406 (1.53); the committee, in which nothing is chosen, to .437 (1.21).
        """
        weights = self.weights(without)
        chosen = {c.name: dict(c.settings) for c in self.compared}
        for candidate in self.compared:
            if candidate.coarse:
                merits = [self._merit(candidate, one, weights) for one in candidate.coarse]
                chosen[candidate.name] |= candidate.coarse[merits.index(max(merits))]
        return with_shared_settings(chosen)

    def _merit(
        self, candidate: Candidate, settings: Settings, weights: Floats
    ) -> tuple[float, float]:
        scores = self._known[_key(candidate.name, settings)][1]
        recall, loss = (float(weights @ np.nan_to_num(one)) for one in (scores.recall, scores.loss))
        return round(recall, 9), -loss

    def weights(self, without: Collection[str] = ()) -> Floats:
        """Weigh the cells that were judged and have a say."""
        (_, scores), *_ = self._known.values()
        use = ~np.isnan(scores.recall) & ~np.isin(self.cells.groups, list(without))
        return self.cells.weights(use, even=self.splits.even)

    def searches(self) -> dict[str, list[dict[str, Any]]]:
        """Give every setting that was searched, with its figures."""
        weights = self.weights()
        rows: dict[str, list[dict[str, Any]]] = {}
        for candidate in self.compared:
            for one in candidate.coarse:
                judged, scores = self._known[_key(candidate.name, one)]
                loss = float(weights @ np.nan_to_num(scores.loss))
                rows.setdefault(candidate.name, []).append(search_row(one, judged, loss))
        return rows

    def row(
        self, candidate: Candidate, settings: Mapping[str, Settings], best: Candidate
    ) -> dict[str, Any]:
        """Give a candidate's figures on unseen groups, and how far it is behind the best."""
        weights = self.weights()
        judged, scores = self._scores(candidate, settings)
        _, error = paired_difference(
            scores.recall, np.zeros_like(scores.recall), self.cells, weights
        )
        behind, paired = paired_difference(
            self._scores(best, settings)[1].recall, scores.recall, self.cells, weights
        )
        return {
            "accuracy": float(judged.accuracies().mean()),
            "balanced_accuracy": float(weights @ np.nan_to_num(scores.recall)),
            "se": or_none(error),
            "log_loss": float(weights @ np.nan_to_num(scores.loss)),
            "behind": behind,
            "behind_se": or_none(paired),
        }

    def _scores(
        self, candidate: Candidate, settings: Mapping[str, Settings]
    ) -> tuple[Judged, CellScores]:
        members = candidate.members
        own = [settings[name] for name in members] if members else [settings[candidate.name]]
        key = _key(candidate.name, *own)
        if key not in self._known:
            if members:
                parts = [self._scores(BY_NAME[name], settings)[0].results for name in members]
                y = self.judge.tracks.y
                judged = Judged(self.splits.splits, vote(parts), y)
            else:
                judged = quiet(self.judge).judge(
                    [candidate], settings, self.splits.splits, ""
                )[candidate.name]  # fmt: skip
            self._known[key] = (judged, CellScores.of(judged, self.cells))
        return self._known[key]

    def _keep(self, name: str, settings: Settings, judged: Judged) -> None:
        full = {**BY_NAME[name].settings, **settings}
        kept = (judged, CellScores.of(judged, self.cells))
        self._known[_key(name, settings)] = self._known[_key(name, full)] = kept


def _key_of(chosen: Candidate, settings: Mapping[str, Settings]) -> tuple[Any, ...]:
    return _key(chosen.name, *(settings[name] for name in chosen.members or (chosen.name,)))


def _key(name: str, *settings: Settings) -> tuple[Any, ...]:
    return (name, *(tuple(sorted(one.items())) for one in settings))


def quiet(judge: Judge) -> Judge:
    """Give a judge that tells no progress."""
    return replace(judge, report=lambda stage, done, total: None)


@dataclass(frozen=True, slots=True, eq=False)
class Nested:
    """The choice itself judged: each unseen group by what was chosen without it.

    Attributes
    ----------
    judged : Judged
    chosen_by : str
        What the choices rest on, in words.
    chosen : dict of str to int
        How often each candidate was chosen.
    final : Judged
        What the candidate chosen in the end says on the same splits: to compare groups by,
        not to be quoted.
    splits : GroupSplits
    """

    judged: Judged
    final: Judged
    splits: GroupSplits
    chosen_by: str
    chosen: dict[str, int]


def judge_choice(
    contest: Contest, final: Chosen, *, seed: int, report: Callable[[int, int], None]
) -> Nested:
    """Judge on unseen groups what would have been chosen without them.

    Where what is left has groups enough to hold some of them out in turn, the search is
    repeated there for every split. With two groups a mood this cannot be: then candidates are
    chosen by how they did on the *other* groups, whose models had learned from the judged
    group as well; its labels had no other say.

    Parameters
    ----------
    contest : Contest
        Over the training side.
    final : tuple of Candidate, dict
        Candidate and settings chosen in the end.
    seed : int
    report : callable
        Called with steps done and in all.
    """
    judge = quiet(contest.judge)
    tracks = judge.tracks
    y, groups, moods = tracks.y, tracks.groups, tracks.moods
    assert groups is not None
    outer = group_splits(y, groups, moods, seed=seed)
    judged_moods = {int(mood) for _, held in outer.splits for mood in y[held]}
    inner_of = partial(_inner, y, groups, moods, wanted=judged_moods, seed=seed)
    repeated = inner_of(outer.splits[0][0]) is not None
    if repeated and len(outer.splits) > OUTER_WAYS:
        outer = group_splits(y, groups, moods, seed=seed, limit=OUTER_WAYS)
    last = _key_of(*final)
    picks: dict[tuple[Any, ...], tuple[Chosen, list[int]]] = {}
    known: dict[frozenset[str], Chosen] = {}
    total = len(outer.splits) + 1
    n_inner = 0
    for place, (learn, held) in enumerate(outer.splits):
        report(place, total)
        out = frozenset(groups[held].tolist())
        if out not in known:
            inner = inner_of(learn) if repeated else None
            if inner is not None:
                n_inner += 1
                own = Contest(judge, contest.compared, inner)
                own.search("")
                known[out] = own.choose()[:2]
            else:
                known[out] = contest.choose(out)[:2]
        chosen, settings = known[out]
        picks.setdefault(_key_of(chosen, settings), ((chosen, settings), []))[1].append(place)
    report(total - 1, total)
    every = judge.judge([final[0]], final[1], outer.splits, "")[final[0].name]
    results: dict[int, FoldResult] = {}
    for key, ((chosen, settings), places) in picks.items():
        splits = [outer.splits[place] for place in places]
        found = (
            [every.results[place] for place in places]
            if key == last
            else judge.judge([chosen], settings, splits, "")[chosen.name].results
        )
        results |= dict(zip(places, found, strict=True))
    report(total, total)
    counts: dict[str, int] = {}
    for (chosen, _), places in picks.values():
        counts[chosen.name] = counts.get(chosen.name, 0) + len(places)
    by = (
        "settings and candidate chosen anew for every split, by groups of its learning side"
        if n_inner == len(known)
        else "settings and candidate chosen for every split by how they did on the other groups, "
        "whose models had learned from the judged ones, as with few groups they must"
    )
    judged = Judged(outer.splits, [results[i] for i in range(len(outer.splits))], y)
    return Nested(judged, every, outer, by, counts)


def _inner(
    y: Indices,
    groups: Names,
    moods: Sequence[str],
    learn: Indices,
    *,
    wanted: set[int],
    seed: int,
) -> GroupSplits | None:
    """Hold out groups of a learning side; None where not every mood can be judged."""
    rows = learn[thin(y[learn], INNER_TRACKS, seed)]
    try:
        made = group_splits(y[rows], groups[rows], moods, seed=seed, limit=INNER_WAYS)
    except LabelError:
        return None
    splits: tuple[Split, ...] = tuple((rows[a], rows[b]) for a, b in made.splits)
    judged = {int(mood) for _, held in splits for mood in y[held]}
    return replace(made, splits=splits) if judged >= wanted else None
