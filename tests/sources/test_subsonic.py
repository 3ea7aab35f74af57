"""Subsonic servers, new and old: who asks and how, what they tell, what is written."""

import hashlib
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import keyring
import pytest

from affetto.errors import (
    LoginError,
    OutputError,
    PlaylistError,
    ServiceAnswerError,
    ServiceRefusedError,
    ServiceUnreachableError,
)
from affetto.sources.contract import FoundPlaylist, Listed
from affetto.sources.subsonic import Subsonic, login
from affetto.tracks import Track, looks_like_track_id
from services.base import Answer, Fault, failing, web_page
from services.case import QUICK, SECRETS, entries, entries_of
from services.keyrings import MemoryKeyring
from services.subsonic_case import SubsonicCase

PASSWORD, _, API_KEY = SECRETS
SIGNED = {"u", "t", "s", "p", "apiKey"}


@pytest.fixture(autouse=True)
def no_keyring(use_keyring):
    use_keyring(keyring.backends.fail.Keyring())


@pytest.fixture(params=[{}], ids=lambda kind: "-".join(kind) or "new")
def case(request, tmp_path, monkeypatch):
    made = SubsonicCase(tmp_path, monkeypatch, **request.param)
    yield made
    made.close()


both = pytest.mark.parametrize("case", [{}, {"is_old": True}], indirect=True, ids=["new", "old"])
old = pytest.mark.parametrize("case", [{"is_old": True}], indirect=True, ids=["old"])


def sent(server):
    """What the server was asked, whichever way, as (endpoint, address, form)."""
    return [
        (one.path.rsplit("/", 1)[1], one.query, one.form() if one.method == "POST" else {})
        for one in server.seen
    ]


