"""The command line where it decides: unsure, by rule, unlike training; exit codes and words."""

import json
from pathlib import Path

import polars as pl
import pytest

from affetto.demo import demo_songs, demo_table
from affetto.features import FEATURE_NAMES
from affetto.learning.classifier import MoodClassifier
from affetto.population import Population
from command_line import affetto


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    table = demo_table()
    X, labels = table.select(FEATURE_NAMES).to_numpy(), table["mood"].to_numpy()
    made = MoodClassifier("logistic").fit(X, labels).to_model("demo")
    y = [made.moods.index(label) for label in labels]
    population = Population.of(X, y, features=FEATURE_NAMES, moods=made.moods)
    learned = {"rule": "energy < 0.4", "mood": "Dark", "precision": 0.9, "beats_model": True}
    path = tmp_path_factory.mktemp("model") / "demo.affetto"
    return made.with_about({"population": population.as_dict(), "rules": [learned]}).save(path)


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    path = tmp_path / "songs.csv"
    table = demo_songs()
    loudness = [-60.0, *table["loudness"].to_list()[1:]]
    table.with_columns(loudness=pl.Series(loudness)).write_csv(path)
    return path


def rows_of(out: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in out.splitlines()]


def test_both_moods_are_shown_and_what_is_unlike_training(model: Path, songs: Path) -> None:
    out, _ = affetto("label", songs, "--model", model)
    assert "unlike training" in out.splitlines()[1]
    assert "1 row unlike anything the model was trained on" in out
    rows = rows_of(affetto("label", songs, "--model", model, "--json")[0])
    for row, line in zip(rows, out.splitlines()[1:], strict=False):
        assert f"{row['second']} {row['second_confidence']:.0%}" in line
    assert rows[0]["reason"] == "unlike anything trained on"
    assert rows[0]["outlier"] > 0.999


def test_unsure_is_said_and_no_failure(model: Path, songs: Path, tmp_path: Path) -> None:
    plain = rows_of(affetto("label", songs, "--model", model, "--json")[0])
    least = sorted(row["confidence"] for row in plain)[4]
    arguments = ("label", songs, "--model", model, "--min-confidence", str(least + 1e-4))
    out, _ = affetto(*arguments)
    lines = [line for line in out.splitlines() if " unsure " in line and "%, " in line]
    assert len(lines) == 5
    assert f"5 rows unsure: no mood is as probable as {least:.0%}" in out
    rows = rows_of(affetto(*arguments, "--json")[0])
    assert [row["mood"] is None for row in rows] == [
        row["confidence"] < least + 1e-4 for row in plain
    ]
    affetto(*arguments, "--out", tmp_path / "out.csv")
    assert (pl.read_csv(tmp_path / "out.csv")["reason"] == "unsure").sum() == 5


def test_a_least_confidence_in_percent_is_wrong_usage(songs: Path) -> None:
    _, err = affetto("label", songs, "--min-confidence", "60", code=2)
    assert "expected 0 to 1; in percent? Then give 0.6" in " ".join(err.split())


def test_rules_of_ones_own(model: Path, songs: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("energy >= 0 -> Happy\nenergy < .5 -> dark\n")
    out, err = affetto("label", songs, "--model", model, "--rules", path)
    assert "8 rows by rule" in out
    assert out.count("by rule") == 9
    assert "line 2 lies wholly inside line 1: where both hold, it decides (Dark)" in err
    rows = rows_of(affetto("label", songs, "--model", model, "--rules", path, "--json")[0])
    energies = demo_songs()["energy"]
    assert [row["mood"] for row in rows] == ["Dark" if e < 0.5 else "Happy" for e in energies]
    assert {row["confidence"] for row in rows} == {None}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("energi < .3 -> Dark", "mine.txt, line 1: found 'energi' as a feature; did you mean"),
        ("energy < .3 -> Sad", "found 'Sad' as a mood"),
        ("energy < .3 -> Dark\nvalence < .3 -> Happy", "contradict each other"),
    ],
)
def test_rules_that_cannot_be_meant_are_wrong_usage(
    songs: Path, tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "mine.txt"
    path.write_text(text)
    out = tmp_path / "out.csv"
    _, err = affetto("label", songs, "--rules", path, "--out", out, code=2)
    assert message in " ".join(err.split())
    assert not out.exists()


def test_learned_rules_or_a_word_that_there_are_none(model: Path, songs: Path) -> None:
    out, err = affetto("label", songs, "--model", model, "--rules", "learned", "--json")
    held = [row for row in rows_of(out) if row["reason"] == "rule: energy < 0.4"]
    assert held and {(row["mood"], round(row["confidence"], 3)) for row in held} == {("Dark", 0.9)}
    assert "no rule" not in err
    _, err = affetto("label", songs, "--rules", "learned")
    assert "this model has learned no rule that beats it" in err


def test_explaining_says_what_is_to_be_doubted(model: Path, songs: Path) -> None:
    out, _ = affetto("explain", songs, "--model", model, "--row", "1", "--min-confidence", "1")
    words = " ".join(out.split())
    assert "Unsure: " in words and "less than was asked for" in words
    assert "unlike anything the model was trained on" in words
    assert "next " in words
    out, _ = affetto("explain", songs, "--model", model, "--row", "2")
    assert "Unsure" not in out and "unlike" not in out
    told = json.loads(affetto("explain", songs, "--model", model, "--row", "1", "--json")[0])
    assert told["outlier"] > 0.999
    assert told["reason"] == "unlike anything trained on"
    affetto("explain", songs, "--min-confidence", "60", code=2)
