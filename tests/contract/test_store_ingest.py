"""What ingest remembers: leases, source states, published ids."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

from monitor.ports import SourceState
from monitor.store import Store
from tests.fixtures.stores import MINUTE, T0


def test_lease_is_held_by_one(store: Store) -> None:
    """A source is polled by one worker at a time."""
    assert store.acquire_lease("feed", owner="a", now=T0, ttl=MINUTE)
    assert not store.acquire_lease("feed", owner="b", now=T0 + MINUTE / 2, ttl=MINUTE)
    assert store.acquire_lease("feed", owner="a", now=T0 + MINUTE / 2, ttl=MINUTE)
    assert not store.acquire_lease("feed", owner="b", now=T0 + MINUTE, ttl=MINUTE)
    assert store.acquire_lease("other", owner="b", now=T0, ttl=MINUTE)


def test_lease_of_a_silent_owner_is_taken_over(store: Store) -> None:
    """The owner may have been killed."""
    assert store.acquire_lease("feed", owner="a", now=T0, ttl=MINUTE)
    assert store.acquire_lease("feed", owner="b", now=T0 + MINUTE, ttl=MINUTE)
    assert not store.acquire_lease("feed", owner="a", now=T0 + MINUTE, ttl=MINUTE)


def test_lease_is_released_by_its_owner_alone(store: Store) -> None:
    """A worker that lost its lease must not free the new owner's."""
    store.acquire_lease("feed", owner="a", now=T0, ttl=MINUTE)
    store.release_lease("feed", owner="b")
    assert not store.acquire_lease("feed", owner="b", now=T0, ttl=MINUTE)
    store.release_lease("feed", owner="a")
    assert store.acquire_lease("feed", owner="b", now=T0, ttl=MINUTE)


def test_of_many_that_want_a_lease_at_once_one_gets_it(store: Store) -> None:
    """New and run out alike."""
    for turn in range(5):
        got: list[str] = []

        def want(owner: str, turn: int = turn, got: list[str] = got) -> None:
            if store.acquire_lease("feed", owner=f"{owner}-{turn}", now=T0 + turn * MINUTE, ttl=MINUTE):
                got.append(owner)

        threads = [threading.Thread(target=want, args=(str(n),)) for n in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(got) == 1


def test_source_state_survives_as_it_was(store: Store) -> None:
    """Conditional requests and back-off go on after a restart."""
    state = SourceState(
        source="feed",
        etag='W/"x"',
        last_modified="Mon, 02 Mar 2026 09:00:00 GMT",
        cursor="17",
        next_poll_at=T0 + timedelta(microseconds=1),
        failures=3,
        last_success_at=T0,
        last_error="HTTP 503",
    )
    store.save_source_state(SourceState(source="zeta"))
    store.save_source_state(state)
    store.save_source_state(replace(state, failures=4))

    assert store.source_state("feed") == replace(state, failures=4)
    assert store.source_state("new") == SourceState(source="new")
    assert [s.source for s in store.source_states()] == ["feed", "zeta"]


def test_published_ids_are_known_again(store: Store) -> None:
    """An already seen id is not published again; marking it twice is harmless."""
    ids = [f"id-{n}" for n in range(3000)] + ["🚀'"]
    assert store.unseen([]) == set()
    store.mark_seen(ids, at=T0)
    store.mark_seen(ids[:10], at=T0 + MINUTE)

    assert store.unseen([*ids, "new"]) == {"new"}


def test_ids_are_forgotten_after_their_time(store: Store) -> None:
    """More than one piece of deletion, and not one row too many."""
    store.mark_seen([*(f"old-{n}" for n in range(5001)), "met-again"], at=T0)
    store.mark_seen(["met-again"], at=T0 + MINUTE)
    store.mark_seen(["young", "kept"], at=T0 + MINUTE)
    store.mark_seen(["kept"], at=T0)

    deleted = store.forget_before(evidence=T0, buckets=T0, seen=T0 + MINUTE)

    assert deleted["seen_documents"] == 5001
    assert store.unseen(["old-0", "young", "met-again", "kept"]) == {"old-0"}
