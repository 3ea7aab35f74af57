"""Where the audio of tracks is: on this machine, or with a music server that hands it out."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from affetto.errors import PlaylistError, ServiceRefusedError
from affetto.sources.cache import AnswerCache
from affetto.sources.contract import AudioSource, Listed

_NOT_THERE = frozenset({404, 410})


@dataclass(slots=True)
class Recordings:
    """Finds the audio of tracks.

    Attributes
    ----------
    cache : AnswerCache
        Says whether servers may be asked.
    servers : mapping of str to AudioSource
        Who hands out the audio of tracks without a path, by `Listed.origin`.
    """

    cache: AnswerCache
    servers: Mapping[str, AudioSource] = field(default_factory=dict)

    def has(self, listed: Listed) -> bool:
        """Whether there is audio of a track."""
        return listed.path is not None or self._server(listed) is not None

    def key(self, listed: Listed) -> str | None:
        """Name a recording so that another file, or a changed one, has another name.

        Returns
        -------
        str or None
            None where there is no audio, or the file is gone.
        """
        if listed.path is not None:
            try:
                status = os.stat(listed.path)  # noqa: PTH116 - a name, perhaps not UTF-8
            except (OSError, ValueError):
                return None
            path = os.fsencode(os.path.realpath(listed.path)).hex()
            return f"{path} {status.st_size} {status.st_mtime_ns}"
        server = self._server(listed)
        return None if server is None else f"{server.account_key} {listed.handle}"

    def fetch(self, listed: Listed, folder: Path) -> Path:
        """Give the file of a track; a server's is put into the folder.

        Raises
        ------
        PlaylistError
            If there is no audio of it, or its server has it no more.
        ServiceError, OutputError
            If its server does not hand it out.
        OfflineError
            If its server may not be asked.
        """
        if listed.path is not None:
            return Path(listed.path)
        server = self._server(listed)
        if server is None:
            raise PlaylistError(f"there is no audio of {listed.track}")
        self.cache.must_ask(f"the audio of {listed.track}")
        try:
            return server.fetch(listed, folder)
        except ServiceRefusedError as exc:
            if exc.status not in _NOT_THERE:
                raise
            raise PlaylistError(str(exc)) from exc  # of one track, whatever there is of others

    def _server(self, listed: Listed) -> AudioSource | None:
        return self.servers.get(listed.origin) if listed.handle is not None else None
