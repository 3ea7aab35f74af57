"""Key, tuning, folding and chords of chromas whose answer is known."""

import numpy as np
import pytest

from affetto.audio.key import (
    N_FINE,
    entropy,
    find_key,
    find_tuning,
    fold,
    tonal_centroids,
    triad_fits,
)

MAJOR_SCALE, MINOR_SCALE = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 11)


def weights(pitch_classes, tonic=0):
    chroma = np.full(12, 0.01)
    chroma[(np.array(pitch_classes) + tonic) % 12] = 1
    return chroma


def fine_peak(semitones, weight=1.0):
    """All weight at one pitch, shared out among the two nearest bins."""
    place = semitones * N_FINE / 12
    fine = np.zeros(N_FINE)
    below = int(np.floor(place))
    fine[below % N_FINE] += weight * (1 - place + below)
    fine[(below + 1) % N_FINE] += weight * (place - below)
    return fine


@pytest.mark.parametrize("tonic", range(12))
@pytest.mark.parametrize(("scale", "mode"), [(MAJOR_SCALE, 1), (MINOR_SCALE, 0)])
def test_a_scale_that_leans_on_its_triad_is_its_key(tonic, scale, mode):
    chroma = weights(scale, tonic)
    chroma[(tonic + np.array(scale)[[0, 2, 4]]) % 12] += 1
    key = find_key(chroma)
    assert (key.tonic, key.mode) == (tonic, mode)
    assert key.strength > 0.85
    assert key.confidence > 0.05
    assert np.sign(key.majorness) == (1 if mode else -1)
    assert find_key(1e-7 * chroma).confidence == pytest.approx(key.confidence)


@pytest.mark.parametrize("chroma", [np.ones(12), np.zeros(12), np.full(12, np.nan)])
def test_no_key_without_a_shape(chroma):
    key = find_key(chroma)
    assert np.isnan([key.tonic, key.mode, key.strength, key.confidence, key.majorness]).all()


def test_no_key_where_the_shape_is_faint_or_fits_none():
    faint = find_key(1 + 0.05 * weights(MAJOR_SCALE))
    chromatic = find_key(weights([0, 1, 2, 3]))
    for key in (faint, chromatic):
        assert np.isnan([key.tonic, key.mode]).all()
        assert np.isfinite([key.strength, key.confidence, key.majorness]).all()


@pytest.mark.parametrize("cents", [-49, -30, 0, 10, 49])
def test_tuning_is_where_the_weight_lies(cents):
    fine = sum(fine_peak(pitch + cents / 100) for pitch in (0, 4, 7, 11.0))
    assert find_tuning(fine) == pytest.approx(cents, abs=3)  # of bins of 20 cents


def test_tuning_of_nothing_or_of_everything_is_undefined():
    assert np.isnan(find_tuning(np.zeros(N_FINE)))
    assert np.isnan(find_tuning(np.ones(N_FINE)))


@pytest.mark.parametrize("cents", [-45, 0, 45])
@pytest.mark.parametrize("pitch", [0, 6, 11])
def test_folding_follows_the_tuning(pitch, cents):
    chroma = fold(fine_peak(pitch + cents / 100)[np.newaxis], cents)[0]
    assert chroma.argmax() == pitch
    assert chroma[pitch] > 2.5 * np.sort(chroma)[-2]  # the third harmonic counts 0.36


def test_a_tone_with_harmonics_is_one_pitch_class():
    fine = sum(fine_peak(12 * np.log2(h), 1 / np.sqrt(h)) for h in range(1, 9))
    chroma = fold(fine[np.newaxis], 0)[0]
    assert chroma[0] > 0.4 * chroma.sum()
    plain = fine.reshape(12, 5)[:, 0] + np.roll(fine, 1).reshape(12, 5)[:, 0]
    assert chroma[7] / chroma[0] < 1.2 * plain[7] / plain[0]


def test_entropy_of_one_of_three_and_of_all():
    assert entropy(np.eye(12)[3]) == pytest.approx(0, abs=1e-6)
    assert entropy(np.isin(np.arange(12), [0, 4, 7]) * 2.0) == pytest.approx(
        np.log(3) / np.log(12), abs=1e-6
    )
    assert entropy(np.full((2, 12), 0.3)) == pytest.approx([1, 1], abs=1e-6)


def test_tonal_centroids_of_single_tones_lie_on_the_circles():
    centroids = tonal_centroids(np.eye(12))
    fifths, minor_thirds, major_thirds = (
        centroids[:, [0, 3]],
        centroids[:, [1, 4]],
        centroids[:, 2::3],
    )
    assert np.linalg.norm(fifths, axis=1) == pytest.approx(np.ones(12))
    assert np.linalg.norm(minor_thirds, axis=1) == pytest.approx(np.ones(12))
    assert np.linalg.norm(major_thirds, axis=1) == pytest.approx(np.full(12, 0.5))
    # Tones a minor third four times over, or a major third three times over, close a circle.
    assert minor_thirds[[0, 3, 6, 9]].sum(axis=0) == pytest.approx([0, 0], abs=1e-9)
    assert major_thirds[[0, 4, 8]].sum(axis=0) == pytest.approx([0, 0], abs=1e-9)
    distance = np.linalg.norm(centroids - centroids[0], axis=1)
    assert distance[7] < distance[2] < distance[6]


@pytest.mark.parametrize("root", range(12))
def test_a_triad_fits_itself(root):
    minor, major = triad_fits(np.array([weights((0, 3, 7), root), weights((0, 4, 7), root)])).T
    assert minor[0] == pytest.approx(1)
    assert major[1] == pytest.approx(1)
    assert major[0] < 0.7
    assert minor[1] < 0.7
