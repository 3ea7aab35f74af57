"""Why a track got its mood, as a page shows it: words, bars, and what would turn it."""

import math
from collections.abc import Mapping
from typing import Any

from affetto.errors import AffettoError
from affetto.explain import Explanation
from affetto.features import BY_NAME
from affetto.model import MoodModel
from affetto.population import LEVELS
from affetto.reporting.explanation import by_weight, in_words, level_of, odds_change

_LOW, _MEDIAN, _HIGH = (LEVELS.index(level) for level in (0.25, 0.5, 0.75))

Features = Mapping[str, float | None]


def why(model: MoodModel, features: Features) -> dict[str, Any] | None:
    """Explain one track's mood.

    Returns
    -------
    dict or None
        As `affetto.server.schemas.Why`; None where a feature that the model needs is missing
        or out of range, or the model cannot explain itself.
    """
    row = [math.nan if (v := features.get(name)) is None else v for name in model.features]
    bounds = [BY_NAME[name].accepted for name in model.features]
    if not all(low <= value <= high for value, (low, high) in zip(row, bounds, strict=True)):
        return None
    try:
        (explanation,) = model.explain([row])
    except AffettoError:  # an older model file, which knows nothing of its training tracks
        return None
    return as_shown(explanation)


def as_shown(explanation: Explanation) -> dict[str, Any]:
    """Give an explanation as plain data, the weightiest feature first."""
    change = explanation.change
    return {
        "mood": explanation.mood,
        "next_mood": explanation.next_mood,
        "words": in_words(explanation),
        "contributions": [
            {
                "feature": reason.feature,
                "value": reason.value,
                "reference": reason.reference,
                "contribution": _bounded(reason.contribution),
                "toward": explanation.mood if reason.contribution > 0 else explanation.next_mood,
                "odds": odds_change(reason.contribution),
                "level": level_of(reason.among_all),
            }
            for reason in by_weight(explanation)
        ],
        "nearest": None
        if change is None
        else {"values": dict(change.rounded), "mood": change.mood},
    }


def typical(model: MoodModel, mood: str | None) -> dict[str, dict[str, float]] | None:
    """Give quartiles of a mood's training tracks, by feature; None where they are not known."""
    population = model.population
    if population is None or mood not in population.moods:
        return None
    quantiles = population.per_mood[population.moods.index(mood)]
    return {
        name: {"low": own[_LOW], "median": own[_MEDIAN], "high": own[_HIGH]}
        for name, own in zip(population.features, quantiles.tolist(), strict=True)
    }


def _bounded(value: float) -> float:
    return round(value, 4) if math.isfinite(value) else math.copysign(1e3, value)
