"""Loudness: signals whose answer is known from the standards."""

import warnings

import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st

from affetto.audio.loudness import Loudness, LoudnessMeter, k_weighting

RATES = [44_100, 48_000, 96_000]


def sine(parts, rate=48_000, n_channels=2, hz=1000.0):
    """A sine in all channels, with (level in dBFS, seconds) one after another."""
    level = np.concatenate([np.full(round(s * rate), 10 ** (db / 20)) for db, s in parts])
    tone = level * np.sin(2 * np.pi * hz * np.arange(len(level)) / rate)
    return np.repeat(tone.astype(np.float32)[:, None], n_channels, axis=1)


def measure(samples, rate=48_000, block=None):
    meter = LoudnessMeter(rate, samples.shape[1])
    block = block or max(len(samples), 1)
    for start in range(0, len(samples), block):
        meter.add(samples[start : start + block])
    return meter.result()


def noise(seconds, rate=48_000, n_channels=2, seed=0):
    rng = np.random.default_rng(seed)
    return (0.1 * rng.standard_normal((round(seconds * rate), n_channels))).astype(np.float32)


TECH_3341 = {
    1: [(-23, 20)],
    2: [(-33, 20)],
    3: [(-36, 10), (-23, 60), (-36, 10)],
    4: [(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)],
    5: [(-26, 20), (-20, 20.1), (-26, 20)],
}


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("case", TECH_3341)
def test_ebu_tech_3341_integrated(case, rate):
    expected = -33 if case == 2 else -23
    assert measure(sine(TECH_3341[case], rate), rate).integrated_lufs == pytest.approx(
        expected, abs=0.1
    )


@pytest.mark.parametrize("rate", RATES)
def test_ebu_tech_3341_case_6_surround(rate):
    samples = sine([(0, 20)], rate, 6) * np.float32(
        10 ** (np.array([-28, -28, -24, -np.inf, -30, -30]) / 20)
    )
    assert measure(samples, rate).integrated_lufs == pytest.approx(-23, abs=0.1)


def test_the_low_frequency_channel_of_5_1_is_left_out():
    samples = sine([(-23, 2)], n_channels=6, hz=60.0)
    with_lfe, without = samples, samples.copy()
    without[:, 3] = 0
    assert measure(with_lfe).integrated_lufs == measure(without).integrated_lufs


@pytest.mark.parametrize("rate", RATES)
def test_ebu_tech_3341_steady_tone_on_all_meters(rate):
    loudness = measure(sine([(-23, 20)], rate), rate)
    assert loudness.momentary_max_lufs == pytest.approx(-23, abs=0.1)
    assert loudness.short_term_max_lufs == pytest.approx(-23, abs=0.1)


def test_ebu_tech_3341_case_9_short_term():
    assert measure(sine([(-20, 1.34), (-30, 1.66)] * 5)).short_term_max_lufs == pytest.approx(
        -23, abs=0.1
    )


def test_ebu_tech_3341_case_12_momentary():
    assert measure(sine([(-20, 0.18), (-30, 0.22)] * 25)).momentary_max_lufs == pytest.approx(
        -23, abs=0.1
    )


def test_the_relative_gate_is_10_lu_below_the_mean():
    counted = -20 + 10 * np.log10((1 + 10**-1.15) / 2)  # the mean, −22.7: the gate is at −32.7
    assert measure(sine([(-20, 20), (-31.5, 20)])).integrated_lufs == pytest.approx(
        counted, abs=0.1
    )
    assert measure(sine([(-20, 20), (-33.5, 20)])).integrated_lufs == pytest.approx(-20, abs=0.1)


def test_the_absolute_gate_is_at_minus_70_lufs():
    assert measure(sine([(-69.5, 4)])).integrated_lufs == pytest.approx(-69.5, abs=0.1)
    assert measure(sine([(-69.5, 4)])).silence_share == 0
    assert np.isnan(measure(sine([(-70.5, 4)])).integrated_lufs)
    assert measure(sine([(-70.5, 4)])).silence_share == 1


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize(
    ("levels", "expected"),
    [((-20, -30), 10), ((-20, -15), 5), ((-40, -20), 20), ((-50, -35, -20, -35, -50), 15)],
)
def test_ebu_tech_3342_range(levels, expected, rate):
    loudness = measure(sine([(level, 20) for level in levels], rate), rate)
    assert loudness.range_lu == pytest.approx(expected, abs=1)


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 48_000, 96_000, 192_000])
def test_full_scale_mono_sine_is_minus_3_01(rate):
    loudness = measure(sine([(0, 2)], rate, 1, hz=997.0), rate)
    assert loudness.integrated_lufs == pytest.approx(-3.01, abs=0.05)


