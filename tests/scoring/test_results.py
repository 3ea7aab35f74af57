"""Results that grow: whole lines whatever happens, nothing lost, nothing done twice."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from affetto.errors import OutputError, UsageError
from affetto.scoring.results import STAMP, Results, row_frame, stamp

MOODS = pl.Enum(["Happy", "Dark"])
SCHEMA: dict[str, pl.DataType] = {
    "path": pl.String(),
    "title": pl.String(),
    "energy": pl.Float64(),
    "key": pl.Int64(),
    "mood": MOODS,
    **STAMP,
    "error": pl.String(),
}
NAMES = ["a.mp3", "b.mp3", "c.mp3", "d.mp3"]
SUFFIXES = [".csv", ".tsv", ".jsonl", ".ndjson", ".parquet"]
each_format = pytest.mark.parametrize("suffix", SUFFIXES)
each_text = pytest.mark.parametrize("suffix", SUFFIXES[:-1])


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for place, name in enumerate(NAMES):
        Path(name).write_bytes(b"x" * place)
    return tmp_path


def row(path: str, **cells: Any) -> dict[str, Any]:
    return {"path": path, "title": f"T {path}", "energy": 0.5, "mood": "Dark"} | stamp(path) | cells


def read(path: Path | str) -> pl.DataFrame:
    path = Path(path)
    match path.suffix:
        case ".parquet":
            return pl.read_parquet(path)
        case ".csv":
            return pl.read_csv(path)
        case ".tsv":
            return pl.read_csv(path, separator="\t")
        case _:
            return pl.read_ndjson(path)


def leftovers() -> list[str]:
    return sorted(path.name for path in Path().iterdir() if path.suffix != ".mp3")


def run(out: str, *paths: str, names: list[str] = NAMES, resume: bool = False) -> list[str]:
    """Write rows of `paths` that are not kept, and give those."""
    with Results(out, SCHEMA, names, resume=resume) as file:
        new = [path for path in paths if not file.has(path)]
        for path in new:
            file.write(row(path))
    return new


@each_format
def test_rows_come_back_in_the_order_of_the_inputs(suffix: str) -> None:
    with Results(f"out{suffix}", SCHEMA, NAMES) as file:
        for name in ("b.mp3", "d.mp3", "a.mp3"):
            file.write(row(name, energy=0.125, key=3))
        file.write({"path": "c.mp3", "error": "a reason"})
        assert file.n_new == 4
    found = read(f"out{suffix}")
    assert found.columns == list(SCHEMA)
    assert found["path"].to_list() == NAMES
    assert found["error"].to_list() == [None, None, "a reason", None]
    assert found["energy"].to_list() == [0.125, 0.125, None, 0.125]
    assert found["size_bytes"].to_list() == [0, 1, None, 3]
    assert leftovers() == [f"out{suffix}"]


def test_parquet_keeps_its_types() -> None:
    run("out.parquet", *NAMES)
    assert dict(pl.read_parquet_schema("out.parquet")) == SCHEMA


@each_format
def test_it_does_not_matter_in_which_order_files_were_done(suffix: str) -> None:
    run(f"one{suffix}", *NAMES)
    run(f"two{suffix}", *reversed(NAMES))
    assert Path(f"one{suffix}").read_bytes() == Path(f"two{suffix}").read_bytes()


@each_text
def test_every_row_is_in_the_file_when_it_is_written(suffix: str) -> None:
    with Results(f"out{suffix}", SCHEMA, NAMES) as file:
        for n_rows, name in enumerate(NAMES, 1):
            file.write(row(name))
            assert len(read(f"out{suffix}")) == n_rows


def test_parquet_grows_in_a_journal_beside_it() -> None:
    with Results("out.parquet", SCHEMA, NAMES) as file:
        file.write(row("b.mp3"))
        assert leftovers() == ["out.parquet.partial.jsonl"]
        assert read("out.parquet.partial.jsonl")["path"].to_list() == ["b.mp3"]
    assert leftovers() == ["out.parquet"]


@each_format
@pytest.mark.parametrize("stop", [KeyboardInterrupt, ValueError])
def test_a_stop_keeps_what_is_done(suffix: str, stop: type[BaseException]) -> None:
    with pytest.raises(stop), Results(f"out{suffix}", SCHEMA, NAMES) as file:
        file.write(row("b.mp3"))
        file.write(row("a.mp3"))
        raise stop
    assert read(f"out{suffix}")["path"].to_list() == ["a.mp3", "b.mp3"]
    assert leftovers() == [f"out{suffix}"]


@each_format
def test_what_stood_there_stays_until_there_is_a_result(suffix: str) -> None:
    Path(f"out{suffix}").write_text("something else")
    with Results(f"out{suffix}", SCHEMA, NAMES):
        pass
    assert Path(f"out{suffix}").read_text() == "something else"
    run(f"out{suffix}", "a.mp3")
    assert read(f"out{suffix}")["path"].to_list() == ["a.mp3"]


TITLES = [
    'a "quote", and; more',
    "two\nlines",
    "tab\tbed",
    "",
    "Jóga \N{MUSICAL NOTE}",
    "null",
    "1",
]


@pytest.mark.parametrize("text", ["no JSON at all\n", "[1, 2]\n", '{"path": 1}\n'])
def test_lines_that_are_no_results_are_overwritten_or_refused(text: str) -> None:
    Path("out.jsonl").write_text(text)
    with pytest.raises(UsageError, match="has other columns"):
        run("out.jsonl", resume=True)
    run("out.jsonl", *NAMES)
    assert read("out.jsonl")["path"].to_list() == NAMES


def test_hundreds_of_columns_are_read_in_their_order() -> None:
    wide = {**SCHEMA, **dict.fromkeys((f"column_{k}" for k in range(400)), pl.Float64())}
    with Results("out.jsonl", wide, NAMES) as file:
        for name in reversed(NAMES):
            file.write(row(name, column_7=0.5))
    assert read("out.jsonl")["path"].to_list() == NAMES
    with Results("out.jsonl", wide, NAMES, resume=True) as file:
        assert file.n_kept == 4


@each_format
def test_any_title_survives_resuming(suffix: str) -> None:
    with Results(f"out{suffix}", SCHEMA, NAMES) as file:
        for title in TITLES:
            file.write(row(f"{len(title)}{title[:1]}.mp3", title=title, size_bytes=1))
    with Results(f"out{suffix}", SCHEMA, NAMES, resume=True) as file:
        assert file.n_kept == len(TITLES)
        file.write(row("d.mp3"))
    assert sorted(read(f"out{suffix}")["title"].cast(pl.String).fill_null("")) == sorted(
        [*TITLES, "T d.mp3"]
    )


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are Unicode")
@each_format
def test_names_that_are_not_utf_8_are_written_and_known_again(suffix: str) -> None:
    name = os.fsdecode(b"caf\xe9.mp3")
    Path(name).touch()
    assert run(f"out{suffix}", name, "a.mp3", names=[name, "a.mp3"]) == [name, "a.mp3"]
    assert read(f"out{suffix}")["path"].to_list() == [r"caf\xe9.mp3", "a.mp3"]
    assert run(f"out{suffix}", name, names=[name, "b.mp3"], resume=True) == []
    os.utime(name, (0, 0))
    assert run(f"out{suffix}", name, names=[name, "b.mp3"], resume=True) == [name]


def test_a_row_as_a_table() -> None:
    frame = row_frame({"path": "a", "energy": float("nan"), "title": "\ud800"}, SCHEMA)
    assert frame.schema == SCHEMA
    assert frame["energy"].to_list() == [None]
    assert frame["title"].to_list() == ["\\ud800"]
    with pytest.raises(UsageError, match="columns enrgy are not among those announced"):
        row_frame({"enrgy": 1.0}, SCHEMA)


@each_format
def test_a_run_goes_on_where_it_stopped(suffix: str) -> None:
    out = f"out{suffix}"
    assert run(out, "c.mp3", "a.mp3") == ["c.mp3", "a.mp3"]
    assert run(out, *NAMES, resume=True) == ["b.mp3", "d.mp3"]
    assert read(out)["path"].to_list() == NAMES
    before = Path(out).read_bytes()
    assert run(out, *NAMES, resume=True) == []
    assert Path(out).read_bytes() == before
    assert run(out, *NAMES, resume=False) == NAMES  # complete: begun anew, as ever
    assert run("other.csv", *NAMES, resume=True) == NAMES  # nothing to resume


@each_format
def test_changed_and_failed_files_are_done_again_and_others_are_kept(suffix: str) -> None:
    out = f"out{suffix}"
    with Results(out, SCHEMA, NAMES) as file:
        file.write(row("a.mp3"))
        file.write(row("b.mp3", error="a reason", mood=None))
        file.write(row("c.mp3", energy=0.25))
        file.write(row("d.mp3"))
        file.write(row("gone.mp3", size_bytes=1, modified_s=1.5))
    Path("a.mp3").write_bytes(b"longer")
    os.utime("d.mp3", (0, 0))
    assert run(out, *NAMES, resume=True) == ["a.mp3", "b.mp3", "d.mp3"]
    found = read(out)
    assert found["path"].to_list() == [*NAMES, "gone.mp3"]
    assert found["energy"].to_list() == [0.5, 0.5, 0.25, 0.5, 0.5]
    assert found["error"].null_count() == 5


@each_format
def test_rows_of_tables_come_last_and_are_written_anew(suffix: str) -> None:
    out = f"out{suffix}"
    table = pl.DataFrame({"title": ["A", "B"], "energy": [0.25, 0.75], "path": [None, "x.mp3"]})

    def write(*paths: str, resume: bool = False) -> None:
        with Results(out, SCHEMA, NAMES, resume=resume) as file:
            for path in paths:
                file.write(row(path))
            file.write_table(table.head(1))
            file.write_table(table.tail(1))
            file.write_table(table.head(0))
            assert file.n_new == len(paths) + 2

    write("b.mp3", "a.mp3")
    assert read(out)["title"].to_list() == ["T a.mp3", "T b.mp3", "A", "B"]
    write("d.mp3", "c.mp3", resume=True)
    found = read(out)
    assert found["path"].to_list() == [*NAMES, None, "x.mp3"]
    assert found["energy"].to_list() == [0.5] * 4 + [0.25, 0.75]
    with pytest.raises(UsageError, match="columns x are not among"):
        Results(out, SCHEMA, NAMES, resume=True).write_table(pl.DataFrame({"x": [1]}))


@each_format
def test_several_rows_of_one_file_stay_together(suffix: str) -> None:
    with Results(f"out{suffix}", SCHEMA, NAMES) as file:
        for path in ("c.mp3", "a.mp3"):
            for energy in (0.75, 0.25, 0.5):
                file.write(row(path, energy=energy))
    found = read(f"out{suffix}")
    assert found["path"].to_list() == ["a.mp3"] * 3 + ["c.mp3"] * 3
    assert found["energy"].to_list() == [0.75, 0.25, 0.5] * 2


@each_format
def test_results_of_a_stopped_run_are_not_overwritten(suffix: str) -> None:
    run(f"out{suffix}", "a.mp3", "b.mp3")
    before = Path(f"out{suffix}").read_bytes()
    said = rf"out{suffix} holds 2 of these 4 files, .* add --resume to go on .* or delete"
    with pytest.raises(UsageError, match=said):
        run(f"out{suffix}", *NAMES)
    assert Path(f"out{suffix}").read_bytes() == before
    run(f"out{suffix}", "c.mp3", names=["c.mp3", "d.mp3"])  # of other files: overwritten
    assert read(f"out{suffix}")["path"].to_list() == ["c.mp3"]


@each_format
def test_other_columns_are_not_mixed(suffix: str) -> None:
    frame = pl.DataFrame({"path": ["a.mp3"], "x": [1]})
    {
        ".csv": frame.write_csv,
        ".tsv": lambda path: frame.write_csv(path, separator="\t"),
        ".parquet": frame.write_parquet,
    }.get(suffix, frame.write_ndjson)(f"out{suffix}")
    with pytest.raises(UsageError, match=r"has other columns \(path, x, …\) than this run"):
        Results(f"out{suffix}", SCHEMA, NAMES, resume=True)


@each_text
@pytest.mark.parametrize("torn", ["b.mp3,T b", '{"path":"b.mp3","ti', "\0\0\0"])
def test_a_torn_last_line_is_left_out(suffix: str, torn: str) -> None:
    run(f"out{suffix}", "a.mp3")
    with Path(f"out{suffix}").open("a") as file:
        file.write(torn)
    assert run(f"out{suffix}", *NAMES, resume=True) == NAMES[1:]
    assert read(f"out{suffix}")["path"].to_list() == NAMES


class FullDisk:
    """A file on a disk that has room for some bytes more."""

    def __init__(self, file: Any, room: int):
        self.file, self.room = file, room

    def write(self, data: memoryview) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        n_bytes = self.file.write(data[: self.room])
        self.room -= n_bytes
        return n_bytes

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)


@each_text
def test_a_full_disk_leaves_whole_lines(suffix: str) -> None:
    with (
        pytest.raises(OutputError, match=rf"cannot write out{suffix}: No space left on device"),
        Results(f"out{suffix}", SCHEMA, NAMES) as file,
    ):
        file.write(row("a.mp3"))
        file._file = FullDisk(file._file, 70)
        file.write(row("b.mp3"))
        file.write(row("c.mp3"))
    assert read(f"out{suffix}")["path"].to_list()[0] == "a.mp3"
    assert Path(f"out{suffix}").read_bytes().endswith(b"\n")


def test_a_disk_that_is_full_at_the_end_keeps_the_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(pl.DataFrame, "write_parquet", fail)
        with pytest.raises(OutputError, match=r"cannot write out\.parquet: No space left"):
            run("out.parquet", "b.mp3")
    assert leftovers() == ["out.parquet.partial.jsonl"]
    with pytest.raises(UsageError, match=r"partial\.jsonl holds 1 of these 4 files.* --resume"):
        run("out.parquet", *NAMES)
    assert run("out.parquet", *NAMES, resume=True) == ["a.mp3", "c.mp3", "d.mp3"]
    assert leftovers() == ["out.parquet"]


KILLED = """
import os, signal, sys
sys.path.insert(0, {folder!r})
from test_results import NAMES, SCHEMA, row
from affetto.scoring.results import Results
with Results(sys.argv[1], SCHEMA, NAMES) as file:
    for name in NAMES[:3]:
        file.write(row(name))
    os.kill(os.getpid(), signal.SIGKILL)
