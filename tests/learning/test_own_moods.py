"""Own moods, from 2 to 50, of few tracks and odd names: trained, saved, used, reported."""

import json
import re

import numpy as np
import polars as pl
import pytest

import affetto
from affetto.errors import LabelError
from affetto.features import FEATURE_NAMES, FEATURES
from affetto.learning.workflow import TrainingRun, train
from affetto.model import load_model
from affetto.moods import resolve_moods
from affetto.reporting.report import write_report

ODD = (
    "😀", "😢", "rock/pop", "rock pop", "x" * 200, "أغاني هادئة", '<b>"bold" & more</b>',
    "C++", "C#", "naïve café", "[red]markup[/]", "{{ 7 * 7 }}", "a,b=c", "p_c",
)  # fmt: skip


def songs(names, n_tracks, seed=0):
    """Tracks of moods that lie apart; two playlists a mood."""
    draw = np.random.default_rng(seed)
    low = np.array([feature.low if np.isfinite(feature.low) else -60.0 for feature in FEATURES])
    high = np.array([min(feature.high, 600_000.0) for feature in FEATURES])
    middle = draw.uniform(0.2, 0.8, (len(names), 10))
    place = np.repeat(middle, n_tracks, 0) + draw.normal(0, 0.05, (len(names) * n_tracks, 10))
    place = place.clip(0.01, 0.99)
    frame = pl.DataFrame(dict(zip(FEATURE_NAMES, (low + place * (high - low)).T, strict=True)))
    moods = np.repeat(np.array(names, dtype=object), n_tracks).tolist()
    lists = [f"{mood} {place % 2}" for place, mood in enumerate(moods)]
    return frame.with_columns(mood=pl.Series(moods), playlist=pl.Series(lists))


def learned(frame, **options) -> TrainingRun:
    return train(frame, candidates=("logistic",), jobs=1, **options)


def few(run):
    (text,) = [
        one["text"] for one in run.evidence["data"]["findings"] if one["kind"] == "few_tracks"
    ]
    return text


@pytest.fixture(scope="module")
def fifty() -> TrainingRun:
    return learned(songs([f"mood {place}" for place in range(50)], 10))


def test_two_moods_of_ten_tracks_say_how_little_that_tells():
    run = learned(songs(("sleep", "gym"), 10))
    assert run.model.moods == ("gym", "sleep")
    # Wilson's interval around one half: of 7 tracks ±30 points, of 10 ±26.
    assert "of a mood with 10, how many are recognised is known to ±26 at best" in few(run)
    assert "may be off by ±30 points" in few(run)
    assert any("±30 points" in piece["finding"] for piece in run.evidence["advice"])


def test_fifty_moods_of_ten_tracks(fifty):
    assert len(fifty.model.moods) == 50
    assert np.shape(fifty.evidence["test"]["confusion"]) == (50, 50)
    assert few(fifty).startswith("50 of 50 moods have fewer than 50 tracks")
    assert json.dumps(fifty.evidence, allow_nan=False)
    assert fifty.evidence["test"]["accuracy"] > 0.8  # they lie far apart


def test_fifty_moods_are_saved_and_label_tracks(fifty, tmp_path):
    model = load_model(fifty.model.save(tmp_path / "fifty.affetto"))
    labelled = affetto.label(songs(model.moods[:3], 2, seed=9).drop("mood", "playlist"), model)
    shares = labelled.select(pl.col("^p_.*$"))
    assert shares.width == 50
    np.testing.assert_allclose(shares.to_numpy().sum(axis=1), 1, atol=1e-5)


def test_the_report_of_fifty_moods_has_no_card_for_each(fifty, tmp_path):
    write_report(fifty.evidence, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert len(text) < 2_000_000
    assert len(re.findall(r"have fewer than 50 tracks", text)) <= 3
    assert len(fifty.evidence["advice"]) < 20


def test_odd_names_go_all_the_way(tmp_path):
    run = learned(songs(ODD, 10))
    assert set(run.model.moods) == set(ODD)
    model = load_model(run.model.save(tmp_path / "odd.affetto"))
    columns = [mood.column for mood in resolve_moods(model.moods)]
    assert len(set(columns)) == len(ODD)
    assert {"p_😀", "p_rock_pop", "p_rock_pop_2", "p_c", "p_c_2"} <= set(columns)
    labelled = affetto.label(songs(ODD, 1, seed=1).drop("mood", "playlist"), model)
    labelled.write_csv(tmp_path / "odd.csv")
    assert set(columns) <= set(pl.read_csv(tmp_path / "odd.csv").columns)
    assert set(labelled["mood"]) <= set(ODD)
    write_report(run.evidence, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "&lt;b&gt;" in text
    assert '<b>"bold"' not in text
    assert "{{ 7 * 7 }}" in text
    assert "أغاني هادئة" in text


def test_a_mood_of_one_playlist_is_trained_on_and_the_report_says_what_is_unknown():
    frame = songs(("sleep", "gym", "run"), 20).with_columns(
        playlist=pl.when(pl.col("mood") == "run").then(pl.lit("Run!")).otherwise("playlist")
    )
    run = learned(frame, group="playlist")
    unseen = run.evidence["unseen_group"]
    assert unseen["per_mood"]["run"]["n"] == 0
    assert unseen["per_mood"]["run"]["recall"] is None
    assert unseen["per_mood"]["gym"]["n"] > 0
    assert "run, with one group only, never judged" in unseen["rule"]
    assert any(
        "run stands in one group of 'playlist' only ('Run!')" in one["text"]
        for one in run.evidence["data"]["findings"]
    )
    assert json.dumps(run.evidence, allow_nan=False)


def test_groups_that_cross_moods_are_trained_on():
    artists = pl.Series([f"artist {place % 7}" for place in range(80)])
    frame = songs(("sleep", "gym"), 40).with_columns(artist=artists)
    unseen = learned(frame, group="artist").evidence["unseen_group"]
    assert "groups cross moods" in unseen["rule"]
    assert unseen["n"] >= 80


@pytest.mark.parametrize("names", [["sleep"], [f"m{place}" for place in range(51)]], ids=len)
def test_one_mood_or_more_than_fifty_are_refused(names):
    with pytest.raises(LabelError, match=r"only the mood 'sleep'|found 51 moods"):
        learned(songs(names, 10))
