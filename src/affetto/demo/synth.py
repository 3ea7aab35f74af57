"""One note of a pitched instrument: periods read from spectra that change while it sounds.

A tone is a row of single periods, each the inverse Fourier transform of the harmonics' amplitudes
at that moment, read one after another at the pitch's speed. A plucked string is then exactly a
string whose harmonics die at their own rates [1]_, a filter is a factor on each harmonic, a vowel
is a row of resonances, and nothing ever lies above half the sample rate.

References
----------
.. [1] K. Karplus and A. Strong (1983), Digital Synthesis of Plucked-String and Drum Timbres,
   Computer Music Journal 7(2), 43-55.
.. [2] R. Bristow-Johnson (1996), Wavetable Synthesis 101, AES 101st Convention.
.. [3] N. H. Fletcher and T. D. Rossing (1998), The Physics of Musical Instruments, 2nd ed.:
   plucking point, decay of strings, modes of bars and bells.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import scipy.fft
import scipy.signal
from numpy.typing import NDArray

Signal = NDArray[np.float32]

_OVERSAMPLED = 4  # table points a period of the highest harmonic: images stay 19 dB down or more
_SILENT = 6.9  # time constants until a decay is 60 dB down
_CHUNK = 1 << 14  # samples at a time: what stays in the cache
_RELEASED = 4.0  # time constants until a release is faded to nothing
_GLIDE_S = 0.025
_TOP_HZ = 16_000.0
_VOWEL_S = 0.15
_VIBRATO_AFTER_S = 0.1
_REFERENCE_HZ = 220.0  # the pitch at which decay times and cut-offs are stated


@dataclass(frozen=True, slots=True, kw_only=True)
class Timbre:
    """How a pitched instrument with harmonic partials sounds.

    Attributes
    ----------
    tilt : float
        Harmonic h starts with amplitude h^−tilt: 1 is a sawtooth.
    drawbars : tuple of float
        Amplitudes of the first harmonics instead of the tilt; the others are 0.
    even : float
        Factor on the even harmonics: 0 is a square wave or a clarinet.
    pluck : float
        Where the string is plucked, as a share of its length: factor |sin(π h pluck)| [3]_.
        0 for none.
    vowels : tuple of tuples of (Hz, gain, width in Hz)
        Resonances; a second vowel is one the sound moves to within its first 150 ms.
    cutoff_hz : (float, float)
        Where the low-pass filter starts and where it comes to rest, at 220 Hz.
    sweep_s : float
        Time constant of the way from one to the other.
    poles : int
        Slope of the filter, 6 dB an octave each.
    resonance : float
        Height of the filter's peak, as a factor added to 1.
    wobble : float
        Octaves by which the cut-off swings, down and up again within `wobble_s` of a note.
    ring_s : float
        Time constant of the lowest harmonic's decay at 220 Hz; 0 where the tone is sustained.
    damping_hz : float
        A harmonic at this frequency dies twice as fast as a low one.
    attack_s, decay_s, sustain, release_s : float
        Envelope: linear rise, exponential fall to the share `sustain`, exponential end.
    voices, detune_cents, width : int, float, float
        How many play the same note, over which interval, and over which part of the stereo
        image (0 one point, 1 all of it).
    vibrato_cents, vibrato_hz : float
        Depth, half of the full swing, and rate; it sets in from 100 ms to 400 ms.
    breath, breath_hz, breath_s : float
        Noise of the attack (hammer, pick, breath): level beside the tone, centre, and time
        constant of decay; 0 for one that lasts as long as the tone.
    tremolo, tremolo_hz : float
        Share by which left and right swing in turn, and rate.
    drive : float
        Input of a tanh amplifier; 0 for none.
    intervals : tuple of int
        Semitones of the strings struck together: (0, 7, 12) is a power chord.
    cabinet : bool
        A guitar loudspeaker: 80 Hz to 4.8 kHz, and two takes, left and right.
    """

    tilt: float = 1.0
    drawbars: tuple[float, ...] = ()
    even: float = 1.0
    pluck: float = 0.0
    vowels: tuple[tuple[tuple[float, float, float], ...], ...] = ()
    cutoff_hz: tuple[float, float] = (9000.0, 9000.0)
    sweep_s: float = 0.2
    poles: int = 2
    resonance: float = 0.0
    wobble: float = 0.0
    ring_s: float = 0.0
    damping_hz: float = 2500.0
    attack_s: float = 0.004
    decay_s: float = 0.3
    sustain: float = 1.0
    release_s: float = 0.06
    voices: int = 1
    detune_cents: float = 0.0
    width: float = 0.0
    vibrato_cents: float = 0.0
    vibrato_hz: float = 5.3
    breath: float = 0.0
    breath_hz: float = 3000.0
    breath_s: float = 0.02
    tremolo: float = 0.0
    tremolo_hz: float = 5.0
    drive: float = 0.0
    intervals: tuple[int, ...] = (0,)
    cabinet: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Bell:
    """A struck bar, bell or string whose partials are no harmonics [3]_.

    Attributes
    ----------
    partials : tuple of (ratio, amplitude, time constant in s)
        The decay is stated at 440 Hz and shortens with the square root of the pitch.
    strike : float
        Level of the mallet's noise.
    tremolo, tremolo_hz : float
        As in `Timbre`.
    release_s : float
        Time constant of the end, where the note is damped.
    """

    partials: tuple[tuple[float, float, float], ...]
    strike: float = 0.0
    tremolo: float = 0.0
    tremolo_hz: float = 5.0
    release_s: float = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Tone:
    """What an instrument is asked to play.

    Attributes
    ----------
    hz : float
        Pitch.
    gate_s : float
        How long the key is held; what rings on comes after it.
    velocity : float
        0–1. It sets brightness; loudness is the mixer's.
    from_hz : float or None
        Pitch to slide from, within about 60 ms.
    wobble_s : float
        Period of the cut-off's swing, for instruments that have one.
    high_pass_hz : float
        Harmonics below it are weakened, 12 dB an octave, to leave room for a bass; 0 for none.
    """

    hz: float
    gate_s: float
    velocity: float = 0.8
    from_hz: float | None = None
    wobble_s: float = 0.5
    high_pass_hz: float = 0.0


def pitch_hz(midi: float) -> float:
    """Give the frequency of a MIDI note number: 440 · 2^((midi − 69) / 12)."""
    return float(440.0 * 2 ** ((midi - 69) / 12))


def play(
    instrument: Timbre | Bell, tone: Tone, sample_rate_hz: int, rng: np.random.Generator
) -> Signal:
    """Play one note.

    Parameters
    ----------
    instrument : Timbre or Bell
        What plays.
    tone : Tone
        What it plays.
    sample_rate_hz : int
        Sample rate.
    rng : Generator
        Draws phases and noise.

    Returns
    -------
    float32 array, shape=(1 or 2, n_samples)
        One row, or left and right. Where it is brightest its RMS is near 0.7; it ends at 0.
    """
    if isinstance(instrument, Bell):
        return _strike(instrument, tone, sample_rate_hz, rng)
    if instrument.cabinet:
        takes = [_amplified(instrument, tone, sample_rate_hz, rng) for _ in "LR"]
        n = min(map(len, takes))
        return np.stack([take[:n] for take in takes])
    sound = _tone(instrument, tone, sample_rate_hz, rng)
    if instrument.drive:
        sound = np.tanh(sound * np.float32(instrument.drive * (0.5 + tone.velocity / 2)))
        sound /= np.float32(np.tanh(instrument.drive))
    return sound


def _tone(timbre: Timbre, tone: Tone, rate: int, rng: np.random.Generator) -> Signal:
    """Give a tone before any amplifier: voices, breath, envelope, tremolo."""
    length_s = tone.gate_s + _RELEASED * timbre.release_s
    if timbre.ring_s:
        length_s = min(length_s, _SILENT * _ring_s(timbre, tone.hz))
    seconds = np.arange(max(1, round(length_s * rate))) / rate
    periods, size = _periods(timbre, tone, length_s, rate, rng)

    sound = np.zeros((2 if timbre.width else 1, len(seconds)), np.float32)
    places = np.linspace(-1, 1, timbre.voices) if timbre.voices > 1 else np.zeros(1)
    # Neighbours in pitch stand apart in place: both sides stay in tune.
    sides = np.concatenate([places[::2], places[1::2]]) * timbre.width
    for place, side in zip(places, sides, strict=True):
        detune = 2 ** (timbre.detune_cents * place / 2400)
        # Two that start anywhere may cancel each other; of more, never all do.
        start = rng.random() * {1: 0.0, 2: 0.15}.get(timbre.voices, 1.0)
        phase = rng.random()
        voice = np.empty(len(seconds), np.float32)
        for first in range(0, len(seconds), _CHUNK):
            cycles = _cycles(timbre, tone, seconds[first : first + _CHUNK], detune, phase)
            voice[first : first + _CHUNK] = _read(periods, cycles + start, size)
        if timbre.width:
            angle = (1 + side) * np.pi / 4
            sound[0] += voice * np.float32(np.cos(angle) * 2**0.5)
            sound[1] += voice * np.float32(np.sin(angle) * 2**0.5)
        else:
            sound[0] += voice
    sound /= np.float32(timbre.voices**0.5)
    if timbre.breath:
        breath = _breath(timbre, tone, len(seconds), rate, rng)
        sound[:, : len(breath)] += breath
    sound *= _envelope(timbre, tone.gate_s, len(seconds), rate)
    if timbre.tremolo:
        sound = _swing(sound, seconds, timbre.tremolo, timbre.tremolo_hz)
    return sound


def _ring_s(timbre: Timbre, hz: float) -> float:
    return timbre.ring_s * float((_REFERENCE_HZ / hz) ** 0.5)


def _periods(
    timbre: Timbre, tone: Tone, length_s: float, rate: int, rng: np.random.Generator
) -> tuple[Signal, int]:
    """Give the periods of a tone, end to end, and the number of points in each."""
    fastest = tone.hz * 2.0 ** ((timbre.detune_cents / 2 + timbre.vibrato_cents) / 1200)
    slid = _GLIDE_S * max(0.0, (tone.from_hz or 0.0) - tone.hz)  # from above: through more
    n_periods = int(length_s * fastest + slid) + 5
    n_partials = max(1, int(min(0.45 * rate, _TOP_HZ) / fastest))
    number = np.arange(1, n_partials + 1)
    spectra = _spectra(timbre, tone, n_periods, n_partials)
    loudest = float(np.sqrt((spectra**2).sum(axis=1).max()))

    # Tones of many voices start anywhere in their phases, which keeps their sum from spiking.
    spread = timbre.voices > 2 and not timbre.vowels
    phases = rng.random(n_partials) if spread else np.full(n_partials, 0.25)
    size = 1 << int(np.ceil(np.log2(_OVERSAMPLED * (n_partials + 1))))
    unit = np.exp(-2j * np.pi * phases) * (size / 2 / loudest)
    bins = np.zeros((n_periods, size // 2 + 1), np.complex64)
    bins[:, number] = spectra * unit.astype(np.complex64)
    periods = np.asarray(scipy.fft.irfft(bins, size, axis=1), np.float32).ravel()
    return np.append(periods, periods[-size]), size


def _spectra(timbre: Timbre, tone: Tone, n_periods: int, n_partials: int) -> Signal:
    """Give the harmonics' amplitudes in each period, shape=(n_periods, n_partials)."""
    number = np.arange(1, n_partials + 1)
    partial_hz = number * np.float64(tone.hz)
    seconds = np.arange(n_periods)[:, np.newaxis] / tone.hz
    amplitudes = number ** float(-timbre.tilt)
    if timbre.drawbars:
        amplitudes = np.zeros(len(number))
        bars = timbre.drawbars[: len(number)]
        amplitudes[: len(bars)] = bars
    amplitudes[1::2] *= timbre.even
    if tone.high_pass_hz:
        squares = (partial_hz / tone.high_pass_hz) ** 2
        amplitudes *= squares / np.sqrt(1 + squares**2)
    if timbre.pluck:
        amplitudes *= np.abs(np.sin(np.pi * number * timbre.pluck)) + 0.02
    spectra: Signal = amplitudes.astype(np.float32)[np.newaxis]

    if timbre.vowels:
        first, last = (_vowel(timbre.vowels[i], partial_hz) for i in (0, -1))
        moved = np.minimum(seconds / _VOWEL_S, 1)
        spectra = spectra * (first + (last - first) * moved).astype(np.float32)
    start, rest = timbre.cutoff_hz
    bright = 4 ** (tone.velocity - 0.75) * (tone.hz / _REFERENCE_HZ) ** 0.4
    cutoff = rest * (start / rest) ** np.exp(-seconds / timbre.sweep_s) * bright
    if timbre.wobble:
        swing = 0.5 + 0.5 * np.cos(2 * np.pi * seconds / tone.wobble_s)
        cutoff = cutoff * 2 ** (-timbre.wobble * swing)
    ratio = (partial_hz / cutoff).astype(np.float32)
    gain = (1 + ratio**4) ** np.float32(-timbre.poles / 4)
    if timbre.resonance:
        gain += np.float32(timbre.resonance) * np.exp(-((np.log2(ratio) / 0.25) ** 2))
    spectra = spectra * gain
    if timbre.ring_s:
        rates = (1 + (partial_hz / timbre.damping_hz) ** 1.5) / _ring_s(timbre, tone.hz)
        spectra = spectra * np.exp(-np.minimum(seconds * rates, 60.0)).astype(np.float32)
    return spectra.astype(np.float32, copy=False)


