"""The mixing desk: room, echo, ducking, compression, and a master at a stated loudness.

Signals are (2, n_samples) float32, left and right. Gains that move are computed for blocks of
64 samples and joined by straight lines, so that no gain steps.

References
----------
.. [1] J. A. Moorer (1979), About This Reverberation Business, Computer Music Journal 3(2), 13-28:
   a late room is decaying noise.
.. [2] D. Giannoulis, M. Massberg, J. D. Reiss (2012), Digital Dynamic Range Compressor Design,
   JAES 60(6), 399-408.
.. [3] ITU-R BS.1770-5 (2023), Algorithms to measure audio programme loudness.
"""

from functools import lru_cache

import numpy as np
import scipy.fft
import scipy.ndimage
import scipy.signal
from numpy.typing import NDArray

Signal = NDArray[np.float32]

_BLOCK = 64
_CEILING_DB = -1.2
_HARDEST_DB = 18.0  # what the limiter is let take off the highest peak
_LOOKAHEAD_BLOCKS = 4  # 6 ms
_RELEASE_DB_PER_S = 90.0
_ABSOLUTE_GATE = 10 ** ((-70 + 0.691) / 10)  # −70 LUFS as energy
_BATCH_HOPS = 16  # what stays in the cache
_FFT_SIZE = 1 << 17


@lru_cache(maxsize=16)
def _room(rt60_s: float, sample_rate_hz: int) -> tuple[NDArray[np.complex64], int]:
    """Give a room's transfer function, and how much signal a transform can take besides.

    Its response is noise whose treble dies first [1]_.
    """
    rng = np.random.default_rng([round(1000 * rt60_s), 60])
    n = round(1.1 * rt60_s * sample_rate_hz)
    seconds = np.arange(n) / sample_rate_hz
    noise = rng.standard_normal((2, n))
    response = np.zeros((2, n))
    top = 0.45 * sample_rate_hz
    # Band by band: edges, share of the time that the middle takes to die, level.
    for low, high, share, level in (
        (150.0, 500.0, 1.0, 0.8),
        (500.0, 2000.0, 1.0, 1.0),
        (2000.0, 5000.0, 0.62, 0.8),
        (5000.0, 11_000.0, 0.32, 0.6),
    ):
        if low < 0.9 * top:
            sos = scipy.signal.butter(
                1, [low, min(high, top)], "bandpass", fs=sample_rate_hz, output="sos"
            )
            band = scipy.signal.sosfilt(sos, noise, axis=1)
            response += level * band * np.exp(-6.91 * seconds / (share * rt60_s))
    response *= np.minimum(1.0, seconds / 0.012)  # the first walls answer after the source
    response[:, -64:] *= np.linspace(1, 0, 64)
    response /= np.sqrt((response**2).sum(axis=1).mean())
    size = max(_FFT_SIZE, 1 << int(np.ceil(np.log2(2 * n))))
    transfer: NDArray[np.complex64] = scipy.fft.rfft(response.astype(np.float32), size, axis=1)
    return transfer, size - n + 1


def reverb(send: Signal, rt60_s: float, sample_rate_hz: int) -> Signal:
    """Give the room's answer to a mono send: convolution with decaying noise.

    Parameters
    ----------
    send : float32 array, shape=(n_samples,)
        What is sent to the room.
    rt60_s : float
        Time until the middle of the spectrum is 60 dB down.
    sample_rate_hz : int
        Sample rate.

    Returns
    -------
    float32 array, shape=(2, n_samples)
        As strong as the send, for noise; two decorrelated sides.
    """
    response, hop = _room(rt60_s, sample_rate_hz)
    size = 2 * (response.shape[1] - 1)
    wet = np.zeros((2, len(send) + size), np.float32)
    for start in range(0, len(send), hop):
        spectrum = scipy.fft.rfft(send[start : start + hop], size)
        wet[:, start : start + size] += scipy.fft.irfft(spectrum * response, size, axis=1)
    return wet[:, : len(send)]


def echo(send: Signal, delay_s: float, sample_rate_hz: int, feedback: float = 0.45) -> Signal:
    """Give echoes that go from side to side, each one duller than the last.

    Parameters
    ----------
    send : float32 array, shape=(n_samples,)
        What is sent.
    delay_s : float
        Time between echoes.
    sample_rate_hz : int
        Sample rate.
    feedback : float
        Level of each echo beside the one before.

    Returns
    -------
    float32 array, shape=(2, n_samples)
        The echoes alone: the first right, the next left.
    """
    wet = np.zeros((2, len(send)), np.float32)
    step = max(1, round(delay_s * sample_rate_hz))
    b, a = scipy.signal.butter(1, [250, 3200], "bandpass", fs=sample_rate_hz)
    b, a = b.astype(np.float32), a.astype(np.float32)
    sound = send
    for number in range(1, 4):
        if number * step >= len(send):
            break
        sound = np.asarray(scipy.signal.lfilter(b, a, sound), np.float32) * np.float32(feedback)
        wet[number % 2, number * step :] += sound[: len(send) - number * step]
    return wet


