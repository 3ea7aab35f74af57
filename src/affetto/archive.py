"""The container of a model file: a zip of `manifest.json` and `arrays.npz`, opened without trust.

::

    NAME.affetto          zip, stored
    ├── manifest.json     what the arrays mean; checksums of itself and of the arrays
    └── arrays.npz        zip of .npy, readable by numpy.load(allow_pickle=False)

A file from a stranger may be built to harm. Nothing in it is ever executed or unpickled;
every size is checked before anything of that size is made; names are only compared, never
used as paths; and whatever is not exactly as expected is refused.
"""

import hashlib
import io
import json
import math
import re
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from affetto.errors import ModelError, ModelFormatError, OutputError
from affetto.parts import Counts, Floats, Nodes, Part

FORMAT_VERSION = 1
"""Grows when an older affetto could no longer read the file."""

MAX_FILE_BYTES = 64 * 2**20
MAX_MANIFEST_BYTES = 2**20
MAX_ARRAY_BYTES = 256 * 2**20
MAX_ARRAYS = 1024
MAX_JSON_DEPTH = 48
MAX_RATIO = 100
"""Most that a member may shrink in a zip; what shrinks more is written as it is."""

GET_IT_AGAIN = "get it again from where it came, or train it again"

_MANIFEST, _ARRAYS = "manifest.json", "arrays.npz"
_ARRAY_NAME = re.compile(r"[a-z0-9_.]{1,100}\.npy")
_NPY_MAGIC = b"\x93NUMPY\x01\x00"
_NPY_HEADER = re.compile(
    rb"\{'descr': '(<f8|<i4|<i8)', 'fortran_order': False, "
    rb"'shape': \((\d{1,9}(?:,|, \d{1,9}))\), \} *\n"
)
_END_OF_ZIP = struct.Struct("<4s4H2LH")
_DIRECTORY_BYTES_A_MEMBER = 256

# Whatever zipfile and zlib raise on bytes that are no zip.
_ZIP_ERRORS = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, RuntimeError, OSError,
    LookupError, ArithmeticError, NotImplementedError,
)  # fmt: skip


