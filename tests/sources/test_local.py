"""Playlists on this machine: tables, zips, playlist files, folders of music."""

import json
import os
import zipfile
import zlib
from pathlib import Path

import polars as pl
import pytest

from affetto.errors import PlaylistError
from affetto.sources import exports
from affetto.sources.contract import FoundPlaylist, PlaylistSource
from affetto.sources.local import LocalSource
from affetto.tracks import Track, first_artist
from services.local_case import ExportifyCase, FolderCase, PlaylistFileCase, write_wav

ID = "4uLU6hMCjMI75M1A2tKUQC"
CASES = (ExportifyCase, PlaylistFileCase, FolderCase)


@pytest.fixture
def source():
    one = LocalSource()
    yield one
    one.close()


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def names(source, reference):
    return [playlist.name for playlist in source.find(str(reference))]


def listed(source, reference):
    """Titles (of audio: the file's name) by playlist; problems in brackets."""
    return {
        playlist.name: [
            f"({one.problem})" if one.problem else one.track.title or Path(one.path).stem
            for one in source.tracks(playlist)
        ]
        for playlist in source.find(str(reference))
    }


def only(source, reference):
    (playlist,) = source.find(str(reference))
    return list(source.tracks(playlist))


SMALL = "title,artist,energy\n{0} 1,A,0.5\n{0} 2,B,\n"


def test_a_playlist_of_two_moods_is_two(tmp_path, source):
    table = pl.DataFrame({"id": list("abcd"), "mood": ["Calm", "Wild", "Calm", None]})
    table.write_csv(tmp_path / "mix.csv")
    found = source.find(str(tmp_path / "mix.csv"))
    assert [(one.name, one.mood, one.n_tracks) for one in found] == [
        ("mix", "Calm", 2),
        ("mix", "Wild", 1),
        ("mix", None, 1),
    ]
    assert [[one.track.id for one in source.tracks(each)] for each in found] == [
        ["a", "c"],
        ["b"],
        ["d"],
    ]


# ---------------------------------------------------------------- what all kinds share


@pytest.mark.parametrize("kind", CASES)
def test_all_kinds_list_in_order_and_tell_of_progress(kind, tmp_path, monkeypatch, source):
    case = kind(tmp_path / "case", monkeypatch)
    (playlist,) = source.find(case.add_playlist("Quiet hours", 12))
    told = []
    entries = list(source.tracks(playlist, lambda done, total: told.append((done, total))))
    assert playlist.name == "Quiet hours"
    assert isinstance(source, PlaylistSource)
    assert [one.track.title or Path(one.path).stem for one in entries] == [
        f"Track {place}" for place in range(12)
    ]
    assert {one.origin for one in entries} == {"table"}
    assert [done for done, _ in told] == [12]
    # Another source that knows nothing of the first finds the same by the playlist alone.
    assert list(LocalSource().tracks(playlist)) == entries


@pytest.mark.parametrize("kind", CASES)
def test_a_misspelt_name_is_told_with_the_nearest(kind, tmp_path, monkeypatch, source):
    case = kind(tmp_path / "case", monkeypatch)
    right = Path(case.add_playlist("Quiet hours", 2)).name
    with pytest.raises(PlaylistError, match=f"does not exist; did you mean .*{right}"):
        source.find(case.unknown())


@pytest.mark.parametrize("kind", CASES)
def test_what_has_gone_since_it_was_found(kind, tmp_path, monkeypatch, source):
    case = kind(tmp_path / "case", monkeypatch)
    (playlist,) = source.find(case.add_playlist("Quiet hours", 2))
    case.folder.rename(tmp_path / "elsewhere")
    with pytest.raises(PlaylistError, match=r"does not exist|cannot be read"):
        list(source.tracks(playlist))


