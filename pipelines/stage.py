"""The one loop: poll, handle, commit.

At least once: offsets are committed only after `handle` returned, which it does once outputs are acknowledged and state
is stored. A transient error keeps the batch in hand and tries it again; a fenced batch is dropped, it comes again
where it belongs. A batch in hand is finished before the loop leaves.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from threading import Event
from typing import Protocol

import structlog

from monitor.domain import Partition, Record
from monitor.errors import FencedError, TransientError
from monitor.metrics import StageMetrics
from monitor.ports import Clock, Consumer
from monitor.retry import Backoff

log = structlog.get_logger(__name__)

POLL_TIMEOUT_S = 0.5  #: Also how long a stop may go unnoticed while nothing comes.
GIVE_UP_S = 60.0  #: A batch that could not be handled for so long ends the loop; nothing is lost, it comes again.
LAG_EVERY_S = 5.0  #: The lag costs a question to the broker, so it is not asked for every batch.
LARGE_BATCH = 100  #: Batches of so many records are worth a line at level info.
RETRY = Backoff(first_s=0.5, cap_s=10.0)


class Stage(Protocol):
    """What is done with a batch."""

    name: str

    def handle(self, batch: Sequence[Record], now: datetime) -> None:
        """Process `batch`; return only once outputs are acknowledged and state is stored.

        Raises `TransientError`: the same batch again, later. Raises `FencedError`: another worker owns it by now.
        """


def run(
    stage: Stage,
    consumer: Consumer,
    *,
    stop: Event,
    clock: Clock,
    metrics: StageMetrics,
    give_up_s: float = GIVE_UP_S,
) -> None:
    """Feed `stage` from `consumer` until `stop` is set; a batch in hand is finished first.

    `give_up_s` has to be well under the time after which a silent worker is put out of its group. Raises the last
    `TransientError` of a batch that could not be handled for so long, or at once when `stop` is set by then: the
    batch stays uncommitted and comes again.
    """
    loop = _Loop(stage, consumer, stop, metrics, give_up_s)
    metrics.start_loop(stage.name)
    while not stop.is_set():
        batch = consumer.poll(POLL_TIMEOUT_S)
        if batch:
            loop.finish(batch, clock)
        loop.report_lag()


class _Loop:
    """One run of one stage."""

    def __init__(self, stage: Stage, consumer: Consumer, stop: Event, metrics: StageMetrics, give_up_s: float) -> None:
        self._stage = stage
        self._consumer = consumer
        self._stop = stop
        self._metrics = metrics
        self._give_up_s = give_up_s
        self._lag_due_s = 0.0  #: Monotonic.

    def finish(self, batch: Sequence[Record], clock: Clock) -> None:
        """Handle and commit `batch`, or drop it when it is fenced."""
        name = self._stage.name
        started_s = time.monotonic()
        try:
            self._persist(lambda: self._stage.handle(batch, clock()))
            # Committed apart from the handling: when only the commit fails, the work is not done twice.
            self._persist(lambda: self._consumer.commit(next_offsets(batch)))
        except FencedError as err:
            self._metrics.fenced.labels(stage=name).inc()
            log.warning("batch_fenced", stage=name, records=len(batch), reason=str(err))
            self._consumer.rewind()
            return
        self._report(len(batch), time.monotonic() - started_s)

    def report_lag(self) -> None:
        """Set the lag gauge, every few seconds."""
        if time.monotonic() < self._lag_due_s:
            return
        self._lag_due_s = time.monotonic() + LAG_EVERY_S
        try:
            lag = self._consumer.lag()
        except TransientError as err:
            log.debug("lag_unknown", stage=self._stage.name, error=str(err))
            return
        self._metrics.lag.labels(stage=self._stage.name).set(sum(lag.values()))

    def _persist(self, step: Callable[[], None]) -> None:
        """Do `step`, again after a transient error, for as long as the batch may stay in hand."""
        failures, waited_s = 0, 0.0
        while True:
            started_s = time.monotonic()
            try:
                return step()
            except TransientError as err:
                failures += 1
                waited_s += time.monotonic() - started_s
                wait_s = RETRY.wait_s(failures, retry_after_s=err.retry_after_s)
                waited_s += wait_s
                if self._stop.is_set() or waited_s > self._give_up_s:
                    raise
                self._metrics.retries.labels(stage=self._stage.name).inc()
                log.warning(
                    "batch_delayed", stage=self._stage.name, failures=failures, wait_s=round(wait_s, 2), error=str(err)
                )
                self._consumer.idle(wait_s)

    def _report(self, records: int, took_s: float) -> None:
        name, metrics = self._stage.name, self._metrics
        metrics.records.labels(stage=name).inc(records)
        metrics.batch_size.labels(stage=name).observe(records)
        metrics.batch_seconds.labels(stage=name).observe(took_s)
        write = log.info if records >= LARGE_BATCH else log.debug
        write("batch_finished", stage=name, records=records, seconds=round(took_s, 4))


def next_offsets(batch: Sequence[Record]) -> dict[Partition, int]:
    """The offset after the last record of each partition in `batch`."""
    after: dict[Partition, int] = {}
    for record in batch:
        after[record.origin] = max(after.get(record.origin, 0), record.offset + 1)
    return after
