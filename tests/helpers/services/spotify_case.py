"""Spotify, as the contract suites drive it."""

import time

from affetto.sources.accounts import Account
from affetto.sources.spotify.client import SpotifyClient
from services.case import QUICK, Case
from services.spotify_server import CLIENT_ID, SpotifyServer, track


def log_in(account, server, user="anna", **changes):
    """Keep a login as ``affetto login spotify`` does."""
    token = server.issue(user)
    token["expires_at"] = int(time.time()) + token["expires_in"]
    who = {"client_id": CLIENT_ID, "user_id": user, "user_name": server.users[user]}
    account.keep({"client_id": CLIENT_ID, "token": {**token, **who, **changes}})


def no_login(monkeypatch, server):
    """Point at a server, with nothing of the developer's own in the environment."""
    for name in ("CLIENT_ID", "CLIENT_SECRET", "REDIRECT_URI"):
        monkeypatch.delenv(f"SPOTIFY_{name}", raising=False)
        monkeypatch.delenv(f"SPOTIPY_{name}", raising=False)
    monkeypatch.setenv("SPOTIFY_API_URL", f"{server.url}/v1")
    monkeypatch.setenv("SPOTIFY_ACCOUNTS_URL", server.url)


class SpotifyCase(Case):
    name = "spotify"
    page = 50
    listing = "/items"

    def __init__(self, folder, monkeypatch):
        self.service = SpotifyServer().start()
        no_login(monkeypatch, self.service)
        self.account = Account("spotify", folder / "accounts")
        log_in(self.account, self.service)

    def add_playlist(self, name, n, *, first=0):
        key = self.service.add_playlist(name, [track(i) for i in range(first, first + n)])
        return f"spotify:playlist:{key}"

    def open(self, cache):
        return SpotifyClient(self.account, cache, patience=QUICK)

    def unknown(self):
        return f"spotify:playlist:{'9' * 22}"

    def forget_login(self):
        self.service.revoke_all()

    def repeat_last(self, reference):
        items = self.service.playlists[reference.rpartition(":")[2]]["items"]
        items.append(items[-1])
