"""What all music servers share: who is told, what is gone, what is written, what is secret."""

import logging
import sqlite3
import zlib
from contextlib import closing
from functools import partial

import pytest

from affetto.errors import (
    LoginError,
    OfflineError,
    PlaylistError,
    ServiceError,
    ServiceUnreachableError,
    UsageError,
)
from affetto.sources.cache import AnswerCache
from affetto.sources.contract import Listed
from affetto.tracks import Track
from services.base import Fault, failing, web_page
from services.case import SECRETS, entries, entries_of
from services.jellyfin_case import JellyfinCase
from services.subsonic_case import SubsonicCase

NAME = "affetto: Happy"
PASSWORD = SECRETS[0]
CASES = {
    "jellyfin": JellyfinCase,
    "subsonic": SubsonicCase,
    "old subsonic": partial(SubsonicCase, is_old=True),
}


@pytest.fixture(params=CASES)
def case(request, tmp_path, monkeypatch):
    made = CASES[request.param](tmp_path, monkeypatch)
    yield made
    made.close()


class TestWhoAsks:
    @pytest.mark.parametrize("missing", ["URL", "USER", "PASSWORD"])
    def test_what_is_missing_is_told_with_the_ways_to_it(self, case, cache, monkeypatch, missing):
        monkeypatch.delenv(case.variable(missing))
        ways = f"affetto login {case.name}.*{case.variable('URL')}"
        with pytest.raises(LoginError, match=ways):
            entries_of(case, cache, f"{case.name}:playlist/Calm")

    def test_an_address_that_is_none(self, case, cache, monkeypatch):
        monkeypatch.setenv(case.variable("URL"), "music.example.org")
        with pytest.raises(UsageError, match="https://"):
            case.open(cache)

    def test_a_server_that_is_not_there(self, case, cache, monkeypatch):
        monkeypatch.setenv(case.variable("URL"), "http://127.0.0.1:9")
        with pytest.raises(ServiceUnreachableError, match=r"127\.0\.0\.1:9"):
            entries_of(case, cache, f"{case.name}:playlist/Calm")


class TestLists:
    def test_ten_thousand(self, case, source):
        told = []
        (found,) = source.find(case.add_playlist("Long", 10_000))
        listed = list(source.tracks(found, lambda done, total: told.append((done, total))))
        assert [one.track.title for one in listed] == [f"Track {i}" for i in range(10_000)]
        assert told[0][0] == (case.page or 10_000) and told[-1] == (10_000, 10_000)

    def test_one_that_is_gone_is_asked_for_once(self, case, server, source):
        (found,) = source.find(case.add_playlist("Calm", 2))
        server.playlists.clear()
        for _ in range(2):
            with pytest.raises(PlaylistError, match="is gone"):
                list(source.tracks(found))
        assert sum(case.listing in path for path in server.paths()) == 1

    def test_one_that_may_not_be_read(self, case, server, source):
        (found,) = source.find(case.add_playlist("Calm", 2))
        server.faults.append(failing(403, path=case.listing))
        with pytest.raises(PlaylistError, match="may not be read"):
            list(source.tracks(found))


class TestWriting:
    @pytest.mark.parametrize("kind", ["close", "cut", "cut-chunked", "truncate"])
    def test_an_answer_that_breaks_off_makes_no_second_playlist(self, case, server, source, kind):
        tracks = [case.add_track(i) for i in range(130)]
        source.own_playlist(NAME)
        path = "/Playlists" if case.name == "jellyfin" else "createPlaylist"
        server.faults.append(Fault(kind, path=path, after=5))
        source.create(NAME, tracks)
        (key,) = server.named(NAME)
        assert case.tracks_of(key) == tracks and not server.faults

    def test_offline_writes_nothing(self, case, tmp_path):
        with (
            AnswerCache(tmp_path / "new.sqlite", offline=True) as cache,
            closing(case.open(cache)) as source,
        ):
            for write in (
                lambda: source.own_playlist(NAME),
                lambda: source.create(NAME, ["a"]),
                lambda: source.match([Track()], [None]),
                lambda: source.fetch(Listed(Track(), origin=case.name, handle="a"), tmp_path),
            ):
                with pytest.raises(OfflineError):
                    write()
        assert case.service.seen == []


def test_secrets_stand_nowhere(case, server, tmp_path, caplog, monkeypatch):
    caplog.set_level(logging.DEBUG)
    reference = case.add_playlist("Calm", 3)
    track = case.add_track(1)
    told = []
    with (
        AnswerCache(tmp_path / "kept.sqlite") as cache,
        closing(case.open(cache)) as source,
    ):
        entries(source, reference)
        source.create(NAME, [track])
        source.fetch(Listed(Track(), origin=case.name, handle=track), tmp_path)
        if case.name == "jellyfin":
            (token,) = server.tokens
            assert not any(token in f"{seen.path} {seen.query}" for seen in server.seen)
        else:
            token = source._wire._salted.token
            told.append(repr(vars(source._wire)))
        monkeypatch.setattr(cache, "get", lambda *_, **__: None)
        for fault in (Fault("close", times=99), failing(500, times=99), web_page(times=99)):
            server.faults.clear()
            server.faults.append(fault)
            with pytest.raises(ServiceError) as caught:
                entries(source, reference)
            told.append(repr(caught.value))
    db = sqlite3.connect(tmp_path / "kept.sqlite")
    for *words, value in db.execute("SELECT service, kind, key, value FROM answers"):
        told.append(f"{words} {zlib.decompress(value).decode() if value else ''}")
    db.close()
    text = " ".join(told) + caplog.text
    assert "127.0.0.1" in text and "receive_response_headers" in text
    for secret in (PASSWORD, PASSWORD.encode().hex(), token):
        assert secret not in text
