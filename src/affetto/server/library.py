"""The library as a whole: health, status, moods, scan and failures."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Body, Request
from starlette.responses import Response, StreamingResponse

import affetto
from affetto.library.catalogue import Catalogue
from affetto.model import MoodModel
from affetto.server.answers import answer
from affetto.server.bodies import ScanBody
from affetto.server.schemas import Failures, Health, Moods, ScanEvent, StatusAnswer
from affetto.server.state import State, answers
from affetto.sources.playlists import printable

router = APIRouter(tags=["library"])

_MOST_FAILURES = 1000
_FIGURES = ("accuracy", "balanced_accuracy", "log_loss", "ece", "n", "rule")


@router.get("/api/health", summary="Whether it is well", responses=answers(Health))
async def health(request: Request) -> Response:
    """Say that the server answers; more only to those who know the token."""
    state = State.of(request)
    content: dict[str, Any] = {
        "status": "ok",
        "version": affetto.__version__,
        "token_needed": not request.state.is_trusted,
        "tracks": None,
        "model": None,
        "scanning": None,
    }
    if request.state.is_trusted:
        content |= await state.vital_signs()
    return answer(content)


@router.get("/api/status", summary="How the library stands", responses=answers(StatusAnswer))
async def status(request: Request) -> Response:
    """Count tracks by state and mood; say whether a scan is under way, and how far."""
    state = State.of(request)

    def told(catalogue: Catalogue) -> dict[str, Any]:
        now = catalogue.status()
        return {
            "tracks": now.tracks,
            "done": now.done,
            "failed": now.failed,
            "waiting": now.waiting,
            "missing": now.missing,
            "moods": now.moods,
            "own_labels": now.own_labels,
            "folders": [
                {"path": printable(folder.path), "tracks": folder.n_tracks}
                for folder in now.folders
            ],
            "old_analysis": now.old_analysis,
            "model": now.model,
            "scanning": now.scanning or state.scanner.is_running,
            "scan": state.scanner.last if state.scanner.has_begun else None,
        }

    return answer(await state.ask(told), request)


@router.get(
    "/api/moods", summary="The moods, their colours, and the model", responses=answers(Moods)
)
async def moods(request: Request) -> Response:
    """List the moods of the library with their colours and counts."""

    def told(catalogue: Catalogue) -> dict[str, Any]:
        shelved = catalogue.shelved_model()
        model = catalogue.model()
        return {
            "moods": [
                {
                    "name": one.mood.name,
                    "colour": {"light": one.mood.colour_light, "dark": one.mood.colour_dark},
                    "count": one.count,
                    "own": one.own_count,
                    "valence": one.mood.valence,
                    "arousal": one.mood.arousal,
                    "meaning": one.mood.meaning,
                }
                for one in catalogue.moods()
            ],
            "model": {
                "name": shelved.name,
                "kind": model.kind,
                "personal": shelved.is_personal,
                "unseen": _unseen(model),
            },
        }

    return answer(await State.of(request).ask(told), request)


def _unseen(model: MoodModel) -> dict[str, Any] | None:
    """Give what was measured of a model on music it had not seen, as its file tells."""
    figures = model.about.get("unseen_group")
    if not isinstance(figures, dict):
        return None
    return {name: figures[name] for name in _FIGURES if name in figures}


@router.get("/api/failures", summary="Files that could not be heard", responses=answers(Failures))
async def failures(request: Request) -> Response:
    """List files that could not be heard, and why; a thousand at most."""

    def told(catalogue: Catalogue) -> dict[str, Any]:
        return {
            "failures": [
                {"id": entry.id, "file": printable(entry.file), "error": entry.error}
                for entry in catalogue.failures(_MOST_FAILURES)
            ]
        }

    return answer(await State.of(request).ask(told), request)


@router.get("/api/scan", summary="The scan's last word", responses=answers(ScanEvent))
async def scan(request: Request) -> Response:
    """Give the last event of the scan behind this server."""
    return answer(State.of(request).scanner.last)


@router.post(
    "/api/scan",
    summary="Scan the library's folders",
    status_code=HTTPStatus.ACCEPTED,
    responses=answers(ScanEvent, 409, status=202),
)
async def start_scan(request: Request, how: Annotated[ScanBody | None, Body()] = None) -> Response:
    """Look for new, changed and vanished files, and hear them in the background."""
    scanner = State.of(request).scanner
    wanted = how or ScanBody()
    scanner.start(retry_failed=wanted.retry_failed, reanalyse=wanted.reanalyse)
    return answer(scanner.last, status=202)


@router.post(
    "/api/scan/stop",
    summary="Stop the scan",
    status_code=HTTPStatus.ACCEPTED,
    responses=answers(ScanEvent, status=202),
)
async def stop_scan(request: Request) -> Response:
    """Ask the scan to stop; what was heard stays, and the next scan goes on from there."""
    scanner = State.of(request).scanner
    scanner.halt()
    return answer(scanner.last, status=202)


@router.get(
    "/api/scan/events",
    summary="The scan as it goes: server-sent events",
    response_class=StreamingResponse,
    responses=answers(None)
    | {
        200: {
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
            "description": "An event now, and one at each news; a comment each 15 s.",
        }
    },
)
async def scan_events(request: Request) -> Response:
    """Follow the scan."""
    return StreamingResponse(
        State.of(request).scanner.events(),
        media_type="text/event-stream",
        headers={"cache-control": "no-store"},
    )
