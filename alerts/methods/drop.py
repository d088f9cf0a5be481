"""Drop-outs: fewer stories than were expected, of a series that is talked about all the time. Pure.

The lower tail of the same models. The gates look the other way: so many must have been expected as otherwise must have
been seen (`min_count`), and so many times what was seen (`min_ratio`).
"""

from __future__ import annotations

import math

import numpy as np

from alerts.baseline import STORIES
from alerts.cells import Cells
from alerts.detection import Floats, lower_tail, surprise
from alerts.methods.judged import Gate, Judged, KeepsNothing, Look, picked, strongest
from alerts.methods.spike import WEEK
from monitor.domain import Measure
from monitor.settings import Rule


class Drop(KeepsNothing):
    """Judges by all stories, too few of them."""

    rises_with_stories = False

    def __init__(self, rule: Rule) -> None:
        self._gates = rule.gates
        self._resolve_p_value = rule.resolve_p_value
        self._windows = tuple(sorted(rule.windows))
        self.reach = rule.window

    def judge(self, cells: Cells) -> Judged:
        """Every window for itself, then the strongest."""
        looks, gates = [], []
        on = np.zeros(len(cells), dtype=np.bool_)
        for window in self._windows:
            seen, mean = cells.seen(window)[STORIES], cells.expected(window)[STORIES]
            spread = cells.dispersion(window)[STORIES]
            looks.append(Look(window, Measure.DROP, seen, mean, spread, lower_tail(seen, mean, spread)))
            gates.append(self._gate(seen, mean))
            on |= gates[-1]["min_count"].passed & (looks[-1].p_value <= self._resolve_p_value)
        scores = [surprise(look.p_value) - math.log(WEEK / look.window) for look in looks]
        best, speaks, gate = strongest(scores, gates)
        p_value = picked([look.p_value for look in looks], speaks)
        return Judged(best, p_value, on, speaks, self._windows, tuple(looks), gate)

    def _gate(self, seen: Floats, mean: Floats) -> dict[str, Gate]:
        least, ratio = float(self._gates.min_count), mean / np.maximum(seen, 0.5)
        return {"min_count": Gate.least(mean, least), "min_ratio": Gate.least(ratio, self._gates.min_ratio)}
