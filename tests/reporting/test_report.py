"""The report: one page, whole, accessible, safe, readable in both themes; and reading evidence."""

import base64
import hashlib
import json
import math
import re
from html.parser import HTMLParser
from importlib import resources
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from affetto.demo import SYNTHETIC_NOTE, demo_table
from affetto.errors import InputError, OutputError
from affetto.learning.workflow import train
from affetto.moods import MOODS
from affetto.reporting.report import read_evidence, render_report, write_report
from affetto.reporting.view import build_view, step_sizes

SEVEN = (
    "energy", "valence", "danceability", "acousticness", "instrumentalness", "speechiness",
    "loudness",
)  # fmt: skip
LONG = (
    "Energetic", "Melancholic and slightly nostalgic", "Überschwänglich", "悲しいけれど希望のある",
    "Весёлое настроение", "Aggressive", "Late-night driving through rain", "Tranquil", "نشيط",
    "Bittersweet", "Dark", "Happy",
)  # fmt: skip
HOSTILE = ("<script>alert('x')</script>", '"><img src=x onerror=alert(1)>', "&amp;", "{{ 7*7 }}")
NEWER = ("unseen_source", "consistency", "needs", "suspects")
N_DAMAGED = 60
VOID = {"meta", "br", "hr", "img", "input", "link", "source", "wbr"}


class Page(HTMLParser):
    """A parsed page: its elements in order, and whether its tags balance."""

    def __init__(self, markup):
        super().__init__(convert_charrefs=True)
        self.elements, self.open, self.problems, self.texts = [], [], [], []
        self.feed(markup)
        self.close()
        self.problems += [f"<{name}> stays open" for name in self.open]

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if len(attributes) != len(attrs):
            self.problems.append(f"<{tag}> names an attribute twice: {attrs}")
        self.elements.append((tag, attributes))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self.open or self.open[-1] != tag:
            self.problems.append(f"</{tag}> closes {self.open[-1:]} at {self.getpos()}")
        else:
            self.open.pop()

    def handle_data(self, data):
        if not {"style", "script"} & set(self.open[-1:]):
            self.texts.append(data)

    def find(self, *tags):
        return [attributes for tag, attributes in self.elements if tag in tags]

    @property
    def text(self):
        return re.sub(r"\s+", " ", "".join(self.texts))


def cases(make):
    nothing = make()
    nothing |= {"advice": [], "rules": []}
    for part in ("test", "unseen_group"):
        nothing[part] |= {"most_confused": None}
        nothing[part]["per_mood"]["Dark"] |= {"precision": None, "recall": None, "f1": None}
    odd = make()
    odd["exploration"]["separability"][0]["auc"] = None
    odd["unseen_group"] |= {"accuracy_sd": None, "balanced_sd": None, "folds": 1}
    odd["interpretation"]["Dark"] = []
    odd["consistency"] = [
        {"mood": "Dark", "group": "Dark-1", "auc": 0.68, "agreement": None},
    ]
    for row in odd["needs"]["moods"]:
        row |= {"recall": None, "priority": None, "doubled": None}
    odd["needs"]["by_groups"]["points"] = [{"n": 1, "recall": 0.4}]
    odd["unseen_source"] |= {"intervals": None, "without": [], "ece": None}
    odd["suspects"] |= {"found": 0, "unlikely": 0, "many": False, "tracks": [], "left_out": []}
    odd["unseen_group"]["intervals"] = {"accuracy": [0.5]}
    older = make()
    for key in NEWER:
        del older[key]
    for key in ("chosen_by", "chosen", "intervals"):
        del older["unseen_group"][key]
    bare = make(groups=False)
    optional = ("source", "split", "exploration", "searches", "choice", "chosen_cv", "rules",
                "learning_curve", "gap", "interpretation", "leading_features", "advice",
                "affetto", "unseen_group", *NEWER)  # fmt: skip
    for key in optional:
        del bare[key]
    return {
        "groups": make(),
        "an older run": older,
        "no groups": make(groups=False),
        "two moods": make(("Calm", "Wild")),
        "twelve moods": make(LONG),
        "hostile": make(HOSTILE),
        "synthetic": make(synthetic=True),
        "one candidate": make(names=("logistic",), groups=False),
        "seven features": make(features=SEVEN),
        "one feature": make(features=("tempo",)),
        "nothing to say": nothing,
        "odd figures": odd,
        "only what is needed": bare,
    }


