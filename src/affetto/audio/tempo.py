"""Tempo of an onset curve: periods that repeat, and which of them is the beat.

The autocorrelation of the onset curve says which periods repeat; half, double and triple the
beat repeat as well. Which of these related periods is the beat is judged apart.
"""

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

FRAME_RATE_HZ = 44_100 / 512
SHORTEST_S = 4.0

_WINDOW_S = 12.0
_LOWEST_BPM, _HIGHEST_BPM = 40.0, 230.0

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Tempo:
    """A tempo with its rivals. Undefined is NaN.

    Attributes
    ----------
    bpm : float
        The tempo, beats per minute.
    confidence : float
        Estimated probability that `bpm` is right within 4%, 0–1.
    alternatives : tuple of (float, float)
        The next best (bpm, probability), best first.
    pulse_clarity : float
        See `Rhythm.pulse_clarity`.
    """

    bpm: float
    confidence: float
    alternatives: tuple[tuple[float, float], ...]
    pulse_clarity: float


UNDEFINED = Tempo(np.nan, np.nan, (), np.nan)


def estimate_tempo(onsets: NDArray[np.float32]) -> Tempo:
    """Estimate the tempo of onset curves.

    Parameters
    ----------
    onsets : array, shape=(n_frames, n_bands)
        Onset strength in bands, at FRAME_RATE_HZ.

    Returns
    -------
    Tempo
        UNDEFINED below 4 s and where nothing repeats.
    """
    if len(onsets) < SHORTEST_S * FRAME_RATE_HZ:
        return UNDEFINED
    curve = _sharpened(onsets)
    if not curve.any():
        return UNDEFINED
    lags = _autocorrelation(curve).mean(axis=0)
    bpm = np.exp(np.arange(np.log(_LOWEST_BPM), np.log(_HIGHEST_BPM), 0.004))
    score = np.zeros(len(bpm))
    for multiple, weight in ((1, 1.0), (2, 0.8), (3, 0.35), (4, 0.8), (8, 0.35), (0.5, 0.25)):
        score += weight * _at(lags, multiple * 60 * FRAME_RATE_HZ / bpm)
    score = np.maximum(score - np.median(score), 0)
    score *= np.exp(-0.5 * (np.log2(bpm / 118) / 0.9) ** 2)
    if not score.any():
        return UNDEFINED
    peaks = np.flatnonzero(np.r_[score[0] > score[1], _is_peak(score), False])
    peaks = peaks[np.argsort(-score[peaks])][:5]
    weights = score[peaks] ** 2 / np.sum(score[peaks] ** 2)
    fine = [_refined(lags, bpm[peak]) for peak in peaks]
    return Tempo(
        bpm=fine[0],
        confidence=float(weights[0]),
        alternatives=tuple((b, float(w)) for b, w in zip(fine[1:], weights[1:], strict=True)),
        pulse_clarity=float(np.clip(_at(lags, 60 * FRAME_RATE_HZ / bpm).max(), 0, 1)),
    )


def _sharpened(onsets: NDArray[np.float32]) -> NDArray[np.float32]:
    """Onsets above their mean over a second, all bands together."""
    curve = onsets.mean(axis=1, dtype=np.float64)
    n = int(FRAME_RATE_HZ) | 1
    sums = np.cumsum(np.r_[0.0, np.pad(curve, n // 2, mode="reflect")])
    return np.maximum(curve - (sums[n:] - sums[:-n]) / n, 0).astype(np.float32)


def _autocorrelation(curve: NDArray[np.float32]) -> Floats:
    """Normalised autocorrelation in windows of 12 s, half overlapping."""
    length = min(len(curve), round(_WINDOW_S * FRAME_RATE_HZ))
    n_windows = 1 + int(np.ceil((len(curve) - length) / (length / 2)))
    starts = np.linspace(0, len(curve) - length, n_windows).round().astype(int)
    hann = np.hanning(length + 2)[1:-1].astype(np.float32)
    pieces = curve[starts[:, np.newaxis] + np.arange(length)] * hann
    size = scipy.fft.next_fast_len(2 * length, real=True)
    power = np.abs(scipy.fft.rfft(np.vstack([pieces, hann]), size, axis=1)) ** 2
    lags = scipy.fft.irfft(power, size, axis=1)[:, :length].astype(np.float64)
    taper = np.maximum(lags[-1] / lags[-1, 0], 0.15)
    heard = lags[:-1, 0] > 0
    lags = lags[:-1][heard] / lags[:-1, :1][heard] / taper
    return np.asarray(lags)


def _at(lags: Floats, where: Floats) -> Floats:
    return np.interp(where, np.arange(len(lags)), lags, right=0.0)


def _is_peak(score: Floats) -> NDArray[np.bool_]:
    return (score[1:-1] > score[:-2]) & (score[1:-1] >= score[2:])


def _refined(lags: Floats, bpm: float) -> float:
    """Tempo within 3% that fits the long lags best."""
    fine = bpm * np.linspace(0.97, 1.03, 121)
    fit = np.zeros(len(fine))
    for multiple in (1, 2, 4, 8):
        lag = multiple * 60 * FRAME_RATE_HZ / fine
        if lag[0] < 0.8 * len(lags):
            fit += multiple * _at(lags, lag)
    return float(fine[np.argmax(fit)])
