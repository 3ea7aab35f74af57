"""Candidates judged on splits, in several processes."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import joblib
import numpy as np
import numpy.typing as npt

from affetto.learning.candidates import Candidate, Settings
from affetto.learning.dataset import LabelledTracks
from affetto.learning.evaluation import Predictions, repeated_cv_error
from affetto.learning.fitting import FoldResult, Job, Origin, run_job, vote
from affetto.learning.splits import Split

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]
Progress = Callable[[str, int, int], None]
"""Called with the stage's name, its steps done, and its steps in all."""

SPLITS_A_JOB = 5


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What a candidate said on a series of splits.

    Attributes
    ----------
    splits : sequence of (train, test)
    results : sequence of FoldResult
        One a split.
    y : ndarray of int, shape=(n,)
        True moods of all tracks.
    """

    splits: Sequence[Split]
    results: Sequence[FoldResult]
    y: Indices

    def __getitem__(self, part: slice) -> "Judged":
        """Give a part of the splits."""
        return Judged(self.splits[part], self.results[part], self.y)

    def pooled(self) -> Predictions:
        """Put the judging sides of all splits together."""
        return Predictions(
            np.concatenate([self.y[test] for _, test in self.splits]),
            np.concatenate([result.p_test for result in self.results]),
        )

    def accuracies(self) -> Floats:
        """Accuracy on each judging side."""
        return np.array([one.accuracy() for one in self._sides()])

    def balanced_accuracies(self) -> Floats:
        """Balanced accuracy on each judging side."""
        return np.array([one.balanced_accuracy() for one in self._sides()])

    def train_accuracy(self) -> float:
        """Mean accuracy on the learning sides."""
        sides = zip(self.splits, self.results, strict=True)
        return float(
            np.mean([Predictions(self.y[t], result.p_train).accuracy() for (t, _), result in sides])
        )

    def error(self, scores: Floats) -> float:
        """Give the standard error of the mean of `scores`, one a split."""
        n_train = float(np.mean([len(train) for train, _ in self.splits]))
        n_test = float(np.mean([len(test) for _, test in self.splits]))
        return repeated_cv_error(list(scores), n_test, n_train)

    def seconds(self) -> float:
        """Mean time of a fit."""
        return float(np.mean([result.seconds for result in self.results]))

    def _sides(self) -> Iterator[Predictions]:
        for (_, test), result in zip(self.splits, self.results, strict=True):
            yield Predictions(self.y[test], result.p_test)


@dataclass(frozen=True, slots=True, eq=False)
class Judge:
    """Runs candidates over splits of some tracks.

    Attributes
    ----------
    tracks : LabelledTracks
    seed : int
    n_jobs : int or None
        Processes; None for one a core.
    report : Progress
    """

    tracks: LabelledTracks
    seed: int
    n_jobs: int | None
    report: Progress

    def judge(
        self,
        candidates: Sequence[Candidate],
        settings: Mapping[str, Settings],
        splits: Sequence[Split],
        stage: str,
    ) -> dict[str, Judged]:
        """Judge candidates on the same splits; a vote is averaged from its members.

        Parameters
        ----------
        candidates : sequence of Candidate
        settings : mapping
            By candidate's name, members of a vote included.
        splits : sequence of (train, test)
        stage : str
            Told to the progress.

        Returns
        -------
        dict of str to Judged
        """
        names = dict.fromkeys(m for c in candidates for m in (c.members or (c.name,)))
        chunks = [splits[i : i + SPLITS_A_JOB] for i in range(0, len(splits), SPLITS_A_JOB)]
        parts = [(name, chunk) for name in names for chunk in chunks]
        jobs = [self._job(name, [settings[name]], chunk) for name, chunk in parts]
        results: dict[str, list[FoldResult]] = {name: [] for name in names}
        for (name, _), outcome in zip(parts, self._run(stage, jobs), strict=True):
            results[name] += outcome[0]
        for candidate in candidates:
            if candidate.members:
                results[candidate.name] = vote([results[name] for name in candidate.members])
        return {c.name: Judged(splits, results[c.name], self.tracks.y) for c in candidates}

    def search(
        self,
        grids: Mapping[str, Sequence[Settings]],
        splits: Sequence[Split],
        stage: str,
    ) -> dict[str, list[Judged]]:
        """Judge every setting of every candidate's grid.

        Parameters
        ----------
        grids : mapping
            Settings by candidate's name, one at least.
        splits : sequence of (train, test)
        stage : str
            Told to the progress.

        Returns
        -------
        dict
            By candidate, in the order of the grid.
        """
        # The longest first (wide networks, trees), so that no process is left with one at the end.
        parts = [(name, part) for name, grid in grids.items() for part in _grid_parts(grid)]
        parts.sort(key=lambda named: -max(grids[named[0]][i].get("width", 15) for i in named[1]))
        jobs = [self._job(name, [grids[name][i] for i in part], splits) for name, part in parts]
        judged: dict[str, dict[int, Judged]] = {name: {} for name in grids}
        for (name, part), outcome in zip(parts, self._run(stage, jobs), strict=True):
            for place, results in zip(part, outcome, strict=True):
                judged[name][place] = Judged(splits, results, self.tracks.y)
        return {name: [own[place] for place in sorted(own)] for name, own in judged.items()}

    def _job(self, name: str, settings: Sequence[Settings], splits: Sequence[Split]) -> Job:
        return Job(
            name,
            tuple(dict(one) for one in settings),
            tuple(splits),
            self.tracks.X,
            self.tracks.y,
            self.tracks.features,
            Origin.of(self.tracks),
            self.seed,
        )

    def _run(self, stage: str, jobs: Sequence[Job]) -> Iterator[list[list[FoldResult]]]:
        """Run jobs in processes and give their results in order, telling progress."""
        n_jobs = self.n_jobs or os.cpu_count() or 1
        self.report(stage, 0, len(jobs))
        outcomes: Iterable[list[list[FoldResult]]]
        if n_jobs == 1 or len(jobs) == 1:
            outcomes = map(run_job, jobs)
        else:
            parallel = joblib.Parallel(n_jobs=n_jobs, return_as="generator")
            outcomes = parallel(joblib.delayed(run_job)(job) for job in jobs)
        for done, outcome in enumerate(outcomes, start=1):
            self.report(stage, done, len(jobs))
            yield outcome


def _grid_parts(grid: Sequence[Settings]) -> list[list[int]]:
    """Cut a grid into jobs; networks of one width stay together, to train as one stack."""
    places = list(range(len(grid)))
    if "width" in grid[0]:
        widths = dict.fromkeys(setting["width"] for setting in grid)
        return [[i for i in places if grid[i]["width"] == width] for width in widths]
    half = -(-len(grid) // 2)
    return [part for part in (places[:half], places[half:]) if part]
