"""Looking through a topic: everything that it keeps, once, in order, and nobody notices."""

from __future__ import annotations

import pytest

from monitor.domain import Message
from monitor.ports import Broker
from tests.fixtures.bus import messages, numbers, take

pytestmark = pytest.mark.timeout(120)


def test_everything_is_seen_once_in_order(broker: Broker, topic: str) -> None:
    """More than a page of each partition."""
    producer = broker.producer()
    producer.send(messages(topic, 3000))
    found = list(broker.scan(topic))
    producer.close()
    assert sorted(numbers(found)) == list(range(3000))
    assert {record.topic for record in found} == {topic}
    for index in {record.partition for record in found}:
        offsets = [record.offset for record in found if record.partition == index]
        assert offsets == sorted(offsets)


def test_an_empty_topic_and_one_with_a_single_record(broker: Broker, topic: str) -> None:
    """Partitions without a record are not waited for."""
    assert list(broker.scan(topic)) == []
    producer = broker.producer()
    producer.send([Message(topic=topic, key=b"k", value=b"7")])
    producer.close()
    assert numbers(list(broker.scan(topic))) == [7]
    assert numbers(list(broker.scan(topic))) == [7]


def test_a_scan_moves_no_group(broker: Broker, topic: str) -> None:
    """A group that comes later still gets everything."""
    producer = broker.producer()
    producer.send(messages(topic, 20))
    assert len(list(broker.scan(topic))) == 20
    consumer = broker.consumer(group=topic, topics=[topic])
    assert sorted(numbers(take(consumer, 20))) == list(range(20))
    consumer.close()
    producer.close()
