"""Tempo on music of known, constant tempo (renders.py), beside librosa, essentia and sonara.

Right is within 4%; "or octave" allows twice, half, three times and a third as well (Gouyon et
al. 2006, accuracy 1 and 2).
"""

import os

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import peers
import soundfile
from renders import RATE_HZ, Render, renders

from affetto.audio.rhythm import Rhythm, RhythmMeter
from affetto.audio.spectrum import MelSpectrum, to_db

Numbers = npt.NDArray[np.float64]

TOLERANCE = 0.04
FACTORS = (1, 2, 1 / 2, 3, 1 / 3)


@dataclass(frozen=True, slots=True)
class Score:
    """How often one analyser was right, as shares."""

    name: str
    n: int
    right: float
    right_or_octave: float
    patterns: float
    midi: float


def is_right(
    found: Numbers, true: Numbers, factors: Sequence[float] = (1,)
) -> npt.NDArray[np.bool_]:
    """Whether each tempo is within 4% of the true one times one of the factors; NaN is wrong."""
    ratio = found[:, np.newaxis] / (true[:, np.newaxis] * np.array(factors))
    return np.asarray(np.any(np.abs(ratio - 1) <= TOLERANCE, axis=1))


def rhythm_of(path: str | Path) -> Rhythm:
    """Analyse a render, mono at 44,100 Hz."""
    samples, rate = soundfile.read(path, dtype="float32")
    assert rate == RATE_HZ
    spectrum, meter = MelSpectrum(), RhythmMeter()
    meter.add(to_db(np.concatenate([spectrum.add(samples), spectrum.finish()])))
    return meter.result()


def score(name: str, found: Numbers, tracks: Sequence[Render]) -> Score:
    true = np.array([track.tempo_bpm for track in tracks])
    midi = np.array([track.kind == "midi" for track in tracks])
    right = is_right(found, true)
    octave = is_right(found, true, FACTORS)
    return Score(
        name=name,
        n=len(tracks),
        right=float(right.mean()),
        right_or_octave=float(octave.mean()),
        patterns=float(right[~midi].mean()),
        midi=float(right[midi].mean()) if midi.any() else np.nan,
    )


def tempo_scores(folder: Path | None = None) -> tuple[list[Score], list[tuple[str, int, float]]]:
    """Score affetto and the peers that are installed.

    Returns
    -------
    list of Score
        A row each, affetto first.
    list of (str, int, float)
        Calibration of `tempo_confidence`: range, how many, share right.
    """
    tracks = renders(folder)
    paths = [track.path for track in tracks]
    true = np.array([track.tempo_bpm for track in tracks])
    ours = [rhythm_of(path) for path in paths]
    found = np.array([rhythm.tempo_bpm for rhythm in ours])
    rows = [score("affetto", found, tracks)]
    confidence = np.array([rhythm.tempo_confidence for rhythm in ours])
    calibration = []
    for low, high in ((0, 0.5), (0.5, 0.7), (0.7, 0.9), (0.9, 1.01)):
        among = (confidence >= low) & (confidence < high)
        if among.any():
            share = float(is_right(found[among], true[among]).mean())
            calibration.append((f"{low:.1f}–{min(high, 1.0):.1f}", int(among.sum()), share))
    if python := peers.peers_python():
        for name in peers.TEMPO_PEERS:
            answers = peers.ask(name, paths, python)
            if answers is not None:
                theirs = np.array([answer.get("tempo_bpm", np.nan) for answer in answers])
                rows.append(score(name, theirs, tracks))
    return rows, calibration


def main() -> None:
    rows, calibration = tempo_scores()
    print(f"{rows[0].n} renders of known tempo, share within 4%:\n")
    print("| | right | right or octave | patterns | MIDI |")
    print("|---|---:|---:|---:|---:|")
    for row in rows:
        shares = (row.right, row.right_or_octave, row.patterns, row.midi)
        print(f"| {row.name} | " + " | ".join(f"{share:.2f}" for share in shares) + " |")
    print("\n| tempo_confidence of affetto | renders | right |\n|---|---:|---:|")
    for bounds, n, share in calibration:
        print(f"| {bounds} | {n} | {share:.2f} |")


if __name__ == "__main__":
    main()
