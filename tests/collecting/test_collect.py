"""The whole of collecting, on sources made for it."""

from contextlib import contextmanager

import pytest

from affetto.collecting.collect import POLICY, collect_from, place_to_write
from affetto.collecting.references import Request
from affetto.errors import (
    ClientMissingError,
    LoginError,
    OfflineError,
    PlaylistError,
    ServiceAnswerError,
    ServiceBusyError,
    ServiceUnreachableError,
)
from affetto.features import FEATURE_NAMES
from affetto.scoring.results import write_frame
from affetto.sources.contract import FoundPlaylist, Listed
from affetto.tracks import Track

WHOLE = {
    **dict.fromkeys(FEATURE_NAMES, 0.5),
    **{"tempo": 120.0, "loudness": -8.0, "duration_ms": 200_000.0},
}


class MadeSource:
    """Playlists that are made for a test: entries, or errors among them."""

    def __init__(self, name, playlists):
        self.name, self.lists, self.n_finds = name, playlists, 0

    def find(self, reference):
        self.n_finds += 1
        wanted = reference.rpartition("/")[2]
        if isinstance(self.lists, Exception):
            raise self.lists
        if wanted == "all":
            return [FoundPlaylist(self.name, name, name) for name in self.lists]
        if wanted not in self.lists:
            raise PlaylistError(f"there is no playlist {wanted!r}")
        return [FoundPlaylist(self.name, wanted, wanted)]

    def tracks(self, playlist, progress=None):
        for place, entry in enumerate(self.lists[playlist.key]):
            if isinstance(entry, Exception):
                raise entry
            progress(place + 1, len(self.lists[playlist.key]))
            yield entry


class MadeServices:
    """As `affetto.collecting.services.Services`."""

    def __init__(self, sources, tellers=()):
        self.sources = {source.name: source for source in sources}
        self.tellers = {teller.name: teller for teller in tellers}
        self.only_kept = []

    @contextmanager
    def asking_nobody(self, only_kept=True):
        self.only_kept.append(only_kept)
        yield

    def playlists(self, name):
        if name not in self.sources:
            raise ClientMissingError('pip install "affetto[sources]"')
        return self.sources[name]

    def teller(self, name):
        teller = self.tellers.get(name)
        if isinstance(teller, type) and issubclass(teller, Exception):
            raise teller("pip install")
        return teller

    def failures(self):
        return []

    def counts(self):
        return {"reccobeats": 3}


def entry(place, **features):
    return Listed(Track(id=f"{place:022d}", title=f"Track {place}", artist="A"), features)


def ask(*references):
    return [
        Request(reference, "files" if "/" not in reference else reference.split(":")[0], mood)
        for mood, reference in references
    ]


def test_playlists_become_one_labelled_table(stage, make_teller):
    files = MadeSource("files", {"happy": [entry(1, **WHOLE), entry(2)], "dark 2": [entry(3)]})
    server = MadeSource("subsonic", {"Calm": [entry(4), entry(1)]})
    teller = make_teller("reccobeats", {f"{2:022d}": WHOLE})
    found = collect_from(
        ask((None, "happy"), ("Dark", "dark 2"), ("Calm", "subsonic:playlist/Calm")),
        MadeServices([files, server], [teller]),
        stage,
    )
    frame = found.frame
    assert frame["mood"].to_list() == ["Happy", "Happy", "Dark", "Calm", "Calm"]
    assert frame["playlist"].to_list() == ["happy", "happy", "dark 2", "Calm", "Calm"]
    assert frame["source"].to_list() == ["files"] * 3 + ["subsonic"] * 2
    assert frame["from_energy"].to_list() == ["table", "reccobeats", None, None, "table"]
    told = found.as_dict()
    assert (told["rows"], told["tracks"], told["complete"]) == (5, 4, 3)
    assert told["moods"] == [
        {"mood": "Happy", "source": "files", "playlists": 1, "tracks": 2, "complete": 2},
        {"mood": "Dark", "source": "files", "playlists": 1, "tracks": 1, "complete": 0},
        {"mood": "Calm", "source": "subsonic", "playlists": 1, "tracks": 2, "complete": 1},
    ]
    assert told["features"]["energy"] == {"table": 2, "reccobeats": 1}
    assert told["in_several_moods"] == 1  # track 1 is happy and calm
    assert told["requests"] == {"reccobeats": 3}
    assert found.problems == []


