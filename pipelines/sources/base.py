"""What a source is: something that is asked for items, and remembers where it was."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from monitor.domain import SourceClass
from monitor.ports import SourceState


@dataclass(frozen=True, slots=True, kw_only=True)
class RawItem:
    """One item as a source gave it: nothing cleaned, nothing checked."""

    source: str
    source_class: SourceClass
    raw: bytes  #: The original bytes, or the nearest to them; go to the dead letters when it is refused.
    id: str | None = None  #: The source's own id, where it has one.
    published_at: datetime | str | None = None  #: An instant, RFC 3339 text, or nothing.
    title: str = ""  #: May hold HTML when `html` is true.
    text: str = ""  #: May hold HTML when `html` is true.
    url: str | None = None
    lang: str | None = None
    author: str | None = None
    entities: tuple[str, ...] = ()  #: Tickers that the source names.
    html: bool = False  #: Title and text are HTML.
    lenient_date: bool = (
        False  #: A missing or future date becomes `seen_at` (feeds) instead of a refusal (push, files).
    )
    refusal: str | None = (
        None  #: Set when the source could not read the item: it becomes a dead letter with this detail.
    )
    refusal_reason: str = "schema"  #: One of `REJECT_REASONS`, with `refusal`.
    origin: str | None = None  #: Configured source that it came through, where `source` may be the sender's own.


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Items, and the state to remember once they are safe on the bus."""

    items: Sequence[RawItem]
    state: SourceState
    changed: bool = True  #: False: the source said that nothing is new.


class Source(Protocol):
    """One configured source."""

    @property
    def name(self) -> str:
        """Name in the configuration."""

    def poll(self, state: SourceState, *, now: datetime) -> Iterator[Chunk]:
        """Ask once; chunks are submitted and remembered one after the other.

        Raises `TransientError` (ask again later) or `PermanentError` (the source refuses; ask again much later).
        """
