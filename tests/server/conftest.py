"""A small library with known tracks, and clients of a server that serves it."""

import math
import os
import sqlite3
import struct
import threading
import time
import wave
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import numpy as np
import pytest
import uvicorn

from affetto.demo import demo_table
from affetto.features import FEATURE_NAMES
from affetto.library import store
from affetto.library.catalogue import Catalogue
from affetto.library.store import Stamp
from affetto.server.app import create_app
from affetto.server.run import configuration, listening_socket
from affetto.server.settings import Settings

_FEW = Settings(readers=2, analyse_timeout_s=60.0)
HOSTILE = "<img src=x onerror=alert(1)>\u202e\x07 🎵"


def write_tone(path, seconds=1.0, rate_hz=8000, frequency_hz=220.0):
    """Write a sine as 16-bit mono wav."""
    t = np.arange(int(seconds * rate_hz)) / rate_hz
    samples = (20_000 * np.sin(2 * math.pi * frequency_hz * t)).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(samples.tobytes())
    return path


def fill(catalogue, folder, rows):
    """Put tracks into a catalogue as a scan would, without hearing them.

    `rows`: dicts of features and names; a file of its own for each, next to nothing inside.
    """
    added = catalogue.add_folder(folder)
    files = []
    for i, row in enumerate(rows):
        path = Path(folder) / row.get("file", f"{i:03d}.wav")
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"RIFF" + struct.pack("<I", i))
        files.append(os.fspath(path))
    catalogue.refresh_labels()
    model = catalogue.model()
    with catalogue.writing() as db:
        stamps = [Stamp.of(Path(path).stat()) for path in files]
        store.add_waiting(db, added.id, added.path, zip(files, stamps, strict=True))
        ids = [
            db.execute("SELECT id FROM tracks WHERE path = ?", [os.fsencode(path)]).fetchone()[0]
            for path in files
        ]
        for track_id, stamp, row, path in zip(ids, stamps, rows, files, strict=True):
            told = {
                "features": {name: row[name] for name in FEATURE_NAMES},
                "title": row.get("title"),
                "artist": row.get("artist"),
                "album": row.get("album"),
                "key": "A minor",
                "warning": None,
                "audio_hash": f"hash of {path}",
            }
            store.record_heard(db, track_id, stamp, told, model, is_excerpt=False, version=1)
    return ids


@pytest.fixture(scope="session")
def rows():
    """Sixty tracks, twelve a mood, by ten artists."""
    table = demo_table()
    picked = [table.filter(table["mood"] == mood).head(12) for mood in sorted(set(table["mood"]))]
    features = [row for part in picked for row in part.to_dicts()]
    return [
        {
            **{name: row[name] for name in FEATURE_NAMES},
            "truth": row["mood"],
            "title": f"Song {i:02d}" if i else HOSTILE,
            "artist": f"Artist {i % 10}",
            "album": f"Album {i % 20}",
            "file": f"Artist {i % 10}/{i:02d}.wav",
        }
        for i, row in enumerate(features)
    ]


@pytest.fixture(scope="session")
def template(tmp_path_factory, rows):
    """Give the database of a library of sixty tracks; the first is a second of sound."""
    folder = tmp_path_factory.mktemp("library")
    music = folder / "music"
    (music / "Artist 0").mkdir(parents=True)
    write_tone(music / "Artist 0" / "00.wav")
    path = folder / "library.db"
    with Catalogue.open(path) as catalogue:
        fill(catalogue, music, rows)
    return path


def copied(template, path):
    """Copy a database; the music it knows is shared."""
    with closing(sqlite3.connect(template)) as old, closing(sqlite3.connect(path)) as new:
        old.backup(new)
    return path


@pytest.fixture
def library(template, tmp_path):
    """Give a copy of the small library's database, to be changed."""
    return copied(template, tmp_path / "library.db")


@contextmanager
def serving(app):
    """Run a server in a thread, at a free port of this machine; give its address."""
    with listening_socket("127.0.0.1", 0) as taken:
        server = uvicorn.Server(configuration(app))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [taken]})
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive(), "the server did not start"
                time.sleep(0.005)
            yield f"http://127.0.0.1:{taken.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def calling(address):
    """Give a client of a server."""
    with httpx.Client(base_url=address, timeout=30.0, trust_env=False) as client:
        yield client


@pytest.fixture
def serve(library):
    """Give a function from settings to a server of a small library of the test's own."""
    return lambda settings=_FEW: serving(create_app(library, settings=settings))


@pytest.fixture(scope="session")
def address(template):
    """Give the address of a server that all tests share: to be asked, not to be changed."""
    with serving(create_app(template, settings=_FEW)) as own:
        yield own


@pytest.fixture(scope="module")
def spare_address(template, tmp_path_factory):
    """Give the address of a server for a module's own use, whose library it may change."""
    path = copied(template, tmp_path_factory.mktemp("spare") / "library.db")
    with serving(create_app(path, settings=_FEW)) as own:
        yield own


@pytest.fixture
def client(address):
    """Give a client of the server that all tests share."""
    with calling(address) as own:
        yield own


@pytest.fixture
def own_client(serve):
    """Give a client of a server of the test's own, whose library it may change."""
    with serve() as address, calling(address) as own:
        yield own