def test_a_playlist_that_fails_costs_the_others_nothing(stage):
    files = MadeSource(
        "files",
        {
            "good": [entry(1, **WHOLE)],
            "broken": [entry(2, **WHOLE), ServiceAnswerError("cut"), entry(3)],
            "empty": [],
            "talk": [Listed(Track(title="News"), problem="is an episode")],
        },
    )
    found = collect_from(
        ask(("A", "good"), ("B", "gone"), ("C", "broken"), ("D", "empty"), ("E", "talk")),
        MadeServices([files]),
        stage,
    )
    assert found.frame["mood"].to_list() == ["A", "C"]
    assert {problem.what: str(problem.error) for problem in found.problems} == {
        "gone": "there is no playlist 'gone'",
        "broken (broken)": "cut",
        "empty (empty)": "the playlist 'empty' is empty",
        "talk (talk)": "the playlist 'talk' holds no track that can be used (1 left out)",
    }


@pytest.mark.parametrize(
    "error",
    [
        LoginError("no login"),
        ServiceBusyError("until 14:30", until=1.0),
        ServiceUnreachableError("down"),
    ],
)
def test_a_service_that_is_no_use_is_asked_once(stage, error):
    server = MadeSource("subsonic", error)
    files = MadeSource("files", {"good": [entry(1, **WHOLE)]})
    services = MadeServices([files, server])
    requests = ask(("A", "subsonic:playlist/x"), ("B", "subsonic:playlist/y"), ("C", "good"))
    found = collect_from(requests, services, stage)
    # The second time only what is kept may answer.
    assert services.only_kept == [False, True, False, False]
    assert [(problem.what, problem.error) for problem in found.problems] == [
        ("subsonic:playlist/x", error),
        ("subsonic:playlist/y", error),
    ]
    assert found.frame["mood"].to_list() == ["C"]
    assert found.absent == ("A", "B")


def test_what_is_kept_of_a_service_that_is_gone_is_listed_still(stage):
    gone = ServiceBusyError("until 14:30", until=1.0)
    server = MadeSource(
        "subsonic",
        {"x": [entry(1), gone], "y": [entry(2)], "z": [OfflineError("not kept")]},
    )
    requests = ask(*((mood, f"subsonic:playlist/{mood.lower()}") for mood in "XYZ"))
    found = collect_from(requests, MadeServices([server]), stage)
    assert found.frame["mood"].to_list() == ["X", "Y"]
    assert [problem.error for problem in found.problems] == [gone, gone]  # z, for that reason


def test_nothing_at_all_is_an_error_that_says_why(stage):
    services = MadeServices([MadeSource("files", {})])
    with pytest.raises(PlaylistError, match=r"^there is no playlist 'a'$"):
        collect_from(ask(("A", "a")), services, stage)
    with pytest.raises(
        PlaylistError, match=r"nothing could be collected:\n  there is no playlist 'a'\n  there"
    ):
        collect_from(ask(("A", "a"), ("B", "b")), services, stage)
    with pytest.raises(ClientMissingError, match="affetto\\[sources\\]"):
        collect_from(ask(("A", "spotify:playlist/x")), services, stage)


def test_a_playlist_named_twice_for_a_mood_is_taken_once(stage):
    files = MadeSource("files", {"a": [entry(1, **WHOLE)], "b": [entry(2, **WHOLE)]})
    found = collect_from(
        ask(("A", "a"), ("A", "files:x/all"), ("B", "a")), MadeServices([files]), stage
    )
    assert found.frame.select("mood", "playlist").rows() == [("A", "a"), ("A", "b"), ("B", "a (2)")]


