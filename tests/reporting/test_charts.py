"""Charts: marks stand where the figures say, names cannot break out, pictures tell themselves."""

import math
import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affetto.reporting import agreement, charts, panels, svg, unseen_charts
from affetto.reporting.words import (
    counted,
    duration,
    factor,
    feature_value,
    joined,
    percent,
    setting_value,
    settings_text,
    three,
)

HOSTILE = "<script>alert('x')</script>\"&\x00"


CURVE = {"exponent": 0.3, "low": 0.1, "high": 0.5}


def drawn(markup):
    return ET.fromstring(markup)


def tips(markup):
    """What is shown on hovering over each mark, to the mark's element."""
    return {
        element.find("title").text: element
        for element in drawn(markup).iter()
        if element.tag != "svg" and element.find("title") is not None
    }


def texts(markup):
    return [element.text for element in drawn(markup).iter("text")]


def all_charts(evidence):
    """Every kind of chart there is, by the name it was given."""
    moods, features = evidence["moods"], evidence["features"]
    test, unseen = evidence["test"], evidence["unseen_group"]
    exploration, table = evidence["exploration"], evidence["interpretation"]
    split, searched = evidence["split"], evidence["searches"]
    ratios = table[moods[0]]
    return {
        "a": charts.recognised("a", test["per_mood"], moods, "on a test", unseen=False),
        "b": charts.recognised("b", test["per_mood"], moods, "never seen", unseen=True),
        "c": charts.candidates("c", evidence["candidates"], evidence["chosen"], floor=0.2),
        "d": charts.confusion("d", test["confusion"], moods, "on a test"),
        "e": charts.per_mood_measures("e", test["per_mood"], moods),
        "f": charts.learning_curve("f", evidence["learning_curve"]),
        "g": charts.coverage("g", test["coverage"], unseen and unseen["coverage"], "playlists"),
        "h": panels.class_distribution("h", split["train"], split["test"], moods),
        "i": panels.feature_panel("i", features[0], exploration["features"], moods),
        "j": panels.separability("j", exploration["separability"], moods),
        "k": panels.correlation("k", exploration["correlation"], features),
        "l": panels.odds_panel("l", moods[0], 0, ratios, panels.odds_domain(table)),
        "m": panels.search_map("m", searched["network-tuned"], ("width", "alpha"), {}),
        "n": panels.search_curve("n", searched["logistic-tuned"], "C", {"C": 0.3594}),
        "o": agreement.agreement("o", evidence["consistency"], moods, "playlists"),
        "p": unseen_charts.interval_bar("p", (0.5, 0.4, 0.6), "here", floor=0.2, unseen=True),
        "q": unseen_charts.sources("q", [*evidence["unseen_source"]["sources"].items()], "tables"),
        "r": unseen_charts.without("r", evidence["unseen_source"]["without"], "tables"),
        "s": unseen_charts.needs("s", evidence["needs"]["moods"], moods, "playlists"),
        "t": unseen_charts.growth("t", [(1, 0.4), (2, 0.5)], CURVE, "playlists", (0.4, 0.6)),
        "u": unseen_charts.rules("u", evidence["rules"], moods),
    }


class TestEveryChart:
    @pytest.mark.parametrize(
        "moods",
        [("Calm", "Wild"), tuple("ABCDEFGHIJKL"), tuple(f"Mood {i}" for i in range(50))],
        ids=["two", "twelve", "fifty"],
    )
    def test_is_a_picture_that_tells_itself(self, make_evidence, moods):
        for name, markup in all_charts(make_evidence(moods)).items():
            picture = drawn(markup)
            assert picture.tag == "svg"
            assert picture.get("role") == "img"
            title, desc = picture.find("title"), picture.find("desc")
            assert picture.get("aria-labelledby") == f"{title.get('id')} {desc.get('id')}"
            assert title.get("id").startswith(f"{name}-")
            assert len(title.text) > 10
            assert re.search(r"\d", desc.text), f"chart {name} says no figure: {desc.text}"

    def test_names_cannot_break_out(self, make_evidence):
        for markup in all_charts(make_evidence([HOSTILE, "Wild"])).values():
            assert "<script" not in markup
            assert "\x00" not in markup
            assert {element.tag for element in drawn(markup).iter()}.isdisjoint({"script", "a"})

    def test_stays_within_its_frame(self, make_evidence):
        for markup in all_charts(make_evidence()).values():
            picture = drawn(markup)
            width, height = float(picture.get("width")), float(picture.get("height"))
            for mark in picture.iter():
                x, y = mark.get("cx") or mark.get("x"), mark.get("cy") or mark.get("y")
                if x is not None and y is not None:
                    assert -1 <= float(x) <= width
                    assert -1 <= float(y) <= height

    def test_takes_its_colours_from_the_page(self, make_evidence):
        for markup in all_charts(make_evidence()).values():
            colours = re.findall(r'(?:fill|stroke)="([^"]+)"', markup)
            assert colours
            assert all(c in {"none", "currentColor"} or c.startswith("var(--") for c in colours)


