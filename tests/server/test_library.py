"""The library over HTTP: health, status, moods, scans and those who watch them, the page."""

import json
import threading
import time
from contextlib import ExitStack

import httpx
import pytest

import affetto
from affetto.errors import CatalogueFullError, ScanRunningError
from affetto.library import store
from affetto.library.catalogue import Catalogue
from affetto.library.store import Stamp
from affetto.moods import BY_NAME, MOOD_NAMES
from affetto.server import scanning


def test_health(client, rows):
    assert client.get("/api/health").json() == {
        "status": "ok",
        "version": affetto.__version__,
        "token_needed": False,
        "tracks": len(rows),
        "model": "affetto's own",
        "scanning": False,
    }


def test_status(client, template, rows):
    told = client.get("/api/status").json()
    assert told["tracks"] == told["done"] == sum(told["moods"].values()) == len(rows)
    assert told["failed"] == told["waiting"] == told["missing"] == told["own_labels"] == 0
    assert told["folders"] == [{"path": str(template.parent / "music"), "tracks": len(rows)}]


def test_moods_have_colours_places_and_counts(client):
    told = client.get("/api/moods").json()
    assert [mood["name"] for mood in told["moods"]] == list(MOOD_NAMES)
    for mood in told["moods"]:
        known = BY_NAME[mood["name"]]
        assert mood["colour"] == {"light": known.colour_light, "dark": known.colour_dark}
        assert (mood["valence"], mood["arousal"]) == (known.valence, known.arousal)
    assert sum(mood["count"] for mood in told["moods"]) == 60
    assert told["model"]["personal"] is False
    assert 0.2 < told["model"]["unseen"]["balanced_accuracy"] < 1


# --- The page -------------------------------------------------------------------------------


def test_the_page_and_its_files(client):
    page = client.get("/")
    assert page.status_code == 200 and page.headers["content-type"].startswith("text/html")
    script = client.get("/static/app.js")
    assert script.headers["content-type"].startswith("text/javascript")
    again = client.get("/static/app.js", headers={"if-none-match": script.headers["etag"]})
    assert again.status_code == 304 and again.content == b""
    head = client.head("/static/app.js")
    assert head.status_code == 200 and head.content == b""
    assert client.get("/favicon.ico").status_code == 204


# --- Scans ----------------------------------------------------------------------------------


def finished(client):
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        event = client.get("/api/scan").json()
        if event["stage"] not in {"looking", "hearing"}:
            return event
        time.sleep(0.02)
    raise AssertionError("the scan did not end")


def test_a_real_scan_tells_how_it_went(own_client, rows):
    assert own_client.get("/api/scan").json() == {"stage": "idle"}
    answer = own_client.post("/api/scan", json={})
    assert answer.status_code == 202
    event = finished(own_client)
    assert event["stage"] == "done" and event["unchanged"] == len(rows)
    assert own_client.get("/api/status").json()["scan"] == event


def test_files_that_could_not_be_heard_say_why(own_client, library):
    with Catalogue.open(library) as catalogue, catalogue.writing() as db:
        store.record_failed(db, 5, Stamp(1, 1, 1), "silent: nothing in it", None)
    (failure,) = own_client.get("/api/failures").json()["failures"]
    assert failure == {"id": 5, "file": "Artist 4/04.wav", "error": "silent: nothing in it"}
    assert own_client.get("/api/status").json()["failed"] == 1
    told = own_client.get("/api/tracks/5").json()
    assert told["state"] == "failed" and told["explanation"] is None and told["p"] == {}


@pytest.fixture
def stand_in(monkeypatch):
    """Put a scan that waits to be told in the place of the real one."""
    told = {"go": threading.Event(), "settings": None, "error": None}

    def scan(catalogue, *, on_event, stop, **settings):
        told["settings"] = settings
        on_event({"stage": "hearing", "heard": 1, "to_hear": 9, "current": "/home/x/secret/a.mp3"})
        while not (told["go"].is_set() or stop.wait(0.01)):
            pass
        if told["error"]:
            raise told["error"]
        on_event({"stage": "stopped" if stop.is_set() else "done", "heard": 9})

    monkeypatch.setattr(scanning, "scan", scan)
    return told


def wait_for(client, stage):
    deadline = time.monotonic() + 5
    while client.get("/api/scan").json()["stage"] != stage and time.monotonic() < deadline:
        time.sleep(0.01)
    return client.get("/api/scan").json()


def test_one_scan_at_a_time_and_it_can_be_stopped(own_client, stand_in):
    assert own_client.post("/api/scan", json={"retry_failed": True}).status_code == 202
    event = wait_for(own_client, "hearing")
    assert event["current"] == "a.mp3"  # where it lies stays here
    assert stand_in["settings"] == {"retry_failed": True, "reanalyse": False}
    answer = own_client.post("/api/scan")
    assert answer.status_code == 409 and "under way" in answer.json()["error"]["message"]
    assert own_client.get("/api/status").json()["scanning"] is True
    assert own_client.post("/api/scan/stop").status_code == 202
    assert finished(own_client)["stage"] == "stopped"
    stand_in["go"].set()
    assert own_client.post("/api/scan").status_code == 202
    assert finished(own_client)["stage"] == "done"


@pytest.mark.parametrize(
    ("error", "stage", "words"),
    [
        (ScanRunningError("another scan runs"), "busy", "another scan runs"),
        (CatalogueFullError("the disk is full"), "failed", "the disk is full"),
    ],
)
def test_a_scan_that_fails_says_why(own_client, stand_in, error, stage, words):
    stand_in["error"] = error
    stand_in["go"].set()
    own_client.post("/api/scan")
    event = finished(own_client)
    assert event["stage"] == stage and event["error"] == words


def test_events_come_as_they_happen(own_client, stand_in):
    own_client.post("/api/scan")
    wait_for(own_client, "hearing")
    with own_client.stream("GET", "/api/scan/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = (line for line in answer.iter_lines() if line)
        first = next(lines)
        assert json.loads(first.removeprefix("data: "))["stage"] == "hearing"
        stand_in["go"].set()
        assert json.loads(next(lines).removeprefix("data: "))["stage"] == "done"


def test_silence_is_broken_now_and_then(own_client, monkeypatch):
    monkeypatch.setattr(scanning, "_HEARTBEAT_S", 0.05)
    with own_client.stream("GET", "/api/scan/events") as answer:
        lines = (line for line in answer.iter_lines() if line)
        assert next(lines) == 'data: {"stage":"idle"}'
        assert next(lines).startswith(":")


def test_watchers_do_not_keep_the_server_from_ending(serve):
    with ExitStack() as watching:
        with serve() as address:
            client = watching.enter_context(httpx.Client(base_url=address, trust_env=False))
            answer = watching.enter_context(client.stream("GET", "/api/scan/events"))
            next(answer.iter_lines())
            started = time.perf_counter()
        assert time.perf_counter() - started < 2.5


@pytest.mark.parametrize("body", [{"retry_failed": "yes"}, {"retry": True}, [], {"reanalyse": 1}])
def test_what_cannot_be_asked_of_a_scan(client, body):
    assert client.post("/api/scan", json=body).status_code == 422
    assert client.get("/api/scan").json() == {"stage": "idle"}
