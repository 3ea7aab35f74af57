"""The commands on model files: parse, call, print; no logic of their own."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from affetto.cli_options import (
    DropOption,
    GroupOption,
    JsonOption,
    LabelOption,
    MapOption,
    ModelOption,
    names_in,
)
from affetto.errors import UsageError

model_app = typer.Typer(
    help="Look into model files, compare and check them.",
    no_args_is_help=True,
    rich_markup_mode=None,
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


@model_app.command("compare")
def model_compare(
    models: Annotated[
        list[str], typer.Argument(help="Two to six models: .affetto files, or default.")
    ],
    on: Annotated[
        list[str],
        typer.Option(
            "--on",
            help="Labelled table, dataset:NAME, or one mood a file: Happy=a.csv; repeatable.",
        ),
    ],
    label: LabelOption = "mood",
    group: GroupOption = None,
    mapping: MapOption = "",
    drop: DropOption = "",
    shared_moods: Annotated[
        bool, typer.Option("--shared-moods", help="Judge among the moods that all models know.")
    ] = False,
    retrain: Annotated[
        bool,
        typer.Option(
            "--retrain", help="Also train each model's recipe anew on folds of the table."
        ),
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of every draw.")] = 42,
    jobs: Annotated[int | None, typer.Option(help="Processes. Default: one a core.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Judge models on the same labelled tracks, and test which is right more often."""
    from affetto import terminal, terminal_model
    from affetto.learning.compare_models import compare_models
    from affetto.learning.labels import from_arguments
    from affetto.learning.retraining import STAGE
    from affetto.model import load_model
    from affetto.moods import parse_mapping

    loaded = {name: load_model(name) for name in models}
    if len(loaded) < len(models):
        raise UsageError("a model is named twice; name each once")
    sources = from_arguments(on, label=label)
    options: dict[str, Any] = {
        "mapping": parse_mapping(mapping),
        "drop": names_in(drop),
        "group": group,
        "shared_moods": shared_moods,
        "seed": seed,
        "jobs": jobs,
    }
    if retrain:
        with terminal.stages([STAGE], "comparing") as progress:
            result = compare_models(loaded, sources, retrain=True, progress=progress, **options)
    else:
        result = compare_models(loaded, sources, **options)
    if as_json:
        terminal.print_json(json.dumps(result, ensure_ascii=False, allow_nan=False))
    else:
        terminal_model.comparison(result)


@model_app.command("check")
def model_check(
    inputs: Annotated[
        list[str], typer.Argument(help="Tables of features, or audio, as affetto label takes them.")
    ],
    model: ModelOption = None,
    excerpt: Annotated[
        bool, typer.Option("--excerpt", help="Hear three times 30 s of each track: faster.")
    ] = False,
    jobs: Annotated[int | None, typer.Option(help="Processes. Default: one a core.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Tell how far tracks lie from those a model learned from; needs no labels."""
    from affetto import terminal, terminal_model
    from affetto.model import load_model
    from affetto.scoring.drifting import check_drift
    from affetto.scoring.label import open_sources

    loaded = load_model(model)
    sources = open_sources(inputs)
    for remark in sources.notes:
        terminal.note(remark)
    checked = check_drift(sources, loaded, jobs=jobs, excerpt=excerpt)
    if as_json:
        terminal.print_json(json.dumps(checked.as_dict(), ensure_ascii=False, allow_nan=False))
    else:
        terminal_model.drift(checked, loaded.name)
