"""Numbers out of the text cells of a table, and what to say where a cell holds none."""

from collections.abc import Mapping

import polars as pl

_EMPTY = ["", "-", "?", "na", "n/a", "nan", "nil", "none", "null"]
"""What people and programs write, in any case, where there is no value."""

_CLOCK = r"^(?:(\d+):)?(\d{1,3}):([0-5]?\d(?:\.\d+)?)$"
_WITH_COMMA = r"^[-+]?\d*,\d+(?:[eE][-+]?\d+)?$"
_UNGROUPED = r"^[-+]?(?:\d*,(?:\d{1,2}|\d{4,})|\d{4,},\d+)$"
_WITH_POINT = r"^[-+]?\d*\.\d"
_SHOWN = 40


def text_cells(
    features: Mapping[str, str], schema: Mapping[str, pl.DataType], sample: pl.DataFrame
) -> dict[str, pl.Expr]:
    """Give the trimmed text of each feature that is text, with a point for a decimal comma.

    A table has decimal commas if its sample shows some, and no points (a duration of
    ``244,573`` shows none: it may be grouped by thousands).

    Parameters
    ----------
    features : mapping of str to str
        Feature → column.
    schema : mapping of str to polars data type
        Column → type.
    sample : polars.DataFrame
        Rows of the table.

    Returns
    -------
    dict of str to polars.Expr
        Empty where all features are numbers.
    """
    cells = {
        feature: pl.col(column).cast(pl.String).str.strip_chars()
        for feature, column in features.items()
        if isinstance(schema[column], pl.String | pl.Categorical | pl.Enum)
    }
    small = [cell for feature, cell in cells.items() if feature != "duration_ms"]
    large = [cell for feature, cell in cells.items() if feature == "duration_ms"]

    def occurs(pattern: str, where: list[pl.Expr]) -> bool:
        return any(sample.select(cell.str.contains(pattern).any()).item() for cell in where)

    commas = occurs(_WITH_COMMA, small) or occurs(_UNGROUPED, large)
    if commas and not occurs(_WITH_POINT, small):
        cells = {name: cell.str.replace(",", ".", literal=True) for name, cell in cells.items()}
    return cells


def as_number(column: str, dtype: pl.DataType, text: pl.Expr | None) -> pl.Expr:
    """Read a column as Float64; null where its text is no number, or says NaN."""
    if text is not None:
        return text.cast(pl.Float64, strict=False).fill_nan(None)
    if isinstance(dtype, pl.Duration):
        return pl.col(column).dt.total_milliseconds().cast(pl.Float64)
    if isinstance(dtype, pl.Time):
        return pl.col(column).cast(pl.Int64).cast(pl.Float64) / 1e6  # ns since midnight
    return pl.col(column).cast(pl.Float64)


def holds_clock(text: pl.Expr) -> pl.Expr:
    """Whether text is a time such as ``3:45`` or ``1:02:03.5``."""
    return text.str.contains(_CLOCK)


def clock_ms(text: pl.Expr) -> pl.Expr:
    """Read a time such as ``3:45`` or ``1:02:03.5`` as ms; null for any other text."""
    hours, minutes, seconds = (
        text.str.extract(_CLOCK, group).cast(pl.Float64, strict=False) for group in (1, 2, 3)
    )
    return ((hours.fill_null(0) * 60 + minutes) * 60 + seconds) * 1000


def say_wrong(left: Mapping[str, str]) -> pl.Expr:
    """Say which cells hold text that is no number; null where none does.

    Parameters
    ----------
    left : mapping of str to str
        Feature → column with the text that gave no number, null where it gave one.
    """
    if not left:
        return pl.lit(None, dtype=pl.String)
    said = []
    for feature, column in left.items():
        text = pl.col(column)
        wrong = text.is_not_null() & ~text.str.to_lowercase().is_in(_EMPTY)
        cut = pl.when(text.str.len_chars() > _SHOWN).then(text.str.slice(0, _SHOWN - 1) + "…")
        sentence = pl.lit(f"{feature}: '") + cut.otherwise(text) + pl.lit("' is not a number")
        said.append(pl.when(wrong).then(sentence))
    joined = pl.concat_str(said, separator="; ", ignore_nulls=True)
    return pl.when(joined != "").then(joined)
