"""Gathering labelled tables: where labels stand, what is kept, what is refused and how."""

from itertools import combinations

import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from affetto.demo import demo_table
from affetto.errors import DatasetError, LabelError, TableError, UsageError
from affetto.features import FEATURE_NAMES
from affetto.learning.dataset import MIN_TRACKS_A_MOOD, gather
from affetto.learning.labels import LabelledTable, from_arguments, resolve_tables
from affetto.sources.tables import from_frame

ID = "4uLU6hMCjMI75M1A2tKUQC"


def songs(n=20, mood=None, seed=0, **columns):
    """A table of `n` songs, all different; of both moods in turn, or without labels."""
    draw = np.random.default_rng(seed)
    frame = pl.DataFrame({name: draw.uniform(0.1, 0.9, n) for name in FEATURE_NAMES})
    frame = frame.with_columns(
        pl.col("tempo") * 200, pl.col("duration_ms") * 3e5, pl.col("loudness") * -20
    )
    if mood is None:
        frame = frame.with_columns(mood=pl.Series([("Happy", "Dark")[i % 2] for i in range(n)]))
    elif mood:
        frame = frame.with_columns(mood=pl.lit(mood))
    return frame.with_columns(**{k: pl.Series(k, list(v)) for k, v in columns.items()})


def write(path, frame):
    frame.write_csv(path)
    return str(path)


def taken(tables, gather_options=None, **options):
    return gather(resolve_tables(tables, **options), **(gather_options or {}))


def kinds(audit):
    return [finding.kind for finding in audit.findings]


def said(audit, kind):
    return " ".join(finding.text for finding in audit.findings if finding.kind == kind)


def counts(audit):
    return {
        name.removeprefix("dropped_"): count
        for name, count in audit.as_dict().items()
        if name.startswith("dropped_") and count
    }


# ---------------------------------------------------------------- one table


def test_a_clean_table_is_taken_as_it_stands():
    frame = songs(24)
    tracks, audit = taken(frame)
    assert (audit.rows, audit.rows_used, len(tracks)) == (24, 24, 24)
    assert counts(audit) == {}
    assert tracks.moods == ("Dark", "Happy")
    assert tracks.features == FEATURE_NAMES
    assert_array_equal(tracks.X, frame.select(FEATURE_NAMES).to_numpy())
    assert list(tracks.labels) == frame["mood"].to_list()
    assert tracks.per_mood() == {"Dark": 12, "Happy": 12}
    assert tracks.groups is None
    assert tracks.group_column is None


def test_moods_are_in_the_articles_order_then_by_alphabet():
    moods = ["sad", "Happy", "Dark", "bored", "Energetic"]
    frame = songs(50).with_columns(mood=pl.Series([moods[i % 5] for i in range(50)]))
    assert taken(frame)[0].moods == ("Energetic", "Dark", "Happy", "bored", "sad")


def test_labels_of_other_case_and_with_spaces_are_one_mood():
    frame = songs(24).with_columns(mood=pl.Series(["happy", "Dark ", " HAPPY", "dark"] * 6))
    assert taken(frame)[0].per_mood() == {"Dark": 12, "Happy": 12}


def test_another_label_column_and_numbers_as_labels():
    frame = songs(33, number=[i % 3 for i in range(33)]).rename({"mood": "feeling"})
    assert taken(frame, label="feeling")[0].moods == ("Dark", "Happy")
    assert taken(frame, label="number")[0].per_mood() == {"0": 11, "1": 11, "2": 11}


def test_what_a_person_calls_each_track():
    frame = songs(20, title=[f"Song {i}" for i in range(20)], artist=["A"] * 20)
    assert list(taken(frame)[0].names[:2]) == ["Song 0 – A", "Song 1 – A"]
    by_id = songs(20, id=[f"{i:022d}" for i in range(20)])
    assert taken(by_id)[0].names[3] == f"{3:022d}"
    assert taken(songs())[0].names[0] == "unnamed track"


def test_chosen_features_alone_in_the_order_asked_for():
    frame = songs()
    tracks, _ = taken(frame, {"features": ["valence", "energy"]})
    assert tracks.features == ("valence", "energy")
    assert_array_equal(tracks.X, frame.select("valence", "energy").to_numpy())


# ---------------------------------------------------------------- rows that cannot be used


