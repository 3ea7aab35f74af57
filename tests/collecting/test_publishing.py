"""Mood playlists at a service: planned, written, left alone."""

import pytest

from affetto.collecting.publishing import apply, plan, publish
from affetto.collecting.wanted import PREFIX, Wanted
from affetto.errors import (
    LoginError,
    ServiceBusyError,
    ServiceRefusedError,
    ServiceUnreachableError,
)
from affetto.sources.contract import PlaylistTarget
from affetto.tracks import Track
from services.memory_target import MemoryTarget

HAPPY, DARK = f"{PREFIX}Happy", f"{PREFIX}Dark"


def track(place):
    return Track(title=f"Song {place}", artist="Someone")


def wanted(title, *places, note=None):
    tracks = tuple(map(track, places))
    return Wanted(f"{PREFIX}{title}", title, tracks, (None,) * len(tracks), note)


@pytest.fixture
def target():
    """A service that knows songs 0 to 9, as t0 to t9."""
    made = MemoryTarget()
    made.knows([track(place) for place in range(10)])
    assert isinstance(made, PlaylistTarget)
    return made


def states(changes):
    return {change.wanted.title: change.state for change in changes}


class TestPlan:
    def test_what_is_not_there_is_new_and_nothing_is_written(self, target):
        (change,) = plan(target, [wanted("Happy", 3, 1)])
        assert (change.state, change.ids, change.unknown) == ("new", ("t3", "t1"), ())
        assert change.is_due and not change.is_written
        assert (change.n_added, change.n_removed, change.is_reordered) == (2, 0, False)
        assert target.writes == []

    def test_it_asks_once_which_tracks_there_are_and_once_for_each_playlist(self, target):
        plan(target, [wanted("Happy", 3, 1), wanted("Dark", 1, 4)])
        assert target.asked == [("match", 3), ("own_playlist", HAPPY), ("own_playlist", DARK)]

    def test_progress_is_told_of_tracks(self, target):
        told = []
        plan(target, [wanted("Happy", *range(120))], lambda *step: told.append(step))
        assert told == [(50, 120), (100, 120), (120, 120)]

    def test_the_same_tracks_in_the_same_order_are_unchanged(self, target):
        target.has(HAPPY, "t3", "t1")
        (change,) = plan(target, [wanted("Happy", 3, 1)])
        assert change.state == "unchanged" and not change.is_due

    @pytest.mark.parametrize(
        ("before", "after", "told"),
        [
            (["t1", "t2"], [1, 2, 3], (1, 0, False)),
            (["t1", "t2", "t3"], [1, 3], (0, 1, False)),
            (["t1", "t2"], [2, 1], (0, 0, True)),
            (["t1", "t2", "t3"], [4, 3, 1], (1, 1, True)),
            (["t1", "t2"], [3, 1, 4, 2], (2, 0, False)),
            (["t1", "t1", "t2"], [1, 2], (0, 1, False)),
            (["foreign"], [1], (1, 1, False)),
        ],
    )
    def test_what_changes_is_counted(self, target, before, after, told):
        target.has(HAPPY, *before)
        (change,) = plan(target, [wanted("Happy", *after)])
        assert change.state == "changed"
        assert (change.n_added, change.n_removed, change.is_reordered) == told

    def test_tracks_the_service_does_not_know_are_left_out_and_told(self, target):
        (change,) = plan(target, [wanted("Happy", 1, 77, 2, 78)])
        assert change.ids == ("t1", "t2") and change.unknown == (1, 3)

    def test_two_tracks_that_the_service_takes_for_one_are_there_once(self, target):
        target.known["name:song 5|someone"] = "t1"
        (change,) = plan(target, [wanted("Happy", 1, 5, 2)])
        assert change.ids == ("t1", "t2") and change.unknown == ()

    def test_a_track_is_found_by_its_file(self, target):
        target.knows([Track(title="Other")], ["/music/one.mp3"])
        file = Wanted(HAPPY, "Happy", (Track(),), ("/music/one.mp3",))
        assert plan(target, [file])[0].ids == ("t10",)

    def test_a_mood_without_tracks_leaves_its_playlist_alone(self, target):
        target.has(HAPPY, "t1")
        (change,) = plan(target, [wanted("Happy"), wanted("Dark")])
        assert change.state == "left" and not change.is_due
        list(publish(target, [change]))
        assert target.holds(HAPPY) == ("t1",) and target.writes == []

    def test_a_playlist_is_not_emptied_where_the_service_knows_no_track_of_it(self, target):
        target.has(HAPPY, "t1")
        changes = plan(target, [wanted("Happy", 70, 71), wanted("Dark", 72)])
        assert states(changes) == {"Happy": "left", "Dark": "unknown"}
        assert not any(change.is_due for change in changes)
        assert (changes[0].n_removed, changes[0].unknown) == (0, (0, 1))

    def test_of_two_playlists_of_one_name_neither_is_touched_and_the_others_go_on(self, target):
        target.has(HAPPY, "t1")
        target.has(HAPPY, "t2")
        changes = plan(target, [wanted("Happy", 3), wanted("Dark", 4)])
        assert states(changes) == {"Happy": "failed", "Dark": "new"}
        assert "there are 2 playlists" in changes[0].error
        done = list(publish(target, changes))
        assert [change.is_written for change in done] == [False, True]
        assert target.writes == [("create", DARK)]

    def test_a_service_that_cannot_answer_ends_it(self, target):
        target.match = lambda tracks, paths: (_ for _ in ()).throw(LoginError("who are you?"))
        with pytest.raises(LoginError, match="who are you"):
            plan(target, [wanted("Happy", 1)])

    def test_nothing_wanted_asks_for_no_track(self, target):
        assert plan(target, [wanted("Happy")]) == []
        assert target.asked == [("own_playlist", HAPPY)]


