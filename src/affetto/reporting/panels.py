"""Charts of the data, of what drives each mood, and of searches; plain data to SVG."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from affetto.features import BY_NAME
from affetto.reporting import svg
from affetto.reporting.charts import HALF, WIDE, Row
from affetto.reporting.svg import INK, MUTED, RULE, SMALL, Scale, mood_colour
from affetto.reporting.words import (
    factor,
    feature_name,
    feature_value,
    joined,
    known,
    percent,
    setting_value,
    three,
)

ODDS_LIMITS = (1 / 64, 64.0)
"""Odds ratios are drawn within these; beyond, an interval ends at the rim."""


def mood_strip(shares: Sequence[float]) -> str:
    """Draw a strip of the moods' colours, each as long as its share; decoration only."""
    total, x, parts = sum(shares) or 1.0, 0.0, []
    for index, share in enumerate(shares):
        width = 1000 * share / total
        parts.append(svg.box(x, 0, width, 10, fill=mood_colour(index)))
        x += width
    return svg.tag(
        "svg", *parts, class_="strip", aria_hidden="true", viewBox="0 0 1000 10",
        preserveAspectRatio="none",
    )  # fmt: skip


def swatch(index: int) -> str:
    """Draw a dot in a mood's colour, to stand beside its name; decoration only."""
    return svg.tag(
        "svg", svg.dot(6, 6, fill=mood_colour(index)), class_="swatch", aria_hidden="true",
        viewBox="0 0 12 12", width=12, height=12,
    )  # fmt: skip


def class_distribution(
    name: str, train: Mapping[str, int], test: Mapping[str, int], moods: Sequence[str]
) -> str:
    """Draw how many tracks of each mood are learned from and kept for the test."""
    row_height, top, left, width = 28.0, 30.0, 150.0, 560.0
    largest = max([1, *(train.get(mood, 0) + test.get(mood, 0) for mood in moods)])
    scale = Scale(0, largest, left, width - 90)
    parts = [
        svg.box(left, 4, 12, 12, fill=MUTED)
        + svg.text(left + 18, 15, "learned from", fill=MUTED)
        + svg.box(left + 121, 5, 10, 10, fill="none", stroke=MUTED, stroke_width=2)
        + svg.text(left + 138, 15, "kept for the test", fill=MUTED)
    ]
    told = []
    for index, mood in enumerate(moods):
        learn, kept = train.get(mood, 0), test.get(mood, 0)
        y, colour = top + index * row_height, mood_colour(index)
        middle, end = scale(learn), scale(learn + kept)
        parts += [
            svg.text(0, y + 14, svg.fit(mood, left - 14)),
            svg.box(left, y + 2, middle - left, 16, fill=colour),
            svg.box(middle + 2, y + 3, max(0.0, end - middle - 3), 14, fill="none", stroke=colour,
                    stroke_width=2),
            svg.text(end + 10, y + 14, f"{learn:,} + {kept:,}"),
        ]  # fmt: skip
        told.append(f"{mood} {learn:,} learned from and {kept:,} kept for the test")
    height = top + len(moods) * row_height
    title = "Tracks of each mood on either side"
    return svg.frame(name, (width, height), parts, title=title, desc=f"{'; '.join(told)}.")


