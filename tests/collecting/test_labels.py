"""Labels read from the names of playlists."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affetto.collecting.labels import UNNAMED, label_of
from affetto.moods import MAX_NAME, MOOD_NAMES, check_name


@pytest.mark.parametrize("mood", MOOD_NAMES)
@pytest.mark.parametrize("name", ["{} 2", "my_{}_songs", "{}-2024", "{0}{0} {0}", "🌙{}🌙"])
def test_one_of_the_five_in_a_name_is_the_label(mood, name):
    for spelling in (mood, mood.lower(), mood.upper()):
        assert label_of(name.format(spelling)) == mood


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("Calm-2", "Calm"),
        ("calm (3)", "calm"),
        ("Calm [4]", "Calm"),
        ("Calm #5", "Calm"),
        ("calm_06", "calm"),
        ("Calm, Vol. 7", "Calm"),
        ("calm8", "calm"),
        ("AC/DC", "AC/DC"),
        ("80s / Dark synth", "Dark"),
        ("late_night  drive", "late night drive"),
        ("gloomy", "gloomy"),
        ("unhappy", "unhappy"),
        ("Happy & Dark", "Happy & Dark"),
        ("Happy or dark 2", "Happy or dark"),
        ("U2", "U2"),
        ("80s", "80s"),
        ("2024", "2024"),
        ("(3)", "(3)"),
        ("スリープ 2", "スリープ"),
        ("two\nlines", "two lines"),
        ("", UNNAMED),
        (" ", UNNAMED),
    ],
)
def test_else_the_name_without_its_number_is_the_label(name, label):
    assert label_of(name) == label


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_name_gives_a_label_that_a_vocabulary_takes(name):
    label = label_of(name)
    assert 0 < len(label) <= MAX_NAME
    assert label == label.strip()
    check_name(label)
