"""ReccoBeats: few questions, answers joined by what they name, nothing asked twice."""

import contextlib
import hashlib
import math
import os
import signal
import subprocess
import sys
import threading
import time
import wave
from dataclasses import replace

import httpx
import pytest

from affetto.errors import (
    InputError,
    OfflineError,
    ServiceAnswerError,
    ServiceBusyError,
    ServiceError,
    ServiceRefusedError,
    ServiceUnreachableError,
    UsageError,
)
from affetto.sources import reccobeats
from affetto.sources.cache import DAY_S, FEATURES_DAYS, MISS_DAYS, AnswerCache
from affetto.sources.contract import FeatureSource, Listed, Told
from affetto.sources.reccobeats import ReccoBeats
from affetto.tracks import Track
from services.base import Answer, Fault, busy, failing, web_page
from services.case import QUICK
from services.reccobeats_server import (
    ReccoBeatsServer,
    duration_ms,
    features,
    isrc,
    spotify_id,
)

NO_WAIT = replace(QUICK, attempts=1)


@pytest.fixture
def server():
    with ReccoBeatsServer(400, unknown=0.0) as service:
        yield service


@pytest.fixture
def open_source(server, tmp_path):
    """Open the source on one cache file, as often as a test likes."""
    with contextlib.ExitStack() as stack:

        def open_(patience=QUICK, **cache):
            kept = stack.enter_context(AnswerCache(tmp_path / "cache.sqlite", **cache))
            return stack.enter_context(ReccoBeats(kept, patience=patience, url=server.url))

        yield open_


def listed(i, *, length=True, **identity):
    identity = identity or {"id": spotify_id(i)}
    return Listed(Track(**identity), {"duration_ms": 200_000.0} if length else {})


def many(n, *, first=0, length=True):
    return [listed(i, length=length) for i in range(first, first + n)]


def told_of(source, tracks):
    pairs = list(source.features(tracks))
    assert len({index for index, _ in pairs}) == len(pairs), "a track was told of twice"
    return dict(pairs)


def until_it_fails(source, tracks):
    told = {}
    with pytest.raises(ServiceError) as failure:
        for index, one in source.features(tracks):
            told[index] = one  # noqa: PERF403 - what was told before it failed counts
    return told, failure.value


# --- What is told ----------------------------------------------------------------------------


def test_each_track_gets_its_own_features(server, open_source):
    told = told_of(open_source(), many(100))
    assert told == {i: Told(features(i), isrc(i)) for i in range(100)}


def test_it_is_a_feature_source(open_source):
    assert isinstance(open_source(), FeatureSource)
    assert open_source().name == "reccobeats"


@pytest.mark.parametrize(
    "identity",
    [
        {"id": spotify_id(7)},
        {"id": f"spotify:track:{spotify_id(7)}"},
        {"id": f"https://open.spotify.com/track/{spotify_id(7)}?si=abc"},
        {"isrc": "QZ-AFF-00-00007"},
        {"id": "/music/song.mp3", "isrc": isrc(7)},
    ],
)
def test_ids_are_understood_in_every_spelling(identity, open_source):
    track = listed(7, **identity)
    assert open_source().can_tell(track)
    assert told_of(open_source(), [track])[0].features == features(7)


@pytest.mark.parametrize(
    "identity",
    [{"title": "Song"}, {"id": "17"}, {"id": "spotify:artist:" + spotify_id(7)}, {"isrc": "none"}],
)
def test_a_track_without_an_id_cannot_be_told_of(identity, open_source):
    assert not open_source().can_tell(Listed(Track(**identity)))


def test_no_tracks_no_question(server, open_source):
    assert told_of(open_source(), []) == {}
    assert server.seen == []


def test_the_unknown_are_told_of_without_features(server, open_source):
    tracks = [listed(1), listed(4_000), listed(2)]
    told = told_of(open_source(), tracks)
    assert told[1] == Told({})
    assert told[0].features and told[2].features


