"""Densities: where each mood's tracks lie, as Student-t distributions; NumPy alone."""

from dataclasses import dataclass, field
from math import isfinite, lgamma, log, pi
from typing import ClassVar

import numpy as np

from affetto.parts import BaseScorer, Counts, Floats

MAX_COMPONENTS = 1024
_UNEVEN = 1e-9
_TOGETHER = 8  # components at a time: what lies between two steps stays in cache


@dataclass(frozen=True, eq=False)
class Densities(BaseScorer):
    r"""Bayes' rule over Student-t mixtures, one or several distributions a mood.

    Component c has the location m, the scale matrix S = (LᵀL)⁻¹ and ν degrees of freedom:

        t(z) = Γ((ν + d) / 2) / (Γ(ν / 2) (νπ)^(d/2)) · |L| · (1 + ‖L (z − m)‖² / ν)^(−(ν + d) / 2)

        p(mood | z) ∝ (prior(mood) · Σ over its components of share(c) · t(z))^(1 / temperature)

    Its tails fall as a power: far from all that was learned, it grows unsure.

    Attributes
    ----------
    means : ndarray of float64, shape (c, d)
    roots : ndarray of float64, shape (c · d, d)
        L of each component, one below the other: lower triangular, above 0 on its diagonal.
        Of a covariance matrix, it is the inverse of the Cholesky factor.
    freedom : ndarray of float64, shape (c,)
        ν, above 0.
    share : ndarray of float64, shape (c,)
        Above 0; over the components of a mood they sum to 1.
    mood : ndarray of int64, shape (c,)
        Which mood each component belongs to. A mood without any has probability 0.
    prior : ndarray of float64, shape (k,)
        Above 0; they sum to 1.
    temperature : float
        Above 0; 1 is Bayes' rule itself, more makes the model less sure of itself.

    References
    ----------
    Lange, K. L., Little, R. J. A. & Taylor, J. M. G. (1989). Robust statistical modeling
    using the t distribution. JASA 84(408). — Hastie, T. & Tibshirani, R. (1996).
    Discriminant analysis by Gaussian mixtures. JRSS B 58(1).
    """

    KIND: ClassVar[str] = "densities"
    means: Floats
    roots: Floats
    freedom: Floats
    share: Floats
    mood: Counts
    prior: Floats
    temperature: float
    _rows: Floats = field(init=False, repr=False)
    _constants: Floats = field(init=False, repr=False)
    _members: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        means = self._own("means", np.float64, None, None)
        c, d = means.shape
        if c > MAX_COMPONENTS:
            raise self._wrong(f"{c} components; at most {MAX_COMPONENTS}")
        stacked = self._own("roots", np.float64, c * d, d)
        freedom = self._own("freedom", np.float64, c)
        share = self._own("share", np.float64, c)
        mood = self._own("mood", np.int64, c)
        prior = self._own("prior", np.float64, None)
        k = len(prior)
        self._check_moods()
        if mood.min() < 0 or mood.max() >= k:
            raise self._wrong(f"a component belongs to a mood that is none of the {k}")
        for name, values in (("freedom", freedom), ("share", share), ("prior", prior)):
            if values.min() <= 0:
                raise self._wrong(f"{name} is {values.min():g}; expected a number above 0")
        sums = np.append(np.bincount(mood, share, k)[np.unique(mood)], prior.sum())
        if np.abs(sums - 1).max() > _UNEVEN:
            raise self._wrong("the shares of a mood, or the priors, do not sum to 1")
        if not (isfinite(self.temperature) and self.temperature > 0):
            raise self._wrong(f"temperature is {self.temperature}; expected a number above 0")
        object.__setattr__(self, "temperature", float(self.temperature))
        roots = stacked.reshape(c, d, d)
        diagonals = np.diagonal(roots, axis1=1, axis2=2)
        if diagonals.min() <= 0 or np.triu(roots, 1).any():
            raise self._wrong("a root is not lower triangular with a diagonal above 0")
        gammas = [
            lgamma((nu + d) / 2) - lgamma(nu / 2) - d / 2 * (log(nu) + log(pi))
            for nu in freedom.tolist()
        ]
        constants = np.array(gammas) + np.log(diagonals).sum(axis=1)
        object.__setattr__(self, "_constants", constants + np.log(share) + np.log(prior[mood]))
        offsets = np.einsum("cij,cj->ci", roots, means).reshape(-1, 1)
        object.__setattr__(self, "_rows", np.hstack([stacked, -offsets]))
        object.__setattr__(self, "_members", (mood == np.arange(k)[:, None]).astype(np.float64))

    def _shape(self) -> tuple[int, int]:
        return self.means.shape[1], len(self.prior)

    def _work(self) -> tuple[int, int]:
        c, d = self.means.shape
        together = min(c, _TOGETHER) * d
        return max(c, together), together * (d + 1)

    def _evaluate(self, columns: Floats) -> Floats:
        c, d = self.means.shape
        tracks = np.vstack([columns, np.ones(columns.shape[1])])
        squares = np.empty((c, columns.shape[1]))
        for first in range(0, c, _TOGETHER):
            some = slice(first, first + _TOGETHER)
            scaled = self._rows[first * d : (first + _TOGETHER) * d] @ tracks  # L z − L m
            np.square(scaled, out=scaled)
            np.add.reduce(scaled.reshape(-1, d, columns.shape[1]), axis=1, out=squares[some])
        squares /= self.freedom[:, None]
        logs = np.log1p(squares, out=squares)
        logs *= -(self.freedom[:, None] + d) / 2
        logs += self._constants[:, None]
        # The largest is taken off, so that at least one is 1 and their sum no 0.
        logs -= logs.max(axis=0)
        odds: Floats = self._members @ np.exp(logs, out=logs)
        if self.temperature != 1.0:
            np.power(odds, 1 / self.temperature, out=odds)
        odds /= odds.sum(axis=0)
        return odds
