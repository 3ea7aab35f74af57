"""Judging on splits and searching, in one process or several."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from affetto.demo import demo_table
from affetto.learning import candidates as candidates_module
from affetto.learning.candidates import BY_NAME, CANDIDATES
from affetto.learning.comparison import SPLITS_A_JOB, Judge, Judged
from affetto.learning.dataset import gather
from affetto.learning.fitting import FoldResult
from affetto.learning.labels import resolve_tables
from affetto.learning.splits import folds, repeated_folds


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """More would fight over the cores: boosting then takes a hundred times as long."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module")
def tracks():
    return gather(resolve_tables(demo_table(tracks_per_playlist=12)))[0]


def judge_of(tracks, n_jobs=1):
    told = []
    return Judge(tracks, 7, n_jobs, lambda *step: told.append(step)), told


def one_hot(said, n_moods=2):
    return np.eye(n_moods)[said]


# ---------------------------------------------------------------- what was said on splits


@pytest.fixture
def judged():
    """Six tracks, three splits: right 2 of 2, 1 of 2, 1 of 2 on the judging sides."""
    y = np.array([0, 1, 0, 1, 0, 0])
    splits = [
        (np.array([2, 3, 4, 5]), np.array([0, 1])),
        (np.array([0, 1, 4, 5]), np.array([2, 3])),
        (np.array([0, 1, 2, 3]), np.array([4, 5])),
    ]
    said = [([0, 1, 0, 0], [0, 1]), ([0, 0, 0, 0], [0, 0]), ([0, 1, 0, 1], [0, 1])]
    results = [
        FoldResult(one_hot(learn), one_hot(held), seconds)
        for (learn, held), seconds in zip(said, (1.0, 2.0, 6.0), strict=True)
    ]
    return Judged(splits, results, y)


def test_figures_of_splits(judged):
    assert_allclose(judged.accuracies(), [1, 0.5, 0.5])
    # The third holds mood 0 only.
    assert_allclose(judged.balanced_accuracies(), [1, 0.5, 0.5])
    assert judged.train_accuracy() == pytest.approx((1 + 0.75 + 1) / 3)
    assert judged.seconds() == 3
    pooled = judged.pooled()
    assert_array_equal(pooled.y, [0, 1, 0, 1, 0, 0])
    assert_array_equal(pooled.said, [0, 1, 0, 0, 0, 1])
    assert pooled.accuracy() == pytest.approx(4 / 6)


def test_the_error_is_nadeaus_and_bengios(judged):
    scores = judged.accuracies()
    variance = np.var(scores, ddof=1)
    assert judged.error(scores) == pytest.approx(math.sqrt((1 / 3 + 2 / 4) * variance))


def test_a_part_of_the_splits(judged):
    part = judged[1:]
    assert_allclose(part.accuracies(), [0.5, 0.5])
    assert_array_equal(part.pooled().y, [0, 1, 0, 0])


# ---------------------------------------------------------------- judging


def test_judging_is_cross_validation(tracks):
    judge, _ = judge_of(tracks)
    splits = folds(tracks.y, 5, seed=1)
    result = judge.judge([BY_NAME["logistic"]], {"logistic": {"C": 0.5}}, splits, "comparing")
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.5, max_iter=2000))
    assert_allclose(
        result["logistic"].accuracies(), cross_val_score(model, tracks.X, tracks.y, cv=splits)
    )


