"""The five moods, own vocabularies, their valence–arousal places, and their colours."""

import colorsys
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from affetto.errors import UsageError

MIN_MOODS, MAX_MOODS = 2, 50


@dataclass(frozen=True, slots=True)
class Mood:
    """One mood of a vocabulary.

    Attributes
    ----------
    name : str
        As it is written in tables and shown to people.
    valence, arousal : float or None
        Place on Russell's circumplex, each from −1 to 1; None where nobody said. These
        place moods on a map; no model is fitted to them.
    colour_light, colour_dark : str
        ``#rrggbb`` for a light and for a dark background, each at least 3:1 against it
        (WCAG 2.2, 1.4.11) and told apart by protan, deutan and tritan eyes.
    meaning : str
        One clause for a beginner.

    References
    ----------
    Russell, J. A. (1980). A circumplex model of affect. Journal of Personality and Social
    Psychology 39(6).
    """

    name: str
    valence: float | None = None
    arousal: float | None = None
    colour_light: str = "#555555"
    colour_dark: str = "#bbbbbb"
    meaning: str = ""

    @property
    def column(self) -> str:
        """Name of this mood's probability column: ``p_relaxing`` for ``Relaxing``."""
        return "p_" + (re.sub(r"\W+", "_", self.name.lower()).strip("_") or "mood")


MOODS: tuple[Mood, ...] = (
    Mood("Energetic", 0.45, 0.85, "#a8450f", "#e59503", "drives you on: workouts, parties"),
    Mood("Relaxing", 0.55, -0.75, "#219fb4", "#26c6ca", "calms: sleep, study, rest"),
    Mood("Dark", -0.65, -0.35, "#2b2aa0", "#8c62f3", "gloomy, brooding, tense"),
    Mood("Aggressive", -0.60, 0.80, "#560818", "#c12c38", "angry, fierce, confronting"),
    Mood("Happy", 0.85, 0.35, "#bd8d0c", "#fdf086", "cheerful, carefree"),
)
"""The five moods of the article, in its order."""

MOOD_NAMES: tuple[str, ...] = tuple(mood.name for mood in MOODS)

BY_NAME = MappingProxyType({mood.name: mood for mood in MOODS})

_BY_LOWER_NAME = MappingProxyType({mood.name.lower(): mood for mood in MOODS})

NEAR_WORDS = MappingProxyType(
    {
        "angry": "Aggressive",
        "calm": "Relaxing",
        "chill": "Relaxing",
        "relaxed": "Relaxing",
        "sleep": "Relaxing",
        "energy": "Energetic",
        "workout": "Energetic",
        "gym": "Energetic",
        "joyful": "Happy",
        "gloomy": "Dark",
    }
)
"""Words that other people's tables use for one of the five; offered as advice, never applied."""


def resolve_moods(names: Iterable[str]) -> tuple[Mood, ...]:
    """Turn mood names into a vocabulary.

    The five keep their places and colours; other names get colours spread around the
    hue circle, in the order given.

    Parameters
    ----------
    names : iterable of str
        2 to 50 names, distinct also when upper and lower case are not told apart.

    Returns
    -------
    tuple of Mood

    Raises
    ------
    UsageError
        If there are too few or too many names, an empty one, or two that clash.
    """
    ordered = list(names)
    if not MIN_MOODS <= len(ordered) <= MAX_MOODS:
        raise UsageError(
            f"found {len(ordered)} mood(s) ({', '.join(ordered[:5]) or 'none'}); "
            f"a vocabulary holds {MIN_MOODS} to {MAX_MOODS}"
        )
    moods = [
        BY_NAME.get(name) or _own_mood(name, index, len(ordered))
        for index, name in enumerate(ordered)
    ]
    seen: dict[str, str] = {}
    for mood in moods:
        if not mood.name.strip():
            raise UsageError("a mood has an empty name; every label needs at least one letter")
        clash = seen.setdefault(mood.column, mood.name)
        if clash != mood.name or ordered.count(mood.name) > 1:
            raise UsageError(
                f"moods {clash!r} and {mood.name!r} would share the column {mood.column!r}; "
                "merge them with --map or rename one"
            )
    return tuple(moods)


def mood_order(names: Iterable[str]) -> list[str]:
    """Sort mood names: the five in the article's order, then all others alphabetically."""
    rank = {name: index for index, name in enumerate(MOOD_NAMES)}
    return sorted(set(names), key=lambda name: (rank.get(name, len(rank)), name))


def canonical_mood(label: str) -> str:
    """Return the spelling of the five for a label that differs from it by case or spaces only."""
    stripped = label.strip()
    known = _BY_LOWER_NAME.get(stripped.lower())
    return known.name if known else stripped


def parse_mapping(text: str) -> dict[str, str]:
    """Read ``"angry=Aggressive,calm=Relaxing"`` as a mapping from label to mood.

    Raises
    ------
    UsageError
        If a part has no ``=``, an empty side, or maps one label twice.
    """
    mapping: dict[str, str] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        label, equals, mood = (piece.strip() for piece in part.partition("="))
        if not (label and equals and mood):
            raise UsageError(
                f"cannot read {part!r}; expected label=Mood, as in --map angry=Aggressive,calm=Relaxing"
            )
        if label in mapping:
            raise UsageError(f"--map gives {label!r} two moods: {mapping[label]!r} and {mood!r}")
        mapping[label] = canonical_mood(mood)
    return mapping


def relabel(
    labels: list[str], mapping: Mapping[str, str], dropped: Iterable[str] = ()
) -> list[str | None]:
    """Apply ``--map`` and ``--drop`` to labels; None marks a row to leave out.

    Labels are compared without regard to case; names of the five are spelt as the five are.

    Raises
    ------
    UsageError
        If a mapped or dropped label does not occur among `labels`.
    """
    present = {label.strip().lower() for label in labels}
    lowered = {label.lower(): mood for label, mood in mapping.items()}
    drop = {label.strip().lower() for label in dropped}
    for label in [*mapping, *dropped]:
        if label.strip().lower() not in present:
            found = ", ".join(sorted({label.strip() for label in labels})[:10])
            raise UsageError(f"label {label!r} does not occur in the table; found: {found}")
    return [
        None if key in drop else lowered.get(key, canonical_mood(label))
        for label in labels
        for key in (label.strip().lower(),)
    ]


def _own_mood(name: str, index: int, count: int) -> Mood:
    hue = (index / count + 0.08) % 1.0
    # Alternate lightness so that neighbours differ for eyes that confuse their hues.
    light = colorsys.hls_to_rgb(hue, 0.28 if index % 2 else 0.40, 0.75)
    dark = colorsys.hls_to_rgb(hue, 0.78 if index % 2 else 0.62, 0.75)
    return Mood(name, colour_light=_hex(light), colour_dark=_hex(dark))


def _hex(rgb: tuple[float, float, float]) -> str:
    return "#" + "".join(f"{round(255 * channel):02x}" for channel in rgb)
