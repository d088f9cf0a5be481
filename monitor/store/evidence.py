"""Labels as rows: the evidence that alerts show, and which entities each document mentions. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from monitor.domain import ALL, EntityScores, Label, Prediction, Tellings
from monitor.store.bulk import Row
from monitor.store.values import storable, storable_or_none, to_micros

TITLE_CHARS = 300


def story_of(label: Label) -> str:
    """The story that `label` tells; a document without one is a story of its own."""
    return storable(label.document.story_id or label.document.id)


def evidence_rows(labels: Sequence[Label], tellings: Tellings) -> list[Row]:
    """One row a label, sorted by key."""
    return [_evidence(label, tellings) for label in sorted(labels, key=lambda label: storable(label.document.id))]


def mention_rows(labels: Sequence[Label], tellings: Tellings) -> list[Row]:
    """One row an entity and label, sorted by key."""
    rows = {(row["entity"], row["published_at"], row["document_id"]): row for row in _mentions(labels, tellings)}
    return [rows[key] for key in sorted(rows)]


def dump_novelty(novelty: Sequence[int]) -> str:
    """Novelty as stored: numbers separated by spaces."""
    return " ".join(map(str, novelty))


def load_novelty(text: str | None) -> tuple[int, ...]:
    """What `dump_novelty` wrote; empty where nothing is known."""
    return tuple(map(int, text.split())) if text else ()


def _mentions(labels: Sequence[Label], tellings: Tellings) -> Iterator[Row]:
    for label in labels:
        document, prediction = label.document, label.prediction
        scores = {of.entity: of for of in document.scores}
        for entity in document.entities:
            yield {
                "entity": storable(entity),
                "published_at": to_micros(document.published_at),
                "document_id": storable(document.id),
                "sentiment": _verdict(prediction, entity),
                "negative": prediction.towards(entity).probabilities.negative,
                "told": _told(label, entity, tellings),
                **_scores(scores.get(entity)),
            }


def _scores(scores: EntityScores | None) -> dict[str, object]:
    if scores is None:
        return {"relevance": None, "novelty": None}
    return {"relevance": scores.relevance, "novelty": dump_novelty(scores.novelty)}


def _told(label: Label, entity: str, tellings: Tellings) -> int:
    telling = tellings.get((label.document.id, entity))
    return telling.told if telling else 0


def _verdict(prediction: Prediction, entity: str = ALL) -> str:
    verdict = prediction.verdict(entity)
    return verdict.value if verdict else ""


def _evidence(label: Label, tellings: Tellings) -> Row:
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
        "told": _told(label, ALL, tellings),
    }
