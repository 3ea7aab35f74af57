"""The demo library on disk: names, tags, playlists, and nothing half written."""

import os
import wave
from dataclasses import replace

import numpy as np
import pytest

from affetto.audio.decode import open_audio
from affetto.demo import library
from affetto.demo.composer import demo_pieces
from affetto.demo.library import MUSIC_NOTE, write_library
from affetto.errors import OutputError, UsageError

PIECES = demo_pieces()


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Write a beep for each piece: how they sound is tested elsewhere."""

    def beep(piece, rate):
        tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(rate // 4) / rate)
        return np.stack([tone, -tone / 2], axis=1).astype(np.float32)

    monkeypatch.setattr(library, "render", beep)


def named(*titles):
    return [replace(PIECES[0], title=title) for title in titles]


def test_all_twenty_with_their_titles(tmp_path):
    paths = write_library(tmp_path / "new" / "library")
    assert [path.stem for path in paths] == [piece.title for piece in PIECES]
    assert all(path.parent == tmp_path / "new" / "library" for path in paths)
    for path, piece in zip(paths, PIECES, strict=True):
        with open_audio(path) as audio:
            assert audio.info.title == piece.title
            assert audio.info.artist == piece.artist
            assert audio.info.album == "affetto demo library"
            assert audio.info.codec == "wav pcm_16"
            assert (audio.info.sample_rate_hz, audio.info.n_channels) == (44_100, 2)
            assert audio.info.duration_s == pytest.approx(0.25)
            samples = np.concatenate(list(audio.blocks()))
            assert audio.warnings == []
        assert samples[:, 0].max() == pytest.approx(0.5, abs=1e-4)
        assert samples[:, 1].min() == pytest.approx(-0.25, abs=1e-4)


def test_the_standard_library_reads_it_too(tmp_path):
    (path,) = write_library(tmp_path, pieces=named("Odd"))
    with wave.open(str(path)) as file:
        assert file.getparams()[:4] == (2, 2, 44_100, 11_025)
    assert path.stat().st_size == 8 + int.from_bytes(path.read_bytes()[4:8], "little")


def test_a_playlist_for_each_mood(tmp_path):
    paths = write_library(tmp_path)
    playlists = sorted(tmp_path.glob("*.m3u8"))
    assert [p.stem for p in playlists] == ["Aggressive", "Dark", "Energetic", "Happy", "Relaxing"]
    lines = (tmp_path / "Dark.m3u8").read_text(encoding="utf-8").splitlines()
    assert lines[:2] == ["#EXTM3U", "#PLAYLIST:Dark"]
    assert [tmp_path / line for line in lines[3::2]] == paths[8:12]
    assert lines[-2].startswith("#EXTINF:")
    assert lines[-2].endswith(f"{PIECES[11].artist} - {PIECES[11].title}")


def test_titles_become_names_that_any_system_takes(tmp_path):
    titles = ["a/b", 'What: "this"?', "..", "Same", "same", "CON", "x" * 300, "# 1", "two\nlines"]
    paths = write_library(tmp_path, pieces=named(*titles))
    names = [path.name for path in paths]
    assert names[:6] == [
        "a_b.wav",
        "What_ _this__.wav",
        "untitled.wav",
        "Same.wav",
        "same 2.wav",
        "_CON.wav",
    ]
    assert len(names[6]) == 124
    assert len({name.casefold() for name in names}) == len(titles)
    playlist = (tmp_path / "Energetic.m3u8").read_text(encoding="utf-8").splitlines()
    entries = [line for line in playlist if not line.startswith("#")]
    assert [(tmp_path / entry).resolve() for entry in entries] == paths


def test_progress_is_told(tmp_path):
    told = []
    write_library(tmp_path, pieces=PIECES[:3], progress=lambda *done: told.append(done))
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_the_seed_is_that_of_the_pieces(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(
        library, "render", lambda piece, rate: seen.append(piece) or np.zeros((9, 2), np.float32)
    )
    write_library(tmp_path, seed=3)
    assert tuple(seen) == demo_pieces(3)


def test_what_was_there_is_replaced_and_what_fails_leaves_nothing(tmp_path, monkeypatch):
    (path,) = write_library(tmp_path, pieces=named("Song"))
    before = path.read_bytes()
    write_library(tmp_path, pieces=named("Song"))
    assert path.read_bytes() == before

    def fails(piece, rate):
        raise RuntimeError("the string broke")

    monkeypatch.setattr(library, "render", fails)
    with pytest.raises(RuntimeError, match="the string broke"):
        write_library(tmp_path / "other", pieces=named("Song"))
    assert not (tmp_path / "other").exists()


def test_a_full_disk_leaves_no_half_of_a_file(tmp_path, monkeypatch):
    def full(self, content):
        with open(self, "wb") as file:  # noqa: PTH123 - the method it stands for is this one
            file.write(content[:100])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(OutputError, match=r"cannot write .*Song\.wav: No space left on device"):
        write_library(tmp_path, pieces=named("Song"))
    assert os.listdir(tmp_path) == []  # noqa: PTH208


def test_what_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(UsageError, match="there are no pieces to write"):
        write_library(tmp_path, pieces=[])
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="is a file; name a folder"):
        write_library(tmp_path / "file")


def test_the_note_says_what_it_is():
    assert "synthetic" in MUSIC_NOTE
    assert "nothing about real music" in MUSIC_NOTE
    assert MUSIC_NOTE.count(".") == 1
