"""The scan: what changed is seen, what was heard is not heard again, and nothing done is lost."""

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from affetto.audio.version import ANALYSIS_VERSION
from affetto.errors import CatalogueFullError, ScanRunningError, UsageError
from affetto.features import FEATURE_NAMES
from affetto.library import lock, look, store
from affetto.library import scan as scanning
from affetto.library.catalogue import Catalogue
from affetto.library.query import Query
from affetto.library.scan import scan
from affetto.model import load_model

ALL = Query(states=())


def files(catalogue, **query):
    return {entry.file: entry for entry in catalogue.every(Query(states=(), **query))}


def counts(result):
    names = ("new", "changed", "moved", "missing", "unchanged", "heard", "known", "failed")
    return {name: getattr(result, name) for name in names if getattr(result, name)}


def test_a_first_scan_hears_everything(catalogue, music, ears):
    catalogue.add_folder(music)
    result = scan(catalogue)
    assert counts(result) == {"new": 3, "heard": 3}
    assert (result.seen, result.left, result.stopped) == (3, 0, False)
    found = files(catalogue)
    assert sorted(found) == ["1.wav", "2.flac", "Album/3.wav"]
    first = found["1.wav"]
    assert (first.title, first.artist, first.name) == ("Élan vital", "Zoë", "Élan vital")
    assert found["Album/3.wav"].name == "3"
    for entry in found.values():
        assert entry.state == "done" and entry.error is None
        assert set(entry.features) == set(FEATURE_NAMES)
        assert entry.mood == entry.model_mood == max(entry.p, key=entry.p.get)
        assert entry.confidence == pytest.approx(max(entry.p.values()), abs=1e-5)
        assert sum(entry.p.values()) == pytest.approx(1, abs=1e-5)
        assert entry.second == sorted(entry.p, key=entry.p.get)[-2]
        assert entry.analysis_version == ANALYSIS_VERSION


def test_nothing_new_costs_no_hearing(library, ears):
    assert counts(scan(library)) == {"unchanged": 3}
    assert ears.heard == []


def test_a_changed_file_is_heard_again(library, music, ears, tone):
    before = files(library)["1.wav"]
    tone(music / "1.wav", 11, title="Other")
    assert counts(scan(library)) == {"changed": 1, "unchanged": 2, "heard": 1}
    after = files(library)["1.wav"]
    assert ears.heard == ["1.wav"]
    assert after.id == before.id and after.title == "Other"
    assert after.features != before.features


def test_a_retagged_file_is_known_by_its_audio(library, music, ears, tone):
    before = files(library)["1.wav"]
    tone(music / "1.wav", 1, title="New name", artist="Someone else")
    result = scan(library)
    after = files(library)["1.wav"]
    assert ears.heard == [] and result.known == 1
    assert (after.id, after.title) == (before.id, "New name")
    assert after.features == before.features and after.mood == before.mood
    assert library.tracks(Query(search="new name")).total == 1
    assert library.tracks(Query(search="vital")).total == 0


def test_a_renamed_file_is_not_even_read(library, music, ears, monkeypatch):
    before = files(library)["1.wav"]
    (music / "1.wav").rename(music / "Album" / "UNO.wav")
    monkeypatch.setattr(scanning, "run_jobs", no_jobs)
    assert counts(scan(library)) == {"moved": 1, "unchanged": 2}
    after = files(library)["Album/UNO.wav"]
    assert (after.id, after.features, after.state) == (before.id, before.features, "done")
    assert library.tracks(Query(search="uno")).total == 1


def no_jobs(function, items, **_):
    assert list(items) == []
    return (outcome for outcome in ())


def test_a_name_that_changes_by_case_alone_is_the_same_track(library, music, ears):
    before = files(library)["2.flac"]
    (music / "2.flac").rename(music / "2.FLAC")
    assert counts(scan(library)) == {"moved": 1, "unchanged": 2}
    assert files(library)["2.FLAC"].id == before.id


