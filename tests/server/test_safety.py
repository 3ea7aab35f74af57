"""The guard: who may ask, from where, how much, how slowly; and what every answer carries."""

import re
import socket
import threading
import time
from contextlib import closing

import httpx
import pytest

from affetto.errors import UsageError
from affetto.server import library as library_endpoints
from affetto.server import run
from affetto.server.safety import COOKIE, CSP, host_name
from affetto.server.settings import Settings

TOKEN = "a-long-secret-of-somebody"


def port_of(address):
    return int(address.rsplit(":", 1)[1])


def talk(address, data, *, until_closed=False, timeout_s=10.0):
    """Send bytes as they are, and give what comes back until a pause or the end."""
    with closing(socket.create_connection(("127.0.0.1", port_of(address)), timeout_s)) as own:
        own.sendall(data)
        got = b""
        while not re.search(rb"\r\n\r\n.*}$", got, re.DOTALL) or until_closed:
            piece = own.recv(65536)
            if not piece:
                break
            got += piece
        return got


# --- Names ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:80", "127.0.0.1", "127.0.0.1:9999", "[::1]", "[::1]:8321",
     "127.8.4.2"],
)  # fmt: skip
def test_this_machine_may_be_called_so(client, host):
    assert client.get("/api/health", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.com", "evil.com:8321", "localhost.evil.com", "127.0.0.1.evil.com", "192.168.0.7",
     "evil.com#localhost", "localhost@evil.com", "localhost/evil.com", "", "[::1", "localhost:x"],
)  # fmt: skip
def test_a_name_that_was_pointed_here_is_refused(client, host):
    answer = client.get("/api/tracks", headers={"host": host})
    assert answer.status_code == 421
    assert "name" in answer.json()["error"]["message"]


def test_two_names_at_once_are_refused(address):
    head = b"GET /api/tracks HTTP/1.1\r\nHost: localhost\r\nHost: evil.com\r\n\r\n"
    assert talk(address, head).startswith((b"HTTP/1.1 421", b"HTTP/1.1 400"))


def test_a_name_that_was_given_is_taken():
    settings = Settings(hosts=("music.home",))
    assert settings.may_be_called("music.home")
    assert not settings.may_be_called("music.home.evil.com")


def test_beyond_the_machine_numbers_and_its_own_name_are_taken():
    settings = Settings(host="0.0.0.0", token=TOKEN)
    assert settings.may_be_called("192.168.0.7")
    assert settings.may_be_called(socket.gethostname().lower())
    assert not settings.may_be_called("evil.com")


@pytest.mark.parametrize(
    ("header", "name"),
    [("A.b:1", "a.b"), ("[::1]:2", "::1"), ("x.", "x"), ("a b", None), ("u@h", None),
     ("h/p", None), ("h?q", None), ("h:99999", None)],
)  # fmt: skip
def test_the_name_in_a_host_header(header, name):
    assert host_name(header) == name


# --- Other pages ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "origin",
    ["http://evil.com", "null", "https://localhost.evil.com", "http://localhost:1",
     "file://", "", "chrome-extension://abc"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_other_pages_cannot_change_anything(client, method, origin):
    path = "/api/tracks/1/mood" if method == "PUT" else "/api/scan"
    answer = client.request(method, path, headers={"origin": origin}, json={"mood": "Dark"})
    assert answer.status_code == 403
    assert client.get("/api/tracks/1").json()["own_mood"] is None


def test_our_own_page_can(own_client):
    answer = own_client.put(
        "/api/tracks/1/mood",
        json={"mood": "Dark"},
        headers={"origin": str(own_client.base_url).rstrip("/"), "sec-fetch-site": "same-origin"},
    )
    assert answer.status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site", "whatever"])
def test_other_pages_cannot_read_through_a_tag(client, site):
    headers = {"sec-fetch-site": site}
    assert client.get("/api/tracks/1/audio", headers=headers).status_code == 403
    assert client.post("/api/scan", headers=headers).status_code == 403


def test_a_link_elsewhere_still_opens_the_page(client):
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert client.get("/", headers=headers).status_code == 200


def test_nothing_is_allowed_to_others(client):
    answer = client.get("/api/tracks", headers={"origin": "http://evil.com"})
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"


# --- Headers --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/", "/api/tracks", "/nowhere", "/static/nothing.js", "/api/tracks/1/audio"]
)
def test_every_answer_carries_the_policy(client, path):
    headers = client.get(path).headers
    assert headers["content-security-policy"] == CSP
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"
    assert "server" not in headers


def test_the_policy_lets_nothing_in_from_elsewhere():
    assert "unsafe" not in CSP and "http" not in CSP and CSP.startswith("default-src 'none'")


# --- Tokens ---------------------------------------------------------------------------------


