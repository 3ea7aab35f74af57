"""Playlist files: M3U8, XSPF, and the smart playlists of Navidrome.

What `affetto.sources.playlists` reads, and other players too: M3U8 is UTF-8 with a path a line.
A name that a line cannot carry (line breaks, blanks at its ends, bytes that are not UTF-8) is
written as a percent-encoded URI, which keeps every byte.

References
----------
.. [1] RFC 8216, 4.3.2.1 (EXTINF); RFC 8089 (file URIs); XSPF version 1, xspf.org/spec.
.. [2] Navidrome, "Smart playlists": JSON of rules in files that end in .nsp.
"""

import json
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import quote_from_bytes
from xml.sax.saxutils import escape

from affetto.errors import UsageError
from affetto.library.entry import Entry
from affetto.library.mixes import Rules
from affetto.output import written_aside

Format = Literal["m3u8", "xspf", "nsp"]
Paths = Literal["relative", "absolute"]

FORMATS: tuple[Format, ...] = get_args(Format)
"""Kinds of playlist files, by the endings of their names."""

MEDIA_TYPES = {
    "m3u8": "audio/x-mpegurl",
    "xspf": "application/xspf+xml",
    "nsp": "application/json",
}
"""What a server calls each format."""

# Line ends of any reader's taste: some split at more than CR and LF.
_NO_LINE = re.compile("[\x00-\x1f\x7f\x85\u2028\u2029]")
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')
_DEVICES = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)", re.IGNORECASE)
_FASTEST_BPM = 999  # a range of theirs has two ends
_MAX_NAME = 60  # letters: four bytes each leave room in the 255 of a file name


def render_playlist(
    entries: Sequence[Entry],
    name: str,
    format: Format = "m3u8",  # noqa: A002 - what it is called everywhere
    *,
    folder: str | os.PathLike[str] | None = None,
    rules: Rules | None = None,
) -> bytes:
    """Give a playlist file's content.

    Parameters
    ----------
    entries : sequence of Entry
        In the order they are played. Not used by ``"nsp"``, which names rules, not files.
    name : str
        What players call it.
    format : str, default "m3u8"
        One of `FORMATS`.
    folder : path, optional
        Where the playlist will stand: paths are written relative to it. None: absolute.
    rules : Rules, optional
        What an ``"nsp"`` is made of.

    Raises
    ------
    UsageError
        If the format is unknown, or the rules say what an ``"nsp"`` cannot.
    """
    name = _one_line(name) or "affetto"
    match format:
        case "m3u8":
            return _m3u8(entries, name, folder)
        case "xspf":
            return _xspf(entries, name, folder)
        case "nsp":
            return _nsp(rules or Rules(), name)
        case _:
            raise UsageError(f"unknown playlist format {format!r}; expected {', '.join(FORMATS)}")


def write_playlist(
    path: str | os.PathLike[str],
    entries: Sequence[Entry],
    name: str,
    *,
    paths: Paths = "relative",
    rules: Rules | None = None,
) -> Path:
    """Write a playlist file whole or not at all, in the format that its name ends in.

    Parameters
    ----------
    path : path
        Ends in ``.m3u8``, ``.xspf`` or ``.nsp``; its folder must exist.
    entries : sequence of Entry
    name : str
    paths : str, default "relative"
        ``"relative"`` to the playlist's own folder, or ``"absolute"``.
    rules : Rules, optional
        What an ``.nsp`` is made of.

    Raises
    ------
    UsageError
        If the name ends otherwise, or the rules say what an ``.nsp`` cannot.
    OutputError
        If it cannot be written.
    """
    path = Path(path)
    ending: Any = path.suffix.lower().removeprefix(".")
    folder = path.parent if paths == "relative" else None
    content = render_playlist(entries, name, ending, folder=folder, rules=rules)
    with written_aside(path) as aside:
        aside.write_bytes(content)
    return path


def file_names(names: Iterable[str], format: Format) -> list[str]:  # noqa: A002
    """Give playlists' names as file names that any system takes, none twice whatever its case."""
    given: list[str] = []
    taken: set[str] = set()
    for name in names:
        stem = _FORBIDDEN.sub("_", _valid(name))[:_MAX_NAME].strip(" .") or "playlist"
        stem = f"_{stem}" if _DEVICES.match(stem) else stem
        candidate, number = stem, 1
        while candidate.casefold() in taken:
            number += 1
            candidate = f"{stem} {number}"
        taken.add(candidate.casefold())
        given.append(f"{candidate}.{format}")
    return given


