"""Judgement: what a method says of cells, and how often that comes by chance. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from alerts.baseline import HOUR, Baselines, Rows
from alerts.cells import Cells
from alerts.detection import Floats, adjusted
from alerts.methods.judged import Flags, Gate, Judged
from alerts.profile import WEEK_H
from alerts.recalibration import Recalibration
from monitor.settings import Rule
from monitor.settings.alert_rules import COMPARISONS

AT_MOST = 1.0  #: False alarms a week that a rule accepts which says nothing of them.


@dataclass(frozen=True, slots=True)
class Judgement:
    """Cells, judged and recalibrated."""

    rule: Rule
    cells: Cells
    judged: Judged
    false_alarms: Floats  #: Episodes as strong as this a week, by chance, over all series of the rule.
    tests: int  #: Series that could stand out.
    is_old: bool  #: Whether there is history enough.

    @classmethod
    def of(cls, rule: Rule, cells: Cells, judged: Judged, book: Baselines, past: Recalibration) -> Judgement:
        """Set the scores against what quiet history gave in the size class of each series."""
        active = book.active()
        rates = past.rate(judged.score, book.classes()[cells.rows])
        old = book.history() >= rule.baseline.min_history
        return cls(rule, cells, judged, np.asarray(active * rates), active, old)

    @property
    def goes_on(self) -> Flags:
        """Whether what fires already goes on."""
        return self.judged.goes_on

    def strong(self) -> Gate:
        """The condition on the score: as the rule asks for it."""
        rule, judged = self.rule, self.judged
        if rule.method in COMPARISONS and rule.sensitivity is not None:
            limit, value = rule.sensitivity, judged.score
            return Gate(value >= limit, value, np.full(len(value), limit))
        if rule.max_p_value is not None:
            limit, value = rule.max_p_value, judged.p_value
        else:
            limit, value = rule.at_most or AT_MOST, self.false_alarms
        return Gate(value <= limit, value, np.full(len(value), limit))

    def condition(self) -> Flags:
        """All but the condition on the other series."""
        passed = np.isfinite(self.judged.score) & self.strong().passed
        return np.asarray(passed & self.is_old)

    def q_value(self, ticks: Rows, place: int) -> float:
        """After Benjamini and Hochberg, of one cell among those of its tick."""
        mine = np.flatnonzero(ticks == ticks[place])
        return float(adjusted(self._chance()[mine], self.tests)[mine.searchsorted(place)])

    def fires(self, ticks: Rows) -> Flags:
        """Whether the counts say that the rule begins to fire."""
        fires = self.condition()
        if self.rule.method in COMPARISONS:
            return fires
        chance = self._chance()
        for tick in np.unique(ticks[fires]):
            mine = ticks == tick
            fires[mine] &= adjusted(chance[mine], self.tests) <= self.rule.max_q_value
        return fires

    def _chance(self) -> Floats:
        """The probability that one series stands out so at one tick: episodes in a span as long as the window."""
        if self.rule.max_p_value is not None:
            return self.judged.p_value
        weeks = self.rule.window / HOUR / WEEK_H
        return np.asarray(-np.expm1(-np.minimum(self.false_alarms, 1e9) / self.tests * weeks))
