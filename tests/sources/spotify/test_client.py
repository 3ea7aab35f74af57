"""Spotify: what it lists, tells and takes, over HTTP from a local server that behaves like it."""

import logging
import sqlite3
import threading
import time
import zlib
from dataclasses import replace

import pytest

from affetto.errors import (
    LoginError,
    OfflineError,
    PlaylistError,
    ServiceAnswerError,
    ServiceBusyError,
    ServiceError,
    ServiceRefusedError,
    ServiceUnreachableError,
    UsageError,
)
from affetto.sources.accounts import Account
from affetto.sources.cache import AnswerCache
from affetto.sources.contract import FeatureSource, Listed, PlaylistSource, PlaylistTarget
from affetto.sources.spotify.client import SpotifyClient
from affetto.sources.spotify.shapes import listed, read_reference, reduced_entry
from affetto.tracks import Track, first_artist
from services.base import Answer, Fault, busy, failing, web_page
from services.case import QUICK
from services.spotify_case import SpotifyCase, log_in, no_login
from services.spotify_server import (
    CLIENT_ID,
    CLIENT_SECRET,
    SpotifyServer,
    episode,
    error,
    isrc,
    local_file,
    track,
    track_id,
)

SOME = "37i9dQZF1DX3rxVfibe1L0"


@pytest.fixture
def case(tmp_path, monkeypatch):
    one = SpotifyCase(tmp_path, monkeypatch)
    yield one
    one.close()


@pytest.fixture
def server(case):
    return case.service


@pytest.fixture
def cache(tmp_path):
    with AnswerCache(tmp_path / "answers.sqlite") as kept:
        yield kept


@pytest.fixture
def client(case, cache):
    one = case.open(cache)
    yield one
    one.close()


@pytest.fixture
def app_only(server, cache, tmp_path, monkeypatch):
    """A client with an app's id and secret, and no user."""
    monkeypatch.setenv("SPOTIFY_CLIENT_ID", CLIENT_ID)
    monkeypatch.setenv("SPOTIFY_CLIENT_SECRET", CLIENT_SECRET)
    one = SpotifyClient(Account("spotify", tmp_path / "nobody"), cache, patience=QUICK)
    yield one
    one.close()


def entries_of(client, reference):
    return [one for found in client.find(reference) for one in client.tracks(found)]


def titles(entries):
    return [one.track.title for one in entries]


def named(first, last):
    return [f"Track {i}" for i in range(first, last)]


def tracks(first, last):
    return [track(i) for i in range(first, last)]


def test_it_is_what_the_contract_asks_for(client):
    assert isinstance(client, PlaylistSource)
    assert isinstance(client, FeatureSource)
    assert isinstance(client, PlaylistTarget)


class TestReferences:
    @pytest.mark.parametrize(
        "text",
        [
            f"spotify:playlist:{SOME}",
            f"spotify:user:anna example:playlist:{SOME}",
            f"spotify:playlist/{SOME}",
            f"https://open.spotify.com/playlist/{SOME}",
            f"https://open.spotify.com/playlist/{SOME}?si=0a1b2c&pi=x",
            f"https://open.spotify.com/intl-de/playlist/{SOME}?si=0a1b2c",
            f"https://open.spotify.com/intl-pt-BR/playlist/{SOME}",
            f"http://open.spotify.com/user/anna/playlist/{SOME}/",
            f"open.spotify.com/embed/playlist/{SOME}#top",
            f"  spotify:playlist:{SOME}\n",
        ],
    )
    def test_all_ways_to_write_an_id_mean_the_same(self, text):
        reference = read_reference(text)
        assert (reference.kind, reference.value) == ("id", SOME)

    def test_names_saved_tracks_and_all(self):
        assert read_reference("spotify:playlist/Rainy days").value == "Rainy days"
        assert read_reference("spotify:playlist/Rainy days").kind == "name"
        assert read_reference("spotify:saved").kind == "saved"
        assert read_reference("https://open.spotify.com/collection/tracks").kind == "saved"
        assert read_reference("spotify:").kind == "all"

    def test_a_name_of_22_letters_is_a_name(self):
        assert read_reference("spotify:playlist/Abcdefghijklmnopqrstuv").kind == "name"

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            (f"spotify:album:{SOME}", "is an album, not a playlist"),
            (f"spotify:artist:{SOME}", "is an artist, not a playlist"),
            (f"https://open.spotify.com/track/{SOME}?si=1", "is a track, not a playlist"),
            (f"https://open.spotify.com/intl-de/album/{SOME}", "is an album"),
            ("spotify:playlist:short", "22 letters and digits"),
            ("https://open.spotify.com/playlist/", "22 letters and digits"),
            ("spotify:playlist/", "without a name"),
            ("https://spotify.link/abcdef", "a short link: open it"),
            ("https://example.org/playlist/x", "no playlist of Spotify"),
            ("", "no playlist of Spotify"),
        ],
    )
    def test_what_is_no_playlist_is_said_before_anything_is_asked(self, client, server, text, told):
        with pytest.raises(PlaylistError, match=told):
            client.find(text)
        assert server.seen == []


