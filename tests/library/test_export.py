"""The catalogue as a table: all that is known, in each format, whole or not at all."""

import polars as pl
import pytest

from affetto.errors import OutputError, UsageError
from affetto.features import FEATURE_NAMES
from affetto.library.export import export
from affetto.library.query import Query
from affetto.sources.datasets import open_table

READERS = {
    "csv": pl.read_csv,
    "tsv": lambda path: pl.read_csv(path, separator="\t"),
    "jsonl": pl.read_ndjson,
    "parquet": pl.read_parquet,
}


@pytest.mark.parametrize("kind", READERS)
def test_everything_known_is_there(library, tmp_path, kind):
    library.correct(2, "Mine")
    out = tmp_path / f"tracks.{kind}"
    assert export(library, out) == 3
    frame = READERS[kind](out)
    if kind != "jsonl":  # polars reads hundreds of names in an order of its own
        assert frame.columns[:5] == ["id", "path", "title", "artist", "album"]
    for row, entry in zip(frame.to_dicts(), library.every(Query(states=())), strict=True):
        assert (row["id"], row["path"], row["title"]) == (entry.id, entry.path, entry.title)
        assert (row["mood"], row["own_mood"]) == (entry.mood, entry.own_mood)
        assert row["state"] == "done" and row["error"] is None
        for name in FEATURE_NAMES:
            assert row[name] == pytest.approx(entry.features[name])
        for mood, share in entry.p.items():
            assert row[f"p_{mood.lower()}"] == pytest.approx(share)


def test_affetto_reads_it_again(library, tmp_path):
    export(library, tmp_path / "tracks.csv")
    table = open_table(str(tmp_path / "tracks.csv"))
    assert table.features == FEATURE_NAMES
    assert table.collect()["error"].null_count() == 3


def test_an_empty_library_is_a_table_too(catalogue, tmp_path):
    assert export(catalogue, tmp_path / "none.csv") == 0
    assert pl.read_csv(tmp_path / "none.csv").shape[0] == 0


def test_what_cannot_be_written_is_told(library, tmp_path):
    with pytest.raises(UsageError, match=r"expected a name that ends in \.csv"):
        export(library, tmp_path / "tracks.doc")
    with pytest.raises(OutputError, match="does not exist"):
        export(library, tmp_path / "none" / "tracks.csv")
