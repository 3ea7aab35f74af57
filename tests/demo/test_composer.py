"""The pieces are what they say they are: tempo, key, loudness, length, and a mood's direction."""

from dataclasses import FrozenInstanceError, replace
from itertools import pairwise

import numpy as np
import pytest
import scipy.signal

from affetto.audio.loudness import LoudnessMeter
from affetto.demo.composer import Piece, demo_pieces, render
from affetto.demo.songs import BY_STYLE
from affetto.errors import UsageError
from affetto.moods import MOOD_NAMES

RATE_HZ = 22_050  # that of the fixture
HEARD = (
    "house",
    "funk",
    "felt piano",
    "nylon guitar",
    "trip-hop",
    "drone and choir",
    "thrash metal",
    "dubstep",
    "ukulele pop",
    "swing",
)  # two of each mood
MAJOR = [6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88]
MINOR = [6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17]
each_heard = pytest.mark.parametrize("style", HEARD)


def spectrogram(samples, n_fft, hop):
    frequencies, _, spectra = scipy.signal.stft(
        samples.mean(axis=1), RATE_HZ, nperseg=n_fft, noverlap=n_fft - hop
    )
    return frequencies, np.abs(spectra)


def onset_energy(samples):
    """Rise of the compressed energy of 24 bands, and its frames a second."""
    frequencies, spectra = spectrogram(samples, 1024, 256)
    edges = np.geomspace(40, 10_000, 25)
    bands = np.array(
        [(low <= frequencies) & (frequencies < high) for low, high in pairwise(edges)], float
    )
    levels = bands @ spectra**2
    rise = np.diff((levels / levels.max()) ** 0.25, axis=1)
    return np.maximum(rise, 0).sum(axis=0), RATE_HZ / 256


def chroma(samples):
    """Share of each pitch class between 60 Hz and 1 kHz, every moment alike."""
    frequencies, spectra = spectrogram(samples, 8192, 4096)
    inside = (frequencies > 60) & (frequencies < 1000)
    spectra = spectra[inside]
    shares = (spectra / (spectra.sum(axis=0) + 1e-6)).mean(axis=1)
    midi = 69 + 12 * np.log2(frequencies[inside] / 440)
    near = np.abs(midi - np.round(midi)) < 0.3
    classes = np.round(midi).astype(int) % 12
    found = np.array([shares[near & (classes == number)].sum() for number in range(12)])
    return found / found.sum()


def measure(samples, rate=RATE_HZ):
    meter = LoudnessMeter(rate, 2)
    meter.add(samples)
    return meter.result()


def test_twenty_pieces_four_a_mood():
    pieces = demo_pieces()
    assert [piece.mood for piece in pieces] == [mood for mood in MOOD_NAMES for _ in range(4)]
    for attribute in ("title", "artist", "style", "seed"):
        assert len({getattr(piece, attribute) for piece in pieces}) == 20
    assert any(not piece.title.isascii() for piece in pieces)


@pytest.mark.parametrize("seed", [0, 7, 8, 2**40])
def test_what_the_seed_chooses_suits_the_style(seed):
    for piece in demo_pieces(seed):
        score = BY_STYLE[piece.style]
        assert piece.tempo_bpm in score.tempos_bpm
        assert piece.key in score.keys
        assert piece.is_major is score.is_major
        assert 30 <= piece.duration_s <= 46
        assert piece.n_bars == score.n_bars
        assert piece.duration_s == pytest.approx(
            piece.n_bars * 240 / piece.tempo_bpm + score.tail_s
        )


def test_the_moods_are_set_apart_as_written():
    by_mood = {mood: [p for p in demo_pieces() if p.mood == mood] for mood in MOOD_NAMES}
    assert all(-22 <= p.loudness_lufs <= -16 and p.is_major for p in by_mood["Relaxing"])
    assert all(p.tempo_bpm <= 90 for p in by_mood["Relaxing"] + by_mood["Dark"])
    assert not any(p.is_major for p in by_mood["Dark"] + by_mood["Aggressive"])
    assert all(p.loudness_lufs >= -8 for p in by_mood["Aggressive"])
    assert all(120 <= p.tempo_bpm <= 175 for p in by_mood["Energetic"])
    assert all(p.is_major and p.tempo_bpm >= 100 for p in by_mood["Happy"])


def test_seeds():
    assert demo_pieces() == demo_pieces(7) != demo_pieces(8)
    with pytest.raises(UsageError, match="seed -1 is negative; expected 0 or more"):
        demo_pieces(-1)
    with pytest.raises(FrozenInstanceError):
        demo_pieces()[0].key = 3


