"""Splits: the article's own, strata kept, no group on both sides, refusals that say why."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from sklearn.model_selection import train_test_split

from affetto.errors import LabelError, UsageError
from affetto.learning.dataset import gather
from affetto.learning.labels import resolve_tables
from affetto.learning.splits import (
    MIN_LEARNING,
    fewest,
    folds,
    group_splits,
    hold_out,
    repeated_folds,
    source_splits,
    thin,
)

MOODS = ("Energetic", "Relaxing", "Dark")


def labels_of(**counts):
    """Labels in a shuffled order, ``labels_of(Happy=20, Dark=30)``."""
    labels = np.repeat(list(counts), list(counts.values()))
    return np.random.default_rng(1).permutation(labels)


def playlists(*sizes):
    """Moods and groups: a row of sizes a mood, a size a playlist."""
    y = np.repeat(np.arange(len(sizes)), [sum(own) for own in sizes])
    groups = np.concatenate(
        [
            np.repeat([f"{mood}-{number}" for number in range(len(own))], own)
            for mood, own in enumerate(sizes)
        ]
    )
    order = np.random.default_rng(2).permutation(len(y))
    return y[order], groups[order]


@pytest.fixture(scope="module")
def article(data_dir):
    """The article's larger table as it stands, duplicates and all."""
    del data_dir  # skips where the tables are absent
    tracks, _ = gather(resolve_tables("dataset:article"), group="playlist", keep_duplicates=True)
    return tracks


# ---------------------------------------------------------------- one split


@pytest.mark.data
def test_the_articles_own_split(article):
    assert len(article) == 913
    wanted = train_test_split(
        range(913), test_size=0.33, random_state=42, stratify=list(article.labels)
    )
    train, test = hold_out(article.labels)
    assert_array_equal(train, wanted[0])
    assert_array_equal(test, wanted[1])
    assert (len(train), len(test)) == (611, 302)


def test_the_split_goes_by_names_and_not_by_the_order_of_moods():
    labels = labels_of(Happy=40, Dark=30)
    renamed = np.where(labels == "Happy", "A", "B")  # turns the alphabetical order round
    assert not np.array_equal(hold_out(labels)[1], hold_out(renamed)[1])


@given(
    counts=st.lists(st.integers(10, 60), min_size=2, max_size=6),
    test_size=st.sampled_from([0.2, 0.33, 0.5]),
    seed=st.integers(0, 1000),
)
@settings(max_examples=40, deadline=None)
def test_both_sides_have_the_same_mix_and_no_track_twice(counts, test_size, seed):
    labels = labels_of(**{f"m{i}": n for i, n in enumerate(counts)})
    try:
        train, test = hold_out(labels, test_size, seed)
    except UsageError:
        assert min(counts) * (1 - test_size) < MIN_LEARNING + 1
        return
    assert_array_equal(np.sort(np.concatenate([train, test])), np.arange(len(labels)))
    on_test = Counter(labels[test])
    for index, n in enumerate(counts):
        assert abs(on_test[f"m{index}"] - test_size * n) <= 1.5


def test_another_seed_another_split_and_the_same_seed_the_same():
    labels = labels_of(Happy=40, Dark=30)
    assert_array_equal(hold_out(labels, seed=1)[1], hold_out(labels, seed=1)[1])
    assert not np.array_equal(hold_out(labels, seed=1)[1], hold_out(labels, seed=2)[1])


def test_a_test_side_too_small_for_the_moods_is_refused():
    with pytest.raises(UsageError, match=r"leaves 2 of 100 tracks to test on, fewer than the 3"):
        hold_out(labels_of(a=30, b=30, c=40), test_size=0.02)


@pytest.mark.parametrize("test_size", [0.6, 0.95, 0.999])
def test_a_training_side_too_small_for_a_mood_is_refused(test_size):
    with pytest.raises(UsageError, match=r"fewer than 5 of the 10 b tracks to learn from; choose"):
        hold_out(labels_of(a=90, b=10), test_size=test_size)


def test_a_mood_with_one_track_is_refused():
    with pytest.raises(UsageError, match="fewer than 5 of the 1 b tracks"):
        hold_out(labels_of(a=30, b=1))


# ---------------------------------------------------------------- folds


def test_folds_judge_every_track_once_and_keep_the_mix():
    y = np.repeat([0, 1, 2], [50, 30, 20])
    made = folds(y, 5, seed=3)
    assert len(made) == 5
    assert_array_equal(np.sort(np.concatenate([test for _, test in made])), np.arange(100))
    for train, test in made:
        assert not set(train) & set(test)
        assert len(train) + len(test) == 100
        assert_array_equal(np.bincount(y[test]), [10, 6, 4])


def test_folds_are_shuffled_by_the_seed():
    y = np.repeat([0, 1], 20)
    one, same, other = folds(y, seed=1), folds(y, seed=1), folds(y, seed=2)
    assert all(np.array_equal(a[1], b[1]) for a, b in zip(one, same, strict=True))
    assert not all(np.array_equal(a[1], b[1]) for a, b in zip(one, other, strict=True))
    assert not np.array_equal(np.sort(one[0][1]), np.r_[0:4, 20:24])