class TestRecognised:
    def test_fills_as_many_of_twenty_as_are_recognised(self):
        markup = charts.recognised("x", {"Dark": {"recall": 0.6}}, ["Dark"], "here", unseen=False)
        marks = list(drawn(markup).iter("circle"))
        assert len(marks) == 20
        assert sum(mark.get("fill") == "var(--mood-0)" for mark in marks) == 12
        assert "60%" in texts(markup)

    def test_an_unknown_recall_fills_none(self):
        markup = charts.recognised("x", {"Dark": {"recall": None}}, ["Dark"], "here", unseen=True)
        assert not [m for m in drawn(markup).iter("polygon") if m.get("fill") != "none"]
        assert "–" in texts(markup)


def candidate(name, accuracy, unseen=None, **other):
    return {
        "name": name,
        "title": name.title(),
        "settings": {},
        "cv": {"accuracy": accuracy, "low": accuracy - 0.1, "high": accuracy + 0.1},
        "train_accuracy": 1.0,
        "unseen_group": unseen and {"accuracy": unseen},
        **other,
    }


class TestCandidates:
    def ends(self, markup):
        """Places of 0 and 1 on the axis."""
        (axis,) = (g for g in drawn(markup).iter("g") if g.find("text").text == "0%")
        places = {text.text: float(text.get("x")) for text in axis}
        return places["0%"], places["100%"]

    def test_half_lies_midway_between_none_and_all(self):
        markup = charts.candidates("x", [candidate("one", 0.5)], "one", floor=None)
        low, high = self.ends(markup)
        dot = tips(markup)["One: 0.500 (0.400 to 0.600), random split"]
        assert float(dot.get("cx")) == pytest.approx((low + high) / 2, abs=0.1)

    def test_floor_train_and_unseen_have_their_places(self):
        rows = [candidate("one", 0.6, unseen=0.25)]
        markup = charts.candidates("x", rows, "one", floor=0.2, groups="playlists")
        low, high = self.ends(markup)
        (floor,) = (e for e in drawn(markup).iter("line") if e.get("stroke-dasharray") == "2 4")
        assert float(floor.get("x1")) == pytest.approx(low + 0.2 * (high - low), abs=0.1)
        marks = tips(markup)
        assert float(marks["One: 1.000 on its own tracks"].get("cx")) == pytest.approx(high)
        corners = marks["One: 0.250 on playlists never seen"].get("points").split()
        assert float(corners[0].split(",")[0]) == pytest.approx(low + (high - low) / 4, abs=0.1)

    def test_the_best_stands_first_by_what_counts(self):
        rows = [candidate("worse", 0.9, unseen=0.3), candidate("better", 0.5, unseen=0.4)]
        shown = texts(charts.candidates("x", rows, "better", floor=None))
        assert shown.index("Better") < shown.index("Worse")
        rows = [candidate("worse", 0.5), candidate("better", 0.9)]
        shown = texts(charts.candidates("x", rows, "better", floor=None))
        assert shown.index("Better") < shown.index("Worse")

    def test_the_chosen_is_marked_in_words(self):
        rows = [candidate("one", 0.5, settings={"C": 0.25}), candidate("two", 0.4)]
        markup = charts.candidates("x", rows, "one", floor=None)
        assert "chosen · C = 0.25" in texts(markup)
        assert "One (chosen)" in drawn(markup).find("desc").text

    def test_diamonds_appear_only_where_groups_were_unseen(self):
        assert "polygon" not in charts.candidates("x", [candidate("a", 0.5)], "a", floor=None)


