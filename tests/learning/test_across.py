"""Protocol S in a training run: what a source is, each unseen, and those that hurt."""

import numpy as np
import polars as pl
import pytest

from affetto.learning.across import sources_pool, unseen_source
from affetto.learning.candidates import BY_NAME
from affetto.learning.comparison import Judge
from affetto.learning.labels import LabelledTable
from affetto.sources.tables import from_frame

FEATURES = ("energy", "valence", "acousticness", "danceability", "speechiness")
CENTRES = {"Happy": (0.7, 0.8, 0.2, 0.7, 0.2), "Dark": (0.4, 0.2, 0.4, 0.4, 0.2),
           "Relaxing": (0.2, 0.5, 0.9, 0.3, 0.1)}  # fmt: skip


def table(name, moods=tuple(CENTRES), n=40, seed=0, swapped=False, **columns):
    """A table in which some moods may be exchanged for one another."""
    draw = np.random.default_rng(seed)
    rows = []
    for mood in moods:
        other = {"Happy": "Dark", "Dark": "Happy"}.get(mood, mood) if swapped else mood
        values = np.clip(np.array(CENTRES[other]) + 0.12 * draw.normal(size=(n, 5)), 0, 1)
        rows += [{"mood": mood, "playlist": f"{mood}-{i % 4}", **columns,
                  **dict(zip(FEATURES, map(float, own), strict=True))}
                 for i, own in enumerate(values)]  # fmt: skip
    return LabelledTable(from_frame(pl.DataFrame(rows), name))


def found_in(*tables):
    pool = sources_pool(tables, FEATURES)
    judge = Judge(None, 42, 1, lambda *step: None)
    return unseen_source(judge, pool, BY_NAME["logistic"], {"logistic": {"C": 1.0}})


def test_tables_of_one_mood_each_are_no_sources():
    frame = pl.DataFrame({name: np.linspace(0.1, 0.9, 20) for name in FEATURES})
    ones = [LabelledTable(from_frame(frame, mood), mood=mood) for mood in ("Happy", "Dark")]
    assert sources_pool(ones, FEATURES) is None
    assert sources_pool([table("a"), *ones], FEATURES) is None


def test_one_table_is_one_source_unless_a_column_tells_more():
    assert sources_pool([table("a")], FEATURES) is None
    frames = [table(n, seed=i, source=n).table.collect() for i, n in enumerate("ab")]
    both = LabelledTable(from_frame(pl.concat(frames).drop("error", strict=False), "both"))
    assert set(sources_pool([both], FEATURES).counts()) == {"a", "b"}


def test_too_few_features_in_common_to_know_a_track_by():
    tables = [table("a"), table("b", seed=1)]
    narrow = [
        LabelledTable(from_frame(t.table.collect().select("mood", "energy", "valence"), str(i)))
        for i, t in enumerate(tables)
    ]
    assert sources_pool(narrow, ("energy", "valence")) is None


def test_each_source_is_judged_among_its_own_moods():
    found = found_in(table("a"), table("b", ("Happy", "Dark"), seed=1))
    assert set(found["sources"]) == {"a", "b"}
    for figures in found["sources"].values():
        assert figures["moods"] == ["Dark", "Happy"]  # nobody else teaches Relaxing
        assert figures["balanced_accuracy"] > 0.9
    assert found["balanced_accuracy"] == pytest.approx(
        np.mean([one["balanced_accuracy"] for one in found["sources"].values()])
    )
    assert found["intervals"] is None  # of two
    assert found["without"] == []  # nobody is left to learn from


def test_a_table_that_means_something_else_hurts_and_is_named():
    good = [table(name, seed=i) for i, name in enumerate("abc")]
    found = found_in(*good, table("odd", seed=9, swapped=True))
    hurting = [row["source"] for row in found["without"] if row["hurts"]]
    assert hurting == ["odd"]
    row = found["without"][0]
    assert row["source"] == "odd"
    assert row["judged"] == 3
    assert row["log_loss"] < -2 * row["se"] < 0
    low, high = found["intervals"]["balanced_accuracy"]
    assert low < found["balanced_accuracy"] < high


def test_tables_that_agree_are_not_accused():
    for start in range(0, 9, 3):
        found = found_in(*(table(name, seed=start + i) for i, name in enumerate("abc")))
        assert not any(row["hurts"] for row in found["without"])


def test_tracks_that_tables_share_are_judged_once_and_not_by_themselves():
    one = table("a", seed=1)
    again = LabelledTable(from_frame(one.table.collect().drop("error", strict=False), "again"))
    other = table("b", seed=2)
    found = found_in(one, again, other)
    # All that a and again hold is held by the other as well: only b can be judged.
    assert set(found["sources"]) == {"b"}