def feature_panel(
    name: str, feature: str, by_mood: Mapping[str, Mapping[str, Row]], moods: Sequence[str]
) -> str:
    """Draw the median and the middle half of one feature for each mood, in its unit.

    Parameters
    ----------
    name : str
    feature : str
    by_mood : mapping
        Mood to feature to ``q25``, ``median``, ``q75``.
    moods : sequence of str

    Returns
    -------
    str
    """
    rows = [(mood, by_mood.get(mood, {}).get(feature)) for mood in moods]
    described = [row for _, row in rows if row]
    row_height, top, left, right = 19.0, 8.0, 96.0, HALF - 62.0
    bottom = top + len(moods) * row_height
    low = min((row["q25"] for row in described), default=0.0)
    high = max((row["q75"] for row in described), default=1.0)
    scale, ticks = _feature_scale(feature, low, high, left, right)
    parts = [
        svg.x_axis(scale, ticks, top, bottom, lambda v: _tick(feature, v)),
    ]
    told = []
    for index, (mood, row) in enumerate(rows):
        y, colour = top + (index + 0.5) * row_height, mood_colour(index)
        parts.append(svg.text(0, y + 4, svg.fit(mood, left - 12), font_size=12))
        if not row:
            continue
        first, last = scale(row["q25"]), scale(row["q75"])
        parts.append(
            svg.line(first, y, last, y, stroke=colour, stroke_width=4, stroke_linecap="round")
        )
        median = feature_value(feature, row["median"])
        between = " to ".join(feature_value(feature, row[q], unit=False) for q in ("q25", "q75"))
        tip = f"{mood}: median {median}, middle half {between}"
        parts.append(
            svg.dot(scale(row["median"]), y, 6, tip=tip, fill=colour, stroke=svg.PAPER,
                    stroke_width=1.6)
        )  # fmt: skip
        shown = feature_value(feature, row["median"], unit=False)
        parts.append(svg.text(HALF, y + 4, shown, text_anchor="end", font_size=12))
        told.append(f"{mood} {median} ({between})")
    title = f"{feature_name(feature).capitalize()} by mood: median and middle half"
    size = (HALF, bottom + 24)
    return svg.frame(name, size, parts, title=title, desc=f"{'; '.join(told)}.")


def _feature_scale(
    feature: str, low: float, high: float, left: float, right: float
) -> tuple[Scale, list[float]]:
    """Round domains; lengths step by half or whole minutes."""
    kind = BY_NAME.get(feature)
    if kind is not None and kind.is_share:
        low = 0.0
    per_minute = 60_000.0 if feature == "duration_ms" else 1.0
    _, _, ticks = svg.nice_axis(low / per_minute, high / per_minute, 4)
    ticks = [tick * per_minute for tick in ticks]
    return Scale(ticks[0], ticks[-1], left + 4, right - 4), ticks


def _tick(feature: str, value: float) -> str:
    kind = BY_NAME.get(feature)
    if kind is not None and kind.unit:
        return feature_value(feature, value, unit=False).removesuffix(".0")
    return f"{value:g}"


def separability(name: str, rows: Sequence[Row], moods: Sequence[str]) -> str:
    """Draw how well each mood is told from the rest: the AUC of the baseline and of one feature.

    Parameters
    ----------
    name : str
    rows : sequence of mapping
        ``mood``, ``auc``, ``feature``, ``feature_auc``, ``direction``; drawn in this order.
    moods : sequence of str
        In the order of their colours.

    Returns
    -------
    str
    """
    row_height, top, left, right = 32.0, 40.0, 150.0, WIDE - 220.0
    scale = Scale(0.5, 1, left, right)
    bottom = top + len(rows) * row_height
    parts = [
        svg.x_axis(scale, (0.5, 0.6, 0.7, 0.8, 0.9, 1), top - 6, bottom, lambda v: f"{v:g}"),
        svg.dot(left + 6, 14),
        svg.text(left + 18, 18, "logistic regression on all features", fill=MUTED),
        svg.ring(left + 256, 14),
        svg.text(left + 268, 18, "its most telling single feature", fill=MUTED),
    ]
    told = []
    for index, row in enumerate(rows):
        y, mood = top + (index + 0.5) * row_height, row["mood"]
        colour = mood_colour(moods.index(mood)) if mood in moods else INK
        alone = f"{row['direction']} {feature_name(row['feature'])}"
        parts.append(svg.text(0, y + 4, svg.fit(mood, left - 14)))
        both = [value for value in (row["auc"], row["feature_auc"]) if known(value)]
        if both:
            parts.append(
                svg.line(scale(min(both)), y, scale(max(both)), y, stroke=colour, stroke_width=1.5)
            )
        if known(row["feature_auc"]):
            tip = f"{mood}: {alone} alone {three(row['feature_auc'])}"
            parts.append(svg.ring(scale(row["feature_auc"]), y, 5, tip=tip, stroke=colour))
        if known(row["auc"]):
            tip = f"{mood}: all features {three(row['auc'])}"
            parts.append(svg.dot(scale(row["auc"]), y, 6, tip=tip, fill=colour))
        parts.append(svg.text(right + 18, y - 1, f"AUC {three(row['auc'])}", font_weight=600))
        below = f"{alone} alone {three(row['feature_auc'])}"
        parts.append(svg.text(right + 18, y + 13, svg.fit(below, 200, SMALL), fill=MUTED,
                              font_size=SMALL))  # fmt: skip
        told.append(f"{mood} {three(row['auc'])}, {alone} alone {three(row['feature_auc'])}")
    title = "How well each mood is told from all others (AUC)"
    size = (WIDE, bottom + 24)
    return svg.frame(name, size, parts, title=title, desc=f"{'; '.join(told)}.")


