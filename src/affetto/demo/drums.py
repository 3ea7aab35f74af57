"""The drum kit and other sounds without pitch: each stroke a few sines and shaped noise.

A drum is a sine that falls in pitch while it dies, with a click; a snare adds noise; a cymbal is
noise over a bank of inharmonic square waves, as drum machines had it [1]_.

References
----------
.. [1] G. Reid (2002), Synthesizing Realistic Cymbals, Sound on Sound, Synth Secrets 38–40.
"""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

import numpy as np
import scipy.signal
from numpy.typing import NDArray

Signal = NDArray[np.float32]
Stroke = Callable[[int, np.random.Generator], Signal]

_METAL_HZ = (205.3, 304.4, 369.6, 522.7, 540.0, 800.0)  # six oscillators of the TR-808's cymbal


def _seconds(length_s: float, rate: int) -> NDArray[np.float64]:
    return np.arange(max(8, round(length_s * rate))) / rate


def _fall(seconds: NDArray[np.float64], constant_s: float) -> NDArray[np.float64]:
    """Exponential decay that reaches 0 at the end without a step."""
    fade = np.minimum(1.0, (seconds[-1] - seconds) / (0.1 * seconds[-1]))
    return np.asarray(np.exp(-seconds / constant_s) * fade)


def _band(
    sound: NDArray[np.float64], low_hz: float, high_hz: float, rate: int, order: int = 1
) -> NDArray[np.float64]:
    top = 0.45 * rate
    edges = [min(low_hz, 0.5 * top), min(high_hz, top)]
    sos = scipy.signal.butter(order, edges, "bandpass", fs=rate, output="sos")
    return np.asarray(scipy.signal.sosfilt(sos, sound))


def _full(sound: NDArray[np.float64]) -> Signal:
    """Scale to a peak of 1."""
    return np.asarray(sound / np.abs(sound).max(), np.float32)


def _drum(
    rate: int,
    rng: np.random.Generator,
    *,
    hz: float,
    bend: float,
    bend_s: float,
    decay_s: float,
    click: float = 0.0,
    click_hz: tuple[float, float] = (1500.0, 6000.0),
    drive: float = 0.0,
    length_s: float | None = None,
) -> Signal:
    """Give a membrane: a sine that starts `bend` times higher and falls to `hz`."""
    seconds = _seconds(length_s or 5 * decay_s, rate)
    fundamental = hz * rng.normal(1, 0.004)
    sweep = (bend - 1) * bend_s * (1 - np.exp(-seconds / bend_s))  # integral of the fall
    body = np.sin(2 * np.pi * fundamental * (seconds + sweep)) * _fall(seconds, decay_s)
    body *= np.minimum(1.0, seconds / 0.0007)
    if drive:
        body = np.tanh(drive * body)
    if click:
        noise = rng.standard_normal(len(seconds)) * np.exp(-seconds / 0.0035)
        body += click * _full(_band(noise, *click_hz, rate))
    # A sine that is cut short has an offset, which would move the loudspeaker.
    sos = scipy.signal.butter(2, 25, "highpass", fs=rate, output="sos")
    body = scipy.signal.sosfilt(sos, body)
    return _full(body * np.minimum(1.0, (seconds[-1] - seconds) / (0.05 * seconds[-1])))


