"""Maps, curves and their card from what was read: fitted on all, judged by cross-validation."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from affetto.audio.build import clips
from affetto.audio.build.collect import Collection, Described, matrix
from affetto.audio.build.echonest import EchoNest, log_odds
from affetto.audio.build.fitting import (
    area_under_curve,
    cross_validated,
    fit_kernel,
    fit_quadratic,
    group_folds,
    matching_curve,
    pearson,
    random_folds,
)
from affetto.audio.build.listeners import COMPOSITES, EMOTION_INPUTS, Listeners, family
from affetto.audio.mapping import JOINED, LEARNED, follow, joined
from affetto.audio.maps import Map, QuadraticMap, mfcc_input_names

Floats = NDArray[np.float64]
Coded = tuple[Floats, Floats]

N_FOLDS, N_REPEATS = 10, 2
OUTPUTS = (*LEARNED, *(f"{name}_log_odds" for name in LEARNED))
_GRADES = ((0.75, "A"), (0.6, "B"), (0.45, "C"), (-1.0, "D"))
_N_CODED = 60
_N_ALONE = 200
N_VOICES = 400
"""Clips of speech, and of crowds; half of them alone, half over music."""
_MIX_DB = (-15.0, 20.0)


@dataclass(frozen=True, slots=True)
class Judged:
    """A feature's figures: correlation, mean absolute error, by cross-validation."""

    r: float
    error: float


def coded_pairs(tracks: Sequence[Sequence[Described]]) -> Coded:
    """Pair the MFCC statistics of clips with those of their codings.

    Parameters
    ----------
    tracks : sequence of sequence of dict
        Of each clip the descriptors of the original, then of its codings.

    Returns
    -------
    tuple of ndarray, shape=(n_pairs, 100) each
        Originals, codings.
    """
    names = mfcc_input_names()
    pairs = [(versions[0], coded) for versions in tracks for coded in versions[1:]]
    return matrix([one for one, _ in pairs], names), matrix([other for _, other in pairs], names)


def fit_echonest(data: EchoNest, coded: Coded, rows: NDArray[np.intp] | None = None) -> Map:
    """Fit the map to the Echo Nest's values, on some rows or all."""
    rows = np.arange(len(data.X)) if rows is None else rows
    return fit_kernel(
        data.X[rows],
        np.hstack([data.Y, log_odds(data.Y)])[rows],
        inputs=mfcc_input_names(),
        outputs=OUTPUTS,
        coded=coded,
    )


def raw_values(outputs: Floats) -> Floats:
    """Average the estimates of value and of log-odds, shape (n, 7)."""
    n = len(LEARNED)
    return np.asarray((outputs[:, :n] + 1 / (1 + np.exp(-outputs[:, n:]))) / 2)


def judge_echonest(data: EchoNest, coded: Coded) -> tuple[dict[str, Judged], Floats]:
    """Cross-validate the map to the Echo Nest's values.

    Returns
    -------
    dict of str to Judged
        Correlation as the mean over repeats; error of the final value, after its curve.
    ndarray, shape=(n, 7)
        Predictions of the first repeat, each made without its own row.
    """
    repeats = [
        raw_values(
            cross_validated(
                lambda rows: fit_echonest(data, coded, rows),
                data.X,
                len(OUTPUTS),
                random_folds(len(data.X), N_FOLDS, repeat),
            )
        )
        for repeat in range(N_REPEATS)
    ]
    judged = {}
    for k, name in enumerate(LEARNED):
        truth = data.Y[:, k]
        r = float(np.mean([pearson(found[:, k], truth) for found in repeats]))
        curve = matching_curve(repeats[0][:, k], truth)
        error = float(np.mean([np.abs(follow(curve, f[:, k]) - truth).mean() for f in repeats]))
        judged[name] = Judged(r, error)
    return judged, repeats[0]


def fit_emotions(data: Listeners, rows: NDArray[np.intp] | None = None) -> QuadraticMap:
    """Fit the map to what listeners felt, on some rows or all."""
    rows = np.arange(len(data.tracks)) if rows is None else rows
    return fit_quadratic(
        matrix([data.tracks[row] for row in rows], EMOTION_INPUTS),
        data.Y[rows],
        inputs=EMOTION_INPUTS,
        outputs=tuple(COMPOSITES),
        families=[family(name) for name in EMOTION_INPUTS],
        weights=data.weights[rows],
    )


def judge_emotions(data: Listeners) -> tuple[dict[str, Any], Floats]:
    """Cross-validate the map to what listeners felt: random folds, and whole genres held out.

    Returns
    -------
    dict
        ``random`` and ``genres``: correlation of each composite.
    ndarray, shape=(n, 3)
        Predictions of the first repeat, each made without its own row.
    """
    X = matrix(data.tracks, EMOTION_INPUTS)

    def predicted(folds: list[NDArray[np.intp]]) -> Floats:
        return cross_validated(lambda rows: fit_emotions(data, rows), X, len(COMPOSITES), folds)

    repeats = [predicted(random_folds(len(X), N_FOLDS, repeat)) for repeat in range(N_REPEATS)]
    held_out = predicted(group_folds(data.shares["genre"].to_list()))

    def correlations(found: Sequence[Floats]) -> dict[str, float]:
        return {
            name: float(np.mean([pearson(one[:, k], data.Y[:, k]) for one in found]))
            for k, name in enumerate(COMPOSITES)
        }

    return {"random": correlations(repeats), "genres": correlations([held_out])}, repeats[0]


