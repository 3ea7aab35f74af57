"""Why a track got its mood: what each feature contributed, and what would turn the mood."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from affetto.counterfactual import Room, Turn, nearest_turns, on_grid
from affetto.errors import ModelError, UsageError
from affetto.features import BY_NAME
from affetto.parts import as_rows
from affetto.population import LEVELS, Place, Population
from affetto.scorers import Boosted, Clip, Forest, Log10, Pipeline, Standardise, SupportVectors
from affetto.shapley import mixtures, shapley_values

Floats = NDArray[np.float64]

_BLOCK_ROWS = 2**15  # mixtures scored at once
_MEDIAN = LEVELS.index(0.5)
_LOW, _HIGH = LEVELS.index(0.1), LEVELS.index(0.9)
_UPPER = (0.6744898, 1.2815516, 1.6448536, 2.0537489)
_DEVIATES = np.array([*(-deviate for deviate in reversed(_UPPER)), 0.0, *_UPPER])
"""Quantiles of the standard normal distribution at `LEVELS`."""
_GRAINS = {"": 0.01, "BPM": 1.0, "dB": 0.1, "ms": 1000.0}
_STEPWISE = (Forest, Boosted, SupportVectors)
"""Scorers whose probabilities jump: a point where they turn has no meaning in many digits."""


class Explained(Protocol):
    """What is asked of a model; a `MoodModel` is one."""

    @property
    def moods(self) -> tuple[str, ...]:
        """In the order of the probabilities' columns."""

    @property
    def features(self) -> tuple[str, ...]:
        """In the order of the inputs' columns."""

    @property
    def pipelines(self) -> tuple[Pipeline, ...]:
        """What it averages."""

    @property
    def weights(self) -> tuple[float, ...]:
        """One a pipeline."""

    @property
    def population(self) -> Population | None:
        """What it knows of its training tracks."""

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Give the probability of each mood for each track."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One feature's part in a mood.

    Attributes
    ----------
    feature : str
    value : float
        In the feature's unit.
    reference : float
        The middle of the training tracks, against which it is held: their median, or in
        older model files the mean by which it standardises.
    contribution : float
        In log-odds of the mood against the next one: above 0 it spoke for the mood.
        ``exp(contribution)`` is the factor by which it changed the odds.
    among_all, among_own, among_next : Place or None
        Where the value stands among all training tracks, those of the mood, those of the
        next one; None where the model does not know them.
    """

    feature: str
    value: float
    reference: float
    contribution: float
    among_all: Place | None
    among_own: Place | None
    among_next: Place | None


@dataclass(frozen=True, slots=True)
class Change:
    """The nearest change found that turns the mood.

    Attributes
    ----------
    values : mapping of str to float
        One feature or two, and what they would have to be: exactly where the mood turns for
        linear models and networks, at most half a `rounded` step beyond for others.
    rounded : mapping of str to float
        The same, rounded on for people (.01, 1 BPM, .1 dB, 1 s), where that turns it too.
    mood : str
        What the track would then be.
    distance : float
        √Σ (change / spread)², where a spread reaches from the 10% to the 90% quantile of
        the training tracks.
    """

    values: Mapping[str, float]
    rounded: Mapping[str, float]
    mood: str
    distance: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a track got its mood rather than the next one.

    Attributes
    ----------
    mood, next_mood : str
        The most probable ones.
    probabilities : mapping of str to float
        All moods, the most probable first.
    margin : float
        log(p(mood) / p(next mood)).
    reference_margin : float
        The same of a track that has the reference value in every feature.
        `margin` is this and all contributions together.
    reasons : tuple of Reason
        In the order of the model's features.
    change : Change or None
        None where nothing that was tried turns the mood.
    likeness : mapping of str to float
        How much the track is like those of each mood, most first: 1 − |share of them above
        − share below|, the mean over features; 1 in the middle of all, near 0 beyond all.
        Empty where the model does not know its training tracks.
    """

    mood: str
    next_mood: str
    probabilities: Mapping[str, float]
    margin: float
    reference_margin: float
    reasons: tuple[Reason, ...]
    change: Change | None
    likeness: Mapping[str, float]

    def as_dict(self) -> dict[str, Any]:
        """Give plain data, as JSON can hold it."""
        return asdict(self)


