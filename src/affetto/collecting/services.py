"""The sources of one run: opened when they are needed, each once, all closed at the end."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from affetto.collecting.hearing import OwnAudio
from affetto.collecting.recordings import Recordings
from affetto.collecting.references import FILES
from affetto.sources.cache import AnswerCache
from affetto.sources.contract import Closable, FeatureSource, PlaylistSource, PlaylistTarget
from affetto.sources.local import LocalSource


def _spotify(cache: AnswerCache) -> Any:
    from affetto.sources.accounts import Account  # noqa: PLC0415 - the extra [sources]
    from affetto.sources.spotify.client import SpotifyClient  # noqa: PLC0415

    return SpotifyClient(Account("spotify"), cache)


def _subsonic(cache: AnswerCache) -> Any:
    from affetto.sources.accounts import Account  # noqa: PLC0415 - the extra [sources]
    from affetto.sources.subsonic import Subsonic  # noqa: PLC0415

    return Subsonic(Account("subsonic"), cache)


def _jellyfin(cache: AnswerCache) -> Any:
    from affetto.sources.accounts import Account  # noqa: PLC0415 - the extra [sources]
    from affetto.sources.jellyfin import Jellyfin  # noqa: PLC0415

    return Jellyfin(Account("jellyfin"), cache)


def _reccobeats(cache: AnswerCache) -> Any:
    from affetto.sources.reccobeats import ReccoBeats  # noqa: PLC0415 - the extra [sources]

    return ReccoBeats(cache)


_OPENERS: Mapping[str, Callable[[AnswerCache], Any]] = {
    "spotify": _spotify,
    "subsonic": _subsonic,
    "jellyfin": _jellyfin,
    "reccobeats": _reccobeats,
}


class Services(Closable):
    """Sources by name; a context manager.

    Parameters
    ----------
    cache : AnswerCache
    jobs, excerpt
        Of listening: as `affetto.scoring.listen.listen` has them.
    """

    def __init__(
        self,
        cache: AnswerCache,
        *,
        jobs: int | None = None,
        excerpt: bool = False,
    ):
        self._cache = cache
        self._files = LocalSource()
        self._open: dict[str, Any] = {FILES: self._files}
        self._recordings = Recordings(cache)
        self._audio = OwnAudio(self._recordings, jobs=jobs, excerpt=excerpt)
        self._uploads: Any = None

    def close(self) -> None:
        """Close all that was opened."""
        for client in self._open.values():
            client.close()

    def playlists(self, name: str) -> PlaylistSource:
        """Give a source of playlists.

        Raises
        ------
        ClientMissingError
            If it needs the extra ``[sources]``.
        ServiceError
            If there is no login for it.
        """
        source: PlaylistSource = self._client(name)
        return source

    def target(self, name: str) -> PlaylistTarget:
        """Give a service that playlists can be written to.

        Raises
        ------
        ClientMissingError
            If it needs the extra ``[sources]``.
        ServiceError
            If there is no login for it.
        """
        target: PlaylistTarget = self._client(name)
        return target

    def teller(self, name: str) -> FeatureSource | None:
        """Give a source of features; None where all it knows was in its lists.

        Raises
        ------
        ClientMissingError
            If it needs the extra ``[sources]``.
        """
        self._recordings.servers = {
            each: client for each, client in self._open.items() if hasattr(client, "fetch")
        }
        match name:
            case "audio":
                return self._audio
            case "upload":
                from affetto.collecting.uploading import Uploads  # noqa: PLC0415 - [sources]

                self._uploads = Uploads(self._client("reccobeats"), self._recordings)
                uploads: FeatureSource = self._uploads
                return uploads
            case "spotify":
                # Asked only where there is a login anyway: its features are all but history.
                return self._open.get("spotify")
            case "reccobeats":
                client: FeatureSource = self._client(name)
                return client
            case _:
                return None

    @contextmanager
    def asking_nobody(self, only_kept: bool = True) -> Iterator[None]:
        """Let only kept answers count for a while, where `only_kept`."""
        before = self._cache.offline
        self._cache.offline = before or only_kept
        try:
            yield
        finally:
            self._cache.offline = before

    @property
    def passed_over(self) -> list[str]:
        """Tables in folders that affetto wrote itself."""
        return self._files.passed_over

    def failures(self) -> list[tuple[str, str]]:
        """List the files that could not be heard or sent, and why."""
        tellers = [self._audio, *([self._uploads] if self._uploads is not None else [])]
        return [
            (listed.path or str(listed.track), error)
            for teller in tellers
            for listed, error in teller.failures
        ]

    def counts(self) -> dict[str, int]:
        """Count the requests that each service was sent."""
        return {
            name: client.n_requests
            for name, client in self._open.items()
            if hasattr(client, "n_requests")
        }

    def _client(self, name: str) -> Any:
        if name not in self._open:
            self._open[name] = _OPENERS[name](self._cache)
        return self._open[name]
