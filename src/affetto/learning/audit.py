"""The audit of labelled rows: what is wrong with them, and which are the same track."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from affetto.learning.evaluation import rank_auc, wilson_interval
from affetto.learning.splits import MIN_LEARNING
from affetto.moods import NEAR_WORDS, same_name
from affetto.tracks import Track

FEW_TRACKS_A_MOOD = 50
"""Below this a mood is learned, with a warning: its recall is known to ± 14 points at best."""

TEST_SHARE = 1 / 3
"""Of the tracks, that a test set commonly holds; for a rough guess before there is one."""

MOSTLY_ALONE = 0.9
"""Share of tracks without another of their group from which on groups say next to nothing."""

MIN_FEATURES_FOR_EQUALITY = 5
"""Two rows equal in fewer features than this may be two different tracks."""

EXAMPLES = 5

_PROBLEMS = (
    ("missing", re.compile(r" missing$"), "lacked a value"),
    ("unreadable", re.compile(r" is not a number$"), "held text in place of a number"),
    ("out_of_range", re.compile(r": expected "), "held an impossible value"),
    ("unreadable", re.compile(""), "had too few or too many cells"),
)
"""Kinds of problems, how `Row.problem` says them, and how the audit does."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something the audit found.

    Attributes
    ----------
    kind : str
        ``duplicate``, ``conflict``, ``shared``, ``missing``, ``out_of_range``, ``unreadable``,
        ``unlabelled``, ``few_tracks``, ``leak``, ``note``.
    count : int
        Rows, tracks or columns concerned.
    text : str
        One sentence: what was found and what was done about it.
    examples : tuple of str
        A few of them by name.
    """

    kind: str
    count: int
    text: str
    examples: tuple[str, ...] = ()


def note(text: str, count: int = 0) -> Finding:
    """Make a finding that is worth knowing and removes nothing."""
    return Finding("note", count, text)


@dataclass(frozen=True, slots=True)
class Audit:
    """What was found in the tables, and how many rows each rule removed.

    The rules, applied in this order and before any split: rows without a usable label or
    with a missing, unreadable or impossible value are dropped; a track labelled with two
    moods is dropped whole; a track that occurs several times is kept once, where it
    stands first.
    """

    rows: int
    dropped_unlabelled: int
    dropped_unusable: int
    dropped_conflicts: int
    dropped_duplicates: int
    shared_between_tables: int
    rows_used: int
    findings: tuple[Finding, ...]

    def as_dict(self) -> dict[str, Any]:
        """Give the audit as plain data, equal to what JSON gives back."""
        findings = [{**asdict(one), "examples": list(one.examples)} for one in self.findings]
        return {**asdict(self), "findings": findings}


@dataclass(slots=True, eq=False)
class Row:
    """One row of a table on its way to a labelled track.

    Rows with the same values of the `telling` features, if there are any, are one track.
    """

    values: tuple[float, ...]
    telling: tuple[float, ...]
    mood: str | None
    group: str | None
    table: str
    track: Track
    problem: str | None
    extra: dict[str, str]
    number: int


def problem_findings(labelled: Sequence[Row]) -> list[Finding]:
    """Tell of rows that cannot be used, by what is wrong with them."""
    by_problem: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in labelled:
        if row.problem:
            kind, said = next((k, said) for k, text, said in _PROBLEMS if text.search(row.problem))
            by_problem[kind, said].append(row)
    return [
        Finding(
            kind, len(rows), f"{rows_text(len(rows))} {said}{_by_column(kind, rows)}: left out.",
            tuple(f"{row.table} row {row.number}: {row.problem}" for row in rows[:EXAMPLES]),
        )
        for (kind, said), rows in by_problem.items()
    ]  # fmt: skip


def _by_column(kind: str, rows: Sequence[Row]) -> str:
    """Name the columns at fault, each with its rows, where values are missing."""
    if kind != "missing":
        return ""
    columns = Counter((row.problem or "").removesuffix(" missing") for row in rows)
    return " (" + ", ".join(f"{column} {n}" for column, n in columns.most_common()) + ")"


def once_each(rows: Sequence[Row]) -> tuple[list[Row], int, list[Finding], int, int]:
    """Apply the rules on conflicts and duplicates.

    Returns
    -------
    tuple
        Rows kept, tracks shared between tables, findings, rows dropped as conflicts, rows
        dropped as duplicates.
    """
    kept: list[Row] = []
    conflicts: list[list[Row]] = []
    repeats: list[list[Row]] = []
    shared: list[list[Row]] = []
    for places in same_tracks(rows):
        same = [rows[place] for place in places]
        if len({row.table for row in same}) > 1:
            shared.append(same)
        if len({row.mood for row in same}) > 1:
            conflicts.append(same)
            continue
        kept.append(same[0])
        if len(same) > 1:
            repeats.append(same)
    n_conflicts = sum(len(same) for same in conflicts)
    n_repeats = sum(len(same) - 1 for same in repeats)
    findings = []
    if shared:
        pairs = Counter(" and ".join(sorted({row.table for row in same})) for same in shared)
        listed = "; ".join(f"{count} by {names}" for names, count in pairs.most_common())
        findings.append(
            Finding(
                "shared", len(shared),
                f"{tracks_text(len(shared))} shared between tables: {listed}.",
                tuple(_example(same) for same in shared[:EXAMPLES]),
            )
        )  # fmt: skip
    if conflicts:
        findings.append(
            Finding(
                "conflict", len(conflicts),
                f"{tracks_text(len(conflicts))} labelled with two moods: "
                f"all {n_conflicts} rows left out, since nobody can say which is right.",
                tuple(_example(same) for same in conflicts[:EXAMPLES]),
            )
        )  # fmt: skip
    if repeats:
        findings.append(
            Finding(
                "duplicate", len(repeats),
                f"{tracks_text(len(repeats))} given more than once: kept where it stands first, "
                f"{rows_text(n_repeats)} left out.",
                tuple(_example(same) for same in repeats[:EXAMPLES]),
            )
        )  # fmt: skip
    kept.sort(key=_order_of(rows))
    return kept, len(shared), findings, n_conflicts, n_repeats


def _order_of(rows: Sequence[Row]) -> Callable[[Row], int]:
    place = {id(row): index for index, row in enumerate(rows)}
    return lambda row: place[id(row)]


def same_tracks(rows: Sequence[Row]) -> list[list[int]]:
    """Group rows that are one track by any key: id, ISRC, title with artist, equal features.

    Returns
    -------
    list of list of int
        Places in `rows`, a list a track.
    """
    parent = list(range(len(rows)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    first: dict[object, int] = {}
    for index, row in enumerate(rows):
        keys: list[object] = list(row.track.keys())
        if row.telling:
            # Six digits: one table writes .137 where another writes .13699999999999998.
            keys.append(tuple(float(f"{value:.6g}") for value in row.telling))
        for key in keys:
            other = first.setdefault(key, index)
            a, b = root(other), root(index)
            parent[max(a, b)] = min(a, b)
    groups: dict[int, list[int]] = defaultdict(list)
    for index in range(len(rows)):
        groups[root(index)].append(index)
    return list(groups.values())


def few_tracks(per_mood: Mapping[str, int]) -> list[Finding]:
    """Warn of moods with few tracks, and of labels that read like one of the five."""
    few = {mood: n for mood, n in per_mood.items() if n < FEW_TRACKS_A_MOOD}
    findings = []
    if few:
        least = min(few.values())
        n_test = max(1, round(sum(per_mood.values()) * TEST_SHARE))
        off = f"±{_points(n_test)} points"
        test = f"the accuracy of a test on a third of all tracks may be off by {off}"
        if len(few) == 1:
            text = (
                f"{next(iter(few))} has only {tracks_text(least)}: how many of them are recognised "
                f"is known to ±{_points(least)} points at best, and {test}."
            )
        else:
            text = (
                f"{len(few)} of {len(per_mood)} moods have fewer than {FEW_TRACKS_A_MOOD} tracks, "
                f"and {test}: of a mood with {least}, how many are recognised is known to "
                f"±{_points(least)} at best."
            )
        examples = [f"{mood} {n}" for mood, n in sorted(few.items(), key=lambda one: one[1])]
        findings.append(Finding("few_tracks", least, text, tuple(examples[:EXAMPLES])))
    near = {mood: NEAR_WORDS[mood.lower()] for mood in per_mood if mood.lower() in NEAR_WORDS}
    findings += [
        note(f"{word!r} reads like {mood}: --map {word}={mood} would merge them.")
        for word, mood in near.items()
        if mood in per_mood
    ]
    return findings


def _points(n: int) -> int:
    """Half the width of a 95% interval around a share of one half, in percent points."""
    low, high = wilson_interval(n / 2, n)
    return round(50 * (high - low))


def one_spelling(rows: Sequence[Row]) -> list[Finding]:
    """Give moods that differ by case, spaces or Unicode form alone their commonest spelling.

    Changes the rows' moods in place.
    """
    counts = Counter(row.mood for row in rows if row.mood)
    spellings: dict[str, list[str]] = defaultdict(list)
    for mood, _ in counts.most_common():
        spellings[same_name(mood)].append(mood)
    several = {names[0]: names for names in spellings.values() if len(names) > 1}
    chosen = {name: best for best, names in several.items() for name in names}
    for row in rows:
        if row.mood in chosen:
            row.mood = chosen[row.mood]
    return [
        note(
            f"{' and '.join(map(repr, names))} are read as one mood, {best!r}.",
            sum(counts[name] for name in names[1:]),
        )
        for best, names in several.items()
    ]


def group_findings(
    y: npt.NDArray[np.intp], groups: npt.NDArray[np.str_], moods: Sequence[str], column: str
) -> list[Finding]:
    """Say what groups kept unseen can measure of these tracks, and what they cannot.

    Parameters
    ----------
    y : ndarray of int, shape=(n,)
    groups : ndarray of str, shape=(n,)
    moods : sequence of str
    column : str
        Where the groups stand.
    """
    names, which, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    cells = np.zeros((len(names), len(moods)), dtype=np.int64)
    np.add.at(cells, (which, y), 1)
    findings = []
    # A group is held out where enough of its mood is left without it: the smallest first.
    left = [own.sum() - own[own > 0].min() for own in cells.T]
    single = [mood for mood, n in zip(moods, left, strict=True) if n < MIN_LEARNING]
    if single:
        places = [list(moods).index(mood) for mood in single]
        others = [mood for mood in moods if mood not in single]
        one = len(single) == 1
        if all(np.count_nonzero(cells[:, place]) == 1 for place in places):
            where = f"{'stands' if one else 'stand'} in one group of {column!r} only"
            if one:
                where += f" ({str(names[cells[:, places[0]].argmax()])!r})"
        else:
            where = (
                f"{'has' if one else 'have'} fewer than {MIN_LEARNING} tracks outside one group of "
                f"{column!r}"
            )
        findings.append(
            note(
                f"{listed(single)} {where}: "
                "how often such a track is recognised in a group never seen cannot be measured"
                + (f"; figures for unseen groups are of {listed(others)} alone." if others else ".")
                + " A further group of that mood would tell.",
                len(single),
            )
        )
    n_crossing = int((np.count_nonzero(cells, axis=1) > 1).sum())
    if n_crossing:
        findings.append(
            note(
                f"{n_crossing} of {len(names)} groups of {column!r} hold tracks of several moods: "
                "groups are kept unseen whole, in folds, not one a mood.",
                n_crossing,
            )
        )
    alone = float((sizes[which] == 1).mean())
    if alone >= MOSTLY_ALONE:
        findings.append(
            note(
                f"{alone:.0%} of the tracks are alone in their group of {column!r}: keeping such "
                "groups unseen differs little from a random split.",
                int((sizes == 1).sum()),
            )
        )
    return findings


def leaking_columns(rows: Sequence[Row], group: str | None = None) -> list[Finding]:
    """Find other columns that give the label away; they are never used as input.

    The column `group` does so by its nature, and is no finding.
    """
    findings = []
    tables: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        tables[row.table].append(row)
    for table, own in tables.items():
        for column in (name for name in own[0].extra if name != group):
            seen: dict[str, Counter[str]] = defaultdict(Counter)
            for row in own:
                if row.mood and row.extra[column] is not None:
                    seen[row.extra[column]][row.mood] += 1
            total = sum(sum(counts.values()) for counts in seen.values())
            pure = sum(counts.most_common(1)[0][1] for counts in seen.values())
            moods = sum(seen.values(), Counter[str]())
            commonest = max(moods.values(), default=0)
            # A column of names says nothing: it must repeat its values to give a label away.
            # Of the tracks that guessing the commonest mood gets wrong, it must tell nearly all.
            repeats = len(moods) > 1 and len(seen) <= total / 5
            if repeats and total - pure <= 0.02 * (total - commonest):
                findings.append(
                    Finding(
                        "leak", len(seen),
                        f"{table}: column {column!r} gives the mood away "
                        f"({pure} of {total} rows); it is not used as input.",
                    )
                )  # fmt: skip
    return findings


def leaking_features(
    X: npt.NDArray[np.float64],
    y: npt.NDArray[np.intp],
    features: Sequence[str],
    moods: Sequence[str],
) -> list[Finding]:
    """Find features that alone tell a mood from all others too well to be true."""
    findings = []
    # Of two moods, the one stands high where the other stands low: once is enough.
    told = list(moods)[:1] if len(moods) == 2 else list(moods)
    for column, name in enumerate(features):
        areas = {mood: rank_auc(X[:, column], y == position) for position, mood in enumerate(told)}
        areas = {mood: max(area, 1 - area) for mood, area in areas.items()}
        apart = [mood for mood, area in areas.items() if area >= 0.995]
        if apart:
            others = moods[1] if len(moods) == 2 else "all other moods"
            findings.append(
                Finding(
                    "leak", 1,
                    f"{name} alone tells {listed(apart, 'or')} from {others} "
                    f"(AUC {max(areas.values()):.3f}): "
                    "is it really a measurement, or does it carry the label?",
                )
            )  # fmt: skip
    return findings


def _example(same: Sequence[Row]) -> str:
    moods = "/".join(dict.fromkeys(row.mood or "?" for row in same))
    places = ", ".join(f"{row.table} row {row.number}" for row in same[:4])
    return f"{same[0].track} ({moods}): {places}"


def rows_text(count: int) -> str:
    """Write ``1 row`` or ``2 rows``."""
    return f"{count} row" if count == 1 else f"{count} rows"


def tracks_text(count: int) -> str:
    """Write ``1 track`` or ``2 tracks``."""
    return f"{count} track" if count == 1 else f"{count} tracks"


def listed(names: Sequence[str], last: str = "and", most: int = 6) -> str:
    """Write ``a, b and c``; past `most`, how many more there are."""
    shown = list(names)
    if len(shown) > most:
        shown = [*shown[: most - 1], f"{len(shown) - most + 1} more"]
    return f" {last} ".join(filter(None, (", ".join(shown[:-1]), shown[-1]))) if shown else ""
