"""A mood model: ten features in, a probability for each mood out; saved as data, never code."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from importlib import resources
from math import isfinite
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray

from affetto import __version__, archive
from affetto.archive import FORMAT_VERSION, check_keys, checked
from affetto.errors import AffettoError, ModelError, ModelFormatError, UsageError
from affetto.explain import Explanation, explain
from affetto.features import FEATURES_VERSION, check_feature_names
from affetto.moods import check_name, resolve_moods
from affetto.output import written_aside
from affetto.parts import BaseScorer, BaseStep, Floats, as_rows, in_blocks
from affetto.population import Population
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

__all__ = ["FORMAT_VERSION", "MoodModel", "load_model", "packaged_models"]

MAX_PIPELINES = 64
_MAX_REASON = 500
_DEFAULT = "default"
_SUFFIX = ".affetto"

_STEPS: Mapping[str, type[BaseStep]] = {
    step.OP: step for step in (Clip, Log10, Standardise, Select, Polynomial)
}
_SCORERS: Mapping[str, type[BaseScorer]] = {
    scorer.KIND: scorer for scorer in (Linear, Network, Forest, Boosted, SupportVectors, Densities)
}


@dataclass(frozen=True, eq=False, repr=False)
class MoodModel:
    """One pipeline, or the weighted average of several.

    p(mood | x) = Σ weight · pipeline(x).

    Attributes
    ----------
    moods : tuple of str
        In the order of the probabilities' columns.
    features : tuple of str
        Of the ten, in the order of the inputs' columns.
    pipelines : tuple of Pipeline
    weights : tuple of float
        One a pipeline; they sum to 1. Left out: all the same.
    name : str
        For people.
    about : mapping
        What the model was trained on and what was measured; of what JSON can hold. Under
        ``population``: see `Population`.

    Raises
    ------
    UsageError
        If moods, features, name or `about` are not as described.
    ModelError
        If the pipelines do not fit the moods, the features or the weights, or a population
        is not one of theirs.
    """

    moods: tuple[str, ...]
    features: tuple[str, ...]
    pipelines: tuple[Pipeline, ...]
    weights: tuple[float, ...] = ()
    name: str = "model"
    about: Mapping[str, Any] = field(default_factory=dict)
    _population: Population | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        for text in (self.name, *self.moods):
            check_name(text)
        own = {
            "moods": tuple(mood.name for mood in resolve_moods(self.moods)),
            "features": check_feature_names(tuple(self.features)),
            "pipelines": tuple(self.pipelines),
            "about": _as_json(self.about),
        }
        count = len(own["pipelines"])
        own["weights"] = tuple(map(float, self.weights)) or (1 / max(count, 1),) * count
        if not own["features"]:
            raise UsageError("no features are named; expected at least one of the ten")
        for name, value in own.items():
            object.__setattr__(self, name, value)
        self._check_pipelines()
        entry = self.about.get("population")
        if entry is not None:
            entry = Population.read(entry, features=self.features, moods=self.moods)
        object.__setattr__(self, "_population", entry)

    def _check_pipelines(self) -> None:
        if not 1 <= len(self.pipelines) <= MAX_PIPELINES:
            raise ModelError(f"{len(self.pipelines)} pipelines; expected 1 to {MAX_PIPELINES}")
        if len(self.weights) != len(self.pipelines):
            raise ModelError(
                f"{len(self.weights)} weights for {len(self.pipelines)} pipelines; "
                "expected as many of both"
            )
        if not all(weight > 0 for weight in self.weights) or abs(sum(self.weights) - 1) > 1e-9:
            raise ModelError(f"weights are {self.weights}; expected numbers above 0 that sum to 1")
        for pipeline in self.pipelines:
            pipeline.block_rows(len(self.features))  # raises where they do not fit
            if pipeline.n_moods != len(self.moods):
                raise ModelError(
                    f"a {pipeline.scorer.KIND} scorer tells {pipeline.n_moods} moods apart; "
                    f"expected {len(self.moods)}: {', '.join(self.moods)}"
                )

    @property
    def kind(self) -> str:
        """What the scorer is (``"linear"``, ``"mlp"``, …); ``"average"`` for several."""
        return "average" if len(self.pipelines) > 1 else self.pipelines[0].scorer.KIND

    @property
    def holds_training_rows(self) -> bool:
        """Whether rows of the training table can be read out of it: not to be given away."""
        return any(isinstance(pipeline.scorer, SupportVectors) for pipeline in self.pipelines)

    @property
    def population(self) -> Population | None:
        """What it knows of its training tracks, as quantiles; None in older files."""
        return self._population

    def __repr__(self) -> str:
        return (
            f"<MoodModel {self.name!r}: {self.kind}, {len(self.features)} features, "
            f"moods {', '.join(self.moods)}>"
        )

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Give the probability of each mood for each track.

        Parameters
        ----------
        X : array-like of real numbers, shape (n_tracks, n_features)
            Columns in the order of `features`, each in its unit (see `affetto.FEATURES`).

        Returns
        -------
        ndarray of float64, shape (n_tracks, n_moods)
            Columns in the order of `moods`; each row sums to 1.

        Raises
        ------
        UsageError
            If the shape does not fit, or a value is missing, infinite, or so far out of
            its range that no probability comes out.
        """
        rows = as_rows(X)
        if rows.shape[1] != len(self.features):
            raise UsageError(
                f"{rows.shape[1]} columns given; this model needs {len(self.features)}: "
                f"{', '.join(self.features)}"
            )

        def evaluate(columns: Floats) -> Floats:
            # A sum tells much faster whether all are finite; it may overflow, so look again.
            if not isfinite(columns.sum()) and not np.isfinite(columns).all():
                self._refuse_input(rows)
            last = len(self.pipelines) - 1
            total = np.zeros((len(self.moods), columns.shape[1]))
            for i, (pipeline, weight) in enumerate(zip(self.pipelines, self.weights, strict=True)):
                part = pipeline.evaluate(columns if i == last else columns.copy())
                part *= weight
                total += part
            return total

        block_rows = min(pipeline.block_rows(rows.shape[1]) for pipeline in self.pipelines)
        result = in_blocks(rows, evaluate, len(self.moods), block_rows)
        if not isfinite(result.sum()):
            self._refuse_result(rows, result)
        return result

    def predict(self, X: ArrayLike) -> NDArray[np.str_]:
        """Give the most probable mood of each track, shape (n_tracks,).

        Parameters and errors as in `predict_proba`.
        """
        most: NDArray[np.str_] = np.array(self.moods)[self.predict_proba(X).argmax(axis=1)]
        return most

    def explain(self, X: ArrayLike, *, population: Population | None = None) -> list[Explanation]:
        """Tell why each track got its mood, and what would turn it.

        Parameters
        ----------
        X : array-like, shape (n_tracks, n_features)
            As `predict_proba` takes it.
        population : Population, optional
            Tracks to hold these against. Default: those the model was trained on.

        Returns
        -------
        list of Explanation
            One a track; see `affetto.explain.explain`.

        Raises
        ------
        UsageError
            As `predict_proba`, or if the population is of other features or moods.
        ModelError
            If the model knows nothing of its training tracks, and none are given.
        """
        return explain(self, X, population=population)

    def _refuse_input(self, rows: NDArray[Any]) -> NoReturn:
        row, column = np.argwhere(~np.isfinite(rows))[0]
        raise UsageError(
            f"row {row}: {self.features[column]} is {rows[row, column]}; expected a number; "
            "leave such rows out, or fill them, before asking for moods"
        )

    def _refuse_result(self, rows: NDArray[Any], result: Floats) -> NoReturn:
        row = int(np.argmin(np.isfinite(result).all(axis=1)))
        values = ", ".join(
            f"{name} {float(value):g}" for name, value in zip(self.features, rows[row], strict=True)
        )
        raise UsageError(
            f"row {row}: no probability comes out of {values}; is a feature in another unit?"
        )

    def with_about(self, about: Mapping[str, Any]) -> "MoodModel":
        """Give the same model with another `about`."""
        return replace(self, about=about)

    def save(self, path: str | Path) -> Path:
        """Write the model as a file, whole or not at all; equal models are equal bytes.

        Parameters
        ----------
        path : path
            By custom ``NAME.affetto``. Its folder must exist; a file there is replaced.

        Returns
        -------
        Path
            Where it was written.

        Raises
        ------
        OutputError
            If it cannot be written or is too large; what stood there before stays.
        """
        path = Path(path)
        data = _encode(self)
        with written_aside(path) as aside:
            aside.write_bytes(data)
        return path

    @classmethod
    def load(cls, path: str | Path) -> "MoodModel":
        """Read a model file. Safe on any file: it is data, and nothing in it is executed.

        Raises
        ------
        ModelError
            If there is no such file, or it cannot be opened.
        ModelFormatError
            If it is no model, or truncated, altered, oversized, of a newer format, or built
            to harm.
        """
        return _decode(_read_file(Path(path)), str(path))


