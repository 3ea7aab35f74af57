"""Pitch content of a stream: tuning, chroma, key, mode, roughness, harmonicity, harmonic change.

The signal is decimated to 11,025 Hz; of each frame of 372 ms, every 186 ms, the spectral peaks
from 60 to 4,000 Hz are located, and a chroma of 60 bins and a few numbers are kept.

References
----------
.. [1] E. Gómez (2006), Tonal Description of Music Audio Signals, thesis, UPF Barcelona.
.. [2] W. A. Sethares (1998), Tuning, Timbre, Spectrum, Scale, Springer: roughness after
   R. Plomp, W. J. M. Levelt (1965), Tonal consonance and critical bandwidth, JASA 38.
.. [3] P. Boersma (1993), Accurate short-term analysis of the fundamental frequency and the
   harmonics-to-noise ratio of a sampled sound, IFA Proceedings 17.
.. [4] C. Harte, M. Sandler, M. Gasser (2006), Detecting harmonic change in musical audio,
   ACM workshop on audio and music computing multimedia.
"""

from dataclasses import dataclass

import numpy as np
import scipy.fft
import scipy.signal
from numpy.typing import NDArray

from affetto.audio.key import N_FINE, find_key, find_tuning, fold, tonal_centroids

Float32 = NDArray[np.float32]
FloatArray = NDArray[np.float64]

RATE_HZ = 44_100
_DECIMATION = 4
_LOW_RATE_HZ = RATE_HZ / _DECIMATION
_N_FFT = 4096
_HOP = 2048
_HOP_IN = _HOP * _DECIMATION
HOP_S = _HOP_IN / RATE_HZ

# Decimation as a product of matrices: rows of 64 samples give 16 each, measured faster than
# soxr (LQ) 2.7 times.
_ROW = 64
_N_TAPS = 64
_BATCH = 32  # frames; even, since some descriptors are taken of every second frame

_LOWEST_HZ, _HIGHEST_HZ = 60.0, 4_000.0
_FIRST_BIN = int(np.ceil(_LOWEST_HZ * _N_FFT / _LOW_RATE_HZ))
_LAST_BIN = int(_HIGHEST_HZ * _N_FFT / _LOW_RATE_HZ)
_LOW_REGISTER_HZ = 250.0

_SILENCE = 1e-8  # mean square in the band: −80 dB
_N_PARTIALS = 12  # of which roughness is computed
_HARMONICITY_LIMITS_DB = (-20.0, 40.0)


@dataclass(frozen=True, slots=True)
class Tonality:
    """What pitches a signal holds and how they go together. Undefined is NaN."""

    tuning_cents: float
    chroma: tuple[float, ...]
    key: float
    mode: float
    key_strength: float
    key_confidence: float
    majorness: float
    chroma_entropy: float
    tonalness: float
    tonalness_sd: float
    harmonicity_db: float
    harmonicity_sd_db: float
    roughness: float
    roughness_sd: float
    harmonic_change: float
    harmonic_change_sd: float
    pitch_class_change: float
    register_semitones: float
    register_sd_semitones: float
    low_share: float
    melodic_step_semitones: float


class TonalityMeter:
    """Measure a mono stream at 44,100 Hz as it comes; blocks of any length give the same.

    Memory grows by about 1.5 kB per second.
    """

    def __init__(self) -> None:
        self._held = np.empty((_BATCH + 1) * _HOP_IN + _ROW, dtype=np.float32)
        self._n_held = 0
        self._chroma: list[Float32] = []
        self._numbers: list[Float32] = []

    def add(self, samples: Float32) -> None:
        """Take the next samples.

        Parameters
        ----------
        samples : array of float32, shape=(n,)
            Mono, 44,100 Hz, full scale ±1; any number, none included.

        Raises
        ------
        ValueError
            If the shape is another.
        """
        if samples.ndim != 1:
            raise ValueError(f"samples have shape {samples.shape}, expected (n,): mix to mono")
        start = 0
        while start < len(samples):
            piece = samples[start : start + len(self._held) - self._n_held]
            self._held[self._n_held : self._n_held + len(piece)] = piece
            self._n_held += len(piece)
            start += len(piece)
            if self._n_held == len(self._held):
                chroma, numbers = _analyse(self._held)
                self._chroma.append(chroma)
                self._numbers.append(numbers)
                kept = self._held[_BATCH * _HOP_IN :]
                self._held[: len(kept)] = kept.copy()
                self._n_held = len(kept)

    def result(self) -> Tonality:
        """Give what was measured so far; more may be added after."""
        return self.window(0.0, np.inf)

    def window(self, start_s: float, stop_s: float) -> Tonality:
        """Give what was measured in the frames centred in [start_s, stop_s).

        Parameters
        ----------
        start_s, stop_s : float
            Seconds from the first sample.
        """
        chroma, numbers = self._frames()
        centres_s = (np.arange(len(chroma)) + 1) * HOP_S
        first, stop = np.searchsorted(centres_s, [start_s, stop_s])
        return _summarise(chroma[first:stop], numbers[first:stop])

    def _frames(self) -> tuple[Float32, Float32]:
        n_left = (self._n_held - _ROW) // _HOP_IN - 1
        chroma, numbers = list(self._chroma), list(self._numbers)
        if n_left > 0:
            rest = _analyse(self._held[: (n_left + 1) * _HOP_IN + _ROW])
            chroma.append(rest[0])
            numbers.append(rest[1])
        if not chroma:
            return np.empty((0, N_FINE), np.float32), np.empty((0, _N_NUMBERS), np.float32)
        return np.concatenate(chroma), np.concatenate(numbers)


