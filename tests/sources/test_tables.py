"""Reading tables: every dialect, every surprise, every refusal."""

import csv
import datetime
import gzip
import io
import json
import math
import os
import random
import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from affetto.errors import TableError
from affetto.features import FEATURE_NAMES
from affetto.sources import content
from affetto.sources.tables import (
    TABLE_SUFFIXES,
    Note,
    from_frame,
    is_table,
    scan_bytes,
    scan_table,
    translate_errors,
)

ID = "4uLU6hMCjMI75M1A2tKUQC"
OTHER_ID = "7ouMYWpwJ422jRcDASZB7P"


def write(path, text, encoding="utf-8"):
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return path


def pack(raw):
    return gzip.compress(raw, mtime=0)  # the same bytes in every process, for pytest-xdist


def read(path):
    """Rows of a table that is expected to hold no error."""
    frame = scan_table(path).collect()
    assert frame["error"].null_count() == len(frame)
    return frame.drop("error")


def kinds(table):
    return [note.kind for note in table.notes]


def said(table, kind):
    return " ".join(note.text for note in table.notes if note.kind == kind)


# ---------------------------------------------------------------- any dialect, read back equal

ALIASES = {
    "title": ["title", "Track Name", "TRACK_NAME", "song"],
    "artist": ["artist", "Artist Name(s)", "artists"],
    "mood": ["mood"],
    "energy": ["energy", "ENERGY", " Energy "],
    "tempo": ["tempo", "BPM", "Tempo (BPM)"],
    "loudness": ["loudness", "Loudness (dB)"],
    "duration_ms": ["duration_ms", "length", "Track Duration (ms)", "Duration (ms)"],
    "valence": ["valence", "Valence"],
}
ROWS = st.fixed_dictionaries(
    {
        "title": st.none()
        | st.text(st.characters(exclude_categories=["C"]) | st.just("\n"), min_size=1),
        "artist": st.none() | st.text(alphabet='ab,;|\t"\\ ', min_size=1),
        "mood": st.sampled_from(["Happy", "Dark", None]),
        "energy": st.none() | st.floats(0, 1),
        "tempo": st.none() | st.floats(2, 250),
        "loudness": st.none() | st.floats(-60, -0.1),
        "duration_ms": st.none() | st.integers(100_000, 900_000).map(float),
        "valence": st.none() | st.floats(0, 1),
    }
)
TABLES = st.lists(
    # A line without any cell filled is no row.
    ROWS.filter(lambda row: any(cell is not None for cell in row.values())),
    min_size=1,
    max_size=6,
)
SCHEMA = {
    name: pl.String if name in ("title", "artist", "mood") else pl.Float64 for name in ALIASES
}


def check_read_back(path, rows, aliases):
    found = scan_table(path)
    assert set(found.columns) == {*aliases, "error"}
    frame = found.collect()
    assert tuple(frame.columns) == found.columns
    assert frame["error"].null_count() == len(rows)
    assert_frame_equal(frame.select(*SCHEMA), pl.DataFrame(rows, schema=SCHEMA), check_exact=True)


@settings(deadline=None, max_examples=200)
@given(
    rows=TABLES,
    separator=st.sampled_from(",\t;|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    end=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    packed=st.booleans(),
    commas=st.booleans(),
    tail=st.integers(0, 3),
    seed=st.randoms(use_true_random=False),
)
def test_separated_text_of_any_dialect_is_read_back(
    *, rows, separator, encoding, end, quoting, packed, commas, tail, seed
):
    order = list(ALIASES)
    seed.shuffle(order)
    aliases = {name: seed.choice(ALIASES[name]) for name in order}
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=separator, lineterminator=end, quoting=quoting)
    writer.writerow(aliases.values())
    for row in rows:
        cells = [row[name] for name in order]
        if commas and separator == ";":
            cells = [str(c).replace(".", ",") if isinstance(c, float) else c for c in cells]
        writer.writerow(cells)
    raw = (text.getvalue() + tail * end).encode(encoding)
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder, "songs.csv"), pack(raw) if packed else raw)
        check_read_back(path, rows, aliases)


@settings(deadline=None, max_examples=50)
@given(rows=TABLES, packed=st.booleans(), sparse=st.booleans(), seed=st.randoms())
def test_json_lines_are_read_back(rows, packed, sparse, seed):
    aliases = {name: seed.choice(ALIASES[name]) for name in ALIASES}
    lines = [
        {aliases[name]: cell for name, cell in row.items() if cell is not None or not sparse}
        for row in rows
    ]
    for name in aliases.values():  # so that every column occurs
        lines[0].setdefault(name, None)
    raw = "\n".join(json.dumps(line) for line in lines).encode()
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder, "songs.jsonl"), pack(raw) if packed else raw)
        check_read_back(path, rows, aliases)


