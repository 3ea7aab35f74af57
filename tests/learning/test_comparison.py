"""Judging on splits, searching, and the rule by which one candidate is chosen."""

import math
from dataclasses import replace

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
from affetto.learning.candidates import BY_NAME, CANDIDATES, FoldResult
from affetto.learning.comparison import (
    SPLITS_A_JOB,
    Judge,
    Judged,
    best_settings,
    candidate_row,
    choose,
)
from affetto.learning.dataset import gather
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
    candidate = BY_NAME["logistic-tuned"]
    rows = judge.search([candidate], splits, "searching")["logistic-tuned"]
    assert [row["C"] for row in rows] == [point["C"] for point in candidate.grid]
    reference = GridSearchCV(
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)),
        {"logisticregression__C": [point["C"] for point in candidate.grid]},
        scoring=("accuracy", "neg_log_loss"),
        refit=False,
        cv=splits,
        return_train_score=True,
    ).fit(tracks.X, tracks.y)
    found = reference.cv_results_
    assert_allclose([row["validation"] for row in rows], found["mean_test_accuracy"])
    assert_allclose([row["train"] for row in rows], found["mean_train_accuracy"])
    # Folds here are of one size, so that the mean of folds is the mean of tracks; weakly
    # penalised models are so sure that the bounds on ln p differ.
    losses = [row["log_loss"] for row in rows]
    assert_allclose(losses[:7], -found["mean_test_neg_log_loss"][:7], rtol=1e-6)
    deviation = found["std_test_accuracy"] * math.sqrt(5 / 4)
    assert_allclose([row["sd"] for row in rows], deviation)
    assert told == [("searching", done, 2) for done in range(3)]


def test_rows_of_a_search_are_in_the_order_of_the_grid_in_any_number_of_processes(tracks):
    splits = folds(tracks.y, 2, seed=3)
    compared = [BY_NAME["svm"], BY_NAME["network-tuned"]]
    (one, _), (two, _) = judge_of(tracks, 1), judge_of(tracks, 2)
    small = [
        # A grid whose parts run in another order than they stand in.
        _with_grid(compared[0], compared[0].grid[:3]),
        _with_grid(compared[1], [p for p in compared[1].grid if p["width"] in {2, 20}][5:9]),
    ]
    rows = one.search(small, splits, "searching")
    for candidate in small:
        keys = candidate.grid[0].keys()
        found = [{key: row[key] for key in keys} for row in rows[candidate.name]]
        assert found == list(candidate.grid)
    assert two.search(small, splits, "searching") == rows


def _with_grid(candidate, grid):
    return replace(candidate, grid=tuple(grid))


def test_a_search_of_nothing(tracks):
    judge, told = judge_of(tracks)
    assert judge.search([], folds(tracks.y, 2), "searching") == {}
    assert told == [("searching", 0, 0)]


# ---------------------------------------------------------------- settings


def rows_of(name, losses, accuracies):
    return [
        {**point, "log_loss": loss, "validation": accuracy}
        for point, loss, accuracy in zip(BY_NAME[name].grid, losses, accuracies, strict=False)
    ]


def test_the_settings_of_least_log_loss_are_taken():
    losses = [0.9, 0.8, 0.7, 0.75] + [1.0] * 6
    accuracies = [0.9, 0.6, 0.5, 0.6] + [0.95] * 6  # would choose otherwise
    searches = {"logistic-tuned": rows_of("logistic-tuned", losses, accuracies)}
    chosen = best_settings([BY_NAME["logistic"], BY_NAME["logistic-tuned"]], searches)
    assert chosen == {"logistic": {"C": 1.0}, "logistic-tuned": BY_NAME["logistic-tuned"].grid[2]}


def test_of_equal_settings_the_first_is_taken():
    searches = {"svm": rows_of("svm", [1.0, 0.5, 0.5], [0, 0, 0])}
    assert best_settings([BY_NAME["svm"]], searches)["svm"] == BY_NAME["svm"].grid[1]


def test_settings_that_were_not_searched_stay():
    chosen = best_settings([BY_NAME["boosting"]], {})
    assert chosen == {"boosting": BY_NAME["boosting"].settings}
    chosen["boosting"]["max_iter"] = 1  # a copy
    assert BY_NAME["boosting"].settings["max_iter"] != 1


def test_the_committee_takes_the_searched_networks_settings():
    point = {"width": 20, "alpha": 0.1}
    searches = {"network-tuned": [{**point, "log_loss": 0.5}]}
    both = [BY_NAME["network-tuned"], BY_NAME["network-committee"]]
    chosen = best_settings(both, searches)
    assert chosen["network-tuned"] == point
    assert chosen["network-committee"] == {**point, "restarts": 5}
    alone = best_settings([BY_NAME["network-committee"]], {})
    assert alone["network-committee"] == BY_NAME["network-committee"].settings


# ---------------------------------------------------------------- rows of the evidence


