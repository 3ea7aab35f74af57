"""Audio into files: row by row, gone on with, mixed with tables; listening itself is replaced."""

import json
import math
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from affetto.audio.analysis import DESCRIPTOR_NAMES
from affetto.demo import demo_songs
from affetto.errors import UsageError
from affetto.features import FEATURE_NAMES
from affetto.model import MoodModel, load_model
from affetto.rules import Rules
from affetto.scoring import listen as listening
from affetto.scoring.deciding import Decider
from affetto.scoring.label import Sources, label, open_sources
from affetto.scoring.listen import SCHEMA
from affetto.scoring.stream import (
    Listening,
    Stream,
    feature_stream,
    label_stream,
    table_features,
)
from affetto.scoring.tally import Tally
from affetto.scoring.workers import Outcome

NAMES = ["a.wav", "b.wav", "c.wav", "d.wav"]
SONGS = demo_songs()
each_format = pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet"])


class Ears:
    """Stands in for the worker processes: says a demo song's features of each file.

    Files are done in reverse; `bad` names those that fail, `stop_after` how many are done
    when Ctrl-C is pressed.
    """

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.bad: set[str] = set()
        self.stop_after = math.inf
        self.is_closed = False

    def run(
        self,
        function: Callable[..., Any],
        items: Sequence[str],
        *,
        keywords: dict[str, bool],
        **_: object,
    ) -> Generator[Outcome, None, None]:
        assert function is listening.hear
        try:
            for place, path in reversed(list(enumerate(items))):
                if len(self.heard) >= self.stop_after:
                    raise KeyboardInterrupt
                self.heard.append(Path(path).name)
                yield Outcome(place, value=self.told(Path(path).name, keywords))
        finally:
            self.is_closed = True

    def told(self, name: str, keywords: dict[str, bool]) -> dict[str, Any]:
        features = SONGS.row(NAMES.index(name), named=True)
        features = {feature: features[feature] for feature in FEATURE_NAMES}
        windows = [{"start_s": 7.5 * k, "stop_s": 7.5 * k + 15, **features} for k in range(3)]
        if name in self.bad:
            features = dict.fromkeys(features)
        return {
            "title": f"Title {name}",
            "features": features,
            "key": "C major",
            "error": "silent" if name in self.bad else None,
            "timeline": windows if keywords["timeline"] else [],
            "descriptors": {"flatness": 0.25} if keywords["descriptors"] else {},
        }


