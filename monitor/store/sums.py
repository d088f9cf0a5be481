"""Sums over buckets: what the alert rules count with."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Row, and_, cast, func, select

from monitor.domain import ALL, COUNT_FIELDS, Counts, SeriesKey
from monitor.store.bulk import any_number_of
from monitor.store.part import Part
from monitor.store.schema import buckets
from monitor.store.values import from_micros, from_micros_or_none, storable, to_micros

_SERIES = (buckets.c.entity, buckets.c.topic, buckets.c.source_class)


class Sums(Part):
    """Counts of spans of slots; never writes."""

    def window_counts(self, start: datetime, end: datetime) -> Mapping[SeriesKey, Counts]:
        """Summed buckets with `start <= slot_at < end`, by series; series without buckets are left out."""
        sums = (_sum(name).label(name) for name in COUNT_FIELDS)
        query = select(*_SERIES, *sums).where(_slots(start, end)).group_by(*_SERIES)
        with self._database.read() as tx:
            rows = tx.execute(query).all()
        return {_series(row): Counts(**dict(zip(COUNT_FIELDS, row[len(_SERIES) :], strict=True))) for row in rows}

    def slot_counts(
        self, start: datetime, end: datetime, *, series: Collection[SeriesKey] | None = None
    ) -> Mapping[SeriesKey, Mapping[datetime, Counts]]:
        """Buckets with `start <= slot_at < end`, by series and slot; of `series` alone, where they are given."""
        query = select(*_SERIES, buckets.c.slot_at, *(buckets.c[name] for name in COUNT_FIELDS)).where(
            _slots(start, end)
        )
        if series is not None:
            query = query.where(buckets.c.topic.in_(sorted({storable(key.topic) for key in series})))
            query = query.where(buckets.c.source_class.in_(sorted({key.source_class for key in series})))
        found: dict[SeriesKey, dict[datetime, Counts]] = {}
        wanted, keys = None if series is None else frozenset(series), _Keys()
        with self._database.read() as tx:
            for entity, topic, source_class, slot_at, *numbers in tx.execute(query.order_by(buckets.c.slot_at)):
                key = keys[entity, topic, source_class]
                if wanted is None or key in wanted:
                    counts = Counts(**dict(zip(COUNT_FIELDS, numbers, strict=True)))
                    found.setdefault(key, {})[from_micros(slot_at)] = counts
        return found

    def slot_documents(self, slots: Collection[datetime]) -> Mapping[datetime, int]:
        """Documents counted in each of `slots`, over all series; slots without any are left out."""
        with self._database.read() as tx:
            query = select(buckets.c.slot_at, buckets.c.documents).where(
                buckets.c.slot_at.in_(any_number_of(tx, sorted(map(to_micros, slots)))),
                *(column == ALL for column in _SERIES),
            )
            return {from_micros(slot_at): documents for slot_at, documents in tx.execute(query)}

    def first_bucket_at(self) -> datetime | None:
        """Start of the earliest bucket kept; None when there is none."""
        with self._database.read() as tx:
            return from_micros_or_none(tx.execute(select(func.min(buckets.c.slot_at))).scalar_one())

    def last_bucket_at(self, *, before: datetime) -> datetime | None:
        """Start of the latest bucket that begins before that; None when there is none."""
        query = select(func.max(buckets.c.slot_at)).where(buckets.c.slot_at < to_micros(before))
        with self._database.read() as tx:
            return from_micros_or_none(tx.execute(query).scalar_one())


class _Keys(dict[tuple[str, str, str], SeriesKey]):
    """Series by their three parts, each made once."""

    def __missing__(self, parts: tuple[str, str, str]) -> SeriesKey:
        entity, topic, source_class = parts
        self[parts] = SeriesKey(entity=entity, topic=topic, source_class=source_class)
        return self[parts]


def _sum(name: str) -> ColumnElement[int]:
    """An integer on PostgreSQL too, where the sum of integers is a decimal."""
    return cast(func.sum(buckets.c[name]), BigInteger)


def _slots(start: datetime, end: datetime) -> ColumnElement[bool]:
    return and_(buckets.c.slot_at >= to_micros(start), buckets.c.slot_at < to_micros(end))


def _series(row: Row[Any]) -> SeriesKey:
    return SeriesKey(entity=row.entity, topic=row.topic, source_class=row.source_class)
