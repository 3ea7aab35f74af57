"""Mood, tempo and key as each format's tags hold them; the one module that knows mutagen.

=========== ======================= ==================== ==========================
field       ID3 (2.4; 2.3)          Vorbis comment, APE  MP4
=========== ======================= ==================== ==========================
mood        TMOO; TXXX:MOOD         MOOD                 ----:com.apple.iTunes:MOOD
bpm         TBPM                    BPM                  tmpo
key         TKEY                    INITIALKEY           ----:…:initialkey
confidence  TXXX:AFFETTO_CONFIDENCE AFFETTO_CONFIDENCE   ----:…:AFFETTO_CONFIDENCE
version     TXXX:AFFETTO_VERSION    AFFETTO_VERSION      ----:…:AFFETTO_VERSION
=========== ======================= ==================== ==========================

Several values stay several, never one joined text. An ID3v2.3 tag stays one.

References
----------
.. [1] id3.org: ID3v2.3.0, ID3v2.4.0 (4.2.3: TMOO, TKEY). xiph.org: Vorbis comment.
.. [2] mutagen, "Mutagen Specs and API": https://mutagen.readthedocs.io
"""

import shutil
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from affetto.errors import TagError, TaggerMissingError
from affetto.library import tag_frames
from affetto.library.tag_fields import NAMES, Field, Raw, Tags

try:
    import mutagen
    from mutagen import aiff, apev2, flac, id3, mp4, oggflac, oggopus, oggspeex, oggvorbis, wave
except ImportError as exc:
    _MISSING = (
        'tags are read and written by mutagen, which is not installed: pip install "affetto[tags]"'
    )
    raise TaggerMissingError(_MISSING) from exc

_FRAMES: dict[Field, str] = {"mood": "TMOO", "bpm": "TBPM", "key": "TKEY"}
_CHUNK = 1 << 20
_PADDING = 1024  # room for the next change, so that it need not move the audio
# What mutagen raises on files made by accident or malice, beside its own errors.
_FAILURES = (
    *(mutagen.MutagenError, struct.error, ValueError, KeyError, IndexError, TypeError),
    *(EOFError, OverflowError, AssertionError, AttributeError, MemoryError),
)


def read_tags(path: Path) -> Tags:
    """Read a file's tags, by what it is rather than by its name.

    Raises
    ------
    TagError
        If its format is one affetto writes no tags to, or its tags cannot be read.
    OSError
        If the file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(64)
        start = _id3_length(head)
        if start:
            file.seek(start)
            head = file.read(64)
    with translated():
        return _reader(path, head, has_id3=bool(start))(path)


@contextmanager
def translated() -> Iterator[None]:
    """Turn what mutagen raises into `TagError`; a full disk stays what it is.

    Raises
    ------
    TagError
    """
    try:
        yield
    except OSError:
        raise
    except _FAILURES as exc:
        # mutagen wraps what the system says.
        causes = [*exc.args, exc.__cause__, exc.__context__]
        for cause in causes:
            if isinstance(cause, OSError) and cause.errno:
                raise cause from exc
        reason = str(exc).strip() or type(exc).__name__
        raise TagError(f"its tags cannot be read or written: {reason}") from exc


def _reader(path: Path, head: bytes, *, has_id3: bool) -> "Callable[[Path], Tags]":
    found: Callable[[Path], Tags] | None = None
    if head[:4] == b"fLaC":
        found = _Flac
    elif head[:4] == b"OggS":
        found = next((kind for mark, kind in _OGG.items() if mark in head), None)
    elif head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        found = _Wave
    elif head[:4] == b"FORM" and head[8:12] in {b"AIFF", b"AIFC"}:
        found = _Aiff
    elif head[4:8] == b"ftyp":
        found = _Mp4
    elif head[:4] in {b"wvpk", b"MAC ", b"MPCK"} or head[:3] == b"MP+":
        found = _Ape
    elif len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        raise TagError("is raw AAC, which has no place for tags")
    elif len(head) > 1 and (has_id3 or (head[0] == 0xFF and head[1] & 0xE0 == 0xE0)):
        # An APE tag that stands alone is where players find this file's title.
        alone = not has_id3 and not _ends_in_id3v1(path) and _has_ape(path)
        found = _Ape if alone else _Mpeg
    if found is None:
        raise TagError(
            "is of a format whose tags affetto does not write; it writes mp3, flac, ogg, opus, "
            "m4a, wav, aiff, wv, ape and mpc"
        )
    return found


def _id3_length(head: bytes) -> int:
    """Give the length of the ID3v2 tag at a file's beginning, footer included."""
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    length = sum(byte << (7 * (3 - place)) for place, byte in enumerate(head[6:10]))
    return 10 + length + (10 if head[5] & 0x10 else 0)


