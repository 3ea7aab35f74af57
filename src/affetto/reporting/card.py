"""A model's card: what it is, what it learned from, what was measured, and where it is weak."""

from collections.abc import Mapping
from typing import Any

from affetto import __version__
from affetto.features import FEATURES_VERSION
from affetto.model import MoodModel
from affetto.reporting.words import counted, joined, known, percent, settings_text

NOT_MEASURED = "not measured"
NOT_SAID = "the model does not say"
FINGERPRINT_DIGITS = 12
WEAK_RECALL = 0.5
"""A mood of which less than half is recognised is called a weakness, the least in any case."""

MOST_MOODS = 12


def card_facts(model: MoodModel) -> dict[str, str]:
    """Tell what there is to know of a model, in words.

    Parameters
    ----------
    model : MoodModel
        What it says of itself (`about`) may be incomplete, as for a model that was not made
        by `affetto.train`, or wrong, as a file's may be: whatever is no figure is left out.

    Returns
    -------
    dict of str to str
        Titles and facts, in the order to be shown.
    """
    about = model.about
    test, unseen = _mapping(about.get("test")), _mapping(about.get("unseen_group"))
    by_source = _mapping(about.get("unseen_source"))
    facts = {
        "kind": _kind(model),
        "moods": joined(model.moods),
        "features": f"{joined(model.features)} (version {FEATURES_VERSION})",
        "trained on": _trained_on(about),
        "tracks a mood": _tracks_a_mood(about),
        "random split": _random_split(test),
        "unseen groups": _unseen(unseen),
        "unseen sources": _unseen_sources(by_source),
        "tables that hurt": _hurting(by_source),
        "confidence": _confidence(about, unseen, by_source),
        "recall a mood": _recall_words(_recalls(test)),
        "weakness": _weakness(test, unseen),
        "training rows": (
            "it holds some, as they were: do not give it away unless you may give away those"
            if model.holds_training_rows
            else "it holds none"
        ),
        "data": _data(about),
        "fingerprint": _fingerprint(about),
        "versions": _versions(about),
    }
    return {title: fact for title, fact in facts.items() if fact}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _figure(value: Any) -> float | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and known(value) else None


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _kind(model: MoodModel) -> str:
    kind = model.kind
    if len(model.pipelines) > 1:
        scorers = dict.fromkeys(pipeline.scorer.KIND for pipeline in model.pipelines)
        kind = f"average of {len(model.pipelines)} ({joined(list(scorers))})"
    candidate = model.about.get("candidate")
    if not isinstance(candidate, str):
        return kind
    settings = {
        name: value
        for name, value in _mapping(_mapping(model.about.get("settings")).get(candidate)).items()
        if isinstance(value, (str, int, float))
    }
    return f"{kind}, from candidate {candidate}" + (
        f": {settings_text(settings)}" if settings else ""
    )


