"""Telling: which notifications are due, asked only when something changed or the time for it has come."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import structlog

from alerts.grouping import GroupId, Plan, plan
from alerts.routing import Route
from monitor.domain import Alert, AlertState, GroupState, Silence, Transition
from monitor.ports import AlertStore

log = structlog.get_logger(__name__)

NOTHING = Plan(notifications=(), groups=(), due_at=None)


def tell_log(transitions: Sequence[Transition]) -> None:
    """A line for each transition."""
    for transition in transitions:
        level = log.debug if transition.after is AlertState.PENDING else log.info
        level(
            "alert_changed", rule=transition.rule, entity=transition.series.entity, topic=transition.series.topic,
            before=transition.before.value, after=transition.after.value, at=transition.at.isoformat(),
            **({"reason": transition.reason} if transition.reason else {}),
        )  # fmt: skip


class Telling:
    """What receivers were told, and what they are told next."""

    def __init__(self, store: AlertStore, *, route: Route, send_resolved: Mapping[str, bool]) -> None:
        self._store = store
        self._route = route
        self._send_resolved = send_resolved
        self._groups: dict[GroupId, GroupState] = {(group.receiver, group.group_key): group for group in store.groups()}
        self._silences: list[Silence] = []
        self._due_at: datetime | None = None
        self._is_fresh = False

    @property
    def is_open(self) -> bool:
        """Whether time alone can make another notification due."""
        return self._due_at is not None

    def refresh(self) -> None:
        """Read the silences anew, and ask at the next tick whatever happens."""
        self._silences, self._is_fresh = list(self._store.silences()), True

    def plan(self, now: datetime, alerts: Iterable[Alert], *, is_changed: bool) -> Plan:
        """What is due at `now`; nothing where no alert changed and the time has not come."""
        if not (is_changed or self._is_fresh or (self._due_at is not None and now >= self._due_at)):
            return NOTHING
        found = plan(
            now, alerts, self._groups, silences=self._silences, route=self._route, send_resolved=self._send_resolved
        )
        self._groups.update({(group.receiver, group.group_key): group for group in found.groups})
        self._due_at, self._is_fresh = found.due_at, False
        return found