def test_ids_differ_by_the_case_of_their_letters(server, open_source):
    server.add(500, spotify="3AbCdEfGhIjKlMnOpQrStU")
    server.add(501, spotify="3aBcDeFgHiJkLmNoPqRsTu")
    tracks = [
        listed(0, id="3aBcDeFgHiJkLmNoPqRsTu"),
        listed(0, id="3AbCdEfGhIjKlMnOpQrStU"),
        listed(0, id="3abcdefghijklmnopqrstu"),
    ]
    for _ in range(2):  # asked, then kept
        told = told_of(open_source(), tracks)
        assert [told[place].features for place in range(3)] == [features(501), features(500), {}]


def test_a_track_that_stands_twice_is_asked_once_and_told_twice(server, open_source):
    tracks = [listed(3), listed(4), listed(3), listed(3, length=False)]
    told = told_of(open_source(), tracks)
    assert told[0] == told[2] == Told(features(3), isrc(3))
    assert told[3].features == {**features(3), "duration_ms": duration_ms(3)}
    assert sorted(server.asked()[0]) == sorted([spotify_id(3), spotify_id(4)])
    assert server.asked("/v1/track") == [[spotify_id(3)]]


def test_answers_nobody_asked_for_are_passed_over(server, open_source):
    other = {"content": [server.known[spotify_id(i)].features() for i in (9, 1)]}
    server.faults.append(Fault("answer", answer=Answer(other)))
    assert told_of(open_source(), [listed(1), listed(2)]) == {
        0: Told(features(1), isrc(1)),
        1: Told({}),
    }


def test_entries_that_are_no_tracks_are_passed_over(server, open_source):
    right = server.known[spotify_id(1)].features()
    odd = [None, 3, "x", [], {}, {"href": None}, {"href": 5, "isrc": []}, right]
    server.faults.append(Fault("answer", answer=Answer({"content": odd})))
    assert told_of(open_source(), [listed(1)])[0].features == features(1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("energy", 1.2),
        ("valence", -0.1),
        ("tempo", 1e9),
        ("loudness", -500),
        ("energy", "0.5"),
        ("energy", None),
        ("energy", True),
        ("energy", math.nan),
        ("tempo", math.inf),
        ("energy", [0.5]),
    ],
)
def test_impossible_values_are_left_out_and_the_others_stay(name, value, server, open_source):
    server.overrides[spotify_id(1)] = {name: value}
    right = {key: one for key, one in features(1).items() if key != name}
    for _ in range(2):  # asked, then kept
        assert told_of(open_source(), [listed(1)])[0].features == right


def test_an_answer_without_any_feature_is_as_good_as_unknown(server, open_source):
    server.overrides[spotify_id(1)] = dict.fromkeys(features(1))
    assert told_of(open_source(), [listed(1)]) == {0: Told({})}


@pytest.mark.parametrize(
    "body", [[], {}, {"content": None}, {"content": {"a": 1}}, "text", 5, {"status": "ok"}]
)
def test_another_shape_is_refused(body, server, open_source):
    server.faults.append(Fault("answer", answer=Answer(body)))
    told, error = until_it_fails(open_source(), many(3))
    assert told == {} and isinstance(error, ServiceAnswerError)
    assert "content" in str(error)


# --- Lengths ---------------------------------------------------------------------------------


def test_the_length_is_asked_for_only_where_it_is_lacking(server, open_source):
    tracks = [listed(i, length=i % 2 == 0) for i in range(100)]
    told = told_of(open_source(), tracks)
    for i in range(100):
        assert told[i].features.get("duration_ms") == (duration_ms(i) if i % 2 else None)
    assert sorted(map(len, server.asked("/v1/track"))) == [10, 40]


def test_the_length_of_what_has_no_features_is_not_asked_for(server, open_source):
    told_of(open_source(), [listed(4_000, length=False), listed(4_001, length=False)])
    assert server.paths() == ["/v1/audio-features"]


def test_a_length_may_be_unknown(server, open_source):
    server.faults.append(Fault("answer", "/v1/track", answer=Answer({"content": []})))
    for _ in range(2):
        assert told_of(open_source(), [listed(1, length=False)])[0].features == features(1)
    assert len(server.seen) == 2


@pytest.mark.parametrize("length", [0, -1, "180000", None, 1e12])
def test_an_impossible_length_is_left_out(length, server, open_source):
    track = {**server.known[spotify_id(1)].track(), "durationMs": length}
    server.faults.append(Fault("answer", "/v1/track", answer=Answer({"content": [track]})))
    assert told_of(open_source(), [listed(1, length=False)])[0].features == features(1)


