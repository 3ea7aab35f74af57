"""Playlists found and listed: what each source has, and what became of it."""

import os
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from affetto.collecting.filling import Problem, Stage
from affetto.collecting.gathering import Gathered
from affetto.collecting.labels import clean_mood, label_of
from affetto.collecting.references import FILES, Request
from affetto.collecting.services import Services
from affetto.errors import (
    AffettoError,
    ClientMissingError,
    InputError,
    LoginError,
    OfflineError,
    PlaylistError,
    ServiceBusyError,
    ServiceError,
    ServiceUnreachableError,
    UsageError,
)
from affetto.moods import same_name
from affetto.sources.contract import OWN_PREFIX, FoundPlaylist, PlaylistSource

# After these, asking the same service again in the same run would be of no use.
_FINAL = (LoginError, ServiceBusyError, ServiceUnreachableError, ClientMissingError)


@dataclass(slots=True)
class Listing:
    """What became of one playlist.

    Attributes
    ----------
    name, mood, source : str
    n_tracks : int
        That are in the table.
    not_tracks : Counter of str
        Entries that are left out, by why.
    """

    name: str
    mood: str
    source: str
    n_tracks: int = 0
    not_tracks: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Lists:
    """What became of all that was asked for.

    Attributes
    ----------
    listings : list of Listing
        Playlists of which the table has tracks.
    problems : list of Problem
    n_written_back : int
        Playlists among all of the user's that affetto wrote itself: left out.
    written_back : list of str
        Such playlists that were asked for by their names.
    """

    listings: list[Listing] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    n_written_back: int = 0
    written_back: list[str] = field(default_factory=list)


def list_all(
    requests: Sequence[Request], services: Services, gathered: Gathered, stage: Stage
) -> Lists:
    """List everything that is asked for.

    A service that asks to wait, is gone, or knows no login is asked no more; what it answered in
    earlier runs counts still.

    Parameters
    ----------
    requests : sequence of Request
    services : Services
    gathered : Gathered
        Gains playlists and tracks.
    stage : callable
    """
    lister = _Lister(requests, services, gathered, stage)
    for request in requests:
        lister.take(request)
    return lister.lists


class _Lister:
    """Lists one request after the other."""

    def __init__(
        self, requests: Sequence[Request], services: Services, gathered: Gathered, stage: Stage
    ):
        self.lists = Lists()
        self._services, self._gathered, self._stage = services, gathered, stage
        self._given_up: dict[str, AffettoError] = {}
        self._seen: set[tuple[str, str, str]] = set()
        self._moods: dict[str, str] = {}
        self._n_folders = sum(each.mood is None and _is_folder(each) for each in requests)

    def take(self, request: Request) -> None:
        with self._as_it_can(request):
            try:
                source = self._services.playlists(request.source)
                found = source.find(request.reference)
            except (InputError, UsageError, ServiceError) as exc:
                self._note(request, request.reference, exc)
                return
        written_back = [
            playlist
            for playlist in found
            # By its name one may be asked for.
            if (len(found) > 1 or _means_all(request)) and playlist.name.startswith(OWN_PREFIX)
        ]
        self.lists.n_written_back += len(written_back)
        if len(written_back) == len(found):
            words = f"{request.reference} has no playlists but those that affetto wrote"
            self._note(request, request.reference, PlaylistError(words))
        for playlist in found:
            if playlist in written_back:
                continue
            if playlist.name.startswith(OWN_PREFIX):
                self.lists.written_back.append(playlist.name)
            mood = self._mood(request, playlist)
            if (playlist.source, playlist.key, mood) in self._seen:
                continue  # named twice: taken once
            self._seen.add((playlist.source, playlist.key, mood))
            with self._as_it_can(request):
                error = self._list(source, playlist, Listing(playlist.name, mood, request.source))
            if error is not None:
                self._note(request, f"{request.reference} ({playlist.name})", error)

    def _as_it_can(self, request: Request) -> AbstractContextManager[None]:
        return self._services.asking_nobody(request.source in self._given_up)

    def _mood(self, request: Request, playlist: FoundPlaylist) -> str:
        label = playlist.folder
        if label is not None and self._n_folders > 1:
            # One folder holds folders that are moods; of several, each is one itself.
            label = os.path.basename(os.path.realpath(_path(request)))  # noqa: PTH119
        told = clean_mood(request.mood or playlist.mood or "")
        named = told or clean_mood(label_of(label or playlist.name))
        # "Calm" and "calm" are one mood, spelt as it was first.
        return self._moods.setdefault(same_name(named), named)

    def _list(
        self, source: PlaylistSource, playlist: FoundPlaylist, listing: Listing
    ) -> AffettoError | None:
        """List one playlist; what was listed before an error stays."""
        gathered = self._gathered
        before = gathered.n_rows
        gathered.begin_group(playlist.name, listing.mood, listing.source)
        error: AffettoError | None = None
        try:
            for listed in source.tracks(playlist, self._stage(playlist.name)):
                if listed.problem is None:
                    gathered.add(listed)
                else:
                    listing.not_tracks[listed.problem] += 1
        except (InputError, ServiceError) as exc:
            error = exc
        listing.n_tracks = gathered.n_rows - before
        if listing.n_tracks:
            listing.name = gathered.groups[-1].name
            self.lists.listings.append(listing)
            return error
        gathered.drop_group()
        if error is None:
            n_left = sum(listing.not_tracks.values())
            what = f"holds no track that can be used ({n_left} left out)" if n_left else "is empty"
            error = PlaylistError(f"the playlist {playlist.name!r} {what}")
        return error

    def _note(self, request: Request, what: str, error: AffettoError) -> None:
        why = self._given_up.get(request.source)
        # What is not kept is missing for the reason for which nobody is asked any more.
        meant = why if why is not None and isinstance(error, OfflineError) else error
        self.lists.problems.append(Problem(what, meant))
        if isinstance(error, _FINAL):
            self._given_up.setdefault(request.source, error)


def _means_all(request: Request) -> bool:
    return request.source != FILES and request.reference.rstrip("/").endswith(":")


def _is_folder(request: Request) -> bool:
    """Whether a folder is meant; what is not there may be one misspelt."""
    path = _path(request)
    return request.source == FILES and (os.path.isdir(path) or not os.path.exists(path))  # noqa: PTH110, PTH112


def _path(request: Request) -> str:
    """Give the path that a reference is; unlike those of pathlib, its questions never raise."""
    return os.path.expanduser(request.reference)  # noqa: PTH111
