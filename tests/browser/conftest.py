"""A library of demo music, a server that serves it, and a browser that looks at it."""

import os
import shutil
import sqlite3
import threading
import time
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import soundfile
import uvicorn

from affetto.demo import demo_pieces, demo_table, render
from affetto.features import FEATURE_NAMES
from affetto.library import store
from affetto.library.catalogue import Catalogue
from affetto.library.store import Stamp
from affetto.server.app import create_app
from affetto.server.run import configuration, listening_socket
from affetto.server.settings import Settings

RATE_HZ = 22_050
PIECES = ("Snow on the Duvet", "Pancake Parade")

HOSTILE = {
    "markup": "<img src=x onerror=alert(1)><script>alert(2)</script>",
    "arabic": "\u200fأغنية الليل",
    "emoji": "🎷🌙 Moon 👩‍👩‍👧‍👦",
    "long": "W" * 500,
    "control": "bell\x07 tab\tnew\nline",
}
"""Titles from strangers, by what is odd about them."""


def browser_path():
    """Where Chromium is; skips, or fails where it is required."""
    names = (os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome", "chrome")
    found = next(filter(None, (shutil.which(name) for name in names if name)), None)
    if found:
        return found
    absent = "no Chromium on PATH: the page is not tested; apt-get install chromium, or CHROMIUM="
    if os.environ.get("AFFETTO_REQUIRE_BROWSER") == "1":
        pytest.fail(absent)
    pytest.skip(absent)
    return None


@pytest.fixture(scope="session")
def browser():
    from playwright.sync_api import sync_playwright

    path = browser_path()
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required", "--mute-audio"]
        own = playwright.chromium.launch(executable_path=path, args=arguments)
        yield own
        own.close()


@pytest.fixture(scope="session")
def music(tmp_path_factory):
    """Two demo pieces as wav, rendered once; copied by libraries."""
    folder = tmp_path_factory.mktemp("pieces")
    by_title = {piece.title: piece for piece in demo_pieces()}
    for title in PIECES:
        samples = render(by_title[title], RATE_HZ)
        soundfile.write(folder / f"{title}.wav", samples[: 12 * RATE_HZ], RATE_HZ)
    return folder


def rows():
    """Sixty tracks, twelve a mood; the first two are the pieces, five have odd titles."""
    table = demo_table()
    picked = [table.filter(table["mood"] == mood).head(12) for mood in sorted(set(table["mood"]))]
    own = [row for part in picked for row in part.to_dicts()]
    for i, title in enumerate([*PIECES, *HOSTILE.values()]):
        own[i * 7] |= {"title": title, "artist": "Artist of the odd"}
    own.sort(key=lambda row: row["title"] not in PIECES)
    return own


def make_library(folder, music, tracks):
    """Fill a catalogue as a scan would have; every file is one of the pieces."""
    songs = folder / "music"
    songs.mkdir(parents=True)
    path = folder / "library.db"
    with Catalogue.open(path) as catalogue:
        added = catalogue.add_folder(songs)
        catalogue.refresh_labels()
        model = catalogue.model()
        stamped = []
        for i, _ in enumerate(tracks):
            file = songs / f"{i:03d}.wav"
            os.link(music / f"{PIECES[i % 2]}.wav", file)
            stamped.append((os.fspath(file), Stamp.of(file.stat())))
        with catalogue.writing() as db:
            store.add_waiting(db, added.id, added.path, stamped)
            for (file, stamp), row in zip(stamped, tracks, strict=True):
                told = {
                    "features": {name: row[name] for name in FEATURE_NAMES},
                    **{name: row.get(name) for name in ("title", "artist")},
                    "album": row.get("playlist"),
                    "key": "A minor",
                    "warning": None,
                    "audio_hash": f"hash of {file}",
                }
                (track,) = db.execute("SELECT id FROM tracks WHERE path = ?", [os.fsencode(file)])
                store.record_heard(
                    db, track[0], stamp, told, model, is_excerpt=False, version=1
                )  # fmt: skip
    return path


@contextmanager
def serving(path, port=0):
    """Run the server in a thread; give its address."""
    app = create_app(path, settings=Settings(readers=2))
    with listening_socket("127.0.0.1", port) as taken:
        server = uvicorn.Server(configuration(app))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [taken]})
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive(), "the server did not start"
                time.sleep(0.005)
            yield f"http://127.0.0.1:{taken.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="session")
def template(tmp_path_factory, music):
    return make_library(tmp_path_factory.mktemp("template"), music, rows())


@pytest.fixture(scope="session")
def shared(template):
    """The address of a library that tests only look at."""
    with serving(template) as address:
        yield address


@pytest.fixture
def own_library(tmp_path, template):
    """Give a library that a test may change, other than its files: its database."""
    path = tmp_path / "library.db"
    with closing(sqlite3.connect(template)) as db, closing(sqlite3.connect(path)) as copy:
        db.backup(copy)
    return path


@pytest.fixture
def contexts():
    """Windows of the browser that are open."""
    return []


@pytest.fixture
def own(own_library, contexts):
    with serving(own_library) as address:
        yield address
        close(contexts)  # or the server would wait for the streams they listen to


@pytest.fixture
def own_files(tmp_path, music, contexts):
    """Give address and database of a library whose files a test may change."""
    path = make_library(tmp_path / "own", music, rows())
    with serving(path) as address:
        yield address, path
        close(contexts)


def close(contexts):
    while contexts:
        contexts.pop().close()


@pytest.fixture
def look(browser, contexts):
    """Open pages; afterwards nothing must have gone wrong in any of them.

    No dialog, no error of a script, nothing that the page's policy forbids, no request to
    anywhere else. Answers that are errors are told by the browser on its console as well:
    those a test expects.
    """
    wrong = []

    def watch(page, address):
        page.on(
            "dialog", lambda dialog: (wrong.append(f"dialog {dialog.message}"), dialog.accept())
        )
        page.on("pageerror", lambda error: wrong.append(f"script {error}"))
        page.on("console", lambda told: told.type == "error" and wrong.append(told.text))
        page.on(
            "request",
            lambda request: (
                request.url.startswith((address, "blob:" + address, "data:"))
                or wrong.append(f"request to {request.url}")
            ),
        )

    def opened(address, place="", *, size=(1280, 800), **settings):
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, accept_downloads=True, **settings
        )
        contexts.append(context)
        context.set_default_timeout(8000)
        page = context.new_page()
        watch(page, address)
        page.goto(f"{address}/{place}")
        return page

    yield opened
    close(contexts)
    told = [words for words in wrong if "Failed to load resource" not in words]
    assert told == []


@pytest.fixture
def at_map(look, shared):
    """The map of the shared library, drawn."""
    page = look(shared)
    painted(page)
    return page


def painted(page):
    page.locator(".map[data-painted]").wait_for()


STATIC = Path(__file__).parents[2] / "src" / "affetto" / "server" / "static"
