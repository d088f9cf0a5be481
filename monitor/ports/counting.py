"""What the aggregate stage asks of the store: counts, evidence and offsets in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from monitor.domain import (
    BucketKey,
    Counts,
    Label,
    Partition,
)

Tally = Callable[[Sequence[Label], Collection[str]], Mapping[BucketKey, Counts]]
"""Pure: labels not counted before, and the ids of those among them that tell a new story -> what to add."""


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
    stories: int  #: New stories.


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
    ) -> AddResult:
        """Count `labels` and advance the offsets, all or nothing.

        Raises `FencedError`, changing nothing, when a stored offset lies beyond the `first` of its span. One before it
        is fine: offsets have gaps where the bus left out records.
        """

    def watermark(self) -> datetime | None:
        """The latest `published_at` counted, over all partitions; None before the first."""

    def forget_before(self, *, evidence: datetime, buckets: datetime, seen: datetime) -> Mapping[str, int]:
        """Delete what is older; returns rows deleted by table."""
