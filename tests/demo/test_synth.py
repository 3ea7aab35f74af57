"""The synthesiser: pitch, partials, filters, vowels, slides and envelopes that were asked for."""

import numpy as np
import pytest

from affetto.demo.instruments import INSTRUMENTS
from affetto.demo.synth import Bell, Timbre, Tone, pitch_hz, play

RATE = 44_100


def sound(timbre, hz=220.0, gate_s=1.0, seed=0, rate=RATE, **tone):
    return play(timbre, Tone(hz=hz, gate_s=gate_s, **tone), rate, np.random.default_rng(seed))


def spectrum(samples, rate=RATE):
    """Amplitudes of a Hann-windowed signal, and their frequencies, 0.25 Hz apart or less."""
    n = 4 * rate
    return np.fft.rfftfreq(n, 1 / rate), np.abs(np.fft.rfft(samples * np.hanning(len(samples)), n))


def level_at(samples, hz, rate=RATE):
    frequencies, amplitudes = spectrum(samples, rate)
    return amplitudes[np.abs(frequencies - hz) < 4].max()


def cents(one, other):
    return 1200 * np.log2(one / other)


def test_pitches_are_those_of_equal_temperament():
    assert pitch_hz(69) == 440
    assert pitch_hz(60) == pytest.approx(261.6256, abs=1e-4)


@pytest.mark.parametrize("name", INSTRUMENTS)
@pytest.mark.parametrize("midi", [36, 76])
def test_every_instrument_plays_cleanly(name, midi):
    samples = sound(INSTRUMENTS[name], pitch_hz(midi), 0.3)
    assert samples.dtype == np.float32
    assert samples.shape[0] in {1, 2}
    assert np.isfinite(samples).all()
    assert np.abs(samples[:, 0]).max() < 0.05
    assert np.abs(samples[:, -1]).max() < 1e-3
    assert 0.1 < np.abs(samples).max() < 6
    assert abs(samples.mean()) < 0.05


@pytest.mark.parametrize("hz", [41.2, 110.0, 440.0, 1760.0])
@pytest.mark.parametrize("timbre", [Timbre(), Timbre(ring_s=2.0, pluck=0.2), Timbre(even=0.0)])
def test_pitch_is_exact(timbre, hz):
    frequencies, amplitudes = spectrum(sound(timbre, hz)[0])
    near = np.abs(cents(np.maximum(frequencies, 1), hz)) < 300
    assert cents(frequencies[near][amplitudes[near].argmax()], hz) == pytest.approx(0, abs=6)


def test_harmonics_fall_as_asked():
    samples = sound(Timbre(tilt=1.0, cutoff_hz=(1e6, 1e6)), velocity=0.75)[0]
    levels = np.array([level_at(samples, 220 * h) for h in range(1, 11)])
    np.testing.assert_allclose(levels / levels[0], 1 / np.arange(1, 11), rtol=0.06)


def test_a_square_wave_has_odd_harmonics_only():
    samples = sound(Timbre(even=0.0))[0]
    assert level_at(samples, 440) < 0.002 * level_at(samples, 220)
    assert level_at(samples, 660) > 0.2 * level_at(samples, 220)


def test_the_plucking_point_silences_its_harmonic():
    samples = sound(Timbre(pluck=0.2, ring_s=2.0))[0]
    assert level_at(samples, 5 * 220) < 0.1 * min(
        level_at(samples, 4 * 220), level_at(samples, 6 * 220)
    )


