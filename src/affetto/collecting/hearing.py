"""Own audio as a source of features: heard here, of files or of what music servers hand out."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from affetto.audio.version import ANALYSIS_VERSION
from affetto.collecting.recordings import Recordings
from affetto.errors import AffettoError, PlaylistError, ServiceRefusedError
from affetto.features import FEATURE_NAMES
from affetto.sources.cache import FEATURES_DAYS
from affetto.sources.contract import Listed, Progress, Told, silent
from affetto.sources.files import AudioEntry
from affetto.sources.together import asked_together
from affetto.tracks import Track

if TYPE_CHECKING:
    from affetto.scoring.listen import Heard

_FETCHED_AT_ONCE = 16  # files of a server that stand on this disk at a time
_THREADS = 4
_NOT_THERE = frozenset({404, 410})
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
        for start in range(0, len(there), _FETCHED_AT_ONCE):
            batch = there[start : start + _FETCHED_AT_ONCE]
            # Whoever stops does not wait for what is being fetched into it.
            with tempfile.TemporaryDirectory(
                prefix="affetto-", ignore_cleanup_errors=True
            ) as folder:
                for place, heard in self._hear(self._fetch(batch, tracks, Path(folder))):
                    yield place, self._keep(tracks[place], keys[place], heard)
            n_done += len(batch)
            progress(n_done, len(tracks))

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

    def _fetch(
        self, places: Sequence[int], tracks: Sequence[Listed], folder: Path
    ) -> dict[int, str]:
        """Fetch audio from servers; what one track cannot be had for is a failure of its own."""

        def fetch(place: int) -> Path | AffettoError:
            own = folder / str(place)  # two tracks may have one file name
            own.mkdir()
            try:
                return self.recordings.fetch(tracks[place], own)
            except AffettoError as exc:
                return exc

        fetched = dict(asked_together(fetch, places, _THREADS))
        found = {place: fetched[place] for place in places}
        errors = {place: one for place, one in found.items() if isinstance(one, AffettoError)}
        grave = [one for one in errors.values() if not _is_own(one)]
        if grave and len(errors) == len(found):
            raise grave[0]  # the server is gone, or the disk full: no use in going on
        self.failures += [(tracks[place], str(error)) for place, error in errors.items()]
        return {place: str(one) for place, one in found.items() if isinstance(one, Path)}

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


def _is_own(error: AffettoError) -> bool:
    """Whether it is one track that cannot be had, whatever there is of others."""
    is_gone = isinstance(error, ServiceRefusedError) and error.status in _NOT_THERE
    return is_gone or isinstance(error, PlaylistError)
