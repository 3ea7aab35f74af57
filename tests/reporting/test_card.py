"""The model card: what a model says of itself, in words, and nothing that it does not know."""

import numpy as np
import pytest

from affetto import __version__
from affetto.demo import demo_table
from affetto.features import FEATURE_NAMES
from affetto.learning.classifier import MoodClassifier
from affetto.learning.workflow import train
from affetto.model import MoodModel
from affetto.reporting.card import card_facts

ABOUT = {
    "candidate": "logistic-tuned",
    "settings": {"logistic-tuned": {"C": 0.3594}},
    "tables": ["songs.csv", "more.csv"],
    "synthetic": False,
    "tracks": 1883,
    "per_mood": {"Dark": 1000, "Happy": 883},
    "fingerprint": "56b1fa85ecd2" + "0" * 52,
    "test": {
        "accuracy": 0.733,
        "low": 0.68,
        "high": 0.78,
        "n": 292,
        "per_mood": {"Dark": {"recall": 0.82}, "Happy": {"recall": 0.64}},
    },
    "unseen_group": {
        "accuracy": 0.507,
        "balanced_accuracy": 0.48,
        "rule": "one group of every mood held out, all 4 ways",
    },
    "versions": {"affetto": "0.1.0", "scikit-learn": "1.9"},
}


@pytest.fixture(scope="module")
def plain():
    """A model without any evidence."""
    rng = np.random.default_rng(0)
    X, y = rng.random((60, 10)), np.repeat(["Dark", "Happy"], 30)
    return MoodClassifier("logistic").fit(X, y).to_model("mine")


@pytest.fixture
def facts(plain):
    return card_facts(plain.with_about(ABOUT))


class TestFacts:
    def test_what_it_is(self, facts):
        assert facts["kind"] == "linear, from candidate logistic-tuned: C = 0.359"
        assert facts["moods"] == "Dark and Happy"
        assert facts["features"].startswith("energy, liveness, tempo")
        assert facts["features"].endswith("and valence (version 1)")

    def test_what_it_learned_from(self, facts):
        assert facts["trained on"] == "1,883 tracks of songs.csv and more.csv"
        assert facts["tracks a mood"] == "Dark 1,000 and Happy 883"
        assert facts["data"] == "real tracks"
        assert facts["fingerprint"] == "56b1fa85ecd2"
        assert facts["versions"] == (
            f"made by affetto 0.1.0 and scikit-learn 1.9; read by affetto {__version__}"
        )

    def test_what_was_measured(self, facts):
        assert facts["random split"] == (
            "73% right (68% to 78% with 95% confidence), on 292 tracks drawn at random; "
            "optimistic for new music"
        )
        assert facts["unseen groups"] == (
            "51% right, 48% when every mood counts the same "
            "(one group of every mood held out, all 4 ways)"
        )
        assert facts["recall a mood"] == "Dark 82% and Happy 64% (random split)"

    def test_the_weakest_mood_is_named(self, plain, facts):
        assert facts["weakness"] == (
            "recognises only 64% of Happy tracks (random split); on groups never seen, fewer"
        )
        unseen = ABOUT["unseen_group"] | {
            "per_mood": {"Dark": {"recall": 0.4}, "Happy": {"recall": 0.1}}
        }
        weakness = card_facts(plain.with_about(ABOUT | {"unseen_group": unseen}))["weakness"]
        assert (
            weakness == "recognises only 10% of Happy and 40% of Dark tracks on groups never seen"
        )

    def test_without_groups_the_figure_is_said_to_be_missing(self, plain):
        facts = card_facts(plain.with_about(ABOUT | {"unseen_group": None}))
        assert facts["unseen groups"].startswith("not measured: train with --group")
        assert facts["weakness"].endswith("how it does on groups never seen is not known")

    def test_synthetic_tracks_are_said_to_be(self, plain):
        facts = card_facts(plain.with_about(ABOUT | {"synthetic": True}))
        assert facts["data"] == "synthetic: its figures say nothing about real music"


SOURCES = {
    "balanced_accuracy": 0.7387,
    "ece": 0.0187,
    "sources": {
        "one": {"balanced_accuracy": 0.36},
        "my-two": {"balanced_accuracy": 0.98},
    },
    "without": [
        {"source": "my-two", "log_loss": -0.021, "se": 0.01, "hurts": True},
        {"source": "one", "log_loss": 0.01, "se": 0.01, "hurts": False},
    ],
}


