"""Servers that go away for a minute and come back: nothing to repair by hand, nothing lost, nothing twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from monitor.demo.kafka_server import KafkaServer
from monitor.demo.postgres_server import PostgresServer
from tests.faults.crew import crew
from tests.faults.judge import judge, wait_until_counted
from tests.faults.material import make_material
from tests.faults.sizes import SEED, SIZES, TIMEOUT_S, report
from tests.faults.world import STAGES, World, make_world

pytestmark = [pytest.mark.timeout(TIMEOUT_S), pytest.mark.kafka, pytest.mark.postgres]


@pytest.fixture
def broker(tmp_path: Path, kafka: KafkaServer) -> Iterator[KafkaServer]:
    """A broker of our own, to be stopped; the shared one only tells whether one can be had."""
    with KafkaServer(tmp_path / "kafka") as started:
        yield started


def outage(world: World, server: KafkaServer | PostgresServer) -> None:
    """Documents before, during and after; the workers must live through it."""
    material = make_material(SIZES.outage_documents, seed=SEED)
    feed: Callable[[int], None] = partial(material.append, world.input, parts=3)
    with crew(world.config, STAGES) as workers:
        feed(0)
        time.sleep(SIZES.stay_s)
        server.stop()
        feed(1)
        time.sleep(SIZES.outage_s)
        server.start()
        feed(2)
        wait_until_counted(world, material.expected, seconds=SIZES.wait_s)
        assert all(worker.is_alive for worker in workers.workers)
    found = judge(world, material.expected)
    report(f"{type(server).__name__} away for {SIZES.outage_s:.0f} s", found)
    found.assert_clean()


def test_the_broker_is_away(broker: KafkaServer, postgres: str, tmp_path: Path) -> None:
    """Batches in hand are kept or come again."""
    outage(make_world(tmp_path, bootstrap=broker.bootstrap, database=postgres), broker)


def test_the_database_is_away(broker: KafkaServer, postgres_server_alone: PostgresServer, tmp_path: Path) -> None:
    """Nothing is committed to the bus that the database has not."""
    world = make_world(tmp_path, bootstrap=broker.bootstrap, database=postgres_server_alone.url)
    outage(world, postgres_server_alone)
