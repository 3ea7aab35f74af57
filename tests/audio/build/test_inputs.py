"""What the building command reads: tables, FMA's own file, audio; speech and mixtures."""

import json

import numpy as np
import polars as pl
import pytest
import soundfile

from affetto.audio.build import __main__ as command
from affetto.audio.build import clips
from affetto.audio.build.collect import Collection
from affetto.audio.build.echonest import from_audio, from_tables, log_odds, read_values
from affetto.audio.build.listeners import EMOTION_INPUTS, family, read_listeners
from affetto.audio.mapping import LEARNED
from affetto.errors import TableError, UsageError

RATE = 44_100


def noise(seconds, seed=0):
    samples = np.random.default_rng(seed).normal(0, 0.1, round(seconds * RATE))
    return samples.astype(np.float32)


@pytest.fixture
def collection(tmp_path):
    return Collection(tmp_path / "cache", lambda line: None)


def values_table(path, tracks):
    pl.DataFrame({"track_id": tracks, **dict.fromkeys(LEARNED, [0.25] * len(tracks))}).write_csv(
        path
    )
    return path


def test_descriptors_are_kept_by_content(tmp_path, collection):
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(2), RATE)
    first = collection.describe(path)
    kept = list((tmp_path / "cache").iterdir())
    assert len(kept) == 1
    kept[0].write_text(json.dumps(first | {"centroid_hz": -1.0}))
    other = path.rename(tmp_path / "b.wav")
    assert collection.describe(other)["centroid_hz"] == -1  # known again under another name
    soundfile.write(other, noise(2, seed=1), RATE)
    assert collection.describe(other)["centroid_hz"] > 0


def test_what_is_no_audio_is_told_and_left_out(tmp_path):
    told = []
    (tmp_path / "a.mp3").write_text("no audio at all")
    collection = Collection(tmp_path / "cache", told.append)
    assert collection.describe_all([tmp_path / "a.mp3"], "files") == [None]
    assert any("left out" in line and "a.mp3" in line for line in told)


def test_audio_is_joined_to_values_by_track_number(tmp_path, collection):
    (tmp_path / "audio" / "000").mkdir(parents=True)
    for track in (2, 5, 9):
        soundfile.write(tmp_path / "audio" / "000" / f"{track:06d}.wav", noise(2, track), RATE)
    (tmp_path / "audio" / "cover.jpg").write_bytes(b"")
    values = values_table(tmp_path / "echonest.csv", [2, 5, 7])
    data = from_audio(tmp_path / "audio", values, collection)
    assert data.X.shape == (2, 100)
    assert data.Y.shape == (2, 7)


def test_audio_of_other_tracks_is_an_error(tmp_path, collection):
    soundfile.write(tmp_path / "song.wav", noise(1), RATE)
    values = values_table(tmp_path / "echonest.csv", [2])
    with pytest.raises(TableError, match=r"none of the 0 audio files .* named by track number"):
        from_audio(tmp_path, values, collection)


def test_the_file_of_fma_itself_is_read(tmp_path):
    names = ["acousticness", "danceability", "energy", "instrumentalness", "liveness"]
    names += ["speechiness", "tempo", "valence"]
    lines = [
        "," + ",".join(["echonest"] * 8),
        "," + ",".join(["audio_features"] * 8),
        "," + ",".join(names),
        "track_id" + "," * 8,
        "2,0.4,0.6,0.7,0.01,0.2,0.1,165.9,0.5",
        "10,0.1,0.2,0.3,0.4,0.5,0.6,100,0.7",
    ]
    (tmp_path / "echonest.csv").write_text("\n".join(lines))
    table = read_values(tmp_path / "echonest.csv")
    assert table["track_id"].to_list() == [2, 10]
    assert table["valence"].to_list() == [0.5, 0.7]
    assert table["energy"].to_list() == [0.7, 0.3]


