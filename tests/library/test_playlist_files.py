"""Playlist files: what is written is read back, whatever the names of the files."""

import json
import os
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from affetto.errors import OutputError, UsageError
from affetto.library.entry import Entry
from affetto.library.mixes import Rules
from affetto.library.playlist_files import (
    FORMATS,
    file_names,
    relative_path,
    render_playlist,
    write_playlist,
)
from affetto.sources.playlists import read_playlist

ODD_NAMES = [
    "a.mp3", "b c.mp3", "Jóga.mp3", "Jo\u0301ga.mp3", "😀🎵.flac", "שלום עולם.mp3", "\u202eabc.mp3",
    "#1.mp3", "# 1.mp3", "100%.mp3", "100%25.mp3", "%41.mp3", "a&b<c>'\"].mp3", "a\\b.mp3", "~.mp3",
    " blank.mp3", "blank.mp3 ", "line\nbreak.mp3", "re\rturn.mp3", "tab\t.mp3", "bell\x07.mp3",
    "next\x85line.mp3", "para\u2029graph.mp3", "\ufeffbom.mp3", "http:", "file:", "a?b=c;d.mp3",
    "C:\\a.mp3", "EXTM3U", "[playlist]", "x" * 250, os.fsdecode(b"caf\xe9.mp3"),
    os.fsdecode(b"\xff"),
]  # fmt: skip


def track(number, path, **more):
    return Entry(
        number, str(path), features={"duration_ms": more.pop("duration_ms", 61_500.0)}, **more
    )


@pytest.fixture
def odd(tmp_path):
    """Files of odd names, below folders of odd names."""
    entries = []
    for folder in ("Music", "Music/#odd: 50%\n", "Music/ftp:/x"):
        (tmp_path / folder).mkdir(parents=True)
        for name in ODD_NAMES:
            path = tmp_path / folder / name
            if not path.exists():
                path.touch()
                entries.append(track(len(entries), path))
    return entries


each_list = pytest.mark.parametrize("kind", ["m3u8", "xspf"])


@each_list
@pytest.mark.parametrize("paths", ["relative", "absolute"])
@pytest.mark.parametrize("folder", [".", "Music", "Playlists/of moods"])
def test_every_file_is_found_again(odd, tmp_path, kind, paths, folder):
    place = tmp_path / folder
    place.mkdir(parents=True, exist_ok=True)
    path = write_playlist(place / f"list.{kind}", odd, "Odd", paths=paths)
    path.read_text(encoding="utf-8")  # all of it is UTF-8
    found = read_playlist(path)
    assert [entry.error for entry in found.entries] == [None] * len(odd)
    assert [os.path.realpath(entry.path) for entry in found.entries] == [e.path for e in odd]


@each_list
def test_relative_paths_move_with_the_music(odd, tmp_path, kind):
    write_playlist(tmp_path / f"Music/list.{kind}", odd, "Odd")
    (tmp_path / "Music").rename(tmp_path / "elsewhere")
    found = read_playlist(tmp_path / f"elsewhere/list.{kind}")
    assert [entry.error for entry in found.entries] == [None] * len(odd)


@each_list
def test_titles_are_read_back(tmp_path, kind):
    (tmp_path / "a.mp3").touch()
    told = {"title": "Fish & <Chips> 😀", "artist": "Björk", "album": "50% שלום"}
    entries = [track(1, tmp_path / "a.mp3", **told), track(2, tmp_path / "a.mp3", duration_ms=None)]
    path = write_playlist(tmp_path / f"list.{kind}", entries, "Dark & <stormy>")
    found = read_playlist(path)
    assert found.name == "Dark & <stormy>"
    first, second = found.entries
    assert (first.title, first.artist, first.album) == tuple(told.values())
    assert first.duration_s == pytest.approx(61.5, abs=0.51)
    assert (second.title, second.artist, second.duration_s) == ("a", None, None)


@each_list
def test_a_title_cannot_forge_an_entry(tmp_path, kind):
    title = "a\n/etc/passwd\r#EXTM3U\x00\u2028</title><location>x\x1b[31m\ud800"
    (tmp_path / "a.mp3").touch()
    entry = track(1, tmp_path / "a.mp3", title=title, artist=title, album=title)
    path = write_playlist(tmp_path / f"list.{kind}", [entry], title)
    (found,) = read_playlist(path).entries
    assert found.path == str(tmp_path / "a.mp3") and found.error is None
    assert "\x1b" not in path.read_text("utf-8") and "\0" not in path.read_text("utf-8")


