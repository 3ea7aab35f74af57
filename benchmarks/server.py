"""The server: labelling over HTTP, lists of 100,000 tracks, the map, 64 clients at once."""

import os

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import http.client
import json
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit

from library_filling import fill, made_up

from affetto.demo import demo_table
from affetto.features import FEATURE_NAMES

TRACKS, MAPPED = 100_000, 20_000
CALLS, LABELLED = 300, 10_000
CLIENTS, SECONDS = 64, 10.0


def row(*cells: str) -> None:
    print("| " + " | ".join(cells) + " |", flush=True)


class Client:
    """A client that keeps its connection."""

    def __init__(self, address: str):
        parts = urlsplit(address)
        self.connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Give status and body of an answer."""
        headers = {"content-type": "application/json"} if body is not None else {}
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        return answer.status, answer.read()


@contextmanager
def serving(database: Path) -> Iterator[str]:
    """Run `affetto serve` in a process of its own; give its address."""
    command = [sys.executable, "-m", "affetto", "serve", "--db", str(database), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            line = process.stderr.readline()
            yield line.split()[-1].replace("localhost", "127.0.0.1")
        finally:
            process.terminate()


def library(folder: Path, n: int) -> Path:
    """Make a library of `n` made-up tracks."""
    music = folder / f"music {n}"
    music.mkdir()
    database = folder / f"{n}.db"
    fill(database, made_up(n, music), music).close()
    return database


def labelling(address: str) -> None:
    """Label ten thousand tracks a call: the client's own reading and writing included."""
    table = demo_table(tracks_per_playlist=2000).select(FEATURE_NAMES)
    tracks = table.sample(LABELLED, seed=1).to_dicts()
    tracks = [{"id": f"track {i}", **features} for i, features in enumerate(tracks)]
    client = Client(address)

    def call() -> None:
        status, answer = client.ask("POST", "/api/label", json.dumps({"tracks": tracks}).encode())
        assert status == 200
        assert len(json.loads(answer)["results"]) == LABELLED

    body = json.dumps({"tracks": tracks}).encode()

    def bare() -> None:
        assert client.ask("POST", "/api/label", body)[0] == 200

    call()
    for what, one in (("and its JSON made and read by the client", call), ("over HTTP", bare)):
        times = [timed(one) for _ in range(10)]
        row(f"`/api/label`, {LABELLED:,} tracks a call, {what}",
            f"{LABELLED / statistics.median(times):,.0f} tracks/s", "≥ 50,000")  # fmt: skip


def timed(function: Callable[[], object]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def lists(address: str) -> None:
    """Ask for pages, searches, filters: each question another."""
    time.sleep(3)  # when it starts, it puts its orders together
    client = Client(address)
    draw = random.Random(0)
    status, answer = client.ask("GET", "/api/tracks?limit=500&offset=30000")
    names = [track["title"].split()[0] for track in json.loads(answer)["tracks"]]
    sorts = ("title", "artist", "mood", "confidence", "tempo", "energy", "valence", "added")
    questions = {
        "a page anywhere, sorted": lambda: (
            f"sort={draw.choice(sorts)}&offset={draw.randrange(TRACKS)}"
            f"&descending={draw.choice(('true', 'false'))}"
        ),
        "a search": lambda: f"search={quote(draw.choice(names))}",
        "mood, confidence and tempo": lambda: (
            f"mood={draw.choice(('Dark', 'Happy'))}&min_confidence={draw.random() / 2:.2f}"
            f"&min_tempo={draw.randrange(60, 120)}&sort={draw.choice(sorts)}"
        ),
    }
    for what, question in questions.items():
        times = []
        for _ in range(CALLS):
            path = f"/api/tracks?limit=100&{question()}"
            started = time.perf_counter()
            status, _ = client.ask("GET", path)
            times.append(time.perf_counter() - started)
            assert status == 200, path
        p99 = statistics.quantiles(times, n=100)[98]
        median = statistics.median(times)
        row(
            f"{TRACKS:,} tracks, {what}: p99 of {CALLS} (median)",
            f"{1000 * p99:.0f} ms ({1000 * median:.0f} ms)",
            "≤ 50 ms",
        )


def mood_map(address: str) -> None:
    """Ask for the whole map."""
    client = Client(address)
    times = [timed(lambda: client.ask("GET", "/api/map")) for _ in range(15)]
    size = len(client.ask("GET", "/api/map")[1])
    client.connection.request("GET", "/api/map", headers={"accept-encoding": "gzip"})
    packed = len(client.connection.getresponse().read())
    row(f"`/api/map`, {MAPPED:,} tracks (median of 15)",
        f"{1000 * statistics.median(times):.0f} ms, {size / 1000:.0f} kB, packed "
        f"{packed / 1000:.0f} kB", "–")  # fmt: skip


def crowd(address: str) -> None:
    """Let 64 clients ask at once, for all that a page asks for."""
    paths = ("/api/status", "/api/moods", "/api/tracks?limit=50&search=a", "/api/tracks/17",
             "/api/map?mood=Happy", "/api/tracks?sort=tempo&offset=5000", "/", "/static/app.js",
             "/api/playlists", "/api/teach")  # fmt: skip
    stop = time.monotonic() + SECONDS
    answers: list[float] = []
    errors: list[str] = []

    def one(number: int) -> None:
        client, draw = Client(address), random.Random(number)
        while time.monotonic() < stop:
            path = draw.choice(paths)
            started = time.perf_counter()
            try:
                status, _ = client.ask("GET", path)
            except OSError as exc:
                status = repr(exc)
            answers.append(time.perf_counter() - started)
            if status != 200:
                errors.append(f"{path}: {status}")

    threads = [threading.Thread(target=one, args=(i,)) for i in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    row(f"{CLIENTS} clients at once for {SECONDS:.0f} s, {MAPPED:,} tracks: errors",
        f"**{len(errors)}** of {len(answers):,} requests", "0")  # fmt: skip
    row("the same: median and p99 of an answer",
        f"{1000 * statistics.median(answers):.0f} ms, "
        f"{1000 * statistics.quantiles(answers, n=100)[98]:.0f} ms", "–")  # fmt: skip
    for error in sorted(set(errors))[:5]:
        print(f"\n{error}")


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        large, mapped = library(folder, TRACKS), library(folder, MAPPED)
        print("\n`affetto serve` on this machine, clients on it too:\n")
        row("what", "measured", "aim")
        row("---", "--:", "--:")
        with serving(mapped) as address:
            labelling(address)
            mood_map(address)
            crowd(address)
        with serving(large) as address:
            lists(address)
    return 0


if __name__ == "__main__":
    sys.exit(main())
