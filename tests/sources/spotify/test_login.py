"""Logging in to Spotify: the way through the browser and back, against a local server."""

import logging
import re
import socket
import stat
import threading
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from affetto.errors import LoginError, ServiceError, ServiceRefusedError, UsageError
from affetto.sources.accounts import Account
from affetto.sources.cache import AnswerCache
from affetto.sources.spotify.client import SpotifyClient
from affetto.sources.spotify.connection import SCOPES
from affetto.sources.spotify.login import Listener, code_of, login, redirect_of
from services.base import Fault, failing
from services.case import QUICK
from services.spotify_case import no_login
from services.spotify_server import CLIENT_ID, SpotifyServer, track


@pytest.fixture
def server(monkeypatch):
    with SpotifyServer() as one:
        no_login(monkeypatch, one)
        monkeypatch.setenv("SPOTIFY_CLIENT_ID", CLIENT_ID)
        yield one


@pytest.fixture
def account(tmp_path):
    return Account("spotify", tmp_path / "accounts")


@pytest.fixture
def port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def nobody(_):
    raise AssertionError("nobody should be asked")


class Browser:
    """A user who opens an address and allows what is asked; `pages` is what is shown in the end."""

    def __init__(self, *first):
        self.first = first  # addresses that are opened before: other tabs, other programs
        self.pages = []
        self.asked = self.address = self.headers = None

    def __call__(self, address):
        self.address = address
        self.asked = parse_qs(urlsplit(address).query)
        threading.Thread(target=self.open, args=(address,), daemon=True).start()
        return True

    def open(self, address):
        with httpx.Client(follow_redirects=True) as web:
            self.pages += [web.get(one).status_code for one in self.first]
            last = web.get(address)
            self.headers = last.headers
            self.pages.append(last.text)


def log_in(account, port, browser, **more):
    told = []
    more = {"ask": nobody, "patience": QUICK, "timeout_s": 5.0, **more}
    name = login(account, port=port, browse=browser, say=told.append, **more)
    return name, told


def test_a_login_through_the_browser_is_kept_and_works(server, account, port):
    browser = Browser()
    name, told = log_in(account, port, browser)
    assert name == "Anna Example"
    assert "Your browser opens" in told[0]
    assert told[0].endswith(browser.address)  # it may open on another screen, or not at all
    assert "You can close this page" in browser.pages[0]
    # The page's address holds the code: it is passed on to nobody, and not kept.
    assert browser.headers["referrer-policy"] == "no-referrer"
    assert browser.headers["cache-control"] == "no-store"
    assert browser.asked["redirect_uri"] == [f"http://127.0.0.1:{port}"]
    assert set(browser.asked["scope"][0].split()) == set(SCOPES)
    assert browser.asked["code_challenge_method"] == ["S256"]
    assert len(browser.asked["state"][0]) >= 32
    kept = account.kept()
    assert kept["client_id"] == CLIENT_ID
    assert (kept["token"]["user_id"], kept["token"]["user_name"]) == ("anna", "Anna Example")
    assert stat.S_IMODE(account.path.stat().st_mode) == 0o600
    key = server.add_playlist("Mine", [track(0)])
    with AnswerCache(":memory:") as cache:
        client = SpotifyClient(account, cache, patience=QUICK)
        (found,) = client.find("spotify:playlist/Mine")
        assert found.key == key
        assert [one.track.title for one in client.tracks(found)] == ["Track 0"]
        # All that is done later was asked for: the server holds to what was allowed.
        server.saved["anna"] = [track(1)]
        (saved,) = client.find("spotify:saved")
        assert [one.track.title for one in client.tracks(saved)] == ["Track 1"]
        client.create("New", [track(2)["id"]])
        client.close()


def test_two_logins_use_two_states(server, account, port):
    first, second = Browser(), Browser()
    log_in(account, port, first)
    log_in(account, port, second)
    assert first.asked["state"] != second.asked["state"]
    assert first.asked["code_challenge"] != second.asked["code_challenge"]


