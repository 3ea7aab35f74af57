"""In which units a table's features stand, decided from a sample of its rows.

Values are converted only where no other reading is possible; where one is merely likely,
they stay as they are and a note says what they look like. The rules, with the median taken
over the finite values of the sample:

=============  ==========================================  ===================================
feature        found                                       done
=============  ==========================================  ===================================
duration_ms    the column's name says seconds              × 1000
duration_ms    the name says ms                            never touched
duration_ms    the name says nothing; the median is 20 s   × 1000
               to 2 h as seconds (so under 20 s as ms)
loudness       every value > 0, the median 2 to 40         sign turned
a share        the column *looks like 0–100*, and so does  ÷ 100, along with shares that hold
               another share, or its median is above 1     nothing but 0 and 1 (rounded per cent)
tempo,         all within 0 to 1                           a note: scaling to 0–1 cannot be
loudness,                                                  undone
duration_ms
any share      a tenth of the values below 0               a note: standardised values cannot be
                                                           undone; nothing else is converted
=============  ==========================================  ===================================

A column looks like 0–100 when no value is below 0 or above 100 and at least half of its
values other than 0 are above 1; one of the columns must also reach 10. Both keep a few
mistyped cells from dividing a sound table by 100.
"""

import re
from collections.abc import Mapping
from typing import Literal, cast

import polars as pl

from affetto.features import BY_NAME, FEATURE_NAMES, FEATURES, normalise_column
from affetto.sources.notes import Note

Conversion = Literal["seconds", "percent", "sign"]
"""A recognised mistake of unit: seconds for ms, 0–100 for 0–1, loudness without its minus."""

SHARES: tuple[str, ...] = tuple(feature.name for feature in FEATURES if feature.is_share)

_Decision = tuple[dict[str, Conversion], list[Note]]
_Values = Mapping[str, pl.Series]

_SHORTEST_S, _LONGEST_S = 20.0, 7200.0
"""Medians of real collections of tracks lie well within these."""

_SAYS_SECONDS = re.compile(r"_s(ec(ond)?s?)?$")
_SAYS_MS = re.compile(r"_(ms(ecs?)?|millis(econds)?)$")


def recognise_units(
    sample: pl.DataFrame, sources: Mapping[str, str]
) -> tuple[dict[str, Conversion], list[Note]]:
    """Decide how each feature of a table is to be converted.

    Parameters
    ----------
    sample : polars.DataFrame
        Rows of the table; Float64 columns named as the features are.
    sources : mapping of str to str
        Feature → the name of its column in the source.

    Returns
    -------
    conversions : dict of str to Conversion
        Only the features that need one.
    notes : list of Note
        One for each conversion and each doubt.
    """
    values = {
        name: column
        for name in FEATURE_NAMES
        if name in sample.columns and not (column := _finite(sample[name])).is_empty()
    }
    standardised = [
        name
        for name in SHARES
        if name in values and 10 * _count(values[name] < 0) >= len(values[name])
    ]
    if standardised:
        return {}, [
            Note(
                "unit",
                f"{_join(standardised)} {_reach(standardised)} below 0: is this table standardised "
                "(mean 0, spread 1)? That cannot be undone here; affetto needs the original ones.",
            )
        ]
    conversions: dict[str, Conversion] = {}
    notes: list[Note] = []
    for decide in (_scaled_to_one, _duration, _loudness, _shares):
        found, said = decide(values, sources)
        conversions |= found
        notes += said
    return conversions, notes


def convert(value: pl.Expr, conversion: Conversion) -> pl.Expr:
    """Apply a conversion that `recognise_units` decided on."""
    match conversion:
        case "seconds":
            return value * 1000.0
        case "percent":
            return value / 100.0
        case "sign":
            return -value


def _scaled_to_one(values: _Values, _: Mapping[str, str]) -> _Decision:
    scaled = [name for name in ("tempo", "loudness", "duration_ms") if _within_one(values, name)]
    if not scaled:
        return {}, []
    examples = _join([f"{name} {_median(values[name]):.3g}" for name in scaled])
    ranges = _join([f"{name} in {BY_NAME[name].unit}" for name in scaled])
    return {}, [
        Note(
            "unit",
            f"{examples} (medians): is this table scaled to 0–1? That cannot be undone here; "
            f"affetto needs {ranges}.",
        )
    ]


