"""The command line on audio: what it prints, writes and leaves, and its exit codes."""

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import soundfile

from affetto import terminal
from affetto.audio.analysis import DESCRIPTOR_NAMES
from affetto.demo import demo_songs
from affetto.features import FEATURE_NAMES
from command_line import AFFETTO, affetto

RATE = 22_050


def beat(seconds: float, bpm: float = 120.0) -> np.ndarray:
    """A chord of A major that is struck anew on every beat."""
    times = np.arange(round(seconds * RATE)) / RATE
    chord = sum(np.sin(2 * np.pi * hertz * times) for hertz in (220.0, 277.2, 329.6))
    return (0.2 * chord * np.exp(-6 * (times * bpm / 60 % 1))).astype(np.float32)


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("music")
    (folder / "Album").mkdir()
    (folder / ".hidden").mkdir()
    soundfile.write(folder / "one.wav", beat(6), RATE)
    soundfile.write(folder / "Album" / "two.flac", beat(6, 90), RATE)
    (folder / ".hidden" / "three.wav").write_bytes(b"not to be heard")
    return folder


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory, music: Path) -> Path:
    """One good file, one cut short, and two that are none."""
    folder = tmp_path_factory.mktemp("mixed")
    (folder / "1.wav").write_bytes((music / "one.wav").read_bytes())
    (folder / "2.wav").write_bytes((music / "one.wav").read_bytes()[:-50_000])
    (folder / "3.mp3").write_bytes(b"")
    (folder / "4.mp3").write_text("[bold]dear[/] diary, " * 50)
    return folder


def test_label_a_folder(music: Path) -> None:
    out, err = affetto("label", music, "--jobs", "1")
    lines = out.splitlines()
    assert lines[0].split() == ["track", "mood", "sure", "next", "best"]
    assert [line.split()[0] for line in lines[1:3]] == ["one.wav", "two.flac"]
    assert "three" not in out
    assert re.search(r"\w+ 2 \(100%\)|1 \(50%\).* 1 \(50%\)", lines[3])
    assert err == ""


def test_label_tells_what_failed_and_what_was_got_by_with(mixed: Path) -> None:
    out, err = affetto("label", mixed, "--jobs", "1", code=1)
    assert out.count("not labelled") == 2
    assert err.splitlines() == [
        f"{mixed}/2.wav: cut short: 214600 bytes of the 264600 that the header promises",
        f"{mixed}/3.mp3 is empty (0 bytes); is its download or copy complete?",
        f"{mixed}/4.mp3 is not audio: Format not recognised.",
        "2 tracks could not be labelled",
    ]


def test_json_is_one_object_a_line_for_every_file(mixed: Path) -> None:
    out, err = affetto("label", mixed, "--json", "--jobs", "1", code=1)
    rows = {Path(row["path"]).name: row for row in map(json.loads, out.splitlines())}
    assert sorted(rows) == ["1.wav", "2.wav", "3.mp3", "4.mp3"]
    shares = [value for name, value in rows["1.wav"].items() if name.startswith("p_")]
    assert sum(shares) == pytest.approx(1, abs=1e-5)
    assert rows["1.wav"]["confidence"] == max(shares)
    assert rows["3.mp3"]["mood"] is None and rows["3.mp3"]["error"].startswith("is empty")
    assert err.startswith(f"{mixed}/2.wav: cut short")


def test_out_holds_every_file_and_says_how_many(mixed: Path, tmp_path: Path) -> None:
    out, err = affetto("label", mixed, "--out", tmp_path / "m.csv", "--keep", "warning",
                       "--jobs", "1", code=1)  # fmt: skip
    assert "not labelled" not in out
    assert f"2 tracks could not be labelled; the column error of {tmp_path}/m.csv" in (
        " ".join(err.split())
    )
    assert "(4 tracks)" in err
    found = pl.read_csv(tmp_path / "m.csv")
    assert [Path(path).name for path in found["path"]] == ["1.wav", "2.wav", "3.mp3", "4.mp3"]
    assert found["error"].is_null().to_list() == [True, True, False, False]
    assert found["warning"].is_null().to_list() == [True, False, True, True]
    _, err = affetto("label", mixed, "--out", tmp_path / "m.csv", "--keep", "warning",
                     "--resume", code=1)  # fmt: skip
    assert "(2 tracks, and 2 from before)" in err


def test_resume_has_nothing_left_to_do(music: Path, tmp_path: Path) -> None:
    affetto("label", music, "--out", tmp_path / "m.parquet", "--jobs", "1")
    out, err = affetto("label", music, "--out", tmp_path / "m.parquet", "--resume")
    assert out == ""
    assert "Nothing left to do" in err and "holds 2 tracks" in " ".join(err.split())