def ducking(
    times_s: NDArray[np.float64], n_samples: int, sample_rate_hz: int, hold_s: float
) -> Signal:
    """Give how far a side chain presses the others down: 1 at each kick, 0 between.

    Parameters
    ----------
    times_s : array
        When the kick sounds.
    n_samples, sample_rate_hz : int
        Length and rate.
    hold_s : float
        Time from 1 back to 0, along half a cosine.

    Returns
    -------
    float32 array, shape=(n_samples,)
        0–1.
    """
    n_attack = max(1, round(0.004 * sample_rate_hz))
    n_back = max(1, round(hold_s * sample_rate_hz))
    back = 0.5 + 0.5 * np.cos(np.pi * np.arange(n_back) / n_back)
    dip = np.concatenate([np.linspace(0, 1, n_attack, endpoint=False), back]).astype(np.float32)
    amount = np.zeros(n_samples, np.float32)
    for time_s in times_s:
        start = round(time_s * sample_rate_hz) - n_attack
        here = amount[max(0, start) : start + len(dip)]
        first = max(0, -start)
        np.maximum(here, dip[first : first + len(here)], out=here)
    return amount


def compress(mix: Signal, threshold_db: float, ratio: float, sample_rate_hz: int) -> Signal:
    """Press what is louder than a threshold, both sides alike [2]_.

    The level is the RMS over about 25 ms. Above the threshold, `ratio` dB more in give 1 dB more
    out.
    """
    power = _block_power(mix)
    width = max(1, round(0.025 * sample_rate_hz / _BLOCK))
    level_db = 10 * np.log10(scipy.ndimage.uniform_filter1d(power, width) + 1e-12)
    over_db = np.maximum(level_db - threshold_db, 0)
    reduction_db = _released(over_db * (1 - 1 / ratio), 40.0, sample_rate_hz)
    return _apply(mix, 10 ** (-scipy.ndimage.uniform_filter1d(reduction_db, 9) / 20))


def loudness_lufs(mix: Signal, sample_rate_hz: int) -> float:
    """Give the gated loudness of BS.1770 [3]_, from the spectra of hops.

    Each hop of 100 ms is weighted as if it were periodic; four in a row are a block. Quick, and
    within 0.1 LU of the standard's filter on music; −inf for silence.

    Parameters
    ----------
    mix : float32 array, shape=(n_channels, n_samples)
        Full scale ±1.
    sample_rate_hz : int
        Sample rate.
    """
    n_hop = round(sample_rate_hz / 10)
    n_hops = mix.shape[1] // n_hop
    weights = np.repeat(_k_power(n_hop, sample_rate_hz) * 2 / n_hop**2, 2).astype(np.float32)
    energies = np.zeros(n_hops)
    for side in mix:
        hops = side[: n_hops * n_hop].reshape(n_hops, n_hop)
        for start in range(0, n_hops, _BATCH_HOPS):
            if not hops[start : start + _BATCH_HOPS].any():
                continue  # parts are silent for whole sections
            spectra = scipy.fft.rfft(hops[start : start + _BATCH_HOPS], axis=1).view(np.float32)
            np.square(spectra, out=spectra)
            energies[start : start + _BATCH_HOPS] += spectra @ weights
    return _gated_lufs(energies)


