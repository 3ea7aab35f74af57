"""What every source of playlists must do, whatever it is."""

import logging
import sqlite3
import zlib
from dataclasses import replace

import pytest

from affetto.errors import (
    AffettoError,
    LoginError,
    OfflineError,
    PlaylistError,
    ServiceAnswerError,
    ServiceBusyError,
    ServiceError,
    ServiceRefusedError,
    ServiceUnreachableError,
)
from affetto.sources.cache import AnswerCache
from affetto.sources.contract import AudioSource, Listed, PlaylistSource
from services.base import Answer, Fault, busy, failing, web_page
from services.case import SECRETS
from services.jellyfin_case import JellyfinCase
from services.local_case import ExportifyCase, FolderCase, PlaylistFileCase
from services.spotify_case import SpotifyCase
from services.subsonic_case import SubsonicCase

LOCAL = [ExportifyCase, FolderCase, PlaylistFileCase]
SERVICES = [JellyfinCase, SpotifyCase, SubsonicCase]


@pytest.fixture
def case(request, tmp_path, monkeypatch):
    one = request.param(tmp_path / "case", monkeypatch)
    yield one
    one.close()


every = pytest.mark.parametrize("case", [*LOCAL, *SERVICES], indirect=True)
remote = pytest.mark.parametrize("case", SERVICES, indirect=True)


def read(case, cache, reference):
    """Find one playlist and list it whole."""
    source = case.open(cache)
    try:
        (found,) = source.find(reference)
        return found, list(source.tracks(found))
    finally:
        source.close()


def titles(listed):
    return [one.track.title for one in listed if one.problem is None]


def expected(n, first=0):
    return [f"Track {place}" for place in range(first, first + n)]


@every
def test_a_playlist_is_listed_in_order(case, cache):
    found, listed = read(case, cache, case.add_playlist("Quiet hours", 5))
    assert found.name.endswith("Quiet hours")
    assert found.source == case.name
    assert [one.track.title or one.path.rsplit("/", 1)[-1].split(".")[0] for one in listed] == (
        expected(5)
    )
    assert all(isinstance(one, Listed) and one.problem is None for one in listed)
    source = case.open(cache)
    assert isinstance(source, PlaylistSource)
    source.close()


@every
def test_what_is_not_there_is_said_to_be_so(case, cache):
    case.add_playlist("Quiet hours", 2)
    with pytest.raises(PlaylistError):
        read(case, cache, case.unknown())


@remote
@pytest.mark.parametrize("beyond", [0, 1, 7])
def test_pages_are_joined_without_gap_or_repetition(case, cache, beyond):
    n = 2 * (case.page or 50) + beyond
    _, listed = read(case, cache, case.add_playlist("Long", n))
    assert titles(listed) == expected(n)


@remote
def test_an_empty_playlist_is_no_error(case, cache):
    assert read(case, cache, case.add_playlist("Nothing", 0))[1] == []


@remote
def test_lengths_are_told_in_milliseconds_by_the_services_name(case, cache):
    _, listed = read(case, cache, case.add_playlist("Timed", 3))
    for place, one in enumerate(listed):
        assert one.origin == case.name
        # Subsonic counts in whole seconds.
        assert one.features["duration_ms"] == pytest.approx(180_000 + place, abs=500)


@remote
def test_a_second_run_asks_nothing(case, cache):
    reference = case.add_playlist("Quiet hours", 2 * (case.page or 50) + 1)
    _, before = read(case, cache, reference)
    case.service.seen.clear()
    _, again = read(case, cache, reference)
    assert again == before
    assert case.service.paths() == []


@remote
def test_offline_answers_from_what_is_kept_however_old(case, tmp_path):
    reference = case.add_playlist("Quiet hours", 3)
    with AnswerCache(tmp_path / "kept.sqlite", now=lambda: 1_000_000.0) as first:
        _, before = read(case, first, reference)
    case.service.seen.clear()
    with AnswerCache(tmp_path / "kept.sqlite", offline=True) as second:
        assert read(case, second, reference)[1] == before
    assert case.service.paths() == []


@remote
def test_offline_asks_nothing_even_if_nothing_is_kept(case, tmp_path):
    reference = case.add_playlist("Quiet hours", 3)
    with (
        AnswerCache(tmp_path / "new.sqlite", offline=True) as cache,
        pytest.raises(OfflineError, match="--offline"),
    ):
        read(case, cache, reference)
    assert case.service.paths() == []


@remote
def test_what_is_kept_of_a_playlist_is_asked_anew_after_a_day_or_to_refresh(case, tmp_path):
    reference = case.add_playlist("Quiet hours", 3)
    with AnswerCache(tmp_path / "kept.sqlite") as first:
        read(case, first, reference)
    for settings in ({"refresh": True}, {"now": lambda: 9e9}):
        case.service.seen.clear()
        with AnswerCache(tmp_path / "kept.sqlite", **settings) as second:
            read(case, second, reference)
        assert any(case.listing in path for path in case.service.paths())


