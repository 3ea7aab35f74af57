"""The catalogue: folders, lists, own labels and models, and what goes wrong with the file."""

import os
import shutil
import sqlite3
import threading
from pathlib import Path

import numpy as np
import pytest

from affetto.errors import (
    CatalogueBusyError,
    CatalogueError,
    CatalogueFormatError,
    CatalogueFullError,
    TrackNotFoundError,
    UsageError,
)
from affetto.library import schema
from affetto.library.catalogue import Catalogue
from affetto.library.query import Query
from affetto.library.scan import scan
from affetto.model import load_model
from affetto.moods import MOOD_NAMES


def by_file(catalogue):
    return {entry.file: entry for entry in catalogue.every(Query(states=()))}


# --- Opening -------------------------------------------------------------------------------


def test_a_library_is_made_where_there_is_none(tmp_path):
    path = tmp_path / "deep" / "down" / "library.db"
    with Catalogue.open(path) as made:
        assert made.folders() == [] and made.tracks().total == 0
        status = made.status()
    assert path.is_file()
    assert (status.tracks, status.moods, status.scanning) == (0, {}, False)


def test_the_environment_names_the_library(tmp_path, monkeypatch):
    monkeypatch.setenv("AFFETTO_DB", str(tmp_path / "own.db"))
    with Catalogue.open() as opened:
        assert opened.path == tmp_path / "own.db"
    monkeypatch.delenv("AFFETTO_DB")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert schema.default_path() == tmp_path / "data" / "affetto" / "library.db"


def test_none_is_made_for_those_who_only_read(tmp_path):
    for settings in ({"readonly": True}, {"create": False}):
        with pytest.raises(CatalogueError, match=r"there is no library yet: .*affetto library add"):
            Catalogue.open(tmp_path / "none.db", **settings)
    assert list(tmp_path.iterdir()) == []


def test_readers_wait_for_one_that_is_being_made(tmp_path):
    (tmp_path / "library.db").touch()
    with pytest.raises(CatalogueError, match="holds no library yet"):
        Catalogue.open(tmp_path / "library.db", readonly=True)


def test_readers_leave_an_older_one_as_it_is(library, monkeypatch):
    monkeypatch.setattr(schema, "VERSION", 2)
    with pytest.raises(CatalogueError, match="older affetto; affetto library update"):
        Catalogue.open(library.path, readonly=True)


def test_readers_change_nothing(library):
    with Catalogue.open(library.path, readonly=True) as reader:
        assert reader.tracks().total == 3
        with pytest.raises(CatalogueError, match="opened for reading alone"):
            reader.correct(1, "Happy")


@pytest.mark.parametrize("content", [b"dear diary, " * 100, b"\0" * 8192])
def test_what_is_no_database_is_left_untouched(tmp_path, content):
    path = tmp_path / "library.db"
    path.write_bytes(content)
    with pytest.raises(CatalogueFormatError, match="is no database; it is left untouched"):
        Catalogue.open(path)
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_the_database_of_another_program_is_left_untouched(tmp_path):
    path = tmp_path / "library.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE songs (name TEXT)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(CatalogueFormatError, match="is a database of another program"):
        Catalogue.open(path)
    assert path.read_bytes() == before


def test_a_newer_one_is_left_untouched(tmp_path):
    path = tmp_path / "library.db"
    Catalogue.open(path).close()
    newer = sqlite3.connect(path)
    newer.execute("PRAGMA user_version = 99")
    newer.close()
    before = path.read_bytes()
    with pytest.raises(CatalogueFormatError, match=r"newer affetto .*version 99.*update affetto"):
        Catalogue.open(path)
    assert path.read_bytes() == before


def test_a_folder_is_no_library(tmp_path):
    with pytest.raises(CatalogueFormatError, match="is a folder; name the library's database"):
        Catalogue.open(tmp_path)


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CatalogueFullError, match=r"cannot make the folder .*--db"):
        Catalogue.open(tmp_path / "file" / "library.db")


def test_an_older_one_is_brought_up_to_date(library, monkeypatch):
    library.close()
    migrations = (*schema._MIGRATIONS, ("ALTER TABLE folders ADD COLUMN colour TEXT",))
    monkeypatch.setattr(schema, "_MIGRATIONS", migrations)
    monkeypatch.setattr(schema, "VERSION", 2)
    with Catalogue.open(library.path) as opened:
        assert opened.tracks().total == 3
        with opened.reading() as db:
            assert db.execute("PRAGMA user_version").fetchone()[0] == 2
            assert db.execute("SELECT colour FROM folders").fetchall()


