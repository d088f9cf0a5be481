"""The health of a rule: that nothing was counted for long, or that it could not be evaluated, is an alert of its own.

Both stand for the rule as a whole: their series is that of everything, and their label `state` tells them apart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from alerts import lifecycle
from alerts.judge import Changes
from alerts.rules import alert_labels, rule_fingerprint, rule_version
from alerts.states import States
from monitor.domain import Alert, AlertState, SeriesKey
from monitor.settings import Rule

REASON_CHARS = 300
WAITS = "; what came since waits on the bus to be counted"


def silence_of(rule: Rule, last: datetime | None, *, end: datetime, since: datetime) -> str:
    """That nothing was counted for `no_data_after` before `end`, in words; empty where something was.

    `last` is the end of the last slot that holds anything. Where there never was anything, it is asked `since` when
    anybody looked.
    """
    if rule.no_data_after == timedelta(0) or end - (last or since) < rule.no_data_after:
        return ""
    if last is None:
        return f"no document was ever counted; looking since {since:%Y-%m-%d %H:%M} UTC"
    return f"no document was counted since {last:%Y-%m-%d %H:%M} UTC"


def watch_waiting(
    states: States, rules: Sequence[Rule], silence: Callable[[Rule], str], changes: Changes, *, waiting: timedelta
) -> None:
    """Whoever has been `waiting` for long and sees nothing counted is as good as blind, and says so.

    Who has just begun to wait may have been down for hours: that is no silence yet, and ends none.
    """
    for rule in rules:
        found = silence(rule)
        if not found or waiting >= rule.no_data_after:
            watch(states, rule, AlertState.NO_DATA, found and f"{found}{WAITS}", changes)


def fault_of(err: Exception) -> str:
    """An error in words that fit into a message."""
    return f"{type(err).__name__}: {err}"[:REASON_CHARS]


def watch(states: States, rule: Rule, state: AlertState, reason: str, changes: Changes) -> None:
    """Bring the alert that `rule` is in `state` up to date; `reason` is empty where it is not."""
    known = states.rules.get((rule.name, state))
    if bool(reason) == states.is_in(rule.name, state):
        return
    before = known or _new(rule, state, changes.at)
    after = _begun(before, rule, state, reason, changes.at) if reason else lifecycle.resolve(before, at=changes.at)
    changes.add(before, [after], None)
    changes.alerts.append(after)
    states.put(after)


def _new(rule: Rule, state: AlertState, at: datetime) -> Alert:
    print_ = rule_fingerprint(rule.name, state)
    return lifecycle.new_alert(print_, rule=rule.name, series=SeriesKey(), labels={}, at=at)


def _begun(alert: Alert, rule: Rule, state: AlertState, reason: str, at: datetime) -> Alert:
    return Alert(
        fingerprint=alert.fingerprint, rule=rule.name, series=alert.series, state=state, since_at=at, active_at=at,
        fired_at=at, rule_version=rule_version(rule), reason=reason,
        labels={**alert_labels(rule, alert.series), "state": state.value},
    )  # fmt: skip
