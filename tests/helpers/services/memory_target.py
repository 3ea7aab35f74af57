"""A service that takes playlists, kept in memory; it counts what it is asked."""

from affetto.errors import PlaylistError
from affetto.sources.contract import TargetPlaylist


class MemoryTarget:
    """A `PlaylistTarget`.

    Attributes
    ----------
    asked : list of tuple
        What was asked, in order: its name and the playlist's, if there is one.
    playlists : dict of str to list of (str, tuple)
        Name → playlists of that name: key and tracks.
    before, after : dict of str to Exception
        Raised in writing the playlist of that name: before it is done, or when it was.
    """

    name = "memory"

    def __init__(self):
        self.known = {}
        self.playlists = {}
        self.asked = []
        self.before, self.after = {}, {}

    def knows(self, tracks, paths=None):
        """Take tracks into its catalogue, as t0, t1 and so on."""
        for track, path in zip(tracks, paths or [None] * len(tracks), strict=True):
            n_before = len(set(self.known.values()))
            for key in (*track.keys(), *([path] if path else [])):
                self.known[key] = f"t{n_before}"

    def has(self, name, *tracks):
        self.playlists.setdefault(name, []).append((f"key of {name}", tracks))

    def holds(self, name):
        """Give the tracks of the only playlist of that name."""
        ((_, tracks),) = self.playlists[name]
        return tracks

    @property
    def writes(self):
        return [asked for asked in self.asked if asked[0] in {"create", "replace"}]

    def match(self, tracks, paths):
        self.asked.append(("match", len(tracks)))
        found = []
        for track, path in zip(tracks, paths, strict=True):
            keys = [key for key in (path, *track.keys()) if key in self.known]
            found.append(self.known[keys[0]] if keys else None)
        return found

    def own_playlist(self, name):
        self.asked.append(("own_playlist", name))
        same = self.playlists.get(name, [])
        if len(same) > 1:
            raise PlaylistError(f"there are {len(same)} playlists called {name}; rename one")
        return TargetPlaylist(same[0][0], name, same[0][1]) if same else None

    def create(self, name, tracks):
        self.asked.append(("create", name))
        self._fail(self.before, name)
        self.has(name, *tracks)
        self._fail(self.after, name)

    def replace(self, playlist, tracks):
        name = playlist.name
        self.asked.append(("replace", name))
        self._fail(self.before, name)
        self.playlists[name] = [(playlist.key, tuple(tracks))]
        self._fail(self.after, name)

    def close(self):
        pass

    @staticmethod
    def _fail(errors, name):
        if name in errors:
            raise errors.pop(name)
