"""Watching: music that comes, goes or changes is told by the folders that must be looked at."""

import shutil
import threading
import time

import pytest

from affetto.errors import CatalogueError, UsageError
from affetto.library.query import Query
from affetto.library.scan import scan
from affetto.library.watch import watch

pytest.importorskip("watchfiles")

QUIET_MS = 150


@pytest.fixture
def watched(library):
    """Watch in another thread, and scan in this one: give the folders as they come."""
    told, stop = [], threading.Event()
    runner = threading.Thread(
        target=watch, args=(library, told.append), kwargs={"stop": stop, "quiet_ms": QUIET_MS}
    )
    runner.start()
    time.sleep(0.3)  # until the system watches
    yield told
    stop.set()
    runner.join(timeout=10)
    assert not runner.is_alive()


def wait_for(told, n=1):
    deadline = time.monotonic() + 10
    while len(told) < n and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(told) >= n, told
    return told[n - 1]


def test_a_file_that_is_dropped_is_heard(library, music, watched, tone, ears):
    tone(music / "Album" / "new.wav", 7)
    folders = wait_for(watched)
    assert folders == [str(music / "Album")]
    result = scan(library, folders=folders)
    assert (result.new, result.heard, result.seen) == (1, 1, 2)


def test_a_folder_that_comes_and_goes(library, music, watched, tone, tmp_path):
    tone(tmp_path / "away" / "Late" / "9.wav", 9)
    shutil.move(tmp_path / "away" / "Late", music / "Late")
    folders = wait_for(watched)
    assert str(music / "Late") in folders
    assert scan(library, folders=folders).new == 1
    shutil.rmtree(music / "Late")
    folders = wait_for(watched, 2)
    assert str(music) in folders
    assert scan(library, folders=folders).missing == 1
    assert library.tracks(Query(states=("missing",))).total == 1


def test_hidden_files_are_nobodys_business(music, watched, tone):
    (music / ".nfs0001").write_text("x")
    time.sleep(4 * QUIET_MS / 1000)
    assert watched == []
    tone(music / "seen.wav", 8)
    wait_for(watched)


def test_nothing_to_watch(catalogue, music, tmp_path):
    catalogue.add_folder(music)
    music.rename(tmp_path / "gone")
    with pytest.raises(CatalogueError, match="none of the library's folders is there"):
        watch(catalogue, print)


def test_without_watchfiles_it_is_said_how_to_get_it(catalogue, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "watchfiles", None)
    with pytest.raises(UsageError, match=r'pip install "affetto\[watch\]"'):
        watch(catalogue, print)
