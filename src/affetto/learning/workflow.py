"""The whole workflow, from labelled tables to a model and the evidence for it."""

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import affetto
from affetto.errors import UsageError
from affetto.learning.advice import advise, gap_verdict
from affetto.learning.audit import Audit
from affetto.learning.candidates import CANDIDATES, Candidate, get_candidate
from affetto.learning.choosing import (
    best_settings,
    candidate_row,
    choose_by_folds,
    search_row,
)
from affetto.learning.comparison import Judge, Progress
from affetto.learning.contest import Contest
from affetto.learning.dataset import LabelledTracks, gather
from affetto.learning.evaluation import Predictions, summary, wilson_interval
from affetto.learning.fitting import fit_model
from affetto.learning.interpretation import explore, leading_features, odds_ratios
from affetto.learning.labels import LabelledTable, resolve_tables
from affetto.learning.protocols import (
    STAGE,
    contest_over,
    unseen_music,
    with_groups,
    without_vain_groups,
)
from affetto.learning.record import (
    about_model,
    counts_by_mood,
    data_record,
    source_record,
    versions,
)
from affetto.learning.splits import Split, folds, hold_out, repeated_folds, thin
from affetto.model import MoodModel
from affetto.output import make_folder, write_text, written_aside
from affetto.sources.datasets import TableLike

Indices = npt.NDArray[np.intp]

STAGES = (
    "reading", "searching", "comparing", "learning curve", "interpreting", "testing", STAGE,
)  # fmt: skip

SEARCH_FOLDS = 5
SEARCH_TRACKS = 3000
"""On more tracks than this, settings are searched on a sample of them, and candidates are
compared on folds drawn once: with so many tracks the luck of a draw matters less than time."""
COMPARE_FOLDS, COMPARE_REPEATS = 5, 4
CURVE_SHARES, CURVE_REPEATS = (0.1, 0.2, 0.35, 0.5, 0.7, 0.85, 1.0), 2

MAX_SEED = 2**32 - 100
"""scikit-learn's bound, less what is added to tell draws apart."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a model is trained.

    Attributes
    ----------
    group : str or None
        Column whose groups (playlists, artists) are kept whole when judging unseen music.
    features : tuple of str or None
        Features to learn from; None for all that every table has.
    candidates : tuple of str or None
        Names of those to compare; None for all.
    engineering : bool
        Whether candidates on engineered features take part.
    test_size : float
        Share of tracks in the test set.
    seed : int
        Seeds every draw; the same seed and input give the same evidence, seconds apart.
    jobs : int or None
        Processes; None for one a core.
    keep_duplicates : bool
        Repeat a published protocol that did not clean its table.
    """

    group: str | None = None
    features: tuple[str, ...] | None = None
    candidates: tuple[str, ...] | None = None
    engineering: bool = True
    test_size: float = 0.33
    seed: int = 42
    jobs: int | None = None
    keep_duplicates: bool = False

    def __post_init__(self) -> None:
        for name in ("features", "candidates"):
            if isinstance(getattr(self, name), str):
                given = getattr(self, name)
                raise UsageError(f"{name}={given!r}: give a sequence of names, as in [{given!r}]")
        if not 0 < self.test_size < 1:
            raise UsageError(f"test size {self.test_size}: expected a share between 0 and 1")
        if not 0 <= self.seed <= MAX_SEED:
            raise UsageError(f"seed {self.seed}: expected a whole number from 0 to {MAX_SEED}")
        if self.jobs is not None and self.jobs < 1:
            raise UsageError(f"{self.jobs} jobs: expected at least 1; leave it out for one a core")
        for name in self.candidates or ():
            get_candidate(name)

    def as_dict(self) -> dict[str, Any]:
        """Give what bears on the figures as plain data; the number of processes does not."""
        plain = {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(self).items()}
        del plain["jobs"]
        return plain

    def compared(self) -> tuple[Candidate, ...]:
        """Give the candidates that take part, members of a vote included."""
        if self.candidates is None:
            return tuple(
                c for c in CANDIDATES if self.engineering or c.name != "logistic-engineered"
            )
        wanted = {"logistic"}  # the baseline is what interpretation rests on
        for name in self.candidates:
            wanted |= {name, *get_candidate(name).members}
        return tuple(c for c in CANDIDATES if c.name in wanted)


@dataclass(frozen=True, slots=True, eq=False)
class TrainingRun:
    """What training gives.

    Attributes
    ----------
    model : MoodModel
        The chosen candidate, fitted on all usable tracks.
    evidence : dict
        Plain data; its keys are described in docs/evidence.md.
    """

    model: MoodModel
    evidence: dict[str, Any]

    def save(self, folder: str | Path) -> Path:
        """Write ``model.affetto`` and ``evidence.json`` into a folder, made where missing.

        Both or neither: a folder that held an older run never pairs one with the other.

        Raises
        ------
        OutputError
            If the folder cannot be made or written to.
        """
        text = json.dumps(self.evidence, indent=1, ensure_ascii=False, allow_nan=False)
        folder = make_folder(folder)
        with written_aside(folder / "model.affetto") as model:
            self.model.save(model)
            write_text(folder / "evidence.json", text + "\n")
        return folder


