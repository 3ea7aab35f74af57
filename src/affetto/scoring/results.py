"""Results of hours of work, row by row into a file: whatever ends the run, what is done is there.

Text (CSV, TSV, JSON Lines) grows in place, one whole line a row, handed to the system at once:
a program that is killed loses nothing. Parquet cannot grow; its rows go to a journal beside it,
``NAME.parquet.partial.jsonl``, from which it is built when the run ends, by Ctrl-C too; only a
kill leaves the journal behind. At the end rows are brought into the order of the inputs.

A run goes on where another stopped with ``resume=True``: a row whose file has the size and
time of change it had then is kept, and its file skipped; rows with an error are tried again.
"""

import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import polars as pl

from affetto.errors import OutputError, TableError, UsageError
from affetto.output import written_aside
from affetto.sources.playlists import printable
from affetto.sources.tables import translate_errors
from affetto.tracks import ERROR_COLUMN

OUTPUT_SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")

PATH_COLUMN = "path"
STAMP: Mapping[str, pl.DataType] = {"size_bytes": pl.Int64(), "modified_s": pl.Float64()}
"""Columns by which a file is known again: its size, and its time of change since 1970."""

_ORDER = "\0order"


def stamp(path: str | os.PathLike[str]) -> dict[str, float | None]:
    """Give a file's columns of `STAMP`; None each where it is not there."""
    try:
        status = os.stat(path)  # noqa: PTH116 - a name, thousands of times
    except (OSError, ValueError):
        return dict.fromkeys(STAMP)
    return {"size_bytes": status.st_size, "modified_s": status.st_mtime}


