"""Text tables of any dialect, as lazy frames of text cells.

Polars reads UTF-8 text quoted by RFC 4180, lazily. Text in another encoding, or quoted in
another way, is rewritten first, in memory and up to `content.REWRITE_LIMIT`: such files come
from spreadsheets, which hold a million rows at most.
"""

import csv
import io
import json
import math
import re
from codecs import BOM_UTF8
from dataclasses import dataclass
from glob import escape
from pathlib import Path

import polars as pl
from polars.selectors import by_name

from affetto.errors import TableError
from affetto.sources.content import (
    Source,
    as_utf8,
    read_all,
    read_blocks,
    read_lines,
    read_text_head,
)
from affetto.sources.headers import UNNAMED, count_features, unique_name
from affetto.sources.notes import Note
from affetto.sources.survey import Ragged, Survey, survey_lines

LINE_ERROR = "\x00line error"
"""Column of a `TextTable` that says why a line cannot be trusted; null where it can."""

_HEADER_WITHIN = 10  # lines: titles above a header are few
_JSON_SAMPLE = 20_000
_SEPARATORS = {",": "comma", "\t": "tab", ";": "semicolon", "|": "bar"}


TextTable = tuple[pl.LazyFrame, tuple[Note, ...]]
"""A text table ready to be read.

String columns named as the header names them (``Unnamed: 0`` where it does not), and
`LINE_ERROR` where some lines differ from the header. Empty cells are null; empty lines are left
out.
"""


@dataclass(frozen=True, slots=True)
class _Layout:
    separator: str
    n_above: int  # records to skip, the header being the last of them
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Reading:
    """One way of reading a file: its text, whether quotes mean anything, what came of it."""

    source: Source
    quoted: bool
    survey: Survey


def open_separated(file: Source, name: str) -> TextTable:
    """Recognise the dialect of separated text and scan it.

    Raises
    ------
    TableError
        If more than a tenth of the lines do not have the header's number of cells, or the
        text is too long to rewrite.
    OSError, EOFError, zlib.error, UnicodeError, csv.Error
        If it cannot be read or unpacked.
    """
    source, notes = as_utf8(file, name)
    head = read_text_head(source)
    if "\n" not in head and "\r" in head:  # line ends of the old Macintosh
        source = read_all(source, name).replace(b"\r", b"\n")
        head = read_text_head(source)
    layout = _find_layout(head, prefer="\t" if ".tsv" in name.lower() else ",")
    notes += _tell_header(layout, head)
    reading = _survey(source, layout, quoted=True)
    if reading.survey.ragged or not reading.survey.well_quoted:
        reading = _best_reading(reading, layout, name)
    wider = _widen(layout, head, notes) if _one_cell_more(reading.survey, layout) else None
    if wider is not None:
        layout = wider
        reading = _survey(reading.source, layout, quoted=reading.quoted)
    notes += _judge_ragged(reading.survey, layout, name)
    return _scan(reading, layout, notes), tuple(notes)


def _find_layout(head: str, prefer: str) -> _Layout:
    """Find the separator and the header: those that yield the most features.

    The header is the first line with the most of them; a line below the first needs two,
    since a song may be called "Energy". Where no line has any, it is the first that is not
    empty, cut by the separator that yields the most cells.
    """
    best: tuple[tuple[int, int, bool], _Layout] | None = None
    for separator in _SEPARATORS:
        records = _first_records(head, separator) or [[]]
        chosen = next((i for i, cells in enumerate(records) if any(cells)), 0)
        n_features = count_features(records[chosen])
        for index in range(chosen + 1, min(len(records), _HEADER_WITHIN)):
            n = count_features(records[index])
            if n > max(n_features, 1):
                chosen, n_features = index, n
        names = tuple(records[chosen])
        score = (n_features, 0 if n_features else len(names), separator == prefer)
        if best is None or score > best[0]:
            best = (score, _Layout(separator, chosen + 1, names))
    assert best is not None
    return best[1]


def _first_records(head: str, separator: str) -> list[list[str]]:
    records = []
    try:
        for cells in csv.reader(io.StringIO(head, newline=""), delimiter=separator):
            records.append([cell.strip() for cell in cells])
            if len(records) > _HEADER_WITHIN:
                break
    except csv.Error:  # a quote that never closes: a matter for the survey
        pass
    return records


