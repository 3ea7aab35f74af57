"""The personal model: learned from one's own labels in a process of its own, kept until adopted."""

import json
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from shutil import rmtree
from typing import Any

from affetto.errors import AffettoError
from affetto.features import FEATURE_NAMES
from affetto.library.catalogue import Catalogue
from affetto.library.entry import Entry
from affetto.library.schema import default_path
from affetto.model import load_model
from affetto.moods import mood_order
from affetto.reporting.report import render_report
from affetto.scoring.worker import find
from affetto.scoring.workers import run_jobs
from affetto.server.answers import Refusal

Labels = Sequence[tuple[Entry, str]]

MODEL, EVIDENCE, FIGURES = "model.affetto", "evidence.json", "figures.json"
PROGRESS, STOP = "progress.json", "stop"
"""Names in the folder that training and server share."""

NEEDED = 10
"""Labelled tracks that a mood needs: `affetto.learning.dataset.MIN_TRACKS_A_MOOD`."""

_NICE = 5
_TIMEOUT_S = 3600.0
_PATIENCE_S = 10.0


class Teacher:
    """Trains, one model at a time, and keeps the one that waits to be adopted.

    It is kept beside the database, so that it waits through a restart.

    Parameters
    ----------
    open_catalogue : callable
    catalogue_path : Path or None
        The library's database; None for the user's own.
    """

    def __init__(self, open_catalogue: Callable[[], Catalogue], catalogue_path: Path | None):
        database = catalogue_path or default_path()
        self._folder = database.with_name(f"{database.name}-teaching")
        self._open = open_catalogue
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None
        self._error: str | None = None

    @property
    def is_training(self) -> bool:
        """Whether a model is being trained."""
        return self._thread is not None and self._thread.is_alive()

    def told(self, catalogue: Catalogue) -> dict[str, Any]:
        """Say how far the personal model is; see `affetto.server.schemas.Teaching`."""
        counts = Counter(mood for _, mood in usable(catalogue.own_labels()))
        candidate = _read(self._folder / FIGURES)
        why = not_enough(counts)
        state = "idle"
        if self.is_training:
            state = "training"
        elif candidate is not None:
            state = "ready"
        elif self._error is not None:
            state = "failed"
        return {
            "labels": {mood: counts[mood] for mood in mood_order(counts)},
            "needed": NEEDED,
            "enough": why is None,
            "why": why,
            "state": state,
            "progress": _read(self._folder / PROGRESS) if state == "training" else None,
            "candidate": candidate if state == "ready" else None,
            "error": self._error if state == "failed" else None,
            "history": [
                {"name": one.name, "made_at": one.made_at, "in_use": one.in_use}
                for one in catalogue.models()
            ],
        }

    def start(self, catalogue: Catalogue) -> None:
        """Begin to train on all labels there are.

        Raises
        ------
        Refusal
            409 where a training is under way, or labels are too few.
        """
        labels = usable(catalogue.own_labels())
        why = not_enough(Counter(mood for _, mood in labels))
        if why is not None:
            raise Refusal(409, why, "correct more tracks")
        in_use = catalogue.shelved_model()
        job = {
            "rows": [_row(entry, mood) for entry, mood in labels],
            "group": group_of(labels),
            "folder": str(self._folder),
            "model": None if in_use.path is None else str(in_use.path),
            "model_name": in_use.name,
            "has_seen": in_use.is_personal,
        }
        with self._lock:
            if self.is_training:
                raise Refusal(409, "a training is under way already", "wait, or discard it")
            self._clear()
            self._error = None
            self._folder.mkdir(parents=True, exist_ok=True)
            self._thread = threading.Thread(
                target=self._train, args=(job,), name="affetto teaching", daemon=True
            )
            self._thread.start()

    def adopt(self, catalogue: Catalogue) -> None:
        """Use the model that waits; the one before is kept.

        Raises
        ------
        Refusal
            409 where none waits.
        """
        with self._lock:
            if self.is_training or not (self._folder / FIGURES).exists():
                raise Refusal(409, "no personal model waits to be used", "teach one first")
            shelved = catalogue.use_model(load_model(self._folder / MODEL))
            if shelved.path is not None:
                with suppress(OSError):  # the report is missed, the model works
                    evidence = (self._folder / EVIDENCE).read_bytes()
                    _evidence_of(shelved.path).write_bytes(evidence)
            self._clear()

    def revert(self, catalogue: Catalogue) -> None:
        """Use the model before the one in use.

        Raises
        ------
        Refusal
            409 where affetto's own is in use.
        """
        if not catalogue.shelved_model().is_personal:
            raise Refusal(409, "affetto's own model is in use; there is none before it")
        catalogue.revert_model()

    def discard(self) -> None:
        """Stop the training, and drop what came of it."""
        with self._lock:
            thread = self._thread
            if thread is not None and thread.is_alive():
                with suppress(OSError):
                    (self._folder / STOP).touch()
                thread.join(_PATIENCE_S)
            self._error = None
            if not self.is_training:
                self._clear()

    def stop(self) -> None:
        """Stop for good; a model that waits stays."""
        if self.is_training:
            self.discard()

    def report(self, catalogue: Catalogue) -> str | None:
        """Draw the report of the model that waits, else of the personal one in use."""
        evidence = _read(self._folder / EVIDENCE)
        path = catalogue.shelved_model().path
        if evidence is None and path is not None:
            evidence = _read(_evidence_of(path))
        return None if evidence is None else render_report(evidence)

    def _train(self, job: dict[str, Any]) -> None:
        outcomes = run_jobs(train_there, [job], n_jobs=1, nice=_NICE, timeout_s=_TIMEOUT_S)
        error: str | None = "the training failed; the log says why"
        try:
            with closing(outcomes):
                outcome = next(outcomes)
            error = None if outcome.error is None else str(outcome.error)
        except AffettoError as exc:
            error = str(exc)
        finally:
            is_stopped = (self._folder / STOP).exists()
            self._error = None if is_stopped else error
            if is_stopped or error is not None:
                self._clear()

    def _clear(self) -> None:
        rmtree(self._folder, ignore_errors=True)


