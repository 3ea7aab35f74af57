"""Moods: columns, vocabularies, mappings, and colours that all eyes tell apart."""

import itertools
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affetto.errors import UsageError
from affetto.moods import (
    MAX_MOODS,
    MOOD_NAMES,
    MOODS,
    NEAR_WORDS,
    Mood,
    canonical_mood,
    mood_order,
    parse_mapping,
    relabel,
    resolve_moods,
)

# Machado et al. (2009), severity 1.0, on linear RGB; the first is the eye that sees all.
EYES = {
    "trichromat": np.eye(3),
    "protan": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deutan": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritan": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
# Ottosson (2020), linear sRGB to OKLab.
TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
GROUNDS = {"colour_light": "#ffffff", "colour_dark": "#14171c"}


def linear(colour):
    channels = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    """WCAG 2.2 contrast ratio."""
    darker, lighter = sorted(linear(c) @ [0.2126, 0.7152, 0.0722] for c in (one, other))
    return (lighter + 0.05) / (darker + 0.05)


def seen(colour, eyes):
    return TO_LAB @ np.cbrt(TO_LMS @ np.clip(EYES[eyes] @ linear(colour), 0, 1))


def least_distance(colours, eyes):
    places = [seen(colour, eyes) for colour in colours]
    return min(np.linalg.norm(a - b) for a, b in itertools.combinations(places, 2))


def test_the_yardsticks_themselves():
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert seen("#ffffff", "trichromat") == pytest.approx([1, 0, 0], abs=1e-4)
    red_green = ["#cc0000", "#5a6e00"]
    assert least_distance(red_green, "deutan") < least_distance(red_green, "trichromat") / 3


def test_the_five_in_the_articles_order():
    assert MOOD_NAMES == ("Energetic", "Relaxing", "Dark", "Aggressive", "Happy")
    assert all(mood.meaning for mood in MOODS)


def test_the_five_stand_in_their_quadrants():
    places = {mood.name: (mood.valence, mood.arousal) for mood in MOODS}
    assert all(-1 <= value <= 1 for place in places.values() for value in place)
    signs = {name: (v > 0, a > 0) for name, (v, a) in places.items()}
    assert signs["Energetic"] == signs["Happy"] == (True, True)
    assert signs["Relaxing"] == (True, False)
    assert signs["Dark"] == (False, False)
    assert signs["Aggressive"] == (False, True)
    assert places["Energetic"][1] > places["Happy"][1]


@pytest.mark.parametrize("field", GROUNDS)
def test_the_five_colours_stand_out_from_the_ground(field):
    for mood in MOODS:
        assert contrast(getattr(mood, field), GROUNDS[field]) >= 3


@pytest.mark.parametrize("field", GROUNDS)
@pytest.mark.parametrize("eyes", EYES)
def test_all_eyes_tell_the_five_colours_apart(field, eyes):
    assert least_distance([getattr(mood, field) for mood in MOODS], eyes) >= 0.12


@pytest.mark.parametrize("field", GROUNDS)
@pytest.mark.parametrize("count", [2, 5, 8])
def test_all_eyes_tell_eight_own_moods_apart(field, count):
    colours = [getattr(mood, field) for mood in resolve_moods(f"own {i}" for i in range(count))]
    for eyes in EYES:
        assert least_distance(colours, eyes) >= 0.09


@pytest.mark.parametrize("field", GROUNDS)
def test_all_eyes_tell_own_moods_from_the_five(field):
    names = [*MOOD_NAMES, *(f"own {i}" for i in range(8))]
    colours = [getattr(mood, field) for mood in resolve_moods(names)]
    for eyes in EYES:
        assert least_distance(colours, eyes) >= 0.07


@pytest.mark.parametrize("field", GROUNDS)
def test_fifty_own_moods_differ_and_stand_out(field):
    colours = [getattr(mood, field) for mood in resolve_moods(f"own {i}" for i in range(50))]
    assert len(set(colours)) == 50
    for colour in colours:
        assert re.fullmatch("#[0-9a-f]{6}", colour)
        assert contrast(colour, GROUNDS[field]) >= 3


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("Relaxing", "p_relaxing"),
        ("Very Sad", "p_very_sad"),
        ("rock'n'roll!", "p_rock_n_roll"),
        ("Überschwänglich", "p_überschwänglich"),
        ("楽しい", "p_楽しい"),
        ("!!!", "p_mood"),
        ("😀", "p_😀"),
        ("rock/pop 🎸", "p_rock_pop_🎸"),
        ("cafe\u0301", "p_caf\u00e9"),
        ("खुशी", "p_खुशी"),
    ],
)
def test_probability_columns(name, column):
    assert Mood(name).column == column


def test_a_vocabulary_keeps_its_order_and_the_fives_places():
    sad, happy = resolve_moods(["Sad", "Happy"])
    assert (sad.name, sad.valence, sad.arousal) == ("Sad", None, None)
    assert happy is MOODS[4]
    assert resolve_moods(iter(MOOD_NAMES)) == MOODS


