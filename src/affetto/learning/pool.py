"""Tables of several sources in one pool: the same track known wherever it stands."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from affetto.errors import LabelError, TableError, UsageError
from affetto.features import BY_NAME, FEATURE_NAMES, check_feature_names
from affetto.learning.audit import (
    MIN_FEATURES_FOR_EQUALITY,
    Finding,
    Row,
    problem_findings,
    rows_text,
    same_tracks,
)
from affetto.learning.dataset import Columns, read_rows
from affetto.learning.labels import LabelledTable
from affetto.moods import mood_order

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]
Names = npt.NDArray[np.str_]

SOURCE_COLUMN = "source"
"""Column that says who collected a row, in a table that holds several collections."""

GROUP_COLUMNS = ("playlist", "playlist_name")


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Labelled tracks of several sources; a track may stand in several of them.

    Attributes
    ----------
    X : ndarray, shape=(n_rows, n_features)
        NaN where a source lacks the feature.
    y : ndarray of int, shape=(n_rows,)
        Index into `moods`.
    moods : tuple of str
    features : tuple of str
        Columns of `X`.
    sources : ndarray of str, shape=(n_rows,)
        Who collected the row: the table's name, or its column ``source``.
    groups : ndarray of str, shape=(n_rows,)
        Playlist of the row within its source; the source and mood where it names none.
    tracks : ndarray of int, shape=(n_rows,)
        The same number for the same track, whatever it is called in each source.
    """

    X: Floats
    y: Indices
    moods: tuple[str, ...]
    features: tuple[str, ...]
    sources: Names
    groups: Names
    tracks: Indices

    def __len__(self) -> int:
        return len(self.y)

    @property
    def held(self) -> npt.NDArray[np.bool_]:
        """Which moods the source of each row holds, shape=(n_rows, n_moods)."""
        _, which = np.unique(self.sources, return_inverse=True)
        return moods_held(which, self.y, len(self.moods))[which]

    def part(self, rows: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> "Pool":
        """Give some of the rows, with all moods."""
        return Pool(
            self.X[rows], self.y[rows], self.moods, self.features,
            self.sources[rows], self.groups[rows], self.tracks[rows],
        )  # fmt: skip

    def of(self, sources: Sequence[str]) -> "Pool":
        """Give the rows of some sources."""
        return self.part(np.isin(self.sources, sources))

    def thinned(self, most: int, seed: int = 42) -> "Pool":
        """Give at most so many rows of each mood of each source, drawn at random."""
        draw = np.random.default_rng(seed)
        _, cell = np.unique(
            np.char.add(self.sources, np.char.mod("|%d", self.y)), return_inverse=True
        )
        order = draw.permutation(len(self.y))
        order = order[np.argsort(cell[order], kind="stable")]
        first = np.searchsorted(cell[order], cell[order])
        return self.part(np.sort(order[np.arange(len(order)) - first < most]))

    def counts(self) -> dict[str, dict[str, int]]:
        """Count rows by source and mood; moods that a source lacks are left out."""
        counted: dict[str, dict[str, int]] = {}
        for source in dict.fromkeys(self.sources.tolist()):
            own = np.bincount(self.y[self.sources == source], minlength=len(self.moods))
            counted[source] = {m: int(n) for m, n in zip(self.moods, own, strict=True) if n}
        return counted


def moods_held(which: Indices, y: Indices, n_moods: int) -> npt.NDArray[np.bool_]:
    """Tell which moods each source holds.

    Parameters
    ----------
    which : ndarray of int, shape=(n_rows,)
        Source of each row.
    y : ndarray of int, shape=(n_rows,)
    n_moods : int

    Returns
    -------
    ndarray of bool, shape=(n_sources, n_moods)
    """
    held = np.zeros((int(which.max()) + 1, n_moods), dtype=bool)
    held[which, y] = True
    return held


def gather_pool(
    tables: Sequence[LabelledTable], *, features: Sequence[str] | None = None
) -> tuple[Pool, tuple[Finding, ...]]:
    """Read labelled tables as a pool of sources.

    A table with a column ``source`` holds several; playlists are read from its documented
    group column, or a column ``playlist``. Rows without a label are left out, and rows
    with an unusable value of a feature that every table has. Of the rows of one track
    within a source one is kept where they agree on the mood, and none where they do not;
    rows of one track in *different* sources all stay, since each source has a view of its
    own: what must not meet on two sides of a split is told by `Pool.tracks`.

    Parameters
    ----------
    tables : sequence of LabelledTable
    features : sequence of str, optional
        Columns wanted; default, those that every table has. One that some table lacks is
        NaN there.

    Returns
    -------
    pool : Pool
    findings : tuple of Finding
        What was left out, and the tracks that sources share.

    Raises
    ------
    UsageError
        If no table is given, or a feature is unknown.
    TableError
        If the tables have too few features in common to know a track by, or a label column
        is missing.
    LabelError
        If fewer than two moods are left.
    """
    if not tables:
        raise UsageError("no table given; a pool needs one at least")
    common = tuple(name for name in FEATURE_NAMES if all(_holds(one, name) for one in tables))
    if len(common) < MIN_FEATURES_FOR_EQUALITY:
        raise TableError(
            f"the tables have only {', '.join(common) or 'no feature'} in common; at least "
            f"{MIN_FEATURES_FOR_EQUALITY} features are needed to tell tracks apart"
        )
    wanted = common if features is None else check_feature_names(tuple(features))
    findings: list[Finding] = []
    rows: list[Row] = []
    values: list[Floats] = []
    for one in tables:
        group = one.table.group or next((c for c in GROUP_COLUMNS if c in one.table.columns), None)
        rows += read_rows(one, Columns(common, common, group), findings)
        values.append(_values(one, wanted))
    X = np.concatenate(values)
    usable = np.array([row.mood is not None and not row.problem for row in rows])
    findings += problem_findings([row for row in rows if row.mood is not None])
    kept = [row for row, use in zip(rows, usable, strict=True) if use]
    moods = mood_order(row.mood for row in kept if row.mood)
    if len(moods) < 2:
        raise LabelError(f"the pool holds {len(moods)} mood; a model needs two at least")
    sources = np.array([row.extra.get(SOURCE_COLUMN) or row.table for row in kept])
    tracks = np.empty(len(kept), dtype=np.intp)
    for number, places in enumerate(same_tracks(kept)):
        tracks[places] = number
    chosen = _one_view_a_source(kept, sources, tracks, findings)
    position = {mood: index for index, mood in enumerate(moods)}
    pool = Pool(
        X[usable][chosen],
        np.array([position[kept[i].mood or ""] for i in chosen], dtype=np.intp),
        tuple(moods),
        wanted,
        sources[chosen],
        np.array([_group(kept[i], sources[i]) for i in chosen]),
        tracks[chosen],
    )
    return pool, (*findings, *shared_tracks(pool))


def _holds(one: LabelledTable, name: str) -> bool:
    """Whether a table, and every source in it, has a feature in most of its rows."""
    if name not in one.table.features:
        return False
    frame = one.table.frame
    key = pl.col(SOURCE_COLUMN) if SOURCE_COLUMN in one.table.columns else pl.lit(one.table.name)
    held = frame.group_by(key).agg(pl.col(name).is_not_null().mean()).collect()[name]
    return bool((held > 0.5).all())


def _values(one: LabelledTable, wanted: Sequence[str]) -> Floats:
    """Read features; what is missing, or no possible value, is NaN."""
    frame = one.table.collect()
    values = np.full((len(frame), len(wanted)), np.nan)
    for column, name in enumerate(wanted):
        if name in one.table.features:
            low, high = BY_NAME[name].accepted
            own = frame[name].to_numpy().astype(np.float64)
            values[:, column] = np.where((own >= low) & (own <= high), own, np.nan)
    return values


def _group(row: Row, source: str) -> str:
    named = row.group if row.group and row.group != row.table else row.mood
    return f"{source}: {named}"


def _one_view_a_source(
    rows: Sequence[Row], sources: Names, tracks: Indices, findings: list[Finding]
) -> Indices:
    """Keep a track once a source; not at all where the source gives it two moods."""
    views: dict[tuple[str, int], list[int]] = defaultdict(list)
    for index, key in enumerate(zip(sources.tolist(), tracks.tolist(), strict=True)):
        views[key].append(index)
    agreed = [own for own in views.values() if len({rows[i].mood for i in own}) == 1]
    n_torn = sum(len(own) for own in views.values()) - sum(map(len, agreed))
    n_again = sum(len(own) - 1 for own in agreed)
    for kind, count, why in (
        ("conflict", n_torn, "a source gives the track two moods"),
        ("duplicate", n_again, "the track stands in its source already"),
    ):
        if count:
            findings.append(Finding(kind, count, f"{rows_text(count)} left out, as {why}."))
    return np.sort(np.array([own[0] for own in agreed], dtype=np.intp))


def shared_tracks(pool: Pool) -> list[Finding]:
    """Tell which sources share tracks, and how many, the most first."""
    holders: dict[int, set[str]] = defaultdict(set)
    for track, source in zip(pool.tracks.tolist(), pool.sources.tolist(), strict=True):
        holders[track].add(source)
    pairs: Counter[tuple[str, str]] = Counter()
    for own in holders.values():
        named = sorted(own)
        pairs.update((a, b) for i, a in enumerate(named) for b in named[i + 1 :])
    return [
        Finding("shared", n, f"{a} and {b} share {n} track{'' if n == 1 else 's'}.")
        for (a, b), n in pairs.most_common()
    ]
