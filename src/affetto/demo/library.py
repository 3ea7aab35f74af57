"""The demo library on disk: wav files with titles, and a playlist for each mood."""

import re
import struct
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from affetto.demo.composer import Piece, demo_pieces, render
from affetto.errors import UsageError
from affetto.output import results_folder, write_text, written_aside

MUSIC_NOTE = (
    "This music is synthetic, composed and played by affetto; "
    "figures measured on it say nothing about real music."
)
"""Printed wherever the demo's music, or anything measured on it, is shown."""

ALBUM = "affetto demo library"
"""Album of every file."""

_RATE_HZ = 44_100
_MAX_NAME = 120  # letters: four bytes each still fit the 255 of a file name
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
_DEVICES = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)", re.IGNORECASE)


def write_library(
    folder: str | Path,
    seed: int = 7,
    pieces: Iterable[Piece] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Render pieces and write them: 16-bit stereo wav at 44.1 kHz, named after their titles.

    Beside the music stand playlists, one for each mood: ``Happy.m3u8``. Files that are there
    already are replaced; each appears whole or not at all.

    Parameters
    ----------
    folder : path
        Where to; made where it is missing.
    seed : int, default 7
        Seed of `demo_pieces`, where no pieces are given.
    pieces : iterable of Piece, optional
        What to write instead.
    progress : callable, optional
        Told (done, total) before the first file and after each.

    Returns
    -------
    list of Path
        The music files, in the order of the pieces.

    Raises
    ------
    UsageError
        If there are no pieces, or the seed is negative.
    OutputError
        If the folder or a file cannot be written.
    """
    chosen = demo_pieces(seed) if pieces is None else tuple(pieces)
    if not chosen:
        raise UsageError("there are no pieces to write; give at least one")
    tell = progress or (lambda done, total: None)
    paths: list[Path] = []
    with results_folder(folder) as target:
        tell(0, len(chosen))
        for done, (piece, name) in enumerate(zip(chosen, _names(chosen), strict=True), start=1):
            path = target / f"{name}.wav"
            content = _wav(render(piece, _RATE_HZ), _RATE_HZ, piece)
            with written_aside(path) as aside:
                aside.write_bytes(content)
            paths.append(path)
            tell(done, len(chosen))
        for mood in dict.fromkeys(piece.mood for piece in chosen):
            _write_playlist(target, mood, [p for p in zip(chosen, paths, strict=True)
                                           if p[0].mood == mood])  # fmt: skip
    return paths


def _names(pieces: tuple[Piece, ...]) -> list[str]:
    """Titles as file names that any system takes, none twice whatever their case."""
    names: list[str] = []
    taken: set[str] = set()
    for piece in pieces:
        stem = _FORBIDDEN.sub("_", piece.title)[:_MAX_NAME].strip(" .") or "untitled"
        if _DEVICES.match(stem):
            stem = f"_{stem}"
        name, number = stem, 1
        while name.casefold() in taken:
            number += 1
            name = f"{stem} {number}"
        taken.add(name.casefold())
        names.append(name)
    return names


def _write_playlist(folder: Path, mood: str, entries: list[tuple[Piece, Path]]) -> None:
    lines = ["#EXTM3U", f"#PLAYLIST:{mood}"]
    for piece, path in entries:
        seconds = round(piece.duration_s)
        shown = " ".join(f"{piece.artist} - {piece.title}".split())
        # A line that starts with # is a comment.
        lines += [f"#EXTINF:{seconds},{shown}", re.sub("^#", "./#", path.name)]
    name = _FORBIDDEN.sub("_", mood).strip(" .") or "mood"
    write_text(folder / f"{name}.m3u8", "\n".join(lines) + "\n")


def _wav(samples: NDArray[np.float32], rate_hz: int, piece: Piece) -> bytes:
    """Give a RIFF wave file: format, tags (LIST INFO, UTF-8), 16-bit samples."""
    n_channels = samples.shape[1]
    pcm = np.rint(samples * 32767).astype("<i2").tobytes()
    layout = struct.pack(
        "<HHIIHH", 1, n_channels, rate_hz, 2 * n_channels * rate_hz, 2 * n_channels, 16
    )
    tags = {b"INAM": piece.title, b"IART": piece.artist, b"IPRD": ALBUM, b"IGNR": piece.style}
    info = b"INFO" + b"".join(
        _chunk(name, text.encode("utf-8") + b"\0") for name, text in tags.items()
    )
    body = b"WAVE" + _chunk(b"fmt ", layout) + _chunk(b"LIST", info) + _chunk(b"data", pcm)
    return _chunk(b"RIFF", body)


def _chunk(name: bytes, content: bytes) -> bytes:
    """Give a RIFF chunk: its length leaves out the byte that makes it even."""
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)
