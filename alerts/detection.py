"""Detection: how unlikely is a count, given what was to be expected. Pure.

A method takes the counts seen, the counts expected and the dispersions (arrays of one length) and returns p-values:
the probability of so many or more. Methods are found by name, as the configuration writes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
from scipy.special import betainc, gammainc

Floats = npt.NDArray[np.float64]
Method = Callable[[Floats, Floats, Floats], Floats]

LEAST_MEAN = 1e-6  #: A mean of nothing would make any count impossible; nothing is that sure.
POISSON_BELOW = 1.0 + 1e-6  #: Under this dispersion the negative binomial is its limit, numerically too.


def negative_binomial_tail(seen: Floats, mean: Floats, dispersion: Floats) -> Floats:
    """P(X >= seen) for a negative binomial with `mean` and variance `dispersion * mean`.

    With r = mean / (dispersion - 1) and success probability 1 / dispersion the upper tail is the regularised
    incomplete beta function I(1 - 1 / dispersion; seen, r), and in the limit of dispersion 1 (Poisson) the regularised
    incomplete gamma function P(seen, mean): NIST Digital Library of Mathematical Functions, 8.17.24 and 8.11.10 with
    8.4.10; Johnson, Kemp and Kotz, Univariate Discrete Distributions, 3rd edition, section 5.6. Both are accurate far
    out in the tail, where one minus a distribution function is not.
    """
    some = np.maximum(seen, 1.0)  # both functions want a positive count; nothing or more is certain anyway
    mean = np.maximum(mean, LEAST_MEAN)
    excess = np.maximum(dispersion, POISSON_BELOW) - 1.0
    tail = betainc(some, mean / excess, excess / (1.0 + excess))
    tail = np.where(dispersion < POISSON_BELOW, gammainc(some, mean), tail)
    return np.asarray(np.where(seen <= 0.0, 1.0, np.clip(tail, 0.0, 1.0)), dtype=np.float64)


METHODS: Mapping[str, Method] = {"negative-binomial": negative_binomial_tail}
"""Methods by their name in the configuration."""
