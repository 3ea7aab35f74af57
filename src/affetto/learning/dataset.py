"""Labelled tracks gathered from tables, and the audit that cleans them before any split."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

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
    group_findings,
    leaking_columns,
    leaking_features,
    listed,
    note,
    once_each,
    one_spelling,
    problem_findings,
    rows_text,
    tracks_text,
)
from affetto.learning.labels import LabelledTable, as_text, is_plain
from affetto.moods import MAX_MOODS, mood_order, relabel, resolve_moods
from affetto.sources.tables import translate_errors
from affetto.tracks import ERROR_COLUMN, IDENTITY_COLUMNS, Track

MIN_TRACKS_A_MOOD = 10
"""Below this not even five folds hold two tracks of a mood each."""


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

    def fingerprint(self) -> str:
        """Give the SHA-256 of values, moods and their names: the same for the same tracks."""
        digest = hashlib.sha256()
        for part in (self.X.tobytes(), self.y.astype(np.int64).tobytes()):
            digest.update(part)
        digest.update("|".join([*self.moods, *self.features]).encode())
        return digest.hexdigest()


def gather(
    sources: Sequence[LabelledTable],
    *,
    group: str | None = None,
    features: Sequence[str] | None = None,
    keep_duplicates: bool = False,
    to_judge: bool = False,
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
    to_judge : bool
        The tracks are to judge a model by, not to learn from: few of a mood, one mood, or one
        group will do.

    Returns
    -------
    tracks : LabelledTracks
    audit : Audit

    Raises
    ------
    TableError
        If a table lacks its label or group column, or the tables share no feature.
    LabelError
        If fewer than two moods are left or more than 50, a mood has fewer than 10 tracks, or
        the groups are one, or as many as the tracks.
    """
    used = _wanted_features(sources, features) if features is not None else None
    shared = _shared_features(sources, any_will_do=used is not None)
    used = used or shared
    findings: list[Finding] = []
    columns = Columns(shared, used, group)
    rows = [row for source in sources for row in read_rows(source, columns, findings)]
    n_rows = len(rows)
    _note_group_gaps(sources, group, findings)

    labelled = [row for row in rows if row.mood is not None]
    findings += one_spelling(labelled)
    if len(labelled) < n_rows:
        count = n_rows - len(labelled)
        findings.append(
            Finding(
                "unlabelled", count, f"{rows_text(count)} had no label or a dropped one: left out."
            )
        )
    usable = [row for row in labelled if not row.problem]
    findings += problem_findings(labelled)
    if not to_judge:
        findings += leaking_columns(usable, group)

    kept, n_shared, duplicate_findings, conflicts, duplicates = once_each(usable)
    if keep_duplicates:
        kept, conflicts, duplicates = usable, 0, 0
        findings.append(note("Duplicates and conflicts were kept on request (keep_duplicates)."))
    else:
        findings += duplicate_findings

    _check_no_mood_is_lost(labelled, kept)
    if not to_judge:
        _check_moods(kept)
        _check_groups(kept, group)
    tracks = _assemble(kept, used, group)
    if not to_judge:
        findings += few_tracks(tracks.per_mood())
        findings += leaking_features(tracks.X, tracks.y, used, tracks.moods)
        if group is not None and tracks.groups is not None:
            findings += group_findings(tracks.y, tracks.groups, tracks.moods, group)
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


def _check_no_mood_is_lost(labelled: Sequence[Row], kept: Sequence[Row]) -> None:
    """Refuse to learn without a mood that the tables do hold: nobody would notice.

    Raises
    ------
    LabelError
    """
    left = {row.mood for row in kept}
    for mood in mood_order(row.mood for row in labelled if row.mood):
        if mood in left:
            continue
        own = [row for row in labelled if row.mood == mood]
        problems = Counter(row.problem or "labelled with another mood as well" for row in own)
        said = ", ".join(f"{text} ({n} rows)" for text, n in problems.most_common(3))
        if all(row.problem is None for row in own):
            advice = "Give it tracks that stand in no playlist of another mood"
        else:
            advice = "Learn from features that they have (--features energy,valence,…)"
        raise LabelError(
            f"none of the {len(own)} {mood} rows can be used: {said}. {advice}, or leave the mood "
            f"out: --drop {mood}"
        )


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


def _shared_features(
    sources: Sequence[LabelledTable], *, any_will_do: bool = False
) -> tuple[str, ...]:
    if not sources:
        raise UsageError("no table given; name at least one, e.g. affetto train songs.csv")
    held = [_held_features(source) for source in sources]
    shared = tuple(name for name in FEATURE_NAMES if all(name in names for names in held))
    if not shared:
        listed = "; ".join(f"{s.table.name}: {', '.join(s.table.features)}" for s in sources)
        raise TableError(f"the tables share no feature ({listed}); train on each alone")
    if shared == ("duration_ms",) and not any_will_do:
        names = ", ".join(source.table.name for source in sources)
        raise TableError(
            f"{names}: no feature but the length of tracks, which tells no mood. affetto collect "
            "looks features up, or hears them; to learn from lengths all the same: "
            "--features duration_ms"
        )
    return shared