def _duration(values: _Values, sources: Mapping[str, str]) -> _Decision:
    if "duration_ms" not in values or _within_one(values, "duration_ms"):
        return {}, []
    column = sources["duration_ms"]
    name = normalise_column(column)
    median = _median(values["duration_ms"])
    like_seconds = _SHORTEST_S <= median <= _LONGEST_S
    like_ms = _SHORTEST_S * 1000 <= median <= _LONGEST_S * 1000
    if _SAYS_MS.search(name):
        doubt = "looks like seconds" if like_seconds else ""
    elif _SAYS_SECONDS.search(name):
        if not like_ms:
            return {"duration_ms": "seconds"}, [
                Note("unit", f"{column!r} is in seconds by its name: converted to ms.")
            ]
        doubt = "looks like ms though its name says seconds"
    elif like_seconds:
        return {"duration_ms": "seconds"}, [
            Note("unit", f"{column!r} is in seconds (median {median:.4g}): converted to ms.")
        ]
    else:
        doubt = "" if like_ms else "is an unlikely length in ms"
    if not doubt:
        return {}, []
    return {}, [
        Note("unit", f"{column!r} {doubt} (median {median:.4g}): read as ms; please check.")
    ]


def _loudness(values: _Values, sources: Mapping[str, str]) -> _Decision:
    if "loudness" not in values or _within_one(values, "loudness"):
        return {}, []
    column, loudness = sources["loudness"], values["loudness"]
    median = _median(loudness)
    if not (loudness > 0).all():
        return {}, []
    if 2 <= median <= 40:
        return {"loudness": "sign"}, [
            Note("unit", f"{column!r} lacks its minus (median {median:.3g} dB): sign turned.")
        ]
    return {}, [
        Note(
            "unit",
            f"{column!r} is above 0 throughout (median {median:.3g}), where loudness is about "
            "−60 to 0 dB: left as it is; please check.",
        )
    ]


def _shares(values: _Values, sources: Mapping[str, str]) -> _Decision:
    shares = {name: values[name] for name in SHARES if name in values}
    percent = [name for name, column in shares.items() if _looks_percent(column)]
    several = len(percent) >= 2 or any(_median(shares[name]) > 1 for name in percent)
    if not several or not any(bool((shares[name] >= 10).any()) for name in percent):
        percent = []
    if percent:
        percent += [
            name
            for name, column in shares.items()
            if name not in percent and ((column == 0) | (column == 1)).all()
        ]
    notes = []
    if percent:
        columns = _join([repr(sources[name]) for name in SHARES if name in percent])
        notes.append(
            Note("unit", f"{columns} {_run(percent)} from 0 to 100: divided by 100, to 0–1.")
        )
    notes += [
        Note(
            "unit",
            f"{sources[name]!r} reaches {_max(column):.4g} (median {_median(column):.4g}), where "
            f"{name} is a share from 0 to 1: left as it is; please check.",
        )
        for name, column in shares.items()
        if name not in percent and _median(column) > 1
    ]
    return dict.fromkeys(percent, "percent"), notes


def _looks_percent(share: pl.Series) -> bool:
    if not bool(share.is_between(0, 100).all()) or not bool((share > 1).any()):
        return False
    nonzero = share.filter(share != 0)
    return 2 * _count(nonzero > 1) >= len(nonzero)


def _within_one(values: _Values, name: str) -> bool:
    if name not in values:
        return False
    return bool(values[name].is_between(0, 1).all()) and _median(values[name]) > 0


def _finite(column: pl.Series) -> pl.Series:
    return column.filter(column.is_finite())


def _median(column: pl.Series) -> float:
    return cast(float, column.median())


def _max(column: pl.Series) -> float:
    return cast(float, column.max())


def _count(flags: pl.Series) -> int:
    return int(flags.sum())


def _join(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _reach(names: list[str]) -> str:
    return "reaches" if len(names) == 1 else "reach"


def _run(names: list[str]) -> str:
    return "runs" if len(names) == 1 else "run"