@settings(deadline=None, max_examples=30)
@given(rows=TABLES, seed=st.randoms())
def test_parquet_is_read_back(rows, seed):
    aliases = {name: seed.choice(ALIASES[name]) for name in ALIASES}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "songs.parquet")
        pl.DataFrame(rows, schema=SCHEMA).rename(aliases).write_parquet(path)
        check_read_back(path, rows, aliases)
        assert scan_table(path).typed


# ---------------------------------------------------------------- the shape of a table


def test_a_table_says_what_it_holds(tmp_path):
    path = write(tmp_path / "songs.csv", f"id,mood,valence,energy,year\n{ID},Happy,.5,.25,1999\n")
    table = scan_table(path)
    assert table.name == "songs.csv"
    assert table.features == ("energy", "valence")
    assert table.columns == ("id", "mood", "valence", "energy", "year", "error")
    assert (table.typed, table.synthetic, table.group) == (False, False, None)
    assert table.collect().rows() == [(ID, "Happy", 0.5, 0.25, "1999", None)]
    assert table.frame.collect_schema()["error"] == pl.String
    assert "liveness" in said(table, "missing_feature")
    assert all(isinstance(note, Note) and str(note) == note.text for note in table.notes)


def test_text_in_a_feature_is_the_error_of_its_row(tmp_path):
    long = "x" * 60
    lines = ["energy,valence", "abc,.5", "NA,n/a", " .5 ,", f'{long},"1,5"', "0.1,nan", "inf,-"]
    frame = scan_table(write(tmp_path / "t.csv", "\n".join(lines))).collect()
    assert frame["energy"].to_list() == [None, None, 0.5, None, 0.1, math.inf]
    assert frame["valence"].to_list() == [0.5, None, None, None, None, None]
    assert frame["error"].to_list() == [
        "energy: 'abc' is not a number",
        None,
        None,
        f"energy: '{'x' * 39}…' is not a number; valence: '1,5' is not a number",
        None,
        None,
    ]


def test_an_error_column_of_the_source_gets_out_of_the_way(tmp_path):
    table = scan_table(write(tmp_path / "t.csv", "energy,error\n0.5,could not decode\n"))
    assert table.columns == ("energy", "source_error", "error")
    assert table.collect().row(0) == (0.5, "could not decode", None)
    assert "'source_error'" in said(table, "column")


def test_typed_features_have_no_errors_and_other_types_survive():
    frame = pl.DataFrame(
        {"Energy": [1, 0], "tempo": [99.5, None], "year": [1999, 2001], "track_id": [2, 5]},
        schema_overrides={"tempo": pl.Float32},
    )
    table = from_frame(frame, "mine")
    assert (table.name, table.typed) == ("mine", True)
    assert dict(table.frame.collect_schema()) == {
        "energy": pl.Float64,
        "tempo": pl.Float64,
        "year": pl.Int64,
        "id": pl.String,
        "error": pl.String,
    }
    assert table.collect().row(0) == (1.0, 99.5, 1999, "2", None)
    assert table.collect().equals(from_frame(frame.lazy()).collect())


def test_a_frame_of_text_is_read_as_a_file_is():
    frame = pl.DataFrame({"energy": ["0.5", "x"], "mood": ["Dark", "Happy"]})
    table = from_frame(frame.with_columns(pl.col("energy").cast(pl.Categorical)))
    assert not table.typed
    assert table.collect()["error"].to_list() == [None, "energy: 'x' is not a number"]


def test_columns_that_cannot_be_features_are_left_as_they_are():
    frame = pl.DataFrame(
        {"energy": [[0.1]], "valence": [0.5], "artists": [["Tyler, The Creator", "Frank"]]}
    )
    table = from_frame(frame)
    assert table.features == ("valence",)
    assert table.columns == ("energy", "valence", "artist", "error")
    assert table.collect()["artist"].item() == r"Tyler\, The Creator, Frank"


def test_times_and_durations_of_a_typed_source_become_ms():
    length = datetime.timedelta(minutes=3, seconds=45)
    frame = pl.DataFrame({"length": [length], "energy": [0.5]})
    assert from_frame(frame).collect()["duration_ms"].item() == 225_000
    clock = frame.with_columns(length=pl.lit(datetime.time(0, 3, 45)))
    assert from_frame(clock).collect()["duration_ms"].item() == 225_000


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *[("a.csv", True), ("B.TSV.GZ", True), ("x.ndjson", True), ("c.parquet", True)],
        *[("a.mp3", False), ("csv", False), ("a.csv.zip", False), ("a.parquet.gz", False)],
    ],
)
def test_suffixes(name, expected):
    assert is_table(name) is expected
    assert is_table(Path("folder.csv", name)) is expected
    assert len(TABLE_SUFFIXES) == 11


# ---------------------------------------------------------------- headers and columns


