"""The commands that log in to services and out again: parse, call, print; no logic of its own."""

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from affetto.cli_options import service_named
from affetto.errors import LoginError, UsageError

if TYPE_CHECKING:  # loads more than --help needs
    from affetto.sources.accounts import Account

SPOTIFY_PORT = 8888
_TRIES = 3


ServiceArgument = Annotated[
    str,
    typer.Argument(help="spotify, subsonic (Navidrome and all others that speak it), jellyfin."),
]
UrlOption = Annotated[
    str | None, typer.Option("--url", help="Of a music server: its address. Default: asked for.")
]
UserOption = Annotated[
    str | None, typer.Option("--user", help="Of a music server: your name. Default: asked for.")
]


def login(
    service: ServiceArgument,
    url: UrlOption = None,
    user: UserOption = None,
    browser: Annotated[
        bool,
        typer.Option(
            "--browser/--no-browser", help="Of Spotify: without one, an address is copied by hand."
        ),
    ] = True,
    port: Annotated[
        int,
        typer.Option(min=1, max=65535, help="Of Spotify's redirect to this machine, 127.0.0.1."),
    ] = SPOTIFY_PORT,
) -> None:
    """Log in to a service, for its playlists; passwords are asked for, never an option."""
    from affetto import terminal
    from affetto.sources.accounts import Account

    service = service_named(service)
    if service == "spotify" and (url or user):
        raise UsageError("--url and --user are of music servers; Spotify asks in the browser")
    account = Account(service)
    account.mend()
    if service == "spotify":
        name = _spotify(account, browser=browser, port=port)
    else:
        name = _server(service, account, url, user)
    terminal.note(f"Logged in to {service.capitalize()} as {name}; kept for you alone in")
    terminal.note(f"  {account.path}")
    terminal.note("Next, for each mood its playlist:")
    example = " ".join(f'"{mood}={service}:playlist/NAME"' for mood in ("Happy", "Dark"))
    terminal.note(f"  affetto collect {example}")
    terminal.note(f"or all of them, each named after its mood: affetto collect {service}:")


def logout(service: ServiceArgument) -> None:
    """Forget a login: the settings, tokens and passwords that are kept of it."""
    from affetto import terminal
    from affetto.sources.accounts import Account

    service = service_named(service)
    account = Account(service)
    name = service.capitalize()
    if account.forget():
        terminal.note(f"Forgotten: what was kept of the login to {name}.")
        if service == "spotify":
            terminal.note(
                "To take the app's permission away too: https://www.spotify.com/account/apps"
            )
    else:
        terminal.note(f"Nothing is kept of a login to {name}.")
    secrets = ("client_secret",) if service == "spotify" else ("password", "api_key")
    for variable in map(account.variable, secrets):
        if os.environ.get(variable):
            terminal.note(f"{variable} is set still, and goes on logging in.")


def _spotify(account: "Account", *, browser: bool, port: int) -> str:
    from affetto import terminal
    from affetto.sources.spotify import login as spotify_login

    return spotify_login.login(
        account, port=port, open_browser=browser, say=terminal.note, ask=typer.prompt
    )


def _server(service: str, account: "Account", url: str | None, user: str | None) -> str:
    """Log in to a music server; where somebody is there to ask, also a second and a third time."""
    from affetto import terminal
    from affetto.sources.web import checked_url

    if service == "subsonic":
        from affetto.sources.subsonic import login as log_in
    else:
        from affetto.sources.jellyfin import login as log_in

    url = url or _asked("Address of the server", account.setting("url"))
    url = checked_url(_with_scheme(url), service.capitalize())  # before a password is typed
    user = user or _asked("Your name there", account.setting("user"))
    told = os.environ.get(account.variable("password"))
    n_tries = 1 if told or not _is_there() else _TRIES
    while True:
        n_tries -= 1
        try:
            return log_in(account, url, user, told or _password(user, url))
        except LoginError as exc:
            if not n_tries:
                if not told:
                    raise LoginError(f"not logged in: {exc}") from exc
                variable = account.variable("password")
                raise LoginError(f"{exc} (the password is that of {variable})") from exc
            terminal.error(f"{user} is not known at {url} by this password; try again")
            user = _asked("Your name there", user)


def _asked(what: str, kept: str | None) -> str:
    """Ask for a setting, with what an earlier login kept to be taken by Enter."""
    if kept and not _is_there():
        return kept
    return str(typer.prompt(what, default=kept))


def _password(user: str, url: str) -> str:
    if not _is_there():  # piped: there is nothing to hide, and nobody to warn
        return sys.stdin.readline().rstrip("\r\n")
    return str(typer.prompt(f"Password of {user} at {url}", hide_input=True))


def _with_scheme(url: str) -> str:
    """Complete an address as people write it: machines of one's own speak plain HTTP."""
    if "://" in url:
        return url
    host = url.partition("/")[0]
    name, _, port = host.partition(":")
    is_own = (
        port or name == "localhost" or name.endswith(".local") or name.replace(".", "").isdigit()
    )
    return f"{'http' if is_own else 'https'}://{url}"


def _is_there() -> bool:
    """Whether somebody sits at the keyboard."""
    return sys.stdin.isatty()
