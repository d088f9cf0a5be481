"""Spikes: more that is negative than was expected, in any window, by every measure the method looks at. Pure.

Volume (negative stories), weight (the probabilities of being negative, summed: many stories that are half negative are
news too) and share (negative among all: what everybody talks about is not yet bad) are each given a p-value. Those of
one window are joined by Fisher's method (Statistical Methods for Research Workers, 1932, section 21.1): the sum of
-ln p of k measures against a gamma distribution of shape k. They are not independent, so the joint one is nominal too.
Loud is not bad: the mean p(negative) must have risen as well, in the window and a little less in the longest.
Windows are made comparable by the episodes that a week has room for: p x (week / window). The strongest speaks.
"""

from __future__ import annotations

import math
from datetime import timedelta

import numpy as np
from scipy.special import gammaincc

from alerts.baseline import NEGATIVE, STORIES, WEIGHT
from alerts.cells import Cells
from alerts.detection import LEAST_P, Floats, beta_binomial_tail, count_tail, surprise
from alerts.methods.judged import Gate, Judged, KeepsNothing, Look, picked, strongest
from monitor.domain import Measure
from monitor.settings import Rule

WEEK = timedelta(weeks=1)
LONGEST_RISE = 1.2  #: The mean p(negative) of the longest window may have risen so many times less.


class Spike(KeepsNothing):
    """Judges by some measures together."""

    rises_with_stories = True

    def __init__(self, rule: Rule, *measures: Measure) -> None:
        self._measures = measures
        self._gates = rule.gates
        self._resolve_p_value = rule.resolve_p_value
        self._windows = tuple(sorted(rule.windows))
        self.reach = rule.window

    def judge(self, cells: Cells) -> Judged:
        """Every window for itself, then the strongest."""
        looks, scores, p_values, gates = [], [], [], []
        on = np.zeros(len(cells), dtype=np.bool_)
        rise = _rise(cells.seen(self.reach), cells.expected(self.reach))
        for window in self._windows:
            seen, expected = cells.seen(window), cells.expected(window)
            mine = self._look(cells, window, seen, expected)
            p_value = joined([look.p_value for look in mine])
            looks += mine
            p_values.append(p_value)
            scores.append(surprise(p_value) - math.log(WEEK / window))
            gates.append(self._gate(seen, expected, rise))
            on |= gates[-1]["min_count"].passed & (p_value <= self._resolve_p_value)
        best, speaks, gate = strongest(scores, gates)
        return Judged(best, picked(p_values, speaks), on, speaks, self._windows, tuple(looks), gate)

    def _look(self, cells: Cells, window: timedelta, seen: Floats, expected: Floats) -> list[Look]:
        spread = cells.dispersion(window)
        looks = []
        for measure in self._measures:
            if measure is Measure.SHARE:
                looks.append(_share(cells, window, seen, expected))
                continue
            which = NEGATIVE if measure is Measure.VOLUME else WEIGHT
            p_value = count_tail(seen[which], expected[which], spread[which])
            looks.append(Look(window, measure, seen[which], expected[which], spread[which], p_value))
        return looks

    def _gate(self, seen: Floats, expected: Floats, longest: Floats) -> dict[str, Gate]:
        gates = {
            "min_count": Gate.least(seen[NEGATIVE], float(self._gates.min_count)),
            "min_ratio": Gate.least(seen[NEGATIVE] / expected[NEGATIVE], self._gates.min_ratio),
        }
        if Measure.SHARE in self._measures:
            usual = expected[WEIGHT] / expected[STORIES]
            limit = np.minimum(self._gates.min_share_ratio, (1.0 + usual) / (2.0 * usual))  # half way to all of them
            rise = np.minimum(_rise(seen, expected), LONGEST_RISE * longest)
            gates["min_share_ratio"] = Gate.least(rise, limit)
        return gates


def joined(p_values: list[Floats]) -> Floats:
    """One p-value of several, by Fisher's method."""
    total = np.sum([surprise(p_value) for p_value in p_values], axis=0)
    return np.asarray(np.maximum(gammaincc(float(len(p_values)), total), LEAST_P))


def _rise(seen: Floats, expected: Floats) -> Floats:
    """The mean p(negative) of the stories, as a multiple of the usual."""
    return np.asarray(seen[WEIGHT] / np.maximum(seen[STORIES], 1.0) / (expected[WEIGHT] / expected[STORIES]))


def _share(cells: Cells, window: timedelta, seen: Floats, expected: Floats) -> Look:
    usual, rho = expected[NEGATIVE] / expected[STORIES], cells.correlation
    stories = seen[STORIES]
    p_value = beta_binomial_tail(np.minimum(seen[NEGATIVE], stories), stories, usual, rho)
    share = seen[NEGATIVE] / np.maximum(stories, 1.0)
    return Look(window, Measure.SHARE, share, usual, 1.0 + np.maximum(stories - 1.0, 0.0) * rho, p_value)
