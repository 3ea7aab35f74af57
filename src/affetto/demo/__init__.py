"""What the tour and the tests work on without anyone's data: a table, and music made here.

`table` draws labelled rows of features. `composer` writes twenty short pieces, four a mood, and
renders them; `library` writes them to a folder. Names are loaded on first use: the table needs
no SciPy, the music does.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

_HOME = {
    "MUSIC_NOTE": "affetto.demo.library",
    "Piece": "affetto.demo.composer",
    "SYNTHETIC_NOTE": "affetto.demo.table",
    "demo_pieces": "affetto.demo.composer",
    "demo_songs": "affetto.demo.table",
    "demo_table": "affetto.demo.table",
    "render": "affetto.demo.composer",
    "write_library": "affetto.demo.library",
}

__all__ = sorted(_HOME)  # noqa: PLE0605 - names of _HOME, pinned by a test

if TYPE_CHECKING:
    from affetto.demo.composer import Piece as Piece
    from affetto.demo.composer import demo_pieces as demo_pieces
    from affetto.demo.composer import render as render
    from affetto.demo.library import MUSIC_NOTE as MUSIC_NOTE
    from affetto.demo.library import write_library as write_library
    from affetto.demo.table import SYNTHETIC_NOTE as SYNTHETIC_NOTE
    from affetto.demo.table import demo_songs as demo_songs
    from affetto.demo.table import demo_table as demo_table


def __getattr__(name: str) -> Any:
    """Import a public name from its home when it is first asked for (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module 'affetto.demo' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
