"""Classify documents: consume the documents topic, produce the labels topic.

At least once: offsets are committed only after every label and dead letter is acknowledged. A document that the model
cannot answer goes to the dead letters; the rest of its batch is labelled. A document in a language that no model reads
is labelled as not scored, and of texts that read alike one is read for all. The models may change between two batches,
never within one.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from monitor.domain import Abstention, Document, Label, Message, Prediction, Record
from monitor.errors import InvalidRecordError, MonitorError
from monitor.metrics import ClassifyMetrics
from monitor.ports import Producer
from pipelines import wire
from pipelines.confidence import with_confidence
from pipelines.dead_letters import DeadLetters, Refused, split
from pipelines.label_cache import LabelCache
from pipelines.routing import Models, Question, Reader, Routes, ask
from pipelines.topics import Topics

log = structlog.get_logger(__name__)

OTHER = "other"  #: In metrics, every language that no model reads.


class Classify:
    """The stage: one call of `handle` is one batch."""

    name = "classify"

    def __init__(  # noqa: PLR0913 - joined to everything it needs in one place, the composition root
        self,
        *,
        models: Models,
        reader: Reader,
        producer: Producer,
        topics: Topics,
        dead_letters: DeadLetters,
        metrics: ClassifyMetrics,
        confidence: float | None = None,
    ) -> None:
        self._models = models
        self._reader = reader
        self._producer = producer
        self._topics = topics
        self._dead_letters = dead_letters
        self._metrics = metrics
        self._confidence = confidence  # of a verdict; None: as the adapter says
        self._read = LabelCache()

    def handle(self, batch: Sequence[Record], now: datetime) -> None:
        """Label `batch`; returns once labels and dead letters are acknowledged."""
        good, refused = split(batch, wire.decode_document)
        routes = self._models.routes(now)
        questions = [self._reader.question(document) for _, document in good]
        self._report_age([document for _, document in good], now)
        started_s = time.monotonic()
        found = self._read.answer(routes, questions, ask)
        took_s = time.monotonic() - started_s
        labeled_at = now + timedelta(seconds=took_s)
        labels: list[Label] = []
        for (record, document), answer in zip(good, found.answers, strict=True):
            if isinstance(answer, Prediction):
                labels.append(Label(document=document, prediction=self._decided(answer), labeled_at=labeled_at))
            else:
                refused.append(_model_failed(record, document, answer))
        messages = [self._message(label) for label in labels]
        self._producer.send([*messages, *self._dead_letters.messages(refused, now=now)])
        self._dead_letters.count(refused)
        self._count_languages(questions, routes)
        self._metrics.reused.inc(found.reused)
        self._report(labels, refused=len(refused), took_s=took_s)
        self._models.saw(found.answered)

    def _decided(self, answer: Prediction) -> Prediction:
        return answer if self._confidence is None else with_confidence(answer, self._confidence)

    def _report_age(self, documents: Sequence[Document], now: datetime) -> None:
        if documents:
            age = now - min(document.seen_at for document in documents)
            self._metrics.queue_age_seconds.observe(max(0.0, age.total_seconds()))

    def _message(self, label: Label) -> Message:
        # The story is the key, so that copies of one story meet in one partition, hence in one aggregate worker.
        key = (label.document.story_id or label.document.id).encode()
        return Message(topic=self._topics.labels, key=key, value=wire.encode_label(label))

    def _count_languages(self, questions: Sequence[Question], routes: Routes) -> None:
        for question in questions:
            language = question.language if question.language in routes else OTHER
            self._metrics.languages.labels(language=language).inc()

    def _report(self, labels: Sequence[Label], *, refused: int, took_s: float) -> None:
        metrics = self._metrics
        unscored = sum(label.prediction.abstained is Abstention.LANGUAGE for label in labels)
        metrics.model_seconds.observe(took_s)
        metrics.documents.labels(outcome="labeled").inc(len(labels) - unscored)
        metrics.documents.labels(outcome="unscored").inc(unscored)
        metrics.documents.labels(outcome="rejected").inc(refused)
        for label in labels:
            self._report_label(label)
        log.debug(
            "batch_classified", documents=len(labels), unscored=unscored, rejected=refused, seconds=round(took_s, 4)
        )

    def _report_label(self, label: Label) -> None:
        abstained = label.prediction.abstained
        if abstained is None:
            self._metrics.sentiments.labels(sentiment=label.prediction.sentiment.value).inc()
        else:
            self._metrics.abstentions.labels(reason=abstained.value).inc()
        delay = label.labeled_at - label.document.published_at
        self._metrics.latency_seconds.observe(max(0.0, delay.total_seconds()))


def _model_failed(record: Record, document: Document, error: Exception) -> Refused:
    """The refusal of a document on which the model raised; an error of our own keeps its reason."""
    if isinstance(error, InvalidRecordError):
        return Refused(record=record, error=error)
    if isinstance(error, MonitorError):
        raise error
    detail = f"document {document.id}: {type(error).__name__}: {error}"
    return Refused(record=record, error=InvalidRecordError(detail, reason="model_failed"))
