"""Detector: one rule's expectations and its judgement of counts. Pure: counts in, a `Scan` out.

It learns from closed hours and scans open ones. `learn` wants every slot in `[learned_until, until + lookback)`,
`scan` every slot of the longest window before its first tick; all ticks of one scan lie in one hour.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import numpy as np

from alerts.baseline import HOUR, Baselines, Skip, hour_start, window_hours
from alerts.detection import METHODS
from alerts.grid import FIELDS, CountGrid
from alerts.readings import Reading
from alerts.scan import Scan
from monitor.domain import GateReading, HorizonReading, Measure, SeriesKey
from monitor.settings import Rule

DEFAULT_P_VALUE = 1e-4

State = dict[SeriesKey, tuple[datetime, dict[str, object]]]


class Detector:
    """What one rule knows of its series."""

    def __init__(self, rule: Rule, series: Sequence[SeriesKey], *, bucket: timedelta, since: datetime) -> None:
        self.rule = rule
        self.keys = tuple(series)
        self.bucket = bucket
        self._book = Baselines(half_life=rule.baseline.half_life, window=rule.window, since=since)

    @property
    def learned_until(self) -> datetime:
        """Hours before this are learned."""
        return self._book.learned_until

    @property
    def lookback(self) -> timedelta:
        """What lies between the last hour that is learned and the hour that is judged."""
        return window_hours(self.rule.window) * HOUR + self.rule.baseline.guard

    def learn(self, grid: CountGrid, *, until: datetime, skip: Skip | None = None) -> bool:
        """Learn every hour before `until` that is not learned yet; returns whether there was any."""
        grid = grid.select(self.keys)
        hours: dict[SeriesKey, dict[datetime, int]] = {}
        per_hour, negative = HOUR // self.bucket, grid.values[FIELDS.index("negative")]
        for slot, column, count in zip(grid.slots.tolist(), grid.columns.tolist(), negative.tolist(), strict=True):
            at = hour_start(slot // per_hour)
            if count and at >= self.learned_until:
                series = hours.setdefault(self.keys[column], {})
                series[at] = series.get(at, 0) + count
        return self._book.learn(hours, until=until, skip=skip)

    def scan(self, grid: CountGrid, ends: Sequence[datetime]) -> Scan:
        """Judge every series at each of `ends`."""
        grid, rule, window = grid.select(self.keys), self.rule, self.rule.window
        seen = grid.sums("negative", ends, window)
        expected = np.array([self._book.expected(self.keys, end - window, end) for end in ends]).reshape(seen.shape)
        dispersion = np.broadcast_to(self._book.dispersion(self.keys), seen.shape)
        p = METHODS["negative-binomial"](seen, expected, dispersion)
        history = self._book.history(self.keys)
        enough = seen >= rule.gates.min_count
        old = np.array([span >= rule.baseline.min_history for span in history], dtype=np.bool_)
        limit = rule.max_p_value or DEFAULT_P_VALUE

        def read(row: int, column: int) -> Reading:
            end = [ends[row]]
            value, mean, spread = seen[row, column], expected[row, column], float(dispersion[row, column])
            horizon = HorizonReading(
                window_s=window.total_seconds(), measure=Measure.VOLUME, seen=float(value), expected=float(mean),
                dispersion=spread, p_value=float(p[row, column]),
            )  # fmt: skip
            gates = {
                "p_value": GateReading(passed=bool(p[row, column] <= limit), value=float(p[row, column]), limit=limit),
                "min_count": GateReading(
                    passed=bool(enough[row, column]), value=float(value), limit=rule.gates.min_count
                ),
                "min_ratio": GateReading(
                    passed=bool(value >= rule.gates.min_ratio * mean), value=float(value / max(mean, 1e-9)),
                    limit=rule.gates.min_ratio,
                ),
                "min_history": GateReading(
                    passed=bool(old[column]), value=history[column].total_seconds(),
                    limit=rule.baseline.min_history.total_seconds(),
                ),
            }  # fmt: skip
            return Reading(
                seen=int(value), stories=int(grid.sums("stories", end, window)[0, column]), expected=float(mean),
                dispersion=spread, p_value=float(p[row, column]), window=window, horizons=(horizon,),
                history=history[column], held_back=int(grid.sums("held_back", end, window)[0, column]), gates=gates,
            )  # fmt: skip

        fires = (p <= limit) & enough & (seen >= rule.gates.min_ratio * expected) & old
        holds = (p <= max(limit, rule.resolve_p_value)) & enough
        return Scan(self.keys, tuple(ends), fires, holds, enough, read)

    def dump(self) -> State:
        """Every series with what was learned until when, as JSON values."""
        return self._book.dump()

    def load(self, states: Mapping[SeriesKey, Mapping[str, object]]) -> None:
        """Go on from what `dump` gave, exactly; raises `ValueError` when it does not fit this rule."""
        self._book.load(states)
