"""Clips: the start of any audio file as a small WAV that may be sent to a service."""

import hashlib
import os
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import soxr
from numpy.typing import NDArray

from affetto.audio.decode import open_audio
from affetto.audio.stream import Audio
from affetto.output import written_aside

CLIP_S: Final = 30.0
"""What the service hears of a file: the rest would be sent in vain."""
RATE_HZ: Final = 44_100
"""Files of a higher rate are brought down to this: 30 s take 2.6 MB then."""

_LOUDEST = 32_767  # of 16 bits


def clip(path: str | os.PathLike[str], folder: str | os.PathLike[str]) -> Path:
    """Write the first 30 s of an audio file as a WAV: mono, 16 bits, at most 44.1 kHz.

    Parameters
    ----------
    path : path
        Of any format that `affetto.audio.decode.open_audio` reads.
    folder : path
        Where the clip shall stand; it must exist.

    Returns
    -------
    Path
        The clip, whole, of at most 2.7 MB; the same file gives the same name again.

    Raises
    ------
    AudioError
        If the file is missing or no audio, or holds no samples.
    OutputError
        If the clip cannot be written.
    """
    # A music file's own name may be too long once more letters stand before it.
    name = hashlib.sha256(os.fsencode(os.path.abspath(path))).hexdigest()[:16]  # noqa: PTH100
    target = Path(folder) / f"{name}.wav"
    with open_audio(path) as audio, written_aside(target) as aside:
        rate_hz = min(audio.info.sample_rate_hz, RATE_HZ)
        with aside.open("wb") as file, wave.open(file, "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(rate_hz)
            for block in _resampled(_start(audio), audio.info.sample_rate_hz, rate_hz):
                out.writeframes(np.rint(block.clip(-1, 1) * _LOUDEST).astype(np.int16).tobytes())
    return target


def _start(audio: Audio) -> Iterator[NDArray[np.float32]]:
    """Give the first 30 s as one channel."""
    left = round(CLIP_S * audio.info.sample_rate_hz)
    for block in audio.blocks():
        yield block[:left].mean(axis=1)
        left -= len(block)
        if left <= 0:
            return


def _resampled(
    blocks: Iterator[NDArray[np.float32]], rate_hz: int, wanted_hz: int
) -> Iterator[NDArray[np.float32]]:
    if rate_hz == wanted_hz:
        yield from blocks
        return
    resampler = soxr.ResampleStream(rate_hz, wanted_hz, 1, dtype="float32", quality="HQ")
    for block in blocks:
        yield resampler.resample_chunk(block)
    yield resampler.resample_chunk(np.empty(0, np.float32), last=True)
