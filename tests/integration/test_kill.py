"""Two classify and two aggregate workers on real Kafka and PostgreSQL; one of each is killed; nothing lost or twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
import yaml
from pydantic import SecretStr

from monitor.demo.kafka_server import KafkaServer
from monitor.domain import Document, Message, Sentiment, SeriesKey, SourceClass
from monitor.ports import Broker
from monitor.settings import DatabaseSettings, KafkaSettings, StreamSettings
from monitor.store import Store, open_store
from pipelines import wire
from pipelines.brokers.kafka import KafkaBroker
from pipelines.topics import Topics
from tests.integration.waiting import wait_for

T0 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DOCUMENTS = 4000
WORDS = (
    "profit",
    "warning",
    "lawsuit",
    "record",
    "growth",
    "dividend",
    "recall",
    "strike",
    "upgrade",
    "merger",
    "default",
)

pytestmark = [pytest.mark.kafka, pytest.mark.postgres, pytest.mark.model, pytest.mark.timeout(420)]


def document(number: int, random: Random) -> Document:
    """One invented document; every tenth is a copy of the one before."""
    text = f"Company {number // 10 * 10 if number % 10 == 1 else number}: {' '.join(random.choices(WORDS, k=6))}"
    return Document(
        id=f"d{number}",
        source=f"wire-{number % 3}",
        source_class=SourceClass.NEWS,
        published_at=T0 + timedelta(seconds=number),
        seen_at=T0 + timedelta(hours=3),
        text=text,
        entities=("ACME",) if number % 2 else ("BETA",),
        story_id=f"s{number}",
    )


@contextmanager
def workers(folder: Path, config: Path, *stages: str) -> Iterator[list[subprocess.Popen[bytes]]]:
    """One process a stage named, ended at the end."""
    started = []
    for number, stage in enumerate(stages):
        command = [sys.executable, "-m", "monitor", "run", "--config", str(config), "--stage", stage]
        with (folder / f"{stage}-{number}.log").open("wb") as log:
            started.append(subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL))
    try:
        yield started
    finally:
        for process in started:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in started:
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def configuration(folder: Path, *, bootstrap: str, database: str, prefix: str) -> Path:
    """A configuration file for the workers."""
    years = "3650d"
    path = folder / "tapewatch.yaml"
    path.write_text(
        yaml.safe_dump(
            {
                "kafka": {"bootstrap_servers": [bootstrap], "session_timeout": "6s"},
                "database": {"url": database},
                "stream": {"topic_prefix": prefix, "partitions": 4, "max_poll_records": 100},
                "web": {"port": 0},
                "aggregate": {"evidence_retention": years, "bucket_retention": years, "id_retention": years},
            }
        )
    )
    return path


def publish(broker: Broker, topics: Topics, documents: list[Document]) -> None:
    """Everything once, the first 300 twice (as a producer that retried would), and one record that is not JSON."""
    messages = [
        Message(topic=topics.documents, key=d.story_id.encode(), value=wire.encode_document(d)) for d in documents
    ]
    producer = broker.producer()
    producer.send(messages)
    producer.send(messages[:300])
    producer.send([Message(topic=topics.documents, key=b"x", value=b"{not json")])
    producer.close()


def test_killed_workers_lose_nothing_and_count_nothing_twice(tmp_path: Path, kafka: KafkaServer, postgres: str) -> None:
    """The promise of the pipeline, recounted from the input alone."""
    topics = Topics(prefix=f"kill-{os.getpid()}")
    config = configuration(tmp_path, bootstrap=kafka.bootstrap, database=postgres, prefix=topics.prefix)
    stream = StreamSettings(topic_prefix=topics.prefix, partitions=4)
    broker = KafkaBroker(KafkaSettings(bootstrap_servers=(kafka.bootstrap,)), stream)
    broker.ensure_topics(topics.every)
    store = open_store(DatabaseSettings(url=SecretStr(postgres)))
    store.upgrade()
    random = Random(7)
    documents = [document(number, random) for number in range(DOCUMENTS)]
    with workers(tmp_path, config, "classify", "classify", "aggregate", "aggregate") as started:
        publish(broker, topics, documents)
        wait_for(lambda: counted(store) >= DOCUMENTS // 4, seconds=180)
        for victim in (started[0], started[2]):
            victim.send_signal(signal.SIGKILL)
            victim.wait()
        wait_for(lambda: counted(store) >= DOCUMENTS, seconds=180)
        wait_for(lambda: drained(broker, topics, store), seconds=60)

    recount(broker, topics, store, documents)
    store.close()
    broker.close()


def recount(broker: Broker, topics: Topics, store: Store, documents: list[Document]) -> None:
    """Compare what was stored with a count over the input that shares no code with the pipeline."""
    sums = store.window_counts(T0 - timedelta(hours=1), T0 + timedelta(hours=3))
    expected = Counter(entity for d in documents for entity in (*d.entities, "all"))
    everything = sums[SeriesKey()]
    letters = [wire.decode_dead_letter(value) for value in values_of(broker, topics.dead_letters)]
    # A killed worker may label a document again; the answers are the same.
    labels = {label.document.id: label for label in map(wire.decode_label, values_of(broker, topics.labels))}
    verdicts = Counter(label.prediction.verdict() for label in labels.values())

    assert {entity: sums[SeriesKey(entity=entity)].documents for entity in expected} == expected
    assert everything.stories == DOCUMENTS
    assert (everything.negative, everything.neutral, everything.positive) == tuple(verdicts[one] for one in Sentiment)
    assert {letter.reason for letter in letters} == {"malformed_json"}
    assert {letter.value for letter in letters} == {b"{not json"}
    assert labels.keys() == {d.id for d in documents}


def counted(store: Store) -> int:
    """Documents counted so far."""
    sums = store.window_counts(T0 - timedelta(hours=1), T0 + timedelta(hours=3))
    return sums[SeriesKey()].documents if SeriesKey() in sums else 0


def drained(broker: Broker, topics: Topics, store: Store) -> bool:
    """True when the counted offsets have reached the end of the labels topic, and labels do not grow."""
    before = broker.end_offsets([topics.labels])
    positions = store.positions(topics.group("aggregate"), list(before))
    time.sleep(1.0)
    return dict(positions) == dict(before) == dict(broker.end_offsets([topics.labels]))


def values_of(broker: Broker, topic: str) -> list[bytes]:
    """Every value of `topic`, read by a group of its own."""
    consumer = broker.consumer(group=f"recount-{topic}-{time.time_ns()}", topics=[topic], max_records=2000)
    wanted = sum(broker.end_offsets([topic]).values())
    values: list[bytes] = []
    deadline = time.monotonic() + 60
    while len(values) < wanted and time.monotonic() < deadline:
        values += [record.value for record in consumer.poll(0.5)]
    consumer.close()
    return values
