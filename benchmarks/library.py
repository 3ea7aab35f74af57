"""The library's catalogue and scan: speed on 100,000 tracks, and what a kill leaves."""

import argparse
import json
import os
import random
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import soundfile

sys.path.insert(0, str(Path(__file__).parent))

from library_filling import fill, made_up

from affetto.library.query import SORTS, Query
from affetto.library.schema import is_intact
from affetto.library.store import Stamp
from affetto.model import load_model

AFFETTO = [sys.executable, "-m", "affetto"]
N_TRACKS = 100_000
N_QUERIES = 1_000
N_KILLS = 20
N_CLIPS = 200
CLIP_S = 30
SCAN = """
import sys
from affetto.library.catalogue import Catalogue
from affetto.library.scan import scan
with Catalogue.open(sys.argv[1]) as catalogue:
    catalogue.add_folder(sys.argv[2])
    assert not scan(catalogue, nice=0).failed
"""
RATE_HZ = 44_100


def row(*cells: str) -> None:
    print("| " + " | ".join(cells) + " |", flush=True)


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def computed(work: Callable[[], object]) -> float:
    """Give the processor's seconds that work takes, here and in processes that it starts."""
    before = os.times()
    work()
    return sum(os.times()[:4]) - sum(before[:4])


def affetto(*arguments: str | Path) -> str:
    command = [*AFFETTO, *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


# --- Scanning what is known ----------------------------------------------------------------


def scanning(folder: Path) -> None:
    music = folder / "music"
    files = []
    for i in range(N_TRACKS):
        album = music / f"album {i // 12}"
        if i % 12 == 0:
            album.mkdir(parents=True)
        path = album / f"{i % 12 + 1:02d}.wav"
        path.write_bytes(b"RIFF")
        files.append(str(path))
    stamped = ((path, Stamp.of(Path(path).stat())) for path in files)
    fill(folder / "library.db", stamped, music).close()
    told = []
    command = ("library", "update", "--json", "--db", folder / "library.db")
    seconds = min(timed(lambda: told.append(affetto(*command))) for _ in range(3))
    cpu = min(computed(lambda: told.append(affetto(*command))) for _ in range(2))
    scan = json.loads(told[-1])["scan"]
    assert scan["unchanged"] == N_TRACKS and scan["heard"] == 0, scan
    print(f"\nScanning {N_TRACKS:,} files (best of 3, start-up included):\n")
    row("what", "seconds", "of the processor", "aim")
    row("---", "--:", "--:", "--:")
    row("`affetto library update`, nothing changed", f"{seconds:.1f}", f"{cpu:.1f}", "≤ 10")
    shutil.rmtree(music)


# --- Lists ---------------------------------------------------------------------------------


def queries(titles: list[str], rng: random.Random) -> Iterator[tuple[str, Query]]:
    """Give what people ask for: pages near and far, words rare and common, filters, all mixed."""
    words = [word for title in titles for word in title.split()]
    for _ in range(N_QUERIES):
        sort = {"sort": rng.choice(list(SORTS)), "descending": rng.random() < 0.5}
        kind = rng.choice(("list", "search", "filter", "all of it"))
        wanted: dict[str, object] = {}
        if kind in ("search", "all of it"):
            found = rng.sample(words, rng.choice((1, 1, 2)))
            wanted["search"] = " ".join(word[: rng.randint(1, len(word))] for word in found)
        if kind in ("filter", "all of it"):
            wanted["moods"] = tuple(rng.sample(load_model().moods, rng.choice((1, 2))))
            wanted |= {"min_confidence": rng.uniform(0, 0.6), "min_tempo": rng.uniform(60, 120)}
        most = N_TRACKS if kind == "list" else N_TRACKS // 20
        yield kind, Query(**wanted, **sort, offset=rng.randrange(0, most), limit=100)  # type: ignore[arg-type]


def listing(folder: Path) -> None:
    rng = random.Random(0)
    music = folder / "made up"
    music.mkdir()
    with fill(folder / "lists.db", made_up(N_TRACKS, music), music) as catalogue:
        first = timed(catalogue.tracks)
        sample = catalogue.tracks(Query(ids=rng.sample(range(1, N_TRACKS), 1000), limit=None))
        titles = [entry.title or "" for entry in sample.entries]
        for sort in SORTS:  # each order is made once after a change
            catalogue.tracks(Query(sort=sort))
            catalogue.tracks(Query(sort=sort, descending=True))
        taken: dict[str, list[float]] = {}
        cpu = time.process_time()
        for kind, query in queries(titles, rng):
            taken.setdefault(kind, []).append(timed(lambda q=query: catalogue.tracks(q)))
        cpu = (time.process_time() - cpu) / N_QUERIES
        print(f"\nLists of {N_TRACKS:,} tracks, {N_QUERIES:,} pages of 100 in one process:\n")
        row("what", "median ms", "p99 ms", "aim, p99")
        row("---", "--:", "--:", "--:")
        every = [seconds for some in taken.values() for seconds in some]
        for kind, some in {**taken, "**all**": every}.items():
            p99 = statistics.quantiles(some, n=100)[98]
            row(kind, f"{1e3 * statistics.median(some):.1f}", f"{1e3 * p99:.1f}", "≤ 50")
        print(f"\nOf the processor, {1e3 * cpu:.1f} ms a page on average.")
        after = []
        for ident in rng.sample(range(1, N_TRACKS), 40):
            catalogue.correct(ident, "Mine")
            after.append(timed(catalogue.tracks))
        print()
        row("what", "ms", "aim")
        row("---", "--:", "--:")
        row("first list of a process", f"{1e3 * first:.0f}", "–")
        row("list right after a change (median)", f"{1e3 * statistics.median(after):.0f}", "–")
        row("places of all tracks for the map", f"{1e3 * timed(catalogue.points):.0f}", "–")
        relabelled = timed(lambda: catalogue.use_model(None))
        row("another model: all labels anew", f"{1e3 * relabelled:.0f}", "a few seconds")
        size = catalogue.status().size_bytes / 2**20
    print(f"\nThe database takes {size:.0f} MB.")


# --- Kill ----------------------------------------------------------------------------------


def state(path: Path) -> tuple[dict[str, tuple[int, float]], int]:
    """Give the tracks that are done, by path, and how many rows there are."""
    with closing(sqlite3.connect(path)) as db:
        (n,) = db.execute("SELECT count(*) FROM tracks").fetchone()
        rows = db.execute("SELECT path, id, energy FROM tracks WHERE state = 'done'").fetchall()
    assert len({path for path, _, _ in rows}) == len(rows)
    return {os.fsdecode(path): (ident, energy) for path, ident, energy in rows}, n


def killing(folder: Path) -> None:
    from music import _parts

    music = folder / "to kill"
    music.mkdir()
    rng = random.Random(1)
    parts, _ = _parts()
    samples = next(parts)
    n_files = 800  # more than are heard between so many kills
    for i in range(n_files):
        start = rng.randrange(0, len(samples) - 6 * RATE_HZ)
        soundfile.write(music / f"{i}.wav", samples[start : start + 5 * RATE_HZ], RATE_HZ)
    database = folder / "killed.db"
    lost = twice = damaged = 0
    before: dict[str, tuple[int, float]] = {}
    heard = []
    command = [*AFFETTO, "library", "add", str(music), "--db", str(database)]
    for _ in range(N_KILLS):
        run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wanted = len(before) + rng.randint(0, 8)  # none: while it starts and looks
        while n_done(database) < wanted and run.poll() is None:
            time.sleep(0.01)
        assert run.poll() is None, "a scan ended before it was killed"
        time.sleep(rng.uniform(0.0, 1.0))
        run.kill()
        run.wait()
        damaged += not is_intact(database)
        now, n_rows = state(database)
        lost += sum(now.get(path) != known for path, known in before.items())
        twice += n_rows > n_files
        heard.append(len(now) - len(before))
        before = now
    affetto("library", "update", "--db", database)
    now, n_rows = state(database)
    assert len(now) == n_rows == n_files, (len(now), n_rows)
    print(f"\nkill -9, {N_KILLS} times at random moments of a scan of {n_files} files:\n")
    row("what", "count", "aim")
    row("---", "--:", "--:")
    row("databases not intact", str(damaged), "0")
    row("finished tracks lost or changed", str(lost), "0")
    row("tracks twice", str(twice), "0")
    row("tracks finished between kills, in all", str(sum(heard)), "–")
    row("tracks after one more scan", f"{len(now)} of {n_files}", "all")


def n_done(database: Path) -> int:
    """Count finished tracks while another process writes; −1 where there is no library yet."""
    if not database.exists():
        return -1
    with closing(sqlite3.connect(database)) as db:
        try:
            (n,) = db.execute("SELECT count(*) FROM tracks WHERE state = 'done'").fetchone()
        except sqlite3.OperationalError:
            return -1
        return int(n)


# --- Hearing what is new -------------------------------------------------------------------


def hearing(folder: Path) -> None:
    from music import _parts

    music = folder / "clips"
    music.mkdir()
    parts, origin = _parts()
    rng = random.Random(2)
    n = 0
    for samples in parts:
        for _ in range(10):
            start = rng.randrange(0, max(1, len(samples) - CLIP_S * RATE_HZ))
            clip = samples[start : start + CLIP_S * RATE_HZ]
            soundfile.write(music / f"{n}.mp3", clip, RATE_HZ, format="MP3")
            n += 1
        if n >= N_CLIPS:
            break
    labelled = timed(lambda: affetto("label", music, "--out", folder / "labels.csv"))
    # At the same priority: by itself a scan gives way to whatever else the machine does.
    command = [sys.executable, "-c", SCAN, str(folder / "clips.db"), str(music)]
    scanned = timed(lambda: subprocess.run(command, check=True, capture_output=True))
    print(f"\nHearing {n} new mp3 clips of {CLIP_S} s ({origin}), start-up included:\n")
    row("what", "clips/s", "aim")
    row("---", "--:", "--:")
    row("`affetto label`", f"{n / labelled:.2f}", "–")
    row("scan into a catalogue, as `affetto library add`", f"{n / scanned:.2f}", "–")
    row("ratio", f"{labelled / scanned:.2f}", "≥ 1")


PARTS = {"scan": scanning, "lists": listing, "kill": killing, "hear": hearing}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="Default: all.")
    chosen = parser.parse_args().parts or list(PARTS)
    with tempfile.TemporaryDirectory() as name:
        for part in chosen:
            PARTS[part](Path(name))
    return 0


if __name__ == "__main__":
    sys.exit(main())
