"""The ten audio features: name, unit, range, meaning, and the names tables give them.

The ten, their units and their meanings are those of the Spotify Web API's *audio features*
(documentation of ``GET /audio-features``), which the Echo Nest defined before it.
"""

import re
import unicodedata
from dataclasses import dataclass
from types import MappingProxyType

from affetto.errors import UsageError

FEATURES_VERSION = 1
"""Grows when a feature changes its meaning; models and tables of two versions do not mix."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One of the ten audio features.

    Attributes
    ----------
    name : str
        Canonical column name.
    unit : str
        ``"BPM"``, ``"ms"``, ``"dB"``, or ``""`` for a share from 0 to 1.
    low, high : float
        The documented range; `high` is infinite where there is none.
    accepted : tuple of float
        Wider bounds that real tables reach without being wrong (loudness slightly above
        0 dB). A value outside is an error of its row, never clipped in silence.
    meaning : str
        One clause for a beginner.
    aliases : tuple of str
        Normalised column names (see `normalise_column`) that mean this feature.
    """

    name: str
    unit: str
    low: float
    high: float
    accepted: tuple[float, float]
    meaning: str
    aliases: tuple[str, ...] = ()

    @property
    def is_share(self) -> bool:
        """Whether the feature is a share from 0 to 1, without a unit."""
        return self.unit == ""

    @property
    def range_text(self) -> str:
        """The documented range as a person writes it, e.g. ``"0–250 BPM"``."""
        if self.high == float("inf"):
            return f"above {self.low:g} {self.unit}"
        dash = " to " if self.low < 0 else "–"
        return f"{self.low:g}{dash}{self.high:g} {self.unit}".rstrip()


def _share(name: str, meaning: str, *aliases: str) -> Feature:
    return Feature(name, "", 0.0, 1.0, (0.0, 1.0), meaning, aliases)


FEATURES: tuple[Feature, ...] = (
    _share("energy", "intensity and activity"),
    _share("liveness", "presence of an audience"),
    Feature(
        "tempo",
        "BPM",
        0.0,
        250.0,
        (0.0, 400.0),
        "overall estimated tempo",
        ("bpm", "tempo_bpm", "beats_per_minute", "beats_per_minute_bpm"),
    ),
    _share("speechiness", "spoken words (music below .33, speech above .66)"),
    _share("acousticness", "confidence that the track is acoustic"),
    _share("instrumentalness", "likelihood of no vocals"),
    _share("danceability", "tempo, rhythm stability, beat strength, regularity"),
    Feature(
        "duration_ms",
        "ms",
        0.0,
        float("inf"),
        (1.0, 8.64e7),  # a day: longer is a unit mistake
        "length",
        (
            "duration",
            "length",
            "track_duration",
            "track_duration_ms",
            "track_length",
            "song_duration",
            "song_duration_ms",
            "length_duration",
            "length_ms",
            "time_ms",
            "duration_s",
            "duration_sec",
            "duration_seconds",
            "length_s",
            "length_seconds",
        ),
    ),
    Feature(
        "loudness",
        "dB",
        -60.0,
        3.0,
        (-120.0, 20.0),
        "overall loudness",
        ("loudness_db", "loudness_lufs"),
    ),
    _share("valence", "musical positiveness", "positiveness"),
)
"""The ten, in the article's order."""

FEATURE_NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)

BY_NAME = MappingProxyType({feature.name: feature for feature in FEATURES})

_BY_COLUMN = MappingProxyType(
    {alias: feature.name for feature in FEATURES for alias in (feature.name, *feature.aliases)}
)


def normalise_column(column: str) -> str:
    """Reduce a column's name to lower-case words joined by ``_``, in any script.

    ``"Track Duration (ms)"``, ``"trackDurationMs"`` and ``"track_duration_ms"`` become the
    same. Two small letters must stand before the capital that starts a word, so ``"dB"``
    stays whole.
    """
    words = re.sub(r"(?<=[a-z]{2})(?=[A-Z])", "_", unicodedata.normalize("NFC", column))
    return re.sub(r"[\W_]+", "_", words.lower()).strip("_")


def feature_of_column(column: str) -> str | None:
    """Name the feature that a table's column holds, or None.

    Parameters
    ----------
    column : str
        A column's name as the table has it, in any case.

    Returns
    -------
    str or None
        One of `FEATURE_NAMES`, or None where the column is no feature.
    """
    return _BY_COLUMN.get(normalise_column(column))


def check_feature_names(names: tuple[str, ...] | list[str]) -> tuple[str, ...]:
    """Return `names` as a tuple after checking that each is one of the ten, and none twice.

    Raises
    ------
    UsageError
        If a name is unknown or given twice.
    """
    unknown = [name for name in names if name not in BY_NAME]
    if unknown:
        raise UsageError(f"unknown feature {unknown[0]!r}; the ten are {', '.join(FEATURE_NAMES)}")
    if len(set(names)) != len(names):
        raise UsageError(f"a feature is named twice in {', '.join(names)}")
    return tuple(names)
