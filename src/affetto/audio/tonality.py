"""Pitch content of a stream: tuning, chroma, key, roughness, harmonicity, harmonic change.

The signal is decimated to 11,025 Hz. Of each frame of 372 ms the spectral
peaks between 60 and 3,520 Hz are located; a chroma of 60 bins and seven numbers are kept.

References
----------
.. [1] E. Gómez (2006), Tonal Description of Music Audio Signals, thesis, UPF Barcelona.
.. [2] W. A. Sethares (1993), Local consonance and the relationship between timbre and scale,
   JASA 94(3); after R. Plomp, W. J. M. Levelt (1965), Tonal consonance and critical bandwidth,
   JASA 38(4).
.. [3] P. Boersma (1993), Accurate short-term analysis of the fundamental frequency and the
   harmonics-to-noise ratio of a sampled sound, IFA Proceedings 17.
.. [4] C. Harte, M. Sandler, M. Gasser (2006), Detecting harmonic change in musical audio,
   ACM workshop on audio and music computing multimedia.
.. [5] F. J. Harris (1978), On the use of windows for harmonic analysis with the discrete Fourier
   transform, Proceedings of the IEEE 66(1): the Hann window's main lobe.
"""

from dataclasses import dataclass

import numpy as np
import scipy.fft
import scipy.signal
from numpy.typing import NDArray

from affetto.audio.key import (
    N_FINE,
    entropy,
    find_key,
    find_tuning,
    fold,
    tonal_centroids,
    triad_fits,
)

Float32 = NDArray[np.float32]
FloatArray = NDArray[np.float64]
Indices = NDArray[np.intp]

RATE_HZ = 44_100
_DECIMATION = 4
_LOW_RATE_HZ = RATE_HZ / _DECIMATION
_N_FFT = 4096
_HOP = 4096
HOP_S = _HOP / _LOW_RATE_HZ
"""Time from one frame to the next, 0.37 s."""
_BATCH = 32  # frames

# Decimation is a product of matrices: a row of 64 samples and 32 of the next give 16. Measured,
# it takes a third of the time of soxr at its lowest quality with a filter.
_ROW = 64
_N_TAPS = 36
_N_NEXT = _N_TAPS - _DECIMATION

_BIN_HZ = _LOW_RATE_HZ / _N_FFT
_FIRST_BIN, _LAST_BIN = int(60 / _BIN_HZ) + 1, int(3_520 / _BIN_HZ)
_N_BASS = int(250 / _BIN_HZ) - _FIRST_BIN
_N_BANDS = 24  # in which a peak has to stand out
_CHROMA_RANGE = (40, 96)  # MIDI pitch, 82–2,093 Hz
_SILENCE = 1e-8  # mean square in the band, −80 dB
_N_PARTIALS = 12
_SHORT = 1024  # samples at the low rate, 93 ms: over these harmonicity is measured


