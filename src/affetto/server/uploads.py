"""Files that are sent: streamed to a file of their own as they arrive, bounded, always removed."""

import re
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import IO

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from affetto.server.answers import Refusal

FIELD = "file"

_SUFFIX = re.compile(r"\.[a-z0-9]{1,5}")
_MOST_PARTS = 10
_MOST_HEADER_BYTES = 4096
_ROOM_LEFT = 2  # times the largest file, kept free on the disk


@asynccontextmanager
async def received(request: Request, most_bytes: int) -> AsyncIterator[Path]:
    """Write the file of a form to disk while it arrives; give its path; remove it in the end.

    Parameters
    ----------
    request : Request
        ``multipart/form-data`` with one file under ``file``.
    most_bytes : int
        Of the whole body; what counts and times it is `affetto.server.safety.Safety`.

    Raises
    ------
    Refusal
        If there is no file in it, it is no form, or the disk has no room.
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not 0 < len(boundary) <= 70:
        raise Refusal(415, "no form was sent", f"send the file as multipart/form-data, {FIELD}=…")
    if shutil.disk_usage(tempfile.gettempdir()).free < _ROOM_LEFT * most_bytes:
        raise Refusal(507, "the disk has no room for a file")
    with tempfile.TemporaryDirectory(prefix="affetto-") as folder:
        with closing(_Receiver(boundary, Path(folder))) as receiver:
            try:
                async for chunk in request.stream():
                    receiver.write(chunk)
                receiver.finish()
            except FormParserError:
                raise Refusal(422, "the form is broken") from None
            except OSError as exc:
                raise Refusal(507, f"the file cannot be kept: {exc.strerror}") from None
            path = receiver.path
        if path is None:
            raise Refusal(422, f"the form holds no file; expected one as {FIELD}")
        if not path.stat().st_size:
            raise Refusal(422, "the file is empty")
        yield path


class _Receiver:
    """Takes a form apart; the first file named ``file`` goes to disk, the rest nowhere."""

    def __init__(self, boundary: bytes, folder: Path) -> None:
        self.path: Path | None = None
        self._folder = folder
        self._file: IO[bytes] | None = None
        self._n_parts = self._n_header_bytes = 0
        self._name = self._value = b""
        self._disposition = b""
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._header_field,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_finished,
                "on_part_data": self._data,
                "on_part_end": self.close,
            },
        )

    def write(self, chunk: bytes) -> None:
        self._parser.write(chunk)

    def finish(self) -> None:
        self._parser.finalize()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _begin(self) -> None:
        self._n_parts += 1
        self._disposition = self._name = self._value = b""
        if self._n_parts > _MOST_PARTS:
            raise Refusal(422, f"the form has more than {_MOST_PARTS} parts; expected one file")

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += self._counted(data[start:end])

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += self._counted(data[start:end])

    def _counted(self, piece: bytes) -> bytes:
        self._n_header_bytes += len(piece)
        if self._n_header_bytes > _MOST_HEADER_BYTES:
            raise Refusal(422, "the form's headers are too long")
        return piece

    def _header_end(self) -> None:
        if self._name.lower() == b"content-disposition":
            self._disposition = self._value
        self._name = self._value = b""

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        if self.path is None and options.get(b"name") == FIELD.encode() and b"filename" in options:
            # Of the name that was sent nothing but a plain ending gets near the disk.
            suffix = Path(options[b"filename"].decode("utf-8", "replace")).suffix.lower()
            name = f"upload{suffix if _SUFFIX.fullmatch(suffix) else ''}"
            self.path = self._folder / name
            self._file = self.path.open("xb")

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._file.write(data[start:end])
