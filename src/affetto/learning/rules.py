"""Short readable rules, learned from labelled tracks and judged on tracks they never saw."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from affetto.errors import UsageError
from affetto.features import BY_NAME
from affetto.learning.evaluation import wilson_interval
from affetto.learning.paired import holm, is_told, mcnemar, sign_flip_p
from affetto.learning.splits import Split, thin
from affetto.rules import MOST_CONDITIONS, Condition, Rule, Rules

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Indices = npt.NDArray[np.intp]
Flags = npt.NDArray[np.bool_]

BETA = 0.5
"""Precision counts twice as much as recall."""

WORTH = 0.02
"""F a further condition must add, or it is left out: what is short is remembered."""

MIN_TRACKS = 5
"""Tracks on which a rule must hold where it is learned."""

MOST_TRACKS = 3000
"""Tracks that rules are learned from: bounds are round, and more would not move them."""

_BEAM = 12
_SHARES = (0.01, 0.02, *(k / 20 for k in range(1, 20)), 0.98, 0.99)
_BOUNDS = {
    "": _SHARES,
    "BPM": tuple(float(bpm) for bpm in range(60, 201, 10)),
    "dB": (-40.0, -30.0, -25.0, *(float(db) for db in range(-20, -2))),
    "ms": tuple(30_000.0 * k for k in range(2, 21)),
}
"""Bounds that people can remember, in the unit of a feature."""


def learn_rule(
    X: Floats, positive: Flags, features: Sequence[str], mood: str = "mood"
) -> Rule | None:
    """Find the rule of one to three comparisons that best singles out some tracks.

    By beam search over rounded bounds, for the largest F_β = (1 + β²) · hits /
    (β² · positives + held) with β = ½, less `WORTH` for every condition after the first.

    Parameters
    ----------
    X : ndarray, shape=(n, n_features)
        In the features' units; missing values are NaN.
    positive : ndarray of bool, shape=(n,)
        The tracks to be singled out.
    features : sequence of str
    mood : str
        What the rule says.

    Returns
    -------
    Rule or None
        None where no rule does better than saying the mood of all tracks.

    References
    ----------
    Clark, P. & Niblett, T. (1989). The CN2 induction algorithm. Machine Learning 3.
    van Rijsbergen, C. J. (1979). Information retrieval, ch. 7.
    """
    return _Search(X, features).best(positive, mood)


class _Search:
    """The comparisons that tell some tracks apart, and where each holds: for all moods alike."""

    def __init__(self, X: Floats, features: Sequence[str]):
        self.conditions, self.held = _conditions(X, features)
        self._counted = self.held.astype(np.float32).T

    def best(self, positive: Flags, mood: str) -> Rule | None:
        """Give the best rule; see `learn_rule`."""
        n, n_positive = len(positive), int(positive.sum())
        if not self.conditions or not n_positive:
            return None
        path: tuple[int, ...] = ()
        # Better than to say the mood of all, and by more than rounding.
        best = float(_worth(np.array(n_positive), np.array(n), n_positive, 1)) + 1e-9
        beam: list[tuple[tuple[int, ...], Flags]] = [((), np.ones(n, dtype=bool))]
        for depth in range(1, MOST_CONDITIONS + 1):
            so_far = np.array([where for _, where in beam])
            n_held = so_far.astype(np.float32) @ self._counted
            n_hit = (so_far & positive).astype(np.float32) @ self._counted
            worth = _worth(n_hit, n_held, n_positive, depth)
            # A condition that leaves out no further track says nothing.
            worth[n_held >= so_far.sum(axis=1, keepdims=True)] = -1.0
            following: dict[bytes, tuple[tuple[int, ...], Flags]] = {}
            for place in np.argsort(-worth, axis=None, kind="stable"):
                row, column = divmod(int(place), len(self.conditions))
                if len(following) == _BEAM or worth[row, column] < 0:
                    break
                before, where = beam[row]
                narrower = where & self.held[column]
                following.setdefault(narrower.tobytes(), ((*before, column), narrower))
                if worth[row, column] > best:
                    path, best = (*before, column), float(worth[row, column])
            beam = list(following.values())
            if not beam:
                break
        if not path:
            return None
        return Rule(tuple(self.conditions[i] for i in _ordered(path, self.conditions)), mood)


def _worth(
    n_hit: npt.NDArray[Any], n_held: npt.NDArray[Any], n_positive: int, n_conditions: int
) -> Floats:
    """F_β less what conditions cost; −1 where a rule holds on too few tracks."""
    squared = BETA * BETA
    f = (1 + squared) * n_hit / (squared * n_positive + np.maximum(n_held, 1.0))
    return np.where(n_held >= MIN_TRACKS, f - WORTH * (n_conditions - 1), -1.0)


def judged_rules(
    X: Floats,
    y: Indices,
    features: Sequence[str],
    moods: Sequence[str],
    splits: Sequence[Split],
    *,
    p: Sequence[Floats] | None = None,
    groups: npt.NDArray[np.str_] | None = None,
    seed: int = 42,
) -> list[dict[str, Any]]:
    """Learn a rule a mood, and judge what such rules are worth on tracks held out.

    On every learning side rules are learned anew and judged on its held-out side, so that
    no figure is of tracks that chose the rule. A rule beats the model only where the
    difference between the two, on held-out tracks where it holds, is told from chance:
    over groups by the signs that their sums may take, else over tracks by McNemar's exact
    test; corrected by Holm for as many rules as there are.

    Parameters
    ----------
    X : ndarray, shape=(n, n_features)
    y : ndarray of int, shape=(n,)
    features, moods : sequence of str
    splits : sequence of (train, test)
        By groups where these are known.
    p : sequence of ndarray, shape=(n_test, n_moods), optional
        What the model, fitted to the learning side of each split, says of its held-out side.
    groups : ndarray of str, shape=(n,), optional
    seed : int
        Of the signs drawn where there are very many groups.

    Returns
    -------
    list of dict
        Moods that a rule singles out, each with ``mood``; ``rule`` (text, learned from all
        tracks that `splits` hold out); ``precision`` with its interval ``low``, ``high``
        (Wilson; of tracks, which groups make rough), ``recall``, ``f1``, ``coverage`` (share
        of all tracks on which it holds), all on held-out sides; ``n`` and ``groups``, how
        many different tracks and groups it held on; ``model_accuracy`` on the same tracks;
        ``p_value``; ``beats_model``. What cannot be told is None.
    """
    judged = np.unique(np.concatenate([test for _, test in splits]))
    finals = _learned(X, y, judged, features, moods, seed=seed)
    ledgers = {mood: _Ledger(len(y)) for mood in finals}
    for place, (train, test) in enumerate(splits):
        found = _learned(X, y, train, features, moods, seed=seed)
        model_right = None if p is None else p[place].argmax(axis=1) == y[test]
        for mood, ledger in ledgers.items():
            where = np.zeros(len(test), dtype=bool)
            if mood in found:
                where = found[mood].holds(X[test], features)
            ledger.add(test, y[test] == moods.index(mood), where, model_right)
    rows = [
        {"mood": mood, "rule": finals[mood].text, **ledger.as_dict(groups)}
        for mood, ledger in ledgers.items()
    ]
    p_values = [ledger.p_value(groups, seed) for ledger in ledgers.values()]
    for row, value in zip(rows, holm(p_values), strict=True):
        compared = row["model_accuracy"] is not None
        row["p_value"] = value if compared else None
        is_better = compared and row["precision"] > row["model_accuracy"]
        row["beats_model"] = bool(is_better and is_told(value))
    return rows


def _learned(
    X: Floats,
    y: Indices,
    rows: Indices,
    features: Sequence[str],
    moods: Sequence[str],
    *,
    seed: int,
) -> dict[str, Rule]:
    """Learn a rule a mood from some tracks; from a sample, where they are very many."""
    some = rows[thin(y[rows], MOST_TRACKS, seed)]
    search = _Search(X[some], features)
    found = {mood: search.best(y[some] == index, mood) for index, mood in enumerate(moods)}
    return {mood: rule for mood, rule in found.items() if rule is not None}


def applicable(rows: Sequence[dict[str, Any]], moods: Sequence[str]) -> list[dict[str, Any]]:
    """Give the rules that a model shall carry: those that beat it and do not clash.

    Of two that clash, the more precise one stays.

    Parameters
    ----------
    rows : sequence of dict
        As `judged_rules` gives them.
    moods : sequence of str

    Returns
    -------
    list of dict
    """
    kept: list[dict[str, Any]] = []
    for row in sorted(
        (row for row in rows if row["beats_model"]), key=lambda row: -float(row["precision"])
    ):
        text = "\n".join(f"{one['rule']} -> {one['mood']}" for one in [*kept, row])
        try:
            Rules.parse(text, moods=moods)
        except UsageError:
            continue
        kept.append(row)
    return kept


class _Ledger:
    """Counts how a rule and a model fare on tracks held out, split by split."""

    def __init__(self, n_tracks: int):
        self.n_judged = self.n_true = self.n_held = self.n_hit = 0
        self.held = np.zeros(n_tracks)
        self.rule_right = np.zeros(n_tracks)
        self.model_right: Floats | None = None

    def add(self, test: Indices, true: Flags, where: Flags, model_right: Flags | None) -> None:
        self.n_judged += len(test)
        self.n_true += int(true.sum())
        self.n_held += int(where.sum())
        self.n_hit += int((where & true).sum())
        self.held[test] += where
        self.rule_right[test] += where & true
        if model_right is not None:
            if self.model_right is None:
                self.model_right = np.zeros(len(self.held))
            self.model_right[test] += where & model_right

    def as_dict(self, groups: npt.NDArray[np.str_] | None) -> dict[str, Any]:
        on = self.held > 0
        n, n_held = int(on.sum()), self.n_held
        precision = self.n_hit / n_held if n_held else None
        # Held out in several splits, a track is still one witness.
        low, high = wilson_interval(precision * n, n) if precision is not None else (None, None)
        model = None
        if self.model_right is not None and n_held:
            model = float(self.model_right.sum() / n_held)
        return {
            "precision": precision,
            "low": low,
            "high": high,
            "recall": self.n_hit / self.n_true if self.n_true else None,
            "f1": 2 * self.n_hit / (n_held + self.n_true) if n_held + self.n_true else 0.0,
            "coverage": n_held / self.n_judged,
            "n": n,
            "groups": None if groups is None else len(np.unique(groups[on])),
            "model_accuracy": model,
        }

    def p_value(self, groups: npt.NDArray[np.str_] | None, seed: int) -> float:
        on = self.held > 0
        if self.model_right is None or not on.any():
            return 1.0
        # Held out in several splits, a track counts once, by its mean.
        difference = (self.rule_right[on] - self.model_right[on]) / self.held[on]
        if groups is None:
            return mcnemar(difference > 0, difference < 0).p_exact
        _, which = np.unique(groups[on], return_inverse=True)
        return sign_flip_p(np.bincount(which, difference).astype(np.float64), seed)


def _conditions(X: Floats, features: Sequence[str]) -> tuple[list[Condition], Flags]:
    """Give comparisons that tell tracks apart, and where each holds, a row each."""
    conditions: list[Condition] = []
    rows: dict[bytes, Flags] = {}
    for column, name in enumerate(features):
        bounds = _BOUNDS[BY_NAME[name].unit]
        # The most remembered bound first: of several that hold for the same tracks, it stays.
        for bound in sorted(bounds, key=_roundness):
            for sign in ("<", ">"):
                where = X[:, column] < bound if sign == "<" else X[:, column] > bound
                key = where.tobytes()
                if MIN_TRACKS <= where.sum() < len(X) and key not in rows:
                    rows[key] = where
                    conditions.append(Condition(name, sign, bound))
    return conditions, np.array(list(rows.values()), dtype=bool).reshape(len(rows), len(X))


def _roundness(bound: float) -> tuple[int, float]:
    """Sort numbers of few digits first."""
    return len(f"{bound:g}".strip("-0.").rstrip("0")), abs(bound)


def _ordered(path: Sequence[int], conditions: Sequence[Condition]) -> list[int]:
    """Put comparisons of one feature side by side, the lower bound first; drop what is implied."""
    tightest: dict[tuple[str, str], int] = {}
    for column in path:
        one = conditions[column]
        before = tightest.get((one.feature, one.sign))
        if before is None or (one.bound > conditions[before].bound) == (one.sign == ">"):
            tightest[one.feature, one.sign] = column
    first = {conditions[column].feature: place for place, column in reversed(list(enumerate(path)))}
    return sorted(
        tightest.values(),
        key=lambda column: (first[conditions[column].feature], conditions[column].sign != ">"),
    )