CASES = ("groups", "an older run", "no groups", "two moods", "twelve moods", "hostile", "synthetic",
         "one candidate", "seven features", "one feature", "nothing to say", "odd figures",
         "only what is needed")  # fmt: skip


@pytest.fixture(params=CASES, scope="module")
def markup(request, make_evidence):
    return render_report(cases(make_evidence)[request.param])


@pytest.fixture(scope="module")
def page(markup):
    return Page(markup)


class TestEveryPage:
    def test_tags_balance(self, page):
        assert page.problems == []

    def test_ids_are_unique_and_every_anchor_leads_somewhere(self, page):
        ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
        assert len(ids) == len(set(ids))
        targets = {a["href"] for a in page.find("a")}
        assert {f"#{i}" for i in ids} >= targets
        told = [
            name
            for _, attributes in page.elements
            for name in attributes.get("aria-labelledby", "").split()
        ]
        assert set(told) <= set(ids)

    def test_headings_are_one_h1_and_skip_no_level(self, page):
        levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
        assert levels.count(1) == 1
        assert levels[0] == 1
        assert all(below <= above + 1 for above, below in pairwise(levels))

    def test_every_picture_has_a_name_or_is_hidden(self, page):
        pictures = page.find("svg")
        assert pictures
        for attributes in pictures:
            named = attributes.get("role") == "img" and attributes.get("aria-labelledby")
            assert named or attributes.get("aria-hidden") == "true"

    def test_tables_have_captions_and_scopes(self, page):
        tables = len(page.find("table"))
        assert tables
        assert len(page.find("caption")) == tables
        assert all(attributes.get("scope") in {"col", "row"} for attributes in page.find("th"))

    def test_landmarks_and_language(self, page):
        assert page.find("html") == [{"lang": "en"}]
        assert len(page.find("main")) == len(page.find("footer")) == 1
        assert page.find("nav") == [{"aria-label": "Contents"}]
        assert page.find("a")[0] == {"class": "skip", "href": "#report"}

    def test_nothing_is_fetched_or_run(self, markup, page):
        assert not re.search(r"https?:|url\(|@import|\bsrc=[\"']", markup)
        assert not page.find("script", "link", "img", "iframe", "object", "embed", "base")
        assert all(a["href"].startswith("#") for a in page.find("a"))
        for _, attributes in page.elements:
            assert not any(name.startswith("on") or name == "style" for name in attributes)

    def test_the_policy_allows_its_own_style_and_nothing_else(self, markup, page):
        style = re.search("<style>(.*?)</style>", markup, re.DOTALL)[1]
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        (policy,) = (m["content"] for m in page.find("meta") if m.get("http-equiv"))
        assert policy == (
            f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
        )

    def test_no_placeholder_is_left(self, page):
        assert not re.search(
            r"\bNone\b(?! of the| does| stands)|\bnan\b|Undefined|\{\{|\{%",
            page.text.replace(HOSTILE[3], ""),
        )