def test_exportify_app(tmp_path):
    head = (
        '"Track URI","Track Name","Artist URI(s)","Artist Name(s)","Album URI","Album Name",'
        '"Track Duration (ms)","Popularity","ISRC","Added At","Danceability","Energy","Key",'
        '"Loudness","Mode","Speechiness","Acousticness","Instrumentalness","Liveness","Valence",'
        '"Tempo","Time Signature"'
    )
    row = (
        rf'"spotify:track:{ID}","See ""You""","spotify:artist:{OTHER_ID}",'
        rf'"Tyler\, The Creator, Kali","spotify:album:{OTHER_ID}","Flower, Boy","180000","70",'
        '"USQX91700001","2020-01-01T00:00:00Z","0.5","0.6","1","-7.5","0","0.1","0.2","0","0.3",'
        '"0.4","120.5","4"'
    )
    empty = f'"spotify:track:{OTHER_ID}","An episode",' + ",".join(['""'] * 20)
    table = scan_table(write(tmp_path / "list.csv", "\n".join([head, row, empty])))
    assert set(table.features) == set(FEATURE_NAMES)
    first, second = table.collect().rows(named=True)
    assert (first["id"], first["isrc"]) == (f"spotify:track:{ID}", "USQX91700001")
    assert (first["title"], first["album"]) == ('See "You"', "Flower, Boy")
    assert first["artist"] == r"Tyler\, The Creator, Kali"
    assert (first["duration_ms"], first["loudness"], first["tempo"]) == (180_000, -7.5, 120.5)
    assert first["Artist URI(s)"] == f"spotify:artist:{OTHER_ID}"
    assert [second[name] for name in (*FEATURE_NAMES, "error")] == [None] * 11


def test_exportify_net_of_2023(tmp_path):
    head = "Spotify ID,Artist IDs,Track Name,Album Name,Artist Name(s),Duration (ms),Energy"
    row = f'{ID},"{OTHER_ID},{OTHER_ID}",Halo,Sasha,Beyoncé,261640,0.7'
    table = scan_table(write(tmp_path / "list.csv", f"{head}\n{row}\n"))
    assert table.columns == (
        "id", "Artist IDs", "title", "album", "artist", "duration_ms", "energy", "error",
    )  # fmt: skip
    assert table.collect()["duration_ms"].item() == 261_640


@pytest.mark.parametrize(
    ("language", "head"),
    [
        (
            "German",
            "Track-URI,Track-Name,Künstlername(n),Track-Dauer (ms),Tanzbarkeit,Energie,Lautstärke,"
            "Valenz,Tempo",
        ),
        (
            "French",
            "URI du titre,Nom du titre,Nom(s) de l'artiste,Durée du titre (ms),Danseabilité,"
            "Énergie,Volume sonore,Valence,Tempo",
        ),
        (
            "Turkish",
            "Parça URI,Parça Adı,Sanatçı Adı,Parça Süresi (ms),Dans Edilebilirlik,Enerji,"
            "Ses Seviyesi,Duygusallık,Tempo",
        ),
        (
            "Japanese",
            "トラックURI,トラック名,アーティスト名,トラックの長さ（ミリ秒）,ダンサビリティ,"
            "エネルギー,ラウドネス,感情値,テンポ",
        ),
    ],
    ids=lambda value: value if value.isascii() and value.isalpha() else "",
)
def test_localised_headers(tmp_path, language, head):
    row = f"spotify:track:{ID},Title,Artist,200000,0.5,0.6,-7,0.4,120"
    table = scan_table(write(tmp_path / "list.csv", f"{head}\n{row}\n"))
    assert table.columns == (
        "id", "title", "artist", "duration_ms", "danceability", "energy", "loudness", "valence",
        "tempo", "error",
    )  # fmt: skip
    assert language in said(table, "header")
    assert table.collect()["duration_ms"].item() == 200_000


def test_foreign_names_of_tracks_are_read_without_features(tmp_path):
    head = "URI de la canción,Nombre de la canción,Nombre(s) del artista,Volumen"
    row = f"spotify:track:{ID},Halo,Beyoncé,11"
    table = scan_table(write(tmp_path / "list.csv", f"{head}\n{row}\n"), as_playlist=True)
    # "Volumen" alone may be a volume of a series.
    assert table.columns == ("id", "title", "artist", "Volumen", "error")
    assert "Spanish" in said(table, "header")


def test_a_foreign_length_is_read_where_it_is_the_only_feature(tmp_path):
    head = "Track-URI,Track-Name,Künstlername(n),Track-Dauer (ms)"
    row = f"spotify:track:{ID},Halo,Beyoncé,261640"
    table = scan_table(write(tmp_path / "list.csv", f"{head}\n{row}\n"))
    assert table.columns == ("id", "title", "artist", "duration_ms", "error")


def test_single_foreign_words_do_not_make_a_feature(tmp_path):
    table = scan_table(write(tmp_path / "t.csv", "energy,Volume,Instrumental\n0.5,11,yes\n"))
    assert table.columns == ("energy", "Volume", "Instrumental", "error")