class TestWhoAsks:
    def test_nothing_secret_stands_in_addresses_where_forms_are_taken(self, case, server, source):
        entries(source, case.add_playlist("Calm", 3))
        source.fetch(Listed(Track(), origin="subsonic", handle="so-1"), case.folder)
        assert len(server.seen) == 4
        for _, address, _ in sent(server):
            assert not SIGNED & set(address)
        assert all(PASSWORD.encode() not in one.body for one in server.seen)

    @old
    def test_an_old_server_gets_a_salted_token_in_the_address(self, case, server, source):
        entries(source, case.add_playlist("Calm", 3))
        (_, *signed) = sent(server)
        for _, address, form in signed:
            assert SIGNED & set(address) == {"u", "t", "s"} and not form
        assert PASSWORD not in str([one.query for one in server.seen])

    def test_each_client_has_a_salt_of_its_own(self, case, server, cache):
        for _ in range(2):
            with closing(case.open(cache)) as one:
                one.own_playlist("none")
        salts = {form["s"][0] for _, _, form in sent(server) if form}
        assert len(salts) == 2

    def test_what_a_server_can_do_is_asked_once(self, case, server, cache):
        for _ in range(3):
            with closing(case.open(cache)) as one:
                one.own_playlist("none")
        assert server.paths().count("/rest/getOpenSubsonicExtensions.view") == 1

    def test_a_server_that_tells_only_users_what_it_can_do(self, case, server, source):
        refusal = server.failed(40, "Wrong username or password")
        refusal.body["subsonic-response"]["openSubsonic"] = True
        server.faults.append(Fault("answer", answer=refusal))
        entries(source, case.add_playlist("Calm", 3))
        assert [bool(form) for _, _, form in sent(server)] == [False, True, True, True]
        assert not any(SIGNED & set(address) for _, address, _ in sent(server))

    def test_a_wrong_password_is_no_proof_of_what_a_server_can_do(
        self, case, server, cache, monkeypatch
    ):
        asked = server.answer

        def only_to_users(seen):
            if "Extensions" in seen.path and not seen.body:
                refusal = server.failed(40, "Wrong username or password")
                refusal.body["subsonic-response"]["openSubsonic"] = True
                return refusal
            if "Extensions" in seen.path and seen.form()["t"] != [right()]:
                return server.failed(40, "Wrong username or password")
            return asked(seen)

        def right():
            salt = server.seen[-1].form()["s"][0]
            return hashlib.md5(f"{PASSWORD}{salt}".encode()).hexdigest()

        monkeypatch.setattr(server, "answer", only_to_users)
        reference = case.add_playlist("Calm", 3)
        monkeypatch.setenv("SUBSONIC_PASSWORD", "wr0ng")
        with pytest.raises(LoginError):
            entries_of(case, cache, reference)
        monkeypatch.setenv("SUBSONIC_PASSWORD", PASSWORD)
        server.seen.clear()
        assert len(entries_of(case, cache, reference)) == 3
        assert not any(SIGNED & set(address) for _, address, _ in sent(server))

    def test_a_key_is_one_users_whatever_name_is_set(self, case, server, cache, monkeypatch):
        server.keys["key-of-bob"] = "bob"
        server.add_playlist("Bob's", [], owner="bob")
        server.add_playlist("Ada's", [], owner="ada")
        monkeypatch.setenv("SUBSONIC_API_KEY", "key-of-bob")
        with closing(case.open(cache)) as source:
            assert [found.name for found in source.find("subsonic:")] == ["Bob's"]
            assert source.own_playlist("Bob's") is not None
        monkeypatch.delenv("SUBSONIC_API_KEY")
        with closing(case.open(cache)) as source:
            assert [found.name for found in source.find("subsonic:")] == ["Ada's"]

    def test_an_api_key_comes_without_a_user(self, case, server, cache, monkeypatch):
        monkeypatch.setenv("SUBSONIC_API_KEY", API_KEY)
        monkeypatch.delenv("SUBSONIC_USER")
        reference = case.add_playlist("Calm", 3)
        with closing(case.open(cache)) as source:
            assert len(entries(source, reference)) == 3
            assert source.own_playlist("Calm").tracks == ("so-0", "so-1", "so-2")
            assert API_KEY not in source.account_key
        assert all(SIGNED & set(form) == {"apiKey"} for _, _, form in sent(server)[1:])

    @pytest.mark.parametrize("case", [{"version": "1.12.0", "is_old": True}], indirect=True)
    def test_before_tokens_the_password_goes_in_a_form_only(self, case, server, source):
        with pytest.raises(ServiceRefusedError, match="405"):  # this one takes no forms at all
            source.find("subsonic:")
        _, (_, address, form) = sent(server)
        assert not address and form["p"] == [f"enc:{PASSWORD.encode().hex()}"]

    @pytest.mark.parametrize("case", [{"tokens": False}], indirect=True)
    def test_a_server_that_wants_no_tokens_gets_the_password_in_a_form(self, case, server, source):
        reference = case.add_playlist("Calm", 3)
        assert len(entries(source, reference)) == 3
        assert PASSWORD not in str([one.query for one in server.seen])
        n_asked = len(server.seen)
        entries(source, reference)
        assert len(server.seen) == n_asked

    @pytest.mark.parametrize("case", [{"tokens": False}], indirect=True)
    def test_a_kept_token_that_a_server_does_not_take(self, case, cache, monkeypatch):
        monkeypatch.delenv("SUBSONIC_PASSWORD")
        case.account().keep({"salt": "a", "token": "b"})
        with (
            closing(case.open(cache)) as source,
            pytest.raises(LoginError, match=r"this kind of login.*SUBSONIC_PASSWORD"),
        ):
            source.find("subsonic:")


