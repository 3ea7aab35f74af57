"""What a person asks to be collected."""

import pytest

from affetto.collecting.references import Request, parse_requests, source_of
from affetto.errors import UsageError


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        (
            "Happy=spotify:playlist:37i9dQZF1DX",
            Request("spotify:playlist:37i9dQZF1DX", "spotify", "Happy"),
        ),
        ("happy=spotify:saved", Request("spotify:saved", "spotify", "Happy")),
        (
            "Dark=https://open.spotify.com/playlist/abc?si=x=y",
            Request("https://open.spotify.com/playlist/abc?si=x=y", "spotify", "Dark"),
        ),
        (
            "https://open.spotify.com/intl-de/playlist/abc?si=1",
            Request("https://open.spotify.com/intl-de/playlist/abc?si=1", "spotify", None),
        ),
        ("open.spotify.com/playlist/a", Request("open.spotify.com/playlist/a", "spotify", None)),
        (
            "Calm=subsonic:playlist/Sunday = rest",
            Request("subsonic:playlist/Sunday = rest", "subsonic", "Calm"),
        ),
        ("subsonic:playlist/a=b", Request("subsonic:playlist/a=b", "subsonic", None)),
        ("JELLYFIN:favourites", Request("JELLYFIN:favourites", "jellyfin", None)),
        ("Late night=~/Music/heavy.m3u8", Request("~/Music/heavy.m3u8", "files", "Late night")),
        ("~/Music/a=b", Request("~/Music/a=b", "files", None)),
        ("C:\\Music\\x=y.csv", Request("C:\\Music\\x=y.csv", "files", None)),
        ("file:///music/a.m3u", Request("file:///music/a.m3u", "files", None)),
    ],
)
def test_a_reference_is_told_from_its_mood(argument, expected):
    assert parse_requests([argument]) == [expected]


def test_a_path_that_holds_an_equals_sign_is_a_path_if_it_is_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mood=happy.csv").touch()
    assert parse_requests(["mood=happy.csv"]) == [Request("mood=happy.csv", "files", None)]
    assert parse_requests(["mood=sad.csv"]) == [Request("sad.csv", "files", "mood")]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing named to collect"),
        (["Happy="], "expected a playlist"),
        (["=a.csv"], "expected a mood before"),
        ([" =a.csv"], "expected a mood before"),
        (["Hapy=a.csv"], "did you mean Happy"),
        (["Happy=https://music.example.org/playlist/1"], "a site that affetto does not know"),
    ],
)
def test_what_cannot_be_read_is_refused(arguments, message):
    with pytest.raises(UsageError, match=message):
        parse_requests(arguments)


def test_a_service_is_told_by_its_scheme():
    assert source_of("spotify:") == "spotify"
    assert source_of("spotify.csv") == source_of("spotify") == "files"
