"""A local Spotify: its Web API as apps in development mode see it in 2026, and its logins."""

import base64
import hashlib
import json
import time
from urllib.parse import urlencode

from services.base import Answer, Service

CLIENT_ID = "c11e47" + "0" * 26
CLIENT_SECRET = "s3cret-client"
SCOPES = (
    "playlist-modify-private playlist-modify-public playlist-read-collaborative "
    "playlist-read-private user-library-read"
)


def track_id(i):
    return f"1track{i:016d}"


def isrc(i):
    return f"QZAB1{i:07d}"


def track(i, **more):
    """Track i as the API writes it."""
    found = {
        "type": "track",
        "id": track_id(i),
        "uri": f"spotify:track:{track_id(i)}",
        "name": f"Track {i}",
        "artists": [{"name": f"Artist {i % 7}", "id": f"a{i % 7}"}],
        "album": {"name": f"Album {i % 5}"},
        "duration_ms": 180_000 + i,
        "external_ids": {"isrc": isrc(i)},
        "is_local": False,
    }
    return found | more


def episode(i):
    return {
        "type": "episode",
        "id": f"1episode{i:014d}",
        "uri": f"spotify:episode:1episode{i:014d}",
        "name": f"Episode {i}",
        "duration_ms": 1_800_000,
    }


def local_file(title):
    return {
        "type": "track",
        "id": None,
        "uri": f"spotify:local:::{title}:200",
        "name": title,
        "artists": [{"name": ""}],
        "album": {"name": None},
        "duration_ms": 200_000,
        "external_ids": {},
        "is_local": True,
    }


def features_of(i):
    shares = ("energy", "liveness", "speechiness", "acousticness", "instrumentalness")
    values = dict.fromkeys((*shares, "danceability", "valence"), (i % 90 + 5) / 100)
    more = {"tempo": 80.0 + i % 60, "loudness": -6.5, "duration_ms": 180_000 + i, "key": 5}
    return values | more | {"id": track_id(i), "type": "audio_features"}


def error(status, message):
    return Answer({"error": {"status": status, "message": message}}, status)


