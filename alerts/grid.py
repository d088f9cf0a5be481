"""Counts of a span by slot, summed over sliding windows. Pure.

Only slots in which something was told are kept, so that 5,000 series over a week cost what was told in them and not
50 million cells. Everything is a whole number and sums are exact, in whatever order and span they are taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

from monitor.domain import EPOCH, Counts, SeriesKey

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

MICRO = 1e6  #: Probabilities are kept in millionths.
FIELDS = ("negative", "negative_micro", "stories", "held_back")
"""What is kept of each slot."""

BySlot = Mapping[SeriesKey, Mapping[datetime, Counts]]


@dataclass(frozen=True, slots=True)
class CountGrid:
    """Counts of some series over `[start, end)`."""

    keys: tuple[SeriesKey, ...]  #: Columns of what `sums` gives.
    start: datetime  #: UTC; a whole number of buckets since 1970.
    end: datetime  #: UTC, exclusive.
    bucket: timedelta
    slots: Numbers  #: Slot of each entry, in buckets since 1970; ascending.
    columns: Numbers  #: Series of each entry.
    values: Numbers  #: [fields, entries].

    @classmethod
    def from_slots(
        cls, counts: BySlot, *, keys: Sequence[SeriesKey], start: datetime, end: datetime, bucket: timedelta
    ) -> CountGrid:
        """Lay out the slots of `keys` in `[start, end)`; what `counts` has beside them is left out."""
        first, last = (start - EPOCH) // bucket, -((EPOCH - end) // bucket)
        rows = [
            (slot, column, *(getattr(count, name) for name in FIELDS))
            for column, key in enumerate(keys)
            for at, count in counts.get(key, {}).items()
            if first <= (slot := (at - EPOCH) // bucket) < last
        ]
        table = np.array(rows, dtype=np.int64).reshape(-1, 2 + len(FIELDS))
        table = table[np.argsort(table[:, 0], kind="stable")]
        return cls(tuple(keys), start, end, bucket, table[:, 0], table[:, 1], np.ascontiguousarray(table[:, 2:].T))

    def sums(self, what: str, ends: Sequence[datetime], window: timedelta) -> Floats:
        """The sum of field `what` in `[end - window, end)` for each of `ends` and series: [ends, series].

        Ends and window are cut to whole buckets; what lies before the span counts as nothing.
        """
        return self.sums_at(what, np.array([(end - EPOCH) // self.bucket for end in ends], dtype=np.int64), window)

    def sums_at(self, what: str, ends: Numbers, window: timedelta) -> Floats:
        """As `sums`, with ends in buckets since 1970."""
        return np.asarray(self._summed([FIELDS.index(what)], ends, window)[0])

    def all_sums_at(self, ends: Numbers, window: timedelta) -> Floats:
        """As `sums_at` of every field: [fields, ends, series]."""
        return self._summed(list(range(len(FIELDS))), ends, window)

    def _summed(self, fields: Sequence[int], ends: Numbers, window: timedelta) -> Floats:
        starts = ends - window // self.bucket
        borders = np.unique(np.concatenate([starts, ends]))
        if not len(borders):
            return np.zeros((len(fields), 0, len(self.keys)))
        low, high = np.searchsorted(self.slots, borders[[0, -1]])
        place = np.searchsorted(borders, self.slots[low:high], side="right")  # the first border after the slot
        shape = (len(borders) + 1, len(self.keys))
        cells, size = place * shape[1] + self.columns[low:high], shape[0] * shape[1]
        flat = [np.bincount(cells, weights=self.values[field, low:high], minlength=size) for field in fields]
        before = np.cumsum(np.stack(flat).reshape(len(fields), *shape), axis=1)  # row i: all slots before border i
        return np.asarray(before[:, np.searchsorted(borders, ends)] - before[:, np.searchsorted(borders, starts)])

    def select(self, keys: Sequence[SeriesKey]) -> CountGrid:
        """The same with `keys` as columns; those that are not here are empty."""
        if tuple(keys) == self.keys:
            return self
        place = {key: i for i, key in enumerate(keys)}
        moved = np.array([place.get(key, -1) for key in self.keys], dtype=np.int64)
        kept = moved[self.columns] >= 0 if len(self.keys) else np.zeros(0, dtype=np.bool_)
        return CountGrid(
            tuple(keys), self.start, self.end, self.bucket, self.slots[kept], moved[self.columns[kept]],
            self.values[:, kept],
        )  # fmt: skip

    def cut(self, start: datetime, end: datetime) -> CountGrid:
        """The part of it in `[start, end)`, without copying."""
        low, high = np.searchsorted(self.slots, [(at - EPOCH) // self.bucket for at in (start, end)])
        part = slice(low, high)
        return CountGrid(self.keys, start, end, self.bucket, self.slots[part], self.columns[part], self.values[:, part])

    def narrow(self, columns: Numbers) -> CountGrid:
        """The part of it in these columns, in their order."""
        place = np.full(len(self.keys), -1)
        place[columns] = np.arange(len(columns))
        moved = place[self.columns]
        kept = moved >= 0
        keys = tuple(self.keys[column] for column in columns.tolist())
        return CountGrid(keys, self.start, self.end, self.bucket, self.slots[kept], moved[kept], self.values[:, kept])

    def without(self, key: SeriesKey, at: datetime, *, negative: float = 1.0) -> CountGrid:
        """The same with one story of `key` at `at` less, which was `negative` with that probability."""
        entry = np.flatnonzero((self.slots == (at - EPOCH) // self.bucket) & (self.columns == self.keys.index(key)))
        values = self.values.copy()
        less = np.array([[1], [round(negative * MICRO)], [1], [0]])  # in the order of `FIELDS`
        values[:, entry] = np.maximum(values[:, entry] - less, 0)
        return CountGrid(self.keys, self.start, self.end, self.bucket, self.slots, self.columns, values)
