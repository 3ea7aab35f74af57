"""Moods on music never seen: playlists (U), whole collections (S), and a random split (R).

U keeps one playlist of every mood of the article's table unseen, all 32 ways. S keeps one
source unseen, judged among the moods it holds. R is the article's own random split.
No row searches on what it is judged by: averages are chosen by the *other* playlists of the
table (nested), or by all *other* collections, from which the article's table and its tracks
were taken out. The seven features and the densities' shape were settled beforehand (README.md).
"""

import os

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import sys
import time
from collections.abc import Callable, Sequence
from importlib import resources

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from affetto.learning.calibration import judge_calibration
from affetto.learning.densities import SHAPE
from affetto.learning.evaluation import wilson_interval
from affetto.learning.pool import Pool
from affetto.learning.pooled import (
    FEWER_ROWS,
    HOME,
    MOST_ROWS,
    TABLES,
    public_pool,
    source_means,
)
from affetto.learning.recipes import (
    ALONE,
    COMMITTEE,
    COMMITTEE_WITH_TREES,
    DENSITIES,
    RECIPES,
    SIMPLE_RECIPES,
    Recipe,
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
    one_source_teaches,
    unseen_playlists,
    unseen_sources,
    without_each,
)
from affetto.model import load_model

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


def articles_regression(pool: Pool) -> Speak:
    """Learn as the article's logistic regression: C = .1, on standardised features."""
    regression = LogisticRegression(C=0.1, max_iter=2000)
    model = make_pipeline(StandardScaler(), regression).fit(pool.X, pool.y)
    return in_all_moods(model, len(pool.moods))


def by_recipe(recipe: Recipe) -> Learner:
    return lambda pool: fit_recipe(recipe, pool).predict_proba


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


def playlists_head(title: str, pool: Pool) -> None:
    print(f"\nU, playlists never seen: {title} ({len(pool)} tracks).\n")
    row("model", "accuracy", "balanced (95%)", "log-loss", "ECE", "surest half",
        f"recall of {', '.join(pool.moods)}")  # fmt: skip
    row("---", *["--:"] * 5, "---")


def away_from(home: str, pool: Pool) -> Pool:
    """Give all other sources, without any track that the home source holds."""
    seen = np.isin(pool.tracks, pool.tracks[pool.sources == home])
    return pool.part(~seen)


def alone(choice: Recipe) -> None:
    """Print U with nothing but the article's table."""
    pool = public_pool(TABLES[:1])
    protocol = unseen_playlists(pool, HOME)
    playlists_head("article's table alone", pool)
    row("aim", "", "≥ .53", "", "", "", "")
    playlists_row("article's network, seven features", judge(articles_network, pool, protocol))
    playlists_row(
        "article's logistic regression, seven features", judge(articles_regression, pool, protocol)
    )
    playlists_row("reference recipe", judge(reference, pool, protocol))
    judged = judge_recipes((*RECIPES, choice), pool, protocol)
    playlists_row("committee: nothing chosen", judged[COMMITTEE])
    searched = {recipe: judged[recipe] for recipe in RECIPES}
    playlists_row("average chosen by the other playlists", nested(searched)[0])
    playlists_row(f"chosen by the other collections: {choice}", judged[choice])


