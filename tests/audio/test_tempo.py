"""Tempo: clicks and drum patterns whose beat is known."""

import numpy as np
import pytest

from affetto.audio.rhythm import RhythmMeter
from affetto.audio.spectrum import FRAME_RATE_HZ, RATE_HZ, MelSpectrum, to_db
from affetto.audio.tempo import (
    HIGHEST_BPM,
    LOWEST_BPM,
    UNDEFINED,
    candidates,
    estimate_tempo,
    evidence,
    moving_mean,
    periodicity,
)

RNG = np.random.default_rng(0)


def burst(decay_s, low=False, level=0.5):
    """A drum: noise, or for a low one a falling tone."""
    t = np.arange(round(6 * decay_s * RATE_HZ)) / RATE_HZ
    if low:
        wave = np.sin(2 * np.pi * np.cumsum(50 + 90 * np.exp(-t / 0.02)) / RATE_HZ)
    else:
        wave = RNG.standard_normal(len(t))
    return level * wave * np.exp(-t / decay_s)


KICK, SNARE, HAT = burst(0.08, low=True, level=0.9), burst(0.05, level=0.4), burst(0.01, level=0.1)


def play(bpm, pattern, beats_per_bar=4, seconds=30.0, swing=0.0):
    """Repeat a bar of (sound, beats at which it is played); off-beat eighths wait by the swing."""
    out = 1e-5 * np.random.default_rng(1).standard_normal(round((seconds + 2) * RATE_HZ))
    for bar in np.arange(0, seconds * bpm / 60 - beats_per_bar + 1, beats_per_bar):
        for sound, beats in pattern:
            for beat in beats:
                late = swing if beat % 1 == 0.5 else 0.0
                start = round((bar + beat + late) * 60 / bpm * RATE_HZ)
                out[start : start + len(sound)] += sound
    return out[: round(seconds * RATE_HZ)]


EIGHTHS = np.arange(0, 4, 0.5)
ROCK = ((KICK, (0, 2)), (SNARE, (1, 3)), (HAT, EIGHTHS))
HOUSE = ((KICK, (0, 1, 2, 3)), (SNARE, (1, 3)), (HAT, (0.5, 1.5, 2.5, 3.5)))
CLICK = ((SNARE, (0, 1, 2, 3)),)
WALTZ = ((KICK, (0,)), (SNARE, (1, 2)))


def measure(samples):
    spectrum, meter = MelSpectrum(), RhythmMeter()
    samples = samples.astype(np.float32)
    meter.add(to_db(np.concatenate([spectrum.add(samples), spectrum.finish()])))
    return meter.result()


@pytest.mark.parametrize("bpm", [60, 67.3, 75, 84, 96.5, 108, 120, 133.7, 150, 166, 180, 200])
def test_clicks_are_found_up_to_an_octave(bpm):
    rhythm = measure(play(bpm, CLICK))
    octaves = np.log2(rhythm.tempo_bpm / bpm)
    assert abs(octaves - round(octaves)) < np.log2(1.01)
    # Clicks all alike say nothing of their level; in this range people tap each of them.
    if 80 <= bpm <= 150:
        assert round(octaves) == 0


# Each in the range it is played in: below, its eighths pass for the beat.
@pytest.mark.parametrize(
    ("pattern", "bpm"),
    [(ROCK, bpm) for bpm in (80, 92, 104.4, 118, 128, 140, 155)]
    + [(HOUSE, bpm) for bpm in (100, 110, 118, 128, 140, 150)],
)
def test_the_beat_of_drums_is_found_within_1_percent(bpm, pattern):
    assert measure(play(bpm, pattern)).tempo_bpm == pytest.approx(bpm, rel=0.01)


@pytest.mark.parametrize("swing", [0.06, 0.12, 1 / 6])
@pytest.mark.parametrize("bpm", [96, 120, 138])
def test_swing_does_not_move_the_beat(bpm, swing):
    assert measure(play(bpm, ROCK, swing=swing)).tempo_bpm == pytest.approx(bpm, rel=0.01)


@pytest.mark.parametrize("bpm", [96, 120, 150])
def test_the_beat_of_a_waltz_is_not_its_bar(bpm):
    assert measure(play(bpm, WALTZ, 3)).tempo_bpm == pytest.approx(bpm, rel=0.01)


