"""Playlists on this machine: saved tables, playlist files, folders of music.

::

    a table, a zip of tables   see `affetto.sources.exports`: one playlist each, or those that
                               the column ``playlist`` of a table by itself names
    M3U, M3U8, PLS, XSPF       the playlist
    an audio file              a playlist of one, named after its folder
    a folder with music        its own files are one playlist, named after it; each folder in it
                               that holds music, however deep, is one more: ``Calm``,
                               ``Calm/Album``. Where no file stands directly in it, it is a
                               folder of such folders: ``moods/Calm/Album`` is ``Calm/Album``.
    a folder without music     each table, zip and playlist file directly in it

In a folder with music, tables and playlist files are left alone, since players and taggers put
them there; name them themselves. Nothing is kept between runs: the files are here.
"""

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final

from affetto.errors import InputError, PlaylistError, TableError
from affetto.sources.contract import FoundPlaylist, Listed, Progress, silent
from affetto.sources.exports import (
    ARCHIVE_SUFFIX,
    BATCH,
    Export,
    members,
    open_export,
    open_member,
    stem,
)
from affetto.sources.files import AudioEntry, find_inputs, has_audio_suffix, kind_of, visible
from affetto.sources.playlists import (
    PLAYLIST_SUFFIXES,
    PlaylistEntry,
    is_url,
    locate,
    printable,
    read_playlist,
)
from affetto.sources.tables import is_table, scan_table
from affetto.tracks import Track

_SEPARATOR = "\x1f"  # "unit separator": in no name that a person gives
_EXPECTED = "a table, a zip of tables, a playlist file, an audio file or a folder of these"


class LocalSource:
    """The `PlaylistSource` of files and folders; asks no network and keeps nothing.

    A row of a table that cannot be read, or a file that a playlist names and that is not there,
    is listed with its problem. Titles and artists of audio are those that a playlist file tells;
    what the files say of themselves shows when they are heard.

    Attributes
    ----------
    passed_over : list of str
        Tables in folders that affetto wrote itself: results, not playlists.
    """

    name: Final = "files"

    def __init__(self) -> None:
        self.passed_over: list[str] = []
        self._last: tuple[tuple[str, int, int], Export] | None = None

    def find(self, reference: str) -> list[FoundPlaylist]:
        """Find the playlists that a path means, as the module says.

        Raises
        ------
        PlaylistError
            If there is no such file or folder, it cannot be read, or it holds no playlist.
        """
        path = os.path.expanduser(reference)  # noqa: PTH111
        path = os.path.abspath(locate(path).path if is_url(path) else path)  # noqa: PTH100
        try:
            mode = os.stat(path).st_mode  # noqa: PTH116
        except (OSError, ValueError):
            raise PlaylistError(_absent(path)) from None
        if stat.S_ISDIR(mode):
            return self._in_folder(path)
        if not stat.S_ISREG(mode):
            raise PlaylistError(f"{printable(path)} is a pipe or a device; expected {_EXPECTED}.")
        return self._in_file(path)

    def tracks(self, playlist: FoundPlaylist, progress: Progress = silent) -> Iterator[Listed]:
        """List a playlist's entries in order; of a table, some thousand rows at a time.

        Raises
        ------
        PlaylistError
            If it is gone, or cannot be read.
        """
        n_done = 0
        for batch in self._batches(playlist.key):
            yield from batch
            n_done += len(batch)
            progress(n_done, playlist.n_tracks)

    def close(self) -> None:
        """Let go of the table that was read last."""
        self._last = None

    def _in_file(self, path: str) -> list[FoundPlaylist]:
        kind = _kind(path)
        if kind == "zip":
            return [_found("zip", stem(one), None, path, one) for one in members(path)]
        if kind == "list":
            name, entries = _in_list(path)
            return [_found("list", name, len(entries), path)]
        if kind == "file":
            return [_found("file", _called(os.path.dirname(path)), 1, path)]  # noqa: PTH120
        playlists = self._export(path).playlists()
        if not playlists:
            return [_found("table", stem(path), None if playlists is None else 0, path)]
        return [
            _found("table", part.name or stem(path), part.n, path, part.key, mood=part.mood)
            for part in playlists
        ]

    def _in_folder(self, folder: str) -> list[FoundPlaylist]:
        files, folders = _inside(folder)
        within = [folder] if _audio(files) else folders
        found = [one for each in within for one in self._in_music(each)]
        found = found or [one for path in files for one in self._in_listed_file(path)]
        if not found:
            raise PlaylistError(
                f"{printable(folder)} is a folder without music, tables or playlists; expected "
                f"{_EXPECTED}."
            )
        return found

    def _in_music(self, folder: str) -> list[FoundPlaylist]:
        """Find the playlists of a folder of one label: its own files, and each folder in it."""
        name = _called(folder)
        try:
            files, folders = _inside(folder)
        except PlaylistError:  # told when its tracks are asked for
            return [_found("folder", name, None, folder, label=name)]
        n_audio = len(_audio(files))
        found = [_found("files", name, n_audio, folder, label=name)] if n_audio else []
        for below in folders:
            n_below = _count_audio(below)
            if n_below != 0:
                inside = f"{name}/{_called(below)}"
                found.append(_found("folder", inside, n_below, below, label=name))
        return found

    def _in_listed_file(self, path: str) -> list[FoundPlaylist]:
        """Find what a file in a folder without music is; nothing, if it is to be left out.

        One that cannot be read does not keep the others from being found: what is wrong shows
        when its tracks are asked for. A text that is no table is somebody's note.
        """
        if not path.lower().endswith((ARCHIVE_SUFFIX, *PLAYLIST_SUFFIXES)) and not is_table(path):
            return []
        try:
            if _kind(path) == "table" and self._export(path).is_written:
                self.passed_over.append(printable(path))
                return []
            return self._in_file(path)
        except PlaylistError:
            if path.lower().endswith((".txt", ".txt.gz")):
                return []
            return [_found(_kind(path), stem(path), None, path)]

    def _batches(self, key: str) -> Iterator[list[Listed]]:
        kind, _, where = key.partition(":")
        path, *parts = where.split(_SEPARATOR)
        match kind:
            case "table":
                yield from self._export(path).batches(*parts)
            case "zip":
                for member in parts or members(path):
                    yield from open_member(path, member).batches()
            case "list":
                yield from _some(_in_list(path)[1])
            case "files":
                yield from _some([Listed(Track(), path=one) for one in _audio(_inside(path)[0])])
            case "folder" | "file":
                if not os.path.exists(path):  # noqa: PTH110 - else it would be listed as missing
                    raise PlaylistError(_absent(path))
                yield from _some([_listed(one, one.error) for one in find_inputs([path]).audio])
            case _:
                raise PlaylistError(f"{key!r} is no playlist that was found among files.")

    def _export(self, path: str) -> Export:
        """Recognise a table once, as long as it stays as it is."""
        try:
            status = os.stat(path)  # noqa: PTH116
        except OSError:
            raise PlaylistError(_absent(path)) from None
        state = (path, status.st_size, status.st_mtime_ns)
        if self._last is None or self._last[0] != state:
            self._last = (state, open_export(path))
        return self._last[1]