class TestLogin:
    @both
    def test_without_a_keyring_a_salted_token_is_kept(self, case, server, account, cache):
        assert login(account, f"{server.url}/rest", "ada", PASSWORD, patience=QUICK) == "ada"
        assert set(account.kept()) == {"url", "user", "salt", "token"}
        assert PASSWORD not in account.path.read_text()
        assert account.path.stat().st_mode & 0o077 == 0
        assert len(entries_of(case, cache, case.add_playlist("Calm", 3))) == 3

    def test_with_a_keyring_the_password_is_in_it_and_no_file(
        self, case, server, account, cache, use_keyring
    ):
        use_keyring(MemoryKeyring())
        account.keep({"salt": "of before", "token": "of before", "music_folder": "/music"})
        account.keep_secret("api_key", "of before")
        login(account, server.url, "ada", PASSWORD, patience=QUICK)
        assert set(account.kept()) == {"url", "user", "music_folder"}
        assert account.secret("password") == PASSWORD and account.secret("api_key") is None
        assert len(entries_of(case, cache, case.add_playlist("Calm", 3))) == 3

    def test_nothing_is_kept_before_the_server_says_yes(self, server, account, use_keyring):
        use_keyring(MemoryKeyring())
        with pytest.raises(LoginError, match="Wrong username"):
            login(account, server.url, "ada", "wr0ng", patience=QUICK)
        server.faults.append(web_page(times=99))
        with pytest.raises(ServiceAnswerError):
            login(account, server.url, "ada", PASSWORD, patience=QUICK)
        assert account.kept() == {} and account.secret("password") is None

    def test_a_login_that_cannot_be_kept_changes_nothing(
        self, server, account, monkeypatch, use_keyring
    ):
        use_keyring(MemoryKeyring())
        account.keep({"url": "http://127.0.0.1:9", "user": "ada"})
        account.keep_secret("password", "of another server")

        def full(*_):
            raise OutputError("the disk is full")

        monkeypatch.setattr(account, "keep", full)
        with pytest.raises(OutputError):
            login(account, server.url, "ada", PASSWORD, patience=QUICK)
        assert account.secret("password") == "of another server"

    @pytest.mark.parametrize(("user", "password"), [("", PASSWORD), ("ada", "")])
    def test_half_a_login_is_none(self, server, account, user, password):
        with pytest.raises(LoginError, match="needs"):
            login(account, server.url, user, password)
        assert server.seen == []

    def test_a_kept_login_is_told_to_no_other_server(
        self, case, account, cache, monkeypatch, use_keyring
    ):
        use_keyring(MemoryKeyring())
        login(account, case.service.url, "ada", PASSWORD, patience=QUICK)
        account.keep({"salt": "a", "token": "b"})
        monkeypatch.setenv("SUBSONIC_URL", "http://127.0.0.1:9")
        with closing(case.open(cache)) as source, pytest.raises(LoginError, match="no login"):
            source.find("subsonic:")
        monkeypatch.setenv("SUBSONIC_URL", case.service.url)
        monkeypatch.setenv("SUBSONIC_USER", "bob")
        with closing(case.open(cache)) as source, pytest.raises(LoginError, match="no login"):
            source.find("subsonic:")


