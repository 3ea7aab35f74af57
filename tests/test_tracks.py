"""A track's identity: its columns, and the keys under which spellings of it meet."""

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affetto.features import feature_of_column, normalise_column
from affetto.tracks import (
    _ALIASES,
    ERROR_COLUMN,
    IDENTITY_COLUMNS,
    Track,
    first_artist,
    identity_of_column,
    looks_like_track_id,
    normalise_id,
    normalise_isrc,
    normalise_name,
)

ID = "0aB1cD2eF3gH4iJ5kL6mN7"  # the form of an id, not one that exists
WAYS_TO_WRITE_AN_ID = [
    ID,
    f"  {ID}\n",
    f"spotify:track:{ID}",
    f"https://open.spotify.com/track/{ID}",
    f"https://open.spotify.com/track/{ID}/",
    f"https://open.spotify.com/track/{ID}?si=abc123",
    f"https://open.spotify.com/intl-de/track/{ID}?si=abc123#t=10",
    f"https://api.spotify.com/v1/tracks/{ID}",
]
WORDS = st.text(string.ascii_letters + "áéöç ", min_size=1, max_size=12).filter(normalise_name)


@pytest.mark.parametrize(
    ("column", "identity"),
    [
        ("id", "id"),
        ("ID", "id"),
        ("Track URI", "id"),
        ("Spotify ID", "id"),
        ("track_id", "id"),
        ("track_href", "id"),
        ("Spotify URL", "id"),
        ("ISRC", "isrc"),
        ("Track Name", "title"),
        ("trackName", "title"),
        ("NAME", "title"),
        ("title", "title"),
        ("Artist Name(s)", "artist"),
        ("artist(s)_name", "artist"),
        ("artist_name", "artist"),
        ("track_artist", "artist"),
        ("Artists", "artist"),
        ("Album Name", "album"),
        ("track_album_name", "album"),
        ("File Name", "path"),
        ("filename", "path"),
    ],
)
def test_columns_that_say_which_track(column, identity):
    assert identity_of_column(column) == identity


@pytest.mark.parametrize(
    "column",
    ["artist_uri", "Artist URI(s)", "Artist IDs", "Album URI", "Album Artist Name(s)", "album_id",
     "track_album_id", "playlist_id", "playlist_name", "Track Number", "Track Preview URL",
     "Added By", "genre", "track_genre", "mood", "energy", "Track Duration (ms)", ""],
)  # fmt: skip
def test_columns_that_do_not(column):
    assert identity_of_column(column) is None


def test_no_identity_alias_clashes():
    aliases = [*IDENTITY_COLUMNS, *(alias for names in _ALIASES.values() for alias in names)]
    assert len(set(aliases)) == len(aliases)
    assert ERROR_COLUMN not in aliases
    for alias in aliases:
        assert normalise_column(alias) == alias
        assert feature_of_column(alias) is None


@pytest.mark.parametrize("text", WAYS_TO_WRITE_AN_ID)
def test_uri_url_and_bare_id_meet(text):
    assert normalise_id(text) == ID
    assert looks_like_track_id(text)
    assert Track(id=text).keys() == (f"id:{ID}",)


@pytest.mark.parametrize(
    "text",
    [f"spotify:artist:{ID}", f"https://open.spotify.com/album/{ID}", f"/music/{ID}/01.mp3",
     "demo-0001", "0f2b1c1e-9d0c-4f57-b7ab-2f5bd6e5b1a1"],
)  # fmt: skip
def test_other_ids_stay_as_they_are(text):
    assert normalise_id(f" {text} ") == text
    assert not looks_like_track_id(text)


def test_no_id():
    assert normalise_id(None) is None
    assert normalise_id(" \t") is None


def test_a_long_word_is_no_id():
    assert not looks_like_track_id("Uncharacteristicallyso")
    assert not looks_like_track_id("")


def test_a_row_number_is_no_key_but_a_service_number_is():
    assert Track(id="17").keys() == ()
    assert Track(id="3135556789").keys() == ("id:3135556789",)


@pytest.mark.parametrize(
    "text",
    ["GBAYE0601498", "gbaye0601498", "GB-AYE-06-01498", "GB AYE 06 01498", "ISRC GB-AYE-06-01498"],
)
def test_forms_of_an_isrc_meet(text):
    assert normalise_isrc(text) == "GBAYE0601498"
    assert Track(isrc=text).keys() == ("isrc:GBAYE0601498",)


@pytest.mark.parametrize(
    "text", [None, "", "n/a", "GBAYE060149", "GBAYE06014988", "G1AYE0601498", "GBAYE06O1498"]
)
def test_what_is_no_isrc(text):
    assert normalise_isrc(text) is None
    assert Track(isrc=text).keys() == ()


