"""The bus: one suite over the embedded log and a real Kafka."""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from kafka.structs import TopicPartition

from monitor.domain import Message, Partition, Record
from monitor.errors import FencedError, TransientError
from monitor.ports import Broker, Consumer
from pipelines.brokers.kafka import KafkaBroker
from pipelines.brokers.local import LocalBroker, forget_read
from pipelines.stage import next_offsets
from tests.fixtures.bus import PARTITIONS, Bus, messages, numbers, take, wait_until
from tests.fixtures.processes import started

pytestmark = pytest.mark.timeout(120)


class Readers:
    """Makes consumers and closes them all."""

    def __init__(self, broker: Broker, topic: str) -> None:
        self._broker, self._topic = broker, topic
        self._made: list[Consumer] = []
        self.group = f"g-{uuid.uuid4().hex[:12]}"

    def __call__(self, **options: object) -> Consumer:
        made = self._broker.consumer(group=self.group, topics=[self._topic], **options)  # type: ignore[arg-type]
        self._made.append(made)
        return made

    def close(self) -> None:
        for consumer in self._made:
            consumer.close()


@pytest.fixture
def reader(broker: Broker, topic: str) -> Iterator[Readers]:
    """New members of one group."""
    readers = Readers(broker, topic)
    yield readers
    readers.close()


def send(broker: Broker, batch: Sequence[Message]) -> None:
    """Send `batch` and wait for its acknowledgement."""
    producer = broker.producer()
    producer.send(batch)
    producer.close()


def test_topics_are_created_once(broker: Broker, topic: str) -> None:
    """Every worker ensures the topics at its start; the second must find them, not fail."""
    broker.ensure_topics([topic])
    assert broker.end_offsets([topic]) == {Partition(topic=topic, index=i): 0 for i in range(PARTITIONS)}


def test_records_of_one_key_keep_their_order(broker: Broker, topic: str, reader: Readers) -> None:
    """Corrections follow what they correct."""
    send(broker, messages(topic, 300))
    send(broker, messages(topic, 300, start=300))
    taken = take(reader(), 600)
    assert sorted(numbers(taken)) == list(range(600))
    for key in {record.key for record in taken}:
        of_key = [record for record in taken if record.key == key]
        assert numbers(of_key) == sorted(numbers(of_key))
        assert len({record.partition for record in of_key}) == 1


def test_offsets_of_a_partition_are_ascending(broker: Broker, topic: str, reader: Readers) -> None:
    """The aggregator's fence rests on it."""
    send(broker, messages(topic, 500))
    taken = take(reader(max_records=70), 500)
    for index in range(PARTITIONS):
        offsets = [record.offset for record in taken if record.partition == index]
        assert offsets == list(range(len(offsets)))


def test_a_poll_brings_no_more_than_asked_for(broker: Broker, topic: str, reader: Readers) -> None:
    """What is in hand must fit into memory."""
    send(broker, messages(topic, 100))
    consumer = reader(max_records=30)
    sizes: list[int] = []
    wait_until(lambda: sizes.append(len(consumer.poll(0.2))) or sum(sizes) >= 100)
    assert max(sizes) <= 30


def test_uncommitted_records_come_again(broker: Broker, topic: str, reader: Readers) -> None:
    """At least once: a worker that went away before its commit has done nothing."""
    send(broker, messages(topic, 50))
    first = reader()
    take(first, 50)
    first.close()
    assert sorted(numbers(take(reader(), 50))) == list(range(50))


def test_a_commit_is_where_the_next_member_goes_on(broker: Broker, topic: str, reader: Readers) -> None:
    """Done work is not done again."""
    send(broker, messages(topic, 50))
    first = reader()
    first.commit(next_offsets(take(first, 50)))
    first.close()
    send(broker, messages(topic, 5, start=50))
    assert sorted(numbers(take(reader(), 5))) == [50, 51, 52, 53, 54]


def test_a_commit_covers_only_what_it_names(broker: Broker, topic: str, reader: Readers) -> None:
    """Records that were polled but are still in work are not committed by the way."""
    send(broker, messages(topic, 100))
    first = reader()
    taken = take(first, 100)
    done = [record for record in taken if record.partition != taken[0].partition]
    first.commit(next_offsets(done))
    first.close()
    left = [record.offset for record in taken if record.partition == taken[0].partition]
    again = take(reader(), len(left))
    assert {record.partition for record in again} == {taken[0].partition}
    assert [record.offset for record in again] == left


def test_a_new_group_begins_at_the_earliest_record(broker: Broker, topic: str, reader: Readers) -> None:
    """A stage started late misses nothing."""
    send(broker, messages(topic, 10))
    other = Readers(broker, topic)
    take(reader(), 10)
    assert sorted(numbers(take(other(), 10))) == list(range(10))
    other.close()