class TestReferences:
    def names(self, source, reference):
        return [found.name for found in source.find(reference)]

    def test_all_playlists(self, server, source):
        for name in ("Calm", "Dark"):
            server.add_playlist(name, [])
        for reference in ("subsonic:", " SUBSONIC: ", "subsonic:/"):
            assert self.names(source, reference) == ["Calm", "Dark"]

    def test_no_playlists_at_all(self, source):
        with pytest.raises(PlaylistError, match="no playlists that ada"):
            source.find("subsonic:")
        with pytest.raises(PlaylistError, match="it has none"):
            source.find("subsonic:playlist/Calm")

    @pytest.mark.parametrize(
        "reference",
        ["pl-2", "AC/DC: 100% «live»/", "ac/dc: 100% «LIVE»/", "AC%2FDC:%20100%25%20«live»/"],
    )
    def test_names_of_all_kinds_and_ids(self, server, source, reference):
        server.add_playlist("pl", [])
        server.add_playlist("AC/DC: 100% «live»/", [])
        (found,) = source.find(f"subsonic:playlist/{reference}")
        assert (found.name, found.n_tracks) == ("AC/DC: 100% «live»/", 0)

    def test_a_name_with_escapes_of_its_own_comes_before_what_they_mean(self, server, source):
        server.add_playlist("A B", [])
        server.add_playlist("A%20B", [])
        assert self.names(source, "subsonic:playlist/A%20B") == ["A%20B"]

    def test_the_exact_case_comes_first(self, server, source):
        for name in ("calm", "Calm"):
            server.add_playlist(name, [])
        assert self.names(source, "subsonic:playlist/Calm") == ["Calm"]
        with pytest.raises(PlaylistError, match="pl-1, pl-2"):
            source.find("subsonic:playlist/CALM")

    def test_several_of_one_name_are_told_with_their_ids(self, server, source):
        server.add_playlist("Calm", [])
        server.add_playlist("Calm", [])
        with pytest.raises(PlaylistError, match=r"2 playlists called 'Calm'.*pl-1, pl-2"):
            source.find("subsonic:playlist/Calm")

    def test_an_unknown_name_is_told_the_nearest(self, server, source):
        for name in ("Quiet hours", "Quiet nights", "Xylophone"):
            server.add_playlist(name, [])
        with pytest.raises(PlaylistError, match=r"nearest: 'Quiet hours', 'Quiet nights'$"):
            source.find("subsonic:playlist/quiet hour")
        with pytest.raises(PlaylistError, match="it has 3, such as 'Quiet hours'"):
            source.find("subsonic:playlist/0123456789")

    @pytest.mark.parametrize("reference", ["subsonic:album/1", "subsonic:Calm", "jellyfin:"])
    def test_another_kind_of_reference(self, server, source, reference):
        server.add_playlist("Calm", [])
        with pytest.raises(PlaylistError, match="expected subsonic:playlist/NAME"):
            source.find(reference)

    @both
    @pytest.mark.parametrize("n", [0, 1, 3])
    def test_favourites(self, server, source, n):
        server.starred = [server.add_song(i) for i in range(n)]
        listed = entries(source, "subsonic:starred")
        assert [one.track.title for one in listed] == [f"Track {i}" for i in range(n)]