def spoilt(**cells):
    """24 good songs and after them one song a spoilt cell."""
    bad = songs(len(cells), seed=7)
    text = pl.concat([songs(24), bad]).with_columns(pl.all().cast(pl.String))
    for row, (name, value) in enumerate(cells.items(), start=24):
        column = text[name.rstrip("_")].to_list()
        column[row] = value
        text = text.with_columns(pl.Series(name.rstrip("_"), column))
    return text


def test_missing_values_nan_infinity_text_and_impossible_values_are_left_out_and_told():
    table = spoilt(
        energy=None,
        energy_="NaN",
        tempo="inf",
        tempo_="999",
        valence="-0.5",
        loudness="loud",
        duration_ms="0",
        mood=None,
        mood_="  ",
    )
    tracks, audit = taken(table)
    assert (audit.rows, audit.rows_used, len(tracks)) == (33, 24, 24)
    assert counts(audit) == {"unlabelled": 2, "unusable": 7}
    told = {f.kind: f.count for f in audit.findings}
    assert told["missing"] == 2
    assert told["out_of_range"] == 4
    assert told["unreadable"] == 1
    assert told["unlabelled"] == 2
    examples = [example for f in audit.findings for example in f.examples]
    assert "table row 25: energy missing" in examples
    assert "table row 27: tempo inf: expected 0–250 BPM" in examples
    assert "table row 30: loudness: 'loud' is not a number" in examples
    assert np.isfinite(tracks.X).all()


@pytest.mark.parametrize("value", [float("nan"), None])
def test_nan_and_null_in_a_table_of_numbers(value):
    frame = songs(24, energy=[value, *np.linspace(0.1, 0.9, 23)])
    _, audit = taken(frame)
    assert counts(audit) == {"unusable": 1}
    assert "missing" in kinds(audit)


def test_values_that_real_tables_reach_are_kept():
    frame = songs(24, loudness=[0.457, *np.linspace(-20, -1, 23)], valence=[0.0] * 24)
    assert taken(frame)[1].rows_used == 24


def test_a_bad_value_in_a_feature_that_is_not_used_is_no_harm():
    frame = songs(24, energy=[None, *np.linspace(0.1, 0.9, 23)])
    tracks, audit = taken(frame, {"features": ["valence", "tempo"]})
    assert audit.rows_used == 24
    assert tracks.X.shape == (24, 2)
    assert "note" not in kinds(audit)  # nobody lacks the others


# ---------------------------------------------------------------- the same track


def test_duplicates_and_conflicts_are_dropped_and_counted_in_one_table():
    frame = songs(26, id=[f"{i:022d}" for i in range(26)])
    again = frame[[0, 2, 2]]  # 0 and 2 are Happy
    turned = frame[[1]].with_columns(mood=pl.lit("Happy"))  # 1 is Dark
    tracks, audit = taken(pl.concat([frame, again, turned]))
    assert counts(audit) == {"duplicates": 3, "conflicts": 2}
    assert (audit.rows, audit.rows_used) == (30, 25)
    assert_array_equal(tracks.X, frame[[0, *range(2, 26)]].select(FEATURE_NAMES).to_numpy())


def test_the_same_track_across_tables_by_each_key():
    a = songs(
        24,
        id=[f"{i:022d}" for i in range(24)],
        title=[f"Song {i}" for i in range(24)],
        artist=["A"] * 24,
        isrc=[f"GBAYE68{i:05d}" for i in range(24)],
    )
    other = songs(4, seed=5).with_columns(
        uri=pl.Series([f"spotify:track:{0:022d}", None, None, f"{99:022d}"]),
        track_name=pl.Series([None, "SONG 2 (Remastered)", None, "Song 4"]),
        artists=pl.Series([None, "A, B", None, "Somebody else"]),
        isrc=pl.Series([None, None, "GB-AYE-68-00004", None]),
        mood=pl.Series(["Happy"] * 4),
    )
    equal = a[[6]].select(FEATURE_NAMES).with_columns(mood=pl.lit("Dark"))
    _, audit = taken([a, other, equal])
    # By URI, by name and by ISRC of Happy tracks: duplicates; equal features of another mood.
    assert counts(audit) == {"duplicates": 3, "conflicts": 2}
    assert audit.shared_between_tables == 4
    assert "3 by table and table (2); 1 by table and table (3)" in said(audit, "shared")
    assert audit.rows_used == 24 - 1 + 1


