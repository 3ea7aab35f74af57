"""The whole workflow: its evidence, its reproducibility, its untouched test set, its files."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_array_equal

import affetto
from affetto.demo import demo_table
from affetto.errors import LabelError, OutputError, TableError, UsageError
from affetto.learning import candidates, needs, record, workflow
from affetto.learning.candidates import BY_NAME, CANDIDATES
from affetto.learning.comparison import Judge
from affetto.learning.dataset import gather
from affetto.learning.interpretation import odds_ratios
from affetto.learning.labels import resolve_tables
from affetto.learning.splits import hold_out
from affetto.learning.workflow import STAGES, Settings, train
from affetto.model import MoodModel
from affetto.moods import MOOD_NAMES

QUICK = ("majority", "logistic-tuned", "network")
LATE = {
    "test", "unseen_group", "unseen_source", "consistency", "needs", "rules", "suspects",
    "advice", "seconds",
}  # fmt: skip
"""Keys of the evidence that may know of the test set."""


@pytest.fixture(scope="module", autouse=True)
def quick():
    """Few trees, repeats and bootstrap samples: as good to test with."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidates, "N_TREES", 10)
        patch.setattr(workflow, "COMPARE_REPEATS", 2)
        patch.setattr(workflow, "CURVE_SHARES", (0.1, 0.5, 1.0))
        patch.setattr(workflow, "odds_ratios", partial(odds_ratios, n_bootstrap=12))
        patch.setattr(needs, "N_DRAWS", 20)
        yield


class Watched:
    """A training run with the progress that it told."""

    def __init__(self, table, **options):
        self.told = []
        self.run = train(table, jobs=1, progress=lambda *step: self.told.append(step), **options)
        self.evidence = self.run.evidence
        self.model = self.run.model


@pytest.fixture(scope="module")
def table():
    return demo_table(tracks_per_playlist=20)


@pytest.fixture(scope="module")
def plain(table):
    return Watched(table, candidates=QUICK)


@pytest.fixture(scope="module")
def grouped(table):
    return Watched(table, candidates=QUICK, group="playlist")


def without_seconds(value):
    if isinstance(value, dict):
        return {key: without_seconds(part) for key, part in value.items() if key != "seconds"}
    return [without_seconds(part) for part in value] if isinstance(value, list) else value


# ---------------------------------------------------------------- the evidence


def test_the_evidence_has_every_key_that_others_read(grouped):
    evidence = grouped.evidence
    assert {
        "moods", "features", "seed", "seconds", "data", "candidates", "chosen", "test",
        "unseen_group", "learning_curve", "gap", "interpretation", "consistency", "advice",
    } <= set(evidence)  # fmt: skip
    assert {
        "rows", "dropped_duplicates", "dropped_conflicts", "shared_between_tables", "rows_used",
        "per_mood", "groups",
    } <= set(evidence["data"])  # fmt: skip
    for row in evidence["candidates"]:
        assert {"name", "cv", "train_accuracy", "unseen_group", "seconds"} <= set(row)
        assert {"accuracy", "sd", "low", "high"} <= set(row["cv"])
        assert {"accuracy", "balanced_accuracy"} <= set(row["unseen_group"])
    assert {
        "accuracy", "low", "high", "balanced_accuracy", "macro_f1", "log_loss", "ece",
        "confusion", "per_mood",
    } <= set(evidence["test"])  # fmt: skip
    for figures in evidence["test"]["per_mood"].values():
        assert set(figures) == {"precision", "recall", "f1", "n"}
    assert {
        "accuracy", "balanced_accuracy", "log_loss", "ece", "coverage", "confusion", "folds",
        "intervals", "chosen_by", "chosen",
    } <= set(evidence["unseen_group"])  # fmt: skip
    low, high = evidence["unseen_group"]["intervals"]["balanced_accuracy"]
    assert low < evidence["unseen_group"]["balanced_accuracy"] < high
    assert sum(evidence["unseen_group"]["chosen"].values()) == evidence["unseen_group"]["folds"]
    assert {row["group"] for row in evidence["consistency"]} == set(evidence["data"]["groups"])
    assert {row["mood"] for row in evidence["needs"]["moods"]} == set(MOOD_NAMES)
    assert evidence["unseen_source"] is None  # one table
    assert "0.5" in evidence["unseen_group"]["coverage"]
    for point in evidence["learning_curve"]:
        assert {"n", "train", "validation"} <= set(point)
    assert {"train", "validation", "verdict"} <= set(evidence["gap"])
    for rows in evidence["interpretation"].values():
        assert {"feature", "odds_ratio", "low", "high"} == set(rows[0])
    for piece in evidence["advice"]:
        assert {"finding", "evidence", "do"} == set(piece)


