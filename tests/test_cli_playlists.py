"""The library's commands on playlists and tags: what they print, write, and their exit codes."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
from mutagen.flac import FLAC

from affetto.features import FEATURE_NAMES
from affetto.library import store
from affetto.library.audio_hash import audio_hash
from affetto.library.catalogue import Catalogue
from affetto.library.store import Stamp
from affetto.sources.playlists import read_playlist
from command_line import affetto

MOODS = ("Dark", "Happy", "Relaxing")


def rows(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def build(folder: Path) -> Path:
    """Twelve labelled tracks by four artists, four a mood, in a row from Dark to Relaxing."""
    music = folder / "Music"
    music.mkdir()
    samples = np.sin(np.arange(4000) / 9).astype(np.float32) / 4
    with Catalogue.open(folder / "library.db") as catalogue:
        place = catalogue.add_folder(music)
        catalogue.refresh_labels()
        model = catalogue.model()
        with catalogue.writing() as db:
            for k in range(12):
                file = music / f"{k:02d}.flac"
                soundfile.write(file, samples * (1 - k / 40), 8000)
                stamp, audio = Stamp.of(file.stat()), audio_hash(file)
                features = dict.fromkeys(FEATURE_NAMES, 0.5) | {
                    "tempo": 80.0 + 5 * k, "loudness": -9.0, "duration_ms": 180_000.0,
                    "valence": k / 11, "energy": 0.3 + k / 40,
                }  # fmt: skip
                told = {"features": features, "title": f"Song {k}", "artist": f"Artist {k % 4}",
                        "key": "A minor", "audio_hash": audio}  # fmt: skip
                store.add_waiting(db, place.id, place.path, [(str(file), stamp)])
                store.record_heard(db, k + 1, stamp, told, model, is_excerpt=False, version=1)
                store.set_own_mood(db, audio, MOODS[k // 4])
    return folder


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("shared"))


@pytest.fixture
def playlists(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to write to; the library is shared, and nothing changes it."""
    monkeypatch.setenv("AFFETTO_DB", str(shared / "library.db"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "affetto-playlists"


@pytest.fixture
def music(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The music of a library of one's own."""
    monkeypatch.setenv("AFFETTO_DB", str(build(tmp_path) / "library.db"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "Music"


def moods_in_tags(folder: Path) -> list[list[str]]:
    return [FLAC(path).get("MOOD", []) for path in sorted(folder.glob("*.flac"))]


def test_without_options_a_playlist_for_each_mood(playlists: Path) -> None:
    out, err = affetto("library", "playlists")
    lines = out.splitlines()
    assert lines[0].split() == ["playlist", "tracks", "length", "file"]
    assert [line.split()[:2] for line in lines[1:]] == [
        ["Relaxing", "4"], ["Dark", "4"], ["Happy", "4"],
    ]  # fmt: skip
    assert "12 min 0 s" in lines[1] and err == ""
    for mood in MOODS:
        read = read_playlist(playlists / f"{mood}.m3u8")
        assert read.name == mood and [entry.error for entry in read.entries] == [None] * 4
    text = (playlists / "Dark.m3u8").read_text()
    assert "/Music/0" in text and "\n/" not in text


def test_a_mix_by_rule(playlists: Path) -> None:
    out, _ = affetto(
        *("library", "playlists", "--mood", "dark", "--mood", "Happy", "--max-tempo", "110"),
        *("--n", "5", "--per-artist", "2", "--name", "Mine", "--format", "xspf", "--seed", "4"),
        *("--paths", "absolute", "--out", playlists / "lists", "--json"),
    )
    (told,) = rows(out)
    assert (told["name"], told["n"], told["note"]) == ("Mine", 5, None)
    assert told["file"] == str(playlists / "lists" / "Mine.xspf")
    ids = [track["id"] for track in told["tracks"]]
    assert set(ids) <= set(range(1, 8)) and len(set(ids)) == 5
    read = read_playlist(told["file"])
    assert [entry.path for entry in read.entries] == [track["path"] for track in told["tracks"]]
    again, _ = affetto("library", "playlists", "--mood", "Dark", "--json", "--minutes", "9")
    assert rows(again)[0]["minutes"] == 9


def test_a_journey(playlists: Path) -> None:
    out, err = affetto("library", "playlists", "--journey", "dark:Happy:Relaxing", "--n", "9")
    assert "Dark to Happy to Relaxing" in out and "9" in out
    assert err.startswith("Dark to Happy to Relaxing: steps of ")
    read = read_playlist(playlists / "Dark to Happy to Relaxing.m3u8")
    numbers = [int(Path(entry.path).stem) for entry in read.entries]
    assert numbers[0] < 4 and numbers[-1] >= 8 and len(set(numbers)) == 9


def test_smart_playlists(playlists: Path) -> None:
    out, err = affetto("library", "playlists", "--format", "nsp", "--n", "50")
    assert out.count("by rule") == 3 and "affetto library tag --write writes it" in err
    told = json.loads((playlists / "Happy.nsp").read_text())
    assert told["all"] == [{"is": {"mood": "Happy"}}] and told["limit"] == 50


def test_too_few_tracks_are_told(playlists: Path) -> None:
    _, err = affetto("library", "playlists", "--mood", "Dark", "--n", "30")
    assert err == "Dark: asked for 30 tracks; 4 tracks meet the rules\n"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--journey", "Dark:Happy", "--mood", "Dark"], 2, "leave out --mood"),
        (["--journey", "Dark"], 2, "expected from and to, as in --journey Dark:Happy"),
        (["--journey", "Dark:Happpy"], 2, "did you mean Happy?"),
        (["--journey", "Dark:Aggressive"], 1, "no track of that mood meets the rules"),
        (["--journey", "Dark:Happy", "--format", "nsp"], 2, "has no order"),
        (["--name", "x"], 2, "--name is for a mix"),
        (["--n", "3", "--minutes", "5"], 2, "not both"),
        (["--mood", "Aggressive"], 1, "moods of these tracks: Relaxing, Dark, Happy"),
        (["--min-tempo", "300"], 1, "no track meets the rules"),
        (["--format", "nsp", "--min-confidence", "0.5"], 2, "cannot keep to a least confidence"),
        (["--db", "gone.db"], 1, "gone.db"),
    ],
)
def test_what_cannot_be_made(playlists: Path, arguments: list[str], code: int, said: str) -> None:
    _, err = affetto("library", "playlists", *arguments, code=code)
    assert said in " ".join(err.split())
    assert not playlists.exists() and not Path("gone.db").exists()


def test_tagging_shows_then_writes_then_undoes(music: Path) -> None:
    before = [path.read_bytes() for path in sorted(music.glob("*.flac"))]
    out, err = affetto("library", "tag", "--bpm")
    assert out.splitlines()[0].split() == ["track", "tag", "now", "then"]
    assert out.splitlines()[1].split() == ["Song", "0", "mood", "–", "Dark"]
    assert "Dark 4 (33%)" in out
    assert err == "Nothing is written yet: affetto library tag --write writes 12 files\n"
    assert [path.read_bytes() for path in sorted(music.glob("*.flac"))] == before

    _, err = affetto("library", "tag", "--bpm", "--write")
    assert "Written: tags of 12 files; affetto library tag --undo puts back" in err
    assert moods_in_tags(music) == [[MOODS[k // 4]] for k in range(12)]
    assert FLAC(music / "03.flac")["BPM"] == ["95"]
    with Catalogue.open(music.parent / "library.db") as catalogue:
        for entry in catalogue.every():
            stamp = Stamp.of(Path(entry.path).stat())
            with catalogue.reading() as db:
                row = db.execute(
                    "SELECT size_bytes, modified_ns, inode FROM tracks WHERE id = ?", [entry.id]
                ).fetchone()
            assert tuple(row) == stamp.as_row()  # a scan finds nothing changed

    _, err = affetto("library", "tag", "--bpm")
    assert err == "12 tracks right already\nNothing to write\n"
    _, err = affetto("library", "tag", "--bpm", "--write")
    assert err == "12 tracks right already\nNothing was written\n"
    _, err = affetto("library", "tag", "--search", "nowhere")
    assert err.startswith("No labelled track found")
    _, err = affetto("library", "tag", "--undo")
    assert err.startswith("Put back: tags of 12 files")
    assert moods_in_tags(music) == [[]] * 12 and "BPM" not in FLAC(music / "03.flac")
    _, err = affetto("library", "tag", "--undo", code=1)
    assert "nothing to undo" in err


def test_files_that_cannot_be_tagged_do_not_stop_the_others(music: Path) -> None:
    (music / "00.flac").chmod(0o444)
    (music / "01.flac").unlink()
    (music / "02.flac").write_bytes(b"no music")
    out, err = affetto("library", "tag", "--write", "--json", code=1)
    told = {Path(row["path"]).name: row for row in rows(out)}
    assert told["00.flac"]["why"] == "is read-only"
    assert told["01.flac"]["why"] == "is not there any more; run affetto library update"
    assert "whose tags affetto does not write" in told["02.flac"]["why"]
    assert [row["state"] for row in told.values()].count("written") == 9
    assert told["11.flac"]["then"] == {"mood": ["Relaxing"]}
    _, err = affetto("library", "tag", code=1)
    assert "00.flac is read-only" in err and "3 files could not be tagged" in err


def test_moods_of_others_are_kept_unless_replaced(music: Path) -> None:
    file = FLAC(music / "00.flac")
    file["MOOD"] = "Chill"
    file.save()
    _, err = affetto("library", "tag")
    assert "1 track with another mood in the tag, kept; --replace overwrites it" in err
    assert "moods that are kept: Chill 1" in err
    affetto("library", "tag", "--replace", "--write", "--search", "00")
    assert moods_in_tags(music)[:2] == [["Dark"], []]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only-missing", "--replace"], "say opposite things"),
        (["--undo", "--write"], "it goes alone"),
        (["--moods", "0"], "found 0 moods a track"),
    ],
)
def test_options_that_make_no_sense(music: Path, arguments: list[str], said: str) -> None:
    _, err = affetto("library", "tag", *arguments, code=2)
    assert said in " ".join(err.split())


def test_names_that_are_not_utf8(music: Path) -> None:
    odd = os.fsdecode(b"\xe9.flac")
    (music / "00.flac").rename(music / odd)
    _, err = affetto("library", "tag", code=1)
    assert "00.flac is not there any more" in err
