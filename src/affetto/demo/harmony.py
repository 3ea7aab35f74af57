"""Keys, chords in Roman numerals, voicings that move little, and melodies made of motifs.

Pitches are MIDI note numbers (60 is middle C), pitch classes 0–11 with C = 0, and time is counted
in sixteenths: sixteen steps a bar of four quarters.

References
----------
.. [1] D. Huron (2001), Tone and Voice: A Derivation of the Rules of Voice-Leading from Perceptual
   Principles, Music Perception 19(1), 1-64: small steps, common tones kept.
.. [2] W. E. Caplin (1998), Classical Form: a basic idea, its repetition or answer, a cadence.
"""

import re
from dataclasses import dataclass

import numpy as np

from affetto.errors import UsageError

STEPS = 16
"""Steps of a bar."""

SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "harmonic minor": (0, 2, 3, 5, 7, 8, 11),
    "major pentatonic": (0, 2, 4, 7, 9),
    "minor pentatonic": (0, 3, 5, 7, 10),
    "blues": (0, 3, 5, 6, 7, 10),
}
"""Semitones above the tonic."""

_NUMERALS = ("i", "ii", "iii", "iv", "v", "vi", "vii")
_SUFFIXES = {  # semitones added to, or standing in for, the triad
    "": (),
    "6": (9,),
    "7": (10,),
    "maj7": (11,),
    "9": (10, 14),
    "maj9": (11, 14),
    "add9": (14,),
    "69": (9, 14),
    "13": (10, 21),
}
# Where in its range each bar of a first and of a second phrase begins: arches over four bars.
_ARCHES = ((0.42, 0.58, 0.50, 0.38), (0.52, 0.72, 0.62, 0.40))
_SYMBOL = re.compile(r"([b#]?)([ivIV]+)(sus2|sus4|dim|5)?(6|7|maj7|9|maj9|add9|69|13)?")


@dataclass(frozen=True, slots=True)
class Chord:
    """A chord: the pitch class of its root, and semitones above it, ascending from 0."""

    root: int
    intervals: tuple[int, ...]

    @property
    def pitch_classes(self) -> frozenset[int]:
        """All pitch classes of the chord."""
        return frozenset((self.root + interval) % 12 for interval in self.intervals)


@dataclass(frozen=True, slots=True)
class Note:
    """A note of a line: start and length in steps, and pitch."""

    step: int
    length: int
    midi: int


def parse_chord(symbol: str, key: int, *, is_major: bool) -> Chord:
    """Read a Roman numeral: ``i``, ``VI``, ``bII``, ``V7``, ``IVmaj7``, ``ii9``, ``Isus4``, ``i5``.

    Capitals are major triads, small letters minor ones. Roots are degrees of the major or the
    natural minor scale, moved a semitone by a leading ``b`` or ``#``.

    Parameters
    ----------
    symbol : str
        The numeral.
    key : int
        Pitch class of the tonic.
    is_major : bool
        Whether degrees are those of the major scale.

    Raises
    ------
    UsageError
        If it is no numeral of this kind.
    """
    match = _SYMBOL.fullmatch(symbol)
    if (
        not match
        or match[2].lower() not in _NUMERALS
        or match[2]
        not in (
            match[2].lower(),
            match[2].upper(),
        )
    ):
        raise UsageError(f"{symbol!r} is no chord; expected a numeral such as i, VI, V7 or IVmaj7")
    accidental, numeral, kind, suffix = match.groups()
    scale = SCALES["major" if is_major else "minor"]
    root = scale[_NUMERALS.index(numeral.lower())] + {"b": -1, "#": 1, "": 0}[accidental]
    third = 4 if numeral.isupper() else 3
    triad = {
        "sus2": (0, 2, 7), "sus4": (0, 5, 7), "dim": (0, 3, 6), "5": (0, 7), None: (0, third, 7),
    }[kind]  # fmt: skip
    return Chord((key + root) % 12, triad + _SUFFIXES[suffix or ""])


