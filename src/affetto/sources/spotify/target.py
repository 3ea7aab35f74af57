"""Writing playlists to Spotify: tracks matched, playlists made and changed, none made twice."""

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from typing import Any

from affetto.errors import (
    PlaylistError,
    ServiceAnswerError,
    ServiceError,
    ServiceRefusedError,
    ServiceUnreachableError,
)
from affetto.sources.cache import FEATURES_DAYS, MISS_DAYS, AnswerCache
from affetto.sources.contract import TargetPlaylist
from affetto.sources.spotify import shapes
from affetto.sources.spotify.connection import Connection
from affetto.sources.spotify.lists import Lists
from affetto.sources.spotify.session import is_about_asker
from affetto.tracks import Track, first_artist, normalise_isrc

WRITTEN_AT_ONCE = 100
_HITS = 10  # the most that a search gives since 2026
_LONGEST = 100  # characters of a name in a search: endless ones are refused

Pick = Callable[[list[Mapping[str, Any]]], str | None]


class Matcher:
    """Finds tracks at Spotify; what was found, or not, is kept.

    Parameters
    ----------
    connection : Connection
    cache : AnswerCache
    """

    def __init__(self, connection: Connection, cache: AnswerCache):
        self._connection, self._cache = connection, cache

    def match(self, track: Track) -> str | None:
        """Find a track by its Spotify id, by its ISRC, else by title and first artist.

        Returns
        -------
        str or None
            None where nothing that is found is the same track.
        """
        if own := shapes.track_id_of(track.id):
            return own
        isrc = normalise_isrc(track.isrc)
        if isrc and (found := self._search(f"isrc:{isrc}", f"isrc:{isrc}", _of_isrc(isrc))):
            return found
        names = Track(title=track.title, artist=track.artist).keys()
        if not names:
            return None
        title, artist = _quoted(track.title), _quoted(first_artist(track.artist))
        query = f'track:"{title}" artist:"{artist}"'
        return self._search(names[0], query, lambda hits: shapes.best_hit(track, hits))

    def _search(self, key: str, query: str, pick: Pick) -> str | None:
        account = self._connection.account_key  # what is found depends on the user's country
        kept = self._cache.get(account, "match", key)
        if kept is not None:
            return None if kept.value is None else str(kept.value)
        try:
            answer = self._connection.ask(
                f"the track {query}",
                lambda spotify: spotify.search(query, limit=_HITS, type="track"),
            )
        except ServiceRefusedError as exc:
            if exc.status != 400 or is_about_asker(exc):
                raise
            return None  # a title that cannot be searched for, e.g. of signs alone
        found = pick(shapes.search_hits(answer))
        days = FEATURES_DAYS if found else MISS_DAYS
        self._cache.put(account, "match", key, found, days=days)
        return found


class Writer:
    """Makes and changes playlists of the user's own.

    Parameters
    ----------
    connection : Connection
    lists : Lists
    """

    def __init__(self, connection: Connection, lists: Lists):
        self._connection, self._lists = connection, lists

    def own_playlist(self, name: str) -> TargetPlaylist | None:
        """Find the user's own playlist of exactly this name, as it stands now.

        Raises
        ------
        PlaylistError
            If there are several.
        """
        me = self._connection.user("your own playlists")
        mine = [
            one["id"]
            for one in self._lists.playlists(keep=False)
            if one["name"] == name and one["owner"] == me
        ]
        if len(mine) > 1:
            raise PlaylistError(
                f"you have {len(mine)} playlists called {name!r} at Spotify: rename all but one"
            )
        if not mine:
            return None
        pages = self._lists.entries(mine[0], name, keep=False)
        entries = [entry for page in pages for entry in page["entries"]]
        # What is no track stands by its URI, so that a list with it differs from one without.
        keys = (entry.get("uri") or entry.get("id") or "" for entry in entries)
        return TargetPlaylist(mine[0], name, tuple(keys))

    def create(self, name: str, tracks: Sequence[str]) -> None:
        """Make a private playlist of tracks in order."""
        self._connection.user("new playlists")
        self._add(self._made(name), name, tracks, 0)

    def replace(self, playlist: TargetPlaylist, tracks: Sequence[str]) -> None:
        """Give a playlist other tracks, in order."""
        self._connection.user("changed playlists")
        first = [_uri(track) for track in tracks[:WRITTEN_AT_ONCE]]
        self._connection.ask(
            f"a change of the playlist {playlist.name!r}",
            lambda spotify: spotify.playlist_replace_items(playlist.key, first),
        )
        self._add(playlist.key, playlist.name, tracks, len(first))

    def _made(self, name: str) -> str:
        """Make an empty playlist; where it is not known whether that was heard, look."""
        try:
            made = self._connection.ask(
                f"the new playlist {name!r}",
                lambda spotify: spotify.current_user_playlist_create(name, public=False),
            )
        except ServiceError as exc:
            if not _is_unclear(exc):
                raise
            there = self.own_playlist(name)
            if there is None or there.tracks:
                raise
            return there.key
        key = made.get("id") if isinstance(made, dict) else None
        if not isinstance(key, str):
            raise ServiceAnswerError("Spotify does not say which playlist it has made")
        return key

    def _add(self, key: str, name: str, tracks: Sequence[str], n_there: int) -> None:
        for start in range(n_there, len(tracks), WRITTEN_AT_ONCE):
            part = [_uri(track) for track in tracks[start : start + WRITTEN_AT_ONCE]]
            try:
                self._add_part(key, part, start)
            except ServiceError as exc:
                # Of the same kind, with what its kind tells; the error itself may be told again.
                more = copy(exc)
                more.args = (
                    f"{exc}; the playlist {name!r} was left with {start:,} of {len(tracks):,} "
                    "tracks: the same command completes it",
                )
                raise more from exc

    def _add_part(self, key: str, part: list[str], n_before: int) -> None:
        # spotipy's playlist_add_items sends a bare list, which apps of 2026 may not.
        def add(spotify: Any) -> Any:
            return spotify._post(f"playlists/{key}/items", payload={"uris": part})

        what = "more tracks of a playlist"
        try:
            self._connection.ask(what, add)
        except ServiceError as exc:
            if not _is_unclear(exc):
                raise
            n_now = self._lists.length(key)
            if n_now == n_before:
                self._connection.ask(what, add)
            elif n_now != n_before + len(part):
                raise


def _is_unclear(exc: ServiceError) -> bool:
    """Whether a change may have been made although no answer says so."""
    if isinstance(exc, ServiceRefusedError):
        return exc.status >= 500 or exc.status == 408
    return isinstance(exc, ServiceUnreachableError | ServiceAnswerError)


def _of_isrc(isrc: str) -> Pick:
    def pick(hits: list[Mapping[str, Any]]) -> str | None:
        for one in hits:
            told = one.get("external_ids")
            if isinstance(told, dict) and normalise_isrc(str(told.get("isrc") or "")) == isrc:
                return str(one["id"])
        return None

    return pick


def _quoted(text: str | None) -> str:
    return " ".join((text or "").replace('"', " ").split())[:_LONGEST]


def _uri(track: str) -> str:
    return track if track.startswith("spotify:") else f"spotify:track:{track}"
