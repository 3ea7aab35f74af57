"""Charts of music never seen: marks where the figures say, nothing drawn that is not known."""

import math
import xml.etree.ElementTree as ET

import pytest

from affetto.reporting import unseen_charts as charts

CLEAR = {"exponent": 1.0, "low": 0.5, "high": 2.0}
UNCLEAR = {"exponent": 0.1, "low": -0.1, "high": 0.3}
UNKNOWN = {"exponent": None, "low": None, "high": None}


def by_tip(markup):
    return {
        element.find("title").text: element
        for element in ET.fromstring(markup).iter()
        if element.tag != "svg" and element.find("title") is not None
    }


def texts(markup):
    return [element.text for element in ET.fromstring(markup).iter("text")]


def place(mark):
    """Where the middle of a mark stands from left to right."""
    if mark.get("points"):
        xs = [float(point.split(",")[0]) for point in mark.get("points").split()]
        return sum(xs) / len(xs)
    return float(mark.get("cx") or float(mark.get("x")) + float(mark.get("width")) / 2)


class TestIntervalBar:
    def draw(self, floor=0.2, *, unseen=True):
        return charts.interval_bar("x", (0.5, 0.25, 0.75), "here", floor=floor, unseen=unseen)

    def test_mark_and_interval_stand_on_one_scale(self):
        (mark,) = by_tip(self.draw()).values()
        assert place(mark) == pytest.approx(192)
        lines = [element for element in ET.fromstring(self.draw()).iter("line")
                 if element.get("stroke-width") == "3"]  # fmt: skip
        assert [(line.get("x1"), line.get("x2")) for line in lines] == [("99", "285")]

    def test_unseen_is_a_diamond_random_a_dot(self):
        assert [mark.tag for mark in by_tip(self.draw()).values()] == ["polygon"]
        assert [mark.tag for mark in by_tip(self.draw(unseen=False)).values()] == ["circle"]

    def test_the_floor_is_named_where_known(self):
        assert "always the most frequent mood: 20%" in texts(self.draw())
        assert texts(self.draw(floor=None)) == ["0%", "100%"]

    @pytest.mark.parametrize("floor", [0.0, 0.01, 0.99, 1.0])
    def test_the_floors_name_does_not_cover_the_ends(self, floor):
        label = next(e for e in ET.fromstring(self.draw(floor)).iter("text") if "mood" in e.text)
        half = charts.svg.text_width(label.text, charts.SMALL) / 2
        assert float(label.get("x")) - half >= 25
        assert float(label.get("x")) + half <= charts.HALF - 35

    def test_says_its_figures(self):
        assert ET.fromstring(self.draw()).find("desc").text == "50%, 95% interval 25% to 75%."


class TestSources:
    def row(self, value, n_moods=2):
        return {"balanced_accuracy": value, "moods": list("abcd"[:n_moods])}

    def test_each_source_is_held_against_its_own_chance(self):
        markup = charts.sources("x", [("one", self.row(0.8, 4)), ("two", self.row(0.6))], "tables")
        assert list(by_tip(markup)) == [
            "one: 80% among 4 moods, by guessing 25%",
            "two: 60% among 2 moods, by guessing 50%",
        ]

    def test_of_many_the_worst_known_are_drawn_in_order(self):
        rows = [(f"table {i}", self.row(0.9 - 0.02 * i)) for i in range(20)]
        told = list(by_tip(charts.sources("x", rows, "tables")))
        assert [words.split(":")[0] for words in told] == [f"table {i}" for i in range(12, 20)]


class TestWithout:
    def row(self, change, se, *, hurts=False, helps=False):
        return {"source": "songs", "log_loss": change, "se": se, "hurts": hurts, "helps": helps}

    def test_a_table_that_hurts_stands_left_of_the_line_and_is_named(self):
        markup = charts.without("x", [self.row(-0.1, 0.02, hurts=True)], "tables")
        (mark,) = by_tip(markup).values()
        zero = next(e for e in ET.fromstring(markup).iter("text") if e.text == "0")
        assert place(mark) < float(zero.get("x"))
        assert mark.get("fill") == "var(--unseen)"
        assert "hurts" in texts(markup)

    def test_what_is_not_clear_is_hollow(self):
        markup = charts.without("x", [self.row(0.01, None)], "tables")
        (mark,) = by_tip(markup).values()
        assert mark.get("fill") == "var(--paper)"
        assert "no clear difference" in texts(markup)

    def test_no_change_at_all_can_be_drawn(self):
        assert "no clear difference" in texts(charts.without("x", [self.row(0.0, 0.0)], "tables"))


