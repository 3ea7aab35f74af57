"""Clips of 30 s made on the way: cut from music, coded, spoken, mixed."""

import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy.signal
import soundfile
import soxr
from numpy.typing import NDArray

from affetto.audio.decode import open_audio
from affetto.errors import AudioError, UsageError

Samples = NDArray[np.float32]

RATE_HZ = 44_100
CLIP_S = 30.0
CODINGS: dict[str, dict[str, Any]] = {
    "128.mp3": {"format": "MP3", "bitrate_mode": "CONSTANT", "compression_level": 0.6},
    "320.mp3": {"format": "MP3", "bitrate_mode": "CONSTANT", "compression_level": 0.0},
    "ogg": {"format": "OGG", "subtype": "VORBIS", "compression_level": 0.5},
}
"""How soundfile codes; its levels are shares of the way from best to smallest."""

_AUDIO_SUFFIXES = {".mp3", ".ogg", ".flac", ".wav", ".opus", ".m4a"}

# Written for this purpose; read by synthetic voices they are speech enough.
_TEXTS = {
    "en": "The train to the coast leaves at ten past seven. If you bring the bread, I will bring "
    "the tea, and somebody should remember the map. Last year we forgot it, walked in a circle "
    "for three hours, and laughed about it all winter. Nobody minded, because the sea was warm.",
    "de": "Der Zug an die Küste fährt um zehn nach sieben. Wenn du das Brot mitbringst, bringe ich "
    "den Tee mit, und jemand sollte an die Karte denken. Letztes Jahr haben wir sie vergessen und "
    "sind drei Stunden im Kreis gelaufen. Darüber haben wir den ganzen Winter gelacht.",
    "fr": "Le train pour la côte part à sept heures dix. Si tu apportes le pain, j'apporterai le "
    "thé, et quelqu'un devrait penser à la carte. L'année dernière nous l'avons oubliée et nous "
    "avons tourné en rond pendant trois heures. Nous en avons ri tout l'hiver.",
    "es": "El tren a la costa sale a las siete y diez. Si tú traes el pan, yo traigo el té, y "
    "alguien debería acordarse del mapa. El año pasado lo olvidamos y dimos vueltas durante tres "
    "horas. Nos reímos de eso todo el invierno, porque el mar estaba templado.",
    "it": "Il treno per la costa parte alle sette e dieci. Se tu porti il pane, io porto il tè, e "
    "qualcuno dovrebbe ricordarsi della mappa. L'anno scorso l'abbiamo dimenticata e abbiamo "
    "camminato in tondo per tre ore. Ne abbiamo riso tutto l'inverno.",
}
_VARIANTS = ("", "+f1", "+f2", "+f3", "+f4", "+m1", "+m2", "+m3", "+m4", "+m5", "+m7", "+croak")


def music_files(folders: Sequence[Path]) -> list[Path]:
    """Give the audio files of folders, sorted."""
    return sorted(
        path
        for folder in folders
        for path in folder.rglob("*")
        if path.suffix.lower() in _AUDIO_SUFFIXES
    )


def cut(path: Path, at: float = 0.5, seconds: float = CLIP_S) -> Samples | None:
    """Cut a clip from around a place in a file; None where it is too short or cannot be read.

    Returns
    -------
    ndarray of float32, shape=(n_samples, n_channels), or None
        At 44,100 Hz.
    """
    try:
        with open_audio(path) as audio:
            rate, held = audio.info.sample_rate_hz, list(audio.blocks())
    except AudioError:
        return None
    samples = np.concatenate(held)
    if rate != RATE_HZ:
        samples = soxr.resample(samples, rate, RATE_HZ)
    n = round(seconds * RATE_HZ)
    start = round(at * (len(samples) - n))
    return samples[start : start + n].astype(np.float32) if start >= 0 else None


def write_coded(samples: Samples, stem: Path) -> dict[str, Path]:
    """Write a clip as wav and in each of `CODINGS`; by coding the file."""
    paths = {"wav": stem.with_suffix(".wav")}
    soundfile.write(paths["wav"], samples, RATE_HZ, subtype="PCM_16")
    for name, settings in CODINGS.items():
        paths[name] = stem.with_name(f"{stem.name}.{name}")
        soundfile.write(paths[name], np.clip(samples, -1, 1), RATE_HZ, **settings)
    return paths


def speak(folder: Path, n_clips: int, seed: int = 0) -> Iterator[Samples]:
    """Speak clips with espeak-ng: voices, languages, speeds, rooms, lines and noise at random.

    Yields
    ------
    ndarray of float32, shape=(n_samples,)
        Mono, 44,100 Hz, 10 s, peak ½.

    Raises
    ------
    UsageError
        If espeak-ng is not installed.
    """
    rng = np.random.default_rng(seed)
    n = 10 * RATE_HZ
    for _ in range(n_clips):
        language = str(rng.choice(list(_TEXTS)))
        words = _TEXTS[language].split()
        turn = int(rng.integers(len(words)))
        voice = language + str(rng.choice(_VARIANTS))
        spoken = folder / "spoken.wav"
        _espeak(
            " ".join(words[turn:] + words[:turn]),
            spoken,
            voice,
            speed=int(rng.integers(120, 230)),
            pitch=int(rng.integers(20, 80)),
        )
        raw, rate = soundfile.read(spoken, dtype="float32")
        voiced = np.resize(soxr.resample(raw, rate, RATE_HZ), n)
        yield _in_a_place(voiced.astype(np.float64), rng)


