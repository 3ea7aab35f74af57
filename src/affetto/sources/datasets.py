"""Public tables by name, at a pinned state, checked by SHA-256.

``affetto train dataset:article`` and the like. A dataset is looked for in this order:

1. the folder that ``$AFFETTO_DATA`` names;
2. ``../shared/data`` beside the current folder, and beside a source checkout of affetto;
3. the cache, ``$XDG_CACHE_HOME/affetto/datasets`` or ``~/.cache/affetto/datasets``;
4. its public repository on GitHub, at a pinned commit, from where it goes into the cache.

Most of these tables state no licence: they are fetched for local use, and not part of affetto.
"""

import difflib
import hashlib
import http.client
import os
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import IO

import polars as pl

from affetto.errors import DatasetError, UsageError
from affetto.sources.notes import Note
from affetto.sources.tables import Table, from_frame, scan_table
from affetto.tracks import ERROR_COLUMN

TableLike = str | Path | Table | pl.DataFrame
"""A path, the name of a public table (``"dataset:article"``), a table, or a frame."""

PREFIX = "dataset:"
"""What marks a dataset's name where a path could stand."""

_TIMEOUT_S = 30.0
_LIMIT = 64 * 2**20  # bytes: the largest public one has 0.6 MB
_BLOCK = 2**16

