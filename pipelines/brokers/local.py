"""The embedded durable log: the bus on one machine without Kafka, in one SQLite file.

The same contract as Kafka, and the same tests: partitions by key, consumer groups, at least once. What is acknowledged
is on the disk. Records are deleted when they are older than the retention and every group has read them.
"""

from __future__ import annotations

import sqlite3
import threading
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import timedelta

import structlog

from monitor.domain import Message, Partition, Record
from monitor.errors import ConfigurationError, MonitorError
from monitor.ports import Clock, StartPositions
from monitor.settings import LocalLogSettings, StreamSettings
from pipelines.brokers.local_consumer import LocalConsumer
from pipelines.brokers.local_erasure import empty_records
from pipelines.brokers.local_file import MAX_OFFSET, LogFile, row_id
from pipelines.brokers.local_group import Membership
from pipelines.brokers.scan import scan_local

log = structlog.get_logger(__name__)

FORGET_EVERY_S = 60.0
FORGET_RECORDS = 2_000  #: Most records of a partition deleted at a time: writers wait meanwhile.
RENEWALS = 4  #: A lease is renewed so many times before it would run out.


class LocalBroker:
    """The log file of one machine."""

    def __init__(
        self, settings: LocalLogSettings, stream: StreamSettings, *, clock: Clock, durable: bool = True
    ) -> None:
        """Without `durable` a record survives the end of the process, not the loss of power."""
        self._settings = settings
        self._stream = stream
        self._clock = clock
        self._file = LogFile(settings.path, durable=durable)

    def ensure_topics(self, topics: Collection[str]) -> None:
        """Create what is absent; a topic that exists keeps its partitions."""
        with self._file.writing() as connection:
            present = {topic for (topic,) in connection.execute("SELECT DISTINCT topic FROM partitions")}
            rows = [(topic, i) for topic in sorted(set(topics) - present) for i in range(self._stream.partitions)]
            connection.executemany("INSERT INTO partitions (topic, idx) VALUES (?, ?)", rows)

    def producer(self) -> LocalProducer:
        """A new producer."""
        return LocalProducer(self._file, clock=self._clock, retention_s=self._settings.retention.total_seconds())

    def consumer(
        self, *, group: str, topics: Collection[str], start: StartPositions | None = None, max_records: int = 500
    ) -> LocalConsumer:
        """A new member of `group`; it joins at the first poll."""
        lease_s = self._settings.lease.total_seconds()
        return LocalConsumer(
            self._file,
            membership=Membership(self._file, group=group, topics=topics, lease_s=lease_s),
            clock=self._clock,
            renew_every_s=lease_s / RENEWALS,
            start=start,
            max_records=max_records,
        )

    def end_offsets(self, topics: Collection[str]) -> Mapping[Partition, int]:
        """The next offset to be written in each partition."""
        return self._offsets("SELECT topic, idx, next_offset FROM partitions", topics)

    def first_offsets(self, topics: Collection[str]) -> Mapping[Partition, int]:
        """The offset of the first record that is kept in each partition."""
        return self._offsets("SELECT topic, idx, first_offset FROM partitions", topics)

    def committed_offsets(self, group: str, topics: Collection[str]) -> Mapping[Partition, int]:
        """What members of `group` committed."""
        question = "SELECT topic, idx, next FROM offsets JOIN partitions USING (pid) WHERE grp = ?"
        return self._offsets(question, topics, group)

    def scan(self, topic: str) -> Iterator[Record]:
        """What `topic` keeps now, partition after partition."""
        return scan_local(self._file, topic)

    def empty(self, records: Sequence[Record]) -> bool:
        """Take key and value out of `records`: their bytes go from the file."""
        empty_records(self._file, records)
        return True

    def keeps_for(self, topic: str) -> timedelta:
        """As configured, for every topic."""
        del topic
        return self._settings.retention

    def close(self) -> None:
        """Close the file; producers and consumers are closed before."""
        self._file.close()

    def _offsets(self, question: str, topics: Collection[str], *given: str) -> Mapping[Partition, int]:
        with self._file.reading() as connection:
            rows = connection.execute(question, given).fetchall()
        return {Partition(topic=topic, index=index): offset for topic, index, offset in rows if topic in topics}


