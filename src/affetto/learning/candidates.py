"""The classifiers that are compared: how each is built, searched, fitted, and told of."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.svm import SVC
from sklearn.utils.validation import check_is_fitted, validate_data

from affetto.errors import UsageError
from affetto.learning.network import NetworkClassifier
from affetto.learning.splits import Split, fewest, thin
from affetto.scorers import Clip, Log10, Polynomial, Standardise, Step

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]
Settings = Mapping[str, Any]

LOGISTIC_CS = tuple(float(f"{c:.4g}") for c in np.logspace(-4, 4, 10))
"""Ten values of C, as many as the article searched; the grid of LogisticRegressionCV."""

NETWORK_WIDTHS = (2, 4, 8, 10, 20, 50, 100)
NETWORK_ALPHAS = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""49 networks, as many as the article searched; both grids hold its chosen values."""

COMMITTEE = 5
"""Networks in a committee; on the article's table five gave .01 more accuracy than one."""

N_TREES = 200
MOST_TRACKS_OF_SVM = 4000


class Prepare(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Fit the declared steps that a saved model carries, and apply them.

    Parameters
    ----------
    kind : {"scaled", "log", "poly"}
        ``scaled`` standardises; ``log`` first takes log10 of the skewed features; ``poly``
        adds squares and products of these.
    features : tuple of str
        Names of the columns; columns of other names count as not skewed.
    """

    # Offsets keep log10 finite at 0 and flatten differences that nobody hears. Of 1e-5 to
    # 1e-2, 1e-3 gave the least log-loss within the training side of the article's table.
    SKEWED = MappingProxyType(
        {"acousticness": 1e-3, "instrumentalness": 1e-3, "speechiness": 1e-2, "duration_ms": 1.0}
    )

    def __init__(self, kind: str = "scaled", features: tuple[str, ...] = ()) -> None:
        self.kind = kind
        self.features = features

    def fit(self, X: Any, y: Any = None) -> "Prepare":
        """Fit the steps to X, shape=(n, d)."""
        X = validate_data(self, X, dtype=np.float64)
        if self.kind not in {"scaled", "log", "poly"}:
            raise UsageError(f"unknown preparation {self.kind!r}; expected scaled, log or poly")
        steps: list[Step] = []
        if self.kind != "scaled":
            names = self.features or ("",) * X.shape[1]
            if len(names) != X.shape[1]:
                raise UsageError(f"{len(names)} features named, but X has {X.shape[1]} columns")
            skewed = [index for index, name in enumerate(names) if name in self.SKEWED]
            # Values beyond those seen would take a polynomial far out of its depth.
            steps.append(Clip(X.min(axis=0), X.max(axis=0)))
            if skewed:
                offset = np.array([self.SKEWED[names[index]] for index in skewed])
                steps.append(Log10(np.array(skewed, dtype=np.int64), offset))
        steps.append(_standardise(_apply(steps, X)))
        if self.kind == "poly":
            steps.append(Polynomial(degree=2, interaction_only=False))
            steps.append(_standardise(_apply(steps, X)))
        self.steps_ = tuple(steps)
        return self

    def transform(self, X: Any) -> Floats:
        """Apply the fitted steps to X, shape=(n, d)."""
        check_is_fitted(self)
        return _apply(self.steps_, validate_data(self, X, reset=False, dtype=np.float64))


def _standardise(Z: Floats) -> Standardise:
    scale = Z.std(axis=0)
    # The spread of a constant column is a rounding error, not always 0; so is its mean's.
    constant = scale <= 1e-12 * np.abs(Z).max(axis=0)
    return Standardise(np.where(constant, Z[0], Z.mean(axis=0)), np.where(constant, 1.0, scale))


def _apply(steps: Sequence[Step], X: Floats) -> Floats:
    for step in steps:
        X = step.apply(X)
    return X


@dataclass(frozen=True, slots=True)
class Candidate:
    """A kind of classifier that takes part in the comparison.

    Attributes
    ----------
    name : str
        As in evidence and on the command line.
    title : str
        As in the report.
    complexity : int
        Rank from simple to intricate; among equals the simplest is chosen. The committee ranks
        with the regressions, as nothing in it is searched.
    about : str
        One clause for a learner.
    settings : mapping
        What it is built with where nothing was searched.
    grid : tuple of mapping
        Settings to be searched; empty where nothing is.
    coarse : tuple of mapping
        The same range in few steps, for searches that are repeated many times: few playlists
        cannot tell near settings apart.
    members : tuple of str
        Candidates whose probabilities a soft vote averages.
    """

    name: str
    title: str
    complexity: int
    about: str
    settings: Settings = field(default_factory=dict)
    grid: tuple[Settings, ...] = ()
    coarse: tuple[Settings, ...] = ()
    members: tuple[str, ...] = ()


def article_width(n_features: int, n_moods: int) -> int:
    """Give the article's starting width: the mean of the numbers of inputs and outputs."""
    return round((n_features + n_moods) / 2 + 1e-9)


CANDIDATES: tuple[Candidate, ...] = (
    Candidate("majority", "Most frequent mood", 0, "always says the most frequent mood: the floor"),
    Candidate(
        "logistic", "Logistic regression", 1, "the article's baseline, C = 1", {"C": 1.0}
    ),
    Candidate(
        "logistic-tuned", "Logistic regression, C searched", 1,
        "the baseline with its penalty chosen by cross-validation",
        {"C": 1.0}, tuple({"C": c} for c in LOGISTIC_CS),
        tuple({"C": c} for c in (0.003, 0.03, 0.3, 3.0)),
    ),
    Candidate(
        "logistic-engineered", "Logistic regression on engineered features", 2,
        "log10 of skewed features, with or without squares and products",
        {"kind": "poly", "C": 0.03},
        tuple(
            {"kind": k, "C": c}
            for k in ("log", "poly") for c in (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
        ),
        tuple({"kind": k, "C": c} for k in ("log", "poly") for c in (0.003, 0.03, 0.3)),
    ),
    Candidate(
        "network", "Neural network, starting width", 3,
        "one hidden layer as wide as the mean of inputs and outputs", {"alpha": 1e-4},
    ),
    Candidate(
        "network-tuned", "Neural network, searched", 4,
        "width and penalty chosen by cross-validation",
        {"width": 8, "alpha": 1.0},
        tuple({"width": w, "alpha": a} for w in NETWORK_WIDTHS for a in NETWORK_ALPHAS),
        tuple({"width": w, "alpha": a} for w in (4, 10, 20) for a in (0.1, 1.0, 10.0)),
    ),
    Candidate(
        "network-committee", f"Mean of {COMMITTEE} neural networks", 6,
        "the searched network from several random starts, averaged",
        {"width": 8, "alpha": 1.0, "restarts": COMMITTEE},
    ),
    Candidate(
        "svm", "Support vector machine", 5, "radial kernel, probabilities by Platt's sigmoid",
        {"C": 1.0, "gamma": 0.1},
        tuple({"C": c, "gamma": g} for c in (0.3, 1.0, 3.0, 10.0) for g in (0.01, 0.03, 0.1, 0.3)),
        tuple({"C": c, "gamma": g} for c in (0.3, 3.0) for g in (0.01, 0.1)),
    ),
    Candidate(
        "forest", "Random forest", 7, f"{N_TREES} trees on resampled tracks",
        {"min_samples_leaf": 2}, tuple({"min_samples_leaf": n} for n in (1, 2, 5)),
        tuple({"min_samples_leaf": n} for n in (2, 10)),
    ),
    Candidate(
        "extra-trees", "Extra trees", 7, f"{N_TREES} trees with random thresholds",
        {"min_samples_leaf": 2}, tuple({"min_samples_leaf": n} for n in (1, 2, 5)),
        tuple({"min_samples_leaf": n} for n in (2, 10)),
    ),
    Candidate(
        "boosting", "Histogram gradient boosting", 8, "small trees, each mending the last",
        {"max_iter": 60, "max_leaf_nodes": 8},
    ),
    Candidate(
        "committee", "Committee of simple models", 1,
        "regressions and densities on tracks weighed by playlist and table, averaged",
    ),
    Candidate(
        "vote", "Soft vote", 9, "mean of the probabilities of six different kinds",
        members=(
            "logistic-tuned", "network-committee", "svm", "forest", "extra-trees", "boosting",
        ),
    ),
)  # fmt: skip

BY_NAME: Mapping[str, Candidate] = MappingProxyType({c.name: c for c in CANDIDATES})


def get_candidate(name: str) -> Candidate:
    """Look a candidate up by name.

    Raises
    ------
    UsageError
        If there is none of that name.
    """
    if name not in BY_NAME:
        raise UsageError(f"unknown candidate {name!r}; there are {', '.join(BY_NAME)}")
    return BY_NAME[name]


def build(
    candidate: Candidate,
    settings: Settings,
    *,
    features: tuple[str, ...],
    n_moods: int,
    seed: int = 42,
) -> Any:
    """Make an unfitted scikit-learn estimator of a candidate that is no vote.

    Parameters
    ----------
    candidate : Candidate
    settings : mapping
        Searched settings; those of the candidate fill the gaps.
    features : tuple of str
        Columns of X.
    n_moods : int
    seed : int

    Returns
    -------
    estimator
        With ``fit`` and ``predict_proba``.
    """
    chosen = {**candidate.settings, **settings}
    match candidate.name:
        case "majority":
            return DummyClassifier(strategy="prior", **chosen)
        case "logistic" | "logistic-tuned" | "logistic-engineered":
            kind = chosen.pop("kind", "scaled")
            model = LogisticRegression(**chosen, max_iter=2000)
            return _prepared(kind, features, model)
        case "network" | "network-tuned" | "network-committee":
            chosen.setdefault("width", article_width(len(features), n_moods))
            return _prepared("scaled", features, NetworkClassifier(**chosen, random_state=seed))
        case "svm":
            machine = CalibratedClassifierCV(
                SVC(**chosen, random_state=seed), method="sigmoid", ensemble=False, cv=_InnerFolds()
            )
            return _prepared("scaled", features, machine)
        case "forest" | "extra-trees":
            forest = RandomForestClassifier if candidate.name == "forest" else ExtraTreesClassifier
            return forest(N_TREES, **chosen, random_state=seed)
        case "boosting":
            return HistGradientBoostingClassifier(
                **chosen, min_samples_leaf=10, l2_regularization=1.0, early_stopping=False,
                random_state=seed,
            )  # fmt: skip
    raise UsageError(f"{candidate.name} is not built by itself; build its members")


class _InnerFolds:
    """Five stratified folds, or as many as the rarest mood has tracks, as a rare one needs."""

    def split(self, X: Any, y: Any, groups: Any = None) -> Iterator[Split]:
        """Give the folds; scikit-learn calls this."""
        maker: Any = StratifiedKFold(self.get_n_splits(X, y))
        yield from maker.split(X, y)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Give their number; scikit-learn calls this."""
        _, index = np.unique(y, return_inverse=True)
        return max(2, fewest(index, 5))


def _prepared(kind: str, features: tuple[str, ...], model: Any) -> Pipeline:
    return Pipeline([("prepare", Prepare(kind, features)), ("model", model)])


def rows_to_learn(candidate: str, y: Indices, seed: int) -> Indices:
    """Give the rows that a candidate is fitted on: all, but for one that is slow on many.

    The time of a support vector machine grows with the square of the tracks and more, so that
    it learns from a sample of 4,000 at most.
    """
    return thin(y, MOST_TRACKS_OF_SVM, seed) if candidate == "svm" else np.arange(len(y))