@remote
@pytest.mark.parametrize(
    "fault",
    [
        Fault("close"),
        Fault("cut"),
        Fault("cut", after=0),
        Fault("cut", after=200),
        Fault("cut-chunked"),
        Fault("truncate"),
        failing(500, times=2),
        failing(503),
        busy(0),
        busy(1),
    ],
    ids=str,
)
def test_a_stumbling_service_is_asked_again(case, cache, fault):
    reference = case.add_playlist("Quiet hours", 3)
    case.service.faults.append(replace(fault, path=case.listing))
    assert titles(read(case, cache, reference)[1]) == expected(3)


@remote
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault("close", times=99), ServiceUnreachableError),
        (Fault("cut", times=99), ServiceUnreachableError),
        (Fault("truncate", times=99), ServiceAnswerError),
        (failing(500, times=99), ServiceRefusedError),
        (web_page(times=99), ServiceAnswerError),
        (busy(86_400, times=99), ServiceBusyError),
        (Fault("answer", times=99, answer=Answer([1, 2])), ServiceAnswerError),
        (Fault("answer", times=99, answer=Answer({"a": None})), ServiceAnswerError),
    ],
    ids=["close", "cut", "truncate", "500", "web page", "busy for a day", "a list", "no content"],
)
def test_a_service_that_fails_for_good_is_said_to(case, cache, fault, error, caplog):
    reference = case.add_playlist("Quiet hours", 3)
    case.service.faults.append(replace(fault, path=case.listing))
    caplog.set_level(logging.DEBUG)
    with pytest.raises(error) as caught:
        read(case, cache, reference)
    told = str(caught.value) + caplog.text
    assert not any(secret in told for secret in SECRETS)
    assert isinstance(caught.value, ServiceError)


@pytest.mark.parametrize("case", [JellyfinCase, SpotifyCase], indirect=True)
def test_a_long_wait_says_when_to_return_and_keeps_the_pages_before(case, cache):
    reference = case.add_playlist("Long", 3 * case.page)
    # One page has come by when the service has had enough; the first answers may be of meta data.
    source = case.open(cache)
    (found,) = source.find(reference)
    listing = source.tracks(found)
    got = [next(listing) for _ in range(case.page)]
    case.service.faults.append(busy(7_200, times=99, path=case.listing))
    with pytest.raises(ServiceBusyError, match="until") as caught:
        got += list(listing)
    assert caught.value.until > 0
    source.close()
    asked = len(case.service.seen)
    case.service.faults.clear()
    case.service.seen.clear()
    _, listed = read(case, cache, reference)
    assert titles(listed) == expected(3 * case.page)
    assert titles(got) == expected(len(got))
    assert sum(case.listing in path for path in case.service.paths()) <= 2, asked


@remote
def test_a_refused_login_says_what_to_do(case, cache):
    reference = case.add_playlist("Quiet hours", 3)
    case.forget_login()
    with pytest.raises(LoginError, match="affetto login"):
        read(case, cache, reference)


@remote
def test_nothing_secret_is_kept_with_the_answers(case, tmp_path):
    reference = case.add_playlist("Quiet hours", 3)
    with AnswerCache(tmp_path / "kept.sqlite") as cache:
        read(case, cache, reference)
    db = sqlite3.connect(tmp_path / "kept.sqlite")
    rows = db.execute("SELECT service, kind, key, value FROM answers").fetchall()
    db.close()
    assert rows
    for service, kind, key, value in rows:
        text = f"{service} {kind} {key} {zlib.decompress(value).decode() if value else ''}"
        assert not any(secret in text for secret in SECRETS)


@remote
def test_an_entry_that_stands_twice_is_listed_twice(case, cache):
    reference = case.add_playlist("Twice", 3)
    case.repeat_last(reference)
    assert titles(read(case, cache, reference)[1]) == [*expected(3), "Track 2"]


@pytest.mark.parametrize("case", [JellyfinCase, SubsonicCase], indirect=True)
def test_a_music_server_hands_out_audio_whole_or_not_at_all(case, cache, tmp_path):
    reference = case.add_playlist("Quiet hours", 2)
    _, listed = read(case, cache, reference)
    source = case.open(cache)
    assert isinstance(source, AudioSource)
    fetched = source.fetch(listed[0], tmp_path)
    assert fetched.read_bytes()[:4] in {b"RIFF", b"fLaC", b"OggS"}
    case.service.faults.append(Fault("cut", after=100, times=99))
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(AffettoError):
        source.fetch(listed[1], other)
    assert list(other.iterdir()) == []
    source.close()
