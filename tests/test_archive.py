"""Files that were damaged, altered or built to harm are refused: nothing is run, little made."""

import hashlib
import io
import json
import pickle
import re
import struct
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from affetto import archive
from affetto.errors import ModelFormatError
from affetto.features import FEATURE_NAMES
from affetto.model import MoodModel
from affetto.moods import MOOD_NAMES
from affetto.scorers import Forest, Linear, Pipeline, Standardise

D = 10


def good_model() -> MoodModel:
    """Average a linear model and three stumps."""
    rng = np.random.default_rng(0)
    scale = Standardise(rng.normal(size=D), rng.uniform(1, 3, D))
    linear = Linear(rng.normal(size=(5, D)), rng.normal(size=5))
    stumps = Forest(
        roots=np.array([0, 3, 6]),
        feature=np.tile([1, -1, -1], 3),
        threshold=rng.normal(size=9),
        left=np.array([1, -1, -1, 4, -1, -1, 7, -1, -1]),
        right=np.array([2, -1, -1, 5, -1, -1, 8, -1, -1]),
        value=rng.dirichlet(np.ones(5), 9),
    )
    return MoodModel(
        moods=MOOD_NAMES,
        features=FEATURE_NAMES,
        pipelines=(Pipeline((scale,), linear), Pipeline((), stumps)),
        weights=(0.75, 0.25),
        name="a good model",
        about={"tracks": 913, "test": {"accuracy": 0.725}},
    )


@pytest.fixture
def X() -> Any:  # noqa: N802 - the feature matrix
    return np.random.default_rng(7).normal(size=(50, D))


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return good_model().save(tmp_path / "good.affetto")


# --- Files that were damaged -----------------------------------------------------------------


def test_truncated_anywhere(saved: Path, tmp_path: Path) -> None:
    data = saved.read_bytes()
    path = tmp_path / "cut.affetto"
    lengths = {*range(0, 64), *range(0, len(data), 97), *range(len(data) - 64, len(data))}
    for length in lengths:
        path.write_bytes(data[:length])
        with pytest.raises(ModelFormatError):
            MoodModel.load(path)


def test_every_altered_byte_is_noticed_or_without_effect(
    saved: Path, tmp_path: Path, X: Any
) -> None:
    data = saved.read_bytes()
    expected = good_model().predict_proba(X)
    path = tmp_path / "altered.affetto"
    noticed = 0
    positions = {*range(0, 200), *range(0, len(data), 61), *range(len(data) - 300, len(data))}
    for position in positions:
        altered = bytearray(data)
        altered[position] ^= 0x5A
        path.write_bytes(altered)
        try:
            back = MoodModel.load(path)
        except ModelFormatError:
            noticed += 1
        else:  # dates and permissions in the zip's directory
            assert_array_equal(back.predict_proba(X), expected)
    assert noticed > 0.7 * len(positions)


def test_something_added_at_either_end(saved: Path, tmp_path: Path) -> None:
    data = saved.read_bytes()
    path = tmp_path / "m.affetto"
    for changed in (data + b"\n", b"#!/bin/sh\n" + data, data + data, data[:4] + data):
        path.write_bytes(changed)
        with pytest.raises(ModelFormatError):
            MoodModel.load(path)


# --- Files that were built to harm -----------------------------------------------------------


