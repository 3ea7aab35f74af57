"""The contract suite's way to drive `affetto.sources.jellyfin`."""

from affetto.sources.accounts import Account
from affetto.sources.jellyfin import PAGE, Jellyfin
from services.case import QUICK, SECRETS, Case
from services.jellyfin_server import JellyfinServer


class JellyfinCase(Case):
    name = "jellyfin"
    page = PAGE
    listing = "/Playlists/"

    def __init__(self, folder, monkeypatch):
        self.folder = folder
        self.service = JellyfinServer().start()
        self.user = self.service.add_user("ada", SECRETS[0])
        self.monkeypatch = monkeypatch
        for name in ("API_KEY", "MUSIC_FOLDER"):
            monkeypatch.delenv(f"JELLYFIN_{name}", raising=False)
        monkeypatch.setenv("JELLYFIN_URL", self.service.url)
        monkeypatch.setenv("JELLYFIN_USER", "ada")
        monkeypatch.setenv("JELLYFIN_PASSWORD", SECRETS[0])

    def add_playlist(self, name, n, *, first=0):
        items = [self.service.add_item(i) for i in range(first, first + n)]
        self.service.add_playlist(name, items)
        return f"jellyfin:playlist/{name}"

    def repeat_last(self, reference):
        (key,) = self.service.named(reference.partition("/")[2])
        self.service.append(key, self.service.content(key)[-1:], anything=True)

    def forget_login(self):
        """Make the server know the user no longer."""
        self.service.users[self.user]["password"] = "another now"
        self.service.tokens.clear()

    def account(self):
        return Account("jellyfin", self.folder / "accounts")

    def open(self, cache):
        return Jellyfin(self.account(), cache, patience=QUICK)

    def unknown(self):
        return "jellyfin:playlist/Nowhere"
