"""From a file to its ten features in one pass: this conducts the rest of the room.

Blocks come from `decode`; loudness is metered on all channels, everything else on a mono mix
at 44.1 kHz. Descriptors of timbre and modulation are taken of windows of 30 s and averaged, so
that a long track means the same to the learned maps as the clips they were fitted on.
"""

import dataclasses
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from affetto.audio.decode import open_audio
from affetto.audio.harmony import HARMONY_NAMES, harmony_descriptors
from affetto.audio.loudness import Loudness, LoudnessMeter
from affetto.audio.mapping import map_features
from affetto.audio.modulation import MODULATION_NAMES, modulation_descriptors
from affetto.audio.rhythm import Rhythm, RhythmMeter
from affetto.audio.spectrum import FRAME_RATE_HZ, RATE_HZ, MelSpectrum, to_db
from affetto.audio.stream import Audio, AudioInfo, shown
from affetto.audio.timbre import TIMBRE_NAMES, timbre_descriptors
from affetto.audio.tonality import HOP_S, Tonality, TonalityMeter
from affetto.errors import AudioError, UsageError

KEY_NAMES = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")
WINDOW_S = 30.0
TIMELINE_WINDOW_S = 15.0
"""Length of a moment of the timeline; each begins half of it after the one before."""
SHORTEST_S = 0.4
"""Below this BS.1770 knows no loudness."""
EXCERPTS = (1 / 6, 1 / 2, 5 / 6)
"""Where in a track the middles of its three excerpts of 30 s lie."""

_BLOCK_S = 2.0  # long blocks fall out of the caches before all meters have had them
_RATES_HZ = (4_000, 768_000)  # what the K-weighting is defined for
_BEAT_FRAMES = round(20 * 60 * FRAME_RATE_HZ)
_LEAST_REST_S = 1.0  # a shorter rest behind the last whole window adds nothing


def _names(kind: type[Any], without: set[str]) -> tuple[str, ...]:
    return tuple(f.name for f in dataclasses.fields(kind) if f.name not in without)


# Taken of the whole track; everything else is the mean over windows.
_TONALITY_OF_WHOLE = ("key", "mode", "key_strength", "key_confidence", "tuning_cents")
_RHYTHM_OF_WHOLE = ("tempo_bpm", "tempo_confidence", "tempo_alternatives")
_RHYTHM_OF_WINDOW = _names(Rhythm, {*_RHYTHM_OF_WHOLE, "danceability"})
_TONALITY_OF_WINDOW = _names(Tonality, {"chroma", *_TONALITY_OF_WHOLE})
_N_ALTERNATIVES = 2
_CHROMA_NAMES = tuple(f"chroma_{i:02d}" for i in range(12))
DESCRIPTOR_NAMES: tuple[str, ...] = (
    "duration_s",
    *_names(Loudness, set()),
    *("tempo_bpm", "tempo_confidence"),
    *(f"tempo_alternative_{i + 1}_bpm" for i in range(_N_ALTERNATIVES)),
    *_RHYTHM_OF_WINDOW,
    "dfa_danceability",
    *_TONALITY_OF_WHOLE,
    *_TONALITY_OF_WINDOW,
    *_CHROMA_NAMES,
    *HARMONY_NAMES,
    *MODULATION_NAMES,
    *TIMBRE_NAMES,
)
"""The keys of `AudioFeatures.descriptors`, in order.

What each is stands where it is computed: `Loudness`, `Rhythm`, `Tonality`, and the tables of
`harmony_descriptors`, `modulation_descriptors` and `timbre_descriptors`.
"""

Described = dict[str, float]


