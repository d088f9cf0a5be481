"""Whether what was noted as counted was: samples taken while a test goes on, held against the bus at its end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import create_engine, select

from monitor.app.clock import utc_now
from monitor.domain import Partition
from monitor.store.schema import evidence
from pipelines import wire
from tests.faults.world import World
from tests.integration.waiting import wait_for


@dataclass(frozen=True, slots=True)
class Sample:
    """One look from outside; the order of its questions is that of the fields."""

    noted: datetime | None  # up to when all is counted, as the database has it
    counted: frozenset[str]  # ids of documents
    ends: Mapping[Partition, int]  # of the documents topic
    taken_at: datetime


@dataclass(slots=True)
class Claims:
    """What a world says of itself while things are done to it."""

    world: World
    samples: list[Sample] = field(default_factory=list)

    def sample(self) -> None:
        """Look once."""
        with self.world.store() as store, self.world.broker() as broker:
            noted, counted = store.counted_until(), self._counted()
            self.samples.append(Sample(noted, counted, broker.end_offsets([self.world.topics.documents]), utc_now()))

    def wait(self, seconds: float) -> None:
        """Wait until all that the latest sample saw on the bus is noted as counted, and look once more."""
        last = self.samples[-1].taken_at
        with self.world.store() as store:
            wait_for(lambda: (store.counted_until() or last) > last, seconds=seconds)
        self.sample()

    def judge(self) -> tuple[int, list[str]]:
        """How many statements there were, and those that were wrong."""
        ids = self._ids()
        made, wrong = 0, []
        for earlier, later in self._statements():
            made += 1
            came = {name for partition, end in earlier.ends.items() for name in ids.get(partition, [])[:end]}
            if missing := came - later.counted:
                wrong.append(f"{later.noted} was noted, of {earlier.taken_at} {len(missing)} were missing")
        return made, wrong

    def _statements(self) -> Iterator[tuple[Sample, Sample]]:
        """That all of an earlier sample was counted by a later one, in its own words."""
        for later in self.samples:
            for earlier in self.samples:
                if later.noted is not None and earlier.taken_at <= later.noted:
                    yield earlier, later

    def _counted(self) -> frozenset[str]:
        engine = create_engine(self.world.settings.database.url.get_secret_value())
        with engine.connect() as tx:
            found = frozenset(tx.execute(select(evidence.c.document_id)).scalars())
        engine.dispose()
        return found

    def _ids(self) -> dict[Partition, list[str]]:
        """Ids of the documents on the bus, by partition, in the order of their offsets."""
        found: dict[Partition, list[str]] = {}
        with self.world.broker() as broker:
            for record in broker.scan(self.world.topics.documents):
                found.setdefault(record.origin, []).append(wire.decode_document(record.value).id)
        return found