def with_tables(choice: Recipe) -> None:
    """Print U with the two further tables."""
    pool = public_pool(TABLES[:3]).thinned(MOST_ROWS)
    protocol = unseen_playlists(pool, HOME)
    playlists_head("and the two further tables, shared tracks removed", pool)
    row("aim", "", "≥ .60", "≤ 1.03", "≤ .045", "≥ .76", "Energetic ≥ .30")
    playlists_row("article's logistic regression", judge(articles_regression, pool, protocol))
    playlists_row("reference recipe", judge(reference, pool, protocol))
    started = time.perf_counter()
    judged = judge_recipes(RECIPES, pool, protocol)
    searched, chosen = nested(judged)
    seconds = time.perf_counter() - started
    playlists_row("**committee: nothing chosen**", judged[COMMITTEE])
    playlists_row("average chosen by the other playlists", searched)
    playlists_row(f"average chosen by the other collections: {named(choice)}", judged[choice])
    playlists_row("committee with trees: nothing chosen", judged[COMMITTEE_WITH_TREES])
    print(f"\nNested search among {len(RECIPES)} averages, 32 ways: {seconds:.0f} s (aim ≤ 300), "
          "one process. It took "
          + ", ".join(f"{named(r)} {n} times" for r in RECIPES if (n := chosen.get(str(r))))
          + ".")  # fmt: skip
    calibrated = judge_calibration(judged[COMMITTEE])
    found: dict[str, list[tuple[float, float]]] = {"committee": [], "chosen": []}
    for seed in OTHER_DRAWS:
        drawn = public_pool(TABLES[:3]).thinned(MOST_ROWS, seed)
        again = judge_recipes(RECIPES, drawn, unseen_playlists(drawn, HOME))
        for name, one in (("committee", again[COMMITTEE]), ("chosen", nested(again)[0])):
            own = one.as_dict()
            found[name].append((own["balanced_accuracy"], own["coverage"]["0.5"]))
    print("Other draws of 300 rows a mood and table: balanced "
          + ", ".join(f"{b:.3f}" for b, _ in found["committee"]) + " (surest half "
          + ", ".join(f"{h:.3f}" for _, h in found["committee"]) + ") for the committee, "
          + ", ".join(f"{b:.3f}" for b, _ in found["chosen"]) + " for the average chosen. "
          f"Calibration of the committee: {calibrated['words']}.")  # fmt: skip


OTHER_DRAWS = (1, 2, 3)


def named(recipe: Recipe) -> str:
    """Name an average by the kinds of its members."""
    return " + ".join(member.kind for member in recipe.members)


def with_collections() -> None:
    """Print U with all there is: what the default model does."""
    pool = public_pool().thinned(MOST_ROWS)
    protocol = unseen_playlists(pool, HOME)
    playlists_head("and the ten collections, shared tracks removed", pool)
    playlists_row("article's logistic regression", judge(articles_regression, pool, protocol))
    playlists_row("reference recipe", judge(reference, pool, protocol))
    judged = judge_recipes((COMMITTEE,), pool, protocol)
    playlists_row("**committee (default model)**", judged[COMMITTEE])


def collections() -> None:
    """Print protocol S."""
    pool = public_pool().thinned(MOST_ROWS)
    protocol = unseen_sources(pool, [s for s in pool.counts() if s != HOME])
    judged = judge_recipes(RECIPES, pool, protocol)
    article, tables = TABLES[:1], TABLES[:3]
    learners: dict[str, tuple[str, Learner]] = {
        "article's network": ("article", only(article, articles_network)),
        "article's logistic regression": ("article", only(article, articles_regression)),
        "one source's regression": ("article", only(article, by_recipe(ALONE))),
        "reference recipe": ("article, two tables", only(tables, reference)),
        "committee": ("article, two tables", only(tables, by_recipe(COMMITTEE))),
        "article's network, all": ("all others", articles_network),
        "article's logistic regression, all": ("all others", articles_regression),
        "reference recipe, all": ("all others", reference),
    }
    found = {
        name: (data, judge(learner, pool, protocol)) for name, (data, learner) in learners.items()
    }
    found["average chosen by the losses on other collections"] = ("all others", nested(judged)[0])
    found["committee with trees"] = ("all others", judged[COMMITTEE_WITH_TREES])
    found["**committee (default model)**"] = ("all others", judged[COMMITTEE])
    print(
        f"\nS, collections never seen: each of {len(protocol.parts)} judged among its own moods, "
        "without tracks that others hold. The article's table teaches and does not judge, since "
        "its own model could not be judged by it. Means over collections; what is judged is never "
        "learned from.\n"
    )
    sources = [str(part.units[0]) for part in protocol.parts]
    row("model", "learned from", "balanced", "log-loss", "ECE",
        *(name.split("/")[-1][:16] for name in sources))  # fmt: skip
    row("---", "---", *["--:"] * (3 + len(sources)))
    for name, (data, judgement) in found.items():
        means = source_means(judgement)
        row(
            name.removesuffix(", all"), data, f"{means['balanced_accuracy']:.3f}",
            f"{means['log_loss']:.3f}", f"{means['ece']:.3f}",
            *(f"{means['sources'][source]['balanced_accuracy']:.2f}" for source in sources),
        )  # fmt: skip
    print(f"\nCalibration of the committee: {judge_calibration(judged[COMMITTEE])['words']}.")
    hurting(pool)