def _summarise(fine: Float32, numbers: Float32) -> Tonality:
    heard = numbers[:, _POWER] > _SILENCE
    fine64, table = fine[heard].astype(np.float64), numbers[heard].astype(np.float64)
    weight = fine64.sum(axis=1, keepdims=True)
    fine64 = np.divide(fine64, weight, out=np.zeros_like(fine64), where=weight > 0)
    total = fine64.sum(axis=0)
    tuning = find_tuning(total)
    chroma = np.full(12, np.nan)
    frames = np.empty((0, 12))
    if np.isfinite(tuning):
        chroma = fold(total, tuning)
        chroma /= chroma.sum()
        frames = fold(fine64, tuning)
        mass = frames.sum(axis=1, keepdims=True)
        frames = np.divide(frames, mass, out=np.zeros_like(frames), where=mass > 0)
    key = find_key(chroma)
    steps = np.linalg.norm(np.diff(tonal_centroids(frames), axis=0), axis=1)
    changes = np.abs(np.diff(frames, axis=0)).sum(axis=1) / 2
    return Tonality(
        tuning_cents=tuning,
        chroma=tuple(float(share) for share in chroma),
        key=key.tonic,
        mode=key.mode,
        key_strength=key.strength,
        key_confidence=key.confidence,
        majorness=key.majorness,
        chroma_entropy=_entropy(chroma),
        tonalness=_mean(table[:, _TONALNESS]),
        tonalness_sd=_sd(table[:, _TONALNESS]),
        harmonicity_db=_mean(table[:, _HARMONICITY]),
        harmonicity_sd_db=_sd(table[:, _HARMONICITY]),
        roughness=_mean(table[:, _ROUGHNESS]),
        roughness_sd=_sd(table[:, _ROUGHNESS]),
        harmonic_change=_mean(steps),
        harmonic_change_sd=_sd(steps),
        pitch_class_change=_mean(changes),
        register_semitones=_mean(table[:, _REGISTER]),
        register_sd_semitones=_sd(table[:, _REGISTER]),
        low_share=_mean(table[:, _LOW]),
        melodic_step_semitones=_mean(np.abs(np.diff(table[:, _TOP]))),
    )


def _mean(values: FloatArray) -> float:
    defined = values[np.isfinite(values)]
    return float(defined.mean()) if len(defined) else np.nan


def _sd(values: FloatArray) -> float:
    defined = values[np.isfinite(values)]
    return float(defined.std()) if len(defined) > 1 else np.nan


def _entropy(shares: FloatArray) -> float:
    if not np.isfinite(shares).all():
        return np.nan
    logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    return float(-(shares * logs).sum() / np.log(len(shares)))


# The numbers kept of each frame, by column.
_POWER, _TONALNESS, _LOW, _REGISTER, _TOP, _ROUGHNESS, _HARMONICITY = range(7)
_N_NUMBERS = 7


def _decimator() -> tuple[Float32, Float32]:
    """The FIR low-pass as two matrices: on a row of samples, and on the row after it."""
    taps = scipy.signal.firwin(_N_TAPS, 5_200, fs=RATE_HZ, window=("kaiser", 5.0))
    n_out = _ROW // _DECIMATION
    matrix = np.zeros((2 * _ROW, n_out))
    for i in range(n_out):
        matrix[i * _DECIMATION : i * _DECIMATION + _N_TAPS, i] = taps
    low, high = matrix.astype(np.float32).reshape(2, _ROW, n_out)
    return np.ascontiguousarray(low), np.ascontiguousarray(high)


