"""Scorers give the probabilities that scikit-learn gives, and known answers by hand."""

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

from affetto.errors import ModelError, UsageError
from affetto.features import FEATURE_NAMES
from affetto.model import MoodModel
from affetto.moods import MOOD_NAMES
from affetto.scorers import (
    Boosted,
    Clip,
    Forest,
    Linear,
    Log10,
    Network,
    Pipeline,
    Polynomial,
    Select,
    Standardise,
    SupportVectors,
)
from affetto.trees import _rounded_down

N_MOODS = (2, 3, 5)

# --- From scikit-learn's estimators to scorers, as short as can be ---------------------------


def two_rows(array: Any) -> Any:
    """Binary estimators keep one row w; the softmax of (0, w) is its sigmoid."""
    return array if len(array) > 1 else np.stack([np.zeros_like(array[0]), array[0]])


def from_linear(fitted: Any) -> Linear:
    return Linear(two_rows(fitted.coef_), two_rows(fitted.intercept_))


def from_network(fitted: Any) -> Network:
    *weights, last = fitted.coefs_
    *biases, last_bias = fitted.intercepts_
    return Network(
        (*weights, two_rows(last.T).T), (*biases, two_rows(last_bias)), fitted.activation
    )


def from_forest(fitted: Any) -> Forest:
    trees = [member.tree_ for member in fitted.estimators_]
    ends = np.cumsum([0] + [tree.node_count for tree in trees])
    feature = np.concatenate([tree.feature for tree in trees])
    leaf = feature < 0

    def children(side: str) -> Any:
        shifted = [getattr(t, side) + start for t, start in zip(trees, ends, strict=False)]
        return np.where(leaf, -1, np.concatenate(shifted))

    return Forest(
        roots=ends[:-1],
        feature=np.where(leaf, -1, feature),
        threshold=np.where(leaf, 0.0, np.concatenate([tree.threshold for tree in trees])),
        left=children("children_left"),
        right=children("children_right"),
        value=np.where(leaf[:, None], np.concatenate([tree.value[:, 0] for tree in trees]), 0.0),
    )


def from_boosted(fitted: Any) -> Boosted:
    iterations = [[tree.nodes for tree in iteration] for iteration in fitted._predictors]
    baseline = fitted._baseline_prediction.ravel()
    if len(iterations[0]) == 1:
        nothing = np.zeros(1, iterations[0][0].dtype)
        nothing["is_leaf"] = 1
        iterations = [[nothing, only] for (only,) in iterations]
        baseline = np.array([0.0, baseline[0]])
    trees = [nodes for iteration in iterations for nodes in iteration]
    ends = np.cumsum([0] + [len(nodes) for nodes in trees])
    shift = np.repeat(ends[:-1], np.diff(ends))
    nodes = np.concatenate(trees)
    leaf = nodes["is_leaf"].astype(bool)
    assert not nodes["is_categorical"].any()
    return Boosted(
        roots=ends[:-1].reshape(len(iterations), -1),
        feature=np.where(leaf, -1, nodes["feature_idx"]),
        threshold=np.where(leaf, 0.0, nodes["num_threshold"]),
        left=np.where(leaf, -1, nodes["left"] + shift),
        right=np.where(leaf, -1, nodes["right"] + shift),
        value=np.where(leaf, nodes["value"], 0.0),
        baseline=baseline,
    )


def from_calibrated_svc(fitted: Any) -> SupportVectors:
    (calibrated,) = fitted.calibrated_classifiers_
    machine = calibrated.estimator
    sign = -1.0 if len(machine.classes_) == 2 else 1.0  # scikit-learn flips two classes only
    return SupportVectors(
        vectors=machine.support_vectors_,
        dual_coef=sign * machine.dual_coef_,
        intercept=sign * machine.intercept_,
        n_support=machine.n_support_,
        gamma=machine._gamma,
        slope=np.array([sigmoid.a_ for sigmoid in calibrated.calibrators]),
        offset=np.array([sigmoid.b_ for sigmoid in calibrated.calibrators]),
    )


