"""Any audio file as blocks of samples: streamed, and never noisy, whatever its bytes are.

soundfile reads wav, flac, mp3, ogg and what else libsndfile knows. Opus, M4A/AAC, WMA and
others go to PyAV, chosen by content, never by name. FFmpeg is told the container and is never
left to guess: its guesses include playlists, which would open other files.
"""

import math
import os
import re
import stat
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, Self

import numpy as np
import soundfile
from numpy.typing import NDArray

from affetto.errors import AudioError, DecoderMissingError, UsageError

Samples = NDArray[np.float32]

_RATES_HZ = (1_000, 1_536_000)  # beyond these a header is damaged
_LOUDEST = 1e6  # 120 dB over full scale: no signal, and its square would soon overflow
_BLOCK_SAMPLES = 1 << 24  # 64 MB, over all channels
_FRAMES_PER_BYTE = 1024  # flac of digital silence reaches 290
_MP3_BYTES_PER_S = 1000  # 8 kbit/s, the lowest rate of MPEG layer III
_MISSING_S = 0.1  # codec delays are shorter
_UNKNOWN = 2**63 - 1  # libsndfile's number of frames where a flac does not tell it
_TAIL_BYTES = 1 << 13  # tags behind the last frame of an mp3
_PREROLL_S = 0.1  # Opus converges within 80 ms (RFC 7845, 4.6)

_DAMAGED = "damaged: some of it could not be decoded and is left out"
_NO_NUMBERS = "{} NaN or infinite samples read as silence"

# How a file starts, and FFmpeg's name of that container.
_CONTAINERS = {
    **{b"OggS": "ogg", b"RIFF": "wav", b"FORM": "aiff", b"fLaC": "flac", b"wvpk": "wv"},
    **{b"MAC ": "ape", b"\xff\xf1": "aac", b"\xff\xf9": "aac", b"\x1aE\xdf\xa3": "matroska"},
    b"0&\xb2u\x8ef\xcf\x11": "asf",
}
_ONLY_FFMPEG = {"mov", "asf", "matroska", "wv", "ape", "aac"}  # of no use to libsndfile


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
        self._shown = _shown(path)
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


