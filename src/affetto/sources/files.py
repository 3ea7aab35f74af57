"""What a person names on a command line: the audio files and the tables it means.

In folders audio is told by the end of its name; a file that is named itself is tried whatever
its name is. Playlists and tables inside folders are left alone.
"""

import difflib
import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice

from affetto.errors import InputError
from affetto.sources.datasets import PREFIX
from affetto.sources.playlists import (
    PLAYLIST_SUFFIXES,
    PlaylistEntry,
    is_url,
    locate,
    looks_like_playlist,
    printable,
    read_playlist,
)
from affetto.sources.tables import is_table

AUDIO_SUFFIXES: tuple[str, ...] = (
    *(".wav", ".wave", ".bwf", ".rf64", ".w64", ".aif", ".aiff", ".aifc", ".au", ".snd", ".caf"),
    *(".flac", ".wv", ".ape", ".mp3", ".mp2", ".ogg", ".oga", ".opus", ".spx"),
    *(".m4a", ".m4b", ".mp4", ".aac", ".wma", ".mka", ".webm"),
)
"""Endings of names, in any case, by which audio is told in folders."""

_SUFFIXES = frozenset(suffix.removeprefix(".") for suffix in AUDIO_SUFFIXES)
# What systems and network drives put beside music: other things under names of audio.
_NOT_MUSIC = frozenset(
    {"$RECYCLE.BIN", "#recycle", "@eaDir", "__MACOSX", "System Volume Information", "lost+found"}
)
# The table reader says of these what to do with them.
_OTHER_TABLES = (".json", ".xls", ".xlsx", ".ods", ".feather", ".arrow")
_DIGITS = re.compile("([0-9]+)")
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_STARTS_OF_TABLES = (b"PAR1", b"\x1f\x8b", b"\xff\xfe", b"\xfe\xff")  # Parquet, gzip, UTF-16
_DEEPEST = 8  # playlists within playlists
_COMPARED = 5000  # names looked through for one that is near
_NO_FILE = "is a pipe, a device or a link to nothing; a file is expected"


@dataclass(frozen=True, slots=True)
class AudioEntry:
    r"""One audio file, or what stands in the place of one.

    Attributes
    ----------
    path : str
        As the person, the folder or the playlist has it; bytes that are not UTF-8 as
        surrogates (``os.fsencode`` gives them back, `printable` shows them).
    title, artist, album : str or None
        As a playlist tells them.
    duration_s : float or None
        As a playlist tells it.
    playlist : str or None
        The playlist that names it.
    error : str or None
        Why it cannot be used, where that is known before it is opened.
    """

    path: str
    title: str | None = None
    artist: str | None = None
    album: str | None = None
    duration_s: float | None = None
    playlist: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Inputs:
    """What was named.

    Attributes
    ----------
    audio : list of AudioEntry
        In the order they were named; within folders in natural order (2 before 10).
    tables : list of str
        Paths and ``dataset:`` names for `affetto.sources.datasets.open_table`.
    notes : list of str
        What else is worth knowing.
    """

    audio: list[AudioEntry] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def find_inputs(names: Iterable[str | os.PathLike[str]]) -> Inputs:
    """Find the audio files and tables that names mean.

    Parameters
    ----------
    names : iterable of path or str
        Files, folders (walked to the bottom; hidden and system folders are skipped, links
        are followed), playlists, ``file:`` URLs, tables, ``dataset:NAME``.

    Returns
    -------
    Inputs
        A file that is named twice is there once. What cannot be used (a missing file, a
        folder that may not be read or holds no audio) is an entry with an error.
    """
    search = _Search()
    for name in names:
        search.add(os.fspath(name))
    if search.n_again:
        files = "1 file was" if search.n_again == 1 else f"{search.n_again:,} files were"
        search.inputs.notes.append(f"{files} named more than once: taken once")
    return search.inputs


