"""Consumer offsets, stored with what was counted: the fence that keeps a stale worker from counting twice.

Each function runs inside the transaction that counts.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select, update

from monitor.domain import Partition
from monitor.errors import FencedError
from monitor.ports import OffsetSpan
from monitor.store.bulk import Row, add_rows
from monitor.store.schema import offsets
from monitor.store.values import from_micros_or_none, to_micros


def advance(tx: Connection, group: str, spans: Mapping[Partition, OffsetSpan]) -> None:
    """Move each partition from where it stands to the end of its span, or raise `FencedError`.

    The consumer was positioned at the stored offset when it got the partition. So a stored offset beyond the span's
    first record means that somebody else has counted these records since: a worker that took the partition over, or
    this one, in a transaction whose answer was lost. A stored offset before the first record is fine: Kafka leaves
    out control records, compacted and expired ones, so offsets have gaps. The row is locked by the read and written by
    compare-and-set on the value read; the partitions go in order, so two workers cannot wait for each other.
    """
    for partition in sorted(spans):
        _advance(tx, group, partition, spans[partition])


def _advance(tx: Connection, group: str, partition: Partition, span: OffsetSpan) -> None:
    row = _row(group, partition)
    held = tx.execute(select(offsets.c.next_offset).where(row).with_for_update()).scalar_one_or_none()
    if held is None:
        moved = add_rows(tx, offsets, [_first_row(group, partition, span)])  # 0: another worker was first
    elif held <= span.first:
        change = update(offsets).where(row, offsets.c.next_offset == held).values(next_offset=span.next)
        moved = tx.execute(change).rowcount
    else:
        moved = 0
    if moved != 1:
        raise FencedError(
            f"{partition.topic}/{partition.index}: records from {span.first} on were counted by another worker"
        )


def raise_watermark(tx: Connection, group: str, partitions: Collection[Partition], latest: datetime) -> None:
    """Remember in the rows of `partitions` that a document published at `latest` was counted.

    There, and not in one row for all, so that workers on different partitions never wait for each other.
    """
    micros = to_micros(latest)
    older = or_(offsets.c.watermark_at.is_(None), offsets.c.watermark_at < micros)
    for partition in sorted(partitions):
        tx.execute(update(offsets).where(_row(group, partition), older).values(watermark_at=micros))


def read_watermark(tx: Connection) -> datetime | None:
    """The latest `published_at` counted, over all partitions; None before the first."""
    return from_micros_or_none(tx.execute(select(func.max(offsets.c.watermark_at))).scalar_one())


def read_positions(tx: Connection, group: str, partitions: Collection[Partition]) -> Mapping[Partition, int]:
    """Stored next offsets of `partitions`."""
    rows = tx.execute(select(offsets).where(offsets.c.consumer_group == group))
    held = {Partition(topic=row.topic, index=row.partition_index): row.next_offset for row in rows}
    return {partition: held[partition] for partition in partitions if partition in held}


def _row(group: str, partition: Partition) -> ColumnElement[bool]:
    return and_(
        offsets.c.consumer_group == group,
        offsets.c.topic == partition.topic,
        offsets.c.partition_index == partition.index,
    )


def _first_row(group: str, partition: Partition, span: OffsetSpan) -> Row:
    return {
        "consumer_group": group,
        "topic": partition.topic,
        "partition_index": partition.index,
        "next_offset": span.next,
        "watermark_at": None,
    }
