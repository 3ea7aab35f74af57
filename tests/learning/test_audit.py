"""The audit: which rows are one track, which rules remove them, what gives a label away."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affetto.learning.audit import (
    EXAMPLES,
    Audit,
    Row,
    few_tracks,
    group_findings,
    leaking_columns,
    leaking_features,
    once_each,
    problem_findings,
)
from affetto.tracks import Track

ID = "4uLU6hMCjMI75M1A2tKUQC"
OTHER_ID = "7ouMYWpwJ422jRcDASZB7P"
NAMED = Track(title="Thunder behind the Door", artist="The Inkwell Brothers")
FEATURES = ("energy", "tempo", "valence", "loudness", "liveness")

_numbers = iter(range(1, 1_000_000))


def row(track=None, mood="Happy", table="a", values=None, problem=None, **extra):
    """One row; each has features of its own unless they are given."""
    number = next(_numbers)
    if values is None:
        values = tuple(np.float64(number) / 1e6 + i for i in range(5))
    values = tuple(values)
    return Row(values, values, mood, None, table, track or Track(), problem, extra, number)


def kept(rows):
    """Positions of the rows that stay."""
    stay = once_each(rows)[0]
    return [index for index, one in enumerate(rows) if any(one is other for other in stay)]


# ---------------------------------------------------------------- the same track


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Track(id=ID), Track(id=ID)),
        (Track(id=ID), Track(id=f"spotify:track:{ID}")),
        (Track(id=f"https://open.spotify.com/track/{ID}?si=x"), Track(id=ID)),
        (Track(id="song-a"), Track(id="song-a")),
        (Track(isrc="GB-AYE-68-00011"), Track(isrc="GBAYE6800011")),
        (NAMED, NAMED),
        (NAMED, Track(title="THUNDER behind the door!", artist="the inkwell brothers, Somebody")),
        (NAMED, Track(title="Thunder behind the Door - Remastered 2011", artist=NAMED.artist)),
        (Track(id=ID, isrc="GBAYE6800011"), Track(id=OTHER_ID, isrc="GBAYE6800011")),
    ],
    ids=str,
)
@pytest.mark.parametrize("table", ["a", "b"])
def test_the_same_track_by_a_key(one, other, table):
    rows = [row(one), row(other, table=table)]
    stay, n_shared, findings, n_conflicts, n_duplicates = once_each(rows)
    assert stay == [rows[0]]
    assert (n_shared, n_conflicts, n_duplicates) == (int(table == "b"), 0, 1)
    assert [finding.kind for finding in findings] == ["shared"] * (table == "b") + ["duplicate"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Track(id=ID), Track(id=OTHER_ID)),
        (Track(id="7"), Track(id="7")),  # counts the rows of a table
        (Track(title="Gold"), Track(title="Gold")),  # without an artist
        (NAMED, Track(title=NAMED.title, artist="The Willow Otters")),
        (NAMED, Track(title=f"{NAMED.title} - Live", artist=NAMED.artist)),
        (Track(album="One", title=None), Track(album="One", title=None)),
    ],
    ids=str,
)
def test_two_tracks_stay_two(one, other):
    assert kept([row(one), row(other)]) == [0, 1]


def test_equal_features_are_one_track():
    values = (0.137, 120.004, 0.5, -7.25, 0.0)
    written_otherwise = (0.13699999999999998, 120.00400000000002, 0.5, -7.25, -0.0)
    assert kept([row(Track(id=ID), values=values), row(values=written_otherwise)]) == [0]
    as_float32 = tuple(float(np.float32(value)) for value in values)
    assert kept([row(values=values), row(values=as_float32)]) == [0]


def test_nearly_equal_features_are_two_tracks():
    values = (0.137, 120.004, 0.5, -7.25, 0.1)
    assert kept([row(values=values), row(values=(0.137, 120.005, *values[2:]))]) == [0, 1]


def test_without_telling_features_equal_rows_are_two_tracks():
    rows = [row(values=(0.5, 0.5)), row(values=(0.5, 0.5))]
    assert kept(rows) == [0]
    for one in rows:
        one.telling = ()
    assert kept(rows) == [0, 1]


def test_keys_are_joined_across_rows():
    # The first and the last share no key: the middle one links them, wherever it stands.
    first, last = Track(id=ID), Track(isrc="GBAYE6800011")
    link = Track(id=f"spotify:track:{ID}", isrc="GBAYE6800011")
    for order in ([first, last, link], [link, first, last], [first, link, last]):
        assert kept([row(track) for track in order]) == [0]


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=1, max_size=25))
@settings(max_examples=150, deadline=None)
def test_rows_are_grouped_as_a_graph_is(edges):
    """Each row links two keys; components by another algorithm, fixed-point relabelling."""
    rows = [row(Track(id=f"song:{a}", title=f"song {b}", artist="A")) for a, b in edges]
    label = list(range(len(edges)))
    changed = True
    while changed:
        changed = False
        for i, (a, b) in enumerate(edges):
            for j, (c, d) in enumerate(edges):
                if (a == c or b == d) and label[i] > label[j]:
                    label[i], changed = label[j], True
    assert kept(rows) == sorted(set(label))


# ---------------------------------------------------------------- the rules


def test_a_conflict_is_dropped_whole():
    rows = [
        row(Track(id=ID), "Happy"),
        row(Track(id=OTHER_ID), "Dark"),
        row(Track(id=ID), "Happy"),
        row(Track(id=ID), "Dark"),
    ]
    stay, n_shared, findings, n_conflicts, n_duplicates = once_each(rows)
    assert stay == [rows[1]]
    assert (n_shared, n_conflicts, n_duplicates) == (0, 3, 0)
    (finding,) = findings
    assert (finding.kind, finding.count) == ("conflict", 1)
    assert finding.text.startswith("1 track labelled with two moods: all 3 rows left out")
    assert finding.examples == (
        f"{ID} (Happy/Dark): a row {rows[0].number}, a row {rows[2].number}, "
        f"a row {rows[3].number}",
    )


def test_a_duplicate_is_kept_once_where_it_stands_first_and_the_order_stays():
    tracks = [NAMED, Track(id=ID), Track(id="x"), NAMED, Track(id=ID), Track(id="y"), NAMED]
    rows = [row(track) for track in tracks]
    stay, _, findings, _, n_duplicates = once_each(rows)
    assert stay == [rows[0], rows[1], rows[2], rows[5]]
    assert n_duplicates == 3
    (finding,) = findings
    assert (finding.kind, finding.count) == ("duplicate", 2)
    assert finding.text == (
        "2 tracks given more than once: kept where it stands first, 3 rows left out."
    )


def test_shared_tracks_are_counted_by_the_tables_that_share_them():
    rows = [row(Track(id=f"s{i}"), table=table) for i in range(3) for table in "ab"]
    rows += [row(Track(id="s0"), table="c"), row(Track(id="s9"), "Dark", "a")]
    rows += [row(Track(id="s9"), "Happy", "c")]
    _, n_shared, findings, n_conflicts, n_duplicates = once_each(rows)
    assert (n_shared, n_conflicts, n_duplicates) == (4, 2, 4)
    shared = findings[0]
    assert (shared.kind, shared.count) == ("shared", 4)
    assert shared.text == (
        "4 tracks shared between tables: 2 by a and b; 1 by a and b and c; 1 by a and c."
    )


def test_only_a_few_examples_are_named():
    rows = [row(Track(id=f"song-{i}")) for i in range(20) for _ in range(2)]
    (finding,) = once_each(rows)[2]
    assert finding.count == 20
    assert len(finding.examples) == EXAMPLES


def test_clean_rows_all_stay_and_nothing_is_told():
    rows = [row(Track(id=f"song-{i}"), "Happy" if i % 2 else "Dark") for i in range(20)]
    assert once_each(rows) == (rows, 0, [], 0, 0)


# ---------------------------------------------------------------- rows that cannot be used


@pytest.mark.parametrize(
    ("problem", "kind", "said"),
    [
        ("tempo missing", "missing", "1 row lacked a value"),
        ("energy 7.3: expected 0–1", "out_of_range", "1 row held an impossible value"),
        ("tempo: 'fast' is not a number", "unreadable", "held text in place of a number"),
        ("tempo: 'is missing' is not a number", "unreadable", "text in place of a number"),
        ("key: ': expected ' is not a number", "unreadable", "text in place of a number"),
        (
            "line 7: 3 cells where the header has 12 (is the line cut short?)",
            "unreadable",
            "too few or too many cells",
        ),
    ],
)
def test_problems_are_told_by_kind(problem, kind, said):
    bad = row(problem=problem)
    (finding,) = problem_findings([row(), bad, row()])
    assert (finding.kind, finding.count) == (kind, 1)
    assert said in finding.text
    assert finding.examples == (f"a row {bad.number}: {problem}",)


def test_problems_of_a_kind_are_told_together():
    rows = [row(problem="tempo missing"), row(problem="energy missing"), row()]
    rows += [row(problem="energy 7: expected 0–1")]
    assert [(f.kind, f.count) for f in problem_findings(rows)] == [
        ("missing", 2),
        ("out_of_range", 1),
    ]


# ---------------------------------------------------------------- what gives a label away


def labelled(n=40, moods=("Happy", "Dark"), **columns):
    """Rows of moods in turn; a column is a function of the mood and the position."""
    return [
        row(mood=mood, **{name: value(mood, i) for name, value in columns.items()})
        for i in range(n)
        for mood in (moods[i % len(moods)],)
    ]


def leaks(rows):
    return [finding.text.split("'")[1] for finding in leaking_columns(rows)]


def test_a_column_that_determines_the_mood_is_found():
    rows = labelled(playlist=lambda mood, i: f"{mood}-{i % 3}")
    (finding,) = leaking_columns(rows)
    assert (finding.kind, finding.count) == ("leak", 6)
    assert finding.text == (
        "a: column 'playlist' gives the mood away (40 of 40 rows); it is not used as input."
    )
    assert leaking_columns(rows, group="playlist") == []


@pytest.mark.parametrize(
    "column",
    [
        lambda mood, i: f"song {i}",  # a name each: nothing repeats
        lambda mood, i: "rock",  # constant
        lambda mood, i: None,
        lambda mood, i: f"genre {i // 2 % 4}",  # independent of the mood
        lambda mood, i: f"{mood}-{i % 20}",  # a value for every two rows
    ],
)
def test_an_innocent_column_is_not(column):
    assert leaks(labelled(x=column)) == []


def test_a_constant_column_is_innocent_where_nearly_all_tracks_are_of_one_mood():
    rows = [row(mood="Dark" if i < 10 else "Happy", x="rock") for i in range(1500)]
    assert leaks(rows) == []
    for one in rows:
        one.extra["x"] = one.mood
    assert leaks(rows) == ["x"]


def test_a_few_exceptions_do_not_clear_a_column():
    rows = labelled(400, playlist=lambda mood, i: mood)
    for one in rows[:2]:
        one.extra["playlist"] = "Happy"
    assert leaks(rows) == ["playlist"]
    for one in rows[:12]:
        one.extra["playlist"] = "Happy"
    assert leaks(rows) == []


def test_columns_are_judged_table_by_table():
    tables = {"a": lambda mood: mood, "b": lambda mood: "one playlist"}
    rows = [
        row(mood=mood, table=table, playlist=value(mood))
        for table, value in tables.items()
        for mood in ("Happy", "Dark") * 20
    ]
    assert [finding.text.partition(":")[0] for finding in leaking_columns(rows)] == ["a"]


def test_a_table_of_one_mood_gives_nothing_away():
    assert leaks(labelled(moods=("Happy",), playlist=lambda mood, i: "summer")) == []


def test_a_feature_that_carries_the_label_is_found():
    draw = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], 40)
    X = draw.normal(size=(120, 5))
    assert leaking_features(X, y, FEATURES, ("Happy", "Dark", "Sad")) == []
    X[:, 3] = -5 * (y == 1) + draw.normal(size=120) / 10  # low in one mood
    (finding,) = leaking_features(X, y, FEATURES, ("Happy", "Dark", "Sad"))
    assert finding.kind == "leak"
    assert finding.text.startswith("loudness alone tells Dark from all other moods (AUC 1.000)")


# ---------------------------------------------------------------- moods


def test_moods_with_few_tracks_are_told():
    (finding,) = few_tracks({"Happy": 200, "Dark": 49, "Sad": 50})
    assert (finding.kind, finding.count) == ("few_tracks", 49)
    # Wilson's interval around one half: ±.135 on 49 tracks, ±.095 on a third of 299.
    assert finding.text == (
        "Dark has only 49 tracks: how many of them are recognised is known to ±13 points at best, "
        "and the accuracy of a test on a third of all tracks may be off by ±10 points."
    )


def test_many_moods_with_few_tracks_are_one_finding():
    (finding,) = few_tracks({f"m{i}": 10 + i for i in range(6)} | {"Happy": 60})
    assert finding.text == (
        "6 of 7 moods have fewer than 50 tracks, and the accuracy of a test on a third of all "
        "tracks may be off by ±14 points: of a mood with 10, how many are recognised is known to "
        "±26 at best."
    )
    assert finding.examples == ("m0 10", "m1 11", "m2 12", "m3 13", "m4 14")


def test_groups_too_small_to_be_held_out_are_told():
    y = np.repeat([0, 1, 2], [7, 20, 20])
    groups = np.array(["a"] * 3 + ["b"] * 4 + ["c", "d"] * 10 + ["e", "f"] * 10)
    (finding,) = group_findings(y, groups, ("Happy", "Dark", "Sad"), "playlist")
    assert finding.text.startswith(
        "Happy has fewer than 5 tracks outside one group of 'playlist': how often such a track"
    )
    assert "are of Dark and Sad alone" in finding.text
    y[:], groups[7:27] = np.repeat([0, 1, 2], [7, 20, 20]), "c"
    (finding,) = group_findings(y, groups, ("Happy", "Dark", "Sad"), "playlist")
    assert finding.text.startswith("Happy and Dark have fewer than 5 tracks outside one group")


def test_of_two_moods_a_feature_carries_the_label_once():
    y = np.repeat([0, 1], 40)
    X = np.c_[y + np.linspace(0, 0.5, 80), np.random.default_rng(0).normal(size=80)]
    (finding,) = leaking_features(X, y, ("energy", "tempo"), ("Happy", "Dark"))
    assert finding.text.startswith("energy alone tells Happy from Dark (AUC 1.000)")


def test_a_label_that_reads_like_one_of_the_five_is_pointed_out():
    (finding,) = few_tracks({"Aggressive": 100, "angry": 100, "Happy": 100})
    assert finding.kind == "note"
    assert "--map angry=Aggressive" in finding.text
    assert few_tracks({"angry": 100, "Happy": 100}) == []  # nothing there to merge it with


def test_the_audit_is_plain_data():
    rows = [row(Track(id=ID)), row(Track(id=ID))]
    audit = Audit(2, 0, 0, 0, 1, 0, 1, tuple(once_each(rows)[2]))
    assert json.loads(json.dumps(audit.as_dict()))["findings"][0]["kind"] == "duplicate"
