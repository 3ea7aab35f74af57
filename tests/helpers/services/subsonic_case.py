"""The contract suite's way to drive `affetto.sources.subsonic`."""

from affetto.sources.subsonic import Subsonic
from services.case import SECRETS, MusicServerCase
from services.subsonic_server import SubsonicServer


class SubsonicCase(MusicServerCase):
    kind = Subsonic
    listing = "getPlaylist.view"

    def __init__(self, folder, monkeypatch, **kind):
        super().__init__(folder, monkeypatch, SubsonicServer(**kind))
        self.service.users = {"ada": SECRETS[0]}
        self.service.keys = {SECRETS[2]: "ada"}

    def add_track(self, i):
        return self.service.add_song(i)

    def tracks_of(self, key):
        return self.service.playlists[key]["songs"]

    def repeat_last(self, reference):
        (key,) = self.service.named(reference.partition("/")[2])
        songs = self.service.playlists[key]["songs"]
        songs.append(songs[-1])

    def forget_login(self):
        """Make the server know the user no longer."""
        self.service.users = {"ada": "another now"}
