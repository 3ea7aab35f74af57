"""Jellyfin servers: users, tokens and keys, pages of entries, playlists that are written."""

from contextlib import closing
from dataclasses import replace
from urllib.parse import quote

import pytest

from affetto.errors import (
    LoginError,
    ServiceAnswerError,
    ServiceRefusedError,
)
from affetto.sources.contract import Listed
from affetto.sources.jellyfin import PAGE, Jellyfin, login
from affetto.tracks import Track
from services.base import Answer, Fault, failing, web_page
from services.case import QUICK, SECRETS, entries, entries_of
from services.jellyfin_case import JellyfinCase
from services.jellyfin_server import guid

PASSWORD, _, API_KEY = SECRETS
NAME = "affetto: Happy"


@pytest.fixture
def case(tmp_path, monkeypatch):
    made = JellyfinCase(tmp_path, monkeypatch)
    yield made
    made.close()


@pytest.fixture
def key(server, monkeypatch):
    """An API key in place of the password."""
    monkeypatch.delenv("JELLYFIN_PASSWORD")
    monkeypatch.setenv("JELLYFIN_API_KEY", API_KEY)
    server.keys.add(API_KEY)


class TestLogin:
    def test_the_token_is_kept_and_the_password_nowhere(self, case, server, account, cache):
        assert (
            login(account, f"{server.url}/web/#/home", " ADA ", PASSWORD, patience=QUICK) == "ada"
        )
        kept = account.kept()
        assert set(kept) == {"url", "user", "user_id", "token"}
        assert kept["url"] == server.url and server.tokens[kept["token"]] == kept["user_id"]
        assert PASSWORD not in account.path.read_text()
        assert account.path.stat().st_mode & 0o077 == 0
        server.seen.clear()
        assert len(entries_of(case, cache, case.add_playlist("Calm", 3))) == 3
        assert not any("Users" in path for path in server.paths())

    def test_nothing_is_kept_before_the_server_says_yes(self, server, account):
        with pytest.raises(LoginError, match="affetto login jellyfin"):
            login(account, server.url, "ada", "wr0ng", patience=QUICK)
        for fault in (web_page(), Fault("answer", answer=Answer({"User": {}}))):
            server.faults.append(fault)
            with pytest.raises(ServiceAnswerError):
                login(account, server.url, "ada", PASSWORD, patience=QUICK)
        assert account.kept() == {}

    def test_a_name_is_needed_a_password_is_not(self, server, account):
        with pytest.raises(LoginError, match="name"):
            login(account, server.url, " ", PASSWORD)
        server.add_user("guest", "")
        assert login(account, server.url, "guest", "", patience=QUICK) == "guest"

    def test_a_token_that_was_revoked(self, case, server, account, cache):
        login(account, server.url, "ada", PASSWORD, patience=QUICK)
        reference = case.add_playlist("Calm", 3)
        server.tokens.clear()
        with pytest.raises(LoginError, match=r"was the login revoked.*affetto login jellyfin"):
            entries_of(case, cache, reference)
        login(account, server.url, "ada", PASSWORD, patience=QUICK)
        assert len(entries_of(case, cache, reference)) == 3

    def test_a_kept_login_is_told_to_no_other_server(self, case, account, cache, monkeypatch):
        login(account, case.service.url, "ada", PASSWORD, patience=QUICK)
        monkeypatch.setenv("JELLYFIN_URL", "http://127.0.0.1:9")
        with (
            closing(case.open(cache)) as source,
            pytest.raises(LoginError, match="no login of ada"),
        ):
            source.find("jellyfin:")

    def test_a_password_of_the_environment_is_traded_once_a_run(self, case, server, cache):
        reference = case.add_playlist("Calm", 3)
        with closing(case.open(cache)) as source:
            entries(source, reference)
            source.own_playlist("Calm")
            assert source.n_requests == len(server.seen)
        assert server.paths().count("/Users/AuthenticateByName") == 1

    def test_runs_at_the_same_time_do_not_end_each_others_logins(
        self, case, server, account, cache, monkeypatch
    ):
        login(account, server.url, "ada", PASSWORD, patience=QUICK)
        (kept,) = server.tokens
        monkeypatch.setenv("JELLYFIN_PASSWORD", PASSWORD)
        with case.open(cache) as one, case.open(cache) as other:
            for source in (one, other, one):
                assert source.own_playlist("none") is None
            assert len(server.tokens) == 3
        assert set(server.tokens) == {kept}, "a login of the environment lasts as long as its run"

    def test_a_server_that_went_away_holds_up_no_end(self, case, server, cache):
        with case.open(cache) as source:
            source.own_playlist("none")
            server.faults.append(Fault("close", times=99))
            server.seen.clear()
        assert server.paths() == ["/Sessions/Logout"]

    def test_a_name_of_any_letters_stands_in_a_header(self, case, server, cache, monkeypatch):
        server.add_user('Zoë "Z", 日本', PASSWORD)
        monkeypatch.setenv("JELLYFIN_USER", 'Zoë "Z", 日本')
        with closing(case.open(cache)) as source:
            assert source.own_playlist("none") is None


