"""Playlists (M3U, PLS, XSPF): which files they name, and what they say about them.

A playlist is told by its content. Names are tried as they stand and as other systems write
them: percent-encoded, with backslashes, in Latin-1, in other case, with accents composed
otherwise. Nothing is ever fetched from a network, and XML with a document type, the door to
external and exploding entities, is refused.

References
----------
.. [1] RFC 8216, 4: Extended M3U; RFC 8089: file URIs. XSPF version 1, xspf.org/spec.
"""

import math
import os
import re
import unicodedata
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from urllib.parse import unquote_to_bytes
from xml.parsers import expat

from affetto.errors import InputError

PLAYLIST_SUFFIXES: tuple[str, ...] = (".m3u", ".m3u8", ".pls", ".xspf")
"""Endings of file names that promise a playlist."""

_LARGEST = 64 * 2**20  # bytes: some 500,000 entries
_DEEPEST = 32  # XSPF itself nests six deep

_EXTINF = re.compile(r'#EXTINF:\s*([-+.\w]*)((?:[^,"]|"[^"]*")*),(.*)', re.IGNORECASE | re.DOTALL)
_DIRECTIVE = re.compile(r"#(EXTART|EXTALB|PLAYLIST):(.*)", re.IGNORECASE | re.DOTALL)
_PLS = re.compile(rb"\s*(File|Title|Length)(\d{1,9})\s*=\s*(.*?)\s*", re.IGNORECASE | re.DOTALL)
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_FILE_URL = re.compile(rb"file:(?://([^/]*))?(/.*)", re.IGNORECASE | re.DOTALL)
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


@dataclass(slots=True)
class PlaylistEntry:
    """One entry of a playlist.

    Attributes
    ----------
    path : str
        The file; as the playlist writes it where there is an error.
    title, artist, album : str or None
        As the playlist tells them.
    duration_s : float or None
    error : str or None
        Why there is no such file.
    """

    path: str
    title: str | None = None
    artist: str | None = None
    album: str | None = None
    duration_s: float | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Playlist:
    """A playlist: its own name, else its file's, and its entries in order."""

    name: str
    entries: tuple[PlaylistEntry, ...]


def read_playlist(path: str | os.PathLike[str]) -> Playlist:
    """Read a playlist and find the files it names.

    Parameters
    ----------
    path : path
        M3U, M3U8, PLS or XSPF.

    Raises
    ------
    InputError
        If it cannot be read, is larger than 64 MB, no playlist, damaged XML, XML with a
        document type, or a playlist of pieces of a network stream.
    """
    path = Path(path)
    shown = printable(path.name)
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as exc:
        raise InputError(f"{shown} cannot be read: {exc.strerror or exc}") from exc
    if len(data) > _LARGEST:
        raise InputError(f"{shown} is larger than {_LARGEST // 2**20} MB: is it a playlist?")
    found = _Found()
    start = data[:512].removeprefix(BOM_UTF8).lstrip()
    if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        text = data.decode("utf-16", "replace")
        start, data = text[:512].lstrip().encode(), data if "<" in text[:1] else text.encode()
    elif b"\0" in data:
        raise InputError(f"{shown} is no playlist: it is no text")
    if start.startswith(b"<"):
        _read_xspf(data, shown, found)
    elif start.lower().startswith(b"[playlist]"):
        _read_pls(data, found)
    else:
        _read_m3u(data.removeprefix(BOM_UTF8), shown, found)
    finder = _Finder(path.parent)
    entries = (finder.entry(raw, hints, is_uri=found.is_xspf) for raw, hints in found.entries)
    return Playlist(found.name or printable(path.stem), tuple(entries))


def looks_like_playlist(head: bytes) -> bool:
    """Whether the first bytes of a file are those of a playlist (an M3U without header is not)."""
    start = head.removeprefix(BOM_UTF8).lstrip().lower()
    return start.startswith((b"#extm3u", b"[playlist]")) or (
        start.startswith(b"<") and b"<playlist" in start and b"xspf" in start
    )


