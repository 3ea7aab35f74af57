"""Clips: the first 30 s of anything, small enough to be sent."""

import wave

import numpy as np
import pytest
import soundfile

from affetto.collecting.clips import clip
from affetto.errors import AudioError, OutputError

MOST_BYTES = 5_000_000


def sine(hz, seconds, rate_hz, level=0.5):
    return level * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate_hz)) / rate_hz)


def written(path, samples, rate_hz, **settings):
    soundfile.write(path, samples, rate_hz, **settings)
    return path


def heard(path):
    """Give rate, bytes a sample, channels and samples of a WAV, by the standard library."""
    with wave.open(str(path)) as file:
        raw = file.readframes(file.getnframes())
        head = file.getframerate(), file.getsampwidth(), file.getnchannels()
    return *head, np.frombuffer(raw, "<i2") / 32_767


def strongest_hz(samples, rate_hz):
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return np.argmax(power) * rate_hz / len(samples)


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3", "aiff"])
def test_the_start_of_any_audio(suffix, tmp_path):
    start, rest = sine(440, 30, 22_050), sine(2_000, 5, 22_050)
    path = written(tmp_path / f"a.{suffix}", np.concatenate([start, rest]), 22_050)
    rate_hz, width, n_channels, samples = heard(clip(path, tmp_path))
    assert (rate_hz, width, n_channels) == (22_050, 2, 1)
    assert len(samples) == 30 * 22_050
    assert strongest_hz(samples, rate_hz) == pytest.approx(440, abs=0.1)
    assert strongest_hz(samples[-5_000:], rate_hz) == pytest.approx(440, abs=5)
    assert np.sqrt(np.mean(samples**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.02)


def test_samples_stay_what_they_are(tmp_path):
    samples = sine(440, 1, 44_100)
    path = written(tmp_path / "a.wav", samples, 44_100, subtype="FLOAT")
    *_, found = heard(clip(path, tmp_path))
    assert np.abs(found - samples).max() < 1 / 32_767


def test_what_is_shorter_stays_as_long_as_it_is(tmp_path):
    path = written(tmp_path / "a.flac", sine(440, 2.5, 8_000), 8_000)
    rate_hz, *_, samples = heard(clip(path, tmp_path))
    assert len(samples) / rate_hz == 2.5


def test_channels_are_mixed(tmp_path):
    left, right = sine(440, 1, 8_000, 0.6), sine(440, 1, 8_000, 0.2)
    path = written(tmp_path / "a.wav", np.column_stack([left, right]), 8_000)
    *_, samples = heard(clip(path, tmp_path))
    assert np.abs(samples).max() == pytest.approx(0.4, abs=0.001)


@pytest.mark.parametrize("rate_hz", [48_000, 96_000, 192_000])
def test_high_rates_are_brought_down(rate_hz, tmp_path):
    """What the lower rate cannot hold is filtered away, not folded into what is heard."""
    samples = sine(440, 31, rate_hz) + sine(23_500, 31, rate_hz, 0.3)
    path = written(tmp_path / "a.flac", samples, rate_hz)
    made = clip(path, tmp_path)
    found_hz, *_, found = heard(made)
    assert found_hz == 44_100
    assert len(found) == pytest.approx(30 * 44_100, abs=2)
    assert made.stat().st_size < MOST_BYTES
    power = np.abs(np.fft.rfft(found * np.hanning(len(found)))) ** 2
    hz = np.fft.rfftfreq(len(found), 1 / found_hz)
    assert power[np.abs(hz - 440) > 50].sum() < 1e-4 * power.sum()


def test_what_is_too_loud_is_clipped_not_wrapped(tmp_path):
    samples = sine(100, 1, 8_000, level=3.0)
    path = written(tmp_path / "a.wav", samples, 8_000, subtype="FLOAT")
    *_, found = heard(clip(path, tmp_path))
    assert np.array_equal(np.sign(found), np.sign(samples.round(9)))
    assert np.abs(found).max() == 1.0


def test_two_files_of_one_name_have_two_clips(tmp_path):
    for folder, hz in (("a", 300), ("b", 600)):
        (tmp_path / folder).mkdir()
        written(tmp_path / folder / "song.wav", sine(hz, 1, 8_000), 8_000)
    clips = [clip(tmp_path / folder / "song.wav", tmp_path) for folder in ("a", "b")]
    found = [strongest_hz(heard(one)[-1], 8_000) for one in clips]
    assert found == pytest.approx([300, 600], abs=1)


def test_the_same_file_gives_the_same_clip(tmp_path):
    path = written(tmp_path / "a.wav", sine(440, 1, 8_000), 8_000)
    first = clip(path, tmp_path)
    content = first.read_bytes()
    assert clip(str(path), str(tmp_path)) == first
    assert first.read_bytes() == content


def test_names_as_long_as_they_may_be(tmp_path):
    path = written(tmp_path / ("ß" * 120 + ".wav"), sine(440, 1, 8_000), 8_000)
    assert clip(path, tmp_path).is_file()


@pytest.mark.parametrize("content", [None, b"", b"no audio", b"RIFF\xff\xff\xff\xffWAVEfmt "])
def test_what_is_no_audio_leaves_nothing(content, tmp_path):
    (tmp_path / "clips").mkdir()
    path = tmp_path / "a.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(AudioError, match=r"a\.wav"):
        clip(path, tmp_path / "clips")
    assert list((tmp_path / "clips").iterdir()) == []


def test_a_folder_that_is_gone(tmp_path):
    path = written(tmp_path / "a.wav", sine(440, 1, 8_000), 8_000)
    with pytest.raises(OutputError, match="does not exist"):
        clip(path, tmp_path / "gone")


def test_only_the_start_is_read(tmp_path, monkeypatch):
    """An hour-long mix costs no more than a song."""
    path = written(tmp_path / "a.wav", np.zeros(8_000 * 600, np.int16), 8_000)
    from affetto.audio import stream

    n_read = 0
    read = stream.Audio._read

    def counted(self, n_frames):
        nonlocal n_read
        block = read(self, n_frames)
        n_read += len(block)
        return block

    monkeypatch.setattr(stream.Audio, "_read", counted)
    clip(path, tmp_path)
    assert n_read <= 40 * 8_000