def test_where_lengths_fail_features_are_told_all_the_same(server, open_source):
    server.faults.append(failing(path="/v1/track", times=99))
    told, error = until_it_fails(open_source(), many(50, length=False))
    assert isinstance(error, ServiceRefusedError)
    assert {i: one.features for i, one in told.items()} == {i: features(i) for i in range(50)}
    server.faults.clear()
    server.seen.clear()
    told = told_of(open_source(), many(50, length=False))
    assert told[7].features["duration_ms"] == duration_ms(7)
    assert server.paths() == ["/v1/track"] * 2, "features that were told are not asked for again"


# --- By ISRC ---------------------------------------------------------------------------------


def test_what_is_unknown_by_id_is_asked_for_by_isrc_in_few_questions(server, open_source):
    for i in range(500, 560):
        server.add(i, by_id=False)
    tracks = [
        listed(i, id=spotify_id(i), isrc=isrc(i)) for i in (*range(100), *range(500, 560), 4_000)
    ]
    told = told_of(open_source(), tracks)
    assert told[3].features == features(3)
    assert [told[100 + i].features for i in range(60)] == [features(500 + i) for i in range(60)]
    assert told[160] == Told({})
    by_isrc = [ids for ids in server.asked() if ids[0].startswith("QZAFF")]
    assert len(server.seen) == 5 + 2
    assert sorted(map(len, by_isrc)) == [21, 40]
    server.seen.clear()
    assert told_of(open_source(), tracks) == told
    assert server.seen == []


def test_features_that_name_no_spotify_id_are_found_by_isrc_never_by_position(server, open_source):
    server.with_href = False
    tracks = [listed(i, id=spotify_id(i), isrc=isrc(i)) for i in range(5)]
    told = told_of(open_source(), tracks)
    assert {i: one.features for i, one in told.items()} == {i: features(i) for i in range(5)}
    assert told_of(open_source(), [listed(9)]) == {0: Told({})}


# --- How much is asked -----------------------------------------------------------------------


def test_forty_ids_a_question(server, open_source):
    told_of(open_source(), many(101))
    assert sorted(map(len, server.asked())) == [21, 40, 40]


def test_the_service_would_refuse_more(server):
    ids = ",".join(spotify_id(i) for i in range(41))
    for query in ({"ids": ids}, {"ids": ""}, {}):
        answer = httpx.get(f"{server.url}/v1/audio-features", params=query)
        assert answer.status_code == 400 and answer.json()["status"] == 4004


def test_a_second_run_asks_nothing(server, open_source):
    tracks = [*many(90, length=False), listed(4_000)]
    first = told_of(open_source(), tracks)
    server.seen.clear()
    source = open_source()
    assert told_of(source, tracks) == first
    assert server.seen == [] and source.n_requests == 0


def test_requests_of_many_tracks_without_lengths(open_source):
    """The aim is at most 600 questions for 10,000 tracks: 60 for 1,000."""
    with ReccoBeatsServer(1_000) as server, AnswerCache(":memory:") as cache:
        tracks = [listed(i, length=False, id=spotify_id(i), isrc=isrc(i)) for i in range(1_000)]
        with ReccoBeats(cache, patience=QUICK, url=server.url) as source:
            told = told_of(source, tracks)
            assert source.n_requests == len(server.seen) <= 60
        assert 0.10 < sum(not one.features for one in told.values()) / 1_000 < 0.20
        assert server.most_at_once <= QUICK.at_once


def test_no_more_at_once_than_patience_says(server, open_source):
    server.delay_s = 0.03
    told_of(open_source(replace(QUICK, at_once=3)), many(400))
    assert server.most_at_once == 3


def test_progress_is_told(server, open_source):
    seen = []
    list(open_source().features(many(50), lambda done, total: seen.append((done, total))))
    assert seen == [(done, 50) for done in range(1, 51)]


# --- A run that breaks off -------------------------------------------------------------------