def test_a_row_of_the_evidence(judged):
    row = candidate_row(BY_NAME["svm"], {"C": 3.0}, judged, None)
    assert (row["name"], row["complexity"], row["settings"]) == ("svm", 5, {"C": 3.0})
    error = judged.error(judged.accuracies())
    assert row["cv"] == pytest.approx(
        {
            "accuracy": 2 / 3,
            "sd": np.std([1, 0.5, 0.5], ddof=1),
            "se": error,
            "low": 2 / 3 - 1.96 * error,
            "high": 1.0,
            "balanced_accuracy": (3 / 4 + 1 / 2) / 2,
            "log_loss": 2 / 6 * -math.log(1e-12),
        }
    )
    assert row["unseen_group"] is None
    assert row["train_accuracy"] == judged.train_accuracy()
    assert row["seconds"] == 3


def test_figures_on_unseen_groups(judged):
    row = candidate_row(BY_NAME["svm"], {}, judged, judged[:2])
    unseen = row["unseen_group"]
    assert unseen["accuracy"] == unseen["balanced_accuracy"] == 0.75
    assert unseen["se"] == judged[:2].error(np.array([1, 0.5]))


def test_a_single_unseen_split_has_no_error_and_gives_no_nan(judged):
    row = candidate_row(BY_NAME["svm"], {}, judged, judged[:1])
    assert row["unseen_group"]["se"] is None
    assert choose([row])[0].name == "svm"


# ---------------------------------------------------------------- the choice


def row(name, score, se=0.02, unseen=None, unseen_se=0.05):
    candidate = BY_NAME[name]
    return {
        "name": name,
        "title": candidate.title,
        "complexity": candidate.complexity,
        "cv": {"accuracy": score, "se": se},
        "unseen_group": None if unseen is None else {"balanced_accuracy": unseen, "se": unseen_se},
    }


def chosen(*rows):
    return choose(rows)[0].name


def test_the_simplest_within_one_standard_error_is_chosen():
    vote, svm = row("vote", 0.72, se=0.02), row("svm", 0.71)
    assert chosen(vote, svm, row("network", 0.705), row("logistic", 0.69)) == "network"
    assert chosen(vote, svm, row("network", 0.699), row("logistic", 0.69)) == "svm"
    assert chosen(vote, row("svm", 0.699)) == "vote"


def test_the_error_that_counts_is_that_of_the_best():
    assert chosen(row("vote", 0.72, se=0.001), row("logistic", 0.70, se=0.5)) == "vote"
    assert chosen(row("vote", 0.72, se=0.5), row("logistic", 0.70, se=0.001)) == "logistic"


def test_exactly_one_standard_error_is_within():
    assert chosen(row("vote", 0.75, se=0.25), row("logistic", 0.5)) == "logistic"


def test_of_equally_simple_ones_the_better_is_chosen():
    pair = [row("logistic", 0.70), row("logistic-tuned", 0.71), row("vote", 0.715)]
    assert chosen(*pair) == "logistic-tuned"
    assert chosen(row("extra-trees", 0.70), row("forest", 0.71)) == "forest"


def test_with_groups_unseen_ones_decide():
    rows = [row("vote", 0.9, unseen=0.40), row("svm", 0.6, unseen=0.50)]
    assert chosen(*rows) == "svm"
    assert choose(rows)[1]["measure"] == "balanced accuracy on unseen groups"
    rows = [row("vote", 0.6, unseen=0.55, unseen_se=0.04), row("svm", 0.6, unseen=0.50)]
    assert chosen(*rows) == "vote"


def test_without_an_error_only_the_best_itself_is_good_enough():
    rows = [row("vote", 0.6, unseen=0.5, unseen_se=None), row("svm", 0.6, unseen=0.499)]
    assert chosen(*rows) == "vote"


def test_the_floor_is_never_chosen():
    # Two moods, two playlists each: the error on unseen groups is as large as the gain.
    rows = [row("majority", 0.5, unseen=0.5), row("logistic", 0.8, unseen=0.6, unseen_se=0.2)]
    assert chosen(*rows) == "logistic"
    assert chosen(row("majority", 0.6), row("vote", 0.5), row("svm", 0.499)) == "svm"


def test_the_choice_is_told_in_words_and_figures():
    rows = [row("vote", 0.72, se=0.02), row("svm", 0.71), row("logistic", 0.6)]
    choice = choose(rows)[1]
    assert choice["words"] == (
        "Soft vote is best by cross-validated accuracy (0.720); Support vector machine (0.710) "
        "is the simplest within one standard error of it (at least 0.700)."
    )
    assert choice["best"] == "vote"
    assert choice["best_score"] == 0.72
    assert choice["chosen_score"] == 0.71
    assert choice["threshold"] == pytest.approx(0.70)
    words = choose([row("svm", 0.72, se=0.005), row("logistic", 0.7)])[1]["words"]
    assert words == (
        "Support vector machine is best by cross-validated accuracy (0.720), and none simpler "
        "comes within one standard error of it (at least 0.715)."
    )
