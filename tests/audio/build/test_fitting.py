"""Fitting on data whose law is known, and what cross-validation may not see."""

import numpy as np
import pytest

from affetto.audio.build import fitting
from affetto.audio.build.fitting import (
    area_under_curve,
    cross_validated,
    fit_kernel,
    fit_quadratic,
    group_folds,
    matching_curve,
    pearson,
    random_folds,
)
from affetto.audio.maps import mfcc_input_names

RNG = np.random.default_rng(1)


@pytest.fixture(autouse=True)
def few_landmarks(monkeypatch):
    """As many as such small data need: the packaged map has five times as many."""
    monkeypatch.setattr(fitting, "N_LANDMARKS", 300)
    monkeypatch.setattr(fitting, "_N_BETWEEN", 600)


def quadratic(X, y, rows=None):
    rows = np.arange(len(X)) if rows is None else rows
    names = [f"x{i}" for i in range(X.shape[1])]
    return fit_quadratic(
        X[rows],
        y[rows, None],
        inputs=names,
        outputs=("y",),
        families=names,
        weights=np.ones(len(rows)),
    )


def cepstra(n):
    """MFCC statistics of n made-up tracks; their level is what `levels` says."""
    levels = RNG.uniform(-1, 1, n)
    X = RNG.normal(size=(n, 100))
    X[:, 0] = X[:, 20] = X[:, 40] = 30 * levels
    X[:, 60:80] = np.abs(X[:, 60:80]) + 1
    return X, levels


def test_a_quadratic_law_is_found():
    X = RNG.normal(size=(300, 4))
    y = X[:, 0] - 0.5 * X[:, 1] * X[:, 2]
    folds = random_folds(len(X), 5, 0)
    predicted = cross_validated(lambda rows: quadratic(X, y, rows), X, 1, folds)[:, 0]
    assert pearson(predicted, y) > 0.9


def test_of_noise_nothing_is_learned():
    X, y = RNG.normal(size=(200, 30)), RNG.normal(size=200)
    folds = random_folds(len(X), 5, 0)
    predicted = cross_validated(lambda rows: quadratic(X, y, rows), X, 1, folds)[:, 0]
    assert abs(pearson(predicted, y)) < 0.25


def test_missing_values_count_as_typical():
    X = RNG.normal(size=(200, 3))
    y = X[:, 0].copy()
    X[::7, 1] = np.nan
    assert np.isfinite(quadratic(X, y).evaluate(X)).all()


def test_landmarks_follow_the_law_and_hold_no_row():
    X, levels = cepstra(240)
    coded = X[:20], X[:20] + 0.01
    one = fit_kernel(
        X[:200], levels[:200, None], inputs=mfcc_input_names(), outputs=("y",), coded=coded
    )
    assert pearson(one.evaluate(X[200:])[:, 0], levels[200:]) > 0.9
    rows = one.place(X[:200])
    distances = ((one.landmarks[:, None, :8] - rows[None, :, :8]) ** 2).sum(axis=2)
    assert distances.min() > 1e-6


def test_what_codecs_move_counts_less():
    X, levels = cepstra(200)
    # The level can be read in two places; coding moves one of them.
    X[:, 1] = X[:, 21] = X[:, 41] = 30 * levels + RNG.normal(size=200)
    moved = X[:60].copy()
    moved[:, [1, 21, 41]] += RNG.normal(0, 15, size=(60, 1))

    def change(coded):
        one = fit_kernel(X, levels[:, None], inputs=mfcc_input_names(), outputs=("y",), coded=coded)
        return np.abs(one.evaluate(moved) - one.evaluate(X[:60])).mean()

    assert change((X[:60], moved)) < change((X[:60], X[:60]))


def test_no_row_is_predicted_by_a_map_that_saw_it():
    seen = []

    class Spy:
        def __init__(self, rows):
            self.rows = set(rows.tolist())

        def evaluate(self, X):
            seen.append(self.rows & {int(value) for value in X[:, 0]})
            return X[:, :1]

    X = np.arange(20.0)[:, None]
    predicted = cross_validated(Spy, X, 1, random_folds(20, 4, 0))
    assert predicted[:, 0].tolist() == X[:, 0].tolist()
    assert seen == [set()] * 4


def test_folds_share_out_all_rows():
    folds = random_folds(11, 3, 2)
    assert sorted(np.concatenate(folds)) == list(range(11))
    assert [fold.tolist() for fold in folds] == [f.tolist() for f in random_folds(11, 3, 2)]
    assert [fold.tolist() for fold in group_folds(["b", "a", "b"])] == [[1], [0, 2]]


def test_area_under_curve():
    assert area_under_curve(np.array([2.0, 3.0]), np.array([0.0, 1.0])) == 1
    assert area_under_curve(np.array([1.0]), np.array([1.0])) == 0.5
    assert area_under_curve(np.array([0.0, 3.0]), np.array([1.0, 2.0])) == 0.5


def test_a_matching_curve_gives_the_spread_of_its_target():
    source, target = RNG.normal(0.5, 0.05, 5000), RNG.uniform(0, 1, 5000)
    knots, values = matching_curve(source, target)
    assert np.all(np.diff(knots) > 0)
    sent = np.interp(source, knots, values)
    assert np.quantile(sent, [0.1, 0.5, 0.9]) == pytest.approx([0.1, 0.5, 0.9], abs=0.03)
