"""Advice drawn from the evidence, each piece with the figures it rests on."""

from collections.abc import Mapping
from typing import Any

Evidence = Mapping[str, Any]
Advice = dict[str, str]

LARGE_GAP = 0.08
"""Training above validation accuracy by more than this is called overfitting."""

GOOD_RULE_PRECISION, GOOD_RULE_RECALL = 0.75, 0.5


def gap_verdict(curve: list[dict[str, Any]]) -> dict[str, Any]:
    """Judge a learning curve in words.

    Parameters
    ----------
    curve : list of dict
        ``n``, ``train``, ``validation`` and ``validation_se``, by growing n.

    Returns
    -------
    dict
        ``train``, ``validation``, ``gain`` (validation accuracy won by the last doubling of
        the tracks), ``verdict`` (``more data would help``, ``overfits``, ``has converged``)
        and ``words``.
    """
    last = curve[-1]
    gap = last["train"] - last["validation"]
    half = min(curve[:-1], key=lambda point: abs(point["n"] - last["n"] / 2), default=last)
    gain = last["validation"] - half["validation"]
    noise = (last["validation_se"] ** 2 + half["validation_se"] ** 2) ** 0.5
    figures = (
        f"training accuracy {last['train']:.3f}, validation {last['validation']:.3f}; from "
        f"{half['n']} to {last['n']} tracks validation changed by {gain:+.3f}"
    )
    if gain > max(0.01, noise):
        verdict, words = "more data would help", "validation accuracy is still rising"
    elif gap > LARGE_GAP:
        verdict, words = "overfits", "it knows its own tracks far better than new ones"
    else:
        verdict, words = "has converged", "neither more tracks nor more penalty would change much"
    return {
        "train": last["train"],
        "validation": last["validation"],
        "gain": gain,
        "verdict": verdict,
        "words": f"{verdict[0].upper()}{verdict[1:]}: {words} ({figures}).",
    }


def advise(evidence: Evidence) -> list[Advice]:
    """Turn evidence into findings, each with its figures and what to do.

    Parameters
    ----------
    evidence : mapping
        All but ``advice`` filled in.

    Returns
    -------
    list of dict
        ``finding``, ``evidence``, ``do``; the most important first.
    """
    return [
        *_unseen(evidence),
        *_weakest_mood(evidence),
        *_more_data(evidence),
        *_confused(evidence),
        *_rules(evidence),
        *_audit(evidence),
    ]


def _piece(finding: str, evidence: str, do: str) -> Advice:
    return {"finding": finding, "evidence": evidence, "do": do}


def _unseen(evidence: Evidence) -> list[Advice]:
    unseen = evidence["unseen_group"]
    if unseen is None:
        column = evidence["source"]["group_like_column"]
        return [
            _piece(
                "How well this holds on playlists never seen is not known",
                "The test tracks were drawn at random from the same playlists as the training "
                "tracks, which lets a model learn the playlist in place of the mood.",
                f"Train again with --group {column}, so that whatever shares a value in that "
                "column is kept unseen together."
                if column
                else "Train again with --group and a column that names each track's playlist.",
            )
        ]
    drop = evidence["test"]["accuracy"] - unseen["accuracy"]
    if drop < 0.03:
        return []
    return [
        _piece(
            f"Expect {unseen['accuracy']:.0%} on new playlists, not "
            f"{evidence['test']['accuracy']:.0%}",
            f"Accuracy on tracks drawn at random is {evidence['test']['accuracy']:.3f}; on whole "
            f"groups kept unseen it is {unseen['accuracy']:.3f} ({unseen['rule']}).",
            "Quote the lower figure. More playlists a mood raise it; more tracks of the same "
            "playlists do not.",
        )
    ]


def _weakest_mood(evidence: Evidence) -> list[Advice]:
    measured = evidence["unseen_group"] or evidence["chosen_cv"]
    recalls = {
        mood: figures["recall"]
        for mood, figures in measured["per_mood"].items()
        if figures["recall"] is not None
    }
    weakest = min(recalls, key=lambda mood: recalls[mood])
    n = evidence["data"]["per_mood"][weakest]
    average = sum(recalls.values()) / len(recalls)
    if recalls[weakest] > average - 0.05:
        return []
    groups = evidence["data"]["groups"]
    what = "tracks from further playlists" if groups else "tracks"
    return [
        _piece(
            f"{weakest} needs more {what}",
            f"Only {recalls[weakest]:.0%} of {weakest} tracks are recognised "
            f"(mean over moods {average:.0%}), from {n} tracks.",
            f"Add {what} that you would call {weakest}, unlike those already there.",
        )
    ]


def _more_data(evidence: Evidence) -> list[Advice]:
    gap = evidence["gap"]
    do = {
        "more data would help": "Collect more labelled tracks before trying other models.",
        "overfits": "Prefer a simpler model or a stronger penalty; more tracks help as well.",
        "has converged": "More tracks of the same kind will not help; better features or "
        "clearer labels would.",
    }[gap["verdict"]]
    return [_piece(f"Learning curve: {gap['verdict']}", gap["words"], do)]


def _confused(evidence: Evidence) -> list[Advice]:
    pair = evidence["test"]["most_confused"]
    if pair is None or pair["share_of_errors"] < 0.2:
        return []
    first, second = pair["moods"]
    return [
        _piece(
            f"{first} and {second} are taken for each other most often",
            f"{pair['first_as_second']} {first} test tracks were called {second}, "
            f"{pair['second_as_first']} the other way: {pair['share_of_errors']:.0%} of all "
            "errors.",
            "Listen to a few of either: would you tell them apart? If not, give both one name of "
            "your own with --map.",
        )
    ]


def _rules(evidence: Evidence) -> list[Advice]:
    return [
        _piece(
            f"A simple rule nearly decides {rule['mood']}",
            f"“{rule['rule']}” is right in {rule['precision']:.0%} of the cases where it fires "
            f"and finds {rule['recall']:.0%} of the {rule['mood']} tracks (cross-validated).",
            "Use it where a model is too much, or as a check on the model.",
        )
        for rule in evidence["rules"]
        if rule["precision"] is not None
        and rule["precision"] >= GOOD_RULE_PRECISION
        and rule["recall"] >= GOOD_RULE_RECALL
    ]


def _audit(evidence: Evidence) -> list[Advice]:
    pieces = []
    for finding in evidence["data"]["findings"]:
        if finding["kind"] == "conflict":
            pieces.append(
                _piece(
                    "Some tracks are labelled with two moods",
                    finding["text"],
                    "Decide which mood each belongs to and correct the table.",
                )
            )
        elif finding["kind"] == "shared":
            pieces.append(
                _piece(
                    "Tables share tracks",
                    finding["text"],
                    "Nothing to do: each counts once. Do not use one of these tables to test a "
                    "model trained on another.",
                )
            )
        elif finding["kind"] == "few_tracks":
            pieces.append(
                _piece(finding["text"].split(":")[0], finding["text"], "Add tracks of this mood.")
            )
        elif finding["kind"] == "leak" and " alone tells " in finding["text"]:
            pieces.append(
                _piece(
                    "A feature may carry the label",
                    finding["text"],
                    "Check where the column comes from; drop it with --features if it is no "
                    "measurement.",
                )
            )
    return pieces
