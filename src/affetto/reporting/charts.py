"""Charts of how well it goes: candidates, confusion, searches, curves; plain data to SVG."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from affetto.reporting import svg
from affetto.reporting.svg import INK, MUTED, RULE, SMALL, UNSEEN, Scale, mood_colour
from affetto.reporting.words import (
    joined,
    known,
    of_100,
    percent,
    settings_text,
    three,
)

WIDE, HALF = 800, 384
"""Natural widths in px: a whole column of the page, or half of it."""

DOTS = 20
MOST_NUMBERED = 20
"""Matrices of more moods are drawn without numbers: none could be read."""

Row = Mapping[str, Any]


def recognised(
    name: str, per_mood: Mapping[str, Row], moods: Sequence[str], where: str, *, unseen: bool
) -> str:
    """Draw twenty tracks of each mood, those recognised filled.

    Parameters
    ----------
    name : str
        Unique on the page.
    per_mood : mapping
        Of each mood at least ``recall``, from 0 to 1 or None.
    moods : sequence of str
        In the order of their colours.
    where : str
        On which tracks, e.g. ``"on playlists never seen"``.
    unseen : bool
        Whether these are unseen groups: drawn as diamonds.

    Returns
    -------
    str
    """
    row, label, step = 23.0, 104.0, 11.8
    mark, hollow_r, full_r = (svg.diamond, 4.4, 5.4) if unseen else (svg.dot, 3.9, 4.6)
    parts, told = [], []
    for index, mood in enumerate(moods):
        recall = per_mood.get(mood, {}).get("recall")
        y, colour = 12 + index * row, mood_colour(index)
        filled = round(DOTS * recall) if known(recall) else 0
        parts.append(svg.text(0, y + 4, svg.fit(mood, label - 8)))
        for place in range(DOTS):
            x = label + 6 + place * step
            full = place < filled
            parts.append(
                mark(x, y, full_r, fill=colour)
                if full
                else mark(x, y, hollow_r, fill="none", stroke=colour, stroke_width=1.2)
            )
        parts.append(svg.text(HALF, y + 4, percent(recall), text_anchor="end", font_weight=600))
        told.append(f"{mood} {percent(recall)}")
    title = f"Share of each mood's tracks that are recognised, {where}"
    height = 12 + len(moods) * row
    return svg.frame(name, (HALF, height), parts, title=title, desc=f"{joined(told)}.")


def candidates(
    name: str,
    rows: Sequence[Row],
    chosen: str,
    *,
    floor: float | None,
    groups: str = "groups",
) -> str:
    """Draw candidates beside one another, best first.

    Parameters
    ----------
    name : str
    rows : sequence of mapping
        As in the evidence: ``name``, ``title``, ``settings``, ``cv`` (``accuracy``, ``low``,
        ``high``), ``train_accuracy``, ``unseen_group`` (``accuracy``) or None.
    chosen : str
        Name of the one that was chosen.
    floor : float or None
        Accuracy of always saying the most frequent mood.
    groups : str
        What was kept unseen, in the plural.

    Returns
    -------
    str
        Sorted by accuracy on unseen groups where it is known, else by cross-validation.
    """
    row_height, top, left = 40.0, 46.0, 282.0
    scale = Scale(0, 1, left, WIDE - 24)
    bottom = top + len(rows) * row_height + 4
    parts = [svg.x_axis(scale, (0, 0.2, 0.4, 0.6, 0.8, 1), top - 4, bottom, percent)]
    with_unseen = any(row.get("unseen_group") for row in rows)
    parts.append(_candidate_legend(left, groups if with_unseen else None))
    told = []
    for index, row in enumerate(sorted(rows, key=by_merit)):
        y = top + (index + 0.5) * row_height
        mine = row["name"] == chosen
        if mine:
            band = svg.box(0, y - row_height / 2, WIDE, row_height, fill="var(--surface)", rx=6)
            parts.insert(0, band)
        parts += _candidate_row(row, scale, y, mine, groups)
        told.append(_candidate_words(row, mine, groups))
    if floor is not None:
        x = scale(floor)
        parts.append(
            svg.line(x, top - 8, x, bottom, stroke=MUTED, stroke_dasharray="2 4", stroke_width=1.4)
        )
        parts.append(
            svg.text(x, bottom + 33, f"always the most frequent mood: {percent(floor)}",
                     text_anchor="middle", fill=MUTED, font_size=SMALL)
        )  # fmt: skip
    title = f"Accuracy of {len(rows)} candidates"
    size = (WIDE, bottom + 40)
    return svg.frame(name, size, parts, title=title, desc=f"{'; '.join(told)}.")


def by_merit(row: Row) -> float:
    """Sort key of candidates: accuracy on unseen groups where known, else in cross-validation."""
    unseen = row.get("unseen_group")
    return -float(unseen["accuracy"] if unseen else row["cv"]["accuracy"])


def _candidate_legend(left: float, groups: str | None) -> str:
    marks = [
        (svg.dot, "random split, 95% interval", 176.0),
        (svg.ring, "the tracks it learned from", 172.0),
    ]
    if groups:
        marks.insert(0, (svg.diamond, f"{groups} never seen", 150.0))
    parts, x = [], left
    for draw, label, advance in marks:
        parts.append(draw(x + 6, 15) + svg.text(x + 18, 19, label, fill=MUTED))
        x += advance
    return "".join(parts)


def _candidate_row(row: Row, scale: Scale, y: float, mine: bool, groups: str) -> list[str]:
    cv, train, unseen = row["cv"], row["train_accuracy"], row.get("unseen_group")
    settings = settings_text(row.get("settings", {}))
    below = " · ".join(filter(None, ("chosen" if mine else "", settings)))
    middle = y + 4.5 if not below else y - 2
    parts = [
        svg.text(12, middle, svg.fit(row["title"], 258), font_weight=700 if mine else None),
        svg.text(12, y + 13, svg.fit(below, 258, SMALL), fill=MUTED, font_size=SMALL)
        if below
        else "",
        svg.line(scale(cv["accuracy"]), y, scale(train), y, stroke=MUTED, stroke_dasharray="1 3"),
        svg.line(scale(cv["low"]), y, scale(cv["high"]), y, stroke=INK, stroke_width=2),
    ]
    parts += [
        svg.line(scale(end), y - 4, scale(end), y + 4, stroke=INK, stroke_width=2)
        for end in (cv["low"], cv["high"])
    ]
    title = row["title"]
    parts.append(svg.ring(scale(train), y, tip=f"{title}: {three(train)} on its own tracks"))
    parts.append(svg.dot(scale(cv["accuracy"]), y, tip=f"{title}: {_interval(cv)}, random split"))
    if unseen:
        tip = f"{title}: {three(unseen['accuracy'])} on {groups} never seen"
        parts.append(svg.diamond(scale(unseen["accuracy"]), y, tip=tip))
    return parts


def _candidate_words(row: Row, mine: bool, groups: str) -> str:
    words = f"{row['title']}{' (chosen)' if mine else ''}: {_interval(row['cv'])} by random split, "
    words += f"{three(row['train_accuracy'])} on its own tracks"
    unseen = row.get("unseen_group")
    return words + (f", {three(unseen['accuracy'])} on {groups} never seen" if unseen else "")


def _interval(figures: Row) -> str:
    return f"{three(figures['accuracy'])} ({three(figures['low'])} to {three(figures['high'])})"


def confusion(name: str, matrix: Sequence[Sequence[int]], moods: Sequence[str], where: str) -> str:
    """Draw a confusion matrix: counts, and shares of each row as shade.

    Parameters
    ----------
    name : str
    matrix : sequence of sequence of int
        Counts by true mood (rows) and mood said (columns).
    moods : sequence of str
    where : str
        On which tracks.

    Returns
    -------
    str
    """
    n = len(moods)
    left = min(190.0, max(60.0, max(svg.text_width(mood) for mood in moods) + 26))
    cell_w = min(100.0, (WIDE - left - 64) / n)
    cell_h = min(54.0, max(cell_w * 0.62, 12.0))
    slanted = max(svg.text_width(mood) for mood in moods) > cell_w - 6
    size = svg.SIZE if n <= 8 else SMALL if n <= MOST_NUMBERED else 9.0
    longest = max(svg.text_width(svg.fit(mood, 130, size), size) for mood in moods)
    top = 30 + (longest * 0.72 + 12 if slanted else 18)
    parts = [
        svg.text(left, 12, "called …", fill=MUTED),
        svg.text(0, top - 10, "truly …", fill=MUTED),
    ]
    told = []
    for column, mood in enumerate(moods):
        x = left + (column + 0.5) * cell_w
        turn = f"rotate(-45 {svg.number(x)} {svg.number(top - 8)})" if slanted else None
        label = svg.fit(mood, 130, size) if slanted else mood
        anchor = "start" if slanted else "middle"
        parts.append(
            svg.text(x, top - 8, label, text_anchor=anchor, transform=turn, font_size=size)
        )
    numbered = n <= MOST_NUMBERED
    if not numbered:
        parts += _shaded(matrix, left, top, cell_w, cell_h)
    for row, (mood, counts) in enumerate(zip(moods, matrix, strict=True)):
        y, total = top + row * cell_h, sum(counts)
        middle = y + cell_h / 2
        parts.append(svg.dot(6, middle, min(5.0, cell_h * 0.4), fill=mood_colour(row)))
        parts.append(svg.text(17, middle + 4, svg.fit(mood, left - 24, size), font_size=size))
        if numbered:
            for column, count in enumerate(counts):
                place = (left + column * cell_w, y, cell_w, cell_h)
                tip = f"{mood} called {moods[column]}: {count:,} of {total:,}"
                parts += _cell(place, count, count / (total or 1), row == column, tip)
            x = left + n * cell_w + 8
            parts.append(svg.text(x, middle + 4, f"{total:,}", fill=MUTED, font_size=size))
        right = counts[row] / total if total else None
        told.append(f"{mood} {counts[row]} of {total} right ({percent(right)})")
    title = f"Confusion of moods, {where}"
    whole = (max(left + n * cell_w + 64, 420), top + n * cell_h + 4)
    return svg.frame(name, whole, parts, title=title, desc=f"{joined(told)}.")


def _cell(
    place: tuple[float, float, float, float], count: int, share: float, right: bool, tip: str
) -> list[str]:
    x, y, width, height = place
    middle, two_lines = x + width / 2, width >= 44 and height >= 38 and count
    baseline = y + height / 2 + (-1 if two_lines else 4)
    parts = [
        svg.box(x + 1, y + 1, width - 2, height - 2, tip=tip, rx=3, fill="var(--shade)",
                fill_opacity=f"{share:.2f}", stroke=INK if right else RULE,
                stroke_width=1.4 if right else None),
        svg.text(middle, baseline, f"{count:,}" if count else "·", text_anchor="middle",
                 font_weight=600 if count else None, font_size=None if width >= 40 else 9.5,
                 fill=None if count else MUTED),
    ]  # fmt: skip
    if two_lines:
        below = f"{of_100(share)}%"
        parts.append(svg.text(middle, baseline + 14, below, text_anchor="middle", font_size=SMALL))
    return parts


def _shaded(
    matrix: Sequence[Sequence[int]], left: float, top: float, width: float, height: float
) -> list[str]:
    """Draw cells without numbers: one path for each tenth of a share."""
    levels: dict[int, list[str]] = {}
    for row, counts in enumerate(matrix):
        for column, count in enumerate(counts):
            level = math.ceil(10 * count / (sum(counts) or 1))
            x, y = svg.number(left + column * width), svg.number(top + row * height)
            levels.setdefault(level, []).append(f"M{x} {y}h{width:.1f}v{height:.1f}h-{width:.1f}z")
    drawn = [
        svg.tag("path", d="".join(cells), fill="var(--shade)", fill_opacity=f"{level / 10:g}")
        for level, cells in sorted(levels.items())
        if level
    ]
    n = len(matrix)
    rim = svg.box(left, top, n * width, n * height, fill="none", stroke=RULE)
    diagonal = [
        svg.box(left + i * width, top + i * height, width, height, fill="none", stroke=INK,
                stroke_width=0.8)
        for i in range(n)
    ]  # fmt: skip
    return [*drawn, rim, *diagonal]


def per_mood_measures(name: str, per_mood: Mapping[str, Row], moods: Sequence[str]) -> str:
    """Draw precision, recall and F1 of each mood, from 0 to 1; undefined ones are left out."""
    row_height, top, left = 30.0, 40.0, 150.0
    scale = Scale(0, 1, left, WIDE - 24)
    bottom = top + len(moods) * row_height
    parts = [svg.x_axis(scale, (0, 0.2, 0.4, 0.6, 0.8, 1), top - 4, bottom, percent)]
    told = []
    legend = (
        ("recall", "recall: of its tracks, how many are found", 0),
        ("precision", "precision: of those called so, how many are", 254),
        ("f1", "F1: both in one", 524),
    )
    for measure, words, x in legend:
        parts.append(_measure(measure, left + x + 4, 14, INK))
        parts.append(svg.text(left + x + 16, 18, words, fill=MUTED, font_size=SMALL))
    for index, mood in enumerate(moods):
        y, colour = top + (index + 0.5) * row_height, mood_colour(index)
        figures = per_mood.get(mood, {})
        parts.append(svg.text(0, y + 4, svg.fit(mood, left - 18)))
        places = [scale(figures[key]) for key, *_ in legend if known(figures.get(key))]
        if places:
            parts.append(svg.line(min(places), y, max(places), y, stroke=colour, stroke_width=1.5))
        for measure in ("f1", "precision", "recall"):
            value = figures.get(measure)
            if known(value):
                tip = f"{mood}: {measure} {three(value)}"
                parts.append(_measure(measure, scale(value), y, colour, tip))
        told.append(
            f"{mood} precision {three(figures.get('precision'))}, "
            f"recall {three(figures.get('recall'))}, F1 {three(figures.get('f1'))}"
        )
    title, words = "Precision, recall and F1 of each mood", f"{'; '.join(told)}."
    return svg.frame(name, (WIDE, bottom + 24), parts, title=title, desc=words)


def _measure(measure: str, x: float, y: float, colour: str, tip: str = "") -> str:
    if measure == "recall":
        return svg.dot(x, y, 5.5, tip=tip, fill=colour)
    if measure == "precision":
        return svg.box(x - 4.5, y - 4.5, 9, 9, tip=tip, fill=svg.PAPER, stroke=colour,
                       stroke_width=2)  # fmt: skip
    return svg.line(x, y - 7, x, y + 7, stroke=colour, stroke_width=2.5)


def learning_curve(name: str, points: Sequence[Row]) -> str:
    """Draw accuracy on both sides against the number of tracks learned from.

    Parameters
    ----------
    name : str
    points : sequence of mapping
        ``n``, ``train``, ``validation``, ``validation_se`` (or None), by growing n.

    Returns
    -------
    str
        Validation with a band of one standard error.
    """
    errors = [point.get("validation_se") or 0.0 for point in points]
    lows = [point["validation"] - error for point, error in zip(points, errors, strict=True)]
    highs = [point["validation"] + error for point, error in zip(points, errors, strict=True)]
    most = max(*highs, *(point["train"] for point in points))
    low, high, levels = svg.nice_axis(max(0.0, min(lows)), min(1.0, most))
    top, bottom, left, right = 18.0, 268.0, 48.0, WIDE - 168.0
    across = Scale(0, points[-1]["n"], left, right)
    up = Scale(low, high, bottom, top)
    parts = [svg.y_axis(up, levels, left, right, percent)]
    parts += [
        svg.text(across(tick), bottom + 18, f"{tick:,.0f}", text_anchor="middle", fill=MUTED)
        for tick in svg.nice_axis(0, points[-1]["n"])[2]
        if tick <= points[-1]["n"]
    ]
    parts.append(svg.text(right, bottom + 38, "tracks learned from", text_anchor="end", fill=MUTED))
    places = [across(point["n"]) for point in points]
    band = [*zip(places, map(up, highs), strict=True)]
    band += reversed([*zip(places, map(up, lows), strict=True)])
    parts.append(svg.path(band, fill=INK, fill_opacity="0.13", stroke="none"))
    for key, dashes in (("train", "2 4"), ("validation", None)):
        marks = [(x, up(point[key])) for x, point in zip(places, points, strict=True)]
        parts.append(svg.path(marks, stroke_dasharray=dashes))
        draw = svg.ring if key == "train" else svg.dot
        parts += [
            draw(x, y, 4.5, tip=f"{point['n']:,} tracks: {key} {three(point[key])}")
            for (x, y), point in zip(marks, points, strict=True)
        ]
    last = points[-1]
    y_train, y_new = _apart(up(last["train"]), up(last["validation"]), 34)
    for y, label, value in ((y_train, "the tracks it learned from", last["train"]),
                            (y_new, "tracks it had not seen", last["validation"])):  # fmt: skip
        parts.append(svg.text(right + 14, y, percent(value), font_weight=700))
        parts.append(svg.text(right + 14, y + 14, label, font_size=SMALL, fill=MUTED))
    told = "; ".join(
        f"from {p['n']:,} tracks: {three(p['train'])} on these, {three(p['validation'])} on others"
        for p in points
    )
    title = "Accuracy as the number of tracks grows"
    return svg.frame(name, (WIDE, bottom + 46), parts, title=title, desc=f"{told}.")


def _apart(upper: float, lower: float, distance: float) -> tuple[float, float]:
    """Move two labels apart, keeping their order."""
    missing = max(0.0, distance - abs(lower - upper)) / 2
    sign = 1 if lower >= upper else -1
    return upper - sign * missing, lower + sign * missing


def coverage(
    name: str, random: Mapping[str, float], unseen: Mapping[str, float] | None, groups: str
) -> str:
    """Draw accuracy on the most confident share of tracks.

    Parameters
    ----------
    name : str
    random, unseen : mapping of str to float
        Accuracy by share (``"0.5"``), on a random split and on groups never seen.
    groups : str
        What was kept unseen, in the plural.

    Returns
    -------
    str
    """
    top, bottom, left, right = 18.0, 248.0, 48.0, WIDE - 168.0
    lines: list[tuple[str, list[tuple[float, float]], bool]] = [
        ("random split", _points(random), False)
    ]
    if unseen:
        lines.append((f"{groups} never seen", _points(unseen), True))
    lowest = min(value for _, points, _ in lines for _, value in points)
    low, high, levels = svg.nice_axis(max(0.0, lowest - 0.08), 1.0)
    across, up = Scale(0, 1, left, right), Scale(low, high, bottom, top)
    parts = [svg.y_axis(up, levels, left, right, percent)]
    shares = [share for share, _ in lines[0][1]]
    parts += [
        svg.text(across(share), bottom + 18, percent(share), text_anchor="middle", fill=MUTED)
        for share in shares
    ]
    words = "share of tracks labelled, the most confident first"
    parts.append(svg.text(right, bottom + 38, words, text_anchor="end", fill=MUTED))
    ends = [up(points[-1][1]) for _, points, _ in lines]
    if len(ends) == 2:
        ends = list(_apart(ends[0], ends[1], 34))
    told = []
    for (label, points, is_unseen), end in zip(lines, ends, strict=True):
        colour, mark = (UNSEEN, svg.diamond) if is_unseen else (INK, svg.dot)
        dashes = "7 4" if is_unseen else None
        marks = [(across(share), up(value)) for share, value in points]
        parts.append(svg.path(marks, stroke=colour, stroke_dasharray=dashes))
        parts += [
            mark(x, y, tip=f"{label}: {three(value)} of the surest {percent(share)}",
                 fill=colour)
            for (x, y), (share, value) in zip(marks, points, strict=True)
        ]  # fmt: skip
        parts.append(svg.text(right + 14, end, percent(points[-1][1]), font_weight=700))
        parts.append(svg.text(right + 14, end + 14, label, font_size=SMALL, fill=MUTED))
        figures = [f"{three(value)} of the surest {percent(share)}" for share, value in points]
        told.append(f"{label}: {joined(figures)}")
    title = "Accuracy when only the most confident tracks are labelled"
    size = (WIDE, bottom + 46)
    return svg.frame(name, size, parts, title=title, desc=f"{'; '.join(told)}.")


def _points(curve: Mapping[str, float]) -> list[tuple[float, float]]:
    return sorted((float(share), value) for share, value in curve.items())
