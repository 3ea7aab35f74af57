"""Music of known, constant tempo: patterns synthesised here, and MIDI files played by fluidsynth.

    python benchmarks/renders.py FOLDER

The patterns come in styles; each has the range of tempi that its style is played at, and the
tempo is drawn from it evenly (in its logarithm). Nothing was fitted on these renders.
"""

import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

RATE_HZ = 44_100
VERSION = 1  # of the renders: raise it when any of them changes
MIDI_FOLDER = Path("/usr/share/games/openttd/baseset/openmsx")
SOUNDFONT = Path("/usr/share/sounds/sf2/TimGM6mb.sf2")
MIDI_CUT_S = (60.0, 90.0)  # shorter pieces are left out, longer ones cut into at most two

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Render:
    """An audio file and its tempo."""

    path: str
    tempo_bpm: float
    kind: str  # "pattern" or "midi"
    group: str  # style, or piece


# --- MIDI ---


@dataclass(frozen=True, slots=True)
class MidiTempo:
    """What of a MIDI file matters here: its tempo if it is constant, and where notes sound."""

    tempo_bpm: float | None
    first_note_s: float
    last_note_s: float


def read_tempo(data: bytes) -> MidiTempo:
    """Read the tempo of a standard MIDI file; `tempo_bpm` is None where it changes."""
    if data[:4] != b"MThd":
        raise ValueError("not a MIDI file")
    division = struct.unpack(">H", data[12:14])[0]
    tempi: list[tuple[int, int]] = []
    notes: list[int] = []
    position = 14
    while position + 8 <= len(data):
        length = struct.unpack(">I", data[position + 4 : position + 8])[0]
        if data[position : position + 4] == b"MTrk":
            _read_track(data[position + 8 : position + 8 + length], tempi, notes)
        position += 8 + length
    if division & 0x8000 or not notes:
        raise ValueError("a MIDI file in frames, or without notes")
    first, last = min(notes), max(notes)
    tempi.sort(key=lambda event: event[0])  # of two at one tick the later one in the file counts
    start = [micro for tick, micro in tempi if tick <= first][-1:] or [500_000]
    changes = {micro for tick, micro in tempi if first < tick <= last} - set(start)
    tick_s = start[0] / 1e6 / division
    return MidiTempo(None if changes else 60e6 / start[0], first * tick_s, last * tick_s)


def _read_track(track: bytes, tempi: list[tuple[int, int]], notes: list[int]) -> None:
    at = tick = status = 0

    def number() -> int:
        nonlocal at
        value = 0
        while True:
            byte = track[at]
            at += 1
            value = value << 7 | byte & 127
            if byte < 128:
                return value

    while at < len(track):
        tick += number()
        if track[at] >= 128:
            status = track[at]
            at += 1
        if status == 0xFF:
            kind = track[at]
            at += 1
            length = number()
            if kind == 0x51:
                tempi.append((tick, int.from_bytes(track[at : at + length], "big")))
            at += length
            if kind == 0x2F:
                return
        elif status in {0xF0, 0xF7}:
            length = number()
            at += length
        else:
            if status >> 4 == 9 and track[at + 1]:
                notes.append(tick)
            at += 1 if status >> 4 in {12, 13} else 2


def _midi_renders(folder: Path) -> Iterator[Render]:
    if not shutil.which("fluidsynth") or not MIDI_FOLDER.is_dir() or not SOUNDFONT.exists():
        needs = "fluidsynth timgm6mb-soundfont openttd-openmsx"
        print(f"renders: no MIDI, only patterns; for both: apt-get install {needs}")
        return
    for path in sorted(MIDI_FOLDER.glob("*.mid")):
        midi = read_tempo(path.read_bytes())
        if midi.tempo_bpm is None or midi.last_note_s - midi.first_note_s < MIDI_CUT_S[0]:
            continue
        with tempfile.TemporaryDirectory() as scratch:
            wav = Path(scratch) / "out.wav"
            play = ["fluidsynth", "-ni", "-q", "-r", str(RATE_HZ), "-g", "0.5", "-F", str(wav)]
            subprocess.run([*play, str(SOUNDFONT), str(path)], check=True, capture_output=True)
            samples, _ = soundfile.read(wav, dtype="float32", always_2d=True)
        start, stop = (int(s * RATE_HZ) for s in (midi.first_note_s, midi.last_note_s))
        mono = samples[start:stop].mean(axis=1)
        n_cuts = 2 if len(mono) >= 2 * MIDI_CUT_S[0] * RATE_HZ else 1
        for i, cut in enumerate(np.array_split(mono, n_cuts)):
            out = folder / f"midi-{path.stem}-{i}.flac"
            _write(out, cut[: int(MIDI_CUT_S[1] * RATE_HZ)])
            yield Render(str(out), midi.tempo_bpm, "midi", path.stem)


