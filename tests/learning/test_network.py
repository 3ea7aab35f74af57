"""Stacked networks, against scikit-learn's, against differentiation, against themselves."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.neural_network import MLPClassifier

from affetto.learning import network
from affetto.learning.network import NetworkClassifier, Problem, Weights, train_stack

D, WIDTH, K = 4, 6, 3


def tracks(n, seed=0, n_classes=K, spread=1.0):
    """Blobs, one a class, that overlap."""
    draw = np.random.default_rng(seed)
    y = np.arange(n) % n_classes
    return draw.normal(size=(n, D)) * spread + 1.5 * np.eye(n_classes, D)[y], y


def problem(n, seed=0, alpha=1.0, n_classes=K, spread=1.0):
    return Problem(*tracks(n, seed, n_classes, spread), alpha, seed)


def loss_of(net, X, y, alpha):
    """Cross-entropy plus alpha / 2 · ‖W‖² / n, as scikit-learn defines it."""
    p = net.probabilities(X)[np.arange(len(y)), y]
    squares = (net.w1**2).sum() + (net.w2**2).sum()
    return -np.log(p).mean() + alpha / 2 * squares / len(y)


def accuracy(net, X, y):
    return (net.probabilities(X).argmax(axis=1) == y).mean()


@pytest.fixture(scope="module")
def sklearn_net():
    X, y = tracks(300)
    reference = MLPClassifier((WIDTH,), alpha=1.0, max_iter=1000, random_state=0)
    return reference.fit(X, y)


# ---------------------------------------------------------------- against scikit-learn


def test_forward_pass_equals_scikit_learns(sklearn_net):
    w1, w2 = sklearn_net.coefs_
    b1, b2 = sklearn_net.intercepts_
    X = tracks(50, seed=9, spread=3)[0]
    ours = Weights(w1, b1, w2, b2, 1, True).probabilities(X)
    assert_allclose(ours, sklearn_net.predict_proba(X), atol=1e-12)


def test_probabilities_neither_overflow_nor_change_the_input():
    net = Weights(np.eye(2) * 1e4, np.zeros(2), np.eye(2), np.zeros(2), 1, True)
    X = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert_allclose(net.probabilities(X), np.eye(2), atol=1e-12)
    assert_array_equal(X, np.eye(2))


@pytest.mark.parametrize("alpha", [1e-4, 3.0])
def test_the_loss_reached_is_scikit_learns(alpha):
    X, y = tracks(450)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        theirs = [
            MLPClassifier((WIDTH,), alpha=alpha, max_iter=1000, random_state=seed).fit(X, y)
            for seed in range(3)
        ]
    nets = train_stack([Problem(X, y, alpha, seed) for seed in range(3)], WIDTH, K)
    reference = [
        loss_of(
            Weights(*(t.coefs_[0], t.intercepts_[0], t.coefs_[1], t.intercepts_[1]), 1, True),
            X,
            y,
            alpha,
        )
        for t in theirs
    ]
    ours = [loss_of(net, X, y, alpha) for net in nets]
    assert np.mean(ours) == pytest.approx(np.mean(reference), rel=0.02)
    # Stopping is by the same rule: about as many epochs.
    n_theirs = np.mean([t.n_iter_ for t in theirs])
    assert 0.6 < np.mean([net.epochs for net in nets]) / n_theirs < 1.6


def test_more_penalty_means_smaller_weights():
    nets = train_stack([problem(200, alpha=alpha) for alpha in (0.01, 1.0, 30.0)], WIDTH, K)
    norms = [np.linalg.norm(net.w1) for net in nets]
    assert norms[0] > norms[1] > 1.5 * norms[2]


def test_the_constants_are_those_of_scikit_learn():
    default = MLPClassifier()
    assert default.learning_rate_init == network.LEARNING_RATE
    assert (default.beta_1, default.beta_2) == (network.BETA_1, network.BETA_2)
    assert (default.epsilon, default.tol) == (network.EPSILON, network.TOLERANCE)
    assert default.n_iter_no_change == network.PATIENCE


# ---------------------------------------------------------------- the gradient


def stack_of(problems):
    shape = network._Shape(D, WIDTH, K)
    X, target, weight = network._pad(problems, max(len(p.y) for p in problems), K)
    alpha = np.array([p.alpha for p in problems], dtype=np.float32)
    values = np.stack([shape.initial(p.seed) for p in problems])
    return shape, values, X, target, weight, alpha


def step_on(problems):
    shape, values, *data = stack_of(problems)
    loss, gradient = network._Step(shape, len(problems)).loss_and_gradient(values, *data)
    return loss.astype(float), gradient.astype(float)


def test_the_loss_of_a_step_is_the_definition():
    one = problem(40, alpha=3.0)
    shape, values, *_ = stack_of([one])
    net = shape.unpack(values[0], 1, converged=True)
    loss, _ = step_on([one])
    assert loss[0] / 40 == pytest.approx(loss_of(net, one.X, one.y, 3.0), rel=1e-5)


def test_the_gradient_is_that_of_the_loss():
    problems = [problem(40, alpha=3.0), problem(40, seed=1, alpha=0.0)]
    shape, values, *_ = stack_of(problems)
    _, gradient = step_on(problems)
    assert gradient.shape == (2, (D + 1) * WIDTH + (WIDTH + 1) * K)
    h = 1e-6

    def loss_at(index, i, change):
        """The loss by its definition, in float64, with one parameter changed."""
        moved = values[index].astype(np.float64)
        moved[i] += change
        one = problems[index]
        return loss_of(shape.unpack(moved, 1, converged=True), one.X, one.y, one.alpha)

    for index in range(2):
        numeric = [
            (loss_at(index, i, h) - loss_at(index, i, -h)) / (2 * h)
            for i in range(gradient.shape[1])
        ]
        assert_allclose(gradient[index], numeric, atol=1e-5)


def test_biases_are_not_penalised():
    X, y = tracks(40)
    _, with_penalty = step_on([Problem(X, y, 50.0, 0)])
    _, without = step_on([Problem(X, y, 0.0, 0)])
    shape, values, *_ = stack_of([Problem(X, y, 0.0, 0)])
    differs = shape.unpack((with_penalty - without)[0], 1, converged=True)
    net = shape.unpack(values[0], 1, converged=True)
    assert_allclose(differs.b1, 0, atol=1e-6)
    assert_allclose(differs.b2, 0, atol=1e-6)
    assert_allclose(differs.w1, 50 / 40 * net.w1, atol=1e-5)
    assert_allclose(differs.w2, 50 / 40 * net.w2, atol=1e-5)


# ---------------------------------------------------------------- padding and stacks


def test_padding_adds_nothing_to_loss_and_gradient():
    short, long = problem(25, alpha=2.0), problem(60, seed=1)
    alone, padded = step_on([short]), step_on([short, long])
    assert_allclose(padded[0][0], alone[0][0], rtol=1e-6)
    assert_allclose(padded[1][0], alone[1][0], atol=1e-6)


def test_a_batch_of_nothing_but_padding_gives_no_nan():
    short = problem(25)
    shape, values, X, target, weight, alpha = stack_of([short, problem(60, seed=1)])
    step = network._Step(shape, 2)
    loss, gradient = step.loss_and_gradient(
        values, X[..., 30:], target[..., 30:], weight[..., 30:], alpha
    )
    assert np.isfinite(loss).all()
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("n", [95, 480])
def test_a_network_of_a_stack_equals_one_trained_alone(n):
    X, y = tracks(1000, seed=99)
    problems = [problem(500, seed=1), problem(n, seed=2, alpha=5.0), problem(490, seed=3)]
    together = train_stack(problems, WIDTH, K)
    for one, net in zip(problems, together, strict=True):
        (alone,) = train_stack([one], WIDTH, K)
        assert accuracy(net, X, y) == pytest.approx(accuracy(alone, X, y), abs=0.02)
        assert loss_of(net, one.X, one.y, one.alpha) == pytest.approx(
            loss_of(alone, one.X, one.y, one.alpha), rel=0.03
        )


def test_a_network_far_shorter_than_the_others_is_not_penalised_more():
    # In one stack a batch would hold some twenty of the hundred rows, and the penalty, divided
    # by their number, would be five times what it is alone.
    short = problem(100, seed=1, alpha=10.0)
    both = train_stack([short, problem(900, seed=2)], WIDTH, K)
    (alone,) = train_stack([short], WIDTH, K)
    assert_array_equal(both[0].w1, alone.w1)


@pytest.mark.parametrize(
    ("lengths", "parts"),
    [
        ([500, 450, 500], [[0, 1, 2]]),
        ([449, 500, 449], [[1], [0, 2]]),
        ([10, 1000, 95, 100], [[1], [2, 3], [0]]),
        ([7], [[0]]),
    ],
)
def test_stacks_hold_networks_of_about_the_same_number_of_rows(lengths, parts):
    assert network._alike_in_length(lengths) == parts


def test_networks_come_back_in_order_each_of_its_own_problem():
    X, y = tracks(120)
    turned = Problem(X, (y + 1) % K, 0.1, 0)
    nets = train_stack([Problem(X, y, 0.1, 0), turned, problem(40, seed=5)], WIDTH, K)
    assert accuracy(nets[0], X, y) > 0.7
    assert accuracy(nets[1], X, turned.y) > 0.7
    assert accuracy(nets[1], X, y) < 0.3


def test_training_is_deterministic_and_seeds_tell_networks_apart():
    problems = [problem(90, seed=seed) for seed in (1, 2)]
    first, again = train_stack(problems, WIDTH, K), train_stack(problems, WIDTH, K)
    for one, other in zip(first, again, strict=True):
        assert_array_equal(one.w1, other.w1)
        assert_array_equal(one.b2, other.b2)
        assert one.epochs == other.epochs
    X, y = tracks(90)
    a, b = train_stack([Problem(X, y, 1.0, 1), Problem(X, y, 1.0, 2)], WIDTH, K)
    assert not np.allclose(a.w1, b.w1)


# ---------------------------------------------------------------- stopping


def test_converged_networks_leave_the_stack(monkeypatch):
    sizes = []

    class Watched(network._Step):
        def __init__(self, shape, stack):
            sizes.append(stack)
            super().__init__(shape, stack)

    monkeypatch.setattr(network, "_Step", Watched)
    problems = [problem(200, alpha=alpha) for alpha in (0.001, 30.0, 3.0)]
    nets = train_stack(problems, WIDTH, K)
    assert len({net.epochs for net in nets}) == 3
    assert sizes == [3, 2, 1]
    assert all(net.converged for net in nets)
    # Which one goes does not touch those that stay: all end as good as alone.
    for one, net in zip(problems, nets, strict=True):
        (alone,) = train_stack([one], WIDTH, K)
        assert loss_of(net, one.X, one.y, one.alpha) == pytest.approx(
            loss_of(alone, one.X, one.y, one.alpha), rel=1e-3
        )


def test_training_ends_at_the_last_epoch():
    nets = train_stack([problem(100), problem(100, seed=1)], WIDTH, K, max_epochs=3)
    assert [(net.epochs, net.converged) for net in nets] == [(3, False)] * 2


def test_a_network_stops_after_ten_epochs_without_progress_as_scikit_learns_does(monkeypatch):
    monkeypatch.setattr(network, "TOLERANCE", 1e9)  # nothing is progress
    (net,) = train_stack([problem(100)], WIDTH, K)
    theirs = MLPClassifier((WIDTH,), tol=1e9).fit(*tracks(100))
    assert net.epochs == theirs.n_iter_ == network.PATIENCE + 2
    assert net.converged


def test_progress_is_measured_against_the_best_epoch_and_not_the_last(monkeypatch):
    losses = iter([1.0, 0.5] + 40 * [0.6, 0.55])  # each second epoch is better than the last

    class Scripted(network._Step):
        def loss_and_gradient(self, values, X, target, weight, alpha):
            loss = np.full(len(values), next(losses) * weight.sum(), dtype=np.float32)
            return loss, np.zeros_like(values)

    monkeypatch.setattr(network, "_Step", Scripted)
    (net,) = train_stack([problem(100)], WIDTH, K)
    assert net.epochs == 2 + network.PATIENCE + 1


# ---------------------------------------------------------------- the estimator


def test_the_classifier_is_the_mean_of_its_networks():
    X, y = tracks(150)
    names = np.array(["Dark", "Happy", "Relaxing"])
    fitted = NetworkClassifier(width=5, alpha=0.5, restarts=3, random_state=4).fit(X, names[y])
    assert len(fitted.networks_) == 3
    assert_allclose(
        fitted.predict_proba(X),
        (sum(net.probabilities(X) for net in fitted.networks_)) / 3,
        atol=1e-12,
    )
    assert fitted.score(X, names[y]) > 0.75
    assert {net.w1.shape for net in fitted.networks_} == {(D, 5)}
    first = train_stack([Problem(X, y, 0.5, seed) for seed in (4, 5, 6)], 5, 3)
    assert_array_equal(fitted.networks_[2].w1, first[2].w1)


def test_two_classes():
    X, y = tracks(100, n_classes=2)
    fitted = NetworkClassifier(alpha=0.1).fit(X, y)
    assert_allclose(fitted.predict_proba(X).sum(axis=1), 1)
    assert fitted.score(X, y) > 0.8


def test_the_classifier_must_be_fitted_first():
    with pytest.raises(NotFittedError):
        NetworkClassifier().predict(np.zeros((2, D)))
