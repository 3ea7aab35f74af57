"""Playlists, teaching, the library and its scan, an empty library, a server that is gone."""

import json
import re
import shutil

from playwright.sync_api import expect

from affetto.library.catalogue import Catalogue
from affetto.model import load_model

from .conftest import close, make_library, serving

FIGURES = {
    "accuracy": 0.75,
    "balanced_accuracy": 0.74,
    "per_mood": {"Dark": {"recall": 0.8, "n": 12}, "Happy": {"recall": 0.7, "n": 12}},
    "n": 24,
    "moods": ["Dark", "Happy"],
    "current": {"name": "affetto's own", "has_seen": False, "accuracy": 0.5, "per_mood": {}},
    "is_clear": True,
    "words": ["Of 24 tracks that you labelled, the new model names your mood for 75%."],
}
"""As the server leaves them beside a model that waits to be adopted."""


def test_a_mood_is_a_playlist_that_is_played_through(look, shared):
    page = look(shared, "#/playlists")
    card = page.locator(".card", has_text="Happy")
    n = int(re.search(r"(\d+) track", card.text_content())[1])
    card.click()
    expect(page.locator(".queue li")).to_have_count(n)
    expect(page.locator(".preview-head")).to_contain_text(f"{n} tracks")
    page.locator(".preview").get_by_role("button", name="Play", exact=True).click()
    first = page.locator(".queue li").first
    expect(first).to_have_class(re.compile("heard"))
    title = first.locator("strong").text_content()
    expect(page.locator("#player .now")).to_contain_text(title)
    page.get_by_role("button", name="Next track").click()
    expect(page.locator(".queue li").nth(1)).to_have_class(re.compile("heard"))


def test_a_mix_by_rule_keeps_to_it_and_is_downloaded(look, shared, tmp_path):
    page = look(shared, "#/playlists")
    page.get_by_role("tab", name="A mix").click()
    for name in page.locator("#kind-mix .checks input:checked").all():
        name.uncheck()
    page.locator("#kind-mix").get_by_label("Dark").check()
    page.locator("#mix-n").fill("4")
    page.get_by_role("button", name="Make the mix").click()
    expect(page.locator(".queue li")).to_have_count(4)
    moods = page.locator(".queue .queue-play").evaluate_all(
        "(all) => all.map((one) => one.ariaLabel.split(', ').at(-2))"
    )
    assert moods == ["Dark"] * 4
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    saved = tmp_path / "mix"
    download.value.save_as(saved)
    lines = saved.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "#EXTM3U"
    assert sum(line.endswith(".wav") for line in lines) == 4
    page.get_by_label("File type").select_option("xspf")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename.endswith(".xspf")


def test_a_journey_is_drawn_on_the_map(look, shared):
    page = look(shared, "#/playlists")
    page.get_by_role("tab", name="One mood").focus()
    page.keyboard.press("ArrowLeft")  # around to the last
    page.get_by_label("From", exact=True).select_option("Relaxing")
    page.get_by_label("To", exact=True).select_option("Aggressive")
    page.locator("#j-n").fill("6")
    page.get_by_role("button", name="Plan the journey").click()
    expect(page.locator(".queue li")).to_have_count(6)
    expect(page.locator(".journey-map .stops circle")).to_have_count(6)
    points = page.locator(".journey-map .path").get_attribute("points").split()
    assert len(points) == 6
    ends = [float(points[at].split(",")[1]) for at in (0, -1)]
    assert ends[1] < ends[0], "from calm to lively it leads up"
    expect(page.locator(".preview-head h3")).to_have_text("From Relaxing to Aggressive")
    formats = page.get_by_label("File type").locator("option").all_text_contents()
    assert not any("NSP" in one for one in formats), "a journey follows no rule"


def label(path, n):
    with Catalogue.open(path) as catalogue:
        entries = list(catalogue.every())
        for entry, mood in zip(entries[: 2 * n], ["Dark", "Happy"] * n, strict=True):
            catalogue.correct(entry.id, mood)


def test_teaching_says_what_is_missing(look, own, own_library):
    label(own_library, 4)
    page = look(own, "#/teach")
    expect(page.get_by_role("heading", name="You have corrected 8 tracks")).to_be_visible()
    expect(page.locator(".teach .odds")).to_contain_text("4 of 10")
    expect(page.get_by_role("button", name="Train")).to_be_disabled()
    page.get_by_role("button", name="Show tracks it is unsure of").click()
    expect(page.locator(".count")).to_have_text(re.compile("of 60 tracks"))