def row_frame(row: Mapping[str, Any], schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """Make a table of one row: NaN as null, names that are not UTF-8 printable, absent as null.

    Raises
    ------
    UsageError
        If the row has a column that the schema has not.
    """
    if unknown := row.keys() - schema.keys():
        raise UsageError(f"columns {', '.join(sorted(unknown))} are not among those announced")
    return pl.from_dicts([{name: _cell(row.get(name)) for name in schema}], schema=dict(schema))


def checked_output(out: str | os.PathLike[str]) -> Path:
    """Give the path of a table that is to be written, if it is one of a format we write.

    Raises
    ------
    UsageError
        If its suffix is none of `OUTPUT_SUFFIXES`.
    """
    path = Path(out)
    if path.suffix.lower() not in OUTPUT_SUFFIXES:
        raise UsageError(
            f"cannot write {path.name}: expected a name that ends in {', '.join(OUTPUT_SUFFIXES)}"
        )
    return path


def write_frame(frame: pl.DataFrame, out: str | os.PathLike[str]) -> None:
    """Write a table whole or not at all, in the format of its suffix.

    Raises
    ------
    UsageError
        If the suffix is none of `OUTPUT_SUFFIXES`.
    OutputError
        If it cannot be written.
    """
    path = checked_output(out)
    writers: Mapping[str, Callable[[Path], Any]] = {
        ".csv": frame.write_csv,
        ".tsv": lambda aside: frame.write_csv(aside, separator="\t"),
        ".jsonl": frame.write_ndjson,
        ".ndjson": frame.write_ndjson,
        ".parquet": frame.write_parquet,
    }
    with written_aside(path) as aside:
        writers[path.suffix.lower()](aside)


class Results:
    """A file of results that grows row by row; a context manager.

    Parameters
    ----------
    out : path
        ``.csv``, ``.tsv``, ``.jsonl`` (or ``.ndjson``), ``.parquet``. What stood there before
        stays until the first row is written (for Parquet: until the end).
    schema : mapping of str to polars data type
        The columns, in order; `PATH_COLUMN`, `ERROR_COLUMN` and those of `STAMP` among them.
    paths : sequence of str
        The files of this run, in the order their rows shall have.
    resume : bool
        Keep the rows of files that are unchanged; `has` tells which.
    can_resume : bool
        Whether a run that was stopped could go on; only words depend on it.
    anew : callable, optional
        Gives kept rows as this run would write them; the columns stay.

    Raises
    ------
    UsageError
        If `out` has another suffix; if it holds some of these files but not all, or a journal
        stands beside it, and `resume` is not set; if its columns are others.
    OutputError, TableError
        If what stands there cannot be read.
    """

    def __init__(
        self,
        out: str | Path,
        schema: Mapping[str, pl.DataType],
        paths: Sequence[str],
        *,
        resume: bool = False,
        can_resume: bool = True,
        anew: Callable[[pl.DataFrame], pl.DataFrame] | None = None,
    ):
        self.out = checked_output(out)
        if not self.out.parent.is_dir():
            raise OutputError(f"cannot write {out}: the folder {self.out.parent} does not exist")
        if self.out.is_dir():
            raise OutputError(f"cannot write {out}: it is a folder; name a file in it")
        self._schema = dict(schema)
        self._can_resume = can_resume
        self._is_columnar = self.out.suffix.lower() == ".parquet"
        journal = self.out.with_name(f"{self.out.name}.partial.jsonl")
        self._growing = journal if self._is_columnar else self.out
        self._places = {printable(path): place for place, path in enumerate(paths)}
        self._file: BinaryIO | None = None
        self._size = 0
        self._last_place = -1
        self._is_ordered = True
        self.n_new = 0
        self._kept = pl.DataFrame(schema=self._schema)
        self._is_outdated = False
        found = next((path for path in (self._growing, self.out) if path.exists()), None)
        if resume and found:
            self._kept = self._unchanged(_read(found, self._schema), paths)
            if anew is not None and len(self._kept):
                kept, self._kept = self._kept, anew(self._kept)
                self._is_outdated = not kept.equals(self._kept)
        elif found:
            self._refuse_to_lose(found)
        self._done = frozenset(self._kept[PATH_COLUMN])

    @property
    def n_kept(self) -> int:
        """How many rows of an earlier run are kept."""
        return len(self._kept)

    def has(self, path: str) -> bool:
        """Whether a file's row is kept from an earlier run."""
        return printable(path) in self._done

    def write(self, row: Mapping[str, Any]) -> None:
        """Add a row; when this returns, the system has it.

        Raises
        ------
        UsageError
            If the row has a column that the schema has not.
        OutputError
            If it cannot be written; the file then ends with the row before.
        """
        frame = row_frame(row, self._schema)
        place = self._place(frame[PATH_COLUMN].item())
        self._is_ordered &= place >= self._last_place
        self._last_place = place
        self._add(frame)

    def write_table(self, rows: pl.DataFrame) -> None:
        """Add rows that are those of no file, but of a table; they come last.

        Columns that the schema has and they have not are null. A run that goes on writes them
        anew.

        Raises
        ------
        UsageError, OutputError
            As in `write`.
        """
        if unknown := set(rows.columns) - self._schema.keys():
            raise UsageError(f"columns {', '.join(sorted(unknown))} are not among those announced")
        if rows.is_empty():
            return
        columns = [
            (pl.col(name) if name in rows.columns else pl.lit(None)).cast(kind).alias(name)
            for name, kind in self._schema.items()
        ]
        frame = rows.select(columns)
        self._last_place = len(self._places)
        self._add(frame.with_columns(pl.lit(None).cast(STAMP[name]).alias(name) for name in STAMP))

    def _add(self, frame: pl.DataFrame) -> None:
        if self._file is None:
            self._begin(frame)
        else:
            self._append(_encode(frame, self._growing))
        self.n_new += len(frame)

    def _place(self, path: str | None) -> int:
        return self._places.get(path or "", len(self._places))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is None:
            if not self._is_outdated or exc is not None:
                return
            self._begin(pl.DataFrame(schema=self._schema))
        assert self._file is not None
        self._file.close()
        self._file = None
        try:
            self._finish()
        except OutputError:
            if not isinstance(exc, OutputError):  # a full disk is told once
                raise

    def _unchanged(self, rows: pl.DataFrame, paths: Sequence[str]) -> pl.DataFrame:
        """Keep the last row of each file, unless it has an error or its file is another now.

        A file that is not there now (a drive that is not mounted) keeps its row.
        """
        # Rows of tables have no stamp.
        rows = rows.filter(pl.col(ERROR_COLUMN).is_null() & pl.col("size_bytes").is_not_null())
        rows = rows.unique(PATH_COLUMN, keep="last", maintain_order=True)
        # Of a name that is not UTF-8 only this run's own spelling leads to the file.
        places = map(self._places.get, rows[PATH_COLUMN])
        names = (
            path if place is None else paths[place]
            for path, place in zip(rows[PATH_COLUMN], places, strict=True)
        )
        then = rows.select(list(STAMP)).to_dicts()
        gone = dict.fromkeys(STAMP)
        same = [stamp(name) in (old, gone) for name, old in zip(names, then, strict=True)]
        return rows.filter(pl.Series(same, dtype=pl.Boolean))

    def _begin(self, first: pl.DataFrame) -> None:
        """Put kept rows and the first new one in place of what stood there."""
        with written_aside(self._growing) as aside:
            head = _encode(pl.concat([self._kept, first]), self._growing, header=True)
            aside.write_bytes(head)
        self._is_ordered &= self._kept.is_empty()
        self._size = len(head)
        try:
            self._file = self._growing.open("ab", buffering=0)
        except OSError as exc:
            raise OutputError(f"cannot write {self._growing}: {exc.strerror or exc}") from exc

    def _append(self, line: bytes) -> None:
        assert self._file is not None
        left = memoryview(line)
        try:
            while left:
                left = left[self._file.write(left) :]
        except OSError as exc:
            with suppress(OSError):
                self._file.truncate(self._size)  # no half line stays
            raise OutputError(f"cannot write {self.out}: {exc.strerror or exc}") from exc
        self._size += len(line)

    def _finish(self) -> None:
        """Bring rows into order; turn a journal into what it stands for."""
        if self._is_ordered and not self._is_columnar:
            return
        frame = _read(self._growing, self._schema)
        places = pl.Series(_ORDER, map(self._place, frame[PATH_COLUMN]), dtype=pl.Int64)
        frame = frame.with_columns(places).sort(_ORDER, maintain_order=True).drop(_ORDER)
        with written_aside(self.out) as aside:
            if self._is_columnar:
                frame.write_parquet(aside, compression="lz4", statistics=False)
            else:
                aside.write_bytes(_encode(frame, self.out, header=True))
        if self._is_columnar:
            self._growing.unlink(missing_ok=True)

    def _refuse_to_lose(self, found: Path) -> None:
        """Stop before results of a run that was stopped would be overwritten."""
        is_journal = found != self.out
        try:
            held = set(_read(found, self._schema)[PATH_COLUMN])
        except (UsageError, TableError):
            if not is_journal:
                return  # something else altogether, overwritten as everywhere in affetto
            held = set()
        n_held = len(held & self._places.keys())
        if is_journal or 0 < n_held < len(self._places):
            go_on = "add --resume to go on with it, or " if self._can_resume else ""
            raise UsageError(
                f"{found} holds {n_held:,} of these {len(self._places):,} files, from a run that "
                f"was stopped: {go_on}delete {found.name} to begin anew"
            )


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    return None if isinstance(value, float) and math.isnan(value) else value


def _read(path: Path, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """Read results, up to the last whole line."""
    # An Enum comes as text from text.
    text = {name: pl.String() if t == pl.Enum else t for name, t in schema.items()}
    try:
        with translate_errors(path.name):
            if path.suffix.lower() == ".parquet":
                found = pl.read_parquet(path, glob=False)
                columns = found.columns
            else:
                data = path.read_bytes()
                data = data[: data.rfind(b"\n") + 1]
                columns, found = _parse(data, path, text)
            if columns != list(schema):
                raise UsageError(
                    f"{path} has other columns ({', '.join(columns[:8])}, …) than this run would "
                    f"write ({', '.join(list(schema)[:8])}, …); name another file with --out"
                )
            return found.cast(pl.Schema(schema))
    except OSError as exc:
        raise OutputError(f"{path} cannot be read: {exc.strerror or exc}") from exc


def _parse(
    data: bytes, path: Path, schema: Mapping[str, pl.DataType]
) -> tuple[list[str], pl.DataFrame]:
    if path.suffix.lower() in {".jsonl", ".ndjson"}:
        if not data.strip():
            return list(schema), pl.DataFrame(schema=dict(schema))
        # polars would mix up the order of hundreds of columns.
        first: Any = None
        with suppress(ValueError):
            first = json.loads(data[: data.index(b"\n")])
        columns = list(first) if isinstance(first, dict) else []
        if columns != list(schema):
            return columns, pl.DataFrame()
        return columns, pl.read_ndjson(data, schema=dict(schema))
    separator = "\t" if path.suffix.lower() == ".tsv" else ","
    columns = pl.read_csv(data, separator=separator, n_rows=0).columns
    if columns != list(schema):
        return columns, pl.DataFrame()
    found = pl.read_csv(data, separator=separator, schema=dict(schema), truncate_ragged_lines=True)
    return columns, found


def _encode(rows: pl.DataFrame, path: Path, *, header: bool = False) -> bytes:
    if path.suffix.lower() in {".jsonl", ".ndjson"}:
        return rows.write_ndjson().encode()
    separator = "\t" if path.suffix.lower() == ".tsv" else ","
    return rows.write_csv(include_header=header, separator=separator).encode()
