"""Moods for features that a client sends: ten thousand tracks a call, as columns of numbers.

The body is read by ``json`` and checked column by column, and the answer is put together from
pieces of text that are made once: a model object a row, as pydantic would make, takes ten
times as long as labelling does.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from itertools import chain
from json.encoder import encode_basestring_ascii as quoted
from operator import itemgetter
from typing import Any, NoReturn

import numpy as np
import polars as pl
from fastapi import APIRouter, Request
from numpy.typing import NDArray
from starlette.responses import Response

from affetto.features import FEATURE_NAMES
from affetto.model import MoodModel
from affetto.moods import resolve_moods
from affetto.server.answers import Refusal, answer
from affetto.server.bodies import LABEL_SCHEMA, MAX_ID, MAX_TEXT
from affetto.server.decisions import decide
from affetto.server.schemas import LabelAnswer
from affetto.server.settings import LABEL_TRACKS
from affetto.server.state import State, answers
from affetto.tracks import ERROR_COLUMN

Row = dict[str, Any]

router = APIRouter(tags=["label"])

_NUMBERS = {int, float, type(None)}
_IDS = {int, str, type(None)}
_ALL_TEN = itemgetter(*FEATURE_NAMES)


@router.post(
    "/api/label",
    summary="Label up to 10,000 tracks by their features",
    responses=answers(LabelAnswer, 415),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": LABEL_SCHEMA}},
        }
    },
)
async def label(request: Request) -> Response:
    """Tell the mood of each track, how sure that is, and what could be meant otherwise.

    A track that lacks a feature the model needs, or has one out of range, gets an ``error``
    in its result; the others are labelled.
    """
    state = State.of(request)
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/json":
        raise Refusal(415, f"{media or 'no content type'}; expected application/json")
    body = await request.body()
    async with state.labelling:
        content = await asyncio.to_thread(_labelled, body, await state.model())
    return answer(content, request)


def _labelled(body: bytes, model: MoodModel) -> bytes:
    tracks, least = read_body(body)
    return label_rows(tracks, model, least)


def read_body(body: bytes) -> tuple[list[Row], float | None]:
    """Read the body of a call.

    Returns
    -------
    tracks : list of dict
    min_confidence : float or None

    Raises
    ------
    Refusal
        422 where it is not as `LABEL_SCHEMA` says.
    """
    try:
        asked = json.loads(body, parse_constant=_refuse_constant)
    except RecursionError:
        raise Refusal(422, "the body is nested too deeply") from None
    except ValueError as exc:  # of what is no JSON, no UTF-8, or a number without end
        raise Refusal(422, f"the body is no JSON: {str(exc)[:120]}") from None
    if not isinstance(asked, dict) or not {"tracks"} <= asked.keys() <= {
        "tracks",
        "min_confidence",
    }:
        _refuse("the body", "an object with tracks, and min_confidence at most")
    tracks, least = asked["tracks"], asked.get("min_confidence")
    if not isinstance(tracks, list) or set(map(type, tracks)) - {dict}:
        _refuse("tracks", "a list of objects")
    if len(tracks) > LABEL_TRACKS:
        _refuse(f"{len(tracks)} tracks", f"at most {LABEL_TRACKS} a call")
    if least is not None and (type(least) not in (int, float) or not 0 <= least <= 1):
        _refuse("min_confidence", "a number from 0 to 1")
    _check_numbers(tracks)
    ids = [track.get("id") for track in tracks]
    kinds = set(map(type, ids))
    if float in kinds:  # JSON knows one kind of number: 7.0 is whole
        for track in tracks:
            if type(value := track.get("id")) is float and value.is_integer():
                track["id"] = int(value)
        ids = [track.get("id") for track in tracks]
        kinds = set(map(type, ids))
    if (
        kinds - _IDS
        or any(len(one) > MAX_TEXT for one in ids if type(one) is str)
        or any(abs(one) > MAX_ID for one in ids if type(one) is int)
    ):
        _refuse("id of a track", f"text of up to {MAX_TEXT} characters, a whole number, or null")
    return tracks, least


def _check_numbers(tracks: Sequence[Row]) -> None:
    try:  # as most bodies are: all ten in every track
        kinds = set(map(type, chain.from_iterable(map(_ALL_TEN, tracks))))
    except KeyError:
        kinds = {str}
    if kinds - _NUMBERS:
        for name in FEATURE_NAMES:
            if {type(track.get(name)) for track in tracks} - _NUMBERS:
                _refuse(f"{name} of a track", "a number or null")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _refuse(found: str, expected: str) -> NoReturn:
    raise Refusal(422, f"{found}: expected {expected}")


def label_rows(
    tracks: Sequence[Mapping[str, Any]], model: MoodModel, min_confidence: float | None
) -> bytes:
    """Label tracks and write the answer.

    Parameters
    ----------
    tracks : sequence of mapping
        As `read_body` gives them.
    model : MoodModel
    min_confidence : float or None

    Returns
    -------
    bytes
        JSON, as `LabelAnswer` has it.
    """
    X = _matrix(tracks, model.features)
    told = decide(X, model.features, model, min_confidence or 0.0)
    columns = [mood.column for mood in resolve_moods(model.moods)]
    p = [
        piece
        for place, (mood, column) in enumerate(zip(model.moods, columns, strict=True))
        for piece in (pl.lit(f"{',' if place else ''}{quoted(mood)}:"), _number(column))
    ]
    is_told = pl.col(columns[0]).is_not_null()
    results = told.select(
        pl.concat_str(
            pl.Series("id", [_id(track.get("id")) for track in tracks], pl.String),
            pl.lit(',"mood":'), _text("mood"),
            pl.lit(',"confidence":'), _number("confidence"),
            pl.lit(',"second":'), _text("second"),
            pl.lit(',"second_confidence":'), _number("second_confidence"),
            pl.lit(',"outlier":'), _number("outlier"),
            pl.lit(',"reason":'), _text("reason"),
            pl.lit(',"p":{'), pl.when(is_told).then(pl.concat_str(p)).otherwise(pl.lit("")),
            pl.lit('},"error":'), _text(ERROR_COLUMN),
        )
    ).to_series()  # fmt: skip
    rows = '},{"id":'.join(results.to_list())
    head = f'{{"moods":{json.dumps(list(model.moods))},"results":['
    return (f'{head}{{"id":{rows}}}]}}' if rows else f"{head}]}}").encode("ascii")


def _number(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.String).fill_null("null")


def _text(column: str) -> pl.Expr:
    """Write text as JSON; there are few different ones."""
    return pl.col(column).map_batches(_quoted, return_dtype=pl.String).fill_null("null")


def _quoted(texts: pl.Series) -> pl.Series:
    known = texts.unique().drop_nulls()
    return texts.replace_strict(
        known, pl.Series([quoted(text) for text in known], dtype=pl.String), default=None,
        return_dtype=pl.String,
    )  # fmt: skip


def _matrix(tracks: Sequence[Mapping[str, Any]], features: Sequence[str]) -> NDArray[np.float64]:
    try:
        rows = list(map(itemgetter(*features), tracks))
    except KeyError:
        rows = [tuple(track.get(name) for name in features) for track in tracks]
    try:
        # One feature alone comes without a tuple around it.
        return np.array(rows, dtype=np.float64).reshape(len(tracks), len(features))
    except OverflowError:  # whole numbers beyond all bounds are out of range like infinity
        return np.array(
            [[_float(track.get(name)) for name in features] for track in tracks], dtype=np.float64
        )


def _float(value: float | None) -> float:
    try:
        return np.nan if value is None else float(value)
    except OverflowError:
        return np.inf if value and value > 0 else -np.inf


def _id(value: str | int | None) -> str:
    return "null" if value is None else quoted(value) if isinstance(value, str) else str(value)
