"""What the model answers, and what is known of it."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from monitor.domain import Abstention, Sentiment
from monitor.metrics.bucket_bounds import LATENCIES, SECONDS


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
            buckets=LATENCIES, registry=registry,
        )  # fmt: skip
        self.queue_age_seconds = Histogram(
            "tapewatch_classify_queue_age_seconds",
            "Of each batch the longest time since a document was seen, when the batch was taken in hand.",
            buckets=LATENCIES,
            registry=registry,
        )
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