@pytest.mark.parametrize("n_batches", [0, 1, 4, 9])
def test_a_run_that_breaks_off_repeats_nothing(n_batches, server, open_source):
    patience = replace(NO_WAIT, at_once=1)
    server.faults.append(failing(503, skip=n_batches, times=1))
    told, error = until_it_fails(open_source(patience), many(400))
    assert "503" in str(error) and len(told) == 40 * n_batches
    before = server.asked()
    server.seen.clear()
    told = told_of(open_source(patience), many(400))
    assert {i: one.features for i, one in told.items()} == {i: features(i) for i in range(400)}
    assert len(server.seen) == 10 - n_batches
    answered = [one for ids in before[:n_batches] + server.asked() for one in ids]
    assert sorted(answered) == sorted(spotify_id(i) for i in range(400)), "each asked for once"


def test_whoever_stops_early_finds_what_was_answered(server, open_source):
    server.delay_s = 0.02
    stream = open_source().features(many(400))
    next(stream)
    started = time.monotonic()
    stream.close()
    assert time.monotonic() - started < 0.5
    time.sleep(0.2)  # those under way
    n_before = len(server.seen)
    assert n_before <= 2 * QUICK.at_once + 1
    told_of(open_source(), many(400))
    assert len(server.seen) == 10


def test_a_stop_waits_for_no_hanging_service(server, open_source):
    server.faults.append(Fault("slow", times=9, seconds=1.0, skip=1))
    stream = open_source().features(many(400))
    next(stream)
    while len(server.seen) < QUICK.at_once:
        time.sleep(0.005)  # a connection that is begun while all are closed would be left over
    started = time.monotonic()
    stream.close()
    assert time.monotonic() - started < 0.5


HANGING = """
import sys
from affetto.sources.cache import AnswerCache
from affetto.sources.contract import Listed
from affetto.sources.reccobeats import ReccoBeats
from affetto.tracks import Track
with AnswerCache(":memory:") as cache, ReccoBeats(cache, url=sys.argv[1]) as source:
    list(source.features([Listed(Track(isrc=f"QZAFF{i:07d}")) for i in range(400)]))
"""


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_ends_the_program_at_once_though_the_service_hangs(server):
    server.faults.append(Fault("slow", times=9, seconds=15))
    command = [sys.executable, "-c", HANGING, server.url]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as run:
        while len(server.seen) < 4:
            assert run.poll() is None
            time.sleep(0.01)
        started = time.monotonic()
        run.send_signal(signal.SIGINT)
        _, errors = run.communicate(timeout=10)
    assert time.monotonic() - started < 3
    assert errors.strip().endswith("KeyboardInterrupt")


def test_a_long_wait_ends_the_run_and_keeps_what_was_fetched(server, open_source):
    server.faults.append(busy(86_400, skip=4, times=99))
    told, error = until_it_fails(open_source(), many(400))
    assert isinstance(error, ServiceBusyError)
    assert error.until == pytest.approx(time.time() + 86_400, abs=60)
    n_answered = len(told) // 40
    assert len(told) == 160, "the four that were answered"
    assert len(server.seen) <= 4 + QUICK.at_once, "nobody asks on"
    server.faults.clear()
    server.seen.clear()
    assert len(told_of(open_source(), many(400))) == 400
    assert len(server.seen) == 10 - n_answered


def test_a_short_wait_is_waited_for(server, open_source):
    server.most, server.window_s = 3, 0.6
    started = time.monotonic()
    told = told_of(open_source(replace(QUICK, at_once=2)), many(200))
    assert len(told) == 200 and server.n_refused
    assert time.monotonic() - started >= 1.0, "the server says a second"


FAULTS = [
    Fault("close"),
    Fault("cut", after=1),
    Fault("cut", after=500),
    Fault("cut-chunked", after=0),
    Fault("cut-chunked", after=300),
    Fault("truncate", after=0),
    Fault("truncate", after=700),
    failing(500),
    failing(502),
    busy(0),
    Fault("answer", answer=Answer(b"\xff\xfe{]", 200)),
]


