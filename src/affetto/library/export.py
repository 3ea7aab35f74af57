"""The catalogue as a table: everything that is known of each track, for other programs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from affetto.features import FEATURE_NAMES
from affetto.library.catalogue import Catalogue
from affetto.library.entry import Entry
from affetto.library.query import Query
from affetto.moods import resolve_moods
from affetto.scoring.results import checked_output, write_frame
from affetto.sources.playlists import printable

_TEXT = ("mood", "own_mood", "model_mood", "second", "reason")
_SHARES = ("confidence", "second_confidence", "outlier")


def export(catalogue: Catalogue, path: str | Path, query: Query | None = None) -> int:
    """Write tracks as a table, whole or not at all.

    Parameters
    ----------
    catalogue : Catalogue
    path : path
        ``.csv``, ``.tsv``, ``.jsonl`` (or ``.ndjson``), ``.parquet``.
    query : Query, optional
        Which tracks, in which order. Default: all.

    Returns
    -------
    int
        How many tracks were written.

    Raises
    ------
    UsageError
        If the suffix is none of these.
    OutputError
        If it cannot be written.
    """
    out = checked_output(path)  # before the catalogue is read
    moods = [mood.name for mood in resolve_moods(catalogue.model().moods)]
    columns = {mood.name: mood.column for mood in resolve_moods(moods)}
    schema: dict[str, pl.DataType] = {
        "id": pl.Int64(),
        **dict.fromkeys(("path", "title", "artist", "album"), pl.String()),
        **dict.fromkeys(FEATURE_NAMES, pl.Float64()),
        "key": pl.String(),
        **dict.fromkeys(_TEXT[:1], pl.String()),
        **dict.fromkeys(_SHARES[:1], pl.Float64()),
        **dict.fromkeys(_TEXT[1:], pl.String()),
        **dict.fromkeys(_SHARES[1:], pl.Float64()),
        **dict.fromkeys(columns.values(), pl.Float64()),
        **dict.fromkeys(("state", "warning", "error"), pl.String()),
        **dict.fromkeys(("added_at", "heard_at"), pl.Float64()),
        "audio_hash": pl.String(),
    }
    rows = [_row(entry, columns) for entry in catalogue.every(query or Query(states=()))]
    frame = pl.DataFrame(rows, schema=schema)
    write_frame(frame, out)
    return len(rows)


def _row(entry: Entry, columns: Mapping[str, str]) -> dict[str, Any]:
    own = entry.as_dict()
    shares = {columns[mood]: share for mood, share in entry.p.items() if mood in columns}
    return {**own, **entry.features, **shares, "path": printable(entry.path)}
