"""The life of an alert: one evaluation in, the alert's next state and perhaps a transition out. Pure.

normal -> pending -> firing -> recovering -> resolved -> pending ...

The meaning of `for` and `keep_firing_for` is Prometheus's (Prometheus documentation, "Alerting rules"): the condition
must hold at every evaluation for so long before the alert fires, and the alert keeps firing for so long after the
condition last held; `recovering` names that second span, and receivers still see it as firing. Added to it is
hysteresis: what fires goes on while the p-value stays at or under `resolve_p_value` and the count at its gate.
A resolved alert stays resolved until its condition holds again. All that is remembered is in `Alert`, so a restart
changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from alerts.rules import nominal
from monitor.domain import Alert, AlertState, Evidence, SeriesKey, Transition
from monitor.settings import Rule

FIRING = frozenset({AlertState.FIRING, AlertState.RECOVERING})
"""States that a receiver sees as firing."""

ACTIVE = FIRING | {AlertState.PENDING}
"""States in which an alert is evaluated whatever was counted."""


def new_alert(fingerprint: str, *, rule: str, series: SeriesKey, labels: Mapping[str, str], at: datetime) -> Alert:
    """An alert that was never active."""
    return Alert(fingerprint=fingerprint, rule=rule, series=series, labels=labels, state=AlertState.NORMAL, since_at=at)


def holds(rule: Rule, state: AlertState, evidence: Evidence) -> bool:
    """Whether the condition holds: every gate to begin with, less for what already fires."""
    if state not in FIRING:
        return bool(evidence.gates) and all(gate.passed for gate in evidence.gates.values())
    p_value = max(nominal(rule), rule.resolve_p_value)
    return evidence.seen >= rule.gates.min_count and evidence.p_value <= p_value


def step(alert: Alert, rule: Rule, evidence: Evidence, *, at: datetime) -> tuple[Alert, Transition | None]:
    """The alert after the evaluation at `at`, and its transition when the state changed."""
    if holds(rule, alert.state, evidence):
        after = _met(alert, rule, at)
        after = replace(after, last_true_at=at, evidence=evidence)
    else:
        after = _unmet(alert, rule, at)
        after = replace(after, evidence=after.evidence or evidence)
    return _moved(alert, after, evidence, at)


def resolve(alert: Alert, *, at: datetime) -> tuple[Alert, Transition | None]:
    """End an alert whose rule or series is followed no more."""
    if alert.state in FIRING:
        after = replace(alert, state=AlertState.RESOLVED)
    else:
        after = replace(alert, state=AlertState.NORMAL, active_at=None)
    return _moved(alert, after, alert.evidence, at)


def _met(alert: Alert, rule: Rule, at: datetime) -> Alert:
    if alert.state in FIRING:
        return replace(alert, state=AlertState.FIRING)
    pending = alert.state is AlertState.PENDING and alert.active_at is not None
    active_at = alert.active_at if pending and alert.active_at is not None else at
    if at - active_at >= rule.hold:
        return replace(alert, state=AlertState.FIRING, active_at=active_at, fired_at=at)
    return replace(alert, state=AlertState.PENDING, active_at=active_at, fired_at=None)


def _unmet(alert: Alert, rule: Rule, at: datetime) -> Alert:
    if alert.state is AlertState.PENDING:
        return replace(alert, state=AlertState.NORMAL, active_at=None)
    if alert.state not in FIRING:
        return alert
    last_true_at = alert.last_true_at or alert.since_at
    over = at - last_true_at >= rule.keep_firing_for
    return replace(alert, state=AlertState.RESOLVED if over else AlertState.RECOVERING)


def _moved(before: Alert, after: Alert, evidence: Evidence | None, at: datetime) -> tuple[Alert, Transition | None]:
    if before.state is after.state:
        return after, None
    transition = Transition(
        fingerprint=after.fingerprint, rule=after.rule, series=after.series,
        before=before.state, after=after.state, at=at, evidence=evidence,
    )  # fmt: skip
    return replace(after, since_at=at), transition
