"""The report of a training run: one HTML file that needs no network, drawn from the evidence."""

import base64
import hashlib
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from affetto.output import write_text
from affetto.reporting import svg, words
from affetto.reporting.evidence import read_evidence
from affetto.reporting.view import build_view

__all__ = ["read_evidence", "render_report", "write_report"]


def render_report(evidence: Mapping[str, Any]) -> str:
    """Draw the report.

    Parameters
    ----------
    evidence : mapping
        As `affetto.train` gives it, or `read_evidence`.

    Returns
    -------
    str
        A whole HTML page: styles and charts inside, no scripts, nothing fetched.
    """
    view = build_view(evidence)
    style = _style(view["colours"])
    page = _environment().get_template("report.html.j2")
    return page.render(**view, style=Markup(style), style_hash=_hash(style)) + "\n"  # noqa: S704


def write_report(evidence: Mapping[str, Any], path: str | Path) -> Path:
    """Draw the report into a file, whole or not at all.

    Parameters
    ----------
    evidence : mapping
    path : path
        Its folder must exist; a file there is replaced.

    Returns
    -------
    Path
        Where it was written.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    path = Path(path)
    write_text(path, render_report(evidence))
    return path


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("affetto.reporting", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": words.percent,
        "points": words.points,
        "tiny": words.tiny,
        "three": words.three,
        "thousands": words.thousands,
        "of_100": words.of_100,
        "counted": words.counted,
        "factor": words.factor,
        "duration": words.duration,
        "joined": words.joined,
        "settings": _settings,
        "feature_name": words.feature_name,
        "options": _options,
        "whole": _whole,
    }
    environment.globals["feature_value"] = words.feature_value
    return environment


def _settings(settings: Mapping[str, Any]) -> str:
    """Write settings so that none is broken over two lines."""
    return ", ".join(
        words.settings_text({name: value}).replace(" ", "\u00a0")
        for name, value in settings.items()
    )


def _options(text: str) -> Markup:
    """Escape text, and set options such as ``--group`` in it as code, never broken."""
    marked = re.sub(r"(?<![\w-])--[a-z][a-z-]*", r"<code>\g<0></code>", svg.escape(text))
    return Markup(marked)  # noqa: S704


def _whole(text: str) -> Markup:
    """Escape text, and keep numbered names such as ``Energetic-2`` from being broken."""
    marked = re.sub(r"\b\w{1,24}-\d{1,4}\b", r'<span class="whole">\g<0></span>', svg.escape(text))
    return Markup(marked)  # noqa: S704


def _style(colours: list[tuple[str, str]]) -> str:
    """Give the style sheet, mood colours included."""
    sheet = resources.files("affetto.reporting") / "templates" / "report.css"
    text = sheet.read_text(encoding="utf-8").replace("\r\n", "\n")
    light = "".join(f"--mood-{i}:{pair[0]};" for i, pair in enumerate(colours))
    dark = "".join(f"--mood-{i}:{pair[1]};" for i, pair in enumerate(colours))
    return (
        f"{text}:root{{{light}}}\n"
        f"@media screen and (prefers-color-scheme: dark){{:root{{{dark}}}}}\n"
    )


def _hash(style: str) -> str:
    """Give what the content security policy allows as the one style sheet."""
    digest = hashlib.sha256(style.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
