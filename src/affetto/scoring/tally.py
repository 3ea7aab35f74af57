"""Counts of what was said, while rows stream by."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

OnRows = Callable[[int], None]


@dataclass(slots=True)
class Tally:
    """Counts rows while they stream by; batches may come from several threads.

    Attributes
    ----------
    rows : int
    failed : int
        Rows that carry an error.
    per_mood : dict of str to int
    unsure : int
        Rows without a mood, since none was probable enough.
    unlike : int
        Rows unlike anything that the model was trained on.
    ruled : int
        Rows where a rule held.
    """

    moods: tuple[str, ...]
    on_rows: OnRows | None = None
    rows: int = 0
    failed: int = 0
    per_mood: dict[str, int] = field(default_factory=dict)
    unsure: int = 0
    unlike: int = 0
    ruled: int = 0
    _lock: Any = field(default_factory=threading.Lock, repr=False)

    @property
    def doubts(self) -> dict[str, int]:
        """How many rows are ``unsure``, ``unlike`` and ``ruled``."""
        return {"unsure": self.unsure, "unlike": self.unlike, "ruled": self.ruled}

    def add(
        self,
        said: npt.NDArray[np.uint8],
        *,
        failed: int = 0,
        unsure: int = 0,
        unlike: int = 0,
        ruled: int = 0,
    ) -> None:
        """Count a batch: the index of each mood said, and how many rows fell otherwise."""
        counts = np.bincount(said, minlength=len(self.moods))
        with self._lock:
            self.rows += len(said) + failed + unsure
            self.failed += failed
            self.unsure += unsure
            self.unlike += unlike
            self.ruled += ruled
            for mood, count in zip(self.moods, counts, strict=True):
                self.per_mood[mood] = self.per_mood.get(mood, 0) + int(count)
            if self.on_rows is not None:
                self.on_rows(self.rows)
