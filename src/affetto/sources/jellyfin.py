"""Jellyfin servers.

References
----------
.. [1] The Jellyfin API, api.jellyfin.org; authorisation: jellyfin.org, developers' documentation.
"""

import hashlib
import platform
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import takewhile
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import affetto
from affetto.errors import LoginError, ServiceAnswerError, ServiceError, ServiceRefusedError
from affetto.sources.accounts import Account
from affetto.sources.cache import MISS_DAYS, AnswerCache
from affetto.sources.entries import Entry, Page, count_of, entry_of, suffix_of, text_of, walked
from affetto.sources.music_server import MusicServer, is_kept_for, login_setting
from affetto.sources.patience import Patience
from affetto.sources.web import WebClient, checked_url

SERVICE: Final = "jellyfin"
PAGE: Final = 200
"""Entries of a playlist, and playlists, asked for at once."""
CATALOGUE_PAGE: Final = 500
WRITTEN_AT_ONCE: Final = 100
"""Tracks added or taken out at once: they stand in the address, which may be 8 kB long."""

_TICKS_A_MS = 10_000
_AT_THE_END = Patience(attempts=1, timeout_s=3.0)  # nobody waits long for a farewell
_WAYS = (
    "log in with: affetto login jellyfin; or set JELLYFIN_URL, JELLYFIN_USER and JELLYFIN_PASSWORD "
    "(or JELLYFIN_API_KEY)"
)


