"""Spotify: playlists that the user owns, its audio features while they last, and a target."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from affetto.errors import PlaylistError, ServiceAnswerError, ServiceRefusedError
from affetto.sources.accounts import Account
from affetto.sources.cache import FEATURES_DAYS, MISS_DAYS, AnswerCache
from affetto.sources.contract import (
    FoundPlaylist,
    Listed,
    Progress,
    TargetPlaylist,
    Told,
    silent,
)
from affetto.sources.patience import Patience
from affetto.sources.spotify import shapes
from affetto.sources.spotify.connection import Connection
from affetto.sources.spotify.lists import Lists
from affetto.sources.spotify.session import is_about_asker
from affetto.sources.spotify.target import Matcher, Writer
from affetto.tracks import Track

FEATURES_AT_ONCE = 100
_REFUSED_DAYS = 7.0
_REFUSING = frozenset({403, 404, 410})

REFUSAL = (
    "Spotify refuses its audio features to this app, as to all apps made after 27 November 2024 "
    "and, since the middle of 2026, to practically all: the next source is asked for them"
)


class SpotifyClient:
    """Spotify as a source of playlists and features, and as a target; to be closed.

    Parameters
    ----------
    account : Account
        Of ``"spotify"``.
    cache : AnswerCache
    patience : Patience, optional
    api_url, accounts_url : str, optional
        See `Connection`.

    Attributes
    ----------
    refusal : str or None
        Why Spotify tells no audio features, in one sentence, once it has said no.
    refusal_is_new : bool
        Whether it said so in this run, not in an earlier one.
    """

    name = shapes.SOURCE

    def __init__(
        self,
        account: Account,
        cache: AnswerCache,
        *,
        patience: Patience | None = None,
        api_url: str | None = None,
        accounts_url: str | None = None,
    ):
        self._cache = cache
        self._connection = Connection(
            account, cache, patience=patience, api_url=api_url, accounts_url=accounts_url
        )
        self._lists = Lists(self._connection, cache)
        self._matcher = Matcher(self._connection, cache)
        self._writer = Writer(self._connection, self._lists)
        self.refusal: str | None = None
        self.refusal_is_new = False

    def close(self) -> None:
        """Close all connections."""
        self._connection.close()

    @property
    def n_requests(self) -> int:
        """How often Spotify was asked, for tokens too."""
        return self._connection.session.n_requests

    @property
    def account_key(self) -> str:
        """Name who asks, as in the cache.

        Raises
        ------
        LoginError
            If there is no login; found without a question to anybody.
        """
        return self._connection.account_key

    def find(self, reference: str) -> Sequence[FoundPlaylist]:
        """Find the playlists that a reference means.

        Parameters
        ----------
        reference : str
            ``spotify:playlist:ID``, a playlist's link, ``spotify:playlist/NAME`` of one of the
            user's own, ``spotify:saved``, or ``spotify:`` for all of the user's own.

        Raises
        ------
        PlaylistError
            If there is none.
        ServiceError
        """
        meant = shapes.read_reference(reference)
        _ = self.account_key  # a missing login is told before anything is asked
        if meant.kind == "id":
            return [self._found(self._lists.playlist(meant.value) | {"id": meant.value})]
        me = self._connection.user("saved tracks" if meant.kind == "saved" else "names and lists")
        if meant.kind == "saved":
            return [FoundPlaylist(self.name, shapes.SAVED, "Liked Songs")]
        # Those that the user only follows are listed too, but apps may not read them.
        mine = [one for one in self._lists.playlists() if one["owner"] == me or one["shared"]]
        own = {one["id"]: self._found(one) for one in mine}
        if not own:
            raise PlaylistError("you have no playlists of your own at Spotify")
        if meant.kind == "all":
            return list(own.values())
        return [own[shapes.pick_by_name(meant.value, {key: own[key].name for key in own})]]

    def tracks(self, playlist: FoundPlaylist, progress: Progress = silent) -> Iterator[Listed]:
        """List a playlist's entries in order; those that are no tracks say why.

        Raises
        ------
        PlaylistError
            If it is gone, or Spotify does not show it.
        ServiceError
            On the way; the pages before are kept.
        """
        n_done = 0
        for page in self._lists.entries(playlist.key, playlist.name):
            n_done += len(page["entries"])
            progress(n_done, max(n_done, page["total"]))
            yield from map(shapes.listed, page["entries"])

    def can_tell(self, listed: Listed) -> bool:
        """Whether the track has an id of Spotify's."""
        return shapes.track_id_of(listed.track.id) is not None

    def features(
        self, tracks: Sequence[Listed], progress: Progress = silent
    ) -> Iterator[tuple[int, Told]]:
        """Tell Spotify's audio features, if it gives them; else `refusal` says why not.

        Parameters
        ----------
        tracks : sequence of Listed
            Each one `can_tell` accepts.

        Yields
        ------
        index : int
        told : Told

        Raises
        ------
        ServiceError
        """
        places: dict[str, list[int]] = {}
        for index, one in enumerate(tracks):
            places.setdefault(str(shapes.track_id_of(one.track.id)), []).append(index)
        kept = self._cache.get_many(self.name, "audio-features", places)
        n_done = 0
        for answers in self._told(kept, [key for key in places if key not in kept]):
            for key, value in answers.items():
                for index in places[key]:
                    n_done += 1
                    yield index, Told(value or {})
            progress(n_done, len(tracks))

    def match(self, tracks: Sequence[Track], paths: Sequence[str | None]) -> Sequence[str | None]:
        """Find tracks at Spotify: by id, by ISRC, else by title and first artist.

        Parameters
        ----------
        tracks : sequence of Track
        paths : sequence of str or None
            Not used: Spotify knows no files.

        Returns
        -------
        sequence of str or None
            The Spotify id of each; None where nothing found is the same track.

        Raises
        ------
        ServiceError
        """
        del paths
        return [self._matcher.match(track) for track in tracks]

    def own_playlist(self, name: str) -> TargetPlaylist | None:
        """Find the user's own playlist of exactly this name, as it stands now.

        Raises
        ------
        PlaylistError
            If there are several.
        ServiceError
        """
        return self._writer.own_playlist(name)

    def create(self, name: str, tracks: Sequence[str]) -> None:
        """Make a private playlist of tracks in order.

        Raises
        ------
        ServiceError
            The message says how many tracks a playlist was left with, if any.
        """
        self._writer.create(name, tracks)

    def replace(self, playlist: TargetPlaylist, tracks: Sequence[str]) -> None:
        """Give a playlist other tracks, in order.

        Raises
        ------
        ServiceError
            The message says how many tracks the playlist was left with, if not all.
        """
        self._writer.replace(playlist, tracks)

    def _found(self, playlist: Mapping[str, Any]) -> FoundPlaylist:
        key = playlist["id"]
        return FoundPlaylist(self.name, key, playlist["name"] or key, playlist["n"])

    def _told(
        self, kept: Mapping[str, Any], missing: Sequence[str]
    ) -> Iterator[dict[str, dict[str, float] | None]]:
        yield {key: one.value for key, one in kept.items()}
        if not missing or self._is_refused():
            return
        for start in range(0, len(missing), FEATURES_AT_ONCE):
            part = missing[start : start + FEATURES_AT_ONCE]
            try:
                answer = self._connection.ask("audio features", _asked_features(part))
            except ServiceRefusedError as exc:
                if exc.status not in _REFUSING or is_about_asker(exc):
                    raise
                self._refused()
                return
            yield self._keep_features(part, answer)

    def _keep_features(
        self, part: Sequence[str], answer: Any
    ) -> dict[str, dict[str, float] | None]:
        listed = answer.get("audio_features")
        if not isinstance(listed, list):
            raise ServiceAnswerError("Spotify's answer holds no list of audio features")
        found = {
            one["id"]: shapes.features_of(one)
            for one in listed
            if isinstance(one, dict) and isinstance(one.get("id"), str)
        }
        answers = {key: found.get(key) for key in part}  # joined by id, never by position
        known = {key: value for key, value in answers.items() if value}
        misses = {key: None for key, value in answers.items() if not value}
        self._cache.put_many(self.name, "audio-features", known, days=FEATURES_DAYS)
        self._cache.put_many(self.name, "audio-features", misses, days=MISS_DAYS)
        return answers

    def _is_refused(self) -> bool:
        _ = self.account_key
        app = self._connection.tokens.client_id
        if self._cache.get(self.name, "audio-features-refused", app) is not None:
            self.refusal = REFUSAL
        return self.refusal is not None

    def _refused(self) -> None:
        self.refusal, self.refusal_is_new = REFUSAL, True
        app = self._connection.tokens.client_id
        self._cache.put(self.name, "audio-features-refused", app, True, days=_REFUSED_DAYS)


def _asked_features(ids: Sequence[str]) -> Callable[[Any], Any]:
    # Not spotipy's audio_features, which warns of what is tried here on purpose.
    return lambda spotify: spotify._get("audio-features", ids=",".join(ids))
