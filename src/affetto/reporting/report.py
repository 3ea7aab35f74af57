"""The report of a training run: one HTML file that needs no network, drawn from the evidence."""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

import affetto
from affetto.errors import InputError
from affetto.output import write_text
from affetto.reporting import svg, words
from affetto.reporting.view import build_view

EVIDENCE_FILE = "evidence.json"
MAX_EVIDENCE_BYTES = 64 * 2**20
"""Far above any real one (a run with 50 moods takes 2 MiB)."""

# What the report cannot do without, by path; all else is shown where it is there.
_NEEDED: Mapping[str, type | tuple[type, ...]] = {
    "moods": list,
    "features": list,
    "seed": int,
    "seconds": (int, float),
    "data.rows": int,
    "data.rows_used": int,
    "data.per_mood": dict,
    "candidates": list,
    "chosen": str,
    "test.accuracy": (int, float),
    "test.low": (int, float),
    "test.high": (int, float),
    "test.n": int,
    "test.confusion": list,
    "test.per_mood": dict,
}
_NEEDED_OF_CANDIDATES = ("name", "title", "cv", "train_accuracy")


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


def read_evidence(folder: str | Path) -> dict[str, Any]:
    """Read the evidence that a training run left in a folder.

    Parameters
    ----------
    folder : path
        What ``affetto train --out`` wrote, or the ``evidence.json`` in it.

    Returns
    -------
    dict
        Checked for all that the report cannot do without. Evidence from a newer affetto is
        taken as long as that is there; keys that are not known are left alone.

    Raises
    ------
    InputError
        If there is no such folder, no evidence in it, or it is none.
    """
    folder = Path(folder)
    path = folder if folder.is_file() else folder / EVIDENCE_FILE
    if not path.exists():
        raise InputError(_absent(folder))
    try:
        if path.stat().st_size > MAX_EVIDENCE_BYTES:
            raise InputError(
                f"{path} takes {path.stat().st_size / 2**20:.0f} MiB, far more than evidence does; "
                "name the folder that affetto train wrote"
            )
        evidence = json.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise InputError(f"cannot read {path}: {exc.strerror}") from exc
    except (ValueError, RecursionError) as exc:
        raise InputError(
            f"{path} is not JSON ({exc}); was it cut short or edited? affetto train writes it anew"
        ) from exc
    _check(evidence, path)
    checked: dict[str, Any] = evidence
    return checked


def _absent(folder: Path) -> str:
    if not folder.exists():
        return f"there is no folder {folder}; affetto train TABLE --out {folder} makes one"
    inside = sorted(child.parent for child in folder.glob(f"*/{EVIDENCE_FILE}"))
    hint = f"did you mean {inside[0]}?" if inside else "name the folder that affetto train wrote"
    return f"found no {EVIDENCE_FILE} in {folder}; {hint}"


def _check(evidence: Any, path: Path) -> None:
    """Refuse what is no evidence, naming what is wrong with it."""
    if not isinstance(evidence, dict):
        raise InputError(
            f"{path} holds a {type(evidence).__name__} in place of evidence; expected an object "
            "with moods, features, candidates, test; affetto train writes it"
        )
    problem = _problem(evidence)
    if problem is None:
        return
    writer = evidence.get("affetto")
    if isinstance(writer, str) and _release(writer) > _release(affetto.__version__):
        raise InputError(
            f"{path} was written by affetto {writer}, and {problem}, which this affetto "
            f"({affetto.__version__}) needs; update affetto"
        )
    raise InputError(
        f"{path} is not the evidence of a training run: {problem}; affetto train writes it"
    )


def _problem(evidence: Mapping[str, Any]) -> str | None:
    for dotted, kind in _NEEDED.items():
        value: Any = evidence
        for key in dotted.split("."):
            if not isinstance(value, dict) or key not in value:
                return f"{dotted!r} is missing"
            value = value[key]
        if not isinstance(value, kind) or isinstance(value, bool):
            return f"{dotted!r} is {str(value)[:40]!r}"
    rows, n_moods = evidence["candidates"], len(evidence["moods"])
    for row in rows:
        lacking = [key for key in _NEEDED_OF_CANDIDATES if key not in row]
        if lacking:
            return f"a candidate lacks {lacking[0]!r}"
    if evidence["chosen"] not in [row["name"] for row in rows]:
        return f"the chosen {evidence['chosen']!r} is not among its candidates"
    confusion = evidence["test"]["confusion"]
    if len(confusion) != n_moods or any(len(counts) != n_moods for counts in confusion):
        return f"'test.confusion' is not {n_moods} × {n_moods}, though there are {n_moods} moods"
    return None


def _release(version: str) -> tuple[int, ...]:
    """Give the numbers of a version, as far as they are numbers."""
    numbers: list[int] = []
    for part in version.split("."):
        if not part.isdecimal():
            break
        numbers.append(int(part))
    return tuple(numbers)


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
