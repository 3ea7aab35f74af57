"""Explanations: additive to 1e-9 for every kind, exact where it can be worked out, and fast."""

import json
import time
from functools import cache

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from affetto import archive
from affetto.demo import demo_table
from affetto.errors import ModelError, ModelFormatError, UsageError
from affetto.features import FEATURE_NAMES
from affetto.learning.classifier import MoodClassifier
from affetto.learning.pool import Pool
from affetto.learning.recipes import COMMITTEE, Member, Recipe, fit_recipe
from affetto.model import MoodModel, load_model
from affetto.moods import MOOD_NAMES
from affetto.population import Population
from affetto.scorers import Forest, Linear, Log10, Network, Pipeline, Standardise

CANDIDATES = ("logistic", "logistic-engineered", "network", "svm", "forest", "boosting")
KINDS = (*CANDIDATES, "densities", "committee", "average")


@cache
def tracks():
    table = demo_table(tracks_per_playlist=16)
    X, labels = table.select(FEATURE_NAMES).to_numpy(), table["mood"].to_numpy()
    moods, y = np.unique(labels, return_inverse=True)
    return X, y, tuple(map(str, moods))


@cache
def population():
    X, y, moods = tracks()
    return Population.of(X, y, features=FEATURE_NAMES, moods=moods)


@cache
def model_of(kind):
    X, y, moods = tracks()
    about = {"population": population().as_dict()}
    if kind in {"densities", "committee"}:
        recipe = COMMITTEE if kind == "committee" else Recipe((Member("densities"),))
        groups = np.full(len(y), "all")
        pool = Pool(X, y, moods, FEATURE_NAMES, groups, groups, np.arange(len(y)))
        return fit_recipe(recipe, pool).with_about(about)
    members = ("logistic", "network", "forest") if kind == "average" else (kind,)
    fitted = [MoodClassifier(member).fit(X, np.array(moods)[y]) for member in members]
    pipelines = [pipeline for classifier in fitted for pipeline in classifier.pipelines_]
    return MoodModel(moods, FEATURE_NAMES, tuple(pipelines), about=about)


def shares_of(model, row):
    return dict(zip(model.moods, model.predict_proba([row])[0], strict=True))


# --- The contract: one suite over every kind -------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
class TestEveryKind:
    def test_contributions_add_up_to_the_margin(self, kind):
        model, X = model_of(kind), tracks()[0][::9]
        reference = shares_of(model, population().overall[:, 4])
        least = 0.5 / 200 if kind == "forest" else 0.0
        for row, told in zip(X, model.explain(X), strict=True):
            shares = shares_of(model, row)

            def margin(p, told=told):
                return np.log(max(p[told.mood], least)) - np.log(max(p[told.next_mood], least))

            total = sum(reason.contribution for reason in told.reasons)
            assert told.margin == pytest.approx(margin(shares), rel=0, abs=1e-9)
            assert told.reference_margin == pytest.approx(margin(reference), rel=0, abs=1e-9)
            assert told.reference_margin + total == pytest.approx(told.margin, rel=0, abs=1e-9)

    def test_moods_are_those_of_the_model(self, kind):
        model, X = model_of(kind), tracks()[0][::9]
        for row, told, said in zip(X, model.explain(X), model.predict(X), strict=True):
            assert told.mood == said == next(iter(told.probabilities))
            assert told.next_mood == list(told.probabilities)[1]
            assert told.probabilities == pytest.approx(shares_of(model, row), abs=1e-12)
            assert list(told.probabilities.values()) == sorted(
                told.probabilities.values(), reverse=True
            )

    def test_the_change_turns_the_mood(self, kind):
        model, X = model_of(kind), tracks()[0][::9]
        spread = population().overall[:, 6] - population().overall[:, 2]
        changes = [told.change for told in model.explain(X)]
        for row, said, change in zip(X, model.predict(X), changes, strict=True):
            if change is None:
                continue
            for values in (change.values, change.rounded):
                changed = row.copy()
                columns = [FEATURE_NAMES.index(name) for name in values]
                changed[columns] = list(values.values())
                assert model.predict([changed])[0] == change.mood != said
            places = [FEATURE_NAMES.index(name) for name in change.values]
            moved = (np.array(list(change.values.values())) - row[places]) / spread[places]
            assert change.distance == pytest.approx(np.linalg.norm(moved), rel=1e-2)
        assert sum(change is not None for change in changes) > len(X) / 2

    def test_one_track_is_told_as_among_many(self, kind):
        model, X = model_of(kind), tracks()[0][:40:9]
        together = [told.as_dict() for told in model.explain(X)]
        for row, told in zip(X, together, strict=True):
            alone = model.explain([row])[0].as_dict()
            changes = alone.pop("change"), told.pop("change")
            assert (changes[0] is None) == (changes[1] is None)
            if changes[0] is not None:
                values = [own.pop("values") for own in changes]
                assert values[0] == pytest.approx(values[1], abs=1e-7)
                assert changes[0]["rounded"] == pytest.approx(changes[1]["rounded"], abs=1e-7)
                assert changes[0]["mood"] == changes[1]["mood"]
            reasons = alone.pop("reasons"), told.pop("reasons")
            assert_allclose(*([r["contribution"] for r in own] for own in reasons), atol=1e-9)
            assert alone["likeness"] == told["likeness"]

    def test_it_is_json(self, kind):
        told = model_of(kind).explain(tracks()[0][:1])[0].as_dict()
        assert json.loads(json.dumps(told, allow_nan=False)) == json.loads(json.dumps(told))
        assert [reason["feature"] for reason in told["reasons"]] == list(FEATURE_NAMES)


