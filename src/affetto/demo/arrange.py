"""From a score to strokes: when each note and each drum sounds, how loud, and how humanly."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np

from affetto.demo.harmony import (
    STEPS,
    Chord,
    Note,
    in_scale,
    melody,
    progression,
    rhythm,
    tones_from,
    voice,
)
from affetto.demo.score import Part, Score, read_tablature

_LOUD = {"X": 1.0, "x": 0.78, "o": 0.5, "D": 0.95, "d": 0.72, "U": 0.85, "u": 0.62}
_STRUM_S = 0.011  # from string to string
_ENDINGS = {
    "chord": "X" + "-" * 15,
    "bass": "R" + "-" * 15,
    "arp": "0-2-3-5---------",
    "riff": "0" + "-" * 15,
    "walk": "x" + "-" * 15,
    "melody": "tune",
}


@dataclass(frozen=True, slots=True)
class Stroke:
    """A note or a drum: when, what, how long, how hard.

    `sound` names the instrument or the drum. For drums `midi` and `gate_s` are 0.
    """

    time_s: float
    sound: str
    midi: int
    gate_s: float
    velocity: float
    from_midi: int | None = None


@dataclass(frozen=True, slots=True)
class Setting:
    """A score with what was chosen for it: key, tempo and seed."""

    score: Score
    key: int
    tempo_bpm: float
    seed: int

    @property
    def step_s(self) -> float:
        """Length of a sixteenth."""
        return 60 / self.tempo_bpm / 4

    def time_s(self, step: float) -> float:
        """When a step sounds: the second of each pair is late by the swing."""
        score = self.score
        pair = 4 if score.swing_unit == 8 else 2
        first, within = divmod(step, pair)
        place = within / pair
        late = score.swing
        place = 2 * place * late if place < 0.5 else late + (2 * place - 1) * (1 - late)
        return (first + place) * pair * self.step_s

    def rng(self, *names: str) -> np.random.Generator:
        """Give a generator of its own for each purpose: what is added elsewhere moves nothing."""
        return np.random.default_rng([self.seed, *(crc32(name.encode()) for name in names)])


@dataclass(frozen=True, slots=True)
class _Section:
    name: str
    start: int  # step
    n_bars: int
    level: float
    chords: list[Chord]


def _sections(setting: Setting) -> Iterator[_Section]:
    score, start = setting.score, 0
    for name, n_bars, level in score.form:
        chords = progression(
            score.progression_of(name), setting.key, n_bars, is_major=score.is_major
        )
        yield _Section(name, start, n_bars, level, chords)
        start += n_bars * STEPS


def drum_strokes(setting: Setting) -> list[Stroke]:
    """Give all strokes of the kit, in no order.

    Parameters
    ----------
    setting : Setting
        The score in its key and tempo.
    """
    kit = setting.score.kit
    rng = setting.rng("kit")
    strokes = []
    for section in _sections(setting):
        has_fill = bool(kit.fill) and section.name in kit.fill_after
        lines = read_tablature(kit.plays.get(section.name, ""))
        n_steps = section.n_bars * STEPS
        n_plain = n_steps - STEPS * has_fill
        hits = []
        for drum, pattern, only_first in lines:
            n_here = len(pattern) if only_first else n_plain
            hits += [(step, drum, pattern[step % len(pattern)]) for step in range(n_here)]
        if has_fill:
            for drum, pattern, _ in read_tablature(kit.fill):
                hits += [(n_plain + step, drum, sign) for step, sign in enumerate(pattern)]
        for step, drum, sign in hits:
            if sign in _LOUD:
                late = rng.normal(0, kit.loose_ms / 1000)
                velocity = _LOUD[sign] * section.level * rng.normal(1, 0.05)
                time_s = max(0.0, setting.time_s(section.start + step) + late)
                strokes.append(Stroke(time_s, drum, 0, 0.0, float(np.clip(velocity, 0.1, 1.1))))
    return strokes


def part_strokes(setting: Setting, part: Part, number: int) -> list[Stroke]:
    """Give all notes that a part plays.

    Parameters
    ----------
    setting : Setting
        The score in its key and tempo.
    part : Part
        One of the score's parts.
    number : int
        Its place among them: it tells the players' timing apart.
    """
    rng = setting.rng("part", part.instrument, str(number))
    sounds = part.instrument.split("|")
    strokes: list[Stroke] = []
    before: Note | None = None
    for section in _sections(setting):
        pattern = part.plays.get(section.name, _ENDINGS[part.role] if section.name == "end" else "")
        if not pattern:
            continue
        if part.role == "chord":
            strokes += _chords(setting, part, section, pattern, rng)
            continue
        for note, velocity in _line(setting, part, section, pattern):
            touches = before is not None and before.step + before.length >= note.step
            stroke = _stroke(setting, part, note, velocity * section.level, rng)
            slides = before is not None and part.glide and touches
            strokes.append(
                replace(
                    stroke,
                    sound=sounds[len(strokes) % len(sounds)],
                    from_midi=before.midi if before and slides else None,
                )
            )
            before = note
    return strokes


def _stroke(
    setting: Setting, part: Part, note: Note, velocity: float, rng: np.random.Generator
) -> Stroke:
    start_s, end_s = setting.time_s(note.step), setting.time_s(note.step + note.length)
    late_s = float(np.clip(rng.normal(0, 1), -2, 2)) * part.loose_ms / 1000
    # In hundredths of a second, so that notes of about a length share one rendering.
    gate_s = max(0.03, round((end_s - start_s) * part.gate, 2))
    velocity = float(np.clip(velocity * rng.normal(1, 0.06), 0.15, 1.0))
    return Stroke(max(0.0, start_s + late_s), part.instrument, note.midi, gate_s, velocity)


def _chords(
    setting: Setting, part: Part, section: _Section, pattern: str, rng: np.random.Generator
) -> Iterator[Stroke]:
    """Strike chords; strummed ones string by string, all fingers at once but not quite."""
    voicing: tuple[int, ...] | None = None
    voiced: Chord | None = None
    for step, length, sign in _at_changes(section, _hits(pattern, section.n_bars)):
        if voicing is None or section.chords[step] != voiced:
            voiced = section.chords[step]
            voicing = voice(voiced, part.low, voicing)
        strings = voicing[::-1] if sign in "Uu" else voicing
        spread_s = _STRUM_S if sign in "DdUu" else 0.0
        late_s = float(rng.normal(0, 0.5)) * part.loose_ms / 1000
        for place, midi in enumerate(strings):
            note = Note(section.start + step, length, midi)
            stroke = _stroke(setting, part, note, _LOUD[sign] * section.level, rng)
            yield replace(stroke, time_s=max(0.0, stroke.time_s + late_s + place * spread_s))


def _at_changes(
    section: _Section, hits: Iterator[tuple[int, int, str]]
) -> Iterator[tuple[int, int, str]]:
    """Strike a held chord anew where the harmony changes under it."""
    for start, length, sign in hits:
        first = start
        for step in range(start + 1, start + length):
            if section.chords[step] != section.chords[first]:
                yield first, step - first, sign
                first = step
        yield first, start + length - first, sign


def _hits(pattern: str, n_bars: int) -> Iterator[tuple[int, int, str]]:
    """Give step, length and sign of each note of a pattern that goes round over some bars."""
    whole = (pattern * -(-n_bars * STEPS // len(pattern)))[: n_bars * STEPS]
    for step, length in rhythm(whole):
        yield step, length, whole[step]


def _line(
    setting: Setting, part: Part, section: _Section, pattern: str
) -> Iterator[tuple[Note, float]]:
    """Give the notes of a part that plays one at a time, and how hard."""
    if part.role == "melody":
        yield from _tune(setting, part, section)
        return
    if part.role == "walk":
        yield from _walk(part, section, pattern)
        return
    tonic = part.low + (setting.key - part.low) % 12
    for step, length, sign in _hits(pattern, section.n_bars):
        chord = section.chords[step]
        accent = 0.1 if step % 4 == 0 else 0.0
        velocity = 0.75 + accent
        if part.role == "arp":
            midi = tones_from(chord, part.low, 16)[int(sign, 16)]
        elif part.role == "riff":
            midi = tonic + int(sign, 16)
        else:
            midi, velocity = _bass_note(part, section, step, sign, velocity)
        yield Note(section.start + step, length, midi), velocity


def _bass_note(
    part: Part, section: _Section, step: int, sign: str, velocity: float
) -> tuple[int, float]:
    chord = section.chords[step]
    root = part.low + (chord.root - part.low) % 12
    if sign == "a":
        ahead = section.chords[min(step + 1, len(section.chords) - 1) :]
        following = next((other for other in ahead if other != chord), chord)
        return part.low + (following.root - 1 - part.low) % 12, velocity
    if sign in "rRg":
        return root, {"R": 1.0, "g": 0.4}.get(sign, velocity)
    if sign == "8":
        return root + 12, velocity
    wanted = {"3": (3, 4), "5": (7, 6), "7": (10, 11)}[sign]
    found = [interval for interval in chord.intervals if interval in wanted]
    return root + (found[0] if found else wanted[0]), velocity


def _walk(part: Part, section: _Section, pattern: str) -> Iterator[tuple[Note, float]]:
    """Walk: the root where a chord begins, a semitone from the next root before it ends."""
    hits = list(_hits(pattern, section.n_bars))
    at = part.low + 5
    up = True
    for place, (step, length, _) in enumerate(hits):
        chord = section.chords[step]
        after = section.chords[hits[place + 1][0]] if place + 1 < len(hits) else chord
        begins = place == 0 or section.chords[hits[place - 1][0]] != chord or step % 32 == 0
        if begins:
            at = _near(chord.root, at, part.low)
        elif after != chord:
            goal = _near(after.root, at, part.low)
            at = goal - 1 if goal > at or goal - 1 >= part.low + 12 else goal + 1
        else:
            tones = sorted(
                midi
                for midi in range(part.low, part.low + 17)
                if midi % 12 in chord.pitch_classes and midi != at
            )
            above = [midi for midi in tones if midi > at]
            below = [midi for midi in tones if midi < at]
            up = up if (above if up else below) else not up
            at = above[0] if up else below[-1]
        yield Note(section.start + step, length, at), 0.95 if step % 16 == 0 else 0.82


def _near(pitch_class: int, at: int, low: int) -> int:
    """Give the note of a pitch class nearest to `at`, at most a tenth above `low`."""
    lowest = low + (pitch_class - low) % 12
    choices = [midi for midi in (lowest, lowest + 12) if midi <= low + 16]
    return min(choices, key=lambda midi: abs(midi - at))


def _tune(setting: Setting, part: Part, section: _Section) -> Iterator[tuple[Note, float]]:
    """Give a section's tune: the same whenever the section, or another part's motif, returns."""
    score = setting.score
    high = part.low + part.span
    ladder = in_scale(setting.key, part.scale or score.scale, part.low, high)
    cells = ("x" + "-" * 15,) * 3 if section.name == "end" else part.cells
    rng = setting.rng("tune", part.motif or part.instrument, section.name)
    notes = melody(rng, cells, section.chords, ladder, leap=part.leap)
    if section.name == "end":
        notes = [Note(0, STEPS, _last(setting, ladder))]
    for note in notes:
        midi = note.midi
        if part.third:
            midi = _second_voice(note, section.chords[note.step], setting, part)
        bar, within = divmod(note.step, STEPS)
        swell = 0.06 * np.sin(np.pi * (bar % 4 + within / STEPS) / 4)
        velocity = 0.74 + swell + (0.12 if within % 8 == 0 else 0.0)
        yield Note(section.start + note.step, note.length, midi), float(velocity)


def _last(setting: Setting, ladder: list[int]) -> int:
    """Give the tonic nearest to the middle of a range."""
    tonics = [midi for midi in ladder if midi % 12 == setting.key]
    middle = (ladder[0] + ladder[-1]) / 2
    return min(tonics or ladder, key=lambda midi: abs(midi - middle))


def _second_voice(note: Note, chord: Chord, setting: Setting, part: Part) -> int:
    """Move along the scale by the part's third, and on held notes to a tone of the chord."""
    wide = in_scale(setting.key, "major" if setting.score.is_major else "minor",
                    note.midi - 24, note.midi + 24)  # fmt: skip
    place = int(np.searchsorted(wide, note.midi)) + part.third
    midi = wide[place]
    if note.length >= 3 and midi % 12 not in chord.pitch_classes:
        side = 1 if part.third > 0 else -1
        while midi % 12 not in chord.pitch_classes:
            midi += side
    return midi
