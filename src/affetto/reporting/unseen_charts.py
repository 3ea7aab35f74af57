"""Charts of music never seen: intervals, tables, needs of each mood, rules against the model."""

import math
from collections.abc import Sequence

from affetto.reporting import svg
from affetto.reporting.charts import HALF, WIDE, Row
from affetto.reporting.svg import INK, MUTED, PAPER, RULE, SMALL, UNSEEN, Scale, mood_colour
from affetto.reporting.words import counted, feature_name, joined, known, percent, three

MOST_SOURCES = 8
"""On the first page; with more, those that do least well."""

Points = Sequence[tuple[float, float]]
"""How much was learned from, and the mean recall of the moods after it."""

_SHARES = {0.25: "a quarter", 0.5: "half", 1.0: "all", 2.0: "twice"}


def interval_bar(
    name: str,
    figures: tuple[float, float, float],
    where: str,
    *,
    floor: float | None,
    unseen: bool,
) -> str:
    """Draw one share with its 95% interval on a scale from 0 to 100%.

    Parameters
    ----------
    name : str
        Unique on the page.
    figures : tuple of float
        The share, its lower and its upper end, each 0 to 1.
    where : str
        On which tracks, e.g. ``"on playlists never seen"``.
    floor : float or None
        What always saying the most frequent mood would reach; a dotted stroke.
    unseen : bool
        Whether these are unseen groups: a diamond.

    Returns
    -------
    str
    """
    value, low, high = figures
    y, colour = 11.0, UNSEEN if unseen else INK
    scale = Scale(0, 1, 6, HALF - 6)
    ticks = "".join(
        f"M{svg.number(scale(tick))} {svg.number(y - 4)}v8" for tick in (0, 0.25, 0.5, 0.75, 1)
    )
    parts = [
        svg.line(scale(0), y, scale(1), y),
        svg.tag("path", d=ticks, stroke=RULE),
        svg.text(0, y + 21, "0%", fill=MUTED, font_size=SMALL),
        svg.text(HALF, y + 21, "100%", fill=MUTED, font_size=SMALL, text_anchor="end"),
    ]
    if floor is not None:
        x = scale(floor)
        parts.append(
            svg.line(x, y - 10, x, y + 10, stroke=MUTED, stroke_dasharray="2 3", stroke_width=1.4)
        )
        words = f"always the most frequent mood: {percent(floor)}"
        half = svg.text_width(words, SMALL) / 2
        middle = min(max(x, half + 30), HALF - half - 40)
        parts.append(
            svg.text(middle, y + 21, words, fill=MUTED, font_size=SMALL, text_anchor="middle")
        )
    said = f"{percent(value)}, 95% interval {percent(low)} to {percent(high)}"
    draw = svg.diamond if unseen else svg.dot
    parts += [
        svg.line(scale(low), y, scale(high), y, stroke=colour, stroke_width=3),
        *(svg.line(scale(end), y - 5, scale(end), y + 5, stroke=colour, stroke_width=2)
          for end in (low, high)),
        draw(scale(value), y, 7 if unseen else 6, tip=said, fill=colour, stroke=PAPER,
             stroke_width=1.4),
    ]  # fmt: skip
    title = f"Share of tracks that get the right mood, {where}"
    return svg.frame(name, (HALF, y + 27), parts, title=title, desc=f"{said}.")


def sources(name: str, rows: Sequence[tuple[str, Row]], what: str) -> str:
    """Draw how each source does while it is unseen, against guessing among its moods.

    Parameters
    ----------
    name : str
    rows : sequence of tuple
        Name of the source; its ``balanced_accuracy``, 0 to 1, and ``moods``.
    what : str
        What the sources are, in the plural.

    Returns
    -------
    str
        The least well known `MOST_SOURCES`, in the order given.
    """
    worst = sorted(rows, key=lambda row: float(row[1]["balanced_accuracy"]))[:MOST_SOURCES]
    drawn = [row for row in rows if row in worst][:MOST_SOURCES]
    height = 38.0
    scale = Scale(0, 1, 6, HALF - 52)
    parts, told = [], []
    for index, (source, row) in enumerate(drawn):
        y, value = index * height + 26, row["balanced_accuracy"]
        among = counted(len(row["moods"]), "mood")
        chance = 1 / len(row["moods"]) if row["moods"] else None
        parts += [
            svg.text(0, y - 13, svg.fit(f"{source}", HALF - 120, 12), font_size=12),
            svg.text(scale.end + 6, y - 13, among, font_size=SMALL, fill=MUTED, text_anchor="end"),
            svg.text(HALF, y + 4, percent(value), text_anchor="end", font_weight=600),
            svg.line(scale(0), y, scale(1), y),
        ]
        if chance is not None:
            x = scale(chance)
            parts.append(
                svg.line(x, y - 6, x, y + 6, stroke=MUTED, stroke_dasharray="2 3",
                         stroke_width=1.4)
            )  # fmt: skip
        tip = f"{source}: {percent(value)} among {among}, by guessing {percent(chance)}"
        parts.append(svg.square(scale(value), y, tip=tip))
        told.append(tip)
    title = f"Balanced accuracy on each of the {what} while it was unseen"
    size = (HALF, max(1, len(drawn)) * height)
    return svg.frame(name, size, parts, title=title, desc=f"{'; '.join(told)}.")


