"""Verdicts on learning curves, and each piece of advice exactly when its evidence says so."""

from copy import deepcopy

import pytest

from affetto.learning.advice import (
    GOOD_RULE_PRECISION,
    GOOD_RULE_RECALL,
    LARGE_GAP,
    advise,
    gap_verdict,
)

SIZES = (60, 120, 240, 420, 600)


def curve(train, validation, se=0.005, sizes=SIZES):
    """A learning curve; a number stands for a flat line."""
    flat = len(sizes)
    train = [train] * flat if isinstance(train, float) else train
    validation = [validation] * flat if isinstance(validation, float) else validation
    return [
        {"n": n, "train": t, "validation": v, "validation_se": 9.0, "to_last_se": se}
        for n, t, v in zip(sizes, train, validation, strict=True)
    ]


# ---------------------------------------------------------------- the verdict


@pytest.mark.parametrize(
    ("points", "verdict"),
    [
        (curve(0.72, [0.5, 0.58, 0.62, 0.66, 0.68]), "more data would help"),
        (curve(1.0, [0.5, 0.58, 0.62, 0.66, 0.68]), "more data would help"),
        (curve(0.99, 0.68), "has converged"),  # any forest knows its own tracks by heart
        (curve(0.70, 0.68), "has converged"),
        (curve(0.70, [0.5, 0.6, 0.68, 0.68, 0.68]), "has converged"),
        (curve(0.70, [0.7, 0.7, 0.7, 0.68, 0.66]), "has converged"),  # it falls
        # A rise within the noise of either point is none.
        (curve(0.72, [0.5, 0.6, 0.64, 0.66, 0.68], se=0.05), "has converged"),
        (curve(0.70, [0.6, 0.6, 0.671, 0.675, 0.68], se=0.0), "has converged"),  # below .01
        (curve(0.70, [0.6, 0.6, 0.668, 0.675, 0.68], se=0.0), "more data would help"),
    ],
)
def test_verdicts(points, verdict):
    judged = gap_verdict(points)
    assert judged["verdict"] == verdict
    assert judged["words"].startswith(verdict[0].upper() + verdict[1:] + ": ")


def test_the_verdict_rests_on_the_last_point_and_the_one_at_half_its_tracks():
    judged = gap_verdict(curve(0.75, [0.9, 0.9, 0.61, 0.9, 0.68]))  # 240 is nearest to 300
    assert judged["gain"] == pytest.approx(0.07)
    assert (judged["train"], judged["validation"]) == (0.75, 0.68)
    assert "from 240 to 600 tracks validation changed by +0.070 ± 0.005" in judged["words"]
    assert "training accuracy 0.750, validation 0.680" in judged["words"]


def test_only_a_large_gap_is_explained():
    words = "nothing simpler does as well"
    assert words in gap_verdict(curve(0.68 + LARGE_GAP + 0.001, 0.68))["words"]
    assert words not in gap_verdict(curve(0.68 + LARGE_GAP - 0.001, 0.68))["words"]


def test_a_curve_of_one_point_has_no_gain():
    judged = gap_verdict(curve(0.7, 0.68, sizes=(60,)))
    assert (judged["gain"], judged["verdict"]) == (0, "has converged")


# ---------------------------------------------------------------- advice

MOODS = ("Happy", "Dark", "Energetic")


def per_mood(*recalls):
    return {
        mood: {"precision": 0.7, "recall": recall, "f1": 0.7, "n": 30}
        for mood, recall in zip(MOODS, recalls, strict=True)
    }