def test_a_migration_that_fails_changes_nothing(library, monkeypatch):
    library.close()
    broken = ("ALTER TABLE folders ADD COLUMN colour TEXT", "ALTER TABLE absent ADD COLUMN x")
    monkeypatch.setattr(schema, "_MIGRATIONS", (*schema._MIGRATIONS, broken))
    monkeypatch.setattr(schema, "VERSION", 2)
    with pytest.raises(CatalogueError, match="no such table: absent"):
        Catalogue.open(library.path)
    monkeypatch.undo()
    with Catalogue.open(library.path) as opened, opened.reading() as db:
        columns = [row["name"] for row in db.execute("PRAGMA table_info(folders)")]
    assert "colour" not in columns


def test_another_writer_is_waited_for_and_then_named(library, monkeypatch):
    with Catalogue.open(library.path) as other, other.writing():
        with library.reading() as db:
            db.execute("PRAGMA busy_timeout = 50")
            with pytest.raises(CatalogueBusyError, match="another program has held"):
                library.correct(1, "Happy")
        assert library.tracks().total == 3  # reading goes on
    assert library.correct(1, "Happy").mood == "Happy"


def test_a_full_disk_changes_nothing(library):
    with library.reading() as db:
        (pages,) = db.execute("PRAGMA page_count").fetchone()
        db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(CatalogueFullError, match="is the disk full"):
        library.put_timeline(1, [{"start_s": os.urandom(20_000).hex()}])
    assert library.timeline(1) is None
    assert library.correct(1, "Happy").mood == "Happy"


# --- Folders -------------------------------------------------------------------------------


def test_a_folder_within_another_is_part_of_it(library, music):
    assert library.add_folder(music / "Album").path == str(music)
    assert [folder.n_tracks for folder in library.folders()] == [3]


def test_a_folder_around_others_takes_them_in(library, music, tmp_path, ears, tone):
    before = {entry.path: entry.id for entry in library.every()}
    tone(tmp_path / "more" / "9.wav", 9)
    library.add_folder(tmp_path)
    assert [folder.path for folder in library.folders()] == [str(tmp_path)]
    result = scan(library)
    assert (result.unchanged, result.new) == (3, 1)
    assert {entry.path: entry.id for entry in library.every()}.items() >= before.items()
    assert "music/1.wav" in by_file(library)


def test_what_is_no_folder_is_refused(library, music):
    with pytest.raises(UsageError, match=r"1\.wav is a file; name a folder of music"):
        library.add_folder(music / "1.wav")
    with pytest.raises(UsageError, match="nowhere does not exist"):
        library.add_folders([music, music / "nowhere"])


def test_folders_are_added_all_or_none(catalogue, music, tmp_path):
    with pytest.raises(UsageError, match="does not exist"):
        catalogue.add_folders([music, tmp_path / "nowhere"])
    assert catalogue.folders() == []


def test_forgetting_a_folder_touches_no_file(library, music):
    assert library.forget(music) == 3
    assert library.folders() == [] and library.status().tracks == 0
    assert (music / "1.wav").exists()
    with pytest.raises(TrackNotFoundError, match=r"knows nothing of .*; its folders: none yet"):
        library.forget(music)


def test_ids_are_never_given_again(library, music):
    last = max(entry.id for entry in library.every())
    library.forget(music)
    library.add_folder(music)
    scan(library)
    assert min(entry.id for entry in library.every()) > last


# --- Own labels ----------------------------------------------------------------------------


def test_an_own_label_stands_before_the_models(library):
    entry = library.correct(1, "Rainy Sunday ☔")
    assert (entry.mood, entry.own_mood) == ("Rainy Sunday ☔", "Rainy Sunday ☔")
    assert entry.model_mood in MOOD_NAMES and entry.confidence is not None
    assert library.tracks(Query(moods=("Rainy Sunday ☔",))).entries == [entry]
    assert library.tracks(Query(corrected=True)).total == 1
    assert library.tracks(Query(corrected=False)).total == 2
    assert library.own_labels() == [(entry, "Rainy Sunday ☔")]
    back = library.correct(1, None)
    assert (back.mood, back.own_mood) == (back.model_mood, None)
    assert library.own_labels() == []