def test_a_file_moved_from_another_drive_is_known_by_its_audio(library, music, ears, tone):
    before = files(library)["1.wav"]
    (music / "1.wav").unlink()
    tone(music / "new" / "one.wav", 1, title="Élan vital")  # another inode, another time
    result = scan(library)
    assert ears.heard == []
    assert counts(result) == {"moved": 1, "unchanged": 2, "heard": 1, "known": 1}
    assert files(library)["new/one.wav"].id == before.id
    assert len(files(library)) == 3


def test_a_moved_library_keeps_its_ids(library, music, ears, tmp_path):
    before = files(library)
    music.rename(tmp_path / "Music 2")
    library.add_folder(tmp_path / "Music 2")
    scan(library)
    after = files(library, folder=str(tmp_path / "Music 2"))
    assert {name: entry.id for name, entry in after.items()} == {
        name: entry.id for name, entry in before.items()
    }
    assert ears.heard == []


def test_a_copy_is_a_track_of_its_own_that_is_not_heard(library, music, ears):
    shutil.copy(music / "1.wav", music / "copy.wav")
    assert counts(scan(library)) == {"new": 1, "unchanged": 3, "heard": 1, "known": 1}
    found = files(library)
    assert ears.heard == []
    assert found["copy.wav"].features == found["1.wav"].features
    assert found["copy.wav"].mood == found["1.wav"].mood
    assert found["copy.wav"].p == found["1.wav"].p
    assert found["copy.wav"].id != found["1.wav"].id


def test_a_missing_file_is_remembered_and_found_again(library, music, ears, tmp_path):
    before = files(library)["1.wav"]
    (music / "1.wav").rename(tmp_path / "away.wav")
    assert counts(scan(library)) == {"missing": 1, "unchanged": 2}
    assert files(library)["1.wav"].state == "missing"
    assert library.tracks().total == 2
    (tmp_path / "away.wav").rename(music / "1.wav")
    assert counts(scan(library)) == {"unchanged": 3}
    assert files(library)["1.wav"] == before
    assert ears.heard == []


def test_a_bad_file_is_tried_again_only_when_it_changed_or_when_asked(library, music, ears, tone):
    bad = music / "bad.mp3"
    bad.write_text("dear diary, " * 50)
    result = scan(library)
    assert (result.heard, result.failed) == (0, 1)
    entry = files(library)["bad.mp3"]
    assert (entry.state, entry.error, entry.features) == ("failed", "is not audio", {})
    assert [failed.file for failed in library.failures()] == ["bad.mp3"]
    assert scan(library).failed == 0
    assert scan(library, retry_failed=True).failed == 1
    bad.unlink()
    tone(music / "bad.wav", 9).rename(bad)
    assert scan(library).heard == 1
    entry = files(library)["bad.mp3"]
    assert (entry.state, entry.error) == ("done", None)


def test_a_file_that_fails_after_it_changed_loses_what_was_known(library, music, ears):
    (music / "1.wav").write_text("overwritten")
    scan(library)
    entry = files(library)["1.wav"]
    assert (entry.state, entry.mood, entry.features, entry.p) == ("failed", None, {}, {})


def test_an_older_analysis_is_used_until_a_newer_is_asked_for(library, ears, monkeypatch):
    for module in (scanning, look):
        monkeypatch.setattr(module, "ANALYSIS_VERSION", 99)
    assert counts(scan(library)) == {"unchanged": 3}
    assert all(entry.mood for entry in files(library).values())

    def fail(path):
        if path.endswith("1.wav"):
            raise store_error

    store_error = UsageError("out of memory")
    ears.before = fail
    result = scan(library, reanalyse=True)
    assert (result.heard, result.failed) == (2, 1)
    found = files(library)
    # What failed keeps what the older analysis told.
    assert found["1.wav"].state == "done" and found["1.wav"].mood
    assert {entry.analysis_version for entry in found.values()} == {1, 99}
    ears.before = lambda path: None
    assert scan(library, reanalyse=True).heard == 1
    assert scan(library, reanalyse=True).heard == 0


