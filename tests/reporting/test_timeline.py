"""The picture of a track's moods over time: well-formed, escaped, true to its figures."""

import re
from xml.etree import ElementTree as ET

import pytest

from affetto.moods import MOOD_NAMES
from affetto.reporting.timeline import timeline_picture
from affetto.reporting.words import clock


def moments(n=8, **constant):
    shares = {f"p_{name.lower()}": 0.0 for name in MOOD_NAMES} | {"p_relaxing": 1.0}
    return [
        {"start_s": 7.5 * i, "stop_s": 7.5 * i + 15, "energy": 0.5, "valence": 0.25}
        | shares
        | constant
        for i in range(n)
    ]


def drawn(rows, title="A – B", duration_s=67.5):
    return timeline_picture(rows, MOOD_NAMES, title=title, duration_s=duration_s)


def test_it_is_a_document_that_says_what_it_shows():
    root = ET.fromstring(drawn(moments()))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    words = " ".join(element.text or "" for element in root.iter())
    assert "Mood over time: A – B" in words
    assert "Relaxing 100%" in words
    assert "prefers-color-scheme:dark" in words


def test_bands_fill_the_height_and_a_certain_mood_fills_it_alone():
    areas = re.findall(r'<path d="M([^"]*)Z" fill="var\(--mood-(\d)\)"', drawn(moments()))
    assert [index for _, index in areas] == list("01234")
    heights = {
        index: {float(point.split()[1]) for point in corners.split("L")} for corners, index in areas
    }
    assert max(heights["1"]) - min(heights["1"]) == pytest.approx(170)  # Relaxing
    assert len(heights["0"]) == 1  # Energetic: no height at all


def test_windows_without_a_mood_are_left_out():
    rows = moments()
    for row in rows[:3]:
        row.update(dict.fromkeys([*row][2:]))
    assert "Relaxing 100%" in drawn(rows)
    nothing = [dict.fromkeys(row, None) for row in rows]
    assert "nothing to hear" in drawn(nothing)


def test_one_window_is_drawn():
    assert ET.fromstring(drawn(moments(1), duration_s=9.0)) is not None


def test_hostile_titles_are_text():
    picture = drawn(moments(), title="<script>alert('&')</script>\x07")
    assert "<script" not in picture
    ET.fromstring(picture)


@pytest.mark.parametrize(("seconds", "written"), [(0, "0:00"), (65.4, "1:05"), (3750, "1:02:30")])
def test_clock(seconds, written):
    assert clock(seconds) == written


@pytest.mark.parametrize("duration_s", [3.0, 60.0, 240.0, 3600.0, 36_000.0, 360_000.0])
def test_ticks_are_few_and_start_at_nought(duration_s):
    texts = re.findall(r">(\d+(?::\d\d)+)</text>", drawn(moments(), duration_s=duration_s))
    assert texts[0] == "0:00"
    assert 1 <= len(texts) <= 20
