"""What affetto writes into a file's tags, whatever the format."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

Field = Literal["mood", "bpm", "key", "confidence", "version"]
FIELDS: tuple[Field, ...] = get_args(Field)
"""What affetto writes."""

Raw = list[Any]
"""What a field was, as JSON can hold it: enough to put it back."""

Values = Mapping[Field, tuple[str, ...]]
"""Fields and their values; no value: the field is not there."""

NAMES: dict[Field, str] = {
    "mood": "MOOD",
    "bpm": "BPM",
    "key": "INITIALKEY",
    "confidence": "AFFETTO_CONFIDENCE",
    "version": "AFFETTO_VERSION",
}
"""What each field is called where names are free."""


class Tags(ABC):
    """The tags of one file, as they were read; changes are written to a copy of the file.

    Attributes
    ----------
    existed : bool
        Whether the file has tags of this kind at all.
    """

    existed: bool

    @abstractmethod
    def values(self, field: Field) -> tuple[str, ...]:
        """Give a field's values; empty where it has none."""

    @abstractmethod
    def raw(self, field: Field) -> Raw:
        """Give a field as it is stored."""

    @abstractmethod
    def put(self, field: Field, values: Sequence[str]) -> None:
        """Give a field these values and no others; none: remove it."""

    @abstractmethod
    def restore(self, field: Field, raw: Raw) -> None:
        """Make a field what `raw` told it was."""

    @abstractmethod
    def others(self, fields: Iterable[Field]) -> list[str]:
        """Describe all that is none of these fields, to be compared."""

    @abstractmethod
    def write_copy(self, source: Path, target: Path, *, drop_empty: bool = False) -> None:
        """Write a copy of a file, with these tags; without any where none is left to hold.

        Parameters
        ----------
        source, target : Path
            The file that was read, and its copy.
        drop_empty : bool
            Leave out tags that hold nothing.
        """
