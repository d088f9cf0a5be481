"""Headway: how far the rules were evaluated, by whomever, and which ticks are due.

No instant is judged twice, and none is left out for a process that was down or a count that was not whole: what was
missed is made up for, up to a day.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from monitor.domain import boundaries
from monitor.metrics import AlertMetrics
from monitor.ports import AlertStore
from monitor.settings import AlertingSettings

log = structlog.get_logger(__name__)

LONGEST_CATCH_UP = timedelta(days=1)  #: Of event time; ticks that were missed before are learned, not judged.
USUAL_TICKS = 2  #: So many may pass between two processes without anything having been missed.


def behind(store: AlertStore, at: datetime, *, tolerated: timedelta) -> datetime | None:
    """Up to when all that came onto the bus is counted, where that is further before `at` than is tolerated."""
    until = store.counted_until()
    return until if until is not None and at - until > tolerated else None


class Headway:
    """`last_at` is the latest tick that was evaluated, `waiting_since` the first that had to wait, while any does."""

    def __init__(self, store: AlertStore, settings: AlertingSettings, metrics: AlertMetrics) -> None:
        self.last_at: datetime | None = None
        self.waiting_since: datetime | None = None
        self._store = store
        self._every = settings.evaluate_every
        self._metrics = metrics

    def recall(self, at: datetime) -> None:
        """Go on where whoever evaluated last has left off, be it this process before it was started anew."""
        known = self._store.evaluated_until() if self.last_at is None else None
        if known is not None and known <= at:  # else the clock was ahead: a restart begins anew
            self.last_at = known
            self.waiting_since = at if at - known > USUAL_TICKS * self._every else None

    def note(self) -> None:
        """Let whoever evaluates next know."""
        if self.last_at is not None:
            self._store.raise_evaluated_until(self.last_at)

    def forget(self) -> None:
        """Another process evaluates now."""
        self.last_at = self.waiting_since = None

    def is_ahead(self, at: datetime) -> bool:
        """Whether `at` lies after the last evaluation; a clock that went back is told of, and waited for."""
        if self.last_at is None or at >= self.last_at:
            return True
        self._metrics.evaluations.labels(outcome="clock-behind").inc()
        behind_s = round((self.last_at - at).total_seconds(), 3)
        log.warning("clock_went_back", by_s=behind_s, goes_on_at=self.last_at.isoformat())
        return False

    def wait(self, at: datetime, *, until: datetime) -> datetime:
        """The tick at `at` has to wait, for counts are whole up to `until` alone; since when there is waiting."""
        if self.waiting_since is None:
            log.warning("evaluation_waits", counted_until=until.isoformat(), behind_s=(at - until).total_seconds())
        self.waiting_since = self.waiting_since or at
        self.last_at = self.last_at or until
        return self.waiting_since

    def resume(self, at: datetime) -> None:
        """Nothing waits any more."""
        log.info("evaluation_resumed", at=at.isoformat())
        self.waiting_since = None

    def missed(self, until: datetime) -> Sequence[datetime]:
        """The ticks after the last one, up to `until`."""
        return boundaries(max(self.last_at or until, until - LONGEST_CATCH_UP), until, self._every)