def _tell_header(layout: _Layout, head: str) -> list[Note]:
    above = _first_records(head, layout.separator)[: layout.n_above - 1]
    titles = [layout.separator.join(cells) for cells in above if any(cells)]
    if not titles:
        return []
    shown = titles[0] if len(titles[0]) <= 40 else f"{titles[0][:39]}…"
    lines = "a line" if len(titles) == 1 else f"{len(titles)} lines"
    return [Note("header", f"Skipped {lines} above the header ({shown!r}).")]


def _survey(source: Source, layout: _Layout, *, quoted: bool) -> _Reading:
    survey = survey_lines(
        read_blocks(source),
        separator=layout.separator,
        n_cells=len(layout.names),
        n_above=layout.n_above,
        quoted=quoted,
    )
    return _Reading(source, quoted, survey)


def _one_cell_more(survey: Survey, layout: _Layout) -> bool:
    """Whether each line has one cell more than the header."""
    n_cells = len(layout.names) + 1
    return 0 < survey.n_records == sum(ragged.n_cells == n_cells for ragged in survey.ragged)


def _widen(layout: _Layout, head: str, notes: list[Note]) -> _Layout | None:
    """Allow for a separator that ends each line, or for row numbers without a title.

    R's ``write.table`` leaves such row numbers in front. Anything else is no habit of a
    program, but an unquoted separator.
    """
    below = _first_records(head, layout.separator)[layout.n_above :]
    rows = [cells for cells in below if any(cells)]
    if not any(cells[-1] for cells in rows):
        names, what = (*layout.names, ""), "the last is empty"
    elif all(cells[0].isdecimal() for cells in rows):
        names, what = ("", *layout.names), "the first is taken for the row's number"
    else:
        return None
    notes.append(Note("header", f"Each line has one cell more than the header: {what}."))
    return _Layout(layout.separator, layout.n_above, names)


def _best_reading(reading: _Reading, layout: _Layout, name: str) -> _Reading:
    r"""Try other ways of quoting on a file that RFC 4180 does not explain.

    These are: no quoting at all (``7" mix`` in a TSV), backslashes (``Tyler\, The Creator``),
    and whatever Python's lenient reader makes of stray quotes. The way that leaves the fewest
    lines differing from the header is taken, the first of equals.
    """
    readings = [reading] if reading.survey.well_quoted else []
    head = read_text_head(reading.source)
    escaped = any(
        f"\\{char}".encode() in block
        for block in read_blocks(reading.source)
        for char in (layout.separator, '"')
    )
    if not escaped and not _embraces_cells(head, layout.separator):
        readings.append(_survey(reading.source, layout, quoted=False))
    if escaped or not reading.survey.well_quoted:
        raw = read_all(reading.source, name)
        for escapechar in ("\\", None) if escaped else (None,):
            rewritten = _requote(raw, layout.separator, escapechar)
            readings.append(_survey(rewritten, layout, quoted=True))
    return min(readings, key=lambda tried: len(tried.survey.ragged))


def _embraces_cells(head: str, separator: str) -> bool:
    """Whether quotes stand around cells: around a separator, a number, or very many cells."""
    cut = re.escape(separator)
    quoted = re.findall(rf'(?:^|[\n{cut}]) *"([^"\n]*)"(?= *[\r\n{cut}]|$)', head)
    telling = re.compile(rf"{cut}|^[-+.\d]+$")
    return len(quoted) > head.count("\n") or any(map(telling.search, quoted))


def _requote(raw: bytes, separator: str, escapechar: str | None) -> bytes:
    reader = csv.reader(
        io.StringIO(raw.decode("utf-8-sig"), newline=""),
        delimiter=separator,
        escapechar=escapechar,
        skipinitialspace=True,
    )
    rewritten = io.StringIO(newline="")
    csv.writer(rewritten, delimiter=separator, lineterminator="\n").writerows(reader)
    return rewritten.getvalue().encode()


def _judge_ragged(survey: Survey, layout: _Layout, name: str) -> list[Note]:
    """Refuse a file where more than a tenth of the lines differ from the header.

    Fewer are errors of their rows.
    """
    if not survey.ragged:
        return []
    n = len(survey.ragged)
    first = survey.ragged[0]
    if 10 * n > survey.n_records:
        raise TableError(f"{name}, {_ragged_text(first, layout)}.")
    lines = f"Line {first.line} differs" if n == 1 else f"{n} lines differ"
    first_is = "" if n == 1 else f", the first of them line {first.line}"
    return [Note("row", f"{lines} from the header's {len(layout.names)} cells{first_is}.")]


