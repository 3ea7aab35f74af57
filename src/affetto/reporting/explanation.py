"""Why a track got its mood, in words for a beginner and as a small picture."""

import math
from collections.abc import Sequence

from affetto.explain import Explanation, Reason
from affetto.features import BY_NAME
from affetto.moods import resolve_moods
from affetto.population import Place
from affetto.reporting import svg
from affetto.reporting.svg import INK, MUTED, RULE, SMALL, Scale, mood_colour, number
from affetto.reporting.words import factor, feature_name, feature_value, joined, percent

WIDTH = 800
_MARGIN, _NAMES, _BARS, _STRIP = 22.0, 214.0, (236.0, 548.0), (604.0, 772.0)
_TOP, _ROW = 128.0, 31.0
_ODDS = (1.5, 2, 3, 5, 10, 30, 100, 1000, 1e4, 1e6, 1e9, 1e12, 1e20, 1e40)

_MOST_NAMED = 3
_WORTH_NAMING = 0.1  # of the largest contribution
_NOTHING = 0.05  # log-odds: changes the odds by a twentieth
_LEANS = 0.2  # log-odds: odds of 1.2 to 1
_UNUSUAL = 0.8  # nine of ten tracks lie on the same side


def in_words(explanation: Explanation) -> list[str]:
    """Tell why, one thought a sentence.

    Parameters
    ----------
    explanation : Explanation

    Returns
    -------
    list of str
        How sure it is; what spoke for it and against it; where it started from, if that
        matters; what would turn it; what is typical of its mood in it, and what is not.
    """
    said = [standing(explanation), _balance(explanation)]
    start = explanation.reference_margin
    if abs(start) >= _LEANS:
        towards = explanation.mood if start > 0 else explanation.next_mood
        said.append(
            "A track in the middle of every feature would lean towards "
            f"{towards}, {factor(math.exp(min(abs(start), 700.0)))} to 1."
        )
    said.append(_change(explanation))
    said += _typical(explanation)
    return said


def standing(explanation: Explanation) -> str:
    """Name the two most probable moods, as in ``Happy 61%, next Energetic 22%``."""
    mood, runner_up = explanation.mood, explanation.next_mood
    shares = explanation.probabilities
    return f"{mood} {percent(shares[mood])}, next {runner_up} {percent(shares[runner_up])}."


def odds_change(contribution: float) -> str:
    """Write a contribution as what it does to the odds: ``×3.1``, ``÷2.0``."""
    by = factor(math.exp(min(abs(contribution), 700.0)))
    return "×1.0" if by == "1.0" else f"{'×' if contribution > 0 else '÷'}{by}"


def by_weight(explanation: Explanation) -> list[Reason]:
    """Sort reasons, the weightiest first."""
    return sorted(explanation.reasons, key=lambda reason: -abs(reason.contribution))


def _balance(explanation: Explanation) -> str:
    ordered = by_weight(explanation)
    least = max(_NOTHING, _WORTH_NAMING * abs(ordered[0].contribution))
    named = [reason for reason in ordered if abs(reason.contribution) >= least]
    spoke_for = [_with_level(r) for r in named if r.contribution > 0][:_MOST_NAMED]
    against = [_with_level(r) for r in named if r.contribution < 0][:_MOST_NAMED]
    rather = f"{explanation.mood} rather than {explanation.next_mood}"
    if not named:
        return f"No feature speaks for or against {rather}."
    if not spoke_for:
        return f"No feature spoke for {rather}; against it: {joined(against)}."
    words = f"What spoke for {rather}: {joined(spoke_for)}"
    return (
        f"{words}; against it: {joined(against)}." if against else f"{words}; against it: little."
    )


def _with_level(reason: Reason) -> str:
    words = f"{feature_name(reason.feature)} {feature_value(reason.feature, reason.value)}"
    level = level_of(reason.among_all)
    return f"{words} ({level})" if level else words


def level_of(place: Place | None) -> str:
    """Say whether a value is high or low for the training tracks; empty between quartiles."""
    if place is None:
        return ""
    for least, word in ((0.95, "very "), (0.75, "")):
        if place.below >= least:
            return f"{word}high"
        if place.above >= least:
            return f"{word}low"
    return ""


def _change(explanation: Explanation) -> str:
    change = explanation.change
    if change is None:
        return "No change of one feature, or of two, that was tried would turn it."
    values = {reason.feature: reason.value for reason in explanation.reasons}
    changes = [_changed(name, values[name], value) for name, value in change.rounded.items()]
    return f"With {joined(changes)} it would have been {change.mood}."


def _changed(feature: str, before: float, after: float) -> str:
    """Write a change in as many digits as it takes to see it."""
    old, new = feature_value(feature, before), feature_value(feature, after)
    unit = BY_NAME[feature].unit
    if unit == "" and (max(before, after) < 0.01 or abs(after - round(after, 2)) > 1e-9):
        old = new = ""
    for digits in (2, 4, 6, 8, 12):
        if old != new:
            break
        old, new = (f"{value:.{digits}g} {unit}".rstrip() for value in (before, after))
    return f"{feature_name(feature)} {new} in place of {old}"