_ON_ROW, _ON_NEXT = _decimator()
_WINDOW = scipy.signal.get_window("hann", _N_FFT).astype(np.float32)
_BIN_HZ = _LOW_RATE_HZ / _N_FFT
# From the sum of the band's |X|² to a mean square: two-sided, and Parseval for the window.
_TO_MEAN_SQUARE = np.float32(2 / (_N_FFT * float((_WINDOW.astype(np.float64) ** 2).sum())))

_BAND_EDGES = np.unique(
    np.round(np.geomspace(_FIRST_BIN, _LAST_BIN + 1, 25)).astype(int) - _FIRST_BIN
)
_BAND_STARTS, _BAND_WIDTHS = _BAND_EDGES[:-1], np.diff(_BAND_EDGES)
_PROMINENCE = np.float32(2)
_FLOOR = np.float32(10 ** (-50 / 20))

_SHORT = 1024
_SHORT_WINDOW = scipy.signal.get_window("hann", _SHORT).astype(np.float32)
_SHORT_BINS = slice(5, int(_HIGHEST_HZ * _SHORT / _LOW_RATE_HZ))
_LAGS = slice(int(2 * _LOW_RATE_HZ / 1_000), int(2 * _LOW_RATE_HZ / 65))


def _window_correlation() -> Float32:
    power = np.abs(scipy.fft.rfft(_SHORT_WINDOW.astype(np.float64))) ** 2
    correlation = scipy.fft.irfft(power, 2 * _SHORT)
    return np.asarray(correlation / correlation[0], dtype=np.float32)


_WINDOW_CORRELATION = _window_correlation()[_LAGS]
_PAIRS = np.triu_indices(_N_PARTIALS, 1)


def _analyse(samples: Float32) -> tuple[Float32, Float32]:
    """Give fine chroma, shape=(n_frames, 60), and numbers, shape=(n_frames, 7)."""
    rows = samples.reshape(-1, _ROW)
    low = rows[:-1] @ _ON_ROW
    low += rows[1:] @ _ON_NEXT
    halves = low.reshape(-1, _HOP)
    n_frames = len(halves) - 1
    frames = np.empty((n_frames, 2, _HOP), np.float32)
    np.multiply(halves[:-1], _WINDOW[:_HOP], out=frames[:, 0])
    np.multiply(halves[1:], _WINDOW[_HOP:], out=frames[:, 1])
    spectrum = scipy.fft.rfft(frames.reshape(n_frames, _N_FFT), axis=1, overwrite_x=True)
    magnitude: Float32 = np.abs(spectrum[:, _FIRST_BIN : _LAST_BIN + 1])
    total = np.vecdot(magnitude, magnitude)
    numbers = np.full((n_frames, _N_NUMBERS), np.nan, np.float32)
    numbers[:, _POWER] = total * _TO_MEAN_SQUARE
    chroma = np.zeros((n_frames, N_FINE), np.float32)
    heard = np.flatnonzero(numbers[:, _POWER] > _SILENCE)
    if not len(heard):
        return chroma, numbers
    if len(heard) < n_frames:
        magnitude, total = magnitude[heard], total[heard]
    bass = magnitude[:, : int(_LOW_REGISTER_HZ / _BIN_HZ) - _FIRST_BIN]
    numbers[heard, _LOW] = np.vecdot(bass, bass) / total
    _describe_peaks(magnitude, total, heard, chroma, numbers)
    second = heard[heard % 2 == 0]
    numbers[second, _HARMONICITY] = _harmonicity_db(halves[second + 1, :_SHORT])
    return chroma, numbers


