"""Kept answers: for how long, by whom, and a file that never stops a run."""

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from affetto.errors import OfflineError
from affetto.sources import cache as module
from affetto.sources.cache import DAY_S, AnswerCache, Kept, default_path

POSIX = pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")


class Clock:
    def __init__(self):
        self.now = 1e9

    def __call__(self):
        return self.now


@pytest.fixture
def path(tmp_path):
    return tmp_path / "folder" / "answers.sqlite"


# --- What is kept ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value", [{"a": [1, 2.5, None, True]}, [], "", 0, False, "Björk – Jóga 🎵", "half a \udcff one"]
)
def test_an_answer_comes_back_as_it_was(value, path):
    with AnswerCache(path) as cache:
        cache.put("service", "kind", "key", value, days=1)
        assert cache.get("service", "kind", "key") == Kept(value)
    with AnswerCache(path) as cache:
        assert cache.get("service", "kind", "key") == Kept(value)
        assert cache.notes == []


def test_unknown_is_an_answer_too(path):
    with AnswerCache(path) as cache:
        assert cache.get("service", "kind", "key") is None
        cache.put("service", "kind", "key", None, days=1)
        assert cache.get("service", "kind", "key") == Kept(None)


def test_service_kind_and_key_tell_answers_apart(path):
    names = [("a", "b", "c"), ("A", "b", "c"), ("a", "B", "c"), ("a", "b", "C"), ("ab", "", "c")]
    with AnswerCache(path) as cache:
        for place, (service, kind, key) in enumerate(names):
            cache.put(service, kind, key, place, days=1)
        assert [cache.get(*name) for name in names] == [Kept(place) for place in range(5)]


@pytest.mark.parametrize("key", ["half \udcff", "nul \0 x", "", "ключ", "'; DROP TABLE answers;--"])
def test_any_text_is_a_key(key, path):
    with AnswerCache(path) as cache:
        cache.put(key, "kind", key, 5, days=1)
        assert cache.get(key, "kind", key) == Kept(5)
        assert cache.get_many(key, "kind", [key, "other", "half \udcfe"]) == {key: Kept(5)}


def test_many_at_once(path):
    with AnswerCache(path) as cache:
        cache.put_many("s", "k", {str(i): i for i in range(2_500)}, days=1)
        keys = [str(i) for i in range(0, 5_000, 2)]
        found = cache.get_many("s", "k", keys + keys)
    assert found == {str(i): Kept(i) for i in range(0, 2_500, 2)}


def test_all_or_none_are_kept(path):
    def answers():
        return {"a": 1, "b": object()}

    with AnswerCache(path) as cache:
        with pytest.raises(TypeError):
            cache.put_many("s", "k", answers(), days=1)
        assert cache.get_many("s", "k", ["a", "b"]) == {}


def test_the_newer_answer_counts(path):
    with AnswerCache(path) as cache:
        cache.put("s", "k", "a", 1, days=1)
        cache.put("s", "k", "a", 2, days=1)
        assert cache.get("s", "k", "a") == Kept(2)


# --- For how long ----------------------------------------------------------------------------


def test_an_answer_counts_for_its_days(path):
    clock = Clock()
    with AnswerCache(path, now=clock) as cache:
        cache.put("s", "k", "a", 1, days=2)
        clock.now += 2 * DAY_S - 1
        assert cache.get("s", "k", "a") == Kept(1)
        clock.now += 2
        assert cache.get("s", "k", "a") is None


def test_unknown_may_count_for_fewer_days(path):
    clock = Clock()
    with AnswerCache(path, now=clock) as cache:
        cache.put_many("s", "k", {"known": 0, "unknown": None}, days=10, miss_days=1)
        clock.now += 2 * DAY_S
        assert cache.get_many("s", "k", ["known", "unknown"]) == {"known": Kept(0)}


def test_an_answer_from_the_future_was_kept_by_a_wrong_clock(path):
    clock = Clock()
    with AnswerCache(path, now=clock) as cache:
        cache.put("s", "k", "a", 1, days=1)
        clock.now -= 60
        assert cache.get("s", "k", "a") == Kept(1), "two machines' clocks differ a little"
        clock.now -= DAY_S
        assert cache.get("s", "k", "a") is None