# --- patterns ---


class _Band:
    """A drummer, a bass and a keyboard: sounds put on a time line at beats."""

    def __init__(self, bpm: float, seconds: float, swing: float, rng: np.random.Generator):
        self.rng, self.swing, self.beat_s = rng, swing, 60 / bpm
        self.n_beats = int(seconds / self.beat_s)
        self.out = np.zeros(int((seconds + 3) * RATE_HZ), np.float32)
        self.jitter_s = rng.uniform(0, 0.006)
        self.root = int(rng.integers(36, 47))
        self.minor = bool(rng.random() < 0.5)
        self.bright = rng.uniform(0.6, 1.6)
        self.tuning = rng.uniform(0.85, 1.2)

    def put(self, beat: float, sound: Samples, gain: float) -> None:
        """Play a sound; off-beat eighths come late by the swing, all a little by chance."""
        whole, part = divmod(beat, 1)
        if self.swing and abs(part - 0.5) < 0.01:
            part += self.swing
        elif self.swing and abs(part % 0.5 - 0.25) < 0.01:
            part += self.swing / 2
        time_s = (whole + part) * self.beat_s + self.rng.normal(0, self.jitter_s)
        start = max(0, int(time_s * RATE_HZ))
        level = gain * float(self.rng.uniform(0.85, 1.0))
        self.out[start : start + len(sound)] += level * sound[: len(self.out) - start]

    def noise(self, decay_s: float, tilt: float) -> Samples:
        """Make a burst of noise; `tilt` of 1 takes out the lows, 0 leaves it white."""
        n = int(5 * decay_s * RATE_HZ)
        burst = self.rng.standard_normal(n + 1).astype(np.float32)
        burst = burst[1:] - np.float32(tilt) * burst[:-1]
        return burst * np.exp(-np.arange(n, dtype=np.float32) / (decay_s * RATE_HZ))

    def tone(self, pitch: float, seconds: float, decay_s: float, n_partials: int) -> Samples:
        """Make a plucked tone with partials 1 / k."""
        t = np.arange(int(seconds * RATE_HZ), dtype=np.float32) / RATE_HZ
        hz = 440 * 2 ** ((pitch - 69) / 12)
        wave = np.zeros_like(t)
        for k in range(1, n_partials + 1):
            if k * hz < RATE_HZ / 2:
                phase = self.rng.uniform(0, 2 * np.pi)
                wave += np.sin(2 * np.pi * k * hz * t + phase) / k * np.exp(-t * k / (3 * decay_s))
        edge = np.minimum(1, np.minimum(t, t[-1] - t) / 0.006)
        return (wave * edge * np.exp(-t / decay_s)).astype(np.float32)

    def kick(self, beat: float, gain: float = 1.0) -> None:
        t = np.arange(int(0.28 * RATE_HZ), dtype=np.float32) / RATE_HZ
        hz = self.tuning * (48 + 110 * np.exp(-t / 0.025))
        body = np.sin(2 * np.pi * np.cumsum(hz) / RATE_HZ) * np.exp(-t / 0.09)
        self.put(beat, body.astype(np.float32), 0.8 * gain)

    def snare(self, beat: float, gain: float = 1.0) -> None:
        sound = 0.5 * self.noise(0.06, 0.4)
        sound += 0.4 * self.tone(55 * self.tuning, len(sound) / RATE_HZ, 0.05, 2)[: len(sound)]
        self.put(beat, sound, 0.5 * gain)

    def hat(self, beat: float, gain: float = 1.0, decay_s: float = 0.02) -> None:
        self.put(beat, self.noise(decay_s, 0.95), 0.16 * self.bright * gain)

    def shaker(self, beat: float, gain: float = 1.0) -> None:
        self.put(beat, self.noise(0.03, 0.8), 0.1 * self.bright * gain)

    def wood(self, beat: float, gain: float = 1.0) -> None:
        self.put(beat, self.tone(84 * self.tuning, 0.08, 0.015, 2), 0.35 * gain)

    def bass(self, beat: float, degree: int, beats: float, gain: float = 1.0) -> None:
        seconds = max(0.08, 0.9 * beats * self.beat_s)
        self.put(beat, self.tone(self.root + degree, seconds, 0.4, 5), 0.3 * gain)

    def chord(self, beat: float, degree: int, beats: float, gain: float = 1.0) -> None:
        seconds = max(0.08, 0.95 * beats * self.beat_s)
        for step in (0, 3 if self.minor else 4, 7, 12):
            pitch = self.root + 24 + degree + step
            self.put(beat, self.tone(pitch, seconds, 0.8, 6), 0.07 * gain)

    def note(self, beat: float, degree: int, beats: float, gain: float = 1.0) -> None:
        sound = self.tone(self.root + 24 + degree, beats * self.beat_s, 0.5, 7)
        self.put(beat, sound, 0.16 * gain)