def correlation(name: str, matrix: Sequence[Sequence[float]], features: Sequence[str]) -> str:
    """Draw the lower triangle of a correlation matrix; names stand on its diagonal."""
    n = len(features)
    cell_w, cell_h = min(64.0, (WIDE - 120) / max(1, n - 1)), 30.0
    parts = []
    for row in range(n):
        y = row * cell_h
        label = feature_name(features[row])
        parts.append(svg.text(row * cell_w + 4, y + 20, label, font_weight=600))
        for column in range(row):
            value = matrix[row][column]
            shade = "var(--shade)" if value >= 0 else "var(--shade-2)"
            pair = f"{feature_name(features[row])} and {feature_name(features[column])}"
            parts.append(
                svg.box(column * cell_w + 1, y + 1, cell_w - 2, cell_h - 2, rx=3, fill=shade,
                        fill_opacity=f"{min(1.0, abs(value)):.2f}", stroke=RULE,
                        tip=f"{pair}: {_correlation_text(value)}")
            )  # fmt: skip
            parts.append(
                svg.text((column + 0.5) * cell_w, y + 19.5, _correlation_text(value),
                         text_anchor="middle", font_size=12,
                         font_weight=600 if abs(value) >= 0.5 else None)
            )  # fmt: skip
    pairs = sorted(
        ((matrix[i][j], i, j) for i in range(n) for j in range(i)), key=lambda pair: -abs(pair[0])
    )
    told = joined(
        [
            f"{feature_name(features[i])} with {feature_name(features[j])} {_correlation_text(r)}"
            for r, i, j in pairs[:12]
        ]
    )
    title = "Correlation of features"
    desc = f"The strongest: {told}." if told else "One feature only."
    return svg.frame(name, (WIDE, max(1, n) * cell_h + 4), parts, title=title, desc=desc)


def _correlation_text(value: float) -> str:
    shown = f"{abs(value):.2f}"
    return f"−{shown}" if value < 0 and float(shown) else shown


def odds_domain(table: Mapping[str, Sequence[Row]]) -> tuple[float, float]:
    """Give one domain for the odds ratios of all moods: powers of two around all intervals."""
    bounds = [row[end] for rows in table.values() for row in rows for end in ("low", "high")]
    bounds = [min(max(bound, ODDS_LIMITS[0]), ODDS_LIMITS[1]) for bound in bounds if known(bound)]
    powers = [math.log2(bound) for bound in bounds] or [0.0]
    return 2.0 ** min(-1, math.floor(min(powers))), 2.0 ** max(1, math.ceil(max(powers)))


