"""Playlists as a service shall have them: read from tables and the library, named."""

import polars as pl
import pytest

from affetto.collecting.wanted import (
    PREFIX,
    checked_prefix,
    of_made,
    of_tables,
    open_labelled,
    playlist_name,
)
from affetto.errors import InputError, TableError, UsageError
from affetto.library.entry import Entry
from affetto.library.mixes import Rules
from affetto.library.playlists import MadePlaylist, of_each_mood
from affetto.sources.tables import from_frame
from affetto.tracks import Track

HAPPY, DARK = f"{PREFIX}Happy", f"{PREFIX}Dark"


def table(name="labels.csv", **columns):
    n = len(next(iter(columns.values())))
    return from_frame(pl.DataFrame({**columns, "energy": [0.5] * n}), name)


def titles(playlist):
    return [each.title for each in playlist.tracks]


class TestNames:
    def test_prefix_and_title_on_one_line(self):
        assert playlist_name("affetto: ", "Happy") == "affetto: Happy"
        assert playlist_name("mood/", " two\nlines\x07 ") == "mood/two lines"
        assert playlist_name("  my   moods  ", "Dark") == "my moods Dark"

    @pytest.mark.parametrize("prefix", ["", "  ", "\n", "·", ": "])
    def test_a_prefix_that_names_nothing_is_refused(self, prefix):
        with pytest.raises(UsageError, match="by it they are told from your own"):
            checked_prefix(prefix)