def _snare(
    rate: int,
    rng: np.random.Generator,
    *,
    hz: float,
    body: float,
    body_s: float,
    wires_s: float,
    wires_hz: tuple[float, float],
    attack: float = 0.6,
    drive: float = 0.0,
    length_s: float = 0.0,
) -> Signal:
    """Give two modes of the head, the wires' noise, and the stick's attack."""
    seconds = _seconds(length_s or 5.5 * max(wires_s, body_s), rate)
    hz *= rng.normal(1, 0.006)
    sweep = 0.6 * 0.006 * (1 - np.exp(-seconds / 0.006))
    head = np.sin(2 * np.pi * hz * (seconds + sweep))
    head += 0.5 * np.sin(2 * np.pi * 1.83 * hz * seconds)
    head *= _fall(seconds, body_s)
    noise = rng.standard_normal(len(seconds))
    wires = _full(_band(noise * _fall(seconds, wires_s), *wires_hz, rate)).astype(np.float64)
    stick = _band(noise * np.exp(-seconds / 0.004), 1800, 9000, rate)
    sound = body * head / 1.5 + wires + attack * _full(stick)
    sound *= np.minimum(1.0, seconds / 0.0006)
    return _full(np.tanh(drive * sound / np.abs(sound).max()) if drive else sound)


def _cymbal(
    rate: int,
    rng: np.random.Generator,
    *,
    decay_s: float,
    low_hz: float,
    metal: float = 0.5,
    attack_s: float = 0.0004,
    ping: float = 0.0,
    length_s: float | None = None,
) -> Signal:
    """Give noise and inharmonic square waves above `low_hz`, with a slower wash below."""
    seconds = _seconds(length_s or 5 * decay_s, rate)
    noise = rng.standard_normal(len(seconds))
    metallic = np.zeros(len(seconds))
    for hz in _METAL_HZ:
        cycles = seconds * (hz * 2.1 * rng.normal(1, 0.02)) + rng.random()
        metallic += np.sign(0.5 - (cycles - np.floor(cycles)))
    sound = _band((1 - metal) * noise + metal * 0.6 * metallic, low_hz, 14_000, rate, 2)
    soft = min(9_500.0, 0.3 * rate)  # air and microphones take the very top
    sound = scipy.signal.lfilter(*scipy.signal.butter(1, soft, fs=rate), sound)
    strike = np.exp(-seconds / (0.06 * decay_s + 0.01))
    sound *= _fall(seconds, decay_s) * (0.55 + 0.45 * strike)
    sound *= np.minimum(1.0, seconds / attack_s)
    if ping:
        bell = sum(np.sin(2 * np.pi * hz * seconds) for hz in (1830.0, 3140.0, 4270.0, 5390.0))
        sound = sound / np.abs(sound).max() + ping * bell / 4 * np.exp(-seconds / 0.12)
    return _full(sound)


def _clap(rate: int, rng: np.random.Generator, *, decay_s: float = 0.09) -> Signal:
    """Give several hands, some milliseconds apart, and the room's answer."""
    seconds = _seconds(5 * decay_s + 0.03, rate)
    level = np.zeros(len(seconds))
    for start in np.sort(np.r_[0.0, 0.010, 0.021, 0.029] + rng.normal(0, 0.001, 4).clip(0)):
        after = seconds - start
        level += np.where(after >= 0, np.exp(-np.maximum(after, 0) / 0.004), 0)
    tail = np.where(seconds > 0.029, np.exp(-(seconds - 0.029) / decay_s), 0)
    sound = _band(rng.standard_normal(len(seconds)) * (level + 0.55 * tail), 850, 3800, rate)
    return _full(sound * np.minimum(1, (seconds[-1] - seconds) / 0.03))


def _noise_hit(
    rate: int,
    rng: np.random.Generator,
    *,
    low_hz: float,
    high_hz: float,
    attack_s: float,
    decay_s: float,
) -> Signal:
    """Give shaker, brush, tambourine, guiro: noise with a soft start."""
    seconds = _seconds(attack_s + 5 * decay_s, rate)
    level = np.where(
        seconds < attack_s, (seconds / attack_s) ** 2, np.exp(-(seconds - attack_s) / decay_s)
    ) * np.minimum(1.0, (seconds[-1] - seconds) / (0.1 * seconds[-1]))
    return _full(_band(rng.standard_normal(len(seconds)), low_hz, high_hz, rate, 2) * level)


