"""One file heard in a process of its own, which may crash, hang or swell without harm to us."""

from contextlib import closing
from pathlib import Path
from typing import Any

from affetto.errors import AffettoError, AudioError, WorkerTimeoutError
from affetto.scoring.listen import hear
from affetto.scoring.workers import run_jobs
from affetto.server.answers import Refusal
from affetto.server.settings import Settings

_NICE = 5


def heard(path: str, settings: Settings, *, timeline: bool = False) -> dict[str, Any]:
    """Analyse one file; blocks until that is done.

    Parameters
    ----------
    path : str
    settings : Settings
        Time and memory that it may take.
    timeline : bool
        Also its windows.

    Returns
    -------
    dict
        As `affetto.scoring.listen.hear` gives it.

    Raises
    ------
    Refusal
        422 where the file cannot be heard, in words that name no path.
    """
    jobs = run_jobs(
        hear,
        [path],
        n_jobs=1,
        timeout_s=settings.analyse_timeout_s,
        memory_mb=settings.analyse_memory_mb,
        nice=_NICE,
        keywords={"excerpt": False, "timeline": timeline, "descriptors": False},
    )
    with closing(jobs):
        outcome = next(jobs)
    if outcome.error is not None:
        raise Refusal(422, _words(outcome.error, path)) from outcome.error
    told: dict[str, Any] = outcome.value
    if told["error"] is not None:
        raise Refusal(422, f"the file cannot be labelled: {told['error']}")
    return told


def _words(error: AffettoError, path: str) -> str:
    if isinstance(error, AudioError):
        text = str(error)
        for name in (path, Path(path).name):
            text = text.removeprefix(f"{name} ").removeprefix(f"{name}: ").replace(name, "the file")
        return f"the file cannot be heard: {text}"
    if isinstance(error, WorkerTimeoutError):
        return f"the file cannot be heard: {error}"
    return "the file cannot be heard: decoding it failed badly; is it damaged?"
