"""Rhythm from mel spectra as they come: onsets, pulse, tempo, danceability, percussion.

Of each frame seven numbers are kept: onset strength in five bands, energy, and the share of
percussion; any part of the track can then be asked for.

References
----------
.. [1] S. Böck, F. Krebs, M. Schedl (2012), Evaluating the online capabilities of onset
   detection methods, ISMIR.
.. [2] O. Lartillot et al. (2008), Multi-feature modeling of pulse clarity, ISMIR.
.. [3] S. Streich, P. Herrera (2005), Detrended fluctuation analysis of music signals:
   danceability estimation and further semantic characterization, AES 118.
.. [4] D. FitzGerald (2010), Harmonic/percussive separation using median filtering, DAFx.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from affetto.audio.spectrum import FRAME_RATE_HZ, N_MELS
from affetto.audio.tempo import SHORTEST_S, Tempo, estimate_tempo, moving_mean

_BAND_EDGES = (0, 5, 16, 40, 79, 128)  # mel bands: up to 0.17, 0.5, 1.5, 5 and 22 kHz
_RISE_FRAMES = 2  # 23 ms: a window of 46 ms hides faster rises
_RANGE_DB = 45.0  # what lies lower below the loudest hardly counts as an onset (see tempo)
_FORGET_DB_PER_S = 1.0  # how fast "the loudest" gives way in quiet passages
_SILENCE_DB = -80.0  # mel power of 16-bit dither is −82 dB
_N_GROUPS = 32  # of four mel bands, for percussion
_HALF_TIME, _HALF_GROUPS = 8, 4  # 17 frames (0.2 s) and nine groups: what the means are over
_PEAK_FRAMES, _PEAK_DB = 3, 1.0
_DFA_SHORTEST_S, _DFA_LONGEST_S, _DFA_STEP = 0.31, 8.8, 1.3  # [3]_, whose step is 1.1

_N_PHASES = 12  # of a beat; two neighbours are "on"

Matrix = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How a signal moves in time. Undefined is NaN: silence, and less than 4 s.

    Attributes
    ----------
    tempo_bpm : float
        Tempo, beats per minute, 45–225; see `affetto.audio.tempo`.
    tempo_confidence : float
        Estimated probability that the tempo is right within 4%, 0–1. Cross-validated on renders
        of known tempo the share right was .61 at 0.5–0.7, .82 at 0.7–0.9, .97 above.
    tempo_alternatives : tuple of (float, float)
        The next best (bpm, probability), best first, at most five.
    pulse_clarity : float
        Highest value of the normalised autocorrelation of the onset curve between the lags of
        40 and 230 BPM, 0–1 [2]_: 1 for a click track.
    onset_rate_hz : float
        Onsets per second: local maxima of the onset curve (± 35 ms) 1 dB and more above its
        mean over a second [1]_.
    onset_strength_db : float
        Mean of the onset curve, dB: the rise of level within 23 ms, mean over the mel bands,
        falls counted as 0 [1]_.
    onset_regularity : float
        1 / (1 + standard deviation / mean of the intervals between onsets), 0–1: 1 where they
        are all alike. NaN below three onsets.
    beat_strength : float
        (on − off) / (on + off), 0–1: the onset curve on the beats of `tempo_bpm`, and
        between them.
    danceability : float
        1 / mean exponent of the detrended fluctuation of the amplitude, 0.31 to 8.8 s [3]_:
        about 2 where the amplitude is white noise, 0.64 where it wanders (Brownian motion).
    percussive_share : float
        Share of the energy in what is flat over frequency against what is flat over time,
        0–1, by masks of means in place of medians [4]_: 0.5 for stationary noise.
    """

    tempo_bpm: float
    tempo_confidence: float
    tempo_alternatives: tuple[tuple[float, float], ...]
    pulse_clarity: float
    onset_rate_hz: float
    onset_strength_db: float
    onset_regularity: float
    beat_strength: float
    danceability: float
    percussive_share: float


