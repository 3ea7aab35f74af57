"""How the sound of a window moves: dynamics, modulation of each band, and its finest structure.

Gain changes none of it, codecs little. Of all groups of descriptors this is the one whose absence
costs most where the arousal of listeners is to be told.

Levels are those of 8 bands of about an octave, means over their mel bands in dB, at 43 Hz (two
frames at a time). What lies more than 60 dB below the loudest is raised to that, and nothing
above 13.5 kHz counts, since lossy codecs leave nothing there.

References
----------
.. [1] G. Tzanetakis, P. Cook (2002), Musical genre classification of audio signals, IEEE TSAP
   10(5): low-energy share.
.. [2] E. Scheirer, M. Slaney (1997), Construction and evaluation of a robust multifeature
   speech/music discriminator, ICASSP: modulation at 4 Hz.
.. [3] E. Pampalk, A. Rauber, D. Merkl (2002), Content-based organization and visualization of
   music archives, ACM Multimedia: modulation by band.
.. [4] S. Furui (1986), Speaker-independent isolated word recognition using dynamic features of
   speech spectrum, IEEE TASSP 34(1): change of cepstral coefficients.
"""

from itertools import combinations, pairwise

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from affetto.audio.spectrum import FRAME_RATE_HZ, MEL_CENTRES_HZ, MEL_WIDTHS_HZ

BAND_EDGES_HZ = (0, 150, 300, 600, 1200, 2400, 4800, 9600, 13_500)
RATE_EDGES_HZ = (0.25, 0.5, 1, 2, 4, 8, 16)
"""Bounds of the six octaves of modulation."""
N_CEPSTRA = 20

_RATE_HZ = FRAME_RATE_HZ / 2  # of pairs of frames
_RANGE_DB = 60.0
_LAG = 2  # 46 ms: the shortest change that windows of 46 ms show
_STEP = round(_RATE_HZ / 2)  # half a second
_FLOOR = 1e-3  # dB²: what rounding and dither leave of a steady sound
_SPEECH_HZ, _AROUND_SPEECH_HZ = (2.8, 5.7), (0.5, 16)  # an octave around 4 Hz
_SPEECH_BANDS = slice(1, 6)  # 150–4,800 Hz
_SILENCE_DB = -100 + 1e-3
_LEAST_FRAMES = 2 * 2 * _STEP  # one second

_N_MELS = int(np.searchsorted(MEL_CENTRES_HZ, BAND_EDGES_HZ[-1]))
_OCTAVES = np.searchsorted(MEL_CENTRES_HZ[:_N_MELS], BAND_EDGES_HZ)
_WIDTHS = MEL_WIDTHS_HZ[:_N_MELS].astype(np.float32)


def _band_means(n: int) -> NDArray[np.float32]:
    """Matrix, shape=(n, 8), that takes the mean over the mel bands of each octave."""
    octaves = np.minimum(_OCTAVES, n)
    matrix = np.zeros((n, len(octaves) - 1), np.float32)
    for band, (low, high) in enumerate(pairwise(octaves)):
        matrix[low:high, band] = 1 / (high - low)
    return matrix


def _cosines() -> NDArray[np.float32]:
    """Orthonormal DCT-II of the mel bands as a matrix, shape=(n_mels, 20)."""
    cosines = scipy.fft.dct(np.eye(_N_MELS), axis=1, norm="ortho")[:, :N_CEPSTRA]
    return np.asarray(cosines, np.float32)


_BANDS = _band_means(_N_MELS)
_NEIGHBOURS = _band_means(_N_MELS - 1)
_CURVATURES = _band_means(_N_MELS - 2)
_CEPSTRA_AND_BANDS = np.hstack([_cosines(), _BANDS])

_PAIRS = np.triu_indices(len(BAND_EDGES_HZ) - 1, 1)

