"""Datasets by name: where they are found, how they are checked, what is never kept."""

import hashlib
import re
import socket
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import polars as pl
import pytest

from affetto.errors import DatasetError
from affetto.moods import MOOD_NAMES, relabel
from affetto.sources import datasets
from affetto.sources.datasets import DATASETS, load_dataset

BODY = b"energy,valence,mood\n" + b"0.5,0.25,Happy\n" * 500
ADDRESS = "/o/n/c0ffee/data/songs.csv"


class Site(BaseHTTPRequestHandler):
    """A raw-file host that serves, alters, withholds or cuts short one file."""

    manner = "serve"
    asked: tuple[str, ...] = ()

    def do_GET(self):
        type(self).asked += (self.path,)
        if self.manner == "absent" or self.path != ADDRESS:
            self.send_error(404)
            return
        body = BODY.replace(b"Happy", b"Dark ") if self.manner == "alter" else BODY
        self.send_response(200)
        if self.manner != "endless":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:3000] if self.manner == "cut" else body)

    def log_message(self, *_args):
        pass


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Leave no place where a dataset could already be: an own cache, no data folders."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("AFFETTO_DATA", raising=False)
    monkeypatch.setattr(datasets, "__file__", str(tmp_path / "a/b/c/datasets.py"))
    work = tmp_path / "elsewhere" / "here"
    work.mkdir(parents=True)
    monkeypatch.chdir(work)
    return tmp_path


@pytest.fixture
def site(monkeypatch):
    handler = type("Served", (Site,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(datasets, "_base_url", lambda: f"http://127.0.0.1:{server.server_port}")
    yield handler
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def songs(monkeypatch):
    """A dataset of our own making, known by name."""
    dataset = replace(
        DATASETS["article-1"],
        name="songs",
        repository="o/n",
        commit="c0ffee",
        path="data/songs.csv",
        sha256=hashlib.sha256(BODY).hexdigest(),
        local="mine/songs.csv",
        rows=500,
    )
    monkeypatch.setattr(datasets, "DATASETS", {**DATASETS, "songs": dataset})
    return dataset


def put(folder, dataset, body=BODY):
    path = folder / dataset.local
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    return path


def kept(home):
    return sorted(path.name for path in (home / "cache").rglob("*") if path.is_file())


# ---------------------------------------------------------------- where it is found


@pytest.mark.parametrize("name", ["songs", "dataset:songs"])
def test_it_is_fetched_once_and_then_read_from_the_cache(home, site, songs, name):
    first = load_dataset(name)
    assert (first.name, first.group) == ("songs", None)
    assert first.collect().height == 500
    assert site.asked == (ADDRESS,)
    assert kept(home) == [f"songs-{songs.sha256[:12]}.csv"]
    assert load_dataset(name).collect().equals(first.collect())
    assert len(site.asked) == 1


def test_the_cache_is_in_the_home_folder_by_default(home, site, songs, monkeypatch):
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(home / "me"))
    load_dataset("songs")
    assert len(list((home / "me/.cache/affetto/datasets").iterdir())) == 1


def test_a_data_folder_comes_before_the_network(home, site, songs, monkeypatch):
    put(home / "elsewhere/shared/data", songs)  # ../shared/data beside the current folder
    assert load_dataset("songs").collect().height == 500
    put(home / "named", songs, b"something else")
    monkeypatch.setenv("AFFETTO_DATA", str(home / "named"))
    with pytest.raises(DatasetError, match=r"named/mine/songs\.csv is not the dataset"):
        load_dataset("songs")  # $AFFETTO_DATA comes first
    monkeypatch.setenv("AFFETTO_DATA", str(home / "nowhere"))
    assert load_dataset("songs").collect().height == 500
    assert site.asked == ()


def test_a_source_checkout_looks_beside_itself(home, songs, monkeypatch):
    module = home / "project/src/affetto/sources/datasets.py"
    monkeypatch.setattr(datasets, "__file__", str(module))
    put(home / "shared/data", songs)
    with pytest.raises(DatasetError):  # without a pyproject.toml it is no checkout
        load_dataset("pool")
    module.parent.mkdir(parents=True)
    (home / "project/pyproject.toml").touch()
    assert load_dataset("songs").collect().height == 500


# ---------------------------------------------------------------- what is never kept


@pytest.mark.parametrize(
    ("manner", "said"),
    [
        ("alter", "is not the dataset 'songs': its SHA-256 is [0-9a-f]{64}, expected .*was kept"),
        ("absent", "the server answers 404 Not Found"),
        ("cut", "broke off after 3000 of 7520 bytes"),
    ],
)
def test_a_failed_download_leaves_nothing(home, site, songs, manner, said):
    site.manner = manner
    with pytest.raises(DatasetError, match=said) as caught:
        load_dataset("songs")
    assert "placed by hand as mine/songs.csv" in str(caught.value)
    assert kept(home) == []
    site.manner = "serve"
    assert load_dataset("songs").collect().height == 500


def test_an_endless_answer_is_cut_off(home, site, songs, monkeypatch):
    site.manner = "endless"
    monkeypatch.setattr(datasets, "_LIMIT", 1000)
    with pytest.raises(DatasetError, match="sends more than"):
        load_dataset("songs")
    assert kept(home) == []


def test_without_a_network_it_says_so(home, songs, monkeypatch):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(datasets, "_base_url", lambda: f"http://127.0.0.1:{port}")
    with pytest.raises(DatasetError, match=r"no answer .*refused.*Is there a network") as caught:
        load_dataset("songs")
    assert "AFFETTO_DATA is not set" in str(caught.value)
    assert kept(home) == []


def test_a_server_that_is_silent(home, site, songs, monkeypatch):
    def time_out(*_args, **_kwargs):
        raise TimeoutError("timed out")

    monkeypatch.setattr(datasets.urllib.request, "urlopen", time_out)
    with pytest.raises(DatasetError, match=r"no answer \(timed out\)"):
        load_dataset("songs")


def test_an_interrupted_download_leaves_nothing(home, site, songs, monkeypatch):
    def interrupt(*_args):
        raise KeyboardInterrupt

    monkeypatch.setattr(datasets, "_download", interrupt)
    with pytest.raises(KeyboardInterrupt):
        load_dataset("songs")
    assert kept(home) == []


def test_a_damaged_file_of_the_cache_is_fetched_anew(home, site, songs):
    load_dataset("songs")
    (cached,) = (home / "cache/affetto/datasets").iterdir()
    cached.write_bytes(BODY[:50])
    assert load_dataset("songs").collect().height == 500
    assert len(site.asked) == 2


def test_a_cache_that_cannot_be_written(home, site, songs, monkeypatch):
    (home / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "file"))
    with pytest.raises(DatasetError, match=r"cannot be kept in .*Set XDG_CACHE_HOME"):
        load_dataset("songs")


