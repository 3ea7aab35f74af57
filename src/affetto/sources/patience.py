"""Asking again, and when to stop: the one module that knows stamina.

A service that stumbles (a broken connection, 5xx) is asked again after growing, jittered waits.
One that asks to wait (429 or 503 with ``Retry-After``) is obeyed: a short wait is waited for by
all who ask it, a long one ends the asking with the time at which to come back.

References
----------
.. [1] RFC 9110, 10.2.3 (Retry-After) and 6.6.1 (Date); RFC 6585, 4 (429 Too Many Requests).
"""

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from affetto.errors import ClientMissingError, ServiceBusyError, ServiceError

try:
    import stamina
except ImportError as exc:
    _MISSING = (
        'asking web services needs packages that are not installed: pip install "affetto[sources]"'
    )
    raise ClientMissingError(_MISSING) from exc

T = TypeVar("T")

_BREATH_S = 60.0  # for a service that is not content with the waits it asked for
_LONGEST_S = 366 * 86_400.0  # what asks for more means "never"; a clock can still show this

# Stamina logs every retry as a warning, which Python prints where nobody asked for logs.
logging.getLogger("stamina").addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for a service, and how often to ask again.

    Attributes
    ----------
    attempts : int
        How often one question is asked at most.
    timeout_s : float
        Longest silence of a service; a whole answer may take three times as long.
    longest_wait_s : float
        A ``Retry-After`` up to this is waited for.
    first_wait_s, last_wait_s, jitter_s : float
        Waits double from the first to the last, each with up to `jitter_s` more.
    at_once : int
        How many questions one service is asked at the same time.
    """

    attempts: int = 5
    timeout_s: float = 20.0
    longest_wait_s: float = 60.0
    first_wait_s: float = 0.5
    last_wait_s: float = 15.0
    jitter_s: float = 1.0
    at_once: int = 4


class TryAgainError(Exception):
    """Another try may help. Internal: callers see `error` in its place.

    Parameters
    ----------
    error : ServiceError
        What to raise if no try helps.
    wait_s : float, optional
        How long the service asks to wait.
    """

    def __init__(self, error: ServiceError, wait_s: float | None = None):
        super().__init__(str(error))
        self.error = error
        self.wait_s = wait_s


class Gate:
    """The door to one service: closed to all while it asks to wait.

    Parameters
    ----------
    service : str
        Its name, for messages.
    patience : Patience
    """

    def __init__(self, service: str, patience: Patience):
        self.service = service
        self._patience = patience
        self._lock = threading.Lock()
        self._opens = 0.0  # monotonic
        self._refusal: ServiceBusyError | None = None

    def ask(self, question: Callable[[], T]) -> T:
        """Ask until there is an answer.

        Parameters
        ----------
        question : callable
            Asks once; raises `TryAgainError` where another try may help.

        Raises
        ------
        ServiceBusyError
            If the service asks, or asked before, to wait longer than `Patience.longest_wait_s`.
        ServiceError
            If no try helps.
        """
        patience = self._patience
        try:
            for attempt in stamina.retry_context(
                on=self._wait_before_next,
                attempts=patience.attempts,
                timeout=None,
                wait_initial=patience.first_wait_s,
                wait_max=patience.last_wait_s,
                wait_jitter=patience.jitter_s,
            ):
                with attempt:
                    self._enter()
                    return question()
        except TryAgainError as exc:
            if exc.wait_s is not None:  # it asked to wait, was obeyed, and asks again and again
                raise self.refuse_until(time.time() + max(exc.wait_s, _BREATH_S)) from exc
            raise exc.error from exc
        raise AssertionError("unreachable")

    def refuse_until(self, until: float) -> ServiceBusyError:
        """Close the door for this run, and give the error that says until when."""
        error = ServiceBusyError(
            f"{self.service} asks to wait until {_clock(until)}; what was fetched so far is kept: "
            "the same command goes on from there after that",
            until=until,
        )
        with self._lock:
            self._refusal = self._refusal or error
        return error

    def _enter(self) -> None:
        """Wait while the door is closed."""
        while True:
            with self._lock:
                if self._refusal is not None:
                    raise self._refusal
                left_s = self._opens - time.monotonic()
                if left_s <= 0:
                    return
            time.sleep(left_s)

    def _wait_before_next(self, exc: Exception) -> bool | float:
        """Say whether to ask again; the wait of a ``Retry-After`` is one for all."""
        if not isinstance(exc, TryAgainError):
            return False
        if exc.wait_s is None:
            return True
        if exc.wait_s > self._patience.longest_wait_s:
            raise self.refuse_until(time.time() + exc.wait_s) from exc
        with self._lock:
            self._opens = max(self._opens, time.monotonic() + exc.wait_s)
        return 0.0  # `_enter` waits


def wait_of(retry_after: str | None, date: str | None = None) -> float | None:
    """Read a ``Retry-After``: seconds, or a date.

    Parameters
    ----------
    retry_after : str or None
        The header.
    date : str or None
        The answer's ``Date``: a date is held against the service's own clock, since ours may
        go wrong.

    Returns
    -------
    float or None
        Seconds, from 0 to a year; None where there is no header that can be read.
    """
    text = (retry_after or "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        then = _moment(text)
        if then is None:
            return None
        now = _moment(date or "") or datetime.now(UTC)
        seconds = (then - now).total_seconds()
    return min(max(0.0, seconds), _LONGEST_S) if not math.isnan(seconds) else None


def _clock(until: float) -> str:
    at, now = datetime.fromtimestamp(until).astimezone(), datetime.now(UTC).astimezone()
    if at.date() == now.date():
        return f"{at:%H:%M}"
    return f"{at:%d %B %H:%M}" if at.year == now.year else f"{at:%d %B %Y}"


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
