"""What music servers share: playlists found by name, listed page by page, written once only."""

import difflib
import hashlib
import os
import re
import threading
import time
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import ClassVar, Final
from urllib.parse import unquote

from affetto.errors import (
    LoginError,
    PlaylistError,
    ServiceAnswerError,
    ServiceError,
    ServiceRefusedError,
    ServiceUnreachableError,
)
from affetto.sources.accounts import Account
from affetto.sources.cache import PLAYLIST_DAYS, AnswerCache
from affetto.sources.contract import (
    Closable,
    FoundPlaylist,
    Listed,
    Progress,
    TargetPlaylist,
    silent,
)
from affetto.sources.entries import Entry, Page, walked
from affetto.sources.matching import CatalogueIndex
from affetto.sources.patience import Patience
from affetto.tracks import Track, normalise_isrc

_PLAYLIST = "playlist/"
_NEAREST = 3
_FAVOURITES: Final = ("starred", "favourites", "favorites")


class MusicServer(Closable, ABC):
    """A server of music as a source and a target of playlists, and a source of audio.

    Parameters
    ----------
    account : Account
        ``url``, ``user``; ``password``, ``api_key`` or what ``affetto login`` kept;
        ``music_folder``, where the server's files stand on this machine, if they do.
    cache : AnswerCache
    patience : Patience, optional

    Raises
    ------
    LoginError
        If it is not known where the server is, or who asks.
    UsageError
        If the address is none.

    Attributes
    ----------
    account_key : str
        Names the server and the user, as in the cache.
    """

    name: str
    title: ClassVar[str]
    """What people call this kind of server."""
    ways: ClassVar[str]
    """How to log in, in words."""
    favourites: ClassVar[str]
    handles: ClassVar[str]
    """What stands before the server's id in `Track.id`."""
    keys_name_users: ClassVar[bool]
    """Whether an API key belongs to one user, whatever name is set beside it."""

    def __init__(self, account: Account, cache: AnswerCache, *, patience: Patience | None = None):
        url, user = account.setting("url"), account.setting("user")
        if not url:
            raise LoginError(f"no {self.title} server is known: {self.ways}")
        url = self._address(url)
        self._api_key = login_setting(account, "api_key", url, user or "")
        if self._api_key and (self.keys_name_users or not user):
            user, self._is_nameless = _name_of_key(self._api_key), True
        elif user:
            self._is_nameless = False
        else:
            raise LoginError(f"no user of the {self.title} server {url} is known: {self.ways}")
        self.account_key = f"{self.name} {url} {user}"
        self._account, self._cache = account, cache
        self._url, self._user = url, user
        self._patience = patience or Patience()
        self._folder = account.setting("music_folder")
        self._suffixes: dict[str, str] = {}
        self._index: CatalogueIndex | None = None
        self._lock = threading.RLock()

    @abstractmethod
    def close(self) -> None:
        """Close all connections."""

    @staticmethod
    @abstractmethod
    def _address(url: str) -> str:
        """Give the address of the server behind one that a person copied."""

    @abstractmethod
    def _ask_playlists(self, start: int) -> Page:
        """Ask for playlists: id, title and n, from the `start`-th on."""

    @abstractmethod
    def _ask_entries(self, key: str | None, start: int) -> Page:
        """Ask for a playlist's entries, or for the favourites (None)."""

    @abstractmethod
    def _ask_catalogue(self, start: int) -> Page:
        """Ask for tracks of the whole catalogue."""

    @abstractmethod
    def _ask_suffix(self, handle: str) -> str:
        """Ask what kind of file a track is."""

    @abstractmethod
    def _download(self, handle: str, target: Path) -> None:
        """Fetch the file of a track."""

    @abstractmethod
    def _own(self, name: str) -> Sequence[str]:
        """Ask for the ids of the user's own playlists of exactly this name."""

    @abstractmethod
    def _ids(self, key: str) -> tuple[str, ...]:
        """Ask for the tracks of a playlist as it stands."""

    @abstractmethod
    def _make(self, name: str, tracks: Sequence[str]) -> None:
        """Make a playlist; never asked twice where the first time may have been heard."""

    @abstractmethod
    def _fill(self, key: str, tracks: Sequence[str]) -> None:
        """Give a playlist other tracks."""

    def find(self, reference: str) -> Sequence[FoundPlaylist]:
        """Find playlists; see `affetto.sources.contract.PlaylistSource.find`."""
        scheme, _, rest = reference.strip().partition(":")
        wanted = rest.lstrip("/")
        if scheme.lower() != self.name:
            wanted = "?"
        if wanted.lower() in _FAVOURITES:
            return [FoundPlaylist(self.name, self.favourites, self.favourites)]
        if wanted.lower().startswith(_PLAYLIST):
            return [self._found(_picked(wanted[len(_PLAYLIST) :], self._playlists(), self._url))]
        if wanted:
            raise PlaylistError(
                f"found {reference!r}; expected {self.name}:playlist/NAME, "
                f"{self.name}:{self.favourites}, or {self.name}: for all playlists"
            )
        found = [playlist for playlist in self._playlists() if not playlist.get("problem")]
        if not found:
            reader = "you" if self._is_nameless else self._user
            raise PlaylistError(f"{self._url} has no playlists that {reader} may read")
        return [self._found(playlist) for playlist in found]

    def tracks(self, playlist: FoundPlaylist, progress: Progress = silent) -> Iterator[Listed]:
        """List entries; see `affetto.sources.contract.PlaylistSource.tracks`."""
        is_favourites = playlist.key == self.favourites
        key = None if is_favourites else playlist.key.removeprefix(_PLAYLIST)
        what = f"the playlist {playlist.name!r} of {self._url}"
        n_done = 0
        try:
            for page in self._pages(
                "playlist", playlist.key, what, lambda start: self._ask_entries(key, start)
            ):
                for entry in page.entries:
                    yield self._listed(entry)
                n_done += len(page.entries)
                progress(n_done, page.n_total)
        except ServiceRefusedError as exc:
            if exc.status not in {403, 404}:
                raise
            if exc.status == 404:
                self._cache.put(
                    self.account_key, "playlist", f"{playlist.key}@0", None, days=PLAYLIST_DAYS
                )
            why = "is gone" if exc.status == 404 else "may not be read"
            raise PlaylistError(f"{what} {why} ({exc})") from exc

    def fetch(self, listed: Listed, folder: Path) -> Path:
        """Fetch audio; see `affetto.sources.contract.AudioSource.fetch`."""
        handle = listed.handle
        if not handle:
            raise ServiceError(f"{listed.track} is no track of {self._url}")
        self._cache.must_ask(f"the audio of {listed.track}")
        suffix = self._suffixes.get(handle)
        if suffix is None:
            suffix = self._suffixes[handle] = self._ask_suffix(handle)
        target = folder / f"{_file_name(handle)}{f'.{suffix}' if suffix else ''}"
        self._download(handle, target)
        return target

    def match(self, tracks: Sequence[Track], paths: Sequence[str | None]) -> Sequence[str | None]:
        """Find tracks; see `affetto.sources.contract.PlaylistTarget.match`."""
        index = self._catalogue()
        return [index.find(track, path) for track, path in zip(tracks, paths, strict=True)]

    def own_playlist(self, name: str) -> TargetPlaylist | None:
        """Find a playlist; see `affetto.sources.contract.PlaylistTarget.own_playlist`."""
        self._cache.must_ask(f"your playlist {name!r}")
        keys = self._own(name)
        if len(keys) > 1:
            raise PlaylistError(
                f"you have {len(keys)} playlists of the name {name!r} on {self._url} "
                f"({', '.join(keys)}); delete or rename all but one"
            )
        return TargetPlaylist(keys[0], name, self._ids(keys[0])) if keys else None

    def create(self, name: str, tracks: Sequence[str]) -> None:
        """Make a playlist; see `affetto.sources.contract.PlaylistTarget.create`.

        Where an answer breaks off, the server is asked whether it heard the question.
        """
        wanted = self._lasting(tracks)
        self._cache.must_ask(f"a new playlist {name!r}")
        for is_last in (False, True):
            began = time.monotonic()
            try:
                self._make(name, wanted)
                return
            except ServiceError as exc:
                if not _is_open(exc):
                    raise
                waited_s = time.monotonic() - began
                there = self.own_playlist(name)
                if there is not None:
                    if there.tracks != wanted:
                        self._fill(there.key, wanted)
                    return
                # A server that is slow may still be at it: a second question could double it.
                if is_last or waited_s >= self._patience.timeout_s:
                    raise

    def replace(self, playlist: TargetPlaylist, tracks: Sequence[str]) -> None:
        """Give other tracks; see `affetto.sources.contract.PlaylistTarget.replace`."""
        self._cache.must_ask(f"a change of your playlist {playlist.name!r}")
        self._fill(playlist.key, self._lasting(tracks))

    def _lasting(self, tracks: Sequence[str]) -> tuple[str, ...]:
        """Give those tracks that the server will keep."""
        return tuple(tracks)

    def _append(
        self,
        key: str,
        wanted: Sequence[str],
        n_there: int,
        at_once: int,
        add: Callable[[Sequence[str]], object],
    ) -> None:
        """Add tracks behind those that are there, a few at a time, each once."""
        n_failed = 0
        while n_there < len(wanted):
            n_then = min(n_there + at_once, len(wanted))
            try:
                add(wanted[n_there:n_then])
            except ServiceError as exc:
                n_failed += 1
                if not _is_open(exc) or n_failed >= self._patience.attempts:
                    raise
                now = self._ids(key)
                if now == tuple(wanted[:n_there]):
                    continue
                if now != tuple(wanted[:n_then]):
                    raise
            n_there = n_then

    def _check_written(self, wanted: Sequence[str], now: Sequence[str]) -> None:
        if list(now) != list(wanted):
            n_taken = len(set(wanted).intersection(now))
            raise ServiceRefusedError(
                f"{self._url} took {n_taken} of {len(set(wanted))} tracks, or in another order: "
                "are some gone from its library? The same command with --refresh looks anew"
            )

    def _catalogue(self) -> CatalogueIndex:
        with self._lock:
            if self._index is None:
                pages = self._pages(
                    "catalogue", "tracks", f"the catalogue of {self._url}", self._ask_catalogue
                )
                entries = (entry for page in pages for entry in page.entries)
                self._index = CatalogueIndex(entries, self.handles)
            return self._index

    def _playlists(self) -> list[Entry]:
        what = f"the list of playlists of {self._url}"
        pages = self._pages("playlists", "all", what, self._ask_playlists)
        return [playlist for page in pages for playlist in page.entries]

    def _pages(self, kind: str, key: str, what: str, ask: Callable[[int], Page]) -> Iterator[Page]:
        """Give page after page, each from what is kept or else asked for and kept at once."""

        def kept_or_asked(start: int) -> Page:
            place = f"{key}@{start}"
            kept = self._cache.get(self.account_key, kind, place, changes=True)
            if kept is None:
                self._cache.must_ask(what)
                page = ask(start)
                value = {"entries": page.entries, "total": page.n_total}
                self._cache.put(self.account_key, kind, place, value, days=PLAYLIST_DAYS)
                return page
            if kept.value is None:
                raise PlaylistError(f"{what} is gone")
            return Page(kept.value["entries"], kept.value["total"])

        return walked(kept_or_asked)

    def _found(self, playlist: Entry) -> FoundPlaylist:
        return FoundPlaylist(
            self.name, _PLAYLIST + playlist["id"], playlist["title"], playlist["n"]
        )

    def _listed(self, entry: Entry) -> Listed:
        track_id = entry["id"]
        isrcs = [isrc for isrc in map(normalise_isrc, entry["isrc"]) if isrc]
        track = Track(
            id=f"{self.handles}{track_id}" if track_id else None,
            isrc=isrcs[0] if isrcs else None,
            title=entry["title"],
            artist=entry["artist"],
            album=entry["album"],
        )
        if entry["problem"]:
            return Listed(track, origin=self.name, problem=entry["problem"])
        self._suffixes[track_id] = entry["suffix"]
        return Listed(
            track,
            features={} if entry["ms"] is None else {"duration_ms": entry["ms"]},
            origin=self.name,
            path=self._here(entry["path"]),
            handle=track_id,
        )

    def _here(self, path: str | None) -> str | None:
        """Give the file if it stands on this machine."""
        if not path or ".." in re.split(r"[/\\]", path):
            return None
        if not os.path.isabs(path):  # noqa: PTH117 - a server's text, perhaps no path at all
            if not self._folder:
                return None
            path = os.path.join(os.path.expanduser(self._folder), path)  # noqa: PTH111, PTH118
        return path if os.path.isfile(path) else None  # noqa: PTH113 - as above


