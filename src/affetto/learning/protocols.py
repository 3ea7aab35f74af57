"""What a training run measures on music never seen, by playlists and by tables."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from affetto.errors import LabelError
from affetto.learning.across import sources_pool, unseen_source
from affetto.learning.audit import Audit, note
from affetto.learning.candidates import Candidate, Settings
from affetto.learning.comparison import Judge, Judged
from affetto.learning.consistency import consistency
from affetto.learning.contest import SEARCH_WAYS, Contest, Nested, judge_choice
from affetto.learning.dataset import LabelledTracks
from affetto.learning.evaluation import group_intervals, summary
from affetto.learning.labels import LabelledTable
from affetto.learning.needs import needs
from affetto.learning.noise import suspects
from affetto.learning.rules import judged_rules
from affetto.learning.splits import group_splits

STAGE = "unseen music"

Indices = npt.NDArray[np.intp]


def with_groups(tracks: LabelledTracks) -> LabelledTracks:
    """Let each mood of a table without playlists be a group of its own.

    The audit counts such a table as one group; but what it holds are playlists of one mood
    each that it does not name, and no group that crosses moods.
    """
    if tracks.groups is None:
        return tracks
    unnamed = tracks.groups == tracks.tables
    by_mood = np.char.add(np.char.add(tracks.tables, ": "), tracks.labels)
    return replace(tracks, groups=np.where(unnamed, by_mood, tracks.groups))


def without_vain_groups(
    tracks: LabelledTracks, audit: Audit, seed: int
) -> tuple[LabelledTracks, Audit]:
    """Leave groups out of a run where none could be kept unseen, and say so.

    One playlist a mood is what most people begin with: a model can be learned from it, only
    nobody can tell how it does on a playlist never seen.
    """
    if tracks.groups is None:
        return tracks, audit
    try:
        group_splits(tracks.y, tracks.groups, tracks.moods, seed=seed, limit=1)
    except LabelError as exc:
        words = f"{exc}. The model is judged on tracks drawn at random alone, which flatters."
        found = note(words[0].upper() + words[1:])
        return replace(tracks, groups=None), replace(audit, findings=(*audit.findings, found))
    return tracks, audit


def contest_over(
    judge: Judge, compared: tuple[Candidate, ...], rows: Indices, seed: int
) -> Contest | None:
    """Hold out groups among some rows, for candidates to be chosen by; None without groups.

    Raises
    ------
    LabelError
        If no group can be held out.
    """
    tracks = judge.tracks
    if tracks.groups is None:
        return None
    made = group_splits(
        tracks.y[rows], tracks.groups[rows], tracks.moods, seed=seed, limit=SEARCH_WAYS
    )
    within = tuple((rows[learn], rows[held]) for learn, held in made.splits)
    return Contest(judge, compared, replace(made, splits=within))


def unseen_music(
    judge: Judge,
    contest: Contest | None,
    tables: Sequence[LabelledTable],
    *,
    chosen: Candidate,
    settings: Mapping[str, dict[str, Any]],
    cv: Judged,
) -> dict[str, Any]:
    """Measure protocols U and S, and what their predictions say of the data.

    Parameters
    ----------
    judge : Judge
    contest : Contest or None
        None where no groups are known.
    tables : sequence of LabelledTable
    chosen : Candidate
    settings : mapping
    cv : Judged
        The chosen candidate on random folds of the training side.

    Returns
    -------
    dict
        Keys of the evidence: ``unseen_group``, ``unseen_source``, ``consistency``, ``needs``,
        ``suspects``, ``rules``; all but the last two may be None.
    """
    tracks, seed = judge.tracks, judge.seed
    evidence: dict[str, Any] = dict.fromkeys(("unseen_group", "consistency", "needs"))
    n_steps, done = 3, 0
    by_random = cv

    def report(step: int, total: int) -> None:
        judge.report(STAGE, step, total + n_steps)

    if contest is None:
        judge.report(STAGE, 0, n_steps)
    else:
        nested = judge_choice(contest, (chosen, dict(settings)), seed=seed, report=report)
        done = len(nested.judged.splits) + 1
        n_steps += done
        evidence["unseen_group"] = unseen_group(nested, tracks, seed)
        evidence["consistency"] = _consistency(tracks, nested, seed)
        evidence["needs"] = needs(judge, chosen, settings, nested.splits, nested.judged)
        by_random = nested.judged
    judge.report(STAGE, done + 1, n_steps)
    evidence["suspects"] = suspects(by_random, tracks, odd_groups(evidence["consistency"]))
    evidence["rules"] = judged_rules(
        tracks.X, tracks.y, tracks.features, tracks.moods, by_random.splits,
        p=[result.p_test for result in by_random.results],
        groups=None if contest is None else tracks.groups, seed=seed,
    )  # fmt: skip
    judge.report(STAGE, done + 2, n_steps)
    evidence["unseen_source"] = _sources(judge, tables, chosen, settings)
    judge.report(STAGE, done + 3, n_steps)
    return evidence


def unseen_group(nested: Nested, tracks: LabelledTracks, seed: int) -> dict[str, Any]:
    """Give the measures on groups kept unseen as plain data."""
    judged = nested.judged
    assert tracks.groups is not None
    accuracies, balanced = judged.accuracies(), judged.balanced_accuracies()
    several = len(judged.splits) > 1
    pooled = judged.pooled()
    units = np.concatenate([tracks.groups[test] for _, test in judged.splits])
    ends = group_intervals(pooled, units, seed=seed)
    return {
        **summary(pooled, tracks.moods),
        "accuracy": float(accuracies.mean()),
        "accuracy_sd": float(accuracies.std(ddof=1)) if several else None,
        "balanced_accuracy": float(balanced.mean()),
        "balanced_sd": float(balanced.std(ddof=1)) if several else None,
        "intervals": {name: list(pair) for name, pair in ends.items()},
        "folds": len(judged.splits),
        "rule": nested.splits.rule,
        "chosen_by": nested.chosen_by,
        "chosen": nested.chosen,
    }


def _consistency(tracks: LabelledTracks, nested: Nested, seed: int) -> list[dict[str, Any]] | None:
    """Compare groups where each has one mood; None where no mood has two of them."""
    if tracks.groups is None or not nested.splits.even:
        return None
    rows = consistency(tracks.X, tracks.y, tracks.groups, tracks.moods, nested.final, seed=seed)
    return rows or None


def odd_groups(rows: Sequence[Mapping[str, Any]] | None) -> list[str]:
    """Name groups told apart from their mood and called another more often than it."""
    return [
        row["group"]
        for row in rows or ()
        if row["verdict"] in {"disagrees", "apart"}
        and row["called"]
        and row["called"]["share"] > row["agreement"]
    ]


def _sources(
    judge: Judge,
    tables: Sequence[LabelledTable],
    chosen: Candidate,
    settings: Mapping[str, Settings],
) -> dict[str, Any] | None:
    pool = sources_pool(tables, judge.tracks.features)
    return None if pool is None else unseen_source(judge, pool, chosen, settings)