def test_home_relative_paths_and_urls(tmp_path, monkeypatch, source):
    path = write(tmp_path / "Calm 1.csv", SMALL.format("x"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    found = [source.find(name) for name in ("~/Calm 1.csv", "Calm 1.csv", path.as_uri())]
    assert found[0] == found[1] == found[2]


def test_a_key_of_another_source_is_refused(source):
    with pytest.raises(PlaylistError, match="no playlist that was found"):
        list(source.tracks(FoundPlaylist("files", "37i9dQZF1DX", "Calm")))


# ---------------------------------------------------------------- tables


def test_an_exportify_file_becomes_tracks_with_features(tmp_path, monkeypatch, source):
    case = ExportifyCase(tmp_path / "case", monkeypatch)
    first, second = only(source, case.add_playlist("Calm", 2))
    assert first.track == Track(
        f"spotify:track:{0:022d}", "USQX90000000", "Track 0", "Artist 0", "Album"
    )
    assert second.features == {
        "danceability": 0.5, "energy": 0.6, "loudness": -7.5, "tempo": 121.0,
        "duration_ms": 180_001.0,
    }  # fmt: skip
    assert (first.path, first.handle, first.problem) == (None, None, None)


def test_an_escaped_comma_belongs_to_the_artist(tmp_path, source):
    text = (
        '"Track URI","Track Name","Artist Name(s)","Track Duration (ms)"\n'
        rf'"spotify:track:{ID}","See You Again","Tyler\, The Creator,Kali Uchis","180387"'
    )
    (one,) = only(source, write(tmp_path / "list.csv", text))
    assert first_artist(one.track.artist) == "Tyler, The Creator"


@pytest.mark.parametrize(
    ("head", "row", "expected"),
    [
        (
            "Track URI,Track Name,Artist Name(s),Track Duration (ms),ISRC",
            f"spotify:track:{ID},Halo,Beyoncé,261640,USSM10804755",
            (f"spotify:track:{ID}", "USSM10804755", "Halo", "Beyoncé", 261640.0),
        ),
        (
            "Track-URI,Track-Name,Künstlername(n),Track-Dauer (ms),ISRC",
            f"spotify:track:{ID},Halo,Beyoncé,261640,USSM10804755",
            (f"spotify:track:{ID}", "USSM10804755", "Halo", "Beyoncé", 261640.0),
        ),
        (
            "トラックURI,トラック名,アーティスト名,トラックの長さ（ミリ秒）,ISRC",
            f"spotify:track:{ID},Halo,Beyoncé,261640,USSM10804755",
            (f"spotify:track:{ID}", "USSM10804755", "Halo", "Beyoncé", 261640.0),
        ),
        ("Track Name,Artist Name", "Halo,Beyoncé", (None, None, "Halo", "Beyoncé", None)),
        ("uri", f"https://open.spotify.com/track/{ID}?si=1",
         (f"https://open.spotify.com/track/{ID}?si=1", None, None, None, None)),
    ],
    ids=["English", "German", "Japanese", "names alone", "addresses alone"],
)  # fmt: skip
def test_a_dialect_without_features(tmp_path, source, head, row, expected):
    (one,) = only(source, write(tmp_path / "list.csv", f"{head}\n{row}\n"))
    track = one.track
    assert expected == (
        track.id, track.isrc, track.title, track.artist, one.features.get("duration_ms"),
    )  # fmt: skip


def test_what_is_undefined_is_left_out_and_a_broken_row_is_a_problem(tmp_path, source):
    rows = ["title,energy,tempo", *["x,0.5,100"] * 20, "a,,120", "b,loud,120", "c,0.1", "d,inf,90"]
    entries = only(source, write(tmp_path / "t.csv", "\n".join(rows)))[20:]
    assert [one.features for one in entries] == [{"tempo": 120.0}, {}, {}, {"tempo": 90.0}]
    assert [one.track.title for one in entries] == ["a", "b", "c", "d"]
    assert "'loud' is not a number" in entries[1].problem
    assert "2 cells where the header has 3" in entries[2].problem
    assert entries[0].problem is entries[3].problem is None


@pytest.mark.parametrize("column", ["playlist", "Playlist name"])
def test_a_column_of_playlists_makes_several(tmp_path, source, column):
    rows = "b,1\na,2\nb,3\n,4\na,5\n 7 ,6\n"
    path = write(tmp_path / "moods.csv", f"{column},title\n{rows}")
    assert listed(source, path) == {"b": ["1", "3"], "a": ["2", "5"], "moods": ["4"], "7": ["6"]}
    assert [one.n_tracks for one in source.find(str(path))] == [2, 2, 1, 1]


def test_playlists_of_one_table_are_listed_without_reading_it_again(tmp_path, source):
    path = write(tmp_path / "moods.csv", "playlist,title\na,1\nb,2\n")
    first, second = source.find(str(path))
    assert [one.track.title for one in source.tracks(first)] == ["1"]
    kept = source._last[1]
    assert [one.track.title for one in source.tracks(second)] == ["2"]
    assert source._last[1] is kept
    write(path, "playlist,title\na,1\nb,2\nb,3\n")
    assert [one.track.title for one in source.tracks(second)] == ["2", "3"]
    write(path, "playlist,title\na,1\n")
    with pytest.raises(PlaylistError, match=r"no playlist 'b'; expected one of: a"):
        list(source.tracks(second))


def test_a_collected_table_is_read_again(tmp_path, source):
    audio = write_wav(tmp_path / "one.wav")
    frame = pl.DataFrame(
        {
            "id": [f"spotify:track:{ID}", None],
            "title": ["Halo", "Mine"],
            "path": [None, str(audio)],
            "playlist": ["Happy 1", "Mine"],
            "mood": ["Happy", "Calm"],
            "energy": [0.5, None],
            "from_energy": ["reccobeats", None],
        }
    )
    for name, put in (("t.parquet", frame.write_parquet), ("t.csv", frame.write_csv)):
        put(tmp_path / name)
        found = source.find(str(tmp_path / name))
        assert [(one.name, one.mood) for one in found] == [("Happy 1", "Happy"), ("Mine", "Calm")]
        first, second = (one for each in found for one in source.tracks(each))
        assert (first.track.title, first.features, first.origin) == (
            "Halo",
            {"energy": 0.5},
            "table",
        )
        assert (second.path, second.features) == (str(audio), {})


def test_paths_begin_at_the_table_or_where_one_stands(tmp_path, source, monkeypatch):
    beside = write_wav(tmp_path / "export" / "music" / "a.wav")
    here = write_wav(tmp_path / "here" / "b.wav")
    monkeypatch.chdir(tmp_path / "here")
    text = f"path,title\nmusic/a.wav,1\nb.wav,2\n{here},3\ngone.wav,4\n,5\n"
    entries = only(source, write(tmp_path / "export" / "t.csv", text))
    assert [one.path for one in entries] == [str(beside), str(here), str(here), None, None]


def test_tables_of_other_kinds(tmp_path, source):
    (one,) = only(source, write(tmp_path / "a.jsonl", json.dumps({"title": "Halo", "tempo": 90})))
    assert (one.track.title, one.features) == ("Halo", {"tempo": 90.0})
    frame = pl.DataFrame({"name": ["Halo"], "artists": [["Tyler, The Creator", "Kali"]]})
    frame.write_parquet(tmp_path / "b.parquet")
    (one,) = only(source, tmp_path / "b.parquet")
    assert first_artist(one.track.artist) == "Tyler, The Creator"


@pytest.mark.parametrize("text", ["Track URI,Track Name\n", "title,energy\n", "playlist,title\n"])
def test_an_empty_playlist_has_no_tracks(tmp_path, source, text):
    assert only(source, write(tmp_path / "Calm.csv", text)) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("a,b\n1,2\n", "no columns of tracks. Found: 'a', 'b'. Expected some of: id, isrc"),
        ("<!DOCTYPE html><html>", "a web page"),
        (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    ],
)
def test_what_is_no_table_of_tracks_is_said(tmp_path, source, text, said):
    with pytest.raises(PlaylistError, match=said):
        source.find(str(write(tmp_path / "t.csv", text)))


def test_a_long_table_is_never_held_whole_as_objects(tmp_path, source, monkeypatch):
    monkeypatch.setattr(exports, "BATCH", 100)
    text = "playlist,title,energy\n" + "".join(f"p{n % 2},{n},0.5\n" for n in range(1000))
    write(tmp_path / "several.csv", text)
    write(tmp_path / "one.csv", text.replace("playlist", "folder", 1))
    for name, n in (("one.csv", 1000), ("several.csv", 500)):
        told = []
        playlist = source.find(str(tmp_path / name))[0]
        entries = source.tracks(playlist, lambda done, _, told=told: told.append(done))
        assert sum(1 for _ in entries) == n
        assert told == list(range(100, n + 1, 100))


# ---------------------------------------------------------------- zips


def zipped(path, members, **settings):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, **settings) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return path


