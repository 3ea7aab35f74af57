"""Check tables and audio for drift: read a sample of their usable rows, and measure it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from affetto.checks import row_problem
from affetto.drift import Drift, measure_drift
from affetto.errors import FeatureMismatchError, ModelError, TableError
from affetto.model import MoodModel
from affetto.scoring.label import Sources
from affetto.sources.tables import Table, translate_errors

Floats = npt.NDArray[np.float64]

MOST_TRACKS = 100_000
"""Looked at, drawn at random where there are more: memory does not grow with the table, and
chance moves no share by more than .005."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found.

    Attributes
    ----------
    drift : Drift
    rows : int
        All rows there were.
    unusable : int
        Those that lack a value or hold an impossible one.
    heard : bool
        Whether features were computed from audio.
    """

    drift: Drift
    rows: int
    unusable: int
    heard: bool

    def as_dict(self) -> dict[str, Any]:
        """Give plain data, as JSON can hold it."""
        return {
            "rows": self.rows,
            "unusable": self.unusable,
            "heard": self.heard,
            **self.drift.as_dict(),
        }


def check_drift(
    sources: Sources,
    model: MoodModel,
    *,
    jobs: int | None = None,
    excerpt: bool = False,
    seed: int = 42,
) -> Checked:
    """Measure how far tables and audio lie from what a model learned from; needs no labels.

    Parameters
    ----------
    sources : Sources
        As `affetto.scoring.label.open_sources` gives them.
    model : MoodModel
    jobs, excerpt
        As `affetto.label` has them.
    seed : int
        Of the tracks drawn, where there are more than 100,000.

    Returns
    -------
    Checked

    Raises
    ------
    ModelError
        If the model knows nothing of its training tracks.
    FeatureMismatchError
        If a table lacks a feature that the model needs.
    TableError
        If a table cannot be read, or no row can be used.
    """
    population = model.population
    if population is None:
        raise ModelError(
            f"the model {model.name!r} keeps nothing of the tracks it learned from, so that "
            "nothing can be held against them; train it again with this affetto"
        )
    tables = list(sources.tables)
    if sources.audio:
        # SciPy and the decoders: loaded for those who have audio.
        from affetto.scoring.listen import listen, table_of  # noqa: PLC0415

        tables.append(table_of(listen(sources.audio, jobs=jobs, excerpt=excerpt)))
    sample = _Sample(len(model.features), seed)
    n_rows = 0
    for table in tables:
        for rows, usable in _batches(table, model):
            n_rows += rows
            sample.add(usable)
    if not sample.seen:
        raise TableError(
            f"none of the {n_rows} rows can be used: each lacks {', '.join(model.features)} or "
            "holds an impossible value; affetto label says what is wrong with each row"
        )
    drift = measure_drift(sample.rows, population)
    return Checked(drift, n_rows, n_rows - sample.seen, bool(sources.audio))


def _batches(table: Table, model: MoodModel) -> Iterator[tuple[int, Floats]]:
    """Give the rows of each batch, and the features of those that can be used."""
    if absent := [name for name in model.features if name not in table.features]:
        raise FeatureMismatchError(
            f"{table.name} has no column for {', '.join(absent)}; the model {model.name!r} needs "
            f"{', '.join(model.features)}"
        )
    problem = row_problem(model.features).is_null().alias("usable")
    frame = table.frame.select(*model.features, problem)
    with translate_errors(table.name):
        for batch in frame.collect_batches(maintain_order=True):
            usable = batch["usable"].to_numpy()
            X = batch.select(model.features).to_numpy().astype(np.float64, copy=False)
            yield len(batch), X[usable]


class _Sample:
    """A uniform sample of rows that come in parts: those with the smallest of random keys."""

    def __init__(self, n_columns: int, seed: int) -> None:
        self.rows: Floats = np.empty((0, n_columns))
        self.seen = 0
        self._keys = np.empty(0)
        self._draw = np.random.default_rng(seed)

    def add(self, rows: Floats) -> None:
        """Take a part of the rows into account."""
        self.seen += len(rows)
        keys = np.concatenate([self._keys, self._draw.random(len(rows))])
        every = np.concatenate([self.rows, rows])
        if len(keys) > MOST_TRACKS:
            kept = np.argpartition(keys, MOST_TRACKS)[:MOST_TRACKS]
            keys, every = keys[kept], every[kept]
        self._keys, self.rows = keys, every
