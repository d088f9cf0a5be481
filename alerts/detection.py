"""Detection: how unlikely is what was seen, given what was to be expected. Pure.

Each function takes arrays of one shape (or such as broadcast) and returns p-values. They are nominal: real streams are
never quite as their model says, which is what `alerts/recalibration.py` is for.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import betainc, betaln, gammainc, gammaln, ndtr

Floats = npt.NDArray[np.float64]

LEAST_MEAN = 1e-6  #: A mean of nothing would make any count impossible; nothing is that sure.
POISSON_BELOW = 1.0 + 1e-6  #: Under this dispersion the negative binomial is its limit, numerically too.
LARGE_MEAN = 30.0  #: From here on counts are judged by residuals of their power 2/3.
MOST_TERMS = 400  #: A beta-binomial of more stories is judged by the negative binomial of its mean and variance.
LEAST_P = 1e-300  #: Smaller ones are given as this, so that logarithms stay finite.


def negative_binomial_tail(seen: Floats, mean: Floats, dispersion: Floats) -> Floats:
    """P(X >= seen) for a negative binomial with `mean` and variance `dispersion * mean`.

    With r = mean / (dispersion - 1) and success probability 1 / dispersion the upper tail is the regularised
    incomplete beta function I(1 - 1 / dispersion; seen, r), and in the limit of dispersion 1 (Poisson) the regularised
    incomplete gamma function P(seen, mean): NIST Digital Library of Mathematical Functions, 8.17.24 and 8.11.10 with
    8.4.10; Johnson, Kemp and Kotz, Univariate Discrete Distributions, 3rd edition, section 5.6. Both are accurate far
    out in the tail, where one minus a distribution function is not, and both go on between whole numbers, so that
    sums of probabilities can be judged like counts.
    """
    some = np.where(seen > 0.0, seen, 1.0)  # both functions want a positive count; nothing or more is certain anyway
    mean = np.maximum(mean, LEAST_MEAN)
    excess = np.maximum(dispersion, POISSON_BELOW) - 1.0
    tail = betainc(some, mean / excess, excess / (1.0 + excess))
    if np.any(dispersion < POISSON_BELOW):
        tail = np.where(dispersion < POISSON_BELOW, gammainc(some, mean), tail)
    return np.asarray(np.where(seen <= 0.0, 1.0, np.clip(tail, 0.0, 1.0)), dtype=np.float64)


def power_residual(seen: Floats, mean: Floats, dispersion: Floats) -> Floats:
    """Standard score of `seen` under a quasi-Poisson model, by the power 2/3 that takes the skewness out.

    X ** (2/3) is near normal with mean ** (2/3) and variance 4/9 * dispersion * mean ** (1/3): Farrington, Andrews,
    Beale and Catchpole, A statistical algorithm for the early detection of outbreaks of infectious disease, JRSS A 159
    (1996); kept in Noufaily et al., An improved algorithm for outbreak detection, Statistics in Medicine 32 (2013).
    """
    mean = np.maximum(mean, LEAST_MEAN)
    spread = 2.0 / 3.0 * mean ** (1.0 / 6.0) * np.sqrt(np.maximum(dispersion, 1.0))
    return np.asarray((seen ** (2.0 / 3.0) - mean ** (2.0 / 3.0)) / spread, dtype=np.float64)


def count_tail(seen: Floats, mean: Floats, dispersion: Floats) -> Floats:
    """P(X >= seen): the negative binomial below a mean of 30, residuals of the power 2/3 above."""
    small = negative_binomial_tail(seen, np.minimum(mean, LARGE_MEAN), dispersion)
    if np.all(mean < LARGE_MEAN):
        return small
    large = ndtr(-power_residual(seen, mean, dispersion))
    return np.asarray(np.where(mean < LARGE_MEAN, small, large), dtype=np.float64)


def lower_tail(seen: Floats, mean: Floats, dispersion: Floats) -> Floats:
    """P(X <= seen): how unlikely so few are; the same models as `count_tail`."""
    small = 1.0 - negative_binomial_tail(seen + 1.0, np.minimum(mean, LARGE_MEAN), dispersion)
    large = ndtr(power_residual(seen + 0.5, mean, dispersion))
    return np.asarray(np.clip(np.where(mean < LARGE_MEAN, small, large), LEAST_P, 1.0), dtype=np.float64)


def beta_binomial_tail(negative: Floats, stories: Floats, share: Floats, correlation: Floats) -> Floats:
    """P(X >= negative) of `stories`, when each is negative with `share` and two of them agree with `correlation`.

    Stories of one day are told of one mood: a plain binomial takes that for evidence. The intra-class correlation rho
    gives a + b = (1 - rho) / rho: Skellam, A probability distribution derived from the binomial, JRSS B 10 (1948);
    Johnson, Kemp and Kotz, section 6.2.2. The terms are summed from the far end, so that small tails stay exact; beyond
    `MOST_TERMS` stories the negative binomial of the same mean and variance stands in.
    """
    negative, stories, share, rho = np.broadcast_arrays(negative, stories, share, np.clip(correlation, 1e-4, 0.99))
    tail = np.ones(negative.shape)
    some = negative > 0.0
    many = some & (stories > MOST_TERMS)
    variance = (1.0 - share) * (1.0 + (stories - 1.0) * rho)
    tail[many] = negative_binomial_tail(negative[many], (stories * share)[many], variance[many])
    few = some & ~many
    if few.any():
        tail[few] = _summed(negative[few], stories[few], np.clip(share[few], 1e-6, 1.0 - 1e-6), rho[few])
    return tail


def _summed(negative: Floats, stories: Floats, share: Floats, rho: Floats) -> Floats:
    steps = np.arange(int((stories - negative).max()) + 1)[:, np.newaxis]
    at = np.minimum(negative + steps, stories)
    a, b = share * (1.0 - rho) / rho, (1.0 - share) * (1.0 - rho) / rho
    log_ways = gammaln(stories + 1.0) - gammaln(at + 1.0) - gammaln(stories - at + 1.0)
    terms = np.exp(log_ways + betaln(at + a, stories - at + b) - betaln(a, b))
    return np.asarray(np.minimum(np.where(negative + steps <= stories, terms, 0.0).sum(axis=0), 1.0))


def surprise(p_values: Floats) -> Floats:
    """-ln p, never infinite."""
    return np.asarray(-np.log(np.maximum(p_values, LEAST_P)), dtype=np.float64)


def adjusted(p_values: Floats, tests: int) -> Floats:
    """q-values after Benjamini and Hochberg, JRSS B 57 (1995), of one-dimensional `p_values` among `tests`.

    Tests that are not given count as p = 1. The share of false ones among all with a q-value up to q is at most q.
    """
    order = np.argsort(p_values, kind="stable")
    raw = p_values[order] * max(tests, len(p_values)) / np.arange(1, len(p_values) + 1)
    smallest = np.minimum.accumulate(raw[::-1])[::-1]
    q_values = np.empty(len(p_values))
    q_values[order] = np.minimum(smallest, 1.0)
    return q_values