class _SoundFileAudio(Audio):
    """libsndfile; where a read fails, what it decoded is kept and FFmpeg may read on."""

    def __init__(self, path: Path, file: BinaryIO, *, is_guess: bool):
        super().__init__(path, file)
        self._rescue: _AvAudio | None = None
        self._is_over = False
        size = os.fstat(file.fileno()).st_size
        with _Silence.kept():
            self._sound = sound = soundfile.SoundFile(file.fileno(), closefd=False)
        # Where it can seek, soundfile seeks after each read to where it is already; in an mp3
        # this empties the bit reservoir, and each block would begin with a hole.
        sound.seekable = lambda: False
        rate, n_frames, kind = sound.samplerate, sound.frames, sound.subtype
        most = size * rate / _MP3_BYTES_PER_S if sound.format == "MP3" else size * _FRAMES_PER_BYTE
        duration_s = n_frames / rate if n_frames <= most and not is_guess else None
        codec = "mp3" if kind == "MPEG_LAYER_III" else f"{sound.format} {kind}".lower()
        self._set_info(rate, sound.channels, duration_s, codec, sound.copy_metadata())
        if most < n_frames < _UNKNOWN and not is_guess:
            self._warn("the length in the header cannot be right: it is not relied on")
        if n_frames == 0:
            raise AudioError(f"{self._shown} holds no samples; is its recording or copy complete?")
        data = re.search(r"^\s*data : (\d+) \(should be (\d+)\)", sound.extra_info, re.MULTILINE)
        if data and int(data[2]) < int(data[1]):
            self._warn(f"cut short: {data[2]} bytes of the {data[1]} that the header promises")

    def _chunk(self, n_frames: int) -> Samples | None:
        if self._rescue or self._is_over:
            return self._rescue._chunk(n_frames) if self._rescue else None
        block = np.empty((n_frames, self.info.n_channels), np.float32)
        before = n_read = 0
        with _Silence.kept():
            try:
                before = self._sound.tell()
                n_read = len(self._sound.read(out=block))
                failed = False
            except soundfile.SoundFileError:
                failed = True
                with suppress(soundfile.SoundFileError):
                    n_read = max(0, self._sound.tell() - before)
        if n_read:
            return block[:n_read]
        end = (self.info.duration_s or 0) * self.info.sample_rate_hz
        if failed or before < end - 1:
            self._warn(_DAMAGED)
            self._is_over = not self._is_rescued()
            return self._chunk(n_frames)
        if self.info.duration_s is None and self._n_bytes_left() > _TAIL_BYTES:
            # The guess is over, the file is not. (What the decoder has read ahead is not seen.)
            if self._is_rescued():
                return self._chunk(n_frames)
            self._warn("cut short: read as long as the header lets us guess; PyAV would read all")
        return None

    def _n_bytes_left(self) -> int:
        descriptor = self._file.fileno()
        return os.fstat(descriptor).st_size - os.lseek(descriptor, 0, os.SEEK_CUR)

    def _is_rescued(self) -> bool:
        """Let FFmpeg, where installed, read on: it finds its way behind damage."""
        with suppress(AudioError, KeyError):
            container = {"FLAC": "flac", "MP3": "mp3", "OGG": "ogg"}[self._sound.format]
            self._file.seek(0)
            rescue = _AvAudio(self._path, self._file, container)
            now, then = self.info, rescue.info
            if (now.n_channels, now.sample_rate_hz) == (then.n_channels, then.sample_rate_hz):
                rescue.warnings = self.warnings
                # From the start, giving nothing until here: in damaged files seeking is inexact.
                n_known = self._position + sum(map(len, self._rest))
                rescue._skip_s = n_known / now.sample_rate_hz
                self._rescue = rescue
        return self._rescue is not None

    def _seek(self, seconds: float) -> None:
        if self._rescue:
            self._rescue._seek(seconds)
            return
        try:
            with _Silence.kept():
                self._sound.seek(round(seconds * self.info.sample_rate_hz))
                self._is_over = False
        except soundfile.SoundFileError as exc:
            raise AudioError(f"cannot go to {seconds} s in {self._shown}: {exc}") from exc

    def _close(self) -> None:
        if self._rescue:
            self._rescue._close()
        with suppress(soundfile.SoundFileError), _Silence.kept():
            self._sound.close()


class _AvAudio(Audio):
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
            raise AudioError(f"{what}: {_reason(exc)}") from exc
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
                self._warn(f"cut short: {_reason(exc)}")
                return
            try:
                yield from (frame for frame in packet.decode() if frame.samples)
            except self._failures:
                self._warn(_DAMAGED)

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
            raise AudioError(f"cannot go to {seconds} s in {self._shown}: {_reason(exc)}") from exc
        self._frames = self._decode()
        self._skip_s = seconds

    def _close(self) -> None:
        with suppress(*self._failures):
            self._av.close()


def open_audio(path: str | os.PathLike[str]) -> Audio:
    """Open an audio file of any format that soundfile or, where installed, PyAV reads.

    Parameters
    ----------
    path : path
        The file; its format is told by its content, not by its name.

    Raises
    ------
    AudioError
        If it is missing, not a file, not readable, not audio, damaged or without samples.
    DecoderMissingError
        If only PyAV reads it, and PyAV is not installed.
    """
    path = Path(path)
    # By descriptor no decoder ever sees the name, and without blocking no pipe can hang us.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    file = None
    try:
        descriptor = os.open(path, flags)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise AudioError(f"{_shown(path)} is a folder or device; name an audio file")
        file = os.fdopen(descriptor, "rb", buffering=0)
        return _audio_in(path, file)
    except BaseException as exc:
        if file:
            file.close()
        if isinstance(exc, OSError | ValueError):  # ValueError: a NUL in the name
            raise AudioError(f"cannot read {_shown(path)}: {_reason(exc)}") from exc
        raise


