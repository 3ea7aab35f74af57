"""Audio files → rows of features: analysed in processes, handed on as each one is done."""

import math
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from affetto.audio.analysis import AudioFeatures, analyze
from affetto.audio.stream import shown
from affetto.errors import UsageError
from affetto.features import BY_NAME, FEATURE_NAMES
from affetto.scoring.workers import Outcome, run_jobs
from affetto.sources.files import AudioEntry
from affetto.sources.playlists import printable
from affetto.sources.tables import Table
from affetto.tracks import ERROR_COLUMN

TIMEOUT_S = 300.0
"""Longest time a file may take: three hours of mp3 take half a minute."""

SCHEMA: dict[str, pl.DataType] = {
    **dict.fromkeys(("path", "title", "artist", "album", "playlist"), pl.String()),
    **dict.fromkeys(FEATURE_NAMES, pl.Float64()),
    "key": pl.String(),
    "warning": pl.String(),
    ERROR_COLUMN: pl.String(),
}
"""Columns of a table of analysed files; ``warning`` is what was wrong and got by with."""

MOMENT_COLUMNS = ("start_s", "stop_s")
"""Of a timeline: where in the track a window lies."""

# What is written down: finer than any of them is true, coarse enough to be read.
_DIGITS = {name: 4 if BY_NAME[name].is_share else 2 for name in FEATURE_NAMES}

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Heard:
    """What became of one file.

    Attributes
    ----------
    index : int
        Its place among the entries.
    row : dict
        Values of the columns of `SCHEMA`; undefined is None.
    descriptors : mapping of str to float or None
        Where they were asked for.
    timeline : sequence of dict
        Where it was asked for: ``start_s``, ``stop_s`` and the ten features of each window.
    """

    index: int
    row: Row
    descriptors: Mapping[str, float | None]
    timeline: Sequence[Row]


def listen(
    entries: Sequence[AudioEntry],
    *,
    jobs: int | None = None,
    excerpt: bool = False,
    timeline: bool = False,
    descriptors: bool = False,
    timeout_s: float = TIMEOUT_S,
    nice: int = 0,
) -> Generator[Heard, None, None]:
    """Analyse files in processes of their own.

    Parameters
    ----------
    entries : sequence of AudioEntry
        One with an error is handed on as it is.
    jobs : int, optional
        Processes. Default: one a physical core, never more than files.
    excerpt, timeline : bool
        As `affetto.analyze` has them.
    descriptors : bool
        Hand on all descriptors.
    timeout_s : float
        A file that takes longer is given up, with an error.
    nice : int
        By how much the processes give way to others.

    Yields
    ------
    Heard
        In the order of completion. A file that crashes its process, takes too long or is not
        audio costs its own row alone.

    Raises
    ------
    UsageError
        If a number is out of range, or both an excerpt and a timeline are asked for.
    """
    if excerpt and timeline:
        raise UsageError("a timeline needs the whole track: leave --timeline or --excerpt out")
    places = [index for index, entry in enumerate(entries) if entry.error is None]
    settings = {"excerpt": excerpt, "timeline": timeline, "descriptors": descriptors}
    outcomes = run_jobs(
        hear,
        (entries[place].path for place in places),
        n_jobs=jobs,
        timeout_s=timeout_s,
        keywords=settings,
        nice=nice,
    )
    return _listen(entries, places, outcomes)


def _listen(
    entries: Sequence[AudioEntry], places: Sequence[int], outcomes: Generator[Outcome, None, None]
) -> Generator[Heard, None, None]:
    for index, entry in enumerate(entries):
        if entry.error is not None:
            yield _heard(index, entry, {}, entry.error)
    with closing(outcomes):  # a caller who stops ends the processes too
        for outcome in outcomes:
            index = places[outcome.index]
            error = None if outcome.error is None else str(outcome.error)
            yield _heard(index, entries[index], outcome.value or {}, error)


