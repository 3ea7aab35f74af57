"""Playlists: every way of writing down where a file is, and what must not be followed."""

import os
import time
import unicodedata
from pathlib import Path

import pytest

from affetto.errors import InputError
from affetto.sources import playlists
from affetto.sources.playlists import (
    PlaylistEntry,
    is_url,
    locate,
    looks_like_playlist,
    printable,
    read_playlist,
)

ARTIST, TITLE = "Björk", "Jóga"
NAME = f"{TITLE}.mp3"


@pytest.fixture
def music(tmp_path: Path) -> Path:
    for name in ("a.mp3", "b c.mp3", NAME, "sub/d.flac", "100%25.mp3", "x#1.mp3"):
        path = tmp_path / "Music" / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.touch()
    return tmp_path / "Music"


def entries(music: Path, content: str | bytes, name: str = "list.m3u") -> list[PlaylistEntry]:
    path = music / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(read_playlist(path).entries)


def the_entry(music: Path, content: str | bytes, name: str = "list.m3u") -> PlaylistEntry:
    (entry,) = entries(music, content, name)
    return entry


def xspf(tracks: str, start: str = '<?xml version="1.0" encoding="UTF-8"?>') -> str:
    return (
        f'{start}<playlist version="1" xmlns="http://xspf.org/ns/0/"><title>Loud</title>'
        f"<trackList>{tracks}</trackList></playlist>"
    )


def as_m3u(where: str) -> tuple[str, str]:
    return "list.m3u", f"{where}\n"


def as_pls(where: str) -> tuple[str, str]:
    return "list.pls", f"[playlist]\nFile1={where}\nNumberOfEntries=1\nVersion=2\n"


def as_xspf(where: str) -> tuple[str, str]:
    where = where.replace("&", "&amp;").replace("<", "&lt;")
    return "list.xspf", xspf(f"<track><location>{where}</location></track>")


each_format = pytest.mark.parametrize("write", [as_m3u, as_pls, as_xspf])


@each_format
@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("a.mp3", "a.mp3"),
        ("./sub/d.flac", "sub/d.flac"),
        ("sub/../a.mp3", "a.mp3"),
        ("{music}/a.mp3", "a.mp3"),
        ("file://{music}/b%20c.mp3", "b c.mp3"),
        ("file://localhost{music}/b%20c.mp3", "b c.mp3"),
        ("file:{music}/a.mp3", "a.mp3"),
        ("FILE://{music}/a.mp3", "a.mp3"),
        ("b c.mp3", "b c.mp3"),
        ("b%20c.mp3", "b c.mp3"),
        (r"sub\d.flac", "sub/d.flac"),
        (r".\sub\d.flac", "sub/d.flac"),
        (NAME, NAME),
        (unicodedata.normalize("NFD", NAME), NAME),
        ("J%C3%B3ga.mp3", NAME),
        ("J%F3ga.mp3", NAME),
        ("SUB/D.Flac", "sub/d.flac"),
        (r"Sub\D.FLAC", "sub/d.flac"),
        ("x#1.mp3", "x#1.mp3"),
        ("100%2525.mp3", "100%25.mp3"),
        ("sub", "sub"),
    ],
)
def test_a_file_is_found(music: Path, write, where: str, found: str) -> None:
    name, content = write(where.format(music=music))
    entry = the_entry(music, content, name)
    assert entry.error is None
    assert os.path.realpath(entry.path) == str(music / found)


@each_format
@pytest.mark.parametrize(
    ("where", "error"),
    [
        ("http://example.org/a.mp3", "is on the network; download it first"),
        ("https://example.org/a.mp3", "is on the network; download it first"),
        ("rtsp://example.org/a", "is on the network; download it first"),
        ("file://server/share/a.mp3", "is on another machine (server); copy it here first"),
        ("gone.mp3", "does not exist"),
        (r"D:\Music\gone.mp3", "does not exist (a path of another machine, under Windows)"),
        ("file:///D:/gone.mp3", "does not exist (a path of another machine, under Windows)"),
        ("a\0b.mp3".replace("\0", "%00"), "does not exist"),
        ("x" * 5000, "does not exist"),
    ],
)
def test_a_file_that_is_not_here_says_why(music: Path, write, where: str, error: str) -> None:
    name, content = write(where)
    entry = the_entry(music, content, name)
    assert entry.error == error


