"""Classify: every document becomes a label or a dead letter, never nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from prometheus_client import CollectorRegistry

from monitor.domain import Document, Message, Prediction, Probabilities, Record, SourceClass
from monitor.errors import InvalidRecordError, TransientError
from monitor.metrics import ClassifyMetrics, StageMetrics
from pipelines import wire
from pipelines.classify import Classify
from pipelines.dead_letters import DeadLetters
from pipelines.topics import Topics

T0 = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
TOPICS = Topics(prefix="t")


class WordClassifier:
    """Negative when the text says so; fails on a text that says `explode`."""

    version = "words-1"

    def classify(self, texts: Sequence[str]) -> Sequence[Prediction | Exception]:
        return [self._answer(text) for text in texts]

    def _answer(self, text: str) -> Prediction | Exception:
        if "explode" in text:
            return RuntimeError("boom")
        negative = 0.9 if "bad" in text else 0.1
        probabilities = Probabilities(negative=negative, neutral=1 - negative, positive=0.0)
        return Prediction(topic="Earnings", topic_probability=0.5, probabilities=probabilities, model=self.version)


class ListProducer:
    """Remembers what was sent; refuses while `away`."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.away = False

    def send(self, messages: Sequence[Message]) -> None:
        if self.away:
            raise TransientError("broker away")
        self.sent += messages

    def close(self) -> None:
        """Nothing to release."""


def record(offset: int, text: str | None) -> Record:
    """A record of the documents topic; without text, bytes that are not JSON."""
    value = b"{oops"
    if text is not None:
        document = Document(
            id=f"d{offset}", source="wire", source_class=SourceClass.NEWS, published_at=T0, seen_at=T0, text=text,
            story_id=f"s{offset}",
        )  # fmt: skip
        value = wire.encode_document(document)
    return Record(topic=TOPICS.documents, partition=0, offset=offset, key=None, value=value)


def stage() -> tuple[Classify, ListProducer, CollectorRegistry]:
    """The stage over fakes, with its producer and registry."""
    registry, producer = CollectorRegistry(), ListProducer()
    letters = DeadLetters(stage="classify", topic=TOPICS.dead_letters, metrics=StageMetrics(registry))
    made = Classify(
        classifier=WordClassifier(),
        producer=producer,
        topics=TOPICS,
        dead_letters=letters,
        metrics=ClassifyMetrics(registry),
    )
    return made, producer, registry


def test_labels_keep_their_document_and_are_keyed_by_story() -> None:
    """Copies of one story meet in one partition."""
    made, producer, registry = stage()

    made.handle([record(0, "bad news"), record(1, "good news")], T0)

    labels = [wire.decode_label(message.value) for message in producer.sent]
    assert [label.document.id for label in labels] == ["d0", "d1"]
    assert [label.prediction.sentiment.value for label in labels] == ["negative", "neutral"]
    assert [message.key for message in producer.sent] == [b"s0", b"s1"]
    assert registry.get_sample_value("tapewatch_classify_documents_total", {"outcome": "labeled"}) == 2


def test_a_poisoned_record_costs_one_dead_letter_and_nothing_else() -> None:
    """Both kinds of poison: bytes that cannot be read, and a text on which the model fails."""
    made, producer, registry = stage()

    made.handle([record(0, None), record(1, "explode"), record(2, "bad news")], T0)

    letters = [wire.decode_dead_letter(m.value) for m in producer.sent if m.topic == TOPICS.dead_letters]
    assert [(letter.offset, letter.reason) for letter in letters] == [(0, "malformed_json"), (1, "model_failed")]
    assert letters[0].value == b"{oops"
    assert [wire.decode_label(m.value).document.id for m in producer.sent if m.topic == TOPICS.labels] == ["d2"]
    assert (
        registry.get_sample_value("tapewatch_dead_letters_total", {"stage": "classify", "reason": "model_failed"}) == 1
    )


def test_a_broker_that_is_away_counts_nothing_and_is_asked_again() -> None:
    """Nothing is counted before it is acknowledged, so a retry does not count twice."""
    made, producer, registry = stage()
    producer.away = True

    with pytest.raises(TransientError):
        made.handle([record(0, None)], T0)

    reason = {"stage": "classify", "reason": "malformed_json"}
    assert not registry.get_sample_value("tapewatch_dead_letters_total", reason)
    producer.away = False
    made.handle([record(0, None)], T0)
    assert registry.get_sample_value("tapewatch_dead_letters_total", reason) == 1


def test_a_label_from_the_future_wire_version_is_refused_with_its_version() -> None:
    """A newer producer is named, not misread."""
    with pytest.raises(InvalidRecordError, match="wire version 2"):
        wire.decode_document(record(0, "text").value.replace(b'"v":1', b'"v":2'))
