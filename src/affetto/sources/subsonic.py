"""Music servers that speak Subsonic: Navidrome, Airsonic, Gonic, Supysonic and others.

References
----------
.. [1] The Subsonic API 1.16.1, subsonic.org/pages/api.jsp.
.. [2] OpenSubsonic, opensubsonic.netlify.app: formPost, apiKeyAuthentication, search3.
"""

import hashlib
import os
import re
import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from affetto.errors import (
    LoginError,
    OutputError,
    ServiceAnswerError,
    ServiceBusyError,
    ServiceError,
    ServiceRefusedError,
    ServiceUnreachableError,
)
from affetto.sources.accounts import Account
from affetto.sources.cache import PLAYLIST_DAYS, AnswerCache
from affetto.sources.matching import CatalogueIndex
from affetto.sources.music_server import (
    Entry,
    MusicServer,
    Page,
    count_of,
    entry_of,
    is_kept_for,
    login_setting,
    suffix_of,
    text_of,
)
from affetto.sources.patience import Patience
from affetto.sources.web import WebClient, checked_url, redacted
from affetto.tracks import Track

SERVICE: Final = "subsonic"
CATALOGUE_PAGE: Final = 500
"""Tracks of the catalogue asked for at once; servers give no more."""
WRITTEN_AT_ONCE: Final = 100
"""Tracks written at once where they stand in an address, which may be 8 kB long."""

_VERSION = "1.16.1"
_TOKENS_SINCE = (1, 13)
_SALT_BYTES = 8
_FINDING_DAYS = 7.0
_TOLD = 200  # letters of a server's own words that are passed on
_WAYS = (
    "log in with: affetto login subsonic; or set SUBSONIC_URL, SUBSONIC_USER and SUBSONIC_PASSWORD "
    "(or SUBSONIC_API_KEY)"
)


@dataclass(frozen=True, slots=True)
class _Credentials:
    """Who asks; one of the secrets is enough."""

    user: str
    password: str | None = field(default=None, repr=False)
    api_key: str | None = field(default=None, repr=False)
    salt: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)

    def salted(self) -> "_Credentials":
        """Give a new salt and its token in the place of the password."""
        salt = secrets.token_hex(_SALT_BYTES)
        return replace(self, password=None, salt=salt, token=_token(self.password or "", salt))


@dataclass(frozen=True, slots=True)
class _Finding:
    """What a server can do.

    Attributes
    ----------
    form : bool
        It takes what is asked as a form, so that nothing secret stands in addresses.
    tokens : bool
        It knows salted tokens; else it wants the password itself.
    is_open : bool
        It speaks OpenSubsonic.
    """

    form: bool = False
    tokens: bool = True
    is_open: bool = False