def test_without_moods_each_playlist_is_labelled_by_its_name(stage):
    files = MadeSource("files", {"my dark songs": [entry(1, **WHOLE)], "Chill 3": [entry(2)]})
    found = collect_from(ask((None, "files:x/all")), MadeServices([files]), stage)
    assert found.frame["mood"].to_list() == ["Dark", "Chill"]


def test_sources_that_are_mixed_are_compared_on_shared_tracks(stage, make_teller):
    quieter = {**WHOLE, "energy": 0.25}
    files = MadeSource(
        "files",
        {
            "a": [entry(place, **{**WHOLE, "energy": place / 100}) for place in range(60)]
            + [entry(99)]
        },
    )
    teller = make_teller("reccobeats", {f"{place:022d}": quieter for place in range(100)})
    services = MadeServices([files], [teller])
    found = collect_from(ask(("A", "a")), services, stage)
    (summary,) = found.comparisons
    assert (summary.first, summary.second) == ("table", "reccobeats")
    assert summary.n_shared == 40
    assert len(teller.asked) == 41  # the one that lacked features, and 40 to compare
    assert found.frame["from_energy"].to_list() == ["table"] * 60 + ["reccobeats"]
    # What was asked for the comparison counts for nothing else.
    assert found.frame["energy"].to_list() == [place / 100 for place in range(60)] + [0.25]
    teller.asked.clear()
    assert collect_from(ask(("A", "a")), services, stage, compare=False).comparisons == []
    assert len(teller.asked) == 1


def test_one_source_alone_is_compared_with_nothing(stage, make_teller):
    files = MadeSource("files", {"a": [entry(1, **WHOLE)]})
    teller = make_teller("reccobeats", {})
    assert collect_from(ask(("A", "a")), MadeServices([files], [teller]), stage).comparisons == []
    assert teller.asked == []


def test_a_missing_extra_matters_only_where_something_is_missing(stage):
    missing = {"reccobeats": ClientMissingError}
    whole = MadeServices([MadeSource("files", {"a": [entry(1, **WHOLE)]})])
    whole.tellers = missing
    assert collect_from(ask(("A", "a")), whole, stage).problems == []
    gap = MadeServices([MadeSource("files", {"a": [entry(1)]})])
    gap.tellers = missing
    (problem,) = collect_from(ask(("A", "a")), gap, stage).problems
    assert problem.what == "reccobeats"
    files = MadeSource("files", {"a": [Listed(Track(title="Sun", artist="Ra"))]})
    unaskable = MadeServices([files])
    unaskable.tellers = missing
    assert collect_from(ask(("A", "a")), unaskable, stage).problems == []


def test_what_spotify_allows_is_said_once(stage):
    real = Listed(Track(id="4uLU6hMCjMI75M1A2tKUQC"), WHOLE)
    files = MadeSource(
        "files", {"a": [real], "b": [real], "own": [Listed(Track(), WHOLE, path="/a.mp3")]}
    )
    found = collect_from(ask(("A", "a"), ("B", "b")), MadeServices([files]), stage)
    assert found.notes == [POLICY]
    assert collect_from(ask(("A", "own")), MadeServices([files]), stage).notes == []


def test_entries_that_are_no_tracks_are_counted(stage):
    entries = [entry(1, **WHOLE), Listed(Track(), problem="is an episode"), entry(1)]
    found = collect_from(
        ask(("A", "a")), MadeServices([MadeSource("files", {"a": entries})]), stage
    )
    (listing,) = found.as_dict()["playlists"]
    assert listing == {
        **{"name": "a", "mood": "A", "source": "files", "tracks": 1},
        "left_out": {"is an episode": 1},
    }
    assert found.as_dict()["again"] == 1


def test_moods_that_differ_in_who_measured_are_told(stage, make_teller):
    files = MadeSource(
        "files",
        {
            "a": [entry(place, **WHOLE) for place in range(9)],
            "b": [entry(place) for place in range(20, 29)],
            "c": [entry(place, **WHOLE) for place in range(30, 33)]
            + [entry(place) for place in range(40, 43)],
        },
    )
    teller = make_teller("reccobeats", {f"{place:022d}": WHOLE for place in range(100)})
    requests = ask(("Calm", "a"), ("Wild", "b"), ("Even", "c"))
    found = collect_from(requests, MadeServices([files], [teller]), stage)
    assert found.mainly_from() == {"Calm": "table", "Wild": "reccobeats"}


