"""The contract suite's way to drive `affetto.sources.subsonic`."""

from affetto.sources.accounts import Account
from affetto.sources.subsonic import Subsonic
from services.case import QUICK, SECRETS, Case
from services.subsonic_server import SubsonicServer


class SubsonicCase(Case):
    name = "subsonic"
    listing = "getPlaylist.view"

    def __init__(self, folder, monkeypatch, **kind):
        self.folder = folder
        self.service = SubsonicServer(**kind).start()
        self.monkeypatch = monkeypatch
        self.service.users = {"ada": SECRETS[0]}
        self.service.keys = {SECRETS[2]: "ada"}
        for name in ("API_KEY", "MUSIC_FOLDER"):
            monkeypatch.delenv(f"SUBSONIC_{name}", raising=False)
        monkeypatch.setenv("SUBSONIC_URL", self.service.url)
        monkeypatch.setenv("SUBSONIC_USER", "ada")
        monkeypatch.setenv("SUBSONIC_PASSWORD", SECRETS[0])

    def add_playlist(self, name, n, *, first=0):
        songs = [self.service.add_song(i) for i in range(first, first + n)]
        self.service.add_playlist(name, songs)
        return f"subsonic:playlist/{name}"

    def repeat_last(self, reference):
        (key,) = self.service.named(reference.partition("/")[2])
        songs = self.service.playlists[key]["songs"]
        songs.append(songs[-1])

    def forget_login(self):
        """Make the server know the user no longer."""
        self.service.users = {"ada": "another now"}

    def account(self):
        return Account("subsonic", self.folder / "accounts")

    def open(self, cache):
        return Subsonic(self.account(), cache, patience=QUICK)

    def unknown(self):
        return "subsonic:playlist/Nowhere"
