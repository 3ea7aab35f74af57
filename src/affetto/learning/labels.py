"""Which tables to learn from, and where their labels stand."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl
from polars.selectors import by_name

from affetto.errors import TableError, UsageError
from affetto.moods import wanted_mood
from affetto.sources.datasets import TableLike, open_table
from affetto.sources.tables import Table, translate_errors


@dataclass(frozen=True, slots=True)
class LabelledTable:
    """A table with the place where its labels stand.

    Attributes
    ----------
    table : Table
    mood : str or None
        The mood of every row, for a table that holds one mood; None to read `label`.
    label : str
        Column that holds each row's label.
    mapping : mapping of str to str
        Labels of this table to be read as other moods.
    dropped : tuple of str
        Labels of this table whose rows are left out.
    """

    table: Table
    mood: str | None = None
    label: str = "mood"
    mapping: Mapping[str, str] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()


def resolve_tables(
    tables: TableLike
    | LabelledTable
    | Sequence[TableLike | LabelledTable]
    | Mapping[str, TableLike],
    *,
    label: str = "mood",
    mapping: Mapping[str, str] | None = None,
    drop: Iterable[str] = (),
) -> list[LabelledTable]:
    """Open every table named, and say where its labels stand.

    Parameters
    ----------
    tables : path, dataset name, DataFrame, or several, or {mood: table}
    label : str
        Column of labels, for tables that are not of one mood.
    mapping : mapping of str to str, optional
    drop : iterable of str
        Both may name labels that only some of the tables hold.

    Returns
    -------
    list of LabelledTable
        No two with the same name.

    Raises
    ------
    UsageError
        If something is no table, or there is no label column to map or drop labels of.
    TableError, DatasetError
        If a table cannot be read.
    """
    drop = tuple(drop)
    if isinstance(tables, Mapping):
        sources = [
            LabelledTable(open_table(one), mood=_named(mood)) for mood, one in tables.items()
        ]
    else:
        if isinstance(tables, TableLike | LabelledTable) or not isinstance(tables, Sequence):
            tables = [tables]
        sources = [
            one
            if isinstance(one, LabelledTable)
            else LabelledTable(open_table(one), label=label, mapping=mapping or {}, dropped=drop)
            for one in tables
        ]
    if (mapping or drop) and sources and all(source.mood is not None for source in sources):
        raise UsageError(
            "--map and --drop rename and leave out labels of a column, but every table here is "
            "of one mood; name each table's mood as you want it"
        )
    return _told_apart(_share_mapping(sources))


def _named(mood: str) -> str:
    if not isinstance(mood, str) or not mood.strip():
        raise UsageError(f"found {mood!r} as the mood of a table; expected a name")
    return wanted_mood(mood)


def _told_apart(sources: Sequence[LabelledTable]) -> list[LabelledTable]:
    """Give tables of the same name a number, since the audit tells of tables by name."""
    seen: Counter[str] = Counter()
    apart = []
    for source in sources:
        table = source.table
        seen[table.name] += 1
        if seen[table.name] > 1:
            table = replace(table, name=f"{table.name} ({seen[table.name]})")
        apart.append(replace(source, table=table))
    return apart


def from_arguments(
    arguments: Sequence[str],
    *,
    label: str = "mood",
    mapping: Mapping[str, str] | None = None,
    drop: Iterable[str] = (),
) -> list[LabelledTable]:
    """Open tables as a command line names them: ``songs.csv`` or ``Happy=a.csv``.

    Raises
    ------
    UsageError
        If labels are to be mapped or dropped, but every table is of one mood.
    TableError, DatasetError
        If a table cannot be read.
    """
    sources: list[LabelledTable] = []
    drop = tuple(drop)
    for argument in arguments:
        mood, equals, path = argument.partition("=")
        if equals and mood and not Path(argument).exists():
            sources.append(LabelledTable(open_table(path), mood=wanted_mood(mood)))
        else:
            sources.append(LabelledTable(open_table(argument), None, label, mapping or {}, drop))
    return resolve_tables(sources, mapping=mapping, drop=drop)


def relabelled(
    sources: Sequence[LabelledTable],
    mapping: Mapping[str, str],
    drop: Iterable[str] = (),
    *,
    also: Iterable[str] = (),
) -> list[LabelledTable]:
    """Map and drop labels of tables that are open already.

    Parameters
    ----------
    sources : sequence of LabelledTable
    mapping : mapping of str to str
    drop : iterable of str
    also : iterable of str
        Labels that `mapping` may name though no table holds them: moods of a model.

    Raises
    ------
    UsageError
        If a label to be mapped or dropped occurs nowhere.
    """
    held = [labels_of(source) for source in sources]
    present = set().union(*held)
    elsewhere = {_key(name) for name in also}
    unknown = [name for name in mapping if _key(name) not in present | elsewhere]
    unknown += [name for name in drop if _key(name) not in present]
    if unknown:
        raise UsageError(
            f"label {unknown[0]!r} does not occur in {', '.join(s.table.name for s in sources)}; "
            f"found: {', '.join(sorted(present)[:10]) or 'none'}"
        )
    return [
        replace(
            source,
            mapping={name: mood for name, mood in mapping.items() if _key(name) in own},
            dropped=tuple(name for name in drop if _key(name) in own),
        )
        if source.mood is None
        else source
        for source, own in zip(sources, held, strict=True)
    ]


def _share_mapping(sources: list[LabelledTable]) -> list[LabelledTable]:
    """Let ``--map`` and ``--drop`` name labels that only some of the tables hold."""
    if len(sources) < 2:
        return sources
    shared = []
    present = [labels_of(source) for source in sources]
    for source, own in zip(sources, present, strict=True):
        elsewhere = set().union(*present) - own
        shared.append(
            replace(
                source,
                mapping={k: v for k, v in source.mapping.items() if _key(k) not in elsewhere},
                dropped=tuple(k for k in source.dropped if _key(k) not in elsewhere),
            )
        )
    return shared


def labels_of(source: LabelledTable) -> set[str]:
    """Give the labels that stand in a table's column, in lower case; none for one of one mood."""
    if source.mood is not None or source.label not in source.table.columns:
        return set()
    with translate_errors(source.table.name):
        column = source.table.frame.select(by_name(source.label)).unique().collect().to_series()
    return {_key(value) for value in as_text(column, "label", source.table.name) if value}


def _key(label: str) -> str:
    return label.strip().lower()


def is_plain(dtype: pl.DataType) -> bool:
    """Whether cells can be read as text; lists, records and bytes cannot."""
    return not (dtype.is_nested() or isinstance(dtype, pl.Binary | pl.Object))


def as_text(column: pl.Series, role: str, table: str) -> list[str | None]:
    """Read labels or groups as text.

    Raises
    ------
    TableError
        If the cells are lists, records or bytes.
    """
    if not is_plain(column.dtype):
        raise TableError(
            f"{role} column {column.name!r} of {table} holds {column.dtype} values; expected one "
            "name a row"
        )
    return column.cast(pl.String).to_list()
