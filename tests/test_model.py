"""Models of every kind: what they promise, their files, and files that are not theirs."""

import hashlib
import io
import json
import os
import pickle
import re
import resource
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from affetto import archive
from affetto.errors import (
    AffettoError,
    ModelError,
    ModelFormatError,
    OutputError,
    UsageError,
)
from affetto.features import FEATURE_NAMES
from affetto.model import FORMAT_VERSION, MoodModel, load_model, packaged_models
from affetto.moods import MOOD_NAMES
from affetto.scorers import (
    Boosted,
    Clip,
    Densities,
    Forest,
    Linear,
    Log10,
    Network,
    Pipeline,
    Polynomial,
    Select,
    Standardise,
    SupportVectors,
)

D = 10
KINDS = ("linear", "mlp", "trees", "boosted", "svm", "densities", "average")
N_MOODS = (2, 3, 5)


def random_nodes(rng: Any, n_trees: int) -> dict[str, Any]:
    """Make trees of three levels, each with its own splits."""
    one = {"feature": [0, 0, -1, 0, -1, -1, -1], "left": [1, 2, 0, 4, 0, 0, 0]}
    one["right"] = [6, 3, 0, 5, 0, 0, 0]
    shift = 7 * np.repeat(np.arange(n_trees), 7)
    feature = np.tile(one["feature"], n_trees)
    return {
        "feature": np.where(feature < 0, -1, rng.integers(0, D, len(feature))),
        "threshold": rng.normal(size=len(feature)),
        "left": np.tile(one["left"], n_trees) + shift,
        "right": np.tile(one["right"], n_trees) + shift,
    }


