"""Audio heard and written down track by track, so that a stop loses nothing that was done."""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from affetto.audio.analysis import DESCRIPTOR_NAMES
from affetto.errors import UsageError
from affetto.scoring.deciding import Decider
from affetto.scoring.label import ROW_COLUMN, Sources, label_frames
from affetto.scoring.listen import (
    MOMENT_COLUMNS,
    SCHEMA,
    TIMEOUT_S,
    Heard,
    Row,
    listen,
    moments_of,
    table_of,
)
from affetto.scoring.results import STAMP, Results, stamp
from affetto.scoring.tally import Tally
from affetto.sources.files import AudioEntry
from affetto.sources.tables import Table, translate_errors
from affetto.tracks import ERROR_COLUMN, IDENTITY_COLUMNS

Schema = Mapping[str, pl.DataType]


@dataclass(frozen=True, slots=True)
class Listening:
    """How to listen; see `affetto.scoring.listen.listen`."""

    jobs: int | None = None
    excerpt: bool = False
    timeline: bool = False
    descriptors: bool = False
    timeout_s: float = TIMEOUT_S


@dataclass(frozen=True, slots=True)
class Written:
    """One track, done.

    Attributes
    ----------
    heard : Heard
    row : dict
        What was written, or would be.
    moments : sequence of dict
        Its timeline, labelled; empty unless asked for.
    """

    heard: Heard
    row: Row
    moments: Sequence[Row] = ()


@dataclass(frozen=True, slots=True)
class Stream:
    """A run that waits to begin; iterate over it.

    Attributes
    ----------
    n_kept : int
        Files whose rows an earlier run left.
    n_left : int
        Files that are to be heard.
    tracks : generator of Written
        In the order of completion. Close it to stop.
    """

    n_kept: int
    n_left: int
    tracks: Generator[Written, None, None]

    def __iter__(self) -> Iterator[Written]:
        return self.tracks


def label_stream(
    sources: Sources,
    decider: Decider,
    *,
    tally: Tally,
    keep: Sequence[str] = (),
    listening: Listening,
    out: Path | None = None,
    resume: bool = False,
) -> Stream:
    """Label audio files as they are heard; with `out`, write them, and then the tables.

    Parameters
    ----------
    sources : Sources
        Tables are labelled only with `out`: without, `label_head` shows them.
    decider : Decider
    tally : Tally
        Counts what is labelled.
    keep : sequence of str
        As in `affetto.label`.
    listening : Listening
    out : Path, optional
        As `affetto.scoring.results.Results` has it. With a timeline: its windows are written,
        not the tracks; a track that failed has one row.
    resume : bool
        Go on with what an earlier run left in `out`. Its rows are labelled anew from their
        features, so that the file says the same of all, whatever model, rules or least
        confidence it was begun with.

    Returns
    -------
    Stream

    Raises
    ------
    UsageError
        Before anything is heard: if a source has not a column to keep, the output cannot be
        written or would overwrite a run that was stopped, or settings exclude each other.
    FeatureMismatchError
        If a table lacks a feature that the model or a rule needs.
    """
    extra = MOMENT_COLUMNS if listening.timeline else ()

    def describe(heard: Heard) -> Written:
        row = _labelled(table_of([heard]), decider, keep, tally)[0]
        row[ROW_COLUMN] = heard.index + 1
        quiet = Tally(decider.model.moods)  # windows are not tracks
        is_whole = heard.timeline and row[ERROR_COLUMN] is None
        moments = _labelled(moments_of(heard), decider, [*keep, *extra], quiet) if is_whole else []
        return Written(heard, row, moments)

    frame = None
    if sources.tables:
        frame = label_frames(sources.tables, decider, keep=keep, tally=tally)

    def anew(kept: pl.DataFrame) -> pl.DataFrame:
        told = kept.drop(decider.schema)
        scored = _in_few_digits(decider.score(told, Tally(decider.model.moods)))
        return scored.select(kept.columns).cast(kept.schema)

    def tables() -> Iterator[pl.DataFrame]:
        if frame is not None:
            with translate_errors(", ".join(table.name for table in sources.tables)):
                yield from frame.collect_batches(maintain_order=True)

    audio = label_frames([_nothing(extra)], decider, keep=[*keep, *extra]).collect_schema()
    return _stream(
        sources.audio,
        _joined(audio, {} if frame is None else frame.collect_schema()),
        describe,
        listening=listening,
        out=out,
        resume=resume,
        rest=tables(),
        anew=anew,
    )