def _block(
    rate: int,
    rng: np.random.Generator,
    *,
    partials: tuple[tuple[float, float], ...],
    decay_s: float,
    noise: float = 0.2,
    drive: float = 0.0,
) -> Signal:
    """Give wood, rim, cowbell, anvil: a few partials (Hz, amplitude) and a click."""
    seconds = _seconds(6 * decay_s, rate)
    sound = np.zeros(len(seconds))
    for hz, amplitude in partials:
        if hz < 0.45 * rate:
            sound += amplitude * np.sin(2 * np.pi * hz * rng.normal(1, 0.003) * seconds)
    sound *= _fall(seconds, decay_s) * np.minimum(1.0, seconds / 0.0004)
    click = _band(rng.standard_normal(len(seconds)) * np.exp(-seconds / 0.003), 1000, 8000, rate)
    sound = sound / np.abs(sound).max() + noise * _full(click)
    return _full(np.tanh(drive * sound) if drive else sound)


def _riser(rate: int, rng: np.random.Generator, *, length_s: float = 1.9) -> Signal:
    """Give noise that climbs from 300 Hz to 8 kHz and swells."""
    seconds = _seconds(length_s, rate)
    noise = rng.standard_normal(len(seconds))
    progress = seconds / seconds[-1]
    layers = [(300, 900), (900, 2400), (2400, 5500), (5500, 12_000)]
    sound = np.zeros(len(seconds))
    for place, (low, high) in enumerate(layers):
        sound += _band(noise, low, high, rate) * np.exp(-((4.2 * progress - 0.6 - place) ** 2))
    return _full(sound * progress**2 * np.minimum(1.0, (seconds[-1] - seconds) / 0.02))


def _crackle(rate: int, rng: np.random.Generator, *, length_s: float = 3.0) -> Signal:
    """Give the dust of an old record: a few clicks a second over a soft hiss."""
    n = round(length_s * rate)
    clicks = np.zeros(n)
    where = rng.integers(0, n, round(14 * length_s))
    clicks[where] = rng.standard_normal(len(where)) * rng.random(len(where)) ** 3
    hiss = 0.004 * rng.standard_normal(n)
    sound = _band(clicks, 900, 6000, rate) + _band(hiss, 400, 7000, rate)
    edge = np.minimum(1.0, np.minimum(np.arange(n), n - 1 - np.arange(n)) / (0.05 * rate))
    return _full(sound * edge)


