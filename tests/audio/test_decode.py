"""Decoding: signals with known answers, and every way a file can be bad."""

import builtins
import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from affetto.audio import decode
from affetto.audio.decode import open_audio
from affetto.errors import AudioError, DecoderMissingError, UsageError

HZ = 440.0
LEVEL = 0.5


def sine(rate=44_100, n_channels=1, seconds=2.0):
    """One sine a channel: the first of 440 Hz, the others one harmonic higher each."""
    times = np.arange(round(rate * seconds)) / rate
    tones = [np.sin(2 * np.pi * HZ * (k + 1) * times) for k in range(n_channels)]
    return (LEVEL * np.stack(tones, axis=1)).astype(np.float32)


def decoded(path, seconds=10.0):
    with open_audio(path) as audio:
        return np.concatenate(list(audio.blocks(seconds))), audio


def assert_sine(samples, rate, tolerance=0.02):
    middle = samples[len(samples) // 4 : len(samples) * 3 // 4]
    for k, tone in enumerate(middle.T):
        spectrum = np.abs(np.fft.rfft(tone * np.hanning(len(tone))))
        found = np.argmax(spectrum) * rate / len(tone)
        assert found == pytest.approx(HZ * (k + 1), abs=1.5 * rate / len(tone))
        assert np.sqrt(2 * np.mean(tone.astype(float) ** 2)) == pytest.approx(LEVEL, rel=tolerance)


def write_av(path, codec, samples, rate, **tags):
    av = pytest.importorskip("av")
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[samples.shape[1]]
    with av.open(str(path), "w") as container:
        container.metadata.update(tags)
        stream = container.add_stream(codec, rate=rate, layout=layout)
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(samples.T), format="fltp", layout=layout
        )
        frame.sample_rate, frame.pts = rate, 0
        to = av.AudioResampler(stream.format, layout, rate, frame_size=stream.frame_size or 1024)
        for piece in to.resample(frame) + to.resample(None):
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    """The same stereo sine in each format, as bytes."""
    folder = tmp_path_factory.mktemp("originals")
    files = {}
    for name in ("wav", "flac", "ogg", "mp3"):
        soundfile.write(folder / f"a.{name}", sine(n_channels=2), 44_100)
        files[name] = (folder / f"a.{name}").read_bytes()
    av_files = [("opus", "libopus", 48_000), ("m4a", "aac", 44_100)]
    for name, codec, rate in av_files:
        path = write_av(folder / f"a.{name}", codec, sine(rate, 2), rate)
        files[name] = path.read_bytes()
    return files


FORMATS = ["wav", "flac", "ogg", "mp3", "opus", "m4a"]


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("n_channels", [1, 2, 6])
def test_wav_of_any_depth_is_exact(tmp_path, subtype, n_channels):
    wanted = sine(n_channels=n_channels)
    soundfile.write(tmp_path / "a.wav", wanted, 44_100, subtype)
    samples, audio = decoded(tmp_path / "a.wav")
    assert samples.dtype == np.float32
    np.testing.assert_allclose(samples, wanted, atol=0.01 if subtype == "PCM_U8" else 1e-4)
    assert audio.info.duration_s == pytest.approx(2.0)
    assert audio.info.codec == f"wav {subtype.lower()}" and audio.warnings == []


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 48_000, 96_000, 192_000])
@pytest.mark.parametrize("name", ["wav", "flac", "ogg"])
def test_any_sample_rate(tmp_path, rate, name):
    soundfile.write(tmp_path / f"a.{name}", sine(rate), rate)
    samples, audio = decoded(tmp_path / f"a.{name}")
    assert audio.info.sample_rate_hz == rate and len(samples) == 2 * rate
    assert_sine(samples, rate)


@pytest.mark.parametrize("name", FORMATS)
def test_every_codec_keeps_length_frequency_and_level(originals, tmp_path, name):
    path = tmp_path / "under another name.txt"
    path.write_bytes(originals[name])
    samples, audio = decoded(path)
    rate = audio.info.sample_rate_hz
    assert audio.info.n_channels == samples.shape[1] == 2
    assert len(samples) / rate == pytest.approx(2.0, abs=0.05)
    assert audio.info.duration_s == pytest.approx(2.0, abs=0.05)
    assert_sine(samples, rate, tolerance=0.05)
    assert audio.warnings == []


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("seconds", [0.0131, 0.5, 1.9])
def test_blocks_join_to_the_whole(originals, tmp_path, name, seconds):
    path = tmp_path / f"a.{name}"
    path.write_bytes(originals[name])
    whole, _ = decoded(path)
    joined, _ = decoded(path, seconds)
    np.testing.assert_allclose(joined, whole, atol=1e-6)
    with open_audio(path) as audio:
        lengths = [len(block) for block in audio.blocks(seconds)]
    assert set(lengths[:-1]) <= {round(seconds * audio.info.sample_rate_hz)}