def train(
    tables: TableLike
    | LabelledTable
    | Sequence[TableLike | LabelledTable]
    | Mapping[str, TableLike],
    *,
    label: str = "mood",
    mapping: Mapping[str, str] | None = None,
    drop: Iterable[str] = (),
    settings: Settings | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> TrainingRun:
    """Learn moods from labelled tracks, and measure how far to trust the result.

    Parameters
    ----------
    tables : path, dataset name, DataFrame, or several, or {mood: table}
        A mapping gives every table one mood; else each has a column `label`. A name such as
        ``"dataset:article"`` stands for a public table.
    label : str
        Column that holds each row's label.
    mapping : mapping of str to str, optional
        Labels to be read as other moods, e.g. ``{"angry": "Aggressive"}``.
    drop : iterable of str
        Labels whose rows are left out.
    settings : Settings, optional
    progress : callable, optional
        Called with stage, steps done, steps in all.
    **options
        Fields of `Settings`, given one by one.

    Returns
    -------
    TrainingRun

    Raises
    ------
    TableError, DatasetError
        If a table cannot be read.
    LabelError
        If its labels cannot be learned from.
    UsageError
        If an option is off.

    Examples
    --------
    >>> run = affetto.train("my_songs.csv", label="mood", group="playlist")  # doctest: +SKIP
    >>> run.model.save("mine.affetto")  # doctest: +SKIP
    """
    if settings is None:
        known = {field.name for field in fields(Settings)}
        if unknown := options.keys() - known:
            raise UsageError(
                f"unknown option {min(unknown)!r}; there are {', '.join(sorted(known))}"
            )
        settings = Settings(**options)
    elif options:
        raise UsageError("give either settings or its fields one by one, not both")
    started = time.perf_counter()
    report: Progress = progress or (lambda stage, done, total: None)
    report("reading", 0, 1)
    sources = resolve_tables(tables, label=label, mapping=mapping, drop=drop)
    tracks, audit = gather(
        sources,
        group=settings.group,
        features=settings.features,
        keep_duplicates=settings.keep_duplicates,
    )
    report("reading", 1, 1)
    tracks, audit = without_vain_groups(with_groups(tracks), audit, settings.seed)
    judge = Judge(tracks, settings.seed, settings.jobs, report)
    evidence, model = _Run(tracks, settings, judge).carry_out(sources, audit)
    evidence["seconds"] = round(time.perf_counter() - started, 2)
    return TrainingRun(model, evidence)


@dataclass(slots=True, eq=False)
class _Run:
    """One run of the workflow over tracks that are already clean."""

    tracks: LabelledTracks
    settings: Settings
    judge: Judge

    def carry_out(
        self, sources: Sequence[LabelledTable], audit: Audit
    ) -> tuple[dict[str, Any], MoodModel]:
        tracks, seed, report = self.tracks, self.settings.seed, self.judge.report
        X, y, moods = tracks.X, tracks.y, tracks.moods
        train, test = hold_out(tracks.labels, self.settings.test_size, seed)
        compared = self.settings.compared()

        searched_on = train[thin(y[train], SEARCH_TRACKS, seed)]
        contest = contest_over(self.judge, compared, searched_on, seed)
        settings, searches = self._search(compared, contest, searched_on)

        repeats = COMPARE_REPEATS if len(train) <= SEARCH_TRACKS else 1
        cv_splits = _within(train, repeated_folds(y[train], COMPARE_FOLDS, repeats, seed + 1))
        n_once = len(cv_splits) // repeats
        judged = self.judge.judge(compared, settings, cv_splits, "comparing")
        rows = [candidate_row(c, settings[c.name], judged[c.name]) for c in compared]
        if contest is None:
            chosen, choice = choose_by_folds(judged)
        else:
            chosen, settings, choice = contest.choose()
            best = get_candidate(choice["best"])
            for candidate, row in zip(compared, rows, strict=True):
                row["unseen_group"] = contest.row(candidate, settings, best)
        curve = self._learning_curve(chosen, settings, train)

        report("interpreting", 0, 1)
        once = judged["logistic"][:n_once]
        order = np.concatenate([held for _, held in once.splits])
        exploration = explore(X[order], y[order], tracks.features, moods, once.pooled().p)
        searched_c = settings.get("logistic-tuned", settings["logistic"])["C"]
        ratios = odds_ratios(X[train], y[train], tracks.features, moods, C=searched_c, seed=seed)
        report("interpreting", 1, 1)

        tested, final = self._test(chosen, settings, train, test)
        cv = judged[chosen.name][:n_once]
        evidence: dict[str, Any] = {
            "affetto": affetto.__version__,
            "moods": list(moods),
            "features": list(tracks.features),
            "seed": seed,
            "seconds": 0.0,
            "versions": versions(),
            "settings": self.settings.as_dict(),
            "protocol": {
                "searched_by": "random folds" if contest is None else "unseen groups",
                "search_folds": SEARCH_FOLDS if contest is None else len(contest.splits.splits),
                "compare_folds": COMPARE_FOLDS,
                "compare_repeats": repeats,
                "searched_on": len(searched_on),
            },
            "source": source_record(sources, self.settings.group),
            "data": data_record(tracks, audit),
            "split": {
                "test_size": self.settings.test_size,
                "train": counts_by_mood(y[train], moods),
                "test": counts_by_mood(y[test], moods),
            },
            "exploration": exploration,
            "searches": searches,
            "candidates": rows,
            "chosen": chosen.name,
            "choice": choice,
            "chosen_cv": summary(cv.pooled(), moods),
            "test": tested,
            **unseen_music(self.judge, contest, sources, chosen=chosen, settings=settings, cv=cv),
            "learning_curve": curve,
            "gap": gap_verdict(curve),
            "interpretation": ratios,
            "leading_features": leading_features(ratios),
        }
        evidence["advice"] = advise(evidence)
        return evidence, final.with_about(about_model(evidence, tracks, chosen, settings))

    def _search(
        self, compared: Sequence[Candidate], contest: Contest | None, rows: Indices
    ) -> tuple[dict[str, dict[str, Any]], dict[str, list[dict[str, Any]]]]:
        """Search settings: by unseen groups where these are known, else by random folds."""
        if contest is not None:
            contest.search("searching")
            return contest.settings(), contest.searches()
        splits = _within(rows, folds(self.tracks.y[rows], SEARCH_FOLDS, self.settings.seed))
        grids = {c.name: c.grid for c in compared if c.grid}
        found = self.judge.search(grids, splits, "searching")
        searches = {
            name: [
                search_row(one, judged, judged.pooled().log_loss())
                for one, judged in zip(grids[name], own, strict=True)
            ]
            for name, own in found.items()
        }
        return best_settings(compared, searches), searches

    def _learning_curve(
        self, chosen: Candidate, settings: Mapping[str, Mapping[str, Any]], train: Indices
    ) -> list[dict[str, Any]]:
        """Accuracy on both sides while the learning side grows."""
        y, n_moods = self.tracks.y, len(self.tracks.moods)
        whole = _within(
            train, repeated_folds(y[train], SEARCH_FOLDS, CURVE_REPEATS, self.settings.seed)
        )
        draw = np.random.default_rng(self.settings.seed)
        splits: list[Split] = []
        for share in CURVE_SHARES:
            for learn, held in whole:
                # Six of each mood at least: the sigmoids of an SVM need folds of their own.
                parts = [
                    draw.permutation(own)[: max(6, round(share * len(own)))]
                    for own in (learn[y[learn] == mood] for mood in range(n_moods))
                ]
                splits.append((np.sort(np.concatenate(parts)), held))
        judged = self.judge.judge([chosen], settings, splits, "learning curve")[chosen.name]
        last = judged[-len(whole) :].accuracies()
        curve = []
        for start in range(0, len(splits), len(whole)):
            part = judged[start : start + len(whole)]
            scores = part.accuracies()
            curve.append(
                {
                    "n": round(float(np.mean([len(learn) for learn, _ in part.splits]))),
                    "train": part.train_accuracy(),
                    "validation": float(scores.mean()),
                    "validation_se": float(scores.std(ddof=1) / np.sqrt(len(scores))),
                    # Of the difference, on the same folds: what makes a fold hard cancels out.
                    "to_last_se": judged[-len(whole) :].error(last - scores),
                }
            )
        return curve

    def _test(
        self,
        chosen: Candidate,
        settings: Mapping[str, Mapping[str, Any]],
        train: Indices,
        test: Indices,
    ) -> tuple[dict[str, Any], MoodModel]:
        """Touch the test set, once; then fit the model that is given out on all tracks."""
        tracks, report = self.tracks, self.judge.report
        report("testing", 0, 2)
        judged = fit_model(chosen, settings, tracks, rows=train, seed=self.settings.seed)
        predictions = Predictions(tracks.y[test], judged.predict_proba(tracks.X[test]))
        tested = summary(predictions, tracks.moods)
        low, high = wilson_interval(tested["accuracy"] * len(test), len(test))
        tested |= {"low": low, "high": high}
        report("testing", 1, 2)
        final = fit_model(chosen, settings, tracks, seed=self.settings.seed)
        report("testing", 2, 2)
        return tested, final


def _within(rows: Indices, splits: Iterable[Split]) -> list[Split]:
    """Turn indices into a subset of rows into indices into all rows."""
    return [(rows[train], rows[test]) for train, test in splits]
