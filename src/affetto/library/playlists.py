"""Playlists of a library: one for each mood, mixes by rule, journeys; made, named, written."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from affetto.errors import InputError, UsageError
from affetto.library.entry import Entry
from affetto.library.journeys import DEFAULT_TRACKS, journey
from affetto.library.mixes import Rules, mix
from affetto.library.playlist_files import Format, Paths, check_smart, file_names, write_playlist
from affetto.moods import mood_order, wanted_mood
from affetto.output import make_folder


@dataclass(frozen=True, slots=True)
class MadePlaylist:
    """A playlist: what it is called, and its tracks in order.

    Attributes
    ----------
    name : str
    entries : tuple of Entry
    rules : Rules
        What it was made by.
    note : str or None
        What could not be met, and why.
    mean_step, unevenness : float or None
        Of a journey: see `affetto.library.journeys.Journey`.
    """

    name: str
    entries: tuple[Entry, ...]
    rules: Rules = field(default_factory=Rules)
    note: str | None = None
    mean_step: float | None = None
    unevenness: float | None = None

    @property
    def minutes(self) -> float:
        """Length of all tracks whose length is known."""
        return sum(entry.duration_ms or 0.0 for entry in self.entries) / 60_000


def of_each_mood(
    entries: Iterable[Entry], rules: Rules | None = None, seed: int = 0
) -> list[MadePlaylist]:
    """Make one playlist for each mood that has tracks, each by the same rules.

    Raises
    ------
    InputError
        If no track meets the rules.
    """
    rules = rules or Rules()
    by_mood: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.mood is not None and rules.accept(entry):
            by_mood.setdefault(entry.mood, []).append(entry)
    if not by_mood:
        raise InputError(
            "no track meets the rules; is the library labelled? affetto library status says so"
        )
    made = []
    for mood in mood_order(by_mood):
        own = replace(rules, moods=(mood,))
        mixed = mix(by_mood[mood], own, seed)
        made.append(MadePlaylist(mood, mixed.entries, own, mixed.note))
    return made


def of_rules(
    entries: Iterable[Entry], rules: Rules, seed: int = 0, name: str | None = None
) -> MadePlaylist:
    """Make one mix of all moods that the rules name.

    Raises
    ------
    InputError
        If no track meets the rules.
    """
    known = list(entries)
    mixed = mix(known, rules, seed)
    if not mixed.entries:
        moods = mood_order(entry.mood for entry in known if entry.mood)
        there = ", ".join(moods) or "none"
        raise InputError(f"no track meets the rules; moods of these tracks: {there}")
    title = name or " + ".join(rules.moods) or "Mix"
    return MadePlaylist(title, mixed.entries, rules, mixed.note)


def of_journey(
    entries: Iterable[Entry],
    moods: Sequence[str],
    rules: Rules | None = None,
    seed: int = 0,
    name: str | None = None,
) -> MadePlaylist:
    """Make a journey from mood to mood, of `Rules.n` tracks or 25.

    Raises
    ------
    UsageError, InputError
        As `affetto.library.journeys.journey`.
    """
    rules = rules or Rules()
    made = journey(entries, moods, rules.n or DEFAULT_TRACKS, rules=rules, seed=seed)
    title = name or " to ".join(moods)
    return MadePlaylist(
        title, made.entries, rules, made.note, made.mean_step, _or_none(made.unevenness)
    )


def parse_journey(text: str) -> tuple[str, ...]:
    """Read ``"Dark:Happy"`` or ``"Dark:Relaxing:Happy"``.

    Raises
    ------
    UsageError
        If there are not two or three moods, or one is all but one of the five.
    """
    moods = tuple(wanted_mood(part) for part in text.split(":") if part.strip())
    if not 2 <= len(moods) <= 3:
        raise UsageError(
            f"cannot read {text!r}; expected from and to, as in --journey Dark:Happy, or one mood "
            "between, as in Dark:Relaxing:Happy"
        )
    return moods


def write_playlists(
    made: Sequence[MadePlaylist],
    folder: str | Path,
    format: Format = "m3u8",  # noqa: A002 - what it is called everywhere
    paths: Paths = "relative",
) -> list[Path]:
    """Write playlists into a folder, each whole or not at all, over those of the same names.

    Returns
    -------
    list of Path
        One a playlist.

    Raises
    ------
    UsageError
        If the format cannot say what the rules say; then nothing is written.
    OutputError
        If the folder or a file cannot be written.
    """
    if format == "nsp":
        for playlist in made:
            if playlist.mean_step is not None:
                raise UsageError("a smart playlist (.nsp) has no order: write a journey as .m3u8")
            check_smart(playlist.rules)
    target = make_folder(folder)
    names = file_names((playlist.name for playlist in made), format)
    return [
        write_playlist(
            target / file, playlist.entries, playlist.name, paths=paths, rules=playlist.rules
        )
        for file, playlist in zip(names, made, strict=True)
    ]


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value
