"""What is printed of models compared and checked: words, foreign names, what cannot be told."""

from typing import Any

import pytest

from affetto import terminal_model
from affetto.drift import Drift, FeatureDrift
from affetto.scoring.drifting import Checked


def moved(feature: str = "valence", **changes: Any) -> FeatureDrift:
    figures: dict[str, Any] = {
        "feature": feature, "psi": 0.4, "noise": 0.01, "median": 0.31, "trained_median": 0.52,
        "shift": -0.8, "below": 0.2, "above": 0.0, "verdict": "far", "cause": None,
    }  # fmt: skip
    return FeatureDrift(**{**figures, **changes})


def checked(*features: FeatureDrift, verdict: str = "drifted", **changes: Any) -> Checked:
    drift = Drift(300, 7000, features, changes.pop("unlike", 0.02), verdict)
    return Checked(drift, **{"rows": 310, "unusable": 10, "heard": False, **changes})


def test_what_moved_is_said_in_words() -> None:
    words = terminal_model.drift_words(checked(moved()))
    assert words[0] == "valence is lower than in training: median 0.31 against 0.52."
    assert "other music than in training" in words[1]
    assert words[2].startswith("2% of the tracks are unlike anything the model was trained on")


def test_a_cause_takes_the_place_of_a_guess() -> None:
    words = terminal_model.drift_words(
        checked(moved("tempo", median=2.0, trained_median=120.0, cause="in another unit?"))
    )
    assert words[0] == (
        "tempo is lower than in training: median 2 BPM against 120 BPM. In another unit?"
    )
    assert len(words) == 2


def test_audio_is_held_responsible_where_features_were_computed_from_it() -> None:
    assert "computed from audio" in terminal_model.drift_words(checked(moved(), heard=True))[1]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"shift": 0.1}, "is spread otherwise than in training, median 0.31 against 0.52"),
        ({"median": 0.521}, "is spread otherwise than in training, median 0.52 against 0.52"),
        ({"shift": float("nan")}, "is lower than in training: median 0.31 against 0.52"),
    ],
)
def test_nearly_the_same_median_spread_otherwise(changes: dict[str, Any], words: str) -> None:
    assert terminal_model.drift_words(checked(moved(**changes)))[0] == f"valence {words}."


def test_nothing_moved_and_nothing_known() -> None:
    assert terminal_model.drift_words(checked(moved(verdict="close"), unlike=None)) == []


def test_a_check_on_screen(capsys: pytest.CaptureFixture[str]) -> None:
    terminal_model.drift(checked(moved(), moved("energy", psi=None, verdict="cannot be told")), "m")
    out = " ".join(capsys.readouterr().out.split())
    assert "300 of 310 tracks can be used; m learned from 7,000 tracks" in out
    assert "valence 0.31 0.52 0.40 20% 0% far" in out
    assert "energy 0.31 0.52 – 20% 0% cannot be told" in out
    assert "drifted. Some features lie elsewhere" in out


def result(**changes: Any) -> dict[str, Any]:
    model = {
        "name": "[red]a\x1b[2J", "accuracy": 0.58, "low": 0.5, "high": 0.66, "log_loss": 1.1,
        "balanced_accuracy": 0.55, "ece": 0.04, "group_intervals": None,
    }  # fmt: skip
    pair = {
        "a": "[red]a\x1b[2J", "b": "b", "difference": 0.06, "low": 0.01, "high": 0.11,
        "groups": None,
        "mcnemar": {"only_a": 1, "only_b": 8, "p_exact": 0.039, "p_mid": 0.021},
        "words": "b is right more often.", "retrained": None,
    }  # fmt: skip
    return {
        "rows": 130, "rows_used": 120, "per_mood": {"Happy": 60, "[b]": 60}, "findings": ["One."],
        "models": [model, {**model, "name": "b", "accuracy": 0.64}],
        "pairs": [{**pair, **changes}], "warnings": ["[x] was trained on this."], "caveat": "So.",
    }  # fmt: skip


def test_a_comparison_on_screen(capsys: pytest.CaptureFixture[str]) -> None:
    terminal_model.comparison(result())
    raw = capsys.readouterr().out
    out = " ".join(raw.split())
    assert "\x1b[2J" not in raw
    assert "120 of 130 rows judged: Happy 60, [b] 60" in out
    assert "[red]a·[2J 0.580 0.500–0.660 0.550 1.100 0.040" in out
    assert "→ b is right more often." in out
    assert "8 tracks only b gets right, 1 only [red]a" in out
    assert "+6.0 points (+1.0 to +11.0)" in out
    assert "! [x] was trained on this." in out


def test_groups_and_recipes_on_screen(capsys: pytest.CaptureFixture[str]) -> None:
    groups = {
        "n": 12, "for_a": 2, "for_b": 9,
        "each": [{"group": f"[i]p{i}", "n": 9, "difference": -0.05 * i} for i in range(12)],
    }  # fmt: skip
    terminal_model.comparison(result(groups=groups, low=None, retrained={"words": "Anew."}))
    out = " ".join(capsys.readouterr().out.split())
    assert "By group: 9 speak for b, 2 for [red]a·[2J, 1 for neither ([i]p0 +0.0," in out
    assert "… and 4 more" in out
    assert "Anew." in out
