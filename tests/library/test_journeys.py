"""Journeys: from mood to mood, by short and even steps, on tracks whose places are known."""

import time

import numpy as np
import pytest

from affetto.errors import InputError, UsageError
from affetto.library.entry import Entry
from affetto.library.journeys import journey, places, unevenness, waypoints
from affetto.library.mixes import Rules
from affetto.moods import MOODS


def track(number, mood, valence, energy, *, artist=None, tempo=120.0, p=None):
    features = {"valence": valence, "energy": energy, "tempo": tempo, "duration_ms": 200_000.0}
    return Entry(number, f"/m/{number}.mp3", artist=artist, features=features, mood=mood, p=p or {})


def line(n=101, **more):
    """Tracks on a straight line from Dark at 0 to Happy at 1."""
    return [
        track(k, "Dark" if 2 * k < n else "Happy", k / (n - 1), k / (n - 1), **more)
        for k in range(n)
    ]


def library(n, seed=0, n_artists=400):
    """Tracks around the five moods' places, with the probabilities these places give."""
    draw = np.random.default_rng(seed)
    centres = np.array([[mood.valence, mood.arousal] for mood in MOODS])
    at = centres[draw.integers(len(MOODS), size=n)] + draw.normal(0, 0.45, (n, 2))
    shares = np.exp(-((at[:, None] - centres) ** 2).sum(axis=2) / 0.3)
    shares /= shares.sum(axis=1, keepdims=True)
    at, tempos = 1 / (1 + np.exp(-1.5 * at)), draw.uniform(60, 180, n)
    return [
        track(
            k,
            MOODS[int(shares[k].argmax())].name,
            *at[k].tolist(),
            artist=f"Artist {k % n_artists}",
            tempo=float(tempos[k]),
            p={mood.name: float(share) for mood, share in zip(MOODS, shares[k], strict=True)},
        )
        for k in range(n)
    ]


def steps_of(points):
    return np.linalg.norm(np.diff(points, axis=0), axis=1)


@pytest.mark.parametrize("n", [2, 3, 11])
def test_on_a_line_the_journey_is_straight_on_and_even(n):
    made = journey(line(), ["Dark", "Happy"], n)
    valences = [entry.features["valence"] for entry in made.entries]
    assert len(valences) == n and valences == sorted(valences)
    assert made.entries[0].mood == "Dark" and made.entries[-1].mood == "Happy"
    assert made.unevenness < 0.05
    # From middle to middle: the line's quarters.
    assert valences[0] == pytest.approx(0.25, abs=0.1)
    assert valences[-1] == pytest.approx(0.75, abs=0.1)


def test_the_way_back_is_the_way_there():
    there = journey(line(), ["Dark", "Happy"], 9)
    back = journey(line(), ["Happy", "Dark"], 9)
    assert there.mean_step == pytest.approx(back.mean_step, rel=0.05)
    assert [entry.mood for entry in back.entries][:4] == ["Happy"] * 4


@pytest.mark.parametrize("moods", [["Dark", "Happy"], ["Aggressive", "Relaxing"]])
@pytest.mark.parametrize("n_tracks", [300, 3000])
def test_shorter_and_more_even_than_by_chance_or_sorted(moods, n_tracks):
    tracks = library(n_tracks)
    made = journey(tracks, moods, 25)
    assert len({entry.id for entry in made.entries}) == 25
    points = places(tracks)
    assert steps_of(points[[entry.id for entry in made.entries]]).mean() < 0.75
    way = np.diff([points[[t.mood == mood for t in tracks]].mean(axis=0) for mood in moods], axis=0)
    by_chance, sorted_along = [], []
    for seed in range(20):
        chosen = np.random.default_rng(seed).choice(n_tracks, 25, replace=False)
        by_chance.append(steps_of(points[chosen]))
        sorted_along.append(steps_of(points[chosen[np.argsort(points[chosen] @ way[0])]]))
    for others in (by_chance, sorted_along):
        assert made.mean_step < np.mean(others) / 2.5
        assert made.unevenness < 0.9 * np.mean([unevenness(steps) for steps in others])


def test_through_a_third_mood():
    made = journey(library(1000), ["Dark", "Energetic", "Relaxing"], 15)
    moods = [entry.mood for entry in made.entries]
    assert (moods[0], moods[-1]) == ("Dark", "Relaxing")
    assert "Energetic" in moods[4:11]
    assert journey(line(), ["Dark", "Happy", "Dark"], 3).entries[1].mood == "Happy"