class TestConfusion:
    matrix = ((30, 10), (5, 15))

    def test_shade_is_the_share_of_the_row(self):
        marks = tips(charts.confusion("x", self.matrix, ["Calm", "Wild"], "here"))
        assert marks["Calm called Wild: 10 of 40"].get("fill-opacity") == "0.25"
        assert marks["Wild called Wild: 15 of 20"].get("fill-opacity") == "0.75"

    def test_counts_and_shares_are_written(self):
        shown = texts(charts.confusion("x", self.matrix, ["Calm", "Wild"], "here"))
        assert {"30", "75%", "10", "25%", "5", "15", "40", "20"} <= set(shown)

    def test_only_right_ones_are_outlined(self):
        marks = tips(charts.confusion("x", self.matrix, ["Calm", "Wild"], "here"))
        outlined = {tip for tip, mark in marks.items() if mark.get("stroke") == "var(--ink)"}
        assert outlined == {"Calm called Calm: 30 of 40", "Wild called Wild: 15 of 20"}

    def test_a_mood_that_never_occurred_is_no_division_by_zero(self):
        markup = charts.confusion("x", ((0, 0), (1, 3)), ["Calm", "Wild"], "here")
        assert "Calm 0 of 0 right (–)" in drawn(markup).find("desc").text

    def test_many_moods_are_shaded_without_numbers(self):
        n = charts.MOST_NUMBERED + 1
        matrix = [[8 if row == column else 1 for column in range(n)] for row in range(n)]
        markup = charts.confusion("x", matrix, [f"M{i}" for i in range(n)], "here")
        assert "8" not in texts(markup)
        shades = {path.get("fill-opacity") for path in drawn(markup).iter("path")}
        assert shades == {"0.1", "0.3"}  # 1 of 28 and 8 of 28, rounded up to tenths


class TestMeasures:
    def test_undefined_ones_are_left_out(self):
        figures = {"Dark": {"precision": None, "recall": 0.0, "f1": None}}
        markup = charts.per_mood_measures("x", figures, ["Dark"])
        assert set(tips(markup)) == {"Dark: recall 0.000"}
        assert "precision –" in drawn(markup).find("desc").text

    def test_a_mood_nobody_judged_has_no_marks(self):
        assert tips(charts.per_mood_measures("x", {}, ["Dark"])) == {}


class TestCurves:
    def test_more_tracks_stand_further_right_and_better_ones_higher(self):
        points = [
            {"n": 100, "train": 0.9, "validation": 0.5, "validation_se": 0.01},
            {"n": 200, "train": 0.8, "validation": 0.6, "validation_se": None},
        ]
        marks = tips(charts.learning_curve("x", points))
        first, last = marks["100 tracks: validation 0.500"], marks["200 tracks: validation 0.600"]
        assert float(first.get("cx")) - 48 == pytest.approx((float(last.get("cx")) - 48) / 2)
        assert float(first.get("cy")) > float(last.get("cy"))
        above = marks["200 tracks: train 0.800"]
        assert float(above.get("cy")) < float(last.get("cy"))

    def test_one_point_is_enough(self):
        points = [{"n": 10, "train": 1.0, "validation": 1.0, "validation_se": 0.0}]
        assert "100%" in texts(charts.learning_curve("x", points))

    def test_coverage_is_drawn_by_share_not_by_spelling(self):
        curve = {"1": 0.5, "0.5": 0.7, "0.25": 0.9}
        markup = charts.coverage("x", curve, None, "playlists")
        marks = tips(markup)
        quarter = marks["random split: 0.900 of the surest 25%"]
        half = marks["random split: 0.700 of the surest 50%"]
        assert float(quarter.get("cx")) - 48 == pytest.approx((float(half.get("cx")) - 48) / 2)
        assert "polygon" not in markup


class TestClassDistribution:
    def test_bars_are_as_long_as_there_are_tracks(self):
        markup = panels.class_distribution("x", {"A": 60, "B": 30}, {"A": 20, "B": 10}, ["A", "B"])
        bars = [float(r.get("width")) for r in drawn(markup).iter("rect")][2:]
        assert bars[0] == pytest.approx(2 * bars[2], abs=0.2)
        assert {"60 + 20", "30 + 10"} <= set(texts(markup))

    def test_no_tracks_at_all(self):
        assert "0 + 0" in texts(panels.class_distribution("x", {}, {}, ["A", "B"]))