def test_m3u8_line_by_line(tmp_path):
    entry = track(1, tmp_path / "Music" / "a.mp3", title="T", artist="A", album="B")
    lines = render_playlist([entry], "Dark", folder=tmp_path / "Lists").decode().split("\n")
    assert lines == [
        "#EXTM3U", "#PLAYLIST:Dark", "#EXTINF:62,A - T", "#EXTALB:B", "../Music/a.mp3", "",
    ]  # fmt: skip
    assert render_playlist([entry], "Dark").decode().split("\n")[-2] == entry.path


def test_xspf_is_what_its_specification_says(tmp_path):
    entry = track(1, tmp_path / "ä b.mp3", title="T", artist="A")
    root = ET.fromstring(render_playlist([entry], "Dark", "xspf"))
    space = "{http://xspf.org/ns/0/}"
    assert (root.tag, root.get("version")) == (f"{space}playlist", "1")
    (one,) = root.findall(f"{space}trackList/{space}track")
    assert {child.tag.removeprefix(space): child.text for child in one} == {
        "location": f"file://{tmp_path}/%C3%A4%20b.mp3",
        "title": "T",
        "creator": "A",
        "duration": "61500",
    }
    assert ET.fromstring(render_playlist([], "", "xspf")).findtext(f"{space}title") == "affetto"


def test_a_smart_playlist_is_made_of_rules():
    told = json.loads(render_playlist([], "Happy", "nsp", rules=Rules(("Happy",), n=50)))
    assert told == {
        "name": "Happy",
        "comment": "Tracks whose mood tag says Happy",
        "all": [{"is": {"mood": "Happy"}}],
        "sort": "random",
        "limit": 50,
    }
    rules = Rules(("Happy", "Dark"), min_tempo=90, max_tempo=120)
    told = json.loads(render_playlist([], "Two", "nsp", rules=rules))
    assert told["all"] == [
        {"any": [{"is": {"mood": "Happy"}}, {"is": {"mood": "Dark"}}]},
        {"inTheRange": {"bpm": [90, 120]}},
    ]
    told = json.loads(render_playlist([], "Fast", "nsp", rules=Rules(("Dark",), min_tempo=140)))
    assert told["all"][1] == {"inTheRange": {"bpm": [140, 999]}}


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (Rules(), "needs a mood to look for"),
        (Rules(("Dark",), min_confidence=0.5), "cannot keep to a least confidence"),
        (Rules(("Dark",), minutes=5, per_artist=1), "a length in minutes or tracks an artist"),
    ],
)
def test_a_smart_playlist_says_what_it_cannot(rules, said):
    with pytest.raises(UsageError, match=said):
        render_playlist([], "x", "nsp", rules=rules)


def test_an_unknown_format(tmp_path):
    with pytest.raises(UsageError, match="unknown playlist format 'wpl'; expected m3u8, xspf, nsp"):
        write_playlist(tmp_path / "a.wpl", [], "a")


def test_a_playlist_is_written_whole_or_not_at_all(tmp_path):
    with pytest.raises(OutputError, match=r"the folder .*gone does not exist"):
        write_playlist(tmp_path / "gone" / "a.m3u8", [], "a")
    path = tmp_path / "a.m3u8"
    path.write_text("before")
    with pytest.raises(UsageError, match="needs a mood"):
        write_playlist(path.with_suffix(".nsp"), [], "a")
    assert [p.name for p in tmp_path.iterdir()] == ["a.m3u8"] and path.read_text() == "before"


def test_playlists_are_named_as_any_system_takes_it():
    names = ["Dark", "dark", "a/b", "..", "", "nul", "x" * 300, "Happy?", "Dark 2", "\ud800"]
    assert file_names(names, "m3u8") == [
        "Dark.m3u8", "dark 2.m3u8", "a_b.m3u8", "playlist.m3u8", "playlist 2.m3u8", "_nul.m3u8",
        "x" * 60 + ".m3u8", "Happy_.m3u8", "Dark 2 2.m3u8", "?.m3u8".replace("?", "_"),
    ]  # fmt: skip


def test_the_way_leads_through_links(tmp_path):
    (tmp_path / "disk" / "Music").mkdir(parents=True)
    (tmp_path / "disk" / "Lists").mkdir()
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "Music").symlink_to(tmp_path / "disk" / "Music")
    (tmp_path / "home" / "Lists").symlink_to(tmp_path / "disk" / "Lists")
    (tmp_path / "disk" / "Music" / "a.mp3").touch()
    seen = str(tmp_path / "home" / "Music" / "a.mp3")
    way = relative_path(seen, tmp_path / "home" / "Lists")
    assert way == "../Music/a.mp3"
    assert (Path(tmp_path / "home" / "Lists") / way).exists()


def test_formats_are_told():
    assert FORMATS == ("m3u8", "xspf", "nsp")