class TestEntries:
    @both
    @pytest.mark.parametrize("n", [0, 1, 2])
    def test_lists_of_none_and_of_one(self, case, source, n):
        assert len(entries(source, case.add_playlist("Calm", n))) == n

    def test_all_that_is_told(self, server, source):
        server.add_song(
            1,
            isrc=["no isrc", "de-aaa-26-00001"],
            artists=[{"name": "A"}, {"name": "B"}],
            artist=None,
        )
        server.add_playlist("Calm", ["so-1"])
        (one,) = entries(source, "subsonic:playlist/Calm")
        assert one == Listed(
            Track("subsonic:song/so-1", "DEAAA2600001", "Track 1", "A, B", "Album 0"),
            features={"duration_ms": 180_000.0},
            origin="subsonic",
            handle="so-1",
        )

    def test_numbers_in_place_of_texts(self, server, source):
        server.songs["7"] = {"id": 7, "title": 1999, "duration": "12", "artist": 10.5}
        server.add_playlist("Calm", ["7"])
        (one,) = entries(source, "subsonic:playlist/Calm")
        assert (one.handle, one.track.title, one.track.artist) == ("7", "1999", "10.5")
        assert one.features == {"duration_ms": 12_000.0}

    @pytest.mark.parametrize("length", [0, -5, None, "", "long", True, [], 1e999, "1e400"])
    def test_lengths_that_are_none(self, server, source, length):
        server.add_song(1, duration=length)
        server.add_playlist("Calm", ["so-1"])
        (one,) = entries(source, "subsonic:playlist/Calm")
        assert one.features == {} and one.problem is None

    @pytest.mark.parametrize(
        ("more", "problem"),
        [
            ({"isVideo": True}, "a video"),
            ({"isDir": True}, "a folder"),
            ({"type": "podcast"}, "no music: podcast"),
            ({"id": None}, "tells nothing"),
        ],
    )
    def test_what_is_no_music_is_said_to_be_none(self, server, source, more, problem):
        server.songs["x"] = {"id": "x", "title": "?", **more}
        server.add_playlist("Calm", ["x", server.add_song(1)])
        odd, one = entries(source, "subsonic:playlist/Calm")
        assert problem in odd.problem and odd.handle is None
        assert one.problem is None

    def test_entries_of_no_shape_take_nothing_with_them(self, case, server, source):
        reference = case.add_playlist("Calm", 2)
        (found,) = source.find(reference)
        told = [None, "text", {}, [1], {"id": "so-1", "title": "\ud800 Track"}]
        body = {"subsonic-response": {"status": "ok", "playlist": {"entry": told}}}
        server.faults.append(Fault("answer", answer=Answer(body)))
        *odd, one = source.tracks(found)
        assert all(each.problem for each in odd) and one.track.title == "? Track"

    def test_an_id_that_looks_like_spotifys_is_not_taken_for_one(self, server, source):
        server.songs["x"] = {"id": "4iV5W9uYEdYUVa79Axb7Rh", "title": "a"}
        server.add_playlist("Calm", ["x"])
        (one,) = entries(source, "subsonic:playlist/Calm")
        assert not looks_like_track_id(one.track.id) and one.handle == "4iV5W9uYEdYUVa79Axb7Rh"

    def test_a_playlist_that_may_not_be_read(self, case, server, source):
        (found,) = source.find(case.add_playlist("Calm", 2))
        server.refuses["getPlaylist"] = (50, "not yours")
        with pytest.raises(PlaylistError, match=r"may not be read.*not yours"):
            list(source.tracks(found))

    def test_a_playlist_that_is_no_longer_there_is_found_no_more(self, source):
        with pytest.raises(PlaylistError):
            list(source.tracks(FoundPlaylist("subsonic", "playlist/77", "Gone")))


class TestFiles:
    def listed(self, case, cache, **more):
        case.service.add_song(1, **more)
        case.service.add_playlist("Calm", ["so-1"])
        (one,) = entries_of(case, cache, "subsonic:playlist/Calm")
        return one

    def test_under_the_music_folder(self, case, cache, tmp_path, monkeypatch):
        (tmp_path / "Nina").mkdir()
        (tmp_path / "Nina" / "Blue.wav").touch()
        monkeypatch.setenv("SUBSONIC_MUSIC_FOLDER", str(tmp_path))
        one = self.listed(case, cache, path="Nina/Blue.wav")
        assert Path(one.path) == tmp_path / "Nina" / "Blue.wav"

    def test_where_the_server_says(self, case, cache, tmp_path):
        (tmp_path / "Blue.wav").touch()
        assert self.listed(case, cache, path=str(tmp_path / "Blue.wav")).path is not None

    @pytest.mark.parametrize(
        "path", ["Nina/None.wav", "", None, "../Blue.wav", "a\0b", "x" * 5000, 7, ".", "~"]
    )
    def test_what_is_not_there_has_no_path(self, case, cache, tmp_path, monkeypatch, path):
        (tmp_path / "Blue.wav").touch()
        (tmp_path / "music").mkdir()
        monkeypatch.setenv("SUBSONIC_MUSIC_FOLDER", str(tmp_path / "music"))
        one = self.listed(case, cache, path=path)
        assert one.path is None and one.handle == "so-1"