def test_repeats_are_drawn_anew_and_come_one_after_the_other():
    y = np.repeat([0, 1], 25)
    made = repeated_folds(y, 5, 3, seed=1)
    assert len(made) == 15
    repeats = [made[start : start + 5] for start in (0, 5, 10)]
    for repeat in repeats:
        assert_array_equal(np.sort(np.concatenate([test for _, test in repeat])), np.arange(50))
    assert not np.array_equal(repeats[0][0][1], repeats[1][0][1])


def test_a_rare_mood_has_fewer_folds():
    y = np.repeat([0, 2], [30, 3])  # no track of mood 1 at all
    assert fewest(y, 5) == 3
    assert fewest(y, 2) == 2
    assert len(folds(y, 5)) == 3
    assert len(repeated_folds(y, 5, 2)) == 6


# ---------------------------------------------------------------- groups


@pytest.mark.data
def test_the_articles_playlists_are_held_out_in_32_ways(article):
    made = group_splits(article.y, article.groups, article.moods)
    assert made.rule == "one group of every mood held out, all 32 ways"
    held = [frozenset(article.groups[test]) for _, test in made.splits]
    assert len(set(held)) == 32
    for (train, test), out in zip(made.splits, held, strict=True):
        assert len(out) == 5
        assert {name.rpartition("-")[0] for name in out} == set(article.moods)
        assert len(train) + len(test) == 913
        assert not out & set(article.groups[train])
    assert Counter(name for out in held for name in out) == dict.fromkeys(
        np.unique(article.groups), 16
    )


def test_all_ways_where_they_are_few():
    y, groups = playlists([10, 12], [9, 8, 7])
    made = group_splits(y, groups, MOODS[:2])
    assert made.rule == "one group of every mood held out, all 6 ways"
    assert {tuple(sorted(set(groups[test]))) for _, test in made.splits} == {
        (f"0-{a}", f"1-{b}") for a in range(2) for b in range(3)
    }


def test_many_ways_are_sampled_without_repeats_and_evenly():
    y, groups = playlists([6, 6, 6], [6, 6, 6], [6, 6, 6, 6])  # 36 ways
    made = group_splits(y, groups, MOODS, seed=5)
    assert made.rule == "one group of every mood held out, 32 of 36 ways drawn at random"
    held = [tuple(sorted(set(groups[test]))) for _, test in made.splits]
    assert len(held) == len(set(held)) == 32
    often = Counter(name for out in held for name in out)
    assert set(often) == set(groups)
    assert max(often[f"0-{i}"] for i in range(3)) <= 12  # 32 / 3
    again = group_splits(y, groups, MOODS, seed=5)
    assert [tuple(test) for _, test in again.splits] == [tuple(test) for _, test in made.splits]
    other = group_splits(y, groups, MOODS, seed=6)
    assert [tuple(test) for _, test in other.splits] != [tuple(test) for _, test in made.splits]


def test_of_very_many_ways_every_group_is_held_out_about_equally_often():
    y, groups = playlists([6] * 8, [6] * 8, [6] * 4)
    made = group_splits(y, groups, MOODS, limit=16)
    assert made.rule == "one group of every mood held out, 16 of 256 ways drawn at random"
    often = Counter(name for _, test in made.splits for name in set(groups[test]))
    assert [often[f"{mood}-0"] for mood in range(3)] == [2, 2, 4]
    assert set(often.values()) == {2, 4}


def test_many_groups_of_every_mood_are_dealt_into_folds_of_like_size():
    sizes = [[40, 6, 6, 6, 6, 6, 40], [10] * 5, [9] * 12]
    y, groups = playlists(*sizes)
    made = group_splits(y, groups, MOODS)
    assert made.rule == "the groups of every mood dealt into 5 folds"
    assert made.even
    held = [set(groups[test].tolist()) for _, test in made.splits]
    assert sorted(name for out in held for name in out) == sorted(set(groups))  # each once
    for (train, test), out in zip(made.splits, held, strict=True):
        assert not out & set(groups[train])
        assert len(train) + len(test) == len(y)
        assert sum(name.startswith("1-") for name in out) == 1
        assert sum(name.startswith("2-") for name in out) in {2, 3}
    assert not any({"0-0", "0-6"} <= out for out in held)  # the two long ones


def test_so_many_ways_that_they_overflow():
    y, groups = playlists(*[[6] * 3] * 11, [1] * 100)
    made = group_splits(y, groups, [f"m{i}" for i in range(12)], limit=3)
    assert "m0" not in made.rule
    assert f"of {3**11 * 100:,} ways" in made.rule


def test_groups_that_cross_moods_are_folded():
    y = np.tile([0, 1], 50)
    groups = np.repeat([f"artist {i}" for i in range(10)], 10)
    made = group_splits(y, groups, MOODS[:2])
    assert made.rule == "5 folds of whole groups, as groups cross moods"
    assert_array_equal(np.sort(np.concatenate([test for _, test in made.splits])), np.arange(100))


