"""One suite over all services that take playlists: what is found, written, and left alone."""

import time
from dataclasses import replace

import pytest

from affetto.collecting.publishing import plan, publish
from affetto.collecting.wanted import Wanted
from affetto.errors import LoginError, PlaylistError, ServiceBusyError, ServiceError
from affetto.sources.contract import PlaylistTarget, TargetPlaylist
from affetto.tracks import Track
from services.base import Fault, busy, failing, web_page
from services.case import SECRETS
from services.targets import (
    MANY,
    JellyfinTargetCase,
    MemoryTargetCase,
    NavidromeTargetCase,
    OldSubsonicTargetCase,
    SpotifyTargetCase,
    named,
)

NAME = "affetto: Happy"
CASES = (
    MemoryTargetCase,
    SpotifyTargetCase,
    NavidromeTargetCase,
    OldSubsonicTargetCase,
    JellyfinTargetCase,
)


def cases_that(tell):
    """Run a test over those cases alone."""
    chosen = [each for each in CASES if tell(each)]
    return pytest.mark.parametrize("case", chosen, ids=lambda case: case.__name__, indirect=True)


by_id, by_isrc, by_path = (
    # The old one is only to be searched, by titles.
    cases_that(lambda case, way=way: hasattr(case, way) and case is not OldSubsonicTargetCase)
    for way in ("handles", "isrc", "path")
)
over_http = cases_that(lambda case: case is not MemoryTargetCase)


@pytest.fixture(params=CASES, ids=lambda case: case.__name__)
def case(request, tmp_path, monkeypatch):
    made = request.param(tmp_path, monkeypatch)
    yield made
    made.close()


@pytest.fixture
def target(source):
    return source


def ids(case, places):
    return [case.id(i) for i in places]


def match(target, *pairs):
    return list(target.match([track for track, _ in pairs], [path for _, path in pairs]))


class TestMatching:
    def test_it_keeps_to_the_contract(self, target):
        assert isinstance(target, PlaylistTarget) and target.name

    def test_by_title_and_artist(self, case, target):
        assert match(target, (named(3), None), (named(8), None)) == ids(case, (3, 8))

    @by_id
    def test_by_id(self, case, target):
        for handle in case.handles(5):
            assert match(target, (Track(id=handle), None)) == [case.id(5)]

    @by_isrc
    def test_by_isrc(self, case, target):
        found = match(target, (Track(isrc=case.isrc(5), title="Another", artist="Spelling"), None))
        assert found == [case.id(5)]

    @by_path
    def test_by_path(self, case, target):
        assert match(target, (Track(title="Other words"), case.path(5))) == [case.id(5)]

    def test_what_it_does_not_know_is_none(self, case, target):
        unknown = [Track(), Track(title="Never heard"), Track(title="Never", artist="Artist 3")]
        pairs = [(named(1), None), *((track, None) for track in unknown), (named(2), None)]
        assert match(target, *pairs) == [case.id(1), None, None, None, case.id(2)]

    def test_another_artist_is_another_track(self, target):
        assert match(target, (Track(title="Track 3", artist="Somebody Else"), None)) == [None]

    def test_nothing_asked_nothing_told(self, target):
        assert match(target) == []

    def test_matching_changes_nothing(self, case, target):
        before = case.n_writes()
        match(target, *((named(i), None) for i in range(30)))
        assert target.own_playlist(NAME) is None
        assert case.n_writes() == before


class TestOwnPlaylist:
    def test_none(self, case, target):
        case.add("affetto: Dark", ids(case, (1, 2)))
        case.add("Happy", ids(case, (1, 2)))
        assert target.own_playlist(NAME) is None

    @pytest.mark.parametrize("n", [0, 1, 120])
    def test_all_of_it_in_order(self, case, target, n):
        wanted = ids(case, reversed(range(n)))
        case.add(NAME, wanted)
        found = target.own_playlist(NAME)
        assert isinstance(found, TargetPlaylist)
        assert (found.name, found.tracks) == (NAME, tuple(wanted))

    def test_names_are_exact(self, case, target):
        case.add("affetto: happy", ids(case, (1,)))
        case.add("affetto: Happy 2", ids(case, (2,)))
        case.add("my affetto: Happy", ids(case, (3,)))
        assert target.own_playlist(NAME) is None

    def test_it_is_found_among_many(self, case, target):
        for i in range(60):
            case.add(f"List {i}", ids(case, (i,)))
        case.add(NAME, ids(case, (7, 8)))
        for i in range(60, 70):
            case.add(f"List {i}", ids(case, (i,)))
        assert target.own_playlist(NAME).tracks == tuple(ids(case, (7, 8)))

    def test_several_of_the_name_are_told(self, case, target):
        case.add(NAME, ids(case, (1,)))
        case.add(NAME, ids(case, (2,)))
        with pytest.raises(PlaylistError, match="affetto: Happy"):
            target.own_playlist(NAME)

    def test_it_is_as_it_stands_now(self, case, target):
        assert target.own_playlist(NAME) is None
        case.add(NAME, ids(case, (1, 2)))
        assert target.own_playlist(NAME).tracks == tuple(ids(case, (1, 2)))


