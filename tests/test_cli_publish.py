"""`affetto publish`: what it prints, what it asks the service to write, and its exit codes."""

import inspect
import json
import os
from pathlib import Path

import polars as pl
import pytest

from affetto.cli_publish import publish
from affetto.collecting.services import Services
from affetto.collecting.wanted import PREFIX
from affetto.errors import LoginError, ServiceBusyError, ServiceRefusedError
from affetto.features import FEATURE_NAMES
from affetto.library import store
from affetto.library.catalogue import Catalogue
from affetto.library.store import Stamp
from affetto.sources.contract import OWN_PREFIX
from affetto.tracks import Track
from command_line import affetto
from services.memory_target import MemoryTarget
from services.targets import (
    JellyfinTargetCase,
    NavidromeTargetCase,
    SpotifyTargetCase,
    TargetCase,
    named,
)

MOODS = ("Dark", "Happy", "Relaxing")
TO = ("--to", "spotify")


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A user with nothing kept."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch) -> MemoryTarget:
    """A service that knows songs 0 to 8, as t0 to t8."""
    made = MemoryTarget()
    made.knows([Track(title=f"Song {k}", artist=f"Artist {k % 4}") for k in range(9)])
    monkeypatch.setattr(Services, "target", lambda services, name: made)
    return made


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    """Ten songs, the last unknown to the service: four Happy, three Dark, two Relaxing."""
    moods = ["Happy", "Dark", "Happy", "Relaxing", "Dark", "Happy", "Dark", "Relaxing", None]
    frame = pl.DataFrame(
        {
            "title": [f"Song {k}" for k in range(10)],
            "artist": [f"Artist {k % 4}" for k in range(10)],
            "mood": [*moods, "Happy"],
            "confidence": [0.9, 0.8, 0.3, 0.7, 0.6, 0.5, 0.4, 0.9, 0.2, 0.8],
        }
    )
    path = tmp_path / "labels.csv"
    frame.write_csv(path)
    return path


