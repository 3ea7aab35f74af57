"""The analysis as a whole: windows, excerpts, timeline, formats, and what files may hold."""

import numpy as np
import pytest
import soundfile

from affetto.audio import timbre
from affetto.audio.analysis import analyze
from affetto.audio.spectrum import MelSpectrum, to_db
from affetto.errors import AudioError, UsageError
from affetto.features import FEATURE_NAMES

RATE = 44_100


def noise(seconds, seed=0, level=0.1):
    samples = np.random.default_rng(seed).normal(0, level, round(seconds * RATE))
    return samples.astype(np.float32)


def sine(hertz, seconds, amplitude=0.5, rate=RATE):
    turns = hertz * np.arange(round(seconds * rate)) / rate
    return (amplitude * np.sin(2 * np.pi * turns)).astype(np.float32)


def written(folder, samples, rate=RATE, name="a.wav", **settings):
    path = folder / name
    soundfile.write(path, samples, rate, **({"subtype": "FLOAT"} | settings))
    return path


def timbre_of(samples):
    spectrum = MelSpectrum()
    parts = [spectrum.add(samples), spectrum.finish()]
    return timbre.timbre_descriptors(to_db(np.concatenate(parts)))


def same(one, other, rel=1e-3, abs_=1e-3):
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert value == pytest.approx(other[name], rel=rel, abs=abs_, nan_ok=True), name


@pytest.fixture(scope="module")
def long_noise():
    """Seventy seconds whose colour and level change all the time."""
    samples = noise(70)
    fade = np.linspace(0, 1, len(samples), dtype=np.float32)
    return samples * fade + sine(500, 70) * (1 - fade)


@pytest.fixture(scope="module")
def long_track(long_noise, tmp_path_factory):
    return written(tmp_path_factory.mktemp("long"), long_noise)


def test_a_clip_of_thirty_seconds_is_one_window(tmp_path):
    samples = noise(30)
    given = analyze(written(tmp_path, samples)).descriptors
    expected = timbre_of(samples)
    same({name: given[name] for name in expected}, expected)


def test_a_longer_track_is_the_mean_of_its_windows(long_track, long_noise):
    given = analyze(long_track).descriptors
    # Windows of 30 s; the last reaches back to be as long, and counts for what is new in it.
    weights = {0: 1.0, 30: 1.0, 40: 1 / 3}
    parts = [timbre_of(long_noise[start * RATE : (start + 30) * RATE]) for start in weights]
    for name in ("mfcc_01_mean", "mfcc_02_std", "centroid_hz", "flatness"):
        values = np.array([part[name] for part in parts])
        mean = np.average(values, weights=list(weights.values()))
        assert given[name] == pytest.approx(mean, rel=0.03), name


def test_the_timeline_covers_the_track_in_overlapping_windows(long_track):
    track = analyze(long_track, timeline=True)
    starts = [moment.start_s for moment in track.timeline]
    assert starts[:-1] == pytest.approx([7.5 * i for i in range(len(starts) - 1)], abs=0.01)
    assert track.timeline[-1].stop_s == pytest.approx(70, abs=0.05)
    lengths = [moment.stop_s - moment.start_s for moment in track.timeline]
    assert lengths == pytest.approx([15] * len(lengths), abs=0.05)
    assert all(tuple(moment.features) == FEATURE_NAMES for moment in track.timeline)
    assert analyze(long_track).timeline == ()
    same(track.descriptors, analyze(long_track).descriptors)


def test_the_timeline_follows_the_loudness(tmp_path):
    loud, soft = noise(30), noise(30, level=0.01)
    track = analyze(written(tmp_path, np.concatenate([soft, loud])), timeline=True)
    first, last = track.timeline[0].features, track.timeline[-1].features
    assert last["loudness"] - first["loudness"] == pytest.approx(20, abs=0.3)


def test_the_ten_are_given_with_loudness_on_the_scale_of_spotify(tmp_path):
    # EBU Tech 3341, case 1: stereo sine of 1 kHz at −23 dBFS is −23 LUFS.
    both = np.repeat(sine(1000, 20, 10 ** (-23 / 20))[:, None], 2, axis=1)
    track = analyze(written(tmp_path, both))
    assert tuple(track.features) == FEATURE_NAMES
    assert track.descriptors["integrated_lufs"] == pytest.approx(-23, abs=0.1)
    assert track.features["loudness"] == pytest.approx(-19, abs=0.1)
    assert track.features["duration_ms"] == 20_000
    assert track.duration_s == 20