# fmt: off
DRUMS: Mapping[str, Stroke] = MappingProxyType(
    {
        "kick": partial(_drum, hz=54, bend=3.2, bend_s=0.018, decay_s=0.085, click=0.22),
        "soft kick": partial(_drum, hz=52, bend=1.9, bend_s=0.015, decay_s=0.08, click=0.05),
        "house kick": partial(
            _drum, hz=49, bend=6.5, bend_s=0.021, decay_s=0.12, click=0.16, drive=1.8
        ),
        "break kick": partial(
            _drum, hz=60, bend=4.0, bend_s=0.014, decay_s=0.075, click=0.3, drive=1.6
        ),
        "metal kick": partial(
            _drum, hz=58, bend=4.0, bend_s=0.010, decay_s=0.06, click=0.75,
            click_hz=(2500.0, 7500.0), drive=1.5,
        ),
        "hard kick": partial(
            _drum, hz=47, bend=7.0, bend_s=0.024, decay_s=0.16, click=0.3, drive=5.0
        ),
        "heartbeat": partial(_drum, hz=44, bend=1.6, bend_s=0.03, decay_s=0.16),
        "low tom": partial(_drum, hz=82, bend=1.6, bend_s=0.05, decay_s=0.17, click=0.16),
        "mid tom": partial(_drum, hz=118, bend=1.6, bend_s=0.05, decay_s=0.14, click=0.16),
        "high tom": partial(_drum, hz=165, bend=1.5, bend_s=0.05, decay_s=0.12, click=0.16),
        "conga": partial(_drum, hz=205, bend=1.15, bend_s=0.03, decay_s=0.09, click=0.12),
        "low conga": partial(_drum, hz=150, bend=1.15, bend_s=0.03, decay_s=0.11, click=0.10),
        "taiko": partial(
            _drum, hz=58, bend=1.8, bend_s=0.05, decay_s=0.33, click=0.12, click_hz=(300.0, 1500.0)
        ),
        "snare": partial(
            _snare, hz=188, body=0.75, body_s=0.06, wires_s=0.085, wires_hz=(1500, 8500)
        ),
        "fat snare": partial(
            _snare, hz=172, body=0.95, body_s=0.085, wires_s=0.13, wires_hz=(900, 7500), drive=1.6
        ),
        "break snare": partial(
            _snare, hz=205, body=0.8, body_s=0.05, wires_s=0.075, wires_hz=(1700, 9500), drive=1.5
        ),
        "metal snare": partial(
            _snare, hz=196, body=0.9, body_s=0.07, wires_s=0.10, wires_hz=(1200, 9500),
            attack=0.9, drive=1.9,
        ),
        "gated snare": partial(
            _snare, hz=168, body=0.8, body_s=0.09, wires_s=0.3, wires_hz=(800, 6500), drive=1.5,
            length_s=0.30,
        ),
        "dusty snare": partial(
            _snare, hz=180, body=0.9, body_s=0.055, wires_s=0.07, wires_hz=(900, 4200), attack=0.3
        ),
        "clap": _clap,
        "rim": partial(
            _block, partials=((480, 0.5), (1720, 1.0), (2610, 0.5)), decay_s=0.012, noise=0.5
        ),
        "sticks": partial(_block, partials=((2350, 1.0), (3700, 0.6)), decay_s=0.012, noise=0.6),
        "wood block": partial(_block, partials=((890, 1.0), (1880, 0.4)), decay_s=0.025),
        "cowbell": partial(_block, partials=((562, 1.0), (845, 0.9), (1690, 0.2)), decay_s=0.09),
        "anvil": partial(
            _block, partials=((620, 0.6), (1413, 1.0), (2237, 0.9), (3511, 0.7), (5170, 0.5)),
            decay_s=0.11, noise=0.7, drive=2.5,
        ),
        "hat": partial(_cymbal, decay_s=0.028, low_hz=6800),
        "tight hat": partial(_cymbal, decay_s=0.016, low_hz=7500, metal=0.7),
        "open hat": partial(_cymbal, decay_s=0.13, low_hz=6200, length_s=0.42),
        "half-open hat": partial(_cymbal, decay_s=0.08, low_hz=5200, length_s=0.25, metal=0.4),
        "ride": partial(_cymbal, decay_s=0.45, low_hz=4500, metal=0.15, ping=0.06, length_s=1.3),
        "crash": partial(_cymbal, decay_s=0.65, low_hz=2800, metal=0.25, length_s=2.2),
        "china": partial(_cymbal, decay_s=0.35, low_hz=1800, metal=0.4, length_s=1.2),
        "shaker": partial(
            _noise_hit, low_hz=5200, high_hz=12_000, attack_s=0.018, decay_s=0.022
        ),
        "tambourine": partial(
            _noise_hit, low_hz=7000, high_hz=16_000, attack_s=0.003, decay_s=0.05
        ),
        "brush": partial(_noise_hit, low_hz=900, high_hz=6500, attack_s=0.02, decay_s=0.06),
        "brush sweep": partial(_noise_hit, low_hz=1500, high_hz=6000, attack_s=0.12, decay_s=0.07),
        "steam": partial(_noise_hit, low_hz=2000, high_hz=12_000, attack_s=0.01, decay_s=0.10),
        "riser": _riser,
        "crackle": _crackle,
    }
)
# fmt: on
"""Every stroke by the name that scores use: (sample rate, generator) → mono, peak 1."""
