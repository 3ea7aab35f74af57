"""Teaching over HTTP, and the training itself: its figures, honest, and in words."""

import json
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from affetto.features import FEATURE_NAMES
from affetto.learning.dataset import MIN_TRACKS_A_MOOD, LabelledTracks
from affetto.learning.evaluation import Predictions
from affetto.library.entry import Entry
from affetto.model import load_model
from affetto.server import teaching
from affetto.server.teaching import NEEDED, group_of, not_enough, usable
from affetto.server.training import beside, judged_anew, judging_splits, train_personal, words

FOLDER = str(Path(__file__).parent)
sys.path.insert(0, FOLDER)
import teaching_jobs as jobs  # noqa: E402 - workers import it by this name

sys.path.remove(FOLDER)


@pytest.fixture
def stand_in(monkeypatch):
    """Give a function that puts another job in the place of the training."""
    monkeypatch.syspath_prepend(FOLDER)
    return lambda job: monkeypatch.setattr(teaching, "train_there", job)


def teach(client, rows, n=12, moods=("Happy", "Dark")):
    """Label some tracks of some moods."""
    counts = dict.fromkeys(moods, 0)
    for i, row in enumerate(rows, start=1):
        mood = row["truth"]
        if counts.get(mood, n) < n:
            counts[mood] += 1
            assert client.put(f"/api/tracks/{i}/mood", json={"mood": mood}).status_code == 200


def done(client):
    deadline = time.monotonic() + 60
    while (told := client.get("/api/teach").json())["state"] == "training":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return told


def test_needed_is_what_learning_needs():
    assert NEEDED == MIN_TRACKS_A_MOOD


def test_without_labels_nothing_can_be_learned(client):
    told = client.get("/api/teach").json()
    assert told["enough"] is False and "no track is labelled" in told["why"]
    assert told["state"] == "idle" and told["candidate"] is None
    assert [one["in_use"] for one in told["history"]] == [True]
    answer = client.post("/api/teach")
    assert answer.status_code == 409 and answer.json()["error"]["do"] == "correct more tracks"
    assert client.post("/api/teach/adopt").status_code == 409
    assert client.post("/api/teach/revert").status_code == 409
    assert client.post("/api/teach/discard").status_code == 200
    assert client.get("/api/report").status_code == 404


def test_too_few_labels_say_how_many_more(own_client, rows):
    teach(own_client, rows, n=9)
    told = own_client.get("/api/teach").json()
    assert told["labels"] == {"Dark": 9, "Happy": 9}
    assert told["enough"] is False and "Dark 9, Happy 9" in told["why"]


def test_a_model_waits_is_adopted_kept_and_taken_back(own_client, rows, stand_in, library):
    stand_in(jobs.teach)
    teach(own_client, rows)
    assert own_client.post("/api/teach").status_code == 202
    told = done(own_client)
    assert told["state"] == "ready"
    assert told["candidate"] == {"accuracy": 0.7, "n": 24, "group": "artist", "words": ["Fine."]}
    assert own_client.get("/api/moods").json()["model"]["personal"] is False  # not yet
    told = own_client.post("/api/teach/adopt").json()
    assert told["state"] == "idle" and told["candidate"] is None
    assert [one["in_use"] for one in told["history"]] == [False, True]
    assert own_client.get("/api/moods").json()["model"]["personal"] is True
    assert own_client.post("/api/teach/adopt").status_code == 409
    told = own_client.post("/api/teach/revert").json()
    assert [one["in_use"] for one in told["history"]] == [True, False]
    assert own_client.get("/api/tracks?corrected=true").json()["total"] == 24  # labels stay


def test_a_model_that_waits_can_be_dropped(own_client, rows, stand_in):
    stand_in(jobs.teach)
    teach(own_client, rows)
    own_client.post("/api/teach")
    assert done(own_client)["state"] == "ready"
    assert own_client.post("/api/teach/discard").json()["state"] == "idle"


def test_a_training_under_way_can_be_stopped(own_client, rows, stand_in):
    stand_in(jobs.dawdle)
    teach(own_client, rows)
    assert own_client.post("/api/teach").status_code == 202
    deadline = time.monotonic() + 20
    while own_client.get("/api/teach").json()["progress"] is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    told = own_client.get("/api/teach").json()
    assert told["progress"] == {"stage": "searching", "done": 1, "total": 5}
    assert own_client.post("/api/teach").status_code == 409
    assert own_client.post("/api/teach/adopt").status_code == 409
    assert own_client.post("/api/teach/discard").json()["state"] == "idle"
    assert own_client.get("/api/teach").json()["error"] is None


def test_a_training_that_fails_says_why(own_client, rows, stand_in):
    stand_in(jobs.fail)
    teach(own_client, rows)
    own_client.post("/api/teach")
    told = done(own_client)
    assert told["state"] == "failed"
    assert told["error"] == "these labels cannot be learned from"


# --- Which labels ---------------------------------------------------------------------------


