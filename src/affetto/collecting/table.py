"""The labelled table: a row for each track of each playlist, and where each value is from."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl

from affetto.collecting.gathering import Gathered
from affetto.features import BY_NAME, FEATURE_NAMES
from affetto.sources.exports import ORIGIN_PREFIX
from affetto.sources.playlists import printable

SOURCE_COLUMN: Final = "source"
"""Which source listed the playlist: ``files`` or a service."""

_DIGITS = {name: 4 if BY_NAME[name].is_share else 2 for name in FEATURE_NAMES}


def origin_column(feature: str) -> str:
    """Name the column that says where a feature's values are from."""
    return f"{ORIGIN_PREFIX}{feature}"


def table_of(gathered: Gathered, order: Sequence[str]) -> pl.DataFrame:
    """Put what was gathered into a table.

    Parameters
    ----------
    gathered : Gathered
    order : sequence of str
        Origins in the order in which they count.

    Returns
    -------
    polars.DataFrame
        ``id, isrc, title, artist, album, path, playlist, mood, source``, the ten features, and
        ``from_<feature>`` for each of them, a category; in the order of the playlists.
    """
    track, group = gathered.rows()
    identity: dict[str, list[str | None]] = {
        "id": [_valid(listed.track.id or listed.handle) for listed in gathered.tracks],
        **{
            name: [_valid(getattr(listed.track, name)) for listed in gathered.tracks]
            for name in ("isrc", "title", "artist", "album")
        },
        "path": [_valid(listed.path) for listed in gathered.tracks],
    }
    groups: dict[str, list[str | None]] = {
        "playlist": [each.name for each in gathered.groups],
        "mood": [each.mood for each in gathered.groups],
        SOURCE_COLUMN: [each.source for each in gathered.groups],
    }
    values, origins = gathered.chosen(order)
    known = pl.Series([*order, None], dtype=pl.String)  # −1 is the last
    columns: dict[str, pl.Series] = {}
    for name, cells in identity.items():
        columns[name] = pl.Series(cells, dtype=pl.String)[track]
    for name, cells in groups.items():
        columns[name] = pl.Series(cells, dtype=pl.String)[group]
    for place, name in enumerate(FEATURE_NAMES):
        cells = np.round(values[track, place], _DIGITS[name])
        columns[name] = pl.Series(cells, nan_to_null=True, dtype=pl.Float64)
    for place, name in enumerate(FEATURE_NAMES):
        codes = origins[track, place].astype(np.int64)
        codes[codes < 0] = len(order)
        columns[origin_column(name)] = known[codes]
    return pl.DataFrame(columns)


def _valid(text: str | None) -> str | None:
    """Write what no table can hold, such as half of a character that JSON let through."""
    return None if text is None else printable(text)
