"""Up to when everything is counted: never claimed too early, and known at once where nothing waits."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.domain import Partition
from monitor.errors import TransientError
from monitor.ports import Broker
from pipelines import backlog
from pipelines.backlog import Backlog
from pipelines.topics import Topics

TOPICS = Topics(prefix="t")
T0 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
PARTITIONS = 2


def part(topic: str, index: int) -> Partition:
    """A short name."""
    return Partition(topic=topic, index=index)


class World:
    """A bus of two topics, and two stages that work when they are told to. A document is the instant when it came."""

    def __init__(self) -> None:
        self.now = T0
        self.documents: list[list[datetime]] = [[] for _ in range(PARTITIONS)]
        self.labels: list[list[datetime]] = [[] for _ in range(PARTITIONS)]
        self.read, self.committed = [0] * PARTITIONS, [0] * PARTITIONS
        self.counted: dict[int, int] = {}
        self.kafka_counted = [0] * PARTITIONS  # what the aggregate stage committed on the bus
        self.first = {TOPICS.documents: [0] * PARTITIONS, TOPICS.labels: [0] * PARTITIONS}
        self.fails = False
        self.first_asked = 0
        self.backlog = Backlog(cast("Broker", self), self.positions, topics=TOPICS)

    def tick(self) -> None:
        self.now += SECOND

    def come(self, index: int) -> None:
        self.documents[index].append(self.now)

    def classify(self, index: int, count: int) -> None:
        """Read some; every third is a dead letter, the others become labels on any partition."""
        for place in range(self.read[index], min(self.read[index] + count, len(self.documents[index]))):
            if place % 3:
                self.labels[(place + index) % PARTITIONS].append(self.documents[index][place])
            self.read[index] = place + 1

    def commit(self, index: int) -> None:
        self.committed[index] = self.read[index]

    def count(self, index: int, count: int) -> None:
        self.counted[index] = min(self.counted.get(index, 0) + count, len(self.labels[index]))

    def is_missing(self, until: datetime) -> bool:
        """Whether anything that came before `until` is not worked off."""
        unread = [at for index in range(PARTITIONS) for at in self.documents[index][self.read[index] :]]
        uncounted = [at for index in range(PARTITIONS) for at in self.labels[index][self.counted.get(index, 0) :]]
        return any(at < until for at in (*unread, *uncounted))

    def look(self) -> datetime | None:
        return self.backlog.look(self.now)

    # what a broker is asked

    def end_offsets(self, topics: Collection[str]) -> Mapping[Partition, int]:
        if self.fails:
            raise TransientError("away")
        held = {TOPICS.documents: self.documents, TOPICS.labels: self.labels}
        return {part(topic, index): len(rows) for topic in topics for index, rows in enumerate(held[topic])}

    def first_offsets(self, topics: Collection[str]) -> Mapping[Partition, int]:
        self.first_asked += 1
        return {part(topic, index): first for topic in topics for index, first in enumerate(self.first[topic])}

    def committed_offsets(self, group: str, topics: Collection[str]) -> Mapping[Partition, int]:
        held = {TOPICS.group("classify"): self.committed, TOPICS.group("aggregate"): self.kafka_counted}[group]
        (topic,) = topics
        return {part(topic, index): offset for index, offset in enumerate(held) if offset}

    def positions(self, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        return {p: self.counted[p.index] for p in partitions if p.index in self.counted}


INDEX = st.integers(0, PARTITIONS - 1)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("come"), INDEX),
        st.tuples(st.just("classify"), INDEX, st.integers(1, 4)),
        st.tuples(st.just("commit"), INDEX),
        st.tuples(st.just("count"), INDEX, st.integers(1, 4)),
        st.tuples(st.just("tick")),
        st.tuples(st.just("look")),
    ),
    max_size=80,
)


@given(STEPS)
def test_nothing_is_claimed_that_is_not_counted_and_what_is_done_is_seen(steps: list[tuple[Any, ...]]) -> None:
    """Whatever the stages do, in whatever order: no alert is judged on counts from which something is missing."""
    world = World()
    before: datetime | None = None
    for name, *given_ in steps:
        found = getattr(world, name)(*given_)
        if name == "look" and found is not None:
            assert not world.is_missing(found)
            assert before is None or found >= before
            before = found
    for index in range(PARTITIONS):
        world.classify(index, 100)
        world.commit(index)
    for index in range(PARTITIONS):
        world.count(index, 100)
    world.tick()
    assert world.look() == world.now


def test_a_steady_stream_is_seen_to_move(world: World) -> None:
    """There is always something on the way; what was there two looks ago is counted."""
    for _ in range(20):
        world.come(0)
        world.come(1)
        found = world.look()
        for index in range(PARTITIONS):
            world.count(index, 1)
            world.classify(index, 1)
            world.commit(index)
        world.tick()
    assert found is not None
    assert world.now - 4 * SECOND <= found < world.now - SECOND


def test_a_stage_that_stands_still_holds_the_instant(world: World) -> None:
    """And once it has caught up the instant is now."""
    assert world.look() == T0
    for _ in range(5):
        world.tick()
        world.come(0)
    world.tick()
    assert world.look() == T0
    world.classify(0, 9)
    world.tick()
    assert world.look() == T0, "labels are on the bus, the commit is not: a killed worker would do it again"
    world.commit(0)
    assert world.look() == T0, "read, not counted"
    for index in range(PARTITIONS):
        world.count(index, 9)
    assert world.look() == world.now


def test_nothing_is_known_before_a_first_mark_is_passed(world: World) -> None:
    """A monitor that was started over a backlog."""
    world.come(0)
    assert world.look() is None
    world.tick()
    assert world.look() is None


def test_what_retention_deleted_is_waited_for_by_nobody(world: World) -> None:
    """Stages that were down for longer than records are kept."""
    for _ in range(4):
        world.come(0)
    world.labels[1] = [T0] * 3
    assert world.look() is None
    world.first = {TOPICS.documents: [4, 0], TOPICS.labels: [0, 3]}
    world.tick()
    assert world.look() == world.now


def test_a_look_over_many_marks_asks_the_broker_no_more(world: World) -> None:
    """A broker that is behind is not to be asked a thousand things every five seconds."""
    for _ in range(50):
        world.come(0)
        world.tick()
        world.look()
    before = world.first_asked
    world.look()
    assert world.first_asked - before <= 2


def test_a_partition_without_a_row_stands_where_the_stage_would_start(world: World) -> None:
    """A database that was made anew under a bus that had been read: those labels are never counted again."""
    world.labels[0] = [T0] * 3
    world.kafka_counted[0] = 3
    assert world.look() == T0
    world.counted[0] = 1  # a backup that was restored is what counts
    world.tick()
    assert world.look() == T0


def test_an_error_costs_no_mark(world: World) -> None:
    """The broker went away in the middle of a backlog and came back."""
    world.come(0)
    world.look()
    world.tick()
    world.fails = True
    with pytest.raises(TransientError):
        world.look()
    world.fails = False
    world.classify(0, 1)
    world.commit(0)
    assert world.look() == world.now


def test_marks_of_days_take_little_room(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stage that is down for a week must not fill the memory of another; the answer gets coarser."""
    monkeypatch.setattr(backlog, "MOST_MARKS", 8)
    world.come(0)
    for _ in range(500):
        world.tick()
        world.look()
        world.come(0)
    assert len(world.backlog._marks) <= 8
    world.classify(0, 400)
    world.commit(0)
    for index in range(PARTITIONS):
        world.count(index, 400)
    world.tick()
    found = world.look()
    assert found is not None
    assert not world.is_missing(found)
    assert found > T0


@pytest.fixture
def world() -> World:
    """Nothing has happened yet."""
    return World()
