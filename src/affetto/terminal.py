"""What a person sees in the terminal: progress, tables, model cards, errors."""

import shlex
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
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
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from affetto.features import BY_NAME, FEATURE_NAMES
from affetto.moods import resolve_moods
from affetto.reporting.words import UNKNOWN, clock, counted, duration, percent

_PIPE_WIDTH = 120  # into a file or pipe, where nobody tells how wide the page is

out = Console(highlight=False, width=None if sys.stdout.isatty() else _PIPE_WIDTH)
err = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else _PIPE_WIDTH)

SHOWN_ROWS = 20
"""Rows that are printed; a file holds all."""

_QUIET_S = 10.0
_BAR = "█"
_SHORT = {  # so that ten columns fit
    **{"liveness": "live", "speechiness": "speech", "acousticness": "acoustic"},
    **{"instrumentalness": "instrum.", "danceability": "dance", "duration_ms": "length"},
}
_LEAST_MISSED = (
    *("key", "speech", "live", "instrum.", "acoustic", "length"),
    *("dance", "loudness", "tempo", "valence", "energy"),
)
_NAME_WIDTH = 36
_REMARKS = {"rule": "by rule", "unlike anything trained on": "unlike training"}
_VERBS = ("is ", "does ", "cannot ", "holds ", "claims ", "has ")
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def error(message: str) -> None:
    """Print an error the way every command does."""
    err.print(Text.assemble(("affetto: ", "bold red"), _lines(message)))


def note(message: str) -> None:
    """Print something worth knowing that is no result, to standard error."""
    # In a file or pipe a line stays one; in a window words are kept whole.
    err.print(Text(_lines(message).plain, style="dim"), soft_wrap=not err.is_terminal)


def plain(text: str) -> Text:
    """Give foreign text (titles, mood names) without markup or control characters."""
    return Text("".join(char if char.isprintable() else "·" for char in text))


def _lines(text: str) -> Text:
    """Give a message of one or several lines, whatever foreign text stands in it."""
    return Text("\n").join(plain(line) for line in text.split("\n"))


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


@contextmanager
def track_counter(title: str, total: int) -> Iterator[Callable[[bool], None]]:
    """Show how many tracks are done and failed, how fast it goes, and the time left.

    Where standard error is no terminal, a line is written now and then.

    Yields
    ------
    callable
        To be called for each track that is done, with whether it failed.
    """
    started, done, failed, told = time.monotonic(), 0, 0, 0.0

    def state() -> str:
        seconds = max(time.monotonic() - started, 1e-3)
        failures = f", {failed:,} failed" if failed else ""
        return f"{done / seconds:.1f} tracks/s{failures}"

    if not err.is_terminal:

        def tell(is_failure: bool) -> None:
            nonlocal done, failed, told
            done, failed = done + 1, failed + is_failure
            now = time.monotonic() - started
            if now - told > _QUIET_S:
                told = now
                left = now / done * (total - done)
                err.print(f"{title}: {done:,} of {total:,}, {state()}, {duration(left)} left")

        yield tell
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=28),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f}"),
        TextColumn("{task.fields[state]}"),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with Progress(*columns, console=err, transient=True) as progress:
        task = progress.add_task(title, total=total, state="")

        def update(is_failure: bool) -> None:
            nonlocal done, failed
            done, failed = done + 1, failed + is_failure
            progress.update(task, completed=done, state=state())

        yield update


def labels(rows: Sequence[Mapping[str, Any]], moods: Sequence[str], total: int) -> None:
    """Print labelled tracks as a table, most probable mood first, runner-up second."""
    known = resolve_moods(moods)
    remarks = [_REMARKS.get((row["reason"] or "").partition(":")[0], "") for row in rows]
    table = Table(box=None, pad_edge=False, header_style="bold")
    # In a narrow window only the names of tracks give way.
    longest = max((len(mood.name) for mood in known), default=0)
    others = [max(longest, 6), 12, 4, longest + 4, max(map(len, remarks), default=0)]
    room = out.width - sum(others) - 2 * len(others)
    table.add_column("track", overflow="ellipsis", no_wrap=True, max_width=max(12, min(44, room)))
    for name in ("mood", "", "sure", "next best", *([""] if any(remarks) else [])):
        table.add_column(name, no_wrap=True)
    # A terminal does not tell its background: words keep its own colour, bars alone are tinted.
    tints = {mood.name: mood.colour_dark for mood in known}
    for row, remark in zip(rows, remarks, strict=True):
        if row["error"] is not None:
            table.add_row(plain(track_name(row)), Text("not labelled", style="red"))
            continue
        mood, share = row["mood"], row["confidence"]
        following = f"{row['second']} {row['second_confidence']:.0%}"
        if mood is None:  # unsure: both moods, as neither is said
            mood = max(known, key=lambda mood: float(row[mood.column])).name
            following = f"{mood} {share:.0%}, {following}"
        table.add_row(
            plain(track_name(row)),
            Text(row["mood"], style="bold") if row["mood"] else Text("unsure", style="dim"),
            Text(bar(share or 0.0), style=tints[mood]),
            percent(share),
            Text(following, style="dim"),
            Text(remark, style="yellow"),
        )
    out.print(table)
    _tell_of_more(total - len(rows))


