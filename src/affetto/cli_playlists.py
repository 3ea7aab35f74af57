"""The library's commands on playlists and tags: parse, call, print; no logic of their own."""

import json
from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from affetto.cli_options import JsonOption
from affetto.errors import UsageError

DatabaseOption = Annotated[
    Path | None, typer.Option("--db", help="The library's database. Default: your own.")
]
ConfidenceOption = Annotated[
    float | None, typer.Option("--min-confidence", help="Only tracks at least this sure, 0–1.")
]


class Kind(StrEnum):
    """Formats of playlist files."""

    m3u8 = "m3u8"
    xspf = "xspf"
    nsp = "nsp"


class PathKind(StrEnum):
    """How playlist files name tracks."""

    relative = "relative"
    absolute = "absolute"


def playlists(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write to.")] = Path(
        "affetto-playlists"
    ),
    kind: Annotated[
        Kind, typer.Option("--format", help="nsp: smart playlists that Navidrome keeps up to date.")
    ] = Kind.m3u8,
    paths: Annotated[
        PathKind, typer.Option(help="Paths from the playlist's own folder, or from the root.")
    ] = PathKind.relative,
    mood: Annotated[
        list[str] | None,
        typer.Option(help="Mix tracks of this mood; repeatable. Default: a playlist a mood."),
    ] = None,
    journey: Annotated[
        str, typer.Option(help="From mood to mood: Dark:Happy, or Dark:Relaxing:Happy.")
    ] = "",
    n: Annotated[int | None, typer.Option("--n", help="Tracks. A journey: 25.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Length, instead of --n.")] = None,
    min_confidence: ConfidenceOption = None,
    min_tempo: Annotated[float | None, typer.Option(help="BPM.")] = None,
    max_tempo: Annotated[float | None, typer.Option(help="BPM.")] = None,
    per_artist: Annotated[int | None, typer.Option(help="Tracks of one artist at most.")] = None,
    artist_gap: Annotated[
        int, typer.Option(help="Tracks between two of one artist, where that can be.")
    ] = 3,
    surest: Annotated[
        bool, typer.Option("--surest", help="The surest tracks, not any that fit.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of every draw.")] = 0,
    name: Annotated[str, typer.Option(help="What a mix or journey is called.")] = "",
    db: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write playlists: one a mood, a mix by rule, or a journey from mood to mood."""
    from affetto import terminal, terminal_playlists
    from affetto.library.catalogue import Catalogue
    from affetto.library.mixes import Rules
    from affetto.library.playlists import (
        of_each_mood,
        of_journey,
        of_rules,
        parse_journey,
        write_playlists,
    )
    from affetto.library.query import Query
    from affetto.moods import wanted_mood
    from affetto.sources.playlists import printable

    if journey and mood:
        raise UsageError("--journey names its moods itself: leave out --mood")
    if name and not (journey or mood):
        raise UsageError("--name is for a mix (--mood) or a journey; playlists of moods have names")
    rules = Rules(
        tuple(wanted_mood(each) for each in mood or ()),
        min_confidence,
        min_tempo,
        max_tempo,
        n,
        minutes,
        per_artist,
        artist_gap,
        surest,
    )
    stops = parse_journey(journey) if journey else ()
    with Catalogue.open(db, create=False) as catalogue:
        entries = list(catalogue.every(Query(limit=None)))
    if stops:
        made = [of_journey(entries, stops, rules, seed, name or None)]
    elif rules.moods:
        made = [of_rules(entries, rules, seed, name or None)]
    else:
        made = of_each_mood(entries, rules, seed)
    files = write_playlists(made, out, kind.value, paths.value)
    if not as_json:
        terminal_playlists.playlists(made, files, smart=kind is Kind.nsp)
        return
    for playlist, file in zip(made, files, strict=True):
        told = {
            "name": playlist.name,
            "file": printable(file),
            "n": len(playlist.entries),
            "minutes": round(playlist.minutes, 2),
            "note": playlist.note,
            "mean_step": playlist.mean_step,
            "unevenness": playlist.unevenness,
            "tracks": [{"id": e.id, "path": printable(e.path)} for e in playlist.entries],
        }
        terminal.print_json(json.dumps(told, ensure_ascii=False))


def tag(
    write: Annotated[
        bool, typer.Option("--write", help="Write. Without it: show what would be written.")
    ] = False,
    undo: Annotated[
        bool, typer.Option("--undo", help="Put back what the last --write changed.")
    ] = False,
    moods: Annotated[
        int, typer.Option(help="Moods a track at most, as several values of the tag.")
    ] = 1,
    threshold: Annotated[
        float, typer.Option(help="Least probability of a second mood, 0–1.")
    ] = 0.25,
    min_confidence: ConfidenceOption = None,
    bpm: Annotated[bool, typer.Option("--bpm", help="Also the tempo.")] = False,
    key: Annotated[bool, typer.Option("--key", help="Also the key.")] = False,
    details: Annotated[
        bool, typer.Option("--details", help="Also AFFETTO_CONFIDENCE and AFFETTO_VERSION.")
    ] = False,
    only_missing: Annotated[
        bool, typer.Option("--only-missing", help="Where there is none: renew none of our own.")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Also over values that others wrote.")
    ] = False,
    part_links: Annotated[
        bool, typer.Option("--part-links", help="Also files with several names (hard links).")
    ] = False,
    search: Annotated[
        str, typer.Option(help="Only tracks with these words in title, artist, album or path.")
    ] = "",
    db: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write moods into the files' own tags; shows first what it would do."""
    from affetto import terminal, terminal_playlists
    from affetto.library.catalogue import Catalogue
    from affetto.library.query import Query
    from affetto.library.tag_journal import Journal
    from affetto.library.tags import Existing, TagSettings, tag_library, undo_last

    if only_missing and replace:
        raise UsageError("--only-missing and --replace say opposite things; choose one")
    if undo and (write or replace or only_missing):
        raise UsageError("--undo puts back what the last --write changed; it goes alone")
    existing: Existing = "replace" if replace else "keep" if only_missing else "own"
    settings = TagSettings(
        moods, threshold, min_confidence, bpm, key, details, existing, part_links
    )
    with Catalogue.open(db, create=False) as catalogue:
        journal = Journal(catalogue.path)
        if undo:
            total = len(journal.last_run())
            acts = undo_last(catalogue, journal)
            title = "putting back"
        else:
            query = Query(search=search, limit=None)
            total = catalogue.tracks(Query(search=search, limit=0)).total
            acts = tag_library(catalogue, query, journal, settings, write=write)
            title = "writing" if write else "looking"
        done: list[Any] = []
        with terminal.track_counter(title, total) as count:
            for change in acts:
                done.append(change)
                count(change.state == "failed")
                if as_json:
                    terminal.print_json(json.dumps(change.as_dict(), ensure_ascii=False))
    states = Counter(change.state for change in done)
    failed = [change for change in done if change.state == "failed"]
    if not as_json:
        noun = "put back" if undo else "tagged"
        if undo:
            terminal_playlists.tags_undone(states)
        elif write:
            terminal_playlists.changes(done, states)
            terminal_playlists.tags_written(states["written"], journal.path)
        else:
            terminal_playlists.changes(done, states)
            terminal_playlists.nothing_written(states["change"], total)
        terminal_playlists.tag_failures(failed, noun)
    if failed:
        raise typer.Exit(1)