class TestFirstPage:
    def test_unseen_groups_are_the_headline(self, make_evidence):
        evidence = make_evidence()
        evidence["unseen_group"]["accuracy"] = 0.507
        evidence["test"]["accuracy"] = 0.733
        page = Page(render_report(evidence)).text
        assert (
            "On playlists it has never heard, this model names the right mood for 51 of 100" in page
        )
        assert "it is right 73 times in 100" in page
        assert "With other playlists it could have been 44% to 58% (95% interval)." in page
        assert "Why the two figures differ" in page
        assert "The gap, 22 tracks in 100" in page
        assert "one playlist of every mood held out, all 32 ways" in page

    def test_an_older_run_tells_its_spread(self, make_evidence):
        evidence = make_evidence()
        evidence["unseen_group"] |= {"accuracy": 0.507, "accuracy_sd": 0.07}
        del evidence["unseen_group"]["intervals"]
        page = Page(render_report(evidence))
        assert "Mostly between 44% and 58%" in page.text
        assert "bar-unseen-t" not in {a.get("id") for _, a in page.elements}

    def test_a_gap_within_the_interval_may_be_chance(self, make_evidence):
        evidence = make_evidence()
        evidence["unseen_group"] |= {"accuracy": 0.55, "intervals": {"accuracy": [0.45, 0.62]}}
        evidence["test"]["accuracy"] = 0.6
        page = Page(render_report(evidence)).text
        assert "The gap, 5 tracks in 100, is small" in page
        assert "it may be chance" in page
        evidence["test"]["accuracy"] = 0.7
        assert "it may be chance" not in Page(render_report(evidence)).text

    def test_tables_never_seen_are_a_third_figure(self, make_evidence):
        page = Page(render_report(make_evidence())).text
        first = page[: page.index("What to do next", page.index("This is the figure to quote"))]
        assert "On tables never seen 70% With other tables it could have been 60% to 80%" in first
        assert "(guessing: 36%)" in first  # a half, a third and a fourth, on average
        assert "Not to be set against the two figures above." in first

    def test_equal_figures_are_told_as_such(self, make_evidence):
        evidence = make_evidence()
        evidence["unseen_group"]["accuracy"] = evidence["test"]["accuracy"] = 0.7
        page = Page(render_report(evidence)).text
        assert "Two ways to ask" in page
        assert "it has learned moods, not playlists" in page
        assert "Why the two figures differ" not in page

    def test_without_groups_the_figure_is_called_optimistic(self, make_evidence):
        evidence = make_evidence(groups=False)
        evidence["test"]["accuracy"] = 0.733
        evidence["source"]["group_like_column"] = "playlist"
        page = Page(render_report(evidence)).text
        assert "names the right mood for 73 of 100. Expect fewer on new playlists." in page
        assert "Why this figure is optimistic" in page
        assert "affetto train … --group playlist" in page
        assert "not measured" in page

    def test_other_groups_are_called_by_their_name(self, make_evidence):
        evidence = make_evidence()
        evidence["source"]["group"] = "Artist name"
        assert "On artists it has never heard" in render_report(evidence)
        evidence["source"]["group"] = "batch"
        assert "On groups it has never heard" in render_report(evidence)

    def test_synthetic_tracks_are_said_to_be(self, make_evidence):
        assert SYNTHETIC_NOTE in Page(render_report(make_evidence(synthetic=True))).text
        assert SYNTHETIC_NOTE not in Page(render_report(make_evidence())).text

    def test_advice_says_what_rests_on_what_and_what_to_do(self, make_evidence):
        page = Page(render_report(make_evidence())).text
        for words in ("Expect less", "Accuracy fell.", "Train with --group x."):
            assert words in page