@pytest.fixture
def guarded(serve):
    with (
        serve(Settings(token=TOKEN, readers=1)) as address,
        httpx.Client(base_url=address, trust_env=False) as client,
    ):
        yield client


def test_without_the_token_nothing_is_told(guarded):
    for path in ("/", "/api/tracks", "/api/tracks/1/audio", "/static/app.js", "/api/openapi.json"):
        answer = guarded.get(path)
        assert answer.status_code == 401, path
        assert answer.headers["www-authenticate"] == "Bearer"
    assert guarded.put("/api/tracks/1/mood", json={"mood": "Dark"}).status_code == 401


def test_health_tells_that_a_token_is_needed_and_no_more(guarded):
    told = guarded.get("/api/health").json()
    assert told["token_needed"] is True and told["status"] == "ok"
    assert told["tracks"] is None and told["model"] is None


@pytest.mark.parametrize(
    ("given", "status"),
    [(f"Bearer {TOKEN}", 200), (f"bearer  {TOKEN}", 200), (f"Bearer {TOKEN}x", 401),
     (f"Basic {TOKEN}", 401), (TOKEN, 401), ("Bearer", 401), ("Bearer é", 401)],
)  # fmt: skip
def test_the_token_as_a_header(guarded, given, status):
    headers = {"authorization": given.encode("latin-1")}
    assert guarded.get("/api/tracks", headers=headers).status_code == status
    assert guarded.get("/api/health", headers=headers).json()["token_needed"] is (status == 401)


def test_the_address_with_the_token_becomes_a_cookie(guarded):
    answer = guarded.get("/", params={"token": TOKEN, "view": "map"})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/?view=map"  # the token leaves the address bar
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    for part in ("HttpOnly", "SameSite=strict", "Path=/"):
        assert part in cookie
    assert guarded.get("/api/tracks").status_code == 200  # the client kept it


@pytest.mark.parametrize(
    "query", ["token=wrong-but-long-enough", f"token={TOKEN}&token={TOKEN}", "token=", "token"]
)
def test_a_wrong_token_in_the_address_opens_nothing(guarded, query):
    answer = guarded.get(f"/?{query}")
    assert answer.status_code == 401 and "set-cookie" not in answer.headers


def test_the_token_in_the_address_opens_the_page_alone(guarded):
    assert guarded.get("/api/tracks", params={"token": TOKEN}).status_code == 401


def test_a_broken_cookie_is_none(guarded):
    for broken in (b"=;=;\"'", f'{COOKIE}="; ; =; {COOKIE}'.encode(), b"\xff\xfe=\xff"):
        assert guarded.get("/api/tracks", headers={"cookie": broken}).status_code == 401


def test_beyond_the_machine_a_token_must_be_given():
    with pytest.raises(UsageError, match="other machines; give a token"):
        Settings(host="0.0.0.0")
    with pytest.raises(UsageError, match="at least 16"):
        Settings(host="0.0.0.0", token="short")


# --- Sizes ----------------------------------------------------------------------------------


def test_two_gigabytes_are_refused_before_they_come(address):
    head = (
        f"POST /api/analyse HTTP/1.1\r\nHost: localhost\r\nContent-Length: {2 * 2**30}\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\n\r\n"
    )
    started = time.perf_counter()
    got = talk(address, head.encode(), until_closed=True)
    assert got.startswith(b"HTTP/1.1 413") and b"at most 200 MB" in got
    assert b"connection: close" in got.lower()
    assert time.perf_counter() - started < 2


@pytest.mark.parametrize("length", ["-1", "1e9", "9" * 40, "٣"])
def test_a_length_that_is_none_is_refused(address, length):
    head = f"POST /api/label HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n"
    assert re.match(rb"HTTP/1.1 4(00|13)", talk(address, head.encode(), until_closed=True))


def test_a_body_without_end_is_cut_where_the_bound_is(serve):
    with serve(Settings(upload_mb=1, readers=1)) as address:
        sent = 0

        def chunks():
            nonlocal sent
            yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.mp3"\r\n\r\n'
            while sent < 200 * 2**20:
                sent += 2**16
                yield b"\0" * 2**16

        with httpx.Client(base_url=address, trust_env=False) as client:
            try:
                answer = client.post(
                    "/api/analyse",
                    content=chunks(),
                    headers={"content-type": "multipart/form-data; boundary=x"},
                )
                assert answer.status_code == 413
            except httpx.TransportError:
                pass  # cut off in mid-sentence: as good
            assert sent < 60 * 2**20  # what the system's own buffers took, and no more
            assert client.get("/api/health").status_code == 200


def test_other_bodies_are_bounded_too(client):
    body = b'{"mood": "' + b"x" * 2**21 + b'"}'
    answer = client.put("/api/tracks/1/mood", content=body)
    assert answer.status_code == 413
    assert "at most 1 MB" in answer.json()["error"]["message"]