class TestFeaturePanel:
    def rows(self, low, median, high):
        return {"q25": low, "median": median, "q75": high}

    def test_the_median_lies_where_it_should(self):
        by_mood = {
            "A": {"energy": self.rows(0.0, 0.5, 1.0)},
            "B": {"energy": self.rows(0.2, 0.25, 0.3)},
        }
        marks = tips(panels.feature_panel("x", "energy", by_mood, ["A", "B"]))
        a = marks["A: median 0.50, middle half 0 to 1.00"]
        b = marks["B: median 0.25, middle half 0.20 to 0.30"]
        left = 2 * float(b.get("cx")) - float(a.get("cx"))  # 0 is as far from .25 as that from .5
        assert left == pytest.approx(100, abs=0.2)

    def test_lengths_are_minutes(self):
        by_mood = {"A": {"duration_ms": self.rows(120_000, 195_000, 240_000)}, "B": {}}
        markup = panels.feature_panel("x", "duration_ms", by_mood, ["A", "B"])
        assert "3:15" in texts(markup)
        assert {"2:00", "4:00"} <= set(texts(markup))
        assert "B" in texts(markup)  # drawn without a bar

    def test_a_constant_feature_is_drawn(self):
        by_mood = {"A": {"tempo": self.rows(120, 120, 120)}}
        assert "120" in texts(panels.feature_panel("x", "tempo", by_mood, ["A"]))


class TestSeparabilityAndCorrelation:
    def test_an_auc_of_three_quarters_lies_midway(self):
        row = {"mood": "A", "auc": 0.75, "feature": "energy", "feature_auc": 0.5}
        markup = panels.separability("x", [row | {"direction": "low"}], ["A", "B"])
        marks = tips(markup)
        places = {t.text: float(t.get("x")) for t in drawn(markup).iter("text") if t.text}
        dot = float(marks["A: all features 0.750"].get("cx"))
        assert dot == pytest.approx((places["0.5"] + places["1"]) / 2, abs=0.1)
        ring = float(marks["A: low energy alone 0.500"].get("cx"))
        assert ring == pytest.approx(places["0.5"])

    def test_undefined_aucs_are_not_drawn(self):
        row = {"mood": "A", "auc": None, "feature": "energy", "feature_auc": float("nan")}
        markup = panels.separability("x", [row | {"direction": "low"}], ["A", "B"])
        assert tips(markup) == {}
        assert "AUC –" in texts(markup)

    def test_signs_have_two_shades_and_a_minus(self):
        matrix = [[1, 0.5, -0.25], [0.5, 1, 0], [-0.25, 0, 1]]
        markup = panels.correlation("x", matrix, ["energy", "valence", "tempo"])
        marks = tips(markup)
        assert marks["valence and energy: 0.50"].get("fill") == "var(--shade)"
        assert marks["valence and energy: 0.50"].get("fill-opacity") == "0.50"
        assert marks["tempo and energy: −0.25"].get("fill") == "var(--shade-2)"
        assert "0.00" in texts(markup)

    def test_one_feature_correlates_with_nothing(self):
        assert "One feature only" in panels.correlation("x", [[1.0]], ["energy"])


class TestOdds:
    rows = (
        {"feature": "valence", "odds_ratio": 4.0, "low": 2.0, "high": 8.0},
        {"feature": "energy", "odds_ratio": 0.25, "low": 0.125, "high": 0.5},
        {"feature": "tempo", "odds_ratio": 1.0, "low": 0.5, "high": 2.0},
    )

    def marks(self):
        domain = panels.odds_domain({"Happy": self.rows})
        assert domain == (0.125, 8.0)
        return tips(panels.odds_panel("x", "Happy", 4, self.rows, domain))

    def test_four_and_a_quarter_are_equally_far_from_one(self):
        marks = self.marks()
        more = float(marks["Happy, valence: 4.0 (2.0 to 8.0)"].get("cx"))
        less = float(marks["Happy, energy: 0.25 (0.12 to 0.50)"].get("cx"))
        none = float(marks["Happy, tempo: 1.0 (0.50 to 2.0)"].get("cx"))
        assert more - none == pytest.approx(none - less, abs=0.1)

    def test_hollow_where_the_interval_holds_one(self):
        marks = self.marks()
        assert marks["Happy, tempo: 1.0 (0.50 to 2.0)"].get("fill") == "var(--paper)"
        assert marks["Happy, valence: 4.0 (2.0 to 8.0)"].get("fill") == "var(--mood-4)"

    def test_the_leading_feature_is_bold(self):
        markup = panels.odds_panel("x", "Happy", 4, self.rows, (0.125, 8.0))
        bold = [t.text for t in drawn(markup).iter("text") if t.get("font-weight") == "700"]
        assert bold == ["valence", "×4.0"]

    def test_boundless_intervals_end_at_the_rim(self):
        rows = [{"feature": "tempo", "odds_ratio": 1e9, "low": 1e-9, "high": 1e12}]
        domain = panels.odds_domain({"A": rows})
        assert domain == (1 / 64, 64.0)
        (bar,) = (
            line for line in drawn(panels.odds_panel("x", "A", 0, rows, domain)).iter("line")
            if line.get("stroke") == "var(--mood-0)"
        )  # fmt: skip
        assert 0 < float(bar.get("x1")) < float(bar.get("x2")) < charts.HALF