def scorer_of(kind: str, k: int, rng: Any) -> Any:
    if kind == "linear":
        return Linear(rng.normal(size=(k, D)), rng.normal(size=k))
    if kind == "mlp":
        weights = (rng.normal(size=(D, 8)), rng.normal(size=(8, k)))
        return Network(weights, (rng.normal(size=8), rng.normal(size=k)), "relu")
    if kind == "trees":
        value = rng.dirichlet(np.ones(k), 7 * 6)
        return Forest(roots=7 * np.arange(6), value=value, **random_nodes(rng, 6))
    if kind == "boosted":
        return Boosted(
            roots=7 * np.arange(4 * k).reshape(4, k),
            value=rng.normal(size=7 * 4 * k),
            baseline=rng.normal(size=k),
            **random_nodes(rng, 4 * k),
        )
    if kind == "densities":
        return Densities(
            means=rng.normal(size=(2 * k, D)),
            roots=np.tril(rng.normal(size=(2 * k, D, D)), -1).reshape(-1, D)
            + np.tile(np.diag(rng.uniform(0.5, 2, D)), (2 * k, 1)),
            freedom=np.full(2 * k, 5.0),
            share=np.full(2 * k, 0.5),
            mood=np.tile(np.arange(k), 2),
            prior=np.full(k, 1 / k),
            temperature=2.0,
        )
    assert kind == "svm"
    return SupportVectors(
        vectors=rng.normal(size=(4 * k, D)),
        dual_coef=rng.normal(size=(k - 1, 4 * k)),
        intercept=0.01 * rng.normal(size=k * (k - 1) // 2),
        n_support=np.full(k, 4),
        gamma=0.1,
        slope=-np.ones(k if k > 2 else 1),
        offset=np.zeros(k if k > 2 else 1),
    )


def pipeline_of(kind: str, k: int, rng: Any) -> Pipeline:
    return Pipeline(
        (Standardise(rng.normal(size=D), rng.uniform(1, 3, D)),), scorer_of(kind, k, rng)
    )


def model_of(kind: str, n_moods: int = 5, seed: int = 0) -> MoodModel:
    rng = np.random.default_rng(seed)
    members = ("linear", "mlp", "trees") if kind == "average" else (kind,)
    return MoodModel(
        moods=MOOD_NAMES[:n_moods],
        features=FEATURE_NAMES,
        pipelines=tuple(pipeline_of(member, n_moods, rng) for member in members),
        weights=(0.5, 0.3, 0.2) if kind == "average" else (),
        name=f"a {kind} model",
        about={"tracks": 913, "test": {"accuracy": 0.725, "low": None}, "wörter": ["ä", True]},
    )


@pytest.fixture
def X() -> Any:  # noqa: N802 - the feature matrix
    return 2.0 * np.random.default_rng(7).normal(size=(333, D))


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return model_of("average").save(tmp_path / "good.affetto")


# --- The contract: one suite over every kind -------------------------------------------------


@pytest.mark.parametrize("n_moods", N_MOODS)
@pytest.mark.parametrize("kind", KINDS)
class TestEveryKind:
    def test_probabilities(self, kind: str, n_moods: int, X: Any) -> None:
        model = model_of(kind, n_moods)
        p = model.predict_proba(X)
        assert (p.shape, p.dtype) == ((len(X), n_moods), np.float64)
        assert (p >= 0).all()
        assert_allclose(p.sum(axis=1), 1.0, rtol=0, atol=1e-12)
        assert len(np.unique(p.argmax(axis=1))) > 1
        assert_array_equal(model.predict(X), np.array(model.moods)[p.argmax(axis=1)])
        assert model.predict_proba(X[:0]).shape == (0, n_moods)
        assert_allclose(model.predict_proba(X[:1]), p[:1], rtol=0, atol=1e-14)

    def test_comes_back_bit_for_bit(self, kind: str, n_moods: int, X: Any, tmp_path: Path) -> None:
        model = model_of(kind, n_moods)
        path = tmp_path / "m.affetto"
        assert model.save(path) == path
        back = MoodModel.load(path)
        assert_array_equal(back.predict_proba(X), model.predict_proba(X))
        for name in ("moods", "features", "weights", "name", "about", "kind"):
            assert getattr(back, name) == getattr(model, name)
        assert back.holds_training_rows == (kind == "svm")
        assert back.kind == kind

    def test_equal_models_are_equal_bytes(self, kind: str, n_moods: int, tmp_path: Path) -> None:
        first = model_of(kind, n_moods).save(tmp_path / "1.affetto").read_bytes()
        model_of(kind, n_moods).save(tmp_path / "2.affetto")
        MoodModel.load(tmp_path / "1.affetto").save(tmp_path / "3.affetto")
        assert (tmp_path / "2.affetto").read_bytes() == first
        assert (tmp_path / "3.affetto").read_bytes() == first
        other = model_of(kind, n_moods, seed=1).save(tmp_path / "4.affetto")
        assert other.read_bytes() != first

    def test_travels_to_other_processes(self, kind: str, n_moods: int, X: Any) -> None:
        model = model_of(kind, n_moods)
        back = pickle.loads(pickle.dumps(model))  # as Ray and multiprocessing do
        assert_array_equal(back.predict_proba(X), model.predict_proba(X))


def test_average_is_the_weighted_mean(X: Any) -> None:
    model = model_of("average")
    expected = sum(
        weight * pipeline.probabilities(X)
        for pipeline, weight in zip(model.pipelines, model.weights, strict=True)
    )
    assert_allclose(model.predict_proba(X), expected, rtol=0, atol=1e-15)


def test_weights_left_out_are_equal() -> None:
    model = model_of("average")
    same = MoodModel(model.moods, model.features, model.pipelines)
    assert same.weights == (1 / 3,) * 3
    assert same.name == "model"


def test_every_step_comes_back(tmp_path: Path, X: Any) -> None:
    rng = np.random.default_rng(3)
    steps = (
        Clip(np.full(D, -3.0), np.full(D, 3.0)),
        Log10(np.array([4, 5]), np.array([3.5, 4.0])),
        Polynomial(2, interaction_only=True),
        Standardise(np.zeros(55), np.ones(55)),
        Select(np.arange(54, 4, -1)),
    )
    scorer = Linear(0.1 * rng.normal(size=(3, 50)), np.zeros(3))
    model = MoodModel(MOOD_NAMES[:3], FEATURE_NAMES, (Pipeline(steps, scorer),))
    back = MoodModel.load(model.save(tmp_path / "m.affetto"))
    assert_array_equal(back.predict_proba(X), model.predict_proba(X))
    assert [type(step) for step in back.pipelines[0].steps] == [type(step) for step in steps]


def test_one_track_known_answer() -> None:
    scorer = Linear(np.array([[0.0], [np.log(3.0)]]), np.zeros(2))
    model = MoodModel(("Dark", "Happy"), ("valence",), (Pipeline((), scorer),))
    assert_allclose(model.predict_proba([[1.0], [0.0]]), [[0.25, 0.75], [0.5, 0.5]], atol=1e-15)
    assert model.predict([[1.0]]).tolist() == ["Happy"]
    assert repr(model) == "<MoodModel 'model': linear, 1 features, moods Dark, Happy>"


def test_with_about() -> None:
    model = model_of("linear")
    other = model.with_about({"tracks": 1})
    assert other.about == {"tracks": 1}
    assert other.pipelines == model.pipelines
    assert model.about["tracks"] == 913


# --- What a model cannot be, and cannot take -------------------------------------------------


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.zeros((2, 9)), "9 columns given; this model needs 10: energy, liveness"),
        (np.zeros(10), "two dimensions"),
        (np.full((3, 10), np.nan), "row 0: energy is nan"),
        ([[0.0] * 10, [0.0] * 9 + [np.inf]], "row 1: valence is inf"),
        ([[0.0] * 9 + [None]], "row 0: valence is nan"),
        ([["loud"] * 10], "found str"),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_unusable_input_is_refused(kind: str, X: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        model_of(kind).predict_proba(X)


def test_infinite_row_is_named_wherever_it_stands() -> None:
    X = np.zeros((20_000, D))
    X[17_123, 2] = -np.inf
    with pytest.raises(UsageError, match="row 17123: tempo is -inf"):
        model_of("linear").predict_proba(X)


def test_absurd_values_give_an_error_or_probabilities_never_nan() -> None:
    X = np.zeros((3, D))
    X[1] = 1.7e308
    with pytest.raises(UsageError, match=r"row 1: no probability comes out of energy 1\.7e\+308"):
        model_of("linear").predict_proba(X)
    assert_allclose(model_of("trees").predict_proba(X).sum(axis=1), 1.0)


def test_logarithm_of_a_negative_value_is_refused() -> None:
    pipeline = Pipeline(
        (Log10(np.arange(D), np.zeros(D)),), scorer_of("trees", 5, np.random.default_rng(0))
    )
    model = MoodModel(MOOD_NAMES, FEATURE_NAMES, (pipeline,))
    X = np.ones((4, D))
    X[2, 4] = -1.0
    with pytest.raises(UsageError, match="row 2: no probability"):
        model.predict_proba(X)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"moods": MOOD_NAMES[:4]}, ModelError, "tells 5 moods apart; expected 4"),
        ({"moods": ("Dark",) * 5}, UsageError, "Dark"),
        ({"moods": ("Dark",)}, UsageError, "vocabulary"),
        ({"moods": ("a", "b", "c", "d", "\x1b[31m")}, UsageError, "control characters"),
        ({"moods": ("a", "b", "c", "d", "e" * 999)}, UsageError, "at most 200"),
        ({"name": "two\nlines"}, UsageError, "control characters"),
        ({"features": FEATURE_NAMES[:9]}, ModelError, "9 columns come in; expected 10"),
        ({"features": (*FEATURE_NAMES[:9], "loud")}, UsageError, "unknown feature"),
        ({"features": ()}, UsageError, "no features"),
        ({"pipelines": ()}, ModelError, "0 pipelines"),
        ({"weights": (0.5, 0.5)}, ModelError, "2 weights for 1 pipelines"),
        ({"weights": (0.5,)}, ModelError, "sum to 1"),
        ({"weights": (float("nan"),)}, ModelError, "sum to 1"),
        ({"about": {"accuracy": float("nan")}}, UsageError, "write NaN as None"),
        ({"about": {"array": np.zeros(2)}}, UsageError, "JSON"),
    ],
)
def test_impossible_model_is_refused(
    changes: dict[str, Any], error: type[AffettoError], message: str
) -> None:
    model = model_of("linear")
    fields = {"moods": model.moods, "features": model.features, "pipelines": model.pipelines}
    with pytest.raises(error, match=message):
        MoodModel(**{**fields, **changes})