def test_playlists_that_affetto_wrote_are_no_labels(stage):
    lists = {"Calm": [entry(1)], "affetto: Calm": [entry(2)], "affetto: Dark": [entry(3)]}
    services = MadeServices([MadeSource("spotify", lists)])
    found = collect_from(ask((None, "spotify:x/all")), services, stage)
    assert found.frame["playlist"].to_list() == ["Calm"]
    assert "2 playlists that affetto wrote are left out" in found.notes[0]
    # By its name it may be asked for.
    found = collect_from(ask((None, "spotify:x/affetto: Calm")), services, stage)
    assert found.frame["playlist"].to_list() == ["affetto: Calm"]
    assert any("'affetto: Calm' was written by affetto" in note for note in found.notes)


@pytest.mark.parametrize("names", [["affetto: Calm"], ["affetto: Calm", "affetto: Dark"]])
def test_who_has_but_what_affetto_wrote_is_told_so(stage, names):
    class Spotify(MadeSource):
        def find(self, reference):
            return [FoundPlaylist(self.name, name, name) for name in self.lists]

    services = MadeServices([Spotify("spotify", {name: [entry(1)] for name in names})])
    requests = [Request("spotify:", "spotify", None)]
    with pytest.raises(PlaylistError, match="spotify: has no playlists but those that affetto"):
        collect_from(requests, services, stage)


def test_tables_that_disagree_are_not_mixed_in_a_row(stage):
    one = Listed(Track(id="4uLU6hMCjMI75M1A2tKUQC"), {"energy": 0.25, "valence": 0.5})
    other = Listed(Track(id="4uLU6hMCjMI75M1A2tKUQC"), {"energy": 0.75, "tempo": 90.0})
    more = Listed(Track(id="4uLU6hMCjMI75M1A2tKUQC"), {"energy": 0.25, "loudness": -8.0})
    files = MadeSource("files", {"a": [one], "b": [other], "c": [more]})
    found = collect_from(ask(("A", "a"), ("B", "b"), ("C", "c")), MadeServices([files]), stage)
    row = found.frame.row(0, named=True)
    assert (row["energy"], row["valence"], row["tempo"], row["loudness"]) == (0.25, 0.5, None, -8.0)
    assert any("1 entry has other features" in note for note in found.notes)


def test_a_collected_table_keeps_its_origins(stage):
    told = Listed(Track(id="x" * 8), WHOLE, origins={"energy": "reccobeats", "tempo": "audio"})
    found = collect_from(
        ask(("A", "a")), MadeServices([MadeSource("files", {"a": [told]})]), stage, order=("table",)
    )
    row = found.frame.row(0, named=True)
    assert (row["from_energy"], row["from_tempo"], row["from_valence"]) == (
        *("reccobeats", "audio", "table"),
    )
    assert (row["energy"], row["tempo"]) == (0.5, 120.0)


def test_where_tables_are_not_named_what_they_collected_before_does_not_count(stage, make_teller):
    told = Listed(Track(id="x" * 8), WHOLE, origins={"energy": "reccobeats", "tempo": "spotify"})
    services = MadeServices(
        [MadeSource("files", {"a": [told]})], [make_teller("audio", {"x" * 8: {"energy": 0.75}})]
    )
    row = collect_from(ask(("A", "a")), services, stage, order=("audio",)).frame.row(0, named=True)
    assert (row["from_energy"], row["energy"]) == ("audio", 0.75)
    assert (row["from_tempo"], row["tempo"]) == (None, None)


