"""What the story step asks of the store: texts by which stories are found, and what became of each document.

Instants are whole microseconds since 1970, as in the database: an index of a million texts holds them as numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

Echoes = Mapping[str, Sequence[int]]
"""When a story was last told of each of its entities, by event time, the oldest first."""


class TextKeys(NamedTuple):
    """What a stored text is found by."""

    id: int  #: Ascending in the order in which texts become visible.
    keys: bytes
    published_us: int
    added_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldText:
    """A stored text: the first of its story, or one that reads differently, or a copy that came a day later."""

    id: int
    story_id: str
    text_key: str  #: Texts with one key read alike.
    text: str  #: Normalised and cut.
    facts: str  #: JSON; what two tellings of one story agree in.
    keys: bytes
    published_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """What the story step gave to a document; given once, and the same ever after."""

    story_id: str
    text_key: str
    novelty: Mapping[str, tuple[int, ...]]  #: By entity, one number each of `LOOK_BACKS`, in [0, 100].


class StoryTransaction(Protocol):
    """All that one batch reads and writes; nobody else assigns stories meanwhile."""

    def newest_text(self) -> int:
        """The highest id of a stored text; 0 when there is none."""

    def keys_after(self, id: int, *, added_after_us: int) -> Sequence[TextKeys]:  # noqa: A002 -- the column's own name
        """Texts with a higher id that were added since, by id."""

    def assigned(self, document_ids: Sequence[str]) -> Mapping[str, Assignment]:
        """What those documents got that were here before."""

    def texts(self, ids: Sequence[int]) -> Mapping[int, ToldText]:
        """Stored texts by id; those that are gone by now are left out."""

    def echoes(self, story_ids: Sequence[str]) -> Mapping[str, Echoes]:
        """What is remembered of each story; stories of which nothing is are left out."""

    def save(
        self,
        *,
        texts: Sequence[ToldText],
        assignments: Mapping[str, Assignment],
        echoes: Mapping[str, Echoes],
        at_us: int,
    ) -> None:
        """Add texts, with the ids that the caller gave them, and assignments by document; replace echoes by story."""


class StoryStore(Protocol):
    """Stored texts, assignments and echoes."""

    def story_keys(self, *, after: int, added_after_us: int, limit: int) -> Sequence[TextKeys]:
        """As `StoryTransaction.keys_after`, at most `limit` of them and without holding up anybody."""

    def assigning(self) -> AbstractContextManager[StoryTransaction]:
        """One transaction: all of it at the end of the block, or nothing when the block raises."""

    def forget_told(self, *, texts: datetime, documents: datetime) -> Mapping[str, int]:
        """Delete texts and echoes, and assignments, that came in before; returns rows deleted by table.

        An assignment must be kept for as long as its document may come again.
        """