def entry(i, artist=None, album=None, **features):
    known = dict.fromkeys(FEATURE_NAMES, 0.5) | features
    return Entry(i, f"/{i}.mp3", artist=artist, album=album, features=known)


def labels(artist_of, album_of=lambda i: None):
    moods = ["Happy"] * 12 + ["Dark"] * 12
    return [(entry(i, artist_of(i), album_of(i)), mood) for i, mood in enumerate(moods)]


def test_artists_are_kept_whole_where_each_mood_has_two():
    assert group_of(labels(lambda i: f"Artist {i % 5}")) == "artist"
    assert group_of(labels(lambda i: "One", lambda i: f"Album {i % 4}")) == "album"
    assert group_of(labels(lambda i: "One")) is None
    assert group_of(labels(lambda i: f"Artist {i}" if i < 12 else "One")) is None


def test_tracks_with_an_unknown_feature_are_left_out():
    whole, broken = entry(1), entry(2, tempo=None)
    assert usable([(whole, "Dark"), (broken, "Dark")]) == [(whole, "Dark")]


def test_two_moods_with_enough_labels_are_enough():
    assert not_enough({"Happy": 10, "Dark": 10, "Relaxing": 1}) is None
    assert not_enough({"Relaxing": 9, "Happy": 40}).endswith("so far: Relaxing 9, Happy 40")


# --- The training itself --------------------------------------------------------------------


def tracks_of(X, y, groups=None):
    return LabelledTracks(
        np.asarray(X, dtype=float), np.asarray(y), ("Dark", "Happy"), FEATURE_NAMES, groups,
        np.full(len(y), "own"), np.array([f"track {i}" for i in range(len(y))]),
    )  # fmt: skip


def test_labels_that_say_nothing_are_not_learned():
    # Labels drawn at random: figures that were flattered would lie above a half.
    rng = np.random.default_rng(0)
    tracks = tracks_of(rng.uniform(0.2, 0.8, (120, 10)), rng.permutation(np.arange(120) % 2))
    splits, rule = judging_splits(tracks, np.arange(120))
    said = judged_anew(tracks, splits[:2], lambda stage, done, total: None)
    assert rule == "5 folds drawn at random"
    assert said.accuracy() < 0.65 and len(said.y) == 48


def test_the_two_models_are_judged_on_the_same_tracks():
    model = load_model()
    rng = np.random.default_rng(1)
    X = rng.uniform(0.2, 0.8, (20, 10))
    X[:, FEATURE_NAMES.index("loudness")] = -9
    y = np.arange(20) % 2
    tracks = tracks_of(X, y)
    right = np.eye(2)[y]
    rows = np.arange(20)
    columns = [FEATURE_NAMES.index(name) for name in model.features]
    expected = float((model.predict(X[:, columns]) == np.array(tracks.moods)[y]).mean())
    figures = beside(Predictions(y, right), tracks, rows, model, name="old", has_seen=False)
    assert figures["accuracy"] == 1.0 and figures["n"] == 20
    assert figures["current"]["accuracy"] == pytest.approx(expected)
    assert figures["per_mood"]["Happy"] | {"n": 10, "recall": 1.0} == figures["per_mood"]["Happy"]
    assert figures["is_clear"] is (expected < 0.7)


FIGURES = {
    "n": 40, "accuracy": 0.8, "is_clear": True, "moods": ["Dark", "Happy", "rain"],
    "left_out": {"Relaxing": 3}, "current": {"accuracy": 0.5, "has_seen": False},
}  # fmt: skip


def test_figures_in_words():
    said = " ".join(words(FIGURES, ("Dark", "Happy", "Relaxing"), "artist"))
    for part in ("40 tracks", "80%", "50%", "every artist", "new model is better", "rain is new",
                 "no track would be called Relaxing", "Relaxing has 3 labels"):  # fmt: skip
        assert part in said
    unclear = {**FIGURES, "is_clear": False, "current": {"accuracy": 0.78, "has_seen": True}}
    said = " ".join(words(unclear, FIGURES["moods"], None))
    assert "may be chance" in said and "flatters it" in said and "same artists" in said


def test_a_personal_model_is_trained_and_reported(rows, tmp_path):
    labelled = [
        {"title": row["title"], "artist": f"Artist {i}", "album": "x", "mood": row["truth"],
         **{name: row[name] for name in FEATURE_NAMES}}
        for i, row in enumerate(rows) if row["truth"] in {"Happy", "Relaxing"}
    ]  # fmt: skip
    train_personal(
        {"rows": labelled, "group": None, "folder": str(tmp_path), "model": None,
         "model_name": "affetto's own", "has_seen": False}
    )  # fmt: skip
    model = load_model(tmp_path / "model.affetto")
    assert set(model.moods) == {"Happy", "Relaxing"} and model.name == "your own model"
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["accuracy"] > 0.8  # calm and cheerful tracks of the demo lie far apart
    assert figures["unseen"] is False and figures["n"] == 24
    assert json.loads((tmp_path / "evidence.json").read_text())["chosen"]
