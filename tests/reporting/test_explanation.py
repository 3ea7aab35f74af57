"""Explanations in words and as a picture: plain, true to their figures, safe with any name."""

import math
import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from affetto.explain import Change, Explanation, Reason
from affetto.moods import MOOD_NAMES
from affetto.population import Place
from affetto.reporting.explanation import explanation_picture, in_words, level_of, odds_change

MIDDLE = Place(0.4, 0.5, 0.6, 0.5, 0.5)


def reason(feature, value, contribution, *, below=0.5, own=MIDDLE, reference=0.5):
    among_all = Place(0.3, 0.5, 0.7, below, 1 - below)
    return Reason(feature, value, reference, contribution, among_all, own, MIDDLE)


def happy(**changes):
    """Happy 61%, Energetic 22%: 2.8 to 1."""
    reasons = (
        reason("energy", 0.91, -0.7, own=Place(0.55, 0.62, 0.74, 0.97, 0.03)),
        reason("danceability", 0.71, 0.4),
        reason("valence", 0.83, 1.1, below=0.8),
        reason("liveness", 0.2, 0.01),
        reason("duration_ms", 184_000.0, 0.0, reference=200_000.0),
    )
    told = Explanation(
        mood="Happy",
        next_mood="Energetic",
        probabilities={"Happy": 0.61, "Energetic": 0.22, "Relaxing": 0.17},
        margin=math.log(0.61 / 0.22),
        reference_margin=math.log(0.61 / 0.22) - 0.81,
        reasons=reasons,
        change=Change({"energy": 0.9512}, {"energy": 0.96}, "Energetic", 0.1),
        likeness={"Happy": 0.7, "Energetic": 0.5, "Relaxing": 0.1},
    )
    return replace(told, **changes)


def words(**changes):
    return " ".join(in_words(happy(**changes)))


def test_the_words_of_a_track():
    assert in_words(happy()) == [
        "Happy 61%, next Energetic 22%.",
        "What spoke for Happy rather than Energetic: valence 0.83 (high) and danceability 0.71; "
        "against it: energy 0.91.",
        "A track in the middle of every feature would lean towards Happy, 1.2 to 1.",
        "With energy 0.96 in place of 0.91 it would have been Energetic.",
        "All in all its features are most like those of typical Happy tracks.",
        "Unusual for Happy: energy 0.91, higher than 97% of them (typical 0.62, half of them 0.55 "
        "to 0.74).",
    ]


def test_a_start_that_hardly_matters_is_not_told():
    assert "in the middle" not in words(reference_margin=0.1)
    assert "lean towards Energetic, 2.7 to 1" in words(reference_margin=-1.0)


@pytest.mark.parametrize(
    ("contributions", "expected"),
    [
        ((0.0, 0.01), "No feature speaks for or against Happy rather than Energetic."),
        ((-1.0, -0.5), "No feature spoke for Happy rather than Energetic; against it: energy"),
        ((1.0, 0.5), "energy 0.91 and valence 0.83; against it: little."),
        ((1.0, 0.05), "rather than Energetic: energy 0.91; against it: little."),
    ],
)
def test_what_spoke_for_it_and_against(contributions, expected):
    names = (("energy", 0.91), ("valence", 0.83))
    reasons = tuple(reason(*own, c) for own, c in zip(names, contributions, strict=True))
    assert expected in words(reasons=reasons)


@pytest.mark.parametrize(
    ("feature", "before", "change", "expected"),
    [
        ("valence", 0.83, {"valence": 0.4}, "valence 0.40 in place of 0.83"),
        ("valence", 0.4012, {"valence": 0.4023}, "valence 0.4023 in place of 0.4012"),
        ("valence", 0.5, {"valence": 0.0004}, "valence 0.0004 in place of 0.5"),
        ("valence", 0.0022, {"valence": 0.0}, "valence 0 in place of 0.0022"),
        ("valence", 0.0, {"valence": 0.29}, "valence 0.29 in place of 0"),
        ("tempo", 120.2, {"tempo": 120.4}, "tempo 120.4 BPM in place of 120.2 BPM"),
        ("tempo", 120.0, {"tempo": 131.0}, "tempo 131 BPM in place of 120 BPM"),
        ("loudness", -5.0, {"loudness": -7.1}, "loudness −7.1 dB in place of −5.0 dB"),
        ("duration_ms", 184_000, {"duration_ms": 2e5}, "duration 3:20 min in place of 3:04 min"),
    ],
)
def test_changes_are_told_in_as_many_digits_as_it_takes(feature, before, change, expected):
    told = words(reasons=(reason(feature, before, 1.0),), change=Change(change, change, "Dark", 1))
    assert f"With {expected} it would have been Dark." in told


