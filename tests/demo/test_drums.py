"""Drums: clean strokes that differ as drums do."""

import numpy as np
import pytest

from affetto.demo.drums import DRUMS

RATE = 44_100


def stroke(name, seed=0, rate=RATE):
    return DRUMS[name](rate, np.random.default_rng(seed))


def centroid_hz(samples):
    power = np.abs(np.fft.rfft(samples)) ** 2
    return (power * np.fft.rfftfreq(len(samples), 1 / RATE)).sum() / power.sum()


@pytest.mark.parametrize("rate", [8_000, 44_100, 96_000])
@pytest.mark.parametrize("name", DRUMS)
def test_every_stroke_is_clean(name, rate):
    samples = stroke(name, rate=rate)
    assert samples.dtype == np.float32
    assert samples.ndim == 1
    assert np.isfinite(samples).all()
    assert np.abs(samples).max() == pytest.approx(1)
    assert np.abs(samples[-1]) < 1e-3
    assert abs(samples.mean()) < 0.01
    assert len(samples) / rate < 3.1


def test_low_drums_are_low_and_cymbals_high():
    assert centroid_hz(stroke("kick")) < 200
    assert centroid_hz(stroke("low tom")) < centroid_hz(stroke("high tom")) < 400
    assert 1000 < centroid_hz(stroke("snare")) < 6000
    assert centroid_hz(stroke("hat")) > 7000


@pytest.mark.parametrize("name", ["kick", "house kick", "metal kick", "taiko"])
def test_a_kick_falls_in_pitch(name):
    samples = stroke(name)
    crossings = np.flatnonzero(np.diff(np.sign(samples[np.abs(samples).argmax() :])))
    gaps = np.diff(crossings[crossings > 0.01 * RATE])
    assert gaps[0] < gaps[4]


def test_open_hats_ring_longer_than_closed_ones():
    def half_energy_s(name):
        energy = np.cumsum(stroke(name) ** 2)
        return np.searchsorted(energy, energy[-1] / 2) / RATE

    assert half_energy_s("tight hat") < half_energy_s("open hat") < half_energy_s("crash")


def test_no_two_strokes_are_quite_the_same_unless_drawn_alike():
    assert np.array_equal(stroke("snare", 1), stroke("snare", 1))
    assert not np.array_equal(stroke("snare", 1), stroke("snare", 2))


def test_a_riser_rises():
    samples = stroke("riser")
    early, late = samples[: len(samples) // 3], samples[-len(samples) // 3 :]
    assert centroid_hz(early) < centroid_hz(late)
    assert early.std() < 0.5 * late.std()
