"""Moods into the files' own tags: first what would change, then the change, safe, and undone.

A file is never changed in place. A copy beside it gets the tags, is read back and compared (the
audio by its hash, all other tags one by one, the new values), and takes the file's place in one
step that either happens or does not. Before that step the journal holds what was there.
"""

import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import affetto
from affetto.errors import InputError, TagError, TrackNotFoundError, UsageError
from affetto.library.entry import Entry
from affetto.library.mixes import sureness
from affetto.library.tag_copies import (
    OtherAudioError,
    check_may_write,
    remove_stale,
    replace_file,
)
from affetto.library.tag_fields import Field, Raw, Tags, Values
from affetto.library.tag_formats import read_tags, translated
from affetto.library.tag_journal import Journal, Written
from affetto.sources.playlists import printable

if TYPE_CHECKING:
    from affetto.library.catalogue import Catalogue
    from affetto.library.query import Query

Existing = Literal["own", "keep", "replace"]
State = Literal["change", "right", "kept", "unsure", "failed", "written", "undone"]

_KEY = re.compile(r"([A-G])([#b♯♭]?) (major|minor)")


@dataclass(frozen=True, slots=True)
class TagSettings:
    """What is written, and where.

    Attributes
    ----------
    n_moods : int
        Moods a track at most: the first always, others where their probability reaches
        `threshold`.
    threshold : float
        0–1.
    min_confidence : float or None
        0–1; tracks less sure are left alone.
    bpm, key, details : bool
        Also tempo; also key; also ``AFFETTO_CONFIDENCE`` and ``AFFETTO_VERSION``.
    existing : str
        What becomes of values that are there already: ``"own"`` renews what affetto wrote
        and keeps all others; ``"keep"`` keeps all; ``"replace"`` keeps none.
    part_links : bool
        Write to files with several names on the disk too, which parts the names.
    """

    n_moods: int = 1
    threshold: float = 0.25
    min_confidence: float | None = None
    bpm: bool = False
    key: bool = False
    details: bool = False
    existing: Existing = "own"
    part_links: bool = False

    def __post_init__(self) -> None:
        if self.n_moods < 1:
            raise UsageError(f"found {self.n_moods} moods a track; expected 1 or more")
        for what, share in (("threshold", self.threshold), ("confidence", self.min_confidence)):
            if share is not None and not 0 <= share <= 1:
                raise UsageError(f"found {share:g} as the least {what}; expected 0–1")