def test_offline_the_expired_count_too_and_nothing_may_be_asked(path):
    clock = Clock()
    with AnswerCache(path, now=clock) as cache:
        cache.put("s", "k", "a", 1, days=1)
        cache.must_ask("a playlist")
    clock.now += 100 * DAY_S
    with AnswerCache(path, now=clock, offline=True) as cache:
        assert cache.get("s", "k", "a") == Kept(1)
        with pytest.raises(OfflineError, match="a playlist is not among the answers"):
            cache.must_ask("a playlist")


def test_refresh_is_about_what_changes_and_what_was_fetched_before(path):
    clock = Clock()
    with AnswerCache(path, now=clock) as cache:
        cache.put("s", "k", "a", 1, days=100)
    clock.now += 10
    with AnswerCache(path, now=clock, refresh=True) as cache:
        assert cache.get("s", "k", "a", changes=True) is None
        assert cache.get("s", "k", "a") == Kept(1)
        cache.put("s", "k", "a", 2, days=100)
        assert cache.get("s", "k", "a", changes=True) == Kept(2)


# --- The file --------------------------------------------------------------------------------


@POSIX
def test_nobody_else_may_read_it(path):
    before = os.umask(0)
    try:
        with AnswerCache(path) as cache:
            cache.put("s", "k", "a", 1, days=1)
            modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert set(modes) >= {"answers.sqlite", "answers.sqlite-wal"}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_it_is_in_the_users_cache_folder(monkeypatch, tmp_path):
    monkeypatch.setattr(module.platformdirs, "user_cache_dir", lambda *_, **__: str(tmp_path / "c"))
    assert default_path() == tmp_path / "c" / "answers.sqlite"
    with AnswerCache() as cache:
        cache.put("s", "k", "a", 1, days=1)
    assert default_path().is_file()


def test_in_memory_nothing_is_left(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with AnswerCache(":memory:") as cache:
        cache.put("s", "k", "a", 1, days=1)
        assert cache.get("s", "k", "a") == Kept(1)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_file_is_begun(path):
    path.parent.mkdir()
    path.touch()
    with AnswerCache(path) as cache:
        cache.put("s", "k", "a", 1, days=1)
        assert cache.notes == []


@pytest.mark.parametrize(
    "content", [b"no database at all" * 100, b"SQLite format 3\0" + b"\1" * 500]
)
def test_a_damaged_file_is_put_aside(content, path):
    path.parent.mkdir()
    path.write_bytes(content)
    with AnswerCache(path) as cache:
        cache.put("s", "k", "a", 1, days=1)
        (note,) = cache.notes
    assert "damaged" in note
    (aside,) = path.parent.glob("*.damaged-*")
    assert aside.read_bytes() == content and aside.name in note
    with AnswerCache(path) as cache:
        assert cache.get("s", "k", "a") == Kept(1)
        assert cache.notes == []


def damage_pages(path):
    """Overwrite all pages behind the first, as a failing disk does."""
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)


@pytest.mark.parametrize("first", ["get", "put"])
def test_damage_that_shows_only_later_is_put_aside_too(first, path):
    with AnswerCache(path) as cache:
        cache.put_many("s", "k", {str(i): "x" * 50 for i in range(500)}, days=1)
    damage_pages(path)
    with AnswerCache(path) as cache:
        if first == "get":
            assert cache.get("s", "k", "7") is None
        cache.put("s", "k", "7", 1, days=1)
        assert cache.get("s", "k", "7") == Kept(1)
        (note,) = cache.notes
    assert "put aside" in note
    with AnswerCache(path) as cache:
        assert cache.get("s", "k", "7") == Kept(1)
        assert cache.notes == []


def test_a_damaged_answer_is_asked_for_anew(path):
    with AnswerCache(path) as cache:
        cache.put_many("s", "k", {"a": 1, "b": 2}, days=1)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE answers SET value = x'00' WHERE key = 'a'")
    with AnswerCache(path) as cache:
        assert cache.get_many("s", "k", ["a", "b"]) == {"b": Kept(2)}


def test_a_database_of_another_program_is_left_untouched(path):
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE TABLE bookmarks (url TEXT)")
    before = path.read_bytes()
    with AnswerCache(path) as cache:
        cache.put("s", "k", "a", 1, days=1)
        assert cache.get("s", "k", "a") == Kept(1)
        assert "another program" in cache.notes[0]
    assert path.read_bytes() == before
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_a_file_of_a_newer_affetto_is_left_untouched(path):
    with AnswerCache(path) as cache:
        cache.put("s", "k", "a", 1, days=1)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    with AnswerCache(path) as cache:
        cache.put("s", "k", "a", 2, days=1)
        assert "newer affetto" in cache.notes[0]
    assert path.read_bytes() == before


