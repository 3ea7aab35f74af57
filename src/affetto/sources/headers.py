"""Which column of a table holds what: a feature, a part of a track's identity, a row count.

By name first (`affetto.features.feature_of_column`, `affetto.tracks.identity_of_column`, and
the column names of Exportify in ten languages), then by value where a column has no name.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import polars as pl

from affetto.features import FEATURE_NAMES, feature_of_column, normalise_column
from affetto.sources.notes import Note
from affetto.tracks import (
    ERROR_COLUMN,
    IDENTITY_COLUMNS,
    identity_of_column,
    looks_like_track_id,
)

UNNAMED = re.compile(r"^\s*$|^Unnamed: \d+(\.\d+)*$")
"""A column without a name, also as pandas writes it."""

_PATTERN = re.compile(r"^\*$|^\^.*\$$", re.DOTALL)
"""A name that Polars takes for a pattern over many columns."""

_WORDS_OF = (
    "id", "title", "artist", "album", "duration_ms",
    "danceability", "energy", "loudness", "speechiness", "acousticness", "instrumentalness",
    "liveness", "valence", "tempo",
)  # fmt: skip

# Column names of exportify.app, whose header follows the language of the browser. Such words
# as "Volume" mean a feature only beside others of their language: see `_language_of`.
_LANGUAGES = {
    "German": "Track-URI|Track-Name|Künstlername(n)|Album-Name|Track-Dauer (ms)|Tanzbarkeit|"
    "Energie|Lautstärke|Sprachanteil|Akustik|Instrumentalität|Lebendigkeit|Valenz|Tempo",
    "French": "URI du titre|Nom du titre|Nom(s) de l'artiste|Nom de l'album|Durée du titre (ms)|"
    "Danseabilité|Énergie|Volume sonore|Parlabilité|Acoustique|Instrumental|Vivacité|Valence|"
    "Tempo",
    "Spanish": "URI de la canción|Nombre de la canción|Nombre(s) del artista|Nombre del álbum|"
    "Duración de la canción (ms)|Bailabilidad|Energía|Volumen|Hablado|Acústica|"
    "Instrumentalidad|Vivacidad|Valencia|Tempo",
    "Italian": "URI della traccia|Nome della traccia|Nome dell'artista|Nome dell'album|"
    "Durata della traccia (ms)|Ballabilità|Energia|Volume|Linguaggio parlato|Acustica|"
    "Strumentalità|Vivacità|Valenza|Tempo",
    "Portuguese": "URI da faixa|Nome da faixa|Nome(s) do artista|Nome do álbum|"
    "Duração da faixa (ms)|Dançabilidade|Energia|Volume|Oralidade|Acústica|Instrumentalidade|"
    "Vivacidade|Valência|Tempo",
    "Dutch": "Nummer URI|Nummernaam|Naam van artiest|Naam van album|Nummerduur (ms)|"
    "Dansbaarheid|Energie|Luidheid|Spraakzaamheid|Akoestiek|Instrumentaliteit|Levendigheid|"
    "Valentie|Tempo",
    "Swedish": "Låtens URI|Låtens namn|Artistens namn|Albumets namn|Låtlängd (ms)|Dansbarhet|"
    "Energi|Ljudstyrka|Talighet|Akustik|Instrumentalhet|Livlighet|Valens|Tempo",
    "Turkish": "Parça URI|Parça Adı|Sanatçı Adı|Albüm Adı|Parça Süresi (ms)|Dans Edilebilirlik|"
    "Enerji|Ses Seviyesi|Konuşma Oranı|Akustiklik|Enstrümantalite|Canlılık|Duygusallık|Tempo",
    "Greek": "URI κομματιού|Όνομα κομματιού|Όνομα/τα καλλιτέχνη|Όνομα άλμπουμ|"
    "Διάρκεια κομματιού (ms)|Χορευτικότητα|Ενέργεια|Ένταση|Ομιλητικότητα|Ακουστικότητα|"
    "Οργανοκεντρικότητα|Ζωντάνια|Θετικότητα|Ρυθμός",
    "Japanese": "トラックURI|トラック名|アーティスト名|アルバム名|トラックの長さ（ミリ秒）|"
    "ダンサビリティ|エネルギー|ラウドネス|スピーチ性|アコースティック性|インストゥルメンタル性|"
    "ライブ感|感情値|テンポ",
}


def _fold(column: str) -> str:
    return " ".join(re.findall(r"\w+", column.casefold()))


_BY_LANGUAGE = MappingProxyType(
    {
        language: dict(zip(map(_fold, words.split("|")), _WORDS_OF, strict=True))
        for language, words in _LANGUAGES.items()
    }
)


@dataclass(frozen=True, slots=True)
class Plan:
    """How the columns of a source become those of a track table.

    Attributes
    ----------
    renames : tuple of (str, str)
        Name in the source and name in the table, in the source's order; a column that only
        counts rows is left out.
    features, identities : mapping of str to str
        Canonical name → name in the source.
    notes : tuple of Note
    """

    renames: tuple[tuple[str, str], ...]
    features: Mapping[str, str]
    identities: Mapping[str, str]
    notes: tuple[Note, ...]


def count_features(columns: Iterable[str]) -> int:
    """Count how many of the ten features a line of column names would hold."""
    columns = list(columns)
    _, localised = _language_of(columns)
    found = {feature_of_column(column) or localised.get(column) for column in columns}
    return len(found.intersection(FEATURE_NAMES))


def plan_columns(schema: Mapping[str, pl.DataType], sample: pl.DataFrame) -> Plan:
    """Decide what each column of a source holds and what it is called from here on.

    Where two columns name the same thing, the fuller one is taken (over the sample, to a
    tenth), then the one whose name is canonical, then the one whose name says more
    (``track_name`` before ``name``), then the first; the other keeps its own name.

    Parameters
    ----------
    schema : mapping of str to polars data type
        The source's columns, in order.
    sample : polars.DataFrame
        Rows of the source, its columns as in `schema`.

    Returns
    -------
    Plan
        `Plan.features` is empty where no column is a feature.
    """
    notes: list[Note] = []
    language, localised = _language_of(schema)
    if language:
        notes.append(Note("header", f"The column names are read as {language}."))
    candidates: dict[str, list[tuple[tuple[float, ...], str]]] = {}
    counters: list[str] = []
    for position, (column, dtype) in enumerate(schema.items()):
        # Polars takes some names for patterns, even when it is asked about a single column.
        cells = sample.to_series(position).alias("cells")
        by_value = False
        target = _target(column, dtype) or localised.get(column)
        if target is None and UNNAMED.match(column):
            if _counts_rows(cells):
                counters.append(column)
                continue
            by_value = _holds_track_ids(cells)
        elif target is None and "id" not in candidates:
            by_value = _holds_track_ids(cells, links_only=True)
        if by_value:
            target = "id"
        if target:
            rank = _rank(column, target, cells, position, by_value)
            candidates.setdefault(target, []).append((rank, column))
    taken = {target: min(ranked)[1] for target, ranked in candidates.items()}
    notes += _tell(schema, candidates, taken, counters)
    return Plan(
        renames=_final_names(schema, counters, taken, notes),
        features={name: taken[name] for name in FEATURE_NAMES if name in taken},
        identities={name: column for name, column in taken.items() if name not in FEATURE_NAMES},
        notes=tuple(notes),
    )


def _target(column: str, dtype: pl.DataType) -> str | None:
    """Name the feature or identity that a column's name means, if its cells can hold one."""
    if isinstance(dtype, pl.List) and dtype.inner == pl.String:
        # Some sources keep several artists as a list; no other part of a track is one.
        return "artist" if identity_of_column(column) == "artist" else None
    if dtype.is_nested() or isinstance(dtype, pl.Binary | pl.Object):
        return None
    return feature_of_column(column) or identity_of_column(column)