class TestFinding:
    def test_by_name_of_ones_own(self, client, server):
        key = server.add_playlist("Rainy days", tracks(0, 2))
        server.add_playlist("Rainy days", tracks(5, 6), owner="bert")
        (found,) = client.find("spotify:playlist/Rainy days")
        assert (found.key, found.name, found.n_tracks) == (key, "Rainy days", 2)

    def test_case_and_accents_do_not_matter_unless_they_tell_apart(self, client, server):
        lower = server.add_playlist("été", [])
        (found,) = client.find("spotify:playlist/ETE")
        assert found.key == lower
        upper = server.add_playlist("ETE", [])
        with AnswerCache(":memory:") as fresh:
            client._lists._cache = fresh
            assert client.find("spotify:playlist/ETE")[0].key == upper
            assert client.find("spotify:playlist/été")[0].key == lower

    def test_a_miss_names_the_nearest(self, client, server):
        for name in ("Rainy days", "Sunny days", "Heavy metal"):
            server.add_playlist(name, [])
        with pytest.raises(PlaylistError, match="'Rainy day'; the nearest: 'Rainy days'") as caught:
            client.find("spotify:playlist/Rainy day")
        assert "Heavy" not in str(caught.value)
        assert "--refresh" in str(caught.value)  # the list is one of today, perhaps of this morning

    def test_several_of_a_name_are_told_with_their_ids(self, client, server):
        keys = [server.add_playlist("Twin", []) for _ in range(2)]
        with pytest.raises(PlaylistError, match=f"2 playlists .*{keys[0]}.*{keys[1]}"):
            client.find("spotify:playlist/Twin")

    def test_all_of_ones_own_and_those_one_works_on(self, client, server):
        own = [server.add_playlist(f"List {i}", []) for i in range(60)]  # two pages
        shared = server.add_playlist("Together", [], owner="bert", collaborative=True)
        server.add_playlist("Followed", [], owner="bert")
        assert [one.key for one in client.find("spotify:")] == [*own, shared]

    def test_nobody_has_none(self, client):
        with pytest.raises(PlaylistError, match="no playlists of your own"):
            client.find("spotify:")

    def test_saved_tracks(self, client, server):
        server.saved["anna"] = tracks(0, 70)
        (found,) = client.find("spotify:saved")
        assert found.name == "Liked Songs"
        assert titles(client.tracks(found)) == named(0, 70)

    def test_the_old_shape_counts_tracks_under_another_name(self, client, server):
        server.shape = "track"
        key = server.add_playlist("Old", tracks(0, 3))
        (found,) = client.find(f"spotify:playlist:{key}")
        assert found.n_tracks == 3
        assert titles(client.tracks(found)) == named(0, 3)

    def test_one_that_is_not_there(self, client):
        with pytest.raises(PlaylistError, match=r"no playlist 9{22}: it was deleted or is private"):
            client.find(f"spotify:playlist:{'9' * 22}")

    def test_one_of_somebody_else_is_explained(self, client, server):
        key = server.add_playlist("Bert's", tracks(0, 3), owner="bert")
        (found,) = client.find(f"spotify:playlist:{key}")
        with pytest.raises(PlaylistError, match=r"since 2026 .*own or collaborate on.*Exportify"):
            list(client.tracks(found))

    def test_one_of_somebody_else_that_is_shared_is_listed(self, client, server):
        key = server.add_playlist("Ours", tracks(0, 3), owner="bert", collaborative=True)
        assert titles(entries_of(client, f"spotify:playlist:{key}")) == named(0, 3)

    def test_a_user_who_is_not_registered_with_the_app_is_told_so(self, client, server):
        server.registered = False
        with pytest.raises(ServiceRefusedError, match="not among the users of the app"):
            client.find(f"spotify:playlist:{server.add_playlist('Mine', [])}")


class TestListing:
    def test_what_is_told_of_a_track(self, client, server):
        key = server.add_playlist("One", tracks(3, 4))
        (one,) = entries_of(client, f"spotify:playlist:{key}")
        assert one == Listed(
            Track(track_id(3), isrc(3), "Track 3", "Artist 3", "Album 3"),
            {"duration_ms": 180_003.0},
            origin="spotify",
        )

    @pytest.mark.parametrize("shape", ["item", "track"])
    def test_entries_that_are_no_tracks_say_why(self, client, server, shape):
        server.shape = shape
        items = [track(0), None, episode(1), local_file("Demo tape"), track(4), None]
        key = server.add_playlist("Mixed", items)
        found = entries_of(client, f"spotify:playlist:{key}")
        assert [one.problem is None for one in found] == [True, False, False, False, True, False]
        assert "no longer" in found[1].problem
        assert "episode" in found[2].problem
        assert "somebody's own" in found[3].problem
        assert found[3].track.title == "Demo tape"
        assert (found[3].track.artist, found[3].track.album) == (None, None)

    @pytest.mark.parametrize(
        "entry",
        [
            None,
            7,
            {},
            {"item": None, "track": None},
            {"item": None, "track": True},
            {"item": {"type": "track", "id": None, "name": "Gone"}},
            {"item": {"type": "track", "id": "", "artists": None, "album": 3}},
        ],
    )
    def test_no_entry_breaks_the_list(self, entry):
        assert "no longer" in listed(reduced_entry(entry)).problem

    def test_an_entry_in_both_shapes_counts_once(self):
        both = reduced_entry({"item": track(1), "track": track(2)})
        assert both["title"] == "Track 1"

    def test_a_length_that_is_none_is_left_out(self):
        for length in (0, -1, None, "180000", True):
            assert listed(reduced_entry({"item": track(1, duration_ms=length)})).features == {}

    def test_a_comma_in_a_name_is_told_from_one_between_names(self, client, server):
        artists = [{"name": "Tyler, The Creator"}, {"name": "Kali Uchis"}, {"name": ""}, {}]
        key = server.add_playlist("Commas", [track(0, artists=artists)])
        (one,) = entries_of(client, f"spotify:playlist:{key}")
        assert one.track.artist == "Tyler\\, The Creator, Kali Uchis"
        assert first_artist(one.track.artist) == "Tyler, The Creator"

    def test_a_track_replaced_in_the_users_country_keeps_the_id_it_was_added_by(self):
        replaced = track(8, linked_from={"id": track_id(1), "type": "track"})
        assert listed(reduced_entry({"item": replaced})).track.id == track_id(1)

    def test_the_same_track_twice_is_listed_twice(self, client, server):
        key = server.add_playlist("Twice", [track(1)] * 130)  # pages that are all alike
        assert titles(entries_of(client, f"spotify:playlist:{key}")) == ["Track 1"] * 130

    def test_progress(self, client, server):
        key = server.add_playlist("Long", tracks(0, 120))
        told = []
        (found,) = client.find(f"spotify:playlist:{key}")
        list(client.tracks(found, lambda done, total: told.append((done, total))))
        assert told == [(50, 120), (100, 120), (120, 120)]

    def test_ten_thousand_entries_are_asked_for_once(self, case, server, cache, client):
        key = server.add_playlist("Endless", tracks(0, 10_000))
        assert titles(entries_of(client, f"spotify:playlist:{key}")) == named(0, 10_000)
        assert len(server.asked("/items")) == 200
        asked = len(server.seen)
        assert client.n_requests == asked
        again = case.open(cache)
        assert titles(entries_of(again, f"spotify:playlist:{key}")) == named(0, 10_000)
        assert (again.n_requests, len(server.seen)) == (0, asked)
        again.close()

    @pytest.mark.parametrize("n_pages", [0, 1, 3])
    def test_a_run_broken_off_goes_on_from_the_page_it_had_not(
        self, case, server, cache, client, n_pages
    ):
        key = server.add_playlist("Long", tracks(0, 230))
        server.faults.append(Fault("close", path="/items", times=99, skip=n_pages))
        with pytest.raises(ServiceUnreachableError):
            entries_of(client, f"spotify:playlist:{key}")
        server.faults.clear()
        server.seen.clear()
        again = case.open(cache)
        assert titles(entries_of(again, f"spotify:playlist:{key}")) == named(0, 230)
        asked = [int(seen.first("offset")) for seen in server.seen]
        assert asked == [50 * page for page in range(n_pages, 5)]
        again.close()


