"""Methods without a model of chance, for comparison and for those who want them: they fire at a sensitivity. Pure.

- `threshold`: negative stories in a window;
- `ratio`: as a multiple of the same window a day ago;
- `mean-sigma`: standard deviations above the mean of the baseline, without a profile;
- `ewma`: the exponentially weighted mean of hourly counts, in its own standard deviations (Roberts, Control chart tests
  based on geometric moving averages, Technometrics 1 (1959)).
"""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from alerts.baseline import HOUR, NEGATIVE
from alerts.cells import Cells
from alerts.detection import Floats, count_tail
from alerts.methods.judged import Gate, Judged, KeepsNothing, Look, picked, strongest
from monitor.domain import Measure
from monitor.settings import Rule

DAY = timedelta(days=1)
WEIGHT = 0.2  #: Of the newest hour in the `ewma`.
HOURS = 24  #: That the `ewma` looks back on; the rest weighs half a percent.
GOES_ON = 0.5  #: What fires goes on while its score is at least this share of the sensitivity.


class Comparison(KeepsNothing):
    """Judges by one number, against a sensitivity."""

    rises_with_stories = True

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._windows = (HOUR,) if rule.method == "ewma" else tuple(sorted(rule.windows))
        further = {"ratio": DAY, "ewma": HOURS * HOUR}.get(rule.method, timedelta(0))
        self.reach = rule.window + further

    def judge(self, cells: Cells) -> Judged:
        """Every window for itself, then the strongest."""
        looks, scores, gates = [], [], []
        on = np.zeros(len(cells), dtype=np.bool_)
        for window in self._windows:
            seen, mean = cells.seen(window)[NEGATIVE], cells.expected(window)[NEGATIVE]
            spread = cells.dispersion(window)[NEGATIVE]
            looks.append(Look(window, Measure.VOLUME, seen, mean, spread, count_tail(seen, mean, spread)))
            scores.append(self._score(cells, window, seen))
            gates.append({"min_count": Gate.least(seen, float(self._rule.gates.min_count))})
            on |= scores[-1] >= GOES_ON * (self._rule.sensitivity or 0.0)
        best, speaks, gate = strongest(scores, gates)
        p_value = picked([look.p_value for look in looks], speaks)
        return Judged(best, p_value, on, speaks, self._windows, tuple(looks), gate)

    def _score(self, cells: Cells, window: timedelta, seen: Floats) -> Floats:
        if self._rule.method == "threshold":
            return seen
        if self._rule.method == "ratio":
            return np.asarray(seen / np.maximum(cells.sums("negative", window, back=DAY), 1.0))
        mean = cells.expected(window, flat=True)[NEGATIVE]
        variance = mean * cells.dispersion(window)[NEGATIVE]
        if self._rule.method == "mean-sigma":
            return np.asarray((seen - mean) / np.sqrt(variance))
        weights = WEIGHT * (1.0 - WEIGHT) ** np.arange(HOURS)
        hours = [weight * cells.sums("negative", HOUR, back=n * HOUR) for n, weight in enumerate(weights.tolist())]
        return np.asarray((np.sum(hours, axis=0) - mean) / np.sqrt(variance * WEIGHT / (2.0 - WEIGHT)))
