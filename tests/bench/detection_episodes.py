"""What a rule would do on a stream: one pass over all hours, then the episodes at any rate that could be asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from alerts.baseline import HOUR
from alerts.detection import Floats
from alerts.detector import Detector
from alerts.grid import Numbers
from alerts.methods.judged import Flags
from monitor.domain import EPOCH
from monitor.settings import Rule
from tests.fixtures.count_streams import BUCKET, PER_HOUR, Stream


@dataclass(frozen=True)
class Trace:
    """Every cell that could fire or go on, by series and time."""

    rows: Numbers
    slots: Numbers
    false_alarms: Floats  #: Infinite where a gate was not passed.
    goes_on: Flags

    def episodes(self, at_most: float, *, keep: int = 3) -> list[tuple[int, datetime]]:
        """Series and begin of every alert of a rule with this `at_most`; `keep` slots unmet end it."""
        found, last = [], -1
        row, firing = -1, False
        for this, slot, rate, on in zip(self.rows, self.slots, self.false_alarms, self.goes_on, strict=True):
            if this != row or slot - last > keep:
                row, firing = int(this), False
            if firing and on:
                last = int(slot)
            if not firing and rate <= at_most:
                firing, last = True, int(slot)
                found.append((row, EPOCH + int(slot) * BUCKET))
        return found


def trace(asked: Rule, told: Stream, end: datetime) -> tuple[Trace, Detector]:
    """Learn and scan hour by hour from the stream's beginning, as the monitor does."""
    detector = Detector(asked, told.keys, bucket=BUCKET, since=told.start)
    parts = list(_cells(detector, told, end))
    rows, slots, rates, on = (np.concatenate([part[i] for part in parts]) for i in range(4))
    order = np.lexsort((slots, rows))
    return Trace(rows[order], slots[order], rates[order], on[order]), detector


def _cells(detector: Detector, told: Stream, end: datetime) -> Iterator[tuple[Numbers, Numbers, Floats, Flags]]:
    hour = told.start
    while hour < end:
        until = hour - detector.lookback
        if until > detector.learned_until:
            detector.learn(told.grid(detector.learned_until, hour), until=until)
        ends = [hour + n * BUCKET for n in range(1, PER_HOUR + 1)]
        scan = detector.scan(told.grid(hour - detector.lookback, hour + HOUR), ends)
        if (found := scan.judgement) is not None:
            usable = np.isfinite(found.judged.score) & found.is_old
            slots = (hour - EPOCH) // BUCKET + 1 + scan.ticks
            yield found.cells.rows, slots, np.where(usable, found.false_alarms, np.inf), found.goes_on
        hour += HOUR
