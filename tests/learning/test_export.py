"""From fitted scikit-learn estimators to what a model file holds: the same probabilities."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import PCA
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

from affetto.demo import demo_table
from affetto.errors import UsageError
from affetto.learning import candidates
from affetto.learning.candidates import BY_NAME
from affetto.learning.dataset import gather
from affetto.learning.export import to_pipelines
from affetto.learning.fitting import fit_model, fit_pipelines
from affetto.learning.labels import resolve_tables
from affetto.model import MoodModel

D = 6
SETTINGS = {name: candidate.settings for name, candidate in BY_NAME.items()}


def songs(n_moods, n=120):
    draw = np.random.default_rng(3)
    y = np.arange(n) % n_moods
    return draw.normal(size=(n, D)) * [1, 1, 1, 50, 0.01, 1] + np.eye(n_moods, D)[y], y


def calibrated(machine=None, **options):
    options = {"method": "sigmoid", "ensemble": False, "cv": 3} | options
    return CalibratedClassifierCV(machine or SVC(gamma=0.1), **options)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """More would fight over the cores: boosting then takes a hundred times as long."""
    with threadpool_limits(1):
        yield


ESTIMATORS = {
    "dummy": DummyClassifier(strategy="prior"),
    "logistic": LogisticRegression(max_iter=500),
    "mlp relu": MLPClassifier((7,), max_iter=30, random_state=0),
    "mlp tanh": MLPClassifier((5, 4), activation="tanh", max_iter=30, random_state=0),
    "mlp logistic": MLPClassifier((5,), activation="logistic", max_iter=30, random_state=0),
    "forest": RandomForestClassifier(15, random_state=0),
    "extra-trees": ExtraTreesClassifier(15, min_samples_leaf=3, random_state=0),
    "stump": ExtraTreesClassifier(3, max_depth=1, random_state=0),
    "boosting": HistGradientBoostingClassifier(max_iter=15, min_samples_leaf=5, random_state=0),
    "svm": calibrated(),
    "svm, gamma by scale": calibrated(SVC(gamma="scale", C=5)),
}


@pytest.mark.parametrize("estimator", ESTIMATORS.values(), ids=ESTIMATORS.keys())
@pytest.mark.parametrize("n_moods", [2, 3, 5])
@pytest.mark.parametrize("scaled", [False, True], ids=["plain", "scaled"])
def test_a_saved_estimator_gives_the_same_probabilities(estimator, n_moods, scaled):
    X, y = songs(n_moods)
    whole = make_pipeline(StandardScaler(), estimator) if scaled else estimator
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # networks of thirty epochs have not converged
        whole.fit(X, y)
    new = np.random.default_rng(8).normal(size=(300, D)) * X.std(axis=0) * 2
    for tracks in (X, new):
        (pipeline,) = to_pipelines(whole, D)
        assert_allclose(pipeline.probabilities(tracks), whole.predict_proba(tracks), atol=1e-6)


@pytest.mark.parametrize(
    "scaler", [StandardScaler(with_mean=False), StandardScaler(with_std=False)], ids=repr
)
def test_half_a_scaler(scaler):
    X, y = songs(3)
    whole = make_pipeline(scaler, LogisticRegression(max_iter=2000)).fit(X, y)
    (pipeline,) = to_pipelines(whole, D)
    assert_allclose(pipeline.probabilities(X), whole.predict_proba(X), atol=1e-9)


@pytest.mark.parametrize("before", [PCA(3), MinMaxScaler()], ids=repr)
def test_a_preparation_without_steps_is_refused(before):
    X, y = songs(3)
    whole = make_pipeline(before, LogisticRegression()).fit(X, y)
    name = type(before).__name__
    with pytest.raises(UsageError, match=f"a {name} before the classifier cannot be saved"):
        to_pipelines(whole, D)


@pytest.mark.parametrize("estimator", [GaussianNB(), SVC()], ids=repr)
def test_a_classifier_without_a_scorer_is_refused(estimator):
    X, y = songs(3)
    name = type(estimator).__name__
    with pytest.raises(UsageError, match=f"a {name} cannot be saved as a mood model"):
        to_pipelines(estimator.fit(X, y), D)


@pytest.mark.parametrize(
    "estimator",
    [
        calibrated(method="isotonic"),
        calibrated(ensemble=True),
        calibrated(SVC(kernel="linear")),
        calibrated(LogisticRegression(max_iter=5000)),
    ],
    ids=["isotonic", "several", "linear kernel", "no SVC"],
)
def test_other_calibrated_classifiers_are_refused(estimator):
    X, y = songs(3)
    with pytest.raises(UsageError, match="only an SVC with the radial kernel can be saved"):
        to_pipelines(estimator.fit(X, y), D)


# ---------------------------------------------------------------- whole candidates


@pytest.fixture(scope="module")
def tracks():
    return gather(resolve_tables(demo_table(tracks_per_playlist=15)))[0]


def test_every_member_of_a_vote_weighs_the_same(tracks, monkeypatch):
    monkeypatch.setattr(candidates, "N_TREES", 5)
    pipelines, weights = fit_pipelines(
        BY_NAME["vote"], SETTINGS, tracks.X, tracks.y, features=tracks.features, seed=1
    )
    # Six members, one of which is a committee of five networks.
    assert len(pipelines) == 5 + 5
    assert sorted(weights) == pytest.approx([1 / 30] * 5 + [1 / 6] * 5)


def test_a_model_knows_its_moods_and_features_and_survives_a_file(tracks, tmp_path):
    model = fit_model(BY_NAME["logistic-engineered"], SETTINGS, tracks, seed=1)
    assert model.moods == tracks.moods
    assert model.features == tracks.features
    assert model.name == BY_NAME["logistic-engineered"].title
    loaded = MoodModel.load(model.save(tmp_path / "mine.affetto"))
    assert_array_equal(loaded.predict_proba(tracks.X), model.predict_proba(tracks.X))
    assert (model.predict(tracks.X) == tracks.labels).mean() > 0.6


def test_a_model_learns_from_the_rows_given_alone(tracks):
    draw = np.random.default_rng(1)
    rows = np.sort(draw.permutation(len(tracks))[:100])
    model = fit_model(BY_NAME["logistic"], SETTINGS, tracks, rows=rows)
    alone = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    alone.fit(tracks.X[rows], tracks.y[rows])
    assert_allclose(model.predict_proba(tracks.X), alone.predict_proba(tracks.X), atol=1e-9)
    everything = fit_model(BY_NAME["logistic"], SETTINGS, tracks)
    assert np.abs(everything.predict_proba(tracks.X) - model.predict_proba(tracks.X)).max() > 0.01


def test_the_seed_is_the_models(tracks):
    def fitted(seed):
        return fit_model(BY_NAME["network"], SETTINGS, tracks, seed=seed).predict_proba(tracks.X)

    assert_array_equal(fitted(1), fitted(1))
    assert np.abs(fitted(1) - fitted(2)).max() > 1e-3
