"""Tracks whose label is doubtful: held-out probability of it is tiny, another mood likely."""

from collections.abc import Sequence
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from affetto.learning.comparison import Judged
from affetto.learning.dataset import LabelledTracks

Floats = npt.NDArray[np.float64]

TINY = 0.05
"""A label with less probability than this is doubted: one in twenty of such would be right."""

MOST_LISTED = 25


def mean_probabilities(judged: Judged, n_tracks: int) -> Floats:
    """Average what was said of each track over the splits that judged it.

    Returns
    -------
    ndarray, shape=(n_tracks, n_moods)
        NaN for a track that was never judged.
    """
    total = np.zeros((n_tracks, judged.results[0].p_test.shape[1]))
    count = np.zeros(n_tracks)
    for (_, test), result in zip(judged.splits, judged.results, strict=True):
        total[test] += result.p_test
        count[test] += 1
    with np.errstate(invalid="ignore"):
        return np.asarray(total / count[:, None])


def suspects(
    judged: Judged, tracks: LabelledTracks, odd_groups: Sequence[str] = ()
) -> dict[str, Any]:
    """List tracks whose label their features speak against, most suspect first.

    A track is suspect where its own label has a held-out probability (self-confidence)
    below `TINY`, and another mood one of at least the mean that tracks of that mood get for
    it themselves. A model's own probabilities say how many labels of so little probability
    to expect even if none were wrong, since moods overlap: Σ p over all moods with
    p < `TINY`; only clearly more than that is a sign of wrong labels. Labels wrong at random
    everywhere teach the model to expect them, and are listed without being called many.

    Parameters
    ----------
    judged : Judged
        On tracks not learned from; on groups kept unseen where groups are known.
    tracks : LabelledTracks
    odd_groups : sequence of str
        Groups that differ from their mood as a whole: told of as such, not track by track.

    Returns
    -------
    dict
        ``left_out`` (the odd groups), ``judged`` (tracks), ``found``, ``unlikely`` (labels
        below `TINY`), ``expected`` (of them by chance), ``many`` (whether clearly more than
        expected), ``tracks``: up to 25 of ``name``, ``table``, ``group``, ``mood``, ``p_own``,
        ``likely``, ``p_likely``.

    References
    ----------
    Northcutt, C., Jiang, L. & Chuang, I. (2021). Confident learning: estimating uncertainty in
    dataset labels. JAIR 70.
    """
    p = mean_probabilities(judged, len(tracks))
    use = ~np.isnan(p[:, 0])
    if tracks.groups is not None:
        use &= ~np.isin(tracks.groups, list(odd_groups))
    rows = np.flatnonzero(use)
    p, y = p[rows], tracks.y[rows]
    own = p[np.arange(len(y)), y]
    usual = np.array(
        [p[y == mood, mood].mean() if (y == mood).any() else np.inf for mood in range(p.shape[1])]
    )
    rival = np.where(p >= usual, p, 0.0)
    rival[np.arange(len(y)), y] = 0.0
    unlikely = own < TINY
    expected = float(np.where(p < TINY, p, 0.0).sum())
    order = [i for i in np.argsort(own, kind="stable") if unlikely[i] and rival[i].max() > 0]
    n_unlikely = int(unlikely.sum())
    groups = tracks.groups
    return {
        "left_out": list(odd_groups),
        "judged": len(y),
        "found": len(order),
        "unlikely": n_unlikely,
        "expected": expected,
        "many": bool(n_unlikely > expected + 3 * sqrt(max(expected, 0.5))),
        "tracks": [
            {
                "name": str(tracks.names[rows[i]]),
                "table": str(tracks.tables[rows[i]]),
                "group": None if groups is None else str(groups[rows[i]]),
                "mood": tracks.moods[y[i]],
                "p_own": float(own[i]),
                "likely": tracks.moods[int(rival[i].argmax())],
                "p_likely": float(rival[i].max()),
            }
            for i in order[:MOST_LISTED]
        ],
    }