def pack(manifest: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Write a manifest and arrays as the bytes of a file; the same for the same content.

    Parameters
    ----------
    manifest : mapping
        Of what JSON can hold. ``format`` and the checksums are added.
    arrays : mapping of str to ndarray of float64, int32 or int64
        One- or two-dimensional.

    Raises
    ------
    OutputError
        If a part is larger than `unpack` would accept.
    """
    packed = _zip({f"{name}.npy": _npy(array) for name, array in arrays.items()})
    whole = {
        "format": FORMAT_VERSION, **manifest, "arrays_sha256": hashlib.sha256(packed).hexdigest()
    }  # fmt: skip
    whole["manifest_sha256"] = _digest(whole)
    text = json.dumps(whole, ensure_ascii=False, allow_nan=False, indent=1).encode()
    file = _zip({_MANIFEST: text, _ARRAYS: packed}, compress=False)
    if len(arrays) > MAX_ARRAYS or _depth(whole) > MAX_JSON_DEPTH:
        raise OutputError(
            f"the model has {len(arrays)} arrays and a description {_depth(whole)} levels deep; "
            f"a model file holds {MAX_ARRAYS} and {MAX_JSON_DEPTH}"
        )
    for what, size, most in (
        ("the description of the model", len(text), MAX_MANIFEST_BYTES),
        ("all arrays together", sum(array.nbytes for array in arrays.values()), MAX_ARRAY_BYTES),
        ("the model file", len(file), MAX_FILE_BYTES),
    ):
        if size > most:
            raise OutputError(f"{what} would take {_mib(size)}; a model file holds {_mib(most)}")
    return file


def unpack(data: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read the bytes of a file, checking all of it.

    Parameters
    ----------
    data : bytes
        At most `MAX_FILE_BYTES`; from anybody.

    Returns
    -------
    manifest : dict
        Without ``format`` and the checksums.
    arrays : dict of str to ndarray
        Read-only.

    Raises
    ------
    ModelFormatError
        If anything is not exactly as `pack` writes it.
    """
    _recognise(data)
    members = _unzip(data, {_MANIFEST: MAX_MANIFEST_BYTES, _ARRAYS: MAX_FILE_BYTES})
    manifest = _parse(members[_MANIFEST])
    version = manifest.pop("format", None)
    if type(version) is int and version > FORMAT_VERSION:
        raise ModelFormatError(
            f"written by a newer affetto: format {version}, this one reads {FORMAT_VERSION}; "
            "upgrade affetto to use it"
        )
    if type(version) is not int or version != FORMAT_VERSION:
        raise ModelFormatError(f"format is {version!r}; expected {FORMAT_VERSION}; {GET_IT_AGAIN}")
    stated = manifest.pop("manifest_sha256", None)
    if stated != _digest({"format": version, **manifest}):
        raise ModelFormatError(
            f"altered after it was saved: the manifest does not match its checksum; {GET_IT_AGAIN}"
        )
    if manifest.pop("arrays_sha256", None) != hashlib.sha256(members[_ARRAYS]).hexdigest():
        raise ModelFormatError(
            f"altered after it was saved: the arrays do not match their checksum; {GET_IT_AGAIN}"
        )
    files = _unzip(members[_ARRAYS])
    return manifest, {name[:-4]: _read_npy(name, content) for name, content in files.items()}


# --- Parts of a model, as entries of the manifest -------------------------------------------


def put_part(part: Any, place: str, arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """Give a part's fields as JSON, its arrays by name and put aside."""

    def put(value: NDArray[Any], name: str) -> str:
        arrays[f"{place}.{name}"] = value
        return f"{place}.{name}"

    encoded: dict[str, Any] = {}
    for name in _field_types(type(part)):
        value = getattr(part, name)
        if isinstance(value, np.ndarray):
            encoded[name] = put(value, name)
        elif isinstance(value, tuple):
            encoded[name] = [put(array, f"{name}.{index}") for index, array in enumerate(value)]
        else:
            encoded[name] = value
    return encoded


def take_part(
    entry: Any,
    word: str,
    known: Mapping[str, type[Part]],
    arrays: dict[str, NDArray[Any]],
    where: str,
) -> Any:
    """Make the part that an entry describes, taking its arrays out of `arrays`."""
    kind = checked(entry, dict, where).get(word)
    if not isinstance(kind, str) or kind not in known:
        raise ModelFormatError(
            f"{where}: {word} {kind!r} is unknown (this affetto knows "
            f"{', '.join(known)}); written by a newer affetto? upgrade to use it"
        )

    def take(key: Any) -> NDArray[Any]:
        if not isinstance(key, str) or key not in arrays:
            raise ModelFormatError(
                f"{where}: array {key!r} is missing or used twice; {GET_IT_AGAIN}"
            )
        return arrays.pop(key)

    types = _field_types(known[kind])
    check_keys(entry, (word, *types), where)
    values: dict[str, Any] = {}
    for name, annotation in types.items():
        value = entry[name]
        if annotation in (Floats, Nodes, Counts):
            values[name] = take(value)
        elif annotation == tuple[Floats, ...]:
            values[name] = tuple(take(key) for key in checked(value, list, f"{where}, {name}"))
        else:
            values[name] = checked(value, annotation, f"{where}, {name}")
    try:
        return known[kind](**values)
    except ModelError as exc:
        raise ModelFormatError(f"{where}: {exc}") from exc


def _field_types(part: type[Any]) -> dict[str, Any]:
    return {item.name: item.type for item in fields(part) if item.init}


def checked(value: Any, expected: type[Any], where: str) -> Any:
    """Return `value` if JSON gave exactly that type (true is no number here)."""
    if type(value) is not expected:
        raise ModelFormatError(
            f"{where}: found {type(value).__name__}, expected {expected.__name__}; {GET_IT_AGAIN}"
        )
    return value


def check_keys(entry: Mapping[str, Any], expected: tuple[str, ...], where: str) -> None:
    """Raise `ModelFormatError` unless an entry has exactly the expected names."""
    if missing := [key for key in expected if key not in entry]:
        raise ModelFormatError(f"{where}: {missing[0]!r} is missing; {GET_IT_AGAIN}")
    if unknown := [key for key in entry if key not in expected]:
        raise ModelFormatError(
            f"{where}: {unknown[0]!r} is unknown; written by a newer affetto? upgrade to use it"
        )


# --- Recognising what is no model file -----------------------------------------------------

_OTHER_FORMATS = (
    (b"\x1f\x8b", "a gzip file"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ", "an xz file"),
    (b"\x78\x9c", "a zlib stream, as joblib writes"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x93NUMPY", "one NumPy array"),
    (b"PAR1", "a Parquet table"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"{", "a JSON text"),
)


def _recognise(data: bytes) -> None:
    """Refuse what is no zip, saying what it is instead where that can be seen."""
    if not data:
        raise ModelFormatError("the file is empty; expected a model written by affetto")
    if len(data) > MAX_FILE_BYTES:
        raise ModelFormatError(f"larger than a model file may be, {_mib(MAX_FILE_BYTES)}")
    if data.startswith(b"PK\x03\x04"):
        return
    if data[0] == 0x80 and 2 <= int.from_bytes(data[1:2]) <= 5:  # pickle protocols 2 to 5
        raise ModelFormatError(
            "this is a Python pickle (joblib writes them too). affetto never opens pickles, "
            "since opening one can run any program; train the model again with affetto train"
        )
    for start, name in _OTHER_FORMATS:
        if data.startswith(start):
            raise ModelFormatError(f"this is {name}; expected a model written by affetto")
    raise ModelFormatError("this is no model file; expected a model written by affetto")


# --- Zip -----------------------------------------------------------------------------------


def _zip(members: Mapping[str, bytes], compress: bool = True) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name)  # dated 1980, so that equal models are equal bytes
            info.create_system, info.external_attr = 3, 0o644 << 16
            if compress and len(content) <= MAX_RATIO * len(zlib.compress(content)):
                info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return buffer.getvalue()


def _unzip(data: bytes, limits: Mapping[str, int] | None = None) -> dict[str, bytes]:
    """Read all members: those that `limits` names, each within its own, or else arrays."""
    _check_directory(data, MAX_ARRAYS if limits is None else len(limits))
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
            for info in infos:
                _check_member(info)
            names = Counter(info.filename for info in infos)
            if repeated := [name for name, count in names.items() if count > 1]:
                raise ModelFormatError(f"holds {repeated[0]!r} twice; {GET_IT_AGAIN}")
            if limits is None:
                _check_arrays(infos)
            else:
                _check_named(infos, limits)
            return {info.filename: _read_member(archive, info) for info in infos}
    except _ZIP_ERRORS as exc:
        raise ModelFormatError(f"damaged or cut short ({exc}); {GET_IT_AGAIN}") from exc


def _check_directory(data: bytes, most_members: int) -> None:
    """Bound the zip's directory before `zipfile` makes an object of every entry."""
    tail = data[-_END_OF_ZIP.size :]
    if len(tail) < _END_OF_ZIP.size or not tail.startswith(b"PK\x05\x06"):
        raise ModelFormatError(
            "cut short (a download that broke off?), or something was added at its end; "
            f"{GET_IT_AGAIN}"
        )
    _, disk, start_disk, here, members, size, offset, comment = _END_OF_ZIP.unpack(tail)
    zip64 = data[-_END_OF_ZIP.size - 20 :].startswith(b"PK\x06\x07")
    if disk or start_disk or comment or zip64 or here != members:
        raise ModelFormatError(f"not packed as affetto packs models; {GET_IT_AGAIN}")
    if members > most_members or size > most_members * _DIRECTORY_BYTES_A_MEMBER:
        raise ModelFormatError(
            f"holds {members} parts, expected at most {most_members}: another kind of zip file?"
        )
    if offset + size + _END_OF_ZIP.size != len(data):
        raise ModelFormatError(f"damaged: its directory is not where it says; {GET_IT_AGAIN}")


def _check_member(info: zipfile.ZipInfo) -> None:
    name = info.filename
    if name.endswith((".pkl", ".pickle", ".joblib")):
        raise ModelFormatError(f"holds {name!r}, a Python pickle; affetto never opens pickles")
    if info.flag_bits & 0x1 or info.compress_type not in (
        zipfile.ZIP_STORED,
        zipfile.ZIP_DEFLATED,
    ):
        raise ModelFormatError(f"{name!r} is encrypted or packed in a way affetto does not use")
    if info.file_size > 4096 + 2 * MAX_RATIO * info.compress_size:
        raise ModelFormatError(
            f"{name!r} would unpack to {info.file_size} bytes from {info.compress_size}: "
            "built to exhaust memory, refused"
        )


def _check_named(infos: list[zipfile.ZipInfo], limits: Mapping[str, int]) -> None:
    for info in infos:
        name = info.filename
        if name not in limits:
            raise ModelFormatError(f"holds {name!r}, which no model has; {GET_IT_AGAIN}")
        if info.file_size > limits[name]:
            raise ModelFormatError(f"{name} would unpack to more than {_mib(limits[name])}")
    if missing := limits.keys() - {info.filename for info in infos}:
        raise ModelFormatError(
            f"holds no {min(missing)}: another kind of zip file? expected a model of affetto"
        )


def _check_arrays(infos: list[zipfile.ZipInfo]) -> None:
    for info in infos:
        if not _ARRAY_NAME.fullmatch(info.filename):
            raise ModelFormatError(f"holds {info.filename!r}, which no model has; {GET_IT_AGAIN}")
    if sum(info.file_size for info in infos) > MAX_ARRAY_BYTES:
        raise ModelFormatError(f"its arrays would unpack to more than {_mib(MAX_ARRAY_BYTES)}")


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    with archive.open(info) as stream:
        content = stream.read(info.file_size)  # without a size, it unpacks as much as there is
    if len(content) != info.file_size:
        raise ModelFormatError(f"{info.filename} is cut short; {GET_IT_AGAIN}")
    return content


# --- Arrays --------------------------------------------------------------------------------


def _npy(array: NDArray[Any]) -> bytes:
    """Write an array as .npy, version 1.0 (NEP 1)."""
    little = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False)
    header = (
        f"{{'descr': '{little.dtype.str}', 'fortran_order': False, 'shape': {array.shape!r}, }}"
    )
    length = -(len(_NPY_MAGIC) + 2 + len(header) + 1) % 64 + len(header) + 1
    text = header.ljust(length - 1) + "\n"
    return _NPY_MAGIC + struct.pack("<H", length) + text.encode("ascii") + little.tobytes()


def _read_npy(name: str, content: bytes) -> NDArray[Any]:
    """Read a .npy of few known types; unlike NumPy's reader, it evaluates and pickles nothing."""
    start = len(_NPY_MAGIC) + 2
    end = start + int.from_bytes(content[start - 2 : start], "little")
    header = content[start:end]
    if b"|O" in header:
        raise ModelFormatError(f"{name} holds pickled objects; affetto never opens pickles")
    match = _NPY_HEADER.fullmatch(header)
    if not content.startswith(_NPY_MAGIC) or match is None:
        raise ModelFormatError(f"{name} is no array of numbers that affetto writes")
    dtype = np.dtype(match[1].decode("ascii"))
    shape = tuple(int(length) for length in re.findall(rb"\d+", match[2]))
    if math.prod(shape) * dtype.itemsize != len(content) - end:
        raise ModelFormatError(f"{name} holds fewer or more numbers than its shape {shape} says")
    return np.frombuffer(content, dtype, offset=end).reshape(shape)


# --- Manifest ------------------------------------------------------------------------------


def _parse(text: bytes) -> dict[str, Any]:
    try:
        manifest = json.loads(
            text.decode("utf-8"), object_pairs_hook=_without_repeats, parse_constant=_no_constant
        )
    except (ValueError, RecursionError) as exc:
        raise ModelFormatError(f"its manifest cannot be read ({exc}); {GET_IT_AGAIN}") from exc
    if not isinstance(manifest, dict):
        raise ModelFormatError(f"its manifest is no JSON object; {GET_IT_AGAIN}")
    if _depth(manifest) > MAX_JSON_DEPTH:
        raise ModelFormatError(f"its manifest is nested more than {MAX_JSON_DEPTH} deep: refused")
    return manifest


def _depth(node: Any) -> int:
    """Count how many objects and lists lie within one another."""
    depth, level = 0, [node]
    while level := [
        child
        for inner in level
        if isinstance(inner, dict | list)
        for child in (inner.values() if isinstance(inner, dict) else inner)
    ]:
        depth += 1
    return depth


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is given twice in one object")
    return found


def _no_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number of JSON")


def _digest(manifest: Mapping[str, Any]) -> str:
    """SHA-256 of the manifest's content, whatever its layout and the order of its names."""
    try:
        canonical = json.dumps(manifest, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except ValueError as exc:  # 1e999 is read as infinity
        raise ModelFormatError(f"its manifest holds a number out of range; {GET_IT_AGAIN}") from exc
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def _mib(size: int) -> str:
    return f"{size / 2**20:.1f} MiB"