def test_timelines_are_kept_where_asked_for(library, ears):
    ident = files(library)["1.wav"].id
    assert library.timeline(ident) is None
    assert scan(library, timeline=True).heard == 3
    (moment,) = library.timeline(ident)
    assert (moment["start_s"], moment["stop_s"]) == (0.0, 15.0)
    assert moment["p"] == pytest.approx(files(library)["1.wav"].p, abs=1e-5)
    assert scan(library, timeline=True).heard == 0


def test_an_excerpt_and_a_timeline_exclude_each_other(library):
    with pytest.raises(UsageError, match="leave --timeline or --excerpt out"):
        scan(library, timeline=True, excerpt=True)


def test_what_an_excerpt_told_does_not_stand_for_the_whole(catalogue, music, ears):
    catalogue.add_folder(music)
    scan(catalogue, excerpt=True)
    ears.heard.clear()
    shutil.copy(music / "1.wav", music / "copy.wav")
    scan(catalogue)
    assert ears.heard == ["copy.wav"]


# --- Disks and folders ---------------------------------------------------------------------


@pytest.mark.parametrize("remains", [False, True], ids=["gone", "empty"])
def test_a_folder_that_is_gone_leaves_its_tracks_as_they_are(library, music, tmp_path, remains):
    music.rename(tmp_path / "elsewhere")
    if remains:
        music.mkdir()  # a mount point without its disk
    result = scan(library)
    (problem,) = result.problems
    assert "is its disk connected? Its 3 tracks are left as they are" in problem
    assert result.missing == 0
    assert {entry.state for entry in files(library).values()} == {"done"}


def test_a_disk_that_vanishes_while_it_is_heard(catalogue, music, ears, tmp_path):
    catalogue.add_folder(music)

    def unplug(path):
        if path.endswith("2.flac"):
            music.rename(tmp_path / "unplugged")

    ears.before = unplug
    result = scan(catalogue)
    assert "has vanished: was its disk disconnected?" in result.problems[0]
    assert (result.heard, result.failed, result.left) == (1, 0, 2)
    (tmp_path / "unplugged").rename(music)
    ears.before = lambda path: None
    assert scan(catalogue).heard == 2
    assert {entry.state for entry in files(catalogue).values()} == {"done"}


def test_a_file_that_vanishes_while_it_is_heard_is_missing(catalogue, music, ears):
    catalogue.add_folder(music)
    ears.before = lambda path: Path(path).unlink() if path.endswith("2.flac") else None
    result = scan(catalogue)
    assert (result.heard, result.failed, result.missing, result.left) == (2, 0, 1, 0)
    assert files(catalogue)["2.flac"].state == "missing"


def test_a_file_that_changes_while_it_is_heard_waits(catalogue, music, ears, tone):
    catalogue.add_folder(music)
    again = iter([20])

    def rewrite(path):
        if path.endswith("1.wav") and (seed := next(again, None)):
            tone(Path(path), seed, title="Final")

    ears.before = rewrite
    result = scan(catalogue)
    assert (result.heard, result.left) == (2, 1)
    assert files(catalogue)["1.wav"].state == "waiting"
    assert scan(catalogue).heard == 1
    assert files(catalogue)["1.wav"].title == "Final"


def test_a_part_of_a_folder_that_cannot_be_listed_keeps_its_tracks(library, music, monkeypatch):
    listed = os.scandir

    def broken(path):
        if str(path).endswith("Album"):
            raise OSError(5, "Input/output error")
        return listed(path)

    monkeypatch.setattr(os, "scandir", broken)
    result = scan(library)
    assert "Album is a folder that cannot be read: Input/output error" in result.problems[0]
    assert result.missing == 0 and result.unchanged == 2