@pytest.mark.parametrize("name", FORMATS)
def test_seeking_lands_where_asked(originals, tmp_path, name):
    path = tmp_path / f"a.{name}"
    path.write_bytes(originals[name])
    whole, _ = decoded(path)
    with open_audio(path) as audio:
        start = round(0.7 * audio.info.sample_rate_hz)
        for _ in range(2):
            audio.seek(0.7)
            rest = np.concatenate(list(audio.blocks(0.3)))
            assert len(rest) == len(whole) - start
            np.testing.assert_allclose(rest[3000:], whole[start + 3000 :], atol=0.02)
        with pytest.raises(AudioError, match="it ends at"):
            audio.seek(99)
        for wrong in (-1, float("nan")):
            with pytest.raises(UsageError, match="give a time"):
                audio.seek(wrong)
        with pytest.raises(UsageError, match="length above 0"):
            next(audio.blocks(0))


def test_embedded_tags(tmp_path):
    for name in ("flac", "mp3", "ogg"):
        with soundfile.SoundFile(tmp_path / f"a.{name}", "w", 44_100, 1) as sound:
            sound.title, sound.artist = "Erbarme dich ü", "Bach"
            sound.write(sine())
        info = decoded(tmp_path / f"a.{name}")[1].info
        assert (info.title, info.artist, info.album) == ("Erbarme dich ü", "Bach", None)


@pytest.mark.parametrize(
    ("name", "codec", "rate"), [("opus", "libopus", 48_000), ("m4a", "aac", 44_100)]
)
def test_embedded_tags_through_pyav(tmp_path, name, codec, rate):
    path = write_av(tmp_path / f"a.{name}", codec, sine(rate), rate, title="T ü", album="L")
    info = decoded(path)[1].info
    assert (info.title, info.artist, info.album) == ("T ü", None, "L")
    assert info.n_channels == 1


def test_an_mp3_without_a_table_is_read_to_its_end(tmp_path):
    noise = np.random.default_rng(0).uniform(-0.9, 0.9, 44_100 * 4)
    parts = []
    for signal, level in ((noise, 0.0), (np.zeros(44_100 * 20), 0.99)):
        path = tmp_path / "part.mp3"
        soundfile.write(path, signal, 44_100, bitrate_mode="CONSTANT", compression_level=level)
        data = path.read_bytes()
        tag = max(data[:256].find(b"Xing"), data[:256].find(b"Info"))
        parts.append(data[data.find(data[:2], tag) :] if tag >= 0 else data)
    (tmp_path / "a.mp3").write_bytes(b"".join(parts))
    pytest.importorskip("av")
    samples, audio = decoded(tmp_path / "a.mp3")
    assert audio.info.duration_s is None
    assert len(samples) / 44_100 == pytest.approx(24, abs=0.2)


@pytest.mark.parametrize("name", FORMATS)
def test_truncated_anywhere_gives_what_is_readable(originals, tmp_path, name, capfd):
    data = originals[name]
    lengths = []
    for k in range(1, 40):
        path = tmp_path / f"{k}.{name}"
        path.write_bytes(data[: len(data) * k // 40])
        try:
            samples, audio = decoded(path)
        except AudioError:
            continue
        lengths.append(len(samples))
        assert np.isfinite(samples).all()
        if len(samples) < 1.5 * audio.info.sample_rate_hz and name != "ogg":
            assert any(text.startswith(("cut short", "the length")) for text in audio.warnings)
    assert lengths == sorted(lengths)
    assert lengths or name == "m4a"  # its index stands at the end
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", FORMATS)
@settings(
    max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(damage=st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=64)), max_size=6))
