"""A Kafka topic as a source: senders' documents, one a record, from where the last poll ended.

The offsets are kept in the source's state, which is stored after the documents are on our bus; that state alone says
where to go on, so a process that is killed takes the last chunk again and ingest drops it by its ids. No consumer group
is needed: the lease lets one worker poll at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from time import monotonic
from typing import Literal, Protocol

import msgspec

from monitor.domain import Record
from monitor.ports import SourceState
from monitor.settings import KafkaSource as KafkaSettings
from pipelines.sources.base import Chunk, RawItem
from pipelines.sources.submission import Defaults, read_submission

PATIENCE_S = 1.0  #: Nothing for so long: this is the end of the topic, for now.


class TopicReader(Protocol):
    """What reads the topic."""

    def start(self, offsets: dict[int, int] | None, *, first: Literal["earliest", "latest"]) -> dict[int, int]:
        """Go to `offsets`; gives them for every partition."""

    def poll(self, timeout_s: float) -> Sequence[Record]:
        """What is ready."""

    def tell(self, offsets: dict[int, int]) -> None:
        """Store `offsets` where tools look for them."""


class Cursor(msgspec.Struct, frozen=True, kw_only=True):
    """Where reading goes on."""

    topic: str
    next: dict[int, int]  #: By partition.


class TopicSource:
    """One configured topic."""

    def __init__(self, settings: KafkaSettings, *, reader: TopicReader) -> None:
        self._settings = settings
        self._reader = reader
        self._defaults = Defaults(origin=settings.name, source=settings.name, source_class=settings.source_class)

    @property
    def name(self) -> str:
        """Name in the configuration."""
        return self._settings.name

    def poll(self, state: SourceState, *, now: datetime) -> Iterator[Chunk]:
        """Read to the end of the topic, or for `max_poll_time`."""
        del now  # documents carry their own dates
        known = _read_cursor(state.cursor, self._settings.topic)
        offsets = self._reader.start(known, first=self._settings.start)
        if offsets != known:
            # "latest" is said once: what comes from now on is read, whatever happens to this process.
            yield Chunk(items=(), state=self._remember(state, offsets), changed=False)
        deadline_s = monotonic() + self._settings.max_poll_time.total_seconds()
        while records := self._reader.poll(PATIENCE_S):
            offsets |= {record.partition: record.offset + 1 for record in records}
            yield Chunk(items=[self._raw(record) for record in records], state=self._remember(state, offsets))
            self._reader.tell(offsets)
            if monotonic() >= deadline_s:
                break

    def _remember(self, state: SourceState, offsets: dict[int, int]) -> SourceState:
        cursor = Cursor(topic=self._settings.topic, next=offsets)
        return replace(state, cursor=msgspec.json.encode(cursor).decode())

    def _raw(self, record: Record) -> RawItem:
        where = f"{record.topic}/{record.partition}@{record.offset}"
        return read_submission(record.value, defaults=self._defaults, where=where)


def _read_cursor(written: str | None, topic: str) -> dict[int, int] | None:
    """The remembered offsets, if they are of this topic."""
    try:
        cursor = msgspec.json.decode(written, type=Cursor) if written else None
    except msgspec.DecodeError:
        return None
    return dict(cursor.next) if cursor and cursor.topic == topic else None
