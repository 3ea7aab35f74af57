"""JSON over HTTP: every way in which a service can fail, and no secret told of any."""

import gzip
import json
import logging
import socket
import threading
import time
import traceback
from dataclasses import replace

import pytest

from affetto.errors import (
    AffettoError,
    InputError,
    LoginError,
    OutputError,
    ServiceAnswerError,
    ServiceBusyError,
    ServiceError,
    ServiceRefusedError,
    ServiceUnreachableError,
    UsageError,
)
from affetto.sources import web
from affetto.sources.web import WebClient, checked_url, redacted
from services.base import Answer, Fault, Service, busy, failing, web_page
from services.case import QUICK, SECRETS

ONCE = replace(QUICK, attempts=1)
SECRET = SECRETS[0]


class Echo(Service):
    """Says what it was asked; `right` in its place, if set."""

    right = None

    def answer(self, seen):
        if self.right is not None:
            return self.right
        body = seen.body.decode("utf-8", "backslashreplace")
        return Answer({"method": seen.method, "query": seen.query, "body": body})


@pytest.fixture
def server():
    with Echo() as service:
        yield service


@pytest.fixture
def client(server):
    with WebClient("Echo", server.url, patience=QUICK) as made:
        yield made


def answering(server, body=None, status=200, headers=None, kind="application/json"):
    server.right = Answer(body, status, headers or {}, kind)


def words(error):
    """Give all that may be shown of an error: itself, its causes, where it came from."""
    return "".join(traceback.format_exception(error))


# --- What is asked ---------------------------------------------------------------------------


def test_a_question_and_its_answer(server, client):
    assert client.json("v1/thing", {"a": "x y", "b": ["1", "2"], "c": 3}) == {
        "method": "GET",
        "query": {"a": ["x y"], "b": ["1", "2"], "c": ["3"]},
        "body": "",
    }
    (seen,) = server.seen
    assert seen.path == "/v1/thing"
    assert seen.headers["accept"] == "application/json"
    assert seen.headers["user-agent"].startswith("affetto/")


@pytest.mark.parametrize("path", ["thing", "/thing"])
@pytest.mark.parametrize("base", ["/music/", "/music"])
def test_a_path_of_the_address_is_kept(path, base, server):
    with WebClient("Echo", server.url + base, patience=QUICK) as client:
        client.json(path)
    assert server.paths() == ["/music/thing"]


def test_json_is_sent(server, client):
    body = {"uris": ["a", "b"], "name": "Jóga"}
    client.json("x", method="POST", body=body)
    assert server.seen[0].json() == body
    assert server.seen[0].headers["content-type"] == "application/json"


def test_a_form_is_sent(server, client):
    client.json("x", method="POST", form={"songId": ["1", "2"], "name": "Jóga & co"})
    assert server.seen[0].form() == {"songId": ["1", "2"], "name": ["Jóga & co"]}


def test_a_file_is_sent_without_its_name(server, client, tmp_path):
    path = tmp_path / "my diary.mp3"
    path.write_bytes(b"sound" * 100)
    client.json("x", method="POST", upload=("audioFile", path))
    (seen,) = server.seen
    assert b"sound" * 100 in seen.body
    assert b'name="audioFile"' in seen.body and b'filename="audio.mp3"' in seen.body
    assert b"diary" not in seen.body


def test_a_file_that_is_gone_cannot_be_sent(server, client, tmp_path):
    with pytest.raises(InputError, match=r"cannot read .*gone\.mp3"):
        client.json("x", method="POST", upload=("audioFile", tmp_path / "gone.mp3"))
    assert server.seen == []


def test_what_is_no_utf_8_is_sent_all_the_same(server, client):
    odd = "half \udcff one"
    assert client.json("x", {"q": odd, "all": [odd]})["query"] == {
        "q": ["half ? one"],
        "all": ["half ? one"],
    }
    client.json(odd)
    client.json("x", method="POST", form={"q": odd})
    client.json("x", method="POST", body={"q": odd})
    assert server.seen[-1].json() == {"q": odd}


def test_requests_are_counted(server, client):
    server.faults.append(failing(times=2))
    client.json("x")
    assert client.n_requests == len(server.seen) == 3


