"""``affetto collect`` as people use it, against local servers."""

import json
import logging
import signal
import subprocess
import sys
import time
import wave

import numpy as np
import polars as pl
import pytest

from affetto import collect
from affetto.features import FEATURE_NAMES
from affetto.learning.dataset import gather
from affetto.learning.labels import from_arguments
from command_line import AFFETTO, affetto
from in_process import run_jobs
from services.base import Fault, busy, failing
from services.case import SECRETS
from services.reccobeats_server import ReccoBeatsServer
from services.spotify_case import SpotifyCase
from services.spotify_server import isrc, track_id
from services.subsonic_case import SubsonicCase

HEADER = (
    "Track URI,Track Name,Album Name,Artist Name(s),Duration (ms),Danceability,Energy,Loudness,"
    "Speechiness,Acousticness,Instrumentalness,Liveness,Valence,Tempo"
)


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RECCOBEATS_URL", "http://127.0.0.1:9")  # asked only where a test says so


@pytest.fixture
def reccobeats(monkeypatch):
    with ReccoBeatsServer(unknown=0.0) as server:
        monkeypatch.setenv("RECCOBEATS_URL", server.url)
        for i in range(120):
            server.add(i, spotify=track_id(i), isrc_of=isrc)
        yield server


@pytest.fixture
def spotify(tmp_path, monkeypatch):
    case = SpotifyCase(tmp_path / "case", monkeypatch)
    # What affetto login would have kept, where the command looks for it.
    kept = tmp_path / "config" / "affetto" / "accounts"
    kept.parent.mkdir(parents=True)
    (tmp_path / "case" / "accounts").rename(kept)
    yield case
    case.close()


def export(path, first, n=12, *, features=True):
    """Write what Exportify writes."""
    path.parent.mkdir(exist_ok=True)
    rows = [HEADER]
    for i in range(first, first + n):
        values = [f"{(i * 37 + k * 11) % 100 / 100}" for k in range(9)] if features else [""] * 9
        values[2] = "-8.5" if features else ""
        values[8] = "120.5" if features else ""
        head = [f"spotify:track:{track_id(i)}", f"Track {i}", "Album", f"Artist {i % 5}", "200000"]
        rows.append(",".join([*head, *values]))
    path.write_text("\n".join(rows) + "\n")
    return path


def told(*arguments, code=0):
    return json.loads(affetto("collect", *arguments, "--json", code=code)[0])


def test_a_folder_of_exportify_files_is_a_table_to_train_on(tmp_path):
    export(tmp_path / "export" / "Happy.csv", 0)
    export(tmp_path / "export" / "Happy 2.csv", 12)
    export(tmp_path / "export" / "my dark nights.csv", 24)
    out, err = affetto("collect", "export")
    frame = pl.read_parquet("moods.parquet")
    assert frame["mood"].value_counts().sort("mood").rows() == [("Dark", 12), ("Happy", 24)]
    assert set(frame["playlist"]) == {"Happy", "Happy 2", "my dark nights"}
    assert set(frame["from_energy"]) == {"table"}
    assert "affetto train moods.parquet --group playlist" in out
    assert "One playlist of Dark" in err
    assert err.count("Developer Policy") == 1 and "audio files" in err
    tracks, audit = gather(from_arguments(["moods.parquet"]), group="playlist")
    assert len(tracks) == audit.rows_used == 36
    assert sorted(set(tracks.groups)) == ["Happy", "Happy 2", "my dark nights"]


def test_playlists_of_spotify_get_their_features_from_reccobeats(spotify, reccobeats):
    happy = spotify.add_playlist("Morning", 60)
    key = spotify.add_playlist("Night", 45, first=60).rpartition(":")[2]
    dark = f"https://open.spotify.com/playlist/{key}?si=1"
    arguments = (f"Happy={happy}", f"Dark={dark}", "--out", "moods.csv")
    found = told(*arguments)
    assert (found["rows"], found["complete"]) == (105, 105)
    assert found["features"]["energy"] == {"reccobeats": 105}
    assert found["features"]["duration_ms"] == {"spotify": 105}
    assert [(row["mood"], row["source"], row["tracks"]) for row in found["moods"]] == [
        ("Happy", "spotify", 60),
        ("Dark", "spotify", 45),
    ]
    assert len(reccobeats.asked()) == 3  # 40 tracks a question, and lengths are known
    assert any("27 Nov" in note for note in found["notes"])
    spotify.service.seen.clear()
    reccobeats.seen.clear()
    again = told(*arguments)
    assert (again["rows"], again["complete"]) == (105, 105)
    assert spotify.service.paths() == reccobeats.paths() == []
    assert told(*arguments, "--offline")["complete"] == 105