def test_duplicates_can_be_kept_to_repeat_a_published_figure():
    frame = songs(24)
    _, audit = taken(pl.concat([frame, frame]), {"keep_duplicates": True})
    assert audit.rows_used == 48
    assert counts(audit) == {}
    assert "kept on request" in said(audit, "note")
    assert "duplicate" not in kinds(audit)


def test_tables_of_one_name_are_told_apart(tmp_path):
    frame = songs(24)
    paths = []
    for folder in "ab":
        (tmp_path / folder).mkdir()
        paths.append(write(tmp_path / folder / "songs.csv", frame))
    tracks, audit = taken(paths)
    assert audit.shared_between_tables == 24
    assert "songs.csv and songs.csv (2)" in said(audit, "shared")
    assert set(tracks.tables) == {"songs.csv"}
    # Columns of one table need not be those of the other.
    assert taken([frame.with_columns(x=pl.lit("y")), frame])[1].rows_used == 24
    names = [one.table.name for one in from_arguments([f"Happy={path}" for path in paths])]
    assert names == ["songs.csv", "songs.csv (2)"]


def test_equal_in_all_features_is_equal_also_where_few_are_used():
    frame = songs(24)
    twice = pl.concat([frame, frame[[3]]])
    assert counts(taken(twice, {"features": ["energy", "tempo"]})[1]) == {"duplicates": 1}
    # With four features in all, equal rows may be two tracks.
    four = twice.select("energy", "tempo", "valence", "loudness", "mood")
    assert counts(taken(four)[1]) == {}
    assert counts(taken(twice.drop("liveness", "valence"))[1]) == {"duplicates": 1}


def test_equal_in_the_features_used_is_equal_where_another_is_missing():
    frame = songs(24)
    without = frame[[3]].with_columns(liveness=pl.lit(None, dtype=pl.Float64))
    without = pl.concat([without, songs(1, seed=7)])  # the table has the feature, the row has not
    features = [name for name in FEATURE_NAMES if name != "liveness"]
    assert counts(taken([frame, without], {"features": features})[1]) == {"duplicates": 1}
    assert counts(taken([frame, without], {"features": features[:3]})[1]) == {}


# ---------------------------------------------------------------- several tables


def test_only_features_that_every_table_has_are_used():
    a, b = songs(24), songs(24, seed=1).drop("duration_ms", "liveness")
    tracks, audit = taken([a, b])
    assert tracks.features == tuple(f for f in FEATURE_NAMES if f in b.columns)
    assert len(tracks) == 48
    assert "table: liveness, duration_ms not used, since another table lacks it." in said(
        audit, "note"
    )


def test_tables_without_a_common_feature_are_refused():
    a, b = songs(24).select("energy", "mood"), songs(24).select("tempo", "mood")
    with pytest.raises(TableError, match=r"share no feature \(table: energy; table \(2\): tempo"):
        taken([a, b])


def test_a_feature_asked_for_that_a_table_lacks_is_refused():
    with pytest.raises(TableError, match="table has no column for tempo, which was asked for"):
        taken(songs().drop("tempo"), {"features": ["energy", "tempo"]})
    with pytest.raises(UsageError, match="unknown feature 'happiness'"):
        taken(songs(), {"features": ["happiness"]})
    with pytest.raises(UsageError, match="no feature named; leave features out"):
        taken(songs(), {"features": []})


def test_one_mood_a_file(tmp_path):
    happy = write(tmp_path / "a.csv", songs(20, mood=""))
    dark = write(tmp_path / "b.csv", songs(15, mood="", seed=1))
    by_argument = gather(from_arguments([f"happy={happy}", f"Dark={dark}"]))[0]
    by_mapping = gather(resolve_tables({"Happy": happy, "DARK": dark}))[0]
    for tracks in (by_argument, by_mapping):
        assert tracks.per_mood() == {"Dark": 15, "Happy": 20}
        assert list(tracks.tables[[0, -1]]) == ["a.csv", "b.csv"]
    assert_array_equal(by_argument.X, by_mapping.X)