def test_audio_beside_tables(music: Path, tmp_path: Path) -> None:
    demo_songs().head(3).write_csv(tmp_path / "songs.csv")
    out, _ = affetto("label", tmp_path / "songs.csv", music / "one.wav", "--jobs", "1")
    names = [line.split("  ")[0] for line in out.splitlines()[1:5]]
    assert names[0] == "one.wav"
    assert names[1].startswith(demo_songs()["title"][0])
    out, _ = affetto("features", tmp_path / "songs.csv", music / "one.wav", "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["title"] for row in rows] == [None, *demo_songs()["title"][:3]]
    assert all(set(FEATURE_NAMES) < row.keys() for row in rows)


def test_timeline_and_picture(tmp_path: Path) -> None:
    song = np.concatenate([beat(20), 0.02 * beat(20, 60)])
    soundfile.write(tmp_path / "song.wav", song, RATE)
    out, err = affetto("label", tmp_path / "song.wav", "--timeline", "--picture",
                       tmp_path / "song.svg", "--jobs", "1")  # fmt: skip
    assert re.search(r"^from +to +mood +sure +energy +valence$", out, re.MULTILINE)
    assert re.search(r"^0:00 +0:\d\d +█ \w+ +\d+% +0\.\d\d +0\.\d\d$", out, re.MULTILINE)
    assert f"Written: {tmp_path}/song.svg" in " ".join(err.split())
    picture = (tmp_path / "song.svg").read_text(encoding="utf-8")
    assert picture.startswith("<svg") and "song.wav" in picture
    out, _ = affetto("label", tmp_path / "song.wav", "--timeline", "--json", "--jobs", "1")
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["start_s"] for row in rows] == pytest.approx([0, 7.5, 15, 22.5, 25], abs=0.05)
    assert all(row["mood"] for row in rows)


def test_a_picture_of_what_cannot_be_heard_is_not_drawn(mixed: Path, tmp_path: Path) -> None:
    _, err = affetto("label", mixed / "3.mp3", "--picture", tmp_path / "a.svg", code=1)
    assert "is empty" in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["label", "absent.mp3"], 1, "absent.mp3 does not exist"),
        (["label", "one.waw"], 1, "did you mean one.wav?"),
        (["label", "one.wav", "--resume"], 2, "here is no --out"),
        (["label", "one.wav", "--timeline", "--excerpt"], 2, "--timeline or --excerpt out"),
        (["label", "one.wav", "--picture", "a.png"], 2, "expected a name that ends in .svg"),
        (["label", "one.wav", "--picture", "no/a.svg"], 2, "the folder no does not exist"),
        (["label", ".", "--picture", "a.svg"], 2, "a picture shows one track, and 2 were named"),
        (["label", "one.wav", "--keep", "genre"], 2, "no column 'genre' to keep"),
        (["label", "one.wav", "--jobs", "0"], 2, "expected at least 1"),
        (["label", "one.wav", "--timeout", "0"], 2, "expected more than 0"),
        (["label", "one.wav", "--out", "a.xls"], 2, "expected a name that ends in"),
        (["label", "one.wav", "--out", "no/a.csv"], 1, "the folder no does not exist"),
        (["label", ".hidden"], 1, ".hidden/three.wav is not audio"),
        (["features"], 2, "nothing named; name audio or a table"),
        (["features", "absent.mp3"], 1, "1 track could not be analysed"),
        (["features", "one.wav", "--out", "a.txt"], 2, "expected a name that ends in"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_errors_are_one_message_and_a_code(
    music: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, message: str
) -> None:
    monkeypatch.chdir(music)
    _, err = affetto(*arguments, code=code)
    assert message in " ".join(err.split())
    assert "Traceback" not in err
    assert sorted(path.name for path in music.iterdir()) == [".hidden", "Album", "one.wav"]


def test_a_timeline_of_a_table_is_refused(tmp_path: Path) -> None:
    demo_songs().write_csv(tmp_path / "songs.csv")
    for option in ("--timeline", "--resume"):
        _, err = affetto("label", tmp_path / "songs.csv", option, code=2)
        assert "table" in err


def test_features_prints_the_ten_and_the_key(music: Path) -> None:
    out, _ = affetto("features", music, "--jobs", "2")
    lines = out.splitlines()
    assert len(lines) == 3
    assert re.fullmatch(r"one\.wav( +\S+){10} +A major *", lines[1])
    assert re.search(r" 1[12]\d\.\d .* 0:06 ", lines[1])  # tempo, length


def test_features_all_into_a_file(mixed: Path, tmp_path: Path) -> None:
    _, err = affetto("features", mixed, "--all", "--out", tmp_path / "f.csv", "--jobs", "2",
                     code=1)  # fmt: skip
    found = pl.read_csv(tmp_path / "f.csv")
    assert set(DESCRIPTOR_NAMES) < set(found.columns)
    assert found["integrated_lufs"].is_null().to_list() == [False, False, True, True]
    assert found["key"][0] == "A major"
    assert "(4 tracks)" in err
    assert "2 tracks could not be analysed; the column error of" in " ".join(err.split())


def test_features_of_excerpts_are_near_those_of_the_whole(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "song.flac", beat(125), RATE)
    whole, _ = affetto("features", tmp_path / "song.flac", "--json", "--jobs", "1")
    excerpt, _ = affetto("features", tmp_path / "song.flac", "--json", "--excerpt", "--jobs", "1")
    one, other = json.loads(whole), json.loads(excerpt)
    assert one != other
    assert other["duration_ms"] == one["duration_ms"] == 125_000
    assert other["tempo"] == pytest.approx(one["tempo"], rel=0.02)
    assert other["loudness"] == pytest.approx(one["loudness"], abs=0.5)


def test_features_about(tmp_path: Path) -> None:
    out, _ = affetto("features", "--about")
    card = json.loads(affetto("features", "--about", "--json")[0])
    assert card["features"]
    for row in card["features"]:
        assert next(iter(row.values())) in out
    assert "·" not in out.splitlines()[-1]


def test_narrow_windows_leave_columns_out_and_say_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        {"path": "a long name of a song.mp3", "error": None, **dict.fromkeys(FEATURE_NAMES, 1.0)}
    ]
    for width, columns in ((120, 12), (80, 7), (40, 2)):
        monkeypatch.setattr(terminal, "out", terminal.Console(width=width, highlight=False))
        terminal.features(rows, 1)
        lines = capsys.readouterr().out.splitlines()
        assert len(lines[0].split()) == columns
        assert "a long name of a song.mp3" in lines[1]
        assert max(map(len, lines[:2])) <= width
        assert (len(lines) > 2) == (width < 120)