def test_a_zip_of_exports_is_a_playlist_each_and_writes_nothing(tmp_path, source):
    path = zipped(
        tmp_path / "spotify_playlists.zip",
        {
            "Calm.csv": SMALL.format("c"),
            "more/Dark.csv": SMALL.format("d").encode("utf-16"),
            "../../Away.csv": SMALL.format("a"),
            "__MACOSX/._Calm.csv": b"\0",
            "empty.csv": "title\n",
            "cover.png": b"\x89PNG",
        },
    )
    assert listed(source, path) == {
        "Calm": ["c 1", "c 2"], "Dark": ["d 1", "d 2"], "Away": ["a 1", "a 2"], "empty": [],
    }  # fmt: skip
    assert [one.name for one in tmp_path.iterdir()] == ["spotify_playlists.zip"]
    assert not (tmp_path.parent.parent / "Away.csv").exists()


def test_bounds_of_zips(tmp_path, source, monkeypatch):
    path = zipped(tmp_path / "a.zip", {f"{n}.csv": SMALL.format(n) for n in range(4)})
    playlist = source.find(str(path))[0]
    monkeypatch.setattr(exports, "LARGEST_MEMBER", 10)
    with pytest.raises(PlaylistError, match="is larger than 0 MB; unpack it"):
        list(source.tracks(playlist))
    monkeypatch.setattr(exports, "MOST_MEMBERS", 3)
    with pytest.raises(PlaylistError, match=r"holds 4 tables .* unpack it and name the folder"):
        source.find(str(path))
    monkeypatch.setattr(exports, "MOST_MEMBERS", 4)
    monkeypatch.setattr(exports, "LARGEST_ARCHIVE", 50)
    with pytest.raises(PlaylistError, match="holds 4 tables"):
        source.find(str(path))


