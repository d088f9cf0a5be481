"""Labels as rows: the evidence that alerts show, and which entities each document mentions. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from monitor.domain import ALL, Label, Prediction
from monitor.store.bulk import Row
from monitor.store.values import storable, storable_or_none, to_micros

TITLE_CHARS = 300


def story_of(label: Label) -> str:
    """The story that `label` tells; a document without one is a story of its own."""
    return storable(label.document.story_id or label.document.id)


def evidence_rows(labels: Sequence[Label]) -> list[Row]:
    """One row a label, sorted by key."""
    return [_evidence(label) for label in sorted(labels, key=lambda label: storable(label.document.id))]


def mention_rows(labels: Sequence[Label]) -> list[Row]:
    """One row an entity and label, sorted by key."""
    rows = {(row["entity"], row["published_at"], row["document_id"]): row for row in _mentions(labels)}
    return [rows[key] for key in sorted(rows)]


def _mentions(labels: Sequence[Label]) -> Iterator[Row]:
    for label in labels:
        document, prediction = label.document, label.prediction
        for entity in document.entities:
            yield {
                "entity": storable(entity),
                "published_at": to_micros(document.published_at),
                "document_id": storable(document.id),
                "sentiment": _verdict(prediction, entity),
                "negative": prediction.towards(entity).probabilities.negative,
            }


def _verdict(prediction: Prediction, entity: str = ALL) -> str:
    verdict = prediction.verdict(entity)
    return verdict.value if verdict else ""


def _evidence(label: Label) -> Row:
    document, prediction = label.document, label.prediction
    return {
        "document_id": storable(document.id),
        "published_at": to_micros(document.published_at),
        "source": storable(document.source),
        "source_class": document.source_class.value,
        "title": storable((document.title or document.text)[:TITLE_CHARS]),
        "url": storable_or_none(document.url),
        "author": storable_or_none(document.author),
        "topic": storable(prediction.topic),
        "sentiment": _verdict(prediction),
        "negative": prediction.probabilities.negative,
        "neutral": prediction.probabilities.neutral,
        "positive": prediction.probabilities.positive,
        "story_id": story_of(label),
        "model": storable(prediction.model),
        "labeled_at": to_micros(label.labeled_at),
    }
