"""Rhythm: clicks, tones and noise whose onsets, regularity and fluctuation are known."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affetto.audio.rhythm import Rhythm, RhythmMeter, fluctuation_exponent, onset_frames
from affetto.audio.spectrum import FRAME_RATE_HZ, RATE_HZ, MelSpectrum, to_db

NAMES = tuple(field.name for field in dataclasses.fields(Rhythm))


def mel_db(samples):
    spectrum = MelSpectrum()
    samples = samples.astype(np.float32)
    return to_db(np.concatenate([spectrum.add(samples), spectrum.finish()]))


def meter_of(mel, chunk=1000):
    meter = RhythmMeter()
    for start in range(0, len(mel), chunk):
        meter.add(mel[start : start + chunk])
    return meter


def measure(samples, chunk=1000):
    return meter_of(mel_db(samples), chunk).result()


def clicks(times_s, seconds, level=0.3, seed=0):
    """Bursts of noise of 5 ms at the times given, in very soft noise."""
    rng = np.random.default_rng(seed)
    out = 1e-5 * rng.standard_normal(round(seconds * RATE_HZ))
    n = round(0.025 * RATE_HZ)
    for time_s in times_s:
        start = round(time_s * RATE_HZ)
        burst = level * rng.standard_normal(n) * np.exp(-np.arange(n) / (0.005 * RATE_HZ))
        out[start : start + n] += burst[: len(out) - start]
    return out


def steady_clicks(rate_hz, seconds=20.0, **settings):
    return clicks(np.arange(0.3, seconds - 0.1, 1 / rate_hz), seconds, **settings)


def noise(seconds, level=0.1, seed=0):
    return level * np.random.default_rng(seed).standard_normal(round(seconds * RATE_HZ))


def tone(seconds, hz=440.0):
    return 0.3 * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)


def values(rhythm):
    alternatives = [number for pair in rhythm.tempo_alternatives for number in pair]
    return [getattr(rhythm, name) for name in NAMES if name != "tempo_alternatives"] + alternatives


def assert_same(one, other, tolerance=1e-4):
    np.testing.assert_allclose(values(one), values(other), rtol=tolerance, atol=1e-5)


# --- onsets ---


@pytest.mark.parametrize("rate_hz", [0.7, 1.5, 2.5, 4.0, 7.0])
def test_onset_rate_is_that_of_the_clicks(rate_hz):
    times_s = np.arange(0.3, 19.9, 1 / rate_hz)
    rhythm = measure(clicks(times_s, 20))
    assert rhythm.onset_rate_hz == pytest.approx(len(times_s) / 20, rel=0.01)
    # Whole frames: at 7 Hz the intervals are of 12 or 13.
    assert rhythm.onset_regularity > 0.95


def test_onsets_stand_where_the_clicks_are():
    times_s = np.cumsum(np.random.default_rng(1).uniform(0.12, 0.6, 50)) + 0.5
    mel = mel_db(clicks(times_s, times_s[-1] + 1))
    meter = meter_of(mel)
    rise = np.maximum(np.diff(np.maximum(mel, -50), axis=0), 0).mean(axis=1)
    assert meter.result().onset_rate_hz * len(mel) / FRAME_RATE_HZ == pytest.approx(50)
    found_s = onset_frames(rise) / FRAME_RATE_HZ
    assert len(found_s) == 50
    # The window reaches 23 ms ahead of its frame.
    assert np.abs(found_s - times_s).max() < 0.035


def test_irregular_clicks_are_less_regular():
    gaps_s = np.random.default_rng(2).exponential(0.4, 45) + 0.1  # coefficient of variation 0.8
    times_s = 0.3 + np.cumsum(gaps_s)
    rhythm = measure(clicks(times_s, times_s[-1] + 0.5))
    assert rhythm.onset_regularity == pytest.approx(
        1 / (1 + np.diff(times_s).std() / 0.5), abs=0.05
    )
    assert rhythm.pulse_clarity < 0.6


def test_a_steady_tone_has_no_onsets_and_no_regularity():
    rhythm = measure(tone(20) + 1e-4 * noise(20))
    assert rhythm.onset_rate_hz < 0.1
    assert np.isnan(rhythm.onset_regularity)


def test_louder_rises_are_stronger_onsets():
    soft, hard = (measure(noise(20) + steady_clicks(2, level=level)) for level in (0.3, 3.0))
    assert hard.onset_strength_db > soft.onset_strength_db + 0.1


# --- pulse, beats, percussion ---


def test_pulse_is_clear_in_clicks_and_not_in_noise():
    assert measure(steady_clicks(2)).pulse_clarity > 0.85
    assert measure(noise(30)).pulse_clarity < 0.5


def test_beats_are_strong_in_clicks_and_not_in_noise():
    assert measure(steady_clicks(2)).beat_strength > 0.9
    assert measure(noise(30)).beat_strength < 0.1


def test_percussion_is_what_is_flat_over_frequency():
    assert measure(steady_clicks(3)).percussive_share > 0.95
    assert measure(tone(20) + tone(20, 1234.5)).percussive_share < 0.05
    assert measure(noise(20)).percussive_share == pytest.approx(0.5, abs=0.05)
    both = measure(steady_clicks(3) + 0.05 * tone(20)).percussive_share
    assert 0.1 < both < 0.95


# --- detrended fluctuation ---


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("exponent", "n_sums"), [(0.5, 0), (1.5, 1)])
def test_fluctuation_exponent_of_white_and_brownian_noise(exponent, n_sums, seed):
    series = np.random.default_rng(seed).standard_normal(60_000)
    for _ in range(n_sums):
        series = np.cumsum(series)
    # The τ + 3 of the definition raises an exponent by 4%.
    assert fluctuation_exponent(series) == pytest.approx(1.04 * exponent, abs=0.06)


def test_fluctuation_exponent_of_one_over_f_noise():
    n = 60_000
    spectrum = np.fft.rfft(np.random.default_rng(0).standard_normal(n))
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    assert fluctuation_exponent(np.fft.irfft(spectrum, n)) == pytest.approx(1, abs=0.06)


def test_fluctuation_is_that_of_the_definition():
    series = np.random.default_rng(0).random(3_000)
    walk = np.cumsum(series - series.mean())
    sizes = np.geomspace(0.31, 8.8, 1 + int(np.log(8.8 / 0.31) / np.log(1.3))) * FRAME_RATE_HZ
    log_f = []
    for size in (sizes := np.unique(sizes.astype(int))):
        blocks = walk[: len(walk) // size * size].reshape(-1, size)
        t = np.arange(size)
        lines = np.array([np.polyval(np.polyfit(t, block, 1), t) for block in blocks])
        log_f.append(np.log(np.sqrt(np.mean((blocks - lines) ** 2))))
    expected = np.mean(np.diff(log_f) / np.diff(np.log(sizes + 3)))
    assert fluctuation_exponent(series) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("series", [np.ones(3_000), np.zeros(3_000), np.arange(50.0), np.empty(0)])
def test_fluctuation_of_constants_and_snippets_is_undefined(series):
    assert np.isnan(fluctuation_exponent(series))


def test_a_steady_beat_dances_more_than_swelling_noise():
    swell = np.interp(np.arange(30 * RATE_HZ), np.linspace(0, 30 * RATE_HZ, 11), [0.1, 1] * 5 + [0])
    assert measure(steady_clicks(2, 30)).danceability > 2 * measure(noise(30) * swell).danceability


# --- streams, windows, levels ---

GROOVE = mel_db(steady_clicks(2.2, 9) + 0.1 * tone(9) + noise(9, 1e-3))
GROOVE_WHOLE = meter_of(GROOVE).result()


@settings(deadline=None, max_examples=20)
@given(st.lists(st.integers(0, 300), max_size=20))
def test_chunks_of_any_length_give_the_same(sizes):
    meter, start = RhythmMeter(), 0
    for size in [*sizes, len(GROOVE)]:
        meter.add(GROOVE[start : start + size])
        start += size
    assert_same(meter.result(), GROOVE_WHOLE)


def test_one_frame_at_a_time_gives_the_same():
    assert_same(meter_of(GROOVE, 1).result(), GROOVE_WHOLE)


def test_a_result_on_the_way_changes_nothing():
    meter = RhythmMeter()
    assert np.isnan(meter.result().onset_rate_hz)
    meter.add(GROOVE[:400])
    meter.result()
    meter.add(GROOVE[400:])
    assert_same(meter.result(), GROOVE_WHOLE)
    assert_same(meter.window(0, meter.n_frames), GROOVE_WHOLE)
    assert meter.n_frames == len(GROOVE)


@pytest.mark.parametrize("gain_db", [-30.0, -6.0, 6.0, 30.0])
def test_gain_changes_nothing(gain_db):
    assert_same(meter_of(GROOVE + np.float32(gain_db)).result(), GROOVE_WHOLE, 0.01)


def test_windows_see_their_own_part():
    mel = np.concatenate([mel_db(steady_clicks(1.5)), mel_db(steady_clicks(5.0))])
    meter, middle = meter_of(mel), len(mel) // 2
    first, second = meter.window(0, middle), meter.window(middle, len(mel))
    assert first.onset_rate_hz == pytest.approx(1.5, rel=0.05)
    assert second.onset_rate_hz == pytest.approx(5.0, rel=0.05)
    assert meter.result().onset_rate_hz == pytest.approx(3.25, rel=0.05)


def test_a_window_beyond_the_end_is_refused():
    meter = meter_of(GROOVE)
    for start, stop in ((-1, 500), (0, len(GROOVE) + 1), (500, 400)):
        with pytest.raises(ValueError, match=f"window of frames {start} to {stop}, expected"):
            meter.window(start, stop)


@pytest.mark.parametrize("shape", [(128,), (3, 127), (2, 3, 128)])
def test_a_chunk_of_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match=r"expected \(n_frames, 128\)"):
        RhythmMeter().add(np.zeros(shape, np.float32))


# --- nothing to measure ---


@pytest.mark.parametrize(
    "samples",
    [np.zeros(10 * RATE_HZ), 1e-7 * noise(10), noise(3.9), steady_clicks(2, 3.9), np.zeros(1)],
    ids=["silence", "below hearing", "short noise", "short clicks", "one sample"],
)
def test_silence_and_snippets_are_undefined(samples):
    rhythm = measure(samples)
    assert rhythm.tempo_alternatives == ()
    assert np.isnan(values(rhythm)).all()


def test_no_frames_are_undefined():
    assert np.isnan(values(RhythmMeter().result())).all()


def test_everything_but_regularity_is_defined_from_4_s_on():
    for samples in (noise(4.1), steady_clicks(2, 4.1), noise(60)):
        rhythm = measure(samples)
        assert np.isfinite([v for v in values(rhythm) if v is not rhythm.onset_regularity]).all()


def test_shares_are_shares():
    for samples in (noise(10), steady_clicks(3, 10), tone(10) + 1e-3 * noise(10)):
        rhythm = measure(samples)
        for name in ("tempo_confidence", "pulse_clarity", "beat_strength", "percussive_share"):
            assert 0 <= getattr(rhythm, name) <= 1, name
        total = rhythm.tempo_confidence + sum(weight for _, weight in rhythm.tempo_alternatives)
        assert total <= 1 + 1e-9


def test_silence_around_music_does_not_count_as_onsets():
    gap = np.zeros(5 * RATE_HZ)
    rhythm = measure(np.concatenate([gap, steady_clicks(2, 20), gap]))
    assert rhythm.onset_rate_hz == pytest.approx(40 / 30, rel=0.05)