def test_links_that_lead_round_are_followed_once(catalogue, music, ears):
    (music / "loop").symlink_to(music)
    (music / "self.wav").symlink_to(music / "self.wav")
    catalogue.add_folder(music)
    result = scan(catalogue)
    assert (result.new, result.heard) == (3, 3)


def test_a_name_that_is_not_utf8(catalogue, music, ears):
    odd = os.fsdecode(os.fsencode(music) + b"/\xe9t\xe9.wav")
    (music / "1.wav").rename(odd)
    catalogue.add_folder(music)
    scan(catalogue)
    entry = files(catalogue)[os.fsdecode(b"\xe9t\xe9.wav")]
    assert entry.path == odd and entry.state == "done"
    assert entry.as_dict()["path"].endswith("\\xe9t\\xe9.wav")
    assert scan(catalogue).unchanged == 3


def test_a_part_of_the_library_is_looked_at_alone(library, music, ears, tone):
    tone(music / "4.wav", 4)
    tone(music / "Album" / "5.wav", 5)
    result = scan(library, folders=[str(music / "Album")])
    assert (result.seen, result.new, result.missing) == (2, 1, 0)
    assert sorted(files(library)) == ["1.wav", "2.flac", "Album/3.wav", "Album/5.wav"]


def test_a_folder_deleted_in_the_library_is_missing(library, music):
    shutil.rmtree(music / "Album")
    result = scan(library, folders=[str(music / "Album")])
    assert result.missing == 1
    assert files(library)["Album/3.wav"].state == "missing"


def test_a_folder_of_nobody_is_refused(library, tmp_path):
    with pytest.raises(UsageError, match=r"is not in the library, whose folders are: .*music"):
        scan(library, folders=[str(tmp_path / "other")])


def test_what_was_forgotten_stays_out(library, music):
    assert library.forget(music / "Album") == 1
    assert scan(library).new == 0
    library.add_folder(music / "Album")
    assert scan(library).new == 1


# --- Stopping, and others at work ----------------------------------------------------------


def test_a_stop_keeps_what_was_heard(catalogue, music, ears):
    catalogue.add_folder(music)
    stop = threading.Event()
    events = []

    def halt(event):
        events.append(event)
        if event["heard"] == 1:
            stop.set()

    ears.before = lambda path: time.sleep(0.11)  # events come ten a second
    result = scan(catalogue, on_event=halt, stop=stop)
    assert result.stopped and result.heard >= 1 and result.left >= 1
    assert events[-1]["stage"] == "stopped"
    assert scan(catalogue).heard == 3 - result.heard


def test_events_tell_how_far_it_is(catalogue, music, ears):
    (music / "bad.mp3").write_text("no")
    catalogue.add_folder(music)
    events = []
    scan(catalogue, on_event=events.append)
    assert {event["stage"] for event in events} == {"looking", "hearing", "done"}
    last = events[-1]
    assert (last["seen"], last["new"], last["to_hear"]) == (4, 4, 4)
    assert (last["heard"], last["failed"], last["current"]) == (3, 1, None)
    assert last["tracks_per_s"] > 0 and last["seconds_left"] == 0


def test_a_second_scan_is_refused(library):
    with (
        lock.scanning(library.path),
        pytest.raises(ScanRunningError, match=rf"process {os.getpid()}, since"),
    ):
        scan(library)
    assert scan(library).unchanged == 3