_BAND_NAMES = tuple(f"{low}_{high}_hz" for low, high in pairwise(BAND_EDGES_HZ))
_RATE_NAMES = tuple(
    f"{low:g}_{high:g}_hz".replace(".", "") for low, high in pairwise(RATE_EDGES_HZ)
)
_DYNAMICS_NAMES = (
    *("level_range_db", "level_range_10_90_db", "level_rise_db", "level_fall_db"),
    *("level_crest_db", "low_power_share", "lowest_power_share", "level_std_db", "level_skew"),
    *("level_step_db", "level_step_skew", "level_std_within_500ms_db"),
    *("level_500ms_std_db", "level_500ms_step_db", "level_500ms_range_db", "level_trend_db"),
)
MODULATION_NAMES: tuple[str, ...] = (
    *_DYNAMICS_NAMES,
    *(f"cepstral_rate_{i + 1:02d}" for i in range(N_CEPSTRA)),
    *(f"peak_{band}_db" for band in _BAND_NAMES),
    *(f"modulation_{rate}_of_{band}_db" for band in _BAND_NAMES for rate in _RATE_NAMES),
    "modulation_4_hz_share",
    *(f"correlation_{low}_with_{high}" for low, high in combinations(_BAND_NAMES, 2)),
    *(f"contour_{band}_db" for band in _BAND_NAMES),
    *(f"ripple_{band}_db" for band in _BAND_NAMES),
)
"""The keys of `modulation_descriptors`, in order."""


def modulation_descriptors(mel_db: NDArray[np.float32]) -> dict[str, float]:
    """Describe how one window moves.

    In what follows, level is that of the whole sound, 10 log10 of the power up to 13.5 kHz, and
    Pₙ the n-th percentile over time.

    =================================  ===  ===================================================
    ``level_range_db``                 dB   P₉₅ − P₅ of the level; ``_10_90`` P₉₀ − P₁₀
    ``level_rise_db``                  dB   P₉₉ − P₅₀; ``level_fall_db`` P₅₀ − P₅
    ``level_crest_db``                 dB   highest level less that of the mean power
    ``low_power_share``                0–1  share of the time below half the mean power [1]_
    ``lowest_power_share``             0–1  the same below a tenth
    ``level_std_db``                   dB   standard deviation of the level; ``level_skew``
                                            its skewness
    ``level_step_db``                  dB   mean size of the change in 23 ms;
                                            ``level_step_skew`` skewness of the change, above
                                            0 where attacks are sharper than decays
    ``level_std_within_500ms_db``      dB   mean of the standard deviations within 0.5 s
    ``level_500ms_…_db``               dB   standard deviation, mean step and range of the
                                            levels of 0.5 s
    ``level_trend_db``                 dB   by how much a straight line through these rises
                                            over the window
    ``cepstral_rate_NN``               0–2  standard deviation of what cepstral coefficient NN
                                            changes in 46 ms, over that of itself [4]_: √2 for
                                            one that has no memory, near 0 for a slow one
    ``peak_A_B_hz_db``                 dB   P₉₉ of the band's level less its mean
    ``modulation_R_S_hz_of_A_B_hz_db`` dB   20 log10 of how deep the band's level goes up and
                                            down at R to S Hz, RMS, in dB; −30 for nothing [3]_
    ``modulation_4_hz_share``          0–1  of the modulation from 0.5 to 16 Hz in the bands
                                            from 150 to 4,800 Hz, the share from 2.8 to 5.7 Hz:
                                            the rate of syllables [2]_
    ``correlation_A_B_hz_with_C_D_hz`` ±1   Pearson correlation of two bands' levels: near 1 for
                                            drums, low for voices of their own; 0 for a band
                                            that never changes
    ``contour_A_B_hz_db``              dB   mean difference between neighbouring mel bands:
                                            higher for lone partials than for dense sound
    ``ripple_A_B_hz_db``               dB   mean size of the second difference of the mean
                                            spectrum: what of its contour stays
    =================================  ===  ===================================================

    Parameters
    ----------
    mel_db : ndarray of float32, shape=(n_frames, 128)
        `affetto.audio.spectrum.to_db` of the window's mel spectrum.

    Returns
    -------
    dict of str to float
        By name, in the order of `MODULATION_NAMES`. All NaN below one second, and in silence;
        modulation NaN where the window is shorter than a period of it.
    """
    n_pairs = len(mel_db) // 2
    if len(mel_db) < _LEAST_FRAMES or mel_db.max() <= _SILENCE_DB:
        return dict.fromkeys(MODULATION_NAMES, float("nan"))
    paired = mel_db[: 2 * n_pairs, :_N_MELS].reshape(n_pairs, 2, _N_MELS)
    levels = paired[:, 0] + paired[:, 1]
    levels *= np.float32(0.5)
    np.maximum(levels, levels.max() - np.float32(_RANGE_DB), out=levels)
    both = np.ascontiguousarray((levels @ _CEPSTRA_AND_BANDS).T)
    cepstra, bands = both[:N_CEPSTRA], both[N_CEPSTRA:]
    bands -= bands.mean(axis=1, keepdims=True)
    values = [
        _dynamics(levels),
        (cepstra[:, _LAG:] - cepstra[:, :-_LAG]).std(axis=1) / (cepstra.std(axis=1) + 0.01),
        _percentile(np.sort(bands, axis=1), 99),
        _modulation(bands),
        _correlations(bands),
        # Neighbours in time are alike in this: every second pair is enough.
        np.abs(np.diff(levels[::2], axis=1)).mean(axis=0) @ _NEIGHBOURS,
        np.abs(np.diff(levels.mean(axis=0), n=2)) @ _CURVATURES,
    ]
    return dict(zip(MODULATION_NAMES, np.concatenate(values).tolist(), strict=True))