def test_no_more_at_once_than_patience_says(server):
    server.faults.append(Fault("slow", times=99, seconds=0.05))
    patience = replace(QUICK, at_once=2)
    with WebClient("Echo", server.url, patience=patience) as client:
        threads = [threading.Thread(target=client.json, args=("x",)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert server.most_at_once == 2 and client.n_requests == 6


# --- What is answered ------------------------------------------------------------------------


@pytest.mark.parametrize("body", [{"a": [1]}, [], 5, "x", False])
def test_any_json_is_an_answer(body, server, client):
    answering(server, json.dumps(body).encode())
    assert client.json("x") == body


def test_a_packed_answer_is_unpacked(server, client):
    answering(server, gzip.compress(b'{"a": 1}'), headers={"Content-Encoding": "gzip"})
    assert client.json("x") == {"a": 1}


def test_nothing_is_an_answer_to_what_changes_something(server, client):
    answering(server, b"", 204)
    assert client.json("x", method="PUT") is None
    assert client.json("x") is None
    answering(server, b" \n", 200)
    assert client.json("x", method="POST") is None


def test_nothing_is_no_answer_to_a_question(server, client):
    answering(server, b"")
    with pytest.raises(ServiceAnswerError, match="0 bytes"):
        client.json("x")


@pytest.mark.parametrize("content", [b"{", b"plain words", b"\xff\xfe{]", b"[" * 100_000])
def test_what_is_no_json_is_refused(content, server, client):
    answering(server, content)
    with pytest.raises(ServiceAnswerError, match=r"Echo answers /x with a text that is no JSON"):
        client.json("x")
    assert len(server.seen) == QUICK.attempts, "it may have been cut on the way"


@pytest.mark.parametrize("status", [200, 201])
def test_a_web_page_is_no_answer(status, server, client):
    server.faults.append(web_page(status, times=9))
    with pytest.raises(ServiceAnswerError, match="a web page: is the address right"):
        client.json("x")
    assert len(server.seen) == 1


def test_an_answer_that_never_ends_is_refused(server, client, monkeypatch):
    monkeypatch.setattr(web, "LARGEST_ANSWER", 2**20)
    answering(server, b'"' + b"x" * 2**21 + b'"')
    with pytest.raises(ServiceAnswerError, match="more than 1 MB"):
        client.json("x")


def test_a_bomb_is_refused(server, client, monkeypatch):
    monkeypatch.setattr(web, "LARGEST_ANSWER", 2**20)
    bomb = gzip.compress(b"0" * 2**24, 1)
    assert len(bomb) < 2**17
    answering(server, bomb, headers={"Content-Encoding": "gzip"})
    with pytest.raises(ServiceAnswerError, match="more than 1 MB"):
        client.json("x")


# --- What goes wrong on the way --------------------------------------------------------------

BROKEN = [
    Fault("close"),
    Fault("cut", after=0),
    Fault("cut", after=5),
    Fault("cut-chunked", after=0),
    Fault("cut-chunked", after=5),
    Fault("truncate", after=0),
    Fault("truncate", after=5),
    failing(500),
    failing(503),
    failing(408),
    busy(0),
    Fault("answer", answer=Answer({}, 429)),
]


@pytest.mark.parametrize("fault", BROKEN, ids=str)
def test_what_stumbles_is_asked_again(fault, server, client):
    server.faults.append(replace(fault, times=3))
    assert client.json("x")["method"] == "GET"
    assert len(server.seen) == 4


@pytest.mark.parametrize("fault", BROKEN, ids=str)
def test_what_falls_is_an_error_of_ours(fault, server, client):
    server.faults.append(replace(fault, times=99))
    with pytest.raises(ServiceError, match="Echo"):
        client.json("x")
    assert len(server.seen) == QUICK.attempts


@pytest.mark.parametrize("fault", BROKEN, ids=str)
def test_what_creates_something_is_not_asked_twice(fault, server, client):
    server.faults.append(replace(fault, times=1))
    if fault.answer and fault.answer.status == 429:
        client.json("x", method="POST", body={}, repeatable=False)
        assert len(server.seen) == 2, "it said itself that it did nothing"
        return
    if fault.kind == "truncate" and not fault.after:
        assert client.json("x", method="POST", body={}, repeatable=False) is None
    else:
        with pytest.raises(ServiceError, match="Echo"):
            client.json("x", method="POST", body={}, repeatable=False)
    assert len(server.seen) == 1


def test_what_was_never_heard_may_be_asked_again():
    with socket.create_server(("127.0.0.1", 0)) as gone:
        url = f"http://127.0.0.1:{gone.getsockname()[1]}"
    with (
        WebClient("Echo", url, patience=QUICK) as client,
        pytest.raises(ServiceUnreachableError, match=r"cannot be reached.*is it running"),
    ):
        client.json("x", method="POST", repeatable=False)
    assert client.n_requests == QUICK.attempts


def test_silence_is_given_up(server):
    server.faults.append(Fault("slow", seconds=0.6))
    patience = replace(ONCE, timeout_s=0.1)
    started = time.monotonic()
    with (
        WebClient("Echo", server.url, patience=patience) as client,
        pytest.raises(ServiceUnreachableError, match=r"no answer within 0\.1 s"),
    ):
        client.json("x")
    assert time.monotonic() - started < 0.5


@pytest.mark.parametrize("status", [200, 400])
def test_an_answer_that_drips_is_given_up(status, server):
    """A byte now and then is never silent for long: the whole has its time too."""
    answering(server, {"error": {"message": "x" * 400}}, status)
    server.faults.append(Fault("drip", seconds=0.05))
    started = time.monotonic()
    with (
        WebClient("Echo", server.url, patience=replace(ONCE, timeout_s=0.1)) as client,
        pytest.raises(ServiceError, match="too slowly" if status == 200 else "with 400"),
    ):
        client.json("x")
    assert time.monotonic() - started < 1.0


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ServiceRefusedError),
        (401, LoginError),
        (403, ServiceRefusedError),
        (404, ServiceRefusedError),
    ],
)
def test_a_no_is_told_in_the_words_of_the_service(status, kind, server, client):
    answering(server, {"error": {"status": status, "message": "Only  for\nowners"}}, status)
    with pytest.raises(kind, match=f"Echo answers /v1/x with {status}: Only for owners") as failure:
        client.json("v1/x", {"q": "a"})
    assert (failure.value.status, failure.value.told) == (status, "Only for owners")
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"error": "invalid_grant"}, "invalid_grant"),
        ({"message": "No"}, "No"),
        ({"title": "No"}, "No"),
        (
            {"status": 4004, "errors": [{"message": "size must be between 1 and 40"}]},
            "size must be",
        ),
        ({"error": None}, ""),
        ({"error": {"message": None}}, ""),
        ([1], ""),
        (b"\xff", ""),
        (b"", ""),
        (b"[" * 60_000, ""),
        (b"<html>no</html>", ""),
        ({"message": "x" * 5_000}, "x" * 200),
    ],
)
def test_reasons_come_in_many_shapes(body, told, server, client):
    answering(server, body, 400)
    with pytest.raises(ServiceRefusedError, match="with 400") as failure:
        client.json("x")
    assert failure.value.told.startswith(told) and len(failure.value.told) <= 200
    assert bool(failure.value.told) == bool(told)


