"""Timbre on sines and noise, whose centroid, rolloff, flatness and levels are known."""

from itertools import pairwise

import numpy as np
import pytest
import scipy.fft
import scipy.signal
import scipy.stats

from affetto.audio.spectrum import RATE_HZ, MelSpectrum, to_db
from affetto.audio.timbre import BAND_EDGES_HZ, TIMBRE_NAMES, mfcc, timbre_descriptors

SECONDS = 4


def mel_db_of(samples):
    spectrum = MelSpectrum()
    parts = [spectrum.add(samples.astype(np.float32)), spectrum.finish()]
    return to_db(np.concatenate(parts))


def sine(hertz, amplitude=0.5):
    turns = hertz * np.arange(SECONDS * RATE_HZ) / RATE_HZ
    return amplitude * np.sin(2 * np.pi * turns)


def white(seed=0):
    return np.random.default_rng(seed).normal(0, 0.1, SECONDS * RATE_HZ)


def described(samples):
    return timbre_descriptors(mel_db_of(samples))


def test_every_name_is_given_in_order():
    assert tuple(described(white())) == TIMBRE_NAMES
    assert len(set(TIMBRE_NAMES)) == len(TIMBRE_NAMES) == 140 + 7 + 16


def test_statistics_are_those_of_scipy():
    mel_db = mel_db_of(white() * np.linspace(0.01, 1, SECONDS * RATE_HZ))
    raised = np.maximum(mel_db, mel_db.max() - 80).astype(np.float64)
    rows = scipy.fft.dct(raised, norm="ortho", axis=1)[:, :20]
    np.testing.assert_allclose(mfcc(mel_db), rows, atol=2e-3)
    expected = {
        "mean": rows.mean(axis=0),
        "std": rows.std(axis=0),
        "skew": scipy.stats.skew(rows),
        "kurtosis": scipy.stats.kurtosis(rows),
        "median": np.median(rows, axis=0),
        "min": rows.min(axis=0),
        "max": rows.max(axis=0),
    }
    given = timbre_descriptors(mel_db)
    for name, values in expected.items():
        mine = [given[f"mfcc_{i + 1:02d}_{name}"] for i in range(20)]
        np.testing.assert_allclose(mine, values, rtol=2e-3, atol=5e-3, err_msg=name)


@pytest.mark.parametrize("hertz", [300.0, 1100.0, 4500.0, 10_000.0])
def test_a_sine_is_narrow_and_stands_where_it_is(hertz):
    given = described(sine(hertz))
    assert given["centroid_hz"] == pytest.approx(hertz, rel=0.01)
    assert given["centroid_std_hz"] < 0.02 * hertz
    assert given["spread_hz"] < max(60, 0.08 * hertz)
    assert given["rolloff_hz"] == pytest.approx(hertz, rel=0.15)
    assert given["flatness"] < 0.01
    band = np.searchsorted(BAND_EDGES_HZ, hertz) - 1
    low, high = BAND_EDGES_HZ[band : band + 2]
    assert given[f"level_{low}_{high}_hz_db"] == pytest.approx(0, abs=0.1)


def test_white_noise_is_flat_and_fills_all_bands_by_their_width():
    given = described(white())
    assert given["centroid_hz"] == pytest.approx(RATE_HZ / 4, rel=0.02)
    assert given["spread_hz"] == pytest.approx(RATE_HZ / 2 / np.sqrt(12), rel=0.03)
    assert given["rolloff_hz"] == pytest.approx(0.85 * RATE_HZ / 2, rel=0.03)
    assert given["flatness"] > 0.75
    for low, high in pairwise(BAND_EDGES_HZ[1:]):
        share = (high - low) / (RATE_HZ / 2)
        level = given[f"level_{low}_{high}_hz_db"]
        assert level == pytest.approx(10 * np.log10(share), abs=0.6), (low, high)


def test_a_lowpass_lowers_rolloff_and_upper_levels():
    filtered = scipy.signal.sosfilt(scipy.signal.butter(8, 1000, fs=RATE_HZ, output="sos"), white())
    given, plain = described(filtered), described(white())
    assert given["rolloff_hz"] < 1000
    assert given["level_6400_12800_hz_db"] < plain["level_6400_12800_hz_db"] - 50


def test_a_chord_over_silence_has_more_contrast_than_noise():
    tones = sum(sine(hertz, 0.1) for hertz in (450, 550, 1100, 1300, 2000, 2500, 4000, 5100))
    name = "contrast_1600_3200_hz_db"
    assert described(tones)[name] > described(white())[name] + 20


def test_gain_moves_nothing_but_the_level_of_the_first_coefficient():
    soft, loud = described(0.01 * white()), described(white())
    level = {f"mfcc_01_{statistic}" for statistic in ("mean", "median", "min", "max")}
    for name in set(TIMBRE_NAMES) - level:
        assert soft[name] == pytest.approx(loud[name], rel=2e-3, abs=5e-3), name
    difference = loud["mfcc_01_mean"] - soft["mfcc_01_mean"]
    assert difference == pytest.approx(40 * np.sqrt(128), rel=1e-3)


def test_quiet_frames_do_not_count_in_the_shape():
    half = np.arange(SECONDS * RATE_HZ) < SECONDS * RATE_HZ // 2
    given = described(np.where(half, sine(1000), 1e-6 * white()))
    assert given["centroid_hz"] == pytest.approx(1000, rel=0.02)


@pytest.mark.parametrize("mel_db", [np.empty((0, 128), np.float32), mel_db_of(np.zeros(9000))])
def test_nothing_to_hear_is_nan(mel_db):
    given = timbre_descriptors(mel_db)
    assert tuple(given) == TIMBRE_NAMES
    assert np.isnan(list(given.values())).all()


def test_what_never_changes_has_no_skewness():
    given = timbre_descriptors(np.full((50, 128), -20, np.float32))
    assert given["mfcc_01_std"] == 0
    assert np.isnan(given["mfcc_01_skew"])
    assert np.isnan(given["mfcc_02_kurtosis"])
