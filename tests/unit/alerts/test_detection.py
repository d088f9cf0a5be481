"""Detection: tails of counts and shares, and the adjustment for many series."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import betabinom, false_discovery_control, nbinom, norm, poisson

from alerts.detection import (
    LARGE_MEAN,
    MOST_TERMS,
    adjusted,
    beta_binomial_tail,
    count_tail,
    lower_tail,
    negative_binomial_tail,
    power_residual,
)


def tail(seen: float, mean: float, dispersion: float) -> float:
    """One p-value."""
    return float(negative_binomial_tail(np.array([seen]), np.array([mean]), np.array([dispersion]))[0])


def share_tail(negative: int, stories: int, share: float, rho: float) -> float:
    """One p-value of a share."""
    values = (np.array([float(value)]) for value in (negative, stories, share, rho))
    return float(beta_binomial_tail(*values)[0])


@given(st.integers(0, 200), st.floats(0.01, 100), st.floats(1.01, 20))
def test_p_value_is_the_upper_tail(seen: int, mean: float, dispersion: float) -> None:
    """An independent implementation gives the same number."""
    wanted = nbinom.sf(seen - 1, mean / (dispersion - 1), 1 / dispersion)
    assert tail(seen, mean, dispersion) == pytest.approx(wanted, rel=1e-6, abs=1e-13)


@given(st.integers(0, 100), st.floats(0.01, 50))
def test_dispersion_of_one_is_poisson(seen: int, mean: float) -> None:
    """The limit is taken exactly, where the general formula would divide by nothing."""
    assert tail(seen, mean, 1.0) == pytest.approx(poisson.sf(seen - 1, mean), rel=1e-6, abs=1e-13)


def test_nothing_seen_is_certain() -> None:
    """Zero or more happens always."""
    assert tail(0, 3.0, 2.0) == 1.0
    assert tail(0, 0.0, 1.0) == 1.0


def test_nothing_expected_is_not_impossible() -> None:
    """A mean of zero is an estimate; a count above it gets a small p-value, never zero or not-a-number."""
    assert 0.0 < tail(1, 0.0, 1.0) < 1e-5
    assert 0.0 < tail(1, 0.0, 3.0) < 1e-5


def test_dispersion_makes_a_count_less_surprising() -> None:
    """Sources that come in bursts must not page anybody for a burst."""
    assert tail(10, 2.0, 4.0) > 10 * tail(10, 2.0, 1.0)


@given(st.floats(0.1, 20), st.floats(0.1, 10), st.floats(1.0, 5.0), st.floats(0.01, 3))
def test_sums_of_probabilities_are_judged_between_whole_numbers(
    seen: float, mean: float, dispersion: float, more: float
) -> None:
    """A weight of 2.5 lies between 2 and 3, and more is never less surprising."""
    assert tail(np.floor(seen) + 1.0, mean, dispersion) <= tail(seen, mean, dispersion) * (1 + 1e-9)
    assert tail(seen + more, mean, dispersion) <= tail(seen, mean, dispersion) * (1 + 1e-9)


@pytest.mark.parametrize("dispersion", [1.0, 2.0, 5.0])
def test_residual_of_large_counts_is_near_normal(dispersion: float) -> None:
    """Of counts drawn with that mean and dispersion the residual has mean 0 and variance 1, and no long tail."""
    rng = np.random.default_rng(4)
    mean = 80.0
    rates = rng.gamma(mean / (dispersion - 1), dispersion - 1, 40_000) if dispersion > 1 else np.full(40_000, mean)
    residual = power_residual(rng.poisson(rates).astype(float), np.array(mean), np.array(dispersion))
    assert abs(residual.mean()) < 0.1
    assert residual.std() == pytest.approx(1.0, abs=0.05)
    assert (residual > norm.isf(0.001)).mean() < 0.003


def test_counts_are_judged_by_their_size() -> None:
    """The negative binomial below a mean of 30, residuals above; where they meet, they say much the same."""
    seen, spread = np.array([20.0, 60.0]), np.array([2.0, 2.0])
    low, high = count_tail(seen, np.array([10.0, LARGE_MEAN - 1e-9]), spread)
    assert low == tail(20.0, 10.0, 2.0)
    residual = count_tail(seen[1:], np.array([LARGE_MEAN]), spread[1:])[0]
    assert residual == pytest.approx(norm.sf(power_residual(np.array(60.0), np.array(30.0), np.array(2.0))))
    assert 0.1 < np.log(residual) / np.log(high) < 2.0


@given(st.integers(0, 40), st.floats(0.5, 29), st.floats(1.01, 5))
def test_lower_tail_is_that_of_so_few(seen: int, mean: float, dispersion: float) -> None:
    """An independent implementation gives the same number."""
    wanted = nbinom.cdf(seen, mean / (dispersion - 1), 1 / dispersion)
    got = lower_tail(np.array([float(seen)]), np.array([mean]), np.array([dispersion]))[0]
    assert got == pytest.approx(wanted, rel=1e-6, abs=1e-9)


@given(st.integers(1, 120), st.floats(0.01, 0.9), st.floats(0.001, 0.5), st.data())
def test_share_is_judged_by_the_beta_binomial(stories: int, share: float, rho: float, data: st.DataObject) -> None:
    """An independent implementation gives the same number."""
    negative = data.draw(st.integers(0, stories))
    a, b = share * (1 - rho) / rho, (1 - share) * (1 - rho) / rho
    wanted = betabinom.sf(negative - 1, stories, a, b)
    assert share_tail(negative, stories, share, rho) == pytest.approx(wanted, rel=1e-5, abs=1e-11)


def test_share_of_very_many_stories_goes_on_smoothly() -> None:
    """Where terms are no longer summed, the answer is of the same size."""
    few, many = share_tail(80, MOST_TERMS, 0.1, 0.005), share_tail(80, MOST_TERMS + 1, 0.1, 0.005)
    assert 0.3 < np.log(many) / np.log(few) < 3.0
    assert share_tail(5_000, 10_000, 0.1, 0.01) < 1e-6


@given(st.lists(st.floats(1e-9, 1.0), min_size=1, max_size=20), st.integers(0, 30))
def test_adjustment_is_that_of_benjamini_and_hochberg(p_values: list[float], silent: int) -> None:
    """An independent implementation gives the same, where the series that are not given have p = 1."""
    wanted = false_discovery_control([*p_values, *[1.0] * silent])[: len(p_values)]
    got = adjusted(np.array(p_values), len(p_values) + silent)
    assert got.tolist() == pytest.approx(wanted.tolist(), rel=1e-9)