def test_a_zip_that_lies_about_its_sizes_is_read_no_further_than_it_says(tmp_path, source):
    raw = zipped(tmp_path / "a.zip", {"a.csv": "title\n" + "x" * 10_000_000}).read_bytes()
    # Both headers tell the size as four bytes; the small one slips through the sum.
    lie = raw.replace((10_000_006).to_bytes(4, "little"), (100).to_bytes(4, "little"))
    path = write(tmp_path / "b.zip", lie)
    with pytest.raises(PlaylistError, match="no zip that can be read"):
        only(source, path)


@pytest.mark.parametrize(
    ("members", "change", "said"),
    [
        ({"cover.png": b"\x89PNG"}, None, "holds no tables"),
        ({}, None, "holds no tables"),
        ({"a.csv": SMALL}, lambda raw: raw[:40], "no zip that can be read"),
        ({"a.csv": SMALL}, lambda raw: raw.replace(b"title", b"tITle"), "no zip that can be read"),
        ({"a.csv": SMALL}, lambda raw: SMALL.encode(), "no zip that can be read"),
    ],
    ids=["other", "empty", "cut", "altered", "none"],
)
def test_zips_that_cannot_be_read(tmp_path, source, members, change, said):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    if change:
        path.write_bytes(change(path.read_bytes()))
    with pytest.raises(PlaylistError, match=said):
        only(source, path)