@pytest.mark.parametrize("n_splits", [SPLITS_A_JOB - 1, SPLITS_A_JOB, 2 * SPLITS_A_JOB + 2])
def test_every_split_is_judged_in_order_however_jobs_are_cut(tracks, n_splits):
    judge, told = judge_of(tracks)
    splits = repeated_folds(tracks.y, 4, 3, seed=2)[:n_splits]
    compared = [BY_NAME["logistic"], BY_NAME["majority"]]
    result = judge.judge(compared, {"logistic": {}, "majority": {}}, splits, "comparing")
    for name, judged in result.items():
        assert len(judged.results) == n_splits, name
        for (_, test), one in zip(splits, judged.results, strict=True):
            alone = judge.judge([BY_NAME[name]], {name: {}}, [(_, test)], "x")[name]
            assert_array_equal(one.p_test, alone.results[0].p_test)
    n_jobs = 2 * -(-n_splits // SPLITS_A_JOB)
    assert told[: n_jobs + 1] == [("comparing", done, n_jobs) for done in range(n_jobs + 1)]


def test_processes_change_nothing_and_a_vote_is_the_mean_of_its_members(tracks, monkeypatch):
    monkeypatch.setattr(candidates_module, "N_TREES", 5)  # here; processes grow all trees
    vote = BY_NAME["vote"]
    compared = [BY_NAME["network"], BY_NAME["logistic"]]
    settings = {c.name: dict(c.settings) for c in CANDIDATES}
    splits = folds(tracks.y, 3, seed=1)
    (one, _), (two, told) = judge_of(tracks, 1), judge_of(tracks, 2)
    first = one.judge(compared, settings, splits, "comparing")
    second = two.judge(compared, settings, splits, "comparing")
    assert list(first) == list(second) == ["network", "logistic"]
    for name in first:
        for a, b in zip(first[name].results, second[name].results, strict=True):
            assert_array_equal(a.p_test, b.p_test)
            assert_array_equal(a.p_train, b.p_train)
    assert told == [("comparing", done, 2) for done in range(3)]

    members = [BY_NAME[name] for name in vote.members]
    judged = one.judge([vote, *members], settings, splits[:1], "comparing")
    assert set(judged) == {"vote", *vote.members}
    assert_allclose(
        judged["vote"].results[0].p_test,
        np.mean([judged[name].results[0].p_test for name in vote.members], axis=0),
    )
    only = one.judge([vote], settings, splits[:1], "comparing")
    assert set(only) == {"vote"}
    assert_array_equal(only["vote"].results[0].p_test, judged["vote"].results[0].p_test)


# ---------------------------------------------------------------- searching


def test_a_search_is_a_grid_search(tracks):
    judge, told = judge_of(tracks)
    splits = folds(tracks.y, 5, seed=3)
    grid = BY_NAME["logistic-tuned"].grid
    judged = judge.search({"logistic-tuned": grid}, splits, "searching")["logistic-tuned"]
    reference = GridSearchCV(
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)),
        {"logisticregression__C": [point["C"] for point in grid]},
        scoring=("accuracy", "neg_log_loss"),
        refit=False,
        cv=splits,
        return_train_score=True,
    ).fit(tracks.X, tracks.y)
    found = reference.cv_results_
    assert_allclose([one.accuracies().mean() for one in judged], found["mean_test_accuracy"])
    assert_allclose([one.train_accuracy() for one in judged], found["mean_train_accuracy"])
    # Folds here are of one size, so that the mean of folds is the mean of tracks; weakly
    # penalised models are so sure that the bounds on ln p differ.
    losses = [one.pooled().log_loss() for one in judged]
    assert_allclose(losses[:7], -found["mean_test_neg_log_loss"][:7], rtol=1e-6)
    assert told == [("searching", done, 2) for done in range(3)]


def test_a_search_is_in_the_order_of_the_grid_in_any_number_of_processes(tracks):
    splits = folds(tracks.y, 2, seed=3)
    networks = BY_NAME["network-tuned"].grid
    grids = {
        # A grid whose parts run in another order than they stand in.
        "svm": BY_NAME["svm"].grid[:3],
        "network-tuned": [p for p in networks if p["width"] in {2, 20}][5:9],
    }
    (one, _), (two, _) = judge_of(tracks, 1), judge_of(tracks, 2)
    alone = one.search(grids, splits, "searching")
    shared = two.search(grids, splits, "searching")
    for name, grid in grids.items():
        for place, point in enumerate(grid):
            single = one.search({name: [point]}, splits, "x")[name][0]
            for judged in (alone[name][place], shared[name][place]):
                assert_allclose(judged.pooled().p, single.pooled().p, atol=0.05)


def test_a_search_of_nothing(tracks):
    judge, told = judge_of(tracks)
    assert judge.search({}, folds(tracks.y, 2), "searching") == {}
    assert told == [("searching", 0, 0)]
