"""The only serialiser: documents, labels and dead letters as versioned JSON on the bus.

Two doors. Records between our own stages (`decode_document`, `decode_label`) tolerate unknown keys, so that a newer
stage may add some. Documents from outside (`decode_submission`) are refused for an unknown key: it is most often a
misspelt one. Every refusal is an `InvalidRecordError` that names the key.
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from monitor.domain import (
    Document,
    EntityScores,
    EntitySentiment,
    Label,
    Prediction,
    Probabilities,
    Record,
)
from monitor.errors import InvalidRecordError
from pipelines.wire_records import DeadLetter, DocumentRecord, EntityRecord, LabelRecord, ScoresRecord, Submission

VERSION = 1
_T = TypeVar("_T")
EXCERPT_CHARS = 400  #: Characters of text that travel in a label record.


_submission = msgspec.json.Decoder(Submission)
_document = msgspec.json.Decoder(DocumentRecord)
_label = msgspec.json.Decoder(LabelRecord)
_dead_letter = msgspec.json.Decoder(DeadLetter)
_encoder = msgspec.json.Encoder()


def decode_submission(data: bytes) -> Submission:
    """Read a sender's document; strict."""
    return _decode(_submission, data)


def encode_document(document: Document) -> bytes:
    """Write `document` for the documents topic."""
    return _encoder.encode(_document_record(document, document.text))


def decode_document(data: bytes) -> Document:
    """Read a record of the documents topic."""
    record = _decode(_document, data)
    _check_version(record.v)
    return _to_document(record)


def encode_label(label: Label) -> bytes:
    """Write `label` for the labels topic."""
    prediction = label.prediction
    record = LabelRecord(
        v=VERSION,
        document=_document_record(label.document, label.document.text[:EXCERPT_CHARS]),
        topic=prediction.topic,
        topic_probability=round(prediction.topic_probability, 6),
        model=prediction.model,
        labeled_at=label.labeled_at,
        entities=tuple(
            EntityRecord(entity=answer.entity, uncertain=answer.uncertain, **_split(answer.probabilities))
            for answer in prediction.entities
        ),
        finance=round(prediction.finance, 6),
        abstained=prediction.abstained,
        **_split(prediction.probabilities),
    )
    return _encoder.encode(record)


def decode_label(data: bytes) -> Label:
    """Read a record of the labels topic."""
    record = _decode(_label, data)
    _check_version(record.v)
    prediction = Prediction(
        topic=record.topic,
        topic_probability=record.topic_probability,
        probabilities=_joined(record),
        model=record.model,
        entities=tuple(
            EntitySentiment(entity=answer.entity, probabilities=_joined(answer), uncertain=answer.uncertain)
            for answer in record.entities
        ),
        finance=record.finance,
        abstained=record.abstained,
    )
    return Label(
        document=_to_document(record.document), prediction=prediction, labeled_at=_utc(record.labeled_at, "labeled_at")
    )


def _split(probabilities: Probabilities) -> dict[str, float]:
    return {name: round(getattr(probabilities, name), 6) for name in ("negative", "neutral", "positive")}


def _joined(record: LabelRecord | EntityRecord) -> Probabilities:
    return Probabilities(negative=record.negative, neutral=record.neutral, positive=record.positive)


def encode_dead_letter(record: Record, error: InvalidRecordError, *, stage: str, at: datetime) -> bytes:
    """Write the dead letter of a record that was read from the bus."""
    letter = DeadLetter(
        v=VERSION,
        stage=stage,
        reason=error.reason,
        detail=str(error)[:2000],
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        source=None,
        at=at,
        key_base64=None if record.key is None else base64.b64encode(record.key).decode("ascii"),
        value_base64=base64.b64encode(record.value).decode("ascii"),
    )
    return _encoder.encode(letter)


def encode_refusal(value: bytes, error: InvalidRecordError, *, source: str, at: datetime) -> bytes:
    """Write the dead letter of something refused by ingest, before it reached the bus."""
    letter = DeadLetter(
        v=VERSION,
        stage="ingest",
        reason=error.reason,
        detail=str(error)[:2000],
        topic=None,
        partition=None,
        offset=None,
        source=source,
        at=at,
        key_base64=None,
        value_base64=base64.b64encode(value).decode("ascii"),
    )
    return _encoder.encode(letter)


def decode_dead_letter(data: bytes) -> DeadLetter:
    """Read a record of the dead-letters topic."""
    return _decode(_dead_letter, data)


def _decode(decoder: msgspec.json.Decoder[_T], data: bytes) -> _T:
    try:
        return decoder.decode(data)
    except msgspec.ValidationError as err:
        raise InvalidRecordError(str(err), reason="schema") from err
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
        raise InvalidRecordError(f"not JSON: {err}", reason="malformed_json") from err


def _check_version(version: int) -> None:
    if version != VERSION:
        message = f"wire version {version}; this program reads {VERSION}"
        raise InvalidRecordError(message, reason="unsupported_version")


def _utc(at: datetime, name: str) -> datetime:
    if at.tzinfo is None:
        raise InvalidRecordError(f"{name} has no time zone", reason="bad_date")
    return at.astimezone(UTC)


def _document_record(document: Document, text: str) -> DocumentRecord:
    return DocumentRecord(
        v=VERSION,
        id=document.id,
        source=document.source,
        source_class=document.source_class,
        published_at=document.published_at,
        seen_at=document.seen_at,
        text=text,
        title=document.title,
        url=document.url,
        lang=document.lang,
        author=document.author,
        entities=document.entities,
        story_id=document.story_id,
        text_key=document.text_key,
        scores=tuple(
            ScoresRecord(entity=scores.entity, relevance=round(scores.relevance, 4), novelty=scores.novelty)
            for scores in document.scores
        ),
    )


def _to_document(record: DocumentRecord) -> Document:
    return Document(
        id=record.id,
        source=record.source,
        source_class=record.source_class,
        published_at=_utc(record.published_at, "published_at"),
        seen_at=_utc(record.seen_at, "seen_at"),
        text=record.text,
        title=record.title,
        url=record.url,
        lang=record.lang,
        author=record.author,
        entities=record.entities,
        story_id=record.story_id,
        text_key=record.text_key,
        scores=tuple(
            EntityScores(entity=scores.entity, relevance=scores.relevance, novelty=scores.novelty)
            for scores in record.scores
        ),
    )