class TestAudio:
    def one(self, handle="so-1"):
        return Listed(Track(title="Blue"), origin="subsonic", handle=handle)

    @both
    def test_it_is_the_file_with_its_ending(self, server, source, tmp_path):
        server.add_song(1)
        fetched = source.fetch(self.one(), tmp_path)
        assert fetched.name == "so-1.wav"
        assert fetched.read_bytes() == server.audio("so-1")

    def test_who_may_not_download_may_listen(self, server, source, tmp_path):
        server.add_song(1)
        server.refuses["download"] = (50, "User is not authorized for the given operation.")
        assert source.fetch(self.one(), tmp_path).read_bytes() == server.audio("so-1")
        assert sent(server)[-1][2]["format"] == ["raw"]

    def test_a_song_that_is_gone_is_told(self, server, source, tmp_path):
        server.add_song(1)
        source.fetch(self.one(), tmp_path)
        server.songs.clear()
        (tmp_path / "so-1.wav").unlink()
        with pytest.raises(ServiceRefusedError, match="Song not found"):
            source.fetch(self.one(), tmp_path)
        assert not list(tmp_path.glob("*so-1*"))

    @pytest.mark.parametrize("handle", ["../../so", "a/b", "é" * 200, "a b", ".."])
    def test_an_id_is_no_path(self, server, source, tmp_path, handle):
        server.add_song(1, id=handle, suffix="../wav")
        fetched = source.fetch(self.one(handle), tmp_path)
        assert fetched.parent == tmp_path and fetched.read_bytes() == server.audio(handle)
        assert fetched != source.fetch(self.one(self_like(handle, server)), tmp_path)

    def test_what_has_no_handle_cannot_be_fetched(self, source, tmp_path):
        with pytest.raises(Exception, match="no track of"):
            source.fetch(Listed(Track(title="Blue")), tmp_path)

    def test_a_login_page_before_the_files(self, server, source, tmp_path):
        server.add_song(1)
        server.faults.append(failing(401, path="download", times=9))
        with pytest.raises(LoginError, match="affetto login subsonic"):
            source.fetch(self.one(), tmp_path)


def self_like(handle, server):
    """Give another id that a file name could not tell from the first."""
    server.add_song(1, id=f"{handle}?")
    return f"{handle}?"


class TestMatching:
    def test_the_catalogue_is_read_once_a_day(self, case, server, cache):
        for i in range(1_100):
            server.add_song(i)
        wanted = [Track(title=f"Track {i}", artist=f"Artist {i % 7}") for i in (0, 1_099, 2_000)]
        for n_asked in (4, 0, 0):  # three pages, and one that is empty: no total is told
            server.seen.clear()
            with closing(case.open(cache)) as source:
                assert source.match(wanted, [None] * 3) == ["so-0", "so-1099", None]
                assert source.match(wanted[:1], [None]) == ["so-0"]
            assert server.paths().count("/rest/search3.view") == n_asked

    def test_a_run_that_was_broken_off_asks_for_no_page_twice(self, case, server, cache):
        for i in range(1_100):
            server.add_song(i)
        server.faults.append(Fault("close", path="search3", skip=1, times=99))
        for error in (True, False):
            with closing(case.open(cache)) as source:
                if error:
                    with pytest.raises(ServiceUnreachableError):
                        source.match([Track()], [None])
                    server.faults.clear()
                    server.seen.clear()
                else:
                    source.match([Track()], [None])
        starts = [form["songOffset"] for _, _, form in sent(server) if "songOffset" in form]
        assert starts == [["500"], ["1000"], ["1100"]]

    def test_a_server_that_knows_no_pages_is_not_asked_for_ever(self, server, source):
        song = server.songs[server.add_song(1)]
        body = {"subsonic-response": {"status": "ok", "searchResult3": {"song": [song]}}}
        server.faults.append(Fault("answer", answer=Answer(body), path="search3", times=99))
        assert source.match([Track(title="Track 1", artist="Artist 1")], [None]) == ["so-1"]
        assert server.paths().count("/rest/search3.view") == 2

    @old
    def test_where_an_empty_search_finds_nothing_titles_are_searched(self, server, source):
        for i in range(20):
            server.add_song(i)
        tracks = [Track(title="Track 1", artist="Artist 1"), Track(title="Nothing"), Track()]
        for _ in range(2):
            assert source.match(tracks, [None] * 3) == ["so-1", None, None]
        assert server.paths().count("/rest/search3.view") == 3

    def test_a_server_that_makes_nothing_and_says_it_did(self, server, source, monkeypatch):
        monkeypatch.setattr(server, "is_old", True)
        monkeypatch.setattr(server, "do_createPlaylist", lambda *_: server.ok(), raising=False)
        with pytest.raises(ServiceAnswerError, match="made no playlist"):
            source.create("affetto: Happy", [server.add_song(i) for i in range(101)])

    def test_an_empty_library_is_searched_once(self, server, source):
        assert source.match([Track(title=f"Track {i}") for i in range(9)], [None] * 9) == [None] * 9
        assert server.paths().count("/rest/search3.view") == 1