def is_same_file(one: str | os.PathLike[str], other: str | os.PathLike[str]) -> bool:
    """Whether two paths lead to one file; False where either leads nowhere."""
    with suppress(OSError, ValueError):
        return os.path.samefile(one, other)  # noqa: PTH121 - names that are perhaps not UTF-8
    return False


def _found(
    kind: str,
    name: str,
    n: int | None,
    path: str,
    part: str | None = None,
    *,
    mood: str | None = None,
    label: str | None = None,
) -> FoundPlaylist:
    where = path if part is None else f"{path}{_SEPARATOR}{part}"
    return FoundPlaylist(LocalSource.name, f"{kind}:{where}", name, n, mood, label)


def _kind(path: str) -> str:
    if path.lower().endswith(ARCHIVE_SUFFIX):
        return "zip"
    return {"table": "table", "playlist": "list"}.get(kind_of(path), "file")


def _called(folder: str) -> str:
    return printable(os.path.basename(folder) or folder)  # noqa: PTH119 - bytes that are no UTF-8


def _inside(folder: str) -> tuple[list[str], list[str]]:
    """List the files and the folders that stand in a folder, in natural order."""
    try:
        paths = [entry.path for entry in visible(folder)]
    except OSError as exc:
        raise PlaylistError(
            f"{printable(folder)} is a folder that cannot be read: {exc.strerror or exc}."
        ) from exc
    top = os.path.join(os.path.realpath(folder), "")  # noqa: PTH118
    folders = [
        path
        for path in paths
        if os.path.isdir(path)  # noqa: PTH112
        # A link to a folder above would hold all that is named here once more.
        and not top.startswith(os.path.join(os.path.realpath(path), ""))  # noqa: PTH118
    ]
    return [path for path in paths if os.path.isfile(path)], folders  # noqa: PTH113


def _audio(files: Sequence[str]) -> list[str]:
    return [path for path in files if has_audio_suffix(os.path.basename(path))]  # noqa: PTH119


def _count_audio(folder: str) -> int | None:
    """Count the audio files below a folder; None where it cannot be read."""
    try:
        visible(folder)
    except OSError:
        return None
    return sum(entry.error is None for entry in find_inputs([folder]).audio)


def _some(listed: Sequence[Listed]) -> Iterator[list[Listed]]:
    for start in range(0, len(listed), BATCH):
        yield list(listed[start : start + BATCH])


def _in_list(path: str) -> tuple[str, list[Listed]]:
    """Read a playlist file: its name, and what it lists, twice what stands in it twice."""
    try:
        playlist = read_playlist(path)
    except InputError as exc:
        raise PlaylistError(str(exc)) from exc
    if any(entry.error is None and _is_more(entry.path) for entry in playlist.entries):
        # Lists in lists may name each other: found as everywhere else, each file once.
        return playlist.name, [_listed(one, one.error) for one in find_inputs([path]).audio]
    no_audio = "is a table, not audio; name it by itself"
    return playlist.name, [
        _listed(one, one.error or (no_audio if is_table(one.path) else None))
        for one in playlist.entries
    ]


def _is_more(path: str) -> bool:
    return path.lower().endswith(PLAYLIST_SUFFIXES) or os.path.isdir(path)  # noqa: PTH112


def _listed(entry: PlaylistEntry | AudioEntry, problem: str | None) -> Listed:
    track = Track(title=entry.title, artist=entry.artist, album=entry.album)
    if problem is not None:
        shown = printable(os.path.basename(entry.path) or entry.path)  # noqa: PTH119
        return Listed(track, problem=f"{shown} {problem}")
    return Listed(track, path=os.path.abspath(entry.path))  # noqa: PTH100


def _absent(path: str) -> str:
    """Say why a path leads nowhere, and which one may be meant."""
    wrong = [entry.error for entry in find_inputs([path]).audio if entry.error]
    if wrong:
        return f"{printable(path)} {wrong[0]}"
    try:
        scan_table(path)
    except TableError as exc:
        return str(exc)
    return f"{printable(path)} was not there a moment ago; try again."