@dataclass(frozen=True, slots=True)
class Change:
    """What a file's tags are, and what they shall be.

    Attributes
    ----------
    entry : Entry
    state : str
        ``"change"``: there is something to write. ``"right"``: all is there. ``"kept"``:
        other values are there, and stay. ``"unsure"``: less sure than asked for.
        ``"failed"``: `why` says why. ``"written"``, ``"undone"``: it is done.
    now, then : dict of str to tuple of str
        The fields that change: their values before and after.
    why : str or None
    """

    entry: Entry
    state: State
    now: Values = field(default_factory=dict)
    then: Values = field(default_factory=dict)
    why: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Give plain data for JSON, the path printable."""
        return {
            "id": self.entry.id,
            "path": printable(self.entry.path),
            "state": self.state,
            "now": {name: list(values) for name, values in self.now.items()},
            "then": {name: list(values) for name, values in self.then.items()},
            "why": self.why,
        }


def tag_library(
    catalogue: "Catalogue",
    query: "Query",
    journal: Journal,
    settings: TagSettings,
    *,
    write: bool = False,
) -> Iterator[Change]:
    """Find out, track by track, what would be written; with `write`, write it at once.

    Yields
    ------
    Change

    Raises
    ------
    OutputError
        If the journal cannot be written.
    CatalogueError
        If the catalogue cannot.
    """
    own = journal.own_values()
    tidied: set[Path] = set()
    for entry in catalogue.every(query):
        change = plan(entry, settings, own.get(entry.audio_hash or ""))
        if write and change.state == "change":
            folder = Path(os.path.realpath(entry.path)).parent
            if folder not in tidied:
                tidied.add(folder)
                remove_stale(folder)
            change = write_change(change, journal, settings)
            if change.state == "written":
                catalogue.touched(entry.id)
        yield change


def undo_last(catalogue: "Catalogue", journal: Journal) -> Iterator[Change]:
    """Put back what the last run that is not undone wrote, the last file first.

    Where nothing of that run can be put back now, but might be later (read-only files), the
    run before follows, without the files that failed.

    Yields
    ------
    Change

    Raises
    ------
    InputError
        If there is no such run.
    """
    runs = journal.runs()
    if not runs:
        raise InputError(f"nothing to undo: {printable(journal.path)} tells of no tags written")
    failed: set[str] = set()
    for run in runs:
        put_back = False
        for written in run:
            # What lies under a later change that stays cannot be put back before it.
            if written.path in failed:
                continue
            entry = _entry_of(written, catalogue)
            change = undo(written, journal, entry)
            if entry is not None and change.then:
                # It may lie where it was written, and not where the catalogue has it.
                with suppress(TrackNotFoundError):
                    catalogue.touched(entry.id)
            if change.state == "failed":
                failed.add(written.path)
            put_back |= change.state != "failed" or bool(change.then)
            yield change
        if put_back or all(left[0].run != run[0].run for left in journal.runs()):
            return


def _entry_of(written: Written, catalogue: "Catalogue") -> Entry | None:
    """Give the track that was written to; a new database has other numbers."""
    for entry in (catalogue.track(written.track_id), catalogue.track_at(written.path)):
        if entry is not None and (
            entry.audio_hash == written.audio_hash or entry.path == written.path
        ):
            return entry
    return None


def wanted_values(entry: Entry, settings: TagSettings) -> dict[Field, tuple[str, ...]]:
    """Give the values that a track's tags shall have; none where a field shall not be there."""
    if entry.mood is None:
        return {}
    others = sorted(
        (mood for mood, p in entry.p.items() if mood != entry.mood and p >= settings.threshold),
        key=lambda mood: -entry.p[mood],
    )
    wanted: dict[Field, tuple[str, ...]] = {"mood": (entry.mood, *others)[: settings.n_moods]}
    tempo = entry.features.get("tempo")
    if settings.bpm and tempo:
        wanted["bpm"] = (str(round(tempo)),)
    if settings.key and entry.key and (code := key_code(entry.key)):
        wanted["key"] = (code,)
    if settings.details:
        by_model = entry.mood == entry.model_mood and entry.confidence is not None
        wanted["confidence"] = (f"{entry.confidence:.2f}",) if by_model else ()
        wanted["version"] = (affetto.__version__,)
    return wanted


def key_code(key: str) -> str | None:
    """Write a key as tags have it: ``"A minor"`` as ``"Am"``, ``"F# major"`` as ``"F#"``.

    References
    ----------
    ID3v2.4.0 native frames, 4.2.3: TKEY.
    """
    match = _KEY.fullmatch(key)
    if not match:
        return None
    sign = match[2].replace("♯", "#").replace("♭", "b")
    return f"{match[1]}{sign}{'m' if match[3] == 'minor' else ''}"


def plan(entry: Entry, settings: TagSettings, own: Values | None = None) -> Change:
    """Find out what would be written to a track's file; nothing is.

    Parameters
    ----------
    entry : Entry
    settings : TagSettings
    own : dict of str to tuple of str, optional
        What affetto wrote into this file last; see `Journal.own_values`.

    Returns
    -------
    Change
    """
    if settings.min_confidence is not None and sureness(entry) < settings.min_confidence:
        return Change(entry, "unsure")
    wanted = wanted_values(entry, settings)
    if not wanted:
        return Change(entry, "failed", why="has no mood yet; run affetto library update")
    path = Path(os.path.realpath(entry.path))
    try:
        tags = read_tags(path)
        with translated():
            now = {name: tags.values(name) for name in wanted}
        check_may_write(path, path.stat(), part_links=settings.part_links)
    except (TagError, OSError) as exc:
        return Change(entry, "failed", why=_reason(exc))
    free = {name for name in wanted if _is_free(now[name], (own or {}).get(name), settings)}
    if "mood" not in free and now["mood"] != wanted["mood"]:
        free -= {"confidence", "version"}  # they speak of a mood that is not written
    then = {name: wanted[name] for name in wanted if name in free and now[name] != wanted[name]}
    if then:
        return Change(entry, "change", {name: now[name] for name in then}, then)
    if now["mood"] != wanted["mood"]:
        return Change(entry, "kept", {"mood": now["mood"]}, {"mood": wanted["mood"]})
    return Change(entry, "right")