# --- The file as it should be ----------------------------------------------------------------


def test_file_is_a_zip_that_numpy_reads(saved: Path) -> None:
    with zipfile.ZipFile(saved) as file:
        assert file.namelist() == ["manifest.json", "arrays.npz"]
        manifest = json.loads(file.read("manifest.json"))
        packed = file.read("arrays.npz")
    assert manifest["format"] == FORMAT_VERSION
    assert manifest["kind"] == "average"
    assert manifest["features"] == list(FEATURE_NAMES)
    assert manifest["arrays_sha256"] == hashlib.sha256(packed).hexdigest()
    with np.load(io.BytesIO(packed), allow_pickle=False) as arrays:
        coef = manifest["pipelines"][0]["scorer"]["coef"]
        assert_array_equal(arrays[coef], model_of("average").pipelines[0].scorer.coef)
        assert {array.dtype.str for array in arrays.values()} == {"<f8", "<i4"}


def test_array_that_shrinks_to_nothing_still_loads(tmp_path: Path) -> None:
    scorer = Network(
        (np.zeros((D, 5000)), np.zeros((5000, 2))), (np.zeros(5000), np.zeros(2)), "tanh"
    )
    model = MoodModel(MOOD_NAMES[:2], FEATURE_NAMES, (Pipeline((), scorer),))
    back = MoodModel.load(model.save(tmp_path / "m.affetto"))
    assert_array_equal(back.predict_proba(np.ones((1, D))), [[0.5, 0.5]])