def test_a_vocabulary_holds_2_to_50():
    assert len(resolve_moods(f"m{i}" for i in range(MAX_MOODS))) == 50
    for names, found in [([], r"found 0 mood\(s\) \(none\)"), (["Happy"], r"found 1 .*\(Happy\)")]:
        with pytest.raises(UsageError, match=found):
            resolve_moods(names)
    with pytest.raises(UsageError, match=r"found 51 .*a vocabulary holds 2 to 50"):
        resolve_moods(f"m{i}" for i in range(51))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["sad", "Sad"], "'sad' and 'Sad' differ by case, spaces or"),
        (["night drive", "Night  Drive"], "differ by case, spaces or"),
        (["caf\u00e9", "cafe\u0301"], "differ by case, spaces or accents' form only"),
        (["Happy", "Sad", "Happy"], "mood 'Happy' is named 2 times"),
        (["Happy", "  "], "empty name"),
        (["Happy", ""], "empty name"),
    ],
)
def test_clashing_and_empty_moods_are_refused(names, message):
    with pytest.raises(UsageError, match=message):
        resolve_moods(names)


def columns_of(*names):
    return [mood.column for mood in resolve_moods(names)]


def test_names_of_one_column_get_it_numbered_in_the_order_given():
    assert columns_of("lo-fi", "happy", "lo fi") == ["p_lo_fi", "p_happy", "p_lo_fi_2"]
    assert columns_of("C", "C++", "C#", "c_2") == ["p_c", "p_c_2", "p_c_3", "p_c_2_2"]
    assert columns_of("!!!", "???", "—") == ["p_mood", "p_mood_2", "p_mood_3"]
    assert columns_of("😀", "😢") == ["p_😀", "p_😢"]


@settings(deadline=None)
@given(st.lists(st.text(st.characters(categories=["L", "P", "S", "Zs"]), min_size=1), min_size=2))
def test_no_two_moods_share_a_column(names):
    try:
        moods = resolve_moods(names)
    except UsageError:
        return
    assert len({mood.column for mood in moods}) == len(names)


def test_order_of_moods():
    assert mood_order(["Sad", "Happy", "Calm", "Energetic", "Sad"]) == [
        "Energetic",
        "Happy",
        "Calm",
        "Sad",
    ]


def test_spelling_of_the_five():
    assert canonical_mood(" hAPPY ") == "Happy"
    assert canonical_mood(" very sad ") == "very sad"


@settings(deadline=None)
@given(st.text(max_size=20))
def test_spelling_a_mood_twice_changes_nothing(label):
    assert canonical_mood(canonical_mood(label)) == canonical_mood(label)


def test_near_words_lead_to_the_five():
    assert set(NEAR_WORDS.values()) <= set(MOOD_NAMES)
    assert not {word.lower() for word in NEAR_WORDS} & {name.lower() for name in MOOD_NAMES}


def test_reading_a_mapping():
    assert parse_mapping("angry=Aggressive, calm = relaxing ,") == {
        "angry": "Aggressive",
        "calm": "Relaxing",
    }
    assert parse_mapping("late night=Night Drive") == {"late night": "Night Drive"}
    assert parse_mapping("") == {}


@pytest.mark.parametrize("text", ["angry", "angry=", "=Dark", "a=Dark,b", "a==Dark", "a=b=Dark"])
def test_a_mapping_that_cannot_be_read(text):
    with pytest.raises(UsageError, match=r"cannot read '.+'; expected label=Mood, as in --map"):
        parse_mapping(text)


@pytest.mark.parametrize("text", ["a=Dark,a=Happy", "angry=Dark,Angry=Happy"])
def test_a_mapping_that_names_a_label_twice(text):
    with pytest.raises(UsageError, match=r"--map names '\w+' twice: as 'Dark' and as 'Happy'"):
        parse_mapping(text)


def test_relabelling_maps_drops_and_spells():
    labels = ["Angry", "calm ", "SAD", "happy", "Party"]
    mapping = {"angry": "aggressive", " CALM": "Relaxing"}
    assert relabel(labels, mapping, ["sad"]) == ["Aggressive", "Relaxing", None, "Happy", "Party"]
    assert relabel(labels, mapping, iter(["sad"])) == relabel(labels, mapping, ["sad"])
    assert relabel([], {}) == []


@pytest.mark.parametrize(("mapping", "dropped"), [({"angri": "Dark"}, []), ({}, iter(["angri"]))])
def test_relabelling_a_label_that_is_not_there(mapping, dropped):
    with pytest.raises(UsageError, match="'angri' does not occur in the table; found: angry, sad"):
        relabel(["sad", "angry", "sad "], mapping, dropped)


def test_a_label_cannot_be_both_mapped_and_dropped():
    with pytest.raises(UsageError, match="'Sad' is both mapped to 'Dark' and dropped"):
        relabel(["sad", "happy"], {"sad": "Dark"}, ["Sad"])


@pytest.mark.parametrize("name", ["a\x1b[31m", "two\nlines", "x" * 201])
def test_a_name_that_could_not_be_saved_is_refused_at_once(name):
    with pytest.raises(UsageError, match="cannot be a name; expected at most 200 characters"):
        resolve_moods([name, "Happy"])