class _Search:
    """Gathers inputs, and remembers what has been seen."""

    def __init__(self) -> None:
        self.inputs = Inputs()
        self.n_again = 0
        self._seen: set[str] = set()  # files, by their real paths
        self._folders: set[tuple[int, int]] = set()
        self._playlists: set[str] = set()

    def add(self, name: str) -> None:
        """Add what a person named."""
        if name.startswith(PREFIX):
            self.inputs.tables.append(name)
            return
        path = os.path.expanduser(name)  # noqa: PTH111
        if is_url(name):
            found = locate(name)
            if found.error:
                self._refuse(name, found.error)
                return
            path = found.path
        try:
            mode = os.stat(path).st_mode  # noqa: PTH116
        except (OSError, ValueError) as exc:
            if _is_table(path):
                self.inputs.tables.append(path)  # whose reader says what is wrong
            else:
                self._refuse(path, _absence(path, exc))
            return
        if stat.S_ISDIR(mode):
            self._add_folder(path)
        elif not stat.S_ISREG(mode):
            self._refuse(path, _NO_FILE)
        elif (kind := kind_of(path)) == "playlist":
            self._add_playlist(path)
        elif kind == "table":
            self.inputs.tables.append(path)
        else:
            self._add_file(AudioEntry(path), os.path.realpath(path))

    def _refuse(self, path: str, error: str, playlist: str | None = None) -> None:
        self.inputs.audio.append(AudioEntry(path, playlist=playlist, error=error))

    def _add_file(self, entry: AudioEntry, real: str) -> None:
        if real in self._seen:
            self.n_again += 1
            return
        self._seen.add(real)
        self.inputs.audio.append(entry)

    def _add_playlist(self, path: str, depth: int = 1) -> None:
        real = os.path.realpath(path)
        if real in self._playlists:
            return
        self._playlists.add(real)
        try:
            playlist = read_playlist(path)
        except InputError as exc:
            name = printable(os.path.basename(path))  # noqa: PTH119
            self._refuse(path, str(exc).removeprefix(f"{name} "))
            return
        if not playlist.entries:
            self._refuse(path, "is a playlist that names no files")
        for entry in playlist.entries:
            self._add_entry(entry, playlist.name, depth)

    def _add_entry(self, entry: PlaylistEntry, playlist: str, depth: int) -> None:
        path = entry.path
        if entry.error:
            words = (entry.title, entry.artist, entry.album, entry.duration_s)
            self.inputs.audio.append(AudioEntry(path, *words, playlist, entry.error))
        elif os.path.isdir(path):  # noqa: PTH112
            self._add_folder(path, playlist)
        elif path.lower().endswith(PLAYLIST_SUFFIXES):
            if depth < _DEEPEST:
                self._add_playlist(path, depth + 1)
            else:
                self._refuse(path, f"is nested in more than {_DEEPEST} playlists", playlist)
        elif _is_table(path):
            self._refuse(path, "is a table, not audio; name it by itself", playlist)
        else:
            words = (entry.title, entry.artist, entry.album, entry.duration_s)
            self._add_file(AudioEntry(path, *words, playlist), os.path.realpath(path))

    def _add_folder(self, root: str, playlist: str | None = None) -> None:
        before = len(self.inputs.audio), self.n_again
        n_folders = len(self._folders)
        for path, real, is_file in self._walk(root, playlist):
            if is_file:
                self._add_file(AudioEntry(path, None, None, None, None, playlist), real)
            else:
                self._refuse(path, _NO_FILE, playlist)
        if (len(self.inputs.audio), self.n_again) != before:
            return
        if len(self._folders) == n_folders:
            self.inputs.notes.append(f"{printable(root)} was named before: taken once")
        else:
            self._refuse(root, f"is a folder without audio files{_tables_in(root)}", playlist)

    def _walk(self, root: str, playlist: str | None) -> Iterator[tuple[str, str, bool]]:
        """Yield each audio file's path, its real path, and whether it is a file indeed."""
        pending = [(root, os.path.realpath(root))]
        while pending:
            folder, real = pending.pop()
            try:
                status = os.stat(folder)  # noqa: PTH116
                if (status.st_dev, status.st_ino) in self._folders:
                    continue  # a link to a folder above, or one named before
                self._folders.add((status.st_dev, status.st_ino))
                entries = visible(folder)
            except OSError as exc:
                self._refuse(folder, f"is a folder that cannot be read: {exc.strerror}", playlist)
                continue
            below, files = [], []
            for entry in entries:
                if _is_dir(entry):
                    below.append(entry)
                elif has_audio_suffix(entry.name):
                    files.append(entry)
            inside = os.path.join(real, "")  # noqa: PTH118
            for entry in files:
                yield entry.path, _real(entry, inside), _is_file(entry)
            pending += [(entry.path, _real(entry, inside)) for entry in reversed(below)]