class _Wire:
    """Questions to one server, signed."""

    def __init__(
        self, url: str, credentials: _Credentials, cache: AnswerCache, patience: Patience | None
    ):
        self.url = url
        self.client = WebClient("Subsonic", url, patience=patience)
        self._credentials = credentials
        self._salted = credentials.salted() if credentials.password else credentials
        self._cache = cache
        self._found: _Finding | None = None
        self._lock = threading.Lock()

    def finding(self) -> _Finding:
        """Find out once what the server can do."""
        with self._lock:
            if self._found is None:
                kept = self._cache.get(f"{SERVICE} {self.url}", "server", "can")
                self._found = _Finding(**kept.value) if kept and kept.value else self._find_out()
            return self._found

    def ask(
        self,
        endpoint: str,
        params: Mapping[str, Any] | None = None,
        *,
        repeatable: bool = True,
    ) -> dict[str, Any]:
        """Ask, and give the ``subsonic-response`` if all went well."""
        sent = self._sent(params)
        path = f"rest/{endpoint}.view"
        method = "POST" if "form" in sent else "GET"
        answer = self.client.json(path, method=method, repeatable=repeatable, **sent)
        told = _response(answer, self.url, endpoint)
        if told.get("status") == "ok" and "error" not in told:
            return told
        error = told.get("error")
        code = error.get("code") if isinstance(error, dict) else None
        if code == 41 and self._credentials.password and self.finding().tokens:
            self._know(replace(self.finding(), tokens=False))
            return self.ask(endpoint, params, repeatable=repeatable)
        raise _failure(self.url, endpoint, code, error)

    def download(self, endpoint: str, params: Mapping[str, Any], target: Path) -> None:
        """Fetch a file."""
        self.client.download(f"rest/{endpoint}.view", target, **self._sent(params))

    def close(self) -> None:
        self.client.close()

    def takes_forms(self) -> bool:
        """Whether questions may be as long as they like."""
        return "form" in self._sent({})

    def _sent(self, params: Mapping[str, Any] | None) -> dict[str, dict[str, Any]]:
        finding, who = self.finding(), self._salted
        said: dict[str, Any] = {"v": _VERSION, "c": "affetto", "f": "json", **(params or {})}
        if who.api_key:
            said["apiKey"] = who.api_key
        elif finding.tokens and who.token:
            said |= {"u": who.user, "t": who.token, "s": who.salt}
        elif self._credentials.password:
            encoded = self._credentials.password.encode().hex()
            # The password itself never stands in an address, whatever the server says it takes.
            return {"form": said | {"u": who.user, "p": f"enc:{encoded}"}}
        else:
            raise LoginError(
                f"the Subsonic server {self.url} knows no tokens, only passwords, and none is at "
                "hand: set SUBSONIC_PASSWORD, or keep it in the system's keyring with: affetto "
                "login subsonic"
            )
        return {"form" if finding.form else "params": said}

    def _find_out(self) -> _Finding:
        """Ask without saying who asks: this much a server tells everybody."""
        said = {"v": _VERSION, "c": "affetto", "f": "json"}
        try:
            answer = self.client.json("rest/getOpenSubsonicExtensions.view", params=said)
            told = _response(answer, self.url, "getOpenSubsonicExtensions")
        except ServiceRefusedError as exc:
            if exc.status >= 500:
                return _Finding()
            told = {}  # it has no such page
        except ServiceAnswerError:
            return _Finding()  # the first real question will say what is wrong
        extensions = _listed(told.get("openSubsonicExtensions"))
        is_open = bool(extensions) or told.get("openSubsonic") is True
        version = re.match(r"(\d+)\.(\d+)", text_of(told.get("version")) or "")
        is_young = version is None or tuple(map(int, version.groups())) >= _TOKENS_SINCE
        return self._know(
            _Finding(
                form=any(one.get("name") == "formPost" for one in extensions),
                tokens=is_open or is_young,
                is_open=is_open,
            )
        )

    def _know(self, finding: _Finding) -> _Finding:
        self._found = finding
        self._cache.put(
            f"{SERVICE} {self.url}", "server", "can", asdict(finding), days=_FINDING_DAYS
        )
        return finding


