"""Calibration: whether probabilities become truer by one number, or two a mood; used if clearly so.

Fitted and judged on what was said of sources or playlists never seen: of each, by what the
others teach.
"""

from collections.abc import Callable
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize, minimize_scalar

from affetto.learning.unseen import Judgement

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]

LEAST = 1e-12
"""Smallest probability that is told from 0; as in `Predictions.log_loss`."""

HOLD = 0.01
"""Pull of scale and offset of a mood towards 1 and 0: a mood that few judge stays as it was."""

CLEARLY = 2.0
"""Standard errors by which the log-loss must fall, over units, for a calibration to be used."""


def tempered(p: Floats, temperature: float) -> Floats:
    """Give p^(1/temperature), divided by its sum over moods; 0 stays 0.

    Parameters
    ----------
    p : ndarray, shape=(n, n_moods)
    temperature : float
        Above 0; more than 1 makes the model less sure of itself.
    """
    return scaled(p, np.full(p.shape[1], 1 / temperature), np.zeros(p.shape[1]))


def scaled(p: Floats, scale: Floats, offset: Floats) -> Floats:
    """Give exp(offset) · p^scale, mood by mood, divided by its sum; 0 stays 0.

    Parameters
    ----------
    p : ndarray, shape=(n, n_moods)
    scale, offset : ndarray, shape=(n_moods,)
    """
    logits = scale * np.log(np.maximum(p, LEAST)) + offset
    logits = np.where(p > 0, logits, -np.inf)
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def fit_temperature(p: Floats, y: Indices, weights: Floats) -> float:
    """Find the temperature of least weighted log-loss, between 1/5 and 5.

    Parameters
    ----------
    p : ndarray, shape=(n, n_moods)
    y : ndarray of int, shape=(n,)
    weights : ndarray, shape=(n,)

    References
    ----------
    Guo, C. et al. (2017). On calibration of modern neural networks. ICML.
    """

    def loss(log_temperature: float) -> float:
        return _loss(tempered(p, float(np.exp(log_temperature))), y, weights)

    bound = float(np.log(5))
    found = minimize_scalar(loss, bounds=(-bound, bound), method="bounded")
    return float(np.exp(found.x))


def fit_scaling(p: Floats, y: Indices, weights: Floats) -> tuple[Floats, Floats]:
    """Find a scale and an offset a mood, of least weighted log-loss and pull (`HOLD`).

    Parameters
    ----------
    p : ndarray, shape=(n, n_moods)
    y : ndarray of int, shape=(n,)
    weights : ndarray, shape=(n,)

    Returns
    -------
    scale, offset : ndarray, shape=(n_moods,)
        For `scaled`.

    References
    ----------
    Guo, C. et al. (2017), vector scaling. — Kull, M. et al. (2019). Beyond temperature
    scaling. NeurIPS.
    """
    k = p.shape[1]
    logs = np.log(np.maximum(p, LEAST))
    share = weights / weights.sum()
    own = np.arange(len(y))

    def loss(flat: Floats) -> tuple[float, Floats]:
        scale, offset = flat[:k], flat[k:]
        q = scaled(p, scale, offset)
        pull = np.concatenate([scale - 1, offset])
        rest = q.copy()
        rest[own, y] -= 1
        rest *= share[:, None]
        slope = np.concatenate([(rest * logs).sum(axis=0), rest.sum(axis=0)])
        return _loss(q, y, weights) + HOLD / 2 * float(pull @ pull), slope + HOLD * pull

    found = minimize(loss, np.repeat([1.0, 0.0], k), jac=True, method="L-BFGS-B")
    return found.x[:k], found.x[k:]


def _loss(p: Floats, y: Indices, weights: Floats) -> float:
    true = np.maximum(p[np.arange(len(y)), y], LEAST)
    return -float(weights @ np.log(true)) / float(weights.sum())


Calibrate = Callable[[Floats], Floats]


def _by_temperature(p: Floats, y: Indices, weights: Floats) -> Calibrate:
    temperature = fit_temperature(p, y, weights)
    return lambda q: tempered(q, temperature)


def _by_scaling(p: Floats, y: Indices, weights: Floats) -> Calibrate:
    scale, offset = fit_scaling(p, y, weights)
    return lambda q: scaled(q, scale, offset)


METHODS: dict[str, Callable[[Floats, Indices, Floats], Calibrate]] = {
    "temperature": _by_temperature,
    "scaling a mood": _by_scaling,
}


def judge_calibration(judgement: Judgement) -> dict[str, Any]:
    """Judge every way to calibrate, on each unit by what all other units teach.

    Within a unit (a playlist or a source), moods count the same, and units do.

    Returns
    -------
    dict
        ``used``: a method, or None where none lowers the log-loss by `CLEARLY` standard
        errors; ``log_loss`` as it is; ``methods``: for each of `METHODS` its ``log_loss``,
        the ``change`` (mean over units) and ``se`` of that; ``temperature`` fitted on all
        units; ``words``.
    """
    pooled, units = judgement.pooled(), judgement.units()
    weights = np.zeros(len(units))
    names = np.unique(units)
    for unit in names:
        present = np.unique(pooled.y[units == unit])
        for mood in present:
            cell = (units == unit) & (pooled.y == mood)
            weights[cell] = 1 / cell.sum() / len(present)
    before = _losses(pooled.p, pooled.y, weights, units, names)
    found: dict[str, Any] = {}
    for name, method in METHODS.items():
        after = []
        for unit in names:
            judged = units == unit
            calibrate = method(pooled.p[~judged], pooled.y[~judged], weights[~judged])
            after.append(_loss(calibrate(pooled.p[judged]), pooled.y[judged], weights[judged]))
        change = np.array(after) - before
        found[name] = {
            "log_loss": float(np.mean(after)),
            "change": float(change.mean()),
            "se": float(change.std(ddof=1)) / sqrt(len(change)),
        }
    used = chosen_method(found)
    return {
        "used": used,
        "log_loss": float(before.mean()),
        "methods": found,
        "temperature": fit_temperature(pooled.p, pooled.y, weights),
        "words": _words(used, found, len(names)),
    }


def chosen_method(found: dict[str, Any]) -> str | None:
    """Give the method of least log-loss among those that lower it clearly, if any does."""
    clear = [name for name, own in found.items() if own["change"] < -CLEARLY * own["se"]]
    return min(clear, key=lambda name: float(found[name]["log_loss"]), default=None)


def _losses(
    p: Floats, y: Indices, weights: Floats, units: npt.NDArray[np.str_], names: npt.NDArray[np.str_]
) -> Floats:
    return np.array([_loss(p[units == u], y[units == u], weights[units == u]) for u in names])


def _words(used: str | None, found: dict[str, Any], n_units: int) -> str:
    each = "; ".join(
        f"{name} changes the log-loss by {own['change']:+.3f} ± {own['se']:.3f}"
        for name, own in found.items()
    )
    verdict = f"{used} is used" if used else "none is used: the average is calibrated as it comes"
    return f"{verdict} (on {n_units} never seen, taught by the others: {each})"
