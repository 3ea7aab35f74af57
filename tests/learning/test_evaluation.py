"""Measures, against values worked out by hand and against scikit-learn's."""

from math import isnan, log, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import metrics

from affetto.learning.evaluation import (
    COVERAGES,
    Predictions,
    among,
    group_intervals,
    most_confused,
    per_mood,
    rank_auc,
    repeated_cv_error,
    summary,
    wilson_interval,
)

MOODS = ("Energetic", "Relaxing", "Dark")

# Five tracks; said: 0 0 1 2 1, so right, right, right, right, wrong (2 taken for 1).
Y = np.array([0, 0, 1, 2, 2])
P = np.array(
    [
        [0.8, 0.1, 0.1],
        [0.5, 0.3, 0.2],
        [0.2, 0.6, 0.2],
        [0.1, 0.2, 0.7],
        [0.1, 0.5, 0.4],
    ]
)
HAND = Predictions(Y, P)


def one_hot_predictions(y, said, n_moods=3):
    return Predictions(np.array(y), np.eye(n_moods)[said])


def random_predictions(n, n_moods, seed):
    draw = np.random.default_rng(seed)
    y = np.concatenate([np.arange(n_moods), draw.integers(0, n_moods, n)])
    p = draw.dirichlet(np.full(n_moods, 0.7), len(y))
    return Predictions(y, p)


# ---------------------------------------------------------------- by hand


def test_measures_by_hand():
    assert_array_equal(HAND.said, [0, 0, 1, 2, 1])
    assert HAND.accuracy() == 0.8
    assert HAND.balanced_accuracy() == pytest.approx((1 + 1 + 0.5) / 3)
    assert HAND.log_loss() == pytest.approx(
        -(log(0.8) + log(0.5) + log(0.6) + log(0.7) + log(0.4)) / 5
    )
    assert_array_equal(HAND.confusion(), [[2, 0, 0], [0, 1, 0], [0, 1, 1]])


def test_calibration_error_by_hand():
    # Confidences .8 | .5 .5 | .6 | .7, each in a bin of its own but for the two of .5.
    wanted = (abs(1 - 0.8) + 2 * abs(0.5 - 0.5) + abs(1 - 0.6) + abs(1 - 0.7)) / 5
    assert HAND.expected_calibration_error() == pytest.approx(wanted)
    # In one bin: accuracy .8, mean confidence .62.
    assert HAND.expected_calibration_error(n_bins=1) == pytest.approx(0.8 - 0.62)


def test_complete_confidence_falls_into_the_last_bin():
    sure = Predictions(np.array([0, 1]), np.array([[0.95, 0.05], [1.0, 0.0]]))
    assert sure.expected_calibration_error() == pytest.approx(abs(0.5 - 0.975))


def test_coverage_by_hand():
    # By falling confidence: .8 right, .7 right, .6 right, .5 right, .5 wrong.
    assert HAND.coverage((0.2, 0.6, 0.8, 1.0)) == {"0.2": 1, "0.6": 1, "0.8": 1, "1": 0.8}
    assert list(HAND.coverage()) == [f"{share:g}" for share in COVERAGES]


def test_the_surest_share_holds_at_least_one_track():
    assert HAND.coverage((0.01,)) == {"0.01": 1.0}


def test_coverage_takes_the_surest_and_not_the_first():
    right_where_unsure = Predictions(
        np.array([0, 0, 0, 0]), np.array([[0.6, 0.4], [0.6, 0.4], [0.1, 0.9], [0.2, 0.8]])
    )
    assert right_where_unsure.coverage((0.5, 1.0)) == {"0.5": 0.0, "1": 0.5}


def test_a_probability_of_zero_costs_much_but_not_infinitely():
    assert one_hot_predictions([0], [1]).log_loss() == pytest.approx(-log(1e-12))


def test_balanced_accuracy_is_over_the_moods_that_occur():
    assert one_hot_predictions([0, 0, 2], [0, 1, 2]).balanced_accuracy() == 0.75