def test_one_mood_a_file_beside_a_labelled_table(tmp_path):
    own = write(tmp_path / "own.csv", songs(24))
    sad = write(tmp_path / "sad.csv", songs(12, mood="", seed=1))
    tracks, _ = gather(from_arguments([own, f"Sad={sad}"], mapping={"dark": "Gloom"}))
    assert tracks.per_mood() == {"Happy": 12, "Gloom": 12, "Sad": 12}


def test_a_path_with_an_equals_sign_is_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "Happy=a.csv", songs(24))
    (source,) = from_arguments(["Happy=a.csv"])
    assert source.mood is None
    assert source.table.name == "Happy=a.csv"


def test_map_and_drop_over_several_tables_where_only_one_holds_the_label():
    a = songs(40).with_columns(mood=pl.Series(["angry", "Happy", "sad", "Happy"] * 10))
    b = songs(30, seed=1).with_columns(mood=pl.Series(["calm", "Dark", "Happy"] * 10))
    tracks, audit = taken([a, b], mapping={"ANGRY": "aggressive", "calm": "Relaxing"}, drop=["Sad"])
    assert tracks.per_mood() == {"Relaxing": 10, "Dark": 10, "Aggressive": 10, "Happy": 30}
    assert counts(audit) == {"unlabelled": 10}


@pytest.mark.parametrize(
    "wrong", [{"mapping": {"joyful": "Happy"}}, {"drop": ["joyful"]}], ids=["map", "drop"]
)
@pytest.mark.parametrize("n_tables", [1, 2])
def test_a_label_to_map_or_drop_that_no_table_holds_is_refused(wrong, n_tables):
    tables = [songs(24, seed=seed) for seed in range(n_tables)]
    with pytest.raises(UsageError, match="'joyful' does not occur in the table; found: Dark, Hap"):
        taken(tables, **wrong)


@pytest.mark.parametrize("wrong", [{"mapping": {"a": "Happy"}}, {"drop": ["a"]}])
def test_nothing_to_map_where_every_table_is_of_one_mood(wrong, tmp_path):
    paths = {mood: write(tmp_path / f"{mood}.csv", songs()) for mood in ("Happy", "Dark")}
    for resolve, tables in (
        (resolve_tables, paths),
        (from_arguments, [f"{mood}={path}" for mood, path in paths.items()]),
    ):
        with pytest.raises(UsageError, match="every table here is of one mood"):
            resolve(tables, **wrong)


def test_mappings_of_one_table_alone():
    sources = [
        LabelledTable(from_frame(songs(24), "one"), mapping={"Dark": "Night"}),
        LabelledTable(from_frame(songs(24, seed=1), "two"), dropped=("Dark",)),
    ]
    assert gather(resolve_tables(sources))[0].per_mood() == {"Happy": 24, "Night": 12}


# ---------------------------------------------------------------- groups


def test_groups_are_read_and_a_table_without_the_column_is_one_group():
    a = songs(24, playlist=[f"list {i % 4}" for i in range(24)])
    b = songs(24, seed=1)
    tracks, audit = taken([a, b], {"group": "playlist"})
    assert tracks.group_column == "playlist"
    assert list(tracks.groups[:3]) == ["list 0", "list 1", "list 2"]
    assert set(tracks.groups[24:]) == {"table (2)"}
    assert "table (2) has no column 'playlist': counted as one group" in said(audit, "note")


def test_rows_without_a_group_are_one_group_and_told():
    a = songs(24, playlist=[None, "", *["x"] * 11, *["y"] * 11])
    tracks, audit = taken(a, {"group": "playlist"})
    assert list(tracks.groups[:3]) == ["table", "table", "x"]
    assert "table: 2 row(s) have no 'playlist': counted as one group." in said(audit, "note")


def test_a_column_that_determines_the_mood_is_told():
    frame = songs(40).with_columns(playlist=pl.col("mood") + "-1")
    _, audit = taken(frame)
    assert "column 'playlist' gives the mood away (40 of 40 rows)" in said(audit, "leak")
    assert "leak" not in kinds(taken(songs(40))[1])


def test_a_feature_that_carries_the_label_is_told():
    frame = songs(40).with_columns(
        energy=pl.when(pl.col("mood") == "Happy").then(0.9).otherwise(0.1)
    )
    assert "energy alone tells Dark from Happy" in said(taken(frame)[1], "leak")


