"""From strokes to a stereo master: parts at stated loudnesses, a room, an echo, a limiter.

Nobody listens while this mixes, so levels are not faders but goals: each part's own loudness is
measured (BS.1770) and set to what the score says, relative to the drums.
"""

from collections.abc import Iterable
from functools import lru_cache
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from affetto.demo.arrange import Setting, Stroke, drum_strokes, part_strokes
from affetto.demo.drums import DRUMS
from affetto.demo.effects import (
    compress,
    ducking,
    echo,
    loudness_lufs,
    meet_loudness,
    reverb,
)
from affetto.demo.instruments import INSTRUMENTS
from affetto.demo.score import Part
from affetto.demo.synth import Tone, pitch_hz, play

Signal = NDArray[np.float32]

_REFERENCE_LUFS = -20.0
_MASTER_LUFS = -16.0  # what the drive and the compressor's threshold refer to
_VELOCITIES = 3  # brightness steps that notes are rendered at
_FADE_S = 1.5
_N_TAKES = 3  # renderings of each drum, in turn

# Level beside the others and place of each drum.
# fmt: off
_PLACES = {
    "house kick": (0.8, 0), "hard kick": (0.85, 0), "kick": (0.9, 0), "break kick": (0.9, 0),
    "metal kick": (0.9, 0), "soft kick": (0.7, 0), "heartbeat": (0.8, 0), "taiko": (0.9, 0.1),
    "snare": (0.55, 0.05), "fat snare": (0.65, 0.05), "break snare": (0.6, 0),
    "metal snare": (0.7, 0), "gated snare": (0.6, 0), "dusty snare": (0.55, 0), "clap": (0.55, 0),
    "rim": (0.35, -0.2), "sticks": (1.0, 0.2), "wood block": (0.25, 0.3), "cowbell": (0.16, -0.3),
    "anvil": (0.35, 0.3), "low tom": (0.7, 0.45), "mid tom": (0.65, 0.1), "high tom": (0.6, -0.3),
    "conga": (0.35, -0.4), "low conga": (0.4, -0.3), "hat": (0.27, 0.3), "tight hat": (0.26, 0.3),
    "open hat": (0.32, 0.3), "half-open hat": (0.27, 0.3), "ride": (0.16, -0.35),
    "crash": (0.4, -0.4), "china": (0.28, 0.45), "shaker": (0.2, -0.45),
    "tambourine": (0.2, 0.4), "brush": (0.3, 0.1), "brush sweep": (0.16, -0.1),
    "steam": (0.25, -0.5), "riser": (0.35, 0), "crackle": (0.10, 0),
}
# fmt: on


def mix(setting: Setting, n_samples: int, target_lufs: float, sample_rate_hz: int) -> Signal:
    """Play a score and master it.

    Parameters
    ----------
    setting : Setting
        The score, its key, tempo and seed.
    n_samples : int
        Length of the master.
    target_lufs : float
        Its loudness.
    sample_rate_hz : int
        Its sample rate.

    Returns
    -------
    float32 array, shape=(2, n_samples)
        Left and right, peaks below −1 dBFS.
    """
    score, rate = setting.score, sample_rate_hz
    desk = _Desk(n_samples)
    drums = drum_strokes(setting)
    kicks = np.array([s.time_s for s in drums if "kick" in s.sound and s.velocity > 0.6])
    if drums:
        kit = _at_level(_kit_bus(drums, n_samples, rate), score.kit.level_db, rate)
        desk.add(kit, 0, room=score.kit.room)
    dips = _dips(setting, kicks, n_samples, rate)
    for number, part in enumerate(score.parts):
        strokes = part_strokes(setting, part, number)
        if not strokes:
            continue
        bus, start = _part_bus(strokes, part, n_samples, rate, setting)
        bus = _at_level(bus, part.level_db, rate)
        if part.duck:
            bus *= 1 - np.float32(part.duck) * dips[start : start + bus.shape[1]]
        desk.add(bus, start, pan=part.pan, room=part.room, echo=part.echo)
    if desk.echoes.any():
        desk.add(echo(desk.echoes, score.echo_steps * setting.step_s, rate), 0, room=0.15)
    desk.dry += reverb(desk.room, score.room_s, rate)
    return _master(desk.dry, setting, target_lufs, rate)


class _Desk:
    """Where parts come together: the dry mix, and what goes to the room and to the echo."""

    def __init__(self, n_samples: int):
        self.dry = np.zeros((2, n_samples), np.float32)
        self.room = np.zeros(n_samples, np.float32)
        self.echoes = np.zeros(n_samples, np.float32)

    def add(
        self, bus: Signal, start: int, *, pan: float = 0.0, room: float = 0.0, echo: float = 0.0
    ) -> None:
        here = slice(start, start + bus.shape[1])
        left, right = _pan(pan)
        self.dry[0, here] += bus[0] * left if pan else bus[0]
        self.dry[1, here] += bus[-1] * right if pan else bus[-1]
        if room or echo:
            sent = bus[0] if len(bus) == 1 else (bus[0] + bus[1]) * np.float32(0.7)
            self.room[here] += sent * np.float32(room)
            if echo:
                self.echoes[here] += sent * np.float32(echo)


