"""What a person sees of the music library: a scan under way, how it stands, lists of tracks."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table
from rich.text import Text

from affetto import terminal
from affetto.moods import BY_NAME
from affetto.reporting.words import UNKNOWN, clock, counted, duration, percent
from affetto.sources.playlists import printable

if TYPE_CHECKING:  # what reads the catalogue loads more than --help needs
    from affetto.library.catalogue import Catalogue, Status
    from affetto.library.entry import Entry
    from affetto.library.queries import Page
    from affetto.library.repair import Rebuilt
    from affetto.library.scan import ScanResult

_QUIET_S = 10.0
_SHOWN_FAILURES = 10
_NAME_WIDTH = 36
_VERBS = ("is ", "does ", "cannot ", "holds ", "claims ", "has ")

Event = Mapping[str, Any]


@contextmanager
def scan_progress() -> Iterator[Callable[[Event], None]]:
    """Show a scan: files looked through, then tracks heard, how fast, and the time left.

    Where standard error is no terminal, a line is written now and then.

    Yields
    ------
    callable
        Takes the scan's events.
    """
    if not terminal.err.is_terminal:
        told = time.monotonic()

        def tell(event: Event) -> None:
            nonlocal told
            if event["stage"] == "hearing" and time.monotonic() - told > _QUIET_S:
                told = time.monotonic()
                done = event["heard"] + event["failed"]
                terminal.note(f"{done:,} of {event['to_hear']:,}: {_pace(event)}")

        yield tell
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[pace]}"),
        TextColumn("[dim]{task.fields[current]}", markup=True),
    )
    with Progress(*columns, console=terminal.err, transient=True) as progress:
        task = progress.add_task("looking", total=None, pace="", current="")

        def update(event: Event) -> None:
            if event["stage"] == "looking":
                words = f"looking: {event['seen']:,} files"
                progress.update(task, description=words)
                return
            done = event["heard"] + event["failed"]
            # Names come from strangers: shown as they are, without markup.
            name = terminal.plain(event["current"] or "").plain.replace("[", r"\[")
            progress.update(
                task,
                description="listening",
                total=event["to_hear"],
                completed=done,
                pace=_pace(event),
                current=name[-40:],
            )

        yield update


def _pace(event: Event) -> str:
    left, failed = event["seconds_left"], event["failed"]
    parts = [f"{event['tracks_per_s']:.1f} tracks/s"]
    if left is not None:
        parts.append(f"{duration(left)} left")
    if failed:
        parts.append(f"{failed:,} failed")
    return ", ".join(parts)


def scan_result(result: "ScanResult") -> None:
    """Print what a scan did, in a line or two."""
    for problem in result.problems:
        terminal.err.print(Text(problem, "yellow"), soft_wrap=True)
    parts = [
        f"{n:,} {word}"
        for n, word in (
            (result.new, "new"),
            (result.changed, "changed"),
            (result.moved, "moved"),
            (result.missing, "missing"),
            (result.unchanged, "unchanged"),
        )
        if n
    ]
    terminal.note(f"{counted(result.seen, 'file')} on disk: {', '.join(parts) or 'nothing new'}")
    if result.heard or result.failed:
        known = f" ({result.known:,} known by their audio)" if result.known else ""
        rate = (result.heard + result.failed) / max(result.seconds, 1e-3)
        terminal.note(
            f"Heard {counted(result.heard, 'track')}{known} in {duration(result.seconds)}, "
            f"{rate:.1f} a second"
        )
    if result.left > 0:
        terminal.note(f"{counted(result.left, 'track')} left: affetto library update goes on")


def failures(catalogue: "Catalogue", total: int) -> None:
    """Print which files could not be heard, and why; nothing where there are none."""
    if not total:
        return
    for entry in catalogue.failures(_SHOWN_FAILURES):
        error = entry.error or ""
        colon = "" if error.startswith(_VERBS) else ":"
        terminal.err.print(
            terminal.plain(f"{printable(entry.path)}{colon} {error}"), soft_wrap=True
        )
    if total > _SHOWN_FAILURES:
        terminal.note(
            f"… and {total - _SHOWN_FAILURES:,} more: affetto library list --state failed"
        )
    terminal.err.print(Text(f"{counted(total, 'track')} could not be heard", "yellow"))
    terminal.note("They are tried again when they change, or with --retry-failed")


def moods(counts: Mapping[str, int]) -> None:
    """Print how many tracks there are of each mood, with a bar."""
    total = sum(counts.values())
    table = Table(box=None, show_header=False, pad_edge=False)
    for mood, n in counts.items():
        colour = BY_NAME[mood].colour_dark if mood in BY_NAME else "white"
        table.add_row(
            terminal.plain(mood),
            Text(terminal.bar(n / total, 24), style=colour),
            Text(f"{n:,}", justify="right"),
            Text(percent(n / total), style="dim", justify="right"),
        )
    terminal.out.print(table)


def welcome(status: "Status", *, is_new: bool, hints: Mapping[str, str]) -> None:
    """Print what a library holds after music was added, and what to do next."""
    if status.moods:
        terminal.out.print()
        moods(status.moods)
        terminal.out.print()
    if is_new:
        terminal.note(f"Your library is kept in {printable(status.path)}")
    terminal.hints(hints)


def status(found: "Status") -> None:
    """Print how a library stands."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("library", terminal.plain(printable(found.path)))
    for place, folder in enumerate(found.folders):
        words = f"{printable(folder.path)} ({counted(folder.n_tracks, 'track')})"
        table.add_row("" if place else "folders", terminal.plain(words))
    counts = {name: getattr(found, name) for name in ("done", "waiting", "failed", "missing")}
    states = [f"{n:,} {name}" for name, n in counts.items() if n]
    table.add_row("tracks", ": ".join(filter(None, [f"{found.tracks:,}", ", ".join(states)])))
    table.add_row("own labels", f"{found.own_labels:,}")
    table.add_row("model", terminal.plain(found.model))
    table.add_row("size", f"{found.size_bytes / 2**20:.1f} MB")
    if found.old_analysis:
        words = f"{found.old_analysis:,} by an older version: affetto library update --reanalyse"
        table.add_row("analysis", words)
    if found.scanning:
        table.add_row("scan", "under way")
    terminal.out.print(table)
    if found.moods:
        terminal.out.print()
        moods(found.moods)