class TestContents:
    def test_sections_stand_in_order(self, make_evidence):
        page = Page(render_report(make_evidence()))
        sections = [attributes["id"] for attributes in page.find("section")]
        assert sections == [
            "advice", "data", "split", "exploration", "candidates", "drives", "learning", "test",
            "confidence", "unseen", "sources", "agreement", "needs", "suspects", "rules",
            "use", "measured", "glossary",
        ]  # fmt: skip

    def test_what_was_not_measured_has_no_section(self, make_evidence):
        page = Page(render_report(cases(make_evidence)["only what is needed"]))
        sections = [attributes["id"] for attributes in page.find("section")]
        assert sections == [
            "data", "candidates", "test", "confidence", "use", "measured", "glossary",
        ]  # fmt: skip

    def test_an_odds_ratio_is_explained_on_its_own_data(self, make_evidence):
        evidence = make_evidence(("Calm", "Happy"))
        evidence["interpretation"] = {
            "Calm": [{"feature": "energy", "odds_ratio": 0.2, "low": 0.1, "high": 0.4}],
            "Happy": [{"feature": "valence", "odds_ratio": 3.2, "low": 2.5, "high": 4.8}],
        }
        page = Page(render_report(evidence)).text
        assert re.search(
            r"One standard deviation more valence \([\d.]+\) multiplies the odds of Happy "
            r"by 3\.2 \(2\.5–4\.8\)\.",
            page,
        )
        assert "a standard deviation more energy leaves 0.20 of the odds of Calm" in page

    def test_every_measured_figure_of_the_test_is_in_a_table(self, make_evidence):
        evidence = make_evidence()
        page = Page(render_report(evidence)).text
        for figures in evidence["test"]["per_mood"].values():
            assert f"{figures['recall']:.3f}" in page
            assert f"{figures['precision']:.3f}" in page

    def test_hostile_names_are_shown_not_obeyed(self, make_evidence):
        evidence = make_evidence(HOSTILE)
        evidence["advice"] = [dict.fromkeys(("finding", "evidence", "do"), HOSTILE[0])]
        evidence["data"]["findings"][1]["examples"] = [HOSTILE[1]]
        evidence["source"]["tables"][0]["name"] = HOSTILE[1]
        evidence["source"]["group"] = HOSTILE[0]
        evidence["candidates"][0]["title"] = HOSTILE[0]
        page = Page(render_report(evidence))
        assert not page.find("script", "img")
        assert page.problems == []
        assert HOSTILE[0] in page.text
        assert "{{ 7*7 }}" in page.text

    def test_hollow_and_filled_are_explained_with_colour(self, make_evidence):
        page = Page(render_report(make_evidence())).text
        for words in ("Hollow: the interval holds 1", "Outlined cells are right"):
            assert words in page

    def test_the_end_tells_how_to_go_on(self, make_evidence):
        page = Page(render_report(make_evidence())).text
        assert "affetto label your-songs.csv --model model.affetto" in page
        assert 'affetto.label("your-songs.csv", "model.affetto")' in page
        for word in ("Accuracy", "Balanced accuracy", "Precision", "Recall", "F1", "Log-loss",
                     "Calibration", "odds ratio", "Cross-validation", "Overfitting"):  # fmt: skip
            assert word in page
        assert "guessing evenly among 5 moods gives 1.61" in page

    def test_protocol_and_versions_are_shown_where_known(self, make_evidence):
        evidence = make_evidence()
        evidence["protocol"] = {"search_folds": 5, "compare_folds": 5, "compare_repeats": 4}
        evidence["versions"] = {"affetto": "0.1.0", "numpy": "2.3"}
        page = Page(render_report(evidence)).text
        assert "5 folds, drawn 4 times" in page
        assert "affetto 0.1.0, numpy 2.3." in page

    def test_the_page_is_the_same_every_time(self, make_evidence):
        assert render_report(make_evidence()) == render_report(make_evidence())


class TestSize:
    def test_five_moods_take_a_quarter_of_a_megabyte(self, make_evidence):
        assert len(render_report(make_evidence()).encode()) < 250_000

    def test_fifty_moods_stay_below_a_megabyte(self, make_evidence):
        evidence = make_evidence([f"Mood number {index}" for index in range(50)])
        markup = render_report(evidence)
        assert len(markup.encode()) < 1_000_000
        assert Page(markup).problems == []


