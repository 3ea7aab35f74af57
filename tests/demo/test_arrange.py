"""Strokes: when they sound, at which pitch, how long and how hard."""

from dataclasses import replace

import numpy as np
import pytest

from affetto.demo.arrange import Setting, drum_strokes, part_strokes
from affetto.demo.score import HOLD, Kit, Part, Score
from affetto.demo.songs import SCORES

SCORE = Score(
    style="test",
    mood="Happy",
    title="Test",
    artist="Test",
    tempos_bpm=(120,),
    keys=(0,),
    is_major=True,
    scale="major",
    loudness_lufs=-14.0,
    form=(("verse", 2, 1.0), ("end", 1, 1.0)),
    chords={"*": "I | V"},
    parts=(),
)
SETTING = Setting(SCORE, 0, 120.0, 7)
CELLS = ("x---x---x---x---", "x-x-x-x-x-x-x-x-", "x-------x-------")


def part(role, pattern, **other):
    other = {"low": 48, "level_db": 0.0, "loose_ms": 0.0} | other
    return Part(instrument="piano", role=role, plays={"verse": pattern, "end": ""}, **other)


def pitches(role, pattern, setting=SETTING, **other):
    return [s.midi for s in part_strokes(setting, part(role, pattern, **other), 0)]


def test_straight_time():
    assert SETTING.step_s == 0.125
    assert [SETTING.time_s(step) for step in (0, 1, 16)] == [0, 0.125, 2]


@pytest.mark.parametrize(
    ("unit", "steps", "times"),
    [
        (8, [0, 2, 4, 6, 8], [0, 1 / 3, 0.5, 0.5 + 1 / 3, 1]),
        (16, [0, 1, 2, 3, 4], [0, 1 / 6, 0.25, 0.25 + 1 / 6, 0.5]),
    ],
)
def test_swing_delays_the_second_of_each_pair(unit, steps, times):
    setting = replace(SETTING, score=replace(SCORE, swing=2 / 3, swing_unit=unit))
    assert [setting.time_s(step) for step in steps] == pytest.approx(times)


def test_swing_keeps_the_order_of_time():
    for score in SCORES:
        setting = Setting(score, 0, 100.0, 1)
        assert (np.diff([setting.time_s(step) for step in range(64)]) > 0).all()


def test_chords_sound_together_and_bar_by_bar():
    strokes = part_strokes(SETTING, part("chord", "x-------x-------"), 0)
    assert sorted({s.time_s for s in strokes}) == [0, 1, 2, 3]
    by_time = {t: {s.midi % 12 for s in strokes if s.time_s == t} for t in (0, 2)}
    assert by_time == {0: {0, 4, 7}, 2: {7, 11, 2}}
    assert all(s.gate_s == pytest.approx(0.94, abs=0.01) for s in strokes)


def test_a_held_chord_follows_the_harmony():
    setting = replace(SETTING, score=replace(SCORE, chords={"*": "I V | I"}))
    strokes = part_strokes(setting, part("chord", HOLD), 0)
    by_time = {t: {s.midi % 12 for s in strokes if s.time_s == t} for t in (0, 1, 2)}
    assert by_time == {0: {0, 4, 7}, 1: {7, 11, 2}, 2: {0, 4, 7}}
    assert len(strokes) == 9


def test_strums_go_down_and_up():
    strokes = part_strokes(SETTING, part("chord", "D-------U-------"), 0)
    down, up = ([s.midi for s in strokes if t <= s.time_s < t + 0.1] for t in (0, 1))
    assert down == sorted(down)
    assert up == sorted(up, reverse=True)
    assert len({s.time_s for s in strokes[:3]}) == 3


def test_bass_signs():
    assert pitches("bass", "r.3.5.8.........", low=36)[:4] == [36, 40, 43, 48]
    assert pitches("bass", "r.............a.", low=36)[:2] == [36, 42]  # leads to the G


def test_arpeggios_and_riffs():
    assert pitches("arp", "0.1.2.3.........")[:4] == [48, 52, 55, 60]
    assert pitches("riff", "0.3.c...........", replace(SETTING, key=2))[:3] == [50, 53, 62]


def test_a_walking_bass_starts_on_roots_and_leads_to_the_next():
    notes = pitches("walk", "x---x---x---x---", low=36)
    assert len(notes) == 8
    assert notes[0] % 12 == 0
    assert notes[4] % 12 == 7
    assert abs(notes[3] - notes[4]) == 1
    assert all(36 <= note <= 53 for note in notes)


def test_a_part_without_an_ending_holds_the_tonic():
    for role in ("chord", "bass", "riff", "walk", "melody"):
        played = replace(part(role, "x" * 16, cells=CELLS), plays={"verse": ""})
        strokes = part_strokes(SETTING, played, 0)
        assert {s.time_s for s in strokes} == {4.0}, role
        assert 0 in {s.midi % 12 for s in strokes}
        assert strokes[0].gate_s > 1.8