def visible(folder: str) -> list["os.DirEntry[str]"]:
    """List what stands in a folder in natural order, without what is hidden or the system's.

    Raises
    ------
    OSError
        If the folder cannot be read.
    """
    with os.scandir(folder) as scan:
        entries = [
            entry
            for entry in scan
            if not entry.name.startswith(".") and entry.name not in _NOT_MUSIC
        ]
    return sorted(entries, key=_natural)


def has_audio_suffix(name: str) -> bool:
    """Whether a file's name ends as those of audio do."""
    stem, _, suffix = name.rpartition(".")
    return bool(stem) and suffix.lower() in _SUFFIXES


def kind_of(path: str) -> str:
    """Say what a file that a person named is: ``"audio"``, ``"table"`` or ``"playlist"``."""
    if path.lower().endswith(PLAYLIST_SUFFIXES):
        return "playlist"
    if _is_table(path):
        return "table"
    if has_audio_suffix(os.path.basename(path)):  # noqa: PTH119
        return "audio"
    head = b""
    with suppress(OSError), open(path, "rb") as file:  # noqa: PTH123 - its reader says why not
        head = file.read(4096)
    if looks_like_playlist(head):
        return "playlist"
    is_text = head and not _CONTROL.search(head)
    return "table" if is_text or head.startswith(_STARTS_OF_TABLES) else "audio"


def _is_table(path: str) -> bool:
    return is_table(path) or path.lower().endswith(_OTHER_TABLES)


def _is_dir(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is_file(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link that leads to itself
        return False


def _real(entry: "os.DirEntry[str]", folder: str) -> str:
    """Give an entry's real path, given that of its folder with a separator behind."""
    return os.path.realpath(entry.path) if entry.is_symlink() else folder + entry.name


def _natural(entry: "os.DirEntry[str]") -> tuple[list[str | int], str]:
    """Sort as people count: 2 before 10, capitals beside small letters."""
    parts: list[str | int] = list(_DIGITS.split(entry.name.casefold()))
    parts[1::2] = map(int, parts[1::2])
    return parts, entry.name


def _absence(path: str, exc: OSError | ValueError) -> str:
    """Say why a name leads nowhere, and which one may be meant."""
    if not isinstance(exc, FileNotFoundError):
        return f"cannot be read: {getattr(exc, 'strerror', None) or exc}"
    if os.path.islink(path):  # noqa: PTH114
        return _NO_FILE
    folder, name = os.path.split(path.rstrip(os.sep))
    try:
        with os.scandir(folder or ".") as scan:
            others = [entry.name for entry in islice(scan, _COMPARED)]
    except OSError:
        return f"does not exist, nor does the folder {printable(folder)}"
    near = [printable(other) for other in difflib.get_close_matches(name, others, n=3)]
    if near:
        return f"does not exist; did you mean {' or '.join(near)}?"
    return f"does not exist; {printable(folder) or 'the current folder'} has no such file"


def _tables_in(folder: str) -> str:
    names: list[str] = []
    with suppress(OSError), os.scandir(folder) as scan:
        names = sorted(entry.name for entry in scan if is_table(entry.name))
    if not names:
        return ""
    return f"; tables in it, to be named themselves: {', '.join(map(printable, names[:5]))}"
