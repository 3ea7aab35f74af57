"""Descriptors of many files, analysed once: kept in a cache by what each file holds."""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from affetto.audio.analysis import DESCRIPTOR_NAMES, measure
from affetto.audio.version import ANALYSIS_VERSION
from affetto.errors import AudioError

Floats = NDArray[np.float64]
Described = dict[str, float]


class Collection:
    """Analyses files, and remembers what it found.

    Parameters
    ----------
    cache : Path
        A folder; made where it is not.
    tell : callable
        Takes a line for whoever waits.
    """

    def __init__(self, cache: Path, tell: Callable[[str], None]) -> None:
        self._cache = cache
        self._tell = tell
        cache.mkdir(parents=True, exist_ok=True)
        # Another analysis, another cache: what it measures is in the name.
        names = ",".join(DESCRIPTOR_NAMES)
        self._salt = f"{ANALYSIS_VERSION}:{hashlib.sha256(names.encode()).hexdigest()}"

    def describe(self, path: Path) -> Described | None:
        """Give a file's descriptors; None, and a line, where it cannot be analysed."""
        content = hashlib.sha256(self._salt.encode() + path.read_bytes()).hexdigest()
        kept = self._cache / f"{content[:32]}.json"
        if kept.exists():
            found: Described = json.loads(kept.read_text(encoding="utf-8"))
            return found
        try:
            descriptors = measure(path)
        except AudioError as exc:
            self._tell(f"left out: {exc}")
            return None
        kept.write_text(json.dumps(descriptors), encoding="utf-8")
        return descriptors

    def describe_all(self, paths: Sequence[Path], what: str) -> list[Described | None]:
        """Give the descriptors of files, in order."""
        found = []
        for place, path in enumerate(paths):
            if place % 50 == 0:
                self._tell(f"{what}: {place} of {len(paths)}")
            found.append(self.describe(path))
        return found


def matrix(tracks: Sequence[Described], names: Sequence[str]) -> Floats:
    """Put descriptors into a matrix, shape=(n_tracks, n_names)."""
    return np.array([[track[name] for name in names] for track in tracks], dtype=np.float64)
