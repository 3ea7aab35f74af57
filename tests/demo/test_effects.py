"""The mixing desk: what goes in and what must come out."""

import numpy as np
import pytest

from affetto.audio.loudness import LoudnessMeter
from affetto.audio.loudness import k_weighting as reference_k_weighting
from affetto.demo.effects import (
    compress,
    ducking,
    echo,
    k_weighting,
    loudness_lufs,
    meet_loudness,
    reverb,
)

RATE = 44_100


def measure(mix, rate=RATE):
    meter = LoudnessMeter(rate, len(mix))
    meter.add(np.ascontiguousarray(mix.T))
    return meter.result()


def beats(seconds=8.0, rate=RATE, floor=0.05):
    """Noise that is struck twice a second."""
    rng = np.random.default_rng(1)
    n = round(seconds * rate)
    struck = floor + np.exp(-(np.arange(n) % (rate // 2)) / (0.1 * rate))
    return (0.3 * rng.standard_normal((2, n)) * struck).astype(np.float32)


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000, 96_000])
def test_k_weighting_is_the_standards(rate):
    np.testing.assert_allclose(k_weighting(rate), reference_k_weighting(rate), atol=1e-4)


@pytest.mark.parametrize("gain", [1e-2, 1.0])
def test_loudness_is_that_of_the_meter(gain):
    mix = beats() * np.float32(gain)
    assert loudness_lufs(mix, RATE) == pytest.approx(measure(mix).integrated_lufs, abs=0.1)


def test_loudness_of_one_channel_and_of_silence():
    mix = beats()
    assert loudness_lufs(mix[:1], RATE) == pytest.approx(measure(mix[:1]).integrated_lufs, abs=0.1)
    assert loudness_lufs(np.zeros((2, RATE), np.float32), RATE) == -np.inf
    assert loudness_lufs(np.ones((2, 100), np.float32), RATE) == -np.inf


@pytest.mark.parametrize("target", [-30.0, -20.0, -14.0])
@pytest.mark.parametrize("rate", [22_050, 44_100])
def test_a_master_meets_its_loudness_and_its_ceiling(target, rate):
    mastered = measure(meet_loudness(beats(rate=rate), target, rate), rate)
    assert mastered.integrated_lufs == pytest.approx(target, abs=0.1)
    assert mastered.sample_peak_db <= -1.19


@pytest.mark.parametrize("loud_s", [0.0005, 0.01, 0.3])
def test_no_peak_passes_the_ceiling(loud_s):
    mix = np.full((2, 2 * RATE), 0.05, np.float32)
    mix[:, 1::2] *= -1
    mix[0, RATE : RATE + round(loud_s * RATE)] *= 40
    mastered = meet_loudness(mix, -6.0, RATE)
    assert 20 * np.log10(np.abs(mastered).max()) <= -1.19


def test_a_limiter_leaves_alone_what_is_quiet():
    mix = beats() * np.float32(0.01)
    mastered = meet_loudness(mix, -30.0, RATE)
    ratio = mastered[mix != 0] / mix[mix != 0]
    assert ratio.max() == pytest.approx(ratio.min(), rel=1e-4)


def test_a_limiters_gain_never_steps():
    mix = np.full((2, RATE), 0.1, np.float32)
    mix[:, RATE // 2 :] = 1.0
    gain = meet_loudness(mix * np.where(np.arange(RATE) % 2, 1, -1), -6.0, RATE) / mix
    assert np.abs(np.diff(np.abs(gain[0]))).max() < 0.01 * np.abs(gain[0]).max()


def test_a_compressor_presses_what_is_above_its_threshold():
    t = np.arange(2 * RATE) / RATE
    tone = (np.sin(2 * np.pi * 1000 * t) * np.ones((2, 1))).astype(np.float32)
    for rms_db, out_db in ((-30.0, -30.0), (-18.0, -18.0), (-6.0, -14.0)):
        samples = tone * np.float32(2**0.5 * 10 ** (rms_db / 20))
        pressed = compress(samples, -18.0, 3.0, RATE)[:, RATE:]
        assert 10 * np.log10((pressed**2).mean()) == pytest.approx(out_db, abs=0.2)


@pytest.mark.parametrize("rt60_s", [0.9, 2.4])
def test_a_room_decays_in_its_time(rt60_s):
    impulse = np.zeros(round(1.2 * rt60_s * RATE), np.float32)
    impulse[0] = 1
    left, right = reverb(impulse, rt60_s, RATE)
    remaining = np.cumsum(left[::-1].astype(np.float64) ** 2)[::-1]  # Schroeder's integral
    level_db = 10 * np.log10(remaining / remaining[0] + 1e-12)
    at_5, at_25 = (np.searchsorted(-level_db, db) / RATE for db in (5, 25))
    # Treble dies sooner: the whole is shorter than its middle.
    assert 0.7 * rt60_s < 3 * (at_25 - at_5) < 1.1 * rt60_s
    assert abs(np.corrcoef(left, right)[0, 1]) < 0.1


def test_a_room_gives_back_what_it_gets_whatever_the_blocks():
    noise = np.random.default_rng(0).standard_normal(6 * RATE).astype(np.float32)
    wet = reverb(noise, 0.9, RATE)
    assert wet.shape == (2, len(noise))
    assert (wet[:, RATE:] ** 2).mean() == pytest.approx(1, rel=0.1)
    impulse = np.zeros(4 * RATE, np.float32)
    impulse[0] = 1
    later = np.roll(impulse, 2 * RATE)
    np.testing.assert_allclose(
        reverb(later, 0.9, RATE)[:, 2 * RATE :], reverb(impulse, 0.9, RATE)[:, : 2 * RATE],
        atol=1e-6,
    )  # fmt: skip


def test_echoes_come_in_time_from_side_to_side_and_fade():
    click = np.zeros(2 * RATE, np.float32)
    click[:20] = 1
    left, right = echo(click, 0.4, RATE)
    energies = [
        [(side[round(t * RATE) : round((t + 0.1) * RATE)] ** 2).sum() for side in (left, right)]
        for t in (0.0, 0.4, 0.8, 1.2)
    ]
    assert energies[0] == [0, 0]
    assert energies[1][0] == 0
    assert energies[2][1] == 0
    assert energies[1][1] > energies[2][0] > energies[3][1] > 0


def test_ducking_is_deepest_at_the_kick_and_over_in_time():
    dips = ducking(np.array([0.0, 0.5]), RATE, RATE, 0.2)
    assert dips.shape == (RATE,)
    assert dips[0] == 1
    assert dips[RATE // 2] == 1
    assert dips[int(0.25 * RATE) : int(0.49 * RATE)].max() == 0
    assert np.abs(np.diff(dips)).max() < 0.01
    assert ducking(np.array([2.0]), RATE, RATE, 0.2).max() == 0