@pytest.mark.parametrize("name", ["plain", "grouped"])
def test_the_evidence_is_json_without_nan(name, request):
    evidence = request.getfixturevalue(name).evidence
    assert json.loads(json.dumps(evidence, allow_nan=False)) == evidence


def test_figures_agree_with_one_another(plain):
    evidence = plain.evidence
    assert evidence["moods"] == list(MOOD_NAMES)
    assert evidence["data"]["rows_used"] == evidence["data"]["rows"] == 200
    assert evidence["data"]["per_mood"] == dict.fromkeys(MOOD_NAMES, 40)
    split = evidence["split"]
    assert sum(split["train"].values()) == 134
    assert sum(split["test"].values()) == evidence["test"]["n"] == 66
    confusion = np.array(evidence["test"]["confusion"])
    assert confusion.sum() == 66
    assert evidence["test"]["accuracy"] == pytest.approx(np.trace(confusion) / 66)
    assert evidence["test"]["low"] < evidence["test"]["accuracy"] < evidence["test"]["high"]
    assert evidence["learning_curve"][-1]["n"] == round(134 * 4 / 5)
    sizes = [point["n"] for point in evidence["learning_curve"]]
    assert sizes == sorted(sizes)
    assert evidence["chosen_cv"]["n"] == 134
    assert evidence["unseen_group"] is None
    assert evidence["chosen"] in {row["name"] for row in evidence["candidates"]}
    assert [len(evidence["searches"][name]) for name in evidence["searches"]] == [10]
    assert evidence["seconds"] > 0


def test_it_learns_something(plain):
    by_name = {row["name"]: row for row in plain.evidence["candidates"]}
    assert by_name["majority"]["cv"]["accuracy"] == pytest.approx(0.2, abs=0.02)
    assert by_name["logistic-tuned"]["cv"]["accuracy"] > 0.5
    assert plain.evidence["chosen"] != "majority"
    assert plain.evidence["test"]["accuracy"] > 0.5


def test_groups_are_kept_unseen(grouped, table):
    evidence = grouped.evidence
    groups = dict(table["playlist"].value_counts().iter_rows())
    assert evidence["data"]["groups"] == groups
    assert evidence["unseen_group"]["folds"] == 32
    assert evidence["unseen_group"]["rule"] == "one group of every mood held out, all 32 ways"
    assert evidence["choice"]["measure"] == "balanced accuracy on unseen groups"
    # Each way holds half the tracks out.
    assert np.sum(evidence["unseen_group"]["confusion"]) == 32 * 100
    random = {row["name"]: row["cv"]["accuracy"] for row in evidence["candidates"]}
    unseen = {row["name"]: row["unseen_group"]["accuracy"] for row in evidence["candidates"]}
    assert unseen["logistic-tuned"] < random["logistic-tuned"] - 0.1  # playlists differ
    assert evidence["advice"][0]["finding"].startswith("Expect ")


