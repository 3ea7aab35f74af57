"""Labelled tracks gathered from tables, and the audit that cleans them before any split."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
from polars.selectors import by_name

from affetto.checks import row_problem
from affetto.errors import LabelError, TableError, UsageError
from affetto.features import FEATURE_NAMES, check_feature_names
from affetto.learning.audit import (
    MIN_FEATURES_FOR_EQUALITY,
    Audit,
    Finding,
    Row,
    few_tracks,
    leaking_columns,
    leaking_features,
    note,
    once_each,
    problem_findings,
)
from affetto.moods import canonical_mood, mood_order, relabel, resolve_moods
from affetto.sources.datasets import PREFIX, load_dataset
from affetto.sources.tables import Table, from_frame, scan_table, translate_errors
from affetto.tracks import ERROR_COLUMN, IDENTITY_COLUMNS, Track

MIN_TRACKS_A_MOOD = 10
"""Below this not even five folds hold two tracks of a mood each."""

TableLike = str | Path | Table | pl.DataFrame
"""A path, the name of a public table (``"dataset:article"``), a table, or a frame."""


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


@dataclass(frozen=True, slots=True, eq=False)
class LabelledTracks:
    """Tracks ready to learn from: every value finite and in range, every track once.

    Attributes
    ----------
    X : ndarray, shape=(n_tracks, n_features)
    y : ndarray of int, shape=(n_tracks,)
        Index into `moods`.
    moods : tuple of str
    features : tuple of str
        Columns of `X`.
    groups : ndarray of str, shape=(n_tracks,), or None
        Playlist or artist of each track.
    tables : ndarray of str, shape=(n_tracks,)
        Name of the table that each track came from.
    names : ndarray of str, shape=(n_tracks,)
        What a person would call each track.
    group_column : str or None
    """

    X: npt.NDArray[np.float64]
    y: npt.NDArray[np.intp]
    moods: tuple[str, ...]
    features: tuple[str, ...]
    groups: npt.NDArray[np.str_] | None
    tables: npt.NDArray[np.str_]
    names: npt.NDArray[np.str_]
    group_column: str | None = None

    def __len__(self) -> int:
        return len(self.y)

    @property
    def labels(self) -> npt.NDArray[np.str_]:
        """Mood names, shape=(n_tracks,)."""
        return np.asarray(self.moods)[self.y]

    def per_mood(self) -> dict[str, int]:
        """Count tracks by mood."""
        counts = np.bincount(self.y, minlength=len(self.moods))
        return {mood: int(count) for mood, count in zip(self.moods, counts, strict=True)}


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
        sources = [LabelledTable(_open(one), mood=_named(mood)) for mood, one in tables.items()]
    else:
        if isinstance(tables, TableLike | LabelledTable) or not isinstance(tables, Sequence):
            tables = [tables]
        sources = [
            one
            if isinstance(one, LabelledTable)
            else LabelledTable(_open(one), label=label, mapping=mapping or {}, dropped=drop)
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
    return canonical_mood(mood)


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
            sources.append(LabelledTable(_open(path), mood=canonical_mood(mood)))
        else:
            sources.append(LabelledTable(_open(argument), None, label, mapping or {}, drop))
    return resolve_tables(sources, mapping=mapping, drop=drop)


def _share_mapping(sources: list[LabelledTable]) -> list[LabelledTable]:
    """Let ``--map`` and ``--drop`` name labels that only some of the tables hold."""
    if len(sources) < 2:
        return sources
    shared = []
    present = [_labels_of(source) for source in sources]
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


def _labels_of(source: LabelledTable) -> set[str]:
    if source.mood is not None or source.label not in source.table.columns:
        return set()
    with translate_errors(source.table.name):
        column = source.table.frame.select(by_name(source.label)).unique().collect().to_series()
    return {_key(value) for value in _as_text(column, "label", source.table.name) if value}


def _key(label: str) -> str:
    return label.strip().lower()


def _open(table: TableLike) -> Table:
    if isinstance(table, Table):
        return table
    if isinstance(table, pl.DataFrame):
        return from_frame(table)
    if not isinstance(table, str | Path):
        raise UsageError(
            f"found a {type(table).__name__} in place of a table; expected a path, a dataset's "
            "name, or a polars DataFrame (of a pandas one: polars.from_pandas(frame))"
        )
    if str(table).startswith(PREFIX):
        return load_dataset(str(table))
    return scan_table(table)


def gather(
    sources: Sequence[LabelledTable],
    *,
    group: str | None = None,
    features: Sequence[str] | None = None,
    keep_duplicates: bool = False,
) -> tuple[LabelledTracks, Audit]:
    """Read labelled tables, audit them, and keep what can be learned from.

    Parameters
    ----------
    sources : sequence of LabelledTable
        At least one.
    group : str, optional
        Column that says which playlist (or artist) a track belongs to. A table without it
        counts as one group of its own name.
    features : sequence of str, optional
        Features to learn from; default, all that every table has.
    keep_duplicates : bool
        Skip the rules on duplicates and conflicts, to repeat a published figure that was
        measured without them. Never for a model in use.

    Returns
    -------
    tracks : LabelledTracks
    audit : Audit

    Raises
    ------
    TableError
        If a table lacks its label or group column, or the tables share no feature.
    LabelError
        If fewer than two moods are left, or a mood has fewer than 10 tracks.
    """
    shared = _shared_features(sources)
    used = _wanted_features(sources, features) if features is not None else shared
    findings: list[Finding] = []
    columns = _Columns(shared, used, group)
    rows = [row for source in sources for row in _read_rows(source, columns, findings)]
    n_rows = len(rows)
    _note_group_gaps(sources, group, findings)

    labelled = [row for row in rows if row.mood is not None]
    if len(labelled) < n_rows:
        count = n_rows - len(labelled)
        findings.append(
            Finding("unlabelled", count, f"{count} row(s) had no label or a dropped one: left out.")
        )
    usable = [row for row in labelled if not row.problem]
    findings += problem_findings(labelled)
    findings += leaking_columns(usable, group)

    kept, n_shared, duplicate_findings, conflicts, duplicates = once_each(usable)
    if keep_duplicates:
        kept, conflicts, duplicates = usable, 0, 0
        findings.append(note("Duplicates and conflicts were kept on request (keep_duplicates)."))
    else:
        findings += duplicate_findings

    tracks = _assemble(kept, used, group)
    findings += few_tracks(tracks.per_mood())
    findings += leaking_features(tracks.X, tracks.y, used, tracks.moods)
    audit = Audit(
        rows=n_rows,
        dropped_unlabelled=n_rows - len(labelled),
        dropped_unusable=len(labelled) - len(usable),
        dropped_conflicts=conflicts,
        dropped_duplicates=duplicates,
        shared_between_tables=n_shared,
        rows_used=len(kept),
        findings=tuple(findings),
    )
    return tracks, audit


def _wanted_features(sources: Sequence[LabelledTable], features: Sequence[str]) -> tuple[str, ...]:
    wanted = check_feature_names(list(features))
    if not wanted:
        raise UsageError("no feature named; leave features out to use all that there are")
    for source in sources:
        absent = [name for name in wanted if name not in source.table.features]
        if absent:
            raise TableError(
                f"{source.table.name} has no column for {absent[0]}, which was asked for; "
                f"it has {', '.join(source.table.features)}"
            )
    return wanted


def _shared_features(sources: Sequence[LabelledTable]) -> tuple[str, ...]:
    if not sources:
        raise UsageError("no table given; name at least one, e.g. affetto train songs.csv")
    shared = tuple(
        name for name in FEATURE_NAMES if all(name in source.table.features for source in sources)
    )
    if not shared:
        listed = "; ".join(f"{s.table.name}: {', '.join(s.table.features)}" for s in sources)
        raise TableError(f"the tables share no feature ({listed}); train on each alone")
    return shared


@dataclass(frozen=True, slots=True)
class _Columns:
    """Which columns are read, and what for."""

    shared: tuple[str, ...]
    used: tuple[str, ...]
    group: str | None

    @property
    def telling(self) -> tuple[str, ...]:
        """Features by which rows are found equal: those used, or all where these are few."""
        enough = len(self.used) >= MIN_FEATURES_FOR_EQUALITY
        few = len(self.shared) < MIN_FEATURES_FOR_EQUALITY
        return self.used if enough else () if few else self.shared


def _read_rows(source: LabelledTable, columns: _Columns, findings: list[Finding]) -> list[Row]:
    table, group = source.table, columns.group
    findings += [note(f"{table.name}: {read.text}") for read in table.notes]
    frame = table.collect()
    left_out = [name for name in table.features if name not in columns.shared]
    if left_out:
        text = f"{table.name}: {', '.join(left_out)} not used, since another table lacks it."
        findings.append(note(text, len(left_out)))
    moods = _moods_of(source, frame)
    groups: list[str | None] = [None] * len(frame)
    if group is not None and group in frame.columns:
        groups = _as_text(frame[group], "group", table.name)
        n_without = sum(not name for name in groups)
        if n_without:
            text = f"{table.name}: {n_without} row(s) have no {group!r}: counted as one group."
            findings.append(note(text, n_without))
    problems = frame.select(row_problem(columns.used)).to_series().to_list()
    values = frame.select(columns.used).to_numpy()
    telling = frame.select(columns.telling).to_numpy()
    identity = [column for column in IDENTITY_COLUMNS if column in frame.columns]
    named = frame.select(pl.col(identity).cast(pl.String)).rows(named=True) if identity else None
    others = [
        column
        for column in frame.columns
        if column not in {*identity, *FEATURE_NAMES, ERROR_COLUMN, source.label}
        and _is_plain(frame.schema[column])
    ]
    extra = frame.select(by_name(others).cast(pl.String, strict=False)).rows(named=True)
    track_fields = ("id", "isrc", "title", "artist", "album")
    return [
        Row(
            values=tuple(values[index]),
            telling=tuple(telling[index]) if columns.telling else (),
            mood=moods[index],
            group=groups[index] or table.name if group is not None else None,
            table=table.name,
            track=Track(**{k: named[index].get(k) for k in track_fields}) if named else Track(),
            problem=problems[index],
            extra=extra[index] if others else {},
            number=index + 1,
        )
        for index in range(len(frame))
    ]


def _moods_of(source: LabelledTable, frame: pl.DataFrame) -> list[str | None]:
    """Read each row's mood: the file's own, or its label after mapping."""
    if source.mood is not None:
        return [source.mood] * len(frame)
    if source.label not in frame.columns:
        near = [c for c in frame.columns if c.lower() in {"label", "class", "emotion", "mood"}]
        hint = f"--label {near[0]}" if near else "--label COLUMN, or one mood a file: Happy=a.csv"
        raise TableError(
            f"{source.table.name} has no label column {source.label!r}; "
            f"columns: {', '.join(frame.columns)}. Try {hint}"
        )
    labels = [text or "" for text in _as_text(frame[source.label], "label", source.table.name)]
    relabelled = relabel(labels, source.mapping, source.dropped)
    return [mood or None for mood in relabelled]


def _is_plain(dtype: pl.DataType) -> bool:
    """Whether cells can be read as text; lists, records and bytes cannot."""
    return not (dtype.is_nested() or isinstance(dtype, pl.Binary | pl.Object))


def _as_text(column: pl.Series, role: str, table: str) -> list[str | None]:
    if not _is_plain(column.dtype):
        raise TableError(
            f"{role} column {column.name!r} of {table} holds {column.dtype} values; expected one "
            "name a row"
        )
    return column.cast(pl.String).to_list()


def _note_group_gaps(
    sources: Sequence[LabelledTable], group: str | None, findings: list[Finding]
) -> None:
    if group is None:
        return
    without = [s.table.name for s in sources if group not in s.table.columns]
    if len(without) == len(sources):
        columns = sorted({c for s in sources for c in s.table.columns} - {ERROR_COLUMN})
        raise TableError(
            f"no table has a group column {group!r}; columns: {', '.join(columns)}. "
            "Name one of them with --group, or leave --group out"
        )
    if without:
        text = f"{', '.join(without)} has no column {group!r}: counted as one group a table."
        findings.append(note(text, len(without)))


def _assemble(rows: Sequence[Row], features: tuple[str, ...], group: str | None) -> LabelledTracks:
    moods = mood_order(row.mood for row in rows if row.mood)
    if len(moods) < 2:
        found = f"only the mood {moods[0]!r}" if moods else "no labelled track"
        raise LabelError(
            f"found {found} after the audit; a model needs at least two moods. "
            "Add tracks of another mood, or check --label, --map and --drop"
        )
    resolve_moods(moods)
    index = {mood: position for position, mood in enumerate(moods)}
    y = np.array([index[row.mood] for row in rows if row.mood], dtype=np.intp)
    counts = np.bincount(y, minlength=len(moods))
    poor = int(counts.argmin())
    if counts[poor] < MIN_TRACKS_A_MOOD:
        raise LabelError(
            f"mood {moods[poor]!r} has {counts[poor]} usable track(s); at least "
            f"{MIN_TRACKS_A_MOOD} are needed. Add tracks, or leave it out: --drop {moods[poor]}"
        )
    groups = np.array([row.group for row in rows]) if group is not None else None
    if groups is not None and len(np.unique(groups)) < 2:
        raise LabelError(
            f"group column {group!r} holds one group only ({str(groups[0])!r}), so nothing can be "
            "kept unseen. Leave --group out, or add tracks from another playlist"
        )
    return LabelledTracks(
        X=np.array([row.values for row in rows], dtype=np.float64),
        y=y,
        moods=tuple(moods),
        features=features,
        groups=groups,
        tables=np.array([row.table for row in rows]),
        names=np.array([str(row.track) for row in rows]),
        group_column=group,
    )