def without(name: str, rows: Sequence[Row], what: str) -> str:
    """Draw what leaving a source out of learning does to the others' log-loss, ± two errors.

    Parameters
    ----------
    name : str
    rows : sequence of mapping
        ``source``; ``log_loss``: change without it; ``se`` or None; ``hurts``, ``helps``.
    what : str
        What the sources are, in the plural.

    Returns
    -------
    str
        Left of the line the others do better without it.
    """
    row_height, top, left, right = 28.0, 34.0, 230.0, WIDE - 220.0
    reach = max((abs(row["log_loss"]) + 2 * (row["se"] or 0.0) for row in rows), default=0.0)
    low, high, ticks = svg.nice_axis(-max(reach, 0.01), max(reach, 0.01), 4)
    scale, bottom = Scale(low, high, left, right), top + len(rows) * row_height
    zero = scale(0)
    parts = [
        svg.x_axis(scale, ticks, top - 4, bottom, lambda v: f"{v:+g}".replace("-", "−")
                   if v else "0"),
        svg.line(zero, top - 8, zero, bottom, stroke=MUTED, stroke_width=1.4),
        svg.text(zero - 10, 14, "← the others do better without it", text_anchor="end", fill=MUTED,
                 font_size=SMALL),
        svg.text(zero + 10, 14, "worse without it →", fill=MUTED, font_size=SMALL),
    ]  # fmt: skip
    told = []
    for index, row in enumerate(rows):
        y, change, error = top + (index + 0.5) * row_height, row["log_loss"], row["se"]
        clear = row["hurts"] or row["helps"]
        verdict = "hurts" if row["hurts"] else "helps" if row["helps"] else "no clear difference"
        said = f"{row['source']}: log-loss of the others {three(change)} without it, {verdict}"
        parts.append(svg.text(0, y + 4, svg.fit(row["source"], left - 24),
                              font_weight=600 if row["hurts"] else None))  # fmt: skip
        if known(error):
            parts.append(
                svg.line(scale(change - 2 * error), y, scale(change + 2 * error), y, stroke=UNSEEN,
                         stroke_width=2)
            )  # fmt: skip
        fill = UNSEEN if clear else PAPER
        parts.append(svg.square(scale(change), y, tip=said, fill=fill, stroke=UNSEEN,
                                stroke_width=1.8))  # fmt: skip
        parts.append(svg.text(right + 18, y + 4, verdict, font_weight=600 if clear else None,
                              fill=None if clear else MUTED))  # fmt: skip
        told.append(said)
    title = f"What becomes of the other {what} when one is left out of learning"
    size = (WIDE, bottom + 24)
    return svg.frame(name, size, parts, title=title, desc=f"{'; '.join(told)}.")