def _describe_peaks(
    magnitude: Float32, total: Float32, heard: NDArray[np.intp], chroma: Float32, numbers: Float32
) -> None:
    n_heard, n_bins = magnitude.shape
    means = np.add.reduceat(magnitude, _BAND_STARTS, axis=1) / _BAND_WIDTHS.astype(np.float32)
    loudest = magnitude.max(axis=1, keepdims=True)
    least = np.maximum(means * _PROMINENCE, loudest * _FLOOR)
    rises = magnitude[:, 1:] > magnitude[:, :-1]
    is_peak = rises[:, :-1] > rises[:, 1:]
    is_peak &= (magnitude > np.repeat(least, _BAND_WIDTHS, axis=1))[:, 1:-1]
    n_peaks = np.count_nonzero(is_peak, axis=1)
    frame = np.repeat(np.arange(n_heard), n_peaks)
    flat = np.flatnonzero(is_peak)
    column = flat - frame * (n_bins - 2)
    flat += 2 * frame + 1  # in all columns, not the inner ones alone
    values = magnitude.ravel()
    before, here, after = values[flat - 1], values[flat], values[flat + 1]
    share = np.bincount(frame, before * before + here * here + after * after, n_heard) / total
    numbers[heard, _TONALNESS] = np.minimum(share, 1)
    shift = 2 * (after - before) / (before + 2 * here + after)
    hz = (column + (1 + _FIRST_BIN) + shift).astype(np.float32) * np.float32(_BIN_HZ)
    semitones = 12 * np.log2(hz / np.float32(440)) + np.float32(69)
    weight = here
    place = semitones * np.float32(N_FINE / 12)
    below = place.astype(np.intp)
    part = place - below
    below %= N_FINE
    above = below + 1
    above[above == N_FINE] = 0
    row = frame * N_FINE
    fine = np.bincount(row + below, weight * (1 - part), n_heard * N_FINE)
    fine += np.bincount(row + above, weight * part, n_heard * N_FINE)
    chroma[heard] = fine.reshape(n_heard, N_FINE)
    mass = np.bincount(frame, here, n_heard)
    pitched = n_peaks > 0
    register = np.bincount(frame, here * semitones, n_heard)
    numbers[heard[pitched], _REGISTER] = register[pitched] / mass[pitched]
    is_top = here == loudest[frame, 0]
    numbers[heard[frame[is_top]], _TOP] = semitones[is_top]
    wanted = np.flatnonzero((heard[frame] % 2 == 0) & (here > loudest[frame, 0] * np.float32(0.03)))
    rough = _roughness(frame[wanted], hz[wanted], here[wanted], n_heard)
    counted = pitched & (heard % 2 == 0)
    numbers[heard[counted], _ROUGHNESS] = rough[counted]


def _roughness(
    frame: NDArray[np.intp], hz: Float32, magnitude: Float32, n_frames: int
) -> Float32:
    """Roughness of the strongest partials of each frame, given in the order of frames [2]_."""
    order = np.lexsort((-magnitude, frame))
    starts = np.searchsorted(frame, np.arange(n_frames))
    rank = np.arange(len(frame)) - starts[frame]
    kept = rank < _N_PARTIALS
    order, row, rank = order[kept], frame[kept], rank[kept]
    f = np.ones((n_frames, _N_PARTIALS), np.float32)
    m = np.zeros((n_frames, _N_PARTIALS), np.float32)
    f[row, rank], m[row, rank] = hz[order], magnitude[order]
    i, j = _PAIRS
    lower, higher = np.minimum(f[:, i], f[:, j]), np.maximum(f[:, i], f[:, j])
    apart = (higher - lower) * np.float32(0.24) / (np.float32(0.0207) * lower + np.float32(18.96))
    beats = np.exp(np.float32(-3.51) * apart) - np.exp(np.float32(-5.75) * apart)
    dissonance = np.vecdot(np.minimum(m[:, i], m[:, j]), beats)
    return np.asarray(dissonance / np.maximum(m.sum(axis=1), np.float32(1e-30)))


def _harmonicity_db(segments: Float32) -> Float32:
    """Harmonics-to-noise ratio by autocorrelation [3]_ of segments, shape=(n, 1024)."""
    spectrum = scipy.fft.rfft(segments * _SHORT_WINDOW, axis=1)[:, _SHORT_BINS]
    power = np.zeros((len(segments), _SHORT + 1), np.float32)
    np.square(np.abs(spectrum), out=power[:, _SHORT_BINS])
    r = scipy.fft.irfft(power, 2 * _SHORT, axis=1)
    lagged = r[:, _LAGS] / (_WINDOW_CORRELATION * r[:, :1] + np.float32(1e-30))
    rises = lagged[:, 1:] > lagged[:, :-1]
    peak = np.where(rises[:, :-1] > rises[:, 1:], lagged[:, 1:-1], 0).max(axis=1)
    low, high = 10 ** (np.array(_HARMONICITY_LIMITS_DB) / 10)
    ratio = np.clip(peak, low / (1 + low), high / (1 + high))
    return np.asarray(10 * np.log10(ratio / (1 - ratio)), dtype=np.float32)
