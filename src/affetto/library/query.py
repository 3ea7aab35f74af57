"""What is wanted of the library: words, moods, bounds, an order, and a part of the list."""

from collections.abc import Sequence
from dataclasses import dataclass

from affetto.errors import UsageError
from affetto.library.entry import STATES

SORTS = (
    *("title", "artist", "album", "mood", "confidence", "tempo", "energy", "valence"),
    *("added", "duration"),
)
"""What lists can be sorted by."""


@dataclass(frozen=True, slots=True)
class Query:
    """What is wanted of the library, in which order, and which part of it.

    Attributes
    ----------
    search : str
        Words that must all occur in title, artist, album or path: parts of three letters or
        more anywhere, shorter ones where a word begins. Case and accents do not matter.
    moods : sequence of str
        Effective moods, any of them; empty for all.
    states : sequence of str
        Any of `affetto.library.entry.STATES`; empty for all.
    min_confidence, max_confidence : float or None
        0–1, of the model's mood.
    min_tempo, max_tempo : float or None
        BPM.
    corrected : bool or None
        True: only those with an own label. False: only those without.
    ids : sequence of int or None
        Only these.
    folder : str or None
        Only what lies in this folder, or below it.
    sort : str
        One of `SORTS`. Tracks without a value come last.
    descending : bool
    offset, limit : int
        Part of the list; ``limit=None`` for all.
    """

    search: str = ""
    moods: Sequence[str] = ()
    states: Sequence[str] = ("done",)
    min_confidence: float | None = None
    max_confidence: float | None = None
    min_tempo: float | None = None
    max_tempo: float | None = None
    corrected: bool | None = None
    ids: Sequence[int] | None = None
    folder: str | None = None
    sort: str = "title"
    descending: bool = False
    offset: int = 0
    limit: int | None = 100

    def __post_init__(self) -> None:
        if self.sort not in SORTS:
            raise UsageError(f"cannot sort by {self.sort!r}; expected one of {', '.join(SORTS)}")
        for state in self.states:
            if state not in STATES:
                raise UsageError(f"no state {state!r}; expected some of {', '.join(STATES)}")
        if self.offset < 0 or (self.limit is not None and self.limit < 0):
            raise UsageError("offset and limit count tracks: expected 0 or more")