def needs(name: str, rows: Sequence[Row], moods: Sequence[str], many: str) -> str:
    """Draw each mood's recall on unseen groups, and with twice the groups where that is known.

    Parameters
    ----------
    name : str
    rows : sequence of mapping
        The neediest first: ``mood``, ``groups``, ``tracks``, ``recall`` or None, ``doubled``
        (``groups``, ``recall``, ``low``, ``high``) or None.
    moods : sequence of str
        In the order of their colours.
    many : str
        What the groups are, in the plural.

    Returns
    -------
    str
    """
    row_height, left, right = 28.0, 150.0, WIDE - 210.0
    told_doubled = any(row["doubled"] for row in rows)
    top = 34.0 if told_doubled else 10.0
    scale, bottom = Scale(0, 1, left, right), top + len(rows) * row_height
    parts = [svg.x_axis(scale, (0, 0.2, 0.4, 0.6, 0.8, 1), top - 4, bottom, percent)]
    if told_doubled:
        parts += [
            svg.diamond(left + 6, 12, fill=INK),
            svg.text(left + 18, 16, "now", fill=MUTED),
            svg.diamond(left + 66, 12, 5, fill="none", stroke=INK, stroke_width=1.6),
            svg.text(left + 78, 16, f"with twice the {many}, 95% interval", fill=MUTED),
        ]
    told = []
    for index, row in enumerate(rows):
        y, mood = top + (index + 0.5) * row_height, row["mood"]
        colour = mood_colour(moods.index(mood)) if mood in moods else INK
        has = f"{row['groups']:,} {many} · {row['tracks']:,} tracks"
        parts += [
            svg.text(0, y + 4, svg.fit(mood, left - 14), font_weight=None if index else 600),
            svg.text(right + 18, y + 4, svg.fit(has, 192, 12), font_size=12, fill=MUTED),
        ]
        said, doubled = f"{mood} {percent(row['recall'])} from {has}", row["doubled"]
        if doubled:
            more = (
                f"{percent(doubled['recall'])} ({percent(doubled['low'])} to "
                f"{percent(doubled['high'])}) from {doubled['groups']:,}"
            )
            parts += [
                svg.line(scale(doubled["low"]), y, scale(doubled["high"]), y, stroke=colour,
                         stroke_width=2.5, stroke_linecap="round"),
                svg.diamond(scale(doubled["recall"]), y, 5, tip=f"{mood}: {more}", fill=PAPER,
                            stroke=colour, stroke_width=1.6),
            ]  # fmt: skip
            said += f", {more}"
        if known(row["recall"]):
            tip = f"{mood}: {percent(row['recall'])} recognised, {has}"
            parts.append(svg.diamond(scale(row["recall"]), y, tip=tip, fill=colour))
        told.append(said)
    title = f"Share of each mood recognised on {many} never seen, the neediest first"
    size = (WIDE, bottom + 24)
    return svg.frame(name, size, parts, title=title, desc=f"{'; '.join(told)}.")


def growth_domain(curves: Sequence[tuple[Points, Row]]) -> tuple[float, float]:
    """Give one domain for the recall of several curves, so that they can be set side by side."""
    values = [recall for points, _ in curves for _, recall in points]
    for points, curve in curves:
        further = _doubled(max(points)[1], curve) if points else None
        values += further or ()
    return max(0.0, min(values, default=0.0) - 0.04), min(1.0, max(values, default=1.0) + 0.04)


def growth(
    name: str, points: Points, curve: Row, what: str, domain: tuple[float, float]
) -> str | None:
    """Draw recall against how much was learned from, and one doubling further where it is known.

    Parameters
    ----------
    name : str
    points : sequence of tuple of float
        Number of groups a mood, or share of their tracks; mean recall of the moods.
    curve : mapping
        ``exponent``, ``low``, ``high`` of the power law of the misses: each doubling multiplies
        them by 2 to the power of −exponent. Extrapolated where the whole interval is above 0.
    what : str
        What grows: ``"playlists a mood"``; of shares, ``"of the tracks"``.
    domain : tuple of float
        Of the recall; see `growth_domain`.

    Returns
    -------
    str or None
        None for fewer than two points: there is no line.
    """
    points = sorted((amount, recall) for amount, recall in points if amount > 0)
    if len(points) < 2 or points[-1][0] <= points[0][0]:
        return None
    most, recall = points[-1]
    further = _doubled(recall, curve)
    top, bottom, left, right = 12.0, 172.0, 48.0, HALF - 34.0
    low, high, levels = svg.nice_axis(*domain, 4)
    end = 2 * most if further else most
    across = Scale(points[0][0], end, left + 14, right, log=True)
    up = Scale(low, high, bottom, top)
    marks = [(across(amount), up(recall)) for amount, recall in points]
    parts = [svg.y_axis(up, levels, left, HALF - 6, percent)]
    shares = most <= 1
    amounts = [amount for amount, _ in points] + ([end] if further else [])
    parts += [
        svg.text(across(amount), bottom + 17, _amount(amount, shares=shares), text_anchor="middle",
                 fill=MUTED, font_size=SMALL)
        for amount in amounts
    ]  # fmt: skip
    parts.append(svg.text(HALF - 6, bottom + 34, what, text_anchor="end", fill=MUTED,
                          font_size=SMALL))  # fmt: skip
    said = [f"{_amount(a, shares=shares)}: {percent(r)}" for a, r in points]
    if further:
        x, (middle, least, best) = across(end), further
        fan = [marks[-1], (x, up(best)), (x, up(least))]
        parts += [
            svg.path(fan, fill=UNSEEN, fill_opacity="0.16", stroke="none"),
            svg.path([marks[-1], (x, up(middle))], stroke=UNSEEN, stroke_dasharray="2 4"),
        ]
        words = f"{percent(middle)} ({percent(least)} to {percent(best)})"
        parts.append(svg.diamond(x, up(middle), 5, tip=f"extrapolated: {words}", fill=PAPER,
                                 stroke=UNSEEN, stroke_width=1.6))  # fmt: skip
        said.append(f"{_amount(end, shares=shares)}, extrapolated: {words}")
    parts.append(svg.path(marks, stroke=UNSEEN))
    parts += [svg.diamond(x, y, tip=words) for (x, y), words in zip(marks, said, strict=False)]
    title = f"Mean recall on unseen music by {what}"
    return svg.frame(name, (HALF, bottom + 40), parts, title=title, desc=f"{joined(said)}.")