def test_a_plucked_string_loses_its_treble_first():
    samples = sound(Timbre(ring_s=0.5, damping_hz=1500.0), gate_s=1.5)[0]
    early, late = samples[: RATE // 5], samples[RATE // 2 : RATE // 2 + RATE // 5]

    def fallen_db(hz):
        return 20 * np.log10(level_at(early, hz) / level_at(late, hz))

    # Half a second apart, as long as the time constant; 1 + (220 / 1500)^1.5 = 1.056.
    assert fallen_db(220) == pytest.approx(1.056 * 20 * np.log10(np.e), abs=1)
    assert fallen_db(1540) == pytest.approx(2.04 * 20 * np.log10(np.e), abs=1.5)


def test_nothing_folds_back_from_above_half_the_rate():
    samples = sound(Timbre(tilt=0.3), 1975.5, rate=RATE)[0]
    frequencies, amplitudes = spectrum(samples)
    harmonic = np.abs(frequencies / 1975.5 - np.round(frequencies / 1975.5)) * 1975.5 < 30
    foreign = (~harmonic) & (frequencies > 100)
    assert amplitudes[foreign].max() < 0.03 * amplitudes.max()  # −30 dB


def test_harder_is_brighter_and_so_is_a_higher_cutoff():
    def centroid(timbre, velocity):
        frequencies, amplitudes = spectrum(sound(timbre, velocity=velocity)[0])
        return (frequencies * amplitudes**2).sum() / (amplitudes**2).sum()

    dark, bright = Timbre(cutoff_hz=(500, 500)), Timbre(cutoff_hz=(3000, 3000))
    assert centroid(dark, 0.8) < centroid(bright, 0.8)
    assert centroid(dark, 0.4) < centroid(dark, 1.0)


def test_vowels_have_their_formants():
    vowel = ((700, 1.0, 110), (1120, 0.6, 120), (2600, 0.25, 200))
    samples = sound(Timbre(vowels=(vowel,), cutoff_hz=(9000, 9000)), 70.0)[0]
    levels = {h: level_at(samples, 70 * h) * h for h in range(3, 60)}
    peaks = [h * 70 for h in range(4, 59) if levels[h] > max(levels[h - 1], levels[h + 1])]
    for formant, _, _ in vowel:
        assert min(abs(peak - formant) for peak in peaks) <= 70


def test_a_high_pass_leaves_room_below():
    low, plain = sound(Timbre(), 110.0, high_pass_hz=440.0)[0], sound(Timbre(), 110.0)[0]
    assert level_at(low, 110) / level_at(low, 880) < 0.1 * level_at(plain, 110) / level_at(
        plain, 880
    )


def test_a_slide_begins_where_it_is_told():
    samples = sound(Timbre(drawbars=(1.0,)), 440.0, 0.5, from_hz=220.0)[0]
    rising = np.flatnonzero((samples[:-1] < 0) & (samples[1:] >= 0))
    periods = np.diff(rising) / RATE
    assert 1 / periods[0] < 320
    assert 1 / periods[-20:].mean() == pytest.approx(440, rel=0.003)
    assert (np.diff(periods[1:20]) < 2e-5).all()


def test_vibrato_swings_as_deep_as_asked():
    timbre = Timbre(drawbars=(1.0,), vibrato_cents=50, vibrato_hz=5.0)
    samples = sound(timbre, 440.0, 2.0)[0][RATE // 2 : 2 * RATE]
    rising = np.flatnonzero((samples[:-1] < 0) & (samples[1:] >= 0))
    part = samples[rising] / (samples[rising] - samples[rising + 1])  # where it crosses 0
    swing = cents(RATE / np.diff(rising + part), 440)
    assert swing.max() == pytest.approx(50, abs=6)
    assert swing.min() == pytest.approx(-50, abs=6)


def test_the_envelope_holds_for_the_gate_then_falls():
    samples = np.abs(sound(Timbre(attack_s=0.05, release_s=0.1), gate_s=0.5)[0])
    assert samples[: RATE // 100].max() < 0.25 * samples.max()
    assert samples[int(0.45 * RATE) : int(0.5 * RATE)].max() > 0.8 * samples.max()
    assert len(samples) == pytest.approx(0.9 * RATE, abs=2)
    assert samples[int(0.8 * RATE) :].max() < 0.1 * samples.max()


def test_a_wobble_opens_and_shuts():
    timbre = Timbre(cutoff_hz=(4000, 4000), wobble=4.0, attack_s=0.001)
    samples = sound(timbre, 110.0, 1.0, wobble_s=0.5)[0]

    def treble(at_s):
        piece = samples[int(at_s * RATE) : int((at_s + 0.1) * RATE)]
        return level_at(piece, 1760) / level_at(piece, 110)

    assert treble(0.2) > 5 * treble(0.45)
    assert treble(0.7) > 5 * treble(0.45)


def test_an_ensemble_is_wide_and_a_lone_voice_is_not():
    wide = sound(Timbre(voices=5, detune_cents=20, width=1.0))
    assert len(wide) == 2
    assert np.corrcoef(wide)[0, 1] < 0.8
    assert wide[0].std() == pytest.approx(wide[1].std(), rel=0.5)
    assert len(sound(Timbre(voices=5, detune_cents=20))) == 1


def test_an_amplifier_adds_what_was_not_there():
    clean = Timbre(drawbars=(1.0,), intervals=(0, 7), cabinet=True, drive=0.05)
    driven = Timbre(drawbars=(1.0,), intervals=(0, 7), cabinet=True, drive=8.0)

    def difference_tone(timbre):  # of the root and the fifth, 220 and 329.6 Hz
        samples = sound(timbre, 220.0, seed=3)[0]
        return level_at(samples, 2 * 220 - 329.6) / level_at(samples, 220)

    assert difference_tone(driven) > 20 * difference_tone(clean)
    takes = sound(driven)
    assert len(takes) == 2
    assert not np.array_equal(takes[0], takes[1])
    frequencies, amplitudes = spectrum(takes[0])
    assert amplitudes[frequencies > 12_000].max() < 0.003 * amplitudes.max()


def test_a_bell_has_the_partials_of_its_table():
    bell = Bell(partials=((1, 1, 0.5), (2.76, 0.5, 0.2)))
    samples = sound(bell, 440.0, 2.0, velocity=1.0)[0]
    early, late = samples[: RATE // 10], samples[RATE // 2 : RATE // 2 + RATE // 10]
    assert level_at(early, 440 * 2.76) > 0.2 * level_at(early, 440)
    assert level_at(late, 440 * 2.76) < 0.2 * level_at(late, 440)
    assert level_at(early, 880) < 0.02 * level_at(early, 440)


def test_the_same_generator_gives_the_same_note():
    one, other = (sound(INSTRUMENTS["strings"], seed=5) for _ in range(2))
    assert np.array_equal(one, other)
    assert not np.array_equal(one, sound(INSTRUMENTS["strings"], seed=6))