class TestListsThatChange:
    """A playlist may change while it is listed, and a server may be wrong about its own."""

    def list(self, client, key):
        return entries_of(client, f"spotify:playlist:{key}")

    def change_at(self, server, key, offset, items):
        """Give the playlist other items as soon as the page at `offset` is asked for."""

        def total(asked):
            if asked == offset:
                server.playlists[key]["items"][:] = items
            return len(server.playlists[key]["items"])

        server.told_total[key] = total

    def test_what_was_added_meanwhile_is_listed(self, client, server):
        key = server.add_playlist("Grows", tracks(0, 100))
        self.change_at(server, key, 50, tracks(0, 170))
        assert titles(self.list(client, key)) == named(0, 170)

    def test_what_was_removed_meanwhile_takes_nothing_else_with_it(self, case, client, server):
        key = server.add_playlist("Shrinks", tracks(0, 150))
        self.change_at(server, key, 50, tracks(20, 150))  # the first 20 are gone
        got = titles(self.list(client, key))
        assert set(got) == set(named(0, 150))  # 0–19 were listed before they went
        again = case.open(client._cache)
        assert titles(self.list(again, key)) == got
        again.close()

    def test_after_a_step_back_a_kept_page_of_before_does_not_count(self, case, server, cache):
        key = server.add_playlist("Shrinks", tracks(0, 200))
        server.faults.append(Fault("close", path="/items", times=99, skip=2))
        first = case.open(cache)
        with pytest.raises(ServiceUnreachableError):
            self.list(first, key)
        first.close()
        server.faults.clear()
        del server.playlists[key]["items"][:50]  # between two runs: a whole page
        again = case.open(cache)
        assert set(titles(self.list(again, key))) == set(named(0, 200))
        again.close()

    def test_one_emptied_meanwhile_ends(self, client, server):
        key = server.add_playlist("Empties", tracks(0, 100))
        self.change_at(server, key, 50, [])
        assert titles(self.list(client, key)) == named(0, 50)

    @pytest.mark.parametrize("told", [0, 10, 119, 121, 100_000])
    def test_a_wrong_total_loses_nothing_and_ends(self, client, server, told):
        key = server.add_playlist("Miscounted", tracks(0, 120))
        server.told_total[key] = lambda offset: told
        server.always_next = True
        assert titles(self.list(client, key)) == named(0, 120)
        assert len(server.asked("/items")) <= 4

    def test_pages_smaller_than_were_asked_for_lose_nothing(self, client, server):
        key = server.add_playlist("Small", tracks(0, 130))
        server.most_a_page = 20
        assert titles(self.list(client, key)) == named(0, 130)
        assert len(server.asked("/items")) == 7

    def test_a_next_page_that_never_ends_ends(self, client, server):
        key = server.add_playlist("Always", tracks(0, 100))
        server.always_next = True
        assert titles(self.list(client, key)) == named(0, 100)

    @pytest.mark.parametrize("low", [119, 101, 60, 1])
    def test_a_total_that_jumps_about_ends(self, client, server, low):
        key = server.add_playlist("Jumps", tracks(0, 120))
        jumps = iter([120, low] * 50)
        server.told_total[key] = lambda offset: next(jumps)
        got = set(titles(self.list(client, key)))
        assert got >= set(named(0, min(low, 120)))
        assert len(server.asked("/items")) < 12

    def test_a_page_other_than_was_asked_for_is_refused(self, client, server):
        key = server.add_playlist("Stuck", tracks(0, 200))
        first = {"items": [{"item": track(0)}] * 50, "total": 200, "offset": 0, "next": "x"}
        server.faults.append(Fault("answer", path="/items", times=99, answer=Answer(first)))
        with pytest.raises(ServiceAnswerError, match="from entry 0 where 50 was asked for"):
            self.list(client, key)

    def test_a_page_that_comes_again_and_again_is_listed_once(self, client, server):
        key = server.add_playlist("Echo", tracks(0, 50))
        first = {"items": [{"item": track(i)} for i in range(50)], "total": 50, "next": "x"}
        server.faults.append(Fault("answer", path="/items", times=99, answer=Answer(first)))
        assert titles(self.list(client, key)) == named(0, 50)
        assert len(server.asked("/items")) == 2

    def test_a_list_without_end_is_given_up(self, client, server, monkeypatch):
        monkeypatch.setattr("affetto.sources.spotify.lists._MOST_PAGES", 6)
        key = server.add_playlist("Liar", tracks(0, 1_000))
        with pytest.raises(ServiceAnswerError, match="does not end after 300 entries"):
            self.list(client, key)