class TestWriting:
    @pytest.mark.parametrize("n", [1, 100, 101, MANY])
    def test_a_new_one_holds_all_in_order(self, case, target, n):
        wanted = ids(case, ((7 * i) % MANY for i in range(n)))
        target.create(NAME, wanted)
        assert case.contents(NAME) == [wanted]
        assert target.own_playlist(NAME).tracks == tuple(wanted)

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            (range(5), range(9)),
            (range(9), range(3)),
            (range(9), reversed(range(9))),
            (range(9), (8, 20, 0, 3)),
            (range(9), ()),
            ((), range(4)),
            ((1, 1, 2), (1, 2)),
            (range(120), range(100, 225)),
            (range(205), (204, *range(204))),
        ],
        ids=["longer", "shorter", "reordered", "mixed", "emptied", "filled", "twice", "other",
             "one moved"],
    )  # fmt: skip
    def test_a_changed_one_holds_exactly_what_is_wanted(self, case, target, before, after):
        case.add(NAME, ids(case, before))
        wanted = ids(case, after)
        target.replace(target.own_playlist(NAME), wanted)
        assert case.contents(NAME) == [wanted]
        assert target.own_playlist(NAME).tracks == tuple(wanted)

    def test_names_of_all_kinds_are_kept(self, case, target):
        for name in ('affetto: "Fête" & <b>/more?', "affetto: 幸せ 🎉", "affetto: a=b+c%20#d"):
            target.create(name, ids(case, (1, 2)))
            assert target.own_playlist(name).tracks == tuple(ids(case, (1, 2)))
            assert case.contents(name) == [ids(case, (1, 2))]

    def test_the_others_stay_as_they_are(self, case, target):
        case.add("Happy", ids(case, (1, 2)))
        case.add("affetto: Dark", ids(case, (3,)))
        target.create(NAME, ids(case, (4,)))
        target.replace(target.own_playlist(NAME), ids(case, (5, 6)))
        assert case.contents("Happy") == [ids(case, (1, 2))]
        assert case.contents("affetto: Dark") == [ids(case, (3,))]


@over_http
class TestOthers:
    """What somebody else shares with the user is listed beside the user's own."""

    def test_theirs_is_not_taken_for_ours(self, case, target):
        case.add(NAME, ids(case, (1, 2)), own=False)
        assert target.own_playlist(NAME) is None
        target.create(NAME, ids(case, (3,)))
        target.replace(target.own_playlist(NAME), ids(case, (4, 5)))
        assert case.contents(NAME) == [ids(case, (4, 5))]
        assert case.contents(NAME, own=False) == [ids(case, (1, 2))]


def wanted(case, places):
    tracks = tuple(map(case.track, places))
    return [Wanted(NAME, "Happy", tracks, (None,) * len(tracks))]


def run(target, playlists):
    """Publish as the command does; give the error that ended it or one playlist, or None."""
    try:
        done = list(publish(target, plan(target, playlists)))
    except ServiceError as exc:
        return str(exc)
    return done[0].error


@over_http
class TestFaults:
    def test_a_second_run_writes_nothing(self, case, target):
        assert run(target, wanted(case, range(130))) is None
        n_before = case.n_writes()
        (change,) = publish(target, plan(target, wanted(case, range(130))))
        assert change.state == "unchanged" and case.n_writes() == n_before

    @pytest.mark.parametrize("kind", ["close", "cut", "truncate", "failing"])
    def test_whatever_breaks_the_next_run_completes_it(self, case, target, kind):
        """Each request in turn goes wrong: first of making a playlist, then of changing it."""
        first, second = list(range(101)), [*range(5, 106), 1]
        # Which tracks there are is kept from here on: the faults are for the other requests.
        match(target, *((case.track(i), None) for i in range(106)))
        for n_before, places in ((0, first), (1, second)):
            for skip in range(12):
                n_seen = len(case.service.seen)
                fault = failing(skip=skip) if kind == "failing" else Fault(kind, skip=skip)
                case.service.faults.append(fault)
                told = run(target, wanted(case, places))
                was_met = not case.service.faults
                case.service.faults.clear()
                assert told is None or not any(secret in told for secret in SECRETS)
                assert run(target, wanted(case, places)) is None
                assert case.contents(NAME) == [ids(case, places)]
                if not was_met:
                    break
                assert len(case.service.seen) > n_seen
                case.remove(NAME)
                if n_before:
                    case.add(NAME, ids(case, first))
            else:
                raise AssertionError("more requests than expected")

    def test_a_long_wait_ends_it_and_says_until_when(self, case, target):
        case.service.faults.append(busy(7200, times=50))
        began = time.time()
        with pytest.raises(ServiceBusyError) as caught:
            target.own_playlist(NAME)
        assert began + 7190 < caught.value.until < time.time() + 7210

    def test_a_short_wait_is_waited_for(self, case, target):
        target.own_playlist(NAME)
        case.service.faults.append(busy(0))
        target.create(NAME, ids(case, (1, 2)))
        assert case.contents(NAME) == [ids(case, (1, 2))]

    def test_who_is_not_known_is_told(self, case, target):
        case.case.forget_login()
        with pytest.raises(LoginError, match=r"log in|login") as caught:
            target.create(NAME, ids(case, (1,)))
        assert not any(secret in str(caught.value) for secret in SECRETS)
        assert case.contents(NAME) == []

    @pytest.mark.parametrize("fault", [failing(503, times=50), web_page(times=50)])
    def test_what_does_not_help_at_all_is_an_error_of_ours(self, case, target, fault):
        case.service.faults.append(replace(fault))
        with pytest.raises(ServiceError) as caught:
            target.own_playlist(NAME)
        assert not any(secret in str(caught.value) for secret in SECRETS)
