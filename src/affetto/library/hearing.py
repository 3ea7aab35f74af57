"""What a worker process does with one file: know it again by its audio, or hear it."""

import os
import sqlite3
from pathlib import Path
from typing import Any

from affetto.audio.decode import open_audio
from affetto.errors import AudioError
from affetto.library.audio_hash import audio_hash
from affetto.library.schema import connect
from affetto.library.store import Stamp
from affetto.scoring.listen import hear

_MOST_DONORS = 16

_connections: dict[str, sqlite3.Connection] = {}


def attend(
    path: str, *, database: str, excerpt: bool, timeline: bool, version: int
) -> dict[str, Any]:
    """Hear a file, unless its audio is in the catalogue already.

    Parameters
    ----------
    path : str
    database : str
        The catalogue's, in which only is looked.
    excerpt, timeline : bool
        As `affetto.analyze` has them.
    version : int
        Of the analysis; what was heard by another counts as unheard.

    Returns
    -------
    dict
        ``changed``: the file was written to meanwhile; nothing is said of it. Else ``stamp``,
        ``audio_hash``, ``title``, ``artist``, ``album``, and either ``same``, the ids of tracks
        that were heard and have this audio, or all that `affetto.scoring.listen.hear` tells.

    Raises
    ------
    AudioError
        If it cannot be heard.
    """
    before = _stamp(path)
    try:
        digest = audio_hash(path)
    except OSError as exc:
        raise AudioError(f"cannot be read: {exc.strerror or exc}") from exc
    same = _donors(database, digest, excerpt=excerpt, timeline=timeline, version=version)
    told = _tags(path) if same else None
    if told is None:
        same = []
        told = hear(path, excerpt=excerpt, timeline=timeline, descriptors=False)
    if _stamp(path) != before:
        return {"changed": True}
    return {**told, "audio_hash": digest, "same": same, "stamp": before.as_row()}


def _stamp(path: str) -> Stamp:
    try:
        return Stamp.of(os.stat(path))  # noqa: PTH116
    except OSError as exc:
        raise AudioError(f"cannot be read: {exc.strerror or exc}") from exc


def _donors(
    database: str, digest: str, *, excerpt: bool, timeline: bool, version: int
) -> list[int]:
    db = _connections.get(database)
    if db is None:
        db = _connections[database] = connect(Path(database), readonly=True)
    rows = db.execute(
        "SELECT id FROM tracks WHERE audio_hash = ? AND heard_at IS NOT NULL "
        "AND analysis_version = ? AND (NOT is_excerpt OR ?) "
        "AND (NOT ? OR id IN (SELECT track_id FROM timelines)) ORDER BY id LIMIT ?",
        [digest, version, excerpt, timeline, _MOST_DONORS],
    )
    return [row[0] for row in rows]


def _tags(path: str) -> dict[str, Any] | None:
    """Read a file's names; None where they cannot be read, so that it is heard after all."""
    try:
        with open_audio(path) as audio:
            info = audio.info
    except AudioError:
        return None
    return {"title": info.title, "artist": info.artist, "album": info.album}
