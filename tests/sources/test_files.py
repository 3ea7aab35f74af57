"""What is named becomes audio and tables: each once, in order, and every failure in its place."""

import os
import sys
import time
from pathlib import Path

import pytest

from affetto.sources import files
from affetto.sources.files import AUDIO_SUFFIXES, AudioEntry, find_inputs, has_audio_suffix
from affetto.sources.tables import scan_table


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(*names: str, content: bytes = b"") -> None:
    for name in names:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def paths(*names: str | Path) -> list[str]:
    found = find_inputs(names)
    assert [entry.error for entry in found.audio] == [None] * len(found.audio)
    return [entry.path for entry in found.audio]


def the_error(*names: str) -> str:
    (entry,) = find_inputs(names).audio
    assert entry.error is not None
    return f"{entry.path} {entry.error}"


def test_folders_are_walked_in_natural_order(here: Path) -> None:
    make("M/10.mp3", "M/2.mp3", "M/a.flac", "M/B.flac", "M/Disc 10/1.ogg", "M/Disc 9/1.ogg")
    make("M/Disc 9/cover.jpg", "M/Disc 9/list.m3u", "M/notes.txt", "M/table.csv", "M/mp3", "M/.mp3")
    assert paths("M") == [
        "M/2.mp3", "M/10.mp3", "M/a.flac", "M/B.flac", "M/Disc 9/1.ogg", "M/Disc 10/1.ogg"
    ]  # fmt: skip
    assert paths("M/") == paths("M")
    assert paths(here / "M") == [f"{here}/{path}" for path in paths("M")]


def test_audio_in_folders_is_told_by_suffix_in_any_case(here: Path) -> None:
    make(*(f"M/a{suffix}" for suffix in AUDIO_SUFFIXES), "M/B.MP3")
    assert len(paths("M")) == len(AUDIO_SUFFIXES) + 1
    assert has_audio_suffix("x.y.FLAC")
    assert not any(map(has_audio_suffix, ["mp3", ".mp3", "a.mp3x", "a.", "a.jpg", "a.mp3.part"]))


def test_hidden_and_system_things_in_folders_are_skipped(here: Path) -> None:
    make("M/a.mp3", "M/.b.mp3", "M/._a.mp3", "M/.hidden/c.mp3", "M/@eaDir/a.mp3/x.mp3")
    make("M/__MACOSX/a.mp3", ".named/a.mp3", ".named/.b.mp3")
    assert paths("M") == ["M/a.mp3"]
    assert paths(".named") == [".named/a.mp3"]
    assert paths("M/.b.mp3") == ["M/.b.mp3"]


def test_links_are_followed_and_loops_survived(here: Path) -> None:
    make("M/a.mp3", "M/sub/b.mp3", "other/c.mp3")
    Path("M/sub/up").symlink_to("..")
    Path("M/self").symlink_to(".")
    Path("M/other").symlink_to(here / "other")
    Path("M/again.mp3").symlink_to("a.mp3")
    Path("M/loop").symlink_to("loop")
    found = find_inputs(["M"])
    assert [entry.path for entry in found.audio] == ["M/a.mp3", "M/other/c.mp3", "M/sub/b.mp3"]
    assert found.notes == ["1 file was named more than once: taken once"]


def test_dead_links_and_pipes_are_errors_in_their_place(here: Path) -> None:
    make("M/b.mp3")
    Path("M/a.mp3").symlink_to("gone")
    Path("M/c.mp3").symlink_to("c.mp3")
    os.mkfifo("M/d.mp3")
    found = find_inputs(["M", "M/a.mp3", "M/d.mp3"]).audio
    assert [entry.path for entry in found] == [
        "M/a.mp3", "M/b.mp3", "M/c.mp3", "M/d.mp3", "M/a.mp3", "M/d.mp3"
    ]  # fmt: skip
    said = "is a pipe, a device or a link to nothing; a file is expected"
    assert [entry.error for entry in found] == [said, None, said, said, said, said]


