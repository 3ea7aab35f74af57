"""Lists of tracks: what is looked for is found, sorted as people sort, the same at any depth."""

import random

import numpy as np
import pytest

from affetto.errors import UsageError
from affetto.features import FEATURE_NAMES
from affetto.library import index, store
from affetto.library.catalogue import Catalogue
from affetto.library.query import SORTS, Query
from affetto.library.scan import scan
from affetto.library.store import Stamp

N = 150
WORDS = (
    "Café",
    "del",
    "Mar",
    "Ünder",
    "the",
    "Bridge",
    "naïve",
    "東京",
    "Song",
    "2",
    "10",
    "AC/DC",
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory):
    """A hundred and fifty made-up tracks, some without artist, tempo or mood."""
    folder = tmp_path_factory.mktemp("library")
    rng = random.Random(1)
    (folder / "music").mkdir()
    with Catalogue.open(folder / "library.db") as catalogue:
        root = catalogue.add_folder(folder / "music")
        names = [f"{root.path}/album {i % 20}/{i}.mp3" for i in range(N)]
        with catalogue.writing() as db:
            store.add_waiting(
                db, root.id, root.path, [(n, Stamp(1, i, i)) for i, n in enumerate(names)]
            )
        catalogue.refresh_labels()
        model, heard = catalogue.model(), []
        for ident in range(1, N + 1):
            told = {
                "audio_hash": f"a{ident:040x}",
                "title": " ".join(rng.sample(WORDS, 3)),
                "artist": rng.choice([None, "Zoë", "abe", "Cher"]),
                "album": rng.choice([None, "First", "Second"]),
                "features": {name: round(rng.random(), 3) for name in FEATURE_NAMES}
                | {"tempo": rng.choice([None, rng.uniform(60, 180)])}
                | {"duration_ms": rng.uniform(1e5, 4e5)},
            }
            heard.append((ident, Stamp(1, 1, ident), told))
        with catalogue.writing() as db:
            for one in heard:
                store.record_heard(db, *one, model, is_excerpt=False, version=1)
        for ident in range(3, N, 50):
            catalogue.correct(ident, "Mine")
        with catalogue.writing() as db:
            store.record_missing(db, [5, 6])
            store.record_failed(db, 7, Stamp(1, 1, 7), "is empty", None)
        yield catalogue


@pytest.fixture(scope="module")
def entries(made):
    return list(made.every(Query(states=())))


KEYS = {
    "confidence": lambda e: e.confidence,
    "tempo": lambda e: e.features.get("tempo"),
    "energy": lambda e: e.features.get("energy"),
    "valence": lambda e: e.features.get("valence"),
    "duration": lambda e: e.duration_ms,
    "added": lambda e: e.added_at,
    "mood": lambda e: e.mood,
    "artist": lambda e: e.artist and store._sort_key(e.artist),
    "album": lambda e: e.album and store._sort_key(e.album),
    "title": lambda e: store._sort_key(e.name),
}


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("sort", SORTS)
def test_sorted_both_ways_with_unknowns_last(made, sort, descending):
    found = list(made.every(Query(states=(), sort=sort, descending=descending)))
    values = [KEYS[sort](entry) for entry in found]
    known = [value for value in values if value is not None]
    assert known == sorted(known, reverse=descending)
    assert values[: len(known)] == known
    assert len(found) == N


@pytest.mark.parametrize("sort", ["title", "artist", "mood", "tempo", "added"])
def test_pages_put_together_are_the_list(made, sort):
    whole = [e.id for e in made.every(Query(sort=sort))]
    pages = [made.tracks(Query(sort=sort, offset=k, limit=37)) for k in range(0, N, 37)]
    assert [entry.id for page in pages for entry in page.entries] == whole
    assert {page.total for page in pages} == {N - 3} == {len(set(whole))}
    assert made.tracks(Query(offset=N, limit=5)).entries == []
    assert made.tracks(Query(limit=0)).entries == []


def test_titles_are_sorted_as_people_sort(tmp_path):
    names = ["10", "2", "Ärger", "apple", "Zoo", "zebra 10", "zebra 9"]
    keys = sorted(names, key=store._sort_key)
    assert keys == ["2", "10", "apple", "Ärger", "zebra 9", "zebra 10", "Zoo"]


@pytest.mark.parametrize(
    ("search", "fits"),
    [
        ("cafe", lambda e: "Café" in e.title),
        ("CAFÉ mar", lambda e: "Café" in e.title and "Mar" in e.title),
        ("ridg", lambda e: "Bridge" in e.title),
        ("br", lambda e: "Bridge" in e.title),
        ("ri", lambda e: False),
        ("naive", lambda e: "naïve" in e.title),
        ("zo", lambda e: e.artist == "Zoë"),
        ("ac/dc", lambda e: "AC/DC" in e.title),
        ("album first", lambda e: e.album == "First"),
        ("東京", lambda e: "東京" in e.title),
        ("京", lambda e: "東京" in e.title),
        ("", lambda e: True),
        ("  ", lambda e: True),
        ("%", lambda e: False),
        ("' OR 1=1 --", lambda e: False),
        ('"', lambda e: False),
        ("under_", lambda e: False),
    ],
)
def test_every_word_must_occur(made, entries, search, fits):
    expected = {entry.id for entry in entries if entry.title and fits(entry)}
    found = {entry.id for entry in made.every(Query(search=search, states=()))}
    assert found == expected | ({7} if search.strip() == "" else found & {7})