def test_audio_of_a_music_server_is_heard_once(tmp_path, monkeypatch, make_clip):
    case = SubsonicCase(tmp_path / "case", monkeypatch)
    try:
        reference = case.add_playlist("Sundays", 3)
        clip = make_clip().read_bytes()
        monkeypatch.setattr(case.service, "audio", lambda song_id: clip)
        found = told(f"Calm={reference}", "--fill", "audio", "--out", "moods.parquet")
        assert found["complete"] == 3
        assert found["features"]["energy"] == {"audio": 3}
        downloads = [path for path in case.service.paths() if "download" in path]
        assert len(downloads) == 3
        case.service.seen.clear()
        assert told(f"Calm={reference}", "--fill", "audio")["complete"] == 3
        assert case.service.paths() == []
    finally:
        case.close()


@pytest.fixture
def make_clip(tmp_path, monkeypatch):
    # Listening is done here: starting processes takes longer than all the rest.
    monkeypatch.setattr("affetto.scoring.listen.run_jobs", run_jobs)

    def make(path=None, seconds=6.0):
        path = path or tmp_path / "clip.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        times = np.arange(int(seconds * 22_050)) / 22_050
        beats = 0.6 + 0.4 * np.sign(np.sin(2 * np.pi * 2 * times))
        samples = (8_000 * beats * np.sin(2 * np.pi * 440 * times)).astype("<i2")
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, 22_050, 0, "NONE", ""))
            file.writeframes(samples.tobytes())
        return path

    return make


def test_folders_of_files_are_moods(tmp_path, make_clip):
    for mood in ("Calm", "Wild"):
        for place in range(2):
            make_clip(tmp_path / "music" / mood / f"{place}.wav", 4 + place)
    out, _ = affetto("collect", "music")
    frame = pl.read_parquet("moods.parquet")
    assert frame["mood"].to_list() == ["Calm", "Calm", "Wild", "Wild"]
    assert frame["path"].str.ends_with(".wav").all()
    assert set(frame["from_tempo"]) == {"audio"}
    assert "Too few to learn from: Calm and Wild" in out and "affetto train" not in out


def test_what_fails_costs_only_itself_and_the_exit_code_says_so(tmp_path, reccobeats):
    export(tmp_path / "dark.csv", 0)
    out, err = affetto("collect", "Dark=dark.csv", "Happy=gone.csv", code=1)
    assert "gone.csv" in err and "does not exist" in err
    assert "The same command goes on" not in err  # it would fail again
    assert len(pl.read_parquet("moods.parquet")) == 12
    assert "Dark" in out


def test_a_service_that_asks_to_wait_for_long_leaves_what_was_fetched(tmp_path, reccobeats):
    export(tmp_path / "dark.csv", 0, 100, features=False)
    reccobeats.faults.append(busy(3_600, path="audio-features", times=99, skip=1))
    _, err = affetto("collect", "Dark=dark.csv", code=1)
    assert "ReccoBeats asks to wait until" in err
    assert "The same command goes on" in err
    before = pl.read_parquet("moods.parquet")["energy"].count()
    assert 0 < before < 100
    reccobeats.faults.clear()
    reccobeats.seen.clear()
    affetto("collect", "Dark=dark.csv")
    assert pl.read_parquet("moods.parquet")["energy"].count() == 100
    assert len(reccobeats.asked()) == -(-(100 - before) // 40)


@pytest.mark.parametrize("name", ["~nobody-of-that-name/music", "x" * 5_000, "a\nb"])
def test_a_name_that_can_be_no_path_is_an_error_like_any(name):
    _, err = affetto("collect", name, code=1)
    assert "Traceback" not in err and err.startswith("affetto: ")


def test_nothing_is_written_where_nothing_was_got(tmp_path):
    _, err = affetto("collect", "Happy=gone.csv", code=1)
    assert "does not exist" in err
    assert not (tmp_path / "moods.parquet").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["Hapy=a.csv"], "did you mean Happy"),
        (["Happy=a.csv", "--fill", "magic"], "cannot fill features from 'magic'"),
        (["Happy=a.csv", "--out", "moods.xlsx"], "cannot write moods.xlsx"),
        (["Happy=https://example.org/playlist"], "a site that affetto does not know"),
    ],
)
def test_wrong_usage_is_said_before_anything_is_asked(arguments, message):
    _, err = affetto("collect", *arguments, code=2)
    assert message in err


