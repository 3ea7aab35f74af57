"""MoodClassifier: scikit-learn's own checks, its tools around it, and the way to a model."""

import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks
from threadpoolctl import threadpool_limits

from affetto import MoodClassifier
from affetto.demo import demo_table
from affetto.errors import UsageError
from affetto.features import FEATURE_NAMES
from affetto.learning import candidates
from affetto.learning.candidates import BY_NAME
from affetto.model import MoodModel

CHECKED = ("logistic", "network", "svm", "forest", "extra-trees")
OTHERS = ("majority", "logistic-engineered", "network-committee", "boosting", "vote")


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """More would fight over the cores: boosting then takes a hundred times as long."""
    with threadpool_limits(1):
        yield


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Small forests are as good to test with."""
    monkeypatch.setattr(candidates, "N_TREES", 25)


@pytest.fixture(scope="module")
def songs():
    table = demo_table(tracks_per_playlist=20)
    return table.select(FEATURE_NAMES).to_numpy().astype(float), table["mood"].to_numpy()


@parametrize_with_checks([MoodClassifier(), *(MoodClassifier(name) for name in CHECKED[1:])])
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


# ---------------------------------------------------------------- the tools of scikit-learn


def test_cross_validation(songs):
    assert 0.5 < cross_val_score(MoodClassifier(), *songs, cv=4).mean() < 0.9


def test_grid_search_over_candidates_and_settings(songs):
    grid = [
        {"candidate": ["logistic"], "settings": [{"C": 1e-4}, {"C": 1.0}]},
        {"candidate": ["majority"]},
    ]
    search = GridSearchCV(MoodClassifier(), grid, cv=3).fit(*songs)
    assert search.best_params_ == {"candidate": "logistic", "settings": {"C": 1.0}}
    assert search.best_estimator_.to_model().kind == "linear"


def test_in_a_pipeline(songs):
    X, y = songs
    within = make_pipeline(StandardScaler(), MoodClassifier()).fit(X, y)
    # Standardised twice is standardised once.
    alone = MoodClassifier().fit(X, y)
    assert_allclose(within.predict_proba(X), alone.predict_proba(X), atol=1e-6)


def test_clones_and_parameters():
    given = MoodClassifier("svm", {"C": 2.0}, ["energy", "tempo"], random_state=3)
    assert clone(given).get_params() == given.get_params()
    assert repr(MoodClassifier("svm")) == "MoodClassifier(candidate='svm')"


# ---------------------------------------------------------------- what is learned


@pytest.mark.parametrize("name", [*CHECKED, *OTHERS])
def test_the_model_gives_what_the_classifier_gives(name, songs, tmp_path):
    X, y = songs
    fitted = MoodClassifier(name).fit(X, y)
    model = fitted.to_model("mine")
    assert model.moods == tuple(fitted.classes_)
    assert model.name == "mine"
    assert_allclose(model.predict_proba(X), fitted.predict_proba(X), atol=1e-12)
    assert_array_equal(model.predict(X), fitted.predict(X))
    loaded = MoodModel.load(model.save(tmp_path / "mine.affetto"))
    assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))


def test_settings_reach_the_candidate(songs):
    X, y = songs
    weak = MoodClassifier("logistic", {"C": 1e-4}).fit(X, y)
    assert weak.predict_proba(X).max() < 0.4 < MoodClassifier().fit(X, y).predict_proba(X).max()
    assert BY_NAME["logistic"].settings == {"C": 1.0}


def test_the_random_state_reaches_the_candidate(songs):
    X, y = songs
    one, same, other = (
        MoodClassifier("extra-trees", random_state=seed).fit(X, y).predict_proba(X)
        for seed in (1, 1, 2)
    )
    assert_array_equal(one, same)
    assert np.abs(one - other).max() > 1e-3


@pytest.mark.parametrize("labels", [("b", "a"), (7, -1), (True, False)], ids=repr)
def test_labels_of_any_kind_come_back(labels, songs):
    X, y = songs
    named = np.array(labels)[(y == "Relaxing").astype(int)]
    fitted = MoodClassifier().fit(X, named)
    assert list(fitted.classes_) == sorted(labels)
    assert (fitted.predict(X) == named).mean() > 0.85
    assert fitted.to_model().moods == tuple(str(label) for label in sorted(labels))


# ---------------------------------------------------------------- names of columns


def test_columns_of_a_frame_become_the_models_features(songs):
    X, y = songs
    order = ["valence", "acousticness", "energy", "loudness"]
    frame = pl.DataFrame({name: X[:, FEATURE_NAMES.index(name)] for name in order})
    fitted = MoodClassifier("logistic-engineered").fit(frame, y)
    assert list(fitted.feature_names_in_) == order
    model = fitted.to_model()
    assert model.features == tuple(order)
    assert_allclose(model.predict_proba(frame.to_numpy()), fitted.predict_proba(frame))
    # The names say which are skewed: without them no logarithm is taken.
    nameless = MoodClassifier("logistic-engineered").fit(frame.to_numpy(), y)
    difference = nameless.predict_proba(frame.to_numpy()) - fitted.predict_proba(frame)
    assert np.abs(difference).max() > 0.01


def test_ten_columns_without_names_are_the_ten(songs):
    assert MoodClassifier().fit(*songs).to_model().features == FEATURE_NAMES


def test_columns_can_be_named(songs):
    X, y = songs
    named = MoodClassifier(features=["tempo", "energy"]).fit(X[:, [2, 0]], y)
    assert named.to_model().features == ("tempo", "energy")


@pytest.mark.parametrize("columns", [["energy", "mfcc_1"], ["a", "b"]])
def test_other_columns_can_be_learned_from_but_give_no_model(columns, songs):
    X, y = songs
    frame = pl.DataFrame(X[:, :2], schema=columns)
    fitted = MoodClassifier().fit(frame, y)
    assert fitted.score(frame, y) > 0.25
    with pytest.raises(UsageError, match=r"the 2 columns of X have no names among the ten"):
        fitted.to_model()
    with pytest.raises(UsageError, match=r"give MoodClassifier\(features=\[…\]\) or fit on a"):
        MoodClassifier().fit(X[:, :3], y).to_model()


# ---------------------------------------------------------------- refusals


def test_what_cannot_be_learned_is_refused(songs):
    X, y = songs
    with pytest.raises(UsageError, match="unknown candidate 'forrest'; there are majority"):
        MoodClassifier("forrest").fit(X, y)
    with pytest.raises(ValueError, match="needs two classes; found 1 class: 'Happy'"):
        MoodClassifier().fit(X[:5], ["Happy"] * 5)
    with pytest.raises(ValueError, match="2 features named, but X has 10 columns"):
        MoodClassifier(features=["energy", "tempo"]).fit(X, y)
    with pytest.raises(UsageError, match="unknown feature 'joy'"):
        MoodClassifier(features=["joy"]).fit(X[:, :1], y)
    with pytest.raises(ValueError, match="NaN"):
        MoodClassifier().fit(np.full_like(X, np.nan), y)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        MoodClassifier().fit(X, y[:-1])
    with pytest.raises(UsageError, match=r"vote has no settings of its own, found \{'C'"):
        MoodClassifier("vote", {"C": 1}).fit(X, y)
    with pytest.raises(TypeError, match="gama"):
        MoodClassifier("svm", {"gama": 1}).fit(X, y)


@pytest.mark.parametrize("method", ["predict", "predict_proba", "to_model"])
def test_it_must_be_fitted_first(method, songs):
    arguments = () if method == "to_model" else (songs[0],)
    with pytest.raises(NotFittedError):
        getattr(MoodClassifier(), method)(*arguments)


def test_tracks_of_another_width_are_refused(songs):
    X, y = songs
    with pytest.raises(ValueError, match="X has 9 features, but MoodClassifier is expecting 10"):
        MoodClassifier().fit(X, y).predict(X[:, :9])
