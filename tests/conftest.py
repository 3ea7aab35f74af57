"""What all tests share: the folder of real tables."""

import os
from pathlib import Path

import pytest

# A developer's own keyring is nothing for tests; those that need one make it.
os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Real tables: ``$AFFETTO_DATA``, else ``../shared/data`` beside the project."""
    named = os.environ.get("AFFETTO_DATA")
    project = Path(__file__).resolve().parents[1]
    folder = Path(named) if named else project.parent / "shared" / "data"
    if folder.is_dir():
        return folder
    absent = f"the real tables are absent: {folder} does not exist; set AFFETTO_DATA"
    if os.environ.get("AFFETTO_REQUIRE_DATA") == "1":
        pytest.fail(absent)
    pytest.skip(absent)