class RhythmMeter:
    """Take mel spectra as they come; chunks of any length give the same result."""

    def __init__(self) -> None:
        self._bands = [np.empty((0, len(_BAND_EDGES) - 1), np.float32)]
        self._energy = [np.empty(0, np.float32)]
        self._percussive = [np.empty((0, 2), np.float32)]
        self._before = np.empty((0, N_MELS), np.float32)
        self._loudest_db = -np.inf
        self._context = np.empty((0, _N_GROUPS), np.float32)
        self._pending = np.empty((0, _N_GROUPS), np.float32)
        self._n_frames = 0

    @property
    def n_frames(self) -> int:
        """Frames taken so far."""
        return self._n_frames

    def add(self, mel_db: Matrix) -> None:
        """Take the next frames.

        Parameters
        ----------
        mel_db : array of float32, shape=(n_frames, 128)
            Mel power, dB, −100 at the lowest.

        Raises
        ------
        ValueError
            If the shape is another.
        """
        if mel_db.ndim != 2 or mel_db.shape[1] != N_MELS:
            raise ValueError(f"mel_db has shape {mel_db.shape}, expected (n_frames, {N_MELS})")
        if not len(mel_db):
            return
        audible = np.maximum(mel_db, self._floor(mel_db.max(axis=1))[:, np.newaxis])
        if not len(self._before):
            self._before = np.repeat(audible[:1], _RISE_FRAMES, axis=0)
        levels = np.concatenate([self._before, audible])
        rise = levels[_RISE_FRAMES:] - levels[:-_RISE_FRAMES]
        np.maximum(rise, 0, out=rise)
        self._bands.append(rise @ _BAND_MEANS)
        self._before = levels[-_RISE_FRAMES:].copy()
        self._add_groups(audible @ _GROUP_MEANS)
        self._n_frames += len(mel_db)

    def result(self) -> Rhythm:
        """Describe all frames so far; more may be added after."""
        return self.window(0, self._n_frames)

    def window(self, start_frame: int, stop_frame: int, beat: Rhythm | None = None) -> Rhythm:
        """Describe the frames from `start_frame` up to, not including, `stop_frame`.

        Parameters
        ----------
        start_frame, stop_frame : int
        beat : Rhythm, optional
            Whose tempo and pulse clarity hold here too: that of the track, say. Default: those
            of the window are found, which takes longer than all the rest.

        Raises
        ------
        ValueError
            If they are not among the frames taken so far.
        """
        if not 0 <= start_frame <= stop_frame <= self._n_frames:
            found = f"{start_frame} to {stop_frame}"
            raise ValueError(f"window of frames {found}, expected within 0 to {self._n_frames}")
        bands = _joined(self._bands)[start_frame:stop_frame]
        energy = _joined(self._energy)[start_frame:stop_frame]
        percussive = _joined(self._percussive)[start_frame:stop_frame]
        if len(energy) < SHORTEST_S * FRAME_RATE_HZ or not bands.any():
            return Rhythm(np.nan, np.nan, (), *(7 * (np.nan,)))
        curve = bands @ _BAND_SHARES
        peaks = onset_frames(curve)
        onset_rate_hz = len(peaks) / len(curve) * FRAME_RATE_HZ
        tempo = _tempo_of(beat) or estimate_tempo(bands, onset_rate_hz)
        intervals = np.diff(peaks)
        masked, whole = percussive.sum(axis=0, dtype=np.float64)
        return Rhythm(
            tempo_bpm=tempo.bpm,
            tempo_confidence=tempo.confidence,
            tempo_alternatives=tempo.alternatives,
            pulse_clarity=tempo.pulse_clarity,
            onset_rate_hz=onset_rate_hz,
            onset_strength_db=float(curve.mean()),
            onset_regularity=(
                float(1 / (1 + intervals.std() / intervals.mean()))
                if len(intervals) > 1
                else np.nan
            ),
            beat_strength=_beat_strength(curve, tempo.bpm),
            danceability=1 / fluctuation_exponent(np.sqrt(energy)),
            percussive_share=float(masked / whole) if whole > 0 else np.nan,
        )

    def _floor(self, frame_max_db: NDArray[np.float32]) -> NDArray[np.float32]:
        """Level below which nothing counts: 45 dB below the loudest of late."""
        # A maximum that gives way linearly is the plain one on a slope.
        slope = np.arange(self._n_frames, self._n_frames + len(frame_max_db)) * (
            _FORGET_DB_PER_S / FRAME_RATE_HZ
        )
        loudest = np.maximum.accumulate(np.r_[self._loudest_db, frame_max_db + slope])
        self._loudest_db = loudest[-1]
        floor = np.maximum(loudest[1:] - slope - _RANGE_DB, _SILENCE_DB)
        return np.asarray(floor.astype(np.float32))

    def _add_groups(self, groups: Matrix) -> None:
        """Keep the energy of each frame, and of what share it is once its neighbours are known."""
        power = np.exp(groups * np.float32(np.log(10) / 10))
        power *= _GROUP_WIDTHS
        self._energy.append(power.sum(axis=1))
        if not len(self._context):
            self._context = np.repeat(groups[:1], _HALF_TIME, axis=0)
        around = np.concatenate([self._context, groups])
        waiting = np.concatenate([self._pending, power])
        n_ready = len(around) - 2 * _HALF_TIME
        if n_ready > 0:
            sums = around  # of 1, then 2, 4, 8, 16 frames
            for width in (1, 2, 4, 8):
                sums = sums[width:] + sums[:-width]
            excess = sums[:n_ready] + around[2 * _HALF_TIME :]
            excess *= np.float32(1 / (2 * _HALF_TIME + 1))
            excess -= around[_HALF_TIME : _HALF_TIME + n_ready] @ _ACROSS_GROUPS
            excess *= np.float32(np.log(10) / 5)
            tonal = np.exp(excess, out=excess)  # the two means as powers, their ratio squared
            tonal += 1
            ready = waiting[:n_ready]
            self._percussive.append(np.stack([np.sum(ready / tonal, axis=1), ready.sum(axis=1)], 1))
            around, waiting = around[n_ready:], waiting[n_ready:]
        self._context, self._pending = around.copy(), waiting.copy()