@pytest.fixture(autouse=True)
def ears(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ears:
    monkeypatch.chdir(tmp_path)
    for place, name in enumerate(NAMES):
        Path(name).write_bytes(b"x" * (place + 1))
    found = Ears()
    monkeypatch.setattr(listening, "run_jobs", found.run)
    return found


@pytest.fixture(scope="module")
def model() -> MoodModel:
    return load_model()


def read(path: str) -> pl.DataFrame:
    readers: dict[str, Callable[[str], pl.DataFrame]] = {
        ".csv": pl.read_csv,
        ".tsv": lambda path: pl.read_csv(path, separator="\t"),
        ".jsonl": pl.read_ndjson,
        ".parquet": pl.read_parquet,
    }
    return readers[Path(path).suffix](path)


def stream(
    model: MoodModel,
    *names: Any,
    tally: Tally | None = None,
    timeline: bool = False,
    min_confidence: float = 0.0,
    rules: Rules | None = None,
    **more: Any,
) -> Stream:
    return label_stream(
        open_sources(list(names or NAMES)),
        Decider(model, min_confidence, rules),
        tally=tally or Tally(model.moods),
        listening=Listening(timeline=timeline),
        **more,
    )


def leftovers() -> list[str]:
    return sorted(path.name for path in Path().iterdir() if path.suffix != ".wav")


def test_tracks_come_as_they_are_done_with_their_own_numbers(model: MoodModel, ears: Ears) -> None:
    run = stream(model)
    assert (run.n_kept, run.n_left) == (0, 4)
    assert ears.heard == []  # nothing begins before it is asked for
    tracks = list(run)
    assert [track.row["row"] for track in tracks] == [4, 3, 2, 1]
    assert [track.heard.row["path"] for track in tracks] == NAMES[::-1]
    assert leftovers() == []


def test_moods_are_those_of_the_table_of_the_same_features(model: MoodModel) -> None:
    rows = sorted((track.row for track in stream(model)), key=lambda row: row["row"])
    expected = label(SONGS.head(4), model)
    assert [row["mood"] for row in rows] == expected["mood"].to_list()
    assert [row["confidence"] for row in rows] == pytest.approx(expected["confidence"].to_list())
    json.dumps(rows)


@each_format
def test_files_hold_the_rows_in_the_order_named(model: MoodModel, ears: Ears, suffix: str) -> None:
    ears.bad = {"b.wav"}
    tally = Tally(model.moods)
    list(stream(model, tally=tally, out=Path(f"out{suffix}")))
    found = read(f"out{suffix}")
    expected = label(NAMES, model)
    assert found.columns == [*expected.columns, "size_bytes", "modified_s"]
    assert found["path"].to_list() == NAMES
    assert found["row"].to_list() == [1, 2, 3, 4]
    assert found["error"].to_list() == [None, "silent", None, None]
    assert found["mood"].cast(pl.String).to_list() == expected["mood"].cast(pl.String).to_list()
    assert found["size_bytes"].to_list() == [1, 2, 3, 4]
    assert (tally.rows, tally.failed) == (4, 1)
    assert leftovers() == [f"out{suffix}"]


@each_format
def test_a_stop_keeps_what_is_done_and_resume_does_the_rest(
    model: MoodModel, ears: Ears, suffix: str
) -> None:
    out = Path(f"out{suffix}")
    ears.stop_after = 2
    with pytest.raises(KeyboardInterrupt):
        list(stream(model, out=out))
    assert read(f"out{suffix}")["path"].to_list() == ["c.wav", "d.wav"]
    with pytest.raises(UsageError, match="add --resume"):
        stream(model, out=out)
    ears.stop_after, ears.heard = math.inf, []
    run = stream(model, out=out, resume=True)
    assert (run.n_kept, run.n_left) == (2, 2)
    assert [track.row["row"] for track in run] == [2, 1]
    assert sorted(ears.heard) == ["a.wav", "b.wav"]
    assert read(f"out{suffix}")["row"].to_list() == [1, 2, 3, 4]


@each_format
def test_resume_labels_what_it_keeps_as_it_labels_the_rest(
    model: MoodModel, ears: Ears, suffix: str
) -> None:
    out = Path(f"out{suffix}")
    ears.stop_after = 2
    with pytest.raises(KeyboardInterrupt):
        list(stream(model, out=out))
    assert read(out.name)["mood"].null_count() == 0
    ears.stop_after = math.inf
    sure = float(label(SONGS.head(4), model)["confidence"].median())
    list(stream(model, out=out, resume=True, min_confidence=sure))
    expected = label(SONGS.head(4), model, min_confidence=sure)
    found = read(out.name)
    assert 0 < expected["mood"].null_count() < 4
    assert found["mood"].cast(pl.String).to_list() == expected["mood"].cast(pl.String).to_list()
    assert found["reason"].to_list() == expected["reason"].to_list()


@each_format
def test_a_run_that_is_complete_is_decided_anew_without_being_heard(
    model: MoodModel, ears: Ears, suffix: str
) -> None:
    out = Path(f"out{suffix}")
    list(stream(model, out=out))
    first, written = read(out.name), out.stat().st_mtime_ns
    list(stream(model, out=out, resume=True))
    assert out.stat().st_mtime_ns == written  # nothing changed: not even written
    ears.heard = []
    own = Rules.parse("energy >= 0 -> Dark")
    list(stream(model, out=out, resume=True, rules=own))
    found = read(out.name)
    assert ears.heard == []
    assert found["mood"].cast(pl.String).to_list() == ["Dark"] * 4
    assert found["reason"].to_list() == ["rule: energy ≥ 0"] * 4
    assert found["confidence"].null_count() == 4
    same = [name for name in first.columns if name.startswith("p_") or name in FEATURE_NAMES]
    assert found.select(same).equals(first.select(same))
    list(stream(model, out=out, resume=True))
    assert read(out.name).equals(first)


def test_resume_hears_again_what_failed_or_changed(model: MoodModel, ears: Ears) -> None:
    ears.bad = {"b.wav"}
    list(stream(model, out=Path("out.csv")))
    ears.bad, ears.heard = set(), []
    Path("d.wav").write_bytes(b"another length")
    assert len(list(stream(model, out=Path("out.csv"), resume=True))) == 2
    assert sorted(ears.heard) == ["b.wav", "d.wav"]
    assert read("out.csv")["error"].null_count() == 4
    assert list(stream(model, out=Path("out.csv"), resume=True)) == []


def test_closing_early_ends_the_processes(model: MoodModel, ears: Ears) -> None:
    run = stream(model, out=Path("out.csv"))
    next(run.tracks)
    run.tracks.close()
    assert ears.is_closed
    assert read("out.csv")["path"].to_list() == ["d.wav"]


@each_format
def test_tables_are_written_behind_the_audio(model: MoodModel, suffix: str) -> None:
    songs = SONGS.with_columns(id=pl.format("song {}", pl.int_range(len(SONGS))))
    tally = Tally(model.moods)
    list(stream(model, songs, *NAMES, tally=tally, out=Path(f"out{suffix}")))
    found = read(f"out{suffix}")
    assert found["path"].to_list() == [*NAMES, *[None] * len(songs)]
    assert found["id"].to_list() == [*[None] * 4, *songs["id"]]
    assert found["row"].to_list() == [1, 2, 3, 4, *range(1, len(songs) + 1)]
    moods = found["mood"].cast(pl.String).to_list()
    assert moods[:4] == moods[4:8]
    assert found["size_bytes"].null_count() == len(songs)
    assert tally.rows == 4 + len(songs)
    again = stream(model, songs, *NAMES, out=Path(f"out{suffix}"), resume=True)
    assert again.n_kept == 4
    assert list(again) == []
    assert read(f"out{suffix}").equals(found)


def test_columns_are_kept_from_every_source(model: MoodModel) -> None:
    run = stream(model, "a.wav", SONGS.with_columns(key=pl.lit("D")), keep=["key"],
                 out=Path("out.csv"))  # fmt: skip
    list(run)
    assert read("out.csv")["key"].to_list() == ["C major", *["D"] * len(SONGS)]


def test_what_cannot_be_kept_is_told_before_anything_is_heard(model: MoodModel, ears: Ears) -> None:
    with pytest.raises(UsageError, match="audio files has no column 'genre' to keep"):
        stream(model, keep=["genre"])
    with pytest.raises(UsageError, match="no column 'playlist' to keep"):
        stream(model, "a.wav", SONGS, keep=["playlist"], out=Path("out.csv"))
    assert ears.heard == [] and leftovers() == []


def test_windows_are_labelled_and_written_in_place_of_tracks(model: MoodModel, ears: Ears) -> None:
    ears.bad = {"c.wav"}
    tally = Tally(model.moods)
    tracks = list(stream(model, timeline=True, tally=tally, out=Path("out.csv"), keep=["key"]))
    assert {track.heard.row["path"]: len(track.moments) for track in tracks} == {
        "a.wav": 3, "b.wav": 3, "c.wav": 0, "d.wav": 3
    }  # fmt: skip
    found = read("out.csv")
    assert found["path"].to_list() == ["a.wav"] * 3 + ["b.wav"] * 3 + ["c.wav"] + ["d.wav"] * 3
    assert found["start_s"].to_list()[:4] == [0, 7.5, 15, 0]
    assert found["row"].to_list() == [1, 2, 3, 1, 2, 3, 3, 1, 2, 3]
    assert found["mood"].to_list()[6] is None and found["error"].to_list()[6] == "silent"
    assert found["key"].to_list()[0] == "C major"
    assert found["title"].to_list()[0] == "Title a.wav"
    assert (tally.rows, tally.failed) == (4, 1)  # windows are no tracks
    whole = {track.row["path"]: track.row["mood"] for track in tracks}
    assert found["mood"].to_list()[0] == whole["a.wav"]


def test_a_timeline_cannot_be_gone_on_with(model: MoodModel, ears: Ears) -> None:
    with pytest.raises(UsageError, match="--resume goes on with the rows of tracks"):
        stream(model, timeline=True, out=Path("out.csv"), resume=True)
    with pytest.raises(UsageError, match="here is no --out"):
        stream(model, resume=True)
    ears.stop_after = 1
    with pytest.raises(KeyboardInterrupt):
        list(stream(model, timeline=True, out=Path("out.csv")))
    with pytest.raises(UsageError, match="was stopped: delete out") as caught:
        stream(model, timeline=True, out=Path("out.csv"))
    assert "--resume" not in str(caught.value)


def test_settings_are_checked_before_anything_is_written(model: MoodModel) -> None:
    sources = open_sources(["a.wav", "absent.wav"])
    both = Listening(excerpt=True, timeline=True)
    with pytest.raises(UsageError, match="--timeline or --excerpt"):
        label_stream(
            sources, Decider(model), tally=Tally(model.moods), listening=both, out=Path("out.csv")
        )
    with pytest.raises(UsageError, match="expected a name that ends in"):
        stream(model, out=Path("out.xls"))
    assert leftovers() == []


@each_format
def test_features_are_written_with_descriptors_on_request(ears: Ears, suffix: str) -> None:
    ears.bad = {"b.wav"}
    sources = open_sources(NAMES)
    plain = list(feature_stream(sources, listening=Listening(), out=Path(f"a{suffix}")))
    assert list(plain[0].row) == read(f"a{suffix}").columns[:-2]
    assert set(plain[0].row) == set(SCHEMA)
    every = Listening(descriptors=True)
    list(feature_stream(sources, listening=every, out=Path(f"b{suffix}")))
    found = read(f"b{suffix}")
    assert set(DESCRIPTOR_NAMES) < set(found.columns)
    assert found["key"].to_list() == ["C major"] * 4  # in words, as without
    assert found["flatness"].to_list() == [0.25] * 4
    assert found["error"].to_list() == [None, "silent", None, None]
    assert found["energy"].to_list()[0] == SONGS["energy"][0]


def test_features_of_tables_follow_in_their_own_units(ears: Ears) -> None:
    table = SONGS.select(
        "title", "energy", bpm="tempo", isrc=pl.lit("USRC17607839"), genre=pl.lit("pop")
    )
    list(feature_stream(open_sources(["a.wav", table]), listening=Listening(), out=Path("o.csv")))
    found = read("o.csv")
    assert found["tempo"].to_list()[1:] == SONGS["tempo"].to_list()
    assert found["isrc"].to_list()[:2] == [None, "USRC17607839"]
    assert found["valence"].null_count() == len(SONGS)
    assert "genre" not in found.columns
    shown = table_features(open_sources(table).tables[0])
    assert shown.columns == ["isrc", "title", "energy", "tempo", "error"]


def test_no_sources_of_audio_write_the_tables_alone() -> None:
    sources = Sources([], open_sources(SONGS).tables, [])
    assert list(feature_stream(sources, listening=Listening(), out=Path("o.csv"))) == []
    assert read("o.csv")["title"].to_list() == SONGS["title"].to_list()
