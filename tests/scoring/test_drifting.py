"""Checking tables for drift: what is read, what is left out, what is refused."""

import numpy as np
import polars as pl
import pytest

from affetto.demo import demo_table
from affetto.errors import FeatureMismatchError, ModelError, TableError
from affetto.features import FEATURE_NAMES
from affetto.model import MoodModel
from affetto.population import Population
from affetto.scorers import Linear, Pipeline
from affetto.scoring import drifting
from affetto.scoring.drifting import check_drift
from affetto.scoring.label import open_sources

FEATURES = ("energy", "valence", "tempo")


@pytest.fixture(scope="module")
def model() -> MoodModel:
    table = demo_table()
    population = Population.of(
        table.select(FEATURES).to_numpy(), np.arange(len(table)) % 2,
        features=FEATURES, moods=("Dark", "Happy"),
    )  # fmt: skip
    pipeline = Pipeline((), Linear(np.zeros((2, 3)), np.zeros(2)))
    about = {"population": population.as_dict()}
    return MoodModel(("Dark", "Happy"), FEATURES, (pipeline,), about=about)


def test_the_training_table_is_close(model: MoodModel) -> None:
    checked = check_drift(open_sources(demo_table()), model)
    assert (checked.rows, checked.unusable, checked.heard) == (500, 0, False)
    assert checked.drift.verdict == "close"
    assert checked.drift.tracks == 500
    assert {one.feature for one in checked.drift.features} == set(FEATURES)


def test_labels_and_other_columns_are_not_needed(model: MoodModel) -> None:
    bare = demo_table().select(*reversed(FEATURES))
    checked = check_drift(open_sources([bare, demo_table()]), model)
    assert checked.rows == 1000
    assert checked.drift.verdict == "close"


def test_a_table_that_moved(model: MoodModel) -> None:
    moved = demo_table().with_columns(pl.col("energy", "valence") * 0.5)
    drift = check_drift(open_sources(moved), model).drift
    assert drift.verdict == "far"
    assert {one.feature: one.verdict for one in drift.features} == {
        "energy": "far", "valence": "far", "tempo": "close"
    }  # fmt: skip


def test_rows_that_cannot_be_used_are_counted_and_left_out(model: MoodModel) -> None:
    rows = pl.int_range(pl.len())
    table = demo_table().with_columns(
        energy=pl.when(rows < 30).then(None).otherwise("energy"),
        tempo=pl.when(rows.is_between(30, 49)).then(9999.0).otherwise("tempo"),
        liveness=pl.lit(None, pl.Float64),
    )
    checked = check_drift(open_sources(table), model)
    assert (checked.rows, checked.unusable, checked.drift.tracks) == (500, 50, 450)
    assert checked.as_dict()["unusable"] == 50


def test_no_usable_row_at_all(model: MoodModel) -> None:
    table = demo_table().with_columns(energy=pl.lit(None, pl.Float64))
    with pytest.raises(TableError, match=r"none of the 500 rows can be used: each lacks energy, "):
        check_drift(open_sources(table), model)


def test_a_table_without_a_feature(model: MoodModel) -> None:
    with pytest.raises(FeatureMismatchError, match="has no column for valence; the model 'model'"):
        check_drift(open_sources(demo_table().drop("valence")), model)


def test_a_model_that_remembers_nothing(model: MoodModel) -> None:
    with pytest.raises(ModelError, match="keeps nothing of the tracks it learned from"):
        check_drift(open_sources(demo_table()), model.with_about({}))


def test_of_very_many_tracks_a_sample_is_drawn(
    model: MoodModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every row is as likely to be drawn, wherever it stands; the same seed, the same sample."""
    monkeypatch.setattr(drifting, "MOST_TRACKS", 200)
    table = demo_table()[np.arange(5000) % 500].with_columns(
        tempo=pl.when(pl.int_range(5000) < 2500).then(100.0).otherwise(150.0)
    )
    checked = check_drift(open_sources(table), model)
    assert (checked.rows, checked.drift.tracks) == (5000, 200)
    sample = drifting._Sample(1, 1)
    for part in np.split(np.arange(5000.0)[:, None], 10):
        sample.add(part)
    assert sample.rows.shape == (200, 1)
    assert sample.rows.mean() == pytest.approx(2500, abs=300)  # three standard errors
    assert len(np.unique(sample.rows)) == 200
    assert check_drift(open_sources(table), model).as_dict() == checked.as_dict()


def test_features_of_all_kinds_of_tables(model: MoodModel, tmp_path) -> None:
    demo_table().select(FEATURE_NAMES).write_parquet(tmp_path / "t.parquet")
    assert check_drift(open_sources(tmp_path / "t.parquet"), model).drift.verdict == "close"