def test_a_short_wait_is_waited_for(server, client):
    server.faults.append(busy(1))
    started = time.monotonic()
    client.json("x")
    assert time.monotonic() - started >= 1.0


def test_a_wait_until_a_date_is_held_against_the_clock_of_the_service(server, client):
    server.clock_skew_s = 3 * 86_400
    server.faults.append(busy(_date(server, 1)))
    started = time.monotonic()
    client.json("x")
    assert 0 < time.monotonic() - started < 2.5
    server.faults.append(busy(_date(server, 7_200)))
    with pytest.raises(ServiceBusyError) as failure:
        client.json("x")
    assert failure.value.until == pytest.approx(time.time() + 7_200, abs=10)


def _date(server, seconds):
    from email.utils import formatdate

    return formatdate(time.time() + server.clock_skew_s + seconds, usegmt=True)


@pytest.mark.parametrize("status", [429, 503])
def test_a_long_wait_closes_the_door_for_all(status, server, client):
    answer = Answer({}, status, {"Retry-After": "3600"})
    server.faults.append(Fault("answer", answer=answer))
    for _ in range(2):
        with pytest.raises(ServiceBusyError, match="what was fetched so far is kept"):
            client.json("x")
    assert len(server.seen) == 1


# --- Elsewhere -------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_nobody_is_followed_elsewhere(status, server):
    with Echo() as other:
        place = f"{other.url}/login?token={SECRET}"
        answering(server, None, status, {"Location": place.replace("//", f"//me:{SECRET}@")})
        with (
            WebClient("Echo", server.url, headers={"Authorization": SECRET}) as client,
            pytest.raises(ServiceRefusedError, match="sends elsewhere, to http://") as failure,
        ):
            client.json("x")
        assert other.seen == []
    assert other.url in str(failure.value) and SECRET not in words(failure.value)
    assert failure.value.status == status