_CHANGES = ((0, 0, 5, 7), (0, 9, 5, 7), (0, 5, 0, 7), (0, 8, 3, 10), (0, 3, 5, 3))
_SCALE = np.array([0, 2, 3, 5, 7, 9, 10, 12, 14])


def _bars(band: _Band, beats: int) -> Iterator[tuple[float, int]]:
    """Start of each bar, and the degree its chord stands on."""
    changes = _CHANGES[int(band.rng.integers(len(_CHANGES)))]
    for bar in range(band.n_beats // beats):
        yield float(bar * beats), changes[bar % 4]


def _click(band: _Band) -> None:
    accent = int(band.rng.choice([1, 3, 4]))
    for beat in range(band.n_beats):
        band.wood(beat, 1.6 if beat % accent == 0 else 1.0)


def _rock(band: _Band) -> None:
    second_kick = float(band.rng.choice([2.0, 2.5, 1.5]))
    for bar, degree in _bars(band, 4):
        for i in range(8):
            band.hat(bar + i / 2, 1.0 if i % 2 == 0 else 0.7)
            band.bass(bar + i / 2, degree, 0.5)
        for beat in (0, second_kick, 2):
            band.kick(bar + beat)
        band.snare(bar + 1)
        band.snare(bar + 3)
        band.chord(bar, degree, 4)


def _ballad(band: _Band) -> None:
    for bar, degree in _bars(band, 4):
        for i in range(8):
            band.hat(bar + i / 2, 0.8 if i % 2 == 0 else 0.5)
            band.note(bar + i / 2, degree + int((0, 7, 12, 16)[i % 4]), 0.9, 0.7)
        band.kick(bar)
        band.kick(bar + 2.5, 0.7)
        band.snare(bar + 1, 0.7)
        band.snare(bar + 3, 0.7)
        band.bass(bar, degree, 2)
        band.bass(bar + 2, degree, 2)
        band.chord(bar, degree, 4)


def _house(band: _Band) -> None:
    for bar, degree in _bars(band, 4):
        for beat in range(4):
            band.kick(bar + beat)
            band.hat(bar + beat + 0.5, 1.2, 0.06)
            band.bass(bar + beat + 0.5, degree, 0.4)
            for quarter in (0.25, 0.75):
                band.hat(bar + beat + quarter, 0.4)
        band.snare(bar + 1, 0.8)
        band.snare(bar + 3, 0.8)
        for beat in (0, 1.5, 3):
            band.chord(bar + beat, degree, 0.4)


def _techno(band: _Band) -> None:
    riff = band.rng.choice(_SCALE, 16)
    plays = band.rng.random(16) < 0.7
    for bar, _ in _bars(band, 4):
        for beat in range(4):
            band.kick(bar + beat, 1.2)
            band.hat(bar + beat + 0.5, 0.8)
        for i in np.flatnonzero(plays):
            band.note(bar + i / 4, int(riff[i]) - 12, 0.25, 0.8)


def _hip_hop(band: _Band) -> None:
    kicks = [(0, 2.5), (0, 1.75, 2.5), (0, 0.75, 2.25)][int(band.rng.integers(3))]
    for bar, degree in _bars(band, 4):
        for i in range(8):
            band.hat(bar + i / 2, 0.8)
        for beat in kicks:
            band.kick(bar + beat)
            band.bass(bar + beat, degree, 0.7)
        band.snare(bar + 1)
        band.snare(bar + 3)
        band.chord(bar, degree, 1.5, 0.8)
        band.chord(bar + 2.5, degree, 1, 0.6)


def _trap(band: _Band) -> None:
    for bar, degree in _bars(band, 4):
        for i in range(8):
            band.hat(bar + i / 2, 0.9)
        if band.rng.random() < 0.6:
            for i in range(4):
                band.hat(bar + 3 + i / 4, 0.6)
        for beat in (0, 0.5, 2.5):
            band.kick(bar + beat)
        band.bass(bar, degree, 2, 1.3)
        band.bass(bar + 2.5, degree, 1.5, 1.3)
        band.snare(bar + 2, 1.1)
        band.chord(bar, degree, 4, 0.7)


def _drum_and_bass(band: _Band) -> None:
    for bar, degree in _bars(band, 4):
        for beat in (0, 2.5):
            band.kick(bar + beat)
        for beat in (1, 3):
            band.snare(bar + beat)
        for beat in (1.75, 2.25, 3.75):
            band.snare(bar + beat, 0.3)
        for i in range(8):
            band.hat(bar + i / 2, 0.8)
        band.bass(bar, degree, 3, 1.2)
        band.chord(bar, degree, 4, 0.6)


def _reggae(band: _Band) -> None:
    for bar, degree in _bars(band, 4):
        for beat in range(4):
            band.hat(bar + beat, 0.8)
            band.hat(bar + beat + 0.5, 0.5)
            band.chord(bar + beat + 0.5, degree, 0.25, 1.4)
        band.kick(bar + 2)
        band.snare(bar + 2, 0.8)
        for beat, step in ((0, 0), (0.5, 0), (1.5, 7), (2, 4), (3, 0)):
            band.bass(bar + beat, degree + step, 0.5, 1.2)


def _swing(band: _Band) -> None:
    for bar, degree in _bars(band, 4):
        for beat in (0, 1, 1.5, 2, 3, 3.5):
            band.hat(bar + beat, 1.0 if beat in {1, 3} else 0.7, 0.08)
        for beat in (1, 3):
            band.hat(bar + beat, 0.9)
        for beat in range(4):
            band.bass(bar + beat, degree + int(band.rng.choice([0, 2, 4, 7, 9, 11])), 0.9)
            band.kick(bar + beat, 0.2)
        for beat in band.rng.choice([0, 0.5, 1.5, 2.5, 3.5], 2, replace=False):
            band.chord(bar + float(beat), degree, 0.4, 0.9)


def _shuffle(band: _Band) -> None:
    for bar, degree in _bars(band, 4):
        for i in range(8):
            band.hat(bar + i / 2, 0.9 if i % 2 == 0 else 0.6)
            band.bass(bar + i / 2, degree + (0, 0, 7, 7, 9, 9, 7, 7)[i], 0.45)
        for beat in (0, 2):
            band.kick(bar + beat)
        for beat in (1, 3):
            band.snare(bar + beat)
        band.chord(bar, degree, 2)
        band.chord(bar + 2.5, degree, 1)


def _waltz(band: _Band) -> None:
    for bar, degree in _bars(band, 3):
        band.bass(bar, degree, 1, 1.2)
        band.kick(bar, 0.7)
        for beat in (1, 2):
            band.chord(bar + beat, degree, 0.6, 1.2)
            band.hat(bar + beat, 0.7, 0.04)
        for beat in band.rng.choice([0, 1, 1.5, 2, 2.5], 3, replace=False):
            band.note(bar + float(beat), int(band.rng.choice(_SCALE)) + 12, 0.7)


def _odd(band: _Band) -> None:
    beats = int(band.rng.choice([5, 7]))
    second = 3 if beats == 5 else 4
    for bar, degree in _bars(band, beats):
        for i in range(2 * beats):
            band.hat(bar + i / 2, 0.9 if i % 2 == 0 else 0.6)
        for beat in (0, second):
            band.kick(bar + beat)
            band.bass(bar + beat, degree, 1.5)
        for beat in (1, second + 1):
            band.snare(bar + beat)
        band.chord(bar, degree, second)
        band.chord(bar + second, degree, beats - second)


def _bossa(band: _Band) -> None:
    for bar, degree in _bars(band, 4):
        for i in range(8):
            band.shaker(bar + i / 2, 1.0 if i % 2 == 0 else 0.7)
        clave = (0, 1.5, 3) if bar % 8 == 0 else (1, 2.5)
        for beat in clave:
            band.wood(bar + beat, 0.8)
        for beat in (0, 1.5, 2, 3.5):
            band.bass(bar + beat, degree + (7 if beat in {1.5, 2} else 0), 0.5)
            band.kick(bar + beat, 0.3)
        for beat in (0, 1, 2.5):
            band.chord(bar + beat, degree, 0.4)


def _punk(band: _Band) -> None:
    for bar, degree in _bars(band, 4):
        for beat in range(4):
            (band.snare if beat % 2 else band.kick)(bar + beat)
            band.hat(bar + beat, 1.0, 0.05)
            for half in (0, 0.5):
                band.bass(bar + beat + half, degree, 0.4)
                band.chord(bar + beat + half, degree, 0.45, 1.2)
        band.kick(bar + 2.5)


def _funk(band: _Band) -> None:
    line = np.flatnonzero(band.rng.random(16) < 0.5)
    for bar, degree in _bars(band, 4):
        for i in range(16):
            band.hat(bar + i / 4, (1.0, 0.5, 0.8, 0.5)[i % 4])
        for beat in (0, 0.75, 2.5):
            band.kick(bar + beat)
        band.snare(bar + 1)
        band.snare(bar + 3)
        for beat in (1.75, 2.25):
            band.snare(bar + beat, 0.25)
        for i in {0, *line.tolist()}:
            band.bass(bar + i / 4, degree + int(band.rng.choice([0, 0, 7, 10])), 0.25)
        band.chord(bar + 1.5, degree, 0.2, 1.3)


def _train(band: _Band) -> None:
    for bar, degree in _bars(band, 4):
        for i in range(8):
            band.snare(bar + i / 2, 0.7 if i % 4 == 2 else 0.3)
        for beat in range(4):
            band.bass(bar + beat, degree + (7 if beat == 2 else 0), 0.8, 1.0 - beat % 2)
            band.kick(bar + beat, 0.7 * (1 - beat % 2))
        for beat in (1, 3):
            band.chord(bar + beat, degree, 0.5, 1.3)


def _piano(band: _Band) -> None:
    figure = [(0, 7, 12, 7), (0, 7, 12, 16), (0, 4, 7, 4)][int(band.rng.integers(3))]
    for bar, degree in _bars(band, 4):
        for i in range(8):
            band.note(bar + i / 2, degree + figure[i % 4], 0.8, 1.2 if i % 4 == 0 else 0.9)
        band.bass(bar, degree, 4)
        if band.rng.random() < 0.7:
            band.note(bar, int(band.rng.choice(_SCALE)) + 19, 2)
            band.note(bar + 2, int(band.rng.choice(_SCALE)) + 19, 2)


def _strum(band: _Band) -> None:
    strokes = ((0, 1.0), (1, 0.8), (1.5, 0.6), (2.5, 0.7), (3, 0.8), (3.5, 0.6))
    for bar, degree in _bars(band, 4):
        for beat, gain in strokes:
            band.chord(bar + beat, degree, 0.9, 1.4 * gain)
        band.bass(bar, degree, 2)


# Style: its player, the range of its tempi, the largest swing (of a beat), and how many renders.
STYLES: dict[str, tuple[Callable[[_Band], None], tuple[float, float], float, int]] = {
    "click": (_click, (70, 180), 0.0, 8),
    "rock": (_rock, (95, 150), 0.0, 8),
    "ballad": (_ballad, (60, 90), 0.0, 7),
    "house": (_house, (115, 130), 0.0, 7),
    "techno": (_techno, (125, 145), 0.0, 7),
    "hip-hop": (_hip_hop, (80, 102), 0.06, 7),
    "trap": (_trap, (130, 150), 0.0, 6),
    "drum-and-bass": (_drum_and_bass, (165, 178), 0.0, 6),
    "reggae": (_reggae, (68, 90), 0.1, 6),
    "swing": (_swing, (120, 210), 1 / 6, 7),
    "shuffle": (_shuffle, (90, 140), 1 / 6, 6),
    "waltz": (_waltz, (90, 180), 0.0, 7),
    "odd": (_odd, (95, 160), 0.0, 6),
    "bossa": (_bossa, (110, 145), 0.0, 6),
    "punk": (_punk, (155, 195), 0.0, 6),
    "funk": (_funk, (90, 118), 0.03, 6),
    "train": (_train, (95, 130), 0.0, 6),
    "piano": (_piano, (65, 130), 0.0, 6),
    "strum": (_strum, (85, 135), 0.0, 6),
}


def pattern(style: str, number: int) -> tuple[Samples, float]:
    """Play one pattern: 60 to 75 s, mono, and its tempo, the same ones each time."""
    play, (low, high), most_swing, n_renders = STYLES[style]
    rng = np.random.default_rng([VERSION, *style.encode(), number])
    share = (number + rng.random()) / n_renders  # evenly over the range
    bpm = float(np.exp(np.log(low) + share * np.log(high / low)))
    swing = most_swing * float(rng.uniform(0.7, 1.0))
    band = _Band(bpm, float(rng.uniform(60, 75)), swing, rng)
    play(band)
    noise = 10 ** rng.uniform(-4.5, -3) * rng.standard_normal(len(band.out))
    samples = band.out / np.abs(band.out).max() * 0.7 + noise
    return samples.astype(np.float32), bpm


def _pattern_renders(folder: Path) -> Iterator[Render]:
    for style, (_, _, _, n_renders) in STYLES.items():
        for number in range(n_renders):
            samples, bpm = pattern(style, number)
            out = folder / f"pattern-{style}-{number}.flac"
            _write(out, samples)
            yield Render(str(out), bpm, "pattern", style)


def _write(path: Path, samples: Samples) -> None:
    peak = float(np.abs(samples).max())
    soundfile.write(path, samples / max(peak / 0.9, 1.0), RATE_HZ, subtype="PCM_16")


# --- all of them ---


def cache_folder() -> Path:
    """Where renders are kept between runs: $AFFETTO_CACHE, or the user's cache."""
    base = os.environ.get("AFFETTO_CACHE") or os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "affetto" / "bench"


def renders(folder: Path | None = None) -> Sequence[Render]:
    """Give all renders, made anew where the folder does not hold them yet."""
    folder = (folder or cache_folder()) / f"renders-{VERSION}"
    index = folder / "index.json"
    if index.exists():
        return [Render(**row) for row in json.loads(index.read_text(encoding="utf-8"))]
    folder.mkdir(parents=True, exist_ok=True)
    made = [*_pattern_renders(folder), *_midi_renders(folder)]
    if any(render.kind == "midi" for render in made):  # without, try again next time
        rows = json.dumps([asdict(render) for render in made], indent=1)
        index.write_text(rows, encoding="utf-8")
    return made


if __name__ == "__main__":
    for render in renders(Path(sys.argv[1]) if len(sys.argv) > 1 else None):
        print(f"{render.tempo_bpm:7.2f}  {render.path}")
