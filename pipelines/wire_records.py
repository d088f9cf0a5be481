"""The shapes of what is on the bus and of what senders write; `pipelines.wire` reads and writes them."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Literal

import msgspec

from monitor.domain import Abstention, SourceClass


class Submission(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A document as a sender writes it (HTTP push, JSON-lines files)."""

    published_at: str
    text: str
    source: str | None = None  #: Required over HTTP; a file source gives its own name.
    id: str | None = None
    source_class: Literal["news", "social", "filing"] | None = None
    title: str | None = None
    url: str | None = None
    lang: str | None = None
    author: str | None = None
    entities: tuple[str, ...] = ()


class ScoresRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Relevance and novelty of one entity of a document, on the bus."""

    entity: str
    relevance: float
    novelty: tuple[int, ...]


class DocumentRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A document on the bus."""

    v: int
    id: str
    source: str
    source_class: SourceClass
    published_at: datetime
    seen_at: datetime
    text: str
    title: str = ""
    url: str | None = None
    lang: str | None = None
    author: str | None = None
    entities: tuple[str, ...] = ()
    story_id: str = ""
    text_key: str = ""
    scores: tuple[ScoresRecord, ...] = ()


class EntityRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The sentiment towards one entity, on the bus."""

    entity: str
    negative: float
    neutral: float
    positive: float
    uncertain: bool = False


class LabelRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A label on the bus, with its document (text cut to an excerpt)."""

    v: int
    document: DocumentRecord
    topic: str
    topic_probability: float
    negative: float
    neutral: float
    positive: float
    model: str
    labeled_at: datetime
    entities: tuple[EntityRecord, ...] = ()
    finance: float = 1.0
    abstained: Abstention | None = None


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A refused record, whole, with the reason and where it came from."""

    v: int
    stage: str
    reason: str
    detail: str
    topic: str | None  #: None when it was refused before it reached the bus; then `source` says where it came from.
    partition: int | None
    offset: int | None
    source: str | None
    at: datetime
    key_base64: str | None
    value_base64: str  #: The original bytes.

    @property
    def value(self) -> bytes:
        """The original bytes."""
        return base64.b64decode(self.value_base64)
