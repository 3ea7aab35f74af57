"""Writing tracks into the catalogue: found, heard, failed, moved, missing, and own labels."""

import json
import os
import re
import sqlite3
import time
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from affetto.features import FEATURE_NAMES
from affetto.library.entry import Entry
from affetto.library.labelling import LABEL_COLUMNS, labels_of
from affetto.model import MoodModel
from affetto.sources.playlists import printable
from affetto.tracks import normalise_name

_LOG_LENGTH = 200_000
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Stamp:
    """By what a file is known to be unchanged, without a look inside."""

    size_bytes: int
    modified_ns: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> "Stamp":
        """Take it of what the system says of a file."""
        # SQLite's integers have a sign; some file systems use all 64 bits.
        return cls(status.st_size, status.st_mtime_ns, status.st_ino & (2**63 - 1))

    def as_row(self) -> tuple[int, int, int]:
        """Give the values of the three columns."""
        return self.size_bytes, self.modified_ns, self.inode


def name_columns(
    path: str, folder: str, title: str | None, artist: str | None, album: str | None
) -> dict[str, str | None]:
    """Give the columns that names are sorted and found by; None of what has no name."""
    entry = Entry(0, path, folder, title, artist, album)
    texts = (title, artist, album, printable(entry.file))
    return {
        "title_key": _sort_key(entry.name),
        "artist_key": _sort_key(artist),
        "album_key": _sort_key(album),
        # Words begin behind a space.
        "words": " " + normalise_name(" ".join(filter(None, texts))),
    }


def _sort_key(name: str | None) -> str | None:
    """Fold a name as people sort: without case and accents, 2 before 10."""
    folded = normalise_name(name) or (name or "").casefold()
    return _NUMBER.sub(lambda match: match[0].zfill(9), folded)[:200] or None


def add_waiting(
    db: sqlite3.Connection, folder_id: int, folder: str, files: Iterable[tuple[str, Stamp]]
) -> int:
    """Add files that are to be heard; give how many."""
    now = time.time()
    rows = []
    for path, stamp in files:
        names = name_columns(path, folder, None, None, None)
        rows.append((folder_id, os.fsencode(path), now, *stamp.as_row(), *names.values()))
    db.executemany(
        "INSERT INTO tracks (folder_id, state, path, added_at, size_bytes, modified_ns, inode, "
        "title_key, artist_key, album_key, words) VALUES (?, 'waiting', ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        rows,
    )
    return len(rows)


def record_heard(
    db: sqlite3.Connection,
    track_id: int,
    stamp: Stamp,
    told: Mapping[str, Any],
    model: MoodModel,
    *,
    is_excerpt: bool,
    version: int,
) -> None:
    """Write down what was heard of a track, and its mood.

    Parameters
    ----------
    told : mapping
        ``audio_hash``, ``title``, ``artist``, ``album``, ``features``, ``key``, ``warning``
        and, where it was asked for, ``timeline``.
    """
    features = [told["features"].get(name) for name in FEATURE_NAMES]
    columns: dict[str, Any] = {
        **dict(zip(FEATURE_NAMES, features, strict=True)),
        **{name: told.get(name) for name in ("key", "warning", "audio_hash")},
        **_named(db, track_id, told),
        **dict(zip(LABEL_COLUMNS, labels_of([features], model)[0], strict=True)),
        "state": "done",
        "error": None,
        "heard_at": time.time(),
        "analysis_version": version,
        "is_excerpt": int(is_excerpt),
    }
    _update(db, track_id, {**columns, **_stamped(stamp)})
    put_timeline(db, track_id, told.get("timeline") or ())
    settle_mood(db, told["audio_hash"])


