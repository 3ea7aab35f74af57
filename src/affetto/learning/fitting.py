"""Candidates fitted: on splits to be judged, or once for a model."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from affetto.learning.candidates import (
    BY_NAME,
    Candidate,
    Prepare,
    Settings,
    article_width,
    build,
    rows_to_learn,
)
from affetto.learning.dataset import LabelledTracks
from affetto.learning.export import to_pipelines
from affetto.learning.network import Problem, train_stack
from affetto.learning.pool import Pool
from affetto.learning.recipes import COMMITTEE, fit_recipe
from affetto.learning.splits import Split
from affetto.model import MoodModel
from affetto.scorers import Pipeline

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]
Names = npt.NDArray[np.str_]


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """Where rows come from; only candidates that balance playlists and tables ask.

    Attributes
    ----------
    moods : tuple of str
        Names, in the order of the labels.
    sources, groups : ndarray of str, shape=(n,), or None
        None where all rows are of one source, or no playlists are known.
    """

    moods: tuple[str, ...]
    sources: Names | None = None
    groups: Names | None = None

    @classmethod
    def of(cls, tracks: LabelledTracks) -> "Origin":
        """Tell where labelled tracks come from."""
        return cls(tracks.moods, tracks.tables, tracks.groups)

    def part(self, rows: Indices) -> "Origin":
        """Give some of the rows."""
        return Origin(
            self.moods,
            None if self.sources is None else self.sources[rows],
            None if self.groups is None else self.groups[rows],
        )


def _fit_committee(X: Floats, y: Indices, features: tuple[str, ...], origin: Origin) -> MoodModel:
    one = np.full(len(y), "all")
    sources = one if origin.sources is None else origin.sources
    pool = Pool(
        X, y, origin.moods, features or tuple(f"column {i}" for i in range(X.shape[1])),
        sources, sources if origin.groups is None else origin.groups, np.arange(len(y)),
    )  # fmt: skip
    return fit_recipe(COMMITTEE, pool)


@dataclass(frozen=True, slots=True, eq=False)
class FoldResult:
    """What a candidate said on one split.

    Attributes
    ----------
    p_train, p_test : ndarray, shape=(n, n_moods)
        Probabilities on either side.
    seconds : float
        Spent on fitting and predicting.
    """

    p_train: Floats
    p_test: Floats
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """One candidate with one or several choices of settings, to be judged on some splits."""

    candidate: str
    settings: tuple[Settings, ...]
    splits: tuple[Split, ...]
    X: Floats
    y: Indices
    features: tuple[str, ...]
    origin: Origin
    seed: int


def run_job(job: Job) -> list[list[FoldResult]]:
    """Fit and judge every choice of settings on every split.

    BLAS and OpenMP are held to one thread, so that processes do not fight over the cores.

    Returns
    -------
    list of list of FoldResult
        By settings, then by split.
    """
    with threadpool_limits(1):
        if job.candidate.startswith("network"):
            return _run_networks(job)
        return [[_run_split(job, chosen, split) for split in job.splits] for chosen in job.settings]


def _run_split(job: Job, settings: Settings, split: Split) -> FoldResult:
    train, test = split
    n_moods = len(job.origin.moods)
    started = time.perf_counter()
    if job.candidate == "committee":
        committee = _fit_committee(job.X[train], job.y[train], job.features, job.origin.part(train))
        p_train, p_test = (committee.predict_proba(job.X[side]) for side in (train, test))
        return FoldResult(p_train, p_test, time.perf_counter() - started)
    model = build(
        BY_NAME[job.candidate], settings, features=job.features, n_moods=n_moods, seed=job.seed
    )
    learn = train[rows_to_learn(job.candidate, job.y[train], job.seed)]
    model.fit(job.X[learn], job.y[learn])
    p_train, p_test = (
        _all_moods(model, model.predict_proba(job.X[side]), n_moods) for side in (train, test)
    )
    return FoldResult(p_train, p_test, time.perf_counter() - started)


def _all_moods(model: Any, p: Floats, n_moods: int) -> Floats:
    """Give moods that the learning side lacked a probability of 0."""
    if p.shape[1] == n_moods:
        return p
    full = np.zeros((len(p), n_moods))
    full[:, model.classes_] = p
    return full


def _run_networks(job: Job) -> list[list[FoldResult]]:
    """Train all networks of a width, over settings, splits and restarts, as one stack."""
    prepared = [Prepare("scaled").fit(job.X[train]) for train, _ in job.splits]
    sides = [
        tuple(prepare.transform(job.X[side]) for side in split)
        for prepare, split in zip(prepared, job.splits, strict=True)
    ]
    default = article_width(len(job.features), len(job.origin.moods))
    chosen = [
        {"width": default, "restarts": 1, **BY_NAME[job.candidate].settings, **settings}
        for settings in job.settings
    ]
    results: list[list[FoldResult]] = [[] for _ in chosen]
    for width in dict.fromkeys(settings["width"] for settings in chosen):
        started = time.perf_counter()
        stacked = [index for index, settings in enumerate(chosen) if settings["width"] == width]
        problems = [
            Problem(X_train, job.y[train], chosen[index]["alpha"], job.seed + restart)
            for index in stacked
            for (X_train, _), (train, _) in zip(sides, job.splits, strict=True)
            for restart in range(chosen[index]["restarts"])
        ]
        trained = iter(train_stack(problems, width, len(job.origin.moods)))
        seconds = (time.perf_counter() - started) / (len(stacked) * len(sides))
        for index in stacked:
            for both_sides in sides:
                committee = [next(trained) for _ in range(chosen[index]["restarts"])]
                p_train, p_test = (
                    np.mean([net.probabilities(Z) for net in committee], axis=0) for Z in both_sides
                )
                results[index].append(FoldResult(p_train, p_test, seconds))
    return results


def vote(members: Sequence[Sequence[FoldResult]]) -> list[FoldResult]:
    """Average the members' probabilities split by split."""
    return [
        FoldResult(
            np.mean([result.p_train for result in results], axis=0),
            np.mean([result.p_test for result in results], axis=0),
            sum(result.seconds for result in results),
        )
        for results in zip(*members, strict=True)
    ]


