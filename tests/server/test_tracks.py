"""Tracks over HTTP: lists, the map, one track, its sound, its mood over time, corrections."""

import os
import time
from pathlib import Path

import pytest

from affetto.features import FEATURE_NAMES
from affetto.library.catalogue import Catalogue
from affetto.moods import MOOD_NAMES
from affetto.server import timelines
from affetto.server.answers import Refusal


def listed(client, **query):
    answer = client.get("/api/tracks", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


# --- Lists ----------------------------------------------------------------------------------


def test_a_page_and_how_many_there_are(client, rows):
    told = listed(client, sort="title", offset=20, limit=10)
    assert told["total"] == len(rows) and told["offset"] == 20
    assert [track["name"] for track in told["tracks"]] == [f"Song {i}" for i in range(20, 30)]
    track = told["tracks"][0]
    assert track["file"] == "Artist 0/20.wav"  # its place on the disk stays on the server
    assert track["energy"] == rows[20]["energy"] and track["state"] == "done"
    assert track["mood"] == track["model_mood"] and track["own_mood"] is None


def test_no_path_of_the_disk_is_told(client, template):
    for path in ("/api/tracks", "/api/tracks/1", "/api/map", "/api/failures"):
        assert str(template.parent) not in client.get(path).text


def test_filters_hold(client):
    everything = listed(client, limit=500)["tracks"]
    happy = listed(client, mood="Happy", limit=500)
    assert 0 < happy["total"] < len(everything)
    assert {track["mood"] for track in happy["tracks"]} == {"Happy"}
    two = listed(client, mood=["Happy", "Dark"])["total"]
    assert two == happy["total"] + listed(client, mood="Dark")["total"]
    sure = listed(client, min_confidence=0.5, max_confidence=0.8)["tracks"]
    assert sure and all(0.5 <= track["confidence"] <= 0.8 for track in sure)
    fast = listed(client, min_tempo=120, max_tempo=150)["tracks"]
    assert fast and all(120 <= track["tempo"] <= 150 for track in fast)
    assert listed(client, corrected=True)["total"] == 0
    assert listed(client, state="failed")["total"] == 0
    assert listed(client, search="artist 3 song", mood="Happy")["total"] < 7


def test_a_search_finds_words_in_any_name(client):
    assert listed(client, search="song 07")["total"] == 1
    assert listed(client, search="nothing like it")["total"] == 0


@pytest.mark.parametrize("sort", ["confidence", "tempo", "energy", "duration", "added"])
def test_sorted_both_ways(client, sort):
    key = {"duration": "duration_ms", "added": "added_at"}.get(sort, sort)
    for descending in (False, True):
        tracks = listed(client, sort=sort, descending=descending, limit=100)["tracks"]
        values = [track[key] for track in tracks]
        assert values == sorted(values, reverse=descending)


@pytest.mark.parametrize(
    "query",
    [
        "limit=501", "limit=-1", "limit=x", "offset=-1", "sort=path", "sort=id;drop",
        "mood=" + "x" * 201, "state=lost", "min_confidence=2", "min_confidence=nan",
        "min_tempo=inf", "corrected=maybe", "serach=typo", "search=" + "x" * 201,
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_told(client, query):
    answer = client.get(f"/api/tracks?{query}")
    assert answer.status_code == 422
    message = answer.json()["error"]["message"]
    assert query.partition("=")[0] in message and len(message) < 300


@pytest.mark.parametrize(
    "search", ["'; DROP TABLE tracks; --", '"', "*", "NEAR(a b)", "\x00", "\u202e", "a" * 200, "%"]
)
def test_odd_searches_are_words_like_any(client, search):
    assert listed(client, search=search)["total"] <= 60


def test_a_list_that_is_unchanged_is_not_sent_again(client):
    first = client.get("/api/tracks")
    again = client.get("/api/tracks", headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304 and again.content == b""
    other = client.get("/api/tracks?limit=5", headers={"if-none-match": first.headers["etag"]})
    assert other.status_code == 200


def test_long_answers_are_packed_for_those_who_take_that(client):
    packed = client.get("/api/tracks", headers={"accept-encoding": "gzip"})
    plain = client.get("/api/tracks", headers={"accept-encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) / 3
    assert packed.json() == plain.json()
    assert plain.headers["vary"] == "Accept-Encoding"


# --- The map --------------------------------------------------------------------------------


def test_the_map_places_every_track(client, rows):
    told = client.get("/api/map").json()
    assert told["n"] == len(rows) == len(told["ids"])
    by_id = {track["id"]: track for track in listed(client, limit=500)["tracks"]}
    for i, track_id in enumerate(told["ids"]):
        track = by_id[track_id]
        assert told["valence"][i] == pytest.approx(1000 * track["valence"], abs=0.51)
        assert told["energy"][i] == pytest.approx(1000 * track["energy"], abs=0.51)
        assert told["confidence"][i] == pytest.approx(1000 * track["confidence"], abs=0.6)
        assert told["moods"][told["mood"][i]] == track["mood"]


def test_the_map_takes_the_filters_of_the_list(client):
    told = client.get("/api/map", params={"mood": "Happy"}).json()
    assert told["n"] == listed(client, mood="Happy")["total"]
    assert told["moods"] == ["Happy"] and set(told["mood"]) == {0}
    assert client.get("/api/map?search=nothing+like+it").json()["n"] == 0
    assert client.get("/api/map?sort=title").status_code == 422


# --- One track ------------------------------------------------------------------------------


def test_all_that_is_known_of_a_track(client, rows):
    told = client.get("/api/tracks/2").json()
    assert set(told["features"]) == set(FEATURE_NAMES)
    assert told["features"]["tempo"] == rows[1]["tempo"]
    assert max(told["p"], key=told["p"].get) == told["model_mood"]
    why = told["explanation"]
    assert why["mood"] == told["model_mood"]
    assert why["words"] and all(isinstance(words, str) for words in why["words"])
    weights = [abs(one["contribution"]) for one in why["contributions"]]
    assert weights == sorted(weights, reverse=True)
    for one in why["contributions"]:
        assert one["toward"] == (why["mood"] if one["contribution"] > 0 else why["next_mood"])
    for place in told["typical"].values():
        assert place["low"] <= place["median"] <= place["high"]


def test_a_title_is_text_and_stays_as_it_is(client):
    answer = client.get("/api/tracks/1")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["title"] == "<img src=x onerror=alert(1)>\u202e\x07 🎵"
    assert answer.content.isascii()


@pytest.mark.parametrize("path", ["", "/timeline", "/audio"])
def test_unknown_ids(client, path):
    answer = client.get(f"/api/tracks/9999{path}")
    assert answer.status_code == 404
    assert "no track 9999" in answer.json()["error"]["message"]


@pytest.mark.parametrize("track_id", ["0", "-1", "x", "1.5", "9" * 30, "1;2", "%00"])
def test_what_is_no_id(client, track_id):
    for path in ("", "/timeline", "/audio"):
        assert client.get(f"/api/tracks/{track_id}{path}").status_code == 422


# --- Corrections ----------------------------------------------------------------------------


def test_a_correction_counts_and_can_be_taken_back(own_client):
    told = own_client.put("/api/tracks/2/mood", json={"mood": "rainy Sunday ☔"}).json()
    assert told["own_mood"] == told["mood"] == "rainy Sunday ☔" != told["model_mood"]
    assert told["typical"] is None  # the model knows nothing of such a mood
    assert listed(own_client, corrected=True)["total"] == 1
    assert listed(own_client, mood="rainy Sunday ☔")["total"] == 1
    moods = {mood["name"]: mood for mood in own_client.get("/api/moods").json()["moods"]}
    assert moods["rainy Sunday ☔"]["own"] == 1 and moods["rainy Sunday ☔"]["colour"]["light"]
    assert own_client.get("/api/status").json()["own_labels"] == 1
    told = own_client.put("/api/tracks/2/mood", json={"mood": None}).json()
    assert told["own_mood"] is None and told["mood"] == told["model_mood"]
    assert set(own_client.get("/api/map").json()["moods"]) <= set(MOOD_NAMES)


@pytest.mark.parametrize(
    "body",
    [
        {}, {"mood": ""}, {"mood": "  "}, {"mood": "x" * 65}, {"mood": "a\nb"},
        {"mood": "\x1b[31m"}, {"mood": 5}, {"mood": ["Dark"]},
        {"mood": "Dark", "more": 1}, [], None, {"mood": "\u202e"},
    ],
)  # fmt: skip
def test_what_is_no_mood_is_refused(client, body):
    assert client.put("/api/tracks/2/mood", json=body).status_code == 422
    assert client.get("/api/tracks/2").json()["own_mood"] is None


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b'{"mood": "\\ud800"}', 422),
        (b'{"mood": "\xff"}', 422),
        (b"[" * 100_000, 422),
        (b'{"mood": NaN}', 422),
        (b"mood=Dark", 422),
    ],
)
def test_broken_bodies_are_refused(client, body, status):
    answer = client.put(
        "/api/tracks/2/mood", content=body, headers={"content-type": "application/json"}
    )
    assert answer.status_code in {status, 400}
    assert "error" in answer.json()


def test_nothing_is_corrected_that_is_not_there(client):
    assert client.put("/api/tracks/9999/mood", json={"mood": "Dark"}).status_code == 404


# --- Sound ----------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def sound(template):
    return (template.parent / "music" / "Artist 0" / "00.wav").read_bytes()


def test_the_whole_file(client, sound):
    answer = client.get("/api/tracks/1/audio")
    assert answer.status_code == 200 and answer.content == sound
    assert answer.headers["content-type"] == "audio/wav"
    assert answer.headers["accept-ranges"] == "bytes"


@pytest.mark.parametrize(
    ("asked", "part"),
    [("0-0", slice(0, 1)), ("0-99", slice(100)), ("100-", slice(100, None)),
     ("-10", slice(-10, None)), ("5-999999999", slice(5, None)), ("-999999999", slice(None))],
)  # fmt: skip
def test_a_part_of_it(client, sound, asked, part):
    answer = client.get("/api/tracks/1/audio", headers={"range": f"bytes={asked}"})
    assert answer.status_code == 206 and answer.content == sound[part]
    first, stop, _ = part.indices(len(sound))
    assert answer.headers["content-range"] == f"bytes {first}-{stop - 1}/{len(sound)}"


@pytest.mark.parametrize(
    "asked",
    ["bytes=0-1,5-6", "bytes=" + ",".join(["0-"] * 500), "bytes=9-2", "bytes=", "bytes=-",
     "items=0-1", "bytes=a-b", "bytes=1-2-3", "0-5", "bytes=--5", "bytes=" + "9" * 30 + "-"],
)  # fmt: skip
def test_what_is_no_single_part_gives_the_whole(client, sound, asked):
    answer = client.get("/api/tracks/1/audio", headers={"range": asked})
    assert answer.status_code == 200 and answer.content == sound


@pytest.mark.parametrize("asked", ["bytes=16044-", "bytes=99999999-100000000", "bytes=-0"])
def test_a_part_beyond_the_end(client, sound, asked):
    answer = client.get("/api/tracks/1/audio", headers={"range": asked})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(sound)}"
    assert "bytes" in answer.json()["error"]["message"]


def test_the_head_alone(client, sound):
    answer = client.head("/api/tracks/1/audio")
    assert answer.status_code == 200 and answer.content == b""
    assert answer.headers["content-length"] == str(len(sound))
    answer = client.head("/api/tracks/1/audio", headers={"range": "bytes=0-9"})
    assert answer.status_code == 206 and answer.headers["content-length"] == "10"


def test_a_part_of_another_version_gives_the_whole(client, sound):
    etag = client.head("/api/tracks/1/audio").headers["etag"]
    headers = {"range": "bytes=0-9", "if-range": etag}
    assert client.get("/api/tracks/1/audio", headers=headers).status_code == 206
    headers["if-range"] = '"another"'
    assert client.get("/api/tracks/1/audio", headers=headers).content == sound


@pytest.fixture
def path_of_second(library):
    """Give a function that changes the path of the second track in the catalogue."""

    def change(path):
        with Catalogue.open(library) as catalogue, catalogue.writing() as db:
            db.execute("UPDATE tracks SET path = ? WHERE id = 2", [bytes(path)])

    return change


def test_a_file_that_vanished(own_client, path_of_second, tmp_path):
    path_of_second(tmp_path / "gone.mp3")
    for part in ("audio", "timeline"):
        answer = own_client.get(f"/api/tracks/2/{part}")
        assert answer.status_code == 404
        assert "not there any more" in answer.json()["error"]["message"]
        assert str(tmp_path) not in answer.text


def test_what_became_a_folder_or_a_pipe_is_not_opened(own_client, path_of_second, tmp_path):
    os.mkfifo(tmp_path / "pipe.mp3")
    for name in ("pipe.mp3", "."):
        path_of_second(tmp_path / name)
        assert own_client.get("/api/tracks/2/audio").status_code == 404


def test_an_unknown_ending_is_no_page(own_client, path_of_second, tmp_path):
    (tmp_path / "evil.html").write_text("<script>alert(1)</script>")
    path_of_second(tmp_path / "evil.html")
    answer = own_client.get("/api/tracks/2/audio")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_name_that_is_not_utf8(own_client, path_of_second, tmp_path):
    odd = Path(bytes(tmp_path).decode() + "/caf\udce9 #?.mp3")
    odd.write_bytes(b"ID3 and more")
    path_of_second(odd)
    assert own_client.get("/api/tracks/2/audio").content == b"ID3 and more"
    assert own_client.get("/api/tracks/2").json()["file"].endswith(".mp3")


# --- Mood over time -------------------------------------------------------------------------

WINDOW = dict.fromkeys(FEATURE_NAMES, 0.5) | {"tempo": 100.0, "loudness": -9.0}


def told_in_time(client, track_id=1):
    deadline = time.monotonic() + 20
    while True:
        answer = client.get(f"/api/tracks/{track_id}/timeline")
        if answer.status_code != 202 or time.monotonic() > deadline:
            return answer
        assert answer.json() == {"pending": True}
        time.sleep(0.02)


def test_a_timeline_is_heard_once_and_kept(own_client, monkeypatch):
    heard = []

    def stand_in(path, settings, *, timeline):
        heard.append(path)
        windows = [{"start_s": 7.5 * i, "stop_s": 7.5 * i + 15, **WINDOW} for i in range(3)]
        return {"timeline": windows}

    monkeypatch.setattr(timelines, "heard", stand_in)
    told = told_in_time(own_client).json()
    assert [window["start_s"] for window in told["windows"]] == [0, 7.5, 15]
    assert told["windows"][0]["energy"] == 0.5
    assert list(told["windows"][0]["p"]) == told["moods"]
    assert told_in_time(own_client).json() == told
    assert len(heard) == 1 and heard[0].endswith("00.wav")


def test_a_timeline_that_fails_says_so_and_does_not_try_for_ever(own_client, monkeypatch):
    tries = []

    def stand_in(path, settings, *, timeline):
        tries.append(path)
        raise Refusal(422, "the file cannot be heard: damaged")

    monkeypatch.setattr(timelines, "heard", stand_in)
    for _ in range(3):
        answer = told_in_time(own_client)
        assert answer.status_code == 422
        assert answer.json()["error"]["message"] == "the file cannot be heard: damaged"
    assert len(tries) == 1


def test_a_bug_costs_one_timeline_not_those_after_it(own_client, monkeypatch):
    tries = []

    def stand_in(path, settings, *, timeline):
        tries.append(path)
        if len(tries) == 1:
            raise ZeroDivisionError
        return {"timeline": [{"start_s": 0.0, "stop_s": 15.0, **WINDOW}]}

    monkeypatch.setattr(timelines, "heard", stand_in)
    first = told_in_time(own_client, 1)
    assert first.status_code == 422
    assert first.json()["error"]["message"] == "the track could not be heard"
    assert told_in_time(own_client, 2).status_code == 200
