"""What the alert module asks: counts and baselines, alert states, the outbox, the channels."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from monitor.domain import (
    Alert,
    Counts,
    DeliveryAttempt,
    EvidenceDocument,
    GroupState,
    Notification,
    OutboxItem,
    SeriesKey,
    Silence,
    Transition,
)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class NegativeVoices:
    """Who tells the negative stories of a series in a span, copies that are negative as well included."""

    sources: int = 0  #: Distinct sources, or authors where they are posts.
    documents: int = 0
    loudest: int = 0  #: Documents of the story that is told most.


class AlertStore(Protocol):
    """What the alert module reads and writes.

    What is read of a span depends on what was published before its end, and on nothing later.
    """

    def acquire_lease(self, name: str, *, owner: str, now: datetime, ttl: timedelta) -> bool:
        """As in `SourceStore`."""

    def release_lease(self, name: str, *, owner: str) -> None:
        """As in `SourceStore`."""

    def counted_until(self) -> datetime | None:
        """Everything that came onto the bus before it is counted; None where nobody ever looked, as in a replay."""

    def evaluated_until(self) -> datetime | None:
        """The latest tick that was evaluated by anybody; None before the first."""

    def raise_evaluated_until(self, at: datetime) -> None:
        """The rules were evaluated at event time `at`; an earlier instant than is known changes nothing."""

    def window_counts(self, start: datetime, end: datetime) -> Mapping[SeriesKey, Counts]:
        """Summed buckets with `start <= slot_at < end`, by series; series without buckets are left out."""

    def slot_counts(
        self, start: datetime, end: datetime, *, series: Collection[SeriesKey] | None = None
    ) -> Mapping[SeriesKey, Mapping[datetime, Counts]]:
        """Buckets with `start <= slot_at < end`, by series and slot; of `series` alone, where they are given."""

    def slot_documents(self, slots: Collection[datetime]) -> Mapping[datetime, int]:
        """Documents counted in each of `slots`, over all series; slots without any are left out."""

    def first_bucket_at(self) -> datetime | None:
        """Start of the earliest bucket kept; None when there is none."""

    def last_bucket_at(self, *, before: datetime) -> datetime | None:
        """Start of the latest bucket that begins before that; None when there is none."""

    def negative_documents(
        self, series: SeriesKey, start: datetime, end: datetime, *, limit: int
    ) -> Sequence[EvidenceDocument]:
        """The documents that count as negative stories of `series`, `start <= published_at < end`.

        The most told first, then the worst. `share` and `decisive` are left open.
        """

    def negative_voices(self, series: SeriesKey, start: datetime, end: datetime) -> NegativeVoices:
        """Who tells those stories."""

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

    def renew_claims(self, ids: Collection[str], *, owner: str, until: datetime) -> frozenset[str]:
        """Those of `ids` that wait and are still claimed by `owner`: from here on until `until`."""

    def record_attempt(self, attempt: DeliveryAttempt, *, next_attempt_at: datetime | None) -> None:
        """Log the attempt and free the item: done when `next_attempt_at` is None, else due again then."""

    def deliveries(self, *, limit: int = 100) -> Sequence[DeliveryAttempt]:
        """The delivery log, latest first."""

    def outbox_size(self) -> int:
        """Items that wait."""


class Notifier(Protocol):
    """One channel of one receiver."""

    def send(self, notification: Notification) -> str:
        """Deliver; returns what the other side said. `TransientError`: try again; `PermanentError`: never."""
