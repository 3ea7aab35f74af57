"""Mood over time: one track's windows as a picture of its own, light or dark as its viewer is."""

from collections.abc import Mapping, Sequence
from typing import Any

from affetto.moods import Mood, resolve_moods
from affetto.reporting import svg
from affetto.reporting.svg import INK, MUTED, SMALL, Scale, mood_colour, number
from affetto.reporting.words import clock, joined, known, percent

WIDTH = 800
_LEFT, _RIGHT, _MARGIN = 52.0, WIDTH - 22.0, 22.0
_STEPS_S = (5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600)
_MOST_TICKS = 9
_LINES = {"energy": None, "valence": "5 4"}  # dashes: told apart without colour

Row = Mapping[str, Any]


def timeline_picture(
    moments: Sequence[Row], moods: Sequence[str], *, title: str, duration_s: float
) -> str:
    """Draw how probable each mood is over the course of a track, above its energy and valence.

    Parameters
    ----------
    moments : sequence of mapping
        Labelled windows in order: ``start_s``, ``stop_s``, ``energy``, ``valence`` and
        ``p_<mood>`` of each mood; None where a window could not be judged.
    moods : sequence of str
        In the order of their colours.
    title : str
        The track, as people call it.
    duration_s : float
        Length of the track, seconds.

    Returns
    -------
    str
        A complete SVG document.
    """
    known_moods = resolve_moods(moods)
    heard = [row for row in moments if known(row[known_moods[0].column])]
    times = Scale(0, max(duration_s, 1e-3), _LEFT, _RIGHT)
    bands = Scale(0, 1, 262, 92)
    lines = Scale(0, 1, 378, 302)
    mean = {
        mood.name: sum(row[mood.column] for row in heard) / max(1, len(heard))
        for mood in known_moods
    }
    parts = [
        svg.text(_MARGIN, 34, svg.fit(title, WIDTH - 2 * _MARGIN, 17), font_size=17, fill=INK),
        _legend(mean),
        *_bands(heard, known_moods, times, bands, duration_s),
        svg.y_axis(lines, (0, 0.5, 1), _LEFT, _RIGHT, lambda value: f"{value:g}"),
        *_curves(heard, times, lines),
        svg.x_axis(times, _ticks(duration_s), bands.end, 386, clock),
    ]
    said = joined([f"{name} {percent(share)}" for name, share in mean.items()])
    size = (WIDTH, 418)
    picture = svg.frame(
        "timeline", size, parts, title=f"Mood over time: {title}", desc=f"Mean: {said}."
    )
    return svg.document(
        picture,
        size,
        light=[mood.colour_light for mood in known_moods],
        dark=[mood.colour_dark for mood in known_moods],
    )


def _legend(mean: Mapping[str, float]) -> str:
    parts, x = [], _MARGIN
    for index, (name, share) in enumerate(mean.items()):
        label = f"{name} {percent(share)}"
        parts.append(svg.box(x, 56, 11, 11, rx=3, fill=mood_colour(index)))
        parts.append(svg.text(x + 17, 66, label, fill=INK))
        x += 17 + svg.text_width(label) + 20
    return "".join(parts)


def _bands(
    rows: Sequence[Row], moods: Sequence[Mood], times: Scale, shares: Scale, duration_s: float
) -> list[str]:
    """Stack the probabilities, each window at its middle, the first and last to the ends."""
    if not rows:
        return [svg.text(_LEFT, 180, "nothing to hear", fill=MUTED)]
    middles = [(row["start_s"] + row["stop_s"]) / 2 for row in rows]
    places = [times(t) for t in (0.0, *middles, duration_s)]
    held = [rows[0], *rows, rows[-1]]
    below = [0.0] * len(held)
    parts = []
    for index, mood in enumerate(moods):
        above = [base + row[mood.column] for base, row in zip(below, held, strict=True)]
        there = [(x, shares(y)) for x, y in zip(places, above, strict=True)]
        back = [(x, shares(y)) for x, y in zip(places, below, strict=True)][::-1]
        corners = "L".join(f"{number(x)} {number(y)}" for x, y in [*there, *back])
        parts.append(svg.tag("path", d=f"M{corners}Z", fill=mood_colour(index)))
        below = above
    return parts


def _curves(rows: Sequence[Row], times: Scale, values: Scale) -> list[str]:
    parts = []
    for place, (name, dashes) in enumerate(_LINES.items()):
        points = [
            (times((row["start_s"] + row["stop_s"]) / 2), values(row[name]))
            for row in rows
            if known(row[name])
        ]
        x = _LEFT + 100 * place
        parts.append(svg.line(x, 286, x + 24, 286, stroke=INK, stroke_dasharray=dashes))
        parts.append(svg.text(x + 30, 290, name, fill=MUTED, font_size=SMALL))
        if len(points) > 1:
            parts.append(svg.path(points, stroke_width=1.6, stroke_dasharray=dashes))
        parts += [svg.dot(x, y, 2.5) for x, y in points if len(points) == 1]
    return parts


def _ticks(duration_s: float) -> list[float]:
    step = next((s for s in _STEPS_S if duration_s / s <= _MOST_TICKS), _STEPS_S[-1])
    ticks = [float(step * i) for i in range(int(duration_s // step) + 1)]
    most = len(ticks) // _MOST_TICKS + 1 if len(ticks) > 2 * _MOST_TICKS else 1
    return ticks[::most]