class Jellyfin(MusicServer):
    """A Jellyfin server, as `affetto.sources.music_server.MusicServer` says."""

    name, title, ways = SERVICE, "Jellyfin", _WAYS
    favourites = "favourites"
    handles = "jellyfin:item/"
    keys_name_users = False

    def __init__(self, account: Account, cache: AnswerCache, *, patience: Patience | None = None):
        super().__init__(account, cache, patience=patience)
        self._made: WebClient | None = None
        self._visit: WebClient | None = None
        self._user_id: str | None = None
        self._n_before = 0

    @property
    def n_requests(self) -> int:
        """How many requests were sent."""
        return self._n_before + (self._made.n_requests if self._made else 0)

    def close(self) -> None:
        """Close all connections, and log out where a password was traded for a login."""
        if self._visit:
            with self._visit, suppress(ServiceError):
                self._visit.json("Sessions/Logout", method="POST")
            self._visit = None
        if self._made:
            self._made.close()

    @staticmethod
    def _address(url: str) -> str:
        return _base(url)

    def _json(self, path: str, params: Mapping[str, Any] | None = None, **more: Any) -> Any:
        """Ask as the user; a login that counts no more is said to be so."""
        client, _ = self._who()
        try:
            return client.json(path, params, **more)
        except LoginError as exc:
            raise _unknown(self._url, exc) from exc

    def _who(self) -> tuple[WebClient, str]:
        """Give the connection and the user's id; found out when something must be asked."""
        with self._lock:
            if self._made is None:
                self._made = self._connect()
            if self._user_id is None:
                self._user_id = self._owner(self._made)
            return self._made, self._user_id

    def _connect(self) -> WebClient:
        if self._api_key:
            return _client(self._url, self._user, self._api_key, self._patience)
        if password := login_setting(self._account, "password", self._url, self._user):
            # A device of this run's own: a login ends those before it of the same device, which
            # may be the one that is kept, or another run's.
            device = secrets.token_hex(12)
            with _client(self._url, self._user, None, self._patience, device) as client:
                token, self._user_id, _ = _authenticate(client, self._user, password)
                self._n_before += client.n_requests
            self._visit = _client(self._url, self._user, token, _AT_THE_END, device)
            return _client(self._url, self._user, token, self._patience, device)
        kept = self._account.kept()
        if kept.get("token") and is_kept_for(self._account, self._url, self._user):
            self._user_id = text_of(kept.get("user_id"))
            return _client(self._url, self._user, str(kept["token"]), self._patience)
        raise LoginError(
            f"there is no login of {self._user} at the Jellyfin server {self._url}: {_WAYS}"
        )

    def _owner(self, client: WebClient) -> str:
        """Find whose playlists are meant: a key of the server belongs to nobody."""
        service = f"{SERVICE} {self._url}"
        if (kept := self._cache.get(service, "user", self._user, changes=True)) and kept.value:
            return str(kept.value)
        try:
            users = [one for one in _list(client.json("Users"), self._url) if one.get("Id")]
            by_name = {text_of(one.get("Name")) or "": str(one["Id"]) for one in users}
            named = [by_name[one] for one in by_name if one.casefold() == self._user.casefold()]
            if self._is_nameless:
                named = list(by_name.values()) if len(by_name) == 1 else _me(client)
        except LoginError as exc:
            raise _unknown(self._url, exc) from exc
        if not named:
            users_there = ", ".join(sorted(by_name)) or "(it tells of none)"
            wrong = f"no user {self._user!r}"
            if self._is_nameless:
                wrong = "an API key belongs to no user"
            raise LoginError(f"{self._url}: {wrong}; set JELLYFIN_USER to one of {users_there}")
        self._cache.put(service, "user", self._user, named[0], days=MISS_DAYS)
        return named[0]

    def _items(self, start: int, n: int, **asked: str) -> Page:
        """Ask for a page of all that there is of a kind."""
        _, user_id = self._who()
        told = self._json(
            "Items",
            {
                "userId": user_id,
                "Recursive": "true",
                "SortBy": "SortName",
                "SortOrder": "Ascending",
                "EnableImages": "false",
                "StartIndex": start,
                "Limit": n,
                **asked,
            },
        )
        return self._page(told)

    def _page(self, told: object) -> Page:
        total = told.get("TotalRecordCount") if isinstance(told, dict) else None
        return Page(_list(told, self._url, "Items"), count_of(total))

    def _ask_playlists(self, start: int) -> Page:
        page = self._items(start, PAGE, IncludeItemTypes="Playlist", Fields="ChildCount")
        return Page([_playlist(one) for one in page.entries], page.n_total)

    def _ask_entries(self, key: str | None, start: int) -> Page:
        if key is None:
            page = self._items(
                start,
                PAGE,
                IncludeItemTypes="Audio",
                Filters="IsFavorite",
                Fields="Path,ProviderIds,MediaSources",
            )
        else:
            page = self._page(self._ask_playlist(key, start, "Path,ProviderIds,MediaSources"))
        return Page([_entry(item) for item in page.entries], page.n_total)

    def _ask_playlist(self, key: str, start: int, fields: str | None = None) -> Any:
        _, user_id = self._who()
        asked = {"UserId": user_id, "StartIndex": start, "Limit": PAGE}
        if fields:
            asked["Fields"] = fields
        return self._json(f"Playlists/{quote(key, safe='')}/Items", asked)

    def _ask_catalogue(self, start: int) -> Page:
        page = self._items(
            start,
            CATALOGUE_PAGE,
            IncludeItemTypes="Audio",
            Fields="Path,ProviderIds",
            EnableUserData="false",
        )
        return Page([_entry(item) for item in page.entries], page.n_total)

    def _ask_suffix(self, handle: str) -> str:
        _, user_id = self._who()
        told = self._json(
            "Items", {"userId": user_id, "Ids": handle, "Fields": "Path,MediaSources"}
        )
        items = _list(told, self._url, "Items")
        return str(_entry(items[0])["suffix"]) if items else ""

    def _download(self, handle: str, target: Path) -> None:
        client, _ = self._who()
        track = quote(handle, safe="")
        try:
            try:
                client.download(f"Items/{track}/Download", target)
            except LoginError:
                raise
            except (ServiceRefusedError, ServiceAnswerError):
                # Users may be forbidden to download, and still listen; "static": the file itself.
                client.download(f"Audio/{track}/stream", target, {"static": "true"})
        except LoginError as exc:
            raise _unknown(self._url, exc) from exc

    def _own(self, name: str) -> Sequence[str]:
        def ask(start: int) -> Page:
            return self._items(start, PAGE, IncludeItemTypes="Playlist", Fields="CanDelete")

        found = [
            key
            for page in walked(ask)
            for one in page.entries
            if text_of(one.get("Name")) == name.strip()
            and (key := text_of(one.get("Id")))
            and one.get("CanDelete") is not False
        ]
        return [key for key in found if self._is_mine(key)]

    def _is_mine(self, key: str) -> bool:
        """Ask what only the owner is told: administrators may delete the playlists of all."""
        if self._api_key:
            return True
        try:
            self._json(f"Playlists/{quote(key, safe='')}/Users")
        except LoginError:
            raise
        except ServiceRefusedError as exc:
            if exc.status >= 500:
                raise
            return exc.status != 403  # older servers have no such page
        return True

    def _ids(self, key: str) -> tuple[str, ...]:
        return tuple(str(item.get("Id")) for item in self._content(key))

    def _content(self, key: str) -> list[dict[str, Any]]:
        pages = walked(lambda start: self._page(self._ask_playlist(key, start)))
        return [item for page in pages for item in page.entries]

    def _lasting(self, tracks: Sequence[str]) -> tuple[str, ...]:
        """Leave out what stands there before: most versions take a track once."""
        return tuple(dict.fromkeys(tracks))

    def _make(self, name: str, tracks: Sequence[str]) -> None:
        _, user_id = self._who()
        asked = {
            "Name": name,
            "Ids": list(tracks),
            "UserId": user_id,
            "MediaType": "Audio",
            "IsPublic": False,
        }
        told = self._json("Playlists", method="POST", body=asked, repeatable=False)
        key = text_of(told.get("Id")) if isinstance(told, dict) else None
        if key:
            self._check_written(tracks, self._ids(key))

    def _fill(self, key: str, tracks: Sequence[str]) -> None:
        there = self._content(key)
        now = [item.get("Id") for item in there]
        if now == list(tracks):
            return
        entries = [str(item.get("PlaylistItemId") or item.get("Id")) for item in there]
        # What is right up to the first difference stays, so that little is lost on the way.
        pairs = zip(now, tracks, strict=False)
        n_right = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        if set(entries[:n_right]) & set(entries[n_right:]):
            n_right = 0  # of a track that stands there twice, both go with one id
        self._take_out(key, entries[n_right:])
        _, user_id = self._who()
        path = f"Playlists/{quote(key, safe='')}/Items"

        def add(some: Sequence[str]) -> None:
            asked = {"ids": ",".join(some), "userId": user_id}
            self._json(path, asked, method="POST", repeatable=False)

        self._append(key, tracks, n_right, WRITTEN_AT_ONCE, add)
        self._check_written(tracks, self._ids(key))

    def _take_out(self, key: str, entries: Sequence[str]) -> None:
        unique = list(dict.fromkeys(entries))
        for start in range(0, len(unique), WRITTEN_AT_ONCE):
            asked = {"entryIds": ",".join(unique[start : start + WRITTEN_AT_ONCE])}
            try:
                self._json(f"Playlists/{quote(key, safe='')}/Items", asked, method="DELETE")
            except LoginError:
                raise
            except ServiceRefusedError as exc:
                if not self._api_key:
                    raise
                raise ServiceRefusedError(
                    f"{self._url} lets no API key take tracks out of a playlist (nothing was "
                    "changed); a login can: unset JELLYFIN_API_KEY, then: affetto login jellyfin",
                    status=exc.status,
                    told=exc.told,
                ) from exc