class TestKeys:
    def test_the_user_is_found_by_name(self, case, server, cache, key):
        other = server.add_user("bob", "x")
        server.add_playlist("Bob's", [], owner=other)
        reference = case.add_playlist("Calm", 3)
        for n_asked in (1, 0):
            server.seen.clear()
            assert len(entries_of(case, cache, reference)) == 3
            assert server.paths().count("/Users") == n_asked
        with closing(case.open(cache)) as source:
            assert [found.name for found in source.find("jellyfin:")] == ["Calm"]

    def test_a_user_that_is_not_there(self, case, server, cache, key, monkeypatch):
        server.add_user("bob", "x")
        monkeypatch.setenv("JELLYFIN_USER", "eve")
        with pytest.raises(LoginError, match="no user 'eve'; set JELLYFIN_USER to one of ada, bob"):
            entries_of(case, cache, "jellyfin:playlist/Calm")

    def test_the_only_user_needs_no_name(self, case, cache, key, monkeypatch):
        monkeypatch.delenv("JELLYFIN_USER")
        assert len(entries_of(case, cache, case.add_playlist("Calm", 3))) == 3

    def test_of_several_users_one_must_be_named(self, case, server, cache, key, monkeypatch):
        server.add_user("bob", "x")
        monkeypatch.delenv("JELLYFIN_USER")
        with pytest.raises(LoginError, match=r"belongs to no user; set JELLYFIN_USER.*ada, bob"):
            entries_of(case, cache, "jellyfin:playlist/Calm")

    def test_a_users_own_token_tells_whose_it_is(self, case, server, cache, key, monkeypatch):
        bob = server.add_user("bob", "x")
        server.keys.clear()
        server.tokens[API_KEY] = bob
        server.add_playlist("Bob's", [server.add_item(1)], owner=bob)
        monkeypatch.delenv("JELLYFIN_USER")
        assert len(entries_of(case, cache, "jellyfin:playlist/Bob's")) == 1

    def test_a_wrong_key(self, case, server, cache, key):
        server.keys.clear()
        with pytest.raises(LoginError, match="affetto login jellyfin") as caught:
            entries_of(case, cache, "jellyfin:playlist/Calm")
        assert API_KEY not in str(caught.value)

    def test_a_key_can_make_a_playlist_but_not_change_it(self, case, server, cache, key):
        items = [server.add_item(i) for i in range(3)]
        with closing(case.open(cache)) as source:
            source.create(NAME, items)
            now = source.own_playlist(NAME)
            source.replace(now, items)  # nothing to change
            with pytest.raises(ServiceRefusedError, match=r"no API key.*affetto login jellyfin"):
                source.replace(now, items[:1])
        assert server.content(now.key) == items