def test_answers_of_an_older_shape_are_forgotten(path, monkeypatch):
    with AnswerCache(path) as cache:
        cache.put("s", "k", "a", 1, days=1)
    monkeypatch.setattr(module, "VERSION", module.VERSION + 1)
    for known in (None, Kept(2)):
        with AnswerCache(path) as cache:
            assert cache.get("s", "k", "a") == known
            cache.put("s", "k", "a", 2, days=1)
            assert cache.notes == []


def test_a_folder_in_its_place(path):
    path.mkdir(parents=True)
    with AnswerCache(path) as cache:
        cache.put("s", "k", "a", 1, days=1)
        assert cache.get("s", "k", "a") == Kept(1)
        assert "not kept" in cache.notes[0]


def test_a_file_in_place_of_its_folder(path):
    path.parent.touch()
    with AnswerCache(path) as cache:
        cache.put("s", "k", "a", 1, days=1)
        assert "cannot be kept" in cache.notes[0]


def test_a_full_disk_is_a_note(path):
    with AnswerCache(path) as cache:
        cache.put("s", "k", "before", 1, days=1)
        (n_pages,) = cache._db.execute("PRAGMA page_count").fetchone()
        cache._db.execute(f"PRAGMA max_page_count = {n_pages}")
        for i in range(20):
            cache.put("s", "k", f"a{i}", os.urandom(2_000).hex(), days=1)
        (note,) = cache.notes
        assert "disk" in note and "full" in note
        assert cache.get("s", "k", "before") == Kept(1)


def test_after_the_end_nothing_stops_a_thread_that_is_late(path):
    cache = AnswerCache(path)
    cache.close()
    cache.put("s", "k", "a", 1, days=1)
    assert cache.get("s", "k", "a") is None
    assert len(cache.notes) == 2


# --- Several at once -------------------------------------------------------------------------


def test_threads_share_it(path):
    with AnswerCache(path) as cache:

        def work(name):
            for i in range(50):
                cache.put("s", "k", f"{name}-{i}", i, days=1)
                assert cache.get("s", "k", f"{name}-{i}") == Kept(i)

        threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        keys = [f"{name}-{i}" for name in range(4) for i in range(50)]
        assert len(cache.get_many("s", "k", keys)) == 200
        assert cache.notes == []


WRITER = """
import sys, time
from pathlib import Path
from affetto.sources.cache import AnswerCache
path, name = Path(sys.argv[1]), sys.argv[2]
print("ready", flush=True)
sys.stdin.read(1)
for i in range(8):  # files begun by all at the same moment
    with AnswerCache(path / f"{i}.sqlite") as cache:
        for j in range(20):
            cache.put("s", "k", f"{name}-{j}", j, days=1)
        assert not cache.notes, cache.notes
"""


def test_two_processes_begin_and_write_it_at_once(tmp_path):
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in "ab"
    ]
    for run in runs:
        assert run.stdout.readline() == "ready\n"
    for run in runs:
        run.stdin.write("x")
        run.stdin.flush()
    for run in runs:
        _, errors = run.communicate(timeout=60)
        assert run.returncode == 0, errors
    keys = [f"{name}-{j}" for name in "ab" for j in range(20)]
    for file in sorted(Path(tmp_path).glob("*.sqlite")):
        with AnswerCache(file) as cache:
            assert len(cache.get_many("s", "k", keys)) == 40
    assert not list(tmp_path.glob("*.damaged-*"))


def test_one_that_is_locked_is_not_damaged(path, monkeypatch):
    with AnswerCache(path) as cache:
        cache.put("s", "k", "a", 1, days=1)
    monkeypatch.setattr(module, "_BUSY_S", 0.1)
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with AnswerCache(path) as cache:
            assert cache.get("s", "k", "a") == Kept(1), "others read while one writes"
            cache.put("s", "k", "b", 2, days=1)
            assert "cannot be kept" in cache.notes[0]
    assert not list(path.parent.glob("*.damaged-*"))
    with AnswerCache(path) as cache:
        assert cache.get("s", "k", "a") == Kept(1)