def locate(name: str, folder: str | os.PathLike[str] = ".") -> PlaylistEntry:
    """Find the file that a name or URL means, beside `folder`."""
    raw = name.encode("utf-8", "surrogateescape")
    return _Finder(Path(folder)).entry(raw, PlaylistEntry(""), is_uri=False)


def is_url(name: str) -> bool:
    """Whether a name is a URL (also one of a file)."""
    return bool(_URL.match(name)) or name[:6].lower() == "file:/"


def printable(name: str | os.PathLike[str]) -> str:
    r"""Write a file's name as valid text: what is not UTF-8 as ``\xe9``."""
    text = os.fspath(name)
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()


@dataclass(slots=True)
class _Found:
    """Entries as they stand in the playlist, with what it says about each."""

    name: str = ""
    entries: list[tuple[bytes, PlaylistEntry]] = field(default_factory=list)
    is_xspf: bool = False


def _read_m3u(data: bytes, shown: str, found: _Found) -> None:
    hints = PlaylistEntry("")
    for line in map(bytes.strip, data.splitlines()):
        if line and not line.startswith(b"#"):
            found.entries.append((line, hints))
            hints = PlaylistEntry("")
        elif line.startswith(b"#EXT-X-"):
            raise InputError(f"{shown} lists the pieces of a network stream (HLS), not tracks")
        elif match := _EXTINF.fullmatch(text := _text(line)):
            hints.duration_s = _seconds(match[1])
            artist, dash, title = match[3].partition(" - ")
            hints.title = (title if dash else artist).strip() or None
            hints.artist = (artist.strip() or None) if dash else hints.artist
        elif match := _DIRECTIVE.fullmatch(text):
            words = match[2].strip() or None
            match match[1].upper():
                case "EXTART":
                    hints.artist = words
                case "EXTALB":
                    hints.album = words
                case _:
                    found.name = words or ""


def _read_pls(data: bytes, found: _Found) -> None:
    names: dict[int, bytes] = {}
    hints: dict[int, PlaylistEntry] = {}
    for line in data.splitlines():
        if not (match := _PLS.fullmatch(line)):
            continue
        number, value = int(match[2]), match[3]
        hint = hints.setdefault(number, PlaylistEntry(""))
        match match[1].lower():
            case b"file":
                names[number] = value
            case b"length":
                hint.duration_s = _seconds(_text(value))
            case _:
                artist, dash, title = _text(value).partition(" - ")
                hint.title = (title if dash else artist).strip() or None
                hint.artist = (artist.strip() or None) if dash else None
    found.entries += [(names[number], hints[number]) for number in sorted(names) if names[number]]


def _read_xspf(data: bytes, shown: str, found: _Found) -> None:
    """Walk through the XML; only the tracks' own texts are kept."""
    parser = expat.ParserCreate(namespace_separator=" ")
    open_elements: list[str] = []
    text: list[str] = []
    track: dict[str, list[str]] = {}
    found.is_xspf = True

    def refuse(*_: object) -> None:
        raise InputError(f"{shown} declares a document type, which no playlist needs: refused")

    def start(name: str, _: dict[str, str]) -> None:
        open_elements.append(name.rpartition(" ")[2])
        text.clear()
        if open_elements[0] != "playlist":
            raise InputError(f"{shown} is no playlist: it is XML that begins with <{name}>")
        if len(open_elements) > _DEEPEST:
            raise InputError(f"{shown} is no playlist: it nests deeper than {_DEEPEST} elements")
        if open_elements == ["playlist", "trackList", "track"]:
            track.clear()

    def end(_: str) -> None:
        words = "".join(text).strip()
        text.clear()
        match open_elements:
            case ["playlist", "title"]:
                found.name = words
            case ["playlist", "trackList", "track", name]:
                track.setdefault(name, []).append(words)
            case ["playlist", "trackList", "track"]:
                said = {name: values[0] or None for name, values in track.items()}
                duration_s = _seconds(said.get("duration") or "", 1e-3)
                hints = PlaylistEntry(
                    "", said.get("title"), said.get("creator"), said.get("album"), duration_s
                )
                where = said.get("location") or ""
                found.entries.append((where.encode(), hints))
        open_elements.pop()

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = text.append
    try:
        parser.Parse(data, True)
    except expat.ExpatError as exc:
        raise InputError(f"{shown} is no playlist, or damaged: {exc}") from exc


