"""A Subsonic server as Navidrome is one, or as the old ones were (`is_old`)."""

import hashlib

from services.base import Answer, Service
from services.music import track, wav_bytes


class SubsonicServer(Service):
    """Attributes
    ----------
    songs : dict of str to dict
        Id → as the API tells a song.
    playlists : dict of str to dict
        Id → name, owner, public, songs (a list of ids).
    users, keys : dict
        Name → password; API key → name.
    is_old : bool
        GET only, no OpenSubsonic, API 1.13, one thing in place of a list of one, nothing for
        what is empty, nothing told of a new playlist, empty searches find nothing.
    version : str
    refuses : dict of str to (int, str)
        Endpoint → code and message of the error it answers.
    """

    def __init__(self, *, is_old=False, version=None, tokens=True):
        super().__init__()
        self.is_old, self.tokens = is_old, tokens
        self.version = version or ("1.13.0" if is_old else "1.16.1")
        self.users = {"ada": "tr0ub4dor-password"}
        self.keys = {"s3cret-api-key": "ada"}
        self.songs, self.playlists, self.starred = {}, {}, []
        self.refuses = {}
        self.longest_address = 8_000
        self.n_made = 0

    def add_song(self, i, **more):
        told = track(i)
        song = {
            "id": f"so-{i}",
            "isDir": False,
            "title": told["title"],
            "album": told["album"],
            "artist": told["artist"],
            "duration": told["ms"] // 1000,
            "path": told["path"],
            "suffix": "wav",
            "contentType": "audio/wav",
            "type": "music",
            "isVideo": False,
            **(
                {}
                if self.is_old
                else {"isrc": [], "artists": [{"id": "a", "name": told["artist"]}]}
            ),
            **more,
        }
        self.songs[str(song["id"])] = song
        return str(song["id"])

    def add_playlist(self, name, songs, *, owner="ada", public=False):
        self.n_made += 1
        key = f"pl-{self.n_made}"
        self.playlists[key] = {"name": name, "owner": owner, "public": public, "songs": list(songs)}
        return key

    def named(self, name):
        return [key for key, one in self.playlists.items() if one["name"] == name]

    def audio(self, song_id):
        return wav_bytes(sum(song_id.encode()))

    def answer(self, seen):  # noqa: PLR0911
        sent = dict(seen.query)
        if seen.method == "POST":
            if self.is_old:
                return Answer(b"<html>405</html>", 405, kind="text/html")
            sent = {**sent, **seen.form()}
        elif sum(len(name) + len(one) + 2 for name, all_ in sent.items() for one in all_) > (
            self.longest_address
        ):
            return Answer(b"", 414)
        first = {name: values[0] for name, values in sent.items()}
        if not seen.path.startswith("/rest/"):
            return Answer(b"<html>404</html>", 404, kind="text/html")
        endpoint = seen.path.removeprefix("/rest/").removesuffix(".view")
        if first.get("f") != "json":
            xml = '<?xml version="1.0"?><subsonic-response status="failed" version="1.16.1"/>'
            return Answer(xml.encode(), kind="text/xml")
        if endpoint == "getOpenSubsonicExtensions" and not self.is_old:
            return self.ok(openSubsonicExtensions=[{"name": "formPost", "versions": [1]}])
        if not {"c", "v"} <= set(first):
            return self.failed(10, "Required parameter is missing.")
        user = self.who(first)
        if not isinstance(user, str):
            return user
        if endpoint in self.refuses:
            return self.failed(*self.refuses[endpoint])
        handler = getattr(self, f"do_{endpoint}", None)
        if handler is None:
            return Answer(b"<html>404</html>", 404, kind="text/html")
        return handler(user, sent, first)

    def who(self, first):  # noqa: PLR0911
        """Give the user, or the error that says why there is none."""
        if "apiKey" in first:
            if {"u", "p", "t", "s"} & set(first):
                return self.failed(43, "Multiple conflicting authentication mechanisms provided")
            if self.is_old or first["apiKey"] not in self.keys:
                return self.failed(44, "Invalid API key")
            return self.keys[first["apiKey"]]
        user, wrong = first.get("u", ""), self.failed(40, "Wrong username or password")
        password = self.users.get(user)
        if "t" in first:
            if not self.tokens:
                return self.failed(41, "Token authentication not supported for LDAP users.")
            right = hashlib.md5(f"{password}{first.get('s')}".encode()).hexdigest()
            return user if password and first["t"] == right else wrong
        if first.get("p", "").startswith("enc:"):
            told = bytes.fromhex(first["p"][4:]).decode()
            return user if password and told == password else wrong
        return self.failed(10, "Required parameter is missing.")

    def ok(self, **content):
        more = {} if self.is_old else {"type": "navidrome", "openSubsonic": True}
        return Answer(
            {"subsonic-response": {"status": "ok", "version": self.version, **more, **content}}
        )

    def failed(self, code, message):
        body = {"status": "failed", "version": self.version}
        return Answer({"subsonic-response": {**body, "error": {"code": code, "message": message}}})

    def many(self, name, things):
        """A list as this server writes it."""
        if self.is_old and len(things) < 2:
            return {name: things[0]} if things else {}
        return {name: things} if things else {}

    def visible(self, user):
        return {
            key: one for key, one in self.playlists.items() if one["owner"] == user or one["public"]
        }

    def summary(self, key):
        one = self.playlists[key]
        return {
            "id": key,
            "name": one["name"],
            "owner": one["owner"],
            "public": one["public"],
            "songCount": len(one["songs"]),
        }

    def content(self, key):
        songs = [self.songs[one] for one in self.playlists[key]["songs"] if one in self.songs]
        return {**self.summary(key), **self.many("entry", songs)}

    def do_ping(self, user, sent, first):
        return self.ok()

    def do_tokenInfo(self, user, sent, first):  # noqa: N802
        return self.ok(tokenInfo={"username": user})

    def do_getPlaylists(self, user, sent, first):  # noqa: N802
        told = [self.summary(key) for key in self.visible(user)]
        return self.ok(playlists=self.many("playlist", told))

    def do_getPlaylist(self, user, sent, first):  # noqa: N802
        key = first.get("id")
        if key not in self.playlists:
            return self.failed(70, "Playlist not found")
        if key not in self.visible(user):
            return self.failed(50, "User is not authorized for the given operation.")
        return self.ok(playlist=self.content(key))

    def do_getStarred2(self, user, sent, first):  # noqa: N802
        return self.ok(starred2=self.many("song", [self.songs[one] for one in self.starred]))

    def do_getSong(self, user, sent, first):  # noqa: N802
        song = self.songs.get(first.get("id"))
        return self.ok(song=song) if song else self.failed(70, "Song not found")

    def do_search3(self, user, sent, first):
        query, start = first["query"], int(first.get("songOffset", 0))
        n = min(int(first.get("songCount", 20)), 500)
        if self.is_old and not query:
            found = []
        else:
            found = [one for one in self.songs.values() if query.lower() in one["title"].lower()]
        return self.ok(searchResult3=self.many("song", found[start : start + n]))

    def do_createPlaylist(self, user, sent, first):  # noqa: N802
        songs, key = sent.get("songId", []), first.get("playlistId")
        if key is None:
            if not first.get("name"):
                return self.failed(10, "Required parameter is missing.")
            key = self.add_playlist(first["name"], songs, owner=user)
        elif key not in self.playlists:
            return self.failed(70, "Playlist not found")
        elif self.playlists[key]["owner"] != user:
            return self.failed(50, "User is not authorized for the given operation.")
        else:
            self.playlists[key]["songs"] = list(songs)
        return self.ok() if self.is_old else self.ok(playlist=self.content(key))

    def do_updatePlaylist(self, user, sent, first):  # noqa: N802
        key = first.get("playlistId")
        if key not in self.playlists:
            return self.failed(70, "Playlist not found")
        self.playlists[key]["songs"] += sent.get("songIdToAdd", [])
        return self.ok()

    def do_download(self, user, sent, first):
        if first.get("id") not in self.songs:
            return self.failed(70, "Song not found")
        return Answer(self.audio(first["id"]), kind="audio/wav")

    do_stream = do_download
