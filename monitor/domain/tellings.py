"""In which series of an entity a document tells its story, as bits.

A document counts in four series of each entity: with its topic or all topics, with its source class or all classes.
Each of the four has its bit; a sum of bits says in which of them a story was counted with this document.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from monitor.domain.documents import ALL, SeriesKey

EVERY_SERIES = 0b1111  #: All four.


class CapReason(StrEnum):
    """Why a story was held back."""

    AUTHOR = "author"  #: Its author has told as many as one author may.
    DOMAIN = "domain"  #: Likewise the domain, or the source where there is no link.
    ENTITIES = "entities"  #: It names more entities than a text that is about them does.


class AuthorKind(StrEnum):
    """What an author of posts is when one of them is counted."""

    BURSTING = "bursting"  #: Posts many an hour.
    NEW = "new"  #: First seen within a day.
    KNOWN = "known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """What one document adds for one entity beside itself; sums of `series_bit`."""

    told: int = 0  #: The series in which it tells its story.
    held_back: int = 0  #: The series in which it would, but for a cap.


Tellings = Mapping[tuple[str, str], Telling]
"""By document id and entity, `ALL` included; where nothing is told or held back, nothing stands."""


def series_bit(series: SeriesKey) -> int:
    """The bit of `series` among the four of its entity."""
    return 1 << (2 * (series.topic != ALL) + (series.source_class != ALL))