CALM = {
    "unseen_group": {
        "accuracy": 0.69,
        "rule": "all 8 ways",
        "intervals": {"accuracy": [0.6, 0.75]},
        "per_mood": per_mood(0.7, 0.7, 0.7),
    },
    "unseen_source": None,
    "consistency": None,
    "suspects": {"many": False, "tracks": []},
    "needs": {
        "moods": [
            {
                "mood": mood,
                "groups": 2,
                "tracks": 90,
                "recall": 0.9,
                "priority": 0.1 / 3,
                "doubled": None,
            }
            for mood in MOODS
        ],
        "by_groups": {"words": "Playlists: cannot be told."},
        "by_tracks": {"words": "Tracks: cannot be told."},
    },
    "source": {"group_like_column": None},
    "test": {"accuracy": 0.70, "most_confused": None},
    "chosen_cv": {"per_mood": per_mood(0.7, 0.7, 0.7)},
    "data": {"per_mood": dict.fromkeys(MOODS, 90), "groups": {"a": 90, "b": 90}, "findings": []},
    "gap": {"verdict": "has converged", "words": "Has converged: nothing would change."},
    "rules": [],
}
"""Evidence that calls for no advice but what the learning curve says."""


@pytest.fixture
def evidence():
    return deepcopy(CALM)


def findings(evidence):
    return [piece["finding"] for piece in advise(evidence)]


def advice_on(evidence, word):
    (piece,) = [piece for piece in advise(evidence) if word in piece["finding"]]
    return piece


def test_calm_evidence_calls_for_one_piece_only(evidence):
    assert findings(evidence) == ["Learning curve: has converged"]


@pytest.mark.parametrize(
    ("verdict", "do"),
    [
        ("more data would help", "Collect more labelled tracks"),
        ("has converged", "More tracks of the same kind will not help"),
    ],
)
def test_the_learning_curve(evidence, verdict, do):
    evidence["gap"] = {"verdict": verdict, "words": "The figures."}
    (piece,) = advise(evidence)
    assert piece["finding"] == f"Learning curve: {verdict}"
    assert piece["evidence"] == "The figures."
    assert piece["do"].startswith(do)


@pytest.mark.parametrize(
    ("column", "named"),
    [("playlist", "--group playlist"), (None, "a column that names each track's playlist")],
)
def test_without_groups_nobody_knows_how_it_does_on_new_playlists(evidence, column, named):
    evidence["unseen_group"] = None
    evidence["source"]["group_like_column"] = column
    piece = advice_on(evidence, "playlists never seen is not known")
    assert named in piece["do"]
    assert advise(evidence)[0] == piece  # the most important first


def test_a_fall_on_unseen_groups_is_told_first(evidence):
    evidence["unseen_group"]["accuracy"] = 0.48
    piece = advise(evidence)[0]
    assert piece["finding"] == "Expect 48% on new playlists, not 70%"
    assert "it is 0.480 (0.600–0.750; all 8 ways)" in piece["evidence"]
    evidence["unseen_group"]["accuracy"] = 0.675
    assert findings(evidence) == ["Learning curve: has converged"]
    evidence["unseen_group"]["accuracy"] = 0.75  # better on unseen ones: no warning
    assert findings(evidence) == ["Learning curve: has converged"]


def needy(evidence, **recalls):
    for row in evidence["needs"]["moods"]:
        row["recall"] = recalls[row["mood"]]
        row["priority"] = None if row["recall"] is None else (1 - row["recall"]) / 3
    evidence["needs"]["moods"].sort(key=lambda row: -(row["priority"] or 0))


def test_the_neediest_moods_are_named_in_order(evidence):
    needy(evidence, Happy=0.95, Dark=0.3, Energetic=0.5)
    assert findings(evidence)[:2] == ["Dark needs more playlists", "Energetic needs more playlists"]
    piece = advise(evidence)[0]
    assert piece["evidence"] == (
        "Of its tracks, 30% are recognised on playlists kept unseen; it has 2 playlists (90 "
        "tracks). Playlists: cannot be told. Tracks: cannot be told."
    )
    row = evidence["needs"]["moods"][0]
    row["doubled"] = {"groups": 4, "recall": 0.5, "low": 0.4, "high": 0.6}
    assert "With 4, expect about 50% (40% to 60%)." in advise(evidence)[0]["evidence"]


