"""The default model: what it was made from, and what its file says of itself."""

from importlib import resources

import numpy as np
import pytest

from affetto.learning.densities import LEAST_ROWS
from affetto.learning.pool import Pool
from affetto.learning.pooled import FEATURES, TABLES, public_pool, source_means
from affetto.learning.recipes import COMMITTEE
from affetto.learning.unseen import Judgement, Part, Protocol
from affetto.model import load_model
from affetto.moods import MOODS


@pytest.mark.data
def test_the_pool_of_public_tables(data_dir):
    del data_dir  # skips where the tables are absent
    pool = public_pool()
    counts = pool.counts()
    assert len(counts) == 13
    assert pool.moods == tuple(mood.name for mood in MOODS)
    assert set(counts["article"]) == set(pool.moods)
    # Nobody else has Dark.
    assert [name for name, own in counts.items() if "Dark" in own] == ["article"]
    assert counts["angry-happy-sad"].keys() == {"Aggressive", "Happy"}
    shared = set(pool.tracks[pool.sources == "article"]) & set(
        pool.tracks[pool.sources == "angry-happy-sad"]
    )
    # Known: 76 tracks of Happy-1, about 90 of Happy-2, 12 of Aggressive-2.
    assert 165 <= len(shared) <= 185


def test_the_packaged_model_says_how_it_was_judged():
    model = load_model()
    about = model.about
    assert model.features == FEATURES
    assert not model.holds_training_rows
    assert about["tables"] == list(TABLES)
    assert about["synthetic"] is False
    assert about["unseen_group"]["rule"].startswith("one group of every mood held out, all 32")
    sources = about["unseen_source"]["sources"]
    assert len(sources) == 10
    # Better than chance on every source: 1 / moods.
    assert all(own["balanced_accuracy"] > 1 / len(own["moods"]) for own in sources.values())
    assert model.population is not None
    assert model.population.tracks == about["tracks"]
    assert model.population.likeness is not None
    assert sum(about["per_mood"].values()) == about["tracks"]


def test_the_packaged_model_is_the_committee_and_small():
    model = load_model()
    assert [pipeline.scorer.KIND for pipeline in model.pipelines] == [
        "linear",
        "linear",
        "densities",
    ]
    assert model.about["recipe"] == [str(member) for member in COMMITTEE.members]
    file = resources.files("affetto") / "models" / "default.affetto"
    assert len(file.read_bytes()) < 100_000
    densities = model.pipelines[2].scorer
    # A mean a mood and source, of 7,161 tracks: nothing a track can be read from.
    assert len(densities.means) == sum(
        n >= LEAST_ROWS for own in model.about["sources"].values() for n in own.values()
    )


def test_the_packaged_model_says_what_confidence_and_tables_were_found_to_be():
    about = load_model().about
    calibration = about["calibration"]
    assert calibration["used"] is None
    assert calibration["words"].startswith("none is used")
    for own in calibration["methods"].values():
        assert own["log_loss"] == pytest.approx(calibration["log_loss"] + own["change"])
    judged = about["unseen_source"]
    low, high = judged["intervals"]["balanced_accuracy"]
    assert low < judged["balanced_accuracy"] < high
    assert {row["source"] for row in judged["without"]} == set(about["sources"])
    losses = [row["log_loss"] for row in judged["without"]]
    assert losses == sorted(losses)


def test_the_packaged_model_recognises_what_nobody_would_dispute():
    model = load_model()
    tracks = {
        "Relaxing": (0.1, 0.04, 0.95, 0.9, 0.3, -22.0, 0.3),
        "Aggressive": (0.97, 0.12, 0.0001, 0.02, 0.4, -4.0, 0.3),
        "Happy": (0.75, 0.05, 0.15, 0.0, 0.75, -5.5, 0.95),
    }
    assert model.predict(list(tracks.values())).tolist() == list(tracks)


def test_source_means_are_plain_means_with_intervals():
    names = np.repeat(["a", "b", "c"], 40)
    y = np.tile(np.repeat([0, 1], 20), 3)
    p = np.where((np.arange(120) % 40 < 20)[:, None], [0.9, 0.1], [0.1, 0.9])
    p[names == "b"] = 0.5  # the first of equals: one mood of two
    pool = Pool(np.zeros((120, 1)), y, ("Dark", "Happy"), ("energy",), names, names, np.arange(120))
    parts = tuple(
        Part(np.flatnonzero(names != name), np.flatnonzero(names == name),
             names[names == name], np.arange(2))
        for name in "abc"
    )  # fmt: skip
    judged = Judgement(pool, Protocol(parts, "rule"), tuple(p[part.test] for part in parts))
    found = source_means(judged)
    assert found["balanced_accuracy"] == pytest.approx((1 + 0.5 + 1) / 3)
    assert found["log_loss"] == pytest.approx((2 * -np.log(0.9) - np.log(0.5)) / 3)
    assert found["intervals"]["balanced_accuracy"] == pytest.approx([0.5, 1.0], abs=0.2)
    assert found["sources"]["b"]["balanced_accuracy"] == 0.5
