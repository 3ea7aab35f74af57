"""Label music: source through model into a table, streamed batch by batch.

Audio files become rows of features first (`affetto.scoring.listen`, loaded when there are any).
"""

import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from affetto.errors import FeatureMismatchError, InputError, UsageError
from affetto.model import MoodModel, load_model
from affetto.output import written_aside
from affetto.scoring.deciding import Decider, RulesLike, open_rules
from affetto.scoring.results import checked_output
from affetto.scoring.tally import OnRows, Tally
from affetto.sources.datasets import TableLike, open_table
from affetto.sources.files import AudioEntry, find_inputs
from affetto.sources.playlists import is_url, locate
from affetto.sources.tables import Table, translate_errors
from affetto.tracks import ERROR_COLUMN, IDENTITY_COLUMNS

ModelLike = MoodModel | str | Path | None

ROW_COLUMN = "row"

BATCH_ROWS = 50_000
"""Rows labelled at once: a quarter less memory than polars' own choice, at the same speed."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What is to be labelled, opened but not read.

    Attributes
    ----------
    audio : list of AudioEntry
    tables : list of Table
    notes : list of str
        What is worth knowing of either.
    """

    audio: list[AudioEntry]
    tables: list[Table]
    notes: list[str]


def label(
    source: TableLike | Sequence[TableLike],
    model: ModelLike = None,
    *,
    keep: Sequence[str] = (),
    min_confidence: float = 0.0,
    rules: RulesLike = None,
    jobs: int | None = None,
    excerpt: bool = False,
) -> pl.DataFrame:
    """Tell the mood of every track: of audio files, folders, playlists and tables.

    Parameters
    ----------
    source : path, dataset name, DataFrame, or several
        Audio, or tables with the features that the model needs.
    model : MoodModel, path or name, optional
        Default: the model that comes with affetto.
    keep : sequence of str
        Further columns of the input to carry into the result; one that the result has itself
        (the given ``mood``, say) comes as ``mood_given``. Audio has ``playlist`` and ``key``.
    min_confidence : float, default 0
        From 0 to 1: where the most probable mood is less so, none is said; ``mood`` is then
        null and ``reason`` says ``"unsure"``.
    rules : path, ``"learned"`` or `affetto.rules.Rules`, optional
        Rules that decide where they hold: a file of your own (docs/rules.md), or those that
        the model learned and that beat it on tracks held out.
    jobs : int, optional
        Processes that analyse audio. Default: one a physical core.
    excerpt : bool, default False
        Analyse three excerpts of 30 s of each track in place of the whole.

    Returns
    -------
    polars.DataFrame
        Audio first, in the order named, then tables. The ``row`` number, the identity columns
        of the input (``path`` for audio), the features; ``mood``, ``confidence`` (the
        probability of that mood), ``second`` and ``second_confidence`` (the next best),
        ``reason`` (null, ``"unsure"``, ``"rule: …"`` or ``"unlike anything trained on"``), one
        ``p_<mood>`` a mood, ``outlier`` (0–1, the share of training tracks that are less
        unusual; null where the model does not know) (see `Decider.schema`); and ``error``
        (null where all went well; else all of these are null).

    Raises
    ------
    UsageError
        If `min_confidence` is out of range, or rules cannot be read or contradict each other.
    TableError, DatasetError
        If a table cannot be read. (An audio file that cannot has an error in its row.)
    FeatureMismatchError
        If a table lacks a feature that the model needs.
    ModelError
        If the model cannot be loaded.
    """
    decider = decider_of(model, min_confidence=min_confidence, rules=rules)
    sources = open_sources(source)
    tables = sources.tables
    if sources.audio:
        # SciPy and the decoders: loaded for those who have audio.
        from affetto.scoring.listen import listen, table_of  # noqa: PLC0415

        tables = [table_of(listen(sources.audio, jobs=jobs, excerpt=excerpt)), *tables]
    with translate_errors(", ".join(table.name for table in tables)):
        return label_frames(tables, decider, keep=keep).collect()


