"""The ten features: what they are, and which columns of other people's tables mean them."""

import math
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affetto.errors import UsageError
from affetto.features import (
    BY_NAME,
    FEATURE_NAMES,
    FEATURES,
    FEATURES_VERSION,
    check_feature_names,
    feature_of_column,
    normalise_column,
)
from affetto.tracks import identity_of_column


def test_the_ten_in_the_articles_order():
    assert FEATURE_NAMES == (
        "energy",
        "liveness",
        "tempo",
        "speechiness",
        "acousticness",
        "instrumentalness",
        "danceability",
        "duration_ms",
        "loudness",
        "valence",
    )
    assert list(BY_NAME) == list(FEATURE_NAMES)
    assert isinstance(FEATURES_VERSION, int)


def test_units_and_ranges():
    shares = {feature.name for feature in FEATURES if feature.is_share}
    assert shares == set(FEATURE_NAMES) - {"tempo", "duration_ms", "loudness"}
    for feature in FEATURES:
        assert feature.low < feature.high
        low, high = feature.accepted
        assert low < high
        assert math.isfinite(low)
        assert math.isfinite(high)
        assert feature.meaning
        if feature.is_share:
            assert (feature.low, feature.high) == feature.accepted == (0.0, 1.0)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("energy", "0–1"),
        ("tempo", "0–250 BPM"),
        ("loudness", "-60 to 3 dB"),
        ("duration_ms", "above 0 ms"),
    ],
)
def test_ranges_as_a_person_writes_them(name, text):
    assert BY_NAME[name].range_text == text


@pytest.mark.parametrize(
    ("column", "name"),
    [
        ("energy", "energy"),
        ("ENERGY", "energy"),
        ("  Energy ", "energy"),
        ("\ufeffEnergy", "energy"),
        ("BPM", "tempo"),
        ("Tempo (BPM)", "tempo"),
        ("Beats Per Minute (BPM)", "tempo"),
        ("Loudness (dB)", "loudness"),
        ("Loudness..dB..", "loudness"),
        ("loudnessDb", "loudness"),
        ("length", "duration_ms"),
        ("Length.", "duration_ms"),
        ("Duration", "duration_ms"),
        ("Duration (ms)", "duration_ms"),
        ("Track Duration (ms)", "duration_ms"),
        ("trackDurationMs", "duration_ms"),
        ("durationMs", "duration_ms"),
        ("duration_s", "duration_ms"),
        ("Length (Duration)", "duration_ms"),
        ("danceability_%", "danceability"),
        ("Acousticness..", "acousticness"),
        ("valence", "valence"),
    ],
)
def test_columns_that_mean_a_feature(column, name):
    assert feature_of_column(column) == name


@pytest.mark.parametrize(
    "column",
    ["", "mood", "key", "Mode", "time_signature", "popularity", "artist_uri", "Danceability Rank",
     "Release Date", "Added At", "genre", "0", "Темп"],
)  # fmt: skip
def test_columns_that_mean_none(column):
    assert feature_of_column(column) is None


def test_every_alias_is_normalised_and_means_one_feature_only():
    owners = {}
    for feature in FEATURES:
        for alias in (feature.name, *feature.aliases):
            assert normalise_column(alias) == alias
            assert owners.setdefault(alias, feature.name) == feature.name
            assert feature_of_column(alias) == feature.name
        assert len(set(feature.aliases)) == len(feature.aliases)


def test_no_feature_column_is_an_identity_column():
    for feature in FEATURES:
        for alias in (feature.name, *feature.aliases):
            assert identity_of_column(alias) is None


def test_normalised_columns():
    assert normalise_column("Artist Name(s)") == "artist_name_s"
    assert normalise_column("trackName") == normalise_column("TRACK NAME") == "track_name"
    assert normalise_column("dB") == "db"
    assert normalise_column("ISRC") == "isrc"
    assert normalise_column("Темп (уд/мин)") == "темп_уд_мин"
    assert normalise_column("E\u0301nergie") == normalise_column("Énergie") == "énergie"
    assert normalise_column(" ?! ") == ""


@settings(deadline=None)
@given(st.text(max_size=30))
def test_normalising_a_column_twice_changes_nothing(column):
    once = normalise_column(column)
    assert normalise_column(once) == once


@settings(deadline=None)
@given(
    st.sampled_from([alias for feature in FEATURES for alias in (feature.name, *feature.aliases)]),
    st.sampled_from([str.upper, str.title, str.capitalize]),
    st.text(string.punctuation + " ", min_size=1, max_size=3),
)
def test_case_and_punctuation_do_not_matter(alias, case, mark):
    written = mark + mark.join(case(alias).split("_")) + mark
    assert feature_of_column(written) == feature_of_column(alias)


def test_feature_names_are_checked():
    assert check_feature_names(["valence", "energy"]) == ("valence", "energy")
    with pytest.raises(UsageError, match="unknown feature 'vallence'; the ten are energy"):
        check_feature_names(["energy", "vallence"])
    with pytest.raises(UsageError, match="named twice in energy, energy"):
        check_feature_names(["energy", "energy"])
