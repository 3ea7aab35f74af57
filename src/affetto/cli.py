"""The command line: parse, call, print; no logic of its own.

Commands import what they need when they run, so that ``--help`` answers at once and
labelling never waits for scikit-learn.
"""

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

import affetto
from affetto.cli_accounts import login, logout
from affetto.cli_collect import collect
from affetto.cli_library import library_app
from affetto.cli_model import model_app
from affetto.cli_options import (
    DropOption,
    GroupOption,
    JsonOption,
    LabelOption,
    MapOption,
    ModelOption,
    names_in,
)
from affetto.cli_publish import publish
from affetto.cli_serve import serve
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
app.add_typer(model_app, name="model")
app.add_typer(library_app, name="library")
app.command()(serve)
app.command()(collect)
app.command()(publish)
app.command()(login)
app.command()(logout)

STOPPED = 130

Inputs = Annotated[
    list[str],
    typer.Argument(
        help="Audio files, folders, playlists (M3U, PLS, XSPF), tables of features "
        "(CSV, TSV, JSON Lines, Parquet), dataset:NAME."
    ),
]
OutOption = Annotated[
    Path | None,
    typer.Option("--out", "-o", help="Write all rows: .csv, .tsv, .jsonl or .parquet."),
]
JobsOption = Annotated[int | None, typer.Option(help="Processes. Default: one a core.")]
ExcerptOption = Annotated[
    bool, typer.Option("--excerpt", help="Hear three times 30 s of each track: faster.")
]
ResumeOption = Annotated[
    bool, typer.Option("--resume", help="Go on with what a stopped run left in --out.")
]
LeastOption = Annotated[
    float, typer.Option(help="Say no mood where the most probable one is less so (0–1).")
]
TimeoutOption = Annotated[
    float, typer.Option("--timeout", help="Seconds after which a file is given up.")
]


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
    out: OutOption = None,
    keep: Annotated[
        list[str] | None, typer.Option(help="Also carry this column of the input; repeatable.")
    ] = None,
    timeline: Annotated[
        bool, typer.Option("--timeline", help="Moods over time: windows of 15 s of each track.")
    ] = False,
    picture: Annotated[
        Path | None, typer.Option(help="Draw one track's timeline: an .svg file.")
    ] = None,
    min_confidence: LeastOption = 0.0,
    rules: Annotated[
        str | None,
        typer.Option(help="Rules that decide where they hold: a file, or 'learned'."),
    ] = None,
    excerpt: ExcerptOption = False,
    jobs: JobsOption = None,
    timeout_s: TimeoutOption = 300.0,
    resume: ResumeOption = False,
    as_json: JsonOption = False,
) -> None:
    """Tell the mood of every track: of audio, or of tables of audio features."""
    from affetto import terminal, terminal_listen
    from affetto.scoring.label import decider_of, label_head, label_to_file, open_sources
    from affetto.scoring.tally import Tally

    decider = decider_of(model, min_confidence=min_confidence, rules=rules)
    loaded, decided = decider.model, decider.rules
    for remark in decided.notes if decided else ():
        terminal.note(f"{rules}: {remark}")
    if rules and not decided:
        terminal.note("this model has learned no rule that beats it: none is applied")
    sources = open_sources(inputs)
    for remark in sources.notes:
        terminal.note(remark)
    tally = Tally(loaded.moods)
    kept = keep or ()
    heard = terminal_listen.Progress()
    if sources.audio:
        from affetto.scoring.stream import Listening, label_stream

        settings = Listening(jobs, excerpt, timeline or bool(picture), timeout_s=timeout_s)
        _check_picture(picture, len(sources.audio))
        stream = label_stream(
            sources, decider, tally=tally, keep=kept, listening=settings, out=out, resume=resume
        )
        heard = terminal_listen.follow(stream, out, as_json=as_json)
    elif timeline or picture:
        raise UsageError("a timeline needs audio; a table holds one row a track")
    elif resume:
        raise UsageError("--resume is for audio; tables are labelled anew in no time")
    elif out is not None:
        with terminal.row_counter("labelling") as on_rows:
            tally = label_to_file(
                sources.tables,
                out,
                loaded,
                keep=kept,
                min_confidence=min_confidence,
                rules=decided,
                on_rows=on_rows,
            )
    if out is None:
        limit = None if as_json else max(0, terminal.SHOWN_ROWS - len(heard.tracks))
        rest = label_head(sources.tables, decider, keep=kept, rows=limit, tally=tally)
        terminal_listen.show(heard, rest, tally, as_json=as_json, timeline=timeline)
    if picture is not None:
        terminal_listen.draw(heard.tracks[0], loaded.moods, picture)
    if not as_json:
        terminal.problems(heard.failures, tally.failed)
        terminal.counts(tally.per_mood)
        noun = "track" if sources.audio else "row"
        terminal.doubts(tally.doubts, noun, min_confidence)
        terminal.failures(tally.failed, noun, "labelled", out)
        if out is not None:
            terminal.written(out, tally.rows, noun, heard.n_kept)
    if tally.failed:
        raise typer.Exit(1)