class TestSources:
    def test_collections_never_seen(self, plain):
        facts = card_facts(plain.with_about(ABOUT | {"unseen_source": SOURCES}))
        assert facts["unseen sources"] == (
            "74% right when every mood counts the same, mean of 2 collections never seen, each "
            "judged among the moods it holds: from 36% (one) to 98% (my-two)"
        )

    def test_tables_that_hurt_are_named_and_only_those(self, plain):
        facts = card_facts(plain.with_about({"unseen_source": SOURCES}))
        assert (
            facts["tables that hurt"] == "my-two (without it, the others' log-loss falls by 0.021)"
        )
        harmless = SOURCES | {"without": SOURCES["without"][1:]}
        facts = card_facts(plain.with_about({"unseen_source": harmless}))
        assert facts["tables that hurt"].startswith("none clearly: each of 1 was left out")

    def test_confidence(self, plain):
        unseen = ABOUT["unseen_group"] | {"ece": 0.0362}
        about = ABOUT | {"unseen_group": unseen, "unseen_source": SOURCES}
        about |= {"calibration": {"used": None, "words": "none is used"}}
        assert card_facts(plain.with_about(about))["confidence"] == (
            "off by 0.036 on groups never seen and 0.019 on sources never seen, on average; "
            "calibration: none is used"
        )

    def test_nothing_measured_is_nothing_said(self, facts):
        assert not {"unseen sources", "tables that hurt", "confidence"} & facts.keys()

    @pytest.mark.parametrize("odd", [3, "x", [1], {"x": 1}, None, True, [{"source": 3}]])
    @pytest.mark.parametrize("key", list(SOURCES))
    def test_whatever_a_file_says_the_card_is_words(self, plain, key, odd):
        about = {"unseen_source": SOURCES | {key: odd}, "calibration": odd}
        facts = card_facts(plain.with_about(about))
        assert all(isinstance(fact, str) and fact for fact in facts.values())


class TestRows:
    def test_a_linear_model_holds_none(self, plain):
        assert card_facts(plain)["training rows"] == "it holds none"

    def test_support_vectors_are_rows(self):
        rng = np.random.default_rng(0)
        X, y = rng.random((60, 10)), np.repeat(["Dark", "Happy"], 30)
        facts = card_facts(MoodClassifier("svm").fit(X, y).to_model())
        assert "it holds some" in facts["training rows"]


class TestWithoutEvidence:
    def test_what_is_not_known_is_said_so(self, plain):
        facts = card_facts(plain)
        assert facts["kind"] == "linear"
        assert facts["trained on"] == facts["data"] == "the model does not say"
        assert facts["random split"] == facts["recall a mood"] == "not measured"
        assert facts["weakness"] == "not known: nothing was measured"
        assert facts["versions"] == f"read by affetto {__version__}"
        assert not {"fingerprint", "tracks a mood"} & facts.keys()

    @pytest.mark.parametrize("odd", [3, "x", [1], {"x": 1}, None, True, {"per_mood": {"Dark": 3}}])
    @pytest.mark.parametrize("key", list(ABOUT))
    def test_whatever_a_file_says_the_card_is_words(self, plain, key, odd):
        facts = card_facts(plain.with_about(ABOUT | {key: odd}))
        assert all(isinstance(fact, str) and fact for fact in facts.values())


def test_an_average_names_its_parts(plain):
    pair = MoodModel(
        moods=plain.moods, features=FEATURE_NAMES, pipelines=plain.pipelines * 2, name="two"
    )
    assert card_facts(pair)["kind"] == "average of 2 (linear)"


def test_a_trained_model_tells_all():
    run = train(demo_table(tracks_per_playlist=12), candidates=("logistic",), jobs=1)
    facts = card_facts(run.model)
    assert list(facts)[:3] == ["kind", "moods", "features"]
    assert facts["trained on"].startswith(f"{run.evidence['data']['rows_used']} tracks")
    assert "right" in facts["random split"]
    assert facts["unseen groups"].startswith("not measured")
