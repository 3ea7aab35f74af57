"""What music servers tell, cleaned as it is kept: entries, and pages of them to their end."""

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Entry = dict[str, Any]
"""A track as it is kept: id, title, artist, album, isrc (a list), ms, path, suffix, problem."""


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list, and how long it is as a whole where the server tells."""

    entries: list[Entry]
    n_total: int | None = None


def walked(ask: Callable[[int], Page]) -> Iterator[Page]:
    """Give page after page of a list to its end, at least one."""
    start = 0
    before: list[Entry] | None = None
    while True:
        page = ask(start)
        # A server that knows no pages would repeat its first one for ever.
        if page.entries == before:
            return
        if page.entries or start == 0:
            yield page
        start += len(page.entries)
        if not page.entries or (page.n_total is not None and start >= page.n_total):
            return
        before = page.entries


def entry_of(
    track_id: object,
    *,
    title: object = None,
    artist: object = None,
    album: object = None,
    isrc: object = None,
    ms: object = None,
    path: object = None,
    suffix: object = None,
    problem: str | None = None,
) -> Entry:
    """Make an entry of what a server tells: texts cleaned, numbers checked."""
    identity = text_of(track_id)
    length = ms if isinstance(ms, int | float) and not isinstance(ms, bool) else math.nan
    return {
        "id": identity,
        "title": text_of(title),
        "artist": text_of(artist),
        "album": text_of(album),
        "isrc": [one for one in map(text_of, isrc if isinstance(isrc, list) else [isrc]) if one],
        "ms": float(length) if math.isfinite(length) and length > 0 else None,
        "path": text_of(path),
        "suffix": suffix_of(suffix),
        "problem": problem if identity else problem or "an entry that the server tells nothing of",
    }


def text_of(value: object) -> str | None:
    """Read a text; some servers send names and ids that are all digits as numbers."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    # A lone surrogate, which JSON allows, could not be written to any file.
    return str(value).encode("utf-8", "replace").decode().strip() or None


def suffix_of(value: object) -> str:
    """Read the ending of a file's name, without a dot; empty where it is none."""
    text = (text_of(value) or "").lower().lstrip(".")
    return text if re.fullmatch(r"[a-z0-9]{1,8}", text) else ""


def count_of(value: object) -> int | None:
    """Read a number of things; None where it is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
