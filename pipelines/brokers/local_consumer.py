"""A member of a consumer group of the embedded log."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from threading import Event, Thread

import structlog

from monitor.domain import Partition, Record
from monitor.errors import ConfigurationError, MonitorError
from monitor.ports import Clock, StartPositions
from pipelines.brokers.local_file import MAX_OFFSET, LogFile, row_id
from pipelines.brokers.local_group import Membership

log = structlog.get_logger(__name__)

MAX_HANDLE_S = 300.0  #: A member that does not poll for so long is stuck, and its lease is no longer renewed.
MAX_POLL_BYTES = 32 * 1024 * 1024
FIRST_WAIT_S, LONGEST_WAIT_S = 0.001, 0.1  #: Between two questions whether anybody has written: longer in silence.
LOOK_EVERY_S = 0.5  #: A lease that runs out writes nothing, so without a change too it is looked after.


class LocalConsumer:
    """Polls and commits in one thread; another renews the lease while a batch is in work."""

    def __init__(
        self,
        file: LogFile,
        *,
        membership: Membership,
        clock: Clock,
        renew_every_s: float,
        start: StartPositions | None,
        max_records: int,
    ) -> None:
        self._file = file
        self._membership = membership
        self._clock = clock
        self._start = start
        self._max_records = max_records
        self._names: dict[int, Partition] = {}
        self._positions: dict[int, int] = {}  #: What to read next, of each partition that is ours.
        self._done: dict[int, int] = {}  #: The group's next offsets.
        self._first = 0  #: Rotates, so that one busy partition does not starve the others.
        self._wait_s = FIRST_WAIT_S
        self._active_s = time.monotonic()
        self._closing = Event()
        self._renewer = Thread(target=self._keep_lease, args=(renew_every_s,), name="log-lease", daemon=True)
        self._renewer.start()

    def poll(self, timeout_s: float) -> Sequence[Record]:
        """Return what is ready within `timeout_s`."""
        deadline_s = time.monotonic() + timeout_s
        seen, look_s = -1, 0.0
        while True:
            self._active_s = time.monotonic()
            version = self._file.version()
            if version != seen or self._active_s >= look_s:
                seen, look_s = version, self._active_s + LOOK_EVERY_S
                batch = self._look()
                if batch:
                    self._wait_s = FIRST_WAIT_S
                    return batch
            remaining_s = deadline_s - time.monotonic()
            if remaining_s <= 0:
                return []
            self._closing.wait(min(self._wait_s, remaining_s))
            self._wait_s = min(LONGEST_WAIT_S, self._wait_s * 2)

    def commit(self, next_offsets: Mapping[Partition, int]) -> None:
        """Store `next_offsets`; `FencedError` when a partition is another member's by now."""
        numbers = {name: pid for pid, name in self._names.items()}
        # A partition that this member never read has no number here; -1 is nobody's, hence fenced.
        offsets = {numbers.get(partition, -1): offset for partition, offset in next_offsets.items()}
        self._membership.commit(offsets)
        self._done.update(offsets)

    def rewind(self) -> None:
        """Read again from the start positions, at the next poll."""
        self._positions.clear()

    def idle(self, wait_s: float) -> None:
        """Stay in the group for `wait_s`: the lease is renewed meanwhile."""
        self._active_s = time.monotonic()
        self._closing.wait(wait_s)
        self._active_s = time.monotonic()

    def lag(self) -> Mapping[Partition, int]:
        """Records between the group's position and the end, for each assigned partition."""
        with self._file.reading() as connection:
            ends = dict(connection.execute("SELECT pid, next_offset FROM partitions").fetchall())
        return {self._names[pid]: max(0, ends[pid] - self._done[pid]) for pid in self._positions}

    def close(self) -> None:
        """Leave the group."""
        self._closing.set()
        self._renewer.join()
        try:
            self._membership.leave()
        except MonitorError as err:
            log.warning("group_not_left", error=str(err))  # the lease runs out by itself

    def _look(self) -> list[Record]:
        try:
            self._follow(self._membership.refresh(self._now_s()))
            return self._read()
        except BaseException:
            # Positions may have moved past records that are not handed over; they must come again.
            self._positions.clear()
            raise

    def _follow(self, owned: frozenset[int]) -> None:
        """Drop what is no longer ours, and find where to start in what is new."""
        for pid in self._positions.keys() - owned:
            del self._positions[pid]
        new = owned - self._positions.keys()
        if not new:
            return
        self._learn_names()
        starts = self._start({self._names[pid] for pid in new}) if self._start else {}
        committed = self._membership.committed()
        positions = {pid: starts.get(self._names[pid], committed.get(pid, 0)) for pid in new}
        self._refuse_unwritten(positions)
        self._positions.update(positions)
        self._done.update(positions)

    def _refuse_unwritten(self, positions: Mapping[int, int]) -> None:
        """A place that was never written was read in another file: what comes here before it would never be read."""
        with self._file.reading() as connection:
            ends = dict(connection.execute("SELECT pid, next_offset FROM partitions").fetchall())
        for pid, position in positions.items():
            if position > ends[pid]:
                name = self._names[pid]
                raise ConfigurationError(
                    f"log file {self._file.path}: {name.topic}/{name.index} ends at {ends[pid]}, but was read up to "
                    f"{position}: it was lost or replaced; put it back, or run: tapewatch db forget-offsets"
                )

    def _learn_names(self) -> None:
        with self._file.reading() as connection:
            rows = connection.execute("SELECT pid, topic, idx FROM partitions").fetchall()
        self._names = {pid: Partition(topic=topic, index=index) for pid, topic, index in rows}

    def _read(self) -> list[Record]:
        """The next records: of each partition in turn, until the batch is full."""
        order = sorted(self._positions)
        self._first += 1
        batch: list[Record] = []
        size = 0
        for place in range(len(order)):
            if len(batch) >= self._max_records or size >= MAX_POLL_BYTES:
                break
            found = self._read_partition(order[(place + self._first) % len(order)], len(batch), size)
            batch += found
            size += sum(len(record.value) for record in found)
        return batch

    def _read_partition(self, pid: int, taken: int, size: int) -> list[Record]:
        name, found = self._names[pid], []
        with self._file.translated():
            rows = self._file.connection.execute(
                "SELECT id, key, value FROM records WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?",
                (row_id(pid, self._positions[pid]), row_id(pid, MAX_OFFSET), self._max_records - taken),
            )
            for number, key, value in rows:
                offset = number & MAX_OFFSET
                found.append(Record(topic=name.topic, partition=name.index, offset=offset, key=key, value=value))
                self._positions[pid] = offset + 1
                size += len(value)
                if size >= MAX_POLL_BYTES:
                    break
            rows.close()  # an open cursor would hold back the checkpoint
        return found

    def _keep_lease(self, every_s: float) -> None:
        try:
            while not self._closing.wait(every_s):
                if time.monotonic() - self._active_s < MAX_HANDLE_S:
                    self._renew()
        finally:
            self._file.release()

    def _renew(self) -> None:
        try:
            self._membership.renew(self._now_s())
        except MonitorError as err:
            log.warning("lease_not_renewed", error=str(err))

    def _now_s(self) -> float:
        return self._clock().timestamp()
