"""ReccoBeats' own hearing of clips that are sent to it: for those who ask for it by name."""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from affetto.collecting.clips import clip
from affetto.collecting.recordings import Recordings
from affetto.errors import InputError, OutputError, ServiceRefusedError, WorkerError
from affetto.sources.cache import FEATURES_DAYS, MISS_DAYS
from affetto.sources.contract import Listed, Progress, Told, silent
from affetto.sources.reccobeats import ReccoBeats

_UNHEARD = frozenset({400, 413, 415, 422})  # what is wrong is the clip, not who sends it


@dataclass(slots=True)
class Uploads:
    """A `FeatureSource` that sends the first 30 s of each track to ReccoBeats.

    Attributes
    ----------
    reccobeats : ReccoBeats
    recordings : Recordings
    failures : list of (Listed, str)
        What could not be sent, and why.
    """

    reccobeats: ReccoBeats
    recordings: Recordings
    name: str = "upload"
    failures: list[tuple[Listed, str]] = field(default_factory=list)

    def can_tell(self, listed: Listed) -> bool:
        """Whether there is audio to send."""
        return self.recordings.has(listed)

    def features(
        self, tracks: Sequence[Listed], progress: Progress = silent
    ) -> Iterator[tuple[int, Told]]:
        """Have tracks heard; see `affetto.sources.contract.FeatureSource.features`."""
        cache = self.recordings.cache
        for place, listed in enumerate(tracks):
            key = self.recordings.key(listed)
            kept = cache.get("reccobeats", "uploaded", key) if key else None
            if kept is not None:
                told = Told(kept.value or {})
            else:
                try:
                    with tempfile.TemporaryDirectory(prefix="affetto-") as folder:
                        audio = self.recordings.fetch(listed, Path(folder))
                        told = self.reccobeats.analyse(clip(audio, Path(folder)))
                except (InputError, OutputError, WorkerError, ServiceRefusedError) as exc:
                    if isinstance(exc, ServiceRefusedError) and exc.status not in _UNHEARD:
                        raise
                    self.failures.append((listed, str(exc)))
                    progress(place + 1, len(tracks))
                    continue
                if key:
                    heard = {key: dict(told.features) or None}
                    cache.put_many(
                        "reccobeats", "uploaded", heard, days=FEATURES_DAYS, miss_days=MISS_DAYS
                    )
            yield place, told
            progress(place + 1, len(tracks))