def rows(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def cells(text: str) -> list[list[str]]:
    """The words of each line of a table but its head, without the coloured squares."""
    lines = text.partition("\n\n")[0].splitlines()[1:]
    return [line.removeprefix("■").split() for line in lines]


def test_what_it_writes_is_known_again_when_playlists_are_collected() -> None:
    assert inspect.signature(publish).parameters["prefix"].default == PREFIX == OWN_PREFIX


def test_it_shows_first_and_writes_nothing(labels: Path, target: MemoryTarget) -> None:
    target.has("affetto: Dark", "t4", "t0")
    target.has("affetto: Aggressive", "t5")
    target.has("Happy", "t8")
    out, err = affetto("publish", labels, *TO)
    assert out.splitlines()[0].split() == ["playlist", "tracks", "known", "there", "to", "do"]
    assert cells(out) == [
        ["affetto:", "Relaxing", "2", "2", "new"],
        ["affetto:", "Dark", "3", "3", "2", "added,", "1", "removed"],
        ["affetto:", "Happy", "4", "3", "new"],
        ["affetto:", "Aggressive", "0", "–", "left", "as", "it", "is,", "with", "1", "track"],
    ]
    assert "Spotify does not know 1 track\n  Happy  Song 9 – Artist 1\n" in out
    assert err == "Nothing was written; add --write to write 3 playlists\n"
    assert target.writes == []


def test_write_does_it_and_a_second_run_nothing(labels: Path, target: MemoryTarget) -> None:
    target.has("affetto: Dark", "t4", "t1", "t6")
    out, err = affetto("publish", labels, *TO, "--write")
    assert [line[-1] for line in cells(out)] == ["made", "changed", "made"]
    assert err == "Written to Spotify: 2 made, 1 changed\n"
    assert target.holds("affetto: Happy") == ("t0", "t2", "t5")
    assert target.holds("affetto: Dark") == ("t1", "t4", "t6")
    target.asked.clear()
    out, err = affetto("publish", labels, *TO, "--write")
    assert [line[-1] for line in cells(out)] == ["unchanged"] * 3
    assert err == "Nothing to write: Spotify has it all already\n"
    assert target.writes == []


def test_only_some_moods_the_surest_under_a_name_of_ones_own(
    labels: Path, target: MemoryTarget
) -> None:
    options = ("--mood", "happy", "--n", "2", "--surest", "--prefix", "mine/")
    affetto("publish", labels, *TO, "--write", *options)
    assert set(target.playlists) == {"mine/Happy"}
    assert target.holds("mine/Happy") == ("t0",)  # the second surest is not known
    affetto("publish", labels, *TO, "--write", "--min-confidence", "0.8")
    assert target.holds("affetto: Dark") == ("t1",)


def test_json_tells_a_playlist_a_line(labels: Path, target: MemoryTarget) -> None:
    out, err = affetto("publish", labels, *TO, "--write", "--json")
    told = rows(out)
    assert [(row["service"], row["name"], row["state"], row["written"]) for row in told] == [
        ("spotify", f"affetto: {mood}", "new", True) for mood in ("Relaxing", "Dark", "Happy")
    ]
    assert told[2]["tracks"] == ["t0", "t2", "t5"]
    assert [track["title"] for track in told[2]["unknown"]] == ["Song 9"]
    assert err == ""


def test_one_that_fails_is_told_and_the_others_are_written(
    labels: Path, target: MemoryTarget
) -> None:
    target.before["affetto: Dark"] = ServiceRefusedError("Spotify says: oops", status=500)
    out, err = affetto("publish", labels, *TO, "--write", code=1)
    assert [" ".join(line[4:]) for line in cells(out)] == ["made", "not written", "made"]
    assert err == "Dark: Spotify says: oops\nWritten to Spotify: 2 made\n"
    assert set(target.playlists) == {"affetto: Relaxing", "affetto: Happy"}


def test_several_of_a_name_are_told(labels: Path, target: MemoryTarget) -> None:
    target.has("affetto: Dark", "t1")
    target.has("affetto: Dark", "t2")
    out, err = affetto("publish", labels, *TO, code=1)
    assert cells(out)[1][4:] == ["cannot", "be", "written"]
    assert "Dark: there are 2 playlists called affetto: Dark; rename one\n" in err


@pytest.mark.parametrize(
    "error", [ServiceBusyError("Spotify asks to wait until 14:05", until=1.0), LoginError("no")]
)
def test_where_it_stops_it_tells_what_was_done(
    labels: Path, target: MemoryTarget, error: Exception
) -> None:
    target.before["affetto: Dark"] = error
    out, err = affetto("publish", labels, *TO, "--write", code=1)
    assert [" ".join(line[4:]) for line in cells(out)] == ["made", "not written", "not written"]
    assert err == f"Written to Spotify: 1 made\naffetto: {error}\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["labels.csv", *TO, "--prefix", ""], "found '' as the prefix"),
        (["labels.csv", *TO, "--journey", "Dark:Happy"], "are about your library"),
        (["labels.csv", *TO, "--min-confidence", "2"], "expected 0–1"),
        (["labels.csv", *TO, "--mood", "Hapy"], "did you mean Happy"),
        ([*TO, "--journey", "Dark:Happy", "--mood", "Dark"], "leave out --mood"),
    ],
)
def test_wrong_usage_asks_nothing(
    labels: Path, target: MemoryTarget, arguments: list[str], words: str
) -> None:
    _, err = affetto("publish", *arguments, code=2)
    assert words in err
    assert target.asked == []


def test_a_service_must_be_named(labels: Path) -> None:
    _, err = affetto("publish", labels, code=2)
    assert "--to" in err
    _, err = affetto("publish", labels, "--to", "tidal", code=2)
    assert "spotify" in err and "jellyfin" in err


