"""Candidates on unseen groups: cells, paired differences, the choice, and the choice judged."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from affetto.learning.candidates import BY_NAME
from affetto.learning.comparison import Judge, Judged
from affetto.learning.contest import (
    Cells,
    CellScores,
    Contest,
    judge_choice,
    paired_difference,
    recalls,
)
from affetto.learning.dataset import LabelledTracks
from affetto.learning.fitting import FoldResult
from affetto.learning.splits import group_splits

FEATURES = ("energy", "valence", "acousticness")
MOODS = ("Energetic", "Relaxing", "Dark")
CENTRES = np.array([[0.8, 0.6, 0.1], [0.2, 0.5, 0.8], [0.5, 0.2, 0.3]])
COMPARED = tuple(BY_NAME[name] for name in ("majority", "logistic", "logistic-tuned"))


def tracks_of(n_playlists, n=12, shift=0.0, spread=0.08, seed=0):
    """Every mood in some playlists; each playlist has its own place, `shift` away."""
    draw = np.random.default_rng(seed)
    X, y, groups = [], [], []
    for mood in range(3):
        for number in range(n_playlists):
            place = CENTRES[mood] + shift * draw.normal(size=3)
            X.append(np.clip(place + spread * draw.normal(size=(n, 3)), 0, 1))
            y += [mood] * n
            groups += [f"{MOODS[mood]}-{number + 1}"] * n
    names = np.array([f"track {i}" for i in range(len(y))])
    return LabelledTracks(
        np.concatenate(X), np.array(y), MOODS, FEATURES, np.array(groups),
        np.full(len(y), "table"), names, "playlist",
    )  # fmt: skip


def contest_of(tracks, compared=COMPARED, rows=None):
    judge = Judge(tracks, 42, 1, lambda *step: None)
    rows = np.arange(len(tracks)) if rows is None else rows
    made = group_splits(tracks.y[rows], tracks.groups[rows], MOODS, limit=8)
    within = tuple((rows[a], rows[b]) for a, b in made.splits)
    contest = Contest(judge, compared, replace(made, splits=within))
    contest.search("searching")
    return contest


# ---------------------------------------------------------------- cells


def test_cells_are_groups_by_mood():
    y = np.array([0, 0, 1, 1, 1, 0])
    groups = np.array(["a", "a", "b", "b", "a", "c"])
    cells = Cells.of(y, groups)
    found = sorted(zip(cells.groups.tolist(), cells.moods.tolist(), cells.size, strict=True))
    assert found == [("a", 0, 2), ("a", 1, 1), ("b", 1, 2), ("c", 0, 1)]
    assert_array_equal(cells.moods[cells.of_row], y)
    assert_array_equal(cells.groups[cells.of_row], groups)


def test_moods_count_the_same_and_within_them_groups_or_tracks():
    cells = Cells.of(np.array([0, 0, 0, 1]), np.array(["a", "a", "b", "c"]))
    order = np.argsort(cells.groups)
    every = np.ones(3, dtype=bool)
    assert_allclose(cells.weights(every, even=True)[order], [1 / 4, 1 / 4, 1 / 2])
    assert_allclose(cells.weights(every, even=False)[order], [1 / 3, 1 / 6, 1 / 2])
    only = np.array([True, False, False])[np.argsort(order)]
    assert_allclose(cells.weights(only, even=True)[order], [1, 0, 0])


def judged_by_hand():
    """Groups a, b (mood 0) and c (mood 1); a is judged twice, c never."""
    y = np.array([0, 0, 0, 0, 1])
    sure, wrong = [0.9, 0.1], [0.2, 0.8]
    splits = [(np.array([4]), np.array([0, 1])), (np.array([4]), np.array([0, 1, 2, 3]))]
    results = [
        FoldResult(np.zeros((1, 2)), np.array([sure, wrong]), 0.0),
        FoldResult(np.zeros((1, 2)), np.array([sure, sure, wrong, wrong]), 0.0),
    ]
    return Judged(splits, results, y), Cells.of(y, np.array(["a", "a", "b", "b", "c"]))


def test_scores_are_means_over_the_splits_that_judge_a_group():
    judged, cells = judged_by_hand()
    scores = CellScores.of(judged, cells)
    assert_allclose(scores.recall, [0.75, 0, np.nan])
    assert scores.loss[0] == pytest.approx(-(3 * np.log(0.9) + np.log(0.2)) / 4)
    assert_allclose(recalls(judged, cells), [[0.5, np.nan, np.nan], [1, 0, np.nan]])


def test_the_error_of_a_difference_is_that_over_groups():
    y = np.repeat([0, 1], 4)
    cells = Cells.of(y, np.array(list("abcdefgh")))
    a, b = np.arange(8) / 10, np.arange(8) / 10 - np.tile([0.1, 0.3], 4)
    weights = cells.weights(np.ones(8, dtype=bool), even=True)
    difference, error = paired_difference(a, b, cells, weights)
    assert difference == pytest.approx(0.2)
    assert error == pytest.approx(np.std(a - b, ddof=1) / np.sqrt(8))
    assert np.isnan(paired_difference(a, b, cells, np.eye(8)[0])[1])  # a single group
    halved = paired_difference(a, b, cells, np.where(np.arange(8) < 2, 0.5, 0.0))
    assert halved == pytest.approx((0.2, 0.1))


# ---------------------------------------------------------------- the choice


def test_every_setting_is_judged_and_the_best_taken():
    contest = contest_of(tracks_of(2, shift=0.1))
    rows = contest.searches()["logistic-tuned"]
    assert [row["C"] for row in rows] == [one["C"] for one in BY_NAME["logistic-tuned"].coarse]
    # Every playlist is as long as any other: means of accuracies are balanced ones.
    best = max(rows, key=lambda row: (round(row["validation"], 9), -row["log_loss"]))
    assert contest.settings()["logistic-tuned"]["C"] == best["C"]
    assert contest.settings()["logistic"] == {"C": 1.0}


def test_groups_without_a_say_change_nothing():
    """Labels of two playlists are spoiled: without them the choice is as without the spoiling."""
    tracks = tracks_of(3, shift=0.15)
    out = {"Energetic-1", "Dark-2"}
    contest = contest_of(tracks)
    scores = contest.weights(out)
    assert not scores[np.isin(contest.cells.groups, list(out))].any()
    assert scores.sum() == pytest.approx(1)
    for mood in range(3):
        assert scores[contest.cells.moods == mood].sum() == pytest.approx(1 / 3)


def test_figures_of_a_candidate_and_how_far_it_is_behind():
    contest = contest_of(tracks_of(2))
    chosen, settings, choice = contest.choose()
    assert chosen.name != "majority"
    assert choice["measure"] == "balanced accuracy on unseen groups"
    best = BY_NAME[choice["best"]]
    row = contest.row(BY_NAME["majority"], settings, best)
    assert row["balanced_accuracy"] == pytest.approx(1 / 3)
    assert row["behind"] == pytest.approx(choice["best_score"] - 1 / 3)
    own = contest.row(best, settings, best)
    assert (own["behind"], own["behind_se"]) == (0, 0)
    assert own["balanced_accuracy"] > 0.9


def test_a_vote_takes_part_without_a_fit_of_its_own():
    members = ("logistic", "logistic-tuned", "network")
    vote = replace(BY_NAME["vote"], members=members)
    compared = tuple(BY_NAME[name] for name in members)
    contest = contest_of(tracks_of(2, n=8), (*compared, vote))
    _, settings, _ = contest.choose()
    parts = [contest._scores(BY_NAME[name], settings)[0] for name in members]
    voted = contest._scores(vote, settings)[0]
    assert_allclose(voted.pooled().p, np.mean([one.pooled().p for one in parts], axis=0))


# ---------------------------------------------------------------- the choice itself, judged


def nested(tracks, rows=None):
    contest = contest_of(tracks, rows=rows)
    chosen, settings, _ = contest.choose()
    told = []
    result = judge_choice(contest, (chosen, settings), seed=42, report=lambda *s: told.append(s))
    return result, told


def test_two_playlists_a_mood_are_judged_by_what_the_others_chose():
    tracks = tracks_of(2, shift=0.05)
    result, told = nested(tracks)
    assert "on the other groups" in result.chosen_by
    assert len(result.judged.splits) == 8
    assert sum(result.chosen.values()) == 8
    assert told == [(step, 9) for step in range(10)]
    assert result.judged.balanced_accuracies().mean() > 0.85


def test_with_more_playlists_the_search_is_repeated_on_the_learning_side(monkeypatch):
    tracks = tracks_of(3, n=8, shift=0.05)
    seen = []
    searched = Contest.search

    def watched(self, stage):
        seen.append(self)
        searched(self, stage)

    monkeypatch.setattr(Contest, "search", watched)
    result, _ = nested(tracks)
    assert "chosen anew for every split" in result.chosen_by
    assert len(result.judged.splits) == 8  # sampled: every one takes a search of its own
    inner = seen[1:]
    assert len(inner) == 8
    for contest, (learn, held) in zip(inner, result.judged.splits, strict=True):
        used = np.concatenate([np.concatenate(split) for split in contest.splits.splits])
        assert set(used) <= set(learn)
        assert not set(tracks.groups[used]) & set(tracks.groups[held])
