"""Paired tests: whether one model is better than another on the same tracks, or may be by luck."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import isfinite, sqrt

import numpy as np
import numpy.typing as npt
from scipy import special

from affetto.learning.evaluation import Z_95, repeated_cv_error

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

MOST_EXACT_FLIPS = 16
"""Up to so many groups all 2ⁿ signs are tried; beyond, `N_DRAWS` of them at random."""

N_DRAWS = 20_000

FEWEST_GROUPS = 6
"""With five groups the smallest possible p of the sign-flip test is 2 / 2⁵ = .06."""


@dataclass(frozen=True, slots=True)
class McNemar:
    """Outcome of McNemar's test.

    Attributes
    ----------
    only_a, only_b : int
        Tracks that the one model alone got right. All other tracks tell nothing of which is
        better.
    p_exact : float
        Two-sided, from the binomial distribution; never too small, often too large.
    p_mid : float
        The same with half the weight of the outcome itself: closer to what it claims.
    """

    only_a: int
    only_b: int
    p_exact: float
    p_mid: float


def mcnemar(right_a: Flags, right_b: Flags) -> McNemar:
    """Test whether two models are right equally often on the same tracks.

    Of the b + c tracks that only one of them gets right, either side's count is binomial with
    share ½ if neither model is better. With k the smaller count,
    p_exact = min(1, 2 · P(X ≤ k)) and p_mid = 2 · P(X < k) + P(X = k).

    Parameters
    ----------
    right_a, right_b : ndarray of bool, shape=(n,)
        Whether each model was right on each track.

    Returns
    -------
    McNemar

    Raises
    ------
    ValueError
        If the two have different shapes.

    References
    ----------
    McNemar, Q. (1947). Note on the sampling error of the difference between correlated
    proportions or percentages. Psychometrika 12(2).
    Fagerland, M. W., Lydersen, S. & Laake, P. (2013). The McNemar test for binary
    matched-pairs data: mid-p and asymptotic are better than exact conditional. BMC Medical
    Research Methodology 13(91).
    """
    if right_a.shape != right_b.shape:
        raise ValueError(f"{right_a.shape} tracks on one side, {right_b.shape} on the other")
    only_a = int((right_a & ~right_b).sum())
    only_b = int((right_b & ~right_a).sum())
    n, k = only_a + only_b, min(only_a, only_b)
    up_to = float(special.bdtr(k, n, 0.5))
    below = float(special.bdtr(k - 1, n, 0.5)) if k else 0.0
    return McNemar(only_a, only_b, min(1.0, 2 * up_to), min(1.0, below + up_to))


def difference_interval(only_a: int, only_b: int, n: int) -> tuple[float, float]:
    """Give the 95% interval of accuracy B − accuracy A, measured on the same n tracks.

    Half a track is added to each of the four cells, which keeps the interval honest for few
    tracks: with d = (c − b) / n, var = ((b + c) / n − d²) / n.

    Parameters
    ----------
    only_a, only_b : int
        Tracks that the one model alone got right (b and c).
    n : int
        All tracks, above 0.

    Returns
    -------
    low, high : float
        Within −1 and 1.

    References
    ----------
    Agresti, A. & Min, Y. (2005). Simple improved confidence intervals for comparing matched
    proportions. Statistics in Medicine 24(5).
    """
    b, c, total = only_a + 0.5, only_b + 0.5, n + 2.0
    middle = (c - b) / total
    half = Z_95 * sqrt(((b + c) / total - middle**2) / total)
    return max(-1.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True, slots=True)
class ResampledT:
    """Outcome of the corrected resampled t-test.

    Attributes
    ----------
    mean : float
        Mean difference over splits.
    low, high : float
        Its 95% interval.
    t, p : float
        Statistic, and two-sided p; p is 1 where no split differs.
    splits : int
    """

    mean: float
    low: float
    high: float
    t: float
    p: float
    splits: int


def corrected_resampled_t(
    differences: Sequence[float] | Floats, n_test: float, n_train: float
) -> ResampledT:
    """Test whether two ways of learning differ, both trained and judged on the same splits.

    t = mean / sqrt((1/k + n_test/n_train) · var) with k − 1 degrees of freedom. The learning
    sides share most of their tracks, so that the plain t-test would be far too sure.

    It is a test of *recipes*, trained anew on every split; two finished models are compared
    track by track (`mcnemar`).

    Parameters
    ----------
    differences : sequence of float, length k
        Score of B less score of A, one a split; at least two.
    n_test, n_train : float
        Mean numbers of tracks judged and learned from.

    Returns
    -------
    ResampledT

    Raises
    ------
    ValueError
        If there are fewer than two differences.

    References
    ----------
    Nadeau, C. & Bengio, Y. (2003). Inference for the generalization error. Machine
    Learning 52(3).
    Bouckaert, R. R. & Frank, E. (2004). Evaluating the replicability of significance tests
    for comparing learning algorithms. PAKDD.
    """
    values = np.asarray(differences, dtype=np.float64)
    k = len(values)
    if k < 2:
        raise ValueError(f"{k} differences; a t-test needs at least two")
    mean = float(values.mean())
    error = repeated_cv_error(values.tolist(), n_test, n_train)
    if error <= 1e-12:
        # Every split says the same: certain if it says anything at all.
        sure = abs(mean) > 1e-12
        return ResampledT(mean, mean, mean, np.inf * np.sign(mean) if sure else 0.0,
                          0.0 if sure else 1.0, k)  # fmt: skip
    t = mean / error
    half = float(special.stdtrit(k - 1, 0.975)) * error
    p = 2 * float(special.stdtr(k - 1, -abs(t)))
    return ResampledT(mean, mean - half, mean + half, t, p, k)


def sign_flip_p(sums: Sequence[float] | Floats, seed: int = 42) -> float:
    """Test whether groups favour one of two models, two-sided.

    Tracks of one playlist are alike, so that not tracks but playlists are the independent
    witnesses. If the models are equally good, each group's sum of differences might as well
    have the other sign; p is the share of all signs that give a total at least as far from 0.

    Parameters
    ----------
    sums : sequence of float
        Each group's sum of differences (B right less A right).
    seed : int
        Of the signs drawn, where there are more than 16 groups that differ.

    Returns
    -------
    float
        At least 2 / 2ⁿ over n groups that differ; 1 where none does.

    References
    ----------
    Fisher, R. A. (1935). The design of experiments, section 21.
    Phipson, B. & Smyth, G. K. (2010). Permutation p-values should never be zero. Statistical
    Applications in Genetics and Molecular Biology 9(1).
    """
    values = np.asarray(sums, dtype=np.float64)
    values = values[values != 0]
    n = len(values)
    if not n:
        return 1.0
    seen = abs(values.sum()) - 1e-9
    if n <= MOST_EXACT_FLIPS:
        signs = np.array(list(product((1.0, -1.0), repeat=n)))
        return float((abs(signs @ values) >= seen).mean())
    draw = np.random.default_rng(seed)
    n_far = 0
    for _ in range(20):  # in parts, so that 100,000 groups do not fill the memory
        totals = (2.0 * draw.integers(0, 2, (N_DRAWS // 20, n), dtype=np.int8) - 1) @ values
        n_far += int((abs(totals) >= seen).sum())
    return (n_far + 1) / (N_DRAWS + 1)


def group_difference_interval(
    differences: Floats,
    groups: npt.NDArray[np.str_],
    y: npt.NDArray[np.intp],
    *,
    n_draws: int = 1000,
    seed: int = 42,
) -> tuple[float, float]:
    """Give the 95% interval of a mean paired difference by resampling whole groups.

    Groups are drawn with replacement among those of the same commonest mood, so that no mood
    gets lost.

    Parameters
    ----------
    differences : ndarray, shape=(n,)
        Of each track: B's score less A's.
    groups : ndarray of str, shape=(n,)
    y : ndarray of int, shape=(n,)
        True moods.
    n_draws : int
    seed : int

    Returns
    -------
    low, high : float
        NaN where no mood has two groups, so that nothing varies.

    References
    ----------
    Field, C. A. & Welsh, A. H. (2007). Bootstrapping clustered data. JRSS B 69(3).
    """
    _, which = np.unique(groups, return_inverse=True)
    n_groups, n_moods = int(which.max()) + 1, int(y.max()) + 1
    sums = np.bincount(which, differences, n_groups)
    sizes = np.bincount(which, minlength=n_groups).astype(np.float64)
    cells = np.bincount(which * n_moods + y, minlength=n_groups * n_moods)
    commonest = cells.reshape(n_groups, n_moods).argmax(axis=1)
    strata = [np.flatnonzero(commonest == mood) for mood in np.unique(commonest)]
    if all(len(own) < 2 for own in strata):
        return float("nan"), float("nan")
    draw = np.random.default_rng(seed)
    means = np.empty(n_draws)
    for index in range(n_draws):
        drawn = np.concatenate([draw.choice(own, len(own)) for own in strata])
        means[index] = sums[drawn].sum() / sizes[drawn].sum()
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def mean_difference_interval(differences: Floats) -> tuple[float, float]:
    """Give the 95% interval of a mean paired difference over independent tracks.

    mean ± 1.96 · sd / √n; NaN for a single track.

    Parameters
    ----------
    differences : ndarray, shape=(n,)
    """
    n = len(differences)
    if n < 2:
        return float("nan"), float("nan")
    mean, half = differences.mean(), Z_95 * differences.std(ddof=1) / sqrt(n)
    return float(mean - half), float(mean + half)


def holm(p: Sequence[float]) -> list[float]:
    """Correct p-values for having tested several pairs.

    Parameters
    ----------
    p : sequence of float

    Returns
    -------
    list of float
        In the same order, none smaller than before, none above 1.

    References
    ----------
    Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scandinavian
    Journal of Statistics 6(2).
    """
    corrected = list(p)
    worst = 0.0
    for rank, place in enumerate(sorted(range(len(p)), key=lambda index: p[index])):
        worst = max(worst, min(1.0, (len(p) - rank) * p[place]))
        corrected[place] = worst
    return corrected


def is_told(p: float) -> bool:
    """Whether a difference is called one: p below .05, and p known."""
    return isfinite(p) and p < 0.05