@pytest.mark.parametrize(
    ("title", "artist"),
    [
        ("Café del Mär", "Björk"),
        ("CAFE DEL MAR", "bjork"),
        ("Cafe\u0301 del Mar", "Bjo\u0308rk"),  # accents as marks of their own
        ("  Café   del Mar ", " Björk "),
        ("Café del Mar (feat. Somebody Else)", "Björk"),
        ("Café del Mar [ft. Somebody]", "Björk"),
        ("Café del Mar (with Somebody & Another)", "Björk"),
        ("Café del Mar (featuring Somebody)", "Björk"),
        ("Café del Mar feat. Somebody", "Björk feat. Somebody"),
        ("Café del Mar", "Björk Feat Somebody"),
        ("Café del Mar", "Björk (ft. Somebody)"),
        ("Café del Mar - Remastered 2014", "Björk"),
        ("Café del Mar - 2014 Remaster", "Björk"),
        ("Café del Mar - Remastered", "Björk"),
        ("Café del Mar (2014 Remastered Version)", "Björk"),
        ("Café del Mar (feat. Somebody) - 2011 Remastered Version", "Björk"),
        ("Café del Mar", "Björk, Somebody"),
        ("Café del Mar", "Björk;Somebody"),
        ("Café del Mar", "['Björk', 'Somebody']"),
        ("Café del Mar", '["Björk"]'),
    ],
)
def test_spellings_of_title_and_artist_meet(title, artist):
    assert Track(title=title, artist=artist).keys() == ("name:cafe del mar|bjork",)


def test_a_comma_within_an_artists_name():
    assert first_artist("Tyler\\, The Creator,Kali") == "Tyler, The Creator"
    escaped = Track(title="Song", artist="Tyler\\, The Creator,Kali")
    plain = Track(title="Song", artist="Tyler, The Creator, Kali")
    assert escaped.keys() == plain.keys() == ("name:song|tyler",)


@pytest.mark.parametrize(
    ("cell", "artist"),
    [
        ("A", "A"),
        ("A, B", "A"),
        (" ,B", "B"),
        ("['Guns N’ Roses']", "Guns N’ Roses"),
        ("AC/DC", "AC/DC"),
        ("Featherweight", "Featherweight"),
        ("Simon & Garfunkel", "Simon & Garfunkel"),
        ("", ""),
        (None, ""),
    ],
)
def test_first_of_several_artists(cell, artist):
    assert first_artist(cell) == artist


def test_and_is_spelt_two_ways():
    assert normalise_name("Salt & Pepper") == normalise_name("salt and pepper")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("Song", "A"), ("Song", "B")),
        (("Song", "A"), ("Song - Live", "A")),
        (("Song", "A"), ("Song - Acoustic Remix", "A")),
        (("Song", "A"), ("Song (Part 2)", "A")),
        (("With or Without", "A"), ("With", "A")),
        (("Feather", "A"), ("F", "A")),
    ],
)
def test_different_recordings_do_not_meet(one, other):
    assert (
        Track(title=one[0], artist=one[1]).keys() != Track(title=other[0], artist=other[1]).keys()
    )


@pytest.mark.parametrize(
    ("title", "artist"),
    [("Song", None), (None, "A"), ("???", "A"), ("Intro", "Various Artists"),
     ("Track 01", "Unknown Artist")],
)  # fmt: skip
def test_a_name_that_says_too_little_is_no_key(title, artist):
    assert Track(title=title, artist=artist).keys() == ()


def test_all_keys_of_a_track():
    track = Track(id=f"spotify:track:{ID}", isrc="GBAYE0601498", title="Song", artist="A")
    assert track.keys() == (f"id:{ID}", "isrc:GBAYE0601498", "name:song|a")
    assert Track().keys() == ()


def test_a_track_names_itself():
    assert str(Track(title="Song", artist="A")) == "Song – A"
    assert str(Track(title="Song")) == "Song"
    assert str(Track(id="x1", isrc="GBAYE0601498")) == "x1"
    assert str(Track(isrc="GBAYE0601498")) == "GBAYE0601498"
    assert str(Track()) == "unnamed track"


@settings(deadline=None)
@given(st.text(max_size=40))
def test_normalising_twice_changes_nothing(text):
    assert normalise_name(normalise_name(text)) == normalise_name(text)
    assert normalise_id(normalise_id(text)) == normalise_id(text)
    assert normalise_isrc(normalise_isrc(text)) == normalise_isrc(text)


@settings(deadline=None)
@given(st.text(string.ascii_letters + string.digits, min_size=22, max_size=22))
def test_any_id_meets_its_uri_and_url(bare):
    assert normalise_id(f"spotify:track:{bare}") == bare
    assert normalise_id(f"https://open.spotify.com/track/{bare}?si=1") == bare


@settings(deadline=None)
@given(WORDS, WORDS, WORDS)
def test_case_and_guests_do_not_matter(title, artist, guest):
    key = Track(title=title, artist=artist).keys()
    assert Track(title=title.upper(), artist=artist.title()).keys() == key
    assert Track(title=f"{title} (feat. {guest})", artist=f"{artist}, {guest}").keys() == key


def test_a_remaster_within_a_title_cuts_nothing_off():
    titles = [f"Madama Butterfly (1986 - Remaster), Act {act}: Aria" for act in ("I", "II")]
    first, second = (Track(title=title, artist="Puccini").keys() for title in titles)
    assert not set(first) & set(second)


def test_an_id_of_a_tables_own_says_nothing_where_the_name_is_known():
    """Two tables may both begin with song_0."""
    assert Track(id="song_0", title="Sun", artist="Ra").keys() == ("name:sun|ra",)
    assert Track(id="song_0").keys() == ("id:song_0",)
    assert Track(id="song_0", title="Sun").keys() == ("id:song_0",)
    uri = Track(id="subsonic:song/1", title="Sun", artist="Ra")
    assert uri.keys() == ("id:subsonic:song/1", "name:sun|ra")
