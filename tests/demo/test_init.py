"""The public names of the demo, loaded on first use."""

import subprocess
import sys

import pytest

import affetto.demo

NAMES = [
    "MUSIC_NOTE",
    "Piece",
    "SYNTHETIC_NOTE",
    "demo_pieces",
    "demo_songs",
    "demo_table",
    "render",
    "write_library",
]


def test_the_public_names():
    assert affetto.demo.__all__ == NAMES
    assert dir(affetto.demo) == NAMES
    for name in NAMES:
        assert getattr(affetto.demo, name) is not None


def test_an_unknown_name_is_said_to_be_none():
    with pytest.raises(AttributeError, match=r"'affetto\.demo' has no attribute 'symphony'"):
        affetto.demo.symphony  # noqa: B018


@pytest.mark.parametrize(
    ("name", "loads"), [("demo_table", "False False"), ("demo_pieces", "True False")]
)
def test_scipy_is_loaded_by_the_music_alone(name, loads):
    code = (
        f"import sys; from affetto.demo import {name}; "
        "print('scipy.signal' in sys.modules, 'sklearn' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == loads
