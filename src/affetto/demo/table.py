"""A synthetic labelled table and a few synthetic songs, so that the tour needs no one's data.

Every track is drawn from ten small rows of parameters, a median and a spread of each feature
for each of two playlists a mood. They are those measured on the article's larger table,
rounded; nine of the two hundred (energy, instrumentalness and duration of Energetic-2,
acousticness and loudness of Dark, speechiness of Aggressive) are moved a little, so that the
leading feature of each mood is the article's on most seeds. The table is about as hard as the
real one: scaled logistic regression reaches .68 ± .02 in 5-fold cross-validation (real: .69).
"""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import polars as pl
from numpy.typing import NDArray

from affetto.errors import UsageError
from affetto.features import BY_NAME, FEATURE_NAMES, Feature
from affetto.moods import MOOD_NAMES

SYNTHETIC_NOTE = (
    "These tracks are synthetic, made by affetto from per-mood medians and spreads; "
    "figures measured on them say nothing about real music."
)
"""Printed wherever the demo's tracks, or anything measured on them, are shown."""

# Columns: energy, liveness, tempo (BPM), speechiness, acousticness, instrumentalness,
# danceability, duration (s), loudness (dB), valence: medians in these units.
_COLUMNS = 10
# fmt: off
_MEDIANS: Mapping[str, tuple[float, ...]] = MappingProxyType({
    "Energetic-1":  (.868, .182, 127, .061, .0022, 7.9e-5, .521, 218,  -4.9, .602),
    "Energetic-2":  (.700, .119, 118, .057, .0970, 1.5e-1, .658, 232,  -9.3, .255),
    "Relaxing-1":   (.084, .102,  86, .040, .9170, 9.0e-1, .238,  96, -24.9, .055),
    "Relaxing-2":   (.394, .124, 120, .035, .2310, 8.1e-1, .423, 379, -11.1, .197),
    "Dark-1":       (.650, .138, 122, .053, .2300, 1.2e-6, .499, 228,  -7.5, .349),
    "Dark-2":       (.587, .143, 118, .066, .2900, 3.2e-7, .576, 208,  -7.5, .346),
    "Aggressive-1": (.883, .201, 128, .130, .0125, 1.3e-8, .590, 220,  -4.4, .479),
    "Aggressive-2": (.775, .208, 128, .190, .0380, 1.2e-6, .676, 144,  -5.5, .252),
    "Happy-1":      (.755, .147, 119, .056, .0550, 3.1e-7, .678, 203,  -5.6, .723),
    "Happy-2":      (.810, .152, 123, .054, .0510, 2.1e-5, .649, 196,  -5.9, .780),
})
# The same columns: standard deviations in the space where the feature is near normal
# (`_to_normal`): log-odds of a share, ln of the duration, BPM, dB.
_SPREADS: Mapping[str, tuple[float, ...]] = MappingProxyType({
    "Energetic-1":  (0.90, 0.97, 29, 0.55, 2.5, 6.0, 0.51, 0.20, 1.7, 1.0),
    "Energetic-2":  (0.64, 0.59, 24, 0.67, 2.7, 2.4, 0.61, 0.29, 2.7, 1.3),
    "Relaxing-1":   (0.99, 0.17, 27, 0.17, 1.5, 1.0, 0.68, 0.12, 3.6, 0.7),
    "Relaxing-2":   (0.78, 0.43, 27, 0.26, 2.7, 0.9, 0.65, 0.68, 3.3, 1.1),
    "Dark-1":       (1.40, 0.81, 35, 0.59, 3.2, 7.0, 0.69, 0.18, 3.9, 1.1),
    "Dark-2":       (0.98, 0.72, 34, 0.89, 2.2, 7.5, 0.54, 0.18, 2.4, 0.9),
    "Aggressive-1": (1.00, 0.99, 39, 0.97, 2.8, 8.8, 0.59, 0.18, 1.8, 0.9),
    "Aggressive-2": (1.10, 0.99, 20, 1.10, 1.7, 8.0, 0.73, 0.25, 2.9, 1.0),
    "Happy-1":      (0.80, 0.88, 22, 0.58, 1.9, 6.6, 0.55, 0.19, 2.0, 1.2),
    "Happy-2":      (0.82, 0.88, 26, 0.52, 2.2, 6.8, 0.68, 0.19, 2.2, 1.2),
})
# Within a playlist, measured on the same table and pooled over its ten.
_CORRELATIONS = (
    ("energy", "loudness", .68), ("energy", "acousticness", -.36), ("energy", "valence", .20),
    ("energy", "danceability", -.15), ("loudness", "acousticness", -.27),
    ("loudness", "valence", .17), ("loudness", "instrumentalness", -.19),
    ("acousticness", "danceability", .14), ("danceability", "valence", .33),
)

