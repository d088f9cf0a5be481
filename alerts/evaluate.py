"""Evaluate the rules: counts in, alert states and notifications out, each tick stored in one transaction.

Ticks are instants of event time: the windows of a tick are `[at - window, at)`, aligned down to whole buckets, and the
same counts give the same outcome whenever it is evaluated, alone or with many others, and however often the process
was restarted in between. Live, a tick is evaluated `allowed_lateness` after its time, so that within it documents may
come in any order. What was learned, what was counted and the states of alerts are kept in memory between ticks, and
read anew after a failure or after another process had the lease.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby

import structlog

from alerts import lifecycle
from alerts.baseline import HOUR
from alerts.counted import Counted
from alerts.evidence import CoverageOf, Witness
from alerts.gauges import Gauges
from alerts.judge import Changes, Docket, Sight
from alerts.learning import Learning
from alerts.lifecycle import AT_REST, RULE_STATES
from alerts.routing import build_route
from alerts.rule_health import fault_of, silence_of, watch
from alerts.rules import followed, rule_version
from alerts.states import States
from alerts.telling import Telling
from monitor.domain import Alert, AlertState, Transition, floor_to
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


@dataclass(slots=True)
class _Memory:
    """What is kept between ticks."""

    learning: Learning
    counted: Counted
    witness: Witness
    states: States
    telling: Telling
    began_at: datetime  # first tick
    dockets: Sequence[Docket] = ()  # of the last hour
    is_checked: bool = False  # alerts of rules that are gone or changed are ended


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
        self._memory: _Memory | None = None
        self._last_at: datetime | None = None
        self._idle = False

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
                self._metrics.evaluations.labels(outcome="standby").inc()
                return False
            if not self._is_ahead(at := now - self._settings.allowed_lateness):
                return False
            self.tick(at)
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
        fresh = [at for at in ticks if self._last_at is None or at >= self._last_at]
        while fresh:
            count = bisect_left(fresh, fresh[0] + AT_ONCE)
            yield from self._piece(fresh[:count])
            fresh = fresh[count:]

    def _is_ahead(self, at: datetime) -> bool:
        """Whether `at` lies after the last evaluation; a clock that went back is told of, and waited for."""
        if self._last_at is None or at >= self._last_at:
            return True
        self._metrics.evaluations.labels(outcome="clock-behind").inc()
        log.warning(
            "clock_went_back", by_s=round((self._last_at - at).total_seconds(), 3), goes_on_at=self._last_at.isoformat()
        )
        return False

    def _piece(self, ticks: Sequence[datetime]) -> Iterator[Tick]:
        # Taken out while in work: after a failure memory and store may differ, and the next tick reads anew.
        memory, self._memory = self._memory or self._load(ticks[0]), None
        first, last = self._end(ticks[0]), self._end(ticks[-1])
        memory.counted.refresh(floor_to(first, HOUR) - memory.learning.lookback, last)
        memory.telling.refresh()
        for _, hour in groupby(ticks, key=lambda at: floor_to(self._end(at), HOUR)):
            yield from self._hour(list(hour), memory, last=ticks[-1])
        self._memory, self._last_at = memory, ticks[-1]
        self._report(memory, ticks[-1])

    def _hour(self, ticks: Sequence[datetime], memory: _Memory, *, last: datetime) -> Iterator[Tick]:
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
            self._end_strays(memory, changes)
            for docket in dockets:
                self._step(docket, row, memory, changes)
            tick = self._settle(memory, changes, is_last=at == last)
            if tick is not None:
                yield tick

    def _docket(self, rule: Rule, memory: _Memory, ends: Sequence[datetime]) -> Docket:
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

    def _step(self, docket: Docket, row: int, memory: _Memory, changes: Changes) -> None:
        rule, fault = docket.rule, docket.fault
        silence = silence_of(rule, memory.counted, end=docket.ends[row], since=memory.began_at)
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

    def _end_strays(self, memory: _Memory, changes: Changes) -> None:
        """End the alerts of rules that are gone or others now, and of series that their rule follows no more."""
        if memory.is_checked:
            return
        memory.is_checked = True
        versions = {rule.name: rule_version(rule) for rule in self._settings.rules}
        for alert in [alert for alert in memory.states if alert.state not in AT_REST]:
            reason = self._stray(alert, versions)
            if reason:
                after = lifecycle.resolve(alert, at=changes.at, reason=reason)
                changes.add(alert, [after], None)
                changes.alerts.append(after)
                memory.states.put(after)

    def _stray(self, alert: Alert, versions: Mapping[str, str]) -> str:
        if alert.rule not in versions:
            return "the rule is gone"
        if alert.state in RULE_STATES:
            return ""
        if alert.series not in self._followed[alert.rule]:
            return "the rule no longer follows it"
        return "the rule was changed" if alert.rule_version not in ("", versions[alert.rule]) else ""

    def _settle(self, memory: _Memory, changes: Changes, *, is_last: bool) -> Tick | None:
        """Plan what is to be told, and store what the tick changed, if anything."""
        now = changes.at + self._settings.allowed_lateness
        due = memory.telling.plan(now, memory.states, is_changed=bool(changes.alerts))
        baselines = memory.learning.dump() if changes.transitions or is_last else []
        if not (changes.alerts or due.groups or due.notifications or baselines):
            return None
        last = {alert.fingerprint: alert for alert in changes.alerts}
        tick = Tick(
            at=changes.at, alerts=list(last.values()), transitions=changes.transitions, groups=due.groups,
            notifications=due.notifications, baselines=baselines,
        )  # fmt: skip
        self._store.store_tick(tick)
        self._gauges.show_transitions(tick.transitions)
        _log_transitions(tick.transitions)
        return tick

    def _load(self, at: datetime) -> _Memory:
        rules, receivers = self._settings.rules, self._settings.receivers
        keys = sorted(frozenset().union(*self._followed.values()))
        counted = Counted(self._store, keys, bucket=self._bucket)
        send_resolved = {receiver.name: receiver.send_resolved for receiver in receivers}
        return _Memory(
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

    def _report(self, memory: _Memory, at: datetime) -> None:
        is_near = any(docket.is_near() for docket in memory.dockets)
        self._idle = memory.states.is_calm() and not memory.telling.is_open and not is_near
        end = self._end(at)
        self._gauges.show_sentiment(self._store.window_counts(end - self._gauge_window, end))
        self._gauges.show_alerts(memory.states)
        for docket in memory.dockets:
            self._gauges.show_expected(docket.rule.name, docket.levels(self._gauges.shown))
        self._metrics.last_evaluation.set(at.timestamp())


def _log_transitions(transitions: Sequence[Transition]) -> None:
    for transition in transitions:
        level = log.debug if transition.after is AlertState.PENDING else log.info
        level(
            "alert_changed", rule=transition.rule, entity=transition.series.entity, topic=transition.series.topic,
            before=transition.before.value, after=transition.after.value, at=transition.at.isoformat(),
            **({"reason": transition.reason} if transition.reason else {}),
        )  # fmt: skip