class SpotifyServer(Service):
    """Use `url` + "/v1" as the API's address, `url` as that of the logins."""

    def __init__(self):
        super().__init__()
        self.users = {"anna": "Anna Example", "bert": "Bert Example"}
        self.playlists = {}  # key: {"id", "name", "owner", "collaborative", "items"}
        self.saved = {"anna": [], "bert": []}
        self.catalogue = [track(i) for i in range(40)]  # what a search finds
        self.shape = "item"  # or "track": as before 2026
        self.features_on = False
        self.token_life_s = 3600
        self.access = {}  # token: {"user", "scope", "ends_at"}
        self.refresh = {}  # token: (user, scope)
        self.codes = {}  # code: {"challenge", "redirect_uri", "scope"}
        self.denies = False
        self.grants = SCOPES  # what a login allows at most
        self.registered = True
        self.told_total = {}  # playlist key: a function of the offset
        self.always_next = False
        self.most_a_page = 50  # given without a word, though more may be asked for
        self._n = 0

    def add_playlist(self, name, items, *, owner="anna", collaborative=False):
        key = f"{self._next():022d}"
        self.playlists[key] = {
            "id": key,
            "name": name,
            "owner": owner,
            "collaborative": collaborative,
            "items": list(items),
        }
        return key

    def issue(self, user="anna", scope=SCOPES):
        """Log a user in; give the token as the login page would."""
        return {
            "access_token": self._access(user, scope),
            "refresh_token": self._refresh(user, scope),
            "token_type": "Bearer",
            "expires_in": self.token_life_s,
            "scope": scope,
        }

    def expire_all(self):
        for one in self.access.values():
            one["ends_at"] = 0

    def revoke_all(self):
        self.access.clear()
        self.refresh.clear()

    def asked(self, part):
        return [seen for seen in self.seen if part in seen.path]

    def _next(self):
        self._n += 1
        return self._n

    def _access(self, user, scope=""):
        token = f"BQ-access-{self._next()}"
        ends_at = time.time() + self.token_life_s
        self.access[token] = {"user": user, "scope": scope.split(), "ends_at": ends_at}
        return token

    def _refresh(self, user, scope):
        token = f"AQ-refresh-{self._next()}"
        self.refresh[token] = (user, scope)
        return token

    def answer(self, seen):
        with self.lock:
            if seen.path == "/api/token":
                return self._token(seen)
            if seen.path == "/authorize":
                return self._authorize(seen)
            return self._api(seen)

    def _authorize(self, seen):
        redirect = seen.first("redirect_uri")
        if seen.first("client_id") != CLIENT_ID or "localhost" in redirect:
            return Answer(b"INVALID_CLIENT: Insecure redirect URI", 400, kind="text/plain")
        answer = {"state": seen.first("state")}
        if self.denies:
            answer["error"] = "access_denied"
        else:
            answer["code"] = f"AQ-code-{self._next()}"
            challenge = seen.first("code_challenge")
            assert seen.first("code_challenge_method") == "S256"
            asked = set(seen.first("scope", "").split())
            self.codes[answer["code"]] = {
                "challenge": challenge,
                "redirect_uri": redirect,
                "scope": " ".join(one for one in self.grants.split() if one in asked),
            }
        return Answer(None, 302, {"Location": f"{redirect}?{urlencode(answer)}"})

    def _token(self, seen):  # noqa: PLR0911 - one answer a case
        form = {name: values[0] for name, values in seen.form().items()}
        kind = form.get("grant_type")
        if kind == "client_credentials":
            basic = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
            if seen.headers.get("authorization") != f"Basic {basic}":
                return self._no("invalid_client", "Invalid client secret")
            token = {"access_token": self._access(None), "expires_in": self.token_life_s}
            return Answer({**token, "token_type": "Bearer"})
        if form.get("client_id") != CLIENT_ID:
            return self._no("invalid_client", "Invalid client")
        if kind == "refresh_token":
            known = self.refresh.pop(form.get("refresh_token"), None)  # each counts once
            if known is None:
                return self._no("invalid_grant", "Refresh token revoked")
            return Answer(self.issue(*known))
        code = self.codes.pop(form.get("code"), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if not code or (code["challenge"], code["redirect_uri"]) != (
            challenge,
            form.get("redirect_uri"),
        ):
            return self._no("invalid_grant", "Invalid authorization code")
        return Answer(self.issue("anna", code["scope"]))

    def _no(self, kind, words):
        return Answer({"error": kind, "error_description": words}, 400)

    def _api(self, seen):  # noqa: PLR0911
        token = seen.headers.get("authorization", "").removeprefix("Bearer ")
        known = self.access.get(token)
        if known is None:
            return error(401, "Invalid access token")
        if known["ends_at"] < time.time():
            return error(401, "The access token expired")
        if not self.registered:
            words = b"User not registered in the Developer Dashboard"
            return Answer(words, 403, kind="text/plain")
        parts = seen.path.removeprefix("/v1/").strip("/").split("/")
        if parts[0] == "me" and known["user"] is None:
            return error(401, "Valid user authentication required")
        if known["user"] and not self._may(known["scope"], seen.method, parts):
            return error(403, "Insufficient client scope")
        match (seen.method, *parts):
            case ("GET", "me"):
                return Answer({"id": known["user"], "display_name": self.users[known["user"]]})
            case ("GET", "me", "playlists"):
                return self._my_playlists(seen, known["user"])
            case ("POST", "me", "playlists"):
                made = seen.json()
                assert made["public"] is False
                key = self.add_playlist(made["name"], [], owner=known["user"])
                return Answer(self._meta(self.playlists[key]), 201)
            case ("GET", "me", "tracks"):
                return self._page(seen, self.saved[known["user"]], lambda one: {"track": one})
            case (method, "playlists", key, *rest):
                return self._playlist(seen, method, key, rest, known["user"])
            case ("GET", "search"):
                return self._search(seen)
            case ("GET", "audio-features"):
                return self._features(seen)
        return error(404, "Service not found")

    def _may(self, scope, method, parts):
        """Whether what was allowed at the login is enough for this."""
        needed = {
            "tracks": {"user-library-read"},
            "items": {"playlist-read-private"},
            "playlists": {"playlist-read-private", "playlist-read-collaborative"},
        }
        if method in {"POST", "PUT"}:
            return {"playlist-modify-private", "playlist-modify-public"} <= set(scope)
        return needed.get(parts[-1], set()) <= set(scope)

    def _playlist(self, seen, method, key, rest, user):
        playlist = self.playlists.get(key)
        if playlist is None:
            return error(404, "Resource not found")
        if not rest:
            return Answer(self._meta(playlist))
        allowed = user is not None and (playlist["owner"] == user or playlist["collaborative"])
        if rest != ["items"] or not allowed:  # the old /tracks too
            return error(403, "Forbidden")
        if method == "GET":
            return self._page(seen, playlist["items"], self._entry, self.told_total.get(key))
        body = json.loads(seen.body)
        uris = body.get("uris") if isinstance(body, dict) else None
        if uris is None or len(uris) > 100:
            return error(400, "Invalid body, or too many uris: 100 at most")
        added = [track(int(uri.removeprefix("spotify:track:1track"))) for uri in uris]
        playlist["items"] = added if method == "PUT" else [*playlist["items"], *added]
        return Answer({"snapshot_id": str(self._next())}, 200 if method == "PUT" else 201)

    def _my_playlists(self, seen, user):
        mine = [one for one in self.playlists.values() if one["owner"] == user]
        others = [one for one in self.playlists.values() if one["owner"] != user]  # followed
        return self._page(seen, [*mine, *others], self._meta)

    def _meta(self, playlist):
        content = {"total": len(playlist["items"])}
        return {
            "id": playlist["id"],
            "name": playlist["name"],
            "owner": {"id": playlist["owner"]},
            "collaborative": playlist["collaborative"],
            ("items" if self.shape == "item" else "tracks"): content,
        }

    def _entry(self, one):
        return None if one is None else {"is_local": bool(one.get("is_local")), self.shape: one}

    def _page(self, seen, entries, written, told_total=None):
        limit, offset = int(seen.first("limit", 20)), int(seen.first("offset", 0))
        if not 1 <= limit <= 50:
            return error(400, "Invalid limit")
        limit = min(limit, self.most_a_page)
        total = told_total(offset) if told_total else len(entries)
        more = offset + limit < total or self.always_next
        address = f"{self.url}{seen.path}?offset={offset + limit}&limit={limit}"
        return Answer(
            {
                "href": seen.path,
                "items": [written(one) for one in entries[offset : offset + limit]],
                "limit": limit,
                "offset": offset,
                "total": total,
                "next": address if more else None,
            }
        )

    def _search(self, seen):
        limit, query = int(seen.first("limit", 5)), seen.first("q")
        if not 1 <= limit <= 10:
            return error(400, "Invalid limit")
        if query.startswith("isrc:"):
            hits = [
                one for one in self.catalogue if query == f"isrc:{one['external_ids'].get('isrc')}"
            ]
        else:  # a search finds more than is asked for, the likeliest first
            words = query.split('"')[1].casefold()
            found = [one for one in self.catalogue if words.split()[0] in one["name"].casefold()]
            hits = sorted(found, key=lambda one: one["name"].casefold() != words)
        return Answer({"tracks": {"items": hits[:limit], "total": len(hits), "next": None}})

    def _features(self, seen):
        if not self.features_on:
            return error(403, "Forbidden")
        ids = seen.first("ids").split(",")
        if len(ids) > 100:
            return error(400, "Too many ids")
        known = {one["id"]: int(one["id"].removeprefix("1track")) for one in self.catalogue}
        return Answer(
            {"audio_features": [features_of(known[one]) if one in known else None for one in ids]}
        )
