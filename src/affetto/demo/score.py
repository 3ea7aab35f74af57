"""What a score holds: form, chords, parts and drum patterns, written as text tablature.

A pattern has one character a sixteenth, sixteen a bar; a pattern of several bars goes round. What
characters mean depends on the part's role:

- ``chord``: ``X`` ``x`` ``o`` strike the chord loud, normally, softly; ``D`` ``d`` strum it down,
  ``U`` ``u`` up.
- ``bass``: ``r`` root, ``3`` ``5`` ``7`` chord tones, ``8`` octave, ``a`` a semitone below the
  next chord's root, ``g`` ghost; ``R`` is a loud root.
- ``arp``: ``0`` to ``9`` and ``a`` to ``f`` count chord tones upwards from the root.
- ``riff``: ``0`` to ``9`` and ``a`` to ``c`` are semitones above the tonic.
- ``walk``: ``x`` is a step of a walking bass.
- ``melody``: the word ``tune``; the part's `cells` are its rhythms.
- drums: ``X`` ``x`` ``o`` as above; a pattern after ``^`` sounds in the section's first bar only.

Everywhere ``-`` holds and ``.`` rests.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from affetto.demo.harmony import STEPS

ROLES = ("chord", "bass", "arp", "riff", "walk", "melody")
HOLD = "x" + "-" * (STEPS - 1)
"""One bar held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one pitched instrument plays, and where it stands in the mix.

    Attributes
    ----------
    instrument : str
        Name in `INSTRUMENTS`; several between ``|`` take turns, note by note.
    role : str
        One of `ROLES`.
    plays : mapping of section to pattern
        Sections left out are rests; the section ``end`` needs no pattern: the part holds the
        last chord, or its tonic, for a bar, unless its pattern there is empty.
    level_db : float
        Loudness of the part alone, in LU beside the drums'.
    low : int
        MIDI number of the lowest note.
    cells, motif, span, leap, scale : tuple of str, str, int, float, str
        For melodies: three rhythms; a name under which several parts share one tune; the range in
        semitones; how often it leaps; another scale than the score's.
    third : int
        Steps of the scale that a second voice keeps from the tune; 0 for the tune itself.
    pan, room, echo, duck : float
        Place, −1 to 1; shares sent to the reverb and to the echo; depth of the dip at each kick.
    gate : float
        Share of its written length that a note is held.
    glide : bool
        Slide between notes that touch.
    loose_ms : float
        Standard deviation of the human's timing.
    wobble_steps : float
        Period of a wobbling filter, in steps.
    high_pass_hz : float
        Lower edge of the part; 0 for none.
    """

    instrument: str
    role: str
    plays: Mapping[str, str]
    level_db: float
    low: int
    cells: tuple[str, ...] = ()
    motif: str = ""
    span: int = 14
    leap: float = 0.2
    scale: str = ""
    third: int = 0
    pan: float = 0.0
    room: float = 0.12
    echo: float = 0.0
    duck: float = 0.0
    gate: float = 0.94
    glide: bool = False
    loose_ms: float = 5.0
    wobble_steps: float = 2.0
    high_pass_hz: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Kit:
    """What the drums play: lines of a drum's name and its pattern.

    Attributes
    ----------
    plays : mapping of section to tablature
        One drum a line.
    fill : str
        Tablature for the last bar of each section in `fill_after`.
    fill_after : tuple of str
        Sections that end with the fill.
    level_db, room, loose_ms : float
        As in `Part`.
    """

    plays: Mapping[str, str]
    fill: str = ""
    fill_after: tuple[str, ...] = ("intro", "verse", "chorus", "break")
    level_db: float = 0.0
    room: float = 0.08
    loose_ms: float = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A piece as it is written, before a key and a tempo are chosen.

    Attributes
    ----------
    style, mood, title, artist : str
        What it is. Styles are unique.
    tempos_bpm, keys : tuple of int
        Choices that suit it; keys are pitch classes.
    is_major : bool
        Whether numerals and the tonic are major.
    scale : str
        Scale of the melodies.
    loudness_lufs : float
        Loudness of the master.
    form : tuple of (section, bars, level)
        Sections in order; the level, 0–1, is how hard all play. The last one is ``end``.
    chords : mapping of section to progression
        ``*`` stands for sections that are not named; ``end`` is the tonic unless named.
    parts, kit
        Who plays.
    swing, swing_unit : float, int
        Where the second of a pair falls, as a share of the pair (0.5 straight, 0.67 triplets);
        pairs of eighths (8) or sixteenths (16).
    room_s, tail_s : float
        Reverberation time, and how long the piece rings on after its last bar.
    echo_steps : float
        Time between echoes, in steps.
    drive_db : float
        How far the master is driven into saturation.
    """

    style: str
    mood: str
    title: str
    artist: str
    tempos_bpm: tuple[int, ...]
    keys: tuple[int, ...]
    is_major: bool
    scale: str
    loudness_lufs: float
    form: tuple[tuple[str, int, float], ...]
    chords: Mapping[str, str]
    parts: tuple[Part, ...]
    kit: Kit = field(default_factory=lambda: Kit(plays={}))
    swing: float = 0.5
    swing_unit: int = 8
    room_s: float = 1.2
    tail_s: float = 3.0
    echo_steps: float = 3.0
    drive_db: float = 0.0

    @property
    def n_bars(self) -> int:
        """Bars of four quarters, all sections together."""
        return sum(bars for _, bars, _ in self.form)

    def progression_of(self, section: str) -> str:
        """Give the chords of a section."""
        if section in self.chords:
            return self.chords[section]
        if section == "end":
            return "I" if self.is_major else "i"
        return self.chords["*"]


def read_tablature(text: str) -> list[tuple[str, str, bool]]:
    """Read drum lines.

    Returns
    -------
    list of (drum, pattern, first_bar_only)
        In order; the pattern without its ``^``.
    """
    lines = []
    for line in text.strip().splitlines():
        drum, pattern = line.rsplit(None, 1)
        lines.append((drum.strip(), pattern.removeprefix("^"), pattern.startswith("^")))
    return lines
