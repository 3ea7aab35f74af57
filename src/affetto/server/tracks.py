"""The library's tracks: lists, one track, its sound, its mood over time, and correcting it."""

import asyncio
import os
import re
import stat
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Path, Query, Request
from numpy.typing import NDArray
from starlette.responses import FileResponse, Response

from affetto.errors import TrackNotFoundError
from affetto.features import FEATURE_NAMES
from affetto.library.catalogue import Catalogue
from affetto.library.entry import Entry
from affetto.library.queries import Query as Wanted
from affetto.server.answers import Refusal, answer
from affetto.server.bodies import MAX_ID, Correction, Filter, ListQuery
from affetto.server.schemas import Pending, Points, Timeline, TrackDetail, TrackPage
from affetto.server.state import State, answers
from affetto.server.why import typical, why
from affetto.sources.playlists import printable

router = APIRouter(tags=["tracks"])

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_TYPES = {
    ".mp3": "audio/mpeg",
    ".flac": "audio/flac",
    ".ogg": "audio/ogg",
    ".oga": "audio/ogg",
    ".opus": "audio/ogg",
    ".m4a": "audio/mp4",
    ".m4b": "audio/mp4",
    ".mp4": "audio/mp4",
    ".aac": "audio/aac",
    ".wav": "audio/wav",
    ".aif": "audio/aiff",
    ".aiff": "audio/aiff",
    ".wma": "audio/x-ms-wma",
    ".webm": "audio/webm",
}

TrackId = Annotated[int, Path(ge=1, le=MAX_ID, description="Of a track.")]


@router.get(
    "/api/tracks",
    summary="List tracks: searched, filtered, sorted, paged",
    responses=answers(TrackPage),
)
async def tracks(request: Request, asked: Annotated[ListQuery, Query()]) -> Response:
    """Give a part of the tracks that are asked for, and how many there are in all."""
    wanted = Wanted(
        **asked.chosen(),
        sort=asked.sort,
        descending=asked.descending,
        offset=asked.offset,
        limit=asked.limit,
    )

    def page(catalogue: Catalogue) -> Response:
        found = catalogue.tracks(wanted)
        content = {
            "total": found.total,
            "offset": asked.offset,
            "tracks": [summary(entry) for entry in found.entries],
        }
        return answer(content, request, is_cached=True)

    return await State.of(request).ask(page)


@router.get("/api/map", summary="Every track's place on the mood map", responses=answers(Points))
async def mood_map(request: Request, asked: Annotated[Filter, Query()]) -> Response:
    """Give valence, energy, mood and confidence of all tracks that are asked for, as columns."""
    wanted = Wanted(**asked.chosen(), limit=None)

    def points(catalogue: Catalogue) -> Response:
        found = catalogue.points(wanted)
        placed = ~(np.isnan(found.valence) | np.isnan(found.energy))
        content = {
            "moods": list(found.moods),
            "n": int(placed.sum()),
            "ids": found.ids[placed].tolist(),
            "valence": _thousandths(found.valence[placed]),
            "energy": _thousandths(found.energy[placed]),
            "mood": found.mood[placed].tolist(),
            "confidence": _thousandths(found.confidence[placed]),
        }
        return answer(content, request, is_cached=True)

    return await State.of(request).ask(points)


@router.get(
    "/api/tracks/{track_id}",
    summary="One track, and why it got its mood",
    responses=answers(TrackDetail, 404),
)
async def track(request: Request, track_id: TrackId) -> Response:
    """Give all that is known of a track."""
    return answer(await State.of(request).ask(lambda own: detail(own, track_id)), request)


@router.put(
    "/api/tracks/{track_id}/mood",
    summary="Correct a track's mood",
    responses=answers(TrackDetail, 404),
)
async def correct(request: Request, track_id: TrackId, correction: Correction) -> Response:
    """Give a track a mood of one's own, or take that back with null."""

    def put(catalogue: Catalogue) -> dict[str, Any]:
        catalogue.correct(track_id, correction.mood)
        return detail(catalogue, track_id)

    return answer(await State.of(request).ask(put), request)


@router.get(
    "/api/tracks/{track_id}/timeline",
    summary="A track's mood over time",
    responses=answers(Timeline, 404) | {202: {"model": Pending, "description": "Being heard."}},
)
async def timeline(request: Request, track_id: TrackId) -> Response:
    """Give the moods of a track's windows; heard at the first time, which takes some seconds."""
    state = State.of(request)

    def windows(catalogue: Catalogue) -> tuple[str, dict[str, Any] | None]:
        entry = known(catalogue, track_id)
        moments = catalogue.timeline(track_id)
        if moments is None:
            return entry.path, None
        shown = [
            {
                "start_s": moment["start_s"],
                "stop_s": moment["stop_s"],
                "p": _rounded(moment.get("p") or {}),
                "energy": moment.get("energy"),
                "valence": moment.get("valence"),
            }
            for moment in moments
        ]
        return entry.path, {"moods": list(catalogue.model().moods), "windows": shown}

    path, content = await state.ask(windows)
    if content is not None:
        return answer(content, request)
    await asyncio.to_thread(_regular_file, path)
    state.timelines.ask(track_id, path)
    return answer({"pending": True}, status=202, headers={"retry-after": "1"})