def test_the_lock_of_a_dead_scan_is_free(library):
    code = (
        "import sys, os; from pathlib import Path; from affetto.library.lock import scanning\n"
        "held = scanning(Path(sys.argv[1])); held.__enter__(); print('held', flush=True)\n"
        "sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(library.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with holder:
        assert holder.stdout.readline() == b"held\n"
        assert library.status().scanning
        with pytest.raises(ScanRunningError, match=f"process {holder.pid}"):
            scan(library)
        holder.kill()
    assert not library.status().scanning
    assert scan(library).unchanged == 3


def test_others_read_and_correct_while_it_is_heard(catalogue, music, ears):
    catalogue.add_folder(music)
    seen = []

    def look_in(path):
        with Catalogue.open(catalogue.path) as other:
            seen.append(other.status().done)
            for entry in other.every():
                other.correct(entry.id, "Mine")

    ears.before = look_in
    scan(catalogue)
    assert seen == [0, 1, 2]  # each track is there as soon as it was heard
    assert catalogue.status().moods["Mine"] == 2


def test_a_track_forgotten_while_it_is_heard_is_gone(catalogue, music, ears):
    catalogue.add_folder(music)

    def forget(path):
        with Catalogue.open(catalogue.path) as other:
            if other.folders():
                other.forget(music)

    ears.before = forget
    result = scan(catalogue)
    assert catalogue.status().tracks == 0
    assert (result.heard, result.failed) == (0, 0)


def test_a_full_disk_stops_the_scan_and_keeps_what_was_there(library, music, ears, tone):
    before = files(library)
    for seed in range(20, 120):
        tone(music / f"{'long name ' * 15}{seed}.wav", seed)
    with library.reading() as db:
        (pages,) = db.execute("PRAGMA page_count").fetchone()
        db.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(CatalogueFullError, match="is the disk full"):
            scan(library)
        db.execute("PRAGMA max_page_count = 1000000")
    assert {name: files(library)[name] for name in before} == before
    assert scan(library).heard == 100


def test_each_track_is_a_transaction(library, music, ears, tone, monkeypatch):
    tone(music / "7.wav", 7)
    tone(music / "8.wav", 8)
    record, n = store.record_heard, iter(range(9))

    def fail(*arguments, **settings):
        record(*arguments, **settings)
        if next(n) == 1:
            raise sqlite3.OperationalError("pulled the plug")

    monkeypatch.setattr(store, "record_heard", fail)
    with pytest.raises(Exception, match="pulled the plug"):
        scan(library)
    states = {name: entry.state for name, entry in files(library).items()}
    assert (states["7.wav"], states["8.wav"]) == ("done", "waiting")


# --- In processes --------------------------------------------------------------------------


def test_real_workers_hear_real_music(catalogue, tmp_path):
    import numpy as np
    import soundfile

    times = np.arange(5 * 22_050) / 22_050
    beat = (0.2 * np.sin(1382 * times) * np.exp(-6 * (times * 2 % 1))).astype(np.float32)
    folder = tmp_path / "real"
    folder.mkdir()
    soundfile.write(folder / "a.flac", beat, 22_050)
    (folder / "b.mp3").write_bytes(b"")
    catalogue.add_folder(folder)
    result = scan(catalogue, jobs=1, nice=0)
    assert (result.heard, result.failed) == (1, 1)
    found = files(catalogue)
    assert found["a.flac"].features["tempo"] == pytest.approx(120, rel=0.02)
    assert found["b.mp3"].error.startswith("is empty (0 bytes)")
    shutil.move(folder / "a.flac", folder / "c.flac")
    os.utime(folder / "c.flac")
    result = scan(catalogue, jobs=1, nice=0)
    assert (result.known, result.moved) == (1, 1)
    assert files(catalogue)["c.flac"].id == found["a.flac"].id


def test_a_model_taken_into_use_meanwhile_names_what_is_heard_after(
    catalogue, music, ears, monkeypatch
):
    model = load_model()
    mine = replace(model, moods=tuple(reversed(model.moods)), name="mine", about={})
    catalogue.add_folder(music)
    run_jobs = scanning.run_jobs

    def adopting(*arguments, **settings):
        for place, outcome in enumerate(run_jobs(*arguments, **settings)):
            if place == 1:
                with Catalogue.open(catalogue.path) as page:
                    page.use_model(mine)
            yield outcome

    monkeypatch.setattr(scanning, "run_jobs", adopting)
    scan(catalogue)
    for entry in files(catalogue).values():
        X = [[entry.features[name] for name in mine.features]]
        expected = dict(zip(mine.moods, mine.predict_proba(X)[0].tolist(), strict=True))
        assert entry.p == pytest.approx(expected, abs=1e-5)


# --- A disk that fails ------------------------------------------------------------------------


def failing(monkeypatch, name, *ends, n_good=0):
    """Let a function of `os` fail as a broken disk does, for paths that end so."""
    real, calls = getattr(os, name), []

    def call(path=".", *rest, **more):
        if isinstance(path, str | os.PathLike) and os.fspath(path).endswith(ends):
            calls.append(path)
            if len(calls) > n_good:
                raise OSError(errno.EIO, "Input/output error", path)
        return real(path, *rest, **more)

    monkeypatch.setattr(os, name, call)


def test_a_file_at_which_nobody_can_look_is_left_as_it_is(library, music, monkeypatch):
    with monkeypatch.context() as patch:
        failing(patch, "stat", "1.wav")
        result = scan(library)
    assert counts(result) == {"unchanged": 2}
    assert any("1.wav cannot be looked at: Input/output error" in one for one in result.problems)
    assert files(library)["1.wav"].state == "done"


def test_a_part_that_cannot_be_read_is_left_as_it_is(library, music, monkeypatch):
    with monkeypatch.context() as patch:
        failing(patch, "scandir", "Album")
        result = scan(library, folders=[str(music / "Album")])
    assert result.missing == 0 and "cannot be read" in result.problems[0]
    assert files(library)["Album/3.wav"].state == "done"
    (music / "Album" / "3.wav").unlink()
    assert scan(library, folders=[str(music / "Album")]).missing == 1  # seen, and empty


def test_a_disk_that_goes_while_we_look_changes_nothing(library, music, monkeypatch):
    (music / "2.flac").unlink()
    with monkeypatch.context() as patch:
        failing(patch, "scandir", "music", n_good=2)  # there before, and for the walk
        result = scan(library)
    assert counts(result) == {} and result.seen == 0
    assert "left as they are" in result.problems[0]
    assert {entry.state for entry in files(library).values()} == {"done"}
    assert scan(library).missing == 1


def test_a_file_is_not_taken_for_one_that_cannot_be_looked_at(
    library, music, tmp_path, monkeypatch
):
    other = tmp_path / "other"
    other.mkdir()
    os.link(music / "1.wav", other / "same.wav")  # size, time and inode are the same
    library.add_folder(other)
    with monkeypatch.context() as patch:
        failing(patch, "lstat", "1.wav")
        real = os.lstat
        patch.setattr(os, "lstat", lambda path: real(os.fsdecode(path)))
        findings = look_at(library, other)
    assert (findings.new, findings.moved) == (1, 0)
    assert {entry.path for entry in files(library).values()} >= {f"{music}/1.wav"}


def look_at(library, folder):
    (root,) = (one for one in library.folders() if one.path == str(folder))
    findings = look.Findings()
    with library.writing() as db:
        own = look.Look(db, root.id, root.path, root.path, [], look.Wanted(), findings)
        own.read(lambda: None)
        own.settle()
    return findings


def test_a_folder_in_a_forgotten_part_is_not_added_in_vain(library, music):
    library.forget(music / "Album")
    (music / "Album" / "Best").mkdir()
    with pytest.raises(UsageError, match=r"Best lies in .*Album, which was forgotten.*add .*Album"):
        library.add_folder(music / "Album" / "Best")
    library.forget(music)
    shutil.move(music / "Album" / "3.wav", music / "Album" / "Best" / "3.wav")
    library.add_folder(music / "Album" / "Best")  # the folder around it is the library's no more
    scan(library)
    assert [entry.file for entry in files(library).values()] == ["3.wav"]