def login(
    account: Account, url: str, user: str, password: str, *, patience: Patience | None = None
) -> str:
    """Log in, and keep the token that the server gives; the password is kept nowhere.

    Parameters
    ----------
    account : Account
    url, user, password : str
    patience : Patience, optional

    Returns
    -------
    str
        The user's name, as the server spells it.

    Raises
    ------
    LoginError
        If the server does not know the user.
    ServiceError
        If it cannot be asked.
    UsageError
        If the address is none.
    """
    user, url = user.strip(), _base(url)
    if not user:
        raise LoginError("a login needs the user's name")
    with _client(url, user, None, patience) as client:
        token, user_id, name = _authenticate(client, user, password)
    account.keep({"url": url, "user": name, "user_id": user_id, "token": token})
    return name


def _client(
    url: str, user: str, token: str | None, patience: Patience | None, device: str | None = None
) -> WebClient:
    # One device a machine and user: a new login takes the place of the one before.
    device = device or hashlib.sha256(f"{platform.node()} {user}".encode()).hexdigest()[:24]
    said = {
        "Client": "affetto",
        "Device": "affetto",
        "DeviceId": device,
        "Version": affetto.__version__,
        **({"Token": token} if token else {}),
    }
    words = ", ".join(f'{name}="{quote(value, safe="")}"' for name, value in said.items())
    headers = {"Authorization": f"MediaBrowser {words}"}
    return WebClient("Jellyfin", url, headers=headers, patience=patience)