class TestReferences:
    def test_all_playlists_but_those_of_videos(self, case, server, source):
        for i in range(PAGE + 3):
            server.add_playlist(f"List {i:03d}", [])
        server.add_playlist("Films", [], kind="Video")
        found = source.find("jellyfin:")
        assert [one.name for one in found] == [f"List {i:03d}" for i in range(PAGE + 3)]
        assert {one.n_tracks for one in found} == {0}
        assert server.paths().count("/Items") == 2

    def test_by_id_and_by_name(self, server, source):
        key = server.add_playlist("Rock / Pop 50%", [])
        for reference in (key, "rock / pop 50%", "Rock%20%2F%20Pop%2050%25"):
            (found,) = source.find(f"jellyfin:playlist/{reference}")
            assert found.name == "Rock / Pop 50%"

    @pytest.mark.parametrize("word", ["favourites", "favorites", "Favourites", "starred"])
    def test_favourites(self, server, source, word):
        server.favourites = [server.add_item(i) for i in range(PAGE + 1)]
        listed = entries(source, f"jellyfin:{word}")
        assert [one.track.title for one in listed] == [f"Track {i}" for i in range(PAGE + 1)]


class TestEntries:
    def test_all_that_is_told(self, server, source):
        item = server.add_item(
            1, Artists=["A", "B"], ProviderIds={"Isrc": "de-aaa-26-00001", "X": None}
        )
        server.add_playlist("Calm", [item])
        (one,) = entries(source, "jellyfin:playlist/Calm")
        assert one == Listed(
            Track(f"jellyfin:item/{item}", "DEAAA2600001", "Track 1", "A, B", "Album 0"),
            features={"duration_ms": 180_001.0},
            origin="jellyfin",
            handle=item,
        )

    def test_the_file_where_it_is_here(self, server, source, tmp_path):
        (tmp_path / "a.wav").touch()
        here, gone = (
            server.add_item(i, Path=str(tmp_path / name)) for i, name in enumerate(("a.wav", "b"))
        )
        server.add_playlist("Calm", [here, gone])
        listed = entries(source, "jellyfin:playlist/Calm")
        assert [one.path for one in listed] == [str(tmp_path / "a.wav"), None]

    @pytest.mark.parametrize("kind", ["MusicVideo", "Movie", "AudioBook", None])
    def test_what_is_no_music_is_said_to_be_none(self, server, source, kind):
        server.add_playlist("Mixed", [server.add_item(1, Type=kind), server.add_item(2)])
        odd, one = entries(source, "jellyfin:playlist/Mixed")
        assert odd.problem.startswith("no music") and odd.handle is None
        assert one.problem is None

    @pytest.mark.parametrize(
        "more",
        [
            {"Artists": None, "ProviderIds": None, "RunTimeTicks": None, "MediaSources": None},
            {"Artists": "A", "ProviderIds": [], "RunTimeTicks": "long", "MediaSources": {}},
            {"Artists": [None], "ProviderIds": {"Isrc": 7}, "RunTimeTicks": True},
            {"Artists": [{}], "RunTimeTicks": -5, "MediaSources": [None], "Album": {}},
        ],
    )
    def test_fields_of_another_shape_are_left_out(self, server, source, more):
        server.add_playlist("Calm", [server.add_item(1, **more)])
        (one,) = entries(source, "jellyfin:playlist/Calm")
        assert one.problem is None and one.features == {} and one.track.isrc is None

    def test_entries_of_no_shape_take_nothing_with_them(self, case, server, source):
        (found,) = source.find(case.add_playlist("Calm", 2))
        told = [None, "text", {}, {"Id": "x", "Type": "Audio", "Name": "\udfff Track"}]
        body = {"Items": told, "TotalRecordCount": 4}
        server.faults.append(Fault("answer", answer=Answer(body)))
        *odd, one = source.tracks(found)
        assert all(each.problem for each in odd) and one.track.title == "? Track"

    def test_a_server_that_gives_less_at_once(self, case, server, source, monkeypatch):
        whole = server.page

        def page(seen, *more):
            return whole(replace(seen, query={**seen.query, "Limit": ["7"]}), *more)

        monkeypatch.setattr(server, "page", page)
        listed = entries(source, case.add_playlist("Calm", 20))
        assert [one.track.title for one in listed] == [f"Track {i}" for i in range(20)]

    @pytest.mark.parametrize("total", [None, 10**9, "many", -1])
    def test_a_server_that_knows_no_pages_is_not_asked_for_ever(self, case, server, source, total):
        (found,) = source.find(case.add_playlist("Calm", 1))
        body = {"Items": [server.item(server.add_item(1), ())], "TotalRecordCount": total}
        server.faults.append(Fault("answer", answer=Answer(body), times=99))
        assert len(list(source.tracks(found))) == 1

    @pytest.mark.parametrize("body", [[], {}, {"Items": None}, "text", {"subsonic-response": {}}])
    def test_json_of_another_server(self, server, source, body):
        server.faults.append(Fault("answer", answer=Answer(body), path="/Items"))
        with pytest.raises(ServiceAnswerError, match="another kind of server"):
            source.find("jellyfin:")


