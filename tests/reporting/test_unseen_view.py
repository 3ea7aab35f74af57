"""What the page says of music never seen: in words of its own groups, honest where unknown."""

import re
from html.parser import HTMLParser

import pytest

from affetto.reporting import unseen_view
from affetto.reporting.report import render_report
from affetto.reporting.words import group_words, named, points, tiny


class Texts(HTMLParser):
    """The words of each section, and how deep its rows are folded."""

    def __init__(self, markup):
        super().__init__()
        self.sections, self.here, self.folded = {}, None, 0
        self.rows = []
        self.feed(markup)

    def handle_starttag(self, tag, attrs):
        if tag == "section":
            self.here = dict(attrs)["id"]
            self.sections[self.here] = ""
        self.folded += tag == "details"
        if tag == "tr":
            self.rows.append((self.here, self.folded, ""))

    def handle_endtag(self, tag):
        self.here = None if tag == "section" else self.here
        self.folded -= tag == "details"

    def handle_data(self, data):
        if self.here:
            self.sections[self.here] += data
        if self.rows:
            section, folded, text = self.rows[-1]
            self.rows[-1] = (section, folded, text + data)


def section(evidence, name):
    return re.sub(r"\s+", " ", Texts(render_report(evidence)).sections[name])


class TestHeadline:
    def test_no_interval_is_drawn_of_half_a_one(self, make_evidence):
        evidence = make_evidence()
        evidence["unseen_group"]["intervals"] = {"accuracy": [0.5]}
        head = unseen_view.headline(evidence, 0.2)
        assert head["interval"] is None
        assert head["bar_unseen"] is None
        assert head["spread"] is not None

    def test_without_groups_the_tables_still_stand(self, make_evidence):
        evidence = make_evidence(groups=False)
        evidence["unseen_source"] = make_evidence()["unseen_source"]
        head = unseen_view.headline(evidence, None)
        assert head["unseen"] is None
        assert head["gap"] is None
        assert head["sources"]["accuracy"] == 0.7
        assert "Not to be set against the figure above" in render_report(evidence)

    def test_sources_within_a_table_are_collections(self, make_evidence):
        evidence = make_evidence()
        assert unseen_view.source_words(evidence) == ("table", "tables")
        evidence["source"]["tables"] = [{"name": "all in one"}]
        assert unseen_view.source_words(evidence) == ("collection", "collections")
        assert "On collections never seen" in render_report(evidence)


class TestUnseen:
    def test_both_ways_stand_side_by_side_with_their_intervals(self, make_evidence):
        said = section(make_evidence(), "unseen")
        assert "0.440–0.580" in said
        assert "0.600–0.750" in said
        assert "How the model was chosen: chosen for every split without the playlists" in said
        assert "Taken: Logistic regression (30×) and Random forest (2×)." in said


class TestSources:
    def test_the_table_that_hurts_is_named(self, make_evidence):
        said = section(make_evidence(), "sources")
        assert "Yes: without third, the others are clearly better recognised." in said

    def test_where_none_hurts_nothing_is_claimed(self, make_evidence):
        evidence = make_evidence()
        evidence["unseen_source"]["without"][0]["hurts"] = False
        assert "None does, as far as can be told" in section(evidence, "sources")

    def test_two_tables_have_no_interval_and_say_so(self, make_evidence):
        evidence = make_evidence()
        del evidence["unseen_source"]["sources"]["third"]
        evidence["unseen_source"] |= {"intervals": None, "without": []}
        said = section(evidence, "sources")
        assert "Two are too few for an interval" in said
        assert "hurt the others" not in said


class TestAgreement:
    def test_the_playlist_that_disagrees_leads(self, make_evidence):
        said = section(make_evidence(), "agreement")
        assert "Not all of them. Energetic-3 disagrees with its mood, Energetic." in said
        assert "more often called Relaxing (45%)" in said

    def test_where_all_agree_that_is_said(self, make_evidence):
        evidence = make_evidence()
        for row in evidence["consistency"]:
            row["verdict"] = "alike"
        assert "They do: nowhere does one stand clearly apart" in section(evidence, "agreement")

    def test_an_older_run_has_figures_and_no_verdict(self, make_evidence):
        evidence = make_evidence()
        evidence["consistency"] = [
            {"mood": "Dark", "group": "Dark-1", "auc": 0.68, "agreement": 0.5},
            {"mood": "Dark", "group": "Dark-2", "auc": 0.7, "agreement": 0.4},
        ]
        said = section(evidence, "agreement")
        assert "They do" not in said
        assert "Not all" not in said
        assert "0.680–0.700" in said

    def test_the_effect_on_other_moods_has_two_standard_errors(self, make_evidence):
        assert "+2.1 ± 0.8" in section(make_evidence(), "agreement")

    def test_fifty_moods_with_many_playlists_each(self, make_evidence):
        evidence = make_evidence([f"Mood {i}" for i in range(50)])
        first = evidence["consistency"][0]
        evidence["consistency"] = [
            first | {"mood": f"Mood {i}", "group": f"{i}-{j}", "verdict": "distinct"}
            for i in range(50)
            for j in range(12)
        ]
        said = section(evidence, "agreement")
        assert "And 44 more findings" in said
        assert "All 600 playlists in figures" in said


