"""The library as it is searched, filtered and sorted: a few columns of all tracks, in memory.

A hundred thousand tracks take some 40 MB and a fraction of a second to read; then every list,
however deep into it, is a matter of milliseconds. The database logs which tracks change, so
that after a change only these are read again.
"""

import sqlite3
import threading
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import polars as pl
from numpy.typing import NDArray

from affetto.library.query import Query
from affetto.library.schema import IDENTITY, reading
from affetto.tracks import normalise_name

_SCHEMA: dict[str, pl.DataType] = {
    "id": pl.Int64(),
    "state": pl.String(),
    "mood": pl.String(),
    "own_mood": pl.String(),
    "folder_id": pl.Int64(),
    **dict.fromkeys(
        ("confidence", "tempo", "energy", "valence", "duration_ms", "added_at"), pl.Float64()
    ),
    **dict.fromkeys(("title_key", "artist_key", "album_key", "words"), pl.String()),
}
_MANY = 20_000  # so many changed tracks are read sooner with all the others
_KEPT = 8  # databases that a process remembers
_FEW = 256  # so many changed tracks are put into an order sooner than all are sorted anew

_NUMBERS = {
    "confidence": "confidence",
    "tempo": "tempo",
    "energy": "energy",
    "valence": "valence",
    "added": "added_at",
    "duration": "duration_ms",
}
_NAMES = {
    "title": ("title_key",),
    "artist": ("artist_key", "album_key", "title_key"),
    "album": ("album_key", "title_key"),
}

Order = NDArray[np.int64]
Key = tuple[str, bool]
"""What is sorted by, and whether from the other end."""


@dataclass(frozen=True, slots=True)
class _Earlier:
    """An order of an earlier index, as ids, and the tracks that changed since."""

    ids: NDArray[np.int64]
    changed: frozenset[int]


@dataclass(frozen=True, slots=True, eq=False)
class Index:
    """All tracks as they were after a change of the database; never altered.

    Attributes
    ----------
    identity : str
        Of the database.
    seq : int
        The last change that is in it.
    frame : polars.DataFrame
        By id.
    """

    identity: str
    seq: int
    frame: pl.DataFrame
    _orders: dict[Key, Order] = field(default_factory=dict)
    _earlier: dict[Key, _Earlier] = field(default_factory=dict)

    @property
    def ids(self) -> NDArray[np.int64]:
        """Ids of all tracks, ascending."""
        return self.frame["id"].to_numpy()

    def select(self, query: Query, inside: Sequence[int] | None = None) -> NDArray[np.int64]:
        """Give the ids of all tracks that a query means, in its order; its part is left aside.

        Parameters
        ----------
        query : Query
        inside : sequence of int, optional
            Ids of the tracks in the query's folder.
        """
        conditions = _conditions(query, inside)
        order = self._order(query.sort, descending=query.descending)
        if conditions:
            mask = self.frame.select(pl.all_horizontal(conditions)).to_series().to_numpy()
            order = order[mask[order]]
        return self.ids[order]

    def rows(self, query: Query, inside: Sequence[int] | None = None) -> pl.DataFrame:
        """Give the rows of all tracks that a query means, by id."""
        conditions = _conditions(query, inside)
        return self.frame.filter(pl.all_horizontal(conditions)) if conditions else self.frame

    def _order(self, sort: str, *, descending: bool) -> Order:
        key = sort, descending
        if key not in self._orders:
            earlier = self._earlier.get(key)
            order = self._mended(key, earlier) if earlier else self._sorted(key)
            self._orders[key] = order
        return self._orders[key]

    def earlier(self, changed: frozenset[int]) -> dict[Key, _Earlier]:
        """Give all orders that are known, for an index in which some tracks changed since."""
        known = {key: _Earlier(self.ids[order], changed) for key, order in self._orders.items()}
        for key, order in self._earlier.items():
            known.setdefault(key, _Earlier(order.ids, order.changed | changed))
        return {key: order for key, order in known.items() if len(order.changed) <= _FEW}

    def _columns(self, sort: str) -> list[tuple[pl.Series, bool]]:
        """Give what decides an order, the first column first, and what may be turned round."""
        frame = self.frame
        if sort in _NUMBERS:
            return [(frame[_NUMBERS[sort]], True)]
        if sort == "mood":  # the surest of each first, either way
            return [(frame["mood"], True), (-frame["confidence"].fill_null(0), False)]
        return [(frame[name], True) for name in _NAMES[sort]]

    def _sorted(self, key: Key) -> Order:
        """Places in the order of a sort; what has no value comes last either way."""
        sort, descending = key
        columns = self._columns(sort)
        if sort in _NUMBERS:
            values = columns[0][0].to_numpy()  # null comes as NaN, which is sorted last
            return np.argsort(-values if descending else values, kind="stable")
        by = pl.DataFrame([column.alias(str(i)) for i, (column, _) in enumerate(columns)])
        turned = [turns and descending for _, turns in columns]
        order = pl.arg_sort_by(by.columns, descending=turned, nulls_last=True, maintain_order=True)
        return by.select(order.cast(pl.Int64)).to_series().to_numpy()

    def _mended(self, key: Key, earlier: _Earlier) -> Order:
        """Put the few tracks that changed into an earlier order, each where it belongs."""
        sort, descending = key
        changed = np.fromiter(earlier.changed, np.int64)
        order = np.searchsorted(self.ids, earlier.ids[~np.isin(earlier.ids, changed)])
        columns = [(column, turns and descending) for column, turns in self._columns(sort)]
        places = np.searchsorted(self.ids, changed)
        for place, ident in zip(places.tolist(), changed.tolist(), strict=True):
            if place < len(self.ids) and self.ids[place] == ident:  # else it is gone
                at = bisect_left(order, True, key=partial(_before, columns, place))
                order = np.insert(order, at, place)
        return order