# ---------------------------------------------------------------- against scikit-learn


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n_moods", [2, 5])
def test_measures_against_scikit_learn(n_moods, seed):
    predictions = random_predictions(60, n_moods, seed)
    y, said, p = predictions.y, predictions.said, predictions.p
    moods = [f"m{i}" for i in range(n_moods)]
    assert predictions.accuracy() == pytest.approx(metrics.accuracy_score(y, said))
    assert predictions.balanced_accuracy() == pytest.approx(
        metrics.balanced_accuracy_score(y, said)
    )
    assert predictions.log_loss() == pytest.approx(metrics.log_loss(y, p))
    assert_array_equal(predictions.confusion(), metrics.confusion_matrix(y, said))
    precision, recall, f1, n = metrics.precision_recall_fscore_support(y, said)
    for index, figures in enumerate(per_mood(predictions.confusion(), moods).values()):
        assert figures == pytest.approx(
            {
                "precision": precision[index],
                "recall": recall[index],
                "f1": f1[index],
                "n": n[index],
            }
        )
    assert summary(predictions, moods)["macro_f1"] == pytest.approx(
        metrics.f1_score(y, said, average="macro")
    )


@given(
    values=st.lists(st.integers(-3, 3), min_size=4, max_size=40),
    positive=st.data(),
)
@settings(max_examples=100, deadline=None)
def test_rank_auc_against_scikit_learn_with_ties(values, positive):
    is_positive = np.array(
        positive.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values)))
    )
    area = rank_auc(np.array(values, dtype=float), is_positive)
    if is_positive.all() or not is_positive.any():
        assert isnan(area)
    else:
        assert area == pytest.approx(metrics.roc_auc_score(is_positive, values))


def test_rank_auc_by_hand():
    values = np.array([1.0, 2.0, 3.0, 4.0])
    assert rank_auc(values, np.array([False, False, True, True])) == 1
    assert rank_auc(values, np.array([True, True, False, False])) == 0
    # Pairs (positive, negative): (2, 1) right, (2, 3) wrong, (4, 1) and (4, 3) right.
    assert rank_auc(values, np.array([False, True, False, True])) == 0.75
    assert rank_auc(np.ones(4), np.array([False, True, False, True])) == 0.5


# ---------------------------------------------------------------- calibration


def calibrated(n, stretch=1.0):
    """Two moods; the mood said is right as often as its confidence to the power 1 / stretch."""
    draw = np.random.default_rng(7)
    said_with = draw.uniform(0.5, 1, n)
    right = draw.uniform(size=n) < said_with ** (1 / stretch)
    return Predictions((~right).astype(int), np.column_stack([said_with, 1 - said_with]))


def test_a_calibrated_predictor_has_no_calibration_error():
    assert calibrated(40_000).expected_calibration_error() < 0.01


def test_the_error_of_an_overconfident_predictor_is_its_overconfidence():
    n = 1000
    y = (np.arange(n) % 10 < 3).astype(int)  # mood 0 is right 7 times of 10
    sure = Predictions(y, np.tile([0.95, 0.05], (n, 1)))
    assert sure.expected_calibration_error() == pytest.approx(0.25)
    certain = Predictions(y, np.tile([1.0, 0.0], (n, 1)))
    assert certain.expected_calibration_error() == pytest.approx(0.30)


def test_an_underconfident_predictor_errs_as_well():
    assert calibrated(20_000, stretch=2).expected_calibration_error() > 0.08


# ---------------------------------------------------------------- intervals


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    [
        # Newcombe, R. (1998). Two-sided confidence intervals for the single proportion.
        # Statistics in Medicine 17, table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (29, 29, 1 - 0.1170, 1.0),
    ],
)
def test_wilson_interval_against_published_values(right, n, low, high):
    assert_allclose(wilson_interval(right, n), (low, high), atol=6e-5)