"""


@each_format
def test_a_kill_loses_nothing(suffix: str) -> None:
    script = KILLED.format(folder=str(Path(__file__).parent))
    done = subprocess.run([sys.executable, "-c", script, f"out{suffix}"], check=False)
    assert done.returncode == -signal.SIGKILL
    growing = "out.parquet.partial.jsonl" if suffix == ".parquet" else f"out{suffix}"
    assert leftovers() == [growing]
    assert read(growing)["path"].to_list() == NAMES[:3]
    assert run(f"out{suffix}", *NAMES, resume=True) == ["d.mp3"]
    assert leftovers() == [f"out{suffix}"]
    assert read(f"out{suffix}")["path"].to_list() == NAMES


def test_wrong_names_are_told_before_work_begins() -> None:
    with pytest.raises(UsageError, match=r"expected a name that ends in \.csv, \.tsv"):
        Results("out.xls", SCHEMA, NAMES)
    with pytest.raises(OutputError, match="the folder nowhere does not exist"):
        Results("nowhere/out.csv", SCHEMA, NAMES)
    Path("folder.csv").mkdir()
    with pytest.raises(OutputError, match="it is a folder; name a file in it"):
        Results("folder.csv", SCHEMA, NAMES)


def test_a_stamp_knows_a_file_again() -> None:
    first = stamp("b.mp3")
    assert first["size_bytes"] == 1 and abs((first["modified_s"] or 0) - time.time()) < 60
    assert stamp("b.mp3") == first
    assert stamp("gone") == stamp("a\0b") == {"size_bytes": None, "modified_s": None}
    assert set(first) == set(STAMP)
