"""Analysis of audio: speed by format, beside the peers; cores; memory; loudness by EBU cases."""

import os

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import music
import numpy as np
import peers
import soundfile

from affetto.audio.loudness import Loudness, LoudnessMeter
from affetto.scoring import workers

RATE = 44_100
ROUNDS = 3
FORMATS = {  # name: (suffix, settings of soundfile, aim × real time)
    "wav": (".wav", {"subtype": "PCM_16"}, None),
    "flac": (".flac", {"subtype": "PCM_16"}, 600),
    "mp3 192": (
        ".mp3",
        {"format": "MP3", "bitrate_mode": "CONSTANT", "compression_level": 0.445},
        600,
    ),
    "ogg": (".ogg", {"format": "OGG", "subtype": "VORBIS", "compression_level": 0.5}, 430),
}
EXCERPT_AIM = 1300
PEER_TRACKS = 2  # they are slow, and have no noise to outlast
LONG_S = 3 * 3600
LONG_AIM_MB = 250

AS_WORKERS = {**os.environ, **workers.ALLOCATION}

# CPU seconds of analysing files, each once; then again with excerpts. One process, warmed up.
ANALYSE = """
import json, sys, time
from affetto.audio.analysis import analyze
paths, excerpt = sys.argv[2:], sys.argv[1] == "excerpt"
analyze(paths[0], excerpt=excerpt)
started, wall = time.process_time(), time.perf_counter()
durations = [analyze(path, excerpt=excerpt).duration_s for path in paths]
print(json.dumps({"cpu_s": time.process_time() - started, "wall_s": time.perf_counter() - wall,
                  "music_s": sum(durations)}))
"""

MEMORY = """
import json, sys
from affetto.audio.analysis import analyze
analyze(sys.argv[1])
peak = int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) / 1024
print(json.dumps({"peak_mb": peak}))
"""


def row(*cells: str) -> None:
    print("| " + " | ".join(cells) + " |", flush=True)


def run(script: str, *arguments: str) -> dict[str, float]:
    command = [sys.executable, "-c", script, *arguments]
    result = subprocess.run(command, check=True, capture_output=True, text=True, env=AS_WORKERS)
    return json.loads(result.stdout)


def times_real(script: str, *arguments: str) -> float:
    """Music seconds per CPU second, the best of some rounds: the others were disturbed."""
    measured = [run(script, *arguments) for _ in range(ROUNDS)]
    return max(one["music_s"] / one["cpu_s"] for one in measured)


def encoded(folder: Path, tracks: list[Path]) -> dict[str, list[str]]:
    """Write each track in each format; by format the paths."""
    files: dict[str, list[str]] = {name: [] for name in FORMATS}
    for i, track in enumerate(tracks):
        samples = soundfile.read(track, dtype="float32", always_2d=True)[0]
        for name, (suffix, settings, _) in FORMATS.items():
            path = folder / f"{i}{suffix}"
            with soundfile.SoundFile(path, "w", RATE, samples.shape[1], **settings) as sound:
                for start in range(0, len(samples), RATE):  # libsndfile crashes on long Vorbis
                    sound.write(samples[start : start + RATE])
            files[name].append(str(path))
    return files


def speed(folder: Path) -> None:
    tracks, origin = music.long_tracks(folder / "originals")
    files = encoded(folder, tracks)
    minutes = sum(soundfile.info(path).duration for path in files["wav"]) / 60
    print(
        f"Whole analysis with decoding, one process, × real time of CPU, best of {ROUNDS}; "
        f"{len(tracks)} tracks, {minutes:.0f} minutes of {origin}:\n"
    )
    python = peers.peers_python()
    row("format", "affetto", "aim", "3 × 30 s of each", "aim", *peers.DEPTH_PEERS)
    row("---", *["--:"] * (4 + len(peers.DEPTH_PEERS)))
    for name, (_, _, aim) in FORMATS.items():
        whole = times_real(ANALYSE, "whole", *files[name])
        excerpt = times_real(ANALYSE, "excerpt", *files[name])
        rivals = [rival_times_real(peer, files[name], python) for peer in peers.DEPTH_PEERS]
        row(
            name,
            f"**{whole:.0f}**",
            f"≥ {aim}" if aim else "–",
            f"{excerpt:.0f}",
            f"≥ {EXCERPT_AIM}",
            *(f"{rival:.0f} ({whole / rival:.1f} ×)" if rival else "–" for rival in rivals),
        )
    cores(files["mp3 192"])


