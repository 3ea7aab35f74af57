"""The demo's music, rendered once a session and only where a test asks for it."""

from functools import cache

import pytest

from affetto.demo.composer import demo_pieces, render

RATE_HZ = 22_050  # half of what the library is written at: twice as quick, and all that counts


@pytest.fixture(scope="session")
def pieces():
    return {piece.style: piece for piece in demo_pieces()}


@pytest.fixture(scope="session")
def music(pieces):
    """Give a function from a style to its samples, shape=(n_samples, 2), at 22,050 Hz."""

    @cache
    def rendered(style):
        samples = render(pieces[style], RATE_HZ)
        samples.flags.writeable = False
        return samples

    return rendered
