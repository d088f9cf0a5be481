"""kill -9 of the alert stage: every alert is told, once, or again under the same id where the answer was lost."""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from random import Random

import pytest

from monitor.demo.webhook_receiver import Answer, Hook, WebhookReceiver
from tests.faults.crew import Crew, crew
from tests.faults.sizes import SEED, SIZES, TIMEOUT_S, in_worlds, report
from tests.faults.world import World
from tests.integration.waiting import wait_for

pytestmark = pytest.mark.timeout(TIMEOUT_S)

STORIES = 4
COUNTING = ("ingest", "classify", "aggregate")
RULE = {
    "name": "many", "method": "threshold", "sensitivity": 3, "windows": ["1h"], "keep_firing_for": "12h",
    "gates": {"min_count": 3, "min_ratio": 1, "min_sources": 1, "min_coverage": 0},
    "baseline": {"min_history": "0s"}, "no_data_after": "0s",
}  # fmt: skip


def alerting(world: World, url: str) -> World:
    """The world with a rule that fires at three stories, and one receiver."""
    tickers = [f"T{number:03d}" for number in range(SIZES.alerts)]
    return replace(
        world,
        more={
            "watchlist": {"entities": [{"ticker": ticker, "name": f"Firm {ticker}"} for ticker in tickers]},
            "aggregate": {"bucket": "1s", "guard": {"domain_stories": 0}},
            "alerting": {
                "evaluate_every": "1s",
                "rules": [RULE],
                "receivers": [{"type": "webhook", "name": "desk", "url": url}],
                "route": {"receiver": "desk", "group_by": ["entity"], "group_wait": "0s", "group_interval": "1s"},
            },
        },
    )


def feed(world: World, number: int) -> None:
    """Bad news of one firm, published now."""
    now, random = datetime.now(UTC).isoformat(), Random(number)
    with world.input.open("a") as file:
        for story in range(STORIES):
            words = " ".join("".join(random.choices("abcdefghijklmnop", k=6)) for _ in range(12))
            sent = {"id": f"n{number}-{story}", "published_at": now, "lang": "en", "entities": [f"T{number:03d}"]}
            file.write(json.dumps({**sent, "text": f"{words} negative"}) + "\n")


def storm(world: World, workers: Crew, received: Sequence[Hook]) -> int:
    """Bad news of one firm after the other; now and then an alert worker is killed, right when something came in."""
    random, kills = Random(SEED), 0
    for number in range(SIZES.alerts):
        feed(world, number)
        before = len(received)
        deadline = time.monotonic() + 10.0
        while len(received) == before and time.monotonic() < deadline:
            time.sleep(0.01)
        if number % SIZES.alerts_a_kill == 0:
            time.sleep(random.uniform(0.0, 0.3))
            victim = random.choice(workers.of("alert"))
            victim.kill()
            victim.start()
            kills += 1
    return kills


@in_worlds("servers")
def test_killed_alert_workers_tell_every_alert_and_none_as_two(world: World) -> None:
    """States and outbox are one transaction; an id names one message for ever."""
    with WebhookReceiver() as receiver:
        # So that kills fall between message and answer.
        receiver.answers.extend([Answer(hang_s=0.3)] * 20 * SIZES.alerts)
        world = alerting(world, receiver.url)
        world.write_config()
        with crew(world.config, (*COUNTING, "alert", "alert")) as workers:
            wait_for(lambda: world.is_counting, seconds=SIZES.wait_s)
            kills = storm(world, workers, receiver.hooks)
            wait_for(lambda: told(receiver).keys() >= firms(), seconds=SIZES.wait_s)
            wait_for(lambda: waiting(world) == 0, seconds=SIZES.wait_s)
    messages = defaultdict(set)
    for hook in receiver.hooks:
        messages[hook.headers["webhook-id"]].add(hook.raw)
    repeats = len(receiver.hooks) - len(messages)
    report(
        f"{kills} kills of alert workers", f"{SIZES.alerts} alerts in {len(messages)} messages, {repeats} sent again"
    )
    assert all(len(bodies) == 1 for bodies in messages.values()), "an id means one message"
    assert told(receiver) == Counter(firms()), "each alert in one message"
    assert repeats <= kills, "sent again only where a worker died over the answer"


def firms() -> set[str]:
    """Every firm with bad news."""
    return {f"T{number:03d}" for number in range(SIZES.alerts)}


def told(receiver: WebhookReceiver) -> Counter[str]:
    """How many different messages name each firm."""
    messages = {hook.headers["webhook-id"]: hook.json for hook in list(receiver.hooks)}
    return Counter(alert["labels"]["entity"] for body in messages.values() for alert in body["alerts"])


def waiting(world: World) -> int:
    """Notifications that wait in the outbox."""
    with world.store() as store:
        return store.outbox_size()
