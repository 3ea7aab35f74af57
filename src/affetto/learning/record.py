"""What a training run says of its input and of its model, as plain data."""

from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Any

import numpy as np
import numpy.typing as npt

from affetto.learning.audit import Audit
from affetto.learning.candidates import Candidate
from affetto.learning.dataset import LabelledTracks
from affetto.learning.labels import LabelledTable
from affetto.learning.rules import applicable
from affetto.population import Population


def source_record(sources: Sequence[LabelledTable], group: str | None) -> dict[str, Any]:
    """Tell which tables were read, and of a column that could name playlists."""
    columns = [column for source in sources for column in source.table.columns]
    documented = [source.table.group for source in sources if source.table.group]
    # Playlists before artists: what people sorted by mood they sorted in playlists.
    likely = ("playlist", "playlist_name", "artist")
    named = sorted(
        (c for c in columns if c.lower() in likely), key=lambda c: likely.index(c.lower())
    )
    return {
        "tables": [
            {
                "name": source.table.name,
                "mood": source.mood,
                "label": source.label,
                "notes": [note.text for note in source.table.notes],
            }
            for source in sources
        ],
        "synthetic": any(source.table.synthetic for source in sources),
        "group": group,
        "group_like_column": next(iter([*documented, *named]), None),
    }


def data_record(tracks: LabelledTracks, audit: Audit) -> dict[str, Any]:
    """Tell what the audit found, and the tracks by mood and group."""
    groups = None
    if tracks.groups is not None:
        names, counts = np.unique(tracks.groups, return_counts=True)
        groups = {str(name): int(n) for name, n in zip(names, counts, strict=True)}
    return {**audit.as_dict(), "per_mood": tracks.per_mood(), "groups": groups}


def counts_by_mood(y: npt.NDArray[np.intp], moods: Sequence[str]) -> dict[str, int]:
    """Count tracks by mood."""
    counts = np.bincount(y, minlength=len(moods))
    return {mood: int(n) for mood, n in zip(moods, counts, strict=True)}


def versions() -> dict[str, str]:
    """Give the versions of what the figures depend on."""
    names = ("numpy", "polars", "scikit-learn", "scipy")
    return {name: metadata.version(name) for name in names}


def about_model(
    evidence: Mapping[str, Any],
    tracks: LabelledTracks,
    chosen: Candidate,
    settings: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """Give what the model file says of itself: figures, names and quantiles, no rows."""
    keep = ("accuracy", "balanced_accuracy", "macro_f1", "log_loss", "ece", "n")
    unseen = evidence["unseen_group"]
    by_source = evidence["unseen_source"]
    return {
        "candidate": chosen.name,
        "settings": {name: settings[name] for name in chosen.members or (chosen.name,)},
        "tables": [table["name"] for table in evidence["source"]["tables"]],
        "synthetic": evidence["source"]["synthetic"],
        "tracks": len(tracks),
        "per_mood": tracks.per_mood(),
        "fingerprint": tracks.fingerprint(),
        "population": Population.of(
            tracks.X, tracks.y, features=tracks.features, moods=tracks.moods
        ).as_dict(),
        "test": {
            **{key: evidence["test"][key] for key in (*keep, "low", "high")},
            "per_mood": evidence["test"]["per_mood"],
        },
        "unseen_group": {key: unseen[key] for key in (*keep, "intervals", "rule", "per_mood")}
        if unseen
        else None,
        "unseen_source": {
            key: by_source[key]
            for key in ("balanced_accuracy", "log_loss", "ece", "rule", "sources")
        }
        if by_source
        else None,
        "rules": applicable(evidence["rules"], tracks.moods),
        "versions": versions(),
        "fitted_on": "all usable tracks, after the test",
        "seed": evidence["seed"],
    }
