"""Reading tables of tracks: any dialect in, canonical columns out, lazily.

::

    content   what a file holds; its text as UTF-8
    survey    which lines differ from the header
    dialects  separated text and JSON Lines as frames of text cells
    headers   which column holds what
    cells     numbers out of text, and what is wrong with them
    units     seconds or ms, 0–100 or 0–1, loudness without its minus
    tables    all of these together: a path or a frame → `Table`

What is decided from a sample (the first 20,000 rows) holds for the whole table.
"""

import csv
import difflib
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from polars.exceptions import PanicException, PolarsError
from polars.selectors import by_name

from affetto.errors import TableError
from affetto.features import FEATURE_NAMES
from affetto.sources.cells import as_number, clock_ms, holds_clock, say_wrong, text_cells
from affetto.sources.content import Source, sniff
from affetto.sources.dialects import LINE_ERROR, open_json_lines, open_separated
from affetto.sources.headers import Plan, plan_columns, unique_name
from affetto.sources.notes import Note
from affetto.sources.units import convert, recognise_units
from affetto.tracks import ERROR_COLUMN, IDENTITY_COLUMNS

__all__ = [
    "SAMPLE_ROWS",
    "TABLE_SUFFIXES",
    "Note",
    "Table",
    "from_frame",
    "is_table",
    "scan_bytes",
    "scan_table",
    "translate_errors",
]

SAMPLE_ROWS = 20_000
"""Rows from which columns and units are recognised."""

_TEXT_SUFFIXES = (".csv", ".tsv", ".txt", ".jsonl", ".ndjson")

TABLE_SUFFIXES: tuple[str, ...] = (
    *_TEXT_SUFFIXES,
    ".parquet",
    *(f"{suffix}.gz" for suffix in _TEXT_SUFFIXES),
)
"""Endings of file names that promise a table; what a file holds is told from its content."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of tracks, recognised but not yet read.

    Attributes
    ----------
    name : str
        Short name for messages: the file's, or the dataset's.
    frame : polars.LazyFrame
        Canonical names for identity columns (String) and features (Float64), every other
        column under its own name, and ``error`` (String): why a row cannot be read, or null.
    features : tuple of str
        Which of the ten are present, in the order of `affetto.features.FEATURE_NAMES`.
    columns : tuple of str
        All column names of `frame`, in order.
    notes : tuple of Note
        What was recognised, converted or doubted.
    typed : bool
        Whether the features were numbers in the source, so that no cell can hold text.
    synthetic : bool
        Whether the rows were made by a program rather than measured.
    group : str or None
        The column that holds playlists, where the source documents one.
    """

    name: str
    frame: pl.LazyFrame
    features: tuple[str, ...]
    columns: tuple[str, ...]
    notes: tuple[Note, ...]
    typed: bool
    synthetic: bool = False
    group: str | None = None

    def collect(self) -> pl.DataFrame:
        """Read the whole table into memory.

        Raises
        ------
        TableError
            If the source turns out to be damaged or is gone.
        """
        with _translate_all_errors(self.name):
            return self.frame.collect()


def is_table(path: str | Path) -> bool:
    """Whether a file's name ends as those of tables do."""
    return str(path).lower().endswith(TABLE_SUFFIXES)


def scan_table(path: str | Path, *, as_playlist: bool = False) -> Table:
    """Recognise a table of tracks without reading it all into memory.

    CSV, TSV, text separated by semicolons or bars, JSON Lines (each also in gzip) and
    Parquet; what the file holds is told from its content. Text is walked over once to find
    its encoding and broken lines.

    Parameters
    ----------
    path : str or Path
        The file.
    as_playlist : bool
        Whether it is read as a list of tracks: then it needs no features, so long as it tells
        which tracks they are, and may be empty.

    Returns
    -------
    Table

    Raises
    ------
    TableError
        If the file is missing, unreadable or damaged, is no table, holds no rows, or none of
        its columns is a feature.
    """
    path = Path(path).expanduser()
    name = path.name or str(path)
    with _translate_all_errors(name):
        _check_file(path, name)
    return _scan(path, name, as_playlist=as_playlist)