def mlp(**settings: Any) -> MLPClassifier:
    return MLPClassifier(max_iter=60, random_state=0, **settings)


def svc(**settings: Any) -> CalibratedClassifierCV:
    return CalibratedClassifierCV(SVC(**settings), method="sigmoid", ensemble=False, cv=3)


ESTIMATORS: dict[str, tuple[Any, Any, bool]] = {
    "logistic": (LogisticRegression(C=3.0), from_linear, True),
    "mlp relu": (mlp(hidden_layer_sizes=(8,), activation="relu"), from_network, True),
    "mlp tanh": (mlp(hidden_layer_sizes=(9, 7), activation="tanh"), from_network, True),
    "mlp logistic": (mlp(hidden_layer_sizes=(6,), activation="logistic"), from_network, True),
    "mlp identity": (mlp(hidden_layer_sizes=(5,), activation="identity"), from_network, True),
    "random forest": (RandomForestClassifier(20, random_state=0), from_forest, False),
    "extra trees": (
        ExtraTreesClassifier(20, min_samples_leaf=5, class_weight="balanced", random_state=0),
        from_forest,
        False,
    ),
    "boosting": (HistGradientBoostingClassifier(max_iter=15, random_state=0), from_boosted, False),
    "svc": (svc(C=2.0, gamma="scale"), from_calibrated_svc, True),
    "svc balanced": (svc(C=10.0, gamma=0.3, class_weight="balanced"), from_calibrated_svc, True),
}


