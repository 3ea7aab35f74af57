"""What holds of the page as a whole: size, policy, landmarks, names, contrast."""

import re

import pytest
from playwright.sync_api import expect

from .conftest import STATIC

MOST_BYTES = 300_000
MOST_LINES = 500
PARTS = ("map", "tracks", "playlists", "teach", "library")


def files():
    return sorted(path for path in STATIC.rglob("*") if path.is_file())


def test_the_page_is_small():
    assert sum(path.stat().st_size for path in files()) <= MOST_BYTES


@pytest.mark.parametrize("path", files(), ids=lambda path: path.name)
def test_a_file_says_its_job_and_is_not_too_long(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= MOST_LINES
    starts = {".js": r"// [A-Z].*[.;:]", ".css": r"/\* [A-Z].*\. \*/"}
    pattern = starts.get(path.suffix, r"<!-- [A-Z].* -->")
    assert any(re.match(pattern, line) for line in lines[:2])


@pytest.mark.parametrize("path", [p for p in files() if p.suffix == ".js"], ids=lambda p: p.name)
def test_no_markup_is_made_from_text(path):
    text = path.read_text(encoding="utf-8")
    for door in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(",
                 "DOMParser", "new Function"):  # fmt: skip
        assert door not in text


def test_nothing_inline_and_nothing_from_elsewhere():
    page = (STATIC / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", page)
    for address in re.findall(r'(?:src|href)="([^"]+)"', page):
        assert address.startswith(("/static/", "#"))


def test_every_module_that_is_fetched_first_is_there():
    page = (STATIC / "index.html").read_text(encoding="utf-8")
    for name in re.findall(r'"/static/([^"]+)"', page):
        assert (STATIC / name).is_file()


@pytest.mark.parametrize("part", PARTS)
def test_landmarks_names_and_headings(look, shared, part):
    page = look(shared, f"#/{part}")
    expect(page.get_by_role("main")).to_be_visible()
    expect(page.get_by_role("banner")).to_be_visible()
    expect(page.get_by_role("search")).to_be_visible()
    current = page.get_by_role("navigation").locator("[aria-current=page]")
    expect(current).to_have_count(1)
    expect(page).to_have_title(re.compile(".+ · affetto"))
    page.wait_for_timeout(300)
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('button, a[href], input, select, [tabindex="0"]')]
          .filter((one) => one.checkVisibility())
          .filter((one) => !(one.getAttribute('aria-label') || one.textContent.trim()
            || one.labels?.length || one.getAttribute('aria-labelledby')))
          .map((one) => one.outerHTML.slice(0, 120))"""
    )
    assert nameless == []
    twice = page.evaluate(
        """() => { const ids = [...document.querySelectorAll('[id]')].map((one) => one.id);
          return ids.filter((id, at) => ids.indexOf(id) !== at); }"""
    )
    assert twice == []


CONTRAST = """() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgb = (colour, under) => {
    canvas.fillStyle = under; canvas.fillRect(0, 0, 1, 1);
    canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (colour) => {
    const linear = (c) => (c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4);
    const [r, g, b] = colour.map((c) => linear(c / 255));
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const paper = (one) => {
    const above = [];
    for (let node = one; node; node = node.parentElement) {
      above.unshift(getComputedStyle(node).backgroundColor);
    }
    return above.reduce((under, colour) => `rgb(${rgb(colour, under).join()})`, 'rgb(255,255,255)');
  };
  const poor = [];
  for (const one of document.querySelectorAll('body *')) {
    const words = [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    const shown = words && one.checkVisibility({ checkVisibilityCSS: true });
    if (!shown || one.closest(':disabled, noscript, .names, .hidden')) continue;
    const under = paper(one), style = getComputedStyle(one);
    const [a, b] = [light(rgb(style.color, under)), light(rgb(under, under))].sort((x, y) => y - x);
    const ratio = (a + .05) / (b + .05);
    if (ratio < 4.5) poor.push([one.textContent.trim().slice(0, 40), +ratio.toFixed(2)]);
  }
  return poor;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_from_what_they_stand_on(look, shared, scheme):
    page = look(shared, "#/tracks?q=pancake", color_scheme=scheme)
    page.locator(".rows .row").first.click()
    expect(page.get_by_role("heading", name="Its features")).to_be_visible()
    assert page.evaluate(CONTRAST) == []
    for part in ("playlists", "library", "teach"):
        page.goto(page.url.partition("#")[0] + f"#/{part}")
        page.wait_for_timeout(250)
        assert page.evaluate(CONTRAST) == []


def test_motion_is_left_out_where_that_is_wished(look, shared):
    page = look(shared, "#/map", reduced_motion="reduce")
    page.locator(".map[data-painted]").wait_for()
    moving = "document.getAnimations().filter((one) => one.playState === 'running').length"
    assert page.evaluate(moving) == 0


def test_an_address_leads_back_to_where_it_was_taken(look, shared):
    page = look(shared, "#/tracks?mood=Happy&sort=tempo&down=1")
    expect(page.locator('.chip[data-mood="Happy"]')).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("columnheader", name="Tempo")).to_have_attribute(
        "aria-sort", "descending"
    )
    page.locator(".rows .row:not(.waiting)").first.click()
    expect(page.locator("#panel")).to_be_visible()
    page.go_back()
    expect(page.locator("#panel")).to_be_hidden()
    page.goto(page.url.partition("#")[0] + "#/nonsense?track=-1&sure=x")
    expect(page.get_by_role("application")).to_be_visible()
