"""Two origins on the same tracks: shifts that were put in are found, and no others."""

import json
import math
from itertools import pairwise

import numpy as np
import pytest

from affetto.collecting.scales import FEWEST, Summary, differences, median_interval
from affetto.features import FEATURE_NAMES

SPREAD = {
    **dict.fromkeys(FEATURE_NAMES, 0.3),
    "tempo": 40.0,
    "loudness": 5.0,
    "duration_ms": 60_000.0,
}


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def pairs(first, second, feature="energy"):
    return [({feature: float(a)}, {feature: float(b)}) for a, b in zip(first, second, strict=True)]


def measure(first, second, feature="energy", spread=SPREAD):
    (one,) = differences("table", "reccobeats", pairs(first, second, feature), spread)
    return one


# ---------------------------------------------------------------- the interval of the median


@pytest.mark.parametrize(
    ("n", "low", "high"),  # as statistical tables give them: the ranks
    [(6, 1, 6), (8, 1, 8), (9, 2, 8), (12, 3, 10), (15, 4, 12), (20, 6, 15), (100, 40, 61)],
)
def test_the_ranks_of_the_interval(n, low, high):
    assert median_interval(np.arange(n, 0.0, -1)) == (low, high)


@pytest.mark.parametrize("n", range(FEWEST))
def test_too_few_have_no_interval(n):
    assert median_interval(np.arange(float(n))) is None


def test_the_ranks_are_exact_and_the_narrowest():
    for n in range(FEWEST, 120):
        low, high = median_interval(np.arange(1.0, n + 1))
        k = int(low)
        assert (low, high) == (k, n + 1 - k)
        below = [2 * sum(math.comb(n, i) for i in range(ranks)) for ranks in (k, k + 1)]
        assert below[0] <= 0.05 * 2**n < below[1]


def test_many_tracks_have_the_interval_of_the_normal_approximation():
    low, high = median_interval(np.arange(1.0, 1_000_001))
    assert low == pytest.approx(500_000 - 1.96 * 500, abs=3)
    assert low + high == 1_000_001


@pytest.mark.parametrize("n", [6, 11, 40])
def test_the_interval_holds_the_median_as_often_as_it_says(rng, n):
    # Of a skewed distribution, whose median is ln 2; each of the exact shares is above 95%.
    drawn = rng.exponential(size=(4000, n))
    held = [low <= math.log(2) <= high for low, high in map(median_interval, drawn)]
    low, _ = median_interval(np.arange(1.0, n + 1))
    exact = 1 - 2 * sum(math.comb(n, i) for i in range(int(low))) / 2**n
    assert exact >= 0.95
    assert np.mean(held) == pytest.approx(exact, abs=4 * math.sqrt(exact * (1 - exact) / 4000))


# ---------------------------------------------------------------- what is measured


def test_a_shift_is_found_with_its_size_and_sign(rng):
    first = rng.normal(-8, 4, 38)
    second = first + 1.4 + rng.normal(0, 0.5, 38)
    one = measure(first, second, "loudness")
    assert one.verdict == "shifted"
    assert one.n == 38
    assert one.low < 1.4 < one.high
    assert one.median == pytest.approx(1.4, abs=0.3)
    assert one.ratio == one.median / 5
    assert one.correlation > 0.9
    back = measure(second, first, "loudness")
    assert (back.median, back.low, back.high) == (-one.median, -one.high, -one.low)


def test_equal_scales_with_noise_agree(rng):
    first = rng.uniform(0, 1, 200)
    one = measure(first, first + rng.normal(0, 0.03, 200))
    assert one.verdict == "same scale"
    assert one.distance == pytest.approx(0.6745 * 0.03, rel=0.25)


def test_unlike_values_of_one_level_are_not_called_one_scale(rng):
    one = measure(rng.normal(0.5, 0.22, 2000), rng.normal(0.5, 0.22, 2000))
    assert one.low < 0 < one.high
    assert abs(one.correlation) < 0.1
    assert one.verdict == "scattered"


def test_like_origins_are_rarely_called_shifted(rng):
    # A shift of no size: at most one interval in twenty leaves 0 out.
    first = rng.uniform(0, 1, (1000, 12))
    verdicts = [measure(a, a + rng.normal(0, 0.1, 12)).verdict for a in first]
    assert verdicts.count("shifted") <= 0.05 * 1000
    assert verdicts.count("unclear") > 200  # a dozen tracks cannot tell a small shift


def test_a_small_but_certain_shift_is_one_scale():
    first = np.linspace(0, 1, 50)
    one = measure(first, first + 0.01)
    assert (one.verdict, one.low > 0) == ("same scale", True)


def test_too_few_tracks_tell_nothing():
    for n in range(1, FEWEST):
        one = measure(np.zeros(n), np.ones(n))
        assert (one.verdict, one.low, one.high, one.median) == ("too few to tell", None, None, 1)
    assert measure(np.zeros(FEWEST), np.ones(FEWEST)).verdict == "shifted"


@pytest.mark.parametrize("spread", [{}, {"energy": 0.0}, {"energy": math.nan}])
def test_without_a_spread_no_size_can_be_judged(spread):
    first = np.linspace(0, 1, 20)
    one = measure(first, first + 0.5, spread=spread)
    assert (one.verdict, one.spread, one.ratio) == ("unclear", None, None)
    assert measure(first, first, spread=spread).verdict == "same scale"


