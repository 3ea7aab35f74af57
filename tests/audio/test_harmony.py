"""Harmony: chromas whose scale and intervals are known."""

import numpy as np
import pytest

from affetto.audio.harmony import HARMONY_NAMES, harmony_descriptors
from affetto.audio.key import BINS_PER_SEMITONE, N_FINE

HOP_S = 0.25
MAJOR = (0, 2, 4, 5, 7, 9, 11)


def chroma(*chords, n_frames=120, hold=1):
    """Frames that go through the chords, each held for some frames; pitch classes from C."""
    fine = np.zeros((n_frames, N_FINE), np.float32)
    for frame in range(n_frames):
        chord = chords[frame // hold % len(chords)]
        fine[frame, np.array(chord) * BINS_PER_SEMITONE] = 1
    return fine


def describe(fine):
    return harmony_descriptors(fine, HOP_S)


@pytest.fixture
def song():
    """I vi IV V in C, with a melody."""
    return chroma((0, 4, 7), (9, 0, 4, 11), (5, 9, 0), (7, 11, 2, 9), hold=3)


def test_transposition_and_tuning_change_nothing(song):
    for bins in (1, 5, 23, 40):
        moved = describe(np.roll(song, bins, axis=1))
        assert moved == pytest.approx(describe(song), abs=1e-6)


def test_gain_changes_nothing(song):
    assert describe(100 * song) == pytest.approx(describe(song), rel=1e-4, abs=1e-6)


def test_silent_frames_do_not_count(song):
    with_pauses = np.concatenate([song, np.zeros_like(song)])
    assert describe(with_pauses) == pytest.approx(describe(song), abs=1e-9)


def test_degrees_are_counted_from_the_major_tonic(song):
    described = describe(song)
    degrees = {name: value for name, value in described.items() if name.startswith("degree_")}
    assert sum(degrees.values()) == pytest.approx(1)
    of_scale = [value for name, value in degrees.items() if not name.endswith("s")]
    assert min(of_scale) > max(value for name, value in degrees.items() if name.endswith("s"))
    # C stands in three chords, F in one.
    assert degrees["degree_1"] > degrees["degree_4"]


def test_major_and_its_relative_minor_differ_by_their_degrees():
    major = describe(chroma((0, 4, 7), MAJOR, hold=4))
    minor = describe(chroma((9, 0, 4), MAJOR, hold=4))
    assert major["degree_5"] > minor["degree_5"]
    assert minor["degree_6"] > major["degree_6"]
    assert major["diatonic_share"] == pytest.approx(minor["diatonic_share"], abs=0.02)


def test_a_scale_is_more_diatonic_than_all_twelve_pitches():
    scale, chromatic = describe(chroma(MAJOR)), describe(chroma(tuple(range(12))))
    assert chromatic["diatonic_share"] == pytest.approx(7 / 12, abs=0.001)
    assert scale["diatonic_share"] > 0.62


@pytest.mark.parametrize(("semitones", "cents"), [(3, 300), (4, 400), (5, 500), (7, 500), (6, 600)])
def test_an_interval_is_found_with_its_inversion(semitones, cents):
    described = describe(chroma((0, semitones)))
    intervals = {n: v for n, v in described.items() if n.startswith("interval_")}
    assert sum(intervals.values()) == pytest.approx(1)
    del intervals["interval_000_cents"]
    assert max(intervals, key=intervals.get) == f"interval_{cents:03d}_cents"
    assert sum(intervals.values()) == pytest.approx(intervals[f"interval_{cents:03d}_cents"])


def test_harmony_that_stays_makes_no_step():
    described = describe(chroma((0, 4, 7)))
    for name in HARMONY_NAMES:
        if "step" in name or "far" in name:
            assert described[name] == pytest.approx(0, abs=1e-6)


def test_faster_changes_make_larger_steps():
    chords = ((0, 4, 7), (2, 5, 9))
    fast, slow = describe(chroma(*chords, hold=2)), describe(chroma(*chords, hold=8))
    for name in ("harmony_step", "pitch_class_step"):
        assert fast[name] == pytest.approx(4 * slow[name], rel=0.1)
    # Over two seconds the fast ones even out, the slow ones do not.
    assert slow["harmony_far_2s"] > 2 * fast["harmony_far_2s"]


def test_farther_chords_make_larger_steps():
    near = describe(chroma((0, 4, 7), (9, 0, 4), hold=4))
    far = describe(chroma((0, 4, 7), (6, 10, 1), hold=4))
    assert far["harmony_step"] > 1.2 * near["harmony_step"]


@pytest.mark.parametrize(
    "fine",
    [np.zeros((50, N_FINE)), np.ones((50, N_FINE)), np.zeros((0, N_FINE))],
    ids=("silent", "flat", "empty"),
)
def test_undefined_is_nan(fine):
    described = describe(fine.astype(np.float32))
    assert tuple(described) == HARMONY_NAMES
    assert np.isnan(list(described.values())).all()


def test_one_frame_has_pitches_but_no_steps():
    described = describe(chroma((0, 4, 7), n_frames=1))
    undefined = {name for name, value in described.items() if np.isnan(value)}
    assert undefined == {name for name in HARMONY_NAMES if "step" in name or "far" in name}