class TestSearches:
    rows = tuple(
        {"width": w, "alpha": a, "validation": v, "train": 0.9, "sd": 0.1, "log_loss": 1.0}
        for w, a, v in ((2, 0.1, 0.5), (2, 1.0, 0.6), (4, 0.1, 0.7), (4, 1.0, 0.65))
    )

    def test_the_best_is_darkest_and_the_chosen_outlined(self):
        chosen = {"width": 4, "alpha": 1.0}
        marks = tips(panels.search_map("x", self.rows, ("width", "alpha"), chosen))
        assert marks["width = 4, alpha = 0.1: 0.700"].get("fill-opacity") == "1.00"
        assert marks["width = 2, alpha = 0.1: 0.500"].get("fill-opacity") == "0.00"
        outlined = [tip for tip, mark in marks.items() if mark.get("stroke") == "var(--ink)"]
        assert outlined == ["width = 4, alpha = 1: 0.650"]

    def test_a_gap_in_the_grid_and_a_flat_one(self):
        panels.search_map("x", self.rows[:3], ("width", "alpha"), {})
        flat = [row | {"validation": 0.5} for row in self.rows]
        markup = panels.search_map("x", flat, ("width", "alpha"), {})
        assert "chosen" not in drawn(markup).find("desc").text

    def test_a_curve_over_powers_of_ten_is_logarithmic(self):
        rows = [{"C": c, "validation": 0.5, "train": 0.6} for c in (0.01, 1.0, 100.0)]
        markup = panels.search_curve("x", rows, "C", {"C": 1.0})
        places = [
            float(mark.get("cx")) for mark in drawn(markup).iter("circle") if mark.get("r") == "4"
        ][2:]
        first, middle, last = sorted(set(places))
        assert middle == pytest.approx((first + last) / 2, abs=0.1)
        assert "chosen: 0.500" in tips(markup)


class TestDecoration:
    def test_strip_and_swatch_are_hidden_from_screen_readers(self):
        for markup in (panels.mood_strip([1, 3]), panels.swatch(2)):
            assert drawn(markup).get("aria-hidden") == "true"

    def test_the_strip_is_divided_by_share(self):
        widths = [r.get("width") for r in drawn(panels.mood_strip([1, 3])).iter("rect")]
        assert widths == ["250", "750"]

    def test_no_tracks_make_no_strip(self):
        assert panels.mood_strip([0, 0])


class TestScale:
    @given(st.floats(-1e6, 1e6), st.floats(0.001, 1e6), st.floats(0, 1))
    def test_a_share_of_the_domain_is_that_share_of_the_range(self, low, span, share):
        scale = svg.Scale(low, low + span, 10, 110)
        assert scale(low + share * span) == pytest.approx(10 + 100 * share, abs=0.01)

    def test_values_beyond_stay_at_the_ends(self):
        scale = svg.Scale(0, 1, 100, 0)
        assert (scale(-5), scale(5), scale(0.25)) == (100, 0, 75)

    def test_an_empty_domain_is_its_middle(self):
        assert svg.Scale(3, 3, 0, 10)(3) == 5

    def test_ratios_are_equal_distances(self):
        scale = svg.Scale(0.25, 4, 0, 100, log=True)
        assert (scale(0.25), scale(1), scale(2)) == pytest.approx((0, 50, 75))

    @given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(2, 10))
    def test_ticks_are_round_and_hold_the_domain(self, low, span, count):
        first, last, ticks = svg.nice_axis(low, low + span, count)
        slack = 1e-6 * max(1, abs(low), span)
        assert first <= low + slack
        assert last >= low + span - slack
        assert (ticks[0], ticks[-1]) == (first, last)
        assert 2 <= len(ticks) <= count + 2

    def test_known_ticks(self):
        assert svg.nice_axis(0, 1) == (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1])
        assert svg.nice_axis(71, 145, 4) == (60, 160, [60, 80, 100, 120, 140, 160])
        assert svg.nice_axis(5, 5, 2) == (4.5, 5.5, [4.5, 5, 5.5])


