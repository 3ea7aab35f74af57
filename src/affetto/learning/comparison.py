"""Candidates judged on splits in several processes, searched, and chosen among."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import joblib
import numpy as np
import numpy.typing as npt

from affetto.learning.candidates import (
    BY_NAME,
    Candidate,
    FoldResult,
    Job,
    Settings,
    run_job,
    vote,
)
from affetto.learning.dataset import LabelledTracks
from affetto.learning.evaluation import Predictions, repeated_cv_error
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
        self, candidates: Sequence[Candidate], splits: Sequence[Split], stage: str
    ) -> dict[str, list[dict[str, Any]]]:
        """Judge every point of every candidate's grid.

        Returns
        -------
        dict
            By candidate, in the order of the grid: settings with ``validation`` accuracy, its
            ``sd`` over folds, ``log_loss``, and ``train`` accuracy.
        """
        # The longest first (wide networks, trees), so that no process is left with one at the end.
        parts = [(c.name, part) for c in candidates for part in _grid_parts(c)]
        parts.sort(key=lambda named: -max(one.get("width", 15) for one in named[1]))
        jobs = [self._job(name, part, splits) for name, part in parts]
        rows: dict[str, list[dict[str, Any]]] = {c.name: [] for c in candidates}
        for (name, part), outcome in zip(parts, self._run(stage, jobs), strict=True):
            for setting, results in zip(part, outcome, strict=True):
                judged = Judged(splits, results, self.tracks.y)
                scores = judged.accuracies()
                rows[name].append(
                    {
                        **setting,
                        "validation": float(scores.mean()),
                        "sd": float(scores.std(ddof=1)),
                        "log_loss": judged.pooled().log_loss(),
                        "train": judged.train_accuracy(),
                    }
                )
        for candidate in candidates:
            place = {tuple(one.items()): index for index, one in enumerate(candidate.grid)}
            keys = candidate.grid[0].keys()
            rows[candidate.name].sort(key=lambda row: place[tuple((k, row[k]) for k in keys)])
        return rows

    def _job(self, name: str, settings: Sequence[Settings], splits: Sequence[Split]) -> Job:
        return Job(
            name,
            tuple(dict(one) for one in settings),
            tuple(splits),
            self.tracks.X,
            self.tracks.y,
            self.tracks.features,
            len(self.tracks.moods),
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


def _grid_parts(candidate: Candidate) -> list[list[Settings]]:
    """Cut a grid into jobs; networks of one width stay together, to train as one stack."""
    if "width" in candidate.grid[0]:
        widths = dict.fromkeys(setting["width"] for setting in candidate.grid)
        return [[one for one in candidate.grid if one["width"] == width] for width in widths]
    half = -(-len(candidate.grid) // 2)
    return [list(candidate.grid[:half]), list(candidate.grid[half:])]


def best_settings(
    candidates: Sequence[Candidate], searches: Mapping[str, Sequence[Mapping[str, Any]]]
) -> dict[str, dict[str, Any]]:
    """Take the point of each candidate's grid with the least log-loss.

    Accuracy, which the article searched by, moves in steps of one track; choosing by it on
    611 tracks of the article's table and judging on others cost the polynomial features .011
    of accuracy and .047 of log-loss (mean of 12 draws), and gained the others nothing.

    Returns
    -------
    dict
        Settings by candidate; the candidate's own where nothing was searched.
    """
    chosen = {c.name: dict(c.settings) for c in candidates}
    for candidate in candidates:
        if candidate.grid:
            best = min(searches[candidate.name], key=lambda row: float(row["log_loss"]))
            chosen[candidate.name] |= {key: best[key] for key in candidate.grid[0]}
    if "network-committee" in chosen and "network-tuned" in chosen:
        tuned = chosen["network-tuned"]
        chosen["network-committee"] |= {key: tuned[key] for key in ("width", "alpha")}
    return chosen


def candidate_row(
    candidate: Candidate, settings: Mapping[str, Any], cv: Judged, unseen: Judged | None
) -> dict[str, Any]:
    """Give a candidate's row of the evidence.

    Parameters
    ----------
    candidate : Candidate
    settings : mapping
    cv : Judged
        On random folds.
    unseen : Judged or None
        On groups kept unseen, where groups are known.
    """
    scores = cv.accuracies()
    mean, error = float(scores.mean()), cv.error(scores)
    pooled = cv.pooled()
    row: dict[str, Any] = {
        "name": candidate.name,
        "title": candidate.title,
        "about": candidate.about,
        "complexity": candidate.complexity,
        "settings": dict(settings),
        "cv": {
            "accuracy": mean,
            "sd": float(scores.std(ddof=1)),
            "se": error,
            "low": max(0.0, mean - 1.96 * error),
            "high": min(1.0, mean + 1.96 * error),
            "balanced_accuracy": pooled.balanced_accuracy(),
            "log_loss": pooled.log_loss(),
        },
        "train_accuracy": cv.train_accuracy(),
        "unseen_group": None,
        "seconds": round(cv.seconds(), 4),
    }
    if unseen is not None:
        balanced = unseen.balanced_accuracies()
        row["unseen_group"] = {
            "accuracy": float(unseen.accuracies().mean()),
            "balanced_accuracy": float(balanced.mean()),
            "se": unseen.error(balanced) if len(balanced) > 1 else None,
            "log_loss": unseen.pooled().log_loss(),
        }
    return row


def choose(rows: Sequence[dict[str, Any]]) -> tuple[Candidate, dict[str, Any]]:
    """Choose the simplest candidate within one standard error of the best.

    Judged by balanced accuracy on unseen groups where those are known, else by
    cross-validated accuracy. The floor (complexity 0) is there to compare with: with few
    groups it may come within one standard error, but nobody wants it for a model.

    Parameters
    ----------
    rows : sequence of dict
        As `candidate_row` gives them.

    Returns
    -------
    chosen : Candidate
    choice : dict
        The rule's figures, and the choice in words.

    References
    ----------
    Breiman, L. et al. (1984). Classification and regression trees, section 3.4.3.
    """
    by_group = rows[0]["unseen_group"] is not None
    measure = "balanced accuracy on unseen groups" if by_group else "cross-validated accuracy"

    def score(row: Mapping[str, Any]) -> float:
        return float(
            row["unseen_group"]["balanced_accuracy"] if by_group else row["cv"]["accuracy"]
        )

    able = [row for row in rows if row["complexity"] > 0] or rows
    best = max(able, key=score)
    # A single split has no error; then only the best itself is good enough.
    threshold = score(best) - (best["unseen_group" if by_group else "cv"]["se"] or 0.0)
    within = [row for row in able if score(row) >= threshold]
    simplest = min(within, key=lambda row: (row["complexity"], -score(row)))
    if best is simplest:
        words = (
            f"{best['title']} is best by {measure} ({score(best):.3f}), and none simpler comes "
            f"within one standard error of it (at least {threshold:.3f})."
        )
    else:
        words = (
            f"{best['title']} is best by {measure} ({score(best):.3f}); {simplest['title']} "
            f"({score(simplest):.3f}) is the simplest within one standard error of it "
            f"(at least {threshold:.3f})."
        )
    return BY_NAME[simplest["name"]], {
        "measure": measure,
        "best": best["name"],
        "best_score": score(best),
        "threshold": threshold,
        "chosen_score": score(simplest),
        "words": words,
    }
