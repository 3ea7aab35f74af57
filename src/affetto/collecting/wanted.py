"""Playlists as a service shall have them: one a mood, from labelled tables or the library."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from affetto.errors import InputError, TableError, UsageError
from affetto.library.mixes import Rules
from affetto.library.playlists import MadePlaylist
from affetto.moods import MAX_MOODS, MAX_NAME, MOOD_NAMES, canonical_mood, mood_order
from affetto.sources.contract import OWN_PREFIX
from affetto.sources.datasets import PREFIX as DATASET
from affetto.sources.datasets import load_dataset
from affetto.sources.playlists import printable
from affetto.sources.tables import Table, scan_table, translate_errors
from affetto.tracks import IDENTITY_COLUMNS, Track

PREFIX = OWN_PREFIX
"""How the names of affetto's own playlists begin."""

CONFIDENCE_COLUMN = "confidence"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A playlist as it shall be.

    Attributes
    ----------
    name : str
        As the service shall call it; see `playlist_name`.
    title : str
        The mood, or what else the playlist is: the name without its prefix.
    tracks : tuple of Track
        In order, each once. Empty: no track has this mood now.
    paths : tuple of str or None
        Their files on this machine, where they have any.
    note : str or None
        What of the rules could not be met, and why.
    """

    name: str
    title: str
    tracks: tuple[Track, ...]
    paths: tuple[str | None, ...]
    note: str | None = None


def checked_prefix(prefix: str) -> str:
    """Give the prefix of affetto's own playlists as services keep it.

    Raises
    ------
    UsageError
        If it is empty: any playlist's name begins with that, the user's own too.
    """
    clean = _one_line(prefix)
    if not any(char.isalnum() for char in clean):
        raise UsageError(
            f"found {prefix!r} as the prefix of affetto's playlists; expected one with a letter in "
            f"it, such as {PREFIX!r}: by it they are told from your own, which stay untouched"
        )
    return clean + (" " if prefix[-1].isspace() else "")


def playlist_name(prefix: str, title: str) -> str:
    """Name a playlist: prefix and title, on one line.

    Raises
    ------
    UsageError
        As `checked_prefix`.
    """
    return checked_prefix(prefix) + _one_line(title)


def of_made(
    made: Sequence[MadePlaylist], moods: Iterable[str] = (), *, prefix: str = PREFIX
) -> list[Wanted]:
    """Turn playlists of the library into wanted ones.

    Parameters
    ----------
    made : sequence of MadePlaylist
        From `affetto.library.playlists`.
    moods : iterable of str
        Further moods that may have had a playlist before.
    prefix : str

    Returns
    -------
    list of Wanted
        Those made, then those moods that have no track now.
    """
    full = [
        _wanted(
            playlist.name,
            [
                (Track(title=entry.title, artist=entry.artist, album=entry.album), entry.path)
                for entry in playlist.entries
            ],
            prefix,
            playlist.note,
        )
        for playlist in made
    ]
    return full + _without_tracks(full, moods, prefix)


def open_labelled(name: str) -> Table:
    """Open a labelled table; it needs no features.

    Parameters
    ----------
    name : str
        A path, or a dataset's name.

    Raises
    ------
    TableError, DatasetError
        If it cannot be read, or tells nothing of tracks.
    """
    return load_dataset(name) if name.startswith(DATASET) else scan_table(name, as_playlist=True)


def of_tables(
    tables: Sequence[Table],
    rules: Rules | None = None,
    *,
    label: str = "mood",
    prefix: str = PREFIX,
) -> list[Wanted]:
    """Read labelled tables as one playlist a mood, tracks in the order of the rows.

    Parameters
    ----------
    tables : sequence of Table
    rules : Rules, optional
        `Rules.moods`, `Rules.min_confidence`, `Rules.n` and `Rules.surest` count; others are
        the library's.
    label : str
        The column of moods; rows without one are left out.
    prefix : str

    Returns
    -------
    list of Wanted
        In the order of `affetto.moods.mood_order`, then those of the five, or of the moods asked
        for, that have no track now. A track that comes twice in a mood counts once.

    Raises
    ------
    TableError
        If a column that is needed is not there, or no cell of it can be used.
    InputError
        If no row is left.
    """
    rules = rules or Rules()
    by_mood: dict[str, list[_Row]] = {}
    for table in tables:
        for mood, row in _rows(table, rules, label):
            by_mood.setdefault(mood, []).append(row)
    there = mood_order(by_mood)
    asked = [mood for mood in there if not rules.moods or mood in rules.moods]
    if len(asked) > MAX_MOODS:
        raise TableError(
            f"found {len(asked):,} moods in the column {label!r}, such as "
            f"{', '.join(map(repr, asked[:3]))}; expected {MAX_MOODS} at most: is another column "
            "meant (--label)?"
        )
    full = [
        _wanted(mood, [(row.track, row.path) for row in kept], prefix)
        for mood in asked
        if (kept := _chosen(by_mood[mood], rules))
    ]
    if not full:
        raise InputError(
            "no row is left to publish; moods of these tables: "
            f"{', '.join(there[:MAX_MOODS]) or 'none'}"
        )
    return full + _without_tracks(full, rules.moods or (*MOOD_NAMES, *there), prefix)


@dataclass(frozen=True, slots=True)
class _Row:
    track: Track
    path: str | None
    confidence: float | None

    def keys(self) -> tuple[str, ...]:
        """Give what tells it from other tracks; its name only where there is nothing surer."""
        keys = self.track.keys()
        sure = [key for key in keys if not key.startswith("name:")]
        return tuple([*sure, f"path:{self.path}"] if self.path else sure) or keys


def _rows(table: Table, rules: Rules, label: str) -> Iterator[tuple[str, _Row]]:
    """Read a table's labelled rows; those that name no track are left out."""
    columns = [name for name in IDENTITY_COLUMNS if name in table.columns]
    if label not in table.columns:
        raise TableError(
            f"{table.name} has no column {label!r}; columns: {', '.join(table.columns)}. "
            "affetto label … --out writes it; --label names another"
        )
    if not columns:
        raise TableError(
            f"{table.name} has no column that says which track a row is; expected some of "
            f"{', '.join(IDENTITY_COLUMNS)}"
        )
    cells = [pl.col(name) for name in dict.fromkeys((*columns, label))]
    if CONFIDENCE_COLUMN in table.columns and label != CONFIDENCE_COLUMN:
        cells.append(pl.col(CONFIDENCE_COLUMN).cast(pl.Float64, strict=False))
    elif rules.min_confidence is not None or rules.surest:
        raise TableError(
            f"{table.name} does not say how sure its moods are (no column {CONFIDENCE_COLUMN!r}): "
            "leave out --min-confidence and --surest"
        )
    with translate_errors(table.name):
        frame = table.frame.select(cells).collect()
    for row in frame.iter_rows(named=True):
        mood = canonical_mood(_one_line(str(row[label] if row[label] is not None else "")))
        text = {name: (row.get(name) or "").strip() or None for name in IDENTITY_COLUMNS}
        path = text.pop("path")
        sure = None if label == CONFIDENCE_COLUMN else row.get(CONFIDENCE_COLUMN)
        if sure is not None and math.isnan(sure):
            sure = None
        found = _Row(Track(**text), path, sure)
        if mood and found.keys():
            yield mood[:MAX_NAME], found