class TestTables:
    def test_a_playlist_a_mood_in_the_order_of_the_rows(self):
        labels = table(
            title=["a", "b", "c", "d"],
            artist=["x", "x", "y", "y"],
            mood=["Dark", "Happy", "happy ", "Dark"],
        )
        made = of_tables([labels])
        full = [(each.name, titles(each)) for each in made if each.tracks]
        assert full == [(DARK, ["a", "d"]), (HAPPY, ["b", "c"])]

    def test_the_five_without_a_track_are_there_without_tracks(self):
        made = of_tables([table(title=["a"], artist=["x"], mood=["Happy"])])
        assert [(each.title, len(each.tracks)) for each in made] == [
            ("Happy", 1), ("Energetic", 0), ("Relaxing", 0), ("Dark", 0), ("Aggressive", 0),
        ]  # fmt: skip

    def test_all_of_an_identity_is_carried(self):
        labels = table(
            id=["spotify:track:4uLU6hMCjMI75M1A2tKUQC"],
            isrc=["GBARL9300135"],
            title=["a"],
            artist=["x"],
            album=["z"],
            path=["/m/a.mp3"],
            mood=["Happy"],
        )
        happy = of_tables([labels])[0]
        assert happy.tracks == (
            Track("spotify:track:4uLU6hMCjMI75M1A2tKUQC", "GBARL9300135", "a", "x", "z"),
        )
        assert happy.paths == ("/m/a.mp3",)

    def test_a_track_that_comes_twice_counts_once(self):
        one, other = (f"4uLU6hMCjMI75M1A2tKUQ{end}" for end in "Cx")
        labels = table(
            id=[one, f"spotify:track:{one}", other, None, None],
            title=["a", "a", "a", "b", "B"],
            artist=["x", "x", "x", "x", "X"],
            mood=["Happy"] * 5,
        )
        # Another id is another recording, whatever its name.
        assert [each.id for each in of_tables([labels])[0].tracks] == [one, other, None]

    def test_the_same_track_in_two_moods_is_in_both(self):
        labels = table(title=["a", "a"], artist=["x", "x"], mood=["Happy", "Dark"])
        assert [titles(each) for each in of_tables([labels]) if each.tracks] == [["a"], ["a"]]

    def test_tables_come_one_after_the_other(self):
        first = table(title=["b"], artist=["x"], mood=["Happy"])
        second = table(title=["a", "b"], artist=["x", "x"], mood=["Happy", "Happy"])
        assert titles(of_tables([first, second])[0]) == ["b", "a"]

    def test_rows_without_mood_or_track_are_left_out(self):
        labels = table(
            title=["a", "b", None, " "],
            artist=["x", "x", None, "x"],
            mood=[None, "Happy", "Happy", "Happy"],
        )
        assert titles(of_tables([labels])[0]) == ["b"]

    def test_confidence(self):
        labels = table(
            title=["a", "b", "c", "d"],
            artist=["x"] * 4,
            mood=["Happy"] * 4,
            confidence=["0.9", "0.4", "0.6", None],
        )
        assert titles(of_tables([labels], Rules(min_confidence=0.6))[0]) == ["a", "c"]
        assert titles(of_tables([labels], Rules(n=2))[0]) == ["a", "b"]
        assert titles(of_tables([labels], Rules(n=2, surest=True))[0]) == ["a", "c"]

    @pytest.mark.parametrize("rules", [Rules(min_confidence=0.5), Rules(n=1, surest=True)])
    def test_a_table_without_confidence_cannot_be_asked_for_it(self, rules):
        with pytest.raises(TableError, match=r"labels\.csv does not say how sure its moods are"):
            of_tables([table(title=["a"], artist=["x"], mood=["Happy"])], rules)

    def test_only_moods_that_are_asked_for(self):
        labels = table(title=["a", "b"], artist=["x", "x"], mood=["Happy", "Dark"])
        made = of_tables([labels], Rules(moods=("Dark", "Calm")))
        assert [(each.title, titles(each)) for each in made] == [("Dark", ["b"]), ("Calm", [])]
        with pytest.raises(InputError, match=r"no row is left to publish; .*: Dark, Happy"):
            of_tables([labels], Rules(moods=("Calm",)))

    def test_a_file_needs_no_features(self, tmp_path):
        path = tmp_path / "mine.csv"
        path.write_text("Track Name,Artist Name(s),mood\na,x,Happy\n")
        assert titles(of_tables([open_labelled(str(path))])[0]) == ["a"]
        path.write_text("title,mood\n")
        with pytest.raises(InputError, match=r"no row is left to publish; .*: none"):
            of_tables([open_labelled(str(path))])

    def test_a_public_table_may_be_named(self, data_dir):
        made = of_tables([open_labelled("dataset:article-1")])
        assert {each.title: len(each.tracks) for each in made}["Relaxing"] == 100

    def test_columns_that_are_missing_are_named(self):
        with pytest.raises(TableError, match="has no column 'mood'; columns: title, artist"):
            of_tables([table(title=["a"], artist=["x"])])
        with pytest.raises(TableError, match="no column that says which track a row is"):
            of_tables([table(mood=["Happy"])])

    def test_a_column_that_holds_no_moods_is_refused(self):
        names = [f"name {place}" for place in range(60)]
        labels = table(title=names, artist=names, mood=names)
        with pytest.raises(TableError, match="found 60 moods in the column 'mood'"):
            of_tables([labels])

    def test_the_label_may_be_an_identity_column(self):
        labels = table(title=["a", "b"], artist=["x", "x"], album=["Happy", "Dark"])
        made = of_tables([labels], label="album")
        assert [titles(each) for each in made if each.tracks] == [["b"], ["a"]]

    def test_the_label_may_be_the_column_of_confidence(self):
        labels = table(title=["a", "b"], artist=["x", "x"], confidence=["high", "low"])
        made = of_tables([labels], label="confidence")
        assert [each.title for each in made if each.tracks] == ["high", "low"]


class TestLibrary:
    def entries(self):
        return [
            Entry(k, f"/music/{k}.mp3", title=f"Song {k}" if k % 2 else None, artist="Someone",
                  mood=mood, confidence=0.5)
            for k, mood in enumerate(["Dark", "Happy", "Happy", "Calm", None])
        ]  # fmt: skip

    def test_what_the_library_makes_is_wanted_in_its_order(self):
        entries = self.entries()
        made = of_made(of_each_mood(entries), ("Happy", "Relaxing"))
        assert [(each.title, len(each.tracks)) for each in made] == [
            ("Dark", 1), ("Happy", 2), ("Calm", 1), ("Relaxing", 0),
        ]  # fmt: skip
        assert made[0].paths == ("/music/0.mp3",)
        assert made[0].tracks == (Track(artist="Someone"),)
        assert of_made(of_each_mood(entries), ("Happy", "Relaxing")) == made

    def test_notes_are_carried(self):
        made = MadePlaylist("Dark to Happy", (self.entries()[0],), note="too few")
        (journey,) = of_made([made], prefix="mine: ")
        assert (journey.name, journey.note) == ("mine: Dark to Happy", "too few")
