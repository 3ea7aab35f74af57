"""From a fine chroma to tuning, twelve pitch classes, key and mode, and tonal centroids.

References
----------
.. [1] C. L. Krumhansl, E. J. Kessler (1982), Tracing the dynamic changes in perceived tonal
   organization in a spatial representation of musical keys, Psychological Review 89(4).
.. [2] E. Gómez (2006), Tonal Description of Music Audio Signals, thesis, UPF Barcelona.
.. [3] J. Albrecht, D. Shanahan (2013), The use of large corpora to train a new type of
   key-finding algorithm, Music Perception 31(1).
.. [4] C. Harte, M. Sandler, M. Gasser (2006), Detecting harmonic change in musical audio,
   ACM workshop on audio and music computing multimedia.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

BINS_PER_SEMITONE = 5
N_FINE = 12 * BINS_PER_SEMITONE

# Shares of the scale degrees in major and in minor pieces [3]_, C = 0.
_MAJOR = (0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081)
_MINOR = (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052)


def _standardised(rows: FloatArray) -> FloatArray:
    """Mean 0 and length 1, row by row: their products are Pearson correlations."""
    centred = rows - rows.mean(axis=-1, keepdims=True)
    length = np.sqrt((centred**2).sum(axis=-1, keepdims=True))
    return np.asarray(centred / np.maximum(length, 1e-12))


_PROFILES = _standardised(
    np.array([np.roll(profile, tonic) for profile in (_MINOR, _MAJOR) for tonic in range(12)])
)


@dataclass(frozen=True, slots=True)
class Key:
    """The key that a chroma speaks for; all NaN where it is flat or undefined.

    Attributes
    ----------
    tonic : float
        Pitch class 0–11, C = 0.
    mode : float
        1 major, 0 minor.
    strength : float
        Pearson correlation of the chroma with the profile of this key, −1 to 1.
    confidence : float
        `strength` less that of the next best of the 24 keys, 0 to 2.
    majorness : float
        Correlation of the best major key less that of the best minor key, −2 to 2.
    """

    tonic: float
    mode: float
    strength: float
    confidence: float
    majorness: float


def find_key(chroma: FloatArray) -> Key:
    """Give the best of the 24 keys by correlation with key profiles [1]_ [3]_.

    Parameters
    ----------
    chroma : array, shape=(12,)
        Weight of each pitch class, from C; any scale.

    Returns
    -------
    Key
    """
    if not np.isfinite(chroma).all() or np.ptp(chroma) <= 1e-9 * np.abs(chroma).max():
        return Key(np.nan, np.nan, np.nan, np.nan, np.nan)
    fits = _PROFILES @ _standardised(chroma)
    best = int(fits.argmax())
    second = np.partition(fits, -2)[-2]
    return Key(
        tonic=float(best % 12),
        mode=float(best // 12),
        strength=float(fits[best]),
        confidence=float(fits[best] - second),
        majorness=float(fits[12:].max() - fits[:12].max()),
    )


def find_tuning(fine: FloatArray) -> float:
    """Give the offset of a fine chroma from A = 440 Hz, −50 to 50 cents.

    The circular mean, over one semitone, of where the weight lies:
    (100 / 2π) arg Σ w exp(2πi p), p in semitones. NaN where there is no weight.

    Parameters
    ----------
    fine : array, shape=(60,)
        Five bins a semitone, the first centred on C.
    """
    phases = np.exp(2j * np.pi * np.arange(N_FINE) / BINS_PER_SEMITONE)
    resultant = phases @ fine
    if not abs(resultant) > 1e-9 * np.abs(fine).sum():
        return np.nan
    return float(np.angle(resultant) * 100 / (2 * np.pi))


def fold(fine: FloatArray, tuning_cents: float) -> FloatArray:
    """Fold a fine chroma to twelve pitch classes of a given tuning.

    A bin at distance d < 2/3 semitone from a pitch class counts cos²(3π d / 4) [2]_.

    Parameters
    ----------
    fine : array, shape=(..., 60)
    tuning_cents : float

    Returns
    -------
    array, shape=(..., 12)
    """
    pitch = np.arange(N_FINE) / BINS_PER_SEMITONE - tuning_cents / 100
    distance = np.abs((pitch[:, np.newaxis] - np.arange(12) + 6) % 12 - 6)
    weights = np.where(distance < 2 / 3, np.cos(0.75 * np.pi * distance) ** 2, 0.0)
    return np.asarray(fine @ weights)


def tonal_centroids(chroma: FloatArray) -> FloatArray:
    """Give where a chroma lies on the circles of fifths, minor thirds and major thirds [4]_.

    Parameters
    ----------
    chroma : array, shape=(n_frames, 12)
        Each row adding up to 1.

    Returns
    -------
    array, shape=(n_frames, 6)
        Sine and cosine of each circle; their radii are 1, 1 and 0.5.
    """
    steps = np.arange(12)[:, np.newaxis] * np.pi * np.array([7 / 6, 3 / 2, 2 / 3])
    radii = np.array([1.0, 1.0, 0.5])
    return np.asarray(chroma @ np.hstack([radii * np.sin(steps), radii * np.cos(steps)]))
