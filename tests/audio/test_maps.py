"""Learned maps: their formulas, their file, and the features that come of the packaged ones."""

import math

import numpy as np
import pytest
import scipy.fft

from affetto.archive import pack
from affetto.audio.analysis import DESCRIPTOR_NAMES
from affetto.audio.mapping import (
    LEARNED,
    LISTENERS_SHARE,
    RAISED,
    about_features,
    combine,
    follow,
    learned_features,
    map_features,
)
from affetto.audio.maps import (
    KernelMap,
    QuadraticMap,
    expand_mfcc,
    kernel,
    mfcc_input_names,
    packaged_maps,
    read_maps,
    write_maps,
)
from affetto.errors import ModelFormatError
from affetto.features import FEATURE_NAMES

RNG = np.random.default_rng(0)


def quadratic():
    """y = 1 + 2 u₁ + 3 u₂² for inputs that are standard already."""
    return QuadraticMap(
        inputs=("a", "b"),
        outputs=("y",),
        centre=np.zeros(2),
        scale=np.ones(2),
        mean=np.zeros(2),
        gain=np.ones(2),
        intercept=np.array([1.0]),
        linear=np.array([[2.0], [0.0]]),
        values=np.array([[3.0]]),
        vectors=np.array([[0.0, 1.0]]),
    )


def kernel_map():
    n = expand_mfcc(np.ones((1, 100))).shape[1]
    return KernelMap(
        inputs=mfcc_input_names(),
        outputs=("y",),
        typical=np.zeros(n),
        low=np.full(n, -1.0),
        high=np.full(n, 1.0),
        mean=np.zeros(n),
        axes=np.eye(n)[:, :2],
        gamma=0.25,
        landmarks=np.array([[0.0, 0.0], [1.0, 0.0]]),
        weights=np.array([[2.0], [-1.0]]),
        intercept=np.array([0.5]),
    )


def test_the_quadratic_map_is_its_formula():
    u = np.array([[0.5, -2.0]])
    bounded = u / np.sqrt(0.5 + 0.5 * (u**2).mean())
    expected = 1 + 2 * bounded[0, 0] + 3 * bounded[0, 1] ** 2
    assert quadratic().evaluate(u)[0, 0] == pytest.approx(expected)


def test_inputs_beyond_what_was_seen_count_as_its_edge():
    one = quadratic()
    far = one.evaluate(np.array([[1e9, -1e9]]))
    assert far == pytest.approx(one.evaluate(np.array([[3.0, -3.0]])))
    assert one.evaluate(np.array([[np.nan, np.inf]])) == pytest.approx(1)  # typical


def test_the_kernel_map_is_its_formula():
    X = np.full((1, 100), 0.3)
    one = kernel_map()
    u = one.place(X)
    assert u == pytest.approx(np.array([[0.3, 0.3]]))
    distances = [np.hypot(0.3, 0.3), np.hypot(0.7, 0.3)]
    expected = 0.5 + 2 * math.exp(-0.5 * distances[0]) - math.exp(-0.5 * distances[1])
    assert one.evaluate(X)[0, 0] == pytest.approx(expected)


def test_kernel_of_equal_points_is_one():
    points = RNG.normal(size=(5, 3))
    assert np.diag(kernel(points, points, 0.1)) == pytest.approx(1, abs=1e-6)


def test_expanded_cepstra_are_the_spectrum_they_stand_for():
    levels = 10 * RNG.random(128)
    mean = scipy.fft.dct(levels, norm="ortho")[:20]
    smooth = scipy.fft.idct(np.r_[mean, np.zeros(108)], norm="ortho")
    X = np.concatenate([mean, mean, mean, np.ones(20), np.zeros(20)])[None]
    expanded = expand_mfcc(X)[0]
    assert expanded[100:126] == pytest.approx(smooth[2::5])
    assert expanded[126:152] == pytest.approx(smooth[2::5])
    whole = 10 * np.log10((10 ** (smooth / 10)).sum())
    assert expanded[159] == pytest.approx(whole)
    assert expanded[160:] == pytest.approx(0)  # mean less median
    assert expanded[60:80] == pytest.approx(0)  # logarithm of 1


def test_a_file_gives_back_what_was_written(tmp_path):
    path = tmp_path / "maps.affetto"
    maps = {"one": quadratic(), "two": kernel_map()}
    write_maps(path, maps, {"curves": {"energy": [[0, 1], [0, 1]]}})
    found, tables = read_maps(path)
    assert tables == {"curves": {"energy": [[0, 1], [0, 1]]}}
    X = RNG.normal(size=(4, 2))
    assert found["one"].evaluate(X) == pytest.approx(maps["one"].evaluate(X), rel=1e-5)
    assert found["two"].inputs == maps["two"].inputs


