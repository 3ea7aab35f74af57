"""Keeps a catalogue up to date while music comes and goes: looks where the disk changed."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from affetto.errors import CatalogueError, UsageError
from affetto.library.catalogue import Catalogue
from affetto.library.folders import is_within

QUIET_MS = 2000
"""So long nothing must change before it is looked at: a copy under way is not heard."""


def watch(
    catalogue: Catalogue,
    on_change: Callable[[list[str]], object],
    *,
    stop: threading.Event | None = None,
    quiet_ms: int = QUIET_MS,
) -> None:
    """Wait for changes in the folders of a library, until stopped.

    Parameters
    ----------
    catalogue : Catalogue
        Its folders, those there when this begins, are watched.
    on_change : callable
        Given the folders in which something changed, all of them in the library.
    stop : threading.Event, optional
        Set it to end.
    quiet_ms : int

    Raises
    ------
    UsageError
        If watchfiles is not installed.
    CatalogueError
        If none of the folders is there.
    """
    try:
        from watchfiles import watch as changes  # noqa: PLC0415 - the extra [watch]
    except ImportError as exc:
        raise UsageError('watching folders needs watchfiles: pip install "affetto[watch]"') from exc
    roots = [folder.path for folder in catalogue.folders() if Path(folder.path).is_dir()]
    if not roots:
        raise CatalogueError("none of the library's folders is there: nothing to watch")
    gathered: set[str] = set()
    for found in changes(
        *roots,
        watch_filter=lambda change, path: not os.path.basename(path).startswith("."),  # noqa: PTH119
        stop_event=stop,
        rust_timeout=quiet_ms,
        yield_on_timeout=True,
    ):
        gathered.update(path for _, path in found)
        if gathered and not found:
            on_change(sorted(set(_folders(gathered, roots))))
            gathered.clear()


def _folders(paths: set[str], roots: list[str]) -> Iterator[str]:
    """Give the folders that must be looked at: the nearest above each change that are there."""
    for path in paths:
        root = next((one for one in roots if is_within(path, one)), None)
        if root is None:
            continue
        folder = os.path.dirname(path) if path != root else path  # noqa: PTH120
        while folder != root and not os.path.isdir(folder):  # noqa: PTH112
            folder = os.path.dirname(folder)  # noqa: PTH120
        yield folder
        # A folder that came is a change of the one above; one that went as well.
        if os.path.isdir(path):  # noqa: PTH112
            yield path
