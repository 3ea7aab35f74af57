"""Picking tracks to explain: rows, names, bad ones, audio that need not be heard."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import soundfile

from affetto.demo import demo_songs, demo_table
from affetto.errors import FeatureMismatchError, TableError, UsageError
from affetto.features import FEATURE_NAMES
from affetto.learning.classifier import MoodClassifier
from affetto.model import MoodModel
from affetto.population import Population
from affetto.scoring import listen
from affetto.scoring.explaining import MOST, Answer, Pick, explain_sources, only_one
from affetto.scoring.label import label, open_sources


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


def told(source: Any, model: MoodModel, **pick: Any) -> tuple[list[Answer], int]:
    return explain_sources(open_sources(source), model, Pick(**pick))


def test_the_first_few_where_nobody_picks(model: MoodModel, songs: pl.DataFrame) -> None:
    answers, total = told(songs, model)
    assert (len(answers), total) == (MOST, len(songs))
    assert [answer.row["row"] for answer in answers] == list(range(1, MOST + 1))
    assert [answer.row["title"] for answer in answers] == songs["title"].head(MOST).to_list()
    X = songs.select(FEATURE_NAMES).head(MOST).to_numpy()
    assert [answer.explanation for answer in answers] == model.explain(X)
    assert len(told(songs, model, most=None)[0]) == len(songs)


def test_a_row_by_its_number(model: MoodModel, songs: pl.DataFrame) -> None:
    [answer], total = told(songs, model, row=3)
    assert (answer.row["title"], total) == (songs["title"][2], 1)


@pytest.mark.parametrize("spelling", [str.lower, str.upper, str.title])
def test_a_track_by_words_of_its_name(model: MoodModel, songs: pl.DataFrame, spelling: Any) -> None:
    title, artist = songs.row(4, named=True)["title"], songs.row(4, named=True)["artist"]
    answers, total = told(songs, model, text=spelling(f"{artist} {title}"))
    assert (total, answers[0].row["title"]) == (1, title)


def test_a_row_and_words_must_both_be_met(model: MoodModel, songs: pl.DataFrame) -> None:
    title = songs["title"][4]
    assert told(songs, model, row=5, text=title)[1] == 1
    with pytest.raises(UsageError, match="no track is named"):
        told(songs, model, row=4, text=title)


def test_several_tables_share_what_is_shown(model: MoodModel, songs: pl.DataFrame) -> None:
    answers, total = told([songs.head(3), songs.tail(4)], model, most=5)
    assert ([answer.row["row"] for answer in answers], total) == ([1, 2, 3, 1, 2], 7)


def test_bad_rows_carry_their_error(model: MoodModel, songs: pl.DataFrame) -> None:
    energy = pl.Series([0.5, None, 7.5, float("nan"), 0.4])
    answers, _ = told(songs.head(5).with_columns(energy=energy), model)
    assert [answer.error for answer in answers] == [
        None, "energy missing", "energy 7.5: expected 0–1", "energy missing", None
    ]  # fmt: skip
    assert [answer.explanation is None for answer in answers] == [False, True, True, True, False]
    alone, _ = told(songs.head(5).with_columns(energy=energy), model, row=5)
    assert (alone[0].row, alone[0].error) == (answers[4].row, None)


def test_all_rows_bad(model: MoodModel, songs: pl.DataFrame) -> None:
    answers, _ = told(songs.head(2).with_columns(tempo=pl.lit(None, pl.Float64)), model)
    assert {answer.error for answer in answers} == {"tempo missing"}


def test_answers_are_json(model: MoodModel, songs: pl.DataFrame) -> None:
    broken = songs.head(2).with_columns(energy=pl.Series([0.5, float("nan")]))
    good, bad = (answer.as_dict() for answer in told(broken, model)[0])
    assert json.loads(json.dumps(good, allow_nan=False))["title"] == songs["title"][0]
    assert {"row", "title", "energy", "mood", "reasons", "change", "error"} <= set(good)
    assert good["error"] is None
    assert json.loads(json.dumps(bad, allow_nan=False))["energy"] is None
    assert bad["error"] == "energy missing"


def test_doubts_are_those_that_labelling_has(model: MoodModel, songs: pl.DataFrame) -> None:
    odd = songs.with_columns(
        loudness=pl.when(pl.int_range(pl.len()) == 1).then(-60.0).otherwise(pl.col("loudness"))
    )
    expected = label(odd, model, min_confidence=0.5)
    answers, _ = explain_sources(open_sources(odd), model, Pick(most=None), min_confidence=0.5)
    assert [answer.reason for answer in answers] == expected["reason"].to_list()
    assert [a.outlier for a in answers] == pytest.approx(expected["outlier"].to_list(), abs=1e-4)
    assert answers[1].as_dict()["outlier"] == answers[1].outlier
    unknown = model.with_about({})
    assert told(odd.head(1), unknown)[0][0].outlier is None
    with pytest.raises(UsageError, match="a least confidence of 2"):
        explain_sources(open_sources(odd), model, Pick(), min_confidence=2)


def test_nothing_picked_says_so(model: MoodModel, songs: pl.DataFrame) -> None:
    with pytest.raises(UsageError, match="there is no row 999"):
        told(songs, model, row=999)
    with pytest.raises(UsageError, match="no track is named 'zzz'; its words were looked for"):
        told(songs, model, text="zzz")


@pytest.mark.parametrize(
    ("pick", "message"),
    [({"row": 0}, "row 0: rows are counted from 1"), ({"text": " "}, "is empty")],
)
def test_picks_that_cannot_be(pick: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Pick(**pick)


def test_a_table_without_a_feature_is_refused(model: MoodModel, songs: pl.DataFrame) -> None:
    with pytest.raises(FeatureMismatchError, match="no column for valence; the model 'demo' needs"):
        told(songs.drop("valence"), model)


def test_a_table_that_is_not_there(model: MoodModel) -> None:
    with pytest.raises(TableError, match=r"nothing\.csv"):
        told("nothing.csv", model)


def test_a_picture_shows_one(model: MoodModel, songs: pl.DataFrame) -> None:
    answers, total = told(songs, model, row=2)
    assert only_one(answers, total) is answers[0]
    with pytest.raises(UsageError, match=f"shows one track, and {len(songs)} were named"):
        only_one(*told(songs, model, most=1))


def test_audio_is_heard_only_where_it_is_meant(
    model: MoodModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    t = np.arange(3 * 22_050) / 22_050
    for name in ("one.wav", "two.wav", "three.wav"):
        soundfile.write(tmp_path / name, 0.2 * np.sin(440 * t) * np.sin(3 * t), 22_050)
    heard: list[str] = []
    whole = listen.listen

    def spy(entries: Any, **settings: Any) -> Any:
        heard.extend(Path(entry.path).name for entry in entries)
        return whole(entries, **settings)

    monkeypatch.setattr(listen, "listen", spy)
    answers, total = explain_sources(open_sources(tmp_path), model, Pick(text="TWO"), jobs=1)
    assert (heard, total) == (["two.wav"], 1)
    assert answers[0].row["path"].endswith("two.wav")
    answers, _ = explain_sources(open_sources(tmp_path), model, Pick(row=3), jobs=1)
    assert (heard[1:], answers[0].row["row"]) == (["two.wav"], 3)  # by name: one, three, two
    assert (answers[0].explanation is None) == (answers[0].error is not None)
