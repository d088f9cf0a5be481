"""A member of a Kafka consumer group.

The client runs its I/O, heartbeats and rebalance callbacks in a thread of its own. The callbacks here only note what
was assigned; positions are set in `poll`, in the caller's thread, where a database may be asked.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue

import kafka
import kafka.errors as ke
from kafka.structs import OffsetAndMetadata, TopicPartition

from monitor.domain import Partition, Record
from monitor.errors import ConfigurationError, FencedError
from monitor.ports import StartPositions
from pipelines.brokers.kafka_errors import Client, translated

COMMIT_TIMEOUT_MS = 15_000
CLOSE_TIMEOUT_MS = 5_000


class _Noted(kafka.ConsumerRebalanceListener):  # type: ignore[misc] # the library ships no types
    """Passes assignments from the client's thread to the caller's."""

    def __init__(self) -> None:
        self._assigned: SimpleQueue[frozenset[TopicPartition]] = SimpleQueue()

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Called in the client's I/O thread."""
        self._assigned.put(frozenset(assigned))

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Nothing to do: what is not committed comes again at the new owner."""

    def take(self) -> set[TopicPartition]:
        """Everything assigned since the last call."""
        taken: set[TopicPartition] = set()
        with suppress(Empty):
            while True:
                taken |= self._assigned.get_nowait()
        return taken


class KafkaBusConsumer:
    """A member of a consumer group; every method from one thread."""

    def __init__(self, client: Client, *, topics: Collection[str], start: StartPositions | None) -> None:
        self._client = client
        self._start = start
        self._noted = _Noted()
        self._stale: set[TopicPartition] = set()  #: To be set to their start position before they are read.
        self._moved: set[TopicPartition] = set()  #: Assigned anew while a batch was in hand.
        self._done: dict[TopicPartition, int] = {}  #: Next offsets of the group, as far as this member knows.
        client.subscribe(topics=sorted(topics), listener=self._noted)

    def poll(self, timeout_s: float) -> Sequence[Record]:
        """Return what is ready within `timeout_s`."""
        deadline_s = time.monotonic() + timeout_s
        self._moved.clear()
        while True:
            self._settle()
            remaining_s = max(0.0, deadline_s - time.monotonic())
            found = self._fetch(remaining_s)
            # Records of a partition that still has to be set to its start were read at the wrong place.
            good = {tp: records for tp, records in found.items() if tp not in self._stale}
            if good or time.monotonic() >= deadline_s:
                break
        for tp, records in good.items():
            self._done.setdefault(tp, records[0].offset)
        return [to_record(raw) for records in good.values() for raw in records]

    def commit(self, next_offsets: Mapping[Partition, int]) -> None:
        """Store `next_offsets` for the group; `FencedError` when a partition is another member's by now."""
        offsets = {TopicPartition(part.topic, part.index): offset for part, offset in next_offsets.items()}
        # The broker takes any offset from any member; whose partition it is only the member can tell.
        lost = offsets.keys() - self._client.assignment()
        if lost:
            raise FencedError(f"no longer assigned: {', '.join(f'{tp.topic}/{tp.partition}' for tp in sorted(lost))}")
        with translated("commit"):
            self._client.commit(
                {tp: OffsetAndMetadata(offset, "", -1) for tp, offset in offsets.items()}, timeout_ms=COMMIT_TIMEOUT_MS
            )
        self._done.update(offsets)
        for tp in self._moved & offsets.keys():
            # A rebalance in the middle of the batch put the position back before the batch.
            self._seek(tp, offsets[tp])

    def rewind(self) -> None:
        """Read again from the start positions, at the next poll."""
        self._note_assigned()
        self._stale |= self._client.assignment()

    def idle(self, wait_s: float) -> None:
        """Stay in the group for `wait_s`; polls with every partition paused."""
        deadline_s = time.monotonic() + wait_s
        try:
            while (remaining_s := deadline_s - time.monotonic()) > 0:
                self._client.pause(*self._client.assignment())
                # Whatever slips through was assigned just now; it is put back by setting its position anew.
                self._stale |= self._fetch(min(remaining_s, 1.0)).keys()
        finally:
            self._client.resume(*self._client.paused())

    def lag(self) -> Mapping[Partition, int]:
        """Records between the group's position and the end, for each assigned partition."""
        assigned = self._client.assignment()
        if not assigned:
            return {}
        with translated("read the lag"):
            ends = self._client.end_offsets(sorted(assigned))
            return {to_partition(tp): max(0, end - self._group_position(tp, end)) for tp, end in ends.items()}

    def close(self) -> None:
        """Leave the group."""
        with suppress(ke.KafkaError):
            self._client.close(autocommit=False, timeout_ms=CLOSE_TIMEOUT_MS)

    def _fetch(self, timeout_s: float) -> Mapping[TopicPartition, Sequence[Client]]:
        with translated("poll"):
            found: Mapping[TopicPartition, Sequence[Client]] = self._client.poll(timeout_ms=int(timeout_s * 1000))
        self._note_assigned()
        return found

    def _note_assigned(self) -> None:
        assigned = self._noted.take()
        for tp in assigned:
            self._done.pop(tp, None)
        self._moved |= assigned
        if self._start is not None:
            self._stale |= assigned

    def _settle(self) -> None:
        """Set every stale partition that is still assigned to its start position."""
        wanted = self._stale & self._client.assignment()
        if wanted:
            starts = self._start({to_partition(tp) for tp in wanted}) if self._start else {}
            self._refuse_unwritten(starts)
            for tp in sorted(wanted):
                self._done.pop(tp, None)
                offset = starts.get(to_partition(tp))
                self._seek(tp, self._committed(tp) if offset is None else offset)
        # Only now: when the start positions could not be had, they are asked for again.
        self._stale.clear()

    def _refuse_unwritten(self, starts: Mapping[Partition, int]) -> None:
        """A place that was never written was read in another topic: what comes before it would be fenced for ever."""
        if not starts:
            return
        with translated("read end offsets"):
            ends = self._client.end_offsets([TopicPartition(part.topic, part.index) for part in starts])
        for tp, end in ends.items():
            if (start := starts[to_partition(tp)]) > end:
                raise ConfigurationError(
                    f"Kafka: {tp.topic}/{tp.partition} ends at {end}, but was read up to {start}: it was lost or made "
                    "anew; run: tapewatch db forget-offsets"
                )

    def _committed(self, tp: TopicPartition) -> int | None:
        with translated("read the committed offset"):
            committed: int | None = self._client.committed(tp, timeout_ms=COMMIT_TIMEOUT_MS)
        return committed

    def _seek(self, tp: TopicPartition, offset: int | None) -> None:
        with suppress(ValueError):  # the partition went to another member in this moment
            if offset is None:
                self._client.seek_to_beginning(tp)
            else:
                self._client.seek(tp, offset)

    def _group_position(self, tp: TopicPartition, end: int) -> int:
        known = self._done.get(tp)
        if known is not None:
            return known
        try:
            position: int | None = self._client.position(tp, timeout_ms=1000)
        except ke.IllegalStateError:  # the partition went to another member in this moment
            return end
        return end if position is None else position


def to_record(raw: Client) -> Record:
    """Kafka's record as ours."""
    # A value of None is Kafka's tombstone; for us it is an empty record, which the stage refuses.
    return Record(topic=raw.topic, partition=raw.partition, offset=raw.offset, key=raw.key, value=raw.value or b"")


def to_partition(tp: TopicPartition) -> Partition:
    """Kafka's name of a partition as ours."""
    return Partition(topic=tp.topic, index=tp.partition)
