"""What a file holds, told from its bytes and never from its name; and its text as UTF-8."""

import gzip
import io
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE, getincrementaldecoder
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Literal, cast

from affetto.errors import TableError
from affetto.sources.notes import Note

REWRITE_LIMIT = 512 * 2**20
"""Bytes of text that may be held in memory to rewrite them."""

Content = Literal["parquet", "json", "separated"]
Source = Path | bytes
"""A file, perhaps in gzip, or bytes: the rewritten text of one, or a part of an archive."""

_HEAD = 256 * 1024
_BLOCK = 2**20
_GZIP = b"\x1f\x8b"
_PARQUET = b"PAR1"

_AUDIO = "an audio file; a table of features is expected here"
_PAGE = "a web page; download the table itself, not the page that shows it"
_PICTURE = "picture; a table (CSV, TSV, JSON Lines or Parquet) is expected here"
_SHEET = "save it as CSV and give that file"
_UNPACK = "unpack it and give the table inside"
_FOREIGN: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG", f"a PNG {_PICTURE}"),
    (0, b"\xff\xd8\xff", f"a JPEG {_PICTURE}"),
    (0, b"GIF8", f"a GIF {_PICTURE}"),
    (8, b"WEBP", f"a WebP {_PICTURE}"),
    (0, b"%PDF", "a PDF document; a table is expected here"),
    (0, b"\xd0\xcf\x11\xe0", f"an old Excel file; {_SHEET}"),
    (0, b"ID3", _AUDIO),
    (0, b"fLaC", _AUDIO),
    (0, b"OggS", _AUDIO),
    (8, b"WAVE", _AUDIO),
    (4, b"ftyp", _AUDIO),
    (0, b"\xff\xfb", _AUDIO),
    (0, b"\xff\xf3", _AUDIO),
    (0, b"BZh", f"a bzip2 archive; {_UNPACK}"),
    (0, b"\xfd7zXZ", f"an xz archive; {_UNPACK}"),
    (0, b"\x28\xb5\x2f\xfd", f"a Zstandard archive; {_UNPACK}"),
    (0, b"7z\xbc\xaf", f"a 7-Zip archive; {_UNPACK}"),
    (257, b"ustar", f"a tar archive; {_UNPACK}"),
    (0, b"SQLite format 3", "an SQLite database; export the table as CSV"),
    (0, b"ARROW1", "an Arrow (Feather) file; save it as Parquet"),
    (0, b"version https://git-lfs", "a Git LFS pointer; fetch the file itself with git lfs pull"),
    (0, b"<!doctype html", _PAGE),
    (0, b"<html", _PAGE),
)


def sniff(source: Source, name: str) -> Content:
    """Say what a file, or the bytes of one, holds, also inside gzip.

    Raises
    ------
    TableError
        If it is empty, or anything but a table of text or Parquet.
    OSError, EOFError, zlib.error
        If it cannot be read or unpacked.
    """
    head = _read_head(source)
    if not head:
        raise TableError(f"{name} is empty; a table with a header line is expected.")
    if head.startswith(_PARQUET):
        if isinstance(source, Path) and _is_gzip(source):
            raise TableError(f"{name} is Parquet inside gzip; {_UNPACK} (gunzip).")
        return "parquet"
    _refuse_foreign(head, name)
    text = _decode_head(head).lstrip()
    if not text:
        raise TableError(f"{name} holds only blanks; a table with a header line is expected.")
    if re.match(r"\[\s*([{\[]|$)", text):
        raise TableError(
            f"{name} is one JSON array; JSON Lines is expected: one object a line, such as "
            '{"energy": 0.5, …} (jq -c ".[]" makes it so).'
        )
    return "json" if text.startswith("{") else "separated"


