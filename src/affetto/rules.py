"""Rules in words: comparisons of features that decide a mood; read, checked, applied."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from affetto.errors import ModelError, UsageError
from affetto.features import BY_NAME, FEATURE_NAMES, feature_of_column

Floats = NDArray[np.float64]

MOST_CONDITIONS = 3
"""Comparisons that one rule may make: more, and nobody can tell at a glance what it says."""

MOST_RULES = 500
_MOST_BYTES = 200_000

_ARROW = re.compile(r"->|→")
_AND = re.compile(r"\s+and\s+|\s*&+\s*", re.IGNORECASE)
_CONDITION = re.compile(
    r"(?P<feature>[\w .()-]*?)\s*(?P<sign>>=|<=|≥|≤|>|<)\s*"
    r"(?P<number>[-−+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)\s*(?P<unit>%|[a-z]*)",
    re.IGNORECASE,
)
_SIGNS = {"≥": ">=", "≤": "<="}
_SHOWN = {">=": "≥", "<=": "≤"}
_FACTORS: Mapping[str, Mapping[str, float]] = {
    "": {"": 1.0, "%": 0.01},
    "BPM": {"": 1.0, "bpm": 1.0},
    "dB": {"": 1.0, "db": 1.0, "lufs": 1.0},
    "ms": {"": 1.0, "ms": 1.0, "s": 1000.0, "min": 60_000.0},
}
# Tempi below are those of a table scaled to 0–1, lengths below are meant in seconds.
_LEAST_MEANT = {"BPM": 10.0, "ms": 1000.0}
_MOST_LOUDNESS_DB = 3.0


@dataclass(frozen=True, slots=True)
class Condition:
    """A comparison of a feature with a number.

    Attributes
    ----------
    feature : str
        One of the ten.
    sign : str
        ``"<"``, ``"<="``, ``">"`` or ``">="``.
    bound : float
        In the feature's unit.
    """

    feature: str
    sign: str
    bound: float

    @property
    def interval(self) -> tuple[float, float]:
        """Least and largest number that meets it, exact in double precision."""
        low, high = BY_NAME[self.feature].accepted
        match self.sign:
            case ">":
                low = max(low, float(np.nextafter(self.bound, np.inf)))
            case ">=":
                low = max(low, self.bound)
            case "<":
                high = min(high, float(np.nextafter(self.bound, -np.inf)))
            case _:
                high = min(high, self.bound)
        return low, high

    def __str__(self) -> str:
        """Write the comparison as a person would, and as it can be read again."""
        number = repr(self.bound).removesuffix(".0")
        sign = _SHOWN.get(self.sign, self.sign)
        return f"{self.feature} {sign} {number} {BY_NAME[self.feature].unit}".rstrip()


@dataclass(frozen=True, slots=True)
class Rule:
    """Where all conditions hold, the mood is said.

    Attributes
    ----------
    conditions : tuple of Condition
        One to three.
    mood : str
    line : int or None
        Where it stands in a file, from 1.
    precision : float or None
        Share of tracks that truly had the mood where it was said, measured on tracks that were
        not learned from; None where nobody measured it.
    """

    conditions: tuple[Condition, ...]
    mood: str
    line: int | None = None
    precision: float | None = None

    @property
    def box(self) -> dict[str, tuple[float, float]]:
        """For each feature it names, the interval in which it holds; empty if low > high."""
        box: dict[str, tuple[float, float]] = {}
        for condition in self.conditions:
            low, high = condition.interval
            if condition.feature in box:
                before = box[condition.feature]
                low, high = max(low, before[0]), min(high, before[1])
            box[condition.feature] = (low, high)
        return box

    @property
    def text(self) -> str:
        """The conditions in words, without the mood."""
        return " and ".join(map(str, self.conditions))

    def __str__(self) -> str:
        """Write the rule as it stands in a file."""
        return f"{self.text} → {self.mood}"

    def holds(self, X: NDArray[Any], features: Sequence[str]) -> NDArray[np.bool_]:
        """Tell where all conditions hold; never where a value is missing.

        Parameters
        ----------
        X : ndarray, shape (n_tracks, n_features)
        features : sequence of str
            Names of the columns; those of the rule among them.

        Returns
        -------
        ndarray of bool, shape (n_tracks,)
        """
        holds = np.ones(len(X), dtype=bool)
        for name, (low, high) in self.box.items():
            values = X[:, features.index(name)]
            # As arrays, so that single precision is compared in double.
            holds &= (values >= np.float64(low)) & (values <= np.float64(high))
        return holds


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules that do not contradict each other.

    Where one lies wholly inside another, it decides there: it says more of fewer tracks.

    Attributes
    ----------
    rules : tuple of Rule
        In the order given.
    notes : tuple of str
        What is worth knowing: which rule decides inside which.
    """

    rules: tuple[Rule, ...]
    notes: tuple[str, ...] = ()

    @classmethod
    def read(cls, path: str | Path, *, moods: Sequence[str] | None = None) -> Self:
        """Read a file of rules, a rule a line; see docs/rules.md.

        Parameters
        ----------
        path : path
            Text in UTF-8.
        moods : sequence of str, optional
            The vocabulary that moods must be of, in any case. Default: any.

        Raises
        ------
        UsageError
            If it cannot be read, holds no rule, or a rule cannot be meant: what was found in
            which line, and what was expected. If two rules contradict each other.
        """
        path = Path(path)
        try:
            with path.open("rb") as stream:
                data = stream.read(_MOST_BYTES + 1)
        except (OSError, ValueError) as exc:
            reason = exc.strerror if isinstance(exc, OSError) else exc
            raise UsageError(f"cannot read the rules in {path}: {reason}") from exc
        if len(data) > _MOST_BYTES:
            raise UsageError(
                f"{path} holds more than {_MOST_BYTES:,} bytes; is it a file of rules? "
                "One looks like this: energy < 0.3 -> Relaxing"
            )
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as exc:
            raise UsageError(f"{path} is no text in UTF-8; save it as such") from exc
        return cls.parse(text, moods=moods, name=path.name)

    @classmethod
    def parse(cls, text: str, *, moods: Sequence[str] | None = None, name: str = "rules") -> Self:
        """Read rules out of text; see `read`."""
        rules = []
        for number, line in enumerate(text.splitlines(), start=1):
            stripped = re.sub(r"(?:^|\s)#.*$", "", line).strip()
            if stripped:
                try:
                    rules.append(_parse_rule(stripped, number, moods))
                except UsageError as exc:
                    raise UsageError(f"{name}, line {number}: {exc}") from exc
        if not rules:
            raise UsageError(
                f"{name} holds no rule; expected one a line, such as energy < 0.3 -> Relaxing"
            )
        return cls.checked(rules, name=name)

    @classmethod
    def checked(cls, rules: Sequence[Rule], *, name: str = "rules") -> Self:
        """Put rules together after checking that they do not contradict each other.

        Raises
        ------
        UsageError
            If one is there twice, or two of different moods hold for the same track and
            neither lies inside the other.
        """
        if len(rules) > MOST_RULES:
            raise UsageError(f"{name}: {len(rules)} rules; expected {MOST_RULES} at most")
        notes = []
        boxes = [rule.box for rule in rules]
        for j, rule in enumerate(rules):
            for i in range(j):
                other = rules[i]
                inside, outside = _lies_in(boxes[j], boxes[i]), _lies_in(boxes[i], boxes[j])
                if rule.mood == other.mood:
                    if inside and outside:
                        raise UsageError(
                            f"{name}: {_place(rule, j)} says the same as {_place(other, i)} "
                            f"({other}); leave one out"
                        )
                elif inside and not outside:
                    notes.append(_note(rule, j, other, i))
                elif outside and not inside:
                    notes.append(_note(other, i, rule, j))
                elif both := _common(boxes[i], boxes[j]):
                    raise UsageError(
                        f"{name}: {_place(other, i)} ({other}) and {_place(rule, j)} ({rule}) "
                        f"contradict each other, at {_example(both)} for one; change a bound so "
                        "that they do not overlap, or let one lie wholly inside the other"
                    )
        return cls(tuple(rules), tuple(notes))

    @property
    def features(self) -> tuple[str, ...]:
        """The features that rules ask for, in the order of the ten."""
        asked = {condition.feature for rule in self.rules for condition in rule.conditions}
        return tuple(name for name in FEATURE_NAMES if name in asked)

    @property
    def texts(self) -> tuple[str, ...]:
        """Each rule in words."""
        return tuple(map(str, self.rules))

    def apply(self, X: NDArray[Any], features: Sequence[str]) -> NDArray[np.intp]:
        """Give the index of the rule that decides each track, −1 where none holds.

        Parameters
        ----------
        X : ndarray, shape (n_tracks, n_features)
            Missing values are NaN; a rule that asks for one does not hold.
        features : sequence of str
            Names of the columns, in their units; those of `features` among them.

        Returns
        -------
        ndarray of int, shape (n_tracks,)
        """
        boxes = [rule.box for rule in self.rules]
        # A box inside another lies in all that hold it, and in it: it comes later here.
        depth = [sum(_lies_in(box, other) for other in boxes) for box in boxes]
        decided = np.full(len(X), -1, dtype=np.intp)
        for index in sorted(range(len(boxes)), key=lambda index: (depth[index], -index)):
            decided[self.rules[index].holds(X, features)] = index
        return decided


