"""What tracks and baseline say: odds ratios, their intervals, exploration."""

import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from affetto.learning.interpretation import explore, leading_features, odds_ratios


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """More would fight over the cores: boosting then takes a hundred times as long."""
    with threadpool_limits(1):
        yield


FEATURES = ("energy", "tempo", "valence", "loudness")
MOODS = ("Energetic", "Relaxing", "Dark")


def simulated(n, coefficients, seed=0):
    """Tracks whose moods follow the softmax of known coefficients, shape (moods, features)."""
    draw = np.random.default_rng(seed)
    coefficients = np.asarray(coefficients, dtype=float)
    X = draw.normal(size=(n, coefficients.shape[1]))
    logits = X @ coefficients.T
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    y = (p.cumsum(axis=1) > draw.random((n, 1))).argmax(axis=1)
    return X, y


def as_matrix(table, features, moods, key="odds_ratio"):
    found = {mood: {row["feature"]: row[key] for row in rows} for mood, rows in table.items()}
    return np.array([[found[mood][feature] for feature in features] for mood in moods])


# ---------------------------------------------------------------- odds ratios

TRUE = [[0.9, 0.0, -0.6, 0.2], [-0.9, 0.4, 0.6, 0.0], [0.0, -0.4, 0.0, -0.2]]


@pytest.mark.parametrize("C", [0.05, 1.0])
def test_odds_ratios_are_exp_of_scikit_learns_coefficients(C):
    X, y = simulated(300, TRUE)
    X = X * [1, 30, 0.1, 5] + [0, 120, 0.5, -8]  # units do not matter
    table = odds_ratios(X, y, FEATURES, MOODS, C=C, n_bootstrap=2)
    model = LogisticRegression(C=C, max_iter=1000).fit(StandardScaler().fit_transform(X), y)
    # lbfgs stops within 1e-4 of the optimum.
    assert_allclose(as_matrix(table, FEATURES, MOODS), np.exp(model.coef_), rtol=1e-3)


def test_an_odds_ratio_is_what_it_says():
    """One standard deviation more multiplies the odds against the moods' geometric mean."""
    X, y = simulated(300, TRUE)
    ratios = as_matrix(odds_ratios(X, y, FEATURES, MOODS, n_bootstrap=2), FEATURES, MOODS)
    scaler = StandardScaler().fit(X)
    model = LogisticRegression(C=1.0, max_iter=1000).fit(scaler.transform(X), y)
    for column in range(len(FEATURES)):
        more = X.copy()
        more[:, column] += X[:, column].std()
        before, after = (model.predict_proba(scaler.transform(Z)) for Z in (X, more))
        odds = [p / np.exp(np.log(p).mean(axis=1, keepdims=True)) for p in (before, after)]
        assert_allclose((odds[1] / odds[0])[0], ratios[:, column], rtol=2e-3)


def test_of_two_moods_each_ratio_is_the_inverse_of_the_other():
    X, y = simulated(200, [[0, 0, 0, 0], [1.5, 0, -1, 0]])
    table = odds_ratios(X, y, FEATURES, MOODS[:2], n_bootstrap=30)
    ratios, low, high = (
        as_matrix(table, FEATURES, MOODS[:2], key) for key in ("odds_ratio", "low", "high")
    )
    assert_allclose(ratios[0] * ratios[1], 1)
    assert_allclose(low[0] * high[1], 1)
    model = LogisticRegression(max_iter=1000).fit(StandardScaler().fit_transform(X), y)
    assert_allclose(ratios[1], np.exp(model.coef_[0]), rtol=1e-3)
    assert ratios[1, 0] > 2
    assert ratios[1, 2] < 0.6


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    inside = widths = 0
    n_draws = 8
    for seed in range(n_draws):
        X, y = simulated(600, TRUE, seed)
        table = odds_ratios(X, y, FEATURES, MOODS, C=100.0, seed=seed, n_bootstrap=50)
        low, high = (as_matrix(table, FEATURES, MOODS, key) for key in ("low", "high"))
        truth = np.exp(np.array(TRUE) * X.std(axis=0))
        inside += ((low <= truth) & (truth <= high)).mean() / n_draws
        widths += np.log(high / low).mean() / n_draws
    assert 0.88 <= inside <= 0.99
    assert widths < 0.6  # and are not so wide as to say nothing


