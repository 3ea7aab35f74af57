"""What a person sees of playlists and tags."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from affetto import terminal
from affetto.reporting.words import counted, duration
from affetto.sources.playlists import printable

if TYPE_CHECKING:
    from affetto.library.playlists import MadePlaylist
    from affetto.library.tags import Change

_NO_TAG = "–"


def playlists(made: Sequence["MadePlaylist"], files: Sequence[Path], *, smart: bool) -> None:
    """Print which playlists were written, and what each holds."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("playlist", overflow="ellipsis", no_wrap=True, max_width=36)
    for name in ("tracks", "length"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("file", overflow="fold")
    for playlist, file in zip(made, files, strict=True):
        told = ("by rule", "") if smart else _extent(playlist)
        table.add_row(terminal.plain(playlist.name), *told, terminal.plain(printable(file)))
    terminal.out.print(table)
    for playlist in made:
        if playlist.mean_step is not None and playlist.unevenness is not None:
            terminal.note(
                f"{playlist.name}: steps of {playlist.mean_step:.2f} on average, in standard "
                f"deviations of valence or energy; they vary by {playlist.unevenness:.0%}"
            )
        if playlist.note and not smart:
            terminal.note(f"{playlist.name}: {playlist.note}")
    if smart:
        terminal.note(
            "Navidrome finds the tracks by their mood tag: affetto library tag --write writes it"
        )


def _extent(playlist: "MadePlaylist") -> tuple[str, str]:
    return f"{len(playlist.entries):,}", duration(60 * playlist.minutes)


def changes(planned: Sequence["Change"], states: Mapping[str, int]) -> None:
    """Print what would be written into which file's tags, and what is left alone."""
    to_do = [change for change in planned if change.state == "change"]
    if to_do:
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("track", overflow="ellipsis", no_wrap=True, max_width=44)
        for name in ("tag", "now", "then"):
            table.add_column(name, overflow="ellipsis", no_wrap=True, max_width=36)
        for change in to_do[: terminal.SHOWN_ROWS]:
            label = change.entry.name
            for name, then in change.then.items():
                table.add_row(
                    terminal.plain(label), name, _values(change.now[name]), _values(then, "bold")
                )
                label = ""
        terminal.out.print(table)
        more = len(to_do) - terminal.SHOWN_ROWS
        if more > 0:
            terminal.out.print(Text(f"… and {more:,} more; --json tells all", style="dim"))
        moods = Counter(change.then["mood"][0] for change in to_do if "mood" in change.then)
        terminal.counts(dict(moods.most_common()))
    kept = [change for change in planned if change.state == "kept"]
    left = {
        "right": "{} right already",
        "kept": "{} with another mood in the tag, kept; --replace overwrites it",
        "unsure": "{} less sure than asked for, left alone",
    }
    for state, words in left.items():
        if states.get(state):
            terminal.note(words.format(counted(states[state], "track")))
    if kept:
        moods = Counter(value for change in kept for value in change.now["mood"])
        found = ", ".join(f"{mood} {n:,}" for mood, n in moods.most_common(8))
        terminal.err.print(terminal.plain(f"  moods that are kept: {found}"), style="dim")


def _values(values: Sequence[str], style: str = "") -> Text:
    text = terminal.plain("; ".join(values) or _NO_TAG)
    text.stylize(style)
    return text


def tag_failures(failed: Sequence["Change"], noun: str) -> None:
    """Print which files cannot be written, and why."""
    rows = [
        {"path": printable(change.entry.path), "error": change.why or ""}
        for change in failed[: terminal.SHOWN_ROWS]
    ]
    terminal.problems(rows, len(failed))
    if failed:
        words = f"{counted(len(failed), 'file')} could not be {noun}; left as they were"
        terminal.err.print(Text(words, "yellow"), soft_wrap=True)


def tags_written(n_written: int, journal: Path) -> None:
    """Print how many files' tags were written, and how to take it back."""
    if not n_written:
        terminal.note("Nothing was written")
        return
    terminal.note(
        f"Written: tags of {counted(n_written, 'file')}; affetto library tag --undo puts back "
        f"what was there (kept in {printable(journal)})"
    )


def tags_undone(states: Mapping[str, int]) -> None:
    """Print how many files have back what they had."""
    terminal.note(f"Put back: tags of {counted(states.get('undone', 0), 'file')}")
    if states.get("right"):
        terminal.note(f"{counted(states['right'], 'file')} had it already")


def nothing_written(n_changes: int, n_tracks: int) -> None:
    """Print that this was a look ahead."""
    if not n_tracks:
        terminal.note("No labelled track found; affetto library update hears what is new")
    elif n_changes:
        files = counted(n_changes, "file")
        terminal.note(f"Nothing is written yet: affetto library tag --write writes {files}")
    else:
        terminal.note("Nothing to write")
