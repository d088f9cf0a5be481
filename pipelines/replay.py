"""Replay: the live stages over recorded documents, with a clock driven by the data.

Documents go through ingest, classify and aggregate in the order of `published_at`; at every tick between them the
rules are evaluated, on exactly what a live monitor without delay would have counted by then. Ticks at which nothing
can change (no active alert, no waiting notification, no series near its count gate) are passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Protocol

from monitor.domain import Alert, AlertState, Record, Transition
from monitor.ports import Consumer, Tick
from pipelines import wire
from pipelines.sources.base import RawItem
from pipelines.stage import Stage, next_offsets
from pipelines.windows import ceil_to

CHUNK = 512  #: Documents in hand at once: enough for the classifier to sort by length.
LONGEST_TAIL = timedelta(days=7)  #: How long after the last document alerts are followed to their end.


class Ticker(Protocol):
    """Evaluates the rules."""

    @property
    def idle(self) -> bool:
        """True when no later tick can change anything until new data arrives."""

    def tick(self, at: datetime) -> Tick:
        """Evaluate at event time `at` and store the outcome."""


@dataclass(slots=True)
class ReplayReport:
    """What a replay did."""

    documents: int = 0  #: Read.
    labelled: int = 0
    refused: int = 0  #: Sent to the dead letters by ingest.
    ticks: int = 0
    started_at: datetime | None = None  #: Event time of the first and last document.
    ended_at: datetime | None = None
    transitions: list[Transition] = field(default_factory=list)
    fired: list[Alert] = field(default_factory=list)  #: One entry an episode, as it began to fire.


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A stage with the consumer that feeds it."""

    stage: Stage
    consumer: Consumer


class Replay:
    """Drives one pass over the data."""

    def __init__(
        self,
        *,
        submit: Callable[[Sequence[RawItem], datetime], int],
        classify: Line,
        aggregate: Line,
        ticker: Ticker,
        every: timedelta,
        on_progress: Callable[[ReplayReport], None],
    ) -> None:
        self._submit = submit
        self._classify = classify
        self._aggregate = aggregate
        self._ticker = ticker
        self._every = every
        self._on_progress = on_progress
        self._next_tick: datetime | None = None
        self._now = datetime.min.replace(tzinfo=UTC)
        self._held: list[Record] = []  # labels older than the next tick, not yet counted
        self.report = ReplayReport()

    def run(self, items: Iterable[RawItem], *, now: datetime) -> ReplayReport:
        """Replay `items`, sorted by `published_at`; `now` is the present, which no document may lie beyond."""
        self._now = now
        rest = iter(items)
        while chunk := list(islice(rest, CHUNK)):
            self.report.documents += len(chunk)
            self.report.refused += self._submit(chunk, now)
            for batch in _batches(self._classify.consumer):
                self.report.labelled += len(batch)
                self._handle(self._classify, batch)
            for batch in _batches(self._aggregate.consumer):
                for record in batch:
                    self._meet(record)
            self._flush()
            self._on_progress(self.report)
        self._finish()
        return self.report

    def _meet(self, record: Record) -> None:
        """Evaluate every tick up to the record's event time, then hold the record for the next."""
        at = wire.decode_label(record.value).document.published_at
        self.report.started_at = self.report.started_at or at
        self.report.ended_at = at
        tick = self._next_tick or ceil_to(at, self._every)
        while at >= tick:
            self._flush()
            self._evaluate(tick)
            later = tick + self._every
            tick = max(later, ceil_to(at, self._every)) if self._ticker.idle else later
        self._next_tick = tick
        self._held.append(record)

    def _flush(self) -> None:
        if self._held:
            self._handle(self._aggregate, self._held)
            self._held = []

    def _handle(self, line: Line, batch: Sequence[Record]) -> None:
        line.stage.handle(batch, self._now)
        line.consumer.commit(next_offsets(batch))

    def _finish(self) -> None:
        """Follow what is still active to its end, as a live monitor would."""
        self._flush()
        if self._next_tick is None:
            return
        last = self._next_tick + LONGEST_TAIL
        while self._next_tick <= last:
            self._evaluate(self._next_tick)
            if self._ticker.idle:
                return
            self._next_tick += self._every

    def _evaluate(self, at: datetime) -> None:
        tick = self._ticker.tick(at)
        report = self.report
        report.ticks += 1
        report.transitions.extend(tick.transitions)
        began = {t.fingerprint for t in tick.transitions if t.after is AlertState.FIRING}
        report.fired.extend(alert for alert in tick.alerts if alert.fingerprint in began)


def _batches(consumer: Consumer) -> Iterator[Sequence[Record]]:
    while batch := consumer.poll(0.0):
        yield batch
