"""The command that writes mood playlists to a service: parse, call, print; no logic of its own."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from affetto.cli_options import LabelOption, service_named
from affetto.errors import UsageError

if TYPE_CHECKING:  # loads more than --help needs
    from affetto.collecting.publishing import Change
    from affetto.collecting.wanted import Wanted
    from affetto.library.mixes import Rules


def publish(
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="SERVICE",
            help="spotify, subsonic (Navidrome and others like it) or jellyfin.",
        ),
    ],
    tables: Annotated[
        list[str] | None,
        typer.Argument(
            help="Labelled tables, as affetto label and affetto collect write them. "
            "Default: your library."
        ),
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Write. Without it: show what would change.")
    ] = False,
    mood: Annotated[
        list[str] | None, typer.Option(help="Only this mood; repeatable. Default: all.")
    ] = None,
    journey: Annotated[
        str, typer.Option(help="Of the library, from mood to mood: Dark:Happy.")
    ] = "",
    n: Annotated[int | None, typer.Option("--n", help="Tracks a playlist at most.")] = None,
    min_confidence: Annotated[
        float | None, typer.Option("--min-confidence", help="Only tracks at least this sure, 0–1.")
    ] = None,
    surest: Annotated[
        bool, typer.Option("--surest", help="With --n: the surest tracks, not any that fit.")
    ] = False,
    prefix: Annotated[
        str, typer.Option(help="Playlists whose names begin with it are affetto's own.")
    ] = "affetto: ",
    label: LabelOption = "mood",
    seed: Annotated[int, typer.Option(help="Seed of every draw from the library.")] = 0,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Look anew which tracks a server has.")
    ] = False,
    db: Annotated[
        Path | None, typer.Option("--db", help="The library's database. Default: your own.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON for machines, a playlist a line.")
    ] = False,
) -> None:
    """Write mood playlists to Spotify, Subsonic or Jellyfin; shows first what would change."""
    from affetto import terminal, terminal_publish
    from affetto.collecting.publishing import plan
    from affetto.collecting.publishing import publish as carry_out
    from affetto.collecting.services import Services
    from affetto.collecting.wanted import checked_prefix
    from affetto.library.mixes import Rules
    from affetto.moods import wanted_mood
    from affetto.sources.cache import AnswerCache

    service = service_named(to)
    checked_prefix(prefix)
    moods = tuple(wanted_mood(each) for each in mood or ())
    rules = Rules(moods, min_confidence, n=n, surest=surest)
    if tables and (journey or db):
        raise UsageError("--journey and --db are about your library: leave out the tables")
    if tables:
        wanted = _of_tables(tables, rules, label, prefix)
    else:
        wanted = _of_library(db, rules, journey, seed, prefix)
    title = service.capitalize()
    with AnswerCache(refresh=refresh) as cache, Services(cache) as services:
        target = services.target(service)
        with terminal_publish.looking(title) as progress:
            changes = plan(target, wanted, progress)
        for note in cache.notes:
            terminal.note(note)
        if write:
            done: list[Change] = []
            try:
                with terminal_publish.writing(title):
                    for change in carry_out(target, changes):
                        done.append(change)  # noqa: PERF402 - what stands when it is stopped
            finally:
                changes = [*done, *changes[len(done) :]]
                _tell(changes, title, as_json=as_json, write=True)
        else:
            _tell(changes, title, as_json=as_json, write=False)
    if any(change.error for change in changes):
        raise typer.Exit(1)


def _of_tables(tables: list[str], rules: "Rules", label: str, prefix: str) -> "list[Wanted]":
    from affetto.collecting.wanted import of_tables, open_labelled

    return of_tables([open_labelled(each) for each in tables], rules, label=label, prefix=prefix)


def _of_library(
    db: Path | None, rules: "Rules", journey: str, seed: int, prefix: str
) -> "list[Wanted]":
    from affetto.collecting.wanted import of_made
    from affetto.library.catalogue import Catalogue
    from affetto.library.playlists import of_each_mood, of_journey, parse_journey
    from affetto.library.query import Query
    from affetto.moods import MOOD_NAMES

    if journey and rules.moods:
        raise UsageError("--journey names its moods itself: leave out --mood")
    stops = parse_journey(journey) if journey else ()
    with Catalogue.open(db, create=False) as catalogue:
        entries = list(catalogue.every(Query(limit=None)))
    if stops:
        return of_made([of_journey(entries, stops, rules, seed)], prefix=prefix)
    seen = {entry.mood for entry in entries if entry.mood is not None}
    made = of_each_mood(entries, rules, seed)
    return of_made(made, rules.moods or (*MOOD_NAMES, *seen), prefix=prefix)


def _tell(changes: "list[Change]", service: str, *, as_json: bool, write: bool) -> None:
    from affetto import terminal, terminal_publish

    if as_json:
        for change in changes:
            told = {"service": service.lower(), **change.as_dict()}
            terminal.print_json(json.dumps(told, ensure_ascii=False))
        return
    terminal_publish.changes(changes, service, write=write)
    terminal_publish.closing(changes, service, write=write)