@dataclass(frozen=True, slots=True)
class Tonality:
    """What pitches a signal holds, and how they go together. Undefined is NaN.

    All of it is said of frames of 372 ms whose mean square between 60 and 3,520 Hz is above
    −80 dB, and is NaN where there is none. No descriptor depends on the gain.

    A peak is a bin above both neighbours, above twice the mean magnitude of its band (24 bands
    of equal ratio), and at most 50 dB below the largest. Its frequency is exact for a steady
    sine under a Hann window: k + 2 (c − a) / (a + 2b + c) bins, a b c being the magnitudes of
    bins k − 1, k, k + 1 [5]_.

    Attributes
    ----------
    tuning_cents : float
        Offset from A = 440 Hz, −50 to 50: `key.find_tuning`.
    chroma : tuple of 12 floats
        Share of each pitch class from C, adding up to 1: Σ c / √|c| over frames, c being the
        chroma of a frame and |c| its sum, so that quiet passages count too. To c peaks between
        82 and 2,093 Hz add their magnitude; tuning and harmonics are allowed for, `key.fold`
        [1]_.
    key : float
        Tonic 0–11, C = 0. NaN where the music has none: see `key.Key`, as for the next four.
    mode : float
        1 major, 0 minor.
    key_strength, key_confidence, majorness : float
        Correlation with the profile of the key, −1 to 1; the same less that of the next best
        key; and that of the best major less that of the best minor key.
    chroma_entropy : float
        Entropy of `chroma` over log 12, 0–1: how little the pitch classes differ.
    frame_entropy : float
        Mean of the same of single frames.
    chord_strength : float
        Mean correlation of a frame's chroma with its best triad, −1 to 1.
    chord_majorness : float
        Mean difference of the correlations with the best major and the best minor triad.
    harmonic_change : float
        Mean distance of the tonal centroids of successive frames [4]_, 0–3.
    pitch_class_change : float
        Mean over successive frames of half the sum of absolute differences of their chroma,
        0–1.
    tonalness, tonalness_sd : float
        Mean and standard deviation of the share of the power that is in peaks (with both
        neighbours), 0–1. White noise: 0.25.
    roughness, roughness_sd : float
        Mean and standard deviation of the sensory dissonance of the 12 largest peaks of every
        second frame, 0 to about 1 [2]_:
        Σ min(mᵢ, mⱼ) (exp(−3.51 s Δf) − exp(−5.75 s Δf)) / Σ mᵢ over pairs i < j,
        s = 0.24 / (0.0207 f + 18.96), f being the lower frequency in Hz, m magnitudes.
    harmonicity_db, harmonicity_sd_db : float
        Mean and standard deviation of the harmonics-to-noise ratio of 93 ms in the middle of
        every second frame, dB, −20 to 40 [3]_: 10 log10 (r / (1 − r)), r being the largest
        local maximum of the autocorrelation, over that of the window, for periods of 1 to
        15 ms (65–1,000 Hz). White noise: −8.
    register_semitones, register_sd_semitones : float
        Mean and standard deviation over frames of the mean MIDI pitch (69 = 440 Hz) of the
        peaks, weighted by magnitude.
    low_share : float
        Mean share of the power below 250 Hz, 0–1.
    melodic_step_semitones : float
        Mean interval between the largest peaks of successive frames, octaves included.
    """

    tuning_cents: float
    chroma: tuple[float, ...]
    key: float
    mode: float
    key_strength: float
    key_confidence: float
    majorness: float
    chroma_entropy: float
    frame_entropy: float
    chord_strength: float
    chord_majorness: float
    harmonic_change: float
    pitch_class_change: float
    tonalness: float
    tonalness_sd: float
    roughness: float
    roughness_sd: float
    harmonicity_db: float
    harmonicity_sd_db: float
    register_semitones: float
    register_sd_semitones: float
    low_share: float
    melodic_step_semitones: float


# What is kept of a frame beside its chroma, by column.
_POWER, _TONALNESS, _LOW, _REGISTER, _TOP, _ROUGHNESS, _HARMONICITY = range(7)


@dataclass(frozen=True, slots=True)
class _Frames:
    chroma: Float32  # (n_frames, 60)
    numbers: Float32  # (n_frames, 7)


