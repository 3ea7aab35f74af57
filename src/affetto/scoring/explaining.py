"""Explain music: pick tracks out of audio and tables, and say why each has its mood."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from affetto.checks import row_problem
from affetto.errors import FeatureMismatchError, UsageError
from affetto.explain import Explanation
from affetto.model import MoodModel
from affetto.scoring.deciding import OUTLIER_COLUMN, REASON_COLUMN, Decider
from affetto.scoring.label import ROW_COLUMN, Sources
from affetto.scoring.tally import Tally
from affetto.sources.files import AudioEntry
from affetto.sources.playlists import printable
from affetto.sources.tables import Table, translate_errors
from affetto.tracks import ERROR_COLUMN, IDENTITY_COLUMNS

MOST = 5
"""Tracks explained where nobody picked any: more than that is not read."""


@dataclass(frozen=True, slots=True)
class Pick:
    """Which tracks are to be explained.

    Attributes
    ----------
    row : int or None
        Number of a row, from 1, as `affetto.label` counts them: of the audio files, and of
        each table.
    text : str or None
        Words that all occur in what identifies a track (title, artist, album, id, path), in
        any case. Of audio, only the file's name and what a playlist says of it are looked at:
        what is not meant need not be heard.
    most : int or None
        How many of these, at most; None for all.
    """

    row: int | None = None
    text: str | None = None
    most: int | None = MOST

    def __post_init__(self) -> None:
        if self.row is not None and self.row < 1:
            raise UsageError(f"row {self.row}: rows are counted from 1")
        if self.text is not None and not self.text.split():
            raise UsageError("the text that shall name a track is empty")


@dataclass(frozen=True, slots=True)
class Answer:
    """One track, explained or not.

    Attributes
    ----------
    row : mapping
        Its number, identity and features.
    explanation : Explanation or None
    error : str or None
        Why it cannot be explained.
    outlier : float or None
        How unusual it is among the tracks that the model learned from, 0–1, as `affetto.label`
        has it.
    reason : str or None
        Why its mood would not be said, or is to be doubted, as `affetto.label` has it.
    """

    row: Mapping[str, Any]
    explanation: Explanation | None
    error: str | None
    outlier: float | None = None
    reason: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Give plain data, as JSON can hold it."""
        told = self.explanation.as_dict() if self.explanation else {}
        doubts = {OUTLIER_COLUMN: self.outlier, REASON_COLUMN: self.reason}
        return {**self.row, **told, **doubts, ERROR_COLUMN: self.error}


def explain_sources(
    sources: Sources,
    model: MoodModel,
    pick: Pick,
    *,
    min_confidence: float = 0.0,
    jobs: int | None = None,
    excerpt: bool = False,
) -> tuple[list[Answer], int]:
    """Explain tracks of audio files and tables.

    Parameters
    ----------
    sources : Sources
        As `affetto.scoring.label.open_sources` gives them.
    model : MoodModel
    pick : Pick
    min_confidence, jobs, excerpt
        As `affetto.label` has them.

    Returns
    -------
    answers : list of Answer
        Audio first, in the order named, then tables.
    total : int
        How many tracks were picked; more than `answers` where there are more than `most`.

    Raises
    ------
    UsageError
        If no track is picked, or `min_confidence` is out of range.
    FeatureMismatchError
        If a table lacks a feature that the model needs.
    ModelError
        If the model knows too little of its training tracks (see `affetto.explain`).
    """
    decider = Decider(model, min_confidence)
    rows, total = _audio_rows(sources.audio, model, pick, jobs=jobs, excerpt=excerpt)
    for table in sources.tables:
        left = None if pick.most is None else max(0, pick.most - len(rows))
        own, count = _table_rows(table, model, pick, left)
        rows += own
        total += count
    if not total:
        raise UsageError(_nothing_picked(sources, pick))
    usable = [row for row in rows if row[ERROR_COLUMN] is None]
    told = iter(_told(usable, decider))
    answers = []
    for row in rows:
        error = row.pop(ERROR_COLUMN)
        if error is not None:
            answers.append(Answer(row, None, error))
            continue
        explanation, doubts = next(told)
        outlier, reason = (doubts[name] for name in (OUTLIER_COLUMN, REASON_COLUMN))
        answers.append(Answer(row, explanation, None, outlier, reason))
    return answers, total


