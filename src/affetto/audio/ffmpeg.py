"""Audio through FFmpeg, by PyAV (the extra ``[av]``): Opus, M4A/AAC, WMA and others."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from affetto.audio.stream import DAMAGED, Audio, Samples, reason
from affetto.errors import AudioError, DecoderMissingError

_PREROLL_S = 0.1  # Opus converges within 80 ms (RFC 7845, 4.6)


class FFmpegAudio(Audio):
    """FFmpeg through PyAV; a packet that fails is left out."""

    def __init__(self, path: Path, file: BinaryIO, container: str):
        super().__init__(path, file)
        try:
            # Optional, and slow to import: the one import that waits until a file needs it.
            import av  # noqa: PLC0415
        except ImportError as exc:
            needs = f'{self._shown} needs PyAV to be decoded: pip install "affetto[av]"'
            raise DecoderMissingError(needs) from exc
        self._failures = (av.FFmpegError, OSError, ValueError, EOFError)
        self._skip_s = 0.0
        try:
            self._av: Any = av.open(file, "r", format=container, metadata_errors="replace")
            if not self._av.streams.audio:
                raise AudioError(f"{self._shown} is not audio: it holds no audio stream")
            self._stream: Any = self._av.streams.audio[0]
            self._frames = self._decode()
            first = next(self._frames, None)
        except self._failures as exc:
            what = f"{self._shown} is not audio, or damaged beyond reading"
            raise AudioError(f"{what}: {reason(exc)}") from exc
        if first is None:
            raise AudioError(f"{self._shown} holds no samples that can be decoded")
        self._rest = [_as_float(first)]
        ticks = self._stream.duration
        known_s = ticks * (self._stream.time_base or 0) if ticks else (self._av.duration or 0) / 1e6
        duration_s = float(known_s) if known_s > 0 else None
        tags = {**self._av.metadata, **self._stream.metadata}
        # The decoder, not the header, knows the rate: HE-AAC doubles what the header says.
        codec = self._stream.codec_context.name.removesuffix("float")
        n_channels = self._rest[0].shape[1]
        self._set_info(first.sample_rate, n_channels, duration_s, codec, tags)

    def _decode(self) -> Iterator[Any]:
        """Frames that hold samples, to the end or to where the container breaks off."""
        packets = self._av.demux(self._stream)
        while True:
            try:
                if (packet := next(packets, None)) is None:
                    return
            except self._failures as exc:
                self._warn(f"cut short: {reason(exc)}")
                return
            try:
                yield from (frame for frame in packet.decode() if frame.samples)
            except self._failures:
                self._warn(DAMAGED)

    def _chunk(self, n_frames: int) -> Samples | None:
        if (frame := next(self._frames, None)) is None:
            return None
        samples, rate = _as_float(frame), self.info.sample_rate_hz
        if frame.sample_rate != rate or samples.shape[1] != self.info.n_channels:
            self._warn("damaged: parts of another sample rate or channel count are left out")
            return np.empty((0, self.info.n_channels), np.float32)
        if self._skip_s and frame.pts is not None:
            start_s = float((frame.pts - (self._stream.start_time or 0)) * frame.time_base)
            n_before = max(0, round((self._skip_s - start_s) * rate))
            if n_before < len(samples):
                self._skip_s = 0.0
            samples = samples[n_before:]
        return samples

    def _seek(self, seconds: float) -> None:
        ticks = int(max(0.0, seconds - _PREROLL_S) / self._stream.time_base)
        try:
            self._av.seek(ticks + (self._stream.start_time or 0), stream=self._stream)
        except self._failures as exc:
            raise AudioError(f"cannot go to {seconds} s in {self._shown}: {reason(exc)}") from exc
        self._frames = self._decode()
        self._skip_s = seconds

    def _close(self) -> None:
        with suppress(*self._failures):
            self._av.close()


def _as_float(frame: Any) -> Samples:
    """Give an FFmpeg frame as (n_frames, n_channels), full scale at −1 and 1."""
    samples = frame.to_ndarray()
    samples = (samples.T if frame.format.is_planar else samples).reshape(frame.samples, -1)
    if samples.dtype.kind in "iu":
        low, high = np.iinfo(samples.dtype).min, np.iinfo(samples.dtype).max
        half = (high - low + 1) / 2
        return np.asarray((samples - (low + half)) / half, np.float32)
    with np.errstate(over="ignore"):  # a double beyond float32 becomes inf, and is told later
        return np.asarray(samples, np.float32)