def record_same(
    db: sqlite3.Connection,
    track_id: int,
    stamp: Stamp,
    told: Mapping[str, Any],
    donor_id: int,
) -> int:
    """Give a track what is known of its audio already; its names are read anew.

    The audio was heard as `donor_id`: the track itself (its tags were changed), one whose file
    is gone (the file was moved: that track lives on under the new path), or a copy.

    Returns
    -------
    int
        The id under which the track goes on.
    """
    if donor_id != track_id and _is_track_gone(db, donor_id):
        row = db.execute("SELECT folder_id, path FROM tracks WHERE id = ?", [track_id]).fetchone()
        db.execute("DELETE FROM tracks WHERE id = ?", [track_id])
        _update(db, donor_id, {"folder_id": row["folder_id"], "path": row["path"]})
        track_id = donor_id
    if donor_id != track_id:
        columns = (
            *FEATURE_NAMES, "key", "warning", "audio_hash", *LABEL_COLUMNS, "heard_at",
            "analysis_version", "is_excerpt",
        )  # fmt: skip
        names = ", ".join(f'"{name}"' for name in columns)
        db.execute(
            f"UPDATE tracks SET ({names}) = (SELECT {names} FROM tracks WHERE id = ?) "  # noqa: S608
            "WHERE id = ?",
            [donor_id, track_id],
        )
        db.execute(
            "INSERT OR REPLACE INTO timelines SELECT ?, data FROM timelines WHERE track_id = ?",
            [track_id, donor_id],
        )
    names_now = _named(db, track_id, told)
    _update(db, track_id, {**names_now, **_stamped(stamp), "state": "done", "error": None})
    settle_mood(db, told["audio_hash"])
    return track_id


def is_known(db: sqlite3.Connection, track_id: int) -> bool:
    """Whether the catalogue has a track."""
    row = db.execute("SELECT 1 FROM tracks WHERE id = ?", [track_id]).fetchone()
    return row is not None


def choose_donor(db: sqlite3.Connection, track_id: int, same: Sequence[int]) -> int | None:
    """Choose among tracks of the same audio: the track itself, one whose file is gone, a copy."""
    there = [
        row[0]
        for row in db.execute(
            "SELECT id FROM tracks WHERE id IN (SELECT value FROM json_each(?))",
            [json.dumps(list(same))],
        )
    ]
    if track_id in there:
        return track_id
    return next((one for one in there if _is_track_gone(db, one)), there[0] if there else None)


def is_gone(path: str | bytes) -> bool:
    """Whether nothing is there for certain, not even a link that leads nowhere."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def _is_track_gone(db: sqlite3.Connection, track_id: int) -> bool:
    (path,) = db.execute("SELECT path FROM tracks WHERE id = ?", [track_id]).fetchone()
    return is_gone(path)


def record_failed(
    db: sqlite3.Connection, track_id: int, stamp: Stamp, error: str, audio_hash: str | None
) -> None:
    """Remember that a file could not be heard, and why; what was known of it before is void."""
    void = dict.fromkeys((*FEATURE_NAMES, *LABEL_COLUMNS, "key", "warning", "heard_at"))
    void["analysis_version"] = None
    # An own label may have been given to a file that nobody could hear: it hangs on the hash.
    before = db.execute(
        "SELECT audio_hash FROM tracks WHERE id = ? AND size_bytes = ? AND modified_ns = ?",
        [track_id, *stamp.as_row()[:2]],
    ).fetchone()
    digest = audio_hash or (before and before[0])
    known = {"audio_hash": digest, "error": error, "state": "failed"}
    _update(db, track_id, {**void, **known, **_stamped(stamp)})
    db.execute("DELETE FROM timelines WHERE track_id = ?", [track_id])
    db.execute(
        "UPDATE tracks SET own_mood = (SELECT mood FROM own_labels AS own "
        "WHERE own.audio_hash = tracks.audio_hash) WHERE id = ?",
        [track_id],
    )
    db.execute("UPDATE tracks SET mood = own_mood WHERE id = ?", [track_id])


def record_moved(
    db: sqlite3.Connection, track_id: int, folder_id: int, folder: str, path: str
) -> None:
    """Give a track another path: the same file, renamed."""
    row = db.execute("SELECT title, artist, album FROM tracks WHERE id = ?", [track_id]).fetchone()
    columns = name_columns(path, folder, *row)
    _update(db, track_id, {**columns, "folder_id": folder_id, "path": os.fsencode(path)})
    _restore(db, track_id)


def record_missing(db: sqlite3.Connection, track_ids: Iterable[int]) -> None:
    """Mark tracks whose files are not there; all that is known of them is kept."""
    rows = [(track_id,) for track_id in track_ids]
    db.executemany("UPDATE tracks SET state = 'missing' WHERE id = ?", rows)


def record_found_again(db: sqlite3.Connection, track_ids: Iterable[int]) -> None:
    """Mark tracks whose files, unchanged, are back."""
    for track_id in track_ids:
        _restore(db, track_id)


_STATE = (
    "CASE WHEN error IS NOT NULL THEN 'failed' WHEN heard_at IS NOT NULL THEN 'done' "
    "ELSE 'waiting' END"
)


def state_when_found(db: sqlite3.Connection, track_id: int) -> str:
    """Give the state of a track whose file is there."""
    return str(db.execute(f"SELECT {_STATE} FROM tracks WHERE id = ?", [track_id]).fetchone()[0])  # noqa: S608


def _restore(db: sqlite3.Connection, track_id: int) -> None:
    db.execute(f"UPDATE tracks SET state = {_STATE} WHERE id = ?", [track_id])  # noqa: S608


def prune_log(db: sqlite3.Connection) -> None:
    """Forget changes so long ago that whoever has missed them reads everything anew."""
    db.execute("DELETE FROM changes WHERE seq <= (SELECT max(seq) FROM changes) - ?", [_LOG_LENGTH])


def record_stamp(db: sqlite3.Connection, track_id: int, stamp: Stamp) -> None:
    """Take a file as it is now for the one that was heard."""
    _update(db, track_id, _stamped(stamp))


def set_own_mood(db: sqlite3.Connection, audio_hash: str, mood: str | None) -> None:
    """Keep the user's own label of a recording, wherever it lies; None takes it back."""
    if mood is None:
        db.execute("DELETE FROM own_labels WHERE audio_hash = ?", [audio_hash])
    else:
        db.execute(
            "INSERT OR REPLACE INTO own_labels VALUES (?, ?, ?)", [audio_hash, mood, time.time()]
        )
    settle_mood(db, audio_hash)


