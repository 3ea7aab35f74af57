"""Learned maps from descriptors to numbers: two smooth kinds, and the file they are kept in.

Both hold fitted parameters only, no row they were fitted on, and are evaluated by NumPy alone.
Inputs are clipped to what was seen in fitting, so that silence, noise or a lone sine give
values at the edge of what is known and never beyond; one that is undefined counts as typical.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from affetto.archive import pack, unpack
from affetto.audio.spectrum import N_MELS
from affetto.audio.timbre import N_MFCC
from affetto.errors import ModelFormatError

Floats = NDArray[np.float64]

PACKAGED = Path(__file__).with_name("maps.affetto")
"""The maps that come with affetto; `python -m affetto.audio.build` writes them."""

MFCC_INPUT_STATISTICS = ("mean", "median", "max", "std", "skew")
"""Of the MFCC. Kurtosis and minimum told nothing more in fitting, and move with the codec."""

_WHAT = "affetto audio maps"
_MEL_STEP = 5


class Map(Protocol):
    """What evaluates descriptors: rows of inputs in, a row of outputs each."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the descriptors it takes, in order."""
        ...

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of what it gives, in order."""
        ...

    def evaluate(self, X: Floats) -> Floats:
        """Send inputs, shape (n, n_inputs), NaN allowed, to outputs, shape (n, n_outputs)."""
        ...


@dataclass(frozen=True, slots=True)
class KernelMap:
    """A kernel regression on landmarks that stand for the population.

    y = intercept + Σⱼ wⱼ exp(−√γ |u − zⱼ|), where u are the leading principal components of
    the inputs, clipped and standardised. The landmarks z are drawn at random around the
    population: none is a track.

    Attributes
    ----------
    inputs, outputs : tuple of str
    typical, low, high, mean : ndarray, shape=(n_expanded,)
        What an undefined input counts as; bounds; u = (clip(x) − mean) @ axes.
    axes : ndarray, shape=(n_expanded, n_axes)
    gamma : float
    landmarks : ndarray, shape=(n_landmarks, n_axes)
    weights : ndarray, shape=(n_landmarks, n_outputs)
    intercept : ndarray, shape=(n_outputs,)
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    typical: Floats
    low: Floats
    high: Floats
    mean: Floats
    axes: Floats
    gamma: float
    landmarks: Floats
    weights: Floats
    intercept: Floats

    def place(self, X: Floats) -> Floats:
        """Give u, shape (n, n_axes), of MFCC statistics as `expand_mfcc` has them."""
        Z = expand_mfcc(X)
        Z = np.where(np.isfinite(Z), Z, self.typical)
        return np.asarray((np.clip(Z, self.low, self.high) - self.mean) @ self.axes)

    def evaluate(self, X: Floats) -> Floats:
        """See `Map.evaluate`."""
        return self.intercept + kernel(self.place(X), self.landmarks, self.gamma) @ self.weights