class TestTokens:
    def test_an_expired_one_is_renewed_before_it_is_used(self, case, server, cache):
        key = server.add_playlist("Mine", tracks(0, 1))
        log_in(case.account, server, expires_at=int(time.time()) + 30)
        before = case.account.kept()["token"]
        client = case.open(cache)
        assert titles(entries_of(client, f"spotify:playlist:{key}")) == ["Track 0"]
        assert server.paths()[0] == "/api/token"
        assert len(server.asked("/api/token")) == 1
        after = case.account.kept()["token"]
        assert after["access_token"] != before["access_token"]
        assert after["refresh_token"] != before["refresh_token"]
        assert (after["user_id"], after["client_id"]) == ("anna", CLIENT_ID)
        client.close()

    def test_one_that_our_clock_takes_for_good_is_renewed_once_it_is_refused(
        self, case, server, client
    ):
        # Kept while the clock was a year ahead: it seems to count for a year.
        log_in(case.account, server, expires_at=int(time.time()) + 31_536_000)
        server.expire_all()
        key = server.add_playlist("Mine", tracks(0, 1))
        assert titles(entries_of(client, f"spotify:playlist:{key}")) == ["Track 0"]
        assert len(server.asked("/api/token")) == 1

    def test_one_that_ends_in_mid_list_is_renewed(self, server, client):
        key = server.add_playlist("Long", tracks(0, 150))
        (found,) = client.find(f"spotify:playlist:{key}")
        listing = client.tracks(found)
        got = [next(listing) for _ in range(50)]
        server.expire_all()
        assert titles([*got, *listing]) == named(0, 150)

    def test_a_login_taken_back_says_so_and_is_forgotten(self, case, server, client):
        server.revoke_all()
        key = server.add_playlist("Mine", tracks(0, 1))
        with pytest.raises(LoginError, match=r"no longer accepts.*affetto login spotify") as caught:
            client.find(f"spotify:playlist:{key}")
        assert "refresh-" not in str(caught.value)
        assert "token" not in case.account.kept()
        assert case.account.kept()["client_id"] == CLIENT_ID

    def test_one_renewed_by_another_process_is_taken_over(self, case, server, cache):
        key = server.add_playlist("Mine", tracks(0, 1))
        first, second = case.open(cache), case.open(cache)
        first.find(f"spotify:playlist:{key}")
        assert second.account_key == "spotify anna"
        server.expire_all()
        assert titles(entries_of(first, f"spotify:playlist:{key}")) == ["Track 0"]
        other = server.add_playlist("Other", tracks(1, 2))
        assert titles(entries_of(second, f"spotify:playlist:{other}")) == ["Track 1"]
        assert len(server.asked("/api/token")) == 1
        first.close()
        second.close()

    def test_a_refresh_lost_to_another_process_is_no_end(self, case, server, client):
        key = server.add_playlist("Mine", tracks(0, 1))
        assert client.account_key
        server.expire_all()
        used = case.account.kept()["token"]
        del server.refresh[used["refresh_token"]]
        answer = server._no("invalid_grant", "Refresh token revoked")

        class Meanwhile(Answer):
            def raw(self):
                log_in(case.account, server)  # another process is faster
                return super().raw()

        server.faults.append(Fault("answer", path="/api/token", answer=Meanwhile(answer.body, 400)))
        assert titles(entries_of(client, f"spotify:playlist:{key}")) == ["Track 0"]

    def test_two_that_renew_at_once_both_go_on_and_the_login_stays(self, case, server, cache):
        key = server.add_playlist("Mine", tracks(0, 1))
        log_in(case.account, server, expires_at=1)
        # One's answer is on its way while the other asks: each refresh token counts once.
        server.faults.append(Fault("slow", path="/api/token", seconds=0.3))
        both, found = [case.open(cache), case.open(cache)], []
        threads = [
            threading.Thread(
                target=lambda one=one: found.extend(one.find(f"spotify:playlist:{key}"))
            )
            for one in both
        ]
        for thread in threads:
            thread.start()
            time.sleep(0.1)
        for thread in threads:
            thread.join()
        assert [one.name for one in found] == ["Mine", "Mine"]
        assert len(server.asked("/api/token")) == 1
        assert case.account.kept()["token"]["user_id"] == "anna"
        for one in both:
            one.close()

    def test_another_user_who_logs_in_meanwhile_is_not_asked_for(self, case, server, client):
        server.saved = {"anna": tracks(0, 1), "bert": tracks(7, 8)}
        assert client.account_key == "spotify anna"
        server.expire_all()
        log_in(case.account, server, "bert")
        (found,) = client.find("spotify:saved")
        for _ in range(2):
            with pytest.raises(LoginError, match="another login to Spotify was made"):
                list(client.tracks(found))
        assert case.account.kept()["token"]["user_id"] == "bert"

    def test_a_logout_meanwhile_is_not_undone(self, case, server, client):
        assert client.account_key
        case.account.forget()
        server.expire_all()
        for _ in range(2):
            with pytest.raises(LoginError, match="taken away while this ran"):
                client.find(f"spotify:playlist:{SOME}")
        assert case.account.kept() == {}
        assert not server.asked("/api/token")

    def test_an_app_that_is_gone_is_not_offered_again(self, case, server, client):
        server.expire_all()
        no = server._no("invalid_client", "Invalid client")
        server.faults.append(Fault("answer", path="/api/token", answer=no))
        with pytest.raises(LoginError, match=r"no longer accepts.*invalid_client"):
            client.find(f"spotify:playlist:{SOME}")
        assert case.account.kept() == {}

    def test_one_that_allows_too_little_is_refused_without_asking(self, case, server, client):
        log_in(case.account, server, scope="playlist-read-private")
        with pytest.raises(LoginError, match=r"allows less than affetto needs.*affetto login"):
            client.find("spotify:saved")
        assert server.seen == []

    def test_no_login_at_all_names_the_ways(self, server, cache, tmp_path):
        client = SpotifyClient(Account("spotify", tmp_path / "nobody"), cache, patience=QUICK)
        with pytest.raises(LoginError, match="there is no login") as caught:
            client.find(f"spotify:playlist:{SOME}")
        for way in ("affetto login spotify", "Premium", "Exportify"):
            assert way in str(caught.value)
        assert server.seen == []
        client.close()

    def test_a_hiccup_of_the_login_is_waited_for(self, case, server, cache):
        key = server.add_playlist("Mine", tracks(0, 1))
        log_in(case.account, server, expires_at=1)
        server.faults.extend([failing(503, path="token"), busy(0, path="token")])
        client = case.open(cache)
        assert titles(entries_of(client, f"spotify:playlist:{key}")) == ["Track 0"]
        client.close()

    @pytest.mark.parametrize(
        "body",
        [{}, {"access_token": "x"}, {"expires_in": 3600}, {"error": "server_error"}],
    )
    def test_a_login_without_a_token_is_no_login(self, case, server, client, body):
        log_in(case.account, server, expires_at=1)
        server.faults.append(Fault("answer", path="token", times=9, answer=Answer(body)))
        with pytest.raises(ServiceAnswerError, match="no token"):
            client.find(f"spotify:playlist:{SOME}")

    def test_a_line_in_netrc_does_not_take_the_place_of_the_token(
        self, server, client, tmp_path, monkeypatch
    ):
        netrc = tmp_path / "netrc"
        netrc.write_text("machine 127.0.0.1 login anna password wrong\n")
        netrc.chmod(0o600)
        monkeypatch.setenv("NETRC", str(netrc))
        client.find(f"spotify:playlist:{server.add_playlist('Mine', [])}")
        assert server.seen[0].headers["authorization"].startswith("Bearer BQ-access")