def _language_of(columns: Iterable[str]) -> tuple[str | None, dict[str, str]]:
    """Find the language of a header, and what its columns mean in it.

    Three features that English does not know must be named, since single words mislead
    ("Volume", "Instrumental"). What names a track or its length is a phrase that means nothing
    else: two of those suffice, for themselves alone.
    """
    foreign = {
        column: _fold(column)
        for column in columns
        if not feature_of_column(column) and not identity_of_column(column)
    }
    best: tuple[tuple[int, int], str | None, dict[str, str]] = ((0, 1), None, {})
    for language, words in _BY_LANGUAGE.items():
        meant = {column: words[folded] for column, folded in foreign.items() if folded in words}
        n_features = sum(target in FEATURE_NAMES for target in meant.values())
        if n_features < 3:
            n_features = 0
            phrases = {*IDENTITY_COLUMNS, "duration_ms"}
            meant = {column: target for column, target in meant.items() if target in phrases}
        if (n_features, len(meant)) > best[0]:
            best = ((n_features, len(meant)), language, meant)
    return best[1], best[2]


def _rank(
    column: str, target: str, cells: pl.Series, position: int, by_value: bool
) -> tuple[float, ...]:
    name = normalise_column(column)
    exactness = 3 if by_value else 0 if column == target else 1 if name == target else 2
    return (-round(_fullness(cells), 1), exactness, -len(name), position)


