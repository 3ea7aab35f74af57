"""Mixes by rule: which tracks, how many, and no artist too soon again."""

import heapq
import math
import random
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from affetto.errors import UsageError
from affetto.library.entry import Entry
from affetto.tracks import first_artist, normalise_name

T = TypeVar("T")

ARTIST_GAP = 3
"""Tracks by others between two by one artist, where the artists allow it."""

# Names that stand where nobody knows the artist: such tracks have nothing in common.
_NOBODY = frozenset({"", "unknown", "unknown artist", "various", "various artists"})


@dataclass(frozen=True, slots=True)
class Rules:
    """What a mix is made of.

    Attributes
    ----------
    moods : tuple of str
        Tracks of these; empty: of any mood.
    min_confidence : float or None
        0–1. A track that the user labelled is sure whatever the model thinks of it.
    min_tempo, max_tempo : float or None
        BPM, both included; a track without a tempo is left out where one is given.
    n : int or None
        Tracks; None: all that meet the rules.
    minutes : float or None
        Length instead of a number of tracks, met as closely as the tracks allow.
    per_artist : int or None
        Tracks of one artist at most.
    artist_gap : int
        Tracks between two by one artist, where the artists allow it.
    surest : bool
        Take the tracks that are surest of their mood rather than draw among all.
    """

    moods: tuple[str, ...] = ()
    min_confidence: float | None = None
    min_tempo: float | None = None
    max_tempo: float | None = None
    n: int | None = None
    minutes: float | None = None
    per_artist: int | None = None
    artist_gap: int = ARTIST_GAP
    surest: bool = False

    def __post_init__(self) -> None:
        if self.n is not None and self.minutes is not None:
            raise UsageError("give a number of tracks or a length in minutes, not both")
        for what, value, least in (
            ("number of tracks", self.n, 1),
            ("number of tracks an artist", self.per_artist, 1),
            ("gap between an artist's tracks", self.artist_gap, 0),
        ):
            if value is not None and value < least:
                raise UsageError(f"found {value} as the {what}; expected {least} or more")
        if self.minutes is not None and not 0 < self.minutes < math.inf:
            raise UsageError(f"found {self.minutes:g} as the length in minutes; expected above 0")
        if self.min_confidence is not None and not 0 <= self.min_confidence <= 1:
            raise UsageError(f"found {self.min_confidence:g} as the least confidence; expected 0–1")
        low, high = self.min_tempo, self.max_tempo
        if any(bound is not None and not 0 <= bound < math.inf for bound in (low, high)):
            raise UsageError("found a tempo that is none; expected BPM, 0 or more")
        if low is not None and high is not None and low > high:
            raise UsageError(f"no tempo is above {low:g} and below {high:g} BPM: exchange the two")

    def accept(self, entry: Entry) -> bool:
        """Whether a track meets the rules by itself."""
        if entry.state != "done" or entry.mood is None:
            return False
        if self.moods and entry.mood not in self.moods:
            return False
        if self.min_confidence is not None and sureness(entry) < self.min_confidence:
            return False
        tempo = entry.features.get("tempo")
        low = -math.inf if self.min_tempo is None else self.min_tempo
        high = math.inf if self.max_tempo is None else self.max_tempo
        if (low, high) != (-math.inf, math.inf) and not (tempo and low <= tempo <= high):
            return False
        return self.minutes is None or bool(entry.duration_ms)


@dataclass(frozen=True, slots=True)
class Mix:
    """Tracks in the order they are played.

    Attributes
    ----------
    entries : tuple of Entry
    n_matching : int
        Tracks that met the rules.
    note : str or None
        What of the rules could not be met, and why.
    """

    entries: tuple[Entry, ...]
    n_matching: int
    note: str | None = None

    @property
    def minutes(self) -> float:
        """Length of all tracks whose length is known."""
        return sum(entry.duration_ms or 0.0 for entry in self.entries) / 60_000


