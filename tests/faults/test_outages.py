"""Servers that go away for a minute and come back: nothing to repair by hand, nothing lost, nothing twice."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.demo.kafka_server import KafkaServer
from monitor.demo.postgres_server import PostgresServer
from tests.faults.run import judged
from tests.faults.sizes import SIZES, TIMEOUT_S
from tests.faults.world import World, make_world
from tests.integration.waiting import wait_for

pytestmark = [pytest.mark.timeout(TIMEOUT_S), pytest.mark.kafka, pytest.mark.postgres]


SPARE_BYTES = 1_000


@pytest.fixture
def broker(tmp_path: Path, kafka: KafkaServer) -> Iterator[KafkaServer]:
    """A broker of our own, to be stopped; the shared one only tells whether one can be had."""
    with KafkaServer(tmp_path / "kafka") as started:
        yield started


def outage(world: World, server: KafkaServer | PostgresServer) -> None:
    """Documents before, during and after; the workers must live through it."""
    what = f"{type(server).__name__} away for {SIZES.outage_s:.0f} s"
    with judged(world, SIZES.outage_documents, parts=3, what=what) as (_, feed):
        feed(0)
        time.sleep(SIZES.stay_s)
        server.stop()
        feed(1)
        time.sleep(SIZES.outage_s)
        server.start()
        feed(2)


def test_the_broker_is_away(broker: KafkaServer, postgres: str, tmp_path: Path) -> None:
    """Batches in hand are kept or come again."""
    outage(make_world(tmp_path, bootstrap=broker.bootstrap, database=postgres), broker)


def test_the_disk_of_the_broker_is_full(broker: KafkaServer, postgres: str, tmp_path: Path) -> None:
    """It gives up in the middle of a write; with room again it comes back, and what it had acknowledged is there."""
    world = make_world(tmp_path, bootstrap=broker.bootstrap, database=postgres)
    what = f"the disk of the broker is full for {SIZES.outage_s:.0f} s"
    with judged(world, SIZES.outage_documents, parts=3, what=what) as (_, feed):
        feed(0)
        wait_for(lambda: world.is_counting, seconds=SIZES.wait_s)
        time.sleep(SIZES.stay_s)
        leave_no_room(broker)
        feed(1)
        wait_for(lambda: not broker.is_alive, seconds=SIZES.wait_s)
        time.sleep(SIZES.outage_s)
        broker.restart()
        feed(2)


def leave_no_room(broker: KafkaServer) -> None:
    """Let the broker's writes fail from now on as on a full disk: a little goes in, the rest does not."""
    assert broker.pid is not None
    written = max(path.stat().st_size for path in broker.data_path.rglob("*.log"))
    _, hard = resource.prlimit(broker.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(broker.pid, resource.RLIMIT_FSIZE, (written + SPARE_BYTES, hard))


def test_the_database_is_away(broker: KafkaServer, postgres_server_alone: PostgresServer, tmp_path: Path) -> None:
    """Nothing is committed to the bus that the database has not."""
    world = make_world(tmp_path, bootstrap=broker.bootstrap, database=postgres_server_alone.url)
    outage(world, postgres_server_alone)