class TestAppAlone:
    def test_it_finds_but_sees_nothing_of_a_user(self, app_only, server):
        key = server.add_playlist("Anna's", tracks(0, 1))
        (found,) = app_only.find(f"spotify:playlist:{key}")
        assert found.name == "Anna's"
        with pytest.raises(PlaylistError, match=r"no app without a user.*affetto login spotify"):
            list(app_only.tracks(found))

    @pytest.mark.parametrize("reference", ["spotify:saved", "spotify:", "spotify:playlist/Mine"])
    def test_what_needs_a_user_is_refused_without_asking(self, app_only, server, reference):
        with pytest.raises(LoginError, match=r"to a user alone.*affetto login spotify"):
            app_only.find(reference)
        assert server.seen == []

    def test_it_writes_nothing(self, app_only, server):
        for write in (
            lambda: app_only.own_playlist("Happy"),
            lambda: app_only.create("Happy", [track_id(0)]),
        ):
            with pytest.raises(LoginError, match="affetto login spotify"):
                write()
        assert server.seen == []

    def test_its_token_is_renewed_too(self, app_only, server):
        key = server.add_playlist("Anna's", [])
        app_only.find(f"spotify:playlist:{key}")
        server.expire_all()
        other = server.add_playlist("Another", [])
        assert app_only.find(f"spotify:playlist:{other}")[0].name == "Another"
        assert len(server.asked("/api/token")) == 2

    def test_a_wrong_secret_is_told_without_being_shown(self, app_only, server, monkeypatch):
        monkeypatch.setenv("SPOTIFY_CLIENT_SECRET", "another-secret")
        with pytest.raises(LoginError, match=r"does not know the app \(invalid_client") as caught:
            app_only.find(f"spotify:playlist:{SOME}")
        assert "another-secret" not in str(caught.value)

    def test_a_secret_that_cannot_be_one_is_told_without_being_shown(
        self, app_only, server, monkeypatch
    ):
        monkeypatch.setenv("SPOTIFY_CLIENT_SECRET", "geheim–nis")
        with pytest.raises(LoginError, match="copy anew") as caught:
            app_only.find(f"spotify:playlist:{SOME}")
        assert "geheim" not in str(caught.value)

    def test_a_users_login_comes_first(self, case, server, client, monkeypatch):
        monkeypatch.setenv("SPOTIFY_CLIENT_SECRET", CLIENT_SECRET)
        monkeypatch.setenv("SPOTIFY_CLIENT_ID", CLIENT_ID)
        assert client.account_key == "spotify anna"

    def test_names_of_spotipys_own_are_understood(self, app_only, server, monkeypatch):
        for name in ("CLIENT_ID", "CLIENT_SECRET"):
            monkeypatch.delenv(f"SPOTIFY_{name}")
        monkeypatch.setenv("SPOTIPY_CLIENT_ID", CLIENT_ID)
        monkeypatch.setenv("SPOTIPY_CLIENT_SECRET", CLIENT_SECRET)
        assert app_only.find(f"spotify:playlist:{server.add_playlist('Anna', [])}")


class TestBadAnswers:
    def test_a_web_page_in_place_of_json(self, server, client):
        server.faults.append(web_page(path="/playlists"))
        with pytest.raises(ServiceAnswerError, match="a web page in place of JSON"):
            client.find(f"spotify:playlist:{SOME}")
        assert len(server.seen) == 1

    def test_a_login_page_of_the_network_gets_no_token(self, server, client):
        away = Answer(None, 302, {"Location": "http://hotel.example/login?next=1"})
        server.faults.append(Fault("answer", answer=away))
        with pytest.raises(ServiceRefusedError, match=r"elsewhere \(hotel.example\)"):
            client.find(f"spotify:playlist:{SOME}")

    @pytest.mark.parametrize("after", [0, 1, 60, 200])
    @pytest.mark.parametrize("kind", ["cut", "cut-chunked", "truncate"])
    def test_an_answer_cut_anywhere_is_asked_for_again(self, server, client, kind, after):
        key = server.add_playlist("Mine", tracks(0, 3))
        server.faults.append(Fault(kind, path="/items", after=after))
        assert titles(entries_of(client, f"spotify:playlist:{key}")) == named(0, 3)
        assert len(server.asked("/items")) == 2

    @pytest.mark.parametrize(
        "answer",
        [
            Answer([]),
            Answer(7),
            Answer({"items": None}),
            Answer({"items": {}}),
            Answer({"error": "oops"}, 400),
            Answer([], 400),
            Answer({"error": 7}, 403),
            Answer(b"\xff\xfe", 400, kind="text/plain"),
            Answer(b"[" * 200_000, 400),
        ],
    )
    def test_no_shape_gets_past_as_anything_but_ours(self, server, client, answer):
        (found,) = client.find(f"spotify:playlist:{server.add_playlist('Mine', [])}")
        server.faults.append(Fault("answer", path="/items", answer=answer))
        with pytest.raises((ServiceError, PlaylistError)):
            list(client.tracks(found))

    def test_json_deeper_than_python_reads_is_no_answer(self, server, client):
        server.faults.append(Fault("answer", times=9, answer=Answer(b"[" * 200_000)))
        with pytest.raises(ServiceAnswerError, match="no JSON"):
            client.find(f"spotify:playlist:{SOME}")

    def test_one_that_drips_is_not_waited_for_endlessly(self, case, server, cache):
        quick = replace(QUICK, timeout_s=0.2, attempts=2)
        client = SpotifyClient(case.account, cache, patience=quick)
        server.faults.append(Fault("drip", times=9, seconds=0.05))
        begin = time.monotonic()
        with pytest.raises(ServiceUnreachableError, match="no answer within"):
            client.find(f"spotify:playlist:{server.add_playlist('Mine', [])}")
        assert time.monotonic() - begin < 4
        client.close()

    def test_nobody_at_the_address(self, case, cache, monkeypatch):
        monkeypatch.setenv("SPOTIFY_API_URL", "http://127.0.0.1:9/v1")
        client = case.open(cache)
        with pytest.raises(ServiceUnreachableError, match="no connection"):
            client.find(f"spotify:playlist:{SOME}")
        client.close()

    def test_an_address_that_is_none(self, case, cache, monkeypatch):
        monkeypatch.setenv("SPOTIFY_API_URL", "api.spotify.com")
        with pytest.raises(UsageError, match="the address of Spotify"):
            case.open(cache)

    def test_one_connection_carries_all_questions(self, server, client, caplog):
        caplog.set_level(logging.DEBUG, "urllib3")
        key = server.add_playlist("Long", tracks(0, 230))
        entries_of(client, f"spotify:playlist:{key}")
        assert client.n_requests == 6
        assert caplog.text.count("Starting new HTTP connection") == 1

    def test_a_short_wait_is_waited_for(self, server, client):
        server.faults.append(busy(1, path="/playlists"))
        begin = time.monotonic()
        client.find(f"spotify:playlist:{server.add_playlist('Mine', [])}")
        assert time.monotonic() - begin >= 1

    def test_a_wait_until_a_date_is_counted_by_the_services_clock(self, server, client):
        server.clock_skew_s = -86_400  # a day behind ours
        from email.utils import formatdate

        until = formatdate(time.time() - 86_400 + 7_200, usegmt=True)
        server.faults.append(busy(until, path="/playlists"))
        with pytest.raises(ServiceBusyError) as caught:
            client.find(f"spotify:playlist:{SOME}")
        assert caught.value.until == pytest.approx(time.time() + 7_200, abs=3)

    def test_a_day_is_not_waited_for_and_what_came_before_is_kept(self, case, server, cache):
        key = server.add_playlist("Long", tracks(0, 200))
        server.faults.append(busy(86_400, path="/items", skip=2))
        client = case.open(cache)
        (found,) = client.find(f"spotify:playlist:{key}")
        got = []
        with pytest.raises(ServiceBusyError, match="asks to wait until") as caught:
            got.extend(client.tracks(found))
        assert caught.value.until == pytest.approx(time.time() + 86_400, abs=60)
        with pytest.raises(ServiceBusyError):  # not asked again in this run
            list(client.tracks(found))
        client.close()
        server.seen.clear()
        again = case.open(cache)
        assert titles(entries_of(again, f"spotify:playlist:{key}")) == named(0, 200)
        assert [int(seen.first("offset")) for seen in server.seen] == [100, 150]
        again.close()

    def test_nothing_is_asked_offline(self, case, server, tmp_path):
        with AnswerCache(tmp_path / "none.sqlite", offline=True) as cache:
            client = case.open(cache)
            for ask in (
                lambda: client.find(f"spotify:playlist:{SOME}"),
                lambda: client.own_playlist("Happy"),
                lambda: list(client.features([Listed(Track(track_id(0)))])),
                lambda: client.match([Track(isrc=isrc(0))], [None]),
            ):
                with pytest.raises(OfflineError):
                    ask()
            client.close()
        assert server.seen == []