# --- Answers that can be worked out ----------------------------------------------------------

SIMPLE = ("energy", "valence", "loudness")


def simple_population(moods, n=200):
    rng = np.random.default_rng(0)
    X = np.stack([rng.uniform(size=n), rng.uniform(size=n), rng.uniform(-30, 0, n)], axis=1)
    return Population.of(X, np.arange(n) % len(moods), features=SIMPLE, moods=moods)


def linear_model(coef, intercept=None, moods=("Dark", "Happy"), steps=()):
    coef = np.array(coef, float)
    scorer = Linear(coef, np.zeros(len(coef)) if intercept is None else np.array(intercept))
    about = {"population": simple_population(moods).as_dict()}
    return MoodModel(moods, SIMPLE, (Pipeline(steps, scorer),), about=about)


def test_of_a_linear_model_contributions_are_weights_times_distances():
    mean, scale = np.array([0.4, 0.5, -10.0]), np.array([0.2, 0.3, 6.0])
    coef = [[1.0, -2.0, 0.5], [0.3, 1.5, 0.0], [-0.7, 0.1, -1.0]]
    model = linear_model(
        coef, moods=("Dark", "Happy", "Relaxing"), steps=(Standardise(mean, scale),)
    )
    x = np.array([0.9, 0.2, -4.0])
    told = model.explain([x])[0]
    own, other = (coef[model.moods.index(name)] for name in (told.mood, told.next_mood))
    reference = model.population.overall[:, 4]
    expected = (np.array(own) - other) * (x - reference) / scale
    assert_allclose([r.contribution for r in told.reasons], expected, rtol=0, atol=1e-12)
    assert_array_equal([r.reference for r in told.reasons], reference)


def test_the_nearest_change_of_a_linear_model_is_exact():
    # log-odds 4 · energy − 3: even at .75, whatever the rest.
    model = linear_model([[0, 0, 0], [4, 0, 0]], [0.0, -3.0])
    told = model.explain([[0.4, 0.5, -10.0]])[0]
    assert told.change.values == pytest.approx({"energy": 0.75}, abs=1e-9)
    assert told.change.mood == "Happy"
    spread = np.diff(model.population.overall[0, [2, 6]])[0]
    assert told.change.distance == pytest.approx(0.35 / spread, rel=1e-6)


