"""Modulation: levels that go up and down in a known way, and noise that does."""

import numpy as np
import pytest

from affetto.audio.modulation import MODULATION_NAMES, modulation_descriptors
from affetto.audio.spectrum import FRAME_RATE_HZ, MEL_CENTRES_HZ, RATE_HZ, MelSpectrum, to_db

N_FRAMES = round(30 * FRAME_RATE_HZ)
TIME_S = np.arange(N_FRAMES) / FRAME_RATE_HZ
RATES_HZ = {"025_05": 0.35, "05_1": 0.7, "1_2": 1.4, "2_4": 2.8, "4_8": 5.6, "8_16": 11.2}


def flat(level_db=-40.0):
    """A steady spectrum, or one that goes up and down as a whole."""
    level = np.broadcast_to(np.asarray(level_db), N_FRAMES)
    return np.repeat(level[:, None], 128, axis=1).astype(np.float32)


def wave(rate_hz, depth_db=10.0):
    return depth_db * np.sin(2 * np.pi * rate_hz * TIME_S)


def mel_db_of(samples):
    spectrum = MelSpectrum()
    first = spectrum.add(samples.astype(np.float32))
    return to_db(np.concatenate([first, spectrum.finish()]))


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(0).normal(0, 0.1, 15 * RATE_HZ)


@pytest.mark.parametrize(("octave", "rate_hz"), RATES_HZ.items())
def test_a_sine_of_10_db_is_17_db_deep_at_its_rate_and_nowhere_else(octave, rate_hz):
    described = modulation_descriptors(flat(-40 + wave(rate_hz)))
    for name, value in described.items():
        if name.startswith("modulation_") and name.endswith("_db"):
            expected = octave == name.removeprefix("modulation_").partition("_hz_of_")[0]
            # Pairs of frames are averaged: at 11 Hz that takes away 0.7 dB.
            assert value == pytest.approx(20 * np.log10(10 / np.sqrt(2)), abs=0.9) or not expected
            assert expected or value < -9


def test_depth_is_told_band_by_band():
    mel_db = flat(-40)
    here = (MEL_CENTRES_HZ >= 600) & (MEL_CENTRES_HZ < 1200)
    mel_db[:, here] += wave(2.8).astype(np.float32)[:, None]
    described = modulation_descriptors(mel_db)
    assert described["modulation_2_4_hz_of_600_1200_hz_db"] == pytest.approx(17, abs=0.3)
    assert described["modulation_2_4_hz_of_300_600_hz_db"] == pytest.approx(-30, abs=0.1)
    assert described["modulation_2_4_hz_of_1200_2400_hz_db"] == pytest.approx(-30, abs=0.1)


def test_noise_modulated_at_4_hz_has_its_modulation_there(noise):
    time = np.arange(len(noise)) / RATE_HZ
    modulated = modulation_descriptors(mel_db_of(noise * (1 + 0.8 * np.sin(8 * np.pi * time))))
    steady = modulation_descriptors(mel_db_of(noise))
    assert modulated["modulation_4_hz_share"] > 0.7
    # Noise has the same power at all rates: the band's share of 0.5–16 Hz.
    assert steady["modulation_4_hz_share"] == pytest.approx((5.7 - 2.8) / 15.5, abs=0.06)


@pytest.mark.parametrize("rate_hz", [0.5, 2.0, 5.0])
def test_cepstral_rate_of_a_sine_is_that_of_its_difference(rate_hz):
    pattern = np.random.default_rng(1).normal(0, 0.5, 128)
    mel_db = flat(-40) + (wave(rate_hz)[:, None] * pattern).astype(np.float32)
    described = modulation_descriptors(mel_db)
    lag_s = 4 / FRAME_RATE_HZ
    for i in (1, 2, 10, 20):
        rate = described[f"cepstral_rate_{i:02d}"]
        assert rate == pytest.approx(2 * np.sin(np.pi * rate_hz * lag_s), rel=0.05)


def test_cepstral_rate_without_memory_is_the_root_of_two():
    mel_db = flat(-40) + np.random.default_rng(2).normal(0, 3, (N_FRAMES, 128)).astype(np.float32)
    described = modulation_descriptors(mel_db)
    rates = [described[f"cepstral_rate_{i + 1:02d}"] for i in range(20)]
    assert rates == pytest.approx([np.sqrt(2)] * 20, abs=0.07)


def test_dynamics_of_a_sine():
    described = modulation_descriptors(flat(-40 + wave(0.5)))
    assert described["level_range_db"] == pytest.approx(20 * np.sin(0.45 * np.pi), abs=0.1)
    assert described["level_range_10_90_db"] == pytest.approx(20 * np.sin(0.4 * np.pi), abs=0.1)
    assert described["level_rise_db"] == pytest.approx(10 * np.sin(0.49 * np.pi), abs=0.1)
    assert described["level_fall_db"] == pytest.approx(10 * np.sin(0.45 * np.pi), abs=0.1)
    assert described["level_std_db"] == pytest.approx(10 / np.sqrt(2), abs=0.05)
    assert described["level_skew"] == pytest.approx(0, abs=0.01)


