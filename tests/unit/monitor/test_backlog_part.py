"""The part that notes up to when all is counted: it lives through outages, and notes nothing that it does not know."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from prometheus_client import CollectorRegistry

from monitor.app.parts import Parts
from monitor.domain import Partition
from monitor.errors import TransientError
from monitor.metrics import AggregateMetrics
from pipelines.topics import Topics
from tests.unit.monitor.test_ticks import Clock

TOPICS = Topics(prefix="t")
T0 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ONLY = Partition(topic=TOPICS.documents, index=0)


class Broker:
    """One document came; it is read from the third look on. At the second one the broker is away."""

    def __init__(self) -> None:
        self.looks = 0

    def end_offsets(self, topics: Collection[str]) -> Mapping[Partition, int]:
        if TOPICS.documents not in topics:
            return {}
        self.looks += 1
        if self.looks == 2:
            raise TransientError("away")
        return {ONLY: 1}

    def first_offsets(self, topics: Collection[str]) -> Mapping[Partition, int]:
        return {ONLY: 0}

    def committed_offsets(self, group: str, topics: Collection[str]) -> Mapping[Partition, int]:
        return {ONLY: 1} if self.looks > 2 else {}


def noted(looks: int) -> tuple[list[tuple[str, datetime]], float | None]:
    """What stands in the database and in the metric after so many looks."""
    found: list[tuple[str, datetime]] = []
    registry = CollectorRegistry()
    store = SimpleNamespace(
        positions=lambda group, partitions: {}, raise_counted_until=lambda group, at: found.append((group, at))
    )
    workshop: Any = SimpleNamespace(
        broker=Broker(), store=store, topics=TOPICS, clock=lambda: T0, aggregate_metrics=AggregateMetrics(registry)
    )
    Parts(workshop).backlog(Clock(looks))
    return found, registry.get_sample_value("tapewatch_aggregate_counted_until_timestamp_seconds")


def test_nothing_is_noted_before_it_is_known_and_an_outage_ends_nothing() -> None:
    """The metric stays at zero meanwhile, for which the alert rule has an eye."""
    assert noted(1) == ([], 0.0)
    assert noted(2) == ([], 0.0)
    assert noted(3) == ([("t-aggregate", T0)], T0.timestamp())