@pytest.mark.parametrize("place", ["/login", "", "http://[", "//", "http://"])
def test_elsewhere_may_be_anywhere(place, server, client):
    answering(server, None, 302, {"Location": place})
    with pytest.raises(ServiceRefusedError, match="sends elsewhere"):
        client.json("x")


# --- Addresses -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://music.example.org/", "https://music.example.org"),
        (" http://127.0.0.1:4533/music/ ", "http://127.0.0.1:4533/music"),
        ("http://[::1]:8096", "http://[::1]:8096"),
        ("https://müsic.example", "https://müsic.example"),
    ],
)
def test_addresses(url, found):
    assert checked_url(url, "Echo") == found


@pytest.mark.parametrize(
    "url",
    [
        *("", "music.example.org", "localhost:4533", "ftp://example.org", "http://", "http://:80"),
        *("http://[::1", "http://host:99999", "http://host:0", "http://host:x", "file:///etc"),
        *(
            "http://host/?a=1",
            "http://host/#a",
            f"http://me:{SECRET}@host",
            f"http://{SECRET}@host",
        ),
        *(f"ftp://me:{SECRET}@host", f"http://me:{SECRET}@[host", f"x?password={SECRET}"),
        *("http://a\0b", "http://a\nb\x7f"),
    ],
)
def test_what_is_no_address_is_refused(url):
    with pytest.raises(UsageError, match="the address of Echo") as failure:
        WebClient("Echo", url)
    assert SECRET not in words(failure.value)


def test_a_path_that_no_address_can_hold(client):
    with pytest.raises(UsageError, match="Echo cannot be asked"):
        client.json("a\0b")


def test_a_proxy_that_cannot_be_used(monkeypatch):
    monkeypatch.setenv("ALL_PROXY", f"gopher://me:{SECRET}@proxy:1")
    with pytest.raises(UsageError, match="proxy") as failure:
        WebClient("Echo", "http://127.0.0.1:1")
    assert SECRET not in str(failure.value)


# --- Secrets ---------------------------------------------------------------------------------

SECRET_QUERY = {"u": "me", "t": SECRET, "s": SECRETS[1], "apiKey": SECRETS[2], "v": "1.16"}


@pytest.mark.parametrize("fault", [*BROKEN, web_page(), failing(400), failing(401)], ids=str)
def test_no_secret_stands_in_an_error_or_a_log(fault, server, caplog, capsys):
    headers = {"Authorization": f'MediaBrowser Client="affetto", Token="{SECRET}"'}
    server.faults.append(replace(fault, times=99))
    with (
        caplog.at_level(logging.DEBUG),
        WebClient("Echo", server.url, headers=headers, patience=QUICK) as client,
        pytest.raises(AffettoError) as failure,
    ):
        client.json("rest/ping", SECRET_QUERY)
    told = words(failure.value) + caplog.text + "".join(capsys.readouterr())
    assert "receive_response_headers" in caplog.text, "the log is heard"
    assert [secret for secret in SECRETS if secret in told] == []


def test_an_address_that_a_redirection_repeats_is_no_log(server, client, caplog):
    place = f"https://elsewhere.example/rest/ping?u=me&t={SECRET}&s={SECRETS[1]}"
    server.faults.append(Fault("answer", answer=Answer(b"", 301, {"Location": place})))
    with caplog.at_level(logging.DEBUG), pytest.raises(ServiceRefusedError):
        client.json("rest/ping", SECRET_QUERY)
    assert "elsewhere.example" in caplog.text
    assert [secret for secret in SECRETS if secret in caplog.text] == []


def test_no_secret_stands_in_a_log_when_all_goes_well(server, client, caplog):
    with caplog.at_level(logging.DEBUG):
        client.json("rest/ping", SECRET_QUERY)
        client.json("x", method="POST", form={"client_secret": SECRET})
    assert "rest/ping" in caplog.text
    assert [secret for secret in SECRETS if secret in caplog.text] == []


