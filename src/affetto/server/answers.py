"""Answers as JSON, and errors as JSON: one shape, no stack traces, safe on any text."""

import gzip
import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response

from affetto import errors
from affetto.errors import AffettoError

JSON_TYPE = "application/json"

_log = logging.getLogger("affetto.server")
_WORTH_PACKING = 2_000  # bytes; below it a packet holds it anyway
_MOST_PROBLEMS = 3
_WORDS = {
    "string_pattern_mismatch": "expected a name that can be seen, of letters, figures and signs",
    "extra_forbidden": "unknown here",
    "missing": "missing",
}
_STATUS: Mapping[str, int] = {
    "TrackNotFoundError": 404,
    "ScanRunningError": 409,
    "UsageError": 422,
    "InputError": 422,
    "WorkerError": 422,
    "CatalogueError": 503,
    "OutputError": 507,
}
"""Status by class of error; of several, the nearest in the error tree counts."""


class Refusal(HTTPException):
    """A request that is answered with an error, in words a person can act on.

    Parameters
    ----------
    status : int
    message : str
        What was found.
    do : str, optional
        What to do.
    headers : mapping, optional
    """

    def __init__(
        self,
        status: int,
        message: str,
        do: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, detail=message, headers=headers)
        self.do = do


def encoded(content: Any) -> bytes:
    """Write plain data as JSON in ASCII: no text, however broken, can fail to be sent."""
    return json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii")


def answer(
    content: Any,
    request: Request | None = None,
    *,
    status: int = 200,
    is_cached: bool = False,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Answer with JSON; packed where the client takes that and it is worth it.

    Parameters
    ----------
    content : plain data, or bytes of JSON
    request : Request, optional
        Whose headers say what the client takes.
    status : int
    is_cached : bool
        Give an ETag, and answer 304 where the client has the very same already.
    headers : mapping, optional
    """
    body = content if isinstance(content, bytes) else encoded(content)
    own = {"cache-control": "no-cache" if is_cached else "no-store", **(headers or {})}
    wanted = request.headers if request is not None else {}
    if is_cached:
        own["etag"] = f'W/"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
        if own["etag"] in wanted.get("if-none-match", ""):
            return Response(status_code=304, headers=own)
    if len(body) > _WORTH_PACKING and request is not None:
        own["vary"] = "Accept-Encoding"
        if "gzip" in wanted.get("accept-encoding", ""):
            own["content-encoding"] = "gzip"
            body = gzip.compress(body, 3, mtime=0)
    return Response(body, status, own, JSON_TYPE)


def error_body(message: str, do: str | None = None) -> dict[str, Any]:
    """Give the shape of every error."""
    return {"error": {"message": message, **({"do": do} if do else {})}}


def error_answer(
    status: int,
    message: str,
    do: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Answer with an error."""
    return answer(error_body(message, do), status=status, headers=headers)


def status_of(error: AffettoError) -> int:
    """Give the HTTP status that an error of ours stands for."""
    for kind in type(error).__mro__:
        if kind.__name__ in _STATUS and kind.__module__ == errors.__name__:
            return _STATUS[kind.__name__]
    return 500


def handle_errors(app: FastAPI, routes: Sequence[APIRoute]) -> None:
    """Make an app answer every error in one shape; `routes`: all that it has."""

    async def of_ours(request: Request, exc: Exception) -> Response:
        assert isinstance(exc, AffettoError)
        status = status_of(exc)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            _log.error("%s: %s", type(exc).__name__, exc)
        return error_answer(status, str(exc))

    async def of_http(request: Request, exc: Exception) -> Response:
        assert isinstance(exc, HTTPException)
        message, do = exc.detail, getattr(exc, "do", None)
        if exc.status_code == HTTPStatus.NOT_FOUND and message == HTTPStatus.NOT_FOUND.phrase:
            message, do = "there is nothing at this address", "see /api/openapi.json"
        headers = dict(exc.headers or {})
        if exc.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            message = "this address does not take that method"
            headers["allow"] = ", ".join(_methods(routes, request.url.path))
        return error_answer(exc.status_code, message, do, headers)

    async def of_validation(request: Request, exc: Exception) -> Response:
        assert isinstance(exc, RequestValidationError)
        return error_answer(422, _problems(exc.errors()), "see /api/openapi.json")

    app.add_exception_handler(AffettoError, of_ours)
    app.add_exception_handler(HTTPException, of_http)
    app.add_exception_handler(RequestValidationError, of_validation)


def _methods(routes: Sequence[APIRoute], path: str) -> list[str]:
    """Name all methods of an address; the router tells of one of its functions only."""
    found = [route.methods or () for route in routes if route.path_regex.match(path)]
    return sorted(set().union(*found))


def _problems(found: Sequence[Mapping[str, Any]]) -> str:
    """Say what is wrong without repeating what was sent."""
    said = []
    for problem in found[:_MOST_PROBLEMS]:
        place = [str(part) for part in problem.get("loc", ()) if part not in ("body", "query")]
        where = ".".join(part[:40] for part in place)
        what = _WORDS.get(str(problem.get("type"))) or str(problem.get("msg", "not as expected"))
        said.append(f"{where}: {what}" if where else what)
    more = len(found) - len(said)
    return "; ".join(said) + (f"; and {more} more" if more else "")