def parts_of(path: Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Take a model file apart: its manifest, and its arrays' files by name."""
    with zipfile.ZipFile(path) as file:
        manifest = json.loads(file.read("manifest.json"))
        with zipfile.ZipFile(io.BytesIO(file.read("arrays.npz"))) as inner:
            return manifest, {name: inner.read(name) for name in inner.namelist()}


def signed(manifest: dict[str, Any], packed: bytes) -> str:
    """Write a manifest with checksums that fit: an attacker can compute them too."""
    manifest = {**manifest, "arrays_sha256": hashlib.sha256(packed).hexdigest()}
    manifest.pop("manifest_sha256", None)
    canonical = json.dumps(manifest, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(canonical.encode("ascii")).hexdigest()
    return json.dumps({**manifest, "manifest_sha256": digest})


def zipped(members: list[tuple[str, Any]], **how: Any) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", **how) as file:
        for name, content in members:
            file.writestr(name, content)
    return buffer.getvalue()


def rebuilt(
    path: Path, manifest: dict[str, Any], files: dict[str, bytes], packed: bytes | None = None
) -> Path:
    """Write a model file whose checksums fit whatever was put into it."""
    packed = zipped(list(files.items())) if packed is None else packed
    path.write_bytes(zipped([("manifest.json", signed(manifest, packed)), ("arrays.npz", packed)]))
    return path


def test_rebuilt_unchanged_loads(saved: Path, X: Any) -> None:
    manifest, files = parts_of(saved)
    back = MoodModel.load(rebuilt(saved, manifest, files))
    assert_array_equal(back.predict_proba(X), good_model().predict_proba(X))


def test_changed_manifest_is_noticed(saved: Path) -> None:
    with zipfile.ZipFile(saved) as file:
        text, packed = file.read("manifest.json"), file.read("arrays.npz")
    for old, new in ((b"0.725", b"0.925"), (b'"Happy"', b'"Angry"'), (b"a good", b"a bad")):
        assert old in text
        saved.write_bytes(
            zipped([("manifest.json", text.replace(old, new)), ("arrays.npz", packed)])
        )
        with pytest.raises(ModelFormatError, match="altered after it was saved: the manifest"):
            MoodModel.load(saved)


def test_changed_arrays_are_noticed(saved: Path) -> None:
    with zipfile.ZipFile(saved) as file:
        text = file.read("manifest.json")
    _, files = parts_of(saved)
    first = min(files)
    files[first] = files[first][:-1] + b"\x01"
    saved.write_bytes(
        zipped([("manifest.json", text), ("arrays.npz", zipped(list(files.items())))])
    )
    with pytest.raises(ModelFormatError, match="altered after it was saved: the arrays"):
        MoodModel.load(saved)


def at(manifest: dict[str, Any], *path: Any) -> Any:
    for key in path:
        manifest = manifest[key]
    return manifest


SCORER = ("pipelines", 0, "scorer")
STEP = ("pipelines", 0, "steps", 0)


@pytest.mark.parametrize(
    ("where", "key", "value", "message"),
    [
        ((), "format", 2, "newer affetto: format 2, this one reads 1; upgrade"),
        ((), "format", 0, "format is 0; expected 1"),
        ((), "format", "1", "format is '1'"),
        ((), "format", True, "format is True"),
        ((), "features_version", 2, "version 2 of the features.*train it again"),
        ((), "colour", "red", "'colour' is unknown; written by a newer affetto"),
        ((), "kind", "linear", "says it is 'linear', but is 'average'"),
        ((), "kind", None, "but is 'average'"),
        ((), "name", 5, "cannot be a name"),
        ((), "name", "\x1b[2J", "control characters"),
        ((), "name", "\ud800", "control characters"),
        ((), "moods", "Dark", "moods: found str, expected list"),
        ((), "moods", ["Dark", 5, "a", "b", "c"], "cannot be a name"),
        ((), "moods", ["Dark", "Happy"], "tells 5 moods apart"),
        ((), "moods", ["Dark"] * 60, "vocabulary"),
        ((), "features", ["energy"], "10 columns|1 columns"),
        ((), "features", [["energy"]], "features: found list"),
        ((), "features", ["energy"] * 10, "twice"),
        ((), "about", [], "about: found list"),
        ((), "versions", 3, "versions: found int"),
        ((), "pipelines", {}, "pipelines: found dict"),
        ((), "pipelines", [], "0 pipelines"),
        ((), "pipelines", [3], "pipeline 0: found int"),
        (("pipelines", 0), "weight", 0.9, "sum to 1"),
        (("pipelines", 0), "weight", -0.5, "sum to 1"),
        (("pipelines", 0), "weight", 1e308, "sum to 1"),
        (("pipelines", 0), "weight", "0.5", "found str, expected float"),
        (("pipelines", 0), "weight", 1, "found int, expected float"),
        (("pipelines", 0), "steps", None, "found NoneType, expected list"),
        (("pipelines", 0), "hook", "os.system", "'hook' is unknown"),
        (SCORER, "kind", "torch", "kind 'torch' is unknown .this affetto knows linear, mlp"),
        (SCORER, "kind", ["linear"], "is unknown"),
        (SCORER, "kind", "mlp", "'weights' is missing"),
        (SCORER, "extra", 1, "'extra' is unknown"),
        (SCORER, "coef", "nowhere", "array 'nowhere' is missing or used twice"),
        (SCORER, "coef", "0.scorer.intercept", "missing or used twice|has shape"),
        (SCORER, "coef", 7, "array 7 is missing"),
        (SCORER, "coef", {"file": "/etc/passwd"}, "is missing or used twice"),
        (STEP, "op", "eval", "op 'eval' is unknown"),
        (STEP, "op", None, "op None is unknown"),
        (STEP, "mean", "0.scorer.coef", "has shape"),
    ],
)
def test_manifest_that_says_something_else(
    saved: Path, where: tuple[Any, ...], key: str, value: Any, message: str
) -> None:
    manifest, files = parts_of(saved)
    at(manifest, *where)[key] = value
    with pytest.raises(ModelFormatError, match=message):
        MoodModel.load(rebuilt(saved, manifest, files))


@pytest.mark.parametrize(
    ("where", "key"),
    [
        *[((), key) for key in ("format", "kind", "moods", "features", "pipelines", "about")],
        (("pipelines", 0), "weight"),
        (SCORER, "kind"),
        (SCORER, "intercept"),
        (STEP, "scale"),
    ],
)
def test_manifest_that_lacks_something(saved: Path, where: tuple[Any, ...], key: str) -> None:
    manifest, files = parts_of(saved)
    del at(manifest, *where)[key]
    with pytest.raises(ModelFormatError):
        MoodModel.load(rebuilt(saved, manifest, files))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "cannot be read"),
        (b"\xff\xfe", "cannot be read"),
        (b"[" * 500_000, "cannot be read"),
        (b"[" * 60 + b"]" * 60, "no JSON object"),
        (b'{"a":' * 60 + b"1" + b"}" * 60, "nested more than 48 deep"),
        (b'{"format": 1, "format": 1}', "twice in one object"),
        (b'{"format": NaN}', "NaN is no number"),
        (b'{"format": 1, "x": 1e999}', "out of range"),
        (b'{"format": ' + b"9" * 5000 + b"}", "cannot be read"),
        (b'{"format": 999999999999999999999}', "newer affetto"),
        (b"null", "no JSON object"),
    ],
)
def test_manifest_that_is_no_manifest(saved: Path, text: bytes, message: str) -> None:
    saved.write_bytes(zipped([("manifest.json", text), ("arrays.npz", zipped([]))]))
    with pytest.raises(ModelFormatError, match=message):
        MoodModel.load(saved)


