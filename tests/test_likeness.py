"""How unlike training a track is: ranks among those trained on, features that go together."""

import copy
import json
import time

import numpy as np
import pytest
from numpy.testing import assert_allclose

from affetto.errors import ModelError
from affetto.likeness import DISTANCE_LEVELS, MIN_TRACKS, UNLIKE
from affetto.population import Population

FEATURES, MOODS = ("energy", "valence", "tempo"), ("Dark", "Happy")


def tracks(n, seed=0, *, r=0.9):
    """Energy and valence that go together, tempo that goes with neither."""
    draw = np.random.default_rng(seed)
    z = draw.multivariate_normal([0, 0], [[1, r], [r, 1]], size=n)
    shares = 1 / (1 + np.exp(-z))  # monotone: normal scores see through it
    return np.column_stack([shares, 120 + 20 * draw.standard_normal(n)])


def learned(X):
    return Population.of(X, np.arange(len(X)) % 2, features=FEATURES, moods=MOODS)


@pytest.fixture(scope="module")
def population():
    return learned(tracks(4000))


def test_new_tracks_of_the_same_kind_have_ranks_that_are_spread_evenly(population):
    scores = population.unlikeness(tracks(20_000, seed=1))
    assert_allclose(np.quantile(scores, [0.1, 0.5, 0.9]), [0.1, 0.5, 0.9], atol=0.03)
    assert 0.0003 < (scores > UNLIKE).mean() < 0.003


def test_the_middle_is_the_most_usual_and_what_lies_far_out_is_unlike(population):
    middle, far = population.unlikeness([[0.5, 0.5, 120.0], [0.5, 0.5, 320.0]])
    assert middle < 0.01
    assert UNLIKE < far <= 1


def test_values_that_are_usual_alone_but_not_together_are_unusual(population):
    together, apart = population.unlikeness([[0.8, 0.8, 120.0], [0.8, 0.2, 120.0]])
    assert together < 0.75
    assert apart > UNLIKE


def test_the_score_grows_all_the_way_out(population):
    tempi = np.column_stack([np.full(50, 0.5), np.full(50, 0.5), np.linspace(122, 182, 50)])
    scores = population.unlikeness(tempi)
    assert (np.diff(scores) > 0).all()
    beyond = population.unlikeness([[0.5, 0.5, tempo] for tempo in (200.0, 210.0, 220.0, 399.0)])
    assert (np.diff(beyond) >= 0).all() and beyond[-1] == 1


def test_fifty_tracks_do_not_call_every_new_one_unlike():
    few = learned(tracks(50, seed=3))
    scores = few.unlikeness(tracks(5000, seed=4))
    assert (scores > UNLIKE).mean() < 0.02
    assert few.unlikeness([[0.99, 0.01, 300.0]])[0] > UNLIKE


def test_a_value_that_most_tracks_share_is_usual_and_another_less_so():
    X = tracks(1000, seed=5)
    X[:900, 1] = 0.0
    usual, unusual = learned(X).unlikeness([[0.5, 0.0, 120.0], [0.5, 0.99, 120.0]])
    assert usual < 0.3
    assert unusual > 0.9


def test_a_feature_that_never_varies_tells_what_differs_from_it():
    X = tracks(200, seed=6)
    X[:, 1] = 0.5
    same, other = learned(X).unlikeness([[0.5, 0.5, 120.0], [0.5, 0.9, 120.0]])
    assert same < 0.1
    assert other > UNLIKE


def test_missing_values_have_no_score_and_absurd_ones_have_one(population):
    scores = population.unlikeness([[np.nan, 0.5, 120.0], [0.5, 0.5, 1e300]])
    assert np.isnan(scores[0])
    assert scores[1] == 1


def test_too_few_tracks_tell_nothing():
    few = learned(tracks(MIN_TRACKS - 1))
    assert few.unlikeness([[0.5, 0.5, 120.0]]) is None
    assert "likeness" not in few.as_dict()
    assert learned(tracks(MIN_TRACKS)).likeness is not None


def test_it_comes_back_from_json_the_same(population):
    entry = json.loads(json.dumps(population.as_dict()))
    back = Population.read(entry, features=FEATURES, moods=MOODS)
    X = tracks(100, seed=7)
    assert (back.unlikeness(X) == population.unlikeness(X)).all()
    assert back.as_dict() == population.as_dict()


def test_a_file_of_before_has_none(population):
    entry = {key: value for key, value in population.as_dict().items() if key != "likeness"}
    assert Population.read(entry, features=FEATURES, moods=MOODS).unlikeness([[0.5] * 3]) is None


def test_it_holds_no_tracks(population):
    assert len(json.dumps(population.as_dict()["likeness"])) < 500


def test_a_million_tracks_take_about_a_second(population):
    X = np.tile(tracks(1000), (1000, 1))
    started = time.perf_counter()
    population.unlikeness(X)
    assert time.perf_counter() - started < 5


FLAT = [1.0] * len(DISTANCE_LEVELS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"correlation": KeyError}, "expected exactly correlation, levels, distances"),
        ({"rows": []}, "expected exactly correlation"),
        ({"levels": [0.5]}, r"distances at \[0.5\]"),
        ({"distances": FLAT[1:]}, "distances is .*; expected 11 numbers"),
        ({"distances": ["1", *FLAT[1:]]}, "expected 11 numbers"),
        ({"distances": [*FLAT[1:], 0.5]}, "distances fall"),
        ({"distances": [-1.0, *FLAT[1:]]}, "distances fall, or lie outside"),
        ({"distances": [*FLAT[1:], float("nan")]}, "expected 11 numbers"),
        ({"distances": [*FLAT[1:], 1e9]}, "lie outside 0 to 1000000"),
        ({"distances": None}, "distances is .*None"),
        ({"correlation": [[1.0, 0.0], [0.0, 1.0]]}, "expected 9 numbers"),
        ({"correlation": "much"}, "expected 9 numbers"),
        ({"correlation": [[1, 1, 1]] * 3}, "can be inverted"),
        ({"correlation": [[1, 0.5, 0], [0.4, 1, 0], [0, 0, 1]]}, "symmetric"),
        ({"correlation": [[2, 0, 0], [0, 2, 0], [0, 0, 2]]}, "along the diagonal"),
        ({"correlation": [[1, -3, 0], [-3, 1, 0], [0, 0, 1]]}, "from -1 to 1"),
        ({"correlation": [[1, True, 0], [True, 1, 0], [0, 0, 1]]}, "expected 9 numbers"),
    ],
)
def test_what_is_not_as_written_is_refused(population, change, message):
    entry = copy.deepcopy(population.as_dict())
    for key, value in change.items():
        if value is KeyError:
            del entry["likeness"][key]
        else:
            entry["likeness"][key] = value
    with pytest.raises(ModelError, match=message):
        Population.read(entry, features=FEATURES, moods=MOODS)


@pytest.mark.parametrize("entry", [[], "near", 3, {}])
def test_what_is_no_likeness_is_refused(population, entry):
    with pytest.raises(ModelError, match="likeness: expected exactly"):
        Population.read({**population.as_dict(), "likeness": entry}, features=FEATURES, moods=MOODS)
