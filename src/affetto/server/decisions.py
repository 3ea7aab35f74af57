"""What a model says of features: the one way of `affetto.label`, for rows that clients send."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from affetto.model import MoodModel
from affetto.moods import resolve_moods
from affetto.scoring.deciding import Decider
from affetto.scoring.tally import Tally
from affetto.tracks import ERROR_COLUMN

DIGITS = 4
"""Of shares: finer than any is true."""

_SHARES = ("confidence", "second_confidence", "outlier")


def decide(
    X: NDArray[np.float64],
    features: Sequence[str],
    model: MoodModel,
    min_confidence: float = 0.0,
) -> pl.DataFrame:
    """Label rows of features.

    Parameters
    ----------
    X : ndarray, shape (n_tracks, n_features)
        In the features' units; NaN where missing.
    features : sequence of str
        Names of the columns; those that the model needs must be among them.
    model : MoodModel
    min_confidence : float, default 0
        Below it the mood is left open.

    Returns
    -------
    polars.DataFrame
        ``mood``, ``confidence``, ``second``, ``second_confidence``, ``outlier``, ``reason``,
        ``error``, and the probabilities in the order of the model's moods. Shares have four
        digits; what is unknown is null.
    """
    frame = pl.DataFrame(X, schema=dict.fromkeys(features, pl.Float64())).with_columns(
        pl.lit(None, pl.String).alias(ERROR_COLUMN)
    )
    columns = [mood.column for mood in resolve_moods(model.moods)]
    shares = [pl.col(name).cast(pl.Float64).round(DIGITS) for name in (*_SHARES, *columns)]
    scored = Decider(model, min_confidence).score(frame, Tally(model.moods))
    return scored.select(
        pl.col("mood").cast(pl.String),
        pl.col("second").cast(pl.String),
        "reason",
        ERROR_COLUMN,
        *(share.fill_nan(None) for share in shares),
    )


def decided(features: dict[str, float | None], model: MoodModel) -> dict[str, Any]:
    """Label one track.

    Parameters
    ----------
    features : dict
        By name, in their units.
    model : MoodModel

    Returns
    -------
    dict
        ``mood``, ``confidence``, ``second``, ``second_confidence``, ``outlier``, ``reason``,
        ``error``; ``p`` by mood, empty where it cannot be labelled.
    """
    values = [features.get(name) for name in model.features]
    row = np.array([[np.nan if value is None else value for value in values]])
    told = decide(row, model.features, model).row(0, named=True)
    columns = [mood.column for mood in resolve_moods(model.moods)]
    p = {mood: told.pop(column) for mood, column in zip(model.moods, columns, strict=True)}
    return {**told, "p": p if None not in p.values() else {}}
