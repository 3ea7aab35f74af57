"""The whole error tree: what a caller may catch, and what each kind means.

::

    AffettoError                     everything affetto raises on purpose
    ├── UsageError                   the call itself is off: an unknown option, a wrong mapping
    ├── InputError                   something given to affetto cannot be used
    │   ├── TableError               a table is missing, unreadable, or holds no usable columns
    │   ├── DatasetError             a named dataset is unknown, absent, or fails its checksum
    │   ├── AudioError               an audio file cannot be used: missing, not audio, no samples
    │   │   └── DecoderMissingError  reading this format needs the extra [av]
    │   ├── TagError                 a file's tags cannot be read or written; left as they were
    │   │   └── TaggerMissingError   writing tags needs the extra [tags]
    │   ├── PlaylistError            a playlist cannot be used: unknown, private, empty
    │   └── LabelError               labels that cannot be learned from: one mood, too few tracks
    ├── ServiceError                 a web service or a music server cannot do what was asked
    │   ├── ServiceUnreachableError  it does not answer: down, a wrong address, no network
    │   ├── ServiceAnswerError       its answer is none: a web page, a cut text, another shape
    │   ├── ServiceRefusedError      it says no; `status` is its HTTP status
    │   │   └── LoginError           it does not know who asks: no, a wrong or an expired login
    │   ├── ServiceBusyError         it asks to wait for long; `until` is when to come back
    │   ├── OfflineError             the answer is not kept, and nothing may be asked
    │   └── ClientMissingError       asking services needs the extra [sources]
    ├── ModelError                   a model file or its content
    │   ├── ModelFormatError         truncated, altered, oversized, from a newer format, or hostile
    │   └── FeatureMismatchError     a table lacks a feature that the model needs
    ├── WorkerError                  a process could not do its job: a bug, memory ran out
    │   ├── WorkerDiedError          it crashed or was killed
    │   └── WorkerTimeoutError       it took longer than allowed and was given up
    ├── CatalogueError               the music library's database cannot do what was asked
    │   ├── CatalogueFormatError     the file is none, or one of a newer affetto; left untouched
    │   ├── CatalogueDamagedError    it is damaged; a copy was kept, and it can be rebuilt
    │   ├── CatalogueBusyError       another program holds it for too long
    │   ├── CatalogueFullError       the disk is full, or it cannot be written to
    │   ├── ScanRunningError         another scan of the same library is under way
    │   └── TrackNotFoundError       the library has no such track
    └── OutputError                  a result could not be written; nothing half-written stays

Every message says what was found, what was expected, and what to do.
"""


class AffettoError(Exception):
    """Base of every error that affetto raises on purpose."""


class UsageError(AffettoError):
    """The call itself is off: an unknown option value, a mapping that cannot be read."""


class InputError(AffettoError):
    """Something given to affetto cannot be used."""


class TableError(InputError):
    """A table is missing, unreadable, or holds no usable columns."""


class DatasetError(InputError):
    """A named dataset is unknown, absent, or fails its checksum."""


class AudioError(InputError):
    """An audio file cannot be used at all: missing, not audio, no samples, too damaged."""


class DecoderMissingError(AudioError):
    """Reading this audio format needs the extra ``affetto[av]``, which is not installed."""


class TagError(InputError):
    """A file's tags cannot be read or written; the file is left as it was."""


class TaggerMissingError(TagError):
    """Reading and writing tags needs the extra ``affetto[tags]``, which is not installed."""


class PlaylistError(InputError):
    """A playlist cannot be used: there is none of that name, it is private, or it is empty."""


class LabelError(InputError):
    """Labels that cannot be learned from: one mood only, too few tracks, one group."""


class ServiceError(AffettoError):
    """A web service or a music server cannot do what was asked."""


class ServiceUnreachableError(ServiceError):
    """A service does not answer: it is down, its address is wrong, or there is no network."""


class ServiceAnswerError(ServiceError):
    """A service's answer is none: a web page, a text that was cut, or one of another shape."""


class ServiceRefusedError(ServiceError):
    """A service says no.

    Attributes
    ----------
    status : int
        HTTP status of its answer.
    told : str
        What it says of the reason; empty where it says nothing.
    """

    def __init__(self, message: str, *, status: int = 0, told: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.told = told


class LoginError(ServiceRefusedError):
    """A service does not know who asks: there is no login, or a wrong or an expired one."""


class ServiceBusyError(ServiceError):
    """A service asks to wait longer than a run waits.

    Attributes
    ----------
    until : float
        When to come back, in seconds since the epoch.
    """

    def __init__(self, message: str, *, until: float = 0.0) -> None:
        super().__init__(message)
        self.until = until


class OfflineError(ServiceError):
    """The answer is not among those kept, and nothing may be asked (``--offline``)."""


class ClientMissingError(ServiceError):
    """Asking web services needs the extra ``affetto[sources]``, which is not installed."""


class ModelError(AffettoError):
    """A model file, or what it holds, cannot be used."""


class ModelFormatError(ModelError):
    """A model file is truncated, altered, oversized, from a newer format, or built to harm."""


class FeatureMismatchError(ModelError):
    """A table lacks a feature that the model needs."""


class WorkerError(AffettoError):
    """A process could not do its job: it cannot start, met a bug, or ran out of memory."""


class WorkerDiedError(WorkerError):
    """The process that worked on an item crashed or was killed."""


class WorkerTimeoutError(WorkerError):
    """An item took longer than allowed; its process was ended."""


class CatalogueError(AffettoError):
    """The music library's database cannot do what was asked."""


class CatalogueFormatError(CatalogueError):
    """The file is no database of affetto's, or one of a newer affetto; it is left untouched."""


class CatalogueDamagedError(CatalogueError):
    """The database is damaged; a copy was kept, and it can be rebuilt from what is readable."""


class CatalogueBusyError(CatalogueError):
    """Another program holds the database for too long."""


class CatalogueFullError(CatalogueError):
    """The disk is full, or the database cannot be written to; what was there before stays."""


class ScanRunningError(CatalogueError):
    """Another scan of the same library is under way."""


class TrackNotFoundError(CatalogueError):
    """The library has no such track."""


class OutputError(AffettoError):
    """A result could not be written; nothing half-written stays."""
