"""Audio into rows: one a file whatever becomes of it, in plain units, by any road."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import soundfile

import affetto
from affetto.audio.analysis import DESCRIPTOR_NAMES, analyze
from affetto.demo import demo_songs
from affetto.errors import TableError, UsageError
from affetto.features import BY_NAME, FEATURE_NAMES
from affetto.scoring import listen as listening
from affetto.scoring.label import open_sources
from affetto.scoring.listen import SCHEMA, Heard, hear, listen, moments_of, table_of
from affetto.scoring.workers import Outcome
from affetto.sources.files import AudioEntry, find_inputs
from affetto.sources.playlists import printable

RATE = 22_050


def beat(seconds: float, bpm: float = 120.0) -> np.ndarray:
    """A chord of A major that is struck anew on every beat."""
    times = np.arange(round(seconds * RATE)) / RATE
    chord = sum(np.sin(2 * np.pi * hertz * times) for hertz in (220.0, 277.2, 329.6))
    return (0.2 * chord * np.exp(-6 * (times * bpm / 60 % 1))).astype(np.float32)


def name_of(heard: Heard) -> str:
    return Path(heard.row["path"]).name


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files that are well, and others that are each bad in a way of its own."""
    folder = tmp_path_factory.mktemp("music")
    soundfile.write(folder / "1 wav.wav", beat(8), RATE)
    soundfile.write(folder / "2 flac.flac", beat(8, 90), RATE)
    with soundfile.SoundFile(folder / "3 ogg.ogg", "w", RATE, 1) as file:
        file.title, file.artist, file.album = "Own title", "Own artist", "Own album"
        file.write(beat(8, 140))
    cut = (folder / "2 flac.flac").read_bytes()
    (folder / "4 cut.flac").write_bytes(cut[: len(cut) * 3 // 4])
    (folder / "5 empty.mp3").write_bytes(b"")
    (folder / "6 text.mp3").write_text("dear diary, " * 50)
    soundfile.write(folder / "7 silent.wav", np.zeros(3 * RATE), RATE)
    soundfile.write(folder / "8 short.wav", beat(0.1), RATE)
    soundfile.write(folder / "9 jingle.wav", beat(1.5), RATE)
    (folder / "notes.txt").write_text("no audio")
    odd = os.fsencode(folder) + b"/\xe9t\xe9.wav"
    Path(os.fsdecode(odd)).write_bytes((folder / "1 wav.wav").read_bytes())
    Path(os.fsdecode(os.fsencode(folder) + b"/\xe9x.wav")).write_bytes(b"nothing")
    return folder


@pytest.fixture(scope="module")
def heard(music: Path) -> list[Heard]:
    """All of them, with everything that can be asked for."""
    entries = find_inputs([music]).audio
    found = list(listen(entries, jobs=2, timeline=True, descriptors=True))
    return sorted(found, key=lambda one: one.index)


def row(heard: list[Heard], name: str) -> dict[str, object]:
    return next(one.row for one in heard if name_of(one) == name)


def test_every_file_has_a_row_in_its_place(heard: list[Heard], music: Path) -> None:
    paths = [printable(entry.path) for entry in find_inputs([music]).audio]
    assert [one.row["path"] for one in heard] == paths
    assert [one.index for one in heard] == list(range(11))
    assert all(list(one.row) == list(SCHEMA) for one in heard)


def test_a_row_is_what_the_analysis_says(heard: list[Heard], music: Path) -> None:
    given, expected = row(heard, "1 wav.wav"), analyze(music / "1 wav.wav")
    for name in FEATURE_NAMES:
        digits = 5e-5 if BY_NAME[name].is_share else 5e-3
        assert given[name] == pytest.approx(expected.features[name], abs=1.01 * digits), name
    assert given["key"] == "A major"
    assert given["tempo"] == pytest.approx(120, rel=0.02)
    assert given["duration_ms"] == 8000
    assert given["error"] is None and given["warning"] is None


def test_errors_stand_in_their_own_row_without_the_name(heard: list[Heard]) -> None:
    errors = {name_of(one): one.row["error"] for one in heard}
    assert errors == {
        "1 wav.wav": None, "2 flac.flac": None, "3 ogg.ogg": None, "4 cut.flac": None,
        "5 empty.mp3": "is empty (0 bytes); is its download or copy complete?",
        "6 text.mp3": "is not audio: Format not recognised.",
        "7 silent.wav": "silent: nothing in it is louder than −70 LUFS",
        "8 short.wav": "too short: 0.1 s, and loudness needs 0.4 s",
        "9 jingle.wav": None, r"\xe9t\xe9.wav": None,
        r"\xe9x.wav": "is not audio: Format not recognised.",
    }  # fmt: skip


def test_what_was_got_by_with_is_told(heard: list[Heard]) -> None:
    assert "cut short" in str(row(heard, "4 cut.flac")["warning"])
    jingle = row(heard, "9 jingle.wav")
    assert jingle["warning"] == "no tempo: 1.5 s are too short to tell one"
    assert jingle["tempo"] is None and jingle["energy"] is not None


def test_a_name_that_is_not_utf8_is_heard_and_shown(heard: list[Heard]) -> None:
    odd, plain = row(heard, r"\xe9t\xe9.wav"), row(heard, "1 wav.wav")
    assert [odd[name] for name in FEATURE_NAMES] == [plain[name] for name in FEATURE_NAMES]
    pl.DataFrame([one.row for one in heard], schema=SCHEMA).write_csv().encode("utf-8")


def test_descriptors_are_all_there_and_null_where_undefined(heard: list[Heard]) -> None:
    one = next(one for one in heard if name_of(one) == "1 wav.wav")
    assert tuple(one.descriptors) == DESCRIPTOR_NAMES
    silent = next(one for one in heard if name_of(one) == "7 silent.wav")
    assert silent.descriptors["integrated_lufs"] is None
    failed = next(one for one in heard if name_of(one) == "5 empty.mp3")
    assert not failed.descriptors and not failed.timeline


def test_a_timeline_is_a_table_of_its_own(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.concatenate([beat(20), 0.1 * beat(20)]), RATE)
    one = next(listen([AudioEntry(str(tmp_path / "a.wav"), title="T")], timeline=True))
    table = moments_of(one).collect()
    assert table["start_s"].to_list() == pytest.approx([0, 7.5, 15, 22.5, 25], abs=0.05)
    assert table["stop_s"].max() == pytest.approx(40, abs=0.05)
    assert table["title"].to_list() == ["T"] * 5
    assert table["loudness"][0] - table["loudness"][4] == pytest.approx(20, abs=1)
    assert table["error"].null_count() == 5


def test_tables_are_in_the_order_of_the_entries(heard: list[Heard]) -> None:
    table = table_of(reversed(heard)).collect()
    assert dict(table.schema) == SCHEMA
    assert table["path"].to_list() == [one.row["path"] for one in heard]
    assert table_of([]).collect().height == 0


def test_own_tags_count_more_than_those_of_a_playlist(music: Path, tmp_path: Path) -> None:
    (tmp_path / "list.m3u8").write_text(
        "#EXTM3U\n#PLAYLIST:Evening\n"
        f"#EXTINF:8,Their artist - Their title\n{music}/3 ogg.ogg\n"
        f"#EXTINF:8,Their artist - Their title\n{music}/1 wav.wav\n"
        f"{music}/absent.wav\n",
        encoding="utf-8",
    )
    entries = find_inputs([tmp_path / "list.m3u8"]).audio
    rows = [one.row for one in sorted(listen(entries, jobs=1), key=lambda one: one.index)]
    assert [row["title"] for row in rows] == ["Own title", "Their title", None]
    assert [row["artist"] for row in rows] == ["Own artist", "Their artist", None]
    assert {row["playlist"] for row in rows} == {"Evening"}
    assert rows[0]["album"] == "Own album"
    assert rows[2]["error"] is not None and rows[2]["energy"] is None


def test_a_file_that_takes_too_long_costs_its_own_row(music: Path, tmp_path: Path) -> None:
    # Silence packs to nothing: an hour is written in no time, and takes long to hear.
    soundfile.write(tmp_path / "hour.flac", np.zeros(3600 * 8_000, np.int16), 8_000)
    entries = [AudioEntry(str(tmp_path / "hour.flac")), AudioEntry(str(music / "1 wav.wav"))]
    rows = table_of(listen(entries, jobs=1, timeout_s=1.0)).collect()
    assert rows["error"].to_list() == ["given up: not done after 1 s", None]


def test_a_worker_that_dies_costs_its_own_row(music: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def die_on_the_first(*args: object, **kwargs: object) -> Iterator[Outcome]:
        from affetto.errors import WorkerDiedError

        told = hear(str(music / "1 wav.wav"), excerpt=False, timeline=False, descriptors=False)
        yield Outcome(1, value=told)
        yield Outcome(0, error=WorkerDiedError("the process working on it crashed"))

    monkeypatch.setattr(listening, "run_jobs", die_on_the_first)
    rows = table_of(listen([AudioEntry("a.wav"), AudioEntry("b.wav")])).collect()
    assert rows["error"].to_list() == ["the process working on it crashed", None]
    assert rows["tempo"].null_count() == 1


def test_a_file_that_vanishes_between_finding_and_hearing(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", beat(1), RATE)
    entries = find_inputs([tmp_path]).audio
    (tmp_path / "a.wav").unlink()
    (one,) = listen(entries, jobs=1)
    assert one.row["error"] == "cannot read: No such file or directory"


def test_what_excludes_each_other_is_refused_before_anything_starts() -> None:
    entries = [AudioEntry("absent.wav", error="does not exist")]
    with pytest.raises(UsageError, match="--timeline or --excerpt"):
        listen(entries, excerpt=True, timeline=True)
    with pytest.raises(UsageError, match="0 jobs"):
        listen(entries, jobs=0)
    with pytest.raises(UsageError, match="time limit"):
        listen(entries, timeout_s=0)


def test_label_takes_files_folders_and_frames(music: Path, tmp_path: Path) -> None:
    songs = demo_songs().head(2)
    songs.tail(1).write_csv(tmp_path / "songs.csv")
    (tmp_path / "folder").mkdir()
    for name in ("b 10.wav", "b 9.wav"):
        (tmp_path / "folder" / name).write_bytes((music / "1 wav.wav").read_bytes())
    labelled = affetto.label(
        [music / "5 empty.mp3", songs.head(1), tmp_path / "folder", tmp_path / "songs.csv",
         songs.tail(1), str(music / "3 ogg.ogg")],
        jobs=1,
    )  # fmt: skip
    names = [path and Path(path).name for path in labelled["path"]]
    assert names == ["5 empty.mp3", "b 9.wav", "b 10.wav", "3 ogg.ogg", None, None, None]
    assert labelled["title"].to_list()[3:] == ["Own title", *songs["title"], songs["title"][1]]
    assert labelled["mood"].is_null().to_list() == [True] + [False] * 6
    assert labelled["error"].is_null().to_list() == [False] + [True] * 6
    assert labelled.row(1)[1:4] == labelled.row(2)[1:4]
    assert labelled["p_happy"][1] == labelled["p_happy"][2]


def test_label_keeps_what_audio_alone_has(music: Path) -> None:
    labelled = affetto.label(music / "1 wav.wav", keep=["key", "warning"], jobs=1)
    assert labelled["key"].to_list() == ["A major"]
    with pytest.raises(UsageError, match="no column 'genre' to keep"):
        affetto.label(music / "1 wav.wav", keep=["genre"], jobs=1)


def test_tables_keep_the_order_in_which_they_were_named(tmp_path: Path) -> None:
    songs = demo_songs()
    for k in (0, 2):
        songs[k].write_csv(tmp_path / f"{k}.csv")
    named = [tmp_path / "0.csv", songs[1], str(tmp_path / "2.csv"), songs[3]]
    tables = open_sources(named).tables
    assert [table.collect()["title"][0] for table in tables] == songs["title"][:4].to_list()


def test_a_table_that_cannot_be_read_ends_all_only_without_audio(
    music: Path, tmp_path: Path
) -> None:
    (tmp_path / "sheet.csv").write_text("")
    with pytest.raises(TableError):
        open_sources(tmp_path / "sheet.csv")
    sources = open_sources([tmp_path / "sheet.csv", music / "1 wav.wav"])
    assert [entry.error is None for entry in sources.audio] == [True, False]
    with pytest.raises(TableError):
        open_sources([music / "1 wav.wav", pl.DataFrame({"a": [1]})])