@pytest.mark.parametrize(
    "column",
    [
        pl.lit(["a", "b"]),
        pl.struct(pl.lit(1).alias("x")),
        pl.lit(b"\xff"),
        pl.Series([object()] * 40, dtype=pl.Object),
        pl.lit("x").cast(pl.Categorical),
        pl.lit(None),
    ],
    ids=["list", "struct", "binary", "object", "categorical", "null"],
)
def test_further_columns_may_hold_anything(column):
    assert taken(songs(40).with_columns(column.alias("*")))[1].rows_used == 40


# ---------------------------------------------------------------- refusals


def test_a_missing_label_column_is_refused_with_the_columns_there_are():
    with pytest.raises(TableError, match=r"no label column 'mood'; columns: energy, .*, feeling"):
        taken(songs().rename({"mood": "feeling"}))
    with pytest.raises(TableError, match=r"Try --label COLUMN, or one mood a file: Happy=a\.csv"):
        taken(songs().rename({"mood": "feeling"}))
    with pytest.raises(TableError, match="Try --label Mood"):
        taken(songs().rename({"mood": "Mood"}))


def test_a_missing_group_column_is_refused_with_the_columns_there_are():
    with pytest.raises(TableError, match=r"group column 'playlist'; columns: .*valence. Name one"):
        taken(songs(), {"group": "playlist"})


def test_lists_are_neither_labels_nor_groups():
    frame = songs(24, tags=[["a", "b"]] * 24)
    with pytest.raises(TableError, match=r"group column 'tags' of table holds List\(String\)"):
        taken(frame, {"group": "tags"})
    with pytest.raises(TableError, match=r"label column 'tags' of table holds List\(String\)"):
        taken(frame, label="tags")
    with pytest.raises(TableError, match=r"label column 'tags' of table"):
        taken([frame, frame], label="tags")


def test_one_group_only_is_refused():
    frame = songs(24, playlist=["mine"] * 24)
    with pytest.raises(LabelError, match=r"'playlist' holds one group only \('mine'\).*Leave"):
        taken(frame, {"group": "playlist"})


def test_one_mood_only_is_refused():
    with pytest.raises(LabelError, match=r"only the mood 'Happy' after the audit; .*two moods"):
        taken(songs(mood="Happy"))
    with pytest.raises(LabelError, match="found no labelled track after the audit"):
        taken(songs().with_columns(mood=pl.lit("")))
    with pytest.raises(LabelError, match="only the mood 'Dark'"):
        taken(songs(), drop=["happy"])


@pytest.mark.parametrize("n", [1, 2, MIN_TRACKS_A_MOOD - 1])
def test_a_mood_with_too_few_tracks_is_refused(n):
    frame = pl.concat([songs(24), songs(n, mood="Sad", seed=1)])
    with pytest.raises(
        LabelError, match=rf"'Sad' has {n} tracks? that can be used.*10 are needed.*--drop Sad"
    ):
        taken(frame)
    assert taken(frame, drop=["Sad"])[0].moods == ("Dark", "Happy")


def test_a_mood_with_just_enough_tracks_is_learned_with_a_warning():
    _, audit = taken(pl.concat([songs(200), songs(MIN_TRACKS_A_MOOD, mood="Sad", seed=1)]))
    assert said(audit, "few_tracks").startswith(
        "Sad has only 10 tracks: how many of them are recognised is known to ±26 points at best"
    )


def test_all_moods_with_too_few_tracks_are_named_at_once():
    frame = pl.concat([songs(24), songs(3, mood="Sad", seed=1), songs(9, mood="Calm", seed=2)])
    with pytest.raises(
        LabelError,
        match=r"moods 'Calm' has 9 tracks and 'Sad' has 3 tracks.*10 of each.*--drop Calm,Sad$",
    ):
        taken(frame)


def test_tracks_to_judge_by_may_be_few():
    frame = pl.concat([songs(4), songs(1, mood="Sad", seed=1)])
    sources = resolve_tables(frame)
    tracks, audit = gather(sources, to_judge=True)
    assert tracks.per_mood() == {"Dark": 2, "Happy": 2, "Sad": 1}
    assert said(audit, "few_tracks") == ""
    with pytest.raises(LabelError, match="found no labelled track"):
        gather(resolve_tables(frame.with_columns(mood=pl.lit(""))), to_judge=True)


