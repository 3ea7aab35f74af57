"""Several questions under way at a time: few, so that memory stays flat and a stop is quick."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TypeVar

Q = TypeVar("Q")
A = TypeVar("A")

_HEARD_S = 0.2  # how long Ctrl-C may wait


def asked_together(
    ask: Callable[[Q], A], questions: Iterable[Q], at_once: int
) -> Iterator[tuple[Q, A]]:
    """Ask questions in threads, and give each answer as it comes in.

    Once a question fails, no other is begun; those under way are waited for. Whoever stops
    early, Ctrl-C included, waits for nobody: the threads end by themselves, or with the program.

    Parameters
    ----------
    ask : callable
        Called in up to `at_once` threads at a time.
    questions : iterable
        Read as threads become free, in the thread of the caller.
    at_once : int

    Yields
    ------
    question, answer
        In the order in which answers come.

    Raises
    ------
    Exception
        The first that `ask` raised, after all that was answered.
    """
    waiting: SimpleQueue[tuple[Q] | None] = SimpleQueue()
    done: SimpleQueue[tuple[Q, A | None, BaseException | None]] = SimpleQueue()

    def work() -> None:
        while (item := waiting.get()) is not None:
            (question,) = item
            try:
                done.put((question, ask(question), None))
            except BaseException as exc:  # noqa: BLE001 - raised again where it was asked
                done.put((question, None, exc))

    source = iter(questions)
    is_over = False
    failure: BaseException | None = None
    n_under_way = n_threads = 0
    try:
        while True:
            while n_under_way < at_once and not is_over:
                try:
                    waiting.put((next(source),))
                except StopIteration:
                    is_over = True
                    break
                n_under_way += 1
                if n_threads < n_under_way:
                    # The threads of an executor would hold up the end of the program until a
                    # service that hangs gives up.
                    threading.Thread(target=work, daemon=True).start()
                    n_threads += 1
            if not n_under_way:
                break
            question, answer, error = _taken(done)
            n_under_way -= 1
            if error is None:
                yield question, answer  # type: ignore[misc]
            else:
                is_over, failure = True, failure or error
        if failure is not None:
            raise failure
    finally:
        for _ in range(n_threads):
            waiting.put(None)


def _taken(done: SimpleQueue[A]) -> A:
    """Wait for an answer so that Ctrl-C is heard meanwhile.

    Once Polars is loaded, a wait without an end goes on through the signal.
    """
    while True:
        with suppress(Empty):
            return done.get(timeout=_HEARD_S)
