"""``affetto login`` and ``affetto logout``: what is asked, said, kept and forgotten."""

import os
import socket
import stat
import threading
import webbrowser

import httpx
import keyring
import pytest
from keyring.backends.fail import Keyring as NoKeyring
from typer.testing import CliRunner

from affetto import cli
from affetto.sources.accounts import Account
from command_line import affetto
from services.jellyfin_server import JellyfinServer
from services.spotify_case import log_in, no_login
from services.spotify_server import CLIENT_ID, SpotifyServer
from services.subsonic_server import SubsonicServer

PASSWORD = "tr0ub4dor-password"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A home of the test's own, without a keyring, and nothing in the environment."""
    for name in list(os.environ):
        if name.startswith(("SPOTIFY_", "SPOTIPY_", "SUBSONIC_", "JELLYFIN_")):
            monkeypatch.delenv(name)
    monkeypatch.setattr("platformdirs.user_config_dir", lambda *_, **__: str(tmp_path / "config"))
    before = keyring.get_keyring()
    keyring.set_keyring(NoKeyring())
    yield
    keyring.set_keyring(before)


@pytest.fixture
def spotify(monkeypatch):
    with SpotifyServer() as server:
        no_login(monkeypatch, server)
        yield server


@pytest.fixture
def subsonic():
    with SubsonicServer() as server:
        server.users = {"ada": PASSWORD}
        yield server


@pytest.fixture
def jellyfin():
    with JellyfinServer() as server:
        server.add_user("ada", PASSWORD)
        yield server


def typed(*arguments, lines=(), code=0):
    """Run a command at whose prompts these lines are typed; give all that is shown."""
    result = CliRunner().invoke(cli.app, list(arguments), input="".join(f"{x}\n" for x in lines))
    assert result.exit_code == code, result.output
    return result.output


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return str(one.getsockname()[1])


def allow(address):
    """A browser whose user allows everything."""
    threading.Thread(
        target=httpx.get, args=(address,), kwargs={"follow_redirects": True}, daemon=True
    ).start()
    return True


class TestSpotify:
    def test_a_login_says_who_where_and_what_next(self, spotify, monkeypatch):
        monkeypatch.setattr(webbrowser, "open", allow)
        said = typed("login", "spotify", "--port", free_port(), lines=[CLIENT_ID])
        assert "developer.spotify.com/dashboard" in said
        assert "Logged in to Spotify as Anna Example" in said
        path = Account("spotify").path
        assert str(path) in said
        assert 'affetto collect "Happy=spotify:playlist/NAME"' in said
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert Account("spotify").kept()["token"]["user_id"] == "anna"

    def test_without_a_browser_the_address_is_copied(self, spotify, monkeypatch):
        monkeypatch.setattr(webbrowser, "open", lambda _: pytest.fail("a browser was opened"))
        monkeypatch.setenv("SPOTIFY_CLIENT_ID", CLIENT_ID)
        shown = []
        monkeypatch.setattr("affetto.terminal.note", shown.append)

        def paste(_):
            line = next(one for one in "\n".join(shown).splitlines() if "/authorize?" in one)
            return httpx.get(line).headers["location"]

        monkeypatch.setattr("typer.prompt", paste)
        affetto("login", "spotify", "--no-browser")
        assert "Logged in to Spotify as Anna Example; kept for you alone in" in shown

    def test_a_login_that_is_not_allowed_fails(self, spotify, monkeypatch):
        monkeypatch.setenv("SPOTIFY_CLIENT_ID", CLIENT_ID)
        monkeypatch.setattr("typer.prompt", lambda _: "http://127.0.0.1:8888/?code=x&state=guess")
        _, said = affetto("login", "spotify", "--no-browser", code=1)
        assert "its state is another" in said
        assert not Account("spotify").path.exists()

    def test_localhost_is_refused_with_the_reason(self, spotify, monkeypatch):
        monkeypatch.setenv("SPOTIFY_CLIENT_ID", CLIENT_ID)
        monkeypatch.setenv("SPOTIFY_REDIRECT_URI", "http://localhost:8888")
        _, said = affetto("login", "spotify", code=2)
        assert "refuses the name localhost" in said

    def test_options_of_music_servers_are_not_its_own(self, spotify):
        _, said = affetto("login", "spotify", "--user", "ada", code=2)
        assert "--url and --user are of music servers" in said

    def test_wrong_usage_takes_nothing_away(self, spotify):
        account = Account("spotify")
        account.keep({"user": "ada"})
        account.path.write_text("{")
        affetto("login", "spotify", "--user", "ada", code=2)
        assert account.path.exists()

    def test_logging_out_forgets_and_says_what_is_left(self, spotify, monkeypatch):
        account = Account("spotify")
        log_in(account, spotify)
        _, said = affetto("logout", "spotify")
        assert "Forgotten: what was kept of the login to Spotify" in said
        assert "spotify.com/account/apps" in said
        assert not account.path.exists()
        monkeypatch.setenv("SPOTIFY_CLIENT_SECRET", "s3cret-client")
        _, said = affetto("logout", "spotify")
        assert "Nothing is kept of a login to Spotify" in said
        assert "SPOTIFY_CLIENT_SECRET is set still" in said
        assert "s3cret-client" not in said