def test_a_feature_that_is_not_used_contributes_nothing():
    told = linear_model([[0, 0, 0], [4, 0, 0.1]]).explain([[0.9, 0.9, -10.0]])[0]
    assert told.reasons[1].contribution == pytest.approx(0.0, abs=1e-14)


def test_what_acts_only_together_is_shared_equally():
    # A hidden unit that fires where energy + valence is above 1.
    hidden = np.array([[1.0], [1.0], [0.0]])
    network = Network((hidden, np.array([[0.0, 5.0]])), (np.array([-1.0]), np.zeros(2)), "relu")
    about = {"population": simple_population(("Dark", "Happy")).as_dict()}
    model = MoodModel(("Dark", "Happy"), SIMPLE, (Pipeline((), network),), about=about)
    reference = model.population.overall[:, 4]
    told = model.explain([[reference[0] + 0.3, reference[1] + 0.3, -5.0]])[0]
    energy, valence, loudness = (reason.contribution for reason in told.reasons)
    assert loudness == pytest.approx(0, abs=1e-12)
    assert energy == pytest.approx(valence, rel=0.2)
    assert energy + valence == pytest.approx(told.margin - told.reference_margin, abs=1e-12)


def test_places_and_likeness():
    told = linear_model([[0, 0, 0], [4, 0, 0]]).explain([[0.5, 0.97, -15.0]])[0]
    energy, valence, _ = told.reasons
    assert energy.among_all.below == pytest.approx(0.5, abs=0.1)
    assert valence.among_own.below > 0.9
    assert set(told.likeness) == {"Dark", "Happy"}
    assert all(0 < value < 0.9 for value in told.likeness.values())


def test_an_impossible_mood_counts_as_half_a_tree():
    # Two trees, each one leaf for Dark where energy ≤ .5, else for Happy.
    forest = Forest(
        roots=np.array([0, 3]),
        feature=np.array([0, -1, -1, 0, -1, -1]),
        threshold=np.array([0.5, 0, 0, 0.5, 0, 0]),
        left=np.array([1, 0, 0, 4, 0, 0]),
        right=np.array([2, 0, 0, 5, 0, 0]),
        value=np.array([[1, 0], [1, 0], [0, 1]] * 2, float),
    )
    about = {"population": simple_population(("Dark", "Happy")).as_dict()}
    model = MoodModel(("Dark", "Happy"), SIMPLE, (Pipeline((), forest),), about=about)
    told = model.explain([[0.9, 0.5, -10.0]])[0]
    assert (told.mood, told.margin) == ("Happy", pytest.approx(np.log(1 / 0.25)))
    assert told.change.mood == "Dark"
    assert 0.49 <= told.change.values["energy"] <= 0.5


@pytest.mark.parametrize("n_moods", [2, 50])
def test_own_vocabularies(n_moods):
    rng = np.random.default_rng(n_moods)
    moods = tuple(f"mood {i}" for i in range(n_moods))
    model = linear_model(4 * rng.normal(size=(n_moods, 3)), moods=moods)
    for told in model.explain(rng.uniform(size=(5, 3)) * [1, 1, -20]):
        assert len(told.probabilities) == len(told.likeness) == n_moods
        total = sum(reason.contribution for reason in told.reasons)
        assert total + told.reference_margin == pytest.approx(told.margin, rel=0, abs=1e-9)


# --- What a model knows of its tracks --------------------------------------------------------


def unaware(model):
    return model.with_about({})


def test_older_files_are_held_against_what_they_standardise_by():
    mean, scale = np.array([0.4, 0.5, -10.0]), np.array([0.2, 0.3, 6.0])
    model = unaware(linear_model([[0, 0, 0], [1, 1, 1]], steps=(Standardise(mean, scale),)))
    assert model.population is None
    told = model.explain([[0.9, 0.2, -4.0]])[0]
    assert_allclose([reason.reference for reason in told.reasons], mean)
    assert told.likeness == {}
    assert told.reasons[0].among_own is None
    assert told.change is not None


