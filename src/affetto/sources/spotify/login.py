"""Logging in to Spotify as oneself: PKCE, with a small listener of our own for the way back.

References
----------
.. [1] RFC 7636 (PKCE); RFC 8252, 7.3 (loopback redirection) and 8.10 (`state`).
.. [2] Spotify Web API: Authorization Code with PKCE Flow; Redirect URIs.
"""

import os
import queue
import re
import secrets
import threading
import time
import webbrowser
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from affetto.errors import LoginError, ServiceAnswerError, ServiceRefusedError, UsageError
from affetto.sources.accounts import Account
from affetto.sources.patience import Patience
from affetto.sources.spotify.connection import SCOPES, Connection, client_id_of, pkce_flow
from affetto.sources.spotify.session import DASHBOARD, TOKEN_PATH

PORT = 8888
"""Port of the redirect, unless told otherwise."""
LOGIN_S = 300.0
"""How long the browser is waited for."""

_CLIENT_ID = re.compile(r"[0-9A-Za-z]{32}")
_AGAIN = "try again: affetto login spotify"
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>affetto</title>
<body style="font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:20vh auto;padding:0 1rem">
<h1 style="font-size:1.4rem">{title}</h1><p>{text}</p></body></html>"""


def login(
    account: Account,
    *,
    port: int = PORT,
    open_browser: bool = True,
    say: Callable[[str], None] = print,
    ask: Callable[[str], str] = input,
    browse: Callable[[str], bool] | None = None,
    patience: Patience | None = None,
    timeout_s: float = LOGIN_S,
) -> str:
    """Log in as a user, and keep the login in the owner's file once it has been tried.

    Parameters
    ----------
    account : Account
        Of ``"spotify"``. The app's id is taken from ``SPOTIFY_CLIENT_ID`` or what is kept, else
        asked for.
    port : int
        Of the redirect ``http://127.0.0.1:PORT``; ``SPOTIFY_REDIRECT_URI`` may name another.
    open_browser : bool
        False: the address is told, and the one redirected to is asked for.
    say, ask, browse : callable
        How to tell the user something, ask for a line, and open the browser. Default: print,
        input, and the user's own browser.
    patience : Patience, optional
    timeout_s : float
        How long to wait for the browser.

    Returns
    -------
    str
        The user's name, as Spotify knows it.

    Raises
    ------
    LoginError
        If the user says no, or nothing comes back in time.
    UsageError
        If the redirect cannot be used.
    ServiceError
    """
    redirect_uri = redirect_of(account, port)
    client_id = client_id_of(account) or _asked_client_id(say, ask, redirect_uri)
    connection = Connection(account, patience=patience)
    try:
        flow = pkce_flow(
            connection.session,
            client_id,
            connection.accounts_url + TOKEN_PATH,
            redirect_uri=redirect_uri,
        )
        flow.OAUTH_AUTHORIZE_URL = f"{connection.accounts_url}/authorize"
        state = secrets.token_urlsafe(24)
        address = flow.get_authorize_url(state)
        if open_browser:
            with Listener(redirect_uri, state) as listener:
                if not (browse or webbrowser.open)(address):
                    say(f"Open this address in your browser:\n{address}")
                else:
                    say(
                        "Your browser opens: allow affetto to read and write your playlists "
                        f"there. If nothing opens, open this address:\n{address}"
                    )
                code = listener.wait(timeout_s)
        else:
            say(f"Open this address in a browser, on any machine:\n{address}")
            say(
                "Then copy the address it ends at: one that begins with "
                f"{redirect_uri}, even if the page cannot be shown."
            )
            code = code_of(ask("That address").strip(), state)
        token = _exchange(connection, flow, code)
        return _keep(account, connection, client_id, token)
    finally:
        connection.close()


def redirect_of(account: Account, port: int = PORT) -> str:
    """Give the address that Spotify sends the browser back to.

    Raises
    ------
    UsageError
        If ``SPOTIFY_REDIRECT_URI`` names one that Spotify or affetto cannot use.
    """
    text = account.setting("redirect_uri") or f"http://127.0.0.1:{port}"
    try:
        parts = urlsplit(text)
        is_name = parts.hostname == "localhost"
        is_here = bool(parts.port) and parts.netloc == f"127.0.0.1:{parts.port}"
        is_here = is_here and parts.scheme == "http" and not (parts.query or parts.fragment)
    except ValueError:  # a bracket that does not close, a port that is no number
        is_name = is_here = False
    if is_name:
        raise UsageError(
            f"found {text} as the redirect: Spotify refuses the name localhost since 2025; write "
            "127.0.0.1 in its place, here and in the app's settings"
        )
    if not is_here:
        raise UsageError(f"found {text} as the redirect; expected http://127.0.0.1:{port}")
    return text


def code_of(address: str, state: str) -> str:
    """Read the code out of the address that the browser was sent back to.

    Raises
    ------
    LoginError
        If the user said no, or it is not the answer to this login.
    """
    query = parse_qs(address.partition("#")[0].partition("?")[2])
    if not secrets.compare_digest(query.get("state", [""])[0].encode(), state.encode()):
        raise LoginError(
            "this is not the address that this login ends at (its state is another): copy the "
            f"whole address from the browser; {_AGAIN}"
        )
    if "error" in query:
        why = query["error"][0]
        said = "you did not allow it" if why == "access_denied" else f"Spotify says {why!r}"
        raise LoginError(f"not logged in: {said}; {_AGAIN}")
    if not query.get("code", [""])[0]:
        raise LoginError(f"the address holds no code: copy the whole of it; {_AGAIN}")
    return query["code"][0]


class Listener:
    """Waits on this machine for the browser to come back; to be used in a ``with``.

    What does not carry the right `state` is answered and forgotten: any page may send a browser
    here.

    Parameters
    ----------
    redirect_uri : str
        ``http://127.0.0.1:PORT``, with a path or without.
    state : str

    Raises
    ------
    UsageError
        If the port is taken.
    """

    def __init__(self, redirect_uri: str, state: str):
        parts = urlsplit(redirect_uri)
        found: queue.Queue[str] = queue.Queue()

        class Handler(BaseHTTPRequestHandler):
            timeout = 10.0  # browsers open connections that they never use

            def do_GET(self) -> None:
                here = urlsplit(self.path)
                is_ours = (here.path or "/") == (parts.path or "/") and secrets.compare_digest(
                    parse_qs(here.query).get("state", [""])[0].encode(), state.encode()
                )
                self._tell(is_ours, denied="error=" in here.query)
                if is_ours:
                    found.put(self.path)

            def _tell(self, is_ours: bool, denied: bool) -> None:
                if not is_ours:
                    title, text = "Not here", "This is no answer to the login that is under way."
                elif denied:
                    title, text = "Not logged in", "affetto was not allowed to."
                else:  # the code has yet to be taken, and the user to be registered with the app
                    title, text = "Thank you", "You can close this page: affetto goes on by itself."
                page = _PAGE.format(title=title, text=text).encode()
                self.send_response(200 if is_ours else 404)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(page)))
                self.send_header("Cache-Control", "no-store")
                self.send_header("Referrer-Policy", "no-referrer")
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, *_: Any) -> None:
                """Say nothing: the path holds the code."""

        self._found, self._state = found, state
        try:
            self._server = _Server(("127.0.0.1", parts.port or 80), Handler)
        except OSError as exc:
            raise UsageError(
                f"port {parts.port} cannot be used ({exc.strerror}): name another by --port, and "
                f"in the app's settings at {DASHBOARD}"
            ) from exc

    def __enter__(self) -> Self:
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        ).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def wait(self, timeout_s: float) -> str:
        """Wait for the code.

        Raises
        ------
        LoginError
            If the user says no, or time is up.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                # In short waits, so that Ctrl-C is heard on Windows too.
                return code_of(self._found.get(timeout=0.2), self._state)
            except queue.Empty:
                if time.monotonic() > deadline:
                    raise LoginError(
                        f"the browser did not come back within {timeout_s:.0f} s; {_AGAIN}, or "
                        "with --no-browser"
                    ) from None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Elsewhere it lets a second login follow at once; on Windows, two programs share the port.
    allow_reuse_address = os.name != "nt"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of browsers that go away."""


def _asked_client_id(
    say: Callable[[str], None], ask: Callable[[str], str], redirect_uri: str
) -> str:
    say(
        f"An app of your own is needed: make one at {DASHBOARD} (its owner needs Spotify "
        f"Premium), with the redirect URI {redirect_uri} and the Web API."
    )
    client_id = ask("Its Client ID").strip()
    if not _CLIENT_ID.fullmatch(client_id):
        raise UsageError(f"found {client_id!r} as the Client ID; expected 32 letters and digits")
    return client_id


def _exchange(connection: Connection, flow: Any, code: str) -> Any:
    def once() -> Any:
        flow.get_access_token(code=code, check_cache=False)
        return flow.cache_handler.get_cached_token()

    try:
        token = connection.gate.ask(once)
    except ServiceRefusedError as exc:
        raise LoginError(
            f"Spotify does not accept the login ({exc.told or exc.status}); {_AGAIN}",
            status=exc.status,
            told=exc.told,
        ) from exc
    except (KeyError, TypeError) as exc:
        raise ServiceAnswerError("Spotify's answer holds no token") from exc
    allowed = str(token.get("scope") or " ".join(SCOPES)).split()
    if missing := sorted(set(SCOPES) - set(allowed)):
        raise LoginError(f"Spotify did not allow {', '.join(missing)}; {_AGAIN}")
    if not token.get("refresh_token"):
        raise ServiceAnswerError("Spotify's answer holds no refresh token")
    return {**token, "scope": " ".join(allowed)}


def _keep(account: Account, connection: Connection, client_id: str, token: Any) -> str:
    """Ask who logged in, and keep the login; one that does not work is not kept."""
    me = connection.ask_with(str(token["access_token"]), lambda spotify: spotify.me())
    if not isinstance(me, dict) or not isinstance(me.get("id"), str):
        raise ServiceAnswerError("Spotify does not say who logged in")
    name = str(me.get("display_name") or me["id"])
    who = {"client_id": client_id, "user_id": me["id"], "user_name": name}
    account.keep({"client_id": client_id, "token": {**token, **who}})
    return name