def _before(columns: Sequence[tuple[pl.Series, bool]], one: int, other: int) -> bool:
    """Whether a place comes before another by columns of which each may be turned round."""
    for column, is_turned in columns:
        own, its = column[int(one)], column[int(other)]
        if own != its:
            if own is None or its is None:
                return its is None
            return bool(own > its) if is_turned else bool(own < its)
    return one < other


def _conditions(query: Query, inside: Sequence[int] | None) -> list[pl.Expr]:
    found: list[pl.Expr] = []
    if query.states:
        found.append(pl.col("state").is_in(list(query.states)))
    if query.moods:
        found.append(pl.col("mood").is_in(list(query.moods)))
    bounds: list[tuple[str, float | None, Callable[[pl.Expr, float], pl.Expr]]] = [
        ("confidence", query.min_confidence, pl.Expr.ge),
        ("confidence", query.max_confidence, pl.Expr.le),
        ("tempo", query.min_tempo, pl.Expr.ge),
        ("tempo", query.max_tempo, pl.Expr.le),
    ]
    found += [compare(pl.col(name), value) for name, value, compare in bounds if value is not None]
    if query.corrected is not None:
        own = pl.col("own_mood")
        found.append(own.is_not_null() if query.corrected else own.is_null())
    for ids in (query.ids, inside):
        if ids is not None:
            found.append(pl.col("id").is_in(pl.Series(list(ids), dtype=pl.Int64).implode()))
    words = dict.fromkeys(normalise_name(query.search).split())
    if query.search.strip() and not words:
        found.append(pl.col("id") < 0)  # signs alone are in no word
    found += [pl.col("words").str.contains(part(word), literal=True) for word in words]
    return [condition.fill_null(False) for condition in found]


def part(word: str) -> str:
    """Give what a searched word is looked for as: anywhere; one or two letters at a beginning.

    Two signs of a script without spaces may be a word of their own: anywhere, then.
    """
    return f" {word}" if len(word) < 3 and word.isascii() else word


# --- Reading and keeping up ----------------------------------------------------------------

_known: dict[str, Index] = {}
_lock = threading.Lock()


def current(db: sqlite3.Connection) -> Index:
    """Give the index of a database as it is now; all threads of this process share it.

    Everything is read in one transaction.
    """
    with reading(db):
        row = db.execute("SELECT value FROM meta WHERE name = ?", [IDENTITY]).fetchone()
        identity = str(row[0])
        # Apart, each is one look at an end; together SQLite would read the whole log.
        (first, last) = db.execute(
            "SELECT (SELECT min(seq) FROM changes), (SELECT max(seq) FROM changes)"
        ).fetchone()
        seq = last or 0
        before = _known.get(identity)
        if before is not None and before.seq == seq:
            return before
        if before is None or before.seq > seq or before.seq + 1 < (first or 0):
            index = Index(identity, seq, _read(db))
        else:
            index = _refreshed(db, before, seq)
    with _lock:
        held = _known.pop(identity, None)
        _known[identity] = index if held is None or held.seq <= seq else held
        while len(_known) > _KEPT:
            _known.pop(next(iter(_known)))
    return index


def _refreshed(db: sqlite3.Connection, before: Index, seq: int) -> Index:
    changed = [
        row[0]
        for row in db.execute(
            "SELECT DISTINCT track_id FROM changes WHERE seq > ? LIMIT ?", [before.seq, _MANY]
        )
    ]
    if len(changed) == _MANY:
        return Index(before.identity, seq, _read(db))
    orders = before.earlier(frozenset(changed)) if len(changed) <= _FEW else {}
    left = before.frame.filter(~pl.col("id").is_in(pl.Series(changed, dtype=pl.Int64).implode()))
    fresh = _read(db, before.seq)
    return Index(before.identity, seq, pl.concat([left, fresh]).sort("id"), _earlier=orders)


def _read(db: sqlite3.Connection, since: int | None = None) -> pl.DataFrame:
    which = "" if since is None else ("WHERE id IN (SELECT track_id FROM changes WHERE seq > ?) ")
    rows = db.execute(
        f"SELECT {', '.join(_SCHEMA)} FROM tracks {which}ORDER BY id",  # noqa: S608
        [] if since is None else [since],
    ).fetchall()
    columns = zip(*map(tuple, rows), strict=True) if rows else [()] * len(_SCHEMA)
    return pl.DataFrame(
        [
            pl.Series(name, values, dtype=kind)
            for (name, kind), values in zip(_SCHEMA.items(), columns, strict=True)
        ]
    )
