"""Suspects: wrong labels are found, and none where nothing is wrong."""

from dataclasses import replace

import numpy as np
import pytest

from affetto.learning.candidates import BY_NAME
from affetto.learning.comparison import Judge, Judged
from affetto.learning.dataset import LabelledTracks
from affetto.learning.fitting import FoldResult
from affetto.learning.noise import mean_probabilities, suspects
from affetto.learning.splits import group_splits

MOODS = ("Happy", "Dark")


def tracks_of(n=200, apart=0.4, seed=0):
    draw = np.random.default_rng(seed)
    y = np.arange(n) % 2
    X = np.clip(0.5 + apart * (0.5 - y)[:, None] + 0.15 * draw.normal(size=(n, 3)), 0, 1)
    names = np.array([f"track {i}" for i in range(n)])
    groups = np.array([f"{MOODS[m]}-{1 + i // 2 % 2}" for i, m in enumerate(y)])
    return LabelledTracks(
        X, y, MOODS, ("energy", "valence", "danceability"), groups, np.full(n, "t"), names
    )


def found_in(tracks, odd=()):
    judge = Judge(tracks, 1, 1, lambda *step: None)
    splits = group_splits(tracks.y, tracks.groups, MOODS).splits
    judged = judge.judge([BY_NAME["logistic"]], {"logistic": {"C": 1.0}}, splits, "")["logistic"]
    return suspects(judged, tracks, odd)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("apart", [0.1, 0.3, 0.6])
def test_where_nothing_is_wrong_nothing_is_said_to_be(apart, seed):
    found = found_in(tracks_of(apart=apart, seed=seed))
    assert not found["many"]
    assert found["judged"] == 200


def test_exchanged_labels_are_found_the_most_suspect_first():
    tracks = tracks_of(apart=0.8)
    # All in the second playlists, so that what judges them has learned from right labels: a
    # model taught by wrong labels expects as many.
    wrong = np.flatnonzero(np.char.endswith(tracks.groups, "-2"))[[1, 10, 25, 40, 60, 61, 72, 90]]
    y = tracks.y.copy()
    y[wrong] = 1 - y[wrong]
    found = found_in(replace(tracks, y=y))
    assert found["many"]
    named = [one["name"] for one in found["tracks"]]
    assert set(named[: len(wrong)]) == {f"track {i}" for i in wrong}
    first = found["tracks"][0]
    assert first["p_own"] == min(one["p_own"] for one in found["tracks"])
    assert {first["mood"], first["likely"]} == set(MOODS)
    assert first["p_likely"] > 0.9
    assert (first["table"], first["group"][-2:]) in {("t", "-1"), ("t", "-2")}


def test_a_long_list_is_cut_and_odd_groups_are_told_of_as_such(monkeypatch):
    tracks = tracks_of(n=400, apart=0.8)
    y = tracks.y.copy()
    spoiled = np.flatnonzero(tracks.groups == "Dark-2")[:40]
    y[spoiled] = 0
    groups = np.where(np.isin(np.arange(400), spoiled), "Happy-3", tracks.groups)
    changed = replace(tracks, y=y, groups=groups)
    monkeypatch.setattr("affetto.learning.noise.MOST_LISTED", 5)
    found = found_in(changed)
    assert found["found"] > 20
    assert [one["group"] for one in found["tracks"]] == ["Happy-3"] * 5
    without = found_in(changed, ["Happy-3"])
    assert without["left_out"] == ["Happy-3"]
    assert without["judged"] == 360
    assert not without["many"]


def test_probabilities_are_means_over_the_splits_that_judge():
    results = [
        FoldResult(np.zeros((1, 2)), np.array([[0.2, 0.8]]), 0.0),
        FoldResult(np.zeros((1, 2)), np.array([[0.4, 0.6]]), 0.0),
    ]
    judged = Judged([(np.array([1]), np.array([0]))] * 2, results, np.array([0, 1]))
    p = mean_probabilities(judged, 2)
    assert p[0] == pytest.approx([0.3, 0.7])
    assert np.isnan(p[1]).all()
