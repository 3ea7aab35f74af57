"""The frames of an ID3v2 tag as bytes, so that none which a parser passes over is lost.

References
----------
.. [1] id3.org: ID3v2.3.0, ID3v2.4.0 structure (extended header, frame header, unsynchronisation).
"""

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from affetto.errors import TagError

_HEADER_BYTES = 10
_UNSYNCHRONISED, _EXTENDED = 0x80, 0x40
_ID = re.compile(rb"[A-Z][A-Z0-9]{2}[A-Z0-9\0]")  # \0: names of 2.2 in a 2.3 tag
_NO_UNSYNCHRONISATION = re.compile(rb"\xff(?:[\xe0-\xff]|\Z)")
_NO_TEXT = bytes([0, 1, 2, 3, 0xFE, 0xFF])  # encodings, ends and byte order marks


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame that holds something.

    Attributes
    ----------
    name : str
        Four letters.
    alone : bytes
        A whole ID3v2 tag with this frame and no other.
    """

    name: str
    alone: bytes


def frames(path: Path) -> list[Frame]:
    """Find the frames of a file's ID3v2.3 or 2.4 tag, before MPEG audio or in a chunk.

    Returns
    -------
    list of Frame
        None of them empty.

    Raises
    ------
    TagError
        If there is no such tag, or bytes in it are no frame, so that others may be lost.
    OSError
        If the file cannot be read.
    """
    with path.open("rb") as file:
        _seek_tag(file)
        head = file.read(_HEADER_BYTES)
        if len(head) < _HEADER_BYTES or head[:3] != b"ID3":
            raise TagError("its ID3 tag cannot be found; nothing was changed")
        version, flags = head[3], head[5]
        data = file.read(_synchsafe(head[6:10]))
    if flags & _EXTENDED and not _ID.match(data):  # some set the flag and write no header
        size = _synchsafe(data[:4]) if version > 3 else int.from_bytes(data[:4], "big") + 4
        data = data[size:]
    if version < 4 and flags & _UNSYNCHRONISED and not _NO_UNSYNCHRONISATION.search(data):
        data = data.replace(b"\xff\0", b"\xff")
    sizes = (_synchsafe, _plain) if version > 3 else (_plain,)  # old iTunes: plain in 2.4
    stray: str | None = None
    for size_of in sizes:
        found, stray = _walk(data, size_of)
        if stray is None:
            kept = flags & _UNSYNCHRONISED if version > 3 else 0
            return [_alone(frame, version, kept) for frame in found if _holds_something(frame)]
    raise TagError(f"its ID3 tag cannot be read {stray}; nothing was changed")


_Raw = tuple[bytes, bytes, bytes]  # name, flags, content


def _walk(data: bytes, size_of: Callable[[bytes], int]) -> tuple[list[_Raw], str | None]:
    """Give the frames, and where the walk went astray, if it did."""
    found: list[_Raw] = []
    at, where = 0, "at its beginning"
    while len(data) - at >= _HEADER_BYTES and any(data[at : at + 4]):  # else padding
        name = data[at : at + 4]
        start = at + _HEADER_BYTES
        stop = start + size_of(data[at + 4 : at + 8])
        if not _ID.fullmatch(name):
            return found, where
        where = f"behind its frame {_printable(name)}"
        if stop > len(data):
            return found, where
        found.append((name, data[at + 8 : start], data[start:stop]))
        at = stop
    return found, None


def _alone(frame: _Raw, version: int, flags: int) -> Frame:
    name, frame_flags, content = frame
    size = _as_synchsafe(len(content)) if version > 3 else struct.pack(">L", len(content))
    whole = name + size + frame_flags + content
    head = b"ID3" + bytes([version, 0, flags]) + _as_synchsafe(len(whole))
    return Frame(_printable(name), head + whole)


def _holds_something(frame: _Raw) -> bool:
    name, _, content = frame
    return bool(content.strip(_NO_TEXT) if name[:1] == b"T" else content)


def _seek_tag(file: BinaryIO) -> None:
    """Go to where the tag begins: the file's beginning, or a chunk of RIFF or AIFF."""
    head = file.read(12)
    order = {b"RIFF": "<4sL", b"FORM": ">4sL"}.get(head[:4])
    if order is None:
        file.seek(0)
        return
    while len(chunk := file.read(8)) == 8:
        name, size = struct.unpack(order, chunk)
        if name.upper() == b"ID3 ":
            return
        file.seek(size + size % 2, 1)


def _printable(name: bytes) -> str:
    return name.decode("ascii").rstrip("\0")


def _plain(size: bytes) -> int:
    return int.from_bytes(size, "big")


def _synchsafe(size: bytes) -> int:
    return sum((byte & 0x7F) << (7 * (len(size) - 1 - place)) for place, byte in enumerate(size))


def _as_synchsafe(size: int) -> bytes:
    return bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