def test_too_many_moods_are_refused():
    with pytest.raises(LabelError, match=r"found 60 moods \(0, .* and 55 more\).*Does --label"):
        taken(songs(60, label=range(60)), label="label")


def test_names_of_one_column_are_two_moods_all_the_same():
    frame = songs(40).with_columns(mood=pl.Series(["so sad", "so-sad"] * 20))
    assert taken(frame)[0].moods == ("so sad", "so-sad")


def test_names_that_differ_by_case_or_form_alone_are_one_mood():
    chill = pl.Series(
        ["Chill", "Chill", "chill", " CHILL", "happy", "Caf\u00e9", "Cafe\u0301"] * 10
    )
    tracks, audit = taken(songs(70).with_columns(mood=chill))
    assert tracks.per_mood() == {"Happy": 10, "Caf\u00e9": 20, "Chill": 40}
    told = [finding.text for finding in audit.findings if "read as one mood" in finding.text]
    assert told[0] == "'Chill' and 'chill' and 'CHILL' are read as one mood, 'Chill'."
    assert len(told) == 2


@pytest.mark.parametrize("name", ["😀", "rock/pop, loud = fun", "x" * 200, "أغاني هادئة", "C++"])
def test_odd_names_are_moods_like_any_other(name):
    tracks, _ = taken(songs(40).with_columns(mood=pl.Series([name, "C"] * 20)))
    assert set(tracks.moods) == {name, "C"}


def test_names_with_control_characters_are_refused():
    frame = songs(40).with_columns(mood=pl.Series(["a\x1b[2Jb", "C"] * 20))
    with pytest.raises(UsageError, match="cannot be a name"):
        taken(frame)


# ---------------------------------------------------------------- groups of all kinds


def grouped(playlists):
    """Tracks of Happy and Dark in turn, each in the playlist named."""
    frame = songs(len(playlists)).with_columns(playlist=pl.Series(playlists))
    return taken(frame, {"group": "playlist"})


def test_an_empty_group_column_is_refused():
    for empty in ([None] * 40, [""] * 40, [" "] * 40):
        with pytest.raises(LabelError, match="'playlist' is empty in every row"):
            grouped(pl.Series(empty, dtype=pl.String))


def test_a_group_column_that_groups_nothing_is_refused():
    with pytest.raises(LabelError, match="another value for each of the 40 tracks, so it groups"):
        grouped([f"p{i}" for i in range(40)])


def test_a_group_column_that_groups_next_to_nothing_is_told():
    text = said(grouped(["a", "a", *(f"p{i}" for i in range(38))])[1], "note")
    assert "95% of the tracks are alone in their group of 'playlist'" in text


def test_a_mood_of_one_group_is_told_and_learned():
    tracks, audit = grouped(["a", "x", "b", "x"] * 10)
    assert len(tracks) == 40
    (text,) = [finding.text for finding in audit.findings if "cannot be measured" in finding.text]
    sole = next(mood for mood in tracks.moods if set(tracks.groups[tracks.labels == mood]) == {"x"})
    other = next(mood for mood in tracks.moods if mood != sole)
    assert text.startswith(f"{sole} stands in one group of 'playlist' only ('x'): how often")
    assert f"figures for unseen groups are of {other} alone" in text


def test_groups_that_cross_moods_are_told():
    _, audit = grouped(["a", "a", "b", "b"] * 10)
    assert "2 of 2 groups of 'playlist' hold tracks of several moods" in said(audit, "note")
    assert "cannot be measured" not in said(audit, "note")


def test_groups_in_good_order_are_not_talked_about():
    _, audit = grouped(["a", "x", "b", "y"] * 10)
    assert not any("group" in finding.text for finding in audit.findings)


def test_the_fingerprint_tells_tables_apart():
    tracks = taken(songs(40))[0]
    assert tracks.fingerprint() == taken(songs(40))[0].fingerprint()
    assert tracks.fingerprint() != taken(songs(40, seed=3))[0].fingerprint()
    renamed = taken(songs(40), mapping={"dark": "Gloomy"})[0]
    assert tracks.fingerprint() != renamed.fingerprint()


def test_no_table_at_all_is_refused():
    with pytest.raises(UsageError, match="no table given; name at least one"):
        gather([])
    with pytest.raises(UsageError, match="no table given"):
        taken([])