def test_half_the_time_30_db_lower():
    described = modulation_descriptors(flat(np.where(TIME_S % 4 < 2, -30, -60)))
    assert described["low_power_share"] == pytest.approx(0.5, abs=0.04)
    assert described["lowest_power_share"] == pytest.approx(0.5, abs=0.04)
    assert described["level_crest_db"] == pytest.approx(3, abs=0.3)
    assert described["level_500ms_range_db"] == pytest.approx(30, abs=0.5)


def test_a_sharp_attack_and_a_slow_decay():
    sawtooth = -30 - 20 * (TIME_S % 0.5)
    described = modulation_descriptors(flat(sawtooth))
    backwards = modulation_descriptors(flat(sawtooth[::-1]))
    assert described["level_step_skew"] > 2
    assert backwards["level_step_skew"] < -2


def test_a_rise_of_12_db_over_the_window():
    described = modulation_descriptors(flat(-50 + 12 * TIME_S / 30))
    assert described["level_trend_db"] == pytest.approx(12, abs=0.3)


def test_bands_that_go_together_and_apart():
    mel_db = flat(-40)
    low, middle = MEL_CENTRES_HZ < 300, (MEL_CENTRES_HZ >= 300) & (MEL_CENTRES_HZ < 1200)
    mel_db[:, low] += wave(1.4).astype(np.float32)[:, None]
    mel_db[:, middle] -= wave(1.4).astype(np.float32)[:, None]
    described = modulation_descriptors(mel_db)
    assert described["correlation_0_150_hz_with_150_300_hz"] == pytest.approx(1, abs=1e-3)
    assert described["correlation_150_300_hz_with_300_600_hz"] == pytest.approx(-1, abs=1e-3)
    assert described["correlation_0_150_hz_with_2400_4800_hz"] == pytest.approx(0, abs=1e-3)


def test_contour_and_ripple_of_a_comb():
    comb = flat(-40)
    comb[:, ::2] += 6
    described = modulation_descriptors(comb)
    assert described["contour_600_1200_hz_db"] == pytest.approx(6, abs=1e-3)
    assert described["ripple_600_1200_hz_db"] == pytest.approx(12, abs=1e-3)
    assert modulation_descriptors(flat(-40))["contour_600_1200_hz_db"] == pytest.approx(0, abs=1e-4)


def test_a_contour_that_moves_leaves_no_ripple():
    comb = flat(-40)
    comb[::4, ::2] += 6
    comb[1::4, ::2] += 6
    comb[2::4, 1::2] += 6
    comb[3::4, 1::2] += 6
    described = modulation_descriptors(comb)
    assert described["contour_600_1200_hz_db"] == pytest.approx(6, abs=1e-3)
    assert described["ripple_600_1200_hz_db"] == pytest.approx(0, abs=0.05)


def test_gain_changes_nothing(noise):
    mel_db = mel_db_of(noise * (1 + 0.5 * np.sin(np.arange(len(noise)) / RATE_HZ)))
    here, louder = modulation_descriptors(mel_db), modulation_descriptors(mel_db + np.float32(12))
    assert louder == pytest.approx(here, abs=2e-3)


def test_what_codecs_take_away_does_not_count(noise):
    mel_db = mel_db_of(noise)
    cut = mel_db.copy()
    cut[:, MEL_CENTRES_HZ > 13_500] = -100
    assert modulation_descriptors(cut) == modulation_descriptors(mel_db)


def test_what_lies_below_60_db_does_not_count():
    now = np.arange(N_FRAMES) // 86 % 2 == 0
    loud, lower = np.where(now, -10.0, -75.0), np.where(now, -10.0, -95.0)
    assert modulation_descriptors(flat(loud)) == modulation_descriptors(flat(lower))


@pytest.mark.parametrize(
    "mel_db", [flat(-100), flat()[:80], flat()[:0]], ids=("silent", "short", "empty")
)
def test_undefined_is_nan(mel_db):
    described = modulation_descriptors(mel_db)
    assert tuple(described) == MODULATION_NAMES
    assert np.isnan(list(described.values())).all()


def test_a_short_window_lacks_the_slowest_modulation_alone():
    described = modulation_descriptors(flat(-40 + wave(2.8))[: round(3 * FRAME_RATE_HZ)])
    undefined = {name for name, value in described.items() if np.isnan(value)}
    assert undefined
    assert all(name.startswith("modulation_025_05_hz") for name in undefined)


def test_a_steady_sound_is_defined_throughout():
    described = modulation_descriptors(flat())
    assert tuple(described) == MODULATION_NAMES
    assert np.isfinite(list(described.values())).all()
