"""The outbox: what waits is delivered by one process at a time, until it is done or superseded.

The contract holds of the store over each database, and of the outbox in memory that the tests of delivery use.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from monitor.domain import DeliveryAttempt, Notification, OutboxItem
from monitor.store import Store
from tests.contract.test_store_alerts import notification, tick
from tests.fixtures.outbox import MemoryOutbox
from tests.fixtures.stores import MINUTE, T0, opened_store

Outbox = Store | MemoryOutbox


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def outbox(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Outbox]:
    """An empty one of each kind."""
    if request.param == "memory":
        yield MemoryOutbox()
        return
    url = request.getfixturevalue("postgres") if request.param == "postgres" else f"sqlite:///{tmp_path / 'o.db'}"
    with closing(opened_store(str(url))) as opened:
        yield opened


def put(outbox: Outbox, *notifications: Notification) -> None:
    """As one evaluation does it."""
    if isinstance(outbox, MemoryOutbox):
        outbox.put(*notifications)
    else:
        outbox.store_tick(tick(*notifications))


def attempt(name: str, number: int = 1, *, at: datetime = T0, outcome: str = "delivered") -> DeliveryAttempt:
    """One attempt."""
    return DeliveryAttempt(
        notification_id=name, receiver="mail", attempt=number, at=at, outcome=outcome, detail="250 OK", took_s=0.25
    )


def claim(outbox: Outbox, *, now: datetime = T0, owner: str = "a", limit: int = 9) -> list[str]:
    """Ids claimed."""
    items = outbox.claim_due(now=now, owner=owner, hold=MINUTE, limit=limit)
    return [item.notification.id for item in items]


def test_notification_waits_until_it_is_claimed_and_delivered(outbox: Outbox) -> None:
    """Delivered once, logged once."""
    sent = notification("n1")
    put(outbox, sent)

    assert outbox.claim_due(now=T0, owner="a", hold=MINUTE, limit=9) == [OutboxItem(notification=sent, attempts=0)]
    assert outbox.outbox_size() == 1
    outbox.record_attempt(attempt("n1"), next_attempt_at=None)

    assert outbox.outbox_size() == 0
    assert claim(outbox, now=T0 + 5 * MINUTE) == []
    assert outbox.deliveries() == [attempt("n1")]


def test_claimed_item_is_left_alone_until_its_hold_runs_out(outbox: Outbox) -> None:
    """A killed deliverer's items are taken over."""
    put(outbox, notification("n1"))

    assert claim(outbox, owner="a") == ["n1"]
    assert claim(outbox, owner="b") == []
    assert claim(outbox, owner="b", now=T0 + MINUTE) == ["n1"]


def test_a_claim_is_kept_for_as_long_as_its_owner_renews_it(outbox: Outbox) -> None:
    """Nobody sends what a living worker has in hand; one that is late renews it still, when nobody came before."""
    put(outbox, notification("n1"), notification("n2", group="g2"))
    claim(outbox, owner="a", limit=1)
    claim(outbox, owner="b", limit=1)

    assert outbox.renew_claims(["n1", "n2", "n3"], owner="a", until=T0 + 2 * MINUTE) == {"n1"}
    assert claim(outbox, owner="b", now=T0 + MINUTE) == ["n2"]
    assert outbox.renew_claims(["n1"], owner="a", until=T0 + 9 * MINUTE) == {"n1"}
    assert claim(outbox, owner="b", now=T0 + 5 * MINUTE) == ["n2"]


def test_what_was_taken_over_or_superseded_or_sent_is_not_renewed(outbox: Outbox) -> None:
    """So that its first owner lets it go."""
    put(outbox, *(notification(f"n{n}", group=f"g{n}") for n in range(3)))
    claim(outbox, owner="a")
    outbox.record_attempt(attempt("n0"), next_attempt_at=None)
    put(outbox, notification("n3", T0 + MINUTE, group="g1"))
    assert claim(outbox, owner="b", now=T0 + MINUTE) == ["n2", "n3"]

    assert outbox.renew_claims([f"n{n}" for n in range(4)], owner="a", until=T0 + 2 * MINUTE) == frozenset()


def test_failed_attempt_is_due_again_later(outbox: Outbox) -> None:
    """Back-off survives a restart, with the number of attempts."""
    put(outbox, notification("n1"))
    claim(outbox)
    outbox.record_attempt(attempt("n1", outcome="retry"), next_attempt_at=T0 + 2 * MINUTE)

    assert claim(outbox, now=T0 + MINUTE) == []
    [item] = outbox.claim_due(now=T0 + 2 * MINUTE, owner="b", hold=MINUTE, limit=1)
    assert item.attempts == 1


def test_newer_notification_supersedes_what_waits_for_the_group(outbox: Outbox) -> None:
    """A receiver that was away hears the present state, not the history; the log says what happened to the others."""
    put(outbox, notification("n1"))
    put(outbox, notification("other", receiver="hook"), notification("apart", group="g2"))
    put(outbox, notification("n2", T0 + MINUTE))

    assert claim(outbox, now=T0 + MINUTE) == ["apart", "other", "n2"]
    [logged] = outbox.deliveries()
    assert (logged.notification_id, logged.outcome, logged.attempt) == ("n1", "superseded", 1)


def test_attempt_under_way_does_not_revive_what_was_superseded(outbox: Outbox) -> None:
    """It failed meanwhile: the newer one goes out, not both."""
    put(outbox, notification("n1"))
    claim(outbox)
    put(outbox, notification("n2", T0 + MINUTE))
    outbox.record_attempt(attempt("n1", at=T0 + 2 * MINUTE, outcome="retry"), next_attempt_at=T0 + 3 * MINUTE)

    assert claim(outbox, now=T0 + 9 * MINUTE) == ["n2"]
    assert [d.outcome for d in outbox.deliveries()] == ["retry", "superseded"]
    assert len(outbox.deliveries(limit=1)) == 1


def test_deliverers_at_once_share_the_items(outbox: Outbox) -> None:
    """Each item goes to one of them."""
    put(outbox, *(notification(f"n{n}", group=f"g{n}") for n in range(40)))
    claimed: list[str] = []

    def deliver(owner: str) -> None:
        while mine := claim(outbox, owner=owner, limit=3):
            claimed.extend(mine)

    threads = [threading.Thread(target=deliver, args=(str(n),)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(claimed) == len(set(claimed))
    claimed += claim(outbox)
    assert sorted(claimed) == sorted(f"n{n}" for n in range(40))


def test_detail_is_cut_and_harmless(outbox: Outbox) -> None:
    """What the other side says may be anything."""
    said = replace(attempt("n1"), detail="\0" + "x" * 9000)
    outbox.record_attempt(said, next_attempt_at=None)

    [logged] = outbox.deliveries()
    assert len(logged.detail) == 500