def learned_rules(about: Mapping[str, Any], moods: Sequence[str]) -> Rules | None:
    """Give the rules that a model file holds and that beat the model where they hold.

    Parameters
    ----------
    about : mapping
        As `MoodModel.about`; ``rules`` holds rows of ``rule`` (text), ``mood``,
        ``precision`` and ``beats_model``.
    moods : sequence of str

    Returns
    -------
    Rules or None
        None where there is none.

    Raises
    ------
    ModelError
        If the rules are not as training writes them.
    """
    rows = about.get("rules") or []
    if not isinstance(rows, list) or len(rows) > MOST_RULES:
        raise ModelError("the model's rules are no list of rules; train it again")
    rules = []
    for number, row in enumerate(rows, start=1):
        try:
            if not row["beats_model"]:
                continue
            found = _parse_rule(f"{row['rule']} -> {row['mood']}", number, moods)
            precision = float(row["precision"])
            if not 0 <= precision <= 1:
                raise ValueError(precision)
        except (KeyError, TypeError, ValueError, UsageError) as exc:
            raise ModelError(f"rule {number} of the model cannot be used: {exc}") from exc
        rules.append(Rule(found.conditions, found.mood, number, precision))
    try:
        return Rules.checked(rules, name="the model's rules") if rules else None
    except UsageError as exc:
        raise ModelError(str(exc)) from exc