class TonalityMeter:
    """Measure a mono stream at 44,100 Hz as it comes; blocks of any length give the same.

    Memory grows by 1 kB a second. A rest too short for a frame counts for nothing, so that
    below 373 ms all is undefined.
    """

    def __init__(self) -> None:
        self._held = np.empty(_samples_for(_BATCH), dtype=np.float32)
        self._n_held = 0
        self._done: list[_Frames] = []
        self._all: _Frames | None = None  # until more is added

    def add(self, samples: Float32) -> None:
        """Take the next samples.

        Parameters
        ----------
        samples : array of float32, shape=(n,)
            Mono, 44,100 Hz, full scale ±1; any number, none included. A frame that holds NaN
            or infinity counts as silent.

        Raises
        ------
        ValueError
            If the shape is another.
        """
        if samples.ndim != 1:
            raise ValueError(f"samples have shape {samples.shape}, expected (n,): mix them down")
        self._all = None
        start = 0
        while start < len(samples):
            piece = samples[start : start + len(self._held) - self._n_held]
            self._held[self._n_held : self._n_held + len(piece)] = piece
            self._n_held += len(piece)
            start += len(piece)
            # Always the same number of frames at a time: rounding, too, is then the same.
            if self._n_held == len(self._held):
                self._done.append(_analyse(self._held))
                kept = self._held[_BATCH * _HOP * _DECIMATION :].copy()
                self._held[: len(kept)] = kept
                self._n_held = len(kept)

    def result(self) -> Tonality:
        """Give what was measured so far; more may be added after."""
        return self.window(0, np.inf)

    def window(self, start_s: float, stop_s: float) -> Tonality:
        """Give what was measured in the frames centred in [start_s, stop_s).

        Parameters
        ----------
        start_s, stop_s : float
            Seconds from the first sample.

        Returns
        -------
        Tonality
        """
        frames, among = self._frames(), self._among(start_s, stop_s)
        return _summarise(frames.chroma[among], frames.numbers[among])

    def fine_chroma(self, start_s: float, stop_s: float) -> Float32:
        """Give the fine chroma of the frames centred in [start_s, stop_s), `HOP_S` apart.

        Parameters
        ----------
        start_s, stop_s : float
            Seconds from the first sample.

        Returns
        -------
        ndarray of float32, shape=(n_frames, 60)
            Five bins a semitone from C; what the frame's peaks have there.
        """
        return self._frames().chroma[self._among(start_s, stop_s)]

    def _among(self, start_s: float, stop_s: float) -> slice:
        centres_s = np.arange(len(self._frames().numbers)) * HOP_S + _N_FFT / 2 / _LOW_RATE_HZ
        first, stop = np.searchsorted(centres_s, [start_s, stop_s])
        return slice(int(first), int(stop))

    def _frames(self) -> _Frames:
        if self._all is None:
            n_left = (self._n_held - _samples_for(0)) // (_HOP * _DECIMATION)
            done = list(self._done)
            if n_left > 0:
                done.append(_analyse(self._held[: _samples_for(n_left)]))
            nothing = _Frames(np.empty((0, N_FINE), np.float32), np.empty((0, 7), np.float32))
            self._all = _Frames(
                np.concatenate([nothing.chroma, *(frames.chroma for frames in done)]),
                np.concatenate([nothing.numbers, *(frames.numbers for frames in done)]),
            )
        return self._all


def _samples_for(n_frames: int) -> int:
    """Length of signal that holds so many frames: whole rows, and one more for the filter."""
    return ((n_frames - 1) * _HOP + _N_FFT) * _DECIMATION + _ROW


