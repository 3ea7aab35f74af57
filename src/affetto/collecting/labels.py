"""The label of a playlist that nobody gave a mood: read from its name."""

import re
from typing import Final

from affetto.moods import BY_NAME, MAX_NAME, canonical_mood
from affetto.sources.playlists import printable

UNNAMED: Final = "unnamed"
"""The label of a playlist whose name says nothing."""

_WORD = re.compile(r"[^\W\d_]+")
_GAPS = re.compile(r"[\s_\x00-\x1f\x7f-\x9f\u2028\u2029]+")
# One of a row: "Calm-2", "calm (3)", "Calm #4", "calm_05", "Calm Vol. 6"; also "calm2", but not
# "U2", where little would be left.
_NUMBER = re.compile(
    r"(?:[\s.,:–-]+(?:vol(?:ume)?|part|pt|no|nr)\b\.?)?"
    r"(?:[\s.,:–-]*[(\[]\s*\d+\s*[)\]]|[\s.,:–-]+#?\d+|(?<=[^\W\d_]{3})\d+)\s*$",
    re.IGNORECASE,
)


def clean_mood(label: str) -> str:
    """Write a label as a mood can be named: on one line, not too long, the five as they are spelt.

    Parameters
    ----------
    label : str
        As a person or a column of a table says it.

    Returns
    -------
    str
        At most `affetto.moods.MAX_NAME` characters.
    """
    return canonical_mood(_GAPS.sub(" ", printable(label)).strip()[:MAX_NAME])


def label_of(playlist_name: str) -> str:
    """Read a playlist's label from its name.

    Where exactly one of the five moods is a word of it, that mood is the label; words that mean
    much the same ("gloomy") are labels of their own, which ``--map`` can turn into others. Else
    the name itself is the label, without the numbers at its end that tell playlists of one kind
    apart.

    Parameters
    ----------
    playlist_name : str

    Returns
    -------
    str
        Of one line, not empty, at most `affetto.moods.MAX_NAME` characters.

    Examples
    --------
    >>> [label_of(name) for name in ("my_dark_songs", "energetic-2024", "Calm-2")]
    ['Dark', 'Energetic', 'Calm']
    """
    name = _GAPS.sub(" ", playlist_name).strip()
    moods = {mood for word in _WORD.findall(name) if (mood := canonical_mood(word)) in BY_NAME}
    if len(moods) == 1:
        return moods.pop()
    cleaned = _NUMBER.sub("", name).strip(" .,:–-")
    return (cleaned or name or UNNAMED)[:MAX_NAME].strip()