def explain(
    model: Explained, X: ArrayLike, *, population: Population | None = None
) -> list[Explanation]:
    """Explain the mood of each track.

    Contributions are Shapley values of log(p(mood) / p(next mood)), exact over all 2^d
    coalitions of features, where a feature outside a coalition has the median of the
    training tracks (*baseline Shapley*): one reference point, which the model file knows
    without holding rows, and which a person can picture. For a model that is linear in
    each feature, these are its weights times the feature's distance from the median; where
    features act together, each gets its fair share. Mixtures of a track and the medians
    need not exist as music.

    A forest may call a mood impossible; what has no vote counts as half a tree's.

    Parameters
    ----------
    model : MoodModel
    X : array-like, shape (n_tracks, n_features)
        As `MoodModel.predict_proba` takes it.
    population : Population, optional
        Tracks to hold these against. Default: what the model knows of its training tracks;
        failing that, the means and deviations by which it standardises.

    Returns
    -------
    list of Explanation
        One a track.

    Raises
    ------
    UsageError
        As `MoodModel.predict_proba`, or if the population is of other features or moods.
    ModelError
        If the model knows nothing of its training tracks, and none are given.

    References
    ----------
    Lundberg, S. M., Lee, S.-I. (2017). A unified approach to interpreting model predictions.
    NeurIPS. — Sundararajan, M., Najmi, A. (2020). The many Shapley values for model
    explanation. ICML.
    """
    rows = as_rows(X).astype(np.float64)
    if rows.shape[1] != len(model.features) or not np.isfinite(rows).all():
        model.predict_proba(rows)  # says what is wrong
    ground = _ground(model, population or model.population)
    tracks = max(1, _BLOCK_ROWS // 2 ** len(model.features))
    blocks = (rows[start : start + tracks] for start in range(0, len(rows), tracks))
    return [one for block in blocks for one in _explain_block(model, block, ground)]


@dataclass(frozen=True, slots=True, eq=False)
class _Ground:
    """What tracks are held against."""

    population: Population | None
    reference: Floats
    room: Room


def _ground(model: Explained, population: Population | None) -> _Ground:
    if population is None:
        overall = _guessed_quantiles(model)
    elif (population.features, population.moods) == (model.features, model.moods):
        overall = population.overall
    else:
        raise UsageError("the population is one of other features or moods than the model's")
    return _Ground(population, overall[:, _MEDIAN], _room(model, overall))


def _explain_block(model: Explained, rows: Floats, ground: _Ground) -> list[Explanation]:
    n, d = rows.shape
    asked = np.hstack([mixtures(rows, ground.reference), on_grid(rows, ground.room)])
    told = model.predict_proba(asked.reshape(-1, d)).reshape(n, -1, len(model.moods))
    parts, on_the_grid = np.split(told, [2**d], axis=1)
    shares = parts[:, -1]
    # The first of equals, as `predict` has it.
    order = np.argsort(-shares, axis=1, kind="stable")
    pair = np.take_along_axis(parts, order[:, None, :2], axis=2)
    logs = np.log(np.maximum(pair, _least(model)))
    margins = logs[:, :, 0] - logs[:, :, 1]
    turns = nearest_turns(model.predict_proba, rows, shares, on_the_grid, ground.room)
    population, nowhere = ground.population, [[None] * d] * 3
    explained = []
    for ranks, own, margin, row, contributions, turn in zip(
        order, shares, margins, rows, shapley_values(margins), turns, strict=True
    ):
        moods = [model.moods[rank] for rank in ranks]
        circles = [] if population is None else population.places(row)
        standing = [circles[i] for i in (0, ranks[0] + 1, ranks[1] + 1)] if circles else nowhere
        explained.append(
            Explanation(
                mood=moods[0],
                next_mood=moods[1],
                probabilities=dict(zip(moods, own[ranks].tolist(), strict=True)),
                margin=float(margin[-1]),
                reference_margin=float(margin[0]),
                reasons=tuple(
                    map(
                        Reason,
                        model.features,
                        row.tolist(),
                        ground.reference.tolist(),
                        contributions.tolist(),
                        *standing,
                    )
                ),
                change=None if turn is None else _change(turn, model),
                likeness=_likeness(model.moods, circles[1:]) if circles else {},
            )
        )
    return explained


def _change(turn: Turn, model: Explained) -> Change:
    names = [model.features[column] for column in turn.features]
    return Change(
        dict(zip(names, turn.values, strict=True)),
        dict(zip(names, turn.rounded, strict=True)),
        model.moods[turn.mood],
        turn.distance,
    )


def _likeness(moods: Sequence[str], places: Sequence[Sequence[Place]]) -> dict[str, float]:
    likeness = [
        sum(1 - abs(place.above - place.below) for place in own) / len(own) for own in places
    ]
    return dict(sorted(zip(moods, likeness, strict=True), key=lambda item: -item[1]))


def _least(model: Explained) -> float:
    """Give the least probability that counts."""
    if all(isinstance(pipeline.scorer, Forest) for pipeline in model.pipelines):
        votes = (
            weight / len(pipeline.scorer.roots)
            for weight, pipeline in zip(model.weights, model.pipelines, strict=True)
            if isinstance(pipeline.scorer, Forest)
        )
        return 0.5 * min(votes)
    return float(np.finfo(np.float64).tiny)


def _room(model: Explained, overall: Floats) -> Room:
    """Let features go as far as their ranges allow, and a spread beyond nearly all tracks."""
    kinds = [BY_NAME[name] for name in model.features]
    lowest = np.array([max(kind.low, kind.accepted[0]) for kind in kinds])
    highest = np.array([min(kind.high, kind.accepted[1]) for kind in kinds])
    grain = np.array([_GRAINS[kind.unit] for kind in kinds])
    spread = np.maximum(overall[:, _HIGH] - overall[:, _LOW], 0.1 * grain)
    low = np.maximum(lowest, overall[:, 0] - spread)
    high = np.minimum(highest, overall[:, -1] + spread)
    for column, end in _log_ends(model):
        low[column] = max(low[column], end)
    low, high = np.minimum(low, overall[:, 0]), np.maximum(high, overall[:, -1])
    stepwise = any(isinstance(pipeline.scorer, _STEPWISE) for pipeline in model.pipelines)
    points = [low[:, None], overall, high[:, None]]
    if not stepwise:
        points.append(np.linspace(low, high, 15)[1:-1].T)
    return Room(
        low=low,
        high=high,
        spread=spread,
        grid=np.sort(np.hstack(points), axis=1),
        grain=grain,
        is_smooth=not stepwise,
    )


def _log_ends(model: Explained) -> Iterator[tuple[int, float]]:
    """Give columns of which a logarithm is taken, and the least value that has one."""
    for pipeline in model.pipelines:
        for step in pipeline.steps:
            if isinstance(step, Log10):
                ends = np.nextafter(-step.offset, np.inf)
                yield from zip(step.columns.tolist(), ends.tolist(), strict=True)
            elif not isinstance(step, Clip):
                break


def _guessed_quantiles(model: Explained) -> Floats:
    """Guess quantiles of the training tracks from how the model standardises them.

    As if what is standardised were distributed normally.
    """
    lowest = np.array([BY_NAME[name].accepted[0] for name in model.features])
    highest = np.array([BY_NAME[name].accepted[1] for name in model.features])
    for pipeline in model.pipelines:
        undo: list[Log10] = []
        for step in pipeline.steps:
            if isinstance(step, Standardise):
                guessed = step.mean[:, None] + step.scale[:, None] * _DEVIATES
                for log in reversed(undo):
                    guessed[log.columns] = 10 ** guessed[log.columns] - log.offset[:, None]
                quantiles: Floats = np.clip(guessed, lowest[:, None], highest[:, None])
                return quantiles
            if isinstance(step, Log10):
                undo.append(step)
            elif not isinstance(step, Clip):
                break
    raise ModelError(
        "this model file says nothing of the tracks it was trained on, which explaining needs: "
        "train it again with this affetto, or give explain() a population"
    )