class TestWriting:
    def test_a_second_run_changes_nothing(self, target):
        target.has(DARK, "t9", "t4")
        playlists = [wanted("Happy", 3, 1, 99), wanted("Dark", 4, 5)]
        done = list(publish(target, plan(target, playlists)))
        assert [change.is_written for change in done] == [True, True]
        assert (target.holds(HAPPY), target.holds(DARK)) == (("t3", "t1"), ("t4", "t5"))
        target.asked.clear()
        again = list(publish(target, plan(target, playlists)))
        assert states(again) == {"Happy": "unchanged", "Dark": "unchanged"}
        assert not any(change.is_written for change in again) and target.writes == []

    def test_only_what_is_due_is_applied(self, target):
        target.has(HAPPY, "t1")
        (change,) = plan(target, [wanted("Happy", 1)])
        apply(target, change)
        assert target.writes == []

    def test_one_that_fails_does_not_keep_the_others_from_being_written(self, target):
        target.before[HAPPY] = ServiceRefusedError("the disk is full", status=507)
        changes = plan(target, [wanted("Happy", 1), wanted("Dark", 2)])
        first, second = publish(target, changes)
        assert (first.state, first.error, first.is_written) == ("failed", "the disk is full", False)
        assert second.is_written and target.holds(DARK) == ("t2",)

    def test_one_that_was_made_although_the_answer_was_lost_is_not_made_again(self, target):
        target.after[HAPPY] = ServiceUnreachableError("no answer within 20 s")
        playlists = [wanted("Happy", 1, 2)]
        (lost,) = publish(target, plan(target, playlists))
        assert lost.state == "failed"
        (change,) = plan(target, playlists)
        assert change.state == "unchanged" and len(target.playlists[HAPPY]) == 1

    def test_one_that_was_half_filled_is_completed(self, target):
        target.has(HAPPY, "t1")  # the first part of three; then the line was cut
        list(publish(target, plan(target, [wanted("Happy", 1, 2, 3)])))
        assert target.holds(HAPPY) == ("t1", "t2", "t3")
        assert target.writes == [("replace", HAPPY)]

    @pytest.mark.parametrize(
        "error", [ServiceBusyError("wait until 14:05", until=1.0), LoginError("expired")]
    )
    def test_it_stops_where_no_other_would_fare_better(self, target, error):
        target.before[DARK] = error
        changes = plan(target, [wanted("Happy", 1), wanted("Dark", 2), wanted("Relaxing", 3)])
        written = publish(target, changes)
        assert next(written).is_written
        with pytest.raises(type(error), match=r"14:05|expired"):
            next(written)
        assert target.writes == [("create", HAPPY), ("create", DARK)]

    def test_a_playlist_of_ones_own_is_never_asked_for(self, target):
        target.has("Happy", "t1")
        target.has("My songs", "t2")
        list(publish(target, plan(target, [wanted("Happy", 3)])))
        assert (target.holds("Happy"), target.holds("My songs")) == (("t1",), ("t2",))
        assert {name for _, name in target.asked[1:]} == {HAPPY}


def test_as_plain_data(target):
    target.has(HAPPY, "t2", "t1")
    (change,) = plan(target, [wanted("Happy", 1, 2, 3, 77, note="a note")])
    told = change.as_dict()
    unknown = told.pop("unknown")
    assert told == {
        "name": HAPPY, "state": "changed", "written": False, "n_wanted": 4, "n_known": 3,
        "n_added": 1, "n_removed": 0, "reordered": True, "note": "a note", "error": None,
        "tracks": ["t1", "t2", "t3"],
    }  # fmt: skip
    assert unknown == [
        dict(id=None, isrc=None, title="Song 77", artist="Someone", album=None, path=None)  # noqa: C408
    ]