def scan_bytes(raw: bytes, name: str, *, as_playlist: bool = False) -> Table:
    """Recognise a table of tracks that is a part of an archive.

    Parameters
    ----------
    raw : bytes
        What the file would hold, not packed.
    name : str
        Short name for messages.
    as_playlist : bool
        As for `scan_table`.

    Returns
    -------
    Table
        Holds the bytes.

    Raises
    ------
    TableError
        As `scan_table`.
    """
    return _scan(raw, name, as_playlist=as_playlist)


def from_frame(frame: pl.DataFrame | pl.LazyFrame, name: str = "table") -> Table:
    """Recognise a table of tracks that is already in memory.

    Parameters
    ----------
    frame : polars.DataFrame or LazyFrame
        Columns under any names that `scan_table` would recognise, numbers or text.
    name : str
        Short name for messages.

    Returns
    -------
    Table

    Raises
    ------
    TableError
        If it holds no rows, or none of its columns is a feature.
    """
    return _recognise(frame.lazy(), name)


@contextmanager
def translate_errors(name: str) -> Iterator[None]:
    """Turn what polars and Python raise over a damaged table into `TableError`.

    For use around ``collect`` and ``sink`` of a table's frame. Errors of the operating system
    (a full disk, a missing folder) pass through, since they may come from writing.

    Parameters
    ----------
    name : str
        The table's name, for the message.

    Raises
    ------
    TableError
    """
    try:
        yield
    except (PolarsError, PanicException, UnicodeError, csv.Error, EOFError, zlib.error) as exc:
        raise TableError(_damage_text(name, exc)) from exc
    except OSError as exc:
        # A broken gzip has no error number; polars puts the system's into the text.
        if exc.errno is None and "os error" not in str(exc):
            raise TableError(_damage_text(name, exc)) from exc
        raise


@contextmanager
def _translate_all_errors(name: str) -> Iterator[None]:
    """Translate as `translate_errors` does, and errors of the operating system with them."""
    try:
        with translate_errors(name):
            yield
    except PermissionError as exc:
        raise TableError(f"{name} may not be read: permission denied; check its owner.") from exc
    except OSError as exc:
        raise TableError(f"{name} cannot be read: {exc.strerror or exc}.") from exc


def _damage_text(name: str, exc: BaseException) -> str:
    said = str(exc).strip().split("\n")[0].rstrip(".")
    if isinstance(exc, EOFError | zlib.error) or "unexpected end of file" in said:
        return f"{name} is cut short or damaged ({said}); fetch or unpack it again."
    return (
        f"{name} cannot be read ({said}); a whole CSV, TSV, JSON Lines or Parquet file is "
        "expected: is it damaged?"
    )


def _check_file(path: Path, name: str) -> None:
    if path.is_dir():
        tables = sorted(entry.name for entry in path.iterdir() if is_table(entry))
        inside = f"; tables in it: {', '.join(tables[:5])}" if tables else ", without tables in it"
        raise TableError(f"{path} is a folder{inside}. A file is expected.")
    if path.exists():
        return
    if not path.parent.is_dir():
        raise TableError(f"{path} does not exist, nor does the folder {path.parent}.")
    others = [entry.name for entry in path.parent.iterdir()]
    near = difflib.get_close_matches(name, others, n=3)
    hint = f"; did you mean {' or '.join(near)}?" if near else f"; {path.parent} has no such file."
    raise TableError(f"{path} does not exist{hint}")


def _scan(source: Source, name: str, *, as_playlist: bool) -> Table:
    notes: tuple[Note, ...] = ()
    with _translate_all_errors(name):
        match sniff(source, name):
            case "parquet":
                frame = pl.scan_parquet(source, glob=False, hive_partitioning=False)
            case "json":
                frame, notes = open_json_lines(source, name)
            case "separated":
                frame, notes = open_separated(source, name)
    return _recognise(frame, name, notes, as_playlist=as_playlist)


