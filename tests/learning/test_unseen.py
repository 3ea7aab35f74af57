"""Protocols U and S, and recipes: nothing shared leaks, nothing unlearned is judged."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from affetto.errors import LabelError
from affetto.learning.pool import Pool
from affetto.learning.recipes import (
    ALONE,
    CLEANINGS,
    COMMITTEE,
    RECIPES,
    SIMPLE_RECIPES,
    Member,
    Recipe,
    fit_member,
    fit_recipe,
    recipe_for,
)
from affetto.learning.unseen import (
    choose,
    judge,
    judge_recipes,
    nested,
    one_source_teaches,
    unseen_playlists,
    unseen_sources,
    without_each,
)

FEATURES = ("energy", "acousticness", "valence")
MOODS = ("Energetic", "Relaxing", "Dark")
CENTRES = np.array([[0.85, 0.1, 0.6], [0.2, 0.8, 0.5], [0.5, 0.3, 0.2]])


def pool_of(*sources, n=30, seed=0):
    """Sources as mood indices; every mood of the first has two playlists."""
    draw = np.random.default_rng(seed)
    y, names, groups = [], [], []
    for number, moods in enumerate(sources):
        for mood in moods:
            y += [mood] * n
            names += [f"s{number}"] * n
            half = ["-1"] * (n // 2) + ["-2"] * (n // 2)
            groups += [f"s{number}: {mood}{end}" for end in (half if number == 0 else [""] * n)]
    y = np.array(y)
    X = np.clip(CENTRES[y] + 0.08 * draw.normal(size=(len(y), 3)), 0, 1)
    return Pool(X, y, MOODS, FEATURES, np.array(names), np.array(groups), np.arange(len(y)))


LINEAR = Recipe((Member("linear"),))


def test_unseen_playlists_share_no_group_and_no_track():
    pool = pool_of((0, 1, 2), (0, 1))
    pool.tracks[95] = pool.tracks[3]  # the other source holds a track of the home source
    protocol = unseen_playlists(pool, "s0")
    assert len(protocol.parts) == 8
    for part in protocol.parts:
        assert not set(pool.groups[part.train]) & set(part.units.tolist())
        assert not set(pool.tracks[part.train]) & set(pool.tracks[part.test])
        assert 95 not in part.train
        assert 96 in part.train
        assert (pool.sources[part.test] == "s0").all()
    assert "all 8 ways" in protocol.rule
    assert "1 further source" in protocol.rule


def test_unseen_sources_are_judged_among_what_they_hold_and_others_taught():
    pool = pool_of((0, 1, 2), (0, 1), (0,))
    pool.tracks[91] = pool.tracks[0]
    protocol = unseen_sources(pool)
    # s2 holds one mood: nothing to tell apart; nobody else can teach the third.
    assert [str(part.units[0]) for part in protocol.parts] == ["s0", "s1"]
    first, second = protocol.parts
    assert first.moods.tolist() == second.moods.tolist() == [0, 1]
    assert 0 not in first.test
    assert 91 not in second.test
    judged = judge_recipes([LINEAR], pool, protocol)[LINEAR]
    for p in judged.p:
        assert not p[:, 2].any()
        assert_allclose(p.sum(axis=1), 1)
    assert judged.by_source()["s1"]["balanced_accuracy"] > 0.95


def test_nothing_to_keep_unseen_is_said():
    with pytest.raises(LabelError, match="no source is named 'x'; there are s0"):
        unseen_playlists(pool_of((0, 1, 2)), "x")
    with pytest.raises(LabelError, match="no source can be kept unseen"):
        unseen_sources(pool_of((0, 1, 2)))


def test_measures_of_an_easy_pool():
    pool = pool_of((0, 1, 2), (0, 1))
    judged = judge_recipes([LINEAR], pool, unseen_playlists(pool, "s0"))[LINEAR]
    found = judged.as_dict()
    assert found["balanced_accuracy"] > 0.95
    low, high = found["intervals"]["balanced_accuracy"]
    assert 0.9 < low <= found["balanced_accuracy"] <= high <= 1
    assert found["folds"] == 8
    assert len(judged.losses()) == 6


def test_a_recipe_is_the_mean_of_its_members():
    pool = pool_of((0, 1, 2))
    members = (Member("linear"), Member("quadratic"), Member("densities"), Member("trees"))
    model = fit_recipe(Recipe(members), pool)
    each = [fit_member(member, pool).probabilities(pool.X) for member in members]
    assert_allclose(model.predict_proba(pool.X), np.mean(each, axis=0), atol=1e-12)
    assert (model.predict(pool.X) == np.array(MOODS)[pool.y]).mean() > 0.95


@pytest.mark.parametrize("kind", ["linear", "quadratic", "densities", "trees"])
def test_gaps_and_moods_not_taught_are_survived(kind):
    pool = pool_of((0, 1), (0, 1))
    pool.X[pool.sources == "s1", 1] = np.nan
    p = fit_member(Member(kind), pool).probabilities(CENTRES[:2])
    assert p.shape == (2, 3)
    assert (p[:, 2] < 1e-6).all()
    assert p.argmax(axis=1).tolist() == [0, 1]


def test_cleaning_leaves_out_what_lies_in_the_opposite_half():
    pool = pool_of((0, 1, 2))
    pool.X[pool.y == 0, 0] = 0.3  # a calm idea of energetic …
    pool.X[:2, 0] = 0.95  # … but for two tracks
    plain = fit_member(Member("linear", penalty=0.01), pool)
    cleaned = fit_member(Member("linear", penalty=0.01, cleaning="places"), pool)
    calm, loud = np.array([[0.2, 0.1, 0.6]]), np.array([[0.95, 0.1, 0.6]])
    assert plain.probabilities(calm)[0, 0] > plain.probabilities(loud)[0, 0]
    assert cleaned.probabilities(calm)[0, 0] < cleaned.probabilities(loud)[0, 0]


@pytest.mark.parametrize("kind", ["linear", "quadratic"])
def test_cleaned_in_every_way_stands_between_the_ways(kind):
    pool = pool_of((0, 1, 2))
    pool.X[pool.y == 0, 0] = np.linspace(0.3, 0.95, 30)
    each = [fit_member(Member(kind, cleaning=way), pool) for way in CLEANINGS]
    every = fit_member(Member(kind, cleaning="every"), pool).probabilities(CENTRES)
    apart = np.array([one.probabilities(CENTRES) for one in each])
    assert (every >= apart.min(axis=0) - 0.02).all()
    assert (every <= apart.max(axis=0) + 0.02).all()
    assert np.abs(every - apart.mean(axis=0)).max() < 0.05


def test_cleaning_may_not_take_all_but_one_mood():
    pool = pool_of((0, 1))
    pool.X[pool.y == 0, 0] = 0.3
    with pytest.raises(LabelError, match="fewer than two moods are left"):
        fit_member(Member("linear", cleaning="places"), pool)
    # Of all ways, one that takes a mood away is passed over.
    p = fit_member(Member("linear", cleaning="every"), pool).probabilities(pool.X)
    assert (p.argmax(axis=1) == pool.y).mean() > 0.95


def test_the_nested_choice_never_uses_the_judged_unit():
    good, bad = Recipe((Member("linear"),)), Recipe((Member("trees"),))
    losses = {good: {"a": 0.1, "b": 9.0}, bad: {"a": 0.2, "b": 0.2}}
    assert choose(losses) is bad
    assert choose(losses, without={"b"}) is good
    pool = pool_of((0, 1, 2), (0, 1, 2), (0, 1, 2))
    judged = judge_recipes([good, bad], pool, unseen_sources(pool))
    judgement, chosen = nested(judged)
    assert sum(chosen.values()) == len(judgement.p) == 3


def test_a_learner_of_any_kind_can_be_judged():
    pool = pool_of((0, 1, 2), (0, 1))

    def majority(learned):
        share = np.bincount(learned.y, minlength=3) / len(learned)
        return lambda X: np.tile(share, (len(X), 1))

    judged = judge(majority, pool, unseen_sources(pool))
    assert [side.balanced_accuracy() for side in judged.sides] == [0.5, 0.5]


def test_recipes_go_from_simple_to_intricate_and_differ():
    named = [str(recipe) for recipe in (*SIMPLE_RECIPES, *RECIPES)]
    assert len(set(named)) == len(named)
    assert [len(r.members) for r in RECIPES] == sorted(len(r.members) for r in RECIPES)
    assert COMMITTEE in RECIPES
    assert ALONE in SIMPLE_RECIPES


def test_one_source_is_learned_from_more_simply_than_many():
    assert recipe_for(pool_of((0, 1, 2))) is ALONE
    assert recipe_for(pool_of((0, 1, 2), (0, 1))) is COMMITTEE


@pytest.mark.parametrize("kind", ["densities", "trees"])
def test_a_row_counts_by_the_share_of_ways_that_keep_it(kind):
    # Half of what is called energetic is calm: kept by two ways to clean of four.
    pool = pool_of((0, 1, 2), n=80)
    pool.X[:40, 0] = np.clip(pool.X[:40, 0] - 0.55, 0, 1)
    calm = np.array([[0.3, 0.1, 0.6]])
    every, none, places = (
        fit_member(Member(kind, cleaning=way), pool).probabilities(calm)[0, 0]
        for way in ("every", "none", "places")
    )
    assert places < every < none


def test_one_source_teaches_and_every_other_judges():
    pool = pool_of((0, 1, 2), (0, 1), (0,), (1, 2))
    pool.tracks[95] = pool.tracks[3]  # s1 holds a track of s0
    protocol = one_source_teaches(pool)
    found = {str(part.units[0]): part for part in protocol.parts}
    # s2 holds one mood and can neither teach nor judge; s1 and s3 share one mood only.
    assert set(found) == {"s0 → s1", "s0 → s3", "s1 → s0", "s3 → s0"}
    assert found["s1 → s0"].moods.tolist() == [0, 1]
    assert 3 not in found["s1 → s0"].test
    assert 95 not in found["s0 → s1"].test
    for name, part in found.items():
        teacher, judging = name.split(" → ")
        assert set(pool.sources[part.train]) == {teacher}
        assert set(pool.sources[part.test]) == {judging}
    judged = judge_recipes([LINEAR], pool, protocol)[LINEAR]
    again = judge(lambda learned: fit_recipe(LINEAR, learned).predict_proba, pool, protocol)
    for ours, theirs in zip(judged.p, again.p, strict=True):
        assert_allclose(ours, theirs, atol=1e-12)
    with pytest.raises(LabelError, match="no two sources share two moods"):
        one_source_teaches(pool_of((0, 1), (1, 2)))


def test_a_source_that_misleads_the_others_is_named():
    pool = pool_of((0, 1), (0, 1), (0, 1), (0, 1), (0, 1))
    bad = pool.sources == "s3"
    pool.y[bad] = 1 - pool.y[bad]  # it calls calm what the others call energetic
    found = without_each(LINEAR, pool, unseen_sources(pool))
    assert found[0]["source"] == "s3"
    assert found[0]["hurts"]
    assert not found[0]["helps"]
    assert found[0]["log_loss"] < 0
    assert found[0]["judged"] == 4
    assert [row["hurts"] for row in found[1:]] == [False] * 4
    # One that alone teaches a mood to others is judged by none that hold it.
    alone = pool_of((0, 1, 2), (0, 1), (0, 1), (1, 2))
    rows = {row["source"]: row for row in without_each(LINEAR, alone, unseen_sources(alone))}
    assert rows["s3"]["judged"] == 2
