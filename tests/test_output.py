"""Files are written whole or not at all."""

import errno
from pathlib import Path

import pytest

from affetto.errors import OutputError
from affetto.output import check_place, make_folder, write_text, written_aside


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_finished_file_replaces_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    write_text(target, "new – ü")
    assert target.read_text(encoding="utf-8") == "new – ü"
    assert leftovers(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, ValueError("no"), SystemExit(1)])
def test_a_stop_leaves_the_old_file_and_nothing_else(tmp_path: Path, stop: BaseException) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with (
        pytest.raises(stop if isinstance(stop, type) else type(stop)),
        written_aside(target) as aside,
    ):
        aside.write_text("half")
        raise stop
    assert target.read_text() == "old"
    assert leftovers(tmp_path) == ["a.txt"]


def test_the_name_aside_keeps_the_suffix(tmp_path: Path) -> None:
    with written_aside(tmp_path / "a.parquet") as aside:
        assert aside.suffix == ".parquet"
        assert aside.parent == tmp_path
        aside.write_bytes(b"x")


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match=r"cannot write .*a\.csv: No space left on device"),
        written_aside(tmp_path / "a.csv") as aside,
    ):
        aside.write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert leftovers(tmp_path) == []


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"the folder .*nowhere does not exist"):
        write_text(tmp_path / "nowhere" / "a.txt", "x")


def test_a_folder_in_place_of_a_file(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="it is a folder; name a file in it"):
        write_text(tmp_path, "x")


def test_a_file_in_place_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot write"):
        write_text(tmp_path / "file" / "a.txt", "x")
    with pytest.raises(OutputError, match="is a file; name a folder"):
        make_folder(tmp_path / "file")
    with pytest.raises(OutputError, match="cannot make the folder"):
        make_folder(tmp_path / "file" / "below")


def test_folders_are_made_with_their_parents(tmp_path: Path) -> None:
    assert make_folder(tmp_path / "a" / "b").is_dir()
    assert make_folder(tmp_path / "a" / "b").is_dir()


def test_an_unwritable_folder_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: False)  # root may write anywhere
    with pytest.raises(OutputError, match="is not writable; name another with --out"):
        make_folder(tmp_path)


def test_files_that_appear_together_are_named_by_their_own_names(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match=r"cannot write .*/b\.txt: No space left"),
        written_aside(tmp_path / "b.txt") as outer,
        written_aside(outer) as inner,
    ):
        inner.write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert leftovers(tmp_path) == []


def test_a_place_that_cannot_be_written_to_is_told_before_the_work(tmp_path: Path) -> None:
    check_place(tmp_path / "a.csv")
    assert leftovers(tmp_path) == []
    with pytest.raises(OutputError, match="it is a folder"):
        check_place(tmp_path)
    with pytest.raises(OutputError, match=r"the folder .*no does not exist"):
        check_place(tmp_path / "no" / "a.csv")
