"""Features of playlists' tracks through ReccoBeats: requests, speed, memory, what a kill costs."""

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))

from affetto.sources.cache import AnswerCache
from affetto.sources.contract import Listed
from affetto.sources.patience import Patience
from affetto.sources.reccobeats import ReccoBeats
from affetto.tracks import Track
from services.base import Seen
from services.reccobeats_server import ReccoBeatsServer, isrc, spotify_id

N_TRACKS = 10_000
N_PLAYLISTS = 20
SIZES = (1_000, 10_000, 100_000)
MOST_REQUESTS = 600
DELAY_S = 0.02  # of an answer while runs are killed: the service's own is longer
KILLED_AT = (0.25, 0.5, 0.75)


def row(*cells: str) -> None:
    print("| " + " | ".join(cells) + " |", flush=True)


# --- One run, in a process of its own ------------------------------------------------------


def playlists(n_tracks: int) -> list[list[Listed]]:
    """Make playlists of tracks without lengths: what costs most requests."""
    tracks = [
        Listed(Track(f"spotify:track:{spotify_id(i)}", isrc(i), f"Track {i}", f"Artist {i % 7}"))
        for i in range(n_tracks)
    ]
    size = -(-n_tracks // N_PLAYLISTS)
    return [tracks[start : start + size] for start in range(0, n_tracks, size)]


def drive(url: str, cache: Path, n_tracks: int) -> dict[str, float]:
    """Do once what is measured; whatever it does, it says how much it asked and found.

    For now the tracks go straight to the service's client, without the rest of ``collect``.
    """
    tracks = [track for playlist in playlists(n_tracks) for track in playlist]
    before_mb, started = memory_mb(), time.perf_counter()
    n_told = n_known = 0
    with AnswerCache(cache) as kept, ReccoBeats(kept, url=url) as source:
        for _, told in source.features(tracks):
            n_told += 1
            n_known += bool(told.features)
        n_requests = source.n_requests
        assert not kept.notes, kept.notes
    seconds = time.perf_counter() - started
    assert n_told == n_tracks, n_told
    return {
        "seconds": seconds,
        "n_requests": n_requests,
        "n_known": n_known,
        "before_mb": before_mb,
        "peak_mb": memory_mb(),
    }


def memory_mb() -> float:
    """Give the most that this process has used so far."""
    # Not ru_maxrss: it would carry over what the parent process used.
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024


def begun(server: ReccoBeatsServer, cache: Path, n_tracks: int) -> subprocess.Popen[str]:
    command = [sys.executable, __file__, "--drive", server.url, str(cache), str(n_tracks)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def measured(server: ReccoBeatsServer, cache: Path, n_tracks: int) -> dict[str, float]:
    with begun(server, cache, n_tracks) as run:
        output, _ = run.communicate()
    if run.returncode:
        sys.exit(f"a run of {n_tracks} tracks failed with code {run.returncode}")
    found: dict[str, float] = json.loads(output)
    return found


# --- Requests and speed --------------------------------------------------------------------


def asking(folder: Path) -> None:
    print(
        f"\n{N_TRACKS:,} tracks without lengths in {N_PLAYLISTS} playlists, against a server on "
        f"this machine that knows 85% of them, {Patience().at_once} requests at a time:\n"
    )
    row("what", "requests", "aim", "seconds", "tracks/s")
    row("---", "--:", "--:", "--:", "--:")
    with ReccoBeatsServer(N_TRACKS) as server:
        for name, aim in (("first run", f"≤ {MOST_REQUESTS}"), ("second run", "0")):
            server.seen.clear()
            run = measured(server, folder / "asking.sqlite", N_TRACKS)
            assert run["n_requests"] == len(server.seen)
            speed = N_TRACKS / run["seconds"]
            cells = f"{len(server.seen)}", aim, f"{run['seconds']:.1f}", f"{speed:,.0f}"
            row(name, *cells)
        assert server.most_at_once <= Patience().at_once
    print(
        "\nThe seconds are those of this machine, for both sides; the service itself answers "
        "over the network, more slowly."
    )


# --- Kill ----------------------------------------------------------------------------------


def asked(request: Seen) -> list[tuple[str, str]]:
    """Give what a request asked for: a path with each of its ids."""
    return [(request.path, one) for one in request.first("ids").split(",")]


def killing(folder: Path) -> None:
    print(f"\nkill -9 on the way through {N_TRACKS:,} tracks, then the same run once more:\n")
    row(
        "killed at", "requests before", "after", "in all", "whole run", "of them asked again", "aim"
    )
    row("--:", "--:", "--:", "--:", "--:", "--:", "--:")
    with ReccoBeatsServer(N_TRACKS) as server:
        measured(server, folder / "whole.sqlite", N_TRACKS)
        n_whole = len(server.seen)
        for place, share in enumerate(KILLED_AT):
            cache = folder / f"killed {place}.sqlite"
            server.seen.clear()
            server.delay_s = DELAY_S
            with begun(server, cache, N_TRACKS) as run:
                while len(server.seen) < share * n_whole and run.poll() is None:
                    time.sleep(0.001)
                run.kill()
            assert run.returncode == -signal.SIGKILL, "the run ended before it was killed"
            time.sleep(5 * DELAY_S)  # what the server is still working on
            server.delay_s = 0.0
            n_before = len(server.seen)
            measured(server, cache, N_TRACKS)
            n_all = len(server.seen)
            times = Counter(each for request in server.seen for each in asked(request))
            n_twice = sum(
                any(times[each] > 1 for each in asked(request))
                for request in server.seen[:n_before]
            )
            assert max(times.values()) <= 2 and n_twice <= Patience().at_once, n_twice
            cells = f"{n_before}", f"{n_all - n_before}", f"{n_all}", f"{n_whole}", f"{n_twice}"
            row(f"{share:.0%}", *cells, f"≤ {Patience().at_once}, those under way")


# --- Memory --------------------------------------------------------------------------------


def remembering(folder: Path) -> None:
    print("\nMemory at most, in MB; before: Python and the list of tracks alone:\n")
    row("tracks", "before", "first run", "second run", "requests", "seconds")
    row("--:", "--:", "--:", "--:", "--:", "--:")
    for n_tracks in SIZES:
        with ReccoBeatsServer(n_tracks) as server:
            cache = folder / f"memory {n_tracks}.sqlite"
            first, second = (measured(server, cache, n_tracks) for _ in range(2))
        peaks = (f"{mb:.0f}" for mb in (first["before_mb"], first["peak_mb"], second["peak_mb"]))
        row(f"{n_tracks:,}", *peaks, f"{first['n_requests']:,}", f"{first['seconds']:.1f}")


PARTS = {"ask": asking, "kill": killing, "memory": remembering}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="Default: all.")
    parser.add_argument("--drive", nargs=3, metavar=("URL", "CACHE", "N"), help="One run.")
    arguments = parser.parse_args()
    if arguments.drive:
        url, cache, n_tracks = arguments.drive
        print(json.dumps(drive(url, Path(cache), int(n_tracks))))
        return 0
    with tempfile.TemporaryDirectory() as name:
        for part in arguments.parts or list(PARTS):
            PARTS[part](Path(name))
    return 0


if __name__ == "__main__":
    sys.exit(main())
