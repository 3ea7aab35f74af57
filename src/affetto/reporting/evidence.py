"""Reading the evidence of a training run back, checked before anything is drawn from it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import affetto
from affetto.errors import InputError, UsageError
from affetto.moods import resolve_moods

EVIDENCE_FILE = "evidence.json"
MAX_EVIDENCE_BYTES = 64 * 2**20
"""Far above any real one: a run with 50 moods takes 2 MiB."""


LARGEST = 1e15
"""No count, length in ms, or odds ratio of real tracks comes near."""


@dataclass(frozen=True, slots=True)
class _Maybe:
    """A shape, or null."""

    shape: Any


# A shape is a type, a tuple of them, [shape of each], {"*": shape of each value},
# {"key": shape, "key that may be absent?": shape}, or _Maybe(shape).
_NUMBER = (int, float)
_SCALAR = (int, float, str)
_FIGURE = _Maybe(_NUMBER)
_COUNTS = {"*": int}
_JUDGED = {
    "accuracy": _NUMBER,
    "n": int,
    "confusion": [[int]],
    "per_mood": {"*": {"precision": _FIGURE, "recall": _FIGURE, "f1": _FIGURE, "n": int}},
    "balanced_accuracy?": _FIGURE,
    "macro_f1?": _FIGURE,
    "log_loss?": _FIGURE,
    "ece?": _FIGURE,
    "coverage?": {"*": _NUMBER},
    "most_confused?": _Maybe(
        {
            "moods": [str],
            "first_as_second": int,
            "second_as_first": int,
            "share_of_errors": _NUMBER,
        }
    ),
}
_CURVE = {"exponent": _FIGURE, "low": _FIGURE, "high": _FIGURE, "words": str}
_NEEDED: Mapping[str, Any] = {
    "moods": [str],
    "features": [str],
    "seed": int,
    "seconds": _NUMBER,
    "data": {
        "rows": int,
        "rows_used": int,
        "per_mood": _COUNTS,
        "dropped_unlabelled?": int,
        "dropped_unusable?": int,
        "dropped_conflicts?": int,
        "dropped_duplicates?": int,
        "shared_between_tables?": int,
        "findings?": [{"kind": str, "text": str, "examples": [str]}],
        "groups?": _Maybe(_COUNTS),
    },
    "candidates": [
        {
            "name": str,
            "title": str,
            "about?": str,
            "settings?": {"*": _Maybe(_SCALAR)},
            "cv": {"accuracy": _NUMBER, "low": _NUMBER, "high": _NUMBER, "log_loss?": _FIGURE},
            "train_accuracy": _NUMBER,
            "unseen_group?": _Maybe({"accuracy": _NUMBER, "balanced_accuracy": _FIGURE}),
            "seconds?": _FIGURE,
        }
    ],
    "chosen": str,
    "test": _JUDGED | {"low": _NUMBER, "high": _NUMBER},
}
_SHOWN_WHERE_THERE: Mapping[str, Any] = {
    "affetto": str,
    "source": {
        "tables": [{"name": str, "mood?": _Maybe(str)}],
        "synthetic?": bool,
        "group?": _Maybe(str),
        "group_like_column?": _Maybe(str),
    },
    "split": {"test_size": _NUMBER, "train": _COUNTS, "test": _COUNTS},
    "exploration": {
        "features": {
            "*": {
                "*": dict.fromkeys(("mean", "sd", "q25", "median", "q75"), _NUMBER)
            }
        },
        "separability": [
            {"mood": str, "auc": _FIGURE, "feature": str, "feature_auc": _FIGURE, "direction": str}
        ],
        "correlation": [[_NUMBER]],
    },
    "searches": {"*": [{"validation": _NUMBER, "train?": _FIGURE}]},
    "choice": {"words": str},
    "unseen_group": _JUDGED
    | {
        "rule": str,
        "folds": int,
        "accuracy_sd?": _FIGURE,
        "intervals?": {"*": [_NUMBER]},
        "chosen_by?": str,
        "chosen?": _COUNTS,
    },
    "unseen_source": {
        "balanced_accuracy": _NUMBER,
        "log_loss": _NUMBER,
        "ece?": _FIGURE,
        "intervals?": _Maybe({"*": [_NUMBER]}),
        "rule": str,
        "sources": {
            "*": {"balanced_accuracy": _NUMBER, "log_loss": _NUMBER, "moods": [str], "n": int}
        },
        "without?": [
            {
                "source": str,
                "judged": int,
                "balanced_accuracy": _NUMBER,
                "log_loss": _NUMBER,
                "se": _FIGURE,
                "hurts": bool,
                "helps": bool,
            }
        ],
    },
    "learning_curve": [
        {
            "n": int,
            "train": _NUMBER,
            "validation": _NUMBER,
            "validation_se?": _FIGURE,
            "to_last_se?": _FIGURE,
        }
    ],
    "gap": {"words": str},
    "interpretation": {
        "*": [{"feature": str, "odds_ratio": _NUMBER, "low": _NUMBER, "high": _NUMBER}]
    },
    "rules": [
        {"mood": str, "rule": str, "precision": _FIGURE, "recall": _FIGURE, "f1": _FIGURE,
         "low?": _FIGURE, "high?": _FIGURE, "n?": int, "model_accuracy?": _FIGURE,
         "beats_model?": bool}
    ],
    "consistency": [
        {
            "mood": str,
            "group": str,
            "auc": _FIGURE,
            "agreement": _FIGURE,
            "n?": int,
            "p_own?": _FIGURE,
            "pairs?": [{"group": str, "auc": _NUMBER}],
            "called?": _Maybe({"mood": str, "share": _NUMBER}),
            "others_without?": _Maybe({"gain": _NUMBER, "se": _NUMBER}),
            "verdict?": str,
            "words?": str,
        }
    ],
    "needs": {
        "moods": [
            {
                "mood": str,
                "groups": int,
                "tracks": int,
                "recall": _FIGURE,
                "priority": _FIGURE,
                "doubled": _Maybe(
                    {"groups": int, "recall": _NUMBER, "low": _NUMBER, "high": _NUMBER}
                ),
            }
        ],
        "by_groups": _CURVE | {"points": [{"n": int, "recall": _NUMBER}]},
        "by_tracks": _CURVE | {"points": [{"share": _NUMBER, "recall": _NUMBER}]},
    },
    "suspects": {
        "judged": int,
        "found": int,
        "unlikely": int,
        "expected": _NUMBER,
        "many": bool,
        "left_out?": [str],
        "tracks": [
            {
                "name": str,
                "table": str,
                "group": _Maybe(str),
                "mood": str,
                "p_own": _NUMBER,
                "likely": str,
                "p_likely": _NUMBER,
            }
        ],
    },
    "advice": [{"finding": str, "evidence": str, "do": str}],
    "protocol": {"*": _SCALAR},
    "versions": {"*": str},
}  # fmt: skip


def read_evidence(folder: str | Path) -> dict[str, Any]:
    """Read the evidence that a training run left in a folder.

    Parameters
    ----------
    folder : path
        What ``affetto train --out`` wrote, or the ``evidence.json`` in it.

    Returns
    -------
    dict
        Checked: a report can be drawn of it. Keys that are not known are left alone. Of a
        newer affetto's evidence, parts that have another shape than known are left out, as
        long as what a report needs is there.

    Raises
    ------
    InputError
        If there is no such folder, no evidence in it, or it is none.
    """
    folder = Path(folder)
    path = folder if folder.is_file() else folder / EVIDENCE_FILE
    if not path.exists():
        raise InputError(_absent(folder))
    try:
        size = path.stat().st_size
        if size > MAX_EVIDENCE_BYTES:
            raise InputError(
                f"{path} takes {size / 2**20:.0f} MiB, far more than evidence does; "
                "name the folder that affetto train wrote"
            )
        # NaN is not JSON, yet read by Python: an undefined figure is null.
        evidence = json.loads(path.read_text(encoding="utf-8"), parse_constant=lambda _: None)
    except OSError as exc:
        raise InputError(f"cannot read {path}: {exc.strerror}") from exc
    except (ValueError, RecursionError) as exc:
        raise InputError(
            f"{path} is not JSON ({exc}); was it cut short or edited? affetto train writes it anew"
        ) from exc
    if not isinstance(evidence, dict):
        raise InputError(
            f"{path} holds a {type(evidence).__name__} in place of evidence; expected an object "
            "with moods, features, candidates, test; affetto train writes it"
        )
    return _checked(evidence, path)


def _absent(folder: Path) -> str:
    if not folder.exists():
        return f"there is no folder {folder}; affetto train TABLE --out {folder} makes one"
    inside = sorted(child.parent for child in folder.glob(f"*/{EVIDENCE_FILE}"))
    hint = f"did you mean {inside[0]}?" if inside else "name the folder that affetto train wrote"
    return f"found no {EVIDENCE_FILE} in {folder}; {hint}"


def _checked(evidence: dict[str, Any], path: Path) -> dict[str, Any]:
    """Refuse what no report can be drawn of, naming what is wrong."""
    writer = evidence.get("affetto")
    newer = isinstance(writer, str) and _release(writer) > _release(affetto.__version__)
    problem = _misfit(evidence, _NEEDED, "") or _contradiction(evidence)
    if problem and newer:
        raise InputError(
            f"{path} was written by affetto {writer}, and {problem}, which this affetto "
            f"({affetto.__version__}) cannot draw; update affetto"
        )
    kept = dict(evidence)
    if not problem:
        for key, shape in _SHOWN_WHERE_THERE.items():
            part = evidence.get(key)
            wrong = _misfit(part, _Maybe(shape), key) or (part and _odd_part(evidence, key))
            if wrong and newer:
                del kept[key]
            problem = problem or (None if newer else wrong)
    if problem:
        raise InputError(
            f"{path} is not the evidence of a training run: {problem}; affetto train writes it"
        )
    return kept


def _misfit(value: Any, shape: Any, where: str) -> str | None:
    """Say what does not have its shape, and where."""
    match shape:
        case _Maybe():
            return None if value is None else _misfit(value, shape.shape, where)
        case list():
            if not isinstance(value, list):
                return _is(where, value)
            parts = [(item, shape[0], f"{where}[{place}]") for place, item in enumerate(value)]
        case dict() if not isinstance(value, dict):
            return _is(where, value)
        case dict() if "*" in shape:
            parts = [(item, shape["*"], f"{where}.{key}") for key, item in value.items()]
        case dict():
            parts = []
            for key, inner in shape.items():
                name = key.removesuffix("?")
                inside = f"{where}.{name}".removeprefix(".")
                if name in value:
                    parts.append((value[name], inner, inside))
                elif name == key:
                    return f"{inside!r} is missing"
        case _:
            fits = isinstance(value, shape) and (shape is bool or not isinstance(value, bool))
            return None if fits and _reasonable(value) else _is(where, value)
    return next(filter(None, (_misfit(*part) for part in parts)), None)


def _reasonable(value: Any) -> bool:
    """Whether a number is one that can be drawn; anything else is."""
    return not isinstance(value, _NUMBER) or -LARGEST <= value <= LARGEST


def _is(where: str, value: Any) -> str:
    return f"{where!r} is {str(value)[:40]!r}"


def _contradiction(evidence: Mapping[str, Any]) -> str | None:
    """Say where the needed parts contradict each other."""
    moods, chosen = evidence["moods"], evidence["chosen"]
    try:
        resolve_moods(moods)
    except UsageError as exc:
        return f"its moods are no vocabulary ({exc})"
    if not evidence["features"]:
        return "it names no features"
    if chosen not in [row["name"] for row in evidence["candidates"]]:
        return f"the chosen {chosen!r} is not among its candidates"
    return _odd_part(evidence, "test")


def _odd_part(evidence: Mapping[str, Any], key: str) -> str | None:
    """Say what in one part does not go with the moods and features, or with itself."""
    part = evidence[key]
    match key:
        case "test" | "unseen_group":
            return _odd_judgement(part, key, evidence["moods"])
        case "exploration":
            return _unsquare(part["correlation"], f"{key}.correlation", len(evidence["features"]))
        case "searches":
            odd = [name for name, rows in part.items() if any(_unlike(rows[0], r) for r in rows)]
            return f"the settings of 'searches.{odd[0]}' differ in kind" if odd else None
    return None


def _odd_judgement(part: Mapping[str, Any], key: str, moods: Sequence[str]) -> str | None:
    missing = [mood for mood in moods if mood not in part["per_mood"]]
    if missing:
        return f"'{key}.per_mood' lacks {missing[0]!r}"
    if not all(share.replace(".", "", 1).isdecimal() for share in part.get("coverage", ())):
        return f"'{key}.coverage' is not by share"
    pair = part.get("most_confused")
    if pair and len(pair["moods"]) != 2:
        return f"'{key}.most_confused.moods' is no pair"
    return _unsquare(part["confusion"], f"{key}.confusion", len(moods))


def _unlike(first: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    plain = all(value is None or isinstance(value, _SCALAR) for value in row.values())
    return row.keys() != first.keys() or not plain


def _unsquare(matrix: list[list[Any]], where: str, size: int) -> str | None:
    square = len(matrix) == size and all(len(row) == size for row in matrix)
    return None if square else f"{where!r} is not {size} × {size}"


def _release(version: str) -> tuple[int, ...]:
    """Give the numbers of a version, as far as they are numbers."""
    numbers: list[int] = []
    for part in version.split("."):
        if not part.isdecimal():
            break
        numbers.append(int(part))
    return tuple(numbers)
