"""A Kafka broker that goes away and comes back: nothing acknowledged is lost, and the same objects go on."""

from __future__ import annotations

import gc
import logging
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.demo.kafka_server import KafkaServer
from monitor.errors import TransientError
from monitor.ports import Producer
from pipelines.stage import next_offsets
from tests.fixtures.bus import Bus, messages, numbers, take, wait_until

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.timeout(180),
    # The client leaves the sockets of refused connections to the garbage collector, which closes them.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]


def sent(producer: Producer, topic: str, start: int) -> bool:
    """Send ten messages; False: the broker is not back yet."""
    try:
        producer.send(messages(topic, 10, start=start))
    except TransientError:
        return False
    return True


def outlive(server: KafkaServer) -> None:
    """Kill the broker under a producer and a consumer, start it again, and see both go on."""
    with server:
        broker = Bus(kind="kafka", address=server.bootstrap, delivery_timeout=timedelta(seconds=4)).broker()
        broker.ensure_topics(["t"])
        producer, consumer = broker.producer(), broker.consumer(group="g", topics=["t"])
        producer.send(messages("t", 10))
        consumer.commit(next_offsets(take(consumer, 10)))
        server.kill()
        with pytest.raises(TransientError):
            producer.send(messages("t", 10, start=10))
        with pytest.raises(TransientError):
            broker.end_offsets(["t"])
        assert list(consumer.poll(0.5)) == []
        server.start()
        wait_until(lambda: sent(producer, "t", 20), patience_s=60)
        came: set[int] = set()
        wait_until(lambda: came.update(numbers(consumer.poll(0.5))) or came >= set(range(20, 30)), patience_s=60)
        # Those of the failed send may have got through; nothing that was committed comes again.
        assert came <= set(range(10, 30))
        for closable in (consumer, producer, broker):
            closable.close()


def test_producer_and_consumer_go_on_after_the_broker_was_killed(
    kafka: KafkaServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session's server tells that one can be had; the one that is killed is the test's own."""
    assert kafka.pid is not None
    # Captured log records would keep the client's sockets alive until another test is blamed for them.
    monkeypatch.setattr(logging.getLogger("kafka"), "propagate", False)
    outlive(KafkaServer(tmp_path / "own"))
    gc.collect()  # here, where its warnings are expected, and not in a later test
