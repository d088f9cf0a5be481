"""Cells: some series at some ticks, with what was seen in a window and what was expected. Pure."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from alerts.baseline import HOUR, MEASURED, Baselines, Rows
from alerts.detection import Floats
from alerts.grid import FIELDS, MICRO, CountGrid

FIELD_OF = {"negative": ("negative", 1.0), "weight": ("negative_micro", MICRO), "stories": ("stories", 1.0)}
"""Field of the grid and its unit, by what is measured."""

MEASURED_FIELDS = [FIELDS.index(FIELD_OF[name][0]) for name in MEASURED]
UNITS = np.array([[FIELD_OF[name][1]] for name in MEASURED])


class Cells:
    """Pairs of tick and series; all values are arrays over them."""

    def __init__(self, grid: CountGrid, book: Baselines, ends: Rows, rows: Rows) -> None:
        self.ends = ends  #: End of the windows, in buckets since 1970.
        self.rows = rows  #: Series.
        columns, self._column = np.unique(rows, return_inverse=True)
        self._grid = grid.narrow(columns)
        self._sums: dict[tuple[timedelta, timedelta], Floats] = {}
        self._book = book
        self._ticks, self._tick = np.unique(ends, return_inverse=True)
        self._hours: Floats = ends.astype(np.float64) * (grid.bucket / HOUR)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def correlation(self) -> Floats:
        """How much two stories of one day agree beyond chance."""
        return np.full(len(self), self._book.correlation)

    def sums(self, what: str, window: timedelta, *, back: timedelta = timedelta(0)) -> Floats:
        """The sum of a field of the grid in a window that ends `back` before each tick."""
        return np.asarray(self._all(window, back)[FIELDS.index(what)])

    def seen(self, window: timedelta) -> Floats:
        """[measured, cells]."""
        return np.asarray(self._all(window, timedelta(0))[MEASURED_FIELDS] / UNITS)

    def expected(self, window: timedelta, *, flat: bool = False) -> Floats:
        """[measured, cells]; `flat` leaves the profile out."""
        return self._book.expected(self.rows, self._hours, window, flat=flat)

    def dispersion(self, window: timedelta) -> Floats:
        """[measured, cells]."""
        return self._book.dispersion(window)[:, self.rows]

    def _all(self, window: timedelta, back: timedelta) -> Floats:
        """Every field of the grid: [fields, cells]."""
        if (window, back) not in self._sums:
            table = self._grid.all_sums_at(self._ticks - back // self._grid.bucket, window)
            self._sums[window, back] = table[:, self._tick, self._column]
        return self._sums[window, back]
