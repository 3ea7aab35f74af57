"""Evidence made by hand, so that every figure on a page is known beforehand."""

import math

import pytest

from affetto.features import BY_NAME, FEATURE_NAMES
from affetto.moods import MOOD_NAMES

TITLES = {
    "majority": "Most frequent mood",
    "logistic": "Logistic regression",
    "logistic-tuned": "Logistic regression, C searched",
    "network-tuned": "Neural network, searched",
    "forest": "Random forest",
}


def wave(index, low, high):
    """Some value between two, another for every index."""
    return low + (high - low) * (0.5 + 0.5 * math.sin(1.7 * index + 0.4))


def confusion(n_moods, scale):
    return [
        [round(scale * (6 if row == column else wave(row * n_moods + column, 0, 1)))
         for column in range(n_moods)]
        for row in range(n_moods)
    ]  # fmt: skip


def per_mood(matrix, moods):
    figures = {}
    for index, mood in enumerate(moods):
        right, true = matrix[index][index], sum(matrix[index])
        said = sum(row[index] for row in matrix)
        figures[mood] = {
            "precision": right / said if said else None,
            "recall": right / true if true else None,
            "f1": 2 * right / (said + true) if said + true else None,
            "n": true,
        }
    return figures


def judged(moods, scale):
    matrix = confusion(len(moods), scale)
    n = sum(map(sum, matrix))
    accuracy = sum(matrix[i][i] for i in range(len(moods))) / n
    measures = per_mood(matrix, moods)
    return {
        "accuracy": accuracy,
        "balanced_accuracy": accuracy - 0.01,
        "macro_f1": accuracy - 0.02,
        "log_loss": 0.8,
        "ece": 0.05,
        "coverage": {"0.1": 0.98, "0.25": 0.95, "0.5": 0.9, "0.75": 0.82, "1": accuracy},
        "confusion": matrix,
        "per_mood": measures,
        "most_confused": {
            "moods": [moods[0], moods[1]],
            "first_as_second": matrix[0][1],
            "second_as_first": matrix[1][0],
            "share_of_errors": 0.3,
        },
        "n": n,
    }  # fmt: skip


def feature_rows(features, shift):
    rows = {}
    for place, name in enumerate(features):
        feature = BY_NAME[name]
        low, high = feature.low, min(feature.high, 600_000.0)
        middle = wave(place + shift, low + 0.3 * (high - low), low + 0.7 * (high - low))
        spread = 0.1 * (high - low)
        rows[name] = {
            "mean": middle,
            "sd": spread,
            "q25": middle - spread,
            "median": middle,
            "q75": middle + spread,
            "low": middle - 2 * spread,
            "high": middle + 2 * spread,
        }
    return rows


def candidate(name, place, *, groups):
    accuracy = 0.5 + 0.05 * place
    return {
        "name": name,
        "title": TITLES[name],
        "about": "told of in one clause",
        "complexity": place,
        "settings": {"C": 0.3594} if name == "logistic-tuned" else {},
        "cv": {
            "accuracy": accuracy,
            "sd": 0.03,
            "se": 0.02,
            "low": accuracy - 0.04,
            "high": accuracy + 0.04,
            "balanced_accuracy": accuracy,
            "log_loss": 0.9,
        },
        "train_accuracy": min(1.0, accuracy + 0.2),
        "unseen_group": (
            {"accuracy": accuracy - 0.15, "balanced_accuracy": accuracy - 0.17, "se": 0.05,
             "log_loss": 1.4}
            if groups else None
        ),
        "seconds": 0.01,
    }  # fmt: skip


def searches():
    return {
        "logistic-tuned": [
            {"C": c, "validation": 0.4 + 0.02 * i, "sd": 0.03, "log_loss": 0.9, "train": 0.7}
            for i, c in enumerate((0.0001, 0.0464, 0.3594, 2.783, 1292.0))
        ],
        "network-tuned": [
            {"width": w, "alpha": a, "validation": wave(w + i, 0.6, 0.7), "sd": 0.03,
             "log_loss": 0.9, "train": 0.8}
            for w in (2, 8, 20) for i, a in enumerate((1e-5, 0.1, 10.0))
        ],
        "forest": [{"min_samples_leaf": n, "validation": 0.7, "sd": 0.03, "log_loss": 0.9,
                    "train": 0.9} for n in (1, 2, 5)],
    }  # fmt: skip


