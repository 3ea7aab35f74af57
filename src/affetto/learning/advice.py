"""Advice drawn from the evidence, each piece with the figures it rests on."""

from collections.abc import Mapping
from typing import Any

Evidence = Mapping[str, Any]
Advice = dict[str, str]

LARGE_GAP = 0.08
"""Training above validation accuracy by more than this calls for a word of explanation."""

NOTHING_SHARED = 0.95
"""AUC from which two groups are called two different things: 19 of 20 pairs told apart."""

WELL_RECOGNISED = 0.8
"""A mood of which four tracks in five are recognised unseen is not called needy."""

MOST_RULES = 3
"""Rules told of; of fifty moods, most may have one."""

GOOD_RULE_PRECISION, GOOD_RULE_RECALL = 0.75, 0.5


def gap_verdict(curve: list[dict[str, Any]]) -> dict[str, Any]:
    """Judge a learning curve in words.

    A model that knows its own tracks by heart, as any forest does, is not at fault for that:
    the choice has seen to it that nothing simpler does as well on other tracks.

    Parameters
    ----------
    curve : list of dict
        ``n``, ``train``, ``validation`` and ``to_last_se`` (standard error of the difference
        from the last point, over the same folds), by growing n.

    Returns
    -------
    dict
        ``train``, ``validation``, ``gain`` (validation accuracy won by the last doubling of
        the tracks), ``gain_se``, ``verdict`` (``more data would help`` or ``has converged``)
        and ``words``.
    """
    last = curve[-1]
    gap = last["train"] - last["validation"]
    half = min(curve[:-1], key=lambda point: abs(point["n"] - last["n"] / 2), default=last)
    gain = last["validation"] - half["validation"]
    noise = half["to_last_se"]
    if gain > max(0.01, noise):
        verdict, words = "more data would help", "validation accuracy is still rising"
    else:
        verdict, words = "has converged", "more tracks of the same kind would change little"
    if gap > LARGE_GAP:
        words += "; it knows its own tracks better than new ones, yet nothing simpler does as well"
    return {
        "train": last["train"],
        "validation": last["validation"],
        "gain": gain,
        "gain_se": noise,
        "verdict": verdict,
        "words": (
            f"{verdict[0].upper()}{verdict[1:]}: {words} (training accuracy {last['train']:.3f}, "
            f"validation {last['validation']:.3f}; from {half['n']} to {last['n']} tracks "
            f"validation changed by {gain:+.3f} ± {noise:.3f})."
        ),
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
        *_groups_apart(evidence),
        *_needs(evidence),
        *_hurting(evidence),
        *_suspects(evidence),
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
    low, high = unseen["intervals"]["accuracy"]
    drop = evidence["test"]["accuracy"] - unseen["accuracy"]
    if drop < 0.03:
        return []
    return [
        _piece(
            f"Expect {unseen['accuracy']:.0%} on new playlists, not "
            f"{evidence['test']['accuracy']:.0%}",
            f"Accuracy on tracks drawn at random is {evidence['test']['accuracy']:.3f}; on whole "
            f"groups kept unseen it is {unseen['accuracy']:.3f} ({low:.3f}–{high:.3f}; "
            f"{unseen['rule']}).",
            "Quote the lower figure. What raises it, in general, is more playlists a mood, made by "
            "other people, before more tracks of the same.",
        )
    ]


def _groups_apart(evidence: Evidence) -> list[Advice]:
    """Name groups that disagree with their mood, and pairs that are two different things."""
    pieces = []
    by_mood: dict[str, list[dict[str, Any]]] = {}
    for row in evidence["consistency"] or ():
        by_mood.setdefault(row["mood"], []).append(row)
        if row["verdict"] == "disagrees":
            pieces.append(
                _piece(
                    f"{row['group']} disagrees with its mood",
                    row["words"],
                    f"Listen to a few of its tracks: are they {row['mood']}? If not, give them "
                    "another mood, or leave them out.",
                )
            )
    for mood, rows in by_mood.items():
        told = {row["group"] for row in rows if row["verdict"] == "disagrees"}
        pairs = [
            (pair["auc"], *sorted((row["group"], pair["group"])))
            for row in rows
            for pair in row["pairs"]
            if pair["auc"] >= NOTHING_SHARED and not {row["group"], pair["group"]} & told
        ]
        if pairs:
            auc, a, b = max(pairs)
            pieces.append(
                _piece(
                    f"{a} and {b} are two different things",
                    f"Both are called {mood}, but they share almost nothing: of a track of each, "
                    f"a simple model picks the right one in {auc:.1%} of cases.",
                    f"If you hear two kinds of {mood} as well, give each a name of its own; if "
                    "not, add playlists that lie between them.",
                )
            )
    return pieces


def _needs(evidence: Evidence) -> list[Advice]:
    """Name the two moods at most that further playlists would help most."""
    if not evidence["needs"]:
        return _weakest_mood(evidence)
    rows = [row for row in evidence["needs"]["moods"] if row["priority"] is not None]
    mean = sum(row["priority"] for row in rows) / max(1, len(rows))
    neediest = [r for r in rows if r["priority"] > mean and r["recall"] < WELL_RECOGNISED]
    pieces = []
    for row in neediest[:2]:
        more = row["doubled"]
        outlook = (
            f"With {more['groups']}, expect about {more['recall']:.0%} "
            f"({more['low']:.0%} to {more['high']:.0%})."
            if more
            else evidence["needs"]["by_groups"]["words"]
        )
        pieces.append(
            _piece(
                f"{row['mood']} needs more playlists",
                f"Of its tracks, {row['recall']:.0%} are recognised on playlists kept unseen; it "
                f"has {row['groups']} playlists ({row['tracks']} tracks). {outlook} "
                f"{evidence['needs']['by_tracks']['words']}",
                f"Add playlists of {row['mood']} that somebody else made: other playlists "
                "before more tracks of the same.",
            )
        )
    return pieces


def _hurting(evidence: Evidence) -> list[Advice]:
    by_source = evidence["unseen_source"]
    return [
        _piece(
            f"{row['source']} hurts the other tables",
            f"Without it, the log-loss on {row['judged']} other tables kept unseen changes by "
            f"{row['log_loss']:+.3f} ± {row['se']:.3f}, balanced accuracy by "
            f"{row['balanced_accuracy']:+.3f}.",
            "Train without it, or look at what it calls by these moods: it may mean other things.",
        )
        for row in (by_source["without"] if by_source else ())
        if row["hurts"]
    ]


def _suspects(evidence: Evidence) -> list[Advice]:
    found = evidence["suspects"]
    if not found["many"] or not found["tracks"]:
        return []
    named = "; ".join(
        f"{one['name']} ({one['mood']}, more like {one['likely']})" for one in found["tracks"][:3]
    )
    return [
        _piece(
            "Some tracks may carry the wrong label",
            f"{found['unlikely']} of {found['judged']} tracks have a label that the model, "
            f"not having learned from them, gives less than 5%; overlap of moods would explain "
            f"about {found['expected']:.0f}. Most suspect: {named}.",
            "Listen to the tracks listed as suspects, and correct or drop those that are wrong.",
        )
    ]


def _weakest_mood(evidence: Evidence) -> list[Advice]:
    measured = evidence["chosen_cv"]
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
    return [
        _piece(
            f"{weakest} needs more tracks",
            f"Only {recalls[weakest]:.0%} of {weakest} tracks are recognised "
            f"(mean over moods {average:.0%}), from {n} tracks.",
            f"Add tracks that you would call {weakest}, unlike those already there.",
        )
    ]


def _more_data(evidence: Evidence) -> list[Advice]:
    gap = evidence["gap"]
    do = {
        "more data would help": "Collect more labelled tracks before trying other models.",
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
    good = [
        rule
        for rule in evidence["rules"]
        if rule["precision"] is not None
        and rule["precision"] >= GOOD_RULE_PRECISION
        and rule["recall"] >= GOOD_RULE_RECALL
    ]
    good.sort(key=lambda rule: (not rule.get("beats_model"), -rule["precision"]))
    return [
        _piece(
            f"A simple rule nearly decides {rule['mood']}",
            f"“{rule['rule']}” is right in {rule['precision']:.0%} of the cases where it fires "
            f"and finds {rule['recall']:.0%} of the {rule['mood']} tracks (on tracks held out).",
            "It beats the model there: affetto label --rules learned applies it."
            if rule.get("beats_model")
            else "Use it where a model is too much, or as a check on the model.",
        )
        for rule in good[:MOST_RULES]
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
            which = "of this mood" if " has only " in finding["text"] else "of the rarest first"
            pieces.append(
                _piece(finding["text"].split(":")[0], finding["text"], f"Add tracks {which}.")
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
