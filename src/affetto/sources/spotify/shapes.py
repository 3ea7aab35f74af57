"""What Spotify's references and answers mean: text and JSON in, our own shapes out.

Answers come in two shapes: apps of 2026 find a playlist's entries under ``item``, older ones
under ``track``. An entry may be null, an episode, or a file of somebody's own.

References
----------
.. [1] Spotify Web API: Get Playlist Items; February 2026 migration guide; Track Relinking.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal

from affetto.errors import PlaylistError, ServiceAnswerError
from affetto.features import FEATURE_NAMES
from affetto.sources.contract import Listed
from affetto.tracks import Track, looks_like_track_id, normalise_id, normalise_name

SOURCE = "spotify"
SAVED = "saved"
"""Key of the tracks the user saved; a playlist's own key has 22 characters."""

_EXPECTED = (
    "expected spotify:playlist:ID, a playlist's link, spotify:playlist/NAME, spotify:saved, or "
    "spotify: for all of your own"
)
_ID = re.compile(r"[0-9A-Za-z]{22}")
_URI = re.compile(r"spotify:(?:user:[^:]*:)?(?P<kind>[a-z]+)(?::(?P<key>[^:]*))?")
_URL = re.compile(
    r"(?:https?://)?(?:open|play)\.spotify\.com/(?:intl-[a-z-]+/)?(?:embed/)?(?:user/[^/]+/)?"
    r"(?P<kind>[a-z]+)(?:/(?P<key>[^/?#]*))?/?(?:[?#].*)?",
    re.IGNORECASE,
)
_NEAR = 5


@dataclass(frozen=True, slots=True)
class Reference:
    """What a person means: a playlist by id or by name, the saved tracks, or all playlists."""

    kind: Literal["id", "name", "saved", "all"]
    value: str = ""


def read_reference(text: str) -> Reference:
    """Read a reference to playlists of Spotify.

    Raises
    ------
    PlaylistError
        If it means something else: an album, a track, nothing.
    """
    text = text.strip()
    if text == "spotify:":
        return Reference("all")
    if text.startswith("spotify:playlist/"):
        name = text.removeprefix("spotify:playlist/").strip()
        if not name:
            raise PlaylistError(f"found {text!r} without a name; {_EXPECTED}")
        return Reference("id" if _is_playlist_id(name) else "name", name)
    match = _URI.fullmatch(text) or _URL.fullmatch(text)
    if match is None:
        hint = ""
        if "spotify.link/" in text or "spoti.fi/" in text:
            hint = " (a short link: open it in a browser, and copy the long one)"
        raise PlaylistError(f"{text!r} is no playlist of Spotify{hint}; {_EXPECTED}")
    kind, key = match["kind"].lower(), match["key"] or ""
    if kind in {SAVED, "collection"} and key in {"", "tracks"}:
        return Reference("saved")
    if kind != "playlist":
        article = "an" if kind[0] in "aeiou" else "a"
        raise PlaylistError(f"{text} is {article} {kind}, not a playlist; {_EXPECTED}")
    if not _ID.fullmatch(key):
        raise PlaylistError(
            f"{text} holds no playlist id: found {key!r}, expected 22 letters and digits; copy "
            "the link anew (Share, Copy link to playlist)"
        )
    return Reference("id", key)


def pick_by_name(wanted: str, names: Mapping[str, str]) -> str:
    """Pick the one playlist that is called so.

    Parameters
    ----------
    wanted : str
    names : mapping of str to str
        Name of each playlist by its key.

    Returns
    -------
    str
        Its key. The exact name counts before one that differs in case, accents, punctuation.

    Raises
    ------
    PlaylistError
        If there is none, or several.
    """
    same = [key for key, name in names.items() if name == wanted]
    folded = normalise_name(wanted)
    like = same or [key for key, name in names.items() if folded and normalise_name(name) == folded]
    if len(like) == 1:
        return like[0]
    if like:
        found = ", ".join(f"spotify:playlist:{key}" for key in like)
        raise PlaylistError(
            f"you have {len(like)} playlists called {wanted!r} at Spotify: name one by its id: "
            f"{found}"
        )
    by_fold = {normalise_name(name): name for name in names.values()}
    near = [by_fold[one] for one in get_close_matches(folded, by_fold, n=_NEAR, cutoff=0.5)]
    shown = near or sorted(by_fold.values())[:_NEAR]
    raise PlaylistError(
        f"none of your own {len(names)} playlists at Spotify is called {wanted!r}; "
        f"{'the nearest' if near else 'some that are there'}: {', '.join(map(repr, shown))}. One "
        "made since they were listed is found with --refresh"
    )


def read_page(answer: Any, what: str) -> dict[str, Any]:
    """Reduce a page of entries to what is needed of it.

    Returns
    -------
    dict
        ``entries`` (see `reduced_entry`), and what `page_of` gives.

    Raises
    ------
    ServiceAnswerError
        If it has another shape.
    """
    items, rest = page_of(answer, what)
    return {"entries": [reduced_entry(entry) for entry in items], **rest}


def page_of(answer: Any, what: str) -> tuple[list[Any], dict[str, Any]]:
    """Give a page's raw items, and of the page: where it begins and what it says of the rest.

    Returns
    -------
    items : list
    page : dict
        ``n`` items, ``total`` of all pages, ``more``: whether a next one is announced,
        ``offset`` of the first, ``limit`` of items a page, each None where it is not told.

    Raises
    ------
    ServiceAnswerError
        If it has another shape.
    """
    items = answer.get("items") if isinstance(answer, dict) else None
    if not isinstance(items, list):
        raise ServiceAnswerError(f"Spotify's answer on {what} holds no list of items")
    total, offset, limit = (answer.get(name) for name in ("total", "offset", "limit"))
    return items, {
        "n": len(items),
        "total": total if isinstance(total, int) and total >= 0 else len(items),
        "more": bool(answer.get("next")),
        "offset": offset if isinstance(offset, int) else None,
        "limit": limit if isinstance(limit, int) and limit > 0 else None,
    }


