"""Reads a topic of any Kafka from offsets that somebody else remembers: no group decides, nothing is rebalanced.

For topics that are sources. The partitions are found anew at every `start`; one that is not in the remembered offsets
is read from where the settings say (the first time) or from its beginning (it is new).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Literal

import kafka
import kafka.errors as ke
import structlog
from kafka.structs import OffsetAndMetadata, TopicPartition

from monitor.domain import Record
from monitor.errors import MonitorError, PermanentError
from monitor.settings import KafkaSettings
from pipelines.brokers.kafka_consumer import COMMIT_TIMEOUT_MS, to_record
from pipelines.brokers.kafka_errors import Client, connect, translated
from pipelines.brokers.kafka_options import consumer_options
from pipelines.brokers.log_limit import limit_loggers

log = structlog.get_logger(__name__)

CLOSE_TIMEOUT_MS = 5_000

Offsets = Mapping[int, int]
"""The next offset of each partition."""


class KafkaTopicReader:
    """A connection to one topic, made at the first use and anew after an error. For one thread at a time."""

    def __init__(self, settings: KafkaSettings, *, topic: str, group: str | None, max_records: int) -> None:
        self._options = consumer_options(settings, group=group, max_records=max_records)
        self._servers = settings.bootstrap_servers
        self._topic = topic
        self._group = group
        self._client: Client = None
        limit_loggers("kafka")

    def start(self, offsets: Offsets | None, *, first: Literal["earliest", "latest"]) -> dict[int, int]:
        """Go to `offsets`; gives them for every partition there is. None: the topic was never read.

        An offset that the topic does not have (deleted by retention, or a topic made anew) becomes its beginning.
        """
        if self._client is None:
            self._client = connect("read a topic", self._servers, lambda: kafka.KafkaConsumer(**self._options))
        try:
            with translated(f"read topic {self._topic}"):
                return self._seek(offsets, first)
        except MonitorError:
            self.close()
            raise

    def poll(self, timeout_s: float) -> Sequence[Record]:
        """Return what is ready within `timeout_s`."""
        try:
            with translated(f"read topic {self._topic}"):
                found: Mapping[TopicPartition, Sequence[Client]] = self._client.poll(timeout_ms=int(timeout_s * 1000))
        except MonitorError:
            self.close()
            raise
        return [to_record(raw) for records in found.values() for raw in records]

    def tell(self, offsets: Offsets) -> None:
        """Store `offsets` for the group, for tools that show its lag; a failure does not matter."""
        if self._group is None or self._client is None:
            return
        stored = {TopicPartition(self._topic, part): OffsetAndMetadata(at, "", -1) for part, at in offsets.items()}
        try:
            with translated("tell a group its offsets"):
                self._client.commit(stored, timeout_ms=COMMIT_TIMEOUT_MS)
        except MonitorError as err:
            log.warning("group_not_told", topic=self._topic, group=self._group, error=str(err))

    def close(self) -> None:
        """Release the connection; never raises."""
        client, self._client = self._client, None
        if client is not None:
            with suppress(ke.KafkaError, OSError):
                client.close(autocommit=False, timeout_ms=CLOSE_TIMEOUT_MS)

    def _seek(self, offsets: Offsets | None, first: str) -> dict[int, int]:
        partitions = sorted(TopicPartition(self._topic, part) for part in self._partitions())
        begins, ends = self._client.beginning_offsets(partitions), self._client.end_offsets(partitions)
        if set(partitions) != self._client.assignment():
            self._client.assign(partitions)
        fresh = ends if offsets is None and first == "latest" else begins
        chosen: dict[int, int] = {}
        for tp in partitions:
            at = (offsets or {}).get(tp.partition, fresh[tp])
            if not begins[tp] <= at <= ends[tp]:
                lost = {"topic": tp.topic, "partition": tp.partition, "offset": at}
                log.warning("topic_offset_gone", **lost, begin=begins[tp], end=ends[tp])
                at = begins[tp]
            chosen[tp.partition] = at
            self._client.seek(tp, at)
        return chosen

    def _partitions(self) -> set[int]:
        found: set[int] | None = self._client.partitions_for_topic(self._topic)
        if not found:
            raise PermanentError(f"Kafka: there is no topic {self._topic} at {', '.join(self._servers)}")
        return found