def check_smart(rules: Rules) -> None:
    """Refuse rules that a smart playlist cannot keep to.

    Raises
    ------
    UsageError
        If there is no mood, or the rules say more than moods, tempo and a number of tracks.
    """
    more = {
        "a least confidence": rules.min_confidence,
        "a length in minutes": rules.minutes,
        "tracks an artist": rules.per_artist,
    }
    unknown = [what for what, value in more.items() if value is not None]
    if unknown:
        raise UsageError(
            f"a smart playlist (.nsp) cannot keep to {' or '.join(unknown)}: it knows moods, "
            "tempo and a number of tracks; leave that out, or write .m3u8"
        )
    if not rules.moods:
        raise UsageError("a smart playlist (.nsp) needs a mood to look for; name one with --mood")


def relative_path(path: str, folder: str | os.PathLike[str]) -> str:
    """Give the way to a file from a folder, with ``/`` between names.

    Links are followed first where that makes the way shorter: ``..`` leaves the folder that a
    link leads to, not the one it stands in. On another drive the path stays absolute.
    """
    start = os.path.realpath(folder)
    parent, base = os.path.split(path)
    ways = []
    for target in (path, os.path.join(os.path.realpath(parent), base)):  # noqa: PTH118
        try:
            ways.append(os.path.relpath(target, start))
        except ValueError:  # another drive
            ways.append(path)
    return min(ways, key=lambda way: way.count(os.pardir)).replace(os.sep, "/")


def _m3u8(entries: Sequence[Entry], name: str, folder: str | os.PathLike[str] | None) -> bytes:
    lines = ["#EXTM3U", f"#PLAYLIST:{name}"]
    for entry in entries:
        seconds = round(entry.duration_ms / 1000) if entry.duration_ms else -1
        shown = _one_line(f"{entry.artist} - {entry.name}" if entry.artist else entry.name)
        lines.append(f"#EXTINF:{seconds},{shown}")
        if entry.album and (album := _one_line(entry.album)):
            lines.append(f"#EXTALB:{album}")
        lines.append(_m3u8_path(entry.path, folder))
    return "".join(f"{line}\n" for line in lines).encode()


def _m3u8_path(path: str, folder: str | os.PathLike[str] | None) -> str:
    where = path if folder is None else relative_path(path, folder)
    is_line = where == where.strip() and not _NO_LINE.search(where) and _valid(where) == where
    if not is_line:
        return _uri(where)
    # A line that starts with # is a comment, and one that starts like a URL is one.
    return f"./{where}" if where.startswith("#") or _SCHEME.match(where) else where


def _xspf(entries: Sequence[Entry], name: str, folder: str | os.PathLike[str] | None) -> bytes:
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<playlist version="1" xmlns="http://xspf.org/ns/0/">',
        f"  {_element('title', name)}",
        "  <trackList>",
    ]
    for entry in entries:
        where = entry.path if folder is None else relative_path(entry.path, folder)
        words = {
            "location": _uri(where),
            "title": entry.name,
            "creator": entry.artist,
            "album": entry.album,
            "duration": str(round(entry.duration_ms)) if entry.duration_ms else None,
        }
        elements = [_element(tag, text) for tag, text in words.items() if text]
        lines.append(f"    <track>{''.join(elements)}</track>")
    lines += ["  </trackList>", "</playlist>", ""]
    return "\n".join(lines).encode()


def _nsp(rules: Rules, name: str) -> bytes:
    check_smart(rules)
    moods = [{"is": {"mood": mood}} for mood in rules.moods]
    every: list[dict[str, Any]] = [*moods] if len(moods) == 1 else [{"any": moods}]
    if (rules.min_tempo, rules.max_tempo) != (None, None):
        high = _FASTEST_BPM if rules.max_tempo is None else rules.max_tempo
        every.append({"inTheRange": {"bpm": [rules.min_tempo or 0, high]}})
    comment = f"Tracks whose mood tag says {' or '.join(rules.moods)}"
    content: dict[str, Any] = {"name": name, "comment": comment, "all": every, "sort": "random"}
    if rules.n is not None:
        content["limit"] = rules.n
    return (json.dumps(content, ensure_ascii=False, indent=2) + "\n").encode()


def _uri(where: str) -> str:
    """Percent-encode a path's own bytes: a file URI, or a relative reference."""
    encoded = quote_from_bytes(os.fsencode(where.replace(os.sep, "/")), safe="/")
    if where.startswith("/"):
        return f"file://{encoded}"
    if _SCHEME.match(where) and os.name == "nt":  # C:/Music
        return f"file:///{encoded}"
    return encoded


def _element(tag: str, text: str) -> str:
    return f"<{tag}>{escape(_NOT_XML.sub(' ', _valid(text)))}</{tag}>"


def _one_line(text: str) -> str:
    return " ".join(_NO_LINE.sub(" ", _valid(text)).split())


def _valid(text: str) -> str:
    """Replace what is no text: halves of surrogate pairs."""
    return text.encode("utf-8", "replace").decode()