class PandasFrame:
    """Iterates over its column names, as a frame of pandas does."""

    def __iter__(self):
        return iter(["energy", "mood"])


@pytest.mark.parametrize(
    "table", [PandasFrame(), 7, [None], {"Happy": 7}], ids=["frame", "number", "none", "by mood"]
)
def test_what_is_no_table_is_refused(table):
    with pytest.raises(UsageError, match=r"found a \w+ in place of a table; expected a path"):
        resolve_tables(table)


@pytest.mark.parametrize("mood", ["", "  ", 3])
def test_a_table_needs_a_mood_with_a_name(mood):
    with pytest.raises(UsageError, match=r"as the mood of a table; expected a name"):
        resolve_tables({mood: songs()})


def test_a_missing_file_an_empty_one_and_an_unknown_dataset_are_refused(tmp_path):
    with pytest.raises(TableError, match="does not exist"):
        resolve_tables(tmp_path / "none.csv")
    with pytest.raises(TableError, match="does not exist"):
        from_arguments([f"Happy={tmp_path / 'none.csv'}"])
    empty = tmp_path / "empty.csv"
    empty.touch()
    with pytest.raises(TableError, match=r"empty"):
        resolve_tables([empty])
    with pytest.raises(DatasetError, match=r"'articel'.*Did you mean 'article'"):
        resolve_tables("dataset:articel")


# ---------------------------------------------------------------- the real tables


@pytest.mark.data
def test_the_articles_table(data_dir):
    tracks, audit = taken("dataset:article", {"group": "playlist"})
    assert audit.rows == 913
    assert counts(audit) == {"conflicts": 14, "duplicates": 16}
    assert audit.rows_used == len(tracks) == 883
    told = {finding.kind: finding.count for finding in audit.findings}
    assert told["conflict"] == 7
    assert told["duplicate"] == 15
    assert len(set(tracks.groups)) == 10
    conflict = next(finding for finding in audit.findings if finding.kind == "conflict")
    in_two_moods = ("1vcxF91pWs9uNwDROuiCPB", "3jUTjCISntIUFL8jnAjzgc", "6KigD0mlF4VGDYiSEzAyYw")
    assert sum(example.startswith(in_two_moods) for example in conflict.examples) >= 2
    # With ids alone 18 occur twice, three of them in two moods: 892 of 913 rows would stay.
    four = pl.read_csv(data_dir / "article" / "tracks2.csv")
    _, by_id = taken(four.select("id", "mood", "energy", "valence", "tempo", "loudness"))
    assert counts(by_id) == {"conflicts": 6, "duplicates": 15}
    assert by_id.rows_used == 892


@pytest.mark.data
def test_the_articles_first_table_is_part_of_the_second(data_dir):
    del data_dir
    _, audit = taken(["dataset:article", "dataset:article-1"])
    assert audit.rows == 913 + 483
    assert audit.rows_used == 883
    once = taken("dataset:article-1")[1]
    # Each track of the first is in the second, be it kept, repeated, or in conflict there.
    assert audit.shared_between_tables >= once.rows_used


FURTHER = ["dataset:article", "dataset:calm-energetic-happy-sad", "dataset:angry-happy-sad"]
MAPPED = {"mapping": {"Calm": "Relaxing", "angry": "Aggressive"}, "drop": ["sad"]}


@pytest.mark.data
def test_the_further_tables_share_tracks_with_the_article(data_dir):
    del data_dir
    tracks, audit = taken(FURTHER, {"group": "playlist"}, **MAPPED)
    assert (audit.rows, audit.rows_used) == (913 + 686 + 2552, len(tracks))
    assert "duration_ms" not in tracks.features
    assert audit.shared_between_tables == 208
    shared = said(audit, "shared")
    for pair in (
        "167 by angry-happy-sad and article;",
        "27 by angry-happy-sad and calm-energetic-happy-sad;",
        "12 by angry-happy-sad and article and calm-energetic-happy-sad;",
        "2 by article and calm-energetic-happy-sad.",
    ):
        assert pair in shared
    # Whatever stays is nowhere nearly equal to a track of another table.
    spread = tracks.X.std(axis=0)
    for one, other in combinations(np.unique(tracks.tables), 2):
        A, B = (tracks.X[tracks.tables == name] / spread for name in (one, other))
        nearest = min(np.abs(B - a).max(axis=1).min() for a in A)
        assert nearest > 1e-3