def _trained_on(about: Mapping[str, Any]) -> str:
    listed = about.get("tables")
    tables = [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []
    tracks = _count(about.get("tracks"))
    known_parts = []
    if tracks is not None:
        known_parts.append(counted(tracks, "track"))
    if tables:
        known_parts.append(f"of {joined(tables, most=6)}")
    return " ".join(known_parts) or NOT_SAID


def _tracks_a_mood(about: Mapping[str, Any]) -> str:
    counts = {
        mood: n
        for mood, value in _mapping(about.get("per_mood")).items()
        if (n := _count(value)) is not None
    }
    return joined([f"{mood} {n:,}" for mood, n in counts.items()], most=MOST_MOODS)


def _random_split(test: Mapping[str, Any]) -> str:
    accuracy, low, high = (_figure(test.get(key)) for key in ("accuracy", "low", "high"))
    if accuracy is None:
        return NOT_MEASURED
    words = f"{percent(accuracy)} right"
    if low is not None and high is not None:
        words += f" ({percent(low)} to {percent(high)} with 95% confidence)"
    n = _count(test.get("n"))
    if n is not None:
        words += f", on {counted(n, 'track')} drawn at random"
    return f"{words}; optimistic for new music"


def _unseen(unseen: Mapping[str, Any]) -> str:
    accuracy, balanced = (_figure(unseen.get(key)) for key in ("accuracy", "balanced_accuracy"))
    if accuracy is None:
        return f"{NOT_MEASURED}: train with --group to know what to expect of new music"
    words = f"{percent(accuracy)} right"
    if balanced is not None:
        words += f", {percent(balanced)} when every mood counts the same"
    rule = unseen.get("rule")
    return f"{words} ({rule})" if isinstance(rule, str) else words


def _unseen_sources(by_source: Mapping[str, Any]) -> str:
    """Tell how whole collections never seen were labelled (protocol S)."""
    balanced = _figure(by_source.get("balanced_accuracy"))
    if balanced is None:
        return ""
    words = f"{percent(balanced)} right when every mood counts the same"
    each = {
        name: own
        for name, figures in _mapping(by_source.get("sources")).items()
        if (own := _figure(_mapping(figures).get("balanced_accuracy"))) is not None
    }
    if len(each) > 1:
        worst, best = min(each, key=lambda name: each[name]), max(each, key=lambda name: each[name])
        words += (
            f", mean of {len(each)} collections never seen, each judged among the moods it "
            f"holds: from {percent(each[worst])} ({worst}) to {percent(each[best])} ({best})"
        )
    return words


def _hurting(by_source: Mapping[str, Any]) -> str:
    """Name the sources without which the others are judged better."""
    listed = by_source.get("without")
    rows = [_mapping(row) for row in listed] if isinstance(listed, list) else []
    named = [
        (name, change)
        for row in rows
        if isinstance(name := row.get("source"), str)
        and (change := _figure(row.get("log_loss"))) is not None
        and row.get("hurts") is True
    ]
    if not rows:
        return ""
    if not named:
        return (
            f"none clearly: each of {len(rows)} was left out of learning in turn, and no time "
            "were the others told clearly better"
        )
    words = [
        f"{name} (without it, the others' log-loss falls by {-change:.3f})"
        for name, change in named
    ]
    return joined(words, most=4)


def _confidence(
    about: Mapping[str, Any], unseen: Mapping[str, Any], by_source: Mapping[str, Any]
) -> str:
    """Tell how far its probabilities are off, and whether they were calibrated."""
    errors = [
        f"{error:.3f} on {where} never seen"
        for figures, where in ((unseen, "groups"), (by_source, "sources"))
        if (error := _figure(figures.get("ece"))) is not None
    ]
    calibration = about.get("calibration")
    said = calibration if isinstance(calibration, str) else _mapping(calibration).get("words")
    facts = [f"off by {joined(errors)}, on average"] if errors else []
    if isinstance(said, str) and said:
        facts.append(f"calibration: {said}")
    return "; ".join(facts)


def _recalls(figures: Mapping[str, Any]) -> dict[str, float]:
    """Give recall by mood, where it is known."""
    return {
        mood: recall
        for mood, own in _mapping(figures.get("per_mood")).items()
        if (recall := _figure(_mapping(own).get("recall"))) is not None
    }


def _recall_words(recalls: Mapping[str, float]) -> str:
    if not recalls:
        return NOT_MEASURED
    listed = [f"{mood} {percent(recall)}" for mood, recall in recalls.items()]
    return joined(listed, most=MOST_MOODS) + " (random split)"


def _weakness(test: Mapping[str, Any], unseen: Mapping[str, Any]) -> str:
    measured = _recalls(unseen)
    recalls = measured or _recalls(test)
    if not recalls:
        return "not known: nothing was measured"
    ordered = sorted(recalls, key=lambda mood: recalls[mood])
    weak = [mood for mood in ordered if recalls[mood] < WEAK_RECALL] or ordered[:1]
    words = joined([f"{percent(recalls[mood])} of {mood}" for mood in weak], most=4)
    if measured:
        return f"recognises only {words} tracks on groups never seen"
    rest = "how it does on groups never seen is not known"
    expected, shown = _figure(unseen.get("accuracy")), _figure(test.get("accuracy"))
    if expected is not None and shown is not None:
        rest = f"on groups never seen, {'fewer' if expected < shown else 'no fewer'}"
    return f"recognises only {words} tracks (random split); {rest}"


def _data(about: Mapping[str, Any]) -> str:
    synthetic = about.get("synthetic")
    if synthetic is True:
        return "synthetic: its figures say nothing about real music"
    return "real tracks" if synthetic is False else NOT_SAID


def _fingerprint(about: Mapping[str, Any]) -> str:
    fingerprint = about.get("fingerprint")
    return fingerprint[:FINGERPRINT_DIGITS] if isinstance(fingerprint, str) else ""


def _versions(about: Mapping[str, Any]) -> str:
    versions = {
        name: version
        for name, version in _mapping(about.get("versions")).items()
        if isinstance(version, str)
    }
    made = joined([f"{name} {version}" for name, version in versions.items()], most=MOST_MOODS)
    read = f"read by affetto {__version__}"
    return f"made by {made}; {read}" if made else read