class Subsonic(MusicServer):
    """A Subsonic server as a source of playlists and audio, and as a target of playlists.

    Parameters
    ----------
    account : Account
        ``url``, ``user``; ``password``, ``api_key`` or what `login` kept; ``music_folder``,
        where the server's files stand on this machine, if they do.
    cache : AnswerCache
    patience : Patience, optional

    Raises
    ------
    LoginError
        If it is not known where the server is, or who asks.
    UsageError
        If the address is none.
    """

    name = SERVICE
    title = "Subsonic"
    favourites = "starred"
    handles = "subsonic:song/"

    def __init__(self, account: Account, cache: AnswerCache, *, patience: Patience | None = None):
        url, user = account.setting("url"), account.setting("user")
        if not url:
            raise LoginError(f"no Subsonic server is known: {_WAYS}")
        url = _base(url)
        api_key = login_setting(account, "api_key", url, user or "")
        if not user:
            if not api_key:
                raise LoginError(f"no user of the Subsonic server {url} is known: {_WAYS}")
            # A key is one user's; what it tells is kept apart from what others are told.
            user = f"key-{hashlib.sha256(api_key.encode()).hexdigest()[:16]}"
        super().__init__(account, cache, url, user, patience)
        self._wire_made: _Wire | None = None

    @property
    def n_requests(self) -> int:
        """How many requests were sent."""
        return self._wire_made.client.n_requests if self._wire_made else 0

    def close(self) -> None:
        """Close all connections."""
        if self._wire_made:
            self._wire_made.close()

    @property
    def _wire(self) -> _Wire:
        """The connection; made, and the secret looked for, when something must be asked."""
        with self._lock:
            if self._wire_made is None:
                who = _credentials(self._account, self._url, self._user)
                self._wire_made = _Wire(self._url, who, self._cache, self._patience)
            return self._wire_made

    def _ask_playlists(self, start: int) -> Page:
        told = map(_playlist, self._all_playlists())
        playlists = [one for one in told if one["id"]]
        return Page(playlists, len(playlists))

    def _all_playlists(self) -> list[dict[str, Any]]:
        return _listed(_inner(self._wire.ask("getPlaylists"), "playlists").get("playlist"))

    def _ask_entries(self, key: str | None, start: int) -> Page:
        if key is None:
            told = self._wire.ask("getStarred2")
            songs = _inner(told, "starred2").get("song")
        else:
            songs = _content(self._wire.ask("getPlaylist", {"id": key}), self._url).get("entry")
        entries = [_entry(song) for song in _listed(songs, keep_all=True)]
        return Page(entries, len(entries))

    def _ask_catalogue(self, start: int) -> Page:
        return Page(self._search("", CATALOGUE_PAGE, start))

    def _search(self, query: str, n: int, start: int = 0) -> list[Entry]:
        asked = {
            "query": query,
            "songCount": n,
            "songOffset": start,
            "artistCount": 0,
            "albumCount": 0,
        }
        told = self._wire.ask("search3", asked)
        return [_entry(song) for song in _listed(_inner(told, "searchResult3").get("song"))]

    def match(self, tracks: Sequence[Track], paths: Sequence[str | None]) -> Sequence[str | None]:
        """Find tracks; see `affetto.sources.contract.PlaylistTarget.match`.

        A server that lists nothing to an empty search, as older ones do, is asked for title
        after title.
        """
        index = self._catalogue()
        if len(index) == 0 and not self._wire.finding().is_open:
            index = CatalogueIndex(self._by_title(tracks), self.handles)
        return [index.find(track, path) for track, path in zip(tracks, paths, strict=True)]

    def _by_title(self, tracks: Sequence[Track]) -> Iterator[Entry]:
        for title in dict.fromkeys(track.title for track in tracks if track.title):
            search = partial(self._ask_title, title)
            for page in self._pages("search", title, f"the search for {title!r}", search):
                yield from page.entries

    def _ask_title(self, title: str, start: int) -> Page:
        found = self._search(title, WRITTEN_AT_ONCE)
        return Page(found, len(found))

    def _ask_suffix(self, handle: str) -> str:
        return suffix_of(_inner(self._wire.ask("getSong", {"id": handle}), "song").get("suffix"))

    def _download(self, handle: str, target: Path) -> None:
        try:
            self._wire.download("download", {"id": handle}, target)
        except (LoginError, ServiceBusyError, ServiceUnreachableError, OutputError):
            raise
        except ServiceError:
            # Servers may forbid downloads and allow to listen; "raw" is the file as it is.
            try:
                self._wire.download("stream", {"id": handle, "format": "raw"}, target)
            except ServiceAnswerError:
                self._wire.ask("getSong", {"id": handle})  # says why there is no audio
                raise

    def _own(self, name: str) -> Sequence[str]:
        same = [one for one in self._all_playlists() if text_of(one.get("name")) == name.strip()]
        owners = {text_of(one.get("owner")) for one in same} - {None}
        user = self._user
        if owners and user.startswith("key-"):
            told = _inner(self._wire.ask("tokenInfo"), "tokenInfo")
            user = text_of(told.get("username")) or user
        keys = [
            text_of(one.get("id"))
            for one in same
            if (text_of(one.get("owner")) or user).casefold() == user.casefold()
        ]
        return [key for key in keys if key]

    def _ids(self, key: str) -> tuple[str, ...]:
        return _ids_in(_content(self._wire.ask("getPlaylist", {"id": key}), self._url))

    def _make(self, name: str, tracks: Sequence[str]) -> None:
        if self._wire.takes_forms():
            asked = {"name": name, "songId": list(tracks)}
            told = self._wire.ask("createPlaylist", asked, repeatable=False)
            if "playlist" in told:
                self._check_written(tracks, _ids_in(_inner(told, "playlist")))
            return
        asked = {"name": name, "songId": list(tracks[:WRITTEN_AT_ONCE])}
        told = self._wire.ask("createPlaylist", asked, repeatable=False)
        if len(tracks) > WRITTEN_AT_ONCE:
            # Before 1.14 nothing is told of the new playlist.
            playlist = told.get("playlist")
            key = text_of(playlist.get("id")) if isinstance(playlist, dict) else None
            self._extend(key or next(iter(self._own(name))), tracks)

    def _fill(self, key: str, tracks: Sequence[str]) -> None:
        n_first = len(tracks) if self._wire.takes_forms() else WRITTEN_AT_ONCE
        # With an id it replaces what was there: asked twice, it does the same.
        told = self._wire.ask(
            "createPlaylist", {"playlistId": key, "songId": list(tracks[:n_first])}
        )
        self._extend(key, tracks)
        is_told = "playlist" in told and n_first >= len(tracks)
        now = _ids_in(_inner(told, "playlist")) if is_told else self._ids(key)
        self._check_written(tracks, now)

    def _extend(self, key: str, tracks: Sequence[str]) -> None:
        def add(some: Sequence[str]) -> None:
            asked = {"playlistId": key, "songIdToAdd": list(some)}
            self._wire.ask("updatePlaylist", asked, repeatable=False)

        if not self._wire.takes_forms():
            self._append(key, tracks, WRITTEN_AT_ONCE, WRITTEN_AT_ONCE, add)


