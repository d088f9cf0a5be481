"""Aggregate labels: consume the labels topic, add to the buckets in the database.

Exactly once in effect: counts, evidence and the next offsets are stored in one transaction, which a worker that no
longer owns the partition cannot commit (`FencedError`); a document counted before changes nothing. What the guard holds
back is part of the same transaction. Dead letters are acknowledged before it, so a crash in between repeats a dead
letter, never loses one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

import structlog

from monitor.domain import Partition, Record
from monitor.metrics import AggregateMetrics
from monitor.ports import AddResult, BucketStore, Guard, OffsetSpan, Producer
from pipelines import wire
from pipelines.dead_letters import DeadLetters, split
from pipelines.windows import tally

log = structlog.get_logger(__name__)


class Aggregate:
    """The stage: one call of `handle` is one batch and one transaction."""

    name = "aggregate"

    def __init__(  # noqa: PLR0913 - joined to everything it needs in one place, the composition root
        self,
        *,
        store: BucketStore,
        producer: Producer,
        dead_letters: DeadLetters,
        group: str,
        bucket: timedelta,
        metrics: AggregateMetrics,
        guard: Guard,
    ) -> None:
        self._store = store
        self._producer = producer
        self._dead_letters = dead_letters
        self._group = group
        self._tally = partial(tally, bucket=bucket)
        self._metrics = metrics
        self._guard = guard

    def start_positions(self, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        """Where to start: the offsets stored with the counts, not those of the consumer group."""
        return self._store.positions(self._group, partitions)

    def handle(self, batch: Sequence[Record], now: datetime) -> None:
        """Count `batch`; returns once counts and offsets are stored."""
        good, refused = split(batch, wire.decode_label)
        if refused:
            self._producer.send(self._dead_letters.messages(refused, now=now))
            self._dead_letters.count(refused)
        if good:
            age = now - min(label.labeled_at for _, label in good)
            self._metrics.queue_age_seconds.observe(max(0.0, age.total_seconds()))
        result = self._store.add(
            group=self._group,
            spans=_spans(batch),
            labels=[label for _, label in good],
            tally=self._tally,
            now=now,
            guard=self._guard,
        )
        self._report(result, rejected=len(refused))

    def _report(self, result: AddResult, *, rejected: int) -> None:
        metrics = self._metrics
        metrics.documents.labels(outcome="counted").inc(result.counted)
        metrics.documents.labels(outcome="repeated").inc(result.repeated)
        metrics.documents.labels(outcome="rejected").inc(rejected)
        metrics.late.inc(result.late)
        metrics.stories.inc(result.stories)
        for reason, documents in result.held_back.items():
            metrics.held_back.labels(reason=reason.value).inc(documents)
        for kind, posts in result.authors.items():
            metrics.authors.labels(kind=kind.value).inc(posts)
        watermark = self._store.watermark()
        if watermark is not None:
            metrics.watermark.set(watermark.timestamp())
        log.debug("batch_counted", counted=result.counted, repeated=result.repeated, late=result.late)


def _spans(batch: Sequence[Record]) -> dict[Partition, OffsetSpan]:
    """First and next offset of each partition in `batch`."""
    spans: dict[Partition, OffsetSpan] = {}
    for record in batch:
        held = spans.get(record.origin)
        first = record.offset if held is None else min(held.first, record.offset)
        after = record.offset + 1 if held is None else max(held.next, record.offset + 1)
        spans[record.origin] = OffsetSpan(first=first, next=after)
    return spans
