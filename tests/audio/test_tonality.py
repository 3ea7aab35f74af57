"""Tonality: tones, chords and noise whose answer is known."""

from dataclasses import fields

import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st

from affetto.audio.tonality import HOP_S, RATE_HZ, Tonality, TonalityMeter

NUMBERS = [field.name for field in fields(Tonality) if field.name != "chroma"]
CHORDS = {
    **{"I": (0, 4, 7), "IV": (5, 9, 12), "V": (7, 11, 14)},
    **{"i": (0, 3, 7), "iv": (5, 8, 12)},
}


def tone(hz, seconds=2.0, n_harmonics=1):
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    parts = (np.sin(2 * np.pi * h * hz * time_s + h) / h for h in range(1, n_harmonics + 1))
    return (0.1 * sum(parts)).astype(np.float32)


def chord(pitches, seconds=1.0, cents=0.0, n_harmonics=6):
    """Tones of MIDI pitches together."""
    return sum(
        tone(440 * 2 ** ((pitch - 69 + cents / 100) / 12), seconds, n_harmonics)
        for pitch in pitches
    )


def noise(seconds=4.0, seed=0):
    rng = np.random.default_rng(seed)
    return (0.1 * rng.standard_normal(round(seconds * RATE_HZ))).astype(np.float32)


def measure(samples, block=None):
    meter = TonalityMeter()
    block = block or max(len(samples), 1)
    for start in range(0, len(samples), block):
        meter.add(samples[start : start + block])
    return meter.result()


def as_array(tonality):
    return np.array([getattr(tonality, name) for name in NUMBERS] + list(tonality.chroma))


def largest(tonality, n):
    return set(np.argsort(tonality.chroma)[-n:].tolist())


def test_concert_pitch():
    tonality = measure(tone(440))
    assert largest(tonality, 1) == {9}
    assert tonality.tuning_cents == pytest.approx(0, abs=0.5)
    assert tonality.register_semitones == pytest.approx(69, abs=0.01)
    assert tonality.register_sd_semitones == pytest.approx(0, abs=0.01)
    assert tonality.melodic_step_semitones == pytest.approx(0, abs=0.01)
    assert tonality.tonalness > 0.98
    assert tonality.roughness == 0
    assert tonality.low_share == pytest.approx(0, abs=1e-3)
    assert tonality.harmonicity_db > 25
    assert sum(tonality.chroma) == pytest.approx(1)


def test_half_way_between_two_semitones_the_tuning_is_at_either_end():
    assert abs(measure(tone(452.893)).tuning_cents) == pytest.approx(50, abs=2)


@pytest.mark.parametrize("cents", [-45, -20, 15, 40])
def test_detuned_chords_keep_their_pitch_classes(cents):
    tonality = measure(chord([60, 64, 67, 72], 2, cents))
    assert tonality.tuning_cents == pytest.approx(cents, abs=4)
    assert largest(tonality, 3) == {0, 4, 7}


@pytest.mark.parametrize("n_harmonics", [1, 4, 12])
@pytest.mark.parametrize(("pitches", "sign"), [((0, 4, 7), 1), ((0, 3, 7), -1)])
@pytest.mark.parametrize("root", [48, 55, 65])
def test_triads(root, pitches, sign, n_harmonics):
    tonality = measure(chord(root + np.array(pitches), 2, n_harmonics=n_harmonics))
    assert largest(tonality, 3) == {(root + pitch) % 12 for pitch in pitches}
    assert tonality.chord_strength > 0.75
    assert tonality.chord_majorness * sign > 0.1
    assert tonality.majorness * sign > 0


@pytest.mark.parametrize("tonic", range(12))
@pytest.mark.parametrize(("progression", "mode"), [("I IV V I", 1), ("i iv V i", 0)])
def test_cadences_in_all_keys(tonic, progression, mode):
    chords = [np.array(CHORDS[name]) + 55 + tonic for name in progression.split()]
    tonality = measure(np.concatenate([chord(pitches, 0.9) for pitches in chords]))
    assert (tonality.key, tonality.mode) == ((55 + tonic) % 12, mode)
    assert tonality.key_strength > 0.8
    assert tonality.key_confidence > 0
    assert tonality.majorness * (2 * mode - 1) > 0