def hurting(pool: Pool) -> None:
    """Print what leaving a source out of the learning does to the others."""
    few = pool.thinned(FEWER_ROWS)
    print(f"\nTables that hurt: what becomes of the others where one is left out of learning "
          f"(S, {FEWER_ROWS} rows a mood and source).\n")  # fmt: skip
    row("left out", "change of balanced accuracy", "change of log-loss", "verdict")
    row("---", "--:", "--:", "---")
    for one in without_each(COMMITTEE, few, unseen_sources(few)):
        verdict = "hurts" if one["hurts"] else "helps" if one["helps"] else "no clear difference"
        row(
            one["source"], f"{one['balanced_accuracy']:+.3f}",
            f"{one['log_loss']:+.3f} ± {one['se']:.3f}", verdict,
        )  # fmt: skip


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
        "article's logistic regression": articles_regression(pool.part(train)),
        "reference recipe": reference(pool.part(train)),
        "committee": fit_recipe(COMMITTEE, pool.part(train)).predict_proba,
    }
    for name, speak in models.items():
        right = (speak(pool.X[test]).argmax(axis=1) == pool.y[test]).sum()
        low, high = wilson_interval(right, len(test))
        row(name, f"{right / len(test):.3f} ({low:.2f}–{high:.2f})")


def default_model() -> None:
    """Print what the packaged model costs, and whether its explanations add up."""
    model = load_model()
    pool = public_pool(TABLES[:1])
    tracks = pool.X[:: max(1, len(pool) // 200)]
    model.explain(tracks[:2])
    started = time.process_time()
    told = model.explain(tracks)
    together = (time.process_time() - started) / len(tracks)
    started = time.process_time()
    for track in tracks[:50]:
        model.explain(track[None])
    apart = (time.process_time() - started) / 50
    gap = max(
        abs(one.reference_margin + sum(reason.contribution for reason in one.reasons) - one.margin)
        for one in told
    )
    file = resources.files("affetto") / "models" / "default.affetto"
    print("\nThe default model, explained:\n")
    row("what", "measured", "aim")
    row("---", "--:", "--:")
    row("contributions add up to the margin, largest gap", f"{gap:.0e}", "≤ 1e-9")
    row("a track explained, of many (CPU)", f"{1000 * together:.1f} ms", "< 5 ms")
    row("a track explained, alone (CPU)", f"{1000 * apart:.1f} ms", "< 5 ms")
    row("size of the file", f"{len(file.read_bytes()) / 1e6:.2f} MB", "≤ 2 MB")


def main() -> int:
    elsewhere = away_from(HOME, public_pool().thinned(MOST_ROWS))
    teaching = judge_recipes((*SIMPLE_RECIPES, *RECIPES), elsewhere, one_source_teaches(elsewhere))
    alone(choose({recipe: one.losses() for recipe, one in teaching.items()}))
    densities = Recipe((DENSITIES,))
    judged = judge_recipes((*RECIPES, densities), elsewhere, unseen_sources(elsewhere))
    found = judge_calibration(judged.pop(densities))["temperature"] * SHAPE.temperature
    print(f"\nBest temperature of the densities by the other collections: {found:.2f}; they have "
          f"{SHAPE.temperature:g}.")  # fmt: skip
    with_tables(choose({recipe: one.losses() for recipe, one in judged.items()}))
    with_collections()
    collections()
    random_split()
    default_model()
    return 0


if __name__ == "__main__":
    sys.exit(main())