def test_a_name_that_stands_there_wins_over_what_it_might_mean(music: Path) -> None:
    for name in ("100%.mp3", r"a\b.mp3", "A.mp3"):
        (music / name).touch()
        assert the_entry(music, name).path == str(music / name)
    (music / "100%25.mp3").touch()
    assert the_entry(music, "100%25.mp3").path == str(music / "100%25.mp3")
    assert the_entry(music, *reversed(as_xspf("100%25.mp3"))).path == str(music / "100%.mp3")


def test_names_in_other_encodings(music: Path) -> None:
    assert the_entry(music, NAME.encode("latin-1")).path == str(music / NAME)
    assert the_entry(music, b"\xef\xbb\xbf" + NAME.encode()).path == str(music / NAME)
    assert the_entry(music, f"#EXTM3U\n{NAME}\n".encode("utf-16")).path == str(music / NAME)
    raw = b"caf\xe9.mp3"
    (music / os.fsdecode(raw)).touch()
    entry = the_entry(music, raw)
    assert os.fsencode(entry.path).endswith(raw) and Path(entry.path).exists()
    both = entries(music, f"#EXTINF:1,{TITLE}\n".encode("cp1252") + f"{NAME}\n".encode())
    assert (both[0].title, both[0].error) == (TITLE, None)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_m3u_tells_titles(music: Path, end: str) -> None:
    lines = [
        "#EXTM3U", "#PLAYLIST:Loud", "", "# a comment",
        f"#EXTINF:305,{ARTIST} - {TITLE}", NAME,
        "#EXTINF:-1,Alone", "a.mp3",
        '#EXTINF:12.5 tvg-id="x,y" group="z",A - B - C', "#EXTALB:Homogenic", "b c.mp3",
        "#EXTART:Someone", "#EXTINF:nan,Title", "sub/d.flac",
        "#EXTINF", "a.mp3",
    ]  # fmt: skip
    (music / "list.m3u8").write_bytes(end.join(lines).encode())
    found = read_playlist(music / "list.m3u8")
    assert found.name == "Loud"
    told = [(entry.artist, entry.title, entry.album, entry.duration_s) for entry in found.entries]
    assert told == [
        (ARTIST, TITLE, None, 305.0),
        (None, "Alone", None, None),
        ("A", "B - C", "Homogenic", 12.5),
        ("Someone", "Title", None, None),
        (None, None, None, None),
    ]


def test_pls_tells_titles_in_the_order_of_its_numbers(music: Path) -> None:
    content = (
        f"[Playlist]\r\nnumberofentries=3\r\nFILE10=b c.mp3\r\nfile2 = a.mp3\r\n"
        f"Title2={ARTIST} - {TITLE}\r\nLength2=305\r\nTitle10=Alone\r\nLength10=-1\r\n"
        f"Title3=of no file\r\nFile99999999999=a.mp3\r\nFile4=\r\nnonsense\r\n"
    )
    first, second = entries(music, content, "list.pls")
    assert (first.artist, first.title, first.duration_s) == (ARTIST, TITLE, 305)
    assert (second.artist, second.title, second.duration_s) == (None, "Alone", None)
    assert first.path == str(music / "a.mp3")
    assert read_playlist(music / "list.pls").name == "list"


def test_xspf_tells_titles(music: Path) -> None:
    tracks = (
        f"<track><title>{TITLE} &amp; &#x26;</title><creator>{ARTIST}</creator>"
        "<album>Homogenic</album><duration>305500</duration><location>a.mp3</location>"
        '<extension application="x"><title>another</title><location>no.mp3</location></extension>'
        "</track><track><title/><location> b%20c.mp3 </location></track><track/>"
    )
    (music / "list.xspf").write_text(xspf(tracks), encoding="utf-8")
    found = read_playlist(music / "list.xspf")
    assert found.name == "Loud"
    first, second, third = found.entries
    assert (first.title, first.artist, first.album) == (f"{TITLE} & &", ARTIST, "Homogenic")
    assert first.duration_s == 305.5 and first.error is None
    assert (second.title, second.error) == (None, None)
    assert third.error == "the playlist names no file for it"


