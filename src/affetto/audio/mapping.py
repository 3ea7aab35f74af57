"""From descriptors to the ten features: three measured, seven learned.

Duration, loudness and tempo are measured. The others are maps fitted on the Echo Nest's values
of the FMA dataset [1]_ (all seven), on what listeners of the Emotify dataset [2]_ felt (arousal
joins energy, valence joins valence), and on synthetic speech and crowds over music
(speechiness, liveness). What
each is worth stands in the card of the maps: `about_features`, `affetto features --about`.

References
----------
.. [1] M. Defferrard et al. (2017), FMA: A Dataset for Music Analysis, ISMIR.
.. [2] A. Aljanaki, F. Wiering, R. Veltkamp (2016), Studying emotion induced by music through a
   crowdsourcing game, Information Processing & Management 52(1).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affetto.audio.maps import Map, packaged_maps
from affetto.features import FEATURE_NAMES

Floats = NDArray[np.float64]

LOUDNESS_OFFSET_DB = 4.0
"""Spotify's loudness less integrated LUFS: mean over 54 commercial tracks (error .67 dB)."""
LEARNED = (
    *("energy", "liveness", "speechiness", "acousticness"),
    *("instrumentalness", "danceability", "valence"),
)
"""The features that are learned."""
JOINED = {"energy": "arousal", "valence": "valence"}
"""Features that a listeners' judgement joins."""
LISTENERS_SHARE = 2 / 3
"""How much of the two it makes up: it is predicted better (r .80 and .59 by cross-validation,
against .75 and .40), and on music of other kinds the Echo Nest's maps say little of it."""
RAISED = {"speechiness": ("speech", 0.92), "liveness": ("crowd", 0.9)}
"""Features that a voice raises: its map, and the feature's value for nothing but the voice."""


def map_features(descriptors: Mapping[str, float]) -> dict[str, float]:
    """Give the ten features of one track, or of one window.

    Parameters
    ----------
    descriptors : mapping of str to float
        As `affetto.audio.analysis.DESCRIPTOR_NAMES` has them; NaN where undefined.

    Returns
    -------
    dict of str to float
        In the order of `affetto.features.FEATURE_NAMES`. Learned ones are NaN in silence.
    """
    features = dict.fromkeys(FEATURE_NAMES, float("nan"))
    if not np.isnan(descriptors["integrated_lufs"]):
        features |= learned_features([descriptors])[0]
    features["duration_ms"] = round(1000 * descriptors["duration_s"])
    features["loudness"] = descriptors["integrated_lufs"] + LOUDNESS_OFFSET_DB
    features["tempo"] = descriptors["tempo_bpm"]
    return features


def learned_features(tracks: Sequence[Mapping[str, float]]) -> list[dict[str, float]]:
    """Give the learned features of tracks, all at once.

    Returns
    -------
    list of dict
        A track each, by name, 0–1.
    """
    maps, tables = packaged_maps()
    found = {name: _outputs(one, tracks) for name, one in maps.items()}
    columns = combine(found, tables["curves"])
    return [
        {name: float(column[i]) for name, column in columns.items()} for i in range(len(tracks))
    ]


def combine(
    found: Mapping[str, Mapping[str, Floats]], curves: Mapping[str, Sequence[Sequence[float]]]
) -> dict[str, Floats]:
    """Join what the maps say into the learned features.

    A feature's two estimates, of its value and of its log-odds, are averaged and sent through
    its curve, which gives the values the spread they have among the FMA's tracks (a regression
    shrinks them). Energy and valence are then joined, as standard scores, with what listeners
    would feel (two thirds); a second curve keeps their spread. Speech and crowds take
    speechiness and liveness from their value in music to that of `RAISED`.

    Parameters
    ----------
    found : mapping of str to mapping of str to ndarray, shape=(n,)
        By map (``echonest``, ``emotions``, ``speech``, ``crowd``) its outputs.
    curves : mapping
        Of ``NAME``, ``NAME_joined`` as two rows, and ``NAME_scores`` as mean and deviation of
        the two that are joined.

    Returns
    -------
    dict of str to ndarray, shape=(n,)
    """
    features = {}
    echonest = found["echonest"]
    for name in LEARNED:
        odds = 1 / (1 + np.exp(-echonest[f"{name}_log_odds"]))
        value = follow(curves[name], (echonest[name] + odds) / 2)
        if name in JOINED:
            (mean, deviation), (felt_mean, felt_deviation) = curves[f"{name}_scores"]
            felt = (found["emotions"][JOINED[name]] - felt_mean) / felt_deviation
            value = follow(curves[f"{name}_joined"], joined((value - mean) / deviation, felt))
        features[name] = value
    for name, (voice, alone) in RAISED.items():
        share = follow(curves[voice], found[voice][voice])
        features[name] = features[name] + share * np.maximum(alone - features[name], 0)
    return features


def joined(value: Floats, felt: Floats) -> Floats:
    """Join the standard scores of a feature and of what listeners feel."""
    return (1 - LISTENERS_SHARE) * value + LISTENERS_SHARE * felt


def follow(curve: Sequence[Sequence[float]], values: Floats) -> Floats:
    """Send values through a curve of straight pieces, flat beyond its ends."""
    return np.asarray(np.interp(values, curve[0], curve[1]))


def about_features() -> dict[str, Any]:
    """Say how each feature is made and how far to trust it.

    Returns
    -------
    dict
        ``features``: a row each; ``notes``: sentences; ``figures``: all that was measured.
    """
    _, tables = packaged_maps()
    card: dict[str, Any] = tables["card"]
    return card


def _outputs(one: Map, tracks: Sequence[Mapping[str, float]]) -> dict[str, Floats]:
    X = np.array([[track[name] for name in one.inputs] for track in tracks], dtype=np.float64)
    return dict(zip(one.outputs, one.evaluate(X).T, strict=True))
