"""A Jellyfin server: users, tokens and keys, playlists in pages, entries with ids of their own."""

import hashlib
import re
import uuid
from collections import Counter
from urllib.parse import unquote

from services.base import Answer, Service
from services.music import track, wav_bytes

_ITEMS = re.compile(r"/Playlists/([^/]+)/Items")
_USERS = re.compile(r"/Playlists/([^/]+)/Users")
_DOWNLOAD = re.compile(r"/Items/([^/]+)/Download")
_STREAM = re.compile(r"/Audio/([^/]+)/stream")
_ASKED = re.compile(r'(\w+)="([^"]*)"')


def guid(*words):
    return hashlib.md5(" ".join(map(str, words)).encode()).hexdigest()


class JellyfinServer(Service):
    """Attributes
    ----------
    users : dict of str to dict
        Id → name, password, is_admin.
    tokens : dict of str to str
        Access token → user's id.
    keys : set of str
        API keys, nobody's own.
    items : dict of str to dict
    playlists : dict of str to dict
        Id → Name, owner, is_public, entries: a list of (entry's id, item's id).
    takes_twice : bool
        Whether a track may stand twice in a playlist: very old and very new servers.
    may_download : bool
    """

    def __init__(self):
        super().__init__()
        self.users, self.tokens, self.keys, self.devices = {}, {}, set(), {}
        self.items, self.playlists, self.favourites = {}, {}, []
        self.takes_twice, self.may_download = False, True
        self.n_made = 0

    def add_user(self, name, password, *, is_admin=False):
        user = guid("user", name)
        self.users[user] = {"Id": user, "Name": name, "password": password, "is_admin": is_admin}
        return user

    def add_item(self, i, **more):
        told = track(i)
        item = {
            "Id": guid("item", i),
            "Type": "Audio",
            "MediaType": "Audio",
            "Name": told["title"],
            "Artists": [told["artist"]],
            "Album": told["album"],
            "RunTimeTicks": told["ms"] * 10_000,
            "Container": "wav",
            "Path": f"/srv/music/{told['path']}",
            "ProviderIds": {"MusicBrainzTrack": str(uuid.UUID(guid("mb", i)))},
            **more,
        }
        self.items[item["Id"]] = item
        return item["Id"]

    def add_playlist(self, name, items, *, owner=None, is_public=False, kind="Audio"):
        self.n_made += 1
        key = guid("playlist", self.n_made)
        self.playlists[key] = {
            "Name": name,
            "owner": owner or next(iter(self.users)),
            "is_public": is_public,
            "MediaType": kind,
            "entries": [],
        }
        self.append(key, items, anything=True)
        return key

    def append(self, key, items, *, anything=False):
        entries = self.playlists[key]["entries"]
        there = Counter(item for _, item in entries)
        for item in items:
            if self.takes_twice or anything or not there[item]:
                # Since 10.10 the entry's id is the item's; very old ones had one for each.
                n = there[item]
                entries.append((f"{item}-{n}" if n and self.takes_twice else item, item))
                there[item] += 1

    def named(self, name):
        return [key for key, one in self.playlists.items() if one["Name"] == name]

    def content(self, key):
        return [item for _, item in self.playlists[key]["entries"]]

    def audio(self, item):
        return wav_bytes(sum(item.encode()))

    def answer(self, seen):
        said = dict(_ASKED.findall(seen.headers.get("authorization", "")))
        if not {"Client", "Device", "DeviceId", "Version"} <= set(said):
            return Answer(b"Error processing request.", 400, kind="text/plain")
        if seen.path == "/Users/AuthenticateByName" and seen.method == "POST":
            return self.authenticate(seen.json(), said["DeviceId"])
        token = unquote(said.get("Token", ""))
        if seen.path == "/Sessions/Logout" and seen.method == "POST":
            self.tokens.pop(token, None)
            return Answer(None, 204)
        caller = self.tokens.get(token)
        if caller is None and token not in self.keys:
            return Answer(b"", 401)
        return self.told(seen, caller)

    def told(self, seen, caller):  # noqa: PLR0911
        for pattern, handler in (
            (_ITEMS, self.entries),
            (_USERS, self.sharing),
            (_DOWNLOAD, self.download),
            (_STREAM, self.stream),
        ):
            if match := pattern.fullmatch(seen.path):
                return handler(seen, caller, match[1])
        if seen.path == "/Users":
            return Answer([self.shown(user) for user in self.users])
        if seen.path == "/Users/Me":
            if caller is None:
                return Answer(b"Error processing request.", 400, kind="text/plain")
            return Answer(self.shown(caller))
        user = self.meant(seen, caller)
        if user is None:
            return Answer(b"", 403)
        if seen.path == "/Items":
            return self.listed(seen, user)
        if seen.path == "/Playlists" and seen.method == "POST":
            asked = seen.json()
            key = self.add_playlist(
                asked["Name"], [], owner=asked["UserId"], is_public=asked.get("IsPublic", True)
            )
            self.append(key, [one for one in asked["Ids"] if one in self.items])
            return Answer({"Id": key})
        return Answer(b"", 404)

    def authenticate(self, asked, device):
        for user, one in self.users.items():
            same_name = one["Name"].lower() == asked["Username"].lower()
            if same_name and one["password"] == asked["Pw"]:
                self.n_made += 1
                token = guid("token", self.n_made)
                # A login ends those before it of the same user and device.
                self.tokens.pop(self.devices.get((user, device)), None)
                self.tokens[token], self.devices[user, device] = user, token
                return Answer({"User": self.shown(user), "AccessToken": token, "ServerId": "x"})
        return Answer(b"Error processing request.", 401, kind="text/plain")

    def shown(self, user):
        return {"Id": user, "Name": self.users[user]["Name"]}

    def meant(self, seen, caller):
        """Give the user that is asked for, if the caller may ask for them."""
        asked = seen.first("userId") or seen.first("UserId") or caller
        if seen.path == "/Playlists":
            asked = seen.json()["UserId"]
        is_admin = caller is None or self.users[caller]["is_admin"]
        return asked if asked in self.users and (asked == caller or is_admin) else None

    def page(self, seen, things, tell=dict):
        start, n = int(seen.first("StartIndex", 0)), int(seen.first("Limit", len(things)))
        part = [tell(one) for one in things[start : start + n]]
        return Answer({"Items": part, "TotalRecordCount": len(things), "StartIndex": start})

    def item(self, item, fields):
        one = dict(self.items[item])
        if "Path" not in fields:
            one.pop("Path")
        if "ProviderIds" not in fields:
            one.pop("ProviderIds")
        return one

    def listed(self, seen, user):
        kind, fields = seen.first("IncludeItemTypes"), (seen.first("Fields") or "").split(",")
        if kind == "Playlist":
            visible = [
                {
                    "Id": key,
                    "Name": one["Name"],
                    "Type": "Playlist",
                    "MediaType": one["MediaType"],
                    **({"ChildCount": len(one["entries"])} if "ChildCount" in fields else {}),
                    **({"CanDelete": self.owns(user, one)} if "CanDelete" in fields else {}),
                }
                for key, one in self.playlists.items()
                if one["owner"] == user or one["is_public"]
            ]
            return self.page(seen, visible)
        ids = [one for one in (seen.first("Ids") or "").split(",") if one] or list(self.items)
        if seen.first("Filters") == "IsFavorite":
            ids = self.favourites
        found = [self.item(one, fields) for one in ids if one in self.items]
        return self.page(seen, [one for one in found if kind in {None, one["Type"]}])

    def owns(self, user, playlist):
        return playlist["owner"] == user or self.users[user]["is_admin"]

    def entries(self, seen, caller, key):
        if seen.method == "DELETE" and caller is None:
            # Jellyfin looks for the caller's own id here, and a key has none.
            return Answer(b"Error processing request.", 400, kind="text/plain")
        user = caller if seen.method == "DELETE" else self.meant(seen, caller)
        playlist = self.playlists.get(key)
        if user is None or playlist is None:
            return Answer("Playlist not found", 404)
        if playlist["owner"] != user and not (playlist["is_public"] and seen.method == "GET"):
            return Answer(b"", 403)
        if seen.method == "DELETE":
            gone = set(seen.first("entryIds", "").split(","))
            playlist["entries"] = [one for one in playlist["entries"] if one[0] not in gone]
            return Answer(None, 204)
        if seen.method == "POST":
            self.append(key, [one for one in seen.first("ids", "").split(",") if one in self.items])
            return Answer(None, 204)
        fields = (seen.first("Fields") or "").split(",")
        return self.page(
            seen,
            playlist["entries"],
            lambda one: {**self.item(one[1], fields), "PlaylistItemId": one[0]},
        )

    def sharing(self, seen, caller, key):
        owner = self.playlists.get(key, {}).get("owner")
        return Answer([]) if caller == owner else Answer(b"", 403)

    def download(self, seen, caller, item):
        if not self.may_download:
            return Answer(b"", 403)
        return self.stream(seen, caller, item)

    def stream(self, seen, caller, item):
        if item not in self.items:
            return Answer(b"", 404)
        return Answer(self.audio(item), kind="audio/wav")
