"""Own audio as a source of features: heard here, of files or of what music servers hand out."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from affetto.audio.version import ANALYSIS_VERSION
from affetto.collecting.recordings import Recordings
from affetto.errors import AffettoError, OfflineError, OutputError, PlaylistError
from affetto.features import FEATURE_NAMES
from affetto.sources.cache import FEATURES_DAYS
from affetto.sources.contract import Listed, Progress, Told, silent
from affetto.sources.files import AudioEntry
from affetto.sources.together import asked_together
from affetto.tracks import Track

if TYPE_CHECKING:
    from affetto.scoring.listen import Heard

_GIVE_UP = 4  # failures of a server in a row: it is gone
_THREADS = 4
_WORDS = ("title", "artist", "album")


@dataclass(slots=True)
class OwnAudio:
    """A `FeatureSource` that listens.

    Attributes
    ----------
    recordings : Recordings
        What did not change since it was heard is not heard again.
    jobs, excerpt
        As `affetto.scoring.listen.listen` has them.
    failures : list of (Listed, str)
        What could not be heard, and why.
    """

    recordings: Recordings
    jobs: int | None = None
    excerpt: bool = False
    name: str = "audio"
    failures: list[tuple[Listed, str]] = field(default_factory=list)

    def can_tell(self, listed: Listed) -> bool:
        """Whether there is audio to hear."""
        return self.recordings.has(listed)

    def features(
        self, tracks: Sequence[Listed], progress: Progress = silent
    ) -> Iterator[tuple[int, Told]]:
        """Hear tracks; see `affetto.sources.contract.FeatureSource.features`."""
        keys = [self._key(listed) for listed in tracks]
        kept = self.recordings.cache.get_many("affetto", "heard", filter(None, keys))
        n_done = 0
        here: list[int] = []
        there: list[int] = []
        for place, (listed, key) in enumerate(zip(tracks, keys, strict=True)):
            if key in kept:
                n_done += 1
                yield place, self._told(listed, kept[key].value)
            else:
                (there if listed.path is None else here).append(place)
        progress(n_done, len(tracks))
        for place, heard in self._hear({place: str(tracks[place].path) for place in here}):
            n_done += 1
            progress(n_done, len(tracks))
            yield place, self._keep(tracks[place], keys[place], heard)
        if not there:
            return
        # Whoever stops does not wait for what is being fetched into it.
        with tempfile.TemporaryDirectory(prefix="affetto-", ignore_cleanup_errors=True) as folder:
            for place, fetched in self._hear_fetched(there, tracks, Path(folder)):
                n_done += 1
                progress(n_done, len(tracks))
                if fetched is not None:
                    yield place, self._keep(tracks[place], keys[place], fetched)

    def _hear(self, paths: Mapping[int, str]) -> Iterator[tuple[int, "Heard"]]:
        if not paths:
            return
        # SciPy and all: loaded only where there is something to hear.
        from affetto.scoring.listen import listen  # noqa: PLC0415

        places = list(paths)
        entries = [AudioEntry(path) for path in paths.values()]
        with closing(listen(entries, jobs=self.jobs, excerpt=self.excerpt)) as heard:
            for one in heard:
                yield places[one.index], one

    def _hear_fetched(
        self, places: Sequence[int], tracks: Sequence[Listed], folder: Path
    ) -> Iterator[tuple[int, "Heard | None"]]:
        """Hear what servers hand out while more is fetched; a file is taken away once heard.

        Yields
        ------
        place, heard
            None for a track that cannot be had, which is a failure of its own.

        Raises
        ------
        AffettoError
            If the server is gone, or the disk is full; told once all that came is heard.
        """
        from affetto.scoring.listen import listen_as_they_come  # noqa: PLC0415 - as above

        come: list[int] = []
        missed: list[int] = []
        grave: list[AffettoError] = []

        def fetch(place: int) -> Path | AffettoError:
            own = folder / str(place)  # two tracks may have one file name
            try:
                own.mkdir()
                return self.recordings.fetch(tracks[place], own)
            except AffettoError as exc:
                return exc
            except OSError as exc:  # a full disk, or the folder was cleared away
                return OutputError(f"cannot write into {folder}: {exc.strerror or exc}")

        def is_over() -> bool:
            too_many = len(grave) >= min(_GIVE_UP, len(places))
            return too_many or any(isinstance(each, OfflineError) for each in grave)

        def entries() -> Iterator[AudioEntry]:
            for place, found in asked_together(fetch, places, _THREADS):
                if isinstance(found, Path):
                    grave.clear()
                    come.append(place)
                    yield AudioEntry(str(found))
                    continue
                if isinstance(found, PlaylistError):
                    grave.clear()
                else:
                    grave.append(found)
                    if is_over():
                        return
                self.failures.append((tracks[place], str(found)))
                missed.append(place)

        heard = listen_as_they_come(entries(), jobs=self.jobs, excerpt=self.excerpt)
        with closing(heard):
            for one in heard:
                place = come[one.index]
                shutil.rmtree(folder / str(place), ignore_errors=True)
                yield place, one
                while missed:
                    yield missed.pop(), None
        while missed:
            yield missed.pop(), None
        if is_over():
            raise grave[-1]

    def _keep(self, listed: Listed, key: str | None, heard: "Heard") -> Told:
        said = {name: heard.row[name] for name in ("error", *_WORDS, *FEATURE_NAMES)}
        if key is not None and said["error"] is None:
            self.recordings.cache.put("affetto", "heard", key, said, days=FEATURES_DAYS)
        return self._told(listed, said)

    def _told(self, listed: Listed, said: Mapping[str, object]) -> Told:
        if said.get("error"):
            self.failures.append((listed, str(said["error"])))
            return Told({})
        words = {name: one for name in _WORDS if isinstance(one := said.get(name), str)}
        numbers = {name: said.get(name) for name in FEATURE_NAMES}
        features = {
            name: float(one) for name, one in numbers.items() if isinstance(one, int | float)
        }
        return Told(features, track=Track(**words))

    def _key(self, listed: Listed) -> str | None:
        """Name what is heard, and how: another analysis may hear something else."""
        key = self.recordings.key(listed)
        return None if key is None else f"{ANALYSIS_VERSION}{'x' if self.excerpt else ''} {key}"
