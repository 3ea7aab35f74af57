"""Other analysers, run in an environment of their own: paths in, JSON out.

    PEERS_PYTHON benchmarks/peers.py NAME < paths.json > answers.json

This file is both sides: `ask` is called by benchmarks, and starts itself again with the Python
of the peers, where nothing of affetto is installed.
"""

import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")
os.environ.setdefault("RAYON_NUM_THREADS", "1")

ROOT = Path(__file__).parents[1]
PACKAGES = ("librosa==0.11.0", "essentia==2.1b6.dev1389", "sonara==0.3.6", "soundfile")

Answer = dict[str, Any]


# --- this side ---


def peers_python() -> Path | None:
    """Give the Python that has the peers, or None, having said why.

    It is $AFFETTO_PEERS (a Python, or a folder of a virtual environment) where that is set, else
    an environment in the cache folder, which is made when first asked for.
    """
    if given := os.environ.get("AFFETTO_PEERS"):
        path = Path(given)
        python = path / "bin" / "python" if path.is_dir() else path
        if python.exists():
            return python
        print(f"peers: no Python at AFFETTO_PEERS={given}; their rows are left out")
        return None
    base = os.environ.get("AFFETTO_CACHE") or os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    folder = Path(base).expanduser() / "affetto" / "bench" / "peers"
    python = folder / "bin" / "python"
    done = folder / "installed.txt"
    if done.exists() and done.read_text(encoding="utf-8") == "\n".join(PACKAGES):
        return python
    uv = ROOT / ".venv-uv" / "bin" / "uv"
    if not uv.exists():
        print(f"peers: no {uv} to install them with; run scripts/test once, or set AFFETTO_PEERS")
        return None
    print("peers: installing librosa, essentia and sonara …", flush=True)
    make = [str(uv), "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)]
    install = [str(uv), "pip", "install", "--quiet", "--python", str(python)]
    try:
        subprocess.run(make, check=True)
        for package in PACKAGES:  # one by one: a platform without one of them has the others
            if subprocess.run([*install, package], check=False).returncode:
                print(f"peers: {package} cannot be installed here; its rows are left out")
    except (OSError, subprocess.CalledProcessError) as exc:
        print(f"peers: no environment for them ({exc}); their rows are left out")
        return None
    done.write_text("\n".join(PACKAGES), encoding="utf-8")
    return python


def ask(name: str, paths: Sequence[str | Path], python: Path) -> list[Answer] | None:
    """Let a peer analyse files, one after another in one process on one thread.

    Parameters
    ----------
    name : str
        One of PEERS.
    paths : sequence of path
        Audio files.
    python : Path
        See `peers_python`.

    Returns
    -------
    list of dict, or None
        A file each: `cpu_s`, and what the peer measures: `tempo_bpm`; or `error`. None where
        the peer is not installed.
    """
    run = subprocess.run(
        [str(python), str(Path(__file__).resolve()), name],
        input=json.dumps([str(path) for path in paths]),
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode:
        reason = (run.stderr.strip().splitlines() or ["no reason given"])[-1]
        print(f"peers: {name} did not run: {reason}")
        return None
    answers: list[Answer] = json.loads(run.stdout.splitlines()[-1])
    return answers


def versions(python: Path) -> dict[str, str]:
    """Give the peers that are installed, with their versions."""
    command = [str(python), str(Path(__file__).resolve()), "versions"]
    run = subprocess.run(command, capture_output=True, text=True, check=False, input="[]")
    return dict(json.loads(run.stdout)) if run.returncode == 0 else {}


# --- their side ---


def _librosa_tempo() -> Callable[[str], Answer]:
    import librosa

    def analyse(path: str) -> Answer:
        samples, rate = librosa.load(path)  # mono 22,050 Hz, as its documentation has it
        return {"tempo_bpm": float(librosa.feature.tempo(y=samples, sr=rate)[0])}

    return analyse


def _librosa_beat_track() -> Callable[[str], Answer]:
    import librosa
    import numpy as np

    def analyse(path: str) -> Answer:
        samples, rate = librosa.load(path)
        tempo, _ = librosa.beat.beat_track(y=samples, sr=rate)
        return {"tempo_bpm": float(np.atleast_1d(tempo)[0])}

    return analyse


def _essentia_multifeature() -> Callable[[str], Answer]:
    import essentia.standard as es

    def analyse(path: str) -> Answer:
        samples = es.MonoLoader(filename=path, sampleRate=44_100)()
        bpm, _, confidence, _, _ = es.RhythmExtractor2013(method="multifeature")(samples)
        return {"tempo_bpm": float(bpm), "tempo_confidence": float(confidence)}

    return analyse


def _essentia_percival() -> Callable[[str], Answer]:
    import essentia.standard as es

    def analyse(path: str) -> Answer:
        samples = es.MonoLoader(filename=path, sampleRate=44_100)()
        return {"tempo_bpm": float(es.PercivalBpmEstimator(sampleRate=44_100)(samples))}

    return analyse


def _sonara() -> Callable[[str], Answer]:
    import sonara

    def analyse(path: str) -> Answer:
        found = sonara.analyze_file(path, mode="playlist")
        numbers = {k: float(v) for k, v in found.items() if isinstance(v, int | float)}
        return {**numbers, "tempo_bpm": float(found["bpm"])}

    return analyse


def _librosa_descriptors() -> Callable[[str], Answer]:
    import librosa
    import numpy as np

    def analyse(path: str) -> Answer:
        samples, rate = librosa.load(path)
        power = np.abs(librosa.stft(samples)) ** 2
        mel = librosa.feature.melspectrogram(S=power, sr=rate)
        levels = librosa.power_to_db(mel)
        onsets = librosa.onset.onset_strength(S=levels, sr=rate)
        magnitude = np.sqrt(power)
        for found in (
            librosa.feature.mfcc(S=levels, n_mfcc=20),
            librosa.feature.spectral_centroid(S=magnitude, sr=rate),
            librosa.feature.spectral_bandwidth(S=magnitude, sr=rate),
            librosa.feature.spectral_rolloff(S=magnitude, sr=rate),
            librosa.feature.spectral_flatness(S=magnitude),
            librosa.feature.spectral_contrast(S=magnitude, sr=rate),
            librosa.feature.chroma_stft(S=power, sr=rate),
            librosa.feature.rms(S=magnitude),
            librosa.feature.zero_crossing_rate(samples),
        ):
            found.mean(axis=1)
        return {"tempo_bpm": float(librosa.feature.tempo(onset_envelope=onsets, sr=rate)[0])}

    return analyse


def _essentia_extractor() -> Callable[[str], Answer]:
    import essentia
    import essentia.standard as es

    essentia.log.infoActive = essentia.log.warningActive = False

    def analyse(path: str) -> Answer:
        found, _ = es.MusicExtractor(lowlevelStats=["mean", "stdev"])(path)
        return {"tempo_bpm": float(found["rhythm.bpm"])}

    return analyse


TEMPO_PEERS = (
    *("librosa tempo", "librosa beat_track"),
    *("essentia multifeature", "essentia Percival", "sonara"),
)
DEPTH_PEERS = ("sonara", "librosa descriptors", "essentia MusicExtractor")
"""Those that measure about as much of a file as affetto."""

PEERS: dict[str, Callable[[], Callable[[str], Answer]]] = {
    "librosa tempo": _librosa_tempo,
    "librosa beat_track": _librosa_beat_track,
    "essentia multifeature": _essentia_multifeature,
    "essentia Percival": _essentia_percival,
    "sonara": _sonara,
    "librosa descriptors": _librosa_descriptors,
    "essentia MusicExtractor": _essentia_extractor,
}


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        name = package.partition("==")[0]
        try:
            found[name] = version(name)
        except ImportError:
            continue
    return found


def main() -> None:
    name, paths = sys.argv[1], json.load(sys.stdin)
    if name == "versions":
        print(json.dumps(_versions()))
        return
    answers = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        analyse = PEERS[name]()
        for path in paths:
            start = time.process_time()
            try:
                answer = analyse(path)
            except Exception as exc:  # noqa: BLE001 - whatever it is, it is the peer's answer
                answer = {"error": repr(exc)}
            answers.append({**answer, "cpu_s": time.process_time() - start})
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