def _dips(setting: Setting, kicks: NDArray[np.float64], n_samples: int, rate: int) -> Signal:
    """Give how far a side chain presses at each moment, 0–1, where any part has one."""
    if not any(part.duck for part in setting.score.parts):
        return np.zeros(0, np.float32)
    return ducking(kicks, n_samples, rate, min(0.34, 3.4 * setting.step_s))


def _master(dry: Signal, setting: Setting, target_lufs: float, rate: int) -> Signal:
    mixed = dry * np.float32(10 ** ((_MASTER_LUFS - loudness_lufs(dry, rate)) / 20))
    drive_db = setting.score.drive_db
    if drive_db:
        mixed = compress(mixed, _MASTER_LUFS - 2, 2.0, rate) * np.float32(10 ** (drive_db / 20))
        mixed = np.tanh(mixed)  # rounds the peaks that the limiter would have to press
    # An offset: of kicks that begin upwards, and of what saturates on one side.
    mixed -= mixed.mean(axis=1, keepdims=True)
    n_fade = min(mixed.shape[1], round(_FADE_S * rate))
    mixed[:, -n_fade:] *= np.cos(np.linspace(0, np.pi / 2, n_fade)).astype(np.float32) ** 2
    n_rise = min(mixed.shape[1], round(0.002 * rate))
    mixed[:, :n_rise] *= np.linspace(0, 1, n_rise, dtype=np.float32)
    return meet_loudness(mixed, target_lufs, rate)


def _pan(place: float) -> tuple[np.float32, np.float32]:
    """Gains of left and right of equal power: 1 and 1 in the middle."""
    angle = (1 + place) * np.pi / 4
    return np.float32(2**0.5 * np.cos(angle)), np.float32(2**0.5 * np.sin(angle))


def _at_level(bus: Signal, level_db: float, rate: int) -> Signal:
    """Scale a bus; both sides of it are taken to be as loud as the left one."""
    measured = loudness_lufs(bus[:1], rate) + 3.01
    if not np.isfinite(measured):
        return bus
    bus *= np.float32(10 ** ((_REFERENCE_LUFS + level_db - measured) / 20))
    return bus


def _kit_bus(strokes: Iterable[Stroke], n_samples: int, rate: int) -> Signal:
    bus = np.zeros((2, n_samples), np.float32)
    counts: dict[str, int] = {}
    for stroke in strokes:
        take = counts.get(stroke.sound, 0) % _N_TAKES
        counts[stroke.sound] = take + 1
        level, place = _PLACES[stroke.sound]
        sound = _drum(stroke.sound, take, rate)
        start = round(stroke.time_s * rate)
        sound = sound[: max(0, n_samples - start)] * np.float32(level * stroke.velocity**1.4)
        left, right = _pan(place)
        bus[0, start : start + len(sound)] += sound * left if place else sound
        bus[1, start : start + len(sound)] += sound * right if place else sound
    return bus


@lru_cache(maxsize=256)
def _drum(name: str, take: int, rate: int) -> Signal:
    """Render a drum; kept, as pieces share their kits."""
    return DRUMS[name](rate, np.random.default_rng([crc32(name.encode()), take]))


def _part_bus(
    strokes: list[Stroke], part: Part, n_samples: int, rate: int, setting: Setting
) -> tuple[Signal, int]:
    """Play a part, from its first note to its last; give the sample it starts at as well.

    Notes alike in all but their loudness are rendered once.
    """
    rendered: dict[tuple[str, int, int, int, int | None], Signal] = {}
    placed: list[tuple[int, float, Signal]] = []
    for stroke in strokes:
        bright = min(_VELOCITIES, max(1, round(stroke.velocity * _VELOCITIES)))
        key = (stroke.sound, stroke.midi, round(1000 * stroke.gate_s), bright, stroke.from_midi)
        if key not in rendered:
            rng = np.random.default_rng([setting.seed, crc32(repr(key).encode())])
            tone = Tone(
                hz=pitch_hz(stroke.midi),
                gate_s=stroke.gate_s,
                velocity=bright / _VELOCITIES,
                from_hz=None if stroke.from_midi is None else pitch_hz(stroke.from_midi),
                wobble_s=part.wobble_steps * setting.step_s,
                high_pass_hz=part.high_pass_hz,
            )
            rendered[key] = play(INSTRUMENTS[stroke.sound], tone, rate, rng)
        placed.append((round(stroke.time_s * rate), stroke.velocity**1.5, rendered[key]))
    first = min(start for start, _, _ in placed)
    last = min(n_samples, max(start + sound.shape[1] for start, _, sound in placed))
    bus = np.zeros((max(len(sound) for _, _, sound in placed), last - first), np.float32)
    for start, gain, sound in placed:
        heard = sound[:, : last - start]
        bus[:, start - first : start - first + heard.shape[1]] += heard * np.float32(gain)
    return bus, first