def test_altered_bytes_never_crash(originals, tmp_path, name, damage, capfd):
    data = bytearray(originals[name])
    for place, altered in damage:
        start = int(place * len(data))
        data[start : start + len(altered)] = altered
    path = tmp_path / f"a.{name}"
    path.write_bytes(data)
    try:
        samples, _ = decoded(path)
    except AudioError:
        pass
    else:
        assert np.isfinite(samples).all() and len(samples)
    assert capfd.readouterr() == ("", "")


@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(
    data=st.binary(max_size=300),
    start=st.sampled_from([*decode._CONTAINERS, b"\xff\xfb\xe0\xc4", b"ID3"]),
)
def test_noise_behind_any_mark_is_refused_or_read(tmp_path, data, start):
    path = tmp_path / "a"
    path.write_bytes(start + data)
    try:
        decoded(path)
    except AudioError as exc:
        assert str(path) in str(exc)


def test_damage_amid_a_flac_loses_little(originals, tmp_path):
    pytest.importorskip("av")
    data = bytearray(originals["flac"])
    data[len(data) // 2 : len(data) // 2 + 50] = bytes(50)
    (tmp_path / "a.flac").write_bytes(data)
    samples, audio = decoded(tmp_path / "a.flac")
    assert len(samples) > 1.6 * 44_100
    assert any(text.startswith("damaged") for text in audio.warnings)


def test_samples_that_are_no_numbers_become_silence(tmp_path):
    samples = sine()
    samples[10], samples[20], samples[50_000] = np.nan, np.inf, -np.inf
    soundfile.write(tmp_path / "a.wav", samples, 44_100, "FLOAT")
    read, audio = decoded(tmp_path / "a.wav", 0.5)
    assert read[10] == read[20] == read[50_000] == 0
    assert audio.warnings == ["3 NaN or infinite samples read as silence"]
    huge = np.array([0.1, 1e300, -1e300])
    soundfile.write(tmp_path / "b.wav", huge, 44_100, "DOUBLE")
    read, audio = decoded(tmp_path / "b.wav")
    assert read[1] == read[2] == 0 and audio.warnings[0].startswith("2 NaN or inf")


def test_a_header_that_promises_too_much(originals, tmp_path):
    flac = bytearray(originals["flac"])
    flac[21] |= 0x0F  # 36 bits of total samples from the middle of this byte on
    flac[22:26] = b"\xff" * 4
    (tmp_path / "a.flac").write_bytes(flac)
    samples, audio = decoded(tmp_path / "a.flac")
    assert len(samples) == 88_200 and audio.info.duration_s is None
    wav = bytearray(originals["wav"])
    place = wav.find(b"data") + 4
    wav[place : place + 4] = b"\xff" * 4
    (tmp_path / "a.wav").write_bytes(wav)
    samples, audio = decoded(tmp_path / "a.wav")
    assert len(samples) == 88_200 and audio.info.duration_s == 2.0
    assert audio.warnings[0].startswith("cut short")


@pytest.mark.parametrize("n_samples", [1, 4410])
def test_very_short_files(tmp_path, n_samples):
    for name in ("wav", "flac"):
        soundfile.write(tmp_path / f"a.{name}", sine()[:n_samples], 44_100)
        assert len(decoded(tmp_path / f"a.{name}")[0]) == n_samples


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc")
def test_memory_stays_flat_over_an_hour(tmp_path):
    path = tmp_path / "long.wav"
    soundfile.write(path, np.zeros((8, 2)), 44_100)
    n_bytes = 3600 * 44_100 * 4
    data = bytearray(path.read_bytes())
    place = data.find(b"data") + 4
    data[4:8] = (n_bytes + place - 4).to_bytes(4, "little")
    data[place : place + 4] = n_bytes.to_bytes(4, "little")
    path.write_bytes(data[: place + 4])
    os.truncate(path, place + 4 + n_bytes)
    code = (
        "import sys; from affetto.audio.decode import open_audio\n"
        "with open_audio(sys.argv[1]) as audio: print(sum(len(b) for b in audio.blocks()))\n"
        # ru_maxrss would carry over what the process that runs the tests has used.
        "print(int(open('/proc/self/status').read().split('VmHWM:')[1].split()[0]) // 1024)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, check=True
    )
    n_frames, megabytes = map(int, run.stdout.split())
    assert n_frames == 3600 * 44_100
    assert megabytes < 150


PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\2\0\0\0"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is empty"),
        (b"dear diary, " * 50, "is not audio"),
        (PNG + bytes(500), "is not audio"),
        (b"#EXTM3U\n#EXTINF:1,\nsong.mp3\n", "is not audio"),
        (bytes(5000), "is not audio"),
        (b"OggS" + bytes(100), "damaged"),
        (b"\0\0\0\x18ftypM4A " + bytes(200), "damaged"),
    ],
)
def test_what_is_not_audio_is_refused(tmp_path, data, reason):
    (tmp_path / "a.mp3").write_bytes(data)
    with pytest.raises(AudioError, match=reason):
        open_audio(tmp_path / "a.mp3")


