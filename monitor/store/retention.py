"""Forget what is older than its retention, a bounded piece at a time so that nobody waits long."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, Table, and_, delete, func, not_, or_, select, tuple_

from monitor.store import schema
from monitor.store.part import Part
from monitor.store.values import to_micros

CHUNK_ROWS = 5000
MARKS = ("erased:", "dead-letter:")  #: Among the ids, what is no document.


class Retention(Part):
    """Deletes by age."""

    def forget_before(self, *, evidence: datetime, buckets: datetime, seen: datetime) -> Mapping[str, int]:
        """Delete what is older; returns rows deleted by table.

        Evidence and buckets go by event time, remembered ids by when they came. A story goes when nothing of it can
        come back: its evidence is gone and its ids are forgotten. The history of alerts, deliveries and coverage
        lasts as long as the buckets.
        """
        by_table = {
            schema.evidence: schema.evidence.c.published_at < to_micros(evidence),
            schema.mentions: schema.mentions.c.published_at < to_micros(evidence),
            schema.buckets: schema.buckets.c.slot_at < to_micros(buckets),
            schema.coverage: schema.coverage.c.slot_at < to_micros(buckets),
            schema.seen_documents: schema.seen_documents.c.seen_at < to_micros(seen),
            schema.counted_documents: schema.counted_documents.c.counted_at < to_micros(seen),
            schema.stories: and_(
                schema.stories.c.counted_at < to_micros(seen),
                schema.stories.c.last_published_at < to_micros(evidence),
            ),
            schema.voices: schema.voices.c.slot_at < to_micros(seen),
            schema.authors: schema.authors.c.last_seen_at < to_micros(evidence),
            schema.transitions: schema.transitions.c.at < to_micros(buckets),
            schema.deliveries: schema.deliveries.c.at < to_micros(buckets),
            schema.outbox: and_(
                schema.outbox.c.status != "waiting", schema.outbox.c.created_at < to_micros(min(buckets, seen))
            ),
        }
        return {table.name: self._forget(table, condition) for table, condition in by_table.items()}

    def forget_told(self, *, texts: datetime, documents: datetime) -> Mapping[str, int]:
        """Delete what stories are found by, and which story each document got, by when it came in.

        The newest text stays, however old: its id must not be given again.
        """
        newest = select(func.max(schema.story_texts.c.id)).scalar_subquery()
        by_table = {
            schema.story_texts: and_(
                schema.story_texts.c.added_at < to_micros(texts), schema.story_texts.c.id < newest
            ),
            schema.story_echoes: schema.story_echoes.c.updated_at < to_micros(texts),
            schema.story_documents: schema.story_documents.c.added_at < to_micros(documents),
        }
        return {table.name: self._forget(table, condition) for table, condition in by_table.items()}

    def forget_offsets(self) -> int:
        """Forget how far the bus is counted, for a bus that was lost or made anew; returns the partitions.

        Counting then begins at the earliest record there is. What was counted before is known by its id.
        """
        with self._database.write() as tx:
            return tx.execute(delete(schema.offsets)).rowcount

    def forget_uncounted(self) -> int:
        """Forget the ids that were published and never counted, so that sources may give them again; returns how many.

        For a bus that was lost with them.
        """
        seen = schema.seen_documents.c
        counted = select(schema.counted_documents.c.id)
        marks = or_(*(seen.id.startswith(mark, autoescape=True) for mark in MARKS))
        with self._database.write() as tx:
            return tx.execute(delete(schema.seen_documents).where(seen.id.not_in(counted), not_(marks))).rowcount

    def _forget(self, table: Table, condition: ColumnElement[bool]) -> int:
        key = list(table.primary_key)
        oldest = select(*key).where(condition).limit(CHUNK_ROWS)
        statement = delete(table).where(tuple_(*key).in_(oldest) if len(key) > 1 else key[0].in_(oldest))
        forgotten = 0
        while True:
            with self._database.write() as tx:
                rows = tx.execute(statement).rowcount
            forgotten += rows
            if rows < CHUNK_ROWS:
                return forgotten