def progression(text: str, key: int, n_bars: int, *, is_major: bool) -> list[Chord]:
    """Lay chords over bars: one chord for each step.

    Parameters
    ----------
    text : str
        Bars between ``|``; chords within a bar share it equally. Repeated as often as needed.
    key, is_major : int, bool
        As in `parse_chord`.
    n_bars : int
        How many bars.

    Returns
    -------
    list of Chord, length 16 × n_bars
        The chord at each step.
    """
    bars = [
        [parse_chord(symbol, key, is_major=is_major) for symbol in bar.split()]
        for bar in text.split("|")
    ]
    return [
        bars[number % len(bars)][step * len(bars[number % len(bars)]) // STEPS]
        for number in range(n_bars)
        for step in range(STEPS)
    ]


def voice(chord: Chord, low: int, before: tuple[int, ...] | None) -> tuple[int, ...]:
    """Set a chord within about an octave above `low`, near to the chord before [1]_.

    Parameters
    ----------
    chord : Chord
        What to set.
    low : int
        Lowest note allowed.
    before : tuple of int, optional
        The voicing it follows.

    Returns
    -------
    tuple of int
        MIDI numbers, ascending; each pitch class once.
    """
    classes = sorted(chord.pitch_classes)
    centre = low + 7
    best: tuple[float, tuple[int, ...]] | None = None
    for start in range(low, low + 12):
        if start % 12 not in classes:
            continue
        notes = tuple(sorted(start + (pitch - start) % 12 for pitch in classes))
        cost = abs(sum(notes) / len(notes) - centre) * 0.5
        if before:
            cost += sum(min(abs(note - old) for old in before) for note in notes)
        # A minor second at the bottom is mud.
        cost += 6.0 if len(notes) > 1 and notes[1] - notes[0] == 1 else 0.0
        if best is None or cost < best[0]:
            best = cost, notes
    assert best is not None
    return best[1]


def tones_from(chord: Chord, low: int, count: int) -> list[int]:
    """Give the first `count` notes of a chord from the first root at or above `low` upwards."""
    root = low + (chord.root - low) % 12
    steps = sorted({interval % 12 for interval in chord.intervals})
    return [root + steps[i % len(steps)] + 12 * (i // len(steps)) for i in range(count)]


def in_scale(key: int, scale: str, low: int, high: int) -> list[int]:
    """Give all notes of a scale from `low` to `high`."""
    classes = {(key + step) % 12 for step in SCALES[scale]}
    return [midi for midi in range(low, high + 1) if midi % 12 in classes]


def rhythm(text: str) -> list[tuple[int, int]]:
    """Read a bar of rhythm: ``x`` starts a note, ``-`` holds it, ``.`` rests.

    Returns
    -------
    list of (step, length)
        In steps from the start of the text.
    """
    text = text.replace(" ", "")
    return [(match.start(), len(match[0])) for match in re.finditer(r"[^.\-]-*", text)]


def melody(
    rng: np.random.Generator,
    cells: tuple[str, ...],
    chords: list[Chord],
    ladder: list[int],
    *,
    leap: float = 0.2,
) -> list[Note]:
    """Make a melody of four-bar phrases out of a few rhythmic motifs.

    Each cell gets one contour, drawn once, so that its return is heard as the same idea [2]_. A
    phrase is the cells A B A C: idea, continuation, idea again a step elsewhere, cadence.
    Strong beats and long notes fall on chord tones, the others step along the scale. Odd
    phrases end open, on a tone of their chord, even ones on its root or third.

    Parameters
    ----------
    rng : Generator
        Draws contours.
    cells : tuple of str
        Three rhythms of one bar as `rhythm` reads them: A, B and the cadence C.
    chords : list of Chord
        The chord at each step.
    ladder : list of int
        The notes allowed, ascending: a scale within the instrument's range.
    leap : float
        Share of the moves that pass over a note of the scale.

    Returns
    -------
    list of Note
        In order of time.
    """
    rhythms = [rhythm(cell) for cell in cells]
    contours = [_contour(rng, len(beats), leap) for beats in rhythms]
    shift = int(rng.integers(-1, 2))
    top = len(ladder) - 1
    notes: list[Note] = []
    n_bars = len(chords) // STEPS
    for bar in range(n_bars):
        place = bar % 4
        is_last = place == 3 or bar == n_bars - 1
        which = 2 if is_last else (0, 1, 0)[place]
        start = round(_ARCHES[bar // 4 % 2][place] * top) + shift * (place == 2)
        at = _nearest(ladder, start, chords[bar * STEPS].pitch_classes)
        for number, (step, length) in enumerate(rhythms[which]):
            chord = chords[bar * STEPS + step]
            move = contours[which][number]
            before = at if move else None
            at += move
            at = -at if at < 0 else 2 * top - at if at > top else at
            is_end = is_last and number == len(rhythms[which]) - 1
            if is_end and bar % 8 == 7:
                at = _nearest(ladder, at, frozenset(_lowest_tones(chord, 2)))
            elif is_end or step % 8 == 0 or (length >= 4 and step % 4 == 0):
                at = _nearest(ladder, at, chord.pitch_classes, before)
            notes.append(Note(bar * STEPS + step, length, ladder[at]))
    return _without_clashes(notes, chords, ladder)


def _lowest_tones(chord: Chord, count: int) -> set[int]:
    """Give the pitch classes of the first `count` tones of a chord: root, third, fifth, …."""
    return {(chord.root + interval) % 12 for interval in chord.intervals[:count]}


def _contour(rng: np.random.Generator, n_notes: int, leap: float) -> list[int]:
    """Draw moves along the scale, the first 0: mostly steps, and after a leap one step back."""
    moves = [0]
    owed = 0
    for _ in range(n_notes - 1):
        if owed:
            move, owed = owed, 0
        elif rng.random() < leap:
            move = int(rng.choice([-3, -2, 2, 2, 3]))
            owed = -int(np.sign(move))
        else:
            move = int(rng.choice([-1, -1, -1, 0, 1, 1, 1]))
        moves.append(move)
    return moves


def _nearest(
    ladder: list[int], at: int, classes: frozenset[int], other_than: int | None = None
) -> int:
    """Give the index nearest to `at` whose note is one of these pitch classes."""
    fitting = [i for i, midi in enumerate(ladder) if midi % 12 in classes and i != other_than]
    return min(fitting, key=lambda i: abs(i - at)) if fitting else min(max(at, 0), len(ladder) - 1)


def _without_clashes(notes: list[Note], chords: list[Chord], ladder: list[int]) -> list[Note]:
    """Move held notes that lie a semitone above a chord tone to the nearest chord tone."""
    mended = []
    for note in notes:
        chord = chords[note.step]
        clashes = (note.midi - 1) % 12 in chord.pitch_classes and (
            note.midi % 12 not in chord.pitch_classes
        )
        if clashes and note.length >= 3:
            at = _nearest(ladder, ladder.index(note.midi), chord.pitch_classes)
            mended.append(Note(note.step, note.length, ladder[at]))
        else:
            mended.append(note)
    return mended
