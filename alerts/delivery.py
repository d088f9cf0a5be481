"""Take notifications from the outbox to their receivers, until delivered, refused for good or superseded.

Each receiver has a lane: one thread that sends its notifications in the order they came, so that a receiver that
hangs holds up nobody else. Every attempt goes to the delivery log. At least once: what was sent but not recorded
before a crash is sent again, with the same id. An item is claimed for a while, and the claim is renewed for as long as
its worker lives; what a worker that died had claimed comes back when that while is over. What a newer notification of
the same group replaces, the store supersedes, and a lane that has not come to it yet drops it.

A bug in a notifier or a template counts as `retry`: the alert survives in the outbox until a release mends it or a
newer notification takes its place, and the log has the traceback.
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog

from alerts.messages.plain import plain
from monitor.domain import DeliveryAttempt, OutboxItem
from monitor.errors import MonitorError, PermanentError, TransientError
from monitor.metrics import AlertMetrics
from monitor.ports import Notifier, OutboxStore
from monitor.retry import Backoff

DETAIL_CHARS = 500

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How delivery spends its time."""

    hold: timedelta = timedelta(
        seconds=45
    )  #: Claim on an item, renewed each quarter; sending starts in its first half.
    limit: int = 100  #: Items claimed at once.
    patience_s: float = 1.0  #: `run_once` waits so long for lanes; those still busy go on behind it.
    first_retry_s: float = 2.0  #: Bound of the wait after the first failure; it doubles with each.
    max_retry_after: timedelta = timedelta(hours=1)  #: A receiver that asks for a longer wait gets this one.
    random: Callable[[], float] = random.random  #: Draws from [0, 1): the jitter.
    elapsed_s: Callable[[], float] = time.monotonic  #: Measures durations.


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """A claimed item on its way."""

    item: OutboxItem
    claimed_at: datetime  #: UTC.
    started_s: float  #: Of `Pace.elapsed_s`, when it was claimed.

    @property
    def id(self) -> str:
        return self.item.notification.id


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """What came of one attempt."""

    outcome: str
    detail: str
    wait_s: float | None = field(default=None)  #: Until the next attempt; None: there is none.


_GONE = _Outcome(outcome="refused", detail="no such receiver in the configuration any more")