def reduced_entry(entry: Any) -> dict[str, Any]:
    """Reduce a playlist's entry to its track's identity and length, or to its problem."""
    outer = entry if isinstance(entry, dict) else {}
    inner = outer.get("item")
    if not isinstance(inner, dict):
        inner = outer.get("track")
    if not isinstance(inner, dict):
        return {"problem": "Spotify no longer has it"}
    # Where a track was replaced by its like in the user's country, `linked_from` is the one
    # that stands in the playlist, and the one that others know.
    linked = inner.get("linked_from")
    track_id = (linked.get("id") if isinstance(linked, dict) else None) or inner.get("id")
    album, external = inner.get("album"), inner.get("external_ids")
    found = {
        "id": track_id,
        "isrc": external.get("isrc") if isinstance(external, dict) else None,
        "title": inner.get("name"),
        "artist": artists_of(inner),
        "album": album.get("name") if isinstance(album, dict) else None,
        "uri": None,
    }
    reduced: dict[str, Any] = {
        name: value for name, value in found.items() if isinstance(value, str) and value
    }
    length = inner.get("duration_ms")
    if isinstance(length, int | float) and not isinstance(length, bool) and length > 0:
        reduced["ms"] = length
    uri = inner.get("uri")
    if outer.get("is_local") or inner.get("is_local"):
        reduced["problem"] = "a file of somebody's own, which Spotify does not know"
    elif inner.get("type") == "episode":
        reduced["problem"] = "an episode of a podcast, not a track"
    elif "id" not in reduced:
        reduced["problem"] = "Spotify no longer has it"
    if "problem" in reduced and isinstance(uri, str):
        reduced["uri"] = uri
    return reduced


def artists_of(track: Mapping[str, Any]) -> str:
    r"""Join a track's artists; a name's own comma is written ``\,`` as in Exportify's files."""
    artists = track.get("artists")
    names = [
        one["name"].replace(",", "\\,")
        for one in (artists if isinstance(artists, list) else ())
        if isinstance(one, dict) and isinstance(one.get("name"), str) and one["name"]
    ]
    return ", ".join(names)


def listed(entry: Mapping[str, Any]) -> Listed:
    """Turn a reduced entry into what passes between sources."""
    track = Track(
        id=entry.get("id"),
        isrc=entry.get("isrc"),
        title=entry.get("title"),
        artist=entry.get("artist"),
        album=entry.get("album"),
    )
    features = {"duration_ms": float(entry["ms"])} if "ms" in entry else {}
    return Listed(track, features, origin=SOURCE, problem=entry.get("problem"))


def read_playlists(answer: Any) -> dict[str, Any]:
    """Reduce a page of playlists to their keys, names, owners and sizes."""
    items, rest = page_of(answer, "your playlists")
    found = [reduced_playlist(one) for one in items if isinstance(one, dict) and one.get("id")]
    return {"entries": found, **rest}


def reduced_playlist(playlist: Mapping[str, Any]) -> dict[str, Any]:
    """Reduce a playlist to its key, name, owner and size."""
    owner = playlist.get("owner")
    contents = (playlist.get("items"), playlist.get("tracks"))  # 2026, and before
    totals = [one.get("total") for one in contents if isinstance(one, dict)]
    return {
        "id": str(playlist.get("id") or ""),
        "name": str(playlist.get("name") or ""),
        "owner": owner.get("id") if isinstance(owner, dict) else None,
        "shared": bool(playlist.get("collaborative")),
        "n": next((one for one in totals if isinstance(one, int)), None),
    }


def features_of(answer: Any) -> dict[str, float] | None:
    """Give those of the ten that an entry of ``audio-features`` tells; None for a miss."""
    if not isinstance(answer, dict):
        return None
    told = {name: answer.get(name) for name in FEATURE_NAMES}
    return {
        name: float(value)
        for name, value in told.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    } or None


def search_hits(answer: Any) -> list[Mapping[str, Any]]:
    """Give the tracks that a search found, best first."""
    tracks = answer.get("tracks") if isinstance(answer, dict) else None
    items, _ = page_of(tracks, "a search")
    return [one for one in items if isinstance(one, dict) and isinstance(one.get("id"), str)]


def track_id_of(text: str | None) -> str | None:
    """Give the Spotify id that an id, URI or URL of a track holds, or None."""
    return normalise_id(text) if text and looks_like_track_id(text) else None


def best_hit(track: Track, hits: Sequence[Mapping[str, Any]]) -> str | None:
    """Pick the hit that is the same track by title and first artist; None where none is."""
    wanted = _name_key(track.title, track.artist)
    alike = [one for one in hits if wanted == _name_key(one.get("name"), artists_of(one))]
    exact = normalise_name(track.title)
    alike.sort(key=lambda one: normalise_name(one.get("name")) != exact)  # stable
    return str(alike[0]["id"]) if wanted and alike else None


def _name_key(title: Any, artist: str | None) -> str | None:
    keys = Track(title=title if isinstance(title, str) else None, artist=artist).keys()
    return keys[0] if keys else None


def _is_playlist_id(text: str) -> bool:
    # All real ids hold a digit; a name of 22 letters does not.
    return bool(_ID.fullmatch(text)) and any(char.isdigit() for char in text)
