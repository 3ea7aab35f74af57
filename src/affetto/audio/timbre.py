"""The colour of a sound: MFCC statistics as the FMA dataset has them, and the spectrum's shape.

All is computed from the mel spectrum of one window. The shape (centroid, spread, rolloff,
band levels) treats the power under each triangle as standing at its centre: since neighbouring
triangles share what lies between them by distance, the centroid stays exact.

References
----------
.. [1] M. Defferrard et al. (2017), FMA: A Dataset for Music Analysis, ISMIR: the statistics.
.. [2] S. Davis, P. Mermelstein (1980), Comparison of Parametric Representations for
   Monosyllabic Word Recognition, IEEE TASSP 28(4): the MFCC.
.. [3] G. Peeters (2004), A large set of audio features for sound description, Ircam: centroid,
   spread, rolloff, flatness.
.. [4] D.-N. Jiang et al. (2002), Music type classification by spectral contrast feature, ICME.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from affetto.audio.spectrum import MEL_CENTRES_HZ, MEL_WIDTHS_HZ, N_MELS

N_MFCC = 20
STATISTICS = ("mean", "std", "skew", "kurtosis", "median", "min", "max")
"""Of each MFCC over the frames of a window."""
BAND_EDGES_HZ = (0, 200, 400, 800, 1600, 3200, 6400, 12_800, 22_050)
"""Octaves, with what lies below and above them."""

_TOP_DB = 80  # below the loudest band of the window; what lies lower is raised to it [1]
_GATE_DB = 60  # frames this far below the loudest say nothing of the shape of the sound
_ROLLOFF = 0.85
_CONTRAST_SHARE = 0.2  # of the bands of an octave: its peaks, and its valleys [4]
_SHAPE_EVERY = 8  # frames, 93 ms: in a window there are 323 of them


def _dct() -> NDArray[np.float32]:
    """Orthonormal DCT-II as a matrix, shape (N_MELS, N_MFCC)."""
    places = np.pi * (np.arange(N_MELS)[:, None] + 0.5) * np.arange(N_MFCC) / N_MELS
    matrix = np.cos(places) * np.sqrt(2 / N_MELS)
    matrix[:, 0] /= np.sqrt(2)
    return np.asarray(matrix, np.float32)


_DCT = _dct()
_WIDTHS = MEL_WIDTHS_HZ.astype(np.float32)
_MOMENTS = np.stack(  # in kHz: squares of hertz would cost float32 its digits
    [np.ones(N_MELS), MEL_CENTRES_HZ / 1e3, (MEL_CENTRES_HZ / 1e3) ** 2], axis=1
).astype(np.float32)
_BAND_OF = np.searchsorted(BAND_EDGES_HZ, MEL_CENTRES_HZ, side="right") - 1
_BANDS = np.asarray(_BAND_OF[:, None] == np.arange(len(BAND_EDGES_HZ) - 1), np.float32)
_BAND_NAMES = tuple(f"{low}_{high}_hz" for low, high in pairwise(BAND_EDGES_HZ))
_MFCC_NAMES = tuple(f"mfcc_{i + 1:02d}_{name}" for name in STATISTICS for i in range(N_MFCC))
_SHAPE_NAMES = (
    *("centroid_hz", "centroid_std_hz", "spread_hz", "rolloff_hz", "rolloff_std_hz"),
    *("flatness", "flatness_std"),
    *(f"level_{name}_db" for name in _BAND_NAMES),
    *(f"contrast_{name}_db" for name in _BAND_NAMES),
)
TIMBRE_NAMES: tuple[str, ...] = _MFCC_NAMES + _SHAPE_NAMES
"""The keys of `timbre_descriptors`, in order."""


def mfcc(mel_db: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mel-frequency cepstral coefficients: the orthonormal DCT-II of the band levels in dB.

    Parameters
    ----------
    mel_db : ndarray of float32, shape=(n_frames, 128)
        Band levels of one window, dB; those more than 80 dB below the highest are raised to
        that.

    Returns
    -------
    ndarray of float32, shape=(n_frames, 20)
        In dB; the first is the mean level times √128.
    """
    floor = mel_db.max(initial=-np.inf) - np.float32(_TOP_DB)
    return np.asarray(np.maximum(mel_db, floor) @ _DCT)


