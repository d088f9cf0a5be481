"""A bus that was lost under a database that remembers it: said at once, never read in silence from a wrong place."""

from __future__ import annotations

import uuid

import pytest

from monitor.domain import Partition
from monitor.errors import ConfigurationError
from monitor.ports import Broker
from monitor.store import Store
from monitor.store.erasure import Erasing
from tests.fixtures.bus import PARTITIONS, messages, numbers, take
from tests.fixtures.stores import GROUP, T0, add, label

pytestmark = pytest.mark.timeout(120)


@pytest.mark.parametrize("ahead", [0, 1])
def test_only_what_was_written_was_ever_read(broker: Broker, ahead: int) -> None:
    """At the end of the topic all is well; one beyond it, the topic is not the one that was read."""
    topic = f"t-{uuid.uuid4().hex[:12]}"
    broker.ensure_topics([topic])
    producer = broker.producer()
    producer.send(messages(topic, 10))
    ends = broker.end_offsets([topic])
    starts = {partition: end + ahead for partition, end in ends.items()}
    consumer = broker.consumer(group=topic, topics=[topic], start=lambda asked: {p: starts[p] for p in asked})
    try:
        if ahead:
            with pytest.raises(ConfigurationError, match="forget-offsets"):
                take(consumer, 1)
        else:
            producer.send(messages(topic, 4, start=10))
            assert sorted(numbers(take(consumer, 4))) == [10, 11, 12, 13]
    finally:
        consumer.close()
        producer.close()


def test_forgotten_offsets_count_from_the_beginning_and_nothing_twice(store: Store) -> None:
    """The remedy: the ids of what was counted are still known."""
    labels = [label("a"), label("b")]
    assert add(store, labels, first=100).counted == 2
    assert store.forget_offsets() == 1
    assert store.positions(GROUP, [Partition(topic="labels", index=n) for n in range(PARTITIONS)]) == {}
    again = add(store, [*labels, label("c")], first=0)
    assert (again.counted, again.repeated) == (1, 2)


def test_what_was_lost_uncounted_may_be_given_again(store: Store) -> None:
    """Marks that are no documents stay: what was erased, and what was brought back."""
    store.mark_seen(["a", "b", "dead-letter:brought_back:0", "_x"], at=T0)
    add(store, [label("a")], first=0)
    store.erase(Erasing(ids={"gone"}), now=T0)
    assert store.forget_uncounted() == 2
    assert store.unseen(["a", "b", "_x", "gone", "dead-letter:brought_back:0"]) == {"b", "_x"}