def settle_mood(db: sqlite3.Connection, audio_hash: str) -> None:
    """Bring the moods of all tracks of a recording in line with the user's own label."""
    db.execute(
        "UPDATE tracks SET own_mood = (SELECT mood FROM own_labels WHERE audio_hash = ?1) "
        "WHERE audio_hash = ?1",
        [audio_hash],
    )
    db.execute(
        "UPDATE tracks SET mood = ifnull(own_mood, model_mood) WHERE audio_hash = ?", [audio_hash]
    )


def put_timeline(
    db: sqlite3.Connection, track_id: int, moments: Sequence[Mapping[str, Any]]
) -> None:
    """Keep a track's windows, compressed; without any, nothing is kept."""
    db.execute("DELETE FROM timelines WHERE track_id = ?", [track_id])
    if moments:
        data = zlib.compress(json.dumps([dict(moment) for moment in moments]).encode())
        db.execute("INSERT INTO timelines VALUES (?, ?)", [track_id, data])


def get_timeline(db: sqlite3.Connection, track_id: int) -> list[dict[str, Any]] | None:
    """Give a track's windows as they were heard; None where they were not."""
    row = db.execute("SELECT data FROM timelines WHERE track_id = ?", [track_id]).fetchone()
    return None if row is None else list(json.loads(zlib.decompress(row[0])))


def _named(db: sqlite3.Connection, track_id: int, told: Mapping[str, Any]) -> dict[str, Any]:
    path, folder = db.execute(
        "SELECT tracks.path, folders.path FROM tracks JOIN folders ON folders.id = folder_id "
        "WHERE tracks.id = ?",
        [track_id],
    ).fetchone()
    tags = {name: told.get(name) for name in ("title", "artist", "album")}
    return {**tags, **name_columns(os.fsdecode(path), os.fsdecode(folder), **tags)}


def _stamped(stamp: Stamp) -> dict[str, int]:
    return dict(zip(("size_bytes", "modified_ns", "inode"), stamp.as_row(), strict=True))


def _update(db: sqlite3.Connection, track_id: int, columns: Mapping[str, Any]) -> None:
    names = ", ".join(f'"{name}" = ?' for name in columns)
    db.execute(f"UPDATE tracks SET {names} WHERE id = ?", [*columns.values(), track_id])  # noqa: S608
