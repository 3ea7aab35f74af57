"""A damaged library: it is told, a copy is kept, and what can be read of it is saved."""

import os
import sqlite3

import pytest

from affetto.errors import (
    CatalogueBusyError,
    CatalogueDamagedError,
    CatalogueError,
    ScanRunningError,
)
from affetto.library import lock, schema
from affetto.library.catalogue import Catalogue
from affetto.library.query import Query
from affetto.library.repair import rebuild
from affetto.library.scan import scan
from affetto.library.store import Stamp, add_waiting

N_MORE = 600


@pytest.fixture
def large(library, music):
    """A library of many pages, closed, whole in one file."""
    (root,) = library.folders()
    with library.writing() as db:
        files = [(f"{music}/{'x' * 200} {i}.mp3", Stamp(1, i, i)) for i in range(N_MORE)]
        add_waiting(db, root.id, root.path, files)
    library.correct(1, "Mine")
    with library.reading() as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    library.close()
    return library.path


def damage(path, part):
    """Overwrite a few pages of the table of tracks in the middle of the file."""
    db = sqlite3.connect(path)
    (page_size,) = db.execute("PRAGMA page_size").fetchone()
    db.close()
    content = bytearray(path.read_bytes())
    begin = int(len(content) * part) // page_size * page_size
    content[begin : begin + 3 * page_size] = b"\xa5" * 3 * page_size
    path.write_bytes(content)


def read_all(path):
    with Catalogue.open(path) as opened:
        return list(opened.every(Query(states=())))


@pytest.mark.parametrize("part", [0.3, 0.5, 0.7])
def test_what_can_be_read_is_saved(large, part, ears, music):
    before = {entry.id: entry for entry in read_all(large)}
    damage(large, part)
    assert not schema.is_intact(large)
    damaged = large.read_bytes()
    found = rebuild(large)
    assert schema.is_intact(large)
    assert found.kept.read_bytes() == damaged
    assert (found.folders, found.own_labels) == (1, 1)
    assert N_MORE / 2 < found.tracks <= N_MORE + 3
    with Catalogue.open(large) as opened:
        scan(opened, folders=[str(music)])  # labels anew, and finds what was lost
        after = {entry.id: entry for entry in opened.every(Query(states=()))}
        assert {entry.file for entry in after.values()} >= {"1.wav", "2.flac", "Album/3.wav"}
        assert opened.status().moods["Mine"] == 1
    for ident, entry in after.items():
        if ident in before and entry.state == "done":
            assert entry.features == before[ident].features and entry.p == before[ident].p


def test_damage_is_told_and_a_copy_kept_once(large):
    damage(large, 0.5)
    content = large.read_bytes()
    for _ in range(2):
        with pytest.raises(
            CatalogueDamagedError, match=r"a copy is kept as .*affetto library rebuild"
        ):
            read_all(large)
    (copy,) = large.parent.glob("library.db.damaged-*")
    assert copy.read_bytes() == content


def test_nothing_left_is_a_new_beginning(large):
    large.write_bytes(b"\0" * large.stat().st_size)
    found = rebuild(large)
    assert (found.folders, found.tracks, found.own_labels) == (0, 0, 0)
    assert read_all(large) == []
    assert found.kept.exists()


def test_a_library_that_is_well_stays_as_it_is(large):
    before = read_all(large)
    found = rebuild(large)
    assert found.tracks == len(before)
    with Catalogue.open(large) as opened:
        opened.refresh_labels()
    assert read_all(large) == before


def test_lost_own_labels_are_taken_from_the_tracks(large):
    db = sqlite3.connect(large)
    db.execute("DROP TABLE own_labels")
    db.commit()
    db.close()
    assert rebuild(large).own_labels == 1
    assert any(entry.own_mood == "Mine" for entry in read_all(large))


def test_none_to_rebuild(tmp_path):
    with pytest.raises(CatalogueError, match="there is no library to rebuild"):
        rebuild(tmp_path / "library.db")


def test_not_while_it_is_scanned(large):
    with lock.scanning(large), pytest.raises(ScanRunningError, match="under way"):
        rebuild(large)


def test_a_copy_that_cannot_be_made_stops_it(large, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    before = large.read_bytes()
    monkeypatch.setattr(schema.shutil, "copy2", full)
    with pytest.raises(CatalogueError, match=r"cannot copy .* is the disk full"):
        rebuild(large)
    assert large.read_bytes() == before


def test_it_is_built_from_the_file_as_it_is_now(large):
    earlier = schema.keep_copy(large)
    with Catalogue.open(large) as opened:
        before_ns = large.stat().st_mtime_ns
        opened.correct(2, "Later")
        assert large.stat().st_mtime_ns == before_ns  # the journal has it, the file not yet
        found = rebuild(large)
    assert found.own_labels == 2
    assert found.kept != earlier and earlier.exists()
    assert {entry.own_mood for entry in read_all(large)} == {"Mine", "Later", None}


def test_each_copy_has_a_name_of_its_own(large):
    assert len({schema.keep_copy(large) for _ in range(3)}) == 3


def test_the_copy_made_by_itself_is_made_once_whatever_changes(large):
    damage(large, 0.5)
    for _ in range(2):
        with pytest.raises(CatalogueDamagedError, match="a copy is kept as"):
            read_all(large)
        os.utime(large, ns=(0, large.stat().st_mtime_ns + 10**9))
    assert len([*large.parent.glob("library.db.damaged-*")]) == 1


def test_not_while_it_is_served(large):
    before = large.read_bytes()
    with lock.serving(large), lock.serving(large):
        with pytest.raises(CatalogueBusyError, match="stop affetto serve first"):
            rebuild(large)
        assert large.read_bytes() == before
        assert not [*large.parent.glob("library.db.damaged-*")]
    assert rebuild(large).own_labels == 1


def test_not_served_while_it_is_replaced(large):
    with (
        lock.replacing(large),
        pytest.raises(CatalogueBusyError, match="being rebuilt"),
        lock.serving(large),
    ):
        pytest.fail("it is served")
