"""The server run: its address taken, announced, served, and left in order."""

import asyncio
import secrets
import socket
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from affetto.errors import UsageError
from affetto.library.catalogue import Catalogue
from affetto.library.lock import serving
from affetto.library.schema import default_path
from affetto.server.app import create_app
from affetto.server.settings import Settings, is_loopback

HEADER_TIMEOUT_S = 15.0
"""Longest time a client may take to send the head of its request."""

MOST_CONNECTIONS = 512
_MOST_HEADER_BYTES = 32 * 1024
_GRACE_S = 3


class PatientProtocol(H11Protocol):
    """HTTP/1.1 whose patience with a client that sends nothing, or its headers slowly, ends."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait."""
        super().connection_made(transport)
        self._seen: Any = None
        self._watch = self.loop.call_later(HEADER_TIMEOUT_S, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._watch.cancel()
        super().connection_lost(exc)

    def _look(self) -> None:
        """Cut a connection on which no request has begun for a while."""
        is_waiting = self.cycle is None or self.cycle.response_complete
        if is_waiting and self.cycle is self._seen:
            self.transport.close()
            return
        self._seen = self.cycle
        self._watch = self.loop.call_later(HEADER_TIMEOUT_S, self._look)


def listening_socket(host: str, port: int) -> socket.socket:
    """Take an address to listen at.

    Raises
    ------
    UsageError
        If it is taken, not ours to take, or no address of this machine.
    """
    try:
        places = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError) as exc:
        raise UsageError(f"{host!r} is no address of this machine: {exc}") from exc
    family, kind, protocol, _, address = places[0]
    taken = socket.socket(family, kind, protocol)
    try:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(address)
        taken.listen(128)
    except OSError as exc:
        taken.close()
        raise UsageError(
            f"cannot listen at {host}:{port}: {exc.strerror}; is affetto serve running already? "
            "Give another port: --port 0 takes any that is free"
        ) from exc
    return taken


def address_of(host: str, port: int, token: str | None) -> str:
    """Give the address to open in a browser."""
    shown = "localhost" if is_loopback(host) or host in ("0.0.0.0", "::", "") else host  # noqa: S104
    name = f"[{shown}]" if ":" in shown else shown
    return f"http://{name}:{port}/" + (f"?token={token}" if token else "")


def serve(
    catalogue_path: Path | None,
    *,
    settings: Settings,
    port: int,
    announce: Callable[[str], None],
    open_browser: bool = False,
) -> None:
    """Serve until stopped by Ctrl-C.

    Parameters
    ----------
    catalogue_path : Path or None
        The library's database; None for the user's own.
    settings : Settings
    port : int
        0 for any that is free.
    announce : callable
        Told the address once clients may come.
    open_browser : bool

    Raises
    ------
    UsageError
        If the address cannot be taken.
    CatalogueError
        If the catalogue cannot be opened.
    """
    with (
        serving(catalogue_path or default_path()),
        Catalogue.open(catalogue_path) as catalogue,  # now, not at the first request
    ):
        catalogue.refresh_labels()
    with listening_socket(settings.host, port) as taken:
        address = address_of(settings.host, taken.getsockname()[1], settings.token)
        server = uvicorn.Server(configuration(create_app(catalogue_path, settings=settings)))

        async def run() -> None:
            serving = asyncio.ensure_future(server.serve(sockets=[taken]))
            while not (server.started or serving.done()):
                await asyncio.sleep(0.02)
            if server.started:
                announce(address)
                if open_browser:
                    await asyncio.to_thread(webbrowser.open, address)
            await serving

        asyncio.run(run())


def configuration(app: Any) -> uvicorn.Config:
    """Give uvicorn's settings: what it does not do by itself is done in `Safety`."""
    return uvicorn.Config(
        app,
        http=PatientProtocol,
        ws="none",
        loop="asyncio",
        lifespan="on",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=_GRACE_S,
        h11_max_incomplete_event_size=_MOST_HEADER_BYTES,
    )


def new_token() -> str:
    """Make a token nobody can guess."""
    return secrets.token_urlsafe(32)
