"""A track's identity, and the columns of a track table."""

import re
import unicodedata
from dataclasses import dataclass
from types import MappingProxyType

from affetto.features import normalise_column

IDENTITY_COLUMNS: tuple[str, ...] = ("id", "isrc", "title", "artist", "album", "path")
"""Columns that say which track a row is; carried from input to output untouched."""

ERROR_COLUMN = "error"
"""Why a row could not be used; null where all went well."""

_ALIASES = MappingProxyType(
    {
        "id": ("track_id", "spotify_id", "track_uri", "uri", "spotify_uri", "spotify_track_id",
               "track_href", "song_id"),
        "isrc": ("track_isrc",),
        "title": ("track_name", "name", "track", "song", "song_name", "song_title", "track_title"),
        "artist": ("artist_name", "artist_name_s", "artists", "artist_names", "track_artist",
                   "performer"),
        "album": ("album_name", "release", "track_album_name"),
        "path": ("file", "filename", "file_path", "filepath"),
    }
)  # fmt: skip

_BY_COLUMN = MappingProxyType(
    {
        alias: column
        for column in IDENTITY_COLUMNS
        for alias in (column, *_ALIASES.get(column, ()))
    }
)

_SPOTIFY_ID = re.compile(r"(?:^|[:/])([0-9A-Za-z]{22})(?:$|[?#])")
_ISRC = re.compile(r"^[A-Z]{2}[0-9A-Z]{3}\d{7}$")
# What shops append to a title without changing the track: "(feat. X)", "- Remastered 2014".
_TITLE_SUFFIX = re.compile(
    r"\s*[\(\[](?:feat|ft|with)\b[^)\]]*[\)\]]|\s+-\s+(?:\d{4}\s+)?remaster(?:ed)?\b.*$", re.I
)


@dataclass(frozen=True, slots=True)
class Track:
    """One track's identity.

    Attributes
    ----------
    id : str or None
        Service id, URI, URL or path, as the source wrote it.
    isrc, title, artist, album : str or None
        As the source wrote them; None where it did not.
    """

    id: str | None = None
    isrc: str | None = None
    title: str | None = None
    artist: str | None = None
    album: str | None = None

    def keys(self) -> tuple[str, ...]:
        """Give all keys under which this track may be known elsewhere.

        Two tracks that share any key are taken to be the same recording.

        Returns
        -------
        tuple of str
            ``id:…``, ``isrc:…`` and ``name:…`` keys, as many as the identity allows.
        """
        keys = [
            normalise_id(self.id) and f"id:{normalise_id(self.id)}",
            normalise_isrc(self.isrc) and f"isrc:{normalise_isrc(self.isrc)}",
            _name_key(self.title, self.artist),
        ]
        return tuple(key for key in keys if key)

    def __str__(self) -> str:
        """Name the track as a person would: title – artist, else its id."""
        if self.title:
            return f"{self.title} – {self.artist}" if self.artist else self.title
        return self.id or self.isrc or "unnamed track"


def identity_of_column(column: str) -> str | None:
    """Name the identity column that a table's column holds, or None."""
    return _BY_COLUMN.get(normalise_column(column))


def normalise_id(value: str | None) -> str | None:
    """Reduce a bare Spotify id, a ``spotify:track:`` URI or an ``open`` URL to the bare id.

    Any other text is returned stripped; empty text gives None.
    """
    text = (value or "").strip()
    if not text:
        return None
    match = _SPOTIFY_ID.search(text)
    return match.group(1) if match else text


def looks_like_track_id(value: str) -> bool:
    """Whether a cell is a Spotify track id, URI or URL (artist and album URIs are not)."""
    text = value.strip()
    if not re.search(r"\d", text) or not _SPOTIFY_ID.search(text):
        return False
    return ":" not in text and "/" not in text or "track" in text


def normalise_isrc(value: str | None) -> str | None:
    """Write an ISRC as its 12 characters (ISO 3901); None where the text is none."""
    text = re.sub(r"[\s-]", "", value or "").upper()
    return text if _ISRC.match(text) else None


def normalise_name(text: str | None) -> str:
    """Fold case, accents, punctuation and spacing so that spellings of a name meet."""
    decomposed = unicodedata.normalize("NFKD", text or "")
    letters = "".join(char for char in decomposed if not unicodedata.combining(char))
    return " ".join(re.findall(r"\w+", letters.casefold()))


def first_artist(artist: str | None) -> str:
    """First of several artists written into one cell (``"A, B"``, ``"A;B"``, ``"['A', 'B']"``)."""
    text = (artist or "").strip().strip("[]").replace("\\,", "\x00")
    return re.split(r"[,;]|\s+(?:feat|ft)\.?\s+", text)[0].replace("\x00", ",").strip(" '\"")


def _name_key(title: str | None, artist: str | None) -> str | None:
    name = normalise_name(_TITLE_SUFFIX.sub("", title or ""))
    by = normalise_name(first_artist(artist))
    return f"name:{name}|{by}" if name and by else None