def write_change(change: Change, journal: Journal, settings: TagSettings) -> Change:
    """Write what was planned to one file.

    Returns
    -------
    Change
        ``"written"``, or ``"failed"`` with the reason; then the file is as it was.

    Raises
    ------
    OutputError
        If the journal cannot be written.
    """
    entry = change.entry

    def edit(tags: Tags) -> None:
        if any(tags.values(name) != change.now[name] for name in change.then):
            raise TagError("its tags changed meanwhile; nothing was written")
        before: dict[Field, Raw] = {name: tags.raw(name) for name in change.then}
        noted.append((tags.existed, before))
        for name, values in change.then.items():
            tags.put(name, values)

    def note(tags: Tags, audio: str) -> None:
        existed, before = noted[0]
        after = {name: tags.values(name) for name in change.then}
        journal.add(
            Written(journal.run, entry.id, entry.path, audio, existed, before, after, time.time())
        )

    noted: list[tuple[bool, dict[Field, Raw]]] = []
    try:
        replace_file(
            Path(entry.path), edit, note, heard=entry.audio_hash, part_links=settings.part_links
        )
    except (TagError, OSError) as exc:
        return replace(change, state="failed", why=_reason(exc))
    return replace(change, state="written")


def undo(written: Written, journal: Journal, entry: Entry | None = None) -> Change:
    """Give one file back what it had before, where nobody changed that since.

    Parameters
    ----------
    written : Written
    journal : Journal
    entry : Entry, optional
        The track as the catalogue has it now; says where the file is when it was moved.

    Returns
    -------
    Change
        ``"undone"``, or ``"right"`` where all is as before already, or ``"failed"``: `why`
        names what stays, and the file is as it was but for what `then` tells. A file that is
        gone, or has other audio now, counts as undone: it does not come up again.

    Raises
    ------
    OutputError
        If the journal cannot be written.
    """
    entry = entry or Entry(written.track_id, written.path)
    place = Path(written.path)
    place = place if place.exists() else Path(entry.path)
    restored: list[Field] = []
    changed: list[Field] = []
    now: dict[Field, tuple[str, ...]] = {}

    def edit(tags: Tags) -> None:
        for name, raw in written.before.items():
            now[name] = tags.values(name)
            if now[name] == tuple(written.after[name]):
                tags.restore(name, raw)
                restored.append(name)
            elif tags.raw(name) != raw:
                changed.append(name)
        if not restored:
            raise _NothingToDo

    def note(tags: Tags, audio: str) -> None:
        then.update({name: tags.values(name) for name in restored})

    then: dict[Field, tuple[str, ...]] = {}
    try:
        replace_file(
            place,
            edit,
            note,
            heard=written.audio_hash,
            part_links=True,
            drop_empty=not written.existed,
        )
    except _NothingToDo:
        pass
    except OtherAudioError:
        journal.add_undone(written)
        return Change(entry, "failed", why="its audio is not what affetto wrote to; left as it is")
    except (TagError, OSError) as exc:
        # Without its folder it may lie on a drive that comes back.
        if isinstance(exc, FileNotFoundError) and place.parent.exists():
            journal.add_undone(written)
        return Change(entry, "failed", why=_reason(exc))
    journal.add_undone(written)
    if changed:
        names = ", ".join(changed)
        why = f"{names}: changed since affetto wrote it, so it stays as it is"
        return Change(entry, "failed", now, then, why)
    return Change(entry, "undone" if restored else "right", now, then)


class _NothingToDo(Exception):  # noqa: N818 - no error
    pass


def _is_free(now: tuple[str, ...], own: tuple[str, ...] | None, settings: TagSettings) -> bool:
    """Whether a field may be written: it is empty, ours, or nobody's values count."""
    if not now or settings.existing == "replace":
        return True
    return settings.existing == "own" and now == own


def _reason(exc: TagError | OSError) -> str:
    if isinstance(exc, FileNotFoundError):
        return "is not there any more; run affetto library update"
    if isinstance(exc, OSError):
        return f"cannot be written: {exc.strerror or exc}"
    return str(exc)