def test_drums_do_not_hide_the_key():
    chords = [np.array(CHORDS[name]) + 55 for name in ("I", "IV", "V", "I")]
    music = np.concatenate([chord(pitches) for pitches in chords])
    decay = np.exp(-20 * (np.arange(len(music)) % (RATE_HZ // 4)) / RATE_HZ)
    drums = noise(4) * decay.astype(np.float32)
    drums *= np.sqrt(np.mean(music**2) / np.mean(drums**2))
    tonality = measure(music + drums)
    assert (tonality.key, tonality.mode) == (7, 1)


@pytest.mark.parametrize("seconds", [3, 10, 30])
def test_white_noise_has_neither_key_nor_harmony(seconds):
    tonality = measure(noise(seconds))
    assert np.isnan([tonality.key, tonality.mode]).all()
    assert tonality.chroma_entropy > 0.98
    assert tonality.tonalness == pytest.approx(0.25, abs=0.02)
    assert tonality.harmonicity_db == pytest.approx(-8, abs=1)
    assert tonality.chord_strength < 0.7


def inharmonic(seconds=2.0):
    ratios = (1, 1.37, 2.23, 3.41, 4.31, 5.83)  # no common divisor anywhere near
    return sum(tone(150 * ratio, seconds) / ratio for ratio in ratios)


def test_harmonicity_orders_harmonic_inharmonic_and_noise():
    harmonic, neither, none = (
        measure(signal).harmonicity_db
        for signal in (tone(150, n_harmonics=6), inharmonic(), noise(2))
    )
    assert harmonic > neither + 10
    assert neither > none + 3


@pytest.mark.parametrize("ratio_db", [0, 5, 10, 20])
@pytest.mark.parametrize("hz", [82, 220, 467])
def test_harmonics_to_noise_ratio_of_a_mixture(hz, ratio_db):
    harmonic = tone(hz, 4, n_harmonics=int(3_000 / hz))
    band = scipy.signal.butter(12, [60, 3_400], "bandpass", fs=RATE_HZ, output="sos")
    hiss = scipy.signal.sosfilt(band, noise(4).astype(np.float64))
    hiss *= np.sqrt(np.mean(harmonic**2) / np.mean(hiss**2) / 10 ** (ratio_db / 10))
    mixture = harmonic + hiss.astype(np.float32)
    assert measure(mixture).harmonicity_db == pytest.approx(ratio_db, abs=2)


def test_a_semitone_is_rougher_than_a_fifth_and_a_fifth_than_an_octave():
    semitone, tritone, fifth, octave = (
        measure(chord([69, 69 + step], 2)).roughness for step in (1, 6, 7, 12)
    )
    assert semitone > 2 * tritone
    assert tritone > fifth > octave


@pytest.mark.parametrize("step", [1, 2, 4])
def test_roughness_of_two_sines_is_that_of_the_formula(step):
    low, high = 440, 440 * 2 ** (step / 12)
    apart = 0.24 * (high - low) / (0.0207 * low + 18.96)
    expected = (np.exp(-3.51 * apart) - np.exp(-5.75 * apart)) / 2
    roughness = measure(tone(low) + tone(high)).roughness
    # Between two bins a peak looks up to 15% lower than it is.
    assert roughness == pytest.approx(expected, rel=0.1)


def test_harmony_that_stays_and_harmony_that_moves():
    still = measure(chord([60, 64, 67], 6))
    near = measure(np.concatenate([chord([60, 64, 67]), chord([57, 60, 64])] * 3))
    far = measure(np.concatenate([chord([60, 64, 67]), chord([54, 58, 61])] * 3))
    for name in ("harmonic_change", "pitch_class_change"):
        assert getattr(still, name) < 0.05
        assert getattr(still, name) < getattr(near, name) < getattr(far, name)


def test_register_and_low_share():
    low, high = measure(tone(110)), measure(tone(880))
    assert low.register_semitones == pytest.approx(45, abs=0.05)
    assert high.register_semitones == pytest.approx(81, abs=0.05)
    assert (low.low_share, high.low_share) == pytest.approx((1, 0), abs=1e-3)
    both = measure(tone(110) + tone(880))
    assert both.register_semitones == pytest.approx(63, abs=0.5)
    assert both.low_share == pytest.approx(0.5, abs=0.02)


def test_melodic_step_is_the_mean_interval_from_frame_to_frame():
    frame_s = HOP_S
    melody = [tone(440 * 2 ** (step / 12), 4 * frame_s) for step in (0, 4, 0, 4, 0, 4, 0, 4)]
    step = measure(np.concatenate(melody)).melodic_step_semitones
    assert step == pytest.approx(4 / 4, abs=0.15)


MIXED = np.concatenate(
    [chord([60, 64, 67], 3.1), noise(1.7), np.zeros(20_000, np.float32), chord([57, 60, 64], 2.9)]
)
MIXED_WHOLE = as_array(measure(MIXED))


@settings(deadline=None, max_examples=12)
@given(st.lists(st.integers(0, 200_000), max_size=12))
def test_blocks_of_any_size_give_the_same(sizes):
    meter, start = TonalityMeter(), 0
    for size in [*sizes, len(MIXED)]:
        meter.add(MIXED[start : start + size])
        start += size
    np.testing.assert_array_equal(as_array(meter.result()), MIXED_WHOLE)


def test_small_blocks_and_other_layouts_give_the_same():
    np.testing.assert_array_equal(as_array(measure(MIXED, 509)), MIXED_WHOLE)
    strided = np.repeat(MIXED, 2)[::2]
    np.testing.assert_array_equal(as_array(measure(strided)), MIXED_WHOLE)


def test_result_may_be_asked_on_the_way():
    meter = TonalityMeter()
    assert np.isnan(as_array(meter.result())).all()
    for start in range(0, len(MIXED), 100_000):
        meter.add(MIXED[start : start + 100_000])
        meter.result()
    np.testing.assert_array_equal(as_array(meter.result()), MIXED_WHOLE)


def test_windows_see_what_lies_in_them():
    meter = TonalityMeter()
    meter.add(np.concatenate([chord([60, 64, 67], 10), chord([54, 58, 61], 10)]))
    assert largest(meter.window(0, 9.8), 3) == {0, 4, 7}
    assert largest(meter.window(10.2, 20), 3) == {6, 10, 1}
    np.testing.assert_array_equal(as_array(meter.window(0, 99)), as_array(meter.result()))
    assert np.isnan(as_array(meter.window(20, 30))).all()
    assert np.isnan(as_array(meter.window(5, 5))).all()


@pytest.mark.parametrize("gain", [1e-2, 0.5, 4.0, 1e5])
def test_gain_changes_nothing(gain):
    samples = np.concatenate([chord([60, 64, 67], 3), noise(3)])
    plain, changed = (as_array(measure(samples * np.float32(by))) for by in (1, gain))
    np.testing.assert_allclose(changed, plain, rtol=2e-3, atol=2e-3)


def test_an_offset_changes_nothing():
    samples = np.concatenate([chord([60, 64, 67], 3), noise(3)])
    plain, offset = (as_array(measure(samples + np.float32(by))) for by in (0, 0.5))
    np.testing.assert_allclose(offset, plain, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(5 * RATE_HZ, np.float32),
        np.full(5 * RATE_HZ, 0.5, np.float32),
        1e-5 * tone(440),
        tone(30, 3.0),  # below the band
        np.zeros(0, np.float32),
        tone(440, 0.37),
    ],
    ids=["silence", "offset", "-120 dB", "30 Hz", "nothing", "too short"],
)
def test_without_pitch_all_is_undefined(samples):
    assert np.isnan(as_array(measure(samples))).all()


def test_long_enough_for_one_frame():
    tonality = measure(tone(440, 0.375))
    assert largest(tonality, 1) == {9}
    assert np.isnan([tonality.harmonic_change, tonality.melodic_step_semitones]).all()


def test_silence_around_music_counts_for_nothing():
    quiet = np.zeros(3 * RATE_HZ, np.float32)
    alone, within = measure(tone(440)), measure(np.concatenate([quiet, tone(440), quiet]))
    assert within.register_semitones == pytest.approx(alone.register_semitones, abs=0.1)
    assert within.chroma == pytest.approx(alone.chroma, abs=0.02)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_frames_that_are_not_finite_count_for_nothing(bad):
    samples = tone(440, 4)
    samples[60_000] = bad
    with np.errstate(invalid="ignore"):
        tonality = measure(samples)
    assert largest(tonality, 1) == {9}
    assert tonality.register_semitones == pytest.approx(69, abs=0.01)


@pytest.mark.parametrize("shape", [(10, 1), (10, 2), (1, 10)])
def test_a_block_of_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match=r"expected \(n,\)"):
        TonalityMeter().add(np.zeros(shape, np.float32))
