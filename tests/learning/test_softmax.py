"""The masked regression: equal to scikit-learn's where nothing is masked, blind where it is."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import LogisticRegression

from affetto.learning.softmax import fit_softmax


def blobs(n=120, k=3, seed=0):
    draw = np.random.default_rng(seed)
    y = np.repeat(np.arange(k), n // k)
    centres = np.array([[2.0, 0.0], [-1.0, 1.5], [-1.0, -1.5]])[:k]
    return centres[y] + draw.normal(size=(len(y), 2)), y


def test_it_equals_scikit_learn_where_every_source_holds_all_moods():
    Z, y = blobs()
    weights = np.linspace(0.5, 1.5, len(y))
    penalty = 0.05
    coef, intercept = fit_softmax(Z, y, weights, np.ones((len(y), 3), dtype=bool), penalty=penalty)
    theirs = LogisticRegression(C=1 / (penalty * weights.sum()), tol=1e-8, max_iter=1000)
    theirs.fit(Z, y, sample_weight=weights)
    assert_allclose(coef, theirs.coef_, atol=2e-3)
    assert_allclose(
        intercept - intercept.mean(), theirs.intercept_ - theirs.intercept_.mean(), atol=2e-3
    )


def two_sources():
    """All three moods in one source; in another the first alone, right where the third is."""
    Z, y = blobs()
    draw = np.random.default_rng(1)
    more = np.array([-1.0, -1.5]) + draw.normal(size=(300, 2))
    held = np.ones((len(y) + 300, 3), dtype=bool)
    held[len(y) :] = [True, True, False]
    return np.vstack([Z, more]), np.concatenate([y, np.zeros(300, dtype=int)]), held, Z[y == 2]


@pytest.mark.parametrize(("absent", "fewest", "most"), [(0.0, 0.6, 1.0), (1.0, 0.0, 0.3)])
def test_a_label_that_a_source_lacks_is_evidence_against_it_only_if_asked(absent, fewest, most):
    Z, y, held, third = two_sources()
    coef, intercept = fit_softmax(Z, y, np.ones(len(y)), held, penalty=0.01, absent=absent)
    logits = third @ coef.T + intercept
    # Against the second mood, which the other source could have said, nothing changes.
    odds = (logits.argmax(axis=1) == 2).mean()
    assert fewest <= odds <= most


def test_rows_of_one_mood_alone_do_not_move_what_is_masked():
    Z, y = blobs(k=2)
    held = np.ones((len(y), 2), dtype=bool)
    plain = fit_softmax(Z, y, np.ones(len(y)), held, penalty=0.1)
    alone = np.array([[True, False]] * 50)
    # A source of one mood says nothing: its softmax runs over that mood only.
    more = fit_softmax(
        np.vstack([Z, np.full((50, 2), 9.0)]),
        np.concatenate([y, np.zeros(50, dtype=int)]),
        np.concatenate([np.ones(len(y)), np.full(50, 1e-12)]),
        np.vstack([held, alone]),
        penalty=0.1,
    )
    assert_allclose(plain[0], more[0], atol=1e-3)


def test_a_mood_without_rows_is_never_said():
    Z, y = blobs(k=2)
    coef, intercept = fit_softmax(
        Z, y, np.ones(len(y)), np.ones((len(y), 3), dtype=bool), penalty=0.1
    )
    assert not coef[2].any()
    assert ((Z @ coef.T + intercept).argmax(axis=1) < 2).all()
