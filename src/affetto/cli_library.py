"""The commands on the music library: parse, call, print; no logic of their own."""

import json
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from affetto import cli_playlists
from affetto.cli_options import JsonOption
from affetto.errors import UsageError

if TYPE_CHECKING:
    from affetto.library.catalogue import Catalogue
    from affetto.library.entry import Entry
    from affetto.library.query import Query

library_app = typer.Typer(
    help="Keep a music library: its moods, your own labels, playlists and tags.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

DatabaseOption = Annotated[
    Path | None,
    typer.Option("--db", help="The library's database. Default: $AFFETTO_DB, else your own."),
]
JobsOption = Annotated[
    int | None, typer.Option(help="Processes that listen. Default: one a physical core.")
]
ExcerptOption = Annotated[
    bool, typer.Option("--excerpt", help="Hear three excerpts of 30 s: faster, less exact.")
]
TimelineOption = Annotated[
    bool, typer.Option("--timeline", help="Keep moods over time too: windows of 15 s.")
]
WatchOption = Annotated[
    bool, typer.Option("--watch", help="Stay, and hear music when it comes; Ctrl-C ends it.")
]
MinConfidenceOption = Annotated[
    float | None, typer.Option("--min-confidence", help="Only tracks at least this sure, 0–1.")
]

HINTS = {
    "affetto serve": "explore, listen and correct in the browser",
    "affetto library playlists": "a playlist for each mood",
    "affetto library list --mood Happy": "look through them here",
}


class Sort(StrEnum):
    """What a list can be sorted by."""

    TITLE = "title"
    ARTIST = "artist"
    ALBUM = "album"
    MOOD = "mood"
    CONFIDENCE = "confidence"
    TEMPO = "tempo"
    ENERGY = "energy"
    VALENCE = "valence"
    ADDED = "added"
    DURATION = "duration"


class State(StrEnum):
    """States of a track."""

    DONE = "done"
    WAITING = "waiting"
    FAILED = "failed"
    MISSING = "missing"
    ALL = "all"


@library_app.command()
def add(
    folders: Annotated[list[Path], typer.Argument(help="Folders of music.")],
    db: DatabaseOption = None,
    jobs: JobsOption = None,
    excerpt: ExcerptOption = False,
    timeline: TimelineOption = False,
    watch: WatchOption = False,
    as_json: JsonOption = False,
) -> None:
    """Add folders to the library, and hear what is in them."""
    from affetto.library.catalogue import Catalogue

    with Catalogue.open(db) as catalogue:
        is_new = not catalogue.folders()
        # All are looked at before one is added: a misspelt name costs nothing.
        added = catalogue.add_folders(folders)
        _scan(
            catalogue,
            is_new=is_new,
            watching=watch,
            as_json=as_json,
            settings={
                "folders": added, "jobs": jobs, "excerpt": excerpt, "timeline": timeline,
            },
        )  # fmt: skip


@library_app.command()
def update(
    folders: Annotated[
        list[Path] | None, typer.Argument(help="Folders or parts of them. Default: all.")
    ] = None,
    db: DatabaseOption = None,
    jobs: JobsOption = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try files again that could not be heard.")
    ] = False,
    reanalyse: Annotated[
        bool, typer.Option("--reanalyse", help="Hear again what an older affetto heard.")
    ] = False,
    excerpt: ExcerptOption = False,
    timeline: TimelineOption = False,
    watch: WatchOption = False,
    as_json: JsonOption = False,
) -> None:
    """Hear what is new or changed on the disk, and go on where a scan was stopped."""
    with _opened(db) as catalogue:
        settings = {
            "folders": [str(folder) for folder in folders] if folders else None,
            "jobs": jobs,
            "retry_failed": retry_failed,
            "reanalyse": reanalyse,
            "excerpt": excerpt,
            "timeline": timeline,
        }
        _scan(catalogue, is_new=False, watching=watch, as_json=as_json, settings=settings)


