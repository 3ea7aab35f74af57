"""Paired tests on counts and differences whose p-values are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from affetto.learning.paired import (
    MOST_EXACT_FLIPS,
    corrected_resampled_t,
    difference_interval,
    group_difference_interval,
    holm,
    is_told,
    mcnemar,
    mean_difference_interval,
    sign_flip_p,
)


def flags(both, only_a, only_b, neither):
    """Right and wrong answers of two models, by how many tracks each way."""
    cells = np.repeat([0, 1, 2, 3], [both, only_a, only_b, neither])
    return np.isin(cells, [0, 1]), np.isin(cells, [0, 2])


# ---------------------------------------------------------------- McNemar


def test_the_airway_example_of_fagerland():
    """Fagerland et al. (2013), table 1: 1 and 7 discordant pairs of 21; p .0703 and .0391."""
    test = mcnemar(*flags(1, 1, 7, 12))
    assert (test.only_a, test.only_b) == (1, 7)
    assert test.p_exact == pytest.approx(0.0703, abs=5e-5)
    assert test.p_mid == pytest.approx(0.0391, abs=5e-5)


@pytest.mark.parametrize(("b", "c"), [(0, 0), (1, 0), (5, 5), (3, 12), (40, 41), (900, 1100)])
def test_the_exact_p_is_the_binomial_tests(b, c):
    test = mcnemar(*flags(3, b, c, 2))
    expected = stats.binomtest(b, b + c).pvalue if b + c else 1.0
    assert test.p_exact == pytest.approx(expected, rel=1e-9)
    outcome = stats.binom.pmf(min(b, c), b + c, 0.5)
    assert test.p_mid == pytest.approx(1.0 if b == c else expected - outcome, rel=1e-9)


def test_tracks_on_which_both_agree_tell_nothing():
    assert mcnemar(*flags(0, 3, 9, 0)).p_mid == mcnemar(*flags(500, 3, 9, 400)).p_mid


def test_sides_of_different_lengths_are_a_bug():
    with pytest.raises(ValueError, match=r"\(2,\) tracks on one side, \(3,\) on the other"):
        mcnemar(np.array([True, False]), np.array([True, False, True]))


@settings(deadline=None, max_examples=50)
@given(b=st.integers(0, 300), c=st.integers(0, 300))
def test_mcnemar_is_fair_to_either_side(b, c):
    one, other = mcnemar(*flags(1, b, c, 1)), mcnemar(*flags(1, c, b, 1))
    assert one.p_mid == other.p_mid
    assert 0 <= one.p_mid <= one.p_exact <= 1


def test_the_interval_of_a_difference():
    """The prime minister's ratings, Agresti's textbook: 150 and 86 of 1600 changed, −.04 ± .019."""
    low, high = difference_interval(150, 86, 1600)
    assert (low, high) == pytest.approx((-0.059, -0.021), abs=5e-4)
    assert difference_interval(86, 150, 1600) == pytest.approx((-high, -low))


def test_the_interval_stays_within_bounds_and_open_without_differences():
    low, high = difference_interval(0, 0, 5)
    assert low < 0 < high
    assert difference_interval(0, 3, 3)[1] <= 1


def test_the_interval_holds_what_it_promises():
    """In 95 of 100 samples the true difference of .1 lies inside, give or take three errors."""
    draw = np.random.default_rng(3)
    cells = draw.multinomial(150, [0.5, 0.1, 0.2, 0.2], 2000)
    inside = [low < 0.1 < high for low, high in
              (difference_interval(int(b), int(c), 150) for _, b, c, _ in cells)]  # fmt: skip
    assert np.mean(inside) == pytest.approx(0.95, abs=0.015)


# ---------------------------------------------------------------- corrected resampled t


def test_the_corrected_t_against_its_definition():
    differences = [0.02, 0.05, -0.01, 0.04, 0.03]
    test = corrected_resampled_t(differences, 20, 80)
    error = np.sqrt((1 / 5 + 20 / 80) * np.var(differences, ddof=1))
    assert test.mean == pytest.approx(0.026)
    assert test.t == pytest.approx(0.026 / error)
    assert test.p == pytest.approx(2 * stats.t.sf(0.026 / error, 4))
    assert test.high - test.mean == pytest.approx(stats.t.ppf(0.975, 4) * error)


def test_the_correction_makes_the_test_less_sure():
    differences = np.random.default_rng(0).normal(0.01, 0.02, 20)
    corrected = corrected_resampled_t(differences, 1, 4).p
    assert corrected > 3 * stats.ttest_1samp(differences, 0).pvalue


def test_splits_that_never_differ_tell_nothing_and_those_that_always_do_tell_all():
    same = corrected_resampled_t([0.0] * 4, 1, 4)
    assert (same.p, same.t, same.low, same.high) == (1.0, 0.0, 0.0, 0.0)
    assert corrected_resampled_t([0.1] * 4, 1, 4).p == 0.0
    with pytest.raises(ValueError, match="1 differences; a t-test needs at least two"):
        corrected_resampled_t([0.1], 1, 4)


# ---------------------------------------------------------------- groups


def test_sign_flips_of_few_groups_by_hand():
    assert sign_flip_p([1, 2, 3]) == pytest.approx(2 / 8)  # all of one sign: either extreme
    assert sign_flip_p([1, 1, -1]) == pytest.approx(1.0)
    assert sign_flip_p([1.0] * 6) == pytest.approx(2 / 64)
    assert sign_flip_p([0, 0]) == 1.0
    assert sign_flip_p([0, 0, 1, 2, 3]) == sign_flip_p([1, 2, 3])


def test_many_groups_are_drawn_and_agree_with_all_signs():
    values = np.random.default_rng(5).normal(0.5, 1, MOST_EXACT_FLIPS)
    exact = sign_flip_p(values)
    drawn = sign_flip_p([*values, 1e-7])  # one more, that changes next to nothing
    assert drawn == pytest.approx(exact, abs=0.01)
    assert sign_flip_p([1.0] * 400) == pytest.approx(1 / 20_001)


def test_the_group_interval_holds_groups_together():
    """Two playlists a mood, each all right or all wrong: tracks add no certainty."""
    groups = np.repeat(["a", "b", "c", "d"], 100)
    y = np.repeat([0, 1], 200)
    gain = np.where(np.isin(groups, ["a", "c"]), 1.0, 0.0)
    low, high = group_difference_interval(gain, groups, y)
    assert (low, high) == (0.0, 1.0)
    loose = mean_difference_interval(gain)
    assert loose[1] - loose[0] < 0.1


def test_one_group_a_mood_has_no_interval():
    low, high = group_difference_interval(
        np.ones(4), np.array(["a", "a", "b", "b"]), np.array([0, 0, 1, 1])
    )
    assert np.isnan(low)
    assert np.isnan(high)


def test_the_interval_of_a_mean():
    low, high = mean_difference_interval(np.array([1.0, 3.0]))
    assert (low, high) == pytest.approx((2 - 1.959964, 2 + 1.959964))
    assert np.isnan(mean_difference_interval(np.array([1.0]))).all()


# ---------------------------------------------------------------- several pairs


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([0.2]) == [0.2]


def test_what_counts_as_told():
    assert is_told(0.049)
    assert not is_told(0.05)
    assert not is_told(float("nan"))