def test_the_five_are_spelt_as_the_five(library):
    assert library.correct(1, " happy ").mood == "Happy"


def test_a_mood_is_spelt_as_it_was_the_first_time(library):
    library.correct(1, "Rainy Day")
    assert library.correct(2, "rainy  day").mood == "Rainy Day"
    assert library.correct(3, "Rainy-Day").mood == "Rainy-Day"
    assert library.status().moods == {"Rainy Day": 2, "Rainy-Day": 1}


@pytest.mark.parametrize("mood", ["", "  ", "a\nb", "\x1b[2J", "x" * 65, "\u202eevil"])
def test_what_cannot_be_shown_is_no_mood(library, mood):
    with pytest.raises(UsageError, match="cannot be a mood"):
        library.correct(1, mood)


def test_unknown_tracks_are_told(library):
    with pytest.raises(TrackNotFoundError, match="no track 99"):
        library.correct(99, "Happy")
    with pytest.raises(TrackNotFoundError, match="no track 99"):
        library.touched(99)
    assert library.track(99) is None and library.timeline(99) is None


def test_own_labels_survive_a_move_a_forget_and_a_return(library, music, tmp_path, ears):
    before = by_file(library)["1.wav"]
    library.correct(before.id, "Mine")
    library.forget(music)
    assert library.status().own_labels == 1
    shutil.copytree(music, tmp_path / "elsewhere")
    library.add_folder(tmp_path / "elsewhere")
    scan(library)
    assert by_file(library)["1.wav"].mood == "Mine"
    assert library.status().moods["Mine"] == 1


def test_own_labels_are_forgotten_when_asked(library, music):
    library.correct(1, "Mine")
    library.forget(music, purge=True)
    assert library.status().own_labels == 0
    library.add_folder(music)
    scan(library)
    assert "Mine" not in library.status().moods


def test_a_copy_has_the_label_of_its_recording(library, music):
    shutil.copy(music / "1.wav", music / "copy.wav")
    scan(library)
    found = by_file(library)
    library.correct(found["copy.wav"].id, "Mine")
    assert by_file(library)["1.wav"].mood == "Mine"
    assert len(library.own_labels()) == 1  # one recording


def test_a_track_that_could_not_be_heard_can_be_labelled(catalogue, music, ears):
    catalogue.add_folder(music)
    (music / "bad.mp3").write_text("no audio")
    scan(catalogue)
    bad = by_file(catalogue)["bad.mp3"]
    assert catalogue.correct(bad.id, "Mine").mood == "Mine"
    scan(catalogue, retry_failed=True)
    bad = by_file(catalogue)["bad.mp3"]
    assert (bad.state, bad.mood) == ("failed", "Mine")
    assert catalogue.own_labels() == []  # nothing to learn from


def test_moods_that_differ_by_a_sign_alone(library):
    for ident, mood in enumerate(("☔", "🌞", "so-so"), 1):
        library.correct(ident, mood)
    own = library.moods()[5:]
    assert [count.mood.name for count in own] == sorted(("☔", "🌞", "so-so"))
    assert len({count.mood.colour_light for count in own}) == 3


# --- Models --------------------------------------------------------------------------------


@pytest.fixture
def other_model():
    """A model that says the moods in reverse."""
    model = load_model()
    from dataclasses import replace

    return replace(model, moods=tuple(reversed(model.moods)), name="mine", about={})


def test_another_model_labels_everything_anew(library, other_model):
    before = {entry.id: entry for entry in library.every()}
    library.correct(2, "Mine")
    adopted = library.use_model(other_model)
    assert adopted.in_use and adopted.is_personal and adopted.name == "mine"
    assert library.model().moods == other_model.moods
    for entry in library.every():
        old = before[entry.id]
        X = np.array([[entry.features[name] for name in other_model.features]])
        expected = dict(
            zip(other_model.moods, other_model.predict_proba(X)[0].tolist(), strict=True)
        )
        assert entry.p == pytest.approx(expected, abs=1e-5)
        assert entry.model_mood == max(expected, key=expected.get) != old.model_mood
        assert entry.mood == ("Mine" if entry.id == 2 else entry.model_mood)
        assert entry.outlier is None  # it knows nothing of its training tracks


