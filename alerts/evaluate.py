"""Evaluate the rules: counts in, alert states and notifications out, each tick stored in one transaction.

Ticks are instants of event time: the windows of a tick are `[at - window, at)`, aligned down to whole buckets, and the
same counts give the same outcome whenever it is evaluated, alone or with many others, and however often the process
was restarted in between. Live, a tick is evaluated `allowed_lateness` after its time, so that within it documents may
come in any order, and not before what came onto the bus by then is counted. What was learned, what was counted and the
states of alerts are kept in memory between ticks, and read anew after a failure or after another process had the lease.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby

import structlog

from alerts.baseline import HOUR
from alerts.counted import Counted
from alerts.evidence import CoverageOf, Witness
from alerts.gauges import Gauges
from alerts.headway import Headway, behind
from alerts.judge import Changes, Docket, Sight
from alerts.learning import Learning
from alerts.memory import Memory
from alerts.routing import build_route
from alerts.rule_health import fault_of, silence_of, watch, watch_waiting
from alerts.rules import followed
from alerts.states import States
from alerts.strays import end_strays
from alerts.telling import Telling, tell_log
from monitor.domain import AlertState, floor_to
from monitor.errors import MonitorError
from monitor.metrics import AlertMetrics
from monitor.ports import AlertStore, Tick
from monitor.settings import AlertingSettings, Rule

log = structlog.get_logger(__name__)

LEASE = "evaluate"
LEASE_TICKS = 3  #: A process silent for so many ticks loses the lease.
SHORTEST_LEASE = timedelta(seconds=30)
DEFAULT_WINDOW = timedelta(hours=1)  #: Window of the sentiment gauges where there is no rule.
AT_ONCE = timedelta(days=1)  #: Of event time, for which counts are read together.
MOST_AT_ONCE = 120  #: Missed ticks that are taken in one call.


class Evaluator:
    """Evaluates every rule at every tick."""

    def __init__(  # noqa: PLR0913 - joined to everything it needs in one place, the composition root
        self,
        store: AlertStore,
        settings: AlertingSettings,
        *,
        tickers: Collection[str],
        topics: Collection[str],
        bucket: timedelta,
        metrics: AlertMetrics,
        owner: str,
        coverage: CoverageOf | None = None,
    ) -> None:
        self._store = store
        self._settings = settings
        self._followed = {rule.name: followed(rule, tickers=tickers, topics=topics) for rule in settings.rules}
        self._bucket = bucket
        self._metrics = metrics
        self._owner = owner
        self._coverage = coverage
        self._gauges = Gauges(metrics, rules=self._followed, tickers=tickers, topics=topics)
        self._gauge_window = min((min(rule.windows) for rule in settings.rules), default=DEFAULT_WINDOW)
        self._memory: Memory | None = None
        self._headway = Headway(store, settings, metrics)
        self._late_at: datetime | None = None  # the instant at which what was missed is made up for
        self._idle = False

    @property
    def is_waiting(self) -> bool:
        """Whether ticks wait for what is on the bus to be counted."""
        return self._headway.waiting_since is not None

    @property
    def idle(self) -> bool:
        """Whether no later tick can change an alert or a notification until new data arrives, or data stays away."""
        return self._idle

    def run_once(self, now: datetime) -> bool:
        """Evaluate at `now` when this process holds the lease and the clock has not gone back; say whether it did."""
        ttl = max(LEASE_TICKS * self._settings.evaluate_every, SHORTEST_LEASE)
        try:
            if not self._store.acquire_lease(LEASE, owner=self._owner, now=now, ttl=ttl):
                self._memory = None  # another process changes the states now
                self._headway.forget()
                self._metrics.evaluations.labels(outcome="standby").inc()
                return False
            at = now - self._settings.allowed_lateness
            self._headway.recall(at)
            if not self._headway.is_ahead(at):
                return False
            counted_until = behind(self._store, now, tolerated=self._settings.tolerated_backlog)
            if counted_until is not None:
                self._wait(at, until=counted_until - self._settings.allowed_lateness)
                return False
            if not self._resume(at):
                return False
            self.tick(at)
            self._headway.note()
        except MonitorError:
            self._metrics.evaluations.labels(outcome="failed").inc()
            raise
        self._metrics.evaluations.labels(outcome="done").inc()
        return True

    def tick(self, at: datetime) -> Tick:
        """Evaluate at event time `at`, store what changed, and return it."""
        nothing = Tick(at=at, alerts=(), transitions=(), groups=(), notifications=(), baselines=())
        return next(iter(list(self.evaluate([at]))), nothing)

    def evaluate(self, ticks: Sequence[datetime]) -> Iterator[Tick]:
        """Evaluate at each of `ticks`, instants of event time in order, and yield what was stored.

        Ticks at which nothing changed are left out, as are those before the last one that was evaluated.
        """
        fresh = [at for at in ticks if self._headway.last_at is None or at >= self._headway.last_at]
        while fresh:
            count = bisect_left(fresh, fresh[0] + AT_ONCE)
            yield from self._piece(fresh[:count])
            fresh = fresh[count:]

    def _wait(self, at: datetime, *, until: datetime) -> None:
        """Evaluate no further than `until`, for the counts of later are not whole yet; but tell of it in time."""
        waiting_since = self._headway.wait(at, until=until)
        self._catch_up(until, at)
        self._tell_silence(at, waiting_since)

    def _tell_silence(self, at: datetime, waiting_since: datetime) -> None:
        """Whoever sees nothing counted for long is as good as blind, whatever it is that the counts wait for."""
        memory, self._memory = self._memory or self._load(at), None
        memory.telling.refresh()
        changes, end = Changes(at), self._end(at)
        silence = partial(silence_of, last=memory.counted.last_stored_at(end), end=end, since=memory.began_at)
        watch_waiting(memory.states, self._settings.rules, silence, changes, waiting=end - waiting_since)
        self._settle(memory, changes, is_last=False)
        self._memory = memory

    def _resume(self, at: datetime) -> bool:
        """Evaluate what waited, once nothing keeps it waiting; False: not all of it yet."""
        if self.is_waiting:
            if not self._catch_up(at - self._settings.evaluate_every, at):
                return False
            self._headway.resume(at)
        return True

    def _catch_up(self, until: datetime, at: datetime) -> bool:
        """Take the ticks that were waited with, up to `until`; it is `at` now. False: some are left for the next call.

        One that has something to tell ends the call: told at once, what began and ended meanwhile would be one message,
        that it has ended. So do many, for the lease has to be renewed.
        """
        missed = self._headway.missed(until)
        self._metrics.evaluations.labels(outcome="waiting").inc()
        self._late_at = at + self._settings.allowed_lateness
        try:
            for number, due_at in enumerate(missed, start=1):
                if self.tick(due_at).notifications or number == MOST_AT_ONCE:
                    return number == len(missed)
        finally:
            self._late_at = None
            self._headway.note()
        return True

    def _piece(self, ticks: Sequence[datetime]) -> Iterator[Tick]:
        # Taken out while in work: after a failure memory and store may differ, and the next tick reads anew.
        memory, self._memory = self._memory or self._load(ticks[0]), None
        first, last = self._end(ticks[0]), self._end(ticks[-1])
        memory.counted.refresh(floor_to(first, HOUR) - memory.learning.lookback, last)
        memory.telling.refresh()
        for _, hour in groupby(ticks, key=lambda at: floor_to(self._end(at), HOUR)):
            yield from self._hour(list(hour), memory, last=ticks[-1])
        self._memory, self._headway.last_at = memory, ticks[-1]
        self._report(memory, ticks[-1])

    def _hour(self, ticks: Sequence[datetime], memory: Memory, *, last: datetime) -> Iterator[Tick]:
        """The ticks of one hour: until it is over nothing more is learned."""
        ends = [self._end(at) for at in ticks]
        dockets = [self._docket(rule, memory, ends) for rule in self._settings.rules]
        if len(ticks) > 1 and any(docket.fault for docket in dockets):
            for at in ticks:  # which of them is it?
                yield from self._hour([at], memory, last=last)
            return
        memory.dockets = dockets
        for row, at in enumerate(ticks):
            changes = Changes(at)
            if not memory.is_checked:
                memory.is_checked = True
                end_strays(memory.states, self._settings.rules, self._followed, changes)
            for docket in dockets:
                self._step(docket, row, memory, changes)
            tick = self._settle(memory, changes, is_last=at == last)
            if tick is not None:
                yield tick

    def _docket(self, rule: Rule, memory: Memory, ends: Sequence[datetime]) -> Docket:
        docket = Docket(rule, memory.states, memory.witness, ends)
        try:
            detector = memory.learning.detector(rule, ends[0], grid=memory.counted.grid, alerts=memory.states.series)
            if detector is None:
                return docket
            grid = memory.counted.grid(ends[0] - rule.window, ends[-1])
            return replace(docket, sight=Sight.of(detector, grid, detector.scan(grid, ends)))
        except MonitorError:
            raise
        except Exception as err:  # the fault of one rule must not silence the others
            log.exception("rule_failed", rule=rule.name)
            memory.learning.forget(rule.name)
            return replace(docket, fault=fault_of(err))

    def _step(self, docket: Docket, row: int, memory: Memory, changes: Changes) -> None:
        rule, fault = docket.rule, docket.fault
        end = docket.ends[row]
        silence = silence_of(rule, memory.counted.last_document_at(end), end=end, since=memory.began_at)
        if not self.is_waiting:  # else it is the silence of now that is told of
            watch(memory.states, rule, AlertState.NO_DATA, silence, changes)
        try:
            docket.step(row, changes, doubt=silence or fault)
        except MonitorError:
            raise
        except Exception as err:
            log.exception("rule_failed", rule=rule.name)
            fault = fault_of(err)
            replace(docket, sight=None).step(row, changes, doubt=fault)
        watch(memory.states, rule, AlertState.ERROR, fault, changes)

    def _settle(self, memory: Memory, changes: Changes, *, is_last: bool) -> Tick | None:
        """Plan what is to be told, and store what the tick changed, if anything."""
        now = changes.at + self._settings.allowed_lateness
        due = memory.telling.plan(now, memory.states, is_changed=bool(changes.alerts))
        baselines = memory.learning.dump() if changes.transitions or is_last else []
        if not (changes.alerts or due.groups or due.notifications or baselines):
            return None
        if self._late_at is not None:  # a receiver is told now, whatever instant is judged; one after the other
            now = self._late_at = self._late_at + timedelta.resolution
        last = {alert.fingerprint: alert for alert in changes.alerts}
        tick = Tick(
            at=changes.at, alerts=list(last.values()), transitions=changes.transitions, groups=due.groups,
            notifications=[replace(each, created_at=now) for each in due.notifications], baselines=baselines,
        )  # fmt: skip
        self._store.store_tick(tick)
        self._gauges.show_transitions(tick.transitions, evaluated_at=now)
        tell_log(tick.transitions)
        return tick

    def _load(self, at: datetime) -> Memory:
        rules, receivers = self._settings.rules, self._settings.receivers
        keys = sorted(frozenset().union(*self._followed.values()))
        counted = Counted(self._store, keys, bucket=self._bucket)
        send_resolved = {receiver.name: receiver.send_resolved for receiver in receivers}
        return Memory(
            learning=Learning(self._store, self._followed, rules, bucket=self._bucket),
            counted=counted,
            witness=Witness(self._store, counted, self._settings.evidence_documents, self._coverage),
            states=States(self._store.alerts()),
            telling=Telling(self._store, route=build_route(self._settings.route), send_resolved=send_resolved),
            began_at=at,
        )

    def _end(self, at: datetime) -> datetime:
        """The end of every window of the tick at `at`."""
        return floor_to(at, self._bucket)

    def _report(self, memory: Memory, at: datetime) -> None:
        is_near = any(docket.is_near() for docket in memory.dockets)
        self._idle = memory.states.is_calm() and not memory.telling.is_open and not is_near
        end = self._end(at)
        self._gauges.show_sentiment(self._store.window_counts(end - self._gauge_window, end))
        self._gauges.show_alerts(memory.states)
        for docket in memory.dockets:
            self._gauges.show_expected(docket.rule.name, docket.levels(self._gauges.shown))
        self._metrics.last_evaluation.set((self._late_at or at + self._settings.allowed_lateness).timestamp())
