"""What the server holds between requests: the catalogue's desk, the model, what is under way."""

import asyncio
import math
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, TypeVar, cast

from fastapi import Request
from pydantic import BaseModel

from affetto.errors import AffettoError
from affetto.library.catalogue import Catalogue
from affetto.library.lock import serving
from affetto.library.query import SORTS, Query
from affetto.library.schema import default_path
from affetto.model import MoodModel
from affetto.server.answers import Refusal
from affetto.server.desk import Desk
from affetto.server.scanning import Scanner
from affetto.server.schemas import ErrorAnswer
from affetto.server.settings import Settings
from affetto.server.teaching import Teacher
from affetto.server.timelines import Timelines

T = TypeVar("T")

_WORDS = {
    202: "It has begun; ask again in a moment.",
    304: "Unchanged since it was last asked for.",
    400: "The request is broken.",
    401: "A token is needed.",
    403: "Sent by another page.",
    404: "There is no such thing.",
    408: "The request took too long to arrive.",
    409: "Not as things are: something is under way, or the library cannot give it.",
    413: "The request is too large.",
    415: "Another content type is expected.",
    416: "The file is not that long.",
    421: "The server does not answer to that name.",
    422: "The request is not as it should be.",
    500: "Something went wrong inside affetto.",
    503: "Too much at once, or the library is held by another program.",
    507: "The disk is full.",
}
_FRESH_S = 1.0
_ALWAYS = (400, 401, 403, 408, 413, 421, 422, 500, 503)


class State:
    """What the server holds between requests.

    Parameters
    ----------
    catalogue_path : Path or None
        The library's database; None for the user's own.
    settings : Settings
    """

    def __init__(self, catalogue_path: Path | None, settings: Settings) -> None:
        self.path = catalogue_path
        self.settings = settings
        self.desk = Desk(self.open, settings.readers)
        self.scanner = Scanner(self.open)
        self.teacher = Teacher(self.open, catalogue_path)
        self.timelines = Timelines(self.open, settings)
        self.labelling = asyncio.Semaphore(2)  # more at the same time only fight over the cores
        self.analysing = asyncio.Semaphore(settings.analyse_jobs)
        self.n_analyses = 0
        self._held = ExitStack()
        self._looked_at = -math.inf
        self._signs: dict[str, Any] = {}

    @classmethod
    def of(cls, request: Request) -> "State":
        """Give the state of the app that a request came to."""
        return cast(State, request.app.state.affetto)

    def open(self) -> Catalogue:
        """Open the catalogue anew, for a thread of its own."""
        return Catalogue.open(self.path)

    def start(self) -> None:
        """Start what waits for requests.

        Raises
        ------
        CatalogueBusyError
            If the library is being rebuilt.
        """
        self._held.enter_context(serving(self.path or default_path()))
        self.desk.start()
        self._warming = asyncio.ensure_future(self._warm())

    async def _warm(self) -> None:
        """Ask for each order once, so that nobody waits for the first list in it."""
        with suppress(AffettoError, Refusal):  # whoever asks next is told
            for sort, descending in product(SORTS, (False, True)):
                wanted = Query(sort=sort, descending=descending, limit=1)
                await self.ask(partial(Catalogue.tracks, query=wanted))

    async def stop(self) -> None:
        """End all that is under way."""
        self._warming.cancel()
        await asyncio.gather(
            *(asyncio.to_thread(one.stop) for one in (self.scanner, self.teacher, self.timelines))
        )
        await asyncio.to_thread(self.desk.stop)
        self._held.close()

    async def ask(self, question: Callable[[Catalogue], T]) -> T:
        """Ask the catalogue; see `Desk.ask`."""
        return await self.desk.ask(question)

    async def model(self) -> MoodModel:
        """Give the model in use."""
        return await self.ask(lambda catalogue: catalogue.model())

    async def vital_signs(self) -> dict[str, Any]:
        """Give what health tells of the library: up to a second old, since pages ask often."""
        now = time.monotonic()
        if now - self._looked_at > _FRESH_S:
            status = await self.ask(lambda catalogue: catalogue.status())
            self._signs = {
                "tracks": status.tracks,
                "model": status.model,
                "scanning": status.scanning or self.scanner.is_running,
            }
            self._looked_at = now
        return self._signs


def answers(model: type[BaseModel] | None, *more: int, status: int = 200) -> dict[int | str, Any]:
    """Describe what an endpoint answers, for OpenAPI.

    Parameters
    ----------
    model : type or None
        Of the answer; None where it is no JSON.
    *more : int
        Statuses of errors beside those that any request may meet.
    status : int
        Of the answer.
    """
    described: dict[int | str, Any] = {
        code: {"model": ErrorAnswer, "description": _WORDS[code]}
        for code in sorted({*_ALWAYS, *more})
    }
    if model is not None:
        described[status] = {"model": model, "description": _WORDS.get(status, "As asked for.")}
    return described
