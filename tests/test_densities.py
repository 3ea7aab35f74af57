"""Student-t mixtures: equal to SciPy's densities, by hand where that can be done, never NaN."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import multivariate_t

from affetto.densities import Densities
from affetto.errors import ModelError

MOOD = np.array([0, 2, 0, 1, 1, 2, 1, 0, 1, 2])


def mixture(d=4, seed=0, mood=MOOD, **changes):
    """Ten components of three moods, in no order, and their scale matrices."""
    draw = np.random.default_rng(seed)
    c = len(mood)
    scales = [np.cov(draw.normal(size=(d, 3 * d + 2))).reshape(d, d) for _ in range(c)]
    roots = [np.tril(np.linalg.inv(np.linalg.cholesky(scale))) for scale in scales]
    share = draw.uniform(0.2, 1, c)
    fields = {
        "means": draw.normal(size=(c, d)),
        "roots": np.concatenate(roots),
        "freedom": draw.uniform(2, 9, c),
        "share": share / np.bincount(mood, share)[mood],
        "mood": mood,
        "prior": np.array([0.5, 0.2, 0.3]),
        "temperature": 1.0,
    }
    return Densities(**{**fields, **changes}), scales


def bayes(scorer, scales, X):
    """Bayes' rule as the textbook has it."""
    p = np.zeros((len(X), scorer.n_moods))
    for i, scale in enumerate(scales):
        density = multivariate_t(scorer.means[i], scale, scorer.freedom[i]).pdf(X)
        p[:, scorer.mood[i]] += scorer.prior[scorer.mood[i]] * scorer.share[i] * density
    return p / p.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("d", [1, 4, 7])
def test_it_is_bayes_rule_over_scipys_densities(d):
    scorer, scales = mixture(d)
    X = 3 * np.random.default_rng(1).normal(size=(50, d))
    assert_allclose(scorer.probabilities(X), bayes(scorer, scales, X), rtol=0, atol=1e-12)


def two(**changes):
    """Two moods at −1 and 1, of one feature, with the tails of the Cauchy distribution."""
    fields = {
        "means": np.array([[-1.0], [1.0]]), "roots": np.ones((2, 1)), "freedom": np.ones(2),
        "share": np.ones(2), "mood": np.array([0, 1]), "prior": np.array([0.5, 0.5]),
        "temperature": 1.0,
    }  # fmt: skip
    return Densities(**{**fields, **changes})


def test_two_cauchy_distributions_by_hand():
    # At 1: 1 / (1 + 4) against 1, so 1 : 5.
    assert_allclose(two().probabilities([[0.0], [1.0]]), [[0.5, 0.5], [1 / 6, 5 / 6]], atol=1e-15)
    tempered = two(temperature=2.0).probabilities([[1.0]])
    assert_allclose(tempered, [[1 / (1 + 5**0.5), 5**0.5 / (1 + 5**0.5)]], atol=1e-15)
    prior = two(prior=np.array([0.75, 0.25])).probabilities([[0.0]])
    assert_allclose(prior, [[0.75, 0.25]], atol=1e-15)


def test_far_from_everything_it_grows_unsure():
    p = two().probabilities([[1.0], [3.0], [30.0], [1e6], [1e100]])[:, 1]
    assert (np.diff(p[1:]) < 0).all()
    assert p[-1] == pytest.approx(0.5)


def test_a_mood_without_components_is_never_said():
    p = two(prior=np.array([0.4, 0.4, 0.2])).probabilities([[0.0], [50.0]])
    assert_allclose(p[:, 2], 0)
    assert_allclose(p.sum(axis=1), 1)


def test_more_components_than_are_taken_together_make_no_difference(monkeypatch):
    scorer, _ = mixture()
    X = np.random.default_rng(2).normal(size=(20, 4))
    whole = scorer.probabilities(X)
    monkeypatch.setattr("affetto.densities._TOGETHER", 3)
    assert_allclose(scorer.probabilities(X), whole, rtol=0, atol=1e-15)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"freedom": np.array([1.0, 0.0])}, "freedom is 0; expected a number above 0"),
        ({"share": np.array([1.0, 0.5])}, "do not sum to 1"),
        ({"prior": np.array([0.5, 0.4])}, "do not sum to 1"),
        ({"prior": np.array([1.5, -0.5])}, "prior is -0.5"),
        ({"prior": np.array([1.0])}, "one mood only"),
        ({"mood": np.array([0, 2])}, "none of the 2"),
        ({"mood": np.array([-1, 1])}, "none of the 2"),
        ({"roots": np.array([[1.0], [-1.0]])}, "not lower triangular"),
        ({"roots": np.ones((4, 1))}, r"roots has shape \(4, 1\); expected \(2, 1\)"),
        ({"temperature": 0.0}, "temperature is 0.0"),
        ({"temperature": float("nan")}, "temperature is nan"),
        ({"means": np.full((2, 1), np.nan)}, "means holds NaN"),
        (
            {"means": np.zeros((2, 2)), "roots": np.array([[1.0, 1], [0, 1], [1, 0], [0, 1]])},
            "not lower triangular",
        ),
        ({"means": np.zeros((1025, 1))}, "1025 components; at most 1024"),
    ],
)
def test_broken_densities_are_refused(changes, message):
    with pytest.raises(ModelError, match=message):
        two(**changes)
