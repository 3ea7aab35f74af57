"""Threads of our own: those that hold the catalogue open and answer questions, and single ones.

SQLite's connections stay with the thread that opened them. A few threads of our own, in place
of the many of a pool that nobody owns, bound the connections and are closed when we stop.
"""

import asyncio
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from affetto.library.catalogue import Catalogue
from affetto.server.answers import Refusal

T = TypeVar("T")
Question = Callable[[Catalogue], Any]

_MOST_WAITING = 512
_Task = tuple[Question, "asyncio.AbstractEventLoop", "asyncio.Future[Any]"]


class Desk:
    """Asks the catalogue from asynchronous code.

    Parameters
    ----------
    open_catalogue : callable
        Opens it; called in each thread.
    n_threads : int
    """

    def __init__(self, open_catalogue: Callable[[], Catalogue], n_threads: int) -> None:
        self._open = open_catalogue
        self._tasks: queue.Queue[_Task | None] = queue.Queue(_MOST_WAITING)
        self._threads = [
            threading.Thread(target=self._serve, name=f"affetto desk {i}", daemon=True)
            for i in range(n_threads)
        ]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Close every catalogue and end the threads."""
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join()

    async def ask(self, question: Callable[[Catalogue], T]) -> T:
        """Call a function with the catalogue, in one of the threads, and give its result.

        Raises
        ------
        Refusal
            503 where too many wait already; else whatever the function raises.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        try:
            self._tasks.put_nowait((question, loop, future))
        except queue.Full:
            raise Refusal(
                503, "too many requests wait already", "try again", {"retry-after": "1"}
            ) from None
        return await future

    def _serve(self) -> None:
        catalogue: Catalogue | None = None
        try:
            while (task := self._tasks.get()) is not None:
                question, loop, future = task
                result: Any = None
                error: BaseException | None = None
                try:
                    if catalogue is None:
                        catalogue = self._open()
                    result = question(catalogue)
                except BaseException as exc:  # noqa: BLE001 - raised where it was asked
                    error = exc
                with suppress(RuntimeError):  # the loop may be closed: nobody waits any more
                    loop.call_soon_threadsafe(_settle, future, result, error)
                del task, question, future, result, error
        finally:
            if catalogue is not None:
                catalogue.close()


async def aside(function: Callable[..., T], *arguments: Any) -> T:
    """Call a function that may take minutes in a thread that no end of ours waits for.

    Returns
    -------
    object
        Its result; what it raises is raised.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def call() -> None:
        result: Any = None
        error: BaseException | None = None
        try:
            result = function(*arguments)
        except BaseException as exc:  # noqa: BLE001 - raised where it was called
            error = exc
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(_settle, future, result, error)

    threading.Thread(target=call, name=f"affetto {function.__name__}", daemon=True).start()
    return await future


def _settle(future: "asyncio.Future[Any]", result: Any, error: BaseException | None) -> None:
    if future.done():  # whoever asked has gone
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