@router.get(
    "/api/tracks/{track_id}/audio",
    summary="A track's sound",
    response_class=FileResponse,
    responses=answers(None, 404, 416)
    | {
        200: {"content": {"audio/*": {}}, "description": "The file."},
        206: {"content": {"audio/*": {}}, "description": "The part that was asked for."},
    },
)
@router.head("/api/tracks/{track_id}/audio", include_in_schema=False)
async def audio(request: Request, track_id: TrackId) -> Response:
    """Give the file, or the part of it that a Range header asks for.

    Of several parts in one header none is given, but the whole, as HTTP allows.
    """
    path = await State.of(request).ask(lambda own: known(own, track_id).path)
    status = await asyncio.to_thread(_regular_file, path)
    _settle_range(request, status.st_size)
    kind = _TYPES.get(os.path.splitext(path)[1].lower(), "application/octet-stream")  # noqa: PTH122
    return FileResponse(
        path, media_type=kind, stat_result=status, headers={"cache-control": "private, no-cache"}
    )


def _settle_range(request: Request, size: int) -> None:
    """Leave a Range header only where it asks for one part that there is.

    Raises
    ------
    Refusal
        416 where it lies beyond the end.
    """
    asked = request.headers.getlist("range")
    if not asked:
        return
    match = _RANGE.fullmatch(asked[0].strip().lower()) if len(asked) == 1 else None
    first, last = match.groups() if match else ("", "")
    is_sound = bool(first or last) and not (first and last and int(last) < int(first))
    if not is_sound:
        # RFC 9110, 14.2: what cannot be read, or is several, may be left aside.
        request.scope["headers"] = [
            (name, value) for name, value in request.scope["headers"] if name != b"range"
        ]
        return
    is_beyond = int(first) >= size if first else int(last) == 0 or size == 0
    if is_beyond and "if-range" not in request.headers:
        raise Refusal(416, f"the file has {size} bytes", None, {"content-range": f"bytes */{size}"})


def _regular_file(path: str) -> os.stat_result:
    try:
        status = os.stat(path)  # noqa: PTH116 - names that are not UTF-8
    except (OSError, ValueError):
        status = None
    if status is None or not stat.S_ISREG(status.st_mode) or not os.access(path, os.R_OK):
        raise Refusal(404, "the file is not there any more", "scan the library again")
    return status


def known(catalogue: Catalogue, track_id: int) -> Entry:
    """Give a track.

    Raises
    ------
    TrackNotFoundError
    """
    entry = catalogue.track(track_id)
    if entry is None:
        raise TrackNotFoundError(f"the library has no track {track_id}; was it forgotten?")
    return entry


def summary(entry: Entry) -> dict[str, Any]:
    """Give a track as lists show it; its place on the disk stays here."""
    features = entry.features
    return {
        "id": entry.id,
        "title": entry.title,
        "artist": entry.artist,
        "album": entry.album,
        "name": entry.name,
        "file": printable(entry.file),
        "mood": entry.mood,
        "own_mood": entry.own_mood,
        "model_mood": entry.model_mood,
        "confidence": _round(entry.confidence),
        "second": entry.second,
        "second_confidence": _round(entry.second_confidence),
        "outlier": _round(entry.outlier),
        "reason": entry.reason,
        "tempo": features.get("tempo"),
        "energy": features.get("energy"),
        "valence": features.get("valence"),
        "duration_ms": features.get("duration_ms"),
        "key": entry.key,
        "state": entry.state,
        "error": entry.error,
        "added_at": entry.added_at,
    }


def detail(catalogue: Catalogue, track_id: int) -> dict[str, Any]:
    """Give a track with all that is known of it.

    Raises
    ------
    TrackNotFoundError
    """
    entry = known(catalogue, track_id)
    model = catalogue.model()
    return {
        **summary(entry),
        "features": {name: entry.features.get(name) for name in FEATURE_NAMES},
        "p": _rounded(entry.p),
        "typical": typical(model, entry.mood),
        "explanation": why(model, entry.features) if entry.p else None,
        "warning": entry.warning,
        "analysis_version": entry.analysis_version,
    }


def _round(share: float | None) -> float | None:
    return None if share is None else round(share, 4)


def _rounded(p: Any) -> dict[str, float]:
    return {mood: round(share, 4) for mood, share in p.items()}


def _thousandths(shares: NDArray[np.float32]) -> list[int | None]:
    known_ones = np.rint(np.nan_to_num(shares) * 1000).astype(np.int64)
    values: list[int | None] = known_ones.tolist()
    for row in np.flatnonzero(np.isnan(shares)).tolist():
        values[row] = None
    return values