@pytest.mark.parametrize("fault", FAULTS, ids=str)
@pytest.mark.parametrize("skip", [0, 2])
def test_one_that_stumbles_is_asked_again(fault, skip, server, open_source):
    server.faults.append(replace(fault, skip=skip))
    told = told_of(open_source(), many(120))
    assert {i: one.features for i, one in told.items()} == {i: features(i) for i in range(120)}
    assert len(server.seen) == 4


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_one_that_falls_is_not_asked_for_ever(fault, server, open_source):
    server.faults.append(replace(fault, times=999, skip=1))
    told, _ = until_it_fails(open_source(replace(QUICK, attempts=2, at_once=1)), many(120))
    assert len(told) == 40 and len(server.seen) == 3
    server.faults.clear()
    assert len(told_of(open_source(), many(120))) == 120
    assert len(server.seen) == 5


def test_a_web_page_is_no_answer(server, open_source):
    server.faults.append(web_page(times=9))
    _, error = until_it_fails(open_source(), many(3))
    assert isinstance(error, ServiceAnswerError) and "web page" in str(error)
    assert len(server.seen) == 1, "asking again would not help"


def test_a_slow_answer_is_given_up(server, open_source):
    patience = replace(NO_WAIT, timeout_s=0.1, at_once=1)
    server.faults.append(Fault("slow", seconds=0.5))
    _, error = until_it_fails(open_source(patience), many(3))
    assert isinstance(error, ServiceUnreachableError)


def test_nobody_there(tmp_path):
    with ReccoBeatsServer() as gone:
        url = gone.url
    with AnswerCache(":memory:") as cache, ReccoBeats(cache, patience=NO_WAIT, url=url) as source:
        told, error = until_it_fails(source, many(3))
    assert told == {} and isinstance(error, ServiceUnreachableError)


# --- What is kept ----------------------------------------------------------------------------


def test_offline_gives_all_that_is_kept_before_it_gives_up(server, open_source):
    told_of(open_source(), many(40, first=100))
    told_of(open_source(), [listed(4_000)])
    server.seen.clear()
    tracks = [*many(100), *many(40, first=100), listed(4_000), listed(120, length=False)]
    told, error = until_it_fails(open_source(offline=True), tracks)
    assert isinstance(error, OfflineError) and "--offline" in str(error)
    assert sorted(told) == list(range(100, 142))
    assert told[141].features == features(120), "kept features, though the length is not"
    assert server.seen == []


def test_no_failure_hides_what_is_kept(server, open_source):
    tracks = [
        *many(100),
        *(listed(i, id=spotify_id(i + 5_000), isrc=isrc(i)) for i in range(100, 140)),
    ]
    told_of(open_source(), tracks[100:])
    server.faults.append(failing(500, times=999))
    told, _ = until_it_fails(open_source(NO_WAIT), tracks)
    assert sorted(told) == list(range(100, 140))


@pytest.mark.parametrize("offline", [False, True])
def test_no_length_that_cannot_be_had_hides_features(offline, server, open_source, monkeypatch):
    monkeypatch.setattr(reccobeats, "_WINDOW", 80)
    told_of(open_source(), many(200))
    server.faults.append(failing(500, times=999))
    told, _ = until_it_fails(open_source(NO_WAIT, offline=offline), many(240, length=False))
    assert {i: one.features for i, one in told.items()} == {i: features(i) for i in range(200)}


def test_features_and_misses_expire_each_in_its_time(server, open_source):
    now = [1e9]
    tracks = [listed(1, length=False), listed(4_000)]

    def n_asked_after(days):
        now[0] = 1e9 + days * DAY_S
        server.seen.clear()
        told_of(open_source(now=lambda: now[0]), tracks)
        return [len(ids) for ids in server.asked()], [len(ids) for ids in server.asked("/v1/track")]

    assert n_asked_after(0) == ([2], [1])
    assert n_asked_after(MISS_DAYS - 1) == ([], [])
    assert n_asked_after(MISS_DAYS + 1) == ([1], [])
    assert n_asked_after(FEATURES_DAYS - 1) == ([1], [])
    assert n_asked_after(FEATURES_DAYS + 1) == ([1], [1])


def test_refresh_asks_not_again_for_features(server, open_source):
    told_of(open_source(), many(5))
    server.seen.clear()
    told_of(open_source(refresh=True), many(5))
    assert server.seen == []


