"""What ingest and the door for HTTP push ask: leases, source states, ids already published."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from monitor.domain import Coverage, SourceHistory


@dataclass(frozen=True, slots=True, kw_only=True)
class PushRejection:
    """A document of a request that was refused; its bytes and the reason are in the dead letters."""

    index: int  #: Position among the documents of the request, from 0.
    line: int | None  #: Line of the body, from 1; None where documents are not lines.
    reason: str  #: One of `REJECT_REASONS`.
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PushOutcome:
    """What became of the documents of one request; all are acknowledged by the bus."""

    published: int
    repeated: int  #: Published before, or twice in the request.
    rejected: Sequence[PushRejection]


JSON_TYPE = "application/json"
JSON_LINES_TYPES = ("application/x-ndjson", "application/jsonl", "application/x-jsonlines", "application/json-lines")

PushDoor = Callable[[bytes, str], PushOutcome]
"""Takes a body and its content type: `JSON_TYPE` or one of `JSON_LINES_TYPES`.

Raises `InvalidRecordError` when nothing of the body was taken in, `TransientError` when the bus or store is away.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceState:
    """What is remembered about a source between polls and restarts."""

    source: str
    etag: str | None = None
    last_modified: str | None = None
    cursor: str | None = None  #: Where a file or paged source goes on.
    next_poll_at: datetime | None = None  #: UTC; not before. None: at once.
    failures: int = 0  #: In a row.
    last_success_at: datetime | None = None  #: UTC.
    last_error: str | None = None
    refused: bool = False  #: The last poll was refused for good (HTTP 404, 401).


class SourceStore(Protocol):
    """Leases, source states, coverage and the ids already published."""

    def acquire_lease(self, name: str, *, owner: str, now: datetime, ttl: timedelta) -> bool:
        """True when `owner` holds lease `name` until `now + ttl` (new, renewed, or taken over after it ran out)."""

    def release_lease(self, name: str, *, owner: str) -> None:
        """Give the lease back if `owner` still holds it."""

    def source_state(self, source: str) -> SourceState:
        """The remembered state, or a fresh one."""

    def save_source_state(self, state: SourceState) -> None:
        """Remember `state`."""

    def source_states(self) -> Sequence[SourceState]:
        """All remembered states, by name."""

    def add_coverage(self, source: str, *, at: datetime, polls: int, failures: int, documents: int) -> None:
        """Add to what was seen of `source` in the slot that holds `at`."""

    def coverage(
        self, start: datetime, end: datetime, *, every: Mapping[str, timedelta] | None = None
    ) -> Mapping[str, Coverage]:
        """How well each source was looked at, over the slots from the one that holds `start` to before `end`.

        `every` says how often a source is asked, so that a poll speaks for the slots up to the next; who stands there
        is in the answer even without a poll.
        """

    def source_histories(self, sources: Collection[str], *, since: datetime) -> Mapping[str, SourceHistory]:
        """What the slots from `since` on say of each of `sources`.

        A source without documents there has the last slot in which it had some.
        """

    def unseen(self, ids: Sequence[str]) -> set[str]:
        """Those of `ids` that were not published yet."""

    def mark_seen(self, ids: Collection[str], *, at: datetime) -> None:
        """Remember that `ids` were acknowledged by the bus; an id met again is remembered from then on."""