def odds_panel(
    name: str, mood: str, index: int, rows: Sequence[Row], domain: tuple[float, float]
) -> str:
    """Draw the odds ratios of one mood with their intervals, on an axis of equal ratios.

    Parameters
    ----------
    name : str
    mood : str
    index : int
        Place of the mood among the colours.
    rows : sequence of mapping
        ``feature``, ``odds_ratio``, ``low``, ``high``; drawn in this order. Hollow where
        the interval holds 1.
    domain : tuple of float

    Returns
    -------
    str
    """
    row_height, top, left, right = 21.0, 8.0, 122.0, HALF - 52.0
    bottom = top + len(rows) * row_height
    scale = Scale(*domain, left, right, log=True)
    powers = range(round(math.log2(domain[0])), round(math.log2(domain[1])) + 1)
    step = max(1, math.ceil(len(powers) / 7))
    ticks = [2.0**power for power in powers if power % step == 0]
    parts = [svg.x_axis(scale, ticks, top, bottom, _ratio_tick)]
    parts.append(svg.line(scale(1), top - 4, scale(1), bottom, stroke=MUTED, stroke_width=1.4))
    colour = mood_colour(index)
    leader = max(rows, key=lambda row: float(row["odds_ratio"]))["feature"] if rows else None
    told = []
    for place, row in enumerate(rows):
        y = top + (place + 0.5) * row_height
        value, low, high = row["odds_ratio"], row["low"], row["high"]
        leads = row["feature"] == leader
        parts.append(
            svg.text(0, y + 4, feature_name(row["feature"]), font_weight=700 if leads else None)
        )
        parts.append(
            svg.line(scale(low), y, scale(high), y, stroke=colour, stroke_width=2.5,
                     stroke_linecap="round")
        )  # fmt: skip
        words = f"{factor(value)} ({factor(low)} to {factor(high)})"
        tip = f"{mood}, {feature_name(row['feature'])}: {words}"
        if low <= 1 <= high:
            parts.append(svg.ring(scale(value), y, 4.5, tip=tip, stroke=colour))
        else:
            parts.append(svg.dot(scale(value), y, 5.5, tip=tip, fill=colour))
        parts.append(
            svg.text(HALF, y + 4, f"×{factor(value)}", text_anchor="end", font_size=12,
                     font_weight=700 if leads else None)
        )  # fmt: skip
        told.append(f"{feature_name(row['feature'])} {words}")
    title = f"Odds ratios of {mood}"
    size = (HALF, bottom + 24)
    return svg.frame(name, size, parts, title=title, desc=f"{'; '.join(told)}.")


def _ratio_tick(value: float) -> str:
    small = {0.5: "½", 0.25: "¼", 0.125: "⅛"}
    return small.get(value) or (f"{value:g}" if value >= 1 else f"1/{round(1 / value)}")


def search_map(
    name: str, rows: Sequence[Row], keys: tuple[str, str], chosen: Mapping[str, Any]
) -> str:
    """Draw validation accuracy over a grid of two settings.

    Parameters
    ----------
    name : str
    rows : sequence of mapping
        Two settings, and ``validation``.
    keys : tuple of str
        The setting that varies downwards, and the one that varies to the right.
    chosen : mapping
        The settings that were taken; outlined.

    Returns
    -------
    str
    """
    down = list(dict.fromkeys(row[keys[0]] for row in rows))
    right = list(dict.fromkeys(row[keys[1]] for row in rows))
    scores = [row["validation"] for row in rows]
    low, high = min(scores), max(scores)
    labels = [setting_value(value) for value in down]
    left = max(44.0, max(svg.text_width(label) for label in labels) + 14)
    cell_w, cell_h, top = (HALF - left) / len(right), 28.0, 44.0
    numbered = cell_w >= 30 and len(rows) <= 400
    parts = [
        svg.text(left, 12, f"{keys[1]} →", fill=MUTED),
        svg.text(0, top - 8, f"{keys[0]} ↓", fill=MUTED),
    ]
    for column, value in enumerate(right):
        x, label = left + (column + 0.5) * cell_w, setting_value(value)
        parts.append(
            svg.text(
                x, top - 8, svg.fit(label, cell_w, SMALL), text_anchor="middle", font_size=SMALL
            )
        )
    for row_index, label in enumerate(labels):
        parts.append(
            svg.text(
                left - 8, top + row_index * cell_h + 18, label, text_anchor="end", font_size=SMALL
            )
        )
    for row in sorted(rows, key=lambda row: _same(row, chosen, keys)):  # the outline on top
        x, y = left + right.index(row[keys[1]]) * cell_w, top + down.index(row[keys[0]]) * cell_h
        share = (row["validation"] - low) / (high - low) if high > low else 1.0
        mine = _same(row, chosen, keys)
        where = ", ".join(f"{key} = {setting_value(row[key])}" for key in keys)
        parts.append(
            svg.box(x + 1, y + 1, cell_w - 2, cell_h - 2, rx=3, fill="var(--shade)",
                    fill_opacity=f"{share:.2f}", stroke=INK if mine else RULE,
                    stroke_width=2.4 if mine else 1, tip=f"{where}: {three(row['validation'])}")
        )  # fmt: skip
        if numbered:
            digits = three(row["validation"]).removeprefix("0")
            parts.append(
                svg.text(x + cell_w / 2, y + 18, digits, text_anchor="middle", font_size=SMALL,
                         font_weight=700 if mine else None)
            )  # fmt: skip
    title, words = f"Search over {keys[0]} and {keys[1]}", _search_words(rows, keys, chosen)
    return svg.frame(name, (HALF, top + len(down) * cell_h + 4), parts, title=title, desc=words)


