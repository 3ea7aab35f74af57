"""Models side by side: judged on the same labelled tracks, their difference tested in pairs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import isfinite
from typing import Any

import numpy as np
import numpy.typing as npt

from affetto.errors import FeatureMismatchError, LabelError, UsageError
from affetto.features import FEATURE_NAMES
from affetto.learning.audit import listed, tracks_text
from affetto.learning.dataset import LabelledTracks, gather
from affetto.learning.evaluation import (
    Predictions,
    among,
    group_intervals,
    summary,
    wilson_interval,
)
from affetto.learning.labels import LabelledTable, relabelled
from affetto.learning.paired import (
    FEWEST_GROUPS,
    difference_interval,
    group_difference_interval,
    holm,
    is_told,
    mcnemar,
    mean_difference_interval,
    sign_flip_p,
)
from affetto.learning.retraining import Progress, quiet, retrained
from affetto.model import MoodModel
from affetto.moods import canonical_mood, mood_order, same_name, wanted_mood

Floats = npt.NDArray[np.float64]

MOST_MODELS = 6
"""More would make more pairs than anybody reads, and each a chance to be misled."""

MOST_GROUPS = 50
"""Groups listed one by one."""

CAVEAT = (
    "A model file holds no tracks, so whether a model learned from some of these cannot be "
    "looked up; where it did, its figures here flatter it."
)


@dataclass(frozen=True, slots=True, eq=False)
class _Said:
    """A model's name and what it said of the judged tracks, columns as in the vocabulary."""

    name: str
    predictions: Predictions

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        return np.asarray(self.predictions.said == self.predictions.y)

    @property
    def losses(self) -> Floats:
        y, p = self.predictions.y, self.predictions.p
        return np.asarray(-np.log(np.maximum(p[np.arange(len(y)), y], 1e-12)))


def compare_models(
    models: Mapping[str, MoodModel],
    tables: Sequence[LabelledTable],
    *,
    mapping: Mapping[str, str] | None = None,
    drop: Iterable[str] = (),
    group: str | None = None,
    shared_moods: bool = False,
    retrain: bool = False,
    seed: int = 42,
    jobs: int | None = None,
    progress: Progress = quiet,
) -> dict[str, Any]:
    """Judge models on the same labelled tracks and test which is right more often.

    Parameters
    ----------
    models : mapping of str to MoodModel
        Two to six, by the names they are to be called.
    tables : sequence of LabelledTable
        Opened without mapping; cleaned as for training, but few tracks will do.
    mapping : mapping of str to str, optional
        Labels of the tables, and moods of the models, to be read as other moods.
    drop : iterable of str
        Labels whose rows are left out.
    group : str, optional
        Column of playlists or artists. Then whole groups are the witnesses, not tracks.
    shared_moods : bool
        Judge among the moods that all models know, where their vocabularies differ.
    retrain : bool
        Also train each model's recipe anew on folds of these tables, and compare the recipes.
    seed : int
    jobs : int or None
        Processes that retrain; None for one a core.
    progress : callable
        Called with stage, steps done, steps in all, while recipes are trained.

    Returns
    -------
    dict
        Plain data: ``rows``, ``rows_used``, ``moods``, ``per_mood``, ``groups``, ``models``
        (measures of each), ``pairs`` (tests of each pair), ``warnings``, ``caveat``.

    Raises
    ------
    UsageError
        If there are fewer than two models or more than six, or their vocabularies differ.
    FeatureMismatchError
        If a table lacks a feature that a model needs.
    LabelError, TableError
        If the tables' labels cannot be judged by.
    """
    if not 2 <= len(models) <= MOST_MODELS:
        raise UsageError(f"{len(models)} models named; expected 2 to {MOST_MODELS}")
    mapping = mapping or {}
    known = {name: _moods_of(model, mapping) for name, model in models.items()}
    vocabulary = _vocabulary(known, shared_moods)
    features = _features(models, tables)
    also = {mood for model in models.values() for mood in model.moods}
    sources = relabelled(tables, mapping, tuple(drop), also=also)
    gathered, audit = gather(sources, group=group, features=features, to_judge=not retrain)
    tracks, left_out = _within(gathered, vocabulary, shared_moods)
    said = [
        _Said(name, _predict(model, known[name], tracks, vocabulary, shared_moods))
        for name, model in models.items()
    ]
    pairs = [_pair(a, b, tracks, seed) for a, b in combinations(said, 2)]
    for pair, p in zip(pairs, holm([pair["p"] for pair in pairs]), strict=True):
        pair["p_corrected"] = p
        pair["words"] = _words(pair, len(tracks), len(pairs))
    if retrain:
        tests = retrained(models, tracks, seed=seed, jobs=jobs, progress=progress)
        for pair in pairs:
            pair["retrained"] = tests[pair["a"], pair["b"]]
    warnings = [text for name, model in models.items() for text in _overlap(name, model, gathered)]
    if left_out:
        warnings.append(
            f"{tracks_text(left_out)} of moods that not all models know: left out, and the "
            "probabilities of the others taken among themselves."
        )
    absent = [mood for mood in vocabulary if mood not in tracks.moods]
    if absent:
        warnings.append(f"No track here is {listed(absent, 'or')}: of these, nothing is known.")
    return {
        "tables": [table.table.name for table in tables],
        "rows": audit.rows,
        "rows_used": len(tracks),
        "findings": [finding.text for finding in audit.findings],
        "moods": list(vocabulary),
        "per_mood": tracks.per_mood(),
        "group": group,
        "groups": None if tracks.groups is None else len(np.unique(tracks.groups)),
        "models": [_measures(one, models[one.name], tracks, vocabulary, seed) for one in said],
        "pairs": pairs,
        "warnings": warnings,
        "caveat": CAVEAT,
    }