def listen_as_they_come(
    entries: Iterable[AudioEntry],
    *,
    jobs: int | None = None,
    excerpt: bool = False,
    timeout_s: float = TIMEOUT_S,
) -> Generator[Heard, None, None]:
    """Analyse files that are not all there yet: each is drawn when a process is free for it.

    Parameters
    ----------
    entries : iterable of AudioEntry
        Without errors.
    jobs, excerpt, timeout_s
        As in `listen`.

    Yields
    ------
    Heard
        In the order of completion; once it is given, its file is used no more.
    """
    drawn: dict[int, AudioEntry] = {}

    def paths() -> Iterator[str]:
        for index, entry in enumerate(entries):
            drawn[index] = entry
            yield entry.path

    settings = {"excerpt": excerpt, "timeline": False, "descriptors": False}
    outcomes = run_jobs(hear, paths(), n_jobs=jobs, timeout_s=timeout_s, keywords=settings)
    with closing(outcomes):  # a caller who stops ends the processes too
        for outcome in outcomes:
            error = None if outcome.error is None else str(outcome.error)
            yield _heard(outcome.index, drawn.pop(outcome.index), outcome.value or {}, error)


def hear(path: str, *, excerpt: bool, timeline: bool, descriptors: bool) -> dict[str, Any]:
    """Analyse one file; what a worker process runs, so all it gives is plain data."""
    track = analyze(path, excerpt=excerpt, timeline=timeline)
    return {
        "title": track.title,
        "artist": track.artist,
        "album": track.album,
        "features": _written(track.features),
        "key": track.key_name,
        "error": track.problem,
        "descriptors": _known(track.descriptors) if descriptors else {},
        "timeline": [
            {"start_s": moment.start_s, "stop_s": moment.stop_s, **_written(moment.features)}
            for moment in track.timeline
        ],
        "warning": "; ".join(_warnings(track)) or None,
    }


def _warnings(track: AudioFeatures) -> list[str]:
    words = list(track.warnings)
    if track.problem is None and math.isnan(track.features["tempo"]):
        words.append(f"no tempo: {track.duration_s:.1f} s are too short to tell one")
    return words


def table_of(heard: Iterable[Heard]) -> Table:
    """Put what was heard into a table, in the order of the entries.

    Returns
    -------
    Table
        Columns of `SCHEMA`.
    """
    rows = [one.row for one in sorted(heard, key=lambda one: one.index)]
    return _table(rows, SCHEMA)


def moments_of(heard: Heard) -> Table:
    """Give a file's timeline as a table, so that it can be labelled like any other.

    Returns
    -------
    Table
        Columns of `SCHEMA` and `MOMENT_COLUMNS`; a row a window, the track's own words in each.
    """
    rows = [{**heard.row, **moment} for moment in heard.timeline]
    return _table(rows, {**SCHEMA, **dict.fromkeys(MOMENT_COLUMNS, pl.Float64())})


def _table(rows: list[Row], schema: dict[str, pl.DataType]) -> Table:
    """Make a table of what is known to be in the features' own units: nothing to recognise."""
    frame = pl.DataFrame(rows, schema=schema).lazy()
    return Table(
        name="audio files",
        frame=frame,
        features=FEATURE_NAMES,
        columns=tuple(schema),
        notes=(),
        typed=True,
    )


def _heard(index: int, entry: AudioEntry, told: Mapping[str, Any], error: str | None) -> Heard:
    features = told.get("features", {})
    failed = error or told.get("error")
    row = {
        "path": printable(entry.path),
        # What the file says of itself counts more than what a playlist says of it.
        **{name: told.get(name) or getattr(entry, name) for name in ("title", "artist", "album")},
        "playlist": entry.playlist,
        **{name: features.get(name) for name in FEATURE_NAMES},
        "key": told.get("key"),
        "warning": told.get("warning"),
        ERROR_COLUMN: without_name(failed, entry.path) if failed else None,
    }
    return Heard(
        index=index,
        row=row,
        descriptors=told.get("descriptors", {}),
        timeline=told.get("timeline", ()),
    )


def without_name(error: str, path: str) -> str:
    """Leave the file's name out of an error: whoever reads it has the name beside it."""
    for name in (path, shown(Path(path)), printable(path)):
        error = error.removeprefix(f"{name} ").replace(f" {name}:", ":")
    return printable(error)


def _written(features: Mapping[str, float]) -> Row:
    return {
        name: None if math.isnan(value) else round(value, _DIGITS[name])
        for name, value in features.items()
    }


def _known(descriptors: Mapping[str, float]) -> dict[str, float | None]:
    return {name: None if math.isnan(value) else value for name, value in descriptors.items()}