SHELF_POLES = (1, -1.69065929318241, 0.73248077421585)


def test_k_weighting_is_the_standard_table_at_48_khz():
    np.testing.assert_allclose(
        k_weighting(48_000),
        [
            (1.53512485958697, -2.69169618940638, 1.19839281085285, *SHELF_POLES),
            (1, -2, 1, 1, -1.99004745483398, 0.99007225036621),
        ],
        atol=1e-9,
    )


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 192_000])  # odd hops too
@pytest.mark.parametrize("n_channels", [1, 2, 3])
def test_energy_is_that_of_the_filtered_signal(rate, n_channels):
    samples = noise(0.81, rate, n_channels)
    samples += np.cumsum(samples, axis=0) / 10 + 0.3  # much below 38 Hz, and an offset
    samples -= samples[0]  # from rest, as the plain filter starts
    filtered = scipy.signal.sosfilt(k_weighting(rate), samples.astype(np.float64), axis=0)
    hop = round(rate / 10)
    energy = (filtered[: 8 * hop].reshape(8, hop, -1) ** 2).mean(axis=1).sum(axis=1)
    loudest = max(energy[i : i + 4].mean() for i in range(5))
    assert measure(samples, rate).momentary_max_lufs == pytest.approx(
        -0.691 + 10 * np.log10(loudest), abs=1e-4
    )


@pytest.mark.parametrize("gain_db", [-12.5, -6.0, 6.0, 20.0])
def test_gain_shifts_levels_and_leaves_ranges(gain_db):
    samples = np.concatenate([noise(4), noise(4, seed=1) / 3])
    before, after = measure(samples), measure(samples * np.float32(10 ** (gain_db / 20)))
    for name in ("integrated_lufs", "momentary_max_lufs", "short_term_max_lufs"):
        assert getattr(after, name) - getattr(before, name) == pytest.approx(gain_db, abs=1e-4)
    assert after.sample_peak_db - before.sample_peak_db == pytest.approx(gain_db, abs=1e-4)
    assert after.rms_db - before.rms_db == pytest.approx(gain_db, abs=1e-4)
    assert after.crest_db == pytest.approx(before.crest_db, abs=1e-4)
    assert after.range_lu == pytest.approx(before.range_lu, abs=1e-4)


def test_five_channels_are_five_loudspeakers():
    levels = (-28, -28, -24, -30, -30)  # L R C Ls Rs
    samples = np.concatenate([sine([(level, 20)], n_channels=1) for level in levels], axis=1)
    assert measure(samples).integrated_lufs == pytest.approx(-23, abs=0.1)


def test_energies_of_channels_add_up():
    left, right = noise(2, n_channels=1), noise(2, n_channels=1, seed=1)
    both = measure(np.hstack([left, right])).momentary_max_lufs
    mono = measure(left).momentary_max_lufs
    assert measure(np.hstack([left, left])).momentary_max_lufs == pytest.approx(
        mono + 10 * np.log10(2), abs=1e-4
    )
    assert measure(np.hstack([right, left])).momentary_max_lufs == pytest.approx(both, abs=1e-4)
    assert measure(np.hstack([left, 0 * left])).integrated_lufs == pytest.approx(
        measure(left).integrated_lufs, abs=1e-4
    )


BLOCKY = np.concatenate([noise(1.5, 8_000), noise(2.03, 8_000, seed=1) / 5])
BLOCKY_WHOLE = measure(BLOCKY, 8_000)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 5_000), max_size=40))
def test_blocks_of_any_size_give_the_same(sizes):
    meter, start = LoudnessMeter(8_000, 2), 0
    for size in [*sizes, len(BLOCKY)]:
        meter.add(BLOCKY[start : start + size])
        start += size
    assert_same(meter.result(), BLOCKY_WHOLE)


def test_one_frame_at_a_time_and_other_layouts_give_the_same():
    assert_same(measure(BLOCKY, 8_000, block=1), BLOCKY_WHOLE)
    assert_same(measure(np.asfortranarray(BLOCKY), 8_000, block=777), BLOCKY_WHOLE)


