"""The session that spotipy asks Spotify through: each answer checked, each error ours.

spotipy takes a web page for an empty answer, forgets how long a 429 asks to wait where its own
retries are at work, and logs tokens at DEBUG; hence this session beneath it.
"""

import json
import logging
import time
from typing import Any
from urllib.parse import urlsplit

import affetto
from affetto.errors import (
    ClientMissingError,
    LoginError,
    ServiceAnswerError,
    ServiceError,
    ServiceRefusedError,
    ServiceUnreachableError,
)
from affetto.sources.patience import Patience, TryAgainError, wait_of
from affetto.sources.web import LARGEST_ANSWER, redacted

try:
    import requests
    from urllib3.exceptions import HTTPError, NewConnectionError
except ImportError as exc:
    _MISSING = (
        'asking Spotify needs packages that are not installed: pip install "affetto[sources]"'
    )
    raise ClientMissingError(_MISSING) from exc

DASHBOARD = "https://developer.spotify.com/dashboard"
TOKEN_PATH = "/api/token"  # noqa: S105 - a path

_UNLISTED = (
    "this Spotify account is not among the users of the app: its owner adds up to five at "
    f"{DASHBOARD} (User Management)"
)
_TOLD = 200
_BLOCK = 65_536


class _Quiet(logging.Filter):
    """Drops what spotipy says below a warning: headers and bodies, tokens included."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redacted(record.getMessage()), ()
        return record.levelno >= logging.WARNING


for _logger in ("spotipy.client", "spotipy.oauth2"):
    logging.getLogger(_logger).addFilter(_Quiet())
logging.getLogger("spotipy").addHandler(logging.NullHandler())


class Session(requests.Session):
    """What spotipy sends its questions through; answers are whole and checked, errors ours.

    Parameters
    ----------
    patience : Patience
    """

    def __init__(self, patience: Patience):
        super().__init__()
        self.patience = patience
        self.n_requests = 0
        self.headers["User-Agent"] = f"affetto/{affetto.__version__}"
        self.headers["Accept"] = "application/json"
        # Without this, a line for the host in ~/.netrc takes the place of the token.
        self.auth = _as_it_is

    def request(self, method: str, url: str, **how: Any) -> requests.Response:  # type: ignore[override]
        """Send a question; give its answer where that is JSON, or empty.

        Raises
        ------
        TryAgainError
            Where another try may help and can do no harm.
        ServiceError
            Where it cannot.
        """
        path = urlsplit(url).path
        # A POST that was perhaps heard must not be sent twice; a question for a token may.
        repeatable = method.upper() != "POST" or path.endswith(TOKEN_PATH)
        self.n_requests += 1
        # Redirections are not followed: they could carry a token to another host.
        how |= {"timeout": self.patience.timeout_s, "allow_redirects": False, "stream": True}
        deadline = time.monotonic() + 3 * self.patience.timeout_s
        try:
            response = super().request(method, url, **how)
            with response:
                raw = self._read(response, deadline)
                # As requests leaves an answer it has read whole: the connection is kept.
                response._content, response._content_consumed = raw, True
        except (requests.RequestException, HTTPError) as exc:
            error = ServiceUnreachableError(
                f"Spotify cannot be reached: {self._cause(exc)}; is there a network?"
            )
            if repeatable or _unheard(exc):
                raise TryAgainError(error) from exc
            raise error from exc
        try:
            _check(response, raw, path)
        except TryAgainError as exc:
            # A 429 did nothing; a 503 that asks to wait may be a proxy's, after the deed.
            if repeatable or response.status_code == 429:
                raise
            raise exc.error from exc
        return response

    def _read(self, response: requests.Response, deadline: float) -> bytes:
        raw = b""
        # `iter_content` waits until a block is full, however slowly it comes.
        while block := response.raw.read1(_BLOCK, decode_content=True):
            raw += block
            if len(raw) > LARGEST_ANSWER:
                raise ServiceAnswerError("Spotify answers with more than 64 MB")
            if time.monotonic() > deadline:
                raise requests.ReadTimeout
        return raw

    def _cause(self, exc: Exception) -> str:
        if isinstance(exc, requests.Timeout) or "timed out" in str(exc).lower():
            return f"no answer within {self.patience.timeout_s:g} s"
        return "no connection" if _unheard(exc) else "the connection broke off"


def is_about_asker(exc: ServiceRefusedError) -> bool:
    """Whether not the question is refused, but who asks: no login, no user of the app, no Premium.

    A login that has ended is told with the status 400, as a title that cannot be searched for is.
    """
    told = exc.told.lower()
    return isinstance(exc, LoginError) or "registered" in told or "premium" in told


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _unheard(exc: Exception) -> bool:
    """Whether a question certainly did not arrive."""
    reason = getattr(exc.args[0], "reason", None) if exc.args else None
    return isinstance(exc, requests.ConnectTimeout) or isinstance(reason, NewConnectionError)


def _check(response: requests.Response, raw: bytes, path: str) -> None:
    """Raise what an answer means that is none."""
    status, headers = response.status_code, response.headers
    if 200 <= status < 300:
        _check_json(raw, path, may_be_empty=response.request.method != "GET")
        return
    if 300 <= status < 400:
        place = urlsplit(headers.get("location", "")).netloc
        raise ServiceRefusedError(
            f"Spotify's answer on {path} sends elsewhere{f' ({place})' if place else ''}: is there "
            "a login page before this network?",
            status=status,
        )
    told = _reason(raw)
    words = f"Spotify answers {path} with {status}"
    message = f"{words}: {told}" if told else f"{words} {response.reason}".rstrip()
    if status == 429 or (status == 503 and "retry-after" in headers):
        wait_s = wait_of(headers.get("retry-after"), headers.get("date"))
        raise TryAgainError(ServiceError(message), wait_s)
    if status == 403 and "not registered" in told.lower():
        message = f"{message}. {_UNLISTED}"
    is_login = status == 401 or (path.endswith(TOKEN_PATH) and 400 <= status < 500)
    kind = LoginError if is_login else ServiceRefusedError
    error = kind(message, status=status, told=told)
    raise TryAgainError(error) if status >= 500 or status == 408 else error


def _check_json(raw: bytes, path: str, *, may_be_empty: bool) -> None:
    if may_be_empty and not raw.strip():
        return
    if raw[:200].lstrip().lower().startswith((b"<!doctype", b"<html")):
        raise ServiceAnswerError(
            f"Spotify answers {path} with a web page in place of JSON: is there a login page "
            "before this network?"
        )
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError) as exc:
        error = ServiceAnswerError(
            f"Spotify answers {path} with a text that is no JSON, or cut short ({len(raw):,} bytes)"
        )
        raise TryAgainError(error) from exc
    if not isinstance(found, dict):
        raise ServiceAnswerError(f"Spotify answers {path} with JSON of another shape")


def _reason(raw: bytes) -> str:
    """Find Spotify's own words: the API, its login, and its proxies each have a shape."""
    try:
        found = json.loads(raw)
    except RecursionError:
        return ""
    except ValueError:
        text = raw.decode("utf-8", "replace")
        return "" if "<" in text else redacted(" ".join(text.split()))[:_TOLD]
    if not isinstance(found, dict):
        return ""
    error = found.get("error", found)
    if isinstance(error, dict):
        text = str(error.get("message") or "")
    else:
        text = ": ".join(str(one) for one in (error, found.get("error_description")) if one)
    return redacted(" ".join(text.split()))[:_TOLD]
