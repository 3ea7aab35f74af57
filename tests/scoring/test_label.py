"""Labelling tables: right moods, every row answered, memory and files safe."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from affetto.demo import demo_songs, demo_table
from affetto.errors import (
    AffettoError,
    FeatureMismatchError,
    ModelError,
    OutputError,
    TableError,
    UsageError,
)
from affetto.features import FEATURE_NAMES
from affetto.learning.classifier import MoodClassifier
from affetto.model import MoodModel
from affetto.moods import MOOD_NAMES
from affetto.scoring.deciding import Decider
from affetto.scoring.label import label, label_head, label_to_file
from affetto.scoring.tally import Tally

P_COLUMNS = ["p_aggressive", "p_dark", "p_energetic", "p_happy", "p_relaxing"]


@pytest.fixture(scope="module")
def model() -> MoodModel:
    table = demo_table()
    classifier = MoodClassifier("logistic").fit(
        table.select(FEATURE_NAMES).to_numpy(), table["mood"]
    )
    return classifier.to_model("demo")


@pytest.fixture
def songs() -> pl.DataFrame:
    return demo_songs()


def test_columns_and_values(model: MoodModel, songs: pl.DataFrame) -> None:
    labelled = label(songs, model)
    assert labelled.columns == [
        "row", "title", "artist", *FEATURE_NAMES, "mood", "confidence", "second",
        "second_confidence", "reason", *P_COLUMNS, "outlier", "error",
    ]  # fmt: skip
    expected = model.predict_proba(songs.select(FEATURE_NAMES).to_numpy())
    found = labelled.select(P_COLUMNS).to_numpy()
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert labelled["mood"].to_list() == model.predict(songs.select(model.features)).tolist()
    np.testing.assert_allclose(labelled["confidence"], expected.max(axis=1), atol=1e-6)
    assert labelled["error"].null_count() == len(songs)
    assert labelled["title"].to_list() == songs["title"].to_list()


def test_bad_rows_carry_their_error_and_the_others_are_labelled(
    model: MoodModel, songs: pl.DataFrame
) -> None:
    rows = songs.head(5).cast(dict.fromkeys(FEATURE_NAMES, pl.String))
    energy = ["0.5", "abc", "7.5", "", "inf"]
    labelled = label(rows.with_columns(energy=pl.Series(energy)), model)
    assert labelled["error"].to_list() == [
        None, "energy: 'abc' is not a number", "energy 7.5: expected 0–1", "energy missing",
        "energy inf: expected 0–1",
    ]  # fmt: skip
    assert labelled["mood"].is_null().to_list() == [False, True, True, True, True]
    for column in ("confidence", "second", "second_confidence", *P_COLUMNS):
        assert labelled[column].is_null().to_list() == [False, True, True, True, True]
    alone = label(rows.with_columns(energy=pl.lit("0.5")).head(1), model)
    assert labelled.row(0) == alone.row(0)


def test_the_right_rows_keep_their_moods_when_bad_ones_stand_between(
    model: MoodModel, songs: pl.DataFrame
) -> None:
    many = pl.concat([songs] * 30)
    draw = np.random.default_rng(0)
    bad = draw.random(len(many)) < 0.4
    valence = np.where(bad, np.nan, many["valence"].to_numpy())
    labelled = label(many.with_columns(valence=pl.Series(valence)), model)
    clean = label(many, model)
    assert labelled["mood"].is_null().to_numpy().tolist() == bad.tolist()
    good = ~bad
    assert labelled.filter(good)["mood"].to_list() == clean.filter(good)["mood"].to_list()
    np.testing.assert_array_equal(
        labelled.filter(good).select(P_COLUMNS).to_numpy(),
        clean.filter(good).select(P_COLUMNS).to_numpy(),
    )


def test_all_rows_bad(model: MoodModel, songs: pl.DataFrame) -> None:
    labelled = label(songs.with_columns(tempo=pl.lit(None, pl.Float64)), model)
    assert set(labelled["error"]) == {"tempo missing"}
    assert labelled["mood"].null_count() == len(songs)


def test_every_row_has_its_number(model: MoodModel, songs: pl.DataFrame) -> None:
    for table in (songs, songs.select(FEATURE_NAMES)):
        assert label(table, model)["row"].to_list() == list(range(1, len(songs) + 1))


def test_further_columns_are_kept_on_request(model: MoodModel) -> None:
    table = demo_table().head(3)
    assert "playlist" not in label(table, model).columns
    assert label(table, model, keep=["playlist"])["playlist"].to_list() == (
        table["playlist"].to_list()
    )
    with pytest.raises(UsageError, match="has no column 'nope' to keep; columns: "):
        label(table, model, keep=["nope"])
    both = label(table, model, keep=["mood", "mood", "energy"])
    assert both["mood_given"].to_list() == table["mood"].to_list()
    assert both["mood"].to_list() == label(table, model)["mood"].to_list()


def test_several_tables_come_one_after_the_other(
    model: MoodModel, songs: pl.DataFrame, tmp_path: Path
) -> None:
    songs.head(2).write_csv(tmp_path / "a.csv")
    songs.tail(2).with_columns(album=pl.lit("B")).write_ndjson(tmp_path / "b.jsonl")
    labelled = label([tmp_path / "a.csv", tmp_path / "b.jsonl"], model)
    assert labelled["title"].to_list() == [*songs["title"].head(2), *songs["title"].tail(2)]
    assert labelled["album"].to_list() == [None, None, "B", "B"]


def test_a_missing_feature_says_what_to_do(model: MoodModel, songs: pl.DataFrame) -> None:
    with pytest.raises(FeatureMismatchError, match="no column for liveness, duration_ms") as caught:
        label(songs.drop("liveness", "duration_ms"), model)
    assert "--features energy,tempo" in str(caught.value)


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".ndjson", ".parquet"])
def test_files_hold_what_label_gives(
    model: MoodModel, songs: pl.DataFrame, tmp_path: Path, suffix: str
) -> None:
    source, out = tmp_path / "in.csv", tmp_path / f"out{suffix}"
    songs.write_csv(source)
    tally = label_to_file(source, out, model)
    read = {
        ".csv": pl.read_csv,
        ".tsv": lambda path: pl.read_csv(path, separator="\t"),
        ".parquet": pl.read_parquet,
    }.get(suffix, pl.read_ndjson)(out)
    direct = label(source, model)
    assert read["mood"].cast(pl.String).to_list() == direct["mood"].cast(pl.String).to_list()
    np.testing.assert_allclose(read["confidence"], direct["confidence"], atol=1e-6)
    assert (tally.rows, tally.failed) == (len(songs), 0)
    assert sum(tally.per_mood.values()) == len(songs)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", f"out{suffix}"]


def test_many_batches_keep_their_order_and_are_all_counted(
    model: MoodModel, tmp_path: Path
) -> None:
    table = demo_table(tracks_per_playlist=20)
    many = table.select(FEATURE_NAMES)[np.arange(300_000) % len(table)].with_columns(
        id=pl.int_range(300_000).cast(pl.String)
    )
    many.write_parquet(tmp_path / "many.parquet", row_group_size=50_000)
    told: list[int] = []
    tally = label_to_file(
        tmp_path / "many.parquet", tmp_path / "out.parquet", model, on_rows=told.append
    )
    assert tally.rows == 300_000
    assert max(told) == 300_000
    assert len(told) > 1
    written = pl.read_parquet(tmp_path / "out.parquet", columns=["id", "p_dark"])
    assert written["id"].to_list() == many["id"].to_list()
    once = model.predict_proba(table.select(FEATURE_NAMES).to_numpy())[:, 1]
    np.testing.assert_allclose(
        written["p_dark"].to_numpy(), once[np.arange(300_000) % len(table)], atol=1e-6
    )


def test_the_head_is_given_and_the_rest_counted(model: MoodModel, songs: pl.DataFrame) -> None:
    tally = Tally(model.moods)
    head = label_head(songs, Decider(model), tally=tally, rows=3)
    assert head["title"].to_list() == songs["title"].head(3).to_list()
    assert tally.rows == len(songs)
    assert label_head(songs, Decider(model), tally=Tally(model.moods)).height == len(songs)


def test_an_empty_table_is_refused(model: MoodModel, songs: pl.DataFrame, tmp_path: Path) -> None:
    songs.head(0).write_csv(tmp_path / "none.csv")
    with pytest.raises(TableError):
        label(tmp_path / "none.csv", model)


def test_errors_of_input_and_output(model: MoodModel, songs: pl.DataFrame, tmp_path: Path) -> None:
    source = tmp_path / "songs.csv"
    songs.write_csv(source)
    with pytest.raises(UsageError, match=r"cannot write moods\.xls: expected a name that ends in"):
        label_to_file(source, tmp_path / "moods.xls", model)
    with pytest.raises(OutputError, match="does not exist"):
        label_to_file(source, tmp_path / "nowhere" / "a.csv", model)
    with pytest.raises(UsageError, match="nothing to label"):
        label([], model)
    with pytest.raises(TableError):
        label(tmp_path / "absent.csv", model)
    with pytest.raises(ModelError):
        label(source, tmp_path / "absent.affetto")


def test_a_fault_half_way_leaves_no_output(
    model: MoodModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = demo_table().select("id", *FEATURE_NAMES)[np.arange(200_000) % 500]
    rows.write_parquet(tmp_path / "many.parquet", row_group_size=20_000)
    (tmp_path / "out.csv").write_text("earlier result")
    score, calls = MoodModel.predict_proba, []

    def fails_later(self: MoodModel, X: np.ndarray) -> np.ndarray:
        calls.append(len(X))
        if len(calls) > 2:
            raise KeyboardInterrupt
        return score(self, X)

    monkeypatch.setattr(MoodModel, "predict_proba", fails_later)
    with pytest.raises((KeyboardInterrupt, AffettoError)):
        label_to_file(tmp_path / "many.parquet", tmp_path / "out.csv", model)
    assert (tmp_path / "out.csv").read_text() == "earlier result"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["many.parquet", "out.csv"]


def test_a_row_of_another_length_carries_an_error(model: MoodModel, tmp_path: Path) -> None:
    lines = demo_table().select("id", *FEATURE_NAMES).write_csv().splitlines()
    lines[40] = ",".join("1" * 40)
    (tmp_path / "ragged.csv").write_text("\n".join(lines))
    labelled = label(tmp_path / "ragged.csv", model)
    assert labelled["error"].is_not_null().arg_true().to_list() == [39]
    assert "line 41: 40 cells where the header has 11" in labelled["error"][39]


def test_the_default_model_knows_the_five(songs: pl.DataFrame) -> None:
    labelled = label(songs)
    assert set(labelled["mood"]) <= set(MOOD_NAMES)
    assert {f"p_{mood.lower()}" for mood in MOOD_NAMES} <= set(labelled.columns)


def test_labelling_never_imports_scikit_learn(songs: pl.DataFrame, tmp_path: Path) -> None:
    songs.write_csv(tmp_path / "songs.csv")
    code = (
        "import sys, affetto; affetto.label(sys.argv[1]); "
        "print([m for m in sys.modules if m.split('.')[0] in ('sklearn', 'scipy', 'joblib')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "songs.csv")],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.strip() == "[]"


@pytest.mark.data
def test_the_real_tables_are_labelled(data_dir: Path) -> None:
    labelled = label([data_dir / "article" / "tracks.csv",
                      data_dir / "playlists" / "calm_energetic_happy_sad.csv"])  # fmt: skip
    assert len(labelled) == 483 + 686
    assert labelled["error"].null_count() == len(labelled)
    # Any model of moods must hear that the calm playlist relaxes.
    calm = pl.read_csv(data_dir / "playlists" / "calm_energetic_happy_sad.csv").with_columns(
        said=labelled["mood"].tail(686).cast(pl.String)
    )
    assert (calm.filter(pl.col("mood") == "Calm")["said"] == "Relaxing").mean() > 0.9
