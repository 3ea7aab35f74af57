"""Mixes: the rules are kept, lengths are met, artists are spread, a seed is a promise."""

from collections import Counter
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affetto.errors import UsageError
from affetto.library.entry import Entry
from affetto.library.mixes import Rules, artist_key, mix, mood_playlist, nearest_length, spread


def track(number, mood="Happy", *, artist=None, tempo=120.0, minutes=3.0, **more):
    features = {"tempo": tempo, "duration_ms": minutes and 60_000.0 * minutes}
    more = {"model_mood": mood, "confidence": 0.5} | more
    return Entry(number, f"/m/{number}.mp3", artist=artist, features=features, mood=mood, **more)


def library(n=60, n_artists=6):
    moods = ("Happy", "Dark", "Relaxing")
    return [
        track(
            number,
            moods[number % 3],
            artist=f"Artist {number % n_artists}",
            tempo=60.0 + number,
            minutes=2 + number % 7 / 3,
            confidence=number % 10 / 10,
        )
        for number in range(n)
    ]


def least_gap(keys):
    """Tracks between the nearest two of one key; None where none comes twice."""
    places = {}
    gaps = []
    for place, key in enumerate(keys):
        if key in places:
            gaps.append(place - places[key] - 1)
        places[key] = place
    return min(gaps, default=None)


def test_a_mix_keeps_every_rule():
    rules = Rules(("Happy", "Dark"), 0.3, 70, 110, n=6, per_artist=2, artist_gap=2)
    made = mix(library(), rules, seed=3)
    assert len(made.entries) == 6 and made.note is None
    assert {entry.mood for entry in made.entries} <= {"Happy", "Dark"}
    assert all(entry.confidence >= 0.3 for entry in made.entries)
    assert all(70 <= entry.features["tempo"] <= 110 for entry in made.entries)
    artists = [entry.artist for entry in made.entries]
    assert max(Counter(artists).values()) <= 2
    assert made.n_matching == sum(map(rules.accept, library()))


def test_the_bounds_of_the_tempo_belong_to_it():
    tracks = [
        track(1, tempo=90.0),
        track(2, tempo=100.0),
        track(3, tempo=100.1),
        track(4, tempo=None),
    ]
    made = mix(tracks, Rules(min_tempo=90, max_tempo=100))
    assert {entry.id for entry in made.entries} == {1, 2}
    assert {entry.id for entry in mix(tracks, Rules(max_tempo=95)).entries} == {1}


def test_what_is_not_labelled_is_in_no_mix():
    tracks = [track(1), track(2, None), track(3, state="missing"), track(4, state="failed")]
    assert [entry.id for entry in mix(tracks, Rules()).entries] == [1]


def test_the_users_own_label_is_sure():
    tracks = [track(1, confidence=0.2, own_mood="Happy"), track(2, confidence=0.2)]
    assert [entry.id for entry in mix(tracks, Rules(min_confidence=0.9)).entries] == [1]


def test_a_seed_gives_the_same_mix_whatever_the_order_of_the_tracks():
    rules = Rules(n=20)
    first = mix(library(), rules, seed=1)
    assert mix(reversed(library()), rules, seed=1) == first
    assert mix(library(), rules, seed=2).entries != first.entries


@pytest.mark.parametrize("minutes", [7, 31, 60])
def test_a_length_is_met_to_the_second(minutes):
    draw = np.random.default_rng(0)
    tracks = [track(n, minutes=2 + 4 * draw.random()) for n in range(300)]
    made = mix(tracks, Rules(minutes=minutes), seed=5)
    assert made.minutes == pytest.approx(minutes, abs=1 / 60)
    assert made.note is None


def test_no_track_without_length_is_in_a_mix_of_some_length():
    made = mix([track(1, minutes=None), track(2)], Rules(minutes=3))
    assert [entry.id for entry in made.entries] == [2]
    assert made.minutes == pytest.approx(3)


