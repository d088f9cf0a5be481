"""Evaluate the rules: counts and baselines in, alert states and notifications out, stored in one transaction.

`tick` works in event time: its window is `[at - window, at)`, aligned down to whole buckets, and the same counts give
the same outcome whenever it runs and however often the process was restarted in between. What was learned and the
states of alerts are kept in memory between ticks and read anew after a failure or after another process had the lease.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog

from alerts import lifecycle
from alerts.baseline import EPOCH
from alerts.gauges import Gauges
from alerts.grouping import GroupId, Plan, plan
from alerts.learning import Learning
from alerts.lifecycle import ACTIVE, FIRING
from alerts.routing import build_route
from alerts.rules import Reading, alert_labels, fingerprint, followed, source_gate, statistical_gates
from monitor.domain import Alert, AlertState, Counts, Evidence, GateReading, GroupState, SeriesKey, Transition
from monitor.errors import MonitorError
from monitor.metrics import AlertMetrics
from monitor.ports import AlertStore, Tick
from monitor.settings import AlertingSettings, Rule

log = structlog.get_logger(__name__)

LEASE = "evaluate"
LEASE_TICKS = 3  #: A process silent for so many ticks loses the lease.
SHORTEST_LEASE = timedelta(seconds=30)
DEFAULT_WINDOW = timedelta(hours=1)  #: Window of the sentiment gauges where there is no rule.


@dataclass(slots=True)
class _Memory:
    """What is kept between ticks."""

    learning: Learning
    alerts: dict[tuple[str, SeriesKey], Alert]  # by rule and series
    groups: dict[GroupId, GroupState]


@dataclass(slots=True)
class _Round:
    """One tick in the making."""

    at: datetime
    end: datetime  # of every window
    counts: dict[timedelta, Mapping[SeriesKey, Counts]] = field(default_factory=dict)  # by window
    alerts: list[Alert] = field(default_factory=list)  # changed
    transitions: list[Transition] = field(default_factory=list)
    is_near: bool = False  # a series stands at the count gate of a rule


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
    ) -> None:
        self._store = store
        self._settings = settings
        self._followed = {rule.name: followed(rule, tickers=tickers, topics=topics) for rule in settings.rules}
        self._bucket = bucket
        self._metrics = metrics
        self._owner = owner
        self._route = build_route(settings.route)
        self._send_resolved = {receiver.name: receiver.send_resolved for receiver in settings.receivers}
        self._gauges = Gauges(metrics, rules=self._followed, tickers=tickers, topics=topics)
        self._gauge_window = min((rule.window for rule in settings.rules), default=DEFAULT_WINDOW)
        self._memory: _Memory | None = None
        self._idle = False

    @property
    def idle(self) -> bool:
        """Whether no later tick can change an alert or a notification until new data arrives."""
        return self._idle

    def run_once(self, now: datetime) -> bool:
        """Evaluate at `now` when this process holds the lease, and say whether it did."""
        ttl = max(LEASE_TICKS * self._settings.evaluate_every, SHORTEST_LEASE)
        try:
            if not self._store.acquire_lease(LEASE, owner=self._owner, now=now, ttl=ttl):
                self._memory = None  # another process changes the states now
                self._metrics.evaluations.labels(outcome="standby").inc()
                return False
            self.tick(now)
        except MonitorError:
            self._metrics.evaluations.labels(outcome="failed").inc()
            raise
        self._metrics.evaluations.labels(outcome="done").inc()
        return True

    def tick(self, at: datetime) -> Tick:
        """Evaluate at event time `at`, store what changed, and return it."""
        # Taken out while in work: after a failure memory and store may differ, and the next tick reads anew.
        memory, self._memory = self._memory or self._load(), None
        work = _Round(at=at, end=EPOCH + (at - EPOCH) // self._bucket * self._bucket)
        baselines = memory.learning.learn(work.end, memory.alerts)
        self._count(work)
        for rule in self._settings.rules:
            self._evaluate(rule, memory, work)
        self._retire(memory, work)
        memory.alerts.update({(alert.rule, alert.series): alert for alert in work.alerts})
        due = self._plan(memory, at)
        tick = Tick(
            at=at, alerts=work.alerts, transitions=work.transitions, groups=due.groups,
            notifications=due.notifications, baselines=baselines,
        )  # fmt: skip
        if work.alerts or due.groups or due.notifications or baselines:
            self._store.store_tick(tick)
        self._memory = memory
        self._report(memory, work, due)
        return tick

    def _load(self) -> _Memory:
        return _Memory(
            learning=Learning(self._store, self._followed, self._settings.rules),
            alerts={(alert.rule, alert.series): alert for alert in self._store.alerts()},
            groups={(group.receiver, group.group_key): group for group in self._store.groups()},
        )

    def _count(self, work: _Round) -> None:
        for window in {rule.window for rule in self._settings.rules} | {self._gauge_window}:
            work.counts[window] = self._store.window_counts(work.end - window, work.end)

    def _evaluate(self, rule: Rule, memory: _Memory, work: _Round) -> None:
        mine, counts = self._followed[rule.name], work.counts[rule.window]
        keys = {key for key, count in counts.items() if count.negative and key in mine}
        keys |= {key for (name, key), alert in memory.alerts.items() if name == rule.name and alert.state in ACTIVE}
        readings = memory.learning.read(rule, counts, sorted(keys & mine), start=work.end - rule.window, end=work.end)
        for key, reading in readings.items():
            work.is_near |= reading.seen >= rule.gates.min_count
            self._judge(rule, key, reading, memory.alerts.get((rule.name, key)), work)

    def _judge(self, rule: Rule, key: SeriesKey, reading: Reading, known: Alert | None, work: _Round) -> None:
        gates = statistical_gates(rule, reading)
        if (known is None or known.state not in ACTIVE) and not all(gate.passed for gate in gates.values()):
            return
        alert = known or lifecycle.new_alert(
            fingerprint(rule.name, key), rule=rule.name, series=key, labels={}, at=work.at
        )
        alert = replace(alert, labels=alert_labels(rule, key))
        evidence = self._evidence(rule, alert, reading, gates, work.end)
        after, transition = lifecycle.step(alert, rule, evidence, at=work.at)
        if after != known and (known is not None or transition is not None):
            work.alerts.append(after)
        if transition is not None:
            work.transitions.append(transition)

    def _evidence(
        self, rule: Rule, alert: Alert, reading: Reading, gates: Mapping[str, GateReading], end: datetime
    ) -> Evidence:
        start, limit = end - rule.window, self._settings.evidence_documents
        enough = gates["min_count"].passed
        sources = self._store.negative_sources(alert.series, start, end) if enough else 0
        evidence = Evidence(
            window_start_at=start,
            window_end_at=end,
            seen=reading.seen,
            expected=reading.expected,
            dispersion=reading.dispersion,
            p_value=reading.p_value,
            ratio=reading.ratio,
            sources=sources,
            stories=reading.stories,
            gates={**gates, **source_gate(rule, sources)},
            history_s=reading.history.total_seconds(),
            held_back=reading.held_back,
        )
        if not lifecycle.holds(rule, alert.state, evidence):
            return evidence
        return replace(evidence, documents=tuple(self._store.negative_documents(alert.series, start, end, limit=limit)))

    def _retire(self, memory: _Memory, work: _Round) -> None:
        """End the alerts of rules that are gone, and of series that their rule follows no more."""
        for (rule, key), alert in memory.alerts.items():
            if alert.state in ACTIVE and key not in self._followed.get(rule, ()):
                after, transition = lifecycle.resolve(alert, at=work.at)
                work.alerts.append(after)
                work.transitions.extend([transition] if transition is not None else [])

    def _plan(self, memory: _Memory, at: datetime) -> Plan:
        due = plan(
            at,
            memory.alerts.values(),
            memory.groups,
            silences=self._store.silences(active_at=at),
            route=self._route,
            send_resolved=self._send_resolved,
        )
        memory.groups.update({(group.receiver, group.group_key): group for group in due.groups})
        return due

    def _report(self, memory: _Memory, work: _Round, due: Plan) -> None:
        is_active = any(alert.state in ACTIVE for alert in memory.alerts.values())
        self._idle = not (is_active or due.is_open or work.is_near)
        self._gauges.show_sentiment(work.counts[self._gauge_window])
        self._gauges.show_alerts(memory.alerts.values(), work.transitions)
        self._metrics.last_evaluation.set(work.at.timestamp())
        for transition in work.transitions:
            level = log.info if transition.after in FIRING | {AlertState.RESOLVED} else log.debug
            level(
                "alert_changed", rule=transition.rule, entity=transition.series.entity, topic=transition.series.topic,
                before=transition.before.value, after=transition.after.value, at=transition.at.isoformat(),
            )  # fmt: skip
