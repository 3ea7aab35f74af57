"""Fitting the two kinds of maps, and judging them by cross-validation.

Every fit chooses its settings inside the rows it is given, by leave-one-out error; what
`cross_validated` reports was never seen in the fit that predicted it.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from affetto.audio.maps import KernelMap, Map, QuadraticMap, expand_mfcc, kernel

Floats = NDArray[np.float64]
Fit = Callable[[NDArray[np.intp]], Map]

N_AXES = 64
"""Principal components of the MFCC inputs that count."""
GAMMA = 1 / 300
N_LANDMARKS = 1500
_RIDGES = (0.03, 0.1, 0.3, 1.0, 3.0)
_REFERENCE_WIDTH = 140  # inputs for which γ is stated
_N_BETWEEN = 4000  # points between tracks at which the landmarks follow the exact regression
_N_NEAR = 4  # and points near each track
_SPREAD = 1.7  # of the landmarks: mixtures of three lie closer to the mean than tracks do
_STEADY = 10.0  # weight of what codecs move against what the exact regression says
_LEAST = 1e-3

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
    coded: tuple[Floats, Floats],
) -> KernelMap:
    """Fit an exact kernel ridge regression, then landmarks that follow it.

    The exact regression would need the tracks themselves. What is kept instead are weights of
    random landmarks that give, in the least-squares sense, the same values at many points near
    the tracks and between them, and that change little along the differences that coding makes.

    Parameters
    ----------
    X : ndarray, shape=(n, 100)
        MFCC statistics, as `expand_mfcc` takes them.
    Y : ndarray, shape=(n, n_outputs)
    inputs, outputs : sequence of str
    coded : tuple of ndarray, shape=(n_pairs, 100) each
        The same of clips of other music, and of these clips coded.

    Returns
    -------
    KernelMap
    """
    Z = expand_mfcc(X)
    typical = np.nanmedian(Z, axis=0)
    Z = np.where(np.isfinite(Z), Z, typical)
    low, high = np.percentile(Z, [0.5, 99.5], axis=0)
    Z = np.clip(Z, low, high)
    mean = Z.mean(axis=0)
    scale = np.sqrt(_REFERENCE_WIDTH / Z.shape[1]) / (Z.std(axis=0) + 1e-9)
    _, _, right = np.linalg.svd((Z - mean) * scale, full_matrices=False)
    empty = KernelMap(
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        typical=typical,
        low=low,
        high=high,
        mean=mean,
        axes=scale[:, None] * right[:N_AXES].T,
        gamma=GAMMA,
        landmarks=np.empty((0, N_AXES)),
        weights=np.empty((0, Y.shape[1])),
        intercept=np.zeros(Y.shape[1]),
    )
    U = empty.place(X)
    moved = empty.place(coded[1]) - empty.place(coded[0])
    rng = np.random.default_rng(SEED)
    points = _points(U, rng)
    wanted = _exact(U, Y)(points)
    landmarks = _landmarks(U, rng)
    intercept = wanted.mean(axis=0)
    K = kernel(points, landmarks, GAMMA)
    change = kernel(points + moved[rng.integers(0, len(moved), len(points))], landmarks, GAMMA) - K
    gram = K.T @ K + _STEADY * change.T @ change + _LEAST * np.eye(N_LANDMARKS)
    weights = np.linalg.solve(gram, K.T @ (wanted - intercept))
    return replace(empty, landmarks=landmarks, weights=weights, intercept=intercept)


def _exact(U: Floats, Y: Floats) -> Callable[[Floats], Floats]:
    """Kernel ridge regression on the rows themselves, each output's ridge by leave-one-out."""
    values, vectors = np.linalg.eigh(kernel(U, U, GAMMA))
    mean = Y.mean(axis=0)
    along = vectors.T @ (Y - mean)
    best, dual = np.full(Y.shape[1], np.inf), np.zeros(Y.shape)
    for ridge in _RIDGES:
        shrunk = 1 / (values + ridge)
        found = vectors @ (shrunk[:, None] * along)
        error = ((found / ((vectors**2) @ shrunk)[:, None]) ** 2).mean(axis=0)
        dual = np.where(error < best, found, dual)
        best = np.minimum(best, error)
    return lambda P: mean + kernel(P, U, GAMMA) @ dual


def _points(U: Floats, rng: np.random.Generator) -> Floats:
    """Draw points near the rows and between pairs of them; the rows come too."""
    spread = U.std(axis=0)
    near = [U + 0.15 * spread * rng.standard_normal(U.shape) for _ in range(_N_NEAR)]
    one, other = U[rng.integers(0, len(U), (2, _N_BETWEEN))]
    share = rng.random((_N_BETWEEN, 1))
    noise = 0.5 * rng.random((_N_BETWEEN, 1)) * rng.standard_normal(one.shape) * spread
    return np.concatenate([*near, U, share * one + (1 - share) * other + noise])


def _landmarks(U: Floats, rng: np.random.Generator) -> Floats:
    """Draw random mixtures of three rows, spread as wide as rows are."""
    threes = U[rng.integers(0, len(U), (N_LANDMARKS, 3))]
    shares = rng.dirichlet([3.0, 3.0, 3.0], N_LANDMARKS)
    mixed = np.einsum("mk,mkd->md", shares, threes)
    mean = U.mean(axis=0)
    return np.asarray(mean + _SPREAD * (mixed - mean))


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
    rank = min(RANK, n_inputs)
    empty = QuadraticMap(
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        centre=centre,
        scale=scale,
        mean=Z.mean(axis=0),
        gain=gain,
        intercept=np.zeros(n_outputs),
        linear=np.zeros((n_inputs, n_outputs)),
        values=np.zeros((n_outputs, rank)),
        vectors=np.zeros((n_outputs * rank, n_inputs)),
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
        top = np.argsort(-np.abs(values))[:rank]
        empty.values[k] = values[top]
        empty.vectors[k * rank : (k + 1) * rank] = vectors[:, top].T
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
