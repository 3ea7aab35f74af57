"""Learning curves over playlists and tracks: exponents that are known, and those that are not."""

from dataclasses import replace

import numpy as np
import pytest

from affetto.learning import needs as module
from affetto.learning.candidates import BY_NAME
from affetto.learning.comparison import Judge, Judged
from affetto.learning.contest import Cells
from affetto.learning.dataset import LabelledTracks
from affetto.learning.needs import needs
from affetto.learning.splits import group_splits

MOODS = ("Energetic", "Relaxing", "Dark")
SETTINGS = {"logistic": {"C": 1.0}}


def tracks_of(n_playlists, n=20, apart=(0.2, 0.2, 0.2), seed=0):
    """Playlists scattered about the place of their mood, as far as `apart` says."""
    draw = np.random.default_rng(seed)
    X, y, groups = [], [], []
    centres = np.array([[0.9, 0.5, 0.2], [0.1, 0.8, 0.8], [0.4, 0.1, 0.4]])
    for mood, count in enumerate(n_playlists):
        for number in range(count):
            place = centres[mood] + apart[mood] * draw.normal(size=3)
            X.append(np.clip(place + 0.06 * draw.normal(size=(n, 3)), 0, 1))
            y += [mood] * n
            groups += [f"{MOODS[mood]}-{number}"] * n
    return LabelledTracks(
        np.concatenate(X), np.array(y), MOODS, ("energy", "valence", "acousticness"),
        np.array(groups), np.full(len(y), "t"), np.array([f"track {i}" for i in range(len(y))]),
    )  # fmt: skip


def needs_of(tracks):
    judge = Judge(tracks, 42, 1, lambda *step: None)
    logistic = BY_NAME["logistic"]
    made = group_splits(tracks.y, tracks.groups, tracks.moods)
    unseen = judge.judge([logistic], SETTINGS, made.splits, "")["logistic"]
    return needs(judge, logistic, SETTINGS, made, unseen)


def cells_of(n_moods, n_groups):
    y = np.repeat(np.arange(n_moods), n_groups)
    return Cells.of(y, np.array([f"{mood}-{i}" for i, mood in enumerate(y)]))


@pytest.mark.parametrize("exponent", [0.2, 0.5, 1.0])
def test_the_exponent_of_a_power_law_is_found(exponent):
    cells = cells_of(3, 6)
    scale = np.array([0.3, 0.5, 0.2])[cells.moods]
    levels = [1.0, 2.0, 4.0]
    measured = [(np.full(18, g), scale * g**-exponent) for g in levels]
    curve = module._curve(measured, cells, 1)
    assert curve["exponent"] == pytest.approx(exponent, abs=0.011)
    assert curve["low"] == pytest.approx(exponent, abs=0.02)
    # The 95% interval is a bootstrap over few groups: it should cover most of the time.
    covered, widths = 0, []
    for seed in range(20):
        noise = 0.05 * np.random.default_rng(seed).normal(size=(3, 18))
        noisy = [(g, values + e) for (g, values), e in zip(measured, noise, strict=True)]
        wide = module._curve(noisy, cells, seed)
        covered += wide["low"] <= exponent <= wide["high"]
        widths.append(wide["high"] - wide["low"])
    assert covered >= 14
    assert np.mean(widths) > 0.03


def test_without_two_levels_there_is_no_exponent():
    cells = cells_of(3, 6)
    flat = [(np.ones(18), np.full(18, 0.4))] * 2
    assert module._curve(flat, cells, 1) == {"exponent": None, "low": None, "high": None}


def test_doubling_follows_the_law_and_is_silent_where_it_may_not_fall():
    sure = {"exponent": 1.0, "low": 0.5, "high": 2.0}
    more = module._doubled(0.4, 3, sure)
    assert more["groups"] == 6
    # With one unseen, two teach; of six, five would.
    assert (more["recall"], more["high"]) == pytest.approx((1 - 0.4 / 2.5, 1 - 0.4 / 2.5**2))
    assert more["low"] == pytest.approx(1 - 0.4 / np.sqrt(2.5))
    assert module._doubled(0.4, 1, sure) is None
    assert module._doubled(0.4, 3, {**sure, "low": -0.1}) is None
    assert "cannot be told" in module._words({**sure, "low": -0.1}, "playlists")
    assert "takes 50% off the misses (95% interval 29% to 75%)" in module._words(sure, "playlists")


def test_groups_of_one_track_each_are_counted_up_from_as_many_as_can_be_learned():
    tracks = tracks_of((3, 3, 3))
    alone = replace(tracks, groups=np.array([f"artist {i}" for i in range(len(tracks.y))]))
    made = group_splits(alone.y, alone.groups, alone.moods, limit=4)
    judge = Judge(alone, 42, 1, lambda *step: None)
    committee = BY_NAME["committee"]
    settings = {"committee": dict(committee.settings)}
    unseen = judge.judge([committee], settings, made.splits, "")["committee"]
    found = needs(judge, committee, settings, made, unseen)
    assert all(0 <= row["recall"] <= 1 for row in found["moods"])


def test_two_playlists_a_mood_cannot_tell_how_much_more_would_bring():
    found = needs_of(tracks_of((2, 2, 2)))
    assert found["by_groups"]["exponent"] is None
    assert "cannot be told" in found["by_groups"]["words"]
    assert all(row["doubled"] is None for row in found["moods"])


def test_the_mood_whose_playlists_differ_needs_most():
    found = needs_of(tracks_of((4, 4, 4), apart=(0.02, 0.02, 0.5)))
    assert found["moods"][0]["mood"] == "Dark"
    priorities = [row["priority"] for row in found["moods"]]
    assert priorities == sorted(priorities, reverse=True)
    assert [point["n"] for point in found["by_groups"]["points"]] == [1, 2, 3]
    assert [point["share"] for point in found["by_tracks"]["points"]] == [0.25, 0.5, 1.0]


def test_of_two_moods_as_often_missed_the_one_with_fewer_playlists_comes_first(monkeypatch):
    tracks = tracks_of((2, 6, 6), apart=(0.02, 0.02, 0.02))
    made = group_splits(tracks.y, tracks.groups, tracks.moods)
    judge = Judge(tracks, 42, 1, lambda *step: None)
    logistic = BY_NAME["logistic"]
    unseen = judge.judge([logistic], SETTINGS, made.splits, "")["logistic"]
    # Every second track of each judged group is said to be of another mood.
    results = []
    for (_, test), result in zip(made.splits, unseen.results, strict=True):
        p = np.eye(3)[(tracks.y[test] + np.arange(len(test)) % 2) % 3]
        results.append(replace(result, p_test=p))
    half = Judged(unseen.splits, results, tracks.y)
    found = needs(judge, logistic, SETTINGS, made, half)["moods"]
    assert found[0]["mood"] == "Energetic"
    assert found[0]["recall"] == pytest.approx(0.5)
    assert found[0]["priority"] == pytest.approx(0.5 * np.log(3 / 2))


def test_a_mood_that_was_never_judged_has_no_figures():
    found = needs_of(tracks_of((3, 3, 1)))
    (row,) = [row for row in found["moods"] if row["mood"] == "Dark"]
    assert (row["recall"], row["priority"], row["doubled"]) == (None, None, None)
    assert found["moods"][-1] is row
