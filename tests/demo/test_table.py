"""The demo's synthetic table: deterministic, within range, as hard as it says."""

import re
import subprocess
import sys
from itertools import chain

import numpy as np
import polars as pl
import pytest

from affetto.demo import SYNTHETIC_NOTE, demo_songs, demo_table
from affetto.errors import UsageError
from affetto.features import BY_NAME, FEATURE_NAMES
from affetto.moods import MOOD_NAMES
from affetto.tracks import Track

TABLE = demo_table()
LARGE = demo_table(3, tracks_per_playlist=400)


def matrix(table):
    return table.select(FEATURE_NAMES).to_numpy().astype(float)


def values(table, playlist, name):
    return table.filter(pl.col("playlist") == playlist)[name].to_numpy()


@pytest.fixture(scope="module")
def logistic():
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))


def test_columns_and_rows():
    identity = ["id", "title", "artist", "playlist", "mood"]
    assert TABLE.columns == [*identity, *FEATURE_NAMES]
    assert TABLE.height == 500
    assert TABLE.null_count().sum_horizontal().item() == 0
    assert TABLE["playlist"].unique(maintain_order=True).to_list() == [
        f"{mood}-{number}" for mood in MOOD_NAMES for number in (1, 2)
    ]
    assert TABLE["playlist"].value_counts()["count"].to_list() == [50] * 10
    assert (TABLE["playlist"].str.head(-2) == TABLE["mood"]).all()
    assert TABLE.schema["duration_ms"] == pl.Int64
    assert all(TABLE.schema[name] == pl.Float64 for name in FEATURE_NAMES if name != "duration_ms")


def test_same_seed_same_table_other_seed_other_table():
    np.random.seed(1)  # noqa: NPY002 - the global state must not matter
    assert TABLE.equals(demo_table(42))
    assert not TABLE.equals(demo_table(43))
    assert demo_songs().equals(demo_songs(7))
    assert not demo_songs().equals(demo_songs(8))


def test_known_first_row():
    row = TABLE.row(0, named=True)
    assert (row["id"], row["playlist"], row["mood"]) == ("demo-0001", "Energetic-1", "Energetic")
    # PCG64 of seed 42 draws .30471708 first, so energy is logistic(ln(.868 / .132) + .9 × that).
    assert row["energy"] == pytest.approx(
        1 / (1 + 0.132 / 0.868 * np.exp(-0.9 * 0.30471708)), abs=5e-4
    )


@pytest.mark.parametrize("table", [TABLE, LARGE, demo_songs()], ids=["table", "large", "songs"])
def test_values_keep_to_the_documented_ranges(table):
    for name in FEATURE_NAMES:
        feature = BY_NAME[name]
        assert table[name].min() >= feature.low
        assert table[name].max() <= feature.high
        assert table[name].is_finite().all()
    assert table["duration_ms"].min() > 0


def test_values_are_rounded_as_such_tables_have_them():
    for name in FEATURE_NAMES:
        for value in TABLE[name]:
            if BY_NAME[name].is_share:
                assert value == float(f"{value:.3g}")
            else:
                assert value == round(value, 3)
    assert len(np.unique(matrix(LARGE), axis=0)) == LARGE.height


@pytest.mark.parametrize(
    ("playlist", "name", "median", "tolerance"),
    [
        ("Energetic-1", "energy", 0.868, 0.02),
        ("Relaxing-1", "loudness", -24.9, 0.7),
        ("Relaxing-2", "duration_ms", 379_000, 40_000),
        ("Happy-2", "valence", 0.78, 0.04),
        ("Aggressive-2", "tempo", 128, 4),
    ],
)
def test_medians_are_those_of_the_parameters(playlist, name, median, tolerance):
    assert np.median(values(LARGE, playlist, name)) == pytest.approx(median, abs=tolerance)


def test_one_correlation_matrix_holds_in_every_playlist():
    def rank_correlation(playlist, one, other):
        ranks = [values(LARGE, playlist, name).argsort().argsort() for name in (one, other)]
        return np.corrcoef(ranks)[0, 1]

    for playlist in LARGE["playlist"].unique():
        # Spearman's is a little below the normal draws' own: 6/π · asin(.68 / 2) = .66.
        assert rank_correlation(playlist, "energy", "loudness") == pytest.approx(0.66, abs=0.1)
        assert rank_correlation(playlist, "energy", "acousticness") == pytest.approx(
            -0.35, abs=0.15
        )
        assert rank_correlation(playlist, "tempo", "valence") == pytest.approx(0, abs=0.15)


