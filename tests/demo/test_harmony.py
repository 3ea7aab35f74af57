"""Chords, voicings and melodies keep to their rules."""

from itertools import pairwise

import numpy as np
import pytest

from affetto.demo.harmony import (
    STEPS,
    Chord,
    in_scale,
    melody,
    parse_chord,
    progression,
    rhythm,
    tones_from,
    voice,
)
from affetto.errors import UsageError

C, A = 0, 9
CELLS = ("x---x-x-x---x-x-", "x-x-x---x-----x-", "x---x---x-------")


@pytest.mark.parametrize(
    ("symbol", "key", "is_major", "notes"),
    [
        ("I", C, True, {0, 4, 7}),
        ("i", A, False, {9, 0, 4}),
        ("V7", C, True, {7, 11, 2, 5}),
        ("ii7", C, True, {2, 5, 9, 0}),
        ("IVmaj7", C, True, {5, 9, 0, 4}),
        ("VI", A, False, {5, 9, 0}),
        ("bII", A, False, {10, 2, 5}),
        ("V", A, False, {4, 8, 11}),
        ("i5", A, False, {9, 4}),
        ("Vsus4", C, True, {7, 0, 2}),
        ("I69", C, True, {0, 4, 7, 9, 2}),
        ("iv6", C, True, {5, 8, 0, 2}),
    ],
)
def test_numerals(symbol, key, is_major, notes):
    chord = parse_chord(symbol, key, is_major=is_major)
    assert chord.pitch_classes == notes
    assert chord.intervals[0] == 0


@pytest.mark.parametrize("symbol", ["", "H", "iV", "IVmaj13", "8", "vii-", "x"])
def test_what_is_no_numeral_is_refused(symbol):
    with pytest.raises(UsageError, match="is no chord; expected a numeral"):
        parse_chord(symbol, C, is_major=True)


def test_a_progression_goes_round_and_shares_its_bars():
    chords = progression("I | IV V", C, 3, is_major=True)
    roots = [chord.root for chord in chords]
    assert roots == [0] * 16 + [5] * 8 + [7] * 8 + [0] * 16


def test_voicings_hold_each_tone_once_within_reach():
    for root in range(12):
        for intervals in ((0, 4, 7), (0, 3, 7, 10), (0, 4, 7, 11, 14), (0, 7)):
            chord = Chord(root, intervals)
            notes = voice(chord, 55, None)
            assert {note % 12 for note in notes} == chord.pitch_classes
            assert len(notes) == len(chord.pitch_classes)
            assert list(notes) == sorted(notes)
            assert notes[0] >= 55
            assert notes[-1] <= 55 + 23


def test_voices_move_less_than_root_positions_would():
    chords = progression("I | vi | IV | V | iii | ii", C, 6, is_major=True)[::STEPS]
    before, moved, jumped = None, 0, 0
    for chord, after in pairwise(chords):
        before = before or voice(chord, 55, None)
        notes = voice(after, 55, before)
        moved += sum(abs(a - b) for a, b in zip(before, notes, strict=True))
        jumped += 3 * min(abs(after.root - chord.root), 12 - abs(after.root - chord.root))
        before = notes
    assert moved < 0.75 * jumped


def test_tones_count_upwards_from_the_root():
    assert tones_from(Chord(2, (0, 4, 7)), 48, 5) == [50, 54, 57, 62, 66]
    assert tones_from(Chord(0, (0, 7)), 49, 3) == [60, 67, 72]


def test_scales_in_a_range():
    assert in_scale(C, "major", 60, 72) == [60, 62, 64, 65, 67, 69, 71, 72]
    assert in_scale(A, "minor pentatonic", 57, 69) == [57, 60, 62, 64, 67, 69]


def test_rhythms():
    assert rhythm("x--.x.xx") == [(0, 3), (4, 1), (6, 1), (7, 1)]
    assert rhythm("..x- x---") == [(2, 2), (4, 4)]
    assert rhythm("....") == []


@pytest.fixture(params=range(12))
def tune(request):
    chords = progression("I | vi | IV | V", C, 8, is_major=True)
    ladder = in_scale(C, "major", 60, 76)
    notes = melody(np.random.default_rng(request.param), CELLS, chords, ladder)
    return notes, chords, ladder


def test_a_melody_keeps_to_its_scale_and_its_rhythm(tune):
    notes, _, ladder = tune
    assert all(note.midi in ladder for note in notes)
    starts = [note.step % STEPS for note in notes if note.step < STEPS]
    assert starts == [0, 4, 6, 8, 12, 14]
    for note, after in pairwise(notes):
        assert note.step + note.length <= after.step


def test_strong_beats_and_ends_of_phrases_are_chord_tones(tune):
    notes, chords, _ = tune
    for note in notes:
        if note.step % 8 == 0 or (note.step // STEPS % 4 == 3 and note.step % STEPS == 8):
            assert note.midi % 12 in chords[note.step].pitch_classes


def test_a_motif_returns(tune):
    notes, _, _ = tune

    def bar(number):
        return [(n.step % STEPS, n.length) for n in notes if n.step // STEPS == number]

    assert bar(0) == bar(2) == bar(4) == bar(6)
    assert bar(1) == bar(5) != bar(0)


def test_a_melody_moves_mostly_by_step_and_not_on_the_spot(tune):
    notes, _, ladder = tune
    moves = np.abs(np.diff([ladder.index(note.midi) for note in notes]))
    assert np.mean(moves <= 2) > 0.6
    assert np.mean(moves == 0) < 0.35
    assert moves.max() <= 7


def test_the_same_generator_gives_the_same_tune_another_one_another():
    chords = progression("i | VI", A, 4, is_major=False)
    ladder = in_scale(A, "minor", 57, 72)
    tunes = [melody(np.random.default_rng(seed), CELLS, chords, ladder) for seed in (1, 1, 2)]
    assert tunes[0] == tunes[1] != tunes[2]
