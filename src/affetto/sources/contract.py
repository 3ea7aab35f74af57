"""What every source of labelled playlists offers, and what passes between them.

A `PlaylistSource` finds playlists and lists their tracks; a `FeatureSource` tells features of
tracks; an `AudioSource` hands out audio; a `PlaylistTarget` takes playlists. A service may be
several of these. All of them ask as little as they can, keep what they were told (see
`affetto.sources.cache`), and raise nothing but the errors of `affetto.errors`:

- `PlaylistError`: there is no such playlist, it is private, or the reference cannot be read;
- `ServiceError` and its kinds: the service cannot do it. What was yielded before stands.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self, runtime_checkable

from affetto.tracks import Track

OWN_PREFIX: Final = "affetto: "
"""How the names of playlists begin that affetto wrote: what they hold, a model said."""

TABLE: Final = "table"
"""The origin of what stands in a file, as `Listed.origin` has it."""

Progress = Callable[[int, int | None], None]
"""Told how much is done, and of how much where that is known."""


def silent(done: int, total: int | None) -> None:
    """Tell nobody of the progress."""


class Closable:
    """What is closed at the end of a ``with``."""

    def close(self) -> None:
        """Close it."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class FoundPlaylist:
    """A playlist that a source found; what `PlaylistSource.tracks` takes.

    Attributes
    ----------
    source : str
        Name of the source.
    key : str
        What the source knows it by.
    name : str
        What people call it.
    n_tracks : int or None
        As the source counts them, where it tells.
    mood : str or None
        What the source itself says its tracks awaken: a column of a table.
    folder : str or None
        Of files: the folder whose name is the playlist's label, where `name` says more.
    """

    source: str
    key: str
    name: str
    n_tracks: int | None = None
    mood: str | None = None
    folder: str | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """One entry of a playlist, as its source tells it.

    Attributes
    ----------
    track : Track
    features : mapping of str to float
        Those of the ten that the source told with the entry, in their units; undefined ones
        are left out.
    origin : str
        Who says so: ``"table"``, or the name of a service. `duration_ms` of a service's list
        of tracks has the service's name.
    origins : mapping of str to str
        Of single features, where the source tells another origin than its own: a table that
        ``affetto collect`` wrote.
    path : str or None
        The file on this machine, if it is there.
    handle : str or None
        What an `AudioSource` hands the audio out by.
    problem : str or None
        Why the entry is no track that can be used: an episode, a file of somebody's own.
    """

    track: Track
    features: Mapping[str, float] = field(default_factory=dict)
    origin: str = TABLE
    path: str | None = None
    handle: str | None = None
    problem: str | None = None
    origins: Mapping[str, str] = field(default_factory=dict)


@runtime_checkable
class PlaylistSource(Protocol):
    """Finds playlists, and lists what is in them."""

    name: str

    def find(self, reference: str) -> Sequence[FoundPlaylist]:
        """Find the playlists that a reference means, at least one.

        Parameters
        ----------
        reference : str
            As a person writes it, without the mood: ``spotify:playlist:…``, ``subsonic:``,
            a path.

        Raises
        ------
        PlaylistError
            If there is none; the message names those there are, or the nearest.
        """
        ...

    def tracks(self, playlist: FoundPlaylist, progress: Progress = silent) -> Iterator[Listed]:
        """List a playlist's entries in order, page by page; an empty one has none.

        Raises
        ------
        PlaylistError
            If it is gone or may not be read.
        ServiceError
            On the way; the pages before are kept.
        """
        ...


@dataclass(frozen=True, slots=True)
class Told:
    """What a feature source tells of one track.

    Attributes
    ----------
    features : mapping of str to float
        In the units of `affetto.features`; undefined ones are left out. Empty: it does not know
        the track.
    isrc : str or None
        Where it knows one.
    track : Track or None
        What else it says of the track's identity.
    """

    features: Mapping[str, float]
    isrc: str | None = None
    track: Track | None = None


@runtime_checkable
class FeatureSource(Protocol):
    """Tells features of tracks that others list."""

    name: str

    def can_tell(self, listed: Listed) -> bool:
        """Whether it can be asked about a track at all: whether there is an id it understands."""
        ...

    def features(
        self, tracks: Sequence[Listed], progress: Progress = silent
    ) -> Iterator[tuple[int, Told]]:
        """Tell what is known of tracks, as answers come in.

        Parameters
        ----------
        tracks : sequence of Listed
            Each one `can_tell` accepts; no track twice.

        Yields
        ------
        index : int
            Into `tracks`; each at most once. One that is not yielded was not asked.
        told : Told

        Raises
        ------
        ServiceError
            On the way; what was yielded before stands and is kept.
        """
        ...


@runtime_checkable
class AudioSource(Protocol):
    """Hands out the audio of tracks it lists.

    Attributes
    ----------
    account_key : str
        Names the server and the user, as in the cache.
    """

    name: str
    account_key: str

    def fetch(self, listed: Listed, folder: Path) -> Path:
        """Put a track's audio into a folder, whole or not at all.

        Raises
        ------
        ServiceError
        OutputError
        """
        ...


@dataclass(frozen=True, slots=True)
class TargetPlaylist:
    """A playlist of the user's own at a service, as it stands.

    Attributes
    ----------
    key : str
        What the service knows it by.
    name : str
    tracks : tuple of str
        The service's ids of its tracks, in order.
    """

    key: str
    name: str
    tracks: tuple[str, ...]


@runtime_checkable
class PlaylistTarget(Protocol):
    """Takes playlists."""

    name: str

    def match(self, tracks: Sequence[Track], paths: Sequence[str | None]) -> Sequence[str | None]:
        """Find tracks in the service's own catalogue.

        Parameters
        ----------
        tracks : sequence of Track
        paths : sequence of str or None
            Their files on this machine, where they have any.

        Returns
        -------
        sequence of str or None
            The service's id of each; None where it has no such track.
        """
        ...

    def own_playlist(self, name: str) -> TargetPlaylist | None:
        """Find the user's own playlist of exactly this name, as it stands now: never kept.

        Raises
        ------
        PlaylistError
            If there are several of that name.
        """
        ...

    def create(self, name: str, tracks: Sequence[str]) -> None:
        """Make a playlist of tracks in order."""
        ...

    def replace(self, playlist: TargetPlaylist, tracks: Sequence[str]) -> None:
        """Give a playlist other tracks, in order."""
        ...
