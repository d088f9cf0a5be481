"""Whether what was noted as counted was: samples taken all the while, held against the bus at the end."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select

from monitor.app.clock import utc_now
from monitor.domain import Partition
from monitor.errors import TransientError
from monitor.ports import Broker
from monitor.store import Store
from monitor.store.schema import evidence
from pipelines import wire
from tests.faults.world import World
from tests.integration.waiting import wait_for

EVERY_S = 0.3


@dataclass(frozen=True, slots=True)
class Sample:
    """One look from outside; what was counted by then stands in `Claims.seen`, and is asked for after `noted`."""

    noted: datetime | None  # up to when all is counted, as the database has it
    ends: Mapping[Partition, int]  # of the documents topic
    taken_at: datetime  # after the ends


@dataclass(slots=True)
class Claims:
    """What a world says of itself while things are done to it."""

    world: World
    samples: list[Sample] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict)  #: By id of a document the sample by which it was counted.

    @contextmanager
    def sampled(self, seconds: float) -> Iterator[None]:
        """Look all the while; then wait until all that had come is noted as counted."""
        stop = threading.Event()
        with self.world.store() as store, self.world.broker() as broker:
            looking = threading.Thread(target=self._look_on, args=(stop, store, broker))
            looking.start()
            try:
                yield
                last = utc_now()
                wait_for(lambda: (store.counted_until() or last) > last, seconds=seconds)
            finally:
                stop.set()
                looking.join()
            self._look(store, broker)

    def judge(self) -> tuple[int, list[str]]:
        """How many statements there were, and those that were wrong."""
        ids = self._ids()
        made, wrong = 0, []
        for number, later in enumerate(self.samples):
            covered = [each for each in self.samples if later.noted is not None and each.taken_at <= later.noted]
            if not covered:
                continue
            made += 1
            came = (name for partition, end in covered[-1].ends.items() for name in ids.get(partition, [])[:end])
            if missing := sum(self.seen.get(name, len(self.samples)) > number for name in came):
                wrong.append(f"{later.noted} was noted, and {missing} of before {covered[-1].taken_at} not counted")
        return made, wrong

    def _look_on(self, stop: threading.Event, store: Store, broker: Broker) -> None:
        while not stop.wait(EVERY_S):
            try:
                self._look(store, broker)
            except TransientError:
                continue  # whatever is away comes back

    def _look(self, store: Store, broker: Broker) -> None:
        noted = store.counted_until()
        with store._database.read() as tx:
            for name in tx.execute(select(evidence.c.document_id)).scalars():
                self.seen.setdefault(name, len(self.samples))
        self.samples.append(Sample(noted, broker.end_offsets([self.world.topics.documents]), utc_now()))

    def _ids(self) -> dict[Partition, list[str]]:
        """Ids of the documents on the bus, by partition, in the order of their offsets."""
        found: dict[Partition, list[str]] = {}
        with self.world.broker() as broker:
            for record in broker.scan(self.world.topics.documents):
                found.setdefault(record.origin, []).append(wire.decode_document(record.value).id)
        return found