def test_two_changes_and_none():
    two = {"energy": 0.95, "valence": 0.4}
    assert (
        "With energy 0.95 in place of 0.91 and valence 0.40 in place of 0.83 it would have been "
        "Dark." in words(change=Change(two, two, "Dark", 1.0))
    )
    assert "No change of one feature, or of two, that was tried would turn it." in words(
        change=None
    )


def test_a_track_that_is_more_like_another_mood():
    assert "most like those of typical Energetic tracks rather than the Happy ones." in words(
        likeness={"Energetic": 0.7, "Happy": 0.5}
    )


def test_a_model_that_knows_no_quantiles_says_nothing_of_typical_tracks():
    bare = tuple(
        replace(own, among_all=None, among_own=None, among_next=None) for own in happy().reasons
    )
    told = words(reasons=bare, likeness={})
    assert "typical" not in told
    assert "Unusual" not in told
    assert "(high)" not in told


@pytest.mark.parametrize(
    ("below", "level"),
    [(0.5, ""), (0.74, ""), (0.76, "high"), (0.96, "very high"), (0.2, "low"), (0.03, "very low")],
)
def test_levels(below, level):
    assert level_of(Place(0, 0, 0, below, 1 - below)) == level


@pytest.mark.parametrize(
    ("contribution", "written"),
    [
        (math.log(3), "×3.0"),
        (-math.log(2), "÷2.0"),
        (0.0, "×1.0"),
        (-0.01, "×1.0"),
        (900, "×10³⁰⁴"),
    ],
)
def test_contributions_as_factors_of_odds(contribution, written):
    assert odds_change(contribution) == written


# --- The picture ---------------------------------------------------------------------------


def drawn(title="A – B", moods=MOOD_NAMES, **changes):
    return explanation_picture(happy(**changes), moods, title=title)


def boxes(picture, height):
    found = re.findall(r'<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="(\d+)"', picture)
    return [(float(x), float(y), float(w)) for x, y, w, h in found if int(h) == height]


def test_it_is_a_document_that_says_what_it_shows():
    root = ET.fromstring(drawn())
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    told = " ".join(element.text or "" for element in root.iter())
    assert "Why this mood: A – B" in told
    assert "With energy 0.96 in place of 0.91 it would have been Energetic." in told
    assert "prefers-color-scheme:dark" in told
    assert "2.8:1" in told  # where the track stands
    assert "NaN" not in drawn()


def test_bars_are_as_long_as_contributions_and_follow_each_other():
    picture = drawn()
    bars = boxes(picture.replace("<title>", "").replace("</title>", ""), 16)
    found = re.findall(r'<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="16"', picture)
    assert len(bars) == len(found) == 5
    valence, energy, dance = bars[:3]  # the weightiest first
    assert energy[2] / valence[2] == pytest.approx(0.7 / 1.1, rel=0.01)
    assert dance[2] / valence[2] == pytest.approx(0.4 / 1.1, rel=0.01)
    assert energy[0] + energy[2] == pytest.approx(valence[0] + valence[2], abs=0.2)  # back
    assert dance[0] == pytest.approx(energy[0], abs=0.2)  # and forth
    assert valence[1] < energy[1] < dance[1]


def test_bars_have_the_colour_of_the_mood_they_push_to():
    colours = re.findall(r'height="16" rx="2" fill="var\(--mood-(\d)\)"', drawn())
    happy_index, energetic_index = str(MOOD_NAMES.index("Happy")), "0"
    assert colours[:3] == [happy_index, energetic_index, happy_index]


def test_the_middle_half_of_either_mood_is_drawn_where_it_is_known():
    assert len(boxes(drawn(), 6)) == 10
    bare = tuple(
        replace(own, among_all=None, among_own=None, among_next=None) for own in happy().reasons
    )
    assert boxes(drawn(reasons=bare, likeness={}), 6) == []


def test_hostile_names_are_text():
    mood = "<script>alert('&')</script>"
    picture = drawn(
        title=f"{mood}\x07",
        moods=(mood, "Energetic"),
        mood=mood,
        probabilities={mood: 0.61, "Energetic": 0.39},
    )
    assert "<script" not in picture
    ET.fromstring(picture)


@pytest.mark.parametrize("size", [0.0, 1e-9, 30.0, 600.0])
def test_any_contributions_can_be_drawn(size):
    reasons = tuple(replace(own, contribution=size * (-1) ** i) for i, own in
                    enumerate(happy().reasons))  # fmt: skip
    picture = drawn(reasons=reasons, reference_margin=size, margin=2 * size)
    ET.fromstring(picture)
    places = [float(x) for x in re.findall(r' x1?="([-\d.]+)"', picture)]
    assert min(places) >= 0
    assert max(places) <= 800
