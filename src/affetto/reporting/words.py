"""Numbers and names as people read them: percentages, units, lists, settings."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from affetto.features import BY_NAME

UNKNOWN = "–"
"""What stands in place of a figure that is not defined."""

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_GROUP_WORDS = {
    "playlist": "playlists",
    "artist": "artists",
    "album": "albums",
    "source": "sources",
    "genre": "genres",
}
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def known(value: Any) -> TypeGuard[float]:
    """Tell whether a figure is there: neither absent nor NaN."""
    return value is not None and math.isfinite(value)


def three(value: float | None) -> str:
    """Three decimals, as tables have them."""
    return _signed(f"{value:.3f}") if value is not None and known(value) else UNKNOWN


def percent(value: float | None) -> str:
    """Whole percent; neither 0% nor 100% unless exactly that."""
    if value is None or not known(value):
        return UNKNOWN
    if 0 < value < 0.005:
        return "< 1%"
    return "> 99%" if 0.995 < value < 1 else f"{100 * value:.0f}%"


def tiny(value: float | None) -> str:
    """Write a small chance to a tenth of a percent."""
    if value is None or not known(value):
        return UNKNOWN
    return "< 0.1%" if 0 < value < 0.0005 else f"{100 * value:.1f}%"


def points(value: float | None, *, sign: bool = True) -> str:
    """Write a difference of shares in percentage points, with one decimal."""
    if value is None or not known(value):
        return UNKNOWN
    return _signed(f"{100 * value:+.1f}" if sign else f"{100 * value:.1f}")


def of_100(value: float) -> int:
    """How many of 100; neither none nor all unless exactly that."""
    whole = round(100 * value)
    if 0 < value < 1:
        return min(99, max(1, whole))
    return whole


def thousands(value: int) -> str:
    """Write a count."""
    return f"{value:,}"


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """``1 track``, ``2 tracks``."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def spelt(count: int) -> str:
    """Write a small number as a word."""
    return _NUMBERS[count] if 0 <= count < len(_NUMBERS) else str(count)


def joined(names: Sequence[str], last: str = "and", most: int = 50) -> str:
    """List names as ``a, b and c``; past `most`, say how many more there are."""
    shown = list(names)
    if len(shown) > most:
        shown = [*shown[: most - 1], f"{len(shown) - most + 1} more"]
    return f" {last} ".join(filter(None, (", ".join(shown[:-1]), shown[-1]))) if shown else ""


def factor(value: float | None) -> str:
    """Write an odds ratio: two significant digits, none past the point from 10 on."""
    if value is None or not known(value):
        return UNKNOWN
    if value >= 9.95:
        return f"{value:,.0f}" if value < 10_000 else f"{_powered(value)}"
    if value < 0.01:
        return f"{value:.1g}" if value >= 0.001 else _powered(value)
    return f"{value:.1f}" if value >= 0.995 else f"{value:.2f}"


def feature_value(feature: str, value: float | None, *, unit: bool = True) -> str:
    """Write a feature's value in its unit; a length as minutes and seconds.

    Parameters
    ----------
    feature : str
    value : float or None
    unit : bool
        Whether the unit is written after it.
    """
    if value is None or not known(value):
        return UNKNOWN
    kind = BY_NAME.get(feature)
    match kind.unit if kind else "":
        case "ms":
            seconds = round(value / 1000)
            sign, seconds = ("−" if seconds < 0 else ""), abs(seconds)
            return f"{sign}{seconds // 60}:{seconds % 60:02d}" + (" min" if unit else "")
        case "BPM":
            return f"{value:.0f}" + (" BPM" if unit else "")
        case "dB":
            return _signed(f"{value:.1f}") + (" dB" if unit else "")
    if value == 0:
        return "0"
    return _signed(f"{value:.2f}") if abs(value) >= 0.005 else "< 0.01"


def duration(seconds: float | None) -> str:
    """Write a span of time: ``0.4 ms``, ``12 s``, ``2 min 20 s``."""
    if seconds is None or not known(seconds):
        return UNKNOWN
    if seconds < 0.9995:
        return f"{1000 * seconds:.0f} ms" if seconds >= 0.001 else "< 1 ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def clock(seconds: float) -> str:
    """Write a time as people count tracks: ``3:05``, ``1:02:30``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def setting_value(value: Any) -> str:
    """Write the value of a setting; powers of ten as such."""
    if isinstance(value, bool) or not isinstance(value, float):
        return str(value)
    if value and not 0.001 <= abs(value) < 10_000:
        return _powered(value)
    return f"{value:,.0f}" if abs(value) >= 1000 else _signed(f"{value:.3g}")


def settings_text(settings: Mapping[str, Any]) -> str:
    """``C = 0.36, kind = log``."""
    return ", ".join(
        f"{name.replace('_', ' ')} = {setting_value(value)}" for name, value in settings.items()
    )


def feature_name(feature: str) -> str:
    """Write a feature's name for people: a length is a duration, in whatever unit."""
    return "duration" if feature == "duration_ms" else feature


def group_words(column: str | None) -> tuple[str, str]:
    """Say what was kept unseen, or could be, in the singular and the plural.

    Parameters
    ----------
    column : str or None
        The column that tells groups. Without one the advice speaks of playlists: by far the
        most common groups.
    """
    if column is None:
        return "playlist", "playlists"
    for word, plural in _GROUP_WORDS.items():
        if word in column.lower():
            return word, plural
    return "group", "groups"


def named(sentence: str, one: str, many: str) -> str:
    """Write what the groups are in place of the word group; no name may stand in the sentence."""
    return re.sub(r"\b(group|playlist)(s?)\b", lambda found: many if found[2] else one, sentence)


def _powered(value: float) -> str:
    """``7.7 × 10⁻⁴``."""
    if value == 0:
        return "0"
    mantissa, _, exponent = f"{value:.1e}".partition("e")
    power = "10" + str(int(exponent)).translate(_SUPERSCRIPTS)
    digits = mantissa.removesuffix(".0")
    return power if digits == "1" else f"{_signed(digits)} × {power}"


def _signed(written: str) -> str:
    return written.replace("-", "−")