@pytest.mark.parametrize(
    "above",
    ['"0","1"\n', "My songs of 2020\n\n", "\n\n", "sep=,\n", "a,b,c,d\nmade by,me\n"],
)
def test_lines_above_the_header_are_skipped(tmp_path, above):
    path = write(tmp_path / "t.csv", f"{above}energy,valence\n0.5,0.25\nEnergy,1\n")
    frame = scan_table(path).collect()
    assert frame.rows() == [(0.5, 0.25, None), (None, 1.0, "energy: 'Energy' is not a number")]
    if above.strip():
        assert "above the header" in said(scan_table(path), "header")


def test_a_song_called_energy_is_no_header(tmp_path):
    path = write(tmp_path / "t.csv", "title,valence\nEnergy,0.5\nTempo,0.4\n")
    assert read(path)["title"].to_list() == ["Energy", "Tempo"]


@pytest.mark.parametrize("name", ["", "Unnamed: 0", "Unnamed: 0.1"])
@pytest.mark.parametrize("counts", [[0, 1, 2], [1, 2, 3], [0, 1, 0]])
def test_an_unnamed_column_that_counts_is_left_out(tmp_path, name, counts):
    lines = [f"{name},energy", *(f"{count},0.5" for count in counts)]
    table = scan_table(write(tmp_path / "t.csv", "\n".join(lines)))
    assert table.columns == ("energy", "error")
    assert "counts the rows" in said(table, "column")


def test_an_unnamed_column_of_ids_is_the_id_and_any_other_gets_a_name(tmp_path):
    text = f",energy,,\nspotify:track:{ID},0.5,x,\n{OTHER_ID},0.4,y,\n"
    table = scan_table(write(tmp_path / "t.csv", text))
    assert table.columns == ("id", "energy", "column_3", "error")
    assert "the unnamed column as id" in said(table, "column")


@pytest.mark.parametrize("name", ["*", "^e.*$"])
def test_a_name_that_polars_takes_for_a_pattern_is_changed(tmp_path, name):
    table = scan_table(write(tmp_path / "t.csv", f"energy,{name},mood\n0.5,x,Dark\n"))
    assert table.columns == ("energy", "column_2", "mood", "error")
    assert table.collect().row(0) == (0.5, "x", "Dark", None)


def test_links_in_a_column_of_unknown_name_are_ids(tmp_path):
    text = f"lien,energy\nhttps://open.spotify.com/track/{ID}?si=1,0.5\n"
    assert scan_table(write(tmp_path / "t.csv", text)).columns[0] == "id"
    bare = scan_table(write(tmp_path / "t.csv", f"playlist,energy\n{ID},0.5\n"))
    assert bare.columns[0] == "playlist"


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("Spotify ID,Track URI,energy\na,,1\n", ("id", "Track URI", "energy")),
        ("Spotify ID,Track URI,energy\n,b,1\n", ("Spotify ID", "id", "energy")),
        ("name,track_name,energy\na,b,1\n", ("name", "title", "energy")),
        ("id,track_uri,energy\n,b,1\n", ("id_2", "id", "energy")),
        ("duration,duration_ms,energy\n1,2,1\n", ("duration", "duration_ms", "energy")),
        ("duration,duration_ms,energy\n200000,,1\n", ("duration_ms", "duration_ms_2", "energy")),
        ("energy,ENERGY,energy\n0.1,0.2,0.3\n", ("energy", "ENERGY", "energy_2")),
    ],
)
def test_of_two_columns_for_one_thing_the_fuller_or_more_exact_is_taken(tmp_path, text, columns):
    table = scan_table(write(tmp_path / "t.csv", text))
    assert table.columns == (*columns, "error")
    assert "could be" in said(table, "column")


# ---------------------------------------------------------------- dialects


