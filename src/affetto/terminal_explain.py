"""What a person sees of `affetto explain`: why in words, and each feature's push as a bar."""

from collections.abc import Mapping, Sequence

from rich.table import Table
from rich.text import Text

from affetto import terminal
from affetto.explain import Explanation
from affetto.likeness import UNLIKE
from affetto.moods import resolve_moods
from affetto.reporting.explanation import by_weight, in_words, odds_change
from affetto.reporting.words import feature_name, feature_value, percent
from affetto.scoring.deciding import UNSURE
from affetto.scoring.explaining import Answer

_HALF = 14  # characters of the longest bar
_BLOCK = "█"
_UNUSUAL = 0.95  # one training track in twenty is as unusual


def explanations(answers: Sequence[Answer], total: int, moods: Sequence[str]) -> None:
    """Print why each track got its mood.

    Parameters
    ----------
    answers : sequence of Answer
    total : int
        How many tracks there are, these included.
    moods : sequence of str
        In the order of their colours.
    """
    # A terminal does not tell its background: words keep its own colour, bars alone are tinted.
    tints = {mood.name: mood.colour_dark for mood in resolve_moods(moods)}
    for answer in answers:
        name = terminal.plain(terminal.track_name(answer.row))
        if answer.explanation is None:
            terminal.err.print(Text.assemble(name, ": ", terminal.plain(answer.error or "")))
            continue
        terminal.out.print(Text.assemble("\n", name, style="bold"))
        for sentence in in_words(answer.explanation):
            terminal.out.print(terminal.plain(sentence))
        for sentence in doubts(answer):
            terminal.out.print(Text(sentence, style="yellow"))
        terminal.out.print(_pushes(answer.explanation, tints))
    if total > len(answers):
        rest = f"\n… and {total - len(answers):,} more; --row N or --track TEXT picks one"
        terminal.out.print(Text(rest, style="dim"))


def doubts(answer: Answer) -> list[str]:
    """Say why a track's mood would not be said, or is to be doubted."""
    said = []
    if answer.reason == UNSURE and answer.explanation:
        most = percent(answer.explanation.probabilities[answer.explanation.mood])
        said.append(f"Unsure: {most} is less than was asked for, so that no mood would be said.")
    if answer.outlier is not None and answer.outlier > UNLIKE:
        said.append(
            "It is unlike anything the model was trained on: fewer than one track in a thousand "
            "of those is as unusual. Take its mood, and the reasons, with care."
        )
    elif answer.outlier is not None and answer.outlier > _UNUSUAL:
        said.append(
            f"It is an unusual track: {percent(answer.outlier)} of those that the model learned "
            "from are less so."
        )
    return said


def _pushes(explanation: Explanation, tints: Mapping[str, str]) -> Table:
    """Make a table of features: left bars push towards the next mood, right ones to the mood."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("feature", "value", "middle"):
        table.add_column(title, justify="left" if title == "feature" else "right", no_wrap=True)
    left, right = f"← {explanation.next_mood}", f"{explanation.mood} →"
    width = _HALF + 4
    table.add_column(terminal.plain(left), justify="right", min_width=_HALF, max_width=width)
    table.add_column(terminal.plain(right), min_width=_HALF, max_width=width)
    table.add_column("odds", justify="right", no_wrap=True)
    reasons = by_weight(explanation)
    most = abs(reasons[0].contribution) or 1.0
    for reason in reasons:
        drawn = _BLOCK * round(_HALF * abs(reason.contribution) / most)
        is_for = reason.contribution > 0
        bar = Text(drawn, style=tints[explanation.mood if is_for else explanation.next_mood])
        table.add_row(
            feature_name(reason.feature),
            feature_value(reason.feature, reason.value),
            feature_value(reason.feature, reason.reference),
            *(("", bar) if is_for else (bar, "")),
            odds_change(reason.contribution),
        )
    return table