@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=9),
    st.integers(1, 120),
)
@settings(max_examples=40, deadline=None)
def test_no_single_exchange_comes_nearer(lengths, target):
    chosen = nearest_length(np.array(lengths, float), float(target))
    assert chosen == sorted(set(chosen)) and chosen
    error = abs(sum(lengths[k] for k in chosen) - target)
    rest = [k for k in range(len(lengths)) if k not in chosen]
    for leave in [None, *chosen]:
        for join in [None, *rest]:
            other = [k for k in chosen if k != leave] + ([] if join is None else [join])
            if other:
                assert abs(sum(lengths[k] for k in other) - target) >= error


@given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=7), st.integers(0, 4))
@settings(max_examples=40, deadline=None)
def test_no_order_keeps_a_wider_gap(keys, gap):
    found = spread(list(enumerate(keys)), keys, gap)
    assert sorted(found) == list(enumerate(keys))
    best = max((least_gap(order) or 0) for order in set(permutations(keys)))
    possible = least_gap([key for _, key in found])
    assert possible is None or possible >= min(gap, best)


def test_artists_come_again_late_in_a_long_list():
    keys = [f"artist {min(n % 17, n % 5)}" for n in range(5000)]
    order = spread(keys, keys, 3)
    assert least_gap(order) >= 3
    for key, n in Counter(keys).items():  # each throughout, not in a heap
        places = [place for place, other in enumerate(order) if other == key]
        assert np.mean(places) == pytest.approx(2500, abs=5000 / n + 50)


def test_spellings_of_an_artist_are_one_and_nobody_is_nobody():
    one = {
        artist_key(track(n, artist=name))
        for n, name in enumerate(("Björk", "bjork", "Björk feat. X"))
    }
    assert len(one) == 1
    nobody = {
        artist_key(track(n, artist=name)) for n, name in enumerate((None, "", "Various Artists"))
    }
    assert len(nobody) == 3


def test_a_mood_playlist_has_all_tracks_or_the_surest():
    tracks = library()
    assert len(mood_playlist(tracks, "Dark").entries) == 20
    few = mood_playlist(tracks, "Dark", 5)
    rest = {entry.id for entry in tracks if entry.mood == "Dark"} - {e.id for e in few.entries}
    assert min(entry.confidence for entry in few.entries) >= max(tracks[n].confidence for n in rest)


def test_too_few_tracks_are_told():
    tracks = [track(n, artist="One", minutes=4) for n in range(3)]
    assert mix(tracks, Rules(n=5)).note == "asked for 5 tracks; 3 tracks meet the rules"
    assert mix(tracks, Rules(n=5, per_artist=1)).note == (
        "asked for 5 tracks; 1 track meets the rules (of 3, at most 1 an artist)"
    )
    made = mix(tracks, Rules(minutes=60))
    assert (len(made.entries), made.note) == (
        3, "asked for 60 minutes; 3 tracks meet the rules, 12.0 minutes in all",
    )  # fmt: skip
    nothing = mood_playlist(tracks, "Dark")
    assert (nothing.entries, nothing.minutes, nothing.note) == ((), 0, "no track meets the rules")
    assert mix([], Rules(minutes=3)).entries == ()


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"n": 3, "minutes": 10}, "tracks or a length in minutes, not both"),
        ({"n": 0}, "found 0 as the number of tracks; expected 1 or more"),
        ({"per_artist": 0}, "found 0 as the number of tracks an artist"),
        ({"artist_gap": -1}, "found -1 as the gap"),
        ({"minutes": 0.0}, "found 0 as the length in minutes"),
        ({"minutes": float("nan")}, "found nan as the length"),
        ({"min_confidence": 50}, "found 50 as the least confidence; expected 0–1"),
        ({"min_tempo": -5}, "a tempo that is none"),
        ({"min_tempo": 130, "max_tempo": 90}, "exchange the two"),
    ],
)
def test_rules_that_cannot_be_met_are_refused(rules, said):
    with pytest.raises(UsageError, match=said):
        Rules(**rules)
