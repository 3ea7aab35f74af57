"""The mood map: read, walked, zoomed, heard, filtered and picked from."""

import re

import pytest
from playwright.sync_api import expect

# Where a track's dot stands, asked of the page's own figures: valence and energy of all tracks
# lie on a frame that shows all of them when nobody has zoomed.
PLACE = """async (id) => {
  const { stage } = { stage: document.querySelector('.stage') };
  const all = await (await fetch('/api/map')).json();
  const span = (values) => {
    const low = Math.min(...values), high = Math.max(...values);
    const air = Math.max(.04 * (high - low), (300 - (high - low)) / 2, 10);
    return [low - air, high + air];
  };
  const [left, right] = span(all.valence), [bottom, top] = span(all.energy);
  const at = all.ids.indexOf(id);
  const box = stage.getBoundingClientRect();
  const x = box.width < 700 ? 22 : 68, y = 36;
  return [
    box.left + x + (all.valence[at] - left) / (right - left) * (box.width - 2 * x),
    box.top + y + (top - all.energy[at]) / (top - bottom) * (box.height - 2 * y),
  ];
}"""


def ink(page):
    """Share of the map's pixels that are not paper."""
    return page.evaluate(
        """() => {
          const canvas = document.querySelector('.stage canvas');
          const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
          let n = 0;
          for (let i = 0; i < data.length; i += 4) {
            n += data[i] !== data[0] || data[i + 1] !== data[1];
          }
          return 4 * n / data.length;
        }"""
    )


def title_of(page, track_id):
    return page.evaluate(
        "async (id) => (await (await fetch(`/api/tracks/${id}`)).json()).name", track_id
    )


def a_lonely_track(page):
    """The id of the track farthest from its nearest neighbour: hit without doubt."""
    return page.evaluate(
        """async () => {
          const all = await (await fetch('/api/map')).json();
          const far = all.ids.map((_, i) => Math.min(...all.ids.map((_, j) => i === j ? Infinity
            : Math.hypot(all.valence[i] - all.valence[j], all.energy[i] - all.energy[j]))));
          return all.ids[far.indexOf(Math.max(...far))];
        }"""
    )


def test_points_are_drawn_where_valence_and_energy_say(at_map):
    track = a_lonely_track(at_map)
    x, y = at_map.evaluate(PLACE, track)
    drawn = at_map.evaluate(
        """([x, y]) => {
          const canvas = document.querySelector('.stage canvas');
          const box = canvas.getBoundingClientRect();
          return [...canvas.getContext('2d').getImageData(x - box.left, y - box.top, 1, 1).data];
        }""",
        [x, y],
    )
    assert drawn[:3] != [255, 255, 255]
    assert 0.002 < ink(at_map) < 0.2


def test_hovering_tells_title_and_mood(at_map):
    track = a_lonely_track(at_map)
    at_map.mouse.move(*at_map.evaluate(PLACE, track))
    tip = at_map.locator(".tip")
    expect(tip).to_be_visible()
    expect(tip).to_contain_text(title_of(at_map, track))
    expect(tip).to_contain_text("sure")


def test_a_click_is_heard_and_opens_the_track(at_map):
    track = a_lonely_track(at_map)
    at_map.mouse.click(*at_map.evaluate(PLACE, track))
    expect(at_map.locator("#panel h2")).to_have_text(title_of(at_map, track))
    expect(at_map.locator("#player")).to_be_visible()
    expect(at_map.get_by_label("Place in the track")).not_to_have_value("0")
    at_map.locator("#player").get_by_role("button", name="Pause").click()
    expect(at_map.locator("#player").get_by_role("button", name="Play", exact=True)).to_be_visible()


def test_the_wheel_zooms_around_the_pointer_and_the_button_shows_all_again(at_map):
    track = a_lonely_track(at_map)
    x, y = at_map.evaluate(PLACE, track)
    before = ink(at_map)
    at_map.mouse.move(x, y)
    for _ in range(4):
        at_map.mouse.wheel(0, -400)
    at_map.wait_for_timeout(100)
    expect(at_map.locator(".tip")).to_contain_text(title_of(at_map, track))
    at_map.mouse.move(x + 1, y)  # what lay under the pointer lies there still
    expect(at_map.locator(".tip")).to_be_visible()
    assert ink(at_map) != before
    at_map.get_by_role("button", name="Show everything").click()
    at_map.wait_for_timeout(100)
    assert ink(at_map) == pytest.approx(before, rel=0.05)


