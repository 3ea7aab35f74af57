"""The hash of audio: tags of any kind leave it as it is, one other sample does not."""

import os
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from affetto.library.audio_hash import audio_hash

mutagen = pytest.importorskip("mutagen")

RATE_HZ = 44_100


def noise(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.3, 0.3, (RATE_HZ // 2, 2)).astype(np.float32)


def write(path: Path, samples: np.ndarray) -> Path:
    if path.suffix in {".opus", ".m4a"}:
        import av

        codec, kind = {".opus": ("libopus", "ogg"), ".m4a": ("aac", "mp4")}[path.suffix]
        with av.open(str(path), "w", format=kind) as container:
            stream = container.add_stream(codec, rate=48_000, layout="stereo")
            planar = np.ascontiguousarray(samples.T)
            frame = av.AudioFrame.from_ndarray(planar, format="fltp", layout="stereo")
            frame.sample_rate = RATE_HZ
            resampler = av.AudioResampler(stream.format or "fltp", "stereo", 48_000)
            for part in [*resampler.resample(frame), *resampler.resample(None)]:
                container.mux(stream.encode(part))
            container.mux(stream.encode(None))
    else:
        soundfile.write(path, samples, RATE_HZ, format=path.suffix.removeprefix("."))
    return path


KINDS = [".mp3", ".flac", ".ogg", ".opus", ".m4a", ".wav", ".aiff"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("audio")
    for kind in KINDS:
        write(folder / f"one{kind}", noise(1))
        write(folder / f"other{kind}", noise(2))
    return folder


@pytest.fixture(params=KINDS)
def file(request: pytest.FixtureRequest, made: Path, tmp_path: Path) -> Path:
    copy = tmp_path / f"copy{request.param}"
    copy.write_bytes((made / f"one{request.param}").read_bytes())
    return copy


def tag(path: Path, text: str) -> None:
    """Write a tag of each format's own kind, of any length."""
    from mutagen.id3 import TIT2

    found = mutagen.File(path)
    if found.tags is None:
        found.add_tags()
    if path.suffix in {".mp3", ".wav", ".aiff"}:
        found.tags.add(TIT2(encoding=3, text=[text]))
    elif path.suffix == ".m4a":
        found.tags["\xa9nam"] = [text]
    else:
        found.tags["title"] = [text]
    found.save()


@pytest.mark.parametrize("text", ["short", "a long title, " * 4000], ids=["short", "long"])
def test_tags_leave_it_as_it_is(file: Path, text: str) -> None:
    before, content = audio_hash(file), file.read_bytes()
    tag(file, text)
    assert file.read_bytes() != content
    assert audio_hash(file) == before
    assert mutagen.File(file).tags


def test_other_audio_is_another(made: Path) -> None:
    hashes = [audio_hash(made / f"{name}{kind}") for name in ("one", "other") for kind in KINDS]
    assert len(set(hashes)) == len(hashes)


def test_the_kind_is_said_first(made: Path) -> None:
    kinds = {kind: audio_hash(made / f"one{kind}")[0] for kind in KINDS}
    assert "".join(kinds.values()) == "afoomrr"  # in the order of KINDS
    assert all(len(audio_hash(made / f"one{kind}")) == 41 for kind in KINDS)


def test_a_byte_of_audio_more_or_less_is_another(made: Path, tmp_path: Path) -> None:
    for kind in (".mp3", ".flac", ".wav", ".m4a"):
        content = bytearray((made / f"one{kind}").read_bytes())
        # In the middle there is audio, wherever a format puts its headers.
        content[len(content) // 2] ^= 1
        (tmp_path / f"changed{kind}").write_bytes(content)
        assert audio_hash(tmp_path / f"changed{kind}") != audio_hash(made / f"one{kind}")


def id3v1(title: bytes) -> bytes:
    return b"TAG" + title.ljust(125, b"\0")


def ape(value: bytes, *, with_header: bool) -> bytes:
    item = struct.pack("<II", len(value), 0) + b"MOOD\0" + value
    size, flags = len(item) + 32, 0x80000000 if with_header else 0
    footer = b"APETAGEX" + struct.pack("<IIII", 2000, size, 1, flags) + bytes(8)
    header = b"APETAGEX" + struct.pack("<IIII", 2000, size, 1, flags | 0x20000000) + bytes(8)
    return (header if with_header else b"") + item + footer


def lyrics() -> bytes:
    body = b"LYRICSBEGIN" + b"LYR00005hello"
    return body + b"%06dLYRICS200" % len(body)


def id3v2(n: int, *, footer: bool = False) -> bytes:
    size = bytes((n >> shift) & 0x7F for shift in (21, 14, 7, 0))
    head = b"ID3\4\0" + (b"\x10" if footer else b"\0") + size
    return head + bytes(n) + (b"3DI" + head[3:] if footer else b"")


@pytest.mark.parametrize(
    "tail",
    [
        id3v1(b"one"),
        ape(b"Happy", with_header=False),
        ape(b"Happy", with_header=True),
        ape(b"Happy", with_header=True) + id3v1(b"two"),
        lyrics() + id3v1(b"three"),
        ape(b"a", with_header=True) + lyrics() + id3v1(b"four"),
    ],
    ids=["id3v1", "ape", "ape with header", "ape, id3v1", "lyrics, id3v1", "all"],
)
def test_tags_at_the_end_of_an_mp3_leave_it_as_it_is(
    made: Path, tmp_path: Path, tail: bytes
) -> None:
    content = (made / "one.mp3").read_bytes()
    (tmp_path / "tagged.mp3").write_bytes(content + tail)
    assert audio_hash(tmp_path / "tagged.mp3") == audio_hash(made / "one.mp3")


@pytest.mark.parametrize(
    "head",
    [id3v2(300), id3v2(10, footer=True), id3v2(20) + id3v2(30), id3v2(20) + bytes(5000)],
    ids=["one", "with a footer", "two", "padded beyond its end"],
)
def test_tags_at_the_start_of_an_mp3_leave_it_as_it_is(
    made: Path, tmp_path: Path, head: bytes
) -> None:
    content = (made / "one.mp3").read_bytes()
    (tmp_path / "tagged.mp3").write_bytes(head + content)
    assert audio_hash(tmp_path / "tagged.mp3") == audio_hash(made / "one.mp3")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("length", [0, 1, 10, 40, 200])
def test_a_file_cut_short_has_a_hash_too(
    made: Path, tmp_path: Path, kind: str, length: int
) -> None:
    cut = tmp_path / f"cut{kind}"
    cut.write_bytes((made / f"one{kind}").read_bytes()[:length])
    assert len(audio_hash(cut)) == 41


def test_any_bytes_have_a_hash(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    starts = (
        b"OggS",
        b"fLaC",
        b"ID3\4\0\0\0\0\0\x7f",
        b"RIFF",
        b"FORM",
        b"\0\0\0\1ftyp",
        b"\xff\xfb",
    )
    path = tmp_path / "any"
    for start in starts:
        for _ in range(20):
            path.write_bytes(start + rng.bytes(int(rng.integers(0, 600))))
            assert len(audio_hash(path)) == 41


def test_what_cannot_be_read_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        audio_hash(tmp_path / "none.mp3")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="seek"):
        audio_hash(tmp_path / "pipe")
