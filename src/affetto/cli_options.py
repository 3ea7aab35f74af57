"""Options that several commands share."""

from typing import Annotated

import typer

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
