"""What a window's pitches do together: its scale, its intervals, and how fast harmony moves.

From the fine chroma of `tonality`. All of it is the same in every key, and changes smoothly with
the chroma: no decision is taken on the way, so a codec cannot tip it over.

References
----------
.. [1] C. Harte, M. Sandler, M. Gasser (2006), Detecting harmonic change in musical audio, ACM
   workshop on audio and music computing multimedia.
.. [2] E. Amiot (2016), Music Through Fourier Space, Springer: the Fourier transform of pitch
   classes.
.. [3] E. Gómez (2006), Tonal Description of Music Audio Signals, thesis, UPF Barcelona: profiles
   moved to a common tonic.
"""

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from affetto.audio.key import BINS_PER_SEMITONE, N_FINE, find_tuning, fold

FloatArray = NDArray[np.float64]

_N_INTERVALS = N_FINE // 2 + 1  # an interval and its inversion fall together
_LEAST_MASS = 1e-3  # of the heaviest frame: what lies below is silence beside it
_SLOW_S, _FAR_S = 1.1, 2.2
_SHARPNESS = 60.0
_SCALE = np.isin(np.arange(12), (0, 2, 4, 5, 7, 9, 11)).astype(float)
_SCALES = np.array([np.roll(_SCALE, tonic) for tonic in range(12)])
_MOVED = (np.arange(12)[:, np.newaxis] + np.arange(12)) % 12
_WAVES = np.exp(-2j * np.pi * np.outer(np.arange(12), np.arange(1, 7)) / 12)

_DEGREES = ("1", "1s", "2", "2s", "3", "4", "4s", "5", "5s", "6", "6s", "7")
_CENTS = tuple(100 * i // BINS_PER_SEMITONE for i in range(_N_INTERVALS))
HARMONY_NAMES: tuple[str, ...] = (
    *("harmony_step", "harmony_step_std", "harmony_step_1s", "harmony_far_2s"),
    "pitch_class_step",
    "diatonic_share",
    *(f"degree_{name}" for name in _DEGREES),
    *(f"interval_{cents:03d}_cents" for cents in _CENTS),
)
"""The keys of `harmony_descriptors`, in order."""


def harmony_descriptors(fine: NDArray[np.float32], hop_s: float) -> dict[str, float]:
    """Describe the harmony of one window.

    A frame's place is the Fourier transform of its twelve pitch classes, coefficients 1 to 6:
    each says how far the pitches gather on one of the regular divisions of the octave, the
    fifth how diatonic they are [2]_.

    ==========================  ===  =========================================================
    ``harmony_step``            –    mean distance between the places of successive frames
                                     [1]_; ``_std`` its standard deviation
    ``harmony_step_1s``         –    the same for running means over 1.1 s
    ``harmony_far_2s``          –    the same for running means 2.2 s apart
    ``pitch_class_step``        0–2  Σ |change of the share of a pitch class|, mean
    ``diatonic_share``          0–1  share of the pitches in the major scale that fits best
                                     (a natural minor one has the same pitches)
    ``degree_N``                0–1  share of degree N of that scale, 1 its major tonic, ``s``
                                     for sharp: moved to a common tonic [3]_, scales weighted
                                     by exp(60 · share)
    ``interval_NNN_cents``      0–1  how much sounds together at this interval, octaves apart
                                     or not: autocorrelation of the fine chroma's roots, mean
                                     over frames, adding up to 1
    ==========================  ===  =========================================================

    Degrees count the square roots of the shares, made to add up to 1, so that one loud drone
    does not hide the rest.

    Parameters
    ----------
    fine : ndarray of float32, shape=(n_frames, 60)
        Fine chroma of the window's frames, five bins a semitone; any gain.
    hop_s : float
        Time from one frame to the next, seconds; the steps are comparable for the same alone.

    Returns
    -------
    dict of str to float
        By name, in the order of `HARMONY_NAMES`. All NaN where no pitch was heard; the steps
        NaN where there are too few frames for them.
    """
    mass = fine.sum(axis=1)
    heard = fine[mass > _LEAST_MASS * mass.max(initial=0.0)].astype(np.float64)
    tuning = find_tuning(heard.sum(axis=0))
    if not np.isfinite(tuning):
        return dict.fromkeys(HARMONY_NAMES, float("nan"))
    pitches = fold(heard, tuning)
    degrees, diatonic = _degrees(pitches.sum(axis=0))
    values = [*_movement(_shares(pitches), hop_s), diatonic, *degrees, *_intervals(heard)]
    return dict(zip(HARMONY_NAMES, map(float, values), strict=True))


def _movement(frames: FloatArray, hop_s: float) -> list[float]:
    """Give how far harmony goes: frame by frame, second by second, pitch by pitch."""
    nan = float("nan")
    places = frames @ _WAVES
    steps = _distances(places, 1)
    slow = _running_mean(places, max(1, round(_SLOW_S / hop_s)))
    near, far = _distances(slow, 1), _distances(slow, max(1, round(_FAR_S / hop_s)))
    changes = np.abs(np.diff(frames, axis=0)).sum(axis=1)
    return [
        steps.mean() if len(steps) else nan,
        steps.std() if len(steps) else nan,
        near.mean() if len(near) else nan,
        far.mean() if len(far) else nan,
        changes.mean() if len(changes) else nan,
    ]


def _degrees(pitches: FloatArray) -> tuple[FloatArray, float]:
    roots = _shares(np.sqrt(pitches))
    fits = _SCALES @ roots
    weights = np.exp(_SHARPNESS * (fits - fits.max()))
    weights /= weights.sum()
    return weights @ roots[_MOVED], float(fits.max())


def _intervals(fine: FloatArray) -> FloatArray:
    spectrum = scipy.fft.rfft(np.sqrt(_shares(fine)), axis=1)
    power = (spectrum.real**2 + spectrum.imag**2).mean(axis=0)
    return _shares(scipy.fft.irfft(power, N_FINE)[:_N_INTERVALS])


def _shares(values: FloatArray) -> FloatArray:
    total = values.sum(axis=-1, keepdims=True)
    return np.asarray(np.divide(values, total, out=np.zeros_like(values), where=total > 0))


def _running_mean(values: NDArray[np.complex128], n: int) -> NDArray[np.complex128]:
    sums = np.cumsum(np.concatenate([np.zeros((1, values.shape[1])), values]), axis=0)
    return np.asarray((sums[n:] - sums[:-n]) / n)


def _distances(places: NDArray[np.complex128], apart: int) -> FloatArray:
    return np.asarray(np.linalg.norm(places[apart:] - places[:-apart], axis=1))
