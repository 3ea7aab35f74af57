"""Services that take playlists, as the suite of targets drives them."""

from abc import ABC, abstractmethod

from affetto.tracks import Track
from services import spotify_server
from services.jellyfin_case import JellyfinCase
from services.memory_target import MemoryTarget
from services.spotify_case import SpotifyCase
from services.subsonic_case import SubsonicCase

MANY = 230
"""Tracks in each catalogue: more than any service takes in one request."""


def named(i):
    """Track i, as a table that knows no service would name it."""
    return Track(title=f"Track {i}", artist=f"Artist {i % 7}")


class TargetCase(ABC):
    """One service with a catalogue of `MANY` tracks, made anew for each test.

    Attributes
    ----------
    service : services.base.Service or None
        None: no network.
    """

    service = None

    @abstractmethod
    def __init__(self, folder, monkeypatch):
        """Begin in an empty folder; settings and secrets go into the environment."""

    @abstractmethod
    def open(self, cache):
        """Give the target, patient as `services.case.QUICK`."""

    @abstractmethod
    def id(self, i):
        """Give what the service knows track i by."""

    @abstractmethod
    def add(self, name, ids, *, own=True):
        """Make a playlist, of the user's own or of somebody else's, behind affetto's back."""

    @abstractmethod
    def contents(self, name, *, own=True):
        """Give the ids in each playlist of that name."""

    @abstractmethod
    def remove(self, name):
        """Take the user's own playlists of that name away."""

    @abstractmethod
    def n_writes(self):
        """Count the requests so far that could change a playlist."""

    def track(self, i):
        """Give track i so that it costs no request of its own to find it."""
        return named(i)

    def close(self):
        """End the service."""
        if self.service is not None:
            self.service.stop()


class MemoryTargetCase(TargetCase):
    def __init__(self, folder, monkeypatch):
        self.target = MemoryTarget()
        self.target.knows([named(i) for i in range(MANY)], [self.path(i) for i in range(MANY)])

    def open(self, cache):
        return self.target

    def id(self, i):
        return f"t{i}"

    def path(self, i):
        return f"/music/{i}.mp3"

    def add(self, name, ids, *, own=True):
        assert own
        self.target.has(name, *ids)

    def contents(self, name, *, own=True):
        return [list(tracks) for _, tracks in self.target.playlists.get(name, ())]

    def remove(self, name):
        self.target.playlists.pop(name, None)

    def n_writes(self):
        return len(self.target.writes)


class SpotifyTargetCase(TargetCase):
    def __init__(self, folder, monkeypatch):
        self.case = SpotifyCase(folder, monkeypatch)
        self.service = self.case.service
        self.service.catalogue = [spotify_server.track(i) for i in range(MANY)]

    def open(self, cache):
        return self.case.open(cache)

    def id(self, i):
        return spotify_server.track_id(i)

    def isrc(self, i):
        return spotify_server.isrc(i)

    def handles(self, i):
        return [self.id(i), f"spotify:track:{self.id(i)}"]

    def track(self, i):
        return Track(id=self.id(i), title=f"Track {i}", artist=f"Artist {i % 7}")

    def add(self, name, ids, *, own=True):
        places = [int(one.removeprefix("1track")) for one in ids]
        tracks = [spotify_server.track(i) for i in places]
        self.service.add_playlist(name, tracks, owner="anna" if own else "bert")

    def contents(self, name, *, own=True):
        return [[one["id"] for one in self.service.playlists[key]["items"]]
                for key in self.keys(name, "anna" if own else "bert")]  # fmt: skip

    def remove(self, name):
        for key in self.keys(name, "anna"):
            del self.service.playlists[key]

    def keys(self, name, owner):
        playlists = self.service.playlists.items()
        return [key for key, one in playlists if (one["name"], one["owner"]) == (name, owner)]

    def n_writes(self):
        return sum(
            seen.method != "GET" and seen.path.startswith("/v1/") for seen in self.service.seen
        )


class SubsonicTargetCase(TargetCase):
    is_old = False

    def __init__(self, folder, monkeypatch):
        self.case = SubsonicCase(folder, monkeypatch, is_old=self.is_old)
        self.service = self.case.service
        for i in range(MANY):
            self.service.add_song(i, **({} if self.is_old else {"isrc": [f"QZAB1{i:07d}"]}))

    def open(self, cache):
        return self.case.open(cache)

    def id(self, i):
        return f"so-{i}"

    def handles(self, i):
        return [f"subsonic:song/so-{i}"]

    def path(self, i):
        return f"/home/ada/Music/Artist {i % 7}/Album {i // 10}/Track {i}.wav"

    def add(self, name, ids, *, own=True):
        self.service.add_playlist(name, ids, owner="ada" if own else "bob", public=not own)

    def contents(self, name, *, own=True):
        return [self.service.playlists[key]["songs"] for key in self.keys(name, own=own)]

    def remove(self, name):
        for key in self.keys(name, own=True):
            del self.service.playlists[key]

    def keys(self, name, *, own):
        owner = "ada" if own else "bob"
        return [one for one in self.service.named(name)
                if self.service.playlists[one]["owner"] == owner]  # fmt: skip

    def n_writes(self):
        return sum("Playlist.view" in seen.path and "/get" not in seen.path
                   for seen in self.service.seen)  # fmt: skip


class NavidromeTargetCase(SubsonicTargetCase):
    def isrc(self, i):
        return f"QZAB1{i:07d}"


class OldSubsonicTargetCase(SubsonicTargetCase):
    """One that is only to be searched, title by title: no id, ISRC or file is found."""

    is_old = True


class JellyfinTargetCase(TargetCase):
    def __init__(self, folder, monkeypatch):
        self.case = JellyfinCase(folder, monkeypatch)
        self.service = self.case.service
        self.other = self.service.add_user("bob", "another")
        self.ids = [self.service.add_item(i) for i in range(MANY)]

    def open(self, cache):
        return self.case.open(cache)

    def id(self, i):
        return self.ids[i]

    def handles(self, i):
        return [f"jellyfin:item/{self.ids[i]}"]

    def path(self, i):
        return f"/home/ada/Music/Artist {i % 7}/Album {i // 10}/Track {i}.wav"

    def add(self, name, ids, *, own=True):
        owner = self.case.user if own else self.other
        self.service.add_playlist(name, ids, owner=owner, is_public=not own)

    def contents(self, name, *, own=True):
        return [self.service.content(key) for key in self.keys(name, own=own)]

    def remove(self, name):
        for key in self.keys(name, own=True):
            del self.service.playlists[key]

    def keys(self, name, *, own):
        owner = self.case.user if own else self.other
        return [one for one in self.service.named(name)
                if self.service.playlists[one]["owner"] == owner]  # fmt: skip

    def n_writes(self):
        return sum(
            seen.method != "GET" and seen.path.startswith("/Playlists")
            for seen in self.service.seen
        )
