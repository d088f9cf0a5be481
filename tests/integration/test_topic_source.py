"""A topic of a real Kafka as a source: every record once on the bus, whatever happens to the process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from monitor.app.sources import open_sources
from monitor.demo.kafka_server import KafkaServer
from monitor.domain import Message
from monitor.errors import TransientError
from monitor.metrics import IngestMetrics
from monitor.settings import DatabaseSettings, KafkaSettings, Settings, StreamSettings
from monitor.store import open_store
from pipelines.brokers.kafka import KafkaBroker
from pipelines.ingest import IngestResult
from pipelines.sources.base import RawItem
from pipelines.sources.worker import SourceWorker
from tests.fixtures.bus import wait_until
from tests.fixtures.memory_sources import MemorySourceStore

pytestmark = pytest.mark.kafka
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.fixture
def broker(kafka: KafkaServer) -> Iterator[KafkaBroker]:
    """The sender's side."""
    made = KafkaBroker(KafkaSettings(bootstrap_servers=(kafka.bootstrap,)), StreamSettings(partitions=3))
    yield made
    made.close()


@pytest.fixture
def topic(broker: KafkaBroker) -> str:
    """A new topic with three partitions."""
    name = f"vendor.{uuid.uuid4().hex}"
    broker.ensure_topics([name])
    return name


def write(broker: KafkaBroker, topic: str, numbers: Sequence[int]) -> None:
    """Send documents with these numbers."""
    messages = [
        Message(
            topic=topic,
            key=str(number).encode(),
            value=json.dumps({"id": str(number), "text": "Acme", "published_at": "2026-11-24T10:00:00Z"}).encode(),
        )
        for number in numbers
    ]
    producer = broker.producer()
    producer.send(messages)
    producer.close()


class Desk:
    """A worker; each poll opens the source anew, as a restart does."""

    def __init__(self, kafka: KafkaServer, topic: str, **settings: Any) -> None:
        source = {"type": "kafka", "name": "vendor", "topic": topic, **settings}
        cluster = {"bootstrap_servers": [kafka.bootstrap]}
        self.settings = Settings.model_validate({"sources": [{"cluster": cluster, **source}]})
        self.store: Any = MemorySourceStore()
        self.ids: list[int] = []
        self.away = False

    def poll(self, *, now: datetime = NOW) -> None:
        """Poll once."""
        worker = SourceWorker(
            store=self.store, submit=self._take, owner="test", lease=timedelta(minutes=2),
            max_backoff=timedelta(hours=1), metrics=IngestMetrics(CollectorRegistry()),
        )  # fmt: skip
        with open_sources(self.settings) as [(source, _)]:
            worker.poll_once(source, now)

    def _take(self, items: Sequence[RawItem], now: datetime) -> IngestResult:
        if self.away:
            raise TransientError("the bus is away")
        self.ids.extend(int(item.id or -1) for item in items)
        return IngestResult(published=len(items), repeated=0, rejected=())


def test_every_record_is_read_once_over_restarts(kafka: KafkaServer, broker: KafkaBroker, topic: str) -> None:
    """By the offsets in the state, over all partitions."""
    desk = Desk(kafka, topic, max_poll_records=50)
    write(broker, topic, range(500))
    desk.poll()
    write(broker, topic, range(500, 600))
    desk.poll(now=NOW + timedelta(minutes=1))
    desk.poll(now=NOW + timedelta(minutes=2))
    assert sorted(desk.ids) == list(range(600))


def test_a_chunk_that_did_not_reach_the_bus_comes_again(kafka: KafkaServer, broker: KafkaBroker, topic: str) -> None:
    """Its offsets are remembered only after it is safe."""
    desk = Desk(kafka, topic)
    write(broker, topic, range(20))
    desk.away = True
    desk.poll()
    desk.away = False
    desk.poll(now=NOW + timedelta(minutes=1))
    assert sorted(desk.ids) == list(range(20))


def test_latest_begins_at_the_end_once(kafka: KafkaServer, broker: KafkaBroker, topic: str) -> None:
    """What was there before is not read; what comes between two polls is, even after a first poll without records."""
    write(broker, topic, range(10))
    desk = Desk(kafka, topic, start="latest")
    desk.poll()
    assert desk.ids == []
    write(broker, topic, range(10, 20))
    desk.poll(now=NOW + timedelta(minutes=1))
    assert sorted(desk.ids) == list(range(10, 20))


