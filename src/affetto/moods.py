"""The five moods, own vocabularies, their valence–arousal places, and their colours."""

import colorsys
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from types import MappingProxyType

from affetto.errors import UsageError

MIN_MOODS, MAX_MOODS = 2, 50
MAX_NAME = 200
_SAME_WORD = 0.85  # "Agressive" is .95 like "Aggressive", "Darker" .80 like "Dark"


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
        ``#rrggbb`` for a light (white) and for a dark (``#14171c``) background, each at
        least 3:1 against it (WCAG 2.2, 1.4.11). The five are told apart by protan, deutan
        and tritan eyes: OKLab distance at least .12 in Machado's simulation at severity 1;
        at least .07 together with the first eight own moods.
    meaning : str
        One clause for a beginner.
    column : str
        Name of this mood's probability column: ``p_relaxing`` for ``Relaxing``. In lower case,
        with ``_`` for whatever is no letter, figure or emoji. Within a vocabulary no two are
        the same (see `resolve_moods`).

    References
    ----------
    Russell, J. A. (1980). A circumplex model of affect. Journal of Personality and Social
    Psychology 39(6).
    Machado, G. M., Oliveira, M. M., Fernandes, L. A. F. (2009). A physiologically-based model
    for simulation of color vision deficiency. IEEE TVCG 15(6).
    """

    name: str
    valence: float | None = None
    arousal: float | None = None
    colour_light: str = "#555555"
    colour_dark: str = "#bbbbbb"
    meaning: str = ""
    column: str = ""

    def __post_init__(self) -> None:
        if not self.column:
            object.__setattr__(self, "column", _column(self.name))


def _column(name: str) -> str:
    composed = unicodedata.normalize("NFC", name.lower())
    # Marks belong to their letters (Hindi vowels); So and Sk are emoji and their skin tones.
    kept = ("L", "M", "N", "So", "Sk")
    text = "".join(
        char if unicodedata.category(char).startswith(kept) else "_" for char in composed
    )
    return "p_" + (re.sub("_+", "_", text).strip("_") or "mood")


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

_OWN_COLOURS = (
    ("#861f14", "#ec5a63"),
    ("#698f61", "#c6fbcf"),
    ("#7955b0", "#aa9afc"),
    ("#140982", "#5e86c8"),
    ("#266f59", "#96d5b2"),
    ("#b85df1", "#d9c6fe"),
    ("#572f54", "#a24988"),
    ("#310848", "#814ec6"),
)
"""For moods beyond the five: found by a search for the eight farthest apart, and from the five,
as three kinds of colour-blind eyes see them."""

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

    The five keep their places and colours; other names get colours of their own, in the
    order given. Names that would share a probability column (``lo-fi`` and ``lo fi``) get it
    numbered, in the order given: ``p_lo_fi``, ``p_lo_fi_2``.

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
        If there are too few or too many names, an empty one, or two that differ by upper and
        lower case, spaces or the Unicode form alone.
    """
    ordered = list(names)
    if not MIN_MOODS <= len(ordered) <= MAX_MOODS:
        raise UsageError(
            f"found {len(ordered)} mood(s) ({', '.join(ordered[:5]) or 'none'}); "
            f"a vocabulary holds {MIN_MOODS} to {MAX_MOODS}"
        )
    own = [name for name in dict.fromkeys(ordered) if name not in BY_NAME]
    moods = [BY_NAME.get(name) or _own_mood(name, own.index(name)) for name in ordered]
    seen: dict[str, str] = {}
    columns: set[str] = set()
    for place, mood in enumerate(moods):
        if not mood.name.strip():
            raise UsageError("a mood has an empty name; every label needs at least one letter")
        check_name(mood.name)
        clash = seen.setdefault(same_name(mood.name), mood.name)
        if ordered.count(mood.name) > 1:
            raise UsageError(f"mood {mood.name!r} is named {ordered.count(mood.name)} times")
        if clash != mood.name:
            raise UsageError(
                f"moods {clash!r} and {mood.name!r} differ by case, spaces or accents' form only; "
                "give both one name with --map, or rename one"
            )
        column, number = mood.column, 1
        while column in columns:
            number += 1
            column = f"{mood.column}_{number}"
        columns.add(column)
        if number > 1:
            moods[place] = replace(mood, column=column)
    return tuple(moods)


def same_name(name: str) -> str:
    """Give what two spellings of one name share: the same letters in any case and form."""
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())


