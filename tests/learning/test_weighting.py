"""Weights: what is made equal is equal, to the row."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from affetto.learning.weighting import MIDDLE_VALENCE, against_place, balanced_weights

MOODS = ("Energetic", "Relaxing", "Dark", "Aggressive", "Happy")


def table():
    """Source a: 400 of mood 0 in two playlists, 20 of mood 1; source b: 50 of mood 1, 50 of 2."""
    sources = np.array(["a"] * 420 + ["b"] * 100)
    y = np.array([0] * 400 + [1] * 20 + [1] * 50 + [2] * 50)
    groups = np.array(["p"] * 320 + ["q"] * 80 + ["r"] * 20 + ["s"] * 100)
    return y, sources, groups


def totals(weights, *keys):
    names = ["|".join(map(str, key)) for key in zip(*keys, strict=True)]
    return {name: weights[np.array(names) == name].sum() for name in dict.fromkeys(names)}


def test_moods_of_a_source_count_the_same():
    y, sources, groups = table()
    weights = balanced_weights(y, sources, groups, even_moods=False, most=100)
    found = totals(weights, sources, y)
    assert found["a|0"] == pytest.approx(found["a|1"])
    assert found["b|1"] == pytest.approx(found["b|2"])
    # min(400, 100) and 20, mean 60, against 50 and 50.
    assert found["a|0"] / found["b|1"] == pytest.approx(60 / 50)
    assert weights.mean() == pytest.approx(1)


def test_moods_count_the_same_over_all_sources_where_asked():
    y, sources, groups = table()
    found = totals(balanced_weights(y, sources, groups), y)
    assert_allclose(list(found.values()), len(y) / 3)


def test_a_playlist_four_times_as_long_counts_twice():
    y, sources, groups = table()
    found = totals(balanced_weights(y, sources, groups), groups)
    assert found["p"] / found["q"] == pytest.approx(2)


def test_only_rows_in_the_opposite_half_are_against_their_mood():
    X = np.array([[0.9, 0.2], [0.9, MIDDLE_VALENCE], [0.9, 0.9], [0.1, 0.9], [0.1, 0.1]])
    y = np.array([4, 4, 4, 0, 1])
    found = against_place(X, y, ("energy", "valence"), MOODS, ("Happy",))
    assert found.tolist() == [True, False, False, False, False]
    found = against_place(X, y, ("energy", "valence"), MOODS, MOODS)
    assert found.tolist() == [True, False, False, True, False]


def test_moods_of_ones_own_have_no_place():
    X, y = np.zeros((2, 1)), np.array([0, 1])
    assert not against_place(X, y, ("energy",), ("Dreamy", "Loud"), ("Dreamy", "Loud")).any()
