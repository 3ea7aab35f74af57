"""What is shown of a scan: on a terminal a line that moves, elsewhere a word now and then."""

import io

import pytest
from rich.console import Console

from affetto import terminal, terminal_library
from affetto.library.scan import ScanResult

EVENT = {
    "stage": "hearing", "seen": 9, "new": 9, "changed": 0, "moved": 0, "missing": 0,
    "unchanged": 0, "to_hear": 8, "heard": 3, "failed": 1, "tracks_per_s": 2.5,
    "seconds_left": 95.0, "current": "/music/[red]odd\x1b.mp3",
}  # fmt: skip


@pytest.fixture
def shown(monkeypatch):
    def consoles(*, is_terminal):
        text = io.StringIO()
        console = Console(file=text, force_terminal=is_terminal, width=140, color_system=None)
        monkeypatch.setattr(terminal, "err", console)
        monkeypatch.setattr(terminal, "out", console)
        return text

    return consoles


def test_a_terminal_shows_pace_time_left_failures_and_the_file(shown):
    text = shown(is_terminal=True)
    with terminal_library.scan_progress() as tell:
        tell({**EVENT, "stage": "looking"})
        tell(EVENT)
    last = text.getvalue()
    assert "4/8" in last and "2.5 tracks/s, 1 min 35 s left, 1 failed" in last
    assert "[red]odd·.mp3" in last  # as it is called, and nothing that moves the cursor


def test_elsewhere_a_line_now_and_then(shown, monkeypatch):
    text = shown(is_terminal=False)
    monkeypatch.setattr(terminal_library, "_QUIET_S", -1)
    with terminal_library.scan_progress() as tell:
        tell({**EVENT, "stage": "looking"})
        tell(EVENT)
    assert text.getvalue() == "4 of 8: 2.5 tracks/s, 1 min 35 s left, 1 failed\n"


def test_a_scan_in_words(shown):
    text = shown(is_terminal=False)
    result = ScanResult(
        seen=10, new=3, changed=1, moved=2, missing=1, unchanged=4, heard=5, failed=1, known=2,
        left=4, problems=("/disk is empty",), stopped=False, seconds=12.0,
    )  # fmt: skip
    terminal_library.scan_result(result)
    assert text.getvalue().splitlines() == [
        "/disk is empty",
        "10 files on disk: 3 new, 1 changed, 2 moved, 1 missing, 4 unchanged",
        "Heard 5 tracks (2 known by their audio) in 12 s, 0.5 a second",
        "4 tracks left: affetto library update goes on",
    ]
