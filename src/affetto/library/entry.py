"""One track of the library, as everything above the catalogue sees it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from affetto.sources.playlists import printable

State = Literal["waiting", "done", "failed", "missing"]

STATES: tuple[State, ...] = ("waiting", "done", "failed", "missing")
"""Not heard yet · heard and labelled · could not be heard · the file is not there now."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One track of the library.

    Attributes
    ----------
    id : int
        Never given to another track, not even when this one is forgotten.
    path : str
        Absolute, as the disk has it; bytes that are not UTF-8 as surrogates
        (``os.fsencode`` gives them back, `affetto.sources.playlists.printable` shows them).
    folder : str
        The folder of the library it was found in.
    title, artist, album : str or None
        As the file's tags tell them.
    features : dict of str to float or None
        The ten, by name; empty until the track was heard.
    key : str or None
        Such as ``"A minor"``.
    state : str
        One of `STATES`.
    error, warning : str or None
        Why it could not be heard; what was wrong with the file and got by with.
    mood : str or None
        The user's own label where there is one, else the model's mood.
    own_mood, model_mood : str or None
    confidence : float or None
        Probability of `model_mood`, 0–1.
    second, second_confidence : str, float or None
        The model's second mood and its probability.
    outlier : float or None
        0–1: the share of the model's training tracks that are less unusual than this one.
    reason : str or None
        As the column ``reason`` of `affetto.label`.
    p : dict of str to float
        Probability of each mood of the model in use; empty where it is not labelled.
    added_at, heard_at : float, float or None
        Seconds since 1970.
    analysis_version : int or None
        Of the analysis that heard it.
    audio_hash : str or None
        Tells the audio whatever the file's name and tags; see `affetto.library.audio_hash`.
    """

    id: int
    path: str
    folder: str = ""
    title: str | None = None
    artist: str | None = None
    album: str | None = None
    features: Mapping[str, float | None] = field(default_factory=dict)
    key: str | None = None
    state: State = "done"
    error: str | None = None
    warning: str | None = None
    mood: str | None = None
    own_mood: str | None = None
    model_mood: str | None = None
    confidence: float | None = None
    second: str | None = None
    second_confidence: float | None = None
    outlier: float | None = None
    reason: str | None = None
    p: Mapping[str, float] = field(default_factory=dict)
    added_at: float = 0.0
    heard_at: float | None = None
    analysis_version: int | None = None
    audio_hash: str | None = None

    @property
    def duration_ms(self) -> float | None:
        """Length in milliseconds; None until it was heard."""
        return self.features.get("duration_ms")

    @property
    def file(self) -> str:
        """The path below its folder; the whole path where it lies in none."""
        inside = os.path.join(self.folder, "") if self.folder else ""  # noqa: PTH118
        return self.path.removeprefix(inside)

    @property
    def name(self) -> str:
        """What to call it: its title, else the file's name without its ending."""
        if self.title:
            return self.title
        base = os.path.basename(self.path)  # noqa: PTH119
        return printable(os.path.splitext(base)[0] or base)  # noqa: PTH122

    def as_dict(self) -> dict[str, Any]:
        """Give plain data for JSON: everything, the path printable."""
        own = {name: getattr(self, name) for name in self.__slots__}
        return {
            **own,
            "path": printable(self.path),
            "folder": printable(self.folder),
            "features": dict(self.features),
            "p": dict(self.p),
            "name": self.name,
        }
