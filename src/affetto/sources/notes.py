"""What reading a table found out, in words for people."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Note:
    """Something recognised, converted or doubted while reading.

    Attributes
    ----------
    kind : str
        ``"encoding"``, ``"header"``, ``"column"``, ``"row"``, ``"unit"`` or
        ``"missing_feature"``.
    text : str
        One sentence: what was found, what was done.
    """

    kind: str
    text: str

    def __str__(self) -> str:
        return self.text