def feature_stream(
    sources: Sources, *, listening: Listening, out: Path | None = None, resume: bool = False
) -> Stream:
    """Give the features of audio files as they are heard; with `out`, write them down.

    Parameters
    ----------
    sources : Sources
        The features of tables are written behind those of the audio; see `table_features`.
    listening : Listening
        With descriptors: a column each, after the features; the key is in words as without.
    out, resume
        As in `label_stream`.

    Returns
    -------
    Stream

    Raises
    ------
    UsageError
        As in `label_stream`.
    """
    described = DESCRIPTOR_NAMES if listening.descriptors else ()
    of_audio = {**dict.fromkeys((*SCHEMA, *described), pl.Float64()), **SCHEMA}
    of_tables = {
        name: pl.String()
        for name in IDENTITY_COLUMNS
        if any(name in table.columns for table in sources.tables)
    }
    schema = _joined(of_audio, of_tables)

    def describe(heard: Heard) -> Written:
        row = {**heard.descriptors, **heard.row}
        return Written(heard, {name: row.get(name) for name in schema})

    return _stream(
        sources.audio,
        schema,
        describe,
        listening=listening,
        out=out,
        resume=resume,
        rest=map(table_features, sources.tables),
    )


def table_features(table: Table) -> pl.DataFrame:
    """Give of a table what is known of tracks: identity, features in their units, error."""
    known = [*IDENTITY_COLUMNS, *SCHEMA]
    return table.collect().select(name for name in dict.fromkeys(known) if name in table.columns)


def _stream(
    entries: Sequence[AudioEntry],
    schema: Schema,
    describe: Callable[[Heard], Written],
    *,
    listening: Listening,
    out: Path | None,
    resume: bool,
    rest: Iterable[pl.DataFrame],
    anew: Callable[[pl.DataFrame], pl.DataFrame] | None = None,
) -> Stream:
    if resume and (out is None or listening.timeline):
        found = "a timeline" if listening.timeline else "no --out"
        raise UsageError(f"--resume goes on with the rows of tracks in --out; here is {found}")
    results, places = None, list(range(len(entries)))
    if out is not None:
        paths = [entry.path for entry in entries]
        results = Results(
            out,
            {**schema, **STAMP},
            paths,
            resume=resume,
            can_resume=not listening.timeline,
            anew=anew,
        )
        places = [i for i in places if not results.has(paths[i])]
    heard_now = listen(
        [entries[i] for i in places],
        jobs=listening.jobs,
        excerpt=listening.excerpt,
        timeline=listening.timeline,
        descriptors=listening.descriptors,
        timeout_s=listening.timeout_s,
    )

    def heard_in_place() -> Generator[Written, None, None]:
        with closing(heard_now):
            for heard in heard_now:
                yield describe(replace(heard, index=places[heard.index]))

    def written_down(results: Results) -> Generator[Written, None, None]:
        # Before any of them is heard: one that changes meanwhile is heard again next time.
        stamps = {i: stamp(entries[i].path) for i in places}
        with results, closing(heard_in_place()) as tracks:
            for written in tracks:
                for row in written.moments or (written.row,):
                    results.write({**row, **stamps[written.heard.index]})
                yield written
            for batch in rest:
                results.write_table(batch)

    tracks = heard_in_place() if results is None else written_down(results)
    return Stream(len(entries) - len(places), len(places), tracks)


def _labelled(table: Table, decider: Decider, keep: Sequence[str], tally: Tally) -> list[Row]:
    frame = label_frames([table], decider, keep=keep, tally=tally).collect()
    return _in_few_digits(frame).to_dicts()


def _in_few_digits(frame: pl.DataFrame) -> pl.DataFrame:
    """Leave out the digits that single precision does not have; Python would write them."""
    return frame.with_columns(pl.col(pl.Float32).cast(pl.Float64).round(6))


def _nothing(extra: Sequence[str]) -> Table:
    """Make a table of no audio, to ask for its columns."""
    empty = Heard(0, dict.fromkeys(SCHEMA), {}, ())
    return moments_of(empty) if extra else table_of([])


def _joined(audio: Schema, tables: Schema) -> dict[str, pl.DataType]:
    """Columns of audio, and those that only tables have: identity first, error last."""
    both = {**tables, **audio}
    first = [name for name in (ROW_COLUMN, *IDENTITY_COLUMNS) if name in both]
    names = [*first, *audio, *tables]
    order = [name for name in dict.fromkeys(names) if name != ERROR_COLUMN]
    return {name: both[name] for name in [*order, ERROR_COLUMN]}