def meet_loudness(mix: Signal, target_lufs: float, sample_rate_hz: int) -> Signal:
    """Bring a mix to a loudness, its peaks held below −1 dBFS by a limiter that looks ahead.

    The limiter's gain is slow beside the K-weighting's memory, so the weighted energy of what it
    gives is that of what it gets times its gain squared; the make-up gain that meets the target
    is then found on blocks alone.

    Parameters
    ----------
    mix : float32 array, shape=(2, n_samples)
        Any level.
    target_lufs : float
        Gated loudness to meet; missed where it would take more than 18 dB of limiting.
    sample_rate_hz : int
        Sample rate.

    Returns
    -------
    float32 array, shape=(2, n_samples)
        Its largest sample is below 10^(−1/20).
    """
    weighted: Signal = scipy.signal.sosfilt(k_weighting(sample_rate_hz), mix, axis=1)
    energies = 2 * _block_power(weighted)
    peaks = _blocks(np.abs(mix).max(axis=0)).max(axis=1)
    per_hop = max(1, round(0.1 * sample_rate_hz / _BLOCK))

    def limited(make_up_db: float) -> tuple[NDArray[np.float64], float]:
        gains = _limiter(peaks, make_up_db, sample_rate_hz)
        out = energies * gains**2
        hops = out[: len(out) // per_hop * per_hop].reshape(-1, per_hop).mean(axis=1)
        return gains, _gated_lufs(hops)

    high = _HARDEST_DB + _CEILING_DB - 20 * float(np.log10(peaks.max() + 1e-12))
    low = high - 120
    for _ in range(20):  # to a ten-thousandth of a decibel
        middle = (low + high) / 2
        low, high = (middle, high) if limited(middle)[1] < target_lufs else (low, middle)
    return _apply(mix, limited(high)[0])


def k_weighting(sample_rate_hz: int) -> NDArray[np.float64]:
    """Give the K-weighting of BS.1770 [3]_ as two second-order sections, shape=(2, 6).

    Bilinear transforms, K = tan(π f₀ / fₛ), of a shelf (+4 dB above 1.7 kHz) and a high-pass
    (38 Hz); the high-pass keeps the standard's unscaled numerator 1 − 2 z⁻¹ + z⁻².
    """
    sections = []
    for centre_hz, q, high, middle in (
        (1681.9745, 0.70718, 10 ** (3.99984 / 20), 10 ** (0.499667 * 3.99984 / 20)),
        (38.13547, 0.50033, 0.0, 0.0),
    ):
        k = np.tan(np.pi * centre_hz / sample_rate_hz)
        a = np.array([1 + k / q + k * k, 2 * (k * k - 1), 1 - k / q + k * k])
        shelf = [high + middle * k / q + k * k, 2 * (k * k - high), high - middle * k / q + k * k]
        b = np.array(shelf) / a[0] if high else [1, -2, 1]
        sections.append([*b, *(a / a[0])])
    return np.array(sections)


@lru_cache(maxsize=8)
def _k_power(n_hop: int, sample_rate_hz: int) -> NDArray[np.float64]:
    hz = np.arange(n_hop // 2 + 1) * sample_rate_hz / n_hop
    _, response = scipy.signal.sosfreqz(k_weighting(sample_rate_hz), hz, fs=sample_rate_hz)
    return np.asarray(np.abs(response) ** 2)


def _gated_lufs(hop_energies: NDArray[np.float64]) -> float:
    if len(hop_energies) < 4:
        return -np.inf
    blocks = np.convolve(hop_energies, np.full(4, 0.25), "valid")
    heard = blocks[blocks > _ABSOLUTE_GATE]
    if not len(heard):
        return -np.inf
    heard = heard[heard > heard.mean() / 10]
    return float(-0.691 + 10 * np.log10(heard.mean()))


def _limiter(
    peaks: NDArray[np.float32], make_up_db: float, sample_rate_hz: int
) -> NDArray[np.float64]:
    """Give the gain of each block, make-up and limiting together.

    The reduction that a block needs is held for one block more on both sides than it is then
    averaged over, so that the straight lines between gains never pass above the need.
    """
    need_db = 20 * np.log10(peaks.astype(np.float64) + 1e-12) + make_up_db - _CEILING_DB
    reduction_db = _released(np.maximum(need_db, 0), _RELEASE_DB_PER_S, sample_rate_hz)
    held_db = scipy.ndimage.maximum_filter1d(reduction_db, 2 * _LOOKAHEAD_BLOCKS + 3)
    smooth_db = scipy.ndimage.uniform_filter1d(held_db, 2 * _LOOKAHEAD_BLOCKS + 1)
    return np.asarray(10 ** ((make_up_db - smooth_db) / 20))


def _released(
    reduction_db: NDArray[np.float64], db_per_s: float, sample_rate_hz: int
) -> NDArray[np.float64]:
    """Let a reduction rise at once and fall at a steady rate."""
    fallen = np.arange(len(reduction_db)) * (db_per_s * _BLOCK / sample_rate_hz)
    return np.asarray(np.maximum.accumulate(reduction_db + fallen) - fallen)


def _blocks(signal: Signal) -> Signal:
    """Give rows of a block each, the last filled up with zeros."""
    n_blocks = -(-len(signal) // _BLOCK)
    if len(signal) < n_blocks * _BLOCK:
        signal = np.append(signal, np.zeros(n_blocks * _BLOCK - len(signal), signal.dtype))
    return signal.reshape(n_blocks, _BLOCK)


def _block_power(mix: Signal) -> NDArray[np.float64]:
    """Mean square of each block over both sides."""
    squares = np.zeros(-(-mix.shape[1] // _BLOCK))
    for side in mix:
        rows = _blocks(side)
        squares += np.vecdot(rows, rows)
    return squares / (len(mix) * _BLOCK)


def _apply(mix: Signal, gains: NDArray[np.float64]) -> Signal:
    """Multiply by gains that stand at the blocks' middles, straight lines between."""
    n = mix.shape[1]
    edges = np.append(gains[0], (gains[1:] + gains[:-1]) / 2)
    edges = np.append(edges, gains[-1]).astype(np.float32)
    middle = gains.astype(np.float32)
    ramp = ((np.arange(_BLOCK // 2) + 0.5) / (_BLOCK // 2)).astype(np.float32)
    curve = np.empty((len(gains), 2, _BLOCK // 2), np.float32)
    curve[:, 0] = edges[:-1, None] + (middle - edges[:-1])[:, None] * ramp
    curve[:, 1] = middle[:, None] + (edges[1:] - middle)[:, None] * ramp
    return mix * curve.reshape(-1)[:n]
