"""Which rows of a track table cannot be used, and why: one expression, vectorised."""

from collections.abc import Iterable

import polars as pl

from affetto.features import BY_NAME
from affetto.tracks import ERROR_COLUMN


def row_problem(features: Iterable[str]) -> pl.Expr:
    """Say what is wrong with each row, or null.

    Parameters
    ----------
    features : iterable of str
        Columns that must hold a finite value within the accepted range of the feature.

    Returns
    -------
    polars.Expr
        String: what the column `error` says already (text in place of a number), else
        ``"tempo missing"``, ``"energy 7.3: expected 0–1"``, … for the first bad feature.
    """
    problems = [pl.col(ERROR_COLUMN)]
    for name in features:
        feature, value = BY_NAME[name], pl.col(name)
        low, high = feature.accepted
        problems += [
            pl.when(value.is_null() | value.is_nan()).then(pl.lit(f"{name} missing")),
            pl.when(~value.is_between(low, high)).then(
                pl.format("{} {}: expected {}", pl.lit(name), value, pl.lit(feature.range_text))
            ),
        ]
    return pl.coalesce(problems)