class LocalProducer:
    """Appends a batch in one transaction."""

    def __init__(self, file: LogFile, *, clock: Clock, retention_s: float) -> None:
        self._file = file
        self._clock = clock
        self._retention_s = retention_s
        self._forget_due_s = 0.0
        self._numbers: dict[str, list[int]] = {}  #: Partition numbers of each topic, by index.
        self._lock = threading.Lock()

    def send(self, messages: Sequence[Message]) -> None:
        """Return once every message is on the disk."""
        if not messages:
            return
        now_s = self._clock().timestamp()
        with self._lock, self._file.writing() as connection:
            self._append(connection, messages, now_s)
        if now_s >= self._forget_due_s:
            self._forget_due_s = now_s + FORGET_EVERY_S
            self._forget(now_s)

    def close(self) -> None:
        """Nothing to release: the file belongs to the broker."""

    def _append(self, connection: sqlite3.Connection, messages: Sequence[Message], now_s: float) -> None:
        ends: dict[int, int] = dict(connection.execute("SELECT pid, next_offset FROM partitions").fetchall())
        touched: set[int] = set()
        rows = []
        for message in messages:
            pid = self._partition_of(connection, message)
            rows.append((row_id(pid, ends[pid]), now_s, message.key, message.value))
            ends[pid] += 1
            touched.add(pid)
        rows.sort(key=lambda row: row[0])  # in the order of the tree
        connection.executemany("INSERT INTO records (id, written_at, key, value) VALUES (?, ?, ?, ?)", rows)
        connection.executemany(
            "UPDATE partitions SET next_offset = ? WHERE pid = ?", [(ends[pid], pid) for pid in touched]
        )

    def _partition_of(self, connection: sqlite3.Connection, message: Message) -> int:
        numbers = self._numbers.get(message.topic)
        if numbers is None:
            found = connection.execute("SELECT pid FROM partitions WHERE topic = ? ORDER BY idx", (message.topic,))
            numbers = self._numbers[message.topic] = [pid for (pid,) in found]
        if not numbers:
            del self._numbers[message.topic]
            raise ConfigurationError(f"topic {message.topic} does not exist in log file {self._file.path}")
        return numbers[zlib.crc32(message.key or b"") % len(numbers)]

    def _forget(self, now_s: float) -> None:
        """Delete old records; the messages of this call are safe already, so an error here is no error of the send."""
        try:
            deleted = forget_read(self._file, before_s=now_s - self._retention_s)
        except MonitorError as err:
            log.warning("old_records_kept", error=str(err))
            return
        if deleted:
            log.info("old_records_deleted", records=deleted)
        if deleted >= FORGET_RECORDS:
            self._forget_due_s = now_s + 1.0  # there is more


def forget_read(file: LogFile, *, before_s: float) -> int:
    """Delete records written before `before_s` that every group has read; returns how many.

    A group that stopped reading for good keeps its records for ever, as it may come back. Space is used again by new
    records; the file itself does not shrink.
    """
    deleted = 0
    with file.writing() as connection:
        for pid, first, read in connection.execute(
            "SELECT p.pid, p.first_offset, COALESCE(MIN(o.next), p.next_offset) FROM partitions p"
            " LEFT JOIN offsets o ON o.pid = p.pid GROUP BY p.pid"
        ).fetchall():
            last = min(read, first + FORGET_RECORDS)
            (kept,) = connection.execute(
                "SELECT MIN(id) FROM records WHERE id >= ? AND id < ? AND written_at >= ?",
                (row_id(pid, first), row_id(pid, last), before_s),
            ).fetchone()
            if kept is not None:
                last = kept & MAX_OFFSET
            connection.execute("DELETE FROM records WHERE id >= ? AND id < ?", (row_id(pid, first), row_id(pid, last)))
            connection.execute("UPDATE partitions SET first_offset = ? WHERE pid = ?", (last, pid))
            deleted += last - first
    return deleted