class TestAudio:
    def one(self, item):
        return Listed(Track(title="Blue"), origin="jellyfin", handle=item)

    @pytest.mark.parametrize(
        ("more", "suffix"),
        [
            ({}, ".wav"),
            ({"Path": "/m/a.FLAC"}, ".flac"),
            ({"Path": None, "Container": "ogg"}, ".ogg"),
            ({"Path": None, "Container": "mov,mp4", "MediaSources": [{"Path": "x.m4a"}]}, ".m4a"),
            ({"Path": None, "Container": None}, ""),
        ],
    )
    def test_it_is_the_file_with_its_ending(self, server, source, tmp_path, more, suffix):
        item = server.add_item(1, **more)
        fetched = source.fetch(self.one(item), tmp_path)
        assert fetched.name == f"{item}{suffix}"
        assert fetched.read_bytes() == server.audio(item)

    def test_who_may_not_download_may_listen(self, server, source, tmp_path):
        server.may_download = False
        item = server.add_item(1)
        assert source.fetch(self.one(item), tmp_path).read_bytes() == server.audio(item)
        assert server.seen[-1].query == {"static": ["true"]}

    def test_one_that_is_gone(self, server, source, tmp_path):
        with pytest.raises(ServiceRefusedError, match="404"):
            source.fetch(self.one(guid("none")), tmp_path)
        assert not list(tmp_path.glob("*.wav*"))

    def test_a_login_that_was_revoked(self, server, source, tmp_path):
        item = server.add_item(1)
        source.own_playlist("none")
        server.tokens.clear()
        for _ in range(2):
            with pytest.raises(LoginError, match="affetto login jellyfin"):
                source.fetch(self.one(item), tmp_path)

    def test_an_id_is_no_path(self, server, source, tmp_path):
        handle = "../x y"
        server.faults.append(Fault("answer", answer=Answer(b"RIFF", kind="audio/wav"), skip=2))
        fetched = source.fetch(self.one(handle), tmp_path)
        assert fetched.parent == tmp_path
        assert server.seen[-1].path == f"/Items/{quote(handle, safe='')}/Download"


