"""Playlists of a library: which there are, what they are called, and that all are written."""

import json

import pytest

from affetto.errors import InputError, OutputError, UsageError
from affetto.library.entry import Entry
from affetto.library.mixes import Rules
from affetto.library.playlists import (
    of_each_mood,
    of_journey,
    of_rules,
    parse_journey,
    write_playlists,
)

MOODS = ("Happy", "Dark", "Kitchen")


def library(n=30):
    return [
        Entry(
            k,
            f"/m/{k}.mp3",
            artist=f"Artist {k % 5}",
            mood=MOODS[k % 3],
            features={
                "valence": (k % 3) / 2,
                "energy": 0.5,
                "tempo": 100.0 + k,
                "duration_ms": 6e4,
            },
        )
        for k in range(n)
    ]


def test_a_playlist_for_each_mood_that_is_there():
    made = of_each_mood([*library(), Entry(99, "/m/x.mp3", state="failed")])
    assert [(one.name, len(one.entries), one.minutes) for one in made] == [
        ("Dark", 10, 10), ("Happy", 10, 10), ("Kitchen", 10, 10),
    ]  # fmt: skip
    fast = of_each_mood(library(), Rules(min_tempo=127, n=4))
    assert [one.name for one in fast] == ["Dark", "Happy", "Kitchen"]
    assert fast[0].note == "asked for 4 tracks; 1 track meets the rules"
    with pytest.raises(InputError, match="no track meets the rules; is the library labelled"):
        of_each_mood([])


def test_a_mix_has_a_name():
    assert of_rules(library(), Rules(("Happy", "Dark"))).name == "Happy + Dark"
    assert of_rules(library(), Rules()).name == "Mix"
    assert of_rules(library(), Rules(), name="Mine").name == "Mine"
    with pytest.raises(InputError, match="moods of these tracks: Dark, Happy, Kitchen"):
        of_rules(library(), Rules(("Relaxing",)))


def test_a_journey_has_a_name_and_its_figures():
    made = of_journey(library(), ("Happy", "Kitchen"), Rules(n=6))
    assert made.name == "Happy to Kitchen" and len(made.entries) == 6
    assert made.mean_step > 0 and made.unevenness >= 0


@pytest.mark.parametrize(
    ("text", "moods"),
    [
        ("Dark:Happy", ("Dark", "Happy")),
        (" dark : HAPPY ", ("Dark", "Happy")),
        ("Dark:Kitchen:Happy", ("Dark", "Kitchen", "Happy")),
    ],
)
def test_journeys_are_read(text, moods):
    assert parse_journey(text) == moods


@pytest.mark.parametrize("text", ["", "Dark", "Dark:", "a:b:c:d"])
def test_what_is_no_journey(text):
    with pytest.raises(UsageError, match="expected from and to, as in --journey Dark:Happy"):
        parse_journey(text)


def test_all_are_written_or_none(tmp_path):
    made = of_each_mood(library(), Rules(min_confidence=0))
    with pytest.raises(UsageError, match="cannot keep to a least confidence"):
        write_playlists(made, tmp_path / "lists", "nsp")
    assert not (tmp_path / "lists").exists()
    files = write_playlists(of_each_mood(library()), tmp_path / "lists", "nsp")
    assert [json.loads(file.read_text())["name"] for file in files] == ["Dark", "Happy", "Kitchen"]
    with pytest.raises(UsageError, match="has no order"):
        write_playlists([of_journey(library(), MOODS[:2])], tmp_path, "nsp")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="is a file"):
        write_playlists(made, tmp_path / "file")