# --- Slow clients ---------------------------------------------------------------------------


def test_a_body_that_does_not_come_is_given_up(serve):
    with serve(Settings(body_timeout_s=0.3, readers=1)) as address:
        head = (
            b"PUT /api/tracks/1/mood HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n"
            b"Content-Type: application/json\r\n\r\n{"
        )
        got = talk(address, head, until_closed=True)
        assert got.startswith(b"HTTP/1.1 408") and b"within 0.3 s" in got


def test_a_body_in_drops_is_given_up(serve):
    with (
        serve(Settings(body_timeout_s=0.4, readers=1)) as address,
        closing(socket.create_connection(("127.0.0.1", port_of(address)), 5)) as own,
    ):
        own.sendall(
            b"POST /api/label HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n"
            b"Content-Type: application/json\r\n\r\n"
        )
        started = time.perf_counter()
        with pytest.raises(OSError, match=r"[Bb]roken pipe|reset"):
            while time.perf_counter() - started < 5:
                own.sendall(b" ")
                time.sleep(0.05)


def test_a_head_that_does_not_come_is_given_up(serve, monkeypatch):
    monkeypatch.setattr(run, "HEADER_TIMEOUT_S", 0.2)
    with serve(Settings(readers=1)) as address:
        for start in (b"", b"GET /api/health HTTP/1.1\r\nHost: loc"):
            with closing(socket.create_connection(("127.0.0.1", port_of(address)), 5)) as own:
                own.sendall(start)
                assert own.recv(100) == b""  # closed from the other side, not timed out
        # A client that asked before and then sends half a head is no better.
        with closing(socket.create_connection(("127.0.0.1", port_of(address)), 5)) as own:
            own.sendall(b"GET /api/scan HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert own.recv(20).startswith(b"HTTP/1.1 200")
            own.sendall(b"GET /api/health HT")
            while own.recv(4096):
                pass


def test_many_slow_clients_do_not_keep_others_waiting(address, client):
    slow = [socket.create_connection(("127.0.0.1", port_of(address)), 5) for _ in range(100)]
    try:
        for own in slow:
            own.sendall(b"POST /api/label HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n")
        started = time.perf_counter()
        assert client.get("/api/tracks").status_code == 200
        assert time.perf_counter() - started < 2
    finally:
        for own in slow:
            own.close()


# --- Errors ---------------------------------------------------------------------------------


def test_a_bug_is_told_without_a_word_of_the_code(client, monkeypatch, caplog):
    def broken(*_):
        raise RuntimeError("secret path /home/somebody/library.db")

    monkeypatch.setattr(library_endpoints, "_unseen", broken)
    answer = client.get("/api/moods")
    assert answer.status_code == 500
    assert answer.json() == {
        "error": {"message": "something went wrong inside affetto; its log says what"}
    }
    assert answer.headers["content-security-policy"] == CSP
    assert "secret path" in caplog.text  # the log has it
    monkeypatch.undo()
    assert client.get("/api/moods").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/api/nothing", 404), ("DELETE", "/api/tracks", 405), ("GET", "/api/analyse", 405),
     ("TRACE", "/api/tracks", 405), ("GET", "/api/tracks/", 404), ("GET", "//api/tracks", 404)],
)  # fmt: skip
def test_unknown_addresses_answer_in_the_same_shape(client, method, path, status):
    answer = client.request(method, path)
    assert answer.status_code == status
    assert set(answer.json()["error"]) <= {"message", "do"}


@pytest.mark.parametrize(
    "name",
    ["../app.py", "..%2fapp.py", "%2e%2e/app.py", "....//app.py", "/etc/passwd", "%2fetc%2fpasswd",
     "..\\app.py", "app.js%00.html", "", "."],
)  # fmt: skip
def test_only_files_of_the_page_are_served(address, name):
    got = talk(address, f"GET /static/{name} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    assert got.startswith(b"HTTP/1.1 404")


def test_websockets_are_not_offered(address):
    head = (
        b"GET /api/scan/events HTTP/1.1\r\nHost: localhost\r\nConnection: close, Upgrade\r\n"
        b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n\r\n"
    )
    with closing(socket.create_connection(("127.0.0.1", port_of(address)), 5)) as own:
        own.sendall(head)
        assert not own.recv(100).startswith(b"HTTP/1.1 101")


def test_64_clients_at_once_meet_no_error(address):
    wrong = []

    def ask():
        with httpx.Client(base_url=address, timeout=30, trust_env=False) as client:
            for path in ("/api/tracks?search=song", "/api/map", "/api/status"):
                answer = client.get(path)
                if answer.status_code != 200:
                    wrong.append((path, answer.status_code))

    threads = [threading.Thread(target=ask) for _ in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
