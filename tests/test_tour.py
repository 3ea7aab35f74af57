"""The tour's music: composed, heard, labelled, written; and the whole of it in order."""

import polars as pl
import pytest

from affetto import tour
from affetto.demo import demo_pieces
from affetto.errors import OutputError
from affetto.library.catalogue import Catalogue


def test_the_library_is_heard_and_labelled(tmp_path, monkeypatch, capsys):
    few = demo_pieces()[::7]
    monkeypatch.setattr(tour, "demo_pieces", lambda: few)
    tour._music(tmp_path, 1)
    labels = pl.read_csv(tmp_path / "labels.csv")
    assert set(labels["title"]) == {piece.title for piece in few}
    assert labels["error"].null_count() == len(few)
    assert labels["mood"].null_count() == 0
    with Catalogue.open(tmp_path / tour.LIBRARY, create=False) as library:
        assert library.status().done == len(few)
    assert {path.suffix for path in (tmp_path / tour.MUSIC).iterdir()} == {".wav", ".m3u8"}
    said = capsys.readouterr().out
    assert f"of {len(few)} got the mood that they were composed for" in said
    for piece in few:
        assert piece.title[:20] in said
    tour._music(tmp_path, 1)  # again, over what is there


def test_steps_follow_one_another(tmp_path, monkeypatch, capsys):
    done = []
    monkeypatch.setattr(tour, "_music", lambda out, jobs: done.append(("music", jobs)))
    monkeypatch.setattr(tour, "_learning", lambda out, seed, jobs: done.append(("learning", seed)))
    tour.take_tour(tmp_path / "tour", 5, 2)
    assert done == [("music", 2), ("learning", 5)]
    assert (tmp_path / "tour").is_dir()
    said = capsys.readouterr().out
    assert "affetto serve --db" in said
    assert "affetto library add ~/Music" in said


def test_a_file_in_the_way_is_an_error(tmp_path):
    (tmp_path / "tour").write_text("")
    with pytest.raises(OutputError):
        tour.take_tour(tmp_path / "tour", 42, 1)