def test_a_file_of_something_else_is_refused(tmp_path):
    (tmp_path / "a").write_bytes(pack({"what": "a cake"}, {"x": np.zeros(1)}))
    with pytest.raises(ModelFormatError, match="holds no audio maps"):
        read_maps(tmp_path / "a")
    (tmp_path / "b").write_bytes(b"PK\x03\x04")
    with pytest.raises(ModelFormatError):
        read_maps(tmp_path / "b")


class TestPackaged:
    def test_they_take_descriptors_that_there_are(self):
        maps, _ = packaged_maps()
        for one in maps.values():
            assert set(one.inputs) <= set(DESCRIPTOR_NAMES)

    @pytest.mark.parametrize("value", [0.0, 1e9, -1e9, float("nan")])
    def test_odd_descriptors_give_shares(self, value):
        features = learned_features([dict.fromkeys(DESCRIPTOR_NAMES, value)])[0]
        assert set(features) == set(LEARNED)
        assert all(0 <= share <= 1 for share in features.values())

    def test_silence_has_a_length_and_nothing_else(self):
        silence = dict.fromkeys(DESCRIPTOR_NAMES, float("nan")) | {"duration_s": 2.5}
        features = map_features(silence)
        assert tuple(features) == FEATURE_NAMES
        assert features.pop("duration_ms") == 2500
        assert all(math.isnan(value) for value in features.values())

    def test_the_card_speaks_of_every_feature(self):
        card = about_features()
        assert {row["feature"] for row in card["features"]} == set(FEATURE_NAMES)
        assert all(row["grade"] in "ABCD" for row in card["features"])
        assert any("Emotify" in note for note in card["notes"])

    def test_what_is_said_of_accuracy_was_measured(self):
        figures = about_features()["figures"]["echonest"]
        rows = {row["feature"]: row for row in about_features()["features"]}
        for name, (r, _) in figures.items():
            assert rows[name]["r"] == f"{r:.2f}"
            assert r > 0.3

    def test_they_hold_no_more_landmarks_than_fit_in_the_package(self):
        from affetto.audio.maps import PACKAGED

        assert PACKAGED.stat().st_size < 1.5e6


def say(**changes):
    """What three maps say of one track, all in the middle but for the changes."""
    echonest = {name: np.array([0.5]) for name in LEARNED}
    echonest |= {f"{name}_log_odds": np.array([0.0]) for name in LEARNED}
    emotions = {name: np.array([0.0]) for name in ("arousal", "valence", "tension")}
    straight = [[0.0, 1.0], [0.0, 1.0]]
    curves = dict.fromkeys((*LEARNED, "speech", "crowd"), straight)
    for name in ("energy", "valence"):
        curves[f"{name}_scores"] = [[0.5, 0.1], [0.0, 1.0]]
        curves[f"{name}_joined"] = [[-3.0, 3.0], [0.0, 1.0]]
    voices = {name: {name: np.array([changes.pop(name, 0.0)])} for name in ("speech", "crowd")}
    for name, value in changes.items():
        (emotions if name in emotions and name != "valence" else echonest)[name] = np.array([value])
    found = {"echonest": echonest, "emotions": emotions, **voices}
    return {name: float(value[0]) for name, value in combine(found, curves).items()}


class TestJoining:
    def test_value_and_odds_are_averaged(self):
        assert say(danceability=0.7)["danceability"] == pytest.approx(0.6)

    def test_what_listeners_feel_counts_two_thirds(self):
        assert say()["energy"] == pytest.approx(0.5)
        both = say(arousal=2.0)["energy"]
        assert both == pytest.approx(0.5 + 2.0 * LISTENERS_SHARE / 6)
        assert say(arousal=-2.0)["energy"] < 0.5

    @pytest.mark.parametrize(
        ("share", "expected"), [(0, 0.5), (0.5, 0.71), (1, RAISED["speechiness"][1])]
    )
    def test_speech_raises_speechiness(self, share, expected):
        assert say(speech=share)["speechiness"] == pytest.approx(expected)

    def test_a_crowd_raises_liveness(self):
        assert say(crowd=1.0)["liveness"] == pytest.approx(RAISED["liveness"][1])

    def test_a_curve_is_flat_beyond_its_ends(self):
        curve = [[0.0, 1.0], [0.2, 0.8]]
        assert follow(curve, np.array([-5.0, 0.5, 5.0])).tolist() == pytest.approx([0.2, 0.5, 0.8])
