"""What the tests of collecting share: small sounds, sources that need no network."""

import wave

import numpy as np
import pytest

from affetto.errors import ServiceUnreachableError
from affetto.sources.cache import AnswerCache
from affetto.sources.contract import Told


class MadeTeller:
    """A source of features that knows what it is given, and counts what it is asked."""

    def __init__(self, name, knows, *, fails_after=None):
        self.name = name
        self.knows = knows  # id → features
        self.fails_after = fails_after
        self.asked = []

    def can_tell(self, listed):
        return listed.track.id is not None

    def features(self, tracks, progress=lambda done, total: None):
        for index, listed in enumerate(tracks):
            if self.fails_after is not None and index >= self.fails_after:
                raise ServiceUnreachableError(f"{self.name} is gone")
            self.asked.append(listed)
            progress(index + 1, len(tracks))
            yield index, Told(self.knows.get(listed.track.id, {}), isrc=f"DEABC26{index:05d}")


@pytest.fixture
def make_teller():
    return MadeTeller


@pytest.fixture
def cache(tmp_path):
    with AnswerCache(tmp_path / "answers.sqlite") as kept:
        yield kept


@pytest.fixture
def stage():
    """Begin a stage, and remember its name."""

    def begin(name):
        begin.names.append(name)
        return lambda done, total: begin.told.append((name, done, total))

    begin.names, begin.told = [], []
    return begin


@pytest.fixture
def make_wav():
    def make(path, seconds=3.0, pitch_hz=440.0, rate=22_050):
        path.parent.mkdir(parents=True, exist_ok=True)
        times = np.arange(int(seconds * rate)) / rate
        beats = 0.6 + 0.4 * np.sign(np.sin(2 * np.pi * 2 * times))  # something to follow
        samples = (8_000 * beats * np.sin(2 * np.pi * pitch_hz * times)).astype("<i2")
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(rate)
            file.writeframes(samples.tobytes())
        return path

    return make
