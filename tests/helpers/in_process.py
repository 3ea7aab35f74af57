"""Jobs done here, one after the other: for tests of what is around them, not of the processes."""

from affetto.errors import AffettoError
from affetto.scoring.workers import Outcome


def run_jobs(function, items, *, keywords=None, **_):
    """Do what `affetto.scoring.workers.run_jobs` does, without its processes."""
    for index, item in enumerate(items):
        try:
            yield Outcome(index, function(item, **(keywords or {})), None)
        except AffettoError as exc:
            yield Outcome(index, None, exc)
