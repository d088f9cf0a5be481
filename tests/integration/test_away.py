"""Broker and database go away for a while: the daemon lives on, says so, loses nothing and counts nothing twice."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from monitor.app.monitor import Monitor
from monitor.demo.kafka_server import KafkaServer
from monitor.demo.postgres_server import PostgresServer
from monitor.domain import SeriesKey, SourceClass
from monitor.errors import TransientError
from monitor.settings import Settings
from pipelines.ingest import Ingest
from pipelines.routing import OneModel
from pipelines.sources.base import RawItem
from tests.integration.stub import StubClassifier
from tests.integration.waiting import wait_for

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.postgres,
    pytest.mark.timeout(300),
    # The client drops half-open sockets while the broker is away; the collector closes them, and Python says so.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]

T0 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
BATCH = 50


def items(first: int) -> list[RawItem]:
    """Fifty invented documents."""
    return [
        RawItem(
            source="wire",
            source_class=SourceClass.NEWS,
            raw=b"{}",
            id=f"d{number}",
            published_at=T0 + timedelta(seconds=number),
            text=f"Acme reports number {number}",
        )
        for number in range(first, first + BATCH)
    ]


class World:
    """A monitor between servers that can be taken away."""

    def __init__(self, monitor: Monitor, ingest: Ingest) -> None:
        self.monitor = monitor
        self.ingest = ingest

    def publish(self, first: int) -> None:
        """Publish until acknowledged, as a source worker does that is told to come again."""

        def published() -> bool:
            try:
                self.ingest.submit(items(first), T0 + timedelta(hours=1))
            except TransientError:
                return False
            return True

        wait_for(published, seconds=90)

    def counted(self) -> float:
        """Documents counted, by the metric."""
        name, outcome = "tapewatch_aggregate_documents_total", {"outcome": "counted"}
        return self.monitor.registry.get_sample_value(name, outcome) or 0.0

    def interruptions(self) -> float:
        """Retries and restarts of all stages: what an operator sees."""
        names = ("tapewatch_stage_retries_total", "tapewatch_stage_restarts_total")
        stages = ("classify", "aggregate")
        values = [self.monitor.registry.get_sample_value(n, {"stage": s}) or 0.0 for n in names for s in stages]
        return sum(values)


@pytest.fixture
def servers(
    tmp_path: Path, kafka: KafkaServer, postgres_server_alone: PostgresServer
) -> Iterator[tuple[KafkaServer, PostgresServer]]:
    """Servers of our own, to be stopped; the shared broker only tells whether one can be had."""
    with KafkaServer(tmp_path / "kafka") as broker:
        yield broker, postgres_server_alone


@pytest.fixture
def world(servers: tuple[KafkaServer, PostgresServer]) -> Iterator[World]:
    """A running monitor with a stub model."""
    broker, database = servers
    settings = Settings.model_validate(
        {
            "kafka": {"bootstrap_servers": [broker.bootstrap], "delivery_timeout": "10s", "session_timeout": "10s"},
            "database": {"url": database.url},
            "stream": {"partitions": 2},
            "web": {"port": 0},
        }
    )
    stop = threading.Event()
    monitor = Monitor(settings, stop=stop, registry=CollectorRegistry())
    monitor.workshop.models = OneModel(StubClassifier())
    monitor.start(["classify", "aggregate"])
    with monitor.workshop.ingest() as ingest:
        yield World(monitor, ingest)
    stop.set()
    monitor.leave(timeout_s=60)
    # Here, where the warning is expected, not at the end of the session.
    gc.collect()


def test_the_broker_may_go_away_and_come_back(world: World, servers: tuple[KafkaServer, PostgresServer]) -> None:
    """Nothing to repair by hand: the stages wait and go on."""
    broker, _ = servers
    world.publish(0)
    wait_for(lambda: world.counted() == BATCH, seconds=60)

    broker.stop()
    with pytest.raises(TransientError):
        world.ingest.submit(items(BATCH), T0 + timedelta(hours=1))
    broker.start()
    world.publish(BATCH)

    wait_for(lambda: world.counted() == 2 * BATCH, seconds=120)
    assert_counted_once(world, 2 * BATCH)


def test_the_database_may_go_away_and_come_back(world: World, servers: tuple[KafkaServer, PostgresServer]) -> None:
    """The batch in hand is kept, uncommitted, and counted when the database is back."""
    _, database = servers
    world.publish(0)
    wait_for(lambda: world.counted() == BATCH, seconds=60)
    before = world.interruptions()

    database.stop()
    with pytest.raises(TransientError):
        world.ingest.submit(items(BATCH), T0 + timedelta(hours=1))
    database.start()
    world.publish(BATCH)

    wait_for(lambda: world.counted() == 2 * BATCH, seconds=120)
    assert world.interruptions() >= before
    assert_counted_once(world, 2 * BATCH)


def assert_counted_once(world: World, documents: int) -> None:
    """The database agrees with the input."""
    sums = world.monitor.workshop.store.window_counts(T0 - timedelta(hours=1), T0 + timedelta(hours=2))
    assert sums[SeriesKey()].documents == documents
