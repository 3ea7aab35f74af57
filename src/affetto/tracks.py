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
        "id": ("track_id", "spotify_id", "track_uri", "uri", "url", "spotify_uri", "spotify_url",
               "spotify_track_id", "spotify_track_uri", "spotify_track_url", "track_href",
               "track_url", "song_id"),
        "isrc": ("track_isrc",),
        "title": ("track_name", "name", "track", "song", "song_name", "song_title", "track_title"),
        "artist": ("artist_name", "artist_name_s", "artists", "artist_s", "artist_names",
                   "artist_s_name", "artists_name", "track_artist", "performer"),
        "album": ("album_name", "album_title", "release", "track_album_name"),
        "path": ("file", "filename", "file_name", "file_path", "filepath"),
    }
)  # fmt: skip

_BY_COLUMN = MappingProxyType(
    {alias: column for column in IDENTITY_COLUMNS for alias in (column, *_ALIASES.get(column, ()))}
)

# The 22 characters alone, or at the end of a track's URI or URL: an artist's is another thing,
# and a folder of 22 letters is not an id.
_SPOTIFY_ID = re.compile(r"(?:^|\btracks?[:/])([0-9A-Za-z]{22})/?(?:[?#].*)?$", re.S)
_ISRC = re.compile(r"(?:ISRC:?)?([A-Z]{2}[0-9A-Z]{3}[0-9]{7})")
# Up to six digits count the rows of one table; the same number elsewhere is another track.
_ROW_NUMBER = re.compile(r"\d{1,6}")
# What shops append to a title without changing the track: "(feat. X)", "- Remastered 2014".
_TITLE_SUFFIX = re.compile(
    r"""\s*[(\[](?:feat(?:uring)?|ft|with)\b[^)\]]*[)\]]   # (feat. X), [with X]
      | \s*[(\[](?:\d{4}\s+)?remaster(?:ed)?\b[^)\]]*[)\]]  # (2014 Remaster), [Remastered]
      | \s+-\s+(?:\d{4}\s+)?remaster(?:ed)?\b[^()\[\]:]*$  # - Remastered 2014
      | \s+(?:-\s+)?(?:feat|ft)\.\s.*$                      # feat. X, without brackets
    """,
    re.IGNORECASE | re.VERBOSE,
)
_NEXT_ARTIST = re.compile(r"[,;]|\s+\(?(?:feat(?:uring)?|ft)\b\.?\s+", re.IGNORECASE)
# Names that stand where nobody knows the artist; with them a title says nothing.
_NOBODY = frozenset({"unknown", "unknown artist", "various", "various artists"})


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

        Two tracks that share any key are taken to be the same recording. A number of up to
        six digits gives no key: it counts the rows of one table. Nor does any other id that is
        no Spotify id or URI where title and artist are known: two tables may both begin with
        ``song_0``.

        Returns
        -------
        tuple of str
            ``id:…``, ``isrc:…`` and ``name:…`` keys, as many as the identity allows.
        """
        track_id = normalise_id(self.id)
        if track_id and _ROW_NUMBER.fullmatch(track_id):
            track_id = None
        isrc, name = normalise_isrc(self.isrc), _name_key(self.title, self.artist)
        if track_id and name and ":" not in track_id and not looks_like_track_id(track_id):
            track_id = None
        keys = [track_id and f"id:{track_id}", isrc and f"isrc:{isrc}", name]
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
    """Reduce a bare Spotify id, a ``spotify:track:`` URI or a track's URL to the bare id.

    Any other text, an artist's URI too, is returned stripped; empty text gives None.
    """
    text = (value or "").strip()
    if not text:
        return None
    match = _SPOTIFY_ID.search(text)
    return match.group(1) if match else text


def looks_like_track_id(value: str) -> bool:
    """Whether a cell is a Spotify track id, URI or URL (artist and album URIs are not)."""
    match = _SPOTIFY_ID.search(value.strip())
    # All real ids hold a digit; a word of 22 letters does not.
    return match is not None and any(char in "0123456789" for char in match.group(1))


def normalise_isrc(value: str | None) -> str | None:
    """Write an ISRC as its 12 characters (ISO 3901); None where the text is none."""
    match = _ISRC.fullmatch(re.sub(r"[\s-]", "", value or "").upper())
    return match.group(1) if match else None


def normalise_name(text: str | None) -> str:
    """Fold case, accents, punctuation and spacing so that spellings of a name meet."""
    decomposed = unicodedata.normalize("NFKD", (text or "").replace("&", " and "))
    letters = "".join(char for char in decomposed if not unicodedata.combining(char))
    return " ".join(re.findall(r"\w+", letters.casefold()))


def first_artist(artist: str | None) -> str:
    r"""First of several artists written into one cell.

    Reads ``"A, B"``, ``"A;B"``, ``"['A', 'B']"``, ``"A feat. B"``, and Exportify's
    ``"Tyler\, The Creator,B"``, where an escaped comma belongs to the name.
    """
    text = (artist or "").strip().strip("[]").replace("\\,", "\x00")
    names = (part.replace("\x00", ",").strip(" '\"") for part in _NEXT_ARTIST.split(text))
    return next(filter(None, names), "")


def _name_key(title: str | None, artist: str | None) -> str | None:
    name = normalise_name(_TITLE_SUFFIX.sub("", title or ""))
    # Only Exportify tells a name's own comma from one between names: cut at both.
    by = normalise_name(first_artist(artist).partition(",")[0])
    return f"name:{name}|{by}" if name and by and by not in _NOBODY else None