def _authenticate(client: WebClient, user: str, password: str) -> tuple[str, str, str]:
    """Trade a password for a token; also gives the user's id and name."""
    try:
        told = client.json(
            "Users/AuthenticateByName", method="POST", body={"Username": user, "Pw": password}
        )
    except LoginError as exc:
        raise _unknown(client.base_url, exc) from exc
    who = told.get("User") if isinstance(told, dict) else None
    token = text_of(told.get("AccessToken")) if isinstance(told, dict) else None
    user_id = text_of(who.get("Id")) if isinstance(who, dict) else None
    if not token or not user_id or not isinstance(who, dict):
        raise ServiceAnswerError(
            f"{client.base_url} answers a login with JSON that is none of Jellyfin's"
        )
    return token, user_id, text_of(who.get("Name")) or user


def _me(client: WebClient) -> list[str]:
    """Ask who the owner of a token is; a key of the server is nobody's."""
    try:
        told = client.json("Users/Me")
    except LoginError:
        raise
    except ServiceRefusedError:
        return []
    user_id = text_of(told.get("Id")) if isinstance(told, dict) else None
    return [user_id] if user_id else []


def _unknown(url: str, exc: LoginError) -> LoginError:
    return LoginError(
        f"the Jellyfin server {url} does not know you: is the password another now, or was the "
        f"login revoked? {_WAYS}",
        status=exc.status,
        told=exc.told,
    )


def _base(url: str) -> str:
    # People copy the address of the page they see.
    return checked_url(url.partition("/web/")[0], "the Jellyfin server").removesuffix("/web")


def _list(told: object, url: str, name: str | None = None) -> list[dict[str, Any]]:
    found = told if name is None else told.get(name) if isinstance(told, dict) else None
    if not isinstance(found, list):
        raise ServiceAnswerError(
            f"{url} answers with JSON that is none of Jellyfin's: is it another kind of server?"
        )
    return [one if isinstance(one, dict) else {} for one in found]


def _playlist(item: Mapping[str, Any]) -> Entry:
    key = text_of(item.get("Id")) or ""
    is_video = item.get("MediaType") == "Video"
    return {
        "id": key,
        "title": text_of(item.get("Name")) or key,
        "n": count_of(item.get("ChildCount")),
        "problem": "videos" if is_video else None,
    }


def _entry(item: Mapping[str, Any]) -> Entry:
    artists = [text_of(one) for one in _some(item.get("Artists"))]
    sources = [one for one in _some(item.get("MediaSources")) if isinstance(one, dict)]
    path = text_of(item.get("Path")) or text_of(sources[0].get("Path") if sources else None)
    ids = item.get("ProviderIds")
    known = ids if isinstance(ids, dict) else {}
    ticks = item.get("RunTimeTicks")
    is_number = isinstance(ticks, int | float) and not isinstance(ticks, bool)
    kind = text_of(item.get("Type"))
    ending = Path(path).suffix if path else ""
    containers = [item.get("Container"), *(one.get("Container") for one in sources)]
    return entry_of(
        item.get("Id"),
        title=item.get("Name"),
        artist=", ".join(filter(None, artists)) or item.get("AlbumArtist"),
        album=item.get("Album"),
        isrc=[one for name, one in known.items() if name.lower() == "isrc"],
        ms=float(ticks or 0) / _TICKS_A_MS if is_number else None,
        path=path,
        suffix=suffix_of(ending) or next(filter(None, map(suffix_of, containers)), ""),
        problem=None if kind == "Audio" else f"no music: {kind or 'of no kind'}",
    )


def _some(found: object) -> list[Any]:
    return found if isinstance(found, list) else []
