"""Maps, curves and their card from what was read: fitted on all, judged by cross-validation."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
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
from affetto.audio.mapping import JOINED, LEARNED, follow
from affetto.audio.maps import Map, QuadraticMap, expand_mfcc, mfcc_input_names

Floats = NDArray[np.float64]

N_FOLDS, N_REPEATS = 10, 3
OUTPUTS = (*LEARNED, *(f"{name}_log_odds" for name in LEARNED))
NUISANCE_WEIGHT = 10.0
"""Times the variance by which codecs move an input is added to its own."""
_GRADES = ((0.75, "A"), (0.6, "B"), (0.45, "C"), (-1.0, "D"))
_N_SPEECH, _N_MIXED, _N_CODED = 240, 240, 60
_MIX_DB = (-15.0, 20.0)


@dataclass(frozen=True, slots=True)
class Judged:
    """A feature's figures: correlation, mean absolute error, by cross-validation."""

    r: float
    error: float


def nuisance_of(tracks: Sequence[Sequence[Described]]) -> Floats:
    """Mean square by which coding moves each expanded MFCC input.

    Parameters
    ----------
    tracks : sequence of sequence of dict
        Of each track the descriptors of the original, then of its codings.

    Returns
    -------
    ndarray, shape=(180,)
    """
    names = mfcc_input_names()
    moved = []
    for versions in tracks:
        Z = expand_mfcc(matrix(versions, names))
        moved.append(((Z[1:] - Z[0]) ** 2).mean(axis=0))
    return np.asarray(np.nanmean(moved, axis=0))


def fit_echonest(data: EchoNest, nuisance: Floats, rows: NDArray[np.intp] | None = None) -> Map:
    """Fit the map to the Echo Nest's values, on some rows or all."""
    rows = np.arange(len(data.X)) if rows is None else rows
    return fit_kernel(
        data.X[rows],
        np.hstack([data.Y, log_odds(data.Y)])[rows],
        inputs=mfcc_input_names(),
        outputs=OUTPUTS,
        nuisance=NUISANCE_WEIGHT * nuisance,
    )


def raw_values(outputs: Floats) -> Floats:
    """Average the estimates of value and of log-odds, shape (n, 7)."""
    n = len(LEARNED)
    return np.asarray((outputs[:, :n] + 1 / (1 + np.exp(-outputs[:, n:]))) / 2)


def judge_echonest(data: EchoNest, nuisance: Floats) -> tuple[dict[str, Judged], Floats]:
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
                lambda rows: fit_echonest(data, nuisance, rows),
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
        curve = matching_curve(repeats[0][:, k], data.population[:, k])
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


def fit_speech(
    collection: Collection, music: Sequence[Path], tell: Callable[[str], None]
) -> tuple[QuadraticMap, list[list[float]], float]:
    """Fit the share of speech on synthetic speech alone and over music, and on music alone.

    Returns
    -------
    QuadraticMap
        Output ``speech``, about 0 for music and 1 for speech.
    curve : list of two lists
        From that to the share that counts: 0 up to where music reaches, 1 for speech alone.
    auc : float
        Synthetic speech alone against music alone, by cross-validation; clips of one piece of
        music are on one side.
    """
    tracks: list[Described] = []
    shares: list[float] = []
    origins: list[str] = []
    rng = np.random.default_rng(0)

    def add(samples: NDArray[np.float32], share: float, origin: str) -> None:
        path = folder / "clip.wav"
        soundfile.write(path, samples, clips.RATE_HZ, subtype="PCM_16")
        if (found := collection.describe(path)) is not None:
            tracks.append(found)
            shares.append(share)
            origins.append(origin)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        beds = []
        for path in music:
            for at in (0.3, 0.7):
                if (bed := clips.cut(path, at, 10.0)) is not None:
                    beds.append((bed, path.name))
                    add(bed, 0.0, path.name)
        tell(f"speech: {len(beds)} clips of music")
        spoken = clips.speak(folder, _N_SPEECH + _N_MIXED)
        for place, voice in enumerate(spoken):
            if place % 60 == 0:
                tell(f"speech: {place} of {_N_SPEECH + _N_MIXED}")
            if place < _N_SPEECH:
                add(voice, 1.0, f"voice {place}")
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
            outputs=("speech",),
            families=[family(name) for name in EMOTION_INPUTS],
            weights=np.ones(len(rows)),
        )

    dealt = np.random.default_rng(1).permutation(len(set(origins)))
    fold_of = dict(zip(sorted(set(origins)), dealt % 5, strict=True))
    folds = group_folds([str(fold_of[origin]) for origin in origins])
    predicted = cross_validated(fit, X, 1, folds)[:, 0]
    music_alone, speech_alone = predicted[y == 0], predicted[y == 1]
    knots = [float(np.quantile(music_alone, 0.98)), float(np.quantile(speech_alone, 0.25))]
    curve = [[min(knots), max(knots)], [0.0, 1.0]]
    auc = area_under_curve(speech_alone, music_alone)
    return fit(np.arange(len(X))), curve, auc


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
        curves[name] = matching_curve(held_out[:, k], data.population[:, k])
        if name not in JOINED:
            continue
        value = follow(curves[name], raw_values(outputs)[:, k])
        emotion = felt[JOINED[name]]
        scores = [[float(one.mean()), float(one.std())] for one in (value, emotion)]
        joined = sum(
            (one - mean) / deviation
            for one, (mean, deviation) in zip((value, emotion), scores, strict=True)
        )
        curves[f"{name}_scores"] = scores
        curves[f"{name}_joined"] = matching_curve(np.asarray(joined) / 2, value)
    return curves


def grade(r: float) -> str:
    """Give the reliability grade of a correlation: A from .75, B from .6, C from .45, else D."""
    return next(letter for least, letter in _GRADES if r >= least)
