"""Twenty short pieces, four for each mood, whose tempo, key and loudness are known.

A piece is a score with a key, a tempo and a seed. The score says who plays what; the seed draws
the tunes and the players' small inaccuracies.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from affetto.demo.arrange import Setting
from affetto.demo.mixing import mix
from affetto.demo.songs import BY_STYLE, SCORES
from affetto.errors import UsageError

_RATES_HZ = (8_000, 192_000)
_TEMPOS_BPM = (40.0, 250.0)
_BEATS = 4


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of the demo library; `render` makes its sound.

    With `dataclasses.replace` the same score is had in another key or tempo, or at another
    loudness.

    Attributes
    ----------
    title, artist : str
        Made up.
    mood : str
        The mood it was written for, one of `MOOD_NAMES`.
    style : str
        The score it is played from, such as ``house``.
    tempo_bpm : float
        Quarter notes a minute, constant.
    key : int
        Pitch class of the tonic, C = 0 to B = 11.
    loudness_lufs : float
        Integrated loudness that `render` meets within 0.5 LU.
    seed : int
        What the tunes and the players' inaccuracies are drawn from.
    """

    title: str
    artist: str
    mood: str
    style: str
    tempo_bpm: float
    key: int
    loudness_lufs: float
    seed: int

    @property
    def is_major(self) -> bool:
        """Whether the tonic chord is major."""
        return BY_STYLE[self.style].is_major

    @property
    def n_bars(self) -> int:
        """Bars of four quarters."""
        return BY_STYLE[self.style].n_bars

    @property
    def duration_s(self) -> float:
        """Length in seconds: bars · 4 · 60 / tempo, and what rings on after the last one."""
        return self.n_bars * _BEATS * 60 / self.tempo_bpm + BY_STYLE[self.style].tail_s


def demo_pieces(seed: int = 7) -> tuple[Piece, ...]:
    """Give twenty pieces: four for each of the five moods, each in a style of its own.

    Parameters
    ----------
    seed : int, default 7
        Chooses keys, tempos and tunes among those that suit each style; titles stay.

    Returns
    -------
    tuple of Piece, length 20
        In the order of `MOOD_NAMES`.

    Raises
    ------
    UsageError
        If the seed is negative.
    """
    if seed < 0:
        raise UsageError(f"seed {seed} is negative; expected 0 or more")
    pieces = []
    for number, score in enumerate(SCORES):
        rng = np.random.default_rng([seed, number])
        pieces.append(
            Piece(
                title=score.title,
                artist=score.artist,
                mood=score.mood,
                style=score.style,
                tempo_bpm=float(rng.choice(score.tempos_bpm)),
                key=int(rng.choice(score.keys)),
                loudness_lufs=score.loudness_lufs,
                seed=int(rng.integers(1 << 31)),
            )
        )
    return tuple(pieces)


def render(piece: Piece, sample_rate_hz: int = 44_100) -> NDArray[np.float32]:
    """Play a piece.

    Parameters
    ----------
    piece : Piece
        What to play.
    sample_rate_hz : int, default 44100
        8,000 to 192,000 Hz.

    Returns
    -------
    float32 array, shape=(n_samples, 2)
        Left and right, full scale ±1, no sample above −1 dBFS; n_samples is the rounded
        product of duration and rate. The same piece gives the same music on every platform,
        to rounding.

    Raises
    ------
    UsageError
        If there is no such style, or the rate, the tempo or the key is out of range.
    """
    if piece.style not in BY_STYLE:
        raise UsageError(f"there is no style {piece.style!r}; expected one of {sorted(BY_STYLE)}")
    if not _RATES_HZ[0] <= sample_rate_hz <= _RATES_HZ[1]:
        raise UsageError(f"sample_rate_hz is {sample_rate_hz}; expected 8000 to 192000 Hz")
    if not _TEMPOS_BPM[0] <= piece.tempo_bpm <= _TEMPOS_BPM[1]:
        raise UsageError(f"tempo_bpm is {piece.tempo_bpm}; expected 40 to 250")
    if piece.key not in range(12):
        raise UsageError(f"key is {piece.key}; expected a pitch class from 0 (C) to 11 (B)")
    setting = Setting(BY_STYLE[piece.style], piece.key, piece.tempo_bpm, piece.seed)
    n_samples = round(piece.duration_s * sample_rate_hz)
    return mix(setting, n_samples, piece.loudness_lufs, sample_rate_hz).T
