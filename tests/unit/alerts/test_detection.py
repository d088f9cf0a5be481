"""Detection: the tail of the negative binomial."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import nbinom, poisson

from alerts.detection import METHODS, negative_binomial_tail


def tail(seen: float, mean: float, dispersion: float) -> float:
    """One p-value."""
    return float(negative_binomial_tail(np.array([seen]), np.array([mean]), np.array([dispersion]))[0])


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


def test_methods_are_found_by_the_name_in_the_configuration() -> None:
    """A rule names its method."""
    assert METHODS["negative-binomial"] is negative_binomial_tail
