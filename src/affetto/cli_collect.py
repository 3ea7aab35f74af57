"""The command that collects playlists: parse, call, print; no logic of its own."""

import json
from pathlib import Path
from typing import Annotated

import typer

from affetto.cli_options import JsonOption


def collect(
    playlists: Annotated[
        list[str],
        typer.Argument(
            metavar="[MOOD=]PLAYLIST",
            help="spotify:playlist:… or its URL, spotify:saved, subsonic:playlist/NAME, "
            "jellyfin:playlist/NAME, tables (Exportify), playlist files, folders. Without a "
            "mood, each playlist's name is its mood.",
        ),
    ] = [],  # noqa: B006 - typer copies it; without any, examples are shown
    out: Annotated[
        Path, typer.Option("--out", "-o", help="The table: .parquet, .csv, .tsv or .jsonl.")
    ] = Path("moods.parquet"),
    fill: Annotated[
        str,
        typer.Option(
            help="Where features come from, first to last, of table, spotify, reccobeats, upload, "
            "audio. upload sends 30 s of your files to ReccoBeats."
        ),
    ] = "table,spotify,reccobeats,audio",
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask nobody: answers that are kept, own files.")
    ] = False,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Ask for playlists anew; they are kept for a day.")
    ] = False,
    compare: Annotated[
        bool,
        typer.Option(help="Compare sources that the table mixes, on a few tracks that both know."),
    ] = True,
    excerpt: Annotated[
        bool, typer.Option("--excerpt", help="Hear three times 30 s of each file: faster.")
    ] = False,
    jobs: Annotated[
        int | None, typer.Option(help="Processes that listen. Default: one a core.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Collect playlists sorted by mood into one labelled table, to train on."""
    from affetto import terminal, terminal_collect
    from affetto.collecting.collect import collect as run
    from affetto.collecting.collect import place_to_write
    from affetto.output import check_place
    from affetto.scoring.results import checked_output, write_frame

    check_place(checked_output(out))  # before an hour of asking, not after
    with terminal_collect.progress() as stage, terminal_collect.told_to_go_on():
        collected = run(
            playlists,
            fill=fill,
            offline=offline,
            refresh=refresh,
            compare=compare,
            excerpt=excerpt,
            jobs=jobs,
            stage=stage,
            out=out,
        )
    written = place_to_write(collected, out)
    write_frame(collected.frame, written)
    if as_json:
        told = {"out": str(written), **collected.as_dict()}
        terminal.print_json(json.dumps(told, ensure_ascii=False))
        terminal_collect.notes(collected)
        terminal_collect.problems(collected)
    else:
        terminal_collect.collected(collected, out, written)
    if collected.problems or collected.failures:
        raise typer.Exit(1)
