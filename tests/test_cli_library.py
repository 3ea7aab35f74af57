"""The library's commands: what they print, keep and leave, and their exit codes."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from affetto.errors import AudioError, CatalogueError
from affetto.features import FEATURE_NAMES
from affetto.library import hearing, scan
from affetto.library.catalogue import Catalogue
from affetto.library.lock import scanning
from affetto.scoring.workers import Outcome
from command_line import AFFETTO, affetto

RATE_HZ = 22_050


def library(*arguments: str | Path, code: int = 0) -> tuple[str, str]:
    return affetto("library", *arguments, code=code)


def beat(seconds: float, bpm: float = 120.0) -> np.ndarray:
    times = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return (0.2 * np.sin(1382 * times) * np.exp(-6 * (times * bpm / 60 % 1))).astype(np.float32)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> object:
    """A stand-in for the analysis, in this process; the real one runs in processes of its own."""

    def hear(path: str, **_: object) -> dict[str, object]:
        try:
            with soundfile.SoundFile(path) as file:
                words = {"title": file.title or None, "artist": file.artist or None, "album": None}
        except soundfile.LibsndfileError as exc:
            raise AudioError(f"{path} is not audio") from exc
        features = dict.fromkeys(FEATURE_NAMES, 0.5) | {"tempo": 120.0, "duration_ms": 185_000.0}
        told = {"key": "A minor", "error": None, "timeline": [], "warning": None}
        return words | told | {"features": features | {"loudness": -8.0}}

    def run_jobs(function, items, *, keywords, **_):  # type: ignore[no-untyped-def]
        for index, item in enumerate(items):
            try:
                yield Outcome(index, function(item, **keywords))
            except AudioError as exc:
                yield Outcome(index, error=exc)

    monkeypatch.setattr(hearing, "hear", hear)
    monkeypatch.setattr(scan, "run_jobs", run_jobs)
    monkeypatch.setenv("AFFETTO_DB", str(tmp_path / "library.db"))
    yield
    while hearing._connections:
        hearing._connections.popitem()[1].close()


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    (folder / "Album").mkdir(parents=True)
    for name, title in (("1.wav", "Night Train"), ("2.wav", "Morning [bold]sun[/]")):
        with soundfile.SoundFile(folder / name, "w", RATE_HZ, 1) as file:
            file.title, file.artist = title, "The Band"
            file.write(beat(0.2, 60 + len(title)))
    soundfile.write(folder / "Album" / "Élan.wav", beat(0.3), RATE_HZ)
    return folder


@pytest.fixture
def added(music: Path) -> Path:
    library("add", music)
    return music


def test_a_first_use_says_what_was_found_and_what_to_do_next(music: Path, tmp_path: Path) -> None:
    out, err = library("add", music)
    assert "affetto serve" in out and "100%" in out
    assert "3 files on disk: 3 new" in err
    assert f"Your library is kept in {tmp_path / 'library.db'}" in err.replace("\n", "")
    _, err = library("update")
    assert "3 files on disk: 3 unchanged" in err and "is kept in" not in err


def test_failures_are_told_and_remembered(music: Path) -> None:
    (music / "bad.mp3").write_text("no audio")
    _, err = library("add", music, code=1)
    assert f"{music}/bad.mp3 is not audio" in err
    assert "1 track could not be heard" in err and "--retry-failed" in err
    _, err = library("update")
    assert "bad.mp3" not in err
    library("update", "--retry-failed", code=1)
    out, _ = library("list", "--state", "failed")
    assert "bad" in out and "is not audio" in out


def test_a_misspelt_folder_adds_nothing(music: Path, tmp_path: Path) -> None:
    _, err = library("add", music, tmp_path / "musik", code=2)
    assert "musik does not exist; name a folder of music" in " ".join(err.split())
    assert json.loads(library("status", "--json")[0])["folders"] == []


def test_status(added: Path) -> None:
    out, _ = library("status")
    assert "3: 3 done" in out and "affetto's own" in out
    told = json.loads(library("status", "--json")[0])
    assert (told["tracks"], told["done"], told["scanning"]) == (3, 3, False)
    assert told["folders"] == [{"path": str(added), "tracks": 3}]


def test_lists_are_searched_filtered_and_sorted(added: Path) -> None:
    out, _ = library("list")
    assert [line.split()[0] for line in out.splitlines()] == ["id", "3", "2", "1"]
    assert "Morning [bold]sun[/]" in out and "3:05" in out
    assert "Night Train" in library("list", "train")[0]
    assert "Night" not in library("list", "elan")[0]
    out, err = library("list", "--limit", "1", "--sort", "artist", "--descending")
    assert len(out.splitlines()) == 2 and "1 to 1 of 3" in err
    assert "No track is like that" in library("list", "--min-tempo", "130")[1]
    rows = [json.loads(line) for line in library("list", "--json")[0].splitlines()]
    assert {row["name"] for row in rows} == {"Night Train", "Morning [bold]sun[/]", "Élan"}
    assert rows[0]["features"]["tempo"] == 120.0
    _, err = library("list", "--mood", "Hapy", code=2)
    assert "no mood 'Hapy' in this library; its moods: Energetic" in err
    library("list", "--sort", "colour", code=2)


def test_a_track_is_corrected_by_id_by_file_or_by_words(added: Path) -> None:
    assert "Night Train: Rainy (yours)" in library("correct", "night train", "Rainy")[1]
    library("correct", added / "2.wav", "dark")
    library("correct", "3", "Dark")
    out, _ = library("list", "--mine", "--sort", "mood")
    assert out.count("(yours)") == 3 and out.count("Dark (yours)") == 2
    library("correct", "1", "--clear")
    assert "Rainy" not in library("list")[0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["1"], "name a mood, or take yours back with --clear"),
        (["1", "Happy", "--clear"], "name a mood, or"),
        (["nothing", "Happy"], "no track is named 'nothing'"),
        (["the band", "Happy"], "2 tracks are named 'the band': give an id"),
        (["1", "Hapy"], "did you mean Happy?"),
        (["99", "Happy"], "no track is named '99'"),
    ],
)
def test_what_cannot_be_corrected(added: Path, arguments: list[str], words: str) -> None:
    assert words in " ".join(library("correct", *arguments, code=2)[1].split())


def test_forgetting(added: Path) -> None:
    library("correct", "1", "Mine")
    _, err = library("forget", added / "Album")
    assert "(1 track)" in err and "Your own labels are remembered" in err
    _, err = library("forget", added, "--purge")
    assert "(2 tracks)" in err and "remembered" not in err
    _, err = library("forget", added, code=1)
    assert "the library knows nothing of" in err


def test_export(added: Path, tmp_path: Path) -> None:
    _, err = library("export", tmp_path / "all.csv")
    assert "(3 tracks)" in err
    assert len((tmp_path / "all.csv").read_text().splitlines()) == 4


def test_json_of_a_scan(music: Path) -> None:
    told = json.loads(library("add", music, "--json")[0])
    assert (told["scan"]["new"], told["scan"]["heard"], told["library"]["tracks"]) == (3, 3, 3)


def test_without_a_library_it_is_said_how_to_make_one(tmp_path: Path) -> None:
    for command in (["status"], ["list"], ["update"], ["export", tmp_path / "o.csv"]):
        assert "there is no library yet" in library(*command, code=1)[1]
    assert not (tmp_path / "library.db").exists()


def test_another_database_is_named(music: Path, tmp_path: Path) -> None:
    library("add", music, "--db", tmp_path / "other.db")
    assert (tmp_path / "other.db").exists() and not (tmp_path / "library.db").exists()


def test_a_damaged_library_is_rebuilt(added: Path, tmp_path: Path) -> None:
    path = tmp_path / "library.db"
    for side in ("-wal", "-shm"):
        path.with_name(path.name + side).unlink(missing_ok=True)
    content = path.read_bytes()
    path.write_bytes(b"\0" * 100 + content[100:])
    _, err = library("status", code=1)
    assert "is no database" in err and "affetto library rebuild --db" in " ".join(err.split())
    _, err = library("rebuild")
    assert "the old file is kept as" in err
    library("add", added)


def test_a_folder_that_is_gone_is_told(added: Path, tmp_path: Path) -> None:
    added.rename(tmp_path / "away")
    _, err = library("update", code=1)
    assert "is its disk connected?" in err


def test_two_scans_at_once(added: Path, tmp_path: Path) -> None:
    with scanning(tmp_path / "library.db"):
        _, err = library("update", code=1)
        assert "under way already (process" in err
        assert "under way" in library("status")[0]


def test_watching_hears_what_comes(tmp_path: Path, music: Path) -> None:
    """In a process of its own, with real ears; ended by Ctrl-C as a person would."""
    pytest.importorskip("watchfiles")
    for path in music.rglob("*.wav"):
        path.unlink()
    command = [*AFFETTO, "library", "add", str(music), "--watch", "--jobs", "1"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as run:
        try:
            while b"Watching for music" not in run.stderr.readline():
                assert run.poll() is None
            time.sleep(1)  # until the system watches
            soundfile.write(music / "b.wav", beat(3), RATE_HZ)
            wait_until(lambda: done(tmp_path) == 1)
        finally:
            run.send_signal(signal.SIGINT)
        _, err = run.communicate(timeout=30)
    assert run.returncode == 130
    assert b"Traceback" not in err


def done(folder: Path) -> int:
    try:
        with Catalogue.open(folder / "library.db", readonly=True) as opened:
            return opened.status().done
    except CatalogueError:  # not made yet
        return -1


def wait_until(condition) -> None:  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_ctrl_c_keeps_what_was_heard(tmp_path: Path, music: Path) -> None:
    for path in music.rglob("*.wav"):
        path.unlink()
    for number in range(12):
        soundfile.write(music / f"{number}.wav", beat(60, 80 + number), RATE_HZ)
    command = [*AFFETTO, "library", "add", str(music), "--jobs", "1"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as run:
        wait_until(lambda: done(tmp_path) >= 1)
        run.send_signal(signal.SIGINT)
        _, err = run.communicate(timeout=30)
    assert run.returncode == 130, err
    assert b"go on with affetto library update" in err and b"Traceback" not in err
    kept = done(tmp_path)
    assert 1 <= kept < 12
    told = json.loads(library("status", "--json")[0])
    assert (told["tracks"], told["waiting"], told["scanning"]) == (12, 12 - kept, False)


def test_names_from_strangers_are_shown_as_they_are(tmp_path: Path) -> None:
    folder = tmp_path / "music"
    folder.mkdir()
    for number, title in enumerate(("<script>alert(1)</script>", "🎷 שלום", "a\x1b[2Jb")):
        with soundfile.SoundFile(folder / f"{number}.wav", "w", RATE_HZ, 1) as file:
            file.title = title
            file.write(beat(0.2, 60 + number))
    odd = os.fsdecode(os.fsencode(folder) + b"/\xff\xfe.wav")
    soundfile.write(os.fsencode(odd), beat(0.1), RATE_HZ, format="WAV")
    library("add", folder, code=1)  # the stand-in cannot open that name
    out, _ = library("list", "--state", "all")
    assert "<script>" in out and "🎷" in out
    assert "\x1b" not in out
    library("list", "--json", "--state", "all")
