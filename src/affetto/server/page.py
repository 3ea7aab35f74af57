"""The page: the files in ``static/``, as they are, and nothing else."""

import hashlib
from importlib import resources
from pathlib import Path, PurePosixPath

from fastapi import APIRouter, Request
from starlette.responses import Response

from affetto.server.answers import Refusal

router = APIRouter(include_in_schema=False)

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
"""Said by ourselves: a browser refuses scripts of another type, and systems differ."""


def static_folder() -> Path:
    """Give the folder of the page's files."""
    return Path(str(resources.files("affetto.server") / "static"))


@router.api_route("/", methods=["GET", "HEAD"])
def index(request: Request) -> Response:
    """Give the page."""
    return static(request, "index.html")


@router.api_route("/favicon.ico", methods=["GET", "HEAD"])
def icon() -> Response:
    """Say that the page names its icon itself."""
    return Response(status_code=204, headers={"cache-control": "max-age=86400"})


@router.api_route("/static/{name:path}", methods=["GET", "HEAD"])
def static(request: Request, name: str) -> Response:
    """Give a file of the page; only names that are there are ever opened."""
    folder = static_folder()
    known = {
        path.relative_to(folder).as_posix(): path
        for path in folder.rglob("*")
        if path.suffix in _TYPES and path.is_file()
    }
    if name not in known:
        raise Refusal(404, "there is nothing at this address")
    body = known[name].read_bytes()
    etag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    # Always asked for anew, and answered in a word while it is the same: an update is seen.
    headers = {"etag": etag, "cache-control": "no-cache"}
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=_TYPES[PurePosixPath(name).suffix])