def test_dragging_moves_the_zoomed_map(at_map):
    at_map.get_by_role("button", name="Zoom in").click()
    at_map.wait_for_timeout(60)
    before = at_map.locator(".stage canvas").screenshot()
    at_map.mouse.move(640, 420)
    at_map.mouse.down()
    at_map.mouse.move(500, 360, steps=4)
    at_map.mouse.up()
    at_map.wait_for_timeout(60)
    assert at_map.locator(".stage canvas").screenshot() != before
    expect(at_map.locator("#player")).to_be_hidden()  # a drag is no click


def test_the_keyboard_walks_reads_and_plays(at_map):
    stage = at_map.get_by_role("application")
    stage.focus()
    live = at_map.locator("#live")
    at_map.keyboard.press("ArrowRight")
    expect(live).to_have_text(re.compile(r".+, .+: \w+, \d+% sure"))
    first = live.text_content()
    at_map.keyboard.press("ArrowRight")
    expect(live).not_to_have_text(first)
    second = live.text_content()
    at_map.keyboard.press("ArrowLeft")
    expect(live).not_to_have_text(second)
    at_map.keyboard.press("Enter")
    expect(at_map.locator("#player")).to_be_visible()
    expect(at_map.locator("#panel h2")).to_be_visible()


def test_a_lasso_picks_tracks_for_a_playlist(at_map):
    box = at_map.locator(".stage").bounding_box()
    left, top = box["x"] + 5, box["y"] + 5
    right, bottom = box["x"] + box["width"] - 90, box["y"] + box["height"] - 5
    at_map.get_by_role("button", name="Draw around").click()
    at_map.mouse.move(left, top)
    at_map.mouse.down()
    for x, y in ((right, top), (right, bottom), (left, bottom)):
        at_map.mouse.move(x, y, steps=6)
    at_map.mouse.up()
    heading = at_map.locator("#panel h2")
    expect(heading).to_have_text(re.compile(r"Picked: \d\d tracks"))
    n = int(re.search(r"\d+", heading.text_content())[0])
    expect(at_map.locator("#panel .queue li")).to_have_count(n)
    at_map.keyboard.press("Escape")  # the keyboard is on the map
    at_map.get_by_role("application").focus()
    at_map.keyboard.press("Escape")
    expect(at_map.locator("#panel")).to_be_hidden()


def test_tracks_are_picked_by_keyboard_too(at_map):
    at_map.get_by_role("application").focus()
    at_map.keyboard.press("ArrowRight")
    at_map.keyboard.press("s")
    expect(at_map.locator("#panel h2")).to_have_text("Picked: 1 track")
    at_map.keyboard.press("ArrowRight")


def test_the_legend_filters_by_mood(at_map):
    chip = at_map.get_by_role("button", name=re.compile("^Relaxing"))
    n = int(re.search(r"\d+", chip.text_content())[0])
    chip.click()
    expect(chip).to_have_attribute("aria-pressed", "true")
    expect(at_map.locator(".count")).to_have_text(f"{n} of 60 tracks")
    assert "mood=Relaxing" in at_map.url
    at_map.get_by_role("button", name="Make a playlist of these").click()
    expect(at_map.locator("#panel .queue li")).to_have_count(n)
    at_map.get_by_role("button", name="Clear").click()
    expect(at_map.locator(".count")).to_have_text("60 tracks")


def test_the_library_on_a_phone(look, shared):
    page = look(shared, size=(375, 812), has_touch=True, is_mobile=True)
    page.locator(".map[data-painted]").wait_for()
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 375
    track = a_lonely_track(page)
    x, y = page.evaluate(PLACE, track)
    page.touchscreen.tap(x, y)
    now = page.locator("#player .now")
    expect(now).to_contain_text(title_of(page, track))
    now.click()
    expect(page.locator("#panel h2")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    page.get_by_role("button", name="Close").click()
    page.get_by_role("navigation").get_by_role("link", name="Tracks").click()
    expect(page.locator(".rows .row").first).to_be_visible()


def test_dark_by_preference_and_by_switch(look, shared):
    page = look(shared, color_scheme="dark")
    paper = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(paper) == "rgb(20, 23, 28)"
    page.get_by_role("button", name="Switch to light").click()
    assert page.evaluate(paper) == "rgb(255, 255, 255)"
    page.reload()
    assert page.evaluate(paper) == "rgb(255, 255, 255)"
    page.get_by_role("button", name="Switch to dark").click()
    assert page.evaluate(paper) == "rgb(20, 23, 28)"
