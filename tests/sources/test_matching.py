"""Tracks found in a server's catalogue: what proves that two are one, and what does not."""

import tracemalloc

import pytest

from affetto.sources import matching
from affetto.sources.matching import CatalogueIndex
from affetto.tracks import Track


def entry(track_id, title=None, artist=None, album=None, *, isrc=(), path=None, problem=None):
    return {
        "id": track_id,
        "title": title,
        "artist": artist,
        "album": album,
        "isrc": list(isrc),
        "path": path,
        "problem": problem,
    }


def find(entries, path=None, **identity):
    return CatalogueIndex(entries, "server:").find(Track(**identity), path)


HERE = "/home/ada/Music/Nina/Pastel/01 Blue.flac"


class TestFiles:
    @pytest.mark.parametrize(
        "there",
        [
            "Nina/Pastel/01 Blue.flac",
            "Pastel/01 Blue.flac",
            "/srv/music/Nina/Pastel/01 Blue.flac",
            "D:\\Music\\Nina\\Pastel\\01 Blue.flac",
            "nina/PASTEL/01 blue.FLAC",
            HERE,
        ],
    )
    def test_the_end_of_a_path_proves_a_file(self, there):
        assert find([entry("a", path=there)], HERE, title="Retagged") == "a"

    @pytest.mark.parametrize(
        "there",
        ["01 Blue.flac", "/srv/music/01 Blue.flac", "/srv/Pastel/01 Blue.flac", "Pastel/02.flac"],
    )
    def test_a_file_name_alone_proves_nothing(self, there):
        assert find([entry("a", path=there)], HERE) is None

    def test_a_file_name_and_the_same_words_prove_it(self):
        there = [entry("a", "Blue", "Nina", path="/other/01 Blue.flac")]
        assert find(there, HERE, title="blue", artist="NINA") == "a"

    def test_other_words_disprove_a_file_in_a_folder_of_the_same_name(self):
        there = [entry("a", "Intro", "Bob", path="Bob/Best/CD1/01.flac")]
        assert find(there, "/m/Eve/Best/CD1/01.flac", title="Start", artist="Eve") is None
        assert find(there, "/m/Bob/Best/CD1/01.flac", title="Start", artist="Eve") == "a"

    def test_other_words_disprove_a_file_of_one_folder(self):
        there = [entry("a", "Intro", "Bob", path="Best/01.flac")]
        assert find(there, "/m/Eve/Best/01.flac", title="Start", artist="Eve") is None
        assert find(there, "/m/Eve/Best/01.flac") == "a"

    def test_files_of_one_name_in_many_folders_cost_nothing(self, monkeypatch):
        there = [entry(f"{i}", path=f"/srv/Nina/Album {i}/01.flac") for i in range(2_000)]
        index = CatalogueIndex(there, "server:")
        looked_at = []
        count = matching._common_end
        monkeypatch.setattr(
            matching, "_common_end", lambda *parts: looked_at.append(1) or count(*parts)
        )
        assert index.find(Track(), "/m/Nina/Album 7/01.flac") == "7"
        assert len(looked_at) == 1

    def test_the_nearest_of_several(self):
        there = [
            entry("a", path="/srv/Bob/Pastel/01 Blue.flac"),
            entry("b", path="/srv/Nina/Pastel/01 Blue.flac"),
            entry("c", path="/srv/Music/Nina/Pastel/01 Blue.flac"),
        ]
        assert find(there, HERE) == "c"

    def test_accents_composed_otherwise(self):
        assert find([entry("a", path="Ne\u0301/Fe\u0302te.ogg")], "/m/N\u00e9/F\u00eate.ogg") == "a"

    @pytest.mark.parametrize("path", ["", "/", "relative.flac", "\0"])
    def test_odd_paths_are_no_error(self, path):
        assert find([entry("a", path="Nina/Pastel/01 Blue.flac")], path) is None


class TestNames:
    def test_spellings_meet(self):
        there = [entry("a", "Fête (feat. Bob)", "Nina, Bob")]
        assert find(there, title="FETE", artist="nina") == "a"
        assert find(there, title="Fête - Remastered 2014", artist="Nina feat. Eve") == "a"

    def test_a_title_alone_is_not_enough(self):
        assert find([entry("a", "Blue", "Nina")], title="Blue") is None
        assert find([entry("a", "Blue", "Unknown Artist")], title="Blue", artist="Various") is None

    def test_of_several_the_one_of_the_album_else_the_first_id(self):
        there = [
            entry("c", "Blue", "Nina", "Live"),
            entry("b", "Blue", "Nina", "Pastel"),
            entry("a", "Blue", "Nina", "Best of"),
        ]
        assert find(there, title="Blue", artist="Nina", album="pastel") == "b"
        assert find(there, title="Blue", artist="Nina") == "a"
        assert find(there[::-1], title="Blue", artist="Nina", album="Unheard") == "a"


class TestNumbers:
    def test_any_isrc_of_a_track(self):
        there = [entry("a", "Blue", "Nina", isrc=["DEAAA2600001", "US-AAA-26-00002"])]
        assert find(there, isrc="USAAA2600002", title="Another", artist="Word") == "a"

    def test_of_several_of_one_isrc_the_one_of_that_name(self):
        there = [
            entry("a", "Blue (Live)", "Nina", isrc=["DEAAA2600001"]),
            entry("b", "Blue", "Nina", isrc=["DEAAA2600001"]),
        ]
        assert find(there, isrc="DEAAA2600001", title="Blue", artist="Nina") == "b"
        assert find(there, isrc="DEAAA2600001", title="Other", artist="Nina") == "a"

    def test_the_servers_own_id(self):
        there = [entry("a1", "Blue", "Nina")]
        assert find(there, id="server:a1") == "a1"
        assert find(there, id="server:a1", title="Blue", artist="Nina") == "a1"
        assert find(there, id="a1") is None

    def test_an_id_of_another_server_with_other_words(self):
        assert find([entry("7", "Blue", "Nina")], id="server:7", title="Red", artist="Bob") is None


def test_what_is_no_track_is_passed_over():
    there = [entry(None, "Blue", "Nina"), entry("v", "Blue", "Nina", problem="a video")]
    assert len(CatalogueIndex(there, "server:")) == 0


def test_pages_that_overlap_count_once():
    assert len(CatalogueIndex([entry("a", "Blue", "Nina")] * 3, "server:")) == 1


def test_a_large_catalogue_takes_little_memory():
    n = 5_000
    entries = (
        entry(
            f"{i:032x}",
            f"A title of middling length {i}",
            f"Artist {i % 400}",
            f"Album {i // 10}",
            isrc=[f"DEAAA26{i:05d}"],
            path=f"/srv/music/Artist {i % 400}/Album {i // 10}/{i % 10:02d} A title {i}.flac",
        )
        for i in range(n)
    )
    tracemalloc.start()
    try:
        index = CatalogueIndex(entries, "server:")
        n_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(index) == n
    assert n_bytes / n < 1_000