def test_training_shows_how_far_it_is_and_ends_with_figures(look, shared):
    # A training takes half a minute; what the server tells meanwhile is given here.
    told = {"labels": {"Dark": 12, "Happy": 12}, "needed": 10, "enough": True, "why": None,
            "state": "idle", "progress": None, "candidate": None, "error": None,
            "history": []}  # fmt: skip
    page = look(shared)

    def teach(route):
        if route.request.method == "POST":
            told.update(state="training", progress={"stage": "comparing", "done": 3, "total": 8})
        route.fulfill(status=202 if route.request.method == "POST" else 200, json=told)

    page.route("**/api/teach", teach)
    page.get_by_role("navigation").get_by_role("link", name="Teach").click()
    page.get_by_role("button", name="Train").click()
    expect(page.get_by_role("heading", name="It is learning")).to_be_visible()
    expect(page.get_by_text("Comparing. 3 of 8")).to_be_visible()
    bar = page.get_by_role("progressbar", name="Training")
    assert bar.evaluate("(one) => one.value") == 3 / 8
    told.update(state="ready", progress=None, candidate=FIGURES)
    expect(page.get_by_role("heading", name="The new model knows your ear better")).to_be_visible()
    expect(page.locator("#live")).to_have_text("The new model is ready")
    told.update(candidate={**FIGURES, "is_clear": False})
    page.get_by_role("navigation").get_by_role("link", name="Map").click()
    page.get_by_role("navigation").get_by_role("link", name="Teach").click()
    expect(page.get_by_role("heading", name="Too close to tell")).to_be_visible()
    told.update(state="failed", candidate=None, error="the labels contradict each other")
    page.get_by_role("navigation").get_by_role("link", name="Map").click()
    page.get_by_role("navigation").get_by_role("link", name="Teach").click()
    expect(page.get_by_text("The labels contradict each other.")).to_be_visible()


def test_a_model_that_waits_is_shown_with_its_figures_adopted_and_taken_back(
    look, own, own_library
):
    waiting = own_library.with_name(f"{own_library.name}-teaching")
    waiting.mkdir()
    load_model().save(waiting / "model.affetto")
    (waiting / "figures.json").write_text(json.dumps(FIGURES), encoding="utf-8")
    page = look(own, "#/teach")
    expect(page.get_by_role("heading", name="The new model knows your ear better")).to_be_visible()
    expect(page.locator(".duel")).to_have_text(re.compile(r"new model\s*75%.*in use\s*50%"))
    page.get_by_role("button", name="Use the new model").click()
    expect(page.get_by_text("Your own model")).to_be_visible()
    page.get_by_role("button", name="Go back to the one before").click()
    expect(page.get_by_text("The model that comes with affetto.")).to_be_visible()


def test_a_scan_hears_a_new_file_and_tells_what_failed(look, own_files, music):
    own, own_library = own_files
    songs = own_library.parent / "music"
    shutil.copyfile(next(music.glob("*.wav")), songs / "New song.wav")
    (songs / "<i>broken.wav").write_bytes(b"RIFF but no more")
    page = look(own, "#/library")
    expect(page.locator(".facts dd").first).to_have_text("60")
    page.get_by_role("button", name="Scan again").click()
    expect(page.get_by_role("heading", name="Scanning")).to_be_visible()
    expect(page.locator(".toast")).to_contain_text("Scan done", timeout=120_000)
    expect(page.get_by_role("heading", name="1 file could not be heard")).to_be_visible()
    expect(page.locator(".failures td").first).to_have_text("<i>broken.wav")
    expect(page.locator(".failures td").nth(1)).to_have_text(re.compile(r"\w{3}"))
    page.get_by_role("navigation").get_by_role("link", name="Map").click()
    expect(page.locator(".count")).to_have_text("61 tracks")


def test_an_empty_library_says_what_to_do(look, contexts, tmp_path, music):
    path = make_library(tmp_path, music, [])
    with serving(path) as address:
        page = look(address)
        expect(page.get_by_role("heading", name="No music here yet")).to_be_visible()
        expect(page.get_by_text("affetto library add ~/Music", exact=True)).to_be_visible()
        for part in ("Tracks", "Playlists", "Teach"):
            page.get_by_role("navigation").get_by_role("link", name=part).click()
            expect(page.get_by_role("heading", name="No music here yet")).to_be_visible()
        close(contexts)


def test_a_server_that_is_gone_is_told_of_and_found_again(look, own_library):
    with serving(own_library) as address:
        page = look(address, "#/tracks")
        expect(page.locator(".count")).to_have_text("60 tracks")
        port = int(address.rpartition(":")[2])
    page.get_by_role("searchbox").fill("pancake")
    expect(page.locator(".banner")).to_contain_text("The server does not answer")
    with serving(own_library, port):
        expect(page.locator(".banner")).to_have_count(0, timeout=15_000)
        expect(page.locator(".count")).to_have_text("1 of 60 tracks")