def as_utf8(source: Source, name: str) -> tuple[Source, list[Note]]:
    """Return the file itself if its text is UTF-8, else its text rewritten as UTF-8.

    UTF-16 is told by its byte-order mark or by the NULs beside Latin letters; whatever else is no
    UTF-8 is taken for Latin-1, as Windows writes it. The whole file is walked over, since
    one accent may stand in its last line.

    Raises
    ------
    TableError
        If the text would have to be rewritten and exceeds `REWRITE_LIMIT`.
    OSError, EOFError, zlib.error, UnicodeError
        If it cannot be read, unpacked or decoded.
    """
    encoding = _utf16(_read_head(source))
    if encoding is None and _is_utf8(source):
        return source, []
    raw = read_all(source, name)
    if encoding is not None:
        text = raw.decode(encoding).lstrip("\ufeff")
        said = "The text is UTF-16; read as such."
    else:
        # Windows-1252 is Latin-1 with letters and quotes where Latin-1 has control codes.
        try:
            text = raw.decode("cp1252")
        except UnicodeDecodeError:
            text = raw.decode("latin-1")
        said = "The text is not UTF-8; read as Latin-1 (Windows-1252): please check the accents."
    return text.encode(), [Note("encoding", said)]


def read_blocks(source: Source) -> Iterator[bytes]:
    """Yield the unpacked bytes of a file in blocks."""
    with _open(source) as file:
        while block := file.read(_BLOCK):
            yield block


def read_lines(source: Source) -> Iterator[bytes]:
    """Yield the unpacked lines of a file."""
    with _open(source) as file:
        yield from file


def read_text_head(source: Source) -> str:
    """Decode the first 256 KiB of a file."""
    return _decode_head(_read_head(source))


def read_all(source: Source, name: str) -> bytes:
    """Read a whole file into memory to rewrite it.

    Raises
    ------
    TableError
        If it exceeds `REWRITE_LIMIT`.
    """
    if isinstance(source, bytes):
        return source
    with _open(source) as file:
        raw = file.read(REWRITE_LIMIT + 1)
    if len(raw) > REWRITE_LIMIT:
        raise TableError(
            f"{name} is longer than {REWRITE_LIMIT // 2**20} MB and not plain: to be read bit by "
            "bit, text must be UTF-8, end its lines with a line feed, and quote cells as RFC 4180 "
            "does. Convert it first (iconv -t UTF-8), or save it as Parquet."
        )
    return raw


def _refuse_foreign(head: bytes, name: str) -> None:
    for offset, magic, kind in _FOREIGN:
        if head[offset : offset + len(magic)].lower() == magic.lower():
            raise TableError(f"{name} is {kind}.")
    if head.startswith(b"PK\x03\x04"):
        if b"[Content_Types].xml" in head or b"opendocument.spreadsheet" in head[:200]:
            raise TableError(f"{name} is an Excel or OpenDocument file; {_SHEET}.")
        raise TableError(f"{name} is a zip archive; {_UNPACK}.")
    if b"\0" in head and _utf16(head) is None:
        raise TableError(
            f"{name} is no text, since it holds NUL bytes, and no Parquet, since it does not begin "
            "with PAR1; CSV, TSV, JSON Lines or Parquet is expected."
        )


def _utf16(head: bytes) -> str | None:
    if head.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return "utf-16"
    for encoding, nuls, letters in (
        ("utf-16-le", head[1:200:2], head[0:200:2]),
        ("utf-16-be", head[0:200:2], head[1:200:2]),
    ):
        if 2 * nuls.count(0) > len(nuls) and not letters.count(0):
            return encoding
    return None


def _is_utf8(source: Source) -> bool:
    decoder = getincrementaldecoder("utf-8")()
    try:
        for block in read_blocks(source):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _decode_head(head: bytes) -> str:
    return head.decode(_utf16(head) or "utf-8", errors="replace").lstrip("\ufeff")


def _read_head(source: Source) -> bytes:
    with _open(source) as file:
        return file.read(_HEAD)


def _open(source: Source) -> IO[bytes]:
    if isinstance(source, bytes):
        return io.BytesIO(source)
    return cast(IO[bytes], gzip.open(source)) if _is_gzip(source) else source.open("rb")


def _is_gzip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == _GZIP