@given(n=st.integers(1, 500), share=st.floats(0, 1))
def test_wilson_interval_stays_within_0_and_1_and_holds_the_share(n, share):
    right = round(share * n)
    low, high = wilson_interval(right, n)
    assert 0 <= low <= right / n + 1e-12
    assert right / n - 1e-12 <= high <= 1


def test_error_of_repeated_cross_validation():
    scores = [0.7, 0.6, 0.8, 0.7]
    variance = (0.01 + 0.01) / 3
    # Nadeau and Bengio: (1 / 4 + 1 / 4) · variance for four folds with tests a fifth in size.
    assert repeated_cv_error(scores, 20, 80) == pytest.approx(sqrt(0.5 * variance))
    assert repeated_cv_error(scores, 20, 80) > np.std(scores, ddof=1) / 2
    assert isnan(repeated_cv_error([0.7], 20, 80))


# ---------------------------------------------------------------- moods


def test_what_was_never_said_has_no_precision_and_what_never_occurred_no_recall():
    # True 0 0 1, said 0 0 0: mood 1 is never said, mood 2 neither occurs nor is said.
    figures = per_mood(one_hot_predictions([0, 0, 1], [0, 0, 0]).confusion(), MOODS)
    assert figures["Energetic"] == {"precision": 2 / 3, "recall": 1, "f1": 0.8, "n": 2}
    assert figures["Relaxing"] == {"precision": None, "recall": 0, "f1": 0, "n": 1}
    assert figures["Dark"] == {"precision": None, "recall": None, "f1": None, "n": 0}


def test_macro_f1_leaves_out_a_mood_that_neither_occurs_nor_is_said():
    assert summary(one_hot_predictions([0, 0, 1], [0, 0, 0]), MOODS)["macro_f1"] == 0.4


def test_the_most_confused_pair():
    confusion = np.array([[50, 2, 6], [1, 40, 3], [4, 9, 30]])
    # 0–1: 3, 0–2: 10, 1–2: 12 of 25.
    assert most_confused(confusion, MOODS) == {
        "moods": ["Relaxing", "Dark"],
        "first_as_second": 3,
        "second_as_first": 9,
        "share_of_errors": 12 / 25,
    }
    assert confusion[2, 1] == 9  # the matrix is as it was


def test_without_a_mistake_nothing_is_confused():
    assert most_confused(np.diag([5, 6, 7]), MOODS) is None


def test_summary_is_plain_data():
    measures = summary(HAND, MOODS)
    assert measures["n"] == 5
    assert measures["confusion"] == [[2, 0, 0], [0, 1, 0], [0, 1, 1]]
    assert measures["most_confused"]["moods"] == ["Relaxing", "Dark"]

    def leaves(value):
        if isinstance(value, dict | list):
            for part in value.values() if isinstance(value, dict) else value:
                yield from leaves(part)
        else:
            yield type(value)

    assert set(leaves(measures)) <= {int, float, str, type(None)}


# ---------------------------------------------------------------- among some moods, by groups


def test_probabilities_among_some_moods():
    p = np.array([[0.2, 0.2, 0.6], [0.0, 0.0, 1.0]])
    found = among(p, np.array([0, 1]))
    assert_allclose(found, [[0.5, 0.5, 0.0], [0.5, 0.5, 0.0]])


def test_intervals_by_group_are_wider_where_groups_differ():
    y = np.repeat([0, 1], 200)
    groups = np.repeat(["a", "b", "c", "d"], 100)
    torn, even = np.zeros((400, 2)), np.zeros((400, 2))
    right = np.arange(400) // 100 % 2 == 0  # all of a and c, none of b and d
    torn[np.arange(400), np.where(right, y, 1 - y)] = 1
    right = np.arange(400) % 2 == 0  # half of each
    even[np.arange(400), np.where(right, y, 1 - y)] = 1
    wide = group_intervals(Predictions(y, torn), groups)["balanced_accuracy"]
    narrow = group_intervals(Predictions(y, even), groups)["balanced_accuracy"]
    assert wide == (0.0, 1.0)
    assert narrow == (0.5, 0.5)
