"""What is said of a batch of tracks: a mood or none, how sure, the next best, how unusual, why."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from affetto.checks import row_problem
from affetto.errors import UsageError
from affetto.features import BY_NAME
from affetto.likeness import UNLIKE
from affetto.model import MoodModel
from affetto.moods import resolve_moods
from affetto.rules import Rules, learned_rules
from affetto.scoring.tally import Tally
from affetto.tracks import ERROR_COLUMN

Floats = npt.NDArray[np.float64]
RulesLike = Rules | str | Path | None

MOOD_COLUMN, CONFIDENCE_COLUMN = "mood", "confidence"
SECOND_COLUMN, SECOND_CONFIDENCE_COLUMN = "second", "second_confidence"
OUTLIER_COLUMN, REASON_COLUMN = "outlier", "reason"

UNSURE = "unsure"
"""Reason of a track without a mood: the most probable one is less so than was asked for."""

UNLIKE_TRAINING = "unlike anything trained on"
"""Reason to doubt a mood: fewer than one training track in a thousand is as unusual."""

RULE = "rule: "
"""Begins the reason of a track whose mood a rule decided; the rule's conditions follow."""

LEARNED = "learned"
"""In place of a file: the rules that the model learned and that beat it."""

_PLACE = "place"


def open_rules(rules: RulesLike, model: MoodModel) -> Rules | None:
    """Read rules from a file, or take those that the model learned.

    Parameters
    ----------
    rules : Rules, path, ``"learned"`` or None
    model : MoodModel
        Whose moods they must name.

    Returns
    -------
    Rules or None
        None where none were asked for, or none of the model's own beats it.

    Raises
    ------
    UsageError
        As `Rules.read`.
    ModelError
        If the model's own rules cannot be used.
    """
    if rules is None or isinstance(rules, Rules):
        return rules
    if rules == LEARNED:
        return learned_rules(model.about, model.moods)
    return Rules.read(rules, moods=model.moods)


@dataclass(frozen=True, slots=True)
class Decider:
    """Decides what is said of tracks.

    A rule that holds decides. Else the most probable mood is said, if it is probable enough.

    Attributes
    ----------
    model : MoodModel
    min_confidence : float
        0–1; below, no mood is said.
    rules : Rules or None
        Of the model's moods.

    Raises
    ------
    UsageError
        If `min_confidence` is out of range, or a rule names a mood that the model has not.
    """

    model: MoodModel
    min_confidence: float = 0.0
    rules: Rules | None = None

    def __post_init__(self) -> None:
        least = self.min_confidence
        if not (isfinite(least) and 0 <= least <= 1):
            percent = f"; in percent? Then give {least / 100:g}" if 1 < least <= 100 else ""
            raise UsageError(f"a least confidence of {least:g}: expected 0 to 1{percent}")
        for rule in self.rules.rules if self.rules else ():
            if rule.mood not in self.model.moods:
                raise UsageError(
                    f"the rule {rule} says {rule.mood!r}; the model's moods are "
                    f"{', '.join(self.model.moods)}"
                )

    @property
    def features(self) -> tuple[str, ...]:
        """What is asked of a table: the model's features, and what rules need besides."""
        asked = self.rules.features if self.rules else ()
        return tuple(dict.fromkeys((*self.model.features, *asked)))

    @property
    def schema(self) -> dict[str, pl.DataType]:
        """Columns that are told, in order.

        ``mood`` (null where unsure), ``confidence`` (the probability of the most probable
        mood; of a mood by rule the rule's measured precision, null where nobody measured it),
        ``second`` and ``second_confidence`` (the most probable of the other moods),
        ``reason`` (null, or one of `UNSURE`, `RULE` …, `UNLIKE_TRAINING`), a ``p_<mood>`` a
        mood, ``outlier`` (0–1: see `Population.unlikeness`; null where the model does not know
        its training tracks).
        """
        moods, share = pl.Enum(self.model.moods), pl.Float32()
        columns = (mood.column for mood in resolve_moods(self.model.moods))
        return {
            MOOD_COLUMN: moods,
            CONFIDENCE_COLUMN: share,
            SECOND_COLUMN: moods,
            SECOND_CONFIDENCE_COLUMN: share,
            REASON_COLUMN: pl.String(),
            **dict.fromkeys(columns, share),
            OUTLIER_COLUMN: share,
        }

    def score(self, batch: pl.DataFrame, tally: Tally) -> pl.DataFrame:
        """Label a batch; rows that cannot be scored say why, and nothing else is said of them.

        Parameters
        ----------
        batch : polars.DataFrame
            Columns of `features`, in their units, and ``error``, among others.
        tally : Tally
            Counts it.

        Returns
        -------
        polars.DataFrame
            The batch with the columns of `schema` before ``error``.
        """
        X = batch.select(self.model.features).to_numpy()
        error, usable, good = batch[ERROR_COLUMN], None, batch
        if not _all_usable(X, error, self.model.features):
            error = batch.select(row_problem(self.model.features).alias(ERROR_COLUMN)).to_series()
            usable = error.is_null()
            X, good = X[usable.to_numpy()], batch.filter(usable)
        scored = self._decide(X, good, tally, len(batch) - len(X))
        if usable is not None:
            place = pl.when(usable).then(usable.cum_sum() - 1)
            scored = pl.select(place.alias(_PLACE)).select(
                pl.lit(scored[name]).gather(pl.col(_PLACE)).alias(name) for name in scored.columns
            )
        return pl.concat([batch.drop(ERROR_COLUMN), scored, error.to_frame()], how="horizontal")

    def _decide(self, X: Floats, batch: pl.DataFrame, tally: Tally, n_failed: int) -> pl.DataFrame:
        # One row a mood: what follows runs along memory.
        shares = self.model.predict_proba(X).T
        said, confidence, second, second_share = two_most_probable(shares)
        population = self.model.population
        outlier = None if population is None else population.unlikeness(X)
        texts = [UNLIKE_TRAINING, UNSURE]
        unlike = np.zeros(len(X), dtype=bool) if outlier is None else outlier > UNLIKE
        codes = unlike.astype(np.uint16)
        n_ruled = 0
        if self.rules is not None:
            rules = self.rules
            decided = rules.apply(batch.select(rules.features).to_numpy(), rules.features)
            is_ruled = decided >= 0
            n_ruled = int(is_ruled.sum())
            moods = [self.model.moods.index(rule.mood) for rule in rules.rules]
            measured = [np.nan if r.precision is None else r.precision for r in rules.rules]
            told = np.array(moods, dtype=np.uint8)[decided]
            is_other = is_ruled & (told != said)
            second = np.where(is_other, said, second)
            second_share = np.where(is_other, confidence, second_share)
            said = np.where(is_ruled, told, said)
            confidence = np.where(is_ruled, np.array(measured)[decided], confidence)
            codes[is_ruled] = (decided[is_ruled] + 1 + len(texts)).astype(np.uint16)
            texts += [f"{RULE}{rule.text}" for rule in rules.rules]
        # A rule of one's own has no measured precision: NaN is not below anything.
        unsure = confidence < self.min_confidence
        n_unsure = int(unsure.sum())
        codes[unsure] = texts.index(UNSURE) + 1
        tally.add(
            said[~unsure] if n_unsure else said,
            failed=n_failed,
            unsure=n_unsure,
            unlike=int(unlike.sum()),
            ruled=n_ruled,
        )
        kinds = self.schema
        columns = {
            MOOD_COLUMN: _moods(said, kinds[MOOD_COLUMN], unsure if n_unsure else None),
            CONFIDENCE_COLUMN: _shares(confidence, may_miss=self.rules is not None),
            SECOND_COLUMN: _moods(second, kinds[SECOND_COLUMN], None),
            SECOND_CONFIDENCE_COLUMN: _shares(second_share),
            REASON_COLUMN: _reasons(codes, texts),
        }
        p_columns = [mood.column for mood in resolve_moods(self.model.moods)]
        columns |= {name: _shares(own) for name, own in zip(p_columns, shares, strict=True)}
        columns[OUTLIER_COLUMN] = (
            pl.repeat(None, len(X), dtype=pl.Float32, eager=True)
            if outlier is None
            else _shares(outlier)
        )
        return pl.DataFrame(columns)