def _tempo_of(beat: Rhythm | None) -> Tempo | None:
    if beat is None or np.isnan(beat.tempo_bpm):
        return None
    return Tempo(
        bpm=beat.tempo_bpm,
        confidence=beat.tempo_confidence,
        alternatives=beat.tempo_alternatives,
        pulse_clarity=beat.pulse_clarity,
    )


def onset_frames(curve: NDArray[np.float32]) -> NDArray[np.intp]:
    """Pick onsets: highest within ± 35 ms, and 1 dB above the mean over a second.

    Parameters
    ----------
    curve : array, shape=(n_frames,)
        Onset curve, dB, at FRAME_RATE_HZ.

    Returns
    -------
    array of int, shape=(n_onsets,)
        Their frames, in order.
    """
    n = len(curve)
    ringed = np.full(n + 2 * _PEAK_FRAMES, -np.inf, np.float32)
    ringed[_PEAK_FRAMES : n + _PEAK_FRAMES] = curve
    picked = curve >= moving_mean(curve[np.newaxis])[0] + _PEAK_DB
    for shift in range(1, _PEAK_FRAMES + 1):  # of equal ones the first
        picked &= curve > ringed[_PEAK_FRAMES - shift : n + _PEAK_FRAMES - shift]
        picked &= curve >= ringed[_PEAK_FRAMES + shift : n + _PEAK_FRAMES + shift]
    return np.flatnonzero(picked)