def load_model(name_or_path: str | Path | None = None) -> MoodModel:
    """Load a model that comes with affetto, or a file.

    Parameters
    ----------
    name_or_path : str or path, optional
        One of `packaged_models`, or the path of a file; left out: ``"default"``.

    Raises
    ------
    ModelError
        See `MoodModel.load`.
    """
    name = _DEFAULT if name_or_path is None else name_or_path
    if isinstance(name, str) and name in packaged_models():
        resource = resources.files("affetto") / "models" / f"{name}{_SUFFIX}"
        return _decode(resource.read_bytes(), f"the packaged model {name!r}")
    if name == _DEFAULT:
        raise ModelError(
            "this installation of affetto comes without a default model; train one with "
            "affetto train, then name its file"
        )
    return MoodModel.load(name)


def packaged_models() -> tuple[str, ...]:
    """Name the models that come with affetto."""
    folder = resources.files("affetto") / "models"
    if not folder.is_dir():
        return ()
    names = (entry.name for entry in folder.iterdir())
    return tuple(sorted(name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX)))


def _as_json(about: Mapping[str, Any]) -> dict[str, Any]:
    """Give `about` as it will come back from a file."""
    try:
        text = json.dumps(dict(about), ensure_ascii=False, allow_nan=False)
        text.encode()
    except (TypeError, ValueError, RecursionError) as exc:
        raise UsageError(f"`about` holds what JSON cannot: {exc}; write NaN as None") from exc
    result: dict[str, Any] = json.loads(text)
    return result


