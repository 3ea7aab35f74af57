"""The public names, pinned; and what importing the package costs."""

import importlib.metadata
import subprocess
import sys

import pytest

import affetto

HEAVY = ("numpy", "polars", "sklearn", "scipy", "joblib", "jinja2", "rich", "typer")


def imported_by(statement):
    """Names of the heavy packages that a fresh interpreter holds after `statement`."""
    code = f"import sys\n{statement}\nprint(*[name for name in {HEAVY!r} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_the_public_names():
    assert set(affetto.__all__) == {
        "FEATURES",
        "MOODS",
        "MoodClassifier",
        "MoodModel",
        "__version__",
        "analyze",
        "collect",
        "label",
        "load_model",
        "train",
    }
    assert len(affetto.__all__) == len(set(affetto.__all__))
    assert dir(affetto) == sorted(affetto.__all__)


@pytest.mark.parametrize("name", affetto.__all__)
def test_every_public_name_is_there(name):
    assert getattr(affetto, name) is not None


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'affetto' has no attribute 'mood'"):
        _ = affetto.mood


def test_the_version_is_the_packages():
    assert importlib.metadata.version("affetto") == affetto.__version__


def test_importing_affetto_imports_next_to_nothing():
    assert imported_by("import affetto") == set()


def test_moods_and_features_need_no_numbers():
    assert imported_by("import affetto; affetto.MOODS, affetto.FEATURES") == set()


def test_labelling_never_imports_the_training_side():
    statement = "import affetto; affetto.label, affetto.load_model, affetto.MoodModel"
    assert not imported_by(statement) & {"sklearn", "scipy", "joblib"}