def fit_share(
    collection: Collection,
    beds: Sequence[tuple[NDArray[np.float32], str]],
    voices: Iterator[NDArray[np.float32]],
    name: str,
    tell: Callable[[str], None],
) -> tuple[QuadraticMap, list[list[float]], float]:
    """Fit how much of a clip is speech, or a crowd: alone, over music at many levels, or none.

    Parameters
    ----------
    collection : Collection
    beds : sequence of (samples, origin)
        Clips of music.
    voices : iterator of ndarray
        The first `_N_ALONE` are heard alone, the others over music.
    name : str
        Of the output.
    tell : callable

    Returns
    -------
    QuadraticMap
        About 0 for music and 1 for the voice alone.
    curve : list of two lists
        From that to the share that counts: 0 up to where music reaches, 1 for the voice alone.
    auc : float
        The voice alone against music alone, by cross-validation; clips of one piece of music
        are on one side.
    """
    tracks: list[Described] = []
    shares: list[float] = []
    origins: list[str] = []
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.wav"

        def add(samples: NDArray[np.float32], share: float, origin: str) -> None:
            soundfile.write(path, samples, clips.RATE_HZ, subtype="PCM_16")
            if (found := collection.describe(path)) is not None:
                tracks.append(found)
                shares.append(share)
                origins.append(origin)

        for bed, origin in beds:
            add(bed, 0.0, origin)
        for place, voice in enumerate(voices):
            if place % 60 == 0:
                tell(f"{name}: {place}")
            if place < _N_ALONE:
                add(voice, 1.0, f"{name} {place}")
                continue
            bed, origin = beds[int(rng.integers(len(beds)))]
            level = float(rng.uniform(*_MIX_DB))
            # Half at 5 dB over the music, where one still hears that it is there.
            add(clips.mix(voice, bed, level), 1 / (1 + 10 ** (-(level - 5) / 10)), origin)
    X, y = matrix(tracks, EMOTION_INPUTS), np.array(shares)

    def fit(rows: NDArray[np.intp]) -> QuadraticMap:
        return fit_quadratic(
            X[rows],
            y[rows, None],
            inputs=EMOTION_INPUTS,
            outputs=(name,),
            families=[family(descriptor) for descriptor in EMOTION_INPUTS],
            weights=np.ones(len(rows)),
        )

    dealt = np.random.default_rng(1).permutation(len(set(origins)))
    fold_of = dict(zip(sorted(set(origins)), dealt % 5, strict=True))
    folds = group_folds([str(fold_of[origin]) for origin in origins])
    predicted = cross_validated(fit, X, 1, folds)[:, 0]
    music_alone, voice_alone = predicted[y == 0], predicted[y == 1]
    knots = [float(np.quantile(music_alone, 0.98)), float(np.quantile(voice_alone, 0.25))]
    curve = [[min(knots), max(knots)], [0.0, 1.0]]
    return fit(np.arange(len(X))), curve, area_under_curve(voice_alone, music_alone)


def music_beds(music: Sequence[Path]) -> list[tuple[NDArray[np.float32], str]]:
    """Cut two clips of 10 s from each track, as what is sung and clapped over."""
    cut = ((clips.cut(path, at, 10.0), path.name) for path in music for at in (0.3, 0.7))
    return [(bed, name) for bed, name in cut if bed is not None]


def coded_versions(
    collection: Collection, music: Sequence[Path], tell: Callable[[str], None]
) -> list[list[Described]]:
    """Describe clips of music, each as wav and in each coding."""
    tracks = []
    chosen = music[:: max(1, len(music) // _N_CODED)][:_N_CODED]
    with tempfile.TemporaryDirectory() as name:
        for place, path in enumerate(chosen):
            if place % 20 == 0:
                tell(f"codings: {place} of {len(chosen)}")
            if (samples := clips.cut(path)) is None:
                continue
            paths = clips.write_coded(samples, Path(name) / "clip")
            versions = [collection.describe(one) for one in paths.values()]
            tracks.append([one for one in versions if one is not None])
    return tracks


def curves_of(
    data: EchoNest,
    held_out: Floats,
    echonest: Map,
    felt: Mapping[str, Floats],
    reference: Sequence[Described],
) -> dict[str, Any]:
    """Make the curves that `affetto.audio.mapping.combine` follows.

    Parameters
    ----------
    data : EchoNest
    held_out : ndarray, shape=(n, 7)
        Predictions of the tracks of `data`, made without them.
    echonest : Map
    felt : mapping of str to ndarray, shape=(m,)
        What listeners would feel at the tracks of `reference`.
    reference : sequence of dict
        Tracks on which what is joined is compared.

    Returns
    -------
    dict
    """
    curves: dict[str, Any] = {}
    outputs = echonest.evaluate(matrix(reference, echonest.inputs))
    for k, name in enumerate(LEARNED):
        # To the values of these very tracks: all of the FMA's are another sample.
        curves[name] = matching_curve(held_out[:, k], data.Y[:, k])
        if name not in JOINED:
            continue
        value = follow(curves[name], raw_values(outputs)[:, k])
        emotion = felt[JOINED[name]]
        scores = [[float(one.mean()), float(one.std())] for one in (value, emotion)]
        both = (
            (one - mean) / deviation
            for one, (mean, deviation) in zip((value, emotion), scores, strict=True)
        )
        curves[f"{name}_scores"] = scores
        curves[f"{name}_joined"] = matching_curve(joined(*both), value)
    return curves


def grade(r: float) -> str:
    """Give the reliability grade of a correlation: A from .75, B from .6, C from .45, else D."""
    return next(letter for least, letter in _GRADES if r >= least)