def mood_playlist(
    entries: Iterable[Entry],
    mood: str,
    n: int | None = None,
    *,
    seed: int = 0,
    artist_gap: int = ARTIST_GAP,
) -> Mix:
    """Give the playlist of one mood: all of its tracks, or the `n` surest, artists spread.

    Raises
    ------
    UsageError
        If `n` is less than 1.
    """
    rules = Rules(moods=(mood,), n=n, artist_gap=artist_gap, surest=True)
    return mix(entries, rules, seed)


def mix(entries: Iterable[Entry], rules: Rules, seed: int = 0) -> Mix:
    """Choose tracks by rule and order them.

    Tracks are drawn at random (or the surest taken), exchanged until the length fits best
    where one is asked for, and ordered so that an artist comes again as late as it was asked,
    or as the artists allow.

    Parameters
    ----------
    entries : iterable of Entry
        In any order: the mix depends on the tracks and the seed only.
    rules : Rules
    seed : int, default 0
        The same seed gives the same mix of the same tracks.

    Returns
    -------
    Mix
        Shorter than asked for where too few tracks meet the rules; its note says so.
    """
    draw = random.Random(seed)  # noqa: S311 - music, no secret
    matching = sorted(filter(rules.accept, entries), key=lambda entry: entry.id)
    draw.shuffle(matching)
    if rules.surest:
        matching.sort(key=sureness, reverse=True)
    pool = _limited(matching, rules.per_artist)
    chosen = pool[: rules.n]
    if rules.minutes is not None:
        lengths = np.array([entry.duration_ms or 0.0 for entry in pool])
        chosen = [pool[place] for place in nearest_length(lengths, 60_000 * rules.minutes)]
    draw.shuffle(chosen)
    ordered = spread(chosen, [artist_key(entry) for entry in chosen], rules.artist_gap)
    made = Mix(tuple(ordered), len(matching))
    return replace(made, note=_note(made, rules, len(pool)))


def sureness(entry: Entry) -> float:
    """Tell how sure a track's mood is: 1 by the user's own label, else the model's confidence."""
    return 1.0 if entry.own_mood is not None else entry.confidence or 0.0


def artist_key(entry: Entry) -> str:
    """Give a name that a track shares with the others of its artist, and with none else."""
    name = normalise_name(first_artist(entry.artist))
    return f"track {entry.id}" if name in _NOBODY else f"artist {name}"


def nearest_length(lengths: NDArray[np.float64], target: float) -> list[int]:
    """Choose items whose lengths add up to nearly `target`, the first ones by preference.

    Starts with the first items up to the target, then adds, leaves out or exchanges one item
    at a time while that comes nearer.

    Parameters
    ----------
    lengths : numpy.ndarray, shape=(n_items,)
        Above 0, in the unit of `target`.
    target : float

    Returns
    -------
    list of int
        Places of the chosen items, ascending; at least one where there is any.
    """
    if not len(lengths):
        return []
    sums = np.cumsum(lengths)
    n_first = int(np.argmin(np.abs(sums - target))) + 1
    chosen = np.zeros(len(lengths), bool)
    chosen[:n_first] = True
    error = float(sums[n_first - 1]) - target
    while error:
        inside, outside = np.flatnonzero(chosen), np.flatnonzero(~chosen)
        outside = outside[np.argsort(lengths[outside], kind="stable")]
        leave = np.append(lengths[inside], 0.0)  # the last: none leaves
        join = np.append(0.0, lengths[outside])  # the first: none joins
        # The best to join for each that leaves lies beside the length that is missing then.
        beside = np.searchsorted(join, leave - error)
        options = np.stack([np.maximum(beside - 1, 0), np.minimum(beside, len(outside))])
        errors = error - leave + join[options]
        if len(inside) == 1:
            errors[options[:, 0] == 0, 0] = math.inf  # something is played
        side, place = np.unravel_index(np.argmin(np.abs(errors)), errors.shape)
        if abs(errors[side, place]) >= abs(error) - 1e-9:
            break
        if place < len(inside):
            chosen[inside[place]] = False
        if options[side, place] > 0:
            chosen[outside[options[side, place] - 1]] = True
        error = float(errors[side, place])
    return [int(place) for place in np.flatnonzero(chosen)]