def test_zero_samples_are_refused(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(0), 44_100)
    with pytest.raises(AudioError, match="no samples"):
        open_audio(tmp_path / "a.wav")


def test_an_impossible_rate_is_refused(originals, tmp_path):
    data = bytearray(originals["wav"])
    data[24:28] = (4_000_000_000).to_bytes(4, "little")
    (tmp_path / "a.wav").write_bytes(data)
    with pytest.raises(AudioError, match=r"damaged|not audio|decoded"):
        open_audio(tmp_path / "a.wav")


def test_paths_that_cannot_be_opened(tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    os.mkfifo(tmp_path / "pipe")
    for name, reason in [
        ("missing.mp3", "No such file"),
        ("loop", "levels of symbolic links"),
        ("pipe", "folder or device"),
        ("", "folder or device"),
        ("a\0b", "null"),
    ]:
        with pytest.raises(AudioError, match=reason):
            open_audio(tmp_path / name)


def test_permission_denied_names_the_reason(tmp_path, monkeypatch):
    def refuse(path, flags):
        raise PermissionError(errno.EACCES, "Permission denied", path)

    monkeypatch.setattr(decode.os, "open", refuse)
    with pytest.raises(AudioError, match="Permission denied"):
        open_audio(tmp_path / "a.wav")


def test_a_name_that_is_not_utf8(originals, tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.flac"))
    path.write_bytes(originals["flac"])
    assert len(decoded(path)[0]) == 88_200
    path.write_bytes(b"nothing")
    with pytest.raises(AudioError) as caught:
        open_audio(path)
    str(caught.value).encode("utf-8")


def test_a_file_that_vanishes_while_read_is_read_on(originals, tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(originals["wav"])
    with open_audio(path) as audio:
        blocks = audio.blocks(0.5)
        first = next(blocks)
        os.truncate(path, 200_000)
        path.unlink()
        n_frames = len(first) + sum(map(len, blocks))
        assert n_frames < 60_000
        assert any(text.startswith("cut short") for text in audio.warnings)


def test_without_pyav_the_error_names_the_extra(originals, tmp_path, monkeypatch):
    real = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name == "av":
            raise ImportError("no av")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    for name in ("opus", "m4a"):
        (tmp_path / name).write_bytes(originals[name])
        with pytest.raises(DecoderMissingError, match=r"pip install \"affetto\[av\]\""):
            open_audio(tmp_path / name)
    for name in ("wav", "flac", "ogg", "mp3"):
        (tmp_path / name).write_bytes(originals[name])
        assert len(decoded(tmp_path / name)[0]) == 88_200
    (tmp_path / "flac").write_bytes(originals["flac"][:9000])
    assert any(text.startswith("cut short") for text in decoded(tmp_path / "flac")[1].warnings)
    (tmp_path / "ogg").write_bytes(originals["ogg"][:60])
    with pytest.raises(AudioError, match="cannot be decoded"):
        open_audio(tmp_path / "ogg")


@pytest.mark.data
@pytest.mark.parametrize("folder", ["edge", "fma", "emotify"])
def test_real_files_decode_or_are_refused(data_dir, folder, capfd):
    paths = [path for path in sorted((data_dir / "audio" / folder).rglob("*")) if path.is_file()]
    assert paths
    if folder == "emotify":
        paths = paths[::40]
    refused = set()
    for path in paths:
        try:
            samples, audio = decoded(path)
        except AudioError:
            refused.add(path.suffix)
            continue
        assert len(samples) / audio.info.sample_rate_hz == pytest.approx(
            audio.info.duration_s, abs=0.1
        )
    assert refused <= {".cue", ".csv", ".wav", ".md", ".txt"}
    assert capfd.readouterr() == ("", "")