def _typical(explanation: Explanation) -> list[str]:
    if not explanation.likeness:
        return []
    mood = explanation.mood
    nearest = next(iter(explanation.likeness))
    unlike = "" if nearest == mood else f" rather than the {mood} ones"
    said = [f"All in all its features are most like those of typical {nearest} tracks{unlike}."]
    odd = sorted(
        (reason for reason in explanation.reasons if reason.among_own),
        key=lambda reason: -_oddness(reason),
    )
    said += [
        _oddity(reason, reason.among_own, mood)
        for reason in odd[:2]
        if reason.among_own and _oddness(reason) >= _UNUSUAL
    ]
    return said


def _oddness(reason: Reason) -> float:
    place = reason.among_own
    return abs(place.above - place.below) if place else 0.0


def _oddity(reason: Reason, place: Place, mood: str) -> str:
    name, beyond = reason.feature, max(place.above, place.below)
    side = "higher" if place.below > place.above else "lower"
    middle, low, high = (
        feature_value(name, figure, unit=last)
        for figure, last in ((place.median, False), (place.low, False), (place.high, True))
    )
    return (
        f"Unusual for {mood}: {feature_name(name)} {feature_value(name, reason.value)}, {side} "
        f"than {percent(beyond)} of them (typical {middle}, half of them {low} to {high})."
    )


# --- The picture ---------------------------------------------------------------------------


def explanation_picture(explanation: Explanation, moods: Sequence[str], *, title: str) -> str:
    """Draw how a track came to its mood, feature by feature.

    Bars run from where a track in the middle of every feature stands to where this one
    stands, the weightiest feature first; left of the upright line the next mood is more
    probable, right of it the mood. Beside them: the middle half of the tracks of either mood,
    and this track among them.

    Parameters
    ----------
    explanation : Explanation
    moods : sequence of str
        In the order of their colours.
    title : str
        The track, as people call it.

    Returns
    -------
    str
        A complete SVG document.
    """
    known = resolve_moods(moods)
    names = [mood.name for mood in known]
    own, other = (
        mood_colour(names.index(name)) for name in (explanation.mood, explanation.next_mood)
    )
    reasons = by_weight(explanation)
    scale, ticks = _odds_scale(explanation, reasons)
    bottom = _TOP + (len(reasons) + 1) * _ROW
    size = (WIDTH, bottom + 74)
    parts = [
        svg.text(_MARGIN, 34, svg.fit(title, WIDTH - 2 * _MARGIN, 17), font_size=17, fill=INK),
        *_heading(explanation, own, other),
        *_grid(scale, ticks, bottom + 18),
        *_waterfall(explanation, reasons, scale, (own, other)),
    ]
    if any(reason.among_own for reason in reasons):
        parts += _strips(reasons, own, other)
    words = " ".join(in_words(explanation))
    picture = svg.frame("explanation", size, parts, title=f"Why this mood: {title}", desc=words)
    return svg.document(
        picture,
        size,
        light=[mood.colour_light for mood in known],
        dark=[mood.colour_dark for mood in known],
    )


def _heading(explanation: Explanation, own: str, other: str) -> list[str]:
    shares, x, parts = explanation.probabilities, _MARGIN, []
    for name, colour in ((explanation.mood, own), (explanation.next_mood, other)):
        label = f"{svg.fit(name, 200)} {percent(shares[name])}"
        parts.append(svg.box(x, 54, 11, 11, rx=3, fill=colour))
        parts.append(svg.text(x + 17, 64, label, fill=INK))
        x += 17 + svg.text_width(label) + 20
    left, right = _BARS
    room = (right - left) / 2 - 16
    towards = (
        (left, "start", f"← {svg.fit(explanation.next_mood, room)}"),
        (right, "end", f"{svg.fit(explanation.mood, room)} →"),
    )
    parts += [svg.text(x, 96, words, text_anchor=anchor, fill=INK) for x, anchor, words in towards]
    return parts


def _odds_scale(
    explanation: Explanation, reasons: Sequence[Reason]
) -> tuple[Scale, list[tuple[float, str]]]:
    """Give the scale of log-odds, with room for a label at either end, and its ticks."""
    stations = [0.0, explanation.reference_margin]
    for reason in reasons:
        stations.append(stations[-1] + reason.contribution)
    low, high = min(stations), max(stations)
    pad = 0.16 * max(high - low, 0.5)
    scale = Scale(low - pad, high + pad, *_BARS)
    ticks = [(0.0, "even")]
    for sign in (1, -1):
        last = scale(0.0)
        for odds in _ODDS:
            place = scale(sign * math.log(odds))
            if _BARS[0] + 10 < place < _BARS[1] - 10 and abs(place - last) > 46:
                ticks.append((sign * math.log(odds), f"{odds:,g}:1"))
                last = place
    return scale, ticks