@pytest.mark.parametrize("scheme", ["Bearer {}", 'MediaBrowser Client="affetto", Token="{}"', "{}"])
def test_a_service_that_repeats_the_secret_is_not_believed(scheme, server):
    headers = {"Authorization": scheme.format(SECRET)}
    answering(server, {"message": f"who is {SECRET}?"}, 401)
    with (
        WebClient("Echo", server.url, headers=headers, patience=QUICK) as client,
        pytest.raises(LoginError, match="who is …") as failure,
    ):
        client.json("x")
    assert SECRET not in words(failure.value) and SECRET not in failure.value.told


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("GET http://h/rest?u=me&t=abc&s=1&v=1.16", "GET http://h/rest?u=…&t=…&s=…&v=1.16"),
        ("?api_key=abc&ApiKey=def&x=1", "?api_key=…&ApiKey=…&x=1"),
        ("/a?access_token=abc'", "/a?access_token=…'"),
        ("Authorization: Bearer abc.def-g", "Authorization: Bearer …"),
        ('MediaBrowser Client="affetto", Token="abc"', 'MediaBrowser Client="affetto", Token="…"'),
        ("http://me:pass@host/x", "http://…@host/x"),
        ("http://host/a@b", "http://host/a@b"),
        ("a song of Tokens and sugar", "a song of Tokens and sugar"),
    ],
)
def test_redacted(text, found):
    assert redacted(text) == found


# --- Files -----------------------------------------------------------------------------------

SOUND = b"\1\2\3\4" * 50_000


@pytest.fixture
def sound(server):
    answering(server, SOUND, kind="audio/mpeg")
    return SOUND


def test_a_file_is_fetched(sound, server, client, tmp_path):
    client.download("stream", tmp_path / "a.mp3", {"id": "7"})
    assert (tmp_path / "a.mp3").read_bytes() == sound
    assert server.seen[0].query == {"id": ["7"]}


@pytest.mark.parametrize(
    "fault",
    [fault for fault in BROKEN if fault.kind not in {"truncate"}],
    ids=str,
)
def test_a_file_is_fetched_whole_or_not_at_all(fault, sound, server, client, tmp_path):
    target = tmp_path / "a.mp3"
    after = 100_000 if fault.after else 0
    server.faults.append(replace(fault, after=after, times=99))
    with pytest.raises(ServiceError):
        client.download("stream", target)
    assert list(tmp_path.iterdir()) == []
    server.faults.clear()
    if client.gate._refusal is not None:
        return
    target.write_bytes(b"before")
    server.faults.append(replace(fault, after=after, times=1))
    client.download("stream", target)
    assert target.read_bytes() == sound
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize(
    ("kind", "found"),
    [("application/json", "application/json in place"), ("text/html", "text/html in")],
)
def test_words_are_no_audio(kind, found, server, client, tmp_path):
    answering(server, b'{"error": "no such song"}', kind=f"{kind}; charset=utf-8")
    with pytest.raises(ServiceAnswerError, match=found):
        client.download("stream", tmp_path / "a.mp3")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_file_is_no_audio(server, client, tmp_path):
    answering(server, b"", kind="audio/mpeg")
    with pytest.raises(ServiceAnswerError, match="an empty file"):
        client.download("stream", tmp_path / "a.mp3")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_never_ends_is_refused(sound, client, tmp_path, monkeypatch):
    monkeypatch.setattr(web, "_LARGEST_FILE", 100_000)
    with pytest.raises(ServiceAnswerError, match="more than 0 MB"):
        client.download("stream", tmp_path / "a.mp3")
    assert list(tmp_path.iterdir()) == []


def test_a_file_may_take_its_time(sound, server, tmp_path):
    answering(server, b"0123456789", kind="audio/mpeg")
    server.faults.append(Fault("drip", seconds=0.03))
    with WebClient("Echo", server.url, patience=replace(ONCE, timeout_s=0.08)) as client:
        client.download("stream", tmp_path / "a.mp3")
    assert (tmp_path / "a.mp3").read_bytes() == b"0123456789"


def test_a_folder_that_is_gone(sound, server, client, tmp_path):
    with pytest.raises(OutputError, match="gone"):
        client.download("stream", tmp_path / "gone" / "a.mp3")
    assert len(server.seen) == 1, "asking again would not help"