def search_curve(name: str, rows: Sequence[Row], key: str, chosen: Mapping[str, Any]) -> str:
    """Draw validation (filled) and training (hollow) accuracy over one setting."""
    rows = sorted(rows, key=lambda row: float(row[key]))
    values = [float(row[key]) for row in rows]
    log = values[0] > 0 and values[-1] / values[0] >= 20
    top, bottom, left, right = 28.0, 196.0, 44.0, HALF - 12.0
    across = Scale(values[0], values[-1], left + 8, right - 8, log=log)
    scores = [row[side] for row in rows for side in ("validation", "train") if known(row.get(side))]
    low, high, levels = svg.nice_axis(min(scores), max(scores), 4)
    up = Scale(low, high, bottom, top)
    parts = [
        svg.y_axis(up, levels, left, right, percent),
        svg.dot(left + 4, 10, 4),
        svg.text(left + 14, 14, "validation", fill=MUTED, font_size=SMALL),
        svg.ring(left + 92, 10, 4),
        svg.text(left + 102, 14, "training", fill=MUTED, font_size=SMALL),
    ]
    step = max(1, math.ceil(len(values) / 5))
    for place, value in enumerate(values):
        if place % step == 0:
            label = setting_value(value)
            parts.append(
                svg.text(
                    across(value),
                    bottom + 18,
                    label,
                    text_anchor="middle",
                    fill=MUTED,
                    font_size=SMALL,
                )
            )
    parts.append(
        svg.text(
            right,
            bottom + 36,
            key.replace("_", " "),
            text_anchor="end",
            fill=MUTED,
            font_size=SMALL,
        )
    )
    for side, dashes in (("train", "2 4"), ("validation", None)):
        marks = [(across(float(r[key])), up(r[side])) for r in rows if known(r.get(side))]
        parts.append(svg.path(marks, stroke_dasharray=dashes) if marks else "")
        draw = svg.ring if side == "train" else svg.dot
        parts += [draw(x, y, 4) for x, y in marks]
    for row in rows:
        if _same(row, chosen, (key,)):
            x, y = across(float(row[key])), up(row["validation"])
            parts.append(svg.ring(x, y, 9, fill="none", tip=f"chosen: {three(row['validation'])}"))
    words = _search_words(rows, (key,), chosen)
    title = f"Search over {key.replace('_', ' ')}"
    return svg.frame(name, (HALF, bottom + 42), parts, title=title, desc=words)


def _same(row: Row, chosen: Mapping[str, Any], keys: Sequence[str]) -> bool:
    return all(row[key] == chosen.get(key) for key in keys)


def _search_words(rows: Sequence[Row], keys: Sequence[str], chosen: Mapping[str, Any]) -> str:
    best = max(rows, key=lambda row: float(row["validation"]))
    worst = min(row["validation"] for row in rows)
    where = joined([f"{key} = {setting_value(best[key])}" for key in keys])
    words = (
        f"{len(rows)} settings, validation accuracy from {three(worst)} to "
        f"{three(best['validation'])}, the best at {where}"
    )
    taken = next((row for row in rows if _same(row, chosen, keys)), None)
    if taken is not None:
        where = joined([f"{key} = {setting_value(taken[key])}" for key in keys])
        words += f"; chosen: {where} with {three(taken['validation'])}"
    return f"{words}."