def login(
    account: Account, url: str, user: str, password: str, *, patience: Patience | None = None
) -> str:
    """Log in, and keep the login: the password in the system's keyring, else a salted token.

    Parameters
    ----------
    account : Account
    url, user, password : str
    patience : Patience, optional

    Returns
    -------
    str
        The user's name.

    Raises
    ------
    LoginError
        If the server does not know the user, or takes passwords only and there is no keyring.
    ServiceError
        If it cannot be asked.
    UsageError
        If the address is none.
    """
    user, url = user.strip(), _base(url)
    if not user or not password:
        raise LoginError("a login needs the user's name and the password")
    who = _Credentials(user, password=password)
    with (
        closing(AnswerCache(":memory:")) as cache,
        closing(_Wire(url, who, cache, patience)) as wire,
    ):
        wire.ask("ping")
        knows_tokens = wire.finding().tokens
    in_keyring = account.keep_secret("password", password)
    salted = who.salted() if knows_tokens and not in_keyring else who
    account.keep({"url": url, "user": user, "salt": salted.salt, "token": salted.token})
    if account.secret("api_key") and not os.environ.get(account.variable("api_key")):
        account.keep_secret("api_key", "")  # of an earlier login; it would count before this one
    if not in_keyring and not knows_tokens:
        raise LoginError(
            f"{url} knows you, but takes only the password itself, and this system has no keyring "
            "to keep it in (a file is no place for one): set SUBSONIC_PASSWORD whenever affetto "
            "runs"
        )
    return user


def _credentials(account: Account, url: str, user: str) -> _Credentials:
    if api_key := login_setting(account, "api_key", url, user):
        return _Credentials(user, api_key=api_key)
    if password := login_setting(account, "password", url, user):
        return _Credentials(user, password=password)
    kept = account.kept()
    salt, token = kept.get("salt"), kept.get("token")
    if salt and token and is_kept_for(account, url, user):
        return _Credentials(user, salt=str(salt), token=str(token))
    raise LoginError(f"there is no login of {user} at the Subsonic server {url}: {_WAYS}")