def test_a_mood_is_needy_only_where_it_is_missed_often_and_more_than_the_mean(evidence):
    needy(evidence, Happy=0.81, Dark=0.95, Energetic=0.95)
    assert findings(evidence) == ["Learning curve: has converged"]
    needy(evidence, Happy=0.6, Dark=0.6, Energetic=0.6)
    assert not any("needs more" in finding for finding in findings(evidence))
    needy(evidence, Happy=None, Dark=0.5, Energetic=0.9)
    assert findings(evidence)[0] == "Dark needs more playlists"


def consistent(group, verdict="alike", **pairs):
    return {
        "mood": group.partition("-")[0],
        "group": group,
        "verdict": verdict,
        "words": f"What is known of {group}.",
        "pairs": [{"group": other.replace("_", "-"), "auc": auc} for other, auc in pairs.items()],
    }


def test_groups_that_disagree_or_are_two_things_are_named(evidence):
    evidence["consistency"] = [
        consistent("Dark-1", Dark_2=0.97, Dark_3=0.99),
        consistent("Dark-2", Dark_1=0.97, Dark_3=0.5),
        consistent("Dark-3", "disagrees", Dark_1=0.99, Dark_2=0.5),
        consistent("Happy-1", Happy_2=0.94),
        consistent("Happy-2", Happy_1=0.94),
    ]
    assert findings(evidence)[:2] == [
        "Dark-3 disagrees with its mood",
        "Dark-1 and Dark-2 are two different things",
    ]
    assert len(findings(evidence)) == 3
    assert advise(evidence)[0]["evidence"] == "What is known of Dark-3."
    assert "97.0% of cases" in advise(evidence)[1]["evidence"]


def test_a_table_that_hurts_is_named(evidence):
    row = {"source": "b.csv", "judged": 3, "log_loss": -0.2, "se": 0.05,
           "balanced_accuracy": 0.04, "hurts": True}  # fmt: skip
    evidence["unseen_source"] = {"without": [row, {**row, "source": "a.csv", "hurts": False}]}
    assert findings(evidence)[0] == "b.csv hurts the other tables"
    assert "changes by -0.200 ± 0.050" in advise(evidence)[0]["evidence"]
    assert len(findings(evidence)) == 2


def test_suspects_are_named_where_they_are_many(evidence):
    tracks = [
        {"name": f"Song {i}", "mood": "Happy", "likely": "Dark", "p_own": 0.01} for i in range(5)
    ]
    found = {"many": True, "unlikely": 9, "judged": 90, "expected": 1.6, "tracks": tracks}
    evidence["suspects"] = found
    piece = advise(evidence)[0]
    assert piece["finding"] == "Some tracks may carry the wrong label"
    assert "9 of 90 tracks" in piece["evidence"]
    assert "about 2" in piece["evidence"]
    assert "Song 0 (Happy, more like Dark); " in piece["evidence"]
    assert "Song 3" not in piece["evidence"]
    evidence["suspects"] = {**found, "many": False}
    assert findings(evidence) == ["Learning curve: has converged"]


def test_without_groups_the_weakest_mood_needs_more_tracks(evidence):
    evidence["unseen_group"] = evidence["needs"] = None
    evidence["chosen_cv"]["per_mood"] = per_mood(0.8, 0.8, 0.5)
    assert advice_on(evidence, "needs more")["finding"] == "Energetic needs more tracks"


@pytest.mark.parametrize(("recalls", "told"), [((0.7, 0.66, 0.74), False), ((0.7, 0.6, 0.8), True)])
def test_a_mood_is_weak_only_well_below_the_mean(evidence, recalls, told):
    evidence["needs"] = None
    evidence["chosen_cv"]["per_mood"] = per_mood(*recalls)
    assert any("needs more" in finding for finding in findings(evidence)) == told