class TestWriting:
    def items(self, server, n):
        return [server.add_item(i) for i in range(n)]

    def test_a_new_playlist_is_the_users_alone(self, case, server, source):
        source.create(NAME, self.items(server, 3))
        (key,) = server.named(NAME)
        assert server.playlists[key]["owner"] == case.user
        assert not server.playlists[key]["is_public"]

    @pytest.mark.parametrize("takes_twice", [False, True])
    @pytest.mark.parametrize("kind", ["close", "slow"])
    @pytest.mark.parametrize("skip", range(7))
    def test_a_change_that_breaks_off_anywhere_is_brought_to_its_end(  # noqa: PLR0917
        self, case, server, cache, takes_twice, kind, skip
    ):
        server.takes_twice = takes_twice
        items = self.items(server, 230)
        server.add_playlist(NAME, items[:150])
        wanted = [*items[100:], *items[:20]]
        quick = replace(QUICK, timeout_s=0.05)
        with closing(Jellyfin(case.account(), cache, patience=quick)) as source:
            now = source.own_playlist(NAME)
            server.faults.append(Fault(kind, path="/Playlists/", skip=skip, seconds=0.2))
            source.replace(now, wanted)
        assert server.content(now.key) == wanted

    @pytest.mark.parametrize("takes_twice", [False, True])
    def test_a_track_stands_once(self, server, source, takes_twice):
        server.takes_twice = takes_twice
        one, two = self.items(server, 2)
        source.create(NAME, [one, two, one])
        now = source.own_playlist(NAME)
        assert now.tracks == (one, two)
        server.append(now.key, [one, one], anything=True)
        source.replace(now, [two, one, two])
        assert server.content(now.key) == [two, one]

    def test_a_track_that_is_gone_is_told(self, server, source):
        items = self.items(server, 3)
        server.add_playlist(NAME, items)
        now = source.own_playlist(NAME)
        for write in (
            lambda: source.replace(now, [guid("gone"), items[0]]),
            lambda: source.create("affetto: Dark", [guid("gone"), items[0]]),
        ):
            with pytest.raises(ServiceRefusedError, match=r"took 1 of 2 tracks.*--refresh"):
                write()

    @pytest.mark.parametrize("takes_twice", [False, True])
    def test_what_is_right_up_to_a_change_is_left(self, server, source, takes_twice):
        server.takes_twice = takes_twice
        items = self.items(server, 6)
        key = server.add_playlist(NAME, items[:4])
        source.replace(source.own_playlist(NAME), [*items[:2], items[5], items[3]])
        assert server.content(key) == [*items[:2], items[5], items[3]]
        (gone,) = (seen.first("entryIds") for seen in server.seen if seen.method == "DELETE")
        assert gone.split(",") == items[2:4]

    def test_what_is_right_is_not_written_again(self, server, source):
        items = self.items(server, 3)
        server.add_playlist(NAME, items)
        source.replace(source.own_playlist(NAME), items)
        assert all(seen.method == "GET" for seen in server.seen[1:])

    def test_an_administrator_leaves_the_playlists_of_others_alone(self, case, server, source):
        server.users[case.user]["is_admin"] = True
        other = server.add_user("bob", "x")
        server.add_playlist(NAME, self.items(server, 2), owner=other, is_public=True)
        assert source.own_playlist(NAME) is None

    def test_an_older_server_tells_not_who_shares_a_playlist(self, server, source):
        server.add_playlist(NAME, self.items(server, 2))
        server.faults.append(failing(404, path="/Users", skip=1, times=9))
        assert len(source.own_playlist(NAME).tracks) == 2

    def test_a_server_out_of_order_is_not_taken_for_an_older_one(self, server, source):
        server.add_playlist(NAME, self.items(server, 2))
        server.faults.append(failing(502, path="/Users", skip=1, times=9))
        with pytest.raises(ServiceRefusedError):
            source.own_playlist(NAME)

    def test_the_catalogue_is_read_once_a_day(self, case, server, cache):
        items = self.items(server, 1_100)
        tracks = [Track(title="Track 1099", artist="Artist 0"), Track(title="?"), Track()]
        tracks.append(Track(id=f"jellyfin:item/{items[7]}"))
        for n_asked in (3, 0):
            server.seen.clear()
            with closing(case.open(cache)) as source:
                found = source.match(tracks, [None] * 4)
                assert found == [items[1_099], None, None, items[7]]
            assert server.paths().count("/Items") == n_asked
