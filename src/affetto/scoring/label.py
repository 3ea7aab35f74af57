"""Label music: source through model into a table, streamed batch by batch.

Audio files become rows of features first (`affetto.scoring.listen`, loaded when there are any).
"""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from affetto.checks import row_problem
from affetto.errors import FeatureMismatchError, InputError, UsageError
from affetto.features import BY_NAME
from affetto.model import MoodModel, load_model
from affetto.moods import resolve_moods
from affetto.output import written_aside
from affetto.scoring.results import OUTPUT_SUFFIXES
from affetto.sources.datasets import TableLike, open_table
from affetto.sources.files import AudioEntry, find_inputs
from affetto.sources.playlists import is_url, locate
from affetto.sources.tables import Table, translate_errors
from affetto.tracks import ERROR_COLUMN, IDENTITY_COLUMNS

Floats = npt.NDArray[np.float64]
ModelLike = MoodModel | str | Path | None
OnRows = Callable[[int], None]

MOOD_COLUMN, CONFIDENCE_COLUMN, ROW_COLUMN = "mood", "confidence", "row"

BATCH_ROWS = 50_000
"""Rows labelled at once: a quarter less memory than polars' own choice, at the same speed."""


@dataclass(slots=True)
class Tally:
    """Counts rows while they stream by; batches may come from several threads.

    Attributes
    ----------
    rows : int
    failed : int
        Rows that carry an error.
    per_mood : dict of str to int
    """

    moods: tuple[str, ...]
    on_rows: OnRows | None = None
    rows: int = 0
    failed: int = 0
    per_mood: dict[str, int] = field(default_factory=dict)
    _lock: Any = field(default_factory=threading.Lock, repr=False)

    def add(self, said: npt.NDArray[np.uint8], failed: int) -> None:
        """Count a batch: the index of each mood said, and how many rows failed."""
        counts = np.bincount(said, minlength=len(self.moods))
        with self._lock:
            self.rows += len(said) + failed
            self.failed += failed
            for mood, count in zip(self.moods, counts, strict=True):
                self.per_mood[mood] = self.per_mood.get(mood, 0) + int(count)
            if self.on_rows is not None:
                self.on_rows(self.rows)


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
    jobs : int, optional
        Processes that analyse audio. Default: one a physical core.
    excerpt : bool, default False
        Analyse three excerpts of 30 s of each track in place of the whole.

    Returns
    -------
    polars.DataFrame
        Audio first, in the order named, then tables. The ``row`` number, the identity columns
        of the input (``path`` for audio), the features, ``mood``, ``confidence`` (the
        probability of that mood), one ``p_<mood>`` a mood, and ``error`` (null where all went
        well; then ``mood`` is null in turn).

    Raises
    ------
    TableError, DatasetError
        If a table cannot be read. (An audio file that cannot has an error in its row.)
    FeatureMismatchError
        If a table lacks a feature that the model needs.
    ModelError
        If the model cannot be loaded.
    """
    loaded = model if isinstance(model, MoodModel) else load_model(model)
    sources = open_sources(source)
    tables = sources.tables
    if sources.audio:
        # SciPy and the decoders: loaded for those who have audio.
        from affetto.scoring.listen import listen, table_of  # noqa: PLC0415

        tables = [table_of(listen(sources.audio, jobs=jobs, excerpt=excerpt)), *tables]
    with translate_errors(", ".join(table.name for table in tables)):
        return label_frames(tables, loaded, keep=keep).collect()


def label_head(
    source: TableLike | Sequence[TableLike],
    model: MoodModel,
    *,
    tally: Tally,
    keep: Sequence[str] = (),
    rows: int | None = None,
) -> pl.DataFrame:
    """Label everything, count it in `tally`, and give the first `rows` of it (None: all)."""
    tables = open_tables(source)
    if not tables:
        return pl.DataFrame()
    frame = label_frames(tables, model, keep=keep, tally=tally)
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
    on_rows: OnRows | None = None,
) -> Tally:
    """Label tables of any size into a file, in memory that does not grow with them.

    Parameters
    ----------
    source, model, keep
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
    out = Path(out)
    if out.suffix.lower() not in OUTPUT_SUFFIXES:
        raise UsageError(
            f"cannot write {out.name}: expected a name that ends in {', '.join(OUTPUT_SUFFIXES)}"
        )
    loaded = model if isinstance(model, MoodModel) else load_model(model)
    tables = open_tables(source)
    tally = Tally(loaded.moods, on_rows)
    frame = label_frames(tables, loaded, keep=keep, tally=tally)
    with written_aside(out) as aside:
        _sink(frame, aside, ", ".join(table.name for table in tables))
    return tally


