"""Grouping: what is due when, and what each receiver knows."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from alerts.grouping import GroupId, Plan, plan
from alerts.routing import build_route
from monitor.domain import Alert, AlertState, GroupState, Matcher, Notification, Silence
from monitor.settings import RouteSettings
from tests.unit.alerts.build import HOUR, MINUTE, T0, alert, silence

SECOND = timedelta(seconds=1)
F, R, D, P = AlertState.FIRING, AlertState.RECOVERING, AlertState.RESOLVED, AlertState.PENDING
QUIET_ACME = Matcher(name="entity", value="ACME")


class Desk:
    """Plans at instant after instant, and remembers the groups as the store would."""

    def __init__(self, *, send_resolved: bool = True, silences: tuple[Silence, ...] = (), **route: Any) -> None:
        self.route = build_route(RouteSettings.model_validate({"receiver": "mail", **route}))
        self.send_resolved: dict[str, bool] = {"mail": send_resolved, "pager": send_resolved}
        self.silences = silences
        self.groups: dict[GroupId, GroupState] = {}

    def plan(self, now: datetime, *alerts: Alert) -> Plan:
        """One evaluation."""
        due = plan(now, alerts, self.groups, silences=self.silences, route=self.route, send_resolved=self.send_resolved)
        self.groups.update({(g.receiver, g.group_key): g for g in due.groups})
        return due

    def sent(self, now: datetime, *alerts: Alert) -> list[tuple[str, list[tuple[str, AlertState]]]]:
        """Reasons and alerts of what is due."""
        return [(n.reason, [(a.series.entity, a.state) for a in n.alerts]) for n in self.notifications(now, *alerts)]

    def notifications(self, now: datetime, *alerts: Alert) -> tuple[Notification, ...]:
        """What is due."""
        return self.plan(now, *alerts).notifications


def told(*alerts: Alert, **settings: Any) -> Desk:
    """A desk that notified `alerts` at T0 + 30 s."""
    desk = Desk(**settings)
    desk.plan(T0, *alerts)
    assert [n.reason for n in desk.notifications(T0 + 30 * SECOND, *alerts)] == ["first"]
    return desk


def test_new_group_waits_for_company() -> None:
    """group_wait runs from the first alert; what joined by then is in the same message."""
    desk = Desk(group_by=["alertname"])
    assert desk.sent(T0, alert()) == []
    other = alert("GLOBEX", at=T0 + 10 * SECOND)
    assert desk.sent(T0 + 29 * SECOND, alert(), other) == []
    assert desk.sent(T0 + 30 * SECOND, alert(), other) == [("first", [("ACME", F), ("GLOBEX", F)])]


def test_groups_are_told_apart_by_their_labels() -> None:
    """Two entities, two messages, by default."""
    desk = told(alert(), group_wait="30s")
    desk.plan(T0 + MINUTE, alert(), alert("GLOBEX", at=T0 + MINUTE))
    (other,) = desk.notifications(T0 + 2 * MINUTE, alert(), alert("GLOBEX", at=T0 + MINUTE))
    assert other.group_labels == {"alertname": "NegativeSpike", "entity": "GLOBEX"}


def test_unchanged_group_is_repeated() -> None:
    """After repeat_interval, not before, and then again."""
    desk = told(alert())
    assert desk.sent(T0 + 4 * HOUR, alert()) == []
    assert desk.sent(T0 + 4 * HOUR + 30 * SECOND, alert()) == [("repeat", [("ACME", F)])]
    assert desk.sent(T0 + 4 * HOUR + MINUTE, alert()) == []


def test_change_waits_for_the_group_interval() -> None:
    """A new alert of a known group is told, but no sooner than group_interval after the last message."""
    desk = told(alert(topic="Legal"))
    both = alert(topic="Legal"), alert(topic="Macro", at=T0 + MINUTE)
    assert desk.sent(T0 + 5 * MINUTE, *both) == []
    assert desk.sent(T0 + 5 * MINUTE + 30 * SECOND, *both) == [("changed", [("ACME", F), ("ACME", F)])]


def test_resolve_is_told_once() -> None:
    """And leaves nothing to wait for."""
    desk = told(alert())
    at = T0 + 10 * MINUTE
    assert desk.sent(at, alert(state=D)) == [("resolved", [("ACME", D)])]
    after = desk.plan(at + HOUR, alert(state=D))
    assert (after.notifications, after.groups, after.is_open) == ((), (), False)


def test_resolve_of_one_is_a_change_of_the_group() -> None:
    """Firing first, then resolved."""
    legal, macro = alert(topic="Legal"), alert(topic="Macro")
    desk = told(legal, macro)
    at = T0 + 10 * MINUTE
    (change,) = desk.notifications(at, alert(topic="Legal", state=D), macro)
    assert (change.reason, change.status) == ("changed", "firing")
    assert [(a.series.topic, a.state) for a in change.alerts] == [("Macro", F), ("Legal", D)]
    assert desk.sent(at + 6 * MINUTE, alert(topic="Legal", state=D), macro) == []


def test_alert_that_nobody_heard_of_is_not_resolved_aloud() -> None:
    """It fired and ended within group_wait."""
    desk = Desk()
    desk.plan(T0, alert())
    assert desk.sent(T0 + MINUTE, alert(state=D)) == []
    assert not desk.plan(T0 + 2 * MINUTE, alert(state=D)).is_open


def test_next_episode_waits_for_company_again() -> None:
    """Also when nobody heard of the first."""
    for desk in (Desk(), told(alert())):
        desk.plan(T0, alert())
        desk.plan(T0 + HOUR, alert(state=D))
        again = alert(at=T0 + 2 * HOUR)
        assert desk.sent(T0 + 2 * HOUR, again) == []
        assert desk.sent(T0 + 2 * HOUR + 29 * SECOND, again) == []
        assert desk.sent(T0 + 2 * HOUR + 30 * SECOND, again) == [("first", [("ACME", F)])]


def test_pending_again_before_the_resolve_was_told_is_resolved() -> None:
    """The episode that the receiver knows is over, whatever comes."""
    desk = told(alert())
    assert desk.sent(T0 + 10 * MINUTE, alert(state=P)) == [("resolved", [("ACME", D)])]


def test_recovering_counts_as_firing() -> None:
    """The receiver hears of the resolve, not of the doubt before it."""
    desk = told(alert())
    assert desk.sent(T0 + 10 * MINUTE, alert(state=R)) == []
    assert desk.sent(T0 + 5 * HOUR, alert(state=R)) == [("repeat", [("ACME", R)])]


def test_flapping_within_the_group_interval_says_nothing() -> None:
    """As in Alertmanager: the receiver is told what differs from what it knows."""
    desk = told(alert())
    assert desk.sent(T0 + 2 * MINUTE, alert(state=D)) == []
    assert desk.sent(T0 + 6 * MINUTE, alert(at=T0 + 3 * MINUTE)) == []


def test_receiver_that_wants_no_resolves_gets_none() -> None:
    """But the next episode is told it, and nothing waits in between."""
    desk = told(alert(), send_resolved=False)
    at = T0 + 10 * MINUTE
    assert desk.sent(at, alert(state=D)) == []
    assert not desk.plan(at, alert(state=D)).is_open
    again = alert(at=T0 + HOUR)
    assert desk.sent(T0 + HOUR, again) == []
    assert desk.sent(T0 + HOUR + MINUTE, again) == [("first", [("ACME", F)])]


def test_silenced_alert_is_told_when_the_silence_ends() -> None:
    """It is still firing then."""
    desk = Desk(silences=(silence(QUIET_ACME),))
    for minutes in (0, 1, 59):
        assert desk.sent(T0 + minutes * MINUTE, alert()) == []
    sent = [desk.sent(T0 + HOUR + minutes * MINUTE, alert()) for minutes in (0, 1, 2)]
    assert sent == [[], [("first", [("ACME", F)])], []]


def test_silence_does_not_resolve_what_was_told() -> None:
    """A silenced alert is neither repeated nor called over; a resolve under the silence is told after it."""
    told_before = alert(at=T0 - HOUR)
    desk = Desk(silences=(silence(QUIET_ACME, length=8 * HOUR),))
    desk.plan(T0 - HOUR, told_before)
    assert desk.sent(T0 - HOUR + MINUTE, told_before) == [("first", [("ACME", F)])]
    assert desk.sent(T0 + 5 * HOUR, told_before) == []
    assert desk.sent(T0 + 6 * HOUR, alert(state=D)) == []
    assert desk.sent(T0 + 8 * HOUR, alert(state=D)) == [("resolved", [("ACME", D)])]


def test_silence_hides_one_alert_of_a_group() -> None:
    """The others of the group are told without it."""
    desk = Desk(group_by=["alertname"], group_wait="0s", silences=(silence(QUIET_ACME),))
    assert desk.sent(T0, alert(), alert("GLOBEX")) == [("first", [("GLOBEX", F)])]


def test_each_receiver_of_an_alert_has_its_own_group() -> None:
    """With `continue`, two receivers are told, each at its own pace."""
    pager = {"receiver": "pager", "group_wait": "0s", "continue": True}
    desk = Desk(routes=[pager, {"receiver": "mail"}])
    assert [n.receiver for n in desk.notifications(T0, alert())] == ["pager"]
    assert [n.receiver for n in desk.notifications(T0 + MINUTE, alert())] == ["mail"]


def test_without_a_receiver_nothing_is_sent() -> None:
    """Alerts may be looked at only."""
    desk = Desk(receiver=None)
    assert desk.sent(T0 + HOUR, alert()) == []
    assert desk.groups == {}


def test_group_of_a_route_that_is_gone_is_forgotten() -> None:
    """A changed configuration leaves nothing that waits for ever."""
    desk = told(alert())
    desk.route = build_route(RouteSettings.model_validate({"receiver": "pager"}))
    desk.plan(T0 + HOUR, alert())
    assert [g.firing for g in desk.groups.values() if g.receiver == "mail"] == [()]
    assert [n.receiver for n in desk.notifications(T0 + 2 * HOUR, alert())] == ["pager"]
    del desk.send_resolved["pager"]
    assert not desk.plan(T0 + 3 * HOUR, alert(state=D)).is_open


def test_ids_are_stable_and_unique() -> None:
    """The same message has the same id, a later one another."""
    ids = [told(alert()).notifications(T0 + delay, alert())[0].id for delay in (5 * HOUR, 5 * HOUR, 6 * HOUR)]
    assert ids[0] == ids[1] != ids[2]


def test_restart_changes_nothing() -> None:
    """The plan depends on what is passed in alone: planned twice, it is the same."""
    desk = told(alert())
    arguments: dict[str, Any] = {"silences": (), "route": desk.route, "send_resolved": desk.send_resolved}
    twice = [plan(T0 + 5 * HOUR, [alert()], dict(desk.groups), **arguments) for _ in range(2)]
    assert twice[0] == twice[1]
