"""What every stage reports."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from monitor.domain import REJECT_REASONS
from monitor.metrics.bucket_bounds import SECONDS, SIZES


class StageMetrics:
    """What the one loop in `pipelines/stage.py` reports, for every stage."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.records = Counter("tapewatch_stage_records", "Records a stage has finished.", ["stage"], registry=registry)
        self.batch_size = Histogram(
            "tapewatch_stage_batch_records", "Records in one batch.", ["stage"], buckets=SIZES, registry=registry
        )
        self.batch_seconds = Histogram(
            "tapewatch_stage_batch_seconds", "Time for one batch.", ["stage"], buckets=SECONDS, registry=registry
        )
        self.retries = Counter(
            "tapewatch_stage_retries", "Batches tried again after a transient error.", ["stage"], registry=registry
        )
        self.fenced = Counter(
            "tapewatch_stage_fenced", "Batches dropped because another worker owned them.", ["stage"], registry=registry
        )
        self.restarts = Counter(
            "tapewatch_stage_restarts", "Times a stage was started over after an error.", ["stage"], registry=registry
        )
        self.lag = Gauge(
            "tapewatch_stage_lag_records", "Records between a stage and the end of its topics.", ["stage"],
            registry=registry,
        )  # fmt: skip
        self.rejected = Counter(
            "tapewatch_dead_letters", "Records sent to the dead letters.", ["stage", "reason"], registry=registry
        )

    def start_loop(self, stage: str) -> None:
        """Initialise everything of a `stage` that reads from the bus."""
        self.start(stage)
        for histogram in (self.batch_size, self.batch_seconds):
            histogram.labels(stage=stage)

    def start(self, stage: str) -> None:
        """Initialise the counters of `stage` to zero."""
        for counter in (self.records, self.retries, self.fenced, self.restarts, self.lag):
            counter.labels(stage=stage)
        for reason in REJECT_REASONS:
            self.rejected.labels(stage=stage, reason=reason)
