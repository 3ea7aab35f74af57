"""What a person sees of audio while it is heard: how far it is, its moods, what failed."""

import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from affetto import terminal
from affetto.output import write_text
from affetto.reporting.timeline import timeline_picture
from affetto.scoring.tally import Tally

if TYPE_CHECKING:  # what listens loads SciPy; tables never wait for it
    from polars import DataFrame

    from affetto.scoring.stream import Stream, Written


@dataclass(slots=True)
class Progress:
    """What is kept of audio that was heard: enough to show, however many there are."""

    tracks: "list[Written]" = field(default_factory=list)
    failures: list[Mapping[str, Any]] = field(default_factory=list)
    n_done: int = 0
    n_failed: int = 0
    n_kept: int = 0


def follow(stream: "Stream", out: Path | None, *, as_json: bool) -> Progress:
    """Run a stream: show how far it is, and print each track at once for machines.

    Parameters
    ----------
    stream : Stream
    out : Path or None
        The file it is written to, if it is.
    as_json : bool
        Print rows as JSON Lines, where they are not written to a file.

    Returns
    -------
    Progress
    """
    heard = Progress(n_kept=stream.n_kept)
    failures: list[Written] = []
    try:
        with closing(stream.tracks), terminal.track_counter("listening", stream.n_left) as count:
            for track in stream:
                failed = track.row["error"] is not None
                count(failed)
                heard.n_done += 1
                heard.n_failed += failed
                if failed and len(failures) < terminal.SHOWN_ROWS:
                    failures.append(track)
                if track.heard.index < terminal.SHOWN_ROWS:
                    heard.tracks.append(track)
                if warning := track.heard.row["warning"]:
                    terminal.note(f"{track.heard.row['path']}: {warning}")
                if as_json and out is None:
                    for row in track.moments or (track.row,):
                        terminal.print_json(json.dumps(row, ensure_ascii=False))
    except KeyboardInterrupt:
        if out is not None and heard.n_done:
            terminal.stopped(out, heard.n_done + heard.n_kept, stream.n_left + heard.n_kept)
        raise
    heard.tracks.sort(key=lambda track: track.heard.index)
    failures.sort(key=lambda track: track.heard.index)
    heard.failures = [track.row for track in failures]
    return heard


def show(
    heard: Progress, rest: "DataFrame", tally: "Tally", *, as_json: bool, timeline: bool
) -> None:
    """Print labelled audio, then labelled tables; JSON of audio was printed as it came."""
    if as_json:
        sys.stdout.write(rest.write_ndjson())
        return
    of_tables = rest.to_dicts()
    heard.failures += [row for row in of_tables if row["error"]]
    rows = [track.row for track in heard.tracks] + of_tables
    terminal.labels(rows, tally.moods, tally.rows)
    with_moments = [track for track in heard.tracks if track.moments and timeline]
    for track in with_moments:
        terminal.moments(track.moments, tally.moods, terminal.track_name(track.row))
    if with_moments:
        terminal.out.print()


def draw(track: "Written", moods: Sequence[str], picture: Path) -> None:
    """Draw a track's timeline; one that could not be heard has a row that says why."""
    if not track.moments:
        return
    name, end_s = terminal.track_name(track.row), track.moments[-1]["stop_s"]
    write_text(picture, timeline_picture(track.moments, moods, title=name, duration_s=end_s))
    terminal.note(f"Written: {picture}")
