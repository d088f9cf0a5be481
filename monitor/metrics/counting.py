"""What is counted, and what is made of it: buckets and alerts."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from monitor.domain import AlertState, AuthorKind, CapReason
from monitor.metrics.bucket_bounds import LATENCIES, SECONDS


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
        self.counted_until = Gauge(
            "tapewatch_aggregate_counted_until_timestamp_seconds",
            "All that came onto the bus before this is counted; 0 before it is known.",
            registry=registry,
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
        self.queue_age_seconds = Histogram(
            "tapewatch_aggregate_queue_age_seconds",
            "Of each batch the longest time since a document was labelled, when the batch was taken in hand.",
            buckets=LATENCIES,
            registry=registry,
        )
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
            "tapewatch_alert_evaluations", "Evaluations by outcome: done, standby, failed, clock-behind, waiting.",
            ["outcome"], registry=registry,
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
        self.latency_seconds = Histogram(
            "tapewatch_publish_to_alert_seconds",
            "From published_at of the latest document shown as evidence to the evaluation that fired.",
            buckets=LATENCIES,
            registry=registry,
        )
        self.delivery_seconds = Histogram(
            "tapewatch_delivery_seconds", "From the making of a notification to its delivery.", ["receiver"],
            buckets=LATENCIES, registry=registry,
        )  # fmt: skip
        self._expectations(registry)
        for outcome in ("done", "standby", "failed", "clock-behind", "waiting"):
            self.evaluations.labels(outcome=outcome)

    def _expectations(self, registry: CollectorRegistry) -> None:
        self.negative = Gauge(
            "tapewatch_negative_stories", "Negative stories in the window of a rule; 0 where it has none.",
            ["rule", "entity", "topic"], registry=registry,
        )  # fmt: skip
        self.expected = Gauge(
            "tapewatch_expected_negative_stories",
            "Negative stories that the baseline expects in the window of a rule; 0 before it has learned.",
            ["rule", "entity", "topic"],
            registry=registry,
        )

    def forget(self) -> None:
        """Show nothing of rules and entities, which may be others from now on."""
        for gauge in (self.alerts, self.sentiment, self.stories, self.negative, self.expected):
            gauge.clear()

    def start_rule(self, rule: str) -> None:
        """Initialise the series of `rule` to zero."""
        for state in AlertState:
            self.alerts.labels(rule=rule, state=state.value).set(0)
            self.transitions.labels(rule=rule, state=state.value)

    def start_receiver(self, receiver: str) -> None:
        """Initialise the series of `receiver` to zero."""
        for outcome in ("delivered", "retry", "refused"):
            self.deliveries.labels(receiver=receiver, outcome=outcome)
        self.delivery_seconds.labels(receiver=receiver)
