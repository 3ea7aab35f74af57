"""Questions under way at a time: bounded, none lost, and a stop that waits for nobody."""

import threading
import time

import pytest

from affetto.sources.together import asked_together


class Counter:
    """Counts how many ask at the same time."""

    def __init__(self, seconds=0.01):
        self.seconds = seconds
        self.lock = threading.Lock()
        self.now = self.most = self.n = 0

    def __call__(self, number):
        with self.lock:
            self.now += 1
            self.n += 1
            self.most = max(self.most, self.now)
        time.sleep(self.seconds)
        with self.lock:
            self.now -= 1
        return 10 * number


def test_each_question_has_its_answer():
    found = list(asked_together(lambda number: 10 * number, range(100), 4))
    assert sorted(found) == [(number, 10 * number) for number in range(100)]


def test_none_and_nothing_are_questions_and_answers_too():
    assert list(asked_together(lambda one: one, [None, 0, ""], 1)) == [
        (None, None),
        (0, 0),
        ("", ""),
    ]
    assert list(asked_together(lambda one: one, [], 4)) == []


@pytest.mark.parametrize("at_once", [1, 3])
def test_so_many_at_once_and_no_more(at_once):
    ask = Counter()
    list(asked_together(ask, range(20), at_once))
    assert ask.most == at_once and ask.n == 20


def test_questions_are_read_as_they_are_asked():
    n_read = 0

    def questions():
        nonlocal n_read
        for number in range(1_000):
            n_read += 1
            yield number

    for n_answered, _ in enumerate(asked_together(lambda one: one, questions(), 4), start=1):
        assert n_read <= n_answered + 4, "what nobody waits for yet fills no memory"


def test_answers_come_as_they_are_ready():
    def ask(seconds):
        time.sleep(seconds)

    found = [seconds for seconds, _ in asked_together(ask, [0.2, 0.01, 0.1], 3)]
    assert found == [0.01, 0.1, 0.2]


def test_after_a_failure_none_is_begun_and_those_under_way_are_told_of():
    begun = []

    def ask(number):
        begun.append(number)
        if number == 1:
            raise ValueError("of one")
        time.sleep(0.05)
        return number

    found = []
    with pytest.raises(ValueError, match="of one"):
        for number, _ in asked_together(ask, range(100), 4):
            found.append(number)
    assert sorted(begun) == [0, 1, 2, 3]
    assert sorted(found) == [0, 2, 3]


def test_the_first_of_several_failures_is_raised():
    def ask(number):
        time.sleep(0.02 * number)
        raise ValueError(f"of {number}")

    with pytest.raises(ValueError, match="of 0"):
        list(asked_together(ask, range(4), 4))


def test_a_failure_of_the_questions_is_raised():
    def questions():
        yield 1
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        list(asked_together(lambda one: one, questions(), 1))


def test_whoever_stops_waits_for_nobody_and_no_more_is_begun():
    ask = Counter(seconds=0.3)
    stream = asked_together(lambda one: one if one == 0 else ask(one), range(100), 4)
    next(stream)
    started = time.monotonic()
    stream.close()
    assert time.monotonic() - started < 0.1
    time.sleep(0.5)
    assert ask.n <= 4


def test_threads_end_with_the_questions():
    before = threading.active_count()
    list(asked_together(lambda one: one, range(20), 4))
    deadline = time.monotonic() + 2
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() <= before
