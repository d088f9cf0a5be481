"""The bus: producers, consumers, brokers; Kafka and the embedded log are two of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from monitor.domain import (
    Message,
    Partition,
    Record,
)

Clock = Callable[[], datetime]
"""Returns the present instant, UTC. Only `monitor/app` makes one."""


class Producer(Protocol):
    """Writes to the bus."""

    def send(self, messages: Sequence[Message]) -> None:
        """Return once every message is acknowledged by all in-sync replicas (or fsynced).

        Raises `TransientError` when any was not; the caller sends all of them again (ids make that harmless).
        """

    def close(self) -> None:
        """Release the connection; never raises."""


StartPositions = Callable[[Collection[Partition]], Mapping[Partition, int]]
"""Asked after each assignment: the offsets to start from; a partition left out starts at its committed offset."""


class Consumer(Protocol):
    """A member of a consumer group: reads the partitions assigned to it, at least once."""

    def poll(self, timeout_s: float) -> Sequence[Record]:
        """Return what is ready within `timeout_s`, in offset order per partition; empty: nothing came."""

    def commit(self, next_offsets: Mapping[Partition, int]) -> None:
        """Store `next_offsets` (the offset after the last finished record) for the group.

        Raises `FencedError` when a partition belongs to another member by now.
        """

    def rewind(self) -> None:
        """Forget what was polled but not committed: seek every assigned partition to its start position again."""

    def idle(self, wait_s: float) -> None:
        """Stay a member of the group for `wait_s` without taking records: the way to back off."""

    def lag(self) -> Mapping[Partition, int]:
        """Records between the group's position and the end, for each assigned partition."""

    def close(self) -> None:
        """Leave the group; never raises."""


class Broker(Protocol):
    """Kafka or the embedded log: one contract, one suite."""

    def ensure_topics(self, topics: Collection[str]) -> None:
        """Create what is absent with the configured partitions and replication."""

    def producer(self) -> Producer:
        """A new producer; safe to use from one thread at a time."""

    def consumer(
        self, *, group: str, topics: Collection[str], start: StartPositions | None = None, max_records: int = 500
    ) -> Consumer:
        """A new member of `group`; a group without committed offsets starts at the earliest record."""

    def end_offsets(self, topics: Collection[str]) -> Mapping[Partition, int]:
        """The next offset to be written in each partition."""

    def first_offsets(self, topics: Collection[str]) -> Mapping[Partition, int]:
        """The offset of the first record that is kept in each partition; its end where none is."""

    def committed_offsets(self, group: str, topics: Collection[str]) -> Mapping[Partition, int]:
        """What members of `group` committed; joins no group.

        A partition without a commit is left out, or stands at the first record that was kept when they came.
        """

    def scan(self, topic: str) -> Iterator[Record]:
        """What `topic` keeps up to its present end, in offset order per partition; joins no group, changes nothing."""

    def empty(self, records: Sequence[Record]) -> bool:
        """Take key and value out of `records` where they stand; False: this bus cannot, and keeps them for a while."""

    def keeps_for(self, topic: str) -> timedelta | None:
        """How long a record of `topic` is kept at the least; None: for ever."""

    def close(self) -> None:
        """Release everything; never raises."""
