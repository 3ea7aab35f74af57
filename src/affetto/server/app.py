"""The server put together: settings, state, guard and endpoints."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.routing import APIRoute

import affetto
from affetto.server import analyse, label, library, page, playlists, teach, tracks
from affetto.server.answers import handle_errors
from affetto.server.safety import Safety
from affetto.server.settings import Settings
from affetto.server.state import State

_ABOUT = """\
The mood each track awakens, how sure that is, and why: of features, of a file that is sent, and
of the music library that this server keeps. All answers are JSON; every error has the shape
`{"error": {"message": …, "do": …}}`.
"""


def create_app(
    catalogue_path: str | Path | None = None, *, settings: Settings | None = None
) -> FastAPI:
    """Make the server: an ASGI application.

    Parameters
    ----------
    catalogue_path : path, optional
        The library's database; made where it is missing. Default: the user's own.
    settings : Settings, optional

    Returns
    -------
    fastapi.FastAPI
        Run its lifespan: the catalogue is opened when it starts, and closed when it ends.
    """
    own = settings or Settings()
    state = State(None if catalogue_path is None else Path(catalogue_path), own)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        state.start()
        try:
            yield
        finally:
            await state.stop()

    app = FastAPI(
        title="affetto",
        version=affetto.__version__,
        description=_ABOUT,
        openapi_url="/api/openapi.json",
        docs_url=None,  # it would load scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    app.state.affetto = state
    app.add_middleware(Safety, settings=own)
    parts = (label, analyse, library, tracks, playlists, teach, page)
    for part in parts:
        app.include_router(part.router)
    routes = [route for part in parts for route in part.router.routes]
    handle_errors(app, [route for route in routes if isinstance(route, APIRoute)])
    return app