def test_excerpts_are_those_parts_of_the_track(tmp_path):
    # Tones stand where the three excerpts are taken; all else is noise.
    samples = noise(180)
    for middle in (30, 90, 150):
        samples[(middle - 15) * RATE : (middle + 15) * RATE] = sine(1000, 30)
    path = written(tmp_path, samples)
    whole, excerpt = analyze(path), analyze(path, excerpt=True)
    assert excerpt.descriptors["centroid_hz"] == pytest.approx(1000, rel=0.02)
    assert whole.descriptors["centroid_hz"] > 3000
    assert excerpt.duration_s == whole.duration_s == 180
    assert excerpt.descriptors.keys() == whole.descriptors.keys()


def test_an_excerpt_of_a_short_track_is_the_track(long_track):
    same(analyze(long_track, excerpt=True).descriptors, analyze(long_track).descriptors)


def test_an_excerpt_has_no_timeline(long_track):
    with pytest.raises(UsageError, match="a timeline needs the whole track"):
        analyze(long_track, excerpt=True, timeline=True)


def test_the_key_of_a_chord(tmp_path):
    chord = sum(sine(hertz, 10, 0.2) for hertz in (220, 440, 523.25, 659.26, 880))
    track = analyze(written(tmp_path, chord))
    assert (track.key, track.mode, track.key_name) == (9, 0, "A minor")


@pytest.mark.parametrize("n_channels", [1, 2, 3, 6])
def test_equal_channels_are_one_signal(tmp_path, n_channels):
    samples = noise(12)
    one = analyze(written(tmp_path, samples, name="one.wav")).descriptors
    many = np.repeat(samples[:, None], n_channels, axis=1)
    given = analyze(written(tmp_path, many)).descriptors
    loudness = {"integrated_lufs", "momentary_max_lufs", "short_term_max_lufs", "silence_share"}
    same(
        {name: value for name, value in given.items() if name not in loudness},
        {name: value for name, value in one.items() if name not in loudness},
    )


@pytest.mark.parametrize("rate", [22_050, 48_000, 96_000, 192_000])
def test_other_sample_rates_give_the_same_below_their_limit(tmp_path, rate):
    tones = {r: sum(sine(h, 12, 0.1, r) for h in (330, 1250, 4000)) for r in (RATE, rate)}
    one = analyze(written(tmp_path, tones[RATE], name="one.wav"))
    other = analyze(written(tmp_path, tones[rate], rate))
    assert other.duration_s == pytest.approx(12, abs=0.001)
    assert other.key == one.key
    for name, tolerance in (("centroid_hz", 3), ("rolloff_hz", 1), ("integrated_lufs", 0.06)):
        assert other.descriptors[name] == pytest.approx(one.descriptors[name], abs=tolerance)


@pytest.mark.parametrize(
    ("samples", "lufs"),
    [
        (np.zeros(RATE * 5), None),
        (np.full(RATE * 5, 0.5), None),  # a constant has no loudness: it is no sound
        (np.zeros(1), None),
        (np.array([0.7]), None),
        (noise(0.1), None),
        (noise(1.0), -20),
    ],
    ids=["silence", "constant", "one zero", "one sample", "a tenth", "a second"],
)
def test_little_or_nothing_to_hear(tmp_path, samples, lufs):
    track = analyze(written(tmp_path, samples))
    assert track.features["duration_ms"] == round(1000 * len(samples) / RATE)
    loudness = track.descriptors["integrated_lufs"]
    if lufs is None:
        assert np.isnan(loudness)
    else:
        assert loudness == pytest.approx(lufs, abs=4)
    assert np.isnan(track.features["tempo"])
    assert not any(np.isinf(list(track.descriptors.values())))


def test_samples_that_are_not_numbers_are_told_and_survived(tmp_path):
    samples = noise(6)
    samples[RATE : RATE + 10] = np.nan
    track = analyze(written(tmp_path, samples))
    assert track.warnings == ("10 NaN or infinite samples read as silence",)
    assert np.isfinite(track.features["loudness"])


def test_tags_are_handed_on(tmp_path):
    with soundfile.SoundFile(tmp_path / "a.flac", "w", RATE, 1) as sound:
        sound.title, sound.artist, sound.album = "Lamento", "Ninfa", "Libro ottavo"
        sound.write(noise(1))
    track = analyze(tmp_path / "a.flac")
    assert (track.title, track.artist, track.album) == ("Lamento", "Ninfa", "Libro ottavo")


def test_a_rate_without_room_for_loudness_is_refused(tmp_path):
    with pytest.raises(AudioError, match="has 2000 Hz; from 4 kHz to 768 kHz is read"):
        analyze(written(tmp_path, noise(1), 2000))
