"""Features filled in, source by source, in an order that the user may set; every origin kept."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from affetto.collecting.gathering import Gathered
from affetto.errors import (
    AffettoError,
    InputError,
    OutputError,
    ServiceError,
    UsageError,
    WorkerError,
)
from affetto.features import FEATURE_NAMES
from affetto.sources.contract import FeatureSource, Listed, Progress
from affetto.tracks import Track

FILLERS: Final = ("table", "spotify", "reccobeats", "upload", "audio")
"""Where features may come from."""

DEFAULT_FILL: Final = ("table", "spotify", "reccobeats", "audio")
"""What tables say counts first, then services, then own audio."""

_DURATION = FEATURE_NAMES.index("duration_ms")

Stage = Callable[[str], Progress]
"""Begins a stage of the run, and gives what is told of its progress."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that could not be done.

    Attributes
    ----------
    what : str
        A reference, a source, or a file.
    error : AffettoError
    """

    what: str
    error: AffettoError

    def __str__(self) -> str:
        """Say what went wrong with what, its name once."""
        error = str(self.error)
        return error if self.what in error else f"{self.what}: {error}"


def parse_fill(text: str) -> tuple[str, ...]:
    """Read ``"table,audio"`` as an order of filling.

    Raises
    ------
    UsageError
        If a name is unknown or stands twice, or there is none.
    """
    names = tuple(name.strip().lower() for name in text.split(",") if name.strip())
    unknown = [name for name in names if name not in FILLERS]
    if unknown or not names or len(set(names)) != len(names):
        found = unknown[0] if unknown else text
        raise UsageError(
            f"cannot fill features from {found!r}; expected each at most once of "
            f"{', '.join(FILLERS)}, in the order in which they count"
        )
    return names


def origins_of(fill: Sequence[str], told: Iterable[str]) -> tuple[str, ...]:
    """Give the origins in the order in which they count.

    What lists told along counts right behind the tables: a collected table's features, whose
    origins it tells, and lengths by services. Where tables do not count, these lengths are first.
    """
    extra = [name for name in told if name not in fill and name != "table"]
    at = fill.index("table") + 1 if "table" in fill else 0
    return (*fill[:at], *extra, *fill[at:])


def fill(
    gathered: Gathered,
    tellers: Mapping[str, FeatureSource],
    order: Sequence[str],
    stage: Stage,
) -> list[Problem]:
    """Ask one source after the other for what those before it left open.

    Parameters
    ----------
    gathered : Gathered
        Gains offers.
    tellers : mapping of str to FeatureSource
        By origin; an origin without one has said all it knows.
    order : sequence of str
    stage : callable

    Returns
    -------
    list of Problem
        What went wrong; what was told before stands.
    """
    problems = []
    for place, origin in enumerate(order):
        teller = tellers.get(origin)
        if teller is None:
            continue
        values, _ = gathered.chosen(order[:place])
        lacking = np.flatnonzero(np.isnan(values).any(axis=1))
        problem = ask(gathered, teller, lacking, values, stage)
        if problem is not None:
            problems.append(problem)
    return problems


def ask(
    gathered: Gathered,
    teller: FeatureSource,
    places: npt.NDArray[np.int64],
    values: npt.NDArray[np.float64],
    stage: Stage,
) -> Problem | None:
    """Ask a source about tracks, and write down what it tells.

    Parameters
    ----------
    gathered : Gathered
    teller : FeatureSource
    places : ndarray of int
        Into `Gathered.tracks`; those it cannot tell of are passed over.
    values : ndarray, shape=(n_tracks, 10)
        What is known: a length that is known need not be asked for.
    stage : callable
    """
    known = [
        (int(place), listed)
        for place in places
        if teller.can_tell(listed := gathered.tracks[place])
    ]
    if not known:
        return None
    asked = [_with_length(listed, values[place, _DURATION]) for place, listed in known]
    try:
        for index, told in teller.features(asked, stage(teller.name)):
            place, _ = known[index]
            gathered.offer(teller.name, place, told.features)
            if told.track is not None:
                gathered.identify(place, told.track, is_heard=True)
            if told.isrc:
                gathered.identify(place, Track(isrc=told.isrc))
    except (ServiceError, InputError, OutputError, WorkerError) as exc:
        # A full disk, too, costs only what is not told yet.
        return Problem(teller.name, exc)
    return None


def _with_length(listed: Listed, duration_ms: float) -> Listed:
    if np.isnan(duration_ms):
        return listed
    return replace(listed, features={"duration_ms": float(duration_ms)})