@library_app.command()
def status(db: DatabaseOption = None, as_json: JsonOption = False) -> None:
    """Say how the library stands."""
    from affetto import terminal, terminal_library

    with _opened(db, readonly=True) as catalogue:
        found = catalogue.status()
    if as_json:
        terminal.print_json(json.dumps(found.as_dict(), ensure_ascii=False))
    else:
        terminal_library.status(found)


@library_app.command()
def forget(
    paths: Annotated[list[Path], typer.Argument(help="Folders or files of the library.")],
    db: DatabaseOption = None,
    purge: Annotated[
        bool, typer.Option("--purge", help="Forget your own labels of them, too.")
    ] = False,
) -> None:
    """Take folders or files out of the library; nothing on the disk is touched."""
    from affetto import terminal
    from affetto.reporting.words import counted
    from affetto.sources.playlists import printable

    with _opened(db) as catalogue:
        for path in paths:
            n_tracks = catalogue.forget(path, purge=purge)
            terminal.note(f"Forgotten: {printable(path)} ({counted(n_tracks, 'track')})")
        if not purge and catalogue.status().own_labels:
            terminal.note("Your own labels are remembered, in case the music comes back")


@library_app.command("list")
def list_tracks(
    search: Annotated[
        list[str] | None, typer.Argument(help="Words of title, artist, album or path.")
    ] = None,
    db: DatabaseOption = None,
    mood: Annotated[list[str] | None, typer.Option(help="Of this mood; repeatable.")] = None,
    state: Annotated[State, typer.Option(help="In this state.")] = State.DONE,
    min_confidence: MinConfidenceOption = None,
    max_confidence: Annotated[float | None, typer.Option(help="At most this sure.")] = None,
    min_tempo: Annotated[float | None, typer.Option(help="BPM.")] = None,
    max_tempo: Annotated[float | None, typer.Option(help="BPM.")] = None,
    mine: Annotated[
        bool, typer.Option("--mine", help="Only those that you labelled yourself.")
    ] = False,
    folder: Annotated[Path | None, typer.Option(help="Only in this folder.")] = None,
    sort: Annotated[Sort, typer.Option(help="By what to sort.")] = Sort.TITLE,
    descending: Annotated[bool, typer.Option("--descending", help="From the other end.")] = False,
    offset: Annotated[int, typer.Option(help="Tracks to leave out first.")] = 0,
    limit: Annotated[
        int | None, typer.Option(help="Tracks to show. Default: 20; JSON: all.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Search, filter and sort the tracks of the library."""
    from affetto import terminal, terminal_library
    from affetto.library.entry import STATES
    from affetto.library.query import Query

    query = Query(
        search=" ".join(search or ()),
        moods=tuple(mood or ()),
        states=STATES if state is State.ALL else (state.value,),
        min_confidence=min_confidence,
        max_confidence=max_confidence,
        min_tempo=min_tempo,
        max_tempo=max_tempo,
        corrected=True if mine else None,
        folder=None if folder is None else str(folder),
        sort=sort.value,
        descending=descending,
        offset=offset,
        limit=limit if limit is not None or as_json else terminal.SHOWN_ROWS,
    )
    with _opened(db, readonly=True) as catalogue:
        _check_moods(catalogue, query)
        page = catalogue.tracks(query)
    if not as_json:
        terminal_library.tracks(page)
        return
    for entry in page.entries:
        terminal.print_json(json.dumps(entry.as_dict(), ensure_ascii=False))


@library_app.command()
def correct(
    track: Annotated[str, typer.Argument(help="Its id, its file, or words that name it alone.")],
    mood: Annotated[
        str | None, typer.Argument(help="The mood it awakens in you; any word will do.")
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Take your own label back.")] = False,
    db: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a track your own label; it stays with the recording, wherever its file goes."""
    from affetto import terminal
    from affetto.moods import wanted_mood

    if (mood is None) is not clear:
        raise UsageError("name a mood, or take yours back with --clear")
    with _opened(db) as catalogue:
        found = _named(catalogue, track)
        entry = catalogue.correct(found.id, None if mood is None else wanted_mood(mood))
    if as_json:
        terminal.print_json(json.dumps(entry.as_dict(), ensure_ascii=False))
    else:
        terminal.note(f"{entry.name}: {entry.mood or 'no mood'}" + (" (yours)" if mood else ""))


@library_app.command()
def export(
    out: Annotated[Path, typer.Argument(help=".csv, .tsv, .jsonl or .parquet.")],
    db: DatabaseOption = None,
) -> None:
    """Write everything that is known of the tracks as a table."""
    from affetto import terminal
    from affetto.library.export import export as write_table

    with _opened(db, readonly=True) as catalogue:
        terminal.written(out, write_table(catalogue, out), "track", 0)


@library_app.command()
def rebuild(db: DatabaseOption = None) -> None:
    """Make a damaged library anew from what can be read of it; the old file is kept."""
    from affetto import terminal_library
    from affetto.library.repair import rebuild as make_anew
    from affetto.library.schema import default_path

    terminal_library.rebuilt(make_anew(db or default_path()))


library_app.command("playlists")(cli_playlists.playlists)
library_app.command("tag")(cli_playlists.tag)


def _opened(db: Path | None, *, readonly: bool = False) -> "Catalogue":
    from affetto.library.catalogue import Catalogue

    return Catalogue.open(db, create=False, readonly=readonly)


def _scan(
    catalogue: "Catalogue",
    *,
    is_new: bool,
    watching: bool,
    as_json: bool,
    settings: dict[str, Any],
) -> None:
    from affetto import terminal, terminal_library
    from affetto.library.scan import scan

    heard = 0
    try:
        with terminal_library.scan_progress() as tell:

            def follow(event: dict[str, Any]) -> None:
                nonlocal heard
                heard = event["heard"]
                tell(event)

            result = scan(catalogue, on_event=follow, **settings)
    except KeyboardInterrupt:
        terminal.note(
            f"{heard:,} tracks were heard and are kept; go on with affetto library update"
        )
        raise
    found = catalogue.status()
    if as_json:
        facts = {"scan": result.as_dict(), "library": found.as_dict()}
        terminal.print_json(json.dumps(facts, ensure_ascii=False))
    else:
        terminal_library.scan_result(result)
        terminal_library.failures(catalogue, found.failed if result.failed else 0)
        terminal_library.welcome(found, is_new=is_new, hints=HINTS if is_new else {})
    if watching:
        _watch(catalogue, {**settings, "retry_failed": False, "reanalyse": False})
    elif result.failed or result.problems:
        raise typer.Exit(1)


def _watch(catalogue: "Catalogue", settings: dict[str, Any]) -> None:
    from affetto import terminal, terminal_library
    from affetto.errors import ScanRunningError
    from affetto.library.scan import scan
    from affetto.library.watch import watch

    def look(folders: list[str]) -> None:
        # Another scan sees what we would have seen.
        with suppress(ScanRunningError), terminal_library.scan_progress() as tell:
            result = scan(catalogue, on_event=tell, **{**settings, "folders": folders})
            if result.new or result.changed or result.moved or result.missing:
                terminal_library.scan_result(result)

    terminal.note("Watching for music that comes and goes; Ctrl-C ends it")
    watch(catalogue, look)


def _check_moods(catalogue: "Catalogue", query: "Query") -> None:
    known = [count.mood.name for count in catalogue.moods()]
    for mood in query.moods:
        if mood not in known:
            raise UsageError(f"no mood {mood!r} in this library; its moods: {', '.join(known)}")


def _named(catalogue: "Catalogue", name: str) -> "Entry":
    """Find the one track that a person means: by id, by file, or by words."""
    from affetto.library.query import Query

    found = catalogue.track(int(name)) if name.isdecimal() else catalogue.track_at(name)
    if found is not None:
        return found
    page = catalogue.tracks(Query(search=name, states=(), limit=5))
    if page.total == 1:
        return page.entries[0]
    if page.total == 0:
        raise UsageError(f"no track is named {name!r}: affetto library list shows them with ids")
    names = "; ".join(f"{entry.id} {entry.name}" for entry in page.entries)
    raise UsageError(f"{page.total:,} tracks are named {name!r}: give an id ({names} …)")
