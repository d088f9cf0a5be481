"""Drift: a little more that is negative every day, for weeks, which no window of a day would show. Pure.

A CUSUM chart of daily counts: each closed day adds its log-likelihood ratio of half as much again against what was
expected, and the sum never falls below nothing (Page, Continuous inspection schemes, Biometrika 41 (1954); for counts
with a seasonal mean: Hohle and Paul, Count data regression charts for the monitoring of surveillance time series, CSDA
52 (2008)). The ratio is divided by the dispersion, as quasi-likelihood wants it. A day counts for no more than its
99 % quantile: a spike is not erosion. `baseline.guard` should be a few weeks: else the baseline erodes with it.
"""

from __future__ import annotations

import math
from datetime import timedelta

import numpy as np

from alerts.baseline import NEGATIVE, Z_LEVEL, upper_quantile
from alerts.cells import Cells
from alerts.detection import Floats
from alerts.methods.judged import NO_SCORE, Gate, Judged, Look
from monitor.domain import Measure
from monitor.settings import Rule

DAY = timedelta(days=1)
SHIFT = 1.5  #: The multiple of the expected that it is made to find.


class Drift:
    """Sums up by day."""

    rises_with_stories = False

    def __init__(self, rule: Rule, *, series: int) -> None:
        self._rule = rule
        self._sums = np.zeros(series)
        self.reach = max(rule.window, DAY)

    def judge(self, cells: Cells) -> Judged:
        """As of the last day that is closed; the last window says what is going on."""
        window = self.reach
        seen, mean = cells.seen(window)[NEGATIVE], cells.expected(window)[NEGATIVE]
        total = self._sums[cells.rows]
        p_value = np.exp(-total)
        look = Look(window, Measure.DRIFT, seen, mean, cells.dispersion(window)[NEGATIVE], p_value)
        gate = Gate.least(seen, float(self._rule.gates.min_count))
        score = np.where(gate.passed & (total > 0.0), total, NO_SCORE)
        on = p_value <= self._rule.resolve_p_value
        nothing = np.zeros(len(cells), dtype=np.int64)
        return Judged(score, p_value, on, nothing, (window,), (look,), {"min_count": gate})

    def pass_day(self, cells: Cells) -> None:
        """Add a day."""
        mean = cells.expected(DAY)[NEGATIVE]
        spread = cells.dispersion(DAY)[NEGATIVE]
        seen = np.minimum(cells.seen(DAY)[NEGATIVE], upper_quantile(mean, spread, Z_LEVEL))
        ratio = (seen * math.log(SHIFT) - mean * (SHIFT - 1.0)) / spread
        self._sums[...] = np.maximum(self._sums + ratio, 0.0)

    def state(self) -> dict[str, Floats]:
        """The sums."""
        return {"drift": self._sums}