def test_a_table_without_values_is_an_error(tmp_path):
    (tmp_path / "a.csv").write_text("track_id,energy\n1,0.5\n")
    with pytest.raises(TableError, match="has no column liveness"):
        read_values(tmp_path / "a.csv")


def test_log_odds_are_bounded():
    assert log_odds(np.array([0.0, 0.5, 1.0])) == pytest.approx([-5.293, 0, 5.293], abs=1e-3)


@pytest.mark.data
def test_the_ten_clips_of_fma(data_dir, collection):
    folder = data_dir / "audio" / "fma"
    data = from_audio(folder, folder / "echonest.csv", collection)
    assert data.X.shape == (7, 100)
    assert np.isfinite(data.X).all()


@pytest.mark.data
def test_the_tables_of_fma(data_dir):
    pairs = data_dir / "audio_pairs"
    data = from_tables(pairs / "fma_mfcc_echonest.csv")
    assert data.X.shape == (471, 100)


def test_emotions_are_judged_without_level():
    assert "integrated_lufs" not in EMOTION_INPUTS
    assert not any(name.startswith("mfcc_") for name in EMOTION_INPUTS)
    assert family("centroid_hz") == "timbre"
    assert family("degree_5") == "degree"
    assert family("onset_rate_hz") == "rhythm"
    assert family("level_trend_db") == "dynamics"


def test_a_folder_without_labels_is_an_error(tmp_path, collection):
    with pytest.raises(TableError, match=r"has no labels\.csv"):
        read_listeners(tmp_path, collection)


def test_composites_of_what_was_felt(tmp_path, collection):
    soundfile.write(tmp_path / "a.wav", noise(2), RATE)
    header = "file,genre,n,power,joyful_activation,tension,calmness,tenderness,sadness"
    (tmp_path / "labels.csv").write_text(f"{header}\na.wav,rock,20,.5,.25,.1,.2,.3,.4\n")
    data = read_listeners(tmp_path, collection)
    assert data.Y[0] == pytest.approx([0.5 + 0.25 + 0.1 - 0.2 - 0.3 - 0.2, -0.06, 0.1])
    assert data.weights == pytest.approx([0.5])


def test_a_clip_is_cut_from_where_it_is_asked(tmp_path):
    samples = np.r_[np.zeros(RATE * 10), noise(10)]
    soundfile.write(tmp_path / "a.wav", samples, RATE)
    assert not clips.cut(tmp_path / "a.wav", 0.0, 9.0).any()
    assert clips.cut(tmp_path / "a.wav", 1.0, 9.0).any(axis=1).mean() > 0.99
    assert clips.cut(tmp_path / "a.wav") is None  # shorter than a clip


def test_speech_is_laid_over_music_at_its_level():
    voice, bed = 0.3 * noise(2, 1), 0.3 * noise(3, 2)
    both = clips.mix(voice, bed[:, None], 6.0)
    assert len(both) == len(voice)
    alone = both - bed[: len(both)]
    assert 20 * np.log10(np.std(alone) / np.std(bed)) == pytest.approx(6, abs=0.2)


def test_codings_sound_alike(tmp_path):
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(RATE * 2) / RATE)
    paths = clips.write_coded(tone[:, None].astype(np.float32), tmp_path / "clip")
    assert set(paths) == {"wav", *clips.CODINGS}
    for path in paths.values():
        read, rate = soundfile.read(path)
        assert rate == RATE
        assert np.std(read) == pytest.approx(np.std(tone), rel=0.1)


def test_the_command_says_what_is_missing(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    empty, cache = str(tmp_path / "empty"), str(tmp_path / "cache")
    arguments = ["--echonest", "e.csv", "--emotify", "e", "--music", empty, "--cache", cache]
    code = command.main(arguments)
    assert code == 2
    assert "no audio in" in capsys.readouterr().err


def test_without_espeak_it_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="espeak-ng is needed"):
        next(clips.speak(tmp_path, 1))
