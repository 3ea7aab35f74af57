"""What a person sees of models compared and checked for drift."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from affetto import terminal
from affetto.reporting.words import (
    UNKNOWN,
    counted,
    feature_name,
    feature_value,
    percent,
    three,
)
from affetto.scoring.drifting import Checked

SHOWN_GROUPS = 8
LITTLE = 0.2
"""Of the distance between the quartiles: medians nearer than this are nearly the same."""

_OVERALL = {
    "close": "These tracks are like those the model learned from: what was measured of it is "
    "likely to hold here.",
    "drifted": "Some features lie elsewhere than in training: take what was measured of the "
    "model with a grain of salt.",
    "far": "These tracks are far from those the model learned from: what was measured of it says "
    "little here. Judge it on some of your own (affetto model compare), or train on them.",
    "cannot be told": "Too few tracks to tell: with fewer than twenty, chance moves every feature.",
}
_TINTS = {"close": "green", "drifted": "yellow", "far": "red"}


def comparison(result: Mapping[str, Any]) -> None:
    """Print models judged side by side, and what the tests of each pair say.

    Parameters
    ----------
    result : mapping
        As `affetto.learning.compare_models.compare_models` gives it.
    """
    out = terminal.out
    moods = ", ".join(f"{mood} {n:,}" for mood, n in result["per_mood"].items())
    used = f"{result['rows_used']:,} of {result['rows']:,} rows judged: {moods}"
    out.print(terminal.plain(used))
    for text in result["findings"]:
        out.print(terminal.plain(f"  · {text}"), style="dim")
    out.print()
    out.print(_measures(result))
    for pair in result["pairs"]:
        out.print()
        out.print(Text.assemble(("→ ", "bold"), terminal.plain(pair["words"])))
        out.print(terminal.plain(_detail(pair)), style="dim")
        if pair["groups"] is not None:
            out.print(_groups(pair))
        if pair["retrained"] is not None:
            out.print(terminal.plain(pair["retrained"]["words"]))
    out.print()
    for text in result["warnings"]:
        out.print(terminal.plain(f"! {text}"), style="yellow")
    out.print(Text(result["caveat"], style="dim"))


def _measures(result: Mapping[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("model", overflow="fold")
    for name in ("accuracy", "95%", "balanced", "log-loss", "ECE"):
        table.add_column(name, justify="right", no_wrap=True)
    best = {
        "accuracy": max(row["accuracy"] for row in result["models"]),
        "log_loss": min(row["log_loss"] for row in result["models"]),
    }
    for row in result["models"]:
        low, high = row["low"], row["high"]
        if row["group_intervals"] is not None:
            low, high = row["group_intervals"]["accuracy"]
        table.add_row(
            terminal.plain(row["name"]),
            _bold(three(row["accuracy"]), row["accuracy"] == best["accuracy"]),
            f"{three(low)}–{three(high)}",
            three(row["balanced_accuracy"]),
            _bold(three(row["log_loss"]), row["log_loss"] == best["log_loss"]),
            three(row["ece"]),
        )
    return table


def _bold(text: str, is_best: bool) -> Text:
    return Text(text, style="bold" if is_best else "")


def _detail(pair: Mapping[str, Any]) -> str:
    test = pair["mcnemar"]
    interval = ""
    rough = ", rough with so few groups" if (pair["groups"] or {"n": 99})["n"] < 20 else ""
    if pair["low"] is not None:
        interval = (
            f"; {pair['b']} less {pair['a']}: {_points(pair['difference'])} points "
            f"({_points(pair['low'])} to {_points(pair['high'])}{rough})"
        )
    return (
        f"  {counted(test['only_b'], 'track')} only {pair['b']} gets right, {test['only_a']:,} "
        f"only {pair['a']}: McNemar exact p = {test['p_exact']:.2g}, "
        f"mid-p {test['p_mid']:.2g}{interval}"
    )


def _points(share: float) -> str:
    return f"{round(100 * share, 1) + 0.0:+.1f}".replace("-", "−")


def _groups(pair: Mapping[str, Any]) -> Text:
    groups = pair["groups"]
    even = groups["n"] - groups["for_a"] - groups["for_b"]
    shown = [
        f"{one['group']} {_points(one['difference'])}" for one in groups["each"][:SHOWN_GROUPS]
    ]
    more = f" … and {groups['n'] - len(shown)} more" if groups["n"] > len(shown) else ""
    return terminal.plain(
        f"  By group: {groups['for_b']} speak for {pair['b']}, {groups['for_a']} for {pair['a']}, "
        f"{even} for neither ({', '.join(shown)} points{more})"
    )


def drift(checked: Checked, model: str) -> None:
    """Print how far tracks lie from a model's training tracks, the furthest feature first.

    Parameters
    ----------
    checked : Checked
    model : str
        The model's name.
    """
    out, found = terminal.out, checked.drift
    n_usable = checked.rows - checked.unusable
    text = f"{n_usable:,} of {counted(checked.rows, 'track')} can be used"
    if found.tracks < n_usable:
        text += f", {found.tracks:,} of them looked at, drawn at random"
    out.print(
        terminal.plain(f"{text}; {model} learned from {counted(found.trained_tracks, 'track')}")
    )
    out.print()
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("feature", no_wrap=True)
    for name in ("here", "in training", "PSI", "below", "above"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for one in found.features:
        table.add_row(
            feature_name(one.feature),
            feature_value(one.feature, one.median),
            feature_value(one.feature, one.trained_median),
            UNKNOWN if one.psi is None else f"{one.psi:.2f}",
            percent(one.below),
            percent(one.above),
            Text(one.verdict, style=_TINTS.get(one.verdict, "dim")),
        )
    out.print(table)
    out.print(
        Text(
            "Medians; PSI under .10 is no change, over .25 a large one; below, above: tracks "
            "beyond all but 2% of the training tracks on that side.",
            style="dim",
        )
    )
    out.print()
    for sentence in drift_words(checked):
        out.print(terminal.plain(sentence))
    out.print()
    overall = Text.assemble((found.verdict, f"bold {_TINTS.get(found.verdict, '')}"))
    out.print(Text.assemble(overall, ". ", _OVERALL[found.verdict]))


def drift_words(checked: Checked) -> list[str]:
    """Say in sentences what moved, why perhaps, and how many tracks are strange to the model."""
    found = checked.drift
    sentences = []
    for one in found.features:
        if one.verdict not in {"drifted", "far"}:
            continue
        here, before = (
            feature_value(one.feature, value) for value in (one.median, one.trained_median)
        )
        medians = f"median {here} against {before}"
        if here == before or abs(one.shift) < LITTLE:
            text = f"{feature_name(one.feature)} is spread otherwise than in training, {medians}"
        else:
            side = "lower" if one.median < one.trained_median else "higher"
            text = f"{feature_name(one.feature)} is {side} than in training: {medians}"
        sentences.append(
            f"{text}. {one.cause[0].upper()}{one.cause[1:]}" if one.cause else f"{text}."
        )
    unexplained = any(one.verdict == "far" and one.cause is None for one in found.features)
    if unexplained:
        sentences.append(
            "The features were computed from audio, the training values come from Spotify: part of "
            "this may be how they are made (affetto features --about)."
            if checked.heard
            else "It may be other music than in training, or values made another way: from audio "
            "rather than by Spotify, say."
        )
    if found.unlike is not None:
        sentences.append(
            f"{percent(found.unlike)} of the tracks are unlike anything the model was trained on; "
            "of the training tracks, 1 in 1,000 is."
        )
    return sentences
