"""Multinomial logistic regression over sources that do not all hold the same moods."""

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]

MOST_STEPS = 300


def fit_softmax(
    Z: Floats, y: Indices, weights: Floats, held: npt.NDArray[np.bool_], *,
    penalty: float, absent: float = 0.0,
) -> tuple[Floats, Floats]:  # fmt: skip
    r"""Fit coefficients by weighted, penalised maximum likelihood.

    A row's softmax runs over the moods that its source holds; those it lacks enter with the
    factor `absent`:

        p(m | z) = a_m exp(w_m · z + b_m) / Σ_k a_k exp(w_k · z + b_k),
        a_k = 1 where the source holds k, else `absent`

    With 0, a label that a source lacks is no evidence against that mood: a track of a
    collection that knows Happy and Relaxing alone says nothing of Dark. With 1, this is the
    usual regression. What is minimised is
    −Σ ω ln p(y | z) / Σ ω + penalty / 2 · ‖w‖², by L-BFGS from zero; it is convex.

    Parameters
    ----------
    Z : ndarray, shape=(n, d)
        Standardised.
    y : ndarray of int, shape=(n,)
    weights : ndarray, shape=(n,)
        ω, at least 0.
    held : ndarray of bool, shape=(n, k)
        Moods of each row's source; that of the row itself is one of them.
    penalty : float
        Above 0.
    absent : float
        0 to 1.

    Returns
    -------
    coef : ndarray, shape=(k, d)
    intercept : ndarray, shape=(k,)
        A mood that no row has gets coefficients 0 and an intercept of −40.

    References
    ----------
    Cour, T., Sapp, B. & Taskar, B. (2011). Learning from partial labels. JMLR 12.
    """
    (n, d), k = Z.shape, held.shape[1]
    own = np.arange(n)
    share = weights / weights.sum()
    factor = np.where(held, 1.0, absent)
    known = np.bincount(y, minlength=k) > 0
    factor[:, ~known] = 0.0

    def loss(flat: Floats) -> tuple[float, Floats]:
        coef, intercept = flat[: k * d].reshape(k, d), flat[k * d :]
        logits = Z @ coef.T + intercept
        # Only moods that count may set the shift: else all that do could underflow.
        logits -= np.where(factor > 0, logits, -np.inf).max(axis=1, keepdims=True)
        odds = np.exp(np.minimum(logits, 0.0)) * factor
        total = odds.sum(axis=1)
        value = -float(share @ (logits[own, y] - np.log(total)))
        rest = odds / total[:, None]
        rest[own, y] -= 1.0
        rest *= share[:, None]
        slope = np.concatenate([(rest.T @ Z + penalty * coef).ravel(), rest.sum(axis=0)])
        return value + 0.5 * penalty * float((coef * coef).sum()), slope

    start = np.zeros(k * (d + 1))
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": MOST_STEPS})
    coef, intercept = found.x[: k * d].reshape(k, d), found.x[k * d :].copy()
    intercept[~known] = -40.0
    return coef, intercept
