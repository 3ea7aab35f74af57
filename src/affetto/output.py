"""Writing files whole or not at all: aside first, then renamed into place."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from affetto.errors import OutputError

_PART = ".part-"


@contextmanager
def written_aside(path: str | Path) -> Iterator[Path]:
    """Give a path beside `path` to write to, and move it into place at the end.

    On any error, Ctrl-C included, the file aside is removed and what stood at `path`
    before stays as it was.

    Parameters
    ----------
    path : path
        Where the finished file shall stand. Its folder must exist.

    Yields
    ------
    Path
        A name that does not exist yet, in the same folder and with the same suffixes.

    Raises
    ------
    OutputError
        If the file cannot be written: a missing folder, no permission, a full disk.
    """
    path = Path(path)
    aside = path.with_name(f"{_PART}{os.getpid()}-{path.name}")
    try:
        if path.is_dir():
            raise OutputError(f"cannot write {path}: it is a folder; name a file in it")
        yield aside
        with aside.open("rb+") as written:
            os.fsync(written.fileno())
        aside.replace(path)
    except OSError as exc:
        # A file aside may hold a file aside (several that appear together): name the real one.
        shown = path.with_name(re.sub(rf"^{re.escape(_PART)}\d+-", "", path.name))
        reason = _reason(exc, path).replace(str(aside), str(shown))
        raise OutputError(f"cannot write {shown}: {reason}") from exc
    finally:
        with suppress(OSError):  # the path itself may be impossible; that error is told already
            aside.unlink(missing_ok=True)


def check_place(path: str | Path) -> None:
    """See before the work whether a file can be written at its end, as far as that can be told.

    Raises
    ------
    OutputError
        If it is a folder, or its folder is not there or cannot be written to.
    """
    path = Path(path)
    if path.is_dir():
        raise OutputError(f"cannot write {path}: it is a folder; name a file in it")
    if not path.parent.is_dir():
        raise OutputError(f"cannot write {path}: the folder {path.parent} does not exist")
    if not os.access(path.parent, os.W_OK):
        raise OutputError(f"cannot write {path}: the folder {path.parent} is not writable")


def write_text(path: str | Path, text: str) -> None:
    """Write a text file whole or not at all, as UTF-8.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    with written_aside(path) as aside:
        aside.write_text(text, encoding="utf-8")


def make_folder(folder: str | Path) -> Path:
    """Make a folder for results, parents included, where it is missing.

    Raises
    ------
    OutputError
        If it cannot be made or cannot be written to.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as exc:
        raise OutputError(f"{folder} is a file; name a folder for the results") from exc
    except OSError as exc:
        raise OutputError(f"cannot make the folder {folder}: {exc.strerror}") from exc
    if not os.access(folder, os.W_OK):
        raise OutputError(f"the folder {folder} is not writable; name another with --out")
    return folder


@contextmanager
def results_folder(folder: str | Path) -> Iterator[Path]:
    """Make a folder for results, and take it away again where nothing came of it.

    Raises
    ------
    OutputError
        If it cannot be made or cannot be written to.
    """
    existed = Path(folder).exists()
    made = make_folder(folder)
    try:
        yield made
    except BaseException:
        if not existed:
            with suppress(OSError):  # not empty: something finished stays
                made.rmdir()
        raise


def _reason(exc: OSError, path: Path) -> str:
    if isinstance(exc, FileNotFoundError) and not path.parent.exists():
        return f"the folder {path.parent} does not exist"
    return exc.strerror or str(exc)
