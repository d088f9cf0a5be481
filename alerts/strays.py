"""Strays: alerts that nothing stands behind any more, because the configuration is another one now."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from alerts import lifecycle
from alerts.judge import Changes
from alerts.lifecycle import AT_REST, RULE_STATES
from alerts.rules import rule_version
from alerts.states import States
from monitor.domain import Alert, SeriesKey
from monitor.settings import Rule


def end_strays(
    states: States, rules: Sequence[Rule], followed: Mapping[str, Collection[SeriesKey]], changes: Changes
) -> None:
    """End the alerts of rules that are gone or others now, and of series that their rule follows no more."""
    versions = {rule.name: rule_version(rule) for rule in rules}
    for alert in [alert for alert in states if alert.state not in AT_REST]:
        reason = _stray(alert, versions, followed)
        if reason:
            after = lifecycle.resolve(alert, at=changes.at, reason=reason)
            changes.add(alert, [after], None)
            changes.alerts.append(after)
            states.put(after)


def _stray(alert: Alert, versions: Mapping[str, str], followed: Mapping[str, Collection[SeriesKey]]) -> str:
    if alert.rule not in versions:
        return "the rule is gone"
    if alert.state in RULE_STATES:
        return ""
    if alert.series not in followed[alert.rule]:
        return "the rule no longer follows it"
    return "the rule was changed" if alert.rule_version not in ("", versions[alert.rule]) else ""
