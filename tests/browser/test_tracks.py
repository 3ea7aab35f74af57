"""The list and a track: search, sort, keyboard, corrections, titles of strangers."""

import re

import pytest
from playwright.sync_api import expect

from affetto.library.catalogue import Catalogue

from .conftest import HOSTILE, PIECES


@pytest.fixture
def at_list(look, shared):
    page = look(shared, "#/tracks")
    expect(page.locator(".rows .row:not(.waiting)").first).to_be_visible()
    return page


def titles(page):
    """Titles in sight, from the top."""
    return page.locator(".rows .row:not(.waiting)").evaluate_all(
        """(rows) => rows.sort((a, b) => a.ariaRowIndex - b.ariaRowIndex)
          .map((row) => row.querySelector('strong').textContent)"""
    )


def test_the_list_has_every_track_and_only_rows_in_sight(at_list):
    grid = at_list.get_by_role("grid", name="Tracks")
    expect(grid).to_have_attribute("aria-rowcount", "61")
    assert at_list.locator(".rows .row").count() < 40
    grid.focus()
    at_list.keyboard.press("End")
    expect(at_list.locator('.row[aria-rowindex="61"]')).to_be_visible()
    expect(at_list.locator("#live")).to_have_text(re.compile("60 of 60"))


def test_search_as_you_type_and_nothing_found(at_list):
    field = at_list.get_by_role("searchbox")
    field.press_sequentially("pancake", delay=15)
    expect(at_list.locator(".rows .row")).to_have_count(1)
    assert titles(at_list) == ["Pancake Parade"]
    expect(at_list.locator(".count")).to_have_text("1 of 60 tracks")
    field.fill("zzzyx")
    expect(at_list.get_by_text("Nothing matches.")).to_be_visible()
    at_list.get_by_role("button", name="Clear search and filters").click()
    expect(at_list.locator(".count")).to_have_text("60 tracks")
    expect(field).to_have_value("")


def test_an_answer_that_comes_late_does_not_replace_a_newer_one(look, shared):
    page = look(shared, "#/tracks")
    expect(page.locator(".count")).to_have_text("60 tracks")

    def late(route):
        page.wait_for_timeout(700)
        route.continue_()

    page.route("**/api/tracks?*search=snow*", late)
    field = page.get_by_role("searchbox")
    field.fill("snow")
    page.wait_for_timeout(250)  # longer than the pause after which it is asked
    field.fill("pancake")
    expect(page.locator(".count")).to_have_text("1 of 60 tracks")
    page.wait_for_timeout(900)
    assert titles(page) == ["Pancake Parade"]
    page.unroute_all(behavior="ignoreErrors")


def test_sorting_by_a_head_and_back(at_list):
    head = at_list.get_by_role("columnheader", name="Tempo")
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "ascending")
    tempo = ".rows .row:not(.waiting) .c-tempo"
    expect(at_list.locator(tempo).first).to_be_visible()
    read = """(cells) => cells.map((cell) => [+cell.parentElement.ariaRowIndex, +cell.textContent])
      .sort((a, b) => a[0] - b[0]).map((pair) => pair[1])"""
    rising = at_list.locator(tempo).evaluate_all(read)
    assert rising == sorted(rising)
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "descending")
    expect(at_list.locator('.row[aria-rowindex="2"] .c-tempo')).not_to_have_text(str(rising[0]))
    falling = at_list.locator(tempo).evaluate_all(read)
    assert falling == sorted(falling, reverse=True)
    assert falling[0] >= rising[-1]


def test_filters_by_confidence_and_tempo(at_list):
    at_list.get_by_role("button", name="More filters").click()
    at_list.get_by_label("Tempo from, BPM").fill("120")
    expect(at_list.locator(".count")).to_have_text(re.compile(r"^\d+ of 60"))
    fast = int(at_list.locator(".count").text_content().split()[0])
    assert 0 < fast < 60
    tempi = at_list.locator(".rows .c-tempo").all_text_contents()
    assert all(int(tempo) >= 120 for tempo in tempi)
    at_list.get_by_label("How sure").select_option("low")
    expect(at_list.locator(".count")).not_to_have_text(f"{fast} of 60 tracks")
    shares = at_list.locator(".rows .c-sure").all_text_contents()
    assert all(int(share.strip("%")) <= 50 for share in shares)


def test_the_list_by_keyboard_alone(at_list):
    grid = at_list.get_by_role("grid", name="Tracks")
    grid.focus()
    at_list.keyboard.press("ArrowDown")
    at_list.keyboard.press("ArrowDown")
    expect(grid).to_have_attribute("aria-activedescendant", "row-1")
    second = titles(at_list)[1]
    at_list.keyboard.press("Enter")
    expect(at_list.locator("#panel h2")).to_have_text(second)
    at_list.keyboard.press(" ")
    expect(at_list.locator("#player .now")).to_contain_text(second)
    for _ in range(4):  # out of the list, into the panel
        at_list.keyboard.press("Tab")
        if at_list.evaluate("document.getElementById('panel').contains(document.activeElement)"):
            break
    else:
        pytest.fail("the tab key does not reach the panel")
    at_list.keyboard.press("Escape")
    expect(at_list.locator("#panel")).to_be_hidden()
    assert at_list.evaluate("document.activeElement.getAttribute('role')") == "grid"