def test_a_damaged_member_of_a_zip_packed_with_lzma(tmp_path, source):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.csv", SMALL * 50)
    raw = bytearray(path.read_bytes())
    for place in range(45, 100, 3):
        raw[place] ^= 0x5A
    path.write_bytes(raw)
    with pytest.raises(PlaylistError, match="no zip that can be read"):
        only(source, path)


def test_a_zip_with_a_password(tmp_path, source):
    raw = zipped(tmp_path / "a.zip", {"a.csv": SMALL}).read_bytes()
    # Bit 0 of the flags, in the member's own header and in the directory.
    raw = bytearray(raw)
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        raw[raw.find(mark) + offset] |= 1
    with pytest.raises(PlaylistError, match="password"):
        only(source, write(tmp_path / "b.zip", bytes(raw)))


# ---------------------------------------------------------------- playlist files


def test_entries_of_a_playlist_file(tmp_path, source):
    here = write_wav(tmp_path / "music" / "a.wav")
    write(tmp_path / "t.csv", SMALL)
    lines = [
        "#EXTM3U", "#PLAYLIST:Late hours", "#EXTINF:1,Sasha - Halo", "music/a.wav", "music/a.wav",
        "gone.mp3", "https://example.org/a.mp3", "t.csv",
    ]  # fmt: skip
    entries = only(source, write(tmp_path / "late.m3u8", "\n".join(lines)))
    assert names(source, tmp_path / "late.m3u8") == ["Late hours"]
    assert [one.path for one in entries] == [str(here), str(here), None, None, None]
    assert (entries[0].track.artist, entries[0].track.title) == ("Sasha", "Halo")
    assert [one.problem for one in entries[2:]] == [
        "gone.mp3 does not exist",
        "a.mp3 is on the network; download it first",
        "t.csv is a table, not audio; name it by itself",
    ]


def test_lists_and_folders_within_a_list(tmp_path, source):
    for name in ("a", "b", "deep/c"):
        write_wav(tmp_path / "music" / f"{name}.wav")
    write(tmp_path / "inner.m3u", "music/b.wav\nouter.m3u\n")
    write(tmp_path / "outer.m3u", "music/a.wav\ninner.m3u\nmusic\n")
    assert listed(source, tmp_path / "outer.m3u") == {"outer": ["a", "b", "c"]}


def test_other_playlist_files(tmp_path, source):
    write_wav(tmp_path / "a.wav")
    write(tmp_path / "a.pls", "[playlist]\nFile1=a.wav\nTitle1=A - B\n")
    write(
        tmp_path / "a.xspf",
        '<playlist version="1" xmlns="http://xspf.org/ns/0/"><title>X</title><trackList><track>'
        "<location>a.wav</location><title>B</title></track></trackList></playlist>",
    )
    assert listed(source, tmp_path / "a.pls") == {"a": ["B"]}
    assert listed(source, tmp_path / "a.xspf") == {"X": ["B"]}
    assert listed(source, write(tmp_path / "none.m3u", "#EXTM3U\n")) == {"none": []}
    for text, said in (("<rss/>", "is no playlist"), ("#EXT-X-VERSION:3\n", "network stream")):
        with pytest.raises(PlaylistError, match=said):
            source.find(str(write(tmp_path / "bad.m3u8", text)))


# ---------------------------------------------------------------- folders