def test_a_changed_local_file_is_not_the_dataset(home, songs):
    path = put(home / "elsewhere/shared/data", songs, BODY + b"0.1,0.2,Dark\n")
    with pytest.raises(DatasetError, match=r"its SHA-256 is .* expected") as caught:
        load_dataset("songs")
    assert "give its path in place of dataset:songs" in str(caught.value)
    assert path.read_bytes().endswith(b"Dark\n")


@pytest.mark.parametrize("name", ["pool", "mood-playlists"])
def test_what_has_no_public_place_says_where_to_put_it(home, name):
    with pytest.raises(DatasetError, match="Set AFFETTO_DATA to a folder that holds") as caught:
        load_dataset(name)
    assert DATASETS[name].local in str(caught.value)


def test_an_unknown_name_meets_its_neighbour(home):
    with pytest.raises(DatasetError, match=r"no dataset 'articel'.*Did you mean 'article'"):
        load_dataset("dataset:articel")
    with pytest.raises(DatasetError, match=r"known are article, .*, pool\.$"):
        load_dataset("zzz")


# ---------------------------------------------------------------- what they are


def test_each_dataset_is_described():
    assert list(DATASETS) == [dataset.name for dataset in DATASETS.values()]
    for dataset in DATASETS.values():
        assert re.fullmatch("[0-9a-f]{64}", dataset.sha256)
        assert dataset.title
        assert dataset.about.endswith(".")
        assert set(dataset.mapping.values()) <= set(MOOD_NAMES)
        assert not set(dataset.mapping) & set(dataset.dropped)
        public = (dataset.repository, dataset.commit, dataset.path)
        assert all(public) or public == (None, None, None)
        if dataset.commit:
            assert re.fullmatch("[0-9a-f]{40}", dataset.commit)


@pytest.mark.data
@pytest.mark.parametrize("name", DATASETS)
def test_the_real_datasets(data_dir, monkeypatch, name):
    monkeypatch.setenv("AFFETTO_DATA", str(data_dir))
    dataset, table = DATASETS[name], load_dataset(name)
    frame = table.collect()
    assert (table.name, frame.height, table.group) == (name, dataset.rows, dataset.group)
    assert table.columns == tuple(frame.columns)
    for column in filter(None, (dataset.label, dataset.group)):
        assert frame[column].null_count() == 0
    if dataset.label:
        moods = relabel(frame[dataset.label].to_list(), dataset.mapping, dataset.dropped)
        assert {mood for mood in moods if mood} <= set(MOOD_NAMES)


@pytest.mark.data
def test_the_articles_playlists(data_dir, monkeypatch):
    monkeypatch.setenv("AFFETTO_DATA", str(data_dir))
    expected = pl.read_csv(Path(data_dir, "article", "playlists.csv"))
    frame = load_dataset("article").collect()
    assert frame.select("id", "mood", "playlist").equals(expected.drop("row"))
    first = load_dataset("article-1").collect()
    in_first = frame.filter(pl.col("playlist").str.ends_with("-1"))
    assert in_first.drop("playlist").equals(first)


@pytest.mark.data
def test_a_dataset_with_other_words_says_how_to_learn_the_five_moods(data_dir: Path) -> None:
    notes = [note.text for note in load_dataset("calm-energetic-happy-sad").notes]
    assert "To learn the five moods from it: --map Calm=Relaxing --drop Sad." in notes
    assert not [note for note in load_dataset("article").notes if note.kind == "label"]