def test_where_no_browser_opens_the_address_is_told(server, account, port):
    told = []

    def say(text):
        told.append(text)
        Browser()("http" + text.partition("http")[2])

    name = login(account, port=port, browse=lambda _: False, say=say, patience=QUICK, timeout_s=5.0)
    assert name == "Anna Example"
    assert "Open this address" in told[0]


def test_without_a_browser_the_address_is_pasted(server, account):
    told = []

    def paste(_):
        address = next(line for line in "\n".join(told).splitlines() if "/authorize" in line)
        return httpx.get(address).headers["location"] + "\n"

    name = login(account, open_browser=False, say=told.append, ask=paste, browse=nobody)
    assert name == "Anna Example"
    assert "even if the page cannot be shown" in told[1]


def test_the_apps_id_is_asked_for_once(server, account, port, monkeypatch):
    monkeypatch.delenv("SPOTIFY_CLIENT_ID")
    _, told = log_in(account, port, Browser(), ask=lambda _: f" {CLIENT_ID} ")
    assert "Premium" in told[0]
    assert f"redirect URI http://127.0.0.1:{port}" in told[0]
    log_in(account, port, Browser())  # it is kept


@pytest.mark.parametrize("text", ["", "my app!", CLIENT_ID[:-1], CLIENT_ID + "0"])
def test_what_is_no_id_is_refused(server, account, port, monkeypatch, text):
    monkeypatch.delenv("SPOTIFY_CLIENT_ID")
    with pytest.raises(UsageError, match="expected 32 letters and digits"):
        log_in(account, port, Browser(), ask=lambda _: text)


def test_a_user_who_says_no_is_not_logged_in(server, account, port):
    server.denies = True
    browser = Browser()
    with pytest.raises(LoginError, match="you did not allow it"):
        log_in(account, port, browser)
    assert account.kept() == {}
    assert not server.asked("/api/token")


def test_other_pages_that_send_a_browser_here_change_nothing(server, account, port):
    here = f"http://127.0.0.1:{port}"
    browser = Browser(
        f"{here}/favicon.ico",
        f"{here}/?code=evil&state=guessed",
        f"{here}/?error=access_denied&state=",
        f"{here}/elsewhere?code=evil",
    )
    name, _ = log_in(account, port, browser)
    assert name == "Anna Example"
    assert browser.pages[:4] == [404] * 4


def test_a_connection_that_says_nothing_holds_nobody_up(server, account, port):
    silent = socket.socket()

    class Chrome(Browser):
        def __call__(self, address):
            silent.connect(("127.0.0.1", port))  # opened in advance, never used
            return super().__call__(address)

    begin = time.monotonic()
    assert log_in(account, port, Chrome())[0] == "Anna Example"
    assert time.monotonic() - begin < 4
    silent.close()


def test_a_browser_that_never_comes_back_is_not_waited_for_endlessly(server, account, port):
    with pytest.raises(LoginError, match=r"did not come back within 0 s.*--no-browser"):
        log_in(account, port, lambda _: True, timeout_s=0.1)
    with socket.socket() as one:  # the port is free again
        one.bind(("127.0.0.1", port))


def test_a_port_that_is_taken_is_told(server, account):
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen()
        port = one.getsockname()[1]
        with pytest.raises(UsageError, match=f"port {port} cannot be used .*--port"):
            log_in(account, port, Browser())


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("http://localhost:8888", "Spotify refuses the name localhost.*127.0.0.1"),
        ("https://localhost:8888/callback", "refuses the name localhost"),
        ("https://example.org/callback", "expected http://127.0.0.1:8888"),
        ("http://127.0.0.1", "expected http://127.0.0.1:8888"),
        ("http://127.0.0.1:port", "expected http://127.0.0.1:8888"),
        ("http://10.0.0.1:8888", "expected http://127.0.0.1:8888"),
        ("http://127.0.0.1:0", "expected http://127.0.0.1:8888"),
        ("http://[127.0.0.1:8888", "expected http://127.0.0.1:8888"),
        ("http://anna@127.0.0.1:8888", "expected http://127.0.0.1:8888"),
        ("http://127.0.0.1:8888/?page=1", "expected http://127.0.0.1:8888"),
    ],
)
def test_a_redirect_that_cannot_be_used_is_refused_with_a_reason(account, monkeypatch, uri, told):
    monkeypatch.setenv("SPOTIFY_REDIRECT_URI", uri)
    with pytest.raises(UsageError, match=told):
        redirect_of(account)


