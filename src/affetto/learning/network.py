"""One-hidden-layer networks trained many at a time, by the method of scikit-learn's MLPClassifier.

A grid of alphas × folds is one stack of equal-shaped networks: every step of Adam updates
all of them with a handful of batched matrix products, so the interpreter's share of the
time, which dominates at these sizes, is paid once per stack and not once per network.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

Floats = npt.NDArray[np.float64]
Stack = npt.NDArray[np.float32]

LEARNING_RATE, BETA_1, BETA_2, EPSILON = 1e-3, 0.9, 0.999, 1e-8
BATCH_SIZE = 200
TOLERANCE, PATIENCE = 1e-4, 10
MAX_EPOCHS = 1000

SHORTEST = 0.9
"""Rows of the shortest network of a stack, as a share of the longest's."""


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """One network to train.

    Attributes
    ----------
    X : ndarray, shape=(n, d)
        Standardised inputs.
    y : ndarray of int, shape=(n,)
        Class indices from 0 to ``n_classes - 1``.
    alpha : float
        Strength of the L2 penalty on the weights, not on the biases.
    seed : int
        Seeds the initial weights.
    """

    X: Floats
    y: npt.NDArray[np.intp]
    alpha: float
    seed: int


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """A trained network: ``softmax(relu(X @ w1 + b1) @ w2 + b2)``.

    Attributes
    ----------
    w1 : ndarray, shape=(d, width)
    b1 : ndarray, shape=(width,)
    w2 : ndarray, shape=(width, n_classes)
    b2 : ndarray, shape=(n_classes,)
    epochs : int
        Passes over the data until the loss stood still.
    converged : bool
        False where `MAX_EPOCHS` came first.
    """

    w1: Floats
    b1: Floats
    w2: Floats
    b2: Floats
    epochs: int
    converged: bool

    def probabilities(self, X: Floats) -> Floats:
        """Give class probabilities, shape=(n, n_classes)."""
        logits = np.maximum(X @ self.w1 + self.b1, 0.0) @ self.w2 + self.b2
        logits -= logits.max(axis=1, keepdims=True)
        np.exp(logits, out=logits)
        logits /= logits.sum(axis=1, keepdims=True)
        return logits


def train_stack(
    problems: Sequence[Problem],
    width: int,
    n_classes: int,
    *,
    max_epochs: int = MAX_EPOCHS,
) -> list[Weights]:
    """Train equal-shaped networks side by side.

    Mini-batches of 200, Adam with its published constants, cross-entropy plus
    ``alpha / 2 · ‖W‖² / n_batch``; a network stops when its loss has not fallen by 1e-4 for
    ten epochs. Arithmetic is in float32.

    Networks whose numbers of rows differ by more than a tenth go into stacks of their own.
    In one stack a batch of 200 would hold few rows of the shorter, and the penalty, which is
    divided by that number, would be several times too strong.

    Parameters
    ----------
    problems : sequence of Problem
        All with the same number of inputs; the numbers of rows may differ.
    width : int
        Neurons of the hidden layer.
    n_classes : int
        Number of classes.
    max_epochs : int
        Upper bound on passes over the data.

    Returns
    -------
    list of Weights
        In the order of `problems`.

    References
    ----------
    Kingma, D. & Ba, J. (2015). Adam: a method for stochastic optimization. ICLR.
    Glorot, X. & Bengio, Y. (2010). Understanding the difficulty of training deep
    feedforward neural networks. AISTATS.
    """
    trained: dict[int, Weights] = {}
    for alike in _alike_in_length([len(problem.y) for problem in problems]):
        part = [problems[index] for index in alike]
        trained |= zip(alike, _train(part, width, n_classes, max_epochs), strict=True)
    return [trained[index] for index in range(len(problems))]


def _alike_in_length(lengths: Sequence[int]) -> list[list[int]]:
    """Part indices so that within a part no length is below .9 of the longest."""
    parts: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lambda index: (-lengths[index], index)):
        if not parts or lengths[index] < SHORTEST * lengths[parts[-1][0]]:
            parts.append([])
        parts[-1].append(index)
    return [sorted(part) for part in parts]


