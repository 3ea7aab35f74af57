"""What the report shows, section by section, worked out from the evidence."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from affetto.demo import SYNTHETIC_NOTE
from affetto.features import BY_NAME
from affetto.moods import resolve_moods
from affetto.reporting import charts, panels, unseen_view
from affetto.reporting.unseen_view import drawn as _drawn
from affetto.reporting.unseen_view import in_words, words_of
from affetto.reporting.words import feature_name, joined, known, of_100, spelt

Evidence = Mapping[str, Any]
Section = dict[str, Any]

MODEL_FILE = "model.affetto"
MOST_DOTTED = 14
"""Vocabularies beyond this are listed in tables instead of drawn as dots on the first page."""
STRONG_CORRELATION = 0.5
MOST_GROUPS = 60

_DROPPED = (
    ("dropped_unlabelled", "No usable label"),
    ("dropped_unusable", "A missing, unreadable or impossible value"),
    ("dropped_conflicts", "A track labelled with two moods: nobody can say which is right"),
    ("dropped_duplicates", "A repeat of a track that stands further up already"),
)


def build_view(evidence: Evidence) -> dict[str, Any]:
    """Work out all that the template shows.

    Parameters
    ----------
    evidence : mapping
        Of a training run.

    Returns
    -------
    dict
        ``sections`` (id to content, in the order of the page; only those that the evidence
        has something for) beside what the first page needs.
    """
    moods = list(evidence["moods"])
    one, many = words_of(evidence)
    view: dict[str, Any] = {
        "version": evidence.get("affetto", "?"),
        "moods": [
            {"name": name, "swatch": _drawn(panels.swatch(index))}
            for index, name in enumerate(moods)
        ],
        "swatches": {name: _drawn(panels.swatch(index)) for index, name in enumerate(moods)},
        "colours": [(mood.colour_light, mood.colour_dark) for mood in resolve_moods(moods)],
        "strip": _drawn(panels.mood_strip([evidence["data"]["per_mood"].get(m, 0) for m in moods])),
        "features": list(evidence["features"]),
        "group": one,
        "groups": many,
        "tables": [table["name"] for table in _source(evidence).get("tables", [])],
        "synthetic": SYNTHETIC_NOTE if _source(evidence).get("synthetic") else None,
        "head": _head(evidence, moods, many),
        "chosen": _chosen(evidence),
        "model_file": MODEL_FILE,
        "even_log_loss": math.log(len(moods)),
    }
    builders = {
        "advice": _advice,
        "data": _data,
        "split": _split,
        "exploration": _exploration,
        "candidates": _candidates,
        "drives": _drives,
        "learning": _learning,
        "test": _test,
        "confidence": _confidence,
        "unseen": unseen_view.unseen,
        "sources": unseen_view.sources,
        "agreement": unseen_view.consistency,
        "needs": unseen_view.needs,
        "suspects": unseen_view.suspects,
        "rules": unseen_view.rules,
        "use": _use,
        "measured": _measured,
        "glossary": _glossary,
    }
    sections = {name: build(evidence, moods, many) for name, build in builders.items()}
    view["sections"] = {name: content for name, content in sections.items() if content is not None}
    return view


def floor_of(evidence: Evidence) -> float | None:
    """Accuracy of always saying the most frequent mood."""
    for row in evidence["candidates"]:
        if row["name"] == "majority":
            return float(row["cv"]["accuracy"])
    counts = evidence["data"]["per_mood"].values()
    return max(counts) / sum(counts) if sum(counts) else None


def step_sizes(evidence: Evidence) -> dict[str, float]:
    """Pool the standard deviation of each feature over all moods.

    σ² = (Σ (n−1) s² + Σ n (m − m̄)²) / (N − 1), summed over moods.
    """
    exploration, split = evidence.get("exploration"), evidence.get("split")
    if not exploration or not split:
        return {}
    counts = {mood: n for mood, n in split["train"].items() if n > 0}
    total = sum(counts.values())
    steps = {}
    for feature in evidence["features"]:
        own = {m: exploration["features"].get(m, {}).get(feature) for m in counts}
        if total < 2 or not all(own.values()):
            continue
        mean = sum(counts[m] * own[m]["mean"] for m in counts) / total
        squares = sum(
            (counts[m] - 1) * own[m]["sd"] ** 2 + counts[m] * (own[m]["mean"] - mean) ** 2
            for m in counts
        )
        steps[feature] = math.sqrt(squares / (total - 1))
    return steps


def _source(evidence: Evidence) -> Mapping[str, Any]:
    source: Mapping[str, Any] = evidence.get("source") or {}
    return source


def _chosen(evidence: Evidence) -> Mapping[str, Any]:
    rows = evidence["candidates"]
    found: Mapping[str, Any] = next(r for r in rows if r["name"] == evidence["chosen"])
    return found


def _head(evidence: Evidence, moods: Sequence[str], groups: str) -> Section:
    test, unseen = evidence["test"], evidence.get("unseen_group")
    shown = unseen or test
    recalls = {
        mood: figures["recall"]
        for mood, figures in shown["per_mood"].items()
        if known(figures["recall"])
    }
    floor = floor_of(evidence)
    dotted = len(moods) <= MOST_DOTTED
    return {
        "n_moods": spelt(len(moods)),
        "accuracy": shown["accuracy"],
        "right": of_100(shown["accuracy"]),
        "right_random": of_100(test["accuracy"]),
        **unseen_view.headline(evidence, floor),
        "test": test,
        "floor": floor,
        "best": max(recalls, key=lambda mood: recalls[mood]) if recalls else None,
        "worst": min(recalls, key=lambda mood: recalls[mood]) if recalls else None,
        "recalls": recalls,
        "group_like_column": _source(evidence).get("group_like_column"),
        "chart_unseen": _drawn(
            charts.recognised(
                "recognised-unseen", unseen["per_mood"], moods, f"on {groups} never seen",
                unseen=True,
            )
        ) if unseen and dotted else None,
        "chart_random": _drawn(
            charts.recognised(
                "recognised-random", test["per_mood"], moods, "on a random split", unseen=False
            )
        ) if dotted else None,
    }  # fmt: skip


def _advice(evidence: Evidence, moods: Sequence[str], groups: str) -> Section | None:
    pieces = evidence.get("advice")
    return {"title": "What to do next", "pieces": pieces} if pieces else None


def _data(evidence: Evidence, moods: Sequence[str], groups: str) -> Section:
    data = evidence["data"]
    sizes = sorted((data.get("groups") or {}).items())
    return {
        "title": "The data",
        "rows": data["rows"],
        "used": data["rows_used"],
        "dropped": [(data[key], words) for key, words in _DROPPED if data.get(key)],
        "shared": data.get("shared_between_tables", 0),
        # Those that open stand together, after the others.
        "findings": sorted(
            (f for f in data.get("findings", []) if f["kind"] != "note"),
            key=lambda finding: bool(finding["examples"]),
        ),
        "notes": [f["text"] for f in data.get("findings", []) if f["kind"] == "note"],
        "sizes": sizes[:MOST_GROUPS],
        "more_sizes": max(0, len(sizes) - MOST_GROUPS),
        "n_groups": len(sizes),
    }


def _split(evidence: Evidence, moods: Sequence[str], groups: str) -> Section | None:
    split = evidence.get("split")
    if not split:
        return None
    return {
        "title": "The split",
        "n_train": sum(split["train"].values()),
        "n_test": sum(split["test"].values()),
        "chart": _drawn(
            panels.class_distribution("distribution", split["train"], split["test"], moods)
        ),
    }


def _exploration(evidence: Evidence, moods: Sequence[str], groups: str) -> Section | None:
    exploration = evidence.get("exploration")
    if not exploration:
        return None
    features, matrix = list(evidence["features"]), exploration["correlation"]
    told = [row for row in exploration["separability"] if known(row["auc"])]
    pairs = [
        (matrix[i][j], features[i], features[j])
        for i in range(len(features))
        for j in range(i)
        if abs(matrix[i][j]) >= STRONG_CORRELATION
    ]
    return {
        "title": "What the moods look like",
        "panels": [
            {
                "title": feature_name(name).capitalize(),
                "about": _feature_about(name),
                "chart": _drawn(
                    panels.feature_panel(f"feature-{place}", name, exploration["features"], moods)
                ),
            }
            for place, name in enumerate(features)
        ],
        "by_mood": exploration["features"],
        "easiest": told[0] if told else None,
        "hardest": told[-1] if len(told) > 1 else None,
        "separability": _drawn(
            panels.separability("separability", exploration["separability"], moods)
        ),
        "correlation": _drawn(panels.correlation("correlation", matrix, features)),
        "pairs": sorted(pairs, key=lambda pair: -abs(pair[0]))[:3],
    }


def _feature_about(name: str) -> str:
    kind = BY_NAME.get(name)
    if kind is None:
        return ""
    unit = "minutes" if kind.unit == "ms" else kind.unit
    return f"{kind.meaning}, {unit}" if unit else kind.meaning


def _candidates(evidence: Evidence, moods: Sequence[str], groups: str) -> Section:
    rows, chosen = evidence["candidates"], evidence["chosen"]
    drawn = [row for row in rows if row["name"] != "majority"] or rows
    by_name = {row["name"]: row for row in rows}
    return {
        "title": "The candidates",
        "rows": [{"unseen_group": None, **row} for row in sorted(rows, key=charts.by_merit)],
        "chosen": chosen,
        "with_unseen": any(row.get("unseen_group") for row in rows),
        "choice": in_words(evidence, (evidence.get("choice") or {}).get("words")),
        "chart": _drawn(
            charts.candidates("candidates", drawn, chosen, floor=floor_of(evidence), groups=groups)
        ),
        "searched_unseen": _searched_unseen(evidence),
        "searches": [
            _search(f"search-{index}", by_name.get(name, {"title": name}), rows)
            for index, (name, rows) in enumerate((evidence.get("searches") or {}).items())
            if rows
        ],
    }


def _searched_unseen(evidence: Evidence) -> bool:
    """Whether settings were judged on groups kept unseen; older runs never did."""
    return (evidence.get("protocol") or {}).get("searched_by") == "unseen groups"


def _search(name: str, candidate: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Section:
    chosen = candidate.get("settings", {})
    keys = [key for key in rows[0] if key not in {"validation", "sd", "log_loss", "train"}]
    varying = [key for key in keys if len({row[key] for row in rows}) > 1] or keys[:1]
    if len(varying) == 2:
        drawn = panels.search_map(name, rows, (varying[0], varying[1]), chosen)
    elif len(varying) == 1 and all(isinstance(row[varying[0]], (int, float)) for row in rows):
        drawn = panels.search_curve(name, rows, varying[0], chosen)
    else:
        drawn = None
    return {
        "title": candidate["title"],
        "count": len(rows),
        "chosen": {key: chosen[key] for key in varying if key in chosen},
        "chart": _drawn(drawn) if drawn else None,
    }


def _drives(evidence: Evidence, moods: Sequence[str], groups: str) -> Section | None:
    table = evidence.get("interpretation")
    if not table:
        return None
    domain, steps = panels.odds_domain(table), step_sizes(evidence)
    rows = [{**row, "mood": mood, "step": steps.get(row["feature"])}
            for mood, own in table.items() for row in own]  # fmt: skip
    raising = [row for row in rows if row["low"] > 1]
    lowering = [row for row in rows if row["high"] < 1]
    return {
        "title": "What drives each mood",
        "raising": max(raising, key=lambda row: float(row["low"])) if raising else None,
        "lowering": min(lowering, key=lambda row: float(row["high"])) if lowering else None,
        "leading": [
            max((row for row in rows if row["mood"] == mood), key=lambda r: float(r["odds_ratio"]))
            for mood in moods
            if table.get(mood)
        ],
        "panels": [
            {
                "mood": mood,
                "chart": _drawn(
                    panels.odds_panel(f"odds-{index}", mood, index, table[mood], domain)
                ),
            }
            for index, mood in enumerate(moods)
            if table.get(mood)
        ],
    }


def _learning(evidence: Evidence, moods: Sequence[str], groups: str) -> Section | None:
    curve, gap = evidence.get("learning_curve"), evidence.get("gap")
    if not curve or not gap:
        return None
    return {
        "title": "Would more tracks help?",
        "points": curve,
        "gap": gap,
        "chart": _drawn(charts.learning_curve("learning-curve", curve)),
    }


def _test(evidence: Evidence, moods: Sequence[str], groups: str) -> Section:
    test = evidence["test"]
    return {
        "title": "The test",
        "figures": test,
        "confusion": _drawn(
            charts.confusion("confusion-test", test["confusion"], moods, "on the test tracks")
        ),
        "measures": _drawn(charts.per_mood_measures("measures-test", test["per_mood"], moods)),
        "pair": test.get("most_confused"),
    }


def _confidence(evidence: Evidence, moods: Sequence[str], groups: str) -> Section | None:
    random = evidence["test"].get("coverage")
    if not random:
        return None
    unseen = (evidence.get("unseen_group") or {}).get("coverage")
    best = unseen or random
    return {
        "title": "How far to trust its confidence",
        "half": best.get("0.5"),
        "all": best.get("1"),
        "random": random,
        "unseen": unseen,
        "ece": evidence["test"].get("ece"),
        "ece_unseen": (evidence.get("unseen_group") or {}).get("ece"),
        "chart": _drawn(charts.coverage("coverage", random, unseen, groups)),
    }


def _use(evidence: Evidence, moods: Sequence[str], groups: str) -> Section:
    columns = [mood.column for mood in resolve_moods(moods)]
    return {
        "title": "Using the model",
        "columns": joined(columns, most=6),
        "features": [feature_name(name) for name in evidence["features"]],
    }


def _measured(evidence: Evidence, moods: Sequence[str], groups: str) -> Section:
    searches = evidence.get("searches") or {}
    return {
        "title": "How all this was measured",
        "searched_unseen": _searched_unseen(evidence),
        "seed": evidence["seed"],
        "seconds": evidence["seconds"],
        "test_size": (evidence.get("split") or {}).get("test_size"),
        "n_settings": sum(len(rows) for rows in searches.values()),
        "n_candidates": len(evidence["candidates"]),
        "rule": in_words(evidence, (evidence.get("unseen_group") or {}).get("rule")),
        "protocol": evidence.get("protocol") or {},
        "versions": evidence.get("versions") or {},
        "tables": _source(evidence).get("tables", []),
    }


def _glossary(evidence: Evidence, moods: Sequence[str], groups: str) -> Section:
    return {"title": "Words used here"}
