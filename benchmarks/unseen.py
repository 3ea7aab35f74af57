"""Moods on music never seen: playlists (U), whole collections (S), and a random split (R).

U keeps one playlist of every mood of the article's table unseen, all 32 ways. S keeps one
source unseen, judged among the moods it holds. R is the article's own random split.
Nothing is chosen on what it is judged by, except where "chosen on all" says so.
"""

import os

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import sys
import time
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from affetto.learning.evaluation import wilson_interval
from affetto.learning.pool import Pool
from affetto.learning.pooled import HOME, MOST_ROWS, TABLES, public_pool, source_means
from affetto.learning.recipes import (
    COMMITTEE,
    COMMITTEE_WITH_TREES,
    RECIPES,
    fit_recipe,
)
from affetto.learning.splits import hold_out
from affetto.learning.unseen import (
    Judgement,
    Learner,
    choose,
    judge,
    judge_recipes,
    nested,
    unseen_playlists,
    unseen_sources,
)

Floats = npt.NDArray[np.float64]
Speak = Callable[[Floats], Floats]


def row(*cells: str) -> None:
    print("| " + " | ".join(cells) + " |", flush=True)


def in_all_moods(estimator: object, n_moods: int) -> Speak:
    """Give moods that were not taught a probability of 0."""

    def speak(X: Floats) -> Floats:
        p = np.zeros((len(X), n_moods))
        p[:, estimator.classes_] = estimator.predict_proba(X)
        return p

    return speak


def articles_network(pool: Pool) -> Speak:
    """Learn as the article's final model: 8 neurons, alpha 1, on standardised features."""
    network = MLPClassifier((8,), alpha=1.0, max_iter=2000, random_state=42)
    model = make_pipeline(StandardScaler(), network).fit(pool.X, pool.y)
    return in_all_moods(model, len(pool.moods))


def reference(pool: Pool) -> Speak:
    """Learn as the best recipe known before: trees, polynomials and Student-t densities.

    Means of class-balanced models; happy rows below the median valence (.535) left out.
    """
    happy = pool.y == pool.moods.index("Happy")
    pool = pool.part(~(happy & (pool.X[:, pool.features.index("valence")] < 0.535)))
    trees = ExtraTreesClassifier(
        150, min_samples_leaf=5, class_weight="balanced", random_state=0
    ).fit(pool.X, pool.y)
    prepare = _Skewed(pool.features)
    scaler = StandardScaler().fit(prepare(pool.X))
    regression = make_pipeline(
        PolynomialFeatures(2, include_bias=False), StandardScaler(),
        LogisticRegression(C=0.03, class_weight="balanced", max_iter=2000),
    ).fit(scaler.transform(prepare(pool.X)), pool.y)  # fmt: skip
    densities = _densities(scaler.transform(prepare(pool.X)), pool)
    said_by_trees = in_all_moods(trees, len(pool.moods))
    said_by_regression = in_all_moods(regression, len(pool.moods))

    def speak(X: Floats) -> Floats:
        Z = scaler.transform(prepare(X))
        return (said_by_trees(X) + said_by_regression(Z) + densities(Z)) / 3

    return speak


class _Skewed:
    """log10 of the skewed features; loudness clipped."""

    def __init__(self, features: Sequence[str]) -> None:
        skewed = ("acousticness", "instrumentalness", "speechiness")
        self.columns = [features.index(name) for name in skewed]
        self.loudness = features.index("loudness")

    def __call__(self, X: Floats) -> Floats:
        Z = X.copy()
        Z[:, self.columns] = np.log10(Z[:, self.columns] + 1e-3)
        Z[:, self.loudness] = np.clip(Z[:, self.loudness], -30, 0)
        return Z


def _densities(Z: Floats, pool: Pool) -> Speak:
    """One Student-t (df 5) a mood and source, covariances half pooled and shrunk."""
    d, cells = Z.shape[1], {}
    for mood in np.unique(pool.y):
        for source in np.unique(pool.sources[pool.y == mood]):
            own = Z[(pool.y == mood) & (pool.sources == source)]
            if len(own) >= 20:
                cells[mood, source] = (own.mean(axis=0), np.cov(own.T), len(own))
    pooled = np.average([c for _, c, _ in cells.values()], axis=0,
                        weights=[n for *_, n in cells.values()])  # fmt: skip

    def speak(Q: Floats) -> Floats:
        logs = np.full((len(Q), len(pool.moods)), -np.inf)
        for mood in {mood for mood, _ in cells}:
            own = [cell for (m, _), cell in cells.items() if m == mood]
            between = np.var([mean for mean, *_ in own], axis=0)
            parts = []
            for mean, covariance, _ in own:
                C = 0.5 * covariance + 0.5 * pooled + np.diag(0.3 * between)
                C = 0.9 * C + 0.1 * np.eye(d) * np.trace(C) / d
                square = ((Q - mean) @ np.linalg.inv(C) * (Q - mean)).sum(axis=1)
                parts.append(-0.5 * np.linalg.slogdet(C)[1] - (5 + d) / 2 * np.log1p(square / 5))
            logs[:, mood] = logsumexp(parts, axis=0) - np.log(len(parts))
        return np.exp(logs - logsumexp(logs, axis=1, keepdims=True))

    return speak


def only(sources: Sequence[str], learner: Learner) -> Learner:
    """Learn from some of the sources alone."""
    return lambda pool: learner(pool.of(sources))


def playlists_row(name: str, judgement: Judgement) -> None:
    """Print a row of U."""
    found = judgement.as_dict()
    low, high = found["intervals"]["balanced_accuracy"]
    recalls = " ".join(f"{own['recall']:.2f}" for own in found["per_mood"].values())
    row(
        name, f"{found['accuracy']:.3f}",
        f"{found['balanced_accuracy']:.3f} ({low:.2f}–{high:.2f})",
        f"{found['log_loss']:.3f}", f"{found['ece']:.3f}", f"{found['coverage']['0.5']:.3f}",
        recalls,
    )  # fmt: skip