def _told(
    rows: Sequence[Mapping[str, Any]], decider: Decider
) -> Iterable[tuple[Explanation, Mapping[str, Any]]]:
    """Explain rows, and say what is to be doubted of each."""
    if not rows:
        return ()
    names = decider.model.features
    asked = pl.DataFrame([{name: float(row[name]) for name in names} for row in rows]).with_columns(
        pl.lit(None, pl.String).alias(ERROR_COLUMN)
    )
    decided = decider.score(asked, Tally(decider.model.moods))
    doubts = decided.select(pl.col(OUTLIER_COLUMN).cast(pl.Float64).round(4), REASON_COLUMN)
    X = asked.select(names).to_numpy()
    return zip(decider.model.explain(X), doubts.to_dicts(), strict=True)


def only_one(answers: Sequence[Answer], total: int) -> Answer:
    """Give the one track that was picked, as a picture needs it.

    Raises
    ------
    UsageError
        If there are several.
    """
    if total != 1:
        raise UsageError(
            f"a picture shows one track, and {total:,} were named; pick one with --row or --track"
        )
    return answers[0]


def _audio_rows(
    entries: Sequence[AudioEntry],
    model: MoodModel,
    pick: Pick,
    *,
    jobs: int | None,
    excerpt: bool,
) -> tuple[list[dict[str, Any]], int]:
    places = [place for place, entry in enumerate(entries) if _is_meant(place, entry, pick)]
    chosen = places[: pick.most]
    if not chosen:
        return [], len(places)
    # SciPy and the decoders: loaded for those who have audio.
    from affetto.scoring.listen import listen, table_of  # noqa: PLC0415

    table = table_of(listen([entries[place] for place in chosen], jobs=jobs, excerpt=excerpt))
    rows, _ = _table_rows(table, model, Pick(most=None), None)
    for row, place in zip(rows, chosen, strict=True):
        row[ROW_COLUMN] = place + 1
    return rows, len(places)


def _is_meant(place: int, entry: AudioEntry, pick: Pick) -> bool:
    if pick.row is not None and place + 1 != pick.row:
        return False
    told = (printable(entry.path), entry.title, entry.artist, entry.album)
    known = " ".join(filter(None, told)).lower()
    return all(word in known for word in (pick.text or "").lower().split())


def _table_rows(
    table: Table, model: MoodModel, pick: Pick, most: int | None
) -> tuple[list[dict[str, Any]], int]:
    """Give the rows that are picked, the first `most` of them, and their count."""
    if absent := [name for name in model.features if name not in table.features]:
        raise FeatureMismatchError(
            f"{table.name} has no column for {', '.join(absent)}; the model {model.name!r} needs "
            f"{', '.join(model.features)}"
        )
    identity = [name for name in IDENTITY_COLUMNS if name in table.columns]
    frame = table.frame.select(*identity, *table.features, ERROR_COLUMN)
    frame = frame.with_row_index(ROW_COLUMN, offset=1)
    if pick.row is not None:
        frame = frame.filter(pl.col(ROW_COLUMN) == pick.row)
    if pick.text is not None:
        known = pl.concat_str(
            [pl.col(name).fill_null("") for name in identity] or [pl.lit("")], separator=" "
        ).str.to_lowercase()
        words = pick.text.lower().split()
        frame = frame.filter(pl.all_horizontal(known.str.contains(w, literal=True) for w in words))
    problem = row_problem(model.features).alias(ERROR_COLUMN)
    head = frame if most is None else frame.head(most)
    with translate_errors(table.name):
        count, rows = pl.collect_all([frame.select(pl.len()), head.with_columns(problem)])
    return [_without_nan(row) for row in rows.to_dicts()], int(count.item())


def _without_nan(row: dict[str, Any]) -> dict[str, Any]:
    return {name: None if value != value else value for name, value in row.items()}  # noqa: PLR0124


def _nothing_picked(sources: Sources, pick: Pick) -> str:
    if pick.text is not None:
        return (
            f"no track is named {pick.text!r}; its words were looked for in titles, artists, "
            "albums, ids and paths"
        )
    if pick.row is not None:
        return f"there is no row {pick.row} in what was named; rows are counted from 1"
    return "there is no track in what was named"