def extends(curve: Row) -> bool:
    """Whether the whole interval of a power law lies above 0, so that it can be extrapolated."""
    return _doubled(0.0, curve) is not None


def _doubled(recall: float, curve: Row) -> tuple[float, float, float] | None:
    """Extrapolate by one doubling: the recall, its lower and its upper end."""
    c, low, high = curve["exponent"], curve["low"], curve["high"]
    if not (known(c) and known(low) and known(high)) or not 0 < low <= c <= high < 64:
        return None
    middle, least, best = (1 - (1 - recall) * 2.0**-e for e in (c, low, high))
    return middle, least, best


def _amount(amount: float, *, shares: bool) -> str:
    if shares:
        return _SHARES.get(amount, percent(amount))
    return f"{amount:,.0f}"


def rules(name: str, rows: Sequence[Row], moods: Sequence[str]) -> str | None:
    """Draw how often each rule is right, and the model on the very same tracks.

    Parameters
    ----------
    name : str
    rows : sequence of mapping
        ``mood``, ``rule``, ``precision``, ``low``, ``high``, ``model_accuracy`` (each 0 to 1 or
        None), ``beats_model``.
    moods : sequence of str
        In the order of their colours.

    Returns
    -------
    str or None
        None where no rule was judged.
    """
    rows = [row for row in rows if known(row["precision"])]
    if not rows:
        return None
    row_height, top, left, right = 40.0, 34.0, 392.0, WIDE - 106.0
    scale, bottom = Scale(0, 1, left, right), top + len(rows) * row_height
    parts = [
        svg.x_axis(scale, (0, 0.2, 0.4, 0.6, 0.8, 1), top - 4, bottom, percent),
        svg.dot(left + 6, 12),
        svg.text(left + 18, 16, "the rule, 95% interval", fill=MUTED),
        svg.ring(left + 172, 12),
        svg.text(left + 184, 16, "the model on the same tracks", fill=MUTED),
    ]
    told = []
    for index, row in enumerate(rows):
        y, mood, beats = top + (index + 0.5) * row_height, row["mood"], row["beats_model"]
        colour = mood_colour(moods.index(mood)) if mood in moods else INK
        text = row["rule"].replace("duration_ms", feature_name("duration_ms"))
        said = f"{mood}: {percent(row['precision'])} right"
        if known(row["low"]) and known(row["high"]):
            said += f" ({percent(row['low'])} to {percent(row['high'])})"
            parts.append(
                svg.line(scale(row["low"]), y, scale(row["high"]), y, stroke=colour,
                         stroke_width=2.5, stroke_linecap="round")
            )  # fmt: skip
        if known(row["model_accuracy"]):
            said += f", the model there {percent(row['model_accuracy'])}"
            tip = f"the model on these tracks: {percent(row['model_accuracy'])}"
            parts.append(svg.ring(scale(row["model_accuracy"]), y, 5, tip=tip, fill="none"))
        parts += [
            svg.text(0, y - 2, svg.fit(mood, left - 20), font_weight=600),
            svg.text(0, y + 13, svg.fit(text, left - 20, SMALL), font_size=SMALL, fill=MUTED),
            svg.dot(scale(row["precision"]), y, 5.5, tip=said, fill=colour),
            svg.text(right + 14, y + 4, "beats the model", font_size=SMALL, font_weight=600)
            if beats else "",
        ]  # fmt: skip
        told.append(f"{said}, beats the model" if beats else said)
    title = "How often each rule is right, beside the model on the same tracks"
    size = (WIDE, bottom + 24)
    return svg.frame(name, size, parts, title=title, desc=f"{'; '.join(told)}.")


def finite_interval(pair: object) -> tuple[float, float] | None:
    """Read an interval, None unless it is two finite numbers in order."""
    if not isinstance(pair, (list, tuple)) or len(pair) != 2:
        return None
    low, high = pair
    return (low, high) if math.isfinite(low) and math.isfinite(high) and low <= high else None
