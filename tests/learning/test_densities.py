"""Densities fitted: the moments that were put in come out, and lean on each other as stated."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from affetto.errors import LabelError
from affetto.learning.densities import LEAST_ROWS, SHAPE, fit_densities

PLAIN = replace(SHAPE, own=1.0, between=0.0, round=0.0, temperature=1.0)


def sample(*centres, n=60, seed=0):
    """Rows of moods 0, 1, … about their centres, each exactly with unit covariance."""
    draw = np.random.default_rng(seed)
    rows = []
    for centre in centres:
        Z = draw.normal(size=(n, 2))
        Z -= Z.mean(axis=0)
        Z = Z @ np.linalg.inv(np.linalg.cholesky(np.cov(Z.T, bias=True))).T
        rows.append(Z + centre)
    y = np.repeat(np.arange(len(centres)), n)
    return np.vstack(rows), y, np.ones(len(y)), np.full(len(y), "a")


def covariances(scorer):
    c, d = scorer.means.shape
    roots = scorer.roots.reshape(c, d, d)
    return np.linalg.inv(np.swapaxes(roots, 1, 2) @ roots)


def test_means_and_covariances_are_those_of_the_rows():
    scorer = fit_densities(*sample([2, 0], [0, 5]), n_moods=2, shape=PLAIN)
    assert_allclose(scorer.means, [[2, 0], [0, 5]], atol=1e-12)
    assert_allclose(covariances(scorer), np.stack([np.eye(2)] * 2), atol=1e-9)
    assert_allclose(scorer.prior, [0.5, 0.5])
    assert scorer.freedom.tolist() == [5.0, 5.0]


def test_rows_count_by_their_weights_and_not_at_all_at_0():
    Z, y, weights, sources = sample([2, 0], [0, 5])
    more, shifted = np.vstack([Z, Z[:60] + 9]), np.concatenate([y, y[:60]])
    sources = np.full(180, "a")
    none = np.concatenate([weights, np.zeros(60)])
    scorer = fit_densities(more, shifted, none, sources, n_moods=2, shape=PLAIN)
    assert_allclose(scorer.means[0], [2, 0], atol=1e-12)
    third = np.concatenate([weights, np.full(60, 0.5)])
    scorer = fit_densities(more, shifted, third, sources, n_moods=2, shape=PLAIN)
    assert_allclose(scorer.means[0], [5, 3], atol=1e-12)


def test_a_source_each_mixed_by_its_weight():
    Z, y, weights, sources = sample([2, 0], [-2, 0], [0, 5])
    y = np.array([0, 0, 1])[y]
    sources[60:120] = "b"
    weights[60:120] = 3.0
    scorer = fit_densities(Z, y, weights, sources, n_moods=2, shape=PLAIN)
    assert scorer.mood.tolist() == [0, 0, 1]
    assert_allclose(scorer.share, [0.25, 0.75, 1])
    # Variance between the means of mood 0's sources: 4 in the first feature.
    wide = fit_densities(Z, y, weights, sources, n_moods=2, shape=replace(PLAIN, between=0.5))
    assert_allclose(covariances(wide)[0], np.diag([3, 1]), atol=1e-9)
    assert_allclose(covariances(wide)[2], np.eye(2), atol=1e-9)


def test_covariances_lean_on_the_mean_of_all_and_on_the_sphere():
    Z, y, weights, sources = sample([0, 0], [0, 0])
    Z[60:] *= [3, 1]  # mood 1: variances 9 and 1
    leaning = fit_densities(Z, y, weights, sources, n_moods=2, shape=replace(PLAIN, own=0.5))
    assert_allclose(covariances(leaning), [np.diag([3, 1]), np.diag([7, 1])], atol=1e-9)
    rounder = fit_densities(Z, y, weights, sources, n_moods=2, shape=replace(PLAIN, round=0.5))
    assert_allclose(covariances(rounder)[1], np.diag([7, 3]), atol=1e-9)


def test_too_few_rows_of_a_source_are_left_out_where_another_has_enough():
    Z, y, weights, sources = sample([2, 0], [0, 5])
    sources[: LEAST_ROWS - 1] = "few"
    scorer = fit_densities(Z, y, weights, sources, n_moods=2, shape=PLAIN)
    assert scorer.mood.tolist() == [0, 1]
    # Nobody has enough: one of all.
    sources[:60] = [f"s{i % 10}" for i in range(60)]
    scorer = fit_densities(Z, y, weights, sources, n_moods=2, shape=PLAIN)
    assert scorer.mood.tolist() == [0, 1]
    assert_allclose(scorer.means[0], [2, 0], atol=1e-12)


def test_what_a_source_lacks_is_taken_for_the_middle_of_all():
    Z, y, weights, sources = sample([2, 0], [-2, 0], [0, 5])
    y, sources = np.array([0, 0, 1])[y], np.repeat(["a", "b", "a"], 60)
    Z[60:120, 1] = np.nan
    scorer = fit_densities(Z, y, weights, sources, n_moods=2, shape=PLAIN)
    known = Z[sources == "a", 1]
    assert scorer.means[1, 1] == pytest.approx(known.mean())
    assert covariances(scorer)[1, 1, 1] == pytest.approx(known.var())
    assert covariances(scorer)[1, 0, 1] == pytest.approx(0, abs=1e-12)


def test_moods_not_taught_are_never_said_and_one_alone_is_refused():
    Z, y, weights, sources = sample([2, 0], [0, 5])
    p = fit_densities(Z, y, weights, sources, n_moods=4).probabilities(Z)
    assert p.shape == (120, 4)
    assert not p[:, 2:].any()
    assert (p.argmax(axis=1) == y).mean() > 0.95
    with pytest.raises(LabelError, match="fewer than two moods"):
        fit_densities(Z, y, np.where(y == 0, 1.0, 0.0), sources, n_moods=2)


def test_features_that_never_vary_do_no_harm():
    Z, y, weights, sources = sample([2, 0], [0, 5])
    Z = np.column_stack([Z, np.zeros(len(Z))])
    p = fit_densities(Z, y, weights, sources, n_moods=2).probabilities(Z)
    assert np.isfinite(p).all()