def test_settings_protocol_and_versions_are_told(grouped):
    evidence = grouped.evidence
    assert evidence["settings"] == {
        "group": "playlist",
        "features": None,
        "candidates": list(QUICK),
        "engineering": True,
        "test_size": 0.33,
        "seed": 42,
        "keep_duplicates": False,
    }
    assert evidence["protocol"] == {
        "searched_by": "unseen groups",
        "search_folds": 8,
        "searched_on": sum(evidence["split"]["train"].values()),
        "compare_folds": 5,
        "compare_repeats": 2,
    }
    assert evidence["versions"]["numpy"] == np.__version__
    assert evidence["affetto"] == affetto.__version__


def test_the_source_is_told(table):
    tracks = table.head(60).with_columns(mood=pl.Series(["a", "b"] * 30))
    source = Watched(tracks, candidates=("logistic",)).evidence["source"]
    assert source["tables"][0] == {"name": "table", "mood": None, "label": "mood", "notes": []}
    assert source["group"] is None
    assert source["group_like_column"] == "playlist"


# ---------------------------------------------------------------- reproducible


def test_the_same_seed_gives_the_same_evidence(table, grouped):
    again = Watched(table, candidates=QUICK, group="playlist")
    assert without_seconds(again.evidence) == without_seconds(grouped.evidence)
    X = table.select(again.model.features).to_numpy()
    assert_array_equal(again.model.predict_proba(X), grouped.model.predict_proba(X))
    assert again.model.about == grouped.model.about


def test_another_seed_gives_another_split(table, plain):
    other = Watched(table, candidates=QUICK, seed=43).evidence
    assert other["seed"] == 43
    for key in ("test", "candidates", "learning_curve", "interpretation", "searches"):
        assert without_seconds(other[key]) != without_seconds(plain.evidence[key])


# ---------------------------------------------------------------- the test set


def carried_out(tracks, audit, sources, options):
    judge = Judge(tracks, 42, 1, lambda *step: None)
    return workflow._Run(tracks, Settings(**options), judge).carry_out(sources, audit)


def test_nothing_but_the_test_knows_the_test_set(table, monkeypatch):
    """Tracks and labels of the test side are exchanged: all that comes before stays the same."""
    options = {"candidates": ("logistic-tuned",), "group": "playlist"}
    sources = resolve_tables(table)
    tracks, audit = gather(sources, group="playlist")
    learn, held = hold_out(tracks.labels)
    monkeypatch.setattr(workflow, "hold_out", lambda *_: (learn, held))

    X, y, groups = tracks.X.copy(), tracks.y.copy(), tracks.groups.copy()
    mixed = np.random.default_rng(0).permutation(held)
    X[held] = X[mixed] * 0.5
    y[held], groups[held] = y[np.roll(held, 7)], groups[np.roll(held, 7)]
    changed = replace(tracks, X=X, y=y, groups=groups)

    (before, model), (after, other) = (
        carried_out(one, audit, sources, options) for one in (tracks, changed)
    )
    assert before["test"] != after["test"]
    assert before["unseen_group"] != after["unseen_group"]
    for key in set(before) - LATE:
        assert without_seconds(before[key]) == without_seconds(after[key]), key
    # The model that is given out has learned from all tracks, and says so.
    assert np.abs(model.predict_proba(tracks.X) - other.predict_proba(tracks.X)).max() > 0.01
    assert model.about["fitted_on"] == "all usable tracks, after the test"
    assert model.about["fingerprint"] != other.about["fingerprint"]


def test_the_test_is_judged_by_a_model_that_has_not_seen_it(table, monkeypatch):
    """Of labels without sense a memorising candidate knows those it has learned, and no others."""
    sources = resolve_tables(table)
    tracks, audit = gather(sources)
    senseless = replace(tracks, y=np.random.default_rng(3).permutation(tracks.y))
    choice = {"measure": "none", "words": "by hand"}
    monkeypatch.setattr(workflow, "choose_by_folds", lambda _: (BY_NAME["extra-trees"], choice))
    evidence, model = carried_out(senseless, audit, sources, {"candidates": ("extra-trees",)})
    by_name = {row["name"]: row for row in evidence["candidates"]}
    assert by_name["extra-trees"]["train_accuracy"] > 0.6
    assert by_name["extra-trees"]["cv"]["accuracy"] < 0.35
    assert evidence["test"]["accuracy"] < 0.35
    assert (model.predict(tracks.X) == senseless.labels).mean() > 0.5  # it has learned from all