class TestColours:
    """WCAG 2.2, 1.4.3 and 1.4.11, worked out from the style sheet itself."""

    @pytest.fixture(params=["light", "dark"])
    def theme(self, request):
        sheet = resources.files("affetto.reporting") / "templates" / "report.css"
        light, dark = re.findall(r":root \{(.*?)\}", sheet.read_text(encoding="utf-8"), re.DOTALL)
        variables = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", light))
        if request.param == "dark":
            variables |= dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", dark))
        variables |= {mood.name: getattr(mood, f"colour_{request.param}") for mood in MOODS}
        return variables

    @staticmethod
    def contrast(one, other):
        def luminance(colour):
            channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
            linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
            return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

        lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
        return (lighter + 0.05) / (darker + 0.05)

    @pytest.mark.parametrize(
        ("text", "ground"),
        [("ink", "paper"), ("muted", "paper"), ("ink", "surface"), ("muted", "surface"),
         ("ink", "warn"), ("ink", "shade"), ("ink", "shade-2")],
    )  # fmt: skip
    def test_text_can_be_read(self, theme, text, ground):
        assert self.contrast(theme[text], theme[ground]) >= 4.5

    @pytest.mark.parametrize("mark", ["unseen", "warn-edge", *(mood.name for mood in MOODS)])
    def test_marks_can_be_told_from_the_ground(self, theme, mark):
        assert self.contrast(theme[mark], theme["paper"]) >= 3

    def test_the_moods_have_the_colours_of_their_vocabulary(self, make_evidence):
        markup = render_report(make_evidence())
        for index, mood in enumerate(MOODS):
            assert f"--mood-{index}:{mood.colour_light};" in markup
            assert f"--mood-{index}:{mood.colour_dark};" in markup

    def test_print_is_always_light(self, make_evidence):
        markup = render_report(make_evidence())
        dark = re.findall(r"@media ([^{]*prefers-color-scheme: dark[^{]*)\{", markup)
        assert len(dark) == 2
        assert all(query.startswith("screen and") for query in dark)


class TestStepSizes:
    def test_pooled_moods_give_the_deviation_of_all_tracks(self, make_evidence):
        rng = np.random.default_rng(1)
        calm, wild = rng.normal(0.3, 0.1, 25), rng.normal(0.7, 0.2, 30)
        evidence = make_evidence(("Calm", "Wild"), ("energy",))
        for mood, values in (("Calm", calm), ("Wild", wild)):
            evidence["split"]["train"][mood] = len(values)
            evidence["exploration"]["features"][mood]["energy"] |= {
                "mean": values.mean(), "sd": values.std(ddof=1),
            }  # fmt: skip
        expected = np.concatenate([calm, wild]).std(ddof=1)
        assert step_sizes(evidence)["energy"] == pytest.approx(expected)

    def test_unknown_without_exploration(self, make_evidence):
        evidence = make_evidence()
        evidence["exploration"] = None
        assert step_sizes(evidence) == {}


class TestWriting:
    def test_writes_what_is_rendered(self, make_evidence, tmp_path):
        evidence = make_evidence()
        path = write_report(evidence, tmp_path / "report.html")
        assert path == tmp_path / "report.html"
        assert path.read_text(encoding="utf-8") == render_report(evidence)

    def test_a_full_disk_leaves_the_old_report(self, make_evidence, tmp_path, monkeypatch):
        path = tmp_path / "report.html"
        path.write_text("old")

        def fill(self, data, *args, **kwargs):
            with self.open("w") as stream:
                stream.write(data[:1000])
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(Path, "write_text", fill)
        with pytest.raises(OutputError, match="No space left"):
            write_report(make_evidence(), path)
        assert path.read_bytes() == b"old"
        assert list(tmp_path.iterdir()) == [path]

    def test_evidence_that_cannot_be_drawn_writes_nothing(self, make_evidence, tmp_path):
        evidence = make_evidence()
        del evidence["test"]["confusion"]
        with pytest.raises(KeyError):
            write_report(evidence, tmp_path / "report.html")
        assert list(tmp_path.iterdir()) == []

    def test_a_missing_folder_is_named(self, make_evidence, tmp_path):
        with pytest.raises(OutputError, match="does not exist"):
            write_report(make_evidence(), tmp_path / "nowhere" / "report.html")


