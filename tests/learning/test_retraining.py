"""Recipes trained anew on the same splits, and read out of files that may be anybody's."""

from dataclasses import replace

import numpy as np
import pytest

from affetto.demo import demo_table
from affetto.errors import UsageError
from affetto.features import FEATURE_NAMES
from affetto.learning.candidates import BY_NAME
from affetto.learning.dataset import gather
from affetto.learning.labels import resolve_tables
from affetto.learning.retraining import recipe_of, retrained
from affetto.model import MoodModel
from affetto.scorers import Linear, Pipeline


def made_as(candidate, settings, features=FEATURE_NAMES):
    """A model that says how it was made; what it would say of tracks does not matter here."""
    pipeline = Pipeline((), Linear(np.zeros((2, len(features))), np.zeros(2)))
    about = {"candidate": candidate, "settings": settings}
    return MoodModel(("Dark", "Happy"), features, (pipeline,), about=about)


GOOD = made_as("logistic", {"logistic": {"C": 1.0}})
BLIND = made_as("majority", {"majority": {}})


@pytest.fixture(scope="module")
def tracks():
    table = demo_table(tracks_per_playlist=20)
    return gather(resolve_tables(table), group="playlist")[0]


def test_a_recipe_that_learns_beats_one_that_does_not(tracks):
    result = retrained({"A": BLIND, "B": GOOD}, replace(tracks, groups=None), jobs=1)["A", "B"]
    assert result["splits"] == 20
    assert result["rule"] == "4 times 5 folds drawn at random"
    assert result["accuracy_a"] == pytest.approx(0.2)
    assert result["difference"] == pytest.approx(result["accuracy_b"] - 0.2)
    assert result["p"] < 0.001
    assert result["low"] > 0
    assert result["words"].startswith(
        "Trained anew on these tracks, the recipe of B is right more often: "
    )


def test_groups_are_kept_unseen(tracks):
    steps = []
    result = retrained(
        {"A": GOOD, "B": GOOD}, tracks, jobs=1, progress=lambda *step: steps.append(step)
    )["A", "B"]
    assert result["rule"] == "one group of every mood held out, all 32 ways"
    assert (result["difference"], result["p"], result["t"]) == (0.0, 1.0, 0.0)
    assert "no difference between the recipes can be told" in result["words"]
    assert steps[-1][1] == steps[-1][2]
    assert [done for _, done, _ in steps] == sorted(done for _, done, _ in steps)


def test_each_recipe_has_its_own_features(tracks):
    few = made_as("logistic", {"logistic": {"C": 1.0}}, features=("liveness",))
    result = retrained({"A": few, "B": GOOD}, replace(tracks, groups=None), jobs=1)["A", "B"]
    assert result["accuracy_a"] < result["accuracy_b"] - 0.2


@pytest.mark.parametrize("name", [name for name, one in BY_NAME.items() if not one.members])
def test_what_training_writes_is_read_again(name):
    candidate = BY_NAME[name]
    for point in (candidate.settings, *candidate.grid):
        settings = {**candidate.settings, **point}
        assert recipe_of("A", made_as(name, {name: settings})) == (candidate, {name: settings})


def test_the_settings_of_all_members_of_a_vote_are_needed():
    vote = BY_NAME["vote"]
    settings = {name: dict(BY_NAME[name].settings) for name in vote.members}
    assert recipe_of("A", made_as("vote", settings))[1] == settings
    del settings[vote.members[-1]]
    with pytest.raises(UsageError, match="A holds settings of"):
        recipe_of("A", made_as("vote", settings))


@pytest.mark.parametrize(
    "settings",
    [
        {"width": 10**9, "alpha": 1.0},
        {"width": True, "alpha": 1.0},
        {"n_jobs": 64},
        {"alpha": [1.0]},
        "all of it",
        None,
    ],
    ids=str,
)
def test_a_file_cannot_ask_for_settings_that_nobody_tries(settings):
    model = made_as("network-tuned", {"network-tuned": settings})
    with pytest.raises(UsageError, match="settings of network-tuned that this affetto never tries"):
        recipe_of("A", model)


def test_a_model_that_does_not_tell_its_recipe():
    with pytest.raises(UsageError, match="A does not say how it was made, which cannot be"):
        recipe_of("A", replace(GOOD, about={}))
    with pytest.raises(UsageError, match="A was made as 'pooled', which cannot be repeated on one"):
        recipe_of("A", made_as("pooled", {}))
    with pytest.raises(UsageError, match="was made as 7"):
        recipe_of("A", made_as(7, {}))
