"""The Echo Nest's values of FMA tracks, beside MFCC statistics: from a table, or from audio."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from affetto.audio.build.collect import Collection, matrix
from affetto.audio.mapping import LEARNED
from affetto.audio.maps import MFCC_INPUT_STATISTICS, mfcc_input_names
from affetto.audio.timbre import N_MFCC
from affetto.errors import TableError

Floats = NDArray[np.float64]

_AUDIO_SUFFIXES = {".mp3", ".ogg", ".flac", ".wav"}
_ODDS_LIMIT = 0.005  # shares of 0 and 1 have no log-odds


@dataclass(frozen=True, slots=True)
class EchoNest:
    """Tracks whose values are known.

    Attributes
    ----------
    X : ndarray, shape=(n, 100)
        MFCC statistics, as `mfcc_input_names` has them.
    Y : ndarray, shape=(n, 7)
        Values of `LEARNED`.
    """

    X: Floats
    Y: Floats


def from_tables(pairs: Path) -> EchoNest:
    """Read the table of MFCC statistics and values.

    Parameters
    ----------
    pairs : Path
        CSV with ``mfcc_STATISTIC_NN`` and the learned features; rows that miss any are left out.

    Raises
    ------
    TableError
        If a column is missing.
    """
    columns = [f"mfcc_{name}_{i + 1:02d}" for name in MFCC_INPUT_STATISTICS for i in range(N_MFCC)]
    table = _read(pairs, [*columns, *LEARNED]).drop_nulls()
    X = table.select(columns).to_numpy().astype(np.float64)
    Y = table.select(LEARNED).to_numpy().astype(np.float64)
    return EchoNest(X, Y)


def from_audio(folder: Path, values: Path, collection: Collection) -> EchoNest:
    """Analyse FMA's clips and join them to the values of the same tracks.

    Parameters
    ----------
    folder : Path
        FMA's audio, in any depth: ``…/000/000002.mp3``; the name is the track's number.
    values : Path
        echonest.csv: FMA's own, with its three lines of headings, or the learned features by
        ``track_id``.

    Raises
    ------
    TableError
        If a column is missing, or no file belongs to a track of the table.
    """
    table = read_values(values)
    known = dict(zip(table["track_id"], table.select(LEARNED).iter_rows(), strict=True))
    paths = {
        int(path.stem): path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in _AUDIO_SUFFIXES and path.stem.isdigit()
    }
    both = sorted(paths.keys() & known.keys())
    if not both:
        raise TableError(
            f"none of the {len(paths)} audio files of {folder} is a track of {values.name}: "
            "files are expected to be named by track number, as 000002.mp3"
        )
    described = collection.describe_all([paths[track] for track in both], "FMA")
    heard = [(track, found) for track, found in zip(both, described, strict=True) if found]
    X = matrix([found for _, found in heard], mfcc_input_names())
    Y = np.array([known[track] for track, _ in heard], dtype=np.float64)
    return EchoNest(X, Y)


def read_values(path: Path) -> pl.DataFrame:
    """Read the learned features by ``track_id``, from FMA's own echonest.csv too.

    Raises
    ------
    TableError
        If a column is missing.
    """
    with path.open(encoding="utf-8") as file:
        first = file.readline()
    if "echonest" not in first:
        return _read(path, ["track_id", *LEARNED]).drop_nulls()
    # Three lines of headings: source, group, name; then a line that names the index alone.
    raw = pl.read_csv(path, has_header=False, skip_rows=2, infer_schema=False)
    names = ["track_id", *[str(cell) for cell in raw.row(0)[1:]]]
    missing = [name for name in LEARNED if name not in names]
    if missing:
        raise TableError(f"{path.name} has no column {', '.join(missing)}: is it echonest.csv?")
    places = {name: raw.columns[names.index(name)] for name in ("track_id", *LEARNED)}
    rows = raw.slice(1).filter(pl.col(places["track_id"]).str.contains(r"^\d+$"))
    return rows.select(
        pl.col(place).cast(pl.Int64 if name == "track_id" else pl.Float64).alias(name)
        for name, place in places.items()
    ).drop_nulls()


def log_odds(shares: Floats) -> Floats:
    """Give ln(p / (1 − p)), p held between .005 and .995."""
    held = np.clip(shares, _ODDS_LIMIT, 1 - _ODDS_LIMIT)
    return np.asarray(np.log(held / (1 - held)))


def _read(path: Path, columns: list[str]) -> pl.DataFrame:
    table = pl.read_csv(path, infer_schema_length=None)
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise TableError(
            f"{path.name} has no column {', '.join(missing[:5])}; it has "
            f"{', '.join(table.columns[:8])}, …"
        )
    return table.select(columns)