@pytest.mark.parametrize("table", [TABLE, LARGE], ids=["table", "large"])
def test_no_two_tracks_are_taken_for_one(table):
    assert table["id"].n_unique() == table["title"].n_unique() == table.height
    rows = table.select("id", "title", "artist").iter_rows(named=True)
    # Their ids are the table's own: with title and artist known, these alone tell.
    keys = list(chain.from_iterable(Track(**row).keys() for row in rows))
    assert len(keys) == len(set(keys)) == table.height


def test_titles_never_run_out():
    table = demo_table(tracks_per_playlist=1400)
    assert table["title"].n_unique() == table["id"].n_unique() == 14_000
    assert table["id"][0] == "demo-00001"
    assert table["title"].str.ends_with(" No. 3").any()


def test_an_artist_has_several_tracks_of_one_mood():
    per_artist = TABLE.group_by("artist").agg(pl.len(), pl.col("mood").n_unique())
    assert per_artist["mood"].max() == 1
    assert 3 <= per_artist["len"].mean() <= 6
    assert all(re.fullmatch(r"The \w+ \w+", artist) for artist in TABLE["artist"])


def test_titles_do_not_move_the_features():
    shorter = demo_table(42, tracks_per_playlist=1)
    assert shorter.height == 10
    assert shorter.row(0)[5:] == TABLE.row(0)[5:]


def test_songs_to_label():
    songs = demo_songs()
    assert songs.columns == ["title", "artist", *FEATURE_NAMES]
    assert songs.height == songs["title"].n_unique() == songs["artist"].n_unique() == 8
    assert not set(songs["title"]) & set(LARGE["title"])


def test_about_as_hard_as_the_real_table(logistic):
    from sklearn.model_selection import cross_val_score

    accuracy = cross_val_score(logistic, matrix(TABLE), TABLE["mood"].to_numpy(), cv=5).mean()
    assert 0.62 <= accuracy <= 0.75


def test_each_mood_leads_with_the_articles_feature(logistic):
    classifier = logistic.fit(matrix(TABLE), TABLE["mood"].to_numpy())[-1]
    leading = dict(
        zip(
            classifier.classes_,
            np.array(FEATURE_NAMES)[classifier.coef_.argmax(axis=1)],
            strict=True,
        )
    )
    assert leading == {
        "Aggressive": "speechiness",
        "Dark": "acousticness",
        "Energetic": "energy",
        "Happy": "valence",
        "Relaxing": "instrumentalness",
    }


@pytest.mark.parametrize("seed", [7, 8, 9])
def test_clear_songs_are_clear_and_the_others_lie_between_two(logistic, seed):
    logistic.fit(matrix(TABLE), TABLE["mood"].to_numpy())
    order = logistic.predict_proba(matrix(demo_songs(seed))).argsort(axis=1)
    best, second = logistic.classes_[order[:, -1]], logistic.classes_[order[:, -2]]
    assert tuple(best[:5]) == MOOD_NAMES
    assert [set(pair) for pair in zip(best[5:], second[5:], strict=True)] == [
        {"Relaxing", "Dark"},
        {"Happy", "Energetic"},
        {"Dark", "Aggressive"},
    ]


def test_the_note_says_what_they_are():
    assert "synthetic" in SYNTHETIC_NOTE
    assert "nothing about real music" in SYNTHETIC_NOTE
    assert SYNTHETIC_NOTE.count(".") == 1


def test_settings_out_of_range_are_refused():
    with pytest.raises(UsageError, match="tracks_per_playlist is 0; expected at least 1"):
        demo_table(tracks_per_playlist=0)
    for make in (demo_table, demo_songs):
        with pytest.raises(UsageError, match="seed -1 is negative"):
            make(-1)


def test_importing_the_demo_imports_no_training_side():
    code = "import sys, affetto.demo; print('sklearn' in sys.modules, 'scipy' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "False"]