def test_models_are_kept_and_gone_back_to(library, other_model):
    before = {entry.id: entry for entry in library.every()}
    first = library.use_model(other_model)
    second = library.use_model(other_model.with_about({"n": 2}))
    assert [model.in_use for model in library.models()] == [False, False, True]
    assert first.path.parent == library.path.parent / "models" and first.path.exists()
    assert library.revert_model().id == first.id
    assert library.revert_model().id == 0
    assert {entry.id: entry for entry in library.every()} == before
    assert second.path.exists()
    with pytest.raises(CatalogueError, match="there is none before it"):
        library.revert_model()


def test_the_same_model_is_kept_once(library, other_model):
    assert library.use_model(other_model).id == library.use_model(other_model).id
    assert len(library.models()) == 2
    assert len(list((library.path.parent / "models").iterdir())) == 1


def test_a_personal_model_whose_file_is_gone_gives_way_to_affettos_own(
    library, other_model, caplog
):
    before = by_file(library)
    library.use_model(other_model).path.unlink()
    with Catalogue.open(library.path) as opened:
        with pytest.raises(CatalogueError, match=r"is gone: .* does not exist; put it back, or go"):
            opened.model()
        assert opened.refresh_labels()
        assert "affetto's own model labels the library from now on" in caplog.text
        assert not opened.shelved_model().is_personal
        after = by_file(opened)
        assert {name: one.p for name, one in after.items()} == {
            name: one.p for name, one in before.items()
        }
        assert not opened.refresh_labels()


def test_going_back_passes_over_models_whose_files_are_gone(library, other_model):
    library.use_model(other_model).path.unlink()
    library.use_model(other_model.with_about({"n": 2}))
    assert library.revert_model().id == 0


def test_a_relabelling_that_fails_leaves_the_old_labels(library, other_model, monkeypatch):
    before = list(library.every())
    monkeypatch.setattr(
        "affetto.library.model_shelf.relabel",
        lambda db, *_: db.execute("UPDATE tracks SET mood = x"),
    )
    with pytest.raises(CatalogueError, match="no such column: x"):
        library.use_model(other_model)
    assert list(library.every()) == before
    assert not library.shelved_model().is_personal
    assert list((library.path.parent / "models").iterdir()) == []


def test_a_new_affetto_brings_new_labels(library, monkeypatch):
    assert not library.refresh_labels()
    monkeypatch.setattr("affetto.library.model_shelf.default_sha256", lambda: "newer")
    with library.writing() as db:
        db.execute("UPDATE tracks SET mood = NULL")
    assert library.refresh_labels()
    assert all(entry.mood for entry in library.every())
    assert not library.refresh_labels()


def test_moods_are_those_of_the_model_and_ones_own(library):
    library.correct(1, "Mine")
    moods = library.moods()
    assert [count.mood.name for count in moods] == [*load_model().moods, "Mine"]
    assert (moods[-1].count, moods[-1].own_count) == (1, 1)
    assert sum(count.count for count in moods) == 3
    assert moods[-1].mood.colour_light.startswith("#")


# --- Other hands ---------------------------------------------------------------------------


def test_a_file_whose_tags_were_written_is_not_taken_for_changed(library, music, tone):
    tone(music / "1.wav", 1, title="Tagged")
    library.touched(by_file(library)["1.wav"].id)
    result = scan(library)
    assert (result.changed, result.unchanged) == (0, 3)


def test_tracks_are_found_by_path(library, music):
    assert library.track_at(music / "1.wav").file == "1.wav"
    assert library.track_at(music / "none.wav") is None


def test_threads_share_a_library(library):
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            with Catalogue.open(library.path) as own:
                for step in range(10):
                    own.correct(1 + number % 3, f"mood {step}")
                    assert own.tracks(Query(sort="mood")).total == 3
                    own.points(), own.status()
        except BaseException as exc:  # noqa: BLE001
            errors.append(exc)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert set(library.status().moods) == {"mood 9"}


def test_status_tells_how_it_stands(library, music, ears):
    (music / "bad.mp3").write_text("no")
    (music / "2.flac").unlink()
    scan(library)
    status = library.status()
    assert (status.tracks, status.done, status.failed, status.missing) == (4, 2, 1, 1)
    assert sum(status.moods.values()) == 2
    assert status.size_bytes >= Path(status.path).stat().st_size
    assert status.as_dict()["folders"] == [{"path": str(music), "tracks": 4}]
