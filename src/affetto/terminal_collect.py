"""What a person sees of playlists that are collected: progress, what was got, what is missing."""

import shlex
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table
from rich.text import Text

from affetto import terminal
from affetto.collecting.table import origin_column
from affetto.errors import OfflineError, ServiceError
from affetto.features import FEATURE_NAMES
from affetto.moods import BY_NAME, mood_order
from affetto.reporting.words import counted, joined

if TYPE_CHECKING:
    from affetto.collecting.collect import Collected
    from affetto.sources.contract import Progress as Told

_QUIET_S = 10.0
_NAME = 40
_SHOWN = 10
_NAMED = 4  # features that are named; more are "features"
_ASKING = {
    "spotify": "asking Spotify for features",
    "reccobeats": "asking ReccoBeats for features",
    "upload": "having ReccoBeats hear clips",
    "audio": "listening",
}
_NAMES = {
    "table": "tables",
    "files": "files",
    "spotify": "Spotify",
    "reccobeats": "ReccoBeats",
    "upload": "ReccoBeats, of clips",
    "audio": "own audio",
    "subsonic": "Subsonic",
    "jellyfin": "Jellyfin",
}
_FEWEST = 10  # complete tracks a mood, to train on


@contextmanager
def progress() -> Iterator[Callable[[str], "Told"]]:
    """Show what is under way, a stage at a time; where nobody looks, a line now and then.

    Yields
    ------
    callable
        Begins a stage by its name; gives what is told of its progress.
    """
    if not terminal.err.is_terminal:
        told = time.monotonic()

        def begin_quietly(stage: str) -> "Told":
            words = _ASKING.get(stage, f"reading {stage}")

            def tell(done: int, total: int | None) -> None:
                nonlocal told
                if time.monotonic() - told > _QUIET_S and done:
                    told = time.monotonic()
                    of = "" if total is None else f" of {total:,}"
                    terminal.note(terminal.plain(f"{words}: {done:,}{of}").plain)

            return tell

        yield begin_quietly
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[state]}"),
    )
    with Progress(*columns, console=terminal.err, transient=True) as shown:
        task = shown.add_task("looking", total=None, state="")

        def begin(stage: str) -> "Told":
            words = _ASKING.get(stage, f"reading {stage}")
            shown.reset(task, description=terminal.plain(words).plain[:_NAME], total=None, state="")

            def tell(done: int, total: int | None) -> None:
                state = f"{done:,}" if total is None else f"{done:,} of {total:,}"
                shown.update(task, completed=done, total=total, state=state)

            return tell

        yield begin


@contextmanager
def told_to_go_on() -> Iterator[None]:
    """Say to whoever stops a run that nothing of it is lost."""
    try:
        yield
    except KeyboardInterrupt:
        terminal.note("stopped; what was fetched and heard is kept: the same command goes on")
        raise


def collected(found: "Collected", out: Path, written: Path) -> None:
    """Print what was got by mood and source, what is missing, and what to do next.

    Parameters
    ----------
    found : Collected
    out : Path
        Where the table was to be written.
    written : Path
        Where it was.
    """
    _moods(found)
    _origins(found)
    _missing(found)
    for one in found.comparisons:
        named = replace(one, first=_NAMES[one.first], second=_NAMES[one.second])
        terminal.out.print(Text.assemble(("scales", "bold"), f"    {named.words()}"))
    _confounded(found)
    if again := found.gathered.n_again:
        words = f"{counted(again, 'entry', 'entries')} stood twice in one playlist: taken once"
        terminal.note(words)
    if n := len(found.gathered.in_several_moods()):
        verb = "stands" if n == 1 else "stand"
        _warn(
            f"{counted(n, 'track')} {verb} in playlists of several moods; affetto train leaves "
            "such tracks out"
        )
    notes(found)
    problems(found)
    n_tracks = counted(len(found.gathered.tracks), "track")
    terminal.note(f"Written: {written} ({counted(len(found.frame), 'row')}, {n_tracks})")
    if written != out:
        terminal.note(f"{out} has more, and was left as it is: this run did not get all")
    _next(found, written)


def notes(found: "Collected") -> None:
    """Print what is worth knowing."""
    for remark in found.notes:
        terminal.note(remark)


def problems(found: "Collected") -> None:
    """Print what could not be done, and that nothing is lost."""
    for what, error in found.failures[:_SHOWN]:
        terminal.err.print(terminal.plain(f"{what}: {error}"), soft_wrap=True)
    if len(found.failures) > _SHOWN:
        terminal.note(f"… and {len(found.failures) - _SHOWN:,} more files")
    by_error: dict[str, list[str]] = {}
    for problem in found.problems:
        name = _NAMES.get(problem.what, problem.what)
        by_error.setdefault(str(problem.error), []).append(name)
    for error, names in by_error.items():
        # Many errors name what they are of.
        of = [name for name in names if name not in error]
        text = terminal.plain(f"{joined(of, most=_SHOWN)}: {error}" if of else error)
        text.stylize("yellow")
        terminal.err.print(text, soft_wrap=not terminal.err.is_terminal)
    if found.absent:
        _warn(f"No track of {joined(found.absent)} is in the table")
    errors = [problem.error for problem in found.problems]
    if any(
        isinstance(each, ServiceError) and not isinstance(each, OfflineError) for each in errors
    ):
        terminal.note("The same command goes on from here; what was fetched is kept")


