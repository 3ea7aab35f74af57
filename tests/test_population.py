"""What a model remembers of its tracks: quantiles as defined, places, nothing hostile."""

import copy
import json

import numpy as np
import pytest
from numpy.testing import assert_allclose

from affetto.errors import ModelError, UsageError
from affetto.population import LEVELS, Population

FEATURES, MOODS = ("energy", "tempo"), ("Dark", "Happy")


@pytest.fixture
def population():
    """101 tracks a mood, energy 0 … 1 in both; tempo 50 … 150, of happy ones twice that."""
    steps = np.linspace(0, 1, 101)
    dark = np.stack([steps, 50 + 100 * steps], axis=1)
    happy = np.stack([steps, 100 + 200 * steps], axis=1)
    y = np.repeat([0, 1], 101)
    return Population.of(np.vstack([dark, happy]), y, features=FEATURES, moods=MOODS)


def test_quantiles_are_those_of_each_feature(population):
    assert population.tracks == 202
    assert_allclose(population.overall[0], LEVELS, atol=1e-9)
    assert_allclose(population.per_mood[0, 1], 50 + 100 * np.array(LEVELS), rtol=1e-4)
    assert_allclose(population.per_mood[1, 1], 100 + 200 * np.array(LEVELS), rtol=1e-4)


def test_quantiles_have_four_digits():
    X = np.array([[1 / 3], [2 / 3]])
    quantiles = Population.of(X, [0, 1], features=["energy"], moods=MOODS).per_mood
    assert set(quantiles.ravel()) == {0.3333, 0.6667}


@pytest.mark.parametrize(
    ("energy", "below"),
    [(0.5, 0.5), (0.3, 0.3), (0.93, 0.93), (0.98, 0.98), (0.0, 0.02), (1.0, 0.98), (0.02, 0.02)],
)
def test_a_place_is_the_share_below_and_above(population, energy, below):
    for circle in population.places(np.array([energy, 120.0])):
        assert circle[0].below == pytest.approx(below)
        assert circle[0].above == pytest.approx(1 - below)
        assert (circle[0].low, circle[0].median, circle[0].high) == (0.25, 0.5, 0.75)


def test_places_are_among_all_first_then_among_each_mood(population):
    among_all, among_dark, among_happy = population.places(np.array([0.5, 150.0]))
    assert among_dark[1].below == pytest.approx(0.98)
    assert among_happy[1].below == pytest.approx(0.25)
    assert 0.25 < among_all[1].below < 0.98


@pytest.mark.parametrize(
    ("shared", "value", "below", "above"),
    [
        (slice(0, 60), 0.0, 0.0, 0.5),  # sixty of a hundred have no vocals at all
        (slice(40, 100), 1.0, 0.5, 0.0),
        (slice(20, 80), 0.5, 0.25, 0.25),
        (slice(0, 100), 0.5, 0.0, 0.0),
        (slice(0, 100), 0.7, 0.98, 0.02),
        (slice(0, 100), 0.2, 0.02, 0.98),
    ],
)
def test_who_shares_a_value_is_on_neither_side(shared, value, below, above):
    X = np.linspace(0.01, 0.99, 100)[:, None]
    X[shared] = 0.5 if shared == slice(0, 100) else value
    X = np.vstack([X, X])
    population = Population.of(X, np.repeat([0, 1], 100), features=["energy"], moods=MOODS)
    place = population.places(np.array([value]))[1][0]
    assert (place.below, place.above) == pytest.approx((below, above), abs=1e-9)


def test_it_comes_back_from_json(population):
    entry = json.loads(json.dumps(population.as_dict()))
    back = Population.read(entry, features=FEATURES, moods=MOODS)
    assert_allclose(back.overall, population.overall, rtol=0)
    assert_allclose(back.per_mood, population.per_mood, rtol=0)
    assert back.as_dict() == population.as_dict()


def spoil(entry, *path, value):
    for key in path[:-1]:
        entry = entry[key]
    if value is KeyError:
        del entry[path[-1]]
    else:
        entry[path[-1]] = value


NINE = [0.1] * 9


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("tracks",), KeyError, "population: expected exactly tracks, levels"),
        (("rows",), [], "population: expected exactly"),
        (("tracks",), 0, "tracks is 0; expected a count"),
        (("tracks",), True, "tracks is True"),
        (("levels",), [0.5], r"quantiles at \[0.5\]"),
        (("overall",), [], "population, overall: expected exactly energy, tempo"),
        (("overall", "energy"), KeyError, "expected exactly energy, tempo"),
        (("overall", "energy"), NINE[1:], "energy is .*; expected 9 numbers"),
        (("overall", "energy"), [*NINE[1:], 0.0], "numbers that do not fall"),
        (("overall", "energy"), [*NINE[1:], 1.5], "within 0 to 1"),
        (("overall", "energy"), [-0.1, *NINE[1:]], "within 0 to 1"),
        (("overall", "energy"), [float("nan"), *NINE[1:]], "expected 9 numbers"),
        (("overall", "energy"), ["0.1", *NINE[1:]], "expected 9 numbers"),
        (("overall", "energy"), [True] * 9, "expected 9 numbers"),
        (("overall", "tempo"), [1e300] * 9, "within 0 to 400"),
        (("per_mood", "Dark"), KeyError, "per_mood: expected exactly Dark, Happy"),
        (("per_mood", "Sad"), {}, "per_mood: expected exactly Dark, Happy"),
        (("per_mood", "Happy", "tempo"), None, "population, Happy: tempo is None"),
    ],
)
def test_what_is_not_as_written_is_refused(population, path, value, message):
    entry = copy.deepcopy(population.as_dict())
    spoil(entry, *path, value=value)
    with pytest.raises(ModelError, match=message):
        Population.read(entry, features=FEATURES, moods=MOODS)


@pytest.mark.parametrize("entry", [None, [], "all of them", 3])
def test_what_is_no_population_is_refused(entry):
    with pytest.raises(ModelError, match="expected exactly tracks"):
        Population.read(entry, features=FEATURES, moods=MOODS)


def test_a_mood_without_tracks_and_missing_values_are_refused():
    with pytest.raises(UsageError, match="no track is Happy"):
        Population.of([[0.5]], [0], features=["energy"], moods=MOODS)
    with pytest.raises(UsageError, match="missing or infinite"):
        Population.of([[0.5], [np.nan]], [0, 1], features=["energy"], moods=MOODS)