def test_the_documentation_names_the_redirect_that_is_used(account, monkeypatch):
    # Spotify compares it with the app's settings letter by letter.
    monkeypatch.delenv("SPOTIFY_REDIRECT_URI", raising=False)
    text = Path(__file__).parents[3].joinpath("docs", "collecting.md").read_text(encoding="utf-8")
    assert set(re.findall(r"http://127[^`\s]*", text)) == {redirect_of(account)}


def test_a_redirect_with_a_path_is_used_as_it_is(server, account, port, monkeypatch):
    monkeypatch.setenv("SPOTIFY_REDIRECT_URI", f"http://127.0.0.1:{port}/callback")
    assert log_in(account, 1, Browser())[0] == "Anna Example"


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("http://127.0.0.1:8888/?code=x&state=other", "its state is another"),
        ("http://127.0.0.1:8888/?code=x", "its state is another"),
        ("AQ-code-17", "its state is another"),
        ("", "its state is another"),
        ("http://[127.0.0.1:8888/?code=x&state=other", "its state is another"),
        ("http://127.0.0.1:8888/?state=right", "holds no code"),
        ("http://127.0.0.1:8888/?state=right&error=access_denied", "you did not allow it"),
        ("http://127.0.0.1:8888/?state=right&error=server_error", "says 'server_error'"),
    ],
)
def test_only_the_answer_to_this_login_counts(address, told):
    with pytest.raises(LoginError, match=told):
        code_of(address, "right")
    assert code_of("http://127.0.0.1:8888/?code=x&state=right", "right") == "x"


def test_a_code_that_is_not_accepted_leaves_no_login(server, account, port):
    no = server._no("invalid_grant", "Authorization code expired")
    server.faults.append(Fault("answer", path="/api/token", answer=no))
    with pytest.raises(LoginError, match="Authorization code expired"):
        log_in(account, port, Browser())
    assert account.kept() == {}


def test_a_stumbling_server_is_asked_again(server, account, port):
    server.faults.append(failing(503, path="/v1/me"))
    assert log_in(account, port, Browser())[0] == "Anna Example"


def test_a_login_that_does_not_work_is_not_kept(server, account, port):
    server.registered = False
    with pytest.raises(ServiceRefusedError, match="not among the users of the app"):
        log_in(account, port, Browser())
    assert account.kept() == {}


def test_a_login_that_allows_less_is_not_kept(server, account, port, monkeypatch):
    server.grants = "playlist-read-private"
    with pytest.raises(LoginError, match="did not allow playlist-modify-private"):
        log_in(account, port, Browser())
    assert account.kept() == {}


def test_an_earlier_login_survives_one_that_fails(server, account, port):
    log_in(account, port, Browser())
    before = account.kept()
    server.denies = True
    with pytest.raises(LoginError):
        log_in(account, port, Browser())
    assert account.kept() == before


def test_nothing_secret_is_said_or_logged(server, account, port, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    _, told = log_in(account, port, Browser())
    server.faults.append(failing(500, path="/api/token", times=9))
    with pytest.raises(ServiceError) as caught:
        log_in(account, port, Browser())
    # The test's own browser logs what it opens, as a browser's history does.
    ours = [one.getMessage() for one in caplog.records if not one.name.startswith("http")]
    said = "\n".join([*ours, *told, str(caught.value), *capfd.readouterr()])
    for secret in ("AQ-code", "BQ-access", "AQ-refresh", "code_verifier"):
        assert secret not in said


def test_the_listener_listens_to_this_machine_alone(port):
    with Listener(f"http://127.0.0.1:{port}", "state") as listener:
        assert listener._server.server_address == ("127.0.0.1", port)
