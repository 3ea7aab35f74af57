"""Who may ask, from where, how much, and how slowly: the guard before every request.

A page anywhere on the web can make a browser on this machine send requests here. It cannot set
the Host or Origin header, so these two tell such requests apart: a name that is not ours means
that somebody pointed their name at us (DNS rebinding), an origin that is not ours that another
page sent it. The guard is plain ASGI, so that answers and uploads stream through it.

References
----------
OWASP Cross-Site Request Forgery Prevention Cheat Sheet. — Fetch Metadata Request Headers, W3C.
"""

import asyncio
import hmac
import logging
import re
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from affetto.server.answers import Refusal, error_answer
from affetto.server.settings import Settings

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "media-src 'self'; connect-src 'self'; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
REPORT_CSP = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'none'; sandbox"
)
"""Of the report, one file with its style inside and without scripts."""

COOKIE = "affetto_token"
OPEN_PATH = "/api/health"
"""The one address that answers without a token, so that a page can say that one is needed."""

MAX_BODY = 2**20
MAX_LABEL_BODY = 16 * 2**20
_MULTIPART_ROOM = 2**16  # what a form adds to the file in it
_SAFE_METHODS = ("GET", "HEAD")
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
_CLOSE = {"connection": "close"}
_NO_NAME = re.compile(r"[^A-Za-z0-9._\-:\[\]]")

_log = logging.getLogger("affetto.server")