# ---------------------------------------------------------------- the model


def test_the_model_tells_of_its_training(grouped):
    about, evidence = grouped.model.about, grouped.evidence
    assert about["candidate"] == evidence["chosen"]
    assert about["test"]["accuracy"] == evidence["test"]["accuracy"]
    assert about["unseen_group"]["balanced_accuracy"] == pytest.approx(
        evidence["unseen_group"]["balanced_accuracy"]
    )
    assert about["per_mood"] == evidence["data"]["per_mood"]
    assert about["tables"] == ["table"]
    assert len(about["fingerprint"]) == 64
    assert set(about["settings"]) == {evidence["chosen"]}
    assert grouped.model.name == BY_NAME[evidence["chosen"]].title


def test_the_saved_model_is_the_model(plain, table, tmp_path):
    folder = plain.run.save(tmp_path / "new" / "folder")
    assert sorted(path.name for path in folder.iterdir()) == ["evidence.json", "model.affetto"]
    loaded = MoodModel.load(folder / "model.affetto")
    X = table.select(plain.model.features).to_numpy()
    assert_array_equal(loaded.predict_proba(X), plain.model.predict_proba(X))
    assert loaded.about == plain.model.about
    text = (folder / "evidence.json").read_text(encoding="utf-8")
    assert json.loads(text) == plain.evidence
    assert text.endswith("}\n")


def test_a_vote_carries_the_settings_of_its_members():
    settings = {name: {"of": name} for name in BY_NAME}
    vote = BY_NAME["vote"]
    tracks, _ = gather(resolve_tables(demo_table(tracks_per_playlist=6)))
    figures = dict.fromkeys(
        ("accuracy", "balanced_accuracy", "macro_f1", "log_loss", "ece", "n", "low", "high"), 0.5
    )
    evidence = {
        "unseen_group": None,
        "unseen_source": None,
        "rules": [],
        "test": {**figures, "per_mood": {}},
        "source": {"tables": [], "synthetic": False},
        "seed": 1,
    }
    about = record.about_model(evidence, tracks, vote, settings)
    assert about["settings"] == {name: {"of": name} for name in vote.members}


# ---------------------------------------------------------------- saving that fails