def decider_of(
    model: ModelLike = None, *, min_confidence: float = 0.0, rules: RulesLike = None
) -> Decider:
    """Load a model and what decides besides it; see `label`."""
    loaded = model if isinstance(model, MoodModel) else load_model(model)
    return Decider(loaded, min_confidence, open_rules(rules, loaded))


def label_head(
    source: TableLike | Sequence[TableLike],
    decider: Decider,
    *,
    tally: Tally,
    keep: Sequence[str] = (),
    rows: int | None = None,
) -> pl.DataFrame:
    """Label everything, count it in `tally`, and give the first `rows` of it (None: all)."""
    tables = open_tables(source)
    if not tables:
        return pl.DataFrame()
    frame = label_frames(tables, decider, keep=keep, tally=tally)
    with translate_errors(", ".join(table.name for table in tables)):
        if rows is None:
            return frame.collect(engine="streaming")
        head: list[pl.DataFrame] = []
        missing = rows
        for batch in frame.collect_batches(maintain_order=True):
            if missing > 0:
                head.append(batch.head(missing))
                missing -= len(head[-1])
        return pl.concat(head) if head else frame.head(0).collect()


def label_to_file(
    source: TableLike | Sequence[TableLike],
    out: str | Path,
    model: ModelLike = None,
    *,
    keep: Sequence[str] = (),
    min_confidence: float = 0.0,
    rules: RulesLike = None,
    on_rows: OnRows | None = None,
) -> Tally:
    """Label tables of any size into a file, in memory that does not grow with them.

    Parameters
    ----------
    source, model, keep, min_confidence, rules
        As in `label`.
    out : path
        ``.csv``, ``.tsv``, ``.jsonl`` (or ``.ndjson``), ``.parquet``. Written aside, then
        renamed: it appears when all rows are labelled.
    on_rows : callable, optional
        Called with the number of rows done.

    Returns
    -------
    Tally

    Raises
    ------
    UsageError
        If the suffix of `out` is none of these.
    OutputError
        If the file cannot be written.
    TableError, DatasetError, FeatureMismatchError, ModelError
        As in `label`.
    """
    out = checked_output(out)
    decider = decider_of(model, min_confidence=min_confidence, rules=rules)
    tables = open_tables(source)
    tally = Tally(decider.model.moods, on_rows)
    frame = label_frames(tables, decider, keep=keep, tally=tally)
    with written_aside(out) as aside:
        _sink(frame, aside, ", ".join(table.name for table in tables))
    return tally


def label_frames(
    tables: Sequence[Table],
    decider: Decider,
    *,
    keep: Sequence[str] = (),
    tally: Tally | None = None,
) -> pl.LazyFrame:
    """Label tables lazily, one after the other; see `label` for the columns."""
    counts = tally or Tally(decider.model.moods)
    frames = [_label_frame(table, decider, keep, counts) for table in tables]
    return frames[0] if len(frames) == 1 else pl.concat(frames, how="diagonal")


def _label_frame(table: Table, decider: Decider, keep: Sequence[str], tally: Tally) -> pl.LazyFrame:
    _check_columns(table, decider, keep)
    identity = [name for name in IDENTITY_COLUMNS if name in table.columns]
    # Columns of the result that a kept column of the input must not hide.
    reserved = {ROW_COLUMN, ERROR_COLUMN, *decider.schema}
    kept = [
        pl.col(name).alias(f"{name}_given" if name in reserved else name)
        for name in dict.fromkeys(keep)
        if name not in {*identity, *table.features}
    ]
    frame = table.frame.select(*identity, *kept, *table.features, ERROR_COLUMN)
    # Names may be missing in some rows: the number tells every row from the others.
    frame = frame.with_row_index(ROW_COLUMN, offset=1)
    schema = dict(frame.collect_schema())
    error = schema.pop(ERROR_COLUMN)
    schema |= {**decider.schema, ERROR_COLUMN: error}

    def score(batch: pl.DataFrame) -> pl.DataFrame:
        return decider.score(batch, tally)

    return frame.map_batches(score, schema=schema, streamable=True)


