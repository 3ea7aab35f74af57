"""What is printed of explanations: words, a bar a feature, errors, foreign names."""

import pytest

from affetto import terminal_explain
from affetto.explain import Explanation, Reason
from affetto.scoring.explaining import Answer

HAPPY = Explanation(
    mood="Happy",
    next_mood="[red]",
    probabilities={"Happy": 0.6, "[red]": 0.4},
    margin=0.4,
    reference_margin=0.0,
    reasons=(
        Reason("energy", 0.9, 0.6, -0.4, None, None, None),
        Reason("valence", 0.8, 0.5, 0.8, None, None, None),
        Reason("tempo", 120.0, 118.0, 0.0, None, None, None),
    ),
    change=None,
    likeness={},
)


def printed(capsys: pytest.CaptureFixture[str], *answers: Answer, total: int = 1) -> str:
    terminal_explain.explanations(answers, total, ("Happy", "[red]"))
    captured = capsys.readouterr()
    return captured.out + captured.err


def test_words_and_bars(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, Answer({"row": 1, "title": "T\x1b[2J"}, HAPPY, None)).splitlines()
    assert lines[1] == "T·[2J"
    assert lines[2] == "Happy 60%, next [red] 40%."
    rows = {line.split()[0]: line for line in lines if line.split()}
    assert rows["valence"].count("█") == 2 * rows["energy"].count("█") == 14
    assert rows["tempo"].count("█") == 0
    assert "÷1.5" in rows["energy"]
    # To the left of the middle what speaks against, to the right what speaks for it.
    assert rows["energy"].rindex("█") < rows["valence"].index("█")
    assert "← [red]" in rows["feature"]


def test_errors_and_how_many_more(capsys: pytest.CaptureFixture[str]) -> None:
    said = printed(capsys, Answer({"row": 3}, None, "energy missing"), total=1_200)
    assert "row 3: energy missing" in said
    assert "1,199 more; --row N or --track TEXT picks one" in said


def test_all_contributions_nought(capsys: pytest.CaptureFixture[str]) -> None:
    reasons = (Reason("energy", 0.9, 0.9, 0.0, None, None, None),)
    flat = Explanation("Happy", "[red]", {"Happy": 0.5, "[red]": 0.5}, 0, 0, reasons, None, {})
    assert "█" not in printed(capsys, Answer({"row": 1}, flat, None))


@pytest.mark.parametrize(
    ("outlier", "reason", "words"),
    [
        (None, None, None),
        (0.5, None, None),
        (0.97, None, "an unusual track: 97% of those that the model learned from are less so"),
        (0.9995, "unlike anything trained on", "unlike anything the model was trained on"),
        (0.5, "unsure", "Unsure: 60% is less than was asked for"),
    ],
)
def test_what_is_to_be_doubted_is_said(
    capsys: pytest.CaptureFixture[str],
    outlier: float | None,
    reason: str | None,
    words: str | None,
) -> None:
    said = printed(capsys, Answer({"row": 1}, HAPPY, None, outlier, reason))
    if words is None:
        assert "nsure" not in said and "unusual" not in said and "unlike" not in said
    else:
        assert words in " ".join(said.split())
