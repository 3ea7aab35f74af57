"""SVG primitives: escaped tags, scales with ticks, text that fits, and an accessible frame.

Everything is drawn with ``currentColor`` and CSS variables (``--ink``, ``--muted``,
``--rule``, ``--paper``, ``--mood-0`` …), so that the page around decides on light or dark.
"""

import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

SIZE, SMALL = 12.5, 11.0
"""Font sizes in px at natural width."""

INK, MUTED, RULE, PAPER = "var(--ink)", "var(--muted)", "var(--rule)", "var(--paper)"
UNSEEN = "var(--unseen)"
"""Colour of whatever was measured on unseen music; never alone, always with a diamond (unseen
groups) or a square (unseen tables)."""

_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"}

Attribute = str | float | None


def escape(text: str) -> str:
    """Make text safe in XML and HTML, as content and within quotes."""
    shown = _UNPRINTABLE.sub("\ufffd", text)
    return re.sub("[&<>\"']", lambda found: _ENTITIES[found[0]], shown)


def number(value: float) -> str:
    """Write a coordinate with at most one decimal, finer than any screen shows."""
    written = f"{value:.1f}".rstrip("0").rstrip(".")
    return "0" if written in ("-0", "") else written


def tag(name: str, *content: str, **attributes: Attribute) -> str:
    """Write an element.

    Parameters
    ----------
    name : str
    *content : str
        Markup, already escaped.
    **attributes : str, float or None
        ``text_anchor`` becomes ``text-anchor``, ``class_`` ``class``; None is left out.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_as_text(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{written}>{''.join(content)}</{name}>" if content else f"<{name}{written}/>"


def _as_text(value: str | float) -> str:
    return value if isinstance(value, str) else number(value)


def text(x: float, y: float, content: str, **attributes: Attribute) -> str:
    """Write text; `y` is its baseline."""
    return tag("text", escape(content), x=x, y=y, **attributes)


def line(x1: float, y1: float, x2: float, y2: float, **attributes: Attribute) -> str:
    """Draw a straight line, in the colour of rules unless told otherwise."""
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, **{"stroke": RULE, **attributes})


def dot(x: float, y: float, r: float = 5.0, *, tip: str = "", **attributes: Attribute) -> str:
    """Draw a disc; `tip` is shown on hovering."""
    return tag("circle", *_tip(tip), cx=x, cy=y, r=r, **{"fill": INK, **attributes})


def ring(x: float, y: float, r: float = 4.5, *, tip: str = "", **attributes: Attribute) -> str:
    """Draw a hollow disc."""
    style: dict[str, Attribute] = {"fill": PAPER, "stroke": INK, "stroke_width": 1.8}
    return tag("circle", *_tip(tip), cx=x, cy=y, r=r, **(style | attributes))


def diamond(x: float, y: float, r: float = 6.0, *, tip: str = "", **attributes: Attribute) -> str:
    """Draw a diamond."""
    points = " ".join(
        f"{number(x + dx)},{number(y + dy)}" for dx, dy in ((0, -r), (r, 0), (0, r), (-r, 0))
    )
    return tag("polygon", *_tip(tip), points=points, **{"fill": UNSEEN, **attributes})


def square(x: float, y: float, r: float = 4.8, *, tip: str = "", **attributes: Attribute) -> str:
    """Draw a filled square around its middle."""
    return box(x - r, y - r, 2 * r, 2 * r, tip=tip, **{"fill": UNSEEN, **attributes})


def box(
    x: float, y: float, width: float, height: float, *, tip: str = "", **attributes: Attribute
) -> str:
    """Draw a rectangle."""
    return tag("rect", *_tip(tip), x=x, y=y, width=width, height=height, **attributes)


def path(points: Iterable[tuple[float, float]], **attributes: Attribute) -> str:
    """Draw a line through points."""
    steps = "L".join(f"{number(x)} {number(y)}" for x, y in points)
    style: dict[str, Attribute] = {"fill": "none", "stroke": INK, "stroke_width": 2}
    return tag("path", d=f"M{steps}", **(style | attributes))


def _tip(tip: str) -> tuple[str, ...]:
    return (tag("title", escape(tip)),) if tip else ()


def frame(
    name: str,
    size: tuple[float, float],
    parts: Iterable[str],
    *,
    title: str,
    desc: str,
) -> str:
    """Put parts together as a picture that a screen reader can tell of.

    Parameters
    ----------
    name : str
        Unique on the page; ids start with it.
    size : tuple of float
        Natural width and height in px.
    parts : iterable of str
        Markup.
    title : str
        What the picture shows.
    desc : str
        Its figures, in words.

    Returns
    -------
    str
        An ``<svg>`` element with ``role="img"``.
    """
    width, height = size
    return tag(
        "svg",
        tag("title", escape(title), id=f"{name}-t"),
        tag("desc", escape(desc), id=f"{name}-d"),
        *parts,
        class_="chart",
        role="img",
        aria_labelledby=f"{name}-t {name}-d",
        viewBox=f"0 0 {number(width)} {number(height)}",
        width=width,
        height=height,
        font_size=SIZE,
        fill="currentColor",
    )


def document(
    picture: str, size: tuple[float, float], *, light: Sequence[str], dark: Sequence[str]
) -> str:
    """Make a picture a file of its own, light or dark as its viewer is.

    Parameters
    ----------
    picture : str
        As `frame` gives it.
    size : tuple of float
    light, dark : sequence of str
        Colours of the moods on either background.
    """

    def moods(colours: Sequence[str]) -> str:
        return "".join(f"--mood-{index}:{colour};" for index, colour in enumerate(colours))

    style = (
        "svg{font-family:system-ui,sans-serif;--paper:#ffffff;--ink:#191a1e;--muted:#5a5e67;"
        f"--rule:#dbd8d0;{moods(light)}}}"
        "@media(prefers-color-scheme:dark){svg{--paper:#14171c;--ink:#ebe9e3;--muted:#a5abb6;"
        f"--rule:#363c47;{moods(dark)}}}}}"
    )
    start, rest = picture.split(">", 1)
    ground = tag("style", style) + box(0, 0, *size, fill=PAPER)
    named, drawn = rest.split("</desc>", 1)
    namespace = start.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    return f"{namespace}>{named}</desc>{ground}{drawn}"


def mood_colour(index: int) -> str:
    """Give the CSS variable of a mood's colour; the page defines it."""
    return f"var(--mood-{index})"