def train_there(job: dict[str, Any]) -> None:
    """Train, in the process that this is called in.

    By name, so that the server itself never loads scikit-learn.
    """
    find("affetto.server.training:train_personal")(job)


def usable(labels: Labels) -> list[tuple[Entry, str]]:
    """Leave out what cannot be learned from: tracks of which a feature is unknown."""
    return [
        (entry, mood)
        for entry, mood in labels
        if all(entry.features.get(name) is not None for name in FEATURE_NAMES)
    ]


def not_enough(counts: "Counter[str]") -> str | None:
    """Say why labels are too few to learn from; None where they are enough."""
    learned = [mood for mood in counts if counts[mood] >= NEEDED]
    if len(learned) >= 2:
        return None
    if not counts:
        return f"no track is labelled yet; two moods need {NEEDED} each"
    most = ", ".join(f"{mood} {counts[mood]}" for mood in mood_order(counts))
    return f"two moods need {NEEDED} labelled tracks each; so far: {most}"


def group_of(labels: Labels) -> str | None:
    """Choose what is kept whole in judging: artists, else albums, where each mood has two."""
    moods = [mood for mood, n in Counter(mood for _, mood in labels).items() if n >= NEEDED]
    for name in ("artist", "album"):
        known: defaultdict[str, set[str]] = defaultdict(set)
        for entry, mood in labels:
            if text := getattr(entry, name):
                known[mood].add(text.casefold())
        if all(len(known[mood]) >= 2 for mood in moods):
            return name
    return None


def _row(entry: Entry, mood: str) -> dict[str, Any]:
    return {
        "title": entry.name,
        # One that nobody knows the artist of is a group of its own.
        "artist": entry.artist or f"unknown artist of track {entry.id}",
        "album": entry.album or f"unknown album of track {entry.id}",
        **{name: entry.features[name] for name in FEATURE_NAMES},
        "mood": mood,
    }


def _evidence_of(model: Path) -> Path:
    return model.with_suffix(".evidence.json")


def _read(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None
