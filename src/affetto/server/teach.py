"""Teaching: one's own labels make a personal model, which is shown before it is used."""

from http import HTTPStatus

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from affetto.server.answers import Refusal, answer
from affetto.server.safety import REPORT_CSP
from affetto.server.schemas import Teaching
from affetto.server.state import State, answers

router = APIRouter(tags=["teach"])


async def _told(request: Request, status: int = 200) -> Response:
    state = State.of(request)
    return answer(await state.ask(state.teacher.told), request, status=status)


@router.get("/api/teach", summary="How far the personal model is", responses=answers(Teaching))
async def teaching(request: Request) -> Response:
    """Count one's own labels, and give the figures of a model that waits to be used."""
    return await _told(request)


@router.post(
    "/api/teach",
    summary="Learn from one's own labels",
    status_code=HTTPStatus.ACCEPTED,
    responses=answers(Teaching, 409, status=202),
)
async def learn(request: Request) -> Response:
    """Train a personal model in the background; the one in use stays until it is adopted."""
    state = State.of(request)
    await state.ask(state.teacher.start)
    return await _told(request, 202)


@router.post("/api/teach/adopt", summary="Use the personal model", responses=answers(Teaching, 409))
async def adopt(request: Request) -> Response:
    """Label the library by the model that waits; the old one is kept."""
    state = State.of(request)
    await state.ask(state.teacher.adopt)
    return await _told(request)


@router.post(
    "/api/teach/discard", summary="Drop the personal model that waits", responses=answers(Teaching)
)
async def discard(request: Request) -> Response:
    """Stop training, or drop what came of it."""
    state = State.of(request)
    await state.ask(lambda catalogue: state.teacher.discard())
    return await _told(request)


@router.post(
    "/api/teach/revert",
    summary="Go back to the model before",
    responses=answers(Teaching, 409),
)
async def revert(request: Request) -> Response:
    """Label the library by the model that was in use before."""
    state = State.of(request)
    await state.ask(state.teacher.revert)
    return await _told(request)


@router.get(
    "/api/report",
    summary="The report of the personal model",
    response_class=Response,
    responses=answers(None, 404)
    | {200: {"content": {"text/html": {"schema": {"type": "string"}}}, "description": "A page."}},
)
async def report(request: Request) -> Response:
    """Give the report of the model that waits, else of the personal one in use."""
    state = State.of(request)
    html = await state.ask(state.teacher.report)
    if html is None:
        raise Refusal(
            404, "there is no report: no personal model was trained yet", "teach one first"
        )
    headers = {"content-security-policy": REPORT_CSP}
    return HTMLResponse(html, headers=headers)
