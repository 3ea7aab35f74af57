"""The pool: sources told apart, the same track known in all of them, gaps kept as gaps."""

import numpy as np
import polars as pl
import pytest

from affetto.errors import LabelError, TableError, UsageError
from affetto.learning.labels import resolve_tables
from affetto.learning.pool import gather_pool, moods_held

FEATURES = ("energy", "speechiness", "acousticness", "instrumentalness", "danceability", "valence")


def frame(moods, seed, **columns):
    draw = np.random.default_rng(seed)
    values = {name: draw.uniform(0.1, 0.9, len(moods)) for name in FEATURES}
    return pl.DataFrame({**columns, **values, "mood": list(moods)})


def pool_of(*frames, **options):
    return gather_pool(resolve_tables(list(frames)), **options)


def test_a_source_column_tells_collections_of_one_table_apart():
    one = frame(["Happy", "Dark"] * 4, 0, source=["a"] * 4 + ["b"] * 4)
    two = frame(["Happy", "Relaxing"] * 2, 1)
    pool, _ = pool_of(one, two)
    assert {s: set(c) for s, c in pool.counts().items()} == {
        "a": {"Happy", "Dark"},
        "b": {"Happy", "Dark"},
        "table (2)": {"Happy", "Relaxing"},
    }
    held = dict(zip(pool.sources.tolist(), pool.held.tolist(), strict=True))
    assert held["table (2)"] == [mood in {"Happy", "Relaxing"} for mood in pool.moods]


def test_a_track_has_one_number_under_all_its_names():
    one = frame(["Happy", "Dark", "Happy"], 0, id=["4uLU6hMCjMI75M1A2tKUQC", "x1234567", "y"])
    two = frame(
        ["Happy", "Happy", "Dark"], 1,
        id=["spotify:track:4uLU6hMCjMI75M1A2tKUQC", "other", "another"],
    )  # fmt: skip
    two[1, "energy"] = 0.123456  # told by equal features, whatever the id
    for name in FEATURES:
        two[2, name] = one[1, name]
    pool, findings = pool_of(one, two)
    assert len(pool) == 6
    assert pool.tracks[0] == pool.tracks[3]
    assert pool.tracks[1] == pool.tracks[5]
    assert len(np.unique(pool.tracks)) == 4
    assert [f.count for f in findings if f.kind == "shared"] == [2]


def test_within_a_source_a_track_stands_once_and_never_in_two_moods():
    one = frame(
        ["Happy", "Happy", "Happy", "Dark", "Dark"], 0,
        title=["A", "A", "B", "B", "C"], artist=["x"] * 5,
    )  # fmt: skip
    pool, findings = pool_of(one)
    assert pool.counts() == {"table": {"Happy": 1, "Dark": 1}}
    assert {f.kind: f.count for f in findings if f.kind != "note"} == {
        "duplicate": 1,
        "conflict": 2,
    }


def test_what_a_source_lacks_is_nan_there_and_nowhere_else():
    one = frame(["Happy", "Dark"], 0).with_columns(liveness=pl.Series([0.2, 0.3]))
    two = frame(["Happy", "Dark"], 1)
    pool, _ = pool_of(one, two, features=(*FEATURES, "liveness"))
    assert np.isnan(pool.X).any(axis=0).tolist() == [False] * 6 + [True]
    assert np.isnan(pool.X[:, 6]).tolist() == [False, False, True, True]
    plain, _ = pool_of(one, two)
    assert plain.features == FEATURES


def test_thinning_keeps_small_cells_whole():
    pool, _ = pool_of(frame(["Happy"] * 30 + ["Dark"] * 5, 0))
    thin = pool.thinned(10)
    assert thin.counts() == {"table": {"Happy": 10, "Dark": 5}} or thin.counts() == {
        "table": {"Dark": 5, "Happy": 10}
    }
    assert set(thin.tracks) <= set(pool.tracks)


def test_moods_held():
    held = moods_held(np.array([0, 0, 1]), np.array([2, 0, 1]), 3)
    assert held.tolist() == [[True, False, True], [False, True, False]]


def test_refusals():
    with pytest.raises(UsageError, match="no table given"):
        gather_pool([])
    with pytest.raises(LabelError, match="holds 1 mood"):
        pool_of(frame(["Happy"] * 3, 0))
    with pytest.raises(TableError, match="only energy in common"):
        pool_of(frame(["Happy", "Dark"], 0).select("energy", "mood"))