def _summarise(fine: Float32, numbers: Float32) -> Tonality:
    numbers = numbers[numbers[:, _POWER] > _SILENCE]
    weights = fine.sum(axis=1, dtype=np.float64)
    pitched = weights > 0
    heard = fine[pitched] / np.sqrt(weights[pitched, np.newaxis])
    whole = heard.sum(axis=0)
    tuning = find_tuning(whole)
    frames = fold(heard, tuning)
    frames /= frames.sum(axis=1, keepdims=True)
    chroma = fold(whole, tuning)
    chroma /= chroma.sum() if len(frames) else np.nan
    key = find_key(chroma)
    minor, major = triad_fits(frames).T
    moves = np.diff(tonal_centroids(frames), axis=0)
    means, deviations = _mean_and_sd(numbers)
    return Tonality(
        tuning_cents=tuning,
        chroma=tuple(chroma.tolist()),
        key=key.tonic,
        mode=key.mode,
        key_strength=key.strength,
        key_confidence=key.confidence,
        majorness=key.majorness,
        chroma_entropy=float(entropy(chroma)),
        frame_entropy=_mean(entropy(frames)),
        chord_strength=_mean(np.maximum(minor, major)),
        chord_majorness=_mean(major - minor),
        harmonic_change=_mean(np.sqrt(np.vecdot(moves, moves))),
        pitch_class_change=_mean(np.abs(np.diff(frames, axis=0)).sum(axis=1) / 2),
        tonalness=means[_TONALNESS],
        tonalness_sd=deviations[_TONALNESS],
        roughness=means[_ROUGHNESS],
        roughness_sd=deviations[_ROUGHNESS],
        harmonicity_db=means[_HARMONICITY],
        harmonicity_sd_db=deviations[_HARMONICITY],
        register_semitones=means[_REGISTER],
        register_sd_semitones=deviations[_REGISTER],
        low_share=means[_LOW],
        melodic_step_semitones=_mean(np.abs(np.diff(numbers[:, _TOP]))),
    )


def _mean(values: NDArray[np.floating]) -> float:
    defined = values[~np.isnan(values)]
    return float(defined.mean(dtype=np.float64)) if len(defined) else np.nan


def _mean_and_sd(numbers: Float32) -> tuple[list[float], list[float]]:
    """Means and standard deviations of columns, over what is defined in each."""
    is_defined = ~np.isnan(numbers)
    n = np.maximum(is_defined.sum(axis=0), 1)
    values = np.where(is_defined, numbers, 0).astype(np.float64)
    means = values.sum(axis=0) / n
    deviations = np.sqrt((np.where(is_defined, values - means, 0) ** 2).sum(axis=0) / n)
    undefined = ~is_defined.any(axis=0)
    means[undefined] = deviations[undefined] = np.nan
    return means.tolist(), deviations.tolist()


