"""The life of an alert: one evaluation in, the alert's next states out. Pure.

normal -> pending -> firing -> recovering -> resolved -> pending ...

The meaning of `for` and `keep_firing_for` is Prometheus's (Prometheus documentation, "Alerting rules"; its source,
`rules/alerting.go`): the condition must hold at every evaluation for so long before the alert fires, and the alert
keeps firing for so long after the first evaluation at which the condition no longer held; `recovering` names that
second span, and receivers still see it as firing. Where it cannot be said whether the condition holds (too little was
looked at, nothing was counted, the rule is in error), the alert is `uncertain`: it neither fires nor resolves, and goes
back to the state that it was in. A resolved alert stays resolved until its condition holds again. All that is
remembered is in `Alert`, so a restart changes nothing, and an evaluation that changes nothing need not be stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from enum import Enum

from monitor.domain import Alert, AlertState, Evidence, SeriesKey, Transition
from monitor.settings import Rule

FIRING = frozenset({AlertState.FIRING, AlertState.RECOVERING})
"""States of a series in which its condition holds, or held a moment ago."""

ACTIVE = FIRING | {AlertState.PENDING}
"""States of a series that do not last by themselves."""

AT_REST = frozenset({AlertState.NORMAL, AlertState.RESOLVED})

RULE_STATES = frozenset({AlertState.NO_DATA, AlertState.ERROR})
"""States of a rule as a whole."""


class Condition(Enum):
    """Whether the condition of a rule holds."""

    MET = "met"
    UNMET = "unmet"
    UNKNOWN = "unknown"


def new_alert(fingerprint: str, *, rule: str, series: SeriesKey, labels: Mapping[str, str], at: datetime) -> Alert:
    """An alert that was never active."""
    return Alert(fingerprint=fingerprint, rule=rule, series=series, labels=labels, state=AlertState.NORMAL, since_at=at)


def held(alert: Alert) -> AlertState:
    """The state, or while it is uncertain the one that it goes back to."""
    return alert.held_state or AlertState.NORMAL if alert.state is AlertState.UNCERTAIN else alert.state


def is_told(alert: Alert) -> bool:
    """Whether receivers see it as something that is the case."""
    return held(alert) in FIRING or alert.state in RULE_STATES


def advance(alert: Alert, rule: Rule, condition: Condition, *, at: datetime, reason: str = "") -> list[Alert]:
    """The alert after each change of state at `at`, in order; none where nothing changes. `reason` is of the doubt."""
    if condition is Condition.UNKNOWN:
        return _doubted(alert, at, reason)
    steps = []
    if alert.state is AlertState.UNCERTAIN:
        alert = _moved(alert, held(alert), at)
        alert = replace(alert, held_state=None, reason="", active_at=_active_again(alert, at))
        steps.append(alert)
    after = _met(alert, rule, at) if condition is Condition.MET else _unmet(alert, rule, at)
    return steps if after.state is alert.state else [*steps, after]


def resolve(alert: Alert, *, at: datetime, reason: str = "") -> Alert:
    """End an alert whose rule or series is followed no more, or whose rule is another now."""
    if is_told(alert):
        return replace(_moved(alert, AlertState.RESOLVED, at), held_state=None, last_true_at=at, reason=reason)
    return replace(_moved(alert, AlertState.NORMAL, at), held_state=None, active_at=None, reason=reason)


def transition(before: Alert, after: Alert, evidence: Evidence | None) -> Transition:
    """What changed from `before` to `after`, at the evaluation that saw `evidence`."""
    return Transition(
        fingerprint=after.fingerprint, rule=after.rule, series=after.series, before=before.state, after=after.state,
        at=after.since_at, evidence=evidence, reason=after.reason,
    )  # fmt: skip


def _moved(alert: Alert, state: AlertState, at: datetime) -> Alert:
    return replace(alert, state=state, since_at=at)


def _active_again(alert: Alert, at: datetime) -> datetime | None:
    """`for` begins anew: nobody knows whether the condition held in the meantime."""
    return at if alert.state is AlertState.PENDING else alert.active_at


def _doubted(alert: Alert, at: datetime, reason: str) -> list[Alert]:
    if alert.state is AlertState.UNCERTAIN:
        return []
    return [replace(_moved(alert, AlertState.UNCERTAIN, at), held_state=alert.state, reason=reason)]


def _met(alert: Alert, rule: Rule, at: datetime) -> Alert:
    if alert.state in FIRING:
        return _moved(alert, AlertState.FIRING, at)
    pending = alert.state is AlertState.PENDING
    active_at = alert.active_at if pending and alert.active_at is not None else at
    if at - active_at >= rule.hold:
        return replace(_moved(alert, AlertState.FIRING, at), active_at=active_at, fired_at=at)
    return replace(_moved(alert, AlertState.PENDING, at), active_at=active_at, fired_at=None)


def _unmet(alert: Alert, rule: Rule, at: datetime) -> Alert:
    if alert.state is AlertState.PENDING:
        return replace(_moved(alert, AlertState.NORMAL, at), active_at=None)
    if alert.state is AlertState.FIRING:
        state = AlertState.RECOVERING if rule.keep_firing_for else AlertState.RESOLVED
        return replace(_moved(alert, state, at), last_true_at=at)
    if alert.state is AlertState.RECOVERING and at - alert.since_at >= rule.keep_firing_for:
        return _moved(alert, AlertState.RESOLVED, at)
    return alert