def test_progress_tells_speed_and_time_left_where_there_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [0.0]
    monkeypatch.setattr(terminal.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(terminal, "err", terminal.Console(stderr=True, highlight=False, width=120))
    with terminal.track_counter("listening", 400) as count:
        for place in range(4):
            now[0] += 4.0
            count(place == 0)
    said = capsys.readouterr().err
    assert said == "listening: 3 of 400, 0.2 tracks/s, 1 failed, 26 min 28 s left\n"


def test_help_says_what_each_command_takes() -> None:
    for command in ("label", "features"):
        out, _ = affetto(command, "--help")
        for word in ("folders", "playlists", "--out", "--jobs", "--excerpt", "--resume",
                     "--timeout", "--json"):  # fmt: skip
            assert word in out, word
    assert "--about" in out and "--all" in out


def test_ctrl_c_keeps_what_was_done_and_resume_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "music").mkdir()
    soundfile.write(tmp_path / "music" / "00.wav", beat(4), RATE)
    data = (tmp_path / "music" / "00.wav").read_bytes()
    for place in range(1, 60):
        (tmp_path / "music" / f"{place:02}.wav").write_bytes(data)
    process = subprocess.Popen(
        [*AFFETTO, "label", "music", "--out", "moods.csv", "--jobs", "1"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
        start_new_session=True,
    )  # fmt: skip
    out = tmp_path / "moods.csv"
    deadline = time.monotonic() + 60
    while not (out.exists() and out.read_bytes().count(b"\n") > 2) and process.poll() is None:
        assert time.monotonic() < deadline, "the command never began"
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    done = len(pl.read_csv(out))
    assert 2 <= done < 60
    assert f"moods.csv holds {done} of 60 tracks; add --resume to go on" in err
    assert "stopped; nothing half-written" in err and "Traceback" not in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["moods.csv", "music"]
    monkeypatch.chdir(tmp_path)
    _, err = affetto("label", "music", "--out", "moods.csv", code=2)
    assert f"holds {done} of these 60 files" in " ".join(err.split())
    _, err = affetto("label", "music", "--out", "moods.csv", "--resume", "--jobs", "1")
    assert f"({60 - done} tracks, and {done} from before)" in err
    assert [Path(path).stem for path in pl.read_csv(out)["path"]] == [f"{k:02}" for k in range(60)]
