"""The commands on model files: compare and check, what they print, and their exit codes."""

import json
from pathlib import Path

import polars as pl
import pytest

from affetto.demo import demo_table
from affetto.features import FEATURE_NAMES
from affetto.learning.candidates import BY_NAME
from affetto.learning.dataset import gather
from affetto.learning.fitting import fit_model
from affetto.learning.labels import resolve_tables
from affetto.population import Population
from command_line import affetto


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A labelled table, and models of all ten features and of liveness alone."""
    folder = tmp_path_factory.mktemp("models")
    table = demo_table(tracks_per_playlist=20)
    table.write_csv(folder / "tracks.csv")
    learned = {"all": FEATURE_NAMES, "one": ("liveness",)}
    for name, features in learned.items():
        tracks, _ = gather(resolve_tables(folder / "tracks.csv"), features=features)
        settings = {"logistic": {"C": 1.0}}
        model = fit_model(BY_NAME["logistic"], settings, tracks)
        population = Population.of(tracks.X, tracks.y, features=features, moods=tracks.moods)
        about = {
            "candidate": "logistic", "settings": settings, "tables": ["tracks.csv"],
            "fingerprint": tracks.fingerprint(), "population": population.as_dict(),
        }  # fmt: skip
        model.with_about(about).save(folder / f"{name}.affetto")
    return folder


@pytest.fixture(autouse=True)
def _there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


def test_compare_prints_a_verdict() -> None:
    out, _ = affetto("model", "compare", "one.affetto", "all.affetto", "--on", "tracks.csv")
    text = " ".join(out.split())
    assert "200 of 200 rows judged" in text
    assert "all.affetto is right more often:" in text
    assert "one.affetto was trained on exactly these tracks" in text
    assert "A model file holds no tracks" in text


def test_compare_with_groups_and_the_default_model_as_json() -> None:
    out, _ = affetto(
        "model", "compare", "default", "all.affetto", "--on", "tracks.csv", "--group", "playlist",
        "--json",
    )  # fmt: skip
    result = json.loads(out)
    assert [one["name"] for one in result["models"]] == ["default", "all.affetto"]
    assert result["groups"] == 10
    assert result["pairs"][0]["test"] == "sign flips of whole groups"


def test_compare_trains_recipes_anew() -> None:
    out, err = affetto(
        "model", "compare", "one.affetto", "all.affetto", "--on", "tracks.csv", "--retrain",
        "--jobs", "1",
    )  # fmt: skip
    assert "the recipe of all.affetto is right more often" in " ".join(out.split())
    assert "comparing: retraining" in err


def test_compare_on_one_mood_a_file_with_labels_mapped(tmp_path: Path) -> None:
    table = pl.read_csv("tracks.csv")
    for mood in ("Happy", "Dark"):
        part = table.filter(pl.col("mood") == mood).drop("mood")
        part.write_csv(tmp_path / f"{mood}.csv")
    out, _ = affetto(
        "model", "compare", "one.affetto", "all.affetto", "--on", f"Happy={tmp_path}/Happy.csv",
        "--on", f"Dark={tmp_path}/Dark.csv", "--json",
    )  # fmt: skip
    assert json.loads(out)["per_mood"] == {"Dark": 40, "Happy": 40}
    table.with_columns(mood=pl.col("mood").replace("Dark", "gloom")).write_csv(tmp_path / "t.csv")
    out, _ = affetto(
        "model", "compare", "one.affetto", "all.affetto", "--on", tmp_path / "t.csv",
        "--map", "gloom=Dark", "--drop", "happy", "--json",
    )  # fmt: skip
    assert json.loads(out)["rows_used"] == 160


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["compare", "all.affetto", "--on", "tracks.csv"], 2, "1 models named; expected 2 to 6"),
        (["compare", "all.affetto", "all.affetto", "--on", "tracks.csv"], 2, "named twice"),
        (["compare", "all.affetto", "one.affetto"], 2, "Missing option '--on'"),
        (["compare", "all.affetto", "none.affetto", "--on", "tracks.csv"], 1, "none.affetto"),
        (["compare", "all.affetto", "one.affetto", "--on", "none.csv"], 1, "none.csv"),
        (
            ["compare", "all.affetto", "one.affetto", "--on", "tracks.csv", "--label", "feel"],
            1,
            "no label column 'feel'",
        ),
        (
            ["compare", "all.affetto", "default", "--on", "tracks.csv", "--retrain"],
            2,
            "compare without --retrain",
        ),
        (["check", "none.csv"], 1, "none.csv"),
        (["check"], 2, "Missing argument"),
        (["check", "tracks.csv", "--model", "none.affetto"], 1, "none.affetto"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_errors_are_one_message_and_a_code(arguments: list[str], code: int, message: str) -> None:
    _, err = affetto("model", *arguments, code=code)
    assert message in " ".join(err.split())
    assert "Traceback" not in err


def test_check_on_the_training_table_and_on_one_that_moved(tmp_path: Path) -> None:
    out, _ = affetto("model", "check", "tracks.csv", "--model", "all.affetto")
    assert "close. These tracks are like those the model learned from" in " ".join(out.split())
    moved = pl.read_csv("tracks.csv").with_columns(pl.col("valence") * 0.5)
    moved.write_csv(tmp_path / "moved.csv")
    out, _ = affetto("model", "check", tmp_path / "moved.csv", "--model", "all.affetto")
    assert "valence is lower than in training: median" in out
    assert "drifted. Some features lie elsewhere" in " ".join(out.split())


def test_check_as_json_needs_no_labels() -> None:
    out, _ = affetto("model", "check", "tracks.csv", "--json")
    found = json.loads(out)
    assert found["rows"] == 200
    assert found["verdict"] in {"close", "drifted", "far"}
    assert {"feature", "psi", "median", "trained_median", "verdict"} <= set(found["features"][0])
