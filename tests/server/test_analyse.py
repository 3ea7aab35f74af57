"""Files that are sent: heard in a process that may die alone, and never kept."""

import sys
import tempfile
import threading
import time
import wave
from pathlib import Path

import httpx
import numpy as np
import pytest

from affetto.features import FEATURE_NAMES
from affetto.server import hearing
from affetto.server.settings import Settings

FOLDER = str(Path(__file__).parent)
sys.path.insert(0, FOLDER)
import hearing_jobs as jobs  # noqa: E402 - workers import it by this name

sys.path.remove(FOLDER)


@pytest.fixture
def spool(tmp_path, monkeypatch):
    """Give the folder where uploads are kept while they are heard."""
    folder = tmp_path / "spool"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def music(tmp_path):
    """Give a second of a chord, as a wav file."""
    rate_hz = 22_050
    t = np.arange(rate_hz) / rate_hz
    chord = sum(np.sin(2 * np.pi * f * t) for f in (220.0, 277.2, 329.6))
    path = tmp_path / "chord.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes((8000 * chord).astype("<i2").tobytes())
    return path


def send(client, content, name="chord.wav", field="file"):
    return client.post("/api/analyse", files={field: (name, content, "audio/wav")})


def test_a_file_gets_its_features_its_mood_and_why(client, music, spool):
    answer = send(client, music.read_bytes(), "../../etc/passwd\x00<b>.wav")
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert set(told["features"]) == set(FEATURE_NAMES)
    assert told["features"]["duration_ms"] == pytest.approx(1000, abs=1)
    assert told["key"].startswith("A ")
    assert told["mood"] in told["p"] and told["p"][told["mood"]] == told["confidence"]
    assert told["explanation"]["mood"] == told["mood"]
    assert told["explanation"]["words"][0].startswith(told["mood"])
    assert list(spool.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "words"), [(b"this is no music", "cannot be heard"), (b"", "is empty")]
)
def test_what_is_no_music_is_refused_in_words(client, spool, content, words):
    answer = send(client, content, "song.mp3")
    assert answer.status_code == 422
    message = answer.json()["error"]["message"]
    assert words in message
    assert str(spool) not in message and "affetto-" not in message
    assert list(spool.iterdir()) == []


@pytest.mark.parametrize(
    ("job", "words"),
    [
        (jobs.die, "decoding it failed badly"),
        (jobs.hang, "not done after 1 s"),
        (jobs.swell, "decoding it failed badly"),
        (jobs.stumble, "decoding it failed badly"),
    ],
)
def test_a_decoder_may_die_alone(serve, spool, monkeypatch, job, words):
    monkeypatch.setattr(hearing, "hear", job)
    monkeypatch.syspath_prepend(FOLDER)
    patience_s = 1.0 if job is jobs.hang else 60.0
    settings = Settings(readers=1, analyse_timeout_s=patience_s, analyse_memory_mb=300)
    with (
        serve(settings) as address,
        httpx.Client(base_url=address, timeout=30, trust_env=False) as client,
    ):
        answer = send(client, b"anything")
        assert answer.status_code == 422
        message = answer.json()["error"]["message"]
        assert words in message and "secret" not in message
        assert list(spool.iterdir()) == []
        assert client.get("/api/tracks").status_code == 200


def test_others_are_answered_while_a_file_is_heard(serve, spool, monkeypatch):
    monkeypatch.setattr(hearing, "hear", jobs.hang)
    monkeypatch.syspath_prepend(FOLDER)
    with (
        serve(Settings(readers=1, analyse_timeout_s=1.5)) as address,
        httpx.Client(base_url=address, timeout=30, trust_env=False) as client,
        httpx.Client(base_url=address, timeout=30, trust_env=False) as other,
    ):
        answers = []
        thread = threading.Thread(target=lambda: answers.append(send(other, b"x")))
        thread.start()
        times = []
        while thread.is_alive():
            started = time.perf_counter()
            assert client.get("/api/scan").status_code == 200
            times.append(time.perf_counter() - started)
            time.sleep(0.02)
        thread.join()
    assert answers[0].status_code == 422
    assert len(times) > 10 and max(times) < 1.0


OTHER = b'Content-Disposition: form-data; name="other"; filename="a"'
NO_FILE = b'Content-Disposition: form-data; name="file"'
FORM = {"content-type": "multipart/form-data; boundary=x"}


def part(disposition):
    return b"--x\r\n" + disposition + b"\r\n\r\ndata\r\n"


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        ({"content-type": "audio/wav"}, b"RIFF", (415, "no form")),
        ({"content-type": "multipart/form-data"}, b"RIFF", (415, "no form")),
        ({"content-type": "multipart/form-data; boundary=" + "x" * 71}, b"", (415, "no form")),
        ({}, b"", (415, "no form")),
        (FORM, b"", (422, "form")),
        (FORM, b"nothing of the kind", (422, "broken")),
        (FORM, b"--x--\r\n", (422, "no file")),
        (FORM, part(OTHER) + b"--x--", (422, "no file")),
        (FORM, part(NO_FILE) + b"--x--", (422, "no file")),
        (FORM, part(b"X: " + b"y" * 5000) + b"--x--", (422, "the form")),
        (FORM, part(b"X: y") * 11 + b"--x--", (422, "more than 10 parts")),
    ],
)  # fmt: skip
def test_broken_forms_are_refused(client, spool, headers, body, expected):
    status, words = expected
    answer = client.post("/api/analyse", content=body, headers=headers)
    assert answer.status_code == status, answer.text
    assert words in answer.json()["error"]["message"]
    assert list(spool.iterdir()) == []


def test_a_client_that_goes_leaves_nothing_behind(client, spool):
    def chunks():
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.mp3"\r\n\r\n'
        yield b"\0" * 2**16
        deadline = time.monotonic() + 5
        while not list(spool.rglob("upload.mp3")) and time.monotonic() < deadline:
            time.sleep(0.01)
        raise ConnectionAbortedError("gone")

    with pytest.raises(ConnectionAbortedError):
        client.post("/api/analyse", content=chunks(), headers=FORM)
    deadline = time.monotonic() + 5
    while list(spool.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert list(spool.iterdir()) == []


def test_a_full_disk_is_told(client, spool, monkeypatch):
    usage = type("Usage", (), {"free": 1000})()
    monkeypatch.setattr("affetto.server.uploads.shutil.disk_usage", lambda path: usage)
    answer = send(client, b"x")
    assert answer.status_code == 507 and "no room" in answer.json()["error"]["message"]
