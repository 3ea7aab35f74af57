"""What a file sounds like, as a short name: a hash of its audio that tags do not change.

A player that writes a rating, or affetto that writes a mood, changes a file but not its audio;
a renamed or moved file is another name for the same audio. Both are known again by this hash.

References
----------
.. [1] id3.org: ID3v2.4.0 structure; ID3v1. wiki.hydrogenaud.io: APEv2 specification, Lyrics3v2.
.. [2] RFC 9639, FLAC; RFC 3533, Ogg; RFC 7845, Opus in Ogg; ISO/IEC 14496-12, 4.2 (boxes).
"""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

_CHUNK = 1 << 20
_DIGEST_BYTES = 20
_ID3V1_BYTES, _APE_FOOTER_BYTES, _LYRICS_FOOTER_BYTES = 128, 32, 15
_HEADERS_MOST = 16  # header packets at the start of an ogg stream: three are usual
_BOXES_MOST = 10_000

Span = tuple[int, int]
"""First byte, and the byte behind the last."""


def audio_hash(path: str | os.PathLike[str]) -> str:
    """Hash the audio in a file.

    Parameters
    ----------
    path : path

    Returns
    -------
    str
        A letter for what was hashed and 40 hexadecimal digits (BLAKE2b, 20 bytes). Of mp3 and
        the like: what stands between ID3v2 and ID3v1, APE or Lyrics3 tags. Of flac: the frames
        behind the metadata. Of ogg and opus: the packets behind the headers. Of mp4: the media
        data. Of wav and aiff: the samples. Where that cannot be told: the whole file.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    # Without blocking no pipe can hang us.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, flags), "rb", buffering=1 << 16) as file:
        size = os.fstat(file.fileno()).st_size
        digest = hashlib.blake2b(digest_size=_DIGEST_BYTES)
        start = _id3v2_end(file, 0, size)
        file.seek(start)
        head = file.read(16)
        kind, spans = _spans(file, head, start, size)
        if kind == "o":
            found = _hash_ogg(file, start, size)
            if found is not None:
                return f"o{found}"
            kind, spans = "w", [(0, size)]
        for begin, end in spans:
            file.seek(begin)
            left = end - begin
            while left > 0 and (chunk := file.read(min(_CHUNK, left))):
                digest.update(chunk)
                left -= len(chunk)
        return f"{kind}{digest.hexdigest()}"


def _spans(file: BinaryIO, head: bytes, start: int, size: int) -> tuple[str, list[Span]]:
    """Say what kind of file it is, and which of its bytes are audio."""
    whole = ("w", [(0, size)])
    if head[:4] == b"OggS":
        return "o", []
    if head[:4] == b"fLaC":
        found = _flac_audio(file, start, size)
        return ("f", [(found, _tags_begin(file, found, size))]) if found else whole
    if head[4:8] in {b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip"}:
        boxes = [box for box in _boxes(file, start, size) if box.name == b"mdat"]
        return ("m", [(box.begin, box.end) for box in boxes]) if boxes else whole
    chunks = {b"RIFF": ("little", b"data"), b"RF64": ("little", b"data"), b"FORM": ("big", b"SSND")}
    if head[:4] in chunks:
        order, name = chunks[head[:4]]
        span = _chunk(file, start + 12, size, name, is_little=order == "little")
        return ("r", [span]) if span else whole
    # MPEG audio (eleven bits of sync), Monkey's Audio, WavPack, Musepack: tags at either end.
    is_mpeg = len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0
    if start or is_mpeg or head[:4] in {b"MAC ", b"wvpk", b"MPCK"} or head[:3] == b"MP+":
        end = _tags_begin(file, start, size)
        return ("a", [(start, end)]) if end > start else whole
    return whole


def _id3v2_end(file: BinaryIO, start: int, size: int) -> int:
    """Give where audio begins, behind any number of ID3v2 tags and the zeros after them."""
    at = start
    while at + 10 <= size:
        file.seek(at)
        head = file.read(10)
        if head[:3] != b"ID3" or max(head[3:5]) == 0xFF or max(head[6:10]) > 0x7F:
            break
        length = sum(byte << (7 * (3 - place)) for place, byte in enumerate(head[6:10]))
        at += 10 + length + (10 if head[5] & 0x10 else 0)  # a footer repeats the header
    if at == start or at >= size:
        return at if at < size else start
    file.seek(at)
    while chunk := file.read(4096):  # some pad their tag with more than they tell
        rest = chunk.lstrip(b"\0")
        if rest:
            return at + len(chunk) - len(rest)
        at += len(chunk)
    return start


def _tags_begin(file: BinaryIO, start: int, size: int) -> int:
    """Give where audio ends: before ID3v1, APE and Lyrics3 tags, in whatever order they stand."""
    end = size
    while True:
        file.seek(max(start, end - 256))
        tail = file.read(end - max(start, end - 256))
        if len(tail) >= _ID3V1_BYTES and tail[-_ID3V1_BYTES:][:3] == b"TAG":
            end -= _ID3V1_BYTES
            continue
        footer = tail[-_APE_FOOTER_BYTES:]
        if len(footer) == _APE_FOOTER_BYTES and footer[:8] == b"APETAGEX":
            length = int.from_bytes(footer[12:16], "little")
            has_header = int.from_bytes(footer[20:24], "little") >> 31
            length += _APE_FOOTER_BYTES if has_header else 0
            if _APE_FOOTER_BYTES <= length <= end - start:
                end -= length
                continue
        if tail[-9:] == b"LYRICS200" and tail[-_LYRICS_FOOTER_BYTES:-9].isdigit():
            length = int(tail[-_LYRICS_FOOTER_BYTES:-9]) + _LYRICS_FOOTER_BYTES
            if length <= end - start:
                end -= length
                continue
        return end


def _flac_audio(file: BinaryIO, start: int, size: int) -> int | None:
    """Give where the frames of a flac begin; None where its metadata leads nowhere."""
    at, is_last = start + 4, False
    while not is_last:
        file.seek(at)
        head = file.read(4)
        if len(head) < 4:
            return None
        is_last = bool(head[0] & 0x80)
        at += 4 + int.from_bytes(head[1:], "big")
    return at if at < size else None


@dataclass(frozen=True, slots=True)
class _Box:
    name: bytes
    begin: int
    end: int


def _boxes(file: BinaryIO, start: int, size: int) -> Iterator[_Box]:
    """Give the boxes of an mp4 file, the outermost only."""
    at = start
    for _ in range(_BOXES_MOST):
        file.seek(at)
        head = file.read(16)
        if len(head) < 8:
            return
        length, content = int.from_bytes(head[:4], "big"), at + 8
        if length == 1 and len(head) == 16:
            length, content = int.from_bytes(head[8:], "big"), at + 16
        end = size if length == 0 else at + length
        if end < content:
            return
        yield _Box(head[4:8], content, min(end, size))
        at = end
        if at >= size:
            return


def _chunk(file: BinaryIO, start: int, size: int, name: bytes, *, is_little: bool) -> Span | None:
    """Find a chunk of a RIFF or IFF file."""
    at = start
    for _ in range(_BOXES_MOST):
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            return None
        length = int.from_bytes(head[4:], "little" if is_little else "big")
        if head[:4] == name:
            # RF64 and programs that stream leave the length open.
            end = size if length in (0, 0xFFFFFFFF) else min(size, at + 8 + length)
            return at + 8, end
        at += 8 + length + length % 2
    return None


def _hash_ogg(file: BinaryIO, start: int, size: int) -> str | None:
    """Hash the packets of an ogg file behind its headers; None where its pages lead nowhere.

    Pages cannot be hashed as they are: longer comments move them, and their numbers and
    checksums change.
    """
    digest = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    n_headers: dict[bytes, int] = {}  # left, a stream
    file.seek(start)
    n_pages = 0
    while len(page := file.read(27)) == 27:
        if page[:4] != b"OggS":
            break
        lacing = file.read(page[26])
        content = file.read(sum(lacing))
        serial, is_first = page[14:18], bool(page[5] & 2)
        if is_first:
            n_headers[serial] = _n_headers(content)
        n_pages += 1
        at = 0
        for length in lacing:
            if n_headers.get(serial, 0) > 0:
                n_headers[serial] -= length < 255  # a packet ends with a piece that is shorter
            else:
                digest.update(content[at : at + length])
            at += length
    return digest.hexdigest() if n_pages else None


def _n_headers(first: bytes) -> int:
    """Say with how many packets of headers a stream begins, by its first."""
    if first[:8] == b"OpusHead":
        return 2
    if first[:7] == b"\x01vorbis":
        return 3
    if first[:5] == b"\x7fFLAC":
        return min(_HEADERS_MOST, 1 + int.from_bytes(first[7:9], "big"))
    return 2  # Speex and others: one of its own and the comments