@pytest.mark.parametrize(
    ("raw", "note"),
    [
        ("title,energy\nCafé “x”,0.5\n".encode("cp1252"), "Latin-1"),
        ("title,energy\nCafé “x”,0.5\n".encode("utf-16-le"), "UTF-16"),
        ("title,energy\nCafé “x”,0.5\n".encode("utf-16"), "UTF-16"),
        ("title,energy\nCafé “x”,0.5\n".encode("utf-8-sig"), None),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_encodings(tmp_path, raw, note, packed):
    path = write(tmp_path / "t.csv", pack(raw) if packed else raw)
    assert read(path).rows() == [("Café “x”", 0.5)]
    assert (note or "") in said(scan_table(path), "encoding")
    assert ("encoding" in kinds(scan_table(path))) == bool(note)


def test_an_accent_deep_in_a_latin_1_file(tmp_path):
    rows = ["title,energy", *["plain,0.5"] * 200_000, "Café,0.25"]
    frame = read(write(tmp_path / "t.csv", "\n".join(rows).encode("latin-1")))
    assert frame.row(-1) == ("Café", 0.25)
    # 0x81 is no letter of Windows-1252
    assert read(write(tmp_path / "t.csv", b"title,energy\n\xe9\x81,1\n")).row(0) == ("é\x81", 1.0)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('title\tenergy\n7" mix\t0.5\n"Heroes" - live\t0.4\n', ['7" mix', '"Heroes" - live']),
        ('title,energy\n7" mix,0.5\n"a, b",0.4\n', ['7" mix', "a, b"]),
        (r"title,energy" + "\n" + r"Tyler\, The Creator,0.5" + "\n", ["Tyler, The Creator"]),
        ('"title","energy"\n"say \\"hi\\", you",0.5\n', ['say "hi", you']),
        ('title, energy\n"a, b", 0.5\n"c", "0.4"\n', ["a, b", "c"]),
        ('title,energy\n"unclosed,0.5\nx,0.4\n', ['"unclosed', "x"]),
        ('title, energy\n x, "0.5"\n', ["x"]),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_quoting_that_no_standard_knows(tmp_path, text, rows, packed):
    path = write(tmp_path / "t.csv", pack(text.encode()) if packed else text)
    frame = read(path)
    assert frame["title"].to_list() == rows
    assert frame["energy"].to_list() == [0.5, 0.4][: len(rows)]


def test_line_ends_of_the_old_macintosh(tmp_path):
    assert read(write(tmp_path / "t.csv", "title,energy\ra,0.5\rb,0.4\r")).height == 2


def test_a_separator_or_row_names_too_many(tmp_path):
    table = scan_table(write(tmp_path / "t.csv", "title,energy\na,0.5,\nb,0.4,\n"))
    assert table.columns == ("title", "energy", "error")
    assert "the last is empty" in said(table, "header")
    table = scan_table(write(tmp_path / "t.tsv", '"title"\t"energy"\n"1"\t"a"\t0.5\n"2"\t"b"\t0.4'))
    assert table.columns == ("title", "energy", "error")
    assert "the row's number" in said(table, "header")
    assert table.collect()["energy"].to_list() == [0.5, 0.4]


@pytest.mark.parametrize("name", ["t.csv", "t.parquet", "t.jsonl", "t"])
def test_the_suffix_may_lie(tmp_path, name):
    assert read(write(tmp_path / name, "energy;valence\n0,5;0,25\n")).row(0) == (0.5, 0.25)
    assert read(write(tmp_path / name, '{"energy": 0.5}\n')).row(0) == (0.5,)
    pl.DataFrame({"energy": [0.5]}).write_parquet(tmp_path / name)
    assert read(tmp_path / name).row(0) == (0.5,)


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_a_name_is_no_pattern(tmp_path, suffix):
    frame = pl.DataFrame({"energy": [0.5]})
    for stem, energy in (("My [mix]*", 0.5), ("My m", 0.9)):
        path = tmp_path / f"{stem}.{suffix}"
        mine = frame.with_columns(energy=pl.lit(energy))
        {"csv": mine.write_csv, "jsonl": mine.write_ndjson, "parquet": mine.write_parquet}[suffix](
            path
        )
    assert read(tmp_path / f"My [mix]*.{suffix}")["energy"].to_list() == [0.5]


def test_empty_lines_are_no_rows(tmp_path):
    text = 'energy,valence\n\n0.5,0.4\n,\n"",""\n\n0.3,\n\n\n'
    assert read(write(tmp_path / "t.csv", text)).rows() == [(0.5, 0.4), (0.3, None)]


def test_json_lines_of_every_kind_of_value(tmp_path):
    lines = [
        '{"energy": 0.5, "artists": ["A", "B"], "loudness": -7, "year": 1999}',
        "",
        '{"energy": "abc", "tempo": 120.5}',
        '{"energy": NaN, "tempo": Infinity, "title": "NaN"}',
    ]
    table = scan_table(write(tmp_path / "t.jsonl", "\r\n".join(lines), "utf-8-sig"))
    first, second, third = table.collect().rows(named=True)
    assert not table.typed
    assert (first["energy"], first["loudness"], first["year"]) == (0.5, -7, "1999")
    assert json.loads(first["artist"]) == ["A", "B"]
    assert second["error"] == "energy: 'abc' is not a number"
    assert (third["energy"], third["tempo"], third["title"]) == (None, math.inf, "NaN")


# ---------------------------------------------------------------- units


def test_units_are_converted_and_said(tmp_path):
    lines = ["length,energy,valence,loudness", *["210,85,40,7.5", "180.5,60,90,11", "x,5,0,8"] * 5]
    table = scan_table(write(tmp_path / "t.csv", "\n".join(lines)))
    assert table.collect().rows()[:3] == [
        (210_000, 0.85, 0.4, -7.5, None),
        (180_500, 0.6, 0.9, -11, None),
        (None, 0.05, 0, -8, "duration_ms: 'x' is not a number"),
    ]
    assert kinds(table).count("unit") == 3


@pytest.mark.parametrize("column", ["duration", "Track Duration (ms)", "length"])
def test_clock_times_become_ms(tmp_path, column):
    lines = [f"{column},energy", "3:45,0.5", "1:02:03.5,0.4", "0:07,0.3", "3:99,0.2", ",0.1"]
    table = scan_table(write(tmp_path / "t.csv", "\n".join(lines)))
    frame = table.collect()
    assert frame["duration_ms"].to_list() == [225_000, 3_723_500, 7_000, None, None]
    assert frame["error"].to_list()[3:] == ["duration_ms: '3:99' is not a number", None]
    assert "3:45" in said(table, "unit")


def test_a_decimal_comma_is_told_from_grouped_thousands(tmp_path):
    text = "energy;loudness;duration_ms\n0,5;-7,25;244573\n0;-6,5;1000,5\n"
    assert read(write(tmp_path / "t.csv", text)).rows() == [
        (0.5, -7.25, 244_573),
        (0.0, -6.5, 1000.5),
    ]
    assert read(write(tmp_path / "t.csv", "length;energy\n244573,5;1\n")).row(0) == (244_573.5, 1)
    text = 'energy,duration_ms\n0.5,"244,573"\n'
    assert scan_table(write(tmp_path / "t.csv", text)).collect()["error"].to_list() == [
        "duration_ms: '244,573' is not a number"
    ]


def test_the_sample_decides_for_the_whole_table():
    seconds = pl.DataFrame({"length": [200] * 20_000 + [240_000], "energy": [0.5] * 20_001})
    assert from_frame(seconds).collect()["duration_ms"].to_list()[-1] == 240_000_000


# ---------------------------------------------------------------- lines that differ


def test_a_few_broken_lines_are_errors_of_their_rows(tmp_path):
    lines = ["title,energy,valence", *["x,0.5,0.4"] * 30]
    lines[5], lines[9] = "a, b,0.5,0.4", "cut,0.5"
    table = scan_table(write(tmp_path / "t.csv", "\n".join(lines)))
    errors = table.collect()["error"].to_list()
    assert len(errors) == 30
    assert errors[4] == (
        "line 6: 4 cells where the header has 3 (is a comma inside a cell not quoted?)"
    )
    assert errors[8] == "line 10: 2 cells where the header has 3 (is the line cut short?)"
    assert [error for error in errors if error] == [errors[4], errors[8]]
    assert said(table, "row") == (
        "2 lines differ from the header's 3 cells, the first of them line 6."
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title,energy\nTyler, The Creator,0.5\n", "line 2: 3 cells where the header has 2"),
        ("title,energy\na,0.5\nb,c,0.4\n", "line 3: 3 cells where the header has 2"),
        ('title,energy\n"a\nb",0.5\n0.4\n', "line 4: 1 cell where the header has 2"),
        ("title;energy\na;b;0.5\nb;0.4\n", "is a semicolon inside a cell not quoted"),
    ],
)
def test_more_broken_lines_than_a_tenth_are_refused(tmp_path, text, said):
    with pytest.raises(TableError, match=said):
        scan_table(write(tmp_path / "t.csv", text))


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "is empty"),
        (b" \n\n", "holds only blanks"),
        (pack(b""), "is empty"),
        (b"\x89PNG\r\n\x1a\n....", "is a PNG picture; a table"),
        (b"\xff\xd8\xff\xe0....", "is a JPEG picture"),
        (b"RIFF....WEBPVP8 ", "is a WebP picture"),
        (b"RIFF....WAVEfmt ", "is an audio file"),
        (b"ID3\x04....", "is an audio file"),
        (b"fLaC....", "is an audio file"),
        (b"%PDF-1.7", "is a PDF document"),
        (b"PK\x03\x04....[Content_Types].xml", "is an Excel.*save it as CSV"),
        (b"PK\x03\x04....manifest.json", "is a zip archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is an old Excel file; save it as CSV"),
        (b"<!DOCTYPE html><html>", "is a web page"),
        (b"SQLite format 3\0", "is an SQLite database"),
        (b"energy,valence\n\x01\0\0\0\xff\0", "is no text, since it holds NUL bytes"),
        (b'[{"energy": 0.5}]', "is one JSON array; JSON Lines is expected"),
        (b'{\n  "energy": 0.5\n}', "line 1: not JSON .*one whole object a line"),
        (b'{"energy": 0.5}\n[1, 2]\n', "line 2: a JSON list, no object"),
        (b'{"energy": 0.5}\n{"energy":', "line 2: not JSON"),
        (b'{"title": "x"}', "no feature columns. Found: 'title'. Expected some of: energy"),
        (b"title,artist\na,b\n", "no feature columns. Found: 'title', 'artist'"),
        (b"0.5,0.4,x\n0.3,0.2,y\n", "is the header line missing"),
        (b"energy,valence\n", "has a header but no rows"),
        (b"energy,valence\n\n,\n", "has a header but no rows"),
        (b"PAR1....", "cannot be read"),
        (pack(b"PAR1...."), "is Parquet inside gzip"),
        (pack(b"energy\n" + b"0.5\n" * 999)[:-9], "is cut short or damaged"),
        (b"\x1f\x8b\x08damaged", "is cut short or damaged|cannot be read"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_table_is_named(tmp_path, raw, said):
    with pytest.raises(TableError, match=rf"songs\.csv.*{said}") as caught:
        scan_table(write(tmp_path / "songs.csv", raw))
    assert not isinstance(caught.value.__context__, TableError)


def test_parquet_cut_short(tmp_path):
    path = tmp_path / "t.parquet"
    pl.DataFrame({"energy": [0.5] * 1000}).write_parquet(path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(TableError, match="cannot be read"):
        scan_table(path)


def test_parquet_without_rows_or_features(tmp_path):
    path = tmp_path / "t.parquet"
    pl.DataFrame({"energy": []}, schema={"energy": pl.Float64}).write_parquet(path)
    with pytest.raises(TableError, match="no rows"):
        scan_table(path)
    with pytest.raises(TableError, match=r"mine has no feature columns\. Found: no columns"):
        from_frame(pl.DataFrame(), "mine")


@pytest.mark.parametrize("text", [f"uri\nspotify:track:{ID}\n", "title,energy\n", "isrc\n"])
def test_a_playlist_needs_neither_features_nor_rows(tmp_path, text):
    path = write(tmp_path / "t.csv", text)
    with pytest.raises(TableError, match=r"has no feature columns|has a header but no rows"):
        scan_table(path)
    assert len(scan_table(path, as_playlist=True).collect()) == text.count("\n") - 1


@pytest.mark.parametrize("columns", ["mood,colour", "name,qty"])
def test_a_playlist_needs_columns_of_tracks(tmp_path, columns):
    path = write(tmp_path / "t.csv", f"{columns}\nHappy,red\n")
    first = columns.partition(",")[0]
    with pytest.raises(TableError, match=rf"has no columns of tracks\. Found: '{first}', "):
        scan_table(path, as_playlist=True)


@pytest.mark.parametrize("dialect", ["csv", "latin-1", "jsonl", "nan.jsonl", "parquet"])
def test_bytes_are_read_as_a_file_is(tmp_path, dialect):
    frame = pl.DataFrame({"title": ["Déjà vu", "B"], "energy": [0.5, None]})
    if dialect == "parquet":
        frame.write_parquet(tmp_path / "t")
    elif dialect == "nan.jsonl":
        write(tmp_path / "t", '{"title": "Déjà vu", "energy": 0.5}\n{"title": "B", "energy": NaN}')
    elif dialect == "jsonl":
        frame.write_ndjson(tmp_path / "t")
    else:
        encoding = "latin-1" if dialect == "latin-1" else "utf-8"
        write(tmp_path / "t", frame.write_csv(), encoding)
    raw = (tmp_path / "t").read_bytes()
    table = scan_bytes(raw, "t")
    assert table.name == "t"
    assert table.collect().rows() == [("Déjà vu", 0.5, None), ("B", None, None)]
    assert table.notes == scan_table(tmp_path / "t").notes


def test_a_missing_file_names_its_neighbours(tmp_path):
    write(tmp_path / "happy_songs.csv", "energy\n0.5\n")
    with pytest.raises(TableError, match=r"does not exist; did you mean happy_songs\.csv"):
        scan_table(tmp_path / "hapy_songs.csv")
    with pytest.raises(TableError, match="has no such file"):
        scan_table(tmp_path / "zzz.parquet")
    with pytest.raises(TableError, match="nor does the folder"):
        scan_table(tmp_path / "nowhere" / "t.csv")


def test_a_folder_is_told_with_its_tables(tmp_path):
    with pytest.raises(TableError, match="is a folder, without tables in it"):
        scan_table(tmp_path)
    write(tmp_path / "a.csv", "energy\n0.5\n")
    with pytest.raises(TableError, match=r"is a folder; tables in it: a\.csv"):
        scan_table(str(tmp_path))


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    path = write(tmp_path / "t.csv", "energy\n0.5\n")

    def refuse(*_args, **_kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # root may read whatever its mode says
    with pytest.raises(TableError, match=r"t\.csv may not be read: permission denied"):
        scan_table(path)


def test_a_file_that_fails_while_being_read(tmp_path, monkeypatch):
    path = write(tmp_path / "t.csv", "energy\n0.5\n")

    def fail(_source):
        raise OSError(5, "Input/output error")
        yield b""

    monkeypatch.setattr("affetto.sources.content.read_blocks", fail)
    with pytest.raises(TableError, match=r"t\.csv cannot be read: Input/output error"):
        scan_table(path)


def test_text_too_long_to_rewrite(tmp_path, monkeypatch):
    monkeypatch.setattr(content, "REWRITE_LIMIT", 100)
    path = write(tmp_path / "t.csv", "title,energy\n" + "Café,0.5\n" * 50, "latin-1")
    with pytest.raises(TableError, match=r"not plain: .* must be UTF-8"):
        scan_table(path)
    assert read(write(path, "title,energy\n" + "Café,0.5\n" * 50)).height == 50


def test_damage_deep_in_a_table_is_told_when_it_is_collected(tmp_path):
    rows = [json.dumps({"energy": 0.5})] * 400_000
    path = write(tmp_path / "t.jsonl", "\n".join([*rows, '{"energy":']))
    table = scan_table(path)
    with pytest.raises(TableError, match=r"t\.jsonl cannot be read") as caught:
        table.collect()
    assert isinstance(caught.value.__cause__, pl.exceptions.PolarsError)
    with pytest.raises(TableError, match=r"t\.jsonl"), translate_errors(table.name):
        table.frame.sink_csv(tmp_path / "out.csv")


def test_a_table_that_has_gone_when_it_is_collected(tmp_path):
    path = write(tmp_path / "t.csv", "energy\n0.5\n")
    table = scan_table(path)
    path.unlink()
    with pytest.raises(TableError, match=r"t\.csv cannot be read"):
        table.collect()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")  # noqa: PTH110
def test_errors_of_writing_are_not_taken_for_the_tables(tmp_path):
    table = scan_table(write(tmp_path / "t.csv", "energy\n" + "0.5\n" * 100_000))
    with pytest.raises(OSError, match="No space left"), translate_errors(table.name):
        table.frame.sink_csv("/dev/full")


def test_a_bug_is_not_taken_for_a_damaged_table():
    with pytest.raises(ZeroDivisionError), translate_errors("t"):
        1 / 0  # noqa: B018


# ---------------------------------------------------------------- random damage


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_whatever_the_bytes_it_is_a_table_or_a_table_error(data):
    good = b'title,energy,valence\n"a, b",0.5,0.4\nCaf\xc3\xa9,0.3,x\n,,\n'
    seed = data.draw(st.sampled_from([good, b'{"energy": 0.5, "title": "x"}\n' * 3, b""]))
    raw = bytearray(seed)
    for _ in range(data.draw(st.integers(0, 4))):
        place = data.draw(st.integers(0, len(raw)))
        raw[place : place + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=6))
    raw = pack(bytes(raw)) if data.draw(st.booleans()) else bytes(raw)
    raw = raw[: data.draw(st.integers(len(raw) // 2, len(raw)))]
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder, "t.csv"), raw)
        try:
            table = scan_table(path)
            frame = table.collect()
        except TableError as exc:
            assert "t.csv" in str(exc)
        else:
            assert table.features
            assert tuple(frame.columns) == table.columns


# ---------------------------------------------------------------- the real tables


@pytest.mark.data
@pytest.mark.parametrize(
    ("path", "rows", "missing", "columns"),
    [
        ("article/tracks.csv", 483, 0, {"id", "mood"}),
        ("article/tracks2.csv", 913, 0, {"id", "mood"}),
        ("playlists/calm_energetic_happy_sad.csv", 686, 0, {"id", "title", "artist", "mood"}),
        ("playlists/angry_happy_sad.csv", 2552, 1, {"id", "title", "artist", "mood"}),
        ("playlists/mood_playlists.csv", 17_683, 0, {"title", "artist", "mood", "playlist"}),
        ("pool/unlabelled.csv", 66_307, 0, {"id", "title", "artist", "src"}),
        ("audio_pairs/fma_echonest.csv", 13_129, 2, {"id"}),
        ("audio_pairs/fma_mfcc_echonest.csv", 478, 2, {"id", "mfcc_max_01"}),
    ],
)
def test_the_real_tables_are_read_as_they_stand(data_dir, path, rows, missing, columns):
    table = scan_table(data_dir / path)
    assert len(table.features) == 10 - missing
    assert columns <= set(table.columns)
    assert not {"unit", "encoding", "row"} & set(kinds(table))
    frame = table.collect()
    assert frame.height == rows
    assert frame["error"].null_count() == rows


@pytest.mark.data
def test_the_real_tables_survive_a_change_of_dialect(data_dir, tmp_path):
    original = scan_table(data_dir / "pool" / "unlabelled.csv").collect()
    chosen = original.drop("error").sample(3000, seed=random.Random(0).randrange(99))
    text = chosen.write_csv(separator=";", line_terminator="\r\n", quote_style="always")
    path = write(tmp_path / "t.txt.gz", pack(text.encode("utf-16")))
    assert_frame_equal(read(path), chosen)