def _decimator() -> tuple[Float32, Float32]:
    """Low-pass and decimation as two matrices, on a row of samples and on the row after it.

    53 dB down from 7,505 Hz on, which is what would fold below 3,520 Hz.
    """
    taps = scipy.signal.firwin(_N_TAPS, _LOW_RATE_HZ / 2, fs=RATE_HZ, window=("kaiser", 4.8))
    matrix = np.zeros((2 * _ROW, _ROW // _DECIMATION), np.float32)
    for i in range(_ROW // _DECIMATION):
        matrix[i * _DECIMATION :, i][:_N_TAPS] = taps
    return matrix[:_ROW], matrix[_ROW : _ROW + _N_NEXT]


def _window_correlation() -> Float32:
    """Autocorrelation of the short window at half-sample lags, 1 at 0."""
    power = np.abs(scipy.fft.rfft(_SHORT_WINDOW.astype(np.float64))) ** 2
    correlation = scipy.fft.irfft(power, 2 * _SHORT)
    return np.asarray(correlation / correlation[0], dtype=np.float32)


_ON_ROW, _ON_NEXT = _decimator()
_WINDOW = scipy.signal.get_window("hann", _N_FFT).astype(np.float32)
# From Σ |X|² of the band to a mean square: twice for the negative frequencies, and Parseval.
_TO_MEAN_SQUARE = np.float32(2 / (_N_FFT * np.vecdot(_WINDOW, _WINDOW)))
_EDGES = np.geomspace(_FIRST_BIN, _LAST_BIN + 1, _N_BANDS + 1).astype(np.intp) - _FIRST_BIN
_BAND_STARTS, _BAND_WIDTHS = _EDGES[:-1], np.diff(_EDGES)
_LEAST_OF_BAND = (2 / _BAND_WIDTHS).astype(np.float32)
_LEAST_OF_LARGEST = np.float32(10 ** (-50 / 20))

_SHORT_WINDOW = scipy.signal.get_window("hann", _SHORT).astype(np.float32)
_MIDDLE = slice((_N_FFT - _SHORT) // 2, (_N_FFT + _SHORT) // 2)
_SHORT_BINS = slice(5, int(3_520 * _SHORT / _LOW_RATE_HZ))  # from 54 Hz
_LAGS = slice(int(2 * _LOW_RATE_HZ / 1_000), int(2 * _LOW_RATE_HZ / 65))  # half samples
_WINDOW_CORRELATION = _window_correlation()[_LAGS]
_PAIRS = np.triu_indices(_N_PARTIALS, 1)


def _analyse(samples: Float32) -> _Frames:
    """Describe the frames in so many samples as `_samples_for` gives for a number of them."""
    rows = samples.reshape(-1, _ROW)
    low = rows[:-1] @ _ON_ROW
    low += rows[1:, :_N_NEXT] @ _ON_NEXT
    signal = np.lib.stride_tricks.sliding_window_view(low.ravel(), _N_FFT)[::_HOP]
    spectrum = scipy.fft.rfft(signal * _WINDOW, axis=1, overwrite_x=True)
    magnitude: Float32 = np.abs(spectrum[:, _FIRST_BIN : _LAST_BIN + 1])
    total = np.vecdot(magnitude, magnitude)
    frames = _Frames(
        np.zeros((len(signal), N_FINE), np.float32),
        np.full((len(signal), 7), np.nan, np.float32),
    )
    frames.numbers[:, _POWER] = total * _TO_MEAN_SQUARE
    heard = np.flatnonzero(np.isfinite(total) & (frames.numbers[:, _POWER] > _SILENCE))
    if len(heard):
        magnitude, total = magnitude[heard], total[heard]
        bass = magnitude[:, :_N_BASS]
        frames.numbers[heard, _LOW] = np.vecdot(bass, bass) / total
        _describe_peaks(magnitude, total, heard, frames)
        second = heard[heard % 2 == 0]
        frames.numbers[second, _HARMONICITY] = _harmonicity_db(signal[second, _MIDDLE])
    return frames


def _describe_peaks(magnitude: Float32, total: Float32, heard: Indices, frames: _Frames) -> None:
    """Locate the peaks of the frames `heard`, and fill in what depends on them."""
    n_heard, n_bins = magnitude.shape
    largest = magnitude.max(axis=1, keepdims=True)
    least = np.add.reduceat(magnitude, _BAND_STARTS, axis=1) * _LEAST_OF_BAND
    np.maximum(least, largest * _LEAST_OF_LARGEST, out=least)
    rises = magnitude[:, 1:] > magnitude[:, :-1]
    is_peak = rises[:, :-1] > rises[:, 1:]
    is_peak &= (magnitude > np.repeat(least, _BAND_WIDTHS, axis=1))[:, 1:-1]
    place = np.flatnonzero(is_peak)
    frame = place // (n_bins - 2)
    place += 2 * frame + 1  # among all bins, not the inner ones alone
    values = magnitude.ravel()
    before, here, after = values[place - 1], values[place], values[place + 1]
    bins = (place - frame * n_bins + _FIRST_BIN).astype(np.float32)
    hz = (bins + 2 * (after - before) / (before + 2 * here + after)) * np.float32(_BIN_HZ)
    semitones = 12 * np.log2(hz / np.float32(440)) + np.float32(69)
    relative = here / largest[frame, 0]

    in_peaks = np.bincount(frame, before * before + here * here + after * after, n_heard)
    frames.numbers[heard, _TONALNESS] = np.minimum(in_peaks / total, 1)
    mass = np.bincount(frame, relative, n_heard)
    pitched = mass > 0
    heights = np.bincount(frame, relative * semitones, n_heard)
    frames.numbers[heard[pitched], _REGISTER] = heights[pitched] / mass[pitched]
    top = np.flatnonzero(relative == 1)
    frames.numbers[heard[frame[top]], _TOP] = semitones[top]
    counted = np.flatnonzero((semitones > _CHROMA_RANGE[0]) & (semitones < _CHROMA_RANGE[1]))
    frames.chroma[heard] = _chroma(frame[counted], semitones[counted], here[counted], n_heard)
    rough = np.flatnonzero((relative > 0.03) & (heard[frame] % 2 == 0))
    second = pitched & (heard % 2 == 0)
    frames.numbers[heard[second], _ROUGHNESS] = _roughness(
        frame[rough], hz[rough], relative[rough], n_heard
    )[second]


def _chroma(frame: Indices, semitones: Float32, magnitude: Float32, n_frames: int) -> FloatArray:
    """Share out each magnitude among the two nearest of 60 bins, (n_frames, 60)."""
    place = semitones * np.float32(N_FINE / 12)
    below = place.astype(np.intp)
    above_share = magnitude * (place - below)
    below %= N_FINE
    above = below + 1
    above[above == N_FINE] = 0
    row = frame * N_FINE
    fine = np.bincount(row + below, magnitude - above_share, n_frames * N_FINE)
    fine += np.bincount(row + above, above_share, n_frames * N_FINE)
    return np.asarray(fine.reshape(n_frames, N_FINE))


def _roughness(frame: Indices, hz: Float32, magnitude: Float32, n_frames: int) -> Float32:
    """Roughness of each frame [2]_, of peaks in the order of frames, magnitudes up to 1."""
    order = np.argsort(frame.astype(np.float32) - np.float32(0.9) * magnitude)
    rank = np.arange(len(frame)) - np.searchsorted(frame, np.arange(n_frames))[frame]
    kept = np.flatnonzero(rank < _N_PARTIALS)
    place = frame[kept] * _N_PARTIALS + rank[kept]
    f = np.ones((n_frames, _N_PARTIALS), np.float32)
    m = np.zeros((n_frames, _N_PARTIALS), np.float32)
    f.ravel()[place], m.ravel()[place] = hz[order[kept]], magnitude[order[kept]]
    one, other = _PAIRS
    lower, higher = np.minimum(f[:, one], f[:, other]), np.maximum(f[:, one], f[:, other])
    apart = 0.24 * (higher - lower) / (0.0207 * lower + 18.96)
    beats = np.exp(-3.51 * apart) - np.exp(-5.75 * apart)
    total = np.vecdot(np.minimum(m[:, one], m[:, other]), beats)
    return np.asarray(total / np.maximum(m.sum(axis=1), np.float32(1e-9)))


def _harmonicity_db(segments: Float32) -> Float32:
    """Harmonics-to-noise ratio [3]_ of segments, shape=(n, 1024)."""
    spectrum = scipy.fft.rfft(segments * _SHORT_WINDOW, axis=1)[:, _SHORT_BINS]
    power = np.zeros((len(segments), _SHORT + 1), np.float32)
    np.square(np.abs(spectrum), out=power[:, _SHORT_BINS])
    # Twice as many lags as samples. Not padded before: lags are short, and what wraps is small.
    r = scipy.fft.irfft(power, axis=1)
    r = r[:, _LAGS] / (_WINDOW_CORRELATION * np.maximum(r[:, :1], np.float32(1e-30)))
    rises = r[:, 1:] > r[:, :-1]
    peaks = np.where(rises[:, :-1] > rises[:, 1:], r[:, 1:-1], 0)
    lag = peaks.argmax(axis=1)
    before, peak, after = r[np.arange(len(r)), lag + np.arange(3)[:, np.newaxis]]
    bend = np.maximum(2 * peak - before - after, np.float32(1e-9))
    top = np.where(peaks.max(axis=1) > 0, peak + (after - before) ** 2 / (8 * bend), 0)
    ratio = np.clip(top, 1 / 101, 1 / 1.0001)  # −20 and 40 dB
    return np.asarray(10 * np.log10(ratio / (1 - ratio)))