def _ends_in_id3v1(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 128))
        return file.read(3) == b"TAG"


def _has_ape(path: Path) -> bool:
    try:
        apev2.APEv2(path)
    except apev2.APENoHeaderError:
        return False
    return True


class _Id3(Tags):
    """ID3v2 frames, in whatever file; not translated between versions."""

    _tags: Any
    _version: int

    def _read(self, path: Path, load: Callable[[], Any]) -> None:
        try:
            self._tags = load()
        except id3.ID3NoHeaderError:
            self._tags = None
        self.existed = self._tags is not None
        if self.existed and self._tags.version < (2, 3):
            raise TagError(
                "has ID3v2.2 tags, which affetto does not write; a tag editor can make them newer"
            )
        self._version = 3 if self.existed and self._tags.version < (2, 4) else 4
        for frame in tag_frames.frames(path) if self.existed else ():
            if not self._has(id3.ID3(BytesIO(frame.alone), translate=False, load_v1=False)):
                why = "cannot be read, so that writing would lose it; nothing was changed"
                raise TagError(f"its frame {frame.name} {why}")

    def _has(self, alone: Any) -> bool:
        """Whether the one frame of a tag is among ours; mutagen drops what it cannot decode."""
        for data in alone.unknown_frames:
            return any((d[:4], d[10:]) == (data[:4], data[10:]) for d in self._tags.unknown_frames)
        for frame in alone.values():
            if not isinstance(frame, id3.TextFrame):
                alike = (f for f in self._tags.values() if f.FrameID == frame.FrameID)
                return any(repr(f) == repr(frame) for f in alike)
            # Text frames of one name become one with all their texts.
            return all(text in self._tags[frame.HashKey].text for text in frame.text)
        return False

    def _frames(self, field: Field) -> list[Any]:
        named = [frame for frame in self._tags.values() if frame.FrameID == _FRAMES.get(field)]
        if field in ("bpm", "key"):
            return named
        return named + [f for f in self._tags.getall("TXXX") if f.desc.upper() == NAMES[field]]

    def values(self, field: Field) -> tuple[str, ...]:
        texts = (str(text) for frame in self._frames(field) for text in frame.text)
        return tuple(dict.fromkeys(text for text in texts if text))

    def raw(self, field: Field) -> Raw:
        return [
            {
                "id": frame.FrameID,
                "desc": getattr(frame, "desc", None),
                "encoding": int(frame.encoding),
                "text": [str(text) for text in frame.text],
            }
            for frame in self._frames(field)
        ]

    def put(self, field: Field, values: Sequence[str]) -> None:
        wide = id3.Encoding.UTF8 if self._version == 4 else id3.Encoding.UTF16
        encoding = id3.Encoding.LATIN1 if all(map(str.isascii, values)) else wide
        name = _FRAMES.get(field)
        if field == "mood" and self._version == 3:
            name = None  # TMOO is of 2.4
        frame = {
            "id": name or "TXXX",
            "desc": None if name else NAMES[field],
            "encoding": int(encoding),
            "text": list(values),
        }
        self.restore(field, [frame] if values else [])

    def restore(self, field: Field, raw: Raw) -> None:
        for frame in self._frames(field):
            del self._tags[frame.HashKey]
        for told in raw:
            more = {} if told["desc"] is None else {"desc": told["desc"]}
            encoding = id3.Encoding(told["encoding"])
            self._tags.add(id3.Frames[told["id"]](encoding=encoding, text=told["text"], **more))

    def others(self, fields: Iterable[Field]) -> list[str]:
        ours = {id(frame) for field in fields for frame in self._frames(field)}
        frames = [repr(frame) for frame in self._tags.values() if id(frame) not in ours]
        return sorted(frames + [repr(bytes(data)) for data in self._tags.unknown_frames])

    def _is_empty(self) -> bool:
        return not self._tags and not self._tags.unknown_frames

    def _save(self, target: Any, padding: Callable[[Any], int] | None = None) -> None:
        # No separator: several values stay several in 2.3 too.
        self._tags.save(target, v2_version=self._version, v23_sep=None, padding=padding)


