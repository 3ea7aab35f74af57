"""Tracks gathered from several sources: each known once, nothing said lost."""

import math

import numpy as np
import pytest

from affetto.collecting.gathering import Gathered
from affetto.collecting.table import table_of
from affetto.features import FEATURE_NAMES
from affetto.sources.contract import Listed
from affetto.tracks import Track

ID_A, ID_B = "4uLU6hMCjMI75M1A2tKUQC", "1vcxF91pWs9uNwDROuiCPB"
ENERGY = FEATURE_NAMES.index("energy")


def gathered(*playlists):
    found = Gathered()
    for name, mood, entries in playlists:
        found.begin_group(name, mood, "files")
        for entry in entries:
            found.add(entry)
    return found


def test_one_recording_is_known_once_whoever_lists_it():
    found = gathered(
        ("a", "Happy", [Listed(Track(id=f"spotify:track:{ID_A}", title="Sun", artist="Ra"))]),
        ("b", "Happy", [Listed(Track(id=ID_A, isrc="USRC17607839"))]),
        ("c", "Happy", [Listed(Track(isrc="US-RC1-76-07839"), path="/music/sun.mp3")]),
        (
            "d",
            "Happy",
            [Listed(Track(title="SUN", artist="Ra, Others"), origin="subsonic", handle="7")],
        ),
    )
    (track,) = found.tracks
    assert track.track == Track(f"spotify:track:{ID_A}", "USRC17607839", "Sun", "Ra")
    assert (track.path, track.handle, track.origin) == ("/music/sun.mp3", "7", "subsonic")
    assert found.n_rows == 4


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            Listed(Track(id=ID_A, title="Sun", artist="Ra")),
            Listed(Track(id=ID_B, title="Sun", artist="Ra")),
        ),
        (
            Listed(Track(title="Sun", artist="Ra"), path="/a"),
            Listed(Track(title="Sun", artist="Ra"), path="/b"),
        ),
        (
            Listed(Track(title="Sun", artist="Ra"), origin="subsonic", handle="1"),
            Listed(Track(title="Sun", artist="Ra"), origin="subsonic", handle="2"),
        ),
        (
            Listed(Track(isrc="USRC17607839", title="Sun", artist="Ra")),
            Listed(Track(isrc="USRC17607840", title="Sun", artist="Ra")),
        ),
        (Listed(Track(id="3"), path="/a"), Listed(Track(id="3"), path="/b")),  # row numbers
    ],
)
def test_a_name_does_not_join_what_ids_tell_apart(one, other):
    assert len(gathered(("a", "Happy", [one, other])).tracks) == 2


def test_an_entry_that_stands_twice_in_a_playlist_is_taken_once():
    entry = Listed(Track(id=ID_A))
    found = gathered(("a", "Happy", [entry, entry]), ("b", "Happy", [entry]))
    assert (found.n_rows, found.n_again) == (2, 1)


def test_playlists_of_one_name_are_two_groups():
    found = gathered(
        ("Mix", "Happy", [Listed(Track(id=ID_A))]),
        ("Mix", "Dark", [Listed(Track(id=ID_B))]),
        ("Mix (2)", "Dark", [Listed(Track(id=ID_B))]),
    )
    assert [group.name for group in found.groups] == ["Mix", "Mix (2)", "Mix (2) (2)"]


def test_a_group_that_is_dropped_leaves_its_name_free():
    found = gathered(("Mix", "Happy", []))
    found.drop_group()
    found.begin_group("Mix", "Dark", "files")
    assert [group.name for group in found.groups] == ["Mix"]


def test_tracks_in_several_moods_are_found():
    a, b = Listed(Track(id=ID_A)), Listed(Track(id=ID_B))
    found = gathered(("1", "Happy", [a, b]), ("2", "Happy", [a]), ("3", "Dark", [b]))
    assert found.in_several_moods().tolist() == [1]
    assert Gathered().in_several_moods().tolist() == []


