"""Fitting the two kinds of maps, and judging them by cross-validation.

Every fit chooses its settings inside the rows it is given, by leave-one-out error; what
`cross_validated` reports was never seen in the fit that predicted it.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from affetto.audio.maps import KernelMap, Map, QuadraticMap, expand_mfcc, kernel

Floats = NDArray[np.float64]
Fit = Callable[[NDArray[np.intp]], Map]

N_LANDMARKS = 800
GAMMA = 1 / 600
_REFERENCE_WIDTH = 140  # inputs for which γ is stated
_RIDGES = (0.01, 0.03, 0.1, 0.3, 1.0)
_LEAST = 1e-8

RANK = 16
QUADRATIC = 0.25
"""Weight of products of inputs against the inputs themselves."""
PENALTY = 0.5
SEED = 0


def fit_kernel(
    X: Floats,
    Y: Floats,
    *,
    inputs: Sequence[str],
    outputs: Sequence[str],
    nuisance: Floats,
) -> KernelMap:
    """Fit kernel ridge regression on landmarks.

    Parameters
    ----------
    X : ndarray, shape=(n, 100)
        MFCC statistics, as `expand_mfcc` takes them.
    Y : ndarray, shape=(n, n_outputs)
    inputs, outputs : sequence of str
    nuisance : ndarray, shape=(n_expanded,)
        Variance of each expanded input over codings of one track: an input counts the less, the
        more a codec moves it.

    Returns
    -------
    KernelMap
        The ridge of each output is the one of `_RIDGES` with the least leave-one-out error.
    """
    Z = expand_mfcc(X)
    typical = np.nanmedian(Z, axis=0)
    Z = np.where(np.isfinite(Z), Z, typical)
    low, high = np.percentile(Z, [0.5, 99.5], axis=0)
    Z = np.clip(Z, low, high)
    mean = Z.mean(axis=0)
    scale = np.sqrt(_REFERENCE_WIDTH / Z.shape[1]) / np.sqrt(Z.var(axis=0) + nuisance + _LEAST)
    U = (Z - mean) * scale
    rng = np.random.default_rng(SEED)
    values, vectors = np.linalg.eigh(np.cov(U.T))
    normal = rng.standard_normal((N_LANDMARKS, U.shape[1]))
    landmarks = (normal * np.sqrt(np.maximum(values, 0))) @ vectors.T
    values, vectors = np.linalg.eigh(kernel(landmarks, landmarks, GAMMA))
    root = vectors / np.sqrt(np.maximum(values, _LEAST))
    weights, intercept = _ridge(kernel(U, landmarks, GAMMA) @ root, Y)
    return KernelMap(
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        typical=typical,
        low=low,
        high=high,
        mean=mean,
        scale=scale,
        gamma=GAMMA,
        landmarks=landmarks,
        weights=root @ weights,
        intercept=intercept,
    )


def _ridge(P: Floats, Y: Floats) -> tuple[Floats, Floats]:
    """Ridge regression of each column of `Y`, its penalty chosen by leave-one-out error."""
    left, sizes, right = np.linalg.svd(P, full_matrices=False)
    mean = Y.mean(axis=0)
    along = left.T @ (Y - mean)
    best = np.full(Y.shape[1], np.inf)
    weights = np.zeros((P.shape[1], Y.shape[1]))
    for ridge in _RIDGES:
        shrunk = sizes**2 / (sizes**2 + ridge)
        leverage = (left**2) @ shrunk + 1 / len(Y)
        rest = (Y - mean - left @ (shrunk[:, None] * along)) / (1 - leverage)[:, None]
        error = (rest**2).mean(axis=0)
        found = right.T @ ((sizes / (sizes**2 + ridge))[:, None] * along)
        weights = np.where(error < best, found, weights)
        best = np.minimum(best, error)
    return weights, mean


def fit_quadratic(
    X: Floats,
    Y: Floats,
    *,
    inputs: Sequence[str],
    outputs: Sequence[str],
    families: Sequence[str],
    weights: Floats,
) -> QuadraticMap:
    """Fit linear and quadratic terms, as kernel ridge regression with k = l + ¼ l².

    Of the quadratic form only its 16 largest eigenvalues are kept.

    Parameters
    ----------
    X : ndarray, shape=(n, n_inputs)
        NaN allowed.
    Y : ndarray, shape=(n, n_outputs)
    inputs, outputs : sequence of str
    families : sequence of str
        Of each input; a family of s inputs counts as √s, not as s times one.
    weights : ndarray, shape=(n,)
        Of the rows.

    Returns
    -------
    QuadraticMap
    """
    centre = np.nanmedian(X, axis=0)
    filled = np.where(np.isfinite(X), X, centre)
    low, high = np.percentile(filled, [16, 84], axis=0)
    scale = np.where(high - low > 2e-9, (high - low) / 2, 1.0)
    Z = np.clip((filled - centre) / scale, -3, 3)
    sizes = np.array([list(families).count(family) for family in families])
    share = sizes**-0.25
    gain = share / np.sqrt((share**2).mean()) / (Z.std(axis=0) + 1e-9)
    n_inputs, n_outputs = X.shape[1], Y.shape[1]
    empty = QuadraticMap(
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        centre=centre,
        scale=scale,
        mean=Z.mean(axis=0),
        gain=gain,
        intercept=np.zeros(n_outputs),
        linear=np.zeros((n_inputs, n_outputs)),
        values=np.zeros((n_outputs, RANK)),
        vectors=np.zeros((n_outputs * RANK, n_inputs)),
    )
    U = empty.place(X)
    relative = weights / weights.mean()
    intercept = (relative[:, None] * Y).mean(axis=0)
    products = U @ U.T / n_inputs
    gram = products + QUADRATIC * products**2
    dual = np.linalg.solve(gram + PENALTY * np.diag(1 / relative), Y - intercept)
    for k, coefficients in enumerate(dual.T):
        form = (U.T * coefficients) @ U * (QUADRATIC / n_inputs**2)
        values, vectors = np.linalg.eigh(form)
        top = np.argsort(-np.abs(values))[:RANK]
        empty.values[k] = values[top]
        empty.vectors[k * RANK : (k + 1) * RANK] = vectors[:, top].T
    empty.linear[:] = U.T @ dual / n_inputs
    empty.intercept[:] = intercept
    return empty


def cross_validated(
    fit: Fit, X: Floats, n_outputs: int, folds: Sequence[NDArray[np.intp]]
) -> Floats:
    """Predict each row by a map that was fitted without it.

    Parameters
    ----------
    fit : callable
        Takes the indices of the rows to fit on.
    X : ndarray, shape=(n, n_inputs)
    n_outputs : int
    folds : sequence of ndarray
        Indices of the rows of each fold.

    Returns
    -------
    ndarray, shape=(n, n_outputs)
    """
    predicted = np.full((len(X), n_outputs), np.nan)
    for held_out in folds:
        rest = np.setdiff1d(np.arange(len(X)), held_out)
        predicted[held_out] = fit(rest).evaluate(X[held_out])
    return predicted


def random_folds(n: int, n_folds: int, repeat: int) -> list[NDArray[np.intp]]:
    """Deal n rows into folds at random; the same for the same `repeat`."""
    order = np.random.default_rng([SEED, repeat]).permutation(n)
    return [np.sort(part) for part in np.array_split(order, n_folds)]


def group_folds(groups: Sequence[str]) -> list[NDArray[np.intp]]:
    """Make one fold of each group."""
    names = np.asarray(groups)
    return [np.flatnonzero(names == name) for name in np.unique(names)]


def pearson(a: Floats, b: Floats) -> float:
    """Pearson correlation."""
    return float(np.corrcoef(a, b)[0, 1])


def area_under_curve(positive: Floats, negative: Floats) -> float:
    """Share of pairs in which the positive one is higher; ties count half."""
    wins = sum((p > negative).sum() + 0.5 * (p == negative).sum() for p in positive)
    return float(wins / (len(positive) * len(negative)))


def matching_curve(source: Floats, target: Floats, n_knots: int = 33) -> list[list[float]]:
    """Give the rising curve that sends the quantiles of `source` to those of `target`.

    Returns
    -------
    list of two lists
        Knots, strictly rising, and their values.
    """
    shares = np.linspace(0, 1, n_knots)
    shares[[0, -1]] = 0.002, 0.998
    knots, values = np.quantile(source, shares), np.quantile(target, shares)
    distinct = np.concatenate([[True], np.diff(knots) > 1e-9])
    return [np.round(knots[distinct], 6).tolist(), np.round(values[distinct], 6).tolist()]