def two_most_probable(
    shares: Floats,
) -> tuple[npt.NDArray[np.uint8], Floats, npt.NDArray[np.uint8], Floats]:
    """Give the moods of the largest and the second largest share of each track, and the shares.

    Of equal shares, the first mood comes first.

    Parameters
    ----------
    shares : ndarray, shape (n_moods, n_tracks)
        At least two moods.

    Returns
    -------
    first, largest, second, next_largest : ndarray, shape (n_tracks,)
    """
    largest = np.maximum(shares[0], shares[1])
    smaller = np.minimum(shares[0], shares[1])
    for share in shares[2:]:
        np.maximum(smaller, np.minimum(largest, share), out=smaller)
        np.maximum(largest, share, out=largest)
    # Counted from the last mood, so that the first of equals is the largest number. Bytes
    # are compared many at a time, which masks and indices are not.
    first = np.zeros(shares.shape[1], dtype=np.uint8)
    second = np.zeros(shares.shape[1], dtype=np.uint8)
    for left, share in zip(range(len(shares), 0, -1), shares, strict=True):
        np.maximum(first, (share == largest).view(np.uint8) * np.uint8(left), out=first)
    for left, share in zip(range(len(shares), 0, -1), shares, strict=True):
        number = (share == smaller).view(np.uint8) * np.uint8(left)
        number *= (number != first).view(np.uint8)
        np.maximum(second, number, out=second)
    n_moods = np.uint8(len(shares))
    return n_moods - first, largest, n_moods - second, smaller


def _all_usable(X: Floats, error: pl.Series, features: Sequence[str]) -> bool:
    """Whether every row can be scored: a quick look that most batches pass."""
    if error.null_count() < len(error) or not len(X):
        return False
    bounds = np.array([BY_NAME[name].accepted for name in features])
    # NaN, which stands for null as well, fails either comparison.
    return bool((X.min(axis=0) >= bounds[:, 0]).all() and (X.max(axis=0) <= bounds[:, 1]).all())


def _moods(
    index: npt.NDArray[np.uint8], moods: pl.DataType, missing: npt.NDArray[np.bool_] | None
) -> pl.Series:
    named = pl.Series(index).cat.to(moods)
    if missing is None:
        return named
    return pl.select(pl.when(pl.Series(~missing)).then(named)).to_series()


def _shares(values: Floats, *, may_miss: bool = False) -> pl.Series:
    shares = pl.Series(values.astype(np.float32))
    return shares.fill_nan(None) if may_miss else shares


def _reasons(codes: npt.NDArray[np.uint16], texts: Sequence[str]) -> pl.Series:
    """Give reasons in words; code 0 is none."""
    if not codes.any():
        return pl.repeat(None, len(codes), dtype=pl.String, eager=True)
    return pl.Series([None, *texts], dtype=pl.String).gather(codes)