def _parse_rule(text: str, line: int, moods: Sequence[str] | None) -> Rule:
    sides = _ARROW.split(text, maxsplit=1)
    if len(sides) != 2 or not sides[0].strip() or not sides[1].strip():
        raise UsageError(
            f"found {text[:80]!r}; expected comparisons, an arrow and a mood, such as "
            "instrumentalness > 0.7 and energy < 0.3 -> Relaxing"
        )
    left, mood = (side.strip() for side in sides)
    if re.search(r"\bor\b|\|", left, re.IGNORECASE):
        raise UsageError(f"found 'or' in {left[:80]!r}; write a line for either side of it")
    parts = [part.strip() for part in _AND.split(left)]
    if len(parts) > MOST_CONDITIONS:
        raise UsageError(
            f"found {len(parts)} comparisons; expected {MOST_CONDITIONS} at most, so that a "
            "person can see what a rule says"
        )
    rule = Rule(tuple(map(_parse_condition, parts)), _known_mood(mood, moods), line)
    for name, (low, high) in rule.box.items():
        if low > high:
            own = [str(one) for one in rule.conditions if one.feature == name]
            where = "" if len(own) > 1 else f", since {name} is {BY_NAME[name].range_text}"
            raise UsageError(f"it can never hold: no track has {' and '.join(own)}{where}")
    return rule