def assert_same(one: Loudness, other: Loudness):
    for name in Loudness.__slots__:
        assert getattr(one, name) == pytest.approx(getattr(other, name), abs=1e-4, nan_ok=True)


def test_result_may_be_asked_on_the_way():
    meter = LoudnessMeter(8_000, 2)
    assert np.isnan(meter.result().integrated_lufs)
    meter.add(BLOCKY[:12_345])
    meter.result()
    meter.add(BLOCKY[12_345:])
    assert_same(meter.result(), BLOCKY_WHOLE)


def test_silence_is_undefined_not_a_number_of_its_own():
    loudness = measure(np.zeros((48_000 * 4, 2), np.float32))
    assert loudness.silence_share == 1
    for name in set(Loudness.__slots__) - {"silence_share"}:
        assert np.isnan(getattr(loudness, name)), name


def test_dc_alone_is_silence_to_the_ear():
    loudness = measure(np.full((48_000 * 4, 2), 0.5, np.float32))
    assert np.isnan(loudness.integrated_lufs)
    assert np.isnan(loudness.momentary_max_lufs)
    assert loudness.silence_share == 1
    assert loudness.rms_db == pytest.approx(20 * np.log10(0.5), abs=1e-4)
    assert loudness.crest_db == pytest.approx(0, abs=1e-4)


def test_an_offset_changes_nothing():
    samples = noise(4)
    samples[0] = 0
    plain, offset = measure(samples), measure(samples + np.float32(0.5))
    assert offset.integrated_lufs == pytest.approx(plain.integrated_lufs, abs=1e-3)


def test_silence_share_counts_hops():
    samples = sine([(-20, 3), (-90, 1)])
    assert measure(samples).silence_share == pytest.approx(0.25, abs=0.03)


@pytest.mark.parametrize(
    ("seconds", "defined"),
    [
        (0, set()),
        (0.05, set()),
        (0.399, {"silence_share"}),
        (0.4, {"silence_share", "integrated_lufs", "momentary_max_lufs"}),
        (2.99, {"silence_share", "integrated_lufs", "momentary_max_lufs"}),
        (3.0, set(Loudness.__slots__)),
    ],
)
def test_too_short_is_undefined(seconds, defined):
    loudness = measure(sine([(-20, seconds)]))
    levels = {"sample_peak_db", "rms_db", "crest_db"} if seconds else set()
    for name in Loudness.__slots__:
        assert np.isfinite(getattr(loudness, name)) == (name in defined | levels), name


def test_one_sample():
    loudness = measure(np.array([[0.5]], np.float32))
    assert loudness.sample_peak_db == pytest.approx(-6.0206, abs=1e-3)
    assert loudness.crest_db == pytest.approx(0, abs=1e-6)


def test_rms_and_crest_of_a_sine():
    loudness = measure(sine([(0, 1.23)]))
    assert loudness.sample_peak_db == pytest.approx(0, abs=1e-3)
    assert loudness.rms_db == pytest.approx(-3.0103, abs=1e-3)
    assert loudness.crest_db == pytest.approx(3.0103, abs=1e-3)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_finite_are_refused(bad):
    samples = noise(0.2)
    samples[100, 1] = bad
    with pytest.raises(ValueError, match="NaN or infinite"):
        measure(samples)


@pytest.mark.parametrize("scale", [1e-30, 1e-12, 1e12, 1e37])
def test_absurd_levels_neither_warn_nor_overflow(scale):
    with warnings.catch_warnings(), np.errstate(all="warn", under="ignore"):
        warnings.simplefilter("error")
        loudness = measure(noise(4) * np.float32(scale))
    assert not np.isinf([getattr(loudness, name) for name in Loudness.__slots__]).any()


@pytest.mark.parametrize("shape", [(10,), (10, 1), (10, 3), (2, 10, 2)])
def test_a_block_of_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match=r"expected \(n_frames, 2\)"):
        LoudnessMeter(48_000, 2).add(np.zeros(shape, np.float32))


@pytest.mark.parametrize(("rate", "n_channels"), [(0, 2), (3_000, 2), (2**31, 2), (48_000, 0)])
def test_a_format_out_of_range_is_refused(rate, n_channels):
    with pytest.raises(ValueError, match="expected"):
        LoudnessMeter(rate, n_channels)