def npy(array: Any, **how: Any) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asarray(array), **how)
    return buffer.getvalue()


def npy_that_says(shape: str, descr: str = "'<f8'", body: bytes = bytes(40)) -> bytes:
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + body


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (npy([1, 2, 3, 4, "x"], allow_pickle=True), "no array of numbers"),
        (npy(np.array([print] * 5, object), allow_pickle=True), "pickled objects"),
        (npy(np.array([0, 0, 0, 0, np.nan])), "NaN or infinity"),
        (npy(np.array([0, 0, 0, 0, -np.inf])), "NaN or infinity"),
        (npy(np.zeros(4)), "has shape"),
        (npy(np.zeros((5, 1))), "has shape"),
        (npy(np.zeros((1, 1, 5))), "no array of numbers"),
        (npy(np.float64(1)), "no array of numbers"),
        (npy(np.zeros(5, complex)), "no array of numbers"),
        (npy(np.zeros(5, np.float32)), "no array of numbers"),
        (npy(np.zeros(5, ">f8")), "no array of numbers"),
        (npy(np.asfortranarray(np.zeros((5, 2)))), "no array of numbers"),
        (npy(np.zeros(5), version=(2, 0)), "no array of numbers"),
        (npy_that_says("(5,)"), None),
        (npy_that_says("(6,)"), "fewer or more"),
        (npy_that_says("(999999999, 999999999)"), "fewer or more"),
        (npy_that_says("(99999999999999999999,)"), "no array of numbers"),
        (npy_that_says("(-5,)"), "no array of numbers"),
        (npy_that_says("(0,)", body=b""), "has shape"),
        (npy_that_says("(5,)", "__import__('os').system('true')"), "no array of numbers"),
        (npy_that_says("(" * 900 + "5," + ")" * 900), "no array of numbers"),
        (b"", "no array of numbers"),
        (b"\x93NUMPY", "no array of numbers"),
        (pickle.dumps(np.zeros(5)), "no array of numbers"),
    ],
)
def test_array_that_is_none(saved: Path, content: bytes, message: str | None) -> None:
    manifest, files = parts_of(saved)
    files["0.scorer.intercept.npy"] = content
    rebuilt(saved, manifest, files)
    if message is None:
        MoodModel.load(saved)
    else:
        with pytest.raises(ModelFormatError, match=message):
            MoodModel.load(saved)