def test_nothing_is_unpickled(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: Any, **__: Any) -> None:
        raise AssertionError("a pickle was opened")

    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, name, forbidden)
    MoodModel.load(saved)


def test_labelling_needs_neither_scikit_learn_nor_polars() -> None:
    check = (
        "import sys, affetto.model\n"
        "heavy = {'sklearn', 'scipy', 'polars', 'pandas', 'joblib'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", check], check=True)


def test_load_model_by_path_and_by_name(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_model(saved).kind == "average"
    assert load_model(str(saved)).kind == "average"
    (tmp_path / "models").mkdir()
    monkeypatch.setattr("importlib.resources.files", lambda _: tmp_path)
    assert packaged_models() == ()
    with pytest.raises(ModelError, match="without a default model"):
        load_model()
    model_of("linear").save(tmp_path / "models" / "default.affetto")
    model_of("mlp").save(tmp_path / "models" / "small.affetto")
    assert packaged_models() == ("default", "small")
    assert (load_model().kind, load_model("default").kind) == ("linear", "linear")
    assert load_model("small").kind == "mlp"
    (tmp_path / "models" / "default.affetto").write_bytes(b"PK\x03\x04")
    with pytest.raises(ModelFormatError, match="packaged model 'default'"):
        load_model()


# --- Files that cannot be opened -------------------------------------------------------------


def test_missing_file_suggests_a_near_one(saved: Path) -> None:
    with pytest.raises(ModelError, match=r"did you mean .*good\.affetto"):
        MoodModel.load(saved.with_name("goood.affetto"))
    with pytest.raises(ModelError, match="affetto train writes one"):
        MoodModel.load(saved.with_name("elsewhere") / "m.affetto")


def test_folder_suggests_the_model_in_it(saved: Path) -> None:
    with pytest.raises(ModelError, match=r"is a folder.*did you mean .*good\.affetto"):
        MoodModel.load(saved.parent)


def test_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.affetto")
    with pytest.raises(ModelError, match="no ordinary file"):
        MoodModel.load(tmp_path / "pipe.affetto")


def test_unreadable_file(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)  # as root, permissions do not hold
    with pytest.raises(ModelError, match=r"cannot open .*Permission denied"):
        MoodModel.load(saved)


def test_name_that_no_file_can_have() -> None:
    with pytest.raises(ModelError):
        MoodModel.load("nul\0byte")
    with pytest.raises(ModelError):
        MoodModel.load("x" * 5000)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (pickle.dumps({"model": 1}), "pickle.*never opens pickles"),
        (b"\x1f\x8b\x08" + bytes(99), "gzip"),
        (b"\x78\x9c" + bytes(99), "joblib"),
        (b"\x89PNG\r\n\x1a\n" + bytes(99), "picture"),
        (b"PAR1" + bytes(99), "Parquet"),
        (b'{"moods": []}', "JSON"),
        (b"energy,valence\n.5,.5\n", "no model file"),
        (b"PK\x03\x04", "cut short"),
    ],
)
def test_another_kind_of_file(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "other.affetto"
    path.write_bytes(content)
    with pytest.raises(ModelFormatError, match=message) as caught:
        MoodModel.load(path)
    assert str(path) in str(caught.value)


def test_another_kind_of_zip(tmp_path: Path) -> None:
    path = tmp_path / "other.affetto"
    np.savez(path.with_suffix(".npz"), a=np.zeros(3))
    path.with_suffix(".npz").rename(path)
    with pytest.raises(ModelFormatError, match=r"'a\.npy', which no model has"):
        MoodModel.load(path)
    with zipfile.ZipFile(path, "w") as file:  # as torch.save writes
        file.writestr("archive/data.pkl", pickle.dumps(1))
    with pytest.raises(ModelFormatError, match=r"never opens pickles"):
        MoodModel.load(path)
    with zipfile.ZipFile(path, "w") as file:
        for number in range(9):
            file.writestr(f"word/{number}.xml", b"<x/>")
    with pytest.raises(ModelFormatError, match="another kind of zip"):
        MoodModel.load(path)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("manifest.json", "{}")
    with pytest.raises(ModelFormatError, match=r"no arrays\.npz"):
        MoodModel.load(path)


# --- Random damage ------------------------------------------------------------------------


@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(
    kind=st.sampled_from(KINDS),
    edits=st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8
    ),
)
def test_random_damage_raises_nothing_else(
    kind: str, edits: list[tuple[float, int]], tmp_path: Path
) -> None:
    path = model_of(kind).save(tmp_path / "m.affetto")
    data = bytearray(path.read_bytes())
    for place, value in edits:
        data[int(place * len(data))] = value
    path.write_bytes(data)
    try:
        MoodModel.load(path)
    except ModelFormatError as exc:
        assert str(path) in str(exc)