def entries(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_a_file_in_place_of_the_folder_is_refused(plain, tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(OutputError, match=r"out is a file; name a folder for the results"):
        plain.run.save(tmp_path / "out")
    with pytest.raises(OutputError, match=r"cannot make the folder"):
        plain.run.save(tmp_path / "out" / "deeper")
    assert entries(tmp_path) == {"out": b"mine"}


def test_a_folder_that_may_not_be_written_to_is_refused(plain, tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(OutputError, match="is not writable; name another with --out"):
        plain.run.save(tmp_path)
    assert entries(tmp_path) == {}


@pytest.mark.parametrize("blocked", ["model.affetto", "evidence.json"])
def test_both_files_are_written_or_neither(plain, tmp_path, blocked):
    other = {"model.affetto", "evidence.json"} - {blocked}
    (tmp_path / blocked).mkdir()
    (tmp_path / other.pop()).write_bytes(b"an older run's")
    before = entries(tmp_path)
    with pytest.raises(OutputError, match=rf"cannot write .*{blocked}: it is a folder"):
        plain.run.save(tmp_path)
    assert entries(tmp_path) == before


def test_a_full_disk_leaves_the_older_run_as_it_was(plain, tmp_path, monkeypatch):
    plain.run.save(tmp_path)
    before = entries(tmp_path)

    def full(*_):
        raise OutputError("no space left on device")

    monkeypatch.setattr(workflow, "write_text", full)
    changed = replace(plain.run, model=replace(plain.model, name="another"))
    with pytest.raises(OutputError, match="no space left"):
        changed.save(tmp_path)
    assert entries(tmp_path) == before


def test_evidence_that_is_no_json_is_found_before_anything_is_written(plain, tmp_path):
    broken = replace(plain.run, evidence={"ece": float("nan")})
    with pytest.raises(ValueError, match="not JSON compliant"):
        broken.save(tmp_path / "new")
    assert not (tmp_path / "new").exists()


# ---------------------------------------------------------------- progress


@pytest.mark.parametrize("name", ["plain", "grouped"])
def test_progress_is_told_for_every_stage_in_order(name, request):
    told = request.getfixturevalue(name).told
    assert tuple(dict.fromkeys(stage for stage, _, _ in told)) == STAGES
    for stage in STAGES:
        steps = [(done, total) for one, done, total in told if one == stage]
        totals = {total for _, total in steps}
        assert len(totals) == 1, stage
        (total,) = totals
        assert [done for done, _ in steps] == list(range(total + 1)), stage


# ---------------------------------------------------------------- settings


def test_candidates_that_take_part():
    names = [candidate.name for candidate in CANDIDATES]
    assert [c.name for c in Settings().compared()] == names
    plain = [name for name in names if name != "logistic-engineered"]
    assert [c.name for c in Settings(engineering=False).compared()] == plain
    assert [c.name for c in Settings(candidates=("svm",)).compared()] == ["logistic", "svm"]
    vote = Settings(candidates=("vote",)).compared()
    assert {c.name for c in vote} == {"vote", "logistic", *BY_NAME["vote"].members}
    assert vote[-1].name == "vote"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"candidates": ("logistic", "smv")}, "unknown candidate 'smv'; there are majority"),
        ({"test_size": 0}, "test size 0: expected a share between 0 and 1"),
        ({"test_size": 1.0}, "test size 1.0: expected a share"),
        ({"test_size": float("nan")}, "test size nan"),
        ({"seed": -1}, "seed -1: expected a whole number from 0"),
        ({"seed": 2**32}, "seed 4294967296: expected a whole number"),
        ({"jobs": 0}, "0 jobs: expected at least 1"),
    ],
)
def test_settings_that_are_off_are_refused(options, message):
    with pytest.raises(UsageError, match=message):
        Settings(**options)
    with pytest.raises(UsageError, match=message):
        train("there/is/no/such.csv", **options)  # before anything is read


def test_options_are_named_once_and_rightly(table):
    with pytest.raises(UsageError, match="either settings or its fields one by one, not both"):
        train(table, settings=Settings(), seed=3)
    with pytest.raises(UsageError, match="unknown option 'grup'; there are candidates, "):
        train(table, grup="playlist")
    with pytest.raises(UsageError, match=r"candidates='logistic': give a sequence of names"):
        train(table, candidates="logistic")