def label_frames(
    tables: Sequence[Table],
    model: MoodModel,
    *,
    keep: Sequence[str] = (),
    tally: Tally | None = None,
) -> pl.LazyFrame:
    """Label tables lazily, one after the other; see `label` for the columns."""
    frames = [_label_frame(table, model, keep, tally or Tally(model.moods)) for table in tables]
    return frames[0] if len(frames) == 1 else pl.concat(frames, how="diagonal")


def _label_frame(table: Table, model: MoodModel, keep: Sequence[str], tally: Tally) -> pl.LazyFrame:
    _check_columns(table, model, keep)
    identity = [name for name in IDENTITY_COLUMNS if name in table.columns]
    reserved = _reserved(model)
    kept = [
        pl.col(name).alias(f"{name}_given" if name in reserved else name)
        for name in dict.fromkeys(keep)
        if name not in {*identity, *table.features}
    ]
    frame = table.frame.select(*identity, *kept, *table.features, ERROR_COLUMN)
    # Names may be missing in some rows: the number tells every row from the others.
    frame = frame.with_row_index(ROW_COLUMN, offset=1)
    moods = pl.Enum(model.moods)
    columns = [mood.column for mood in resolve_moods(model.moods)]
    schema = dict(frame.collect_schema())
    error = schema.pop(ERROR_COLUMN)
    schema |= {MOOD_COLUMN: moods, CONFIDENCE_COLUMN: pl.Float32()}
    schema |= dict.fromkeys(columns, pl.Float32()) | {ERROR_COLUMN: error}

    def score(batch: pl.DataFrame) -> pl.DataFrame:
        return _score(batch, model, moods, columns, tally)

    return frame.map_batches(score, schema=schema, streamable=True)


def _score(
    batch: pl.DataFrame, model: MoodModel, moods: pl.Enum, columns: Sequence[str], tally: Tally
) -> pl.DataFrame:
    """Label one batch; rows that cannot be scored say why and stay without a mood."""
    X = batch.select(model.features).to_numpy()
    error, usable = batch[ERROR_COLUMN], None
    if not _all_usable(X, error, model.features):
        error = batch.select(row_problem(model.features).alias(ERROR_COLUMN)).to_series()
        usable = error.is_null()
        X = X[usable.to_numpy()]
    # One row a mood: what follows runs along memory.
    shares = model.predict_proba(X).T
    said, confidence = _most_probable(shares)
    tally.add(said, len(batch) - len(said))
    scored = pl.DataFrame(
        {
            MOOD_COLUMN: pl.Series(said).cat.to(moods),
            CONFIDENCE_COLUMN: confidence.astype(np.float32),
            **{name: share.astype(np.float32) for name, share in zip(columns, shares, strict=True)},
        }
    )
    if usable is not None:
        place = pl.when(usable).then(usable.cum_sum() - 1)
        scored = pl.select(place.alias(ROW_COLUMN)).select(
            pl.lit(scored[name]).gather(pl.col(ROW_COLUMN)).alias(name) for name in scored.columns
        )
    return pl.concat([batch.drop(ERROR_COLUMN), scored, error.to_frame()], how="horizontal")


def _all_usable(X: Floats, error: pl.Series, features: Sequence[str]) -> bool:
    """Whether every row can be scored: a quick look that most batches pass."""
    if error.null_count() < len(error) or not len(X):
        return False
    bounds = np.array([BY_NAME[name].accepted for name in features])
    # NaN, which stands for null as well, fails either comparison.
    return bool((X.min(axis=0) >= bounds[:, 0]).all() and (X.max(axis=0) <= bounds[:, 1]).all())


def _most_probable(shares: Floats) -> tuple[npt.NDArray[np.uint8], Floats]:
    """Give the index of the largest share of each column, the first of equals, and the share.

    The same as ``argmax`` and ``max`` over the first axis, which NumPy does column by column.
    """
    said = np.zeros(shares.shape[1], dtype=np.uint8)
    best = shares[0].copy()
    for index, share in enumerate(shares[1:], start=1):
        said[share > best] = index
        np.maximum(best, share, out=best)
    return said, best


def _check_columns(table: Table, model: MoodModel, keep: Sequence[str]) -> None:
    absent = [name for name in model.features if name not in table.features]
    if absent:
        raise FeatureMismatchError(
            f"{table.name} has no column for {', '.join(absent)}; the model {model.name!r} needs "
            f"{', '.join(model.features)}. Add it, or train a model without: "
            f"affetto train … --features {','.join(table.features)}"
        )
    columns = [name for name in table.columns if name != ERROR_COLUMN]
    for name in keep:
        if name not in columns:
            raise UsageError(
                f"{table.name} has no column {name!r} to keep; columns: {', '.join(columns)}"
            )


def _reserved(model: MoodModel) -> set[str]:
    """Columns of the result that a kept column of the input must not hide."""
    own = (mood.column for mood in resolve_moods(model.moods))
    return {ROW_COLUMN, MOOD_COLUMN, CONFIDENCE_COLUMN, ERROR_COLUMN, *own}


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
