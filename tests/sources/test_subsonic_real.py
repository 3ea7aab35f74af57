"""Against Supysonic, a real Subsonic server that others wrote: API 1.12, passwords only."""

import importlib.util
import os
import subprocess
import sys
from contextlib import closing
from itertools import count
from pathlib import Path

import httpx
import keyring
import numpy as np
import pytest
import soundfile
from mutagen.flac import FLAC
from mutagen.oggvorbis import OggVorbis

from affetto.errors import LoginError, PlaylistError
from affetto.sources.accounts import Account
from affetto.sources.cache import AnswerCache
from affetto.sources.subsonic import Subsonic, login
from affetto.tracks import Track
from services.case import QUICK
from services.keyrings import MemoryKeyring

PASSWORD = "tr0ub4dor-password"
N_TRACKS = 6
# Set up by its own commands, then served; all in one process, which ends with its stdin.
SERVE = """
import sys, threading
from supysonic.cli import cli
from supysonic.config import IniConfig
from supysonic.db import init_database, release_database
config = IniConfig(["supysonic.conf"])
init_database(config.BASE["database_uri"])
for words in (
    ["user", "add", "ada", "-p", PASSWORD],
    ["user", "add", "bob", "-p", PASSWORD],
    ["folder", "add", "music", "music"],
    ["folder", "scan", "--foreground"],
):
    cli.main(words, obj=config, standalone_mode=False)
release_database()
from supysonic.web import create_application
from werkzeug.serving import make_server
server = make_server("127.0.0.1", 0, create_application(config), threaded=True)
print("PORT", server.server_port, flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
"""
CONFIG = """
[base]
database_uri = sqlite:///{folder}/supysonic.db
[webapp]
cache_dir = {folder}/cache
[daemon]
socket = {folder}/none.sock
"""


def make_music(folder):
    """Write a few tagged files, two folders deep."""
    rate = 22_050
    time_s = np.arange(2 * rate) / rate
    for i in range(N_TRACKS):
        suffix, kind = (".flac", FLAC) if i % 2 == 0 else (".ogg", OggVorbis)
        path = folder / f"Artist {i % 3}" / f"Album {i % 2}" / f"{i:02d} Track {i}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, 0.3 * np.sin(2 * np.pi * (220 + 40 * i) * time_s), rate)
        tags = kind(path)
        tags["title"], tags["artist"] = f"Track {i}", f"Artist {i % 3}"
        tags["album"], tags["tracknumber"] = f"Album {i % 2}", str(i + 1)
        tags.save()


@pytest.fixture(scope="module")
def music(tmp_path_factory):
    folder = tmp_path_factory.mktemp("supysonic")
    make_music(folder / "music")
    return folder / "music"


