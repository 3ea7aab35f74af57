"""A catalogue filled with made-up tracks, for benchmarks: names and features, no audio."""

import sqlite3
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from affetto.demo.table import demo_table
from affetto.features import FEATURE_NAMES
from affetto.library import store
from affetto.library.catalogue import Catalogue
from affetto.library.store import Stamp

_LETTERS = np.array(list("aabcdeeefghiijklmnooprstuuvwyz"))


def fill(path: Path, files: Iterable[tuple[str, Stamp]], folder: Path, seed: int = 0) -> Catalogue:
    """Make a catalogue in which all files of a folder were heard.

    Parameters
    ----------
    path : Path
        Of the database, which must not exist.
    files : iterable of (path, Stamp)
        They need not exist; their folder must.
    folder : Path
    seed : int
        Of names, features and which are alike.

    Returns
    -------
    Catalogue
        Open; labelled by the model that comes with affetto.
    """
    rng = np.random.default_rng(seed)
    catalogue = Catalogue.open(path)
    root = catalogue.add_folder(folder)
    with catalogue.writing() as db:
        n = store.add_waiting(db, root.id, root.path, files)
        _hear(db, n, root.path, rng)
    catalogue.use_model(None)
    return catalogue


def made_up(n: int, folder: Path) -> list[tuple[str, Stamp]]:
    """Give paths of files that are not there: albums of twelve tracks."""
    return [(f"{folder}/album {i // 12}/{i % 12 + 1:02d}.mp3", Stamp(i, i, i)) for i in range(n)]


def _hear(db: sqlite3.Connection, n: int, folder: str, rng: np.random.Generator) -> None:
    table = demo_table(tracks_per_playlist=500).select(FEATURE_NAMES).to_numpy()
    X = table[rng.integers(0, len(table), n)]
    X = np.round(X * rng.normal(1, 0.02, X.shape), 4)
    shares = [i for i, name in enumerate(FEATURE_NAMES) if name not in _WITH_UNIT]
    X[:, shares] = np.clip(X[:, shares], 0, 1)
    words = _words(rng)
    # A few words are everywhere, as "the" and "love" are.
    pick = np.minimum(rng.zipf(1.3, (n, 7)) - 1, len(words) - 1)
    rows = []
    ids = db.execute("SELECT id, path FROM tracks ORDER BY id").fetchall()
    for (track_id, where), features, place in zip(ids, X.tolist(), pick.tolist(), strict=True):
        names = [words[i] for i in place]
        tags = (" ".join(names[:3]), " ".join(names[3:5]), " ".join(names[5:]))
        keys = store.name_columns(where.decode(), folder, *tags)
        rows.append((*features, *tags, *keys.values(), f"a{track_id:040x}", track_id))
    columns = [*FEATURE_NAMES, "title", "artist", "album", *keys, "audio_hash"]
    db.executemany(
        f"UPDATE tracks SET {', '.join(f'{name} = ?' for name in columns)}, state = 'done', "
        f"heard_at = {time.time()}, analysis_version = 1, is_excerpt = 0 WHERE id = ?",
        rows,
    )


_WITH_UNIT = {"tempo", "duration_ms", "loudness"}


def _words(rng: np.random.Generator) -> list[str]:
    lengths = rng.integers(2, 10, 20_000)
    return ["".join(rng.choice(_LETTERS, length)) for length in lengths]