class TestReading:
    @pytest.mark.parametrize("case", CASES)
    def test_whatever_can_be_drawn_can_be_read(self, make_evidence, tmp_path, case):
        evidence = cases(make_evidence)[case]
        assert read_evidence(self.put(tmp_path, evidence)) == evidence

    def put(self, folder, evidence):
        (folder / "evidence.json").write_text(json.dumps(evidence), encoding="utf-8")
        return folder

    def test_comes_back_as_it_was_written(self, make_evidence, tmp_path):
        evidence = make_evidence(LONG)
        assert read_evidence(self.put(tmp_path, evidence)) == evidence
        assert read_evidence(tmp_path / "evidence.json") == evidence

    def test_missing_folder(self, tmp_path):
        with pytest.raises(InputError, match=r"no folder .*gone; affetto train TABLE --out"):
            read_evidence(tmp_path / "gone")

    def test_folder_without_evidence(self, tmp_path):
        with pytest.raises(InputError, match=r"found no evidence\.json in .*name the folder"):
            read_evidence(tmp_path)

    def test_folder_above_the_right_one(self, make_evidence, tmp_path):
        (tmp_path / "run").mkdir()
        self.put(tmp_path / "run", make_evidence())
        with pytest.raises(InputError, match=r"did you mean .*run"):
            read_evidence(tmp_path)

    def test_evidence_that_is_a_folder(self, tmp_path):
        (tmp_path / "evidence.json").mkdir()
        with pytest.raises(InputError, match="cannot read"):
            read_evidence(tmp_path)

    @pytest.mark.parametrize("content", [b"", b'{"moods": [', b"\xff\xfe\x00", b"[" * 100_000])
    def test_not_json(self, tmp_path, content):
        (tmp_path / "evidence.json").write_bytes(content)
        with pytest.raises(InputError, match=r"is not JSON .*affetto train writes it"):
            read_evidence(tmp_path)

    def test_other_json(self, tmp_path):
        with pytest.raises(InputError, match="holds a list in place of evidence"):
            read_evidence(self.put(tmp_path, [1, 2]))
        with pytest.raises(InputError, match="'moods' is missing"):
            read_evidence(self.put(tmp_path, {"name": "something else"}))

    @pytest.mark.parametrize(
        ("damage", "told"),
        [
            (lambda e: e["test"].pop("accuracy"), "'test.accuracy' is missing"),
            (lambda e: e["test"].update(n="many"), "'test.n' is 'many'"),
            (lambda e: e.update(moods="Dark"), "'moods' is 'Dark'"),
            (lambda e: e.update(moods=["Dark"]), "its moods are no vocabulary (found 1 mood(s)"),
            (lambda e: e.update(chosen="magic"), "chosen 'magic' is not among"),
            (lambda e: e["candidates"][0].pop("cv"), "'candidates[0].cv' is missing"),
            (lambda e: e["candidates"].append("x"), "'candidates[5]' is 'x'"),
            (lambda e: e["test"]["confusion"].pop(), "is not 5 × 5"),
            (lambda e: e["test"]["confusion"].append([3]), "is not 5 × 5"),
            (lambda e: e["test"]["confusion"].append(3), "'test.confusion[5]' is '3'"),
            (lambda e: e["test"]["per_mood"].pop("Dark"), "'test.per_mood' lacks 'Dark'"),
            (lambda e: e["test"].update(coverage={"half": 1.0}), "'test.coverage' is not by share"),
            (lambda e: e["test"].update(accuracy=10**400), "'test.accuracy' is '1000"),
            (lambda e: e["test"].update(accuracy=True), "'test.accuracy' is 'True'"),
            (lambda e: e["test"].update(accuracy=math.nan), "'test.accuracy' is 'None'"),
            (lambda e: e.update(features=[]), "it names no features"),
            (lambda e: e["advice"][0].update(finding=3), "'advice[0].finding' is '3'"),
            (lambda e: e["unseen_group"].pop("rule"), "'unseen_group.rule' is missing"),
            (lambda e: e["exploration"]["correlation"].pop(), "is not 10 × 10"),
            (
                lambda e: e["searches"]["forest"][1].pop("min_samples_leaf"),
                "'searches.forest' differ",
            ),
            (lambda e: e["searches"]["forest"][1].update(sd=[1]), "'searches.forest' differ"),
        ],
    )
    def test_damaged_evidence_says_where(self, make_evidence, tmp_path, damage, told):
        evidence = make_evidence()
        damage(evidence)
        with pytest.raises(InputError, match=re.escape(told)):
            read_evidence(self.put(tmp_path, evidence))

    def test_a_newer_writer_is_taken_where_all_is_there(self, make_evidence, tmp_path):
        evidence = make_evidence() | {"affetto": "99.0", "something_new": {"x": 1}}
        assert render_report(read_evidence(self.put(tmp_path, evidence)))

    def test_parts_that_a_newer_writer_shaped_anew_are_left_out(self, make_evidence, tmp_path):
        evidence = make_evidence() | {"affetto": "99.0", "advice": {"shape": "new"}}
        read = read_evidence(self.put(tmp_path, evidence))
        assert "advice" not in read
        assert 'id="advice"' not in render_report(read)

    def test_undefined_figures_may_be_nan(self, make_evidence, tmp_path):
        evidence = make_evidence()
        evidence["exploration"]["separability"][0]["auc"] = math.nan
        assert render_report(read_evidence(self.put(tmp_path, evidence)))

    def test_a_newer_writer_without_what_is_needed_asks_for_an_update(
        self, make_evidence, tmp_path
    ):
        evidence = make_evidence() | {"affetto": "99.0"}
        del evidence["chosen"]
        with pytest.raises(InputError, match=r"written by affetto 99\.0.*update affetto"):
            read_evidence(self.put(tmp_path, evidence))

    def test_far_too_large(self, tmp_path, monkeypatch):
        monkeypatch.setattr("affetto.reporting.evidence.MAX_EVIDENCE_BYTES", 10)
        with pytest.raises(InputError, match="far more than evidence does"):
            read_evidence(self.put(tmp_path, {"moods": ["a long one"]}))


