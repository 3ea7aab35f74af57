"""What the report shows of music never seen: its part of the first page, and sections."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from affetto.reporting import agreement as agreeing
from affetto.reporting import charts, unseen_charts
from affetto.reporting.unseen_charts import finite_interval
from affetto.reporting.words import counted, group_words, joined, known, named, of_100

Evidence = Mapping[str, Any]
Section = dict[str, Any]

SMALL_DROP = 0.03
"""Unseen groups within this of the random split count as equal."""

MOST_SHOWN = 10
"""Doubtful labels beyond this are folded."""

MOST_SENTENCES = 6


def words_of(evidence: Evidence) -> tuple[str, str]:
    """Say what was kept unseen, or could be, in the singular and the plural."""
    return group_words((evidence.get("source") or {}).get("group"))


def source_words(evidence: Evidence) -> tuple[str, str]:
    """Say what the sources are: the tables given, or collections within one."""
    tables = {table["name"] for table in (evidence.get("source") or {}).get("tables", [])}
    held = set((evidence.get("unseen_source") or {}).get("sources") or ())
    return ("table", "tables") if held <= tables else ("collection", "collections")


def drawn(svg: str) -> Markup:
    """Mark what charts drew as markup; they escape every text themselves."""
    return Markup(svg)  # noqa: S704


def in_words(evidence: Evidence, sentence: str | None) -> str | None:
    """Write what the groups are in place of the word group, and minus signs as such."""
    if not sentence:
        return None
    return re.sub(r"(?<=\s)-(?=\d)", "−", named(sentence, *words_of(evidence)))


def headline(evidence: Evidence, floor: float | None) -> Section:
    """Work out the figures of the first page that stand side by side.

    Parameters
    ----------
    evidence : mapping
    floor : float or None
        Accuracy of always saying the most frequent mood.

    Returns
    -------
    dict
        ``unseen`` (figures, or None), ``interval`` (95%, by groups), ``spread`` (where there is
        no interval), ``agree``, ``gap`` (tracks in 100), ``within`` (whether the random figure
        lies in the interval: the gap may be chance), ``bars``, ``sources``.
    """
    test, unseen = evidence["test"], evidence.get("unseen_group")
    _, groups = words_of(evidence)
    own = finite_interval(((unseen or {}).get("intervals") or {}).get("accuracy"))
    spread = None
    if unseen and not own and known(unseen.get("accuracy_sd")):
        sd = unseen["accuracy_sd"]
        spread = (max(0.0, unseen["accuracy"] - sd), min(1.0, unseen["accuracy"] + sd))
    drop = test["accuracy"] - unseen["accuracy"] if unseen else 0.0
    agree = unseen is not None and drop < SMALL_DROP
    return {
        "unseen": unseen,
        "interval": own,
        "spread": spread,
        "agree": agree,
        "gap": of_100(test["accuracy"]) - of_100(unseen["accuracy"]) if unseen else None,
        "within": bool(own and not agree and test["accuracy"] <= own[1]),
        "rule": in_words(evidence, unseen["rule"]) if unseen else None,
        "bar_unseen": drawn(
            unseen_charts.interval_bar(
                "bar-unseen", (unseen["accuracy"], *own), f"on {groups} never seen", floor=floor,
                unseen=True,
            )
        ) if unseen and own else None,
        "bar_random": drawn(
            unseen_charts.interval_bar(
                "bar-random", (test["accuracy"], test["low"], test["high"]), "on a random split",
                floor=floor, unseen=False,
            )
        ),
        "sources": _across(evidence),
    }  # fmt: skip


def _across(evidence: Evidence) -> Section | None:
    """Sum up protocol S; None where no source was kept unseen."""
    figures = evidence.get("unseen_source")
    if not figures or not figures["sources"]:
        return None
    one, many = source_words(evidence)
    rows = list(figures["sources"].items())
    chances = [1 / len(row["moods"]) for _, row in rows if row["moods"]]
    return {
        "one": one,
        "many": many,
        "n": len(rows),
        "accuracy": figures["balanced_accuracy"],
        "interval": finite_interval((figures.get("intervals") or {}).get("balanced_accuracy")),
        "chance": sum(chances) / len(chances) if chances else None,
        "cut": len(rows) > unseen_charts.MOST_SOURCES,
        "chart": drawn(unseen_charts.sources("sources", rows, many)),
    }


def unseen(evidence: Evidence, moods: Sequence[str], groups: str) -> Section | None:
    """Show protocol U in full."""
    figures = evidence.get("unseen_group")
    if not figures:
        return None
    titles = {row["name"]: row["title"] for row in evidence["candidates"]}
    taken = sorted((figures.get("chosen") or {}).items(), key=lambda pair: -pair[1])
    intervals = figures.get("intervals") or {}
    return {
        "title": f"On {groups} never seen",
        "figures": figures,
        "intervals": {key: finite_interval(pair) for key, pair in intervals.items()},
        "rule": in_words(evidence, figures["rule"]),
        "chosen_by": in_words(evidence, figures.get("chosen_by")),
        "taken": joined([f"{titles.get(name, name)} ({n:,}×)" for name, n in taken], most=6),
        "test": evidence["test"],
        "confusion": drawn(
            charts.confusion(
                "confusion-unseen", figures["confusion"], moods, f"on {groups} never seen"
            )
        ),
        "pair": figures.get("most_confused"),
    }


def sources(evidence: Evidence, moods: Sequence[str], groups: str) -> Section | None:
    """Show protocol S in full, and which sources hurt the others."""
    across = _across(evidence)
    if across is None:
        return None
    figures = evidence["unseen_source"]
    rows = figures.get("without") or []
    return across | {
        "title": f"{across['many'].capitalize()} never seen",
        "figures": figures,
        "rows": sorted(
            figures["sources"].items(), key=lambda pair: float(pair[1]["balanced_accuracy"])
        ),
        "ece": figures.get("ece"),
        "without": rows,
        "hurting": [row["source"] for row in rows if row["hurts"]],
        "helping": [row["source"] for row in rows if row["helps"]],
        "without_chart": drawn(unseen_charts.without("without", rows, across["many"]))
        if rows
        else None,
    }


def consistency(evidence: Evidence, moods: Sequence[str], groups: str) -> Section | None:
    """Show whether the groups of a mood agree with one another."""
    absent = {"n": None, "called": None, "verdict": None, "others_without": None}
    rows = [absent | row for row in evidence.get("consistency") or []]
    own = agreeing.by_mood(rows, moods)
    if not own:
        return None
    told = agreeing.apart_in_words(rows, moods, groups)
    judged = any(row["verdict"] for row in rows)
    return {
        "title": f"Do {groups} of one mood agree?",
        "rows": [row for of_mood in own.values() for row in of_mood],
        "told": told[:MOST_SENTENCES],
        "more_told": max(0, len(told) - MOST_SENTENCES),
        "all_agree": judged and not told,
        "summary": [_summed(mood, of_mood) for mood, of_mood in own.items()],
        "few": len(rows) <= agreeing.MOST_ROWS,
        "chart": drawn(agreeing.agreement("agreement", rows, moods, groups)),
    }


def _summed(mood: str, rows: Sequence[Mapping[str, Any]]) -> Section:
    aucs = [row["auc"] for row in rows if known(row["auc"])]
    return {
        "mood": mood,
        "n": len(rows),
        "low": min(aucs, default=None),
        "high": max(aucs, default=None),
        "least": agreeing.least_agreeing(rows),
        "renamed": agreeing.renamed(agreeing.least_agreeing(rows)),
    }


def needs(evidence: Evidence, moods: Sequence[str], groups: str) -> Section | None:
    """Show which mood more groups would help most, and how much."""
    figures = evidence.get("needs")
    if not figures or not figures["moods"]:
        return None
    rows = figures["moods"]
    first = next((row for row in rows if known(row["recall"]) and known(row["priority"])), None)
    measured = {
        unit: [(float(point[unit]), point["recall"]) for point in figures[key]["points"]
               if unit in point]
        for key, unit in (("by_groups", "n"), ("by_tracks", "share"))
    }  # fmt: skip
    domain = unseen_charts.growth_domain(
        [(measured["n"], figures["by_groups"]), (measured["share"], figures["by_tracks"])]
    )
    curves = []
    for key, unit, title, what in (
        ("by_groups", "n", f"More {groups}", f"{groups} a mood"),
        ("by_tracks", "share", f"More tracks of the same {groups}", "of the tracks of each"),
    ):
        curve = figures[key]
        chart = unseen_charts.growth(f"growth-{unit}", measured[unit], curve, what, domain)
        curves.append(
            {
                "title": title,
                "words": in_words(evidence, curve["words"]),
                "chart": drawn(chart) if chart else None,
                "extends": unseen_charts.extends(curve),
            }
        )
    shown = [curve["extends"] for curve in curves if curve["chart"]]
    return {
        "title": f"Which mood needs more {groups}?",
        "rows": rows,
        "first": first,
        "curves": curves,
        "any_chart": bool(shown),
        "extrapolated": any(shown),
        "all_extrapolated": all(shown),
        "chart": drawn(unseen_charts.needs("needs", rows, moods, groups)),
    }


def suspects(evidence: Evidence, moods: Sequence[str], groups: str) -> Section | None:
    """Show the labels that features speak against."""
    figures = evidence.get("suspects")
    if not figures or figures["judged"] < 1:
        return None
    rows = figures["tracks"]
    return {
        "title": "Labels worth a second look",
        "figures": figures,
        "expected": round(max(0.0, figures["expected"])),
        "unseen": evidence.get("unseen_group") is not None,
        "left_out": joined(figures.get("left_out") or [], most=8),
        "shown": rows[:MOST_SHOWN],
        "folded": rows[MOST_SHOWN:],
        "with_group": any(row["group"] for row in rows),
        "with_table": len({row["table"] for row in rows}) > 1,
        "missing": max(0, figures["found"] - len(rows)),
    }


def rules(evidence: Evidence, moods: Sequence[str], groups: str) -> Section | None:
    """Show the best short rule of each mood, and whether it beats the model."""
    rows = evidence.get("rules")
    if not rows:
        return None
    unknown = dict.fromkeys(("n", "groups", "model_accuracy", "low", "high"))
    every = [unknown | {"beats_model": False} | row for row in rows]
    chart = unseen_charts.rules("rules-chart", every, moods)
    judged = [rule for rule in every if known(rule["precision"])]
    return {
        "title": "Rules simple enough to remember",
        "rules": every,
        "by_groups": any(rule["groups"] is not None for rule in every),
        "winners": [rule for rule in judged if rule["beats_model"]],
        "compared": counted(sum(known(rule["model_accuracy"]) for rule in judged), "rule"),
        "n_compared": sum(known(rule["model_accuracy"]) for rule in judged),
        "chart": drawn(chart) if chart else None,
    }