def _moods_of(model: MoodModel, mapping: Mapping[str, str]) -> list[str]:
    """Give a model's moods, each read as `mapping` says."""
    read_as = {label.strip().lower(): wanted_mood(mood) for label, mood in mapping.items()}
    return [read_as.get(mood.strip().lower(), canonical_mood(mood)) for mood in model.moods]


def _vocabulary(known: Mapping[str, Sequence[str]], shared_moods: bool) -> tuple[str, ...]:
    shared = set.intersection(*map(set, known.values()))
    every = set.union(*map(set, known.values()))
    if shared == every:
        return tuple(mood_order(shared))
    if shared_moods and len(shared) >= 2:
        return tuple(mood_order(shared))
    own = [
        f"{name} knows {listed(mood_order(extra))}"
        for name, moods in known.items()
        if (extra := set(moods) - shared)
    ]
    alike = _alike(every)
    hint = f"--map {alike[0]}={alike[1]}" if alike else "--map LABEL=Mood"
    if len(shared) < 2:
        raise UsageError(
            f"the models have {'no mood' if not shared else f'only {min(shared)}'} in common "
            f"({'; '.join(own)}), and two are needed to judge. Where two words mean the same, "
            f"say so: {hint}"
        )
    raise UsageError(
        f"the models tell different moods apart: {'; '.join(own)}, and not all models do. Judge "
        f"them among the {len(shared)} moods that all know with --shared-moods, or, where two "
        f"words mean the same, say so: {hint}"
    )


def _alike(moods: Iterable[str]) -> tuple[str, str] | None:
    """Find two names that differ by case or form only."""
    seen: dict[str, str] = {}
    for mood in sorted(moods):
        if seen.setdefault(same_name(mood), mood) != mood:
            return mood, seen[same_name(mood)]
    return None


def _features(models: Mapping[str, MoodModel], tables: Sequence[LabelledTable]) -> tuple[str, ...]:
    """Give the features that any of the models needs, in the canonical order."""
    for name, model in models.items():
        for source in tables:
            absent = [one for one in model.features if one not in source.table.features]
            if absent:
                raise FeatureMismatchError(
                    f"{source.table.name} has no column for {listed(absent)}, which {name} needs "
                    f"(it has {', '.join(source.table.features) or 'none of the ten'}). Add "
                    f"{'it' if len(absent) == 1 else 'them'}, or compare with a model trained "
                    "without: affetto train … --features"
                )
    needed = {one for model in models.values() for one in model.features}
    return tuple(name for name in FEATURE_NAMES if name in needed)


