"""Any audio file as blocks of samples: streamed, and never noisy, whatever its bytes are.

soundfile reads wav, flac, mp3, ogg and what else libsndfile knows. Opus, M4A/AAC, WMA and
others go to PyAV, chosen by content, never by name. FFmpeg is told the container and is never
left to guess: its guesses include playlists, which would open other files.
"""

import os
import re
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, ClassVar

import numpy as np
import soundfile

from affetto.audio.ffmpeg import FFmpegAudio
from affetto.audio.stream import DAMAGED, Audio, Samples, reason, shown
from affetto.errors import AudioError, DecoderMissingError

_FRAMES_PER_BYTE = 1024  # flac of digital silence reaches 290
_MP3_BYTES_PER_S = 1000  # 8 kbit/s, the lowest rate of MPEG layer III
_UNKNOWN = 2**63 - 1  # libsndfile's number of frames where a flac does not tell it
_TAIL_BYTES = 1 << 13  # tags behind the last frame of an mp3


# How a file starts, and FFmpeg's name of that container.
_CONTAINERS = {
    **{b"OggS": "ogg", b"RIFF": "wav", b"FORM": "aiff", b"fLaC": "flac", b"wvpk": "wv"},
    **{b"MAC ": "ape", b"\xff\xf1": "aac", b"\xff\xf9": "aac", b"\x1aE\xdf\xa3": "matroska"},
    b"0&\xb2u\x8ef\xcf\x11": "asf",
}
_ONLY_FFMPEG = {"mov", "asf", "matroska", "wv", "ape", "aac"}  # of no use to libsndfile


class _SoundFileAudio(Audio):
    """libsndfile; where a read fails, what it decoded is kept and FFmpeg may read on."""

    def __init__(self, path: Path, file: BinaryIO, *, is_guess: bool):
        super().__init__(path, file)
        self._rescue: FFmpegAudio | None = None
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
            self._warn(DAMAGED)
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
            rescue = FFmpegAudio(self._path, self._file, container)
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
            raise AudioError(f"{shown(path)} is a folder or device; name an audio file")
        file = os.fdopen(descriptor, "rb", buffering=0)
        return _audio_in(path, file)
    except BaseException as exc:
        if file:
            file.close()
        if isinstance(exc, OSError | ValueError):  # ValueError: a NUL in the name
            raise AudioError(f"cannot read {shown(path)}: {reason(exc)}") from exc
        raise


def _audio_in(path: Path, file: BinaryIO) -> Audio:
    size = file.seek(0, os.SEEK_END)
    if not size:
        raise AudioError(f"{shown(path)} is empty (0 bytes); is its download or copy complete?")
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
        audio = FFmpegAudio(path, file, container)
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
        words = getattr(exc, "error_string", str(exc))
        if container is None:
            raise AudioError(f"{shown(path)} is not audio: {words}") from exc
        file.seek(0)
        try:
            return FFmpegAudio(path, file, container)
        except DecoderMissingError as hint:
            raise AudioError(f"{shown(path)} cannot be decoded: {words} {hint}") from exc


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
