"""Counted: the slots that the rules look back on, kept between evaluations and read anew where they changed.

A document may be counted long after it was published. How many documents each slot holds tells which slots have
changed, at the price of one look-up a slot; only those are read again.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np

from alerts.grid import CountGrid, Numbers
from monitor.domain import EPOCH, SeriesKey
from monitor.ports import AlertStore

MANY = 60  #: Changed slots from which on all are read anew.

Content = tuple[int, int, int, int]
"""Stands for what a series holds in a span: equal ones stand for the same documents."""


class Counted:
    """The slots of `keys`; `until` is the end of what was read."""

    def __init__(self, store: AlertStore, keys: Sequence[SeriesKey], *, bucket: timedelta) -> None:
        self._store = store
        self._keys = tuple(keys)
        self._bucket = bucket
        self._documents: dict[datetime, int] = {}
        self._times: list[datetime] = []
        self._before: datetime | None = None  # the last slot with documents before `_start`
        self._slots: dict[SeriesKey, Numbers] = {}  # of each series, ascending
        self._generation = 0
        self._start = self._until = EPOCH
        self._grid = self._read(EPOCH, EPOCH)

    def refresh(self, start: datetime, end: datetime) -> None:
        """Hold `[start, end)` as it is stored now."""
        slots = [start + n * self._bucket for n in range((end - start) // self._bucket)]
        found = dict(self._store.slot_documents(slots))
        known = {at: n for at, n in self._documents.items() if at >= start}
        changed = sorted(at for at in found.keys() | known.keys() if found.get(at) != known.get(at))
        if self._start > start or self._until <= start:
            changed, self._grid = [start], self._read(start, end)
        elif changed:
            self._grid = self._merged(changed, start, end)
        else:
            self._grid = self._grid.cut(start, end)
        self._generation += bool(changed)
        self._slots = {}
        self._documents, self._times = found, sorted(found)
        self._before = self._store.last_bucket_at(before=start)
        self._start, self._until = start, end

    def grid(self, start: datetime, end: datetime) -> CountGrid:
        """The counts in `[start, end)`; what lies before the slots that are held is read for this once."""
        if start < self._start:
            return self._read(start, end)
        return self._grid.cut(start, end)

    def last_document_at(self, end: datetime) -> datetime | None:
        """The end of the last slot before `end` in which anything was counted; None when there is none."""
        place = bisect_left(self._times, end)
        return self._end_of(self._times[place - 1] if place else self._before, end)

    def last_stored_at(self, end: datetime) -> datetime | None:
        """The same, of what is stored now, whatever is held."""
        return self._end_of(self._store.last_bucket_at(before=end), end)

    def content(self, key: SeriesKey, start: datetime, end: datetime) -> Content:
        """Stands for what was counted of `key` in `[start, end)`."""
        if key not in self._slots:
            self._slots[key] = self._grid.slots[self._grid.columns == self._grid.keys.index(key)]
        first, last = np.searchsorted(self._slots[key], [(at - EPOCH) // self._bucket for at in (start, end)])
        found = self._slots[key][first:last]
        return (self._generation, int(found[0]), int(found[-1]), len(found)) if len(found) else (0, 0, 0, 0)

    def _end_of(self, slot: datetime | None, end: datetime) -> datetime | None:
        return None if slot is None else min(slot + self._bucket, end)

    def _merged(self, changed: Sequence[datetime], start: datetime, end: datetime) -> CountGrid:
        """What is held, with the slots of `changed` read anew."""
        fresh = [at for at in changed if at >= self._until]
        old = [at for at in changed if at < self._until]
        if len(old) > MANY:
            return self._read(start, end)
        kept = self._grid.cut(start, min(self._until, end))
        keep = ~np.isin(kept.slots, [(at - EPOCH) // self._bucket for at in old])
        parts = [(kept.slots[keep], kept.columns[keep], kept.values[:, keep])]
        spans = [(at, at + self._bucket) for at in old] + ([(self._until, end)] if fresh else [])
        parts += [(part.slots, part.columns, part.values) for part in (self._read(*span) for span in spans)]
        slots = np.concatenate([part[0] for part in parts])
        order = np.argsort(slots, kind="stable")
        columns = np.concatenate([part[1] for part in parts])[order]
        values = np.concatenate([part[2] for part in parts], axis=1)[:, order]
        return CountGrid(self._keys, start, end, self._bucket, slots[order], columns, values)

    def _read(self, start: datetime, end: datetime) -> CountGrid:
        counts = self._store.slot_counts(start, end, series=self._keys) if start < end else {}
        return CountGrid.from_slots(counts, keys=self._keys, start=start, end=end, bucket=self._bucket)
