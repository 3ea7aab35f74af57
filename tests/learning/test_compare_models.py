"""Models side by side, on tracks where it is known which is right how often."""

import json

import numpy as np
import polars as pl
import pytest

from affetto.errors import FeatureMismatchError, LabelError, TableError, UsageError
from affetto.learning.compare_models import CAVEAT, compare_models
from affetto.learning.dataset import gather
from affetto.learning.labels import resolve_tables
from affetto.model import MoodModel
from affetto.scorers import Linear, Pipeline

FEATURES = ("valence", "energy", "danceability", "acousticness", "liveness")


def knows(feature, *, moods=("Dark", "Happy"), features=FEATURES, sure=20.0, **about):
    """A model that calls a track the second mood where one feature is above one half."""
    coef = np.zeros((len(moods), len(features)))
    coef[1, features.index(feature)] = sure
    intercept = np.r_[0.0, -sure / 2, [-50.0] * (len(moods) - 2)]
    return MoodModel(moods, features, (Pipeline((), Linear(coef, intercept)),), about=about)


def table(n=200, right=(("valence", 0.9), ("energy", 0.7)), labels=("Dark", "Happy"), seed=0):
    """Tracks whose features point to their mood in a given share of cases each."""
    draw = np.random.default_rng(seed)
    second = np.arange(n) % 2 == 1
    columns = {name: draw.uniform(0, 1, n) for name in FEATURES}
    for name, share in right:
        points = np.where(np.arange(n) // 2 % n < share * n / 2, second, ~second)
        columns[name] = np.where(points, 0.75, 0.25) + draw.uniform(-0.2, 0.2, n)
    return pl.DataFrame({**columns, "mood": np.array(labels)[second.astype(int)]}).with_columns(
        playlist=pl.Series([f"p{i // 20}" for i in range(n)])
    )


def compared(models, frame, **options):
    return compare_models(models, resolve_tables(frame), **options)


BOTH = {"A": knows("energy"), "B": knows("valence")}


# ---------------------------------------------------------------- measures and verdicts


def test_the_better_model_is_found_and_said():
    result = compared(BOTH, table())
    a, b = result["models"]
    assert (a["accuracy"], b["accuracy"]) == (0.7, 0.9)
    assert a["low"] < 0.7 < a["high"]
    assert set(a) >= {"balanced_accuracy", "log_loss", "ece", "confusion", "per_mood"}
    (pair,) = result["pairs"]
    assert pair["difference"] == pytest.approx(0.2)
    assert pair["low"] < 0.2 < pair["high"]
    assert pair["mcnemar"]["only_b"] == 40
    assert pair["mcnemar"]["only_a"] == 0
    assert pair["p"] == pair["mcnemar"]["p_mid"] == pytest.approx(2**-40)
    assert pair["words"].startswith(
        "B is right more often: 90% against 70% on 200 tracks; by chance alone, a difference so "
        "large comes up with p < .001."
    )
    assert "The probabilities of B are the better ones: log-loss lower by" in pair["words"]
    assert result["caveat"] == CAVEAT
    assert result["warnings"] == []
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_the_order_of_models_does_not_matter_to_the_verdict():
    words = compared(dict(reversed(BOTH.items())), table())["pairs"][0]["words"]
    assert words.startswith("B is right more often: 90% against 70%")


def test_too_small_a_difference_is_called_none():
    frame = table(40, right=(("valence", 0.8), ("energy", 0.7)))
    words = compared(BOTH, frame)["pairs"][0]["words"]
    assert words.startswith(
        "No difference can be told on 40 tracks: A is right on 70%, B on 80% (p = .062)."
    )


def test_models_that_never_disagree_in_what_is_right():
    twins = {"A": knows("energy"), "B": knows("energy", sure=40.0)}
    words = compared(twins, table())["pairs"][0]["words"]
    assert words == "A and B are right and wrong on the same tracks, all 200."


def test_several_models_make_pairs_and_their_p_is_corrected():
    models = BOTH | {"C": knows("danceability")}
    result = compared(models, table(40))
    assert [(pair["a"], pair["b"]) for pair in result["pairs"]] == [
        ("A", "B"), ("A", "C"), ("B", "C")
    ]  # fmt: skip
    assert all(pair["p_corrected"] >= pair["p"] for pair in result["pairs"])
    assert "corrected for 3 pairs" in result["pairs"][0]["words"]


@pytest.mark.parametrize("count", [1, 7])
def test_two_to_six_models(count):
    with pytest.raises(UsageError, match=f"{count} models named; expected 2 to 6"):
        compared({f"m{i}": knows("energy") for i in range(count)}, table())


def test_each_model_reads_its_own_features_in_its_own_order():
    turned = knows("valence", features=("valence", "energy"))
    result = compared({"A": knows("valence"), "B": turned}, table())
    assert [one["accuracy"] for one in result["models"]] == [0.9, 0.9]


def test_rows_are_cleaned_before_they_judge():
    frame = table(40)
    frame = pl.concat([frame, frame.head(5), frame.head(1).with_columns(energy=None)])
    result = compared(BOTH, frame)
    assert (result["rows"], result["rows_used"]) == (46, 40)
    assert any("given more than once" in text for text in result["findings"])


def test_a_handful_of_tracks_is_judged_and_proves_nothing():
    (pair,) = compared(BOTH, table(4, right=(("valence", 1.0), ("energy", 0.5))))["pairs"]
    assert pair["mcnemar"]["only_b"] == 2
    assert pair["words"].startswith("No difference can be told on 4 tracks")


# ---------------------------------------------------------------- groups


def test_with_groups_whole_groups_are_the_witnesses():
    """All that B is better at lies in four of twenty playlists, as do a thousand tracks."""
    frame = table(400, right=(("valence", 0.9), ("energy", 0.7)))
    (loose,) = compared(BOTH, frame)["pairs"]
    (pair,) = compared(BOTH, frame, group="playlist")["pairs"]
    assert pair["groups"]["n"] == 20
    assert (pair["groups"]["for_b"], pair["groups"]["for_a"]) == (4, 0)
    assert pair["p"] == pytest.approx(2 / 2**4)
    assert loose["p"] < 1e-9
    assert pair["words"].startswith("No difference can be told on 400 tracks of 20 groups")
    assert pair["high"] - pair["low"] > 1.5 * (loose["high"] - loose["low"])
    assert pair["groups"]["each"][0]["difference"] == pytest.approx(1.0)


def test_fewer_than_six_groups_can_never_tell():
    frame = table(400).with_columns(playlist=pl.Series([f"p{i % 5}" for i in range(400)]))
    (pair,) = compared(BOTH, frame, group="playlist")["pairs"]
    assert pair["p"] == pytest.approx(2 / 2**5)
    assert "With fewer than 6 groups none ever could" in pair["words"]


def test_one_group_is_judged_without_an_interval():
    frame = table(40).with_columns(playlist=pl.lit("mine"))
    result = compared(BOTH, frame, group="playlist")
    assert result["groups"] == 1
    assert result["pairs"][0]["low"] is None
    assert result["models"][0]["group_intervals"] is None
    assert json.dumps(result, allow_nan=False)


def test_a_group_column_that_is_missing():
    with pytest.raises(TableError, match="no table has a group column 'artist'; columns: "):
        compared(BOTH, table(), group="artist")


# ---------------------------------------------------------------- vocabularies


WIDER = knows("valence", moods=("Dark", "Happy", "Relaxing"))


def test_models_of_different_vocabularies_are_refused_with_what_to_do():
    with pytest.raises(UsageError, match="tell different moods apart: B knows Relaxing") as caught:
        compared({"A": knows("energy"), "B": WIDER}, table())
    assert "among the 2 moods that all know with --shared-moods" in str(caught.value)
    assert "--map" in str(caught.value)


def test_shared_moods_are_judged_among_themselves():
    """B calls everything Relaxing first, and is right about the rest."""
    coef = np.zeros((3, len(FEATURES)))
    coef[1, FEATURES.index("valence")] = 20.0
    shy = MoodModel(
        ("Dark", "Happy", "Relaxing"), FEATURES,
        (Pipeline((), Linear(coef, np.array([0.0, -10.0, 19.0]))),),
    )  # fmt: skip
    frame = pl.concat([table(40), table(10, seed=9).with_columns(mood=pl.lit("Relaxing"))])
    result = compared({"A": knows("energy"), "B": shy}, frame, shared_moods=True)
    assert result["moods"] == ["Dark", "Happy"]
    assert result["rows_used"] == 40
    assert result["models"][1]["accuracy"] == 0.9
    assert "10 tracks of moods that not all models know: left out" in result["warnings"][0]


def test_nothing_in_common_is_refused_even_with_shared_moods():
    other = knows("valence", moods=("calm", "wild"))
    for shared in (False, True):
        with pytest.raises(UsageError, match=r"no mood in common \(A knows Dark and Happy; B"):
            compared({"A": knows("energy"), "B": other}, table(), shared_moods=shared)
    one = knows("valence", moods=("Dark", "wild"))
    with pytest.raises(UsageError, match="only Dark in common"):
        compared({"A": knows("energy"), "B": one}, table(), shared_moods=True)


def test_moods_of_models_are_mapped_too():
    other = knows("valence", moods=("gloom", "joyous"))
    result = compared(
        {"A": knows("energy"), "B": other}, table(), mapping={"gloom": "Dark", "Joyous": "happy"}
    )
    assert [one["accuracy"] for one in result["models"]] == [0.7, 0.9]


def test_moods_that_are_read_as_one_share_their_probability():
    """Calm and gloom are both Dark to A: p = .3 + .3 against .4."""
    coef, intercept = np.zeros((3, len(FEATURES))), np.log([0.3, 0.4, 0.3])
    three = MoodModel(
        ("calm", "Happy", "gloom"), FEATURES, (Pipeline((), Linear(coef, intercept)),)
    )
    result = compared(
        {"A": three, "B": knows("valence")}, table(), mapping={"calm": "Dark", "gloom": "Dark"}
    )
    assert result["models"][0]["per_mood"]["Dark"]["recall"] == 1.0
    assert result["models"][0]["log_loss"] == pytest.approx(-(np.log(0.6) + np.log(0.4)) / 2)


def test_a_mapping_that_names_nothing_is_refused():
    with pytest.raises(UsageError, match="label 'joy' does not occur in table; found: dark, happy"):
        compared(BOTH, table(), mapping={"joy": "Happy"})
    with pytest.raises(UsageError, match="label 'sad' does not occur"):
        compared(BOTH, table(), drop=["sad"])


def test_labels_that_no_model_knows_are_named_with_what_to_do():
    frame = table(40).with_columns(mood=pl.col("mood").replace("Dark", "sad"))
    with pytest.raises(LabelError, match=r"do not know sad \(20 tracks\); .*--drop sad.*--map"):
        compared(BOTH, frame)
    assert compared(BOTH, frame, mapping={"sad": "Dark"})["rows_used"] == 40
    alone = compared(BOTH, frame, drop=["sad"])
    assert alone["per_mood"] == {"Happy": 20}
    assert alone["warnings"] == ["No track here is Dark: of these, nothing is known."]


def test_labels_in_another_case_are_understood():
    own = {
        "A": knows("energy", moods=("Gloom", "Joy")),
        "B": knows("valence", moods=("Gloom", "Joy")),
    }
    result = compared(own, table(40, labels=("gloom", " JOY ")))
    assert result["per_mood"] == {"Gloom": 20, "Joy": 20}


def test_a_feature_that_the_table_lacks():
    with pytest.raises(FeatureMismatchError, match="table has no column for energy, which A needs"):
        compared({"A": knows("energy"), "B": knows("valence", features=("valence",))},
                 table().drop("energy"))  # fmt: skip


# ---------------------------------------------------------------- learned from these tracks?


def test_a_model_trained_on_these_very_tracks_is_found_out():
    frame = table(40)
    # In an order of its own, not the canonical one that tracks are read in here.
    tracks, _ = gather(resolve_tables(frame), features=FEATURES)
    same = knows("energy", fingerprint=tracks.fingerprint())
    result = compared({"A": same, "B": knows("valence")}, frame)
    assert result["warnings"] == [
        "A was trained on exactly these tracks: its figures here flatter it, and a comparison "
        "with a model that was not is unfair."
    ]


def test_a_table_of_the_same_name_is_mentioned():
    named = knows("energy", tables=["table", 7, None])
    (warning,) = compared({"A": named, "B": knows("valence", tables="table")}, table())["warnings"]
    assert warning.startswith("A was trained on a table called table: if it is this one")
