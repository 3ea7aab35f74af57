"""Bad input, file by file: a reason or a result, and never a crash, a hang or a flood of memory."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import soundfile

from affetto.audio.analysis import analyze
from affetto.errors import AudioError
from affetto.features import BY_NAME, FEATURE_NAMES

RATE = 22_050


def beat(seconds: float, n_channels: int = 1) -> np.ndarray:
    times = np.arange(round(seconds * RATE)) / RATE
    chord = sum(np.sin(2 * np.pi * hertz * times) for hertz in (220.0, 277.2, 329.6))
    mono = (0.2 * chord * np.exp(-6 * (2 * times % 1))).astype(np.float32)
    return np.stack([mono] * n_channels, axis=1)


def judged(path: Path) -> str:
    """Analyse: ``"fine"``, or why not; what is fine must be within the features' ranges."""
    try:
        track = analyze(path, timeline=True)
    except AudioError as exc:
        str(exc).encode("utf-8")
        return str(exc)
    if track.problem:
        return track.problem
    for name in FEATURE_NAMES:
        low, high = BY_NAME[name].accepted
        value = track.features[name]
        assert low <= value <= high or (name == "tempo" and np.isnan(value)), name
    return "fine"


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("originals")
    for name in ("wav", "flac", "ogg", "mp3"):
        soundfile.write(folder / f"a.{name}", beat(6, 2), RATE)
    return {path.suffix[1:]: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("name", ["wav", "flac", "ogg", "mp3"])
def test_cut_anywhere_it_gives_what_is_readable_or_a_reason(
    originals: dict[str, bytes], tmp_path: Path, name: str
) -> None:
    data, path = originals[name], tmp_path / f"a.{name}"
    verdicts = []
    for n_bytes in [1, 3, 4, 10, 43, 44, 45, 100, *np.linspace(200, len(data) - 1, 14).astype(int)]:
        path.write_bytes(data[:n_bytes])
        verdicts.append(judged(path))
    assert all(verdict != "fine" for verdict in verdicts[:3])
    assert verdicts[-1] == "fine"
    path.write_bytes(data[: len(data) * 3 // 4])
    assert analyze(path).warnings or name == "mp3"  # an mp3 may end on any frame


SIGNALS = {
    "zero samples": (np.zeros(0), "holds no samples"),
    "one sample": (np.full(1, 0.5), "too short"),
    "a tenth of a second": (beat(0.1), "too short"),
    "just too short": (beat(0.39), "too short"),
    "just long enough": (beat(0.5), "fine"),
    "silence": (np.zeros(2 * RATE), "silent"),
    "a direct current": (np.full(2 * RATE, 0.5), "silent"),
    "nothing but NaN": (np.full(2 * RATE, np.nan), "silent"),
    "nothing but infinity": (np.full(2 * RATE, np.inf), "silent"),
    "NaN among samples": (np.where(np.arange(3 * RATE) % 1000 == 0, np.nan, beat(3)[:, 0]), "fine"),
    "far over full scale": (beat(3) * 30, "fine"),
    "a click": (np.eye(1, 3 * RATE, RATE)[0], "fine"),
    "the last bit": (np.sign(np.sin(np.arange(3 * RATE))) / 32768, "silent"),
}


@pytest.mark.parametrize("name", SIGNALS)
def test_signals_that_are_hardly_any(tmp_path: Path, name: str) -> None:
    samples, verdict = SIGNALS[name]
    soundfile.write(tmp_path / "a.wav", samples, RATE, "FLOAT")
    assert verdict in judged(tmp_path / "a.wav")


def test_nan_is_silence_and_told(tmp_path: Path) -> None:
    samples, _ = SIGNALS["NaN among samples"]
    soundfile.write(tmp_path / "a.wav", samples, RATE, "FLOAT")
    assert analyze(tmp_path / "a.wav").warnings == ("67 NaN or infinite samples read as silence",)


def promising(data: bytes, name: str) -> bytes:
    """Let a header promise as many frames as it can hold."""
    altered = bytearray(data)
    if name == "wav":
        altered[4:8] = altered[40:44] = b"\xff\xff\xff\xff"
    else:  # 36 bits in the STREAMINFO of a flac
        altered[21] |= 0x0F
        altered[22:26] = b"\xff\xff\xff\xff"
    return bytes(altered)


@pytest.mark.parametrize("name", ["wav", "flac"])
def test_a_header_that_promises_2_to_the_32_frames(
    originals: dict[str, bytes], tmp_path: Path, name: str
) -> None:
    (tmp_path / f"a.{name}").write_bytes(promising(originals[name], name))
    began = time.monotonic()
    track = analyze(tmp_path / f"a.{name}", excerpt=True)
    assert track.duration_s == pytest.approx(6, abs=0.05)
    assert track.warnings
    assert time.monotonic() - began < 20


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory, originals: dict[str, bytes]) -> Path:
    """A folder of everything that is wrong with files."""
    folder = tmp_path_factory.mktemp("zoo")
    for name, data in originals.items():
        (folder / f"good.{name}").write_bytes(data)
        (folder / f"half.{name}").write_bytes(data[: len(data) // 2])
        (folder / f"head.{name}").write_bytes(data[:12])
    for name in ("wav", "flac"):
        (folder / f"promising.{name}").write_bytes(promising(originals[name], name))
    (folder / "empty.mp3").write_bytes(b"")
    (folder / "text.mp3").write_text("dear diary, " * 50)
    (folder / "noise.ogg").write_bytes(np.random.default_rng(0).bytes(5000))
    for name, (samples, _) in SIGNALS.items():
        soundfile.write(folder / f"{name}.wav", samples, RATE, "FLOAT")
    (folder / "link to nothing.mp3").symlink_to(folder / "nothing.mp3")
    (folder / "link to itself.mp3").symlink_to(folder / "link to itself.mp3")
    (folder / "link upwards").symlink_to(folder)
    os.mkfifo(folder / "pipe.mp3")
    odd = Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe odd.wav"))
    odd.write_bytes(originals["wav"])
    Path(f"{odd}.mp3").write_bytes(b"")
    return folder


def test_the_command_gives_each_its_line_and_goes_on(zoo: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    command = [sys.executable, "-m", "affetto", "label", zoo, "--out", out, "--jobs", "1"]
    code = (
        "import resource, subprocess, sys\n"
        "done = subprocess.run(sys.argv[1:], timeout=240)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)\n"
        "sys.exit(done.returncode)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *command], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr and "bug" not in done.stderr
    assert int(done.stdout.splitlines()[-1]) < 400  # MB, the largest of all processes
    rows = pl.read_csv(out)
    errors = {Path(row["path"]).name: row["error"] for row in rows.to_dicts()}
    assert len(errors) == len(rows) == len(list(zoo.iterdir())) - 1  # the folder above it
    good = {name for name, error in errors.items() if error is None}
    well = {f"{kind}.{name}" for kind in ("good", "half") for name in ("wav", "flac", "ogg", "mp3")}
    assert {*well, "promising.wav", "promising.flac", r"\xff\xfe odd.wav"} <= good | {
        name for name, error in errors.items() if error == "tempo missing"
    }
    assert errors["link to nothing.mp3"] == errors["link to itself.mp3"] == errors["pipe.mp3"]
    assert "is a pipe, a device or a link to nothing" in errors["pipe.mp3"]
    assert errors["text.mp3"].startswith("is not audio")
    assert errors[r"\xff\xfe odd.wav.mp3"].startswith("is empty (0 bytes)")
    assert errors["silence.wav"].startswith("silent")
    assert errors["one sample.wav"].startswith("too short")
    assert not any(str(zoo) in (error or "") for error in errors.values())
    missing = rows.filter(pl.col("error").is_not_null())
    assert missing["mood"].null_count() == len(missing)


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything"
)
def test_a_file_that_may_not_be_read(originals: dict[str, bytes], tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(originals["wav"])
    (tmp_path / "a.wav").chmod(0)
    with pytest.raises(AudioError, match=r"cannot read .*: Permission denied"):
        analyze(tmp_path / "a.wav")


@pytest.mark.data
def test_real_files_at_the_edge(data_dir: Path) -> None:
    verdicts = {path.name: judged(path) for path in sorted((data_dir / "audio/edge").iterdir())}
    assert len(verdicts) == 18
    reasons = {name: verdict for name, verdict in verdicts.items() if verdict != "fine"}
    expected = {
        "empty.cue": "is not audio",
        "testcue.cue": "is not audio",
        "empty.wav": "holds no samples",
        "silence.ogg": "silent",
    }
    assert reasons.keys() >= expected.keys()
    for name, words in expected.items():
        assert words in reasons[name]
    assert set(reasons) <= {*expected, "no_channel.wav", "flush_test_52000.wav"}, reasons
