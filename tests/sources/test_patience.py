"""Asking again: how often, how long, and one door for all who ask."""

import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from affetto.errors import ServiceBusyError, ServiceError, ServiceUnreachableError
from affetto.sources.patience import Gate, Patience, TryAgainError, wait_of
from services.case import QUICK

BROKEN = ServiceUnreachableError("it is down")


class Question:
    """Fails with each of `failures` in turn, then answers."""

    def __init__(self, *failures):
        self.failures = list(failures)
        self.times = []

    def __call__(self):
        self.times.append(time.monotonic())
        if self.failures:
            raise self.failures.pop(0)
        return "answer"


def stumble(n):
    return [TryAgainError(BROKEN) for _ in range(n)]


def wait(seconds, n=1):
    return [TryAgainError(ServiceError("429"), seconds) for _ in range(n)]


def test_an_answer_is_given_at_once():
    question = Question()
    assert Gate("Service", QUICK).ask(question) == "answer"
    assert len(question.times) == 1


def test_a_question_is_asked_again_where_that_may_help():
    question = Question(*stumble(3))
    assert Gate("Service", QUICK).ask(question) == "answer"
    assert len(question.times) == 4


def test_a_question_is_asked_so_often_and_no_more():
    question = Question(*stumble(99))
    with pytest.raises(ServiceUnreachableError) as failure:
        Gate("Service", replace(QUICK, attempts=3)).ask(question)
    assert failure.value is BROKEN
    assert len(question.times) == 3


def test_what_no_other_try_helps_is_raised_at_once():
    question = Question(ValueError("a bug"))
    with pytest.raises(ValueError, match="a bug"):
        Gate("Service", QUICK).ask(question)
    assert len(question.times) == 1


def test_waits_grow_up_to_a_last_one():
    patience = Patience(
        attempts=6, first_wait_s=0.02, last_wait_s=0.08, jitter_s=0.0, longest_wait_s=1.0
    )
    question = Question(*stumble(5))
    Gate("Service", patience).ask(question)
    waits = [then - now for now, then in zip(question.times, question.times[1:], strict=False)]
    for found, least in zip(waits, (0.02, 0.04, 0.08, 0.08, 0.08), strict=True):
        assert least <= found < least + 0.05


def test_a_short_wait_is_waited_for():
    gate, question = Gate("Service", QUICK), Question(*wait(0.15))
    assert gate.ask(question) == "answer"
    assert question.times[1] - question.times[0] >= 0.15
    assert question.times[1] - question.times[0] < 1.0


def test_a_wait_that_was_asked_for_takes_the_place_of_our_own():
    gate = Gate("Service", replace(QUICK, first_wait_s=5.0, last_wait_s=5.0))
    started = time.monotonic()
    gate.ask(Question(*wait(0.05)))
    assert time.monotonic() - started < 1.0


def test_all_wait_for_the_same_door():
    gate, late = Gate("Service", QUICK), Question()
    together = threading.Barrier(4)
    begun = set()

    def question():
        if threading.get_ident() not in begun:
            begun.add(threading.get_ident())
            together.wait(5)  # all four are told to wait at the same moment
            raise wait(0.2)[0]
        return time.monotonic()

    answered = []
    threads = [
        threading.Thread(target=lambda: answered.append(gate.ask(question))) for _ in range(4)
    ]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    time.sleep(0.1)
    gate.ask(late)
    for thread in threads:
        thread.join()
    assert min(*answered, *late.times) - started >= 0.2, "nobody passes a closed door"
    assert max(answered) - started < 0.6, "they wait together, not one after the other"


@pytest.mark.parametrize("seconds", [4.0, 86_400.0])
def test_a_long_wait_ends_the_asking_with_the_time_to_come_back(seconds):
    gate, question = Gate("Service", QUICK), Question(*wait(seconds))
    with pytest.raises(ServiceBusyError, match="Service asks to wait until") as failure:
        gate.ask(question)
    assert failure.value.until == pytest.approx(time.time() + seconds, abs=5)
    assert len(question.times) == 1
    assert f"{datetime.fromtimestamp(failure.value.until).astimezone():%H:%M}" in str(failure.value)
    other = Question()
    with pytest.raises(ServiceBusyError) as again:
        gate.ask(other)
    assert again.value is failure.value and not other.times


def test_one_that_asks_to_wait_again_and_again_is_left_alone():
    gate, question = Gate("Service", replace(QUICK, attempts=3)), Question(*wait(0.01, 99))
    with pytest.raises(ServiceBusyError) as failure:
        gate.ask(question)
    assert len(question.times) == 3
    assert failure.value.until > time.time() + 30


def test_a_wait_after_a_stumble_and_a_stumble_after_a_wait():
    question = Question(*stumble(1), *wait(0.05), *stumble(1))
    assert Gate("Service", QUICK).ask(question) == "answer"


SILENT = """
from affetto.errors import ServiceError
from affetto.sources.patience import Gate, Patience, TryAgainError
failures = [TryAgainError(ServiceError("down"))] * 2
def question():
    if failures:
        raise failures.pop()
    return "answer"
patience = Patience(first_wait_s=0.01, jitter_s=0.0)
print(Gate("Service", patience).ask(question))
"""


def test_it_asks_in_silence():
    run = subprocess.run([sys.executable, "-c", SILENT], capture_output=True, text=True, check=True)
    assert (run.stdout, run.stderr) == ("answer\n", "")


# --- Retry-After -----------------------------------------------------------------------------

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def http(moment):
    return format_datetime(moment, usegmt=True)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5", 5.0),
        (" 0 ", 0.0),
        ("2.5", 2.5),
        ("-3", 0.0),
        ("86400", 86_400.0),
        (None, None),
        ("", None),
        ("soon", None),
        ("nan", None),
        ("Mon, 99 Foo 2026 99:99:99 GMT", None),
        ("Sun, 01 Mar 99999999999999999999 12:00:00 GMT", None),
    ],
)
def test_seconds(text, seconds):
    assert wait_of(text) == seconds


def test_a_date_is_held_against_the_clock_of_the_service():
    """Whether our clock is right does not matter: both dates are of the service's."""
    for skew in (timedelta(0), timedelta(days=-300), timedelta(hours=5)):
        then, sent = NOW + skew + timedelta(seconds=42), NOW + skew
        assert wait_of(http(then), http(sent)) == 42.0


def test_a_date_without_a_clock_is_held_against_ours():
    then = datetime.now(UTC) + timedelta(seconds=100)
    assert wait_of(http(then)) == pytest.approx(100, abs=2)
    assert wait_of(http(then), "no date") == pytest.approx(100, abs=2)


def test_a_date_that_is_over_asks_for_no_wait():
    assert wait_of(http(NOW - timedelta(hours=1)), http(NOW)) == 0.0


def test_dates_without_a_zone_are_utc():
    assert wait_of("Sun, 01 Mar 2026 12:00:42 -0000", http(NOW)) == 42.0


@pytest.mark.parametrize(
    "text", ["1e300", "inf", "99999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"]
)
def test_never_is_a_time_that_a_clock_can_show(text):
    seconds = wait_of(text)
    assert seconds is not None and 300 * 86_400 < seconds < 400 * 86_400
    with pytest.raises(ServiceBusyError, match=r"20\d\d"):
        Gate("Service", QUICK).ask(Question(*wait(seconds)))
