"""Drift: nothing moved, something moved by a known amount, and guesses at the cause."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from affetto.drift import CLOSE, DRIFTED, FAR, UNTOLD, measure_drift, stability_index
from affetto.population import LEVELS, Population

FEATURES = ("energy", "tempo", "instrumentalness", "valence")


def tracks(n, seed=0):
    """Energy and valence bell-shaped, tempo about 120, instrumentalness mostly 0."""
    draw = np.random.default_rng(seed)
    X = np.c_[
        draw.normal(0.5, 0.1, n),
        draw.normal(120, 20, n),
        np.where(draw.random(n) < 0.45, 0.0, draw.beta(0.5, 1, n)),
        draw.normal(0.4, 0.1, n),
    ]
    return np.clip(X, 0, [1, 250, 1, 1])


@pytest.fixture(scope="module")
def population():
    return Population.of(
        tracks(4000), np.arange(4000) % 2, features=FEATURES, moods=("Happy", "Dark")
    )


def of(drift, feature):
    return next(one for one in drift.features if one.feature == feature)


def test_the_same_population_is_close(population):
    drift = measure_drift(tracks(3000, seed=1), population)
    assert drift.verdict == CLOSE
    assert {one.verdict for one in drift.features} == {CLOSE}
    assert all(one.psi < 0.02 for one in drift.features)
    energy = of(drift, "energy")
    assert (energy.below, energy.above) == pytest.approx((0.02, 0.02), abs=0.01)
    assert drift.unlike < 0.01


def test_the_index_of_a_known_shift():
    """A normal population moved by half a deviation; each cell's share is known."""
    quantiles = stats.norm.ppf(LEVELS)
    values = stats.norm.ppf((np.arange(200_000) + 0.5) / 200_000) + 0.5
    shares = np.diff(stats.norm.cdf(quantiles - 0.5), prepend=0, append=1)
    trained = np.diff(LEVELS, prepend=0, append=1)
    expected = ((shares - trained) * np.log(shares / trained)).sum()
    psi, _ = stability_index(values, quantiles, 1000)
    assert psi == pytest.approx(expected, abs=1e-3)
    assert 0.2 < psi < 0.3


def test_values_that_most_training_tracks_share_are_no_drift(population):
    """Four of ten tracks without voice detected: equal quantiles tell no share."""
    assert population.overall[2, 0] == population.overall[2, 3] == 0
    assert of(measure_drift(tracks(3000, seed=2), population), "instrumentalness").psi < 0.02


def test_a_feature_without_any_edge_cannot_be_told():
    assert stability_index(np.zeros(50), np.zeros(len(LEVELS)), 100) == (None, 0.0)
    flat = Population.of(
        np.full((40, 1), 0.5), np.arange(40) % 2, features=("energy",), moods=("Happy", "Dark")
    )
    drift = measure_drift(np.full((40, 1), 0.9), flat)
    assert drift.features[0].verdict == drift.verdict == UNTOLD


def test_chance_is_told_from_drift(population):
    """The index of thirty tracks is often above .10, and seldom called drift."""
    drifts = [measure_drift(tracks(30, seed), population) for seed in range(100, 200)]
    indices = [one.psi for drift in drifts for one in drift.features]
    assert np.mean(np.array(indices) > 0.1) > 0.5
    called = [one.verdict != CLOSE for drift in drifts for one in drift.features]
    assert np.mean(called) < 0.01


def test_the_noise_is_what_chance_gives(population):
    """Yurdakul and Naranjo: χ² (1/n + 1/m); one in a thousand lies above."""
    quantiles = population.overall[0]
    found = [stability_index(tracks(500, seed)[:, 0], quantiles, 4000) for seed in range(300)]
    assert np.mean([psi for psi, _ in found]) == pytest.approx(9 * (1 / 500 + 1 / 4000), rel=0.15)
    assert found[0][1] == pytest.approx(stats.chi2.ppf(0.999, 9) * (1 / 500 + 1 / 4000), rel=0.02)


def test_too_few_tracks_are_not_judged(population):
    drift = measure_drift(tracks(12, seed=1) * [1, 0.01, 1, 1], population)
    assert drift.verdict == UNTOLD
    assert {one.verdict for one in drift.features} == {UNTOLD}


def test_one_feature_moved_far_is_drift_and_two_of_four_are_far(population):
    X = tracks(2000, seed=3)
    X[:, 3] -= 0.15
    drift = measure_drift(np.clip(X, 0, 250), population)
    assert drift.verdict in {DRIFTED, FAR}
    assert drift.features[0].feature == "valence"
    valence = drift.features[0]
    assert valence.verdict == FAR
    assert valence.median == pytest.approx(0.25, abs=0.01)
    assert valence.shift == pytest.approx(-0.15 / (0.1 * 1.349), abs=0.1)
    assert valence.cause is None
    X[:, 1] += 50
    assert measure_drift(np.clip(X, 0, 250), population).verdict == FAR


def test_tracks_unlike_anything_make_a_table_far_though_no_feature_alone_moved(population):
    X = tracks(2000, seed=4)
    X[::5] = [0.99, 249.0, 0.0, 0.99]
    drift = measure_drift(X, population)
    assert drift.unlike == pytest.approx(0.2, abs=0.01)
    assert drift.verdict == FAR


def test_a_model_that_cannot_tell_the_unlike_is_still_checked(population):
    drift = measure_drift(tracks(500, seed=1), replace(population, likeness=None))
    assert drift.unlike is None
    assert drift.verdict == CLOSE


@pytest.mark.parametrize(
    ("feature", "change", "cause"),
    [
        ("tempo", lambda v: v / 250, "all values lie from 0 to 1: scaled?"),
        ("tempo", lambda v: v / 60, "sixty times smaller than in training: in another unit?"),
        ("energy", lambda v: np.where(np.arange(len(v)) % 3, v, 0), "33% of the tracks have the"),
        ("valence", lambda v: v * 0 + 0.5, "100% of the tracks have the very same value, 0.5"),
        ("valence", lambda v: v - 0.2, None),
    ],
)
def test_causes_are_guessed(population, feature, change, cause):
    X = tracks(900, seed=5)
    place = FEATURES.index(feature)
    X[:, place] = change(X[:, place])
    found = of(measure_drift(X, population), feature)
    assert found.verdict != CLOSE
    assert (found.cause or "").startswith(cause or "")
    assert (found.cause is None) == (cause is None)


def test_a_length_in_seconds_is_recognised():
    draw = np.random.default_rng(0)
    lengths = draw.normal(200_000, 30_000, (400, 1))
    known = Population.of(
        lengths, np.arange(400) % 2, features=("duration_ms",), moods=("Happy", "Dark")
    )
    (found,) = measure_drift(lengths / 1000, known).features
    assert found.cause == "a thousand times smaller than in training: in another unit?"


def test_plain_data(population):
    told = measure_drift(tracks(100, seed=1), population).as_dict()
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert told["trained_tracks"] == 4000
    assert len(told["features"]) == 4
