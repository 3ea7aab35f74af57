"""The whole tour, offline: music composed, heard and labelled; moods learned from a table."""

from dataclasses import replace
from pathlib import Path

from affetto import terminal, terminal_library
from affetto.demo import (
    MUSIC_NOTE,
    SYNTHETIC_NOTE,
    demo_pieces,
    demo_songs,
    demo_table,
    write_library,
)
from affetto.learning.workflow import STAGES, Settings
from affetto.learning.workflow import train as run_training
from affetto.library.catalogue import Catalogue
from affetto.library.export import export
from affetto.library.scan import scan
from affetto.moods import resolve_moods
from affetto.output import make_folder, written_aside
from affetto.reporting.report import write_report
from affetto.scoring.label import label
from affetto.sources.tables import from_frame

MUSIC = "music"
"""Folder of the music within the tour's own."""

LIBRARY = "library.db"
"""Its catalogue: what the page shows."""


def take_tour(out: Path, seed: int, jobs: int | None) -> None:
    """Compose a library, hear and label it; learn moods from a table; say what comes next.

    Parameters
    ----------
    out : Path
        Folder for music, model, evidence and report.
    seed : int
        Seed of the synthetic table.
    jobs : int or None
        Processes.

    Raises
    ------
    OutputError
        If the folder or a file cannot be written.
    UsageError
        If the seed is negative.
    """
    make_folder(out)
    _music(out, jobs)
    _learning(out, seed, jobs)
    terminal.out.print("\n[bold]4 · Your own music[/]")
    terminal.hints(
        {
            f"affetto serve --db {out}/{LIBRARY} --open": "these tracks on a map: listen, correct",
            "affetto library add ~/Music": "a library of your own music, for affetto serve",
            f"open {out}/report.html": "what was measured, and how far to trust it",
            "affetto label ~/Music": "moods of your own files, as a table",
            f"affetto label {out}/{MUSIC}/Happy.m3u8 --timeline": "moods over time",
            f"affetto explain {out}/{MUSIC}/Happy.m3u8": "why each got its mood",
            "affetto label your-playlist.csv": "any table of audio features",
            "affetto train Happy=a.csv Dark=b.csv": "your own moods, one playlist a mood",
        }
    )


def _music(out: Path, jobs: int | None) -> None:
    terminal.out.print("[bold]1 · A library of music[/]")
    terminal.note(MUSIC_NOTE)
    pieces = demo_pieces()
    with terminal.stages(["composing"], "the library") as progress:
        paths = write_library(
            out / MUSIC, pieces=pieces, progress=lambda done, n: progress("composing", done, n)
        )
    terminal.out.print(f"{len(paths)} tracks, four for each mood: {out}/{MUSIC}\n")

    terminal.out.print("[bold]2 · Hearing it, and telling its moods[/]")
    with Catalogue.open(out / LIBRARY) as library:
        folder = library.add_folder(out / MUSIC)
        with terminal_library.scan_progress() as progress:
            scan(library, folders=[folder.path], jobs=jobs, on_event=progress)
        export(library, out / "labels.csv")
        entries = [entry for path in paths if (entry := library.track_at(path))]
        moods = library.model().moods
    columns = {mood.name: mood.column for mood in resolve_moods(moods)}
    rows = [
        entry.as_dict() | {columns[name]: p for name, p in entry.p.items()} for entry in entries
    ]
    terminal.labels(rows, moods, len(rows))
    meant = [piece.mood for piece in pieces]
    agreed = sum(entry.mood == mood for entry, mood in zip(entries, meant, strict=True))
    terminal.out.print(
        f"{agreed} of {len(rows)} got the mood that they were composed for; "
        f"all rows: {out}/labels.csv\n"
    )


def _learning(out: Path, seed: int, jobs: int | None) -> None:
    terminal.out.print("[bold]3 · Learning moods from a labelled table[/]")
    terminal.note(SYNTHETIC_NOTE)
    tracks = demo_table(seed)
    with written_aside(out / "tracks.csv") as aside:
        tracks.write_csv(aside)
    table = replace(from_frame(tracks, "demo tracks"), synthetic=True)
    with terminal.stages(STAGES, "training") as progress:
        run = run_training(
            table, settings=Settings(group="playlist", seed=seed, jobs=jobs), progress=progress
        )
    run.save(out)
    write_report(run.evidence, out / "report.html")
    terminal.training_result(run.evidence, str(out))
    songs = demo_songs()
    with written_aside(out / "songs.csv") as aside:
        songs.write_csv(aside)
    terminal.out.print("\nSongs of another table, by what it learned:")
    labelled = label(songs, run.model)
    terminal.labels(labelled.rows(named=True), run.model.moods, len(labelled))
