"""Every score of the songbook can be played as it is written."""

import re
from collections import Counter

import pytest

from affetto.demo.drums import DRUMS
from affetto.demo.harmony import SCALES, STEPS, progression
from affetto.demo.instruments import INSTRUMENTS
from affetto.demo.mixing import _PLACES
from affetto.demo.score import ROLES, read_tablature
from affetto.demo.songs import BY_STYLE, SCORES
from affetto.moods import MOOD_NAMES

SIGNS = {
    "chord": "XxoDdUu",
    "bass": "Rr3578ag",
    "arp": "0123456789abcdef",
    "riff": "0123456789abc",
    "walk": "x",
}
each_score = pytest.mark.parametrize("score", SCORES, ids=lambda score: score.style)


def test_four_for_each_mood_in_order():
    assert Counter(score.mood for score in SCORES) == dict.fromkeys(MOOD_NAMES, 4)
    assert tuple(dict.fromkeys(score.mood for score in SCORES)) == MOOD_NAMES
    assert len(BY_STYLE) == 20


def test_names_are_all_different_and_one_is_not_ascii():
    for attribute in ("title", "artist"):
        names = [getattr(score, attribute) for score in SCORES]
        assert len({name.casefold() for name in names}) == 20
    assert any(not score.title.isascii() for score in SCORES)


@each_score
def test_the_form_ends_with_one_bar_and_has_chords_throughout(score):
    sections = [name for name, _, _ in score.form]
    assert sections[-1] == "end"
    assert sections.count("end") == 1
    assert score.form[-1][1] == 1
    assert score.n_bars == sum(bars for _, bars, _ in score.form)
    for name, bars, level in score.form:
        assert 0 < level <= 1
        for key in score.keys:
            chords = progression(score.progression_of(name), key, bars, is_major=score.is_major)
            assert len(chords) == bars * STEPS
    last = progression(score.progression_of("end"), 0, 1, is_major=score.is_major)
    assert last[0].root == 0


@each_score
def test_every_part_is_written_in_signs_that_its_role_knows(score):
    sections = {name for name, _, _ in score.form}
    for part in score.parts:
        assert part.role in ROLES
        assert all(sound in INSTRUMENTS for sound in part.instrument.split("|"))
        assert set(part.plays) <= sections, part.instrument
        for pattern in filter(None, part.plays.values()):
            if part.role == "melody":
                assert pattern == "tune"
                continue
            assert len(pattern) % STEPS == 0, (part.instrument, pattern)
            assert re.fullmatch(f"[{SIGNS[part.role]}.\\-]+", pattern), pattern
        if part.role == "melody":
            assert len(part.cells) == 3
            assert all(len(cell) == STEPS and set(cell) <= set("x-.") for cell in part.cells)
            assert (part.scale or score.scale) in SCALES
            assert part.span >= 7


@each_score
def test_every_drum_is_known_and_in_time(score):
    sections = {name for name, _, _ in score.form}
    assert set(score.kit.plays) <= sections
    tablatures = [*score.kit.plays.values(), *filter(None, [score.kit.fill])]
    for tablature in tablatures:
        for drum, pattern, _ in read_tablature(tablature):
            assert drum in DRUMS
            assert drum in _PLACES
            assert len(pattern) % STEPS == 0, (drum, pattern)
            assert set(pattern) <= set("Xxo.")
    for drum, pattern, _ in read_tablature(score.kit.fill):
        assert len(pattern) == STEPS, drum


def test_tablature():
    assert read_tablature("  open hat  ..x.\n   crash ^X...  ") == [
        ("open hat", "..x.", False),
        ("crash", "X...", True),
    ]
    assert read_tablature("") == []


def test_every_instrument_and_every_drum_is_used_somewhere():
    played = {sound for s in SCORES for part in s.parts for sound in part.instrument.split("|")}
    drums = {
        drum
        for score in SCORES
        for tablature in [*score.kit.plays.values(), score.kit.fill]
        for drum, _, _ in read_tablature(tablature)
    }
    assert set(INSTRUMENTS) == played
    assert set(DRUMS) == drums == set(_PLACES)
