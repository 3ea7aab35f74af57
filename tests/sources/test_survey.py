"""The walk over separated text, against Python's own reader."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affetto.sources.survey import Ragged, survey_lines

# A lone carriage return is left out: the writer does not quote it, the reader ends a line.
CELL = st.lists(st.sampled_from([*'ab,;"\n é', "\r\n"]), max_size=5).map("".join)


def survey(text, *, n_cells=3, n_above=1, quoted=True, separator=",", block=10**6):
    raw = text.encode() if isinstance(text, str) else text
    blocks = [raw[i : i + block] for i in range(0, len(raw), block)]
    return survey_lines(
        blocks, separator=separator, n_cells=n_cells, n_above=n_above, quoted=quoted
    )


@given(
    rows=st.lists(st.lists(CELL, min_size=1, max_size=5), max_size=8),
    end=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    block=st.integers(1, 40),
    cut_end=st.booleans(),
)
def test_it_counts_as_the_csv_reader_does(rows, end, quoting, block, cut_end):
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator=end, quoting=quoting).writerows([["x", "y", "z"], *rows])
    text = file.getvalue()
    text = text[: -len(end)] if cut_end else text
    found = survey(text, block=block)

    reader = csv.reader(io.StringIO(text, newline=""))
    expected, n_records = [], 0
    for record, cells in enumerate(reader):
        if record and cells:
            n_records += 1
            if len(cells) != 3:
                expected.append((record - 1, len(cells)))
    assert found.n_records == n_records
    assert [(ragged.record, ragged.n_cells) for ragged in found.ragged] == expected
    assert found.well_quoted


@pytest.mark.parametrize("block", [1, 2, 7, 100])
def test_it_names_the_line_a_broken_record_begins_on(block):
    text = 'a,b,c\n"1\n2",2,3\n\n1,2\n"x\r\n\r\ny",2,3,4\n1,2,3'
    found = survey(text, block=block)
    assert found.ragged == [Ragged(2, 5, 2), Ragged(3, 6, 4)]
    assert found.n_records == 4


@pytest.mark.parametrize(
    "text",
    ['a,b,c\n7" mix,2,3\n', 'a,b,c\n"x" y,2,3\n', 'a,b,c\n"1,2,3\n', 'a,b,c\n1, "2",3\n'],
)
@pytest.mark.parametrize("block", [1, 3, 100])
def test_quotes_out_of_place_are_seen(text, block):
    assert not survey(text, block=block).well_quoted
    assert survey(text, block=block, quoted=False).well_quoted


def test_a_byte_order_mark_is_no_part_of_the_first_cell():
    assert survey("\ufeff" + '"a","b","c"\n1,2,3\n').well_quoted
