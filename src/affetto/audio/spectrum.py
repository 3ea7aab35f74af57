"""The one short-time Fourier transform of a track, as the power in 128 mel bands a frame.

All that is said of timbre, rhythm and modulation is computed from these bands. They are those
that the MFCC of the FMA dataset were computed from [1]_, so that what was learned there holds
for any file: frames of 2,048 samples every 512, periodic Hann window, centred, the signal
mirrored at both ends; power; triangular filters of equal area on Slaney's mel scale [2]_.

References
----------
.. [1] M. Defferrard et al. (2017), FMA: A Dataset for Music Analysis, ISMIR.
.. [2] M. Slaney (1998), Auditory Toolbox version 2, Interval Research technical report 1998-010.
"""

import numpy as np
import scipy.fft
from numpy.typing import NDArray

RATE_HZ = 44_100
"""Sample rate of the mono signal that is analysed."""
N_FFT = 2048
HOP = 512
FRAME_RATE_HZ = RATE_HZ / HOP
N_MELS = 128
FLOOR_POWER = 1e-10
"""Band powers are not let below this, −100 dB, before a logarithm."""

Mel = NDArray[np.float32]

_HZ_PER_MEL = 200 / 3  # linear up to 1 kHz = 15 mel
_KNEE_HZ = 1000.0
_MELS_PER_LOG = 27 / np.log(6.4)  # then 27 mel each factor of 6.4
_PAD = N_FFT // 2
_BATCH = 128  # frames: one megabyte, stays in the second cache
_GROUPS = 8  # of mel bands; a filter is zero beyond its triangle, so each group needs few bins


def mel_to_hz(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert Slaney's mel to hertz: 200/3 Hz a mel up to 15 mel, geometric above [2]_.

    Parameters
    ----------
    mels : ndarray, any shape
        0 or more.

    Returns
    -------
    ndarray, same shape
        Frequencies, Hz.
    """
    knee = _KNEE_HZ / _HZ_PER_MEL
    above = _KNEE_HZ * np.exp(np.maximum(mels - knee, 0) / _MELS_PER_LOG)
    return np.where(mels < knee, mels * _HZ_PER_MEL, above)


def _edges() -> NDArray[np.float64]:
    """Corners of the triangles, Hz, shape (N_MELS + 2,): band i is i, i + 1, i + 2."""
    top = _KNEE_HZ / _HZ_PER_MEL + _MELS_PER_LOG * np.log(RATE_HZ / 2 / _KNEE_HZ)
    return mel_to_hz(np.linspace(0, top, N_MELS + 2))


_EDGES_HZ = _edges()
MEL_CENTRES_HZ: NDArray[np.float64] = _EDGES_HZ[1:-1]
"""Where each triangle peaks, Hz, shape (128,)."""
MEL_WIDTHS_HZ: NDArray[np.float64] = (_EDGES_HZ[2:] - _EDGES_HZ[:-2]) / 2
"""Area of each triangle of height 1, Hz, shape (128,).

Filters have area 1: band power times width is the power under the triangle. The triangles
add up to 1 from the first centre to the last, so these products share out all power between.
"""


def mel_filters() -> NDArray[np.float64]:
    """Triangular mel filters of area 1, 1/Hz.

    Returns
    -------
    ndarray, shape=(N_FFT // 2 + 1, N_MELS)
        Power spectrum @ filters = mel spectrum.
    """
    bins_hz = np.arange(N_FFT // 2 + 1)[:, None] * RATE_HZ / N_FFT
    left, centre, right = _EDGES_HZ[:-2], _EDGES_HZ[1:-1], _EDGES_HZ[2:]
    rising = (bins_hz - left) / (centre - left)
    falling = (right - bins_hz) / (right - centre)
    return np.asarray(np.maximum(0, np.minimum(rising, falling)) / MEL_WIDTHS_HZ)


def _grouped() -> tuple[tuple[slice, slice, NDArray[np.float32]], ...]:
    """Split the filters into groups: bins, bands, filters between them, as float32."""
    filters = mel_filters()
    groups = []
    for bands in np.array_split(np.arange(N_MELS), _GROUPS):
        used = np.flatnonzero(filters[:, bands].any(axis=1))
        bins = slice(int(used[0]), int(used[-1]) + 1)
        block = slice(int(bands[0]), int(bands[-1]) + 1)
        groups.append((bins, block, np.ascontiguousarray(filters[bins, block], np.float32)))
    return tuple(groups)


_FILTERS = _grouped()
_WINDOW = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N_FFT) / N_FFT)).astype(np.float32)


class MelSpectrum:
    """Mel spectrum of a stream; blocks of any length give the same frames.

    Frame t is centred on sample 512 t; n samples give 1 + n // 512 frames. Memory does not
    grow with the stream.
    """

    def __init__(self) -> None:
        self._rest = np.empty(0, np.float32)  # not yet in a frame, padding included
        self._started = False
        self._n_samples = 0

    def add(self, samples: NDArray[np.float32]) -> Mel:
        """Take the next samples; give the frames that are complete by now.

        Parameters
        ----------
        samples : ndarray of float32, shape=(n_samples,)
            Mono, at 44,100 Hz.

        Returns
        -------
        ndarray of float32, shape=(n_frames, 128)
            Power in each band; a sine of amplitude A between two centres gives
            A² · 3/8 · N_FFT² / 4 times its triangles' heights over their areas.
        """
        self._n_samples += len(samples)
        self._rest = np.concatenate([self._rest, samples])
        if not self._started:
            if len(self._rest) <= _PAD:
                return np.empty((0, N_MELS), np.float32)
            self._start()
        return self._frames()

    def finish(self) -> Mel:
        """Mirror the end, and give the last frames.

        Returns
        -------
        ndarray of float32, shape=(n_frames, 128)
            Empty if there was no sample.
        """
        if not self._n_samples:
            return np.empty((0, N_MELS), np.float32)
        if not self._started:
            self._start()
        self._rest = np.pad(self._rest, (0, _PAD), mode="reflect")
        return self._frames()

    def _start(self) -> None:
        self._rest = np.pad(self._rest, (_PAD, 0), mode="reflect")
        self._started = True

    def _frames(self) -> Mel:
        n_frames = (len(self._rest) - N_FFT) // HOP + 1
        if n_frames <= 0:
            return np.empty((0, N_MELS), np.float32)
        mel = np.empty((n_frames, N_MELS), np.float32)
        frames = np.lib.stride_tricks.sliding_window_view(self._rest, N_FFT)[::HOP][:n_frames]
        for start in range(0, n_frames, _BATCH):
            power = _power(frames[start : start + _BATCH])
            for bins, bands, filters in _FILTERS:
                mel[start : start + _BATCH, bands] = power[:, bins] @ filters
        # One hop more than the next frame needs is kept, so that the end can be mirrored.
        self._rest = self._rest[n_frames * HOP :].copy()
        return mel


def _power(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    spectrum = scipy.fft.rfft(frames * _WINDOW, axis=1, overwrite_x=True)
    power: NDArray[np.float32] = spectrum.real**2
    power += spectrum.imag**2
    return power


def to_db(mel: Mel) -> NDArray[np.float32]:
    """Band powers in dB: 10 log10 max(power, 1e-10), not below −100.

    Parameters
    ----------
    mel : ndarray of float32, shape=(n_frames, 128)

    Returns
    -------
    ndarray of float32, same shape
    """
    decibels: NDArray[np.float32] = np.log10(np.maximum(mel, np.float32(FLOOR_POWER)))
    decibels *= np.float32(10)
    return decibels