def _dynamics(levels: NDArray[np.float32]) -> NDArray[np.float64]:
    power = (np.exp(levels * np.float32(np.log(10) / 10)) @ _WIDTHS).astype(np.float64)
    level = 10 * np.log10(power)
    p5, p10, p50, p90, p95, p99 = _percentile(np.sort(level), [5, 10, 50, 90, 95, 99])
    step = np.diff(level)
    n_whole = len(level) // _STEP
    within = level[: n_whole * _STEP].reshape(n_whole, _STEP).std(axis=1)
    slow = 10 * np.log10(power[: n_whole * _STEP].reshape(n_whole, _STEP).mean(axis=1))
    time = (np.arange(n_whole) - (n_whole - 1) / 2) / n_whole
    return np.array(
        [
            *(p95 - p5, p90 - p10, p99 - p50, p50 - p5),
            level.max() - 10 * np.log10(power.mean()),
            (power < 0.5 * power.mean()).mean(),
            (power < 0.1 * power.mean()).mean(),
            *(level.std(), _skewness(level)),
            *(np.abs(step).mean(), _skewness(step)),
            within.mean(),
            *(slow.std(), np.abs(np.diff(slow)).mean(), np.ptp(slow)),
            (slow @ time) / (time @ time),
        ]
    )


def _modulation(bands: NDArray[np.floating]) -> NDArray[np.float64]:
    """Depths by band and rate, and the share around 4 Hz; `bands` has mean 0 over time."""
    n = bands.shape[1]
    n_fft = scipy.fft.next_fast_len(n, real=True)
    spectrum = scipy.fft.rfft(bands * np.hanning(n).astype(np.float32), n_fft, axis=1)
    # Parseval: these add up to the mean square of the windowed band, the window's made up for.
    power = (spectrum.real**2 + spectrum.imag**2) * np.float32(2 / n_fft / (n * 3 / 8))
    bins = np.rint(np.array(RATE_EDGES_HZ) * n_fft / _RATE_HZ).astype(int)
    sums = np.concatenate([np.zeros((len(power), 1)), np.cumsum(power, axis=1, dtype=float)], 1)
    depth = 10 * np.log10(np.diff(sums[:, bins], axis=1) + _FLOOR)
    depth[:, n / _RATE_HZ * np.array(RATE_EDGES_HZ[:-1]) < 1] = np.nan
    around = sums[_SPEECH_BANDS].sum(axis=0)
    (low, high), (lowest, highest) = (
        np.rint(np.array(edges) * n_fft / _RATE_HZ).astype(int)
        for edges in (_SPEECH_HZ, _AROUND_SPEECH_HZ)
    )
    share = (around[high] - around[low]) / (around[highest] - around[lowest] + _FLOOR)
    return np.append(depth.ravel(), share)


def _correlations(bands: NDArray[np.floating]) -> NDArray[np.float64]:
    """Correlations of all pairs of rows; these have mean 0."""
    products = (bands @ bands.T).astype(np.float64)
    scale = np.sqrt(products.diagonal()) + 1e-6
    return (products / np.outer(scale, scale))[_PAIRS]


def _percentile(ordered: NDArray[np.floating], percent: object) -> NDArray[np.float64]:
    """Nearest-rank percentiles along the last axis, which is in order."""
    ranks = np.rint(np.asarray(percent, float) / 100 * (ordered.shape[-1] - 1)).astype(int)
    return np.asarray(ordered[..., ranks], np.float64)


def _skewness(values: NDArray[np.float64]) -> float:
    centred = values - values.mean()
    squares = centred * centred  # products: powers of arrays are slow
    return float((squares @ centred) / len(values) / (squares.mean() ** 1.5 + 1e-3))