def spread(items: Sequence[T], keys: Sequence[str], gap: int) -> list[T]:
    """Order items so that between two of one key stand `gap` others, or as many as can.

    Each key's items are laid out evenly first; where that breaks the gap, the key with most
    items left goes first, which keeps every gap that can be kept.

    Parameters
    ----------
    items : sequence
        In the order they are preferred.
    keys : sequence of str
        One an item.
    gap : int

    Returns
    -------
    list
        The same items. The widest gap that all can keep, at most `gap`, is kept.
    """
    counts = Counter(keys)
    if not counts:
        return []
    most = max(counts.values())
    if most > 1:
        n_most = sum(n == most for n in counts.values())
        gap = min(gap, (len(keys) - n_most) // (most - 1) - 1)
    queues: dict[str, deque[int]] = defaultdict(deque)
    for place, key in enumerate(keys):
        queues[key].append(place)
    # The first of a key keeps its share of the beginning: prolific artists come early anyway.
    starts = {key: queue[0] / len(keys) for key, queue in queues.items()}

    def evenly(key: str, left: int) -> tuple[float, int]:
        done = counts[key] - left
        return (done + starts[key]) / counts[key], queues[key][done]

    def fullest_first(key: str, left: int) -> tuple[float, int]:
        return -float(left), queues[key][counts[key] - left]

    order = _lay_out(counts, evenly, gap) or _lay_out(counts, fullest_first, gap)
    assert order is not None, "the gap was made one that can be kept"
    places = {key: iter(queue) for key, queue in queues.items()}
    return [items[next(places[key])] for key in order]


def _lay_out(
    counts: Mapping[str, int], rank: Callable[[str, int], tuple[float, int]], gap: int
) -> list[str] | None:
    """Take the key of the lowest rank that may come again; None where there is none."""
    left = dict(counts)
    ready = [(*rank(key, n), key) for key, n in counts.items()]
    heapq.heapify(ready)
    resting: deque[tuple[int, str]] = deque()
    order: list[str] = []
    for place in range(sum(counts.values())):
        while resting and resting[0][0] <= place:
            key = resting.popleft()[1]
            heapq.heappush(ready, (*rank(key, left[key]), key))
        if not ready:
            return None
        key = heapq.heappop(ready)[-1]
        order.append(key)
        left[key] -= 1
        if left[key]:
            resting.append((place + gap + 1, key))
    return order


def _limited(entries: list[Entry], per_artist: int | None) -> list[Entry]:
    if per_artist is None:
        return entries
    taken: Counter[str] = Counter()
    kept = []
    for entry in entries:
        key = artist_key(entry)
        taken[key] += 1
        if taken[key] <= per_artist:
            kept.append(entry)
    return kept


def _note(made: Mix, rules: Rules, n_pool: int) -> str | None:
    limit = f" (of {made.n_matching:,}, at most {rules.per_artist} an artist)"
    limit = limit if n_pool < made.n_matching else ""
    meet = "track meets" if n_pool == 1 else "tracks meet"
    if rules.n is not None and n_pool < rules.n:
        return f"asked for {rules.n:,} tracks; {n_pool:,} {meet} the rules{limit}"
    if rules.minutes is not None and len(made.entries) == n_pool and made.minutes < rules.minutes:
        return (
            f"asked for {rules.minutes:g} minutes; {n_pool:,} {meet} the rules{limit}, "
            f"{made.minutes:.1f} minutes in all"
        )
    return None if n_pool else "no track meets the rules"
