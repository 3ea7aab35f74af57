"""What any open audio file offers, whichever library decodes it: blocks of samples.

Blocks are finite: what is no number is silence, and told.
"""

import math
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from affetto.errors import AudioError, UsageError

Samples = NDArray[np.float32]

DAMAGED = "damaged: some of it could not be decoded and is left out"

_RATES_HZ = (1_000, 1_536_000)  # beyond these a header is damaged
_LOUDEST = 1e6  # 120 dB over full scale: no signal, and its square would soon overflow
_BLOCK_SAMPLES = 1 << 24  # 64 MB, over all channels
_MISSING_S = 0.1  # codec delays are shorter
_NO_NUMBERS = "{} NaN or infinite samples read as silence"


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """What the header of an audio file tells.

    `duration_s` is None where the header does not tell it or cannot be right; the tags
    are None where the file has none.
    """

    path: Path
    sample_rate_hz: int
    n_channels: int
    duration_s: float | None
    codec: str
    title: str | None
    artist: str | None
    album: str | None


class Audio(ABC):
    """An open audio file; a context manager.

    `info` is what the header tells; `warnings` what was wrong and got by with: it grows
    while the file is read.
    """

    info: AudioInfo

    def __init__(self, path: Path, file: BinaryIO):
        self.warnings: list[str] = []
        self._shown = shown(path)
        self._file, self._path = file, path
        self._position = 0
        self._untouched = True
        self._n_bad = 0
        self._rest: list[Samples] = []  # decoded already, not given yet

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; again does no harm."""
        self._close()
        self._file.close()

    def blocks(self, seconds: float = 10.0) -> Iterator[Samples]:
        """Read on from here to the end, block by block.

        Parameters
        ----------
        seconds : float
            Length of a block; the last one is shorter, and so is each one that would take
            more than 64 MB.

        Yields
        ------
        ndarray of float32, shape=(n_frames, n_channels)
            Samples, full scale at −1 and 1 (lossy and float files may exceed it).

        Raises
        ------
        AudioError
            If the file holds not one readable sample.
        UsageError
            If `seconds` is not above 0.
        """
        if not (seconds > 0 and math.isfinite(seconds)):
            raise UsageError(f"a block of {seconds} s cannot be read; give a length above 0")
        most = _BLOCK_SAMPLES // self.info.n_channels
        n_frames = max(1, min(round(seconds * self.info.sample_rate_hz), most))
        while len(block := self._read(n_frames)):
            self._untouched = False
            # NaN fails every comparison, so one look finds it together with the infinite.
            if not max(block.max(), -block.min()) <= _LOUDEST:
                bad = ~(np.abs(block) <= _LOUDEST)
                block[bad] = 0
                if self._n_bad:  # one line, with the number so far
                    self.warnings.remove(_NO_NUMBERS.format(self._n_bad))
                self._n_bad += int(bad.sum())
                self._warn(_NO_NUMBERS.format(self._n_bad))
            yield block
        if self._untouched:
            raise AudioError(f"{self._shown} holds no samples that can be read")

    def seek(self, seconds: float) -> None:
        """Go to a time, counted from the start; `blocks` then reads on from there.

        Raises
        ------
        AudioError
            If the codec does not allow it, or the file ends before.
        UsageError
            If `seconds` is negative or not finite.
        """
        if not (seconds >= 0 and math.isfinite(seconds)):
            raise UsageError(f"cannot go to {seconds} s; give a time of 0 or more")
        end_s = self.info.duration_s
        if end_s is not None and seconds > end_s:
            raise AudioError(f"cannot go to {seconds} s in {self._shown}: it ends at {end_s:.1f} s")
        self._rest = []
        self._seek(seconds)
        self._position = round(seconds * self.info.sample_rate_hz)
        self._untouched = seconds == 0

    @abstractmethod
    def _close(self) -> None: ...
    @abstractmethod
    def _seek(self, seconds: float) -> None: ...
    @abstractmethod
    def _chunk(self, n_frames: int) -> Samples | None:
        """Decode some frames, about `n_frames`; None at the end."""

    def _read(self, n_frames: int) -> Samples:
        n_ready = sum(map(len, self._rest))
        while n_ready < n_frames:
            if (chunk := self._chunk(n_frames - n_ready)) is None:
                self._warn_if_short(self._position + n_ready)
                break
            self._rest.append(chunk)
            n_ready += len(chunk)
        parts = self._rest or [np.empty((0, self.info.n_channels), np.float32)]
        ready = parts[0] if len(parts) == 1 else np.concatenate(parts)
        self._rest = [ready[n_frames:].copy()] if n_ready > n_frames else []
        self._position += min(n_ready, n_frames)
        return ready[:n_frames]

    def _warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)

    def _warn_if_short(self, n_frames: int) -> None:
        promised_s = self.info.duration_s or 0
        missing_s = promised_s - n_frames / self.info.sample_rate_hz
        known = any(warning.startswith("cut short") for warning in self.warnings)
        if missing_s > _MISSING_S and not known:
            self._warn(f"cut short: {missing_s:.1f} s of the {promised_s:.1f} s are missing")

    def _set_info(
        self, rate: int, n_channels: int, duration_s: float | None, codec: str, tags: dict[str, str]
    ) -> None:
        if not _RATES_HZ[0] <= rate <= _RATES_HZ[1]:
            raise AudioError(f"{self._shown} claims {rate} Hz, which no audio has: it is damaged")
        words = {name.lower(): text.partition("\0")[0].strip() for name, text in tags.items()}
        title, artist, album = (words.get(name) or None for name in ("title", "artist", "album"))
        self.info = AudioInfo(self._path, rate, n_channels, duration_s, codec, title, artist, album)


def shown(path: Path) -> str:
    """Show the name as it can be printed, also where it is not UTF-8."""
    return os.fsencode(path).decode("utf-8", "replace")


def reason(exc: BaseException) -> str:
    """Say what went wrong as briefly as the exception allows."""
    return getattr(exc, "strerror", None) or str(exc)