@pytest.fixture(scope="module")
def url(music):
    if importlib.util.find_spec("supysonic") is None:
        absent = "the real Subsonic server is absent: pip install supysonic"
        if os.environ.get("AFFETTO_REQUIRE_DATA") == "1":
            pytest.fail(absent)
        pytest.skip(absent)
    folder = music.parent
    (folder / "supysonic.conf").write_text(CONFIG.format(folder=folder))
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-c", SERVE.replace("PASSWORD", repr(PASSWORD))],
            cwd=folder,
            env={**os.environ, "HOME": str(folder), "PYTHONWARNINGS": "ignore"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        ports = (line.split()[1] for line in server.stdout if line.startswith("PORT"))
        port = next(ports, None)
        assert port, (folder / "log").read_text()
        yield f"http://127.0.0.1:{port}"
    finally:
        server.stdin.close()
        try:
            server.wait(5)
        finally:
            server.kill()
            server.wait()
            server.stdout.close()


@pytest.fixture
def api(url):
    """Ask the server without affetto."""

    def ask(endpoint, user="ada", **params):
        said = {"u": user, "p": PASSWORD, "v": "1.12.0", "c": "test", "f": "json", **params}
        answer = httpx.get(f"{url}/rest/{endpoint}.view", params=said).json()
        assert answer["subsonic-response"]["status"] == "ok", answer
        return answer["subsonic-response"]

    return ask


@pytest.fixture
def songs(api):
    """Title → song."""
    found = api("search3", query="", songCount=500)["searchResult3"]["song"]
    return {song["title"]: song for song in found}


@pytest.fixture
def account(url, tmp_path, monkeypatch):
    for name in ("API_KEY", "MUSIC_FOLDER"):
        monkeypatch.delenv(f"SUBSONIC_{name}", raising=False)
    monkeypatch.setenv("SUBSONIC_URL", url)
    monkeypatch.setenv("SUBSONIC_USER", "ada")
    monkeypatch.setenv("SUBSONIC_PASSWORD", PASSWORD)
    return Account("subsonic", tmp_path / "accounts")


@pytest.fixture
def cache(tmp_path):
    with AnswerCache(tmp_path / "answers.sqlite") as kept:
        yield kept


@pytest.fixture
def source(account, cache):
    with closing(Subsonic(account, cache, patience=QUICK)) as opened:
        yield opened


_numbers = count()


@pytest.fixture
def name():
    """A playlist's name that no other test has."""
    return f"Evening {next(_numbers)}"


class TestLogin:
    @pytest.fixture
    def nobody(self, url, tmp_path, monkeypatch):
        for name in ("URL", "USER", "PASSWORD", "API_KEY"):
            monkeypatch.delenv(f"SUBSONIC_{name}", raising=False)
        return Account("subsonic", tmp_path / "accounts")

    def test_the_password_goes_into_the_keyring_and_serves_from_there(
        self, url, nobody, cache, use_keyring
    ):
        use_keyring(MemoryKeyring())
        assert login(nobody, url + "/rest/", " ada ", PASSWORD, patience=QUICK) == "ada"
        assert PASSWORD not in nobody.path.read_text()
        with closing(Subsonic(nobody, cache, patience=QUICK)) as source:
            assert source.own_playlist("no such playlist") is None

    def test_without_a_keyring_it_is_said_that_none_can_be_kept(self, url, nobody, use_keyring):
        use_keyring(keyring.backends.fail.Keyring())
        with pytest.raises(LoginError, match="set SUBSONIC_PASSWORD"):
            login(nobody, url, "ada", PASSWORD, patience=QUICK)
        assert PASSWORD not in nobody.path.read_text()

    def test_a_wrong_password_is_kept_nowhere(self, url, nobody, use_keyring):
        use_keyring(MemoryKeyring())
        with pytest.raises(LoginError, match="does not know you"):
            login(nobody, url, "ada", "wr0ng-password", patience=QUICK)
        assert nobody.secret("password") is None and not nobody.path.exists()


def test_a_wrong_password_is_told(account, cache, monkeypatch):
    monkeypatch.setenv("SUBSONIC_PASSWORD", "wr0ng-password")
    with (
        closing(Subsonic(account, cache, patience=QUICK)) as source,
        pytest.raises(LoginError, match="affetto login subsonic") as caught,
    ):
        source.find("subsonic:")
    assert "wr0ng" not in str(caught.value)


def test_playlists_are_found_and_listed(api, songs, source, name):
    ids = [songs[f"Track {i}"]["id"] for i in (3, 1, 1)]
    api("createPlaylist", name=name, songId=ids)
    (found,) = source.find(f"subsonic:playlist/{name.upper()}")
    assert (found.name, found.n_tracks) == (name, 3)
    listed = list(source.tracks(found))
    assert [one.track.title for one in listed] == ["Track 3", "Track 1", "Track 1"]
    assert [one.track.artist for one in listed] == ["Artist 0", "Artist 1", "Artist 1"]
    assert [one.handle for one in listed] == ids
    assert all(one.features == {"duration_ms": 2000.0} for one in listed)
    assert name in [playlist.name for playlist in source.find("subsonic:")]


def test_an_empty_playlist_and_one_that_is_not_there(api, source, name):
    api("createPlaylist", name=name)
    (found,) = source.find(f"subsonic:playlist/{name}")
    assert list(source.tracks(found)) == []
    with pytest.raises(PlaylistError, match=f"nearest: '{name}'"):
        source.find(f"subsonic:playlist/{name}x")


def test_favourites(api, songs, source):
    api("star", id=songs["Track 4"]["id"])
    (found,) = source.find("subsonic:starred")
    assert [one.track.title for one in source.tracks(found)] == ["Track 4"]


def test_the_audio_is_the_file_itself(  # noqa: PLR0917
    api, songs, source, music, tmp_path, name
):
    api("createPlaylist", name=name, songId=[songs["Track 2"]["id"], songs["Track 5"]["id"]])
    (found,) = source.find(f"subsonic:playlist/{name}")
    for one, suffix in zip(source.tracks(found), (".flac", ".ogg"), strict=True):
        (original,) = music.rglob(f"*{one.track.title}{suffix}")
        fetched = source.fetch(one, tmp_path)
        assert fetched.suffix == suffix
        assert fetched.read_bytes() == original.read_bytes()


def test_the_file_on_this_machine_is_named_where_the_folder_is_known(  # noqa: PLR0917
    api, songs, account, cache, music, monkeypatch, name
):
    api("createPlaylist", name=name, songId=[songs["Track 2"]["id"]])
    monkeypatch.setenv("SUBSONIC_MUSIC_FOLDER", str(music))
    with closing(Subsonic(account, cache, patience=QUICK)) as source:
        (found,) = source.find(f"subsonic:playlist/{name}")
        (one,) = source.tracks(found)
    assert Path(one.path) == music / "Artist 2" / "Album 0" / "02 Track 2.flac"


def test_tracks_are_matched_by_file_and_by_name(songs, source, music):
    files = {path.stem.partition(" ")[2]: str(path) for path in music.rglob("*.*")}
    tracks = [Track(title="retagged"), Track(title="TRACK 4", artist="Artist 1"), Track(title="?")]
    found = source.match(tracks, [files["Track 3"], None, None])
    assert found == [songs["Track 3"]["id"], songs["Track 4"]["id"], None]


def test_playlists_are_written_once_and_kept_as_wanted(api, songs, source, name):
    ids = [songs[f"Track {i}"]["id"] for i in range(N_TRACKS)]
    assert source.own_playlist(name) is None
    source.create(name, ids)
    made = source.own_playlist(name)
    assert list(made.tracks) == ids
    source.replace(made, ids[::-1][:4])
    now = source.own_playlist(name)
    assert now.key == made.key and list(now.tracks) == ids[::-1][:4]
    told = api("getPlaylist", id=now.key)["playlist"]
    assert [song["id"] for song in told["entry"]] == ids[::-1][:4]
    source.replace(now, [])
    assert source.own_playlist(name).tracks == ()


def test_the_playlist_of_another_user_is_left_alone(api, songs, source, name):
    ids = [songs["Track 0"]["id"]]
    api("createPlaylist", user="bob", name=name, songId=ids)
    (theirs,) = [
        one for one in api("getPlaylists", user="bob")["playlists"]["playlist"]
        if one["name"] == name
    ]  # fmt: skip
    api("updatePlaylist", user="bob", playlistId=theirs["id"], public="true")
    assert source.own_playlist(name) is None


def test_a_second_run_asks_nothing(api, songs, account, tmp_path, name):
    api("createPlaylist", name=name, songId=[songs["Track 0"]["id"]])
    runs = []
    for _ in range(2):
        with (
            AnswerCache(tmp_path / "kept.sqlite") as kept,
            closing(Subsonic(account, kept, patience=QUICK)) as source,
        ):
            (found,) = source.find(f"subsonic:playlist/{name}")
            runs.append((list(source.tracks(found)), source.n_requests))
    assert runs[0][0] == runs[1][0]
    assert [n for _, n in runs] == [3, 0]