def fluctuation_exponent(series: NDArray[np.floating]) -> float:
    """Mean exponent α of detrended fluctuation analysis, F(τ) ∝ τ^α, τ from 0.31 to 8.8 s.

    The series less its mean is summed up; F(τ) is the RMS of what a straight line leaves of
    it in blocks of τ. 0.5 for white noise, 1 for 1/f noise, 1.5 for Brownian motion.

    Parameters
    ----------
    series : array, shape=(n_frames,)
        At FRAME_RATE_HZ.

    Returns
    -------
    float
        NaN where the series is constant or shorter than 4 blocks of twice the shortest τ.

    References
    ----------
    .. [1] S. Streich, P. Herrera (2005), Detrended fluctuation analysis of music signals, AES 118.
    .. [2] C.-K. Peng et al. (1994), Mosaic organization of DNA nucleotides, Phys. Rev. E 49.
    """
    longest_s = min(_DFA_LONGEST_S, len(series) / FRAME_RATE_HZ / 3)
    if longest_s < 2 * _DFA_SHORTEST_S or np.all(series == series[0]):
        return np.nan
    walk = np.cumsum(series - series.mean(dtype=np.float64), dtype=np.float64)
    n_scales = 1 + int(np.log(longest_s / _DFA_SHORTEST_S) / np.log(_DFA_STEP))
    sizes = np.geomspace(_DFA_SHORTEST_S, longest_s, n_scales) * FRAME_RATE_HZ
    sizes = np.unique(sizes.astype(int))
    # A line's fit needs the sums of x, x² and t x in each block: differences of running sums.
    running = np.zeros((3, len(walk) + 1))
    np.cumsum(walk, out=running[0, 1:])
    np.cumsum(walk * walk, out=running[1, 1:])
    np.cumsum(np.arange(len(walk)) * walk, out=running[2, 1:])
    log_f = np.empty(len(sizes))
    for i, size in enumerate(sizes):
        edges = running[:, ::size]
        x, xx, tx = edges[:, 1:] - edges[:, :-1]
        centre = size * np.arange(len(x)) + (size - 1) / 2
        slope = tx - centre * x
        left = xx.sum() - x @ x / size - slope @ slope * (12 / (size * (size**2 - 1)))
        log_f[i] = 0.5 * np.log(max(left, 1e-300) / (len(x) * size))
    # τ + 3 as in [1]: it evens out the short scales.
    exponent = np.mean(np.diff(log_f) / np.diff(np.log(sizes + 3.0)))
    return float(exponent)


def _beat_strength(curve: NDArray[np.float32], bpm: float) -> float:
    """Contrast of the onset curve on and off the beat; the phase is found every 12 s."""
    if np.isnan(bpm):
        return np.nan
    n_pieces = max(1, round(len(curve) / (12 * FRAME_RATE_HZ)))
    beats = np.arange(len(curve)) * (bpm / 60 / FRAME_RATE_HZ)
    phase = (beats * _N_PHASES).astype(int) % _N_PHASES
    phase += np.arange(len(curve)) * n_pieces // len(curve) * _N_PHASES
    sums = np.bincount(phase, curve, n_pieces * _N_PHASES)
    counts = np.bincount(phase, minlength=n_pieces * _N_PHASES)
    profiles = (sums / np.maximum(counts, 1)).reshape(n_pieces, _N_PHASES)
    on = np.max(profiles + np.roll(profiles, 1, axis=1), axis=1) / 2
    off = (profiles.sum(axis=1) - 2 * on) / (_N_PHASES - 2)
    return float(np.sum(on - off) / max(np.sum(on + off), 1e-12))


def _joined(parts: list[Matrix]) -> Matrix:
    """Join what was kept, for good, so that the next call finds one part."""
    if len(parts) > 1:
        parts[:] = [np.concatenate(parts)]
    return parts[0]


def _means(edges: tuple[int, ...], n: int) -> Matrix:
    """Matrix, shape=(n, n_bands), that takes the mean of each band."""
    matrix = np.zeros((n, len(edges) - 1), np.float32)
    for band, (low, high) in enumerate(pairwise(edges)):
        matrix[low:high, band] = 1 / (high - low)
    return matrix


def _group_widths() -> NDArray[np.float32]:
    """Width of each group relative to the lowest: the mel bands are normalised by theirs."""
    step = (15 + 27 * np.log(22.05) / np.log(6.4)) / (N_MELS + 1)
    mel = np.arange(0, N_MELS + 1, N_MELS // _N_GROUPS) * step
    hz = np.where(mel < 15, mel * 200 / 3, 1000 * 6.4 ** ((mel - 15) / 27))
    return np.asarray((np.diff(hz) / (hz[1] - hz[0])).astype(np.float32))


def _across_groups() -> Matrix:
    near = np.abs(np.subtract.outer(np.arange(_N_GROUPS), np.arange(_N_GROUPS))) <= _HALF_GROUPS
    return np.asarray((near / near.sum(axis=0)).astype(np.float32))


_BAND_MEANS = _means(_BAND_EDGES, N_MELS)
_BAND_SHARES = (np.diff(_BAND_EDGES) / N_MELS).astype(np.float32)
_GROUP_MEANS = _means(tuple(range(0, N_MELS + 1, N_MELS // _N_GROUPS)), N_MELS)
_GROUP_WIDTHS = _group_widths()
_ACROSS_GROUPS = _across_groups()