def _vowel(
    formants: tuple[tuple[float, float, float], ...], partial_hz: NDArray[np.float64]
) -> NDArray[np.float64]:
    gains = [g / (1 + ((partial_hz - hz) / (width / 2)) ** 2) for hz, g, width in formants]
    return np.asarray(np.sum(gains, axis=0) + 0.004)


def _read(periods: Signal, cycles: NDArray[np.float64], size: int) -> Signal:
    """Read the periods at a count of cycles, linearly between points."""
    position = cycles * size
    index = position.astype(np.int64)
    position -= index
    low = periods.take(index)
    index += 1
    step = periods.take(index)
    step -= low
    step *= position.astype(np.float32)
    step += low
    return step


def _cycles(
    timbre: Timbre, tone: Tone, seconds: NDArray[np.float64], detune: float, phase: float
) -> NDArray[np.float64]:
    """Count cycles: the integral of a frequency that glides in and then swings.

    The frequency is hz · (1 + (r − 1) e^(−t/τ) + ln 2 · depth · sin), r the ratio that a slide
    starts from, whose integral is known; the depth sets in so slowly that it counts as constant.
    """
    hz = tone.hz * detune
    cycles = seconds * hz
    if tone.from_hz:
        away = tone.from_hz / tone.hz - 1
        cycles += hz * _GLIDE_S * away * (1 - np.exp(-seconds / _GLIDE_S))
    if timbre.vibrato_cents:
        first = int(np.searchsorted(seconds, _VIBRATO_AFTER_S))
        late = seconds[first:]
        angle = (2 * np.pi * (timbre.vibrato_hz * late + phase)).astype(np.float32)
        swing = hz * np.log(2) * timbre.vibrato_cents / 1200 / (2 * np.pi * timbre.vibrato_hz)
        depth = np.minimum((late - _VIBRATO_AFTER_S) / 0.3, 1).astype(np.float32)
        cycles[first:] -= depth * np.float32(swing) * np.cos(angle)
    return cycles


