"""A local HTTP server on 127.0.0.1 with faults on order; the services derive from it."""

import json
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


@dataclass
class Seen:
    """A request as it came in."""

    method: str
    path: str
    query: dict
    headers: dict
    body: bytes

    def json(self):
        return json.loads(self.body)

    def form(self):
        return parse_qs(self.body.decode(), keep_blank_values=True)

    def first(self, name, default=None):
        return self.query.get(name, [default])[0]


@dataclass
class Answer:
    """What goes back; `body` is JSON unless it is bytes."""

    body: object = None
    status: int = 200
    headers: dict = field(default_factory=dict)
    kind: str = "application/json"

    def raw(self):
        if isinstance(self.body, bytes):
            return self.body
        return b"" if self.body is None else json.dumps(self.body).encode()


@dataclass
class Fault:
    """Something that goes wrong with the next requests whose path holds `path`.

    kind is one of:
    answer      `answer` goes back in place of the right one
    close       the connection is closed without an answer
    cut         the right answer breaks off after `after` bytes (announced whole)
    cut-chunked the same, in chunks: no length is announced
    truncate    the right answer's text ends after `after` bytes, as if that were all
    slow        the right answer comes after `seconds`
    drip        the right answer comes a byte each `seconds`
    """

    kind: str
    path: str = ""
    times: int = 1
    answer: Answer | None = None
    after: int = 10
    seconds: float = 0.5
    skip: int = 0  # matching requests that go well first

    def __str__(self):
        return f"{self.kind}-{self.answer.status if self.answer else self.after}"


def busy(retry_after, **more):
    """429 as services say it."""
    body = {"error": {"status": 429, "message": "API rate limit exceeded"}}
    return Fault("answer", answer=Answer(body, 429, {"Retry-After": str(retry_after)}), **more)


def failing(status=500, **more):
    return Fault("answer", answer=Answer({"error": {"message": "oops"}}, status), **more)


def web_page(status=200, **more):
    page = b"<!DOCTYPE html><html><body>Welcome to the hotel's network</body></html>"
    return Fault("answer", answer=Answer(page, status, kind="text/html"), **more)


class Service:
    """Answers by `answer(seen)`; use it in a `with`, or call `start` and `stop`."""

    def __init__(self):
        self.seen: list[Seen] = []
        self.faults: deque[Fault] = deque()
        self.clock_skew_s = 0.0  # of the Date it sends
        self.lock = threading.Lock()
        self.at_once = self.most_at_once = 0
        self._server = None

    def answer(self, seen: Seen) -> Answer:
        raise NotImplementedError

    @property
    def url(self):
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def paths(self):
        return [seen.path for seen in self.seen]

    def start(self):
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # small answers would wait for the client to say more

            def do_GET(self):
                service._serve(self)

            do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815

            def log_message(self, *_):
                pass

            def date_time_string(self, timestamp=None):
                return formatdate(time.time() + service.clock_skew_s, usegmt=True)

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, request, client_address):
                pass  # a client that went away

        self._server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()
        return self

    def stop(self):
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def _serve(self, handler):
        address = urlsplit(handler.path)
        length = int(handler.headers.get("Content-Length") or 0)
        body = handler.rfile.read(length)
        query = parse_qs(address.query, keep_blank_values=True)
        headers = {name.lower(): value for name, value in handler.headers.items()}
        seen = Seen(handler.command, address.path, query, headers, body)
        with self.lock:
            self.seen.append(seen)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            fault = self._due(seen)
        try:
            if fault and fault.kind == "close":
                handler.close_connection = True
                return
            answer = fault.answer if fault and fault.answer else self.answer(seen)
            self._send(handler, answer, fault)
        finally:
            with self.lock:
                self.at_once -= 1

    def _due(self, seen):
        for fault in list(self.faults):
            if fault.path not in seen.path:
                continue
            if fault.skip:
                fault.skip -= 1
                return None
            fault.times -= 1
            if fault.times <= 0:
                self.faults.remove(fault)
            return fault
        return None

    def _send(self, handler, answer, fault):
        raw = answer.raw()
        kind = fault.kind if fault else ""
        if kind == "truncate":
            raw = raw[: fault.after]
        if kind == "slow":
            time.sleep(fault.seconds)
        handler.send_response(answer.status)
        handler.send_header("Content-Type", answer.kind)
        for name, value in answer.headers.items():
            handler.send_header(name, value)
        if kind == "cut-chunked":
            handler.send_header("Transfer-Encoding", "chunked")
            handler.end_headers()
            part = raw[: fault.after]
            if part:  # a chunk of no bytes is the end, in good order
                handler.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
            handler.wfile.flush()
            handler.close_connection = True
            return
        handler.send_header("Content-Length", str(len(raw)))
        handler.end_headers()
        if kind == "cut":
            handler.wfile.write(raw[: fault.after])
            handler.wfile.flush()
            handler.close_connection = True
            return
        if kind == "drip":
            for place in range(len(raw)):
                handler.wfile.write(raw[place : place + 1])
                handler.wfile.flush()
                time.sleep(fault.seconds)
            return
        handler.wfile.write(raw)