@pytest.mark.data
def test_a_large_table_of_many_collections(data_dir):
    frame = pl.read_csv(data_dir / "playlists" / "mood_playlists.csv", infer_schema_length=None)
    features = [name for name in FEATURE_NAMES if name not in {"liveness", "duration_ms"}]
    tracks, audit = taken(
        "dataset:mood-playlists", {"group": "source", "features": features}, drop=["Sad"]
    )
    n_sad = (frame["mood"] == "Sad").sum()
    assert (audit.rows, audit.dropped_unlabelled) == (len(frame), n_sad) == (17_683, 2_257)
    assert audit.rows_used == len(tracks) == len(np.unique(tracks.X.round(9), axis=0))
    assert audit.rows - sum(counts(audit).values()) == audit.rows_used
    assert set(tracks.groups) <= set(frame["source"])
    assert "column 'raw_label' gives the mood away" in said(audit, "leak")


# ---------------------------------------------------------------- the demo's table


def test_the_demo_table_is_clean():
    tracks, audit = taken(demo_table(), {"group": "playlist"})
    assert audit.rows_used == 500
    assert counts(audit) == {}
    assert_allclose(
        tracks.X.mean(axis=0), demo_table().select(FEATURE_NAMES).to_numpy().mean(axis=0)
    )


def test_a_mood_whose_rows_all_drop_out_is_not_lost_in_silence():
    table = demo_table(tracks_per_playlist=20).with_columns(
        liveness=pl.when(pl.col("mood") == "Dark").then(None).otherwise("liveness")
    )
    with pytest.raises(
        LabelError, match=r"none of the 40 Dark rows can be used: liveness missing \(40 rows\)"
    ) as caught:
        gather(resolve_tables(table))
    assert "--drop Dark" in str(caught.value)
    tracks, _ = gather(resolve_tables(table), features=("energy", "valence"))
    assert "Dark" in tracks.moods


def test_missing_values_are_told_by_column():
    table = demo_table(tracks_per_playlist=20)
    rows = pl.int_range(pl.len())
    table = table.with_columns(
        tempo=pl.when(rows < 3).then(None).otherwise("tempo"),
        valence=pl.when(rows.is_between(3, 4)).then(None).otherwise("valence"),
    )
    _, audit = gather(resolve_tables(table))
    assert "5 rows lacked a value (tempo 3, valence 2): left out." in [
        finding.text for finding in audit.findings
    ]


@pytest.mark.parametrize("slip", ["Agressive", "energtic", "Hapy"])
def test_a_slip_in_the_name_of_one_of_the_five_is_asked_about(slip):
    table = demo_table(tracks_per_playlist=20)
    with pytest.raises(UsageError, match=f"unknown mood '{slip}': did you mean"):
        gather(resolve_tables(table, mapping={"Dark": slip}))
    with pytest.raises(UsageError, match=f"unknown mood '{slip}': did you mean"):
        resolve_tables({slip: table, "Happy": table})


def test_a_mood_of_ones_own_is_no_slip():
    table = demo_table(tracks_per_playlist=20)
    tracks, _ = gather(resolve_tables(table, mapping={"Dark": "Darker", "Happy": "Joyous"}))
    assert {"Darker", "Joyous"} <= set(tracks.moods)


def test_a_feature_of_which_no_row_has_a_value_is_none(tmp_path):
    """As in a table that was collected from sources without it."""
    rows = [
        {"energy": i / 100, "valence": 1 - i / 100, "liveness": None, "mood": mood}
        for mood in ("Dark", "Happy")
        for i in range(mood == "Happy", 40, 2)
    ]
    frame = pl.DataFrame(rows, schema_overrides={"liveness": pl.Float64})
    tracks, audit = gather(resolve_tables(frame))
    assert tracks.features == ("energy", "valence")
    assert audit.rows_used == 40
    assert "table: liveness not used, since no row has a value." in said(audit, "note")


def test_lengths_alone_tell_no_mood_unless_they_are_asked_for():
    frame = songs(40).select("duration_ms", "mood")
    with pytest.raises(TableError, match=r"no feature but the length .* affetto collect"):
        gather(resolve_tables(frame))
    assert gather(resolve_tables(frame), features=["duration_ms"])[0].features == ("duration_ms",)