def _recognise(
    raw: pl.LazyFrame, name: str, notes: tuple[Note, ...] = (), *, as_playlist: bool = False
) -> Table:
    """Turn a frame under its source's names into a `Table`."""
    with _translate_all_errors(name):
        schema = {column: t for column, t in raw.collect_schema().items() if column != LINE_ERROR}
        sample = raw.select(by_name(list(schema))).head(SAMPLE_ROWS).collect()
    plan = plan_columns(schema, sample)
    if not plan.features and not (as_playlist and _tells_tracks(plan.identities)):
        raise TableError(_no_features_text(name, list(schema), as_playlist=as_playlist))
    if sample.is_empty() and not as_playlist:
        raise TableError(f"{name} has a header but no rows; at least one track is expected.")

    texts = text_cells(plan.features, schema, sample)
    numbers = {
        feature: as_number(column, schema[column], texts.get(feature))
        for feature, column in plan.features.items()
    }
    conversions, said = recognise_units(sample.select(**numbers), plan.features)
    if "duration_ms" in texts and not sample.filter(holds_clock(texts["duration_ms"])).is_empty():
        column = plan.features["duration_ms"]
        said.append(Note("unit", f"{column!r} holds times such as 3:45: converted to ms."))
    values = {
        feature: convert(number, conversions[feature]) if feature in conversions else number
        for feature, number in numbers.items()
    }
    return Table(
        name=name,
        frame=_assemble(raw, schema, plan, values, texts),
        features=tuple(plan.features),
        columns=(*(column for _, column in plan.renames), ERROR_COLUMN),
        notes=(*notes, *plan.notes, *said),
        typed=not texts,
    )


def _tells_tracks(identities: Mapping[str, str]) -> bool:
    """Whether rows tell which tracks they are: "name" alone may be that of anything."""
    return bool(identities) and [*map(str.lower, identities.values())] != ["name"]


def _no_features_text(name: str, columns: list[str], *, as_playlist: bool) -> str:
    found = ", ".join([*map(repr, columns[:12]), *["…"][: len(columns) > 12]])
    hint = ""
    if columns and sum(_is_number(column) for column in columns) * 2 > len(columns):
        hint = " The first line looks like values: is the header line missing?"
    what = "columns of tracks" if as_playlist else "feature columns"
    expected = (*IDENTITY_COLUMNS, *FEATURE_NAMES) if as_playlist else FEATURE_NAMES
    return (
        f"{name} has no {what}. Found: {found or 'no columns'}. Expected some of: "
        f"{', '.join(expected)}.{hint}"
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _assemble(
    raw: pl.LazyFrame,
    schema: Mapping[str, pl.DataType],
    plan: Plan,
    values: Mapping[str, pl.Expr],
    texts: Mapping[str, pl.Expr],
) -> pl.LazyFrame:
    """Select the table's columns under their names, with the error of each row."""
    number = {feature: unique_name(f"\x00{feature}", schema) for feature in texts}
    frame = raw.with_columns(values[feature].alias(number[feature]) for feature in texts)
    # Only now, and only where there is no number, is the text looked at: nearly all of it is
    # null by then, which halves the time.
    frame = frame.with_columns(
        pl.when(pl.col(number[feature]).is_null()).then(text).alias(plan.features[feature])
        for feature, text in texts.items()
    )
    if "duration_ms" in texts:
        left = pl.col(plan.features["duration_ms"])
        frame = frame.with_columns(
            pl.col(number["duration_ms"]).fill_null(clock_ms(left)),
            pl.when(clock_ms(left).is_null()).then(left),
        )
    by_source = {source: feature for feature, source in plan.features.items()}
    identities = set(plan.identities.values())
    selection = []
    for source, name in plan.renames:
        if source in by_source:
            feature = by_source[source]
            column = pl.col(number[feature]) if feature in texts else values[feature]
        else:
            # By name and never by pattern: a column may be called "*".
            plain = by_name(source).as_expr()
            column = _identity(source, schema[source]) if source in identities else plain
        selection.append(column.alias(name))
    error = say_wrong({feature: plan.features[feature] for feature in texts})
    if LINE_ERROR in raw.collect_schema():
        error = pl.coalesce(LINE_ERROR, error)
    return frame.select(*selection, error.alias(ERROR_COLUMN))


def _identity(column: str, dtype: pl.DataType) -> pl.Expr:
    if isinstance(dtype, pl.List):
        # Commas within names are escaped as Exportify does: see `affetto.tracks.first_artist`.
        names = pl.col(column).list.eval(pl.element().str.replace_all(",", "\\,", literal=True))
        return names.list.join(", ")
    return pl.col(column) if dtype == pl.String else pl.col(column).cast(pl.String)