class TestFeatures:
    def of(self, *numbers):
        return [Listed(Track(track_id(i))) for i in numbers]

    def test_which_tracks_it_can_be_asked_about(self, client):
        assert client.can_tell(Listed(Track(f"spotify:track:{track_id(1)}")))
        for other in (None, "7", "spotify:artist:0000000000000000000001", "a folder/name.mp3"):
            assert not client.can_tell(Listed(Track(other)))

    def test_a_refusal_is_said_once_and_remembered_for_a_week(self, case, server, tmp_path):
        now = time.time()
        for days, n_asked in ((0, 1), (0, 1), (6, 1), (8, 2)):
            with AnswerCache(tmp_path / "kept.sqlite", now=lambda d=days: now + d * 86_400) as kept:
                client = case.open(kept)
                assert client.refusal is None
                assert list(client.features(self.of(1, 2))) == []
                assert list(client.features(self.of(3))) == []
                assert "27 November 2024" in client.refusal
                assert "next source" in client.refusal
                client.close()
            assert len(server.asked("/audio-features")) == n_asked

    @pytest.mark.parametrize("status", [404, 410])
    def test_an_endpoint_that_is_gone_is_a_refusal_too(self, server, client, status):
        server.faults.append(Fault("answer", path="audio-f", answer=error(status, "Gone")))
        assert list(client.features(self.of(1))) == []
        assert client.refusal

    def test_an_app_that_is_refused_altogether_is_told_so(self, case, server, cache, client):
        server.registered = False
        with pytest.raises(ServiceRefusedError, match="not among the users of the app"):
            list(client.features(self.of(1)))
        assert client.refusal is None
        server.registered, server.features_on = True, True
        again = case.open(cache)  # nothing was remembered
        assert dict(again.features(self.of(1)))[0].features
        again.close()

    def test_a_server_that_stumbles_has_refused_nothing(self, server, client):
        server.faults.append(failing(500, path="audio-f", times=99))
        with pytest.raises(ServiceRefusedError, match="500"):
            list(client.features(self.of(1)))
        assert client.refusal is None

    def test_where_it_tells_them_a_hundred_at_a_time_and_never_again(
        self, case, server, cache, client
    ):
        server.features_on = True
        server.catalogue = tracks(0, 200)
        asked = self.of(*range(199, 230), *range(150))
        told = dict(client.features(asked))
        assert sorted(told) == list(range(len(asked)))
        assert told[0].features["duration_ms"] == 180_199.0
        assert told[31].features["energy"] == pytest.approx(0.05)
        assert len(told[31].features) == 10
        assert told[1].features == {}  # unknown: an answer too
        assert len(server.asked("/audio-features")) == 2
        again = case.open(cache)
        assert dict(again.features(asked)) == told
        assert again.n_requests == 0
        again.close()

    def test_answers_are_joined_by_id(self, server, client):
        server.features_on = True
        one = {"id": track_id(2), "energy": 0.5, "valence": None, "tempo": "fast"}
        mixed = Answer({"audio_features": [None, one]})
        server.faults.append(Fault("answer", path="audio-f", answer=mixed))
        told = dict(client.features(self.of(1, 2)))
        assert told[0].features == {}
        assert told[1].features == {"energy": 0.5}

    def test_the_same_track_under_two_spellings_is_asked_for_once(self, server, client):
        server.features_on = True
        both = [*self.of(1), Listed(Track(f"spotify:track:{track_id(1)}"))]
        told = dict(client.features(both))
        assert told[0] == told[1]
        assert server.asked("audio-f")[0].first("ids") == track_id(1)

    def test_what_came_before_a_break_is_kept(self, case, server, cache, client):
        server.features_on = True
        server.catalogue = tracks(0, 250)
        server.faults.append(busy(9_999, path="audio-f", skip=1))
        got = []
        with pytest.raises(ServiceBusyError):
            got.extend(client.features(self.of(*range(250))))
        assert len(got) == 100
        again = case.open(cache)
        assert len(list(again.features(self.of(*range(250))))) == 250
        assert again.n_requests == 2
        again.close()