class TestText:
    @given(st.text())
    def test_escaped_text_comes_back(self, content):
        markup = svg.tag("text", svg.escape(content))
        shown = ET.fromstring(markup).text or ""
        assert len(shown.replace("\n", "")) == len(re.sub("[\r\n]", "", content))

    @given(st.text(min_size=1), st.floats(20, 300))
    def test_fitted_text_fits(self, content, width):
        assert svg.text_width(svg.fit(content, width)) <= width

    def test_short_text_stays_and_long_text_ends_in_dots(self):
        assert svg.fit("Dark", 100) == "Dark"
        assert svg.fit("Melancholic and slow", 80).endswith("…")

    def test_wide_scripts_count_double_and_accents_nothing(self):
        assert svg.text_width("悲") > 1.5 * svg.text_width("a")
        assert svg.text_width("e\u0301") == svg.text_width("e")

    @pytest.mark.parametrize(
        ("value", "written"), [(1.0, "1"), (-0.04, "0"), (-0.55, "-0.6"), (1234.56, "1234.6")]
    )
    def test_coordinates(self, value, written):
        assert svg.number(value) == written


class TestWords:
    @pytest.mark.parametrize(
        ("value", "written"),
        [(0, "0%"), (0.001, "< 1%"), (0.507, "51%"), (0.999, "> 99%"), (1, "100%"), (None, "–"),
         (math.nan, "–")],
    )  # fmt: skip
    def test_percent_is_neither_none_nor_all_unless_exactly(self, value, written):
        assert percent(value) == written

    def test_decimals(self):
        assert (three(0.50692), three(-0.25), three(None)) == ("0.507", "−0.250", "–")

    @pytest.mark.parametrize(
        ("value", "written"),
        [(3.24, "3.2"), (11.67, "12"), (0.279, "0.28"), (1.0, "1.0"), (0.0042, "0.004"),
         (2.5e6, "2.5 × 10⁶"), (3e-7, "3 × 10⁻⁷"), (None, "–")],
    )  # fmt: skip
    def test_odds_ratios(self, value, written):
        assert factor(value) == written

    @pytest.mark.parametrize(
        ("feature", "value", "written"),
        [
            ("duration_ms", 204_400, "3:24 min"),
            ("duration_ms", 59_700, "1:00 min"),
            ("tempo", 121.6, "122 BPM"),
            ("loudness", -6.63, "−6.6 dB"),
            ("energy", 0.4331, "0.43"),
            ("instrumentalness", 2.6e-6, "< 0.01"),
            ("instrumentalness", 0.0, "0"),
            ("valence", None, "–"),
        ],
    )
    def test_features_in_their_units(self, feature, value, written):
        assert feature_value(feature, value) == written

    @pytest.mark.parametrize(
        ("seconds", "written"),
        [(0.0004, "< 1 ms"), (0.0101, "10 ms"), (1.4963, "1.5 s"), (59.7, "1 min 0 s"),
         (139.64, "2 min 20 s"), (None, "–")],
    )  # fmt: skip
    def test_times(self, seconds, written):
        assert duration(seconds) == written

    def test_settings(self):
        assert settings_text({"min_samples_leaf": 2, "kind": "log"}) == (
            "min samples leaf = 2, kind = log"
        )
        assert [setting_value(v) for v in (1e-5, 0.0007743, 0.3594, 1.0, 1291.5, True)] == [
            "10⁻⁵", "7.7 × 10⁻⁴", "0.359", "1", "1,292", "True",
        ]  # fmt: skip

    def test_lists(self):
        assert joined(["a"]) == "a"
        assert joined([]) == ""
        assert joined(["a", "b", "c"]) == "a, b and c"
        assert joined(["a", "b", "c", "d"], most=3) == "a, b and 2 more"
        assert counted(1, "track") == "1 track"
        assert counted(1200, "track") == "1,200 tracks"
