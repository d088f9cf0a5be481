"""Backlog: up to when all that came onto the bus has been counted.

A mark is an instant, with the ends that the documents topic had then. Once the classify stage has committed up to
these, the labels of all that came before the mark are on the labels topic, whose ends are noted in their turn; once the
aggregate stage has counted up to those, nothing of before the mark is missing. Neither clocks of other machines nor
anything inside of records is relied on; what is dead-lettered on the way counts as worked off.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from monitor.domain import Partition
from monitor.ports import Broker
from pipelines.topics import Topics

MOST_MARKS = 1000  #: From which on every second one is dropped: the answer gets coarser, never wrong.

Offsets = Mapping[Partition, int]
Positions = Callable[[Collection[Partition]], Offsets]
"""The next offsets as stored with the counts; partitions never counted are left out."""


@dataclass(slots=True)
class _Mark:
    """What was on the bus at one instant."""

    at: datetime
    documents: Offsets
    labels: Offsets | None = None  # ends when all of `documents` had become labels; None until then


class Backlog:
    """What waits between the door and the counts, seen from outside: it joins no group and reads no record."""

    def __init__(self, broker: Broker, positions: Positions, *, topics: Topics) -> None:
        self._broker = broker
        self._positions = positions
        self._topics = topics
        self._marks: list[_Mark] = []
        self._first: dict[str, Offsets] = {}
        self._until: datetime | None = None

    def look(self, now: datetime) -> datetime | None:
        """An instant before which everything that came onto the bus is counted; None: not known yet.

        `now` where nothing waits, else the latest mark that was passed, so it grows with the looks. Raises
        `TransientError` while broker or database is away.
        """
        topics = self._topics
        self._first.clear()
        # In this order: what is read later can only hold more than what it is compared with.
        self._set_mark(now)
        read = self._broker.committed_offsets(topics.group("classify"), [topics.documents])
        ends = self._broker.end_offsets([topics.labels])
        for mark in self._marks:
            if mark.labels is None and self._is_passed(mark.documents, read, topics.documents):
                mark.labels = ends
        counted = self._counted(ends)
        done = 0
        for number, mark in enumerate(self._marks, start=1):
            if mark.labels is not None and self._is_passed(mark.labels, counted, topics.labels):
                done, self._until = number, mark.at
        del self._marks[:done]
        return self._until

    def _set_mark(self, now: datetime) -> None:
        if len(self._marks) >= MOST_MARKS:
            del self._marks[1::2]
        self._marks.append(_Mark(at=now, documents=self._broker.end_offsets([self._topics.documents])))

    def _counted(self, ends: Offsets) -> Offsets:
        """Where the aggregate stage stands, by the rule by which it finds where to start."""
        found = self._positions(list(ends))
        if not any(end and partition not in found for partition, end in ends.items()):
            return found
        return {**self._broker.committed_offsets(self._topics.group("aggregate"), [self._topics.labels]), **found}

    def _is_passed(self, wanted: Offsets, held: Offsets, topic: str) -> bool:
        waiting = {partition: end for partition, end in wanted.items() if held.get(partition, 0) < end}
        if not waiting:
            return True
        # Records that retention deleted are waited for by nobody. Asked for once a look, where something waits.
        if topic not in self._first:
            self._first[topic] = self._broker.first_offsets([topic])
        first = self._first[topic]
        return all(first.get(partition, 0) >= end for partition, end in waiting.items())
