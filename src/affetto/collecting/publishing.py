"""Mood playlists at a service: what would change, and the change itself.

A playlist whose name begins with the prefix is affetto's own, and is made to hold exactly what is
wanted; no other is ever looked into. What is right already is not written again, and a run that
was broken off is completed by the next one: playlists are known by their names.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from affetto.collecting.wanted import Wanted
from affetto.errors import LoginError, PlaylistError, ServiceBusyError, ServiceError
from affetto.sources.contract import PlaylistTarget, Progress, TargetPlaylist, silent
from affetto.tracks import Track

_MATCHED_AT_ONCE = 50

State = Literal["new", "changed", "unchanged", "left", "unknown", "failed"]


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one playlist.

    Attributes
    ----------
    wanted : Wanted
    ids : tuple of str
        What it shall hold: the service's ids, in order, each once.
    unknown : tuple of int
        Places in `Wanted.tracks` of those that the service does not know.
    now : TargetPlaylist or None
        As it stands at the service; None where there is none of the name.
    error : str or None
        Why it could not be looked at, or not be written.
    is_written : bool
        Whether it was made or changed.
    """

    wanted: Wanted
    ids: tuple[str, ...] = ()
    unknown: tuple[int, ...] = ()
    now: TargetPlaylist | None = None
    error: str | None = None
    is_written: bool = False

    @property
    def state(self) -> State:
        """Tell what is to be done with it, or was done.

        ``"left"``: no track of it is left, or none that the service knows: it is never emptied
        or deleted. ``"unknown"``: the same, and there is no such playlist yet.
        """
        if self.error is not None:
            return "failed"
        if not self.ids:
            return "unknown" if self.now is None else "left"
        if self.now is None:
            return "new"
        return "unchanged" if self.now.tracks == self.ids else "changed"

    @property
    def is_due(self) -> bool:
        """Whether there is anything to write."""
        return self.state in {"new", "changed"} and not self.is_written

    @property
    def n_added(self) -> int:
        """How many tracks come in."""
        return len(set(self.ids).difference(self._before))

    @property
    def n_removed(self) -> int:
        """How many entries go; one that stands there twice goes once."""
        return sum((Counter(self._before) - Counter(self.ids)).values()) if self.ids else 0

    @property
    def is_reordered(self) -> bool:
        """Whether the tracks that stay stand in another order."""
        stay = set(self.ids).intersection(self._before)
        before = dict.fromkeys(track for track in self._before if track in stay)
        return list(before) != [track for track in self.ids if track in stay]

    @property
    def _before(self) -> tuple[str, ...]:
        return self.now.tracks if self.now else ()

    def as_dict(self) -> dict[str, Any]:
        """Give it as plain data, for machines."""
        unknown = [(self.wanted.tracks[place], self.wanted.paths[place]) for place in self.unknown]
        return {
            "name": self.wanted.name,
            "state": self.state,
            "written": self.is_written,
            "n_wanted": len(self.wanted.tracks),
            "n_known": len(self.wanted.tracks) - len(self.unknown),
            "n_added": self.n_added,
            "n_removed": self.n_removed,
            "reordered": self.is_reordered,
            "note": self.wanted.note,
            "error": self.error,
            "tracks": list(self.ids),
            "unknown": [
                {
                    "id": track.id,
                    "isrc": track.isrc,
                    "title": track.title,
                    "artist": track.artist,
                    "album": track.album,
                    "path": path,
                }
                for track, path in unknown
            ],
        }


def plan(
    target: PlaylistTarget, playlists: Sequence[Wanted], progress: Progress = silent
) -> list[Change]:
    """Find out what is to be done, and write nothing.

    Parameters
    ----------
    target : PlaylistTarget
        Asked for each track once, whatever the number of its moods, and for each playlist as it
        stands.
    playlists : sequence of Wanted
    progress : callable
        Told of tracks.

    Returns
    -------
    list of Change
        In the order of `playlists`, without those that hold no track and are not there either.
        One that the service has several of is ``"failed"``.

    Raises
    ------
    ServiceError
        If the service cannot answer.
    """
    known = _known(target, playlists, progress)
    changes = []
    for wanted in playlists:
        found = [known[key] for key in zip(wanted.tracks, wanted.paths, strict=True)]
        ids = tuple(dict.fromkeys(track for track in found if track is not None))
        unknown = tuple(place for place, track in enumerate(found) if track is None)
        change = Change(wanted, ids, unknown)
        try:
            change = replace(change, now=target.own_playlist(wanted.name))
        except PlaylistError as exc:
            change = replace(change, error=str(exc))
        if wanted.tracks or change.now or change.error:
            changes.append(change)
    return changes


def apply(target: PlaylistTarget, change: Change) -> None:
    """Make or change a playlist as planned; one that is right or left alone is not touched.

    Raises
    ------
    ServiceError
        If the service cannot do it. What became of the playlist may then be unknown: the next
        plan looks anew.
    """
    if not change.is_due:
        return
    if change.now is None:
        target.create(change.wanted.name, change.ids)
    else:
        target.replace(change.now, change.ids)


def publish(target: PlaylistTarget, changes: Iterable[Change]) -> Iterator[Change]:
    """Carry out a plan, a playlist at a time.

    Yields
    ------
    Change
        Each as it is now; one that could not be written carries its error, and the others
        go on.

    Raises
    ------
    ServiceBusyError, LoginError
        Where no other playlist would fare better.
    """
    for change in changes:
        if not change.is_due:
            yield change
            continue
        try:
            apply(target, change)
        except (ServiceBusyError, LoginError):
            raise
        except (ServiceError, PlaylistError) as exc:
            yield replace(change, error=str(exc))
        else:
            yield replace(change, is_written=True)


def _known(
    target: PlaylistTarget, playlists: Sequence[Wanted], progress: Progress
) -> dict[tuple[Track, str | None], str | None]:
    """Ask for all tracks, some at a time: where each is a request, that takes minutes."""
    pairs = list(
        dict.fromkeys(
            pair for each in playlists for pair in zip(each.tracks, each.paths, strict=True)
        )
    )
    known: dict[tuple[Track, str | None], str | None] = {}
    for start in range(0, len(pairs), _MATCHED_AT_ONCE):
        part = pairs[start : start + _MATCHED_AT_ONCE]
        found = target.match([track for track, _ in part], [path for _, path in part])
        known.update(zip(part, found, strict=True))
        progress(len(known), len(pairs))
    return known
