"""A small library in no time: real files that are heard by a stand-in, in this process."""

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from affetto.errors import AffettoError, AudioError
from affetto.features import FEATURE_NAMES
from affetto.library import hearing
from affetto.library import scan as scanning
from affetto.library.catalogue import Catalogue
from affetto.scoring.workers import Outcome

RATE_HZ = 8_000


def write_tone(
    path: Path, seed: int, *, title: str | None = None, artist: str | None = None
) -> Path:
    """Write a quarter of a second of noise, another for each seed, with tags that do not sound."""
    noise = np.random.default_rng(seed).uniform(-0.1, 0.1, RATE_HZ // 4)
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = path.suffix.removeprefix(".")
    with soundfile.SoundFile(path, "w", RATE_HZ, 1, format=kind) as file:
        if title is not None:
            file.title = title
        if artist is not None:
            file.artist = artist
        file.write(noise)
    return path


def features_of(path: str) -> dict[str, float]:
    """Features that depend on the samples alone."""
    samples, _ = soundfile.read(os.fsencode(path), dtype="int16")
    rng = np.random.default_rng(int(hashlib.sha256(samples.tobytes()).hexdigest()[:8], 16))
    shares = {name: round(float(rng.uniform()), 4) for name in FEATURE_NAMES}
    length = {"duration_ms": round(float(rng.uniform(1e5, 3e5)), 2)}
    return shares | length | {"tempo": round(float(rng.uniform(60, 180)), 2), "loudness": -9.5}


class Ears:
    """In place of the analysis: quick, counting, and failing where it is told to."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.before: Callable[[str], None] = lambda path: None

    def hear(self, path: str, *, excerpt: bool, timeline: bool, descriptors: bool) -> Any:
        self.before(path)
        name = Path(path).name
        self.heard.append(name)
        try:
            with soundfile.SoundFile(os.fsencode(path)) as file:
                title, artist = file.title or None, file.artist or None
        except soundfile.LibsndfileError as exc:
            raise AudioError(f"{path} is not audio") from exc
        features = features_of(path)
        moments = [{"start_s": 0.0, "stop_s": 15.0, **features}] if timeline else []
        words = {"title": title, "artist": artist, "album": None, "key": "A minor"}
        return {**words, "features": features, "error": None, "timeline": moments, "warning": None}


def in_this_process(function: Any, items: Any, *, keywords: Any, **_: Any) -> Iterator[Outcome]:
    for index, item in enumerate(items):
        try:
            yield Outcome(index, function(item, **keywords))
        except AffettoError as exc:
            yield Outcome(index, error=exc)


@pytest.fixture
def ears(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ears]:
    ears = Ears()
    monkeypatch.setattr(hearing, "hear", ears.hear)
    monkeypatch.setattr(scanning, "run_jobs", in_this_process)
    yield ears
    while hearing._connections:
        hearing._connections.popitem()[1].close()


@pytest.fixture
def tone() -> Callable[..., Path]:
    return write_tone


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """Three tracks, one of them in a folder of its own."""
    folder = tmp_path / "music"
    write_tone(folder / "1.wav", 1, title="Élan vital", artist="Zoë")
    write_tone(folder / "2.flac", 2, title="Back home", artist="Abe")
    write_tone(folder / "Album" / "3.wav", 3)
    return folder


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    with Catalogue.open(tmp_path / "library.db") as opened:
        yield opened


@pytest.fixture
def library(catalogue: Catalogue, music: Path, ears: Ears) -> Catalogue:
    """A catalogue that knows the music."""
    catalogue.add_folder(music)
    scanning.scan(catalogue)
    ears.heard.clear()
    return catalogue
