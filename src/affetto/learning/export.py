"""From fitted scikit-learn estimators to the scorers that a model file holds."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.calibration import CalibratedClassifierCV
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline as SklearnPipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from affetto.errors import UsageError
from affetto.learning.candidates import Prepare
from affetto.learning.network import NetworkClassifier, Weights
from affetto.scorers import (
    Boosted,
    Forest,
    Linear,
    Network,
    Pipeline,
    Scorer,
    Standardise,
    Step,
    SupportVectors,
)

Floats = npt.NDArray[np.float64]
Nodes = npt.NDArray[np.int32]


def to_pipelines(estimator: Any, n_features: int) -> list[Pipeline]:
    """Turn a fitted estimator into pipelines whose mean gives its probabilities.

    Equal to the estimator's ``predict_proba`` within rounding.

    Parameters
    ----------
    estimator
        A classifier built by `candidates.build`, or one of scikit-learn's of these kinds
        behind a StandardScaler.
    n_features : int

    Raises
    ------
    UsageError
        If there is no scorer for this kind of estimator.
    """
    steps: tuple[Step, ...] = ()
    if isinstance(estimator, SklearnPipeline):
        *before, (_, estimator) = estimator.steps
        steps = tuple(step for _, fitted in before for step in _steps(fitted))
    if isinstance(estimator, NetworkClassifier):
        return [Pipeline(steps, _own_network(net)) for net in estimator.networks_]
    return [Pipeline(steps, _scorer(estimator, n_features))]


def _steps(fitted: Any) -> tuple[Step, ...]:
    if isinstance(fitted, Prepare):
        return fitted.steps_
    if not isinstance(fitted, StandardScaler):
        raise UsageError(
            f"a {type(fitted).__name__} before the classifier cannot be saved in a mood model; "
            "a StandardScaler can"
        )
    n = fitted.n_features_in_
    return (
        Standardise(
            fitted.mean_ if fitted.with_mean else np.zeros(n),
            fitted.scale_ if fitted.with_std else np.ones(n),
        ),
    )


def _scorer(estimator: Any, n_features: int) -> Scorer:
    if isinstance(estimator, DummyClassifier):
        prior = np.asarray(estimator.class_prior_)
        return Linear(np.zeros((len(prior), n_features)), np.log(prior))
    if isinstance(estimator, LogisticRegression):
        return Linear(_both_rows(estimator.coef_), _both_rows(estimator.intercept_[:, None])[:, 0])
    if isinstance(estimator, MLPClassifier):
        return _sklearn_network(estimator)
    if isinstance(estimator, RandomForestClassifier | ExtraTreesClassifier):
        return _forest(estimator)
    if isinstance(estimator, HistGradientBoostingClassifier):
        return _boosted(estimator)
    if isinstance(estimator, CalibratedClassifierCV):
        return _support_vectors(estimator)
    raise UsageError(f"a {type(estimator).__name__} cannot be saved as a mood model")


def _both_rows(one_or_more: Floats) -> Floats:
    """Write the single row of a two-mood model as two, whose softmax is its sigmoid."""
    if len(one_or_more) > 1:
        return one_or_more
    return np.vstack([np.zeros_like(one_or_more), one_or_more])


def _own_network(net: Weights) -> Network:
    return Network((net.w1, net.w2), (net.b1, net.b2), "relu")


def _sklearn_network(estimator: MLPClassifier) -> Network:
    weights, biases = list(estimator.coefs_), list(estimator.intercepts_)
    if estimator.n_outputs_ == 1:
        weights[-1] = _both_rows(weights[-1].T).T
        biases[-1] = np.concatenate([[0.0], biases[-1]])
    return Network(tuple(weights), tuple(biases), estimator.activation)


def _forest(estimator: Any) -> Forest:
    trees = [member.tree_ for member in estimator.estimators_]
    first = _offsets([tree.node_count for tree in trees])
    value = np.concatenate([tree.value[:, 0, :] for tree in trees])
    return Forest(
        roots=first,
        feature=np.concatenate([np.maximum(tree.feature, -1) for tree in trees]),
        threshold=np.concatenate([tree.threshold for tree in trees]),
        left=_children([tree.children_left for tree in trees], first),
        right=_children([tree.children_right for tree in trees], first),
        value=value / value.sum(axis=1, keepdims=True),
    )


def _boosted(estimator: Any) -> Boosted:
    # scikit-learn keeps fitted boosting in private attributes only.
    iterations = [[tree.nodes for tree in iteration] for iteration in estimator._predictors]
    baseline = estimator._baseline_prediction.ravel()
    if len(baseline) == 1:
        # Two moods share one tree an iteration; a zero leaf beside it makes them two.
        zero_leaf = np.zeros(1, iterations[0][0].dtype)
        zero_leaf["is_leaf"] = 1
        iterations = [[zero_leaf, *trees] for trees in iterations]
        baseline = np.concatenate([[0.0], baseline])
    trees = [nodes for iteration in iterations for nodes in iteration]
    first = _offsets([len(nodes) for nodes in trees])
    leaf = np.concatenate([nodes["is_leaf"] for nodes in trees]).astype(bool)
    feature = np.concatenate([nodes["feature_idx"] for nodes in trees])
    return Boosted(
        roots=first.reshape(len(iterations), -1),
        feature=np.where(leaf, -1, feature),
        threshold=np.concatenate([nodes["num_threshold"] for nodes in trees]),
        left=_children([nodes["left"] for nodes in trees], first),
        right=_children([nodes["right"] for nodes in trees], first),
        value=np.concatenate([nodes["value"] for nodes in trees]),
        baseline=baseline,
    )


def _offsets(lengths: Sequence[int]) -> Nodes:
    return np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int32)


def _children(parts: Sequence[npt.NDArray[Any]], first: Nodes) -> Nodes:
    """Count children over all trees; what stands in a leaf is not read."""
    shifted = [
        np.maximum(part.astype(np.int32), 0) + start
        for part, start in zip(parts, first, strict=True)
    ]
    return np.concatenate(shifted)


def _support_vectors(estimator: Any) -> SupportVectors:
    calibrated = estimator.calibrated_classifiers_[0]
    machine = calibrated.estimator
    several = len(estimator.calibrated_classifiers_) > 1 or estimator.method != "sigmoid"
    if several or not isinstance(machine, SVC) or machine.kernel != "rbf":
        raise UsageError(
            "of calibrated classifiers only an SVC with the radial kernel can be saved as a mood "
            'model, with method="sigmoid" and ensemble=False'
        )
    return SupportVectors(
        vectors=machine.support_vectors_,
        dual_coef=machine._dual_coef_,
        intercept=machine._intercept_,
        n_support=machine.n_support_,
        gamma=float(machine._gamma),
        slope=np.array([sigmoid.a_ for sigmoid in calibrated.calibrators]),
        offset=np.array([sigmoid.b_ for sigmoid in calibrated.calibrators]),
    )
