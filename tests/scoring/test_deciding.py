"""What is said of tracks: the first two moods, none where unsure, rules, what is unusual."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from affetto.demo import demo_songs, demo_table
from affetto.errors import FeatureMismatchError, ModelError, UsageError
from affetto.features import FEATURE_NAMES
from affetto.learning.classifier import MoodClassifier
from affetto.model import MoodModel
from affetto.population import Population
from affetto.rules import Condition, Rule, Rules
from affetto.scoring.deciding import (
    UNLIKE_TRAINING,
    UNSURE,
    Decider,
    open_rules,
    two_most_probable,
)
from affetto.scoring.label import label, label_to_file
from affetto.scoring.tally import Tally


@pytest.fixture(scope="module")
def model() -> MoodModel:
    table = demo_table()
    X, labels = table.select(FEATURE_NAMES).to_numpy(), table["mood"].to_numpy()
    y = np.unique(labels, return_inverse=True)[1]
    made = MoodClassifier("logistic").fit(X, labels).to_model("demo")
    population = Population.of(X, y, features=FEATURE_NAMES, moods=made.moods)
    return made.with_about({"population": population.as_dict()})


@pytest.fixture
def songs() -> pl.DataFrame:
    return demo_songs()


def rules(text: str, model: MoodModel) -> Rules:
    return Rules.parse(text, moods=model.moods)


@pytest.mark.parametrize("n_moods", [2, 3, 5, 50])
def test_the_two_most_probable_are_those_of_a_sort(n_moods: int) -> None:
    draw = np.random.default_rng(n_moods)
    # Tenths: many are equal, and the first of equals comes first.
    shares = np.round(draw.random((n_moods, 500)), 1)
    first, largest, second, smaller = two_most_probable(shares)
    order = np.argsort(-shares, axis=0, kind="stable")
    np.testing.assert_array_equal(first, order[0])
    np.testing.assert_array_equal(second, order[1])
    np.testing.assert_array_equal(largest, np.take_along_axis(shares, order[:1], 0)[0])
    np.testing.assert_array_equal(smaller, np.take_along_axis(shares, order[1:2], 0)[0])


def test_both_first_moods_have_their_probabilities(model: MoodModel, songs: pl.DataFrame) -> None:
    labelled = label(songs, model)
    p = model.predict_proba(songs.select(FEATURE_NAMES).to_numpy())
    order = np.argsort(-p, axis=1, kind="stable")
    assert labelled["second"].to_list() == [model.moods[i] for i in order[:, 1]]
    np.testing.assert_allclose(labelled["second_confidence"], np.sort(p, axis=1)[:, -2], atol=1e-6)
    assert labelled["reason"].null_count() == len(songs)


def test_below_the_least_confidence_no_mood_is_said(model: MoodModel, songs: pl.DataFrame) -> None:
    plain = label(songs, model)
    least = float(plain["confidence"].median())
    unsure = label(songs, model, min_confidence=least)
    expected = (plain["confidence"] < least).to_list()
    assert 0 < sum(expected) < len(songs)
    assert unsure["mood"].is_null().to_list() == expected
    assert unsure["reason"].to_list() == [UNSURE if e else None for e in expected]
    others = [name for name in plain.columns if name not in {"mood", "reason"}]
    assert unsure.select(others).equals(plain.select(others))
    assert label(songs, model, min_confidence=0.0).equals(plain)
    assert label(songs, model, min_confidence=1.0)["mood"].null_count() == len(songs)


@pytest.mark.parametrize(
    ("least", "hint"),
    [(1.5, "expected 0 to 1; in percent. Then give 0.015"), (60, "Then give 0.6"),
     (-0.1, "expected 0 to 1$"), (float("nan"), "a least confidence of nan")],
)  # fmt: skip
def test_a_least_confidence_out_of_range_is_refused(
    model: MoodModel, songs: pl.DataFrame, least: float, hint: str
) -> None:
    with pytest.raises(UsageError, match=hint):
        label(songs, model, min_confidence=least)


def test_what_is_unlike_training_is_said_so_and_keeps_its_mood(
    model: MoodModel, songs: pl.DataFrame
) -> None:
    odd = songs.head(3).with_columns(
        loudness=pl.Series([-8.0, -60.0, -8.0]), energy=pl.Series([0.6, 1.0, 0.6])
    )
    labelled = label(odd, model)
    assert labelled["outlier"][1] > 0.999 > max(labelled["outlier"][0], labelled["outlier"][2])
    assert labelled["reason"].to_list() == [None, UNLIKE_TRAINING, None]
    assert labelled["mood"].null_count() == 0
    both = label(odd, model, min_confidence=1.0)  # why there is no mood goes first
    assert both["reason"].to_list() == [UNSURE] * 3


def test_a_model_that_does_not_know_its_tracks_has_no_outliers(
    model: MoodModel, songs: pl.DataFrame
) -> None:
    labelled = label(songs, model.with_about({}))
    assert labelled["outlier"].null_count() == len(songs)
    assert labelled.schema["outlier"] == pl.Float32
    assert labelled["mood"].to_list() == label(songs, model)["mood"].to_list()


def test_rules_of_ones_own_decide_where_they_hold(model: MoodModel, songs: pl.DataFrame) -> None:
    plain = label(songs, model)
    least = float(songs["energy"].median())
    ruled = label(songs, model, rules=rules(f"energy < {least} -> Dark", model))
    holds = (songs["energy"] < least).to_list()
    for before, after, does in zip(
        plain.to_dicts(), ruled.to_dicts(), holds, strict=True
    ):  # fmt: skip
        if not does:
            assert after == before
            continue
        assert (after["mood"], after["confidence"]) == ("Dark", None)
        assert after["reason"] == f"rule: energy < {least:g}"
        if before["mood"] == "Dark":  # the second stays the second
            assert after["second"] == before["second"]
        else:
            assert (after["second"], after["second_confidence"]) == (
                before["mood"], before["confidence"]
            )  # fmt: skip
        assert after["p_dark"] == before["p_dark"]


def test_own_rules_are_never_unsure_and_learned_ones_by_their_precision(
    model: MoodModel, songs: pl.DataFrame
) -> None:
    everywhere = (Condition("energy", ">=", 0.0),)
    own, measured = (Rules.checked([Rule(everywhere, "Dark", precision=p)]) for p in (None, 0.8))
    assert set(label(songs, model, rules=own, min_confidence=1.0)["mood"]) == {"Dark"}
    found = label(songs, model, rules=measured, min_confidence=0.75)
    assert set(found["mood"]) == {"Dark"}
    np.testing.assert_allclose(found["confidence"], 0.8)
    found = label(songs, model, rules=measured, min_confidence=0.85)
    assert found["mood"].null_count() == len(songs)
    assert set(found["reason"]) == {UNSURE}


def test_a_bad_row_is_decided_by_no_rule(model: MoodModel, songs: pl.DataFrame) -> None:
    table = songs.head(2).with_columns(tempo=pl.Series([None, 120.0]))
    found = label(table, model, rules=rules("energy >= 0 -> Dark", model))
    assert found["mood"].to_list() == [None, "Dark"]
    assert found["reason"].to_list() == [None, "rule: energy ≥ 0"]
    assert found["error"].to_list() == ["tempo missing", None]


def test_rules_may_ask_for_what_the_model_does_not(songs: pl.DataFrame) -> None:
    table, two = demo_table(), ["energy", "valence"]
    small = MoodClassifier("logistic", features=two)
    small.fit(table.select(two).to_numpy(), table["mood"].to_numpy())
    model = small.to_model("small")
    quiet = rules("tempo < 100 -> Dark", model)
    odd = songs.with_columns(
        tempo=pl.when(pl.int_range(pl.len()) == 0).then(None).otherwise(pl.col("tempo"))
    )
    found = label(odd, model, rules=quiet)
    slow = (odd["tempo"] < 100).fill_null(value=False)  # a missing tempo is not below 100
    assert (found["reason"] == "rule: tempo < 100 BPM").fill_null(value=False).equals(slow)
    assert found["error"].null_count() == len(songs)
    with pytest.raises(FeatureMismatchError, match="no column for tempo, which a rule asks for"):
        label(songs.drop("tempo"), model, rules=quiet)


def test_files_of_rules_and_words(model: MoodModel, songs: pl.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("energy >= 0 -> dark\n")
    assert set(label(songs, model, rules=path)["mood"]) == {"Dark"}
    assert open_rules(None, model) is None
    assert open_rules("learned", model) is None  # it has none
    taught = {"rule": "energy >= 0", "mood": "Happy", "precision": 0.9, "beats_model": True}
    found = label(songs, model.with_about({"rules": [taught]}), rules="learned")
    assert set(found["mood"]) == {"Happy"}
    np.testing.assert_allclose(found["confidence"], 0.9)
    with pytest.raises(ModelError, match="rule 1 of the model cannot be used"):
        label(songs, model.with_about({"rules": [{**taught, "rule": "energy"}]}), rules="learned")
    with pytest.raises(UsageError, match="cannot read the rules"):
        label(songs, model, rules=tmp_path / "absent.txt")
    path.write_text("energy < .3 -> Sad")
    with pytest.raises(UsageError, match="found 'Sad' as a mood"):
        label(songs, model, rules=path)
    with pytest.raises(UsageError, match=r"says 'Sad'; the model's moods are"):
        label(songs, model, rules=Rules.parse("energy < .3 -> Sad"))


def test_all_is_counted(model: MoodModel, songs: pl.DataFrame, tmp_path: Path) -> None:
    table = songs.with_columns(
        tempo=pl.when(pl.int_range(pl.len()) == 0).then(None).otherwise(pl.col("tempo")),
        loudness=pl.when(pl.int_range(pl.len()) == 1).then(-60.0).otherwise(pl.col("loudness")),
    )
    table.write_csv(tmp_path / "songs.csv")
    least = float(label(table, model)["confidence"].median())
    quiet = rules("loudness < -50 -> Dark", model)
    tally = label_to_file(tmp_path / "songs.csv", tmp_path / "out.csv", model,
                          min_confidence=least, rules=quiet)  # fmt: skip
    found = pl.read_csv(tmp_path / "out.csv")
    assert tally.rows == len(songs)
    assert tally.failed == 1
    assert tally.doubts == {
        "unsure": (found["reason"] == UNSURE).sum(), "unlike": 1, "ruled": 1
    }  # fmt: skip
    assert sum(tally.per_mood.values()) == found["mood"].is_not_null().sum()
    assert found["reason"][1] == "rule: loudness < -50 dB"


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_files_hold_what_is_said(
    model: MoodModel, songs: pl.DataFrame, tmp_path: Path, suffix: str
) -> None:
    songs.write_parquet(tmp_path / "songs.parquet")
    settings = {"min_confidence": 0.5, "rules": rules("energy < .4 -> Dark", model)}
    out = tmp_path / f"out{suffix}"
    label_to_file(tmp_path / "songs.parquet", out, model, **settings)
    readers = {".csv": pl.read_csv, ".jsonl": pl.read_ndjson, ".parquet": pl.read_parquet}
    found, direct = readers[suffix](out), label(songs, model, **settings)
    for name in ("mood", "second", "reason"):
        assert found[name].cast(pl.String).to_list() == direct[name].cast(pl.String).to_list()
    assert found["confidence"].is_null().to_list() == direct["confidence"].is_null().to_list()
    assert found.columns == direct.columns


def test_a_decision_is_the_same_in_a_batch_and_alone(model: MoodModel) -> None:
    table = demo_table().select(*FEATURE_NAMES).with_columns(error=pl.lit(None, pl.String))
    decider = Decider(model, 0.6, rules("energy < .2 -> Dark", model))
    together = decider.score(table, Tally(model.moods))
    for place in range(0, len(table), 97):
        alone = decider.score(table[place : place + 1], Tally(model.moods))
        among = together[place : place + 1]
        texts, shares = ("mood", "second", "reason"), ("confidence", "second_confidence", "outlier")
        assert alone.select(texts).rows() == among.select(texts).rows()
        assert alone.select(shares).row(0) == pytest.approx(among.select(shares).row(0), abs=1e-4)


def test_a_given_column_of_the_same_name_is_kept_beside(
    model: MoodModel, songs: pl.DataFrame
) -> None:
    given = songs.with_columns(reason=pl.lit("birthday"), second=pl.lit(2))
    found = label(given, model, keep=["reason", "second"])
    assert set(found["reason_given"]) == {"birthday"}
    assert set(found["second_given"]) == {2}