def test_missing_and_extra_arrays(saved: Path) -> None:
    manifest, files = parts_of(saved)
    fewer = {name: content for name, content in files.items() if "intercept" not in name}
    with pytest.raises(ModelFormatError, match=r"'0\.scorer\.intercept' is missing"):
        MoodModel.load(rebuilt(saved, manifest, fewer))
    with pytest.raises(ModelFormatError, match="no part uses, 'spare'"):
        MoodModel.load(rebuilt(saved, manifest, {**files, "spare.npy": npy(np.zeros(3))}))
    many = {f"a{number}.npy": npy(np.zeros(1)) for number in range(2000)}
    with pytest.raises(ModelFormatError, match="holds 2000 parts"):
        MoodModel.load(rebuilt(saved, manifest, many))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("left", lambda left: np.where(left == 1, 0, left)),
        ("left", lambda left: np.arange(len(left))),
        ("right", lambda right: np.full_like(right, 10**9)),
        ("left", lambda left: np.full_like(left, -5)),
        ("roots", np.zeros_like),
        ("feature", lambda feature: np.full_like(feature, 3)),
        ("feature", lambda feature: np.where(feature >= 0, 10, feature)),
        ("value", lambda value: value * 2),
        ("threshold", lambda threshold: threshold * np.nan),
    ],
)
def test_trees_that_lead_astray(saved: Path, name: str, change: Callable[[Any], Any]) -> None:
    manifest, files = parts_of(saved)
    key = f"1.scorer.{name}.npy"
    files[key] = npy(change(np.load(io.BytesIO(files[key]))))
    with pytest.raises(ModelFormatError, match=r"Forest|columns come in"):
        MoodModel.load(rebuilt(saved, manifest, files))


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
@pytest.mark.parametrize(
    "name", ["../../evil", "/etc/passwd", "manifest.json", "MANIFEST.JSON", "a\x00b", "run.pkl"]
)
def test_member_that_has_no_place(saved: Path, name: str) -> None:
    manifest, files = parts_of(saved)
    packed = zipped(list(files.items()))
    text = signed(manifest, packed)
    before = set(saved.parent.parent.rglob("*"))
    for members in (
        [("manifest.json", text), ("arrays.npz", packed), (name, b"x")],
        [("manifest.json", text), (name, packed)],
    ):
        saved.write_bytes(zipped(members))
        with pytest.raises(ModelFormatError):
            MoodModel.load(saved)
    assert set(saved.parent.parent.rglob("*")) == before
    inner = zipped([*files.items(), (name, b"x")])
    with pytest.raises(ModelFormatError):
        MoodModel.load(rebuilt(saved, manifest, {}, packed=inner))


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_array_twice(saved: Path) -> None:
    manifest, files = parts_of(saved)
    inner = zipped([*files.items(), next(iter(files.items()))])
    with pytest.raises(ModelFormatError, match="twice"):
        MoodModel.load(rebuilt(saved, manifest, {}, packed=inner))