@app.command()
def features(
    inputs: Inputs = [],  # noqa: B006 - typer copies it; --about needs none
    out: OutOption = None,
    descriptors: Annotated[
        bool, typer.Option("--all", help="Also all descriptors that were measured.")
    ] = False,
    about: Annotated[
        bool, typer.Option("--about", help="Say how each feature is made and how far to trust it.")
    ] = False,
    excerpt: ExcerptOption = False,
    jobs: JobsOption = None,
    timeout_s: TimeoutOption = 300.0,
    resume: ResumeOption = False,
    as_json: JsonOption = False,
) -> None:
    """Give the ten audio features of every track."""
    from affetto import terminal

    if about:
        from affetto.audio.mapping import about_features

        card = about_features()
        if as_json:
            terminal.print_json(json.dumps(card, ensure_ascii=False, indent=1))
        else:
            terminal.feature_card(card["features"], card["notes"])
        return
    if not inputs:
        raise UsageError("nothing named; name audio or a table, e.g. affetto features ~/Music")
    from affetto import terminal_listen
    from affetto.scoring.label import open_sources
    from affetto.scoring.stream import Listening, feature_stream, table_features

    sources = open_sources(inputs)
    for remark in sources.notes:
        terminal.note(remark)
    settings = Listening(jobs, excerpt, descriptors=descriptors, timeout_s=timeout_s)
    stream = feature_stream(sources, listening=settings, out=out, resume=resume)
    heard = terminal_listen.follow(stream, out, as_json=as_json)
    rows = [track.row for track in heard.tracks]
    n_rows, n_failed = heard.n_done, heard.n_failed
    for table in map(table_features, sources.tables):
        n_rows += len(table)
        n_failed += len(table) - table["error"].null_count()
        shown = table.head(terminal.SHOWN_ROWS - len(rows)).to_dicts()
        rows += [{"row": place, **row} for place, row in enumerate(shown, 1)]
        heard.failures += [row for row in rows[len(rows) - len(shown) :] if row["error"]]
        if as_json and out is None:
            sys.stdout.write(table.write_ndjson())
    if not as_json:
        if out is None:
            terminal.features(rows, n_rows)
        noun = "track" if sources.audio else "row"
        terminal.problems(heard.failures, n_failed)
        terminal.failures(n_failed, noun, "analysed", out)
        if out is not None:
            terminal.written(out, n_rows, noun, heard.n_kept)
    if n_failed:
        raise typer.Exit(1)


@app.command()
def explain(
    inputs: Inputs,
    model: ModelOption = None,
    row: Annotated[int | None, typer.Option(help="Number of a row, from 1.")] = None,
    track: Annotated[
        str | None, typer.Option(help="Words of a title, an artist or a path.")
    ] = None,
    picture: Annotated[Path | None, typer.Option(help="Draw one track: an .svg file.")] = None,
    min_confidence: LeastOption = 0.0,
    excerpt: ExcerptOption = False,
    jobs: JobsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell why a track got its mood, and what would turn it."""
    from affetto import terminal, terminal_explain
    from affetto.model import load_model
    from affetto.output import write_text
    from affetto.reporting.explanation import explanation_picture
    from affetto.scoring.explaining import MOST, Pick, explain_sources, only_one
    from affetto.scoring.label import open_sources

    _check_picture(picture, 1)
    loaded = load_model(model)
    pick = Pick(row, track, most=1 if picture else None if as_json else MOST)
    sources = open_sources(inputs)
    for remark in sources.notes:
        terminal.note(remark)
    answers, total = explain_sources(
        sources, loaded, pick, min_confidence=min_confidence, jobs=jobs, excerpt=excerpt
    )
    if picture is not None:
        one = only_one(answers, total)
        if one.explanation is not None:
            name = terminal.track_name(one.row)
            write_text(picture, explanation_picture(one.explanation, loaded.moods, title=name))
            terminal.note(f"Written: {picture}")
    if as_json:
        for answer in answers:
            terminal.print_json(json.dumps(answer.as_dict(), ensure_ascii=False))
    else:
        terminal_explain.explanations(answers, total, loaded.moods)
    if any(answer.error for answer in answers):
        raise typer.Exit(1)


@app.command()
def train(
    tables: Annotated[
        list[str],
        typer.Argument(help="Labelled tables, dataset:NAME, or one mood a file: Happy=a.csv."),
    ],
    label: LabelOption = "mood",
    group: GroupOption = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for model, evidence and report.")
    ] = Path("affetto-model"),
    mapping: MapOption = "",
    drop: DropOption = "",
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
        features=names_in(features) or None,
        candidates=names_in(candidates) or None,
        engineering=engineering,
        test_size=test_size,
        seed=seed,
        jobs=jobs,
    )
    with results_folder(out):  # before minutes of work, not after
        sources = from_arguments(
            tables, label=label, mapping=parse_mapping(mapping), drop=names_in(drop)
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
        Path, typer.Option("--out", "-o", help="Folder for music, model, evidence and report.")
    ] = Path("affetto-demo"),
    seed: Annotated[int, typer.Option(help="Seed of the synthetic table.")] = 42,
    jobs: Annotated[int | None, typer.Option(help="Processes. Default: one a core.")] = None,
) -> None:
    """Take the whole tour, offline: music made here, its moods, a model and its report."""
    from affetto.tour import take_tour

    take_tour(out, seed, jobs)


def _check_picture(picture: Path | None, n_tracks: int) -> None:
    if picture is None:
        return
    if picture.suffix.lower() != ".svg":
        raise UsageError(f"cannot draw {picture.name}: expected a name that ends in .svg")
    if not picture.parent.is_dir():
        raise UsageError(f"cannot draw {picture}: the folder {picture.parent} does not exist")
    if n_tracks != 1:
        raise UsageError(f"a picture shows one track, and {n_tracks} were named")


if __name__ == "__main__":
    main()
