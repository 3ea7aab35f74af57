"""A file that is sent: its features, its mood, and why."""

import asyncio

from fastapi import APIRouter, Request
from starlette.responses import Response

from affetto.features import FEATURE_NAMES
from affetto.server.answers import Refusal, answer
from affetto.server.bodies import UPLOAD_SCHEMA
from affetto.server.decisions import decided
from affetto.server.desk import aside
from affetto.server.hearing import heard
from affetto.server.schemas import Analysis
from affetto.server.state import State, answers
from affetto.server.uploads import received
from affetto.server.why import why

router = APIRouter(tags=["label"])

_MOST_WAITING = 8


@router.post(
    "/api/analyse",
    summary="Hear an audio file, and tell its mood",
    responses=answers(Analysis, 415, 507),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"multipart/form-data": {"schema": UPLOAD_SCHEMA}},
        }
    },
)
async def analyse(request: Request) -> Response:
    """Analyse one file; nothing of it is kept."""
    state = State.of(request)
    if state.n_analyses >= _MOST_WAITING:
        raise Refusal(503, "too many files wait already", "try again", {"retry-after": "5"})
    state.n_analyses += 1
    try:
        async with received(request, state.settings.upload_mb * 2**20) as path, state.analysing:
            told = await aside(heard, str(path), state.settings)
    finally:
        state.n_analyses -= 1
    model = await state.model()
    features = {name: told["features"].get(name) for name in FEATURE_NAMES}
    decision = decided(features, model)
    problem = decision.pop("error")
    explanation = await asyncio.to_thread(why, model, features)
    return answer(
        {
            "title": told["title"],
            "artist": told["artist"],
            "features": features,
            "key": told["key"],
            **decision,
            "explanation": explanation,
            "warning": "; ".join(filter(None, (told["warning"], problem))) or None,
        },
        request,
    )