def _ragged_text(ragged: Ragged, layout: _Layout) -> str:
    cause = (
        f"is a {_SEPARATORS[layout.separator]} inside a cell not quoted?"
        if ragged.n_cells > len(layout.names)
        else "is the line cut short?"
    )
    cells = "1 cell" if ragged.n_cells == 1 else f"{ragged.n_cells} cells"
    return f"line {ragged.line}: {cells} where the header has {len(layout.names)} ({cause})"


def _scan(reading: _Reading, layout: _Layout, notes: list[Note]) -> pl.LazyFrame:
    names: list[str] = []
    for position, name in enumerate(layout.names):
        wanted = f"Unnamed: {position}" if UNNAMED.match(name) else name
        names.append(unique_name(wanted, names))
        if names[-1] != wanted:
            notes.append(
                Note("column", f"{wanted!r} occurs twice; the second is called {names[-1]!r}.")
            )
    row = unique_name("row", names)
    ragged = reading.survey.ragged
    frame = pl.scan_csv(
        reading.source,
        has_header=False,
        skip_rows=layout.n_above,
        schema=dict.fromkeys(names, pl.String()),
        separator=layout.separator,
        quote_char='"' if reading.quoted else None,
        null_values=[""],
        missing_columns="insert",
        extra_columns="ignore" if ragged else "raise",
        row_index_name=row if ragged else None,
        glob=False,
    )
    if ragged:
        texts = {line.record: _ragged_text(line, layout) for line in ragged}
        error = pl.col(row).replace_strict(texts, default=None, return_dtype=pl.String)
        frame = frame.with_columns(error.alias(LINE_ERROR)).drop(row)
    # Lines with no cell filled end many files, and part blocks of rows in others.
    return frame.filter(pl.any_horizontal(by_name(names).is_not_null()))


def open_json_lines(file: Source, name: str) -> TextTable:
    """Scan JSON Lines: one object a line, its values as text.

    The columns are the keys of the first 20,000 lines.

    Raises
    ------
    TableError
        If one of those lines is no JSON object, or the text is too long to rewrite.
    OSError, EOFError, zlib.error, UnicodeError
        If it cannot be read or unpacked.
    """
    source, notes = as_utf8(file, name)
    # Python writes NaN and Infinity, which JSON does not know and Polars refuses, as it does
    # a byte-order mark.
    if any(
        mark in block for block in read_blocks(source) for mark in (b"NaN", b"Infinity", BOM_UTF8)
    ):
        source = _rewrite_json(read_all(source, name), name)
    keys: dict[str, pl.DataType] = {}
    for number, line in enumerate(read_lines(source), start=1):
        keys.update(dict.fromkeys(_parse_object(line, number, name), pl.String()))
        if number >= _JSON_SAMPLE:
            break
    # scan_ndjson has no way to say that a name is no pattern.
    plain = Path(escape(str(source))) if isinstance(source, Path) else source
    return pl.scan_ndjson(plain, schema=keys), tuple(notes)


def _rewrite_json(raw: bytes, name: str) -> bytes:
    lines = []
    for number, line in enumerate(raw.removeprefix(BOM_UTF8).split(b"\n"), start=1):
        cells = {key: _without_nan(cell) for key, cell in _parse_object(line, number, name).items()}
        lines.append(json.dumps(cells) if line.strip() else "")
    return "\n".join(lines).encode()


def _parse_object(line: bytes, number: int, name: str) -> dict[str, object]:
    expected = 'JSON Lines is expected, one whole object a line, such as {"energy": 0.5, …}'
    if not line.strip():
        return {}
    try:
        value = json.loads(line)
    except ValueError as exc:
        raise TableError(f"{name}, line {number}: not JSON ({exc}); {expected}.") from exc
    if not isinstance(value, dict):
        found = type(value).__name__
        raise TableError(f"{name}, line {number}: a JSON {found}, no object; {expected}.")
    return value


def _without_nan(cell: object) -> object:
    if isinstance(cell, float) and not math.isfinite(cell):
        return None if math.isnan(cell) else str(cell)
    return cell