def places(value, path=()):
    """Every place in nested data, as the keys that lead there."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        yield (*path, key)
        if isinstance(inner, (dict, list)):
            yield from places(inner, (*path, key))


class TestAnyDamage:
    """Whatever a file holds, it is either refused with an InputError, or drawn."""

    def damaged(self, evidence, rng):
        everywhere = list(places(evidence))
        *way, last = everywhere[rng.integers(len(everywhere))]
        part = evidence
        for key in way:
            part = part[key]
        other = [None, 0, -3, 1.5, 1e300, "", "x", "<b>", [], [1], {}, {"x": 1}, True, [[]]]
        choice = rng.integers(len(other) + 1)
        if choice == len(other):
            del part[last]
        else:
            part[last] = other[choice]
        return evidence

    @pytest.mark.parametrize("seed", range(N_DAMAGED))
    def test_is_refused_or_drawn(self, make_evidence, tmp_path, seed):
        rng = np.random.default_rng(seed)
        evidence = make_evidence(("Calm", "Wild"), ("energy", "tempo"))
        for _ in range(1 + seed % 3):
            evidence = self.damaged(evidence, rng)
        if seed % 2:
            evidence["affetto"] = "99.0"
        (tmp_path / "evidence.json").write_text(json.dumps(evidence), encoding="utf-8")
        try:
            read = read_evidence(tmp_path)
        except InputError:
            return
        assert Page(render_report(read)).problems == []


@pytest.fixture(scope="module")
def run():
    """A small, real run."""
    table = demo_table(tracks_per_playlist=12)
    return train(table, group="playlist", candidates=("logistic",), jobs=1)


class TestRealRun:
    def test_is_drawn_whole(self, run):
        page = Page(render_report(run.evidence))
        assert page.problems == []
        assert len(page.find("section")) >= 13
        right = round(100 * run.evidence["unseen_group"]["accuracy"])
        assert f"the right mood for {right} of 100 tracks" in page.text

    def test_is_the_same_after_a_round_trip_through_its_folder(self, run, tmp_path):
        run.save(tmp_path)
        assert render_report(read_evidence(tmp_path)) == render_report(run.evidence)

    def test_the_even_log_loss_is_that_of_its_moods(self, run):
        assert build_view(run.evidence)["even_log_loss"] == pytest.approx(math.log(5))
