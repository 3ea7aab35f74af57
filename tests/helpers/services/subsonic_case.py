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


class SubsonicTargetCase(SubsonicCase):
    """For the suite of targets: a catalogue of 230 tracks, of which others have playlists too."""

    ways = frozenset({"isrc", "name", "path"})

    def __init__(self, folder, monkeypatch, **kind):
        super().__init__(folder, monkeypatch, **kind)
        self.service.users["bob"] = "b0b-password"
        for i in range(230):
            self.service.add_song(i, isrc=[self.isrc(i)])

    def id(self, i):
        return f"so-{i}"

    def isrc(self, i):
        return f"DEAAA26{i:05d}"

    def path(self, i):
        return f"/home/ada/Music/{self.service.songs[self.id(i)]['path']}"

    def add(self, name, ids, *, own=True):
        self.service.add_playlist(name, ids, owner="ada" if own else "bob", public=not own)

    def contents(self, name, *, own=True):
        told = self.service.playlists.values()
        mine = [one for one in told if (one["owner"] == "ada") == own]
        return [one["songs"] for one in mine if one["name"] == name]

    def reset(self, name, ids):
        for key in self.service.named(name):
            if ids is None:
                del self.service.playlists[key]
            else:
                self.service.playlists[key]["songs"] = list(ids)

    def n_writes(self):
        writing = ("createPlaylist.view", "updatePlaylist.view", "deletePlaylist.view")
        return sum(path.endswith(writing) for path in self.service.paths())


class OldSubsonicTargetCase(SubsonicTargetCase):
    """A server that takes no forms, and lists nothing to an empty search: only titles find."""

    ways = frozenset({"name"})

    def __init__(self, folder, monkeypatch):
        super().__init__(folder, monkeypatch, is_old=True)