def _within(
    tracks: LabelledTracks, vocabulary: tuple[str, ...], shared_moods: bool
) -> tuple[LabelledTracks, int]:
    """Keep the tracks of moods that can be judged, indices as in the vocabulary's order."""
    spelt = {same_name(mood): mood for mood in vocabulary}
    labels = np.array([spelt.get(same_name(mood), mood) for mood in tracks.moods])[tracks.y]
    unknown = [mood for mood in tracks.moods if same_name(mood) not in spelt]
    if unknown and not shared_moods:
        counts = tracks.per_mood()
        held = listed([f"{mood} ({tracks_text(counts[mood])})" for mood in unknown])
        raise LabelError(
            f"the models do not know {held}; they know {listed(vocabulary)}. Leave such tracks "
            f"out with --drop {','.join(unknown)}, or read them as a mood that is known with --map"
        )
    kept = np.isin(labels, vocabulary)
    if not kept.any():
        raise LabelError(f"no track here is of a mood that all models know: {listed(vocabulary)}")
    moods = [mood for mood in vocabulary if mood in labels]
    place = {mood: index for index, mood in enumerate(moods)}
    return replace(
        tracks,
        X=tracks.X[kept],
        y=np.array([place[mood] for mood in labels[kept]], dtype=np.intp),
        moods=tuple(moods),
        groups=None if tracks.groups is None else tracks.groups[kept],
        tables=tracks.tables[kept],
        names=tracks.names[kept],
    ), int((~kept).sum())


def _predict(
    model: MoodModel,
    known: Sequence[str],
    tracks: LabelledTracks,
    vocabulary: tuple[str, ...],
    shared_moods: bool,
) -> Predictions:
    """Let a model speak; moods that are read as one share their probability."""
    columns = [tracks.features.index(name) for name in model.features]
    own = model.predict_proba(tracks.X[:, columns])
    p = np.zeros((len(tracks), len(vocabulary)))
    for column, mood in enumerate(known):
        if mood in vocabulary:
            p[:, vocabulary.index(mood)] += own[:, column]
    if shared_moods:
        p = among(p, np.arange(len(vocabulary)))
    y = np.array([vocabulary.index(mood) for mood in tracks.labels], dtype=np.intp)
    return Predictions(y, p)


def _measures(
    said: _Said, model: MoodModel, tracks: LabelledTracks, vocabulary: Sequence[str], seed: int
) -> dict[str, Any]:
    measured = summary(said.predictions, vocabulary)
    n = len(tracks)
    low, high = wilson_interval(measured["accuracy"] * n, n)
    intervals = None
    if tracks.groups is not None and len(np.unique(tracks.groups)) > 1:
        ends = group_intervals(said.predictions, tracks.groups, seed=seed)
        intervals = {name: list(pair) for name, pair in ends.items()}
    return {
        "name": said.name,
        "kind": model.kind,
        "features": list(model.features),
        **measured,
        "low": low,
        "high": high,
        "group_intervals": intervals,
    }


def _pair(a: _Said, b: _Said, tracks: LabelledTracks, seed: int) -> dict[str, Any]:
    """Test one pair, B against A."""
    test = mcnemar(a.right, b.right)
    n = len(tracks)
    better = a.losses - b.losses  # above 0: B's probabilities are better
    gain = b.right.astype(np.float64) - a.right
    groups = None
    p, interval = test.p_mid, difference_interval(test.only_a, test.only_b, n)
    loss_interval = mean_difference_interval(better)
    if tracks.groups is not None:
        groups = _groups(gain, tracks, seed)
        p = groups["p"]
        interval = (groups["low"], groups["high"])
        loss_interval = group_difference_interval(better, tracks.groups, tracks.y, seed=seed)
    return {
        "a": a.name,
        "b": b.name,
        "accuracy_a": float(a.right.mean()),
        "accuracy_b": float(b.right.mean()),
        "difference": float(gain.mean()),
        "low": _figure(interval[0]),
        "high": _figure(interval[1]),
        "p": p,
        "test": "McNemar, mid-p" if groups is None else "sign flips of whole groups",
        "mcnemar": {
            "only_a": test.only_a,
            "only_b": test.only_b,
            "p_exact": test.p_exact,
            "p_mid": test.p_mid,
        },
        "log_loss": {
            "gain": float(better.mean()),
            "low": _figure(loss_interval[0]),
            "high": _figure(loss_interval[1]),
        },
        "groups": groups,
        "retrained": None,
    }