def unseen_source(moods):
    names = ("songs", "others", "third")
    return {
        "balanced_accuracy": 0.7,
        "log_loss": 0.6,
        "ece": 0.03,
        "intervals": {"balanced_accuracy": [0.6, 0.8], "log_loss": [0.5, 0.8]},
        "rule": "one of 3 sources held out",
        "sources": {
            name: {"balanced_accuracy": 0.6 + 0.1 * i, "log_loss": 0.7 - 0.1 * i,
                   "moods": list(moods[: 2 + i]), "n": 200 + i}
            for i, name in enumerate(names)
        },
        "without": [
            {"source": "third", "judged": 2, "balanced_accuracy": 0.04, "log_loss": -0.09,
             "se": 0.02, "hurts": True, "helps": False},
            {"source": "others", "judged": 2, "balanced_accuracy": -0.04, "log_loss": 0.01,
             "se": None, "hurts": False, "helps": False},
        ],
    }  # fmt: skip


def consistency(moods):
    """Three playlists a mood: the first mood's last disagrees, all others are alike."""
    rows = []
    for i, mood in enumerate(moods):
        for j in range(3):
            odd = i == 0 and j == 2
            rows.append(
                {
                    "mood": mood,
                    "group": f"{mood}-{j + 1}",
                    "n": 30 + j,
                    "auc": 0.97 if odd else 0.6 + 0.05 * j,
                    "pairs": [{"group": f"{mood}-{3 - j}", "auc": 0.7}],
                    "agreement": 0.1 if odd else 0.8 - 0.1 * j,
                    "p_own": 0.4,
                    "called": {"mood": moods[1], "share": 0.45} if odd else None,
                    "others_without": {"gain": 0.021, "se": 0.004} if odd else None,
                    "verdict": "disagrees" if odd else "alike",
                    "words": "told of in words",
                }
            )
    return rows


def needs(moods):
    return {
        "moods": [
            {"mood": mood, "groups": 3, "tracks": 93, "recall": 0.3 + 0.5 * i / len(moods),
             "priority": 0.2 - 0.1 * i / len(moods),
             "doubled": {"groups": 6, "recall": 0.5, "low": 0.42, "high": 0.6} if not i else None}
            for i, mood in enumerate(moods)
        ],
        "by_groups": {
            "points": [{"n": 1, "recall": 0.4}, {"n": 2, "recall": 0.5}, {"n": 3, "recall": 0.55}],
            "exponent": 0.3, "low": 0.1, "high": 0.5, "words": "Each doubling takes 19% off.",
        },
        "by_tracks": {
            "points": [{"share": 0.25, "recall": 0.53}, {"share": 0.5, "recall": 0.54},
                       {"share": 1.0, "recall": 0.55}],
            "exponent": 0.01, "low": -0.1, "high": 0.1,
            "words": "That more tracks help cannot be told: -1% (95% interval -5% to +4%).",
        },
    }  # fmt: skip


def suspects(moods, n=14):
    return {
        "left_out": [f"{moods[0]}-3"],
        "judged": 400,
        "found": n + 5,
        "unlikely": n + 9,
        "expected": 8.2,
        "many": True,
        "tracks": [
            {"name": f"Song {i} – Some Band", "table": "songs", "group": f"{moods[0]}-1",
             "mood": moods[0], "p_own": 0.0001 + 0.002 * i, "likely": moods[1], "p_likely": 0.8}
            for i in range(n)
        ],
    }  # fmt: skip


