"""What the monitor reports to Prometheus: one class a stage, labels from closed sets only, base units.

Each class takes the registry, so that tests and several monitors in one process do not meet.
Counters with a closed label set are initialised to zero, so that a rate exists from the start.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from monitor.domain import REJECT_REASONS, Abstention, AlertState, AuthorKind, CapReason, Sentiment, SourceHealth

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)


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

    def start(self, stage: str) -> None:
        """Initialise the counters of `stage` to zero."""
        for counter in (self.records, self.retries, self.fenced, self.restarts, self.lag):
            counter.labels(stage=stage)
        for reason in REJECT_REASONS:
            self.rejected.labels(stage=stage, reason=reason)


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


class ClassifyMetrics:
    """What the model answers. `language` values are those that a model reads, and `other`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.documents = Counter(
            "tapewatch_classify_documents",
            "Documents by outcome: labeled, unscored (in a language that no model reads), rejected.",
            ["outcome"],
            registry=registry,
        )
        self.reused = Counter(
            "tapewatch_classify_reused", "Documents that took the label of a copy instead of being read by the model.",
            registry=registry,
        )  # fmt: skip
        self.languages = Counter(
            "tapewatch_classify_languages", "Documents by detected language.", ["language"], registry=registry
        )
        self.sentiments = Counter(
            "tapewatch_classify_sentiments", "Labels with a verdict, by sentiment.", ["sentiment"], registry=registry
        )
        self.abstentions = Counter(
            "tapewatch_classify_abstentions", "Labels without a verdict, by reason.", ["reason"], registry=registry
        )
        self.model_seconds = Histogram(
            "tapewatch_classify_model_seconds", "Time in the model for one batch.", buckets=SECONDS, registry=registry
        )
        self.latency_seconds = Histogram(
            "tapewatch_publish_to_label_seconds", "From published_at to labeled_at.",
            buckets=(*SECONDS, 900, 3600, 14400, 86400), registry=registry,
        )  # fmt: skip
        for sentiment in Sentiment:
            self.sentiments.labels(sentiment=sentiment.value)
        for reason in Abstention:
            self.abstentions.labels(reason=reason.value)
        for outcome in ("labeled", "unscored", "rejected"):
            self.documents.labels(outcome=outcome)


class ModelMetrics:
    """Which models are in use, a candidate beside them, and drift. `adapter` values come from the configuration."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.info = Gauge("tapewatch_model_info", "1 for each model in use.", ["version"], registry=registry)
        self.swaps = Counter(
            "tapewatch_model_swaps", "Promoted models taken up, by outcome: swapped, failed.", ["outcome"],
            registry=registry,
        )  # fmt: skip
        self.swap_failed = Gauge(
            "tapewatch_model_swap_failed", "1 while the promoted model could not be taken up and an older one goes on.",
            registry=registry,
        )  # fmt: skip
        self.drift_documents = Gauge(
            "tapewatch_model_drift_documents", "Latest documents that the other drift figures are about.", ["adapter"],
            registry=registry,
        )  # fmt: skip
        self.drift_label_mix = Gauge(
            "tapewatch_model_drift_label_mix",
            "Population stability index of the labels against the training reference, by task: sentiment, topic.",
            ["adapter", "task"],
            registry=registry,
        )
        self.drift_confidence = Gauge(
            "tapewatch_model_drift_confidence_shift",
            "Mean probability of the most probable sentiment, less that of the training reference.",
            ["adapter"],
            registry=registry,
        )
        self.drift_unknown = Gauge(
            "tapewatch_model_drift_unknown_tokens_ratio", "Share of tokens that the vocabulary lacks.", ["adapter"],
            registry=registry,
        )  # fmt: skip
        self.drift_unknown_reference = Gauge(
            "tapewatch_model_reference_unknown_tokens_ratio", "The same of the training reference.", ["adapter"],
            registry=registry,
        )  # fmt: skip
        self._shadow(registry)
        for outcome in ("swapped", "failed"):
            self.swaps.labels(outcome=outcome)

    def _shadow(self, registry: CollectorRegistry) -> None:
        self.shadow_documents = Counter(
            "tapewatch_shadow_documents",
            "Documents sampled for the candidate, by outcome: compared, failed, skipped (it was busy).",
            ["outcome"],
            registry=registry,
        )
        self.shadow_disagreements = Counter(
            "tapewatch_shadow_disagreements", "Compared documents on which the candidate differs, by task.", ["task"],
            registry=registry,
        )  # fmt: skip
        self.shadow_confidence = Counter(
            "tapewatch_shadow_confidence",
            "Sum over the compared documents of the probability of the most probable sentiment, by side: active, "
            "candidate.",
            ["side"],
            registry=registry,
        )
        for outcome in ("compared", "failed", "skipped"):
            self.shadow_documents.labels(outcome=outcome)
        for task in ("sentiment", "topic"):
            self.shadow_disagreements.labels(task=task)
        for side in ("active", "candidate"):
            self.shadow_confidence.labels(side=side)


class AggregateMetrics:
    """Buckets, and the sentiment of what is watched. Entity values come from the watchlist, topics from the model."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.documents = Counter(
            "tapewatch_aggregate_documents", "Labels by outcome: counted, repeated, rejected.", ["outcome"],
            registry=registry,
        )  # fmt: skip
        self.late = Counter(
            "tapewatch_aggregate_late_documents", "Counted documents that came after the allowed lateness.",
            registry=registry,
        )  # fmt: skip
        self.stories = Counter("tapewatch_aggregate_stories", "New stories.", registry=registry)
        self.watermark = Gauge(
            "tapewatch_aggregate_watermark_timestamp_seconds", "Latest event time counted.", registry=registry
        )
        self.held_back = Counter(
            "tapewatch_aggregate_held_back_documents",
            "Documents of which a cap held back a story, by cap: author, domain, entities.",
            ["reason"],
            registry=registry,
        )
        self.authors = Counter(
            "tapewatch_aggregate_authors", "Counted posts, by what their author was: new, bursting, known.", ["kind"],
            registry=registry,
        )  # fmt: skip
        for outcome in ("counted", "repeated", "rejected"):
            self.documents.labels(outcome=outcome)
        for reason in CapReason:
            self.held_back.labels(reason=reason.value)
        for kind in AuthorKind:
            self.authors.labels(kind=kind.value)