class _Finder:
    """Finds what the names of a playlist mean on this machine."""

    def __init__(self, folder: Path):
        self._folder = "" if folder == Path() else os.fspath(folder)
        self._spellings: dict[str, dict[str, str]] = {}

    def entry(self, raw: bytes, hints: PlaylistEntry, *, is_uri: bool) -> PlaylistEntry:
        hints.path = _text(raw)
        if not raw:
            hints.error = "the playlist names no file for it"
            return hints
        url = _FILE_URL.fullmatch(raw)
        if url and url[1] and url[1].lower() != b"localhost":
            hints.error = f"is on another machine ({_text(url[1])}); copy it here first"
            return hints
        if not url and _URL.match(hints.path):
            hints.error = "is on the network; download it first"
            return hints
        if url:
            spellings = [unquote_to_bytes(url[2])]
            if re.match(rb"/[A-Za-z]:", spellings[0]):
                spellings = [spellings[0][1:]]
        else:
            decoded = unquote_to_bytes(raw)
            spellings = [decoded, raw] if is_uri else [raw, decoded]
        names = [name for spelling in dict.fromkeys(spellings) for name in _names(spelling)]
        paths = [os.path.join(self._folder, name) for name in names]  # noqa: PTH118 - many
        for find, path in product((_as_it_stands, self._otherwise_spelt), paths):
            if found := find(path):
                hints.path = found
                return hints
        hints.path = paths[0]
        drive = " (a path of another machine, under Windows)" if _is_foreign(names[0]) else ""
        hints.error = f"does not exist{drive}"
        return hints

    def _otherwise_spelt(self, path: str) -> str | None:
        """Find a path in other case, or with its accents composed otherwise."""
        start, found = Path(path).anchor, Path(path).anchor
        for part in Path(path).relative_to(start).parts:
            below = os.path.join(found, part)  # noqa: PTH118
            if not os.path.lexists(below):
                spelling = self._spelling(found).get(_folded(part))
                if spelling is None:
                    return None
                below = os.path.join(found, spelling)  # noqa: PTH118
            found = below
        return found

    def _spelling(self, folder: str) -> dict[str, str]:
        if folder not in self._spellings:
            try:
                names = sorted(os.listdir(folder or "."))  # noqa: PTH208
            except (OSError, ValueError):
                names = []
            self._spellings[folder] = {_folded(name): name for name in names}
        return self._spellings[folder]


def _as_it_stands(path: str) -> str | None:
    return path if os.path.lexists(path) else None


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name.casefold())


def _names(spelling: bytes) -> Iterator[str]:
    """Read a name's bytes in all ways it may be meant."""
    for name in _decoded(spelling):
        yield name
        if os.sep == "/" and "\\" in name:
            yield name.replace("\\", "/")


def _decoded(raw: bytes) -> Iterable[str]:
    try:
        return [raw.decode()]
    except UnicodeDecodeError:
        # The bytes themselves, where the file's name is no UTF-8 either; else as Windows writes.
        return [os.fsdecode(raw), _text(raw)]


def _is_foreign(name: str) -> bool:
    return os.name != "nt" and bool(_DRIVE.match(name))


def _text(raw: bytes) -> str:
    for encoding in ("utf-8", "cp1252"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return raw.decode("latin-1")


def _seconds(text: str, unit: float = 1.0) -> float | None:
    try:
        seconds = float(text) * unit
    except ValueError:
        return None
    return seconds if 0 < seconds < math.inf else None
