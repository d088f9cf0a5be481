"""A topic as a source: what becomes of a record, and where the next poll goes on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from monitor.domain import Record
from monitor.ports import SourceState
from monitor.settings import KafkaSource as KafkaSettings
from pipelines.sources.base import Chunk
from pipelines.sources.topic import TopicSource

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
FRESH = SourceState(source="vendor")


def record(offset: int, *, partition: int = 0, value: bytes | None = None) -> Record:
    """A sender's document."""
    document = {"id": f"{partition}-{offset}", "text": "Acme falls", "published_at": "2026-11-24T10:00:00Z"}
    data = json.dumps(document).encode() if value is None else value
    return Record(topic="vendor.news", partition=partition, offset=offset, key=None, value=data)


class Topic:
    """A topic with one partition, or as many as records name."""

    def __init__(self, *batches: Sequence[Record], partitions: int = 1, begin: int = 0) -> None:
        self.batches = list(batches)
        self.partitions = partitions
        self.begin = begin
        self.started: list[tuple[dict[int, int] | None, str]] = []
        self.told: list[dict[int, int]] = []

    def start(self, offsets: dict[int, int] | None, *, first: str) -> dict[int, int]:
        self.started.append((offsets, first))
        return {part: (offsets or {}).get(part, self.begin) for part in range(self.partitions)}

    def poll(self, timeout_s: float) -> Sequence[Record]:
        return self.batches.pop(0) if self.batches else []

    def tell(self, offsets: dict[int, int]) -> None:
        self.told.append(dict(offsets))


def source(topic: Topic, **settings: Any) -> TopicSource:
    """The source over `topic`."""
    chosen = {"type": "kafka", "name": "vendor", "topic": "vendor.news", **settings}
    return TopicSource(KafkaSettings.model_validate(chosen), reader=topic)


def poll(topic: Topic, state: SourceState = FRESH, **settings: Any) -> list[Chunk]:
    """The chunks of one poll."""
    return list(source(topic, **settings).poll(state, now=NOW))


def test_a_record_is_a_senders_document() -> None:
    """The same JSON as over HTTP push, the same defaults as in a file."""
    [_, chunk] = poll(Topic([record(0)]), source_class="filing")
    [item] = chunk.items
    assert (item.id, item.source, item.origin, item.source_class) == ("0-0", "vendor", "vendor", "filing")


@pytest.mark.parametrize("value", [b"", b"not json", b"[]", b"\xff", b"[" * 100_000])
def test_a_record_that_is_no_document_is_refused_with_its_place(value: bytes) -> None:
    """It goes to the dead letters; the topic goes on."""
    [_, chunk] = poll(Topic([record(7, value=value), record(8)], begin=7))
    assert (chunk.items[0].refusal or "").startswith("vendor.news/0@7: ")
    assert chunk.items[1].refusal is None


def test_the_next_poll_goes_on_after_the_last_chunk() -> None:
    """The state is the truth; no group is asked."""
    chunks = poll(Topic([record(0), record(3, partition=1)], [record(1)], partitions=2))
    again = Topic(partitions=2)
    poll(again, chunks[-1].state)
    assert again.started == [({0: 2, 1: 4}, "earliest")]


def test_the_beginning_is_remembered_before_anything_is_read() -> None:
    """With "latest", a process that is killed before the first record must not skip what comes meanwhile."""
    [chunk] = poll(Topic(begin=42), start="latest")
    again = Topic()
    assert poll(again, chunk.state, start="latest") == []
    assert again.started == [({0: 42}, "latest")]


def test_offsets_are_told_only_after_their_chunk_is_safe() -> None:
    """Whoever watches the group's lag sees what is done, not what is in hand."""
    topic = Topic([record(0)])
    chunks = source(topic).poll(FRESH, now=NOW)
    next(chunks), next(chunks)
    assert topic.told == []
    assert next(chunks, None) is None
    assert topic.told == [{0: 1}]


def test_a_poll_ends_in_time_however_much_there_is() -> None:
    """The lease and the other sources wait for it; the next poll goes on."""
    topic = Topic(*([record(offset)] for offset in range(1000)))
    chunks = poll(topic, max_poll_time=timedelta(microseconds=1))
    assert len(chunks) == 2


@pytest.mark.parametrize("cursor", ["x", "{}", '{"topic":"other","next":{"0":9}}'])
def test_offsets_of_another_topic_are_not_used(cursor: str) -> None:
    """A changed configuration must not skip the beginning of the new topic."""
    topic = Topic()
    poll(topic, SourceState(source="vendor", cursor=cursor))
    assert topic.started == [(None, "earliest")]
