"""Protocol S in a training run: each source unseen in turn, and sources that hurt the others."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from affetto.errors import AffettoError
from affetto.learning.candidates import Candidate, Settings
from affetto.learning.comparison import Judge
from affetto.learning.contest import Cells, paired_difference, quiet
from affetto.learning.dataset import LabelledTracks
from affetto.learning.evaluation import among
from affetto.learning.labels import LabelledTable
from affetto.learning.pool import Pool, gather_pool
from affetto.learning.splits import Split
from affetto.learning.unseen import Judgement, Part, Protocol, unseen_sources

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]

MOST_A_CELL = 300
"""Tracks of a mood of a source, as the default model learns from."""

MOST_ROWS = 4000
"""While sources are left out one by one, which takes a fit for every pair of them."""

MOST_SOURCES = 12

CLEARLY = 2.0
"""Standard errors by which a change must differ from none."""


def sources_pool(tables: Sequence[LabelledTable], features: Sequence[str]) -> Pool | None:
    """Gather tables as sources; None where there are fewer than two that hold two moods.

    A table of one mood is no source in this sense: to know the table is to know the mood.
    """
    if any(one.mood is not None for one in tables):
        return None
    try:
        pool, _ = gather_pool(list(tables), features=features)
    except AffettoError:  # too few features in common to know a track by: told by the audit
        return None
    # Candidates know no missing values.
    pool = pool.part(np.flatnonzero(~np.isnan(pool.X).any(axis=1)))
    held = [len(moods) for moods in pool.counts().values()]
    return pool if sum(n >= 2 for n in held) >= 2 else None


def unseen_source(
    judge: Judge,
    pool: Pool,
    chosen: Candidate,
    settings: Mapping[str, Settings],
) -> dict[str, Any] | None:
    """Judge a candidate on every source by what the others teach.

    Parameters
    ----------
    judge : Judge
        Its seed and processes are used; not its tracks.
    pool : Pool
    chosen : Candidate
    settings : mapping

    Returns
    -------
    dict or None
        ``balanced_accuracy``, ``log_loss``: means over sources; ``ece``; ``intervals``: 95% by
        resampling sources (None for fewer than three); ``rule``; ``sources``: each one's
        figures; ``without``: what leaving a source out of learning does to the others (see
        `without_each`). None where no two sources share two moods.
    """
    pool = pool.thinned(MOST_A_CELL, judge.seed)
    try:
        protocol = unseen_sources(pool)
    except AffettoError:
        return None
    said = _judged(judge, pool, chosen, settings, [(p.train, p.test) for p in protocol.parts])
    judgement = Judgement(
        pool,
        protocol,
        tuple(among(p, part.moods) for p, part in zip(said, protocol.parts, strict=True)),
    )
    by_source = judgement.by_source()
    rows = list(by_source.values())
    return {
        "balanced_accuracy": float(np.mean([row["balanced_accuracy"] for row in rows])),
        "log_loss": float(np.mean([row["log_loss"] for row in rows])),
        "ece": judgement.pooled().expected_calibration_error(),
        "intervals": _intervals(rows, judge.seed),
        "rule": f"{protocol.rule}; candidate and settings were chosen with all of them in sight",
        "sources": by_source,
        "without": without_each(judge, pool, chosen, settings),
    }


def _intervals(
    rows: Sequence[Mapping[str, Any]], seed: int, n_draws: int = 1000
) -> dict[str, list[float]] | None:
    if len(rows) < 3:
        return None
    drawn = np.random.default_rng(seed).integers(len(rows), size=(n_draws, len(rows)))
    ends = {}
    for name in ("balanced_accuracy", "log_loss"):
        means = np.array([row[name] for row in rows])[drawn].mean(axis=1)
        ends[name] = [float(end) for end in np.quantile(means, [0.025, 0.975])]
    return ends


def without_each(
    judge: Judge, pool: Pool, chosen: Candidate, settings: Mapping[str, Settings]
) -> list[dict[str, Any]]:
    """Leave one source out of learning, and see what happens to the others.

    Every other source is judged unseen twice, with and without it on the learning side. A
    source *hurts* where the others' log-loss clearly falls without it: by two standard
    errors of the difference, paired by playlist (or mood of a source without playlists).

    Returns
    -------
    list of dict
        ``source``, ``judged`` (sources), ``balanced_accuracy``, ``log_loss``: changes without
        it, sources counting the same; ``se`` of the latter; ``hurts``; ``helps``. A source that
        alone holds a mood of each other one is left out.
    """
    names = list(pool.counts())
    if not 3 <= len(names) <= MOST_SOURCES:
        return []
    cells = len(np.unique(np.char.add(pool.sources, np.char.mod("|%d", pool.y))))
    pool = pool.thinned(max(50, MOST_ROWS // cells), judge.seed)
    full = unseen_sources(pool).parts
    trials: list[tuple[str, Part, Split]] = []
    for part in full:
        for name in names:
            kept = part.train[pool.sources[part.train] != name]
            taught = np.isin(part.moods, pool.y[kept]).all()
            if name != str(part.units[0]) and taught:
                trials.append((name, part, (kept, part.test)))
    splits = [*((part.train, part.test) for part in full), *(split for _, _, split in trials)]
    said = _judged(judge, pool, chosen, settings, splits)
    with_all = {str(part.units[0]): said[place] for place, part in enumerate(full)}
    tried = said[len(full) :]
    rows = []
    for name in names:
        own = [(part, p) for (one, part, _), p in zip(trials, tried, strict=True) if one == name]
        if own:
            before = Protocol(tuple(part for part, _ in own), "")
            sides = [
                Judgement(pool, before, tuple(among(p, part.moods) for part, p in pairs))
                for pairs in (own, [(part, with_all[str(part.units[0])]) for part, _ in own])
            ]
            rows.append({"source": name, "judged": len(own), **_change(*sides)})
    return sorted(rows, key=lambda row: float(row["log_loss"]))


def _change(without: Judgement, with_it: Judgement) -> dict[str, Any]:
    """Compare two judgements of the same rows, paired by playlist, sources counting the same."""
    pool, parts = with_it.pool, with_it.protocol.parts
    rows = np.concatenate([part.test for part in parts])
    _, source = np.unique(pool.sources[rows], return_inverse=True)
    unit = np.char.add(np.char.add(pool.groups[rows], " | "), np.char.mod("%d", pool.y[rows]))
    cells = Cells.of(source.astype(np.intp), unit)
    weights = cells.weights(np.ones(len(cells.size), dtype=bool), even=True)
    figures: list[list[Floats]] = []
    for judgement in (without, with_it):
        said = judgement.pooled()
        true = said.p[np.arange(len(said.y)), said.y]
        figures.append(
            [
                np.bincount(cells.of_row, values) / cells.size
                for values in (-np.log(np.maximum(true, 1e-12)), said.said == said.y)
            ]
        )
    (loss_a, recall_a), (loss_b, recall_b) = figures
    loss, error = paired_difference(loss_a, loss_b, cells, weights)
    return {
        "balanced_accuracy": float(weights @ (recall_a - recall_b)),
        "log_loss": loss,
        "se": None if np.isnan(error) else error,
        "hurts": bool(loss < -CLEARLY * error),
        "helps": bool(loss > CLEARLY * error),
    }


def _judged(
    judge: Judge,
    pool: Pool,
    chosen: Candidate,
    settings: Mapping[str, Settings],
    splits: Sequence[Split],
) -> list[Floats]:
    """Fit and judge on splits of a pool; probabilities of each judging side."""
    tracks = LabelledTracks(
        pool.X, pool.y, pool.moods, pool.features, pool.groups, pool.sources, pool.groups
    )
    own = replace(quiet(judge), tracks=tracks)
    judged = own.judge([chosen], settings, list(splits), "")[chosen.name]
    return [result.p_test for result in judged.results]
