"""Stories as people look them up: which were told most, and every document that tells one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from monitor.domain.documents import Sentiment


@dataclass(frozen=True, slots=True, kw_only=True)
class StorySummary:
    """One story."""

    story_id: str
    title: str  #: Of the first document that was counted; empty where that is no longer kept.
    source: str  #: Likewise.
    first_published_at: datetime  #: UTC; of all documents that tell it, as the next.
    last_published_at: datetime
    reach: int  #: Documents that tell it, at least 1.


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryDocument:
    """One document of a story."""

    id: str
    published_at: datetime  #: UTC.
    source: str
    source_class: str
    title: str  #: Title, or the beginning of the text.
    url: str | None
    author: str | None
    topic: str
    sentiment: Sentiment | None  #: The verdict on the text as a whole, where there is one.
    negative: float  #: p(negative), in [0, 1].
    novelty: Mapping[str, tuple[int, ...]]  #: By entity, one each of `LOOK_BACKS`; empty where it is not known.
    relevance: Mapping[str, float]  #: By entity, in [0, 1], where it is known.
    counted_for: tuple[str, ...]  #: Entities, `ALL` included, in whose counts the story stands with this document.
