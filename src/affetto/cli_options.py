"""Options that several commands share."""

import difflib
from typing import Annotated

import typer

from affetto.errors import UsageError

ModelOption = Annotated[
    str | None, typer.Option("--model", "-m", help="A .affetto file. Default: affetto's own.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]

LabelOption = Annotated[str, typer.Option(help="Column that holds each row's mood.")]
GroupOption = Annotated[
    str | None, typer.Option(help="Column of playlists or artists to keep whole when judging.")
]
MapOption = Annotated[
    str, typer.Option("--map", help="Labels to read as moods: angry=Aggressive,calm=Relaxing.")
]
DropOption = Annotated[str, typer.Option(help="Labels to leave out: sad,other.")]


def names_in(text: str) -> tuple[str, ...]:
    """Read an option of several names with commas between them."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def service_named(text: str) -> str:
    """Read the name of a service, also as people call it.

    Raises
    ------
    UsageError
        If it is none that affetto knows.
    """
    from affetto.collecting.references import ALIASES, SERVICES

    name = text.strip().lower()
    name = ALIASES.get(name, name)
    if name in SERVICES:
        return name
    near = difflib.get_close_matches(name, SERVICES, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise UsageError(
        f"unknown service {text!r}: expected spotify, subsonic (Navidrome and all that speak it) "
        f"or jellyfin{hint}"
    )
