"""The journal of tags: what affetto wrote into which file, and what was there before.

JSON, a line an act, beside the database; only ever appended to, and on the disk before the file
it tells of is changed. A last line that a crash cut short is passed over.
"""

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from affetto.errors import OutputError
from affetto.library.tag_fields import FIELDS, Field, Raw


@dataclass(frozen=True, slots=True)
class Written:
    """One file whose tags were written.

    Attributes
    ----------
    run : str
        The same for all files of one command.
    track_id : int
        In the catalogue.
    path : str
        Where the file was; bytes that are not UTF-8 as surrogates.
    audio_hash : str
        Of the file's audio, before and after.
    existed : bool
        Whether the file had tags of this kind before.
    before : dict of str to list
        Each field as it was stored.
    after : dict of str to list of str
        Each field's new values.
    at : float
        Seconds since 1970.
    """

    run: str
    track_id: int
    path: str
    audio_hash: str
    existed: bool
    before: Mapping[Field, Raw]
    after: Mapping[Field, Sequence[str]]
    at: float


class Journal:
    """What affetto wrote into files.

    Parameters
    ----------
    database : path
        The library's; the journal stands beside it, ``NAME.tags.jsonl``.
    """

    def __init__(self, database: str | os.PathLike[str]):
        database = Path(database)
        self.path = database.with_name(f"{database.name}.tags.jsonl")
        self.run = f"{time.time_ns():x}"

    def add(self, written: Written) -> None:
        """Note what is about to be written.

        Raises
        ------
        OutputError
            If the journal cannot be written: then nothing else may be.
        """
        self._append(asdict(written))

    def add_undone(self, written: Written) -> None:
        """Note that something was undone, or never can be.

        Raises
        ------
        OutputError
            If the journal cannot be written.
        """
        self._append({"undone": [written.run, written.track_id]})

    def last_run(self) -> list[Written]:
        """Give what the last run wrote that is not undone yet, the last first."""
        runs = self.runs()
        return runs[0] if runs else []

    def runs(self) -> list[list[Written]]:
        """Give what each run wrote that is not undone yet, the last run and file first."""
        runs: dict[str, list[Written]] = {}
        for written in self._standing()[::-1]:
            runs.setdefault(written.run, []).append(written)
        return list(runs.values())

    def own_values(self) -> dict[str, dict[Field, tuple[str, ...]]]:
        """Give what affetto wrote last into each field, but what was undone, by audio hash.

        A new database counts tracks anew while the journal stays; audio keeps its hash.
        """
        own: dict[str, dict[Field, tuple[str, ...]]] = {}
        for written in self._standing():
            values = {name: tuple(after) for name, after in written.after.items()}
            own.setdefault(written.audio_hash, {}).update(values)
        return own

    def _standing(self) -> list[Written]:
        standing: dict[tuple[str, int], Written] = {}
        for told in self._lines():
            if "undone" in told:
                standing.pop(tuple(told["undone"]), None)
            else:
                written = _written(told)
                standing[written.run, written.track_id] = written
        return list(standing.values())

    def _lines(self) -> Iterator[dict[str, Any]]:
        try:
            with self.path.open("rb") as file:
                for line in file:
                    try:
                        told = json.loads(line)
                    except ValueError:
                        continue  # cut short: what it told of was never written
                    if isinstance(told, dict):
                        yield told
        except FileNotFoundError:
            return
        except OSError as exc:
            raise OutputError(f"the journal {self.path} cannot be read: {exc.strerror}") from exc

    def _append(self, told: Mapping[str, Any]) -> None:
        # Plain ASCII: names that are not UTF-8 survive as escapes.
        line = json.dumps(told).encode() + b"\n"
        try:
            with self.path.open("a+b") as file:
                file.seek(0, os.SEEK_END)
                if file.tell():
                    file.seek(-1, os.SEEK_END)
                    line = line if file.read(1) == b"\n" else b"\n" + line
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as exc:
            raise OutputError(
                f"the journal {self.path} cannot be written, so no tag is: {exc.strerror}"
            ) from exc


def _written(told: Mapping[str, Any]) -> Written:
    """Read a line; fields of a later affetto are left alone."""
    before = {name: told["before"][name] for name in FIELDS if name in told["before"]}
    after = {name: told["after"][name] for name in FIELDS if name in told["after"]}
    plain = {
        name: told[name] for name in ("run", "track_id", "path", "audio_hash", "existed", "at")
    }
    return Written(**plain, before=before, after=after)