def track_name(row: Mapping[str, Any]) -> str:
    """Name a track as well as its row allows."""
    title, artist = row.get("title"), row.get("artist")
    if title:
        return f"{title} – {artist}" if artist else str(title)
    path = row.get("path")
    return str(row.get("id") or (path and Path(path).name) or f"row {row['row']}")


def moments(rows: Sequence[Mapping[str, Any]], moods: Sequence[str], name: str) -> None:
    """Print a track's moods over time: a strip of colour, and each stretch of one mood."""
    tints = {mood.name: mood.colour_dark for mood in resolve_moods(moods)}
    out.print(Text.assemble("\n", plain(name), style="bold"))
    if out.color_system:
        width = min(2 * len(rows), out.width)
        strip = Text()
        for place in range(width):
            mood = rows[place * len(rows) // width]["mood"]
            strip.append(_BAR if mood else " ", style=tints.get(mood))
        out.print(strip)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("from", "to", "mood", "sure", "energy", "valence"):
        table.add_column(column, justify="left" if column == "mood" else "right", no_wrap=True)
    stretches = [list(run) for _, run in groupby(rows, key=lambda row: row["mood"])]
    ends = [run[0]["start_s"] for run in stretches[1:]] + [rows[-1]["stop_s"]]
    for run, end in zip(stretches, ends, strict=True):
        mood = run[0]["mood"]
        table.add_row(
            clock(run[0]["start_s"]),
            clock(end),
            Text.assemble((f"{_BAR} ", tints[mood]), (mood, "bold"))
            if mood
            else Text(run[0]["error"] or run[0]["reason"], style="dim"),
            percent(_mean(run, "confidence")),
            *(_feature_cell(column, _mean(run, column)) for column in ("energy", "valence")),
        )
    out.print(table)


def _mean(rows: Sequence[Mapping[str, Any]], column: str) -> float | None:
    values = [row[column] for row in rows if row[column] is not None]
    return sum(values) / len(values) if values else None


def features(rows: Sequence[Mapping[str, Any]], total: int) -> None:
    """Print the ten features of tracks as a table; in a narrow window, as many as fit."""
    columns = {_SHORT.get(name, name): name for name in FEATURE_NAMES}
    cells = [
        {short: _feature_cell(name, row.get(name)) for short, name in columns.items()}
        | {"key": row.get("key") or UNKNOWN}
        for row in rows
    ]
    names = [plain(track_name(row)) for row in rows]
    widths = {
        short: 2 + max([len(short), *(len(row[short]) for row in cells)])
        for short in [*columns, "key"]
    }
    left_over = []
    room = out.width - min(_NAME_WIDTH, max([5, *map(len, names)]))
    while sum(widths.values()) > room and len(widths) > 1:
        left_over.append(next(name for name in _LEAST_MISSED if name in widths))
        del widths[left_over[-1]]
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("track", overflow="ellipsis", no_wrap=True, max_width=_NAME_WIDTH)
    for short in widths:
        table.add_column(short, justify="left" if short == "key" else "right", no_wrap=True)
    for name, row in zip(names, cells, strict=True):
        table.add_row(name, *(row[short] for short in widths))
    out.print(table)
    _tell_of_more(total - len(rows))
    if left_over:
        words = f"too narrow for {', '.join(left_over)}: widen the window, or use --out or --json"
        out.print(Text(words, style="dim"))


def _tell_of_more(n_rows: int) -> None:
    if n_rows > 0:
        out.print(Text(f"… and {n_rows:,} more; --out FILE writes all", style="dim"))


def _feature_cell(name: str, value: float | None) -> str:
    if value is None:
        return UNKNOWN
    if name == "duration_ms":
        return clock(value / 1000)
    return f"{value:.2f}" if BY_NAME[name].is_share else f"{value:.1f}"


def feature_card(rows: Sequence[Mapping[str, str]], notes: Sequence[str]) -> None:
    """Print what is known of each feature: how it is made, and how far to trust it."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in rows[0]:
        numeric = column in {"r", "± error"}
        table.add_column(column, justify="right" if numeric else "left", no_wrap=numeric)
    for row in rows:
        table.add_row(*(plain(cell) for cell in row.values()))
    out.print(table)
    for text in notes:
        out.print()
        out.print(plain(text))


def counts(per_mood: Mapping[str, int]) -> None:
    """Print how many tracks fell to each mood; nothing where none did."""
    if total := sum(per_mood.values()):
        parts = [f"{mood} {n:,} ({n / total:.0%})" for mood, n in per_mood.items()]
        out.print(plain("  ".join(parts)))


def doubts(counts: Mapping[str, int], noun: str, min_confidence: float) -> None:
    """Print how many tracks are unsure, unlike training, or decided by a rule, if any."""
    if n := counts["unsure"]:
        out.print(f"{counted(n, noun)} unsure: no mood is as probable as {min_confidence:.0%}")
    if n := counts["unlike"]:
        out.print(f"{counted(n, noun)} unlike anything the model was trained on: doubt their moods")
    if n := counts["ruled"]:
        out.print(f"{counted(n, noun)} by rule")


def problems(rows: Sequence[Mapping[str, Any]], total: int) -> None:
    """Print why rows failed, a line each; `total` is how many did."""
    for row in rows:
        name, reason = row.get("path") or track_name(row), row["error"]
        colon = "" if reason.startswith(_VERBS) else ":"  # "a.mp3 is empty", "a.mp3: no beat"
        err.print(plain(f"{name}{colon} {reason}"), soft_wrap=True)
    if rows and total > len(rows):
        err.print(Text(f"… and {total - len(rows):,} more", style="dim"))


def failures(failed: int, noun: str, done: str, file: Path | None) -> None:
    """Print how many rows or tracks could not be labelled or analysed, if any."""
    if failed:
        where = f"; the column error of {file} says why" if file else ""
        text = Text(f"{counted(failed, noun)} could not be {done}{where}", "yellow")
        err.print(text, soft_wrap=True)


def written(file: Path, n_rows: int, noun: str, n_kept: int) -> None:
    """Print what a file of results holds now."""
    if n_kept and not n_rows:
        note(f"Nothing left to do: {file} holds {counted(n_kept, noun)}")
        return
    before = f", and {n_kept:,} from before" if n_kept else ""
    note(f"Written: {file} ({counted(n_rows, noun)}{before})")


def stopped(file: Path, n_done: int, total: int) -> None:
    """Print what a run that was stopped leaves."""
    note(f"{file} holds {n_done:,} of {counted(total, 'track')}; add --resume to go on")


def training_result(evidence: Mapping[str, Any], folder: str) -> None:
    """Print what a training run found, in a screenful."""
    data = evidence["data"]
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
    out.print()
    _trust(evidence)
    out.print()
    for piece in evidence["advice"][:4]:
        out.print(Text.assemble(("→ ", "bold"), piece["finding"], (f". {piece['do']}", "dim")))
    out.print()
    out.print(plain(f"Written: {folder}/report.html, model.affetto, evidence.json"))
    command = f"affetto label ~/Music --model {shlex.quote(f'{folder}/model.affetto')}"
    hints({command: "moods by this model"})


def _trust(evidence: Mapping[str, Any]) -> None:
    """Print what is reached on tracks drawn at random beside what is on music never seen."""
    test, unseen = evidence["test"], evidence["unseen_group"]
    by_source = evidence["unseen_source"]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("judged on", "accuracy", "95% interval", "balanced"):
        table.add_column(name, justify="left" if name == "judged on" else "right", no_wrap=True)
    rows = [("tracks drawn at random", test["accuracy"], (test["low"], test["high"]), test)]
    if unseen:
        ends = unseen["intervals"]["accuracy"]
        rows.append(("groups never seen", unseen["accuracy"], ends, unseen))
    for name, accuracy, (low, high), figures in rows:
        balanced = f"{figures['balanced_accuracy']:.3f}"
        table.add_row(name, f"[bold]{accuracy:.3f}[/]", f"{low:.3f}–{high:.3f}", balanced)
    if by_source:
        table.add_row("tables never seen*", UNKNOWN, "", f"{by_source['balanced_accuracy']:.3f}")
    out.print(table)
    if unseen:
        out.print(Text(f"Groups never seen: {unseen['rule']}; {unseen['chosen_by']}.", "dim"))
    else:
        words = "Tracks drawn at random share playlists with those learned from: optimistic."
        out.print(Text(words, "dim"))
    if by_source:
        out.print(Text(f"* {by_source['rule']}", "dim"))


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
    sys.stdout.flush()  # whoever reads on gets each row when it is there