def test_a_mood_with_one_group_is_never_held_out():
    y, groups = playlists([20, 20], [20, 20], [20])
    made = group_splits(y, groups, MOODS)
    assert made.rule == (
        "one group of every mood that has several held out, all 4 ways; "
        "Dark, with one group only, never judged"
    )
    assert len(made.splits) == 4
    for train, test in made.splits:
        assert set(y[train]) == {0, 1, 2}
        assert set(y[test]) == {0, 1}


def test_splits_that_leave_too_few_tracks_to_learn_are_left_out():
    y, groups = playlists([20, 4], [20, 20])
    made = group_splits(y, groups, MOODS[:2])
    assert len(made.splits) == 2  # holding 0-0 out would leave four tracks of mood 0
    assert made.rule.endswith(
        "all 2 ways; 1 never held out, as too little of their mood would be left"
    )
    assert all("0-1" in groups[test] for _, test in made.splits)


@given(
    y=st.lists(st.integers(0, 2), min_size=30, max_size=80),
    n_groups=st.integers(2, 9),
    crossing=st.booleans(),
    seed=st.integers(0, 99),
)
@settings(max_examples=80, deadline=None)
def test_no_group_ever_stands_on_both_sides(y, n_groups, crossing, seed):
    y = np.array([0, 1, 2, *y])
    groups = np.random.default_rng(seed).integers(0, n_groups, len(y)).astype(str)
    if not crossing:
        groups = np.char.add(groups, np.char.add("-", y.astype(str)))
    try:
        made = group_splits(y, groups, MOODS, seed=seed)
    except LabelError as exc:
        assert "no group can be kept unseen" in str(exc)
        return
    assert made.splits
    for train, test in made.splits:
        assert len(test) > 0
        assert not set(groups[train]) & set(groups[test])
        assert_array_equal(np.sort(np.concatenate([train, test])), np.arange(len(y)))
        assert np.bincount(y[train], minlength=3).min() >= MIN_LEARNING


@pytest.mark.parametrize(
    ("sizes", "named"),
    [
        ([[20], [20], [20]], "Energetic, Relaxing, Dark"),  # grouped by mood
        ([[3, 4], [4, 4], [20, 20]], "Energetic, Relaxing"),  # of Dark alone, any guess is right
        ([[20, 20], [4, 4], [2, 2, 2]], "Relaxing, Dark"),
    ],
)
def test_where_nothing_can_be_unseen_the_moods_to_blame_are_named(sizes, named):
    y, groups = playlists(*sizes)
    with pytest.raises(LabelError, match=f"unseen: {named} would keep fewer than 5 tracks"):
        group_splits(y, groups, MOODS)


def test_a_mood_of_small_groups_does_not_keep_the_others_from_being_judged():
    y, groups = playlists([3, 4], [20, 20], [20, 20])
    made = group_splits(y, groups, MOODS)
    assert made.rule.endswith("all 4 ways; Energetic, with fewer than 5 tracks outside one group, "
                              "never judged")  # fmt: skip
    assert all(set(y[test]) == {1, 2} for _, test in made.splits)


def test_many_moods_to_blame_are_not_all_listed():
    y, groups = playlists(*[[4, 4]] * 9)
    with pytest.raises(LabelError, match=r"m5, 3 more would .* too small. Add tracks or playlists"):
        group_splits(y, groups, [f"m{i}" for i in range(9)])


def test_groups_that_cross_and_yet_cannot_be_held_out():
    y = np.repeat([0, 1, 1, 2], 10)
    groups = np.repeat(["one", "one", "two", "two"], 10)
    with pytest.raises(
        LabelError, match=r"Energetic, Dark would keep .* Add a second playlist of each"
    ):
        group_splits(y, groups, MOODS)


def test_a_single_group_is_refused():
    with pytest.raises(LabelError, match="no group can be kept unseen: Energetic, Relaxing"):
        group_splits(np.repeat([0, 1], 20), ["one"] * 40, MOODS[:2])


def test_thinning_keeps_every_moods_share():
    y = np.repeat([0, 1, 2], [6000, 3000, 30])
    rows = thin(y, 900, seed=1)
    assert np.bincount(y[rows]).tolist() == [598, 299, 20]
    assert np.all(np.diff(rows) > 0)
    assert np.array_equal(rows, thin(y, 900, seed=1))
    assert not np.array_equal(rows, thin(y, 900, seed=2))


def test_short_tables_are_not_thinned():
    y = np.array([0, 1, 0, 1])
    assert thin(y, 4).tolist() == [0, 1, 2, 3]


# ---------------------------------------------------------------- whole sources


def test_source_splits_keep_shared_tracks_and_untaught_moods_from_judging():
    sources = np.array(list("aaaabbbbc"))
    y = np.array([0, 0, 1, 2, 0, 1, 1, 0, 1])
    tracks = np.array([0, 1, 2, 3, 0, 5, 6, 7, 8])
    made = source_splits(sources, y, tracks)
    # c holds one mood; mood 2 is a's alone; track 0 stands in both.
    assert [(list(train), list(test)) for train, test in made] == [
        ([4, 5, 6, 7, 8], [1, 2]),
        ([0, 1, 2, 3, 8], [5, 6, 7]),
    ]
