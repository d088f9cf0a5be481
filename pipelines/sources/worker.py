"""The worker that polls sources: one at a time each, remembered, backed off, counted.

In: a source and the present instant. Out: its items, submitted; its state, remembered only after they are safe. Any
number of workers in any number of processes may share the sources: a lease in the store lets one of them poll.
Every poll adds to the coverage of its source, well or not; a kill in the midst of one leaves a gap, not a false claim.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from time import monotonic
from typing import Protocol

import structlog

from monitor.errors import FencedError, InvalidRecordError, MonitorError, PermanentError, TransientError
from monitor.metrics import IngestMetrics
from monitor.ports import SourceState, SourceStore
from pipelines.sources.base import RawItem, Source

log = structlog.get_logger(__name__)


class Taken(Protocol):
    """What became of submitted items."""

    @property
    def published(self) -> int:
        """How many were new, and are on the bus."""


Submit = Callable[[Sequence[RawItem], datetime], Taken]
"""Returns once the items are on the bus (or in the dead letters)."""

FIRST_BACKOFF = timedelta(seconds=15)
CLOCK_SKEW = timedelta(minutes=1)  #: By which the clocks of two workers may differ.
MAX_DOUBLINGS = 20  #: Far beyond any `max_backoff`; keeps the number small.
MAX_ERROR_CHARS = 500
EARLY = 0.8  #: Share of the interval after which a source may be polled again: the schedule's jitter must fit in.


class _NotSubmittedError(MonitorError):
    """The bus or the store is away: not the source's fault, so no back-off for it."""


class _Lease:
    """Our right to poll one source, and how far the poll has come."""

    def __init__(self, store: SourceStore, name: str, *, owner: str, ttl: timedelta, now: datetime) -> None:
        self._store = store
        self._name = name
        self._owner = owner
        self._ttl = ttl
        self._now = now
        self._started_s = self._renewed_s = monotonic()
        self.published = 0  #: New documents so far.

    @property
    def took_s(self) -> float:
        """Seconds since the poll began."""
        return monotonic() - self._started_s

    def take(self) -> bool:
        """True when the source is ours."""
        return self._store.acquire_lease(self._name, owner=self._owner, now=self._present(), ttl=self._ttl)

    def keep(self) -> datetime:
        """Renew when a third of the time is over; gives the present. Raises `FencedError` when the lease is lost."""
        here_s = monotonic()
        if here_s - self._renewed_s > self._ttl.total_seconds() / 3:
            if not self.take():
                raise FencedError(f"{self._name} is another worker's now")
            self._renewed_s = here_s
        return self._present()

    def give_back(self) -> None:
        """Let others poll; never raises on purpose."""
        try:
            self._store.release_lease(self._name, owner=self._owner)
        except MonitorError as err:  # It runs out by itself.
            log.warning("lease_not_released", lease=self._name, error=str(err))

    def _present(self) -> datetime:
        # The caller's instant, moved on: stages never ask a clock for the date.
        return self._now + timedelta(seconds=self.took_s)


