"""What a person sees in the terminal: progress, tables, model cards, errors."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.panel import Panel
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

from affetto.moods import resolve_moods

_PIPE_WIDTH = 120  # into a file or pipe, where nobody tells how wide the page is

out = Console(highlight=False, width=None if sys.stdout.isatty() else _PIPE_WIDTH)
err = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else _PIPE_WIDTH)

_BAR = "█"
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def error(message: str) -> None:
    """Print an error the way every command does."""
    err.print(Text.assemble(("affetto: ", "bold red"), message))


def note(message: str) -> None:
    """Print something worth knowing that is no result, to standard error."""
    err.print(Text(message, style="dim"))


def plain(text: str) -> Text:
    """Give foreign text (titles, mood names) without markup or control characters."""
    return Text("".join(char if char.isprintable() else "·" for char in text))


def bar(share: float, width: int = 12) -> str:
    """Draw a share from 0 to 1 as a bar of block characters."""
    eighths = round(max(0.0, min(1.0, share)) * width * 8)
    full, rest = divmod(eighths, 8)
    return (_BAR * full + (_EIGHTHS[rest] if rest else "")).ljust(width)


@contextmanager
def stages(names: Sequence[str], title: str) -> Iterator[Callable[[str, int, int], None]]:
    """Show a run's stages: what is done, what is running, what is left.

    Yields
    ------
    callable
        Takes a stage's name, its steps done, and its steps in all.
    """
    if not err.is_terminal:
        seen: set[str] = set()

        def tell(stage: str, done: int, total: int) -> None:
            if stage not in seen:
                seen.add(stage)
                left = len(names) - names.index(stage) - 1
                err.print(f"{title}: {stage} (stages left: {left})")

        yield tell
        return
    columns = (
        SpinnerColumn(finished_text="[green]✓[/]"),
        TextColumn("{task.description}"),
        BarColumn(bar_width=28),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, transient=False) as progress:
        tasks = {name: progress.add_task(name, total=None, start=False) for name in names}

        def update(stage: str, done: int, total: int) -> None:
            task = tasks[stage]
            progress.start_task(task)
            progress.update(task, completed=done, total=total)

        yield update


@contextmanager
def row_counter(title: str) -> Iterator[Callable[[int], None]]:
    """Count rows while they stream by; shown on a terminal only."""
    if not err.is_terminal:
        yield lambda rows: None
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as progress:
        task = progress.add_task(title)
        yield lambda rows: progress.update(task, description=f"{title}: {rows:,} rows")


def labels(rows: Sequence[Mapping[str, Any]], moods: Sequence[str], total: int) -> None:
    """Print labelled tracks as a table, most probable mood first, runner-up second."""
    known = resolve_moods(moods)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("track", overflow="ellipsis", no_wrap=True, max_width=44)
    for name in ("mood", "", "sure", "next best"):
        table.add_column(name, no_wrap=True)
    # A terminal does not tell its background: words keep its own colour, bars alone are tinted.
    tints = {mood.name: mood.colour_dark for mood in known}
    problems: list[str] = []
    for row in rows:
        if row["mood"] is None:
            table.add_row(plain(_track_name(row)), Text("not labelled", style="red"), "", "", "")
            problems.append(f"{_track_name(row)}: {row['error']}")
            continue
        shares = sorted(((row[mood.column], mood.name) for mood in known), reverse=True)
        (first, mood), (second, runner_up) = shares[:2]
        table.add_row(
            plain(_track_name(row)),
            Text(mood, style="bold"),
            Text(bar(first), style=tints[mood]),
            f"{first:.0%}",
            Text(f"{runner_up} {second:.0%}", style="dim"),
        )
    out.print(table)
    if total > len(rows):
        out.print(Text(f"… and {total - len(rows):,} more; --out FILE writes all", style="dim"))
    for problem in problems:
        err.print(plain(problem))


def _track_name(row: Mapping[str, Any]) -> str:
    title, artist = row.get("title"), row.get("artist")
    if title:
        return f"{title} – {artist}" if artist else str(title)
    return str(row.get("id") or row.get("path") or f"row {row['row']}")


def counts(per_mood: Mapping[str, int], failed: int) -> None:
    """Print how many tracks fell to each mood."""
    total = max(1, sum(per_mood.values()))
    parts = [f"{mood} {n:,} ({n / total:.0%})" for mood, n in per_mood.items()]
    out.print(plain("  ".join(parts)))
    if failed:
        rows = "1 row" if failed == 1 else f"{failed:,} rows"
        err.print(Text(f"{rows} could not be labelled; the column error says why", "yellow"))


def training_result(evidence: Mapping[str, Any], folder: str) -> None:
    """Print what a training run found, in a screenful."""
    data, test = evidence["data"], evidence["test"]
    if evidence["source"]["synthetic"]:
        err.print(Text("Synthetic tracks: the figures say nothing about real music.", "yellow"))
    per_mood = ", ".join(f"{mood} {n}" for mood, n in data["per_mood"].items())
    out.print(
        Text.assemble(
            (f"{data['rows_used']:,}", "bold"), f" of {data['rows']:,} rows used: ", plain(per_mood)
        )
    )
    for finding in data["findings"]:
        if finding["kind"] != "few_tracks":  # the advice says so
            out.print(Text(f"  · {finding['text']}", style="dim"))
    out.print()
    table = Table(box=None, pad_edge=False, header_style="bold")
    with_groups = evidence["unseen_group"] is not None
    table.add_column("candidate")
    table.add_column("random split", justify="right")
    table.add_column("± s.e.", justify="right")
    if with_groups:
        table.add_column("unseen groups", justify="right")
    table.add_column("on its own tracks", justify="right")
    table.add_column("s/fit", justify="right")
    for row in evidence["candidates"]:
        chosen = row["name"] == evidence["chosen"]
        cells = [f"{row['cv']['accuracy']:.3f}", f"{row['cv']['se']:.3f}"]
        if with_groups:
            cells.append(f"{row['unseen_group']['balanced_accuracy']:.3f}")
        cells += [f"{row['train_accuracy']:.3f}", f"{row['seconds']:.2f}"]
        name = f"{row['title']} ← chosen" if chosen else row["title"]
        table.add_row(name, *cells, style="bold" if chosen else "")
    out.print(table)
    out.print()
    out.print(Text(evidence["choice"]["words"]))
    out.print(
        f"Test set, touched once: accuracy [bold]{test['accuracy']:.3f}[/] "
        f"({test['low']:.3f}–{test['high']:.3f})"
    )
    if with_groups:
        unseen = evidence["unseen_group"]
        out.print(
            f"On groups never seen: accuracy [bold]{unseen['accuracy']:.3f}[/], balanced "
            f"{unseen['balanced_accuracy']:.3f} ({unseen['rule']})"
        )
    out.print()
    for piece in evidence["advice"][:4]:
        out.print(Text.assemble(("→ ", "bold"), piece["finding"], (f". {piece['do']}", "dim")))
    out.print()
    out.print(plain(f"Written: {folder}/report.html, model.affetto, evidence.json"))


def model_card(name: str, facts: Mapping[str, str]) -> None:
    """Print a model card."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for key, value in facts.items():
        table.add_row(key, plain(value))
    out.print(Panel(table, title=plain(name), title_align="left", expand=False))


def hints(lines: Mapping[str, str]) -> None:
    """Print commands, each with what it is for."""
    table = Table.grid(padding=(0, 3))
    for command, purpose in lines.items():
        table.add_row("", plain(command), Text(purpose, style="dim"))
    out.print(table)


def print_json(text: str) -> None:
    """Print JSON for machines, without colour or wrapping."""
    sys.stdout.write(text + "\n")
