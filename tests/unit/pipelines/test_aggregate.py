"""Aggregate: what is handed to the store, and in which order things become safe."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry

from monitor.domain import (
    AuthorKind,
    CapReason,
    Document,
    Label,
    Message,
    Partition,
    Prediction,
    Probabilities,
    Record,
    SourceClass,
)
from monitor.errors import FencedError
from monitor.metrics import AggregateMetrics, StageMetrics
from monitor.ports import AddResult, Guard, OffsetSpan, Tally
from monitor.settings import GuardSettings
from pipelines import wire
from pipelines.aggregate import Aggregate
from pipelines.dead_letters import DeadLetters
from pipelines.guard import Guard as CapsOfAuthors
from pipelines.topics import Topics

T0 = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
TOPICS = Topics(prefix="t")
GUARD = CapsOfAuthors(GuardSettings())


class RecordingStore:
    """Remembers the calls; fences when told to."""

    def __init__(self, journal: list[str]) -> None:
        self._journal = journal
        self.spans: Mapping[Partition, OffsetSpan] = {}
        self.fenced = False
        self.guard: Guard | None = None

    def positions(self, group: str, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        return dict.fromkeys(partitions, 7)

    def add(
        self,
        *,
        group: str,
        spans: Mapping[Partition, OffsetSpan],
        labels: Sequence[Label],
        tally: Tally,
        now: datetime,
        guard: Guard | None = None,
    ) -> AddResult:
        if self.fenced:
            raise FencedError("stale")
        self._journal.append(f"stored {len(labels)}")
        self.spans = spans
        self.guard = guard
        held_back, authors = {CapReason.AUTHOR: 2}, {AuthorKind.NEW: 1}
        return AddResult(
            counted=len(labels), repeated=0, late=0, stories=len(labels), held_back=held_back, authors=authors
        )

    def watermark(self) -> datetime | None:
        return T0

    def forget_before(self, *, evidence: datetime, buckets: datetime, seen: datetime) -> Mapping[str, int]:
        return {}


class JournalProducer:
    """Notes when dead letters were acknowledged."""

    def __init__(self, journal: list[str]) -> None:
        self._journal = journal

    def send(self, messages: Sequence[Message]) -> None:
        self._journal.append(f"letters {len(messages)}")

    def close(self) -> None:
        """Nothing to release."""


def record(partition: int, offset: int, *, good: bool = True) -> Record:
    """A record of the labels topic."""
    document = Document(
        id=f"d{partition}-{offset}", source="wire", source_class=SourceClass.NEWS, published_at=T0, seen_at=T0, text="t"
    )
    probabilities = Probabilities(negative=0.8, neutral=0.1, positive=0.1)
    prediction = Prediction(topic="Earnings", topic_probability=0.5, probabilities=probabilities, model="m")
    value = wire.encode_label(Label(document=document, prediction=prediction, labeled_at=T0))
    return Record(topic=TOPICS.labels, partition=partition, offset=offset, key=None, value=value if good else b"[]")


def stage() -> tuple[Aggregate, RecordingStore, list[str], CollectorRegistry]:
    """The stage over fakes, with its store, journal and registry."""
    registry = CollectorRegistry()
    journal: list[str] = []
    store = RecordingStore(journal)
    made = Aggregate(
        store=store,
        producer=JournalProducer(journal),
        dead_letters=DeadLetters(stage="aggregate", topic=TOPICS.dead_letters, metrics=StageMetrics(registry)),
        group=TOPICS.group("aggregate"),
        bucket=timedelta(minutes=1),
        metrics=AggregateMetrics(registry),
        guard=GUARD,
    )
    return made, store, journal, registry


def test_offsets_cover_bad_records_too() -> None:
    """A poisoned record at the end of a batch must not come again for ever."""
    made, store, _, _ = stage()

    made.handle([record(0, 5), record(1, 9), record(0, 6, good=False)], T0)

    assert store.spans == {
        Partition(topic=TOPICS.labels, index=0): OffsetSpan(first=5, next=7),
        Partition(topic=TOPICS.labels, index=1): OffsetSpan(first=9, next=10),
    }


def test_dead_letters_are_safe_before_the_offsets_move() -> None:
    """A crash in between repeats a dead letter; the other order would lose one."""
    made, _, journal, _ = stage()

    made.handle([record(0, 5, good=False), record(0, 6)], T0)

    assert journal == ["letters 1", "stored 1"]


def test_a_fenced_worker_counts_nothing() -> None:
    """The metric, too, must not count what another worker will count."""
    made, store, _, registry = stage()
    store.fenced = True

    with pytest.raises(FencedError):
        made.handle([record(0, 5)], T0)

    assert registry.get_sample_value("tapewatch_aggregate_documents_total", {"outcome": "counted"}) == 0


def test_what_the_guard_does_is_counted_by_reason() -> None:
    """Stories that a cap keeps out must not go unseen, nor who wrote the others."""
    made, store, _, registry = stage()

    made.handle([record(0, 5)], T0)

    held_back = "tapewatch_aggregate_held_back_documents_total"
    assert store.guard is GUARD
    assert registry.get_sample_value(held_back, {"reason": "author"}) == 2
    assert registry.get_sample_value(held_back, {"reason": "domain"}) == 0
    assert registry.get_sample_value("tapewatch_aggregate_authors_total", {"kind": "new"}) == 1


def test_the_stage_starts_where_the_database_says() -> None:
    """The counts and the offsets are of one transaction; the group's own offsets may lag behind."""
    made, _, _, _ = stage()
    partition = Partition(topic=TOPICS.labels, index=3)

    assert made.start_positions([partition]) == {partition: 7}