_FIRST = (
    "Amber", "Biscuit", "Bramble", "Button", "Cardigan", "Cinnamon", "Clementine", "Copper",
    "Driftwood", "Feather", "Ginger", "Gooseberry", "Hazel", "Honeycomb", "Juniper", "Kettle",
    "Lantern", "Lavender", "Linen", "Maple", "Marmalade", "Marzipan", "Mulberry", "Nutmeg",
    "Paper", "Pebble", "Periwinkle", "Pocket", "Quince", "Rhubarb", "Saffron", "Sandal",
    "Tangerine", "Thimble", "Velvet", "Willow",
)
_SECOND = (
    "Accordion", "Almanac", "Attic", "Balcony", "Bicycle", "Calendar", "Canoe", "Carousel",
    "Compass", "Corridor", "Daydream", "Doorway", "Errand", "Ferry", "Fountain", "Garden",
    "Harbour", "Holiday", "Inkwell", "Island", "Ladder", "Letter", "Lighthouse", "Meadow",
    "Orchard", "Parade", "Picnic", "Postcard", "Rooftop", "Sunday", "Tramway", "Umbrella",
    "Veranda", "Waltz", "Weathervane", "Windmill",
)
_BANDS = (
    "Badgers", "Beekeepers", "Cartographers", "Dormice", "Finches", "Gardeners", "Hedgehogs",
    "Kites", "Ladybirds", "Librarians", "Magpies", "Otters", "Puffins", "Ramblers", "Sparrows",
    "Teapots", "Tinkers", "Weavers",
)
# Songs to label, made up as plain cases: one of each mood, then three between two moods.
# Title, artist, and the same columns as `_MEDIANS`.
_SONGS: tuple[tuple[str, str, tuple[float, ...]], ...] = (
    ("Stairs Two at a Time", "Tangerine Semaphore",
     (.94, .22, 128, .045, .0004, .30, .46, 238, -4.2, .48)),
    ("The Slowest Rowing Boat", "Aunt Periwinkle",
     (.12, .10, 84, .038, .93, .91, .28, 165, -21.5, .09)),
    ("Cellar with One Candle", "Harrow and Thimble",
     (.33, .12, 112, .036, .62, 1e-6, .42, 246, -8.3, .17)),
    ("Gravel in the Gearbox", "Copper Badger Union",
     (.92, .35, 141, .33, .012, 1e-7, .66, 158, -3.6, .33)),
    ("Marmalade Parade", "The Bicycle Choir",
     (.80, .12, 118, .042, .09, 1e-7, .74, 196, -5.8, .93)),
    ("Half Past Last Ferry", "Linen Almanac",
     (.26, .11, 105, .035, .72, .26, .36, 255, -12.4, .14)),
    ("Picnic at Full Sprint", "Honeycomb Express",
     (.89, .18, 128, .045, .012, .02, .56, 208, -4.6, .72)),
    ("Thunder behind the Door", "The Inkwell Brothers",
     (.62, .24, 120, .13, .12, 1e-6, .60, 182, -6.2, .24)),
)
# fmt: on

_TRACKS_PER_ARTIST = 4
_SMALLEST_SHARE = 1e-6  # tables write smaller shares as 0
# What the seed moves a song by, in `_SPREADS` units: each stays what it is meant to be.
_SONG_JITTER = (0.05, 0.05, 1.0, 0.05, 0.05, 0.05, 0.05, 0.02, 0.1, 0.05)
# Narrower than the documented ranges: no song of the table lies beyond.
_BOUNDS = MappingProxyType({"tempo": (40.0, 220.0), "loudness": (-60.0, 0.0)})


def demo_table(seed: int = 42, tracks_per_playlist: int = 50) -> pl.DataFrame:
    """Make a synthetic labelled table: two playlists for each of the five moods.

    Each playlist is a multivariate normal distribution in the space where the features are
    near normal (log-odds of shares, ln of the duration), with one correlation matrix for
    all: a Gaussian copula whose margins are the playlist's own.

    Parameters
    ----------
    seed : int, default 42
        The same seed gives the same table, on every platform.
    tracks_per_playlist : int, default 50
        Tracks in each of the ten playlists.

    Returns
    -------
    polars.DataFrame, shape (10 × tracks_per_playlist, 15)
        ``id, title, artist, playlist, mood`` and the ten features in `FEATURE_NAMES` order
        and in their documented units and ranges; rounded as services round them. No title
        occurs twice; an artist stays within one mood.

    Raises
    ------
    UsageError
        If the seed is negative or there is no track to make.
    """
    if seed < 0:
        raise UsageError(f"seed {seed} is negative; expected 0 or more")
    if tracks_per_playlist < 1:
        raise UsageError(f"tracks_per_playlist is {tracks_per_playlist}; expected at least 1")
    rng = np.random.default_rng(seed)
    mixing = _mixing()
    draws = [
        _place(medians)
        + np.asarray(_SPREADS[name])
        * (rng.standard_normal((tracks_per_playlist, _COLUMNS)) @ mixing.T)
        for name, medians in _MEDIANS.items()
    ]
    n_tracks = len(_MEDIANS) * tracks_per_playlist
    width = max(4, len(str(n_tracks)))
    playlists = [name for name in _MEDIANS for _ in range(tracks_per_playlist)]
    moods = [name.rpartition("-")[0] for name in playlists]
    names_rng = np.random.default_rng([seed, 1])  # new words must not move the features
    return pl.DataFrame(
        {
            "id": [f"demo-{number:0{width}d}" for number in range(1, n_tracks + 1)],
            "title": _titles(names_rng, n_tracks),
            "artist": _artists(names_rng, moods),
            "playlist": playlists,
            "mood": moods,
            **_features(np.vstack(draws)),
        }
    )