# --- Writing: whole or not at all ------------------------------------------------------------


def assert_old_model_stays(path: Path, old: bytes, failing: Callable[[], Any]) -> None:
    with pytest.raises(OutputError, match=re.escape(str(path))):
        failing()
    assert path.read_bytes() == old
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_full_disk_leaves_the_old_model(tmp_path: Path) -> None:
    path = model_of("linear").save(tmp_path / "m.affetto")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        assert_old_model_stays(path, path.read_bytes(), lambda: model_of("mlp").save(path))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_failing_write_leaves_the_old_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = model_of("linear").save(tmp_path / "m.affetto")
    old = path.read_bytes()

    def fails(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, fails)
    assert_old_model_stays(path, old, lambda: model_of("mlp").save(path))


def test_interrupted_write_leaves_the_old_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = model_of("linear").save(tmp_path / "m.affetto")
    old = path.read_bytes()

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        model_of("mlp").save(path)
    assert path.read_bytes() == old
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "folder", tmp_path / "nowhere" / "m.affetto"):
        with pytest.raises(OutputError, match=re.escape(str(path))):
            model_of("linear").save(path)
    assert [entry.name for entry in tmp_path.rglob("*")] == ["folder"]


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not hold for root")
def test_folder_without_permission(tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(OutputError, match="Permission denied"):
        model_of("linear").save(tmp_path / "m.affetto")


def test_too_large_to_save(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of("linear").with_about({"evidence": "x" * 2**20})
    with pytest.raises(OutputError, match=r"description .* would take 1\.0 MiB"):
        model.save(tmp_path / "m.affetto")
    deep: Any = 1
    for _ in range(60):
        deep = [deep]
    with pytest.raises(OutputError, match="62 levels deep"):
        model_of("linear").with_about({"deep": deep}).save(tmp_path / "m.affetto")
    monkeypatch.setattr(archive, "MAX_ARRAY_BYTES", 100)
    with pytest.raises(OutputError, match="all arrays together"):
        model_of("linear").save(tmp_path / "m.affetto")
    assert list(tmp_path.iterdir()) == []