class TestWriting:
    NAME = "affetto: Happy"

    def test_a_server_that_is_slow_gets_no_second_one(self, case, server, cache):
        songs = [server.add_song(i) for i in range(3)]
        server.faults.append(Fault("slow", path="createPlaylist", seconds=0.6))
        with closing(
            Subsonic(case.account(), cache, patience=replace(QUICK, timeout_s=0.2))
        ) as source:
            source.create(self.NAME, songs)
        assert len(server.named(self.NAME)) == 1

    def test_a_server_that_may_be_at_it_still_is_not_asked_again(self, case, server, cache):
        server.add_song(0)
        answer = failing(500).answer
        server.faults.append(Fault("slow", path="createPlaylist", seconds=0.6, answer=answer))
        with (
            closing(
                Subsonic(case.account(), cache, patience=replace(QUICK, timeout_s=0.2))
            ) as source,
            pytest.raises(ServiceUnreachableError),
        ):
            source.create(self.NAME, ["so-0"])
        assert server.paths().count("/rest/createPlaylist.view") == 1

    def test_a_server_that_was_never_heard_is_asked_once_more(self, server, source):
        server.add_song(0)
        server.faults.append(failing(500, path="createPlaylist"))
        source.create(self.NAME, ["so-0"])
        assert len(server.named(self.NAME)) == 1
        server.faults.append(failing(500, path="createPlaylist", times=99))
        with pytest.raises(ServiceRefusedError):
            source.create("affetto: Dark", ["so-0"])
        assert server.paths().count("/rest/createPlaylist.view") == 4

    @old
    @pytest.mark.parametrize("kind", ["close", "cut", "truncate"])
    @pytest.mark.parametrize("skip", [0, 1])
    def test_tracks_that_are_added_in_parts_are_added_once(self, server, source, kind, skip):
        songs = [server.add_song(i) for i in range(330)]
        server.faults.append(Fault(kind, path="updatePlaylist", after=5, skip=skip))
        source.create(self.NAME, songs)
        (key,) = server.named(self.NAME)
        assert server.playlists[key]["songs"] == songs
        assert server.paths().count("/rest/createPlaylist.view") == 1

    @both
    def test_the_playlist_of_another_user_is_left_alone(self, server, source):
        server.add_playlist(self.NAME, [server.add_song(0)], owner="bob", public=True)
        assert source.own_playlist(self.NAME) is None
        mine = server.add_playlist(self.NAME, [], owner="Ada", public=True)
        assert source.own_playlist(self.NAME).key == mine

    def test_a_song_that_is_gone_is_told(self, server, source):
        key = server.add_playlist(self.NAME, [server.add_song(0)])
        now = source.own_playlist(self.NAME)
        with pytest.raises(ServiceRefusedError, match=r"took 1 of 2 tracks.*--refresh"):
            source.replace(now, ["so-0", "gone"])
        assert key == now.key
        with pytest.raises(ServiceRefusedError, match=r"took 1 of 2 tracks.*--refresh"):
            source.create("affetto: Dark", ["so-0", "gone"])

    def test_a_new_playlist_of_which_no_songs_are_told_is_read(self, server, source, monkeypatch):
        made = server.do_createPlaylist

        def told_of_briefly(*asked):
            answer = made(*asked)
            del answer.body["subsonic-response"]["playlist"]["entry"]
            return answer

        monkeypatch.setattr(server, "do_createPlaylist", told_of_briefly, raising=False)
        songs = [server.add_song(i) for i in range(3)]
        source.create(self.NAME, songs)
        with pytest.raises(ServiceRefusedError, match="took 3 of 4"):
            source.create("affetto: Dark", [*songs, "gone"])
        source.replace(source.own_playlist(self.NAME), songs[1:])
        assert [seen.path for seen in server.seen].count("/rest/createPlaylist.view") == 3

    def test_a_playlist_that_may_not_be_written_is_told(self, server, source):
        server.add_playlist(self.NAME, [server.add_song(0)])
        server.refuses["createPlaylist"] = (50, "read only")
        with pytest.raises(ServiceRefusedError, match="read only"):
            source.replace(source.own_playlist(self.NAME), ["so-0"])