@dataclass(frozen=True, slots=True)
class Scale:
    """Sends values from `low` … `high` to places from `start` to `end`.

    Values beyond are placed at the ends: no mark leaves its chart.

    Attributes
    ----------
    low, high : float
        The domain; above 0 where `log` is set.
    start, end : float
        Places in px; `start` may be the larger one, as on upright axes.
    log : bool
        Whether equal ratios are equally far apart.
    """

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """Give the place of a value."""
        kept = min(max(value, self.low), self.high)
        low, high = self._plain(self.low), self._plain(self.high)
        share = (self._plain(kept) - low) / (high - low) if high > low else 0.5
        return self.start + share * (self.end - self.start)

    def _plain(self, value: float) -> float:
        return math.log(value) if self.log else value


def nice_axis(low: float, high: float, count: int = 5) -> tuple[float, float, list[float]]:
    """Widen a domain to round values, and give the ticks from end to end.

    Parameters
    ----------
    low, high : float
    count : int
        About how many steps there shall be; each is 1, 2 or 5 times a power of ten.

    Returns
    -------
    low, high : float
        Multiples of the step.
    ticks : list of float
    """
    if not high > low:
        pad = max(0.5, 1e-6 * abs(low))
        low, high = low - pad, low + pad
    rough = (high - low) / count
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(size * magnitude for size in (1, 2, 5, 10) if size * magnitude >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = [round(index * step, 12) for index in range(first, last + 1)]
    return ticks[0], ticks[-1], ticks


def x_axis(
    scale: Scale,
    ticks: Sequence[float],
    top: float,
    bottom: float,
    label: Callable[[float], str],
) -> str:
    """Draw upright grid lines with their values below."""
    places = [(number(scale(tick)), tick) for tick in ticks]
    grid = "".join(f"M{x} {number(top)}V{number(bottom)}" for x, _ in places)
    values = (text(float(x), bottom + 16, label(tick)) for x, tick in places)
    return tag("path", d=grid, stroke=RULE) + tag("g", *values, text_anchor="middle", fill=MUTED)


def y_axis(
    scale: Scale,
    ticks: Sequence[float],
    left: float,
    right: float,
    label: Callable[[float], str],
) -> str:
    """Draw level grid lines with their values on the left."""
    places = [(number(scale(tick)), tick) for tick in ticks]
    grid = "".join(f"M{number(left)} {y}H{number(right)}" for y, _ in places)
    values = (text(left - 8, float(y) + 4, label(tick)) for y, tick in places)
    return tag("path", d=grid, stroke=RULE) + tag("g", *values, text_anchor="end", fill=MUTED)


def text_width(content: str, size: float = SIZE) -> float:
    """Estimate how wide text stands, in px: within a tenth for common sans-serif fonts."""
    return size * sum(_advance(char) for char in content)


def _advance(char: str) -> float:
    if unicodedata.combining(char):
        return 0.0
    if unicodedata.east_asian_width(char) in "WF":
        return 1.0
    if char in "iljtfrI.,:;'|!()[] ":
        return 0.31
    if char in "mwMW@%—…":
        return 0.88
    return 0.69 if char.isupper() else 0.56


def fit(content: str, width: float, size: float = SIZE) -> str:
    """Shorten text to a width, with an ellipsis."""
    if text_width(content, size) <= width:
        return content
    kept = content
    while kept and text_width(f"{kept}…", size) > width:
        kept = kept[:-1]
    return f"{kept.rstrip()}…"
