"""What listeners felt at the clips of Emotify, as arousal, valence and tension."""

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from affetto.audio.analysis import DESCRIPTOR_NAMES
from affetto.audio.build.collect import Collection, Described
from affetto.audio.rhythm import Rhythm
from affetto.audio.timbre import TIMBRE_NAMES
from affetto.audio.tonality import Tonality
from affetto.errors import TableError

Floats = NDArray[np.float64]

# Weights of the nine emotions in each composite.
COMPOSITES = {
    "arousal": {
        **dict.fromkeys(("power", "joyful_activation", "tension"), 1.0),
        **dict.fromkeys(("calmness", "tenderness"), -1.0),
        "sadness": -0.5,
    },
    "valence": {
        **{"joyful_activation": 1.0, "calmness": 0.5, "tenderness": 0.3},
        **dict.fromkeys(("tension", "sadness"), -1.0),
    },
    "tension": {"tension": 1.0},
}
LISTENERS = 20.0
"""A clip of n listeners weighs n / (n + 20)."""

# Neither level nor what a codec or a decision tips over; MFCC statistics made it worse.
_LEFT_OUT = {
    *("duration_s", "tempo_bpm", "tempo_confidence", "key", "mode", "tuning_cents"),
    *("flatness", "flatness_std", "level_12800_22050_hz_db"),
    *("contrast_6400_12800_hz_db", "contrast_12800_22050_hz_db"),
    *("integrated_lufs", "range_lu", "momentary_max_lufs", "short_term_max_lufs"),
    *("sample_peak_db", "rms_db", "crest_db", "silence_share"),
}
_LEFT_OUT_STARTS = ("chroma_0", "chroma_1", "tempo_alternative_", "mfcc_")
_FAMILIES = (
    *("harmony", "pitch", "diatonic", "degree", "interval", "cepstral", "peak", "modulation"),
    *("correlation", "contour", "ripple"),
)
_ROOMS = {
    **dict.fromkeys(TIMBRE_NAMES, "timbre"),
    **dict.fromkeys((field.name for field in fields(Rhythm)), "rhythm"),
    **dict.fromkeys((field.name for field in fields(Tonality)), "tonality"),
    "dfa_danceability": "rhythm",
}

EMOTION_INPUTS: tuple[str, ...] = tuple(
    name
    for name in DESCRIPTOR_NAMES
    if name not in _LEFT_OUT and not name.startswith(_LEFT_OUT_STARTS)
)
"""Descriptors that the emotions are judged by: none of them knows how loud the file is."""


@dataclass(frozen=True, slots=True)
class Listeners:
    """Clips and what was felt.

    Attributes
    ----------
    tracks : list of dict
        Descriptors.
    shares : polars.DataFrame
        ``genre``, ``n`` and the share of listeners who felt each emotion; a row a track.
    Y : ndarray, shape=(n, 3)
        The `COMPOSITES`.
    """

    tracks: list[Described]
    shares: pl.DataFrame
    Y: Floats

    @property
    def weights(self) -> Floats:
        """How much each clip counts in a fit."""
        n = self.shares["n"].to_numpy().astype(np.float64)
        return np.asarray(n / (n + LISTENERS))


def read_listeners(folder: Path, collection: Collection) -> Listeners:
    """Read labels.csv and analyse the clips that it names.

    Raises
    ------
    TableError
        If labels.csv is missing, or lacks a column.
    """
    path = folder / "labels.csv"
    if not path.exists():
        raise TableError(f"{folder} has no labels.csv: is it the folder of Emotify's clips?")
    table = pl.read_csv(path)
    wanted = {"file", "genre", "n", *(name for one in COMPOSITES.values() for name in one)}
    if missing := wanted - set(table.columns):
        raise TableError(f"{path} has no column {', '.join(sorted(missing))}")
    found = collection.describe_all([folder / name for name in table["file"]], "Emotify")
    heard = [place for place, one in enumerate(found) if one is not None]
    shares = table[heard]
    Y = np.stack(
        [
            sum(weight * shares[name].to_numpy() for name, weight in one.items())
            for one in COMPOSITES.values()
        ],
        axis=1,
    )
    return Listeners([one for one in found if one is not None], shares, Y)


def family(name: str) -> str:
    """Name the family of a descriptor, for `fit_quadratic`."""
    first = name.partition("_")[0]
    if name in _ROOMS:
        return _ROOMS[name]
    return first if first in _FAMILIES else "dynamics"