def test_two_members_share_the_partitions(broker: Broker, topic: str, reader: Readers) -> None:
    """Scale-out: each record goes to one member of the group, and both get some."""
    first, second = reader(), reader()
    join(broker, topic, first, second)
    send(broker, messages(topic, 200, start=1000))
    taken: list[list[Record]] = [[], []]

    def all_came() -> bool:
        for member, mine, batch in zip((first, second), taken, together(first, second), strict=True):
            mine.extend(batch)
            member.commit(next_offsets(batch))
        return sum(map(len, taken)) >= 200

    wait_until(all_came)
    assert sorted(numbers([*taken[0], *taken[1]])) == list(range(1000, 1200))
    assert [len({record.partition for record in mine}) for mine in taken] == [PARTITIONS // 2] * 2


def test_a_member_that_leaves_hands_over(broker: Broker, topic: str, reader: Readers) -> None:
    """A worker that is stopped in order costs no waiting."""
    first, second = reader(), reader()
    join(broker, topic, first, second)
    first.close()
    send(broker, messages(topic, 100, start=1000))
    assert {n for n in numbers(take(second, 100)) if n >= 1000} == set(range(1000, 1100))


def test_a_killed_member_is_replaced(bus: Bus, broker: Broker, topic: str, reader: Readers) -> None:
    """SIGKILL: after its lease ran out others get its records, those it had in hand too."""
    send(broker, messages(topic, 40))
    with started("tests.fixtures.bus", "hold", bus.kind, bus.address, topic, reader.group) as member:
        member.read_line()
        member.kill()
    assert sorted(set(numbers(take(reader(), 40)))) == list(range(40))


def test_a_stale_commit_is_fenced(broker: Broker, topic: str, reader: Readers) -> None:
    """A worker that lost its partitions must not move the group's place: the new owner's work would be lost."""
    send(broker, messages(topic, 40))
    first, second = reader(), reader()
    batch = take(first, 40)
    # The first lets go of half of its partitions when it polls, with the batch still in hand.
    wait_until(lambda: bool(together(first, second)) and len(assigned(second)) == PARTITIONS // 2)
    with pytest.raises(FencedError):
        first.commit(next_offsets(batch))


def test_start_positions_are_honoured(broker: Broker, topic: str, reader: Readers) -> None:
    """The aggregator's place is in its database, not in the group; what it leaves out begins as committed."""
    send(broker, messages(topic, 100))
    asked: list[set[Partition]] = []

    def start(partitions: Collection[Partition]) -> Mapping[Partition, int]:
        asked.append(set(partitions))
        return {partition: 5 for partition in partitions if partition.index != 2}

    other = Readers(broker, topic)
    everything = take(other(), 100)
    other.close()
    wanted = {(r.partition, r.offset) for r in everything if r.offset >= 5 or r.partition == 2}
    taken = take(reader(start=start), len(wanted))
    assert {(record.partition, record.offset) for record in taken} == wanted
    assert set().union(*asked) == {Partition(topic=topic, index=i) for i in range(PARTITIONS)}


def test_start_positions_are_asked_again_after_a_rebalance(broker: Broker, topic: str, reader: Readers) -> None:
    """What another member counted meanwhile is in the database; a place remembered from before would count it twice."""
    send(broker, messages(topic, 40))
    stored: dict[Partition, int] = {}

    def start(_: Collection[Partition]) -> Mapping[Partition, int]:
        return dict(stored)

    first, second = reader(start=start), reader(start=start)
    stored.update(next_offsets(take(first, 40)))
    repeated: list[Record] = []

    def shared() -> bool:
        for batch in together(first, second):
            repeated.extend(batch)
        return len(assigned(second)) == PARTITIONS // 2

    wait_until(shared)
    first.close()
    wait_until(lambda: repeated.extend(second.poll(0.2)) or len(assigned(second)) == PARTITIONS)
    assert repeated == []
    send(broker, messages(topic, 20, start=40))
    assert sorted(numbers(take(second, 20))) == list(range(40, 60))


def test_a_rewind_brings_back_what_is_not_committed(broker: Broker, topic: str, reader: Readers) -> None:
    """After a fenced batch the loop goes on at the group's place."""
    send(broker, messages(topic, 60))
    consumer = reader()
    batch = take(consumer, 60)
    done = [record for record in batch if record.partition == batch[0].partition]
    consumer.commit(next_offsets(done))
    consumer.rewind()
    again = take(consumer, 60 - len(done))
    assert sorted(numbers([*done, *again])) == list(range(60))


def test_idling_keeps_the_membership_and_takes_nothing(broker: Broker, topic: str, reader: Readers) -> None:
    """Backing off for longer than the lease must not cost the batch in hand; nothing polled meanwhile may be lost."""
    send(broker, messages(topic, 20))
    consumer = reader()
    batch = take(consumer, 20)
    send(broker, messages(topic, 20, start=20))
    consumer.idle(3.0)
    consumer.commit(next_offsets(batch))
    assert sorted(numbers(take(consumer, 20))) == list(range(20, 40))


def test_lag_is_what_is_not_committed(broker: Broker, topic: str, reader: Readers) -> None:
    """The gauge shows work left, also that in hand."""
    send(broker, messages(topic, 50))
    consumer = reader()
    batch = take(consumer, 50)
    assert sum(consumer.lag().values()) == 50
    consumer.commit(next_offsets(batch))
    assert set(consumer.lag().values()) == {0}
    send(broker, messages(topic, 7))
    assert sum(consumer.lag().values()) == 7
    assert sum(broker.end_offsets([topic]).values()) == 57


def test_what_a_group_committed_is_seen_without_joining_it(broker: Broker, topic: str, reader: Readers) -> None:
    """Who wants to know how far a stage is must not take partitions from it."""
    parts = [Partition(topic=topic, index=index) for index in range(PARTITIONS)]
    send(broker, messages(topic, 50))
    consumer = reader()
    batch = take(consumer, 50)
    assert set(broker.committed_offsets(reader.group, [topic]).values()) <= {0}
    half = {part: offset for part, offset in next_offsets(batch).items() if part.index < 2}
    consumer.commit(half)
    committed = broker.committed_offsets(reader.group, [topic])
    assert {part: committed.get(part, 0) for part in parts} == {**dict.fromkeys(parts, 0), **half}
    consumer.commit(next_offsets(batch))
    assert broker.committed_offsets(reader.group, [topic]) == broker.end_offsets([topic])
    assert broker.committed_offsets(reader.group, ["other"]) == {}
    assert broker.committed_offsets("nobody", [topic]) == {}


def test_the_first_offset_is_that_of_the_first_record_kept(broker: Broker, topic: str) -> None:
    """What retention deleted before anybody read it is nothing to wait for."""
    assert broker.first_offsets([topic]) == dict.fromkeys(broker.end_offsets([topic]), 0)
    send(broker, messages(topic, 50))
    assert set(broker.first_offsets([topic]).values()) == {0}
    ends = broker.end_offsets([topic])
    forget(broker, ends)
    assert broker.first_offsets([topic]) == broker.end_offsets([topic]) == ends


def forget(broker: Broker, ends: Mapping[Partition, int]) -> None:
    """Delete everything before `ends`, as retention does in time."""
    if isinstance(broker, LocalBroker):
        while forget_read(broker._file, before_s=time.time() + 1.0):
            pass
        return
    assert isinstance(broker, KafkaBroker)
    wanted = {TopicPartition(part.topic, part.index): end for part, end in ends.items()}
    broker._administer("delete records", lambda admin: admin.delete_records(wanted))


def test_large_values_and_empty_keys_arrive_whole(broker: Broker, topic: str, reader: Readers) -> None:
    """A dead letter carries the whole refused record."""
    large = bytes(range(256)) * 2000
    send(broker, [Message(topic=topic, key=b"", value=large), Message(topic=topic, key=b"k", value=b"")])
    taken = {record.key: record.value for record in take(reader(), 2)}
    assert taken == {b"": large, b"k": b""}


def test_sending_nothing_is_fine(broker: Broker, topic: str) -> None:
    """A batch may be refused as a whole."""
    send(broker, [])
    assert sum(broker.end_offsets([topic]).values()) == 0


def test_an_empty_poll_returns_in_time(broker: Broker, topic: str, reader: Readers) -> None:
    """A stop is noticed between polls."""
    assert list(reader().poll(0.3)) == []


def test_closing_twice_is_harmless(broker: Broker, topic: str) -> None:
    """Clean-up runs on every way out."""
    consumer = broker.consumer(group="g", topics=[topic])
    producer = broker.producer()
    for closable in (consumer, consumer, producer, producer, broker, broker):
        closable.close()


@pytest.mark.kafka
def test_a_broker_that_is_away_is_a_transient_error(kafka: object) -> None:
    """Nothing listens there: the caller waits and comes again."""
    away = Bus(kind="kafka", address="127.0.0.1:9", delivery_timeout=timedelta(seconds=2)).broker()
    with pytest.raises(TransientError):
        away.producer().send([Message(topic="t", key=b"k", value=b"v")])


def assigned(consumer: Consumer) -> set[Partition]:
    """The partitions that `consumer` reads."""
    return set(consumer.lag())


def together(first: Consumer, second: Consumer) -> tuple[Sequence[Record], Sequence[Record]]:
    """Poll both at once, as two workers do.

    One after the other is not the same: kafka-python throws away a join that was completed between two polls of its
    member, so that two members that poll in turns can push each other out for ever.
    """
    with ThreadPoolExecutor(max_workers=1) as other:
        theirs = other.submit(second.poll, 0.3)
        return first.poll(0.3), theirs.result()


def join(broker: Broker, topic: str, first: Consumer, second: Consumer) -> None:
    """Poll both until each has its half."""

    def shared() -> bool:
        for member, batch in zip((first, second), together(first, second), strict=True):
            member.commit(next_offsets(batch))
        halves = assigned(first), assigned(second)
        return all(len(half) == PARTITIONS // 2 for half in halves) and not halves[0] & halves[1]

    wait_until(shared)
