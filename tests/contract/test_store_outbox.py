"""The outbox: what waits is delivered by one process at a time, until it is done or superseded."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime

from monitor.domain import DeliveryAttempt, OutboxItem
from monitor.store import Store
from tests.contract.test_store_alerts import notification, tick
from tests.fixtures.stores import MINUTE, T0


def attempt(name: str, number: int = 1, *, at: datetime = T0, outcome: str = "delivered") -> DeliveryAttempt:
    """One attempt."""
    return DeliveryAttempt(
        notification_id=name, receiver="mail", attempt=number, at=at, outcome=outcome, detail="250 OK", took_s=0.25
    )


def claim(store: Store, *, now: datetime = T0, owner: str = "a", limit: int = 9) -> list[str]:
    """Ids claimed."""
    items = store.claim_due(now=now, owner=owner, hold=MINUTE, limit=limit)
    return [item.notification.id for item in items]


def test_notification_waits_until_it_is_claimed_and_delivered(store: Store) -> None:
    """Delivered once, logged once."""
    sent = notification("n1")
    store.store_tick(tick(sent))

    assert store.claim_due(now=T0, owner="a", hold=MINUTE, limit=9) == [OutboxItem(notification=sent, attempts=0)]
    assert store.outbox_size() == 1
    store.record_attempt(attempt("n1"), next_attempt_at=None)

    assert store.outbox_size() == 0
    assert claim(store, now=T0 + 5 * MINUTE) == []
    assert store.deliveries() == [attempt("n1")]


def test_claimed_item_is_left_alone_until_its_hold_runs_out(store: Store) -> None:
    """A killed deliverer's items are taken over."""
    store.store_tick(tick(notification("n1")))

    assert claim(store, owner="a") == ["n1"]
    assert claim(store, owner="b") == []
    assert claim(store, owner="b", now=T0 + MINUTE) == ["n1"]


def test_failed_attempt_is_due_again_later(store: Store) -> None:
    """Back-off survives a restart, with the number of attempts."""
    store.store_tick(tick(notification("n1")))
    claim(store)
    store.record_attempt(attempt("n1", outcome="retry"), next_attempt_at=T0 + 2 * MINUTE)

    assert claim(store, now=T0 + MINUTE) == []
    [item] = store.claim_due(now=T0 + 2 * MINUTE, owner="b", hold=MINUTE, limit=1)
    assert item.attempts == 1


def test_newer_notification_supersedes_what_waits_for_the_group(store: Store) -> None:
    """A receiver that was away hears the present state, not the history; the log says what happened to the others."""
    store.store_tick(tick(notification("n1")))
    store.store_tick(tick(notification("other", receiver="hook"), notification("apart", group="g2")))
    store.store_tick(tick(notification("n2", T0 + MINUTE)))

    assert claim(store, now=T0 + MINUTE) == ["apart", "other", "n2"]
    [logged] = store.deliveries()
    assert (logged.notification_id, logged.outcome, logged.attempt) == ("n1", "superseded", 1)


def test_attempt_under_way_does_not_revive_what_was_superseded(store: Store) -> None:
    """It failed meanwhile: the newer one goes out, not both."""
    store.store_tick(tick(notification("n1")))
    claim(store)
    store.store_tick(tick(notification("n2", T0 + MINUTE)))
    store.record_attempt(attempt("n1", at=T0 + 2 * MINUTE, outcome="retry"), next_attempt_at=T0 + 3 * MINUTE)

    assert claim(store, now=T0 + 9 * MINUTE) == ["n2"]
    assert [d.outcome for d in store.deliveries()] == ["retry", "superseded"]
    assert len(store.deliveries(limit=1)) == 1


def test_deliverers_at_once_share_the_items(store: Store) -> None:
    """Each item goes to one of them."""
    store.store_tick(tick(*(notification(f"n{n}", group=f"g{n}") for n in range(40))))
    claimed: list[str] = []

    def deliver(owner: str) -> None:
        while mine := claim(store, owner=owner, limit=3):
            claimed.extend(mine)

    threads = [threading.Thread(target=deliver, args=(str(n),)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(claimed) == len(set(claimed))
    claimed += claim(store)
    assert sorted(claimed) == sorted(f"n{n}" for n in range(40))


def test_detail_is_cut_and_harmless(store: Store) -> None:
    """What the other side says may be anything."""
    said = replace(attempt("n1"), detail="\0" + "x" * 9000)
    store.record_attempt(said, next_attempt_at=None)

    [logged] = store.deliveries()
    assert len(logged.detail) == 500
