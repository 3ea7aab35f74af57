"""Settings, rows of the evidence, and the rule by which one candidate is chosen."""

import math

import numpy as np
import pytest

from affetto.learning.candidates import BY_NAME
from affetto.learning.choosing import best_settings, candidate_row, choose, choose_by_folds
from affetto.learning.comparison import Judged
from affetto.learning.fitting import FoldResult


def one_hot(said, n_moods=2):
    return np.eye(n_moods)[said]


def on_folds(*held):
    """Four tracks, half of either mood, judged in folds; True where right."""
    y = np.array([0, 1, 0, 1])
    splits, results = [], []
    for right in held:
        rows = np.arange(4)
        said = np.where(right, y, 1 - y)
        splits.append((rows, rows))
        results.append(FoldResult(one_hot(y), one_hot(said), 1.0))
    return Judged(splits, results, y)


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


def test_a_row_of_the_evidence():
    judged = on_folds([1, 1, 1, 1], [1, 1, 0, 0])
    row = candidate_row(BY_NAME["svm"], {"C": 3.0}, judged)
    assert (row["name"], row["complexity"], row["settings"]) == ("svm", 5, {"C": 3.0})
    error = judged.error(judged.accuracies())
    assert row["cv"] == pytest.approx(
        {
            "accuracy": 0.75,
            "sd": np.std([1, 0.5], ddof=1),
            "se": error,
            "low": max(0, 0.75 - 1.96 * error),
            "high": 1.0,
            "balanced_accuracy": 0.75,
            "log_loss": 2 / 8 * -math.log(1e-12),
        }
    )
    assert row["unseen_group"] is None
    assert row["train_accuracy"] == 1
    assert row["seconds"] == 1


# ---------------------------------------------------------------- the choice


def chosen(means, error=0.02, also=None):
    def compare(a, b):
        return means[a] - means[b], error

    return choose(means, compare, "accuracy", also)


def test_the_simplest_within_one_standard_error_of_the_difference_is_chosen():
    means = {"vote": 0.72, "svm": 0.71, "network": 0.705, "logistic": 0.69}
    assert chosen(means)[0].name == "network"
    assert chosen(means, 0.05)[0].name == "logistic"
    assert chosen(means, 0.012)[0].name == "svm"
    assert chosen(means, 0.001)[0].name == "vote"


def test_exactly_one_standard_error_is_within():
    assert chosen({"vote": 0.75, "logistic": 0.5}, 0.25)[0].name == "logistic"


def test_of_equally_simple_ones_the_better_is_chosen():
    means = {"logistic": 0.70, "logistic-tuned": 0.71, "vote": 0.715}
    assert chosen(means)[0].name == "logistic-tuned"
    assert chosen({"extra-trees": 0.70, "forest": 0.71})[0].name == "forest"


def test_one_that_is_too_sure_of_itself_is_not_as_good():
    means, losses = {"vote": 0.72, "svm": 0.715, "logistic": 0.71}, {"vote": 1.0, "svm": 1.01}
    losses["logistic"] = 2.0
    name, choice = chosen(means, also=lambda a, b: (losses[a] - losses[b], 0.1))
    assert name.name == "svm"
    assert choice["words"].endswith("(0.005 ± 0.020), nor in log-loss.")


def test_without_an_error_only_the_best_itself_is_good_enough():
    assert chosen({"vote": 0.5, "svm": 0.499}, math.nan)[0].name == "vote"


def test_the_floor_is_never_chosen():
    assert chosen({"majority": 0.5, "logistic": 0.5, "vote": 0.6}, 0.2)[0].name == "logistic"
    assert chosen({"majority": 0.6, "vote": 0.5, "svm": 0.4}, 0.001)[0].name == "vote"


def test_differences_are_paired_by_fold():
    """What makes a fold hard for both says nothing on who is better."""
    both = [[1, 1, 1, 1], [0, 0, 0, 0], [1, 1, 0, 0]] * 4
    better = [[1, 1, 1, 1], [1, 0, 0, 0], [1, 1, 1, 0]] * 4
    judged = {"logistic": on_folds(*both), "vote": on_folds(*better)}
    candidate, choice = choose_by_folds(judged)
    assert candidate.name == "vote"
    assert choice["best_score"] - judged["logistic"].accuracies().mean() == pytest.approx(1 / 6)
    # Unpaired, the error would have been far larger than the difference.
    assert judged["vote"].error(judged["vote"].accuracies()) > 2 / 6
    # Where the better one is better in some folds and worse in others, none can be told apart.
    mixed = [[0, 0, 1, 1], [1, 1, 1, 0], [1, 1, 0, 0]] * 4
    judged = {"logistic": on_folds(*both), "vote": on_folds(*mixed)}
    assert choose_by_folds(judged)[0].name == "logistic"


def test_the_choice_is_told_in_words_and_figures():
    choice = chosen({"vote": 0.72, "svm": 0.71, "logistic": 0.6})[1]
    assert choice["words"] == (
        "Soft vote is best by accuracy (0.720); Support vector machine (0.710) is the simplest "
        "that is no more than one standard error behind it (0.010 ± 0.020)."
    )
    assert (choice["best"], choice["best_score"], choice["chosen_score"]) == ("vote", 0.72, 0.71)
    assert choice["behind"] == pytest.approx(0.01)
    assert choice["behind_se"] == 0.02
    words = chosen({"svm": 0.72, "logistic": 0.7}, 0.005)[1]["words"]
    assert words == (
        "Support vector machine is best by accuracy (0.720), and none simpler comes within one "
        "standard error of the difference."
    )