_FIRST_PLAYLIST = MappingProxyType(
    {"Energetic": 100, "Relaxing": 100, "Dark": 100, "Happy": 99, "Aggressive": 84}
)
"""Tracks a mood in the article's first table, which the second one begins each mood with."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """A public table, and how its labels are to be understood.

    Attributes
    ----------
    name : str
        What it is called here.
    title : str
        What it is, for people.
    repository, commit, path : str or None
        Where it is public: ``owner/name`` on GitHub, the commit, the path therein. None where
        it was compiled from several places and exists only locally.
    sha256 : str
        Checksum of the file.
    local : str
        Path under a data folder.
    rows : int
    label : str or None
        The column that holds moods.
    group : str or None
        The column that holds playlists.
    mapping : mapping of str to str
        Label → one of the five moods, for labels that differ.
    dropped : tuple of str
        Labels that are none of the five.
    about : str
        Who labelled it and how, what to mind.
    """

    name: str
    title: str
    repository: str | None
    commit: str | None
    path: str | None
    sha256: str
    local: str
    rows: int
    label: str | None
    group: str | None
    mapping: Mapping[str, str]
    dropped: tuple[str, ...]
    about: str


_ARTICLE = "erendnz/Spotify-Mood-Prediction-Based-on-Recently-Played-Songs"
_ARTICLE_COMMIT = "7605c5eb78a64f8c2fa463c788c5efb3de779aef"

DATASETS: Mapping[str, Dataset] = MappingProxyType(
    {
        dataset.name: dataset
        for dataset in (
            Dataset(
                name="article",
                title="The article's larger table: two playlists a mood",
                repository=_ARTICLE,
                commit=_ARTICLE_COMMIT,
                path="tracks2.csv",
                sha256="c11b1e044acf8a7e9f8b587d2f97001214ac6185e77f8f2dd093257c671ca664",
                local="article/tracks2.csv",
                rows=913,
                label="mood",
                group="playlist",
                mapping=MappingProxyType({}),
                dropped=(),
                about="Labelled by membership in ten Spotify playlists. The column 'playlist' "
                "(Happy-1, Happy-2, …) is derived: each mood begins with the rows of article-1.",
            ),
            Dataset(
                name="article-1",
                title="The article's first table: one playlist a mood",
                repository=_ARTICLE,
                commit=_ARTICLE_COMMIT,
                path="tracks.csv",
                sha256="2c9886d37cc915dc9b56857b762602cbd17e23bd997cec91c812c1dd48059b13",
                local="article/tracks.csv",
                rows=483,
                label="mood",
                group=None,
                mapping=MappingProxyType({}),
                dropped=(),
                about="Labelled by membership in five Spotify playlists; part of 'article'.",
            ),
            Dataset(
                name="calm-energetic-happy-sad",
                title="686 tracks in four moods",
                repository="cristobalvch/Spotify-Machine-Learning",
                commit="331baac02bf8fdf5223d79e964b1ca7bbae066c7",
                path="data/data_moods.csv",
                sha256="84a74565cfb41385aef2896a8ed6b0b41ec7ff83e7332749db136a1de3133117",
                local="playlists/calm_energetic_happy_sad.csv",
                rows=686,
                label="mood",
                group=None,
                mapping=MappingProxyType({"Calm": "Relaxing"}),
                dropped=("Sad",),
                about="Labelled by membership in Spotify playlists, titles and artists included; "
                "shares tracks with 'article'.",
            ),
            Dataset(
                name="angry-happy-sad",
                title="2,552 tracks of 32 playlists in three moods",
                repository="bdizon/spotify-mood-classification",
                commit="b4974834f049eab11270f9d5fc273107030c6f9f",
                path="data_files/all_songs.csv",
                sha256="02bbaae446fac076778be80471bda87b8f0d652072ed39a1f72d63fb3befe5f9",
                local="playlists/angry_happy_sad.csv",
                rows=2552,
                label="mood",
                group=None,
                mapping=MappingProxyType({"angry": "Aggressive"}),
                dropped=("sad",),
                about="Labelled by membership in 32 Spotify playlists, which the table does not "
                "name; no duration_ms.",
            ),
            Dataset(
                name="mood-playlists",
                title="17,683 tracks of ten collections of mood playlists",
                repository=None,
                commit=None,
                path=None,
                sha256="5031cee9189482d340863d1f27629bca63dd9c1f41f8db1af21dff5c8f9c8742",
                local="playlists/mood_playlists.csv",
                rows=17_683,
                label="mood",
                group="playlist",
                mapping=MappingProxyType({}),
                dropped=("Sad",),
                about="Compiled from ten public repositories (column 'source'), all labelled by "
                "playlist; no Dark; liveness and duration_ms are missing in some; tracks recur.",
            ),
            Dataset(
                name="pool",
                title="66,307 unlabelled tracks of six decades",
                repository=None,
                commit=None,
                path=None,
                sha256="4dcf944add325f9f37ac9efa53e64b96c62c5113051ec9e15907f61f5a29f701",
                local="pool/unlabelled.csv",
                rows=66_307,
                label=None,
                group=None,
                mapping=MappingProxyType({}),
                dropped=(),
                about="Compiled from public tables, for scale, drift and outliers.",
            ),
        )
    }
)
"""The datasets, by name."""


def load_dataset(name: str) -> Table:
    """Open a dataset, from a local folder, the cache, or its public repository.

    Parameters
    ----------
    name : str
        One of `DATASETS`, with or without ``dataset:`` in front.

    Returns
    -------
    Table
        Labels are as the source has them: `Dataset.mapping` and `Dataset.dropped` say what to
        make of them. `Table.group` is set where the dataset documents playlists.

    Raises
    ------
    DatasetError
        If the name is unknown, the file's checksum is wrong, or the file is nowhere and cannot
        be fetched.
    TableError
        If the file cannot be read.
    """
    dataset = _find(name.removeprefix(PREFIX))
    table = scan_table(_locate(dataset))
    if dataset.name == "article":
        table = _with_playlists(table)
    notes = (*table.notes, *_advice(dataset))
    return replace(table, name=dataset.name, group=dataset.group, notes=notes)


def open_table(source: TableLike) -> Table:
    """Open a table, however it is named.

    Parameters
    ----------
    source : TableLike

    Raises
    ------
    UsageError
        If `source` is of another kind.
    TableError, DatasetError
        If the table cannot be read.
    """
    if isinstance(source, Table):
        return source
    if isinstance(source, pl.DataFrame):
        return from_frame(source)
    if not isinstance(source, str | Path):
        raise UsageError(
            f"found a {type(source).__name__} in place of a table; expected a path, a dataset's "
            "name, or a polars DataFrame (of a pandas one: polars.from_pandas(frame))"
        )
    if str(source).startswith(PREFIX):
        return load_dataset(str(source))
    return scan_table(source)


def _advice(dataset: Dataset) -> list[Note]:
    """Say how to learn the five moods from labels of other names."""
    options = []
    if dataset.mapping:
        options.append("--map " + ",".join(f"{a}={b}" for a, b in dataset.mapping.items()))
    if dataset.dropped:
        options.append("--drop " + ",".join(dataset.dropped))
    if not options:
        return []
    return [Note("label", f"To learn the five moods from it: {' '.join(options)}.")]


def _find(name: str) -> Dataset:
    if name in DATASETS:
        return DATASETS[name]
    near = difflib.get_close_matches(name, DATASETS, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise DatasetError(f"there is no dataset {name!r}; known are {', '.join(DATASETS)}.{hint}")


def _with_playlists(table: Table) -> Table:
    """Derive each row's playlist: a mood's first rows are those of the article's first table."""
    n_first = pl.col("mood").replace_strict(dict(_FIRST_PLAYLIST), return_dtype=pl.Int64)
    place = pl.int_range(pl.len()).over("mood")
    half = pl.when(place < n_first).then(pl.lit("-1")).otherwise(pl.lit("-2"))
    columns = (*table.columns[:-1], "playlist", ERROR_COLUMN)
    frame = table.frame.with_columns((pl.col("mood") + half).alias("playlist")).select(columns)
    return replace(table, frame=frame, columns=columns)


