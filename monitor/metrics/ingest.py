"""What comes in: documents, stories, the health of sources."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from monitor.domain import SourceHealth
from monitor.metrics.bucket_bounds import SECONDS


class IngestMetrics:
    """Sources and documents coming in. `source` values come from the configuration; push counts as `push`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.documents = Counter(
            "tapewatch_ingest_documents",
            "Documents met, by outcome: published, repeated, rejected, cut (published, but its text was cut).",
            ["source", "outcome"],
            registry=registry,
        )
        self.polls = Counter(
            "tapewatch_ingest_polls",
            "Polls by outcome: changed, unchanged, transient, refused, invalid.",
            ["source", "outcome"],
            registry=registry,
        )
        self.poll_seconds = Histogram(
            "tapewatch_ingest_poll_seconds", "Time for one poll.", ["source"], buckets=SECONDS, registry=registry
        )
        self.redated = Counter(
            "tapewatch_ingest_redated",
            "Documents dated when seen, because the source gave no date, or one in the future.",
            ["source"],
            registry=registry,
        )
        self.failures = Gauge(
            "tapewatch_source_failures", "Failed polls in a row; 0 is healthy.", ["source"], registry=registry
        )
        self.last_success = Gauge(
            "tapewatch_source_last_success_timestamp_seconds", "When a poll last succeeded.", ["source"],
            registry=registry,
        )  # fmt: skip


class StoryMetrics:
    """Which documents are copies of one another."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.documents = Counter(
            "tapewatch_story_documents",
            "Documents by what they are to the stories told so far: new, copy, reading (a known story in other words).",
            ["outcome"],
            registry=registry,
        )
        self.texts = Gauge("tapewatch_story_texts", "Texts that copies are looked for among.", registry=registry)
        self.index_bytes = Gauge("tapewatch_story_index_bytes", "Memory that their index takes.", registry=registry)
        self.seconds = Histogram(
            "tapewatch_story_seconds", "Time to find the stories of what came in at once.", buckets=SECONDS,
            registry=registry,
        )  # fmt: skip
        for outcome in ("new", "copy", "reading"):
            self.documents.labels(outcome=outcome)


class SourceMetrics:
    """How each source is. `source` values come from the configuration; push counts as `push`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.health = Gauge(
            "tapewatch_source_health",
            "1 for the state that a source is in: healthy, failing, dead, silent, unknown; 0 for the others.",
            ["source", "state"],
            registry=registry,
        )
        self.last_document = Gauge(
            "tapewatch_source_last_document_timestamp_seconds",
            "Start of the quarter of an hour in which a source last gave a new document.",
            ["source"],
            registry=registry,
        )
        self.coverage = Gauge(
            "tapewatch_source_coverage_ratio", "Share of the last 24 h in which a source was looked at.", ["source"],
            registry=registry,
        )  # fmt: skip

    def start_source(self, source: str) -> None:
        """Initialise the states of `source` to zero."""
        for state in SourceHealth:
            self.health.labels(source=source, state=state.value).set(0)