def _audio_in(path: Path, file: BinaryIO) -> Audio:
    size = file.seek(0, os.SEEK_END)
    if not size:
        raise AudioError(f"{_shown(path)} is empty (0 bytes); is its download or copy complete?")
    file.seek(0)
    head = file.read(4096)
    if head[:3] == b"ID3" and len(head) > 10:  # a tag, its length in four 7-bit bytes
        length = sum((byte & 127) << (7 * (3 - place)) for place, byte in enumerate(head[6:10]))
        file.seek(10 + length)
        head = file.read(4096).lstrip(b"\0")  # some pad their tag with more than they tell
    file.seek(max(0, size - (1 << 16)))  # a page of ogg is shorter
    tail = file.read()
    file.seek(0)
    container = _container(head)
    # Without a table in its first frame libsndfile guesses the length of an mp3 from the first
    # bit rate, and reads no further: without FFmpeg half of a file that starts loud is lost.
    is_guess = container == "mp3" and not re.search(rb"Xing|Info|VBRI", head[:256])
    audio: Audio
    if container and (container in _ONLY_FFMPEG or b"OpusHead" in head[:512]):
        audio = _AvAudio(path, file, container)
    else:
        audio = _soundfile_or_av(path, file, container, is_guess)
    last = tail.rfind(b"OggS")  # the flags of a page stand in its sixth byte; 4 marks the end
    if container == "ogg" and last >= 0 and not (tail[last + 5 :][:1] or b"\0")[0] & 4:
        audio.warnings.append("cut short: the ogg stream has no end mark")
    return audio


def _soundfile_or_av(path: Path, file: BinaryIO, container: str | None, is_guess: bool) -> Audio:
    try:
        return _SoundFileAudio(path, file, is_guess=is_guess)
    except soundfile.SoundFileError as exc:
        reason = getattr(exc, "error_string", str(exc))
        if container is None:
            raise AudioError(f"{_shown(path)} is not audio: {reason}") from exc
        file.seek(0)
        try:
            return _AvAudio(path, file, container)
        except DecoderMissingError as hint:
            raise AudioError(f"{_shown(path)} cannot be decoded: {reason} {hint}") from exc


def _container(head: bytes) -> str | None:
    """Tell FFmpeg's name of the container by the first bytes; None where they are of no audio."""
    if head[4:8] in {b"ftyp", b"moov", b"mdat"}:
        return "mov"
    found = next((name for mark, name in _CONTAINERS.items() if head.startswith(mark)), None)
    # MPEG audio: eleven bits of sync; then version, layer, bit and sample rate not reserved.
    if found is None and len(head) > 3 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        known = head[1] & 0x18 != 0x08 and head[1] & 6 and head[2] >> 4 < 15 and head[2] & 12 != 12
        return "mp3" if known else None
    return found


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


class _Silence:
    """Descriptor 2 turned to nothing while libmpg123 works: it prints there what it dislikes.

    The descriptor belongs to the whole process: what another thread writes to it in these
    milliseconds is lost. Threads may overlap; the last one out turns it back.
    """

    _lock: ClassVar[threading.Lock] = threading.Lock()
    _inside: ClassVar[int] = 0
    _real: ClassVar[int | None] = None

    @classmethod
    @contextmanager
    def kept(cls) -> Iterator[None]:
        with cls._lock:
            cls._inside += 1
            if cls._inside == 1:
                with suppress(OSError), open(os.devnull, "wb") as nothing:  # noqa: PTH123
                    cls._real = os.dup(2)  # fails where there is none: nothing to silence
                    os.dup2(nothing.fileno(), 2)
        try:
            yield
        finally:
            with cls._lock:
                cls._inside -= 1
                if not cls._inside and cls._real is not None:
                    os.dup2(cls._real, 2)
                    os.close(cls._real)
                    cls._real = None


def _shown(path: Path) -> str:
    """Show the name as it can be printed, also where it is not UTF-8."""
    return os.fsencode(path).decode("utf-8", "replace")


def _reason(exc: BaseException) -> str:
    return getattr(exc, "strerror", None) or str(exc)