@pytest.mark.parametrize("value", ["text", 5, [1], {"energy": "high"}, {}])
def test_a_kept_answer_of_another_shape_is_as_good_as_unknown(value, server, open_source, tmp_path):
    with AnswerCache(tmp_path / "cache.sqlite") as cache:
        cache.put("reccobeats", "features", spotify_id(1), value, days=1)
    assert told_of(open_source(), [listed(1)]) == {0: Told({})}


def test_several_threads_may_ask(server, open_source):
    source = open_source()
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(told_of(source, many(200))))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 3 and results[0] == results[1] == results[2]


# --- Where it is -----------------------------------------------------------------------------


def test_the_environment_names_another_address(server, monkeypatch):
    monkeypatch.setenv("RECCOBEATS_URL", f" {server.url}/ ")
    with AnswerCache(":memory:") as cache, ReccoBeats(cache, patience=QUICK) as source:
        assert told_of(source, [listed(1)])[0].features == features(1)


def test_an_address_that_is_none_is_refused(monkeypatch):
    monkeypatch.setenv("RECCOBEATS_URL", "reccobeats")
    with AnswerCache(":memory:") as cache, pytest.raises(UsageError, match="ReccoBeats"):
        ReccoBeats(cache)


# --- A file that is sent ---------------------------------------------------------------------


def a_wav(path, seconds=0.1, rate=8_000):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(b"\1\2" * int(seconds * rate))
    return path


def test_a_file_is_heard_once(server, open_source, tmp_path):
    path = a_wav(tmp_path / "näme of mine.wav")
    expected = features(hashlib.sha256(path.read_bytes()).hexdigest())
    assert open_source().analyse(path) == Told(expected)
    (seen,) = server.seen
    assert b"mine" not in seen.body, "the name of a file is nobody's business"
    other = path.rename(tmp_path / "other.wav")
    assert open_source().analyse(other) == Told(expected)
    assert open_source(offline=True).analyse(other) == Told(expected)
    assert len(server.seen) == 1


def test_another_file_of_the_same_name_is_another(server, open_source, tmp_path):
    path = a_wav(tmp_path / "a.wav")
    first = open_source().analyse(path)
    assert open_source().analyse(a_wav(path, seconds=0.2)) != first


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("a.flac", b"fLaC", "flac"),
        ("a.m4a", b"x", "clip"),
        ("a", b"RIFF", "wav"),
        ("a.wav", b"", "empty"),
        ("a.wav", b"RIFF" + bytes(5_000_000), "more than 5 MB"),
        ("gone.wav", None, "cannot read"),
    ],
)
def test_what_cannot_be_sent_is_refused_before(name, content, match, open_source, tmp_path):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    source = open_source()
    with pytest.raises(InputError, match=match):
        source.analyse(path)
    assert source.n_requests == 0


def test_the_largest_file_is_sent(server, open_source, tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(b"RIFF" + bytes(5_000_000 - 4))
    assert open_source().analyse(path).features


def test_what_the_service_refuses_to_hear_is_asked_about_again(server, open_source, tmp_path):
    path = tmp_path / "a.mp3"
    path.write_bytes(b"no audio at all")
    for _ in range(2):
        with pytest.raises(ServiceRefusedError, match="the file is no audio"):
            open_source().analyse(path)
    assert len(server.seen) == 2


def test_sending_begins_anew_after_a_stumble(server, open_source, tmp_path):
    path = a_wav(tmp_path / "a.wav", seconds=5)
    server.faults.append(failing(500, times=2))
    assert open_source().analyse(path).features
    assert len({seen.headers["content-length"] for seen in server.seen}) == 1
    assert len(server.seen) == 3


def test_an_answer_that_tells_of_no_features(server, open_source, tmp_path):
    path = a_wav(tmp_path / "a.wav")
    server.faults.append(Fault("answer", answer=Answer([1, 2])))
    with pytest.raises(ServiceAnswerError, match="no features"):
        open_source().analyse(path)
    server.faults.append(Fault("answer", answer=Answer({"energy": None})))
    assert open_source().analyse(path) == Told({})
    assert open_source().analyse(path) == Told({})
    assert len(server.seen) == 2


def test_nothing_is_sent_offline(server, open_source, tmp_path):
    with pytest.raises(OfflineError, match=r"a\.wav"):
        open_source(offline=True).analyse(a_wav(tmp_path / "a.wav"))
    assert server.seen == []