def test_a_run_that_failed_in_part_spoils_no_good_table(stage, tmp_path):
    lists = {"a": [entry(1, **WHOLE), entry(2, **WHOLE)], "b": [entry(3, **WHOLE)]}
    files, out = MadeSource("files", lists), tmp_path / "moods.parquet"
    services = MadeServices([files])
    whole = collect_from(ask(("A", "a"), ("B", "b")), services, stage)
    assert place_to_write(whole, out) == out
    write_frame(whole.frame, out)
    part = collect_from(ask(("A", "a"), ("B", "typo")), services, stage)
    assert place_to_write(part, out) == tmp_path / "moods.partial.parquet"
    less = collect_from(ask(("A", "a")), services, stage)  # asked for: nothing failed
    assert place_to_write(less, out) == out
    out.write_text("no table")
    assert place_to_write(part, out) == out


def test_a_service_that_fails_later_costs_no_features_that_are_there(stage, tmp_path, make_teller):
    files, out = MadeSource("files", {"a": [entry(1), entry(2)]}), tmp_path / "moods.csv"

    def run(teller):
        return collect_from(ask(("A", "a")), MadeServices([files], [teller]), stage)

    knows = {f"{place:022d}": WHOLE for place in (1, 2)}
    write_frame(run(make_teller("reccobeats", knows)).frame, out)
    part = run(make_teller("reccobeats", knows, fails_after=1))
    assert len(part.frame) == 2 and part.problems
    assert place_to_write(part, out) == tmp_path / "moods.partial.csv"


def test_as_many_rows_of_other_playlists_are_no_reason_to_replace_a_table(stage, tmp_path):
    lists = {name: [entry(place, **WHOLE)] for place, name in enumerate("abc")}
    services, out = MadeServices([MadeSource("files", lists)]), tmp_path / "moods.parquet"
    write_frame(collect_from(ask(("A", "a"), ("B", "b")), services, stage).frame, out)
    part = collect_from(ask(("A", "a"), ("B", "typo"), ("B", "c")), services, stage)
    assert len(part.frame) == 2 and part.problems
    assert place_to_write(part, out) == tmp_path / "moods.partial.parquet"
    more = collect_from(ask(("A", "a"), ("B", "b"), ("B", "typo")), services, stage)
    assert place_to_write(more, out) == out  # it holds all that was there
    write_frame(more.frame.drop("playlist"), out)  # a table of somebody else
    assert place_to_write(part, out) == tmp_path / "moods.partial.parquet"


def test_a_run_that_got_no_features_spoils_no_good_table(stage, tmp_path, make_teller):
    files, out = MadeSource("files", {"a": [entry(1), entry(2)]}), tmp_path / "moods.csv"
    teller = make_teller("reccobeats", {f"{place:022d}": WHOLE for place in (1, 2)})
    whole = collect_from(ask(("A", "a")), MadeServices([files], [teller]), stage)
    write_frame(whole.frame, out)
    bare = collect_from(ask(("A", "a")), MadeServices([files]), stage, order=("table",))
    assert bare.problems == []
    assert place_to_write(bare, out) == tmp_path / "moods.partial.csv"
    assert place_to_write(bare, tmp_path / "new.csv") == tmp_path / "new.csv"


def test_tracks_to_learn_from_are_whole_and_of_one_mood(stage):
    lists = {
        "a": [entry(1, **WHOLE), entry(2, **WHOLE), entry(3)],
        "a2": [entry(1, **WHOLE)],
        "b": [entry(2, **WHOLE), entry(4, **WHOLE)],
    }
    requests = ask(("A", "a"), ("A", "a2"), ("B", "b"))
    found = collect_from(requests, MadeServices([MadeSource("files", lists)]), stage)
    assert found.usable() == {"A": 1, "B": 1}


def test_a_feature_that_no_source_has_is_not_waited_for(stage):
    nine = {name: value for name, value in WHOLE.items() if name != "liveness"}
    lists = {"a": [entry(1, **nine), entry(2)], "b": [entry(3, duration_ms=180_000.0)]}
    services = MadeServices([MadeSource("files", lists)])
    found = collect_from(ask(("A", "a")), services, stage)
    assert "liveness" not in found.held
    assert found.usable() == {"A": 1}
    lengths = collect_from(ask(("B", "b")), services, stage)
    assert lengths.held == ("duration_ms",) and lengths.usable() == {"B": 0}
