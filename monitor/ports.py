"""The ports: what one room may ask of another. `monitor/app` joins them to concrete classes.

Every method may raise `TransientError` when the thing behind it is away; the caller retries unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from monitor.domain import (
    Alert,
    BucketKey,
    Counts,
    DeliveryAttempt,
    EvidenceDocument,
    GroupState,
    Label,
    Message,
    Notification,
    OutboxItem,
    Partition,
    Prediction,
    Record,
    SeriesKey,
    Silence,
    Transition,
)

Clock = Callable[[], datetime]
"""Returns the present instant, UTC. Only `monitor/app` makes one."""

# --- the bus ---------------------------------------------------------------------------------------------------


class Producer(Protocol):
    """Writes to the bus."""

    def send(self, messages: Sequence[Message]) -> None:
        """Return once every message is acknowledged by all in-sync replicas (or fsynced).

        Raises `TransientError` when any was not; the caller sends all of them again (ids make that harmless).
        """

    def close(self) -> None:
        """Release the connection; never raises."""


StartPositions = Callable[[Collection[Partition]], Mapping[Partition, int]]
"""Asked after each assignment: the offsets to start from; a partition left out starts at its committed offset."""


class Consumer(Protocol):
    """A member of a consumer group: reads the partitions assigned to it, at least once."""

    def poll(self, timeout_s: float) -> Sequence[Record]:
        """Return what is ready within `timeout_s`, in offset order per partition; empty: nothing came."""

    def commit(self, next_offsets: Mapping[Partition, int]) -> None:
        """Store `next_offsets` (the offset after the last finished record) for the group.

        Raises `FencedError` when a partition belongs to another member by now.
        """

    def rewind(self) -> None:
        """Forget what was polled but not committed: seek every assigned partition to its start position again."""

    def idle(self, wait_s: float) -> None:
        """Stay a member of the group for `wait_s` without taking records: the way to back off."""

    def lag(self) -> Mapping[Partition, int]:
        """Records between the group's position and the end, for each assigned partition."""

    def close(self) -> None:
        """Leave the group; never raises."""


class Broker(Protocol):
    """Kafka or the embedded log: one contract, one suite."""

    def ensure_topics(self, topics: Collection[str]) -> None:
        """Create what is absent with the configured partitions and replication."""

    def producer(self) -> Producer:
        """A new producer; safe to use from one thread at a time."""

    def consumer(
        self, *, group: str, topics: Collection[str], start: StartPositions | None = None, max_records: int = 500
    ) -> Consumer:
        """A new member of `group`; a group without committed offsets starts at the earliest record."""

    def end_offsets(self, topics: Collection[str]) -> Mapping[Partition, int]:
        """The next offset to be written in each partition."""

    def close(self) -> None:
        """Release everything; never raises."""


# --- the model -------------------------------------------------------------------------------------------------


class Classifier(Protocol):
    """Text to topic and sentiment."""

    @property
    def version(self) -> str:
        """Adapter name, version and digest; travels in every label."""

    def classify(self, texts: Sequence[str]) -> Sequence[Prediction | Exception]:
        """One answer a text, in order; a text that alone fails gives its exception and costs the others nothing."""


# --- HTTP push -------------------------------------------------------------------------------------------------


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


# --- the store: ingest -----------------------------------------------------------------------------------------


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


class SourceStore(Protocol):
    """Leases, source states and the ids already published."""

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

    def unseen(self, ids: Sequence[str]) -> set[str]:
        """Those of `ids` that were not published yet."""

    def mark_seen(self, ids: Collection[str], *, at: datetime) -> None:
        """Remember that `ids` were acknowledged by the bus; an id met again is remembered from then on."""


# --- the store: aggregate --------------------------------------------------------------------------------------


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


# --- the store: alerts -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineState:
    """The learned expectation of one series under one rule."""

    rule: str
    series: SeriesKey
    learned_until: datetime  #: UTC; hours before this are in it.
    state: Mapping[str, object]  #: Made and read by `alerts/baseline.py` alone; JSON values.


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """What one evaluation changed; stored in one transaction."""

    at: datetime  #: UTC; event time of the evaluation.
    alerts: Sequence[Alert]  #: Changed ones.
    transitions: Sequence[Transition]
    groups: Sequence[GroupState]  #: Changed ones.
    notifications: Sequence[Notification]  #: Go to the outbox.
    baselines: Sequence[BaselineState]  #: Changed ones.


class AlertStore(Protocol):
    """What the alert module reads and writes."""

    def acquire_lease(self, name: str, *, owner: str, now: datetime, ttl: timedelta) -> bool:
        """As in `SourceStore`."""

    def release_lease(self, name: str, *, owner: str) -> None:
        """As in `SourceStore`."""

    def window_counts(self, start: datetime, end: datetime) -> Mapping[SeriesKey, Counts]:
        """Summed buckets with `start <= slot_at < end`, by series; series without buckets are left out."""

    def hourly_negatives(self, start: datetime, end: datetime) -> Mapping[SeriesKey, Mapping[datetime, int]]:
        """Negative stories per hour (start of the hour, UTC) and series; empty hours are left out."""

    def first_bucket_at(self) -> datetime | None:
        """Start of the earliest bucket kept; None when there is none."""

    def negative_documents(
        self, series: SeriesKey, start: datetime, end: datetime, *, limit: int
    ) -> Sequence[EvidenceDocument]:
        """Negative documents of `series`, `start <= published_at < end`: one a story, most negative first."""

    def negative_sources(self, series: SeriesKey, start: datetime, end: datetime) -> int:
        """Distinct sources among the negative documents of `series`."""

    def alerts(self) -> Sequence[Alert]:
        """Every alert that is stored, by fingerprint."""

    def transitions(self, *, since: datetime | None = None, limit: int = 1000) -> Sequence[Transition]:
        """Latest first."""

    def baselines(self) -> Sequence[BaselineState]:
        """All learned states."""

    def groups(self) -> Sequence[GroupState]:
        """All group states."""

    def silences(self, *, active_at: datetime | None = None) -> Sequence[Silence]:
        """Silences; with `active_at` those in force then."""

    def save_silence(self, silence: Silence) -> None:
        """Add or replace by id."""

    def store_tick(self, tick: Tick) -> None:
        """All of `tick` or nothing; older undelivered notifications of a group and receiver become superseded."""


class OutboxStore(Protocol):
    """What delivery reads and writes."""

    def claim_due(self, *, now: datetime, owner: str, hold: timedelta, limit: int) -> Sequence[OutboxItem]:
        """Items due at `now`, oldest first, claimed by `owner` until `now + hold`."""

    def record_attempt(self, attempt: DeliveryAttempt, *, next_attempt_at: datetime | None) -> None:
        """Log the attempt and free the item: done when `next_attempt_at` is None, else due again then."""

    def deliveries(self, *, limit: int = 100) -> Sequence[DeliveryAttempt]:
        """The delivery log, latest first."""

    def outbox_size(self) -> int:
        """Items that wait."""


# --- notifiers -------------------------------------------------------------------------------------------------


class Notifier(Protocol):
    """One channel of one receiver."""

    def send(self, notification: Notification) -> str:
        """Deliver; returns what the other side said. `TransientError`: try again; `PermanentError`: never."""