def test_the_ratio_lies_within_its_interval_and_rows_fall_by_strength():
    X, y = simulated(200, TRUE)
    table = odds_ratios(X, y, FEATURES, MOODS, n_bootstrap=40)
    assert list(table) == list(MOODS)
    for rows in table.values():
        assert sorted(row["feature"] for row in rows) == sorted(FEATURES)
        strength = [abs(np.log(row["odds_ratio"])) for row in rows]
        assert strength == sorted(strength, reverse=True)
        assert all(row["low"] < row["odds_ratio"] < row["high"] for row in rows)


def test_the_bootstrap_is_seeded():
    X, y = simulated(100, TRUE)
    one, same = (odds_ratios(X, y, FEATURES, MOODS, seed=1, n_bootstrap=5) for _ in range(2))
    other = odds_ratios(X, y, FEATURES, MOODS, seed=2, n_bootstrap=5)
    assert one == same
    assert one != other
    first, second = (as_matrix(t, FEATURES, MOODS) for t in (one, other))
    assert_allclose(first, second)  # the ratios themselves draw nothing


def test_a_rare_mood_is_in_every_draw():
    X, y = simulated(200, TRUE)
    keep = np.concatenate([np.flatnonzero(y != 2), np.flatnonzero(y == 2)[:5]])
    table = odds_ratios(X[keep], y[keep], FEATURES, MOODS, n_bootstrap=30)
    assert np.isfinite(as_matrix(table, FEATURES, MOODS, "high")).all()


def test_the_leading_feature_raises_the_odds_most():
    rows = [
        {"feature": "energy", "odds_ratio": 0.2},
        {"feature": "tempo", "odds_ratio": 1.4},
        {"feature": "valence", "odds_ratio": 1.1},
    ]
    assert leading_features({"Dark": rows, "Happy": rows[2:]}) == {
        "Dark": "tempo",
        "Happy": "valence",
    }


def test_leading_features_of_a_simulated_case():
    X, y = simulated(500, TRUE)
    table = odds_ratios(X, y, FEATURES, MOODS, n_bootstrap=2)
    assert leading_features(table)["Energetic"] == "energy"
    assert leading_features(table)["Relaxing"] == "valence"


# ---------------------------------------------------------------- exploration


@pytest.fixture(scope="module")
def explored():
    X, y = simulated(240, TRUE)
    X[:, 3] = X[:, 0] * -2 + 1  # loudness is energy turned round
    p = np.random.default_rng(1).dirichlet(np.ones(3), len(y))
    return X, y, p, explore(X, y, FEATURES, MOODS, p)


def test_figures_of_each_feature_by_mood(explored):
    X, y, _, found = explored
    for index, mood in enumerate(MOODS):
        for column, name in enumerate(FEATURES):
            own = pl.Series(X[y == index, column])
            assert found["features"][mood][name] == pytest.approx(
                {
                    "mean": own.mean(),
                    "sd": own.std(),
                    "q25": own.quantile(0.25, "linear"),
                    "median": own.median(),
                    "q75": own.quantile(0.75, "linear"),
                    "low": own.min(),
                    "high": own.max(),
                }
            )


def test_how_well_each_mood_stands_apart(explored):
    X, y, p, found = explored
    rows = found["separability"]
    assert [row["auc"] for row in rows] == sorted((row["auc"] for row in rows), reverse=True)
    for row in rows:
        index = MOODS.index(row["mood"])
        assert row["auc"] == pytest.approx(roc_auc_score(y == index, p[:, index]))
        areas = [roc_auc_score(y == index, X[:, column]) for column in range(4)]
        best = max(areas, key=lambda area: abs(area - 0.5))
        assert row["feature_auc"] == pytest.approx(max(best, 1 - best))
        assert areas[FEATURES.index(row["feature"])] == pytest.approx(
            row["feature_auc"] if row["direction"] == "high" else 1 - row["feature_auc"]
        )


def test_correlation(explored):
    X, _, _, found = explored
    assert_allclose(found["correlation"], np.corrcoef(X.T), atol=1e-12)
    assert found["correlation"][0][3] == pytest.approx(-1)


def test_a_constant_feature_correlates_with_nothing():
    X, y = simulated(60, TRUE)
    X[:, 1] = 0.1
    found = explore(X, y, FEATURES, MOODS, np.full((60, 3), 1 / 3))
    correlation = np.array(found["correlation"])
    assert_allclose(correlation[1], [0, 1, 0, 0], atol=1e-12)
    assert np.isfinite(correlation).all()
    assert all(row["auc"] == 0.5 for row in found["separability"])