@dataclass(frozen=True, slots=True)
class Moment:
    """A window of a track's timeline, and its features."""

    start_s: float
    stop_s: float
    features: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class AudioFeatures:
    """What the analysis of one file gives. Undefined is NaN.

    Attributes
    ----------
    path : Path
        The file.
    title, artist, album : str or None
        Tags embedded in the file.
    features : mapping of str to float
        The ten, by name (`affetto.FEATURES` holds units and ranges).
    key : int or None
        Pitch class of the key, 0–11, C = 0; None where no pitch was heard.
    mode : int or None
        1 major, 0 minor; None with `key`.
    descriptors : mapping of str to float
        All that was measured, by name.
    timeline : tuple of Moment
        Windows of 15 s, half overlapping; empty unless asked for.
    warnings : tuple of str
        What was wrong with the file and got by with.
    """

    path: Path
    title: str | None
    artist: str | None
    album: str | None
    features: Mapping[str, float]
    key: int | None
    mode: int | None
    descriptors: Mapping[str, float] = field(repr=False)
    timeline: tuple[Moment, ...] = field(default=(), repr=False)
    warnings: tuple[str, ...] = ()

    @property
    def duration_s(self) -> float:
        """Length, seconds."""
        return self.features["duration_ms"] / 1000

    @property
    def problem(self) -> str | None:
        """Why nothing can be said of the music, or None where something can."""
        if not np.isnan(self.features["loudness"]):
            return None
        if self.duration_s < SHORTEST_S:
            length = f"{self.duration_s:.2g} s" if self.duration_s else "less than a millisecond"
            return f"too short: {length}, and loudness needs {SHORTEST_S} s"
        return "silent: nothing in it is louder than −70 LUFS"

    @property
    def key_name(self) -> str | None:
        """The key in words, e.g. ``"A minor"``."""
        if self.key is None:
            return None
        return f"{KEY_NAMES[self.key]} {'major' if self.mode else 'minor'}"


def analyze(
    path: str | os.PathLike[str], *, excerpt: bool = False, timeline: bool = False
) -> AudioFeatures:
    """Compute the audio features of a file.

    Parameters
    ----------
    path : path
        An audio file of any format that soundfile or, where installed, PyAV reads.
    excerpt : bool, default False
        Analyse three excerpts of 30 s (around 1/6, 1/2 and 5/6 of the track) in place of the
        whole. Faster; loudness range and dynamics suffer most. Tracks below 2 minutes, or
        whose length the file does not tell, are analysed whole.
    timeline : bool, default False
        Give the features of windows of 15 s, half overlapping, as well.

    Returns
    -------
    AudioFeatures

    Raises
    ------
    AudioError
        If the file is missing, not audio, damaged beyond reading, or without samples.
    UsageError
        If both an excerpt and a timeline are asked for.
    """
    if excerpt and timeline:
        raise UsageError("a timeline needs the whole track: leave one of the two out")
    info, warnings, analysis = _listen(path, excerpt=excerpt, timeline=timeline)
    return analysis.result(info, warnings)


def measure(path: str | os.PathLike[str]) -> dict[str, float]:
    """Give the descriptors of a file alone: what the maps are fitted on.

    Raises
    ------
    AudioError
        As in `analyze`.
    """
    return _listen(path, excerpt=False, timeline=False)[2].described()


def _listen(
    path: str | os.PathLike[str], *, excerpt: bool, timeline: bool
) -> tuple[AudioInfo, list[str], "_Analysis"]:
    with open_audio(path) as audio:
        info = audio.info
        if not _RATES_HZ[0] <= info.sample_rate_hz <= _RATES_HZ[1]:
            low, high = (f"{rate // 1000} kHz" for rate in _RATES_HZ)
            found = f"{shown(info.path)} has {info.sample_rate_hz} Hz"
            raise AudioError(f"{found}; from {low} to {high} is read")
        analysis = _Analysis(info, timeline=timeline)
        if not (excerpt and _take_excerpts(audio, analysis)):
            for block in audio.blocks(_BLOCK_S):
                analysis.add(block)
            analysis.end_stretch()
        return info, audio.warnings, analysis


def _take_excerpts(audio: Audio, analysis: "_Analysis") -> bool:
    """Feed the three excerpts; False, and nothing fed, where the file does not allow it."""
    duration_s = audio.info.duration_s
    if duration_s is None or duration_s < len(EXCERPTS) * WINDOW_S * 4 / 3:
        return False
    for place in EXCERPTS:
        try:
            audio.seek(place * duration_s - WINDOW_S / 2)
        except AudioError:
            if analysis.n_samples:
                raise
            return False
        n_left = round(WINDOW_S * audio.info.sample_rate_hz)
        for block in audio.blocks(_BLOCK_S):
            analysis.add(block[:n_left])
            n_left -= len(block)
            if n_left <= 0:
                break
        analysis.end_stretch()
    analysis.duration_s = duration_s
    return True


