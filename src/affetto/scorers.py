"""Scorers and pipelines: arrays in, mood probabilities out, NumPy alone.

Each scorer computes what scikit-learn computes for the estimator it was taken from. It is a
frozen record of arrays that checks itself when it is made (see `affetto.parts`). Forests
and boosted trees live in `affetto.trees`, Student-t densities in `affetto.densities`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import isfinite
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from affetto.densities import Densities
from affetto.errors import ModelError, UsageError
from affetto.parts import (
    MAX_WIDTH,
    BaseScorer,
    Clip,
    Counts,
    Floats,
    Log10,
    Polynomial,
    Select,
    Standardise,
    Step,
    as_rows,
    block_rows_for,
    in_blocks,
    softmax,
)
from affetto.trees import Boosted, Forest

__all__ = [
    "Boosted",
    "Clip",
    "Densities",
    "Forest",
    "Linear",
    "Log10",
    "Network",
    "Pipeline",
    "Polynomial",
    "Scorer",
    "Select",
    "Standardise",
    "Step",
    "SupportVectors",
]

_MAX_LAYERS = 32
_MAX_STEPS = 16


@dataclass(frozen=True, eq=False)
class Linear(BaseScorer):
    """Multinomial logistic regression: softmax(coef · z + intercept).

    Two moods have two rows as well, 0 and w: the softmax of (0, w) is the sigmoid of w.

    Attributes
    ----------
    coef : ndarray of float64, shape (k, d)
    intercept : ndarray of float64, shape (k,)
    """

    KIND: ClassVar[str] = "linear"
    coef: Floats
    intercept: Floats

    def __post_init__(self) -> None:
        coef = self._own("coef", np.float64, None, None)
        self._own("intercept", np.float64, len(coef))
        self._check_moods()

    def _shape(self) -> tuple[int, int]:
        return self.coef.shape[1], self.coef.shape[0]

    def _work(self) -> tuple[int, int]:
        return max(self.coef.shape), self.coef.size

    def _evaluate(self, columns: Floats) -> Floats:
        logits = self.coef @ columns
        logits += self.intercept[:, None]
        return softmax(logits)

    def folded(self, before: Standardise) -> "Linear":
        """Give the scorer that equals `before` followed by this one."""
        coef = self.coef / before.scale
        return replace(self, coef=coef, intercept=self.intercept - coef @ before.mean)


@dataclass(frozen=True, eq=False)
class Network(BaseScorer):
    """Multi-layer perceptron: z ← activation(weightsᵀ · z + bias), layer by layer.

    The last layer goes through the softmax instead. Two moods have two outputs, 0 and w
    (see `Linear`).

    Attributes
    ----------
    weights : tuple of ndarray of float64, shapes (d, h1), (h1, h2), …, (hl, k)
    biases : tuple of ndarray of float64, shapes (h1,), (h2,), …, (k,)
    activation : str
        ``"relu"``, ``"tanh"``, ``"logistic"`` or ``"identity"``, after each hidden layer.
    """

    KIND: ClassVar[str] = "mlp"
    weights: tuple[Floats, ...]
    biases: tuple[Floats, ...]
    activation: str

    def __post_init__(self) -> None:
        if self.activation not in _ACTIVATIONS:
            raise self._wrong(
                f"activation {self.activation!r}; expected one of {', '.join(_ACTIVATIONS)}"
            )
        if not 1 <= len(self.weights) == len(self.biases) <= _MAX_LAYERS:
            raise self._wrong(
                f"{len(self.weights)} weights and {len(self.biases)} biases; "
                f"expected as many of both, 1 to {_MAX_LAYERS}"
            )
        weights: list[Floats] = []
        biases: list[Floats] = []
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            shape = (weights[-1].shape[1] if weights else None, None)
            weights.append(self._owned(f"weights[{layer}]", weight, np.float64, shape))
            out = weights[-1].shape[1:]
            biases.append(self._owned(f"biases[{layer}]", bias, np.float64, out))
        object.__setattr__(self, "weights", tuple(weights))
        object.__setattr__(self, "biases", tuple(biases))
        widest = self._work()[0]
        if widest > MAX_WIDTH:
            raise self._wrong(f"a layer is {widest} wide; at most {MAX_WIDTH}")
        self._check_moods()

    def _shape(self) -> tuple[int, int]:
        return self.weights[0].shape[0], self.weights[-1].shape[1]

    def _work(self) -> tuple[int, int]:
        widest = max(max(layer.shape) for layer in self.weights)
        return widest, max(layer.size for layer in self.weights)

    def _evaluate(self, columns: Floats) -> Floats:
        activate = _ACTIVATIONS[self.activation]
        values = columns
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            values = weight.T @ (activate(values) if layer else values)
            values += bias[:, None]
        return softmax(values)

    def folded(self, before: Standardise) -> "Network":
        """Give the scorer that equals `before` followed by this one."""
        first = self.weights[0] / before.scale[:, None]
        return replace(
            self,
            weights=(first, *self.weights[1:]),
            biases=(self.biases[0] - before.mean @ first, *self.biases[1:]),
        )


@dataclass(frozen=True, eq=False)
class SupportVectors(BaseScorer):
    """Support vector machine, RBF kernel, each mood against each other, calibrated.

    K = exp(−gamma · ‖z − v‖²) gives one decision value a pair of moods; votes and summed
    confidences make one score f a mood; its probability is 1 / (1 + exp(slope · f +
    offset)), divided by the sum over moods. Equals
    ``CalibratedClassifierCV(SVC(kernel="rbf"), method="sigmoid", ensemble=False)``.

    The vectors are rows of the training table: such a model must not be given away where
    the table may not.

    Attributes
    ----------
    vectors : ndarray of float64, shape (s, d)
        Grouped by mood, in the order of the moods.
    dual_coef : ndarray of float64, shape (k − 1, s)
        libsvm's: a pair's decision value is above 0 for its first mood, also for k = 2.
    intercept : ndarray of float64, shape (k · (k − 1) / 2,)
    n_support : ndarray of int64, shape (k,)
        Vectors of each mood.
    gamma : float
    slope, offset : ndarray of float64, shape (k,), or (1,) for k = 2
        Of the sigmoids; for two moods there is one, of the second mood.

    References
    ----------
    Platt, J. (1999). Probabilistic outputs for support vector machines. Advances in Large
    Margin Classifiers. — Chang, C.-C. & Lin, C.-J. (2011). LIBSVM. ACM TIST 2(3).
    """

    KIND: ClassVar[str] = "svm"
    vectors: Floats
    dual_coef: Floats
    intercept: Floats
    n_support: Counts
    gamma: float
    slope: Floats
    offset: Floats
    _centre: Floats = field(init=False, repr=False)
    _rows: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        vectors = self._own("vectors", np.float64, None, None)
        n_support = self._own("n_support", np.int64, None)
        self._check_moods()
        k = self.n_moods
        if n_support.min() < 0 or n_support.max() > len(vectors):
            raise self._wrong("n_support counts vectors that do not exist")
        if n_support.sum() != len(vectors):
            raise self._wrong(f"n_support counts {n_support.sum()} of {len(vectors)} vectors")
        if not (isfinite(self.gamma) and self.gamma > 0):
            raise self._wrong(f"gamma is {self.gamma}; expected a number above 0")
        object.__setattr__(self, "gamma", float(self.gamma))
        self._own("dual_coef", np.float64, k - 1, len(vectors))
        self._own("intercept", np.float64, k * (k - 1) // 2)
        self._own("slope", np.float64, k if k > 2 else 1)
        self._own("offset", np.float64, k if k > 2 else 1)
        centre = vectors.mean(axis=0)  # around it, less is lost in ‖z‖² − 2 z·v + ‖v‖²
        gamma, centred = self.gamma, vectors - centre
        squares = np.square(centred).sum(axis=1)
        rows = [2 * gamma * centred, -gamma * squares[:, None], np.full((len(vectors), 1), -gamma)]
        object.__setattr__(self, "_centre", centre)
        object.__setattr__(self, "_rows", np.hstack(rows))

    def _shape(self) -> tuple[int, int]:
        return self.vectors.shape[1], len(self.n_support)

    def _work(self) -> tuple[int, int]:
        return max(self.vectors.shape), self.vectors.size

    def _evaluate(self, columns: Floats) -> Floats:
        scores = self._scores(self._decisions(self._kernel(columns)))
        scores *= self.slope[:, None]
        scores += self.offset[:, None]
        probability = np.reciprocal(np.exp(scores, out=scores) + 1.0)
        if self.n_moods == 2:
            return np.concatenate([1.0 - probability, probability])
        total = probability.sum(axis=0)
        # Where every sigmoid is 0, scikit-learn gives all moods the same share.
        probability[:, total == 0] = 1.0
        probability /= np.where(total == 0, self.n_moods, total)
        return probability

    def _kernel(self, columns: Floats) -> Floats:
        tracks = columns - self._centre[:, None]
        squares = np.square(tracks).sum(axis=0)
        # −gamma · ‖z − v‖² = 2 gamma v·z − gamma ‖v‖² − gamma ‖z‖², in one product.
        exponent: Floats = self._rows @ np.vstack([tracks, np.ones_like(squares), squares])
        np.minimum(exponent, 0.0, out=exponent)
        np.exp(exponent, out=exponent)
        return exponent

    def _decisions(self, kernel: Floats) -> Floats:
        """Give the decision value of each pair of moods, shape (k (k − 1) / 2, n)."""
        k = self.n_moods
        ends = np.concatenate([[0], np.cumsum(self.n_support)])
        # sums[i][j'] is the share of mood i's vectors in the decision i against j, where j
        # counts the other moods: libsvm keeps their coefficients in row j' of dual_coef.
        sums = [self.dual_coef[:, start:end] @ kernel[start:end] for start, end in pairwise(ends)]
        pairs = [sums[i][j - 1] + sums[j][i] for i in range(k) for j in range(i + 1, k)]
        return np.stack(pairs) + self.intercept[:, None]

    def _scores(self, decisions: Floats) -> Floats:
        """Turn decisions of pairs into scores of moods (`_ovr_decision_function`)."""
        k = self.n_moods
        if k == 2:
            return -decisions
        votes = np.zeros((k, decisions.shape[1]))
        confidence = np.zeros_like(votes)
        pairs = [(i, j) for i in range(k) for j in range(i + 1, k)]
        for (i, j), decision in zip(pairs, decisions, strict=True):
            confidence[i] += decision
            confidence[j] -= decision
            votes[i] += decision >= 0
            votes[j] += decision < 0
        return votes + confidence / (3.0 * (np.abs(confidence) + 1.0))


Scorer = Linear | Network | Forest | Boosted | SupportVectors | Densities


@dataclass(frozen=True, eq=False)
class Pipeline:
    """Preprocessing steps, then a scorer.

    Attributes
    ----------
    steps : tuple of Step
    scorer : Scorer

    Notes
    -----
    A standardisation right before a linear scorer or a network is folded into its weights
    once, when the pipeline is made.
    """

    steps: tuple[Step, ...]
    scorer: Scorer
    _run: tuple[tuple[Step, ...], Scorer] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", tuple(self.steps))
        steps, scorer = self.steps, self.scorer
        if len(steps) > _MAX_STEPS:
            raise ModelError(f"{len(steps)} preprocessing steps; at most {_MAX_STEPS}")
        if steps and isinstance(steps[-1], Standardise) and isinstance(scorer, Linear | Network):
            last = steps[-1]
            last.width(scorer.n_inputs)
            if last.folds:
                steps, scorer = steps[:-1], scorer.folded(last)
        object.__setattr__(self, "_run", (steps, scorer))

    @property
    def n_moods(self) -> int:
        """How many probabilities of a track come out."""
        return self.scorer.n_moods

    def block_rows(self, n_inputs: int) -> int:
        """Give how many tracks of `n_inputs` values to score at once.

        Raises
        ------
        ModelError
            If tracks of so many values do not pass through all parts.
        """
        widths = [n_inputs]
        for step in self.steps:
            widths.append(step.width(widths[-1]))
        if not self.scorer.accepts(widths[-1]):
            raise ModelError(
                f"{type(self.scorer).__name__}: {widths[-1]} columns come in; "
                f"expected {self.scorer.n_inputs}"
            )
        return min(block_rows_for(max(widths)), self.scorer.block_rows)

    def evaluate(self, columns: Floats) -> Floats:
        """Score columns, shape (d, n), which are overwritten: probabilities, shape (k, n)."""
        steps, scorer = self._run
        for step in steps:
            columns = step.apply_to_columns(columns)
        probabilities = scorer.evaluate(columns)
        if steps and not isfinite(columns.sum()):
            # Trees would lead NaN and infinity somewhere; nobody may take that for a mood.
            probabilities[:, ~np.isfinite(columns).all(axis=0)] = np.nan
        return probabilities

    def probabilities(self, X: ArrayLike) -> Floats:
        """Score tracks.

        Parameters
        ----------
        X : array-like, shape (n_tracks, d)

        Returns
        -------
        ndarray of float64, shape (n_tracks, k)
            Each row sums to 1, or is NaN where preprocessing gives no finite number or a
            value is so large that a sum overflows.

        Raises
        ------
        UsageError
            If the shape does not fit.
        """
        rows = as_rows(X)
        try:
            block_rows = self.block_rows(rows.shape[1])
        except ModelError as exc:
            raise UsageError(f"tracks of {rows.shape[1]} features do not fit: {exc}") from exc
        return in_blocks(rows, self.evaluate, self.n_moods, block_rows)


def _relu(values: Floats) -> Floats:
    return np.maximum(values, 0.0, out=values)


def _tanh(values: Floats) -> Floats:
    return np.tanh(values, out=values)


def _logistic(values: Floats) -> Floats:
    np.exp(np.negative(values, out=values), out=values)
    values += 1.0
    return np.reciprocal(values, out=values)


def _identity(values: Floats) -> Floats:
    return values


_ACTIVATIONS: dict[str, Callable[[Floats], Floats]] = {
    "relu": _relu, "tanh": _tanh, "logistic": _logistic, "identity": _identity,
}  # fmt: skip
