"""The nearest change that turns a mood: models whose answer can be worked out by hand."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from affetto.counterfactual import Room, nearest_turns, on_grid


def room_of(low, high, *, spread=None, smooth=True, n=9, grain=0.01):
    low, high = np.array(low, float), np.array(high, float)
    return Room(
        low,
        high,
        np.ones(len(low)) if spread is None else np.array(spread, float),
        np.linspace(low, high, n).T,
        np.full(len(low), grain),
        smooth,
    )


def two_moods(margin):
    """A model of two moods, the first where `margin` of a track's columns is above 0."""

    def score(rows):
        p = 1 / (1 + np.exp(-margin(*rows.T)))
        return np.stack([p, 1 - p], axis=1)

    return score


def turns_of(score, X, room):
    X = np.atleast_2d(np.array(X, float))
    grid = on_grid(X, room)
    found = score(grid.reshape(-1, X.shape[1])).reshape(len(X), grid.shape[1], -1)
    return nearest_turns(score, X, score(X), found, room)


def test_the_grid_changes_one_feature_at_a_time():
    rows = on_grid(np.array([[5.0, 6.0]]), room_of([0, 0], [1, 1], n=3))
    assert rows.tolist() == [[[0, 6], [0.5, 6], [1, 6], [5, 0], [5, 0.5], [5, 1]]]


@pytest.mark.parametrize("at", [0.05, 0.3, 0.61, 0.999])
def test_one_feature_turns_where_the_margin_is_nought(at):
    [turn] = turns_of(two_moods(lambda u: at - u), [0.0], room_of([0], [1]))
    assert turn.features == (0,)
    assert turn.values[0] == pytest.approx(at, abs=1e-9)
    assert turn.values[0] > at  # it has turned there
    assert turn.rounded[0] == pytest.approx(np.ceil(100 * at) / 100)
    assert (turn.mood, turn.distance) == (1, pytest.approx(at, abs=1e-9))


def test_changes_go_down_as_well():
    [turn] = turns_of(two_moods(lambda u: u - 0.4), [0.9], room_of([0], [1]))
    assert turn.values[0] == pytest.approx(0.4, abs=1e-9)
    assert turn.rounded == pytest.approx((0.4,), abs=0.011)


@pytest.mark.parametrize(("spread", "feature"), [((1, 1), 0), ((0.1, 1), 1)])
def test_the_nearest_is_measured_in_spreads(spread, feature):
    score = two_moods(lambda u, v: 1 - 2 * u - v)
    [turn] = turns_of(score, [0, 0], room_of([0, 0], [1, 2], spread=spread))
    value = (0.5, 1.0)[feature]
    assert turn.features == (feature,)
    assert turn.values[0] == pytest.approx(value, abs=1e-8)
    assert turn.distance == pytest.approx(value / spread[feature], abs=1e-7)


def test_the_nearer_of_two_ways():
    score = two_moods(lambda u: (u - 0.35) * (0.8 - u))
    [turn] = turns_of(score, [0.7], room_of([0], [1], n=21))
    assert turn.values[0] == pytest.approx(0.8, abs=1e-9)
    [turn] = turns_of(score, [0.4], room_of([0], [1], n=21))
    assert turn.values[0] == pytest.approx(0.35, abs=1e-9)


def test_the_first_rival_on_the_way_is_named():
    def score(rows):
        u = rows[:, 0]
        logits = np.stack([np.zeros(len(u)), 4 * (u - 0.9), 2 * (u - 0.5)], axis=1)
        p = np.exp(logits)
        return p / p.sum(axis=1, keepdims=True)

    [turn] = turns_of(score, [0.0], room_of([0], [1]))
    assert (turn.mood, turn.values[0]) == (2, pytest.approx(0.5, abs=1e-9))


@pytest.mark.parametrize("spread", [(1.0, 1.0), (1.0, 0.6)])
def test_two_together_where_none_alone_suffices(spread):
    # On the line u + v = 3 the nearest point to (0, 0), in spreads.
    score = two_moods(lambda u, v, w: 3 - u - v + 0 * w)
    room = room_of([0, 0, 0], [2.5, 2.5, 1], spread=(*spread, 1.0))
    [turn] = turns_of(score, [0, 0, 0.5], room)
    s, t = np.square(spread)
    assert turn.features == (0, 1)
    assert_allclose(turn.values, (3 * s / (s + t), 3 * t / (s + t)), atol=2e-3)
    assert turn.distance == pytest.approx(3 / np.sqrt(s + t), abs=1e-5)


def test_no_change_of_two_turns_it():
    score = two_moods(lambda u, v, w: 2.5 - u - v - w)
    assert turns_of(score, [0, 0, 0], room_of([0] * 3, [1] * 3)) == [None]


def test_one_feature_alone_that_does_not_suffice():
    assert turns_of(two_moods(lambda u: 2 - u), [0], room_of([0], [1])) == [None]


def test_steps_are_found_to_half_a_grain_and_rounded_on():
    score = two_moods(lambda u: np.where(u > 0.537, -1.0, 1.0))
    [turn] = turns_of(score, [0.2], room_of([0], [1], smooth=False))
    assert 0.537 < turn.values[0] < 0.542
    assert turn.rounded[0] == pytest.approx(np.ceil(100 * turn.values[0]) / 100)


def test_what_rounding_turns_back_stays_as_it_is():
    score = two_moods(lambda u: np.where((u > 0.531) & (u < 0.538), -1.0, 1.0))
    grid = np.array([[0.0, 0.5, 0.535, 0.6, 1.0]])
    room = Room(np.zeros(1), np.ones(1), np.ones(1), grid, np.array([0.01]), False)
    [turn] = turns_of(score, [0.2], room)
    assert 0.531 < turn.values[0] <= 0.535
    assert turn.rounded == turn.values


def test_rounding_stays_in_the_room():
    score = two_moods(lambda u: 0.995 - u)
    [turn] = turns_of(score, [0.2], room_of([0], [0.999]))
    assert turn.rounded[0] == 0.999


def test_a_track_beyond_the_room_may_come_back():
    [turn] = turns_of(two_moods(lambda u: u - 0.5), [3.0], room_of([0], [1]))
    assert turn.values[0] == pytest.approx(0.5, abs=1e-8)


@pytest.mark.parametrize("smooth", [True, False])
def test_tracks_are_answered_one_by_one(smooth):
    rng = np.random.default_rng(0)
    A, B = rng.normal(size=(4, 8)), rng.normal(size=(8, 3))

    def score(rows):
        logits = np.tanh(rows @ A) @ B
        p = np.exp(logits - logits.max(axis=1, keepdims=True))
        return p / p.sum(axis=1, keepdims=True)

    X = rng.uniform(size=(40, 4))
    room = room_of([-1] * 4, [2] * 4, smooth=smooth, n=15)
    turns = turns_of(score, X, room)
    assert turns == [turns_of(score, x, room)[0] for x in X]
    said = score(X).argmax(axis=1)
    found = [(x, s, turn) for x, s, turn in zip(X, said, turns, strict=True) if turn]
    assert len(found) > 30
    for x, s, turn in found:
        for values in (turn.values, turn.rounded):
            changed = x.copy()
            changed[list(turn.features)] = values
            assert score(changed[None])[0].argmax() == turn.mood != s
        moved = np.array(turn.values) - x[list(turn.features)]
        assert turn.distance == pytest.approx(np.linalg.norm(moved), rel=1e-6)
