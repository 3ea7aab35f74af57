"""One contract for every candidate; the preparation of features; settings and grids."""

import json
from math import isfinite

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from threadpoolctl import threadpool_limits

from affetto.errors import UsageError
from affetto.features import FEATURE_NAMES
from affetto.learning import candidates as module
from affetto.learning.candidates import (
    BY_NAME,
    CANDIDATES,
    LOGISTIC_CS,
    NETWORK_ALPHAS,
    NETWORK_WIDTHS,
    Prepare,
    article_width,
    build,
    get_candidate,
)
from affetto.learning.fitting import FoldResult, Job, Origin, fit_pipelines, run_job, vote
from affetto.learning.splits import folds
from affetto.scorers import Clip, Log10, Polynomial, Standardise

VOTE = BY_NAME["vote"]
SINGLE = [candidate for candidate in CANDIDATES if not candidate.members]
each_single = pytest.mark.parametrize("candidate", SINGLE, ids=lambda c: c.name)
each_candidate = pytest.mark.parametrize("candidate", CANDIDATES, ids=lambda c: c.name)
SHAPES = {"5 moods": (5, FEATURE_NAMES), "2 moods": (2, FEATURE_NAMES)}
JOINT = {"vote", "committee"}
"""Not built as one scikit-learn estimator."""
LEAVES = {"min_samples_leaf"}
"""Unseen playlists want larger ones than random folds do."""
SHAPES["3 features"] = (3, ("energy", "valence", "acousticness"))
each_shape = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """More would fight over the cores: boosting then takes a hundred times as long."""
    with threadpool_limits(1):
        yield


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Small forests and committees are as good to test with."""
    monkeypatch.setattr(module, "N_TREES", 25)


def origin_of(n_moods):
    return Origin(tuple(f"mood {index}" for index in range(n_moods)))


def songs(n_moods, features, n=90, spread=0.06):
    """Songs whose moods lie apart, on a line in each feature; values between 0 and 1."""
    draw = np.random.default_rng(5)
    y = np.arange(n) % n_moods
    places = np.stack(
        [draw.permutation(np.linspace(0.15, 0.85, n_moods)) for _ in features], axis=1
    )
    return np.clip(places[y] + draw.normal(size=(n, len(features))) * spread, 0, 1), y


def job_for(candidate, shape, settings=({},), n_folds=2, **options):
    n_moods, features = shape
    X, y = songs(n_moods, features, **options)
    return Job(
        candidate.name, tuple(settings), tuple(folds(y, n_folds)), X, y, features,
        origin_of(n_moods), 7,
    )  # fmt: skip


# ---------------------------------------------------------------- the contract


@each_single
@each_shape
def test_probabilities_of_every_candidate(candidate, shape):
    job = job_for(candidate, shape)
    ((first, second),) = run_job(job)
    for result, (train, test) in zip((first, second), job.splits, strict=True):
        for p, side in ((result.p_train, train), (result.p_test, test)):
            assert p.shape == (len(side), len(job.origin.moods))
            assert np.isfinite(p).all()
            assert (p >= 0).all()
            assert_allclose(p.sum(axis=1), 1, atol=1e-6)
        assert result.seconds > 0
        right = (result.p_test.argmax(axis=1) == job.y[test]).mean()
        if candidate.name == "majority":
            assert_allclose(result.p_test, np.bincount(job.y[train])[None] / len(train) + 0 * p)
        else:
            assert right > 0.9  # the majority has at most .5


@each_single
def test_every_candidate_is_deterministic(candidate):
    job = job_for(candidate, SHAPES["5 moods"], n_folds=2, spread=0.2)
    for one, again in zip(run_job(job)[0], run_job(job)[0], strict=True):
        assert_array_equal(one.p_test, again.p_test)
        assert_array_equal(one.p_train, again.p_train)


@each_single
def test_no_candidate_changes_what_it_is_given(candidate):
    job = job_for(candidate, SHAPES["3 features"])
    X, y = job.X.copy(), job.y.copy()
    run_job(job)
    assert_array_equal(job.X, X)
    assert_array_equal(job.y, y)


@each_candidate
@each_shape
def test_every_candidate_can_be_saved_and_is_then_the_same(candidate, shape):
    n_moods, features = shape
    X, y = songs(n_moods, features, spread=0.2)
    new = np.random.default_rng(1).uniform(0, 1, (200, len(features)))
    settings = {name: BY_NAME[name].settings for name in BY_NAME}
    pipelines, weights = fit_pipelines(candidate, settings, X, y, features=features, seed=7)
    assert sum(weights) == pytest.approx(1)
    saved = sum(w * p.probabilities(new) for w, p in zip(weights, pipelines, strict=True))
    if candidate.name == "committee":
        job = Job("committee", ({},), ((np.arange(90), np.arange(90)),), X, y, features,
                  origin_of(n_moods), 7)  # fmt: skip
        learned = sum(w * p.probabilities(X) for w, p in zip(weights, pipelines, strict=True))
        assert_allclose(run_job(job)[0][0].p_test, learned)
        return
    members = [BY_NAME[name] for name in candidate.members] or [candidate]
    theirs = [
        build(member, member.settings, features=features, n_moods=n_moods, seed=7)
        .fit(X, y)
        .predict_proba(new)
        for member in members
    ]
    assert_allclose(saved, np.mean(theirs, axis=0), atol=1e-6)


@pytest.mark.parametrize("name", ["network", "network-tuned", "network-committee"])
def test_networks_trained_as_a_stack_equal_those_fitted_one_by_one(name):
    job = job_for(BY_NAME[name], SHAPES["5 moods"], spread=0.15)
    (stacked,) = run_job(job)
    for result, (train, test) in zip(stacked, job.splits, strict=True):
        alone = build(BY_NAME[name], {}, features=job.features, n_moods=5, seed=7)
        p = alone.fit(job.X[train], job.y[train]).predict_proba(job.X[test])
        assert (p.argmax(axis=1) == result.p_test.argmax(axis=1)).mean() > 0.95
        assert np.abs(p - result.p_test).mean() < 0.02


def test_a_committee_is_the_mean_of_different_starts():
    name, point = "network-committee", {"width": 4, "alpha": 0.1}
    (alone,), (committee,) = (
        run_job(job_for(BY_NAME[name], SHAPES["5 moods"], ({**point, "restarts": n},), spread=0.2))
        for n in (1, 4)
    )
    difference = np.abs(alone[0].p_test - committee[0].p_test)
    assert 0.005 < difference.mean() < 0.2


def test_networks_of_several_settings_come_back_in_order():
    grid = ({"width": 2, "alpha": 10.0}, {"width": 8, "alpha": 0.01}, {"width": 2, "alpha": 0.01})
    job = job_for(BY_NAME["network-tuned"], SHAPES["3 features"], grid, spread=0.15)
    together = run_job(job)
    for setting, results in zip(grid, together, strict=True):
        (alone,) = run_job(
            job_for(BY_NAME["network-tuned"], SHAPES["3 features"], (setting,), spread=0.15)
        )
        for one, other in zip(results, alone, strict=True):
            assert np.abs(one.p_test - other.p_test).mean() < 0.03


@each_single
def test_a_mood_that_the_learning_side_lacks(candidate):
    """Only group splits make such; the mood must keep its column."""
    X, y = songs(3, SHAPES["3 features"][1])
    train, test = np.flatnonzero(y != 1), np.flatnonzero(y == 1)
    features = SHAPES["3 features"][1]
    job = Job(candidate.name, ({},), ((train, test),), X, y, features, origin_of(3), 7)
    ((result,),) = run_job(job)
    assert result.p_test.shape == (len(test), 3)
    assert_allclose(result.p_test.sum(axis=1), 1, atol=1e-6)
    assert result.p_test[:, 1].max() < 0.2


@each_single
def test_a_rare_mood_is_no_reason_to_fail(candidate):
    X, y = songs(3, FEATURE_NAMES, n=90)
    keep = np.sort(np.concatenate([np.flatnonzero(y != 2), np.flatnonzero(y == 2)[:4]]))
    job = Job(
        candidate.name, ({},), tuple(folds(y[keep], 2)), X[keep], y[keep], FEATURE_NAMES,
        origin_of(3), 7,
    )  # fmt: skip
    for result in run_job(job)[0]:
        assert np.isfinite(result.p_test).all()


# ---------------------------------------------------------------- a vote


def test_a_vote_is_the_mean_of_its_members():
    draw = np.random.default_rng(0)
    members = [
        [FoldResult(draw.random((6, 2)), draw.random((3, 2)), seconds) for seconds in (1.0, 2.0)]
        for _ in range(3)
    ]
    first, second = vote(members)
    assert_allclose(first.p_test, sum(m[0].p_test for m in members) / 3)
    assert_allclose(second.p_train, sum(m[1].p_train for m in members) / 3)
    assert (first.seconds, second.seconds) == (3, 6)


def test_a_vote_is_not_built_by_itself():
    with pytest.raises(UsageError, match="vote is not built by itself; build its members"):
        build(VOTE, {}, features=FEATURE_NAMES, n_moods=5)
    with pytest.raises(UsageError, match="vote is not built by itself"):
        run_job(job_for(VOTE, SHAPES["2 moods"]))


def test_the_committee_weighs_playlists():
    """Of two playlists of a mood the short one counts for more than its tracks alone would."""
    X, y = songs(2, SHAPES["3 features"][1], spread=0.2)
    groups = np.where(np.arange(90) < 80, "long", "short")
    moods = ("a", "b")
    plain, weighed = (
        fit_pipelines(
            BY_NAME["committee"], {"committee": {}}, X, y, features=SHAPES["3 features"][1],
            seed=7, origin=Origin(moods, np.full(90, "t"), own),
        )[0][0].probabilities(X)
        for own in (None, groups)
    )  # fmt: skip
    assert np.abs(plain - weighed).max() > 1e-3


# ---------------------------------------------------------------- the list


def test_candidates_are_named_once_and_described():
    assert len(BY_NAME) == len(CANDIDATES)
    assert len({candidate.title for candidate in CANDIDATES}) == len(CANDIDATES)
    for candidate in CANDIDATES:
        assert candidate.about
        assert candidate.title
        assert set(candidate.members) <= set(BY_NAME)
        assert not any(BY_NAME[name].members for name in candidate.members)


def test_the_floor_is_the_simplest_and_the_vote_the_most_intricate():
    by_rank = sorted(CANDIDATES, key=lambda candidate: candidate.complexity)
    assert by_rank[0].name == "majority"
    assert by_rank[-1].name == "vote"
    assert [c.name for c in CANDIDATES if c.complexity == 0] == ["majority"]
    assert all(VOTE.complexity > BY_NAME[name].complexity for name in VOTE.members)


@each_candidate
def test_grids_are_valid(candidate):
    points = {json.dumps(point, sort_keys=True) for point in candidate.grid}
    assert len(points) == len(candidate.grid)
    for point in candidate.grid:
        assert point.keys() == candidate.grid[0].keys()
        build(candidate, point, features=FEATURE_NAMES, n_moods=5)
    for point in candidate.coarse:  # the same range in few steps
        for key, value in point.items():
            values = [one[key] for one in candidate.grid]
            assert value in values or min(values) <= value <= max(values) or key in LEAVES
    assert bool(candidate.coarse) == bool(candidate.grid)
    assert len(candidate.coarse) <= len(candidate.grid)
    if candidate.grid:
        # What is built without a search is a point of the grid, or lies within it.
        assert candidate.grid[0].keys() <= candidate.settings.keys()


def test_grids_hold_what_the_article_searched():
    assert len(LOGISTIC_CS) == 10
    assert len(BY_NAME["network-tuned"].grid) == len(NETWORK_WIDTHS) * len(NETWORK_ALPHAS) == 49
    for chosen in ((8, 1.0), (10, 0.1), (100, 1.0)):
        assert {"width": chosen[0], "alpha": chosen[1]} in BY_NAME["network-tuned"].grid


def test_the_articles_starting_width():
    assert article_width(10, 5) == 8  # (10 + 5) / 2 = 7.5
    assert article_width(3, 2) == 3
    assert article_width(7, 5) == 6
    network = build(BY_NAME["network"], {}, features=FEATURE_NAMES, n_moods=5)
    assert network.steps[-1][1].width == 8


def test_searched_settings_win_over_a_candidates_own():
    built = build(BY_NAME["logistic"], {"C": 0.25}, features=FEATURE_NAMES, n_moods=5)
    assert built.steps[-1][1].C == 0.25
    default = build(BY_NAME["logistic"], {}, features=FEATURE_NAMES, n_moods=5)
    assert default.steps[-1][1].C == 1.0


@pytest.mark.parametrize("candidate", [c for c in SINGLE if c.name not in JOINT], ids=str)
def test_a_misspelt_setting_is_no_secret(candidate):
    with pytest.raises(TypeError, match="alhpa"):
        build(candidate, {"alhpa": 1}, features=FEATURE_NAMES, n_moods=5)


def test_an_unknown_candidate_is_refused():
    assert get_candidate("svm").name == "svm"
    with pytest.raises(UsageError, match="unknown candidate 'smv'; there are majority, logistic,"):
        get_candidate("smv")


# ---------------------------------------------------------------- preparation


def skewed(n=60):
    draw = np.random.default_rng(2)
    return np.column_stack(
        [draw.random(n), draw.random(n) ** 6, draw.random(n) * 3e5, draw.normal(size=n)]
    )


NAMES = ("energy", "acousticness", "duration_ms", "loudness")


def test_scaled_is_a_standard_scaler():
    X = skewed()
    prepare = Prepare("scaled", NAMES).fit(X)
    assert [type(step) for step in prepare.steps_] == [Standardise]
    assert_allclose(prepare.transform(X), StandardScaler().fit_transform(X), atol=1e-12)


def logged(X):
    """What `log` documents: clipped, then log10 of the skewed features, with their offsets."""
    Z = X.copy()
    for column, name in ((1, "acousticness"), (2, "duration_ms")):
        Z[:, column] = np.log10(Z[:, column] + Prepare.SKEWED[name])
    return Z


def test_log_takes_the_logarithm_of_the_skewed_and_standardises():
    X = skewed()
    prepare = Prepare("log", NAMES).fit(X)
    assert [type(step) for step in prepare.steps_] == [Clip, Log10, Standardise]
    assert_allclose(prepare.transform(X), StandardScaler().fit_transform(logged(X)), atol=1e-9)


def test_poly_adds_squares_and_products_and_standardises_again():
    X = skewed()
    prepare = Prepare("poly", NAMES).fit(X)
    steps = [Clip, Log10, Standardise, Polynomial, Standardise]
    assert [type(step) for step in prepare.steps_] == steps
    scaled = StandardScaler().fit_transform(logged(X))
    wanted = PolynomialFeatures(2, include_bias=False).fit_transform(scaled)
    assert_allclose(prepare.transform(X), StandardScaler().fit_transform(wanted), atol=1e-8)


@pytest.mark.parametrize("kind", ["log", "poly"])
def test_values_beyond_the_training_range_are_clipped(kind):
    X = skewed()
    prepare = Prepare(kind, NAMES).fit(X)
    beyond = np.vstack([X.max(axis=0) * 10, X.min(axis=0) - 10])
    edge = np.vstack([X.max(axis=0), X.min(axis=0)])
    assert_allclose(prepare.transform(beyond), prepare.transform(edge))


def test_scaled_does_not_clip():
    prepare = Prepare("scaled").fit(np.array([[0.0], [2.0]]))
    assert_allclose(prepare.transform([[5.0]]), [[4.0]])


@pytest.mark.parametrize("kind", ["scaled", "log", "poly"])
@pytest.mark.parametrize("constant", [0.0, 0.1, 1e6 / 3, -7.3])
def test_a_constant_column_stays_small(kind, constant):
    X = np.column_stack([np.full(7, constant), np.arange(7.0)])
    prepare = Prepare(kind, ("loudness", "tempo")).fit(X)
    assert all(step.scale.min() > 1e-6 for step in prepare.steps_ if isinstance(step, Standardise))
    new = prepare.transform([[constant + 0.01, 3.0]])
    assert np.abs(new).max() < 10


@given(st.floats(1e-3, 1e6), st.integers(2, 40))
def test_any_constant_column_is_told_from_a_narrow_one(value, n):
    constant = Prepare("scaled").fit(np.full((n, 1), value)).steps_[0]
    assert constant.scale[0] == 1
    narrow = np.full((n, 1), value)
    narrow[0] *= 1 + 1e-6
    assert Prepare("scaled").fit(narrow).steps_[0].scale[0] < value * 1e-6


def test_zeros_have_a_finite_logarithm():
    X = np.zeros((5, 4))
    X[:, 0] = range(5)
    assert np.isfinite(Prepare("poly", NAMES).fit(X).transform(X)).all()


def test_columns_without_names_are_not_skewed():
    X = skewed()
    assert [type(step) for step in Prepare("log").fit(X).steps_] == [Clip, Standardise]


def test_offsets_are_finite_and_of_known_features():
    assert set(Prepare.SKEWED) <= set(FEATURE_NAMES)
    assert all(isfinite(offset) and offset > 0 for offset in Prepare.SKEWED.values())


def test_preparation_refuses_what_it_does_not_know():
    with pytest.raises(UsageError, match="unknown preparation 'polly'; expected scaled, log or"):
        Prepare("polly").fit(skewed())
    with pytest.raises(UsageError, match="2 features named, but X has 4 columns"):
        Prepare("log", ("energy", "tempo")).fit(skewed())
    with pytest.raises(NotFittedError):
        Prepare().transform(skewed())
    with pytest.raises(ValueError, match="NaN"):
        Prepare().fit([[np.nan]])


def test_a_support_vector_machine_learns_from_a_sample_of_many_tracks():
    y = np.repeat([0, 1], [9000, 3000])
    rows = module.rows_to_learn("svm", y, 0)
    assert np.bincount(y[rows]).tolist() == [3000, 1000]
    assert len(module.rows_to_learn("forest", y, 0)) == len(y)
    assert len(module.rows_to_learn("svm", y[:100], 0)) == 100