def fit_model(
    candidate: Candidate,
    settings: Mapping[str, Mapping[str, Any]],
    tracks: LabelledTracks,
    *,
    rows: npt.NDArray[np.intp] | None = None,
    seed: int = 42,
) -> MoodModel:
    """Fit a candidate and give it as a model.

    Parameters
    ----------
    candidate : Candidate
    settings : mapping
        Settings of each candidate by name, those of a vote's members included.
    tracks : LabelledTracks
    rows : ndarray of int, optional
        Tracks to learn from; default, all.
    seed : int

    Returns
    -------
    MoodModel
    """
    X, y = (tracks.X, tracks.y) if rows is None else (tracks.X[rows], tracks.y[rows])
    origin = Origin.of(tracks)
    pipelines, weights = fit_pipelines(
        candidate, settings, X, y, features=tracks.features, seed=seed,
        origin=origin if rows is None else origin.part(rows),
    )  # fmt: skip
    return MoodModel(
        moods=tracks.moods,
        features=tracks.features,
        pipelines=pipelines,
        weights=weights,
        name=candidate.title,
    )


def fit_pipelines(
    candidate: Candidate,
    settings: Mapping[str, Mapping[str, Any]],
    X: Floats,
    y: npt.NDArray[np.intp],
    *,
    features: tuple[str, ...],
    seed: int,
    origin: Origin | None = None,
) -> tuple[tuple[Pipeline, ...], tuple[float, ...]]:
    """Fit a candidate, or the members of a vote, and give pipelines with their weights.

    Parameters
    ----------
    candidate : Candidate
    settings : mapping
        By candidate's name.
    X : ndarray, shape=(n, n_features)
    y : ndarray of int, shape=(n,)
    features : tuple of str
        Columns of X; empty where they have no names.
    seed : int
    origin : Origin, optional
        Where the rows come from; default, one source of moods without names.

    Returns
    -------
    pipelines : tuple of Pipeline
    weights : tuple of float
        Sum to 1.
    """
    members = [BY_NAME[name] for name in candidate.members] or [candidate]
    pipelines: list[Pipeline] = []
    weights: list[float] = []
    if origin is None:
        origin = Origin(tuple(f"mood {index}" for index in range(y.max() + 1)))
    with threadpool_limits(1):
        for member in members:
            if member.name == "committee":
                committee = _fit_committee(X, y, features, origin)
                pipelines += committee.pipelines
                weights += [weight / len(members) for weight in committee.weights]
                continue
            estimator = build(
                member, settings[member.name], features=features, n_moods=y.max() + 1, seed=seed
            )
            rows = rows_to_learn(member.name, y, seed)
            parts = to_pipelines(estimator.fit(X[rows], y[rows]), n_features=X.shape[1])
            pipelines += parts
            weights += [1 / (len(members) * len(parts))] * len(parts)
    return tuple(pipelines), tuple(weights)
