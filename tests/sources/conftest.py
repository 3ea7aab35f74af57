"""What tests of services share; each file says in `case` which service it drives."""

from contextlib import closing

import keyring
import pytest

from affetto.sources.cache import AnswerCache


@pytest.fixture
def server(case):
    return case.service


@pytest.fixture
def cache():
    """Answers in memory: one cache serves several runs, and no disk is waited for."""
    with AnswerCache(":memory:") as kept:
        yield kept


@pytest.fixture
def account(case, monkeypatch):
    """An account of which nothing is in the environment, and nothing kept."""
    for name in ("URL", "USER", "PASSWORD"):
        monkeypatch.delenv(case.variable(name))
    return case.account()


@pytest.fixture
def source(case, cache):
    with closing(case.open(cache)) as opened:
        yield opened


@pytest.fixture
def use_keyring():
    """Put a keyring in the place of the one that is there, until the test ends."""
    before = keyring.get_keyring()
    yield lambda one: keyring.set_keyring(one) or one
    keyring.set_keyring(before)