def test_artists_do_not_come_again_too_soon():
    rules = Rules(artist_gap=3, per_artist=3)
    made = journey(library(400, n_artists=12), ["Dark", "Happy"], 20, rules=rules)
    artists = [entry.artist for entry in made.entries]
    for gap in (1, 2, 3):
        assert all(first != then for first, then in zip(artists, artists[gap:], strict=False))
    assert max(map(artists.count, artists)) <= 3


def test_rules_hold_on_the_way():
    rules = Rules(min_tempo=100, max_tempo=130)
    made = journey(library(1000), ["Dark", "Happy"], 10, rules=rules)
    assert all(100 <= entry.features["tempo"] <= 130 for entry in made.entries)
    long = journey(library(500), ["Dark", "Happy"], rules=Rules(minutes=60))
    assert len(long.entries) == 18 and long.minutes == pytest.approx(60)


def test_a_seed_gives_the_same_journey_whatever_the_order_of_the_tracks():
    tracks = library(1500)
    first = journey(tracks, ["Dark", "Happy"], 12, seed=1)
    assert journey(tracks[::-1], ["Dark", "Happy"], 12, seed=1) == first
    assert journey(tracks, ["Dark", "Happy"], 12, seed=2).entries != first.entries


def test_tracks_without_a_place_or_a_mood_are_not_on_the_way():
    odd = [track(500, "Dark", None, 0.2), track(501, None, 0.5, 0.5), track(502, "Dark", 0.3, None)]
    made = journey([*line(9), *odd], ["Dark", "Happy"], 9)
    assert {entry.id for entry in made.entries} == set(range(9)) and made.n_matching == 9


def test_a_missing_tempo_stands_for_the_mean():
    tracks = [track(0, "Dark", 0, 0, tempo=None), track(1, "Dark", 0, 0, tempo=60.0)]
    tracks += [track(2, "Dark", 0, 0, tempo=240.0)]
    tempo = places(tracks)[:, 2]
    assert tempo[0] == pytest.approx(0) and tempo[2] == pytest.approx(-tempo[1])
    assert np.isfinite(places([track(0, "Dark", 0.5, 0.5, tempo=None)])).all()


def test_too_few_tracks_are_told():
    made = journey(line(6), ["Dark", "Happy"], 10)
    assert (len(made.entries), made.note) == (6, "asked for 10 tracks; 6 meet the rules")
    one = [track(k, "Dark" if k < 3 else "Happy", k / 6, 0.5, artist="One") for k in range(6)]
    made = journey(one, ["Dark", "Happy"], 4, rules=Rules(per_artist=2))
    assert len(made.entries) == 2
    assert made.note == "asked for 4 tracks; 6 meet the rules, at most 2 an artist"


@pytest.mark.parametrize(
    ("moods", "n", "said"),
    [
        (["Dark"], 5, r"found 1 mood\(s\) for a journey; expected from and to, as in Dark:Happy"),
        (["Dark"] * 4, 5, r"found 4 mood\(s\)"),
        (["Dark", "Dark"], 5, "to another one, not Dark to Dark"),
        (["Dark", "Happy"], 1, "found 1 tracks for a journey through 2 moods; expected 2 to 500"),
        (["Dark", "Happy", "Dark"], 2, "expected 3 to 500"),
        (["Dark", "Happy"], 501, "found 501 tracks"),
    ],
)
def test_a_journey_that_is_none_is_refused(moods, n, said):
    with pytest.raises(UsageError, match=said):
        journey(line(), moods, n)


def test_a_mood_that_no_track_has():
    with pytest.raises(
        InputError, match=r"through Relaxing: no track .*; there are Dark 5, Happy 4"
    ):
        journey(line(9), ["Dark", "Relaxing"], 5)
    with pytest.raises(InputError, match="there are none of any mood"):
        journey([], ["Dark", "Relaxing"], 5)


def test_all_tracks_in_one_place():
    tracks = [track(k, "Dark" if k < 5 else "Happy", 0.5, 0.5) for k in range(10)]
    made = journey(tracks, ["Dark", "Happy"], 6)
    assert made.mean_step == 0 and np.isnan(made.unevenness) and len(made.entries) == 6


def test_waypoints_are_evenly_spaced_round_a_corner():
    points = waypoints(np.array([[0.0, 0], [3, 0], [3, 1]]), 9)
    np.testing.assert_allclose(steps_of(points), 0.5)
    np.testing.assert_allclose(points[[0, 6, 8]], [[0, 0], [3, 0], [3, 1]])


def test_twenty_thousand_tracks_within_a_second():
    tracks = library(20_000)
    began = time.process_time()
    made = journey(tracks, ["Dark", "Happy"], 25)
    assert time.process_time() - began < 1
    assert made.unevenness < 0.3 and made.mean_step < 0.3