def test_a_tune_returns_with_its_section_and_another_part_doubles_it():
    score = replace(
        SCORE, form=(("verse", 4, 1.0), ("chorus", 4, 1.0), ("verse", 4, 1.0), ("end", 1, 1.0))
    )
    setting = replace(SETTING, score=score)
    tune = Part(
        instrument="flute", role="melody", low=60, level_db=0.0, cells=CELLS, motif="tune",
        loose_ms=0.0, plays={"verse": "tune", "chorus": "tune", "end": ""},
    )  # fmt: skip
    strokes = part_strokes(setting, tune, 0)
    bars = [[s.midi for s in strokes if 8 * i <= s.time_s < 8 * i + 8] for i in range(3)]
    assert bars[0] == bars[2] != bars[1]
    other = replace(tune, instrument="clarinet")
    assert [s.midi for s in part_strokes(setting, other, 5)] == [s.midi for s in strokes]
    third = part_strokes(setting, replace(tune, third=2), 6)
    assert all(3 <= high.midi - low.midi <= 7 for low, high in zip(strokes, third, strict=True))


def test_singers_take_turns_and_slide_only_between_notes_that_touch():
    score = replace(SCORE, form=(("verse", 1, 1.0), ("end", 1, 1.0)))
    singers = Part(
        instrument="voice ah|voice oo", role="melody", low=60, level_db=0.0, glide=True,
        cells=("x---x-..x---x---",) * 3, plays={"verse": "tune", "end": ""},
    )  # fmt: skip
    strokes = part_strokes(replace(SETTING, score=score), singers, 0)
    assert [s.sound for s in strokes] == ["voice ah", "voice oo"] * 2
    assert [s.from_midi is None for s in strokes] == [True, False, True, False]
    assert strokes[1].from_midi == strokes[0].midi


KIT = Kit(
    plays={
        "verse": """
            crash  ^X...............
            kick   X...x...X...x...
        """,
        "end": "crash  X...............",
    },
    fill="snare  ........X.X.X.X.",
    fill_after=("verse",),
    loose_ms=0.0,
)


def test_drums_play_their_lines_and_the_fill_takes_the_last_bar():
    strokes = drum_strokes(replace(SETTING, score=replace(SCORE, kit=KIT)))
    times = {
        name: sorted(s.time_s for s in strokes if s.sound == name)
        for name in ("crash", "kick", "snare")
    }
    assert times == {
        "crash": [0, 4],
        "kick": [0, 0.5, 1, 1.5],
        "snare": [3, 3.25, 3.5, 3.75],
    }
    loud, soft = (
        np.mean([s.velocity for s in strokes if s.sound == "kick" and s.time_s % 1 == late])
        for late in (0, 0.5)
    )
    assert loud > soft


def test_sections_are_as_hard_as_their_level():
    quiet = replace(SCORE, kit=KIT, form=(("verse", 2, 0.5), ("end", 1, 1.0)))
    loud = replace(SCORE, kit=KIT)

    def kicks(score):
        strokes = drum_strokes(replace(SETTING, score=score))
        return np.array([s.velocity for s in strokes if s.sound == "kick"])

    np.testing.assert_allclose(kicks(quiet), kicks(loud) / 2)


@pytest.mark.parametrize("score", SCORES, ids=lambda score: score.style)
def test_what_every_score_plays_is_playable(score):
    setting = Setting(score, score.keys[0], float(score.tempos_bpm[0]), 7)
    end_s = score.n_bars * 16 * setting.step_s
    for number, each in enumerate(score.parts):
        strokes = part_strokes(setting, each, number)
        assert strokes, each.instrument
        for stroke in strokes:
            assert 0 <= stroke.time_s < end_s
            assert 24 <= stroke.midi <= 105
            assert 0.03 <= stroke.gate_s < 30
            assert 0 < stroke.velocity <= 1
    assert all(0 <= stroke.time_s < end_s for stroke in drum_strokes(setting))


def test_humans_are_late_but_little_and_alike_for_the_same_seed():
    loose = replace(part("bass", "r.r.r.r.r.r.r.r."), loose_ms=8.0)
    late = [s.time_s - 0.25 * i for i, s in enumerate(part_strokes(SETTING, loose, 0)) if i]
    assert 0.003 < np.std(late) < 0.013
    assert max(np.abs(late)) <= 0.016
    assert part_strokes(SETTING, loose, 0) == part_strokes(SETTING, loose, 0)
    assert part_strokes(SETTING, loose, 0) != part_strokes(replace(SETTING, seed=8), loose, 0)