@pytest.mark.parametrize(
    ("change", "options", "error", "message"),
    [
        (lambda t: t.filter(mood="Dark"), {}, LabelError, "only the mood 'Dark'"),
        (lambda t: t.tail(45), {}, LabelError, r"'Aggressive' has 5 tracks that can be used"),
        (lambda t: t.drop("mood"), {}, TableError, "no label column 'mood'; columns: id, title"),
        (lambda t: t, {"group": "album"}, TableError, "no table has a group column 'album'"),
        (lambda t: t, {"features": ("mood",)}, UsageError, "unknown feature 'mood'"),
        (lambda t: t, {"features": ()}, UsageError, "no feature named"),
        (lambda t: t, {"test_size": 0.01}, UsageError, "leaves 2 of 200 tracks to test on"),
        (lambda t: t, {"test_size": 0.95}, UsageError, "fewer than 5 of the 40"),
        (lambda t: t, {"drop": ["sad"]}, UsageError, "label 'sad' does not occur"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(table, change, options, error, message):
    with pytest.raises(error, match=message):
        train(change(table), candidates=("logistic",), jobs=1, **options)


# ---------------------------------------------------------------- small and odd tables


def test_a_mood_of_which_every_track_has_another_mood_too_is_said_to_be_so(table):
    happy = table.filter(mood="Happy")
    both = pl.concat([table, happy.with_columns(mood=pl.lit("Glad"))])
    with pytest.raises(
        LabelError, match=r"none of the \d+ \w+ rows .* no playlist of another mood"
    ):
        train(both, candidates=("logistic",), jobs=1)


def test_one_playlist_a_mood_is_learned_from_and_said_to_tell_little(table):
    """What most people begin with: nothing can be kept unseen, and the run says so."""
    evidence = Watched(table, candidates=("logistic",), group="mood").evidence
    assert evidence["unseen_group"] is None
    assert evidence["protocol"]["searched_by"] == "random folds"
    (told,) = [f["text"] for f in evidence["data"]["findings"] if "kept unseen" in f["text"]]
    assert told.startswith("No group can be kept unseen: Energetic, Relaxing")
    assert told.endswith("tracks drawn at random alone, which flatters.")


def test_a_table_just_large_enough_goes_all_the_way(table):
    """A mood of ten tracks: every candidate must cope with folds that hold two of it."""
    rows = pl.concat([table.filter(mood="Dark").head(10), table.filter(mood="Relaxing").head(30)])
    compared = ("majority", "svm", "forest", "boosting", "network")
    evidence = Watched(rows, candidates=compared).evidence
    assert len(evidence["candidates"]) == 6
    assert json.dumps(evidence, allow_nan=False)
    (few,) = [f for f in evidence["data"]["findings"] if f["kind"] == "few_tracks"]
    assert few["text"].startswith("2 of 2 moods have fewer than 50 tracks")
    assert evidence["split"]["train"]["Dark"] in {6, 7}
    assert evidence["test"]["per_mood"]["Dark"]["n"] in {3, 4}


def test_one_unseen_split_gives_evidence_without_nan(table):
    """The second group holds one mood only: holding out the first would leave the other out."""
    rows = table.filter(pl.col("mood").is_in(["Dark", "Happy"])).with_columns(
        group=pl.when(pl.col("playlist") == "Happy-2").then(pl.lit("b")).otherwise(pl.lit("a"))
    )
    evidence = Watched(rows, candidates=("logistic",), group="group").evidence
    assert evidence["unseen_group"]["folds"] == 1
    assert evidence["candidates"][0]["unseen_group"]["se"] is None
    assert json.dumps(evidence, allow_nan=False)


def test_one_mood_a_table_and_few_features(table):
    by_mood = {mood: table.filter(mood=mood).drop("mood") for mood in ("Dark", "Relaxing")}
    run = train(by_mood, candidates=("logistic",), features=("energy", "valence"), jobs=1)
    assert run.model.features == ("energy", "valence")
    assert run.model.moods == ("Relaxing", "Dark")
    assert [one["mood"] for one in run.evidence["source"]["tables"]] == ["Dark", "Relaxing"]


def test_training_has_a_public_door():
    assert affetto.train is train


def test_many_tracks_are_searched_on_a_sample_and_compared_once(monkeypatch):
    monkeypatch.setattr(workflow, "SEARCH_TRACKS", 120)
    run = train(demo_table(tracks_per_playlist=30), candidates=("logistic-tuned",), jobs=1)
    assert run.evidence["protocol"]["searched_on"] == 120
    assert run.evidence["protocol"]["compare_repeats"] == 1
    assert run.evidence["chosen_cv"]["n"] == sum(run.evidence["split"]["train"].values())
