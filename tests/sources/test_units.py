"""Units of features: known answers."""

import polars as pl
import pytest

from affetto.sources.units import convert, recognise_units


def units_of(sources=None, **columns):
    sample = pl.DataFrame(columns).cast(pl.Float64)
    return recognise_units(sample, {name: name for name in columns} | (sources or {}))


SOUND = {
    "energy": [0.5, 0.9, 0.1],
    "valence": [0.0, 0.4, 1.0],
    "tempo": [0.0, 120.0, 178.0],
    "duration_ms": [180_000, 240_000, 2_000],
    "loudness": [-7.0, -14.0, 0.6],
}


def test_a_sound_table_is_left_alone_in_silence():
    assert units_of(**SOUND) == ({}, [])


@pytest.mark.parametrize("column", ["duration_s", "Length (seconds)", "duration_sec"])
def test_a_name_that_says_seconds_decides(column):
    conversions, notes = units_of({"duration_ms": column}, duration_ms=[5.0, 6.0])
    assert conversions == {"duration_ms": "seconds"}
    assert "by its name" in notes[0].text


def test_a_name_that_says_seconds_is_doubted_where_the_values_are_ms():
    conversions, (note,) = units_of({"duration_ms": "duration_s"}, duration_ms=[180_000.0])
    assert conversions == {}
    assert "looks like ms though its name says seconds" in note.text


@pytest.mark.parametrize(
    ("values", "conversion", "said"),
    [
        ([180.0, 240.0, None], "seconds", "is in seconds (median 210)"),
        ([20.0], "seconds", "is in seconds"),
        ([7200.0], "seconds", "is in seconds"),
        ([3.5, 4.0], None, "unlikely length in ms (median 3.75)"),
        ([12_000.0], None, "unlikely length in ms"),
        ([1.8e8], None, "unlikely length in ms"),
        ([20_000.0], None, None),
    ],
)
def test_a_name_without_a_unit_leaves_it_to_the_median(values, conversion, said):
    conversions, notes = units_of({"duration_ms": "length"}, duration_ms=values)
    assert conversions.get("duration_ms") == conversion
    assert [said in note.text for note in notes] == ([True] if said else [])


@pytest.mark.parametrize("column", ["duration_ms", "Track Duration (ms)"])
def test_a_name_that_says_ms_is_never_touched(column):
    conversions, (note,) = units_of({"duration_ms": column}, duration_ms=[180.0, 240.0])
    assert conversions == {}
    assert "looks like seconds" in note.text


def test_loudness_without_its_minus_is_turned():
    assert units_of(loudness=[5.0, 7.0, 60.0])[0] == {"loudness": "sign"}
    assert units_of(loudness=[-5.0, 7.0, 9.0]) == ({}, [])
    conversions, (note,) = units_of(loudness=[60.0, 70.0])
    assert conversions == {}
    assert "above 0 throughout" in note.text


def test_shares_of_0_to_100_are_divided_when_several_are():
    conversions, (note,) = units_of(
        energy=[80, 45, 0],
        valence=[3, 99, 12],
        instrumentalness=[0, 0, 1],
        liveness=[0.1, 0.2, 0.3],
    )
    assert conversions == dict.fromkeys(["energy", "valence", "instrumentalness"], "percent")
    assert "'energy', 'instrumentalness' and 'valence' run from 0 to 100" in note.text


def test_one_share_of_0_to_100_is_divided_when_its_median_is_above_1():
    conversions, _ = units_of(energy=[80, 45, 0], valence=[0.3, 0.9, 0.1])
    assert conversions == {"energy": "percent"}


def test_a_few_mistyped_shares_do_not_divide_a_sound_table():
    mistyped = {"energy": [0.5] * 50 + [1.5], "valence": [0.2] * 50 + [45.0]}
    assert units_of(**mistyped) == ({}, [])
    conversions, notes = units_of(energy=[1.5], valence=[2.0])
    assert conversions == {}
    assert len(notes) == 2


def test_shares_beyond_100_are_doubted():
    conversions, (note,) = units_of(energy=[512.0, 900.0, 20.0])
    assert conversions == {}
    assert "reaches 900 (median 512)" in note.text


def test_a_table_scaled_to_one_is_told_with_its_values():
    conversions, (note,) = units_of(
        tempo=[0.53, 0.4, 0.6], loudness=[0.8, 0.9, 0.7], duration_ms=[0.1, 0.2, 0.3]
    )
    assert conversions == {}
    assert "tempo 0.53, loudness 0.8 and duration_ms 0.2" in note.text
    assert "is this table scaled to 0–1?" in note.text
    assert "tempo in BPM" in note.text


def test_a_standardised_table_is_told_and_not_converted():
    conversions, (note,) = units_of(energy=[-1.2, 0.3, 1.4], duration_ms=[-0.5, 0.1, 2.0])
    assert conversions == {}
    assert "energy reaches below 0: is this table standardised" in note.text


def test_values_that_are_none_or_not_finite_have_no_say():
    nan, inf = float("nan"), float("inf")
    assert units_of(energy=[None, None], tempo=[nan, inf]) == ({}, [])
    assert units_of(loudness=[5.0, 7.0, nan, inf, None])[0] == {"loudness": "sign"}


def test_conversions_compute_what_they_say():
    frame = pl.DataFrame({"x": [29.0]})
    computed = [frame.select(convert(pl.col("x"), how)).item() for how in ("seconds", "percent")]
    assert computed == [29_000.0, 0.29]
    assert frame.select(convert(pl.col("x"), "sign")).item() == -29.0
