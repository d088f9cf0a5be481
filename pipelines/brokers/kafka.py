"""Kafka as the bus, through kafka-python: topics and the producer; the consumer is in `kafka_consumer.py`."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from threading import Lock
from typing import TypeVar

import kafka
import kafka.errors as ke
import structlog
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.structs import TopicPartition

from monitor.domain import Message, Partition, Record
from monitor.errors import MonitorError
from monitor.ports import StartPositions
from monitor.settings import KafkaSettings, StreamSettings
from pipelines.brokers.kafka_consumer import KafkaBusConsumer, to_partition
from pipelines.brokers.kafka_errors import Client, connect, translated
from pipelines.brokers.kafka_options import common_options, consumer_options, producer_options
from pipelines.brokers.kafka_reader import KafkaTopicReader
from pipelines.brokers.log_limit import limit_loggers
from pipelines.brokers.scan import AT_ONCE, scan_kafka

log = structlog.get_logger(__name__)
T = TypeVar("T")

CLOSE_TIMEOUT_S = 5.0
LATEST, EARLIEST = -1, -2  #: Kafka's signs for the end and the beginning of a partition.


class KafkaBroker:
    """One Kafka cluster."""

    def __init__(self, settings: KafkaSettings, stream: StreamSettings) -> None:
        self._settings = settings
        self._stream = stream
        self._admin: Client = None
        self._lock = Lock()
        limit_loggers("kafka")

    def ensure_topics(self, topics: Collection[str]) -> None:
        """Create what is absent; a topic that exists keeps its partitions."""
        self._administer("create topics", lambda admin: self._create_absent(admin, sorted(topics)))

    def producer(self) -> KafkaBusProducer:
        """A new producer; it connects at the first send."""
        return KafkaBusProducer(self._settings)

    def consumer(
        self, *, group: str, topics: Collection[str], start: StartPositions | None = None, max_records: int = 500
    ) -> KafkaBusConsumer:
        """A new member of `group`; it joins at the first poll."""
        options = consumer_options(self._settings, group=group, max_records=max_records)
        client = connect("consume", self._settings.bootstrap_servers, lambda: kafka.KafkaConsumer(**options))
        return KafkaBusConsumer(client, topics=topics, start=start)

    def end_offsets(self, topics: Collection[str]) -> Mapping[Partition, int]:
        """The next offset to be written in each partition."""
        return self._administer("read end offsets", lambda admin: _offsets(admin, sorted(topics), LATEST))

    def first_offsets(self, topics: Collection[str]) -> Mapping[Partition, int]:
        """The offset of the first record that is kept in each partition."""
        return self._administer("read first offsets", lambda admin: _offsets(admin, sorted(topics), EARLIEST))

    def committed_offsets(self, group: str, topics: Collection[str]) -> Mapping[Partition, int]:
        """What members of `group` committed."""
        found = self._administer("read committed offsets", lambda admin: admin.list_group_offsets(group)[group])
        # A partition without a commit has none, or the offset -1.
        return {to_partition(tp): held.offset for tp, held in found.items() if tp.topic in topics and held.offset >= 0}

    def scan(self, topic: str) -> Iterator[Record]:
        """What `topic` keeps now."""
        reader = KafkaTopicReader(self._settings, topic=topic, group=None, max_records=AT_ONCE)
        return scan_kafka(reader, topic, self.end_offsets([topic]))

    def empty(self, records: Sequence[Record]) -> bool:
        """Kafka changes no record; a key stands for a whole story, so a tombstone would say too much."""
        del records
        return False

    def keeps_for(self, topic: str) -> timedelta | None:
        """The topic's `retention.ms`."""
        kept_ms = int(self._administer("read a topic's retention", lambda admin: _retention(admin, topic)))
        return None if kept_ms < 0 else timedelta(milliseconds=kept_ms)

    def close(self) -> None:
        """Release the connection for administration; producers and consumers close their own."""
        with self._lock:
            self._drop_admin()

    def _create_absent(self, admin: Client, topics: Sequence[str]) -> None:
        present = set(admin.list_topics())
        size = {
            "num_partitions": self._stream.partitions,
            "replication_factor": self._stream.replication_factor,
        }
        absent = [topic for topic in topics if topic not in present]
        for topic in absent:
            with suppress(ke.TopicAlreadyExistsError):  # another worker was faster
                admin.create_topics({topic: size})
                log.info("topic_created", topic=topic, **size)
        if absent:
            admin.wait_for_topics(absent)

    def _administer(self, doing: str, step: Callable[[Client], T]) -> T:
        """Do `step` with the client for administration, which is made anew after an error."""
        with self._lock:
            if self._admin is None:
                options = common_options(self._settings)
                self._admin = connect(doing, self._settings.bootstrap_servers, lambda: KafkaAdminClient(**options))
            try:
                with translated(doing):
                    return step(self._admin)
            except MonitorError:
                self._drop_admin()
                raise

    def _drop_admin(self) -> None:
        admin, self._admin = self._admin, None
        if admin is not None:
            with suppress(ke.KafkaError, OSError):
                admin.close()


class KafkaBusProducer:
    """Sends batches and waits for all of their acknowledgements."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._options = producer_options(settings)
        self._servers = settings.bootstrap_servers
        self._timeout_s = settings.delivery_timeout.total_seconds()
        self._client: Client = None

    def send(self, messages: Sequence[Message]) -> None:
        """Return once every message is acknowledged by all in-sync replicas.

        After an error the client is thrown away: one that still knows a broker that is gone can try for ever.
        """
        if not messages:
            return
        if self._client is None:
            self._client = connect("send", self._servers, lambda: kafka.KafkaProducer(**self._options))
        try:
            with translated("send"):
                self._deliver(messages)
        except MonitorError:
            self._discard()
            raise

    def close(self) -> None:
        """Release the connection."""
        client, self._client = self._client, None
        if client is not None:
            with suppress(ke.KafkaError):
                client.close(timeout=CLOSE_TIMEOUT_S)

    def _deliver(self, messages: Sequence[Message]) -> None:
        deadline_s = time.monotonic() + self._timeout_s
        send = self._client.send
        # All are handed over before the first is waited for: waiting for each alone is thirty times slower.
        futures = [send(message.topic, key=message.key, value=message.value) for message in messages]
        for future in futures:
            future.get(timeout=max(0.0, deadline_s - time.monotonic()))

    def _discard(self) -> None:
        client, self._client = self._client, None
        # `close` waits for what is outstanding, even with a time-out of zero, and then leaves its thread running.
        # The sender has the only way to drop it.
        client._sender.force_close()  # noqa: SLF001
        with suppress(ke.KafkaError):
            client.close(timeout=CLOSE_TIMEOUT_S)


def _retention(admin: Client, topic: str) -> str:
    asked = ConfigResource(ConfigResourceType.TOPIC, topic, configs={"retention.ms": None})
    found = admin.describe_configs([asked], config_filter="all")
    value: str = found["topic"][topic]["retention.ms"]["value"]
    return value


def _offsets(admin: Client, topics: Sequence[str], sign: int) -> Mapping[Partition, int]:
    described = admin.describe_topics(topics)
    wanted = {
        TopicPartition(topic["name"], part["partition_index"]): sign
        for topic in described
        for part in topic["partitions"]
    }
    return {to_partition(tp): info.offset for tp, info in admin.list_partition_offsets(wanted).items()}
