"""Playlists collected through local servers: requests, speed, memory, what a kill costs."""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))

from affetto import collect
from affetto.moods import MOOD_NAMES
from affetto.sources.accounts import Account
from affetto.sources.patience import Patience
from services.base import Seen
from services.reccobeats_server import ReccoBeatsServer, isrc, spotify_id
from services.spotify_case import log_in
from services.spotify_server import SpotifyServer, track, track_id
from services.spotify_server import isrc as spotify_isrc

N_TRACKS = 10_000
N_PLAYLISTS = 20
SIZES = (1_000, 10_000, 100_000)
MOST_REQUESTS = 600
DELAY_S = 0.02  # of an answer while runs are killed: the service's own is longer
KILLED_AT = (0.25, 0.5, 0.75)


def row(*cells: str) -> None:
    print("| " + " | ".join(cells) + " |", flush=True)


# --- One run, in a process of its own ------------------------------------------------------


def exports(folder: Path, n_tracks: int) -> Path:
    """Write playlists as saved exports without features or lengths: what costs most requests."""
    folder.mkdir(exist_ok=True)
    size = -(-n_tracks // N_PLAYLISTS)
    for place in range(N_PLAYLISTS):
        mood = f"{MOOD_NAMES[place % len(MOOD_NAMES)]} {place // len(MOOD_NAMES) + 1}"
        lines = ["Track URI,ISRC,Track Name,Artist Name(s)"]
        lines += [
            f"spotify:track:{spotify_id(i)},{isrc(i)},Track {i},Artist {i % 7}"
            for i in range(place * size, min((place + 1) * size, n_tracks))
        ]
        (folder / f"{mood}.csv").write_text("\n".join(lines) + "\n")
    return folder


def drive(names: list[str]) -> dict[str, float]:
    """Do once what is measured: `affetto.collect`, without what listens."""
    import polars  # noqa: F401 - what every command on tables loads is no growth

    before_mb, started = memory_mb(), time.perf_counter()
    found = collect(names, fill="table,reccobeats", compare=False)
    seconds = time.perf_counter() - started
    assert not found.problems, found.problems
    return {
        "seconds": seconds,
        "n_rows": len(found.frame),
        "n_complete": int(found.complete().sum()),
        "before_mb": before_mb,
        "peak_mb": memory_mb(),
    }


def memory_mb() -> float:
    """Give the most that this process has used so far."""
    # Not ru_maxrss: it would carry over what the parent process used.
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024


def begun(server: ReccoBeatsServer, cache: Path, *names: str | Path) -> subprocess.Popen[str]:
    command = [sys.executable, __file__, "--drive", *map(str, names)]
    environment = {**os.environ, "RECCOBEATS_URL": server.url, "XDG_CACHE_HOME": str(cache)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def measured(server: ReccoBeatsServer, cache: Path, *names: str | Path) -> dict[str, float]:
    with begun(server, cache, *names) as run:
        output, _ = run.communicate()
    if run.returncode:
        sys.exit(f"a run of {names} failed with code {run.returncode}")
    found: dict[str, float] = json.loads(output)
    return found


# --- Requests and speed --------------------------------------------------------------------


def asking(folder: Path) -> None:
    print(
        f"\n{N_TRACKS:,} tracks in {N_PLAYLISTS} playlists, whole runs of `affetto collect` "
        f"against servers on this machine; ReccoBeats knows 85% of the tracks, and is sent "
        f"{Patience().at_once} requests at a time:\n"
    )
    row("playlists", "run", "to ReccoBeats", "aim", "to Spotify", "seconds", "tracks/s")
    row("---", "---", "--:", "--:", "--:", "--:", "--:")
    with ReccoBeatsServer(N_TRACKS) as server:
        files = exports(folder / "exports", N_TRACKS)
        for name, aim in (("first", f"≤ {MOST_REQUESTS}"), ("second", "0")):
            server.seen.clear()
            run = measured(server, folder / "asking", files)
            assert run["n_rows"] == N_TRACKS
            cells = name, f"{len(server.seen)}", aim, "–", *speed(run)
            row("saved, without lengths", *cells)
    with SpotifyServer() as spotify, ReccoBeatsServer(unknown=0.15) as server:
        for i in range(N_TRACKS):
            server.add(i, spotify=track_id(i), isrc_of=spotify_isrc)
        names = spotify_playlists(spotify, folder)
        for name, aim in (("first", f"≤ {MOST_REQUESTS}"), ("second", "0")):
            spotify.seen.clear()
            server.seen.clear()
            run = measured(server, folder / "asking", *names)
            assert run["n_rows"] == N_TRACKS
            row("at Spotify", name, f"{len(server.seen)}", aim, f"{len(spotify.seen)}", *speed(run))
        assert server.most_at_once <= Patience().at_once
    print(
        "\nThe seconds are those of this machine, for both sides; the services themselves answer "
        "over the network, more slowly."
    )


def speed(run: dict[str, float]) -> tuple[str, str]:
    return f"{run['seconds']:.1f}", f"{run['n_rows'] / run['seconds']:,.0f}"


def spotify_playlists(server: SpotifyServer, folder: Path) -> list[str]:
    """Make the playlists at Spotify, log in, and name them as a person would."""
    os.environ["XDG_CONFIG_HOME"] = str(folder / "config")
    os.environ["SPOTIFY_API_URL"] = f"{server.url}/v1"
    os.environ["SPOTIFY_ACCOUNTS_URL"] = server.url
    log_in(Account("spotify"), server)
    size = N_TRACKS // N_PLAYLISTS
    names = []
    for place in range(N_PLAYLISTS):
        items = [track(i) for i in range(place * size, (place + 1) * size)]
        key = server.add_playlist(f"Playlist {place}", items)
        names.append(f"{MOOD_NAMES[place % len(MOOD_NAMES)]}=spotify:playlist:{key}")
    return names


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
        files = exports(folder / "exports", N_TRACKS)
        measured(server, folder / "whole", files)
        n_whole = len(server.seen)
        for place, share in enumerate(KILLED_AT):
            cache = folder / f"killed {place}"
            server.seen.clear()
            server.delay_s = DELAY_S
            with begun(server, cache, files) as run:
                while len(server.seen) < share * n_whole and run.poll() is None:
                    time.sleep(0.001)
                run.kill()
            assert run.returncode == -signal.SIGKILL, "the run ended before it was killed"
            time.sleep(5 * DELAY_S)  # what the server is still working on
            server.delay_s = 0.0
            n_before = len(server.seen)
            measured(server, cache, files)
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
    print("\nMemory of whole runs at most, in MB; before: Python and the table library alone:\n")
    row("tracks", "before", "first run", "second run", "bytes a track", "requests", "seconds")
    row("--:", "--:", "--:", "--:", "--:", "--:", "--:")
    least = 0.0
    for n_tracks in SIZES:
        with ReccoBeatsServer(n_tracks) as server:
            files = exports(folder / f"exports {n_tracks}", n_tracks)
            cache = folder / f"memory {n_tracks}"
            first = measured(server, cache, files)
            n_requests = len(server.seen)
            second = measured(server, cache, files)
        peaks = (f"{mb:.0f}" for mb in (first["before_mb"], first["peak_mb"], second["peak_mb"]))
        each = f"{(first['peak_mb'] - least) * 2**20 / n_tracks:,.0f}" if least else "–"
        least = least or first["peak_mb"]
        row(f"{n_tracks:,}", *peaks, each, f"{n_requests:,}", f"{first['seconds']:.1f}")


PARTS = {"ask": asking, "kill": killing, "memory": remembering}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="Default: all.")
    parser.add_argument("--drive", nargs="+", metavar="PLAYLIST", help="One run.")
    arguments = parser.parse_args()
    if arguments.drive:
        print(json.dumps(drive(arguments.drive)))
        return 0
    with tempfile.TemporaryDirectory() as name:
        for part in arguments.parts or list(PARTS):
            PARTS[part](Path(name))
    return 0


if __name__ == "__main__":
    sys.exit(main())
