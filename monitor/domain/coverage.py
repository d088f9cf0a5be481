"""Coverage: how well each source was looked at, slot by slot, so that a dead source is never taken for calm.

A slot counts as covered when a poll in it went well, or when an earlier one still speaks for it: a source that is asked
once a day is covered all day.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from monitor.domain.slots import floor_to

COVERAGE_SLOT = timedelta(minutes=15)  #: Of the wall's clock, counted from 1970, UTC.
SPREAD = 1.25  #: A poll speaks for its interval and a quarter: polls are spread about their times.


class SourceHealth(StrEnum):
    """How a source is."""

    HEALTHY = "healthy"
    FAILING = "failing"
    DEAD = "dead"
    SILENT = "silent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How well one source was looked at in a span of whole slots."""

    polls: int = 0  #: Begun in the span; requests, where documents are sent.
    failures: int = 0  #: Of these, the ones that did not end well: the source's fault or not, nobody looked.
    documents: int = 0  #: New ones, published on the bus.
    slots: int = 0  #: Covered.
    expected: int = 0  #: Slots of the span.

    @property
    def share(self) -> float:
        """Covered slots among all, in [0, 1]; 0 in an empty span."""
        return self.slots / self.expected if self.expected else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceHistory:
    """What the slots of the last weeks say of one source."""

    first_at: datetime | None = None  #: UTC; start of the first slot with a poll.
    document_slots: tuple[datetime, ...] = ()  #: UTC; starts of the slots with documents, ascending.

    @property
    def last_document_at(self) -> datetime | None:
        """Start of the last slot with documents; the document came within the quarter of an hour after it."""
        return self.document_slots[-1] if self.document_slots else None


def slot_start(at: datetime) -> datetime:
    """The start of the slot that holds `at`."""
    return floor_to(at, COVERAGE_SLOT)


def covered_slots(good: Iterable[datetime], start: datetime, end: datetime, *, every: timedelta) -> int:
    """Slots with `start <= slot < end` that a poll in one of the slots `good` speaks for, when polls come `every`."""
    reach = int(every * SPREAD / COVERAGE_SLOT)
    covered = {slot + COVERAGE_SLOT * ahead for slot in good for ahead in range(reach + 1)}
    return sum(start <= slot < end for slot in covered)


def slots_between(start: datetime, end: datetime) -> int:
    """How many slots begin in `start <= slot < end`, where `start` is the start of one."""
    return max(0, -((start - end) // COVERAGE_SLOT))
