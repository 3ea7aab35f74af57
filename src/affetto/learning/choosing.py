"""Settings and candidates chosen: the simplest of those that figures cannot tell apart."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from affetto.learning.candidates import BY_NAME, Candidate, Settings
from affetto.learning.comparison import Judged

Compare = Callable[[str, str], tuple[float, float]]
"""Takes two candidates' names; gives the difference of their scores, and its standard error."""

BY_GROUPS = "balanced accuracy on unseen groups"
BY_FOLDS = "cross-validated accuracy"


def or_none(value: float) -> float | None:
    """Give None for NaN, as JSON wants it."""
    return None if np.isnan(value) else value


def search_row(settings: Settings, judged: Judged, loss: float) -> dict[str, Any]:
    """Give a setting that was searched, with its figures."""
    scores = judged.accuracies()
    return {
        **settings,
        "validation": float(scores.mean()),
        "sd": float(scores.std(ddof=1)) if len(scores) > 1 else None,
        "log_loss": loss,
        "train": judged.train_accuracy(),
    }


def best_settings(
    candidates: Sequence[Candidate], searches: Mapping[str, Sequence[Mapping[str, Any]]]
) -> dict[str, dict[str, Any]]:
    """Take the point of each candidate's grid with the least log-loss.

    Accuracy, which the article searched by, moves in steps of one track; choosing by it on
    611 tracks of the article's table and judging on others cost the polynomial features .011
    of accuracy and .047 of log-loss (mean of 12 draws), and gained the others nothing.

    Returns
    -------
    dict
        Settings by candidate; the candidate's own where nothing was searched.
    """
    chosen = {c.name: dict(c.settings) for c in candidates}
    for candidate in candidates:
        if candidate.grid:
            best = min(searches[candidate.name], key=lambda row: float(row["log_loss"]))
            chosen[candidate.name] |= {key: best[key] for key in candidate.grid[0]}
    return with_shared_settings(chosen)


def with_shared_settings(chosen: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Let the committee of networks take what was found for one."""
    if "network-committee" in chosen and "network-tuned" in chosen:
        tuned = chosen["network-tuned"]
        chosen["network-committee"] |= {key: tuned[key] for key in ("width", "alpha")}
    return chosen


def candidate_row(candidate: Candidate, settings: Mapping[str, Any], cv: Judged) -> dict[str, Any]:
    """Give a candidate's row of the evidence, as far as random folds tell.

    Parameters
    ----------
    candidate : Candidate
    settings : mapping
    cv : Judged
        On random folds.
    """
    scores = cv.accuracies()
    mean, error = float(scores.mean()), cv.error(scores)
    pooled = cv.pooled()
    return {
        "name": candidate.name,
        "title": candidate.title,
        "about": candidate.about,
        "complexity": candidate.complexity,
        "settings": dict(settings),
        "cv": {
            "accuracy": mean,
            "sd": float(scores.std(ddof=1)),
            "se": error,
            "low": max(0.0, mean - 1.96 * error),
            "high": min(1.0, mean + 1.96 * error),
            "balanced_accuracy": pooled.balanced_accuracy(),
            "log_loss": pooled.log_loss(),
        },
        "train_accuracy": cv.train_accuracy(),
        "unseen_group": None,
        "seconds": round(cv.seconds(), 4),
    }


def choose_by_folds(judged: Mapping[str, Judged]) -> tuple[Candidate, dict[str, Any]]:
    """Choose by accuracy over the same random folds, differences paired by fold."""
    scores = {name: own.accuracies() for name, own in judged.items()}
    (one, *_) = judged.values()

    def compare(a: str, b: str) -> tuple[float, float]:
        d = scores[a] - scores[b]
        return float(d.mean()), one.error(d)

    return choose({name: float(own.mean()) for name, own in scores.items()}, compare, BY_FOLDS)


def choose(
    means: Mapping[str, float], compare: Compare, measure: str, also: Compare | None = None
) -> tuple[Candidate, dict[str, Any]]:
    """Choose the simplest candidate within one standard error of the best.

    The error is that of the *difference* from the best, over the same folds or groups: what
    makes a playlist hard makes it hard for all, and says nothing on who is better. The floor
    (complexity 0) is there to compare with: nobody wants it for a model.

    Parameters
    ----------
    means : mapping of str to float
        Each candidate's score.
    compare : callable
        See `Compare`.
    measure : str
        What is scored, in words.
    also : callable, optional
        Compares log-losses (less is better): a candidate as often right as the best, but far
        too sure of itself, is not as good.

    Returns
    -------
    chosen : Candidate
    choice : dict
        The rule's figures, and the choice in words.

    References
    ----------
    Breiman, L. et al. (1984). Classification and regression trees, section 3.4.3.
    """
    able = [name for name in means if BY_NAME[name].complexity > 0] or list(means)
    best = max(able, key=lambda name: means[name])

    def within(name: str) -> bool:
        gaps = [compare(best, name)]
        if also is not None:
            gaps.append(also(name, best))
        # A single split or group has no error; then only the best itself is good enough.
        return all(behind <= (0.0 if np.isnan(error) else error) for behind, error in gaps)

    near = [name for name in able if name == best or within(name)]
    simplest = min(near, key=lambda name: (BY_NAME[name].complexity, -means[name]))
    behind, error = compare(best, simplest)
    words = f"{BY_NAME[best].title} is best by {measure} ({means[best]:.3f})"
    if best == simplest:
        words += ", and none simpler comes within one standard error of the difference."
    else:
        words += (
            f"; {BY_NAME[simplest].title} ({means[simplest]:.3f}) is the simplest that is no "
            f"more than one standard error behind it ({behind:.3f} ± {error:.3f})"
            f"{', nor in log-loss' if also else ''}."
        )
    return BY_NAME[simplest], {
        "measure": measure,
        "best": best,
        "best_score": means[best],
        "chosen_score": means[simplest],
        "behind": behind,
        "behind_se": None if best == simplest else or_none(error),
        "words": words,
    }