def _locate(dataset: Dataset) -> Path:
    """Find the checked file of a dataset, or fetch it."""
    for folder in _data_folders():
        path = folder / dataset.local
        if path.is_file():
            _check_local(dataset, path)
            return path
    cached = _cache_folder() / f"{dataset.name}-{dataset.sha256[:12]}.csv"
    if cached.is_file():
        if _sha256(cached) == dataset.sha256:
            return cached
        cached.unlink()  # damaged since it was put there: fetched anew
    if dataset.repository is None:
        raise DatasetError(
            f"dataset {dataset.name!r} was compiled from several places and cannot be fetched. "
            f"Set AFFETTO_DATA to a folder that holds {dataset.local} ({_searched()})."
        )
    _fetch(dataset, cached)
    return cached


def _data_folders() -> Iterator[Path]:
    named = os.environ.get("AFFETTO_DATA")
    if named:
        yield Path(named).expanduser()
    beside = Path("..", "shared", "data")
    yield Path.cwd() / beside
    project = Path(__file__).resolve().parents[3]
    if (project / "pyproject.toml").is_file():
        yield project / beside


def _searched() -> str:
    named = os.environ.get("AFFETTO_DATA")
    return f"AFFETTO_DATA is {named!r}, where it is not" if named else "AFFETTO_DATA is not set"


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "affetto" / "datasets"


def _check_local(dataset: Dataset, path: Path) -> None:
    found = _sha256(path)
    if found != dataset.sha256:
        raise DatasetError(
            f"{path} is not the dataset {dataset.name!r}: its SHA-256 is {found}, expected "
            f"{dataset.sha256}. Restore the file; or, if the change is meant, train on it as on "
            f"any table: give its path in place of {PREFIX}{dataset.name}."
        )


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as exc:
        raise DatasetError(f"{path} cannot be read: {exc.strerror or exc}.") from exc


def _base_url() -> str:
    return "https://raw.githubusercontent.com"


def _fetch(dataset: Dataset, target: Path) -> None:
    """Download a dataset under another name, check it, and only then give it its own."""
    url = f"{_base_url()}/{dataset.repository}/{dataset.commit}/{dataset.path}"
    aside: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            dir=target.parent, prefix=f".{dataset.name}-", delete=False
        ) as file:
            aside = Path(file.name)
            found = _download(url, file, dataset)
        if found != dataset.sha256:
            raise DatasetError(
                f"{url} is not the dataset {dataset.name!r}: its SHA-256 is {found}, expected "
                f"{dataset.sha256}. Nothing was kept. {_place_it(dataset)}"
            )
        aside.replace(target)
    except OSError as exc:
        raise DatasetError(
            f"dataset {dataset.name!r} cannot be kept in {target.parent}: {exc.strerror or exc}. "
            f"Set XDG_CACHE_HOME to a folder that can be written. {_place_it(dataset)}"
        ) from exc
    finally:
        if aside is not None:
            aside.unlink(missing_ok=True)


def _download(url: str, file: IO[bytes], dataset: Dataset) -> str:
    """Write what an address serves into a file and return its SHA-256."""
    digest, n_bytes = hashlib.sha256(), 0
    for block in _receive(url, dataset):
        n_bytes += len(block)
        if n_bytes > _LIMIT:
            raise DatasetError(f"{url} sends more than {_LIMIT // 2**20} MB; nothing was kept.")
        digest.update(block)
        file.write(block)
    return digest.hexdigest()


def _receive(url: str, dataset: Dataset) -> Iterator[bytes]:
    """Yield what an address serves; every failure of the network is a `DatasetError`."""
    failed = f"dataset {dataset.name!r} could not be fetched from {url}"
    n_bytes = 0
    try:
        # The address begins with the constant of `_base_url`, never with anybody's input.
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as response:  # noqa: S310
            announced = response.headers.get("Content-Length")
            while block := response.read(_BLOCK):
                n_bytes += len(block)
                yield block
    except urllib.error.HTTPError as exc:
        exc.close()
        raise DatasetError(
            f"{failed}: the server answers {exc.code} {exc.reason}. {_place_it(dataset)}"
        ) from exc
    except (OSError, http.client.HTTPException) as exc:
        cause = getattr(exc, "reason", None) or exc
        raise DatasetError(
            f"{failed}: no answer ({cause}). Is there a network? {_place_it(dataset)}"
        ) from exc
    if announced is not None and n_bytes != int(announced):
        raise DatasetError(
            f"{failed}: it broke off after {n_bytes} of {announced} bytes. Try again. "
            f"{_place_it(dataset)}"
        )


def _place_it(dataset: Dataset) -> str:
    return (
        f"The file may also be placed by hand as {dataset.local} in a folder that AFFETTO_DATA "
        f"names ({_searched()})."
    )