def _check_columns(table: Table, decider: Decider, keep: Sequence[str]) -> None:
    model = decider.model
    absent = [name for name in model.features if name not in table.features]
    if absent:
        raise FeatureMismatchError(
            f"{table.name} has no column for {', '.join(absent)}; the model {model.name!r} needs "
            f"{', '.join(model.features)}. Add it, or train a model without: "
            f"affetto train … --features {','.join(table.features)}"
        )
    absent = [name for name in decider.features if name not in table.features]
    if absent:
        raise FeatureMismatchError(
            f"{table.name} has no column for {', '.join(absent)}, which a rule asks for; add it, "
            "or leave the rule out"
        )
    columns = [name for name in table.columns if name != ERROR_COLUMN]
    for name in keep:
        if name not in columns:
            raise UsageError(
                f"{table.name} has no column {name!r} to keep; columns: {', '.join(columns)}"
            )


def open_sources(source: TableLike | Sequence[TableLike]) -> Sources:
    """Find audio files and open tables, each by path, dataset name, or as it is.

    Raises
    ------
    UsageError
        If there is none.
    TableError, DatasetError
        If a table cannot be read.
    """
    several = [source] if isinstance(source, TableLike) else list(source)
    if not several:
        raise UsageError("nothing to label; name audio or a table, e.g. affetto label ~/Music")
    inputs = find_inputs(one for one in several if isinstance(one, str | Path))
    audio, tables = list(inputs.audio), []
    for table in _in_order(several, inputs.tables):
        try:
            tables.append(open_table(table))
        except InputError as exc:
            if not audio or not isinstance(table, str):
                raise
            # Beside music (Album/*) lie cue sheets and logs: one line, not the end of all.
            audio.append(AudioEntry(table, error=str(exc).removeprefix(f"{Path(table).name} ")))
    notes = [f"{table.name}: {note.text}" for table in tables for note in table.notes]
    return Sources(audio, tables, [*inputs.notes, *notes])


def _in_order(several: Sequence[TableLike], names: Sequence[str]) -> Iterator[TableLike]:
    """Give tables in the order they were named: frames as they are, others as `names` has them."""
    left = deque(names)
    for one in several:
        if not isinstance(one, str | Path):
            yield one
        elif left and left[0] in _spellings(str(one)):
            yield left.popleft()
    yield from left


def _spellings(name: str) -> set[str]:
    """How a path that a person named may stand among the inputs that were found."""
    return {name, os.path.expanduser(name), *({locate(name).path} if is_url(name) else ())}  # noqa: PTH111


def open_tables(source: TableLike | Sequence[TableLike]) -> list[Table]:
    """Open tables, each by path, dataset name, or as it is.

    Raises
    ------
    TableError, DatasetError
        If one cannot be read.
    """
    several = [source] if isinstance(source, TableLike) else list(source)
    return [open_table(one) for one in several]


def _sink(frame: pl.LazyFrame, path: Path, name: str) -> None:
    sinks: Mapping[str, Callable[[], Any]] = {
        ".csv": lambda: frame.sink_csv(path, engine="streaming"),
        ".tsv": lambda: frame.sink_csv(path, separator="\t", engine="streaming"),
        ".jsonl": lambda: frame.sink_ndjson(path, engine="streaming"),
        ".ndjson": lambda: frame.sink_ndjson(path, engine="streaming"),
        # lz4 is written half as fast again as zstd, and without statistics a tenth faster.
        ".parquet": lambda: frame.sink_parquet(
            path, compression="lz4", statistics=False, engine="streaming"
        ),
    }
    # polars takes the batch from its settings alone; they are put back afterwards.
    with translate_errors(name), pl.Config(streaming_chunk_size=BATCH_ROWS):
        sinks[path.suffix.lower()]()