def tracks(n_moods: int, seed: int = 0, n: int = 240) -> tuple[Any, Any]:
    """Make tracks of ten features in their own units, and overlapping labels."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, n_moods, n)
    centre = rng.normal(size=(n_moods, 10))
    X = centre[y] + 1.5 * rng.normal(size=(n, 10))
    X = X * np.linspace(0.1, 3.0, 10) + np.linspace(-8.0, 20.0, 10)
    X[:, 7] = 240_000 + 60_000 * X[:, 7] / X[:, 7].std()  # as durations in ms
    return X, y


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("n_moods", N_MOODS)
@pytest.mark.parametrize("name", ESTIMATORS)
def test_equals_scikit_learn(name: str, n_moods: int) -> None:
    estimator, convert, scaled = ESTIMATORS[name]
    X, y = tracks(n_moods)
    new, _ = tracks(n_moods, seed=1, n=300)
    steps: tuple[Any, ...] = ()
    Z, new_Z = X, new
    if scaled:
        scaler = StandardScaler().fit(X)
        steps = (Standardise(scaler.mean_, scaler.scale_),)
        Z, new_Z = scaler.transform(X), scaler.transform(new)
    with threadpool_limits(1):
        estimator.fit(Z, y)
        expected = estimator.predict_proba(new_Z)
    scorer = convert(estimator)
    assert (scorer.n_moods, scorer.n_inputs) == (n_moods, 10)
    assert_allclose(scorer.probabilities(new_Z), expected, rtol=0, atol=1e-12)
    assert_allclose(Pipeline(steps, scorer).probabilities(new), expected, rtol=0, atol=1e-12)


def test_network_without_hidden_layer_is_linear() -> None:
    rng = np.random.default_rng(0)
    coef, intercept, Z = rng.normal(size=(3, 4)), rng.normal(size=3), rng.normal(size=(20, 4))
    network = Network((coef.T,), (intercept,), "relu")
    assert_allclose(network.probabilities(Z), Linear(coef, intercept).probabilities(Z), atol=1e-15)


@pytest.mark.parametrize("n_moods", N_MOODS)
def test_soft_vote_equals_scikit_learn(n_moods: int) -> None:
    X, y = tracks(n_moods)
    scaler = StandardScaler().fit(X)
    Z = scaler.transform(X)
    vote = VotingClassifier(
        [("lr", LogisticRegression()), ("rf", RandomForestClassifier(7, random_state=0))],
        voting="soft",
        weights=[1, 3],
    ).fit(Z, y)
    scale = Standardise(scaler.mean_, scaler.scale_)
    model = MoodModel(
        moods=MOOD_NAMES[:n_moods],
        features=FEATURE_NAMES,
        pipelines=(
            Pipeline((scale,), from_linear(vote.estimators_[0])),
            Pipeline((scale,), from_forest(vote.estimators_[1])),
        ),
        weights=(0.25, 0.75),
    )
    assert_allclose(model.predict_proba(X), vote.predict_proba(Z), rtol=0, atol=1e-12)


# --- Steps -----------------------------------------------------------------------------------


def test_clip() -> None:
    X = np.array([[-1.0, 5.0], [0.5, 3.0]])
    assert_array_equal(Clip(np.zeros(2), np.array([1.0, 4.0])).apply(X), [[0.0, 4.0], [0.5, 3.0]])


def test_log10() -> None:
    X = np.array([[0.0, 7.0, 9.0], [0.09, 8.0, 99.0]])
    step = Log10(np.array([2, 0]), np.array([1.0, 0.01]))
    assert_allclose(step.apply(X), [[-2.0, 7.0, 1.0], [-1.0, 8.0, 2.0]], atol=1e-15)
    assert_array_equal(X, [[0.0, 7.0, 9.0], [0.09, 8.0, 99.0]])  # what was given stays


def test_select() -> None:
    step = Select(np.array([2, 0]))
    assert step.width(3) == 2
    assert_array_equal(step.apply(np.array([[1.0, 2.0, 3.0]])), [[3.0, 1.0]])


def test_standardise() -> None:
    step = Standardise(np.array([1.0, 2.0]), np.array([2.0, 4.0]))
    assert_array_equal(step.apply(np.array([[3.0, -2.0]])), [[1.0, -1.0]])


@pytest.mark.parametrize("interaction_only", [False, True])
@pytest.mark.parametrize("degree", [2, 3])
@pytest.mark.parametrize("d", [1, 2, 3, 7])
def test_polynomial_equals_scikit_learn(d: int, degree: int, interaction_only: bool) -> None:
    X = np.random.default_rng(d).normal(size=(9, d))
    expected = PolynomialFeatures(
        degree, interaction_only=interaction_only, include_bias=False
    ).fit_transform(X)
    step = Polynomial(degree, interaction_only)
    assert step.width(d) == expected.shape[1]
    assert_allclose(step.apply(X), expected, rtol=1e-15)


def test_whole_preprocessing_in_a_pipeline() -> None:
    X, y = tracks(5)
    X[:, 4] = np.abs(X[:, 4])
    clipped = np.clip(X, np.percentile(X, 2, axis=0), np.percentile(X, 98, axis=0))
    logged = clipped.copy()
    logged[:, 4] = np.log10(clipped[:, 4] + 0.001)
    inner = StandardScaler().fit(logged)
    expand = PolynomialFeatures(2, include_bias=False)
    outer = StandardScaler().fit(expand.fit_transform(inner.transform(logged)))
    Z = outer.transform(expand.transform(inner.transform(logged)))
    fitted = LogisticRegression(C=0.03).fit(Z, y)
    pipeline = Pipeline(
        (
            Clip(np.percentile(X, 2, axis=0), np.percentile(X, 98, axis=0)),
            Log10(np.array([4]), np.array([0.001])),
            Standardise(inner.mean_, inner.scale_),
            Polynomial(2, False),
            Standardise(outer.mean_, outer.scale_),
        ),
        from_linear(fitted),
    )
    before = X.copy()
    assert_allclose(pipeline.probabilities(X), fitted.predict_proba(Z), rtol=0, atol=1e-12)
    assert_array_equal(X, before)


def test_standardisation_far_from_zero_is_not_folded() -> None:
    rng = np.random.default_rng(0)
    X = 1e9 + rng.normal(size=(50, 3))
    scale = Standardise(X.mean(axis=0), X.std(axis=0))
    scorer = Linear(rng.normal(size=(3, 3)), rng.normal(size=3))
    pipeline = Pipeline((scale,), scorer)
    assert_allclose(
        pipeline.probabilities(X), scorer.probabilities(scale.apply(X)), rtol=0, atol=1e-12
    )


# --- Known answers ---------------------------------------------------------------------------


def test_linear_known_answer() -> None:
    scorer = Linear(np.array([[0.0], [np.log(3.0)]]), np.zeros(2))
    assert_allclose(scorer.probabilities([[1.0], [0.0]]), [[0.25, 0.75], [0.5, 0.5]], atol=1e-15)


def stump(threshold: float) -> Forest:
    return Forest(
        roots=np.array([0]),
        feature=np.array([0, -1, -1]),
        threshold=np.array([threshold, 0.0, 0.0]),
        left=np.array([1, -1, -1]),
        right=np.array([2, -1, -1]),
        value=np.array([[0.0, 0.0], [1.0, 0.0], [0.25, 0.75]]),
    )


def test_forest_known_answer() -> None:
    # 0.1 as float32 is above 0.1 as float64: scikit-learn, and so we, compare the former.
    assert float(np.float32(0.1)) > 0.1
    assert_array_equal(
        stump(0.1).probabilities([[0.0], [0.1], [0.2]]), [[1, 0], [0.25, 0.75], [0.25, 0.75]]
    )
    assert_array_equal(stump(0.5).probabilities([[0.5]]), [[1, 0]])


def test_boosted_known_answer() -> None:
    scorer = Boosted(
        roots=np.array([[0, 3], [4, 5]]),
        feature=np.array([1, -1, -1, -1, -1, -1]),
        threshold=np.array([0.1, 0, 0, 0, 0, 0]),
        left=np.array([1, 0, 0, 0, 0, 0]),
        right=np.array([2, 0, 0, 0, 0, 0]),
        value=np.array([99.0, 1.0, -1.0, 0.0, 0.5, 0.0]),
        baseline=np.array([0.25, 0.0]),
    )
    logits = np.array([0.25 + 1.0 + 0.5, 0.25 - 1.0 + 0.5])
    expected = 1 / (1 + np.exp(-logits))
    found = scorer.probabilities([[0.0, 0.1], [0.0, 0.1000001]])
    assert_allclose(found[:, 0], expected, atol=1e-15)


def test_support_vectors_known_answer() -> None:
    # One vector a mood, at −1 and +1: in the middle the decision is the intercept.
    scorer = SupportVectors(
        vectors=np.array([[-1.0], [1.0]]),
        dual_coef=np.array([[1.0, -1.0]]),
        intercept=np.array([0.0]),
        n_support=np.array([1, 1]),
        gamma=0.5,
        slope=np.array([-2.0]),
        offset=np.array([0.0]),
    )
    f = 1.0 - np.exp(-0.5 * 4.0)
    p = 1 / (1 + np.exp(-2.0 * f))
    assert_allclose(
        scorer.probabilities([[-1.0], [0.0], [1.0]]),
        [[p, 1 - p], [0.5, 0.5], [1 - p, p]],
        atol=1e-15,
    )


def test_support_vectors_where_all_sigmoids_vanish() -> None:
    scorer = SupportVectors(
        vectors=np.zeros((3, 1)),
        dual_coef=np.zeros((2, 3)),
        intercept=np.zeros(3),
        n_support=np.array([1, 1, 1]),
        gamma=1.0,
        slope=np.zeros(3),
        offset=np.full(3, 1e6),
    )
    assert_allclose(scorer.probabilities([[0.0]]), [[1 / 3] * 3], atol=1e-15)


# --- Properties ------------------------------------------------------------------------------

finite = st.floats(-1e300, 1e300)


@given(arrays(float, (4, 1), elements=finite), arrays(float, 4, elements=finite), st.floats(-1, 1))
def test_extreme_logits_neither_overflow_nor_warn(coef: Any, intercept: Any, x: float) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        p = Linear(coef, intercept).probabilities([[x]])
    assert (p >= 0).all()
    assert_allclose(p.sum(axis=1), 1.0, atol=1e-12)


@given(st.sampled_from(["relu", "tanh", "logistic", "identity"]), st.integers(0, 2**32 - 1))
def test_network_of_any_size_of_weights_sums_to_one(activation: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = 10.0 ** rng.uniform(-300, 100)
    network = Network(
        (size * rng.normal(size=(2, 3)), size * rng.normal(size=(3, 4))),
        (size * rng.normal(size=3), size * rng.normal(size=4)),
        activation,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        p = network.probabilities(rng.normal(size=(5, 2)))
    assert_allclose(p.sum(axis=1), 1.0, atol=1e-12)


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(width=32, allow_nan=False))
def test_rounded_threshold_decides_the_same(threshold: float, x: float) -> None:
    rounded = _rounded_down(np.array([threshold]))[0]
    assert (np.float32(x) <= rounded) == (float(x) <= threshold)


def random_trees(rng: Any, n_trees: int, n_features: int) -> tuple[Any, ...]:
    """Grow trees at random: roots, feature, threshold, left, right."""
    feature, threshold, left, right = [], [], [], []

    def grow(depth: int) -> int:
        node = len(feature)
        for column, value in ((feature, -1), (threshold, 0.0), (left, -7), (right, -7)):
            column.append(value)
        if depth < 6 and rng.random() < 0.75:
            feature[node] = int(rng.integers(n_features))
            threshold[node] = float(rng.normal())
            left[node] = grow(depth + 1)
            right[node] = grow(depth + 1)
        return node

    roots = [grow(0) for _ in range(n_trees)]
    return tuple(np.array(column) for column in (roots, feature, threshold, left, right))


@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 40))
def test_walk_equals_recursion(seed: int, n_trees: int, n_rows: int) -> None:
    rng = np.random.default_rng(seed)
    roots, feature, threshold, left, right = random_trees(rng, n_trees, 3)
    value = rng.dirichlet(np.ones(3), len(feature))
    X = rng.normal(size=(n_rows, 3)).astype(np.float32)

    def leaf(node: int, x: Any) -> Any:
        while feature[node] >= 0:
            node = left[node] if x[feature[node]] <= threshold[node] else right[node]
        return value[node]

    expected = [np.mean([leaf(root, x) for root in roots], axis=0) for x in X.astype(float)]
    found = Forest(roots, feature, threshold, left, right, value).probabilities(X)
    assert_allclose(found, expected, atol=1e-14)


@given(st.integers(0, 2**32 - 1))
def test_folding_changes_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scale = Standardise(rng.normal(size=4) * 50, rng.uniform(0.1, 10, size=4))
    scorer = Network(
        (rng.normal(size=(4, 6)), rng.normal(size=(6, 3))),
        (rng.normal(size=6), rng.normal(size=3)),
        "relu",
    )
    X = scale.mean + scale.scale * rng.normal(size=(30, 4))
    assert_allclose(
        Pipeline((scale,), scorer).probabilities(X),
        scorer.probabilities(scale.apply(X)),
        rtol=0,
        atol=1e-11,
    )


def test_memory_layout_and_blocks_change_nothing() -> None:
    rng = np.random.default_rng(0)
    X = rng.integers(-3, 4, size=(20_000, 3))
    pipeline = Pipeline(
        (Standardise(np.ones(3), np.full(3, 2.0)),), Linear(rng.normal(size=(4, 3)), np.zeros(4))
    )
    whole = pipeline.probabilities(X)
    assert whole.T.flags.c_contiguous  # one mood after the other
    for same in (np.asfortranarray(X), X.astype(np.float32), X.tolist(), X[::-1][::-1]):
        assert_allclose(pipeline.probabilities(same), whole, rtol=0, atol=1e-15)
    parts = np.concatenate([pipeline.probabilities(part) for part in np.array_split(X, 7)])
    assert_allclose(parts, whole, rtol=0, atol=1e-15)
    assert pipeline.probabilities(X[:0]).shape == (0, 4)


def test_values_without_a_result_give_nan_and_never_a_mood() -> None:
    step = Log10(np.array([0]), np.array([0.0]))
    for scorer in (stump(0.5), Linear(np.array([[1.0], [2.0]]), np.zeros(2))):
        p = Pipeline((step,), scorer).probabilities([[1.0], [-1.0], [0.0], [10.0]])
        assert_array_equal(np.isnan(p).all(axis=1), [False, True, True, False])


# --- What is refused -------------------------------------------------------------------------


def forest(**changes: Any) -> Forest:
    fields: dict[str, Any] = {
        "roots": [0],
        "feature": [0, 1, -1, -1, -1],
        "threshold": [0.0] * 5,
        "left": [1, 2, -1, -1, -1],
        "right": [4, 3, -1, -1, -1],
        "value": [[0.5, 0.5]] * 5,
    }
    return Forest(**{name: np.array(value) for name, value in {**fields, **changes}.items()})


def test_forest_as_it_should_be() -> None:
    assert_array_equal(forest().probabilities([[1.0, 1.0]]), [[0.5, 0.5]])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"left": [0, 2, -1, -1, -1]}, "leads back"),
        ({"left": [1, 1, -1, -1, -1]}, "leads back"),
        ({"right": [3, 3, -1, -1, -1]}, "no parent, or two"),
        ({"right": [5, 3, -1, -1, -1]}, "outside"),
        ({"left": [-1, 2, -1, -1, -1]}, "outside"),
        ({"roots": [0, 4]}, "no parent, or two"),
        ({"roots": [0, 9]}, "outside"),
        ({"roots": np.zeros(0, int)}, "shape"),
        ({"feature": [0, 1, -1, -1, 2]}, "outside"),
        ({"feature": [0, 1, -2, -1, -1]}, "cannot exist"),
        ({"feature": [0, 10**6, -1, -1, -1]}, "cannot exist"),
        ({"feature": [0, 2**40, -1, -1, -1]}, "beyond int32"),
        ({"feature": [0.0, 1, -1, -1, -1]}, "float64 values; expected int32"),
        ({"threshold": [np.nan, 0, 0, 0, 0]}, "NaN or infinity"),
        ({"threshold": [0.0] * 4}, "shape"),
        ({"value": [[0.5, 0.6]] * 5}, "sum to 1"),
        ({"value": [[1.5, -0.5]] * 5}, "sum to 1"),
        ({"value": [[1.0]] * 5}, "one mood only"),
        ({"value": [0.5] * 5}, "shape"),
    ],
)
def test_broken_forest_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        forest(**changes)


def test_tree_too_deep_is_refused() -> None:
    n = 600
    chain = np.arange(n)
    with pytest.raises(ModelError, match="deeper than 256"):
        Forest(
            roots=np.array([0]),
            feature=np.concatenate([np.zeros(n, int), np.full(n + 1, -1)]),
            threshold=np.zeros(2 * n + 1),
            left=np.concatenate([np.where(chain == n - 1, 2 * n, chain + 1), np.zeros(n + 1, int)]),
            right=np.concatenate([n + chain, np.zeros(n + 1, int)]),
            value=np.full((2 * n + 1, 2), 0.5),
        )


def svm(**changes: Any) -> SupportVectors:
    fields: dict[str, Any] = {
        "vectors": np.zeros((4, 2)),
        "dual_coef": np.zeros((2, 4)),
        "intercept": np.zeros(3),
        "n_support": np.array([1, 2, 1]),
        "gamma": 1.0,
        "slope": np.zeros(3),
        "offset": np.zeros(3),
    }
    return SupportVectors(**{**fields, **changes})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Linear(np.zeros((2, 3)), np.zeros(3)), "intercept has shape"),
        (lambda: Linear(np.zeros((1, 3)), np.zeros(1)), "one mood only"),
        (lambda: Linear(np.full((2, 3), np.inf), np.zeros(2)), "NaN or infinity"),
        (lambda: Linear(np.zeros((2, 3), complex), np.zeros(2)), "complex128 values"),
        (lambda: Linear(np.array([["a"], ["b"]]), np.zeros(2)), "expected float64"),
        (lambda: Network((), (), "relu"), "0 weights"),
        (lambda: Network((np.zeros((2, 3)),), (), "relu"), "1 weights and 0 biases"),
        (lambda: Network((np.zeros((2, 3)),), (np.zeros(3),), "gelu"), "activation 'gelu'"),
        (
            lambda: Network(
                (np.zeros((2, 3)), np.zeros((4, 2))), (np.zeros(3), np.zeros(2)), "relu"
            ),
            r"weights\[1\] has shape \(4, 2\); expected \(3, any\)",
        ),
        (lambda: Network((np.zeros((2, 9000)),), (np.zeros(9000),), "relu"), "at most 8192"),
        (lambda: svm(n_support=np.array([1, 1, 1])), "counts 3 of 4"),
        (lambda: svm(n_support=np.array([-1, 4, 1])), "do not exist"),
        (lambda: svm(gamma=0.0), "gamma"),
        (lambda: svm(gamma=float("nan")), "gamma"),
        (lambda: svm(dual_coef=np.zeros((3, 4))), "dual_coef has shape"),
        (lambda: svm(slope=np.zeros(1)), "slope has shape"),
        (lambda: Clip(np.ones(2), np.zeros(2)), "above its upper bound"),
        (lambda: Standardise(np.zeros(2), np.array([1.0, 0.0])), "not above 0"),
        (lambda: Log10(np.array([0, 0]), np.zeros(2)), "twice"),
        (lambda: Log10(np.array([-1]), np.zeros(1)), "negative"),
        (lambda: Polynomial(4, False), "degree is 4"),
        (lambda: Select(np.array([1, 1])), "twice"),
        (lambda: Select(np.array([-1, 1])), "negative"),
        (lambda: Select(np.array([3])).width(3), "does not exist"),
        (lambda: Polynomial(3, False).width(60), "at most 8192"),
        (lambda: Log10(np.array([3]), np.zeros(1)).width(3), "does not exist"),
        (lambda: Clip(np.zeros(2), np.ones(2)).width(3), "3 columns come in; expected 2"),
        (
            lambda: Pipeline(
                (Standardise(np.zeros(2), np.ones(2)),), Linear(np.zeros((2, 3)), np.zeros(2))
            ),
            "3 columns come in; expected 2",
        ),
        (
            lambda: Pipeline((Polynomial(2, True),) * 17, Linear(np.zeros((2, 3)), np.zeros(2))),
            "17 preprocessing steps",
        ),
    ],
)
def test_broken_part_is_refused(make: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        make()


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([1.0, 2.0], "two dimensions"),
        ([[1.0, 2.0]], "do not fit"),
        ([["a", "b", "c"]], "found str"),
        ([[1.0, 2.0], [3.0]], "table of numbers"),
        (np.zeros((2, 3), complex), "found complex128"),
    ],
)
def test_wrong_input_is_refused(X: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Pipeline((), Linear(np.zeros((2, 3)), np.zeros(2))).probabilities(X)


def test_parts_own_their_arrays() -> None:
    coef = np.zeros((2, 1))
    scorer = Linear(coef, np.zeros(2))
    coef[:] = 5.0
    assert_array_equal(scorer.probabilities([[1.0]]), [[0.5, 0.5]])
    with pytest.raises(ValueError, match="read-only"):
        scorer.coef[0, 0] = 1.0
