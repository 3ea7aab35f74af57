"""Lists at Spotify, page by page: playlists, what is in them, what the user saved.

Each page is kept as soon as it comes, so that a run that is broken off asks only for the rest.
"""

from collections.abc import Callable, Iterator
from typing import Any

from affetto.errors import PlaylistError, ServiceAnswerError, ServiceRefusedError
from affetto.sources.cache import PLAYLIST_DAYS, AnswerCache
from affetto.sources.spotify import shapes
from affetto.sources.spotify.connection import Connection
from affetto.sources.spotify.session import is_about_asker

PAGE = 50
"""Entries a page: the most that the API gives since 2026."""

_MOST_PAGES = 2_000
_MOST_STEPS_BACK = 3
_FIELDS = "id,name,collaborative,owner(id),items(total),tracks(total)"


class Lists:
    """What Spotify lists to one account.

    Parameters
    ----------
    connection : Connection
    cache : AnswerCache
    """

    def __init__(self, connection: Connection, cache: AnswerCache):
        self._connection, self._cache = connection, cache

    def playlist(self, key: str) -> dict[str, Any]:
        """Tell of one playlist: see `affetto.sources.spotify.shapes.reduced_playlist`.

        Raises
        ------
        PlaylistError
            If it is not there, or not shown.
        """
        account = self._connection.account_key
        kept = self._cache.get(account, "playlist", key, changes=True)
        if kept is not None:
            return dict(kept.value)
        answer = self._of_playlist(key, key, lambda spotify: spotify.playlist(key, fields=_FIELDS))
        found = shapes.reduced_playlist(answer)
        self._cache.put(account, "playlist", key, found, days=PLAYLIST_DAYS)
        return found

    def playlists(self, *, keep: bool = True) -> Iterator[dict[str, Any]]:
        """List the playlists in the user's library, those of others that are followed too.

        Parameters
        ----------
        keep : bool
            False: as they stand now, whatever is kept.
        """

        def ask(offset: int) -> dict[str, Any]:
            answer = self._connection.ask(
                "the list of your playlists",
                lambda spotify: spotify.current_user_playlists(limit=PAGE, offset=offset),
            )
            return shapes.read_playlists(answer)

        for page in self._pages("playlists", "me", "your playlists", ask, keep=keep):
            yield from page["entries"]

    def entries(self, key: str, name: str, *, keep: bool = True) -> Iterator[dict[str, Any]]:
        """List a playlist's pages: see `affetto.sources.spotify.shapes.read_page`.

        Parameters
        ----------
        key : str
            `affetto.sources.spotify.shapes.SAVED` for the user's saved tracks.
        name : str
            For messages.
        keep : bool

        Raises
        ------
        PlaylistError
            If it is not there, or not shown.
        """

        def saved(offset: int) -> Any:
            return self._connection.ask(
                "the list of your saved tracks",
                lambda spotify: spotify.current_user_saved_tracks(limit=PAGE, offset=offset),
            )

        def items(offset: int) -> Any:
            return self._of_playlist(
                key, name, lambda spotify: spotify.playlist_items(key, limit=PAGE, offset=offset)
            )

        what = f"the playlist {name!r}"
        ask = saved if key == shapes.SAVED else items
        return self._pages(
            "items", key, what, lambda offset: shapes.read_page(ask(offset), what), keep=keep
        )

    def length(self, key: str) -> int:
        """Count a playlist's entries, as it stands now."""
        answer = self._connection.ask(
            "a playlist's length", lambda spotify: spotify.playlist_items(key, limit=1)
        )
        return int(shapes.page_of(answer, "a playlist")[1]["total"])

    def _pages(
        self,
        kind: str,
        key: str,
        what: str,
        ask: Callable[[int], dict[str, Any]],
        *,
        keep: bool,
    ) -> Iterator[dict[str, Any]]:
        """Go through a list that may change, or be lied about, meanwhile."""
        offset, total, n_back = 0, 0, 0
        before: list[Any] | None = None
        went_back = False
        for _ in range(_MOST_PAGES):
            page = self._page(kind, key, offset, ask, keep=keep, total=total if went_back else None)
            if page["offset"] not in {None, offset}:
                raise ServiceAnswerError(
                    f"Spotify lists {what} from entry {page['offset']} where {offset} was asked for"
                )
            gone, total = total - page["total"], page["total"]
            n_back += gone > 0
            if went_back := gone > 0 and n_back <= _MOST_STEPS_BACK:
                # Entries were removed meanwhile, and later ones moved up: some over the edge of
                # the page before. Twice listed is better than never.
                offset = max(0, offset - gone)
                if page["n"] == 0 and offset >= total:
                    return
                continue
            if offset >= total and page["entries"] == before:
                return  # beyond its end, the same page for ever
            yield page
            step = min(PAGE, page["limit"] or PAGE)  # fewer, where less than was asked is given
            offset += step
            goes_on = page["n"] == step and page["more"]
            is_trusted = n_back <= _MOST_STEPS_BACK
            if page["n"] == 0 or (offset >= total and is_trusted and not goes_on):
                return
            before = page["entries"]
        raise ServiceAnswerError(
            f"Spotify's list of {what} does not end after {_MOST_PAGES * PAGE:,} entries"
        )

    def _page(
        self,
        kind: str,
        key: str,
        offset: int,
        ask: Callable[[int], dict[str, Any]],
        *,
        keep: bool,
        total: int | None,
    ) -> dict[str, Any]:
        account, place = self._connection.account_key, f"{key}?offset={offset}&limit={PAGE}"
        if keep and (kept := self._cache.get(account, kind, place, changes=True)):
            page = dict(kept.value)
            # After a step back, one of before the change does not count.
            if total in {None, page["total"]}:
                return page
        page = ask(offset)
        if keep:
            self._cache.put(account, kind, place, page, days=PLAYLIST_DAYS)
        return page

    def _of_playlist(self, key: str, name: str, question: Callable[[Any], Any]) -> Any:
        """Ask about one playlist; what is refused of it is said in words that help."""
        try:
            return self._connection.ask(f"the playlist {name!r}", question)
        except ServiceRefusedError as exc:
            if exc.status == 404:
                raise PlaylistError(
                    f"Spotify has no playlist {key}: it was deleted or is private, or it is one "
                    "of Spotify's own, which it shows to no app since November 2024"
                ) from exc
            if exc.status != 403 or is_about_asker(exc):
                raise
            if self._connection.tokens.user_id is None:
                raise PlaylistError(
                    f"Spotify shows what is in the playlist {name!r} ({key}) to no app without a "
                    "user since 2026: affetto login spotify"
                ) from exc
            raise PlaylistError(
                f"Spotify does not show the playlist {name!r} ({key}): since 2026 apps see only "
                "playlists that you own or collaborate on. Copy its tracks to a playlist of your "
                "own in Spotify, or export it with Exportify and collect that file"
            ) from exc
