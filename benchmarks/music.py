"""Music to measure on: freely licensed tracks where they are installed, else the demo's own."""

import os
from pathlib import Path

import numpy as np
import soundfile

# Debian packages wesnoth-1.16-music, singularity-music, asc-music; or a folder of one's own.
_FOLDERS = (
    "/usr/share/games/wesnoth/1.16/data/core/music",
    "/usr/share/games/singularity/music",
    "/usr/share/singularity/music",
    "/usr/share/games/asc/music",
)
_SUFFIXES = {".ogg", ".mp3", ".flac", ".wav"}
_RATE = 44_100


def installed() -> list[Path]:
    """Tracks of $AFFETTO_MUSIC, or of the music packages found here; sorted."""
    own = os.environ.get("AFFETTO_MUSIC")
    folders = [Path(own)] if own else [Path(folder) for folder in _FOLDERS]
    found = (path for folder in folders for path in folder.rglob("*"))
    return sorted(path for path in found if path.suffix.lower() in _SUFFIXES)


def long_tracks(folder: Path, n_tracks: int = 4, seconds: float = 240.0) -> tuple[list[Path], str]:
    """Write stereo tracks of some minutes at 44.1 kHz; give them, and where they come from."""
    folder.mkdir(parents=True, exist_ok=True)
    parts, origin = _parts()
    tracks = []
    for i in range(n_tracks):
        held: list[np.ndarray] = []
        while sum(map(len, held)) < seconds * _RATE:
            held.append(next(parts))
        path = folder / f"{i}.wav"
        soundfile.write(path, np.concatenate(held)[: round(seconds * _RATE)], _RATE)
        tracks.append(path)
    return tracks, origin


def _parts():
    paths = [path for path in installed() if _is_usual(path)]
    if paths:
        return (
            soundfile.read(path, dtype="float32", always_2d=True)[0]
            for _ in range(100)
            for path in paths
        ), "free music"
    from affetto.demo import demo_pieces, render

    return (render(piece) for _ in range(100) for piece in demo_pieces()), "the demo's music"


def _is_usual(path: Path) -> bool:
    info = soundfile.info(path)
    return info.samplerate == _RATE and info.channels == 2