def test_a_group_is_told_where_reading_is(kafka: KafkaServer, broker: KafkaBroker, topic: str) -> None:
    """For the tools that watch lag; a member of that group would go on from there."""
    group = f"watch-{uuid.uuid4().hex}"
    write(broker, topic, range(30))
    Desk(kafka, topic, group=group).poll()
    write(broker, topic, [99])
    consumer = broker.consumer(group=group, topics=[topic])
    found: list[bytes] = []
    wait_until(lambda: bool(found.extend(record.value for record in consumer.poll(0.2)) or found))
    consumer.close()
    assert [json.loads(value)["id"] for value in found] == ["99"]


def test_a_topic_made_anew_is_read_from_its_beginning(kafka: KafkaServer, broker: KafkaBroker, topic: str) -> None:
    """Its offsets begin again; those we remember are beyond its end."""
    desk = Desk(kafka, topic)
    cursor = json.dumps({"topic": topic, "next": {"0": 10_000, "1": 10_000, "2": 10_000}})
    desk.store.save_source_state(replace(desk.store.source_state("vendor"), cursor=cursor))
    write(broker, topic, range(5))
    desk.poll()
    assert sorted(desk.ids) == list(range(5))


@pytest.mark.parametrize(
    ("change", "outcome"), [({"topic": "not.there"}, "no topic"), ({"cluster": "127.0.0.1:9"}, "can be reached")]
)
def test_a_topic_that_cannot_be_had_is_the_sources_failure(
    change: dict[str, str], outcome: str, kafka: KafkaServer, topic: str
) -> None:
    """With its reason in the state, and asked again later."""
    more = {"cluster": {"bootstrap_servers": [change["cluster"]]}} if "cluster" in change else change
    desk = Desk(kafka, topic, **{key: value for key, value in more.items() if key != "topic"})
    if "topic" in change:
        desk = Desk(kafka, change["topic"])
    desk.poll()
    assert outcome in (desk.store.source_state("vendor").last_error or "")


READER = """
import sys, time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from prometheus_client import CollectorRegistry
from monitor.app.sources import open_sources
from monitor.metrics import IngestMetrics
from monitor.settings import DatabaseSettings, Settings
from monitor.store import open_store
from pipelines.ingest import IngestResult
from pipelines.sources.worker import SourceWorker

server, topic, folder = sys.argv[1:4]
cluster = {"bootstrap_servers": [server]}
source = {"type": "kafka", "name": "vendor", "topic": topic, "cluster": cluster, "max_poll_records": 20}
settings = Settings.model_validate({"sources": [source]})
log = open(Path(folder) / "taken", "a")

def take(items, now):
    log.write("".join(item.id + "\\n" for item in items)); log.flush()
    time.sleep(0.05)
    return IngestResult(published=len(items), repeated=0, rejected=())

store = open_store(DatabaseSettings(url=f"sqlite:///{folder}/store.db"))
worker = SourceWorker(store=store, submit=take, owner=sys.argv[4], lease=timedelta(seconds=1),
                      max_backoff=timedelta(seconds=1), metrics=IngestMetrics(CollectorRegistry()))
with open_sources(settings) as [(one, _)]:
    print("ready", flush=True)
    while True:
        worker.poll_once(one, datetime.now(UTC))
        time.sleep(0.2)
"""


def test_nothing_is_lost_when_the_reader_is_killed(
    kafka: KafkaServer, broker: KafkaBroker, topic: str, tmp_path: Path
) -> None:
    """Whenever a kill -9 comes: a chunk may come again, under the same ids; none is left out."""
    store = open_store(DatabaseSettings(url=SecretStr(f"sqlite:///{tmp_path}/store.db")))
    store.upgrade()
    store.close()
    write(broker, topic, range(600))
    taken = tmp_path / "taken"

    def count() -> int:
        return len(set(taken.read_text().split())) if taken.exists() else 0

    for round_ in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", READER, kafka.bootstrap, topic, str(tmp_path), f"r{round_}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as reader:
            goal = 600 if round_ == 2 else count() + 100
            try:
                wait_until(lambda goal=goal: count() >= goal, patience_s=90)  # type: ignore[misc]
            finally:
                os.kill(reader.pid, signal.SIGKILL)
    ids = taken.read_text().split()
    assert set(ids) == {str(number) for number in range(600)}
    assert len(ids) <= 600 + 3 * 20