class TestNeeds:
    def test_the_neediest_mood_leads(self, make_evidence):
        said = section(make_evidence(), "needs")
        assert "Energetic: 30% of its tracks are recognised on playlists never seen" in said
        assert "it has 3 playlists to learn from" in said
        assert "95% interval −5% to +4%" in said

    def test_words_alone_where_no_curve_can_be_told(self, make_evidence):
        evidence = make_evidence()
        for key in ("by_groups", "by_tracks"):
            evidence["needs"][key] |= {"points": [], "exponent": None, "low": None, "high": None}
        said = section(evidence, "needs")
        assert "Each doubling takes 19% off." in said
        assert "Each point is" not in said

    def test_speaks_of_the_groups_there_are(self, make_evidence):
        evidence = make_evidence()
        evidence["source"]["group"] = "artist"
        evidence["needs"]["by_groups"]["words"] = "How much more playlists would help."
        said = section(evidence, "needs")
        assert "Which mood needs more artists?" in said
        assert "How much more artists would help." in said


class TestSuspects:
    def test_ten_are_shown_and_the_rest_folded(self, make_evidence):
        rows = [row for row in Texts(render_report(make_evidence())).rows
                if row[0] == "suspects" and "Song" in row[2]]  # fmt: skip
        assert [folded for _, folded, _ in rows] == [0] * 10 + [1] * 4

    def test_says_how_many_would_be_no_surprise(self, make_evidence):
        said = section(make_evidence(), "suspects")
        assert "23 tracks have a label that the model thinks hardly possible; about 8" in said
        assert "Listed are the 19 for which another mood is likely" in said
        assert "4 more of 9" in said
        assert "5 further ones" in said
        assert "Left out here, being odd as a whole (see above): Energetic-3." in said

    def test_few_are_not_called_wrong(self, make_evidence):
        evidence = make_evidence()
        evidence["suspects"] |= {
            "many": False,
            "found": 1,
            "tracks": evidence["suspects"]["tracks"][:1],
        }
        said = section(evidence, "suspects")
        assert "1 label of 400 looks doubtful, no more than to be expected" in said
        assert "probably wrong" not in said

    def test_none_is_said_to_be_none(self, make_evidence):
        evidence = make_evidence()
        evidence["suspects"] |= {"found": 0, "unlikely": 0, "many": False, "tracks": []}
        assert "None stands out: of 400 labels, not one" in section(evidence, "suspects")

    def test_names_are_shown_not_obeyed(self, make_evidence):
        evidence = make_evidence()
        evidence["suspects"]["tracks"][0]["name"] = "<script>alert('x')</script>"
        assert "<script" not in render_report(evidence)
        assert "<script>alert('x')</script>" in section(evidence, "suspects")

    def test_tables_are_named_where_there_are_several(self, make_evidence):
        evidence = make_evidence()
        assert unseen_view.suspects(evidence, [], "playlists")["with_table"] is False
        evidence["suspects"]["tracks"][0]["table"] = "another"
        assert unseen_view.suspects(evidence, [], "playlists")["with_table"] is True


class TestRules:
    def test_the_rule_that_beats_the_model_leads(self, make_evidence):
        assert "energy > 0.4 tells Relaxing better than the model does." in section(
            make_evidence(), "rules"
        )

    def test_where_none_does_that_is_said(self, make_evidence):
        evidence = make_evidence()
        for rule in evidence["rules"]:
            rule["beats_model"] = False
        assert "None of the 4 rules clearly beats the model" in section(evidence, "rules")

    def test_a_rule_that_was_not_compared_wins_and_loses_nothing(self, make_evidence):
        evidence = make_evidence()
        for rule in evidence["rules"]:
            del rule["model_accuracy"], rule["beats_model"]
        said = section(evidence, "rules")
        assert "clearly beat" not in said
        assert "better than the model does" not in said


class TestWords:
    @pytest.mark.parametrize(
        ("column", "words"),
        [(None, ("playlist", "playlists")), ("Artist name", ("artist", "artists")),
         ("batch", ("group", "groups"))],
    )  # fmt: skip
    def test_groups_are_called_what_their_column_is(self, column, words):
        assert group_words(column) == words

    def test_sentences_take_the_groups_name(self):
        assert named("one group of all groups; playlists", "album", "albums") == (
            "one album of all albums; albums"
        )
        assert named("grouped", "album", "albums") == "grouped"

    def test_small_chances_and_points(self):
        assert [tiny(v) for v in (None, 0.0, 0.0001, 0.0123)] == ["–", "0.0%", "< 0.1%", "1.2%"]
        assert [points(v) for v in (None, 0.0123, -0.02)] == ["–", "+1.2", "−2.0"]
        assert points(0.004, sign=False) == "0.4"
