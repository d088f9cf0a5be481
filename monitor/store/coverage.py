"""Coverage of sources: polls, failures and published documents, by source and slot."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, select

from monitor.domain import COVERAGE_SLOT, Coverage, SourceHistory, covered_slots, slot_start, slots_between
from monitor.store.bulk import add_rows
from monitor.store.part import Part
from monitor.store.schema import coverage
from monitor.store.values import from_micros, storable, to_micros


class Coverages(Part):
    """Sums by slot; every call is one transaction."""

    def add_coverage(self, source: str, *, at: datetime, polls: int, failures: int, documents: int) -> None:
        """Add to what was seen of `source` in the slot that holds `at`."""
        row = {
            "source": storable(source),
            "slot_at": to_micros(slot_start(at)),
            "polls": polls,
            "failures": failures,
            "documents": documents,
        }
        with self._database.write() as tx:
            add_rows(tx, coverage, [row], sums=("polls", "failures", "documents"))

    def coverage(
        self, start: datetime, end: datetime, *, every: Mapping[str, timedelta] | None = None
    ) -> Mapping[str, Coverage]:
        """How well each source was looked at, over the slots from the one that holds `start` to before `end`."""
        first, intervals = slot_start(start), every or {}
        # Two intervals back: what was polled before the span may still speak for it.
        earliest = first - 2 * max(intervals.values(), default=COVERAGE_SLOT)
        query = select(coverage).where(
            coverage.c.slot_at >= to_micros(slot_start(earliest)), coverage.c.slot_at < to_micros(end)
        )
        found: dict[str, list[Row[Any]]] = defaultdict(list)
        with self._database.read() as tx:
            for row in tx.execute(query):
                found[row.source].append(row)
        made = {
            source: _coverage(found[source], first, end, intervals.get(source, timedelta(0)))
            for source in sorted({*found, *intervals})
        }
        return {source: seen for source, seen in made.items() if seen.polls or seen.documents or source in intervals}

    def source_histories(self, sources: Collection[str], *, since: datetime) -> Mapping[str, SourceHistory]:
        """What the slots from `since` on say of each of `sources`; see the port."""
        source, slot_at, recent = coverage.c.source, coverage.c.slot_at, coverage.c.slot_at >= to_micros(since)
        firsts = select(source, func.min(slot_at).label("slot_at")).where(recent).group_by(source)
        slots = select(source, slot_at).where(recent, coverage.c.documents > 0).order_by(slot_at)
        with self._database.read() as tx:
            first = _by_source(tx.execute(firsts))
            published = _by_source(tx.execute(slots))
            published |= _last_documents(tx, set(sources) - published.keys())
        return {
            name: SourceHistory(
                first_at=min(first.get(name, ()), default=None), document_slots=tuple(published.get(name, ()))
            )
            for name in sources
        }


def _last_documents(tx: Connection, sources: Collection[str]) -> dict[str, list[datetime]]:
    """The last slot with documents of each of `sources`, where there is one."""
    query = (
        select(coverage.c.source, func.max(coverage.c.slot_at).label("slot_at"))
        .where(coverage.c.source.in_(sorted(sources)), coverage.c.documents > 0)
        .group_by(coverage.c.source)
    )
    return _by_source(tx.execute(query)) if sources else {}


def _by_source(rows: Iterable[Any]) -> dict[str, list[datetime]]:
    found: dict[str, list[datetime]] = defaultdict(list)
    for row in rows:
        found[row.source].append(from_micros(row.slot_at))
    return found


def _coverage(rows: Sequence[Row[Any]], first: datetime, end: datetime, every: timedelta) -> Coverage:
    inside = [row for row in rows if row.slot_at >= to_micros(first)]
    good = [from_micros(row.slot_at) for row in rows if row.polls > row.failures]
    return Coverage(
        polls=sum(row.polls for row in inside),
        failures=sum(row.failures for row in inside),
        documents=sum(row.documents for row in inside),
        slots=covered_slots(good, first, end, every=every),
        expected=slots_between(first, end),
    )
