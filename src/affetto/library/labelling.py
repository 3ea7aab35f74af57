"""Moods of tracks whose features are known: the one way of `affetto.label`, for the catalogue."""

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from importlib import resources
from typing import Any

import numpy as np
import polars as pl

from affetto.features import FEATURE_NAMES
from affetto.library.queries import LABELLED_BY, SHARE_DIGITS
from affetto.model import MoodModel
from affetto.moods import resolve_moods
from affetto.scoring.deciding import (
    CONFIDENCE_COLUMN,
    MOOD_COLUMN,
    OUTLIER_COLUMN,
    REASON_COLUMN,
    SECOND_COLUMN,
    SECOND_CONFIDENCE_COLUMN,
    Decider,
)
from affetto.scoring.tally import Tally
from affetto.tracks import ERROR_COLUMN

LABEL_COLUMNS = (
    "model_mood", "confidence", "second", "second_confidence", "outlier", "reason", "p",
)  # fmt: skip
"""Columns of the table ``tracks`` that a model fills."""


def labels_of(
    features: Sequence[Sequence[float | None]], model: MoodModel
) -> list[tuple[Any, ...]]:
    """Label tracks.

    Parameters
    ----------
    features : sequence of sequence of float or None, shape=(n_tracks, 10)
        In the order of `affetto.features.FEATURE_NAMES`.
    model : MoodModel

    Returns
    -------
    list of tuple
        A tuple a track: the values of `LABEL_COLUMNS`. Where the model cannot tell (a feature
        that it needs is unknown) the mood is None, and ``reason`` says why.
    """
    schema = dict.fromkeys(FEATURE_NAMES, pl.Float64())
    frame = pl.DataFrame(features, schema=schema, orient="row", strict=False)
    frame = frame.with_columns(pl.lit(None, pl.String).alias(ERROR_COLUMN))
    told = Decider(model).score(frame, Tally(model.moods))
    columns = [mood.column for mood in resolve_moods(model.moods)]
    shares = told.select(columns).to_numpy().astype(np.float32)
    known = told[MOOD_COLUMN].is_not_null().to_list()
    reason = told.select(pl.coalesce(ERROR_COLUMN, REASON_COLUMN)).to_series()
    return list(
        zip(
            told[MOOD_COLUMN].cast(pl.String).to_list(),
            _shares(told[CONFIDENCE_COLUMN]),
            told[SECOND_COLUMN].cast(pl.String).to_list(),
            _shares(told[SECOND_CONFIDENCE_COLUMN]),
            _shares(told[OUTLIER_COLUMN]),
            reason.to_list(),
            (row.tobytes() if fine else None for row, fine in zip(shares, known, strict=True)),
            strict=True,
        )
    )


def _shares(column: pl.Series) -> list[float | None]:
    return column.cast(pl.Float64).round(SHARE_DIGITS).to_list()


def relabel(db: sqlite3.Connection, model: MoodModel, sha256: str) -> int:
    """Label all tracks that were heard anew, from their stored features; part of a transaction.

    Returns
    -------
    int
        How many there were.
    """
    rows = db.execute(
        f"SELECT id, {', '.join(FEATURE_NAMES)} FROM tracks WHERE heard_at IS NOT NULL"  # noqa: S608
    ).fetchall()
    changes = (
        (*label, label[0], row[0]) for label, row in zip(_labels(rows, model), rows, strict=True)
    )
    names = ", ".join(f"{name} = ?" for name in LABEL_COLUMNS)
    db.executemany(
        f"UPDATE tracks SET {names}, mood = ifnull(own_mood, ?) WHERE id = ?",  # noqa: S608
        changes,
    )
    about = json.dumps({"sha256": sha256, "moods": list(model.moods), "name": model.name})
    db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", [LABELLED_BY, about])
    return len(rows)


def _labels(rows: Sequence[Any], model: MoodModel) -> Iterator[tuple[Any, ...]]:
    if rows:
        yield from labels_of([tuple(row)[1:] for row in rows], model)


def labelled_by(db: sqlite3.Connection) -> str | None:
    """Give the sha256 of the model that gave the labels; None where there are none yet."""
    row = db.execute("SELECT value FROM meta WHERE name = ?", [LABELLED_BY]).fetchone()
    return json.loads(row[0])["sha256"] if row else None


def default_sha256() -> str:
    """Tell the model that comes with this affetto from those of others."""
    packaged = resources.files("affetto") / "models" / "default.affetto"
    return hashlib.sha256(packaged.read_bytes()).hexdigest()