class Delivery:
    """Delivers what the outbox holds; one instance a process."""

    def __init__(
        self,
        outbox: OutboxStore,
        notifiers: Mapping[str, Notifier],
        *,
        owner: str,
        metrics: AlertMetrics,
        max_retry_wait: timedelta,
        pace: Pace | None = None,
    ) -> None:
        self._outbox = outbox
        self._notifiers = dict(notifiers)
        self._owner = owner
        self._metrics = metrics
        self._pace = pace or Pace()
        cap_s = max_retry_wait.total_seconds()
        first_s = min(self._pace.first_retry_s, cap_s)
        self._backoff = Backoff(first_s=first_s, cap_s=cap_s, random=self._pace.random)
        self._lanes: dict[str, ThreadPoolExecutor] = {}
        self._busy: set[Future[bool]] = set()
        self._in_hand: set[str] = set()  # ids that are claimed here and not yet recorded
        self._renewed_s = self._pace.elapsed_s()  # when all claims in hand were last renewed
        self._unrecorded: deque[tuple[DeliveryAttempt, datetime | None]] = deque()
        self._closed = threading.Event()
        self._open_lanes()

    def use(self, notifiers: Mapping[str, Notifier], *, max_retry_wait: timedelta) -> None:
        """Send through `notifiers` from the next message on; one that is being sent is finished as it was begun."""
        self._notifiers = dict(notifiers)
        self._backoff = replace(self._backoff, cap_s=max_retry_wait.total_seconds())
        self._open_lanes()

    def _open_lanes(self) -> None:
        """A lane for each receiver; one that is gone keeps its lane, for what is still in it."""
        for name in self._notifiers.keys() - self._lanes.keys():
            self._lanes[name] = ThreadPoolExecutor(1, f"deliver-{name}")
            self._metrics.start_receiver(name)

    def run_once(self, now: datetime) -> int:
        """Send what is due at `now`; returns the attempts finished since the last call.

        Returns when every lane is empty, or after `Pace.patience_s`. A store that is away costs this turn only.
        """
        try:
            self._record_again()
            self._renew(now)
            waiting = self._outbox.outbox_size()
            self._metrics.outbox.set(waiting)
            jobs = self._claim(now) if waiting else []  # twice a second an idle daemon needs no write
        except TransientError as err:
            log.warning("outbox_unreachable", error=str(err))
            jobs = []
        self._busy |= {self._dispatch(job) for job in jobs}
        done, self._busy = wait(self._busy, timeout=self._pace.patience_s)
        return sum(future.result() for future in done)

    def close(self) -> None:
        """Finish the messages in hand and stop; what waits in a lane stays in the outbox."""
        self._closed.set()
        for lane in self._lanes.values():
            lane.shutdown(wait=True, cancel_futures=True)

    def _renew(self, now: datetime) -> None:
        """Keep the claims on what is in hand, and let go what was superseded or taken over."""
        begun_s = self._pace.elapsed_s()
        if begun_s - self._renewed_s < self._pace.hold.total_seconds() / 4:
            return
        if held := frozenset(self._in_hand):
            self._in_hand -= held - self._outbox.renew_claims(held, owner=self._owner, until=now + self._pace.hold)
        self._renewed_s = begun_s

    def _claim(self, now: datetime) -> list[_Job]:
        pace = self._pace
        started_s = pace.elapsed_s()
        items = self._outbox.claim_due(now=now, owner=self._owner, hold=pace.hold, limit=pace.limit)
        jobs = [_Job(item=item, claimed_at=now, started_s=started_s) for item in items]
        fresh = [job for job in jobs if job.id not in self._in_hand]
        self._in_hand |= {job.id for job in fresh}
        return fresh

    def _dispatch(self, job: _Job) -> Future[bool]:
        name = job.item.notification.receiver
        if name in self._notifiers:
            return self._lanes[name].submit(self._work, job)
        self._record(job, _GONE, took_s=0.0)
        done: Future[bool] = Future()
        done.set_result(True)
        return done

    def _work(self, job: _Job) -> bool:
        """Runs in a lane: one attempt; False when the item is left to others, or for a later claim."""
        unsure_s = self._pace.elapsed_s() - max(job.started_s, self._renewed_s)
        let_go = job.id not in self._in_hand
        if self._closed.is_set() or let_go or unsure_s > self._pace.hold.total_seconds() / 2:
            self._in_hand.discard(job.id)
            return False
        begun_s = self._pace.elapsed_s()
        outcome = self._send(job.item)
        self._record(job, outcome, took_s=self._pace.elapsed_s() - begun_s)
        return True

    def _send(self, item: OutboxItem) -> _Outcome:
        notification = item.notification
        notifier = self._notifiers.get(notification.receiver)
        if notifier is None:
            return _GONE
        try:
            detail = notifier.send(notification)
        except PermanentError as err:
            return _Outcome(outcome="refused", detail=str(err))
        except MonitorError as err:
            return self._again(item, err, str(err))
        except Exception as err:  # a bug in one message must not end the delivery of all the others
            log.exception("notifier_crashed", receiver=notification.receiver, notification=notification.id)
            return self._again(item, err, f"bug in the notifier, see the log: {type(err).__name__}")
        return _Outcome(outcome="delivered", detail=detail)

    def _again(self, item: OutboxItem, err: Exception, detail: str) -> _Outcome:
        asked_s = err.retry_after_s if isinstance(err, TransientError) else None
        if asked_s is not None:
            asked_s = min(asked_s, self._pace.max_retry_after.total_seconds())
        wait_s = self._backoff.wait_s(item.attempts + 1, retry_after_s=asked_s)
        return _Outcome(outcome="retry", detail=detail, wait_s=wait_s)

    def _record(self, job: _Job, outcome: _Outcome, *, took_s: float) -> None:
        notification = job.item.notification
        at = job.claimed_at + timedelta(seconds=self._pace.elapsed_s() - job.started_s)
        attempt = DeliveryAttempt(
            notification_id=notification.id,
            receiver=notification.receiver,
            attempt=job.item.attempts + 1,
            at=at,
            outcome=outcome.outcome,
            detail=plain(outcome.detail, DETAIL_CHARS),
            took_s=took_s,
        )
        self._metrics.deliveries.labels(receiver=notification.receiver, outcome=outcome.outcome).inc()
        if outcome.outcome == "delivered":
            waited_s = (at - notification.created_at).total_seconds()
            self._metrics.delivery_seconds.labels(receiver=notification.receiver).observe(max(0.0, waited_s))
        _report(attempt, wait_s=outcome.wait_s)
        next_at = None if outcome.wait_s is None else at + timedelta(seconds=outcome.wait_s)
        self._store(attempt, next_at)

    def _store(self, attempt: DeliveryAttempt, next_at: datetime | None) -> None:
        try:
            self._outbox.record_attempt(attempt, next_attempt_at=next_at)
        except TransientError as err:
            log.warning("attempt_not_recorded", notification=attempt.notification_id, error=str(err))
            self._unrecorded.append((attempt, next_at))  # stays in hand: nobody here sends it again meanwhile
        else:
            self._in_hand.discard(attempt.notification_id)

    def _record_again(self) -> None:
        for _ in range(len(self._unrecorded)):
            self._store(*self._unrecorded.popleft())


def _report(attempt: DeliveryAttempt, *, wait_s: float | None) -> None:
    facts = {
        "receiver": attempt.receiver,
        "notification": attempt.notification_id,
        "attempt": attempt.attempt,
        "seconds": round(attempt.took_s, 3),
    }
    if attempt.outcome == "delivered":
        log.info("notification_delivered", **facts)
    elif attempt.outcome == "refused":
        log.error("notification_refused", **facts, detail=attempt.detail)
    else:
        log.warning("notification_delayed", **facts, detail=attempt.detail, wait_s=round(wait_s or 0.0, 1))
