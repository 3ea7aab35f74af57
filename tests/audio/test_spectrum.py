"""The mel spectrum against its definition, and on sines whose power is known."""

import numpy as np
import pytest
import scipy.signal

from affetto.audio.spectrum import (
    HOP,
    MEL_CENTRES_HZ,
    MEL_WIDTHS_HZ,
    N_FFT,
    RATE_HZ,
    MelSpectrum,
    mel_filters,
    to_db,
)


def mel_of(samples, chunk=None):
    spectrum, size = MelSpectrum(), chunk or max(1, len(samples))
    parts = [spectrum.add(samples[i : i + size]) for i in range(0, len(samples), size)]
    return np.concatenate([*parts, spectrum.finish()])


def sine(hertz, seconds=1.0, amplitude=0.5):
    turns = hertz * np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return (amplitude * np.sin(2 * np.pi * turns)).astype(np.float32)


def noise(n_samples, seed=0):
    return np.random.default_rng(seed).normal(0, 0.1, n_samples).astype(np.float32)


@pytest.mark.parametrize("n_samples", [1100, 2048, 5000, 20_011])
def test_frames_are_those_of_the_definition(n_samples):
    samples = noise(n_samples)
    padded = np.pad(samples.astype(np.float64), N_FFT // 2, mode="reflect")
    window = scipy.signal.get_window("hann", N_FFT, fftbins=True)
    frames = [
        np.abs(np.fft.rfft(window * padded[t * HOP : t * HOP + N_FFT])) ** 2
        for t in range(1 + n_samples // HOP)
    ]
    np.testing.assert_allclose(mel_of(samples), frames @ mel_filters(), rtol=2e-4)


@pytest.mark.parametrize("chunk", [1, 300, 1024, 2049, 30_000])
def test_any_chunks_give_the_same_frames(chunk):
    samples = noise(3000 if chunk == 1 else 40_000)
    np.testing.assert_allclose(mel_of(samples, chunk), mel_of(samples), rtol=1e-5)


@pytest.mark.parametrize("hertz", [110.0, 440.0, 1000.0, 5000.0, 15_000.0])
def test_a_sine_stands_in_its_band_with_its_power(hertz):
    mel = mel_of(sine(hertz))[10:-10]
    band = int(np.abs(MEL_CENTRES_HZ - hertz).argmin())
    assert abs(int(mel.mean(axis=0).argmax()) - band) <= 1
    power = (mel * MEL_WIDTHS_HZ).sum(axis=1)
    # A Hann window leaves 3/8 of the power; half of it stands at positive frequencies.
    assert power == pytest.approx(0.5**2 * 3 / 8 * N_FFT**2 / 4, rel=1e-3)


def test_triangles_share_out_all_power_between_first_and_last_centre():
    shares = (mel_filters() * MEL_WIDTHS_HZ).sum(axis=1)
    bins_hz = np.arange(N_FFT // 2 + 1) * RATE_HZ / N_FFT
    inside = (bins_hz >= MEL_CENTRES_HZ[0]) & (bins_hz <= MEL_CENTRES_HZ[-1])
    assert shares[inside] == pytest.approx(1)


def test_the_scale_is_linear_up_to_a_kilohertz_and_geometric_above():
    low, high = MEL_CENTRES_HZ[MEL_CENTRES_HZ < 950], MEL_CENTRES_HZ[MEL_CENTRES_HZ > 1000]
    assert np.diff(low) == pytest.approx(np.diff(low)[0])
    ratios = high[1:] / high[:-1]
    assert ratios == pytest.approx(ratios[0])
    # 27 steps of a mel make a factor of 6.4.
    bands_per_factor = np.log(6.4) / np.log(ratios[0])
    mels_per_band = np.diff(low)[0] / (200 / 3)
    assert bands_per_factor * mels_per_band == pytest.approx(27)


@pytest.mark.parametrize("n_samples", [0, 1, 2, 100, 512, 1024, 1025])
def test_short_signals_give_a_frame_each_hop(n_samples):
    mel = mel_of(noise(n_samples))
    assert mel.shape == (1 + n_samples // HOP if n_samples else 0, 128)
    assert np.isfinite(mel).all()


def test_decibels_have_a_floor():
    assert to_db(np.array([[0.0, 1e-12, 1e-10, 1.0, 100.0]], np.float32)).tolist() == [
        pytest.approx([-100, -100, -100, 0, 20])
    ]