def timbre_descriptors(mel_db: NDArray[np.float32]) -> dict[str, float]:
    """Describe the colour of one window.

    ========================  ====  ==========================================================
    ``mfcc_NN_STATISTIC``     dB    mean, standard deviation, skewness, excess kurtosis,
                                    median, minimum, maximum over frames of `mfcc` NN, 1–20
                                    (skewness and kurtosis have no unit) [1]_ [2]_
    ``centroid_hz``           Hz    Σ f p / Σ p, mean over frames [3]_; ``_std`` its deviation
    ``spread_hz``             Hz    √(Σ (f − centroid)² p / Σ p), mean
    ``rolloff_hz``            Hz    frequency below which 85% of the power lies, mean
    ``flatness``              0–1   geometric over arithmetic mean of the band powers, mean:
                                    near 1 for white noise, near 0 for a tone
    ``level_A_B_hz_db``       dB    10 log10 of the share of the power between A and B Hz
    ``contrast_A_B_hz_db``    dB    mean of the highest fifth of the bands between A and B Hz
                                    less the mean of the lowest fifth, mean over frames [4]_
    ========================  ====  ==========================================================

    The MFCC statistics count all frames; the others every eighth, and none that lies more than
    60 dB below the loudest.

    Parameters
    ----------
    mel_db : ndarray of float32, shape=(n_frames, 128)
        `affetto.audio.spectrum.to_db` of the window's mel spectrum.

    Returns
    -------
    dict of str to float
        By name, in the order of `TIMBRE_NAMES`. All NaN where there is no frame, or none
        above −100 dB; skewness and kurtosis NaN where a coefficient never changes.
    """
    if not len(mel_db) or mel_db.max() <= -100 + 1e-3:
        return dict.fromkeys(TIMBRE_NAMES, float("nan"))
    values = np.concatenate([_statistics(mfcc(mel_db)), _shape(mel_db[::_SHAPE_EVERY])])
    return dict(zip(TIMBRE_NAMES, values.tolist(), strict=True))


def _statistics(coefficients: NDArray[np.float32]) -> NDArray[np.float64]:
    rows = np.ascontiguousarray(coefficients.T)
    ordered = np.sort(rows, axis=1)
    n = rows.shape[1]
    median = (ordered[:, (n - 1) // 2] + ordered[:, n // 2]) / 2
    mean = rows.mean(axis=1, dtype=np.float64)
    rows -= mean[:, None].astype(np.float32)
    squares = rows * rows
    second = squares.mean(axis=1, dtype=np.float64)
    third = np.einsum("ij,ij->i", squares, rows, dtype=np.float64) / n
    fourth = np.einsum("ij,ij->i", squares, squares, dtype=np.float64) / n
    constant = second < 1e-9 * (1 + mean**2)  # nothing but rounding
    second = np.where(constant, np.nan, second)
    deviation = np.where(constant, 0, np.sqrt(second))
    skew, kurtosis = third / second**1.5, fourth / second**2 - 3
    return np.concatenate(
        [mean, deviation, skew, kurtosis, median, ordered[:, 0], ordered[:, -1]], dtype=np.float64
    )


def _shape(mel_db: NDArray[np.float32]) -> NDArray[np.float64]:
    mel = np.exp(mel_db * np.float32(np.log(10) / 10))
    power = mel * _WIDTHS
    total = power.sum(axis=1)
    heard = total > total.max() * 10 ** (-_GATE_DB / 10)
    if not heard.all():
        mel_db, mel, power, total = mel_db[heard], mel[heard], power[heard], total[heard]
    power /= total[:, None]
    moments = (power @ _MOMENTS).astype(np.float64)
    centroid = moments[:, 1]
    spread = np.sqrt(np.maximum(moments[:, 2] - centroid**2, 0))
    rolloff = _rolloff(power)
    flatness = np.exp(mel_db.mean(axis=1) * (np.log(10) / 10)) / mel.mean(axis=1)
    shares = (total[None, :] @ (power @ _BANDS))[0] / total.sum()
    levels = 10 * np.log10(np.maximum(shares, 1e-10))
    return np.array(
        [
            *(1e3 * centroid.mean(), 1e3 * centroid.std(), 1e3 * spread.mean()),
            *(rolloff.mean(), rolloff.std(), flatness.mean(), flatness.std()),
            *levels,
            *_contrast(mel_db),
        ],
        dtype=np.float64,
    )


def _rolloff(shares: NDArray[np.float32]) -> NDArray[np.float64]:
    """Frequency below which `_ROLLOFF` of the power lies, Hz, shape (n_frames,)."""
    below = np.cumsum(shares, axis=1)
    band = np.minimum(np.count_nonzero(below < _ROLLOFF, axis=1), N_MELS - 1)
    return np.asarray(MEL_CENTRES_HZ[band])


def _contrast(mel_db: NDArray[np.float32]) -> list[float]:
    contrasts = []
    for band in range(len(BAND_EDGES_HZ) - 1):
        ordered = np.sort(mel_db[:, band == _BAND_OF], axis=1)
        n_ends = max(1, round(_CONTRAST_SHARE * ordered.shape[1]))
        contrasts.append(float(ordered[:, -n_ends:].mean() - ordered[:, :n_ends].mean()))
    return contrasts