@pytest.mark.parametrize("service", ["subsonic", "jellyfin"])
class TestMusicServers:
    def test_what_is_not_told_is_asked_for_the_password_unseen(self, service, request):
        server = request.getfixturevalue(service)
        said = typed("login", service, lines=[server.url, "ada", PASSWORD])
        assert f"Logged in to {service.capitalize()} as ada" in said
        assert f'affetto collect "Happy={service}:playlist/NAME"' in said
        assert PASSWORD not in said
        kept = Account(service).path.read_text()
        assert server.url in kept
        assert PASSWORD not in kept

    def test_options_and_the_environment_leave_nothing_to_ask(self, service, request, monkeypatch):
        server = request.getfixturevalue(service)
        monkeypatch.setenv(f"{service.upper()}_PASSWORD", PASSWORD)
        _, said = affetto("login", service, "--url", server.url, "--user", "ada")
        assert f"Logged in to {service.capitalize()} as ada" in said

    def test_a_second_login_knows_the_address(self, service, request):
        server = request.getfixturevalue(service)
        typed("login", service, lines=[server.url, "ada", PASSWORD])
        said = typed("login", service, lines=[PASSWORD])
        assert f"Logged in to {service.capitalize()} as ada" in said

    def test_a_wrong_password_keeps_nothing(self, service, request, monkeypatch):
        server = request.getfixturevalue(service)
        monkeypatch.setenv(f"{service.upper()}_PASSWORD", "wr0ng-password")
        _, said = affetto("login", service, "--url", server.url, "--user", "ada", code=1)
        assert "wr0ng-password" not in said
        assert not Account(service).path.exists()

    def test_a_login_anew_replaces_a_file_that_cannot_be_used(self, service, request):
        server = request.getfixturevalue(service)
        account = Account(service)
        account.keep({"url": "https://old.example"})
        account.path.write_text("{")
        typed("login", service, lines=[server.url, "ada", PASSWORD])
        assert account.setting("url") == server.url

    @pytest.mark.parametrize("name", ["PASSWORD", "API_KEY"])
    def test_logging_out_names_what_logs_in_still(self, service, monkeypatch, name):
        monkeypatch.setenv(f"{service.upper()}_{name}", PASSWORD)
        _, said = affetto("logout", service)
        assert f"{service.upper()}_{name} is set still" in said
        assert PASSWORD not in said

    def test_logging_out_forgets(self, service, request):
        server = request.getfixturevalue(service)
        typed("login", service, lines=[server.url, "ada", PASSWORD])
        _, said = affetto("logout", service)
        assert f"Forgotten: what was kept of the login to {service.capitalize()}" in said
        assert not Account(service).path.exists()


def test_a_password_is_no_option():
    for command in ("login", "logout"):
        assert "--password" not in affetto(command, "--help")[0]
    affetto("login", "subsonic", "--password", PASSWORD, code=2)


def test_an_unknown_service_is_wrong_usage():
    for command in ("login", "logout"):
        _, said = affetto(command, "napster", code=2)
        assert "unknown service 'napster': expected spotify, subsonic (Navidrome" in said
    _, said = affetto("login", "jelyfin", code=2)
    assert "did you mean jellyfin?" in " ".join(said.split())


def test_navidrome_is_another_name(subsonic):
    said = typed("login", "Navidrome", lines=[subsonic.url, "ada", PASSWORD])
    assert "Logged in to Subsonic as ada" in said


def test_an_address_is_checked_before_a_password_is_asked_for(subsonic):
    _, said = affetto("login", "subsonic", "--url", "ftp://music", code=2)
    assert "expected one such as https://music.example.org" in said and "assword" not in said
    bare = subsonic.url.removeprefix("http://")  # as people write it
    assert "Logged in" in typed("login", "subsonic", lines=[bare, "ada", PASSWORD])


def test_whoever_sits_there_may_try_again(subsonic, monkeypatch):
    answers = iter([subsonic.url, "eda", "wr0ng", "ada", "wr0ng again", "ada", PASSWORD])
    asked = []

    def prompt(text, **_):
        asked.append(text)
        return next(answers)

    monkeypatch.setattr("typer.prompt", prompt)
    monkeypatch.setattr("affetto.cli_accounts._is_there", lambda: True)
    _, said = affetto("login", "subsonic")
    assert said.count("try again") == 2 and "Logged in to Subsonic as ada" in said
    password, name = f"Password of ada at {subsonic.url}", "Your name there"
    assert asked[2:] == [password.replace("ada", "eda"), name, password, name, password]
    assert "wr0ng" not in said


def test_a_wrong_password_of_the_environment_is_named(subsonic, monkeypatch):
    monkeypatch.setenv("SUBSONIC_PASSWORD", "wr0ng")
    _, said = affetto("login", "subsonic", "--url", subsonic.url, "--user", "ada", code=1)
    assert "the password is that of SUBSONIC_PASSWORD" in said and "wr0ng" not in said