def test_logarithms_are_undone_for_older_files():
    steps = (
        Log10(np.array([0]), np.array([0.01])),
        Standardise(np.array([-1.0, 0.5, -10.0]), np.ones(3)),
    )
    told = unaware(linear_model([[0, 0, 0], [1, 1, 1]], steps=steps)).explain([[0.9, 0.2, -4.0]])
    assert told[0].reasons[0].reference == pytest.approx(0.1 - 0.01)


def test_a_feature_whose_logarithm_ends_is_not_led_beyond():
    steps = (Log10(np.array([0]), np.array([0.0])),)  # no logarithm of 0
    told = linear_model([[0, 0, 0], [1, 1, 0.01]], steps=steps).explain([[0.9, 0.9, -4.0]])[0]
    assert told.change is not None


def test_a_forest_that_knows_nothing_needs_a_population():
    model = unaware(model_of("forest"))
    with pytest.raises(ModelError, match="says nothing of the tracks it was trained on"):
        model.explain(tracks()[0][:1])
    told = model.explain(tracks()[0][:1], population=population())
    assert told == model_of("forest").explain(tracks()[0][:1])


def test_a_population_of_other_moods_is_refused():
    other = linear_model([[0, 0, 0], [4, 0, 0]])
    with pytest.raises(UsageError, match="other features or moods"):
        other.explain([[0.5, 0.5, -10.0]], population=population())


def test_the_population_is_saved_with_the_model(tmp_path):
    model = model_of("logistic")
    back = MoodModel.load(model.save(tmp_path / "m.affetto"))
    assert back.population.as_dict() == population().as_dict()
    X = tracks()[0][:3]
    assert back.explain(X) == model.explain(X)


def test_a_hostile_population_is_refused_when_the_file_is_opened(tmp_path):
    path = model_of("logistic").save(tmp_path / "m.affetto")
    manifest, arrays = archive.unpack(path.read_bytes())
    manifest["about"]["population"]["overall"]["energy"] = [1e9] * 9
    path.write_bytes(archive.pack(manifest, arrays))
    with pytest.raises(ModelFormatError, match=r"population, overall: energy is .* within 0 to 1"):
        MoodModel.load(path)


@pytest.mark.parametrize("entry", [{}, [], "", 0, False])
def test_an_empty_population_is_none(entry):
    with pytest.raises(ModelError, match="expected exactly tracks"):
        model_of("logistic").with_about({"population": entry})


def test_training_writes_the_population(tmp_path):
    from affetto.learning.workflow import train

    run = train(demo_table(tracks_per_playlist=8), candidates=["logistic"], jobs=1)
    assert run.model.population.tracks == run.evidence["data"]["rows_used"]
    assert len(json.dumps(run.model.about)) < 20_000


# --- What cannot be explained ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.full((1, 10), np.nan), "row 0: energy is nan"),
        (np.zeros((2, 9)), "9 columns given; this model needs 10"),
        (np.zeros(10), "X.reshape"),
        ([["loud"] * 10], "found str"),
    ],
)
def test_what_cannot_be_scored_is_refused(X, message):
    with pytest.raises(UsageError, match=message):
        model_of("logistic").explain(X)


def test_no_tracks_no_explanations():
    assert model_of("logistic").explain(np.empty((0, 10))) == []


# --- Speed -----------------------------------------------------------------------------------


def test_the_default_model_explains_in_5_ms_a_track():
    model = load_model()
    rng = np.random.default_rng(0)
    X = rng.uniform(0.01, 0.99, size=(20, len(model.features)))
    X[:, model.features.index("loudness")] *= -20
    model.explain(X[:1])
    seconds = []
    for row in X:
        start = time.process_time()
        model.explain([row])
        seconds.append(time.process_time() - start)
    assert min(seconds) < 0.005
    assert set(model.moods) == set(MOOD_NAMES)
