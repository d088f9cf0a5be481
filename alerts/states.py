"""States: the alerts of every rule as the last evaluation left them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from alerts.lifecycle import AT_REST, RULE_STATES
from alerts.rules import rule_fingerprint
from monitor.domain import Alert, AlertState, SeriesKey


class _Key(NamedTuple):
    rule: str
    series: SeriesKey


class States:
    """Alerts by rule and series, and apart from them those on rules as a whole."""

    def __init__(self, alerts: Iterable[Alert]) -> None:
        self.series: dict[tuple[str, SeriesKey], Alert] = {}
        self.rules: dict[tuple[str, AlertState], Alert] = {}
        self._active: dict[str, set[SeriesKey]] = {}
        for alert in alerts:
            self.put(alert)

    def put(self, alert: Alert) -> None:
        """Take `alert` in the place of what was known of it."""
        for state in RULE_STATES:
            if alert.fingerprint == rule_fingerprint(alert.rule, state):
                self.rules[alert.rule, state] = alert
                return
        self.series[_Key(alert.rule, alert.series)] = alert
        keys = self._active.setdefault(alert.rule, set())
        (keys.discard if alert.state in AT_REST else keys.add)(alert.series)

    def get(self, rule: str, series: SeriesKey) -> Alert | None:
        """What is known of `series` under `rule`."""
        return self.series.get((rule, series))

    def active(self, rule: str) -> set[SeriesKey]:
        """The series of `rule` that are not at rest."""
        return self._active.setdefault(rule, set())

    def is_in(self, rule: str, state: AlertState) -> bool:
        """Whether `rule` as a whole is in `state`."""
        alert = self.rules.get((rule, state))
        return alert is not None and alert.state is state

    def is_calm(self) -> bool:
        """Whether every series is at rest."""
        return not any(self._active.values())

    def __iter__(self) -> Iterator[Alert]:
        yield from self.series.values()
        yield from self.rules.values()