def _next(found: "Collected", written: Path) -> None:
    """Name the command that learns from the table; where that would fail, what is lacking."""
    usable = found.usable()
    moods = mood_order(usable)
    ready = [mood for mood in moods if usable[mood] >= _FEWEST]
    few = [mood for mood in moods if usable[mood] < _FEWEST]
    if few:
        _warn(
            f"Too few to learn from: {joined(few)} (a model needs {_FEWEST} tracks of a mood with "
            "all features, in no other mood's playlists)"
        )
    if len(ready) < 2:
        if len(moods) < 2:
            _warn("One mood only; a model needs two: name playlists of another mood as well")
        return
    lists = Counter(listing.mood for listing in found.listings)
    if single := [mood for mood in ready if lists[mood] < 2]:
        terminal.note(
            f"One playlist of {joined(single)}: a second of each would tell how a model does on "
            "playlists it never saw"
        )
    drop = f" --drop {shlex.quote(','.join(few))}" if few else ""
    command = f"affetto train {shlex.quote(str(written))} --group playlist{drop}"
    terminal.out.print()
    terminal.hints({command: "a model of these moods"})


def _moods(found: "Collected") -> None:
    complete = Counter(found.frame.filter(found.complete())["mood"].to_list())
    rows = Counter(found.frame["mood"].to_list())
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("mood", no_wrap=True, max_width=_NAME, overflow="ellipsis")
    for name in ("playlists", "tracks", "all features"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)  # a bar: of tracks that can be learned from
    table.add_column("from")
    most = max(rows.values())
    for mood in mood_order(rows):
        lists = [listing for listing in found.listings if listing.mood == mood]
        colour = BY_NAME[mood].colour_dark if mood in BY_NAME else "white"
        sources = Counter(listing.source for listing in lists)
        by_source = ", ".join(
            f"{_NAMES[name]} ({n})" if len(sources) > 1 else _NAMES[name]
            for name, n in sources.items()
        )
        table.add_row(
            terminal.plain(mood),
            f"{len(lists):,}",
            f"{rows[mood]:,}",
            f"{complete[mood]:,}",
            Text(terminal.bar(complete[mood] / most), style=colour),
            Text(by_source, style="dim"),
        )
    terminal.out.print(table)
    terminal.out.print()


def _origins(found: "Collected") -> None:
    """Print how many tracks have their features from where, in words."""
    parts = []
    for origin in found.order:
        is_from = [pl.col(origin_column(name)) == origin for name in FEATURE_NAMES]
        counts = found.frame.select(pl.sum_horizontal(is_from)).to_series()
        n = int((counts >= len(FEATURE_NAMES) // 2).sum())
        if n:
            parts.append(f"{_NAMES[origin]} {n:,}")
    told = " · ".join(parts) or "none"
    terminal.out.print(Text.assemble(("features", "bold"), f"  {told}"))


def _missing(found: "Collected") -> None:
    incomplete = found.frame.filter(~found.complete())
    if len(incomplete):
        nulls = {name: incomplete[name].null_count() for name in found.held}
        if not any(nulls.values()):  # but lengths there is nothing at all
            nulls = dict.fromkeys(FEATURE_NAMES, len(incomplete))
        lacking = [name for name, n in nulls.items() if n]
        # Lengths are in every list: who lacks all else lacks "features".
        which = ", ".join(lacking) if len(lacking) <= _NAMED else "features"
        verb = "lacks" if len(incomplete) == 1 else "lack"
        text = f"{counted(len(incomplete), 'row')} of {len(found.frame):,} {verb} {which}"
        terminal.out.print(Text.assemble(("missing", "bold"), f"   {text}{_why(found)}"))
    absent = [name for name in FEATURE_NAMES if name not in found.held]
    if absent and len(absent) <= _NAMED:
        terminal.note(f"No track has {joined(absent)}: affetto train learns from the others")
    left_out: Counter[str] = Counter()
    for listing in found.listings:
        left_out.update(listing.not_tracks)
    for reason, n in left_out.most_common(5):
        words = f"{n:,} × left out: {reason}"
        terminal.note(terminal.plain(words).plain)


def _confounded(found: "Collected") -> None:
    """Warn where moods have their features from different origins."""
    by_origin: dict[str, list[str]] = {}
    for mood, origin in sorted(found.mainly_from().items(), key=lambda pair: pair[0]):
        by_origin.setdefault(origin, []).append(mood)
    if len(by_origin) > 1:
        parts = [f"{joined(moods)} from {_NAMES[origin]}" for origin, moods in by_origin.items()]
        words = (
            f"Features of {', of '.join(parts)}: a model may learn who measured, not the mood. "
            "--fill takes one source for all"
        )
        _warn(words)


def _why(found: "Collected") -> str:
    """Say why features are missing: unknown to whom, who was not asked to the end."""
    stopped = {problem.what for problem in found.problems}
    services = [name for name in found.asked if name != "audio"]
    parts = []
    if knew_not := [_NAMES[name] for name in services if name not in stopped]:
        parts.append(f"unknown to {joined(knew_not)}")
    if cut := [_NAMES[name] for name in services if name in stopped]:
        parts.append(f"{joined(cut)} could not be asked for all")
    if "audio" in stopped:
        parts.append("not all audio could be had")
    elif "audio" in found.order:
        heard = "not all audio could be heard" if found.failures else "there is no audio to hear"
        parts.append(heard)
    return f": {', '.join(parts) or 'nobody else was to be asked (--fill)'}"


def _warn(words: str) -> None:
    text = terminal.plain(words)
    text.stylize("yellow")
    terminal.out.print(text)