def test_paths_below_the_folder_are_searched(made):
    assert made.tracks(Query(search="17 mp3", states=())).total >= 1
    assert made.tracks(Query(search="library")).total == 0  # the folder's own path is not


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ({"moods": ("Mine",)}, lambda e: e.mood == "Mine"),
        ({"moods": ("Mine", "Happy")}, lambda e: e.mood in ("Mine", "Happy")),
        ({"moods": ("No such",)}, lambda e: False),
        ({"min_confidence": 0.5}, lambda e: (e.confidence or 0) >= 0.5),
        ({"max_confidence": 0.5}, lambda e: e.confidence is not None and e.confidence <= 0.5),
        (
            {"min_tempo": 100, "max_tempo": 120},
            lambda e: 100 <= (e.features.get("tempo") or 0) <= 120,
        ),
        ({"corrected": True}, lambda e: e.own_mood is not None),
        ({"corrected": False}, lambda e: e.own_mood is None),
        ({"ids": [3, 5, 9, 9999]}, lambda e: e.id in (3, 9)),
        ({"ids": []}, lambda e: False),
        ({"states": ("missing",)}, lambda e: e.state == "missing"),
        ({"states": ("failed", "missing")}, lambda e: e.state in ("failed", "missing")),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)  # fmt: skip
def test_filters(made, entries, query, fits):
    states = query.get("states", ("done",))
    expected = {entry.id for entry in entries if entry.state in states and fits(entry)}
    assert {entry.id for entry in made.every(Query(**query))} == expected


def test_a_folder_is_not_its_namesake(made, entries):
    root = made.folders()[0].path
    found = {e.id for e in made.every(Query(folder=f"{root}/album 1"))}
    assert found == {e.id for e in entries if "/album 1/" in e.path and e.state == "done"}


def test_points_are_the_tracks(made):
    points = made.points(Query(search="cafe"))
    entries = {entry.id: entry for entry in made.every(Query(search="cafe"))}
    assert points.ids.tolist() == sorted(entries)
    assert points.moods == tuple(
        sorted({e.mood for e in entries.values() if e.mood}, key=points.moods.index)
    )
    for ident, valence, energy, sure, mood in zip(
        points.ids, points.valence, points.energy, points.confidence, points.mood, strict=True
    ):
        entry = entries[int(ident)]
        assert valence == pytest.approx(entry.features["valence"], abs=1e-6)
        assert energy == pytest.approx(entry.features["energy"], abs=1e-6)
        assert (
            np.isnan(sure) if entry.confidence is None else sure == pytest.approx(entry.confidence)
        )
        assert (None if mood < 0 else points.moods[mood]) == entry.mood


def test_no_points(made):
    points = made.points(Query(search="no such track"))
    assert points.ids.shape == points.mood.shape == (0,) and points.moods == ()


def test_what_cannot_be_asked_is_refused():
    with pytest.raises(UsageError, match=r"cannot sort by 'colour'; expected one of title, artist"):
        Query(sort="colour")
    with pytest.raises(UsageError, match="no state 'gone'"):
        Query(states=("gone",))
    with pytest.raises(UsageError, match="expected 0 or more"):
        Query(offset=-1)


# --- Keeping up ----------------------------------------------------------------------------


def test_only_what_changed_is_read_again(library, monkeypatch):
    library.tracks()
    reads = []
    read = index._read
    monkeypatch.setattr(
        index, "_read", lambda db, since=None: reads.append(since) or read(db, since)
    )
    library.correct(1, "Mine")
    with Catalogue.open(library.path) as other:  # another connection, the same process
        assert other.tracks(Query(moods=("Mine",))).total == 1
        assert library.tracks(Query(moods=("Mine",))).total == 1
        other.forget(other.track(1).path)
    assert library.tracks(Query(states=())).total == 2
    assert len(reads) == 2 and None not in reads


def test_an_order_that_is_mended_is_the_one_sorted_anew(library, music, tone):
    """Changes at random, and lists in between: mended orders are exactly those of a new index."""
    for seed in range(30):
        tone(music / f"{seed % 7} {seed}.wav", 100 + seed // 2, title=f"T{seed % 5}")
    scan(library)
    rng = random.Random(3)
    keys = [(sort, descending) for sort in SORTS for descending in (False, True)]
    for _ in range(25):
        for _ in range(rng.randint(1, 3)):
            ident = rng.choice([e.id for e in library.every(Query(states=()))])
            if rng.random() < 0.15:
                library.forget(library.track(ident).path)
            else:
                library.correct(ident, rng.choice(["Mine", "Happy", None, "Other"]))
        for key in rng.sample(keys, 6):
            with library.reading() as db:
                kept = index.current(db)
                anew = index.Index(kept.identity, kept.seq, index._read(db))
            assert kept.frame.equals(anew.frame)
            kept_order = kept._order(key[0], descending=key[1])
            assert kept_order.tolist() == anew._sorted(key).tolist(), key


def test_a_long_log_is_read_anew(library, monkeypatch):
    library.tracks()
    monkeypatch.setattr(index, "_MANY", 2)
    for ident in (1, 2, 3):
        library.correct(ident, "Mine")
    assert library.tracks(Query(moods=("Mine",))).total == 3


def test_a_log_cut_off_is_noticed(library, monkeypatch):
    library.tracks()
    library.correct(1, "Mine")
    library.correct(1, "Yours")
    monkeypatch.setattr(store, "_LOG_LENGTH", 1)
    with library.writing() as db:
        store.prune_log(db)
    assert library.tracks(Query(moods=("Yours",))).total == 1


def test_another_database_under_the_same_name_is_another(library, tmp_path):
    assert library.tracks().total == 3
    library.close()
    for file in tmp_path.glob("library.db*"):
        file.unlink()
    with Catalogue.open(tmp_path / "library.db") as fresh:
        assert fresh.tracks().total == 0