@dataclass(frozen=True, slots=True)
class QuadraticMap:
    """Linear and quadratic terms in standardised inputs whose size is softly bounded.

    y = intercept + L u + Σᵣ eᵣ (vᵣ · u)², with z = clip((x − centre) / scale, ±3) standardised
    and weighted, and u = z / √(½ + ½ mean z²): a track that is odd in everything counts little
    more than a usual one.

    Attributes
    ----------
    inputs, outputs : tuple of str
    centre, scale, mean, gain : ndarray, shape=(n_inputs,)
    intercept : ndarray, shape=(n_outputs,)
    linear : ndarray, shape=(n_inputs, n_outputs)
    values : ndarray, shape=(n_outputs, rank)
    vectors : ndarray, shape=(n_outputs · rank, n_inputs)
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    centre: Floats
    scale: Floats
    mean: Floats
    gain: Floats
    intercept: Floats
    linear: Floats
    values: Floats
    vectors: Floats

    def place(self, X: Floats) -> Floats:
        """Give u, shape (n, n_inputs)."""
        Z = (np.where(np.isfinite(X), X, self.centre) - self.centre) / self.scale
        U = (np.clip(Z, -3, 3) - self.mean) * self.gain
        return np.asarray(U / np.sqrt(0.5 + 0.5 * (U**2).mean(axis=1, keepdims=True)))

    def evaluate(self, X: Floats) -> Floats:
        """See `Map.evaluate`."""
        U = self.place(X)
        along = (U @ self.vectors.T).reshape(len(U), *self.values.shape)
        return np.asarray(
            self.intercept + U @ self.linear + np.einsum("nkr,kr->nk", along**2, self.values)
        )


KINDS: Mapping[str, type[Any]] = {"kernel": KernelMap, "quadratic": QuadraticMap}


def kernel(U: Floats, landmarks: Floats, gamma: float) -> Floats:
    """Give exp(−√γ |u − z|) of each row of `U` and each landmark."""
    squares = (U**2).sum(axis=1)[:, None] + (landmarks**2).sum(axis=1) - 2 * U @ landmarks.T
    return np.asarray(np.exp(-np.sqrt(gamma * np.maximum(squares, 0))))


def mfcc_input_names() -> tuple[str, ...]:
    """Name the descriptors that `expand_mfcc` takes, in order."""
    return tuple(
        f"mfcc_{i + 1:02d}_{name}" for name in MFCC_INPUT_STATISTICS for i in range(N_MFCC)
    )


def expand_mfcc(X: Floats) -> Floats:
    """Add to MFCC statistics what they say of the spectrum.

    Parameters
    ----------
    X : ndarray, shape=(n, 100)
        As `mfcc_input_names` has them.

    Returns
    -------
    ndarray, shape=(n, 180)
        The statistics, deviations as logarithms; every fifth band of the mel spectrum that the
        mean and the median MFCC stand for, dB; levels of the whole up to eight bands, dB; mean
        less median.
    """
    mean, median, _, std, _ = (X[:, i * N_MFCC : (i + 1) * N_MFCC] for i in range(5))
    plain = X.copy()
    plain[:, 3 * N_MFCC : 4 * N_MFCC] = np.log(np.maximum(std, 1e-3))
    full = _mel_levels(mean)
    below = np.cumsum(10 ** (np.clip(full, -200, 200) / 10), axis=1)[:, 15::16]
    loud = 10 * np.log10(np.maximum(below, 1e-12))
    parts = [plain, full[:, 2::_MEL_STEP], _mel_levels(median)[:, 2::_MEL_STEP], loud]
    return np.concatenate([*parts, mean - median], axis=1)


def _mel_levels(cepstra: Floats) -> Floats:
    padded = np.zeros((len(cepstra), N_MELS))
    padded[:, :N_MFCC] = cepstra
    return np.asarray(scipy.fft.idct(padded, axis=1, norm="ortho"))


def write_maps(path: Path, maps: Mapping[str, Map], tables: Mapping[str, Any]) -> None:
    """Write maps, and the tables that belong to them, as one file.

    Parameters
    ----------
    path : Path
    maps : mapping of str to Map
    tables : mapping
        What JSON can hold: quantile curves, the card.
    """
    arrays: dict[str, NDArray[Any]] = {}
    entries: dict[str, Any] = {}
    for name, one in maps.items():
        kind = next(word for word, known in KINDS.items() if isinstance(one, known))
        entry: dict[str, Any] = {"kind": kind}
        for key in KINDS[kind].__dataclass_fields__:
            value = getattr(one, key)
            if isinstance(value, np.ndarray):
                # Half the digits are noise; rounded, they take a quarter of the room.
                arrays[f"{name}.{key}"] = value.astype(np.float32).astype(np.float64)
            else:
                entry[key] = list(value) if isinstance(value, tuple) else value
        entries[name] = entry
    path.write_bytes(pack({"what": _WHAT, "maps": entries, **tables}, arrays))


def read_maps(path: Path) -> tuple[dict[str, Map], dict[str, Any]]:
    """Read what `write_maps` wrote, checked.

    Raises
    ------
    ModelFormatError
        If the file is not exactly what was written.
    """
    manifest, arrays = unpack(path.read_bytes())
    if manifest.pop("what", None) != _WHAT:
        raise ModelFormatError(f"{path.name} holds no audio maps; install affetto again")
    maps: dict[str, Map] = {}
    for name, entry in manifest.pop("maps").items():
        known = KINDS[entry.pop("kind")]
        values = {
            key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()
        }
        own = {
            key.removeprefix(f"{name}."): array
            for key, array in arrays.items()
            if key.startswith(f"{name}.")
        }
        maps[name] = known(**values, **own)
    return maps, manifest


@lru_cache(maxsize=1)
def packaged_maps() -> tuple[dict[str, Map], dict[str, Any]]:
    """Read the maps that come with affetto, once."""
    return read_maps(PACKAGED)