def tracks(page: "Page") -> None:
    """Print a list of tracks as a table."""
    if not page.entries:
        terminal.note("No track is like that" if page.total == 0 else "The list ends before")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("id", justify="right", no_wrap=True)
    for name in ("title", "artist"):
        table.add_column(name, overflow="ellipsis", no_wrap=True, max_width=_NAME_WIDTH)
    table.add_column("mood", no_wrap=True)
    for name in ("sure", "BPM", "length"):
        table.add_column(name, justify="right", no_wrap=True)
    for entry in page.entries:
        table.add_row(*_cells(entry))
    terminal.out.print(table)
    first = page.query.offset + 1
    last = page.query.offset + len(page.entries)
    if (first, last) != (1, page.total):
        terminal.note(f"{first:,} to {last:,} of {page.total:,}; --offset and --limit show others")


def _cells(entry: "Entry") -> Sequence[Text | str]:
    tempo, length = entry.features.get("tempo"), entry.duration_ms
    if entry.mood is None:
        mood = Text(entry.reason or entry.error or entry.state, style="dim")
    else:
        mood = terminal.plain(entry.mood)
        if entry.own_mood:
            mood.append(" (yours)", style="dim")
    return (
        str(entry.id),
        terminal.plain(entry.name),
        terminal.plain(entry.artist or UNKNOWN),
        mood,
        UNKNOWN if entry.own_mood else percent(entry.confidence),
        UNKNOWN if tempo is None else f"{tempo:.0f}",
        UNKNOWN if length is None else clock(length / 1000),
    )


def rebuilt(found: "Rebuilt") -> None:
    """Print what could be saved of a damaged library."""
    terminal.note(
        f"Saved {counted(found.tracks, 'track')}, {counted(found.own_labels, 'own label')} and "
        f"{counted(found.folders, 'folder')}; the old file is kept as {printable(found.kept)}"
    )
    terminal.note(
        "affetto library update finds what was lost"
        if found.folders
        else "No folder could be saved: affetto library add FOLDER begins anew"
    )