def _grid(scale: Scale, ticks: Sequence[tuple[float, str]], bottom: float) -> list[str]:
    parts = []
    for value, label in ticks:
        x, even = scale(value), value == 0.0
        parts.append(svg.line(x, _TOP - 22, x, bottom, stroke=INK if even else RULE))
        parts.append(
            svg.text(x, bottom + 17, label, text_anchor="middle", fill=INK if even else MUTED,
                     font_size=SMALL)
        )  # fmt: skip
    words = "odds between the two moods"
    middle = sum(_BARS) / 2
    parts.append(
        svg.text(middle, bottom + 36, words, text_anchor="middle", fill=MUTED, font_size=SMALL)
    )
    return parts


def _waterfall(
    explanation: Explanation, reasons: Sequence[Reason], scale: Scale, colours: tuple[str, str]
) -> list[str]:
    place = explanation.reference_margin
    parts = _station("middle of every feature", scale(place), _TOP, hollow=True)
    for row, reason in enumerate(reasons, start=1):
        y, after = _TOP + row * _ROW, place + reason.contribution
        start, stop = scale(place), scale(after)
        is_for = reason.contribution > 0
        name, value = feature_name(reason.feature), feature_value(reason.feature, reason.value)
        said = odds_change(reason.contribution)
        parts += [
            svg.text(_MARGIN, y + 4, name, fill=INK),
            svg.text(_NAMES, y + 4, value, text_anchor="end", fill=MUTED),
            svg.line(start, y - _ROW + 8, start, y + 8, stroke=MUTED, stroke_dasharray="2 3"),
            svg.box(min(start, stop), y - 8, max(abs(stop - start), 1.0), 16, rx=2,
                    fill=colours[0 if is_for else 1], tip=f"{name} {value}: {said}"),
            svg.text(stop + (6 if is_for else -6), y + 4, said, font_size=SMALL, fill=INK,
                     text_anchor="start" if is_for else "end", stroke=svg.PAPER,
                     stroke_width=3, paint_order="stroke"),
        ]  # fmt: skip
        place = after
    y = _TOP + (len(reasons) + 1) * _ROW
    x = scale(place)
    parts.append(svg.line(x, y - _ROW + 8, x, y, stroke=MUTED, stroke_dasharray="2 3"))
    odds = f"{factor(math.exp(min(explanation.margin, 700.0)))}:1"
    parts.append(svg.text(x + 12, y + 4, odds, font_size=SMALL, font_weight=600, fill=INK))
    return parts + _station("this track", x, y, hollow=False)


def _station(words: str, x: float, y: float, *, hollow: bool) -> list[str]:
    mark = svg.ring(x, y, 5) if hollow else svg.dot(x, y, 5.5)
    weight = None if hollow else 600
    fill = MUTED if hollow else INK
    return [svg.text(_MARGIN, y + 4, words, fill=fill, font_weight=weight), mark]


def _strips(reasons: Sequence[Reason], own: str, other: str) -> list[str]:
    """Draw the middle half of either mood's tracks, feature by feature, and this track."""
    left, right = _STRIP
    mark = left + svg.text_width("and this one", SMALL) + 14
    parts = [
        svg.text(left, 82, "half of each mood’s tracks,", fill=MUTED, font_size=SMALL),
        svg.text(left, 96, "and this one", fill=MUTED, font_size=SMALL),
        svg.line(mark, 86, mark, 99, stroke=INK, stroke_width=2),
    ]
    for row, reason in enumerate(reasons, start=1):
        y = _TOP + row * _ROW
        circles = [(reason.among_own, own, -7.0), (reason.among_next, other, 1.0)]
        drawn = [(place, colour, dy) for place, colour, dy in circles if place]
        figures = [reason.value, *(v for place, *_ in drawn for v in (place.low, place.high))]
        scale = Scale(*_extent(reason.feature, figures), left, right)
        parts.append(svg.line(left, y, right, y))
        for place, colour, dy in drawn:
            start, stop = scale(place.low), scale(place.high)
            half = " to ".join(feature_value(reason.feature, v) for v in (place.low, place.high))
            parts.append(
                svg.box(start, y + dy, max(stop - start, 2.0), 6, rx=2, fill=colour, tip=half)
            )
        x = number(scale(reason.value))
        parts.append(svg.line(float(x), y - 11, float(x), y + 11, stroke=INK, stroke_width=2))
    return parts


def _extent(feature: str, figures: Sequence[float]) -> tuple[float, float]:
    if BY_NAME[feature].is_share:
        return 0.0, 1.0
    low, high = min(figures), max(figures)
    pad = 0.4 * (high - low) or 1.0
    return low - pad, high + pad
