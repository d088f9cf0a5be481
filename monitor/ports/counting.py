"""What the aggregate stage asks of the store: counts, evidence and offsets in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from monitor.domain import (
    AuthorKind,
    BucketKey,
    CapReason,
    Counts,
    Label,
    Partition,
    Tellings,
)

Tally = Callable[[Sequence[Label], Tellings], Mapping[BucketKey, Counts]]
"""Pure: labels not counted before, and in which series each of them tells its story -> what to add."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """The cap that a document is held against in the series of one entity."""

    voice: str  #: Who speaks: an author's digest, a domain, a source.
    entity: str
    slot_at: datetime  #: UTC; start of the span, in event time, in which stories are counted.
    stories: int  #: So many may be told in the span; 0: none, and nobody has to be asked.
    reason: CapReason


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorRecord:
    """What is known of an author, in event time."""

    first_seen_at: datetime  #: UTC, as the next.
    last_seen_at: datetime
    recent: int  #: Posts in the hour of `last_seen_at`.


class Guard(Protocol):
    """Pure: how much of what is counted one author or one domain may tell."""

    def allowances(self, label: Label) -> Mapping[str, Allowance]:
        """By entity, `ALL` included; an entity that is left out is not capped."""

    def author(self, label: Label) -> str | None:
        """The digest of who posted it; None where nobody is followed."""

    def meet(self, known: AuthorRecord | None, at: datetime) -> tuple[AuthorRecord, AuthorKind]:
        """What is known of an author after a post at `at`, and what he was with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetSpan:
    """The records of one partition in a batch, by offsets."""

    first: int  #: Offset of the first record handed over; fences against a stale worker.
    next: int  #: Offset after the last.


@dataclass(frozen=True, slots=True, kw_only=True)
class AddResult:
    """What a batch changed."""

    counted: int  #: Documents counted.
    repeated: int  #: Documents that had been counted before, or stood twice in the batch.
    late: int  #: Counted documents older than the watermark less the allowed lateness.
    stories: int  #: Stories told for the first time, over all entities, topics and source classes.
    held_back: Mapping[CapReason, int] = field(default_factory=dict)  #: Documents of which a cap held back a story.
    authors: Mapping[AuthorKind, int] = field(default_factory=dict)  #: Counted posts, by what their author was.


class BucketStore(Protocol):
    """Counts, evidence and consumer offsets, in one transaction."""

    def positions(self, group: str, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        """Next offsets as stored with the counts; partitions never counted are left out."""

    def add(
        self,
        *,
        group: str,
        spans: Mapping[Partition, OffsetSpan],
        labels: Sequence[Label],
        tally: Tally,
        now: datetime,
        guard: Guard | None = None,
    ) -> AddResult:
        """Count `labels` and advance the offsets, all or nothing; without `guard` nothing is held back.

        Raises `FencedError`, changing nothing, when a stored offset lies beyond the `first` of its span. One before it
        is fine: offsets have gaps where the bus left out records.
        """

    def watermark(self) -> datetime | None:
        """The latest `published_at` counted, over all partitions; None before the first."""

    def raise_counted_until(self, group: str, at: datetime) -> None:
        """All that came onto the bus before `at` is counted; an earlier instant than is known changes nothing."""

    def forget_before(self, *, evidence: datetime, buckets: datetime, seen: datetime) -> Mapping[str, int]:
        """Delete what is older; returns rows deleted by table."""