def demo_songs(seed: int = 7) -> pl.DataFrame:
    """Make eight synthetic songs without a mood, to be labelled by what was learned.

    The first five are meant to be clear, one for each mood in the order of `MOODS`; the
    last three lie between two: Relaxing and Dark, Happy and Energetic, Dark and Aggressive.

    Parameters
    ----------
    seed : int, default 7
        The same seed gives the same songs, on every platform.

    Returns
    -------
    polars.DataFrame, shape (8, 12)
        ``title, artist`` and the ten features, as in `demo_table`.

    Raises
    ------
    UsageError
        If the seed is negative.
    """
    if seed < 0:
        raise UsageError(f"seed {seed} is negative; expected 0 or more")
    rng = np.random.default_rng(seed)
    places = np.array([_place(values) for _, _, values in _SONGS])
    places += np.asarray(_SONG_JITTER) * rng.standard_normal(places.shape)
    return pl.DataFrame(
        {
            "title": [title for title, _, _ in _SONGS],
            "artist": [artist for _, artist, _ in _SONGS],
            **_features(places),
        }
    )


def _mixing() -> NDArray[np.float64]:
    """Lower triangular L with L Lᵀ the correlation matrix, shape (10, 10)."""
    matrix = np.eye(_COLUMNS, dtype=np.float64)
    for one, other, correlation in _CORRELATIONS:
        i, j = FEATURE_NAMES.index(one), FEATURE_NAMES.index(other)
        matrix[i, j] = matrix[j, i] = correlation
    return np.asarray(np.linalg.cholesky(matrix), dtype=np.float64)


def _place(values: tuple[float, ...]) -> NDArray[np.float64]:
    """Send one row of parameters to the space where the features are near normal."""
    return np.array(
        [
            _to_normal(BY_NAME[name], value)
            for name, value in zip(FEATURE_NAMES, values, strict=True)
        ]
    )


def _to_normal(feature: Feature, value: float) -> float:
    if feature.is_share:
        return float(np.log(value / (1 - value)))
    return float(np.log(value)) if feature.name == "duration_ms" else value


def _features(normal: NDArray[np.float64]) -> dict[str, pl.Series]:
    """Send points of shape (n_tracks, 10) back to the features' own units, and round."""
    return {
        name: pl.Series(name, _from_normal(BY_NAME[name], normal[:, i]))
        for i, name in enumerate(FEATURE_NAMES)
    }


def _from_normal(feature: Feature, column: NDArray[np.float64]) -> list[float] | list[int]:
    if feature.is_share:
        shares = 1 / (1 + np.exp(-column))
        return [float(f"{x:.3g}") if x >= _SMALLEST_SHARE else 0.0 for x in shares.tolist()]
    if feature.name == "duration_ms":
        return [round(1000 * seconds) for seconds in np.exp(column).tolist()]
    low, high = _BOUNDS[feature.name]
    inside = high - np.abs(high - (low + np.abs(column - low)))  # reflected, not piled up
    return [round(x, 3) for x in inside.tolist()]


def _titles(rng: np.random.Generator, count: int) -> list[str]:
    """Combine words into `count` different titles."""
    pairs = [(first, second) for first in _FIRST for second in _SECOND]
    patterns = ("{0} {1}", "{1} of {0}", "The {0} {1}", "{0} for a {1}", "One More {0} {1}")
    n_titles = len(pairs) * len(patterns)
    chosen = np.concatenate([rng.permutation(n_titles) for _ in range(-(-count // n_titles))])
    titles = []
    for position, index in enumerate(chosen[:count].tolist()):
        pattern, pair = divmod(index, len(pairs))
        title = patterns[pattern].format(*pairs[pair])
        turn = position // n_titles  # all titles used up: the same again, numbered
        titles.append(f"{title} No. {turn + 1}" if turn else title)
    return titles


def _artists(rng: np.random.Generator, moods: list[str]) -> list[str]:
    """Give each track an artist who has about four tracks, all of one mood."""
    bands = [f"The {first} {band}" for first in _FIRST for band in _BANDS]
    order = rng.permutation(len(bands)).tolist()
    share = len(bands) // len(MOOD_NAMES)
    n_artists = min(share, max(1, len(moods) // len(MOOD_NAMES) // _TRACKS_PER_ARTIST))
    return [
        bands[order[MOOD_NAMES.index(mood) * share + int(rng.integers(n_artists))]]
        for mood in moods
    ]
