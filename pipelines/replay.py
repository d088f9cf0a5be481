"""Replay: the live stages over recorded documents, until every one of them is counted.

Documents go through ingest, classify and aggregate in the order of `published_at`, a chunk at a time. What a tick of
the rules reads is bounded by event time, so the rules are evaluated afterwards, on exactly what a live monitor without
delay would have counted by then. After each chunk all is stored, and `Place` says where to go on: a replay that was
killed does the chunk again that it was in, under the same ids, and nothing is counted twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from monitor.domain import Record
from monitor.ports import Consumer
from pipelines.sources.base import RawItem
from pipelines.stage import Stage, next_offsets

CHUNK = 2_000  #: Documents in hand at once: enough for the classifier to sort by length, and for few transactions.
WAIT_S = 0.05  #: For a partition that a killed process still holds.


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """How far a replay is."""

    documents: int = 0  #: Read, and counted or refused.
    refused: int = 0  #: Sent to the dead letters by ingest.


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A stage with the consumer that feeds it."""

    stage: Stage
    consumer: Consumer


class Replay:
    """Drives documents through the stages."""

    def __init__(
        self, *, submit: Callable[[Sequence[RawItem], datetime], int], lines: Sequence[Line], chunk: int = CHUNK
    ) -> None:
        """`submit` puts items on the bus and returns how many it refused; `lines` are in the order of the flow."""
        self._submit = submit
        self._lines = lines
        self._chunk = chunk

    def run(self, items: Iterable[RawItem], *, now: datetime, start: Place | None = None) -> Iterator[Place]:
        """Take `items` through every stage; yields after each chunk, once all of it is stored.

        `items` are all of the replay, sorted by `published_at`; those before `start` are passed over. `now` is the
        present, which no document may lie beyond, and the same each time that a replay goes on.
        """
        place = start or Place()
        rest = islice(items, place.documents, None)
        while chunk := list(islice(rest, self._chunk)):
            refused = self._submit(chunk, now)
            for line in self._lines:
                for batch in _batches(line.consumer):
                    line.stage.handle(batch, now)
                    line.consumer.commit(next_offsets(batch))
            place = Place(documents=place.documents + len(chunk), refused=place.refused + refused)
            yield place


def _batches(consumer: Consumer) -> Iterator[Sequence[Record]]:
    """Every batch up to the end of the topic; waits for partitions until there are some."""
    while True:
        if batch := consumer.poll(0.0):
            yield batch
            continue
        lag = consumer.lag()
        if lag and not any(lag.values()):
            return
        consumer.idle(WAIT_S)