class TestNeeds:
    def row(self, mood, recall, doubled=None):
        return {"mood": mood, "groups": 2, "tracks": 1234, "recall": recall, "doubled": doubled}

    def test_keeps_the_order_and_says_what_a_mood_has(self):
        markup = charts.needs("x", [self.row("B", 0.2), self.row("A", 0.8)], ["A", "B"], "albums")
        tips = by_tip(markup)
        assert list(tips) == [
            "B: 20% recognised, 2 albums · 1,234 tracks",
            "A: 80% recognised, 2 albums · 1,234 tracks",
        ]
        assert [mark.get("fill") for mark in tips.values()] == ["var(--mood-1)", "var(--mood-0)"]

    def test_twice_the_groups_is_hollow_with_its_interval(self):
        doubled = {"groups": 4, "recall": 0.5, "low": 0.4, "high": 0.6}
        markup = charts.needs("x", [self.row("A", 0.2, doubled)], ["A"], "albums")
        hollow = by_tip(markup)["A: 50% (40% to 60%) from 4"]
        assert hollow.get("fill") == "var(--paper)"
        assert "with twice the albums, 95% interval" in texts(markup)
        assert "with twice" not in " ".join(
            texts(charts.needs("x", [self.row("A", 0.2)], ["A"], "albums"))
        )

    def test_a_mood_never_judged_has_no_mark(self):
        assert by_tip(charts.needs("x", [self.row("A", None)], ["A"], "albums")) == {}


class TestGrowth:
    POINTS = ((1.0, 0.4), (2.0, 0.6))

    def draw(self, points=POINTS, curve=CLEAR, what="playlists a mood"):
        return charts.growth("x", points, curve, what, (0.3, 1.0))

    def test_a_doubling_multiplies_the_misses(self):
        # 40% missed; with exponents 1, ½ and 2 a doubling leaves ½, 1/√2 and ¼ of that.
        worst, best = percent_of(1 - 0.4 / math.sqrt(2)), percent_of(1 - 0.4 / 4)
        assert f"extrapolated: 80% ({worst} to {best})" in by_tip(self.draw())
        assert "4" in texts(self.draw())

    @pytest.mark.parametrize("curve", [UNCLEAR, UNKNOWN])
    def test_nothing_is_extrapolated_that_cannot_be_told(self, curve):
        markup = self.draw(curve=curve)
        assert "extrapolated" not in markup
        assert "4" not in texts(markup)
        assert not charts.extends(curve)

    def test_fewer_than_two_points_are_no_line(self):
        assert self.draw(points=[]) is None
        assert self.draw(points=[(1, 0.5)]) is None
        assert self.draw(points=[(0, 0.5), (-1, 0.2), (2, 0.4)]) is None
        assert self.draw(points=[(2, 0.5), (2, 0.6)]) is None

    def test_equal_ratios_are_equally_far_apart(self):
        markup = self.draw(points=[(1, 0.4), (2, 0.5), (4, 0.6)], curve=UNKNOWN)
        one, two, four = (place(mark) for mark in by_tip(markup).values())
        assert two - one == pytest.approx(four - two, abs=0.2)

    def test_shares_are_written_as_words(self):
        markup = self.draw(points=[(0.25, 0.4), (0.5, 0.5), (1.0, 0.6)], what="of the tracks")
        assert {"a quarter", "half", "all", "twice"} <= set(texts(markup))

    def test_one_domain_holds_all_that_is_drawn(self):
        low, high = charts.growth_domain([(self.POINTS, CLEAR), (((1.0, 0.2),), UNCLEAR), ((), {})])
        assert low == pytest.approx(0.16)
        assert high == pytest.approx(0.94)  # 90%: the best of the extrapolated interval


def percent_of(value):
    return f"{100 * value:.0f}%"


class TestRules:
    def row(self, precision=0.8, model=0.7, *, beats=False):
        return {"mood": "A", "rule": "duration_ms > 4 min", "precision": precision, "low": 0.7,
                "high": 0.9, "model_accuracy": model, "beats_model": beats}  # fmt: skip

    def test_a_rule_stands_beside_the_model(self):
        tips = by_tip(charts.rules("x", [self.row()], ["A"]))
        assert list(tips) == [
            "the model on these tracks: 70%",
            "A: 80% right (70% to 90%), the model there 70%",
        ]
        model, rule = map(place, tips.values())
        assert model < rule

    def test_only_a_winner_is_called_one(self):
        assert "beats the model" in texts(charts.rules("x", [self.row(beats=True)], ["A"]))
        assert "beats the model" not in texts(charts.rules("x", [self.row()], ["A"]))

    def test_features_are_named_for_people(self):
        assert "duration > 4 min" in texts(charts.rules("x", [self.row()], ["A"]))

    def test_rules_that_were_never_judged_are_no_picture(self):
        assert charts.rules("x", [self.row(precision=None)], ["A"]) is None


class TestFiniteInterval:
    @pytest.mark.parametrize(
        ("pair", "expected"),
        [([0.1, 0.2], (0.1, 0.2)), ((0.3, 0.3), (0.3, 0.3)), ([0.2, 0.1], None), ([0.1], None),
         ([0.1, math.nan], None), (None, None), ("ab", None)],
    )  # fmt: skip
    def test_is_two_numbers_in_order_or_nothing(self, pair, expected):
        assert charts.finite_interval(pair) == expected