def _base(url: str) -> str:
    return checked_url(url, "the Subsonic server").removesuffix("/rest")


def _token(password: str, salt: str) -> str:
    # The protocol knows no other digest.
    return hashlib.md5((password + salt).encode(), usedforsecurity=False).hexdigest()


def _response(answer: object, url: str, endpoint: str) -> dict[str, Any]:
    told = answer.get("subsonic-response") if isinstance(answer, dict) else None
    if not isinstance(told, dict):
        raise ServiceAnswerError(
            f"{url} answers {endpoint} with JSON that is no Subsonic response: is it another kind "
            "of server?"
        )
    return told


def _failure(url: str, endpoint: str, code: object, error: object) -> ServiceError:
    """Translate an error of the API; see [1] and [2] for its codes."""
    said = text_of(error.get("message")) if isinstance(error, dict) else None
    told = redacted(" ".join((said or "no reason given").split()))[:_TOLD]
    match code:
        case 40 | 44:
            return LoginError(
                f"the Subsonic server {url} does not know you: {told}. Was the password changed? "
                f"{_WAYS}",
                status=401,
                told=told,
            )
        case 41 | 42 | 43:
            return LoginError(
                f"the Subsonic server {url} does not take this kind of login: {told}. {_WAYS}",
                status=401,
                told=told,
            )
        case 20 | 30:
            old = "it is too new for affetto" if code == 20 else "it is too old"
            return ServiceRefusedError(
                f"the Subsonic server {url} speaks another version of the API: {old} ({told})",
                told=told,
            )
        case 50:
            status = 403
        case 70:
            status = 404
        case _:
            status = 0
    return ServiceRefusedError(
        f"the Subsonic server {url} refuses {endpoint}: {told}", status=status, told=told
    )


def _inner(told: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Give what an answer holds; servers leave out what is empty."""
    found = told.get(name)
    return found if isinstance(found, dict) else {}


def _listed(found: object, *, keep_all: bool = False) -> list[dict[str, Any]]:
    """Give a list; older servers send the one thing itself in place of a list of one."""
    things = found if isinstance(found, list) else [] if found is None else [found]
    return [
        one if isinstance(one, dict) else {} for one in things if keep_all or isinstance(one, dict)
    ]


def _content(told: Mapping[str, Any], url: str) -> dict[str, Any]:
    """Give a playlist; one without entries is empty, but no playlist at all is no answer."""
    found = told.get("playlist")
    if not isinstance(found, dict):
        raise ServiceAnswerError(f"{url} answers getPlaylist without a playlist")
    return found


def _ids_in(playlist: Mapping[str, Any]) -> tuple[str, ...]:
    songs = _listed(playlist.get("entry"))
    return tuple(track_id for song in songs if (track_id := text_of(song.get("id"))))


def _playlist(told: Mapping[str, Any]) -> Entry:
    key = text_of(told.get("id"))
    title = text_of(told.get("name")) or key
    return {"id": key, "title": title, "n": count_of(told.get("songCount"))}


def _entry(song: Mapping[str, Any]) -> Entry:
    names = [text_of(one.get("name")) for one in _listed(song.get("artists"))]
    length = text_of(song.get("duration"))
    is_number = length is not None and re.fullmatch(r"\d{1,9}(\.\d+)?", length)
    return entry_of(
        song.get("id"),
        title=song.get("title"),
        artist=text_of(song.get("artist")) or ", ".join(filter(None, names)),
        album=song.get("album"),
        isrc=song.get("isrc"),
        ms=float(length) * 1000 if length and is_number else None,
        path=song.get("path"),
        suffix=song.get("suffix"),
        problem=_problem(song),
    )


def _problem(song: Mapping[str, Any]) -> str | None:
    if song.get("isDir") is True:
        return "a folder"
    if song.get("isVideo") is True:
        return "a video"
    kind = text_of(song.get("type"))
    return f"no music: {kind}" if kind not in {None, "music"} else None