def _parse_condition(text: str) -> Condition:
    match = _CONDITION.fullmatch(text)
    if match is None:
        hint = ""
        if re.search(r"\d,\d", text):
            hint = "; decimals have a point, not a comma"
        elif "=" in text and not re.search("[<>]", text):
            hint = "; hardly any track has exactly one value: use > and <"
        elif len(re.findall("[<>≤≥]", text)) > 1:
            hint = "; write two comparisons with 'and' between them"
        raise UsageError(
            f"found {text[:80]!r}; expected a feature, one of > < >= <=, and a number, such as "
            f"energy < 0.3{hint}"
        )
    feature = _known_feature(match["feature"].strip())
    number, unit = float(match["number"].replace("−", "-")), match["unit"].lower()
    factors = _FACTORS[BY_NAME[feature].unit]
    if unit not in factors:
        known = ", ".join(["none", *filter(None, factors)])
        raise UsageError(f"found {match['unit']!r} as the unit of {feature}; expected {known}")
    # Rounded, since 70 % is 0.7, and not what 70 × .01 makes in binary.
    bound = round(number * factors[unit], 9)
    _check_bound(feature, bound, match["number"] + match["unit"])
    return Condition(feature, _SIGNS.get(match["sign"], match["sign"]), bound)


def _known_feature(name: str) -> str:
    known = feature_of_column(name)
    if known is None:
        begun = [one for one in FEATURE_NAMES if len(name) > 2 and one.startswith(name.lower())]
        near = begun or get_close_matches(name.lower(), FEATURE_NAMES, n=1, cutoff=0.7)
        hint = f"did you mean {near[0]}? " if near else ""
        raise UsageError(
            f"found {name[:60]!r} as a feature; {hint}The ten are {', '.join(FEATURE_NAMES)}"
        )
    return known


def _known_mood(name: str, moods: Sequence[str] | None) -> str:
    if moods is None or name in moods:
        return name
    by_lower = {mood.lower(): mood for mood in moods}
    if name.lower() in by_lower:
        return by_lower[name.lower()]
    near = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.5)
    hint = f"did you mean {by_lower[near[0]]}? " if near else ""
    raise UsageError(
        f"found {name[:60]!r} as a mood; {hint}The model's moods are {', '.join(moods)}"
    )


def _check_bound(feature: str, bound: float, found: str) -> None:
    kind = BY_NAME[feature]
    low, high = kind.accepted
    hint = ""
    if kind.is_share and 1 < bound <= 100:
        hint = f": in percent? Then write {bound / 100:g}"
    elif kind.unit == "dB" and bound > _MOST_LOUDNESS_DB:
        high, hint = _MOST_LOUDNESS_DB, f": music is below 0 dB; did you mean {-bound:g}?"
    elif 0 < bound < _LEAST_MEANT.get(kind.unit, 0.0):
        low = _LEAST_MEANT[kind.unit]
        hint = (
            f": in seconds? Then write {found} s"
            if kind.unit == "ms"
            else ": from a table scaled to 0–1? Then write it in beats per minute"
        )
    if not low <= bound <= high and (hint or bound != 0 or low > 0):
        raise UsageError(f"found {found} for {feature}, which is {kind.range_text}{hint}")


def _lies_in(inner: Mapping[str, tuple[float, float]], outer: Mapping[str, Any]) -> bool:
    return all(
        outer_low <= inner.get(name, accepted)[0] and inner.get(name, accepted)[1] <= outer_high
        for name, (outer_low, outer_high) in outer.items()
        for accepted in (BY_NAME[name].accepted,)
    )


def _common(
    one: Mapping[str, tuple[float, float]], other: Mapping[str, tuple[float, float]]
) -> dict[str, tuple[float, float]] | None:
    """Give the region that two boxes share; None where there is none."""
    both = dict(one)
    for name, (low, high) in other.items():
        before = both.get(name, (low, high))
        both[name] = (max(low, before[0]), min(high, before[1]))
    return both if all(low <= high for low, high in both.values()) else None


def _example(box: Mapping[str, tuple[float, float]]) -> str:
    """Name a point of a region in as few digits as it takes."""
    words = []
    for name, (low, high) in box.items():
        middle = low + (high - low) / 2
        shorter = (float(f"{middle:.{digits}g}") for digits in range(1, 17))
        value = next((value for value in shorter if low <= value <= high), middle)
        words.append(f"{name} {repr(value).removesuffix('.0')}")
    return ", ".join(words)


def _place(rule: Rule, index: int) -> str:
    return f"line {rule.line}" if rule.line is not None else f"rule {index + 1}"


def _note(inner: Rule, i: int, outer: Rule, j: int) -> str:
    return (
        f"{_place(inner, i)} lies wholly inside {_place(outer, j)}: where both hold, it decides "
        f"({inner.mood})"
    )
