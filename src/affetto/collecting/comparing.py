"""Origins that a table mixes, compared on tracks that both know."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Final

import numpy as np
import numpy.typing as npt

from affetto.collecting.filling import Stage, ask
from affetto.collecting.gathering import Gathered
from affetto.collecting.scales import Summary, differences
from affetto.features import FEATURE_NAMES
from affetto.sources.contract import FeatureSource

ENOUGH: Final = 40
"""Shared tracks: one question to ReccoBeats, and as many as settle a median well enough."""

_HEARD = 12  # listening takes longer than asking
_WIDE = 3  # features: whoever tells a length alone has no scale to compare

_DURATION = FEATURE_NAMES.index("duration_ms")


def compare_origins(
    gathered: Gathered,
    tellers: Mapping[str, FeatureSource],
    order: Sequence[str],
    stage: Stage,
) -> list[Summary]:
    """Compare each two origins that a table mixes, on tracks that both know.

    Where too few are shared, one of the two is asked about up to `ENOUGH` tracks of the other
    (a dozen, where it must listen), evenly drawn.

    Parameters
    ----------
    gathered : Gathered
        Gains the offers of what is asked; they count for nothing but the comparison.
    tellers : mapping of str to FeatureSource
    order : sequence of str
        Origins in the order in which they count.
    stage : callable

    Returns
    -------
    list of Summary
        Empty where the table has one origin alone.
    """
    values, origins = gathered.chosen(order)
    used = [
        origin
        for place, origin in enumerate(order)
        if (np.delete(origins == place, _DURATION, axis=1)).any() and _is_wide(gathered, origin)
    ]
    spread = _spread(values)
    compared = []
    for first, second in combinations(used, 2):
        for teller, other in ((tellers.get(second), first), (tellers.get(first), second)):
            wanted = _HEARD if teller is not None and teller.name == "audio" else ENOUGH
            n_lacking = wanted - len(_shared(gathered, first, second))
            if teller is None or n_lacking <= 0:
                continue
            alone = _known(gathered, other) & ~_known(gathered, teller.name)
            places = np.flatnonzero(alone)
            places = places[[teller.can_tell(gathered.tracks[place]) for place in places]]
            if len(places):
                drawn = places[
                    np.linspace(0, len(places) - 1, min(n_lacking, len(places))).astype(int)
                ]
                ask(gathered, teller, drawn, values, stage)
        compared.append(_compared(gathered, first, second, spread))
    return compared


def _compared(gathered: Gathered, first: str, second: str, spread: Mapping[str, float]) -> Summary:
    shared = _shared(gathered, first, second)
    ours, theirs = gathered.values(first)[shared], gathered.values(second)[shared]
    told = [(_features(one), _features(other)) for one, other in zip(ours, theirs, strict=True)]
    return Summary(first, second, differences(first, second, told, spread))


def _features(row: npt.NDArray[np.float64]) -> dict[str, float]:
    pairs = zip(FEATURE_NAMES, row.tolist(), strict=True)
    return {name: value for name, value in pairs if value == value}  # noqa: PLR0124 - no NaN


def _known(gathered: Gathered, origin: str) -> npt.NDArray[np.bool_]:
    told: npt.NDArray[np.bool_] = (~np.isnan(gathered.values(origin))).sum(axis=1) >= _WIDE
    return told


def _is_wide(gathered: Gathered, origin: str) -> bool:
    return bool(_known(gathered, origin).any())


def _shared(gathered: Gathered, first: str, second: str) -> npt.NDArray[np.int64]:
    return np.flatnonzero(_known(gathered, first) & _known(gathered, second))


def _spread(values: npt.NDArray[np.float64]) -> dict[str, float]:
    """Give each feature's interquartile range among the tracks of the table."""
    spread = {}
    for place, name in enumerate(FEATURE_NAMES):
        column = values[:, place]
        known = column[~np.isnan(column)]
        if len(known):
            low, high = np.quantile(known, [0.25, 0.75])
            spread[name] = float(high - low)
    return spread
