"""Replay: documents pass every stage in order, a chunk at a time, and a replay that was stopped goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from monitor.domain import Partition, Record, SourceClass
from pipelines.replay import Line, Place, Replay
from pipelines.sources.base import RawItem

T0 = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
PARTITION = Partition(topic="t", index=0)


class Stream:
    """A topic with its consumer; it may take some looks until its partition is ours."""

    def __init__(self, *, foreign_for: int = 0) -> None:
        self.records: list[Record] = []
        self.done = 0
        self.read = 0
        self.waits = 0
        self._foreign_for = foreign_for

    def put(self, value: bytes) -> None:
        self.records.append(Record(topic="t", partition=0, offset=len(self.records), key=None, value=value))

    def poll(self, timeout_s: float) -> Sequence[Record]:
        if self._foreign_for:
            return []
        batch = self.records[self.read : self.read + 2]
        self.read += len(batch)
        return batch

    def commit(self, next_offsets: Mapping[Partition, int]) -> None:
        self.done = next_offsets[PARTITION]

    def rewind(self) -> None:
        """Not used."""

    def idle(self, wait_s: float) -> None:
        self.waits += 1
        self._foreign_for -= 1

    def lag(self) -> Mapping[Partition, int]:
        return {} if self._foreign_for else {PARTITION: len(self.records) - self.done}

    def close(self) -> None:
        """Nothing to release."""


class Copy:
    """A stage that hands on what it gets."""

    name = "copy"

    def __init__(self, journal: list[str], onto: Stream | None = None) -> None:
        self._journal = journal
        self._onto = onto

    def handle(self, batch: Sequence[Record], now: datetime) -> None:
        for record in batch:
            self._journal.append(f"{'pass' if self._onto else 'count'} {record.value.decode()}")
            if self._onto:
                self._onto.put(record.value)


class World:
    """Two stages behind a door that refuses what is called bad."""

    def __init__(self, *, foreign_for: int = 0) -> None:
        self.journal: list[str] = []
        self.documents, self.labels = Stream(foreign_for=foreign_for), Stream()
        lines = (
            Line(stage=Copy(self.journal, self.labels), consumer=self.documents),
            Line(stage=Copy(self.journal), consumer=self.labels),
        )
        self.replay = Replay(submit=self.submit, lines=lines, chunk=3)

    def submit(self, items: Sequence[RawItem], now: datetime) -> int:
        good = [item for item in items if item.raw != b"bad"]
        for item in good:
            self.documents.put(item.raw)
        return len(items) - len(good)


def items(*names: str) -> list[RawItem]:
    """One item a name."""
    return [RawItem(source="w", source_class=SourceClass.NEWS, raw=name.encode(), published_at=T0) for name in names]


def test_every_document_passes_every_stage_before_its_chunk_is_done() -> None:
    """What is said to be done is counted: a replay that goes on from there misses nothing."""
    world = World()
    counted = [
        (place, sum(line.startswith("count") for line in world.journal))
        for place in world.replay.run(items("a", "b", "c", "d"), now=T0 + timedelta(days=9))
    ]

    assert counted == [(Place(documents=3), 3), (Place(documents=4), 4)]
    assert [line for line in world.journal if line.startswith("count")] == ["count a", "count b", "count c", "count d"]


def test_what_ingest_refuses_is_counted_and_stops_nothing() -> None:
    """A bad line in a year of documents."""
    places = list(World().replay.run(items("bad", "b", "c", "bad"), now=T0))

    assert places[-1] == Place(documents=4, refused=2)


def test_a_replay_goes_on_after_the_chunks_that_are_done() -> None:
    """Those before are not even submitted again."""
    world = World()

    places = list(world.replay.run(items("a", "b", "c", "d"), now=T0, start=Place(documents=3, refused=1)))

    assert places == [Place(documents=4, refused=1)]
    assert world.journal == ["pass d", "count d"]


def test_a_partition_that_a_killed_replay_still_holds_is_waited_for() -> None:
    """An empty look at it does not mean that there is nothing to do."""
    world = World(foreign_for=3)

    list(world.replay.run(items("a"), now=T0))

    assert world.documents.waits == 3
    assert world.journal == ["pass a", "count a"]


def test_nothing_to_replay_is_no_error() -> None:
    """Whoever calls says it better."""
    assert list(World().replay.run([], now=T0)) == []