class SourceWorker:
    """Polls sources. Safe to use from several threads, on different sources."""

    def __init__(
        self,
        *,
        store: SourceStore,
        submit: Submit,
        owner: str,
        lease: timedelta,
        max_backoff: timedelta,
        metrics: IngestMetrics,
    ) -> None:
        self._store = store
        self._submit = submit
        self._owner = owner
        self._ttl = lease
        self._max_backoff = max_backoff
        self._metrics = metrics

    def poll_once(self, source: Source, now: datetime, *, every: timedelta | None = None) -> bool:
        """Poll `source` if it is due and nobody else does; True when it was polled, well or not.

        With `every`, another worker does not poll it again before most of that time is over. Errors on purpose are
        counted and lead to back-off; only a bug escapes.
        """
        lease = _Lease(self._store, f"source:{source.name}", owner=self._owner, ttl=self._ttl, now=now)
        try:
            if not lease.take():
                return False
        except MonitorError as err:
            log.warning("source_lease_failed", source=source.name, error=str(err))
            return False
        try:
            return self._poll_leased(source, lease, now, every or timedelta(0))
        except MonitorError as err:  # The store is away: nothing can be remembered, the next tick tries again.
            log.warning("source_state_failed", source=source.name, error=str(err))
            return True
        finally:
            lease.give_back()

    def _poll_leased(self, source: Source, lease: _Lease, now: datetime, every: timedelta) -> bool:
        state = self._store.source_state(source.name)
        if _is_early(state, now):
            return False
        well = False
        try:
            state, changed = self._take_chunks(source, state, lease, now)
        except (FencedError, _NotSubmittedError) as err:  # Nothing of this chunk is remembered; it comes again.
            log.warning("source_poll_abandoned", source=source.name, error=str(err))
        except MonitorError as err:
            # What earlier chunks saved stays: only the health is written over it.
            self._fail(self._store.source_state(source.name), err, now)
        else:
            self._succeed(state, now, now + every * EARLY, changed=changed)
            well = True
        finally:
            self._metrics.poll_seconds.labels(source=source.name).observe(lease.took_s)
            self._cover(source.name, now, failures=0 if well else 1, documents=lease.published)
        return True

    def _take_chunks(
        self, source: Source, state: SourceState, lease: _Lease, now: datetime
    ) -> tuple[SourceState, bool]:
        changed = False
        for chunk in source.poll(state, now=now):
            present = lease.keep()
            if chunk.items:
                lease.published += self._hand_over(chunk.items, present)
                lease.keep()
            state, changed = chunk.state, changed or chunk.changed
            self._store.save_source_state(state)
        return state, changed

    def _hand_over(self, items: Sequence[RawItem], present: datetime) -> int:
        try:
            return self._submit(items, present).published
        except TransientError as err:
            raise _NotSubmittedError(str(err)) from err

    def _cover(self, source: str, now: datetime, *, failures: int, documents: int) -> None:
        try:
            self._store.add_coverage(source, at=now, polls=1, failures=failures, documents=documents)
        except MonitorError as err:  # A gap in the coverage says what is true: nothing is known of this poll.
            log.warning("source_coverage_lost", source=source, error=str(err))

    def _succeed(self, state: SourceState, now: datetime, next_poll_at: datetime, *, changed: bool) -> None:
        self._store.save_source_state(
            replace(state, failures=0, last_error=None, refused=False, last_success_at=now, next_poll_at=next_poll_at)
        )
        self._metrics.polls.labels(source=state.source, outcome="changed" if changed else "unchanged").inc()
        self._metrics.failures.labels(source=state.source).set(0)
        self._metrics.last_success.labels(source=state.source).set(now.timestamp())

    def _fail(self, state: SourceState, err: MonitorError, now: datetime) -> None:
        failures, outcome = state.failures + 1, _outcome(err)
        wait = backoff(failures, err, max_backoff=self._max_backoff)
        log.warning(
            "source_poll_failed", source=state.source, outcome=outcome, error=str(err), failures=failures,
            wait_s=round(wait.total_seconds(), 1),
        )  # fmt: skip
        self._metrics.polls.labels(source=state.source, outcome=outcome).inc()
        self._metrics.failures.labels(source=state.source).set(failures)
        self._store.save_source_state(
            replace(
                state,
                failures=failures,
                last_error=str(err)[:MAX_ERROR_CHARS],
                refused=outcome == "refused",
                next_poll_at=now + wait,
            )
        )


def _is_early(state: SourceState, now: datetime) -> bool:
    """Whether the next poll lies ahead; not so where a clock said so that has gone back since."""
    if state.next_poll_at is None or now >= state.next_poll_at:
        return False
    return state.last_success_at is None or state.last_success_at <= now + CLOCK_SKEW


def backoff(failures: int, err: MonitorError, *, max_backoff: timedelta) -> timedelta:
    """How long to leave a source alone after its `failures`-th failure in a row.

    Doubles up to `max_backoff`; a source that refuses waits that long at once; a wait that the source asked for is
    kept even when it is longer.
    """
    if isinstance(err, PermanentError):
        return max_backoff
    wait = min(FIRST_BACKOFF * int(2 ** min(failures - 1, MAX_DOUBLINGS)), max_backoff)
    asked_s = err.retry_after_s if isinstance(err, TransientError) else None
    return max(wait, timedelta(seconds=asked_s or 0))


def _outcome(err: MonitorError) -> str:
    if isinstance(err, InvalidRecordError):
        return "invalid"
    return "refused" if isinstance(err, PermanentError) else "transient"
