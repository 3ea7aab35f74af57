"""What the process that teaches does: train on own labels, and hold the result to the old model."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from affetto.errors import LabelError
from affetto.learning.candidates import BY_NAME
from affetto.learning.comparison import Judge, Progress
from affetto.learning.dataset import LabelledTracks, gather
from affetto.learning.evaluation import Predictions, per_mood
from affetto.learning.labels import resolve_tables
from affetto.learning.paired import is_told, mcnemar
from affetto.learning.splits import Split, folds, group_splits
from affetto.learning.workflow import Settings, train
from affetto.model import MoodModel, load_model
from affetto.moods import mood_order
from affetto.output import write_text
from affetto.reporting.words import joined, percent
from affetto.server.teaching import EVIDENCE, FIGURES, MODEL, NEEDED, PROGRESS, STOP

CANDIDATE = "logistic-tuned"
"""A regression whose penalty is searched: few labels cannot tell many kinds of models apart, and
one that is not chosen among many needs no luck of the draw explained."""

NAME = "your own model"
SEED = 42
_FOLDS = 5
_MOST_WAYS = 8


def train_personal(job: Mapping[str, Any]) -> None:
    """Train, and write the model, the evidence and the figures into the job's folder.

    Parameters
    ----------
    job : mapping
        ``rows`` (names, features, ``mood``), ``group`` (``"artist"``, ``"album"`` or None),
        ``folder``, ``model`` (file of the one in use; None for affetto's own), ``model_name``,
        ``has_seen`` (whether that one learned from these labels too).

    Raises
    ------
    LabelError
        If the labels cannot be learned from, or a file ``stop`` appears in the folder.
    """
    folder = Path(job["folder"])

    def report(stage: str, done: int, total: int) -> None:
        if (folder / STOP).exists():
            raise LabelError("stopped")
        _write(folder / PROGRESS, {"stage": stage, "done": done, "total": total})

    counts = Counter(row["mood"] for row in job["rows"])
    learned = [row for row in job["rows"] if counts[row["mood"]] >= NEEDED]
    frame = pl.DataFrame(learned)
    settings = Settings(candidates=(CANDIDATE,), seed=SEED, jobs=1)
    try:
        run = train(frame, settings=replace(settings, group=job["group"]), progress=report)
    except LabelError:
        if job["group"] is None or (folder / STOP).exists():
            raise
        run = train(frame, settings=settings, progress=report)
    group = run.evidence["settings"]["group"]
    tracks, _ = gather(resolve_tables(frame), group=group)
    splits, rule = judging_splits(tracks, np.arange(len(tracks)))
    predictions = judged_anew(tracks, splits, report)
    in_use = load_model(job["model"])
    figures = beside(
        predictions,
        tracks,
        np.concatenate([test for _, test in splits]),
        in_use,
        name=job["model_name"],
        has_seen=job["has_seen"],
    )
    left_out = {mood: counts[mood] for mood in mood_order(counts) if counts[mood] < NEEDED}
    figures |= {"unseen": group is not None, "rule": rule, "left_out": left_out}
    figures["words"] = words(figures, in_use.moods, group)
    replace(run.model, name=NAME).save(folder / MODEL)
    write_text(folder / EVIDENCE, json.dumps(run.evidence, ensure_ascii=False, allow_nan=False))
    _write(folder / FIGURES, figures)  # last: it says that all is there


def judging_splits(tracks: LabelledTracks, rows: NDArray[np.intp]) -> tuple[list[Split], str]:
    """Part some tracks so that each is judged by a model that has not learned from it.

    Returns
    -------
    splits : list of (learn, held)
        Indices into all tracks.
    rule : str
    """
    y = tracks.y[rows]
    if tracks.groups is None:
        made, rule = folds(y, _FOLDS, SEED), f"{_FOLDS} folds drawn at random"
    else:
        grouped = group_splits(y, tracks.groups[rows], tracks.moods, seed=SEED, limit=_MOST_WAYS)
        made, rule = list(grouped.splits), grouped.rule
    return [(rows[learn], rows[held]) for learn, held in made], rule


def judged_anew(tracks: LabelledTracks, splits: Sequence[Split], report: Progress) -> Predictions:
    """Judge the whole way to the model: its penalty is searched anew within each learning side.

    Figures of a setting that all tracks had a say in would flatter it.
    """
    candidate = BY_NAME[CANDIDATE]
    quiet = Judge(tracks, SEED, 1, lambda stage, done, total: None)
    said = []
    for done, (learn, held) in enumerate(splits):
        report("trying it on unseen tracks", done, len(splits))
        try:
            within, _ = judging_splits(tracks, learn)
        except LabelError:  # too few groups are left: folds must do
            within, _ = judging_splits(replace(tracks, groups=None), learn)
        searched = quiet.search({CANDIDATE: candidate.grid}, within, "searching")[CANDIDATE]
        losses = [one.pooled().log_loss() for one in searched]
        best = candidate.grid[int(np.argmin(losses))]
        said.append(quiet.judge([candidate], {CANDIDATE: best}, [(learn, held)], "judging"))
    report("trying it on unseen tracks", len(splits), len(splits))
    parts = [one[CANDIDATE].pooled() for one in said]
    return Predictions(
        np.concatenate([part.y for part in parts]), np.concatenate([part.p for part in parts])
    )


def beside(
    predictions: Predictions,
    tracks: LabelledTracks,
    rows: NDArray[np.intp],
    in_use: MoodModel,
    *,
    name: str,
    has_seen: bool,
) -> dict[str, Any]:
    """Hold what the new model said of tracks to what the model in use says of the same.

    Parameters
    ----------
    predictions : Predictions
        Of the new model, on `rows`; a track may occur several times.
    tracks : LabelledTracks
    rows : ndarray of int
    in_use : MoodModel
        Its moods may be others: then it is wrong wherever it knows no better.
    name : str
    has_seen : bool

    Returns
    -------
    dict
        ``accuracy``, ``balanced_accuracy``, ``per_mood``, ``n`` (tracks), ``moods``;
        ``current`` with the same of the model in use; ``is_clear``: whether the difference is
        more than luck explains (McNemar's test, a vote a track).
    """
    moods = tuple(dict.fromkeys((*tracks.moods, *in_use.moods)))
    places = [moods.index(mood) for mood in in_use.moods]
    columns = [tracks.features.index(feature) for feature in in_use.features]
    p = np.zeros((len(rows), len(moods)))
    p[:, places] = in_use.predict_proba(tracks.X[rows][:, columns])
    old = Predictions(predictions.y, p)
    right_new, right_old = (_mostly(one.said == one.y, rows) for one in (predictions, old))
    test = mcnemar(right_new, right_old)
    n_tracks = len(np.unique(rows))
    return {
        **_measured(predictions, tracks.moods, rows, tracks),
        "n": n_tracks,
        "moods": list(tracks.moods),
        "current": {
            "name": name,
            "has_seen": has_seen,
            **_measured(old, moods, rows, tracks),
        },
        "is_clear": bool(is_told(test.p_mid)),
    }


def _mostly(right: NDArray[np.bool_], rows: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Say of each track whether it was told right more often than not."""
    _, place = np.unique(rows, return_inverse=True)
    mostly: NDArray[np.bool_] = np.bincount(place, right) > 0.5 * np.bincount(place)
    return mostly


def _measured(
    said: Predictions, moods: Sequence[str], rows: NDArray[np.intp], tracks: LabelledTracks
) -> dict[str, Any]:
    measures = per_mood(said.confusion(), moods)
    n = tracks.per_mood()
    return {
        "accuracy": said.accuracy(),
        "balanced_accuracy": said.balanced_accuracy(),
        "per_mood": {mood: {**measures[mood], "n": n[mood]} for mood in tracks.moods},
    }


def words(figures: Mapping[str, Any], known: Sequence[str], group: str | None) -> list[str]:
    """Say what the figures mean, for people who never met an accuracy.

    Parameters
    ----------
    figures : mapping
        As `beside` gives them, with ``left_out``.
    known : sequence of str
        Moods of the model in use.
    group : str or None
    """
    new, old = figures["accuracy"], figures["current"]["accuracy"]
    how = f"with every {group} it is tried on kept from it" if group else (
        "tried on tracks it had not learned from; others of the same artists it had"
    )  # fmt: skip
    said = [
        f"Of {figures['n']} tracks that you labelled, the new model names your mood for "
        f"{percent(new)}, {how}; the one in use for {percent(old)}."
    ]
    if figures["is_clear"]:
        better = "new model is better" if new > old else "model in use is better"
        said.append(f"The {better}: chance alone would hardly make such a difference.")
    else:
        said.append("So small a difference on so few tracks may be chance; more labels would tell.")
    if figures["current"]["has_seen"]:
        said.append(
            "The model in use learned from some of these labels, so its figure flatters it."
        )
    lost = [mood for mood in known if mood not in figures["moods"]]
    if lost:
        said.append(
            f"The new model knows only {joined(figures['moods'])}: no track would be called "
            f"{joined(lost, last='or')} any more, other than by you."
        )
    gained = [mood for mood in figures["moods"] if mood not in known]
    if gained:
        said.append(f"{joined(gained)} is new: the model in use cannot name it.")
    for mood, n in figures["left_out"].items():
        said.append(f"{mood} has {n} labels and was left out; {NEEDED} are needed.")
    return said


def _write(path: Path, content: Mapping[str, Any]) -> None:
    write_text(path, json.dumps(content, ensure_ascii=False, allow_nan=False))