def test_every_control_is_reached_by_tab_with_a_focus_that_shows(look, shared):
    page = look(shared)
    page.locator(".map[data-painted]").wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the music"
    reached = set()
    for _ in range(26):
        page.keyboard.press("Tab")
        told = page.evaluate(
            """() => {
              const one = document.activeElement, style = getComputedStyle(one);
              const name = one.getAttribute('aria-label') || one.textContent.trim();
              return one !== document.body && [name,
                style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 1];
            }"""
        )
        if not told:
            break  # once around
        if told[0] and one_word(told[0]) not in reached:
            reached.add(one_word(told[0]))
            assert told[1], f"{told[0]!r} shows no focus"
    wanted = {"Map", "Tracks", "Playlists", "Teach", "Library", "Search", "Switch", "Energetic",
              "Zoom", "Show", "Draw", "Mood"}  # fmt: skip
    assert wanted <= reached


def one_word(text):
    return re.match(r"\w*", text)[0].rstrip("0123456789") or text


def test_titles_of_strangers_are_only_text(look, shared):
    page = look(shared, "#/tracks?q=odd")
    expect(page.locator(".count")).to_have_text("7 of 60 tracks")
    expect(page.locator(".rows .row:not(.waiting)")).to_have_count(7)
    shown = set(titles(page))
    assert HOSTILE["markup"] in shown
    assert HOSTILE["long"] in shown
    assert "bell\ufffd tab new line" in shown
    for row in page.locator(".rows .row").all():
        assert row.bounding_box()["height"] < 70
    direction = page.locator("bdi", has_text="أغنية").first
    assert direction.evaluate("(one) => getComputedStyle(one).direction") == "rtl"
    for title in HOSTILE.values():
        start = title.split("\x07")[0].split("<scr")[0][:30]
        page.locator(".rows .row", has_text=start).first.click()
        expect(page.locator("#panel h2")).to_contain_text(start)
        assert page.locator("#panel").evaluate("(one) => one.scrollWidth <= one.clientWidth + 1")
    assert page.locator("img, main script").count() == 0


def test_a_track_shows_features_reasons_and_facts(look, shared):
    page = look(shared, "#/tracks?q=pancake")
    page.locator(".rows .row").first.click()
    panel = page.locator("#panel")
    expect(panel.get_by_role("heading", name="Why this mood")).to_be_visible()
    expect(panel.locator(".features tbody tr")).to_have_count(10)
    expect(panel.locator(".features .dot")).to_have_count(10)
    assert panel.locator(".features .band").count() >= 5
    assert panel.locator(".weights tbody tr").count() >= 1
    shares = panel.locator(".odds").first.locator(".n").all_text_contents()
    assert 97 <= sum(int(share.strip("<% ")) for share in shares) <= 103
    expect(panel.get_by_text("A minor")).to_be_visible()


def test_mood_over_time_is_heard_once_and_seeks(look, own):
    page = look(own, "#/tracks?q=snow")
    page.locator(".rows .row").first.click()
    panel = page.locator("#panel")
    panel.locator(".timeline").scroll_into_view_if_needed()
    slider = panel.get_by_label("Mood over time")
    slider.wait_for(timeout=30_000)
    assert panel.locator(".bands path").count() == 5
    slider.focus()
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    expect(page.locator("#player .now")).to_contain_text("Snow on the Duvet")
    expect(slider).to_have_attribute("aria-valuetext", re.compile(r"^\d+ s: \w+"))


def labels(path):
    with Catalogue.open(path) as catalogue:
        return {entry.title: mood for entry, mood in catalogue.own_labels()}


def test_correcting_undoing_and_a_word_of_ones_own(look, own, own_library):
    page = look(own, "#/tracks?q=pancake")
    page.locator(".rows .row").first.click()
    panel = page.locator("#panel")
    form = panel.get_by_role("form", name="Correct the mood")
    form.get_by_role("button", name="Dark").click()
    expect(panel.locator(".big")).to_have_text("Dark")
    expect(page.locator(".rows .c-mood").first).to_contain_text("Dark")
    assert labels(own_library) == {PIECES[1]: "Dark"}
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(panel.locator(".big")).not_to_have_text("Dark")
    assert labels(own_library) == {}
    form.get_by_label("A mood of your own").fill("rainy <b>Sunday</b>")
    form.get_by_role("button", name="Save").click()
    expect(panel.locator(".big")).to_have_text("rainy <b>Sunday</b>")
    assert labels(own_library) == {PIECES[1]: "rainy <b>Sunday</b>"}
    expect(page.locator('.chip[data-mood="rainy <b>Sunday</b>"]')).to_be_visible()
    form.get_by_role("button", name="Undo").click()
    expect(panel.locator(".big")).not_to_contain_text("Sunday")
    assert labels(own_library) == {}


def test_a_track_that_is_gone_says_so(look, shared):
    page = look(shared, "#/tracks?track=999999")
    expect(page.get_by_text("This track is not in the library.")).to_be_visible()
    page.get_by_role("button", name="Close").click()
    expect(page.locator("#panel")).to_be_hidden()


def test_a_file_that_vanished_is_told_of_and_the_next_one_plays(look, own_files):
    own, own_library = own_files
    page = look(own, "#/tracks?q=odd")
    expect(page.locator(".rows .row:not(.waiting)")).to_have_count(7)
    gone = page.evaluate(
        "async () => (await (await fetch('/api/tracks?search=odd&limit=1')).json()).tracks[0]"
    )
    (own_library.parent / "music" / gone["file"]).unlink()
    page.get_by_role("grid").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press(" ")
    expect(page.locator(".toast")).to_contain_text("is not there any more")
    expect(page.locator("#player .now")).to_contain_text(titles(page)[1][:20])