class _Analysis:
    """All meters of one pass. A stretch is an unbroken part of the track."""

    def __init__(self, info: AudioInfo, *, timeline: bool) -> None:
        rate = info.sample_rate_hz
        self.n_samples = 0
        self.duration_s: float | None = None  # where only excerpts were heard
        self._rate = rate
        self._loudness = LoudnessMeter(rate, info.n_channels)
        self._rhythm = RhythmMeter()
        self._tonality = TonalityMeter()
        self._windows = _Windows(WINDOW_S, WINDOW_S)
        self._moments = _Windows(TIMELINE_WINDOW_S, TIMELINE_WINDOW_S / 2) if timeline else None
        self._begin()

    def _begin(self) -> None:
        self._mel = MelSpectrum()
        self._resampler = (
            soxr.ResampleStream(self._rate, RATE_HZ, 1, dtype="float32", quality="HQ")
            if self._rate != RATE_HZ
            else None
        )

    def add(self, block: NDArray[np.float32]) -> None:
        self.n_samples += len(block)
        self._loudness.add(block)
        mono = _mono(block)
        self._add_mono(self._resampler.resample_chunk(mono) if self._resampler else mono)

    def end_stretch(self) -> None:
        if self._resampler:
            self._add_mono(self._resampler.resample_chunk(np.empty(0, np.float32), last=True))
        self._add_mel(self._mel.finish())
        self._windows.end_stretch()
        if self._moments:
            self._moments.end_stretch()
        self._begin()

    def _add_mono(self, mono: NDArray[np.float32]) -> None:
        self._tonality.add(mono)
        self._add_mel(self._mel.add(mono))

    def _add_mel(self, mel: NDArray[np.float32]) -> None:
        mel_db = to_db(mel)
        self._rhythm.add(mel_db)
        self._windows.add(mel_db)
        if self._moments:
            self._moments.add(mel_db)

    def described(self) -> Described:
        """All descriptors of the whole, in the order of `DESCRIPTOR_NAMES`."""
        # Twenty minutes tell a tempo; the rhythm of hours would take their memory.
        n_frames = self._rhythm.n_frames
        middle = max(0, (n_frames - _BEAT_FRAMES) // 2)
        rhythm = self._rhythm.window(middle, min(n_frames, middle + _BEAT_FRAMES))
        tonality = self._tonality.result()
        known = {
            **_mean([(w.weight, self._describe(w, rhythm)) for w in self._windows.done]),
            **dataclasses.asdict(self._loudness.result()),
            "tempo_bpm": rhythm.tempo_bpm,
            "tempo_confidence": rhythm.tempo_confidence,
            **_tempo_alternatives(rhythm),
            **dict(zip(_CHROMA_NAMES, tonality.chroma, strict=True)),
            **{name: getattr(tonality, name) for name in _TONALITY_OF_WHOLE},
            "duration_s": self._duration_s(),
        }
        return {name: float(known[name]) for name in DESCRIPTOR_NAMES}

    def result(self, info: AudioInfo, warnings: Iterable[str]) -> AudioFeatures:
        whole = self.described()
        has_key = not np.isnan(whole["key"])
        moments = self._moments.done if self._moments else []
        return AudioFeatures(
            path=info.path,
            title=info.title,
            artist=info.artist,
            album=info.album,
            features=map_features(whole),
            key=int(whole["key"]) if has_key else None,
            mode=int(whole["mode"]) if has_key else None,
            descriptors=whole,
            timeline=tuple(self._moment(window) for window in moments),
            warnings=tuple(warnings),
        )

    def _duration_s(self) -> float:
        return self.n_samples / self._rate if self.duration_s is None else self.duration_s

    def _describe(self, window: "_Window", beat: Rhythm | None = None) -> Described:
        rhythm = self._rhythm.window(window.start, window.stop, beat)
        tonality = self._tonality.window(window.start_s, window.stop_s)
        fine = self._tonality.fine_chroma(window.start_s, window.stop_s)
        return {
            **window.described,
            **harmony_descriptors(fine, HOP_S),
            **{name: getattr(rhythm, name) for name in _RHYTHM_OF_WINDOW},
            "dfa_danceability": rhythm.danceability,
            **{name: getattr(tonality, name) for name in _TONALITY_OF_WHOLE + _TONALITY_OF_WINDOW},
            "tempo_bpm": rhythm.tempo_bpm,
        }

    def _moment(self, window: "_Window") -> Moment:
        duration_s = self._duration_s()
        start_s, stop_s = window.start_s, min(window.stop_s, duration_s)
        described = {
            **self._describe(window),
            "integrated_lufs": self._loudness.integrated_lufs(start_s, stop_s),
            "duration_s": duration_s,
        }
        return Moment(start_s, stop_s, map_features(described))


@dataclass(frozen=True, slots=True)
class _Window:
    """A window of frames, described; `weight` is the share of it that no other window has."""

    start: int
    stop: int
    weight: float
    described: Described

    @property
    def start_s(self) -> float:
        return self.start / FRAME_RATE_HZ

    @property
    def stop_s(self) -> float:
        return self.stop / FRAME_RATE_HZ


class _Windows:
    """Cut frames into windows as they come, and describe each when it is complete.

    What is left at the end of a stretch is heard together with what came before it: the last
    window is as long as the others, where the stretch is.
    """

    def __init__(self, length_s: float, step_s: float) -> None:
        self.done: list[_Window] = []
        self._length, self._step = round(length_s * FRAME_RATE_HZ), round(step_s * FRAME_RATE_HZ)
        self._held: list[NDArray[np.float32]] = []
        self._n_held = 0
        self._n_before = 0  # frames of the track before those held
        self._n_described = 0  # frames held that a window has covered
        self._next = 0  # where among those held the next window starts

    def add(self, mel_db: NDArray[np.float32]) -> None:
        self._held.append(mel_db)
        self._n_held += len(mel_db)
        while self._n_held >= self._next + self._length:
            self._describe(self._next)
            self._next += self._step
            # One window's length is kept for the last one.
            self._drop(min(self._next, self._n_held - self._length))

    def end_stretch(self) -> None:
        rest = self._n_held - self._n_described
        if rest > (_LEAST_REST_S * FRAME_RATE_HZ if self._n_described else 0):
            self._describe(max(0, self._n_held - self._length))
        self._n_before += self._n_held
        self._held, self._n_held, self._n_described, self._next = [], 0, 0, 0

    def _describe(self, start: int) -> None:
        frames = np.concatenate(self._held)
        self._held = [frames]
        stop = min(start + self._length, len(frames))
        weight = (stop - self._n_described) / self._length
        described = {
            **timbre_descriptors(frames[start:stop]),
            **modulation_descriptors(frames[start:stop]),
        }
        window = _Window(self._n_before + start, self._n_before + stop, weight, described)
        self.done.append(window)
        self._n_described = stop

    def _drop(self, n_frames: int) -> None:
        if n_frames <= 0:
            return
        self._held = [np.concatenate(self._held)[n_frames:]]
        self._n_before += n_frames
        self._n_held -= n_frames
        self._n_described -= n_frames
        self._next -= n_frames


def _mono(block: NDArray[np.float32]) -> NDArray[np.float32]:
    n_channels = block.shape[1]
    if n_channels == 1:
        return np.ascontiguousarray(block[:, 0])
    if n_channels == 2:  # many times faster than the mean along the short axis
        mixed: NDArray[np.float32] = block[:, 0] + block[:, 1]
        mixed *= np.float32(0.5)
        return mixed
    mean: NDArray[np.float32] = block.mean(axis=1, dtype=np.float32)
    return mean


def _mean(parts: list[tuple[float, Described]]) -> Described:
    """Weighted mean of each descriptor over the windows where it is defined."""
    weights = np.array([weight for weight, _ in parts])[:, None]
    values = np.array([list(described.values()) for _, described in parts])
    known = ~np.isnan(values)
    sums = (np.where(known, values, 0) * weights).sum(axis=0)
    shares = (known * weights).sum(axis=0)
    means = np.divide(sums, shares, out=np.full(len(sums), np.nan), where=shares > 0)
    return dict(zip(parts[0][1], means.tolist(), strict=True))


def _tempo_alternatives(rhythm: Rhythm) -> Described:
    alternatives = [bpm for bpm, _ in rhythm.tempo_alternatives]
    padded = [*alternatives, *[np.nan] * _N_ALTERNATIVES][:_N_ALTERNATIVES]
    return {f"tempo_alternative_{i + 1}_bpm": bpm for i, bpm in enumerate(padded)}
