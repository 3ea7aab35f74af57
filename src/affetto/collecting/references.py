"""What a person asks to be collected: ``Happy=spotify:playlist:…`` → a mood and where it is."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from affetto.errors import UsageError
from affetto.moods import wanted_mood

SERVICES: Final = ("spotify", "subsonic", "jellyfin")
"""Services that playlists can be read from; everything else is a path."""

ALIASES: Final = {"navidrome": "subsonic"}
"""What people call services."""

FILES: Final = "files"

_SPOTIFY_URL = re.compile(r"(?:https?://)?open\.spotify\.com/", re.IGNORECASE)
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
# What stands before "=" is a mood only if it can be no path, URL or URI.
_MOOD = re.compile(r"([^=:/\\~]*)=(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Request:
    """One thing to collect.

    Attributes
    ----------
    reference : str
        As the person wrote it, without the mood.
    source : str
        One of `SERVICES`, or `FILES`.
    mood : str or None
        None: each playlist is named after its mood.
    """

    reference: str
    source: str
    mood: str | None = None


def parse_requests(arguments: Iterable[str]) -> list[Request]:
    """Read the arguments of ``affetto collect``.

    Parameters
    ----------
    arguments : iterable of str
        ``MOOD=REFERENCE`` or ``REFERENCE``. A reference is a Spotify playlist (``spotify:…``,
        its URL), ``subsonic:…``, ``jellyfin:…``, or a path.

    Raises
    ------
    UsageError
        If there is none, a mood or a reference is empty, a reference is the URL of another site,
        or a mood all but spells one of the five.
    """
    requests = [_parse(argument) for argument in arguments]
    if not requests:
        raise UsageError(
            "nothing named to collect; expected for example Happy=spotify:playlist:…, "
            "Dark=export/dark.csv, Calm=subsonic:playlist/NAME or Aggressive=~/Music/heavy"
        )
    return requests


def _parse(argument: str) -> Request:
    match = _MOOD.fullmatch(argument)
    mood, reference = None, argument.strip()
    if match is not None and not os.path.lexists(os.path.expanduser(argument)):  # noqa: PTH111
        mood, reference = wanted_mood(match[1]), match[2].strip()
        if not mood:
            raise UsageError(f"found {argument!r}; expected a mood before the =")
    if not reference:
        raise UsageError(f"found {argument!r}; expected a playlist, a file or a folder")
    scheme, colon, rest = reference.partition(":")
    if colon and scheme.lower() in ALIASES:
        reference = f"{ALIASES[scheme.lower()]}:{rest}"
    return Request(reference, source_of(reference), mood)


def source_of(reference: str) -> str:
    """Say which source a reference is one of.

    Raises
    ------
    UsageError
        If it is the URL of a site that affetto does not know.
    """
    # Without the colon it is a path: exports may well stand in a folder named "spotify".
    scheme, colon, _ = reference.partition(":")
    if colon and scheme.lower() in SERVICES:
        return scheme.lower()
    if _SPOTIFY_URL.match(reference):
        return "spotify"
    if _URL.match(reference) and not reference.lower().startswith("file:"):
        raise UsageError(
            f"{reference} is on a site that affetto does not know; it reads playlists of Spotify "
            "(spotify:playlist:… or its URL), music servers (subsonic:playlist/NAME, "
            "jellyfin:playlist/NAME), and files and folders on this machine"
        )
    return FILES