class _Mpeg(_Id3):
    """ID3v2 before MPEG audio: the tag alone is made anew, all behind it is copied as it is."""

    def __init__(self, path: Path):
        self._read(path, lambda: id3.ID3(path, translate=False, load_v1=False))
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 128))
            self._from_v1 = id3.ParseID3v1(file.read(), 4) or {}
        if self._tags is None:
            self._tags = id3.ID3()
            # Players that find ID3v2 look no further: the fields of ID3v1 come along.
            for frame in self._from_v1.values():
                self._tags.add(frame)

    def write_copy(self, source: Path, target: Path, *, drop_empty: bool = False) -> None:
        with source.open("rb") as old, target.open("wb") as new:
            length = _id3_length(old.read(10))
            if not (drop_empty and self._is_empty()):
                room = length - len(self._rendered(0))
                new.write(self._rendered(room if room >= 0 else _PADDING))
            old.seek(length)
            shutil.copyfileobj(old, new, _CHUNK)

    def _is_empty(self) -> bool:
        brought = {repr(frame) for frame in self._from_v1.values()}
        return brought.issuperset(self.others(()))

    def _rendered(self, padding: int) -> bytes:
        buffer = BytesIO()
        self._save(buffer, lambda info: padding)
        return buffer.getvalue()


class _Chunked(_Id3):
    """ID3v2 in a chunk of a RIFF or AIFF file."""

    _module: Any  # wave or aiff

    def __init__(self, path: Path):
        self._file = self._module.Open(path, translate=False, load_v1=False)
        self._read(path, lambda: self._file.tags)
        if self._tags is None:
            self._file.add_tags()
            self._tags = self._file.tags

    def write_copy(self, source: Path, target: Path, *, drop_empty: bool = False) -> None:
        shutil.copyfile(source, target)
        if drop_empty and self._is_empty():
            self._module.delete(target)
        else:
            self._save(target)


class _Wave(_Chunked):
    _module = wave


class _Aiff(_Chunked):
    _module = aiff


class _Vorbis(Tags):
    """Vorbis comments: pairs of a name, in any case, and a value."""

    _open: Any  # mutagen's class for the file
    _framing = False

    def __init__(self, path: Path):
        self._file = self._open(path)
        self.existed = self._file.tags is not None
        if not self.existed:
            self._file.add_tags()
            return
        # mutagen puts U+FFFD or "?" for what it cannot decode, and drops names out of the norm.
        bad = next((n for n, text in self._pairs() if "?" in n or "\ufffd" in n + text), None)
        whole = self._file.tags._size == len(self._file.tags.write(self._framing))
        if bad or not whole:
            raise TagError(f"its tag {bad or '?'} is no valid UTF-8 text; nothing was changed")

    def _pairs(self) -> list[tuple[str, str]]:
        return list(list.__iter__(self._file.tags))

    def values(self, field: Field) -> tuple[str, ...]:
        return tuple(value for _, name, value in self.raw(field))

    def raw(self, field: Field) -> Raw:
        pairs = enumerate(self._pairs())
        return [[at, name, text] for at, (name, text) in pairs if name.upper() == NAMES[field]]

    def put(self, field: Field, values: Sequence[str]) -> None:
        end = len(self._pairs())
        self.restore(field, [[end + k, NAMES[field], value] for k, value in enumerate(values)])

    def restore(self, field: Field, raw: Raw) -> None:
        pairs = [pair for pair in self._pairs() if pair[0].upper() != NAMES[field]]
        for at, name, value in raw:
            pairs.insert(at, (name, value))
        self._file.tags[:] = pairs

    def others(self, fields: Iterable[Field]) -> list[str]:
        ours = {NAMES[field] for field in fields}
        pairs = [repr(pair) for pair in self._pairs() if pair[0].upper() not in ours]
        return [*pairs, self._file.tags.vendor]

    def write_copy(self, source: Path, target: Path, *, drop_empty: bool = False) -> None:
        shutil.copyfile(source, target)
        self._file.save(target)


class _Flac(_Vorbis):
    _open = flac.FLAC

    def others(self, fields: Iterable[Field]) -> list[str]:
        own = (flac.VCFLACDict.code, flac.Padding.code)
        blocks = [block for block in self._file.metadata_blocks if block.code not in own]
        return super().others(fields) + [f"{block.code} {block.write()!r}" for block in blocks]

    def write_copy(self, source: Path, target: Path, *, drop_empty: bool = False) -> None:
        if drop_empty and not self._pairs():
            shutil.copyfile(source, target)
            self._file.delete(target)
        else:
            super().write_copy(source, target)


class _Opus(_Vorbis):
    _open = oggopus.OggOpus


class _OggVorbis(_Vorbis):
    _open = oggvorbis.OggVorbis
    _framing = True


class _OggFlac(_Vorbis):
    _open = oggflac.OggFLAC


class _Speex(_Vorbis):
    _open = oggspeex.OggSpeex