class TestMatching:
    def match(self, client, *tracks):
        return client.match(tracks, [None] * len(tracks))

    def test_an_id_is_taken_without_asking(self, client, server):
        wanted = [Track(f"spotify:track:{track_id(5)}"), Track(track_id(6), isrc=isrc(1))]
        assert self.match(client, *wanted) == [track_id(5), track_id(6)]
        assert server.seen == []

    def test_an_isrc_then_title_and_artist(self, client, server):
        wanted = [
            Track(isrc="qz-ab1-00-00003"),
            Track(isrc=isrc(999), title="Track 4", artist="Artist 4, Somebody"),
            Track(title="track 12", artist="ARTIST 5"),
            Track("4711", title="Track 3 (feat. Nobody)", artist="Artist 3"),
        ]
        assert self.match(client, *wanted) == [track_id(i) for i in (3, 4, 12, 3)]
        assert all(int(seen.first("limit")) <= 10 for seen in server.asked("search"))

    @pytest.mark.parametrize(
        "track",
        [
            Track(title="Track 4", artist="Artist 5"),
            Track(title="Track", artist="Artist 1"),
            Track(title="Another", artist="Artist 1"),
            Track(isrc=isrc(999)),
            Track(title="Track 4"),
            Track(),
        ],
    )
    def test_what_is_only_alike_is_no_match(self, client, track):
        assert self.match(client, track) == [None]

    def test_the_exact_title_comes_before_a_remaster_of_it(self, client, server):
        artists = [{"name": "Artist 1"}]
        remaster, plain = (
            track(50, name="Song - Remastered 2014", artists=artists),
            track(51, name="Song", artists=artists),
        )
        server.catalogue = [remaster, plain]
        assert self.match(client, Track(title="Song", artist="Artist 1")) == [track_id(51)]
        server.catalogue = [remaster]
        with AnswerCache(":memory:") as fresh:
            client._matcher._cache = fresh
            assert self.match(client, Track(title="Song", artist="Artist 1")) == [track_id(50)]

    def test_a_wrong_answer_to_an_isrc_is_not_believed(self, client, server):
        wrong = Answer({"tracks": {"items": [None, track(9)]}})
        server.faults.append(Fault("answer", path="search", answer=wrong))
        assert self.match(client, Track(isrc=isrc(3))) == [None]

    def test_hits_and_misses_are_kept(self, case, cache, client):
        wanted = (Track(isrc=isrc(3)), Track(isrc=isrc(999), title="Nothing", artist="Nobody"))
        before = self.match(client, *wanted)
        again = case.open(cache)
        assert self.match(again, *wanted) == before == [track_id(3), None]
        assert again.n_requests == 0
        again.close()

    @pytest.mark.parametrize("kind", ["invalid_grant", "invalid_request"])
    def test_a_login_that_ended_is_not_taken_for_a_miss(self, case, server, client, kind):
        # It is told with the status of a title that cannot be searched for.
        log_in(case.account, server, expires_at=1)
        no = server._no(kind, "Refresh token revoked")
        server.faults.append(Fault("answer", path="/api/token", times=9, answer=no))
        with pytest.raises(LoginError, match="Refresh token revoked"):
            self.match(client, Track(isrc=isrc(3)))

    def test_quotes_in_a_title_do_not_end_it(self, client, server):
        server.catalogue = [track(1, name='The "Best" Song')]
        wanted = Track(title='The "Best" Song', artist="Artist 1")
        assert self.match(client, wanted) == [track_id(1)]
        assert server.seen[0].first("q") == 'track:"The Best Song" artist:"Artist 1"'

    def test_a_title_that_cannot_be_searched_for_stops_nobody(self, client, server):
        odd = Fault("answer", path="search", answer=error(400, "No search query"))
        server.faults.append(odd)
        wanted = (Track(title="Track 1", artist="Artist 1"), Track(isrc=isrc(2)))
        assert self.match(client, *wanted) == [None, track_id(2)]