def test_each_value_is_of_the_first_origin_that_has_one():
    found = gathered(("a", "Happy", [Listed(Track(id=ID_A)), Listed(Track(id=ID_B))]))
    found.offer("table", 0, {"energy": 0.25})
    found.offer("reccobeats", 0, {"energy": 0.75, "valence": 0.5})
    found.offer("reccobeats", 1, {"energy": 0.125})
    values, origins = found.chosen(["table", "reccobeats"])
    assert values[:, ENERGY].tolist() == [0.25, 0.125]
    assert origins[:, ENERGY].tolist() == [0, 1]
    assert values[0, FEATURE_NAMES.index("valence")] == 0.5
    assert origins[1, FEATURE_NAMES.index("valence")] == -1
    values, _ = found.chosen(["reccobeats", "table"])
    assert values[0, ENERGY] == 0.75


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan, math.inf])
def test_what_cannot_be_a_feature_is_no_offer(value):
    found = gathered(("a", "Happy", [Listed(Track(id=ID_A))]))
    found.offer("table", 0, {"energy": value})
    assert np.isnan(found.values("table")).all()


def test_offers_grow_with_the_tracks():
    found = Gathered()
    found.begin_group("a", "Happy", "files")
    for place in range(1_000):
        listed = Listed(Track(id=f"{place:022d}"), {"energy": place / 1_000})
        found.add(listed)
    assert found.values("table")[:, ENERGY].tolist() == [place / 1_000 for place in range(1_000)]
    assert found.values("audio").shape == (1_000, 10)


def test_the_table_says_where_each_value_is_from():
    found = gathered(
        ("a", "Happy", [Listed(Track(id=ID_A, title="Sun"), {"energy": 0.12345678})]),
        ("b", "Dark", [Listed(Track(id=ID_A)), Listed(Track(), path="/x.mp3")]),
        ("c", "Dark", [Listed(Track(), origin="subsonic", handle="17")]),
    )
    found.offer("audio", 1, {"tempo": 120.456})
    frame = table_of(found, ["table", "audio"])
    assert frame["playlist"].to_list() == ["a", "b", "b", "c"]
    assert frame["mood"].to_list() == ["Happy", "Dark", "Dark", "Dark"]
    assert frame["id"].to_list() == [ID_A, ID_A, None, "17"]
    assert frame["path"].to_list() == [None, None, "/x.mp3", None]
    assert frame["energy"].to_list() == [0.1235, 0.1235, None, None]
    assert frame["from_energy"].to_list() == ["table", "table", None, None]
    assert frame["tempo"].to_list() == [None, None, 120.46, None]
    assert frame["from_tempo"].to_list() == [None, None, "audio", None]
    assert frame.columns[:9] == [
        *("id", "isrc", "title", "artist", "album", "path", "playlist", "mood", "source")
    ]
    assert frame.columns[9:] == [*FEATURE_NAMES, *(f"from_{name}" for name in FEATURE_NAMES)]


def test_the_table_is_read_back_as_it_was_written(tmp_path):
    from affetto.scoring.results import write_frame
    from affetto.sources.tables import scan_table

    found = gathered(("a", "Happy", [Listed(Track(id=ID_A), {"energy": 0.5, "tempo": 90.0})]))
    for suffix in ("csv", "parquet", "jsonl"):
        write_frame(table_of(found, ["table"]), tmp_path / f"t.{suffix}")
        table = scan_table(tmp_path / f"t.{suffix}")
        (row,) = table.collect().to_dicts()
        assert (row["energy"], row["tempo"], row["error"]) == (0.5, 90.0, None)
        assert (row["mood"], row["playlist"], row["from_energy"]) == ("Happy", "a", "table")


def test_half_a_character_is_written_as_its_number():
    entry = Listed(Track(title="x\ud800", artist="b"), path="/a/\udce9.mp3")
    found = gathered(("mix\udcff", "Happy", [entry]))
    (row,) = table_of(found, ["table"]).iter_rows(named=True)
    assert (row["title"], row["path"]) == ("x\\ud800", "/a/\\xe9.mp3")
    assert row["playlist"] == "mix\\xff"


def test_many_playlists_of_one_name_are_numbered_in_order():
    found = Gathered()
    for _ in range(2):
        found.begin_group("Album", "Happy", "files")
    found.drop_group()
    for _ in range(3):
        found.begin_group("Album", "Happy", "files")
    names = [group.name for group in found.groups]
    assert names == ["Album", "Album (2)", "Album (3)", "Album (4)"]
