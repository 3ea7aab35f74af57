"""A file's tags changed by a copy that is checked, and takes the file's place in one step."""

import os
import re
import shutil
import stat
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import mkstemp

from affetto.errors import TagError
from affetto.library.audio_hash import audio_hash
from affetto.library.tag_fields import FIELDS, Tags, Values
from affetto.library.tag_formats import read_tags, translated

_PART = re.compile(r"\.affetto-tags-(\d+)-\w+\.part")
_DAY_S = 86_400.0


class OtherAudioError(TagError):
    """A file's audio is not what it was."""


def replace_file(
    named: Path,
    edit: Callable[[Tags], None],
    note: Callable[[Tags, str], None],
    *,
    heard: str | None,
    part_links: bool,
    drop_empty: bool = False,
) -> None:
    """Change a file's tags by a copy that takes its place; else leave it as it was.

    Parameters
    ----------
    named : Path
        The file, or a link to it, which stays one.
    edit : callable
        Changes the tags that it is given.
    note : callable
        Called with the tags and the audio's hash when the copy is right, before it takes the
        file's place; what it raises keeps the file as it was.
    heard : str or None
        Hash that the audio must have.
    part_links : bool
        Also where the file has several names on the disk.
    drop_empty : bool
        Leave out tags that hold nothing.

    Raises
    ------
    OtherAudioError
        If its audio is not what was heard.
    TagError
        If it must not or cannot be changed, or the copy is not what it should be.
    OSError
        If the system says no.
    """
    path = Path(os.path.realpath(named))  # a link stays one
    status = path.stat()
    check_may_write(path, status, part_links=part_links)
    audio = audio_hash(path)
    if heard is not None and audio != heard:
        raise OtherAudioError("its audio is not what was heard; run affetto library update first")
    tags = read_tags(path)
    with translated():
        others = tags.others(FIELDS)
        edit(tags)
        wanted = {name: tags.values(name) for name in FIELDS}
    handle, name = mkstemp(".part", f".affetto-tags-{os.getpid()}-", path.parent)
    os.close(handle)
    part = Path(name)
    try:
        with translated():
            tags.write_copy(path, part, drop_empty=drop_empty)
        _check_copy(part, audio, wanted, others)
        _keep_owner_and_mode(path, part, status)
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        after = path.stat()
        if (after.st_size, after.st_mtime_ns, after.st_ino) != (
            status.st_size, status.st_mtime_ns, status.st_ino,
        ):  # fmt: skip
            raise TagError("it was changed by another program meanwhile; nothing was written")
        note(tags, audio)
        part.replace(path)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    _sync_folder(path.parent)


def check_may_write(path: Path, status: os.stat_result, *, part_links: bool) -> None:
    """Refuse a file that is not to be written to.

    Raises
    ------
    TagError
        If it is read-only, lies in a folder that is, or has several names on the disk.
    """
    if not stat.S_ISREG(status.st_mode):
        raise TagError("is no file")
    # Whoever took away all right to write meant it, even where we could.
    if not status.st_mode & 0o222 or not os.access(path, os.W_OK):
        raise TagError("is read-only")
    folder = path.parent.stat()
    if not folder.st_mode & 0o222 or not os.access(path.parent, os.W_OK | os.X_OK):
        raise TagError("lies in a folder that is read-only")
    if status.st_nlink > 1 and not part_links:
        raise TagError(
            f"has {status.st_nlink} names on the disk (hard links), which writing would part: "
            "one copy with the mood, one without; --part-links does it"
        )


def _check_copy(part: Path, audio: str, wanted: Values, others: Sequence[str]) -> None:
    """Refuse a copy that is not the file with the new values and nothing else changed."""
    copy = read_tags(part)
    with translated():
        got = {name: copy.values(name) for name in FIELDS}
        rest = copy.others(FIELDS)
    if got != wanted:
        name = next(name for name in FIELDS if got[name] != wanted[name])
        raise TagError(f"cannot hold {name} {'; '.join(wanted[name])!r}; it was left as it was")
    if rest != others:
        raise TagError("another of its tags would have changed; it was left as it was")
    if audio_hash(part) != audio:
        raise TagError("its audio would have changed; it was left as it was")


def _keep_owner_and_mode(path: Path, part: Path, status: os.stat_result) -> None:
    if hasattr(os, "chown"):
        new = part.stat()
        if (new.st_uid, new.st_gid) != (status.st_uid, status.st_gid):
            try:
                os.chown(part, status.st_uid, status.st_gid)
            except PermissionError as exc:
                raise TagError(
                    "belongs to another user or group, which writing would change"
                ) from exc
    shutil.copystat(path, part)
    os.utime(part)  # players and backups look for what is new by its time


def remove_stale(folder: Path) -> None:
    """Remove from a folder the copies that a killed run of affetto left behind."""
    with suppress(OSError), os.scandir(folder) as scan:
        for entry in scan:
            if (match := _PART.fullmatch(entry.name)) and _is_stale(entry, int(match[1])):
                Path(entry.path).unlink(missing_ok=True)


def _is_stale(entry: "os.DirEntry[str]", pid: int) -> bool:
    if pid == os.getpid() or time.time() - entry.stat().st_mtime > _DAY_S:
        return True
    if os.name != "posix":
        return False
    try:
        os.kill(pid, 0)  # no signal: only whether it lives
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    with suppress(OSError):  # some network drives cannot
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