@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-1", "utf-16"])
def test_xspf_in_its_declared_encoding(music: Path, encoding: str) -> None:
    track = f"<track><title>{TITLE}</title><location>{NAME}</location></track>"
    content = xspf(track, f'<?xml version="1.0" encoding="{encoding}"?>').encode(encoding)
    entry = the_entry(music, content, "list.xspf")
    assert (entry.title, entry.error) == (TITLE, None)


LAUGHS = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
SECRET = '<!DOCTYPE playlist [<!ENTITY x SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    "start",
    [
        f'<?xml version="1.0"?><!DOCTYPE playlist [<!ENTITY a0 "ha">{LAUGHS}]>',
        SECRET,
        '<!DOCTYPE playlist SYSTEM "http://example.org/x.dtd">',
    ],
    ids=["billion laughs", "external entity", "external document type"],
)
def test_xml_with_a_document_type_is_refused(music: Path, start: str) -> None:
    content = xspf("<track><title>&a9;&x;</title><location>a.mp3</location></track>", start)
    began = time.monotonic()
    with pytest.raises(InputError, match="declares a document type, which no playlist needs"):
        entries(music, content, "list.xspf")
    assert time.monotonic() - began < 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"ID3\x04\0\0\0", "is no playlist: it is no text"),
        (b"<html><body>404</body></html>", "is XML that begins with <html>"),
        (xspf("<track>").encode(), "is no playlist, or damaged: mismatched tag"),
        (xspf("")[:-20].encode(), "is no playlist, or damaged"),
        (b"<playlist>" + b"<a>" * 1000, "nests deeper than 32"),
        (b"<playlist>&undefined;</playlist>", "damaged: undefined entity"),
        (b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:9,\na.ts\n", "pieces of a network stream"),
    ],
)
def test_what_is_no_playlist_is_refused(music: Path, content: bytes, said: str) -> None:
    with pytest.raises(InputError, match=f"list.m3u .*{said}"):
        entries(music, content)


def test_an_endless_playlist_is_refused(music: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playlists, "_LARGEST", 2**20)
    with pytest.raises(InputError, match="is larger than 1 MB: is it a playlist"):
        entries(music, b"a.mp3\n" * 2**18)


def test_a_playlist_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone.m3u cannot be read: No such file"):
        read_playlist(tmp_path / "gone.m3u")
    with pytest.raises(InputError, match=r"cannot be read: Is a directory"):
        read_playlist(tmp_path)


def test_an_empty_playlist_has_no_entries(music: Path) -> None:
    assert entries(music, b"") == []
    assert entries(music, b"\xef\xbb\xbf#EXTM3U\n\n") == []


def test_a_long_playlist_of_missing_files_is_read_quickly(music: Path) -> None:
    for n in range(2000):
        (music / f"{n}.mp3").touch()
    began = time.process_time()
    found = entries(music, "".join(f"Track {n}.mp3\n" for n in range(5000)))
    assert {entry.error for entry in found} == {"does not exist"}
    assert time.process_time() - began < 2


def test_a_path_relative_to_here(music: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(music)
    Path("list.m3u").write_text("a.mp3\nSUB/d.flac\n")
    assert [entry.path for entry in read_playlist("list.m3u").entries] == ["a.mp3", "sub/d.flac"]
    assert locate("a.mp3").path == "a.mp3"
    assert locate(f"file://{music}/b%20c.mp3").path == str(music / "b c.mp3")


@pytest.mark.parametrize(
    ("head", "is_one"),
    [
        (b"#EXTM3U\n", True),
        (b"\xef\xbb\xbf#extm3u", True),
        (b"[playlist]\nFile1=a", True),
        (xspf("").encode(), True),
        (b"title,artist\n", False),
        (b"<html>", False),
        (b"", False),
    ],
)
def test_a_playlist_is_told_by_its_first_bytes(head: bytes, is_one: bool) -> None:
    assert looks_like_playlist(head) is is_one


def test_urls() -> None:
    assert all(map(is_url, ["http://a", "HTTPS://a", "file:///a", "file:/a"]))
    assert not any(map(is_url, ["a:b", "C:/a", "C://a", "dataset:a", "a/b", "", "://"]))


def test_any_name_can_be_printed() -> None:
    assert printable("Jóga") == "Jóga"
    assert printable(os.fsdecode(b"caf\xe9.mp3")) == r"caf\xe9.mp3"
    assert printable(Path("a")) == "a"
    printable("\ud800").encode()
