"""Grouping: which notifications are due, and what each group was last told. Pure.

The semantics are Alertmanager's (Alertmanager documentation, "Configuration", route; the rules of its deduplication
stage): a new group waits `group_wait` for company; a group whose firing alerts grew, or some of whose notified alerts
were resolved, is notified no sooner than `group_interval` after the last time; an unchanged one after
`repeat_interval`; a receiver hears of a resolve once, and only of alerts that it knows. Three things differ, to lose
nothing: an alert that fires again after a resolve that a receiver did not want to hear is told anew; a resolve under a
silence is told when the silence ends; and no timer runs between evaluations, so a span ends at the first one after it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from alerts.lifecycle import is_told
from alerts.routing import Route
from alerts.silences import is_silenced
from monitor.domain import Alert, AlertState, GroupState, Notification, Silence

GroupId = tuple[str, str]
"""Receiver and group key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be sent, and what to remember."""

    notifications: tuple[Notification, ...]
    groups: tuple[GroupState, ...]  #: Changed ones.
    due_at: datetime | None  #: UTC; when time alone makes another notification due; None: never.

    @property
    def is_open(self) -> bool:
        """Whether time alone can make another notification due."""
        return self.due_at is not None


@dataclass(slots=True)
class _Group:
    """The alerts of one group at one instant."""

    route: Route
    labels: Mapping[str, str]
    state: GroupState
    firing: list[Alert] = field(default_factory=list)  # not silenced
    ended: list[Alert] = field(default_factory=list)  # known to the receiver as firing, but they fire no more
    hidden: list[str] = field(default_factory=list)  # known to the receiver, now silenced: nothing is said of them


def plan(
    now: datetime,
    alerts: Iterable[Alert],
    groups: Mapping[GroupId, GroupState],
    *,
    silences: Sequence[Silence],
    route: Route,
    send_resolved: Mapping[str, bool],
) -> Plan:
    """What is due at `now`; `send_resolved` holds every receiver there is."""
    found = _collect(now, alerts, groups, silences, route)
    sent: list[Notification] = []
    due = _borders(now, silences)
    changed = _closed(groups, {g for g in found if g[0] in send_resolved})
    for group_id, group in sorted(found.items()):
        wants_resolved = send_resolved.get(group.state.receiver)
        if wants_resolved is None:
            continue
        notification, state = _decide(now, group, wants_resolved=wants_resolved)
        if notification is not None:
            sent.append(notification)
        if state != groups.get(group_id) and (state.firing or state.notified_at or group.firing):
            changed[group_id] = state
        due.extend(_next(group, state))
    return Plan(notifications=tuple(sent), groups=tuple(changed.values()), due_at=min(due, default=None))


def _borders(now: datetime, silences: Sequence[Silence]) -> list[datetime]:
    """When a silence begins or ends."""
    return [at for silence in silences for at in (silence.starts_at, silence.ends_at) if at > now]


def _next(group: _Group, state: GroupState) -> list[datetime]:
    """When a group that stays as it is has something to say, if ever."""
    firing, told = {alert.fingerprint for alert in group.firing}, set(state.firing)
    if not told:
        return [state.first_seen_at + group.route.group_wait] if firing else []
    since = state.notified_at or state.first_seen_at
    if not firing <= told or any(alert.fingerprint in told for alert in group.ended):
        return [since + group.route.group_interval]
    return [since + group.route.repeat_interval] if firing else []


def _collect(
    now: datetime,
    alerts: Iterable[Alert],
    groups: Mapping[GroupId, GroupState],
    silences: Sequence[Silence],
    route: Route,
) -> dict[GroupId, _Group]:
    known = {fingerprint for state in groups.values() for fingerprint in state.firing}
    found: dict[GroupId, _Group] = {}
    for alert in alerts:
        if not is_told(alert) and alert.fingerprint not in known:
            continue
        silenced = is_silenced(alert.labels, silences, at=now)
        for leaf in route.find(alert.labels):
            if leaf.receiver is not None:
                _place(alert, _group(found, groups, leaf, alert, now), silenced=silenced)
    return found


def _group(
    found: dict[GroupId, _Group], groups: Mapping[GroupId, GroupState], leaf: Route, alert: Alert, now: datetime
) -> _Group:
    receiver, key = leaf.receiver or "", leaf.group_key(alert.labels)
    if (receiver, key) not in found:
        state = groups.get((receiver, key)) or GroupState(receiver=receiver, group_key=key, first_seen_at=now)
        found[receiver, key] = _Group(route=leaf, labels=leaf.group_labels(alert.labels), state=state)
    return found[receiver, key]


def _place(alert: Alert, group: _Group, *, silenced: bool) -> None:
    is_known = alert.fingerprint in group.state.firing
    if silenced:
        if is_known:
            group.hidden.append(alert.fingerprint)
    elif is_told(alert):
        group.firing.append(alert)
    elif is_known:
        group.ended.append(replace(alert, state=AlertState.RESOLVED))


def _closed(groups: Mapping[GroupId, GroupState], made: Collection[GroupId]) -> dict[GroupId, GroupState]:
    """Groups that routes and receivers of today no longer make: forgotten, or they would wait for ever."""
    return {
        group_id: replace(state, firing=(), resolved=())
        for group_id, state in groups.items()
        if state.firing and group_id not in made
    }


def _decide(now: datetime, group: _Group, *, wants_resolved: bool) -> tuple[Notification | None, GroupState]:
    state = group.state
    if not wants_resolved and group.ended:
        gone = {alert.fingerprint for alert in group.ended}
        state, group.ended = replace(state, firing=tuple(f for f in state.firing if f not in gone)), []
    state = _reopened(now, group, state)
    reason = _reason(now, group, state)
    if reason is None:
        return None, state
    notification = _notification(now, group, reason)
    told = {alert.fingerprint for alert in group.firing} | set(group.hidden)
    ended = tuple(sorted(alert.fingerprint for alert in group.ended))
    return notification, replace(state, notified_at=now, firing=tuple(sorted(told)), resolved=ended)


def _reopened(now: datetime, group: _Group, state: GroupState) -> GroupState:
    """A group of which nothing was firing begins anew with its first alert, and waits for company again."""
    if state.firing or not group.firing:
        return state
    if state.notified_at is not None and state.first_seen_at <= state.notified_at:
        return replace(state, first_seen_at=now, resolved=())
    began_at = min(alert.fired_at or now for alert in group.firing)
    return replace(state, first_seen_at=max(state.first_seen_at, began_at))


def _reason(now: datetime, group: _Group, state: GroupState) -> str | None:
    firing = {alert.fingerprint for alert in group.firing}
    if not state.firing:
        return "first" if firing and now >= state.first_seen_at + group.route.group_wait else None
    since = now - (state.notified_at or state.first_seen_at)
    if group.ended or not firing <= set(state.firing):
        if since < group.route.group_interval:
            return None
        return "changed" if firing or group.hidden else "resolved"
    return "repeat" if firing and since >= group.route.repeat_interval else None


def _notification(now: datetime, group: _Group, reason: str) -> Notification:
    def age(alert: Alert) -> tuple[datetime, str]:
        return alert.fired_at or now, alert.fingerprint

    alerts = (*sorted(group.firing, key=age), *sorted(group.ended, key=age))
    receiver, key = group.state.receiver, group.state.group_key
    parts = [receiver, key, now.isoformat(), *(f"{a.fingerprint}={a.state}" for a in alerts)]
    return Notification(
        id=hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32],
        receiver=receiver,
        group_key=key,
        group_labels=group.labels,
        alerts=alerts,
        reason=reason,
        created_at=now,
    )
