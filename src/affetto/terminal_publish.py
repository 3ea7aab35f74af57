"""What a person sees of playlists that go to a service."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from affetto import terminal
from affetto.moods import BY_NAME
from affetto.reporting.words import UNKNOWN, counted
from affetto.sources.contract import Progress, silent
from affetto.tracks import Track

if TYPE_CHECKING:  # loads more than --help needs
    from affetto.collecting.publishing import Change

SHOWN_UNKNOWN = 4
"""Tracks a playlist that are named where the service does not know them."""

_SQUARE = "■ "
_NO_SQUARE = "  "


@contextmanager
def looking(service: str) -> Iterator[Progress]:
    """Show how many tracks a service was asked for; on a terminal only.

    Yields
    ------
    callable
        Takes how many are done, and of how many.
    """
    if not terminal.err.is_terminal:
        yield silent
        return
    with terminal.err.status(Text(f"asking {service}", "dim"), spinner="dots") as status:

        def tell(done: int, total: int | None) -> None:
            words = f"asking {service}: {done:,} of {counted(total or 0, 'track')}"
            status.update(Text(words, "dim"))

        yield tell


@contextmanager
def writing(service: str) -> Iterator[None]:
    """Show that a service is written to; on a terminal only."""
    if not terminal.err.is_terminal:
        yield
        return
    with terminal.err.status(Text(f"writing to {service}", "dim"), spinner="dots"):
        yield


def changes(planned: Sequence["Change"], service: str, *, write: bool) -> None:
    """Print what becomes of each playlist, and which tracks the service does not know."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("  playlist", overflow="ellipsis", no_wrap=True, max_width=44)
    table.add_column("tracks", justify="right", no_wrap=True)
    table.add_column("known there", justify="right", no_wrap=True)
    table.add_column("done" if write else "to do", overflow="fold")
    for change in planned:
        n_wanted = len(change.wanted.tracks)
        n_known = n_wanted - len(change.unknown)
        table.add_row(
            _name(change),
            f"{n_wanted:,}",
            Text(f"{n_known:,}", style="yellow" if n_known < n_wanted else "")
            if n_wanted
            else UNKNOWN,
            _words(change, write=write),
        )
    terminal.out.print(table)
    _unknown([change for change in planned if change.unknown], service)
    for change in planned:
        if change.wanted.note:
            terminal.note(f"{change.wanted.title}: {change.wanted.note}")
    for change in planned:
        if change.error:
            terminal.err.print(
                Text.assemble(
                    (terminal.plain(f"{change.wanted.title}: ")), terminal.plain(change.error)
                ),
                soft_wrap=True,
            )


def closing(planned: Sequence["Change"], service: str, *, write: bool) -> None:
    """Print in a line what was written, or that nothing was."""
    due = sum(change.is_due for change in planned)
    if write:
        made = sum(change.is_written and change.now is None for change in planned)
        changed = sum(change.is_written and change.now is not None for change in planned)
        told = [f"{n:,} {what}" for n, what in ((made, "made"), (changed, "changed")) if n]
        if told:
            terminal.note(f"Written to {service}: {', '.join(told)}")
            return
    elif due:
        terminal.note(f"Nothing was written; add --write to write {counted(due, 'playlist')}")
        return
    if due or any(change.error for change in planned):
        terminal.note("Nothing was written")
    elif not any(change.ids for change in planned):
        terminal.note(
            f"Nothing to write: {service} knows none of these tracks; are they in its library?"
        )
    else:
        terminal.note(f"Nothing to write: {service} has it all already")


def _name(change: "Change") -> Text:
    mood = BY_NAME.get(change.wanted.title)
    square = Text(_SQUARE, style=mood.colour_dark) if mood else Text(_NO_SQUARE)
    return Text.assemble(square, terminal.plain(change.wanted.name))


def _words(change: "Change", *, write: bool) -> Text:
    state = change.state
    if state == "failed" or (write and change.is_due):
        return Text("not written" if write else "cannot be written", style="bold red")
    if state == "new":
        return Text("made" if write else "new", style="bold green")
    if state == "changed":
        return Text(_moves(change), style="bold")
    return Text(_left_alone(change), style="dim")


def _moves(change: "Change") -> str:
    told = [
        f"{n:,} {word}"
        for n, word in ((change.n_added, "added"), (change.n_removed, "removed"))
        if n
    ]
    return ", ".join([*told, *["order changed"][: change.is_reordered]])


def _left_alone(change: "Change") -> str:
    if change.state == "unchanged":
        return "unchanged"
    if change.now is None:
        return "not made: no track known"
    return f"left as it is, with {counted(len(change.now.tracks), 'track')}"


def _unknown(changes: Sequence["Change"], service: str) -> None:
    if not changes:
        return
    total = sum(len(change.unknown) for change in changes)
    terminal.out.print()
    terminal.out.print(Text(f"{service} does not know {counted(total, 'track')}", style="bold"))
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim", overflow="ellipsis", no_wrap=True, max_width=30)
    table.add_column(overflow="ellipsis", no_wrap=True)
    for change in changes:
        # The last one is named rather than counted.
        n_shown = SHOWN_UNKNOWN + (len(change.unknown) == SHOWN_UNKNOWN + 1)
        label = Text.assemble(_NO_SQUARE, terminal.plain(change.wanted.title))
        for place in change.unknown[:n_shown]:
            name = _track_name(change.wanted.tracks[place], change.wanted.paths[place])
            table.add_row(label, terminal.plain(name))
            label = Text()
        if len(change.unknown) > n_shown:
            more = len(change.unknown) - n_shown
            table.add_row(label, Text(f"… and {more:,} more; --json tells all", style="dim"))
    terminal.out.print(table)
    terminal.out.print()


def _track_name(track: Track, path: str | None) -> str:
    return str(track) if track.title or not path else Path(path).name