@each_heard
def test_form_of_the_signal(style, pieces, music):
    samples = music(style)
    assert samples.dtype == np.float32
    assert samples.shape == (round(pieces[style].duration_s * RATE_HZ), 2)
    assert np.isfinite(samples).all()
    assert np.abs(samples).max() <= 10 ** (-1 / 20)
    assert np.abs(samples.mean(axis=0)).max() < 1e-3  # no offset
    assert np.abs(samples[0]).max() < 1e-3
    assert np.abs(samples[-RATE_HZ // 100 :]).max() < 1e-3  # it has died away
    left, right = samples.T
    assert 0.2 < np.corrcoef(left, right)[0, 1] < 0.98  # wide, and whole in mono
    assert left.std() == pytest.approx(right.std(), rel=0.35)


@each_heard
def test_loudness_is_what_it_says(style, pieces, music):
    assert measure(music(style)).integrated_lufs == pytest.approx(
        pieces[style].loudness_lufs, abs=0.5
    )


@each_heard
def test_tempo_is_the_strongest_pulse(style, pieces, music):
    energy, frames_per_s = onset_energy(music(style))
    energy = energy - energy.mean()
    correlation = scipy.signal.correlate(energy, energy)[len(energy) - 1 :]
    tempo = pieces[style].tempo_bpm
    lags = np.arange(1, len(correlation))
    octave = np.abs(np.log2(60 * frames_per_s / lags / tempo)) < 0.5
    strongest = lags[octave][correlation[1:][octave].argmax()]
    assert 60 * frames_per_s / strongest == pytest.approx(tempo, rel=0.02)


@each_heard
def test_the_tonic_triad_leads(style, pieces, music):
    piece = pieces[style]
    found = chroma(music(style))
    third = 4 if piece.is_major else 3
    triad = [(piece.key + step) % 12 for step in (0, third, 7)]
    assert found.argmax() in triad
    assert found[triad].mean() > 1.8 * np.delete(found, triad).mean()


@each_heard
def test_the_key_is_found_by_its_profile(style, pieces, music):
    """Krumhansl and Kessler's profiles (1982), as Krumhansl and Schmuckler used them."""
    piece = pieces[style]
    found = chroma(music(style))
    likeness = {
        (key, is_major): np.corrcoef(np.roll(profile, key), found)[0, 1]
        for key in range(12)
        for is_major, profile in ((True, MAJOR), (False, MINOR))
    }
    assert max(likeness, key=likeness.get) == (piece.key, piece.is_major)


def test_moods_differ_in_the_direction_they_should(pieces, music):
    def mean(quantity, mood):
        return np.mean([quantity(music(s)) for s in HEARD if pieces[s].mood == mood])

    def brightness_hz(samples):
        frequencies, spectra = spectrogram(samples, 2048, 2048)
        return (frequencies[:, None] * spectra).sum() / spectra.sum()

    def activity(samples):
        return onset_energy(samples)[0].mean()

    def crest_db(samples):
        return measure(samples).crest_db

    for calm in ("Relaxing", "Dark"):
        for lively in ("Energetic", "Aggressive", "Happy"):
            assert mean(brightness_hz, calm) < 0.8 * mean(brightness_hz, lively)
            assert mean(activity, calm) < 0.9 * mean(activity, lively)
            assert mean(crest_db, calm) > mean(crest_db, lively) + 2
    for other in ("Energetic", "Happy"):
        assert mean(activity, other) < mean(activity, "Aggressive")


def test_the_same_piece_is_the_same_music_whatever_else_is_drawn():
    piece = next(piece for piece in demo_pieces() if piece.style == "nylon guitar")
    np.random.seed(1)  # noqa: NPY002 - the global state must not matter
    first = render(piece, 8_000)
    np.random.seed(2)  # noqa: NPY002
    assert np.array_equal(first, render(piece, 8_000))
    other = render(replace(piece, seed=piece.seed + 1), 8_000)
    assert first.shape == other.shape
    assert not np.allclose(first, other, atol=0.01)


def test_a_piece_in_another_key_and_tempo_and_at_another_loudness(pieces):
    piece = replace(pieces["ukulele pop"], key=2, tempo_bpm=100.0, loudness_lufs=-16.0)
    samples = render(piece, RATE_HZ)
    assert len(samples) / RATE_HZ == pytest.approx(piece.n_bars * 2.4 + 2.0, abs=1e-4)
    assert chroma(samples).argmax() == 2
    assert measure(samples).integrated_lufs == pytest.approx(-16, abs=0.5)


def test_at_the_rate_of_a_compact_disc(pieces):
    piece = pieces["hardcore punk"]
    samples = render(piece)
    assert samples.shape == (round(piece.duration_s * 44_100), 2)
    loudness = measure(samples, 44_100)
    assert loudness.integrated_lufs == pytest.approx(piece.loudness_lufs, abs=0.5)
    assert loudness.sample_peak_db <= -1


@pytest.mark.parametrize(
    ("changed", "rate", "message"),
    [
        ({"style": "polka"}, 44_100, "there is no style 'polka'; expected one of"),
        ({}, 4_000, "sample_rate_hz is 4000; expected 8000 to 192000 Hz"),
        ({"tempo_bpm": 600.0}, 44_100, "tempo_bpm is 600.0; expected 40 to 250"),
        ({"tempo_bpm": float("nan")}, 44_100, "tempo_bpm is nan; expected 40 to 250"),
        ({"key": 12}, 44_100, r"key is 12; expected a pitch class from 0 \(C\) to 11 \(B\)"),
    ],
)
def test_what_cannot_be_played_is_refused(changed, rate, message):
    piece = replace(demo_pieces()[0], **changed)
    assert isinstance(piece, Piece)
    with pytest.raises(UsageError, match=message):
        render(piece, rate)