def rival_times_real(name: str, files: list[str], python: Path | None) -> float | None:
    """Music seconds per CPU second of a peer, warmed up by the first file."""
    chosen = files[:PEER_TRACKS]
    answers = peers.ask(name, [chosen[0], *chosen], python) if python else None
    if answers is None or any("error" in answer for answer in answers):
        return None
    music_s = sum(soundfile.info(path).duration for path in chosen)
    return music_s / sum(answer["cpu_s"] for answer in answers[1:])


def cores(files: list[str]) -> None:
    """Throughput of two processes side by side over that of one, by the clock."""

    def wall(n_processes: int) -> float:
        command = [sys.executable, "-c", ANALYSE, "whole", *files]
        running = [
            subprocess.Popen(command, stdout=subprocess.PIPE, env=AS_WORKERS)
            for _ in range(n_processes)
        ]
        results = [json.loads(process.communicate()[0]) for process in running]
        return max(result["wall_s"] for result in results)

    one, two = min(wall(1) for _ in range(ROUNDS)), min(wall(2) for _ in range(ROUNDS))
    print(f"\nTwo processes do {2 * one / two:.2f} × the work of one (aim ≥ 1.9).")


def memory(folder: Path) -> None:
    """Peak memory over a file of three hours, written block by block."""
    path = folder / "long.flac"
    rng = np.random.default_rng(0)
    with soundfile.SoundFile(path, "w", RATE, 2) as sound:
        block = (0.1 * rng.standard_normal((60 * RATE, 2))).astype(np.float32)
        for minute in range(LONG_S // 60):
            sound.write(np.roll(block, 997 * minute, axis=0))
    started = time.perf_counter()
    peak = run(MEMORY, str(path))["peak_mb"]
    print(
        f"\nA file of three hours: peak {peak:.0f} MB (aim ≤ {LONG_AIM_MB}), "
        f"{time.perf_counter() - started:.0f} s."
    )


def loudness() -> None:
    """EBU Tech 3341 cases 1 to 6 (integrated) and Tech 3342 cases 1 to 4 (range)."""
    print("\nLoudness, EBU Tech 3341 and 3342 (aim ± 0.1 LU, range ± 1 LU):\n")
    row("case", "expected", "measured")
    row("---", "--:", "--:")
    parts = {
        "3341-1": ([(-23, 20)], -23),
        "3341-2": ([(-33, 20)], -33),
        "3341-3": ([(-36, 10), (-23, 60), (-36, 10)], -23),
        "3341-4": ([(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)], -23),
        "3341-5": ([(-26, 20), (-20, 20.1), (-26, 20)], -23),
    }
    for name, (levels, expected) in parts.items():
        measured = _metered(_tone(levels)).integrated_lufs
        row(name, f"{expected} LUFS", f"{measured:.3f}")
    surround = [_tone([(level, 20)])[:, :1] for level in (-28, -28, -24, -30, -30)]
    row("3341-6 (5.0)", "-23 LUFS", f"{_metered(np.hstack(surround)).integrated_lufs:.3f}")
    ranges = {
        "3342-1": ([(-20, 20), (-30, 20)], 10),
        "3342-2": ([(-20, 20), (-15, 20)], 5),
        "3342-3": ([(-40, 20), (-20, 20)], 20),
        "3342-4": ([(-50, 20), (-35, 20), (-20, 20), (-35, 20), (-50, 20)], 15),
    }
    for name, (levels, expected) in ranges.items():
        row(name, f"{expected} LU", f"{_metered(_tone(levels)).range_lu:.3f}")


def _tone(levels: list[tuple[float, float]]) -> np.ndarray:
    """Stereo sine of 1 kHz at 48 kHz, level in dBFS and seconds one after another."""
    gains = np.concatenate([np.full(round(s * 48_000), 10 ** (level / 20)) for level, s in levels])
    wave = gains * np.sin(2 * np.pi * 1000 / 48_000 * np.arange(len(gains)))
    return np.repeat(wave[:, None], 2, axis=1).astype(np.float32)


def _metered(samples: np.ndarray) -> Loudness:
    meter = LoudnessMeter(48_000, samples.shape[1])
    meter.add(samples)
    return meter.result()


def main() -> None:
    where = "/dev/shm" if Path("/dev/shm").is_dir() else None  # a busy disk would be measured
    with tempfile.TemporaryDirectory(dir=where) as name:
        folder = Path(name)
        speed(folder)
        memory(folder)
    loudness()


if __name__ == "__main__":
    main()
