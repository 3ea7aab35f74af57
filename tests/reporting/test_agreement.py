"""Whether playlists agree: the odd one is found, named and drawn where its figures say."""

import xml.etree.ElementTree as ET

import pytest

from affetto.reporting import agreement as agreeing

MOODS = ["Calm", "Wild", "Sad"]


def row(mood, group, auc=0.6, recognised=0.8, verdict="alike", **more):
    return {"mood": mood, "group": group, "auc": auc, "agreement": recognised, "verdict": verdict,
            "called": None} | more  # fmt: skip


def drawn(rows, moods=MOODS):
    return ET.fromstring(agreeing.agreement("x", rows, moods, "playlists"))


def by_tip(picture):
    return {
        element.find("title").text: element
        for element in picture.iter()
        if element.tag != "svg" and element.find("title") is not None
    }


def middle_of(polygon):
    xs = [float(point.split(",")[0]) for point in polygon.get("points").split()]
    return sum(xs) / len(xs)


class TestLeastAgreeing:
    def test_is_the_one_recognised_least(self):
        rows = [row("Calm", "a", 0.99, 0.7), row("Calm", "b", 0.6, 0.2), row("Calm", "c", 0.7, 0.9)]
        assert agreeing.least_agreeing(rows)["group"] == "b"

    def test_where_recognition_is_unknown_it_is_the_one_told_apart(self):
        rows = [row("Calm", "a", 0.6, None), row("Calm", "b", 0.9, None), row("Calm", "c", None)]
        assert agreeing.least_agreeing(rows[:2])["group"] == "b"
        assert agreeing.least_agreeing(rows)["group"] == "c"


class TestRenamed:
    @pytest.mark.parametrize(
        ("recognised", "called", "expected"),
        [
            (0.2, {"mood": "Wild", "share": 0.5}, True),
            (0.5, {"mood": "Wild", "share": 0.2}, False),
            (0.4, {"mood": "Wild", "share": 0.4}, False),
            (0.0, None, False),
            (None, {"mood": "Wild", "share": 0.5}, False),
        ],
    )
    def test_means_another_mood_was_said_more_often(self, recognised, called, expected):
        assert agreeing.renamed(row("Calm", "a", 0.9, recognised, called=called)) is expected

    def test_older_runs_know_nothing_of_it(self):
        older = {"mood": "Calm", "group": "a", "auc": 0.9, "agreement": 0.1}
        assert agreeing.renamed(older) is False


class TestChart:
    def test_marks_stand_where_the_figures_say(self):
        tips = by_tip(drawn([row("Calm", "a", 0.75, 0.5)]))
        told = tips["a: told apart with AUC 0.750"]
        assert float(told.get("cx")) == pytest.approx((222 + 420) / 2)
        assert middle_of(tips["a: 50% recognised as Calm"]) == pytest.approx((468 + 666) / 2)

    def test_the_mood_said_instead_is_hollow_in_its_own_colour(self):
        called = {"mood": "Wild", "share": 0.5}
        tips = by_tip(drawn([row("Calm", "a", 0.97, 0.1, "disagrees", called=called)]))
        instead = tips["a: 50% called Wild"]
        assert instead.get("stroke") == "var(--mood-1)"
        assert instead.get("fill") == "var(--paper)"
        assert middle_of(instead) == pytest.approx((468 + 666) / 2)

    def test_verdicts_are_written_out_and_told(self):
        rows = [row("Calm", "a", verdict="disagrees"), row("Calm", "b"),
                row("Wild", "c", verdict="apart"),
                row("Wild", "d", verdict="distinct")]  # fmt: skip
        picture = drawn(rows)
        texts = [element.text for element in picture.iter("text")]
        assert [t for t in texts if t in {"disagrees", "another thing", "differs"}] == [
            "disagrees", "another thing", "differs",
        ]  # fmt: skip
        assert "a of Calm: AUC 0.600, 80% recognised (disagrees)" in picture.find("desc").text

    def test_unknown_figures_have_no_mark(self):
        assert by_tip(drawn([row("Calm", "a", None, None)])) == {}

    def test_a_mood_of_no_vocabulary_is_left_out(self):
        picture = drawn([row("Calm", "a"), row("Gone", "b")])
        assert "b" not in [element.text for element in picture.iter("text")]

    def test_many_playlists_are_one_a_mood_the_least_agreeing(self):
        rows = [row(mood, f"{mood}-{i}", recognised=0.9 - 0.02 * i) for mood in MOODS
                for i in range(15)]  # fmt: skip
        picture = drawn(rows)
        texts = [element.text for element in picture.iter("text")]
        assert [t for t in texts if "-" in t and t[0] in "CWS"] == ["Calm-14", "Wild-14", "Sad-14"]
        assert "agrees least" in picture.find("title").text


class TestWords:
    def say(self, rows):
        return agreeing.apart_in_words(rows, MOODS, "playlists")

    def test_nothing_is_said_where_all_are_alike(self):
        assert self.say([row("Calm", "a"), row("Calm", "b")]) == []

    def test_the_one_that_disagrees_is_named(self):
        rows = [row("Calm", "a"), row("Calm", "b", 0.97, 0.1, "disagrees"), row("Calm", "c")]
        assert self.say(rows) == ["b disagrees with its mood, Calm."]

    def test_two_different_things(self):
        rows = [row("Wild", "a", 0.97, 0.1, "apart"), row("Wild", "b", 0.97, 0.6, "apart")]
        assert self.say(rows) == ["a and b, both Wild, are two different things."]

    def test_distinct_yet_not_taken_for_others(self):
        one = [row("Calm", "a", 0.95, 0.7, "distinct"), row("Calm", "b"), row("Calm", "c")]
        assert self.say(one) == [
            "a stands apart from the other Calm playlists, but is not clearly taken for another "
            "mood."
        ]
        both = [row("Calm", "a", 0.95, 0.7, "distinct"), row("Calm", "b", 0.95, 0.7, "distinct")]
        assert self.say(both) == [
            "a and b sound different, though both are Calm and neither is clearly taken for "
            "another mood."
        ]

    def test_a_pair_that_shares_nothing_among_others_that_do(self):
        rows = [
            row("Calm", name, pairs=[{"group": other, "auc": auc}])
            for name, other, auc in (("a", "b", 0.996), ("b", "c", 0.7), ("c", "a", 0.6))
        ]
        (said,) = self.say(rows)
        assert said.startswith("a and b, both Calm, share almost nothing")
        assert "99.6%" in said

    def test_a_pair_with_one_that_disagrees_is_not_told_twice(self):
        rows = [row("Calm", "a", 0.97, 0.1, "disagrees", pairs=[{"group": "b", "auc": 0.99}]),
                row("Calm", "b"), row("Calm", "c")]  # fmt: skip
        assert self.say(rows) == ["a disagrees with its mood, Calm."]

    def test_older_runs_without_verdicts_say_nothing(self):
        assert self.say([{"mood": "Calm", "group": "a", "auc": 0.99, "agreement": 0.0}]) == []