def _train(
    problems: Sequence[Problem], width: int, n_classes: int, max_epochs: int
) -> list[Weights]:
    """Train one stack of networks of about the same number of rows."""
    n_inputs = problems[0].X.shape[1]
    longest = max(len(problem.y) for problem in problems)
    X, target, weight = _pad(problems, longest, n_classes)
    rows = weight.sum(axis=1)
    alpha = np.array([problem.alpha for problem in problems], dtype=np.float32)
    shape = _Shape(n_inputs, width, n_classes)
    state = _State.start(np.stack([shape.initial(problem.seed) for problem in problems]))
    step = _Step(shape, len(problems))
    shuffle = np.random.default_rng(problems[0].seed)
    active = np.arange(len(problems))
    best = np.full(len(problems), np.inf, dtype=np.float32)
    stale = np.zeros(len(problems), dtype=np.int64)
    trained: dict[int, Weights] = {}

    for epoch in range(1, max_epochs + 1):
        order = shuffle.permutation(longest)
        mixed = X[:, :, order], target[:, :, order], weight[:, order]
        loss = np.zeros(len(active), dtype=np.float32)
        for start in range(0, longest, BATCH_SIZE):
            x, t, w = (part[..., start : start + BATCH_SIZE] for part in mixed)
            batch_loss, gradient = step.loss_and_gradient(state.values, x, t, w, alpha)
            loss += batch_loss
            state.descend(gradient)
        loss /= rows

        stale = np.where(loss > best - TOLERANCE, stale + 1, 0)
        best = np.minimum(best, loss)
        done = stale > PATIENCE
        if epoch == max_epochs:
            done[:] = True
        if not done.any():
            continue
        for position in np.flatnonzero(done):
            trained[int(active[position])] = shape.unpack(
                state.values[position], epoch, converged=bool(stale[position] > PATIENCE)
            )
        keep = ~done
        if not keep.any():
            break
        state, step = state.only(keep), _Step(shape, int(keep.sum()))
        active, best, stale, alpha = active[keep], best[keep], stale[keep], alpha[keep]
        X, target, weight, rows = X[keep], target[keep], weight[keep], rows[keep]

    return [trained[index] for index in range(len(problems))]


class NetworkClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """One-hidden-layer networks as a scikit-learn estimator: the mean of several starts.

    Parameters
    ----------
    width : int
        Neurons of the hidden layer.
    alpha : float
        Strength of the L2 penalty.
    restarts : int
        Networks trained from different initial weights, whose probabilities are averaged.
    random_state : int
        Seeds weights and shuffling.
    """

    def __init__(
        self, width: int = 8, alpha: float = 1e-4, restarts: int = 1, random_state: int = 42
    ) -> None:
        self.width = width
        self.alpha = alpha
        self.restarts = restarts
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> "NetworkClassifier":
        """Train on X, shape=(n, d), and labels y, shape=(n,)."""
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_, index = np.unique(y, return_inverse=True)
        problems = [
            Problem(X, index, self.alpha, self.random_state + start)
            for start in range(self.restarts)
        ]
        self.networks_ = train_stack(problems, self.width, len(self.classes_))
        return self

    def predict_proba(self, X: Any) -> Floats:
        """Give class probabilities, shape=(n, n_classes)."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64)
        mean: Floats = np.mean([net.probabilities(X) for net in self.networks_], axis=0)
        return mean

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Give the most probable class of each row."""
        best = self.predict_proba(X).argmax(axis=1)
        most: npt.NDArray[Any] = self.classes_[best]
        return most


@dataclass(frozen=True, slots=True)
class _Shape:
    """Where the parts of a network lie in its flat vector of parameters.

    A layer's biases are the last row of its weights: a constant input of 1 feeds them, so
    that one matrix product serves both.
    """

    n_inputs: int
    width: int
    n_classes: int

    @property
    def first(self) -> int:
        """Number of parameters of the first layer."""
        return (self.n_inputs + 1) * self.width

    @property
    def size(self) -> int:
        """Number of parameters."""
        return self.first + (self.width + 1) * self.n_classes

    def initial(self, seed: int) -> Stack:
        """Draw Glorot-uniform weights and biases."""
        draw = np.random.default_rng(seed)
        into = np.sqrt(6.0 / (self.n_inputs + self.width))
        out = np.sqrt(6.0 / (self.width + self.n_classes))
        parts = (
            draw.uniform(-into, into, self.first),
            draw.uniform(-out, out, self.size - self.first),
        )
        return np.concatenate(parts).astype(np.float32)

    def split(self, values: Stack) -> tuple[Stack, Stack]:
        """View (stack, size) as the layers (stack, d + 1, width) and (stack, width + 1, k)."""
        return (
            values[:, : self.first].reshape(-1, self.n_inputs + 1, self.width),
            values[:, self.first :].reshape(-1, self.width + 1, self.n_classes),
        )

    def unpack(self, values: Stack, epochs: int, *, converged: bool) -> Weights:
        """Give one network of a stack as weights and biases."""
        layer_1, layer_2 = (part[0].astype(np.float64) for part in self.split(values[None]))
        return Weights(layer_1[:-1], layer_1[-1], layer_2[:-1], layer_2[-1], epochs, converged)