def test_music_in_a_folder_and_below(tmp_path, source):
    calm = tmp_path / "Calm"
    for name in ("2", "10", "Album/b", "Album/CD 2/c", "Other/d", ".hidden/e", "@eaDir/f"):
        write_wav(calm / f"{name}.wav")
    write(calm / "Texts" / "note.md", "x")
    write(calm / "all.m3u", "2.wav\n")
    write(calm / "list.csv", SMALL)
    assert listed(source, calm) == {
        "Calm": ["2", "10"], "Calm/Album": ["b", "c"], "Calm/Other": ["d"],
    }  # fmt: skip
    assert [one.n_tracks for one in source.find(f"{calm}/")] == [2, 2, 1]
    assert listed(source, calm / "all.m3u") == {"all": ["2"]}


def test_folders_of_moods(tmp_path, source):
    for name in ("Dark/a", "Calm/Album/b", "Calm/c"):
        write_wav(tmp_path / "moods" / f"{name}.wav")
    write(tmp_path / "moods" / "best.m3u", "Calm/c.wav\n")
    assert listed(source, tmp_path / "moods") == {"Calm": ["c"], "Calm/Album": ["b"], "Dark": ["a"]}
    assert [one.folder for one in source.find(str(tmp_path / "moods"))] == ["Calm", "Calm", "Dark"]
    of_one = source.find(str(tmp_path / "moods" / "Calm"))
    assert [(one.name, one.folder) for one in of_one] == [("Calm", "Calm"), ("Calm/Album", "Calm")]


def test_tables_that_affetto_wrote_are_passed_over_in_folders(tmp_path, source):
    songs = pl.DataFrame({"id": ["a"], "energy": [0.5], "mood": ["Calm"]})
    songs.drop("mood").write_csv(tmp_path / "Calm.csv")
    songs.with_columns(from_energy=pl.lit("audio")).write_parquet(tmp_path / "moods.parquet")
    songs.with_columns(confidence=0.5, p_calm=0.5).write_csv(tmp_path / "labels.csv")
    assert [one.name for one in source.find(str(tmp_path))] == ["Calm"]
    assert [Path(each).name for each in source.passed_over] == ["labels.csv", "moods.parquet"]
    assert [one.mood for one in source.find(str(tmp_path / "moods.parquet"))] == ["Calm"]


def test_what_a_model_said_is_no_label(tmp_path, source):
    frame = pl.DataFrame({"id": ["a", "b"], "mood": ["Calm", "Wild"], "confidence": [0.5, 0.9]})
    frame.write_csv(tmp_path / "labels.csv")
    assert [(one.name, one.mood) for one in source.find(str(tmp_path / "labels.csv"))] == [
        ("labels", None)
    ]


def test_who_measured_what_is_read_back_in_words_that_are_ours(tmp_path, source):
    frame = pl.DataFrame(
        {
            "id": ["a", "b"],
            "energy": [0.5, 0.6],
            "tempo": [90.0, 91.0],
            "from_energy": ["reccobeats", "somebody"],
            "from_tempo": ["table", None],
        }
    )
    frame.write_csv(tmp_path / "t.csv")
    one, other = source.tracks(source.find(str(tmp_path / "t.csv"))[0])
    assert (dict(one.origins), dict(other.origins)) == ({"energy": "reccobeats"}, {})


def test_one_file_in_two_moods_and_links_that_lead_back(tmp_path, source):
    song = write_wav(tmp_path / "library" / "song.wav")
    for mood in ("Calm", "Happy"):
        (tmp_path / "moods" / mood).mkdir(parents=True)
        (tmp_path / "moods" / mood / "song.wav").symlink_to(song)
    (tmp_path / "moods" / "up").symlink_to(tmp_path)
    (tmp_path / "moods" / "self").symlink_to(tmp_path / "moods")
    (tmp_path / "moods" / "lost").symlink_to(tmp_path / "nowhere")
    assert listed(source, tmp_path / "moods") == {"Calm": ["song"], "Happy": ["song"]}


