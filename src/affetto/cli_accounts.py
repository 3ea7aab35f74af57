"""The commands that log in to services and out again: parse, call, print; no logic of its own."""

import os
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from affetto.errors import UsageError

if TYPE_CHECKING:  # loads more than --help needs
    from affetto.sources.accounts import Account

SPOTIFY_PORT = 8888


class Service(StrEnum):
    """Where one can log in."""

    spotify = "spotify"
    subsonic = "subsonic"
    jellyfin = "jellyfin"


ServiceArgument = Annotated[
    Service, typer.Argument(help="subsonic: Navidrome and all others that speak it.")
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

    if service is Service.spotify and (url or user):
        raise UsageError("--url and --user are of music servers; Spotify asks in the browser")
    account = Account(service)
    account.mend()
    if service is Service.spotify:
        name = _spotify(account, browser=browser, port=port)
    else:
        name = _server(service, account, url, user)
    terminal.note(f"Logged in to {service.capitalize()} as {name}; kept for you alone in")
    terminal.note(f"  {account.path}")
    terminal.note("Next, for each mood its playlist:")
    terminal.note(f'  affetto collect "Happy={service}:playlist/NAME" --out moods.parquet')


def logout(service: ServiceArgument) -> None:
    """Forget a login: the settings, tokens and passwords that are kept of it."""
    from affetto import terminal
    from affetto.sources.accounts import Account

    account = Account(service)
    name = service.capitalize()
    if account.forget():
        terminal.note(f"Forgotten: what was kept of the login to {name}.")
        if service is Service.spotify:
            terminal.note(
                "To take the app's permission away too: https://www.spotify.com/account/apps"
            )
    else:
        terminal.note(f"Nothing is kept of a login to {name}.")
    secrets = ("client_secret",) if service is Service.spotify else ("password", "api_key")
    for variable in map(account.variable, secrets):
        if os.environ.get(variable):
            terminal.note(f"{variable} is set still, and goes on logging in.")


def _spotify(account: "Account", *, browser: bool, port: int) -> str:
    from affetto import terminal
    from affetto.sources import spotify_login

    return spotify_login.login(
        account, port=port, open_browser=browser, say=terminal.note, ask=typer.prompt
    )


def _server(service: Service, account: "Account", url: str | None, user: str | None) -> str:
    if service is Service.subsonic:
        from affetto.sources.subsonic import login as log_in
    else:
        from affetto.sources.jellyfin import login as log_in

    url = url or account.setting("url") or typer.prompt("Address of the server")
    user = user or account.setting("user") or typer.prompt("Your name there")
    password = os.environ.get(account.variable("password")) or typer.prompt(
        "Your password there", hide_input=True, default="", show_default=False
    )
    return log_in(account, url, user, password)