def _fullness(cells: pl.Series) -> float:
    if cells.is_empty():
        return 0.0
    filled = cells.is_not_null()
    if cells.dtype == pl.String:
        filled &= cells.str.strip_chars() != ""
    elif cells.dtype.is_float():
        filled &= cells.is_not_nan()
    return float(filled.fill_null(value=False).sum()) / len(cells)


def _counts_rows(cells: pl.Series) -> bool:
    """Whether cells are 0, 1, 2… or 1, 2, 3…, perhaps starting anew where tables were joined.

    A wholly empty column (a separator too many on every line) holds as little.
    """
    if _fullness(cells) == 0:
        return True
    if not (cells.dtype == pl.String or cells.dtype.is_numeric()):
        return False
    numbers = cells.cast(pl.Float64, strict=False)
    if numbers.null_count() or numbers[0] not in {0, 1}:
        return False
    steps = numbers.diff().drop_nulls()
    return bool(((steps == 1) | numbers[1:].is_in([0.0, 1.0])).all())


def _holds_track_ids(cells: pl.Series, *, links_only: bool = False) -> bool:
    """Whether nine cells in ten are track ids (of a named column: full URIs or URLs)."""
    if cells.dtype != pl.String:
        return False
    texts = cells.drop_nulls().head(200).to_list()
    hits = sum(
        looks_like_track_id(text) and (not links_only or ":" in text or "/" in text)
        for text in texts
    )
    return hits > 0 and hits >= 0.9 * len(texts)


def _final_names(
    columns: Iterable[str], left_out: list[str], taken: Mapping[str, str], notes: list[Note]
) -> tuple[tuple[str, str], ...]:
    """Give canonical names to the columns taken; keep all others apart from those."""
    canonical = {column: target for target, column in taken.items()}
    used = {*taken, ERROR_COLUMN}
    names: list[tuple[str, str]] = []
    for position, column in enumerate(columns, start=1):
        if column in left_out:
            continue
        name = canonical.get(column)
        if name is None:
            nameless = UNNAMED.match(column) or _PATTERN.match(column)
            wanted = f"column_{position}" if nameless else column
            if wanted == ERROR_COLUMN:
                wanted = f"source_{ERROR_COLUMN}"
            name = unique_name(wanted, used)
            if name != column:
                shown = f"column {column!r}" if column.strip() else "an unnamed column"
                notes.append(Note("column", f"{shown[0].upper()}{shown[1:]} is called {name!r}."))
        used.add(name)
        names.append((column, name))
    return tuple(names)


def unique_name(wanted: str, used: Iterable[str]) -> str:
    """Return `wanted`, or `wanted` with the first number that makes it differ from `used`."""
    name, number = wanted, 2
    while name in used:
        name, number = f"{wanted}_{number}", number + 1
    return name


def _tell(
    schema: Mapping[str, pl.DataType],
    candidates: Mapping[str, list[tuple[tuple[float, ...], str]]],
    taken: Mapping[str, str],
    counters: list[str],
) -> list[Note]:
    notes = []
    renamed = [
        f"{'the unnamed column' if UNNAMED.match(column) else repr(column)} as {target}"
        for target, column in taken.items()
        if normalise_column(column) != target
    ]
    if renamed:
        notes.append(Note("column", f"Read {', '.join(renamed)}."))
    for target, ranked in candidates.items():
        others = [repr(column) for _, column in sorted(ranked)[1:]]
        if others:
            notes.append(
                Note(
                    "column",
                    f"{', '.join(others)} could be {target} too: {taken[target]!r} is used, "
                    "being the fuller or more exact.",
                )
            )
    positions = [str(list(schema).index(column) + 1) for column in counters]
    if positions:
        notes.append(
            Note(
                "column",
                f"Left out unnamed column {', '.join(positions)}, which only counts the rows or "
                "is empty.",
            )
        )
    missing = [name for name in FEATURE_NAMES if name not in taken]
    if missing and len(missing) < len(FEATURE_NAMES):
        notes.append(Note("missing_feature", f"There is no column for {', '.join(missing)}."))
    return notes