# --- From and to bytes ---------------------------------------------------------------------


def _encode(model: MoodModel) -> bytes:
    arrays: dict[str, NDArray[Any]] = {}
    return archive.pack(
        {
            "kind": model.kind,
            "name": model.name,
            "moods": list(model.moods),
            "features": list(model.features),
            "features_version": FEATURES_VERSION,
            "pipelines": [
                {
                    "weight": weight,
                    "steps": [
                        {"op": step.OP, **archive.put_part(step, f"{i}.steps.{j}", arrays)}
                        for j, step in enumerate(pipeline.steps)
                    ],
                    "scorer": {
                        "kind": pipeline.scorer.KIND,
                        **archive.put_part(pipeline.scorer, f"{i}.scorer", arrays),
                    },
                }
                for i, (pipeline, weight) in enumerate(
                    zip(model.pipelines, model.weights, strict=True)
                )
            ],
            "about": model.about,
            "versions": {"affetto": __version__, "numpy": np.__version__},
        },
        arrays,
    )


def _decode(data: bytes, origin: str) -> MoodModel:
    try:
        manifest, arrays = archive.unpack(data)
        with np.errstate(all="ignore"):  # overflow is found by the parts' own checks
            model = _decode_model(manifest, arrays)
        if arrays:
            raise ModelFormatError(f"holds an array that no part uses, {min(arrays)!r}")
        if manifest["kind"] != model.kind:
            raise ModelFormatError(f"says it is {manifest['kind']!r}, but is {model.kind!r}")
    except AffettoError as exc:
        reason = str(exc)
        if len(reason) > _MAX_REASON:  # it may quote the file, which may be anybody's
            reason = reason[:_MAX_REASON] + "…"
        raise ModelFormatError(f"cannot use {origin} as a model: {reason}") from exc
    return model


def _decode_model(manifest: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> MoodModel:
    check_keys(
        manifest,
        ("kind", "name", "moods", "features", "features_version", "pipelines", "about", "versions"),
        "the manifest",
    )
    versions = checked(manifest["versions"], dict, "versions")
    if manifest["features_version"] != FEATURES_VERSION:
        raise ModelFormatError(
            f"made for version {manifest['features_version']!r} of the features, by affetto "
            f"{versions.get('affetto')!r}; this affetto computes version {FEATURES_VERSION}, "
            "which mean something else: train it again"
        )
    pipelines, weights = [], []
    for i, entry in enumerate(checked(manifest["pipelines"], list, "pipelines")):
        where = f"pipeline {i}"
        check_keys(checked(entry, dict, where), ("weight", "steps", "scorer"), where)
        steps = [
            archive.take_part(step, "op", _STEPS, arrays, f"{where}, step {j}")
            for j, step in enumerate(checked(entry["steps"], list, where))
        ]
        scorer = archive.take_part(entry["scorer"], "kind", _SCORERS, arrays, f"{where}, scorer")
        pipelines.append(Pipeline(tuple(steps), scorer))
        weights.append(checked(entry["weight"], float, where))
    return MoodModel(
        moods=tuple(checked(manifest["moods"], list, "moods")),
        features=tuple(
            checked(name, str, "features")
            for name in checked(manifest["features"], list, "features")
        ),
        pipelines=tuple(pipelines),
        weights=tuple(weights),
        name=manifest["name"],
        about=checked(manifest["about"], dict, "about"),
    )


def _read_file(path: Path) -> bytes:
    try:
        if path.is_dir():
            inside = sorted(path.glob(f"*{_SUFFIX}"))
            hint = f"did you mean {inside[0]}?" if inside else "name a file in it"
            raise ModelError(f"{path} is a folder, a model is one file; {hint}")
        if path.exists() and not path.is_file():
            raise ModelError(f"{path} is no ordinary file; a model is one file, NAME{_SUFFIX}")
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            if size > archive.MAX_FILE_BYTES:
                raise ModelFormatError(
                    f"{path} takes {size / 2**20:.0f} MiB, more than a model file may "
                    f"({archive.MAX_FILE_BYTES / 2**20:.0f} MiB); is it a model of affetto?"
                )
            return stream.read(size + 1)
    except FileNotFoundError as exc:
        raise ModelError(f"there is no model file {path}; {_suggestion(path)}") from exc
    except (OSError, ValueError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else exc
        raise ModelError(f"cannot open the model file {path}: {reason}") from exc


def _suggestion(path: Path) -> str:
    names = [entry.name for entry in path.parent.glob(f"*{_SUFFIX}")]
    near = get_close_matches(path.name, names, n=1, cutoff=0.4)
    if near:
        return f"did you mean {path.with_name(near[0])}?"
    packaged = packaged_models()
    return "affetto train writes one" + (
        f", or use a packaged one: {', '.join(packaged)}" if packaged else ""
    )