def test_a_folder_that_cannot_be_read_is_an_error_and_the_rest_goes_on(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make("M/a.mp3", "M/locked/b.mp3", "M/z/c.mp3")
    scandir = os.scandir

    def refuse(path: str) -> object:  # root may read anything
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = find_inputs(["M"]).audio
    assert [(entry.path, entry.error) for entry in found] == [
        ("M/a.mp3", None),
        ("M/locked", "is a folder that cannot be read: Permission denied"),
        ("M/z/c.mp3", None),
    ]
    assert the_error("M/locked") == "M/locked is a folder that cannot be read: Permission denied"


def test_what_is_named_twice_is_there_once(here: Path) -> None:
    make("M/a.mp3", "M/sub/b.mp3")
    Path("link.mp3").symlink_to("M/a.mp3")
    found = find_inputs(["M/sub/b.mp3", "link.mp3", "M", "./M/a.mp3", here / "M/sub/../a.mp3"])
    assert [entry.path for entry in found.audio] == ["M/sub/b.mp3", "link.mp3"]
    assert found.notes == ["4 files were named more than once: taken once"]
    found = find_inputs(["M/sub", "M", "M/sub"])
    assert [entry.path for entry in found.audio] == ["M/sub/b.mp3", "M/a.mp3"]
    assert found.notes == ["M/sub was named before: taken once"]


def test_a_folder_without_audio_says_what_else_is_there(here: Path) -> None:
    Path("empty").mkdir()
    assert the_error("empty") == "empty is a folder without audio files"
    make("tables/b.csv", "tables/a.parquet", "tables/c.jpg")
    assert the_error("tables") == (
        "tables is a folder without audio files; tables in it, to be named themselves: "
        "a.parquet, b.csv"
    )


def test_missing_names_suggest_near_ones(here: Path) -> None:
    make("Music/song.mp3")
    assert the_error("Musik") == "Musik does not exist; did you mean Music?"
    assert the_error("Musik/") == "Musik/ does not exist; did you mean Music?"
    assert the_error("Music/sonk.mp3") == "Music/sonk.mp3 does not exist; did you mean song.mp3?"
    assert the_error("Music/zzz.ogg") == "Music/zzz.ogg does not exist; Music has no such file"
    assert the_error("zzz") == "zzz does not exist; the current folder has no such file"
    assert the_error("no/where.mp3") == "no/where.mp3 does not exist, nor does the folder no"
    assert the_error("a\0b") == "a\0b cannot be read: embedded null byte"
    assert "File name too long" in the_error("x" * 5000)


def test_addresses(here: Path) -> None:
    make("b c.mp3")
    assert paths(f"file://{here}/b%20c.mp3") == [f"{here}/b c.mp3"]
    address = "https://example.org/a.mp3"
    assert the_error(address) == f"{address} is on the network; download it first"
    assert the_error("file:///gone/a.mp3") == "file:///gone/a.mp3 does not exist"


def test_the_home_folder(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make("M/a.mp3")
    monkeypatch.setenv("HOME", str(here))
    assert paths("~/M") == [f"{here}/M/a.mp3"]


CSV = b"title,artist,energy\nA,B,0.5\n"


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.mp3", CSV, "audio"),
        ("a.jpg", b"\xff\xd8\xff\xe0\x00\x10JFIF", "audio"),
        ("empty", b"", "audio"),
        ("noise", bytes(range(256)), "audio"),
        ("a.csv", b"", "table"),
        ("a.CSV.gz", b"", "table"),
        ("a.ndjson", b"", "table"),
        ("a.xlsx", b"PK\3\4", "table"),
        ("a.json", b"[]", "table"),
        ("songs", CSV, "table"),
        ("songs.dat", CSV, "table"),
        ("songs.utf16", CSV.decode().encode("utf-16"), "table"),
        ("packed", b"\x1f\x8b\x08\0", "table"),
        ("columns", b"PAR1\x15\0", "table"),
        ("list", b"#EXTM3U\na.mp3\n", "playlist"),
        ("list.txt.bak", b"[playlist]\nFile1=a.mp3\n", "playlist"),
    ],
)
def test_a_named_file_is_what_its_name_or_content_says(
    here: Path, name: str, content: bytes, kind: str
) -> None:
    make(name, content=content)
    found = find_inputs([name])
    assert found.tables == ([name] if kind == "table" else [])
    expected = {"audio": [name], "playlist": ["a.mp3"], "table": []}[kind]
    assert [entry.path for entry in found.audio] == expected