def test_a_mood_that_never_occurred_is_not_the_weakest(evidence):
    evidence["needs"] = None
    evidence["chosen_cv"]["per_mood"] = per_mood(None, 0.5, 0.9)
    assert "Dark needs more" in findings(evidence)[0]


def test_the_most_confused_pair(evidence):
    pair = {"moods": ["Happy", "Dark"], "first_as_second": 9, "second_as_first": 4}
    evidence["test"]["most_confused"] = {**pair, "share_of_errors": 0.25}
    piece = advice_on(evidence, "taken for each other")
    assert piece["finding"] == "Happy and Dark are taken for each other most often"
    assert piece["evidence"] == (
        "9 Happy test tracks were called Dark, 4 the other way: 25% of all errors."
    )
    assert "give both one name of your own with --map" in piece["do"]
    evidence["test"]["most_confused"]["share_of_errors"] = 0.19
    assert findings(evidence) == ["Learning curve: has converged"]


def rule(precision=0.8, recall=0.6):
    text = "valence > 0.7 and energy ≤ 0.4"
    return {"mood": "Happy", "rule": text, "precision": precision, "recall": recall, "f1": 0.7}


def test_a_simple_rule_that_nearly_decides_a_mood(evidence):
    evidence["rules"] = [rule(), {**rule(0.5), "mood": "Dark"}]
    piece = advice_on(evidence, "simple rule")
    assert piece["finding"] == "A simple rule nearly decides Happy"
    assert piece["evidence"] == (
        "“valence > 0.7 and energy ≤ 0.4” is right in 80% of the cases where it fires and "
        "finds 60% of the Happy tracks (on tracks held out)."
    )


@pytest.mark.parametrize(
    "poor",
    [rule(GOOD_RULE_PRECISION - 0.01), rule(recall=GOOD_RULE_RECALL - 0.01), rule(None, 0.0)],
)
def test_a_poor_rule_is_no_advice(evidence, poor):
    evidence["rules"] = [poor]
    assert findings(evidence) == ["Learning curve: has converged"]


FOUND = {
    "conflict": ("7 tracks labelled with two moods: …", "Some tracks are labelled with two moods"),
    "shared": ("12 tracks shared between tables: 12 by a and b.", "Tables share tracks"),
    "few_tracks": ("Dark has only 12 tracks: its figures are rough.", "Dark has only 12 tracks"),
    "leak": ("energy alone tells Dark from all other moods …", "A feature may carry the label"),
}


@pytest.mark.parametrize("kind", FOUND)
def test_findings_of_the_audit(evidence, kind):
    text, finding = FOUND[kind]
    evidence["data"]["findings"] = [{"kind": kind, "count": 1, "text": text, "examples": []}]
    piece = advise(evidence)[-1]
    assert (piece["finding"], piece["evidence"]) == (finding, text)
    assert len(advise(evidence)) == 2


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("duplicate", "15 tracks given more than once"),
        ("note", "Left out unnamed column 1"),
        ("missing", "2 rows lacked a value"),
        ("leak", "table: column 'playlist' gives the mood away"),  # never an input anyway
    ],
)
def test_findings_that_need_nothing_done(evidence, kind, text):
    evidence["data"]["findings"] = [{"kind": kind, "count": 1, "text": text, "examples": []}]
    assert findings(evidence) == ["Learning curve: has converged"]


def test_every_piece_says_what_why_and_what_to_do(evidence):
    evidence["unseen_group"] = None
    evidence["data"]["findings"] = [
        {"kind": kind, "count": 1, "text": text, "examples": []}
        for kind, (text, _) in FOUND.items()
    ]
    evidence["rules"] = [rule()]
    pieces = advise(evidence)
    assert len(pieces) == 1 + 1 + 1 + 4
    for piece in pieces:
        assert set(piece) == {"finding", "evidence", "do"}
        assert all(piece.values())
        assert piece["do"].endswith(".")
