"""How sure an answer must be, for a stated risk: numpy and scipy alone.

In: the confidence of each answer on rows that did not train, and whether it was right. Out: a threshold that keeps the
risk on other rows of the same kind too, with the certainty asked for. It is that of Geifman and El-Yaniv, Selective
classification for deep neural networks (NeurIPS 2017): a binary search over the rows by confidence, each step judged by
an exact binomial bound (Clopper and Pearson, 1934) that may err by its part of what the whole may.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

CERTAINTY = 0.95  #: That the stated risk holds.
KEEP = 0.99  #: Share of the rows about finance that the finance threshold must leave in.


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """How sure an answer must be, and what that does to the rows at hand."""

    confidence: float  #: Answers whose probability is lower are left open.
    coverage: float  #: Share of the rows that are answered.
    risk: float  #: Share of wrong answers among them.
    bound: float  #: What the risk on other rows is below, with the certainty asked for.


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskCoverage:
    """What every threshold does; one entry for each distinct confidence, the highest first."""

    confidence: Array
    coverage: Array  #: Share of rows at or above the confidence.
    risk: Array  #: Share of wrong answers among them.

    @property
    def area(self) -> float:
        """Mean risk over the coverages (AURC): lower is better."""
        return float(np.sum(self.risk * np.diff(self.coverage, prepend=0.0)))

    def risk_at(self, coverage: float) -> float:
        """Risk of the least coverage that is at least `coverage`."""
        return float(self.risk[min(int(np.searchsorted(self.coverage, coverage - 1e-12)), len(self.risk) - 1)])


def risk_coverage(confidences: Array, right: Flags) -> RiskCoverage:
    """The curve over all thresholds."""
    order = np.argsort(-confidences, kind="stable")
    levels, wrong = confidences[order], np.cumsum(~right[order])
    last = np.append(levels[1:] != levels[:-1], True)  # rows of one confidence are answered together
    answered = np.flatnonzero(last) + 1
    return RiskCoverage(confidence=levels[last], coverage=answered / len(levels), risk=wrong[last] / answered)


def threshold_for(confidences: Array, right: Flags, risk: float, *, certainty: float = CERTAINTY) -> Threshold | None:
    """The lowest threshold found whose risk on other rows is below `risk`; None where no threshold keeps it.

    All rows are tried first: where they keep the risk, the threshold is 0 and every answer stands.
    """
    curve = risk_coverage(confidences, right)
    rows = len(confidences)
    steps = math.ceil(math.log2(len(curve.coverage) + 1)) + 1
    found = None
    low, high = 0, len(curve.coverage) - 1
    tried = high
    while low <= high:
        candidate = _threshold(curve, tried, rows=rows, error=(1 - certainty) / steps)
        if candidate.bound <= risk:
            found, low = candidate, tried + 1
        else:
            high = tried - 1
        tried = (low + high) // 2
    return found


def finance_threshold(probabilities: Array, *, keep: float = KEEP) -> float:
    """The highest threshold that leaves at least the share `keep` of rows about finance in."""
    if not len(probabilities):
        raise ValueError("there is no row about finance")
    dropped = math.floor(len(probabilities) * (1 - keep) + 1e-9)
    return float(np.sort(probabilities)[dropped])


def _threshold(curve: RiskCoverage, at: int, *, rows: int, error: float) -> Threshold:
    answered = round(curve.coverage[at] * rows)
    wrong = round(curve.risk[at] * answered)
    everything = at == len(curve.coverage) - 1
    return Threshold(
        confidence=0.0 if everything else float(curve.confidence[at]),
        coverage=float(curve.coverage[at]),
        risk=float(curve.risk[at]),
        bound=upper_bound(wrong, answered, error=error),
    )


def upper_bound(wrong: int, rows: int, *, error: float) -> float:
    """What a share is below, given `wrong` of `rows`, but for the probability `error` (Clopper and Pearson)."""
    return 1.0 if wrong >= rows else float(beta.ppf(1 - error, wrong + 1, rows - wrong))