def _held_features(source: LabelledTable) -> set[str]:
    """Name the features of which a table has a value at all: an empty column is none."""
    table = source.table
    with translate_errors(table.name):
        there = table.frame.select(by_name(table.features).is_not_null().any()).collect()
    return {name for name in table.features if there[name][0]}


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns of a table are read, and what for.

    Attributes
    ----------
    shared : tuple of str
        Features that every table has.
    used : tuple of str
        Those to learn from; a row must have them all.
    group : str or None
        Column of playlists or artists.
    """

    shared: tuple[str, ...]
    used: tuple[str, ...]
    group: str | None

    @property
    def telling(self) -> tuple[str, ...]:
        """Features by which rows are found equal: those used, or all where these are few."""
        enough = len(self.used) >= MIN_FEATURES_FOR_EQUALITY
        few = len(self.shared) < MIN_FEATURES_FOR_EQUALITY
        return self.used if enough else () if few else self.shared


def read_rows(source: LabelledTable, columns: Columns, findings: list[Finding]) -> list[Row]:
    """Read a table's rows with their identity, mood and group, noting what is worth telling."""
    table, group = source.table, columns.group
    findings += [note(f"{table.name}: {read.text}") for read in table.notes]
    frame = table.collect()
    left_out = [name for name in table.features if name not in columns.shared]
    empty = [name for name in left_out if frame[name].null_count() == len(frame)]
    elsewhere = [name for name in left_out if name not in empty]
    for names, why in (
        (empty, "since no row has a value"),
        (elsewhere, "since another table lacks it"),
    ):
        if names:
            text = f"{table.name}: {', '.join(names)} not used, {why}."
            findings.append(note(text, len(names)))
    moods = _moods_of(source, frame)
    groups: list[str | None] = [None] * len(frame)
    if group is not None and group in frame.columns:
        groups = as_text(frame[group], "group", table.name)
        n_without = sum(not (name or "").strip() for name in groups)
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
        and is_plain(frame.schema[column])
    ]
    extra = frame.select(by_name(others).cast(pl.String, strict=False)).rows(named=True)
    track_fields = ("id", "isrc", "title", "artist", "album")
    return [
        Row(
            values=tuple(values[index]),
            telling=tuple(telling[index]) if columns.telling else (),
            mood=moods[index],
            group=(groups[index] or "").strip() or table.name if group is not None else None,
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
            f"columns: {', '.join(c for c in frame.columns if c != ERROR_COLUMN)}. Try {hint}"
        )
    labels = [text or "" for text in as_text(frame[source.label], "label", source.table.name)]
    relabelled = relabel(labels, source.mapping, source.dropped)
    return [mood or None for mood in relabelled]


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


def _check_moods(rows: Sequence[Row]) -> None:
    """Refuse what cannot be learned.

    Raises
    ------
    LabelError
    """
    counts = Counter(row.mood for row in rows if row.mood)
    moods = mood_order(counts)
    if len(moods) < 2:
        found = f"only the mood {moods[0]!r}" if moods else "no labelled track"
        raise LabelError(
            f"found {found} after the audit; a model needs at least two moods. "
            "Add tracks of another mood, or check --label, --map and --drop"
        )
    if len(moods) > MAX_MOODS:
        raise LabelError(
            f"found {len(moods)} moods ({listed(moods)}); a vocabulary holds 2 to {MAX_MOODS}. "
            "Does --label name the column of moods? If so, merge some with --map, or leave some "
            "out with --drop"
        )
    resolve_moods(moods)
    poor = [mood for mood in moods if counts[mood] < MIN_TRACKS_A_MOOD]
    if poor:
        one = len(poor) == 1
        have = [f"{mood!r} has {tracks_text(counts[mood])}" for mood in poor]
        way_out = (
            f"Add tracks, or leave {'it' if one else 'them'} out: --drop {','.join(poor)}"
            if len(moods) - len(poor) >= 2
            else "Add tracks"
        )
        raise LabelError(
            f"mood{'' if one else 's'} {listed(have)} that can be used; at least "
            f"{MIN_TRACKS_A_MOOD} {'are' if one else 'of each are'} needed. {way_out}"
        )


def _check_groups(rows: Sequence[Row], group: str | None) -> None:
    """Refuse groups of which none can be kept unseen, or that group nothing.

    Raises
    ------
    LabelError
    """
    names = Counter(row.group for row in rows)
    if group is None:
        return
    if len(names) < 2:
        if {row.table for row in rows} == set(names):
            raise LabelError(
                f"group column {group!r} is empty in every row. Name the column of playlists or "
                "artists, or leave --group out"
            )
        raise LabelError(
            f"group column {group!r} holds one group only ({next(iter(names))!r}), so nothing can "
            "be kept unseen. Leave --group out, or add tracks from another playlist"
        )
    if len(names) == len(rows):
        raise LabelError(
            f"group column {group!r} holds another value for each of the {len(rows)} tracks, so "
            "it groups nothing. Name the column of playlists or artists, or leave --group out"
        )


def _assemble(rows: Sequence[Row], features: tuple[str, ...], group: str | None) -> LabelledTracks:
    if not rows:
        raise LabelError("found no labelled track after the audit; check --label, --map and --drop")
    moods = mood_order(row.mood for row in rows if row.mood)
    index = {mood: position for position, mood in enumerate(moods)}
    return LabelledTracks(
        X=np.array([row.values for row in rows], dtype=np.float64),
        y=np.array([index[row.mood] for row in rows if row.mood], dtype=np.intp),
        moods=tuple(moods),
        features=features,
        groups=np.array([row.group for row in rows]) if group is not None else None,
        tables=np.array([row.table for row in rows]),
        names=np.array([str(row.track) for row in rows]),
        group_column=group,
    )
