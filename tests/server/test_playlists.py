"""Playlists over HTTP: chosen by rule, previewed, and as files."""

import json
from urllib.parse import unquote

import pytest


def previewed(client, **body):
    answer = client.post("/api/playlists/preview", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_one_a_mood_with_its_length(client):
    playlists = client.get("/api/playlists").json()["playlists"]
    assert sum(one["count"] for one in playlists) == 60
    happy = next(one for one in playlists if one["mood"] == "Happy")
    told = previewed(client, kind="mood", mood="Happy")
    assert told["name"] == "Happy"
    assert told["total"] == len(told["tracks"]) == happy["count"]
    assert told["minutes"] == pytest.approx(happy["minutes"], abs=0.11)
    assert {track["mood"] for track in told["tracks"]} == {"Happy"}


def test_a_mix_keeps_to_its_rules_and_its_seed(client):
    rules = {"moods": ["Happy", "Energetic"], "n": 8, "per_artist": 2, "min_tempo": 80}
    told = previewed(client, kind="mix", **rules, seed=3)
    assert told["total"] == 8
    assert {track["mood"] for track in told["tracks"]} <= {"Happy", "Energetic"}
    artists = [track["artist"] for track in told["tracks"]]
    assert max(map(artists.count, artists)) <= 2
    assert all(track["tempo"] >= 80 for track in told["tracks"])
    assert previewed(client, kind="mix", **rules, seed=3) == told
    assert previewed(client, kind="mix", **rules, seed=4)["tracks"] != told["tracks"]


def test_a_mix_by_length(client):
    assert previewed(client, kind="mix", minutes=20)["minutes"] == pytest.approx(20, abs=1)


def test_a_mix_that_cannot_be_met_says_so(client):
    told = previewed(client, kind="mix", moods=["Happy"], n=1000)
    assert 0 < told["total"] < 60 and told["note"]


def test_a_journey_begins_and_ends_where_it_should(client):
    told = previewed(client, kind="journey", **{"from": "Dark", "to": "Happy"}, n=9)
    moods = [track["mood"] for track in told["tracks"]]
    assert told["name"] == "From Dark to Happy" and len(moods) == 9
    assert (moods[0], moods[-1]) == ("Dark", "Happy")
    through = previewed(
        client, kind="journey", **{"from": "Dark", "through": "Aggressive", "to": "Happy"}, n=9
    )
    assert "Aggressive" in {track["mood"] for track in through["tracks"]}


def test_a_selection_keeps_its_order_and_leaves_out_what_is_unknown(client):
    told = previewed(client, kind="tracks", ids=[9, 3, 9, 9999, 5])
    assert [track["id"] for track in told["tracks"]] == [9, 3, 5]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "kind"),
        ({"kind": "radio"}, "kind"),
        ({"kind": "mood"}, "mood"),
        ({"kind": "mood", "mood": ""}, "mood"),
        ({"kind": "journey", "from": "Dark"}, "to"),
        ({"kind": "journey", "from": "Dark", "to": "Happy", "n": 2}, "n"),
        ({"kind": "tracks"}, "ids"),
        ({"kind": "tracks", "ids": [0]}, "ids"),
        ({"kind": "tracks", "ids": list(range(1, 20_002))}, "ids"),
        ({"kind": "mix", "n": 0}, "n"),
        ({"kind": "mix", "seed": -1}, "seed"),
        ({"kind": "mix", "paths": "relative"}, "paths"),
        ({"kind": "mix", "moods": "Happy"}, "moods"),
    ],
)
def test_what_is_no_playlist(client, body, words):
    answer = client.post("/api/playlists/preview", json=body)
    assert answer.status_code == 422
    assert words in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"kind": "journey", "from": "Dark", "to": "Dark"}, "Dark"),
        ({"kind": "journey", "from": "Dark", "to": "Sleepy"}, "no journey through Sleepy"),
        ({"kind": "journey", "from": "Dark", "to": "Happy", "n": 5, "minutes": 5}, "not both"),
        ({"kind": "mix", "n": 5, "minutes": 5}, "not both"),
        ({"kind": "mix", "min_tempo": 200, "max_tempo": 100}, "tempo"),
    ],
)
def test_what_the_library_cannot_give(client, body, words):
    answer = client.post("/api/playlists/preview", json=body)
    assert answer.status_code == 409
    assert words in answer.json()["error"]["message"]


# --- Files ----------------------------------------------------------------------------------


def saved(client, **body):
    answer = client.post("/api/playlists/file", json=body)
    assert answer.status_code == 200, answer.text
    return answer


def test_a_file_with_absolute_paths(client, template):
    answer = saved(client, kind="tracks", ids=[2, 1], format="m3u8")
    assert answer.headers["content-type"] == "audio/x-mpegurl"
    assert 'attachment; filename="Selection.m3u8"' in answer.headers["content-disposition"]
    lines = answer.text.splitlines()
    assert lines[0] == "#EXTM3U"
    music = template.parent / "music"
    paths = [line for line in lines if not line.startswith("#")]
    assert paths == [str(music / "Artist 1" / "01.wav"), str(music / "Artist 0" / "00.wav")]


def test_a_file_with_paths_from_the_folder_of_the_library(client):
    answer = saved(client, kind="tracks", ids=[2], format="xspf", paths="relative")
    assert answer.headers["content-type"] == "application/xspf+xml"
    assert "<location>Artist%201/01.wav</location>" in answer.text


def test_a_smart_playlist_names_moods(client):
    answer = saved(client, kind="mood", mood="Happy", format="nsp", name="Sunny")
    told = json.loads(answer.text)
    assert told["name"] == "Sunny" and "Happy" in answer.text
    refused = client.post(
        "/api/playlists/file", json={"kind": "tracks", "ids": [1], "format": "nsp"}
    )
    assert refused.status_code == 409 and "m3u8" in refused.json()["error"]["do"]
    rules = {"kind": "mood", "mood": "Happy", "min_confidence": 0.5, "format": "nsp"}
    refused = client.post("/api/playlists/file", json=rules)
    assert refused.status_code == 409 and "confidence" in refused.json()["error"]["message"]


@pytest.mark.parametrize(
    "name", ['a"; filename="evil.exe', "../../x", "雨の日 🌧", "line\r\nSet-Cookie: a=b", "%00", "."]
)
def test_a_name_cannot_leave_its_header(client, name):
    answer = saved(client, kind="tracks", ids=[1], name=name)
    assert "set-cookie" not in answer.headers
    disposition = answer.headers["content-disposition"]
    plain, extended = disposition.removeprefix("attachment; ").rsplit("; ", 1)
    assert plain.startswith('filename="') and plain.endswith('.m3u8"') and plain.count('"') == 2
    called = unquote(extended.removeprefix("filename*=UTF-8''"))
    assert called.endswith(".m3u8") and "/" not in called and "\n" not in called


def test_a_hostile_title_stays_on_its_line(client):
    text = saved(client, kind="tracks", ids=[1]).text
    assert len(text.splitlines()) == len(text.split("\n")) - 1