class Safety:
    """The guard, as ASGI middleware: outermost, so that every answer carries its headers."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008, "reason": "not offered"})
            return
        headers = Headers(scope=scope)
        request = _Request(scope, receive, send, self.settings)
        try:
            self._check(scope, headers)
            entry = self._entry(scope)
            scope.setdefault("state", {})["is_trusted"] = self._is_trusted(headers)
            if entry is not None:
                await entry(scope, receive, request.send)
                return
            request.check_length(headers)
        except Refusal as refusal:
            await request.refuse(refusal)
            return
        try:
            await self.app(scope, request.receive, request.send)
        except Exception:  # clients see no traceback, whatever went wrong
            if request.refusal is None:
                _log.exception("%s %s failed", scope["method"], scope["path"])
            if request.is_started:
                raise  # too late to say anything: the connection is cut
            await request.refuse(
                request.refusal
                or Refusal(500, "something went wrong inside affetto; its log says what")
            )

    def _check(self, scope: Scope, headers: Headers) -> None:
        settings, path = self.settings, scope["path"]
        hosts = headers.getlist("host")
        name = host_name(hosts[0]) if len(hosts) == 1 else None
        if name is None or not settings.may_be_called(name):
            raise Refusal(
                421,
                "this server does not answer to that name",
                "open it as localhost or 127.0.0.1, or name it with --allow-host",
                _CLOSE,
            )
        is_safe = scope["method"] in _SAFE_METHODS
        origin = headers.get("origin")
        if not is_safe and origin is not None and not _same_place(origin, hosts[0]):
            raise Refusal(403, "requests of other pages are not taken", None, _CLOSE)
        site = headers.get("sec-fetch-site", "none")
        if site not in ("same-origin", "none") and (not is_safe or path.startswith("/api/")):
            raise Refusal(403, "requests of other pages are not taken", None, _CLOSE)
        is_let_in = self._is_trusted(headers) or path == OPEN_PATH or self._token_in(scope)
        if not is_let_in:
            raise Refusal(
                401,
                "a token is needed here",
                "open the address that affetto serve printed, or send it as Authorization: Bearer",
                {"www-authenticate": "Bearer", **_CLOSE},
            )

    def _is_trusted(self, headers: Headers) -> bool:
        if self.settings.token is None:
            return True
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self._fits(given.strip()):
            return True
        return self._fits(_cookie(headers.get("cookie", "")))

    def _fits(self, given: str) -> bool:
        """Compare in a time that says nothing of how much was right."""
        token = self.settings.token or ""
        return hmac.compare_digest(given.encode("utf-8", "replace"), token.encode())

    def _token_in(self, scope: Scope) -> bool:
        if self.settings.token is None or scope["path"] != "/":
            return False
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
        return len(given) == 1 and self._fits(given[0])

    def _entry(self, scope: Scope) -> Response | None:
        """Turn ``/?token=…`` into a cookie, and the token out of the address bar."""
        if not self._token_in(scope):
            return None
        left = parse_qs(scope["query_string"].decode("latin-1"))
        del left["token"]
        query = urlencode(left, doseq=True)
        response = Response(status_code=303, headers={"location": f"/?{query}" if query else "/"})
        response.set_cookie(
            COOKIE, self.settings.token or "", httponly=True, samesite="strict", path="/",
            max_age=30 * 86_400,
        )  # fmt: skip
        return response


class _Request:
    """One request on its way: its body counted and timed, its answer given our headers."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, settings: Settings) -> None:
        is_upload = scope["path"] == "/api/analyse"
        self.limit = {
            "/api/analyse": settings.upload_mb * 2**20 + _MULTIPART_ROOM,
            "/api/label": MAX_LABEL_BODY,
        }.get(scope["path"], MAX_BODY)
        seconds = settings.upload_timeout_s if is_upload else settings.body_timeout_s
        self.seconds = seconds
        self.refusal: Refusal | None = None
        self.is_started = False
        self._scope, self._receive, self._send = scope, receive, send
        self._deadline = asyncio.get_running_loop().time() + seconds
        self._n_bytes = 0
        self._is_complete = False
        self._is_replaced = False

    def check_length(self, headers: Headers) -> None:
        """Refuse a body that says itself that it is too large."""
        length = headers.get("content-length")
        if length is not None and (not length.isdecimal() or int(length[:20]) > self.limit):
            raise self._too_large()

    async def receive(self) -> Message:
        if self.refusal is not None:
            raise self.refusal
        if self._is_complete:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            raise self._refused(
                Refusal(408, f"the request did not arrive within {self.seconds:g} s", None, _CLOSE)
            ) from None
        self._n_bytes += len(message.get("body", b""))
        if self._n_bytes > self.limit:
            raise self._refused(self._too_large())
        self._is_complete = not message.get("more_body", False)
        return message

    async def send(self, message: MutableMapping[str, Any]) -> None:
        if self.refusal is not None and not self.is_started:
            # Whoever met the refusal may have made something else of it.
            await self.refuse(self.refusal)
        if self._is_replaced:
            return
        if message["type"] == "http.response.start":
            self.is_started = True
            message["headers"] = _with_ours(message.get("headers", []))
        await self._send(message)

    async def refuse(self, refusal: Refusal) -> None:
        response = error_answer(refusal.status_code, refusal.detail, refusal.do, refusal.headers)
        self.refusal = None
        send: Callable[[Message], Awaitable[None]] = self.send
        await response(self._scope, self._receive, send)
        self._is_replaced = True

    def _refused(self, refusal: Refusal) -> Refusal:
        self.refusal = refusal
        return refusal

    def _too_large(self) -> Refusal:
        return Refusal(
            413, f"the request is too large; at most {self.limit // 2**20} MB are taken", None,
            _CLOSE,
        )  # fmt: skip


def host_name(header: str) -> str | None:
    """Give the name in a Host header, in lower case, without port and brackets; None if broken."""
    try:
        parts = urlsplit(f"//{header}")
        _ = parts.port
    except ValueError:
        return None
    is_plain = parts.netloc == header and not (parts.username or _NO_NAME.search(header))
    return (parts.hostname or "").rstrip(".") or None if is_plain else None


def _same_place(origin: str, host: str) -> bool:
    scheme, separator, place = origin.partition("://")
    return bool(separator) and scheme in ("http", "https") and place.lower() == host.lower()


def _cookie(header: str) -> str:
    try:
        morsel = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return morsel.value if morsel else ""


def _with_ours(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    known = {name.lower() for name, _ in headers}
    policy = [] if b"content-security-policy" in known else [
        (b"content-security-policy", CSP.encode())
    ]  # fmt: skip
    caching = [] if b"cache-control" in known else [(b"cache-control", b"no-store")]
    return [*headers, *_HEADERS, *policy, *caching]