def _chosen(rows: Sequence[_Row], rules: Rules) -> list[_Row]:
    """Choose among one mood's rows; they stay in order."""
    least = -math.inf if rules.min_confidence is None else rules.min_confidence
    seen: set[str] = set()
    kept = []
    for row in rows:
        if (rules.min_confidence is None or (row.confidence or 0.0) >= least) and (
            seen.isdisjoint(row.keys())
        ):
            seen.update(row.keys())
            kept.append(row)
    if rules.surest and rules.n is not None:
        places = sorted(range(len(kept)), key=lambda place: -(kept[place].confidence or 0.0))
        return [kept[place] for place in sorted(places[: rules.n])]
    return kept[: rules.n]


def _wanted(
    title: str, tracks: Sequence[tuple[Track, str | None]], prefix: str, note: str | None = None
) -> Wanted:
    once = dict.fromkeys(tracks)
    return Wanted(
        playlist_name(prefix, title),
        title,
        tuple(track for track, _ in once),
        tuple(path for _, path in once),
        note,
    )


def _without_tracks(full: Sequence[Wanted], moods: Iterable[str], prefix: str) -> list[Wanted]:
    there = {wanted.title for wanted in full}
    return [_wanted(mood, (), prefix) for mood in mood_order(moods) if mood not in there]


def _one_line(text: str) -> str:
    """Write a name as services keep names: no line breaks, no blanks at its ends or doubled."""
    return " ".join("".join(c if c.isprintable() else " " for c in printable(text)).split())