def check_name(text: object) -> None:
    """Refuse what would move a terminal's cursor or break a line: names are shown to people.

    Raises
    ------
    UsageError
        If `text` is no text, too long, or holds control characters.
    """
    if (
        not isinstance(text, str)
        or len(text) > MAX_NAME
        or any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in text)
    ):
        raise UsageError(
            f"{str(text)[:40]!r} cannot be a name; expected at most {MAX_NAME} characters, none "
            "of them control characters"
        )


def mood_order(names: Iterable[str]) -> list[str]:
    """Sort mood names: the five in the article's order, then all others alphabetically."""
    rank = {name: index for index, name in enumerate(MOOD_NAMES)}
    return sorted(set(names), key=lambda name: (rank.get(name, len(rank)), name))


def canonical_mood(label: str) -> str:
    """Return the spelling of the five for a label that differs from it by case or spaces only."""
    stripped = label.strip()
    known = _BY_LOWER_NAME.get(stripped.lower())
    return known.name if known else stripped


def wanted_mood(name: str) -> str:
    """Return a mood that a user asks for by name, spelt as the five where it is one of them.

    Own words are welcome; a word that all but spells one of the five is taken for a slip.

    Raises
    ------
    UsageError
        If `name` looks like one of the five misspelt.
    """
    mood = canonical_mood(name)
    near = get_close_matches(mood.lower(), _BY_LOWER_NAME, n=1, cutoff=_SAME_WORD)
    if near and mood.lower() not in _BY_LOWER_NAME:
        raise UsageError(
            f"unknown mood {name!r}: did you mean {_BY_LOWER_NAME[near[0]].name}? The five are "
            f"{', '.join(MOOD_NAMES)}; a mood of your own needs a name unlike them"
        )
    return mood


def parse_mapping(text: str) -> dict[str, str]:
    """Read ``"angry=Aggressive,calm=Relaxing"`` as a mapping from label to mood.

    Raises
    ------
    UsageError
        If a part has not exactly one ``=``, an empty side, or maps one label twice (labels
        are compared without regard to case).
    """
    mapping: dict[str, str] = {}
    seen: dict[str, str] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        label, equals, mood = (piece.strip() for piece in part.partition("="))
        if not (label and equals and mood) or "=" in mood:
            raise UsageError(
                f"cannot read {part!r}; expected label=Mood, as in "
                "--map angry=Aggressive,calm=Relaxing"
            )
        if label.lower() in seen:
            raise UsageError(
                f"--map names {label!r} twice: as {seen[label.lower()]!r} and as {mood!r}"
            )
        seen[label.lower()] = mood
        mapping[label] = wanted_mood(mood)
    return mapping


def relabel(
    labels: list[str], mapping: Mapping[str, str], dropped: Iterable[str] = ()
) -> list[str | None]:
    """Apply ``--map`` and ``--drop`` to labels; None marks a row to leave out.

    Labels are compared without regard to case; names of the five are spelt as the five are.

    Raises
    ------
    UsageError
        If a mapped or dropped label does not occur among `labels`, or one is both.
    """
    present = {label.strip().lower() for label in labels}
    lowered = {label.strip().lower(): wanted_mood(mood) for label, mood in mapping.items()}
    drop = {label.strip().lower(): label for label in dropped}
    for key, label in drop.items():
        if key in lowered:
            raise UsageError(f"label {label!r} is both mapped to {lowered[key]!r} and dropped")
    for label in [*mapping, *drop.values()]:
        if label.strip().lower() not in present:
            found = ", ".join(sorted({label.strip() for label in labels})[:10])
            raise UsageError(f"label {label!r} does not occur in the table; found: {found}")
    return [
        None if key in drop else lowered.get(key, canonical_mood(label))
        for label in labels
        for key in (label.strip().lower(),)
    ]


def _own_mood(name: str, position: int) -> Mood:
    if position < len(_OWN_COLOURS):
        light, dark = _OWN_COLOURS[position]
        return Mood(name, colour_light=light, colour_dark=dark)
    # Past what eyes can tell apart, hues a golden angle apart at least differ.
    hue = position * 0.381966 % 1.0
    return Mood(
        name,
        colour_light=_hex(colorsys.hls_to_rgb(hue, 0.30, 0.60)),
        colour_dark=_hex(colorsys.hls_to_rgb(hue, 0.72, 0.70)),
    )


def _hex(rgb: tuple[float, float, float]) -> str:
    return "#" + "".join(f"{round(255 * channel):02x}" for channel in rgb)
