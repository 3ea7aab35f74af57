"""The contract suite's way to drive `affetto.sources.jellyfin`."""

from affetto.sources.jellyfin import PAGE, Jellyfin
from services.case import SECRETS, MusicServerCase
from services.jellyfin_server import JellyfinServer


class JellyfinCase(MusicServerCase):
    kind = Jellyfin
    page = PAGE
    listing = "/Playlists/"

    def __init__(self, folder, monkeypatch):
        super().__init__(folder, monkeypatch, JellyfinServer())
        self.user = self.service.add_user("ada", SECRETS[0])

    def add_track(self, i):
        return self.service.add_item(i)

    def tracks_of(self, key):
        return self.service.content(key)

    def repeat_last(self, reference):
        (key,) = self.service.named(reference.partition("/")[2])
        self.service.append(key, self.service.content(key)[-1:], anything=True)

    def forget_login(self):
        """Make the server know the user no longer."""
        self.service.users[self.user]["password"] = "another now"
        self.service.tokens.clear()
