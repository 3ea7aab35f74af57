"""Music servers that speak Subsonic: Navidrome, Airsonic, Gonic, Supysonic and others.

References
----------
.. [1] The Subsonic API 1.16.1, subsonic.org/pages/api.jsp.
.. [2] OpenSubsonic, opensubsonic.netlify.app: search3, createPlaylist, Child.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Final

from affetto.errors import (
    LoginError,
    OutputError,
    ServiceAnswerError,
    ServiceBusyError,
    ServiceError,
    ServiceUnreachableError,
)
from affetto.sources.accounts import Account
from affetto.sources.cache import AnswerCache
from affetto.sources.entries import Entry, Page, count_of, entry_of, suffix_of, text_of
from affetto.sources.matching import CatalogueIndex
from affetto.sources.music_server import MusicServer, is_kept_for, login_setting
from affetto.sources.patience import Patience
from affetto.sources.subsonic_web import (
    SERVICE,
    WAYS,
    Credentials,
    SubsonicWire,
    base_of,
    inner,
    listed,
)
from affetto.tracks import Track

CATALOGUE_PAGE: Final = 500
"""Tracks of the catalogue asked for at once; servers give no more."""
WRITTEN_AT_ONCE: Final = 100
"""Tracks written at once where they stand in an address, which may be 8 kB long."""


class Subsonic(MusicServer):
    """A Subsonic server, as `affetto.sources.music_server.MusicServer` says."""

    name, title, ways = SERVICE, "Subsonic", WAYS
    favourites = "starred"
    handles = "subsonic:song/"
    keys_name_users = True

    def __init__(self, account: Account, cache: AnswerCache, *, patience: Patience | None = None):
        super().__init__(account, cache, patience=patience)
        self._wire_made: SubsonicWire | None = None

    @property
    def n_requests(self) -> int:
        """How many requests were sent."""
        return self._wire_made.client.n_requests if self._wire_made else 0

    def close(self) -> None:
        """Close all connections."""
        if self._wire_made:
            self._wire_made.close()

    @property
    def _wire(self) -> SubsonicWire:
        """The connection; made, and the secret looked for, when something must be asked."""
        with self._lock:
            if self._wire_made is None:
                who = self._credentials()
                self._wire_made = SubsonicWire(self._url, who, self._cache, self._patience)
            return self._wire_made

    def _credentials(self) -> Credentials:
        account, url, user = self._account, self._url, self._user
        if self._api_key:
            return Credentials(user, api_key=self._api_key)
        if password := login_setting(account, "password", url, user):
            return Credentials(user, password=password)
        kept = account.kept()
        salt, token = kept.get("salt"), kept.get("token")
        if salt and token and is_kept_for(account, url, user):
            return Credentials(user, salt=str(salt), token=str(token))
        raise LoginError(f"there is no login of {user} at the Subsonic server {url}: {WAYS}")

    @staticmethod
    def _address(url: str) -> str:
        return base_of(url)

    def _ask_playlists(self, start: int) -> Page:
        told = map(_playlist, self._all_playlists())
        playlists = [one for one in told if one["id"]]
        return Page(playlists, len(playlists))

    def _all_playlists(self) -> list[dict[str, Any]]:
        return listed(inner(self._wire.ask("getPlaylists"), "playlists").get("playlist"))

    def _ask_entries(self, key: str | None, start: int) -> Page:
        if key is None:
            told = self._wire.ask("getStarred2")
            songs = inner(told, "starred2").get("song")
        else:
            songs = _content(self._wire.ask("getPlaylist", {"id": key}), self._url).get("entry")
        entries = [_entry(song) for song in listed(songs)]
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
        return [_entry(song) for song in listed(inner(told, "searchResult3").get("song"))]

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
        found = self._search(title, CATALOGUE_PAGE)
        return Page(found, len(found))

    def _ask_suffix(self, handle: str) -> str:
        return suffix_of(inner(self._wire.ask("getSong", {"id": handle}), "song").get("suffix"))

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
        if owners and self._is_nameless:
            told = inner(self._wire.ask("tokenInfo"), "tokenInfo")
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
            made = inner(self._wire.ask("createPlaylist", asked, repeatable=False), "playlist")
            if key := text_of(made.get("id")):
                self._check_written(tracks, _ids_in(made) if "entry" in made else self._ids(key))
            return
        asked = {"name": name, "songId": list(tracks[:WRITTEN_AT_ONCE])}
        told = self._wire.ask("createPlaylist", asked, repeatable=False)
        if len(tracks) > WRITTEN_AT_ONCE:
            # Before 1.14 nothing is told of the new playlist.
            key = text_of(inner(told, "playlist").get("id")) or next(iter(self._own(name)), None)
            if key is None:
                raise ServiceAnswerError(f"{self._url} made no playlist {name!r}, and says it did")
            self._extend(key, tracks)
            self._check_written(tracks, self._ids(key))

    def _fill(self, key: str, tracks: Sequence[str]) -> None:
        n_first = len(tracks) if self._wire.takes_forms() else WRITTEN_AT_ONCE
        # With an id it replaces what was there: asked twice, it does the same.
        told = self._wire.ask(
            "createPlaylist", {"playlistId": key, "songId": list(tracks[:n_first])}
        )
        self._extend(key, tracks)
        is_told = "entry" in inner(told, "playlist") and n_first >= len(tracks)
        now = _ids_in(inner(told, "playlist")) if is_told else self._ids(key)
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
    user, url = user.strip(), base_of(url)
    if not user or not password:
        raise LoginError("a login needs the user's name and the password")
    who = Credentials(user, password=password)
    with (
        closing(AnswerCache(":memory:")) as cache,
        closing(SubsonicWire(url, who, cache, patience)) as wire,
    ):
        wire.ask("ping")
        knows_tokens = wire.finding().tokens
    # First whose it is: a password without that would be told to whatever server is set.
    account.keep({"url": url, "user": user, "salt": None, "token": None})
    in_keyring = account.keep_secret("password", password)
    if knows_tokens and not in_keyring:
        salted = who.salted()
        account.keep({"salt": salted.salt, "token": salted.token})
    if account.secret("api_key") and not os.environ.get(account.variable("api_key")):
        account.keep_secret("api_key", "")  # of an earlier login; it would count before this one
    if not in_keyring and not knows_tokens:
        raise LoginError(
            f"{url} knows you, but takes only the password itself, and this system has no keyring "
            "to keep it in (a file is no place for one): set SUBSONIC_PASSWORD whenever affetto "
            "runs"
        )
    return user


def _content(told: Mapping[str, Any], url: str) -> dict[str, Any]:
    """Give a playlist; one without entries is empty, but no playlist at all is no answer."""
    found = told.get("playlist")
    if not isinstance(found, dict):
        raise ServiceAnswerError(f"{url} answers getPlaylist without a playlist")
    return found


def _ids_in(playlist: Mapping[str, Any]) -> tuple[str, ...]:
    songs = listed(playlist.get("entry"))
    return tuple(track_id for song in songs if (track_id := text_of(song.get("id"))))


def _playlist(told: Mapping[str, Any]) -> Entry:
    key = text_of(told.get("id"))
    title = text_of(told.get("name")) or key
    return {"id": key, "title": title, "n": count_of(told.get("songCount"))}


def _entry(song: Mapping[str, Any]) -> Entry:
    names = [text_of(one.get("name")) for one in listed(song.get("artists"))]
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
