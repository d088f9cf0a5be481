"""The parts of a process: what each stage does from start to stop.

A part opens what it needs when it starts and closes it when it ends, so that starting it over after an error starts
from what is stored: committed offsets, source states, alert states. What only one stage needs is imported by its part:
the import is most of the time that a process takes to be ready.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import structlog

from monitor.app.clock import utc_now
from monitor.app.workshop import Workshop
from monitor.domain import until_next
from monitor.errors import TransientError
from monitor.ports import Consumer, StartPositions
from monitor.supervise import Part
from pipelines.aggregate import Aggregate
from pipelines.backlog import Backlog
from pipelines.classify import Classify
from pipelines.dead_letters import DeadLetters
from pipelines.guard import Guard
from pipelines.replay import Line
from pipelines.stage import GIVE_UP_S
from pipelines.stage import run as run_stage

if TYPE_CHECKING:
    from pipelines.sources.base import Source
    from pipelines.sources.worker import SourceWorker

log = structlog.get_logger(__name__)

DELIVERY_EVERY_S = 0.5
LOOK_EVERY_S = 5.0
LOOK_AGAIN_S = 1.0  #: Of an evaluation that waits; long enough for the delivery to take what it has to tell.
HOUSEKEEPING_EVERY_S = 600.0
HEALTH_EVERY_S = 60.0
HEALTH_SOON_S = 5.0  #: After the start, when the first look has seen nothing polled; then twice as long each time.
VERDICTS_EVERY_S = 60.0


class Parts:
    """Makes the parts from the workshop."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop

    def of(self, stages: Sequence[str]) -> Mapping[str, Part]:
        """The parts that make up `stages`, by name."""
        by_stage: Mapping[str, Mapping[str, Part]] = {
            "ingest": {"ingest": self.ingest},
            "classify": {"classify": self.classify},
            "aggregate": {"aggregate": self.aggregate, "backlog": self.backlog, "housekeeping": self.housekeeping},
            "alert": {"evaluate": self.evaluate, "deliver": self.deliver, "verdicts": self.verdicts},
            "web": {},
        }
        return {name: part for stage in stages for name, part in by_stage[stage].items()}

    def ingest(self, stop: threading.Event) -> None:
        """Poll every source on its schedule, and show how each is."""
        from monitor.app.sources import open_sources
        from monitor.schedule import Schedule
        from pipelines.sources.worker import SourceWorker

        workshop, settings = self._workshop, self._workshop.settings
        with workshop.ingest() as ingest, open_sources(settings) as sources:
            worker = SourceWorker(
                store=workshop.store,
                submit=ingest.submit,
                owner=workshop.worker,
                lease=settings.ingest.lease,
                max_backoff=settings.ingest.fetch.max_backoff,
                metrics=workshop.ingest_metrics,
            )
            schedule = Schedule(threads=settings.ingest.workers)
            for source, every in sources:
                jitter_s = every.total_seconds() * settings.ingest.jitter
                schedule.every(every, partial(self._poll, worker, source, every), name=source.name, jitter_s=jitter_s)
            watch = workshop.source_watch()
            schedule.start()
            wait_s = HEALTH_SOON_S
            try:
                while not stop.is_set():  # On this thread, so that no poll waits for it, nor it for a slow source.
                    watch.look(workshop.clock())
                    stop.wait(wait_s)
                    wait_s = min(2 * wait_s, HEALTH_EVERY_S)
            finally:
                schedule.shutdown()

    def _poll(self, worker: SourceWorker, source: Source, every: timedelta) -> None:
        worker.poll_once(source, self._workshop.clock(), every=every)

    def classify(self, stop: threading.Event) -> None:
        """Documents to labels."""
        with self.classify_line() as line:
            self._run(line, stop)

    def aggregate(self, stop: threading.Event) -> None:
        """Labels to buckets."""
        with self.aggregate_line() as line:
            self._run(line, stop)

    @contextmanager
    def classify_line(self) -> Iterator[Line]:
        """The classify stage with its consumer; both closed at the end."""
        workshop = self._workshop
        with closing(workshop.broker.producer()) as producer:
            stage = Classify(
                models=workshop.models,
                reader=workshop.reader,
                producer=producer,
                topics=workshop.topics,
                dead_letters=self._dead_letters("classify"),
                metrics=workshop.classify_metrics,
                confidence=workshop.settings.classifier.confidence,
            )
            with closing(self._consumer("classify", workshop.topics.documents)) as consumer:
                yield Line(stage=stage, consumer=consumer)

    @contextmanager
    def aggregate_line(self) -> Iterator[Line]:
        """The aggregate stage with its consumer; both closed at the end."""
        workshop = self._workshop
        with closing(workshop.broker.producer()) as producer:
            stage = Aggregate(
                store=workshop.store,
                producer=producer,
                dead_letters=self._dead_letters("aggregate"),
                group=workshop.topics.group("aggregate"),
                bucket=workshop.settings.aggregate.bucket,
                metrics=workshop.aggregate_metrics,
                guard=Guard(workshop.settings.aggregate.guard),
            )
            consumer = self._consumer("aggregate", workshop.topics.labels, start=stage.start_positions)
            with closing(consumer):
                yield Line(stage=stage, consumer=consumer)

    def backlog(self, stop: threading.Event) -> None:
        """Note up to when all that came onto the bus is counted: the evaluation waits for it."""
        workshop, group = self._workshop, self._workshop.topics.group("aggregate")
        backlog = Backlog(workshop.broker, partial(workshop.store.positions, group), topics=workshop.topics)
        while not stop.is_set():
            try:
                if (until := backlog.look(workshop.clock())) is not None:
                    workshop.store.raise_counted_until(group, until)
                    workshop.aggregate_metrics.counted_until.set(until.timestamp())
            except TransientError as err:  # the stage itself says so louder; marks that are set stay
                log.info("backlog_unknown", error=str(err))
            stop.wait(LOOK_EVERY_S)

    def housekeeping(self, stop: threading.Event) -> None:
        """Delete what is older than its retention."""
        workshop, keep = self._workshop, self._workshop.settings.aggregate
        while not stop.is_set():
            now = workshop.clock()
            counted = workshop.store.forget_before(
                evidence=now - keep.evidence_retention,
                buckets=now - keep.bucket_retention,
                seen=now - keep.id_retention,
            )
            told = workshop.store.forget_told(
                texts=now - workshop.settings.stories.keep, documents=now - keep.id_retention
            )
            deleted = {**counted, **told}
            if any(deleted.values()):
                log.info("old_rows_deleted", **deleted)
            stop.wait(HOUSEKEEPING_EVERY_S)

    def evaluate(self, stop: threading.Event) -> None:
        """Evaluate the rules at every tick; one process at a time does, the others stand by.

        Ticks fall on multiples of `evaluate_every`, as in a replay, and so on the ends of buckets: at any other time
        the bucket that is filling would wait for up to another tick.
        """
        workshop = self._workshop
        made, evaluator = workshop.generation, workshop.evaluator()
        while not stop.is_set():
            if made != workshop.generation:
                made = workshop.generation
                workshop.alert_metrics.forget()
                evaluator = workshop.evaluator()
            with workshop.alert_metrics.evaluation_seconds.time():
                evaluator.run_once(workshop.clock())
            alerting = workshop.settings.alerting
            # By the wall's clock: that of a demonstration runs faster than `stop.wait`.
            wait = until_next(utc_now() - alerting.allowed_lateness, alerting.evaluate_every)
            stop.wait(min(wait.total_seconds(), LOOK_AGAIN_S) if evaluator.is_waiting else wait.total_seconds())

    def deliver(self, stop: threading.Event) -> None:
        """Take notifications to their receivers."""
        workshop = self._workshop
        with closing(workshop.delivery()) as delivery:
            while not stop.is_set():
                delivery.use(workshop.notifiers, max_retry_wait=workshop.settings.alerting.max_retry_wait)
                delivery.run_once(workshop.clock())
                stop.wait(DELIVERY_EVERY_S)

    def verdicts(self, stop: threading.Event) -> None:
        """Show in metrics what people say of alerts."""
        while not stop.is_set():
            self._workshop.show_verdicts()
            stop.wait(VERDICTS_EVERY_S)

    def _dead_letters(self, stage: str) -> DeadLetters:
        return DeadLetters(stage=stage, topic=self._workshop.topics.dead_letters, metrics=self._workshop.stage_metrics)

    def _consumer(self, stage: str, topic: str, *, start: StartPositions | None = None) -> Consumer:
        workshop = self._workshop
        return workshop.broker.consumer(
            group=workshop.topics.group(stage),
            topics=[topic],
            start=start,
            max_records=workshop.settings.stream.max_poll_records,
        )

    def _run(self, line: Line, stop: threading.Event) -> None:
        workshop = self._workshop
        give_up_s = min(workshop.settings.kafka.max_poll_interval.total_seconds() / 2, GIVE_UP_S)
        run_stage(
            line.stage,
            line.consumer,
            stop=stop,
            clock=workshop.clock,
            metrics=workshop.stage_metrics,
            give_up_s=give_up_s,
        )
