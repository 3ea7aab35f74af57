"""Playlists: one a mood, mixes by rule, journeys, selections; previewed, and as files."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Body, Request
from starlette.responses import Response

from affetto.errors import InputError, UsageError
from affetto.library.catalogue import Catalogue
from affetto.library.entry import Entry
from affetto.library.journeys import DEFAULT_TRACKS, journey
from affetto.library.mixes import Rules, mix
from affetto.library.playlist_files import MEDIA_TYPES, file_names, render_playlist
from affetto.library.queries import Query
from affetto.server.answers import Refusal, answer
from affetto.server.bodies import (
    JourneyBody,
    MixBody,
    MoodBody,
    PlaylistBody,
    PlaylistFileBody,
    TracksBody,
)
from affetto.server.schemas import PlaylistPreview, Playlists
from affetto.server.state import State, answers
from affetto.server.tracks import summary

router = APIRouter(tags=["playlists"])

SHOWN = 1000
"""Tracks that a preview shows; the file holds all."""

_DEFAULT_MIX = 30
_FILES = {
    "m3u8": {"type": "string", "examples": ["#EXTM3U\n#PLAYLIST:Happy\n"]},
    "xspf": {"type": "string"},
    "nsp": {"type": "object", "examples": [{"name": "Happy", "any": [{"is": {"mood": "Happy"}}]}]},
}


@dataclass(frozen=True, slots=True)
class Chosen:
    """Tracks in order, and what to call them."""

    name: str
    entries: Sequence[Entry]
    note: str | None = None
    rules: Rules | None = None


@router.get("/api/playlists", summary="A playlist for each mood", responses=answers(Playlists))
async def playlists(request: Request) -> Response:
    """Count tracks and minutes by mood."""

    def told(catalogue: Catalogue) -> dict[str, Any]:
        lengths = catalogue.lengths()
        return {
            "playlists": [
                {
                    "mood": one.mood.name,
                    "count": one.count,
                    "minutes": round(lengths.get(one.mood.name, 0.0) / 60_000, 1),
                }
                for one in catalogue.moods()
            ]
        }

    return answer(await State.of(request).ask(told), request)


@router.post(
    "/api/playlists/preview",
    summary="The tracks of a playlist, in order",
    responses=answers(PlaylistPreview, 409),
)
async def preview(request: Request, body: Annotated[PlaylistBody, Body()]) -> Response:
    """Choose and order tracks; the same body gives the same playlist of the same library."""

    def told(catalogue: Catalogue) -> dict[str, Any]:
        made = choose(catalogue, body)
        return {
            "name": made.name,
            "total": len(made.entries),
            "tracks": [summary(entry) for entry in made.entries[:SHOWN]],
            "minutes": round(sum(one.duration_ms or 0.0 for one in made.entries) / 60_000, 1),
            "note": made.note,
        }

    return answer(await State.of(request).ask(told), request)


@router.post(
    "/api/playlists/file",
    summary="A playlist as a file",
    response_class=Response,
    responses=answers(None, 409)
    | {
        200: {
            "content": {MEDIA_TYPES[kind]: {"schema": _FILES[kind]} for kind in MEDIA_TYPES},
            "description": "To be saved. Relative paths start at the folder of the library that "
            "its first track lies in.",
        }
    },
)
async def file(request: Request, body: Annotated[PlaylistFileBody, Body()]) -> Response:
    """Give a playlist for players; an .nsp names rules in place of tracks."""

    def made(catalogue: Catalogue) -> Response:
        chosen = choose(catalogue, body)
        if body.format == "nsp" and chosen.rules is None:
            raise Refusal(
                409, "a smart playlist (.nsp) follows moods; a journey or a selection does not",
                "take m3u8",
            )  # fmt: skip
        name = body.name or chosen.name
        folder = chosen.entries[0].folder if chosen.entries else None
        try:
            content = render_playlist(
                chosen.entries,
                name,
                body.format,
                folder=(folder or None) if body.paths == "relative" else None,
                rules=chosen.rules,
            )
        except UsageError as exc:  # rules that an .nsp cannot keep to
            raise Refusal(409, str(exc)) from exc
        (called,) = file_names([name], body.format)
        plain = called.encode("ascii", "replace").decode().replace("?", "_").replace('"', "_")
        disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(called)}"
        return Response(
            content,
            headers={"content-disposition": disposition},
            media_type=MEDIA_TYPES[body.format],
        )

    return await State.of(request).ask(made)


def choose(catalogue: Catalogue, body: PlaylistBody) -> Chosen:
    """Choose the tracks of a playlist.

    Raises
    ------
    Refusal
        409 where no tracks of this library can meet the rules, or the rules each other.
    """
    if isinstance(body, TracksBody):
        ids = list(dict.fromkeys(body.ids))
        found = catalogue.tracks(Query(ids=ids, states=(), limit=None)).entries
        order = {track_id: place for place, track_id in enumerate(ids)}
        return Chosen("Selection", sorted(found, key=lambda entry: order[entry.id]))
    try:
        rules = Rules(
            min_confidence=body.min_confidence,
            min_tempo=body.min_tempo,
            max_tempo=body.max_tempo,
            per_artist=body.per_artist,
            minutes=body.minutes,
        )
        if isinstance(body, JourneyBody):
            return _journey(catalogue, body, rules)
        return _mix(catalogue, body, rules)
    except (UsageError, InputError) as exc:
        raise Refusal(409, str(exc)) from exc


def _journey(catalogue: Catalogue, body: JourneyBody, rules: Rules) -> Chosen:
    if body.n is not None and body.minutes is not None:
        raise UsageError("give a number of tracks or a length in minutes, not both")
    moods = [mood for mood in (body.from_, body.through, body.to) if mood is not None]
    entries = catalogue.every(Query(sort="added"))
    trip = journey(entries, moods, body.n or DEFAULT_TRACKS, rules=rules, seed=body.seed)
    return Chosen(f"From {moods[0]} to {moods[-1]}", trip.entries, trip.note)


def _mix(catalogue: Catalogue, body: MoodBody | MixBody, rules: Rules) -> Chosen:
    moods: tuple[str, ...]
    if isinstance(body, MoodBody):
        name, moods, n = body.mood, (body.mood,), body.n
    else:
        moods = tuple(body.moods)
        name, n = ", ".join(["Mix", *moods]), body.n
        if n is None and body.minutes is None:
            n = _DEFAULT_MIX
    own = replace(rules, moods=moods, n=n, surest=isinstance(body, MoodBody))
    made = mix(catalogue.every(Query(moods=moods, sort="added")), own, body.seed)
    return Chosen(name, made.entries, made.note, own)
