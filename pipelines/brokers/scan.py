"""Look through a topic from its earliest record to the end as it is now: no group is joined, nothing is committed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from monitor.domain import Partition, Record
from monitor.errors import TransientError
from pipelines.brokers.local_file import MAX_OFFSET, LogFile, row_id

if TYPE_CHECKING:
    from pipelines.brokers.kafka_reader import KafkaTopicReader

AT_ONCE = 500
POLL_S = 1.0
PATIENCE = 15  #: Polls without a record after which the broker is thought to be away.


def scan_local(file: LogFile, topic: str) -> Iterator[Record]:
    """Every record of `topic` in the log, partition after partition, a page at a time: writers do not wait."""
    with file.reading() as connection:
        query = "SELECT pid, idx, next_offset FROM partitions WHERE topic = ? ORDER BY idx"
        partitions = connection.execute(query, (topic,)).fetchall()
    for pid, index, end in partitions:
        at, last = row_id(pid, 0), row_id(pid, end)
        while rows := _page(file, at, last):
            for number, key, value in rows:
                yield Record(topic=topic, partition=index, offset=number & MAX_OFFSET, key=key, value=value)
            at = rows[-1][0] + 1


def scan_kafka(reader: KafkaTopicReader, topic: str, ends: Mapping[Partition, int]) -> Iterator[Record]:
    """Every record of `topic` before `ends`; the reader is closed at the end.

    Raises `TransientError` when the broker stops answering before the end is reached.
    """
    try:
        at = reader.start(None, first="earliest")
        left = {part.index: end for part, end in ends.items() if part.topic == topic and at.get(part.index, end) < end}
        silent = 0
        while left:
            records = reader.poll(POLL_S)
            silent = 0 if records else silent + 1
            if silent >= PATIENCE:
                raise TransientError(f"Kafka: topic {topic} was read in part, then nothing more came")
            for record in records:
                end = left.get(record.partition, 0)
                if record.offset < end:
                    yield record
                if record.offset >= end - 1:
                    left.pop(record.partition, None)
    finally:
        reader.close()


def _page(file: LogFile, first: int, last: int) -> list[tuple[int, bytes | None, bytes]]:
    with file.reading() as connection:
        query = "SELECT id, key, value FROM records WHERE id >= ? AND id < ? ORDER BY id LIMIT ?"
        return connection.execute(query, (first, last, AT_ONCE)).fetchall()
