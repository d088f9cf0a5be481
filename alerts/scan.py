"""Scan: what one rule saw at some ticks, over all of its series. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from alerts.readings import Reading
from monitor.domain import SeriesKey


@dataclass(frozen=True, slots=True)
class Scan:
    """The answers of a detector; rows are ticks, columns are series."""

    keys: tuple[SeriesKey, ...]  #: Columns.
    ends: tuple[datetime, ...]  #: UTC; rows: the end of every window.
    fires: npt.NDArray[np.bool_]  #: [ticks, series]; all that counts decide of the condition to begin.
    holds: npt.NDArray[np.bool_]  #: [ticks, series]; likewise to go on once firing (hysteresis).
    near: npt.NDArray[np.bool_]  #: [ticks, series]; the count is at its gate.
    read: Callable[[int, int], Reading]  #: By row and column.

    def reading(self, tick: int, key: SeriesKey) -> Reading:
        """Every number of `key` at row `tick`; raises `ValueError` where the rule does not follow it."""
        return self.read(tick, self.keys.index(key))

    def candidates(self) -> Sequence[tuple[int, SeriesKey]]:
        """Row and series wherever the condition to begin holds, in order of time."""
        return [(int(row), self.keys[column]) for row, column in np.argwhere(self.fires)]
