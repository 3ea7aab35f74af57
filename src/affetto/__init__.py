"""affetto: the mood each track awakens, how sure that is, and why.

Names are loaded on first use, so that ``import affetto`` costs next to nothing and
labelling never imports scikit-learn.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME = {
    "FEATURES": "affetto.features",
    "MOODS": "affetto.moods",
    "MoodClassifier": "affetto.learning.classifier",
    "MoodModel": "affetto.model",
    "analyze": "affetto.audio.analysis",
    "collect": "affetto.collecting.collect",
    "label": "affetto.scoring.label",
    "load_model": "affetto.model",
    "train": "affetto.learning.workflow",
}

__all__ = [*sorted(_HOME), "__version__"]  # noqa: PLE0604 - names of _HOME, pinned by a test

if TYPE_CHECKING:
    from affetto.audio.analysis import analyze as analyze
    from affetto.collecting.collect import collect as collect
    from affetto.features import FEATURES as FEATURES
    from affetto.learning.classifier import MoodClassifier as MoodClassifier
    from affetto.learning.workflow import train as train
    from affetto.model import MoodModel as MoodModel
    from affetto.model import load_model as load_model
    from affetto.moods import MOODS as MOODS
    from affetto.scoring.label import label as label


def __getattr__(name: str) -> Any:
    """Import a public name from its home when it is first asked for (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module 'affetto' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