def test_a_table_without_moods_is_refused(tmp_path: Path, target: MemoryTarget) -> None:
    pl.DataFrame({"title": ["a"], "energy": [0.5]}).write_csv(tmp_path / "features.csv")
    _, err = affetto("publish", tmp_path / "features.csv", *TO, code=1)
    assert "features.csv has no column 'mood'" in err
    assert target.asked == []


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Twelve labelled tracks by four artists, four a mood; the service knows nine."""
    music = tmp_path / "Music"
    music.mkdir()
    path = tmp_path / "library.db"
    with Catalogue.open(path) as catalogue:
        place = catalogue.add_folder(music)
        catalogue.refresh_labels()
        model = catalogue.model()
        with catalogue.writing() as db:
            for k in range(12):
                file = music / f"{k:02d}.flac"
                file.write_bytes(b"")
                stamp = Stamp.of(file.stat())
                features = dict.fromkeys(FEATURE_NAMES, 0.5) | {
                    "tempo": 80.0 + 5 * k, "loudness": -9.0, "duration_ms": 180_000.0,
                    "valence": k / 11, "energy": 0.3 + k / 40,
                }  # fmt: skip
                told = {"features": features, "title": f"Song {k}", "artist": f"Artist {k % 4}",
                        "audio_hash": f"hash {k}"}  # fmt: skip
                store.add_waiting(db, place.id, place.path, [(str(file), stamp)])
                store.record_heard(db, k + 1, stamp, told, model, is_excerpt=False, version=1)
                store.set_own_mood(db, f"hash {k}", MOODS[k // 4])
    return path


def test_the_library_is_published_alike_each_time(library: Path, target: MemoryTarget) -> None:
    target.has("affetto: Energetic", "t1")
    out, _ = affetto("publish", *TO, "--db", library, "--write")
    assert [line[1:] for line in cells(out)] == [
        ["Relaxing", "4", "1", "made"],
        ["Dark", "4", "4", "made"],
        ["Happy", "4", "4", "made"],
        ["Energetic", "0", "–", "left", "as", "it", "is,", "with", "1", "track"],
    ]
    assert sorted(target.holds("affetto: Dark")) == ["t0", "t1", "t2", "t3"]
    target.asked.clear()
    affetto("publish", *TO, "--db", library, "--write")
    assert target.writes == []
    affetto("publish", *TO, "--db", library, "--write", "--mood", "Dark", "--n", "2")
    assert len(target.holds("affetto: Dark")) == 2


def test_a_journey_is_published(
    library: Path, target: MemoryTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AFFETTO_DB", str(library))
    affetto("publish", *TO, "--journey", "dark:Happy", "--n", "6", "--write")
    held = target.holds("affetto: Dark to Happy")
    assert len(held) == 6 and held[0] in {"t0", "t1", "t2", "t3"}
    assert set(target.playlists) == {"affetto: Dark to Happy"}


@pytest.mark.parametrize(
    ("service", "kind"),
    [
        ("spotify", SpotifyTargetCase),
        ("subsonic", NavidromeTargetCase),
        ("jellyfin", JellyfinTargetCase),
    ],
)
def test_the_real_clients(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, service: str, kind: type[TargetCase]
) -> None:
    """Over HTTP, with the login where `affetto login` puts it: looked, written, looked again."""
    moods = {"Happy": [3, 1, 4, 1, 5], "Dark": [9, 2, 6]}
    lines = [f"{named(i).title},{named(i).artist},{mood}" for mood in moods for i in moods[mood]]
    table = tmp_path / "labels.csv"
    table.write_text("\n".join(["title,artist,mood", *lines, "Never heard,Nobody,Dark"]))
    case = kind(tmp_path / "config" / "affetto", monkeypatch)
    case.add("affetto: Dark", [case.id(7)])
    case.add("Happy", [case.id(8)])
    try:
        out, _ = affetto("publish", table, "--to", service)
        assert [line[1:] for line in cells(out)] == [
            ["Dark", "4", "3", "3", "added,", "1", "removed"], ["Happy", "4", "4", "new"],
        ]  # fmt: skip
        assert case.n_writes() == 0
        affetto("publish", table, "--to", service, "--write")
        assert case.contents("affetto: Happy") == [[case.id(i) for i in (3, 1, 4, 5)]]
        assert case.contents("affetto: Dark") == [[case.id(i) for i in (9, 2, 6)]]
        assert case.contents("Happy") == [[case.id(8)]]
        n_writes = case.n_writes()
        out, err = affetto("publish", table, "--to", service, "--write")
        assert [line[-1] for line in cells(out)] == ["unchanged"] * 2
        assert "Nothing to write" in err and case.n_writes() == n_writes > 0
    finally:
        case.close()


@pytest.mark.parametrize("service", ["spotify", "subsonic", "jellyfin"])
def test_without_a_login_it_says_how_to_get_one(
    labels: Path, monkeypatch: pytest.MonkeyPatch, service: str
) -> None:
    for name in [name for name in os.environ if name.startswith(("SPOT", "SUBS", "JELLY"))]:
        monkeypatch.delenv(name)
    _, err = affetto("publish", labels, "--to", service, code=1)
    assert f"affetto login {service}" in err.replace("\n", " ")