def _envelope(timbre: Timbre, gate_s: float, n: int, rate: int) -> Signal:
    level = np.ones(n, np.float32)
    seconds = np.arange(n, dtype=np.float32) / np.float32(rate)
    n_attack = min(n, round(timbre.attack_s * rate))
    level[:n_attack] = np.arange(n_attack, dtype=np.float32) / max(n_attack, 1)
    if timbre.sustain < 1:
        fall = np.exp(seconds[: n - n_attack] / np.float32(-timbre.decay_s))
        level[n_attack:] = timbre.sustain + (1 - timbre.sustain) * fall
    n_gate = min(n, round(gate_s * rate))
    level[n_gate:] *= np.exp(seconds[: n - n_gate] / np.float32(-timbre.release_s))
    n_end = max(1, min(n // 4, round(0.02 * rate)))
    level[n - n_end :] *= np.linspace(1, 0, n_end, dtype=np.float32)
    return level


def _breath(timbre: Timbre, tone: Tone, n: int, rate: int, rng: np.random.Generator) -> Signal:
    """Give noise around a centre that follows the pitch a little, n samples at most."""
    if timbre.breath_s:
        n = min(n, round(5 * timbre.breath_s * rate) + 1)
    centre_hz = timbre.breath_hz * (tone.hz / _REFERENCE_HZ) ** 0.3
    noise = _noise(round(12 * np.log2(centre_hz)), rate)
    start = int(rng.integers(len(noise)))
    sound = np.resize(np.roll(noise, -start), n) if n > len(noise) - start else noise[start:][:n]
    if timbre.breath_s:
        fall = np.arange(n, dtype=np.float32) / np.float32(-timbre.breath_s * rate)
        sound = sound * np.exp(fall)
    return sound * np.float32(timbre.breath * (0.4 + tone.velocity))


@lru_cache(maxsize=128)
def _noise(semitone: int, rate: int) -> Signal:
    """Give three seconds of noise around a centre, 2^(semitone / 12) Hz; kept, as notes share."""
    centre_hz = min(2 ** (semitone / 12), 0.25 * rate)
    edges_hz = [centre_hz / 1.6, centre_hz * 1.6]
    b, a = scipy.signal.butter(1, edges_hz, "bandpass", fs=rate)
    white = np.random.default_rng([semitone, rate]).standard_normal(3 * rate)
    return np.asarray(scipy.signal.lfilter(b, a, white), np.float32)


def _swing(sound: Signal, seconds: NDArray[np.float64], depth: float, hz: float) -> Signal:
    wave = np.float32(depth) * np.sin((2 * np.pi * hz * seconds).astype(np.float32))
    return sound * np.stack([1 + wave, 1 - wave])


def _amplified(timbre: Timbre, tone: Tone, rate: int, rng: np.random.Generator) -> Signal:
    """Give one take of strings through an amplifier, which runs at twice the sample rate."""
    strings = []
    for semitones in timbre.intervals:
        cents = rng.normal(0, 2.5)
        string = replace(tone, hz=tone.hz * 2 ** (semitones / 12 + cents / 1200))
        strings.append(_tone(timbre, string, 2 * rate, rng)[0])
    mixed = np.zeros(max(map(len, strings)), np.float32)
    for sound in strings:
        mixed[: len(sound)] += sound
    sections, presence = _cabinet(2 * rate)
    heard = scipy.signal.sosfilt(sections, np.tanh(mixed * np.float32(timbre.drive)))
    heard += 0.7 * scipy.signal.sosfilt(presence, heard)
    n_fade = min(len(heard), round(0.02 * rate))
    heard[-n_fade:] *= np.linspace(1, 0, n_fade, dtype=np.float32)
    return np.asarray(heard[::2], np.float32)


@lru_cache(maxsize=8)
def _cabinet(rate: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give the loudspeaker's edges and the peak of its cone, as second-order sections."""
    low = scipy.signal.butter(2, 80, "highpass", fs=rate, output="sos")
    top = scipy.signal.butter(4, min(4600, 0.2 * rate), fs=rate, output="sos")
    peak = scipy.signal.iirpeak(min(2600, 0.15 * rate), 1.2, fs=rate)
    return np.concatenate([low, top]), np.concatenate(peak)[np.newaxis]


def _strike(bell: Bell, tone: Tone, rate: int, rng: np.random.Generator) -> Signal:
    scale = (440.0 / tone.hz) ** 0.5
    longest_s = max(decay for _, _, decay in bell.partials) * scale
    length_s = min(tone.gate_s + _RELEASED * bell.release_s, _SILENT * longest_s)
    seconds = np.arange(max(1, round(length_s * rate))) / rate
    total = sum(amplitude**2 for _, amplitude, _ in bell.partials) ** 0.5
    sound = np.zeros((1, len(seconds)), np.float32)
    for ratio, amplitude, decay in bell.partials:
        if ratio * tone.hz > 0.45 * rate:
            continue
        level = amplitude / total * tone.velocity ** (0.4 * max(ratio - 1, 0) ** 0.5)
        heard = seconds[: round(_SILENT * decay * scale * rate)]
        cycles = heard * (ratio * tone.hz)
        cycles -= np.floor(cycles)  # small angles, so that single precision will do
        wave = np.sin(np.float32(2 * np.pi) * cycles.astype(np.float32))
        fall = np.exp((heard / (-decay * scale)).astype(np.float32))
        sound[0, : len(heard)] += np.float32(level) * wave * fall
    if bell.strike:
        mallet = Timbre(breath=bell.strike, breath_hz=2500.0, breath_s=0.006)
        noise = _breath(mallet, tone, len(seconds), rate, rng)
        sound[0, : len(noise)] += noise
    shape = Timbre(attack_s=0.001, release_s=bell.release_s)
    sound *= _envelope(shape, tone.gate_s, len(seconds), rate)
    if bell.tremolo:
        sound = _swing(sound, seconds, bell.tremolo, bell.tremolo_hz)
    return sound
