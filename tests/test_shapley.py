"""Shapley values: the axioms, games whose answer is known, and the definition itself."""

from itertools import permutations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from affetto.shapley import coalitions, mixtures, shapley_values


def scores_of(game, d):
    """Score every coalition, shape (1, 2^d)."""
    return np.array([[game(frozenset(np.flatnonzero(members))) for members in coalitions(d)]])


def test_coalitions_are_all_subsets_from_none_to_all():
    members = coalitions(3)
    assert len({tuple(row) for row in members}) == 8
    assert not members[0].any()
    assert members[-1].all()
    assert not members.flags.writeable


@pytest.mark.parametrize("n", [0, 17])
def test_too_many_features_or_none_are_refused(n):
    with pytest.raises(ValueError, match=f"{n} features; expected 1 to 16"):
        coalitions(n)


def test_mixtures_take_the_coalition_from_the_track_and_the_rest_from_the_reference():
    mixed = mixtures(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([-1.0, -2.0]))
    assert_array_equal(mixed[0], [[-1, -2], [1, -2], [-1, 2], [1, 2]])
    assert_array_equal(mixed[1], [[-1, -2], [3, -2], [-1, 4], [3, 4]])


def test_of_a_sum_each_gets_its_own_term():
    terms = np.array([0.5, -2.0, 3.0, 0.0])
    values = shapley_values(scores_of(lambda s: 7 + sum(terms[i] for i in s), 4))
    assert_allclose(values, [terms], atol=1e-14)


def test_what_two_make_together_is_halved():
    assert_allclose(shapley_values(scores_of(lambda s: float({0, 2} <= s), 3)), [[0.5, 0, 0.5]])


def test_the_glove_game():
    # Two own a left glove, one a right one; only a pair is worth anything (Shapley 1953).
    values = shapley_values(scores_of(lambda s: float(2 in s and bool(s & {0, 1})), 3))
    assert_allclose(values, [[1 / 6, 1 / 6, 4 / 6]])


@pytest.mark.parametrize("d", [1, 2, 5])
def test_equals_the_mean_over_all_orders(d):
    scores = np.random.default_rng(d).normal(size=(1, 2**d))
    worth = {frozenset(np.flatnonzero(m)): v for m, v in zip(coalitions(d), scores[0], strict=True)}
    expected = np.zeros(d)
    orders = list(permutations(range(d)))
    for order in orders:
        for place, feature in enumerate(order):
            before = frozenset(order[:place])
            expected[feature] += (worth[before | {feature}] - worth[before]) / len(orders)
    assert_allclose(shapley_values(scores)[0], expected, atol=1e-12)


@pytest.mark.parametrize("d", [1, 7, 10])
def test_they_sum_to_the_whole_difference(d):
    scores = 30 * np.random.default_rng(d).normal(size=(20, 2**d))
    whole = scores[:, -1] - scores[:, 0]
    assert_allclose(shapley_values(scores).sum(axis=1), whole, rtol=0, atol=1e-11)