class _Step:
    """Loss and gradient of a stack on a batch; its working memory is allocated once.

    Rows (tracks) lie along the last axis: reductions over a handful of classes then run
    along memory, several times as fast as over a short last axis.
    """

    def __init__(self, shape: _Shape, stack: int) -> None:
        self.shape = shape
        self.gradient = np.empty((stack, shape.size), dtype=np.float32)
        self.hidden = np.ones((stack, shape.width + 1, BATCH_SIZE), dtype=np.float32)
        self.back = np.empty((stack, shape.width, BATCH_SIZE), dtype=np.float32)
        self.output = np.empty((stack, shape.n_classes, BATCH_SIZE), dtype=np.float32)

    def loss_and_gradient(
        self, values: Stack, X: Stack, target: Stack, weight: Stack, alpha: Stack
    ) -> tuple[Stack, Stack]:
        """Give the loss summed over the rows of a batch, and the gradient of its mean.

        Parameters
        ----------
        values : ndarray, shape=(stack, size)
        X : ndarray, shape=(stack, d + 1, n)
        target : ndarray, shape=(stack, k, n)
        weight : ndarray, shape=(stack, n)
            1 for a row, 0 for padding.
        alpha : ndarray, shape=(stack,)
        """
        n = X.shape[2]
        layer_1, layer_2 = self.shape.split(values)
        hidden, back, output = self.hidden[:, :, :n], self.back[:, :, :n], self.output[:, :, :n]
        active = hidden[:, :-1]
        np.matmul(layer_1.transpose(0, 2, 1), X, out=active)
        np.maximum(active, 0.0, out=active)
        np.matmul(layer_2.transpose(0, 2, 1), hidden, out=output)
        output -= output.max(axis=1, keepdims=True)
        np.exp(output, out=output)
        output /= output.sum(axis=1, keepdims=True)

        # A batch may hold nothing but padding of one network: no division by zero.
        rows = np.maximum(weight.sum(axis=1), 1.0)
        true_share = np.maximum((output * target).sum(axis=1), np.float32(1e-10))
        weights_1, weights_2 = layer_1[:, :-1], layer_2[:, :-1]
        squares = np.einsum("bij,bij->b", weights_1, weights_1)
        squares += np.einsum("bij,bij->b", weights_2, weights_2)
        loss = alpha / 2 * squares - (np.log(true_share) * weight).sum(axis=1)

        output -= target
        output *= (weight / rows[:, None])[:, None, :]
        shrink = (alpha / rows)[:, None, None]
        slope_1, slope_2 = self.shape.split(self.gradient)
        np.matmul(hidden, output.transpose(0, 2, 1), out=slope_2)
        slope_2[:, :-1] += shrink * weights_2
        np.matmul(weights_2, output, out=back)
        back *= active > 0
        np.matmul(X, back.transpose(0, 2, 1), out=slope_1)
        slope_1[:, :-1] += shrink * weights_1
        return loss, self.gradient


@dataclass(slots=True, eq=False)
class _State:
    """Parameters of a stack with Adam's moments."""

    values: Stack
    first: Stack
    second: Stack
    steps: int = 0

    @classmethod
    def start(cls, values: Stack) -> "_State":
        """Begin with moments of zero."""
        return cls(values, np.zeros_like(values), np.zeros_like(values))

    def descend(self, gradient: Stack) -> None:
        """Make one step of Adam; `gradient` is used up."""
        self.steps += 1
        self.first *= BETA_1
        self.first += (1 - BETA_1) * gradient
        self.second *= BETA_2
        gradient *= gradient
        self.second += (1 - BETA_2) * gradient
        rate = LEARNING_RATE * np.sqrt(1 - BETA_2**self.steps) / (1 - BETA_1**self.steps)
        np.sqrt(self.second, out=gradient)
        gradient += EPSILON
        np.divide(self.first, gradient, out=gradient)
        gradient *= rate
        self.values -= gradient

    def only(self, keep: npt.NDArray[np.bool_]) -> "_State":
        """Keep some networks of the stack."""
        return _State(self.values[keep], self.first[keep], self.second[keep], self.steps)


def _pad(problems: Sequence[Problem], longest: int, n_classes: int) -> tuple[Stack, Stack, Stack]:
    """Lay problems of unequal length side by side; weight 0 marks padding.

    Returns
    -------
    X : ndarray, shape=(stack, d + 1, longest)
        Its last row is the constant 1 that feeds the biases.
    target : ndarray, shape=(stack, n_classes, longest)
    weight : ndarray, shape=(stack, longest)
    """
    n_inputs = problems[0].X.shape[1]
    X = np.zeros((len(problems), n_inputs + 1, longest), dtype=np.float32)
    target = np.zeros((len(problems), n_classes, longest), dtype=np.float32)
    weight = np.zeros((len(problems), longest), dtype=np.float32)
    for index, problem in enumerate(problems):
        n = len(problem.y)
        X[index, :-1, :n] = problem.X.T
        X[index, -1] = 1.0
        target[index, problem.y, np.arange(n)] = 1.0
        weight[index, :n] = 1.0
    return X, target, weight