def test_alternatives_are_others_in_order_and_hold_half_or_double():
    rhythm = measure(play(100, CLICK))
    tempi = [rhythm.tempo_bpm, *(bpm for bpm, _ in rhythm.tempo_alternatives)]
    weights = [rhythm.tempo_confidence, *(weight for _, weight in rhythm.tempo_alternatives)]
    assert len(set(tempi)) == len(tempi) > 1
    assert max(weights) == weights[0]
    assert sum(weights) <= 1 + 1e-9
    assert any(bpm == pytest.approx(f * 100, rel=0.01) for bpm in tempi[1:] for f in (0.5, 2))


def test_drums_are_surer_than_noise():
    noise = 0.1 * np.random.default_rng(0).standard_normal(30 * RATE_HZ)
    assert measure(play(120, ROCK)).tempo_confidence > 0.8
    assert measure(noise).tempo_confidence < 0.6


def test_the_faster_half_of_a_track_does_not_fool_the_longer_one():
    track = np.concatenate([play(100, ROCK, seconds=50), play(133, ROCK, seconds=12)])
    assert measure(track).tempo_bpm == pytest.approx(100, rel=0.01)


# --- on curves ---


def curves(bpm, n_frames=2600):
    """Onset curves of one frame a beat, the same in all bands."""
    curve = np.zeros((n_frames, 5), np.float32)
    curve[np.arange(0, n_frames, 60 * FRAME_RATE_HZ / bpm).astype(int)] = 10
    return curve


@pytest.mark.parametrize("n_frames", [345, 600, 1034, 2600, 40_000])
def test_any_length_from_4_s_on(n_frames):
    tempo = estimate_tempo(curves(120, n_frames), 2.0)
    assert tempo.bpm == pytest.approx(120, rel=0.01)


def test_less_than_4_s_and_silence_are_undefined():
    assert estimate_tempo(curves(120, 344), 2.0) is UNDEFINED
    assert estimate_tempo(np.zeros((2600, 5), np.float32), 0.0) is UNDEFINED
    assert estimate_tempo(np.full((2600, 5), 3.0, np.float32), 0.0) is UNDEFINED


def test_autocorrelation_peaks_at_the_beat_and_rates_at_its_rate():
    found = periodicity(curves(100))
    beat = 60 * FRAME_RATE_HZ / 100
    for lags in found.lags:
        assert lags[0] == pytest.approx(1)
        assert 20 + np.argmax(lags[20:70]) == pytest.approx(beat, abs=1)
    for rates in found.rates:
        rate = 30 + np.argmax(rates[30:60])
        assert rate * found.rate_step_hz == pytest.approx(100 / 60, abs=found.rate_step_hz)


def test_low_and_high_bands_are_seen_apart():
    onsets = curves(60)
    onsets[:, 2:] = curves(180)[:, 2:]
    found = periodicity(onsets)
    third = round(60 * FRAME_RATE_HZ / 180)
    low, high, _ = found.lags[:, third - 2 : third + 3].max(axis=1)
    assert low < 0.1
    assert high > 0.6


@pytest.mark.parametrize("bpm", [50, 100, 200])
def test_candidates_hold_the_relatives_in_range(bpm):
    found = periodicity(curves(bpm))
    tempi = candidates(found)
    assert LOWEST_BPM <= tempi.min() <= tempi.max() <= HIGHEST_BPM
    for factor in (0.5, 1, 2):
        if LOWEST_BPM <= factor * bpm <= HIGHEST_BPM:
            assert np.abs(tempi / (factor * bpm) - 1).min() < 0.01
    assert len(evidence(found, tempi, 2.0)) == len(tempi)


def test_moving_mean_is_that_of_a_second_mirrored_at_the_ends():
    curve = np.random.default_rng(0).random((2, 500)).astype(np.float32)
    padded = np.pad(curve, ((0, 0), (43, 43)), mode="reflect")
    expected = np.lib.stride_tricks.sliding_window_view(padded, 87, axis=1).mean(axis=2)
    np.testing.assert_allclose(moving_mean(curve), expected, rtol=1e-5)