def test_without_a_login_the_ways_to_one_are_named(monkeypatch):
    for name in ("SUBSONIC_URL", "SUBSONIC_USER", "SUBSONIC_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    _, err = affetto("collect", "Calm=subsonic:playlist/Sundays", code=1)
    assert "affetto login subsonic" in err and "SUBSONIC_URL" in err


def test_no_secret_is_seen_whatever_goes_wrong(tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    case = SubsonicCase(tmp_path / "case", monkeypatch)
    try:
        reference = case.add_playlist("Sundays", 1)
        for fault in (failing(404, path="getPlaylist"), failing(400, path="getPlaylist")):
            case.service.faults.clear()
            case.service.faults.append(fault)
            out, err = affetto("collect", f"Calm={reference}", "--refresh", code=1)
            assert not any(secret in out + err + caplog.text for secret in SECRETS)
    finally:
        case.close()


def test_the_table_has_all_ten_features_and_where_they_are_from(tmp_path):
    export(tmp_path / "Dark.csv", 0)
    affetto("collect", "Dark.csv", "--out", "t.csv")
    header = (tmp_path / "t.csv").read_text().splitlines()[0].split(",")
    assert header[:9] == [
        *("id", "isrc", "title", "artist", "album", "path", "playlist", "mood", "source")
    ]
    assert header[9:] == [*FEATURE_NAMES, *(f"from_{name}" for name in FEATURE_NAMES)]


def test_tables_need_no_extra_and_services_say_which_is_missing(tmp_path):
    export(tmp_path / "Dark.csv", 0)
    code = """
import sys
for name in ("httpx", "stamina", "spotipy", "keyring"):
    sys.modules[name] = None
from affetto.cli import main
sys.argv = ["affetto", "collect", *sys.argv[1:]]
main()
"""
    for arguments, status, words in (
        (["Dark.csv"], 0, "Written: moods.parquet"),
        (["Dark.csv", "Happy=spotify:saved"], 1, 'pip install "affetto[sources]"'),
        (["Calm=subsonic:starred"], 1, 'pip install "affetto[sources]"'),
    ):
        run = subprocess.run(
            [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
        )
        assert (run.returncode, words in run.stderr) == (status, True), run.stderr


def test_from_python(tmp_path):
    export(tmp_path / "Dark.csv", 0)
    found = collect(["Dark.csv", "Sad=Dark.csv"], fill="table")
    assert found.frame["mood"].to_list() == ["Dark"] * 12 + ["Sad"] * 12
    assert found.as_dict()["in_several_moods"] == 12


def test_the_same_command_again_does_not_read_what_it_wrote(tmp_path):
    export(tmp_path / "Happy.csv", 0)
    export(tmp_path / "Dark.csv", 12)
    for _ in range(3):
        affetto("collect", ".")
        assert len(pl.read_parquet("moods.parquet")) == 24
        # Nor what a run left of which a part failed.
        pl.read_parquet("moods.parquet").write_parquet("moods.partial.parquet")


def test_what_is_read_is_not_written_over(tmp_path):
    path = export(tmp_path / "mine.csv", 0)
    before = path.read_bytes()
    _, err = affetto("collect", "Happy=./mine.csv", "--out", "mine.csv", code=2)
    assert "would be overwritten" in err and path.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--out", "no/moods.csv"], 1, "the folder no does not exist"),
        (["--jobs", "0"], 2, "0 jobs: expected at least 1"),
    ],
)
def test_what_cannot_end_well_is_not_begun(tmp_path, reccobeats, arguments, code, words):
    export(tmp_path / "Dark.csv", 0, features=False)
    _, err = affetto("collect", "Dark.csv", *arguments, code=code)
    assert words in err and reccobeats.paths() == []


def test_who_was_not_asked_is_not_said_to_know_nothing(tmp_path):
    export(tmp_path / "Dark.csv", 0, features=False)
    out, _ = affetto("collect", "Dark.csv", "--offline", code=1)
    assert "lack features: ReccoBeats could not be asked for all, there is no audio" in out
    (tmp_path / "Calm.csv").write_text("title,artist\nSun,Ra\n")
    out, _ = affetto("collect", "Calm.csv")
    assert "lacks features: there is no audio to hear" in out


def test_audio_needs_no_extra_where_no_service_could_be_asked(tmp_path, make_clip):
    make_clip(tmp_path / "music" / "Calm" / "0.wav")
    (tmp_path / "main_.py").write_text(
        """
import sys
for name in ("httpx", "stamina", "spotipy", "keyring"):
    sys.modules[name] = None
from affetto.cli import main
sys.argv = ["affetto", "collect", "music"]
if __name__ == "__main__":
    main()
"""
    )
    run = subprocess.run([sys.executable, "main_.py"], capture_output=True, text=True, check=False)
    assert (run.returncode, "affetto[sources]" in run.stderr) == (0, False), run.stderr


def test_odd_moods_and_titles_reach_neither_terminal_nor_training_raw(tmp_path):
    long = "x" * 300
    lines = [
        f'{{"title": "a{i}", "artist": "b", "mood": "{mood}"}}'
        for i, mood in enumerate(["\\u001b[31mred", "two\\nlines", long, "HAPPY"])
    ]
    (tmp_path / "t.jsonl").write_text("\n".join(lines))
    out, err = affetto("collect", "t.jsonl")
    assert "\x1b" not in out + err
    moods = pl.read_parquet("moods.parquet")["mood"].to_list()
    assert moods == ["[31mred", "two lines", "x" * 200, "Happy"]


def test_from_python_one_path_is_a_path(tmp_path):
    export(tmp_path / "export" / "Dark.csv", 0)
    assert len(collect("export", fill="table").frame) == 12
    assert len(collect(tmp_path / "export", fill="table").frame) == 12
    assert len(collect([tmp_path / "export"], fill="table").frame) == 12


def test_a_clip_that_is_refused_costs_only_itself(tmp_path, make_clip, reccobeats):
    for place in range(3):
        make_clip(tmp_path / "music" / "Calm" / f"{place}.wav", 4 + place)
    reccobeats.faults.append(failing(400, path="analysis"))
    found = told("music", "--fill", "upload", code=1)
    assert found["features"]["energy"] == {"upload": 2}
    assert [failure["what"][-5:] for failure in found["failures"]] == ["0.wav"]
    assert found["problems"] == []


def test_the_next_command_is_named_only_if_it_can_work(tmp_path):
    export(tmp_path / "Dark.csv", 0)
    export(tmp_path / "Happy.csv", 100)
    export(tmp_path / "Calm.csv", 200, 4)
    out, _ = affetto("collect", "Dark.csv")
    assert "One mood only" in out and "affetto train" not in out
    out, _ = affetto("collect", "Dark.csv", "Calm.csv", "Happy.csv")
    assert "Too few to learn from: Calm" in out
    assert "affetto train moods.parquet --group playlist --drop Calm" in out
    _, err = affetto("collect", code=2)
    assert "nothing named to collect; expected for example" in err


def test_a_typo_does_not_cost_the_table_that_was_there(tmp_path):
    export(tmp_path / "Dark.csv", 0)
    export(tmp_path / "Happy.csv", 100)
    affetto("collect", "Dark.csv", "Happy.csv")
    before = (tmp_path / "moods.parquet").read_bytes()
    out, err = affetto("collect", "Dark=Dark.csv", "Happy=Hapy.csv", code=1)
    assert (tmp_path / "moods.parquet").read_bytes() == before
    assert len(pl.read_parquet("moods.partial.parquet")) == 12
    assert "No track of Happy is in the table" in out
    assert "Written: moods.partial.parquet" in err and "was left as it is" in err


def test_folders_of_albums_are_playlists_of_their_mood(tmp_path, make_clip):
    for name in ("Calm/A/1", "Calm/B/1", "Wild/C/1", "Wild/2"):
        make_clip(tmp_path / "moods" / f"{name}.wav", 4)
    affetto("collect", "moods")
    expected = [("Calm", "Calm/A"), ("Calm", "Calm/B"), ("Wild", "Wild"), ("Wild", "Wild/C")]
    assert pl.read_parquet("moods.parquet").select("mood", "playlist").rows() == expected
    affetto("collect", "moods/Calm", "moods/Wild")
    moods = pl.read_parquet("moods.parquet")["mood"].to_list()
    assert moods == ["Calm", "Calm", "Wild", "Wild"]


def test_navidrome_is_another_name(tmp_path, monkeypatch):
    case = SubsonicCase(tmp_path / "case", monkeypatch)
    try:
        case.add_playlist("Sundays", 2)
        found = told("Calm=navidrome:playlist/Sundays", "--fill", "table")
        assert found["rows"] == 2
    finally:
        case.close()


def test_ctrl_c_does_not_wait_for_downloads_under_way(tmp_path, monkeypatch):
    case = SubsonicCase(tmp_path / "case", monkeypatch)
    try:
        reference = case.add_playlist("Sundays", 8)
        case.service.faults.append(Fault("slow", path="download", times=99, seconds=8.0))
        command = [*AFFETTO, "collect", f"Calm={reference}", "--fill", "audio"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as run:
            end = time.monotonic() + 30
            while not any("download" in path for path in case.service.paths()):
                assert time.monotonic() < end and run.poll() is None
                time.sleep(0.05)
            began = time.monotonic()
            run.send_signal(signal.SIGINT)
            _, err = run.communicate(timeout=30)
        assert run.returncode == 130 and "Traceback" not in err
        assert "stopped; what was fetched and heard is kept" in err
        assert time.monotonic() - began < 6
    finally:
        case.close()