def test_tables_keep_their_order_and_missing_ones_their_reader(here: Path) -> None:
    make("b.csv", "a.mp3", content=CSV)
    found = find_inputs(["dataset:article", "b.csv", "a.mp3", "gone.csv"])
    assert found.tables == ["dataset:article", "b.csv", "gone.csv"]
    assert [entry.path for entry in found.audio] == ["a.mp3"]
    assert scan_table(found.tables[1]).collect()["energy"].to_list() == [0.5]


def test_playlists_lend_their_words(here: Path) -> None:
    make("M/a.mp3", "M/b.mp3", "t.csv")
    Path("Calm.m3u").write_text(
        "#EXTM3U\n#EXTINF:12,A - B\nM/a.mp3\nM/b.mp3\nM/gone.mp3\nhttp://x.org/y.mp3\nt.csv\n"
    )
    found = find_inputs(["Calm.m3u", "M"])
    assert found.audio == [
        AudioEntry("M/a.mp3", title="B", artist="A", duration_s=12.0, playlist="Calm"),
        AudioEntry("M/b.mp3", playlist="Calm"),
        AudioEntry("M/gone.mp3", playlist="Calm", error="does not exist"),
        AudioEntry(
            "http://x.org/y.mp3", playlist="Calm", error="is on the network; download it first"
        ),
        AudioEntry("t.csv", playlist="Calm", error="is a table, not audio; name it by itself"),
    ]
    assert found.notes == ["2 files were named more than once: taken once"]


def test_playlists_in_playlists_end(here: Path) -> None:
    make("M/a.mp3", "b.mp3")
    Path("one.m3u").write_text("two.m3u\nb.mp3\none.m3u\n")
    Path("two.m3u").write_text("M\none.m3u\n")
    found = find_inputs(["one.m3u", "one.m3u"])
    assert [(entry.path, entry.playlist, entry.error) for entry in found.audio] == [
        ("M/a.mp3", "two", None),
        ("b.mp3", "one", None),
    ]
    for n in range(20):
        Path(f"n{n}.m3u").write_text(f"n{n + 1}.m3u\n")
    assert the_error("n0.m3u") == "n8.m3u is nested in more than 8 playlists"


def test_a_bad_playlist_is_an_error_in_its_place(here: Path) -> None:
    make("a.mp3", "empty.m3u")
    make("bad.xspf", content=b"<html/>")
    found = find_inputs(["bad.xspf", "a.mp3", "empty.m3u"]).audio
    assert [entry.error for entry in found] == [
        "is no playlist: it is XML that begins with <html>",
        None,
        "is a playlist that names no files",
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are Unicode")
def test_names_that_are_not_utf_8_survive(here: Path) -> None:
    raw = b"M/caf\xe9\n\x1b[31m.mp3"
    Path("M").mkdir()
    Path(os.fsdecode(raw)).touch()
    (path,) = paths("M")
    assert os.fsencode(path) == raw
    assert paths(os.fsdecode(raw)) == [path]
    assert r"did you mean caf\xe9" in the_error("M/cafe.mp3")


def test_nothing_named_is_nothing_found() -> None:
    assert find_inputs([]) == files.Inputs()


def test_ten_thousand_files_are_found_quickly(here: Path) -> None:
    for n in range(100):
        Path(f"M/{n}").mkdir(parents=True)
        for k in range(100):
            Path(f"M/{n}/{k} - A title of common length.mp3").touch()
    start = time.process_time()
    found = find_inputs(["M"])
    assert time.process_time() - start < 0.5
    assert len(found.audio) == 10_000
    assert found.audio[-1].path.startswith("M/99/99 -")