def test_the_correlation_is_of_ranks(rng):
    first = rng.uniform(0, 1, 30)
    assert measure(first, first**5).correlation == pytest.approx(1)
    assert measure(first, -first).correlation == pytest.approx(-1)
    assert measure(first, np.full(30, 0.2)).correlation is None
    # Ties share a rank: by hand, ranks 1, 2.5, 2.5, 4 and 1, 2, 3, 4.
    tied = measure([0.1, 0.2, 0.2, 0.9], [0.1, 0.2, 0.3, 0.4]).correlation
    assert tied == pytest.approx(4.5 / math.sqrt(4.5 * 5))


def test_tempos_an_octave_apart_are_counted():
    first = np.array([60.0, 90, 120, 140, 100, 100, 0, 0])
    second = np.array([120.0, 45, 120, 281, 190, 150, 0, 90])
    assert measure(first, second, "tempo").octaves == pytest.approx(3 / 8)
    assert measure(first, second, "loudness").octaves is None


def test_what_either_does_not_know_is_left_out():
    values = [
        ({"energy": 0.1, "valence": math.nan}, {"energy": 0.2, "valence": 0.5}),
        ({"energy": 0.1}, {"tempo": 100.0, "energy": math.inf}),
        ({"mood": 1.0}, {"mood": 2.0}),
    ]
    assert [(one.feature, one.n) for one in differences("a", "b", values, SPREAD)] == [
        ("energy", 1)
    ]
    assert differences("a", "b", [], SPREAD) == []


# ---------------------------------------------------------------- in words


def summary(shifts, n=38):
    base = np.linspace(0, 1, n)
    values = [
        (
            {name: float(x) * SPREAD[name] for name in shifts},
            {name: (float(x) + shift) * SPREAD[name] for name, shift in shifts.items()},
        )
        for x in base
    ]
    return Summary("table", "reccobeats", differences("table", "reccobeats", values, SPREAD))


@pytest.mark.parametrize(
    ("shifts", "n", "words"),
    [
        (
            {"energy": 0.0, "loudness": 0.28, "valence": 0.02},
            38,
            "reccobeats beside table, on 38 shared tracks: loudness is 1.4 dB higher (1.4 to "
            "1.4); the others agree, give or take 10% of the spread among tracks",
        ),
        (
            {"energy": -0.5},
            1200,
            "reccobeats beside table, on 1,200 shared tracks: energy is 0.15 lower (0.15 to 0.15)",
        ),
        (
            {"energy": 0.0, "valence": 0.0},
            8,
            "reccobeats beside table, on 8 shared tracks: energy and valence agree, give or take "
            "10% of the spread among tracks",
        ),
        (
            {"energy": 0.0},
            8,
            "reccobeats beside table, on 8 shared tracks: energy agrees, give or take 10% of the "
            "spread among tracks",
        ),
        (
            dict.fromkeys(FEATURE_NAMES, 0.0),
            8,
            "reccobeats beside table, on 8 shared tracks: all 10 features agree, give or take 10% "
            "of the spread among tracks",
        ),
        (
            {"energy": 0.0},
            1,
            "table and reccobeats, on 1 shared track: too few to tell whether they measure alike",
        ),
        ({}, 0, "table and reccobeats share no track: whether they measure alike cannot be told"),
    ],
)
def test_words(shifts, n, words):
    assert summary(shifts, n).words() == words


def test_words_of_doubt():
    n = 12
    base = np.linspace(0, 1, n)
    swing = np.where(np.arange(n) % 2, 1, -1)
    values = [
        (
            {"energy": a, "valence": a, "liveness": a, "tempo": 90.0, "loudness": -9.0},
            {"energy": a + 0.2 * s, "valence": a + 0.06 * s, "liveness": a, "tempo": 180.0,
             **({"loudness": -9.0} if a < 0.4 else {})},
        )
        for a, s in zip(base.tolist(), swing.tolist(), strict=True)
    ]  # fmt: skip
    told = Summary("table", "audio", differences("table", "audio", values, SPREAD))
    assert told.words() == (
        "audio beside table, on 12 shared tracks: tempo is 90.0 BPM higher (90.0 to 90.0); "
        "energy: far apart on single tracks, without a clear shift; valence: too uncertain to "
        "tell; liveness agrees, give or take 10% of the spread among tracks; loudness: too few "
        "tracks to tell; of 100% of the tracks, one tells double the other's tempo"
    )


def test_all_figures_as_plain_data():
    told = summary({"energy": 0.0, "tempo": 0.5}).as_dict()
    assert json.loads(json.dumps(told)) == told
    assert (told["first"], told["second"], told["shared"]) == ("table", "reccobeats", 38)
    energy = next(one for one in told["differences"] if one["feature"] == "energy")
    assert energy == {
        "feature": "energy", "n": 38, "median": 0.0, "low": 0.0, "high": 0.0, "distance": 0.0,
        "correlation": pytest.approx(1), "spread": 0.3, "ratio": 0.0, "verdict": "same scale",
        "octaves": None,
    }  # fmt: skip


def test_features_are_told_in_one_order():
    told = summary(dict.fromkeys(reversed(FEATURE_NAMES), 0.0)).differences
    places = [FEATURE_NAMES.index(one.feature) for one in told]
    assert len(places) == 10
    assert all(a < b for a, b in pairwise(places))