def playlists() -> None:
    """Print protocol U."""
    for title, tables in (
        ("article's table alone", TABLES[:1]),
        ("and the two further tables, shared tracks removed", TABLES[:3]),
        ("and the ten collections, shared tracks removed", TABLES),
    ):
        pool = public_pool(tables).thinned(MOST_ROWS)
        protocol = unseen_playlists(pool, HOME)
        print(f"\nU, playlists never seen: {title} ({len(pool)} tracks).\n")
        row("model", "accuracy", "balanced (95%)", "log-loss", "ECE", "surest half",
            f"recall of {', '.join(pool.moods)}")  # fmt: skip
        row("---", *["--:"] * 5, "---")
        if len(tables) == 1:
            playlists_row(
                "article's network, seven features", judge(articles_network, pool, protocol)
            )
        playlists_row("reference recipe", judge(reference, pool, protocol))
        started = time.perf_counter()
        # With all collections only the default model is of interest; the rest takes long.
        further = (*RECIPES, COMMITTEE_WITH_TREES) if len(tables) < len(TABLES) else ()
        judged = judge_recipes((COMMITTEE, *further), pool, protocol)
        playlists_row("committee (default model): nothing chosen", judged[COMMITTEE])
        if not further:
            continue
        playlists_row("committee with trees: nothing chosen", judged[COMMITTEE_WITH_TREES])
        searched = {recipe: judged[recipe] for recipe in RECIPES}
        playlists_row("recipe chosen by the other playlists", nested(searched)[0])
        best = choose({recipe: one.losses() for recipe, one in searched.items()})
        playlists_row(f"chosen on all: {best}", judged[best])
        print(f"\nNested search: {time.perf_counter() - started:.0f} s, one process.")


def collections() -> None:
    """Print protocol S."""
    pool = public_pool().thinned(MOST_ROWS)
    protocol = unseen_sources(pool)
    judged = judge_recipes((*RECIPES, COMMITTEE, COMMITTEE_WITH_TREES), pool, protocol)
    searched = {recipe: judged[recipe] for recipe in RECIPES}
    elsewhere = unseen_sources(pool, [s for s in pool.counts() if s != HOME])
    named = {
        "article's network, seven features, on the article": (
            only(TABLES[:1], articles_network),
            elsewhere,
        ),
        "reference recipe, on the article and two tables": (only(TABLES[:3], reference), protocol),
        "reference recipe, on the pool": (reference, protocol),
    }
    found = {name: judge(learner, pool, own) for name, (learner, own) in named.items()}
    found["recipe chosen by the other sources"] = nested(searched)[0]
    found["committee with trees: nothing chosen"] = judged[COMMITTEE_WITH_TREES]
    found["committee (default model): nothing chosen"] = judged[COMMITTEE]
    print(f"\nS, sources never seen: {protocol.rule}. Means over sources; without the article's "
          "table, on which its own model cannot be judged.\n")  # fmt: skip
    sources = [str(part.units[0]) for part in elsewhere.parts]
    row("model", "balanced", "log-loss", *(name.split("/")[-1][:16] for name in sources))
    row("---", *["--:"] * (2 + len(sources)))
    for name, judgement in found.items():
        by_source = source_means(judgement)["sources"]
        own = [by_source[source] for source in sources]
        row(
            name,
            f"{np.mean([one['balanced_accuracy'] for one in own]):.3f}",
            f"{np.mean([one['log_loss'] for one in own]):.3f}",
            *(f"{one['balanced_accuracy']:.2f}" for one in own),
        )
    hurting(pool, COMMITTEE)


def hurting(pool: Pool, recipe: object) -> None:
    """Print what leaving a source out of the learning does to the others."""
    print("\nTables that hurt: mean over the other sources, without one in the learning.\n")
    row("left out", "change of balanced accuracy", "change of log-loss")
    row("---", "--:", "--:")
    whole = judge_recipes([recipe], pool, unseen_sources(pool))[recipe].by_source()
    for source in pool.counts():
        if source == HOME:
            continue  # nobody else has Dark
        rest = pool.part(pool.sources != source)
        left = judge_recipes([recipe], rest, unseen_sources(rest))[recipe].by_source()
        both = [name for name in left if name in whole and left[name]["moods"] ==
                whole[name]["moods"]]  # fmt: skip
        change = {
            key: np.mean([left[name][key] - whole[name][key] for name in both])
            for key in ("balanced_accuracy", "log_loss")
        }
        row(source, f"{change['balanced_accuracy']:+.3f}", f"{change['log_loss']:+.3f}")


def random_split() -> None:
    """Print protocol R."""
    pool = public_pool(TABLES[:1])
    train, test = hold_out(np.asarray(pool.moods)[pool.y])
    print("\nR, the article's random split (duplicates removed): optimistic, its playlists are "
          "known.\n")  # fmt: skip
    row("model", "accuracy (95%)")
    row("---", "--:")
    models = {
        "article's network": articles_network(pool.part(train)),
        "reference recipe": reference(pool.part(train)),
        "committee": fit_recipe(COMMITTEE, pool.part(train)).predict_proba,
    }
    for name, speak in models.items():
        right = (speak(pool.X[test]).argmax(axis=1) == pool.y[test]).sum()
        low, high = wilson_interval(right, len(test))
        row(name, f"{right / len(test):.3f} ({low:.2f}–{high:.2f})")


def main() -> int:
    playlists()
    collections()
    random_split()
    return 0


if __name__ == "__main__":
    sys.exit(main())
