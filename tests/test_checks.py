"""Which rows cannot be used, and what is said of them."""

import math

import polars as pl
import pytest

from affetto.checks import row_problem
from affetto.features import FEATURE_NAMES

GOOD = {
    "energy": 0.5, "liveness": 0.1, "tempo": 120.0, "speechiness": 0.05, "acousticness": 0.2,
    "instrumentalness": 0.0, "danceability": 0.6, "duration_ms": 200_000.0, "loudness": -7.0,
    "valence": 0.0,
}  # fmt: skip


def problem(**changed: float | None) -> str | None:
    frame = pl.DataFrame({**GOOD, **changed, "error": None}, schema_overrides={"error": pl.String})
    found: str | None = frame.select(row_problem(FEATURE_NAMES)).item()
    return found


def test_a_good_row_has_no_problem() -> None:
    assert problem() is None


@pytest.mark.parametrize("name", FEATURE_NAMES)
@pytest.mark.parametrize("value", [None, math.nan])
def test_a_missing_value_is_named(name: str, value: float | None) -> None:
    assert problem(**{name: value}) == f"{name} missing"


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("energy", 7.3, "energy 7.3: expected 0–1"),
        ("valence", -0.1, "valence -0.1: expected 0–1"),
        ("tempo", math.inf, "tempo inf: expected 0–250 BPM"),
        ("loudness", -math.inf, "loudness -inf: expected -60 to 3 dB"),
        ("duration_ms", 0.0, "duration_ms 0.0: expected above 0 ms"),
    ],
)
def test_an_impossible_value_is_told_with_what_was_expected(
    name: str, value: float, text: str
) -> None:
    assert problem(**{name: value}) == text


@pytest.mark.parametrize(
    ("name", "value"), [("loudness", 1.5), ("tempo", 0.0), ("valence", 0.0), ("tempo", 251.0)]
)
def test_values_that_real_tables_hold_are_accepted(name: str, value: float) -> None:
    assert problem(**{name: value}) is None


def test_what_the_table_said_comes_first() -> None:
    frame = pl.DataFrame({**GOOD, "energy": None, "error": "energy: 'abc' is not a number"},
                         schema_overrides={"energy": pl.Float64})  # fmt: skip
    assert frame.select(row_problem(FEATURE_NAMES)).item() == "energy: 'abc' is not a number"


def test_only_the_features_asked_for_count() -> None:
    frame = pl.DataFrame({**GOOD, "tempo": None, "error": None},
                         schema_overrides={"tempo": pl.Float64, "error": pl.String})  # fmt: skip
    assert frame.select(row_problem(["energy", "valence"])).item() is None