class TestErrors:
    @pytest.mark.parametrize(
        ("code", "error", "words"),
        [
            (40, LoginError, "does not know you"),
            ("44", LoginError, "does not know you"),
            (42, LoginError, "SUBSONIC_API_KEY"),
            (43, LoginError, "this kind of login"),
            (20, ServiceRefusedError, "too new for affetto"),
            (30, ServiceRefusedError, "too old"),
            (50, ServiceRefusedError, "refuses getPlaylists: because"),
            (60, ServiceRefusedError, "because"),
            (0, ServiceRefusedError, "because"),
            (None, ServiceRefusedError, "because"),
        ],
    )
    def test_each_code_is_said_in_words(self, server, source, code, error, words):
        server.refuses["getPlaylists"] = (code, "because")
        with pytest.raises(error, match=words):
            source.find("subsonic:")

    @pytest.mark.parametrize(
        "body",
        [
            [],
            None,
            {},
            {"subsonic-response": None},
            {"subsonic-response": []},
            {"Items": []},
            "text",
            7,
        ],
    )
    def test_json_of_another_server(self, case, server, source, body):
        answer = Answer(body if body is not None else b"null")
        server.faults.append(Fault("answer", answer=answer, path="getPlaylists", times=99))
        with pytest.raises(ServiceAnswerError, match="another kind of server"):
            source.find("subsonic:")

    def test_an_error_without_a_shape(self, server, source):
        for error in (None, "text", [], {"message": None}):
            body = {"subsonic-response": {"status": "failed", "error": error}}
            server.faults.append(Fault("answer", answer=Answer(body), path="getPlaylists"))
            with pytest.raises(ServiceRefusedError, match="no reason given"):
                source.find("subsonic:")

    def test_a_playlist_without_a_playlist(self, case, server, source):
        (found,) = source.find(case.add_playlist("Calm", 2))
        body = {"subsonic-response": {"status": "ok"}}
        server.faults.append(Fault("answer", answer=Answer(body), path="getPlaylist.view"))
        with pytest.raises(ServiceAnswerError, match="without a playlist"):
            list(source.tracks(found))

    def test_a_server_that_knows_only_xml_is_told_at_once(self, server, source):
        xml = Answer(b'<?xml version="1.0"?><subsonic-response/>', kind="text/xml")
        server.faults.append(Fault("answer", answer=xml, times=99))
        with pytest.raises(ServiceAnswerError, match="XML in place of JSON: is it too old"):
            source.find("subsonic:")
        assert len(server.seen) == 2

    @pytest.mark.parametrize("status", [401, 403])
    def test_a_login_page_before_the_server(self, server, source, status):
        server.faults.append(failing(status, times=99))
        with pytest.raises(ServiceRefusedError):
            source.find("subsonic:")

    def test_a_password_that_was_changed_in_between(self, case, server, source):
        reference = case.add_playlist("Calm", 2)
        source.find(reference)
        case.forget_login()
        with pytest.raises(LoginError, match="Was the password changed"):
            entries(source, reference)