def build(
    moods=MOOD_NAMES,
    features=FEATURE_NAMES,
    *,
    groups=True,
    names=("majority", "logistic", "logistic-tuned", "network-tuned", "forest"),
    synthetic=False,
):
    moods, features = list(moods), list(features)
    counts = {mood: 40 + 5 * index for index, mood in enumerate(moods)}
    chosen = "logistic-tuned" if "logistic-tuned" in names else names[-1]
    separability = [
        {"mood": mood, "auc": 0.99 - 0.3 * index / len(moods), "feature": features[0],
         "feature_auc": 0.8 - 0.2 * index / len(moods), "direction": "low"}
        for index, mood in enumerate(moods)
    ]  # fmt: skip
    ratios = {
        mood: [
            {"feature": name, "odds_ratio": 2.0 ** wave(place + index, -2, 2),
             "low": 2.0 ** (wave(place + index, -2, 2) - 0.5),
             "high": 2.0 ** (wave(place + index, -2, 2) + 0.5)}
            for place, name in enumerate(features)
        ]
        for index, mood in enumerate(moods)
    }  # fmt: skip
    n = len(features)
    test = judged(moods, 10) | {"low": 0.6, "high": 0.75}
    unseen = judged(moods, 3) | {
        "accuracy_sd": 0.07, "balanced_sd": 0.08, "folds": 32,
        "rule": "one group of every mood held out, all 32 ways",
        "chosen_by": "chosen for every split without the groups that it judges",
        "chosen": {"logistic": 30, "forest": 2},
        "intervals": {"accuracy": [0.44, 0.58], "balanced_accuracy": [0.4, 0.6]},
    }  # fmt: skip
    return {
        "affetto": "0.1.0",
        "moods": moods,
        "features": features,
        "seed": 42,
        "seconds": 139.64,
        "source": {
            "tables": [{"name": name, "mood": None, "label": "mood", "notes": []}
                       for name in (("songs", "others", "third") if groups else ("songs",))],
            "synthetic": synthetic,
            "group": "playlist" if groups else None,
            "group_like_column": "playlist" if groups else None,
        },
        "data": {
            "rows": sum(counts.values()) + 5,
            "dropped_unlabelled": 2,
            "dropped_unusable": 0,
            "dropped_conflicts": 2,
            "dropped_duplicates": 1,
            "shared_between_tables": 0,
            "rows_used": sum(counts.values()),
            "findings": [
                {"kind": "note", "count": 0, "text": "songs: left out column 1.", "examples": []},
                {"kind": "conflict", "count": 1, "text": "1 track labelled with two moods.",
                 "examples": ["A Song – A Band (Dark/Happy): songs row 3, songs row 9"]},
                {"kind": "leak", "count": 9, "text": "songs: column 'x' gives the mood away.",
                 "examples": []},
            ],
            "per_mood": counts,
            "groups": {f"{mood}-1": count for mood, count in counts.items()} if groups else None,
        },
        "split": {
            "test_size": 0.33,
            "train": {mood: count - 15 for mood, count in counts.items()},
            "test": dict.fromkeys(moods, 15),
        },
        "exploration": {
            "features": {mood: feature_rows(features, i) for i, mood in enumerate(moods)},
            "separability": separability,
            "correlation": [
                [1.0 if i == j else wave(i + j, -0.9, 0.9) for j in range(n)] for i in range(n)
            ],
        },
        "searches": {name: rows for name, rows in searches().items() if name in names},
        "candidates": [candidate(name, place, groups=groups) for place, name in enumerate(names)],
        "chosen": chosen,
        "choice": {"measure": "cross-validated accuracy", "words": "It is the simplest."},
        "chosen_cv": judged(moods, 5),
        "test": test,
        "unseen_group": unseen if groups else None,
        "learning_curve": [
            {"n": size, "train": 0.8 - size / 4000, "validation": 0.5 + size / 4000,
             "validation_se": 0.02}
            for size in (40, 80, 160, 320)
        ],
        "gap": {"train": 0.72, "validation": 0.58, "gain": 0.02, "verdict": "more data would help",
                "words": "More data would help: it is still rising."},
        "interpretation": ratios,
        "leading_features": dict.fromkeys(moods, features[0]),
        "rules": [
            {"mood": mood, "rule": "energy > 0.4", "precision": None if i == 0 else 0.8,
             "low": None if i == 0 else 0.7, "high": None if i == 0 else 0.88,
             "recall": 0.5, "f1": 0.6, "n": 40 + i, "groups": 3 if groups else None,
             "model_accuracy": None if i == 0 else 0.7, "beats_model": i == 1}
            for i, mood in enumerate(moods)
        ],
        "unseen_source": unseen_source(moods) if groups else None,
        "consistency": consistency(moods) if groups else None,
        "needs": needs(moods) if groups else None,
        "suspects": suspects(moods) if groups else None,
        "advice": [
            {"finding": "Expect less", "evidence": "Accuracy fell.", "do": "Train with --group x."}
        ],
    }  # fmt: skip


@pytest.fixture(scope="session")
def make_evidence():
    """Make evidence of any vocabulary and features, with or without groups."""
    return build