def login_setting(account: Account, name: str, url: str, user: str) -> str | None:
    """Find a secret, unless ``affetto login`` kept it for another server or user.

    Returns
    -------
    str or None
    """
    if os.environ.get(account.variable(name)):
        return account.secret(name)
    return account.secret(name) if is_kept_for(account, url, user) else None


def is_kept_for(account: Account, url: str, user: str) -> bool:
    """Whether what is kept belongs to this server and user, or to nobody in particular."""
    kept = account.kept()
    same_url = kept.get("url") in {None, url}
    return same_url and str(kept.get("user") or user).casefold() == user.casefold()


def _name_of_key(api_key: str) -> str:
    """Name whoever asks with a key, whom only the server can name; it tells nothing of the key."""
    return f"key-{hashlib.sha256(api_key.encode()).hexdigest()[:16]}"


def _is_open(exc: ServiceError) -> bool:
    """Whether it is open if a server heard the question that failed so."""
    if isinstance(exc, ServiceRefusedError):
        return exc.status >= 500 and not isinstance(exc, LoginError)
    return isinstance(exc, ServiceUnreachableError | ServiceAnswerError)


def _picked(wanted: str, playlists: Sequence[Entry], url: str) -> Entry:
    """Pick the playlist that a name or an id means."""
    for name in dict.fromkeys((wanted, unquote(wanted))):
        for same in (
            [one for one in playlists if one["id"] == name],
            [one for one in playlists if one["title"] == name],
            [one for one in playlists if _folded(one["title"]) == _folded(name)],
        ):
            if len(same) == 1:
                return same[0]
            if same:
                ids = ", ".join(one["id"] for one in same)
                raise PlaylistError(
                    f"{url} has {len(same)} playlists called {name!r}; write the id of the one "
                    f"that is meant in place of the name: {ids}"
                )
    names = {_folded(one["title"]): one["title"] for one in playlists}
    nearest = difflib.get_close_matches(_folded(unquote(wanted)), names, n=_NEAREST, cutoff=0.5)
    if nearest:
        hint = f"the nearest: {', '.join(repr(names[one]) for one in nearest)}"
    elif names:
        shown = ", ".join(map(repr, sorted(names.values())[:_NEAREST]))
        hint = f"it has {len(playlists)}, such as {shown}"
    else:
        hint = "it has none"
    raise PlaylistError(f"{url} has no playlist {wanted!r}; {hint}")


def _folded(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())


def _file_name(handle: str) -> str:
    """Name a file after a server's id, which may hold anything."""
    safe = re.sub(r"[^A-Za-z0-9_-]", "_", handle)[:64]
    if safe == handle:
        return safe
    return f"{safe[:40]}-{hashlib.sha256(handle.encode()).hexdigest()[:12]}"
