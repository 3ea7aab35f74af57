"""Features over HTTP: labelled as everywhere, bad rows told, bad bodies refused."""

import json

import numpy as np
import pytest

from affetto.features import FEATURE_NAMES
from affetto.model import load_model
from affetto.scoring.label import label
from affetto.server.label import label_rows, read_body

TRACK = {
    "energy": 0.82, "liveness": 0.11, "tempo": 128.0, "speechiness": 0.05, "acousticness": 0.02,
    "instrumentalness": 0.0, "danceability": 0.74, "duration_ms": 215000, "loudness": -5.1,
    "valence": 0.88,
}  # fmt: skip


def asked(client, tracks, **more):
    answer = client.post("/api/label", json={"tracks": tracks, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_moods_are_those_of_labelling_a_table(client, rows, tmp_path):
    features = [{name: row[name] for name in FEATURE_NAMES} for row in rows]
    told = asked(client, [{"id": str(i), **row} for i, row in enumerate(features)])
    table = tmp_path / "tracks.jsonl"
    table.write_text("\n".join(map(json.dumps, features)))
    expected = label(table)
    assert told["moods"] == list(load_model().moods)
    assert [r["mood"] for r in told["results"]] == expected["mood"].to_list()
    assert [r["second"] for r in told["results"]] == expected["second"].to_list()
    confidence = [r["confidence"] for r in told["results"]]
    np.testing.assert_allclose(confidence, expected["confidence"].to_list(), atol=6e-5)
    for result in told["results"]:
        assert sum(result["p"].values()) == pytest.approx(1, abs=3e-4)
        assert result["p"][result["mood"]] == result["confidence"]


def test_ids_come_back_whatever_they_are(client):
    ids = ["a", 7, None, '"quoted" \\ \u2028 </script> 🎵', -(2**53) + 1, ""]
    told = asked(client, [{"id": one, **TRACK} for one in ids])
    assert [result["id"] for result in told["results"]] == ids
    assert asked(client, [TRACK])["results"][0]["id"] is None
    assert asked(client, [{"id": 7.0, **TRACK}])["results"][0]["id"] == 7


def test_half_a_surrogate_comes_back_too(client):
    body = json.dumps({"tracks": [{"id": "\ud800", **TRACK}]})
    answer = client.post(
        "/api/label", content=body, headers={"content-type": "application/json; charset=utf-8"}
    )
    assert answer.status_code == 200 and b'"id":"\\ud800"' in answer.content


def test_bad_rows_say_why_and_the_others_go_on(client):
    tracks = [
        TRACK,
        {**TRACK, "energy": None},
        {**TRACK, "valence": 88},
        {name: value for name, value in TRACK.items() if name != "loudness"},
        {},
        {**TRACK, "energy": 10**400},
    ]
    results = asked(client, tracks)["results"]
    assert [result["error"] for result in results[1:4]] == [
        "energy missing",
        "valence 88.0: expected 0–1",
        "loudness missing",
    ]
    assert results[0]["error"] is None and results[4]["error"] and results[5]["error"]
    for result in results[1:]:
        assert result["mood"] is None and result["p"] == {} and result["confidence"] is None


def test_what_the_model_does_not_need_may_be_missing_or_named_otherwise(client):
    needed = {name: TRACK[name] for name in load_model().features}
    (plain,) = asked(client, [needed])["results"]
    (full,) = asked(client, [{**TRACK, "title": "<b>x</b>", "extra": [1, 2]}])["results"]
    assert plain == full and plain["mood"]


def test_below_a_least_confidence_the_mood_is_left_open(client):
    (sure,) = asked(client, [TRACK])["results"]
    (unsure,) = asked(client, [TRACK], min_confidence=1)["results"]
    assert sure["reason"] is None and unsure["reason"] == "unsure"
    assert unsure["mood"] is None and unsure["p"] == sure["p"]
    assert asked(client, [TRACK], min_confidence=None)["results"] == [sure]


def test_no_tracks_are_no_error(client):
    assert asked(client, [])["results"] == []


def test_ten_thousand_and_not_one_more(client):
    assert len(asked(client, [TRACK] * 10_000)["results"]) == 10_000
    answer = client.post("/api/label", json={"tracks": [TRACK] * 10_001})
    assert answer.status_code == 422
    assert "at most 10000" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b"[1, 2", "no JSON"),
        (b"[]", "the body"),
        (b"null", "the body"),
        (b"{}", "the body"),
        (b'{"tracks": [], "min_confidenc": 1}', "the body"),
        (b'{"tracks": {}}', "tracks"),
        (b'{"tracks": [null]}', "tracks"),
        (b'{"tracks": [[1]]}', "tracks"),
        (b'{"tracks": [{"energy": "0.5"}]}', "energy"),
        (b'{"tracks": [{"energy": true}]}', "energy"),
        (b'{"tracks": [{"tempo": [1]}]}', "tempo"),
        (b'{"tracks": [{"id": {}}]}', "id"),
        (b'{"tracks": [{"id": 1.5}]}', "id"),
        (b'{"tracks": [{"id": true}]}', "id"),
        (b'{"tracks": [{"id": "' + b"x" * 201 + b'"}]}', "id"),
        (b'{"tracks": [], "min_confidence": 1.5}', "min_confidence"),
        (b'{"tracks": [], "min_confidence": true}', "min_confidence"),
        (b'{"tracks": [], "min_confidence": "1"}', "min_confidence"),
        (b'{"tracks": [{"energy": NaN}]}', "NaN"),
        (b'{"tracks": [{"energy": Infinity}]}', "Infinity"),
        (b'{"tracks": [{"energy": -Infinity}]}', "Infinity"),
        (b'{"tracks": [{"energy": ' + b"9" * 5000 + b"}]}", "no JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"tracks": ' * 50_000, "nested too deeply"),
    ],
)
def test_bad_bodies_are_refused_in_words(client, body, words):
    answer = client.post("/api/label", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert words in answer.json()["error"]["message"]
    assert len(answer.text) < 500


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_another_kind_of_body_is_refused(client, kind):
    headers = {"content-type": kind}
    answer = client.post("/api/label", content=b'{"tracks": []}', headers=headers)
    assert answer.status_code == 415


def test_a_mood_with_any_name_is_written_as_json():
    model = load_model()
    moods = ('50% "blue"', "\\", "très {triste}", "</script>", "雨")
    renamed = type(model)(moods, model.features, model.pipelines, model.weights)
    tracks, least = read_body(json.dumps({"tracks": [TRACK, {}]}).encode())
    told = json.loads(label_rows(tracks, renamed, least))
    assert told["moods"] == list(moods)
    assert set(told["results"][0]["p"]) == set(moods)
    assert told["results"][0]["mood"] in moods