def _espeak(text: str, out: Path, voice: str, *, speed: int, pitch: int) -> None:
    command = ["espeak-ng", "-v", voice, "-s", str(speed), "-p", str(pitch), "-w", str(out), text]
    try:
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603
    except FileNotFoundError as exc:
        raise UsageError(
            "espeak-ng is needed to make speech: install it (Debian: espeak-ng)"
        ) from exc


def _in_a_place(voice: NDArray[np.float64], rng: np.random.Generator) -> Samples:
    """Give a voice pauses, a room, a telephone, hum, noise: each or none, at random."""
    if rng.random() < 0.4:
        for start in rng.integers(0, len(voice), int(rng.integers(1, 4))):
            voice[start : start + int(rng.integers(RATE_HZ // 3, 2 * RATE_HZ))] *= 1e-3
    if rng.random() < 0.5:
        decay_s = rng.uniform(0.1, 0.8)
        tail = rng.standard_normal(round(decay_s * RATE_HZ))
        tail *= np.exp(-np.linspace(0, 6.9, len(tail)))
        wet = scipy.signal.fftconvolve(voice, tail)[: len(voice)]
        voice = voice + rng.uniform(0.1, 0.7) * wet * np.std(voice) / (np.std(wet) + 1e-9)
    if rng.random() < 0.5:  # as narrow as telephones and old recordings
        high_hz = rng.choice([3400.0, 3900.0, 7000.0, 7800.0])
        low_hz = rng.choice([50.0, 100.0, 300.0])
        band = scipy.signal.butter(6, [low_hz, high_hz], "bandpass", fs=RATE_HZ, output="sos")
        voice = scipy.signal.sosfilt(band, voice)
    if rng.random() < 0.6:
        noise = rng.standard_normal(len(voice))
        if rng.random() < 0.5:  # rumble in place of hiss
            noise = scipy.signal.lfilter([1], [1, -0.95], noise)
        level_db = rng.uniform(-50, -3)
        voice = voice + noise * np.std(voice) / np.std(noise) * 10 ** (level_db / 20)
    if rng.random() < 0.2:
        turns = float(rng.choice([50.0, 60.0])) * np.arange(len(voice)) / RATE_HZ
        hum = np.sin(2 * np.pi * turns) + 0.5 * np.sin(4 * np.pi * turns)
        voice = voice + hum * np.std(voice) * 10 ** (rng.uniform(-40, -10) / 20)
    return np.asarray(0.5 * voice / (np.abs(voice).max() + 1e-9), np.float32)


def applaud(n_clips: int, seed: int = 1) -> Iterator[Samples]:
    """Synthesise crowds: dense claps at random, babble, whistles, in a hall.

    Yields
    ------
    ndarray of float32, shape=(n_samples,)
        Mono, 44,100 Hz, 10 s, peak ½.
    """
    rng = np.random.default_rng(seed)
    n = 10 * RATE_HZ
    for _ in range(n_clips):
        claps = np.zeros(n)
        for start in rng.integers(0, n - RATE_HZ // 50, int(10 * rng.uniform(60, 400))):
            length = int(rng.uniform(0.004, 0.02) * RATE_HZ)
            decay = np.exp(-6 * np.arange(length) / length)
            claps[start : start + length] += (
                rng.lognormal(0, 0.6) * decay * rng.standard_normal(length)
            )
        claps = _band(claps, rng.uniform(500, 1200), rng.uniform(3000, 7000))
        babble = _band(rng.standard_normal(n), 250, 2500)
        crowd = claps / np.std(claps) + rng.uniform(0.2, 1) * babble / np.std(babble)
        swell = np.interp(np.arange(n), np.linspace(0, n, 12), rng.uniform(0.3, 1, 12))
        crowd *= swell
        for _ in range(int(rng.integers(0, 4))):
            start, length = int(rng.integers(0, n // 2)), int(rng.uniform(0.3, 1.0) * RATE_HZ)
            glide = np.linspace(rng.uniform(1500, 2500), rng.uniform(1500, 3500), length)
            whistle = np.sin(2 * np.pi * np.cumsum(glide) / RATE_HZ) * np.hanning(length)
            crowd[start : start + length] += rng.uniform(0.3, 1.5) * whistle
        yield np.asarray(0.5 * crowd / np.abs(crowd).max(), np.float32)


def _band(samples: NDArray[np.float64], low_hz: float, high_hz: float) -> NDArray[np.float64]:
    band = scipy.signal.butter(2, [low_hz, high_hz], "bandpass", fs=RATE_HZ, output="sos")
    return np.asarray(scipy.signal.sosfilt(band, samples))


def mix(voice: Samples, music: Samples, louder_db: float) -> Samples:
    """Lay a mono voice or crowd over music, so much louder than it by RMS; peak at most 0.9."""
    bed = music.mean(axis=1) if music.ndim == 2 else music
    n = min(len(voice), len(bed))
    voice, bed = voice[:n], bed[:n]
    gain = 10 ** (louder_db / 20) * (np.std(bed) + 1e-9) / (np.std(voice) + 1e-9)
    both = gain * voice + bed
    return np.asarray(both * (0.9 / max(0.9, float(np.abs(both).max()))), np.float32)
