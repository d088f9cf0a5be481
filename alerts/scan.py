"""Scan: what one rule saw at some ticks, over all of its series. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

from alerts.baseline import NEGATIVE, STORIES, Rows
from alerts.judgement import Judgement
from alerts.methods.judged import Gate, Look
from alerts.readings import Reading
from monitor.domain import GateReading, HorizonReading, Measure, SeriesKey
from monitor.settings.alert_rules import COMPARISONS

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Scan:
    """The answers of a detector; rows are ticks, columns are series."""

    keys: tuple[SeriesKey, ...]  #: Columns.
    columns: Mapping[SeriesKey, int]  #: The place of each of `keys`.
    ends: tuple[datetime, ...]  #: UTC; rows: the end of every window.
    fires: Flags  #: [ticks, series]; all that counts decide of the condition to begin.
    holds: Flags  #: [ticks, series]; likewise to go on once firing (hysteresis).
    near: Flags  #: [ticks, series]; the count is at its gate.
    judgement: Judgement | None  #: Of the cells that are near, in the order of time; None where there is none.
    ticks: Rows  #: Rows of those cells.
    alone: Callable[[int, int], Judgement]  #: Judges one cell by row and column.
    history: timedelta  #: What the expectations rest on.

    def reading(self, tick: int, key: SeriesKey) -> Reading:
        """Every number of `key` at row `tick`; raises `ValueError` where the rule does not follow it."""
        column = self._column(key)
        if self.judgement is not None and self.near[tick, column]:
            low, high = np.searchsorted(self.ticks, (tick, tick + 1))
            place = low + int(np.searchsorted(self.judgement.cells.rows[low:high], column))
            return self._reading(self.judgement, self.ticks, place)
        return self._reading(self.alone(tick, column), np.array([tick]), 0)

    def fires_for(self, tick: int, key: SeriesKey) -> bool:
        """Whether the counts of `key` at row `tick` let the rule fire; raises `ValueError` as `reading` does."""
        return bool(self.fires[tick, self._column(key)])

    def _column(self, key: SeriesKey) -> int:
        if key not in self.columns:
            raise ValueError(f"the rule does not follow {key}")
        return self.columns[key]

    def _reading(self, judgement: Judgement, ticks: Rows, place: int) -> Reading:
        judged, cells = judgement.judged, judgement.cells
        window = judged.windows[judged.speaks[place]]
        mine = [look for look in judged.looks if look.window == window]
        told = min(mine, key=lambda look: look.p_value[place])
        others = [look for look in judged.looks if look is not told]
        which = STORIES if told.measure is Measure.DROP else NEGATIVE
        q_value = None if judgement.rule.method in COMPARISONS else judgement.q_value(ticks, place)
        return Reading(
            seen=round(float(cells.seen(window)[which, place])),
            stories=int(cells.sums("stories", window)[place]),
            expected=float(cells.expected(window)[which, place]),
            dispersion=float(cells.dispersion(window)[which, place]),
            p_value=float(judged.p_value[place]),
            q_value=q_value,
            false_alarms=_finite(judgement.false_alarms[place]),
            window=window,
            measure=told.measure,
            horizons=tuple(_horizon(look, place) for look in (told, *others)),
            history=self.history,
            held_back=int(cells.sums("held_back", window)[place]),
            gates=self._gates(judgement, place, q_value),
        )

    def _gates(self, judgement: Judgement, place: int, q_value: float | None) -> Mapping[str, GateReading]:
        rule = judgement.rule
        name = "sensitivity" if rule.method in COMPARISONS else "p_value" if rule.max_p_value else "false_alarms"
        gates = {name: _gate(judgement.strong(), place)}
        if q_value is not None:
            gates["q_value"] = GateReading(passed=q_value <= rule.max_q_value, value=q_value, limit=rule.max_q_value)
        gates |= {name: _gate(gate, place) for name, gate in judgement.judged.gates.items()}
        least_s, history_s = rule.baseline.min_history.total_seconds(), self.history.total_seconds()
        return {**gates, "min_history": GateReading(passed=judgement.is_old, value=history_s, limit=least_s)}


def _gate(gate: Gate, place: int) -> GateReading:
    value = _finite(gate.value[place])
    return GateReading(passed=bool(gate.passed[place]), value=value, limit=float(gate.limit[place]))


def _finite(value: np.float64) -> float | None:
    return float(value) if np.isfinite(value) else None


def _horizon(look: Look, place: int) -> HorizonReading:
    return HorizonReading(
        window_s=look.window.total_seconds(), measure=look.measure, seen=float(look.seen[place]),
        expected=float(look.expected[place]), dispersion=float(look.dispersion[place]),
        p_value=float(look.p_value[place]),
    )  # fmt: skip