class TestWriting:
    IDS = tuple(track_id(i) for i in range(230))

    def items(self, server, key):
        return tuple(one["id"] for one in server.playlists[key]["items"])

    def only(self, server):
        (key,) = server.playlists
        return key

    def writes(self, server):
        return [seen.method for seen in server.seen if seen.method != "GET"]

    def test_a_new_one_holds_all_in_order_a_hundred_a_request(self, client, server):
        client.create("Happy", self.IDS)
        key = self.only(server)
        assert server.playlists[key]["name"] == "Happy"
        assert self.items(server, key) == self.IDS
        assert self.writes(server) == ["POST"] * 4
        assert [len(seen.json()["uris"]) for seen in server.asked("/items")] == [100, 100, 30]

    def test_an_empty_one(self, client, server):
        client.create("Nothing", [])
        assert self.items(server, self.only(server)) == ()

    def test_ones_own_is_found_as_it_stands_now(self, client, server):
        for i in range(55):
            server.add_playlist(f"Other {i}", [])
        server.add_playlist("Happy", tracks(9, 10), owner="bert")
        key = server.add_playlist("Happy", tracks(0, 120))
        found = client.own_playlist("Happy")
        assert (found.key, found.name) == (key, "Happy")
        assert found.tracks == self.IDS[:120]
        server.playlists[key]["items"] = [track(3), local_file("Demo"), episode(1), None]
        assert client.own_playlist("Happy").tracks == (
            track_id(3), "spotify:local:::Demo:200", "spotify:episode:1episode00000000000001", "",
        )  # fmt: skip
        assert client.own_playlist("happy") is None

    def test_two_of_a_name_are_nobodys_choice(self, client, server):
        server.add_playlist("Happy", [])
        server.add_playlist("Happy", [])
        with pytest.raises(PlaylistError, match="2 playlists called 'Happy'"):
            client.own_playlist("Happy")

    @pytest.mark.parametrize("n", [0, 1, 100, 230])
    def test_others_take_the_place_of_what_was_there(self, client, server, n):
        key = server.add_playlist("Happy", tracks(300, 500))
        client.replace(client.own_playlist("Happy"), self.IDS[:n])
        assert self.items(server, key) == self.IDS[:n]

    def test_one_is_never_made_twice_though_the_answer_is_lost(self, client, server):
        server.faults.append(Fault("cut", path="/me/playlists", after=0))  # heard, not answered
        client.create("Happy", self.IDS[:3])
        assert self.items(server, self.only(server)) == self.IDS[:3]

    def test_one_that_was_not_heard_is_an_error_and_makes_none(self, client, server):
        server.faults.append(Fault("close", path="/me/playlists"))
        with pytest.raises(ServiceUnreachableError):
            client.create("Happy", self.IDS[:3])
        assert server.playlists == {}

    def test_one_that_was_there_before_is_not_taken_for_it(self, client, server):
        key = server.add_playlist("Happy", tracks(7, 8))
        server.faults.append(Fault("close", path="/me/playlists"))
        with pytest.raises(ServiceUnreachableError):
            client.create("Happy", self.IDS[:3])
        assert self.items(server, key) == (track_id(7),)

    @pytest.mark.parametrize(
        "fault", [Fault("cut", after=0), Fault("close"), failing(502), failing(503)]
    )
    def test_tracks_are_never_added_twice(self, client, server, fault):
        fault = replace(fault, path="/items", skip=1, times=1)
        server.faults.append(fault)
        client.create("Happy", self.IDS)
        assert self.items(server, self.only(server)) == self.IDS

    def test_a_wait_in_between_is_obeyed(self, client, server):
        server.faults.append(busy(0, path="/items", times=2))
        client.create("Happy", self.IDS[:3])
        assert self.items(server, self.only(server)) == self.IDS[:3]

    def test_what_is_left_incomplete_is_told(self, client, server):
        server.faults.append(busy(7_200, path="/items", skip=1))
        with pytest.raises(ServiceBusyError, match="'Happy' was left with 100 of 230") as caught:
            client.create("Happy", self.IDS)
        assert caught.value.until == pytest.approx(time.time() + 7_200, abs=60)
        assert self.items(server, self.only(server)) == self.IDS[:100]
        with pytest.raises(ServiceBusyError) as later:  # of something else
            client.find("spotify:")
        assert "Happy" not in str(later.value)

    def test_a_refusal_is_told_with_its_reason(self, client, server):
        server.faults.append(Fault("answer", path="/me/pl", answer=error(403, "Premium required")))
        with pytest.raises(ServiceRefusedError, match="Premium required"):
            client.create("Happy", [])


class TestSecrets:
    def test_nothing_secret_shows_in_logs_errors_or_what_is_kept(  # noqa: PLR0917
        self, case, server, tmp_path, monkeypatch, caplog, capfd
    ):
        caplog.set_level(logging.DEBUG)
        log_in(case.account, server, expires_at=1)
        key = server.add_playlist("Mine", tracks(0, 60))
        errors = []
        with AnswerCache(tmp_path / "kept.sqlite") as cache:
            client = case.open(cache)
            entries_of(client, f"spotify:playlist:{key}")
            client.create("New", [track_id(0)])
            monkeypatch.setenv("SPOTIFY_CLIENT_ID", CLIENT_ID)
            monkeypatch.setenv("SPOTIFY_CLIENT_SECRET", CLIENT_SECRET)
            app = SpotifyClient(Account("spotify", tmp_path / "app"), cache, patience=QUICK)
            app.find(f"spotify:playlist:{server.add_playlist('Anna', [])}")
            server.revoke_all()
            for one in (client, app):
                server.faults.append(failing(400, path="token", times=9))
                with pytest.raises(ServiceError) as caught:
                    one.find(f"spotify:playlist:{SOME}")
                errors.append(repr(caught.value) + str(caught.value.__cause__))
                one.close()
        db = sqlite3.connect(tmp_path / "kept.sqlite")
        rows = list(db.execute("SELECT service, kind, key, value FROM answers"))
        db.close()
        # Values are packed: what is in them shows only unpacked.
        kept = "".join(f"{row[:3]}{zlib.decompress(row[3]).decode()}" for row in rows if row[3])
        assert "Track 59" in kept
        assert "urllib3" in {record.name.partition(".")[0] for record in caplog.records}
        told = caplog.text + kept + "".join(errors) + "".join(capfd.readouterr())
        for secret in (CLIENT_SECRET, "BQ-access", "AQ-refresh", "Bearer B", "Basic "):
            assert secret not in told

    def test_spotipy_says_nothing_below_a_warning_and_no_token_above(self, client, caplog):
        caplog.set_level(logging.DEBUG)
        for name in ("spotipy.client", "spotipy.oauth2"):
            logging.getLogger(name).debug("Headers: %s", {"Authorization": "Bearer abc"})
            logging.getLogger(name).error("failed with Bearer abc at /x?code=abc&state=1")
        assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]
        assert "abc" not in caplog.text

    def test_answers_are_kept_apart_by_user(self, case, server, cache, tmp_path):
        key = server.add_playlist("Anna's", tracks(0, 1))
        anna = case.open(cache)
        entries_of(anna, f"spotify:playlist:{key}")
        anna.close()
        account = Account("spotify", tmp_path / "bert")
        log_in(account, server, "bert")
        bert = SpotifyClient(account, cache, patience=QUICK)
        with pytest.raises(PlaylistError, match="own or collaborate"):
            entries_of(bert, f"spotify:playlist:{key}")
        bert.close()


def test_the_local_server_holds_to_the_limits_of_the_real_one(monkeypatch):
    import httpx

    with SpotifyServer() as server:
        no_login(monkeypatch, server)
        key = server.add_playlist("Mine", tracks(0, 60))
        who = {"Authorization": f"Bearer {server.issue()['access_token']}"}
        with httpx.Client(base_url=f"{server.url}/v1", headers=who) as web:
            assert web.get(f"/playlists/{key}/items?limit=50").status_code == 200
            assert web.get(f"/playlists/{key}/items?limit=51").status_code == 400
            assert web.get(f"/playlists/{key}/tracks?limit=50").status_code == 403
            assert web.get("/search?q=x&limit=11").status_code == 400
            assert web.get("/audio-features?ids=x").status_code == 403
            uris = [f"spotify:track:{track_id(i)}" for i in range(101)]
            path = f"/playlists/{key}/items"
            assert web.post(path, json={"uris": uris}).status_code == 400
            assert web.post(path, json=uris[:1]).status_code == 400
            assert web.post(path, json={"uris": uris[:1]}).status_code == 201
