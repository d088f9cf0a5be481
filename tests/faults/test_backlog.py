"""A classifier that is away while bad news come: the alert comes late, at its place in time, and not before."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from monitor.app.clock import utc_now
from monitor.demo.webhook_receiver import WebhookReceiver
from monitor.domain import AlertState
from tests.faults.crew import Worker, crew
from tests.faults.sizes import SIZES, TIMEOUT_S, in_worlds, report
from tests.faults.test_alert_kills import RULE, alerting, feed
from tests.faults.world import World
from tests.integration.waiting import wait_for

pytestmark = pytest.mark.timeout(TIMEOUT_S)

WINDOW_S = 4
SECOND = timedelta(seconds=1)


def watched(world: World, url: str) -> World:
    """A rule whose window is over long before what came in it is counted."""
    made = alerting(world, url)
    rule = {**RULE, "windows": [f"{WINDOW_S}s"], "keep_firing_for": "0s"}
    changes = {"rules": [rule], "tolerated_backlog": "2s"}
    return replace(made, more={**made.more, "alerting": {**made.more["alerting"], **changes}})  # type: ignore[dict-item]


@in_worlds("servers")
def test_an_alert_comes_late_and_at_its_place_in_time(world: World) -> None:
    """Without waiting, the window of each tick would have been empty, and then over."""
    with WebhookReceiver() as receiver:
        world = watched(world, receiver.url)
        world.write_config()
        with crew(world.config, ("ingest", "aggregate", "alert")) as workers:
            wait_for(lambda: world.is_counting, seconds=SIZES.wait_s)
            wait_for(lambda: counted_until(world) is not None, seconds=SIZES.wait_s)
            calm(world)  # the first that waits: from here on nothing is judged, however late the source is looked at
            wait_for(lambda: on_the_bus(world) == 1, seconds=SIZES.wait_s)
            told_at = utc_now()
            feed(world, 0)
            wait_for(lambda: on_the_bus(world) > 1, seconds=SIZES.wait_s)
            time.sleep(2 * WINDOW_S)
            assert receiver.hooks == [], "nobody can know yet"
            late = Worker("classify", len(workers.workers), world.config)
            workers.workers.append(late)
            late.start()
            wait_for(lambda: len(receiver.hooks) >= 2, seconds=SIZES.wait_s)
        alerts = [alert for hook in receiver.hooks for alert in hook.json["alerts"]]
        seen = {(alert["labels"]["entity"], alert["status"]) for alert in alerts}
        assert seen == {("T000", "firing"), ("T000", "resolved")}
    fired_at, resolved_at = transitions(world)
    report("a classifier away during bad news", f"told of {(utc_now() - fired_at).total_seconds():.0f} s later")
    assert told_at < fired_at <= told_at + (WINDOW_S + 2) * SECOND, "a source that is asked every second"
    assert fired_at < resolved_at <= fired_at + (WINDOW_S + 2) * SECOND


def calm(world: World) -> None:
    """One piece of good news of another firm."""
    sent = {"id": "calm", "published_at": utc_now().isoformat(), "lang": "en", "entities": ["T001"]}
    with world.input.open("a") as file:
        file.write(json.dumps({**sent, "text": "all is well and will be positive"}) + "\n")


def counted_until(world: World) -> datetime | None:
    """As the aggregate stage noted it."""
    with world.store() as store:
        return store.counted_until()


def on_the_bus(world: World) -> int:
    """Documents that came through the door."""
    with world.broker() as broker:
        return sum(broker.end_offsets([world.topics.documents]).values())


def transitions(world: World) -> tuple[datetime, datetime]:
    """When the alert began to fire, and when it ended; there is but one."""
    with world.store() as store:
        found = sorted((each.at, each.after) for each in store.transitions())
    [(fired_at, fired), (resolved_at, resolved)] = found
    assert (fired, resolved) == (AlertState.FIRING, AlertState.RESOLVED)
    return fired_at, resolved_at
