"""The page in Chromium: how soon a map of 20,000 tracks is seen, and how smoothly it moves."""

import os

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import gzip
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from library_filling import fill, made_up
from playwright.sync_api import Browser, Page, sync_playwright

N_TRACKS = 20_000
N_RUNS = 5
MOST_MS = 1000.0
SIZE = {"width": 1280, "height": 800}

# The frame after the one in which the map was painted begins when that one has been shown.
WATCH = """
const look = () => {
  if (performance.getEntriesByName('map-painted').length) window.seen_ms = performance.now();
  else requestAnimationFrame(look);
};
requestAnimationFrame(look);
"""

# Frames while the map is dragged: time between them, and what a hand movement costs.
FRAMES = """
window.frames_ms = [];
let last = performance.now();
const count = (now) => {
  window.frames_ms.push(now - last);
  last = now;
  if (window.frames_ms) requestAnimationFrame(count);
};
requestAnimationFrame(count);
"""


@contextmanager
def served(database: Path) -> Iterator[str]:
    """Run ``affetto serve`` as people do; give its address."""
    command = [sys.executable, "-m", "affetto", "serve", "--db", str(database), "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if found := re.search(r"http://\S+", line):
                    yield found[0].rstrip("/.")
                    break
            else:
                sys.exit("affetto serve ended before it listened")
        finally:
            process.terminate()


def first_paint(browser: Browser, address: str) -> float:
    """Open the page in a fresh window; milliseconds from navigation to the map on the screen."""
    context = browser.new_context(viewport=SIZE)
    page = context.new_page()
    page.add_init_script(WATCH)
    page.goto(address)
    page.locator(".map[data-painted]").wait_for()
    page.wait_for_timeout(100)
    seen: float = page.evaluate("window.seen_ms")
    context.close()
    return seen


def frames(page: Page) -> list[float]:
    """Drag the map about; milliseconds between frames while it moves."""
    for _ in range(3):
        page.mouse.move(640, 450)
        page.mouse.wheel(0, -300)
    page.wait_for_timeout(500)
    page.evaluate(FRAMES)
    page.mouse.move(640, 450)
    page.mouse.down()
    for step in range(60):
        page.mouse.move(640 + 150 * ((step % 20) - 10) / 10, 450 + step)
    page.mouse.up()
    taken: list[float] = page.evaluate("window.frames_ms.slice(2)")
    return taken


def drawing(page: Page) -> float:
    """Milliseconds that painting all points takes: median of 20."""
    return page.evaluate(
        """async () => {
          const { columns, Plot } = await import('/static/plot.js');
          const { paper } = await import('/static/moods.js');
          const answer = await (await fetch('/api/map')).json();
          const canvas = document.querySelector('.stage canvas').cloneNode();
          document.querySelector('.stage').append(canvas);
          const plot = new Plot(canvas);
          plot.setPoints(columns(answer));
          plot.setColours(answer.moods.map((_, i) => [40 * i, 90, 160]), paper());
          plot.resize();
          const taken = [];
          for (let i = 0; i < 20; i++) {
            const start = performance.now();
            plot.draw();
            taken.push(performance.now() - start);
          }
          canvas.remove();
          return taken.sort((a, b) => a - b)[10];
        }"""
    )  # type: ignore[no-any-return]


def main() -> None:
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        print("Chromium is not installed: the page was not measured.")
        return
    import affetto.server

    static = Path(str(affetto.server.__file__)).with_name("static")
    contents = [file.read_bytes() for file in static.iterdir() if file.is_file()]
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name) / "music"
        folder.mkdir()
        database = Path(name) / "library.db"
        fill(database, made_up(N_TRACKS, folder), folder).close()
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        with served(database) as address:
            first_paint(browser, address)  # the server warms up, as it has when people come
            seen = [first_paint(browser, address) for _ in range(N_RUNS)]
            page = browser.new_page(viewport=SIZE)
            page.goto(address)
            page.locator(".map[data-painted]").wait_for()
            draw_ms = drawing(page)
            moving = sorted(frames(page))
            page.close()
        browser.close()
    median = statistics.median(seen)
    n_bytes, n_packed = (len(b"".join(contents)), len(gzip.compress(b"".join(contents))))
    print("| The page, 20,000 tracks, Chromium without a graphics card | measured | bound |")
    print("|---|---:|---:|")
    print(
        f"| first paint of the map, median of {N_RUNS} ({min(seen):.0f} to {max(seen):.0f}) "
        f"| {median:.0f} ms | {MOST_MS:.0f} ms |"
    )
    print(f"| painting all points once | {draw_ms:.1f} ms | |")
    print(
        f"| frame while the map is dragged, median (95 of 100 within "
        f"{moving[int(0.95 * len(moving))]:.0f} ms) | {statistics.median(moving):.1f} ms | |"
    )
    print(
        f"| bytes of the page, all parts (packed {n_packed / 1000:.0f} kB) "
        f"| {n_bytes / 1000:.0f} kB | 300 kB |"
    )


if __name__ == "__main__":
    main()