class AlertMetrics:
    """Evaluation, alert states, deliveries, and the sentiment of what is watched."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.alerts = Gauge("tapewatch_alerts", "Alerts by rule and state.", ["rule", "state"], registry=registry)
        self.transitions = Counter(
            "tapewatch_alert_transitions", "Transitions by rule and new state.", ["rule", "state"], registry=registry
        )
        self.evaluations = Counter(
            "tapewatch_alert_evaluations", "Evaluations by outcome: done, standby, failed.", ["outcome"],
            registry=registry,
        )  # fmt: skip
        self.evaluation_seconds = Histogram(
            "tapewatch_alert_evaluation_seconds", "Time for one evaluation of all rules.", buckets=SECONDS,
            registry=registry,
        )  # fmt: skip
        self.last_evaluation = Gauge(
            "tapewatch_alert_last_evaluation_timestamp_seconds", "When all rules were last evaluated.",
            registry=registry,
        )  # fmt: skip
        self.deliveries = Counter(
            "tapewatch_deliveries", "Attempts to deliver, by outcome: delivered, retry, refused.",
            ["receiver", "outcome"], registry=registry,
        )  # fmt: skip
        self.outbox = Gauge("tapewatch_outbox_notifications", "Notifications that wait.", registry=registry)
        self.sentiment = Gauge(
            "tapewatch_sentiment",
            "Mean p(positive) - p(negative) of the stories of the last window, -1 to 1; 0 without stories.",
            ["entity", "topic"],
            registry=registry,
        )
        self.stories = Gauge(
            "tapewatch_window_stories", "Stories in the last window.", ["entity", "topic", "sentiment"],
            registry=registry,
        )  # fmt: skip
        for outcome in ("done", "standby", "failed"):
            self.evaluations.labels(outcome=outcome)

    def start_rule(self, rule: str) -> None:
        """Initialise the series of `rule` to zero."""
        for state in AlertState:
            self.alerts.labels(rule=rule, state=state.value).set(0)
            self.transitions.labels(rule=rule, state=state.value)

    def start_receiver(self, receiver: str) -> None:
        """Initialise the series of `receiver` to zero."""
        for outcome in ("delivered", "retry", "refused"):
            self.deliveries.labels(receiver=receiver, outcome=outcome)
