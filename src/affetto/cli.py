"""The command line: parse, call, print; no logic of its own.

Commands import what they need when they run, so that ``--help`` answers at once and
labelling never waits for scikit-learn.
"""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

import affetto
from affetto.errors import AffettoError, UsageError

# One thread of BLAS and OpenMP a process, set before NumPy is loaded: their own threads
# only fight over the cores with ours.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

app = typer.Typer(
    name="affetto",
    help="The mood each track awakens, how sure that is, and why.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: rich alone would take longer than all the rest
)
model_app = typer.Typer(help="Look into model files.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(model_app, name="model")

SHOWN_ROWS = 20
STOPPED = 130

Inputs = Annotated[
    list[str], typer.Argument(help="Tables (CSV, TSV, JSON Lines, Parquet) or dataset:NAME.")
]
ModelOption = Annotated[
    str | None, typer.Option("--model", "-m", help="A .affetto file. Default: affetto's own.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


def main() -> None:
    """Run the command line; errors become one line and an exit code.

    0 done, 1 some inputs failed, 2 wrong usage, 130 stopped.
    """
    try:
        app()
    except AffettoError as exc:
        from affetto import terminal

        terminal.error(str(exc))
        sys.exit(2 if isinstance(exc, UsageError) else 1)
    except (KeyboardInterrupt, SystemExit) as exc:
        # typer turns Ctrl-C into this exit code without a word.
        if isinstance(exc, SystemExit) and exc.code != STOPPED:
            raise
        from affetto import terminal

        terminal.error("stopped; nothing half-written was left behind")
        sys.exit(STOPPED)


@app.callback(invoke_without_command=True)
def _options(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(f"affetto {affetto.__version__}")
        raise typer.Exit


@app.command()
def label(
    inputs: Inputs,
    model: ModelOption = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Write all rows: .csv, .tsv, .jsonl or .parquet."),
    ] = None,
    keep: Annotated[
        list[str] | None, typer.Option(help="Also carry this column of the input; repeatable.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Tell the mood of every track in tables of audio features."""
    from affetto import terminal
    from affetto.model import load_model
    from affetto.scoring.label import Tally, label_head, label_to_file, open_tables

    loaded = load_model(model)
    tables = open_tables(inputs)
    for table in tables:
        for remark in table.notes:
            terminal.note(f"{table.name}: {remark.text}")
    if out is not None:
        with terminal.row_counter("labelling") as count:
            tally = label_to_file(tables, out, loaded, keep=keep or (), on_rows=count)
    else:
        tally = Tally(loaded.moods)
        frame = label_head(
            tables, loaded, keep=keep or (), rows=None if as_json else SHOWN_ROWS, tally=tally
        )
        if as_json:
            sys.stdout.write(frame.write_ndjson())
        else:
            terminal.labels(frame.rows(named=True), loaded.moods, tally.rows)
    if not as_json:
        terminal.counts(tally.per_mood, tally.failed)
        if out is not None:
            terminal.note(f"Written: {out} ({tally.rows:,} rows)")
    if tally.failed:
        raise typer.Exit(1)


@app.command()
def train(
    tables: Annotated[
        list[str],
        typer.Argument(help="Labelled tables, dataset:NAME, or one mood a file: Happy=a.csv."),
    ],
    label: Annotated[str, typer.Option(help="Column that holds each row's mood.")] = "mood",
    group: Annotated[
        str | None,
        typer.Option(help="Column of playlists or artists to keep whole when judging."),
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for model, evidence and report.")
    ] = Path("affetto-model"),
    mapping: Annotated[
        str, typer.Option("--map", help="Labels to read as moods: angry=Aggressive,calm=Relaxing.")
    ] = "",
    drop: Annotated[str, typer.Option(help="Labels to leave out: sad,other.")] = "",
    features: Annotated[
        str, typer.Option(help="Features to learn from: energy,valence. Default: all there are.")
    ] = "",
    candidates: Annotated[
        str,
        typer.Option(
            help="Candidates to compare, by name, with commas; an unknown name lists them. "
            "Default: all."
        ),
    ] = "",
    engineering: Annotated[
        bool, typer.Option(help="Compare a candidate on engineered features.")
    ] = True,
    test_size: Annotated[float, typer.Option(help="Share of the tracks kept for the test.")] = 0.33,
    seed: Annotated[int, typer.Option(help="Seed of every draw.")] = 42,
    jobs: Annotated[int | None, typer.Option(help="Processes. Default: one a core.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Learn moods from labelled tracks, and say how far to trust them."""
    from affetto import terminal
    from affetto.learning.labels import from_arguments
    from affetto.learning.workflow import STAGES, Settings
    from affetto.learning.workflow import train as run_training
    from affetto.moods import parse_mapping
    from affetto.output import results_folder
    from affetto.reporting.report import write_report

    settings = Settings(
        group=group,
        features=_names(features) or None,
        candidates=_names(candidates) or None,
        engineering=engineering,
        test_size=test_size,
        seed=seed,
        jobs=jobs,
    )
    with results_folder(out):  # before minutes of work, not after
        sources = from_arguments(
            tables, label=label, mapping=parse_mapping(mapping), drop=_names(drop)
        )
        with terminal.stages(STAGES, "training") as progress:
            run = run_training(sources, settings=settings, progress=progress)
        run.save(out)
        write_report(run.evidence, out / "report.html")
    if as_json:
        terminal.print_json(json.dumps(run.evidence, ensure_ascii=False))
    else:
        terminal.training_result(run.evidence, str(out))


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="Folder that affetto train wrote.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Where to write. Default: in the folder.")
    ] = None,
) -> None:
    """Draw the report of a training run anew from its evidence."""
    from affetto import terminal
    from affetto.reporting.report import read_evidence, write_report

    written = write_report(read_evidence(folder), out or folder / "report.html")
    terminal.note(f"Written: {written}")


@app.command()
def demo(
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for model, evidence and report.")
    ] = Path("affetto-demo"),
    seed: Annotated[int, typer.Option(help="Seed of the synthetic tracks.")] = 42,
    jobs: Annotated[int | None, typer.Option(help="Processes. Default: one a core.")] = None,
) -> None:
    """Take the whole tour, offline, on synthetic tracks."""
    from affetto import terminal
    from affetto.demo import SYNTHETIC_NOTE, demo_songs, demo_table
    from affetto.learning.workflow import STAGES, Settings
    from affetto.learning.workflow import train as run_training
    from affetto.output import make_folder, written_aside
    from affetto.reporting.report import write_report
    from affetto.scoring.label import label as label_table
    from affetto.sources.tables import from_frame

    make_folder(out)
    terminal.out.print("[bold]1 · A labelled table[/]")
    terminal.note(SYNTHETIC_NOTE)
    tracks = demo_table(seed)
    with written_aside(out / "tracks.csv") as aside:
        tracks.write_csv(aside)
    terminal.out.print(f"{len(tracks)} tracks in 10 playlists: {out}/tracks.csv\n")

    terminal.out.print("[bold]2 · Learning its moods[/]")
    table = replace(from_frame(tracks, "demo tracks"), synthetic=True)
    with terminal.stages(STAGES, "training") as progress:
        run = run_training(
            table, settings=Settings(group="playlist", seed=seed, jobs=jobs), progress=progress
        )
    run.save(out)
    write_report(run.evidence, out / "report.html")
    terminal.training_result(run.evidence, str(out))

    terminal.out.print("\n[bold]3 · Labelling songs it never saw[/]")
    songs = demo_songs()
    with written_aside(out / "songs.csv") as aside:
        songs.write_csv(aside)
    labelled = label_table(songs, run.model)
    terminal.labels(labelled.rows(named=True), run.model.moods, len(labelled))

    terminal.out.print("\n[bold]4 · Your own music[/]")
    terminal.hints(
        {
            f"open {out}/report.html": "what was measured, and how far to trust it",
            f"affetto label {out}/songs.csv": "the same songs with affetto's own model",
            "affetto label your-playlist.csv": "any table of audio features",
            "affetto train Happy=a.csv Dark=b.csv": "your own moods, one playlist a mood",
            "affetto train songs.csv --group playlist": "or a table with a column of moods",
        }
    )


@model_app.command("show")
def model_show(
    model: Annotated[str | None, typer.Argument(help="A .affetto file.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Print a model's card: what it was trained on, and what was measured."""
    from affetto import terminal
    from affetto.model import load_model
    from affetto.reporting.card import card_facts

    loaded = load_model(model)
    if as_json:
        facts: dict[str, Any] = {
            "name": loaded.name,
            "kind": loaded.kind,
            "moods": list(loaded.moods),
            "features": list(loaded.features),
            "about": dict(loaded.about),
        }
        terminal.print_json(json.dumps(facts, ensure_ascii=False, indent=1))
    else:
        terminal.model_card(loaded.name, card_facts(loaded))


@model_app.command("list")
def model_list() -> None:
    """List the models that come with affetto."""
    from affetto import terminal
    from affetto.model import load_model, packaged_models

    for name in packaged_models():
        loaded = load_model(name)
        terminal.out.print(f"{name}  {loaded.name}, {len(loaded.moods)} moods, {loaded.kind}")


@model_app.command("export")
def model_export(
    out: Annotated[Path, typer.Argument(help="Where to write: a .affetto file.")],
    model: ModelOption = None,
) -> None:
    """Copy a model, checked while read, to a file of its own."""
    from affetto import terminal
    from affetto.model import load_model

    if out.suffix != ".affetto":
        raise UsageError(f"cannot write {out.name}: expected a name that ends in .affetto")
    terminal.note(f"Written: {load_model(model).save(out)}")


def _names(text: str) -> tuple[str, ...]:
    """Read a comma-separated option."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


if __name__ == "__main__":
    main()