@contextmanager
def little_memory(most: int) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()


def bomb(name: str, size: int, noise: int = 0) -> bytes:
    """Zip zeros, with some bytes of noise in each MiB that do not shrink."""
    block = np.random.default_rng(0).bytes(noise) + bytes(2**20 - noise)
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file,
        file.open(name, "w") as stream,
    ):
        for _ in range(size // 2**20):
            stream.write(block)
    return buffer.getvalue()


def test_zip_bombs_are_not_unpacked(saved: Path) -> None:
    manifest, _ = parts_of(saved)
    small = bomb("0.scorer.coef.npy", 200 * 2**20)
    rebuilt(saved, manifest, {}, packed=small)
    with (
        little_memory(8 * 2**20),
        pytest.raises(ModelFormatError, match="built to exhaust memory"),
    ):
        MoodModel.load(saved)
    rebuilt(saved, manifest, {}, packed=bomb("0.scorer.coef.npy", 300 * 2**20, 20_000))
    with little_memory(32 * 2**20), pytest.raises(ModelFormatError, match="more than 256"):
        MoodModel.load(saved)
    saved.write_bytes(bomb("manifest.json", 50 * 2**20, 20_000))
    with little_memory(8 * 2**20), pytest.raises(ModelFormatError, match=r"more than 1\.0 MiB"):
        MoodModel.load(saved)


def test_bomb_that_lies_about_its_size(saved: Path) -> None:
    manifest, _ = parts_of(saved)
    packed = bomb("0.scorer.coef.npy", 100 * 2**20)
    true, false = struct.pack("<L", 100 * 2**20), struct.pack("<L", 5000)
    assert true in packed
    rebuilt(saved, manifest, {}, packed=packed.replace(true, false))
    with little_memory(8 * 2**20), pytest.raises(ModelFormatError):
        MoodModel.load(saved)


def test_huge_directory_is_not_read(saved: Path) -> None:
    data = saved.read_bytes()
    entry = struct.pack("<4s6H3L5H2L", b"PK\1\2", *[0] * 16)
    directory = entry * 300_000
    for here in (2, 65535):
        end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, here, here, len(directory), len(data), 0)
        saved.write_bytes(data + directory + end)
        with little_memory(80 * 2**20), pytest.raises(ModelFormatError):
            MoodModel.load(saved)


def test_oversized_file_is_not_read(saved: Path) -> None:
    with saved.open("r+b") as file:
        file.truncate(archive.MAX_FILE_BYTES + 1)  # sparse: takes no room on the disk
    with little_memory(2**20), pytest.raises(ModelFormatError, match="more than a model file may"):
        MoodModel.load(saved)


@pytest.mark.parametrize("flag", [0x1, 0x40])
def test_encrypted_member(saved: Path, flag: int) -> None:
    data = bytearray(saved.read_bytes())
    for found in re.finditer(rb"PK\x03\x04|PK\x01\x02", bytes(data)):
        data[found.start() + (6 if data[found.start() + 2] == 3 else 8)] |= flag
    saved.write_bytes(data)
    with pytest.raises(ModelFormatError):
        MoodModel.load(saved)


def test_other_compression(saved: Path) -> None:
    manifest, files = parts_of(saved)
    packed = zipped(list(files.items()), compression=zipfile.ZIP_LZMA)
    with pytest.raises(ModelFormatError, match="packed in a way"):
        MoodModel.load(rebuilt(saved, manifest, {}, packed=packed))


def test_message_never_grows_with_the_file(saved: Path) -> None:
    manifest, files = parts_of(saved)
    manifest["pipelines"][0]["scorer"]["kind"] = "x" * 500_000
    with pytest.raises(ModelFormatError) as caught:
        MoodModel.load(rebuilt(saved, manifest, files))
    assert len(str(caught.value)) < 1000 + len(str(saved))