_OGG: dict[bytes, type[Tags]] = {
    b"OpusHead": _Opus,
    b"\x01vorbis": _OggVorbis,
    b"\x7fFLAC": _OggFlac,
    b"Speex   ": _Speex,
}


class _Mp4(Tags):
    """Atoms of iTunes: free text for all but the tempo, which has a place of its own."""

    _PREFIX = "----:com.apple.iTunes:"

    def __init__(self, path: Path):
        self._file: Any = mp4.MP4(path)
        self.existed = self._file.tags is not None
        if not self.existed:
            self._file.add_tags()

    def _key(self, field: Field) -> str:
        if field == "bpm":
            return "tmpo"
        return self._PREFIX + (NAMES[field].lower() if field == "key" else NAMES[field])

    def _keys(self, field: Field) -> list[str]:
        wanted = self._key(field).lower()
        return [key for key in self._file.tags if key.lower() == wanted]

    def values(self, field: Field) -> tuple[str, ...]:
        items = [item for key in self._keys(field) for item in self._file.tags[key]]
        return tuple(
            item.decode("utf-8", "replace") if isinstance(item, bytes) else str(item)
            for item in items
        )

    def raw(self, field: Field) -> Raw:
        return [
            [key, item.hex(), int(item.dataformat)]
            if isinstance(item, mp4.MP4FreeForm)
            else [key, item]
            for key in self._keys(field)
            for item in self._file.tags[key]
        ]

    def put(self, field: Field, values: Sequence[str]) -> None:
        key = self._key(field)
        if field == "bpm":
            self.restore(field, [[key, int(value)] for value in values])
        else:
            text = int(mp4.AtomDataType.UTF8)
            self.restore(field, [[key, value.encode().hex(), text] for value in values])

    def restore(self, field: Field, raw: Raw) -> None:
        for key in self._keys(field):
            del self._file.tags[key]
        items: dict[str, list[Any]] = {}
        for key, item, *kind in raw:
            if kind:
                form = mp4.AtomDataType(kind[0])
                items.setdefault(key, []).append(mp4.MP4FreeForm(bytes.fromhex(item), form))
            else:
                items.setdefault(key, []).append(item)
        for key, content in items.items():
            self._file.tags[key] = content

    def others(self, fields: Iterable[Field]) -> list[str]:
        ours = {key for field in fields for key in self._keys(field)}
        tags = self._file.tags.items()
        return sorted(f"{key} {value!r}" for key, value in tags if key not in ours)

    def write_copy(self, source: Path, target: Path, *, drop_empty: bool = False) -> None:
        shutil.copyfile(source, target)
        self._file.tags.save(target)


class _Ape(Tags):
    """APEv2 items, whose names' case does not matter."""

    def __init__(self, path: Path):
        try:
            self._tags: Any = apev2.APEv2(path)
            self.existed = True
        except apev2.APENoHeaderError:
            self._tags = apev2.APEv2()
            self.existed = False
        if _ends_in_id3v1(path):
            raise TagError("ends in an ID3v1 tag, which would not survive a change of its APE tags")

    def values(self, field: Field) -> tuple[str, ...]:
        item = self._tags.get(NAMES[field])
        return tuple(item) if isinstance(item, apev2.APETextValue) else ()

    def raw(self, field: Field) -> Raw:
        named = [key for key in self._tags if key.upper() == NAMES[field]]
        items = [(key, self._tags[key]) for key in named]
        return [
            [key, item.kind, item.value.hex() if isinstance(item.value, bytes) else item.value]
            for key, item in items
        ]

    def put(self, field: Field, values: Sequence[str]) -> None:
        joined = "\0".join(values)  # as APEv2 holds several
        name = NAMES[field].title() if field == "mood" else NAMES[field]
        self.restore(field, [[name, apev2.TEXT, joined]] if values else [])

    def restore(self, field: Field, raw: Raw) -> None:
        if NAMES[field] in self._tags:
            del self._tags[NAMES[field]]
        for name, kind, value in raw:
            content = bytes.fromhex(value) if kind == apev2.BINARY else value
            self._tags[name] = apev2.APEValue(content, kind)

    def others(self, fields: Iterable[Field]) -> list[str]:
        ours = {NAMES[field] for field in fields}
        items = self._tags.items()
        return sorted(
            f"{key} {item.kind} {item.value!r}" for key, item in items if key.upper() not in ours
        )

    def write_copy(self, source: Path, target: Path, *, drop_empty: bool = False) -> None:
        shutil.copyfile(source, target)
        if drop_empty and not self._tags:
            apev2.delete(target)
        else:
            self._tags.save(target)