def test_a_folder_of_exports(tmp_path, source):
    write(tmp_path / "Calm 10.csv", SMALL.format("c"))
    write(tmp_path / "Calm 2.csv.gz", zlib.compress(SMALL.format("z").encode(), wbits=31))
    write(tmp_path / "gone.m3u", "away.mp3\n")
    write(tmp_path / "several.csv", "playlist,title\nx,1\ny,2\n")
    write(tmp_path / "readme.txt", "These are mine, and yours\n")
    write(tmp_path / "cover.png", b"\x89PNG")
    zipped(tmp_path / "old.zip", {"Dark.csv": SMALL.format("d")})
    found = listed(source, tmp_path)
    assert list(found) == ["Calm 2", "Calm 10", "gone", "Dark", "x", "y"]
    assert (found["Calm 2"], found["y"], found["Dark"]) == (["z 1", "z 2"], ["2"], ["d 1", "d 2"])
    assert found["gone"] == ["(away.mp3 does not exist)"]


def test_one_broken_export_leaves_the_others(tmp_path, source):
    write(tmp_path / "a.csv", SMALL)
    for name in ("b.csv", "c.m3u8", "d.zip"):
        write(tmp_path / name, b"\0\1\2")
    good, *bad = source.find(str(tmp_path))
    assert len(list(source.tracks(good))) == 2
    assert [one.name for one in bad] == ["b", "c", "d"]
    for one in bad:
        with pytest.raises(PlaylistError, match=f"{one.name}\\."):
            list(source.tracks(one))


def test_an_audio_file_is_a_playlist_of_one(tmp_path, source):
    path = write_wav(tmp_path / "Calm" / "song.wav")
    write_wav(tmp_path / "Calm" / "other.wav")
    assert listed(source, path) == {"Calm": ["song"]}


@pytest.mark.parametrize("inside", ["", "note.md", ".hidden.csv", "below/list.csv"])
def test_a_folder_without_playlists(tmp_path, source, inside):
    folder = tmp_path / "Calm"
    folder.mkdir()
    if inside:
        write(folder / inside, SMALL)
    with pytest.raises(PlaylistError, match="a folder without music, tables or playlists"):
        source.find(str(folder))


def test_a_folder_that_cannot_be_read(tmp_path, source, monkeypatch):
    write_wav(tmp_path / "moods" / "Calm" / "a.wav")
    write_wav(tmp_path / "moods" / "Dark" / "b.wav")
    scan = os.scandir

    def refuse(path):
        if str(path).endswith(locked):
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    locked = "Dark"
    calm, dark = source.find(str(tmp_path / "moods"))
    assert (calm.name, calm.n_tracks, dark.name, dark.n_tracks) == ("Calm", 1, "Dark", None)
    (one,) = source.tracks(dark)
    assert "cannot be read: Permission denied" in one.problem
    locked = "moods"
    with pytest.raises(PlaylistError, match="cannot be read: Permission denied"):
        source.find(str(tmp_path / "moods"))


def test_a_pipe_is_refused(tmp_path, source):
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(PlaylistError, match="a pipe or a device"):
        source.find(str(tmp_path / "pipe.csv"))


def test_names_that_are_no_utf_8(tmp_path, source):
    song = tmp_path / os.fsdecode(b"D\xe9j\xe0") / os.fsdecode(b"\xe9.mp3")
    (found,) = source.find(str(write(song, b"").parent))
    (one,) = source.tracks(found)
    assert found.name == r"D\xe9j\xe0"
    assert one.path == str(song)


def test_real_tables_are_playlists(data_dir, source):
    found = source.find(str(data_dir / "playlists" / "calm_energetic_happy_sad.csv"))
    entries = [one for each in found for one in source.tracks(each)]
    assert {each.mood.lower() for each in found} == {"calm", "energetic", "happy", "sad"}
    assert len(entries) == 686
    assert all(len(one.features) == 10 and one.problem is None for one in entries)
    several = source.find(str(data_dir / "playlists" / "mood_playlists.csv"))
    assert sum(one.n_tracks for one in several) == 17_683