def _groups(gain: Floats, tracks: LabelledTracks, seed: int) -> dict[str, Any]:
    """Test over whole groups, since the tracks of one are alike."""
    assert tracks.groups is not None
    names, which = np.unique(tracks.groups, return_inverse=True)
    sums = np.bincount(which, gain, len(names)).astype(np.float64)
    sizes = np.bincount(which, minlength=len(names))
    low, high = group_difference_interval(gain, tracks.groups, tracks.y, seed=seed)
    order = np.argsort(-np.abs(sums), kind="stable")[:MOST_GROUPS]
    return {
        "n": len(names),
        "for_b": int((sums > 0).sum()),
        "for_a": int((sums < 0).sum()),
        "low": _figure(low),
        "high": _figure(high),
        "p": sign_flip_p(sums, seed),
        "each": [
            {"group": str(names[i]), "n": int(sizes[i]), "difference": float(sums[i] / sizes[i])}
            for i in order
        ],
    }


def _figure(value: float | None) -> float | None:
    return None if value is None or not isfinite(value) else float(value)


def _words(pair: Mapping[str, Any], n: int, n_pairs: int) -> str:
    """Say in plain words what the test of a pair tells, and what it does not."""
    a, b = pair["a"], pair["b"]
    test, groups = pair["mcnemar"], pair["groups"]
    if test["only_a"] + test["only_b"] == 0:
        return f"{a} and {b} are right and wrong on the same tracks, all {n}."
    accuracies = {a: pair["accuracy_a"], b: pair["accuracy_b"]}
    shown = _shares(*accuracies.values())
    both = dict(zip((a, b), shown, strict=True))
    p = pair["p_corrected"]
    chance = f"p = {_p(p)}" if p >= 0.001 else "p < .001"
    if n_pairs > 1:
        chance += f", corrected for {n_pairs} pairs"
    on = tracks_text(n) if groups is None else f"{tracks_text(n)} of {groups['n']} groups"
    if is_told(p):
        first, second = (b, a) if pair["difference"] > 0 else (a, b)
        words = (
            f"{first} is right more often: {both[first]} against {both[second]} on {on}; "
            f"by chance alone, a difference so large comes up with {chance}."
        )
    else:
        words = (
            f"No difference can be told on {on}: {a} is right on {both[a]}, {b} on {both[b]} "
            f"({chance})."
        )
        if groups is not None and groups["n"] < FEWEST_GROUPS:
            words += (
                f" With fewer than {FEWEST_GROUPS} groups none ever could: tracks of one group "
                "are alike, and each group speaks once."
            )
    return words + _loss_words(pair)


def _loss_words(pair: Mapping[str, Any]) -> str:
    loss = pair["log_loss"]
    if loss["low"] is None or loss["low"] <= 0 <= loss["high"]:
        return ""
    better = pair["b"] if loss["gain"] > 0 else pair["a"]
    ends = sorted((abs(loss["low"]), abs(loss["high"])))
    return (
        f" The probabilities of {better} are the better ones: log-loss lower by "
        f"{abs(loss['gain']):.2f} ({ends[0]:.2f} to {ends[1]:.2f})."
    )


def _shares(one: float, other: float) -> tuple[str, str]:
    """Write two shares in percent, with a decimal where they would look the same."""
    if f"{one:.0%}" != f"{other:.0%}" or one == other:
        return f"{one:.0%}", f"{other:.0%}"
    return f"{one:.1%}", f"{other:.1%}"


def _p(p: float) -> str:
    """Write a p-value: ``.003``, ``.21``."""
    if p >= 0.995:
        return "1"
    return f"{p:.2f}"[1:] if p >= 0.0945 else f"{p:.3f}"[1:]


def _overlap(name: str, model: MoodModel, tracks: LabelledTracks) -> list[str]:
    """Warn where a model says that it learned from these tracks, or from a table so called."""
    if set(model.features) <= set(tracks.features):
        columns = [tracks.features.index(one) for one in model.features]
        same = replace(
            tracks, X=np.ascontiguousarray(tracks.X[:, columns]), features=model.features
        )
        if model.about.get("fingerprint") == same.fingerprint():
            return [
                f"{name} was trained on exactly these tracks: its figures here flatter it, and a "
                "comparison with a model that was not is unfair."
            ]
    tables = model.about.get("tables")
    named = [one for one in tables if isinstance(one, str)] if isinstance(tables, list) else []
    again = [one for one in dict.fromkeys(tracks.tables.tolist()) if one in named]
    if not again:
        return []
    return [
        f"{name} was trained on a table called {listed(again)}: if it is this one, its figures "
        "here flatter it."
    ]
