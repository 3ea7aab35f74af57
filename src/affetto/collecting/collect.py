"""Conducts: playlists found and listed, features filled in, sources compared, one table."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
from polars.exceptions import PolarsError

from affetto.collecting import filling
from affetto.collecting.comparing import compare_origins
from affetto.collecting.filling import DEFAULT_FILL, Problem, Stage, origins_of, parse_fill
from affetto.collecting.gathering import Gathered
from affetto.collecting.labels import clean_mood
from affetto.collecting.listing import Listing, Lists, list_all
from affetto.collecting.references import FILES, Request, parse_requests
from affetto.collecting.scales import Summary
from affetto.collecting.services import Services
from affetto.collecting.table import origin_column, table_of
from affetto.errors import (
    AffettoError,
    PlaylistError,
    ServiceError,
    UsageError,
)
from affetto.features import FEATURE_NAMES
from affetto.moods import same_name
from affetto.reporting.words import joined
from affetto.sources.cache import AnswerCache
from affetto.sources.contract import FeatureSource, Progress, silent
from affetto.sources.local import is_same_file
from affetto.sources.tables import scan_table
from affetto.tracks import looks_like_track_id, normalise_isrc

POLICY: Final = (
    "Some of these tracks come from Spotify, whose Developer Policy (section III.14) does not "
    "allow models to be trained on its content; a model of your own audio files "
    "(Happy=~/Music/happy) is free of that."
)
"""Told once, before anything is trained."""


@dataclass(frozen=True, slots=True, eq=False)
class Collected:
    """What a run collected.

    Attributes
    ----------
    frame : polars.DataFrame
        See `affetto.collecting.table.table_of`.
    gathered : Gathered
    listings : list of Listing
    order : tuple of str
        Origins in the order in which they count.
    asked : tuple of str
        Those that were asked for features of at least one track.
    absent : tuple of str
        Moods that were named and of which there is no track.
    problems : list of Problem
        What could not be done; whoever runs the same command again goes on there.
    failures : list of (str, str)
        Files that could not be heard, and why.
    comparisons : list of Summary
        How far the origins that are mixed in the table lie apart.
    notes : list of str
    n_requests : dict of str to int
        By service.
    """

    frame: pl.DataFrame
    gathered: Gathered
    listings: list[Listing]
    order: tuple[str, ...]
    asked: tuple[str, ...]
    absent: tuple[str, ...]
    problems: list[Problem]
    failures: list[tuple[str, str]]
    comparisons: list[Summary]
    notes: list[str]
    n_requests: dict[str, int]

    @property
    def held(self) -> tuple[str, ...]:
        """Features of which the table has a value at all: a model can learn from these."""
        return tuple(
            name for name in FEATURE_NAMES if self.frame[name].null_count() < len(self.frame)
        )

    def complete(self) -> pl.Series:
        """Tell for each row whether all features are there that the table has at all."""
        if set(self.held) <= {"duration_ms"}:  # lengths alone are in every list
            return pl.repeat(False, len(self.frame), eager=True).alias("complete")
        return self.frame.select(
            pl.all_horizontal(pl.col(*self.held).is_not_null()).alias("complete")
        ).to_series()

    def usable(self) -> dict[str, int]:
        """Count the tracks of each mood that can be learned from.

        They have all features that the table has, and stand in playlists of one mood.
        """
        track, group = self.gathered.rows()
        moods = [self.gathered.groups[place].mood for place in group]
        several = set(self.gathered.in_several_moods().tolist())
        found: dict[str, set[int]] = {mood: set() for mood in moods}
        for place, mood, is_complete in zip(track.tolist(), moods, self.complete(), strict=True):
            if is_complete and place not in several:
                found[mood].add(place)
        return {mood: len(places) for mood, places in found.items()}

    def mainly_from(self) -> dict[str, str]:
        """Name the origin of most of each mood's features, where it has more than half.

        Where moods differ in it, a model may learn who measured in place of the mood.
        """
        counts: dict[str, Counter[str]] = {}
        for name in FEATURE_NAMES:
            if name == "duration_ms":
                continue
            pairs = self.frame.group_by("mood", origin_column(name)).len().drop_nulls()
            for mood, origin, n in pairs.rows():
                counts.setdefault(mood, Counter())[origin] += n
        main = {mood: count.most_common(1)[0] for mood, count in counts.items()}
        return {mood: origin for mood, (origin, n) in main.items() if 2 * n > counts[mood].total()}

    def as_dict(self) -> dict[str, Any]:
        """Give the summary as plain data, for machines."""
        complete = self.complete()
        by_mood = (
            self.frame.with_columns(complete)
            .group_by("mood", "source", maintain_order=True)
            .agg(
                pl.col("playlist").n_unique().alias("playlists"),
                pl.len().alias("tracks"),
                pl.col("complete").sum(),
            )
        )
        origins = {
            name: self.frame[origin_column(name)].value_counts(sort=True).drop_nulls().rows()
            for name in FEATURE_NAMES
        }
        return {
            "rows": len(self.frame),
            "tracks": len(self.gathered.tracks),
            "complete": int(complete.sum()),
            "usable": self.usable(),
            "absent_moods": list(self.absent),
            "moods": by_mood.to_dicts(),
            "playlists": [
                {
                    "name": listing.name,
                    "mood": listing.mood,
                    "source": listing.source,
                    "tracks": listing.n_tracks,
                    "left_out": dict(listing.not_tracks),
                }
                for listing in self.listings
            ],
            "features": {name: dict(counts) for name, counts in origins.items()},
            "again": self.gathered.n_again,
            "in_several_moods": len(self.gathered.in_several_moods()),
            "mainly_from": self.mainly_from(),
            "comparisons": [each.as_dict() for each in self.comparisons],
            "problems": [
                {"what": problem.what, "error": str(problem.error)} for problem in self.problems
            ],
            "failures": [{"what": what, "error": error} for what, error in self.failures],
            "notes": self.notes,
            "requests": self.n_requests,
        }


def collect(
    playlists: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    fill: str = ",".join(DEFAULT_FILL),
    offline: bool = False,
    refresh: bool = False,
    compare: bool = True,
    excerpt: bool = False,
    jobs: int | None = None,
    stage: Stage | None = None,
    out: str | os.PathLike[str] | None = None,
) -> Collected:
    """Collect playlists that are sorted by mood into one labelled table.

    Parameters
    ----------
    playlists : str, path, or sequence of these
        ``MOOD=PLAYLIST`` or ``PLAYLIST``, as ``affetto collect`` takes them: Spotify's, those of
        music servers, tables, playlist files, folders.
    fill : str
        Where features come from, first to last, with commas; see
        `affetto.collecting.filling.FILLERS`.
    offline : bool
        Ask nobody: take answers that are kept, and files.
    refresh : bool
        Ask for playlists anew that are kept.
    compare : bool
        Ask about a few tracks of each two origins that the table mixes.
    excerpt, jobs
        As `affetto.label` has them.
    stage : callable, optional
        Begins a stage, e.g. ``"reccobeats"``; gives what is told of its progress.
    out : path, optional
        Where the table will be written: refused where it is read as well.

    Returns
    -------
    Collected
        `Collected.frame` is the table; its problems are to be looked at.

    Raises
    ------
    UsageError
        If something is named that cannot be read, or what is read would be overwritten.
    PlaylistError, ServiceError
        If nothing could be collected at all: what went wrong first.

    Examples
    --------
    >>> found = affetto.collect(["Calm=calm.csv", "Wild=~/Music/wild"])  # doctest: +SKIP
    >>> affetto.train(found.frame, group="playlist")  # doctest: +SKIP
    """
    named = [playlists] if isinstance(playlists, str | os.PathLike) else playlists
    requests, order = parse_requests([os.fspath(each) for each in named]), parse_fill(fill)
    if jobs is not None and jobs < 1:  # before an hour of asking, not after
        raise UsageError(f"{jobs} jobs: expected at least 1; leave it out for one a core")
    _check_apart(requests, out)
    with (
        AnswerCache(offline=offline, refresh=refresh) as cache,
        Services(cache, jobs=jobs, excerpt=excerpt) as services,
    ):
        found = collect_from(
            requests, services, stage or (lambda _: silent), order=order, compare=compare
        )
        found.notes[:0] = cache.notes
        if services.passed_over:
            names = joined([Path(each).name for each in services.passed_over], most=5)
            found.notes.insert(0, f"Passed over, since affetto wrote it: {names}")
    return found


def collect_from(
    requests: Sequence[Request],
    services: Services,
    stage: Stage,
    *,
    order: Sequence[str] = DEFAULT_FILL,
    compare: bool = True,
) -> Collected:
    """Collect from sources that are open; see `collect`.

    Raises
    ------
    PlaylistError, ServiceError
        If nothing could be collected at all: what went wrong first.
    """
    gathered = Gathered(counts_tables="table" in order)
    lists = list_all(requests, services, gathered, stage)
    listings, problems = lists.listings, lists.problems
    if not gathered.n_rows:
        raise _nothing(problems)
    origins = origins_of(tuple(order), gathered.offers)
    tellers: dict[str, FeatureSource] = {}
    absent: list[Problem] = []
    for name in order:
        try:
            teller = services.teller(name)
        except ServiceError as exc:
            absent.append(Problem(name, exc))
            continue
        if teller is not None:
            tellers[name] = teller
    asked: list[str] = []

    def begin(name: str) -> Progress:
        asked.append(name)
        return stage(name)

    incomplete = filling.fill(gathered, tellers, origins, begin)
    for problem in absent:
        if _is_needed(gathered, problem.what, origins[: origins.index(problem.what)]):
            problems.append(problem)
    problems += incomplete
    failures = services.failures()
    frame = table_of(gathered, origins)
    comparisons = compare_origins(gathered, tellers, origins, stage) if compare else []
    return Collected(
        frame=frame,
        gathered=gathered,
        listings=listings,
        order=origins,
        asked=tuple(name for name in asked if not getattr(tellers[name], "refusal", None)),
        absent=_absent(requests, gathered),
        problems=problems,
        failures=failures,
        comparisons=comparisons,
        notes=_notes(gathered, tellers, lists),
        n_requests=services.counts(),
    )


def _absent(requests: Sequence[Request], gathered: Gathered) -> tuple[str, ...]:
    named = {same_name(mood): mood for each in requests if (mood := clean_mood(each.mood or ""))}
    there = {same_name(group.mood) for group in gathered.groups}
    return tuple(mood for key, mood in named.items() if key not in there)


def place_to_write(found: Collected, out: Path) -> Path:
    """Say where a table is to be written, so that a run that failed in part spoils no good one.

    Returns
    -------
    Path
        `out`; or, where playlists or sources failed or nothing can be learned from it, and what
        stands there holds a playlist, a row or a feature more, ``NAME.partial.SUFFIX`` beside it.
    """
    is_whole = not found.problems and any(found.usable().values())
    if is_whole or not out.exists():
        return out
    try:
        table = scan_table(out, as_playlist=True)
        is_ours = {"playlist", "mood"} <= set(table.columns)
        before = _sizes(table.frame, table.features) if is_ours else None
    except (AffettoError, OSError, PolarsError):
        return out  # no table at all
    if before is None:
        return _beside(out)
    now = _sizes(found.frame.lazy(), FEATURE_NAMES)
    holds_all = all(
        n_rows <= now.get(playlist, (0, 0))[0] and n_values <= now.get(playlist, (0, 0))[1]
        for playlist, (n_rows, n_values) in before.items()
    )
    return out if holds_all else _beside(out)


def _sizes(
    frame: pl.LazyFrame, features: Sequence[str]
) -> dict[tuple[str | None, str | None], tuple[int, int]]:
    """Count the rows of each playlist and mood, and their features that are there."""
    values = pl.sum_horizontal([pl.col(name).is_not_null() for name in features] or [pl.lit(0)])
    counts = frame.group_by("playlist", "mood").agg(pl.len(), values.sum().alias("values"))
    return {(one, mood): (n, n_values) for one, mood, n, n_values in counts.collect().rows()}


def _beside(out: Path) -> Path:
    return out.with_suffix(f".partial{out.suffix}")


def _nothing(problems: Sequence[Problem]) -> AffettoError:
    if len(problems) == 1:
        return problems[0].error
    lines = [f"  {problem}" for problem in problems[:5]]
    more = [f"  and {len(problems) - 5} more"] if len(problems) > 5 else []
    return PlaylistError("\n".join(["nothing could be collected:", *lines, *more]))


def _is_needed(gathered: Gathered, name: str, before: Sequence[str]) -> bool:
    """Whether a source that cannot be opened would have been asked about any track."""
    values, _ = gathered.chosen(before)
    lacking = np.flatnonzero(np.isnan(values).any(axis=1))
    if name != "reccobeats":
        return len(lacking) > 0
    tracks = (gathered.tracks[place].track for place in lacking)
    return any(looks_like_track_id(one.id or "") or normalise_isrc(one.isrc) for one in tracks)


def _check_apart(requests: Sequence[Request], out: str | os.PathLike[str] | None) -> None:
    """Refuse to write over what is read: columns that this table has not would be lost.

    Raises
    ------
    UsageError
    """
    if out is None:
        return
    for request in requests:
        path = os.path.expanduser(request.reference)  # noqa: PTH111
        if request.source == FILES and is_same_file(path, out):
            raise UsageError(
                f"{request.reference} is read, and would be overwritten; name another table to "
                "write (--out)"
            )


def _notes(gathered: Gathered, tellers: dict[str, FeatureSource], lists: Lists) -> list[str]:
    notes = []
    notes += [
        f"{name!r} was written by affetto: what a model said is no label of yours"
        for name in lists.written_back
    ]
    if n := lists.n_written_back:
        words = "playlist that affetto wrote is" if n == 1 else "playlists that affetto wrote are"
        notes.append(f"{n:,} {words} left out: what a model said is no label")
    if n := gathered.n_disagreeing:
        words = "entry has" if n == 1 else "entries have"
        notes.append(
            f"{n:,} {words} other features than the same track in a playlist before: those that "
            "came first count"
        )
    if any(looks_like_track_id(listed.track.id or "") for listed in gathered.tracks):
        notes.append(POLICY)
    spotify = tellers.get("spotify")
    if getattr(spotify, "refusal_is_new", False):  # told once, not with every run
        notes.append(str(getattr(spotify, "refusal", "")))
    return notes
