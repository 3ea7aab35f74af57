"""MoodClassifier: a candidate as a scikit-learn estimator that gives a MoodModel."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from affetto.errors import UsageError
from affetto.features import FEATURE_NAMES, check_feature_names
from affetto.learning.candidates import BY_NAME, get_candidate
from affetto.learning.fitting import Origin, fit_pipelines
from affetto.model import MoodModel


class MoodClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Learn moods from features, with the interface of scikit-learn.

    Parameters
    ----------
    candidate : str
        One of affetto's candidates: ``logistic``, ``logistic-engineered``, ``network``,
        ``network-committee``, ``svm``, ``forest``, ``extra-trees``, ``boosting``, ``vote``, …
    settings : dict, optional
        Settings of the candidate, such as ``{"C": 0.1}``; default, the candidate's own.
    features : sequence of str, optional
        Names of the columns of X, so that `to_model` can be called. Default: the column
        names of a DataFrame, or the ten in their order where X has ten columns.
    random_state : int
        Seeds every draw.

    Attributes
    ----------
    classes_ : ndarray, shape=(n_moods,)
        Labels, sorted; columns of `predict_proba`.
    n_features_in_ : int

    Examples
    --------
    >>> from sklearn.model_selection import cross_val_score
    >>> cross_val_score(MoodClassifier("extra-trees"), X, y)  # doctest: +SKIP
    """

    def __init__(
        self,
        candidate: str = "logistic",
        settings: dict[str, Any] | None = None,
        features: Sequence[str] | None = None,
        random_state: int = 42,
    ) -> None:
        self.candidate = candidate
        self.settings = settings
        self.features = features
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> "MoodClassifier":
        """Learn from X, shape=(n_tracks, n_features), and labels y, shape=(n_tracks,).

        Raises
        ------
        ValueError
            If X or y cannot be learned from: NaN, one label only, unequal lengths.
        UsageError
            If the candidate is unknown, or is a vote and settings are given.
        """
        candidate = get_candidate(self.candidate)
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_, index = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"MoodClassifier needs two classes; found 1 class: {self.classes_.tolist()[0]!r}"
            )
        self.features_ = self._feature_names(X.shape[1])
        settings = {name: dict(BY_NAME[name].settings) for name in BY_NAME}
        if candidate.members and self.settings:
            raise UsageError(
                f"{candidate.name} has no settings of its own, found {self.settings}; its members "
                f"are {', '.join(candidate.members)}"
            )
        settings[candidate.name] |= self.settings or {}
        self.pipelines_, self.weights_ = fit_pipelines(
            candidate,
            settings,
            X,
            index,
            features=self.features_ or (),
            seed=self.random_state,
            origin=Origin(tuple(str(label) for label in self.classes_)),
        )
        return self

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Give probabilities, shape=(n_tracks, n_moods), columns as in `classes_`."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64)
        total = np.zeros((len(X), len(self.classes_)))
        for pipeline, weight in zip(self.pipelines_, self.weights_, strict=True):
            total += weight * pipeline.probabilities(X)
        return total

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Give the most probable label of each track, shape=(n_tracks,)."""
        best = self.predict_proba(X).argmax(axis=1)
        most: npt.NDArray[Any] = self.classes_[best]
        return most

    def to_model(self, name: str = "model") -> MoodModel:
        """Give what was learned as a model that labels without scikit-learn.

        Raises
        ------
        UsageError
            If the columns of X were not named after the ten features.
        """
        check_is_fitted(self)
        if self.features_ is None:
            raise UsageError(
                f"the {self.n_features_in_} columns of X have no names among the ten features; "
                "give MoodClassifier(features=[…]) or fit on a DataFrame"
            )
        return MoodModel(
            moods=tuple(str(label) for label in self.classes_),
            features=self.features_,
            pipelines=self.pipelines_,
            weights=self.weights_,
            name=name,
        )

    def _feature_names(self, n_columns: int) -> tuple[str, ...] | None:
        """Names of the columns, or None where they are not among the ten."""
        if self.features is not None:
            names = check_feature_names(list(self.features))
            if len(names) != n_columns:
                raise ValueError(f"{len(names)} features named, but X has {n_columns} columns")
            return names
        columns = tuple(getattr(self, "feature_names_in_", ()))
        if columns and set(columns) <= set(FEATURE_NAMES):
            return columns
        return FEATURE_NAMES if not columns and n_columns == len(FEATURE_NAMES) else None
